//! Writes one mail of each kind and language as HTML and text, for the eyes of who designs them.
//!
//! `cargo run -p kvit-mail --example write_mails -- FOLDER`

use std::{fs, path::PathBuf};

use jiff::civil::date;
use kvit_billing::{
    BillKind, BillNumber, Cents, Currency, DeliveryId, Language, Period, ReminderKind, Secret,
    reference::CreditorReference,
};
use kvit_mail::{
    BillFor, BillMail, Conceded, ConcededMail, LinkMail, Mails, Message, MoneyDirection, PaidBill,
    PaidBy, PaymentMail, ReminderMail, WelcomeMail,
};
use mail_parser::MessageParser;

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let folder: PathBuf = std::env::args().nth(1).ok_or("name a folder")?.into();
    fs::create_dir_all(&folder)?;
    let (operator, brand) = kvit_synth::operator();
    let mails = Mails::new(
        operator,
        brand,
        "https://smetki.svetulka.example",
        "svetulka.example",
        "smetki@svetulka.example",
    )?;
    for language in Language::ALL {
        let welcome = mails.welcome(&WelcomeMail {
            delivery: &"welcome-00000000000000000000000000000001".parse()?,
            to: &Secret::new("ivaylo@example.bg".to_owned()),
            customer_number: &"1000000042".parse()?,
            language,
            bills_from: Some(date(2026, 11, 1)),
            paper_too: true,
            paper_url: "https://smetki.svetulka.example/paper",
            at: "2026-11-20T08:15:02Z".parse()?,
        })?;
        write(&folder, &format!("welcome-{}", language.tag()), &welcome)?;
        for (case, kind, gross, to_pay) in [
            ("invoice", BillKind::Invoice, 7_431, 7_431),
            ("nothing", BillKind::Invoice, 4_210, -1_590),
            ("credit", BillKind::CreditNote, 2_300, -2_300),
            ("credit-owed", BillKind::CreditNote, 2_300, 1_250),
            ("debit", BillKind::DebitNote, 1_120, 1_120),
        ] {
            let mail = bill(&mails, language, kind, gross, to_pay)?;
            write(&folder, &format!("{case}-{}", language.tag()), &mail)?;
        }
        for (case, direction, open, credit) in [
            ("paid", MoneyDirection::Came, 0, 0),
            ("paid-part", MoneyDirection::Came, 2_431, 0),
            ("paid-more", MoneyDirection::Came, 0, 569),
            ("taken-back", MoneyDirection::TakenBack, 7_431, 0),
        ] {
            let mail = payment(&mails, language, direction, open, credit)?;
            write(&folder, &format!("{case}-{}", language.tag()), &mail)?;
        }
        for (case, what) in [
            ("refund", Conceded::Refund { iban_end: "5678" }),
            ("refund-same-way", Conceded::SameWay { through: "iCard" }),
            (
                "refund-not-same-way",
                Conceded::NotSameWay { through: "iCard" },
            ),
            ("refund-after-all", Conceded::AfterAll { through: "iCard" }),
            ("refund-came-back", Conceded::CameBack),
            ("refund-stopped", Conceded::Stopped),
            (
                "write-off",
                Conceded::WriteOff {
                    bill: BillNumber::MAX,
                },
            ),
        ] {
            let mail = mails.conceded(&ConcededMail {
                delivery: &"given-00000000000000000000000000000001".parse()?,
                to: &Secret::new("ivaylo@example.bg".to_owned()),
                customer_name: "",
                customer_number: &"1000000042".parse()?,
                language,
                what,
                amount: Cents::new(569),
                currency: Currency::EUR,
                open: Cents::ZERO,
                credit: Cents::ZERO,
                pay_url: None,
                at: "2026-11-24T08:00:00Z".parse()?,
            })?;
            write(&folder, &format!("{case}-{}", language.tag()), &mail)?;
        }
        for (case, kind) in [
            ("reminder-before", ReminderKind::Before(3)),
            ("reminder-after", ReminderKind::After(5)),
        ] {
            let mail = reminder(&mails, language, kind)?;
            write(&folder, &format!("{case}-{}", language.tag()), &mail)?;
        }
        let proof = mails.prove_address(&LinkMail {
            delivery: &"proof-00000000000000000000000000000001".parse()?,
            to: &Secret::new("ivaylo@example.bg".to_owned()),
            customer_number: &"1000000042".parse()?,
            language,
            url: "https://smetki.svetulka.example/prove/4f1c2b7a90d35e68b1c04f7de92a6b13",
            expires: "2026-11-27T08:00:00Z".parse()?,
            at: "2026-11-24T08:00:00Z".parse()?,
        })?;
        write(&folder, &format!("proof-{}", language.tag()), &proof)?;
        let link = mails.sign_in(&LinkMail {
            delivery: &"signin-00000000000000000000000000000001".parse()?,
            to: &Secret::new("ivaylo@example.bg".to_owned()),
            customer_number: &"1000000042".parse()?,
            language,
            url: "https://smetki.svetulka.example/sign-in/4f1c2b7a90d35e68b1c04f7de92a6b13",
            expires: "2026-11-24T08:30:00Z".parse()?,
            at: "2026-11-24T08:00:00Z".parse()?,
        })?;
        write(&folder, &format!("sign-in-{}", language.tag()), &link)?;
    }
    Ok(())
}

fn bill(
    mails: &Mails,
    language: Language,
    kind: BillKind,
    gross: i64,
    to_pay: i64,
) -> Result<Message, AnyError> {
    let number = BillNumber::new(4_000_000_042).ok_or("a number")?;
    Ok(mails.bill(&BillMail {
        delivery: &DeliveryId::of(number, 1),
        to: &Secret::new("ivaylo@example.bg".to_owned()),
        name: match language {
            Language::Bg => "Ивайло Петров",
            Language::En => "Ivaylo Petrov",
        },
        customer_number: &"1000000042".parse()?,
        language,
        number,
        kind,
        to_pay: Cents::new(to_pay),
        gross: Cents::new(gross),
        currency: Currency::EUR,
        due_date: date(2026, 11, 25),
        period: Period::month_of(date(2026, 10, 1)),
        recipient: BillFor::Customer {
            receipt_url: "https://smetki.svetulka.example/receipt/4f1c2b7a90d35e68b1c04f7de92a6b13",
        },
        pay_url: "https://bills.example.bg/pay/0000000042-0123456789abcdef0123456789abcdef",
        reference: &CreditorReference::of(number),
        pdf: b"%PDF-1.7",
        file_name: "4000000042.pdf",
        at: "2026-11-05T08:00:00Z".parse()?,
    })?)
}

fn payment(
    mails: &Mails,
    language: Language,
    direction: MoneyDirection,
    open: i64,
    credit: i64,
) -> Result<Message, AnyError> {
    let bill = PaidBill {
        customer: "1000000042".parse()?,
        number: BillNumber::new(4_000_000_042).ok_or("a number")?,
        period: Period::month_of(date(2026, 10, 1)),
        part: Cents::new(match direction {
            MoneyDirection::Came => 7_431 - open,
            MoneyDirection::TakenBack => open,
        }),
        open: Cents::new(open),
    };
    Ok(mails.payment(&PaymentMail {
        delivery: &"paid-00000000000000000000000000000001".parse()?,
        to: &Secret::new("ivaylo@example.bg".to_owned()),
        customer_name: match language {
            Language::Bg => "Ивайло Петров",
            Language::En => "Ivaylo Petrov",
        },
        customer_number: &"1000000042".parse()?,
        language,
        direction,
        amount: bill.part + Cents::new(credit),
        currency: Currency::EUR,
        paid_at: "2026-11-20T08:15:00Z".parse()?,
        booked: None,
        way: Some(PaidBy::Through("ePay.bg")),
        bills: std::slice::from_ref(&bill),
        open: Cents::new(open),
        credit: Cents::new(credit),
        pay_url: Some(
            "https://smetki.svetulka.example/pay/4000000042-0123456789abcdef0123456789abcdef",
        ),
        at: "2026-11-20T08:15:02Z".parse()?,
    })?)
}

fn reminder(mails: &Mails, language: Language, kind: ReminderKind) -> Result<Message, AnyError> {
    let number = BillNumber::new(4_000_000_042).ok_or("a number")?;
    Ok(mails.reminder(&ReminderMail {
        delivery: &DeliveryId::reminder_of(number, kind),
        to: &Secret::new("ivaylo@example.bg".to_owned()),
        customer_name: match language {
            Language::Bg => "Ивайло Петров",
            Language::En => "Ivaylo Petrov",
        },
        customer_number: &"1000000042".parse()?,
        language,
        kind,
        number,
        period: Period::month_of(date(2026, 10, 1)),
        open: Cents::new(7_431),
        currency: Currency::EUR,
        due_date: date(2026, 11, 25),
        reference: &CreditorReference::of(number),
        pay_url: "https://smetki.svetulka.example/pay/4000000042-0123456789abcdef0123456789abcdef",
        stop_url: "https://smetki.svetulka.example/reminders/4f1c2b7a90d35e68b1c04f7de92a6b13",
        at: "2026-11-22T07:00:00Z".parse()?,
    })?)
}

fn write(folder: &std::path::Path, name: &str, mail: &Message) -> Result<(), AnyError> {
    let parsed = MessageParser::default()
        .parse(&mail.bytes)
        .ok_or("a mail that cannot be read")?;
    let html = parsed.body_html(0).ok_or("no HTML")?;
    let text = parsed.body_text(0).ok_or("no text")?;
    let subject = parsed.subject().unwrap_or_default();
    fs::write(folder.join(format!("{name}.html")), html.as_bytes())?;
    fs::write(
        folder.join(format!("{name}.txt")),
        format!("Subject: {subject}\n\n{text}"),
    )?;
    Ok(())
}
