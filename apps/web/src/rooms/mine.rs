//! Everything that is kept about a customer, as one file for programs.

use axum::{Extension, extract::State, response::Response};
use jiff::Timestamp;
use kvit_billing::Secret;
use kvit_store::{BillRecord, EnrolmentFacts, PasskeyOwner, ReaderFacts};
use serde_json::{Value, json};

use super::{bills::masked, came_at};
use crate::{App, failure::Failure, front::Visitor, saved::saved_as};

/// Rows of each kind, far beyond what ten years bring.
pub(crate) const ROWS_MAX: u32 = 5_000;

/// The number that is looked at. Whoever has a paper bill has number and code, so addresses are whole only for who
/// came by a link to one.
pub(crate) async fn download(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let customer = visitor.signed_in()?;
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let rows = ROWS_MAX as usize;
    let email = |email: &Secret<String>| match visitor.by_link {
        true => email.expose().clone(),
        false => masked(email.expose()),
    };
    let record = store.customer(customer).await?.ok_or(Failure::NotFound)?;
    let came = came_at(&app, &record);
    let theirs = |at: Timestamp| came.is_none_or(|came| at >= came);
    let mut enrolments = store.enrolments_of(customer, ROWS_MAX).await?;
    enrolments.retain(|facts| theirs(facts.record.created_at));
    let mut readers = store.reader_facts_of(customer, ROWS_MAX).await?;
    readers.retain(|reader| theirs(reader.record.created_at));
    let bills = store.bills_of_holder(customer, rows).await?;
    let url = app.portal.public_url.trim_end_matches('/');
    let deliveries = store.deliveries_of_customer(customer, rows).await?;
    let deliveries: Vec<_> = deliveries
        .iter()
        .filter(|delivery| theirs(delivery.due_at))
        .map(|delivery| {
            let to = delivery.email.as_ref().map(email);
            let mut told = json!(delivery);
            told["email"] = json!(to);
            if !visitor.by_link {
                // A server repeats the whole address in what it says.
                told["trail"] = Value::Null;
            }
            told
        })
        .collect();
    let mut entries = store.entries_of(customer, rows).await?;
    entries.retain(|entry| theirs(entry.at));
    let mut choices = store.mail_choices(customer, ROWS_MAX).await?;
    choices.retain(|choice| theirs(choice.at));
    let mut notes = store.notes_of(customer, ROWS_MAX).await?;
    notes.retain(|note| theirs(note.at));
    let mut contacts = store.contacts_of(customer, ROWS_MAX).await?;
    contacts.retain(|contact| theirs(contact.at));
    let mut scans = store.scans_of(customer, ROWS_MAX).await?;
    scans.retain(|scan| theirs(scan.scan.at));
    let owner = PasskeyOwner::Customer(customer.clone());
    let passkeys = store.passkeys_of(&owner, record.code_generation).await?;
    let password = store.customer_password(customer).await?;
    let kept = store.kept_elsewhere(customer).await?;
    let mut mandates = store.mandates_of(customer, rows).await?;
    mandates.retain(|mandate| theirs(mandate.given_at));
    let sessions = store.sessions_of(customer, now, ROWS_MAX).await?;
    let mut trail = store
        .events(&format!("customer/{customer}"), ROWS_MAX)
        .await?;
    trail.retain(|event| theirs(event.at));
    let all = json!({
        "made_at": now,
        "customer": record.customer, "closed_on": record.closed_on, "holder_since": record.holder_since,
        "enrolments": enrolments.iter().map(|facts| enrolment(facts, email)).collect::<Vec<_>>(),
        "readers": readers.iter().map(|one| reader(one, email)).collect::<Vec<_>>(),
        "bills": bills.iter().map(|one| bill(one, url)).collect::<Vec<_>>(),
        "deliveries": deliveries,
        "money": entries.iter().map(|entry| json!({
            "id": entry.id, "at": entry.at, "kind": entry.kind, "cents": entry.cents, "bills": entry.bills,
            "reverses": entry.reverses,
        })).collect::<Vec<_>>(),
        "choices_of_mails": choices.iter().map(|choice| json!({
            "at": choice.at, "about": choice.about, "wanted": choice.wanted, "evidence": choice.evidence,
        })).collect::<Vec<_>>(),
        // Who of staff it was is theirs; that somebody looked is the customer's.
        "notes_of_staff": notes.iter().map(|note| json!({ "at": note.at, "text": note.body })).collect::<Vec<_>>(),
        "calls_and_visits": contacts.iter().map(|contact| json!({
            "at": contact.at, "channel": contact.channel, "reference": contact.reference,
            "recognised_by": contact.recognised_by,
        })).collect::<Vec<_>>(),
        "scanned_declarations": scans.iter().map(|scan| json!({
            "id": scan.scan.id, "at": scan.scan.at, "file": scan.file_name,
        })).collect::<Vec<_>>(),
        "passkeys": passkeys.iter().map(|key| json!({
            "name": key.name, "added_at": key.created_at, "used_at": key.used_at, "copied_at": key.copied_at,
        })).collect::<Vec<_>>(),
        "kept_with_addresses": kept.iter().map(|one| json!({
            "email": masked(one.email.expose()), "since": one.kept_at,
        })).collect::<Vec<_>>(),
        "password_set_at": password.map(|password| password.set_at),
        // Whoever has a paper bill gets this file, so no account that money is taken from is whole in it.
        "autopay_mandates": mandates.iter().map(|mandate| json!({
            "reference": mandate.reference(), "iban": mandate.iban.masked(), "holder": mandate.holder,
            "creditor": mandate.creditor.as_str(), "given_at": mandate.given_at,
            "ended_at": mandate.ended.map(|(at, _)| at), "ended_why": mandate.ended.map(|(_, why)| why.as_str()),
        })).collect::<Vec<_>>(),
        "open_sessions": sessions.iter().map(|session| json!({
            "opened_at": session.opened_at, "expires_at": session.expires_at, "device": session.device,
        })).collect::<Vec<_>>(),
        "what_was_done": trail.iter().map(|event| json!({ "at": event.at, "what": event.what })).collect::<Vec<_>>(),
    });
    tracing::info!(
        who = app.portal.key.pseudonym("number", customer.as_str()),
        "a customer took a copy of what is kept about them"
    );
    let text = format!("{all:#}\n");
    let name = format!("{customer}.json");
    Ok(saved_as(&name, "application/json", text.into_bytes()))
}

fn enrolment(facts: &EnrolmentFacts, email: impl Fn(&Secret<String>) -> String) -> Value {
    let record = &facts.record;
    json!({
        "channel": record.channel, "email": email(&record.email), "language": record.language,
        "declaration": record.text_version, "given_at": record.created_at, "evidence": plain(&facts.evidence),
        "proven_at": record.proven_at, "bills_from": record.bills_from, "confirmed_at": record.confirmed_at, "ended_at": record.ended_at, "ended_reason": facts.ended_reason,
        "ended_evidence": facts.ended_evidence.as_ref().map(plain),
    })
}

fn reader(facts: &ReaderFacts, email: impl Fn(&Secret<String>) -> String) -> Value {
    let reader = &facts.record;
    let at = |at: Option<Timestamp>| json!(at);
    json!({
        "name": reader.name, "email": email(&reader.email), "language": reader.language,
        "asked_at": reader.created_at, "evidence": plain(&facts.evidence), "proven_at": at(reader.proven_at),
        "ended_at": at(reader.ended_at), "ended_reason": reader.ended_reason,
        "ended_evidence": facts.ended_evidence.as_ref().map(plain),
    })
}

/// How something came about, without who of staff took part.
fn plain(evidence: &Value) -> Value {
    let mut evidence = evidence.clone();
    if let Some(known) = evidence.as_object_mut() {
        known.remove("agent");
    }
    evidence
}

/// A bill, and where its document is for who is signed in.
fn bill(bill: &BillRecord, url: &str) -> Value {
    json!({
        "number": bill.number, "kind": bill.kind, "issue_date": bill.issue_date, "period": bill.period,
        "due_date": bill.due_date, "gross": bill.gross, "to_pay": bill.to_pay, "carried_over": bill.carried_over,
        "currency": bill.currency, "language": bill.language, "sha256": hex::encode(bill.sha256),
        "corrects": bill.corrects, "pdf": format!("{url}/bills/{}.pdf", bill.number),
    })
}
