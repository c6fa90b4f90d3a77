//! Agents, clerks and auditors, and the administrator who opens and closes their accounts.

use kvit_billing::Role;
use kvit_billing::ports::Clock as _;
use kvit_store::{EnrolmentState, PasskeyOwner};
use kvit_web::credentials;
use serde_json::json;

use super::{
    common::{self, World, chrome::Chrome, chrome::KINDS, seed},
    enter, sign_in_staff,
};

journeys!(
    serves_a_caller_and_is_read_by_an_auditor,
    shuts_out_whoever_found_bill_and_telephone,
    is_given_an_account_and_loses_it,
);

mod journey {
    use super::*;

    /// An agent sends a bill again, takes a note and brings the customer back to paper; an auditor finds all of it.
    pub(super) async fn serves_a_caller_and_is_read_by_an_auditor(world: &World, chrome: &Chrome) {
        seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
        seed::deliver_all(&world.store, world.clock.now()).await;
        world.hire("ana", Role::Agent).await;
        world.hire("odit", Role::Auditor).await;
        sign_in_staff(chrome, "ana").await;
        chrome.fill("#wanted", "анна").await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "Анна");
        chrome.fill("#reference", "C-17").await;
        chrome.fill("#code", &world.code(seed::ANNA)).await;
        chrome.follow(".recognise button").await;
        let said = async || chrome.text("main [role=status]").await;
        chrome.follow("button[name=bill]").await;
        assert!(said().await.contains("Сметката се изпраща отново"));
        chrome.fill("#note", "Пита за <стария> електромер").await;
        chrome.follow("form[action$='/note'] button").await;
        assert!(said().await.contains("Бележката е записана"));
        chrome.follow("a[href*='/paper?call']").await;
        chrome.follow("main form button").await;
        assert!(said().await.contains("Следващата сметка е на хартия"));
        assert_eq!(chrome.text(".way").await, "На хартия");
        let state = world.store.enrolment_of(&common::number(seed::ANNA)).await;
        assert!(matches!(state, Ok(EnrolmentState::None)));
        let sent = world.store.deliveries_of_bill(seed::first_bill()).await;
        assert_eq!(sent.expect("deliveries").len(), 2);
        chrome.follow("header form button").await;

        let anna = format!("/staff/customers/{}", seed::ANNA);
        sign_in_staff(chrome, "odit").await;
        chrome.follow("nav a[href='/staff/audit']").await;
        chrome
            .fill("#subject", &format!("customer/{}", seed::ANNA))
            .await;
        chrome.follow(".filter button").await;
        let trail = chrome.text(".trail").await;
        for what in [
            "Отвори страница на клиент",
            "Разпозна клиент",
            "Изпрати отново сметка",
            "Добави бележка",
            "Върна клиент на хартия",
        ] {
            assert!(trail.contains(what), "{what}: {trail}");
        }
        assert!(!trail.contains(seed::BORIS), "{trail}");
        chrome.go(&anna).await;
        let told = chrome.text(".told").await;
        assert!(told.contains("Пита за <стария> електромер"), "{told}");
        // Auditors look, and nothing there can be pressed.
        for page in [
            &anna,
            "/staff/runs/2026-10-a1",
            "/staff/refunds",
            "/staff/layouts",
            "/staff/texts",
        ] {
            chrome.go(page).await;
            let forms = chrome.eval(FORMS).await;
            assert_eq!(forms, 0, "{page}");
        }
        chrome.go("/staff/people").await;
        assert_eq!(chrome.h1().await, "Тази страница не е за Вашата роля");
        // Nor do they look unseen.
        chrome.go("/staff/audit").await;
        chrome.fill("#who", "odit").await;
        chrome.follow(".filter button").await;
        let trail = chrome.text(".trail").await;
        assert!(trail.contains("Отвори страница на клиент"), "{trail}");
        assert!(trail.contains("извън ролята"), "{trail}");
    }

    /// A clerk sees a document; then every passkey goes, and a reader whom the customer does not know, and what is printed
    /// as code opens nothing any more.
    pub(super) async fn shuts_out_whoever_found_bill_and_telephone(world: &World, chrome: &Chrome) {
        const OFFERED: &str = "document.querySelectorAll('form[action$=\"/reader\"], a[href*=\"/passkeys?\"], a[href*=\"/code?\"]').length";
        seed::history_of(&world.store, &world.key, 1).await;
        seed::reader(&world.store, seed::MARIA, "kantora@primer.bg").await;
        let maria = PasskeyOwner::Customer(common::number(seed::MARIA));
        common::key(world, maria.clone()).await;
        world.hire("petya", Role::Clerk).await;
        sign_in_staff(chrome, "petya").await;
        let page = format!("/staff/customers/{}", seed::MARIA);
        chrome.go(&page).await;
        assert!(chrome.text("#readers + ul").await.contains("Баланс"));
        assert_eq!(chrome.eval(OFFERED).await, 0);
        chrome.press("#document").await;
        chrome.follow(".recognise button").await;
        assert_eq!(chrome.eval(OFFERED).await, 3);

        let said = async || chrome.text("main [role=status]").await;
        chrome.follow("a[href*='/passkeys?call']").await;
        chrome.follow("main form button").await;
        assert!(said().await.contains("Ключовете за достъп"));
        let keys = world.store.passkeys_of(&maria, 9).await;
        assert!(keys.expect("a store").is_empty());
        chrome.follow("form[action$='/reader'] button").await;
        assert!(said().await.contains("е и кодът за достъп на клиента"));
        chrome.follow("[role=status] a").await;
        chrome.follow("main form button").await;
        assert!(said().await.contains("Кодът е сменен"));
        let left = chrome.eval("document.querySelectorAll('form[action$=\"/reader\"]').length");
        assert_eq!(left.await, 0);

        chrome.go("/").await;
        enter(chrome, seed::MARIA, &world.code(seed::MARIA)).await;
        let old = chrome.text("[role=alert]").await;
        assert!(old.contains("не си съответстват"), "{old}");
    }

    const FORMS: &str = "document.querySelectorAll('main form, main button, main input').length";

    /// A new clerk signs in with what the administrator handed out, prints a declaration, and is shut out while at work.
    pub(super) async fn is_given_an_account_and_loses_it(world: &World, chrome: &Chrome) {
        const OWN: &str = "four words of mine";
        world.hire("root", Role::Administrator).await;
        sign_in_staff(chrome, "root").await;
        chrome.fill("#login", "eva").await;
        chrome.fill("#name", "Ева Иванова").await;
        chrome.press("#role option[value=clerk]").await;
        chrome.follow("form.card button").await;
        assert!(chrome.text("[role=alert]").await.contains("в кой център"));
        chrome.fill("#centre", "Център Русе").await;
        chrome.follow("form.card button").await;
        assert_eq!(chrome.h1().await, "Предайте тези данни лично");
        let handed = async |row: u8| {
            chrome
                .text(&format!(".facts div:nth-child({row}) dd"))
                .await
        };
        let password = handed(2).await;
        let secret = world
            .key
            .totp_secret(&"eva".parse().expect("a sign-in name"), 1);
        assert_eq!(handed(3).await, credentials::totp_secret_text(&secret));

        let root = chrome.hand_over(json!([])).await;
        let sign_in = async |password: &str| {
            world.clock.forward(60);
            chrome.go("/staff/sign-in").await;
            chrome.fill("#login", "eva").await;
            chrome.fill("#password", password).await;
            let code = credentials::totp_code(&secret, world.clock.now());
            chrome.fill("#factor", &code).await;
            chrome.follow("main button").await;
        };
        sign_in(&password).await;
        let lead = chrome.text("main").await;
        assert!(lead.contains("Влязохте с временна парола"), "{lead}");
        let boris = format!("/staff/customers/{}", seed::BORIS);
        chrome.go(&boris).await;
        assert_eq!(chrome.path().await, "/staff/password");
        for (field, typed) in [("#old", &*password), ("#new", OWN), ("#again", OWN)] {
            chrome.fill(field, typed).await;
        }
        chrome.follow("main form button").await;
        assert_eq!(chrome.path().await, "/staff/customers");

        chrome.go(&boris).await;
        chrome.press("#document").await;
        chrome.follow(".recognise button").await;
        chrome.follow(".desk .card .button").await;
        chrome.fill("#email", "boris@primer.bg").await;
        chrome.follow("main form button.wide").await;
        let desk = chrome.step_into("form[target] button").await;
        let declaration = chrome.text(".declaration").await;
        for part in ["Борис", "boris@primer.bg", "Ева Иванова", "Център Русе"]
        {
            assert!(declaration.contains(part), "{part}: {declaration}");
        }
        chrome.step_back(&desk).await;
        chrome.follow("form[action$='/enrol'] button").await;
        let main = chrome.text("main").await;
        assert!(main.contains("boris@primer.bg"), "unsigned: {main}");
        chrome.press("#signed").await;
        chrome.follow("form[action$='/enrol'] button").await;
        assert!(chrome.path().await.ends_with("done=enrolled"));
        let number = common::number(seed::BORIS);
        let facts = world.store.enrolments_of(&number, 9).await;
        let facts = facts.expect("facts");
        assert_eq!(facts[0].evidence["signed"], true);

        let eva = chrome.hand_over(root).await;
        chrome.go("/staff/people").await;
        chrome
            .follow("form[action='/staff/people/eva'] button[value=disable]")
            .await;
        assert_eq!(chrome.h1().await, "Закриване на профила?");
        chrome.follow("main form button").await;
        let said = chrome.text("main [role=status]").await;
        assert!(said.contains("Профилът е закрит"), "{said}");
        gives_a_system_a_token(chrome).await;
        chrome.hand_over(eva).await;
        chrome.go(&boris).await;
        assert!(chrome.path().await.starts_with("/staff/sign-in"));
        sign_in(OWN).await;
        assert_eq!(chrome.path().await, "/staff/sign-in");
        let wrong = chrome.text("[role=alert]").await;
        assert!(!wrong.is_empty());
    }

    /// The administrator gives a token out, which is seen this once, and revokes it.
    async fn gives_a_system_a_token(chrome: &Chrome) {
        chrome.follow("nav a[href='/staff/layouts']").await;
        chrome.follow("main nav a[href='/staff/tokens']").await;
        chrome.fill("#name", "crm-2026").await;
        chrome.press("input[value='bills:read']").await;
        chrome.follow("form.card button").await;
        let token = chrome.text(".facts dd").await;
        assert!(token.starts_with("kvit_"), "{token}");
        assert_eq!(chrome.path().await, "/staff/tokens");
        chrome.follow("main a[href='/staff/tokens']").await;
        let list = chrome.html().await;
        assert!(list.contains("crm-2026") && !list.contains(&token));
        chrome.follow("a[href='/staff/tokens/crm-2026']").await;
        assert_eq!(chrome.h1().await, "Отменяне на токен?");
        chrome.follow("main form button").await;
        let said = chrome.text("main [role=status]").await;
        assert!(said.contains("Токенът е отменен"), "{said}");
    }
}
