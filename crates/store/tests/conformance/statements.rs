//! Bank statements: whose a transfer is, and that it counts once.

use jiff::civil::date;
use kvit_billing::{Cents, reference::CreditorReference};
use kvit_pay::{
    VerifiedNotice,
    statement::{BANK, Transfer, TransferKind},
};
use kvit_store::{
    Allocate, Booked, Claim, NewStatement, NoticeOutcome, Settle, StatementReport, Store,
};

use super::{
    payers::{allocated, books, open, world},
    world::{account, at, euro, number},
};

const IBAN: &str = "BG80BNBG96611020345678";

/// Twelve euro, as a bill asks for.
pub(super) fn paid(reference: &str, words: &str) -> Transfer {
    Transfer {
        line: 1,
        kind: TransferKind::Payment,
        iban: IBAN.to_owned(),
        name: format!("{IBAN}/{reference}"),
        batch: None,
        payment_file: None,
        amount: Cents::new(1200),
        currency: euro(),
        booked: date(2026, 11, 27),
        value: None,
        party: Some("Ана".to_owned()),
        references: Vec::new(),
        words: words.to_owned(),
        info: String::new(),
        end_to_end: None,
        transaction: None,
        reason: None,
    }
}

fn back(reference: &str) -> Transfer {
    Transfer {
        kind: TransferKind::TakenBack,
        ..paid(reference, "")
    }
}

async fn kept(store: &Store, id: &str) {
    let new = NewStatement {
        id: id.to_owned(),
        file: format!("{id}.xml"),
        format: "camt.053.001.08".to_owned(),
        received: vec![1, 2, 3],
        facts: Vec::new(),
        by: "ana".to_owned(),
    };
    store.keep_statement(&new, at(40)).await.expect("kept");
}

/// Books transfers of a statement, which is kept first.
pub(super) async fn booked(store: &Store, statement: &str, transfers: &[Transfer]) -> Vec<Booked> {
    kept(store, statement).await;
    let notices: Vec<VerifiedNotice> = transfers
        .iter()
        .map(|transfer| transfer.clone().notice().expect("a notice"))
        .collect();
    let booked = store.book_transfers(statement, &notices, at(50)).await;
    booked.expect("booked")
}

async fn bank(store: &Store) -> (i64, i64) {
    let books = books(store).await;
    let of = |name: &str| {
        let found = books.iter().find(|(book, _)| book == name);
        found.map_or(0, |(_, cents)| *cents)
    };
    (of("bank"), of("unmatched"))
}

const POSTED: Booked = Booked::As(NoticeOutcome::Posted);
const UNMATCHED: Booked = Booked::As(NoticeOutcome::NoOwner);

pub(crate) async fn a_transfer_goes_to_the_one_whom_it_names(store: Store) {
    world(&store).await;
    let reference = CreditorReference::of(number(100));
    let mut structured = paid("A", "за бойлера");
    structured.references = vec![reference.as_str().to_owned()];
    let cases = [
        (structured, POSTED),
        (paid("B", &format!("сметка {reference}")), POSTED),
        (paid("C", "0000000100"), POSTED),
        (paid("D", "кл.номер 0000001, ноември"), POSTED),
        // The same customer by two names; and a reference counts more than other numbers.
        (paid("E", "0000000100 0000001"), POSTED),
        (paid("F", &format!("{reference} 0000000101")), POSTED),
        // Two customers, nobody, a bill that is not ours, and no word at all.
        (paid("G", "0000000100 и 0000000101"), UNMATCHED),
        (paid("H", "0000000100 0000002"), UNMATCHED),
        (paid("I", "0000000999"), UNMATCHED),
        (paid("J", ""), UNMATCHED),
        (
            Transfer {
                kind: TransferKind::CameBack,
                ..paid("K", "0000000100")
            },
            UNMATCHED,
        ),
        (
            Transfer {
                kind: TransferKind::Payout("epay".parse().expect("a name")),
                ..paid("L", "0000000100")
            },
            POSTED,
        ),
    ];
    let transfers: Vec<_> = cases.iter().map(|(transfer, _)| transfer.clone()).collect();
    let found = booked(&store, "aa", &transfers).await;
    for ((transfer, expected), found) in cases.iter().zip(&found) {
        assert_eq!(found, expected, "{}", transfer.name);
    }
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((0, 5 * 1200), (1200, 0))
    );
    let books = books(&store).await;
    assert!(books.contains(&("bank".to_owned(), 12 * 1200)), "{books:?}");
    // What a payment system handed over is no longer with it, and nobody's payment.
    assert!(
        books.contains(&("clearing/epay".to_owned(), -1200)),
        "{books:?}"
    );
    assert!(
        books.contains(&("unmatched".to_owned(), -5 * 1200)),
        "{books:?}"
    );
    let mut report = StatementReport::default();
    for (transfer, found) in transfers.iter().zip(found) {
        report.add(transfer, Some(found));
    }
    assert_eq!(
        (
            report.matched.count,
            report.unmatched.count,
            report.payouts.count
        ),
        (6, 5, 1)
    );
    // It names the bill on its page, where it named it.
    let others = store.other_money_of_bill(&account(1), number(100), 9).await;
    let others = others.expect("entries");
    assert_eq!(others.len(), 5);
    assert!(others.iter().all(|entry| entry.sender() == BANK));
}

pub(crate) async fn people_find_the_owner_by_name_and_text(store: Store) {
    world(&store).await;
    booked(&store, "aa", &[paid("A", "за тока на баба")]).await;
    let waiting = store.notices_for_people(9).await.expect("notices");
    let note = waiting[0].transfer.as_ref().expect("a transfer");
    assert_eq!(note.party.as_deref(), Some("Ана"));
    assert_eq!(
        (note.words.as_str(), note.booked),
        ("за тока на баба", date(2026, 11, 27))
    );
    allocated(&store, &waiting[0].id, 2, None).await;
    assert_eq!(open(&store, 2).await, (0, 0));
    let entries = store.entries_of(&account(2), 9).await.expect("entries");
    assert_eq!(entries[0].sender(), BANK);
    let told = store.money_told(&entries[0].id).await.expect("an answer");
    assert_eq!(told.expect("an entry").booked, Some(date(2026, 11, 27)));
    assert_eq!(bank(&store).await, (1200, 0));
    // Another statement has it too.
    let again = booked(&store, "bb", &[paid("A", "")]).await;
    assert_eq!(again, [Booked::Repeated]);
    // It was somebody else's after all: two people take it out, whatever statements say later.
    let why = Some("not customers' money");
    for (by, said) in [("ana", Settle::Proposed), ("boris", Settle::Done)] {
        let found = store.reverse_payment(&waiting[0].id, why, by, at(70)).await;
        assert_eq!(found.expect("an answer"), said);
    }
    assert_eq!(
        booked(&store, "cc", &[paid("A", "")]).await,
        [Booked::Repeated]
    );
    assert_eq!(bank(&store).await, (0, 0));
}

pub(crate) async fn a_transfer_counts_once_however_many_statements_have_it(store: Store) {
    world(&store).await;
    let all: Vec<Transfer> = (0..30)
        .map(|n| paid(&format!("R{n}"), if n % 3 == 0 { "" } else { "0000000100" }))
        .collect();
    let mut chance = 7_usize;
    for statement in 0..12 {
        chance = chance.wrapping_mul(1_103_515_245).wrapping_add(12_345) % (1 << 31);
        let (from, length) = (chance % 30, chance / 64 % 30);
        let mut part: Vec<_> = all
            .iter()
            .cycle()
            .skip(from)
            .take(length)
            .cloned()
            .collect();
        if chance.is_multiple_of(2) {
            part.reverse();
        }
        let name = format!("{statement:02x}");
        let first = booked(&store, &name, &part).await;
        // A death, and once more from the beginning: the same comes of it.
        assert_eq!(booked(&store, &name, &part).await, first);
    }
    booked(&store, "ff", &all).await;
    assert_eq!(bank(&store).await, (30 * 1200, -10 * 1200));
    assert_eq!(open(&store, 1).await, (0, 19 * 1200));
    // Another sum or day under a known reference is a word against a word.
    let other_sum = Transfer {
        amount: Cents::new(1300),
        ..paid("R1", "0000000100")
    };
    let other_day = Transfer {
        booked: date(2026, 11, 28),
        ..paid("R2", "0000000100")
    };
    let said = booked(&store, "ee", &[other_sum, other_day]).await;
    assert_eq!(said, [Booked::As(NoticeOutcome::Contradiction); 2]);
    assert_eq!(bank(&store).await, (30 * 1200, -10 * 1200));
    let waiting = store.notices_for_people(99).await.expect("notices");
    assert_eq!(waiting.len(), 10 + 2);
}

pub(crate) async fn a_sum_and_its_parts_count_once(store: Store) {
    world(&store).await;
    let part = |n: u32, words: &str| Transfer {
        batch: Some(format!("{IBAN}/B")),
        amount: Cents::new(600),
        ..paid(&format!("B/{n}"), words)
    };
    let (sum, parts) = (
        paid("B", ""),
        [part(1, "0000000100"), part(2, "0000000101")],
    );
    // The sum came first and waits for people; its parts say whose they are.
    assert_eq!(
        booked(&store, "aa", std::slice::from_ref(&sum)).await,
        [UNMATCHED]
    );
    assert_eq!(booked(&store, "bb", &parts).await, [POSTED, POSTED]);
    assert_eq!(bank(&store).await, (1200, 0));
    for statement in ["cc", "dd"] {
        let again = booked(&store, statement, std::slice::from_ref(&sum)).await;
        assert_eq!(again, [Booked::Repeated]);
        let again = booked(&store, statement, &parts).await;
        assert_eq!(again, [Booked::Repeated, Booked::Repeated]);
    }
    // Another statement has the same parts under references of their own.
    let renamed = [1, 2].map(|n| Transfer {
        name: format!("{IBAN}/P{n}"),
        ..parts[n - 1].clone()
    });
    let again = booked(&store, "de", &renamed).await;
    assert_eq!(again, [Booked::Repeated, Booked::Repeated]);
    // A death in the statement with the parts changes nothing.
    assert_eq!(booked(&store, "bb", &parts).await, [POSTED, POSTED]);
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((600, 0), (600, 0))
    );
    assert_eq!(bank(&store).await, (1200, 0));
    // People were faster: the sum is somebody's, and its parts are known.
    let other = |transfer: Transfer| Transfer {
        name: transfer.name.replace("/B", "/C"),
        batch: transfer.batch.map(|name| name.replace("/B", "/C")),
        ..transfer
    };
    booked(&store, "ee", &[other(sum)]).await;
    allocated(&store, &format!("bank/paid/{IBAN}/C"), 1, None).await;
    let late = parts.map(other);
    assert_eq!(booked(&store, "ff", &late).await, [Booked::Repeated; 2]);
    assert_eq!(bank(&store).await, (2400, 0));
    assert!(
        store
            .notices_for_people(9)
            .await
            .expect("notices")
            .is_empty()
    );
}

/// Some banks give two payments of a day one reference; the banks' own names tell them apart.
pub(crate) async fn two_payments_under_one_reference_are_not_one(store: Store) {
    world(&store).await;
    let named = |transaction: &str, words: &str| Transfer {
        transaction: Some(transaction.to_owned()),
        ..paid("X", words)
    };
    let first = named("T1", "0000000100");
    assert_eq!(
        booked(&store, "aa", std::slice::from_ref(&first)).await,
        [POSTED]
    );
    let other = booked(&store, "bb", &[named("T2", "0000000101")]).await;
    assert_eq!(other, [Booked::As(NoticeOutcome::Contradiction)]);
    let unnamed = booked(&store, "cc", &[paid("X", "0000000100")]).await;
    assert_eq!(unnamed, [Booked::Repeated]);
    assert_eq!(booked(&store, "dd", &[first]).await, [Booked::Repeated]);
    assert_eq!(bank(&store).await, (1200, 0));
    assert_eq!(store.notices_for_people(9).await.expect("notices").len(), 1);
}

pub(crate) async fn what_waits_finds_its_owner_once_it_is_told_again(store: Store) {
    world(&store).await;
    let waits = |n: u64, words: &str| paid(&format!("W{n}"), words);
    booked(
        &store,
        "aa",
        &[
            waits(1, ""),
            waits(2, ""),
            waits(3, "0000003"),
            waits(4, ""),
        ],
    )
    .await;
    assert_eq!(bank(&store).await, (4800, -4800));
    let key = |n| format!("bank/paid/{IBAN}/W{n}");
    // People gave a part of the fourth; somebody says whose the second is.
    let claim = |n, cents: Option<i64>| Claim {
        account: account(n),
        amount: cents.map(Cents::new),
        bill: None,
    };
    let propose = async |n: u64, claim: Claim| {
        let said = store
            .propose_allocation(&key(n), &claim, "ana", at(60))
            .await;
        assert_eq!(said.expect("an answer"), Allocate::Done);
    };
    propose(4, claim(2, Some(200))).await;
    let said = store
        .approve_allocation(&key(4), &account(2), "boris", at(61))
        .await;
    assert_eq!(said.expect("an answer"), Allocate::Done);
    propose(2, claim(2, None)).await;
    // Another statement says more, a payment system was set up, and the third is a customer by now.
    let customer = serde_json::json!({
        "number": account(3), "name": "Ива", "address": {"city": "Русе"}
    });
    let customer = serde_json::from_value(customer).expect("a customer");
    store.upsert_customers(&[customer]).await.expect("kept");
    let payout = Transfer {
        kind: TransferKind::Payout("epay".parse().expect("a name")),
        ..waits(2, "")
    };
    let more = [
        waits(1, "0000000100"),
        payout,
        waits(3, "0000003"),
        waits(4, "0000000100"),
    ];
    let found = Booked::As(NoticeOutcome::Allocated);
    let said = booked(&store, "bb", &more).await;
    assert_eq!(said, [found, POSTED, found, Booked::Repeated]);
    assert_eq!(booked(&store, "bb", &more).await, [Booked::Repeated; 4]);
    assert_eq!(bank(&store).await, (4800, -1000));
    let books = books(&store).await;
    assert!(
        books.contains(&("clearing/epay".to_owned(), -1200)),
        "{books:?}"
    );
    assert_eq!(
        (open(&store, 1).await, open(&store, 3).await),
        ((0, 0), (0, 1200))
    );
    // What people began and have not ended waits on, with the words that are known by now.
    let waiting = store.notices_for_people(9).await.expect("notices");
    assert_eq!(
        (waiting.len(), waiting[0].id.as_str()),
        (1, key(4).as_str())
    );
    // Nobody can approve what is no longer there.
    let late = store
        .approve_allocation(&key(2), &account(2), "boris", at(70))
        .await;
    assert_eq!(late.expect("an answer"), Allocate::NotUnmatched);
    let entries = store.entries_of(&account(1), 9).await.expect("entries");
    assert_eq!(entries[0].sender(), BANK);
}

pub(crate) async fn the_bank_takes_back_what_it_names(store: Store) {
    world(&store).await;
    let named = |transfer: Transfer, end_to_end: &str| Transfer {
        end_to_end: Some(end_to_end.to_owned()),
        ..transfer
    };
    booked(
        &store,
        "aa",
        &[
            named(paid("A", "0000000100"), "E1"),
            paid("B", "0000000101"),
            named(paid("C", ""), "E3"),
            named(paid("D", "0000000101"), "E4"),
            named(paid("E", "0000000101"), "E4"),
        ],
    )
    .await;
    let reversed = Booked::As(NoticeOutcome::Reversed);
    let unclear = Booked::As(NoticeOutcome::UnclearReturn);
    let other_sum = Transfer {
        amount: Cents::new(1),
        ..named(back("R5"), "E1")
    };
    let backs = [
        // By the payer's name for it, by the same reference, and from the book of unmatched money.
        (named(back("R1"), "E1"), reversed),
        (back("B"), reversed),
        (named(back("R3"), "E3"), reversed),
        // One of two, none, one that is gone already, another sum.
        (named(back("R4"), "E4"), unclear),
        (back("R6"), unclear),
        (named(back("R7"), "E1"), unclear),
        (other_sum, unclear),
    ];
    let transfers: Vec<_> = backs.iter().map(|(transfer, _)| transfer.clone()).collect();
    let expected: Vec<_> = backs.iter().map(|(_, expected)| *expected).collect();
    for _ in 0..2 {
        assert_eq!(booked(&store, "bb", &transfers).await, expected);
    }
    assert_eq!(
        booked(&store, "cc", &transfers).await,
        [Booked::Repeated; 7]
    );
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((1200, 0), (0, 1200))
    );
    assert_eq!(bank(&store).await, (2400, 0));
    let waiting = store.notices_for_people(9).await.expect("notices");
    assert_eq!(waiting.len(), 4);
    // The payment that was taken back before it was heard of; the statement tells of it again.
    let late = named(back("R8"), "E8");
    assert_eq!(
        booked(&store, "dd", std::slice::from_ref(&late)).await,
        [unclear]
    );
    booked(&store, "ee", &[named(paid("H", "0000000100"), "E8")]).await;
    assert_eq!(bank(&store).await, (3600, 0));
    assert_eq!(booked(&store, "dd", &[late]).await, [reversed]);
    assert_eq!(bank(&store).await, (2400, 0));
    // Two people reverse the one that was meant. The return is told again before they say that it is done: the
    // payment that is left was not meant.
    let why = Some("the first, says the bank");
    for by in ["ana", "boris"] {
        let key = format!("bank/paid/{IBAN}/D");
        let said = store.reverse_payment(&key, why, by, at(70)).await;
        said.expect("an answer");
    }
    let told = booked(&store, "ff", &[named(back("R4"), "E4")]).await;
    assert_eq!(told, [Booked::Repeated]);
    for by in ["ana", "boris"] {
        let said = store
            .settle_notice(&format!("bank/reversed/{IBAN}/R4"), why, by, at(70))
            .await;
        said.expect("an answer");
    }
    assert_eq!(bank(&store).await, (1200, 0));
    assert_eq!(store.notices_for_people(9).await.expect("notices").len(), 3);
}

pub(crate) async fn a_statement_is_kept_first_and_done_once(store: Store) {
    world(&store).await;
    let new = NewStatement {
        id: "ab12".to_owned(),
        file: "day.xml".to_owned(),
        format: "camt.053.001.08".to_owned(),
        received: vec![1, 2, 3],
        facts: vec![kvit_pay::statement::Statement {
            id: "S".to_owned(),
            closing: Some(Cents::new(5)),
            ..Default::default()
        }],
        by: "ana".to_owned(),
    };
    assert!(store.keep_statement(&new, at(40)).await.expect("kept"));
    assert!(!store.keep_statement(&new, at(41)).await.expect("known"));
    assert_eq!(bank(&store).await, (0, 0));
    let transfers = [paid("A", "0000000100"), paid("B", "")];
    let notices: Vec<_> = transfers
        .clone()
        .map(|t| t.notice().expect("a notice"))
        .into();
    // A death after the first of two batches.
    store
        .book_transfers("ab12", &notices[..1], at(50))
        .await
        .expect("booked");
    let waiting = async |second| {
        let found = store.unfinished_statements(at(second), at(70), 9).await;
        found.expect("statements").len()
    };
    assert_eq!((waiting(39).await, waiting(40).await), (0, 1));
    // One that breaks off is left alone for a while, and counted.
    let broken = async || {
        let depths = store.queue_depths(at(70)).await;
        depths.expect("depths").statements_broken
    };
    assert_eq!(broken().await, 0);
    for (again, wait) in [(71, 0), (70, 1)] {
        let noted = store.statement_broke_off("ab12", at(again)).await;
        noted.expect("noted");
        assert_eq!((waiting(40).await, broken().await), (wait, 1));
    }
    let one = &store.statements(9).await.expect("statements")[0];
    assert_eq!(one.broke_off, 2);
    // The same file, brought again, heals what is kept of it.
    let whole = NewStatement {
        received: vec![1, 2, 3, 4],
        by: "boris".to_owned(),
        ..new.clone()
    };
    assert!(!store.keep_statement(&whole, at(42)).await.expect("known"));
    assert_eq!((waiting(40).await, broken().await), (1, 0));
    let kept = store.statement_received("ab12").await.expect("kept");
    assert_eq!(kept, whole.received);
    assert!(
        store.statements(9).await.expect("statements")[0]
            .report
            .is_none()
    );
    let mut report = StatementReport::default();
    let all = store
        .book_transfers("ab12", &notices, at(60))
        .await
        .expect("booked");
    for (transfer, booked) in transfers.iter().zip(all) {
        report.add(transfer, Some(booked));
    }
    assert_eq!((report.matched.count, report.unmatched.count), (1, 1));
    store
        .finish_statement("ab12", &report, at(61))
        .await
        .expect("done");
    assert_eq!(waiting(99).await, 0);
    let found = store.statements_named("AB").await.expect("statements");
    assert_eq!(found[0].report, Some(report));
    assert_eq!(
        (&found[0].facts, found[0].imported_by.as_str()),
        (&new.facts, "ana")
    );
    assert!(
        store
            .statements_named("%")
            .await
            .expect("statements")
            .is_empty()
    );
    assert_eq!(
        store.statement_received("ab12").await.expect("bytes"),
        whole.received
    );
    let keys: Vec<_> = notices.iter().map(VerifiedNotice::key).collect();
    let outcomes = store.outcomes(&keys).await.expect("outcomes");
    assert_eq!(outcomes[&keys[0]], NoticeOutcome::Posted);
    assert_eq!(
        store
            .events("statement/ab12", 9)
            .await
            .expect("events")
            .len(),
        3
    );
    // A transfer of a statement that is not kept is not booked.
    let stray = paid("C", "").notice().expect("a notice");
    assert!(
        store
            .book_transfers("none", &[stray], at(60))
            .await
            .is_err()
    );
    assert_eq!(bank(&store).await, (2400, -1200));
}

pub(crate) async fn a_statement_in_two_hands_counts_once(store: Store) {
    world(&store).await;
    kept(&store, "aa").await;
    let notices: Vec<_> = (0..60)
        .map(|n| {
            paid(&format!("R{n}"), "0000000100")
                .notice()
                .expect("a notice")
        })
        .collect();
    let hand = async |store: Store| {
        for part in notices.chunks(7) {
            store
                .book_transfers("aa", part, at(50))
                .await
                .expect("booked");
        }
    };
    tokio::join!(
        hand(store.clone()),
        hand(store.clone()),
        hand(store.clone())
    );
    assert_eq!(bank(&store).await, (60 * 1200, 0));
}
