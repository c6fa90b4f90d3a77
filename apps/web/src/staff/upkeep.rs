//! Keys and checks: what the instance stands on, for administrators and those who audit them.

use axum::{
    Extension, Form,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use kvit_billing::Role;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{
    door::{Officer, come_again},
    render,
};
use crate::{
    App, CERTIFICATE_WARN_DAYS, CertificateFacts, CertificateUse, Finding, Health, Said, ToldCause,
    failure::Failure, findings::check, front::Visitor, reason, texts::Texts,
};

/// Seconds after which a page comes again whose checks are under way.
const FOLLOW_SECONDS: u16 = 3;

/// Certificates, and what doctor finds. The first look begins the checks.
pub(crate) async fn keys(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let now = app.portal.clock.now();
    let certificates = app.portal.upkeep.certificates().await;
    let certificates: Vec<_> = certificates
        .iter()
        .map(|one| certificate(&app, texts, one, now))
        .collect();
    let mut looked = app.portal.upkeep.looked();
    if looked.at.is_none() && !looked.under_way {
        app.portal.upkeep.look();
        looked.under_way = true;
    }
    let findings: Vec<_> = looked
        .findings
        .iter()
        .map(|one| finding(texts, one))
        .collect();
    let odd = looked
        .findings
        .iter()
        .filter(|one| one.health != Health::Ok);
    let page = context! {
        certificates, findings, under_way => looked.under_way, odd => odd.count().to_string(),
        at => looked.at.map(|at| texts.moment(at, &app.portal.time_zone)),
        may => officer.role == Role::Administrator,
    };
    let mut response = render(&app, &visitor, Some(&officer), "staff/keys.html", page)?;
    if looked.under_way {
        come_again(&visitor, FOLLOW_SECONDS, &mut response);
    }
    Ok(response)
}

fn certificate(app: &App, texts: &Texts, one: &CertificateFacts, now: Timestamp) -> Value {
    let used_for = match &one.used_for {
        CertificateUse::Seal => texts.say("staff-key-seal", &[]),
        CertificateUse::SealChain => texts.say("staff-key-chain", &[]),
        CertificateUse::TrustRoot => texts.say("staff-key-root", &[]),
        CertificateUse::PaymentSystem(name) => texts.say("staff-key-payments", &[("name", name)]),
        CertificateUse::MailServer => texts.say("staff-key-mail", &[]),
    };
    let day = |at: Timestamp| texts.date(at.to_zoned_datetime(app.portal.time_zone.clone()).date());
    let left = one.days_left(now);
    let state = match left {
        ..0 => "over",
        0..CERTIFICATE_WARN_DAYS => "soon",
        _ if one.not_before > now => "early",
        _ => "good",
    };
    context! {
        used_for, subject => one.subject.clone(), issuer => one.issuer.clone(), serial => one.serial.clone(),
        algorithm => one.algorithm.clone(), from => day(one.not_before), to => day(one.not_after), state,
        left => texts.count(left.unsigned_abs()),
    }
}

/// What is known stands first, what to do behind it, and last what other programs said.
fn finding(texts: &Texts, one: &Finding) -> Value {
    let (mut lines, mut words) = (Vec::new(), Vec::new());
    for said in &one.said {
        lines.push(check(texts, said));
        if let Said::Reason(reason) = said {
            let told = reason::tell(texts, reason);
            let (known, foreign) = apart(told.causes);
            lines.extend(known);
            lines.extend(Some(told.remedy).filter(|remedy| !remedy.is_empty()));
            words.extend(foreign);
        }
    }
    let key = format!("staff-part-{}", one.part.replace(' ', "-"));
    let part = texts.get(&key, &[]).unwrap_or_else(|| one.part.to_owned());
    let (health, word) = match one.health {
        Health::Ok => ("ok", "staff-health-ok"),
        Health::Warning => ("warning", "staff-health-warning"),
        Health::Broken => ("broken", "staff-health-broken"),
    };
    context! { part, health, word => texts.say(word, &[]), lines, words }
}

/// What is known of causes, and what other programs said, each with its place.
pub(super) fn apart(causes: Vec<ToldCause>) -> (Vec<String>, Vec<String>) {
    let (mut known, mut foreign) = (Vec::new(), Vec::new());
    for cause in causes {
        let at = |text: &str| match cause.place.as_str() {
            "" => text.to_owned(),
            place => format!("{place}: {text}"),
        };
        if !cause.known.is_empty() {
            known.push(at(&cause.known));
        }
        if !cause.foreign.is_empty() {
            foreign.push(at(&cause.foreign));
        }
    }
    (known, foreign)
}

#[derive(Deserialize)]
pub(crate) struct LookForm {
    #[serde(default)]
    form_token: String,
}

/// Has the checks made once more.
pub(crate) async fn look(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<LookForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    app.portal.upkeep.look();
    let to = [(header::LOCATION, "/staff/keys")];
    Ok((StatusCode::SEE_OTHER, to).into_response())
}
