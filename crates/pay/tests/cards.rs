//! The card systems' signatures, with keys made here: what each side signs the other accepts, and
//! nothing else.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::Cents;
use kvit_pay::{
    About, Event, Refusal, RsaSigner, RsaVerifier,
    dialects::{
        Answer, Nonce, Refund, Refunded,
        borica::{Sale, Terminal},
        ipg::{Dialect, Purchase, Shop},
    },
    params::{Params, encode},
};

/// A key of one side: sign with it, or hand its parts out.
struct Key(KeyPair);

impl Key {
    fn new() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).expect("a key"))
    }

    fn signer(&self) -> RsaSigner {
        let der: Pkcs8V1Der<'_> = self.0.as_der().expect("a key in DER");
        RsaSigner::from_pem(pem("PRIVATE KEY", der.as_ref()).as_bytes()).expect("our key")
    }

    fn verifier(&self) -> RsaVerifier {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().expect("a key in DER");
        RsaVerifier::from_pem(pem("PUBLIC KEY", der.as_ref()).as_bytes()).expect("their key")
    }

    fn sign(&self, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .expect("a signature");
        signature
    }
}

static OURS: LazyLock<Key> = LazyLock::new(Key::new);
static THEIRS: LazyLock<Key> = LazyLock::new(Key::new);

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

fn shop(dialect: Dialect) -> Shop {
    Shop {
        name: "card".parse().expect("a name"),
        dialect,
        originator: "33".to_owned(),
        shop: "000000000000123".to_owned(),
        shop_name: "Merchant Web Shop".to_owned(),
        key_index: "1".to_owned(),
        key_index_resp: "1".to_owned(),
        status_method: match dialect {
            Dialect::Icard => "IPGGetTxnStatus".to_owned(),
            Dialect::Mypos => "IPCGetTxnStatus".to_owned(),
        },
        refund_method: match dialect {
            Dialect::Icard => "IPGRefund".to_owned(),
            Dialect::Mypos => "IPCRefund".to_owned(),
        },
        url: "https://ipg.test/".to_owned(),
        signer: OURS.signer(),
        verifier: THEIRS.verifier(),
    }
}

/// A call-back as they would send it.
fn call_back(dialect: Dialect, pairs: &[(&str, &str)]) -> Vec<u8> {
    let separator = if dialect == Dialect::Icard { "" } else { "-" };
    let values: Vec<_> = pairs.iter().map(|(_, value)| *value).collect();
    let signature = STANDARD.encode(THEIRS.sign(&STANDARD.encode(values.join(separator))));
    let all = pairs
        .iter()
        .copied()
        .chain([("Signature", signature.as_str())]);
    encode(all).into_bytes()
}

const PAID: [(&str, &str); 6] = [
    ("IPGmethod", "IPGPurchaseNotify"),
    ("MID", "000000000000123"),
    ("OrderID", "42"),
    ("Amount", "23.45"),
    ("Currency", "978"),
    ("IPG_Trnref", "20261120101500000001"),
];

#[test]
fn a_purchase_is_signed_in_the_order_in_which_it_is_sent() {
    for (dialect, separator) in [(Dialect::Icard, ""), (Dialect::Mypos, "-")] {
        let form = shop(dialect)
            .purchase(&Purchase {
                order: 42,
                amount: Cents::new(2345),
                article: "Сметка 0000000042",
                language: "bg",
                customer_ip: "192.0.2.1",
                email: "",
                back: "https://x.test/back",
                notify: "https://x.test/notify",
            })
            .expect("a form");
        let sent = Params::parse(form.body().as_bytes()).expect("a form");
        let (signature, values) = sent.pairs().split_last().expect("fields");
        assert_eq!(signature.0, "Signature");
        let values: Vec<_> = values.iter().map(|(_, value)| value.as_str()).collect();
        let own = STANDARD.encode(OURS.sign(&STANDARD.encode(values.join(separator))));
        assert_eq!(
            signature.1, own,
            "PKCS#1 v1.5 gives one signature for one text"
        );
        assert_eq!(
            sent.get("Currency"),
            Some(if separator.is_empty() { "978" } else { "EUR" })
        );
    }
}

#[test]
fn a_browser_brings_back_only_that_nothing_was_paid() {
    let mypos = |what: &'static str, shop: &'static str| {
        let pairs = [
            ("IPCmethod", what),
            ("SID", shop),
            ("Amount", "23.45"),
            ("Currency", "EUR"),
            ("OrderID", "42"),
        ];
        call_back(Dialect::Mypos, &pairs)
    };
    let returned = |body: &[u8]| shop(Dialect::Mypos).returned(body);
    let cancelled = mypos("IPCPurchaseCancel", "000000000000123");
    let notice = returned(&cancelled).expect("theirs").expect("a notice");
    assert_eq!(notice.key(), "card/declined/42");
    for what in ["IPCPurchaseOK", "IPCPurchaseNotify", "IPCPurchaseRollback"] {
        assert_eq!(
            returned(&mypos(what, "000000000000123")),
            Ok(None),
            "{what}"
        );
    }
    assert_eq!(returned(b""), Ok(None));
    let other = mypos("IPCPurchaseCancel", "9");
    assert_eq!(returned(&other), Err(Refusal::Stranger));
    let nobody_s = [("IPCmethod", "IPCPurchaseCancel"), ("OrderID", "42")];
    assert_eq!(returned(&call_back(Dialect::Mypos, &nobody_s)), Ok(None));
    // As a call-back it says nothing: whoever holds it could have cut it anew.
    let called = shop(Dialect::Mypos).call_back(&cancelled);
    assert_eq!(called, Err(Refusal::Malformed("method")));
    let text = String::from_utf8(cancelled).expect("ASCII");
    let forged = text.replace("OrderID=42", "OrderID=43");
    assert_eq!(returned(forged.as_bytes()), Err(Refusal::Signature));
}

#[test]
fn a_call_back_is_verified_in_the_order_in_which_it_came() {
    let notice = shop(Dialect::Icard)
        .call_back(&call_back(Dialect::Icard, &PAID))
        .expect("theirs");
    assert_eq!(notice.key(), "card/paid/20261120101500000001");
    assert_eq!(notice.about(), &About::Payment(42));
    let Event::Paid { amount, currency } = notice.event() else {
        panic!("paid")
    };
    assert_eq!(
        (amount, currency.map(|c| c.to_string())),
        (Some(Cents::new(2345)), Some("EUR".to_owned()))
    );
    let mut turned = PAID;
    turned.reverse();
    assert!(
        shop(Dialect::Icard)
            .call_back(&call_back(Dialect::Icard, &turned))
            .is_ok()
    );

    let mypos = [
        ("IPCmethod", "IPCPurchaseRollback"),
        ("SID", "000000000000123"),
        ("OrderID", "42"),
    ];
    let notice = shop(Dialect::Mypos)
        .call_back(&call_back(Dialect::Mypos, &mypos))
        .expect("theirs");
    assert_eq!(
        (notice.event(), notice.key().as_str()),
        (Event::RolledBack, "card/rolled-back/42")
    );
    // One that names its transaction takes that one back.
    let named = [&mypos[..], &[("IPC_Trnref", "T7")]].concat();
    let notice = shop(Dialect::Mypos)
        .call_back(&call_back(Dialect::Mypos, &named))
        .expect("theirs");
    assert_eq!(
        (notice.event(), notice.key().as_str()),
        (Event::Reversed, "card/reversed/T7")
    );
}

#[test]
fn values_that_are_cut_another_way_are_known_by_what_was_signed() {
    let fields = [&PAID[..5], &[("Approval", "S123"), ("IPG_Trnref", "2026X")]].concat();
    let good = String::from_utf8(call_back(Dialect::Icard, &fields)).expect("text");
    let cut = good.replace("S123&IPG_Trnref=2026X", "S12&IPG_Trnref=32026X");
    let shop = shop(Dialect::Icard);
    let [good, cut] = [good, cut].map(|body| shop.call_back(body.as_bytes()).expect("signed"));
    assert_ne!(good.key(), cut.key());
    assert_eq!(good.signed(), cut.signed());
    assert!(good.signed().is_some());
}

#[test]
fn what_is_not_theirs_is_refused() {
    let shop = shop(Dialect::Icard);
    let good = String::from_utf8(call_back(Dialect::Icard, &PAID)).expect("text");
    let word = |body: &str| shop.call_back(body.as_bytes()).expect_err("refused").word();
    assert_eq!(word(&good.replace("23.45", "0.01")), "signature");
    assert_eq!(
        word(&good.replace("Amount=23.45&Currency=978", "Currency=978&Amount=23.45")),
        "signature"
    );
    assert_eq!(word(&format!("{good}&Extra=1")), "signature");
    assert_eq!(word(&format!("{good}&Amount=23.45")), "form");
    assert_eq!(
        word(good.split("&Signature").next().expect("a part")),
        "missing"
    );
    assert_eq!(word(&good.replace("Signature=", "signature=")), "missing");
    assert_eq!(word(&good.to_lowercase()), "missing");
    assert_eq!(word(&"a".repeat(1 << 20)), "form");
    let signed = |at: usize, value: &'static str| {
        let mut pairs = PAID;
        pairs[at].1 = value;
        shop.call_back(&call_back(Dialect::Icard, &pairs))
            .expect_err("refused")
    };
    assert_eq!(signed(1, "1"), Refusal::Stranger);
    assert_eq!(signed(0, "IPGGetTxnStatus"), Refusal::Malformed("method"));
    assert_eq!(signed(2, "42;"), Refusal::Malformed("OrderID"));
    for odd in ["0", "-1", "1e9", "12.345", "1,00", ""] {
        assert_eq!(signed(3, odd).word(), "amount", "{odd}");
    }
    // A value moved over to its neighbour gives the same text without a separator: what is read is
    // then another's, so the shop does not fit.
    let moved = good.replace(
        "MID=000000000000123&OrderID=42",
        "MID=0000000000001234&OrderID=2",
    );
    assert_eq!(word(&moved), "stranger");
}

fn terminal() -> Terminal {
    Terminal {
        name: "borica".parse().expect("a name"),
        terminal: "V1800001".to_owned(),
        merchant: "1600000001".to_owned(),
        merchant_name: "Svetulka".to_owned(),
        merchant_url: "https://x.test".to_owned(),
        email: "x@x.test".to_owned(),
        url: "https://borica.test/".to_owned(),
        signer: OURS.signer(),
        verifier: THEIRS.verifier(),
    }
}

fn now() -> Timestamp {
    "2026-11-20T10:15:00Z".parse().expect("a moment")
}

/// What the sale of these tests was asked with.
const SALE: Nonce = [
    0xFC, 0x8A, 0xC3, 0x6A, 0x9F, 0xDA, 0xDC, 0xB6, 0x12, 0x7D, 0x27, 0x3C, 0xD1, 0x5D, 0xAE, 0xC3,
];

/// An answer as BORICA would sign it.
fn answer(changes: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let mut fields = [
        ("ACTION", "0"),
        ("RC", "00"),
        ("APPROVAL", "S12345"),
        ("TERMINAL", "V1800001"),
        ("TRTYPE", "1"),
        ("AMOUNT", "23.45"),
        ("CURRENCY", "EUR"),
        ("ORDER", "000042"),
        ("RRN", "632512345678"),
        ("INT_REF", "EC0F1234567890AB"),
        ("PARES_STATUS", "Y"),
        ("ECI", "05"),
        ("TIMESTAMP", "20261120101459"),
        ("NONCE", "FC8AC36A9FDADCB6127D273CD15DAEC3"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    for (name, value) in changes {
        let field = fields
            .iter_mut()
            .find(|(known, _)| known == name)
            .expect("a field");
        (*value).clone_into(&mut field.1);
    }
    let one = |(name, value): &(&str, String)| match (*name, value.as_str()) {
        ("CURRENCY", "") if fields.iter().any(|(n, v)| *n == "TRTYPE" && v == "90") => {
            "3USD".to_owned()
        }
        (_, "") => "-".to_owned(),
        (_, value) => format!("{}{value}", value.len()),
    };
    let text: String = fields.iter().map(one).collect::<String>() + "-";
    let mut fields = fields.to_vec();
    fields.push(("P_SIGN", hex::encode_upper(THEIRS.sign(&text))));
    fields
}

fn form(fields: &[(&'static str, String)]) -> Vec<u8> {
    encode(fields.iter().map(|(n, v)| (*n, v.as_str()))).into_bytes()
}

fn returned(changes: &[(&str, &str)]) -> Result<Answer, Refusal> {
    let returned = terminal().returned(&form(&answer(changes)), now())?;
    returned.answer(&terminal(), 42, &[SALE])
}

#[test]
fn a_sale_is_signed_as_documented() {
    let form = terminal()
        .sale(&Sale {
            number: 42,
            amount: Cents::new(2345),
            description: "Сметка",
            cardholder: "Ива Иванова",
            email: "",
            phone: "0888 123 456",
            language: "bg",
            now: now(),
            nonce: [0xab; 16],
        })
        .expect("a form");
    let get = |name| {
        form.fields
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.as_str())
    };
    let nonce = "AB".repeat(16);
    let text = format!("8V180000111523.453EUR6000042142026112010150032{nonce}-");
    assert_eq!(
        get("P_SIGN"),
        Some(hex::encode_upper(OURS.sign(&text)).as_str())
    );
    assert_eq!(get("MERCH_GMT"), Some("+02"));
    assert!(get("AD.CUST_BOR_ORDER_ID").is_some_and(|id| id.len() <= 22));
}

#[test]
fn only_approved_is_paid() {
    let Ok(Answer::Notice(notice)) = returned(&[]) else {
        panic!("paid")
    };
    assert_eq!(notice.key(), "borica/paid/42");
    let other = [("INT_REF", ""), ("RRN", "632512345678")];
    let Ok(Answer::Notice(again)) = returned(&other) else {
        panic!("paid")
    };
    assert_eq!(again.key(), notice.key(), "whichever reference it has");
    for (action, rc, expected) in [
        ("2", "05", Some(Event::Declined)),
        ("3", "-17", Some(Event::Declined)),
        ("3", "-20", Some(Event::Declined)),
        ("21", "65", Some(Event::Declined)),
        ("3", "-31", None),
        ("3", "-33", None),
        ("3", "-40", None),
        ("3", "-19", None),
        ("3", "96", None),
        ("1", "94", None),
    ] {
        match returned(&[("ACTION", action), ("RC", rc)]) {
            Ok(Answer::Notice(notice)) => assert_eq!(Some(notice.event()), expected, "{rc}"),
            Ok(Answer::InProgress) => assert_eq!(expected, None, "{rc}"),
            other => panic!("{rc}: {other:?}"),
        }
    }
    assert_eq!(
        returned(&[("ACTION", "0"), ("RC", "05")]),
        Err(Refusal::Nothing)
    );
    for odd in ["0.00", "0", "-1", "1e9", "12.345", "1,00", ""] {
        let refused = returned(&[("AMOUNT", odd)]).expect_err("refused");
        assert_eq!(refused.word(), "amount", "{odd}");
    }
    // Other money is not passed off as euro, and no name of money is none at all.
    for (named, expected) in [
        ("BGN", Ok("BGN")),
        ("USD", Ok("USD")),
        ("978", Err(Refusal::Malformed("CURRENCY"))),
        ("", Err(Refusal::Malformed("CURRENCY"))),
    ] {
        let heard = returned(&[("CURRENCY", named)]).map(|answer| match answer {
            Answer::Notice(notice) => match notice.event() {
                Event::Paid { currency, .. } => currency.map(|currency| currency.to_string()),
                _ => None,
            },
            _ => None,
        });
        assert_eq!(heard, expected.map(|name| Some(name.to_owned())), "{named}");
    }
    assert_eq!(
        returned(&[("TERMINAL", "V1800002")]),
        Err(Refusal::Stranger)
    );
    assert_eq!(
        returned(&[("ORDER", "42")]),
        Err(Refusal::Malformed("ORDER"))
    );
    // An approved reversal, or the answer to a question, in the place of a sale's.
    for kind in ["24", "90"] {
        assert_eq!(
            returned(&[("TRTYPE", kind)]),
            Err(Refusal::Malformed("TRTYPE"))
        );
    }
}

#[test]
fn an_answer_names_what_was_asked() {
    let other = "00000000000000000000000000000000";
    for nonce in [other, "", "FC8A", "FC8AC36A9FDADCB6127D273CD15DAEC3AB"] {
        let heard = returned(&[("NONCE", nonce)]);
        assert_eq!(heard, Err(Refusal::Nonce), "{nonce}");
    }
    // What was asked before that was kept is judged by the rest.
    let body = form(&answer(&[("NONCE", other)]));
    let old = terminal().returned(&body, now()).expect("signed");
    let old = old.answer(&terminal(), 42, &[]);
    assert!(matches!(old, Ok(Answer::Notice(_))), "{old:?}");
    // Of a question, its own or the sale's; of a reversal, its own.
    let json = |changes: &[(&str, &str)]| {
        let fields = answer(changes).into_iter();
        let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
        serde_json::Value::Object(fields.collect()).to_string()
    };
    let question = "AB".repeat(16);
    let poll = |nonce: &str, asked: &[Nonce]| {
        let body = json(&[("TRTYPE", "90"), ("NONCE", nonce)]);
        let heard = terminal().status_answer(42, asked, body.as_bytes());
        heard.map_err(|refused| refused.word())
    };
    let both = [[0xAB; 16], SALE];
    for nonce in [&question, "FC8AC36A9FDADCB6127D273CD15DAEC3"] {
        assert!(matches!(poll(nonce, &both), Ok(Answer::Notice(_))));
    }
    assert_eq!(poll(other, &both), Err("nonce"));
    assert!(matches!(poll(other, &[]), Ok(Answer::Notice(_))));
    let refund = refund(b"");
    let given = |nonce: &str| {
        let changes = [("TRTYPE", "24"), ("AMOUNT", "10.00"), ("NONCE", nonce)];
        let body = json(&changes);
        let heard = terminal().refund_answer(&refund, body.as_bytes());
        heard.map_err(|refused| refused.word())
    };
    assert!(matches!(given(&question), Ok(Refunded::Done(_))));
    assert_eq!(given(other), Err("nonce"));
}

#[test]
fn a_skewed_or_forged_answer_is_refused() {
    let body = form(&answer(&[]));
    for minutes in [61, -61] {
        let late = now() + SignedDuration::from_mins(minutes);
        assert_eq!(
            terminal().returned(&body, late).expect_err("skewed"),
            Refusal::Skewed
        );
    }
    let text = String::from_utf8(body).expect("text");
    let word = |text: &str| {
        terminal()
            .returned(text.as_bytes(), now())
            .expect_err("refused")
            .word()
    };
    assert_eq!(word(&text.replace("23.45", "0.01")), "signature");
    assert_eq!(word(&text.replace("RC=00", "RC=05")), "signature");
    assert_eq!(word(&text.replace("ACTION=0", "ACTION=")), "signature");
    assert_eq!(word(&text.replace("P_SIGN", "p_sign")), "missing");
    assert_eq!(word(&format!("{text}&RC=00")), "form");
}

#[test]
fn a_status_poll_says_the_same_as_the_browser() {
    let json = |changes: &[(&str, &str)]| {
        let fields = answer(changes);
        let object: serde_json::Map<_, _> = fields
            .into_iter()
            .map(|(n, v)| (n.to_owned(), v.into()))
            .collect();
        serde_json::to_vec(&object).expect("JSON")
    };
    let poll = |body: &[u8]| terminal().status_answer(42, &[SALE], body);
    let Ok(Answer::Notice(polled)) = poll(&json(&[("TRTYPE", "90")])) else {
        panic!("paid")
    };
    let Ok(Answer::Notice(brought)) = returned(&[]) else {
        panic!("paid")
    };
    assert_eq!(polled.key(), brought.key());
    // Not found: an empty currency, signed as USD.
    let unknown = [
        ("TRTYPE", "90"),
        ("ACTION", "3"),
        ("RC", "-24"),
        ("CURRENCY", ""),
        ("AMOUNT", ""),
    ];
    assert_eq!(poll(&json(&unknown)), Ok(Answer::NotFound));
    assert_eq!(
        poll(&json(&[("TRTYPE", "90"), ("ORDER", "000043")])),
        Err(Refusal::Stranger)
    );
    assert_eq!(poll(&json(&[])), Err(Refusal::Malformed("TRTYPE")));
    // That the question failed says nothing about the payment.
    let failed = |action, rc| poll(&json(&[("TRTYPE", "90"), ("ACTION", action), ("RC", rc)]));
    for rc in ["-17", "-20", "-19", "-2"] {
        assert_eq!(failed("3", rc), Err(Refusal::Nothing), "{rc}");
    }
    assert_eq!(failed("3", "-33"), Ok(Answer::InProgress));
    assert_eq!(failed("3", "96"), Ok(Answer::InProgress));
    let Ok(Answer::Notice(declined)) = failed("2", "05") else {
        panic!("declined")
    };
    assert_eq!(declined.event(), Event::Declined);
    for odd in [&b"[]"[..], b"{\"a\":{}}", b"", b"{", &[b'x'; 1 << 20]] {
        assert!(poll(odd).is_err());
    }
}

#[test]
fn keys_that_cannot_be_used_are_named() {
    let short = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = short.as_der().expect("DER");
    for (bad, said) in [
        ("", "no private key"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "not an RSA key",
        ),
    ] {
        let error = RsaSigner::from_pem(bad.as_bytes())
            .expect_err("no key")
            .to_string();
        assert!(error.contains(said), "{error}");
    }
    let private = pem("PRIVATE KEY", der.as_ref());
    assert!(RsaVerifier::from_pem(private.as_bytes()).is_err());
    assert_eq!(format!("{:?}", OURS.signer()), "[private key]");
}

/// An answer in JSON as they would send it; `Signature` goes where the last brace is.
fn json_answer(dialect: Dialect, values: &[&str], json: &str) -> Vec<u8> {
    let separator = if dialect == Dialect::Icard { "" } else { "-" };
    let signature = STANDARD.encode(THEIRS.sign(&STANDARD.encode(values.join(separator))));
    let (head, _) = json.rsplit_once('}').expect("an object");
    format!("{head},\"Signature\":\"{signature}\"}}").into_bytes()
}

#[test]
fn a_question_how_a_payment_stands_is_signed_as_it_is_sent() {
    for (dialect, method) in [
        (Dialect::Icard, "IPGGetTxnStatus"),
        (Dialect::Mypos, "IPCGetTxnStatus"),
    ] {
        let form = shop(dialect).status(42).expect("a form");
        assert_eq!(form.fields[0].1, method);
        let names: Vec<_> = form.fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names[names.len() - 3..],
            ["OrderID", "OutputFormat", "Signature"]
        );
        let (signature, fields) = form.fields.split_last().expect("fields");
        let values: Vec<_> = fields.iter().map(|(_, value)| value.as_str()).collect();
        let separator = if dialect == Dialect::Icard { "" } else { "-" };
        let own = STANDARD.encode(OURS.sign(&STANDARD.encode(values.join(separator))));
        assert_eq!(signature.1, own);
    }
}

#[test]
fn what_they_say_of_a_payment_is_the_notice_that_they_did_not_get_through() {
    let icard = |status: &str, more: &[(&str, &str)]| {
        let mut values = vec!["IPGGetTxnStatus", "0", "Success", "42", status, "Said"];
        values.extend(more.iter().map(|(_, value)| *value));
        let more: String = more
            .iter()
            .map(|(n, v)| format!(",\"{n}\":\"{v}\""))
            .collect();
        let json = format!(
            "{{\"IPGmethod\":\"IPGGetTxnStatus\",\"Status\":\"0\",\"StatusMsg\":\"Success\",\"OrderID\":\"42\",\"IPGTrnStatus\":\"{status}\",\"IPGTrnStatusMsg\":\"Said\"{more}}}"
        );
        json_answer(Dialect::Icard, &values, &json)
    };
    let shop_ = shop(Dialect::Icard);
    let said = |body: &[u8]| shop_.status_answer(42, body);
    let named = [
        ("IPG_Trnref", "20261120101500000001"),
        ("Amount", "23.45"),
        ("Currency", "978"),
    ];
    let Ok(Answer::Notice(notice)) = said(&icard("0", &named)) else {
        panic!("paid")
    };
    let told = shop_
        .call_back(&call_back(Dialect::Icard, &PAID))
        .expect("theirs");
    assert_eq!((notice.key(), notice.event()), (told.key(), told.event()));
    // Without a name for it nobody could tell it from the call-back: it is ordered, not paid.
    let Ok(Answer::Notice(notice)) = said(&icard("0", &[])) else {
        panic!("ordered")
    };
    assert_eq!(notice.key(), "card/ordered/42");
    assert_eq!(said(&icard("5", &named)), Ok(Answer::NotFound));
    // Another order, another method, another signature.
    assert_eq!(
        shop_.status_answer(43, &icard("0", &named)),
        Err(Refusal::Stranger)
    );
    let good = String::from_utf8(icard("0", &named)).expect("text");
    assert_eq!(
        said(good.replace("23.45", "0.01").as_bytes()),
        Err(Refusal::Signature)
    );
    assert_eq!(
        said(good.replace("Signature", "Sign").as_bytes()),
        Err(Refusal::Missing("Signature"))
    );
    assert_eq!(said(b"[]"), Err(Refusal::Malformed("answer")));
    let deep = format!(
        "{{\"a\":{}1{},\"Signature\":\"AA==\"}}",
        "[".repeat(60),
        "]".repeat(60)
    );
    assert_eq!(said(deep.as_bytes()), Err(Refusal::Malformed("answer")));

    // myPOS puts the call-back inside, its own signature with it.
    let mypos = |what: &str, trace: &str| {
        let json = format!(
            "{{\"IPCMethod\":\"IPCGetTxnStatus\",\"OrderID\":\"42\",\"OrderStatus\":{{\"IPCmethod\":\"{what}\",\"SID\":\"000000000000123\",\"Amount\":\"23.45\",\"Currency\":\"EUR\",\"OrderID\":\"42\",\"IPC_Trnref\":\"{trace}\",\"Signature\":\"AAAA\"}},\"Status\":0,\"StatusMsg\":\"Success\"}}"
        );
        let values = [
            "IPCGetTxnStatus",
            "42",
            what,
            "000000000000123",
            "23.45",
            "EUR",
            "42",
            trace,
            "AAAA",
            "0",
            "Success",
        ];
        json_answer(Dialect::Mypos, &values, &json)
    };
    for (what, key) in [
        ("IPCPurchaseNotify", "card/paid/T7"),
        ("IPCPurchaseRollback", "card/reversed/T7"),
        ("IPCPurchaseCancel", "card/declined/42"),
    ] {
        match shop(Dialect::Mypos).status_answer(42, &mypos(what, "T7")) {
            Ok(Answer::Notice(notice)) => assert_eq!(notice.key(), key),
            other => panic!("{what}: {other:?}"),
        }
    }
    let open = shop(Dialect::Mypos).status_answer(42, &mypos("IPCPurchase", ""));
    assert_eq!(open, Ok(Answer::InProgress));
}

fn refund<'a>(received: &'a [u8]) -> Refund<'a> {
    Refund {
        payment: 42,
        transaction: "20261120101500000001",
        received,
        name: "kvit-1",
        amount: Cents::new(1000),
        description: "Върната сума",
        email: "x@x.test",
        now: "2026-11-20T10:00:00Z".parse().expect("a moment"),
        nonce: [0xAB; 16],
    }
}

#[test]
fn a_refund_names_the_payment_and_what_they_say_to_it_is_believed_only_signed() {
    let refund = refund(b"");
    let form = shop(Dialect::Icard).refund(&refund).expect("a form");
    let sent = Params::parse(form.body().as_bytes()).expect("a form");
    for (name, value) in [
        ("IPGmethod", "IPGRefund"),
        ("OrderID", "kvit-1"),
        ("IPG_Trnref", "20261120101500000001"),
        ("Amount", "10.00"),
        ("Currency", "978"),
    ] {
        assert_eq!(sent.get(name), Some(value));
    }
    let said = |values: &[&str], json: &str| {
        shop(Dialect::Icard).refund_answer(&refund, &json_answer(Dialect::Icard, values, json))
    };
    let done = said(
        &["IPGRefund", "R7", "10", "978", "0", "Success"],
        r#"{"method":"IPGRefund","trnref":"R7","amount":"10","currency":"978","status":"0","status_msg":"Success"}"#,
    );
    assert_eq!(done, Ok(Refunded::Done(Some("R7".to_owned()))));
    let unnamed = said(
        &["IPGRefund", "R7", "0"],
        r#"{"method":"IPGRefund","trnref":"R7","status":"0"}"#,
    );
    assert_eq!(unnamed, Err(Refusal::Missing("Amount")));
    let unlisted = said(
        &["IPGRefund", "21", "Invalid amount"],
        r#"{"method":"IPGRefund","status":"21","status_msg":"Invalid amount"}"#,
    );
    assert_eq!(unlisted, Err(Refusal::Nothing), "iCard publishes no list");
    // Invalid or missing response, duplicate transmission, undefined error: the money may have gone.
    for (status, known) in [
        ("3", false),
        ("20", false),
        ("99", false),
        ("7", false),
        ("021", false),
        ("9", true),
        ("21", true),
    ] {
        let json =
            format!(r#"{{"IPCmethod":"IPCRefund","Status":"{status}","StatusMsg":"Said so"}}"#);
        let answer = json_answer(Dialect::Mypos, &["IPCRefund", status, "Said so"], &json);
        let heard = shop(Dialect::Mypos).refund_answer(&refund, &answer);
        let refused = Refunded::Refused(format!("{status} Said so"));
        let expected = if known {
            Ok(refused)
        } else {
            Err(Refusal::Nothing)
        };
        assert_eq!(heard, expected, "{status}");
    }
    let other = said(
        &["IPGRefund", "R7", "11", "0"],
        r#"{"method":"IPGRefund","trnref":"R7","amount":"11","status":"0"}"#,
    );
    assert_eq!(other, Err(Refusal::Malformed("Amount")));
    let form = shop(Dialect::Mypos).refund(&refund).expect("a form");
    let sent = Params::parse(form.body().as_bytes()).expect("a form");
    assert_eq!(
        (sent.get("IPC_Trnref"), sent.get("Currency")),
        (Some("20261120101500000001"), Some("EUR"))
    );
    let mut closed = shop(Dialect::Mypos);
    closed.refund_method = String::new();
    assert!(closed.refund(&refund).is_err());
}

#[test]
fn borica_takes_a_sale_back_by_its_references() {
    let kept = encode([("ORDER", "000042"), ("RRN", "629"), ("INT_REF", "EC0F")]);
    let form = terminal().refund(&refund(kept.as_bytes())).expect("a form");
    let sent = Params::parse(form.body().as_bytes()).expect("a form");
    for (name, value) in [
        ("TRTYPE", "24"),
        ("AMOUNT", "10.00"),
        ("ORDER", "000042"),
        ("RRN", "629"),
        ("INT_REF", "EC0F"),
    ] {
        assert_eq!(sent.get(name), Some(value));
    }
    let text = format!(
        "8V1800001224510.003EUR60000421420261120100000{}{}-",
        32,
        "AB".repeat(16)
    );
    let own: String = OURS
        .sign(&text)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    assert_eq!(sent.get("P_SIGN"), Some(own.as_str()));
    let unnamed = terminal()
        .refund(&refund(b"ORDER=000042"))
        .expect_err("no reference");
    assert!(unnamed.to_string().contains("RRN"), "{unnamed}");
}
