//! All bills of a customer, by year, kind and payment: as a list, and as one file.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt, stream};
use kvit_billing::{BillKind, Cents, CustomerNumber};
use kvit_pay::standing::Standing;
use kvit_store::BillRecord;
use minijinja::context;
use serde::Deserialize;

use super::{bills::with_standing, kind_text};
use crate::{App, failure::Failure, front::Visitor, saved::saved_as, zipped::Zipped};

/// Ten years of monthly bills and as many corrections again, and more.
const BILLS_MAX: usize = 400;

/// Kinds in the order in which they are offered.
const KINDS: [BillKind; 3] = [BillKind::Invoice, BillKind::CreditNote, BillKind::DebitNote];

/// What an address asks for; empty is all.
#[derive(Default, Deserialize)]
pub(crate) struct Wanted {
    year: Option<String>,
    kind: Option<String>,
    unpaid: Option<String>,
}

impl Wanted {
    /// Whether it asks for a list at all.
    pub(crate) const fn is_asked(&self) -> bool {
        self.year.is_some() || self.kind.is_some() || self.unpaid.is_some()
    }
}

/// Which bills of a customer are shown.
#[derive(Clone, Copy)]
struct Filter {
    year: Option<i16>,
    kind: Option<BillKind>,
    unpaid: bool,
}

impl Filter {
    fn of(wanted: &Wanted) -> Result<Self, Failure> {
        let said = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let year = said(&wanted.year).map(|year| year.parse());
        let kind = said(&wanted.kind);
        Ok(Self {
            year: year.transpose().map_err(|_| Failure::NotFound)?,
            kind: KINDS
                .into_iter()
                .find(|one| kind.as_deref() == Some(one.as_str())),
            unpaid: wanted.unpaid.is_some(),
        })
    }

    fn lets(self, bill: &BillRecord, standing: &Standing) -> bool {
        let open = || {
            standing
                .bill(bill.number)
                .is_some_and(|one| one.open > Cents::ZERO)
        };
        self.year.is_none_or(|year| bill.issue_date.year() == year)
            && self.kind.is_none_or(|kind| bill.kind == kind)
            && (!self.unpaid || open())
    }

    /// Kind and payment as the rest of an address whose year stands before.
    fn rest(self) -> String {
        let kind = self.kind.map(|kind| format!("&kind={}", kind.as_str()));
        let unpaid = if self.unpaid { "&unpaid=1" } else { "" };
        kind.unwrap_or_default() + unpaid
    }
}

/// A customer's bills, newest first, and what is open of them.
async fn bills(
    app: &App,
    customer: &CustomerNumber,
) -> Result<(Vec<BillRecord>, Standing), Failure> {
    let store = &app.portal.store;
    let bills = store.bills_of_holder(customer, BILLS_MAX).await?;
    let standing = store.standing(customer, app.portal.clock.now()).await?;
    Ok((bills, standing))
}

pub(crate) async fn page(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    wanted: &Wanted,
) -> Result<Response, Failure> {
    let filter = Filter::of(wanted)?;
    let (mut bills, standing) = bills(app, customer).await?;
    let years: BTreeSet<_> = bills.iter().map(|bill| bill.issue_date.year()).collect();
    // As text: a year is not grouped by thousands.
    let years: Vec<_> = years.iter().rev().map(ToString::to_string).collect();
    bills.retain(|bill| filter.lets(bill, &standing));
    let bills = with_standing(app, visitor, &bills, &standing).await?;
    let kinds = KINDS.map(|kind| context! { id => kind.as_str(), text => kind_text(kind) });
    let kinds: Vec<_> = [context! { id => "", text => "year-kinds-all" }]
        .into_iter()
        .chain(kinds)
        .collect();
    let page = app.pages.render(
        visitor,
        "year.html",
        context! {
            number => customer.as_str(), years, bills, kinds, year => filter.year.map(|year| year.to_string()),
            kind => filter.kind.map_or("", BillKind::as_str), unpaid => filter.unpaid, rest => filter.rest(),
        },
    )?;
    Ok(page.into_response())
}

/// The bills of a year, or of `all`, that are asked for in one ZIP, each as it was sealed, sent as they are read. One that
/// cannot be read breaks the ZIP off, which browsers tell as a failed download.
pub(crate) async fn download(
    app: &App,
    customer: &CustomerNumber,
    name: &str,
    wanted: Wanted,
) -> Result<Response, Failure> {
    let year = (name != "all").then(|| name.to_owned());
    let filter = Filter::of(&Wanted { year, ..wanted })?;
    let (mut bills, standing) = bills(app, customer).await?;
    bills.retain(|bill| filter.lets(bill, &standing));
    // The oldest first; they are taken from the end.
    let Some(first) = bills.pop() else {
        return Err(Failure::NotFound);
    };
    let mut zip = Zipped::new();
    // Where nothing can be read at all, there is a page that says so.
    let begun = add(app, &mut zip, &first).await?;
    let packing = Some((Arc::clone(app), zip, bills));
    let rest = stream::try_unfold(packing, |packing| async {
        let Some((app, mut zip, mut bills)) = packing else {
            return Ok(None);
        };
        Ok::<_, Failure>(Some(match bills.pop() {
            Some(bill) => {
                let bytes = add(&app, &mut zip, &bill).await?;
                (bytes, Some((app, zip, bills)))
            }
            None => (zip.finish().map_err(Failure::Zip)?, None),
        }))
    });
    let all = stream::once(async { Ok(begun) }).chain(rest);
    let all = all.inspect_err(|fault: &Failure| {
        tracing::error!(
            error = fault as &dyn std::error::Error,
            "a ZIP of bills broke off"
        );
    });
    Ok(saved_as(
        &format!("{name}.zip"),
        "application/zip",
        Body::from_stream(all),
    ))
}

async fn add(app: &App, zip: &mut Zipped, bill: &BillRecord) -> Result<Vec<u8>, Failure> {
    let pdf = app.portal.documents.bill_pdf(bill).await?;
    let name = format!("{}.pdf", bill.number);
    zip.add(&name, &pdf).map_err(Failure::Zip)
}
