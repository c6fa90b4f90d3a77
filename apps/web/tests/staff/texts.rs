//! Texts of mails and pages: proposed by one administrator, made to count by another, back by one press; and in every
//! process without a restart.

use axum::http::StatusCode;
use kvit_billing::Role;

use super::{
    URL,
    common::{Answer, Browser, World},
    hidden, two,
};

async fn desk() -> (World, Browser, Browser) {
    let world = World::new(URL).await;
    let [ana, boris] = two(&world, Role::Administrator, ["ana", "boris"]).await;
    (world, ana, boris)
}

/// Sends the form of a group with these fields; others stay as they are.
async fn propose(browser: &mut Browser, group: &str, fields: &[(&str, &str)]) -> Answer {
    let path = format!("/staff/texts/change/{group}");
    let page = browser.get(&path).await.body;
    let seen = hidden(&page, "seen");
    let mut form = format!("seen={seen}");
    for (name, text) in fields {
        let text = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        form.push_str(&format!("&{name}={text}"));
    }
    browser.post(&path, &form).await
}

async fn press(browser: &mut Browser, no: u32) -> Answer {
    let path = format!("/staff/texts/{no}");
    let page = browser.get(&path).await.body;
    let seen = hidden(&page, "seen");
    browser.post(&path, &format!("seen={seen}")).await
}

#[tokio::test]
async fn texts_count_once_another_administrator_says_so_and_in_every_process() {
    let (world, mut ana, mut boris) = desk().await;
    // A second process on the same store.
    let other = world.beside().await;
    let home = async |world: &World| world.browser().get("/").await.body;
    assert!(home(&other).await.contains("Вижте сметката си"));

    let title = "Сметки & <b>Щрак</b> \"нещо\"";
    let done = propose(&mut ana, "home", &[("bg.home-title", title)]).await;
    assert_eq!(done.header("location"), "/staff/texts/1?done=brought");
    let again = propose(&mut ana, "home", &[("bg.home-title", title)]).await;
    assert_eq!(again.header("location"), "/staff/texts/1?done=known");
    assert!(
        !home(&world).await.contains("Щрак"),
        "brought is not chosen"
    );
    let page = ana.get("/staff/texts/1").await.body;
    assert!(page.contains("друг администратор трябва"), "{page}");
    let own = ana.post("/staff/texts/1", "seen=0").await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);

    // The second person sees what changes, and the page as it would be.
    let page = boris.get("/staff/texts/1").await.body;
    assert!(
        page.contains("home-title") && page.contains("<del>Вижте сметката си</del>"),
        "{page}"
    );
    let sample = boris.get("/staff/texts/1/bg/home").await;
    let safe = "Сметки &amp; &lt;b&gt;Щрак&lt;&#x2f;b&gt; &quot;нещо&quot;";
    assert!(sample.body.contains(safe), "{}", sample.body);
    assert!(sample.header("content-security-policy").contains("sandbox"));
    let done = press(&mut boris, 1).await;
    assert_eq!(done.header("location"), "/staff/texts?done=chosen");
    let now = home(&world).await;
    assert!(
        now.contains(safe) && !now.contains("<b>"),
        "words, not markup"
    );
    // The other process asks again after a few seconds.
    tokio::time::sleep(std::time::Duration::from_millis(3_200)).await;
    home(&other).await;
    assert!(home(&other).await.contains(safe));

    // Nothing of another group is lost, and what is empty is the program's own again.
    propose(&mut boris, "help", &[("en.help-contact-title", "Ring us")]).await;
    let done = press(&mut ana, 2).await;
    assert_eq!(done.header("location"), "/staff/texts?done=chosen");
    assert!(home(&world).await.contains(safe));
    let empty = [("bg.home-title", " "), ("en.home-title", "")];
    propose(&mut ana, "home", &empty).await;
    press(&mut boris, 3).await;
    assert!(home(&world).await.contains("Вижте сметката си"));
    let help = world.browser().get("/help?lang=en").await.body;
    assert!(help.contains("Ring us"), "{help}");
    // One press back by who proposed it, and to the program's own.
    press(&mut ana, 2).await;
    assert!(home(&world).await.contains(safe));
    press(&mut ana, 0).await;
    assert!(home(&world).await.contains("Вижте сметката си"));
    let trail = world.store.events("texts/1", 9).await.expect("a trail");
    let told = |what: &str, who: &str| {
        let mut found = trail.iter().filter(|event| event.what == what);
        found.any(|event| event.who == who)
    };
    assert!(trail.len() == 2 && told("texts.brought", "ana") && told("texts.chosen", "boris"));
}

#[tokio::test]
async fn each_fault_is_told_at_its_field_and_nothing_is_kept() {
    let (world, mut ana, mut boris) = desk().await;
    let long = "а".repeat(700);
    let wrong = propose(
        &mut ana,
        "reminders",
        &[
            ("bg.reminder-subject-after", "Сметката не е платена"),
            ("en.reminder-subject-after", "Bill of {sum} for {period}"),
            ("bg.reminder-paid", &long),
            ("en.reminder-paid", "Thank you {"),
        ],
    )
    .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "Липсва {period}",
        "Тук няма {sum}. В този текст се заместват: {period}.",
        "повече от 600 знака",
        "Има скоба без двойка",
        "href=\"#bg.reminder-paid\"",
        "Bill of {sum} for {period}</textarea>",
    ] {
        assert!(wrong.body.contains(part), "{part}: {}", wrong.body);
    }
    assert!(world.store.text_versions().await.expect("read").is_empty());
    let same = propose(&mut ana, "bill", &[]).await;
    assert!(same.body.contains("Нищо не е променено"), "{}", same.body);

    // Who writes while another version begins to count keeps the words, and is told.
    let subject = [("bg.reminder-subject-after", "Моля за плащане: {period}")];
    propose(&mut ana, "reminders", &subject).await;
    press(&mut boris, 1).await;
    let late = "seen=0&bg.reminder-paid=Благодарим";
    let late = ana.post("/staff/texts/change/reminders", late).await;
    assert!(
        late.body.contains("Междувременно") && late.body.contains("Благодарим</textarea>"),
        "{}",
        late.body
    );
    let mail = ana.get("/staff/texts/1/bg/reminder-after").await.body;
    assert!(mail.contains("Моля за плащане: ноември"), "{mail}");
    let html = ana.get("/staff/texts/1/bg/reminder-after?html").await;
    assert!(html.body.contains("<!DOCTYPE html>"));
    assert_eq!(
        html.header("content-security-policy"),
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; base-uri 'none'"
    );
    for path in [
        "/staff/texts/9",
        "/staff/texts/1/bg/none",
        "/staff/texts/change/none",
    ] {
        assert_eq!(ana.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
