//! A customer's own book: all that they paid and got back, for a bill or not, newest first.

use std::collections::HashSet;

use axum::{
    Extension,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use kvit_billing::Cents;
use kvit_pay::{statement::BANK, ways::Provider};
use kvit_store::{Debits, EntryRecord};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{came_at, pay::by};
use crate::{App, failure::Failure, front::Visitor};

const ENTRIES_SHOWN: usize = 25;
/// Further back than any book goes.
const PAGE_MAX: usize = 400;
/// Debits of one customer: as many as ten years of monthly bills bring.
const DEBITS_READ: usize = 200;

#[derive(Deserialize)]
pub(crate) struct PageQuery {
    #[serde(default)]
    page: String,
}

pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let customer = visitor.signed_in()?;
    let page: usize = query.page.parse().unwrap_or(1);
    let page = page.clamp(1, PAGE_MAX);
    let (store, texts) = (&app.portal.store, app.pages.texts(visitor.language));
    let standing = store.standing(customer, app.portal.clock.now()).await?;
    let mut entries = store.entries_of(customer, page * ENTRIES_SHOWN + 1).await?;
    let holder = store.customer(customer).await?;
    if let Some(came) = holder.and_then(|holder| came_at(&app, &holder)) {
        entries.retain(|entry| entry.at >= came);
    }
    let older = (entries.len() > page * ENTRIES_SHOWN).then(|| page + 1);
    entries.truncate(page * ENTRIES_SHOWN);
    let debits = store.debits(Debits::Of(customer), DEBITS_READ).await?;
    let told = Told {
        app: &app,
        visitor: &visitor,
        ways: &app.portal.pay.ways.all(),
        collected: debits.into_iter().filter_map(|debit| debit.entry).collect(),
    };
    let rows = entries.iter().skip((page - 1) * ENTRIES_SHOWN);
    let rows: Vec<_> = rows.map(|entry| told.row(entry)).collect();
    let money = |cents: Cents| {
        let is_some = cents > Cents::ZERO;
        is_some.then(|| texts.money(cents, &app.portal.operator.currency))
    };
    let page = context! {
        rows, older, newer => (page > 1).then(|| page - 1), number => customer.as_str(),
        open => money(standing.open()), credit => money(standing.credit),
    };
    let page = app.pages.render(&visitor, "payments.html", page)?;
    Ok(page.into_response())
}

struct Told<'a> {
    app: &'a App,
    visitor: &'a Visitor,
    ways: &'a [Provider],
    /// Entries of what was collected by direct debit.
    collected: HashSet<String>,
}

impl Told<'_> {
    fn row(&self, entry: &EntryRecord) -> Value {
        let texts = self.app.pages.texts(self.visitor.language);
        let sender = entry.sender();
        let provider = self.ways.iter().find(|one| one.name.as_str() == sender);
        let refund = entry.reverses.as_deref();
        let refund = refund.is_some_and(|of| of.starts_with("refund/"));
        let key = match (entry.kind.as_str(), entry.cents.is_negative()) {
            ("refund", _) => "payments-refund",
            ("write-off", _) => "payments-given-up",
            (_, true) if refund => "payments-refund-back",
            (_, true) if self.collected.contains(&entry.id) => "payments-debit",
            (_, true) if provider.is_some() => "payments-through",
            (_, true) if sender == BANK => "payments-bank",
            (_, true) => "payments-other",
            (_, false) => "payments-back",
        };
        let title = provider.map_or("", |one| one.title.get(self.visitor.language));
        let by = by(texts, provider, None, title);
        // What they paid is a credit in their book.
        let amount = texts.money(-entry.cents, &self.app.portal.operator.currency);
        let bills: Vec<_> = entry.bills.iter().map(ToString::to_string).collect();
        context! {
            what => texts.say(key, &[("by", &by)]), amount, when => texts.moment(entry.at, &self.app.portal.time_zone),
            bills => bills.join(", "), count => bills.len(),
            whole => entry.whole.map(|whole| texts.money(whole, &self.app.portal.operator.currency)),
        }
    }
}
