//! Simulated payment systems: ePay with EasyPay, iCard and myPOS, BORICA, and billers that look a customer up.
//! For demonstrations and tests: they verify what they are sent, sign what they send, and let a
//! person pay, be declined, walk away, pay twice, and decide what befalls the word about it.
//!
//! They read and sign with code of their own (`sign`), so that a mistake of the adapters does not
//! hide in a mistake made twice. Only the calls themselves go over the shared wire.

mod billers;
mod borica;
mod epay;
mod ipg;
mod pages;
mod refunds;
mod sign;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use kvit_pay::ways::{Call, Wire};
use kvit_wire::HttpWire;
pub use refunds::{Given, Mood};
pub use sign::KeyFiles;
use sign::Keys;

/// The contracts that the simulated payment systems have with one portal.
#[derive(Clone, Debug)]
pub struct PayersConfig {
    /// Where the portal is called, such as `http://127.0.0.1:8480`.
    pub portal: String,
    /// Shared with ePay. Each biller's is derived from it.
    pub secret: String,
    /// The merchant number at ePay and at the billers.
    pub merchant: String,
    /// `MID` at iCard, `SID` at myPOS.
    pub shop: String,
    /// `TERMINAL` at BORICA.
    pub terminal: String,
    /// Names of billers in the portal's addresses, and as people read them.
    pub billers: Vec<(String, String)>,
    /// How much faster than life notices are sent again: 60 makes an hour a minute.
    pub time_lapse: u32,
}

/// The simulated payment systems.
pub struct Payers {
    config: PayersConfig,
    keys: Keys,
    files: KeyFiles,
    wire: HttpWire,
    desk: Mutex<Desk>,
}

/// What the payment systems know.
#[derive(Default)]
struct Desk {
    count: u64,
    epay: HashMap<u64, epay::Bill>,
    ipg: HashMap<u64, ipg::Sale>,
    refunds: refunds::Refunds,
    /// Out of order: every call is answered so.
    off: bool,
    borica: HashMap<String, borica::Sale>,
}

type Shared = Arc<Payers>;

/// The keys could not be made.
#[derive(Debug)]
pub struct NoKeys;

impl std::fmt::Display for NoKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("keys for the simulated payment systems cannot be made")
    }
}

impl std::error::Error for NoKeys {}

impl Payers {
    /// Opens them with fresh keys, for them and for the portal.
    ///
    /// # Errors
    /// Where no keys can be made.
    pub fn open(config: PayersConfig) -> Result<Arc<Self>, NoKeys> {
        let (keys, files) = Keys::make().ok_or(NoKeys)?;
        Ok(Arc::new(Self {
            config,
            keys,
            files,
            wire: HttpWire::default(),
            desk: Mutex::default(),
        }))
    }

    /// The portal's private key and the payment systems' public one, as files for it.
    #[must_use]
    pub const fn files(&self) -> &KeyFiles {
        &self.files
    }

    /// The secret that the portal shares with ePay.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.config.secret
    }

    /// The secret that the portal shares with one biller: what one signs is nothing to another.
    #[must_use]
    pub fn biller_secret(&self, name: &str) -> String {
        sign::checksum(&self.config.secret, name)
    }

    /// Their pages.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/epay/", post(epay::arrive))
            .route("/epay/{id}", post(epay::choose))
            .route("/epay/ezp/reg_bill.cgi", get(epay::code))
            .route("/easypay", get(epay::desk).post(epay::cash))
            .route("/icard/", post(ipg::at_icard))
            .route("/mypos/", post(ipg::at_mypos))
            .route("/icard/{id}", post(ipg::choose))
            .route("/borica/cgi_link", post(borica::arrive))
            .route("/borica/{order}", post(borica::choose))
            .route("/billing/{name}", get(billers::ask).post(billers::look))
            .route("/billing/{name}/pay", post(billers::pay))
            .layer(middleware::from_fn_with_state(Arc::clone(self), working))
            .route("/", get(index))
            .route("/switch", post(switch))
            .route("/refunds", post(refunds::choose))
            .with_state(Arc::clone(self))
    }

    /// Puts all of them out of order, or in order again.
    pub fn switch(&self, off: bool) {
        self.desk().off = off;
    }

    /// What becomes of the next refund that is asked for.
    pub fn next_refund(&self, mood: Mood) {
        self.desk().refunds.next = mood;
    }

    /// What was given back, or refused to be, in its order.
    #[must_use]
    pub fn refunds(&self) -> Vec<Given> {
        self.desk().refunds.all.clone()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that was not given before.
    fn next(&self) -> u64 {
        let mut desk = self.desk();
        desk.count += 1;
        desk.count
    }

    /// Calls the portal. `None` where there is no answer.
    async fn call(&self, path: &str, form: Option<String>) -> Option<String> {
        let url = format!("{}{path}", self.config.portal);
        match self.wire.call(Call { url, form }).await {
            Ok(body) => Some(String::from_utf8_lossy(&body).into_owned()),
            Err(error) => {
                tracing::warn!(%error, "the portal was called and did not answer");
                None
            }
        }
    }

    fn lapsed(&self, seconds: u64) -> Duration {
        Duration::from_secs(seconds) / self.config.time_lapse.max(1)
    }
}

/// Out of order, nothing but that is said.
async fn working(State(payers): State<Shared>, request: Request, next: Next) -> Response {
    if payers.desk().off {
        return (StatusCode::SERVICE_UNAVAILABLE, "out of order\n").into_response();
    }
    next.run(request).await
}

async fn switch(State(payers): State<Shared>) -> Response {
    let off = !payers.desk().off;
    payers.switch(off);
    pages::back("/")
}

async fn index(State(payers): State<Shared>) -> Response {
    let switch = if payers.desk().off {
        "Put them in order again"
    } else {
        "Put all of them out of order"
    };
    let billers: String = payers
        .config
        .billers
        .iter()
        .map(|(name, title)| {
            format!(
                "<li><a href=\"/billing/{name}\">{}: pay by customer number</a></li>",
                pages::escaped(title)
            )
        })
        .collect();
    let refunds = refunds::shown(&payers);
    Html(pages::page(
        "Simulated payment systems",
        &format!("<p>ePay, iCard, myPOS and BORICA open from the portal's pay page. Here are those that are found by themselves:</p><ul><li><a href=\"/easypay\">EasyPay: pay in cash with a code</a></li>{billers}</ul><form method=\"post\" action=\"/switch\"><button>{switch}</button></form>{refunds}"),
    ))
    .into_response()
}
