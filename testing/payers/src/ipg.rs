//! The checkouts of iCard and myPOS, and what the portal asks them by itself: how a payment stands, and to
//! give money back.

use axum::{
    Form,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    Given, Payers, Shared,
    epay::Pairs,
    pages::{carried, choices, closed, field, refused},
    refunds,
    sign::{form, joined},
};

/// Which of the two, in what they differ.
#[derive(Clone, Copy)]
struct House {
    title: &'static str,
    /// Before the names of methods.
    prefix: &'static str,
    /// Between the values that are signed.
    joint: &'static str,
    shop: &'static str,
    reference: &'static str,
    euro: &'static str,
    /// Where the portal is called back.
    notify: &'static str,
}

const ICARD: House = House {
    title: "iCard (simulated)",
    prefix: "IPG",
    joint: "",
    shop: "MID",
    reference: "IPG_Trnref",
    euro: "978",
    notify: "/pay/icard/notify",
};
const MYPOS: House = House {
    title: "myPOS (simulated)",
    prefix: "IPC",
    joint: "-",
    shop: "SID",
    reference: "IPC_Trnref",
    euro: "EUR",
    notify: "/pay/mypos/notify",
};

/// What a merchant wants paid, and what became of it.
#[derive(Clone)]
pub(crate) struct Sale {
    house: House,
    fields: Pairs,
    /// The last thing that happened to the money, and its reference: `PurchaseNotify`, `PurchaseRollback`.
    outcome: Option<(&'static str, String)>,
}

/// A browser comes from the portal, or the portal asks.
pub(crate) async fn at_icard(payers: State<Shared>, pairs: Form<Pairs>) -> Response {
    arrive(ICARD, payers, pairs).await
}

/// The same at myPOS.
pub(crate) async fn at_mypos(payers: State<Shared>, pairs: Form<Pairs>) -> Response {
    arrive(MYPOS, payers, pairs).await
}

async fn arrive(
    house: House,
    State(payers): State<Shared>,
    Form(mut pairs): Form<Pairs>,
) -> Response {
    let Some((last, signature)) = pairs.pop() else {
        return refused("nothing sent");
    };
    let text = joined(house.joint, pairs.iter().map(|(_, value)| value.as_str()));
    let signature = STANDARD.decode(signature).unwrap_or_default();
    if last != "Signature" || !payers.keys.is_merchant_s(&text, &signature) {
        return refused("invalid signature");
    }
    if field(&pairs, house.shop) != payers.config.shop {
        return refused("unknown merchant");
    }
    let (_, method) = pairs.first().cloned().unwrap_or_default();
    match method.strip_prefix(house.prefix) {
        Some("Purchase") if field(&pairs, "Currency") == house.euro => {
            let what = format!(
                "{}: {} EUR",
                field(&pairs, "Article_1"),
                field(&pairs, "Amount")
            );
            let id = payers.next();
            let sale = Sale {
                house,
                fields: pairs,
                outcome: None,
            };
            payers.desk().ipg.insert(id, sale);
            choices(house.title, &what, &format!("/icard/{id}"))
        }
        Some("GetTxnStatus") => status(&payers, house, &pairs),
        Some("Refund") if field(&pairs, "Currency") == house.euro => refund(&payers, house, &pairs),
        _ => refused("unknown method or currency"),
    }
}

/// How a payment stands.
fn status(payers: &Payers, house: House, asked: &Pairs) -> Response {
    let order = field(asked, "OrderID");
    let method = format!("{}GetTxnStatus", house.prefix);
    let found = {
        let desk = payers.desk();
        let of_order = |sale: &&Sale| {
            sale.house.prefix == house.prefix && field(&sale.fields, "OrderID") == order
        };
        desk.ipg.values().find(of_order).cloned()
    };
    let happened = found.and_then(|sale| Some((sale.clone(), sale.outcome?)));
    let answer = match (house.prefix, happened) {
        (_, None) => json!({
            format!("{}method", house.prefix): method, "Status": "1",
            "StatusMsg": "Not found", "OrderID": order,
        }),
        ("IPG", Some((sale, (what, trace)))) => {
            let paid = what == "PurchaseNotify";
            json!({
                "IPGmethod": method, "Status": "0", "StatusMsg": "Success", "OrderID": order,
                "IPGTrnStatus": if paid { "0" } else { "5" },
                "IPGTrnStatusMsg": if paid { "Success" } else { "Reversed" },
                "IPG_Trnref": trace, "Amount": field(&sale.fields, "Amount"), "Currency": "978",
            })
        }
        (_, Some((sale, (what, trace)))) => {
            // Inside lies the call-back as it was signed then.
            let inner = [
                ("IPCmethod", format!("IPC{what}")),
                ("SID", payers.config.shop.clone()),
                ("Amount", field(&sale.fields, "Amount").to_owned()),
                ("Currency", "EUR".to_owned()),
                ("OrderID", order.to_owned()),
                ("IPC_Trnref", trace),
            ];
            let text = joined(house.joint, inner.iter().map(|(_, v)| v.as_str()));
            let seal = STANDARD.encode(payers.keys.sign(&text));
            let mut object: serde_json::Map<String, Value> = inner
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            object.insert("Signature".to_owned(), seal.into());
            json!({ "IPCMethod": method, "OrderID": order, "OrderStatus": object, "Status": 0, "StatusMsg": "Success" })
        }
    };
    signed(payers, house, answer)
}

/// Gives money back, once under one name, and never more than was paid.
fn refund(payers: &Payers, house: House, asked: &Pairs) -> Response {
    let (name, reference) = (field(asked, "OrderID"), field(asked, house.reference));
    let amount = field(asked, "Amount");
    let (known, paid) = {
        let desk = payers.desk();
        let mut all = desk.refunds.all.iter();
        let known = all.find(|one| one.house == house.title && one.name == name);
        let is_it = |sale: &&Sale| {
            let outcome = sale.outcome.as_ref();
            sale.house.prefix == house.prefix
                && outcome
                    .is_some_and(|(what, trace)| *what == "PurchaseNotify" && trace == reference)
        };
        let paid = desk.ipg.values().find(is_it);
        let paid = paid.map(|sale| field(&sale.fields, "Amount").to_owned());
        (known.cloned(), paid)
    };
    let (given, lost) = match known {
        Some(known) if known.reference == reference && known.amount == amount => (known, false),
        Some(known) => (
            Given {
                trace: None,
                ..known
            },
            false,
        ),
        None => {
            let asked = Given {
                house: house.title,
                name: name.to_owned(),
                reference: reference.to_owned(),
                amount: amount.to_owned(),
                trace: None,
            };
            refunds::decide(payers, asked, paid.as_deref())
        }
    };
    if lost {
        return refunds::lost();
    }
    let method = format!("{}Refund", house.prefix);
    let answer = match (house.prefix, given.trace) {
        ("IPG", Some(trace)) => json!({
            "method": method, "trnref": trace, "amount": amount, "currency": "978",
            "status": "0", "status_msg": "Success",
        }),
        ("IPG", None) => {
            json!({ "method": method, "status": "21", "status_msg": "Invalid amount" })
        }
        (_, Some(trace)) => json!({
            "IPCmethod": method, "OrderID": name, "IPC_Trnref": trace, "Amount": amount,
            "Currency": "EUR", "Status": 0, "StatusMsg": "Success",
        }),
        (_, None) => {
            json!({ "IPCmethod": method, "OrderID": name, "Status": 21, "StatusMsg": "Invalid amount" })
        }
    };
    signed(payers, house, answer)
}

/// An answer in JSON, its values signed in their order.
fn signed(payers: &Payers, house: House, mut answer: Value) -> Response {
    fn values(of: &Value, into: &mut Vec<String>) {
        match of {
            Value::Object(object) => object.values().for_each(|value| values(value, into)),
            Value::String(text) => into.push(text.clone()),
            value => into.push(value.to_string()),
        }
    }
    let mut all = Vec::new();
    values(&answer, &mut all);
    let text = joined(house.joint, all.iter().map(String::as_str));
    answer["Signature"] = STANDARD.encode(payers.keys.sign(&text)).into();
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, answer.to_string()).into_response()
}

/// What the person did.
pub(crate) async fn choose(
    State(payers): State<Shared>,
    Path(id): Path<u64>,
    Form(pairs): Form<Pairs>,
) -> Response {
    let Some(sale) = payers.desk().ipg.get(&id).cloned() else {
        return refused("unknown payment");
    };
    let what = field(&pairs, "do");
    let mut kept = false;
    match what {
        "away" => return closed(sale.house.title, &payers.config.portal),
        "decline" => {}
        "twice" => {
            kept = pay(&payers, id, &sale, "pay").await && pay(&payers, id, &sale, "pay").await;
        }
        what => kept = pay(&payers, id, &sale, what).await,
    }
    // The browser brings it by POST.
    let (url, word) = if kept {
        ("URL_OK", "PurchaseOK")
    } else {
        ("URL_Cancel", "PurchaseCancel")
    };
    let fields = signed_form(&payers, sale.house, common(&sale, word));
    let url = field(&sale.fields, url);
    carried(sale.house.title, url, &fields, false)
}

/// Without an answer, or one that is lost, the money goes back.
async fn pay(payers: &Payers, id: u64, sale: &Sale, what: &str) -> bool {
    let now = jiff::Timestamp::now();
    let stan = format!("{:06}", payers.next() % 1_000_000);
    let trace = now.strftime("%Y%m%d%H%M%S").to_string() + &stan;
    let mut paid = common(sale, "PurchaseNotify");
    paid.extend([
        ("CustomerIP", field(&sale.fields, "CustomerIP").to_owned()),
        ("CardType", "1".to_owned()),
        ("Pan", "1111".to_owned()),
        ("ExpdtYYMM", "3012".to_owned()),
        ("Approval", stan.clone()),
        (sale.house.reference, trace.clone()),
        ("RequestSTAN", stan),
        (
            "RequestDateTime",
            now.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        ),
    ]);
    let mut paid = signed_form(payers, sale.house, paid);
    let mut back = common(sale, "PurchaseRollback");
    back.push((sale.house.reference, trace.clone()));
    let back = signed_form(payers, sale.house, back);
    let mut kept = match what {
        // Nobody was heard in time, so it goes back, and that arrives first.
        "late" => {
            tell(payers, sale.house, &back).await;
            tell(payers, sale.house, &paid).await;
            false
        }
        "tampered" => {
            if let Some((_, amount)) = paid.iter_mut().find(|(name, _)| *name == "Amount") {
                "0.01".clone_into(amount);
            }
            tell(payers, sale.house, &paid).await
        }
        _ => tell(payers, sale.house, &paid).await,
    };
    if what == "repeat" {
        kept = tell(payers, sale.house, &paid).await;
    }
    kept = kept && what != "lost";
    if !kept && what != "late" {
        tell(payers, sale.house, &back).await;
    }
    let what = if kept {
        "PurchaseNotify"
    } else {
        "PurchaseRollback"
    };
    if let Some(sale) = payers.desk().ipg.get_mut(&id) {
        sale.outcome = Some((what, trace));
    }
    kept
}

/// What call-backs begin with.
fn common(sale: &Sale, what: &str) -> Vec<(&'static str, String)> {
    let house = sale.house;
    let method = if house.prefix == "IPG" {
        "IPGmethod"
    } else {
        "IPCmethod"
    };
    let get = |name| field(&sale.fields, name).to_owned();
    vec![
        (method, format!("{}{what}", house.prefix)),
        (house.shop, get(house.shop)),
        ("OrderID", get("OrderID")),
        ("Amount", get("Amount")),
        ("Currency", get("Currency")),
    ]
}

/// The fields with their signature behind them.
fn signed_form(
    payers: &Payers,
    house: House,
    mut fields: Vec<(&'static str, String)>,
) -> Vec<(&'static str, String)> {
    let values: Vec<&str> = fields.iter().map(|(_, value)| value.as_str()).collect();
    let signature = payers.keys.sign(&STANDARD.encode(values.join(house.joint)));
    fields.push(("Signature", STANDARD.encode(signature)));
    fields
}

async fn tell(payers: &Payers, house: House, fields: &[(&str, String)]) -> bool {
    let answer = payers.call(house.notify, Some(form(fields))).await;
    answer.as_deref() == Some("OK")
}
