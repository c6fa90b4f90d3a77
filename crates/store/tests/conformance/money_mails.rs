//! Mails about money: one for each entry in a customer's book, stored with it.

use jiff::civil::date;
use kvit_billing::{CustomerNumber, DeliveryKind, EnrolmentId, Language, Secret};
use kvit_pay::statement::Transfer;
use kvit_store::{
    AttemptOutcome, DeliveryJob, DeliveryRecord, DeliveryState, DeliveryWhat, EnrolmentChannel,
    MailTopic, MoneyTold, NewEnrolment, NoticeOutcome, Store,
};
use serde_json::json;

use super::{
    deliveries::{claim, finish},
    payers::{
        allocated, begun, card_back, card_back_of, card_paid, confirmed, epay_paid, told, world,
    },
    statements::{booked, paid},
    world::{account, at, number},
};

/// The customer's bills come by mail from now on; `n` names the address.
pub(super) async fn enrol(store: &Store, account: CustomerNumber, n: u64, language: Language) {
    enrol_at(store, account, (n, n), language).await;
}

/// The same with an address that others may have too.
pub(super) async fn enrol_at(
    store: &Store,
    account: CustomerNumber,
    (n, address): (u64, u64),
    language: Language,
) {
    let id: EnrolmentId = format!("{n:032x}").parse().expect("an enrolment id");
    store
        .enrol(&NewEnrolment {
            id,
            account,
            channel: EnrolmentChannel::Phone,
            email: Secret::new(format!("{address}@example.bg")),
            language,
            text_version: "2026-1".to_owned(),
            evidence: json!({}),
            at: at(15 + n.cast_signed()),
            proof: None,
        })
        .await
        .expect("a kept consent");
}

/// Two customers, of whom the first has e-bills; their bills of 12.00 have left.
async fn enrolled(store: &Store) {
    world(store).await;
    enrol(store, account(1), 1, Language::Bg).await;
    for job in claim(store, "bills", 20, 9).await {
        finish(store, &job, AttemptOutcome::Accepted, 20).await;
    }
}

/// A customer's mails about money, oldest first.
async fn mails(store: &Store, n: u64) -> Vec<DeliveryRecord> {
    let mut all = store
        .deliveries_of_customer(&account(n), 99)
        .await
        .expect("deliveries");
    all.retain(|mail| matches!(mail.id.kind(), DeliveryKind::Paid | DeliveryKind::TakenBack));
    all.reverse();
    all
}

async fn says(store: &Store, job: &DeliveryJob) -> MoneyTold {
    let DeliveryWhat::Money { entry } = &job.what else {
        panic!("{job:?} is not about money")
    };
    let told = store.money_told(entry).await.expect("an answer");
    told.expect("an entry of a customer's book")
}

/// Bill, part and rest of each bill that money is for.
fn parts(told: &MoneyTold) -> Vec<(u64, i64, i64)> {
    told.bills
        .iter()
        .map(|part| (part.bill.number.get(), part.part.get(), part.open.get()))
        .collect()
}

pub(crate) async fn who_wants_no_mails_about_payments_gets_none(store: Store) {
    enrolled(&store).await;
    let choose = async |wanted, now| {
        let chosen = (MailTopic::Payments, wanted);
        let by = json!({ "by": "web" });
        let chosen = store
            .choose_mails(&account(1), chosen, at(now), &by, None)
            .await;
        assert!(chosen.expect("an answer"));
    };
    begun(&store, "epay", 100).await;
    begun(&store, "epay", 100).await;
    choose(false, 40).await;
    let about = MailTopic::Reminders;
    let wants = store.wants_mails(&account(1), about).await;
    assert!(wants.expect("an answer"), "reminders are another thing");
    told(&store, &epay_paid(1, 7)).await;
    assert!(claim(&store, "a", 50, 9).await.is_empty());
    let [mail] = &mails(&store, 1).await[..] else {
        panic!("one mail");
    };
    assert_eq!(mail.state, DeliveryState::Withdrawn);
    assert_eq!(mail.trail.last().expect("why").reply, "off");
    choose(true, 51).await;
    told(&store, &epay_paid(2, 8)).await;
    let jobs = claim(&store, "a", 60, 9).await;
    let kinds: Vec<_> = jobs.iter().map(|job| job.id.kind()).collect();
    assert_eq!(kinds, [DeliveryKind::Paid]);
    let said = store.mail_choices(&account(1), 9).await.expect("choices");
    assert!(said.iter().all(|one| one.about == MailTopic::Payments));
}

pub(crate) async fn money_is_told_once(store: Store) {
    enrolled(&store).await;
    begun(&store, "epay", 100).await;
    begun(&store, "epay", 101).await;
    let notice = epay_paid(1, 7);
    let tellers: Vec<_> = (0..6)
        .map(|_| {
            let (store, notice) = (store.clone(), notice.clone());
            tokio::spawn(async move { told(&store, &notice).await })
        })
        .collect();
    for teller in tellers {
        teller.await.expect("told");
    }
    told(&store, &epay_paid(2, 7)).await;
    assert_eq!(mails(&store, 1).await.len(), 1, "once");
    assert!(mails(&store, 2).await.is_empty(), "their bills are paper");

    let job = claim(&store, "a", 50, 9).await.pop().expect("the mail");
    let (kind, to) = (job.id.kind(), job.email.expose().as_str());
    assert_eq!((kind, to), (DeliveryKind::Paid, "1@example.bg"));
    let said = says(&store, &job).await;
    assert!(!said.taken_back);
    assert_eq!(
        (said.cents.get(), said.at, said.paid_at),
        (1200, at(50), at(50))
    );
    assert_eq!(
        said.provider.as_ref().map(ToString::to_string),
        Some("epay".to_owned())
    );
    assert_eq!(parts(&said), [(100, 1200, 0)]);
    assert_eq!(
        (said.open.get(), said.credit.get(), said.oldest_open),
        (0, 0, None)
    );
    finish(&store, &job, AttemptOutcome::Accepted, 51).await;
    told(&store, &notice).await;
    assert!(claim(&store, "a", 99_999, 9).await.is_empty());
}

pub(crate) async fn what_is_told_is_what_was_then(store: Store) {
    enrolled(&store).await;
    let receive = async |tid: &str, cents, now| {
        let notice = confirmed(&account(1), tid, cents, "");
        let received = store.receive_notice(&notice, at(now)).await;
        assert_eq!(received.expect("an answer").outcome, NoticeOutcome::Posted);
    };
    receive("T1", 500, 50).await;
    receive("T2", 900, 60).await;
    let jobs = claim(&store, "a", 70, 9).await;
    let (first, second) = (says(&store, &jobs[0]).await, says(&store, &jobs[1]).await);
    assert_eq!(parts(&first), [(100, 500, 700)]);
    assert_eq!(
        (first.open.get(), first.oldest_open),
        (700, Some(number(100)))
    );
    assert_eq!(parts(&second), [(100, 700, 0)]);
    assert_eq!((second.open.get(), second.credit.get()), (0, 200));
}

pub(crate) async fn what_was_taken_back_is_told_by_itself(store: Store) {
    enrolled(&store).await;
    begun(&store, "card", 100).await;
    // Told, and then taken back.
    told(&store, &card_paid(1, "A", "12.00", "978")).await;
    let paid = claim(&store, "a", 50, 9).await.pop().expect("the mail");
    finish(&store, &paid, AttemptOutcome::Accepted, 51).await;
    for _ in 0..2 {
        store
            .receive_notice(&card_back(1), at(60))
            .await
            .expect("an answer");
    }
    let back = claim(&store, "a", 60, 9).await;
    let [back] = back.as_slice() else {
        panic!("{back:?}")
    };
    assert_eq!(back.id.kind(), DeliveryKind::TakenBack);
    let said = says(&store, back).await;
    assert!(said.taken_back);
    assert_eq!(
        (said.cents.get(), said.at, said.paid_at),
        (1200, at(60), at(50))
    );
    assert_eq!(parts(&said), [(100, 1200, 1200)]);
    assert_eq!(
        (said.open.get(), said.oldest_open),
        (1200, Some(number(100)))
    );
    finish(&store, back, AttemptOutcome::Accepted, 61).await;

    // Taken back before anybody was told: only that is told.
    for notice in [card_back_of(1, "B"), card_paid(1, "B", "12.00", "978")] {
        let received = store.receive_notice(&notice, at(65)).await;
        received.expect("an answer");
    }
    let jobs = claim(&store, "a", 70, 9).await;
    let kinds: Vec<_> = jobs.iter().map(|job| job.id.kind()).collect();
    assert_eq!(kinds, [DeliveryKind::TakenBack]);
    assert_eq!(parts(&says(&store, &jobs[0]).await), [(100, 1200, 1200)]);
    let all = mails(&store, 1).await;
    let idle: Vec<_> = all
        .iter()
        .filter(|mail| mail.state == DeliveryState::Withdrawn)
        .collect();
    let [idle] = idle.as_slice() else {
        panic!("{idle:?}")
    };
    let ended = idle.trail.last().expect("why");
    assert_eq!((ended.no, ended.outcome.as_str()), (0, "withdrawn"));
    assert_eq!(ended.reply, "taken-back");
}

pub(crate) async fn unmatched_money_is_told_once_it_is_somebody_s(store: Store) {
    enrolled(&store).await;
    begun(&store, "card", 100).await;
    let other = told(&store, &card_paid(1, "A", "7.00", "978")).await;
    assert_eq!(other.outcome, NoticeOutcome::OtherAmount);
    assert!(mails(&store, 1).await.is_empty(), "nobody's yet");
    let waiting = store.notices_for_people(9).await.expect("notices");
    allocated(&store, &waiting[0].id, 1, None).await;
    let job = claim(&store, "a", 70, 9).await.pop().expect("the mail");
    let said = says(&store, &job).await;
    let provider = said.provider.as_ref().map(|name| name.as_str());
    assert_eq!((said.cents.get(), provider), (700, Some("card")));
    assert_eq!((said.paid_at, said.at), (at(50), at(61)), "when it came");
    assert_eq!(parts(&said), [(100, 700, 500)]);
}

pub(crate) async fn a_mail_about_money_follows_its_reader(store: Store) {
    enrolled(&store).await;
    begun(&store, "epay", 100).await;
    told(&store, &epay_paid(1, 7)).await;
    enrol(&store, account(1), 2, Language::En).await;
    let job = claim(&store, "a", 50, 9).await.pop().expect("the mail");
    assert_eq!(
        (job.email.expose().as_str(), job.language),
        ("2@example.bg", Language::En)
    );
    let kept = mails(&store, 1).await.remove(0).email.expect("an address");
    assert_eq!(kept.expose(), "2@example.bg");
    // The next attempt finds nobody to be told.
    finish(&store, &job, AttemptOutcome::Retry { next: at(60) }, 51).await;
    store
        .end_enrolment(&account(1), at(55), "paper", json!({}))
        .await
        .expect("an answer");
    let left = claim(&store, "a", 60, 9).await;
    assert!(left.iter().all(|job| job.id.kind() == DeliveryKind::Access));
    let mail = mails(&store, 1).await.remove(0);
    let ended = mail.trail.last().expect("why");
    assert_eq!(mail.state, DeliveryState::Withdrawn);
    assert_eq!((ended.no, ended.reply.as_str()), (1, "left"));
}

pub(crate) async fn old_statements_are_no_news(store: Store) {
    enrolled(&store).await;
    // All this happens on 21 September.
    let transfer = |name, booked| Transfer {
        booked,
        ..paid(name, "0000000100")
    };
    let (old, fresh) = (date(2026, 9, 6), date(2026, 9, 7));
    booked(&store, "aa", &[transfer("A", old), transfer("B", fresh)]).await;
    let [mail] = mails(&store, 1).await.try_into().expect("one mail");
    assert_eq!(mail.id.kind(), DeliveryKind::Paid);
    let job = claim(&store, "a", 60, 9).await.pop().expect("the mail");
    assert_eq!(says(&store, &job).await.booked, Some(fresh));
    // What people allocate is news whenever it came.
    let unmatched = Transfer {
        words: String::new(),
        ..transfer("C", old)
    };
    booked(&store, "bb", &[unmatched]).await;
    let waiting = store.notices_for_people(9).await.expect("notices");
    allocated(&store, &waiting[0].id, 1, None).await;
    assert_eq!(mails(&store, 1).await.len(), 2);
}

pub(crate) async fn money_booked_after_a_death_is_told_once(store: Store) {
    enrolled(&store).await;
    begun(&store, "epay", 100).await;
    let notice = epay_paid(1, 7);
    store.keep_notice(&notice, at(40)).await.expect("kept");
    assert!(mails(&store, 1).await.is_empty(), "not in the books yet");
    // The process dies here; the next one goes on, and the payment system repeats itself.
    let applied = store.apply_waiting_notices(at(50), 9).await;
    assert_eq!(applied.expect("applied"), 1);
    told(&store, &notice).await;
    let [mail] = claim(&store, "a", 50, 9)
        .await
        .try_into()
        .expect("one mail");
    let said = says(&store, &mail).await;
    assert_eq!((said.paid_at, said.at), (at(40), at(50)), "when it came");
}
