//! What one member of staff begins and another decides: a run, a refund, direct debits, texts, a layout.

use kvit_billing::Role;
use kvit_billing::ports::Clock as _;
use kvit_store::{StatementReport, Tally};
use kvit_web::ImportState;

use super::{
    common::{self, World, chrome::Chrome, chrome::KINDS, seed},
    sign_in_staff,
};

journeys!(
    brings_a_run_in_and_closes_it,
    gives_money_back,
    collects_and_reads_what_the_bank_says,
    words_the_pages_anew,
    brings_a_layout_in_and_sees_how_the_service_is,
);

mod journey {
    use super::*;

    /// The other one takes the chair.
    async fn relieve(chrome: &Chrome, login: &str) {
        chrome.follow("header form button").await;
        sign_in_staff(chrome, login).await;
    }

    /// Billing uploads a run and follows its import, with the page that comes again by itself; a second person releases
    /// it, looks how far it has come, and closes it once its balance sheet has nothing open.
    pub(super) async fn brings_a_run_in_and_closes_it(world: &World, chrome: &Chrome) {
        const RUN: &str = "2026-11-b2";
        let (store, key) = (&world.store, &world.key);
        for login in ["vera", "boyan"] {
            world.hire(login, Role::Billing).await;
        }
        sign_in_staff(chrome, "vera").await;
        chrome.follow("main .head .button").await;
        assert_eq!(chrome.h1().await, "Внасяне на пуск");
        let file = world.folder.path().join("ноември \"2\".ndjson");
        std::fs::write(&file, "{\"a\":1}\r\n").expect("a file");
        chrome.attach("#file", file.to_str().expect("text")).await;
        chrome.follow("main form button").await;
        assert!(chrome.h1().await.contains("ноември"));
        assert!(chrome.text("main").await.contains("внася друг файл"));
        assert_eq!(
            world.shelf.whole.lock().expect("not poisoned")[0],
            b"{\"a\":1}\r\n"
        );
        seed::waiting(store, RUN, "vera").await;
        let run = RUN.parse().expect("an id");
        world.shelf.set(kvit_web::ImportState::Checked(run));
        chrome
            .until("location.pathname == '/staff/runs/2026-11-b2' && document.readyState == 'complete'")
            .await;
        assert_eq!(chrome.h1().await, RUN);
        assert!(
            chrome
                .text("main")
                .await
                .contains("Вие сте внесли този пуск")
        );
        assert_eq!(chrome.eval(RELEASE).await, 0);

        relieve(chrome, "boyan").await;
        chrome.follow("main a[href='/staff/runs/2026-11-b2']").await;
        chrome.follow("form[action$='/release'] button").await;
        let main = async || chrome.text("main").await;
        assert!(main().await.contains("Пускът е разрешен"));
        assert!(main().await.contains("Издадени 0 от 2"));
        chrome.follow("a[href$='?follow']").await;
        seed::issued(store, key, RUN).await;
        chrome.follow("main a.plain[href$='2026-11-b2']").await;
        assert!(main().await.contains("Издадени 2 от 2"));
        let sheet = async || {
            let sheet = chrome.text("[aria-labelledby=sheet] tbody").await;
            sheet.replace('\u{a0}', " ")
        };
        let held = sheet().await;
        assert!(held.contains("Още на път 1 91,20 €"), "{held}");
        assert!(main().await.contains("и няма сметки на път"));
        seed::deliver_all(store, "2026-11-20T09:00:00Z".parse().expect("a time")).await;
        chrome.go("/staff/runs/2026-11-b2").await;
        let settled = sheet().await;
        for line in [
            "Приети от пощата на клиента 1 91,20 €",
            "На хартия, предадени за печат 0 0,00 €",
            "На хартия, чакат печат 1 43,00 €",
            "Още на път 0 0,00 €",
            "Общо издадени 2 134,20 €",
        ] {
            assert!(settled.contains(line), "{line}: {settled}");
        }
        chrome.follow("form[action$='/close'] button").await;
        assert!(main().await.contains("Пускът не е приключен"));
        chrome.press("#unprinted").await;
        chrome.follow("form[action$='/close'] button").await;
        assert!(main().await.contains("Пускът е приключен"));
        assert!(main().await.contains("Приключен от boyan"));
    }

    const RELEASE: &str = "document.querySelectorAll('form[action$=\"/release\"]').length";

    /// One of billing proposes a refund, another approves it, and the bank's file has it.
    pub(super) async fn gives_money_back(world: &World, chrome: &Chrome) {
        common::pay::transferred(world, "FT1", "0000000001", 9000).await;
        for login in ["vera", "boyan"] {
            world.hire(login, Role::Billing).await;
        }
        sign_in_staff(chrome, "vera").await;
        chrome.follow("nav a[href='/staff/money']").await;
        chrome.follow("main nav a[href='/staff/refunds']").await;
        chrome.fill("#account", seed::ANNA).await;
        chrome.follow("form.search button").await;
        assert_eq!(chrome.h1().await, "Анна");
        chrome.fill("#amount", "5,80").await;
        chrome.fill("#iban", "DE89 3704 0044 0532 0130 01").await;
        chrome.fill("#why", "Плати два пъти").await;
        chrome.follow("button[value=refund]").await;
        assert!(chrome.text("[role=alert]").await.contains("IBAN"));
        chrome.fill("#iban", "DE89 3704 0044 0532 0130 00").await;
        chrome.follow("button[value=refund]").await;
        assert_eq!(chrome.path().await, "/staff/refunds/1?done=proposed");
        assert!(chrome.text("main").await.contains("Предложението е Ваше"));

        relieve(chrome, "boyan").await;
        chrome.go("/staff/refunds").await;
        chrome.follow("tbody a").await;
        let facts = chrome.text(".facts").await;
        for part in ["DE89 3704 0044 0532 0130 00", "Плати два пъти", "vera"] {
            assert!(facts.contains(part), "{part}: {facts}");
        }
        chrome.follow("button[value=approve]").await;
        assert_eq!(chrome.path().await, "/staff/refunds/1?done=approved");
        chrome.follow(".head a[href='/staff/refunds']").await;
        chrome
            .follow("form[action='/staff/refunds/file'] button")
            .await;
        let (name, file) = chrome.download("[role=status] a").await;
        assert!(name.ends_with(".xml"), "{name}");
        let file = String::from_utf8(file).expect("text");
        assert!(file.contains("DE89370400440532013000"), "{file}");
        let anna = common::number(seed::ANNA);
        let standing = world.store.standing(&anna, world.clock.now()).await;
        assert_eq!(standing.expect("a standing").credit.get(), 0);
    }

    /// One of billing prepares the direct debits, another approves them and fetches the bank's file; brings its statement in
    /// and looks at what nobody could be found for.
    pub(super) async fn collects_and_reads_what_the_bank_says(world: &World, chrome: &Chrome) {
        seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
        common::autopay::announced(world).await;
        for login in ["vera", "boyan"] {
            world.hire(login, Role::Billing).await;
        }
        sign_in_staff(chrome, "vera").await;
        chrome.go("/staff/debits").await;
        chrome.follow("form[action='/staff/debits'] button").await;
        assert_eq!(chrome.path().await, "/staff/debits/1?done=prepared");
        let main = async || chrome.text("main").await.replace('\u{a0}', " ");
        assert!(main().await.contains("Вие подготвихте файла"));
        let approving = "document.querySelectorAll('[value=approve], [href$=\"/file/1\"]').length";
        assert_eq!(chrome.eval(approving).await, 0);

        relieve(chrome, "boyan").await;
        chrome.go("/staff/debits").await;
        chrome.follow("tbody a[href='/staff/debits/1']").await;
        let shown = main().await;
        for part in ["84,20 €", "vera", seed::ANNA] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        chrome.follow("button[value=approve]").await;
        assert!(main().await.contains("Файлът е одобрен"));
        let (name, file) = chrome.download(".button[href$='/file/1']").await;
        let file = String::from_utf8(file).expect("text");
        assert!(name.ends_with(".xml") && file.contains("DE89370400440532013000"));

        chrome.go("/staff/statements").await;
        let file = world.folder.path().join("извлечение.xml");
        std::fs::write(&file, "<Document/>").expect("a file");
        chrome.attach("#file", file.to_str().expect("text")).await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "извлечение.xml");
        let page = chrome.path().await;
        common::pay::transferred(world, "FT9", "за тока на баба", 1250).await;
        let statement = hex::encode("FT9");
        let report = StatementReport {
            unmatched: Tally {
                count: 1,
                cents: kvit_billing::Cents::new(1250),
            },
            ..StatementReport::default()
        };
        let finished = world
            .store
            .finish_statement(&statement, &report, world.clock.now());
        finished.await.expect("a store");
        let first = true;
        world.shelf.set(ImportState::Booked { statement, first });
        chrome.go(&page).await;
        let shown = main().await;
        assert!(shown.contains("Извлечението е внесено") && shown.contains("12,50 €"));
        chrome.follow("main a.button[href='/staff/money']").await;
        chrome.follow("tbody a").await;
        let shown = main().await;
        for part in ["за тока на баба", "Стоян <Колев>", "12,50 €"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    /// One administrator words the first page anew; visitors read it once another has looked and said so.
    pub(super) async fn words_the_pages_anew(world: &World, chrome: &Chrome) {
        const TITLE: &str = "Сметките Ви на едно място";
        for login in ["rada", "petar"] {
            world.hire(login, Role::Administrator).await;
        }
        sign_in_staff(chrome, "rada").await;
        chrome.follow("nav a[href='/staff/layouts']").await;
        chrome.follow("main nav a[href='/staff/texts']").await;
        chrome.follow("a[href$='/change/home']").await;
        chrome.fill("[id='bg.home-title']", TITLE).await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.path().await, "/staff/texts/1?done=brought");
        assert!(
            chrome
                .text("main")
                .await
                .contains("друг администратор трябва")
        );
        chrome.go("/").await;
        assert_eq!(chrome.h1().await, "Вижте сметката си");

        chrome.go("/staff/texts").await;
        relieve(chrome, "petar").await;
        chrome.go("/staff/texts").await;
        chrome.follow("a[href='/staff/texts/1']").await;
        assert_eq!(chrome.text("main ins").await, TITLE);
        assert_eq!(chrome.text("main del").await, "Вижте сметката си");
        chrome.follow("a[href='/staff/texts/1/bg/home']").await;
        assert_eq!(chrome.h1().await, TITLE);
        chrome.go("/staff/texts/1").await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.path().await, "/staff/texts?done=chosen");
        chrome.go("/").await;
        assert_eq!(chrome.h1().await, TITLE);
    }

    /// One administrator brings a layout in, another looks at it and lets it count; and both can see what ails the service.
    pub(super) async fn brings_a_layout_in_and_sees_how_the_service_is(
        world: &World,
        chrome: &Chrome,
    ) {
        for login in ["rada", "petar"] {
            world.hire(login, Role::Administrator).await;
        }
        sign_in_staff(chrome, "rada").await;
        chrome.follow("nav a[href='/staff/layouts']").await;
        let file = world.folder.path().join("есен.zip");
        std::fs::write(&file, "PK").expect("a file");
        chrome.attach("#file", file.to_str().expect("text")).await;
        chrome.follow("form[enctype] button").await;
        assert_eq!(chrome.h1().await, "есен.zip");
        let page = chrome.path().await;
        let new = kvit_store::NewLayout {
            base: Default::default(),
            name: "есен.zip".to_owned(),
            files: [("bill.typ".to_owned(), "one".into())].into(),
            report: common::layout_report(),
            by: "rada".to_owned(),
            who: "rada".to_owned(),
            at: world.clock.now(),
        };
        world.store.bring_layout(&new).await.expect("kept");
        let (layout, first) = (kvit_billing::LayoutNo(1), true);
        world.shelf.set(ImportState::Brought { layout, first });
        chrome.go(&page).await;
        assert_eq!(chrome.path().await, "/staff/layouts/1?done=brought");
        let main = async || chrome.text("main").await;
        assert!(main().await.contains("друг администратор трябва"));
        let forms = "document.querySelectorAll('main form').length";
        assert_eq!(chrome.eval(forms).await, 0);

        relieve(chrome, "petar").await;
        chrome.go("/staff/layouts").await;
        chrome.follow(".layouts a[href='/staff/layouts/1']").await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.path().await, "/staff/layouts?done=chosen");
        assert!(chrome.text("main .facts").await.contains("1"));
        chrome.follow("main nav a[href='/staff/keys']").await;
        for part in ["Стар корен", "/var/lib/kvit/archive", "mail.example:25"] {
            let shown = main().await;
            assert!(shown.contains(part), "{part}: {shown}");
        }
        chrome.follow("form[action='/staff/keys'] button").await;
        assert_eq!(chrome.path().await, "/staff/keys");
    }
}
