//! What customers do to pay, in Chromium: each way, on a telephone and on a desk, with and without script.

use kvit_billing::{BillNumber, Currency};
use kvit_flow::{
    ports::NoCheckpoints,
    statement::{Outside, book_statement, check_statement},
};
use kvit_pay::statement::StatementRules;

use crate::{
    common::{
        self,
        chrome::{Chrome, KINDS},
        seed,
    },
    scene::Scene,
};

const PAID: &str = "Сметката е платена";

/// Somebody who pays, and a portal of their own.
struct Customer<'a> {
    chrome: &'a mut Chrome,
    scene: Scene,
    scripts: bool,
}

/// Goes a journey in each kind of browser.
async fn each(journey: impl AsyncFn(&mut Customer<'_>)) {
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    for (width, scripts) in KINDS {
        eprintln!("at {width} px, scripts {scripts}");
        chrome.width(width).await;
        chrome.scripts(scripts).await;
        let scene = Scene::open().await;
        chrome.visit(&scene.url).await;
        let mut customer = Customer {
            chrome: &mut chrome,
            scene,
            scripts,
        };
        journey(&mut customer).await;
        chrome.is_well().await;
    }
}

impl Customer<'_> {
    /// Chooses a way on a bill's page, and does `what` at the payment system; gives what the page says where they
    /// come back.
    async fn pays(&self, bill: BillNumber, way: &str, what: &str) -> String {
        self.chrome.go(&self.scene.world.pay_path(bill)).await;
        assert_eq!(self.chrome.h1().await, "Плащане на сметката");
        self.chrome.follow(&format!("button[value='{way}']")).await;
        // With script, the page between sends its form by itself.
        if !self.scripts {
            let between = self.chrome.text("main").await;
            assert!(between.contains("Ще платите"), "{between}");
            self.chrome.follow("main form button").await;
        }
        self.chrome
            .until("document.querySelector('h1')?.textContent.includes('simulated')")
            .await;
        let seen = self.chrome.text("body").await;
        assert!(seen.contains(&bill.to_string()), "{way}: {seen}");
        self.chrome.follow(&format!("button[value='{what}']")).await;
        // The cards' answers are forms that the customer sends on.
        if !way.starts_with("epay") {
            self.chrome.follow("button").await;
        }
        self.text().await
    }

    async fn text(&self) -> String {
        self.chrome.text("body").await.replace('\u{a0}', " ")
    }

    /// The page of Anna's bill, opened anew.
    async fn bill(&mut self) -> String {
        self.chrome.visit(&self.scene.url).await;
        self.chrome.go(&self.scene.page()).await;
        self.text().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_at_epay_pays_after_second_thoughts_and_a_refusal() {
    each(async |anna| {
        let bill = seed::first_bill();
        let away = anna.pays(bill, "epay.account", "away").await;
        assert!(away.contains("още не е потвърдено"), "{away}");
        let refused = anna.pays(bill, "epay.card", "decline").await;
        assert!(refused.contains("плащането беше отказано"), "{refused}");
        let paid = anna.pays(bill, "epay.account", "pay").await;
        assert!(paid.contains(PAID), "{paid}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cards_pay_at_epay_icard_mypos_and_borica() {
    each(async |somebody| {
        let world = &somebody.scene.world;
        seed::crowd(&world.store, &world.key, 2).await;
        let ways = ["epay.card", "icard.card", "mypos.card", "borica.card"];
        for (number, way) in (1..).zip(ways) {
            let bill = BillNumber::new(number).expect("in range");
            if way == "mypos.card" {
                let refused = somebody.pays(bill, way, "decline").await;
                assert!(refused.contains("Плащането не беше прието"), "{refused}");
            }
            let paid = somebody.pays(bill, way, "pay").await;
            assert!(paid.contains(PAID), "{way}: {paid}");
        }
    })
    .await;
}

/// Two numbers of one person, four bills: all but one are paid together, and that one by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_bills_are_paid_at_once_each_way() {
    // All but the first, while there are more than one.
    const TICK: &str = "[...document.querySelectorAll('[name=bill]')].forEach((one, at, all) => { if (one.checked !== (at > 0 || all.length === 1)) one.click() })";
    each(async |anna| {
        let world = &anna.scene.world;
        seed::history_of(&world.store, &world.key, 3).await;
        for who in [seed::ANNA, seed::MARIA] {
            seed::enrol(&world.store, who, "semeystvo@primer.bg").await;
        }
        let link = world.sign_in_path(&mut world.browser(), seed::ANNA).await;
        anna.chrome.go(&link).await;
        anna.chrome.follow("main button").await;
        let three = "Плащане на 3 сметки";
        for (way, what, order, said) in [
            ("epay.card", "away", three, "още не е потвърдено"),
            ("icard.card", "decline", three, "Плащането не беше прието"),
            ("borica.card", "decline", three, "плащането беше отказано"),
            ("mypos.card", "pay", three, "Сметките са платени"),
            ("borica.card", "pay", "Сметка № ", "Сметката е платена"),
        ] {
            anna.chrome.go("/pay/all").await;
            assert_eq!(anna.chrome.h1().await, "Платете всичко");
            anna.chrome.eval(TICK).await;
            anna.chrome.follow("main form button").await;
            anna.chrome.follow(&format!("button[value='{way}']")).await;
            if !anna.scripts {
                anna.chrome.follow("main form button").await;
            }
            anna.chrome
                .until("document.querySelector('h1')?.textContent.includes('simulated')")
                .await;
            let seen = anna.text().await;
            assert!(seen.contains(order), "{way}: {seen}");
            anna.chrome.follow(&format!("button[value='{what}']")).await;
            if !way.starts_with("epay") {
                anna.chrome.follow("button").await;
            }
            let back = anna.text().await;
            assert!(back.contains(said), "{way}: {back}");
        }
        anna.chrome.go("/pay/all").await;
        assert!(anna.text().await.contains("Нямате неплатени сметки"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cash_pays_with_the_code_of_the_page() {
    each(async |anna| {
        anna.chrome.go(&anna.scene.page()).await;
        anna.chrome.follow("button[value='epay.cash']").await;
        let code = anna.chrome.text(".paycode").await;
        assert!(!anna.text().await.contains(PAID));
        anna.chrome.visit(&anna.scene.payers_url).await;
        anna.chrome.go("/easypay").await;
        anna.chrome.fill("[name=code]", &code).await;
        anna.chrome.follow("button").await;
        assert!(anna.text().await.contains("Paid."));
        let paid = anna.bill().await;
        assert!(paid.contains(PAID), "{paid}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn billers_find_what_is_due_by_the_number() {
    each(async |anna| {
        // Boris' bill at one, Anna's at the other.
        for (biller, number, due) in [
            ("ebg", seed::BORIS, "56.10 EUR"),
            ("icard-bill", seed::ANNA, "84.20 EUR"),
        ] {
            anna.chrome.visit(&anna.scene.payers_url).await;
            anna.chrome.go(&format!("/billing/{biller}")).await;
            anna.chrome.fill("[name=idn]", number).await;
            anna.chrome.follow("button").await;
            let found = anna.text().await;
            assert!(found.contains(due), "{biller}: {found}");
            anna.chrome.follow("button").await;
        }
        let paid = anna.bill().await;
        assert!(paid.contains(PAID), "{paid}");
        let boris = anna.scene.world.pay_path(seed::second_bill());
        anna.chrome.go(&boris).await;
        assert!(anna.text().await.contains(PAID));
    })
    .await;
}

/// What the page tells to write goes into the bank's file as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bank_transfer_with_what_the_page_says_pays() {
    each(async |anna| {
        anna.bill().await;
        let facts = anna
            .chrome
            .eval("[...document.querySelectorAll('.band dd')].map(dd => dd.textContent.replace(/\\s/g, ''))")
            .await;
        let fact = |at: usize| facts[at].as_str().expect("a fact").to_owned();
        let (iban, amount, reference) = (fact(1), fact(2), fact(3));
        let euro = amount.trim_end_matches('€').replace(',', ".");
        let statement = transferred(&iban, &euro, &reference);
        let world = &anna.scene.world;
        let rules = StatementRules {
            ibans: vec![common::operator().iban],
            currency: Some(Currency::EUR),
            payouts: Vec::new(),
        };
        let checked = check_statement(statement.as_bytes(), &rules, &|_| ()).expect("readable");
        assert_eq!(checked.judged.faults, []);
        let outside = Outside {
            payouts: Vec::new(),
            clock: world.clock.as_ref(),
            checkpoints: &NoCheckpoints,
            progress: &|_| (),
        };
        let booked = book_statement(&world.store, "day.xml", "console:ana", checked, &outside);
        booked.await.expect("booked");
        let paid = anna.bill().await;
        assert!(paid.contains(PAID), "{paid}");
        assert!(paid.contains("84,20 € с банков превод"), "{paid}");
    })
    .await;
}

/// A day's statement with one payment on the account.
fn transferred(iban: &str, euro: &str, reference: &str) -> String {
    let balance = |code: &str, amount: &str| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-27</Dt></Dt></Bal>"
        )
    };
    let (before, after) = (balance("OPBD", "0.00"), balance("CLBD", euro));
    format!(
        r#"<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>1</MsgId><CreDtTm>2026-11-27T20:00:00</CreDtTm></GrpHdr>
<Stmt><Id>1</Id><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>{before}{after}
<Ntry><Amt Ccy="EUR">{euro}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-27</Dt></BookgDt><AcctSvcrRef>FT1</AcctSvcrRef>
<NtryDtls><TxDtls><RmtInf><Strd><CdtrRefInf><Ref>{reference}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bills_pay_themselves_until_autopay_is_turned_off() {
    const COMING: &str = "ще бъде платена автоматично на 7 декември 2026 г.";
    each(async |anna| {
        let world = &anna.scene.world;
        // Before the bill's last day.
        world
            .clock
            .set("2026-11-20T08:30:00Z".parse().expect("a time"));
        seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
        anna.chrome.go("/").await;
        anna.chrome.fill("#number", seed::ANNA).await;
        anna.chrome.fill("#code", &world.code(seed::ANNA)).await;
        anna.chrome.follow("main form button").await;
        anna.chrome.follow("main a[href='/autopay']").await;
        anna.chrome
            .fill("#iban", "DE89 3704 0044 0532 0130 00")
            .await;
        anna.chrome.fill("#holder", "Анна Примерова").await;
        anna.chrome.follow("main form button.wide").await;
        let on = anna.text().await;
        assert!(on.contains("Автоматичното плащане е включено"), "{on}");
        anna.chrome.go(&anna.scene.page()).await;
        let coming = anna.text().await;
        assert!(coming.contains(COMING), "{coming}");
        anna.chrome.go("/autopay").await;
        anna.chrome
            .follow("form[action='/autopay/off'] button")
            .await;
        let off = anna.text().await;
        assert!(off.contains("Автоматичното плащане е изключено"), "{off}");
        anna.chrome.go(&anna.scene.page()).await;
        assert!(!anna.text().await.contains(COMING));
    })
    .await;
}
