//! The staff console: who may ask for what, and what each of them does there.

mod books;
#[path = "../common/mod.rs"]
mod common;
mod components;
mod debits;
mod desk;
mod doors;
mod imports;
mod layouts;
mod looks;
mod money;
mod people;
mod receivables;
mod reconciliation;
mod refunds;
mod runs;
mod scans;
mod texts;
mod tokens;

use axum::http::{Method, StatusCode};
use common::{Browser, World, seed};

use kvit_billing::Role;
use kvit_store::EventFilter;
use kvit_web::{STAFF_ROUTES, Who};

const URL: &str = "http://localhost:8080";
const FOREIGN: &str = "Формулярът е изтекъл";
const REFUSED: &str = "Тази страница не е за Вашата роля";

/// Who may ask for what. A change here is a decision.
const GOLDEN: &str = "\
GET /staff: agent clerk billing auditor administrator
GET /staff/audit: auditor
POST /staff/audit: auditor
GET /staff/books: billing auditor
GET /staff/books/file: billing auditor
GET /staff/components: auditor administrator
GET /staff/customers: agent clerk
POST /staff/customers: agent clerk
GET /staff/customers/{number}: agent clerk billing auditor
GET /staff/customers/{number}/account: clerk
POST /staff/customers/{number}/account: clerk
GET /staff/customers/{number}/code: agent clerk
POST /staff/customers/{number}/code: agent clerk
POST /staff/customers/{number}/contact: agent clerk
POST /staff/customers/{number}/declaration: clerk
GET /staff/customers/{number}/enrol: agent clerk
POST /staff/customers/{number}/enrol: agent clerk
POST /staff/customers/{number}/language: agent clerk
POST /staff/customers/{number}/mails: agent clerk
POST /staff/customers/{number}/note: agent clerk
GET /staff/customers/{number}/paper: agent clerk
POST /staff/customers/{number}/paper: agent clerk
GET /staff/customers/{number}/passkeys: agent clerk
POST /staff/customers/{number}/passkeys: agent clerk
POST /staff/customers/{number}/reader: agent clerk
GET /staff/customers/{number}/readers: agent clerk
POST /staff/customers/{number}/readers: agent clerk
GET /staff/customers/{number}/scans/{id}: agent clerk
POST /staff/customers/{number}/send: agent clerk
POST /staff/customers/{number}/sign: clerk
GET /staff/customers/{number}/signed/{id}: agent clerk
GET /staff/debits: billing auditor
POST /staff/debits: billing
GET /staff/debits/file/{number}: billing
POST /staff/debits/seen: billing
GET /staff/debits/{number}: billing auditor
POST /staff/debits/{number}: billing
GET /staff/imports: billing
GET /staff/imports/{id}: billing
POST /staff/imports/file: billing
GET /staff/keys: auditor administrator
POST /staff/keys: administrator
GET /staff/layouts: auditor administrator
POST /staff/layouts/file: administrator
GET /staff/layouts/file/{id}: administrator
GET /staff/layouts/{no}: auditor administrator
POST /staff/layouts/{no}: administrator
GET /staff/layouts/{no}/files/{at}: auditor administrator
GET /staff/layouts/{no}/samples/{kind}: auditor administrator
GET /staff/money: billing auditor
POST /staff/money: billing auditor
GET /staff/money/notice: billing auditor
POST /staff/money/notice: billing
GET /staff/passkeys: agent clerk billing auditor administrator
POST /staff/passkeys: agent clerk billing auditor administrator
POST /staff/passkeys/ask: agent clerk billing auditor administrator
POST /staff/passkeys/change: agent clerk billing auditor administrator
GET /staff/password: agent clerk billing auditor administrator
POST /staff/password: agent clerk billing auditor administrator
GET /staff/people: administrator
POST /staff/people: administrator
POST /staff/people/{login}: administrator
GET /staff/receivables: billing auditor
POST /staff/receivables: billing auditor
GET /staff/receivables/csv: billing auditor
GET /staff/receivables/list: billing auditor
GET /staff/reconciliation: billing auditor
GET /staff/reconciliation/csv: billing auditor
GET /staff/reconciliation/day: billing auditor
GET /staff/refunds: billing auditor
POST /staff/refunds: billing
POST /staff/refunds/file: billing
GET /staff/refunds/file/{number}: billing
POST /staff/refunds/propose: billing
GET /staff/refunds/{number}: billing auditor
POST /staff/refunds/{number}: billing
GET /staff/runs: billing auditor
GET /staff/runs/{run}: billing auditor
POST /staff/runs/{run}/close: billing
POST /staff/runs/{run}/layout: billing
POST /staff/runs/{run}/release: billing
GET /staff/runs/{run}/samples/{seq}: billing
GET /staff/scans: clerk
GET /staff/scans/{id}: clerk
POST /staff/scans/{id}: clerk
GET /staff/scans/{id}/picture: clerk
POST /staff/scans/file: clerk
POST /staff/scans/again: clerk
POST /staff/scans/remove: clerk
POST /staff/scans/next: clerk
POST /staff/scans/undo: clerk
GET /staff/sessions: agent clerk billing auditor administrator
POST /staff/sessions: agent clerk billing auditor administrator
GET /staff/sign-in: anyone
POST /staff/sign-in: anyone
GET /staff/sign-in/oidc: anyone
GET /staff/sign-in/oidc/back: anyone
POST /staff/sign-in/passkey: anyone
POST /staff/sign-in/passkey/ask: anyone
POST /staff/sign-out: agent clerk billing auditor administrator
GET /staff/statements: billing auditor
POST /staff/statements/file: billing
GET /staff/statements/file/{id}: billing
GET /staff/statements/{id}: billing auditor
GET /staff/texts: auditor administrator
GET /staff/texts/change/{group}: administrator
POST /staff/texts/change/{group}: administrator
GET /staff/texts/{no}: auditor administrator
POST /staff/texts/{no}: administrator
GET /staff/texts/{no}/{language}/{sample}: auditor administrator
GET /staff/tokens: administrator
POST /staff/tokens: administrator
GET /staff/tokens/{name}: administrator
POST /staff/tokens/{name}: administrator
";

fn written(who: Who) -> String {
    if who == Who::Anyone {
        return "anyone".to_owned();
    }
    let roles = Role::ALL.into_iter().filter(|role| who.lets(*role));
    let roles: Vec<_> = roles.map(Role::as_str).collect();
    roles.join(" ")
}

#[tokio::test]
async fn each_role_sees_its_pages_and_no_other() {
    let list: String = STAFF_ROUTES
        .iter()
        .map(|(method, path, who)| format!("{method} {path}: {}\n", written(*who)))
        .collect();
    assert_eq!(list, GOLDEN);
    let world = World::new(URL).await;
    let ask = async |browser: &mut Browser, method: &str, path: &str| {
        let path = path
            .replace("{number}", seed::ANNA)
            .replace("{login}", "nobody")
            .replace("{run}", "2026-10-a1")
            .replace("{seq}", "0")
            .replace("{no}", "0")
            .replace("{at}", "0")
            .replace("{group}", "bill")
            .replace("{language}", "bg")
            .replace("{sample}", "bill")
            .replace("{kind}", "household-bg")
            .replace("{name}", "nobody");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        browser.ask(method, &path, "x=y", &[]).await
    };
    for (method, path, who) in STAFF_ROUTES {
        let answer = ask(&mut world.browser(), method, path).await;
        let turned_away = answer.header("location").starts_with("/staff/sign-in");
        assert_eq!(turned_away, *who != Who::Anyone, "{method} {path}");
    }
    for role in Role::ALL {
        world.hire(role.as_str(), role).await;
        let mut browser = world.browser();
        browser.sign_in_staff(role.as_str()).await;
        for (method, path, who) in STAFF_ROUTES {
            let answer = ask(&mut browser, method, path).await;
            let at = format!("{method} {path} as {}: {}", role.as_str(), answer.status);
            assert_eq!(answer.body.contains(REFUSED), !who.lets(role), "{at}");
            if who.lets(role) && *method == "POST" {
                // No form counts without the token of its own page.
                assert!(answer.body.contains(FOREIGN), "{at}");
            }
            assert!(!answer.status.is_server_error(), "{at}");
        }
        let unlisted = ask(&mut browser, "DELETE", "/staff/audit").await;
        assert_eq!(unlisted.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let refused = EventFilter {
        who: Some("agent".to_owned()),
        ..EventFilter::default()
    };
    let trail = world.store.audit(&refused, 99).await.expect("a trail");
    assert!(trail.iter().any(|event| event.what == "page.refused"));
}

/// Two of a kind, signed in, for what takes a second person.
async fn two(world: &World, role: Role, logins: [&str; 2]) -> [Browser; 2] {
    let mut both = Vec::new();
    for login in logins {
        world.hire(login, role).await;
        let mut browser = world.browser();
        browser.sign_in_staff(login).await;
        both.push(browser);
    }
    both.try_into().ok().expect("two")
}

fn now(world: &World) -> jiff::Timestamp {
    use kvit_billing::ports::Clock;
    world.clock.now()
}

/// The value of a hidden field.
fn hidden(body: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let from = body
        .find(&mark)
        .unwrap_or_else(|| panic!("no {name} in {body}"))
        + mark.len();
    body[from..].split('"').next().expect("text").to_owned()
}
