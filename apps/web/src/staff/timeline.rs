//! Everything that happened with a customer, in time order, in plain words.

use jiff::{Timestamp, civil::Time};
use kvit_billing::{BillKind, CustomerNumber, DeliveryKind};
use kvit_pay::statement::BANK;
use kvit_store::{
    AttemptRecord, BillRecord, Channel, Contact, DebitRecord, Debits, DeliveryRecord,
    DeliveryState, Dropped, EnrolmentChannel, EnrolmentFacts, EntryRecord, MailTopic, MandateEnd,
    MandateRecord, Note, ReaderFacts, Unwanted,
};
use minijinja::{Value, context};

use crate::{
    App,
    failure::Failure,
    front::Visitor,
    rooms::{bills::masked, mine::ROWS_MAX},
    texts::Texts,
};

/// Told on one page.
pub(crate) const SHOWN_MAX: usize = 120;

/// One thing that happened.
pub(crate) struct Happened {
    pub(crate) at: Timestamp,
    /// Where only the day is known.
    pub(crate) whole_day: bool,
    pub(crate) text: String,
    /// Who, of staff; or what somebody said.
    pub(crate) more: String,
}

/// Where a page begins: behind so many of those that happened in a moment. Nothing is at the latest.
#[derive(Clone, Copy, Default)]
pub(crate) struct From {
    /// The moment in microseconds.
    pub(crate) until: Option<i64>,
    pub(crate) skip: usize,
}

impl From {
    /// The part of all that happened, newest first, and where the next one begins if it was not the last.
    fn page(self, all: &[Happened]) -> (&[Happened], Option<Self>) {
        let at = |happened: &Happened| happened.at.as_microsecond();
        let of = |until| all.partition_point(|happened| at(happened) > until);
        let first = self.until.map_or(0, |until| of(until) + self.skip);
        let rest = all.get(first..).unwrap_or_default();
        let (shown, after) = rest.split_at(rest.len().min(SHOWN_MAX));
        let next = after.first().map(at).map(|until| Self {
            until: Some(until),
            skip: first + shown.len() - of(until),
        });
        (shown, next)
    }
}

/// What happened with a customer, newest first, as the page shows it, and where earlier ones begin.
pub(crate) async fn of(
    app: &App,
    visitor: &Visitor,
    account: &CustomerNumber,
    known: bool,
    from: From,
) -> Result<(Vec<Value>, Option<From>), Failure> {
    let texts = app.pages.texts(visitor.language);
    let all = happened(app, texts, account, known).await?;
    let (all, next) = from.page(&all);
    let zone = &app.portal.time_zone;
    let shown = |happened: &Happened| {
        let at = happened.at.to_zoned_datetime(zone.clone());
        let time = (!happened.whole_day).then(|| at.strftime("%-H:%M").to_string());
        context! { date => texts.date(at.date()), time, text => happened.text.clone(), more => happened.more.clone() }
    };
    Ok((all.iter().map(shown).collect(), next))
}

/// All that happened with a customer, newest first: what was sent long ago may be answered today, so no kind is read
/// by parts. Addresses are whole only where it is `known` who asks.
pub(crate) async fn happened(
    app: &App,
    texts: &Texts,
    account: &CustomerNumber,
    known: bool,
) -> Result<Vec<Happened>, Failure> {
    let store = &app.portal.store;
    let teller = Teller { app, texts, known };
    let mut all = Vec::new();
    let rows = ROWS_MAX as usize;
    for facts in store.enrolments_of(account, ROWS_MAX).await? {
        teller.consent(&facts, &mut all);
    }
    let bills = store.bills_of(account, None, rows).await?;
    all.extend(bills.iter().map(|bill| teller.bill(bill)));
    for delivery in store.deliveries_of_customer(account, rows).await? {
        let bill = delivery.bill.and_then(|number| {
            // Newest first, by their number.
            let at = bills
                .binary_search_by(|bill| number.cmp(&bill.number))
                .ok()?;
            bills.get(at)
        });
        teller.delivery(&delivery, bill, &mut all);
    }
    for contact in store.contacts_of(account, ROWS_MAX).await? {
        all.push(teller.contact(&contact));
    }
    for entry in store.entries_of(account, rows).await? {
        all.push(teller.money(&entry));
    }
    for choice in store.mail_choices(account, ROWS_MAX).await? {
        let key = match (choice.about, choice.wanted) {
            (MailTopic::Reminders, true) => "staff-told-reminders-on",
            (MailTopic::Reminders, false) => "staff-told-reminders-off",
            (MailTopic::Payments, true) => "staff-told-receipts-on",
            (MailTopic::Payments, false) => "staff-told-receipts-off",
        };
        all.push(Happened {
            at: choice.at,
            whole_day: false,
            text: texts.say(key, &[]),
            more: by(&choice.evidence),
        });
    }
    for facts in store.reader_facts_of(account, ROWS_MAX).await? {
        teller.reader(&facts, &mut all);
    }
    for mandate in store.mandates_of(account, rows).await? {
        teller.mandate(&mandate, &mut all);
    }
    for debit in store.debits(Debits::Of(account), rows).await? {
        teller.debit(&debit, &mut all);
    }
    for note in store.notes_of(account, ROWS_MAX).await? {
        all.push(teller.note(note));
    }
    // Of one moment, what was added last comes first, as with everything else.
    all.reverse();
    all.sort_by_key(|happened| std::cmp::Reverse(happened.at));
    Ok(all)
}

struct Teller<'a> {
    app: &'a App,
    texts: &'a Texts,
    known: bool,
}

impl Teller<'_> {
    fn email(&self, email: &str) -> String {
        if self.known {
            email.to_owned()
        } else {
            masked(email)
        }
    }

    fn consent(&self, facts: &EnrolmentFacts, all: &mut Vec<Happened>) {
        let record = &facts.record;
        let email = self.email(record.email.expose());
        let key = match record.channel {
            EnrolmentChannel::Web => "staff-told-consent-web",
            EnrolmentChannel::Phone => "staff-told-consent-phone",
            EnrolmentChannel::Centre => "staff-told-consent-centre",
            EnrolmentChannel::Paper => "staff-told-consent-paper",
        };
        all.push(Happened {
            at: record.created_at,
            whole_day: false,
            text: self.texts.say(key, &[("email", &email)]),
            more: by(&facts.evidence),
        });
        if let Some(at) = record.proven_at {
            let from = record.bills_from.map(|day| self.texts.date(day));
            let from = from.map(|day| self.texts.say("staff-told-proven-from", &[("date", &day)]));
            all.push(Happened {
                at,
                whole_day: false,
                text: self.texts.say("staff-told-proven", &[("email", &email)]),
                more: from.unwrap_or_default(),
            });
        }
        if let Some(at) = record.ended_at {
            let key = match facts.ended_reason.as_deref() {
                Some("replaced") => "staff-told-replaced",
                Some("closed") => "staff-told-ended-closed",
                Some("moved") => "staff-told-ended-moved",
                _ => "staff-told-ended",
            };
            all.push(Happened {
                at,
                whole_day: false,
                text: self.texts.say(key, &[("email", &email)]),
                more: facts.ended_evidence.as_ref().map(by).unwrap_or_default(),
            });
        }
    }

    /// Who reads along, and since when not any more.
    fn reader(&self, facts: &ReaderFacts, all: &mut Vec<Happened>) {
        let reader = &facts.record;
        let email = self.email(reader.email.expose());
        let none = serde_json::Value::Null;
        let ended_by = facts.ended_evidence.as_ref().unwrap_or(&none);
        let added = match facts.evidence["by"].as_str() {
            Some("phone") => "staff-told-reader-added-phone",
            Some("centre") => "staff-told-reader-added-centre",
            _ => "staff-told-reader-added",
        };
        let ended = match (reader.ended_reason.as_deref(), ended_by["by"].as_str()) {
            (Some("left"), _) => "staff-told-reader-left",
            (Some("replaced"), _) => "staff-told-reader-replaced",
            (_, Some("phone")) => "staff-told-reader-removed-phone",
            (_, Some("centre")) => "staff-told-reader-removed-centre",
            _ => "staff-told-reader-removed",
        };
        let facts = [
            (Some(reader.created_at), added, &facts.evidence),
            (reader.proven_at, "staff-told-reader-proven", &none),
            (reader.ended_at, ended, ended_by),
        ];
        all.extend(facts.into_iter().filter_map(|(at, key, evidence)| {
            let more = [reader.name.clone(), by(evidence)];
            let more: Vec<_> = more.into_iter().filter(|part| !part.is_empty()).collect();
            Some(Happened {
                at: at?,
                whole_day: false,
                text: self.texts.say(key, &[("email", &email)]),
                more: more.join(" · "),
            })
        }));
    }

    fn bill(&self, bill: &BillRecord) -> Happened {
        let key = match bill.kind {
            BillKind::Invoice => "staff-told-invoice",
            BillKind::CreditNote => "staff-told-credit",
            BillKind::DebitNote => "staff-told-debit",
        };
        let values = [
            ("number", bill.number.to_string()),
            ("period", self.texts.period(bill.period)),
            ("amount", self.texts.money(bill.to_pay, &bill.currency)),
        ];
        let values: Vec<_> = values
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let midnight = bill.issue_date.to_datetime(Time::midnight());
        let at = midnight.to_zoned_datetime(self.app.portal.time_zone.clone());
        Happened {
            at: at.map(|at| at.timestamp()).unwrap_or(Timestamp::MIN),
            whole_day: true,
            text: self.texts.say(key, &values),
            more: String::new(),
        }
    }

    fn delivery(
        &self,
        delivery: &DeliveryRecord,
        bill: Option<&BillRecord>,
        all: &mut Vec<Happened>,
    ) {
        if delivery.id.kind() == DeliveryKind::SignIn {
            return self.sign_in(delivery, all);
        }
        if delivery.channel == Channel::Paper {
            all.push(self.paper(delivery, bill));
        }
        let number = delivery.bill.or(delivery.reminds).or(delivery.copies);
        let number = number.map(|number| number.to_string());
        let number = [("number", number.as_deref().unwrap_or_default())];
        for attempt in &delivery.trail {
            let said = match attempt.outcome.as_str() {
                "accepted" | "withdrawn" => String::new(),
                // A server repeats the whole address in what it says.
                _ if !self.known => String::new(),
                _ => attempt.reply.clone(),
            };
            if let Some(key) = mail_key(delivery.id.kind(), attempt) {
                all.push(Happened {
                    at: attempt.at,
                    whole_day: false,
                    text: self.texts.say(key, &number),
                    more: said,
                });
            }
        }
        for receipt in delivery
            .receipts
            .iter()
            .filter(|receipt| receipt.kind == "confirmed")
        {
            all.push(Happened {
                at: receipt.at,
                whole_day: false,
                text: self.texts.say("staff-told-confirmed", &number),
                more: String::new(),
            });
        }
    }

    /// A bill on paper. It waits from its issue on, and only what has left is told as done.
    fn paper(&self, delivery: &DeliveryRecord, bill: Option<&BillRecord>) -> Happened {
        let waits = delivery.state == DeliveryState::Queued;
        let zone = &self.app.portal.time_zone;
        let day = self.texts.date(zone.to_datetime(delivery.due_at).date());
        let number = delivery.bill.map(|number| number.to_string());
        let number = number.unwrap_or_default();
        let key = match delivery.state {
            DeliveryState::Queued | DeliveryState::Sending => "staff-told-to-print",
            DeliveryState::Sent => "staff-told-paper",
            DeliveryState::Failed | DeliveryState::Withdrawn => "staff-told-not-printed",
        };
        let values = [("number", number.as_str()), ("date", day.as_str())];
        let issued = bill.filter(|_| waits).map(|bill| self.bill(bill).at);
        let handed_over = delivery.handed_over_at;
        Happened {
            at: handed_over.or(issued).unwrap_or(delivery.due_at),
            whole_day: handed_over.is_none(),
            text: self.texts.say(key, &values),
            more: String::new(),
        }
    }

    /// A link to sign in by: that it was sent, and that it was used.
    fn sign_in(&self, delivery: &DeliveryRecord, all: &mut Vec<Happened>) {
        let sent = delivery
            .trail
            .iter()
            .filter(|attempt| attempt.outcome == "accepted");
        let sent = sent.map(|attempt| (attempt.at, "staff-told-link-sent"));
        let used = delivery
            .receipts
            .iter()
            .filter(|receipt| receipt.kind == "used");
        let used = used.map(|receipt| (receipt.at, "staff-told-link-used"));
        all.extend(sent.chain(used).map(|(at, key)| Happened {
            at,
            whole_day: false,
            text: self.texts.say(key, &[]),
            more: String::new(),
        }));
    }

    fn contact(&self, contact: &Contact) -> Happened {
        let key = match (contact.channel.as_str(), contact.recognised_by.as_str()) {
            ("phone", _) => "staff-told-call",
            (_, "document") => "staff-told-came-document",
            _ => "staff-told-came-code",
        };
        Happened {
            at: contact.at,
            whole_day: false,
            text: self.texts.say(key, &[("reference", &contact.reference)]),
            more: contact.login.to_string(),
        }
    }

    /// Money in the customer's book: what they paid is a credit there.
    fn money(&self, entry: &EntryRecord) -> Happened {
        let refunded = entry
            .reverses
            .as_deref()
            .is_some_and(|of| of.starts_with("refund/"));
        let key = match entry.cents.is_negative() {
            _ if entry.kind == "refund" => "staff-told-refund",
            _ if entry.kind == "write-off" => "staff-told-write-off",
            true if refunded => "staff-told-refund-back",
            true if entry.sender() == BANK => "staff-told-paid-bank",
            true => "staff-told-paid",
            false => "staff-told-returned",
        };
        let currency = &self.app.portal.operator.currency;
        let amount = self.texts.money(entry.cents.abs(), currency);
        let bills: Vec<_> = entry.bills.iter().map(ToString::to_string).collect();
        let whole = entry.whole.map(|whole| {
            let whole = self.texts.money(whole, currency);
            self.texts.say("payments-whole", &[("amount", &whole)])
        });
        let parts = [
            entry.who.clone(),
            bills.join(", "),
            whole.unwrap_or_default(),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Happened {
            at: entry.at,
            whole_day: false,
            text: self.texts.say(key, &[("amount", &amount)]),
            more: parts.join(" · "),
        }
    }

    fn note(&self, note: Note) -> Happened {
        Happened {
            at: note.at,
            whole_day: false,
            text: self.texts.say("staff-told-note", &[("text", &note.body)]),
            more: note.login.to_string(),
        }
    }
}

impl Teller<'_> {
    /// Autopay was turned on, or ended.
    fn mandate(&self, mandate: &MandateRecord, all: &mut Vec<Happened>) {
        let iban = mandate.iban.masked();
        let reference = mandate.reference();
        let values = [("iban", iban.as_str()), ("reference", reference.as_str())];
        let ended = mandate.ended.map(|(at, why)| {
            let key = match why {
                MandateEnd::Customer => "staff-told-mandate-off",
                MandateEnd::Bank => "staff-told-mandate-bank",
                MandateEnd::Expired => "staff-told-mandate-expired",
                MandateEnd::Account => "staff-told-mandate-account",
            };
            (at, key)
        });
        for (at, key) in [Some((mandate.given_at, "staff-told-mandate-on")), ended]
            .into_iter()
            .flatten()
        {
            all.push(Happened {
                at,
                whole_day: false,
                text: self.texts.say(key, &values),
                more: String::new(),
            });
        }
    }

    /// A bill is collected, or is not after all.
    fn debit(&self, debit: &DebitRecord, all: &mut Vec<Happened>) {
        let number = debit.bill.to_string();
        let day = self.texts.date(debit.day);
        let amount = self
            .texts
            .money(debit.cents(), &self.app.portal.operator.currency);
        let values = [
            ("number", number.as_str()),
            ("day", day.as_str()),
            ("amount", amount.as_str()),
        ];
        let dropped = debit.dropped.map(|(at, why)| {
            let key = match why {
                Dropped::Off => "staff-told-debit-off",
                Dropped::Paid => "staff-told-debit-paid",
                Dropped::Unannounced | Dropped::Late => "staff-told-debit-late",
            };
            (at, key, String::new())
        });
        let reason = debit.reason.clone().unwrap_or_default();
        let back = debit
            .back_at
            .map(|at| (at, "staff-told-debit-back", reason));
        let announced = (
            debit.announced_at,
            "staff-told-debit-announced",
            String::new(),
        );
        for (at, key, more) in [Some(announced), dropped, back].into_iter().flatten() {
            all.push(Happened {
                at,
                whole_day: false,
                text: self.texts.say(key, &values),
                more,
            });
        }
    }
}

/// What is told of an attempt to send a mail. That a link was not sent any more is no news.
fn mail_key(kind: DeliveryKind, attempt: &AttemptRecord) -> Option<&'static str> {
    let [accepted, retry, failed, unknown] = match kind {
        DeliveryKind::Bill => [
            "staff-told-accepted",
            "staff-told-retry",
            "staff-told-failed",
            "staff-told-unknown",
        ],
        DeliveryKind::Proof | DeliveryKind::SignIn => [
            "staff-told-proof-accepted",
            "staff-told-proof-retry",
            "staff-told-proof-failed",
            "staff-told-proof-unknown",
        ],
        DeliveryKind::Welcome => [
            "staff-told-welcome-accepted",
            "staff-told-welcome-retry",
            "staff-told-welcome-failed",
            "staff-told-welcome-unknown",
        ],
        DeliveryKind::Paid => [
            "staff-told-paid-accepted",
            "staff-told-paid-retry",
            "staff-told-paid-failed",
            "staff-told-paid-unknown",
        ],
        DeliveryKind::TakenBack => [
            "staff-told-back-accepted",
            "staff-told-back-retry",
            "staff-told-back-failed",
            "staff-told-back-unknown",
        ],
        DeliveryKind::Conceded => [
            "staff-told-conceded-accepted",
            "staff-told-conceded-retry",
            "staff-told-conceded-failed",
            "staff-told-conceded-unknown",
        ],
        DeliveryKind::Invitation => [
            "staff-told-invitation-accepted",
            "staff-told-invitation-retry",
            "staff-told-invitation-failed",
            "staff-told-invitation-unknown",
        ],
        DeliveryKind::Copy => [
            "staff-told-copy-accepted",
            "staff-told-copy-retry",
            "staff-told-copy-failed",
            "staff-told-copy-unknown",
        ],
        DeliveryKind::Autopay => [
            "staff-told-autopay-accepted",
            "staff-told-autopay-retry",
            "staff-told-autopay-failed",
            "staff-told-autopay-unknown",
        ],
        DeliveryKind::Access => [
            "staff-told-access-accepted",
            "staff-told-access-retry",
            "staff-told-access-failed",
            "staff-told-access-unknown",
        ],
        // Of no customer.
        DeliveryKind::Staff | DeliveryKind::Alarm => return None,
        DeliveryKind::Reminder => [
            "staff-told-reminder-accepted",
            "staff-told-reminder-retry",
            "staff-told-reminder-failed",
            "staff-told-reminder-unknown",
        ],
    };
    match (attempt.outcome.as_str(), kind) {
        ("accepted", _) => Some(accepted),
        ("retry", _) => Some(retry),
        ("failed", _) => Some(failed),
        ("withdrawn", DeliveryKind::Paid) => {
            Some(if attempt.reply == Unwanted::TakenBack.as_str() {
                "staff-told-paid-withdrawn-back"
            } else if attempt.reply == Unwanted::Off.as_str() {
                "staff-told-paid-withdrawn-off"
            } else {
                "staff-told-paid-withdrawn"
            })
        }
        ("withdrawn", DeliveryKind::Reminder) => Some(not_reminded(&attempt.reply)),
        ("withdrawn", DeliveryKind::Autopay) => Some("staff-told-autopay-withdrawn"),
        ("withdrawn", DeliveryKind::Conceded) => Some("staff-told-conceded-withdrawn"),
        ("withdrawn", DeliveryKind::TakenBack) => Some("staff-told-back-withdrawn"),
        ("withdrawn", _) => None,
        _ => Some(unknown),
    }
}

/// Why somebody was not reminded.
fn not_reminded(why: &str) -> &'static str {
    let is = |unwanted: Unwanted| why == unwanted.as_str();
    if is(Unwanted::Ordered) {
        "staff-told-reminder-ordered"
    } else if is(Unwanted::Late) {
        "staff-told-reminder-late"
    } else if is(Unwanted::Off) {
        "staff-told-reminder-off"
    } else if is(Unwanted::Left) {
        "staff-told-reminder-left"
    } else {
        "staff-told-reminder-paid"
    }
}

/// Who of staff did it, and in which call or at which centre. What the customers did themselves names their browser there.
fn by(evidence: &serde_json::Value) -> String {
    if evidence["by"] == "web" {
        return String::new();
    }
    let word = |name: &str| evidence[name].as_str().unwrap_or_default();
    let parts = [word("agent"), word("reference")];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_goes_on_where_the_one_before_ended() {
        let moments = [9; 50]
            .into_iter()
            .chain([7; 300])
            .chain([5])
            .chain([3; 30]);
        let all: Vec<_> = moments
            .enumerate()
            .map(|(no, second)| Happened {
                at: Timestamp::from_second(second).expect("a moment"),
                whole_day: false,
                text: no.to_string(),
                more: String::new(),
            })
            .collect();
        let (mut from, mut told) = (Some(From::default()), Vec::new());
        while let Some(begin) = from {
            let (shown, next) = begin.page(&all);
            assert!(shown.len() == SHOWN_MAX || next.is_none());
            told.extend(shown.iter().map(|one| one.text.clone()));
            from = next;
        }
        let every: Vec<_> = all.iter().map(|one| one.text.clone()).collect();
        assert_eq!(told, every);
        let beyond = From {
            until: Some(0),
            skip: 9,
        };
        assert!(beyond.page(&all).0.is_empty());
    }
}
