//! A payment that its payment system calls ordered, and nothing else, is asked for until a week after its end,
//! and then left to people.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
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
    Cents,
    customer::Text,
    ports::{Clock, Rng},
};
use kvit_flow::{Poller, ports::NoCheckpoints};
use kvit_pay::{
    PaymentState, RsaSigner, RsaVerifier,
    dialects::ipg::{self, Shop},
    ways::{Call, Dialect, NoAnswer, Provider, Way, Ways, Wire},
};
use kvit_store::{NewPayment, Settle};
use tokio_util::sync::CancellationToken;

const HOUR: u64 = 3600;

/// iCard, which knows the payment and has no name of its own for it.
struct Icard {
    key: KeyPair,
    ways: Arc<Vec<Provider>>,
    asked: AtomicUsize,
}

impl Icard {
    fn new() -> Arc<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let private: Pkcs8V1Der<'_> = key.as_der().expect("DER");
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().expect("DER");
        let pem = |label: &str, der: &[u8]| {
            let text = STANDARD.encode(der);
            format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
        };
        let shop = Shop {
            name: "icard".parse().expect("a name"),
            dialect: ipg::Dialect::Icard,
            originator: "33".to_owned(),
            shop: "000000000000123".to_owned(),
            shop_name: "x".to_owned(),
            key_index: "1".to_owned(),
            key_index_resp: "1".to_owned(),
            status_method: "IPGGetTxnStatus".to_owned(),
            refund_method: String::new(),
            url: "https://icard.test/".to_owned(),
            signer: RsaSigner::from_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes())
                .expect("a key"),
            verifier: RsaVerifier::from_pem(pem("PUBLIC KEY", public.as_ref()).as_bytes())
                .expect("a key"),
        };
        let provider = Provider {
            name: "icard".parse().expect("a name"),
            title: Text::same("Карта"),
            dialect: Dialect::Ipg(shop),
            offered: vec![Way::Card],
            payout: None,
            pays_within_days: kvit_pay::ways::PAYS_WITHIN_DAYS,
            first_number: 1,
        };
        Arc::new(Self {
            key,
            ways: Arc::new(vec![provider]),
            asked: AtomicUsize::new(0),
        })
    }

    fn ordered(&self) -> Vec<u8> {
        let fields = [
            ("IPGmethod", "IPGGetTxnStatus"),
            ("Status", "0"),
            ("OrderID", "1"),
            ("IPGTrnStatus", "0"),
        ];
        let message = STANDARD.encode(fields.map(|(_, value)| value).concat());
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                message.as_bytes(),
                &mut signature,
            )
            .expect("a signature");
        let fields: String = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\":\"{value}\","))
            .collect();
        let signature = STANDARD.encode(signature);
        format!("{{{fields}\"Signature\":\"{signature}\"}}").into_bytes()
    }
}

impl Ways for Icard {
    fn all(&self) -> Arc<Vec<Provider>> {
        Arc::clone(&self.ways)
    }
}

impl Wire for Icard {
    fn call(&self, _: Call) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(self.ordered()) })
    }

    fn reach(&self, _: String) -> BoxFuture<'_, Result<(), NoAnswer>> {
        Box::pin(async { Ok(()) })
    }
}

struct Zeros;

impl Rng for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[tokio::test]
async fn a_payment_that_stays_ordered_is_left_to_people_after_a_week() {
    let world = World::new(1);
    let run = world.released("october").await;
    issue(&world.issuer("worker").await).await.expect("issued");
    let (store, icard) = (world.store().await, Icard::new());
    let bills = store.bills_of_run(&run, None, 1).await;
    let bill = bills.expect("bills").remove(0);
    let now = world.clock.now();
    let payment = NewPayment {
        provider: "icard".parse().expect("a name"),
        bill: bill.number,
        account: bill.account.clone(),
        bills: vec![bill.number],
        way: "card".to_owned(),
        first_number: 1,
        amount: Cents::new(100),
        currency: bill.currency,
        at: now,
        expires_at: now + SignedDuration::from_hours(24),
        poll_at: Some(now + SignedDuration::from_mins(2)),
        nonce: None,
        parts: Vec::new(),
    };
    store.begin_payment(&payment).await.expect("a payment");
    let poller = Poller {
        store: store.clone(),
        ways: Arc::clone(&icard) as Arc<dyn Ways>,
        wire: Arc::clone(&icard) as Arc<dyn Wire>,
        clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
        rng: Arc::new(Zeros),
        checkpoints: Arc::new(NoCheckpoints),
    };
    // Every six hours; gives how often it was asked for.
    let days = async |days: usize| {
        let before = icard.asked.load(Ordering::Relaxed);
        for _ in 0..days * 4 {
            world.clock.forward(6 * HOUR);
            let stop = CancellationToken::new();
            poller.poll(&stop).await.expect("a round");
        }
        icard.asked.load(Ordering::Relaxed) - before
    };
    let listed = async || {
        let listed = store.unanswered_payments(world.clock.now(), 9).await;
        listed.expect("payments").len()
    };
    assert!(days(7).await > 7);
    assert!(days(1).await > 0, "its end was less than a week ago");
    days(1).await;
    assert_eq!(days(30).await, 0, "it was left to people");
    assert_eq!(listed().await, 1);
    let views = store.payments_of_bill(bill.number, 1).await;
    let state = views.expect("payments")[0].state(world.clock.now());
    assert_eq!(state, PaymentState::Ordered, "nobody knows that it failed");
    for (by, said) in [("ana", Settle::Proposed), ("boris", Settle::Done)] {
        let now = world.clock.now();
        let settled = store.settle_payment(&payment.provider, 1, Some("не е платено"), by, now);
        assert_eq!(settled.await.expect("an answer"), said);
    }
    assert_eq!(listed().await, 0);
}
