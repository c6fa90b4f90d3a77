//! The months before: what customers were billed and paid, so that charts, years and comparisons have something to show.
//! It was on paper, and everybody paid by bank transfer.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::BufWriter,
};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use kvit_billing::{BillOrder, Cents, RunId, order::RunHeader, ports::Clock};
use kvit_flow::statement::{Outside, book_statement};
use kvit_intake::write_ndjson;
use kvit_synth::statement::{OPENING, PaidBill, settled};
use tokio_util::sync::CancellationToken;

use super::{
    super::{issue, run},
    Show,
    steps::{IMPORTER, RELEASER, Step},
};
use crate::{
    booking,
    exit::{Context, Exit, Failure},
    faults, files,
    importing::{Import, Turn},
    output::count,
};

/// So many months. Of the latest everybody has a bill, so that the demonstration's own run has one to be compared with;
/// of the others those whom it shows.
const MONTHS: i32 = 14;
/// Customers whose standing is asked for at once.
const STANDINGS_MAX: usize = 250;
/// On these days of the month after it, a month is billed, printed and paid. Payments of more than two weeks ago send no mail.
const BILLED_ON: i32 = 3;
const PRINTED_ON: i32 = 4;
const PAID_ON: i32 = 12;

/// When the instance's seal begins to be good: before all of it.
pub(super) fn begin() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24 * 31 * (i64::from(MONTHS) + 2))
}

/// A month that was billed.
struct Billed {
    run: RunId,
    month: Date,
    customers: Vec<u32>,
}

/// A moment that stays.
struct Then(Timestamp);

impl Clock for Then {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl Show<'_> {
    pub(super) async fn earlier(
        &self,
        worker: &str,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let step = Step::begin(self.out, "before");
        let enrolled = self.bulgarian(true).unwrap_or(0);
        let shown: Vec<u32> = [enrolled]
            .into_iter()
            .chain(self.bulgarian(false))
            .collect();
        let mut months = Vec::new();
        for back in (1..=MONTHS).rev() {
            let customers = match back {
                1 => (0..self.synth.customers()).collect(),
                _ => shown.clone(),
            };
            let month = self.month.saturating_sub(back.months());
            let run = self.billed(month, &customers).await?;
            months.push(Billed {
                run,
                month,
                customers,
            });
        }
        let issuer = self.instance.issuer(worker).await?;
        let issued = issue::issue(self.out, &self.instance, issuer, None, stop).await?;
        let mut statements = Vec::new();
        for billed in &months {
            self.printed(billed).await?;
            statements.push((on(billed.month, PAID_ON), self.paid(billed).await?));
        }
        self.booked(&statements).await?;
        step.done(&format!(
            "{} of {} months on paper, and paid",
            count(issued.bills, "bill", "bills"),
            months.len()
        ));
        Ok(())
    }

    /// Imports and releases the bills of these customers for a month, as was done then.
    async fn billed(&self, month: Date, customers: &[u32]) -> Result<RunId, Failure> {
        let name = month.strftime("%Y-%m").to_string();
        let at = self.morning_of(on(month, BILLED_ON))?;
        let orders: Vec<BillOrder> = customers
            .iter()
            .map(|&i| {
                let mut order = self.synth.order(i, month);
                // All before was paid.
                let totals = &mut order.totals;
                totals.to_pay = totals.to_pay - totals.carried_over;
                totals.carried_over = Cents::ZERO;
                order
            })
            .collect();
        let header = RunHeader {
            orders: orders.len() as u64,
            sum_cents: orders.iter().map(BillOrder::signed_gross).sum(),
            ..self.synth.run_header(&name, month, 0)
        };
        let path = self.instance.dir.join("earlier.ndjson");
        File::create(&path)
            .and_then(|file| write_ndjson(&header, orders.into_iter(), BufWriter::new(file)))
            .failed("the run file cannot be written")?;
        let turn = Turn::take(&self.instance)?
            .ok_or_else(|| Failure::new(Exit::Failed, "another import is under way"))?;
        let given = vec![path.as_path().into()];
        let import = Import::begin(&self.instance, turn, given, IMPORTER).await?;
        let outcome = import.at(at).run(&|_| {}).await?;
        if !outcome.accepted {
            let first = outcome.findings.list().first().map(ToString::to_string);
            let what = format!("the made-up run is rejected: {}", first.unwrap_or_default());
            return Err(Failure::new(Exit::Failed, what));
        }
        run::release_run(&self.instance, &outcome.run, RELEASER, at).await?;
        fs::remove_file(&path).failed("the run file cannot be removed")?;
        Ok(outcome.run)
    }

    /// The printer got a month's bills long ago.
    async fn printed(&self, billed: &Billed) -> Result<(), Failure> {
        let store = &self.instance.store;
        let bills = store.bills_of_run(&billed.run, None, billed.customers.len());
        let bills: Vec<_> = bills.await?.iter().map(|bill| bill.number).collect();
        let then = self.morning_of(on(billed.month, PRINTED_ON))?;
        store.hand_over_paper(&bills, then, None).await?;
        Ok(())
    }

    fn morning_of(&self, day: Date) -> Result<Timestamp, Failure> {
        let zone = self.instance.time_zone()?;
        let at = zone.to_timestamp(day.at(9, 0, 0, 0));
        at.failed("a day has no morning")
    }

    /// What was paid for a month.
    async fn paid(&self, billed: &Billed) -> Result<Vec<PaidBill>, Failure> {
        let store = &self.instance.store;
        let bills = store.bills_of_run(&billed.run, None, billed.customers.len());
        let bills = bills.await?;
        let accounts: Vec<_> = bills.iter().map(|bill| bill.account.clone()).collect();
        let mut standings = HashMap::new();
        for part in accounts.chunks(STANDINGS_MAX) {
            standings.extend(store.standings(part, Timestamp::now()).await?);
        }
        // A bill asks for what it carries over only where it is a customer's first. Both are in the order of the run.
        let open = bills.into_iter().zip(&billed.customers).map(|(bill, &i)| {
            let standing = standings.get(&bill.account);
            let owed = standing.and_then(|standing| standing.bill(bill.number));
            PaidBill {
                bill: bill.number,
                account: bill.account,
                payer: self.synth.customer(i).name,
                cents: owed.map_or(Cents::ZERO, |owed| owed.open),
            }
        });
        Ok(open.filter(|paid| paid.cents > Cents::ZERO).collect())
    }

    /// Books the bank's statements of these days, which lead up to today's.
    async fn booked(&self, statements: &[(Date, Vec<PaidBill>)]) -> Result<(), Failure> {
        let all: Cents = statements
            .iter()
            .flat_map(|(_, paid)| paid.iter().map(|paid| paid.cents))
            .sum();
        let mut balance = OPENING - all;
        let rules = booking::rules(&self.instance)?;
        for (day, paid) in statements {
            let (text, after) = settled(*day, balance, paid);
            balance = after;
            let name = format!("{day}.xml");
            let path = self.instance.dir.join(&name);
            files::write(&path, text.as_bytes()).failed("a statement cannot be written")?;
            let checked = booking::check(&path, &rules, &|_| {});
            let checked = checked.failed("a statement cannot be read")?;
            let zone = self.instance.time_zone()?;
            let evening = zone.to_timestamp(day.at(21, 0, 0, 0));
            let checkpoints = faults::checkpoints();
            let outside = Outside {
                payouts: rules.payouts.clone(),
                clock: &Then(evening.failed("a day has no evening")?),
                checkpoints: checkpoints.as_ref(),
                progress: &|_| {},
            };
            let (store, by) = (&self.instance.store, format!("console:{IMPORTER}"));
            let booked = book_statement(store, &name, &by, checked, &outside).await;
            booked.failed("a statement is not booked")?;
            fs::remove_file(&path).failed("a statement cannot be removed")?;
        }
        Ok(())
    }
}

/// That day of the month after.
fn on(month: Date, day: i32) -> Date {
    month
        .saturating_add(1.month())
        .saturating_add((day - 1).days())
}
