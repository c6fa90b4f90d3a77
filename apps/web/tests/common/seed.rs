//! Two customers, each with one issued bill; Anna's was sent by mail.

use std::path::Path;

use jiff::{SignedDuration, Timestamp, civil::date};
use kvit_billing::{
    BillKind, BillNumber, BillOrder, Cents, ChunkNo, Currency, Customer, DeliveryId, Language,
    OrderSeq, Period, RunId, Secret, Series,
    code::{InstanceKey, TokenPurpose},
};
use kvit_store::{
    BillRecord, Channel, ChunkResult, NewDelivery, NewRun, PackRecord, Release, RunTotals, Store,
};
use serde_json::json;

pub(crate) const ANNA: &str = "1000001";
pub(crate) const BORIS: &str = "1000002";

pub(crate) fn first_bill() -> BillNumber {
    BillNumber::new(1).expect("in range")
}

fn order(account: &str, cents: i64) -> BillOrder {
    serde_json::from_value(json!({
        "account": account, "period": { "from": "2026-10-01", "to": "2026-10-31" },
        "tax_event_date": "2026-10-31", "due_date": "2026-12-05", "lines": [], "vat": [],
        "totals": { "net": cents, "vat": 0, "gross": cents, "to_pay": cents }
    }))
    .expect("an order")
}

fn customer(number: &str, name: &str) -> Customer {
    serde_json::from_value(json!({
        "number": number, "name": name, "address": { "city": "София" }
    }))
    .expect("a customer")
}

/// A store in `folder` whose one run went all the way.
pub(crate) async fn store(folder: &Path, key: &InstanceKey) -> Store {
    let url = format!("sqlite://{}", folder.join("kvit.db").display());
    let store = Store::open(&url).await.expect("a store");
    let at: Timestamp = "2026-11-16T06:00:00Z".parse().expect("a time");
    let id: RunId = "2026-10-a1".parse().expect("a run id");
    let series: Series = "main".parse().expect("a series");
    let orders = [order(ANNA, 8420), order(BORIS, 5610)];
    let run = NewRun {
        id: id.clone(),
        system: "test".into(),
        external_id: "2026-10".into(),
        period: Period::month_of(date(2026, 10, 1)),
        currency: Currency::EUR,
        seller: "200000004".into(),
        file_name: "run.ndjson".into(),
        imported_by: "ivan".into(),
        imported_at: at,
    };
    store.begin_run(&run).await.expect("a run");
    let customers = [customer(ANNA, "Анна"), customer(BORIS, "Борис")];
    store.upsert_customers(&customers).await.expect("customers");
    store
        .stage_chunk(&id, ChunkNo(0), OrderSeq(0), &orders)
        .await
        .expect("a chunk");
    let totals = RunTotals {
        orders: 2,
        chunks: 1,
        sum_cents: Cents::new(14_030),
    };
    store
        .accept_run(&id, &totals, &json!({}), at)
        .await
        .expect("accepted");
    let release = Release {
        by: "maria".into(),
        at,
        series: series.clone(),
        first_if_new: first_bill(),
    };
    store.release_run(&id, &release).await.expect("released");
    issue(&store, key, &id, &series, &orders, at).await;
    store
}

async fn issue(
    store: &Store,
    key: &InstanceKey,
    run: &RunId,
    series: &Series,
    orders: &[BillOrder],
    at: Timestamp,
) {
    let lease = at + SignedDuration::from_mins(5);
    let job = store
        .claim_chunk(Some(run), "test", at, lease)
        .await
        .expect("a store")
        .expect("a chunk to issue");
    let bills: Vec<BillRecord> = orders
        .iter()
        .zip(0_u64..)
        .map(|(order, seq)| BillRecord {
            number: job.first_number.plus(seq).expect("in range"),
            series: series.clone(),
            run: run.clone(),
            seq: OrderSeq(seq),
            chunk: job.no,
            account: order.account.clone(),
            kind: BillKind::Invoice,
            issue_date: date(2026, 11, 16),
            period: order.period,
            due_date: order.due_date,
            gross: order.totals.gross,
            to_pay: order.totals.to_pay,
            currency: Currency::EUR,
            language: Language::Bg,
            pack: "2026-10-a1/00000.zip".into(),
            offset: seq * 100,
            length: 100,
            sha256: [0xc5; 32],
            corrects: None,
        })
        .collect();
    let id = DeliveryId::of(first_bill(), 1);
    let token = key.token(TokenPurpose::Receipt, &id.to_string()).hash();
    let deliveries = vec![NewDelivery {
        id,
        bill: first_bill(),
        account: super::number(ANNA),
        channel: Channel::Email,
        email: Some(Secret::new("anna@primer.bg".into())),
        language: Language::Bg,
        due_at: at,
        token: Some(token),
    }];
    let result = ChunkResult {
        run: run.clone(),
        no: job.no,
        claim: job.claim,
        worker: "test".into(),
        pack: PackRecord {
            object: "2026-10-a1/00000.zip".into(),
            sha256: [0; 32],
            length: 200,
        },
        bills,
        deliveries,
        at,
    };
    store.finish_chunk(&result).await.expect("issued");
}
