//! `kvit demo`: a made-up operator, from nothing to bills in a mailbox.

mod autopay;
mod desk;
mod earlier;
mod payers;
mod scans;
mod steps;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::{Currency, CustomerNumber, Language, RunId, Secret};
use kvit_flow::read_bill;
use kvit_mailbox::{Mailbox, MailboxConfig};
use kvit_store::{BillRecord, Released, RunProgress, StaffRecord};
use kvit_synth::Synth;
use payers::Till;
use serde_json::{Value, json};
use steps::Step;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{init, serve};
use crate::{
    cli::DemoArgs,
    config::{Config, Security},
    exit::{Context, Exit, Failure},
    files,
    output::{BOLD, DIM, GOOD, LINK, Output, count, grouped, money, took},
    uploads,
    wiring::Instance,
    workers::{self, Counters},
};

/// The portal's usual port; the mailbox's pages have the next, its SMTP the one after.
const PORT: u16 = 8480;
/// The same people each time.
const SEED: u64 = 2026;

pub(super) async fn demo(
    out: &Output,
    dir: Option<&Path>,
    args: &DemoArgs,
) -> Result<Exit, Failure> {
    // Removed when this is dropped, unless it was kept.
    let temporary = match dir {
        Some(_) => None,
        None => {
            let mut builder = tempfile::Builder::new();
            builder.prefix("kvit-demo-");
            // Keys lie in it.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let made = builder.tempdir();
            Some(made.failed("a temporary folder cannot be made")?)
        }
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
    /// Not where the demonstration ends at once.
    till: Option<Till>,
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
    /// Of the bank.
    statement: PathBuf,
    /// Scanned declarations that wait for a clerk.
    declarations: usize,
    /// Who signed one on the screen of a service centre.
    signed: Option<CustomerNumber>,
    /// Where there are customers enough.
    autopay: Option<autopay::Collected>,
    /// A customer with e-bills and one without, with their codes.
    visitor: (CustomerNumber, String),
    /// The visitor's address.
    email: String,
    paper: Option<(CustomerNumber, String)>,
    /// A member of staff of each role, with their passwords.
    staff: Vec<(StaffRecord, Secret<String>)>,
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
        config.reminders.on = true;
        autopay::configure(&mut config);
        let till = if args.exit {
            None
        } else {
            let listener = listen(None, smtp.saturating_add(1)).await?;
            Some(Till::open(&mut config, listener)?)
        };
        let operator = config.operator.name.get(Language::En).to_owned();
        out.note(&format!(
            "\n{} shows itself with {}, a made-up operator with {}\n",
            out.err("Kvit", BOLD),
            out.err(&operator, BOLD),
            count(args.customers.into(), "customer", "customers")
        ));
        let step = Step::begin(out, "instance");
        let folder = std::path::absolute(folder).failed("the current folder is not known")?;
        let instance = init::create(&folder, &config, args.key, earlier::begin()).await?;
        if let Some(till) = &till {
            till.write_keys(&instance.dir)?;
        }
        let zone = TimeZone::get(&config.issue.time_zone)
            .exits(Exit::Configuration, "[issue] time_zone does not work")?;
        let mailbox = Mailbox::start(MailboxConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, smtp)),
            folder: Some(instance.dir.join("mailbox")),
            time_zone: zone.clone(),
            ..MailboxConfig::default()
        })
        .await
        .failed("the mailbox cannot start")?;
        step.done(&format!(
            "configuration, keys and store in {}",
            instance.dir.display()
        ));
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
            till,
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
        let slot = workers::take_slot(&self.instance).await?;
        self.customers().await?;
        // Who only wants an instance gets it sooner.
        if self.till.is_some() {
            self.earlier(&slot.name, stop).await?;
        }
        let enrolled = self.enrol().await?;
        let run = self.import().await?;
        let released = self.release(&run).await?;
        self.issue(&slot.name, &run, stop).await?;
        self.deliver(&slot.name, stop).await?;
        let progress = self.instance.store.run_progress(&run).await?;
        let autopay = self.autopay(&slot.name, stop).await?;
        let enrolled_one = self.bulgarian(true).unwrap_or(0);
        let visitor = self.with_code(enrolled_one)?;
        let email = self.synth.email(enrolled_one).expose().clone();
        let paper = self.bulgarian(false).map(|i| self.with_code(i));
        let paper = paper.transpose()?;
        let sample = self.sample(&visitor.0).await?;
        let statement = self.statement().await?;
        let staff = self.staff().await?;
        let declarations = self.declarations().await?;
        let signed = self.signed_at_the_desk().await?;
        Ok(Shown {
            run,
            released,
            progress,
            enrolled,
            sample,
            statement,
            declarations,
            signed,
            autopay,
            visitor,
            email,
            paper,
            staff,
        })
    }

    /// The first Bulgarian speaker who wants e-bills, or who wants paper.
    fn bulgarian(&self, wants: bool) -> Option<u32> {
        let speaks = |i: u32| self.synth.customer(i).language == Language::Bg;
        (0..self.synth.customers().min(1000)).find(|&i| self.wants(i) == wants && speaks(i))
    }

    /// A customer's number and code.
    fn with_code(&self, i: u32) -> Result<(CustomerNumber, String), Failure> {
        let number = self.synth.number(i);
        let code = self.instance.key()?.authorization_code(&number, 1);
        Ok((number, code.printed()))
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
            "bank_statement": shown.statement,
            "declarations": shown.declarations,
            "signed_on_screen": shown.signed,
            "trust_root": self.instance.path(&config.seal.trust_roots),
            "url": self.url(),
            "run": shown.run.as_str(),
            "dir": self.instance.dir,
            "mailbox_url": self.pages_url,
            "payment_systems_url": self.till.as_ref().map(|till| &till.url),
            "autopay": shown.autopay.as_ref().map(|autopay| json!({
                "url": format!("{}staff/debits", self.url()), "file": autopay.file.map(|(file, _)| file),
                "customer_number": autopay.customer.0, "authorization_code": autopay.customer.1,
            })),
            "customer_number": shown.visitor.0,
            "authorization_code": shown.visitor.1,
            "staff_url": format!("{}staff", self.url()),
            "staff": shown.staff.iter().map(|(person, password)| json!({
                "login": person.login.as_str(), "role": person.role, "password": password.expose(),
            })).collect::<Vec<_>>(),
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
        if let Some(till) = &self.till {
            line(
                "payments",
                &format!("{} (simulated)", out.out(&till.url, LINK)),
            );
        }
        line("try it", &format!("customer number {number}, code {code}"));
        let mail = format!("{}/?q={}", self.pages_url, shown.email);
        line("", &format!("their mail: {}", out.out(&mail, LINK)));
        if let Some((number, code)) = &shown.paper {
            line("", &format!("on paper still: {number}, code {code}"));
        }
        line("staff", &out.out(&format!("{}staff", self.url()), LINK));
        line(
            "",
            "sign in with these names and passwords, which hold in this demonstration only;",
        );
        line("", "the field for the app's code stays empty");
        for (person, password) in &shown.staff {
            let login = person.login.as_str();
            line("", &format!("{login:<13}  password {}", password.expose()));
        }
        if let Some(autopay) = &shown.autopay {
            let place = format!("{}staff/debits", self.url());
            let debits = autopay.file.map_or(0, |(_, debits)| debits);
            line(
                "autopay",
                &format!("{} (as billing)", out.out(&place, LINK)),
            );
            let waits = count(debits, "direct debit waits", "direct debits wait");
            line(
                "",
                &format!("{waits} in a file for approval, one was refused by its bank"),
            );
            let (number, code) = &autopay.customer;
            line("", &format!("a customer who has it: {number}, code {code}"));
            let mail = format!("{}/?q={}", self.pages_url, autopay.email);
            line("", &format!("their mail: {}", out.out(&mail, LINK)));
        }
        if let Some(number) = &shown.signed {
            let place = format!("{}staff/customers/{number}", self.url());
            line("signed", &format!("{} (as clerk)", out.out(&place, LINK)));
            line("", "a declaration, on the screen of a service centre");
        }
        line("a bill", &shown.sample.display().to_string());
        line(
            "verify",
            &format!("kvit verify {} --dir {dir}", shown.sample.display()),
        );
        line(
            "the bank",
            &format!(
                "kvit pay statement {} --as ivan --dir {dir}",
                shown.statement.display()
            ),
        );
        line(
            "the run",
            &format!("kvit run show {} --dir {dir}", shown.run),
        );
        text.push('\n');
        text.push_str(&if stays {
            let first = if self.till.is_some() {
                " Ctrl-C ends this one first."
            } else {
                ""
            };
            format!(
                "Everything stays in {dir}; `kvit serve --dir {dir}` brings portal and staff console up\nagain, without the mailbox and the simulated payment systems.{first}\n"
            )
        } else {
            "Ctrl-C ends it and removes everything; --dir FOLDER keeps it.\n".to_owned()
        });
        text
    }

    /// Portal, mailbox and workers, until the signal.
    async fn serve(self, stop: &CancellationToken) -> Result<(), Failure> {
        uploads::clear_leftovers(&self.instance)?;
        let router = kvit_web::router(self.instance.portal()?)
            .exits(Exit::Configuration, "the portal cannot open")?;
        let slot = workers::take_slot(&self.instance).await?;
        let issuer = self.instance.issuer(&slot.name).await?;
        let courier = self.instance.courier(&slot.name)?;
        let poller = self.instance.poller()?;
        let reminders = self.instance.reminders()?;
        let autopay = self.instance.autopay()?;
        let counters = Counters::default();
        let poll = Duration::from_millis(self.instance.config.workers.poll_ms);
        let payers = async {
            match self.till {
                Some(till) => serve::serve_until(till.listener, till.payers.router(), stop).await,
                None => Ok(()),
            }
        };
        let (portal, pages, payers, (), (), (), (), ()) = tokio::join!(
            serve::serve_until(self.portal, router, stop),
            serve::serve_until(self.pages, self.mailbox.router(), stop),
            payers,
            workers::issue_loop(&issuer, &counters, poll, stop),
            workers::delivery_loop(&courier, &counters, poll, stop),
            workers::payment_loop(&poller, poll, stop),
            workers::reminder_loop(&reminders, &counters, poll, stop),
            workers::autopay_loop(&autopay, poll, stop),
        );
        portal.and(pages).and(payers)
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
