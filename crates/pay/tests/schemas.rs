//! Files for the bank, judged by the schemas of their messages: `conformance/xsd_check.py` has them.

use std::process::Command;

use jiff::{Timestamp, civil::date};
use kvit_billing::Cents;
use kvit_pay::{
    Iban,
    credit::{CreditFile, CreditTransfer, Payer},
    debit::{Collector, DebitFile, DebitPart, DirectDebit, Sequence},
};

/// Names that begin, end and fill badly.
const NAMES: [&str; 5] = [
    "Ана Иванова",
    "„Енерго & Ко“ <АД>",
    "//--::",
    "字",
    "Щъркелово-Нанадолнище, Александрина Константинова-Преображенска и наследници",
];

fn iban() -> Iban {
    "BG80BNBG96611020345678".parse().expect("an account")
}

fn debits() -> DebitFile {
    let debit = |(at, name): (usize, &&str)| DirectDebit {
        debit: at as u64 + 1,
        amount: Cents::new([1, 999, 100_000, 12_345, 99_999_999][at]),
        mandate: u64::MAX - at as u64,
        signed: date(2026, 11, 1),
        holder: (*name).to_owned(),
        iban: iban(),
        words: format!("Сметка 4000000042, клиент {name}"),
    };
    let part = |sequence, debits| DebitPart {
        day: date(2026, 12, 10),
        sequence,
        creditor: "DE98ZZZ09999999999".parse().expect("an identifier"),
        debits,
    };
    let all: Vec<DirectDebit> = NAMES.iter().enumerate().map(debit).collect();
    DebitFile {
        number: u64::MAX,
        at: Timestamp::UNIX_EPOCH,
        collector: Collector {
            name: "Светулка Електро АД".to_owned(),
            iban: iban(),
            bic: "BNBGBGSD".to_owned(),
        },
        parts: vec![
            part(Sequence::First, all[..2].to_vec()),
            part(Sequence::Recurring, all[2..].to_vec()),
        ],
    }
}

fn credits() -> CreditFile {
    let transfer = |(at, name): (usize, &&str)| CreditTransfer {
        refund: at as u64 + 1,
        amount: Cents::new(at as i64 + 1),
        name: (*name).to_owned(),
        iban: iban(),
        words: format!("Върната сума, клиент {name}"),
    };
    CreditFile {
        number: u64::MAX,
        at: Timestamp::UNIX_EPOCH,
        day: date(2026, 11, 30),
        payer: Payer {
            name: "Светулка Електро АД".to_owned(),
            iban: iban(),
            bic: String::new(),
        },
        transfers: NAMES.iter().enumerate().map(transfer).collect(),
    }
}

#[test]
fn files_for_the_bank_are_as_their_schemas_say() {
    let python = std::env::var("KVIT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python)
        .args(["-c", "import lxml, sepaxml"])
        .output()
        .is_ok_and(|said| said.status.success());
    if !there {
        let missing = "sepaxml (conformance/requirements.txt) is missing: nothing was judged";
        assert!(
            std::env::var_os("KVIT_REQUIRE_ALL_TESTS").is_none(),
            "{missing}"
        );
        eprintln!("{missing}");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let judge = |xml: &str| {
        let path = folder.path().join("file.xml");
        std::fs::write(&path, xml).expect("a written file");
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../conformance/xsd_check.py"
        );
        let said = Command::new(&python).arg(script).arg(&path).output();
        let said = said.expect("the judge runs");
        let text = String::from_utf8_lossy(&said.stdout).into_owned()
            + &String::from_utf8_lossy(&said.stderr);
        (said.status.success(), text)
    };
    for xml in [debits().xml(), credits().xml()] {
        assert_eq!(judge(&xml), (true, "\n".to_owned()), "{xml}");
    }
    // It judges.
    let (good, why) = judge(
        &debits()
            .xml()
            .replace("<SeqTp>FRST</SeqTp>", "<SeqTp>EINS</SeqTp>"),
    );
    assert!(!good && why.contains("EINS"), "{why}");
}
