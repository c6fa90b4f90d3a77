//! All customer numbers of a person who is signed in: what is due for each and in sum, switching between
//! them, and adding another by its own number and code.
//!
//! Which number a session looks at is kept with the session. Its forms act on that number and name it, so
//! those of before, in another window, are refused.

use axum::{
    Extension, Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::standing::Standing;
use kvit_store::{Event, Widened, WiderSession};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{act, bills::give_session, go, pay, shown};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate::{self, Gate, Identity},
    staff::customers::{address, late},
};

/// Every number, with what is due.
pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let chosen = visitor.signed_in()?;
    let store = &app.portal.store;
    let now = app.portal.clock.now();
    let standings = store.standings(&visitor.points, now).await?;
    let customers = store.customers(&visitor.points).await?;
    let texts = app.pages.texts(visitor.language);
    let currency = &app.portal.operator.currency;
    let some = |amount: Cents| (amount > Cents::ZERO).then(|| texts.money(amount, currency));
    let nothing = Standing::default();
    let kept = match &visitor.session {
        Some(session) => store.kept_in_session(&session.hash()).await?,
        None => Vec::new(),
    };
    let open: Vec<_> = standings
        .iter()
        .flat_map(|(account, standing)| standing.bills.iter().map(move |bill| (account, bill)))
        .filter(|(_, bill)| bill.open > Cents::ZERO)
        .map(|(account, bill)| (bill.number, account, bill.due_date))
        .take(pay::OPEN_MAX)
        .collect();
    let coming = pay::coming(&app, &visitor, &open).await?;
    let mut sum = Cents::ZERO;
    let mut points: Vec<Value> = Vec::with_capacity(visitor.points.len());
    for number in &visitor.points {
        let standing = standings.get(number).unwrap_or(&nothing);
        sum += standing.open();
        let on_its_way: Cents = standing
            .bills
            .iter()
            .filter(|bill| coming.contains_key(&bill.number))
            .map(|bill| bill.open)
            .sum();
        let last = store.bills_of_holder(number, 1).await?;
        let last = last.first().map(|bill| shown(&app, visitor.language, bill));
        let place = customers.get(number).map(|found| address(&found.customer));
        points.push(context! {
            number => number.as_str(), place, here => number == chosen, last, kept => kept.contains(number),
            open => some(standing.open()), late => some(late(&app, standing)),
            credit => some(standing.credit), coming => some(on_its_way),
        });
    }
    let several = points.len() > 1;
    let of: Vec<_> = visitor
        .points
        .iter()
        .filter_map(|number| Some((number, standings.get(number)?)))
        .collect();
    let offer = pay::offer(&app, &visitor, &of).await?;
    let page = context! { points, several, offer, by_link => visitor.by_link, sum => some(sum) };
    Ok(app
        .pages
        .render(&visitor, "points.html", page)?
        .into_response())
}

#[derive(Deserialize)]
pub(crate) struct TurnForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    number: String,
}

/// Turns to another of the session's numbers. One that it does not open is as unknown as none.
pub(crate) async fn turn(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<TurnForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let (Some(session), Ok(number)) = (&visitor.session, form.number.parse::<CustomerNumber>())
    else {
        return Ok(go("/points"));
    };
    if !visitor.points.contains(&number) {
        return Ok(go("/points"));
    }
    let store = &app.portal.store;
    if !store.turn_session(&session.hash(), &number).await? {
        return Ok(go("/points"));
    }
    Ok(go("/bills"))
}

/// Keeps a number no longer with the address. One that is not kept needs no end.
pub(crate) async fn forget(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<TurnForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let Some(session) = &visitor.session else {
        return Ok(go("/bills?ended"));
    };
    let Ok(number) = form.number.parse::<CustomerNumber>() else {
        return Ok(go("/points"));
    };
    let forgotten = kept_event(&app, &visitor, &number);
    let store = &app.portal.store;
    store
        .forget_number(&session.hash(), &number, &forgotten)
        .await?;
    Ok(go("/points"))
}

/// A number is kept no longer: who did it is the customer of the number that was looked at.
pub(super) fn kept_event(app: &App, visitor: &Visitor, number: &CustomerNumber) -> Event {
    let who = visitor.customer.as_ref().unwrap_or(number);
    Event {
        subject: format!("customer/{number}"),
        ..act(app, visitor, who, "number.forgotten")
    }
}

/// The form for another number and its code.
pub(crate) async fn add_form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    visitor.signed_in()?;
    identity_page(&app, &visitor, "", &[])
}

fn identity_page(
    app: &App,
    visitor: &Visitor,
    number: &str,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let page = context! { number, by_link => visitor.by_link, errors => gate::faults(wrong) };
    Ok(app
        .pages
        .render(visitor, "point-add.html", page)?
        .into_response())
}

#[derive(Deserialize)]
pub(crate) struct AddForm {
    #[serde(default)]
    form_token: String,
    /// Whether the number is kept with the address; only where a link to that opened the number that is looked at.
    #[serde(default)]
    keep: String,
    #[serde(flatten)]
    identity: Identity,
}

/// By the same door as signing in, with the same limits and answers.
pub(crate) async fn add(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<AddForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let Some(session) = &visitor.session else {
        return Ok(go("/bills?ended"));
    };
    let refused = |wrong: &[(&str, &str)]| {
        let page = identity_page(&app, &visitor, &form.identity.number, wrong)?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let (customer, door) = match gate::knock(&app, &visitor, &form.identity).await? {
        Gate::Open(customer, door) => (customer, door),
        Gate::Locked(until) => return gate::locked(&app, &visitor, until),
        Gate::Wrong(wrong) => return refused(&wrong),
    };
    let token = app.random_token();
    let new = WiderSession {
        token: token.hash(),
        account: customer.clone(),
        door,
        keep_with: visitor
            .customer
            .clone()
            .filter(|_| visitor.by_link && form.keep == "1"),
        device: visitor.device.clone(),
        at: app.portal.clock.now(),
    };
    let store = &app.portal.store;
    let until = match store.widen_session(&session.hash(), &new).await? {
        Widened::Until(until) => until,
        Widened::TooMany => return refused(&[("number", "error-points-full")]),
        // A browser that pressed twice is signed in by the first press; any other is led to the door.
        Widened::Over => return Ok(go("/points")),
    };
    let who = app.portal.key.pseudonym("number", customer.as_str());
    let address = &visitor.address;
    tracing::info!(who, address, "a customer added a number");
    let mut response = go("/points");
    give_session(&app, &token, until, &mut response);
    Ok(response)
}
