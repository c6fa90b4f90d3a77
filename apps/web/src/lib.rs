//! The customer portal: check a bill, get it by e-mail or on paper again, confirm its receipt,
//! and see whether it is genuine; and the staff console under `/staff`; the API under `/api`. Plain pages without script, in
//! Bulgarian and English.
//!
//! Start with [`router`]; what each address does is in `rooms` and `staff`, what happens to every
//! request before and after is in `front`.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use futures::future::BoxFuture;
use jiff::{civil::Date, tz::TimeZone};
use kvit_billing::{
    BillNumber, Operator, OrderSeq, PaperUntil, RunId, Series,
    code::InstanceKey,
    operator::Brand,
    ports::{Clock, Rng},
};
use kvit_flow::{DebitRules, Sample, ports::Checkpoints};
use kvit_pay::ways::{Ways, Wire};
use kvit_store::{BillRecord, GuardPolicy, LayoutFiles, Store};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

mod api;
pub mod books;
mod colours;
mod consent;
pub mod credentials;
mod csv;
mod device;
mod doors;
mod failure;
mod findings;
mod front;
mod gate;
mod guessable;
mod imports;
mod layouts;
mod no_form;
mod pages;
mod passkeys;
mod reason;
mod refusals;
mod rooms;
mod saved;
mod scans;
mod staff;
mod texts;
mod turnstile;
mod upkeep;
pub mod wording;
mod zipped;

use doors::{Doors, House};

const BODY_MAX_BYTES: usize = 16 * 1024;
const REQUEST_MAX_SECONDS: u64 = 20;

pub use api::{
    API_OPERATIONS, API_TOKEN_PREFIX, MadeToken, Operation, TokenState, end_of_token,
    last_day_of_token, make_token, openapi, scopes_detail,
};
pub use colours::{PaleColour, pale_colours};
pub use csv::{csv_line, owing_head, owing_line};
pub use findings::{FindingTexts, Told};
pub use imports::{FileKind, ImportState, ImportView, Imports, NewFile, NoUpload, Upload};
pub use layouts::{LAYOUT_BYTES_MAX, LayoutFault, Layouts, ToldLayoutFault};
pub use no_form::ToldNoForm;
pub use reason::{
    Because, Cause, Fails, Kind, LayoutCheck, Phrase, Reason, Setting, ToldCause, ToldReason,
};
pub use scans::Scans;
pub use staff::oidc::{Oidc, OidcError, OidcSettings};
pub use staff::{STAFF_EVENTS, STAFF_ROUTES, Who};
pub use upkeep::{
    CERTIFICATE_WARN_DAYS, CertificateFacts, CertificateUse, Finding, Health, Looked, OwnText,
    Said, Upkeep,
};

/// Everything that the portal stands on.
pub struct Portal {
    /// Bills, customers, enrolments, receipts, sessions.
    pub store: Store,
    /// Where the sealed files are read from.
    pub documents: Arc<dyn Documents>,
    /// Derives codes and link tokens.
    pub key: Arc<InstanceKey>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes session and enrolment ids.
    pub rng: Arc<dyn Rng>,
    /// Whose portal it is.
    pub operator: Operator,
    /// Its colours.
    pub brand: Brand,
    /// Its logo; without one the built-in mark with the short name.
    pub logo_svg: Option<Vec<u8>>,
    /// Where the portal is reached, such as `https://bills.example.bg`. `https` makes cookies
    /// `Secure` and sends HSTS.
    pub public_url: String,
    /// How much is allowed.
    pub limits: PortalLimits,
    /// Own templates, texts and style sheet as `(file name, contents)`; they go before the
    /// built-in ones of the same name.
    pub overrides: Vec<(String, String)>,
    /// Within how many hours a bill that is sent has to arrive.
    pub delivery_hours: u32,
    /// Until when e-bills come on paper too.
    pub paper_until: PaperUntil,
    /// Where the numbers of released runs come from.
    pub numbers: Numbers,
    /// Whether the operator is made up: only then may accounts of staff without a second factor sign in.
    pub placeholder: bool,
    /// Version of the consent that customers give, kept with each enrolment.
    pub declaration_version: String,
    /// Where the operator sits: times and "today" on pages.
    pub time_zone: TimeZone,
    /// The ways of paying.
    pub pay: Pay,
    /// Draws samples of bills that are not issued yet.
    pub samples: Arc<dyn Samples>,
    /// Tries layouts out and draws with them.
    pub layouts: Arc<dyn Layouts>,
    /// Makes mails with other texts, for looking at.
    pub letters: Arc<dyn wording::Letters>,
    /// The layout files that come with this program: what a run that is released here keeps.
    pub layout_base: Arc<LayoutFiles>,
    /// Where tests end the process.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// Certificates, own texts and the checks of doctor.
    pub upkeep: Arc<dyn Upkeep>,
    /// Takes uploaded run files in.
    pub imports: Arc<dyn Imports>,
    /// Takes uploaded scans of declarations in, and has their pictures.
    pub scans: Arc<dyn Scans>,
    /// Where staff sign in, besides here or instead.
    pub oidc: Option<Oidc>,
    /// Whether staff sign in here, by passwords and passkeys.
    pub local_accounts: bool,
    /// Whether customers are reminded of bills, and may say that they want no reminders.
    pub reminders: bool,
    /// How bills are collected by direct debit; `None` where they are not.
    pub debits: Option<DebitRules>,
}

/// How bills are paid.
pub struct Pay {
    /// The configured payment systems.
    pub ways: Arc<dyn Ways>,
    /// Calls them.
    pub wire: Arc<dyn Wire>,
}

/// Where the numbers of a run come from that is released in the console.
pub struct Numbers {
    /// The series.
    pub series: Series,
    /// Its first number, while it has given none.
    pub first: BillNumber,
}

/// The named limits of the portal.
pub struct PortalLimits {
    /// Wrong codes for one customer number. Also bounds the proof mails asked for it.
    pub per_number: GuardPolicy,
    /// Wrong codes from one network address (IPv6: from one /64).
    pub per_address: GuardPolicy,
    /// How long a customer stays signed in, in minutes.
    pub session_minutes: u32,
    /// How long the link that proves an address is good, in hours.
    pub proof_hours: u32,
    /// Whether a proxy of the operator's stands in front, so that the last entry of
    /// `X-Forwarded-For` is the visitor.
    pub trusted_proxies: bool,
    /// How long somebody waits for a sample bill, in seconds: less than a request may take.
    pub sample_seconds: u32,
    /// The largest run file that may be uploaded, in bytes.
    pub upload_bytes_max: u64,
    /// The largest file of scans that may be uploaded, in bytes.
    pub scan_bytes_max: u64,
}

/// Reads sealed bills.
pub trait Documents: Send + Sync {
    /// The sealed PDF of `bill`, its hash checked.
    fn bill_pdf<'a>(
        &'a self,
        bill: &'a BillRecord,
    ) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>>;
}

/// Draws samples of the bills of a run that is not issued yet.
pub trait Samples: Send + Sync {
    /// The bill at this place of the run as it would look: unsealed, marked as a sample, with a code and links
    /// that open nothing; `None` where the run has no such place. The work is done off the threads that
    /// serve pages.
    fn sample(
        &self,
        run: RunId,
        seq: OrderSeq,
    ) -> BoxFuture<'static, Result<Option<Sample>, NoSample>>;
}

/// A sample could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the sample could not be drawn")]
pub struct NoSample(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A document that could not be handed out.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not where the store says.
    #[error("the document is not in the archive")]
    Missing,
    /// Its bytes are not those that were sealed.
    #[error("the document in the archive was changed")]
    Changed,
    /// The archive did not answer.
    #[error("the archive did not answer")]
    Archive(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A portal that cannot open.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// A template, the built-in one or an own one, does not parse.
    #[error("template `{0}` is broken")]
    Template(String, #[source] Box<minijinja::Error>),
    /// A Fluent file does not parse: its name, and what is wrong.
    #[error("text file `{0}` is broken: {1}")]
    Text(String, String),
    /// An own file has a name that the portal asks for nowhere.
    #[error(
        "`{0}` replaces nothing: own files are named as the portal's (home.html, app.css, bg.ftl, ...)"
    )]
    Unknown(String),
    /// A brand colour is not `#rrggbb`.
    #[error("`{0}` is not a colour of the form #rrggbb")]
    Colour(String),
    /// The public address is not an `http` or `https` origin.
    #[error("`{0}` is not a public address such as https://bills.example.bg")]
    PublicUrl(String),
}

/// The portal and its derived parts that never change, shared by all requests.
pub(crate) struct Hall {
    pub(crate) portal: Portal,
    pub(crate) locks: gate::Locks,
    pub(crate) turnstile: turnstile::Turnstile,
    pub(crate) hashing: staff::hashing::Hashing,
    pub(crate) refusals: refusals::Refusals,
    pub(crate) sampling: staff::samples::Sampling,
    pub(crate) rates: api::Rates,
    pub(crate) https: bool,
    /// None where the public address has no name, or browsers would not trust it.
    pub(crate) passkeys: Option<passkeys::RelyingParty>,
}

impl Hall {
    /// The day that it is at the operator's.
    pub(crate) fn today(&self) -> Date {
        let now = self.portal.clock.now();
        self.portal.time_zone.to_datetime(now).date()
    }
}

pub(crate) type App = Arc<House>;

/// The addresses of the portal and their methods, for golden tests and for proxies.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET POST", "/again"),
    ("POST", "/again/link"),
    ("POST", "/again/passkey"),
    ("POST", "/again/passkey/ask"),
    ("POST", "/again/password"),
    ("GET", "/assets/{name}"),
    ("GET POST", "/autopay"),
    ("POST", "/autopay/off"),
    ("GET POST", "/bill/check"),
    ("GET", "/bills"),
    ("GET", "/bills/{file}"),
    ("GET POST", "/code"),
    ("GET", "/copy/{token}"),
    ("GET", "/copy/{token}/bill"),
    ("GET POST", "/copy/{token}/leave"),
    ("GET POST", "/enrol"),
    ("GET", "/enrol/sent"),
    ("GET", "/help"),
    ("GET POST", "/join/{token}"),
    ("POST", "/language"),
    ("POST", "/logout"),
    ("GET", "/my-data"),
    ("GET POST", "/paper"),
    ("GET POST", "/passkeys"),
    ("POST", "/passkeys/ask"),
    ("POST", "/passkeys/change"),
    ("GET POST", "/password"),
    ("POST", "/password/remove"),
    ("GET", "/pay"),
    ("GET POST", "/pay/all"),
    ("GET POST", "/pay/{name}"),
    ("GET", "/payments"),
    ("GET POST", "/points"),
    ("GET POST", "/points/add"),
    ("POST", "/points/forget"),
    ("GET", "/privacy"),
    ("GET POST", "/prove/{token}"),
    ("GET POST", "/readers"),
    ("POST", "/readers/remove"),
    ("GET POST", "/receipt/{token}"),
    ("GET POST", "/receipt/{token}/paper"),
    ("POST", "/reminders"),
    ("GET POST", "/reminders/{token}"),
    ("GET", "/sessions"),
    ("POST", "/sessions/end"),
    ("POST", "/sessions/forget"),
    ("GET POST", "/sign-in"),
    ("POST", "/sign-in/passkey"),
    ("POST", "/sign-in/passkey/ask"),
    ("GET POST", "/sign-in/password"),
    ("GET POST", "/sign-in/{token}"),
    ("GET", "/usage"),
    ("GET", "/v/{slug}"),
];

/// The addresses that payment systems call, and those to which they send the browser.
pub const CALLS: &[(&str, &str)] = &[
    ("GET", "/pay/{name}/confirm"),
    ("GET", "/pay/{name}/init"),
    ("POST", "/pay/{name}/notify"),
    ("POST", "/pay/{name}/return"),
    ("GET", "/pay/{name}/return/{bill}"),
    ("POST", "/pay/{name}/return/{bill}"),
];

/// The portal as a router. Serve it with connect info (`SocketAddr`), or every visitor counts as
/// one network address.
///
/// # Errors
/// [`PortalError`] names the template, text file, colour or address that is wrong.
pub fn router(portal: Portal) -> Result<Router, PortalError> {
    let url = portal.public_url.trim_end_matches('/').to_owned();
    let https = url.starts_with("https://");
    if !https && !url.starts_with("http://") {
        return Err(PortalError::PublicUrl(url));
    }
    let passkeys = passkeys::RelyingParty::of(&url);
    let pages = pages::Pages::new(
        &portal.operator,
        &portal.brand,
        portal.logo_svg.clone(),
        &portal.overrides,
    )?;
    let hall = Hall {
        portal,
        locks: gate::Locks::default(),
        turnstile: turnstile::Turnstile::default(),
        hashing: staff::hashing::Hashing::default(),
        refusals: refusals::Refusals::default(),
        sampling: staff::samples::Sampling::default(),
        rates: api::Rates::default(),
        https,
        passkeys,
    };
    let doors = Doors::new(Arc::new(House {
        hall: Arc::new(hall),
        pages: Arc::new(pages),
        texts: 0,
    }));
    use rooms::{
        again, autopay, bills, code, copies, enrol, info, language, links, mine, paper, password,
        pay, pay_calls, payments, points, readers, reminders, sessions, sign_in, usage,
    };
    // The module of this name makes keys; the room shows them.
    use rooms::passkeys as keys;
    Ok(Router::new()
        .route("/", get(info::home))
        .route("/again", get(again::form).post(again::code))
        .route("/again/link", post(again::link))
        .route("/again/passkey", post(again::passkey))
        .route("/again/passkey/ask", post(keys::ask_sign_in))
        .route("/again/password", post(again::password))
        .route("/assets/{name}", get(info::asset))
        .route("/autopay", get(autopay::page).post(autopay::on))
        .route("/autopay/off", post(autopay::off))
        .route("/bill/check", post(bills::check).get(info::to_home))
        .route("/bills", get(bills::list))
        .route("/bills/{file}", get(bills::download))
        .route("/code", get(code::page).post(code::change))
        .route("/language", post(language::choose))
        .route("/copy/{token}", get(copies::page))
        .route("/copy/{token}/bill", get(copies::download))
        .route(
            "/copy/{token}/leave",
            get(copies::leave_form).post(copies::leave),
        )
        .route("/enrol", get(enrol::form).post(enrol::submit))
        .route("/enrol/sent", get(enrol::sent))
        .route("/help", get(info::help))
        .route("/join/{token}", get(copies::join_form).post(copies::join))
        .route("/logout", post(bills::logout))
        .route("/my-data", get(mine::download))
        .route("/paper", get(paper::form).post(paper::submit))
        .route("/passkeys", get(keys::list).post(keys::add))
        .route("/passkeys/ask", post(keys::ask))
        .route("/passkeys/change", post(keys::change))
        .route("/password", get(password::page).post(password::set))
        .route("/password/remove", post(password::remove))
        .route("/pay", get(pay::back_without_word))
        .route("/pay/all", get(pay::choose).post(pay::pay))
        .route("/pay/{name}", get(pay::page).post(pay::start))
        .route("/payments", get(payments::page))
        .route("/points", get(points::page).post(points::turn))
        .route("/points/add", get(points::add_form).post(points::add))
        .route("/points/forget", post(points::forget))
        .route("/privacy", get(info::privacy))
        .route("/prove/{token}", get(links::prove_form).post(links::prove))
        .route("/readers", get(readers::page).post(readers::add))
        .route("/readers/remove", post(readers::remove))
        .route(
            "/receipt/{token}",
            get(links::receipt_form).post(links::receipt),
        )
        .route(
            "/receipt/{token}/paper",
            get(paper::mailed_form).post(paper::mailed),
        )
        .route("/reminders", post(reminders::switch))
        .route(
            "/reminders/{token}",
            get(reminders::link_form).post(reminders::link),
        )
        .route("/sessions", get(sessions::page))
        .route("/sessions/end", post(sessions::end))
        .route("/sessions/forget", post(sessions::forget))
        .route("/sign-in", get(sign_in::form).post(sign_in::submit))
        .route("/sign-in/passkey", post(keys::sign_in))
        .route("/sign-in/passkey/ask", post(keys::ask_sign_in))
        .route(
            "/sign-in/password",
            get(password::sign_in_form).post(password::sign_in),
        )
        .route(
            "/sign-in/{token}",
            get(sign_in::link_form).post(sign_in::link),
        )
        .route("/usage", get(usage::page))
        .route("/v/{slug}", get(info::verify))
        .merge(staff::router(&doors))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .method_not_allowed_fallback(info::not_that_way)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(REQUEST_MAX_SECONDS),
        ))
        // Has limits of its own.
        .merge(staff::imports::router(&doors))
        .merge(staff::scans::upload::router(&doors))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(doors.clone(), front::door))
        .with_state(doors.clone())
        // Payment systems do not come in by the front door: they have no language and no session,
        // and their forms are not ours.
        .merge(pay_calls::router(doors.clone()))
        // Neither do the operator's own systems.
        .merge(api::router(doors)))
}
