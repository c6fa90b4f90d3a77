//! What customers and staff do, in Chromium: on a telephone and on a desk, with and without script.

mod common;

use common::{
    PASSWORD, World,
    chrome::{Chrome, KINDS},
    seed,
};
use kvit_billing::Role;
use kvit_store::EnrolmentState;

/// Runs a journey in each kind of browser, each time on a portal of its own.
macro_rules! journeys {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let Some(mut chrome) = Chrome::open().await else { return };
            for (width, scripts) in KINDS {
                let (world, url) = World::served().await;
                chrome.visit(&url).await;
                chrome.width(width).await;
                chrome.scripts(scripts).await;
                eprintln!("{} at {width} px, scripts {scripts}", stringify!($name));
                journey::$name(&world, &chrome).await;
                chrome.is_well().await;
            }
        }
    )*};
}

journeys!(
    checks_a_bill_and_downloads_it,
    mistypes_and_is_helped,
    gets_by_with_the_keyboard_alone,
    takes_home_a_year,
    is_locked_out_and_finds_a_way,
    is_never_locked_out_of_a_browser_that_knows_them,
    enrols_and_proves_the_address,
    lets_a_reader_in_who_leaves_again,
    looks_at_all_numbers_and_signs_out_everywhere,
    goes_back_to_paper,
    confirms_a_receipt,
    follows_broken_links,
    changes_the_language,
    presses_twice_and_goes_back,
    takes_a_call_by_keyboard_alone,
    finds_money_its_owner_by_keyboard_alone,
    decides_about_declarations_by_keyboard_alone,
    signs_a_declaration_on_the_screen,
    signs_in_with_a_passkey,
    signs_in_with_a_passkey_as_staff,
);

#[path = "browser/desks.rs"]
mod desks;
#[path = "browser/paper.rs"]
mod paper;
#[path = "browser/two_people.rs"]
mod two_people;
#[path = "browser/ways_in.rs"]
mod ways_in;

async fn enter(chrome: &Chrome, number: &str, code: &str) {
    chrome.fill("#number", number).await;
    chrome.fill("#code", code).await;
    chrome.follow("main form button").await;
}

/// Goes on with TAB until this has the focus.
async fn tab_to(chrome: &Chrome, css: &str) {
    let there = format!("document.activeElement.matches({css:?})");
    for _ in 0..60 {
        if chrome.eval(&there).await == true {
            return;
        }
        chrome.keys("\u{e004}").await;
    }
    panic!("no way to {css}: {}", chrome.html().await);
}

async fn sign_in_staff(chrome: &Chrome, login: &str) {
    chrome.go("/staff/sign-in").await;
    chrome.fill("#login", login).await;
    chrome.fill("#password", PASSWORD).await;
    chrome.follow("main button").await;
}

async fn sign_in(world: &World, chrome: &Chrome, customer: &str) {
    chrome.go("/").await;
    enter(chrome, customer, &world.code(customer)).await;
    assert_eq!(chrome.path().await, "/bills");
}

mod journey {
    use super::*;

    pub(super) async fn checks_a_bill_and_downloads_it(world: &World, chrome: &Chrome) {
        chrome.go("/").await;
        assert_eq!(chrome.h1().await, "Вижте сметката си");
        enter(chrome, seed::ANNA, &world.code(seed::ANNA)).await;
        assert_eq!(chrome.h1().await, "Моите сметки");
        assert_eq!(chrome.text(".latest .amount").await, "84,20 €");
        assert!(
            chrome
                .text(".latest .due")
                .await
                .contains("5 декември 2026 г.")
        );
        let (name, bytes) = chrome.download(".latest .button[href$=pdf]").await;
        assert_eq!(name, "0000000001.pdf");
        assert!(bytes.starts_with(b"%PDF-"));
        chrome.follow("header form button").await;
        assert!(chrome.text("[role=status]").await.contains("Излязохте"));
        chrome.go("/bills/0000000001.pdf").await;
        assert_eq!(chrome.path().await, "/bills?ended");
        assert!(
            chrome
                .text("[role=status]")
                .await
                .contains("достъпът се затвори")
        );
    }

    pub(super) async fn mistypes_and_is_helped(world: &World, chrome: &Chrome) {
        chrome.go("/").await;
        enter(chrome, "", "12").await;
        assert!(
            chrome
                .eval("document.title")
                .await
                .as_str()
                .expect("text")
                .starts_with("Грешка:")
        );
        // The summary has the focus, and its links lead into the fields.
        chrome
            .until("document.activeElement.matches('[role=alert]')")
            .await;
        chrome.press("[role=alert] a[href='#code']").await;
        chrome.until("document.activeElement.id == 'code'").await;
        assert_eq!(
            chrome.eval("document.querySelector('#code').value").await,
            ""
        );
        enter(chrome, seed::ANNA, "00000000").await;
        assert!(
            chrome
                .text("[role=alert]")
                .await
                .contains("не си съответстват")
        );
        assert_eq!(
            chrome
                .eval("document.querySelectorAll('[role=alert] li').length")
                .await,
            1
        );
        // As it is printed, as it is spoken, with a space too many.
        enter(chrome, " 1000 001 ", &world.code(seed::ANNA)).await;
        assert_eq!(chrome.path().await, "/bills");
    }

    pub(super) async fn gets_by_with_the_keyboard_alone(world: &World, chrome: &Chrome) {
        const TAB: &str = "\u{e004}";
        const ENTER: &str = "\u{e007}";
        chrome.go("/").await;
        chrome.keys(TAB).await;
        assert_eq!(
            chrome.eval("document.activeElement.className").await,
            "skip"
        );
        let top = chrome
            .eval("document.activeElement.getBoundingClientRect().top >= 0")
            .await;
        assert_eq!(top, true, "the way to the content is seen");
        chrome.keys(ENTER).await;
        chrome.keys(TAB).await;
        assert_eq!(chrome.eval("document.activeElement.id").await, "number");
        assert_eq!(
            chrome
                .eval("getComputedStyle(document.activeElement).outlineStyle")
                .await,
            "solid"
        );
        chrome.keys(seed::ANNA).await;
        chrome.keys(TAB).await;
        chrome.keys(&world.code(seed::ANNA)).await;
        chrome.keys(ENTER).await;
        chrome.until("location.pathname == '/bills'").await;
        // Everything that can be pressed can be reached, once, and in the order of reading.
        let stops = chrome
            .eval("document.querySelectorAll('a[href], button').length")
            .await;
        let stops = stops.as_u64().expect("a count");
        let mut tops = Vec::new();
        for _ in 0..stops {
            chrome.keys(TAB).await;
            let top = chrome
                .eval("Math.round(document.activeElement.getBoundingClientRect().top + scrollY)")
                .await;
            tops.push(top.as_i64().expect("a place"));
        }
        let in_main: Vec<_> = tops.iter().filter(|top| **top > 150).collect();
        assert!(in_main.is_sorted(), "{tops:?}");
    }

    pub(super) async fn takes_home_a_year(world: &World, chrome: &Chrome) {
        seed::history(&world.store, &world.key).await;
        sign_in(world, chrome, seed::MARIA).await;
        chrome.follow("a[href^='/bills?year=']").await;
        assert_eq!(chrome.h1().await, "Сметки, издадени през 2025 г.");
        chrome.follow(".years a[href$='2024']").await;
        assert_eq!(chrome.h1().await, "Сметки, издадени през 2024 г.");
        assert_eq!(
            chrome
                .eval("document.querySelectorAll('.rows li').length")
                .await,
            7
        );
        let (name, bytes) = chrome.download("a[href='/bills/2024.zip']").await;
        assert_eq!(
            (name.as_str(), &bytes[..4]),
            ("2024.zip", &b"PK\x03\x04"[..])
        );
        chrome.follow("main a[href='/bills']").await;
        assert_eq!(chrome.h1().await, "Моите сметки");
    }

    pub(super) async fn is_locked_out_and_finds_a_way(world: &World, chrome: &Chrome) {
        chrome.go("/").await;
        for _ in 0..5 {
            enter(chrome, seed::ANNA, "00000000").await;
        }
        assert_eq!(chrome.h1().await, "Проверката е спряна за малко");
        assert!(chrome.text("main").await.contains("след 15 минути"));
        assert_eq!(chrome.text("main .phone").await, "0700 12 345");
        chrome.go("/").await;
        enter(chrome, seed::ANNA, &world.code(seed::ANNA)).await;
        assert_eq!(chrome.h1().await, "Проверката е спряна за малко");
        world.clock.forward_hours(1);
        sign_in(world, chrome, seed::ANNA).await;
    }

    pub(super) async fn is_never_locked_out_of_a_browser_that_knows_them(
        world: &World,
        chrome: &Chrome,
    ) {
        sign_in(world, chrome, seed::ANNA).await;
        chrome.follow("header form button").await;
        let mut stranger = world.browser();
        for _ in 0..6 {
            stranger
                .post("/bill/check", "number=1000001&code=00000000")
                .await;
        }
        sign_in(world, chrome, seed::ANNA).await;
        // Another customer's code is not easier to guess from here.
        chrome.go("/").await;
        for _ in 0..5 {
            enter(chrome, seed::BORIS, "00000000").await;
        }
        assert_eq!(chrome.h1().await, "Проверката е спряна за малко");
    }

    pub(super) async fn enrols_and_proves_the_address(world: &World, chrome: &Chrome) {
        chrome.go("/enrol?n=1000002").await;
        assert_eq!(
            chrome.eval("document.querySelector('#number').value").await,
            seed::BORIS
        );
        chrome.fill("#code", &world.code(seed::BORIS)).await;
        chrome.follow("main form button").await;
        assert!(chrome.text("main").await.contains("Стъпка 2 от 2"));
        chrome.fill("#email", "boris").await;
        chrome.follow("main form button").await;
        assert!(chrome.text("[role=alert]").await.contains("ime@primer.bg"));
        chrome.fill("#email", "boris@gmial.com").await;
        chrome.follow("main form button").await;
        assert!(
            chrome
                .text("main [role=status]")
                .await
                .contains("boris@gmail.com")
        );
        // Whoever corrects it and presses Enter means what they typed.
        chrome.fill("#email", "boris@gmall.com").await;
        chrome.eval("window.left = false").await;
        chrome.keys("\u{e007}").await;
        chrome
            .until("window.left === undefined && document.readyState == 'complete'")
            .await;
        let typed = chrome.eval("document.querySelector('#email').value").await;
        assert_eq!(typed, "boris@gmall.com");
        chrome.follow("button[name=instead]").await;
        assert_eq!(chrome.h1().await, "Проверете имейла си");
        assert!(chrome.text("main").await.contains("b•••@gmail.com"));
        // The link is opened elsewhere: on another device, by a scanner, by the customer.
        let prove = world.prove_path(seed::BORIS).await;
        chrome.forget().await;
        chrome.go(&prove).await;
        chrome.go(&prove).await;
        let account = common::number(seed::BORIS);
        let state = world.store.enrolment_of(&account).await.expect("a store");
        assert!(matches!(state, EnrolmentState::Pending(_)));
        chrome.follow("main button").await;
        assert_eq!(chrome.h1().await, "Готово, благодарим Ви");
        let state = world.store.enrolment_of(&account).await.expect("a store");
        assert!(matches!(state, EnrolmentState::Active(_)));
        chrome.go(&prove).await;
        assert_eq!(chrome.h1().await, "Имейлът вече е потвърден");
        sign_in(world, chrome, seed::BORIS).await;
        assert!(chrome.text(".band").await.contains("идва по имейл"));
        // A change of address waits for its proof; the old one stays until then.
        chrome.go("/enrol").await;
        assert!(chrome.text(".lead").await.contains("b•••@gmail.com"));
        chrome.fill("#email", "boris@gmail.com").await;
        chrome.follow("main form button").await;
        assert!(
            chrome
                .text("[role=alert]")
                .await
                .contains("вече идват на този адрес")
        );
        chrome.fill("#email", "novo@primer.bg").await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "Проверете имейла си");
        assert!(chrome.text("main").await.contains("n•••@primer.bg"));
        chrome.go("/bills").await;
        let text = chrome.text(".band").await;
        assert!(
            text.contains("b•••@gmail.com") && text.contains("n•••@primer.bg"),
            "{text}"
        );
    }

    pub(super) async fn lets_a_reader_in_who_leaves_again(world: &World, chrome: &Chrome) {
        seed::history_of(&world.store, &world.key, 1).await;
        sign_in(world, chrome, seed::MARIA).await;
        chrome.follow("a[href='/readers']").await;
        chrome.fill("#name", "Счетоводител").await;
        chrome.fill("#email", "smetki@kantora.bg").await;
        chrome.follow("form.card button.wide").await;
        assert!(chrome.text("[role=status]").await.contains("покана"));
        assert!(chrome.text(".people").await.contains("Счетоводител"));
        chrome.go(&world.join_path(seed::MARIA).await).await;
        chrome.follow("main button").await;
        assert_eq!(chrome.h1().await, "Готово, благодарим Ви");
        let copy = world.copy_path(seed::MARIA).await;
        chrome.go(&copy).await;
        assert_eq!(chrome.h1().await, "Копие от сметка");
        let (name, bytes) = chrome.download(".actions .button[href$=bill]").await;
        assert!(name.ends_with(".pdf") && bytes.starts_with(b"%PDF-"));
        chrome.follow("a[href$='/leave']").await;
        chrome.follow("main button").await;
        assert_eq!(chrome.h1().await, "Готово");
        chrome.go("/readers").await;
        assert!(!chrome.text(".people").await.contains("Счетоводител"));
    }

    pub(super) async fn looks_at_all_numbers_and_signs_out_everywhere(
        world: &World,
        chrome: &Chrome,
    ) {
        sign_in(world, chrome, seed::ANNA).await;
        chrome.follow("a[href='/points']").await;
        chrome.follow("a[href='/points/add']").await;
        enter(chrome, seed::BORIS, &world.code(seed::BORIS)).await;
        assert_eq!(chrome.h1().await, "Моите клиентски номера");
        assert_eq!(chrome.text(".latest .amount").await, "140,30 €");
        chrome
            .follow(&format!("button[value='{}']", seed::ANNA))
            .await;
        assert_eq!(chrome.text(".latest .amount").await, "84,20 €");
        chrome.follow("a[href='/sessions']").await;
        assert!(chrome.text(".people").await.contains("Това устройство"));
        chrome.follow("main form button").await;
        assert!(chrome.text("[role=status]").await.contains("Излязохте"));
        chrome.go("/points").await;
        assert_eq!(chrome.path().await, "/bills?ended");
    }

    pub(super) async fn goes_back_to_paper(world: &World, chrome: &Chrome) {
        chrome.go("/paper").await;
        enter(chrome, seed::ANNA, &world.code(seed::ANNA)).await;
        assert_eq!(chrome.h1().await, "Сметката Ви вече идва на хартия");
        seed::history_of(&world.store, &world.key, 1).await;
        sign_in(world, chrome, seed::MARIA).await;
        chrome.follow("a[href='/paper']").await;
        assert_eq!(chrome.h1().await, "Връщане на хартия");
        let account = common::number(seed::MARIA);
        let state = world.store.enrolment_of(&account).await.expect("a store");
        assert!(
            matches!(state, EnrolmentState::Active(_)),
            "looking changes nothing"
        );
        chrome.follow("main button").await;
        assert_eq!(chrome.h1().await, "Готово, отново на хартия");
        let state = world.store.enrolment_of(&account).await.expect("a store");
        assert!(matches!(state, EnrolmentState::None));
        chrome.go("/paper").await;
        assert_eq!(chrome.h1().await, "Сметката Ви вече идва на хартия");
    }

    pub(super) async fn confirms_a_receipt(world: &World, chrome: &Chrome) {
        let path = world.receipt_path();
        for _ in 0..2 {
            chrome.go(&path).await;
            assert_eq!(chrome.h1().await, "Получихте ли тази сметка?");
        }
        assert!(chrome.text("main").await.contains("84,20 €"));
        chrome.follow("main button").await;
        assert_eq!(chrome.h1().await, "Благодарим, отбелязахме го");
        assert!(
            chrome
                .text(".lead")
                .await
                .contains("20 ноември 2026 г. в 10:30 ч.")
        );
        // Back, and once more.
        chrome.back().await;
        world.clock.forward_hours(3);
        chrome.go(&path).await;
        assert_eq!(chrome.h1().await, "Вече сте потвърдили");
        assert!(chrome.text(".lead").await.contains("10:30"));
    }

    pub(super) async fn follows_broken_links(_: &World, chrome: &Chrome) {
        for (path, help) in [
            (
                "/receipt/0123456789abcdef0123456789abcdef",
                "Не разпознаваме тази връзка",
            ),
            ("/receipt/x", "Не разпознаваме тази връзка"),
            (
                "/prove/0123456789abcdef0123456789abcdef",
                "Не разпознаваме тази връзка",
            ),
            (
                "/v/0000000001-0123456789abcdef0123456789abcdef",
                "Не намираме такъв документ",
            ),
            ("/nowhere/at/all", "Няма такава страница"),
        ] {
            chrome.go(path).await;
            assert_eq!(chrome.h1().await, help, "{path}");
            assert_eq!(chrome.text("main .phone").await, "0700 12 345", "{path}");
        }
    }

    pub(super) async fn changes_the_language(world: &World, chrome: &Chrome) {
        chrome.go("/enrol?n=1000002").await;
        chrome.follow(".lang").await;
        assert_eq!(chrome.h1().await, "Your bill by e-mail");
        assert_eq!(
            chrome.eval("document.querySelector('#number').value").await,
            seed::BORIS
        );
        assert_eq!(chrome.eval("document.documentElement.lang").await, "en");
        enter(chrome, seed::BORIS, "00000000").await;
        assert!(
            chrome
                .text("[role=alert]")
                .await
                .contains("do not belong together")
        );
        // From the answer to a form, too, the switch leads to the same page.
        chrome.follow(".lang").await;
        assert_eq!(chrome.h1().await, "Сметка по имейл");
        chrome.follow(".lang").await;
        sign_in(world, chrome, seed::ANNA).await;
        assert_eq!(chrome.text(".latest .amount").await, "€84.20");
        // Mails speak their own language, but a visitor's choice goes first.
        chrome.go(&world.receipt_path()).await;
        assert_eq!(chrome.h1().await, "Did you receive this bill?");
        chrome.forget().await;
        chrome.go(&world.receipt_path()).await;
        assert_eq!(chrome.h1().await, "Получихте ли тази сметка?");
    }

    pub(super) async fn presses_twice_and_goes_back(world: &World, chrome: &Chrome) {
        sign_in(world, chrome, seed::BORIS).await;
        chrome.go("/enrol").await;
        chrome.fill("#email", "boris@primer.bg").await;
        chrome.follow("main form button").await;
        let first = world.prove_path(seed::BORIS).await;
        chrome.back().await;
        chrome.fill("#email", "boris@primer.bg").await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "Проверете имейла си");
        assert_eq!(
            world.prove_path(seed::BORIS).await,
            first,
            "one press, one mail"
        );
        // After signing out, the back button shows no bills.
        chrome.go("/bills").await;
        chrome.follow("header form button").await;
        chrome.back().await;
        assert!(chrome.text("main").await.contains("Код за достъп"));
        // A form of a session that has ended is answered with a way on.
        sign_in(world, chrome, seed::BORIS).await;
        chrome.go("/enrol").await;
        world.clock.forward_hours(2);
        chrome.fill("#email", "boris@primer.bg").await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.path().await, "/enrol?ended");
    }

    /// An agent, from the question who calls to the kept consent, without touching a mouse, in so few keys that a minute is
    /// enough.
    ///
    /// What a person needs is reckoned by the keystroke-level model (Card, Moran, Newell 1980) and not measured, since machines
    /// are noisy: 0.28 s for a key of an average typist, 0.75 s for one of a code, here of whatever the caller spells
    /// (reference, code, address), and 1.35 s of thought before each field and each button. Two keys turn the keyboard from
    /// Cyrillic to Latin. That makes 40 keys and 32 s over five pages; the rest of the minute is for talking. Neither the
    /// declaration, which is read aloud, nor the sign-in before the call is in it.
    pub(super) async fn takes_a_call_by_keyboard_alone(world: &World, chrome: &Chrome) {
        const TAB: &str = "\u{e004}";
        const ENTER: &str = "\u{e007}";
        let arrived = async |condition: &str| {
            chrome
                .until(&format!(
                    "document.readyState == 'complete' && ({condition})"
                ))
                .await;
        };
        let focused = |id: &str| format!("document.activeElement.id == '{id}'");
        world.hire("ana", Role::Agent).await;
        chrome.go("/staff/sign-in").await;
        arrived(&focused("login")).await;
        chrome.keys(&format!("ana{TAB}{PASSWORD}{ENTER}")).await;
        arrived(&focused("wanted")).await;
        let mut hand = Hand::default();
        hand.types(chrome, "борис").await;
        hand.presses(chrome, ENTER).await;
        // The next thing to do has the focus, on each page.
        arrived(&focused("reference")).await;
        hand.turns_the_keyboard();
        hand.spells(chrome, "C-17").await;
        hand.presses(chrome, TAB).await;
        let code = world.code(seed::BORIS).replace(' ', "");
        hand.spells(chrome, &code).await;
        hand.presses(chrome, ENTER).await;
        arrived("location.search.includes('done=recognised') && document.activeElement.matches('a.button[href*=\"/enrol\"]')").await;
        hand.thinks();
        hand.presses(chrome, ENTER).await;
        arrived(&focused("email")).await;
        hand.spells(chrome, "boris@primer.bg").await;
        hand.presses(chrome, ENTER).await;
        arrived("!!document.querySelector('.spelled') && document.activeElement.matches('.actions button')").await;
        assert!(chrome.text(".spelled").await.contains("кльомба"));
        hand.thinks();
        hand.presses(chrome, ENTER).await;
        arrived("location.search.includes('done=enrolled')").await;
        assert!(hand.keys <= 40 && hand.takes_ms <= 32_000, "{hand:?}");
        let state = world.store.enrolment_of(&common::number(seed::BORIS)).await;
        let EnrolmentState::Pending(record) = state.expect("a state") else {
            panic!("the consent waits for its proof");
        };
        assert_eq!(record.email.expose(), "boris@primer.bg");
    }

    /// Who types, and how long that takes by the keystroke-level model.
    #[derive(Debug, Default)]
    struct Hand {
        keys: u32,
        takes_ms: u32,
    }

    impl Hand {
        const KEY_MS: u32 = 280;
        const KEY_OF_CODE_MS: u32 = 750;
        const THOUGHT_MS: u32 = 1_350;

        /// A word.
        async fn types(&mut self, chrome: &Chrome, text: &str) {
            self.thinks();
            self.presses(chrome, text).await;
        }

        /// What is heard sign by sign.
        async fn spells(&mut self, chrome: &Chrome, text: &str) {
            self.thinks();
            self.counts(text.chars().count(), Self::KEY_OF_CODE_MS);
            chrome.keys(text).await;
        }

        async fn presses(&mut self, chrome: &Chrome, keys: &str) {
            self.counts(keys.chars().count(), Self::KEY_MS);
            chrome.keys(keys).await;
        }

        /// Alt and Shift.
        fn turns_the_keyboard(&mut self) {
            self.counts(2, Self::KEY_MS);
        }

        fn thinks(&mut self) {
            self.takes_ms += Self::THOUGHT_MS;
        }

        fn counts(&mut self, keys: usize, each_ms: u32) {
            let keys = u32::try_from(keys).expect("a few");
            self.keys += keys;
            self.takes_ms += keys * each_ms;
        }
    }

    /// Two of billing, from the list to the customer's book, without touching a mouse.
    pub(super) async fn finds_money_its_owner_by_keyboard_alone(world: &World, chrome: &Chrome) {
        const ENTER: &str = "\u{e007}";
        common::pay::transferred(world, "FT1", "за тока на баба", 8420).await;
        for login in ["vera", "boyan"] {
            world.hire(login, Role::Billing).await;
        }
        let said = |what: &str| {
            format!("location.search.includes('done={what}') && document.readyState == 'complete'")
        };
        for login in ["vera", "boyan"] {
            sign_in_staff(chrome, login).await;
            chrome.go("/staff/money").await;
            tab_to(chrome, "#wanted").await;
            // The page that is left has what is typed too.
            chrome.eval("window.isLeft = true").await;
            chrome.keys(&format!("колев{ENTER}")).await;
            chrome
                .until("!window.isLeft && document.readyState == 'complete' && document.querySelector('#wanted').value == 'колев'")
                .await;
            tab_to(chrome, "tbody a").await;
            chrome.keys(ENTER).await;
            chrome.until("location.pathname == '/staff/money/notice' && document.readyState == 'complete'").await;
            if login == "vera" {
                tab_to(chrome, "#account").await;
                chrome.keys(seed::ANNA).await;
                tab_to(chrome, "button[value=propose]").await;
                chrome.keys(ENTER).await;
                chrome.until(&said("proposed")).await;
                assert!(chrome.text("main").await.contains("Предложението е Ваше"));
                chrome.follow("header form button").await;
            } else {
                assert!(chrome.text("main").await.contains("Анна"));
                tab_to(chrome, "button[value=approve]").await;
                chrome.keys(ENTER).await;
                chrome.until(&said("approved")).await;
            }
        }
        let standing = world
            .store
            .standing(&common::number(seed::ANNA), common::late())
            .await;
        assert_eq!(standing.expect("a standing").open().get(), 0);
    }

    /// A clerk goes from page to page, and takes the last decision back, without touching a mouse.
    pub(super) async fn decides_about_declarations_by_keyboard_alone(
        world: &World,
        chrome: &Chrome,
    ) {
        const ENTER: &str = "\u{e007}";
        const TAB: &str = "\u{e004}";
        let first = common::scans::brought(world, 1, Some(seed::BORIS)).await;
        let second = common::scans::brought(world, 2, None).await;
        world.hire("petya", Role::Clerk).await;
        sign_in_staff(chrome, "petya").await;
        chrome.go("/staff/scans").await;
        chrome
            .until("document.activeElement.matches('form[action=\"/staff/scans/next\"] button')")
            .await;
        let arrived = async |condition: String| {
            chrome
                .until(&format!(
                    "document.readyState == 'complete' && ({condition})"
                ))
                .await;
        };
        let at = |id: &str, focus: &str| {
            format!(
                "location.pathname == '/staff/scans/{id}' && document.activeElement.matches({focus:?})"
            )
        };
        // What is to be done next has the focus.
        chrome.keys(ENTER).await;
        arrived(at(&first, "#email")).await;
        arrived("document.querySelector('.paper img').naturalWidth == 600".to_owned()).await;
        chrome.keys(&format!("boris@gmial.com{TAB} {ENTER}")).await;
        arrived(at(&first, "button[name=instead]")).await;
        chrome.keys(ENTER).await;
        arrived(at(&second, "#number")).await;
        assert!(chrome.text(".undo").await.contains("потвърдена"));
        chrome.keys(&format!("{}{ENTER}", seed::ANNA)).await;
        arrived(at(&second, "#email")).await;
        assert!(chrome.text("main").await.contains("Анна"));
        world.clock.forward(1);
        tab_to(chrome, "#reason").await;
        chrome.keys("Няма").await;
        tab_to(chrome, "button[value=refuse]").await;
        chrome.keys(ENTER).await;
        arrived("location.search == '?done=empty'".to_owned()).await;
        tab_to(chrome, ".undo button").await;
        chrome.keys(ENTER).await;
        arrived(at(&second, "#number")).await;
        let state = world.store.enrolment_of(&common::number(seed::BORIS)).await;
        let EnrolmentState::Pending(record) = state.expect("a state") else {
            panic!("the consent waits for its proof");
        };
        assert_eq!(record.email.expose(), "boris@gmail.com");
        // A third one comes with the form.
        chrome.go("/staff/scans").await;
        let file = world.folder.path().join("пощата.tif");
        std::fs::write(&file, "II*").expect("a file");
        chrome.attach("#file", file.to_str().expect("text")).await;
        chrome.follow("form[enctype] button").await;
        assert!(chrome.text("main").await.contains("Файловете са качени"));
    }

    /// A customer writes with finger, pen and mouse what the clerk finds again; without script paper is offered.
    pub(super) async fn signs_a_declaration_on_the_screen(world: &World, chrome: &Chrome) {
        world.hire("petya", Role::Clerk).await;
        sign_in_staff(chrome, "petya").await;
        chrome
            .go(&format!("/staff/customers/{}", seed::BORIS))
            .await;
        chrome.press("#document").await;
        chrome.follow(".recognise button").await;
        chrome.follow(".desk .card .button").await;
        chrome.fill("#email", "boris@primer.bg").await;
        chrome.follow("main form button.wide").await;
        chrome.follow("form[action$='/sign'] button").await;
        let cannot = "document.querySelector('[data-when=cannot]').offsetHeight > 0";
        if chrome.eval(cannot).await == true {
            assert_eq!(
                chrome
                    .eval("document.querySelector('.pad').offsetHeight")
                    .await,
                0
            );
            let print = chrome.text("[data-when=cannot] button").await;
            assert_eq!(print, "Отпечатай декларацията");
            chrome.follow("form[action$='/enrol'] button").await;
            assert!(chrome.text(".address").await.contains("boris@primer.bg"));
            return;
        }
        chrome.follow("[data-signing] .button:not([type])").await;
        assert!(chrome.text("[role=alert]").await.contains("е празно"));
        let drawn = "document.querySelectorAll('#signature path').length";
        chrome
            .draw("#signature", "touch", &[(10.0, 20.0), (90.0, 80.0)])
            .await;
        assert_eq!(chrome.eval(drawn).await, 1);
        chrome.press("[data-clear]").await;
        assert_eq!(chrome.eval(drawn).await, 0);
        let up = [(10.0, 75.0), (25.0, 25.0), (40.0, 75.0)];
        chrome.draw("#signature", "touch", &up).await;
        let down = [(45.0, 25.0), (60.0, 75.0), (75.0, 25.0)];
        chrome.draw("#signature", "pen", &down).await;
        let under = [(10.0, 90.0), (80.0, 90.0)];
        chrome.draw("#signature", "mouse", &under).await;
        assert_eq!(chrome.eval(drawn).await, 3);
        chrome.follow("[data-signing] .button:not([type])").await;
        assert!(chrome.path().await.ends_with("done=enrolled"));
        assert!(chrome.text("main").await.contains("Подписана на екран"));
        let number = common::number(seed::BORIS);
        let facts = world.store.enrolments_of(&number, 9).await.expect("facts");
        let sheet = kvit_store::SignedSheet::of(&facts[0].evidence).expect("a sheet");
        let svg = world.shelf.pictures.lock().expect("free")[&sheet.object].clone();
        let svg = String::from_utf8(svg).expect("text");
        let path = svg.split("<path d=\"").nth(1).expect("a path");
        let path = path.split('"').next().expect("its end");
        let strokes: Vec<_> = path.split('M').skip(1).collect();
        assert_eq!(strokes.len(), 3, "{path}");
        // Where the finger began, whatever the screen's size.
        let begun = strokes[0].split('L').next().expect("a place");
        let (x, y) = begun.split_once(' ').expect("two numbers");
        let near =
            |text: &str, wanted: i32| (text.parse::<i32>().expect("a number") - wanted).abs() < 12;
        assert!(near(x, 100) && near(y, 300), "{begun}");
        let (number, id) = (seed::BORIS, &facts[0].record.id);
        let link =
            format!("document.querySelector('a[href*=\"/signed/{id}\"]').getAttribute('href')");
        let link = chrome.eval(&link).await;
        chrome.go(link.as_str().expect("a link")).await;
        let shown = chrome.text("svg").await;
        assert!(
            shown.contains("boris@primer.bg") && shown.contains(number),
            "{shown}"
        );
        chrome.back().await;
    }

    /// A customer adds a key on this device, signs in with it alone, and removes it.
    pub(super) async fn signs_in_with_a_passkey(world: &World, chrome: &Chrome) {
        sign_in(world, chrome, seed::ANNA).await;
        chrome.follow("a[href='/passkeys']").await;
        if !can(chrome).await {
            return;
        }
        let stranger = chrome.plug_in(false).await;
        chrome.press("[data-when=can]").await;
        chrome.until(FAILED).await;
        chrome.unplug(&stranger).await;
        let device = chrome.plug_in(true).await;
        chrome.fill("#name", "Моят телефон").await;
        chrome.follow("[data-when=can]").await;
        assert_eq!(chrome.path().await, "/passkeys?done=added");
        assert_eq!(chrome.text("#keys h3").await, "Моят телефон");
        chrome.follow("header form button").await;
        chrome.follow("a[href='/sign-in']").await;
        chrome.follow("#passkey button").await;
        assert_eq!(chrome.h1().await, "Моите сметки");
        assert!(chrome.text("main").await.contains(seed::ANNA));
        chrome.go("/passkeys").await;
        assert!(chrome.text("#keys").await.contains("Използван за последно"));
        chrome.follow("button[value=remove]").await;
        assert!(chrome.text("#keys").await.contains("Още нямате"));
        chrome.follow("header form button").await;
        chrome.go("/bills").await;
        chrome.follow("#passkey button").await;
        assert!(
            chrome
                .text("[role=alert]")
                .await
                .contains("не може да се влезе тук")
        );
        chrome.unplug(&device).await;
    }

    pub(super) async fn signs_in_with_a_passkey_as_staff(world: &World, chrome: &Chrome) {
        world.hire("ana", Role::Agent).await;
        sign_in_staff(chrome, "ana").await;
        chrome.go("/staff/password").await;
        chrome.follow("a[href='/staff/passkeys']").await;
        if !can(chrome).await {
            return;
        }
        let device = chrome.plug_in(true).await;
        chrome.follow("[data-when=can]").await;
        assert_eq!(chrome.text("#keys h3").await, "Ключ за достъп");
        chrome.follow("header form button").await;
        chrome.go("/staff/sign-in?next=/staff/password").await;
        chrome.follow("#passkey button").await;
        assert_eq!(chrome.path().await, "/staff/password");
        let trail = world.store.events("staff/ana", 9).await.expect("a trail");
        assert!(trail.iter().any(|event| event.detail["way"] == "passkey"));
        // A device that has no key, or whose owner says no.
        chrome.unplug(&device).await;
        chrome.follow("header form button").await;
        let empty = chrome.plug_in(true).await;
        chrome.press("#passkey button").await;
        chrome.until(FAILED).await;
        assert!(chrome.text("[role=alert]").await.contains("Опитайте пак"));
        chrome.unplug(&empty).await;
    }

    const FAILED: &str = "!document.querySelector('[data-when=failed]').hidden";

    /// Whether the page runs script; else it says what to do instead.
    async fn can(chrome: &Chrome) -> bool {
        let shown = async |when: &str| {
            let visible =
                format!("document.querySelector('[data-when={when}]').getClientRects().length > 0");
            chrome.eval(&visible).await == true
        };
        let can = shown("can").await;
        assert_eq!(shown("cannot").await, !can);
        can
    }
}
