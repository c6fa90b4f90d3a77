//! What the orders of a chunk become: bills to compose, rows to keep, deliveries to make.
//!
//! Everything here follows from the order, what release and the first claim fixed, and the instance
//! key, so that a chunk that is done again gives the same bills.

use std::collections::HashMap;

use jiff::{SignedDuration, tz::TimeZone};
use kvit_billing::{
    Bill, BillNumber, BillOrder, Customer, CustomerNumber, DeliveryId, OrderSeq,
    code::{InstanceKey, TokenPurpose},
};
use kvit_store::{
    BillRecord, Channel, ChunkJob, CustomerRecord, EnrolmentRecord, NewCopy, NewDelivery,
    PackRecord, ReaderRecord,
};

use crate::{
    issue::{IssueError, Issuer},
    pack::Entry,
};

/// Of a code that is on paper and was never valid; those that are count from 1.
const NO_GENERATION: u32 = 0;

/// The consents that count when a chunk's bills are sent.
pub(crate) struct Consents<'a> {
    pub(crate) job: &'a ChunkJob,
    pub(crate) enrolments: &'a HashMap<CustomerNumber, EnrolmentRecord>,
}

impl<'a> Consents<'a> {
    /// That by which this bill goes by e-mail: never one of a later holder.
    fn of(&self, bill: &Bill) -> Option<&'a EnrolmentRecord> {
        let account = &bill.customer.number;
        let holder = self.job.holders.get(account);
        if holder.is_some_and(|holder| holder.is_for_earlier_holder(bill.order.period)) {
            return None;
        }
        self.enrolments.get(account)
    }
}

impl Issuer {
    /// The bills that a chunk's orders, which are taken out, become, with codes and links that `key` gives.
    pub(crate) fn bills(
        &self,
        job: &mut ChunkJob,
        key: &InstanceKey,
    ) -> Result<Vec<Bill>, IssueError> {
        let zone = TimeZone::get(&self.settings.time_zone)
            .map_err(|_| IssueError::TimeZone(self.settings.time_zone.clone()))?;
        let issue_date = zone.to_datetime(job.issued_at).date();
        (0_u64..)
            .zip(std::mem::take(&mut job.orders))
            .map(|(offset, order)| {
                let number = job.first_number.plus(offset).ok_or(IssueError::Numbers)?;
                let known = job
                    .holders
                    .get(&order.account)
                    .ok_or_else(|| IssueError::NoCustomer(order.account.clone()))?;
                // The paper of an earlier holder's bill reaches whoever: its code opens nothing.
                let generation = match known.is_for_earlier_holder(order.period) {
                    true => NO_GENERATION,
                    false => known.code_generation,
                };
                Ok(Bill {
                    number,
                    series: job.series.clone(),
                    issued_at: job.issued_at,
                    issue_date,
                    customer: holder(&order, known),
                    code: key.authorization_code(&order.account, generation),
                    verify_url: self.verify_url(number, key),
                    enrol_url: format!("{}/enrol?n={}", self.settings.public_url, order.account),
                    order,
                })
            })
            .collect()
    }

    fn verify_url(&self, number: BillNumber, key: &InstanceKey) -> String {
        let token = key.token(TokenPurpose::Verify, &number.to_string());
        format!("{}/v/{number}-{}", self.settings.public_url, token.expose())
    }

    /// The rows of a chunk's bills, whose documents lie in `pack` at `entries`.
    pub(crate) fn records(
        &self,
        job: &ChunkJob,
        bills: &[Bill],
        pack: &PackRecord,
        entries: &[Entry],
    ) -> Vec<BillRecord> {
        (job.first_seq.0..)
            .zip(bills.iter().zip(entries))
            .map(|(seq, (bill, entry))| BillRecord {
                number: bill.number,
                series: bill.series.clone(),
                run: job.run.clone(),
                seq: OrderSeq(seq),
                chunk: job.no,
                account: bill.customer.number.clone(),
                kind: bill.order.kind,
                issue_date: bill.issue_date,
                period: bill.order.period,
                due_date: bill.order.due_date,
                gross: bill.order.totals.gross,
                to_pay: bill.order.totals.to_pay,
                carried_over: bill.order.totals.carried_over,
                currency: self.settings.currency,
                language: bill.customer.language,
                pack: pack.object.clone(),
                offset: entry.offset,
                length: entry.length,
                sha256: entry.sha256,
                corrects: bill.order.corrects.as_ref().map(|c| c.number),
                consumed: bill.order.consumed(),
            })
            .collect()
    }

    /// The mails that bring bills to readers, beside those to customers.
    pub(crate) fn copies(
        &self,
        consents: &Consents<'_>,
        bills: &[Bill],
        readers: &HashMap<CustomerNumber, Vec<ReaderRecord>>,
    ) -> Vec<NewCopy> {
        let due_at = consents.job.issued_at
            + SignedDuration::from_hours(self.settings.delivery_hours.into());
        let each = bills.iter().filter_map(|bill| {
            let account = &bill.customer.number;
            Some((bill, consents.of(bill)?, readers.get(account)?))
        });
        each.flat_map(|(bill, enrolment, readers)| {
            readers.iter().map(move |reader| {
                let id = DeliveryId::copy_of(bill.number, &reader.id);
                NewCopy {
                    token: self.key.token(TokenPurpose::Copy, id.as_str()).hash(),
                    id,
                    bill: bill.number,
                    reader: reader.id.clone(),
                    enrolment: enrolment.id.clone(),
                    account: reader.account.clone(),
                    email: reader.email.clone(),
                    language: reader.language,
                    due_at,
                }
            })
        })
        .collect()
    }

    /// How each bill travels: by e-mail where there is an active enrolment, else on paper; both ways while paper has not
    /// stopped under that enrolment.
    pub(crate) fn deliveries(&self, consents: &Consents<'_>, bills: &[Bill]) -> Vec<NewDelivery> {
        let due_at = consents.job.issued_at
            + SignedDuration::from_hours(self.settings.delivery_hours.into());
        let mut all = Vec::with_capacity(bills.len());
        for bill in bills {
            let enrolment = consents.of(bill);
            let both = enrolment.is_some_and(|e| e.also_on_paper(self.settings.paper_until));
            let mailed = enrolment.map(|e| (Channel::Email, Some(e)));
            let printed = (both || enrolment.is_none()).then_some((Channel::Paper, None));
            for (count, (channel, to)) in (1..).zip(mailed.into_iter().chain(printed)) {
                let id = DeliveryId::of(bill.number, count);
                all.push(NewDelivery {
                    token: to.map(|_| self.key.token(TokenPurpose::Receipt, id.as_str()).hash()),
                    id,
                    bill: bill.number,
                    account: bill.customer.number.clone(),
                    channel,
                    email: to.map(|e| e.email.clone()),
                    language: bill.customer.language,
                    due_at,
                });
            }
        }
        all
    }
}

/// The order's own customer data is what is billed; the language is the customer's choice.
fn holder(order: &BillOrder, known: &CustomerRecord) -> Customer {
    let mut holder = order
        .customer
        .clone()
        .unwrap_or_else(|| known.customer.clone());
    holder.language = known.customer.language;
    holder
}
