//! Payments that nobody called about are asked for, until they are known or their time is over.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::world::{World, issue};
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
use kvit_flow::{PollReport, Poller, ports::NoCheckpoints};
use kvit_pay::{
    PaymentState, RsaSigner, RsaVerifier, VerifiedNotice,
    dialects::{Answer, borica::Terminal},
    ways::{Call, Dialect, NoAnswer, Provider, Silence, Way, Ways, Wire},
};
use kvit_store::{BillRecord, NewPayment, PaymentRecord, Store};
use tokio_util::sync::CancellationToken;

/// BORICA, with the answers that it will give next.
struct Bank {
    key: KeyPair,
    ways: Arc<Vec<Provider>>,
    answers: Mutex<Vec<String>>,
    /// A payment that is paid while its question is under way: the browser was faster.
    meanwhile: Mutex<Option<(Store, jiff::Timestamp)>>,
    /// How often somebody looked whether it answers, and whether it does not.
    reached: AtomicUsize,
    off: AtomicBool,
    /// It answers that it refuses what it is asked.
    refuses: AtomicBool,
    /// What its answers name: the nonce and the order.
    nonce: Mutex<String>,
    order: Mutex<&'static str>,
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
            payout: None,
            pays_within_days: kvit_pay::ways::PAYS_WITHIN_DAYS,
            first_number: 1,
        };
        Arc::new(Self {
            key,
            ways: Arc::new(vec![provider]),
            answers: Mutex::default(),
            meanwhile: Mutex::default(),
            reached: AtomicUsize::default(),
            off: AtomicBool::default(),
            refuses: AtomicBool::default(),
            nonce: Mutex::new("AB".to_owned()),
            order: Mutex::new("000001"),
        })
    }

    /// The next answer, about the first payment.
    fn will_say(&self, action: &str, rc: &str, amount: &str, currency: &str) {
        let answer = self.signed(action, rc, amount, currency);
        self.answers.lock().expect("not poisoned").push(answer);
    }

    fn signed(&self, action: &str, rc: &str, amount: &str, currency: &str) -> String {
        let nonce = self.nonce.lock().expect("not poisoned").clone();
        let fields = [
            ("ACTION", action),
            ("RC", rc),
            ("APPROVAL", ""),
            ("TERMINAL", "V1800001"),
            ("TRTYPE", "90"),
            ("AMOUNT", amount),
            ("CURRENCY", currency),
            ("ORDER", *self.order.lock().expect("not poisoned")),
            ("RRN", "6325"),
            ("INT_REF", "EC0F"),
            ("PARES_STATUS", ""),
            ("ECI", ""),
            ("TIMESTAMP", "20260921101500"),
            ("NONCE", nonce.as_str()),
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
        serde_json::to_string(&object).expect("JSON")
    }

    /// The notice of the first payment as paid.
    fn paid(&self) -> VerifiedNotice {
        let answer = self.signed("0", "00", "1.00", "EUR");
        let Dialect::Borica(terminal) = &self.ways[0].dialect else {
            panic!("a terminal")
        };
        match terminal.status_answer(1, &[], answer.as_bytes()) {
            Ok(Answer::Notice(notice)) => notice,
            other => panic!("{other:?}"),
        }
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
        let meanwhile = self.meanwhile.lock().expect("not poisoned").take();
        Box::pin(async move {
            if let Some((store, at)) = meanwhile {
                store
                    .receive_notice(&self.paid(), at)
                    .await
                    .expect("received");
            }
            if self.refuses.load(Ordering::Relaxed) {
                return Err(NoAnswer::Refused(404));
            }
            let answer =
                answer.ok_or_else(|| NoAnswer::Silent(Silence::Other("silence".to_owned())))?;
            Ok(answer.into_bytes())
        })
    }

    fn reach(&self, _: String) -> BoxFuture<'_, Result<(), NoAnswer>> {
        self.reached.fetch_add(1, Ordering::Relaxed);
        let off = self.off.load(Ordering::Relaxed);
        Box::pin(async move {
            if off {
                return Err(NoAnswer::Silent(Silence::Other("silence".to_owned())));
            }
            Ok(())
        })
    }
}

struct Zeros;

impl Rng for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn payment(bill: &BillRecord, now: jiff::Timestamp) -> NewPayment {
    NewPayment {
        provider: "borica".parse().expect("a name"),
        bill: bill.number,
        account: bill.account.clone(),
        bills: vec![bill.number],
        way: "card".to_owned(),
        first_number: 1,
        amount: kvit_billing::Cents::new(100),
        currency: bill.currency,
        at: now,
        expires_at: now + SignedDuration::from_hours(24),
        poll_at: Some(now + SignedDuration::from_mins(2)),
        nonce: None,
        parts: Vec::new(),
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
            .begin_payment(&payment(&bill, now))
            .await
            .expect("a payment");
        let poller = Poller {
            store: store.clone(),
            ways: Arc::clone(&bank) as Arc<dyn Ways>,
            wire: Arc::clone(&bank) as Arc<dyn Wire>,
            clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
            rng: Arc::new(Zeros),
            checkpoints: Arc::new(NoCheckpoints),
        };
        Self {
            world,
            store,
            bank,
            poller,
            payment,
        }
    }

    /// Another payment of the same bill, begun now.
    async fn begin(&self) -> PaymentRecord {
        let bill = self.store.bill(self.payment.bill).await;
        let bill = bill.expect("a bill").expect("a bill");
        let new = payment(&bill, self.world.clock.now());
        self.store.begin_payment(&new).await.expect("a payment")
    }

    async fn round(&self) -> PollReport {
        let stop = CancellationToken::new();
        self.poller.poll(&stop).await.expect("a round")
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

/// The answer names the question or the sale that was kept; one that names another is not believed.
#[tokio::test]
async fn an_answer_to_another_question_is_not_believed() {
    for (nonce, learned) in [([1; 16], 0), ([0; 16], 1), ([7; 16], 1)] {
        let scene = Scene::new().await;
        scene
            .store
            .stop_polling(&scene.payment.provider, 1)
            .await
            .expect("stopped");
        let bill = scene.store.bill(scene.payment.bill).await;
        let bill = bill.expect("a bill").expect("a bill");
        let new = NewPayment {
            nonce: Some([7; 16]),
            parts: Vec::new(),
            ..payment(&bill, scene.world.clock.now())
        };
        let kept = scene.store.begin_payment(&new).await.expect("a payment");
        let found = scene.store.payment(&kept.provider, 2).await;
        assert_eq!(found.expect("an answer"), Some(kept), "it is kept");
        scene.world.clock.forward(120);
        let text: String = nonce.iter().map(|byte| format!("{byte:02X}")).collect();
        *scene.bank.nonce.lock().expect("not poisoned") = text;
        *scene.bank.order.lock().expect("not poisoned") = "000002";
        scene.bank.will_say("0", "00", "1.00", "EUR");
        let report = scene.round().await;
        assert_eq!(
            (report.learned, report.silent),
            (learned, 1 - learned),
            "{nonce:?}"
        );
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

/// The rounds of `hours`, ten minutes apart; gives what they asked.
async fn rounds(scene: &Scene, hours: usize, answer: Option<(&str, &str)>) -> usize {
    let mut asked = 0;
    for _ in 0..hours * 6 {
        scene.world.clock.forward(600);
        scene.bank.answers.lock().expect("not poisoned").clear();
        if let Some((action, rc)) = answer {
            scene.bank.will_say(action, rc, "", "");
        }
        asked += scene.round().await.asked;
    }
    asked
}

#[tokio::test]
async fn a_payment_that_its_payment_system_does_not_know_ends() {
    let scene = Scene::new().await;
    let asked = rounds(&scene, 30, Some(("3", "-24"))).await;
    assert!((8..20).contains(&asked), "{asked} times in a day");
    assert_eq!(scene.state().await, PaymentState::Expired);
}

#[tokio::test]
async fn silence_never_ends_the_asking() {
    let scene = Scene::new().await;
    // Nobody asked over a long weekend, and then nobody answers.
    scene.world.clock.forward(4 * 86_400);
    for (answer, hours) in [(None, 24), (Some(("3", "-17")), 24)] {
        let asked = rounds(&scene, hours, answer).await;
        assert!((2..12).contains(&asked), "{asked} times in a day");
        assert_eq!(scene.state().await, PaymentState::Started, "who knows?");
    }
    let now = scene.world.clock.now();
    let unanswered = scene.store.unanswered_payments(now, 9).await;
    assert_eq!(unanswered.expect("payments").len(), 1);
    // It was paid all the time.
    scene.world.clock.forward(6 * 3600);
    scene.bank.will_say("0", "00", "1.00", "EUR");
    assert_eq!(scene.round().await.learned, 1);
    assert_eq!(scene.state().await, PaymentState::Settled);
    let unanswered = scene.store.unanswered_payments(now, 9).await;
    assert!(unanswered.expect("payments").is_empty());
}

#[tokio::test]
async fn an_answer_that_is_under_way_revives_no_settled_payment() {
    for (action, rc, amount, currency) in [("3", "-33", "", ""), ("0", "00", "1.00", "EUR")] {
        let scene = Scene::new().await;
        scene.world.clock.forward(120);
        let meanwhile = (scene.store.clone(), scene.world.clock.now());
        *scene.bank.meanwhile.lock().expect("not poisoned") = Some(meanwhile);
        scene.bank.will_say(action, rc, amount, currency);
        assert_eq!(scene.round().await.asked, 1);
        assert_eq!(scene.state().await, PaymentState::Settled);
        assert_eq!(rounds(&scene, 24, None).await, 0, "it is known");
    }
}

#[tokio::test]
async fn two_pollers_ask_once_and_a_dead_line_is_tried_once_a_round() {
    let scene = Scene::new().await;
    let (second, now) = (scene.begin().await, scene.world.clock.now());
    scene.world.clock.forward(120);
    assert!(scene.store.claim_poll(&second, now).await.expect("a claim"));
    assert!(!scene.store.claim_poll(&second, now).await.expect("a claim"));
    assert_eq!(scene.round().await.asked, 1, "the line is dead");
    let stop = CancellationToken::new();
    stop.cancel();
    let report = scene.poller.poll(&stop).await.expect("a round");
    assert_eq!(report, PollReport::default(), "stopped");
    // The other one still waits for its turn.
    assert_eq!(scene.round().await.asked, 1);
}

#[tokio::test]
async fn a_payment_system_that_refuses_questions_is_not_out_of_order() {
    let scene = Scene::new().await;
    scene.begin().await;
    scene.bank.refuses.store(true, Ordering::Relaxed);
    scene.world.clock.forward(120);
    let report = scene.round().await;
    assert_eq!(
        (report.asked, report.silent),
        (2, 2),
        "it is there: each is asked for"
    );
    for seconds in [300, 900, 3600] {
        scene.world.clock.forward(seconds);
        assert_eq!(scene.round().await.asked, 2);
        let now = scene.world.clock.now();
        let known = scene.store.providers_health(now).await;
        let known = known.expect("what is known").remove(0);
        assert_eq!((known.failing_since, known.out_since), (None, None));
        assert_eq!(known.heard_at, Some(now));
    }
    assert_eq!(scene.state().await, PaymentState::Started, "who knows?");
}

#[tokio::test]
async fn a_payment_system_that_does_not_answer_is_out_of_order_until_it_does() {
    let scene = Scene::new().await;
    let out = async || {
        let now = scene.world.clock.now();
        // Another process, on the same store.
        let known = scene.world.store().await.providers_health(now).await;
        let known = known.expect("what is known");
        known.iter().any(|known| known.out_since.is_some())
    };
    let reached = || scene.bank.reached.load(Ordering::Relaxed);
    scene.round().await;
    scene.round().await;
    assert_eq!((reached(), out().await), (1, false), "looked at once");
    // Its answers to questions count as well, and silence is asked after each minute.
    scene.bank.off.store(true, Ordering::Relaxed);
    scene.world.clock.forward(120);
    scene.round().await;
    assert!(!out().await, "one silence is a break in the line");
    scene.world.clock.forward(30);
    scene.round().await;
    assert_eq!(reached(), 1, "too early");
    let mut minutes = 0;
    while !out().await {
        scene.world.clock.forward(60);
        scene.round().await;
        minutes += 1;
    }
    assert_eq!(minutes, 2, "three silences, over a minute at least");
    scene.world.clock.forward(600);
    scene.round().await;
    assert!(out().await);
    // It comes back by itself.
    scene.bank.off.store(false, Ordering::Relaxed);
    scene.world.clock.forward(60);
    scene.round().await;
    assert!(!out().await);
    // Without anybody to look, nothing is known after an hour.
    scene.bank.off.store(true, Ordering::Relaxed);
    for _ in 0..9 {
        scene.world.clock.forward(301);
        scene.round().await;
    }
    assert!(out().await);
    scene.world.clock.forward(2 * 3600);
    assert!(!out().await);
}
