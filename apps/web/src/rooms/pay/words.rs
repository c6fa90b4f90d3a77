//! Ways to pay, and where payments stand, in words.

use kvit_pay::{
    PaymentState, ProviderName,
    statement::BANK,
    ways::{Provider, Way},
};
use kvit_store::{EntryRecord, PaymentView};
use minijinja::{Value, context};

use crate::{App, front::Visitor, texts::Texts};

/// The ways to choose from, and a sentence about those that are out of order.
pub(super) fn offered<'a>(
    app: &App,
    visitor: &Visitor,
    ways: impl Iterator<Item = &'a Provider>,
    out: &[ProviderName],
) -> (Vec<Value>, Option<String>) {
    let texts = app.pages.texts(visitor.language);
    let (working, resting): (Vec<_>, Vec<_>) =
        ways.partition(|provider| !out.contains(&provider.name));
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

/// Where a payment of a bill that stands so stands itself, in words.
pub(super) fn told(
    app: &App,
    visitor: &Visitor,
    ways: &[Provider],
    view: &PaymentView,
    standing: &str,
) -> Value {
    let texts = app.pages.texts(visitor.language);
    let payment = &view.payment;
    let provider = ways
        .iter()
        .find(|provider| provider.name == payment.provider);
    let title = provider.map_or(payment.provider.as_str(), |p| p.title.get(visitor.language));
    let state = view.state(app.portal.clock.now());
    let code = payment.code.as_deref().map(spaced_code);
    let code = code.filter(|_| state == PaymentState::Ordered);
    let key = match (&code, standing) {
        (Some(_), "open") => "pay-state-ordered-cash".to_owned(),
        // Who pays with it now pays twice.
        (Some(_), _) => "pay-state-code-over".to_owned(),
        (None, _) => ["pay-state-", state.as_str()].concat(),
    };
    let when = texts.moment(payment.started_at, &app.portal.time_zone);
    let until = texts.moment(payment.expires_at, &app.portal.time_zone);
    // Paid twice is told as it is.
    let amount = match (state, view.heard.paid - view.heard.back) {
        (PaymentState::Settled, paid) if !payment.together => paid,
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
    let code = code.filter(|_| standing == "open");
    context! { state => state.as_str(), text, code }
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
