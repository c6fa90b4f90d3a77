//! Two customers, each with one issued bill (Anna's was sent by mail), and one with a history.

use std::path::Path;

use jiff::{SignedDuration, Span, Timestamp, civil::Date, civil::date, tz::TimeZone};
use kvit_billing::{
    BillKind, BillNumber, BillOrder, Cents, ChunkNo, Currency, Customer, DeliveryId, EnrolmentId,
    Language, OrderSeq, Period, ReaderId, ReminderKind, RunId, Secret,
    code::{InstanceKey, TokenPurpose},
    order::{History, MonthQuantity},
};
use kvit_store::{
    AccountEnd, AddReader, BillRecord, Channel, ChunkResult, EnrolmentChannel, Event, NewCopy,
    NewDelivery, NewEnrolment, NewProof, NewReader, NewReminder, NewRun, NewSession, PackRecord,
    ReaderAsked, ReaderRecord, Release, RunTotals, SessionDoor, Store,
};
use serde_json::json;

pub(crate) const ANNA: &str = "1000001";
pub(crate) const BORIS: &str = "1000002";
/// Has bills of thirty months, one of them a credit note, and gets them by mail.
pub(crate) const MARIA: &str = "1000003";
const HISTORY_MONTHS: i32 = 30;

pub(crate) fn first_bill() -> BillNumber {
    BillNumber::new(1).expect("in range")
}

/// Boris'.
pub(crate) fn second_bill() -> BillNumber {
    BillNumber::new(2).expect("in range")
}

/// The bills of one month, issued on the 16th of the next.
struct Month {
    first: Date,
    issued: Date,
    orders: Vec<BillOrder>,
    kind: BillKind,
    /// Who reads the bills beside their customer.
    reader: Option<ReaderRecord>,
    /// Whether who gets no mail gets paper, or has the bill held.
    paper: bool,
}

impl Month {
    fn new(first: Date, kind: BillKind, sums: &[(&str, i64)]) -> Self {
        let next = first.checked_add(Span::new().months(1)).expect("a date");
        let issued = next.checked_add(Span::new().days(15)).expect("a date");
        let due = issued.checked_add(Span::new().days(19)).expect("a date");
        let period = Period::month_of(first);
        let orders = sums
            .iter()
            .map(|(account, cents)| order(account, period, due, *cents));
        Self {
            first,
            issued,
            orders: orders.collect(),
            kind,
            reader: None,
            paper: false,
        }
    }

    fn at(&self) -> Timestamp {
        let morning = self.issued.at(6, 0, 0, 0).to_zoned_datetime(TimeZone::UTC);
        morning.expect("a time").timestamp()
    }
}

fn order(account: &str, period: Period, due: Date, cents: i64) -> BillOrder {
    serde_json::from_value(json!({
        "account": account, "period": period, "tax_event_date": period.to, "due_date": due,
        "lines": [], "vat": [],
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

/// A customer who has no bill yet. Gives the number.
pub(crate) async fn newcomer(store: &Store) -> &'static str {
    let number = "1000009";
    let people = [customer(number, "Никола")];
    store.upsert_customers(&people).await.expect("a customer");
    number
}

/// Closes an account. The code of its earlier bills opens nothing any more.
pub(crate) async fn closed(store: &Store, account: &str) {
    let end = AccountEnd::Closed {
        on: date(2026, 11, 15),
    };
    let told = Event {
        at: "2026-11-20T09:30:00Z".parse().expect("a time"),
        who: "billing".to_owned(),
        what: "account.closed".to_owned(),
        subject: format!("customer/{account}"),
        detail: json!({}),
    };
    let account = account.parse().expect("a number");
    let ended = store.end_account(&account, end, None, &told).await;
    assert!(ended.expect("a store"));
}

/// The store that is there already, opened once more.
pub(crate) async fn again(folder: &Path) -> Store {
    let url = format!("sqlite://{}", folder.join("kvit.db").display());
    Store::open(&url).await.expect("a store")
}

/// A store in `folder` whose run went all the way.
pub(crate) async fn store(folder: &Path, key: &InstanceKey) -> Store {
    let store = again(folder).await;
    let people = [
        customer(ANNA, "Анна"),
        customer(BORIS, "Борис"),
        customer(MARIA, "Мария"),
    ];
    store.upsert_customers(&people).await.expect("customers");
    let october = date(2026, 10, 1);
    let sums = [(ANNA, 8420), (BORIS, 5610)];
    let month = Month::new(october, BillKind::Invoice, &sums);
    issue(&store, key, "2026-10-a1", &month).await;
    store
}

/// Gives Maria her bills and her enrolment.
pub(crate) async fn history(store: &Store, key: &InstanceKey) {
    history_of(store, key, HISTORY_MONTHS).await;
}

/// The same with bills of so many months up to October.
pub(crate) async fn history_of(store: &Store, key: &InstanceKey, months: i32) {
    let october = date(2026, 10, 1);
    for back in (0..months).rev() {
        let first = october
            .checked_sub(Span::new().months(back))
            .expect("a date");
        // Dearer in winter, never twice the same.
        let cold = i64::from((i32::from(first.month()) - 7).abs());
        let (kind, cents) = match back {
            3 => (BillKind::CreditNote, -1250),
            _ => (
                BillKind::Invoice,
                4137 + cold * 1480 + i64::from(back) * 37 % 900,
            ),
        };
        let mut month = Month::new(first, kind, &[(MARIA, cents)]);
        month.orders[0].history = Some(consumed(first));
        let run = format!("{}-m{back}", first.strftime("%Y-%m"));
        issue(store, key, &run, &month).await;
    }
    enrol(store, MARIA, "maria.petrova@primer.bg").await;
}

/// What Maria consumed in the thirteen months up to this one: more in winter, and a little less each year.
fn consumed(last: Date) -> History {
    let month = |back: i32| {
        let month = last.checked_sub(Span::new().months(back)).expect("a date");
        let cold = (i32::from(month.month()) - 7).abs();
        let quantity = 180 + cold * 61 + (2030 - i32::from(month.year())) * 9;
        MonthQuantity {
            month,
            quantity: quantity.to_string().parse().expect("a number"),
        }
    };
    History {
        unit: "KWH".into(),
        months: (0..13).rev().map(month).collect(),
    }
}

/// Gives Boris bills of the months up to October that tell of no others; their two registers count together. One month was
/// billed anew, and in one the registers count in different units.
pub(crate) async fn metered(store: &Store, key: &InstanceKey) {
    for (no, back) in (1_u32..).zip([13, 12, 2, 1, 1, 3]) {
        let october = date(2026, 10, 1);
        let first = october.checked_sub(Span::new().months(back));
        let mut month = Month::new(first.expect("a date"), BillKind::Invoice, &[(BORIS, 4_000)]);
        let order = &mut month.orders[0];
        order.version = no;
        let meter = |register: &str, consumption: u32, unit: &str| {
            let reading = |date| json!({ "date": date, "value": "0" });
            json!({
                "serial": "1", "register": register, "old": reading(order.period.from), "new": reading(order.period.to),
                "consumption": consumption.to_string(), "unit": unit,
            })
        };
        let point = json!({ "code": "BG1", "meters": [meter("ден", 100 * no, "KWH"), meter("нощ", 7, if back == 3 { "KWT" } else { "KWH" })] });
        order.supply_points = vec![serde_json::from_value(point).expect("a supply point")];
        issue(store, key, &format!("2026-metered-{no}"), &month).await;
    }
}

/// So many more customers, each with a bill of October; some owe the same.
pub(crate) async fn crowd(store: &Store, key: &InstanceKey, many: u32) {
    let numbers: Vec<String> = (1..=many).map(|no| format!("2{no:06}")).collect();
    let people: Vec<_> = numbers
        .iter()
        .map(|number| customer(number, "Петър"))
        .collect();
    store.upsert_customers(&people).await.expect("customers");
    let sums: Vec<_> = numbers
        .iter()
        .zip(0_i64..)
        .map(|(number, no)| (number.as_str(), 1000 + no % 7))
        .collect();
    let month = Month::new(date(2026, 10, 1), BillKind::Invoice, &sums);
    issue(store, key, "2026-10-crowd", &month).await;
}

/// An enrolment that needs no proof.
pub(crate) async fn enrol(store: &Store, account: &str, email: &str) {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let id = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let id: EnrolmentId = format!("{id:032x}").parse().expect("an id");
    store
        .enrol(&NewEnrolment {
            id,
            account: super::number(account),
            channel: EnrolmentChannel::Phone,
            email: Secret::new(email.into()),
            language: Language::Bg,
            text_version: "2026-01".into(),
            evidence: json!({ "by": "phone" }),
            at: "2026-01-10T10:00:00Z".parse().expect("a time"),
            proof: None,
        })
        .await
        .expect("an enrolment");
}

/// Imports, releases and issues the bills of one month.
async fn issue(store: &Store, key: &InstanceKey, run: &str, month: &Month) {
    let id: RunId = run.parse().expect("a run id");
    let at = month.at();
    let run = NewRun {
        id: id.clone(),
        system: "test".into(),
        external_id: run.into(),
        period: Period::month_of(month.first),
        currency: Currency::EUR,
        seller: "200000004".into(),
        file_name: "run.ndjson".into(),
        imported_by: "ivan".into(),
        imported_at: at,
    };
    store.begin_run(&run).await.expect("a run");
    store
        .stage_chunk(&id, at, ChunkNo(0), OrderSeq(0), &month.orders)
        .await
        .expect("a chunk");
    let sum = month
        .orders
        .iter()
        .map(|order| order.totals.gross.get())
        .sum();
    let mut summary = kvit_flow::summary::RunSummary::default();
    for order in &month.orders {
        summary.add(order);
    }
    let summary = serde_json::to_value(summary).expect("JSON");
    let totals = RunTotals {
        orders: month.orders.len() as u64,
        chunks: 1,
        sum_cents: Cents::new(sum),
    };
    store
        .accept_run(&id, at, &totals, &summary, at)
        .await
        .expect("accepted");
    let release = Release {
        base: Default::default(),
        by: "maria".into(),
        who: "maria".into(),
        at,
        series: "main".parse().expect("a series"),
        first_if_new: first_bill(),
    };
    store.release_run(&id, &release).await.expect("released");
    finish(store, key, id, month).await;
}

/// Issues a released run.
async fn finish(store: &Store, key: &InstanceKey, id: RunId, month: &Month) {
    let at = month.at();
    let lease = at + SignedDuration::from_mins(5);
    let job = store
        .claim_chunk(Some(&id), "test", at, lease)
        .await
        .expect("a store")
        .expect("a chunk to issue");
    let object = format!("{id}/00000.zip");
    let bills: Vec<_> = month
        .orders
        .iter()
        .zip(0_u64..)
        .map(|(order, seq)| BillRecord {
            number: job.first_number.plus(seq).expect("in range"),
            series: "main".parse().expect("a series"),
            run: id.clone(),
            seq: OrderSeq(seq),
            chunk: job.no,
            account: order.account.clone(),
            kind: month.kind,
            issue_date: month.issued,
            period: order.period,
            due_date: order.due_date,
            gross: order.totals.gross,
            to_pay: order.totals.to_pay,
            carried_over: order.totals.carried_over,
            currency: Currency::EUR,
            language: Language::Bg,
            pack: object.clone(),
            offset: seq * 100,
            length: 100,
            sha256: [0xc5; 32],
            corrects: None,
            consumed: order.consumed(),
        })
        .collect();
    let result = ChunkResult {
        run: id,
        no: job.no,
        claim: job.claim,
        worker: "test".into(),
        copies: copies_of(store, month, &bills, key).await,
        closed: Vec::new(),
        no_forms: Default::default(),
        pack: PackRecord {
            object,
            sha256: [0; 32],
            length: 200,
        },
        deliveries: bills
            .iter()
            .filter_map(|bill| sent_to(bill, key, month))
            .collect(),
        bills,
        at,
    };
    store.finish_chunk(&result).await.expect("issued");
}

/// The mails to the month's reader.
async fn copies_of(
    store: &Store,
    month: &Month,
    bills: &[BillRecord],
    key: &InstanceKey,
) -> Vec<NewCopy> {
    let Some(reader) = &month.reader else {
        return Vec::new();
    };
    let enrolments = store
        .active_enrolments(std::slice::from_ref(&reader.account))
        .await;
    let enrolment = enrolments.expect("a store").remove(&reader.account);
    let enrolment = enrolment.expect("readers come with e-bills").id;
    let mail = |bill: &BillRecord| {
        let id = DeliveryId::copy_of(bill.number, &reader.id);
        NewCopy {
            token: key.token(TokenPurpose::Copy, id.as_str()).hash(),
            id,
            bill: bill.number,
            reader: reader.id.clone(),
            enrolment: enrolment.clone(),
            account: reader.account.clone(),
            email: reader.email.clone(),
            language: reader.language,
            due_at: month.at(),
        }
    };
    bills.iter().map(mail).collect()
}

/// Anna's bill went out by mail.
fn sent_to(bill: &BillRecord, key: &InstanceKey, month: &Month) -> Option<NewDelivery> {
    let mail = bill.account == super::number(ANNA);
    let id = DeliveryId::of(bill.number, 1);
    let token = key.token(TokenPurpose::Receipt, &id.to_string()).hash();
    (mail || month.paper).then(|| NewDelivery {
        id,
        bill: bill.number,
        account: bill.account.clone(),
        channel: if mail { Channel::Email } else { Channel::Paper },
        email: mail.then(|| Secret::new("anna@primer.bg".into())),
        language: Language::Bg,
        due_at: month.at(),
        token: mail.then_some(token),
    })
}

/// A reader who was asked.
pub(crate) async fn reader(store: &Store, account: &str, email: &str) {
    let at: Timestamp = "2026-11-20T08:00:00Z".parse().expect("a time");
    let id: ReaderId = format!("{:032x}", 77).parse().expect("an id");
    let new = NewReader {
        account: super::number(account),
        name: "Кантора „Баланс“".into(),
        email: Secret::new(email.into()),
        language: Language::Bg,
        evidence: json!({}),
        at,
        proof: NewProof {
            hash: kvit_billing::code::TokenHash([7; 32]),
            expires: at + SignedDuration::from_hours(48),
        },
        id,
    };
    let session = NewSession {
        token: kvit_billing::code::TokenHash([7; 32]),
        account: new.account.clone(),
        door: SessionDoor::Code { generation: 1 },
        device: String::new(),
        at,
        expires: at + SignedDuration::from_hours(1),
    };
    assert!(store.open_session(&session).await.expect("an answer"));
    let added = store
        .add_reader(&new, ReaderAsked::InSession(&session.token), 5, "customer")
        .await;
    assert!(matches!(added, Ok(AddReader::Added)));
    let ended = store.close_session(&session.token).await;
    ended.expect("an answer");
}

/// Issues one more bill of October for the reader's customer, with its mail to the reader. Gives its number.
pub(crate) async fn copy_for(
    store: &Store,
    key: &InstanceKey,
    reader: &ReaderRecord,
) -> BillNumber {
    let account = reader.account.as_str();
    let mut month = Month::new(date(2026, 10, 1), BillKind::Invoice, &[(account, 5150)]);
    month.orders[0].version = 2;
    month.reader = Some(reader.clone());
    issue(store, key, "2026-10-copy", &month).await;
    let bills = store.bills_of(&reader.account, None, 1).await;
    bills.expect("a store")[0].number
}

/// Which reminder [`remind`] queues.
pub(crate) const REMINDER: ReminderKind = ReminderKind::Before(15);

/// Queues a reminder of each bill of the first run whose customer gets mail.
pub(crate) async fn remind(store: &Store, key: &InstanceKey) {
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().expect("a time");
    let due = date(2026, 12, 5);
    let stretch = store
        .bills_to_remind(REMINDER, due, due, now, 250)
        .await
        .expect("a store")
        .expect("bills that are due");
    let new = stretch.open.iter().map(|open| {
        let id = DeliveryId::reminder_of(open.bill.number, REMINDER);
        NewReminder {
            token: key.token(TokenPurpose::Reminders, id.as_str()).hash(),
            id,
            bill: open.bill.number,
            enrolment: open.enrolment.clone(),
            due_at: now + SignedDuration::from_hours(36),
            missed: false,
        }
    });
    let new: Vec<_> = new.collect();
    let planned = store.plan_reminders(&stretch, &new, now).await;
    assert!(planned.expect("a store"));
}

fn import_began() -> Timestamp {
    "2026-11-19T08:00:00Z".parse().expect("a time")
}

async fn begun(store: &Store, run: &str, by: &str) -> RunId {
    let id: RunId = run.parse().expect("a run id");
    let new = NewRun {
        id: id.clone(),
        system: "test".into(),
        external_id: run.into(),
        period: Period::month_of(date(2026, 11, 1)),
        currency: Currency::EUR,
        seller: "200000004".into(),
        file_name: "run.ndjson".into(),
        imported_by: by.into(),
        imported_at: import_began(),
    };
    store.begin_run(&new).await.expect("a run");
    id
}

fn november() -> Month {
    let first = date(2026, 11, 1);
    let due = date(2026, 12, 20);
    let sums = [(ANNA, 9120), (BORIS, 4300)];
    let orders = sums.map(|(who, cents)| order(who, Period::month_of(first), due, cents));
    Month {
        first,
        issued: date(2026, 11, 20),
        orders: orders.into(),
        kind: BillKind::Invoice,
        reader: None,
        paper: true,
    }
}

/// A run of November that waits for its release.
pub(crate) async fn waiting(store: &Store, run: &str, by: &str) {
    let id = begun(store, run, by).await;
    accepted(store, &id).await;
}

/// As [`waiting`], with something to be said of it.
pub(crate) async fn warned(store: &Store, run: &str, by: &str) {
    let id = begun(store, run, by).await;
    let report = json!({ "errors": 0, "warnings": 2, "diagnostics": [{
        "severity": "warning", "file": "run.ndjson", "line": 7, "field": "/totals/to_pay", "code": "to-pay",
        "found": "1200", "expected": "1201",
    }, {
        "severity": "warning", "file": "run.ndjson", "line": 12, "field": "/lines/3/unit", "code": "unit",
        "found": "кВтч", "expected": "",
    }] });
    let kept = store.keep_warnings(&id, import_began(), &report).await;
    kept.expect("kept");
    accepted(store, &id).await;
}

async fn accepted(store: &Store, id: &RunId) {
    let orders = november().orders;
    let stage = store.stage_chunk(id, import_began(), ChunkNo(0), OrderSeq(0), &orders);
    stage.await.expect("a chunk");
    let mut summary = kvit_flow::summary::RunSummary::default();
    for order in &orders {
        summary.add(order);
    }
    let totals = RunTotals {
        orders: 2,
        chunks: 1,
        sum_cents: Cents::new(13_420),
    };
    let summary = serde_json::to_value(summary).expect("JSON");
    let at = "2026-11-19T08:01:00Z".parse().expect("a time");
    store
        .accept_run(id, import_began(), &totals, &summary, at)
        .await
        .expect("accepted");
}

/// Issues the run of [`waiting`] once it is released: Anna's bill goes by mail, Boris' on paper.
pub(crate) async fn issued(store: &Store, key: &InstanceKey, run: &str) {
    let id = run.parse().expect("a run id");
    finish(store, key, id, &november()).await;
}

/// A run that was rejected.
pub(crate) async fn rejected(store: &Store, run: &str) {
    let id = begun(store, run, "billing").await;
    let report = json!({ "errors": 1, "warnings": 0, "diagnostics": [{
        "severity": "error", "file": "run.ndjson", "line": 7, "field": "/totals/gross", "code": "total-net",
        "found": "<b>1200", "expected": "1201",
    }] });
    let at = "2026-11-19T08:01:00Z".parse().expect("a time");
    store
        .reject_run(&id, import_began(), &report, at)
        .await
        .expect("rejected");
}

/// Every mail that waits is taken by its server.
pub(crate) async fn deliver_all(store: &Store, now: Timestamp) {
    let lease = now + SignedDuration::from_mins(5);
    let jobs = store.claim_deliveries("test", now, lease, 250).await;
    for job in jobs.expect("a store") {
        let attempt = kvit_store::Attempt {
            no: job.attempts,
            at: now,
            outcome: kvit_store::AttemptOutcome::Accepted,
            reply: "250 OK".to_owned(),
        };
        store
            .finish_delivery(&job.id, &attempt)
            .await
            .expect("a store");
    }
}
