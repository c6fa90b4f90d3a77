//! Finding a customer, and the customer's page.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::{
    BillNumber, Cents, Customer, CustomerNumber, Language, reference::CreditorReference,
};
use kvit_pay::{ProviderName, standing::Standing};
use kvit_store::{CustomerRecord, EnrolmentState, Event, MailTopic, PasskeyOwner, StoreError};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    accounts, contact, desk, door::Officer, event, plain, readers, render, scans, signing, timeline,
};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate::typed_number,
    rooms::{
        bills::masked,
        readers::{READERS_MAX, READERS_SHOWN},
        shown,
    },
};

/// Customers shown of those that were found.
const FOUND_SHOWN: usize = 20;
/// The longest thing that is looked for, in characters.
const WANTED_CHARS_MAX: usize = 100;
const BILLS_SHOWN: usize = 6;
/// Bills of a page of earlier ones.
const EARLIER_SHOWN: usize = 24;
const DECLARATIONS_SHOWN: u32 = 10;
/// A bill's number as it is printed; fewer digits may be a part of anything.
const BILL_DIGITS: usize = 10;

pub(crate) async fn ask(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    let page = context! { wanted => "" };
    render(&app, &visitor, Some(&officer), "staff/customers.html", page)
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    wanted: String,
}

/// What is looked for travels in the body: names and telephones belong in no log of addresses.
pub(crate) async fn find(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<Wanted>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let wanted: String = plain(&form.wanted).chars().take(WANTED_CHARS_MAX).collect();
    let store = &app.portal.store;
    // A whole number means one customer, also where it is a part of others.
    if let Some(number) = typed_number(&wanted)
        && store.customer(&number).await?.is_some()
    {
        return Ok(to_customer(&number, ""));
    }
    let of_paper = by_paper(&app, &wanted).await?;
    if let [only] = of_paper.as_slice() {
        return Ok(to_customer(only, ""));
    }
    let asked = u32::try_from(FOUND_SHOWN + 1).unwrap_or(u32::MAX);
    let found = match of_paper.as_slice() {
        [] => store.find_customers(&wanted, asked).await?,
        several => {
            let mut found = store.customers(several).await?;
            let found = several.iter().filter_map(|number| found.remove(number));
            Some(found.collect())
        }
    };
    let Some(mut found) = found else {
        let page = context! { wanted, notice => "staff-find-short" };
        let page = render(&app, &visitor, Some(&officer), "staff/customers.html", page)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let more = found.len() > FOUND_SHOWN;
    found.truncate(FOUND_SHOWN);
    let numbers: Vec<_> = found
        .iter()
        .map(|record| record.customer.number.as_str())
        .collect();
    let detail = json!({ "wanted": wanted, "shown": numbers });
    let subject = format!("staff/{}", officer.login);
    let looked = event(&app, &officer, "customer.searched", subject, detail);
    store.record_event(&looked).await?;
    if let [only] = found.as_slice() {
        return Ok(to_customer(&only.customer.number, ""));
    }
    let rows: Vec<_> = found.iter().map(|record| row(&record.customer)).collect();
    let page = context! { wanted, found => rows, searched => true, more };
    render(&app, &visitor, Some(&officer), "staff/customers.html", page)
}

/// Whose bill or payment it is: by the bill's ten digits, its payment reference, or a payment as
/// payment systems and `kvit pay list` name it, which may be of several.
async fn by_paper(app: &App, wanted: &str) -> Result<Vec<CustomerNumber>, Failure> {
    let store = &app.portal.store;
    let compact: String = wanted
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '№')
        .collect();
    if let Some((provider, number)) = compact.split_once('/') {
        let provider = provider.to_lowercase().parse::<ProviderName>();
        let (Ok(provider), Ok(number)) = (provider, number.parse()) else {
            return Ok(Vec::new());
        };
        let Some(payment) = store.payment(&provider, number).await? else {
            return Ok(Vec::new());
        };
        let parts = store.payment_parts(&payment).await?;
        let mut accounts: Vec<_> = parts.into_iter().map(|part| part.account).collect();
        accounts.push(payment.account);
        accounts.sort();
        accounts.dedup();
        return Ok(accounts);
    }
    let reference = CreditorReference::parse(&compact.to_uppercase());
    let digits = match &reference {
        Some(reference) => &reference.as_str()[4..],
        None => &compact,
    };
    if digits.len() != BILL_DIGITS {
        return Ok(Vec::new());
    }
    let Ok(number) = digits.parse::<BillNumber>() else {
        return Ok(Vec::new());
    };
    let bill = store.bill(number).await?;
    Ok(bill.into_iter().map(|bill| bill.account).collect())
}

fn row(customer: &Customer) -> Value {
    context! {
        number => customer.number.as_str(), name => customer.name.clone(), address => address(customer),
        phone => customer.phone.clone(),
    }
}

pub(crate) fn address(customer: &Customer) -> String {
    let address = &customer.address;
    let town = format!("{} {}", address.postcode, address.city);
    let lines = address.lines.iter().map(String::as_str);
    let parts: Vec<_> = std::iter::once(town.trim()).chain(lines).collect();
    parts.join(", ")
}

/// The address of a customer's page.
pub(super) fn page_of(number: &CustomerNumber) -> String {
    format!("/staff/customers/{number}")
}

/// To a customer's page. `query` begins with `?` where there is one.
pub(crate) fn to_customer(number: &CustomerNumber, query: &str) -> Response {
    let to = format!("{}{query}", page_of(number));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// The customer whose page it is.
pub(crate) async fn the_customer(app: &App, number: &str) -> Result<CustomerRecord, Failure> {
    let number: CustomerNumber = number.parse().map_err(|_| Failure::NotFound)?;
    let found = app.portal.store.customer(&number).await?;
    found.ok_or(Failure::NotFound)
}

/// Writes down that `who` looks at something of a customer's. Whatever names a customer comes after this, but within a
/// contact, which says that the customer was recognised.
pub(crate) async fn viewed(
    app: &App,
    who: String,
    number: &CustomerNumber,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    let viewed = Event {
        at: app.portal.clock.now(),
        who,
        what: "customer.viewed".to_owned(),
        subject: format!("customer/{number}"),
        detail,
    };
    app.portal.store.record_event(&viewed).await
}

#[derive(Deserialize)]
pub(crate) struct PageQuery {
    /// The contact that is under way.
    #[serde(default)]
    pub(crate) call: String,
    /// What was done a moment ago.
    #[serde(default)]
    done: String,
    /// Where what happened begins, and behind how many of that moment.
    #[serde(default)]
    until: String,
    #[serde(default)]
    skip: String,
    /// The bills before this number.
    #[serde(default)]
    bills: String,
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let record = the_customer(&app, &number).await?;
    let notice = match query.done.as_str() {
        "recognised" => Some("staff-done-recognised"),
        "enrolled" => Some("staff-done-enrolled"),
        "paper" => Some("staff-done-paper"),
        "noted" => Some("staff-done-noted"),
        "code" => Some("staff-done-code"),
        "account" => Some("staff-done-account"),
        "mails" => Some("staff-done-mails"),
        "language" => Some("staff-done-language"),
        "reader" => Some("staff-done-reader"),
        "invited" => Some("staff-done-reader-asked"),
        "passkeys" => Some("staff-done-passkeys"),
        "sent" => Some("staff-done-sent"),
        "outdated" => Some("staff-outdated"),
        "on-its-way" => Some("staff-on-its-way"),
        "over" => Some("staff-contact-over"),
        _ => None,
    };
    let seen = Seen {
        notice,
        from: timeline::From {
            until: query.until.parse().ok(),
            skip: query.skip.parse().unwrap_or_default(),
        },
        bills: query.bills.parse().ok(),
        ..Seen::of(query.call)
    };
    customer_page(&app, &visitor, &officer, &record, seen).await
}

/// How a customer's page is looked at.
pub(crate) struct Seen {
    /// The contact that is under way, if it is one.
    pub(crate) call: String,
    pub(crate) notice: Option<&'static str>,
    pub(crate) errors: Vec<(&'static str, &'static str)>,
    /// What was typed into a form that was wrong.
    pub(crate) typed: Value,
    /// Where what happened begins.
    pub(crate) from: timeline::From,
    /// Before which bill the list begins.
    pub(crate) bills: Option<BillNumber>,
}

impl Seen {
    /// As it stands now.
    pub(crate) fn of(call: String) -> Self {
        Self {
            call,
            notice: None,
            errors: Vec::new(),
            typed: context! {},
            from: timeline::From::default(),
            bills: None,
        }
    }
}

/// Everything about a customer. That it was looked at is written down before it is shown.
pub(crate) async fn customer_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    record: &CustomerRecord,
    seen: Seen,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let customer = &record.customer;
    let number = &customer.number;
    viewed(app, officer.login.to_string(), number, json!({})).await?;
    let contact = contact::contact(app, officer, number, &seen.call).await?;
    // Before it is known who calls, an address is only shown as its owner would recognise it.
    let email = |email: &str| match contact {
        Some(_) => email.to_owned(),
        None => masked(email),
    };
    let state = store.enrolment_of(number).await?;
    let paper_too = state.also_on_paper(app.portal.paper_until);
    let (state, email_now) = match state {
        EnrolmentState::None => ("none", String::new()),
        EnrolmentState::Pending(record) => ("pending", email(record.email.expose())),
        EnrolmentState::Active(record) => ("active", email(record.email.expose())),
    };
    let changes_to = match state {
        "active" => store.waiting_enrolment(number).await?,
        _ => None,
    };
    let changes_to = changes_to.map(|record| email(record.email.expose()));
    let known = store.readers_of(number, READERS_SHOWN).await?;
    let (readers, room_for_readers) = readers::shown(&known, app.portal.clock.now(), email);
    let mut mails = Vec::new();
    if state == "active" {
        let topics = MailTopic::ALL.into_iter();
        for about in topics.filter(|about| *about != MailTopic::Reminders || app.portal.reminders) {
            let wanted = store.wants_mails(number, about).await?;
            mails.push(context! { about => about.as_str(), wanted });
        }
    }
    let owner = PasskeyOwner::Customer(number.clone());
    let keys = store.passkeys_of(&owner, record.code_generation).await?;
    let password = store.customer_password(number).await?.is_some();
    let most = if seen.bills.is_some() {
        EARLIER_SHOWN
    } else {
        BILLS_SHOWN
    };
    let mut bills = store.bills_of(number, seen.bills, most + 1).await?;
    let older = bills.len() > most;
    bills.truncate(most);
    let older = bills.last().filter(|_| older);
    let older = older.map(|bill| bill.number.to_string());
    let standing = store.standing(number, app.portal.clock.now()).await?;
    let texts = app.pages.texts(visitor.language);
    let bills: Vec<_> = bills
        .iter()
        .map(|bill| {
            let paid = standing.bill(bill.number).map(|asked| match asked.open {
                Cents::ZERO => texts.say("staff-bill-paid", &[]),
                open if open == asked.due => texts.say("staff-bill-unpaid", &[]),
                open => {
                    let amount = texts.money(open, &bill.currency);
                    texts.say("staff-bill-open", &[("amount", &amount)])
                }
            });
            context! { paid, ..shown(app, visitor.language, bill) }
        })
        .collect();
    let known = contact.is_some();
    let (happened, earlier) = timeline::of(app, visitor, number, known, seen.from).await?;
    let earlier = earlier.map(|from| {
        let until = from.until.map(|until| until.to_string());
        context! { until, skip => from.skip.to_string() }
    });
    let language = match customer.language {
        Language::Bg => "staff-language-bg",
        Language::En => "staff-language-en",
    };
    let declarations = store.scans_of(number, DECLARATIONS_SHOWN).await?;
    let mut declarations: Vec<_> = declarations
        .iter()
        .map(|found| {
            let when = texts.moment(found.scan.at, &app.portal.time_zone);
            let text = texts.say(scans::state_text(found.state), &[("when", &when)]);
            context! { path => format!("scans/{}", found.scan.id), text }
        })
        .collect();
    for (given, _) in signing::sheets_of(app, number).await? {
        let when = texts.moment(given.created_at, &app.portal.time_zone);
        let text = texts.say("staff-signed-on-screen", &[("when", &when)]);
        declarations.push(context! { path => format!("signed/{}", given.id), text });
    }
    let errors = crate::gate::faults(&seen.errors);
    let page = context! {
        number => number.as_str(), name => customer.name.clone(), address => address(customer),
        owed => owed(app, visitor, &standing), phone => customer.phone.clone(), language, state, email => email_now, paper_too, account => accounts::shown(app, visitor, record), changes_to, mails, readers, room_for_readers, readers_max => READERS_MAX, keys => keys.len(), password, bills, happened, declarations, older, earlier,
        back => seen.bills.is_some() || seen.from.until.is_some(),
        call => contact.as_ref().map(|contact| contact.id.as_str().to_owned()),
        call_reference => contact.map(|contact| contact.reference),
        entry => desk::new_entry(app), centre => officer.centre.clone(),
        only_looks => !super::DESK.lets(officer.role), at_desk => officer.role == kvit_billing::Role::Clerk, notice => seen.notice, errors, typed => seen.typed,
    };
    render(app, visitor, Some(officer), "staff/customer.html", page)
}

/// What of a customer's bills is open although its last day is over.
pub(crate) fn late(app: &App, standing: &Standing) -> Cents {
    let today = app.today();
    let late = standing.bills.iter().filter(|bill| bill.due_date < today);
    late.map(|bill| bill.open).sum()
}

/// What a customer owes, what of it is late, and what was paid beyond.
fn owed(app: &App, visitor: &Visitor, standing: &Standing) -> Value {
    let portal = &app.portal;
    let (open, late) = (standing.open(), late(app, standing));
    let texts = app.pages.texts(visitor.language);
    let some = |amount: Cents| {
        (amount > Cents::ZERO).then(|| texts.money(amount, &portal.operator.currency))
    };
    context! { open => some(open), late => some(late), credit => some(standing.credit) }
}
