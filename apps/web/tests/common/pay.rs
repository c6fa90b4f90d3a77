//! Payment systems of a test: their keys, and what they send.

use std::sync::{
    Arc, LazyLock, Mutex,
    atomic::{AtomicBool, Ordering},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use kvit_billing::{Cents, Currency, customer::Text, ports::Clock as _};
use kvit_pay::{
    MacSecret, RsaSigner, RsaVerifier,
    dialects::{
        biller::Biller,
        borica::Terminal,
        epay::Epay,
        ipg::{self, Shop},
    },
    params::encode,
    statement::{Transfer, TransferKind},
    ways::{Call, Dialect, NoAnswer, Provider, Silence, Way, Ways, Wire},
};
use kvit_store::{Booked, Concede, ConcessionKind, NewConcession, NewStatement};
use kvit_web::Pay;

use super::World;

const SECRET: &str = "some-secret";

static KEY: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).expect("a key"));

/// All kinds of payment systems, and a wire on which a test puts the answers.
pub(crate) struct Systems {
    all: Arc<Vec<Provider>>,
    pub(crate) answers: Mutex<Vec<Vec<u8>>>,
    pub(crate) calls: Mutex<Vec<Call>>,
    /// It answers that it refuses what it is asked.
    pub(crate) refuses: AtomicBool,
}

impl Systems {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(providers()),
            answers: Mutex::default(),
            calls: Mutex::default(),
            refuses: AtomicBool::default(),
        })
    }

    pub(crate) fn pay(self: &Arc<Self>) -> Pay {
        Pay {
            ways: Arc::clone(self) as Arc<dyn Ways>,
            wire: Arc::clone(self) as Arc<dyn Wire>,
        }
    }
}

impl Ways for Systems {
    fn all(&self) -> Arc<Vec<Provider>> {
        Arc::clone(&self.all)
    }
}

impl Wire for Systems {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>> {
        self.calls.lock().expect("not poisoned").push(call);
        let answer = self.answers.lock().expect("not poisoned").pop();
        let refuses = self.refuses.load(Ordering::Relaxed);
        Box::pin(async move {
            if refuses {
                return Err(NoAnswer::Refused(404));
            }
            answer.ok_or_else(|| NoAnswer::Silent(Silence::Other("silence".to_owned())))
        })
    }

    fn reach(&self, _: String) -> BoxFuture<'_, Result<(), NoAnswer>> {
        Box::pin(async { Ok(()) })
    }
}

fn providers() -> Vec<Provider> {
    let private: Pkcs8V1Der<'_> = KEY.as_der().expect("DER");
    let public: PublicKeyX509Der<'_> = KEY.public_key().as_der().expect("DER");
    let signer = || RsaSigner::from_pem(&pem("PRIVATE KEY", private.as_ref())).expect("a key");
    let verifier = || RsaVerifier::from_pem(&pem("PUBLIC KEY", public.as_ref())).expect("a key");
    let name = |text: &str| text.parse().expect("a name");
    vec![
        Provider {
            name: name("epay"),
            title: Text::same("ePay.bg"),
            dialect: Dialect::Epay(Epay {
                name: name("epay"),
                min: "1234".to_owned(),
                secret: MacSecret::new(SECRET),
                url: "https://epay.test/".to_owned(),
            }),
            offered: Way::ALL.to_vec(),
            payout: None,
            pays_within_days: kvit_pay::ways::PAYS_WITHIN_DAYS,
            first_number: 1,
        },
        Provider {
            name: name("borica"),
            title: Text::both("Банкова карта", "Bank card"),
            dialect: Dialect::Borica(Terminal {
                name: name("borica"),
                terminal: "V1800001".to_owned(),
                merchant: "1600000001".to_owned(),
                merchant_name: "Svetlina".to_owned(),
                merchant_url: "https://svetlina.example".to_owned(),
                email: "x@svetlina.example".to_owned(),
                url: "https://borica.test/cgi-bin/cgi_link".to_owned(),
                signer: signer(),
                verifier: verifier(),
            }),
            offered: vec![Way::Card],
            payout: None,
            pays_within_days: kvit_pay::ways::PAYS_WITHIN_DAYS,
            first_number: 1,
        },
        Provider {
            name: name("icard"),
            title: Text::same("iCard"),
            dialect: Dialect::Ipg(Shop {
                name: name("icard"),
                dialect: ipg::Dialect::Icard,
                originator: "33".to_owned(),
                shop: "1".to_owned(),
                shop_name: "Svetlina".to_owned(),
                key_index: "1".to_owned(),
                key_index_resp: "1".to_owned(),
                status_method: "IPGGetTxnStatus".to_owned(),
                refund_method: "IPGRefund".to_owned(),
                url: "https://icard.test/".to_owned(),
                signer: signer(),
                verifier: verifier(),
            }),
            offered: vec![Way::Card],
            payout: None,
            pays_within_days: kvit_pay::ways::PAYS_WITHIN_DAYS,
            first_number: 1,
        },
        Provider {
            name: name("ebg"),
            title: Text::same("eBg.bg"),
            dialect: Dialect::Biller(Biller {
                name: name("ebg"),
                merchant: "7".to_owned(),
                secret: MacSecret::new(SECRET),
            }),
            offered: Vec::new(),
            payout: None,
            pays_within_days: kvit_pay::ways::PAYS_WITHIN_DAYS,
            first_number: 1,
        },
    ]
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n").into_bytes()
}

fn mac(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    hmac::sign(&key, text.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn sign(text: &str) -> Vec<u8> {
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .expect("a signature");
    signature
}

/// The body of ePay's notification.
/// Two people give a customer credit back.
pub(crate) async fn refunded(world: &World, customer: &str, cents: i64) {
    let now = world.clock.now();
    let new = NewConcession {
        account: super::number(customer),
        kind: ConcessionKind::Refund {
            iban: "DE89370400440532013000".parse().expect("an account"),
            payee: "Клиент".to_owned(),
            payment: None,
        },
        amount: Cents::new(cents),
        why: "поиска ги".to_owned(),
        by: "vera".to_owned(),
    };
    let said = world.store.propose_concession(&new, now).await;
    let Concede::Proposed(number) = said.expect("an answer") else {
        panic!("it is refused")
    };
    let said = world.store.approve_concession(number, "boyan", now).await;
    assert_eq!(said.expect("an answer"), Concede::Approved);
}

/// A bank statement brings a transfer.
pub(crate) async fn transferred(world: &World, reference: &str, words: &str, cents: i64) -> Booked {
    let now = world.clock.now();
    let new = NewStatement {
        id: hex::encode(reference),
        file: "day.xml".to_owned(),
        format: "camt.053.001.08".to_owned(),
        received: Vec::new(),
        facts: Vec::new(),
        by: "console:ana".to_owned(),
    };
    world.store.keep_statement(&new, now).await.expect("kept");
    let transfer = Transfer {
        line: 1,
        kind: TransferKind::Payment,
        iban: "BG80BNBG96611020345678".to_owned(),
        name: format!("BG80BNBG96611020345678/{reference}"),
        batch: None,
        payment_file: None,
        amount: Cents::new(cents),
        currency: Currency::EUR,
        booked: jiff::civil::date(2026, 11, 20),
        value: None,
        party: Some("Стоян <Колев>".to_owned()),
        references: Vec::new(),
        words: words.to_owned(),
        info: String::new(),
        end_to_end: None,
        transaction: None,
        reason: None,
    };
    let notice = transfer.notice().expect("a notice");
    let booked = world.store.book_transfers(&new.id, &[notice], now).await;
    booked.expect("booked").remove(0)
}

pub(crate) fn epay(lines: &str) -> String {
    let encoded = STANDARD.encode(lines);
    let checksum = mac(&encoded);
    encode([
        ("encoded", encoded.as_str()),
        ("checksum", checksum.as_str()),
    ])
}

/// The query of an aggregator.
pub(crate) fn ebg(pairs: &[(&str, &str)]) -> String {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let text: String = sorted
        .iter()
        .map(|(name, value)| format!("{name}{value}\n"))
        .collect();
    let checksum = mac(&text);
    encode(
        pairs
            .iter()
            .copied()
            .chain([("CHECKSUM", checksum.as_str())]),
    )
}

/// The body of iCard's call-back.
pub(crate) fn icard(pairs: &[(&str, &str)]) -> String {
    let text: String = pairs.iter().map(|(_, value)| *value).collect();
    let signature = STANDARD.encode(sign(&STANDARD.encode(text)));
    encode(
        pairs
            .iter()
            .copied()
            .chain([("Signature", signature.as_str())]),
    )
}

/// BORICA's answer, as the fields of a form.
pub(crate) fn borica(
    order: &str,
    nonce: &str,
    amount: &str,
    action: &str,
    rc: &str,
    time: &str,
) -> Vec<(&'static str, String)> {
    let reference = format!("EC0F{order}");
    let fields = [
        ("ACTION", action),
        ("RC", rc),
        ("APPROVAL", "S1"),
        ("TERMINAL", "V1800001"),
        ("TRTYPE", "1"),
        ("AMOUNT", amount),
        ("CURRENCY", "EUR"),
        ("ORDER", order),
        ("RRN", "632512345678"),
        ("INT_REF", &reference),
        ("PARES_STATUS", ""),
        ("ECI", ""),
        ("TIMESTAMP", time),
        ("NONCE", nonce),
    ];
    let one = |(_, value): &(&str, &str)| match value.len() {
        0 => "-".to_owned(),
        length => format!("{length}{value}"),
    };
    let text = fields.iter().map(one).collect::<String>() + "-";
    let mut fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let signature = sign(&text)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    fields.push(("P_SIGN", signature));
    fields
}
