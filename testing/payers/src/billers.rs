//! Billers: they look a customer up by number, and report what was paid.

use axum::{
    Form,
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};

use crate::{
    Payers, Shared,
    epay::Pairs,
    pages::{escaped, field, page, refused},
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
    let answer = payers
        .call(&signed(&payers, &name, "init", &query), None)
        .await
        .unwrap_or_default();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    let body = match text("STATUS").as_str() {
        "00" => {
            let amount = text("AMOUNT");
            let cents: u64 = amount.parse().unwrap_or_default();
            format!(
                "<p>{}</p><p>{}</p><p>{}.{:02} EUR</p><form method=\"post\" action=\"/billing/{name}/pay\"><input type=\"hidden\" name=\"idn\" value=\"{idn}\"><input type=\"hidden\" name=\"total\" value=\"{}\"><button name=\"times\" value=\"1\">Pay</button><button name=\"times\" value=\"2\">Pay, and report it twice</button></form>",
                escaped(&text("SHORTDESC")),
                escaped(&text("LONGDESC")),
                cents / 100,
                cents % 100,
                escaped(&amount)
            )
        }
        "62" => "<p>Nothing is due.</p>".to_owned(),
        "14" => "<p>No such customer.</p>".to_owned(),
        status => format!("<p>Status {}</p>", escaped(status)),
    };
    Html(page(&title, &body)).into_response()
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
    let now = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    let tid = format!("{now}{:06}700020", payers.next() % 1_000_000);
    let query = [
        ("IDN", digits(field(&pairs, "idn"))),
        ("MERCHANTID", payers.config.merchant.clone()),
        ("TID", tid),
        ("DATE", now),
        ("TOTAL", digits(field(&pairs, "total"))),
        ("TYPE", "BILLING".to_owned()),
    ];
    let path = signed(&payers, &name, "confirm", &query);
    let mut said = payers.call(&path, None).await.unwrap_or_default();
    if field(&pairs, "times") == "2" {
        said = said + " " + &payers.call(&path, None).await.unwrap_or_default();
    }
    let body = format!(
        "<p>Reported; the answer was <code>{}</code></p>",
        escaped(&said)
    );
    Html(page(&title, &body)).into_response()
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
