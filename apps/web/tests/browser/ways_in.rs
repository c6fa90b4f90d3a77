//! A customer's ways in: the link by mail and the numbers kept with it, a password, another code; and the page of what was
//! consumed, all data as a file, the mails that one can do without.

use super::{
    common::{self, PASSWORD, World, chrome::Chrome, chrome::KINDS, seed},
    enter,
};

journeys!(
    changes_every_way_in,
    keeps_a_number_takes_the_data_home_and_is_not_reminded,
);

mod journey {
    use super::*;

    /// Asks for a link and opens it.
    async fn by_link(world: &World, chrome: &Chrome, before: usize) {
        chrome.go("/bills").await;
        chrome.follow("main a[href='/sign-in']").await;
        chrome.fill("#number", seed::MARIA).await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "Проверете имейла си");
        let path = world.link_path(seed::MARIA, before).await;
        chrome.go(&path).await;
        assert_eq!(chrome.h1().await, "Вижте сметките си");
        chrome.follow("main button").await;
    }

    /// Comes by a link, looks at the consumption, sets a password and comes back with it; with another link the code is
    /// changed, and the old ways are closed.
    pub(super) async fn changes_every_way_in(world: &World, chrome: &Chrome) {
        seed::history_of(&world.store, &world.key, 1).await;
        by_link(world, chrome, 0).await;
        chrome.follow("a[href='/usage']").await;
        assert_eq!(chrome.h1().await, "Потребление");
        let rows = "document.querySelectorAll('.figures tbody tr:not(.total)').length";
        assert_eq!(chrome.eval(rows).await, 12);
        chrome.follow("main a[href='/bills']").await;
        chrome.follow("a[href='/password']").await;
        for (repeated, done) in [("пет кучета на двора", false), (PASSWORD, true)] {
            chrome.fill("#new", PASSWORD).await;
            chrome.fill("#repeated", repeated).await;
            chrome.follow("main form button").await;
            let said = if done {
                "[role=status]"
            } else {
                "[role=alert]"
            };
            let said = chrome.text(said).await;
            assert_eq!(said.contains("Паролата е зададена"), done, "{said}");
        }
        chrome.follow("header form button").await;
        chrome.go("/bills").await;
        chrome.follow("a[href='/sign-in/password']").await;
        chrome.fill("#who", seed::MARIA).await;
        chrome.fill("#password", PASSWORD).await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "Моите сметки");
        chrome.follow("a[href='/sessions']").await;
        chrome.follow("a[href='/code']").await;
        let main = chrome.text("main").await;
        assert!(main.contains("влезте с връзка по имейл"), "{main}");
        chrome.follow("header form button").await;

        world.clock.forward(60);
        by_link(world, chrome, 1).await;
        chrome.go("/code").await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "Кодът е сменен");
        chrome.go("/sign-in/password").await;
        chrome.fill("#who", seed::MARIA).await;
        chrome.fill("#password", PASSWORD).await;
        chrome.follow("main form button").await;
        assert!(!chrome.text("[role=alert]").await.is_empty());
        chrome.go("/").await;
        enter(chrome, seed::MARIA, &world.code(seed::MARIA)).await;
        let old = chrome.text("[role=alert]").await;
        assert!(old.contains("не си съответстват"), "{old}");
        let maria = common::number(seed::MARIA);
        let new = world.key.authorization_code(&maria, 2).printed();
        enter(chrome, seed::MARIA, &new).await;
        assert_eq!(chrome.h1().await, "Моите сметки");
    }

    /// Comes by a link, keeps another number, which the next link opens too until it is removed; takes the data home, and
    /// asks for no reminders, then for them again.
    pub(super) async fn keeps_a_number_takes_the_data_home_and_is_not_reminded(
        world: &World,
        chrome: &Chrome,
    ) {
        seed::history_of(&world.store, &world.key, 1).await;
        by_link(world, chrome, 0).await;
        chrome.go("/points/add").await;
        enter(chrome, seed::BORIS, &world.code(seed::BORIS)).await;
        assert!(chrome.text(".points").await.contains("Запомнен е"));
        chrome.follow("header form button").await;
        world.clock.forward(60);
        by_link(world, chrome, 1).await;
        assert_eq!(chrome.h1().await, "Моите клиентски номера");
        assert!(chrome.text(".points").await.contains(seed::BORIS));
        chrome.follow("form[action='/points/forget'] button").await;
        let points = chrome.text(".points").await;
        assert!(!points.contains(seed::BORIS), "{points}");
        chrome.go("/bills").await;
        let (name, file) = chrome.download("a[href='/my-data']").await;
        let file: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
        assert!(name.ends_with(".json"), "{name}");
        assert!(file.to_string().contains("maria.petrova@primer.bg"));
        for (wanted, said) in [
            ("off", "Не Ви изпращаме напомняния"),
            ("on", "Напомняме Ви по имейл"),
        ] {
            let button = format!("form[action='/reminders'] [value={wanted}]");
            chrome.follow(&button).await;
            let band = chrome.text(".band").await;
            assert!(band.contains(said), "{said}: {band}");
        }
    }
}
