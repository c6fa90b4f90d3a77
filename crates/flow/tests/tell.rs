//! Webhooks against a real receiver that loses answers and processes that die: every message is heard,
//! signed, under one id however often it comes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::world::{
    World,
    faults::{DieAt, died},
    issue,
};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kvit_billing::ports::Clock as _;
use kvit_flow::{
    Messenger, TellReport,
    ports::{Checkpoints, NoCheckpoints},
    webhook_secret,
};
use kvit_store::{ClearedMessages, Event, Store, WebhookEvent};
use kvit_wire::HttpWire;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_util::sync::CancellationToken;

const CUSTOMERS: u32 = 7;
/// Every second customer of the run, and one beside it.
const CONSENTS: usize = 5;

/// What came: the id with the bodies under it.
type Heard = BTreeMap<String, Vec<String>>;

/// A system that is told. It may lose its first answers, or answer that it is in trouble.
struct Receiver {
    url: String,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Clone, Copy)]
enum First {
    /// Hears, and breaks the connection before it answers.
    Lost(usize),
    /// Answers with status 500.
    Trouble(usize),
}

impl Receiver {
    async fn start(first: First, secret: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!(
            "http://{}/kvit?from=kvit",
            listener.local_addr().expect("an address")
        );
        let heard = Arc::<Mutex<Heard>>::default();
        let (kept, count) = (Arc::clone(&heard), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, count, secret) = (Arc::clone(&kept), Arc::clone(&count), secret.clone());
                tokio::spawn(async move { hear(stream, &kept, &count, first, &secret).await });
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Heard {
        self.heard.lock().expect("not poisoned").clone()
    }
}

async fn hear(
    stream: TcpStream,
    kept: &Mutex<Heard>,
    count: &AtomicUsize,
    first: First,
    secret: &str,
) {
    let mut stream = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    stream.read_line(&mut line).await.expect("a request");
    assert_eq!(line.trim_end(), "POST /kvit?from=kvit HTTP/1.1");
    loop {
        line.clear();
        stream.read_line(&mut line).await.expect("a header");
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().expect("a length")];
    stream.read_exact(&mut body).await.expect("a body");
    let body = String::from_utf8(body).expect("text");
    assert_eq!(headers["content-type"], "application/json");
    let id = headers["webhook-id"].clone();
    let signed = format!("{id}.{}.{body}", headers["webhook-timestamp"]);
    let signature = headers["webhook-signature"]
        .strip_prefix("v1,")
        .expect("version 1");
    let signature = STANDARD.decode(signature).expect("Base64");
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key.expect("Base64"));
    let genuine = hmac::verify(&key, signed.as_bytes(), &signature).is_ok();
    let at = count.fetch_add(1, Ordering::SeqCst);
    let (status, answer) = match first {
        First::Lost(n) if at < n => ("200 OK", false),
        First::Trouble(n) if at < n => ("500 Trouble", true),
        _ => ("204 No Content", true),
    };
    if genuine && !status.starts_with('5') {
        kept.lock()
            .expect("not poisoned")
            .entry(id)
            .or_default()
            .push(body);
    }
    if answer {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.expect("answered");
    }
}

/// A run is issued, and a system wants to know.
async fn wanted(world: &World, url: &str) -> Store {
    let store = world.store().await;
    hook(world, &store, "crm", url).await;
    // A customer chooses e-bills beside those of the run.
    world.enrol(&store, CUSTOMERS + 1).await;
    world.released("october").await;
    issue(&world.issuer("worker").await).await.expect("issued");
    store
}

async fn hook(world: &World, store: &Store, name: &str, url: &str) {
    let added = Event {
        at: world.clock.now(),
        who: "console:root".to_owned(),
        what: "api.webhook-added".to_owned(),
        subject: format!("api/{name}"),
        detail: serde_json::json!({}),
    };
    let name = name.parse().expect("a name");
    let added = store
        .add_webhook(&name, url, &WebhookEvent::ALL, &added)
        .await;
    assert!(added.expect("a store"));
}

fn messenger(world: &World, store: &Store, checkpoints: Arc<dyn Checkpoints>) -> Messenger {
    Messenger {
        store: store.clone(),
        post: Arc::new(HttpWire::default()),
        key: World::key(),
        clock: Arc::clone(&world.clock) as _,
        checkpoints,
    }
}

async fn tell(messenger: &Messenger) -> TellReport {
    messenger
        .tell(&CancellationToken::new())
        .await
        .expect("told")
}

fn secret(name: &str) -> String {
    let name = name.parse().expect("a name");
    webhook_secret(&World::key(), &name).expose().clone()
}

/// Every bill and every consent was told of, and what came twice came as it was.
fn nothing_lost(heard: &Heard, what: &str) {
    let mut bills = 0;
    let mut consents = 0;
    for bodies in heard.values() {
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{what}");
        let said: serde_json::Value = serde_json::from_str(&bodies[0]).expect("JSON");
        match said["type"].as_str() {
            Some("bill.issued") => bills += said["data"]["bills"].as_array().map_or(0, Vec::len),
            Some("enrolment.changed") => consents += 1,
            other => panic!("{what}: {other:?}"),
        }
    }
    assert_eq!((bills, consents), (CUSTOMERS as usize, CONSENTS), "{what}");
}

#[tokio::test]
async fn lost_answers_and_trouble_lose_no_message() {
    for first in [First::Lost(0), First::Lost(3), First::Trouble(3)] {
        let world = World::new(CUSTOMERS);
        let receiver = Receiver::start(first, secret("crm")).await;
        let store = wanted(&world, &receiver.url).await;
        let messenger = messenger(&world, &store, Arc::new(NoCheckpoints));
        let mut all = tell(&messenger).await;
        for _ in 0..2 {
            world.clock.forward(400);
            let more = tell(&messenger).await;
            all.heard += more.heard;
            all.unheard += more.unheard;
        }
        let (bad, twice) = match first {
            First::Lost(n) => (n, n),
            First::Trouble(n) => (n, 0),
        };
        let heard = receiver.heard();
        nothing_lost(&heard, "answers");
        assert_eq!(
            (all.heard, all.unheard, all.aside),
            (heard.len() as u64, bad as u64, 0)
        );
        let came: usize = heard.values().map(Vec::len).sum();
        assert_eq!(came, heard.len() + twice);
        let left = store.webhooks().await.expect("webhooks");
        assert_eq!((left[0].waiting, left[0].aside), (0, 0));
        assert_eq!(tell(&messenger).await, TellReport::default());
    }
}

#[tokio::test]
async fn a_death_at_any_place_loses_no_message() {
    let mut places = Vec::new();
    for n in 1.. {
        let world = World::new(CUSTOMERS);
        let receiver = Receiver::start(First::Lost(0), secret("crm")).await;
        let store = wanted(&world, &receiver.url).await;
        let dying = DieAt::new(n);
        let checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        let first = messenger(&world, &store, checkpoints);
        if died(tokio::spawn(async move { tell(&first).await }).await).is_some() {
            break;
        }
        let place = dying.place().expect("a place");
        places.push(place);
        world.clock.forward(400);
        tell(&messenger(&world, &store, Arc::new(NoCheckpoints))).await;
        nothing_lost(&receiver.heard(), place);
    }
    for place in ["webhooks-claimed", "after-webhook"] {
        assert!(places.contains(&place), "{place} was never reached");
    }
}

#[tokio::test]
async fn what_a_removed_webhook_was_not_told_is_deleted() {
    let world = World::new(CUSTOMERS);
    let store = wanted(&world, "https://crm.example/").await;
    let messenger = messenger(&world, &store, Arc::new(NoCheckpoints));
    let sweep = async || messenger.sweep(&CancellationToken::new()).await;
    let none = ClearedMessages::default();
    assert_eq!(sweep().await.expect("swept"), none, "all of it waits");
    let waiting = store.webhooks().await.expect("webhooks")[0].waiting;
    let removed = Event {
        at: world.clock.now(),
        who: "console:root".to_owned(),
        what: "api.webhook-removed".to_owned(),
        subject: "api/crm".to_owned(),
        detail: serde_json::json!({}),
    };
    let crm = "crm".parse().expect("a name");
    assert!(store.remove_webhook(&crm, &removed).await.expect("removed"));
    let cleared = sweep().await.expect("swept");
    assert_eq!((cleared.aside, cleared.removed), (0, waiting));
    assert_eq!(sweep().await.expect("swept"), none);
}

#[tokio::test]
async fn who_does_not_answer_holds_up_nobody() {
    let world = World::new(CUSTOMERS);
    let store = world.store().await;
    // Nobody listens there, and nobody else is given the port.
    let held = TcpSocket::new_v4().expect("a socket");
    let any = "127.0.0.1:0".parse().expect("an address");
    held.bind(any).expect("a port");
    let url = format!("http://{}/", held.local_addr().expect("an address"));
    hook(&world, &store, "gone", &url).await;
    hook(&world, &store, "far", "http://crm.example/").await;
    let receiver = Receiver::start(First::Lost(0), secret("crm")).await;
    wanted(&world, &receiver.url).await;
    tell(&messenger(&world, &store, Arc::new(NoCheckpoints))).await;
    nothing_lost(&receiver.heard(), "beside others");
    let hooks = store.webhooks().await.expect("webhooks");
    let told = |name: &str| {
        let hook = hooks.iter().find(|hook| hook.name.as_str() == name);
        let hook = hook.expect("a webhook");
        (hook.waiting > 0, hook.said.clone().unwrap_or_default())
    };
    assert_eq!(told("crm"), (false, String::new()));
    assert!(
        told("gone").0 && told("gone").1.contains("refused"),
        "{:?}",
        told("gone")
    );
    assert_eq!(
        told("far"),
        (true, "only https leaves this machine".to_owned())
    );
}
