//! The steps of the demonstration: what an operator's people and systems would do.

use std::{
    collections::HashMap,
    fs::File,
    io::BufWriter,
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::ToSpan;
use kvit_billing::{
    Cents, EnrolmentId, Language, Role, RunId, Secret,
    code::Token,
    ports::{Clock, Rng},
};
use kvit_intake::write_ndjson;
use kvit_store::{EnrolmentChannel, NewEnrolment, Released, StaffRecord};
use kvit_synth::statement::PaidBill;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    super::{import, issue, run, staff},
    Show,
};
use crate::{
    exit::{Context, Exit, Failure},
    files,
    output::{DIM, GOOD, Output, count, grouped, money, took},
    wiring::{SystemClock, SystemRng},
};

/// The usual due date, or so many days, whichever leaves more time.
const DAYS_TO_PAY_MIN: i64 = 14;
/// Customers who pay by bank transfer.
const PAYERS: usize = 25;
pub(super) const IMPORTER: &str = "Иван";
pub(super) const RELEASER: &str = "Мария";
/// The names of staff, in the order of the roles.
const PEOPLE: [&str; 5] = [
    "Ана Димитрова",
    "Елена Колева",
    "Мария Стоянова",
    "Георги Илиев",
    "Петър Донев",
];
pub(super) const CENTRE: &str = "Център за клиенти Русе";

impl Show<'_> {
    /// Whether a made-up customer wants e-bills. The first one always does, so that there is one.
    pub(super) fn wants(&self, i: u32) -> bool {
        i == 0 || self.synth.is_enrolled(i)
    }

    /// The customers.
    pub(super) async fn customers(&self) -> Result<(), Failure> {
        const BATCH: usize = 1000;
        let all: Vec<u32> = (0..self.synth.customers()).collect();
        for batch in all.chunks(BATCH) {
            let customers: Vec<_> = batch.iter().map(|&i| self.synth.customer(i)).collect();
            self.instance.store.upsert_customers(&customers).await?;
        }
        Ok(())
    }

    /// The consents of those who want e-bills, as if given on the web and proven.
    pub(super) async fn enrol(&self) -> Result<u64, Failure> {
        let step = Step::begin(self.out, "customers");
        let total = u64::from(self.synth.customers());
        let progress = self.out.progress("customers", "customers", Some(total));
        let mut enrolled = 0;
        for i in 0..self.synth.customers() {
            if self.wants(i) {
                let enrolment = self.enrolment(i, self.synth.customer(i).language)?;
                self.instance.store.enrol(&enrolment).await?;
                enrolled += 1;
            }
            progress.add(1);
        }
        progress.finish();
        step.done(&format!(
            "{}, of whom {} chose e-bills",
            count(total, "customer", "customers"),
            grouped(enrolled)
        ));
        Ok(enrolled)
    }

    fn enrolment(&self, i: u32, language: Language) -> Result<NewEnrolment, Failure> {
        let mut chance = [0; 16];
        SystemRng.fill(&mut chance);
        let id: EnrolmentId = Token::from_random(chance)
            .expose()
            .parse()
            .failed("an enrolment cannot be named")?;
        Ok(NewEnrolment {
            id,
            account: self.synth.number(i),
            channel: EnrolmentChannel::Web,
            email: self.synth.email(i),
            language,
            text_version: self.instance.config.portal.declaration_version.clone(),
            evidence: json!({"demo": true}),
            at: SystemClock.now(),
            proof: None,
        })
    }

    /// Writes a run file as a billing system would, and imports it as one person.
    pub(super) async fn import(&self) -> Result<RunId, Failure> {
        let step = Step::begin(self.out, "run file");
        let name = self.month.strftime("%Y-%m").to_string();
        let path = self.instance.dir.join(format!("run-{name}.ndjson"));
        let (synth, month, to) = (self.synth, self.month, path.clone());
        // Late in a month the usual due date would lie behind the date of issue.
        let due = self.today.saturating_add(DAYS_TO_PAY_MIN.days());
        // What is collected soon is due soon.
        let collected: HashMap<_, _> = self
            .with_autopay()
            .into_iter()
            .map(|(i, day)| (self.synth.number(i), day))
            .collect();
        let written = tokio::task::spawn_blocking(move || {
            let header = synth.run_header(&name, month, synth.customers());
            let file = BufWriter::new(File::create(&to)?);
            let orders = synth.orders(month).map(|mut order| {
                let usual = order.due_date.max(due);
                order.due_date = collected.get(&order.account).copied().unwrap_or(usual);
                order
            });
            write_ndjson(&header, orders, file)?;
            Ok::<_, std::io::Error>(std::fs::metadata(&to)?.len())
        })
        .await
        .failed("the run file was not finished")?
        .failed("the run file cannot be written")?;
        step.done(&format!(
            "{} for {}, {} KB",
            count(self.synth.customers().into(), "order", "orders"),
            self.month.strftime("%B %Y"),
            grouped(written / 1024)
        ));
        let step = Step::begin(self.out, "imported");
        let outcome = import::import_paths(self.out, &self.instance, &[path], IMPORTER).await?;
        if !outcome.accepted {
            let first = outcome.findings.list().first().map(ToString::to_string);
            let what = format!("the made-up run is rejected: {}", first.unwrap_or_default());
            return Err(Failure::new(Exit::Failed, what));
        }
        step.done(&format!(
            "by {IMPORTER}: every line checked, {} in all",
            money(outcome.sum, self.currency())
        ));
        Ok(outcome.run)
    }

    pub(super) async fn release(&self, id: &RunId) -> Result<Released, Failure> {
        let step = Step::begin(self.out, "released");
        let released = run::release_run(&self.instance, id, RELEASER, SystemClock.now()).await?;
        step.done(&format!(
            "by {RELEASER}: numbers {} to {}",
            released.first, released.last
        ));
        Ok(released)
    }

    pub(super) async fn issue(
        &self,
        worker: &str,
        id: &RunId,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let step = Step::begin(self.out, "issued");
        let issuer = self.instance.issuer(worker).await?;
        let begun = Instant::now();
        let report = issue::issue(self.out, &self.instance, issuer, Some(id), stop).await?;
        let rate = report.bills as f64 / begun.elapsed().as_secs_f64().max(0.001);
        step.done(&format!(
            "{} composed, sealed and packed, {rate:.0} a second",
            count(report.bills, "bill", "bills")
        ));
        Ok(())
    }

    /// Writes a bank statement in which some customers pay, for trying `kvit pay statement`.
    pub(super) async fn statement(&self) -> Result<PathBuf, Failure> {
        let step = Step::begin(self.out, "statement");
        let mut paid = Vec::new();
        // The first ones are those whom the demonstration shows; some owe nothing, in some months.
        for i in (0..self.synth.customers()).rev() {
            if paid.len() == PAYERS {
                break;
            }
            let customer = self.synth.customer(i);
            let bills = self.instance.store.bills_of(&customer.number, None, 1);
            for bill in bills.await? {
                if bill.to_pay > Cents::ZERO {
                    paid.push(PaidBill {
                        bill: bill.number,
                        account: bill.account,
                        payer: customer.name.clone(),
                        cents: bill.to_pay,
                    });
                }
            }
        }
        let path = self.instance.dir.join("statement.xml");
        let text = kvit_synth::statement::statement(self.today, &paid);
        files::write(&path, text.as_bytes()).failed("the statement cannot be written")?;
        step.done(&format!(
            "of the bank, in which {} by transfer",
            count(paid.len() as u64, "bill is paid", "bills are paid")
        ));
        Ok(path)
    }

    /// A member of staff of each role, who signs in without an authenticator app.
    pub(super) async fn staff(&self) -> Result<Vec<(StaffRecord, Secret<String>)>, Failure> {
        let step = Step::begin(self.out, "staff");
        let mut people = Vec::new();
        for (role, name) in Role::ALL.into_iter().zip(PEOPLE) {
            let login = role.as_str().parse();
            let account = staff::NewAccount {
                login: login.failed("a role cannot be a name")?,
                name: name.to_owned(),
                role,
                centre: (role == Role::Clerk).then(|| CENTRE.to_owned()),
                second_factor: false,
                email: None,
            };
            people.push(staff::open_lasting(&self.instance, account).await?);
        }
        step.done("an account of each role");
        Ok(people)
    }

    pub(super) async fn deliver(
        &self,
        worker: &str,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let step = Step::begin(self.out, "mailed");
        let courier = self.instance.courier(worker)?;
        let waiting = self.instance.store.queue_depths(SystemClock.now()).await?;
        let progress = self
            .out
            .progress("mailing", "mails", Some(waiting.mails_waiting));
        let watching = async {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                progress.set(self.mailbox.count() as u64);
            }
        };
        let report = tokio::select! {
            done = courier.deliver(stop) => done.failed("delivery stopped")?,
            () = watching => kvit_flow::DeliveryReport::default(),
        };
        progress.finish();
        let refused = report.retried + report.failed + report.unknown;
        if refused > 0 {
            let what = format!(
                "the mailbox did not take {}",
                count(refused, "mail", "mails")
            );
            return Err(Failure::new(Exit::Failed, what));
        }
        step.done(&format!(
            "{} by SMTP, each with its PDF and a link that confirms it; until then paper comes too",
            count(report.accepted, "mail", "mails")
        ));
        Ok(())
    }
}

/// One step of the demonstration, said when it is done.
pub(super) struct Step<'a> {
    out: &'a Output,
    label: &'static str,
    begun: Instant,
}

impl<'a> Step<'a> {
    pub(super) fn begin(out: &'a Output, label: &'static str) -> Self {
        Self {
            out,
            label,
            begun: Instant::now(),
        }
    }

    pub(super) fn done(self, text: &str) {
        let time = took(self.begun.elapsed());
        self.out.note(&format!(
            "  {} {:<10} {text}  {}",
            self.out.err("✓", GOOD),
            self.label,
            self.out.err(&time, DIM)
        ));
    }
}
