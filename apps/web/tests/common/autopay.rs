//! Autopay, as far as a test needs it to have come.

use std::sync::Arc;

use kvit_billing::ports::Clock;
use kvit_flow::{Autopay, ports::NoCheckpoints};
use kvit_pay::statement::{StatementReader, StatementRules, Transfer};
use kvit_store::{Give, NewMandate};
use tokio_util::sync::CancellationToken;

use super::{World, seed};

/// Anna has a mandate.
pub(crate) async fn mandated(world: &World) {
    let new = NewMandate {
        account: super::number(seed::ANNA),
        iban: "DE89370400440532013000".parse().expect("an account"),
        holder: "Анна Примерова".to_owned(),
        creditor: super::debits().creditor,
        text_version: "2027-01".to_owned(),
        evidence: serde_json::json!({}),
        day: "2026-11-20".parse().expect("a day"),
        at: world.clock.now(),
    };
    let given = world.store.give_mandate(&new).await.expect("an answer");
    assert!(matches!(given, Give::Given(_)), "{given:?}");
}

/// And her bill, due on Saturday 5 December, is announced for the Monday behind it.
pub(crate) async fn announced(world: &World) {
    mandated(world).await;
    world
        .clock
        .set("2026-11-28T10:00:00Z".parse().expect("a time"));
    let autopay = Autopay {
        store: world.store.clone(),
        clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
        checkpoints: Arc::new(NoCheckpoints),
        rules: Some(super::debits()),
        zone: jiff::tz::TimeZone::get("Europe/Sofia").expect("a zone"),
    };
    let report = autopay.plan(&CancellationToken::new()).await;
    assert_eq!(report.expect("planned").announced, 1);
    seed::deliver_all(&world.store, world.clock.now()).await;
    // Three bank days before it: not earlier is it ordered.
    let day = "2026-12-02T10:00:00Z".parse().expect("a time");
    world.clock.set(day);
}

/// The bank refuses the first debit.
pub(crate) fn refusal() -> Transfer {
    let text = r#"<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>P</MsgId><CreDtTm>2026-12-04T11:02:03</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>KVIT-DEBITS-1</OrgnlMsgId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><TxInfAndSts><OrgnlEndToEndId>KVIT-DEBIT-1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AM04</Cd></Rsn></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"#;
    let rules = StatementRules {
        ibans: Vec::new(),
        currency: None,
        payouts: Vec::new(),
    };
    let mut reader = StatementReader::new(text.as_bytes(), &rules);
    reader.next().expect("a refusal")
}
