//! Ways to pay, and where payments stand, in words.

use kvit_billing::{Cents, Currency};
use kvit_pay::{
    PaymentState, ProviderName,
    statement::BANK,
    ways::{Provider, Way},
};
use kvit_store::{EntryRecord, PaymentView};
use minijinja::{Value, context};

use super::fits;
use crate::{App, front::Visitor, texts::Texts};

/// The ways to pay an amount, and a sentence about those that are out of order.
pub(super) fn offered(
    app: &App,
    visitor: &Visitor,
    (amount, currency): (Cents, Currency),
    out: &[ProviderName],
) -> (Vec<Value>, Option<String>) {
    let texts = app.pages.texts(visitor.language);
    let ways = app.portal.pay.ways.all();
    let fitting = ways.iter().filter(|way| fits(way, amount, currency));
    let (working, resting): (Vec<_>, Vec<_>) =
        fitting.partition(|provider| !out.contains(&provider.name));
    let one = |provider: &Provider, way: Way| {
        let title = provider.title.get(visitor.language);
        let text = match (way, &provider.dialect) {
            (Way::Account, _) => title.to_owned(),
            (Way::Card, dialect) if dialect.takes_cards_here() => title.to_owned(),
            (Way::Card, _) => texts.say("pay-way-card", &[("title", title)]),
            (Way::Cash, _) => texts.say("pay-way-cash", &[("title", title)]),
        };
        context! { value => format!("{}.{}", provider.name, way.as_str()), text }
    };
    let mut all = Vec::new();
    for provider in working {
        all.extend(provider.offered.iter().map(|way| one(provider, *way)));
    }
    let resting: Vec<_> = resting
        .into_iter()
        .filter(|provider| !provider.offered.is_empty())
        .map(|provider| provider.title.get(visitor.language))
        .collect();
    let key = match resting.len() {
        0 => None,
        1 => Some("pay-out"),
        _ => Some("pay-out-several"),
    };
    (
        all,
        key.map(|key| texts.say(key, &[("titles", &resting.join(", "))])),
    )
}

/// Whether no money is to be expected of a payment.
pub(super) fn came_to_nothing(state: PaymentState) -> bool {
    match state {
        PaymentState::Started | PaymentState::Declined | PaymentState::Expired => true,
        PaymentState::Ordered
        | PaymentState::Held
        | PaymentState::Settled
        | PaymentState::Reversed => false,
    }
}

/// How somebody pays, in words that go on from an amount.
pub(in crate::rooms) fn by(
    texts: &Texts,
    provider: Option<&Provider>,
    way: Option<Way>,
    title: &str,
) -> String {
    let key = match (provider, way) {
        (Some(provider), _) if provider.dialect.takes_cards_here() => "pay-by-card",
        (_, Some(Way::Card)) => "pay-by-card-through",
        (_, Some(Way::Cash)) => "pay-by-cash",
        (_, Some(Way::Account) | None) => "pay-by",
    };
    texts.say(key, &[("title", title)])
}

/// On what page a payment is told of.
pub(super) struct About<'a> {
    /// How its bill stands, or the bills of its order.
    pub(super) standing: &'a str,
    /// On a bill's page, of a payment for several: what of it is for this one.
    pub(super) part: Option<Cents>,
    /// Its code for cash asks for more than is open of its bills.
    pub(super) changed: bool,
    /// The order's page, where it is told of on another and may be shown.
    pub(super) page: Option<String>,
}

/// Where a payment stands, in words.
pub(super) fn told(
    app: &App,
    visitor: &Visitor,
    ways: &[Provider],
    view: &PaymentView,
    about: About<'_>,
) -> Value {
    let About {
        standing,
        part,
        changed,
        page,
    } = about;
    let texts = app.pages.texts(visitor.language);
    let payment = &view.payment;
    let provider = ways
        .iter()
        .find(|provider| provider.name == payment.provider);
    let title = provider.map_or(payment.provider.as_str(), |p| p.title.get(visitor.language));
    let state = view.state(app.portal.clock.now());
    let code = payment.code.as_deref().map(spaced_code);
    let code = code.filter(|_| state == PaymentState::Ordered);
    let paid = view.heard.paid - view.heard.back;
    let key = match (&code, part) {
        // Who pays with it now pays twice.
        (Some(_), Some(_)) if changed => "pay-state-desk-over".to_owned(),
        (Some(_), Some(_)) => "pay-state-desk".to_owned(),
        (Some(_), None) if standing == "open" && changed => "pay-state-code-changed".to_owned(),
        (Some(_), None) if standing == "open" => "pay-state-ordered-cash".to_owned(),
        (Some(_), None) if payment.together => "pay-state-codes-over".to_owned(),
        (Some(_), None) => "pay-state-code-over".to_owned(),
        // People gave its money to some of its bills.
        (None, Some(_)) if state == PaymentState::Settled && paid < payment.amount => {
            "pay-state-short".to_owned()
        }
        (None, _) => ["pay-state-", state.as_str()].concat(),
    };
    let when = texts.moment(payment.started_at, &app.portal.time_zone);
    let until = texts.moment(payment.expires_at, &app.portal.time_zone);
    let amount = match (part, state) {
        (Some(part), _) => part,
        // Paid twice is told as it is.
        (None, PaymentState::Settled) => paid,
        _ => payment.amount,
    };
    let amount = texts.money(amount, &payment.currency);
    let by = by(texts, provider, Way::parse(&payment.way), title);
    let arguments = [
        ("by", by.as_str()),
        ("amount", amount.as_str()),
        ("when", when.as_str()),
        ("until", until.as_str()),
        ("code", code.as_deref().unwrap_or_default()),
    ];
    let mut text = texts.say(&key, &arguments);
    if payment.together {
        text = format!("{text} {}", texts.say("pay-state-together", &[]));
    }
    let see = match code {
        Some(_) => "pay-together-see",
        None => "bills-coming-see",
    };
    let code = code.filter(|_| standing == "open" && part.is_none() && !changed);
    context! { state => state.as_str(), text, code, page, see }
}

/// Money that came by another way than from this page, in words.
pub(super) fn booked(
    app: &App,
    visitor: &Visitor,
    ways: &[Provider],
    entry: &EntryRecord,
) -> Value {
    let texts = app.pages.texts(visitor.language);
    let sender = entry.sender();
    let provider = ways
        .iter()
        .find(|provider| provider.name.as_str() == sender);
    let (state, key) = match (entry.cents.is_negative(), provider) {
        _ if entry.kind == "write-off" => ("settled", "pay-booked-given-up"),
        (true, Some(_)) => ("settled", "pay-booked-through"),
        (true, None) if sender == BANK => ("settled", "pay-booked-bank"),
        (true, None) => ("settled", "pay-booked"),
        (false, _) => ("reversed", "pay-booked-back"),
    };
    let title = provider.map_or("", |provider| provider.title.get(visitor.language));
    let by = by(texts, provider, None, title);
    let when = texts.moment(entry.at, &app.portal.time_zone);
    let amount = texts.money(entry.cents.abs(), &app.portal.operator.currency);
    let arguments = [
        ("by", by.as_str()),
        ("amount", amount.as_str()),
        ("when", when.as_str()),
    ];
    context! { state, text => texts.say(key, &arguments), code => () }
}

fn spaced_code(code: &str) -> String {
    let (head, tail) = code.split_at(code.len() / 2);
    format!("{head}\u{a0}{tail}")
}
