//! The pages that members of staff can come upon.

use kvit_billing::Role;
use kvit_billing::ports::Clock as _;
use kvit_store::{Event, PasskeyOwner, StaffProfile};
use serde_json::json;

use super::{
    common::{self, World, seed},
    eye::Inspector,
    money::{money, receivables, refunds, same_way, statements},
    upkeep::{imports, layouts},
};

/// All pages that members of staff can come upon.
pub(super) async fn console(eye: &mut Inspector, world: &World) {
    eye.chrome.go("/staff/sign-in").await;
    eye.chrome.follow("main button").await;
    eye.look("staff-sign-in").await;
    eye.sign_in_staff("agent").await;
    eye.see("staff-refused", "/staff/people").await;
    eye.search("София").await;
    eye.look("staff-found").await;
    seed::reader(&world.store, seed::MARIA, "kantora@primer.bg").await;
    let maria = format!("/staff/customers/{}", seed::MARIA);
    eye.chrome.go(&maria).await;
    eye.chrome.follow(".recognise button").await;
    eye.look("staff-customer-wrong").await;
    eye.chrome.fill("#reference", "20261120-0417").await;
    eye.chrome.fill("#code", &world.code(seed::MARIA)).await;
    eye.chrome.follow(".recognise button").await;
    eye.look("staff-customer-open").await;
    invites(eye).await;
    eye.chrome.follow(".desk .card .button").await;
    eye.chrome.fill("#email", "m.petrova@gmial.com").await;
    eye.chrome.follow("main form button.wide").await;
    eye.look("staff-enrol-typo").await;
    eye.chrome.follow("button[name=instead]").await;
    eye.look("staff-agree").await;
    eye.chrome.follow(".actions button").await;
    eye.chrome.follow(".desk .card .button.plain").await;
    eye.look("staff-paper").await;
    eye.chrome.go(&maria).await;
    eye.chrome.fill("#reference", "20261120-0418").await;
    eye.chrome.fill("#code", &world.code(seed::MARIA)).await;
    eye.chrome.follow(".recognise button").await;
    eye.chrome.follow("a[href*='/code?call']").await;
    // Who says the code does not have it changed.
    eye.look("staff-code-by-telephone").await;
    eye.chrome.go("/staff/password").await;
    eye.chrome.follow("main button").await;
    eye.look("staff-password").await;
    common::key(world, PasskeyOwner::Staff("agent".parse().expect("a name"))).await;
    eye.see("staff-passkeys", "/staff/passkeys").await;
    eye.see("staff-sessions-one", "/staff/sessions").await;
    world.browser().sign_in_staff("agent").await;
    eye.see("staff-sessions", "/staff/sessions").await;
    world.clock.forward(11 * 60);
    eye.see("staff-sessions-stale", "/staff/sessions").await;
    eye.see("staff-passkeys-stale", "/staff/passkeys").await;
    eye.see("staff-again", "/staff/password").await;
    eye.chrome.go("/staff/customers").await;
    eye.chrome.follow("header form button").await;
    common::key(world, PasskeyOwner::Customer(common::number(seed::MARIA))).await;
    eye.sign_in_staff("clerk").await;
    // As an identity provider brings a clerk of whom it names no centre.
    works_at(world, "").await;
    eye.see("staff-customer-no-centre", &maria).await;
    works_at(world, "Център Русе").await;
    eye.chrome.go(&maria).await;
    eye.chrome.press("#document").await;
    eye.chrome.follow(".recognise button").await;
    eye.chrome.follow("a[href*='/passkeys?call']").await;
    eye.look("staff-customer-passkeys").await;
    eye.chrome.follow(".actions a").await;
    eye.look("staff-customer-desk").await;
    eye.chrome.follow("a[href*='/code?call']").await;
    eye.look("staff-code").await;
    eye.chrome.follow(".actions button").await;
    eye.look("staff-code-done").await;
    eye.see("staff-account", &format!("{maria}/account")).await;
    let boris = format!("/staff/customers/{}", seed::BORIS);
    eye.see("staff-desk", &boris).await;
    eye.chrome.press("#document").await;
    eye.chrome.follow(".recognise button").await;
    eye.chrome.follow(".desk .card .button").await;
    eye.chrome.fill("#email", "boris@primer.bg").await;
    eye.chrome.follow("main form button.wide").await;
    eye.look("staff-agree-desk").await;
    eye.chrome.follow("form[action$='/sign'] button").await;
    eye.look("staff-sign").await;
    eye.tablet("staff-sign").await;
    eye.chrome.follow("form[action$='/enrol'] button").await;
    // Printed in this window here.
    eye.chrome
        .eval("document.querySelector('form[target]').removeAttribute('target')")
        .await;
    eye.chrome.follow("form[action$=declaration] button").await;
    eye.look("staff-declaration").await;
    eye.print("staff-declaration").await;
    common::scans::brought(world, 1, Some(seed::BORIS)).await;
    let second = common::scans::brought(world, 2, None).await;
    eye.see("staff-scan-free", &format!("/staff/scans/{second}"))
        .await;
    eye.see("staff-scans", "/staff/scans").await;
    eye.chrome
        .follow("form[action='/staff/scans/next'] button")
        .await;
    eye.look("staff-scan").await;
    eye.chrome.fill("#email", "boris@").await;
    eye.chrome.follow("button[value=confirm]").await;
    eye.look("staff-scan-wrong").await;
    eye.chrome
        .eval("document.querySelector('#reason').value = 'unsigned'")
        .await;
    eye.chrome.follow("button[value=refuse]").await;
    eye.look("staff-scan-without-code").await;
    eye.chrome.follow("button[value=aside]").await;
    common::scans::given_up(world).await;
    eye.see("staff-scans-aside", "/staff/scans").await;
    eye.chrome.follow("button[formaction]").await;
    eye.look("staff-scan-remove").await;
    for (role, pages) in [
        (
            "billing",
            &[
                ("staff-runs", "/staff/runs"),
                ("staff-run-rejected", "/staff/runs/2026-11-bad"),
                ("staff-run-checked", "/staff/runs/2026-11-b2"),
                ("staff-run-issued", "/staff/runs/2026-10-a1"),
            ][..],
        ),
        ("auditor", &[("staff-audit", "/staff/audit")]),
    ] {
        eye.chrome.follow("header form button").await;
        eye.sign_in_staff(role).await;
        for (name, path) in pages {
            eye.see(name, path).await;
            if *name == "staff-run-issued" {
                eye.print(name).await;
            }
        }
    }
    money(eye, world).await;
    refunds(eye, world).await;
    same_way(eye, world).await;
    statements(eye, world).await;
    eye.see(
        "staff-reconciliation",
        "/staff/reconciliation?month=2026-11",
    )
    .await;
    eye.chrome
        .follow("section:nth-of-type(1) .sheet:nth-of-type(2) tbody a")
        .await;
    eye.look("staff-reconciliation-day").await;
    receivables(eye, world).await;
    eye.see("staff-books", "/staff/books").await;
    eye.see("staff-books-wrong", "/staff/books/file?book=&format=camt")
        .await;
    imports(eye, world).await;
    eye.chrome.follow("header form button").await;
    works_at(world, "").await;
    eye.sign_in_staff("administrator").await;
    eye.chrome.follow("form.card button").await;
    eye.look("staff-people").await;
    eye.chrome.fill("#login", "n.nova").await;
    eye.chrome.fill("#name", "Нина Нова").await;
    eye.chrome.follow("form.card button").await;
    eye.look("staff-handed-out").await;
    eye.chrome.go("/staff/people").await;
    eye.chrome.follow(".people button[value=email]").await;
    eye.look("staff-person-email").await;
    for (login, name) in [
        ("clerk", "staff-person-profile"),
        ("administrator", "staff-person-own"),
    ] {
        eye.chrome.go("/staff/people").await;
        let button = format!("form[action$='/{login}'] button[value=profile]");
        eye.chrome.follow(&button).await;
        eye.look(name).await;
    }
    elsewhere(world).await;
    eye.see("staff-people-elsewhere", "/staff/people").await;
    eye.chrome.follow(".people button[value=centre]").await;
    eye.look("staff-person-centre").await;
    eye.chrome.go("/staff/people").await;
    eye.chrome.follow(".people button[value=disable]").await;
    eye.look("staff-sure").await;
    layouts(eye, world).await;
    eye.lang = "en";
    eye.see("staff-people", "/staff/people?lang=en").await;
    eye.chrome.follow("header form button").await;
    eye.sign_in_staff("billing").await;
    eye.see("staff-run-relay", "/staff/runs/2026-11-b2").await;
    eye.lang = "bg";
    eye.see("staff-run-relay", "/staff/runs/2026-11-b2?lang=bg")
        .await;
    eye.chrome.follow("form[action$='/layout'] button").await;
    eye.look("staff-run-relaid").await;
    seed::issued(&world.store, &world.key, "2026-11-b2").await;
    seed::deliver_all(&world.store, world.clock.now()).await;
    eye.chrome.go("/staff/runs/2026-11-b2").await;
    eye.chrome.follow("form[action$='/close'] button").await;
    eye.look("staff-run-unprinted").await;
    eye.lang = "en";
    eye.see("staff-run-unprinted", "/staff/runs/2026-11-b2?lang=en")
        .await;
    eye.chrome.go("/staff/runs?lang=en").await;
    eye.chrome.follow("header form button").await;
    eye.sign_in_staff("agent").await;
    eye.see("staff-customer", &maria).await;
    eye.lang = "bg";
    seed::closed(&world.store, seed::BORIS).await;
    let new = format!("/staff/customers/{}", seed::newcomer(&world.store).await);
    eye.see("staff-customer-closed", &format!("{boris}?lang=bg"))
        .await;
    eye.see("staff-customer-new", &new).await;
    eye.chrome.follow("header form button").await;
    eye.sign_in_staff("clerk").await;
    eye.see("staff-account-closed", &format!("{boris}/account"))
        .await;
}

/// A reader whom the customer names on the telephone.
async fn invites(eye: &mut Inspector) {
    eye.chrome.follow("a[href*='/readers?call']").await;
    eye.chrome.fill("#email", "smetki@gmial.com").await;
    let name = "Адв. Анна-Мария Константинова-Петрова, счетоводна кантора";
    eye.chrome.fill("#name", name).await;
    eye.chrome.follow("main form button.wide").await;
    eye.look("staff-reader-typo").await;
    eye.chrome.follow("button[name=instead]").await;
    eye.look("staff-reader-read").await;
    eye.chrome.follow(".actions button").await;
    eye.look("staff-reader-asked").await;
}

/// Notes where the clerk works, or that nobody knows.
async fn works_at(world: &World, centre: &str) {
    let told = Event {
        at: world.clock.now(),
        who: "console:root".to_owned(),
        what: "staff.centre-changed".to_owned(),
        subject: "staff/clerk".to_owned(),
        detail: json!({ "centre": centre }),
    };
    let clerk = "clerk".parse().expect("a name");
    let noted = world.store.set_staff_centre(&clerk, centre, &told).await;
    assert!(noted.expect("a store"));
}

/// A clerk who signs in at the identity provider, which names no centre.
async fn elsewhere(world: &World) {
    let login = "n.nova".parse().expect("a name");
    let account = world.store.staff_member(&login).await.expect("an answer");
    let password = account.expect("opened on the way here").password;
    let profile = StaffProfile {
        name: "Нина Нова".to_owned(),
        role: Role::Clerk,
        centre: None,
    };
    let linked = Event {
        at: world.clock.now(),
        who: "oidc".to_owned(),
        what: "staff.linked".to_owned(),
        subject: format!("staff/{login}"),
        detail: json!({}),
    };
    let who = ("https://id.example 7", &profile);
    let linked = world
        .store
        .link_staff(&login, who, &password, &linked)
        .await;
    assert!(linked.expect("an answer"));
}
