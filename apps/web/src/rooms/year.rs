//! All bills of one year: as a list, and as one file.

use std::{
    collections::BTreeSet,
    io::{Cursor, Write},
};

use axum::response::{IntoResponse, Response};
use kvit_billing::CustomerNumber;
use kvit_store::BillRecord;
use minijinja::context;
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{bills::saved_as, shown};
use crate::{App, failure::Failure, front::Visitor};

/// Ten years of monthly bills and as many corrections again, and more.
const BILLS_MAX: usize = 400;
const ZIP_BYTES_MAX: usize = 64 * 1024 * 1024;

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

/// The bills of `year` in one ZIP, each as it was sealed.
pub(crate) async fn download(
    app: &App,
    customer: &CustomerNumber,
    year: i16,
) -> Result<Response, Failure> {
    let (_, bills) = bills(app, customer, year).await?;
    if bills.is_empty() {
        return Err(Failure::NotFound);
    }
    let mut files = Vec::with_capacity(bills.len());
    let mut bytes = 0;
    for bill in bills.iter().rev() {
        let pdf = app.portal.documents.bill_pdf(bill).await?;
        bytes += pdf.len();
        if bytes > ZIP_BYTES_MAX {
            return Err(Failure::TooLarge);
        }
        files.push((format!("{}.pdf", bill.number), pdf));
    }
    let zip = zipped(&files).map_err(Failure::Zip)?;
    Ok(saved_as(&format!("{year}.zip"), "application/zip", zip))
}

/// PDFs are compressed already, so they are only stored.
fn zipped(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, ZipError> {
    let stored = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name.as_str(), stored)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}
