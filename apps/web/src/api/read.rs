//! What the API tells. That it was asked for is in the audit trail before it is answered.

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::{BillNumber, Cents, CustomerNumber, Language, reference::CreditorReference};
use kvit_pay::standing::Standing;
use kvit_store::{BillRecord, CustomerRecord, DeliveryRecord, EnrolmentState, api_subject};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    door::Caller,
    event,
    problem::{Fault, NO_VERSION, NOT_FOUND, Problem, Refused},
    views,
};
use crate::{
    App,
    rooms::bills::masked,
    saved::saved_as,
    staff::{
        customers::{self, late},
        timeline,
    },
};

/// Customers listed of those that were found.
const FOUND_MAX: usize = 20;
/// Bills of a page, where the caller names no number.
pub(super) const BILLS_USUAL: usize = 20;
/// Bills of a page at most.
pub(super) const BILLS_MAX: usize = 100;

type Answer = Result<Response, Refused>;

/// A body of this shape; else all that is known to be wrong with it.
pub(super) fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(bytes).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        let detail = error.to_string();
        let detail = detail.split(" at line ").next().unwrap_or_default();
        Problem::faults(vec![Fault {
            at: format!("body, {at}"),
            detail: detail.to_owned(),
        }])
        .into()
    })
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The pairs of a query: each at most once, and none but these.
fn pairs(query: Option<String>, known: &[&str]) -> Result<Vec<(String, String)>, Refused> {
    let mut found: Vec<(String, String)> = Vec::new();
    for pair in query
        .unwrap_or_default()
        .split('&')
        .filter(|p| !p.is_empty())
    {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let twice = found.iter().any(|(other, _)| other == name);
        if twice || !known.contains(&name) {
            let known = match known {
                [] => "no parameters".to_owned(),
                known => format!("each of these at most once: {}", known.join(", ")),
            };
            let detail = format!("this call takes {known}");
            let at = "query".to_owned();
            return Err(Problem::faults(vec![Fault { at, detail }]).into());
        }
        found.push((name.to_owned(), value.to_owned()));
    }
    Ok(found)
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str())
}

pub(super) fn wrong(at: &str, detail: impl Into<String>) -> Refused {
    let (at, detail) = (at.to_owned(), detail.into());
    Problem::faults(vec![Fault { at, detail }]).into()
}

/// The customer of an address.
pub(super) async fn the_customer(app: &App, number: &str) -> Result<CustomerRecord, Refused> {
    let unknown = || Problem::new(NOT_FOUND, "There is no customer of this number.");
    let number: CustomerNumber = number.parse().map_err(|_| unknown())?;
    let found = app.portal.store.customer(&number).await?;
    Ok(found.ok_or_else(unknown)?)
}

/// The bill of an address.
pub(super) async fn the_bill(app: &App, number: &str) -> Result<BillRecord, Refused> {
    let unknown = || Problem::new(NOT_FOUND, "There is no bill of this number.");
    let number: BillNumber = number.parse().map_err(|_| unknown())?;
    let found = app.portal.store.bill(number).await?;
    Ok(found.ok_or_else(unknown)?)
}

pub(super) fn subject(number: &CustomerNumber) -> String {
    format!("customer/{number}")
}

/// Writes down that something of a customer's is looked at.
async fn viewed(
    app: &App,
    caller: &Caller,
    number: &CustomerNumber,
    detail: serde_json::Value,
) -> Result<(), Refused> {
    Ok(customers::viewed(app, caller.who(), number, detail).await?)
}

fn customer_view(record: &CustomerRecord) -> views::Customer {
    let customer = &record.customer;
    views::Customer {
        number: customer.number.to_string(),
        name: customer.name.clone(),
        city: customer.address.city.clone(),
        language: match customer.language {
            Language::Bg => views::Language::Bg,
            Language::En => views::Language::En,
        },
        closed_on: record.closed_on.map(|day| day.to_string()),
        holder_since: record.holder_since.map(|day| day.to_string()),
    }
}

pub(super) async fn find(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    bytes: Bytes,
) -> Answer {
    let wanted: views::Wanted = body(&bytes)?;
    let phone = &wanted.phone;
    let typed = |c: char| c.is_ascii_digit() || "+() ./-".contains(c);
    if !(3..=30).contains(&phone.len()) || !phone.chars().all(typed) {
        return Err(wrong("/phone", "3 to 30 digits, blanks and + ( ) . / -"));
    }
    let limit = u32::try_from(FOUND_MAX + 1).unwrap_or(u32::MAX);
    let mut found = app.portal.store.customers_by_phone(phone, limit).await?;
    let more = found.len() > FOUND_MAX;
    found.truncate(FOUND_MAX);
    let customers: Vec<_> = found.iter().map(customer_view).collect();
    let shown: Vec<_> = customers.iter().map(|one| one.number.as_str()).collect();
    let detail = json!({ "wanted": phone, "shown": shown });
    let place = api_subject(&caller.token);
    let searched = event(&app, &caller, "customer.searched", place, detail);
    app.portal.store.record_event(&searched).await?;
    Ok(json(StatusCode::OK, &views::Found { customers, more }))
}

pub(super) async fn customer(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    pairs(query, &[])?;
    let record = the_customer(&app, &number).await?;
    viewed(&app, &caller, &record.customer.number, json!({})).await?;
    Ok(json(StatusCode::OK, &customer_view(&record)))
}

pub(super) async fn enrolment(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    pairs(query, &[])?;
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    viewed(&app, &caller, number, json!({})).await?;
    let store = &app.portal.store;
    // Read first: a version that is too old makes a change fail, one too new would let it pass.
    let version = store.consent_version(number).await?;
    let now = store.enrolment_of(number).await?;
    let also_on_paper = now.also_on_paper(app.portal.paper_until);
    let (state, found) = match now {
        EnrolmentState::None => (views::EnrolmentState::Paper, None),
        EnrolmentState::Pending(found) => (views::EnrolmentState::Pending, Some(found)),
        EnrolmentState::Active(found) => (views::EnrolmentState::Active, Some(found)),
    };
    let changes = match state {
        views::EnrolmentState::Active => store.waiting_enrolment(number).await?,
        _ => None,
    };
    let view = views::Enrolment {
        customer: number.to_string(),
        state,
        also_on_paper,
        email: found.as_ref().map(|found| masked(found.email.expose())),
        changes_to: changes.map(|found| masked(found.email.expose())),
        bills_from: found
            .as_ref()
            .and_then(|found| Some(found.bills_from?.to_string())),
        since: found.map(|found| found.created_at.to_string()),
    };
    let mut response = json(StatusCode::OK, &view);
    let tag = HeaderValue::from_str(&format!("\"{version}\""));
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

pub(super) async fn history(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let pairs = pairs(query, &["language"])?;
    let language = match value(&pairs, "language") {
        None | Some("bg") => Language::Bg,
        Some("en") => Language::En,
        Some(_) => return Err(wrong("query, language", "bg or en")),
    };
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    viewed(&app, &caller, number, json!({})).await?;
    let texts = app.pages.texts(language);
    let happened = timeline::happened(&app, texts, number, false).await?;
    let happened = happened
        .into_iter()
        .take(timeline::SHOWN_MAX)
        .map(|one| views::Happened {
            at: one.at.to_string(),
            whole_day: one.whole_day,
            text: one.text,
            more: one.more,
        })
        .collect();
    Ok(json(StatusCode::OK, &views::History { happened }))
}

pub(super) async fn bills(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let pairs = pairs(query, &["cursor", "limit"])?;
    let before: Option<BillNumber> = match value(&pairs, "cursor").map(str::parse).transpose() {
        Ok(before) => before,
        Err(_) => return Err(wrong("query, cursor", "what next of the page before said")),
    };
    let limit = match value(&pairs, "limit").map(str::parse).transpose() {
        Ok(limit) => limit.unwrap_or(BILLS_USUAL),
        Err(_) => 0,
    };
    if !(1..=BILLS_MAX).contains(&limit) {
        return Err(wrong("query, limit", format!("1 to {BILLS_MAX}")));
    }
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    viewed(&app, &caller, number, json!({})).await?;
    let store = &app.portal.store;
    let mut found = store.bills_of(number, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let standing = store.standing(number, app.portal.clock.now()).await?;
    let next = found
        .last()
        .filter(|_| more)
        .map(|bill| bill.number.to_string());
    let bills = found
        .iter()
        .map(|bill| bill_view(bill, &standing))
        .collect();
    Ok(json(StatusCode::OK, &views::Bills { bills, next }))
}

pub(super) async fn balance(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    pairs(query, &[])?;
    let record = the_customer(&app, &number).await?;
    let number = &record.customer.number;
    viewed(&app, &caller, number, json!({})).await?;
    let now = app.portal.clock.now();
    let standing = app.portal.store.standing(number, now).await?;
    let open = standing.bills.iter().filter(|bill| bill.open > Cents::ZERO);
    let view = views::Balance {
        customer: number.to_string(),
        currency: app.portal.operator.currency.to_string(),
        balance_cents: standing.balance().get(),
        open_cents: standing.open().get(),
        late_cents: late(&app, &standing).get(),
        credit_cents: standing.credit.get(),
        bills: open
            .map(|bill| views::OpenBill {
                number: bill.number.to_string(),
                due: bill.due_date.to_string(),
                asked_cents: bill.due.get(),
                open_cents: bill.open.get(),
            })
            .collect(),
    };
    Ok(json(StatusCode::OK, &view))
}

pub(super) async fn bill(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    pairs(query, &[])?;
    let bill = viewed_bill(&app, &caller, &number).await?;
    let store = &app.portal.store;
    let standing = store
        .standing(&bill.account, app.portal.clock.now())
        .await?;
    let deliveries = store.deliveries_of_bill(bill.number).await?;
    let view = views::BillState {
        bill: bill_view(&bill, &standing),
        deliveries: deliveries.iter().map(delivery_view).collect(),
    };
    Ok(json(StatusCode::OK, &view))
}

pub(super) async fn pdf(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    pairs(query, &[])?;
    let bill = viewed_bill(&app, &caller, &number).await?;
    let pdf = app.portal.documents.bill_pdf(&bill).await?;
    let name = format!("{}.pdf", bill.number);
    Ok(saved_as(&name, "application/pdf", pdf))
}

async fn viewed_bill(app: &App, caller: &Caller, number: &str) -> Result<BillRecord, Refused> {
    let bill = the_bill(app, number).await?;
    let detail = json!({ "bill": bill.number.to_string() });
    viewed(app, caller, &bill.account, detail).await?;
    Ok(bill)
}

fn bill_view(bill: &BillRecord, standing: &Standing) -> views::Bill {
    let open = standing.bill(bill.number);
    views::Bill {
        number: bill.number.to_string(),
        customer: bill.account.to_string(),
        kind: bill.kind.as_str().to_owned(),
        issued: bill.issue_date.to_string(),
        period_from: bill.period.from.to_string(),
        period_to: bill.period.to.to_string(),
        due: bill.due_date.to_string(),
        currency: bill.currency.to_string(),
        gross_cents: bill.gross.get(),
        to_pay_cents: bill.to_pay.get(),
        open_cents: open.map_or(0, |found| found.open.get()),
        reference: CreditorReference::of(bill.number).as_str().to_owned(),
        corrects: bill.corrects.map(|number| number.to_string()),
    }
}

fn delivery_view(delivery: &DeliveryRecord) -> views::Delivery {
    let receipt = |kind: &str| {
        let found = delivery.receipts.iter().find(|one| one.kind == kind);
        found.map(|one| one.at.to_string())
    };
    views::Delivery {
        id: delivery.id.to_string(),
        channel: word(&delivery.channel),
        state: word(&delivery.state),
        due: delivery.due_at.to_string(),
        attempts: delivery.attempts,
        possibly_twice: delivery.possibly_twice,
        accepted: receipt("accepted"),
        confirmed: receipt("confirmed"),
    }
}

/// The word of ours for a channel or a state.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// The version that a change was made with.
pub(super) fn version(headers: &HeaderMap) -> Result<u64, Refused> {
    let Some(sent) = headers.get(header::IF_MATCH) else {
        return Err(Problem::new(
            NO_VERSION,
            "Send If-Match with the ETag of the customer's enrolment, as it was when the customer was asked.",
        )
        .into());
    };
    let sent = sent.to_str().unwrap_or_default().trim();
    let number = sent
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let number = number.filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    number
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| wrong("header, If-Match", "an ETag as it was given, such as \"3\""))
}
