//! BORICA: the card page, the answer that the browser carries back, and the status of a payment.

use axum::{
    Form,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    Given, Payers, Shared,
    epay::Pairs,
    pages::{carried, choices, closed, field, refused},
    refunds,
    sign::lengths,
};

/// What a merchant wants paid, and what became of it.
#[derive(Clone)]
pub(crate) struct Sale {
    fields: Pairs,
    /// `ACTION`, `RC` and `INT_REF`.
    outcome: (&'static str, &'static str, String),
}

const TITLE: &str = "BORICA (simulated)";
/// In progress.
const OPEN: (&str, &str, String) = ("3", "-33", String::new());
const DECLINED: (&str, &str, String) = ("2", "05", String::new());

/// A browser comes from the portal, or the portal asks how a payment stands.
pub(crate) async fn arrive(State(payers): State<Shared>, Form(pairs): Form<Pairs>) -> Response {
    let get = |name| field(&pairs, name);
    if get("TERMINAL") != payers.config.terminal {
        return refused("unknown terminal");
    }
    let text = match get("TRTYPE") {
        "1" => lengths([
            get("TERMINAL"),
            "1",
            get("AMOUNT"),
            get("CURRENCY"),
            get("ORDER"),
            get("TIMESTAMP"),
            get("NONCE"),
            "",
        ]),
        "24" => lengths([
            get("TERMINAL"),
            "24",
            get("AMOUNT"),
            get("CURRENCY"),
            get("ORDER"),
            get("TIMESTAMP"),
            get("NONCE"),
            "",
        ]),
        "90" => lengths([get("TERMINAL"), "90", get("ORDER"), get("NONCE")]),
        _ => return refused("unknown transaction type"),
    };
    let signature = hex::decode(get("P_SIGN")).unwrap_or_default();
    if !payers.keys.is_merchant_s(&text, &signature) {
        return refused("-17: invalid signature");
    }
    let order = get("ORDER").to_owned();
    if get("TRTYPE") == "90" {
        let known = payers.desk().borica.get(&order).cloned();
        let answer = match known {
            // As their manual has it: one that is found is named by its own `NONCE`, else the question.
            Some(sale) => answer(&payers, &sale, "90"),
            None => answer(
                &payers,
                &Sale {
                    fields: pairs.clone(),
                    outcome: ("3", "-24", String::new()),
                },
                "90",
            ),
        };
        return as_json(answer);
    }
    if get("TRTYPE") == "24" {
        let known = payers.desk().borica.get(&order).cloned();
        // Paid, under this reference, and not more than that: it goes back.
        let paid = known.filter(|sale| {
            let (action, rc, reference) = &sale.outcome;
            (*action, *rc) == ("0", "00") && reference == get("INT_REF")
        });
        let asked = Given {
            house: TITLE,
            name: format!("order {order}"),
            reference: get("INT_REF").to_owned(),
            amount: get("AMOUNT").to_owned(),
            trace: None,
        };
        let paid = paid.map(|sale| field(&sale.fields, "AMOUNT").to_owned());
        let (given, lost) = refunds::decide(&payers, asked, paid.as_deref());
        if lost {
            return refunds::lost();
        }
        let outcome = match given.trace {
            Some(trace) => ("0", "00", trace),
            None => ("2", "13", String::new()),
        };
        let back = Sale {
            fields: pairs.clone(),
            outcome,
        };
        return as_json(answer(&payers, &back, "24"));
    }
    let what = format!("{}: {} {}", get("DESC"), get("AMOUNT"), get("CURRENCY"));
    let sale = Sale {
        fields: pairs.clone(),
        outcome: OPEN,
    };
    payers.desk().borica.insert(order.clone(), sale);
    choices(TITLE, &what, &format!("/borica/{order}"))
}

/// What the person did.
pub(crate) async fn choose(
    State(payers): State<Shared>,
    Path(order): Path<String>,
    Form(pairs): Form<Pairs>,
) -> Response {
    let reference = format!("{:016X}", payers.next());
    let what = field(&pairs, "do");
    let sale = {
        let mut desk = payers.desk();
        let Some(sale) = desk.borica.get_mut(&order) else {
            return refused("unknown order");
        };
        sale.outcome = match what {
            "away" => ("3", "-25", String::new()),
            "decline" | "tampered" => DECLINED,
            _ => ("0", "00", reference),
        };
        sale.clone()
    };
    if matches!(what, "away" | "lost") {
        // Only the status says what happened.
        return closed(TITLE, &payers.config.portal);
    }
    let mut fields = match what {
        // From before the money was certain.
        "late" => {
            let before = Sale {
                outcome: OPEN,
                ..sale
            };
            answer(&payers, &before, "1")
        }
        _ => answer(&payers, &sale, "1"),
    };
    if what == "tampered" {
        for (name, value) in &mut fields {
            match *name {
                "ACTION" => "0".clone_into(value),
                "RC" => "00".clone_into(value),
                _ => {}
            }
        }
    }
    let url = format!("{}/pay/borica/return", payers.config.portal);
    carried(TITLE, &url, &fields, what == "repeat")
}

fn as_json(answer: Vec<(&'static str, String)>) -> Response {
    let object: serde_json::Map<String, serde_json::Value> = answer
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let json = serde_json::Value::from(object).to_string();
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

/// What BORICA answers, signed.
fn answer(payers: &Payers, sale: &Sale, kind: &str) -> Vec<(&'static str, String)> {
    let get = |name| field(&sale.fields, name).to_owned();
    let (action, rc, reference) = sale.outcome.clone();
    let mut fields = vec![
        ("ACTION", action.to_owned()),
        ("RC", rc.to_owned()),
        (
            "APPROVAL",
            if rc == "00" { "S00001" } else { "" }.to_owned(),
        ),
        ("TERMINAL", get("TERMINAL")),
        ("TRTYPE", kind.to_owned()),
        ("AMOUNT", get("AMOUNT")),
        ("CURRENCY", get("CURRENCY")),
        ("ORDER", get("ORDER")),
        ("RRN", reference.chars().rev().take(12).collect()),
        ("INT_REF", reference),
        ("PARES_STATUS", "Y".to_owned()),
        ("ECI", "05".to_owned()),
        (
            "TIMESTAMP",
            jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string(),
        ),
        ("NONCE", get("NONCE")),
    ];
    let empty = kind == "90" && get("CURRENCY").is_empty();
    let values = fields.iter().map(|(name, value)| match *name {
        "CURRENCY" if empty => "USD",
        _ => value.as_str(),
    });
    let text = lengths(values) + "-";
    let signature = hex::encode_upper(payers.keys.sign(&text));
    fields.push(("P_SIGN", signature));
    fields
}
