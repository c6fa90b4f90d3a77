//! ePay: the checkout by account and card, the code for cash, and the notices that are sent again
//! until each is answered.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Payers, Shared,
    pages::{back, choices, escaped, field, page, refused},
    sign::{checksum, form},
};

/// So often, and after so many seconds each, a notice is sent again.
const LADDER: [(usize, u64); 6] = [
    (5, 12),
    (4, 900),
    (5, 3600),
    (6, 10_800),
    (4, 21_600),
    (30, 86_400),
];

/// What a merchant wants paid.
#[derive(Clone)]
pub(crate) struct Bill {
    invoice: String,
    what: String,
    ok: String,
    cancel: String,
    code: String,
}

pub(crate) type Pairs = Vec<(String, String)>;

/// A browser comes from the portal.
pub(crate) async fn arrive(State(payers): State<Shared>, Form(pairs): Form<Pairs>) -> Response {
    match read(&payers, &pairs) {
        Ok(bill) => {
            let id = payers.next();
            let what = bill.what.clone();
            payers.desk().epay.insert(id, bill);
            choices("ePay.bg (simulated)", &what, &format!("/epay/{id}"))
        }
        Err(why) => refused(why),
    }
}

fn read(payers: &Payers, pairs: &Pairs) -> Result<Bill, &'static str> {
    let encoded = field(pairs, "ENCODED");
    if checksum(&payers.config.secret, encoded) != field(pairs, "CHECKSUM") {
        return Err("invalid checksum");
    }
    let text = STANDARD.decode(encoded).map_err(|_| "no base64")?;
    let text = String::from_utf8(text).map_err(|_| "no UTF-8")?;
    let get = |name: &str| {
        text.split('\n')
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if get("MIN") != payers.config.merchant {
        return Err("unknown merchant");
    }
    if !digits(get("INVOICE")) || get("CURRENCY") != "EUR" || get("EXP_TIME").is_empty() {
        return Err("invalid data");
    }
    if !get("AMOUNT")
        .split_once('.')
        .is_some_and(|(whole, part)| digits(whole) && part.len() == 2 && digits(part))
    {
        return Err("invalid amount");
    }
    Ok(Bill {
        invoice: get("INVOICE").to_owned(),
        what: format!("{}: {} EUR", get("DESCR"), get("AMOUNT")),
        ok: field(pairs, "URL_OK").to_owned(),
        cancel: field(pairs, "URL_CANCEL").to_owned(),
        code: String::new(),
    })
}

/// What the person did.
pub(crate) async fn choose(
    State(payers): State<Shared>,
    Path(id): Path<u64>,
    Form(pairs): Form<Pairs>,
) -> Response {
    let Some(bill) = payers.desk().epay.get(&id).cloned() else {
        return refused("unknown payment");
    };
    let invoice = &bill.invoice;
    let paid = paid(&payers, invoice);
    let denied = format!("INVOICE={invoice}:STATUS=DENIED\n");
    match field(&pairs, "do") {
        "pay" => tell(&payers, paid, false).await,
        "twice" => {
            let again = self::paid(&payers, invoice);
            tell(&payers, paid, false).await;
            tell(&payers, again, false).await;
        }
        "repeat" => {
            tell(&payers, paid.clone(), false).await;
            tell(&payers, paid, false).await;
        }
        "lost" => tell(&payers, paid, true).await,
        // The refusal of a first try.
        "late" => {
            tell(&payers, paid, false).await;
            tell(&payers, denied, false).await;
        }
        // Refused in truth.
        "tampered" => {
            let (mut said, really) = (notice(&payers, &paid), notice(&payers, &denied));
            said[1] = really[1].clone();
            post(&payers, &said).await;
            tell(&payers, denied, false).await;
            return back(&bill.cancel);
        }
        "decline" => {
            tell(&payers, denied, false).await;
            return back(&bill.cancel);
        }
        _ => return back(&bill.cancel),
    }
    back(&bill.ok)
}

fn paid(payers: &Payers, invoice: &str) -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    let stan = payers.next() % 1_000_000;
    format!("INVOICE={invoice}:STATUS=PAID:PAY_TIME={now}:STAN={stan:06}:BCODE=SIM{stan:03}\n")
}

/// Tells the portal, and again by the ladder until it answers. The first answer may get lost.
async fn tell(payers: &Arc<Payers>, text: String, first_is_lost: bool) {
    if once(payers, &text).await && !first_is_lost {
        return;
    }
    let payers = Arc::clone(payers);
    tokio::spawn(async move {
        for (times, seconds) in LADDER {
            for _ in 0..times {
                tokio::time::sleep(payers.lapsed(seconds)).await;
                if once(&payers, &text).await {
                    return;
                }
            }
        }
    });
}

async fn once(payers: &Payers, text: &str) -> bool {
    let answer = post(payers, &notice(payers, text)).await;
    let invoice = text.split(':').next().unwrap_or_default();
    answer.lines().any(|line| {
        ["OK", "NO"]
            .map(|word| format!("{invoice}:STATUS={word}"))
            .contains(&line.to_owned())
    })
}

fn notice(payers: &Payers, text: &str) -> [(&'static str, String); 2] {
    let encoded = STANDARD.encode(text);
    let checksum = checksum(&payers.config.secret, &encoded);
    [("encoded", encoded), ("checksum", checksum)]
}

async fn post(payers: &Payers, notice: &[(&str, String)]) -> String {
    let answer = payers.call("/pay/epay/notify", Some(form(notice))).await;
    answer.unwrap_or_default()
}

/// A code for paying in cash.
pub(crate) async fn code(State(payers): State<Shared>, Query(pairs): Query<Pairs>) -> Response {
    match read(&payers, &pairs) {
        Ok(mut bill) => {
            let id = payers.next();
            bill.code = format!("77{id:08}");
            let answer = format!("IDN={}\n", bill.code);
            payers.desk().epay.insert(id, bill);
            answer.into_response()
        }
        Err(why) => format!("ERR={why}\n").into_response(),
    }
}

/// The cash desk.
pub(crate) async fn desk() -> Response {
    let body = "<form method=\"post\" action=\"/easypay\"><label>Code <input name=\"code\" required></label><button>Pay in cash</button></form>";
    Html(page("EasyPay (simulated)", body)).into_response()
}

/// Cash with a code.
pub(crate) async fn cash(State(payers): State<Shared>, Form(pairs): Form<Pairs>) -> Response {
    let code: String = field(&pairs, "code")
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let found = payers
        .desk()
        .epay
        .values()
        .find(|bill| !code.is_empty() && bill.code == code)
        .cloned();
    let Some(bill) = found else {
        return refused("unknown code");
    };
    tell(&payers, paid(&payers, &bill.invoice), false).await;
    let body = format!("<p>{}</p><p>Paid.</p>", escaped(&bill.what));
    Html(page("EasyPay (simulated)", &body)).into_response()
}
