//! Another access code, for a customer who thinks that somebody knows theirs: one press after a fresh proof. Only where a
//! link to the address opened the number: else whoever found a bill could shut its owner out until the next one.

use axum::{
    Extension, Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use minijinja::context;

use super::{
    act,
    again::{self, Place},
    bills::FormToken,
    go,
};
use crate::{App, failure::Failure, front::Visitor};

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let customer = visitor.signed_in()?;
    let page = context! {
        number => customer.as_str(), by_link => visitor.by_link,
        fresh => again::fresh(&app, &visitor),
    };
    Ok(app
        .pages
        .render(&visitor, "code.html", page)?
        .into_response())
}

/// Ends this session as well: the next sign-in is by a link, until the new code comes with a bill.
pub(crate) async fn change(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<FormToken>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    again::must_be_fresh(&app, &visitor, Place::Code)?;
    if !visitor.by_link {
        return Ok(go("/code"));
    }
    let changed = act(&app, &visitor, customer, "customer.code-changed");
    let store = &app.portal.store;
    let known = store.customer(customer).await?.ok_or(Failure::NotFound)?;
    let seen = (customer, known.code_generation);
    store
        .change_code(seen, &visitor.evidence(), &changed)
        .await?
        .ok_or(Failure::NotFound)?;
    let mut signed_out = visitor.clone();
    signed_out.customer = None;
    signed_out.points.clear();
    let texts = app.pages.texts(visitor.language);
    let links = [context! { href => "/sign-in", text => texts.say("signin-title", &[]) }];
    let page = app.pages.render(
        &signed_out,
        "said.html",
        context! {
            good => true, title => texts.say("code-done-title", &[]), links, bill => (),
            text => texts.say("code-done-text", &[("number", customer.as_str())]),
            more => texts.say("code-done-more", &[]),
        },
    )?;
    let mut response = (StatusCode::OK, page).into_response();
    app.end_cookie(&mut response, "session");
    Ok(response)
}
