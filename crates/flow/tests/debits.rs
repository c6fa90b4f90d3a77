//! Autopay: each bill is announced once and in time, whatever dies, and collected as it was announced.

use std::sync::Arc;

use crate::world::{
    World, bills,
    faults::{DieAt, died, each_death},
    post::{MAILS, Post, deliver},
};
use jiff::{Timestamp, civil::Date};
use kvit_billing::{AutopayMail, ports::Clock};
use kvit_flow::{
    Autopay, AutopayReport, DebitRules,
    debits::earliest,
    ports::{Checkpoints, NoCheckpoints},
    statement::{Outside, book_statement, check_statement},
};
use kvit_mailbox::Faults;
use kvit_pay::{debit::pay_otherwise_until, statement::StatementRules};
use kvit_store::{DebitState, DebitWord, Debits, Give, NewMandate, Store};
use tokio_util::sync::CancellationToken;

/// Of all bills, as the invented operator writes them: a Wednesday.
const DUE: Date = jiff::civil::date(2026, 11, 25);

fn rules() -> DebitRules {
    DebitRules {
        creditor: "DE98ZZZ09999999999".parse().expect("an identifier"),
        iban: kvit_synth::operator().0.iban.parse().expect("an account"),
        bic: String::new(),
        notice_days: 5,
    }
}

/// The bills are out, in September, and whoever gets them by mail has a mandate.
async fn mandated() -> Post {
    let post = Post::new(Faults::default()).await;
    let store = post.world.store().await;
    let zone = World::hours().zone;
    for bill in bills(&store, &post.run).await.iter().step_by(2) {
        let at = post.world.clock.now();
        let new = NewMandate {
            account: bill.account.clone(),
            iban: "BG80BNBG96611020345678".parse().expect("an account"),
            holder: "Ана".to_owned(),
            creditor: rules().creditor,
            text_version: "2026-1".to_owned(),
            evidence: serde_json::json!({}),
            day: zone.to_datetime(at).date(),
            at,
        };
        let given = store.give_mandate(&new).await.expect("an answer");
        assert!(matches!(given, Give::Given(_)), "{given:?}");
    }
    deliver(&post.courier("worker").await).await.expect("bills");
    assert_eq!(plan(&post).await, AutopayReport::default(), "too early");
    post
}

/// Moves the clock to noon of a day, a number of days from the last day to pay.
fn go(post: &Post, days: i32) -> Timestamp {
    let day = DUE.saturating_add(jiff::Span::new().days(days));
    let to = day.at(12, 0, 0, 0).to_zoned_datetime(World::hours().zone);
    let to = to.expect("a time").timestamp();
    let seconds = to.duration_since(post.world.clock.now()).as_secs();
    post.world
        .clock
        .forward(u64::try_from(seconds).expect("the future"));
    to
}

async fn autopay(post: &Post) -> Autopay {
    Autopay {
        store: post.world.store().await,
        clock: Arc::clone(&post.world.clock) as _,
        checkpoints: Arc::new(NoCheckpoints),
        rules: Some(rules()),
        zone: World::hours().zone,
    }
}

async fn plan(post: &Post) -> AutopayReport {
    let planned = autopay(post).await.plan(&CancellationToken::new()).await;
    planned.expect("planned")
}

async fn notices(post: &Post) -> usize {
    let all = post.deliveries().await;
    let is_notice = |id: &&String| id.starts_with("autopay-notice-");
    all.keys().filter(is_notice).count()
}

#[tokio::test]
async fn a_death_at_any_place_announces_once() {
    let places = each_death(async |dying| {
        let post = mandated().await;
        go(&post, -9);
        let mut planner = autopay(&post).await;
        let mut courier = post.courier("worker").await;
        planner.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        courier.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        let ended = died(
            tokio::spawn(async move {
                let planned = planner.plan(&CancellationToken::new()).await;
                planned.expect("planned");
                deliver(&courier).await.expect("delivered")
            })
            .await,
        );
        if let Some(report) = ended {
            assert_eq!(report.accepted, MAILS as u64);
            // Bills, mandates, notices.
            post.nothing_lost_of(3 * MAILS, "no death").await;
            return;
        }
        let courier = post.courier("worker").await;
        let now = post.world.clock.now();
        let forgotten = courier.store.forget_worker("worker", now);
        forgotten.await.expect("forgotten");
        plan(&post).await;
        deliver(&courier).await.expect("delivered");
        let why = format!("died at {:?}", dying.place());
        post.nothing_lost_of(3 * MAILS, &why).await;
        assert_eq!(notices(&post).await, MAILS, "{why}");
    })
    .await;
    for place in [
        "before-debits-announced",
        "after-debits-announced",
        "before-send",
        "after-send",
    ] {
        assert!(places.contains(place), "{place} was never reached");
    }
}

#[tokio::test]
async fn a_bill_is_announced_in_time_and_collected_on_its_day() {
    let post = mandated().await;
    let store = post.world.store().await;
    go(&post, -10);
    assert_eq!(plan(&post).await.announced, 0, "a day too early");
    go(&post, -9);
    assert_eq!(plan(&post).await.announced, MAILS as u64);
    assert_eq!(plan(&post).await.announced, 0, "once");
    let courier = post.courier("worker").await;
    deliver(&courier).await.expect("delivered");
    let mail = post.mailbox.messages().pop().expect("a mail");
    let text = String::from_utf8_lossy(&mail.bytes);
    assert!(text.contains("Message-ID: <autopay-notice-"));
    assert_eq!(
        pay_otherwise_until(DUE),
        jiff::civil::date(2026, 11, 18),
        "a whole day behind the mail"
    );
    let debits = store.debits(Debits::Latest, 9).await.expect("debits");
    assert!(debits.iter().all(|debit| debit.day == DUE));

    // Two people, and one of the customers leaves in between.
    let now = go(&post, -2);
    let today = World::hours().zone.to_datetime(now).date();
    let (operator, _) = kvit_synth::operator();
    let terms = rules().terms(&operator, today);
    assert_eq!(terms.earliest, earliest(today));
    let made = store.prepare_debits(&terms, "vera", now).await;
    let file = made.expect("an answer").file.expect("a file");
    assert_eq!(file.debits, MAILS as u64);
    let nothing = serde_json::json!({});
    let off = store.end_mandate(&debits[0].account, &nothing, now).await;
    off.expect("an answer").expect("it was on");
    let said = store
        .approve_debits(file.number, &terms, (None, None), "boris", now)
        .await;
    assert_eq!(said.expect("an answer"), DebitWord::Approved);
    let file = store
        .debit_file(1)
        .await
        .expect("an answer")
        .expect("a file");
    assert_eq!(file.debits, MAILS as u64 - 1);

    // Nobody is told that it was missed: it was not.
    go(&post, 1);
    assert_eq!(plan(&post).await, AutopayReport::default());
}

#[tokio::test]
async fn who_slept_too_long_collects_later_or_says_so() {
    let post = mandated().await;
    let store = post.world.store().await;
    // Nobody worked for days: what is announced now is collected later.
    go(&post, -1);
    assert_eq!(plan(&post).await.announced, MAILS as u64);
    let day = DUE.saturating_add(jiff::Span::new().days(8));
    let debits = store.debits(Debits::Latest, 9).await.expect("debits");
    assert!(debits.iter().all(|debit| debit.day == day), "{debits:?}");
    deliver(&post.courier("worker").await)
        .await
        .expect("delivered");
    // And nobody made a file.
    go(&post, 8);
    let report = plan(&post).await;
    assert_eq!((report.dropped, report.announced), (MAILS as u64, 0));
    let report = deliver(&post.courier("worker").await).await;
    assert_eq!(report.expect("delivered").accepted, MAILS as u64);
    let failed = AutopayMail::Failed.as_str();
    let all = post.deliveries().await;
    let told = all
        .keys()
        .filter(|id| id.starts_with(&format!("autopay-{failed}-")));
    assert_eq!(told.count(), MAILS);
}

const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>PSR-1</MsgId><CreDtTm>2026-11-24T11:02:03</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>KVIT-DEBITS-1</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>KVIT-DEBITS-1-1</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>KVIT-DEBIT-1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>KVIT-DEBIT-2</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>MS03</Cd></Rsn></StsRsnInf></TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"#;

async fn bring(store: &Store, post: &Post, checkpoints: &dyn Checkpoints) -> (bool, u64) {
    let rules = StatementRules {
        ibans: Vec::new(),
        currency: None,
        payouts: Vec::new(),
    };
    let checked = check_statement(REPORT.as_bytes(), &rules, &|_| {}).expect("read");
    assert!(checked.judged.faults.is_empty(), "{:?}", checked.judged);
    let outside = Outside {
        payouts: Vec::new(),
        clock: post.world.clock.as_ref(),
        checkpoints,
        progress: &|_| {},
    };
    let outcome = book_statement(store, "report.xml", "vera", checked, &outside).await;
    let outcome = outcome.expect("booked");
    let report = outcome.record.report.expect("a report");
    (outcome.first, report.debits_refused.count)
}

#[tokio::test]
async fn a_death_at_any_place_of_a_report_tells_once() {
    for n in 1.. {
        let post = mandated().await;
        let store = post.world.store().await;
        go(&post, -9);
        plan(&post).await;
        deliver(&post.courier("worker").await)
            .await
            .expect("delivered");
        let now = go(&post, -2);
        let today = World::hours().zone.to_datetime(now).date();
        let terms = rules().terms(&kvit_synth::operator().0, today);
        let made = store.prepare_debits(&terms, "vera", now).await;
        made.expect("an answer").file.expect("a file");
        store
            .approve_debits(1, &terms, (None, None), "boris", now)
            .await
            .expect("approved");
        let dying = DieAt::new(n);
        let post = Arc::new(post);
        let (dead, theirs) = (store.clone(), Arc::clone(&post));
        let checkpoints = Arc::clone(&dying);
        let ended = died(
            tokio::spawn(async move { bring(&dead, &theirs, checkpoints.as_ref()).await }).await,
        );
        let over = ended.is_some();
        let (_, refused) = bring(&store, &post, &NoCheckpoints).await;
        assert_eq!(refused, 2, "died at {n}, {:?}", dying.place());
        let debits = store.debits(Debits::Latest, 9).await.expect("debits");
        let back = debits
            .iter()
            .filter(|debit| debit.state() == DebitState::Returned);
        assert_eq!(back.count(), 2);
        let all = post.deliveries().await;
        let told = |start: &str| all.keys().filter(|id| id.starts_with(start)).count();
        assert_eq!((told("autopay-failed-"), told("autopay-off-")), (2, 1));
        if over {
            break;
        }
    }
}
