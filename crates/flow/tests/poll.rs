//! Payments that nobody called about are asked for, until they are known or their time is over.

mod world;

use std::sync::{Arc, Mutex};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use jiff::SignedDuration;
use kvit_billing::{
    customer::Text,
    ports::{Clock, Rng},
};
use kvit_flow::{PollReport, Poller};
use kvit_pay::{
    PaymentState, RsaSigner, RsaVerifier,
    dialects::borica::Terminal,
    ways::{Call, Dialect, NoAnswer, Provider, Way, Ways, Wire},
};
use kvit_store::{NewPayment, PaymentRecord, Store};
use world::{World, issue};

/// BORICA, with the answers that it will give next.
struct Bank {
    key: KeyPair,
    ways: Arc<Vec<Provider>>,
    answers: Mutex<Vec<String>>,
}

impl Bank {
    fn new() -> Arc<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let private: Pkcs8V1Der<'_> = key.as_der().expect("DER");
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().expect("DER");
        let pem = |label: &str, der: &[u8]| {
            format!(
                "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
                STANDARD.encode(der)
            )
        };
        let terminal = Terminal {
            name: "borica".parse().expect("a name"),
            terminal: "V1800001".to_owned(),
            merchant: "1600000001".to_owned(),
            merchant_name: "x".to_owned(),
            merchant_url: "https://x.test".to_owned(),
            email: "x@x.test".to_owned(),
            url: "https://borica.test/".to_owned(),
            signer: RsaSigner::from_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes())
                .expect("a key"),
            verifier: RsaVerifier::from_pem(pem("PUBLIC KEY", public.as_ref()).as_bytes())
                .expect("a key"),
        };
        let provider = Provider {
            name: "borica".parse().expect("a name"),
            title: Text::same("Карта"),
            dialect: Dialect::Borica(terminal),
            offered: vec![Way::Card],
        };
        Arc::new(Self {
            key,
            ways: Arc::new(vec![provider]),
            answers: Mutex::default(),
        })
    }

    /// The next answer, about the first payment.
    fn will_say(&self, action: &str, rc: &str, amount: &str, currency: &str) {
        let fields = [
            ("ACTION", action),
            ("RC", rc),
            ("APPROVAL", ""),
            ("TERMINAL", "V1800001"),
            ("TRTYPE", "90"),
            ("AMOUNT", amount),
            ("CURRENCY", currency),
            ("ORDER", "000001"),
            ("RRN", "6325"),
            ("INT_REF", "EC0F"),
            ("PARES_STATUS", ""),
            ("ECI", ""),
            ("TIMESTAMP", "20260921101500"),
            ("NONCE", "AB"),
        ];
        let one = |(name, value): &(&str, &str)| match (*name, value.len()) {
            ("CURRENCY", 0) => "3USD".to_owned(),
            (_, 0) => "-".to_owned(),
            (_, length) => format!("{length}{value}"),
        };
        let text = fields.iter().map(one).collect::<String>() + "-";
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .expect("a signature");
        let mut object: serde_json::Map<String, serde_json::Value> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let signature: String = signature.iter().map(|byte| format!("{byte:02X}")).collect();
        object.insert("P_SIGN".to_owned(), signature.into());
        let answer = serde_json::to_string(&object).expect("JSON");
        self.answers.lock().expect("not poisoned").push(answer);
    }
}

impl Ways for Bank {
    fn all(&self) -> Arc<Vec<Provider>> {
        Arc::clone(&self.ways)
    }
}

impl Wire for Bank {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>> {
        assert!(call.form.expect("a form").contains("TRTYPE=90"));
        let answer = self.answers.lock().expect("not poisoned").pop();
        Box::pin(async move {
            let answer = answer.ok_or_else(|| NoAnswer("silence".to_owned()))?;
            Ok(answer.into_bytes())
        })
    }
}

struct Zeros;

impl Rng for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

struct Scene {
    world: World,
    store: Store,
    bank: Arc<Bank>,
    poller: Poller,
    payment: PaymentRecord,
}

impl Scene {
    /// A payment of a bill by card, begun now.
    async fn new() -> Self {
        let world = World::new(1);
        let run = world.released("october").await;
        issue(&world.issuer("worker").await).await.expect("issued");
        let (store, bank) = (world.store().await, Bank::new());
        let bill = store
            .bills_of_run(&run, None, 1)
            .await
            .expect("bills")
            .remove(0);
        let now = world.clock.now();
        let payment = store
            .begin_payment(&NewPayment {
                provider: "borica".parse().expect("a name"),
                bill: bill.number,
                account: bill.account,
                bills: vec![bill.number],
                way: "card".to_owned(),
                amount: kvit_billing::Cents::new(100),
                currency: bill.currency,
                at: now,
                expires_at: now + SignedDuration::from_hours(24),
                poll_at: Some(now + SignedDuration::from_mins(2)),
            })
            .await
            .expect("a payment");
        let poller = Poller {
            store: store.clone(),
            ways: Arc::clone(&bank) as Arc<dyn Ways>,
            wire: Arc::clone(&bank) as Arc<dyn Wire>,
            clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
            rng: Arc::new(Zeros),
        };
        Self {
            world,
            store,
            bank,
            poller,
            payment,
        }
    }

    async fn round(&self) -> PollReport {
        self.poller.poll().await.expect("a round")
    }

    async fn state(&self) -> PaymentState {
        let views = self
            .store
            .payments_of_bill(self.payment.bill, 1)
            .await
            .expect("payments");
        views[0].state(self.world.clock.now())
    }
}

#[tokio::test]
async fn a_payment_is_asked_for_until_it_is_known() {
    let scene = Scene::new().await;
    assert_eq!(scene.round().await, PollReport::default(), "too early");
    scene.world.clock.forward(120);
    assert_eq!(
        scene.round().await,
        PollReport {
            asked: 1,
            silent: 1,
            ..PollReport::default()
        }
    );
    assert_eq!(
        scene.round().await,
        PollReport::default(),
        "the ladder waits"
    );
    scene.world.clock.forward(120);
    scene.bank.will_say("3", "-33", "", "");
    assert_eq!(
        scene.round().await,
        PollReport {
            asked: 1,
            ..PollReport::default()
        }
    );
    assert_eq!(scene.state().await, PaymentState::Started);
    scene.world.clock.forward(300);
    scene.bank.will_say("0", "00", "1.00", "EUR");
    assert_eq!(
        scene.round().await,
        PollReport {
            asked: 1,
            learned: 1,
            ..PollReport::default()
        }
    );
    assert_eq!(scene.state().await, PaymentState::Settled);
    scene.world.clock.forward(100_000);
    assert_eq!(scene.round().await, PollReport::default(), "it is known");
}

#[tokio::test]
async fn a_payment_that_is_never_heard_of_ends() {
    let scene = Scene::new().await;
    let mut asked = 0;
    for _ in 0..200 {
        scene.world.clock.forward(600);
        asked += scene.round().await.asked;
    }
    assert!((8..20).contains(&asked), "{asked} times in a day");
    assert_eq!(scene.state().await, PaymentState::Expired);
}
