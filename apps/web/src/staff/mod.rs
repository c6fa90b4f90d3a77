//! The staff console: what agents, clerks, billing, auditors and administrators do, under `/staff`.
//!
//! [`STAFF_ROUTES`] says who may ask for what, and `door` lets nothing through that is not in it: a
//! page that somebody forgets to list is closed to everybody.

mod accounts;
pub(crate) mod audit;
pub(crate) mod books;
pub(crate) mod components;
pub(crate) mod consent;
pub(crate) mod contact;
pub(crate) mod customers;
pub(crate) mod debits;
pub(crate) mod desk;
pub(crate) mod door;
pub(crate) mod hashing;
pub(crate) mod imports;
pub(crate) mod layouts;
pub(crate) mod money;
mod multipart;
pub(crate) mod oidc;
pub(crate) mod passkeys;
pub(crate) mod people;
mod person;
mod readers;
pub(crate) mod receivables;
pub(crate) mod reconciliation;
mod refund_corrections;
pub(crate) mod refunds;
pub(crate) mod relay;
pub(crate) mod runs;
pub(crate) mod samples;
pub(crate) mod scans;
pub(crate) mod sessions;
pub(crate) mod sign_in;
mod signing;
pub(crate) mod spell;
pub(crate) mod statements;
pub(crate) mod texts;
pub(crate) mod timeline;
pub(crate) mod tokens;
pub(crate) mod upkeep;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use kvit_billing::{CustomerNumber, Role};
use kvit_store::Event;
use minijinja::{Value, context};

use crate::{App, doors::Doors, failure::Failure, front::Visitor, gate};
use door::Officer;

/// Who may ask for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody, signed in or not.
    Anyone,
    /// Every member of staff.
    Staff,
    /// Members of staff in these roles.
    Roles(&'static [Role]),
}

impl Who {
    /// Whether a member of staff in this role may.
    #[must_use]
    pub fn lets(self, role: Role) -> bool {
        match self {
            Self::Anyone | Self::Staff => true,
            Self::Roles(roles) => roles.contains(&role),
        }
    }
}

const DESK: Who = Who::Roles(&[Role::Agent, Role::Clerk]);
/// A customer's page: with all that a desk does there, or only to look at.
const CUSTOMER: Who = Who::Roles(&[Role::Agent, Role::Clerk, Role::Billing, Role::Auditor]);
const CLERK: Who = Who::Roles(&[Role::Clerk]);
const BILLING: Who = Who::Roles(&[Role::Billing]);
/// Runs and money, for those who only look as well.
const BOOKS: Who = Who::Roles(&[Role::Billing, Role::Auditor]);
const AUDIT: Who = Who::Roles(&[Role::Auditor]);
const PEOPLE: Who = Who::Roles(&[Role::Administrator]);
/// How the instance is kept, for those who only look as well.
const UPKEEP: Who = Who::Roles(&[Role::Administrator, Role::Auditor]);

/// The addresses of the console, and who may ask for them.
pub const STAFF_ROUTES: &[(&str, &str, Who)] = &[
    ("GET", "/staff", Who::Staff),
    ("GET", "/staff/audit", AUDIT),
    ("POST", "/staff/audit", AUDIT),
    ("GET", "/staff/books", BOOKS),
    ("GET", "/staff/books/file", BOOKS),
    ("GET", "/staff/components", UPKEEP),
    ("GET", "/staff/customers", DESK),
    ("POST", "/staff/customers", DESK),
    ("GET", "/staff/customers/{number}", CUSTOMER),
    ("GET", "/staff/customers/{number}/account", CLERK),
    ("POST", "/staff/customers/{number}/account", CLERK),
    ("GET", "/staff/customers/{number}/code", DESK),
    ("POST", "/staff/customers/{number}/code", DESK),
    ("POST", "/staff/customers/{number}/contact", DESK),
    ("POST", "/staff/customers/{number}/declaration", CLERK),
    ("GET", "/staff/customers/{number}/enrol", DESK),
    ("POST", "/staff/customers/{number}/enrol", DESK),
    ("POST", "/staff/customers/{number}/language", DESK),
    ("POST", "/staff/customers/{number}/mails", DESK),
    ("POST", "/staff/customers/{number}/note", DESK),
    ("GET", "/staff/customers/{number}/paper", DESK),
    ("POST", "/staff/customers/{number}/paper", DESK),
    ("GET", "/staff/customers/{number}/passkeys", DESK),
    ("POST", "/staff/customers/{number}/passkeys", DESK),
    ("POST", "/staff/customers/{number}/reader", DESK),
    ("GET", "/staff/customers/{number}/readers", DESK),
    ("POST", "/staff/customers/{number}/readers", DESK),
    ("GET", "/staff/customers/{number}/scans/{id}", DESK),
    ("POST", "/staff/customers/{number}/send", DESK),
    ("POST", "/staff/customers/{number}/sign", CLERK),
    ("GET", "/staff/customers/{number}/signed/{id}", DESK),
    ("GET", "/staff/debits", BOOKS),
    ("POST", "/staff/debits", BILLING),
    ("GET", "/staff/debits/file/{number}", BILLING),
    ("POST", "/staff/debits/seen", BILLING),
    ("GET", "/staff/debits/{number}", BOOKS),
    ("POST", "/staff/debits/{number}", BILLING),
    ("GET", "/staff/imports", BILLING),
    ("GET", "/staff/imports/{id}", BILLING),
    ("POST", "/staff/imports/file", BILLING),
    ("GET", "/staff/keys", UPKEEP),
    ("POST", "/staff/keys", PEOPLE),
    ("GET", "/staff/layouts", UPKEEP),
    ("POST", "/staff/layouts/file", PEOPLE),
    ("GET", "/staff/layouts/file/{id}", PEOPLE),
    ("GET", "/staff/layouts/{no}", UPKEEP),
    ("POST", "/staff/layouts/{no}", PEOPLE),
    ("GET", "/staff/layouts/{no}/files/{at}", UPKEEP),
    ("GET", "/staff/layouts/{no}/samples/{kind}", UPKEEP),
    ("GET", "/staff/money", BOOKS),
    ("POST", "/staff/money", BOOKS),
    ("GET", "/staff/money/notice", BOOKS),
    ("POST", "/staff/money/notice", BILLING),
    ("GET", "/staff/passkeys", Who::Staff),
    ("POST", "/staff/passkeys", Who::Staff),
    ("POST", "/staff/passkeys/ask", Who::Staff),
    ("POST", "/staff/passkeys/change", Who::Staff),
    ("GET", "/staff/password", Who::Staff),
    ("POST", "/staff/password", Who::Staff),
    ("GET", "/staff/people", PEOPLE),
    ("POST", "/staff/people", PEOPLE),
    ("POST", "/staff/people/{login}", PEOPLE),
    ("GET", "/staff/receivables", BOOKS),
    ("POST", "/staff/receivables", BOOKS),
    ("GET", "/staff/receivables/csv", BOOKS),
    ("GET", "/staff/receivables/list", BOOKS),
    ("GET", "/staff/reconciliation", BOOKS),
    ("GET", "/staff/reconciliation/csv", BOOKS),
    ("GET", "/staff/reconciliation/day", BOOKS),
    ("GET", "/staff/refunds", BOOKS),
    ("POST", "/staff/refunds", BILLING),
    ("POST", "/staff/refunds/file", BILLING),
    ("GET", "/staff/refunds/file/{number}", BILLING),
    ("POST", "/staff/refunds/propose", BILLING),
    ("GET", "/staff/refunds/{number}", BOOKS),
    ("POST", "/staff/refunds/{number}", BILLING),
    ("GET", "/staff/runs", BOOKS),
    ("GET", "/staff/runs/{run}", BOOKS),
    ("POST", "/staff/runs/{run}/close", BILLING),
    ("POST", "/staff/runs/{run}/layout", BILLING),
    ("POST", "/staff/runs/{run}/release", BILLING),
    ("GET", "/staff/runs/{run}/samples/{seq}", BILLING),
    ("GET", "/staff/scans", CLERK),
    ("GET", "/staff/scans/{id}", CLERK),
    ("POST", "/staff/scans/{id}", CLERK),
    ("GET", "/staff/scans/{id}/picture", CLERK),
    ("POST", "/staff/scans/file", CLERK),
    ("POST", "/staff/scans/again", CLERK),
    ("POST", "/staff/scans/remove", CLERK),
    ("POST", "/staff/scans/next", CLERK),
    ("POST", "/staff/scans/undo", CLERK),
    ("GET", "/staff/sessions", Who::Staff),
    ("POST", "/staff/sessions", Who::Staff),
    ("GET", "/staff/sign-in", Who::Anyone),
    ("POST", "/staff/sign-in", Who::Anyone),
    ("GET", "/staff/sign-in/oidc", Who::Anyone),
    ("GET", "/staff/sign-in/oidc/back", Who::Anyone),
    ("POST", "/staff/sign-in/passkey", Who::Anyone),
    ("POST", "/staff/sign-in/passkey/ask", Who::Anyone),
    ("POST", "/staff/sign-out", Who::Staff),
    ("GET", "/staff/statements", BOOKS),
    ("POST", "/staff/statements/file", BILLING),
    ("GET", "/staff/statements/file/{id}", BILLING),
    ("GET", "/staff/statements/{id}", BOOKS),
    ("GET", "/staff/texts", UPKEEP),
    ("GET", "/staff/texts/change/{group}", PEOPLE),
    ("POST", "/staff/texts/change/{group}", PEOPLE),
    ("GET", "/staff/texts/{no}", UPKEEP),
    ("POST", "/staff/texts/{no}", PEOPLE),
    ("GET", "/staff/texts/{no}/{language}/{sample}", UPKEEP),
    ("GET", "/staff/tokens", PEOPLE),
    ("POST", "/staff/tokens", PEOPLE),
    ("GET", "/staff/tokens/{name}", PEOPLE),
    ("POST", "/staff/tokens/{name}", PEOPLE),
];

/// Where the menu leads, for those who may go there.
const MENU: &[(&str, &str)] = &[
    ("/staff/customers", "staff-nav-customers"),
    ("/staff/scans", "staff-nav-scans"),
    ("/staff/runs", "staff-nav-runs"),
    ("/staff/money", "staff-nav-money"),
    ("/staff/audit", "staff-nav-audit"),
    ("/staff/people", "staff-nav-people"),
    ("/staff/layouts", "staff-nav-upkeep"),
];

/// What members of staff do, as the audit trail names it. Each has a text for auditors.
pub const STAFF_EVENTS: &[&str] = &[
    "account.closed",
    "account.moved",
    "account.reopened",
    "api.not-found",
    "api.refused",
    "api.token-added",
    "api.token-revoked",
    "api.webhook-added",
    "api.webhook-removed",
    "api.webhook-retried",
    "bill.sent-again",
    "customer.code-changed",
    "customer.enrolled",
    "customer.language-chosen",
    "customer.mails-chosen",
    "customer.noted",
    "customer.not-recognised",
    "customer.recognised",
    "customer.searched",
    "customer.signed-in",
    "customer.to-paper",
    "customer.viewed",
    "debit.approved",
    "debit.fetched",
    "debit.prepared",
    "debit.refused",
    "debit.seen",
    "declaration.printed",
    "declaration.shown",
    "declaration.viewed",
    "layout.brought",
    "layout.chosen",
    "layout.fetched",
    "layout.uploaded",
    "mandate.ended",
    "mandate.given",
    "number.forgotten",
    "page.refused",
    "paper.handed-over",
    "passkey.added",
    "passkey.copied",
    "passkey.removed",
    "passkeys.removed",
    "password.removed",
    "password.set",
    "pay.allocate",
    "pay.approve",
    "pay.exported",
    "pay.listed",
    "pay.owing-asked",
    "pay.propose-reversal",
    "pay.propose-settling",
    "pay.refuse",
    "pay.refuse-settling",
    "pay.reverse",
    "pay.settle",
    "pay.statement",
    "pay.statement-uploaded",
    "pay.viewed",
    "reader.added",
    "reader.left",
    "reader.proven",
    "reader.removed",
    "refund.approved",
    "refund.asked",
    "refund.corrected",
    "refund.declined",
    "refund.doubted",
    "refund.exported",
    "refund.fetched",
    "refund.given",
    "refund.proposed",
    "refund.refused",
    "refund.unclear",
    "refund.upheld",
    "run.closed",
    "run.relaid",
    "run.released",
    "run.sampled",
    "run.uploaded",
    "run.viewed",
    "scan.aside",
    "scan.refused",
    "scan.undone",
    "scan.viewed",
    "scans.brought",
    "scans.cleared",
    "scans.listed",
    "scans.removed",
    "scans.retried",
    "staff.added",
    "staff.centre-changed",
    "staff.changed",
    "staff.disabled",
    "staff.email-changed",
    "staff.linked",
    "staff.locked-out",
    "staff.no-role",
    "staff.password-changed",
    "staff.reset",
    "staff.role-changed",
    "staff.sessions-ended",
    "staff.signed-in",
    "texts.brought",
    "texts.chosen",
    "write-off.approved",
    "write-off.proposed",
    "write-off.refused",
];

/// Whom the list lets ask for it.
pub(crate) fn who_may(method: &str, path: &str) -> Option<Who> {
    let found = STAFF_ROUTES
        .iter()
        .find(|(verb, route, _)| *verb == method && *route == path);
    found.map(|(_, _, who)| *who)
}

pub(crate) fn router(doors: &Doors) -> Router<Doors> {
    Router::new()
        .route("/staff", get(sign_in::home))
        .route("/staff/audit", get(audit::latest).post(audit::filtered))
        .route("/staff/books", get(books::form))
        .route("/staff/books/file", get(books::file))
        .route("/staff/components", get(components::page))
        .route(
            "/staff/customers",
            get(customers::ask).post(customers::find),
        )
        .route("/staff/customers/{number}", get(customers::page))
        .route(
            "/staff/customers/{number}/account",
            get(accounts::form).post(accounts::change),
        )
        .route(
            "/staff/customers/{number}/code",
            get(desk::code_form).post(desk::change_code),
        )
        .route(
            "/staff/customers/{number}/contact",
            post(contact::recognise),
        )
        .route(
            "/staff/customers/{number}/declaration",
            post(consent::declaration),
        )
        .route(
            "/staff/customers/{number}/enrol",
            get(consent::enrol_form).post(consent::enrol),
        )
        .route(
            "/staff/customers/{number}/language",
            post(desk::choose_language),
        )
        .route("/staff/customers/{number}/mails", post(desk::choose_mails))
        .route("/staff/customers/{number}/note", post(desk::note))
        .route(
            "/staff/customers/{number}/paper",
            get(desk::paper_form).post(desk::paper),
        )
        .route(
            "/staff/customers/{number}/passkeys",
            get(desk::passkeys_form).post(desk::remove_passkeys),
        )
        .route("/staff/customers/{number}/reader", post(readers::remove))
        .route(
            "/staff/customers/{number}/readers",
            get(readers::form).post(readers::add),
        )
        .route(
            "/staff/customers/{number}/scans/{id}",
            get(scans::picture::of_customer),
        )
        .route("/staff/customers/{number}/send", post(desk::send))
        .route(
            "/staff/customers/{number}/sign",
            post(signing::sign).layer(DefaultBodyLimit::max(signing::FORM_BYTES_MAX)),
        )
        .route("/staff/customers/{number}/signed/{id}", get(signing::show))
        .route("/staff/debits", get(debits::list).post(debits::prepare))
        .route("/staff/debits/file/{number}", get(debits::file))
        .route("/staff/debits/seen", post(debits::seen))
        .route(
            "/staff/debits/{number}",
            get(debits::one).post(debits::decide),
        )
        .route("/staff/imports", get(imports::form))
        .route("/staff/imports/{id}", get(imports::one))
        .route("/staff/keys", get(upkeep::keys).post(upkeep::look))
        .route("/staff/layouts", get(layouts::list))
        .route("/staff/layouts/file/{id}", get(imports::one_layout))
        .route(
            "/staff/layouts/{no}",
            get(layouts::one).post(layouts::choose),
        )
        .route("/staff/layouts/{no}/files/{at}", get(layouts::file))
        .route("/staff/layouts/{no}/samples/{kind}", get(layouts::sample))
        .route("/staff/money", get(money::latest).post(money::find))
        .route("/staff/money/notice", get(money::one).post(money::decide))
        .route("/staff/passkeys", get(passkeys::list).post(passkeys::add))
        .route("/staff/passkeys/ask", post(passkeys::ask))
        .route("/staff/passkeys/change", post(passkeys::change))
        .route(
            "/staff/password",
            get(sign_in::password_form).post(sign_in::password),
        )
        .route("/staff/people", get(people::list).post(people::add))
        .route("/staff/people/{login}", post(people::change))
        .route(
            "/staff/receivables",
            get(receivables::page).post(receivables::ask),
        )
        .route("/staff/receivables/csv", get(receivables::csv))
        .route("/staff/receivables/list", get(receivables::list))
        .route("/staff/reconciliation", get(reconciliation::page))
        .route("/staff/reconciliation/csv", get(reconciliation::csv))
        .route("/staff/reconciliation/day", get(reconciliation::day))
        .route("/staff/refunds", get(refunds::list).post(refunds::find))
        .route("/staff/refunds/file", post(refunds::make_file))
        .route("/staff/refunds/file/{number}", get(refunds::file))
        .route("/staff/refunds/propose", post(refunds::propose))
        .route(
            "/staff/refunds/{number}",
            get(refunds::one).post(refunds::decide),
        )
        .route("/staff/runs", get(runs::list))
        .route("/staff/runs/{run}", get(runs::page))
        .route("/staff/runs/{run}/close", post(runs::close))
        .route("/staff/runs/{run}/layout", post(relay::relay))
        .route("/staff/runs/{run}/release", post(runs::release))
        .route("/staff/runs/{run}/samples/{seq}", get(samples::sample))
        .route("/staff/scans", get(scans::room))
        .route(
            "/staff/scans/{id}",
            get(scans::page).post(scans::decide::decide),
        )
        .route("/staff/scans/{id}/picture", get(scans::picture::in_hand))
        .route("/staff/scans/again", post(scans::again))
        .route("/staff/scans/remove", post(scans::remove))
        .route("/staff/scans/next", post(scans::next))
        .route("/staff/scans/undo", post(scans::take_back))
        .route("/staff/sessions", get(sessions::page).post(sessions::end))
        .route("/staff/sign-in", get(sign_in::form).post(sign_in::submit))
        .route("/staff/sign-in/oidc", get(oidc::go))
        .route("/staff/sign-in/oidc/back", get(oidc::back))
        .route("/staff/sign-in/passkey", post(passkeys::sign_in))
        .route("/staff/sign-in/passkey/ask", post(passkeys::ask_sign_in))
        .route("/staff/sign-out", post(sign_in::sign_out))
        .route("/staff/statements", get(statements::list))
        .route("/staff/statements/file/{id}", get(imports::one_statement))
        .route("/staff/statements/{id}", get(statements::one))
        .route("/staff/texts", get(texts::list))
        .route(
            "/staff/texts/change/{group}",
            get(texts::change::form)
                .post(texts::change::propose)
                .layer(DefaultBodyLimit::max(texts::change::FORM_BYTES_MAX)),
        )
        .route("/staff/texts/{no}", get(texts::one).post(texts::choose))
        .route(
            "/staff/texts/{no}/{language}/{sample}",
            get(texts::sample::show),
        )
        .route("/staff/tokens", get(tokens::list).post(tokens::add))
        .route(
            "/staff/tokens/{name}",
            get(tokens::one).post(tokens::revoke),
        )
        .route_layer(middleware::from_fn_with_state(doors.clone(), door::guard))
}

/// The first page of the menu that this role has.
pub(crate) fn home_of(role: Role) -> &'static str {
    let open = |path: &str| who_may("GET", path).is_some_and(|who| who.lets(role));
    let found = MENU.iter().find(|(path, _)| open(path));
    found.map_or("/staff/password", |(path, _)| path)
}

/// A page of the console, with its menu for who is signed in.
pub(crate) fn render(
    app: &App,
    visitor: &Visitor,
    officer: Option<&Officer>,
    template: &str,
    page: Value,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let me = officer.map(|officer| {
        let open = |path: &str| who_may("GET", path).is_some_and(|who| who.lets(officer.role));
        let menu: Vec<_> = MENU
            .iter()
            .filter(|(path, _)| open(path) && !officer.temporary)
            .map(|&(href, text)| context! { href, text => texts.say(text, &[]) })
            .collect();
        let role = role_name(app, visitor, officer.role);
        context! { name => officer.name.clone(), login => officer.login.as_str(), role, menu, home => home_of(officer.role), tokens => open("/staff/tokens") }
    });
    let html = app
        .pages
        .render(visitor, template, context! { me, ..page })?;
    Ok(html.into_response())
}

/// A page that only says something, by the keys of its title and its text.
pub(crate) fn say(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    (status, title, text): (StatusCode, &str, &str),
    back: &str,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let (title, text) = (texts.say(title, &[]), texts.say(text, &[]));
    said(app, visitor, officer, (status, &title, &text), back)
}

/// As [`say`], in words.
pub(crate) fn said(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    (status, title, text): (StatusCode, &str, &str),
    back: &str,
) -> Result<Response, Failure> {
    let good = status.is_success();
    let page = context! { good, title, text, back };
    let page = render(app, visitor, Some(officer), "staff/said.html", page)?;
    Ok((status, page).into_response())
}

/// That a customer was asked about too often, and until when it takes patience.
pub(crate) fn locked(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    number: &CustomerNumber,
    until: Timestamp,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let (wait_s, minutes) = gate::wait(app, until);
    let title = texts.say("staff-lock-title", &[]);
    let when = texts.get("lock-when", &[("minutes", minutes.into())]);
    let why = texts.say("staff-lock-text", &[]);
    let text = format!("{why} {}", when.unwrap_or_default());
    let said_so = (StatusCode::TOO_MANY_REQUESTS, title.as_str(), text.as_str());
    let back = format!("/staff/customers/{number}");
    let page = said(app, visitor, officer, said_so, &back)?;
    Ok(gate::too_many(page, wait_s))
}

pub(crate) fn role_name(app: &App, visitor: &Visitor, role: Role) -> String {
    let key = match role {
        Role::Agent => "staff-role-agent",
        Role::Clerk => "staff-role-clerk",
        Role::Billing => "staff-role-billing",
        Role::Auditor => "staff-role-auditor",
        Role::Administrator => "staff-role-administrator",
    };
    app.pages.texts(visitor.language).say(key, &[])
}

/// What was typed, its control characters as blanks: the databases take no NUL, and nobody sees the
/// others.
pub(crate) fn plain(typed: &str) -> String {
    typed.replace(char::is_control, " ").trim().to_owned()
}

/// An entry of the audit trail: what this member of staff does now.
pub(crate) fn event(
    app: &App,
    officer: &Officer,
    what: &str,
    subject: String,
    detail: serde_json::Value,
) -> Event {
    Event {
        at: app.portal.clock.now(),
        who: officer.login.to_string(),
        what: what.to_owned(),
        subject,
        detail,
    }
}
