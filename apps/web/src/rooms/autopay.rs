//! Autopay: a customer gives a mandate for direct debits, sees it, and ends it by one press.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use kvit_billing::{BillNumber, Currency, CustomerNumber};
use kvit_flow::DebitRules;
use kvit_pay::{Iban, debit::NAME_MAX};
use kvit_store::{BillRecord, DebitRecord, DebitState, Debits, EnrolmentState, Give, NewMandate};
use minijinja::{Value, context};
use serde::Deserialize;

use super::go;
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate::{self, in_latin},
    pages::sha256_hex,
};

/// Debits that are looked through for those that are coming.
const DEBITS_READ: usize = 50;

#[derive(Deserialize)]
pub(crate) struct Came {
    #[serde(default)]
    done: String,
}

/// Whether autopay is on, and the form for it where it is not.
pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(came): Query<Came>,
) -> Result<Response, Failure> {
    let customer = visitor.signed_in()?;
    let done = match came.done.as_str() {
        "on" => Some("autopay-done-on"),
        "off" => Some("autopay-done-off"),
        _ => None,
    };
    autopay_page(&app, &visitor, customer, &AutopayForm::default(), &[], done).await
}

async fn autopay_page(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    typed: &AutopayForm,
    wrong: &[(&str, &str)],
    done: Option<&str>,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let texts = app.pages.texts(visitor.language);
    let mandate = store.mandate_of(customer).await?.map(|mandate| {
        context! {
            iban => mandate.iban.masked(), holder => mandate.holder.clone(), reference => mandate.reference(),
            creditor => mandate.creditor.as_str(), day => texts.date(mandate.day),
        }
    });
    let mailed = matches!(
        store.enrolment_of(customer).await?,
        EnrolmentState::Active(_)
    );
    let rules = app.portal.debits.as_ref();
    // Nothing is offered here, and nothing is there to be ended.
    if rules.is_none() && mandate.is_none() {
        return Err(Failure::NotFound);
    }
    let coming: Vec<_> = coming(app, customer)
        .await?
        .iter()
        .map(|(_, debit)| {
            context! {
                number => debit.bill.to_string(), day => texts.date(debit.day),
                amount => texts.money(debit.cents(), &app.portal.operator.currency),
                ordered => debit.state() == DebitState::Ordered,
            }
        })
        .collect();
    let consent = rules.map(|rules| consent(app, visitor, rules));
    let hash = consent.as_ref().map(|text| sha256_hex(text.as_bytes()));
    let page = app.pages.render(
        visitor,
        "autopay.html",
        context! {
            number => customer.as_str(), mandate, mailed, coming, consent, hash, done, on => rules.is_some(),
            errors => gate::faults(wrong), iban => typed.iban.clone(), holder => typed.holder.clone(),
            creditor => rules.map(|rules| rules.creditor.to_string()), version => VERSION,
        },
    )?;
    Ok(page.into_response())
}

/// The version of the mandate's text.
const VERSION: &str = "2027-01";

/// What a customer agrees to, in their language: kept word for word.
fn consent(app: &App, visitor: &Visitor, rules: &DebitRules) -> String {
    let texts = app.pages.texts(visitor.language);
    let operator = app.portal.operator.name.get(visitor.language);
    let days = rules.notice_days.to_string();
    let creditor = rules.creditor.as_str();
    let values = [
        ("operator", operator),
        ("creditor", creditor),
        ("days", &days),
    ];
    texts.say("autopay-consent", &values)
}

#[derive(Default, Deserialize)]
pub(crate) struct AutopayForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    iban: String,
    #[serde(default)]
    holder: String,
    /// SHA-256 of the text that was shown.
    #[serde(default)]
    text: String,
}

/// The customer agrees: the mandate stands from now on.
pub(crate) async fn on(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<AutopayForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let Some(customer) = visitor.customer.clone() else {
        return Ok(go("/bills?ended"));
    };
    let rules = app.portal.debits.as_ref().ok_or(Failure::NotFound)?;
    let consent = consent(&app, &visitor, rules);
    let mut wrong = Vec::new();
    let iban: Option<Iban> = in_latin(&form.iban).parse().ok();
    match &iban {
        None => wrong.push(("iban", "autopay-error-iban")),
        Some(iban) if !iban.is_sepa() => wrong.push(("iban", "autopay-error-sepa")),
        Some(_) => {}
    }
    let holder = form.holder.replace(char::is_control, " ");
    let holder = holder.split_whitespace().collect::<Vec<_>>().join(" ");
    if holder.is_empty() || holder.chars().count() > NAME_MAX {
        wrong.push(("holder", "autopay-error-holder"));
    }
    // Another text than the one that was read: it is shown first.
    let hash = sha256_hex(consent.as_bytes());
    if form.text != hash {
        wrong.push(("consent", "autopay-error-text"));
    }
    let iban = match iban {
        Some(iban) if wrong.is_empty() => iban,
        _ => return refused(&app, &visitor, &customer, &form, &wrong).await,
    };
    let (portal, at) = (&app.portal, app.portal.clock.now());
    let mut evidence = visitor.evidence();
    evidence["text"] = consent.into();
    evidence["text_sha256"] = hash.into();
    let given = portal
        .store
        .give_mandate(&NewMandate {
            account: customer.clone(),
            iban: iban.clone(),
            holder: holder.clone(),
            creditor: rules.creditor.clone(),
            text_version: VERSION.to_owned(),
            evidence,
            day: app.today(),
            at,
        })
        .await?;
    match given {
        Give::Given(_) => Ok(go("/autopay?done=on")),
        // Another press of the same form.
        Give::Already(active) if active.iban == iban && active.holder == holder => {
            Ok(go("/autopay?done=on"))
        }
        Give::Already(_) => {
            let wrong = [("mandate", "autopay-error-already")];
            refused(&app, &visitor, &customer, &form, &wrong).await
        }
        Give::NoMail => Ok(go("/autopay")),
        Give::TooOften => {
            let wrong = [("iban", "autopay-error-often")];
            refused(&app, &visitor, &customer, &form, &wrong).await
        }
    }
}

async fn refused(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    form: &AutopayForm,
    wrong: &[(&str, &str)],
) -> Result<Response, Failure> {
    let page = autopay_page(app, visitor, customer, form, wrong, None).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Off by one press: what is not ordered yet is not collected.
pub(crate) async fn off(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<AutopayForm>,
) -> Result<Response, Failure> {
    visitor.own_number(&form.form_token)?;
    let customer = visitor.signed_in()?;
    let (portal, evidence) = (&app.portal, visitor.evidence());
    let now = portal.clock.now();
    let ended = portal.store.end_mandate(customer, &evidence, now).await?;
    // Where nothing is collected any more, the page has nothing to say.
    Ok(go(match (&portal.debits, ended) {
        (None, _) => "/bills",
        (Some(_), Some(_)) => "/autopay?done=off",
        (Some(_), None) => "/autopay",
    }))
}

/// When an open bill is going to be collected, and whether the bank has the order already.
pub(super) struct Collected {
    pub(super) day: Date,
    pub(super) ordered: bool,
}

/// Whether an open bill is going to be collected, as things stand.
pub(super) async fn of_bill(app: &App, bill: &BillRecord) -> Result<Option<Collected>, Failure> {
    let store = &app.portal.store;
    let debits = store
        .debits(Debits::OfBill(bill.number), DEBITS_READ)
        .await?;
    if let Some(debit) = debits.iter().find(|debit| debit.state().is_coming()) {
        let ordered = debit.state() == DebitState::Ordered;
        let day = debit.day;
        return Ok(Some(Collected { day, ordered }));
    }
    // Not decided yet: what will be.
    let Some(rules) = &app.portal.debits else {
        return Ok(None);
    };
    let Some(mandate) = store.mandate_of(&bill.account).await? else {
        return Ok(None);
    };
    let (today, due) = (app.today(), bill.due_date);
    let mailed = matches!(
        store.enrolment_of(&bill.account).await?,
        EnrolmentState::Active(_)
    );
    let decided = debits.iter().any(|debit| debit.mandate == mandate.number);
    let fits = bill.currency == Currency::EUR && due >= mandate.day && due >= today;
    Ok((mailed && fits && !decided).then(|| Collected {
        day: rules.day(due, today),
        ordered: false,
    }))
}

/// The debits of a customer that are still to come, by bill.
pub(super) async fn coming(
    app: &App,
    customer: &CustomerNumber,
) -> Result<Vec<(BillNumber, DebitRecord)>, Failure> {
    let debits = Debits::Of(customer);
    let debits = app.portal.store.debits(debits, DEBITS_READ).await?;
    let coming = debits.into_iter().filter(|debit| debit.state().is_coming());
    Ok(coming.map(|debit| (debit.bill, debit)).collect())
}

/// The line about autopay beside the bills: `on`, `off`, or nothing where it is not offered.
pub(super) async fn switch(app: &App, customer: &CustomerNumber) -> Result<Value, Failure> {
    let mandate = app.portal.store.mandate_of(customer).await?;
    Ok(match (mandate, &app.portal.debits) {
        (Some(mandate), _) => context! { iban => mandate.iban.masked() },
        (None, Some(_)) => context! { iban => () },
        (None, None) => Value::from(()),
    })
}
