//! Customers with bills, mails, money and what staff wrote down, and what pages ask of one of them.

use std::pin::Pin;

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{BillNumber, CustomerNumber, EntryId, OrderSeq, StaffLogin, code::TokenHash};

use crate::{
    Debits, Event, GuardPolicy, MailTopic, NewSession, PasskeyOwner, SessionDoor, Store,
    engine::Pools,
    sql::{Query, query},
};

/// Enough that to read all of them is worse than to look some up.
const CUSTOMERS: u64 = 12_000;
const MONTHS: u64 = 3;
const NOW: i64 = 1_790_000_000_000_000;

pub(super) struct World {
    pub(super) store: Store,
    account: CustomerNumber,
    bill: BillNumber,
    session: TokenHash,
    now: Timestamp,
}

type Page<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

impl World {
    /// Filled by hand, so that no stage has the tables looked at.
    pub(super) async fn filled(store: Store) -> Self {
        // 32 bytes, others for each customer.
        let token = match &store.pools {
            Pools::Sqlite { .. } => "CAST('0000000000000000000000000' || i AS BLOB)",
            Pools::Postgres(_) => "CAST('0000000000000000000000000' || i AS BYTEA)",
        };
        let mut tx = store.begin().await.expect("a transaction");
        for statement in filling(token) {
            statement.execute(&mut tx).await.expect("filled");
        }
        tx.commit().await.expect("filled");
        let now = Timestamp::from_microsecond(NOW).expect("a moment");
        Self {
            store,
            account: "1001234".parse().expect("a number"),
            bill: BillNumber::new(1_000_001_234).expect("a number"),
            session: TokenHash([5; 32]),
            now,
        }
    }

    /// What pages ask that customers and agents visit most.
    pub(super) fn pages(&self) -> Vec<(&'static str, Page<'_>)> {
        vec![
            ("number and code", Box::pin(self.signs_in())),
            ("bills", Box::pin(self.bills())),
            ("a bill", Box::pin(self.one_bill())),
            ("payments", Box::pin(self.payments())),
            ("dues for a payment system", Box::pin(self.dues())),
            ("all numbers", Box::pin(self.numbers())),
            ("a customer", Box::pin(self.customer())),
            ("what happened", Box::pin(self.happened())),
        ]
    }

    async fn signs_in(&self) {
        let (store, account, now) = (&self.store, &self.account, self.now);
        store.customer(account).await.expect("an answer");
        store.guard("check", now).await.expect("an answer");
        store.guard_clear("check").await.expect("done");
        let policy = GuardPolicy {
            max_fails: 5,
            window_s: 900,
            block_s: 900,
        };
        store.guard_fail("other", now, &policy).await.expect("done");
        store
            .close_session(&TokenHash([6; 32]))
            .await
            .expect("done");
        let new = NewSession {
            token: self.session,
            account: account.clone(),
            door: SessionDoor::Code { generation: 1 },
            device: String::new(),
            at: now,
            expires: now + SignedDuration::from_mins(30),
        };
        store.close_session(&self.session).await.expect("done");
        assert!(store.open_session(&new).await.expect("an answer"));
    }

    async fn bills(&self) {
        let (store, account, now) = (&self.store, &self.account, self.now);
        store.session(&self.session, now).await.expect("an answer");
        let bills = store.bills_of_holder(account, 14).await.expect("bills");
        assert_eq!(bills.len() as u64, MONTHS);
        store.standing(account, now).await.expect("an answer");
        let open: Vec<_> = bills
            .iter()
            .map(|bill| (bill.number, &bill.account, bill.due_date))
            .collect();
        store
            .payments_of_bills(&open[..1])
            .await
            .expect("an answer");
        store.payments_of_bills(&open).await.expect("an answer");
        store
            .debits(Debits::Of(account), 50)
            .await
            .expect("an answer");
        store.enrolment_of(account).await.expect("an answer");
        store.waiting_enrolment(account).await.expect("an answer");
        store
            .wants_mails(account, MailTopic::Payments)
            .await
            .expect("an answer");
        store
            .active_readers(std::slice::from_ref(account))
            .await
            .expect("an answer");
        store.mandate_of(account).await.expect("an answer");
        store.customer(account).await.expect("an answer");
        store
            .staged_order(&bills[0].run, OrderSeq(5))
            .await
            .expect("an answer");
        store
            .sessions_of(account, now, 20)
            .await
            .expect("an answer");
    }

    async fn one_bill(&self) {
        let (store, account, now) = (&self.store, &self.account, self.now);
        store
            .bill(self.bill)
            .await
            .expect("an answer")
            .expect("a bill");
        store.corrections_of(self.bill).await.expect("an answer");
        let begun = store
            .payments_of_bill(self.bill, 100)
            .await
            .expect("an answer");
        store
            .payment_parts(&begun[0].payment)
            .await
            .expect("an answer");
        store
            .payment_view(&begun[0].payment.provider, begun[0].payment.number)
            .await
            .expect("an answer");
        store
            .other_money_of_bill(account, self.bill, 100)
            .await
            .expect("an answer");
        store.providers_health(now).await.expect("an answer");
        store
            .debits(Debits::OfBill(self.bill), 1)
            .await
            .expect("an answer");
    }

    async fn payments(&self) {
        let entries = self
            .store
            .entries_of(&self.account, 26)
            .await
            .expect("entries");
        assert_eq!(entries.len(), 1);
    }

    async fn dues(&self) {
        let dues = self.store.dues_of(&self.account, self.now).await;
        let (_, standing) = dues.expect("an answer").expect("a customer");
        assert_eq!(standing.bills.len() as u64, MONTHS);
    }

    async fn numbers(&self) {
        let all: Vec<CustomerNumber> = ["1000001", "1002000", "1004000"]
            .map(|number| number.parse().expect("a number"))
            .to_vec();
        let store = &self.store;
        assert_eq!(store.customers(&all).await.expect("customers").len(), 3);
        store.standings(&all, self.now).await.expect("an answer");
        store.active_enrolments(&all).await.expect("an answer");
        store.active_readers(&all).await.expect("an answer");
        store
            .kept_in_session(&self.session)
            .await
            .expect("an answer");
    }

    async fn customer(&self) {
        let (store, account, now) = (&self.store, &self.account, self.now);
        let token = TokenHash([4; 32]);
        store
            .staff_session(&token, now, SignedDuration::from_mins(30), false)
            .await
            .expect("an answer");
        let viewed = Event {
            at: now,
            who: "staff/ana".to_owned(),
            what: "customer.viewed".to_owned(),
            subject: format!("customer/{account}"),
            detail: serde_json::json!({}),
        };
        store.record_event(&viewed).await.expect("noted");
        let login: StaffLogin = "ana".parse().expect("a name");
        store
            .contact(&EntryId::of_name("a call"), account, &login, now)
            .await
            .expect("an answer");
        store.readers_of(account, 20).await.expect("an answer");
        store.readers_version(account).await.expect("an answer");
        let owner = PasskeyOwner::Customer(account.clone());
        store.passkeys_of(&owner, 1).await.expect("an answer");
        store.customer_password(account).await.expect("an answer");
        store.bills_of(account, None, 7).await.expect("an answer");
        store.scans_of(account, 10).await.expect("an answer");
        store.enrolments_of(account, 100).await.expect("an answer");
    }

    async fn happened(&self) {
        let (store, account) = (&self.store, &self.account);
        store
            .bills_of(account, None, 5_000)
            .await
            .expect("an answer");
        let sent = store
            .deliveries_of_customer(account, 5_000)
            .await
            .expect("an answer");
        assert_eq!(sent.len() as u64, MONTHS);
        store
            .deliveries_of_bill(self.bill)
            .await
            .expect("an answer");
        store.contacts_of(account, 5_000).await.expect("an answer");
        store.entries_of(account, 5_000).await.expect("an answer");
        store.mail_choices(account, 5_000).await.expect("an answer");
        store.mandates_of(account, 5_000).await.expect("an answer");
        store.notes_of(account, 5_000).await.expect("an answer");
        let subject = format!("customer/{account}");
        store.events(&subject, 100).await.expect("an answer");
    }
}

fn filling(token: &str) -> Vec<Query> {
    let customer = kvit_synth::Synth::new(7, 1).customer(0);
    let body = serde_json::to_string(&customer).expect("JSON");
    let body = body.replace(customer.number.as_str(), "NUMBER");
    let people = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1000001 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000 + {CUSTOMERS})"
    );
    let months =
        format!("{people}, m (j) AS (SELECT 1 UNION ALL SELECT j + 1 FROM m WHERE j < {MONTHS})");
    let bill = "999000000 + j * 1000000 + i - 1000000";
    vec![
        query("INSERT INTO staff (login, name, role, password, temporary, second_factor, created_at) VALUES ('ana', 'Ana', 'agent', 'x', 0, 0, 0)"),
        query(format!("{months} INSERT INTO runs (id, system, external_id, period_from, period_to, currency, seller, file_name, state, imported_by, imported_at, orders, chunks, issued_at) SELECT 'run-' || j, 'x', 'x', '2026-08-01', '2026-08-31', 'EUR', 'x', 'x', 'issued', 'x', j, {CUSTOMERS}, 12, j FROM m")),
        query(format!("{people} INSERT INTO customers (number, name_fold, language, body) SELECT CAST(i AS TEXT), 'x', 'bg', REPLACE($1, 'NUMBER', CAST(i AS TEXT)) FROM n")).bind(body),
        query(format!("{months} INSERT INTO bills (number, series, run, seq, chunk, account, kind, issue_date, period_from, period_to, due_date, gross, to_pay, currency, language, pack, pack_offset, pack_length, sha256) SELECT {bill}, 'main', 'run-' || j, i - 1000001, 0, CAST(i AS TEXT), 'invoice', '2026-11-01', '2026-10-01', '2026-10-31', '2026-11-25', 1200, 1200, 'EUR', 'bg', 'x', 0, 0, $1 FROM n CROSS JOIN m")).bind(vec![9_u8; 32]),
        query(format!("{months} INSERT INTO deliveries (id, bill, account, channel, email, language, due_at, state, next_attempt_at) SELECT ({bill}) || '-1', {bill}, CAST(i AS TEXT), 'email', 'x@example.bg', 'bg', j, 'sent', 0 FROM n CROSS JOIN m")),
        query(format!("{months} INSERT INTO attempts (delivery, no, outcome, at, reply) SELECT ({bill}) || '-1', 1, 'accepted', j, '250' FROM n CROSS JOIN m")),
        query(format!("{people} INSERT INTO enrolments (id, account, channel, email, language, text_version, evidence, created_at, proven_at) SELECT '0000000000000000000000000' || i, CAST(i AS TEXT), 'web', 'x' || i || '@example.bg', 'bg', '1', '{{}}', 0, 0 FROM n")),
        query(format!("{people} INSERT INTO payments (provider, number, bill, account, bills, way, amount, currency, started_at, expires_at) SELECT 'epay', i, 1000000000 + i - 1000000, CAST(i AS TEXT), CAST(1000000000 + i - 1000000 AS TEXT), 'account', 1200, 'EUR', i, i + 1 FROM n")),
        query(format!("{people} INSERT INTO notices (id, provider, event, payment, bills, amount, received, received_at, applied_at, outcome) SELECT 'epay/paid/' || i, 'epay', 'paid', i, '', 1200, $1, i, i, 'posted' FROM n")).bind(vec![1_u8; 40]),
        query(format!("{people} INSERT INTO journal (id, at, kind, notice, who) SELECT 'epay/paid/' || i, i, 'payment', 'epay/paid/' || i, 'kvit' FROM n")),
        query(format!("{people} INSERT INTO postings (entry, line, book, cents, bills) SELECT 'epay/paid/' || i, 1, 'customer/' || i, -1200, CAST(1000000000 + i - 1000000 AS TEXT) FROM n")),
        query(format!("{people} INSERT INTO postings (entry, line, book, cents, bills) SELECT 'epay/paid/' || i, 2, 'clearing/epay', 1200, '' FROM n")),
        query(format!("{people} INSERT INTO events (at, who, what, subject, detail) SELECT i, 'staff/ana', 'customer.viewed', 'customer/' || i, '{{}}' FROM n")),
        query(format!("{people} INSERT INTO contacts (id, account, login, channel, reference, recognised_by, at) SELECT '0000000000000000000000000' || i, CAST(i AS TEXT), 'ana', 'phone', 'x', 'code', i FROM n")),
        query(format!("{people} INSERT INTO notes (id, account, login, at, body) SELECT '0000000000000000000000000' || i, CAST(i AS TEXT), 'ana', i, 'x' FROM n")),
        query(format!("{people} INSERT INTO receipts (delivery, kind, at, evidence) SELECT (1000000000 + i - 1000000) || '-1', 'confirmed', 1, '{{}}' FROM n")),
        query(format!("{people} INSERT INTO readers (id, account, name, email, language, evidence, created_at, proof_hash, proof_expires) SELECT '0000000000000000000000000' || i, CAST(i AS TEXT), 'x', 'x', 'bg', '{{}}', 0, {token}, 0 FROM n")),
        query(format!("{people} INSERT INTO sessions (token, account, opened_at, expires_at) SELECT {token}, CAST(i AS TEXT), {NOW}, {NOW} + 1 FROM n")),
        query(format!("{people} INSERT INTO session_points (token, account) SELECT {token}, CAST(i AS TEXT) FROM n")),
        query(format!("{people} INSERT INTO payment_parts (provider, number, bill, account, amount) SELECT 'other', i, 1000000000 + i - 1000000, CAST(i AS TEXT), 1 FROM n")),
        query(format!("{people} INSERT INTO reminder_choices (account, no, wanted, at, evidence) SELECT CAST(i AS TEXT), 1, 0, 1, '{{}}' FROM n")),
        query(format!("{people} INSERT INTO guards (name, fails, window_until) SELECT 'check-number-0000000000000000000000000000000000-' || i, 1, {NOW} + 1 FROM n")),
    ]
}
