//! What customers get, as a mail program reads it.

use jiff::civil::{Date, date};
use kvit_billing::{
    AccessMail, Address, BillKind, BillNumber, Cents, Currency, CustomerNumber, DeliveryId,
    Language, Operator, Period, ReminderKind, Role, Secret, StaffMail, customer::Text,
    operator::Brand, reference::CreditorReference,
};
use kvit_mail::{
    AccessChange, AlarmMail, BillFor, BillMail, Conceded, ConcededMail, DebitCase, DebitMail,
    DebitedBill, LinkMail, MailError, Mails, Message, MoneyDirection, PaidBill, PaidBy,
    PaymentMail, ReminderMail, StaffChange, WelcomeMail,
};
use mail_parser::{MessageParser, MimeHeaders};

fn mails() -> Mails {
    let operator = Operator {
        name: Text::both("Светлина Пример ЕАД", "Svetlina Primer EAD"),
        short_name: Text::both("Светлина", "Svetlina"),
        eik: "000000000".to_owned(),
        vat_number: "BG000000000".to_owned(),
        address: Address {
            city: "София".to_owned(),
            ..Address::default()
        },
        address_en: Address {
            city: "Sofia".to_owned(),
            ..Address::default()
        },
        iban: "BG80BNBG96611020345678".to_owned(),
        bic: String::new(),
        currency: Currency::EUR,
        hotline: "0700 00 000".to_owned(),
        email: "help@example.bg".to_owned(),
        website: "https://example.bg".to_owned(),
        complaints: Text::default(),
        dispute_body: Text::default(),
        switching: Text::default(),
    };
    let brand = Brand {
        primary: "#0a5c8f".to_owned(),
        accent: "#f2b705".to_owned(),
        logo: String::new(),
    };
    Mails::new(
        operator,
        brand,
        "https://bills.example.bg/",
        "example.bg",
        "bills@example.bg",
    )
    .expect("valid settings")
}

const RECEIPT: BillFor<'_> = BillFor::Customer {
    receipt_url: "https://bills.example.bg/receipt/abc",
};

fn bill(
    mails: &Mails,
    language: Language,
    to: &str,
    name: &str,
    cents: i64,
) -> Result<Message, MailError> {
    bill_for(mails, language, to, name, cents, RECEIPT)
}

fn bill_for(
    mails: &Mails,
    language: Language,
    to: &str,
    name: &str,
    cents: i64,
    recipient: BillFor<'_>,
) -> Result<Message, MailError> {
    let number = BillNumber::new(42).expect("in range");
    let customer: CustomerNumber = "1000042".parse().expect("a number");
    mails.bill(&BillMail {
        delivery: &DeliveryId::of(number, 1),
        to: &Secret::new(to.to_owned()),
        name,
        customer_number: &customer,
        language,
        number,
        kind: BillKind::Invoice,
        to_pay: Cents::new(cents),
        gross: Cents::new(cents),
        currency: Currency::EUR,
        due_date: date(2026, 11, 20),
        period: Period::month_of(date(2026, 10, 1)),
        recipient,
        pay_url: "https://bills.example.bg/pay/0000000042-0123456789abcdef0123456789abcdef",
        reference: &CreditorReference::of(number),
        pdf: b"%PDF-1.7 sealed\r\n.\r\n",
        file_name: "0000000042.pdf",
        at: "2026-11-05T08:00:00Z".parse().expect("a time"),
    })
}

#[test]
fn a_reader_s_mail_confirms_nothing_and_says_how_to_leave() {
    for (language, subject, leave) in [
        (
            Language::Bg,
            "Сметка за октомври 2026\u{a0}г., клиентски № 1000042: 84,20\u{a0}€",
            "Не искам повече тези сметки",
        ),
        (
            Language::En,
            "Bill for October 2026, customer no. 1000042: €84.20",
            "I want no more of these bills",
        ),
    ] {
        let recipient = BillFor::Reader {
            customer_name: "Мария\r\nBcc: x@y.bg <b>",
            bill_url: "https://bills.example.bg/copy/abc",
        };
        let name = "\"><script>\r\nSubject: x";
        let to = "ana@xn--e1afmkfd.bg";
        let message = bill_for(&mails(), language, to, name, 8_420, recipient).expect("a mail");
        let parsed = MessageParser::default()
            .parse(&message.bytes)
            .expect("a mail");
        assert!(
            parsed.subject().expect("one").starts_with(subject),
            "{:?}",
            parsed.subject()
        );
        assert!(parsed.bcc().is_none() && parsed.attachment_count() == 1);
        let html = parsed.body_html(0).expect("HTML");
        let text = parsed.body_text(0).expect("text");
        for body in [&html, &text] {
            assert!(
                body.contains("https://bills.example.bg/copy/abc/leave") && body.contains(leave)
            );
            for no in ["/receipt/", "/paper", "потвърдете, че", "confirm that"] {
                assert!(!body.contains(no), "{no}: {body}");
            }
        }
        assert!(!html.contains("<script>") && html.contains("Bcc: x@y.bg &lt;b&gt;"));
    }
}

#[test]
fn a_bill_reads_right_in_both_languages() {
    for (language, subject, button) in [
        (
            Language::Bg,
            "Сметка за октомври 2026\u{a0}г.: 1\u{a0}234,56\u{a0}€, срок до 20.11.2026\u{a0}г.",
            "Потвърди получаването",
        ),
        (
            Language::En,
            "Your bill for October 2026: €1,234.56, due 20 November 2026",
            "Confirm receipt",
        ),
    ] {
        let message = bill(&mails(), language, "ivan@abv.bg", "Иван <b>", 123_456).expect("a mail");
        assert_eq!(message.id, "0000000042-1@example.bg");
        assert_eq!(message.return_path, "bounce+0000000042-1@example.bg");
        let mail = MessageParser::default()
            .parse(&message.bytes)
            .expect("a message");
        assert_eq!(mail.subject(), Some(subject));
        assert_eq!(mail.message_id(), Some("0000000042-1@example.bg"));
        let html = mail.body_html(0).expect("HTML").into_owned();
        let text = mail.body_text(0).expect("a text").into_owned();
        assert!(!html.contains("г..") && !text.contains("г.."));
        assert!(
            html.contains("Иван &lt;b&gt;") && !html.contains("<img") && !html.contains("<script")
        );
        for body in [&html, &text] {
            for part in [
                button,
                "https://bills.example.bg/receipt/abc",
                "https://bills.example.bg/receipt/abc/paper",
                "1000042",
            ] {
                assert!(body.contains(part), "{part} in {body}");
            }
        }
        let pdf = mail.attachment(0).expect("the document");
        assert_eq!(pdf.contents(), b"%PDF-1.7 sealed\r\n.\r\n");
        assert_eq!(pdf.attachment_name(), Some("0000000042.pdf"));
        let raw = String::from_utf8(message.bytes).expect("ASCII");
        assert!(
            raw.is_ascii()
                && raw
                    .split("\r\n")
                    .all(|line| line.len() <= 998 && !line.contains('\n'))
        );
        assert!(raw.contains("Auto-Submitted: auto-generated\r\n") && !raw.contains("1000042"));
    }
}

#[test]
fn the_same_delivery_gives_the_same_bytes() {
    let once = bill(&mails(), Language::Bg, "ivan@abv.bg", "Иван", 1).expect("a mail");
    let again = bill(&mails(), Language::Bg, "ivan@abv.bg", "Иван", 1).expect("a mail");
    assert_eq!(once.bytes, again.bytes);
}

#[test]
fn no_value_can_add_a_header() {
    assert!(
        bill(
            &mails(),
            Language::Bg,
            "ivan@abv.bg\r\nBcc: eve@abv.bg",
            "",
            1
        )
        .is_err()
    );
    let evil = "Ivan\r\nBcc: eve@abv.bg\r\n\r\nhello";
    let subject = format!(
        "bill-subject-invoice = {{\"{}\"}}",
        "a\\u000d\\u000aBcc: eve@abv.bg"
    );
    let mails = mails()
        .with_overrides(vec![("en.ftl".to_owned(), subject)])
        .expect("valid texts");
    let message = bill(&mails, Language::En, "ivan@abv.bg", evil, 1).expect("a mail");
    let raw = String::from_utf8(message.bytes).expect("ASCII");
    assert!(!raw.contains("Bcc:"), "{raw}");
}

#[test]
fn nothing_to_pay_asks_for_no_money() {
    let message = bill(&mails(), Language::Bg, "ivan@abv.bg", "", -500).expect("a mail");
    let mail = MessageParser::default()
        .parse(&message.bytes)
        .expect("a message");
    let text = mail.body_text(0).expect("a text");
    assert!(
        text.contains("Не е нужно да плащате") && text.contains("5,00") && !text.contains("IBAN"),
        "{text}"
    );
}

#[test]
fn a_proof_hides_the_customer_number() {
    let customer: CustomerNumber = "1000042".parse().expect("a number");
    let message = mails()
        .prove_address(&LinkMail {
            delivery: &"proof-1".parse().expect("an id"),
            to: &Secret::new("ivan@abv.bg".to_owned()),
            customer_number: &customer,
            language: Language::Bg,
            url: "https://bills.example.bg/prove/abc",
            expires: "2026-11-05T08:00:00Z".parse().expect("a time"),
            at: "2026-11-04T08:00:00Z".parse().expect("a time"),
        })
        .expect("a mail");
    let mail = MessageParser::default()
        .parse(&message.bytes)
        .expect("a message");
    let text = mail.body_text(0).expect("a text");
    assert!(
        text.contains("••••042") && !text.contains("1000042") && text.contains("10:00"),
        "{text}"
    );
    assert_eq!(mail.attachment_count(), 0);
}

#[test]
fn a_link_that_signs_in_says_how_long_and_how_often() {
    let customer: CustomerNumber = "1000042".parse().expect("a number");
    for (language, said, others) in [
        (Language::Bg, "само веднъж", "отваря и тях"),
        (Language::En, "only once", "opens them as well"),
    ] {
        let message = mails()
            .sign_in(&LinkMail {
                delivery: &"signin-1".parse().expect("an id"),
                to: &Secret::new("ivan@abv.bg".to_owned()),
                customer_number: &customer,
                language,
                url: "https://bills.example.bg/sign-in/abc",
                expires: "2026-11-04T08:30:00Z".parse().expect("a time"),
                at: "2026-11-04T08:00:00Z".parse().expect("a time"),
            })
            .expect("a mail");
        let mail = MessageParser::default()
            .parse(&message.bytes)
            .expect("a message");
        let text = mail.body_text(0).expect("a text");
        for part in [
            said,
            others,
            "10:30",
            "••••042",
            "https://bills.example.bg/sign-in/abc",
        ] {
            assert!(text.replace('\n', " ").contains(part), "{part}: {text}");
        }
        assert!(!text.contains("1000042"));
    }
}

fn payment(language: Language, direction: MoneyDirection, open: i64, credit: i64) -> [String; 3] {
    let told = paid(language, direction, open, credit, None);
    for body in &told[1..] {
        assert!(body.contains("eBg &") && body.contains("10:15"), "{body}");
    }
    told
}

fn paid(
    language: Language,
    direction: MoneyDirection,
    open: i64,
    credit: i64,
    booked: Option<Date>,
) -> [String; 3] {
    let bill = PaidBill {
        customer: "1000042".parse().expect("a number"),
        number: BillNumber::new(42).expect("in range"),
        period: Period::month_of(date(2026, 10, 1)),
        part: Cents::new(500),
        open: Cents::new(open),
    };
    let message = mails()
        .payment(&PaymentMail {
            delivery: &"paid-1".parse().expect("an id"),
            to: &Secret::new("ivan@abv.bg".to_owned()),
            customer_name: "Иван <b>",
            customer_number: &"1000042".parse().expect("a number"),
            language,
            direction,
            amount: Cents::new(500 + credit),
            currency: Currency::EUR,
            paid_at: "2026-11-20T08:15:00Z".parse().expect("a time"),
            booked,
            way: Some(PaidBy::Through("eBg & Co")),
            bills: &[bill],
            open: Cents::new(open),
            credit: Cents::new(credit),
            pay_url: Some("https://bills.example.bg/pay/1"),
            at: "2026-11-20T08:15:02Z".parse().expect("a time"),
        })
        .expect("a mail");
    let mail = MessageParser::default()
        .parse(&message.bytes)
        .expect("a message");
    assert_eq!(mail.message_id(), Some("paid-1@example.bg"));
    let html = mail.body_html(0).expect("HTML").into_owned();
    let text = mail.body_text(0).expect("a text").into_owned();
    assert!(html.contains("Иван &lt;b&gt;"));
    for body in [&html, &text] {
        for part in ["1000042", "0000000042", "5,00"] {
            let english = language == Language::En && part == "5,00";
            assert!(english || body.contains(part), "{part} in {body}");
        }
        assert!(!body.contains("/paper") && !body.contains("г.."), "{body}");
    }
    [mail.subject().unwrap_or_default().to_owned(), text, html]
}

#[test]
fn a_payment_for_bills_of_several_names_whose_each_is() {
    let bill = |number, customer: &str| PaidBill {
        customer: customer.parse().expect("a number"),
        number: BillNumber::new(number).expect("in range"),
        period: Period::month_of(date(2026, 10, 1)),
        part: Cents::new(500),
        open: Cents::ZERO,
    };
    let message = mails()
        .payment(&PaymentMail {
            delivery: &"paid-1".parse().expect("an id"),
            to: &Secret::new("ivan@abv.bg".to_owned()),
            customer_name: "",
            customer_number: &"1000042".parse().expect("a number"),
            language: Language::Bg,
            direction: MoneyDirection::Came,
            amount: Cents::new(1000),
            currency: Currency::EUR,
            paid_at: "2026-11-20T08:15:00Z".parse().expect("a time"),
            booked: None,
            way: Some(PaidBy::Card),
            bills: &[bill(42, "1000042"), bill(43, "1000043")],
            open: Cents::ZERO,
            credit: Cents::ZERO,
            pay_url: None,
            at: "2026-11-20T08:15:02Z".parse().expect("a time"),
        })
        .expect("a mail");
    let mail = MessageParser::default()
        .parse(&message.bytes)
        .expect("a message");
    for body in [mail.body_html(0), mail.body_text(0)] {
        let body = body.expect("a body");
        for number in ["1000042", "1000043"] {
            assert_eq!(body.matches(number).count(), 1, "{body}");
        }
    }
}

#[test]
fn a_bank_transfer_is_told_by_its_day() {
    for (language, said) in [
        (Language::Bg, "Платено с банков превод на 19.11.2026 г."),
        (Language::En, "Paid by bank transfer on 19 November 2026"),
    ] {
        for direction in [MoneyDirection::Came, MoneyDirection::TakenBack] {
            let [_, text, html] = paid(language, direction, 0, 0, Some(date(2026, 11, 19)));
            for body in [text, html] {
                let body = body.replace('\u{a0}', " ");
                assert!(body.contains(said), "{said}: {body}");
                assert!(!body.contains("10:15") && !body.contains("eBg"), "{body}");
            }
        }
    }
}

#[test]
fn money_that_came_is_told_with_what_it_paid() {
    for (language, subject, settled, rest, credit) in [
        (
            Language::Bg,
            "Получихме плащането Ви от 5,00\u{a0}€",
            "Всичките Ви сметки са платени.",
            "остават за плащане 7,00\u{a0}€",
            "Имате 3,00\u{a0}€ в своя полза",
        ),
        (
            Language::En,
            "We received your payment of €5.00",
            "All your bills are paid.",
            "€7.00 is still to pay",
            "You have €3.00 in your favour",
        ),
    ] {
        let [title, text, html] = payment(language, MoneyDirection::Came, 0, 0);
        assert_eq!(title, subject);
        assert!(text.contains(settled) && html.contains(settled), "{text}");
        assert!(!text.contains("/pay/1"), "nothing is open: {text}");
        let [_, text, html] = payment(language, MoneyDirection::Came, 700, 0);
        for body in [text, html] {
            assert!(body.contains(rest) && body.contains("/pay/1"), "{body}");
        }
        let [_, text, html] = payment(language, MoneyDirection::Came, 0, 300);
        assert!(text.contains(credit) && html.contains(credit), "{text}");
    }
}

#[test]
fn money_that_was_taken_back_is_told_with_what_to_do() {
    for (language, back, do_it, nothing) in [
        (
            Language::Bg,
            "беше върнато",
            "Моля, платете отново",
            "не е нужно да правите нищо",
        ),
        (
            Language::En,
            "taken back",
            "Please pay again",
            "you do not need to do anything",
        ),
    ] {
        let [title, text, html] = payment(language, MoneyDirection::TakenBack, 500, 0);
        assert!(title.contains(back), "{title}");
        for body in [text, html] {
            for part in [back, do_it, "/pay/1", "0700 00 000"] {
                assert!(body.contains(part), "{part}: {body}");
            }
        }
        let [_, text, _] = payment(language, MoneyDirection::TakenBack, 0, 0);
        assert!(text.contains(nothing) && !text.contains("/pay/1"), "{text}");
    }
}

#[test]
fn a_refund_that_came_back_and_one_that_was_stopped_have_words_of_their_own() {
    let mail = |language, what| {
        let mail = mails().conceded(&ConcededMail {
            delivery: &"given-00000000000000000000000000000001"
                .parse()
                .expect("an id"),
            to: &Secret::new("ana@example.bg".to_owned()),
            customer_name: "",
            customer_number: &"1000000042".parse().expect("a number"),
            language,
            what,
            amount: Cents::new(569),
            currency: Currency::EUR,
            open: Cents::ZERO,
            credit: Cents::new(569),
            pay_url: None,
            at: "2026-11-24T08:00:00Z".parse().expect("a moment"),
        });
        let bytes = mail.expect("a mail").bytes;
        let read = MessageParser::default().parse(&bytes).expect("a mail");
        let text = read.body_text(0).expect("a text").into_owned();
        (
            read.subject().expect("a subject").replace('\u{a0}', " "),
            text,
        )
    };
    for (language, what, subject, says) in [
        (
            Language::Bg,
            Conceded::SameWay { through: "iCard" },
            "Връщаме Ви 5,69 €",
            "платили (iCard)",
        ),
        (
            Language::En,
            Conceded::NotSameWay { through: "iCard" },
            "The refund of €5.69 did not go through",
            "the way you paid it (iCard).",
        ),
        (
            Language::Bg,
            Conceded::AfterAll { through: "iCard" },
            "Оказа се, че сме Ви върнали 5,69 €",
            "платили (iCard), няма да се извърши",
        ),
        (
            Language::En,
            Conceded::AfterAll { through: "iCard" },
            "€5.69 was given back to you after all",
            "It has turned out",
        ),
        (
            Language::Bg,
            Conceded::CameBack,
            "Не успяхме да Ви преведем 5,69 €",
            "не се осъществи",
        ),
        (
            Language::En,
            Conceded::CameBack,
            "We could not transfer €5.69 to you",
            "did not go through",
        ),
        (
            Language::Bg,
            Conceded::Stopped,
            "Спряхме връщането на 5,69 €",
            "преди да я преведем",
        ),
        (
            Language::En,
            Conceded::Stopped,
            "We have stopped the refund of €5.69",
            "before the money was",
        ),
    ] {
        let (said, text) = mail(language, what);
        assert_eq!(said, subject);
        assert!(text.contains(says), "{says}: {text}");
    }
}

#[test]
fn a_reminder_says_what_is_open_and_how_to_end_reminders() {
    let number = BillNumber::new(42).expect("in range");
    let remind = |language, kind| {
        let message = mails()
            .reminder(&ReminderMail {
                delivery: &DeliveryId::reminder_of(number, kind),
                to: &Secret::new("ivan@abv.bg".to_owned()),
                customer_name: "Иван",
                customer_number: &"1000042".parse().expect("a number"),
                language,
                kind,
                number,
                period: Period::month_of(date(2026, 10, 1)),
                open: Cents::new(700),
                currency: Currency::EUR,
                due_date: date(2026, 11, 25),
                reference: &CreditorReference::of(number),
                pay_url: "https://bills.example.bg/pay/1",
                stop_url: "https://bills.example.bg/reminders/abc",
                at: "2026-11-22T07:00:00Z".parse().expect("a time"),
            })
            .expect("a mail");
        let mail = MessageParser::default()
            .parse(&message.bytes)
            .expect("a message");
        let html = mail.body_html(0).expect("HTML").into_owned();
        let text = mail.body_text(0).expect("a text").into_owned();
        assert_eq!(mail.attachment_count(), 0);
        // Bank accounts are never told by mail without the bill.
        assert!(!html.contains("BG80") && !text.contains("BG80"));
        (mail.subject().unwrap_or_default().to_owned(), [html, text])
    };
    for (language, kind, subject, parts) in [
        (
            Language::Bg,
            ReminderKind::Before(3),
            "Напомняне: 7,00\u{a0}€ за октомври 2026\u{a0}г., срок до 25.11.2026\u{a0}г.",
            ["Наближава срокът", "Не искам повече напомняния"],
        ),
        (
            Language::Bg,
            ReminderKind::After(5),
            "Напомняне: сметката за октомври 2026\u{a0}г. още не е платена",
            ["Случва се да се забрави", "Срокът беше до 25.11.2026"],
        ),
        (
            Language::En,
            ReminderKind::Before(3),
            "A reminder: €7.00 for October 2026, due 25 November 2026",
            ["is due soon", "I want no more reminders"],
        ),
        (
            Language::En,
            ReminderKind::After(5),
            "A reminder: your bill for October 2026 is not paid yet",
            ["It is easily forgotten", "It was due on 25 November 2026"],
        ),
    ] {
        let (said, bodies) = remind(language, kind);
        assert_eq!(said, subject);
        for body in bodies {
            let shared = [
                "/pay/1",
                "/reminders/abc",
                "0000000042",
                "1000042",
                "0700 00 000",
            ];
            for part in parts.into_iter().chain(shared) {
                assert!(body.contains(part), "{part}: {body}");
            }
            assert!(!body.contains("г.."), "{body}");
        }
    }
}

#[test]
fn broken_overrides_are_found_at_once() {
    for (name, content) in [
        ("bill.html", "{% if %}"),
        ("bill.txt", "{{ nothing }}"),
        ("bill.txt", "{{ t(\"nothing\") }}"),
        ("bg.ftl", "proof-subject = { $nothing }"),
        ("bg.ftl", "= ="),
        ("other.html", ""),
    ] {
        let result = mails().with_overrides(vec![(name.to_owned(), content.to_owned())]);
        assert!(result.is_err(), "{name} {content}");
    }
    let replaced = mails()
        .with_overrides(vec![(
            "bill.txt".to_owned(),
            "Only {{ amount }}".to_owned(),
        )])
        .expect("a valid template");
    let message = bill(&replaced, Language::En, "ivan@abv.bg", "", 100).expect("a mail");
    let mail = MessageParser::default()
        .parse(&message.bytes)
        .expect("a message");
    assert_eq!(
        mail.body_text(0).as_deref().map(str::trim),
        Some("Only €1.00")
    );
}

#[test]
fn mails_about_autopay_say_who_takes_what_and_when() {
    let bill = DebitedBill {
        number: BillNumber::new(4_000_000_042).expect("in range"),
        period: Period::month_of(date(2026, 10, 1)),
        amount: Cents::new(1234),
        currency: Currency::EUR,
    };
    let pay_url = "https://bills.example.bg/pay/1";
    for (case, language, subject, inside) in [
        (
            DebitCase::Notice {
                until: date(2026, 11, 18),
                bill,
                day: date(2026, 11, 25),
            },
            Language::Bg,
            "Предстои автоматично плащане",
            ["25.11.2026", "12,34", "/autopay", "8 седмици"],
        ),
        (
            DebitCase::Notice {
                until: date(2026, 11, 18),
                bill,
                day: date(2026, 11, 25),
            },
            Language::En,
            "Autopay ahead",
            ["25 November 2026", "12.34", "/autopay", "8 weeks"],
        ),
        (
            DebitCase::On,
            Language::Bg,
            "Автоматичното плащане е включено",
            ["Ана Иванова", "по всяко време", "/autopay", "8 седмици"],
        ),
        (
            DebitCase::OffByBank,
            Language::En,
            "Autopay has stopped",
            ["cannot pay", "0700 00 000", "/autopay", "Mandate reference"],
        ),
        (
            DebitCase::Refused { bill, pay_url },
            Language::Bg,
            "не е платена",
            ["12,34", "няма да опитаме отново", pay_url, "4000000042"],
        ),
    ] {
        let customer = "1000042".parse().expect("a number");
        let mail = mails().debit(&DebitMail {
            delivery: &"autopay-notice-7".parse().expect("an id"),
            to: &Secret::new("ana@example.bg".to_owned()),
            customer_name: "Ана",
            customer_number: &customer,
            language,
            case,
            iban: "BG80 •••• 5678",
            holder: "Ана Иванова",
            reference: "KVIT-MANDATE-7",
            creditor: "BG32ZZZ100001",
            at: jiff::Timestamp::UNIX_EPOCH,
        });
        let mail = mail.expect("a mail");
        let read = MessageParser::default().parse(&mail.bytes).expect("a mail");
        assert!(
            read.subject().expect("a subject").contains(subject),
            "{case:?}"
        );
        let (text, html) = (
            read.body_text(0).expect("text"),
            read.body_html(0).expect("html"),
        );
        for part in inside
            .into_iter()
            .chain(["BG80 •••• 5678", "KVIT-MANDATE-7", "BG32ZZZ100001"])
        {
            assert!(text.contains(part), "{case:?}: {part}: {text}");
            assert!(html.contains(part), "{case:?}: {part}");
        }
    }
}

#[test]
fn staff_are_told_of_changes_without_a_link() {
    let login = "m.ivanova".parse().expect("a sign-in name");
    let at = "2026-11-28T09:30:00Z".parse().expect("a moment");
    for what in StaffMail::ALL {
        for (language, call, when) in [
            (
                Language::Bg,
                "обадете се веднага на администратора",
                "11:30 ч.",
            ),
            (Language::En, "call your administrator at once", "11:30"),
        ] {
            let mail = mails().staff(&StaffChange {
                delivery: &DeliveryId::staff_of(what, &login, at),
                to: &Secret::new("m@example.bg".to_owned()),
                login: &login,
                language,
                what,
                at,
            });
            let mail = mail.expect("a mail");
            let mail = MessageParser::default()
                .parse(&mail.bytes)
                .expect("a message");
            let text = mail.body_text(0).expect("a text").replace('\n', " ");
            assert!(text.contains(call) && text.contains("m.ivanova"), "{text}");
            assert!(text.contains(when) && !text.contains("https://"), "{text}");
            if what == StaffMail::RoleChanged(Role::Billing) {
                let role = match language {
                    Language::Bg => "„Фактуриране“",
                    Language::En => "“Billing”",
                };
                assert!(text.contains(role), "{text}");
            }
        }
    }
}

#[test]
fn administrators_read_what_was_seen_what_is_done_and_what_to_do() {
    let login = "m.ivanova".parse().expect("a sign-in name");
    let at = "2026-11-28T09:30:00Z".parse().expect("a moment");
    for (language, parts) in [
        (
            Language::Bg,
            [
                "28.11.2026",
                "11:30 ч.",
                "1000 за 15 минути",
                "вече се забавят",
                "спрете източниците",
                "веднъж на 24 часа",
            ],
        ),
        (
            Language::En,
            [
                "28 November 2026",
                "11:30",
                "1000 within 15 minutes",
                "already slowed down",
                "block the sources",
                "once in 24 hours",
            ],
        ),
    ] {
        let mail = mails().alarm(&AlarmMail {
            delivery: &DeliveryId::alarm_of(&login, at),
            to: &Secret::new("m@example.bg".to_owned()),
            language,
            fails: 1000,
            minutes: 15,
            url: "https://smetki.example.bg/staff/people",
            at,
        });
        let mail = mail.expect("a mail");
        let mail = MessageParser::default()
            .parse(&mail.bytes)
            .expect("a message");
        for body in [mail.body_text(0), mail.body_html(0)] {
            let body = body.expect("a body").replace('\n', " ");
            for part in parts
                .into_iter()
                .chain(["https://smetki.example.bg/staff/people"])
            {
                assert!(body.contains(part), "{part}: {body}");
            }
        }
    }
}

#[test]
fn a_change_of_access_is_told_without_a_link_that_opens() {
    let whom = "0123456789abcdef0123456789abcdef".parse();
    let whom = whom.expect("an enrolment id");
    let account: CustomerNumber = "1000042".parse().expect("a customer number");
    let at = "2026-11-28T09:30:00Z".parse().expect("a moment");
    for what in AccessMail::ALL {
        for (language, hotline, when) in [
            (Language::Bg, "обадете ни се веднага", "11:30 ч."),
            (Language::En, "call us at once", "11:30"),
        ] {
            let mail = mails().access(&AccessChange {
                delivery: &DeliveryId::access_of(what, &whom, at),
                to: &Secret::new("maria@example.bg".to_owned()),
                customer_number: &account,
                language,
                what,
                at,
            });
            let mail = mail.expect("a mail");
            let mail = MessageParser::default()
                .parse(&mail.bytes)
                .expect("a message");
            let text = mail.body_text(0).expect("a text").replace('\n', " ");
            assert!(text.contains(hotline), "{text}");
            assert!(text.contains(when) && text.contains("••••042"), "{text}");
            assert!(!text.contains("1000042") && !text.contains("/sign-in/"));
        }
    }
}

#[test]
fn a_proven_address_is_welcomed_with_its_first_bill_and_the_way_back() {
    let whom = "0123456789abcdef0123456789abcdef".parse();
    let delivery = DeliveryId::welcome_of(&whom.expect("an enrolment id"));
    let account: CustomerNumber = "1000042".parse().expect("a customer number");
    for (language, first, any, too, back) in [
        (
            Language::Bg,
            "от 01.11.2026 г. нататък",
            "следващата, която издадем",
            "я получавате и на хартия",
            "Върнете се към сметки на хартия",
        ),
        (
            Language::En,
            "from 1 November 2026 on",
            "the next one that we issue",
            "it also comes on paper",
            "Go back to paper bills",
        ),
    ] {
        let said = |bills_from, paper_too| {
            let mail = mails().welcome(&WelcomeMail {
                delivery: &delivery,
                to: &Secret::new("maria@example.bg".to_owned()),
                customer_number: &account,
                language,
                bills_from,
                paper_too,
                paper_url: "https://smetki.example/paper",
                at: "2026-11-28T09:30:00Z".parse().expect("a moment"),
            });
            let bytes = mail.expect("a mail").bytes;
            let mail = MessageParser::default().parse(&bytes).expect("a message");
            let plain = |body: &str| body.split_whitespace().collect::<Vec<_>>().join(" ");
            let text = plain(&mail.body_text(0).expect("a text"));
            let html = plain(&mail.body_html(0).expect("HTML"));
            for body in [&text, &html] {
                assert!(body.contains(back) && body.contains("https://smetki.example/paper"));
                assert!(
                    body.contains("••••042") && !body.contains("1000042"),
                    "{body}"
                );
                assert_eq!(body.contains(too), paper_too, "{body}");
            }
            text.replace('\u{a0}', " ")
        };
        let day = jiff::civil::date(2026, 11, 1);
        assert!(said(Some(day), true).contains(first));
        assert!(said(None, false).contains(any));
    }
}
