//! Money in the console.

use axum::http::Method;
use jiff::civil::date;
use kvit_billing::{Cents, Role, ports::Clock as _};
use kvit_pay::{
    dialects::Refunded,
    statement::{Check, Fault, Place, Statement},
};
use kvit_store::{Concede, ConcessionKind, Doubt, NewConcession, NewPayment, NewStatement};
use kvit_web::ImportState;

use super::{
    common::{self, World, pay, seed},
    eye::Inspector,
};

/// Claims by age: none yet, a wrong day, in the making, done, a class, and a customer who is only looked at.
pub(super) async fn receivables(eye: &mut Inspector, world: &World) {
    eye.see("staff-receivables-none", "/staff/receivables")
        .await;
    eye.chrome.fill("#day", "").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-receivables-wrong").await;
    eye.chrome.go("/staff/receivables").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-receivables-making").await;
    let now = "2026-11-20T09:00:00Z".parse().expect("a time");
    let store = &world.store;
    while store.continue_owing_sheet(now).await.expect("a step") {}
    eye.see("staff-receivables", "/staff/receivables").await;
    eye.chrome.follow("tbody a").await;
    eye.look("staff-receivables-list").await;
    eye.chrome.follow("tbody a").await;
    eye.look("staff-customer-looked-at").await;
    eye.lang = "en";
    eye.see("staff-receivables", "/staff/receivables?lang=en")
        .await;
    eye.lang = "bg";
    eye.chrome.go("/staff/receivables?lang=bg").await;
}

/// Money without an owner: what waits, a word about it and its approval, and that nothing is to be done.
pub(super) async fn money(eye: &mut Inspector, world: &World) {
    world.hire("vera", Role::Billing).await;
    for login in ["billing", "vera"] {
        eye.chrome.follow("header form button").await;
        eye.sign_in_staff(login).await;
        eye.chrome.follow("a[href='/staff/money']").await;
        if login == "billing" {
            eye.look("staff-money").await;
            eye.chrome.follow("tbody tr:nth-child(4) a").await;
            eye.look("staff-money-nothing").await;
            eye.chrome.go("/staff/money").await;
            eye.chrome.follow("tbody tr a").await;
            eye.chrome.fill("#amount", "0").await;
            eye.chrome.follow("button[value=propose]").await;
            eye.look("staff-money-wrong").await;
            eye.chrome.fill("#account", seed::MARIA).await;
            eye.chrome.fill("#amount", "20,50").await;
            eye.chrome.follow("button[value=propose]").await;
            eye.look("staff-money-proposed").await;
        } else {
            eye.chrome.follow("tbody tr a").await;
            eye.look("staff-money-approve").await;
            eye.chrome.follow("button[value=approve]").await;
            eye.look("staff-money-approved").await;
            eye.lang = "en";
            eye.see("staff-money", "/staff/money?lang=en").await;
            eye.lang = "bg";
            eye.chrome.go("/staff/money?lang=bg").await;
        }
    }
}

/// Bank statements: what came of them, and one that is wrong.
pub(super) async fn statements(eye: &mut Inspector, world: &World) {
    eye.see("staff-statements", "/staff/statements").await;
    eye.chrome.follow("tbody a").await;
    eye.look("staff-statement").await;
    let statement = hex::encode("FT2611200042");
    let report = kvit_store::StatementReport {
        matched: tally(12_345, 98_765_432),
        unmatched: tally(3, 4_250),
        refunded: tally(2, 1_234),
        ..kvit_store::StatementReport::default()
    };
    let now = "2026-11-20T09:30:00Z".parse().expect("a time");
    let finished = world.store.finish_statement(&statement, &report, now);
    finished.await.expect("a store");
    eye.see("staff-statements-done", "/staff/statements").await;
    eye.see(
        "staff-statement-done",
        &format!("/staff/statements/{statement}?done=booked"),
    )
    .await;
    let facts = |from, closing: i64| Statement {
        id: "2026-231".to_owned(),
        iban: common::operator().iban,
        from: Some(from),
        to: Some(date(2026, 11, 19)),
        opening: Some(Cents::new(1_234_567)),
        closing: Some(Cents::new(closing)),
        entries: 12_345,
        ignored: 2,
    };
    // Before the second one a statement is missing.
    let new = NewStatement {
        id: "beef".to_owned(),
        file: "извлечения-от-18-и-19-ноември-2026.xml".to_owned(),
        format: "camt.053.001.08".to_owned(),
        received: Vec::new(),
        facts: vec![
            facts(date(2026, 11, 18), 1_300_000),
            facts(date(2026, 11, 19), 1_400_000),
        ],
        by: "vera".to_owned(),
    };
    world.store.keep_statement(&new, now).await.expect("kept");
    eye.see("staff-statement-whole", "/staff/statements/beef")
        .await;
    let fault = |(line, code, found, expected): (u64, _, &str, &str)| Fault {
        line: 40 + line,
        place: Place::Entry(line, Some(format!("20261127000{line}"))),
        code,
        found: found.to_owned(),
        expected: expected.to_owned(),
    };
    let faults = [
        (1, Check::EntryCurrencyCode, "XX", ""),
        (2, Check::EntryReference, "", ""),
        (3, Check::EntryTransactions, "", "20000"),
    ];
    let mut faults: Vec<_> = faults.map(fault).into();
    faults.push(Fault {
        line: 97,
        place: Place::Statement("2026-228".to_owned()),
        code: Check::EntriesSum,
        found: "32.45".to_owned(),
        expected: "32.46 (1000.00 → 1032.46)".to_owned(),
    });
    let id: kvit_billing::EntryId = "0123456789abcdef0123456789abcdef".parse().expect("an id");
    let view = kvit_web::ImportView {
        id: id.clone(),
        file: kvit_web::NewFile {
            kind: kvit_web::FileKind::Statement,
            name: "извлечение-2026-11-27.xml".to_owned(),
            by: "vera".to_owned(),
            at: now,
            bytes: 123_456,
        },
        state: ImportState::Faulty { faults, counted: 4 },
    };
    world
        .shelf
        .known
        .lock()
        .expect("not poisoned")
        .insert(0, view);
    eye.see(
        "staff-statement-faulty",
        &format!("/staff/statements/file/{id}"),
    )
    .await;
    eye.lang = "en";
    eye.see("staff-statements", "/staff/statements?lang=en")
        .await;
    eye.lang = "bg";
    eye.chrome.go("/staff/statements?lang=bg").await;
}

fn tally(count: u64, cents: i64) -> kvit_store::Tally {
    kvit_store::Tally {
        count,
        cents: kvit_billing::Cents::new(cents),
    }
}

/// Giving money back: the proposal, its approval and the file.
pub(super) async fn refunds(eye: &mut Inspector, world: &World) {
    let bill = seed::first_bill().to_string();
    pay::transferred(world, "FT2611200077", &bill, 99_900).await;
    let found = world.store.bill(seed::first_bill()).await.expect("a store");
    let account = found.expect("a bill").account;
    eye.see("staff-refunds-none", "/staff/refunds").await;
    for login in ["vera", "billing"] {
        if login == "billing" {
            eye.chrome.follow("header form button").await;
            eye.sign_in_staff(login).await;
            eye.see("staff-refunds-waiting", "/staff/refunds").await;
            eye.chrome.follow("tbody a").await;
            eye.look("staff-refund-approve").await;
            eye.chrome.follow("button[value=approve]").await;
            eye.look("staff-refund-approved").await;
            eye.chrome.go("/staff/refunds").await;
            eye.chrome
                .follow("form[action='/staff/refunds/file'] button")
                .await;
            eye.look("staff-refunds-made").await;
            eye.lang = "en";
            eye.see("staff-refunds", "/staff/refunds?lang=en").await;
            eye.lang = "bg";
            eye.chrome.go("/staff/refunds?lang=bg").await;
            return;
        }
        eye.chrome.fill("#account", account.as_str()).await;
        eye.chrome.follow("form.search button").await;
        eye.look("staff-refund-new").await;
        eye.chrome.fill("#amount", "12,34").await;
        eye.chrome
            .fill("#iban", "BG80 BNBG 9661 1020 3456 79")
            .await;
        eye.chrome.fill("#why", "Платила два пъти").await;
        eye.chrome.follow("button[value=refund]").await;
        eye.look("staff-refund-wrong").await;
        eye.chrome
            .fill("#iban", "BG80 BNBG 9661 1020 3456 78")
            .await;
        eye.chrome.follow("button[value=refund]").await;
        eye.look("staff-refund-proposed").await;
    }
}

/// Giving money back through the payment system: of one refund nobody knows whether it went back, one was refused.
pub(super) async fn same_way(eye: &mut Inspector, world: &World) {
    let (store, now) = (&world.store, world.clock.now());
    let payment = NewPayment {
        provider: "icard".parse().expect("a name"),
        bill: seed::second_bill(),
        account: common::number(seed::BORIS),
        bills: vec![seed::second_bill()],
        way: "card".to_owned(),
        first_number: 700,
        amount: Cents::new(5610),
        currency: kvit_billing::Currency::EUR,
        at: now,
        expires_at: now,
        poll_at: None,
        nonce: None,
        parts: Vec::new(),
    };
    let payment = store.begin_payment(&payment).await.expect("a payment");
    let paid = pay::icard(&[
        ("IPGmethod", "IPGPurchaseNotify"),
        ("MID", "1"),
        ("OrderID", &payment.number.to_string()),
        ("Amount", &payment.amount.to_string()),
        ("Currency", "978"),
        ("IPG_Trnref", "A7"),
    ]);
    let mut browser = world.browser();
    let told = browser.ask(Method::POST, "/pay/icard/notify", &paid, &[]);
    let told = told.await;
    assert_eq!(told.body, "OK");
    let mut numbers = Vec::new();
    for cents in [1000, 1234] {
        let new = NewConcession {
            account: common::number(seed::BORIS),
            kind: ConcessionKind::SameWay {
                provider: "icard".parse().expect("a name"),
                payment: "icard/paid/A7".to_owned(),
            },
            amount: Cents::new(cents),
            why: "Платил два пъти".to_owned(),
            by: "vera".to_owned(),
        };
        let said = store.propose_concession(&new, now).await;
        let Concede::Proposed(number) = said.expect("an answer") else {
            panic!("it is refused")
        };
        let said = store.approve_concession(number, "boyan", now).await;
        assert_eq!(said.expect("an answer"), Concede::Approved);
        assert!(store.ask_refund(number, now).await.expect("an answer"));
        numbers.push(number);
    }
    let unclear = store.refund_answered(numbers[0], Err(Doubt::Silent), now);
    unclear.await.expect("an answer");
    let refused = Refunded::Refused("21 Invalid amount".to_owned());
    let refused = store.refund_answered(numbers[1], Ok(&refused), now);
    refused.await.expect("an answer");
    eye.chrome.go("/staff/refunds").await;
    eye.chrome.fill("#account", seed::BORIS).await;
    eye.chrome.follow("form.search button").await;
    eye.look("staff-refund-new-same-way").await;
    eye.see("staff-refunds-unclear", "/staff/refunds").await;
    let path = format!("/staff/refunds/{}", numbers[0]);
    eye.see("staff-refund-unclear", &path).await;
    eye.chrome.follow("button[value=went]").await;
    eye.look("staff-refund-unclear-unsaid").await;
    eye.chrome.fill("#seen", "iCard, операция R000123").await;
    eye.chrome.follow("button[value=went]").await;
    eye.look("staff-refund-found").await;
    let path = format!("/staff/refunds/{}", numbers[1]);
    eye.see("staff-refund-declined", &path).await;
    eye.chrome.fill("#seen", "iCard, операция R000124").await;
    eye.chrome.follow("button[value=turned-went]").await;
    eye.look("staff-refund-doubted").await;
    eye.see("staff-refunds-doubted", "/staff/refunds").await;
    let said = store.approve_refund_correction(1, "rada", now).await;
    assert_eq!(said.expect("an answer"), Concede::Approved);
    eye.see("staff-refund-corrected", &path).await;
}
