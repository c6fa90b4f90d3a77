//! How many customers can check their bills at once: the portal beside a bare axum handler, in one
//! process, over real connections. `cargo run --release -p kvit-web --example bench_portal --
//! [CUSTOMERS] [CONNECTIONS] [SECONDS]`, by default 100000, 16 and 5.
//!
//! Client and server share the machine, so the figures are comparable with each other only.

#![allow(clippy::print_stdout, reason = "prints its figures")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, response::Html, routing::get};
use common::{World, seed};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

type Fault = Box<dyn std::error::Error + Send + Sync>;

const FIRST: u64 = 5_000_000;
const BATCH: u64 = 1000;

#[derive(Clone, Copy)]
struct Load {
    connections: usize,
    seconds: u64,
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let customers = next(100_000)?;
    let load = Load {
        connections: usize::try_from(next(16)?)?,
        seconds: next(5)?,
    };

    // Nobody is locked out here: it is the work that counts.
    let world = Arc::new(World::with_limits("http://localhost", u32::MAX, u32::MAX).await);
    seed::history(&world.store, &world.key).await;
    let started = Instant::now();
    for first in (0..customers).step_by(usize::try_from(BATCH)?) {
        let batch: Vec<_> = (first..customers.min(first + BATCH))
            .map(customer)
            .collect();
        world.store.upsert_customers(&batch).await?;
    }
    println!(
        "{customers} customers in {:.1} s",
        started.elapsed().as_secs_f64()
    );

    let page = world.browser().get("/").await.body;
    let bare = Router::new().route("/", get(move || async move { Html(page) }));
    let bare = serve(bare).await?;
    let portal = serve(world.router.clone()).await?;
    let mut visitor = world.browser();
    let token = visitor.get("/").await.form_token();
    let form = visitor.cookies["kvit_form"].clone();
    visitor.sign_in(&world, seed::MARIA).await;
    let session = visitor.cookies["kvit_session"].clone();

    let home = get_request("/", "");
    let list = get_request("/bills", &format!("kvit_session={session}"));
    let check = {
        let world = Arc::clone(&world);
        move |n: u64| {
            let number = FIRST + n * 7919 % customers;
            let code = world.code(&number.to_string()).replace(' ', "");
            let body = format!("form_token={token}&number={number}&code={code}&next=bills");
            format!(
                "POST /bill/check HTTP/1.1\r\nHost: localhost\r\nCookie: kvit_form={form}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    };
    println!(
        "{:<34} {:>10} {:>9} {:>9}",
        "", "requests/s", "p50 ms", "p99 ms"
    );
    let bare_home = home.clone();
    measure("bare handler, the same bytes", bare, load, 200, move |_| {
        bare_home.clone()
    })
    .await?;
    measure("home page", portal, load, 200, move |_| home.clone()).await?;
    measure("number and code, opens a session", portal, load, 303, check).await?;
    measure("list of thirteen bills", portal, load, 200, move |_| {
        list.clone()
    })
    .await?;
    Ok(())
}

fn customer(n: u64) -> kvit_billing::Customer {
    let number = (FIRST + n).to_string();
    let customer = json!({ "number": number, "name": "Клиент", "address": { "city": "София" } });
    serde_json::from_value(customer).expect("a customer")
}

fn get_request(path: &str, cookies: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n\r\n")
}

async fn serve(router: Router) -> Result<SocketAddr, Fault> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

/// Asks over and over on all connections, and prints what came of it.
async fn measure<F>(
    what: &str,
    address: SocketAddr,
    load: Load,
    status: u16,
    request: F,
) -> Result<(), Fault>
where
    F: Fn(u64) -> String + Send + Sync + 'static,
{
    let request = Arc::new(request);
    let count = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let end = started + Duration::from_secs(load.seconds);
    let mut visitors = JoinSet::new();
    for _ in 0..load.connections {
        let (request, count) = (Arc::clone(&request), Arc::clone(&count));
        visitors.spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(address).await?);
            stream.get_ref().set_nodelay(true)?;
            let mut times = Vec::new();
            while Instant::now() < end {
                let text = request(count.fetch_add(1, Ordering::Relaxed));
                let asked = Instant::now();
                stream.get_mut().write_all(text.as_bytes()).await?;
                let got = answer(&mut stream).await?;
                times.push(asked.elapsed());
                if got != status {
                    return Err(format!("status {got} instead of {status}").into());
                }
            }
            Ok::<_, Fault>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(visitor) = visitors.join_next().await {
        times.extend(visitor??);
    }
    let seconds = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at =
        |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    let rate = times.len() as f64 / seconds;
    println!("{what:<34} {rate:>10.0} {:>9.2} {:>9.2}", at(50), at(99));
    Ok(())
}

/// Reads one answer whole; gives its status.
async fn answer(stream: &mut BufReader<TcpStream>) -> Result<u16, Fault> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse()?;
            }
            None => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(status)
}
