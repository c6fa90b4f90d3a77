//! Refunds and write-offs: two people, never more than there is, and each refund in one file.

use jiff::civil::date;
use kvit_billing::{Cents, ChunkNo, DeliveryKind, Language, OrderSeq};
use kvit_pay::{
    Iban,
    credit::{Payer, end_to_end, file_name},
    statement::{Transfer, TransferKind},
};
use kvit_store::{
    Booked, Concede, ConcessionKind, ConcessionState, Concessions, DeliveryWhat, Exported,
    NewConcession, NoticeOutcome, StatementReport, Store,
};

use super::{
    deliveries::claim,
    money_mails::enrol,
    payers::{begun, books, card_back_of, card_paid, confirmed, epay_paid, open, told, world},
    statements::{booked, paid},
    world::{account, at, claimed, new_run, number, order, release_by, result, run_id, totals},
};

const OURS: &str = "BG80BNBG96611020345678";

fn theirs() -> Iban {
    "DE89370400440532013000".parse().expect("an account")
}

pub(crate) fn refund(payment: Option<&str>) -> ConcessionKind {
    ConcessionKind::Refund {
        iban: theirs(),
        payee: "Ана".to_owned(),
        payment: payment.map(str::to_owned),
    }
}

pub(crate) fn write_off(bill: u64) -> ConcessionKind {
    ConcessionKind::WriteOff { bill: number(bill) }
}

async fn propose(store: &Store, n: u64, kind: ConcessionKind, cents: i64) -> Concede {
    let new = NewConcession {
        account: account(n),
        kind,
        amount: Cents::new(cents),
        why: "поиска ги".to_owned(),
        by: "ana".to_owned(),
    };
    store
        .propose_concession(&new, at(70))
        .await
        .expect("an answer")
}

async fn approve(store: &Store, number: u64, by: &str) -> Concede {
    let said = store.approve_concession(number, by, at(80)).await;
    said.expect("an answer")
}

/// Two people agree; gives the number.
pub(crate) async fn conceded(store: &Store, n: u64, kind: ConcessionKind, cents: i64) -> u64 {
    let Concede::Proposed(number) = propose(store, n, kind, cents).await else {
        panic!("it is refused")
    };
    assert_eq!(approve(store, number, "boris").await, Concede::Approved);
    number
}

pub(crate) async fn export(store: &Store) -> Exported {
    let payer = Payer {
        name: "Оператор".to_owned(),
        iban: OURS.parse().expect("an account"),
        bic: String::new(),
    };
    let made = store.export_refunds(&payer, date(2026, 11, 30), "Клиент", "vera", at(90));
    made.await.expect("an answer")
}

async fn state(store: &Store, number: u64) -> ConcessionState {
    let found = store.concession(number).await.expect("an answer");
    found.expect("a refund").state()
}

async fn book(store: &Store, name: &str) -> i64 {
    let books = books(store).await;
    let found = books.iter().find(|(book, _)| book == name);
    found.map_or(0, |(_, cents)| *cents)
}

pub(super) fn debit(name: &str, cents: i64) -> Transfer {
    Transfer {
        kind: TransferKind::Spent,
        name: String::new(),
        amount: Cents::new(cents),
        end_to_end: Some(name.to_owned()),
        ..paid("", "")
    }
}

async fn settle(store: &Store, statement: &str, debit: &Transfer) -> Option<Booked> {
    booked(store, statement, &[]).await;
    let all = store.settle_refunds(statement, std::slice::from_ref(debit), at(100));
    all.await.expect("an answer").remove(0)
}

/// Customer 1 has a credit of 5.00.
pub(crate) async fn with_credit(store: &Store) {
    world(store).await;
    told(store, &confirmed(&account(1), "T1", 1700, "")).await;
    assert_eq!(open(store, 1).await, (0, 500));
}

/// What whoever writes off the rest of a bill asks first.
pub(crate) async fn looked_at(store: &Store) {
    let most = store.concedable(&account(1), &write_off(100)).await;
    assert_eq!(most.expect("an answer"), None, "there is no such bill");
}

pub(crate) async fn a_refund_needs_two_people_and_credit(store: Store) {
    with_credit(&store).await;
    assert_eq!(
        propose(&store, 9, refund(None), 1).await,
        Concede::UnknownCustomer
    );
    for cents in [501, 0, -1] {
        let most = Concede::TooMuch(Cents::new(500));
        assert_eq!(propose(&store, 1, refund(None), cents).await, most);
    }
    assert_eq!(
        propose(&store, 1, refund(None), 300).await,
        Concede::Proposed(1)
    );
    assert_eq!(
        propose(&store, 1, refund(None), 300).await,
        Concede::Proposed(1),
        "pressed twice"
    );
    // What is proposed is not proposed again.
    let most = Concede::TooMuch(Cents::new(200));
    assert_eq!(propose(&store, 1, refund(None), 201).await, most);
    assert_eq!(approve(&store, 1, "Console:Ana").await, Concede::SamePerson);
    assert_eq!(approve(&store, 7, "boris").await, Concede::Unknown);
    assert_eq!(
        open(&store, 1).await,
        (0, 500),
        "nothing is in the books yet"
    );
    assert_eq!(approve(&store, 1, "boris").await, Concede::Approved);
    assert_eq!(approve(&store, 1, "boris").await, Concede::Over);
    assert_eq!(open(&store, 1).await, (0, 200));
    assert_eq!(book(&store, "refunds").await, -300);
    // What there was went elsewhere meanwhile.
    assert_eq!(
        propose(&store, 1, refund(None), 200).await,
        Concede::Proposed(2)
    );
    let back = store
        .reverse_payment("ebg/paid/T1", Some("wrong"), "ana", at(75))
        .await;
    back.expect("said");
    let back = store
        .reverse_payment("ebg/paid/T1", None, "boris", at(76))
        .await;
    back.expect("said");
    let most = Concede::TooMuch(Cents::ZERO);
    assert_eq!(approve(&store, 2, "boris").await, most);
    let refused = store.refuse_concession(2, "boris", at(81)).await;
    assert_eq!(refused.expect("an answer"), Concede::Refused);
    assert_eq!(state(&store, 2).await, ConcessionState::Refused);
    // More is given back than there is: it does not leave, and may be taken back.
    let made = export(&store).await;
    assert!(made.file.is_none());
    assert_eq!(made.held, [1]);
    let refused = store.refuse_concession(1, "vera", at(82)).await;
    assert_eq!(refused.expect("an answer"), Concede::Refused);
    assert_eq!(
        (open(&store, 1).await, book(&store, "refunds").await),
        ((1200, 0), 0)
    );
}

pub(crate) async fn a_payment_is_given_back_once(store: Store) {
    world(&store).await;
    begun(&store, "epay", 100).await;
    let key = epay_paid(1, 7).key();
    told(&store, &epay_paid(1, 7)).await;
    assert_eq!(
        propose(&store, 1, refund(Some("epay/paid/none")), 1).await,
        Concede::OtherPayment
    );
    assert_eq!(
        propose(&store, 2, refund(Some(&key)), 1).await,
        Concede::OtherPayment
    );
    let most = Concede::TooMuch(Cents::new(1200));
    assert_eq!(propose(&store, 1, refund(Some(&key)), 1201).await, most);
    conceded(&store, 1, refund(Some(&key)), 1000).await;
    assert_eq!(open(&store, 1).await, (1000, 0), "the bill is owed again");
    let most = Concede::TooMuch(Cents::new(200));
    assert_eq!(propose(&store, 1, refund(Some(&key)), 201).await, most);
    conceded(&store, 1, refund(Some(&key)), 200).await;
    let most = Concede::TooMuch(Cents::ZERO);
    assert_eq!(propose(&store, 1, refund(Some(&key)), 1).await, most);
    // Credit that was given back is not given back as a part of its payment too.
    told(&store, &confirmed(&account(1), "T1", 1700, "")).await;
    conceded(&store, 1, refund(None), 500).await;
    let most = Concede::TooMuch(Cents::new(1200));
    assert_eq!(
        propose(&store, 1, refund(Some("ebg/paid/T1")), 1201).await,
        most
    );
    // A payment that was taken back is not given back.
    begun(&store, "card", 101).await;
    told(&store, &card_paid(1, "A", "12.00", "978")).await;
    told(&store, &card_back_of(1, "A")).await;
    let gone = propose(&store, 2, refund(Some("card/paid/A")), 100).await;
    assert_eq!(gone, Concede::OtherPayment);
}

/// Bill 102 of customer 1, of 12.00 as the first one.
async fn another_bill(store: &Store) {
    let (run, orders) = (run_id("two"), [order(&account(1), 2)]);
    store.begin_run(&new_run("two")).await.expect("a new run");
    let staged = store.stage_chunk(&run, at(0), ChunkNo(0), OrderSeq(0), &orders);
    staged.await.expect("a staged chunk");
    let (totals, report) = (totals(1, 1), serde_json::json!({}));
    let accepted = store.accept_run(&run, at(0), &totals, &report, at(1)).await;
    accepted.expect("an accepted run");
    let released = store.release_run(&run, &release_by("boris")).await;
    released.expect("numbers");
    let job = claimed(store, "a", 3).await.expect("a chunk");
    let kept = store.finish_chunk(&result(&job, "a")).await;
    kept.expect("a kept chunk");
}

/// A bill that stays paid does not hide that a payment is gone.
pub(crate) async fn what_was_taken_back_does_not_leave(store: Store) {
    world(&store).await;
    another_bill(&store).await;
    // Customer 1 has bills 100 and 102, paid; and paid 100 twice.
    told(&store, &confirmed(&account(1), "T1", 1200, "0000000100")).await;
    told(&store, &confirmed(&account(1), "T2", 1200, "0000000102")).await;
    begun(&store, "card", 100).await;
    told(&store, &card_paid(1, "A", "12.00", "978")).await;
    assert_eq!(open(&store, 1).await, (0, 1200));
    let one = conceded(&store, 1, refund(None), 1200).await;
    told(&store, &card_back_of(1, "A")).await;
    assert_eq!(open(&store, 1).await, (1200, 0));
    let made = export(&store).await;
    assert_eq!((made.file.is_none(), made.held), (true, vec![one]));

    // The payment that goes back is gone itself; customer 2 has enough besides, and theirs of credit leaves.
    told(&store, &confirmed(&account(2), "T3", 2500, "0000000101")).await;
    begun(&store, "card", 101).await;
    told(&store, &card_paid(2, "B", "12.00", "978")).await;
    let two = conceded(&store, 2, refund(Some("card/paid/B")), 1200).await;
    told(&store, &card_back_of(2, "B")).await;
    let three = conceded(&store, 2, refund(None), 50).await;
    let made = export(&store).await;
    assert_eq!(
        (made.file.map(|file| file.transfers), made.held),
        (Some(1), vec![one, two])
    );
    assert_eq!(state(&store, three).await, ConcessionState::Sent);

    // Stopped, the books are as if it had not been; paid again, it may leave.
    for number in [one, two] {
        let refused = store.refuse_concession(number, "vera", at(95)).await;
        assert_eq!(refused.expect("an answer"), Concede::Refused);
    }
    assert_eq!(open(&store, 1).await, (0, 0));
    told(&store, &confirmed(&account(1), "T4", 300, "")).await;
    let four = conceded(&store, 1, refund(None), 300).await;
    let made = export(&store).await;
    assert_eq!((made.file.is_some(), made.held), (true, vec![]));
    assert_eq!(state(&store, four).await, ConcessionState::Sent);
}

pub(crate) async fn rests_of_a_bill_are_small_in_all(store: Store) {
    world(&store).await;
    conceded(&store, 1, write_off(100), 400).await;
    assert_eq!(
        propose(&store, 1, write_off(100), 601).await,
        Concede::NotSmall
    );
    let Concede::Proposed(waits) = propose(&store, 1, write_off(100), 350).await else {
        panic!("it is refused")
    };
    assert_eq!(
        propose(&store, 1, write_off(100), 251).await,
        Concede::NotSmall,
        "what waits counts too"
    );
    // What was refused does not; and another bill has its own ten euro.
    let refused = store.refuse_concession(waits, "boris", at(81)).await;
    assert_eq!(refused.expect("an answer"), Concede::Refused);
    conceded(&store, 1, write_off(100), 600).await;
    assert_eq!(
        propose(&store, 1, write_off(100), 1).await,
        Concede::NotSmall
    );
    conceded(&store, 2, write_off(101), 1000).await;
    assert_eq!(open(&store, 1).await, (200, 0));
}

pub(crate) async fn a_small_rest_is_written_off(store: Store) {
    world(&store).await;
    told(&store, &confirmed(&account(1), "T1", 1150, "0000000100")).await;
    assert_eq!(
        propose(&store, 1, write_off(101), 50).await,
        Concede::OtherBill
    );
    assert_eq!(
        propose(&store, 2, write_off(101), 1200).await,
        Concede::NotSmall
    );
    let most = Concede::TooMuch(Cents::new(50));
    assert_eq!(propose(&store, 1, write_off(100), 51).await, most);
    let number = conceded(&store, 1, write_off(100), 50).await;
    assert_eq!(open(&store, 1).await, (0, 0));
    assert_eq!(book(&store, "write-off").await, 50);
    let refused = store.refuse_concession(number, "boris", at(82)).await;
    assert_eq!(
        refused.expect("an answer"),
        Concede::Over,
        "it is not undone"
    );
    // Paid all the same: what was given up is no money that could go back.
    told(&store, &confirmed(&account(1), "T2", 70, "")).await;
    assert_eq!(open(&store, 1).await, (0, 70));
    let most = Concede::TooMuch(Cents::new(20));
    assert_eq!(propose(&store, 1, refund(None), 70).await, most);
}

pub(crate) async fn a_refund_is_in_one_file_and_settled_by_its_debit(store: Store) {
    with_credit(&store).await;
    told(&store, &confirmed(&account(2), "T2", 1300, "")).await;
    let one = conceded(&store, 1, refund(None), 500).await;
    let two = conceded(&store, 2, refund(None), 100).await;
    propose(&store, 1, refund(Some("ebg/paid/T1")), 700).await;
    let makers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { export(&store).await })
        })
        .collect();
    let mut files = Vec::new();
    for maker in makers {
        files.extend(maker.await.expect("made").file);
    }
    assert_eq!(files.len(), 1, "each refund is in one file");
    let file = &files[0];
    assert_eq!(
        (file.number, file.transfers, file.cents.get(), file.settled),
        (1, 2, 600, 0)
    );
    let fetched = async || {
        let bytes = store
            .fetch_refund_file(1, "vera", at(95))
            .await
            .expect("an answer");
        String::from_utf8(bytes.expect("a file")).expect("text")
    };
    let xml = fetched().await;
    assert_eq!(xml, fetched().await);
    for part in [
        "<NbOfTxs>2</NbOfTxs><CtrlSum>6.00</CtrlSum>",
        "DE89370400440532013000",
        "Klient 0000002",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    let refused = store.refuse_concession(one, "boris", at(91)).await;
    assert_eq!(refused.expect("an answer"), Concede::Over, "it has left");
    assert_eq!(state(&store, one).await, ConcessionState::Sent);

    // Its name and its amount have to fit, and the account.
    assert_eq!(
        settle(&store, "s0", &debit("KVIT-REFUND-99", 500)).await,
        None
    );
    assert_eq!(
        settle(&store, "s0", &debit(&end_to_end(one), 499)).await,
        None
    );
    let other = Transfer {
        iban: theirs().as_str().to_owned(),
        ..debit(&end_to_end(one), 500)
    };
    assert_eq!(settle(&store, "s0", &other).await, None);
    let found = debit(&end_to_end(one), 500);
    assert_eq!(settle(&store, "s1", &found).await, Some(Booked::Refunded));
    assert_eq!(
        settle(&store, "s1", &found).await,
        Some(Booked::Refunded),
        "after a death"
    );
    assert_eq!(settle(&store, "s2", &found).await, Some(Booked::Repeated));
    assert_eq!(state(&store, one).await, ConcessionState::Paid);
    assert_eq!(
        (book(&store, "bank").await, book(&store, "refunds").await),
        (-500, -100)
    );
    let listed = store
        .refund_file(1)
        .await
        .expect("an answer")
        .expect("a file");
    assert_eq!(listed.settled, 1);

    // The second did not arrive: it is credit again, and may go to another account.
    let back = Transfer {
        kind: TransferKind::CameBack,
        amount: Cents::new(100),
        end_to_end: Some(end_to_end(two)),
        ..paid("R1", "")
    };
    let posted = [Booked::As(NoticeOutcome::Posted)];
    assert_eq!(
        booked(&store, "s3", std::slice::from_ref(&back)).await,
        posted
    );
    assert_eq!(booked(&store, "s4", &[back]).await, [Booked::Repeated]);
    assert_eq!(
        settle(&store, "s3", &debit(&end_to_end(two), 100)).await,
        Some(Booked::Refunded)
    );
    assert_eq!(
        (open(&store, 2).await, state(&store, two).await),
        ((0, 100), ConcessionState::CameBack)
    );
    assert_eq!(
        (book(&store, "bank").await, book(&store, "refunds").await),
        (-500, 0)
    );
    let again = conceded(&store, 2, refund(None), 100).await;
    let file = export(&store).await.file.expect("a file");
    assert_eq!((file.number, file.transfers), (2, 1));

    // A bank that books a file as one sum names the file.
    let sum = Transfer {
        end_to_end: None,
        payment_file: Some(file_name(2)),
        ..debit("", 100)
    };
    assert_eq!(settle(&store, "s5", &sum).await, Some(Booked::Refunded));
    assert_eq!(state(&store, again).await, ConcessionState::Paid);
    assert_eq!(
        store
            .concessions(Concessions::ToSend, 9)
            .await
            .expect("a list")
            .len(),
        0
    );
    assert_eq!(
        store
            .concessions(Concessions::Proposed, 9)
            .await
            .expect("a list")
            .len(),
        1
    );
    assert_eq!(
        store
            .concessions(Concessions::In(1), 9)
            .await
            .expect("a list")
            .len(),
        2
    );
}

pub(crate) async fn a_second_debit_of_a_refund_is_for_people(store: Store) {
    with_credit(&store).await;
    let one = conceded(&store, 1, refund(None), 200).await;
    export(&store).await;
    let two = conceded(&store, 1, refund(None), 300).await;
    let made = export(&store).await;
    assert_eq!(made.file.expect("a file").number, 2);
    let first = Transfer {
        name: format!("{OURS}/D1"),
        ..debit(&end_to_end(one), 200)
    };
    let refunded = Some(Booked::Refunded);
    assert_eq!(settle(&store, "s1", &first).await, refunded);
    assert_eq!(settle(&store, "s2", &first).await, Some(Booked::Repeated));
    let twice = Some(Booked::RefundedTwice);
    let later = Transfer {
        booked: date(2026, 11, 28),
        ..first.clone()
    };
    assert_eq!(settle(&store, "s2", &later).await, twice);
    let other = Transfer {
        name: format!("{OURS}/D2"),
        ..first.clone()
    };
    // In another statement, and in the same one; each time that it is gone through.
    for statement in ["s2", "s1", "s1"] {
        assert_eq!(
            settle(&store, statement, &other).await,
            twice,
            "{statement}"
        );
    }
    assert_eq!(settle(&store, "s1", &first).await, refunded, "it stays");
    // So is the sum of a file of which one has left otherwise; the parts of a sum are its own.
    let sum = |file, name: &str, cents| Transfer {
        end_to_end: None,
        payment_file: Some(file_name(file)),
        name: format!("{OURS}/{name}"),
        ..debit("", cents)
    };
    assert_eq!(settle(&store, "s2", &sum(1, "D3", 200)).await, twice);
    assert_eq!(settle(&store, "s2", &sum(2, "D4", 300)).await, refunded);
    let part = Transfer {
        name: format!("{OURS}/D4"),
        ..debit(&end_to_end(two), 300)
    };
    assert_eq!(settle(&store, "s3", &part).await, Some(Booked::Repeated));
    assert_eq!(
        (book(&store, "bank").await, book(&store, "refunds").await),
        (-500, 0)
    );
    let mut report = StatementReport::default();
    report.add(&other, twice);
    assert_eq!((report.unclear.count, report.repeated.count), (1, 0));
}

pub(crate) async fn what_is_conceded_is_told(store: Store) {
    world(&store).await;
    enrol(&store, account(1), 1, Language::Bg).await;
    told(&store, &confirmed(&account(1), "T1", 1150, "")).await;
    conceded(&store, 1, write_off(100), 50).await;
    told(&store, &confirmed(&account(1), "T2", 350, "")).await;
    let number = conceded(&store, 1, refund(None), 300).await;
    export(&store).await;
    let back = Transfer {
        kind: TransferKind::CameBack,
        amount: Cents::new(300),
        end_to_end: Some(end_to_end(number)),
        ..paid("R1", "")
    };
    booked(&store, "s1", &[back]).await;
    // Another is stopped before it leaves.
    let stopped = conceded(&store, 1, refund(None), 200).await;
    let refused = store.refuse_concession(stopped, "vera", at(91)).await;
    assert_eq!(refused.expect("an answer"), Concede::Refused);
    let mut all = Vec::new();
    for job in claim(&store, "a", 99_999, 99).await {
        if job.id.kind() != DeliveryKind::Conceded {
            continue;
        }
        let DeliveryWhat::Money { entry } = &job.what else {
            panic!("{job:?}")
        };
        let told = store
            .money_told(entry)
            .await
            .expect("an answer")
            .expect("an entry");
        let conceded = told.conceded.expect("a concession");
        let bill = conceded.bill.map(|bill| bill.get());
        let back = (told.taken_back, conceded.stopped);
        all.push((told.cents.get(), back, conceded.iban_end, bill));
    }
    all.sort();
    let end = Some("3000".to_owned());
    // The mail of a refund that came back, or was stopped, before it was sent is not sent.
    let wanted = [
        (50, (false, false), None, Some(100)),
        (200, (true, true), end.clone(), None),
        (300, (true, false), end, None),
    ];
    assert_eq!(all, wanted);
}
