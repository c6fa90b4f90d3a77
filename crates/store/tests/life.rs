//! The life of a run and of an enrolment, verb by verb, on a real database.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{
    BillKind, BillNumber, BillOrder, Cents, ChunkNo, Currency, CustomerNumber, DeliveryId,
    Language, OrderSeq, Period, RunId, Secret,
    code::{InstanceKey, TokenPurpose},
    order::Totals,
};
use kvit_store::{
    Attempt, AttemptOutcome, BillRecord, Channel, ChunkJob, ChunkResult, Confirm, EnrolmentChannel,
    EnrolmentState, Finish, GuardPolicy, NewDelivery, NewEnrolment, NewProof, NewRun, PackRecord,
    Prove, Release, ReleaseError, RunState, RunTotals, Store, StoreError,
};
use serde_json::json;

const ORDERS_A_CHUNK: u64 = 3;

async fn open() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
    (folder, Store::open(&url).await.expect("a store"))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("a time")
}

fn account(n: u64) -> CustomerNumber {
    format!("10000{n}").parse().expect("a customer number")
}

fn order(n: u64, month: i8) -> BillOrder {
    let day = jiff::civil::date(2026, month, 1);
    BillOrder {
        account: account(n),
        period: Period::month_of(day),
        version: 1,
        kind: BillKind::Invoice,
        corrects: None,
        reference: None,
        customer: None,
        tax_event_date: day,
        due_date: day,
        contract: None,
        supply_points: vec![],
        lines: vec![],
        vat: vec![],
        totals: Totals {
            gross: Cents::new(100),
            ..Totals::default()
        },
        history: None,
        sources: vec![],
        notes: vec![],
    }
}

async fn import(store: &Store, name: &str, month: i8, chunks: u32) -> Result<RunId, StoreError> {
    let id: RunId = name.parse().expect("a run id");
    store
        .begin_run(&NewRun {
            id: id.clone(),
            system: "test".into(),
            external_id: name.into(),
            period: Period::month_of(jiff::civil::date(2026, month, 1)),
            currency: Currency::EUR,
            seller: "BG000000000".into(),
            file_name: "run.ndjson".into(),
            imported_by: "Ana".into(),
            imported_at: at(i64::from(month)),
        })
        .await?;
    for chunk in 0..chunks {
        let first = u64::from(chunk) * ORDERS_A_CHUNK;
        let orders: Vec<_> = (first..first + ORDERS_A_CHUNK)
            .map(|n| order(n, month))
            .collect();
        store
            .stage_chunk(&id, ChunkNo(chunk), OrderSeq(first), &orders)
            .await?;
    }
    let totals = RunTotals {
        orders: u64::from(chunks) * ORDERS_A_CHUNK,
        chunks,
        sum_cents: Cents::new(100 * i64::from(chunks)),
    };
    store.accept_run(&id, &totals, &json!({}), at(20)).await?;
    Ok(id)
}

fn release(by: &str) -> Release {
    Release {
        by: by.into(),
        at: at(100),
        series: "main".parse().expect("a series"),
        first_if_new: BillNumber::new(1).expect("a number"),
    }
}

fn result(job: &ChunkJob, key: &InstanceKey) -> ChunkResult {
    let bills: Vec<BillRecord> = (0_u64..)
        .zip(&job.orders)
        .map(|(offset, order)| BillRecord {
            number: job.first_number.plus(offset).expect("in range"),
            series: job.series.clone(),
            run: job.run.clone(),
            seq: OrderSeq(job.first_seq.0 + offset),
            chunk: job.no,
            account: order.account.clone(),
            kind: order.kind,
            issue_date: order.due_date,
            period: order.period,
            due_date: order.due_date,
            gross: order.totals.gross,
            to_pay: order.totals.gross,
            currency: Currency::EUR,
            language: Language::Bg,
            pack: "pack".into(),
            offset: 0,
            length: 1,
            sha256: [1; 32],
            corrects: None,
        })
        .collect();
    let deliveries = bills
        .iter()
        .map(|bill| {
            let id = DeliveryId::of(bill.number, 1);
            NewDelivery {
                token: Some(key.token(TokenPurpose::Receipt, id.as_str()).hash()),
                id,
                bill: bill.number,
                account: bill.account.clone(),
                channel: Channel::Email,
                email: Some(Secret::new("ana@example.com".into())),
                language: Language::Bg,
                due_at: at(1000),
            }
        })
        .collect();
    ChunkResult {
        run: job.run.clone(),
        no: job.no,
        worker: "w".into(),
        pack: PackRecord {
            object: "pack".into(),
            sha256: [2; 32],
            length: 1,
        },
        bills,
        deliveries,
        at: at(200),
    }
}

#[tokio::test]
async fn a_run_is_released_once_by_a_second_person_with_a_contiguous_range() {
    let (_folder, store) = open().await;
    let first = import(&store, "first", 1, 2).await.expect("imported");
    let second = import(&store, "second", 2, 1).await.expect("imported");
    let same = store.release_run(&first, &release("ana ")).await;
    assert!(matches!(same, Err(ReleaseError::SamePerson(_))));
    let one = store
        .release_run(&first, &release("Boyan"))
        .await
        .expect("released");
    assert_eq!((one.first.get(), one.last.get()), (1, 6));
    let again = store.release_run(&first, &release("Boyan")).await;
    assert!(matches!(
        again,
        Err(ReleaseError::WrongState(_, "released"))
    ));
    let two = store
        .release_run(&second, &release("Boyan"))
        .await
        .expect("released");
    assert_eq!((two.first.get(), two.last.get()), (7, 9));
}

#[tokio::test]
async fn an_order_is_accepted_once_and_a_rejected_run_leaves_only_its_report() {
    let (_folder, store) = open().await;
    import(&store, "first", 1, 1).await.expect("imported");
    assert!(matches!(
        import(&store, "twin", 1, 1).await,
        Err(StoreError::RunState { .. })
    ));
    let twin: RunId = "twin".parse().expect("a run id");
    store
        .reject_run(&twin, &json!({"errors": 1}), at(30))
        .await
        .expect("rejected");
    let record = store.run(&twin).await.expect("read").expect("kept");
    assert_eq!(
        (record.state, record.report),
        (RunState::Rejected, Some(json!({"errors": 1})))
    );
    assert!(store.staged_orders(&twin, ChunkNo(0)).await.is_err());
}

#[tokio::test]
async fn four_workers_claim_each_chunk_exactly_once() {
    let (_folder, store) = open().await;
    let run = import(&store, "first", 1, 12).await.expect("imported");
    store
        .release_run(&run, &release("Boyan"))
        .await
        .expect("released");
    let workers = (0..4).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            let worker = format!("w{n}");
            while let Some(job) = store
                .claim_chunk(None, &worker, at(200), at(300))
                .await
                .expect("claimed")
            {
                mine.push(job.no);
            }
            mine
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.expect("worked"));
    }
    assert_eq!(
        (all.len(), all.iter().collect::<HashSet<_>>().len()),
        (12, 12)
    );
    let late = store
        .claim_chunk(None, "late", at(301), at(400))
        .await
        .expect("asked");
    assert!(late.is_some(), "a lease that ran out frees its chunk");
}

#[tokio::test]
async fn a_chunk_is_kept_once_and_its_mails_survive_a_death() {
    let (_folder, store) = open().await;
    let key = InstanceKey::new(&[3; 32]);
    let run = import(&store, "first", 1, 1).await.expect("imported");
    store
        .release_run(&run, &release("Boyan"))
        .await
        .expect("released");
    let job = store
        .claim_chunk(None, "w", at(200), at(300))
        .await
        .expect("asked")
        .expect("a job");
    let made = result(&job, &key);
    assert_eq!(store.finish_chunk(&made).await.expect("kept"), Finish::Done);
    assert_eq!(
        store.finish_chunk(&made).await.expect("kept"),
        Finish::AlreadyDone
    );
    let mut other = made.clone();
    other.pack.sha256 = [9; 32];
    assert!(matches!(
        store.finish_chunk(&other).await,
        Err(StoreError::ChunkTaken { .. })
    ));
    let record = store.run(&run).await.expect("read").expect("kept");
    assert_eq!(record.state, RunState::Issued);

    let jobs = store
        .claim_deliveries("w", at(201), 2)
        .await
        .expect("claimed");
    assert_eq!(jobs.len(), 2);
    let accepted = Attempt {
        at: at(202),
        outcome: AttemptOutcome::Accepted,
        reply: "250".into(),
    };
    store
        .finish_delivery(&jobs[0].id, &accepted)
        .await
        .expect("recorded");
    let forgotten = store.forget_worker("w", at(203)).await.expect("forgotten");
    assert_eq!((forgotten.chunks, forgotten.deliveries), (0, 1));
    let again = store
        .claim_deliveries("w", at(204), 9)
        .await
        .expect("claimed");
    assert_eq!(again.iter().filter(|job| job.possibly_twice).count(), 1);
    assert_eq!(again.len(), 2);
    let progress = store.run_progress(&run).await.expect("read");
    assert_eq!(
        (progress.bills, progress.mail_sent, progress.mail_queued),
        (3, 1, 2)
    );

    let token = key.token(TokenPurpose::Receipt, jobs[0].id.as_str()).hash();
    let press = || store.confirm_receipt(&token, at(300), json!({}));
    assert!(matches!(
        press().await.expect("asked"),
        Confirm::Confirmed(_)
    ));
    assert!(matches!(press().await.expect("asked"), Confirm::Already(_)));
    let wrong = key.token(TokenPurpose::Verify, "x").hash();
    let unknown = store
        .confirm_receipt(&wrong, at(300), json!({}))
        .await
        .expect("asked");
    assert!(matches!(unknown, Confirm::Unknown));
}

#[tokio::test]
async fn an_address_is_proven_by_its_link_and_replaces_the_earlier_one() {
    let (_folder, store) = open().await;
    let key = InstanceKey::new(&[3; 32]);
    for n in 0..2_u8 {
        let id = format!("{n:032x}").parse().expect("an enrolment id");
        let hash = key
            .token(TokenPurpose::ProveAddress, &format!("{n}"))
            .hash();
        store
            .enrol(&NewEnrolment {
                id,
                account: account(1),
                channel: EnrolmentChannel::Web,
                email: Secret::new(format!("ana{n}@example.com")),
                language: Language::Bg,
                text_version: "1".into(),
                evidence: json!({}),
                at: at(n.into()),
                proof: Some(NewProof {
                    hash,
                    expires: at(100),
                }),
            })
            .await
            .expect("enrolled");
        assert!(matches!(
            store
                .prove_enrolment(&hash, at(10), json!({}))
                .await
                .expect("asked"),
            Prove::Proved(_)
        ));
        assert!(matches!(
            store
                .prove_enrolment(&hash, at(11), json!({}))
                .await
                .expect("asked"),
            Prove::Already(_)
        ));
    }
    let EnrolmentState::Active(active) = store.enrolment_of(&account(1)).await.expect("read")
    else {
        panic!("an active enrolment was expected");
    };
    assert_eq!(active.email.expose(), "ana1@example.com");
    let ended = store
        .end_enrolment(&account(1), at(20), "paper", json!({}))
        .await
        .expect("ended");
    assert!(ended.is_some());
    assert!(matches!(
        store.enrolment_of(&account(1)).await.expect("read"),
        EnrolmentState::None
    ));
}

#[tokio::test]
async fn a_door_closes_after_too_many_wrong_tries_and_opens_again() {
    let (_folder, store) = open().await;
    let policy = GuardPolicy {
        max_fails: 3,
        window_s: 60,
        block_s: 120,
    };
    for n in 0..2 {
        let state = store
            .guard_fail("n", at(n), &policy)
            .await
            .expect("counted");
        assert_eq!(state.blocked_until, None);
    }
    let closed = store
        .guard_fail("n", at(2), &policy)
        .await
        .expect("counted");
    assert_eq!(
        closed.blocked_until,
        Some(at(2) + SignedDuration::from_secs(120))
    );
    assert!(
        store
            .guard("n", at(121))
            .await
            .expect("read")
            .blocked_until
            .is_some()
    );
    assert!(
        store
            .guard("n", at(122))
            .await
            .expect("read")
            .blocked_until
            .is_none()
    );
}
