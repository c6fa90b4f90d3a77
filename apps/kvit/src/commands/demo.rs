//! `kvit demo`: a made-up operator, from nothing to bills in a mailbox.

use std::{
    fs::File,
    io::BufWriter,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::{
    Currency, CustomerNumber, EnrolmentId, Language, RunId,
    code::Token,
    ports::{Clock, Rng},
};
use kvit_flow::read_bill;
use kvit_intake::write_ndjson;
use kvit_mailbox::{Mailbox, MailboxConfig};
use kvit_store::{BillRecord, EnrolmentChannel, NewEnrolment, Released, RunProgress};
use kvit_synth::Synth;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{import, init, issue, run, serve};
use crate::{
    cli::DemoArgs,
    config::{Config, Security},
    exit::{Context, Exit, Failure},
    files,
    output::{BOLD, DIM, GOOD, LINK, Output, count, grouped, money, took},
    wiring::{Instance, SystemClock, SystemRng},
    workers::{self, Counters},
};

/// The portal's usual port; the mailbox's pages have the next, its SMTP the one after.
const PORT: u16 = 8480;
/// The same people each time.
const SEED: u64 = 2026;
const DAYS_TO_PAY_MIN: i64 = 14;
const IMPORTER: &str = "Ivan";
const RELEASER: &str = "Maria";

pub(super) async fn demo(
    out: &Output,
    dir: Option<&Path>,
    args: &DemoArgs,
) -> Result<Exit, Failure> {
    // Removed when this is dropped, unless it was kept.
    let temporary = match dir {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("kvit-demo-")
                .tempdir()
                .failed("a temporary folder cannot be made")?,
        ),
    };
    let folder = match (&temporary, dir) {
        (Some(temporary), _) => temporary.path().to_owned(),
        (None, dir) => dir.unwrap_or(Path::new(".")).to_owned(),
    };
    let stop = workers::stop_on_signal();
    let show = Show::open(out, &folder, args).await?;
    let shown = tokio::select! {
        shown = show.everything(&stop) => Some(shown?),
        () = stop.cancelled() => None,
    };
    let Some(shown) = shown else {
        out.note("stopped before it was done");
        return Ok(Exit::Failed);
    };
    let stays = dir.is_some() || args.exit;
    out.result(&show.as_json(&shown), |out| show.card(out, &shown, stays))?;
    if args.exit {
        if let Some(temporary) = temporary {
            // Its paths were just printed.
            let _ = temporary.keep();
        }
        return Ok(Exit::Done);
    }
    show.serve(&stop).await?;
    Ok(Exit::Done)
}

/// A demonstration: its instance, its mailbox and its pages.
struct Show<'a> {
    out: &'a Output,
    instance: Instance,
    mailbox: Mailbox,
    portal: TcpListener,
    pages: TcpListener,
    pages_url: String,
    synth: Synth,
    today: Date,
    month: Date,
    started: Instant,
}

/// What came of it.
struct Shown {
    run: RunId,
    released: Released,
    progress: RunProgress,
    enrolled: u64,
    sample: PathBuf,
    /// A customer with e-bills and one without, with their codes.
    visitor: (CustomerNumber, String),
    paper: Option<(CustomerNumber, String)>,
}

impl<'a> Show<'a> {
    async fn open(out: &'a Output, folder: &Path, args: &DemoArgs) -> Result<Self, Failure> {
        let started = Instant::now();
        let portal = listen(args.port, args.port.unwrap_or(PORT)).await?;
        let port = portal.local_addr().failed("the portal has no port")?.port();
        let pages = listen(None, port.saturating_add(1)).await?;
        let pages_port = pages.local_addr().failed("the mailbox has no port")?.port();
        let smtp = free_port(pages_port.saturating_add(1)).await;

        let mut config = Config::default();
        config.portal.public_url = format!("http://127.0.0.1:{port}");
        config.portal.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        config.mail.security = Security::Plain;
        config.mail.port = smtp;
        let operator = config.operator.name.get(Language::En).to_owned();
        out.note(&format!(
            "\n{} shows itself with {}, a made-up operator with {}\n",
            out.err("Kvit", BOLD),
            out.err(&operator, BOLD),
            count(args.customers.into(), "customer", "customers")
        ));
        let step = Step::begin(out, "instance");
        let folder = std::path::absolute(folder).failed("the current folder is not known")?;
        let instance = init::create(&folder, &config, args.key).await?;
        let mailbox = Mailbox::start(MailboxConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, smtp)),
            folder: Some(instance.dir.join("mailbox")),
            ..MailboxConfig::default()
        })
        .await
        .failed("the mailbox cannot start")?;
        step.done(&format!(
            "configuration, keys and store in {}",
            instance.dir.display()
        ));
        let zone = TimeZone::get(&config.issue.time_zone)
            .exits(Exit::Configuration, "[issue] time_zone does not work")?;
        let today = zone.to_datetime(Timestamp::now()).date();
        let month = today
            .first_of_month()
            .saturating_sub(1.day())
            .first_of_month();
        Ok(Self {
            out,
            instance,
            mailbox,
            portal,
            pages,
            pages_url: format!("http://127.0.0.1:{pages_port}"),
            synth: Synth::new(SEED, args.customers),
            today,
            month,
            started,
        })
    }

    const fn currency(&self) -> Currency {
        self.instance.config.operator.currency
    }

    async fn everything(&self, stop: &CancellationToken) -> Result<Shown, Failure> {
        let enrolled = self.enrol().await?;
        let run = self.import().await?;
        let released = self.release(&run).await?;
        let slot = workers::take_slot(&self.instance).await?;
        self.issue(&slot.name, &run, stop).await?;
        self.deliver(&slot.name, stop).await?;
        let progress = self.instance.store.run_progress(&run).await?;
        let (visitor, paper) = self.visitors().await?;
        let sample = self.sample(&visitor.0).await?;
        Ok(Shown {
            run,
            released,
            progress,
            enrolled,
            sample,
            visitor,
            paper,
        })
    }

    /// Whether a made-up customer wants e-bills. The first one always does, so that there is one.
    fn wants(&self, i: u32) -> bool {
        i == 0 || self.synth.is_enrolled(i)
    }

    /// The customers, and the consents of those who want e-bills, as if given on the web and proven.
    async fn enrol(&self) -> Result<u64, Failure> {
        const BATCH: usize = 1000;
        let step = Step::begin(self.out, "customers");
        let total = u64::from(self.synth.customers());
        let progress = self.out.progress("customers", "customers", Some(total));
        let all: Vec<u32> = (0..self.synth.customers()).collect();
        let mut enrolled = 0;
        for batch in all.chunks(BATCH) {
            let customers: Vec<_> = batch.iter().map(|&i| self.synth.customer(i)).collect();
            self.instance.store.upsert_customers(&customers).await?;
            for (&i, customer) in batch.iter().zip(&customers) {
                if self.wants(i) {
                    let enrolment = self.enrolment(i, customer.language)?;
                    self.instance.store.enrol(&enrolment).await?;
                    enrolled += 1;
                }
                progress.add(1);
            }
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
    async fn import(&self) -> Result<RunId, Failure> {
        let step = Step::begin(self.out, "run file");
        let name = self.month.strftime("%Y-%m").to_string();
        let path = self.instance.dir.join(format!("run-{name}.ndjson"));
        let (synth, month, to) = (self.synth, self.month, path.clone());
        // Late in a month the usual due date would lie behind the date of issue.
        let due = self.today.saturating_add(DAYS_TO_PAY_MIN.days());
        let written = tokio::task::spawn_blocking(move || {
            let header = synth.run_header(&name, month, synth.customers());
            let file = BufWriter::new(File::create(&to)?);
            let orders = synth.orders(month).map(|mut order| {
                order.due_date = order.due_date.max(due);
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

    async fn release(&self, id: &RunId) -> Result<Released, Failure> {
        let step = Step::begin(self.out, "released");
        let released = run::release_run(&self.instance, id, RELEASER).await?;
        step.done(&format!(
            "by {RELEASER}: numbers {} to {}",
            released.first, released.last
        ));
        Ok(released)
    }

    async fn issue(
        &self,
        worker: &str,
        id: &RunId,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let step = Step::begin(self.out, "issued");
        let issuer = self.instance.issuer(worker)?;
        let begun = Instant::now();
        let report = issue::issue(self.out, &self.instance, issuer, Some(id), stop).await?;
        let rate = report.bills as f64 / begun.elapsed().as_secs_f64().max(0.001);
        step.done(&format!(
            "{} composed, sealed and packed, {rate:.0} a second",
            count(report.bills, "bill", "bills")
        ));
        Ok(())
    }

    async fn deliver(&self, worker: &str, stop: &CancellationToken) -> Result<(), Failure> {
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
            "{} by SMTP, each with its PDF and a link that confirms it",
            count(report.accepted, "mail", "mails")
        ));
        Ok(())
    }

    /// A Bulgarian speaker with e-bills, and one on paper.
    async fn visitors(
        &self,
    ) -> Result<((CustomerNumber, String), Option<(CustomerNumber, String)>), Failure> {
        let key = self.instance.key()?;
        let among = 0..self.synth.customers().min(1000);
        let bulgarian = |i: &u32| self.synth.customer(*i).language == Language::Bg;
        let enrolled = among
            .clone()
            .find(|i| self.wants(*i) && bulgarian(i))
            .unwrap_or(0);
        let paper = among.clone().find(|i| !self.wants(*i) && bulgarian(i));
        let with_code = |i: u32| {
            let number = self.synth.number(i);
            let code = key.authorization_code(&number, 1).printed();
            (number, code)
        };
        Ok((with_code(enrolled), paper.map(with_code)))
    }

    /// The visitor's bill as a file.
    async fn sample(&self, account: &CustomerNumber) -> Result<PathBuf, Failure> {
        let bills: Vec<BillRecord> = self.instance.store.bills_of(account, None, 1).await?;
        let bill = bills
            .first()
            .ok_or_else(|| Failure::new(Exit::Failed, format!("customer {account} has no bill")))?;
        let archive = self.instance.archive()?;
        let pdf = read_bill(archive.as_ref(), bill)
            .await
            .failed("the sample cannot be read")?;
        let path = self.instance.dir.join("sample.pdf");
        files::write(&path, &pdf).failed("the sample cannot be written")?;
        Ok(path)
    }

    fn url(&self) -> String {
        format!("{}/", self.instance.config.portal.public_url)
    }

    fn as_json(&self, shown: &Shown) -> Value {
        let config = &self.instance.config;
        json!({
            "bills": shown.progress.bills,
            "enrolled": shown.enrolled,
            "mailed": shown.progress.mail_sent,
            "sum_cents": shown.progress.sum_cents.get(),
            "first_number": shown.released.first,
            "last_number": shown.released.last,
            "archive": self.instance.path(&config.archive.folder),
            "sample_pdf": shown.sample,
            "trust_root": self.instance.path(&config.seal.trust_roots),
            "url": self.url(),
            "run": shown.run.as_str(),
            "dir": self.instance.dir,
            "mailbox_url": self.pages_url,
            "customer_number": shown.visitor.0,
            "authorization_code": shown.visitor.1,
        })
    }

    /// What to do now.
    fn card(&self, out: &Output, shown: &Shown, stays: bool) -> String {
        let dir = self.instance.dir.display();
        let (number, code) = &shown.visitor;
        let mut text = format!(
            "\n{} in {}: {}, {}, {} in mailboxes\n\n",
            out.out("Done", GOOD),
            took(self.started.elapsed()),
            count(shown.progress.bills, "bill", "bills"),
            money(shown.progress.sum_cents, self.currency()),
            grouped(shown.progress.mail_sent),
        );
        let mut line = |label: &str, value: &str| {
            text.push_str(&format!(
                "  {} {value}\n",
                out.out(&format!("{label:<10}"), DIM)
            ));
        };
        line("portal", &out.out(&self.url(), LINK));
        line("mailbox", &out.out(&self.pages_url, LINK));
        line("try it", &format!("customer number {number}, code {code}"));
        if let Some((number, code)) = &shown.paper {
            line("", &format!("on paper still: {number}, code {code}"));
        }
        line("a bill", &shown.sample.display().to_string());
        line(
            "verify",
            &format!("kvit verify {} --dir {dir}", shown.sample.display()),
        );
        line(
            "the run",
            &format!("kvit run show {} --dir {dir}", shown.run),
        );
        text.push('\n');
        text.push_str(&if stays {
            format!(
                "Everything stays in {dir}; `kvit serve --dir {dir}` brings the portal up again.\n"
            )
        } else {
            "Ctrl-C ends it and removes everything; --dir FOLDER keeps it.\n".to_owned()
        });
        text
    }

    /// Portal, mailbox and workers, until the signal.
    async fn serve(self, stop: &CancellationToken) -> Result<(), Failure> {
        let router = kvit_web::router(self.instance.portal()?)
            .exits(Exit::Configuration, "the portal cannot open")?;
        let slot = workers::take_slot(&self.instance).await?;
        let issuer = self.instance.issuer(&slot.name)?;
        let courier = self.instance.courier(&slot.name)?;
        let counters = Counters::default();
        let poll = Duration::from_millis(self.instance.config.workers.poll_ms);
        let (portal, pages, (), ()) = tokio::join!(
            serve::serve_until(self.portal, router, stop),
            serve::serve_until(self.pages, self.mailbox.router(), stop),
            workers::issue_loop(&issuer, &counters, poll, stop),
            workers::delivery_loop(&courier, &counters, poll, stop),
        );
        portal.and(pages)
    }
}

/// Takes the port that was asked for, or tries the usual one and then any.
async fn listen(asked: Option<u16>, usual: u16) -> Result<TcpListener, Failure> {
    if let Some(port) = asked {
        return serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "--port").await;
    }
    match TcpListener::bind((Ipv4Addr::LOCALHOST, usual)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .failed("no port is free"),
    }
}

/// A port that is free now, `usual` if it is.
async fn free_port(usual: u16) -> u16 {
    let taken = listen(None, usual).await.and_then(|listener| {
        let address = listener.local_addr().failed("a port cannot be read")?;
        Ok(address.port())
    });
    taken.unwrap_or(0)
}

/// One step of the demonstration, said when it is done.
struct Step<'a> {
    out: &'a Output,
    label: &'static str,
    begun: Instant,
}

impl<'a> Step<'a> {
    fn begin(out: &'a Output, label: &'static str) -> Self {
        Self {
            out,
            label,
            begun: Instant::now(),
        }
    }

    fn done(self, text: &str) {
        let time = took(self.begun.elapsed());
        self.out.note(&format!(
            "  {} {:<10} {text}  {}",
            self.out.err("✓", GOOD),
            self.label,
            self.out.err(&time, DIM)
        ));
    }
}
