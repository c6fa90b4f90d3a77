//! Autopay: mandates, debits in files of two people, and what the bank tells of them in whatever order.

use kvit_billing::{AutopayMail, Cents, DeliveryId, DeliveryKind, Language};
use kvit_pay::{
    CreditorId, Iban,
    debit::{Collector, end_to_end, file_name, part_name},
    statement::{Transfer, TransferKind},
};
use kvit_store::{
    AttemptOutcome, Booked, DebitFate, DebitRecord, DebitState, DebitTerms, DebitWord, Debits,
    DeliveryState, DeliveryWhat, Dropped, Give, MandateEnd, NewDebit, NewMandate, NoticeOutcome,
    PreparedDebits, StatementReport, Store,
};
use serde_json::json;

use super::{
    deliveries::{claim, finish},
    money_mails::enrol,
    payers::{begun, card_paid, confirmed, customers, open, told, world},
    statements::{booked, paid},
    world::{account, at, day, number},
};

const OURS: &str = "BG80BNBG96611020345678";
/// The day on which the bills of this world are collected.
const DAY: &str = "2026-11-25";

fn theirs() -> Iban {
    "DE89370400440532013000".parse().expect("an account")
}

fn creditor() -> CreditorId {
    "DE98ZZZ09999999999".parse().expect("an identifier")
}

async fn give(store: &Store, n: u64, now: i64) -> Give {
    let new = NewMandate {
        account: account(n),
        iban: theirs(),
        holder: "Ана".to_owned(),
        creditor: creditor(),
        text_version: "2026-1".to_owned(),
        evidence: json!({"text": "Упълномощавам"}),
        day: day("2026-09-21"),
        at: at(now),
    };
    store.give_mandate(&new).await.expect("an answer")
}

/// Customer `n` gets bills by mail and has a mandate; gives its number.
pub(super) async fn with_mandate(store: &Store, n: u64) -> u64 {
    enrol(store, account(n), n, Language::Bg).await;
    match give(store, n, 20).await {
        Give::Given(mandate) => mandate.number,
        other => panic!("{other:?}"),
    }
}

/// So many customers with a bill of 12.00 each, and a mandate.
async fn many(store: &Store, count: u64) {
    customers(store, count).await;
    for n in 1..=count {
        with_mandate(store, n).await;
    }
}

async fn candidates(store: &Store, now: i64) -> Vec<NewDebit> {
    let (oldest, newest) = (day("2026-11-01"), day("2026-11-30"));
    let found = store.bills_to_debit(oldest, newest, None, at(now)).await;
    let (found, next) = found.expect("candidates");
    assert!(next.is_none());
    let new = |one: kvit_store::DebitCandidate| NewDebit {
        mandate: one.mandate,
        account: one.bill.account,
        bill: one.bill.number,
        amount: one.open,
        day: day(DAY),
        announced_by: at(now + 3_600),
    };
    found.into_iter().map(new).collect()
}

/// What can be collected is announced; says how many.
async fn announce(store: &Store, now: i64) -> u64 {
    let new = candidates(store, now).await;
    let told = store.announce_debits(&new, at(now)).await;
    told.expect("announced")
}

/// All mails that are due leave.
async fn send(store: &Store, now: i64) -> Vec<DeliveryId> {
    let mut sent = Vec::new();
    loop {
        let jobs = claim(store, "post", now, 50).await;
        if jobs.is_empty() {
            return sent;
        }
        for job in jobs {
            finish(store, &job, AttemptOutcome::Accepted, now).await;
            sent.push(job.id);
        }
    }
}

fn terms(earliest: &str) -> DebitTerms {
    DebitTerms {
        collector: Collector {
            name: "Оператор".to_owned(),
            iban: OURS.parse().expect("an account"),
            bic: String::new(),
        },
        words: ("Сметка", "клиент"),
        earliest: day(earliest),
        latest: day(DAY),
    }
}

async fn prepare(store: &Store) -> PreparedDebits {
    let terms = terms("2026-11-24");
    let made = store.prepare_debits(&terms, "vera", at(90));
    made.await.expect("an answer")
}

async fn approve(store: &Store, file: u64, by: &str) -> DebitWord {
    let terms = terms("2026-11-24");
    let said = store.approve_debits(file, &terms, (None, None), by, at(91));
    said.await.expect("an answer")
}

/// Whoever approves was shown so many, and so much.
async fn approve_shown(store: &Store, file: u64, count: u64, cents: i64) -> DebitWord {
    let terms = terms("2026-11-24");
    let shown = (Some(count), Some(Cents::new(cents)));
    let said = store.approve_debits(file, &terms, shown, "boris", at(91));
    said.await.expect("an answer")
}

/// Whatever is announced is ordered; gives the file.
pub(super) async fn ordered(store: &Store) -> u64 {
    announce(store, 30).await;
    send(store, 31).await;
    let file = prepare(store).await.file.expect("a file").number;
    assert_eq!(approve(store, file, "boris").await, DebitWord::Approved);
    file
}

pub(super) async fn debit(store: &Store, n: u64) -> DebitRecord {
    let found = store.debit(n).await.expect("an answer");
    found.expect("a debit")
}

async fn xml(store: &Store, file: u64) -> String {
    let bytes = store.fetch_debit_file(file, "vera", at(95)).await;
    String::from_utf8(bytes.expect("an answer").expect("a file")).expect("text")
}

pub(super) fn came(n: u64, reference: &str) -> Transfer {
    Transfer {
        end_to_end: Some(end_to_end(n)),
        ..paid(reference, "")
    }
}

pub(super) fn back(n: u64, reference: &str, reason: &str) -> Transfer {
    Transfer {
        kind: TransferKind::TakenBack,
        reason: Some(reason.to_owned()),
        ..came(n, reference)
    }
}

pub(super) fn refused(n: u64, reason: &str) -> Transfer {
    Transfer {
        kind: TransferKind::Refused,
        name: String::new(),
        ..back(n, "", reason)
    }
}

pub(super) async fn refuse(store: &Store, statement: &str, said: &Transfer) -> Booked {
    booked(store, statement, &[]).await;
    let all = store.refuse_debits(statement, std::slice::from_ref(said), at(100));
    all.await
        .expect("an answer")
        .remove(0)
        .expect("about debits")
}

async fn active(store: &Store, n: u64) -> bool {
    let found = store.mandate_of(&account(n)).await;
    found.expect("an answer").is_some()
}

async fn mails(store: &Store, n: u64) -> Vec<(AutopayMail, DeliveryState)> {
    let all = store.deliveries_of_customer(&account(n), 99).await;
    let mut all = all.expect("deliveries");
    all.retain(|mail| mail.id.kind() == DeliveryKind::Autopay);
    all.reverse();
    all.iter()
        .map(|mail| (mail.id.autopay().expect("autopay").0, mail.state))
        .collect()
}

/// What a look at a file asks.
pub(crate) async fn looked_at(store: &Store) {
    let shown = store.preview_debits(1, &terms("2026-11-20"), at(91)).await;
    assert_eq!(shown.expect("an answer").collected(), (0, Cents::ZERO));
}

pub(crate) async fn a_mandate_is_given_once_and_ended(store: Store) {
    world(&store).await;
    assert!(matches!(give(&store, 1, 20).await, Give::NoMail));
    let first = with_mandate(&store, 1).await;
    assert!(matches!(give(&store, 1, 21).await, Give::Already(same) if same.number == first));
    let found = store.mandate_of(&account(1)).await.expect("an answer");
    let found = found.expect("a mandate");
    assert_eq!(found.reference(), "KVIT-MANDATE-1");
    assert_eq!((found.iban, found.holder.as_str()), (theirs(), "Ана"));
    let evidence = store.mandate_evidence(first).await.expect("an answer");
    assert_eq!(evidence, Some(json!({"text": "Упълномощавам"})));
    let off = async |now: i64| {
        let ended = store.end_mandate(&account(1), &json!({}), at(now)).await;
        ended.expect("an answer").map(|mandate| mandate.number)
    };
    assert_eq!(off(22).await, Some(first));
    assert_eq!(off(23).await, None);
    let all = store.mandates_of(&account(1), 9).await.expect("mandates");
    assert_eq!(all[0].ended, Some((at(22), MandateEnd::Customer)));
    // The confirmation of what is off by now does not leave; that it is off does.
    send(&store, 25).await;
    assert_eq!(
        mails(&store, 1).await,
        [
            (AutopayMail::On, DeliveryState::Withdrawn),
            (AutopayMail::Off, DeliveryState::Sent)
        ]
    );
    for n in [2, 3] {
        let Give::Given(mandate) = give(&store, 1, 30).await else {
            panic!("a third within a day is given")
        };
        assert_eq!(mandate.number, n);
        off(31).await;
    }
    assert!(matches!(give(&store, 1, 32).await, Give::TooOften));
    assert!(matches!(give(&store, 1, 32 + 86_400).await, Give::Given(_)));
}

pub(crate) async fn a_mandate_ends_after_three_years_without_a_debit(store: Store) {
    world(&store).await;
    with_mandate(&store, 1).await;
    with_mandate(&store, 2).await;
    // One of them is used, and lives on from that day.
    begun(&store, "card", 101).await;
    told(&store, &card_paid(1, "A", "12.00", "978")).await;
    ordered(&store).await;
    let expire = async |today: &str| {
        let ended = store.expire_mandates(day(today), at(200)).await;
        ended.expect("an answer")
    };
    assert_eq!(expire("2029-09-21").await, 0);
    assert_eq!(expire("2029-09-22").await, 1);
    assert_eq!(
        (active(&store, 1).await, active(&store, 2).await),
        (true, false)
    );
    assert_eq!(expire("2029-11-25").await, 0);
    assert_eq!(expire("2029-11-26").await, 1);
    let off = (AutopayMail::Off, DeliveryState::Queued);
    assert_eq!(mails(&store, 1).await.last(), Some(&off));
}

pub(crate) async fn a_debit_is_announced_once_before_it_is_made(store: Store) {
    world(&store).await;
    assert!(
        candidates(&store, 25).await.is_empty(),
        "nobody asked for it"
    );
    with_mandate(&store, 1).await;
    let new = candidates(&store, 25).await;
    assert_eq!(
        (new.len(), new[0].bill, new[0].amount.get()),
        (1, number(100), 1200)
    );
    // Two workers at once.
    let said = store
        .announce_debits(&new, at(30))
        .await
        .expect("announced");
    let again = store
        .announce_debits(&new, at(30))
        .await
        .expect("announced");
    assert_eq!((said, again), (1, 0));
    assert!(candidates(&store, 31).await.is_empty());
    // Nothing leaves before the mail has.
    let made = prepare(&store).await;
    assert_eq!((made.file.is_none(), made.held, made.dropped), (true, 1, 0));
    let jobs = claim(&store, "post", 32, 50).await;
    let notice = DeliveryId::autopay_of(AutopayMail::Notice, 1);
    let job = jobs
        .iter()
        .find(|job| job.id == notice)
        .expect("the notice");
    let DeliveryWhat::Autopay { told, .. } = &job.what else {
        panic!("{job:?}")
    };
    let (debit, bill) = told.debit.as_ref().expect("a debit");
    assert_eq!(
        (debit.amount.get(), debit.day, bill.number),
        (1200, day(DAY), number(100))
    );
    for job in &jobs {
        finish(&store, job, AttemptOutcome::Accepted, 33).await;
    }
    assert_eq!(prepare(&store).await.file.expect("a file").debits, 1);
}

pub(crate) async fn a_notice_that_is_late_or_for_nothing_does_not_leave(store: Store) {
    world(&store).await;
    with_mandate(&store, 1).await;
    with_mandate(&store, 2).await;
    announce(&store, 30).await;
    // One is paid meanwhile, the mail server sleeps over the other.
    told(&store, &confirmed(&account(1), "T1", 1200, "")).await;
    let sent = send(&store, 30 + 3_601).await;
    assert!(
        !sent
            .iter()
            .any(|id| matches!(id.autopay(), Some((AutopayMail::Notice, _))))
    );
    let made = prepare(&store).await;
    assert_eq!((made.file.is_none(), made.held, made.dropped), (true, 0, 2));
    assert_eq!(
        debit(&store, 1).await.dropped,
        Some((at(90), Dropped::Paid))
    );
    assert_eq!(
        debit(&store, 2).await.dropped,
        Some((at(90), Dropped::Unannounced))
    );
    // Once for each bill and mandate.
    assert_eq!(announce(&store, 95).await, 0);
}

pub(crate) async fn a_file_needs_two_people_and_keeps_its_bytes(store: Store) {
    world(&store).await;
    with_mandate(&store, 1).await;
    with_mandate(&store, 2).await;
    assert_eq!(announce(&store, 30).await, 2);
    send(&store, 31).await;
    let file = prepare(&store).await.file.expect("a file");
    assert_eq!((file.number, file.debits, file.cents.get()), (1, 2, 2400));
    assert!(
        prepare(&store).await.file.is_none(),
        "they are in it already"
    );
    assert_eq!(
        approve(&store, 1, "Console:Vera").await,
        DebitWord::SamePerson
    );
    assert_eq!(approve(&store, 7, "boris").await, DebitWord::Unknown);
    let none = store.fetch_debit_file(1, "vera", at(91)).await;
    assert_eq!(none.expect("an answer"), None, "nothing leaves before");
    // Refused, they wait for the next; nothing of that one can come back.
    let said = store.refuse_debit_file(1, "boris", at(91)).await;
    assert_eq!(said.expect("an answer"), DebitWord::Done);
    assert_eq!(approve(&store, 1, "boris").await, DebitWord::Over);
    let file = prepare(&store).await.file.expect("a file").number;
    assert_eq!(file, 2);
    // In between one paid a part, and the other turned autopay off.
    told(&store, &confirmed(&account(1), "T1", 200, "")).await;
    let off = store.end_mandate(&account(2), &json!({}), at(92)).await;
    off.expect("an answer").expect("it was on");
    // Whoever looks before they approve sees what will leave, and looking changes nothing.
    let preview = async |terms: &DebitTerms| {
        let shown = store.preview_debits(2, terms, at(91)).await;
        shown.expect("an answer")
    };
    let early = DebitTerms {
        latest: day("2026-11-24"),
        ..terms("2026-11-20")
    };
    let shown = preview(&early).await;
    assert_eq!((shown.collected(), shown.waiting()), ((0, Cents::ZERO), 1));
    let late = preview(&terms("2026-11-26")).await;
    assert_eq!(late.fates[&1], DebitFate::Dropped(Dropped::Late));
    for _ in 0..2 {
        let shown = preview(&terms("2026-11-24")).await;
        assert_eq!(shown.collected(), (1, Cents::new(1000)));
        assert_eq!(shown.fates[&1], DebitFate::Collected(Cents::new(1000)));
    }
    assert_eq!(approve(&store, 2, "boris").await, DebitWord::Approved);
    assert_eq!(approve(&store, 2, "boris").await, DebitWord::Over);
    let first = debit(&store, 1).await;
    assert_eq!(
        (first.state(), first.cents().get()),
        (DebitState::Ordered, 1000)
    );
    assert_eq!(first.amount.get(), 1200, "as announced");
    assert_eq!(debit(&store, 2).await.state(), DebitState::Dropped);
    let text = xml(&store, 2).await;
    assert!(text.contains("<EndToEndId>KVIT-DEBIT-1</EndToEndId>") && !text.contains("DEBIT-2<"));
    assert!(text.contains("<SeqTp>FRST</SeqTp>") && text.contains(">10.00<"));
    assert!(text.contains("<Ustrd>Smetka 0000000100, klient 0000001</Ustrd>"));
    assert_eq!(text, xml(&store, 2).await);
    // What is ordered is not off any more, and not paid yet either.
    let off = store.end_mandate(&account(1), &json!({}), at(93)).await;
    off.expect("an answer").expect("it was on");
    assert_eq!(debit(&store, 1).await.state(), DebitState::Ordered);
    assert_eq!(open(&store, 1).await, (1000, 0));
    let trail = store.events("debit-file/2", 9).await.expect("events");
    let deeds: Vec<_> = trail.iter().map(|event| event.what.as_str()).collect();
    for deed in ["debit.prepared", "debit.approved", "debit.fetched"] {
        assert!(deeds.contains(&deed), "{deed}");
    }
}

pub(crate) async fn who_pays_first_is_not_debited(store: Store) {
    world(&store).await;
    with_mandate(&store, 1).await;
    announce(&store, 30).await;
    send(&store, 31).await;
    // Too early: whoever pays before that is not debited.
    let early = DebitTerms {
        latest: day("2026-11-24"),
        ..terms("2026-11-20")
    };
    let made = store.prepare_debits(&early, "vera", at(32)).await;
    assert!(made.expect("an answer").file.is_none());
    let file = prepare(&store).await.file.expect("a file").number;
    let said = store.approve_debits(file, &early, (None, None), "boris", at(90));
    let said = said.await;
    assert_eq!(said.expect("an answer"), DebitWord::Empty);
    assert_eq!(debit(&store, 1).await.state(), DebitState::Announced);
    let file = prepare(&store).await.file.expect("a file").number;
    told(&store, &confirmed(&account(1), "T0", 200, "")).await;
    // What was shown is not what would leave now: nothing is ordered, and nothing dropped.
    for (count, cents) in [(1, 1200), (2, 1000), (0, 0)] {
        let said = approve_shown(&store, file, count, cents).await;
        assert_eq!(said, DebitWord::Outdated, "{count} of {cents}");
    }
    assert_eq!(debit(&store, 1).await.state(), DebitState::Prepared);
    told(&store, &confirmed(&account(1), "T1", 1000, "")).await;
    assert_eq!(approve_shown(&store, file, 1, 1000).await, DebitWord::Empty);
    assert_eq!(
        debit(&store, 1).await.dropped,
        Some((at(91), Dropped::Paid))
    );
    assert_eq!(approve(&store, file, "boris").await, DebitWord::Over);
    assert_eq!(open(&store, 1).await, (0, 0));
}

pub(crate) async fn what_no_file_has_in_time_is_told(store: Store) {
    world(&store).await;
    with_mandate(&store, 1).await;
    announce(&store, 30).await;
    send(&store, 31).await;
    prepare(&store).await.file.expect("a file");
    let late = async |earliest: &str| {
        let dropped = store.drop_late_debits(day(earliest), at(99)).await;
        dropped.expect("an answer")
    };
    assert_eq!(late("2026-11-25").await, 0);
    assert_eq!(late("2026-11-26").await, 1);
    assert_eq!(late("2026-11-26").await, 0);
    assert_eq!(
        debit(&store, 1).await.dropped,
        Some((at(99), Dropped::Late))
    );
    assert_eq!(approve(&store, 1, "boris").await, DebitWord::Empty);
    let failed = (AutopayMail::Failed, DeliveryState::Queued);
    assert_eq!(mails(&store, 1).await.last(), Some(&failed));
}

pub(crate) async fn the_money_of_a_debit_settles_and_a_return_reopens(store: Store) {
    world(&store).await;
    with_mandate(&store, 1).await;
    with_mandate(&store, 2).await;
    ordered(&store).await;
    assert_eq!(
        booked(&store, "aa", &[came(1, "X"), came(2, "Y")]).await,
        [
            Booked::As(NoticeOutcome::Posted),
            Booked::As(NoticeOutcome::Posted)
        ]
    );
    // The same in another statement is the same.
    assert_eq!(
        booked(&store, "bb", &[came(1, "X")]).await,
        [Booked::Repeated]
    );
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((0, 0), (0, 0))
    );
    // No money there, and a closed account.
    for (n, reference, reason, stands) in [(1, "R", "AM04", true), (2, "S", "AC04", false)] {
        assert_eq!(debit(&store, n).await.state(), DebitState::Settled);
        for (statement, outcome) in [
            ("cc", Booked::As(NoticeOutcome::Reversed)),
            ("dd", Booked::Repeated),
        ] {
            let said = booked(&store, statement, &[back(n, reference, reason)]).await;
            assert_eq!(said, [outcome], "{n} {statement}");
        }
        let debit = debit(&store, n).await;
        assert_eq!(
            (debit.state(), debit.reason.as_deref()),
            (DebitState::Returned, Some(reason))
        );
        assert_eq!(
            (debit.for_people, active(&store, n).await),
            (stands, stands)
        );
        assert_eq!(open(&store, n).await, (1200, 0));
    }
    let of_people = async || {
        let list = store
            .debits(Debits::ForPeople(day(DAY)), 9)
            .await
            .expect("debits");
        list.iter().map(|debit| debit.number).collect::<Vec<_>>()
    };
    assert_eq!(of_people().await, [1]);
    let see = async || {
        let said = store
            .see_debit(1, "обадих се", "ana", day(DAY), at(120))
            .await;
        said.expect("an answer")
    };
    assert_eq!(
        (see().await, see().await),
        (DebitWord::Done, DebitWord::Over)
    );
    assert!(of_people().await.is_empty());
    // Whose mandate ended is told so, and of the money by the mail about that.
    let off = (AutopayMail::Off, DeliveryState::Queued);
    assert_eq!(mails(&store, 2).await.last(), Some(&off));
    let all = store
        .deliveries_of_customer(&account(1), 99)
        .await
        .expect("mails");
    assert!(
        all.iter()
            .any(|mail| mail.id.kind() == DeliveryKind::TakenBack)
    );
}

pub(crate) async fn what_the_bank_refuses_is_told_once_and_comes_first_again(store: Store) {
    many(&store, 2).await;
    let file = ordered(&store).await;
    let sum = Cents::new(1200);
    let once = Booked::DebitsRefused {
        debits: 1,
        cents: sum,
    };
    assert_eq!(refuse(&store, "aa", &refused(1, "MS03")).await, once);
    // The same report after a death, and another with the same.
    assert_eq!(refuse(&store, "aa", &refused(1, "MS03")).await, once);
    assert_eq!(
        refuse(&store, "bb", &refused(1, "MS03")).await,
        Booked::Repeated
    );
    let mut report = StatementReport::default();
    report.add(&refused(1, "MS03"), Some(once));
    assert_eq!(
        (report.debits_refused.count, report.debits_refused.cents),
        (1, sum)
    );
    assert_eq!(debit(&store, 1).await.state(), DebitState::Returned);
    assert!(debit(&store, 1).await.for_people && active(&store, 1).await);
    let failed = (AutopayMail::Failed, DeliveryState::Queued);
    assert_eq!(mails(&store, 1).await.last(), Some(&failed));
    // All of the file, of which the other one is left.
    let whole = Transfer {
        end_to_end: None,
        payment_file: Some(file_name(file)),
        ..refused(1, "FF01")
    };
    assert_eq!(refuse(&store, "cc", &whole).await, once);
    assert_eq!(debit(&store, 2).await.reason.as_deref(), Some("FF01"));
    // None of ours, and one that was never ordered.
    let stranger = refuse(&store, "dd", &refused(99, "AC04")).await;
    assert_eq!(stranger, Booked::As(NoticeOutcome::Contradiction));
    // The bill is not collected by this mandate again; by a new one it is, as its first.
    assert_eq!(announce(&store, 130).await, 0);
    let off = store.end_mandate(&account(1), &json!({}), at(131)).await;
    off.expect("an answer").expect("it was on");
    assert!(matches!(give(&store, 1, 132).await, Give::Given(_)));
    let file = ordered_at(&store, 140).await;
    assert!(xml(&store, file).await.contains("<SeqTp>FRST</SeqTp>"));
    // The bank paid what it had refused: paid is paid, and a person looks, also after one saw to the refusal.
    let said = store
        .see_debit(2, "обадих се", "ana", day(DAY), at(150))
        .await;
    assert_eq!(said.expect("an answer"), DebitWord::Done);
    assert_eq!(
        booked(&store, "ee", &[came(2, "Q")]).await,
        [Booked::As(NoticeOutcome::Posted)]
    );
    let paid = debit(&store, 2).await;
    assert_eq!(
        (paid.state(), open(&store, 2).await),
        (DebitState::Settled, (0, 0))
    );
    assert!(paid.for_people && paid.seen.is_none());
    // And it cannot refuse what it paid.
    let late = refuse(&store, "ff", &refused(2, "MS03")).await;
    assert_eq!(late, Booked::As(NoticeOutcome::Contradiction));
    assert_eq!(debit(&store, 2).await.state(), DebitState::Settled);
}

async fn ordered_at(store: &Store, now: i64) -> u64 {
    assert_eq!(announce(store, now).await, 1);
    send(store, now + 1).await;
    let file = prepare(store).await.file.expect("a file").number;
    assert_eq!(approve(store, file, "boris").await, DebitWord::Approved);
    file
}

pub(crate) async fn a_sum_of_debits_settles_each(store: Store) {
    many(&store, 3).await;
    let file = ordered(&store).await;
    // One of three is refused; the bank books the rest as one sum.
    refuse(&store, "aa", &refused(2, "AC04")).await;
    let sum = |cents, reference: &str| Transfer {
        amount: Cents::new(cents),
        payment_file: Some(part_name(file, 1)),
        ..paid(reference, "")
    };
    assert_eq!(
        booked(&store, "bb", &[sum(2399, "W")]).await,
        [Booked::As(NoticeOutcome::NoOwner)],
        "another sum"
    );
    assert_eq!(
        booked(&store, "bb", &[sum(2400, "X")]).await,
        [Booked::As(NoticeOutcome::Posted)]
    );
    let states = [1, 2, 3].map(|n| debit(&store, n));
    let [one, two, three] = states;
    assert_eq!(one.await.state(), DebitState::Settled);
    assert_eq!(two.await.state(), DebitState::Returned);
    assert_eq!(three.await.state(), DebitState::Settled);
    // The return of one of them leaves the other.
    assert_eq!(
        booked(&store, "cc", &[back(3, "R", "MD06")]).await,
        [Booked::As(NoticeOutcome::Reversed)]
    );
    for (n, owed) in [(1, 0), (2, 1200), (3, 1200)] {
        assert_eq!(open(&store, n).await, (owed, 0), "{n}");
    }
    assert!(
        store
            .unbalanced_entries(9)
            .await
            .expect("entries")
            .is_empty()
    );
}

pub(crate) async fn a_return_that_does_not_fit_is_for_people(store: Store) {
    many(&store, 2).await;
    ordered(&store).await;
    booked(&store, "aa", &[came(1, "X"), came(2, "Y")]).await;
    // It came twice: which of both goes back nobody knows.
    assert_eq!(
        booked(&store, "bb", &[came(1, "Z")]).await,
        [Booked::As(NoticeOutcome::NoOwner)]
    );
    // And of the other one with a fee taken.
    let fee = Transfer {
        amount: Cents::new(1190),
        ..back(2, "S", "AC04")
    };
    assert_eq!(
        booked(&store, "cc", &[back(1, "R", "AM04"), fee]).await,
        [
            Booked::As(NoticeOutcome::UnclearReturn),
            Booked::As(NoticeOutcome::UnclearReturn)
        ]
    );
    for n in [1, 2] {
        assert_eq!(debit(&store, n).await.state(), DebitState::Settled, "{n}");
        assert_eq!(open(&store, n).await, (0, 0), "{n}");
    }
    // Its reason ends the mandate all the same, and both are in the trail without the account.
    assert!(active(&store, 1).await && !active(&store, 2).await);
    assert!(debit(&store, 2).await.for_people);
    let subject = format!("customer/{}", account(2));
    let trail = store.events(&subject, 9).await.expect("events");
    for (what, who) in [("mandate.given", "customer"), ("mandate.ended", "kvit")] {
        let event = trail.iter().find(|event| event.what == what);
        let event = event.expect("an event");
        assert_eq!(event.who, who);
        assert_eq!(event.detail["mandate"], "KVIT-MANDATE-2");
        assert!(!event.detail.to_string().contains(theirs().as_str()));
    }
}

pub(crate) async fn a_return_may_come_before_its_money(store: Store) {
    world(&store).await;
    with_mandate(&store, 1).await;
    ordered(&store).await;
    assert_eq!(
        booked(&store, "aa", &[back(1, "R", "MD01")]).await,
        [Booked::As(NoticeOutcome::UnclearReturn)]
    );
    assert_eq!(
        booked(&store, "bb", &[came(1, "X")]).await,
        [Booked::As(NoticeOutcome::Posted)]
    );
    assert_eq!(debit(&store, 1).await.state(), DebitState::Returned);
    assert_eq!(
        (open(&store, 1).await, active(&store, 1).await),
        ((1200, 0), false)
    );
    assert!(
        store
            .notices_for_people(9)
            .await
            .expect("notices")
            .is_empty()
    );
    assert!(
        store
            .unbalanced_entries(9)
            .await
            .expect("entries")
            .is_empty()
    );
}
