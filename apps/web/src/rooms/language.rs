//! In which language a customer gets bills and mails: a switch beside the bills.

use axum::{Extension, Form, extract::State, response::Response};
use kvit_billing::Language;
use serde::Deserialize;
use serde_json::json;

use super::{act, go};
use crate::{App, failure::Failure, front::Visitor};

#[derive(Deserialize)]
pub(crate) struct Choice {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    language: String,
}

pub(crate) async fn choose(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<Choice>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    if let Some(language) = Language::from_tag(&form.language) {
        let mut chosen = act(&app, &visitor, customer, "customer.language-chosen");
        chosen.detail["language"] = json!(language);
        app.portal
            .store
            .set_language(customer, language, &chosen)
            .await?;
    }
    Ok(go("/bills"))
}
