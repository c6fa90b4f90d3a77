//! What the API changes, once under the caller's key.
//!
//! The change is noted before it is made, and its answer after; in between stands the audit trail, whose
//! event is written in the transaction of the fact and names the key. Whoever finds a note without an
//! answer, whose holder is gone, asks the trail: where it tells of the change, the answer is made of that
//! event, as it would have been; where it does not, nothing was changed, and it is made now.

use aws_lc_rs::digest;
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use jiff::SignedDuration;
use kvit_billing::{CustomerNumber, Language};
use kvit_mail::{AddressError, EmailAddress, typo_hint};
use kvit_store::{
    ApiAnswer, ApiBegun, ApiRequest, BillRecord, CustomerRecord, EnrolmentChannel, EnrolmentState,
    Event, Written,
};
use serde::Serialize;
use serde_json::json;

use super::{
    door::Caller,
    event,
    problem::{
        Fault, KEY_REUSED, NO_EBILL, NO_KEY, ON_ITS_WAY, OUTDATED, Problem, Refused, SAME,
        UNDER_WAY, answered, wait,
    },
    read::{body, subject, the_bill, the_customer, version, wrong},
    views,
};
use crate::{
    App,
    consent::{Consent, new_id},
    staff::desk::{OnceMore, once_more},
};

/// How long a change that nobody finishes is held, in seconds: longer than a request may take and the clocks of two
/// machines may be apart, or another machine would take over what is still being done.
const LEASE_S: i64 = 360;
const KEY_CHARS_MAX: usize = 64;
const EVIDENCE_CHARS_MAX: usize = 60;

/// A change, and everything that it needs.
enum Change {
    Enrol {
        record: CustomerRecord,
        email: EmailAddress,
        consent: views::Consent,
        version: u64,
    },
    Paper {
        record: CustomerRecord,
        wish: views::ToPaper,
        version: u64,
    },
    Send(BillRecord),
}

pub(super) async fn enrol(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let consent: views::Consent = body(&bytes)?;
    let mut faults = evidence(&consent.evidence);
    let email = EmailAddress::parse(&consent.email);
    if let Err(fault) = email {
        let detail = match fault {
            AddressError::Mixed => fault.to_string(),
            _ => "an e-mail address such as ivan@example.bg".to_owned(),
        };
        faults.push(Fault {
            at: "/email".to_owned(),
            detail,
        });
    }
    let email = match (email, faults.is_empty()) {
        (Ok(email), true) => email,
        _ => return Err(Problem::faults(faults).into()),
    };
    let record = the_customer(&app, &number).await?;
    let version = version(&headers)?;
    let change = Change::Enrol {
        record,
        email,
        consent,
        version,
    };
    let asked = asked(&app, &caller, (&method, &uri), &headers, &bytes)?;
    once(&app, &caller, &asked, change).await
}

pub(super) async fn paper(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let wish: views::ToPaper = body(&bytes)?;
    let faults = evidence(&wish.evidence);
    if !faults.is_empty() {
        return Err(Problem::faults(faults).into());
    }
    let record = the_customer(&app, &number).await?;
    let version = version(&headers)?;
    let change = Change::Paper {
        record,
        wish,
        version,
    };
    let asked = asked(&app, &caller, (&method, &uri), &headers, &bytes)?;
    once(&app, &caller, &asked, change).await
}

pub(super) async fn send(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refused> {
    if !bytes.is_empty() {
        return Err(wrong("body", "none: the address says which bill"));
    }
    let bill = the_bill(&app, &number).await?;
    let asked = asked(&app, &caller, (&method, &uri), &headers, &bytes)?;
    once(&app, &caller, &asked, Change::Send(bill)).await
}

fn evidence(text: &str) -> Vec<Fault> {
    let right = (1..=EVIDENCE_CHARS_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control);
    let fault = (!right).then(|| Fault {
        at: "/evidence".to_owned(),
        detail: format!("1 to {EVIDENCE_CHARS_MAX} signs that can be printed"),
    });
    fault.into_iter().collect()
}

/// What is asked for, under which key.
fn asked(
    app: &App,
    caller: &Caller,
    (method, uri): (&Method, &Uri),
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<ApiRequest, Refused> {
    let Some(key) = headers.get("idempotency-key") else {
        return Err(Problem::new(
            NO_KEY,
            "Send Idempotency-Key with a value that you make anew for each change, such as a UUID, and the same one when you send the change again.",
        )
        .into());
    };
    let key = key.to_str().unwrap_or_default();
    if !(1..=KEY_CHARS_MAX).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        let detail = format!("1 to {KEY_CHARS_MAX} printable ASCII signs without blanks");
        return Err(wrong("header, Idempotency-Key", detail));
    }
    let version = headers
        .get(header::IF_MATCH)
        .map_or(&b""[..], |v| v.as_bytes());
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [
        method.as_str().as_bytes(),
        uri.path().as_bytes(),
        version,
        body,
    ] {
        // With lengths, so that no part can be shifted into the next.
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut request = [0; 32];
    request.copy_from_slice(hash.finish().as_ref());
    Ok(ApiRequest {
        token: caller.token.clone(),
        key: key.to_owned(),
        hash: request,
        at: app.portal.clock.now(),
    })
}

/// Makes a change, or gives the answer that it had.
async fn once(
    app: &App,
    caller: &Caller,
    asked: &ApiRequest,
    change: Change,
) -> Result<Response, Refused> {
    let store = &app.portal.store;
    let lease = asked.at + SignedDuration::from_secs(LEASE_S);
    let made = match store.begin_api_request(asked, lease).await? {
        ApiBegun::Answered(answer) => return Ok(answered(answer)),
        ApiBegun::Other => {
            return Err(Problem::new(
                KEY_REUSED,
                "Send a change again word for word, or another one under a key of its own.",
            )
            .into());
        }
        ApiBegun::UnderWay(until) => {
            return Err(wait(
                app,
                UNDER_WAY,
                until,
                "Send it again under the same key when Retry-After is over.",
            )
            .into());
        }
        ApiBegun::New => None,
        ApiBegun::Again(since) => {
            let place = subject(change.customer());
            store
                .event_of_request(&caller.who(), &place, &asked.key, since)
                .await?
        }
    };
    let answer = match made {
        Some(event) => change.told(&event),
        None => {
            let checkpoints = app.portal.checkpoints.as_ref();
            // A death here leaves a note without a fact, and one further down a fact without an answer: the trail
            // tells the two apart.
            checkpoints.reached("before-api-change");
            let made = change.make(app, caller, asked).await;
            checkpoints.reached("after-api-change");
            match made {
                Ok(event) => change.told(&event),
                Err(Refused::Problem(problem)) => problem.answer(),
                // It stays noted, and may be sent again once the lease is over.
                Err(failure) => return Err(failure),
            }
        }
    };
    store.end_api_request(asked, &answer).await?;
    Ok(answered(answer))
}

impl Change {
    fn customer(&self) -> &CustomerNumber {
        match self {
            Self::Enrol { record, .. } | Self::Paper { record, .. } => &record.customer.number,
            Self::Send(bill) => &bill.account,
        }
    }

    /// Makes it, and gives what the trail tells of it.
    async fn make(&self, app: &App, caller: &Caller, asked: &ApiRequest) -> Result<Event, Refused> {
        match self {
            Self::Enrol {
                record,
                email,
                consent,
                version,
            } => keep_consent(app, caller, asked, (record, *version), email, consent).await,
            Self::Paper {
                record,
                wish,
                version,
            } => end_consent(app, caller, asked, (record, *version), wish).await,
            Self::Send(bill) => send_again(app, caller, asked, bill).await,
        }
    }

    /// What is answered to a change of which the trail tells this.
    fn told(&self, event: &Event) -> ApiAnswer {
        let word = |name: &str| event.detail[name].as_str().unwrap_or_default().to_owned();
        match self {
            Self::Enrol { email, .. } => answer(
                202,
                &views::Enrolled {
                    enrolment: word("enrolment"),
                    suggestion: typo_hint(email.as_str()),
                },
            ),
            Self::Paper { .. } => answer(
                200,
                &views::OnPaper {
                    state: views::EnrolmentState::Paper,
                },
            ),
            Self::Send(_) => answer(
                202,
                &views::Sent {
                    delivery: word("delivery"),
                },
            ),
        }
    }
}

fn answer(status: u16, value: &impl Serialize) -> ApiAnswer {
    let body = serde_json::to_string(value).unwrap_or_default();
    ApiAnswer { status, body }
}

fn outdated() -> Refused {
    Problem::new(
        OUTDATED,
        "Read the enrolment again, see whether the change is still wanted, and send it with the new ETag under a new key.",
    )
    .into()
}

async fn keep_consent(
    app: &App,
    caller: &Caller,
    asked: &ApiRequest,
    (record, version): (&CustomerRecord, u64),
    email: &EmailAddress,
    consent: &views::Consent,
) -> Result<Event, Refused> {
    let store = &app.portal.store;
    let number = &record.customer.number;
    if let EnrolmentState::Active(active) = store.enrolment_of(number).await?
        && active.email.expose() == email.as_str()
    {
        return Err(Problem::new(SAME, "There is nothing to change.").into());
    }
    let id = new_id(app)?;
    let channel = word(consent.channel);
    let reference = consent.evidence.as_str();
    let evidence = json!({ "by": channel, "agent": caller.who(), "reference": reference });
    let language = match consent.language {
        Some(views::Language::Bg) => Language::Bg,
        Some(views::Language::En) => Language::En,
        None => record.customer.language,
    };
    let given = Consent {
        id: id.clone(),
        account: number,
        channel: kept(consent.channel),
        email,
        language,
        text: Some(language),
        text_version: None,
        evidence,
    };
    let new = given.awaiting_proof(app);
    let detail = json!({
        "channel": channel, "reference": reference, "request": asked.key, "enrolment": id.as_str(),
    });
    let enrolled = event(app, caller, "customer.enrolled", subject(number), detail);
    match store.enrol_at(&new, version, &enrolled).await? {
        Written::Done => Ok(enrolled),
        Written::Outdated => Err(outdated()),
    }
}

async fn end_consent(
    app: &App,
    caller: &Caller,
    asked: &ApiRequest,
    (record, version): (&CustomerRecord, u64),
    wish: &views::ToPaper,
) -> Result<Event, Refused> {
    let number = &record.customer.number;
    let channel = word(wish.channel);
    let reference = wish.evidence.as_str();
    let evidence = json!({ "by": channel, "agent": caller.who(), "reference": reference });
    let detail = json!({ "channel": channel, "reference": reference, "request": asked.key });
    let ended = event(app, caller, "customer.to-paper", subject(number), detail);
    let store = &app.portal.store;
    match store
        .end_enrolment_at(number, version, &evidence, &ended)
        .await?
    {
        Written::Done => Ok(ended),
        Written::Outdated => Err(outdated()),
    }
}

async fn send_again(
    app: &App,
    caller: &Caller,
    asked: &ApiRequest,
    bill: &BillRecord,
) -> Result<Event, Refused> {
    let on_its_way = || Problem::new(ON_ITS_WAY, "There is nothing to do: it will arrive.");
    let new = match once_more(app, bill).await? {
        OnceMore::New(new) => new,
        OnceMore::OnItsWay => return Err(on_its_way().into()),
        OnceMore::NoEbill => {
            let detail = "Enrol the customer first, or print the document.";
            return Err(Problem::new(NO_EBILL, detail).into());
        }
    };
    let detail = json!({
        "bill": bill.number.to_string(), "request": asked.key, "delivery": new.id.as_str(),
    });
    let sent = event(
        app,
        caller,
        "bill.sent-again",
        subject(&bill.account),
        detail,
    );
    match app.portal.store.send_again(&new, &sent).await? {
        Written::Done => Ok(sent),
        Written::Outdated => Err(on_its_way().into()),
    }
}

const fn word(channel: views::ConsentChannel) -> &'static str {
    match channel {
        views::ConsentChannel::Web => "web",
        views::ConsentChannel::Phone => "phone",
        views::ConsentChannel::Centre => "centre",
        views::ConsentChannel::Paper => "paper",
    }
}

const fn kept(channel: views::ConsentChannel) -> EnrolmentChannel {
    match channel {
        views::ConsentChannel::Web => EnrolmentChannel::Web,
        views::ConsentChannel::Phone => EnrolmentChannel::Phone,
        views::ConsentChannel::Centre => EnrolmentChannel::Centre,
        views::ConsentChannel::Paper => EnrolmentChannel::Paper,
    }
}
