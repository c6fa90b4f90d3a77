//! `kvit bench portal`: how many customers check their bills in a second, and agents find customers, beside a bare
//! handler that the same client asks in the same run. Client and portal share the machine.

use std::{
    fmt,
    io::{Error, Result as IoResult},
    path::Path,
    thread,
    time::Duration,
};

use axum::{Router, routing::get};
use kvit_billing::{Customer, Role};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    client::{self, Browser, LINES, Line, Rate, answered, listening, measured},
    loaded::Loaded,
};
use crate::{
    cli::BenchLoadArgs,
    commands::staff::{NewAccount, signed_in},
    config::PayConfig,
    exit::{Context, Exit, Failure},
    output::{Output, count, grouped},
};

/// Visits before, and not counted: connections open, statements are prepared.
const WARMING: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Measured {
    customers: u32,
    store: &'static str,
    threads: usize,
    lines: usize,
    /// A handler that only answers, with as many bytes as the page with the bills has.
    bare: Rate,
    /// The first page.
    home: Rate,
    /// Number and code sent, and the page with the bills: two requests and a session.
    checks: Rate,
    /// The page with the bills again, in an open session.
    pages: Rate,
    /// A customer found by an agent.
    searches: Searches,
    /// Pages with bills as a share of what the bare handler answers.
    ratio: f64,
}

/// By what is heard on the line.
#[derive(Serialize)]
struct Searches {
    /// The whole customer number, which is one customer's.
    number: Rate,
    /// The whole telephone number, likewise.
    phone: Rate,
    /// Last name and town.
    name: Rate,
    /// Street, house and town.
    address: Rate,
}

pub(in crate::commands) async fn portal(
    out: &Output,
    dir: Option<&Path>,
    args: &BenchLoadArgs,
) -> Result<Exit, Failure> {
    let lasts = Duration::from_secs(args.seconds);
    let loaded = Loaded::new(out, dir, args, PayConfig::default()).await?;
    let agent = agent(&loaded).await?;
    let stop = CancellationToken::new();
    let pages = kvit_web::router(loaded.instance.portal()?).failed("the portal cannot open")?;
    let address = listening(pages, &stop).await?;
    let mut line = Line::open(address)
        .await
        .failed("the portal does not answer")?;
    let customer = Browser::open(&mut line, "/", "")
        .await
        .failed("there is no first page")?;
    let (session, page) = check(&mut line, &loaded, &customer, 0)
        .await
        .failed("number and code open nothing")?;
    let agent = Browser::open(&mut line, "/staff/customers", &agent)
        .await
        .failed("the console does not open")?;

    out.note("visiting");
    let bare = Router::new().route("/", get(move || std::future::ready(page.clone())));
    let bare = listening(bare, &stop).await?;
    let plain = client::get("/", "");
    let bare = measured(bare, lasts, async |line, _| {
        answered(line, &plain, 200, &[]).await
    })
    .await?;
    measured(address, WARMING, async |line, _| {
        answered(line, &plain, 200, &[]).await
    })
    .await?;
    let home = measured(address, lasts, async |line, _| {
        answered(line, &plain, 200, &[]).await
    })
    .await?;
    let visit = async |line: &mut Line, at: usize| {
        check(line, &loaded, &customer, at as u32)
            .await
            .map(|_| true)
    };
    measured(address, WARMING, visit).await?;
    let checks = measured(address, lasts, visit).await?;
    let bills = client::get("/bills", &session);
    let pages = measured(address, lasts, async |line, _| {
        answered(line, &bills, 200, &[]).await
    })
    .await?;
    let search = async |heard: fn(&Customer) -> String, alone: bool| {
        let one = async |line: &mut Line, at: usize| {
            let customer = loaded.person(at as u32);
            found(line, &agent, &customer, &heard(&customer), alone).await
        };
        measured(address, WARMING, one).await?;
        measured(address, lasts, one).await
    };
    let searches = Searches {
        number: search(|customer| customer.number.to_string(), true).await?,
        phone: search(|customer| customer.phone.clone().unwrap_or_default(), true).await?,
        name: search(name, false).await?,
        address: search(street, false).await?,
    };
    stop.cancel();
    let measured = Measured {
        customers: args.customers,
        store: loaded.store_name(),
        threads: thread::available_parallelism().map_or(1, usize::from),
        lines: LINES,
        ratio: pages.per_s / bare.per_s,
        bare,
        home,
        checks,
        pages,
        searches,
    };
    out.result(&measured, |_| measured.to_string())?;
    Ok(Exit::Done)
}

/// Checks the bills of somebody; gives the cookies of the session and the page.
async fn check(
    line: &mut Line,
    loaded: &Loaded,
    browser: &Browser,
    at: u32,
) -> IoResult<(String, String)> {
    let number = loaded.somebody(at);
    let code = loaded.key.authorization_code(&number, 1).printed();
    let form = browser.form(&[("number", number.as_str()), ("code", &code)]);
    let answer = line
        .ask(&client::post("/bill/check", &browser.cookies, &form))
        .await?;
    if answer.status != 303 {
        return Err(Error::other(format!(
            "status {} to a right code",
            answer.status
        )));
    }
    let session = format!("{}; {}", browser.cookies, answer.cookies());
    let answer = line.ask(&client::get("/bills", &session)).await?;
    match answer.status {
        200 => Ok((session, String::from_utf8_lossy(&answer.body).into_owned())),
        status => Err(Error::other(format!(
            "status {status} to the page with the bills"
        ))),
    }
}

/// Searches as an agent does. One that is found alone is opened at once.
async fn found(
    line: &mut Line,
    agent: &Browser,
    customer: &Customer,
    wanted: &str,
    alone: bool,
) -> IoResult<bool> {
    let form = agent.form(&[("wanted", wanted)]);
    let question = client::post("/staff/customers", &agent.cookies, &form);
    let answer = line.ask(&question).await?;
    let page = format!("/staff/customers/{}", customer.number);
    let opened = answer.status == 303 && answer.head.contains(&page);
    if opened || (!alone && answer.status == 200) {
        return Ok(true);
    }
    let status = answer.status;
    Err(Error::other(format!("status {status} to a search")))
}

fn name(customer: &Customer) -> String {
    let last = customer.name.split(' ').next_back().unwrap_or_default();
    format!("{last} {}", customer.address.city)
}

/// Street, house and town, without the flat.
fn street(customer: &Customer) -> String {
    let address = &customer.address;
    let line = address.lines.first().map_or("", String::as_str);
    format!("{line} {}", address.city)
}

/// Opens an agent's account and session; gives the session's cookie.
async fn agent(loaded: &Loaded) -> Result<String, Failure> {
    let what = "the agent's account cannot be opened";
    let account = NewAccount {
        login: "bench".parse().failed(what)?,
        name: "Bench".to_owned(),
        role: Role::Agent,
        centre: None,
        second_factor: false,
        email: None,
    };
    signed_in(&loaded.instance, account).await
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            (
                "customers",
                format!("{} in {}", grouped(u64::from(self.customers)), self.store),
            ),
            (
                "visits on",
                format!(
                    "{}, with {} beside the portal",
                    count(self.lines as u64, "connection", "connections"),
                    count(self.threads as u64, "core", "cores")
                ),
            ),
            ("bare", self.bare.to_string()),
            ("first page", self.home.to_string()),
            ("check bill", self.checks.to_string()),
            ("bills again", self.pages.to_string()),
            ("by number", self.searches.number.to_string()),
            ("by phone", self.searches.phone.to_string()),
            ("by name", self.searches.name.to_string()),
            ("by address", self.searches.address.to_string()),
            ("ratio", format!("{:.3}", self.ratio)),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<11} {value}")?;
        }
        Ok(())
    }
}
