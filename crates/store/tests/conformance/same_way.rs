//! Refunds through the payment system that was paid by: asked for once, in the books by what is known, and never
//! more than was paid.

use kvit_billing::Cents;
use kvit_pay::dialects::Refunded;
use kvit_store::{
    Concede, ConcessionKind, ConcessionState, Concessions, Doubt, EventFilter, NewConcession,
    NoticeOutcome, RefundWord, Settle, Store,
};

use super::{
    concessions::{export, refund},
    payers::{begun, books, card_back, card_back_of, card_paid, confirmed, open, told, world},
    world::{account, at},
};

const PAYMENT: &str = "card/paid/A";

fn same_way(provider: &str) -> ConcessionKind {
    ConcessionKind::SameWay {
        provider: provider.parse().expect("a name"),
        payment: PAYMENT.to_owned(),
    }
}

async fn propose(store: &Store, kind: ConcessionKind, cents: i64) -> Concede {
    let new = NewConcession {
        account: account(1),
        kind,
        amount: Cents::new(cents),
        why: "поиска ги".to_owned(),
        by: "ana".to_owned(),
    };
    let said = store.propose_concession(&new, at(70)).await;
    said.expect("an answer")
}

/// Two people agree; gives the number.
async fn agreed(store: &Store, cents: i64) -> u64 {
    let Concede::Proposed(number) = propose(store, same_way("card"), cents).await else {
        panic!("it is refused")
    };
    let said = store.approve_concession(number, "boris", at(80)).await;
    assert_eq!(said.expect("an answer"), Concede::Approved);
    number
}

async fn ask(store: &Store, number: u64) -> bool {
    let said = store.ask_refund(number, at(90)).await;
    said.expect("an answer")
}

async fn hear(store: &Store, number: u64, answer: Result<&Refunded, Doubt>) -> bool {
    let kept = store.refund_answered(number, answer, at(91)).await;
    kept.expect("an answer")
}

async fn clear(store: &Store, number: u64, went_back: bool) -> Concede {
    clear_as(store, number, went_back, "vera").await
}

async fn clear_as(store: &Store, number: u64, went_back: bool, by: &str) -> Concede {
    let said = store.clear_refund(number, went_back, "видях го там", by, at(95));
    said.await.expect("an answer")
}

async fn to_ask(store: &Store, provider: &str) -> Vec<u64> {
    let provider = provider.parse().expect("a name");
    let list = store.concessions(Concessions::ToAsk(&provider), 9).await;
    list.expect("a list").iter().map(|it| it.number).collect()
}

async fn state(store: &Store, number: u64) -> ConcessionState {
    let found = store.concession(number).await.expect("an answer");
    found.expect("a refund").state()
}

/// What is in the books of the card system, of money on its way, and of customers.
async fn held(store: &Store) -> (i64, i64, i64) {
    let all = books(store).await;
    let of = |name: &str| {
        let found = all.iter().find(|(book, _)| book == name);
        found.map_or(0, |(_, cents)| *cents)
    };
    (of("clearing/card"), of("refunds"), of("customer"))
}

/// Customer 1 paid the bill of 12.00 at the card system, as its transaction A.
async fn paid_by_card(store: &Store) {
    world(store).await;
    begun(store, "card", 100).await;
    told(store, &card_paid(1, "A", "12.00", "978")).await;
    assert_eq!(held(store).await, (1200, 0, -1200));
}

pub(crate) async fn money_goes_back_the_way_it_came(store: Store) {
    paid_by_card(&store).await;
    told(&store, &confirmed(&account(1), "T1", 500, "")).await;
    // Only a payment that was begun there, and no more than is left of it.
    let other = propose(&store, same_way("icard"), 100).await;
    assert_eq!(other, Concede::OtherPayment);
    let foreign = ConcessionKind::SameWay {
        provider: "ebg".parse().expect("a name"),
        payment: "ebg/paid/T1".to_owned(),
    };
    let foreign = propose(&store, foreign, 100).await;
    assert_eq!(foreign, Concede::OtherPayment);
    let most = Concede::TooMuch(Cents::new(1200));
    assert_eq!(propose(&store, same_way("card"), 1201).await, most);
    let paid = store.paid_through(PAYMENT).await.expect("an answer");
    let paid = paid.expect("a payment");
    assert_eq!((paid.number, paid.transaction.as_str()), (1, "A"));
    assert!(!paid.received.is_empty());

    let number = agreed(&store, 700).await;
    let most = Concede::TooMuch(Cents::new(500));
    assert_eq!(
        propose(&store, refund(Some(PAYMENT)), 501).await,
        most,
        "both ways together are no more than the payment"
    );
    assert_eq!(state(&store, number).await, ConcessionState::Approved);
    assert_eq!(held(&store).await, (1200, -700, -1000));
    assert_eq!(to_ask(&store, "card").await, [number]);
    assert!(to_ask(&store, "icard").await.is_empty(), "by its own turn");
    let to_send = store.concessions(Concessions::ToSend, 9).await;
    assert!(to_send.expect("a list").is_empty(), "it is in no file");

    // Whoever comes first asks, and nobody after.
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { ask(&store, number).await })
        })
        .collect();
    let mut may = 0;
    for asker in askers {
        may += usize::from(asker.await.expect("asked"));
    }
    assert_eq!(may, 1);
    assert_eq!(state(&store, number).await, ConcessionState::Asked);
    assert!(to_ask(&store, "card").await.is_empty());
    let stop = store.refuse_concession(number, "vera", at(91)).await;
    assert_eq!(stop.expect("an answer"), Concede::Over, "it may have left");
    assert_eq!(clear(&store, number, false).await, Concede::Over);

    let done = Refunded::Done(Some("R7".to_owned()));
    assert!(hear(&store, number, Ok(&done)).await);
    assert!(!hear(&store, number, Ok(&done)).await, "told twice");
    assert!(!hear(&store, number, Err(Doubt::Silent)).await);
    assert_eq!(state(&store, number).await, ConcessionState::Paid);
    assert_eq!(held(&store).await, (500, 0, -1000));
    assert_eq!(open(&store, 1).await, (200, 0), "its bill is owed again");
    let one = store.concession(number).await.expect("an answer");
    let answer = one.expect("a refund").answer.expect("an answer");
    assert_eq!(
        (answer.word, answer.words.as_str()),
        (RefundWord::Done, "R7")
    );
    let over = store.concessions(Concessions::SameWay, 9).await;
    assert!(over.expect("a list").is_empty());
}

pub(crate) async fn what_is_not_given_back_may_go_another_way(store: Store) {
    paid_by_card(&store).await;
    let number = agreed(&store, 1200).await;
    assert!(ask(&store, number).await);
    let no = Refunded::Refused("21 expired card".to_owned());
    assert!(hear(&store, number, Ok(&no)).await);
    assert_eq!(state(&store, number).await, ConcessionState::Declined);
    assert_eq!(held(&store).await, (1200, 0, -1200));
    assert_eq!(open(&store, 1).await, (0, 0));
    // Nothing of it is used up.
    let other = propose(&store, refund(Some(PAYMENT)), 1200).await;
    assert!(matches!(other, Concede::Proposed(_)), "{other:?}");
    let one = store.concession(number).await.expect("an answer");
    let one = one.expect("a refund");
    assert_eq!(one.answer.expect("an answer").words, "21 expired card");
    assert!(!ask(&store, number).await);
}

pub(crate) async fn what_nobody_knows_waits_for_a_person(store: Store) {
    paid_by_card(&store).await;
    // An answer that comes after the doubt is believed.
    let late = agreed(&store, 100).await;
    assert!(ask(&store, late).await);
    assert!(hear(&store, late, Err(Doubt::Silent)).await);
    assert_eq!(state(&store, late).await, ConcessionState::Unclear);
    assert!(!ask(&store, late).await, "it is never asked for again");
    assert_eq!(held(&store).await, (1200, -100, -1100));
    assert!(hear(&store, late, Ok(&Refunded::Done(None))).await);
    assert_eq!(held(&store).await, (1100, 0, -1100));
    // A death between asking and keeping leaves it so; whoever looks later says that it is unclear.
    let died = agreed(&store, 200).await;
    assert!(ask(&store, died).await);
    let doubted = async |minute| store.doubt_refunds(at(minute), at(99)).await.expect("some");
    assert_eq!(doubted(90).await, 0, "it may be under way");
    assert_eq!(doubted(91).await, 1);
    assert_eq!(doubted(91).await, 0);
    assert_eq!(clear(&store, died, true).await, Concede::Cleared);
    assert_eq!(clear(&store, died, false).await, Concede::Over);
    assert_eq!(state(&store, died).await, ConcessionState::Paid);
    assert_eq!(held(&store).await, (900, 0, -900));
    // Found out that it did not; an answer that says otherwise after that is only logged.
    let gone = agreed(&store, 300).await;
    assert!(ask(&store, gone).await);
    let unclear = async |provider: &str, since| {
        let provider = provider.parse().expect("a name");
        let said = store.leaves_unclear(&provider, at(since)).await;
        said.expect("an answer")
    };
    assert!(!unclear("card", 0).await, "the others are cleared");
    hear(&store, gone, Err(Doubt::Unbelieved)).await;
    assert!(unclear("card", 90).await);
    let waiting = async || {
        let depths = store.queue_depths(at(95)).await;
        depths.expect("depths").refunds_unclear
    };
    assert_eq!(waiting().await, 1);
    assert!(!unclear("card", 91).await && !unclear("icard", 0).await);
    // Neither of the two who wanted it says what came of it.
    for by in ["ana", "boris", "console:ana"] {
        let said = clear_as(&store, gone, false, by).await;
        assert_eq!(said, Concede::SamePerson, "{by}");
    }
    assert_eq!(state(&store, gone).await, ConcessionState::Unclear);
    let listed = store.concessions(Concessions::SameWay, 9).await;
    assert_eq!(listed.expect("a list").len(), 1);
    assert_eq!(clear(&store, gone, false).await, Concede::Cleared);
    assert_eq!(waiting().await, 0);
    assert_eq!(state(&store, gone).await, ConcessionState::Declined);
    assert!(!hear(&store, gone, Ok(&Refunded::Done(None))).await);
    assert_eq!(held(&store).await, (900, 0, -900));
    let one = store.concession(gone).await.expect("an answer");
    let answer = one.expect("a refund").answer.expect("an answer");
    assert_eq!(
        (answer.found_by.as_deref(), answer.words.as_str()),
        (Some("vera"), "видях го там")
    );
    assert_eq!(clear(&store, 99, true).await, Concede::Unknown);
    // After a backup was restored nothing is asked for by itself: it may have been before.
    let waits = agreed(&store, 400).await;
    let doubt = async || store.doubt_waiting_refunds("eva", at(97)).await;
    assert_eq!(doubt().await.expect("an answer"), [waits]);
    assert!(doubt().await.expect("an answer").is_empty(), "once");
    assert!(to_ask(&store, "card").await.is_empty());
    assert!(!ask(&store, waits).await);
    assert_eq!(state(&store, waits).await, ConcessionState::Unclear);
    let listed = store.concessions(Concessions::SameWay, 9).await;
    let answer = listed.expect("a list")[0].answer.clone();
    assert_eq!(answer.expect("an answer").words, Doubt::Restored.as_str());
    assert_eq!(clear(&store, waits, false).await, Concede::Cleared);
    assert_eq!(held(&store).await, (900, 0, -900));
}

/// A payment that is taken back does not go back by a refund as well, whichever is first.
pub(crate) async fn a_reversal_and_a_refund_do_not_give_back_twice(store: Store) {
    paid_by_card(&store).await;
    let number = agreed(&store, 1200).await;
    let back = told(&store, &card_back_of(1, "A")).await;
    assert_eq!(back.outcome, NoticeOutcome::Reversed);
    assert!(!ask(&store, number).await, "there is nothing to give");
    assert_eq!(state(&store, number).await, ConcessionState::Declined);
    assert_eq!(held(&store).await, (0, 0, 0));
    assert_eq!(open(&store, 1).await, (1200, 0));

    // Paid again, and asked back: what takes it back then may be the same money.
    begun(&store, "card", 100).await;
    told(&store, &card_paid(2, "B", "12.00", "978")).await;
    let again = ConcessionKind::SameWay {
        provider: "card".parse().expect("a name"),
        payment: "card/paid/B".to_owned(),
    };
    let Concede::Proposed(number) = propose(&store, again, 1200).await else {
        panic!("it is refused")
    };
    let said = store.approve_concession(number, "boris", at(80)).await;
    said.expect("an answer");
    assert!(ask(&store, number).await);
    // Nor do people take the payment back, unless the refund is known not to have gone.
    let reverse = async |by: &str, minute| {
        let why = Some("върнато там");
        let said = store.reverse_payment("card/paid/B", why, by, at(minute));
        said.await.expect("an answer")
    };
    assert_eq!(reverse("eva", 90).await, Settle::AskedBack(number));
    for notice in [card_back_of(2, "B"), card_back(2)] {
        let back = told(&store, &notice).await;
        assert_eq!(back.outcome, NoticeOutcome::Contradiction, "people look");
    }
    assert!(hear(&store, number, Ok(&Refunded::Done(None))).await);
    assert_eq!(held(&store).await, (0, 0, 0));
    assert_eq!(open(&store, 1).await, (1200, 0));
    assert_eq!(reverse("eva", 92).await, Settle::AskedBack(number));
}

async fn otherwise(store: &Store, number: u64, went_back: bool, by: &str) -> Concede {
    let said = store.say_otherwise(number, went_back, "видях го там", by, at(100));
    said.await.expect("an answer")
}

async fn approve(store: &Store, correction: u64, by: &str) -> Concede {
    let said = store
        .approve_refund_correction(correction, by, at(101))
        .await;
    said.expect("an answer")
}

/// Said by one, approved by a third; gives its number.
async fn corrected(store: &Store, number: u64, went_back: bool) -> u64 {
    let Concede::Proposed(correction) = otherwise(store, number, went_back, "ana").await else {
        panic!("it is refused")
    };
    assert_eq!(approve(store, correction, "vera").await, Concede::Approved);
    correction
}

pub(crate) async fn what_turns_out_to_be_otherwise_is_corrected(store: Store) {
    paid_by_card(&store).await;
    let number = agreed(&store, 1200).await;
    assert_eq!(otherwise(&store, number, true, "vera").await, Concede::Over);
    assert!(ask(&store, number).await);
    let done = Refunded::Done(Some("R7".to_owned()));
    assert!(hear(&store, number, Ok(&done)).await);
    // It was not given: said by one, and by nobody who wanted the refund approved.
    assert_eq!(otherwise(&store, 99, false, "ana").await, Concede::Unknown);
    assert_eq!(otherwise(&store, number, true, "ana").await, Concede::Over);
    for _ in 0..2 {
        let said = otherwise(&store, number, false, "ana").await;
        assert_eq!(said, Concede::Proposed(1), "said twice is once");
    }
    let other = otherwise(&store, number, false, "vera").await;
    assert_eq!(other, Concede::Over, "one at a time");
    let listed = store.concessions(Concessions::ToCorrect, 9).await;
    assert_eq!(listed.expect("a list")[0].correction, Some(1));
    for by in ["ana", "boris", "console:ana"] {
        assert_eq!(approve(&store, 1, by).await, Concede::SamePerson, "{by}");
    }
    assert_eq!(held(&store).await, (0, 0, 0), "nothing is booked yet");
    // Whoever comes first books it, and nobody after.
    let hands: Vec<_> = ["vera", "eva"]
        .map(|by| {
            let store = store.clone();
            tokio::spawn(async move { approve(&store, 1, by).await })
        })
        .into();
    let mut booked = Vec::new();
    for hand in hands {
        booked.push(hand.await.expect("an answer"));
    }
    booked.sort_by_key(|said| *said != Concede::Approved);
    assert_eq!(booked, [Concede::Approved, Concede::Over]);
    assert_eq!(state(&store, number).await, ConcessionState::Declined);
    assert_eq!(held(&store).await, (1200, 0, -1200));
    assert_eq!(open(&store, 1).await, (0, 0));
    let refuse = store.refuse_refund_correction(1, "ana", at(102)).await;
    assert_eq!(refuse.expect("an answer"), Concede::Over);
    // What was known is still there, and the worker's late answer changes nothing.
    let one = store.concession(number).await.expect("an answer");
    let answer = one.expect("a refund").answer.expect("an answer");
    assert_eq!(
        (answer.word, answer.words.as_str()),
        (RefundWord::Done, "R7")
    );
    assert!(!hear(&store, number, Ok(&done)).await);
    assert!(store.doubt_refunds(at(200), at(200)).await.expect("some") == 0);

    // It went back after all, and then it did not: each correction has entries of its own.
    for (correction, went_back, books, owed) in [
        (2, true, (0, 0, 0), 1200),
        (3, false, (1200, 0, -1200), 0),
        (4, true, (0, 0, 0), 1200),
    ] {
        assert_eq!(corrected(&store, number, went_back).await, correction);
        assert_eq!(held(&store).await, books, "{correction}");
        assert_eq!(open(&store, 1).await, (owed, 0), "{correction}");
    }
    assert_eq!(state(&store, number).await, ConcessionState::Paid);
    // Refused, the books stay as they are, and the next one may be said.
    assert_eq!(
        otherwise(&store, number, false, "vera").await,
        Concede::Proposed(5)
    );
    let refuse = store.refuse_refund_correction(5, "eva", at(102)).await;
    assert_eq!(refuse.expect("an answer"), Concede::Refused);
    assert_eq!(approve(&store, 5, "petar").await, Concede::Over);
    assert_eq!(approve(&store, 99, "petar").await, Concede::Unknown);
    assert_eq!(held(&store).await, (0, 0, 0));
    let all = store.refund_corrections(number).await.expect("a list");
    let kept: Vec<_> = all
        .iter()
        .map(|it| (it.went_back, it.approved.is_some(), it.refused.is_some()))
        .collect();
    assert_eq!(
        kept,
        [
            (false, true, false),
            (true, true, false),
            (false, true, false),
            (true, true, false),
            (false, false, true)
        ]
    );
    assert_eq!(
        (all[0].said.by.as_str(), all[0].seen.as_str()),
        ("ana", "видях го там")
    );
    assert!(
        store
            .unbalanced_entries(9)
            .await
            .expect("entries")
            .is_empty()
    );
    for (entry, taken_back, after_all) in [
        ("refund/1", false, false),
        ("refund/1/2", false, true),
        ("reversal/refund/1/2", true, false),
    ] {
        let told = store.money_told(entry).await.expect("an answer");
        let told = told.expect("an entry");
        let conceded = told.conceded.expect("a refund");
        assert_eq!(
            (told.taken_back, conceded.same_way, conceded.after_all),
            (taken_back, "card".parse().ok(), after_all),
            "{entry}"
        );
    }
    let trail = store.audit(&EventFilter::default(), 99).await;
    let trail = trail.expect("a trail");
    for (what, times) in [
        ("refund.doubted", 5),
        ("refund.corrected", 4),
        ("refund.upheld", 1),
    ] {
        let of = trail.iter().filter(|event| event.what == what);
        assert_eq!(of.count(), times, "{what}");
    }
}

/// What turns out to be given after all does not go back in another way too, and a reversal that may be the same
/// money is looked at by people.
pub(crate) async fn a_correction_does_not_give_back_twice(store: Store) {
    paid_by_card(&store).await;
    let number = agreed(&store, 1200).await;
    assert!(ask(&store, number).await);
    let no = Refunded::Refused("21".to_owned());
    assert!(hear(&store, number, Ok(&no)).await);
    // It is on its way to an account, when somebody says that it was given the first time.
    let Concede::Proposed(other) = propose(&store, refund(Some(PAYMENT)), 1200).await else {
        panic!("it is refused")
    };
    let said = store.approve_concession(other, "boris", at(92)).await;
    assert_eq!(said.expect("an answer"), Concede::Approved);
    assert_eq!(held(&store).await, (1200, -1200, 0));
    assert_eq!(
        otherwise(&store, number, true, "ana").await,
        Concede::Proposed(1)
    );
    // While it waits, nothing more of this payment goes back, and nobody takes it back.
    let none = Concede::TooMuch(Cents::ZERO);
    assert_eq!(propose(&store, refund(Some(PAYMENT)), 1).await, none);
    let back = told(&store, &card_back_of(1, "A")).await;
    assert_eq!(back.outcome, NoticeOutcome::Contradiction, "people look");
    assert_eq!(approve(&store, 1, "vera").await, Concede::Approved);
    assert_eq!(held(&store).await, (0, -1200, 1200), "owed by the customer");
    let made = export(&store).await;
    assert!(made.file.is_none(), "it does not leave");
    assert_eq!(made.held, [other]);
    let said = store.refuse_concession(other, "vera", at(104)).await;
    assert_eq!(said.expect("an answer"), Concede::Refused);
    assert_eq!(held(&store).await, (0, 0, 0));
    assert_eq!(open(&store, 1).await, (1200, 0));

    // A payment that was taken back meanwhile is in the books already.
    begun(&store, "card", 100).await;
    told(&store, &card_paid(2, "B", "12.00", "978")).await;
    let again = ConcessionKind::SameWay {
        provider: "card".parse().expect("a name"),
        payment: "card/paid/B".to_owned(),
    };
    let Concede::Proposed(number) = propose(&store, again, 1200).await else {
        panic!("it is refused")
    };
    let said = store.approve_concession(number, "boris", at(80)).await;
    said.expect("an answer");
    assert!(ask(&store, number).await);
    assert!(hear(&store, number, Ok(&no)).await);
    let back = told(&store, &card_back_of(2, "B")).await;
    assert_eq!(back.outcome, NoticeOutcome::Reversed);
    let said = otherwise(&store, number, true, "ana").await;
    assert_eq!(said, Concede::OtherPayment);
    assert_eq!(held(&store).await, (0, 0, 0));
}

/// Credit that may be gone by a refund that turns out to be given is not given once more.
pub(crate) async fn a_correction_takes_credit_first(store: Store) {
    paid_by_card(&store).await;
    told(&store, &confirmed(&account(1), "T1", 500, "")).await;
    let number = agreed(&store, 500).await;
    assert!(ask(&store, number).await);
    let no = Refunded::Refused("21".to_owned());
    assert!(hear(&store, number, Ok(&no)).await);
    let Concede::Proposed(other) = propose(&store, refund(None), 500).await else {
        panic!("it is refused")
    };
    let approve_other = async || {
        let said = store.approve_concession(other, "boris", at(92)).await;
        said.expect("an answer")
    };
    // While somebody says that it was given, there is no credit to approve or to propose.
    let said = otherwise(&store, number, true, "ana").await;
    assert_eq!(said, Concede::Proposed(1));
    let none = Concede::TooMuch(Cents::ZERO);
    assert_eq!(approve_other().await, none);
    assert_eq!(propose(&store, refund(None), 1).await, none);
    let refuse = store.refuse_refund_correction(1, "eva", at(92)).await;
    assert_eq!(refuse.expect("an answer"), Concede::Refused);
    // Approved before that is said: it does not leave while it is not decided, nor after it is approved.
    assert_eq!(approve_other().await, Concede::Approved);
    let said = otherwise(&store, number, true, "ana").await;
    assert_eq!(said, Concede::Proposed(2));
    assert_eq!(export(&store).await.held, [other]);
    assert_eq!(approve(&store, 2, "vera").await, Concede::Approved);
    assert_eq!(open(&store, 1).await, (500, 0), "five were over, ten went");
    let made = export(&store).await;
    assert!(made.file.is_none(), "it does not leave");
    assert_eq!(made.held, [other]);
    // It was not given: now it leaves.
    assert_eq!(corrected(&store, number, false).await, 3);
    assert_eq!(open(&store, 1).await, (0, 0));
    let made = export(&store).await;
    assert!(made.file.is_some() && made.held.is_empty());
}

/// Another refund of the same payment waits while a correction does, and ends only by one that was approved.
pub(crate) async fn one_word_ends_no_other_refund(store: Store) {
    paid_by_card(&store).await;
    let no = Refunded::Refused("21".to_owned());
    let first = agreed(&store, 1200).await;
    assert!(ask(&store, first).await);
    assert!(hear(&store, first, Ok(&no)).await);
    for (correction, approved) in [(1, false), (2, true)] {
        let other = agreed(&store, 1200).await;
        let said = otherwise(&store, first, true, "ana").await;
        assert_eq!(said, Concede::Proposed(correction));
        assert!(!ask(&store, other).await, "it may have gone");
        assert_eq!(state(&store, other).await, ConcessionState::Approved);
        assert_eq!(to_ask(&store, "card").await, [other]);
        if approved {
            let said = approve(&store, correction, "vera").await;
            assert_eq!(said, Concede::Approved);
            assert!(!ask(&store, other).await, "it has gone");
            assert_eq!(held(&store).await, (0, 0, 0));
        } else {
            let said = store.refuse_refund_correction(correction, "eva", at(102));
            assert_eq!(said.await.expect("an answer"), Concede::Refused);
            assert!(ask(&store, other).await, "nothing is in its way");
            assert!(hear(&store, other, Ok(&no)).await);
        }
        assert_eq!(state(&store, other).await, ConcessionState::Declined);
    }
}
