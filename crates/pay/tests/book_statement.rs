//! Statements of books, read back by our own reader and by a foreign one.

use jiff::civil::date;
use kvit_billing::{BillNumber, Cents, Currency};
use kvit_pay::{
    book_statement::{BookEntry, BookStatement},
    ledger::Account,
    statement::{StatementReader, StatementRules, TransferKind},
};
use proptest::prelude::*;

fn written(account: &str, opening: i64, moves: &[(i64, bool)]) -> (BookStatement, String) {
    let account: Account = account.parse().expect("a book");
    let moved: i64 = moves.iter().map(|(cents, _)| cents).sum();
    let statement = BookStatement {
        account,
        currency: Currency::EUR,
        days: (date(2026, 10, 1), date(2026, 10, 31)),
        opening: Cents::new(opening),
        closing: Cents::new(opening + moved),
        entries: moves.len() as u64,
    };
    let bills: Vec<_> = (1..=30).filter_map(BillNumber::new).collect();
    let mut xml = statement.head();
    for (number, (cents, reversal)) in (1_u64..).zip(moves) {
        let id = match number % 2 {
            0 => format!("epay/paid/{number}"),
            // Longer than a reference may be.
            _ => format!("bank/paid/BG80BNBG96611020345678/FT<&>{number:030}"),
        };
        xml.push_str(&statement.entry(&BookEntry {
            number,
            id: &id,
            kind: "payment",
            at: date(2026, 10, 31).at(23, 59, 59, 999_999_000),
            cents: Cents::new(*cents),
            reversal: *reversal,
            other: "customer/1000001",
            bills: &bills[..usize::try_from(number).unwrap_or(30).min(30)],
        }));
    }
    xml.push_str(BookStatement::foot());
    (statement, xml)
}

/// What our own reader finds: balances, and the cents of each entry.
fn ours(statement: &BookStatement, xml: &str) -> (Option<Cents>, Option<Cents>, Vec<i64>) {
    let rules = StatementRules {
        ibans: vec![statement.name()],
        currency: Some(Currency::EUR),
        payouts: Vec::new(),
    };
    let mut reader = StatementReader::new(xml.as_bytes(), &rules);
    let all: Vec<_> = reader.by_ref().map(|one| one.signed().get()).collect();
    let judged = reader.judged();
    assert_eq!(judged.faults, [], "{xml}");
    assert_eq!(judged.format, "camt.053.001.08");
    let [facts] = judged.statements.as_slice() else {
        panic!("one statement: {judged:?}")
    };
    assert_eq!(
        (facts.from, facts.to),
        (Some(statement.days.0), Some(statement.days.1))
    );
    (facts.opening, facts.closing, all)
}

#[test]
fn a_statement_of_a_book_is_none_of_the_bank() {
    let (_, xml) = written("bank", 0, &[(100, false)]);
    let rules = StatementRules {
        ibans: vec!["BG80BNBG96611020345678".to_owned()],
        currency: None,
        payouts: Vec::new(),
    };
    let judged = StatementReader::new(xml.as_bytes(), &rules).judged();
    assert!(
        judged.faults[0].found.contains("KVIT/BANK"),
        "{:?}",
        judged.faults
    );
}

#[test]
fn each_book_s_statement_has_a_name_of_its_own() {
    let name = |book: &str| {
        let (_, xml) = written(book, 0, &[]);
        let between = |from: &str, until: &str| {
            let (_, rest) = xml.split_once(from).expect("it begins");
            rest.split_once(until).expect("it ends").0.to_owned()
        };
        let name = between("<MsgId>", "</MsgId>");
        assert_eq!(name, between("<Stmt>\n<Id>", "</Id>"));
        assert!(
            name.len() <= 35 && name.starts_with("20261001-20261031-"),
            "{name}"
        );
        name
    };
    let mut names = ["bank", "unmatched", "clearing/epay", "clearing/borica"].map(name);
    names.sort();
    assert!(names.windows(2).all(|two| two[0] != two[1]), "{names:?}");
    assert_eq!(name("bank"), name("bank"));
}

#[test]
fn a_reversal_stays_one() {
    let (statement, xml) = written("clearing/epay", 500, &[(100, false), (-100, true)]);
    let rules = StatementRules {
        ibans: vec![statement.name()],
        currency: None,
        payouts: Vec::new(),
    };
    let kinds: Vec<_> = StatementReader::new(xml.as_bytes(), &rules)
        .map(|one| one.kind)
        .collect();
    assert_eq!(kinds, [TransferKind::Payment, TransferKind::TakenBack]);
}

proptest! {
    #[test]
    fn what_is_written_reads_back_to_the_cent(
        opening in -1_000_000_000_000_i64..1_000_000_000_000,
        moves in proptest::collection::vec((prop_oneof![1_i64..1_000_000_000, -1_000_000_000_i64..0], any::<bool>()), 0..20),
    ) {
        let (statement, xml) = written("unmatched", opening, &moves);
        let cents: Vec<i64> = moves.iter().map(|(cents, _)| *cents).collect();
        let found = ours(&statement, &xml);
        prop_assert_eq!(&found, &(Some(statement.opening), Some(statement.closing), cents.clone()));

        let foreign = sepa::parse_camt053(&xml).expect("a foreign reader takes it");
        prop_assert_eq!(foreign.statements.len(), 1);
        let foreign = &foreign.statements[0];
        let balance = |found: Option<&sepa::StatementBalance>| found.and_then(sepa::StatementBalance::signed_ct);
        prop_assert_eq!(balance(foreign.opening_balance()), Some(statement.opening.get()));
        prop_assert_eq!(balance(foreign.closing_balance()), Some(statement.closing.get()));
        let theirs: Vec<_> = foreign.entries.iter().map(sepa::CashEntry::signed_ct).collect();
        prop_assert_eq!(theirs, cents.into_iter().map(Some).collect::<Vec<_>>());
    }
}
