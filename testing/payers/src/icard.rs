//! iCard's checkout.

use axum::{
    Form,
    extract::{Path, State},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Payers, Shared,
    epay::Pairs,
    pages::{back, choices, field, refused},
    sign::form,
};

/// What a merchant wants paid.
#[derive(Clone)]
pub(crate) struct Sale(Pairs);

/// A browser comes from the portal.
pub(crate) async fn arrive(State(payers): State<Shared>, Form(mut pairs): Form<Pairs>) -> Response {
    let Some((last, signature)) = pairs.pop() else {
        return refused("nothing sent");
    };
    let values: String = pairs.iter().map(|(_, value)| value.as_str()).collect();
    let signature = STANDARD.decode(signature).unwrap_or_default();
    if last != "Signature"
        || !payers
            .keys
            .is_merchant_s(&STANDARD.encode(values), &signature)
    {
        return refused("invalid signature");
    }
    if field(&pairs, "MID") != payers.config.shop || field(&pairs, "Currency") != "978" {
        return refused("unknown merchant or currency");
    }
    let what = format!(
        "{}: {} EUR",
        field(&pairs, "Article_1"),
        field(&pairs, "Amount")
    );
    let id = payers.next();
    payers.desk().icard.insert(id, Sale(pairs));
    choices("iCard (simulated)", &what, &format!("/icard/{id}"))
}

/// What the person did.
pub(crate) async fn choose(
    State(payers): State<Shared>,
    Path(id): Path<u64>,
    Form(pairs): Form<Pairs>,
) -> Response {
    let Some(Sale(sale)) = payers.desk().icard.get(&id).cloned() else {
        return refused("unknown payment");
    };
    let kept = match field(&pairs, "do") {
        "pay" => pay(&payers, &sale, false).await,
        "twice" => pay(&payers, &sale, false).await && pay(&payers, &sale, false).await,
        "lost" => pay(&payers, &sale, true).await,
        _ => false,
    };
    back(field(&sale, if kept { "URL_OK" } else { "URL_Cancel" }))
}

/// Without an answer, or one that is `lost`, the money goes back.
async fn pay(payers: &Payers, sale: &Pairs, lost: bool) -> bool {
    let now = jiff::Timestamp::now();
    let stan = format!("{:06}", payers.next() % 1_000_000);
    let trace = now.strftime("%Y%m%d%H%M%S").to_string() + &stan;
    let fields = vec![
        ("IPGmethod", "IPGPurchaseNotify".to_owned()),
        ("MID", field(sale, "MID").to_owned()),
        ("OrderID", field(sale, "OrderID").to_owned()),
        ("Amount", field(sale, "Amount").to_owned()),
        ("Currency", field(sale, "Currency").to_owned()),
        ("CustomerIP", field(sale, "CustomerIP").to_owned()),
        ("CardType", "1".to_owned()),
        ("Pan", "1111".to_owned()),
        ("ExpdtYYMM", "3012".to_owned()),
        ("Approval", stan.clone()),
        ("IPG_Trnref", trace.clone()),
        ("RequestSTAN", stan),
        (
            "RequestDateTime",
            now.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        ),
    ];
    if tell(payers, fields).await && !lost {
        return true;
    }
    rollback(payers, sale, trace).await;
    false
}

async fn rollback(payers: &Payers, sale: &Pairs, trace: String) {
    let fields = vec![
        ("IPGmethod", "IPGPurchaseRollback".to_owned()),
        ("MID", field(sale, "MID").to_owned()),
        ("OrderID", field(sale, "OrderID").to_owned()),
        ("Amount", field(sale, "Amount").to_owned()),
        ("Currency", field(sale, "Currency").to_owned()),
        ("IPG_Trnref", trace),
    ];
    tell(payers, fields).await;
}

async fn tell(payers: &Payers, mut fields: Vec<(&'static str, String)>) -> bool {
    let values: String = fields.iter().map(|(_, value)| value.as_str()).collect();
    let signature = payers.keys.sign(&STANDARD.encode(values));
    fields.push(("Signature", STANDARD.encode(signature)));
    payers
        .call("/pay/icard/notify", Some(form(&fields)))
        .await
        .as_deref()
        == Some("OK")
}
