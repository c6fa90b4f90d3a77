//! A portal on a store of its own, and two browsers: one that only keeps cookies, and Chromium.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use futures::future::BoxFuture;
use jiff::{Timestamp, tz::TimeZone};
use kvit_billing::{
    Address, BillNumber, Currency, CustomerNumber, DeliveryId, DeliveryKind, Language, LayoutNo,
    Operator, OrderSeq, PaperUntil, Role, RunId, Secret, StaffLogin,
    code::{InstanceKey, TokenHash, TokenPurpose},
    customer::Text,
    operator::Brand,
    ports::{Clock, Rng},
};
use kvit_flow::{DebitRules, Sample, ports::NoCheckpoints};
use kvit_pay::ways::{NoWays, NoWire};
use kvit_store::{
    BillRecord, EnrolmentState, Event, GuardPolicy, NewSession, NewStaff, PasskeyAdded,
    PasskeyOwner, PasskeyRecord, ReaderRecord, SessionDoor, Store,
};
use kvit_web::{
    Because, Cause, CertificateFacts, CertificateUse, DocumentError, Documents, Fails, Finding,
    Health, Kind, Layouts, Looked, NoSample, Numbers, Oidc, OwnText, Pay, Portal, PortalLimits,
    Reason, Said, Samples, Upkeep,
};
use tower::ServiceExt;

pub(crate) mod authenticator;
pub(crate) mod autopay;
pub(crate) mod chrome;
pub(crate) mod imports;
pub(crate) mod log;
pub(crate) mod pay;
pub(crate) mod scans;
pub(crate) mod seed;
pub(crate) mod times;
pub(crate) mod words;

/// The largest run file that may be uploaded here.
pub(crate) const UPLOAD_BYTES_MAX: usize = 100_000;
/// The password of every member of staff.
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Files;

impl Documents for Files {
    fn bill_pdf<'a>(
        &'a self,
        bill: &'a BillRecord,
    ) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>> {
        Box::pin(async move { Ok(format!("%PDF-1.7 {}", bill.number).into_bytes()) })
    }
}

/// Draws Anna's bill at the first place of any run and Boris' at the second; the seventh takes too long, the
/// eighth cannot be drawn.
struct Drawn;

impl Samples for Drawn {
    fn sample(
        &self,
        _: RunId,
        seq: OrderSeq,
    ) -> BoxFuture<'static, Result<Option<Sample>, NoSample>> {
        Box::pin(async move {
            let account = match seq.0 {
                0 => seed::ANNA,
                1 => seed::BORIS,
                7 => std::future::pending().await,
                8 => return Err(NoSample("the layout is broken".into())),
                _ => return Ok(None),
            };
            Ok(Some(Sample {
                account: number(account),
                pdf: sample_pdf(),
            }))
        })
    }
}

/// Writes mails of the invented operator.
struct Writing;

impl kvit_web::wording::Letters for Writing {
    fn mails(&self, changed: &kvit_store::ChangedTexts) -> Result<kvit_mail::Mails, NoSample> {
        let (operator, brand) = (operator(), brand());
        let sender = operator.email.clone();
        let mails = kvit_mail::Mails::new(
            operator,
            brand,
            "https://bills.example.bg",
            "bills.example.bg",
            &sender,
        );
        let own = kvit_web::wording::fluent(changed, kvit_web::wording::Part::Mail);
        let mails = mails.and_then(|mails| mails.with_overrides(own));
        mails.map_err(|error| NoSample(Box::new(error)))
    }
}

/// Two kinds of bills; layout 2 does not work.
struct Drawing;

impl Layouts for Drawing {
    fn kinds(&self) -> Vec<String> {
        vec!["household-bg".to_owned(), "household-en".to_owned()]
    }

    fn sample(
        &self,
        layout: LayoutNo,
        kind: String,
    ) -> BoxFuture<'static, Result<Option<Vec<u8>>, NoSample>> {
        let known = self.kinds().contains(&kind).then(sample_pdf);
        let works = self.try_out(layout);
        Box::pin(async move { works.await.map(|()| known) })
    }

    fn try_out(&self, layout: LayoutNo) -> BoxFuture<'static, Result<(), NoSample>> {
        let works = match layout.0 {
            2 => Err(NoSample("bill.typ:1:1: unknown variable".into())),
            _ => Ok(()),
        };
        Box::pin(std::future::ready(works))
    }

    fn builtin_report(&self) -> Option<serde_json::Value> {
        Some(layout_report())
    }
}

/// What the check of a layout found, one kind of bill being slow.
pub(crate) fn layout_report() -> serde_json::Value {
    let why = serde_json::json!({
        "why": "wraps", "is_for_long_texts_only": false, "page": 1, "fields": ["customer.name"], "shown": "",
        "places": [{ "file": "bill.typ", "line": 72, "column": 6 }],
    });
    serde_json::json!({ "program": "0.1.0", "kinds": [
        { "kind": "household-bg", "bytes": 38_412, "slow_because": null },
        { "kind": "long-names-en", "bytes": 41_007, "slow_because": why },
    ] })
}

/// A seal that ends soon, a root that is over, and one part that does not work.
struct Watched;

impl Upkeep for Watched {
    fn certificates(&self) -> BoxFuture<'static, Vec<CertificateFacts>> {
        let one = |used_for, subject: &str, end: &str| CertificateFacts {
            used_for,
            subject: subject.to_owned(),
            issuer: "Удостоверения АД".to_owned(),
            serial: "5f3a9c21d0e84b77a1c2".to_owned(),
            algorithm: "RSA".to_owned(),
            not_before: "2024-01-01T00:00:00Z".parse().expect("a time"),
            not_after: end.parse().expect("a time"),
        };
        let bank = CertificateUse::PaymentSystem("borica".to_owned());
        let all = vec![
            one(
                CertificateUse::Seal,
                "„Светлина Енерго“ АД",
                "2026-12-20T12:00:00Z",
            ),
            one(
                CertificateUse::TrustRoot,
                "Стар корен",
                "2026-10-01T12:00:00Z",
            ),
            one(bank, "BORICA AD", "2028-01-01T12:00:00Z"),
        ];
        Box::pin(std::future::ready(all))
    }

    fn own_texts(&self) -> BoxFuture<'static, Vec<OwnText>> {
        let own = OwnText {
            file: "mails/bg.ftl".to_owned(),
            sha256: [0xab; 32],
            changed: "2026-11-01T12:00:00Z".parse().ok(),
        };
        Box::pin(std::future::ready(vec![own]))
    }

    fn look(&self) {}

    fn looked(&self) -> Looked {
        let finding = |part, health, said| Finding {
            part,
            health,
            said: vec![said],
        };
        let text = |name, of, value: &str| Said::Text(name, vec![(of, value.to_owned())]);
        let place = "/var/lib/kvit/archive";
        let full = Reason {
            what: Fails::NotWritable.with(&[
                ("place", &place),
                ("shell", &place),
                ("why", &"full"),
            ]),
            causes: vec![known(Because::Full)],
            is_without_remedy: false,
        };
        let silent = Reason {
            what: Fails::MailServerSilent.with(&[("place", &"mail.example:25")]),
            causes: vec![known(Because::Refused)],
            is_without_remedy: false,
        };
        let shut = Reason {
            what: Fails::StoreClosed.with(&[]),
            causes: vec![
                known(Because::DatabaseSchema),
                Cause {
                    foreign: "migration 7 was previously applied but is missing".to_owned(),
                    ..Cause::default()
                },
            ],
            is_without_remedy: true,
        };
        Looked {
            at: "2026-11-20T08:00:00Z".parse().ok(),
            findings: vec![
                finding(
                    "configuration",
                    Health::Ok,
                    text("settings", "file", "kvit.toml"),
                ),
                finding("archive", Health::Broken, Said::Reason(full)),
                finding("store", Health::Broken, Said::Reason(shut)),
                finding("mail server", Health::Warning, Said::Reason(silent)),
            ],
            under_way: false,
        }
    }
}

fn known(why: Because) -> Cause {
    Cause {
        known: Some(why.with(&[])),
        ..Cause::default()
    }
}

/// A page with nothing on it.
fn sample_pdf() -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>",
    ];
    let mut pdf = "%PDF-1.7\n".to_owned();
    let mut table = String::from("0000000000 65535 f \n");
    for (at, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    let start = pdf.len();
    pdf.push_str(&format!(
        "xref\n0 4\n{table}trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    ));
    pdf.into_bytes()
}

/// A clock that the test moves.
pub(crate) struct Hands(Mutex<Timestamp>);

impl Hands {
    pub(crate) fn forward_hours(&self, hours: i64) {
        let mut now = self.0.lock().expect("not poisoned");
        *now += jiff::SignedDuration::from_hours(hours);
    }
}

impl Hands {
    pub(crate) fn forward(&self, seconds: i64) {
        *self.0.lock().expect("not poisoned") += jiff::SignedDuration::from_secs(seconds);
    }

    pub(crate) fn set(&self, now: Timestamp) {
        *self.0.lock().expect("not poisoned") = now;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("not poisoned")
    }
}

/// Different bytes each time, the same in each test.
struct Counting(AtomicU64);

impl Rng for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        bytes.fill(0xab);
        bytes[..8].copy_from_slice(&count.to_be_bytes());
    }
}

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) store: Store,
    pub(crate) key: Arc<InstanceKey>,
    pub(crate) clock: Arc<Hands>,
    pub(crate) shelf: Arc<imports::Shelf>,
    pub(crate) folder: Arc<tempfile::TempDir>,
}

/// What portals differ in.
struct Setting {
    pay: Pay,
    oidc: Option<Oidc>,
    local_accounts: bool,
    /// Templates and texts in place of the built-in ones.
    overrides: Vec<(String, String)>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            pay: Pay {
                ways: Arc::new(NoWays),
                wire: Arc::new(NoWire),
            },
            oidc: None,
            local_accounts: true,
            overrides: Vec::new(),
        }
    }
}

pub(crate) fn number(text: &str) -> CustomerNumber {
    text.parse().expect("a customer number")
}

/// SHA-256 of what whoever wants bills by e-mail agrees to.
pub(crate) fn consent_sha256(language: Language) -> String {
    let texts = match language {
        Language::Bg => include_str!("../../texts/bg.ftl"),
        Language::En => include_str!("../../texts/en.ftl"),
    };
    let mut lines = texts.lines();
    let text = lines.find_map(|line| line.strip_prefix("consent-text = "));
    let name = operator().name;
    let text = text.expect("a text");
    let text = text.replace("{ $operator }", name.get(language));
    hex::encode(kvit_flow::scans::sha256(text.as_bytes()))
}

/// When everything that a test does is over.
pub(crate) fn late() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().expect("a time")
}

/// How this operator collects.
pub(crate) fn debits() -> DebitRules {
    DebitRules {
        creditor: "DE98ZZZ09999999999".parse().expect("an identifier"),
        iban: operator().iban.parse().expect("an account"),
        bic: String::new(),
        notice_days: 5,
    }
}

fn brand() -> Brand {
    Brand {
        primary: "#14532d".into(),
        accent: "#f59e0b".into(),
        logo: String::new(),
    }
}

pub(crate) fn operator() -> Operator {
    let address = Address {
        lines: vec!["ул. „Светла“ 1".into()],
        postcode: "1000".into(),
        city: "София".into(),
        country: "BG".into(),
    };
    Operator {
        name: Text::both("„Светлина Енерго“ АД", "Svetlina Energo AD"),
        short_name: Text::both("Светлина", "Svetlina"),
        eik: "200000004".into(),
        vat_number: "BG200000004".into(),
        address: address.clone(),
        address_en: address,
        iban: "BG80BNBG96611020345678".into(),
        bic: String::new(),
        currency: Currency::EUR,
        hotline: "0700 12 345".into(),
        email: "pomosht@svetlina.example".into(),
        website: "https://svetlina.example".into(),
        complaints: Text::both(
            "Пишете ни или елате в център за клиенти. Отговаряме до 14 дни.",
            "Write to us or come to a customer centre. We answer within 14 days.",
        ),
        dispute_body: Text::both(
            "Комисия за енергийно и водно регулиране.",
            "Energy and Water Regulatory Commission.",
        ),
        switching: Text::both(
            "Може да смените доставчика безплатно.",
            "You can change supplier free of charge.",
        ),
    }
}

impl World {
    pub(crate) async fn new(public_url: &str) -> Self {
        Self::with_limits(public_url, 5, 50).await
    }

    /// So many wrong codes for a number, and from an address.
    pub(crate) async fn with_limits(public_url: &str, per_number: u32, per_address: u32) -> Self {
        Self::opened(public_url, per_number, per_address, true).await
    }

    /// Of an operator that is made up, or of a real one.
    pub(crate) async fn opened(
        public_url: &str,
        per_number: u32,
        per_address: u32,
        placeholder: bool,
    ) -> Self {
        let limits = (per_number, per_address);
        Self::with(public_url, limits, placeholder, Setting::default()).await
    }

    /// With these ways of paying.
    pub(crate) async fn paying(public_url: &str, pay: Pay) -> Self {
        let setting = Setting {
            pay,
            ..Setting::default()
        };
        Self::with(public_url, (5, 50), true, setting).await
    }

    /// Whose staff sign in at this identity provider, and here or not.
    pub(crate) async fn known_elsewhere(public_url: &str, oidc: Oidc, local: bool) -> Self {
        let setting = Setting {
            oidc: Some(oidc),
            local_accounts: local,
            ..Setting::default()
        };
        Self::with(public_url, (5, 50), true, setting).await
    }

    async fn with(
        public_url: &str,
        limits: (u32, u32),
        placeholder: bool,
        setting: Setting,
    ) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let start = "2026-11-20T08:30:00Z".parse().expect("a time");
        let key = Arc::new(InstanceKey::new(&[7; 32]));
        let store = seed::store(folder.path(), &key).await;
        let clock = Arc::new(Hands(Mutex::new(start)));
        let shared = (folder, key, store, clock);
        Self::open(public_url, limits, placeholder, setting, shared)
    }

    /// Another process of the same service: the same store, and nothing else in common.
    pub(crate) async fn beside(&self) -> Self {
        let shared = (
            Arc::clone(&self.folder),
            Arc::clone(&self.key),
            seed::again(self.folder.path()).await,
            Arc::clone(&self.clock),
        );
        let url = "https://bills.example.bg";
        Self::open(url, (5, 50), true, Setting::default(), shared)
    }

    fn open(
        public_url: &str,
        (per_number, per_address): (u32, u32),
        placeholder: bool,
        setting: Setting,
        (folder, key, store, clock): (Arc<tempfile::TempDir>, Arc<InstanceKey>, Store, Arc<Hands>),
    ) -> Self {
        let shelf = Arc::new(imports::Shelf::default());
        let policy = |max_fails| GuardPolicy {
            max_fails,
            window_s: 900,
            block_s: 900,
        };
        let portal = Portal {
            store: store.clone(),
            documents: Arc::new(Files),
            key: Arc::clone(&key),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            rng: Arc::new(Counting(AtomicU64::new(1))),
            operator: operator(),
            brand: brand(),
            logo_svg: None,
            public_url: public_url.into(),
            limits: PortalLimits {
                per_number: policy(per_number),
                per_address: policy(per_address),
                session_minutes: 30,
                proof_hours: 48,
                trusted_proxies: false,
                sample_seconds: 1,
                upload_bytes_max: UPLOAD_BYTES_MAX as u64,
                scan_bytes_max: UPLOAD_BYTES_MAX as u64,
            },
            overrides: setting.overrides,
            delivery_hours: 24,
            paper_until: PaperUntil::FirstConfirmed,
            numbers: Numbers {
                series: "main".parse().expect("a series"),
                first: seed::first_bill(),
            },
            placeholder,
            declaration_version: "2026-01".into(),
            time_zone: TimeZone::get("Europe/Sofia").expect("a time zone"),
            pay: setting.pay,
            samples: Arc::new(Drawn),
            layouts: Arc::new(Drawing),
            layout_base: Arc::default(),
            letters: Arc::new(Writing),
            checkpoints: Arc::new(NoCheckpoints),
            upkeep: Arc::new(Watched),
            imports: Arc::new(imports::Counter(Arc::clone(&shelf), store.clone())),
            scans: Arc::new(imports::Counter(Arc::clone(&shelf), store.clone())),
            oidc: setting.oidc,
            local_accounts: setting.local_accounts,
            reminders: true,
            debits: Some(debits()),
        };
        let router = kvit_web::router(portal).expect("the built-in portal opens");
        Self {
            router,
            store,
            key,
            clock,
            shelf,
            folder,
        }
    }

    /// The same portal, reached over the network by a real browser. Gives its address.
    pub(crate) async fn served() -> (Self, String) {
        Self::served_on(a_port().await).await
    }

    /// With these templates in place of the built-in ones.
    pub(crate) async fn served_with(overrides: Vec<(String, String)>) -> (Self, String) {
        Self::serving(a_port().await, overrides, |router| router).await
    }

    pub(crate) async fn served_on(listener: tokio::net::TcpListener) -> (Self, String) {
        Self::served_through(listener, |router| router).await
    }

    /// As it is, with something in front of it.
    pub(crate) async fn served_through(
        listener: tokio::net::TcpListener,
        front: impl FnOnce(Router) -> Router,
    ) -> (Self, String) {
        Self::serving(listener, Vec::new(), front).await
    }

    async fn serving(
        listener: tokio::net::TcpListener,
        overrides: Vec<(String, String)>,
        front: impl FnOnce(Router) -> Router,
    ) -> (Self, String) {
        // By name: browsers have no passkeys for addresses.
        let port = listener.local_addr().expect("an address").port();
        let url = format!("http://localhost:{port}");
        let setting = Setting {
            pay: pay::Systems::new().pay(),
            overrides,
            ..Setting::default()
        };
        let world = Self::with(&url, (5, 50), true, setting).await;
        let service = front(world.router.clone());
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        (world, url)
    }

    /// The link in the mail that asked the customer to prove an address.
    pub(crate) async fn prove_path(&self, customer: &str) -> String {
        let state = self
            .store
            .enrolment_of(&number(customer))
            .await
            .expect("a store");
        let EnrolmentState::Pending(record) = state else {
            panic!("the enrolment waits for its proof");
        };
        let token = self
            .key
            .token(TokenPurpose::ProveAddress, record.id.as_str());
        format!("/prove/{}", token.expose())
    }

    pub(crate) fn code(&self, customer: &str) -> String {
        self.key.authorization_code(&number(customer), 1).printed()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// One that comes from another network, by its last number.
    pub(crate) fn browser_from(&self, network: u8) -> Browser {
        let from = SocketAddr::from(([192, 0, 2, network], 50_000));
        let from = axum::Extension(axum::extract::ConnectInfo(from));
        Browser {
            router: self.router.clone().layer(from),
            cookies: BTreeMap::new(),
        }
    }

    /// Gives a member of staff an account with [`PASSWORD`], and without a second factor.
    pub(crate) async fn hire(&self, login: &str, role: Role) {
        static HASH: LazyLock<Secret<String>> = LazyLock::new(|| {
            let rng = Counting(AtomicU64::new(1));
            kvit_web::credentials::hash_password(PASSWORD, &rng).expect("a hash")
        });
        let event = |what: &str| Event {
            at: self.clock.now(),
            who: "console:root".into(),
            what: what.into(),
            subject: format!("staff/{login}"),
            detail: serde_json::json!({}),
        };
        let login: StaffLogin = login.parse().expect("a sign-in name");
        let new = NewStaff {
            login: login.clone(),
            name: format!("{login} {}", role.as_str()),
            role,
            centre: (role == Role::Clerk).then(|| "Център Русе".to_owned()),
            password: HASH.clone(),
            second_factor: false,
            identity: None,
            email: None,
            at: self.clock.now(),
        };
        let added = self.store.add_staff(&new, &event("staff.added")).await;
        assert!(added.expect("a store"), "a new name");
        let own = event("staff.password-changed");
        let set = self
            .store
            .set_staff_password(&login, &HASH, &HASH, &own)
            .await;
        set.expect("a store");
    }

    /// Asks for a link that signs this customer in, and gives it.
    pub(crate) async fn sign_in_path(&self, browser: &mut Browser, customer: &str) -> String {
        let before = self.link_mails(customer).await.len();
        browser
            .post("/sign-in", &format!("number={customer}"))
            .await;
        self.link_path(customer, before).await
    }

    /// The latest link that signs this customer in, once there are more than `before`.
    pub(crate) async fn link_path(&self, customer: &str, before: usize) -> String {
        // The mail is queued behind the answer.
        let mails = times::until("a link is queued", async || {
            let now = self.link_mails(customer).await;
            (now.len() > before).then_some(now)
        });
        let token = self
            .key
            .token(TokenPurpose::SignIn, mails.await[0].as_str());
        format!("/sign-in/{}", token.expose())
    }

    /// Mails with links that sign this customer in, newest first where they are due at different moments.
    async fn link_mails(&self, customer: &str) -> Vec<DeliveryId> {
        let found = self
            .store
            .deliveries_of_customer(&number(customer), 50)
            .await;
        let ids = found.expect("a store").into_iter().map(|mail| mail.id);
        ids.filter(|id| id.kind() == DeliveryKind::SignIn).collect()
    }

    /// The link in the mail that asked the customer's latest reader.
    pub(crate) async fn join_path(&self, customer: &str) -> String {
        let reader = self.reader(customer).await;
        let token = self
            .key
            .token(TokenPurpose::ProveReader, reader.id.as_str());
        format!("/join/{}", token.expose())
    }

    /// The customer's latest reader.
    pub(crate) async fn reader(&self, customer: &str) -> ReaderRecord {
        let found = self.store.readers_of(&number(customer), 1).await;
        found.expect("a store").remove(0)
    }

    /// Issues a bill that goes to the customer's latest reader as well. Gives the link in the reader's mail.
    pub(crate) async fn copy_path(&self, customer: &str) -> String {
        let reader = self.reader(customer).await;
        let bill = seed::copy_for(&self.store, &self.key, &reader).await;
        let id = DeliveryId::copy_of(bill, &reader.id);
        let token = self.key.token(TokenPurpose::Copy, id.as_str());
        format!("/copy/{}", token.expose())
    }

    pub(crate) fn receipt_path(&self) -> String {
        let delivery = DeliveryId::of(seed::first_bill(), 1);
        let token = self.key.token(TokenPurpose::Receipt, &delivery.to_string());
        format!("/receipt/{}", token.expose())
    }

    /// The link by which Anna ends the reminders.
    pub(crate) fn reminder_path(&self) -> String {
        let delivery = DeliveryId::reminder_of(seed::first_bill(), seed::REMINDER);
        let token = self.key.token(TokenPurpose::Reminders, delivery.as_str());
        format!("/reminders/{}", token.expose())
    }

    pub(crate) fn pay_path(&self, bill: BillNumber) -> String {
        let token = self.key.token(TokenPurpose::Pay, &bill.to_string());
        format!("/pay/{bill}-{}", token.expose())
    }

    pub(crate) fn verify_path(&self, bill: BillNumber) -> String {
        let token = self.key.token(TokenPurpose::Verify, &bill.to_string());
        format!("/v/{bill}-{}", token.expose())
    }

    /// What the square code on that bill's first page opens, as `Bill::filled_url` has it.
    pub(crate) fn filled_path(&self, bill: BillNumber, customer: &str) -> String {
        let code = self.code(customer).replace(' ', "");
        format!("{}#{code}{customer}", self.verify_path(bill))
    }
}

async fn a_port() -> tokio::net::TcpListener {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    listener.expect("a port")
}

/// Gives somebody two passkeys, of which one was copied.
pub(crate) async fn key(world: &World, owner: PasskeyOwner) {
    let (session, at) = (TokenHash([7; 32]), world.clock.now());
    let expires = at + jiff::SignedDuration::from_mins(1);
    match &owner {
        PasskeyOwner::Staff(login) => {
            let opened = Event {
                at,
                who: login.to_string(),
                what: "staff.signed-in".into(),
                subject: owner.to_string(),
                detail: serde_json::json!({}),
            };
            let new_session = staff_session(session, login, (opened.at, expires));
            let opened = world.store.open_staff_session(&new_session, &opened);
            opened.await.expect("a session");
        }
        PasskeyOwner::Customer(number) => {
            let new = NewSession {
                token: session,
                account: number.clone(),
                door: SessionDoor::Code { generation: 1 },
                device: String::new(),
                at,
                expires,
            };
            assert!(world.store.open_session(&new).await.expect("an answer"));
        }
    }
    for (id, name) in [(1, "Служебният лаптоп"), (2, "Телефонът ми")] {
        let event = Event {
            at: world.clock.now(),
            who: owner.to_string(),
            what: "passkey.added".into(),
            subject: owner.to_string(),
            detail: serde_json::json!({}),
        };
        let new = PasskeyRecord {
            id: [owner.to_string().as_bytes(), &[id]].concat(),
            owner: owner.clone(),
            generation: 1,
            public_key: vec![1],
            counter: 3,
            name: name.into(),
            created_at: event.at,
            used_at: None,
            copied_at: None,
        };
        let added = world.store.add_passkey(&new, &session, &event).await;
        assert_eq!(added.expect("a store"), PasskeyAdded::Done);
        if id == 2 {
            let used = world.store.use_passkey(&new.id, 1, &event).await;
            used.expect("a store");
        }
    }
    match &owner {
        PasskeyOwner::Staff(_) => world.store.close_staff_session(&session).await,
        PasskeyOwner::Customer(_) => world.store.close_session(&session).await,
    }
    .expect("a store");
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |v| v.to_str().expect("text"))
    }

    pub(crate) fn form_token(&self) -> String {
        let mark = "name=\"form_token\" value=\"";
        let from = self.body.find(mark).expect("a form") + mark.len();
        let token = self.body[from..].split('"').next();
        token.expect("a token").to_owned()
    }
}

pub(crate) struct Browser {
    pub(crate) router: Router,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        form: &str,
        extra: &[(&str, &str)],
    ) -> Answer {
        let mut headers = extra.to_vec();
        if !form.is_empty() {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        self.send(method, path, Body::from(form.to_owned()), &headers)
            .await
    }

    /// A request with any body.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        headers: &[(&str, &str)],
    ) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, cookies.join("; "));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        for line in response.headers().get_all(header::SET_COOKIE) {
            let pair = line.to_str().expect("text").split(';').next().expect("one");
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.expect("a body");
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, "", &[]).await
    }

    /// Posts a form with the token that the home page handed out.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.post_from("/", path, form).await
    }

    /// Posts a form of this page, with the token that it has.
    pub(crate) async fn post_from(&mut self, page: &str, path: &str, form: &str) -> Answer {
        let token = self.get(page).await.form_token();
        let form = format!("form_token={token}&{form}");
        self.ask(Method::POST, path, &form, &[]).await
    }

    /// A browser in which this member of staff is signed in.
    pub(crate) async fn sign_in_staff(&mut self, login: &str) {
        let form = format!("login={login}&password={}", PASSWORD.replace(' ', "+"));
        let answer = self.post("/staff/sign-in", &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }

    pub(crate) async fn sign_in(&mut self, world: &World, customer: &str) {
        let code = world.code(customer).replace(' ', "+");
        let form = format!("number={customer}&code={code}");
        let answer = self.post("/bill/check", &form).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, "/bills")
        );
    }
}

/// A session of a member of staff in a browser without a name.
pub(crate) fn staff_session(
    token: kvit_billing::code::TokenHash,
    login: &kvit_billing::StaffLogin,
    (proven_at, expires): (Timestamp, Timestamp),
) -> kvit_store::NewStaffSession {
    kvit_store::NewStaffSession {
        token,
        login: login.clone(),
        proven_at,
        expires,
        device: String::new(),
        opened_by: "own-password".to_owned(),
    }
}
