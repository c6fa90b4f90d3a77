//! All bills of one year: as a list, and as one file.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt, stream};
use kvit_billing::CustomerNumber;
use kvit_store::BillRecord;
use minijinja::context;

use super::shown;
use crate::{App, failure::Failure, front::Visitor, saved::saved_as, zipped::Zipped};

/// Ten years of monthly bills and as many corrections again, and more.
const BILLS_MAX: usize = 400;

/// The years that the customer has bills of, and the bills of `year`, both newest first.
async fn bills(
    app: &App,
    customer: &CustomerNumber,
    year: i16,
) -> Result<(Vec<i16>, Vec<BillRecord>), Failure> {
    let mut bills = app.portal.store.bills_of(customer, None, BILLS_MAX).await?;
    let of = |bill: &BillRecord| bill.issue_date.year();
    let years: BTreeSet<_> = bills.iter().map(of).collect();
    bills.retain(|bill| of(bill) == year);
    Ok((years.into_iter().rev().collect(), bills))
}

pub(crate) async fn page(
    app: &App,
    visitor: &Visitor,
    customer: &CustomerNumber,
    year: i16,
) -> Result<Response, Failure> {
    let (years, bills) = bills(app, customer, year).await?;
    // As text: a year is not grouped by thousands.
    let years: Vec<_> = years.iter().map(ToString::to_string).collect();
    let bills: Vec<_> = bills
        .iter()
        .map(|bill| shown(app, visitor.language, bill))
        .collect();
    let number = customer.as_str();
    let page = app.pages.render(
        visitor,
        "year.html",
        context! { number, years, bills, year => year.to_string() },
    )?;
    Ok(page.into_response())
}

/// The bills of `year` in one ZIP, each as it was sealed, sent as they are read. One that cannot be read
/// breaks the ZIP off, which browsers tell as a failed download.
pub(crate) async fn download(
    app: &App,
    customer: &CustomerNumber,
    year: i16,
) -> Result<Response, Failure> {
    let (_, mut bills) = bills(app, customer, year).await?;
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
            "a year's ZIP broke off"
        );
    });
    Ok(saved_as(
        &format!("{year}.zip"),
        "application/zip",
        Body::from_stream(all),
    ))
}

async fn add(app: &App, zip: &mut Zipped, bill: &BillRecord) -> Result<Vec<u8>, Failure> {
    let pdf = app.portal.documents.bill_pdf(bill).await?;
    let name = format!("{}.pdf", bill.number);
    zip.add(&name, &pdf).map_err(Failure::Zip)
}
