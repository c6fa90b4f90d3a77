//! Paying several bills at once: what is offered, what is left out, what changes meanwhile, and what nobody may do.

mod common;

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use common::{
    Answer, Browser, World, autopay, number,
    pay::{Systems, ebg, epay, icard},
    seed,
};
use kvit_billing::{BillNumber, Cents, ports::Clock as _};
use kvit_pay::ways::{Dialect, Ways as _};
use kvit_store::{Allocate, Claim, NoticeOutcome};

const URL: &str = "https://smetki.example";
const SHARED: &str = "semeystvo@primer.bg";
/// Anna's bill, and the sum of it.
const ANNAS: &str = "0000000001";

struct Family {
    world: World,
    systems: Arc<Systems>,
    anna: Browser,
}

impl Family {
    /// Anna, who has one bill, and Maria, who has several, get them at one address; Anna has signed in by a link.
    async fn open() -> Self {
        let systems = Systems::new();
        let world = World::paying(URL, systems.pay()).await;
        seed::history_of(&world.store, &world.key, 5).await;
        seed::enrol(&world.store, seed::ANNA, SHARED).await;
        seed::enrol(&world.store, seed::MARIA, SHARED).await;
        let mut anna = world.browser();
        let path = world.sign_in_path(&mut anna, seed::ANNA).await;
        anna.post(&path, "").await;
        Self {
            world,
            systems,
            anna,
        }
    }

    async fn text(&mut self, path: &str) -> String {
        let answer = self.anna.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.body.replace('\u{a0}', " ")
    }

    /// Which bills the page of choice has, and whether each is ticked.
    async fn boxes(&mut self, path: &str) -> Vec<(String, bool)> {
        let page = self.text(path).await;
        let boxes = page.split("name=\"bill\" value=\"").skip(1);
        let one = |part: &str| {
            let rest = part.split('>').next().unwrap_or_default();
            (part[..10].to_owned(), rest.contains("checked"))
        };
        boxes.map(one).collect()
    }

    /// What is open of the bills of a number, in cents.
    async fn open_of(&self, who: &str) -> Vec<(BillNumber, i64)> {
        let now = self.world.clock.now();
        let standing = self.world.store.standing(&number(who), now).await;
        let bills = standing.expect("a standing").bills;
        let open = bills.iter().filter(|bill| bill.open > Cents::ZERO);
        open.map(|bill| (bill.number, bill.open.get())).collect()
    }

    async fn all_open(&self) -> Vec<(BillNumber, i64)> {
        let (anna, maria) = (self.open_of(seed::ANNA), self.open_of(seed::MARIA));
        [anna.await, maria.await].concat()
    }

    /// A press on the page of these bills, which said that sum.
    async fn pays(&mut self, bills: &[(BillNumber, i64)], way: &str) -> Answer {
        let form: String = bills
            .iter()
            .map(|(bill, _)| format!("&bill={bill}"))
            .collect();
        let sum: i64 = bills.iter().map(|(_, cents)| cents).sum();
        let page = format!("/pay/all?chosen=1{form}");
        let form = format!("sum={sum}&way={way}{form}");
        self.anna.post_from(&page, "/pay/all", &form).await
    }

    /// What a payment system is answered.
    async fn told(&self, path: &str, body: &str) -> String {
        let from = [("sec-fetch-site", "cross-site")];
        let mut browser = self.world.browser();
        let answer = browser.ask(Method::POST, path, body, &from).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.body
    }

    /// Anna's bill is paid through an aggregator.
    async fn annas_is_paid(&self) {
        let query = ebg(&[
            ("IDN", seed::ANNA),
            ("MERCHANTID", "7"),
            ("TID", "T1"),
            ("DATE", "20261120110000"),
            ("TOTAL", "8420"),
            ("TYPE", "BILLING"),
        ]);
        let mut browser = self.world.browser();
        let answer = browser.get(&format!("/pay/ebg/confirm?{query}")).await;
        assert!(answer.body.contains("\"00\""), "{}", answer.body);
    }

    async fn begun(&self) -> usize {
        self.world.store.payments(99).await.expect("payments").len()
    }
}

fn euro(cents: i64) -> String {
    format!("{},{:02} €", cents / 100, cents % 100)
}

fn sum(bills: &[(BillNumber, i64)]) -> i64 {
    bills.iter().map(|(_, cents)| cents).sum()
}

#[tokio::test]
async fn bills_of_one_number_are_paid_by_one_payment() {
    let mut family = Family::open().await;
    let maria = family.open_of(seed::MARIA).await;
    assert!(maria.len() > 2);
    // Anna has one bill, which has a button of its own.
    assert!(!family.text("/bills").await.contains("/pay/all"));
    let form = format!("number={}", seed::MARIA);
    family.anna.post("/points", &form).await;
    let bills = family.text("/bills").await;
    let offered = format!(
        "{} неплатени сметки, общо {}",
        maria.len(),
        euro(sum(&maria))
    );
    assert!(
        bills.contains(&offered) && bills.contains("/pay/all?number=1000003"),
        "{bills}"
    );
    let boxes = family.boxes("/pay/all?number=1000003").await;
    let all: Vec<_> = maria
        .iter()
        .map(|(bill, _)| (bill.to_string(), true))
        .collect();
    assert_eq!(
        boxes, all,
        "a credit note asks for nothing, and is counted where it pays"
    );

    // Two of them: the sum is said again, and the rest is left alone.
    let two = [maria[0], maria[2]];
    let chosen = format!(
        "/pay/all?number=1000003&chosen=1&bill={}&bill={}",
        two[0].0, two[1].0
    );
    let page = family.text(&chosen).await;
    assert!(page.contains("Плащане на 2 сметки") && page.contains(&euro(sum(&two))));
    assert!(
        page.contains("всяка сметка се плаща отделно") && !page.contains(&maria[1].0.to_string())
    );
    let there = family.pays(&two, "epay.account").await;
    assert!(there.body.contains("paylogin"), "{}", there.body);
    let views = family.world.store.payments(9).await.expect("payments");
    assert_eq!((views.len(), views[0].payment.amount.get()), (1, sum(&two)));
    let newest_first = [two[1].0, two[0].0];
    assert_eq!(views[0].payment.bills, newest_first);
    // Under way, they are not ticked any more.
    let boxes = family.boxes("/pay/all?number=1000003").await;
    let ticked: Vec<_> = boxes.iter().map(|(_, ticked)| *ticked).collect();
    assert_eq!(ticked[..3], [false, true, false]);

    family
        .told(
            "/pay/epay/notify",
            &epay("INVOICE=1:STATUS=PAID:STAN=1:BCODE=A"),
        )
        .await;
    let left: Vec<_> = maria
        .iter()
        .filter(|one| !two.contains(one))
        .copied()
        .collect();
    assert_eq!(family.open_of(seed::MARIA).await, left);
    let book = family.text("/payments").await;
    let both = format!("за сметки {}, {}", two[1].0, two[0].0);
    assert_eq!(book.matches("Платено през ePay.bg").count(), 1);
    assert!(
        book.contains(&both) && book.contains(&euro(sum(&two))),
        "{book}"
    );
    // Each bill's page tells of it, with what was for that bill.
    for (bill, cents) in two {
        let page = family.text(&family.world.pay_path(bill)).await;
        assert!(page.contains("Сметката е платена") && page.contains("за няколко сметки заедно"));
        assert!(
            page.contains(&format!("{} през ePay.bg: платено", euro(cents))),
            "{page}"
        );
    }
    // Staff see one payment with its bills.
    family.world.hire("vera", kvit_billing::Role::Agent).await;
    let mut vera = family.world.browser();
    vera.sign_in_staff("vera").await;
    let page = vera.get("/staff/customers/1000003").await.body;
    assert_eq!(
        page.matches(&format!("{}, {}", two[1].0, two[0].0)).count(),
        1,
        "{page}"
    );
}

#[tokio::test]
async fn all_numbers_of_a_session_are_paid_by_one_payment() {
    let mut family = Family::open().await;
    let all = family.all_open().await;
    let points = family.text("/points").await;
    assert!(points.contains("href=\"/pay/all\"") && points.contains(&euro(sum(&all))));
    let there = family.pays(&all, "icard.card").await.body;
    let amount = format!("{}.{:02}", sum(&all) / 100, sum(&all) % 100);
    assert!(
        there.contains(&amount) && there.contains("Плащане на "),
        "{there}"
    );
    let slug = there
        .split("&#x2f;return&#x2f;")
        .nth(1)
        .expect("where to come back");
    let slug = slug.split('"').next().expect("its end").to_owned();
    // The browser comes back without a word, and without a session.
    let from = [("sec-fetch-site", "cross-site")];
    let mut other = family.world.browser();
    let path = format!("/pay/icard/return/{slug}");
    let back = other.ask(Method::POST, &path, "", &from).await;
    let order = back.header("location").to_owned();
    assert!(order.starts_with("/pay/icard.1-"), "{order}");
    let page = other.get(&order).await.body.replace('\u{a0}', " ");
    assert!(
        page.contains("Върнахте се") && page.contains(&euro(sum(&all))),
        "{page}"
    );
    assert!(
        !page.contains("Мария") && !page.contains(seed::MARIA),
        "it shows no person"
    );
    // Another's bill page tells what is for that bill, and not the whole.
    let annas = other
        .get(&family.world.pay_path(seed::first_bill()))
        .await
        .body;
    let annas = annas.replace('\u{a0}', " ");
    assert!(annas.contains("за няколко сметки заедно") && annas.contains("84,20 €"));
    assert!(!annas.contains(&euro(sum(&all))), "{annas}");
    for wrong in [
        order.replace("icard.1", "icard.2"),
        format!("{order}0"),
        "/pay/icard.1-".to_owned(),
    ] {
        let wrong = wrong.replace("?back=1", "");
        assert_eq!(
            other.get(&wrong).await.status,
            StatusCode::NOT_FOUND,
            "{wrong}"
        );
    }

    let call = icard(&[
        ("IPGmethod", "IPGPurchaseNotify"),
        ("MID", "1"),
        ("OrderID", "1"),
        ("Amount", &amount),
        ("Currency", "978"),
        ("IPG_Trnref", "A"),
    ]);
    for _ in 0..3 {
        assert_eq!(family.told("/pay/icard/notify", &call).await, "OK");
    }
    assert!(family.all_open().await.is_empty());
    let page = family.text(&order).await;
    assert!(page.contains("Сметките са платени") && page.contains("href=\"/bills\""));
    let book = family.text("/payments").await;
    assert!(
        book.contains(&format!("част от плащане на {}", euro(sum(&all)))),
        "{book}"
    );
    let none = family.text("/pay/all").await;
    assert!(none.contains("Нямате неплатени сметки"));
    // It goes back as a whole.
    let back = icard(&[
        ("IPGmethod", "IPGPurchaseRollback"),
        ("MID", "1"),
        ("OrderID", "1"),
        ("IPG_Trnref", "A"),
    ]);
    assert_eq!(family.told("/pay/icard/notify", &back).await, "OK");
    assert_eq!(family.all_open().await, all);
    assert!(family.text(&order).await.contains("парите бяха върнати"));
}

#[tokio::test]
async fn what_changed_meanwhile_is_shown_before_anybody_pays() {
    let mut family = Family::open().await;
    let all = family.all_open().await;
    family.annas_is_paid().await;
    // The button of a page that was opened before, also by going back.
    let answer = family.pays(&all, "epay.card").await;
    let page = answer.body.replace('\u{a0}', " ");
    assert!(
        page.contains("Междувременно се промени") && page.contains(&euro(sum(&all[1..]))),
        "{page}"
    );
    assert!(!page.contains(ANNAS) && family.begun().await == 0);
    let fewer = family
        .text(&format!("/pay/all?chosen=1&bill={ANNAS}&bill={}", all[1].0))
        .await;
    assert!(fewer.contains("вече не са за плащане") && fewer.contains("Плащане на 1 сметка"));
    let gone = family.pays(&all[..1], "epay.card").await.body;
    assert!(
        gone.contains("Междувременно избраните сметки са платени") && family.begun().await == 0
    );
    let none = family.anna.get("/pay/all?chosen=1").await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.body.contains("Отбележете поне една сметка"));
    // A way that nobody offers, and odd words.
    for way in ["ebg.card", "epay.gold", "bank", ""] {
        let answer = family.pays(&all[1..], way).await;
        assert!(answer.body.contains("Изберете как да платите"), "{way}");
    }
    for odd in [
        "bill=x",
        "bill=99999999999999999999&chosen=1",
        "number=%00&chosen=1&bill=1",
    ] {
        let answer = family.anna.get(&format!("/pay/all?{odd}")).await;
        assert!(
            answer.status.is_success() || answer.status.is_client_error(),
            "{odd}"
        );
    }
    assert_eq!(family.begun().await, 0);
    // A form of nobody's.
    let form = format!(
        "form_token=x&sum={}&way=epay.card&bill={}",
        all[1].1, all[1].0
    );
    let forged = family.anna.ask(Method::POST, "/pay/all", &form, &[]).await;
    assert!(forged.status.is_client_error());
    assert_eq!(family.begun().await, 0);
}

#[tokio::test]
async fn a_second_press_pays_no_bill_twice_unless_both_are_paid() {
    let mut family = Family::open().await;
    let all = family.all_open().await;
    for _ in 0..2 {
        assert!(
            family
                .pays(&all, "epay.card")
                .await
                .body
                .contains("credit_paydirect")
        );
    }
    assert_eq!(family.begun().await, 2);
    family
        .told(
            "/pay/epay/notify",
            &epay("INVOICE=2:STATUS=PAID:STAN=1:BCODE=A"),
        )
        .await;
    assert!(family.all_open().await.is_empty());
    // The other is still to be heard of: the press on its page came to something after all.
    family
        .told(
            "/pay/epay/notify",
            &epay("INVOICE=1:STATUS=PAID:STAN=2:BCODE=B"),
        )
        .await;
    let now = family.world.clock.now();
    for who in [seed::ANNA, seed::MARIA] {
        let own = all
            .iter()
            .filter(|(bill, _)| (who == seed::ANNA) == (bill.to_string() == ANNAS));
        let standing = family.world.store.standing(&number(who), now).await;
        let credit = standing.expect("a standing").credit.get();
        assert_eq!(credit, own.map(|(_, cents)| cents).sum::<i64>(), "{who}");
    }
}

#[tokio::test]
async fn there_is_an_end_to_beginning() {
    let mut family = Family::open().await;
    let all = family.all_open().await;
    let mut last = StatusCode::OK;
    for _ in 0..21 {
        last = family.pays(&all, "epay.card").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn nobody_pays_what_is_not_theirs() {
    let mut family = Family::open().await;
    let boris = family.open_of(seed::BORIS).await;
    let page = family.text("/pay/all?number=1000002").await;
    assert!(
        !page.contains(&boris[0].0.to_string()),
        "another's number counts for nothing"
    );
    let answer = family.pays(&boris, "epay.card").await.body;
    assert!(!answer.contains("credit_paydirect") && family.begun().await == 0);
    // Nobody without a session: not by a link that pays one bill, nor as somebody who reads along.
    let mut other = family.world.browser();
    let answer = other.get("/pay/all").await;
    assert_eq!(answer.header("location"), "/bills?ended");
    let form = format!("sum={}&way=epay.card&bill={ANNAS}", 8420);
    let answer = other.post("/pay/all", &form).await;
    assert_eq!(answer.header("location"), "/bills?ended");
    assert_eq!(family.begun().await, 0);
    let slug = other
        .post(
            "/pay/icard.1-00000000000000000000000000000000",
            "way=epay.card",
        )
        .await;
    assert_eq!(slug.status, StatusCode::NOT_FOUND);

    // What an earlier holder left is open, and is not asked of the one who came.
    let maria = family.open_of(seed::MARIA).await;
    let came = "2026-10-01".parse().expect("a day");
    let since = [(number(seed::MARIA), came)];
    family
        .world
        .store
        .note_holders(&since)
        .await
        .expect("noted");
    seed::enrol(&family.world.store, seed::MARIA, SHARED).await;
    let code = family.world.code(seed::MARIA).replace(' ', "+");
    let form = format!("number={}&code={code}", seed::MARIA);
    family.anna.post("/points/add", &form).await;
    let boxes = family.boxes("/pay/all").await;
    let last = maria.last().expect("October's").0.to_string();
    assert_eq!(boxes, [(ANNAS.to_owned(), true), (last, true)]);
    let answer = family.pays(&maria, "epay.card").await.body;
    assert!(
        !answer.contains("credit_paydirect") && family.begun().await == 0,
        "{answer}"
    );
}

#[tokio::test]
async fn a_code_for_cash_pays_all_of_them() {
    let mut family = Family::open().await;
    let all = family.all_open().await;
    let silent = family.pays(&all, "epay.cash").await;
    let place = silent.header("location").to_owned();
    assert!(
        place.starts_with("/pay/epay.1-") && place.ends_with("?nocode"),
        "{place}"
    );
    assert!(
        family
            .text(&place)
            .await
            .contains("не може да се издаде код")
    );
    let code = b"IDN=1234567890\n".to_vec();
    family
        .systems
        .answers
        .lock()
        .expect("not poisoned")
        .push(code);
    let place = family.pays(&all, "epay.cash").await;
    let place = place.header("location").to_owned();
    let page = family.text(&place).await;
    assert!(
        page.contains("12345 67890") && page.contains(&euro(sum(&all))),
        "{page}"
    );
    // A bill's own page says that a code waits, and where it is: to nobody but who signed in for all of them.
    let waits = "се чака плащане с него на каса";
    let link = format!("href=\"{}\"", place.replace('/', "&#x2f;"));
    let annas = family.world.pay_path(all[0].0);
    let own = family.text(&annas).await;
    assert!(
        own.contains(waits) && own.contains(&link) && !own.contains("12345 67890"),
        "{own}"
    );
    let mut other = family.world.browser();
    let page = other.get(&annas).await.body;
    assert!(page.contains(waits) && !page.contains("epay.2-"), "{page}");
    let list = family.text("/pay/all").await;
    let said = format!("{} сметки наведнъж: общо {}", all.len(), euro(sum(&all)));
    assert!(list.contains(&said) && list.contains(&link), "{list}");
    let boxes = family.boxes("/pay/all").await;
    assert!(boxes.iter().all(|(_, ticked)| !ticked));
    assert!(
        family
            .text("/pay/all")
            .await
            .contains("Чака плащане на каса с кода")
    );
    family
        .told(
            "/pay/epay/notify",
            &epay("INVOICE=2:STATUS=PAID:STAN=1:BCODE=A"),
        )
        .await;
    assert!(family.all_open().await.is_empty());
    assert!(family.text(&place).await.contains("Сметките са платени"));
}

#[tokio::test]
async fn a_code_that_asks_for_too_much_is_not_to_be_used() {
    let mut family = Family::open().await;
    let all = family.all_open().await;
    let code = b"IDN=1234567890\n".to_vec();
    let answers = || family.systems.answers.lock().expect("not poisoned");
    answers().push(code);
    let place = family.pays(&all, "epay.cash").await;
    let place = place.header("location").to_owned();
    family.annas_is_paid().await;
    let page = family.text(&place).await;
    let left = euro(sum(&all[1..]));
    assert!(
        page.contains("не плащайте с него") && page.contains(&format!("остават за плащане {left}")),
        "{page}"
    );
    assert!(page.contains("href=\"/pay/all\"") && !page.contains("paycode"));
    for (bill, _) in [all[0], all[1]] {
        let own = family.text(&family.world.pay_path(bill)).await;
        assert!(
            own.contains("Издаден е код за плащане в брой, но не плащайте"),
            "{own}"
        );
    }
}

#[tokio::test]
async fn an_order_of_which_a_part_came_is_not_called_paid() {
    let mut family = Family::open().await;
    let all = family.all_open().await;
    let there = family.pays(&all, "icard.card").await.body;
    let slug = there
        .split("&#x2f;return&#x2f;")
        .nth(1)
        .expect("the way back");
    let slug = slug.split('"').next().expect("its end");
    let order = format!("/pay/{slug}");
    // Who turned back may choose again, also without a session.
    let mut other = family.world.browser();
    let page = other.get(&order).await.body;
    assert!(
        page.contains("Ако вече сте платили") && page.contains("href=\"/pay/all\""),
        "{page}"
    );
    let call = icard(&[
        ("IPGmethod", "IPGPurchaseNotify"),
        ("MID", "1"),
        ("OrderID", "1"),
        ("Amount", "84.20"),
        ("Currency", "978"),
        ("IPG_Trnref", "A"),
    ]);
    let ways = family.systems.all();
    let mut shops = ways.iter().filter_map(|provider| match &provider.dialect {
        Dialect::Ipg(shop) if provider.name.as_str() == "icard" => Some(shop),
        _ => None,
    });
    let notice = shops.next().expect("iCard").call_back(call.as_bytes());
    let notice = notice.expect("a call-back");
    let now = family.world.clock.now();
    let store = &family.world.store;
    let kept = store.receive_notice(&notice, now).await;
    let outcome = kept.expect("an answer").outcome;
    assert_eq!(outcome, NoticeOutcome::OtherAmount);
    let marias = family.world.pay_path(all[1].0);
    let own = family.text(&marias).await;
    assert!(own.contains("не съвпадат с исканата сума"), "{own}");
    // Two people give all of it to Anna.
    let store = &family.world.store;
    let notice = store.notices_for_people(9).await.expect("notices");
    let claim = Claim {
        account: number(seed::ANNA),
        amount: None,
        bill: None,
    };
    let id = notice[0].id.as_str();
    // Staff see whose bills it was for, and find all of them by the payment's name.
    family.world.hire("vera", kvit_billing::Role::Billing).await;
    let mut vera = family.world.browser();
    vera.sign_in_staff("vera").await;
    let at = format!("/staff/money/notice?notice={}", id.replace('/', "%2F"));
    let page = vera.get(&at).await.body.replace('\u{a0}', " ");
    assert!(page.contains("Сметки в това плащане"), "{page}");
    for (bill, cents) in &all {
        assert!(page.contains(&bill.to_string()) && page.contains(&euro(*cents)));
    }
    family.world.hire("ivo", kvit_billing::Role::Agent).await;
    let mut ivo = family.world.browser();
    ivo.sign_in_staff("ivo").await;
    let form = "wanted=icard%2F1";
    let from = "/staff/customers";
    let found = ivo.post_from(from, from, form).await.body;
    assert!(
        found.contains(seed::ANNA) && found.contains(seed::MARIA),
        "{found}"
    );
    let said = store.propose_allocation(id, &claim, "ana", now).await;
    assert_eq!(said.expect("an answer"), Allocate::Done);
    let said = store.approve_allocation(id, &claim.account, "boris", now);
    assert_eq!(said.await.expect("an answer"), Allocate::Done);
    let page = family.text(&order).await;
    assert!(
        page.contains("84,20 € с карта през iCard: платено")
            && !page.contains("Сметките са платени"),
        "{page}"
    );
    let own = family.text(&marias).await;
    assert!(
        own.contains("покри само част от сметките") && !own.contains(": платено"),
        "{own}"
    );
}

#[tokio::test]
async fn one_ticked_bill_is_paid_as_on_its_own_page() {
    let mut family = Family::open().await;
    let all = family.all_open().await;
    family.pays(&all[..1], "epay.account").await;
    let views = family.world.store.payments(9).await.expect("payments");
    let payment = &views[0].payment;
    assert!(!payment.together && payment.bills == [all[0].0]);
}

#[tokio::test]
async fn a_bill_that_the_bank_will_collect_is_left_out_and_its_mandate_stays() {
    let mut family = Family::open().await;
    autopay::announced(&family.world).await;
    let mut anna = family.world.browser();
    let path = family.world.sign_in_path(&mut anna, seed::ANNA).await;
    anna.post(&path, "").await;
    family.anna = anna;
    let boxes = family.boxes("/pay/all").await;
    let collected = (ANNAS.to_owned(), false);
    assert!(
        boxes.contains(&collected) && boxes.iter().any(|(_, ticked)| *ticked),
        "{boxes:?}"
    );
    assert!(
        family
            .text("/pay/all")
            .await
            .contains("банковата Ви сметка")
    );
    // Who ticks it all the same pays it, and is not collected from.
    let all = family.all_open().await;
    family.pays(&all, "epay.card").await;
    family
        .told(
            "/pay/epay/notify",
            &epay("INVOICE=1:STATUS=PAID:STAN=1:BCODE=A"),
        )
        .await;
    assert!(family.all_open().await.is_empty());
    let store = &family.world.store;
    let mandates = store
        .mandates_of(&number(seed::ANNA), 9)
        .await
        .expect("mandates");
    assert!(mandates.iter().all(|mandate| mandate.ended.is_none()) && mandates.len() == 1);
}
