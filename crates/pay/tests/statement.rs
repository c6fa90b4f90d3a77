//! Bank statements of several versions, as banks write them, and as nobody should.

use std::io::{BufReader, Read};

use jiff::civil::date;
use kvit_billing::{Cents, Currency};
use kvit_pay::{
    Event,
    statement::{
        FAULTS_MAX, Judged, Named, PayOut, StatementReader, StatementRules, Transfer, TransferKind,
    },
};
use proptest::prelude::*;

const IBAN: &str = "BG80BNBG96611020345678";
const DAY: &str = include_str!("statements/day.053.001.02.xml");
const BATCH: &str = include_str!("statements/batch.053.001.08.xml");
const HOUR: &str = include_str!("statements/hour.054.001.04.xml");

fn rules() -> StatementRules {
    StatementRules {
        ibans: vec!["BG80 BNBG 9661 1020 3456 78".to_owned()],
        currency: Some(Currency::EUR),
        payouts: vec![
            PayOut {
                provider: "epay".parse().expect("a name"),
                ibans: vec!["BG18 RZBB 9155 0123 4567 89".to_owned()],
                text: String::new(),
            },
            PayOut {
                provider: "borica".parse().expect("a name"),
                ibans: Vec::new(),
                text: "Borica Settlement".to_owned(),
            },
        ],
    }
}

fn read(xml: &str) -> (Vec<Transfer>, Judged) {
    let rules = rules();
    let mut reader = StatementReader::new(xml.as_bytes(), &rules);
    let transfers = reader.by_ref().collect();
    (transfers, reader.judged())
}

fn faults(xml: &str) -> Vec<String> {
    let (_, judged) = read(xml);
    judged.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_statement_of_the_oldest_version_is_read() {
    let mut rules = rules();
    rules.payouts.clear();
    let mut reader = StatementReader::new(DAY.as_bytes(), &rules);
    let transfers: Vec<_> = reader.by_ref().collect();
    let judged = reader.judged();
    assert_eq!(judged.faults, []);
    assert_eq!(judged.format, "camt.053.001.02");
    let [statement] = judged.statements.as_slice() else {
        panic!("one statement");
    };
    assert_eq!(
        (statement.id.as_str(), statement.iban.as_str()),
        ("2026-228", IBAN)
    );
    assert_eq!((statement.entries, statement.ignored), (2, 1));
    assert_eq!(statement.from, Some(date(2026, 11, 27)));
    assert_eq!(
        (statement.opening, statement.closing),
        (Some(Cents::new(100_000)), Some(Cents::new(103_245)))
    );
    let [paid, fee] = transfers.as_slice() else {
        panic!("two transfers");
    };
    assert_eq!(paid.kind, TransferKind::Payment);
    assert_eq!(paid.name, format!("{IBAN}/FT26331%2F0001"));
    assert_eq!(paid.party.as_deref(), Some("Иван Петров & син"));
    assert_eq!(paid.words, "сметка за ток ноември");
    assert_eq!(paid.references, ["RF451234512345"]);
    assert_eq!(
        (paid.end_to_end.as_deref(), paid.transaction.as_deref()),
        (None, Some("T-1"))
    );
    assert_eq!(
        (paid.booked, paid.amount),
        (date(2026, 11, 27), Cents::new(4250))
    );
    let named = Named::of(&paid.references, &paid.words, &paid.info);
    assert_eq!(named.referenced.len(), 1);
    assert_eq!(
        (fee.kind.clone(), fee.signed()),
        (TransferKind::Spent, Cents::new(-1005))
    );
    assert_eq!((fee.name.as_str(), fee.clone().notice()), ("", None));
}

#[test]
fn what_was_spent_has_the_name_of_its_entry() {
    // Two payments of one day under one reference, one of them twice.
    let spent = |amount: &str, name: &str| {
        format!(
            "<Ntry><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-27</Dt></BookgDt><AcctSvcrRef>D1</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{name}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"
        )
    };
    let (before, rest) = DAY
        .split_once("<Ntry>\n        <Amt Ccy=\"EUR\">10.05")
        .expect("a fee");
    let (_, after) = rest.split_once("</Ntry>").expect("its end");
    let [a, b, c] =
        [("4.00", "A"), ("2.05", "B"), ("4.00", "A")].map(|(amount, name)| spent(amount, name));
    let (transfers, judged) = read(&format!("{before}{a}{b}{c}{after}"));
    assert_eq!(judged.faults, []);
    let names: Vec<_> = transfers[1..]
        .iter()
        .map(|transfer| transfer.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["/D1", "/D1", "/D1~2"].map(|name| format!("{IBAN}{name}"))
    );
}

#[test]
fn batches_returns_and_what_payment_systems_hand_over() {
    let (transfers, judged) = read(BATCH);
    assert_eq!(judged.faults, []);
    assert_eq!(judged.statements[0].opening, Some(Cents::new(-500)));
    assert_eq!(
        (judged.statements[0].entries, judged.statements[0].ignored),
        (5, 1)
    );
    let told: Vec<_> = transfers
        .iter()
        .map(|t| {
            (
                t.kind.as_str(),
                t.name.trim_start_matches(IBAN),
                t.amount.get(),
                t.party.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("payment", "/P1", 1000, Some("Ана")),
            ("payment", "/P2", 2000, Some("Борис")),
            // Its parts do not add up to it, so it is one.
            ("payment", "/B2", 3000, None),
            ("taken-back", "/R1", 4000, None),
            ("payout", "/P", 9000, None),
            // Money that had been sent and came back is nobody's payment. One reference came twice.
            ("came-back", "/P~2", 10_000, None),
        ]
    );
    assert_eq!(transfers[0].batch, Some(format!("{IBAN}/B1")));
    assert_eq!(transfers[3].end_to_end.as_deref(), Some("E-1"));
    assert_eq!(transfers[3].info, "AC04");
    let keys: Vec<_> = transfers
        .iter()
        .filter_map(|t| t.clone().notice())
        .collect();
    assert_eq!(keys[3].key(), format!("bank/reversed/{IBAN}/R1"));
    assert_eq!(keys[3].event(), Event::Reversed);
    assert_eq!(keys[4].key(), format!("bank/paid/{IBAN}/P"));
}

#[test]
fn a_notification_names_its_payments_as_the_statement_does() {
    let (transfers, judged) = read(HOUR);
    assert_eq!(judged.faults, []);
    assert_eq!(judged.format, "camt.054.001.04");
    let (day, _) = read(DAY);
    assert_eq!(transfers[0].name, day[0].name);
    assert_eq!(transfers[0].words, "RF45 1234 5123 45");
    // The bank settles cards itself, and names no account.
    assert_eq!(transfers[1].kind.as_str(), "payout");
    assert_eq!(transfers[1].name, format!("{IBAN}/T-7"));
}

#[test]
fn what_a_customer_writes_makes_no_payout() {
    let text = HOUR.replace(
        "<Dbtr><Nm>Иван Петров</Nm></Dbtr>",
        "<DbtrAcct><Id><IBAN>BG11</IBAN></Id></DbtrAcct>",
    );
    let (transfers, _) = read(&text.replace("RF45 1234 5123 45", "borica settlement"));
    assert_eq!(transfers[0].kind, TransferKind::Payment);
}

#[test]
fn every_version_is_read_and_no_other_message() {
    for version in 2..=13 {
        let text = DAY.replace("053.001.02", &format!("053.001.{version:02}"));
        assert_eq!(faults(&text), Vec::<String>::new(), "{version}");
    }
    for other in [
        "053.001.01",
        "053.001.14",
        "053.001.2",
        "052.001.08",
        "029.001.09",
    ] {
        let found = faults(&DAY.replace("053.001.02", other));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].ends_with(&format!("[message-other] camt.{other}")),
            "{found:?}"
        );
    }
    for (other, said) in [
        ("", "[not-xml]"),
        (":20:STARTUMS\n:25:BG80", "[not-xml]"),
        ("PK\u{3}\u{4}", "[not-xml]"),
        ("<html/>", "[document-other] html"),
        ("<Document/>", "[document-other] Document"),
    ] {
        let found = faults(other);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(said), "{found:?}");
    }
}

#[test]
fn every_fault_is_told_with_its_place() {
    let text = DAY
        .replace("BG80 BNBG 9661 1020 3456 78", "BG11AAAA")
        .replace("<Amt Ccy=\"EUR\">42.50", "<Amt Ccy=\"USD\">4x2.50")
        .replace("<AcctSvcrRef>FT26331/0001</AcctSvcrRef>", "")
        .replace(
            "<Amt Ccy=\"EUR\">10.05</Amt><CdtDbtInd>DBIT",
            "<Amt Ccy=\"EUR\">10.05</Amt><CdtDbtInd>OUT",
        )
        .replace("2026-11-27T12:00:00+02:00", "27.11.2026");
    let found = faults(&text);
    let expected = [
        "line 28: entry 1: [entry-amount] 4x2.50",
        "line 28: entry 1: [entry-currency] USD EUR",
        "line 33: entry 2: [direction] OUT",
        "line 33: entry 2: [booked-on] 27.11.2026",
        "line 38: statement 2026-228: [account-other] BG11AAAA BG80BNBG96611020345678",
    ];
    assert_eq!(found, expected);
}

#[test]
fn sums_references_and_wholeness_are_checked() {
    for (from, to, said) in [
        (
            ">1032.45<",
            ">1032.46<",
            "[entries-sum] 32.45 32.46 (1000.00 → 1032.46)",
        ),
        ("<Cd>CLBD</Cd>", "<Cd>CLAV</Cd>", "[balances-missing]"),
        ("<AcctSvcrRef>FT26331/0001</AcctSvcrRef>", "", ""),
        ("<TxId>T-1</TxId>", "<TxId>T-1</TxId>", ""),
        (" Ccy=\"EUR\">42.50", ">42.50", "[entry-currency-missing]"),
        ("<Sts>PDNG</Sts>", "", "[entry-status]"),
        (
            "<Amt Ccy=\"EUR\">1000.00",
            "<Amt Ccy=\"BGN\">1000.00",
            "[balance-currency] BGN EUR",
        ),
        (
            "<Amt Ccy=\"EUR\">1000.00",
            "<Amt Ccy=\"EUR\">-1000.00",
            "[balance-incomplete]",
        ),
        ("</Document>", "", "[cut-off]"),
        ("</Document>", "</Document><Document/>", "[document-second]"),
        ("<Stmt>", "<Stmt><RvslInd>", "[end-tag] Stmt RvslInd"),
    ] {
        assert!(DAY.contains(from), "{from}");
        let found = faults(&DAY.replacen(from, to, 1));
        if said.is_empty() {
            assert_eq!(found, Vec::<String>::new());
        } else {
            assert!(
                found.iter().any(|fault| fault.contains(said)),
                "{said}: {found:?}"
            );
        }
    }
    let nameless = DAY.replace(
        "<AcctSvcrRef>FT26331/0001</AcctSvcrRef>",
        "<AcctSvcrRef>NONREF</AcctSvcrRef>",
    );
    let found = faults(&nameless.replace("<TxId>T-1</TxId>", ""));
    assert!(found[0].contains("[entry-reference]"), "{found:?}");
    let none = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'><BkToCstmrStmt/></Document>";
    assert!(faults(none)[0].contains("[no-statement]"));
}

#[test]
fn a_cut_file_is_never_whole() {
    let whole = DAY.trim_end();
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        assert!(!faults(&whole[..end]).is_empty(), "cut at {end}");
    }
}

#[test]
fn a_bomb_does_not_go_off() {
    let bomb = format!(
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>{}",
        DAY.split_once("?>")
            .expect("a declaration")
            .1
            .replace("ноември", "&b;")
    );
    assert!(faults(&bomb)[0].contains("[document-type]"));
    let undeclared = faults(&DAY.replace("ноември", "&b;"));
    assert!(undeclared[0].contains("[entity]"), "{undeclared:?}");
    let long = DAY.replace("ноември", &"x".repeat(20_000));
    assert!(faults(&long)[0].contains("[token-length] 16384"));
    let wide = DAY.replace(
        "<Ustrd>ноември",
        &format!("<Ustrd {}>ноември", "a='1' ".repeat(20_000)),
    );
    assert!(faults(&wide)[0].contains("[token-length] 16384"));
}

/// Writes a statement of any size while it is read: nobody holds it.
struct Endless {
    entries: u64,
    next: u64,
    ready: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.ready.is_empty() && self.next <= self.entries + 1 {
            let n = self.next;
            self.next += 1;
            let text = if n == 0 {
                let (head, _) = DAY.split_once("<Ntry>").expect("entries");
                head.replace("1032.45", &format!("{}.00", 1000 + self.entries))
            } else if n <= self.entries {
                format!(
                    "<Ntry><Amt Ccy=\"EUR\">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-27</Dt></BookgDt><AcctSvcrRef>R{n}</AcctSvcrRef><NtryDtls><TxDtls><RmtInf><Ustrd>{n:010}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
                )
            } else {
                "</Stmt></BkToCstmrStmt></Document>".to_owned()
            };
            self.ready = text.into_bytes();
        }
        let count = self.ready.len().min(into.len());
        into[..count].copy_from_slice(&self.ready[..count]);
        self.ready.drain(..count);
        Ok(count)
    }
}

#[test]
fn a_hundred_thousand_entries_pass_one_by_one() {
    let rules = rules();
    let source = Endless {
        entries: 100_000,
        next: 0,
        ready: Vec::new(),
    };
    let mut reader = StatementReader::new(BufReader::new(source), &rules);
    let sum: Cents = reader.by_ref().map(|transfer| transfer.amount).sum();
    assert_eq!(sum, Cents::new(10_000_000));
    let judged = reader.judged();
    assert_eq!(judged.faults, []);
    assert_eq!(judged.statements[0].entries, 100_000);
}

#[test]
fn faults_are_counted_when_there_are_many() {
    let (head, _) = DAY.split_once("<Ntry>").expect("entries");
    let text = format!(
        "{head}{}</Stmt></BkToCstmrStmt></Document>",
        "<Ntry/>".repeat(3000)
    );
    let (transfers, judged) = read(&text);
    assert!(transfers.is_empty());
    assert_eq!(judged.faults.len(), FAULTS_MAX);
    assert_eq!(judged.faults_counted, 15_000);
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let rules = rules();
        let judged = StatementReader::new(bytes.as_slice(), &rules).judged();
        prop_assert!(judged.faults_counted > 0);
    }

    #[test]
    fn a_damaged_statement_never_panics(at in 0_usize..4000, byte in any::<u8>(), cut in 0_usize..4000) {
        let rules = rules();
        for text in [DAY, BATCH, HOUR] {
            let mut bytes = text.as_bytes().to_vec();
            let (at, cut) = (at % bytes.len(), cut % bytes.len());
            bytes[at] = byte;
            let whole = StatementReader::new(bytes.as_slice(), &rules);
            for transfer in whole {
                prop_assert!(transfer.amount > Cents::ZERO);
            }
            bytes.drain(at.min(cut)..at.max(cut));
            let _ = StatementReader::new(bytes.as_slice(), &rules).judged();
        }
    }
}

const REFUSED: &str = include_str!("statements/refused.002.001.10.xml");

#[test]
fn a_report_says_which_direct_debits_are_refused() {
    let (transfers, judged) = read(REFUSED);
    assert_eq!(judged.faults, []);
    assert_eq!(judged.format, "pain.002.001.10");
    let said: Vec<_> = transfers
        .iter()
        .map(|transfer| {
            assert_eq!(transfer.kind, TransferKind::Refused);
            assert_eq!(transfer.booked, date(2026, 12, 4));
            assert!(transfer.clone().notice().is_none());
            (
                transfer.end_to_end.as_deref(),
                transfer.payment_file.as_deref(),
                transfer.amount.get(),
                transfer.reason.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (Some("KVIT-DEBIT-7"), None, 1234, Some("AC04")),
            (None, Some("KVIT-DEBITS-3-2"), 0, Some("DT01")),
        ]
    );
    let [facts] = judged.statements.as_slice() else {
        panic!("one report");
    };
    assert_eq!((facts.entries, facts.ignored), (2, 1));
    assert_eq!(facts.id, "PSR-20261204-1");
    // All of a file, for one reason.
    let all = REFUSED.replace(
        "<GrpSts>PART</GrpSts>",
        "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>",
    );
    let (transfers, judged) = read(&all);
    assert_eq!(judged.faults, []);
    let last = transfers.last().expect("the file");
    assert_eq!(last.payment_file.as_deref(), Some("KVIT-DEBITS-3"));
    assert_eq!(last.reason.as_deref(), Some("FF01"));
}

#[test]
fn a_report_about_something_else_is_told() {
    for (from, to, found) in [
        (
            "KVIT-DEBITS-3</OrgnlMsgId>",
            "KVIT-REFUNDS-3</OrgnlMsgId>",
            "[report-file] KVIT-REFUNDS-3",
        ),
        (
            "<OrgnlMsgId>KVIT-DEBITS-3</OrgnlMsgId>",
            "",
            "[report-file-missing]",
        ),
        (
            "<OrgnlEndToEndId>KVIT-DEBIT-7</OrgnlEndToEndId>",
            "<OrgnlEndToEndId>KVIT-REFUND-7</OrgnlEndToEndId>",
            "transaction 1: [report-debit]",
        ),
        ("KVIT-DEBITS-3-2", "NOTPROVIDED", "part: [report-part]"),
        ("<CreDtTm>2026-12-04T11:02:03</CreDtTm>", "", "[report-day]"),
        ("<MsgId>PSR-20261204-1</MsgId>", "", "[report-name]"),
        ("pain.002.001.10", "pain.002.001.02", "pain.002.001.02"),
    ] {
        let faults = faults(&REFUSED.replacen(from, to, 1));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains(found), "{found}: {}", faults[0]);
    }
    let silent = REFUSED
        .lines()
        .filter(|line| !line.contains("Sts>"))
        .collect::<Vec<_>>()
        .join("\n");
    assert!(!faults(&silent).is_empty());
}

#[test]
fn a_debit_of_ours_that_leaves_went_back_also_unmarked() {
    let entry = |marks: &str| {
        format!(
            r#"<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.04"><BkToCstmrDbtCdtNtfctn><Ntfctn><Id>N</Id><CreDtTm>2026-12-04T11:02:03</CreDtTm><Acct><Id><IBAN>{IBAN}</IBAN></Id></Acct>
<Ntry><Amt Ccy="EUR">12.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-12-04</Dt></BookgDt><AcctSvcrRef>R1</AcctSvcrRef><NtryDtls><TxDtls>{marks}</TxDtls></NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"#
        )
    };
    const FEE: &str = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>CHRG</SubFmlyCd></Fmly></Domn></BkTxCd>";
    let fee = format!("{FEE}<Refs><EndToEndId>KVIT-DEBIT-7</EndToEndId></Refs>");
    let of_entry = entry("<Refs><EndToEndId>KVIT-DEBIT-7</EndToEndId></Refs>")
        .replace("<NtryDtls>", &format!("{FEE}<NtryDtls>"));
    let (transfers, _) = read(&of_entry);
    assert_eq!(transfers[0].kind, TransferKind::Spent, "the bank's fee");
    let back = of_entry.replace("CHRG", "UPDD");
    assert_eq!(read(&back).0[0].kind, TransferKind::TakenBack);
    // What the bank marks as a return is one, also under its code for a fee.
    let marked = format!("{fee}<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>");
    let reversed = of_entry.replace("<Sts>", "<RvslInd>true</RvslInd><Sts>");
    assert_eq!(read(&reversed).0[0].kind, TransferKind::TakenBack);
    for (marks, kind, reason) in [
        (fee.as_str(), TransferKind::Spent, None),
        (marked.as_str(), TransferKind::TakenBack, Some("MD06")),
        (
            "<Refs><EndToEndId>KVIT-DEBIT-7</EndToEndId></Refs>",
            TransferKind::TakenBack,
            None,
        ),
        (
            "<Refs><EndToEndId>OTHER-7</EndToEndId></Refs>",
            TransferKind::Spent,
            None,
        ),
        (
            "<Refs><EndToEndId>KVIT-DEBIT-7</EndToEndId></Refs><RtrInf><Rsn><Prtry>MD01</Prtry></Rsn></RtrInf>",
            TransferKind::TakenBack,
            Some("MD01"),
        ),
    ] {
        let (transfers, _) = read(&entry(marks));
        assert_eq!(transfers.len(), 1, "{marks}");
        assert_eq!(transfers[0].kind, kind, "{marks}");
        assert_eq!(transfers[0].reason.as_deref(), reason, "{marks}");
    }
}

#[test]
fn the_reason_of_a_return_is_kept_by_itself() {
    let (transfers, _) = read(HOUR);
    let reasons: Vec<_> = transfers
        .iter()
        .filter(|transfer| transfer.kind == TransferKind::TakenBack)
        .map(|transfer| transfer.reason.clone())
        .collect();
    let (plain, _) = read(BATCH);
    assert!(plain.iter().chain(&transfers).all(|transfer| {
        transfer.reason.is_none()
            || matches!(
                transfer.kind,
                TransferKind::TakenBack | TransferKind::CameBack
            )
    }));
    assert!(reasons.iter().all(|reason| reason.as_deref() != Some("")));
}
