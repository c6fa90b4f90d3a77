//! Billers: they look a customer up by number, and report what was paid: all, the bills that were chosen, a part, or
//! something in advance.

use axum::{
    Form,
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};

use serde_json::Value;

use crate::{
    Payers, Shared,
    epay::Pairs,
    pages::{escaped, field, page, refused},
    refunds::cents,
    sign::{checksum, form, sorted},
};

fn title(payers: &Payers, name: &str) -> Option<String> {
    let found = payers
        .config
        .billers
        .iter()
        .find(|(known, _)| known == name);
    found.map(|(_, title)| format!("{title} (simulated)"))
}

/// Whose bill.
pub(crate) async fn ask(State(payers): State<Shared>, Path(name): Path<String>) -> Response {
    let Some(title) = title(&payers, &name) else {
        return refused("unknown biller");
    };
    let body = format!(
        "<form method=\"post\" action=\"/billing/{name}\"><label>Customer number <input name=\"idn\" required></label><button>Look up</button></form>"
    );
    Html(page(&title, &body)).into_response()
}

/// What is due.
pub(crate) async fn look(
    State(payers): State<Shared>,
    Path(name): Path<String>,
    Form(pairs): Form<Pairs>,
) -> Response {
    let Some(title) = title(&payers, &name) else {
        return refused("unknown biller");
    };
    let idn = digits(field(&pairs, "idn"));
    let query = [
        ("IDN", idn.clone()),
        ("MERCHANTID", payers.config.merchant.clone()),
        ("TYPE", "CHECK".to_owned()),
    ];
    let answer = ask_portal(&payers, &name, "init", &query).await;
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    let body = match text("STATUS").as_str() {
        "00" => dues(&name, &idn, &answer),
        "62" => {
            let deposit = [("deposit", "Pay an amount in advance")];
            let form = choices(&name, &idn, "", &amount_field(""), &deposit);
            format!("<p>Nothing is due.</p>{form}")
        }
        "14" => "<p>No such customer.</p>".to_owned(),
        status => format!("<p>Status {}</p>", escaped(status)),
    };
    Html(page(&title, &body)).into_response()
}

/// What is due in sum and bill by bill, and what a person does about it.
fn dues(name: &str, idn: &str, answer: &Value) -> String {
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    let mut fields = String::new();
    for bill in answer["INVOICES"].as_array().into_iter().flatten() {
        let part = |key: &str| escaped(bill[key].as_str().unwrap_or_default());
        let (number, cents) = (part("IDN"), part("AMOUNT"));
        fields.push_str(&format!(
            "<p><label><input type=\"checkbox\" name=\"bill\" value=\"{number}:{cents}\"> {}, {} EUR</label></p>",
            part("SHORTDESC"),
            euro(&cents)
        ));
    }
    let total = euro(text("AMOUNT"));
    fields.push_str(&amount_field(&total));
    let deeds = [
        ("all", "Pay all"),
        ("chosen", "Pay the bills that are ticked"),
        ("part", "Pay this amount of it"),
        ("deposit", "Pay this amount in advance"),
        ("repeat", "Pay all, and report it twice"),
        ("tampered", "Pay this amount, and somebody reports all"),
    ];
    format!(
        "<p>{}</p><p>{}</p><p>{total} EUR</p>{}",
        escaped(text("SHORTDESC")),
        escaped(text("LONGDESC")),
        choices(name, idn, text("AMOUNT"), &fields, &deeds)
    )
}

fn amount_field(euro: &str) -> String {
    format!("<p><label>Amount <input name=\"amount\" value=\"{euro}\"> EUR</label></p>")
}

fn choices(name: &str, idn: &str, total: &str, fields: &str, deeds: &[(&str, &str)]) -> String {
    let buttons: String = deeds
        .iter()
        .map(|(value, text)| format!("<button name=\"do\" value=\"{value}\">{text}</button>"))
        .collect();
    format!(
        "<form method=\"post\" action=\"/billing/{name}/pay\"><input type=\"hidden\" name=\"idn\" value=\"{idn}\"><input type=\"hidden\" name=\"total\" value=\"{}\">{fields}{buttons}</form>",
        escaped(total)
    )
}

/// Cents as euro.
fn euro(cents: &str) -> String {
    let cents: u64 = cents.parse().unwrap_or_default();
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// It was paid here.
pub(crate) async fn pay(
    State(payers): State<Shared>,
    Path(name): Path<String>,
    Form(pairs): Form<Pairs>,
) -> Response {
    let Some(title) = title(&payers, &name) else {
        return refused("unknown biller");
    };
    let what = field(&pairs, "do");
    let amount = cents(field(&pairs, "amount"));
    let chosen: Vec<_> = pairs
        .iter()
        .filter(|(name, _)| what == "chosen" && name == "bill")
        .filter_map(|(_, value)| value.split_once(':'))
        .map(|(number, cents)| (digits(number), cents.parse().unwrap_or(0_u64)))
        .collect();
    let (kind, total) = match what {
        "chosen" => ("BILLING", Some(chosen.iter().map(|(_, cents)| cents).sum())),
        "part" => ("PARTIAL", amount),
        "deposit" => ("DEPOSIT", amount),
        "tampered" => ("BILLING", amount),
        _ => ("BILLING", field(&pairs, "total").parse().ok()),
    };
    let Some(total) = total else {
        return refused("an amount has euro and cents, such as 12.30");
    };
    let now = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    let mut query = vec![
        ("IDN", digits(field(&pairs, "idn"))),
        ("MERCHANTID", payers.config.merchant.clone()),
        (
            "TID",
            format!("{now}{:06}700020", payers.next() % 1_000_000),
        ),
        ("TOTAL", total.to_string()),
        ("TYPE", kind.to_owned()),
    ];
    if kind == "DEPOSIT" {
        // Whether it may be paid in advance is asked first.
        let answer = ask_portal(&payers, &name, "init", &query).await;
        if answer["STATUS"] != "00" {
            return refused("the operator takes nothing in advance");
        }
    }
    query.push(("DATE", now));
    if !chosen.is_empty() {
        let numbers: Vec<_> = chosen.into_iter().map(|(number, _)| number).collect();
        query.push(("INVOICES", numbers.join(",")));
    }
    let mut path = signed(&payers, &name, "confirm", &query);
    if what == "tampered" {
        let all = format!("TOTAL={}", digits(field(&pairs, "total")));
        path = path.replace(&format!("TOTAL={total}"), &all);
    }
    let mut said = payers.call(&path, None).await.unwrap_or_default();
    if what == "repeat" {
        said = said + " " + &payers.call(&path, None).await.unwrap_or_default();
    }
    let body = format!(
        "<p>Reported; the answer was <code>{}</code></p>",
        escaped(&said)
    );
    Html(page(&title, &body)).into_response()
}

async fn ask_portal(
    payers: &Payers,
    name: &str,
    verb: &str,
    pairs: &[(&'static str, String)],
) -> Value {
    let path = signed(payers, name, verb, pairs);
    let answer = payers.call(&path, None).await.unwrap_or_default();
    serde_json::from_str(&answer).unwrap_or_default()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn signed(payers: &Payers, name: &str, verb: &str, pairs: &[(&'static str, String)]) -> String {
    let mut all = pairs.to_vec();
    all.push((
        "CHECKSUM",
        checksum(&payers.biller_secret(name), &sorted(pairs)),
    ));
    format!("/pay/{name}/{verb}?{}", form(&all))
}
