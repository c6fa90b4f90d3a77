//! A small world to check the store in.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, civil::Date};
use kvit_billing::{
    BillNumber, BillOrder, Cents, ChunkNo, Currency, CustomerNumber, DeliveryId, Language,
    OrderSeq, Period, RunId, Secret, code::TokenHash,
};
use kvit_store::{
    BillRecord, Channel, ChunkJob, ChunkResult, LayoutFiles, NewDelivery, NewRun, PackRecord,
    Release, Released, RunTotals, Store,
};
use serde_json::json;

/// So many seconds after the world began.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_790_000_000 + seconds)
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

pub(crate) fn run_id(text: &str) -> RunId {
    text.parse().expect("a run id")
}

pub(crate) fn account(n: u64) -> CustomerNumber {
    format!("{n:07}").parse().expect("a customer number")
}

pub(crate) fn number(n: u64) -> BillNumber {
    BillNumber::new(n).expect("a bill number")
}

pub(crate) fn euro() -> Currency {
    "EUR".parse().expect("a currency")
}

pub(crate) fn october() -> Period {
    Period::month_of(day("2026-10-01"))
}

/// The hash of a token, one for each `n`.
pub(crate) fn token(n: u64) -> TokenHash {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&n.to_be_bytes());
    TokenHash(hash)
}

pub(crate) fn order(account: &CustomerNumber, version: u32) -> BillOrder {
    serde_json::from_value(json!({
        "account": account,
        "period": october(),
        "version": version,
        "tax_event_date": "2026-10-31",
        "due_date": "2026-11-25",
        "lines": [],
        "vat": [],
        "totals": {"net": 1000, "vat": 200, "gross": 1200, "to_pay": 1200},
    }))
    .expect("an order")
}

pub(crate) fn new_run(id: &str) -> NewRun {
    NewRun {
        id: run_id(id),
        system: "billing".to_owned(),
        external_id: id.to_owned(),
        period: october(),
        currency: euro(),
        seller: "000000000".to_owned(),
        file_name: format!("{id}.ndjson"),
        imported_by: "ana".to_owned(),
        imported_at: at(0),
    }
}

/// An order of every customer from `first` on, in chunks; still `importing`.
pub(crate) async fn staged(store: &Store, id: &str, first: u64, orders: u64, chunks: u64) {
    store.begin_run(&new_run(id)).await.expect("a new run");
    let size = orders.div_ceil(chunks);
    for chunk in 0..chunks {
        let seqs = chunk * size..orders.min((chunk + 1) * size);
        let orders: Vec<_> = seqs
            .clone()
            .map(|seq| order(&account(first + seq), 1))
            .collect();
        let no = ChunkNo(u32::try_from(chunk).expect("few chunks"));
        store
            .stage_chunk(&run_id(id), at(0), no, OrderSeq(seqs.start), &orders)
            .await
            .expect("a staged chunk");
    }
}

pub(crate) fn totals(orders: u64, chunks: u64) -> RunTotals {
    RunTotals {
        orders,
        chunks: u32::try_from(chunks).expect("few chunks"),
        sum_cents: Cents::new(1200 * orders.cast_signed()),
    }
}

/// A run waiting for release; its customers start at 1.
pub(crate) async fn checked(store: &Store, id: &str, orders: u64, chunks: u64) {
    checked_from(store, id, 1, orders, chunks).await;
}

pub(crate) async fn checked_from(store: &Store, id: &str, first: u64, orders: u64, chunks: u64) {
    staged(store, id, first, orders, chunks).await;
    store
        .accept_run(
            &run_id(id),
            at(0),
            &totals(orders, chunks),
            &json!({"orders": orders}),
            at(1),
        )
        .await
        .expect("an accepted run");
}

/// What came with a program.
pub(crate) fn layout_base(text: &str) -> Arc<LayoutFiles> {
    let files = [("fonts/a.ttf", "letters"), ("prelude.typ", text)];
    let file = |(name, body): (&str, &str)| (name.to_owned(), body.into());
    Arc::new(files.map(file).into())
}

pub(crate) fn release_by(by: &str) -> Release {
    Release {
        by: by.to_owned(),
        who: by.to_owned(),
        at: at(2),
        series: "main".parse().expect("a series"),
        first_if_new: number(100),
        base: layout_base("one"),
    }
}

/// A run with numbers.
pub(crate) async fn released(store: &Store, id: &str, orders: u64, chunks: u64) -> Released {
    checked(store, id, orders, chunks).await;
    store
        .release_run(&run_id(id), &release_by("boris"))
        .await
        .expect("a released run")
}

/// The next chunk, held for a minute.
pub(crate) async fn claimed(store: &Store, worker: &str, now: i64) -> Option<ChunkJob> {
    store
        .claim_chunk(None, worker, at(now), at(now + 60))
        .await
        .expect("a claim")
}

/// What a worker hands in for a chunk: each bill goes by e-mail, but every third by post.
pub(crate) fn result(job: &ChunkJob, worker: &str) -> ChunkResult {
    let object = format!("runs/{}/{}.zip", job.run, job.no);
    let bills: Vec<BillRecord> = (0_u64..)
        .zip(&job.orders)
        .map(|(offset, order)| BillRecord {
            number: job.first_number.plus(offset).expect("a number"),
            series: job.series.clone(),
            run: job.run.clone(),
            seq: OrderSeq(job.first_seq.0 + offset),
            chunk: job.no,
            account: order.account.clone(),
            kind: order.kind,
            issue_date: day("2026-11-01"),
            period: order.period,
            due_date: order.due_date,
            gross: order.totals.gross,
            to_pay: order.totals.to_pay,
            carried_over: order.totals.carried_over,
            currency: euro(),
            language: Language::Bg,
            pack: object.clone(),
            offset: offset * 100,
            length: 100,
            sha256: [9; 32],
            corrects: None,
            consumed: order.consumed(),
        })
        .collect();
    let deliveries = bills
        .iter()
        .map(|bill| {
            let mailed = bill.seq.0 % 3 != 2;
            NewDelivery {
                id: DeliveryId::of(bill.number, 1),
                bill: bill.number,
                account: bill.account.clone(),
                channel: if mailed {
                    Channel::Email
                } else {
                    Channel::Paper
                },
                email: mailed.then(|| Secret::new(format!("{}@example.bg", bill.account))),
                language: Language::Bg,
                due_at: at(3_600),
                token: mailed.then(|| token(bill.number.get())),
            }
        })
        .collect();
    ChunkResult {
        run: job.run.clone(),
        no: job.no,
        claim: job.claim,
        worker: worker.to_owned(),
        copies: Vec::new(),
        closed: Vec::new(),
        no_forms: Default::default(),
        pack: PackRecord {
            object,
            sha256: [1; 32],
            length: 100 * job.orders.len() as u64,
        },
        bills,
        deliveries,
        at: at(10),
    }
}

/// A run of one chunk, issued; its bills are 100 and so on.
pub(crate) async fn issued(store: &Store, id: &str, orders: u64) {
    released(store, id, orders, 1).await;
    let job = claimed(store, "worker", 3).await.expect("a chunk");
    store
        .finish_chunk(&result(&job, "worker"))
        .await
        .expect("a kept chunk");
}
