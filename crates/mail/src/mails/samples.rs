//! A mail of each kind and case, so that a broken template is found before a customer waits for it; and those that
//! people look at before other texts count.

use jiff::{SignedDuration, Timestamp, civil::Date};
use kvit_billing::{
    AccessMail, BillKind, BillNumber, Cents, CustomerNumber, DeliveryId, Language, Period,
    ReminderKind, Secret, StaffMail, reference::CreditorReference,
};

use super::{
    AccessChange, AlarmMail, BillFor, BillMail, Conceded, ConcededMail, DebitCase, DebitMail,
    DebitedBill, Draft, LinkMail, MailError, Mails, MoneyDirection, PaidBill, PaidBy, PaymentMail,
    ReminderMail, StaffChange, WelcomeMail, payment::payment_draft, reminder::reminder_draft,
};

const URL: &str = "https://example.bg";
const DAY: Date = Date::constant(2026, 11, 20);
const NUMBER: BillNumber = BillNumber::MAX;
const ONE: Cents = Cents::new(1);

/// To whom samples go.
struct Sample {
    delivery: DeliveryId,
    to: Secret<String>,
    customer: CustomerNumber,
    language: Language,
}

/// A mail about an invented bill, for looking at.
#[derive(Clone, Debug)]
pub struct MailSample {
    /// `bill`, `nothing`, `reminder-before`, `reminder-after`, `paid` or `back`.
    pub name: &'static str,
    /// Its subject.
    pub subject: String,
    /// As most people see it.
    pub html: String,
    /// As plain text.
    pub text: String,
}

impl Mails {
    /// The mails whose texts an operator changes, each about an invented bill of 47.36.
    ///
    /// # Errors
    /// Where a template or text is wrong.
    pub fn samples(&self, language: Language) -> Result<Vec<MailSample>, MailError> {
        let customer = "1000042".parse::<CustomerNumber>();
        let customer = customer.map_err(|_| super::setting("a customer number", "1000042"))?;
        let (delivery, to) = (
            DeliveryId::of(NUMBER, 1),
            Secret::new("sample@example.bg".to_owned()),
        );
        let name = match language {
            Language::Bg => "Мария Иванова",
            Language::En => "Maria Ivanova",
        };
        let (reference, period) = (CreditorReference::of(NUMBER), Period::month_of(DAY));
        let (sum, currency) = (Cents::new(4_736), self.operator.currency);
        let say = |name, draft: Draft<'_>| {
            let said = self.say(
                draft.template,
                &draft.subject,
                language,
                draft.values,
                draft.rows,
            )?;
            Ok::<_, MailError>(MailSample {
                name,
                subject: said.subject,
                html: said.html,
                text: said.text,
            })
        };
        let bill = |sample, to_pay| {
            let mail = BillMail {
                delivery: &delivery,
                to: &to,
                name,
                customer_number: &customer,
                language,
                number: NUMBER,
                kind: BillKind::Invoice,
                to_pay,
                gross: sum,
                currency,
                due_date: DAY,
                period,
                recipient: BillFor::Customer {
                    receipt_url: &self.public_url,
                },
                pay_url: &self.public_url,
                reference: &reference,
                pdf: b"",
                file_name: "bill.pdf",
                at: Timestamp::UNIX_EPOCH,
            };
            say(sample, self.bill_draft(&mail))
        };
        let reminder = |sample, kind| {
            let mail = ReminderMail {
                delivery: &delivery,
                to: &to,
                customer_name: name,
                customer_number: &customer,
                language,
                kind,
                number: NUMBER,
                period,
                open: sum,
                currency,
                due_date: DAY,
                reference: &reference,
                pay_url: &self.public_url,
                stop_url: &self.public_url,
                at: Timestamp::UNIX_EPOCH,
            };
            say(sample, reminder_draft(&mail))
        };
        let payment = |sample, direction| {
            let open = match direction {
                MoneyDirection::Came => Cents::ZERO,
                MoneyDirection::TakenBack => sum,
            };
            let bill = PaidBill {
                customer: customer.clone(),
                number: NUMBER,
                period,
                part: sum,
                open,
            };
            let mail = PaymentMail {
                delivery: &delivery,
                to: &to,
                customer_name: name,
                customer_number: &customer,
                language,
                direction,
                amount: sum,
                currency,
                paid_at: Timestamp::UNIX_EPOCH,
                booked: Some(DAY),
                way: None,
                bills: &[bill],
                open,
                credit: Cents::ZERO,
                pay_url: Some(&self.public_url),
                at: Timestamp::UNIX_EPOCH,
            };
            say(sample, payment_draft(&mail))
        };
        Ok(vec![
            bill("bill", sum)?,
            bill("nothing", Cents::ZERO)?,
            reminder("reminder-before", ReminderKind::Before(3))?,
            reminder("reminder-after", ReminderKind::After(3))?,
            payment("paid", MoneyDirection::Came)?,
            payment("back", MoneyDirection::TakenBack)?,
        ])
    }

    /// Builds them all.
    pub(super) fn try_samples(&self) -> Result<(), MailError> {
        for language in Language::ALL {
            let Ok(customer) = "1000042".parse() else {
                return Ok(());
            };
            let sample = Sample {
                delivery: DeliveryId::of(NUMBER, 1),
                to: Secret::new("sample@example.bg".to_owned()),
                customer,
                language,
            };
            self.try_bills(&sample)?;
            self.try_payments(&sample)?;
            self.try_conceded(&sample)?;
            self.try_reminders(&sample)?;
            self.try_debits(&sample)?;
            self.try_links(&sample)?;
            for (bills_from, paper_too) in [(Some(DAY), true), (None, false)] {
                self.welcome(&WelcomeMail {
                    delivery: &sample.delivery,
                    to: &sample.to,
                    customer_number: &sample.customer,
                    language: sample.language,
                    bills_from,
                    paper_too,
                    paper_url: &self.public_url,
                    at: Timestamp::UNIX_EPOCH,
                })?;
            }
            for what in AccessMail::ALL {
                self.access(&AccessChange {
                    delivery: &sample.delivery,
                    to: &sample.to,
                    customer_number: &sample.customer,
                    language: sample.language,
                    what,
                    at: Timestamp::UNIX_EPOCH,
                })?;
            }
            self.alarm(&AlarmMail {
                delivery: &sample.delivery,
                to: &sample.to,
                language: sample.language,
                fails: 1000,
                minutes: 15,
                url: URL,
                at: Timestamp::UNIX_EPOCH,
            })?;
            let Ok(login) = "m.ivanova".parse() else {
                return Ok(());
            };
            for what in StaffMail::ALL {
                self.staff(&StaffChange {
                    delivery: &sample.delivery,
                    to: &sample.to,
                    login: &login,
                    language: sample.language,
                    what,
                    at: Timestamp::UNIX_EPOCH,
                })?;
            }
        }
        Ok(())
    }

    fn try_bills(&self, sample: &Sample) -> Result<(), MailError> {
        let kinds = [BillKind::Invoice, BillKind::CreditNote, BillKind::DebitNote];
        for (kind, to_pay) in kinds
            .into_iter()
            .flat_map(|kind| [(kind, 1), (kind, 0), (kind, -1)])
        {
            for recipient in [
                BillFor::Customer { receipt_url: URL },
                BillFor::Reader {
                    customer_name: "",
                    bill_url: URL,
                },
            ] {
                self.bill(&BillMail {
                    delivery: &sample.delivery,
                    to: &sample.to,
                    name: "",
                    customer_number: &sample.customer,
                    language: sample.language,
                    number: NUMBER,
                    kind,
                    to_pay: Cents::new(to_pay),
                    gross: ONE,
                    currency: self.operator.currency,
                    due_date: DAY,
                    period: Period::month_of(DAY),
                    recipient,
                    pay_url: URL,
                    reference: &CreditorReference::of(NUMBER),
                    pdf: b"",
                    file_name: "bill.pdf",
                    at: Timestamp::UNIX_EPOCH,
                })?;
            }
        }
        Ok(())
    }

    fn try_payments(&self, sample: &Sample) -> Result<(), MailError> {
        let bill = |open| PaidBill {
            customer: sample.customer.clone(),
            number: NUMBER,
            period: Period::month_of(DAY),
            part: ONE,
            open,
        };
        for direction in [MoneyDirection::Came, MoneyDirection::TakenBack] {
            for (way, open, credit) in [
                (None, ONE, Cents::ZERO),
                (Some(PaidBy::Through("ePay.bg")), Cents::ZERO, ONE),
                (Some(PaidBy::Card), Cents::ZERO, ONE),
                (None, Cents::ZERO, Cents::ZERO),
            ] {
                self.payment(&PaymentMail {
                    delivery: &sample.delivery,
                    to: &sample.to,
                    customer_name: "",
                    customer_number: &sample.customer,
                    language: sample.language,
                    direction,
                    amount: ONE,
                    currency: self.operator.currency,
                    paid_at: Timestamp::UNIX_EPOCH,
                    booked: (open == credit).then_some(DAY),
                    way,
                    bills: &[bill(open)],
                    open,
                    credit,
                    pay_url: Some(URL),
                    at: Timestamp::UNIX_EPOCH,
                })?;
            }
        }
        Ok(())
    }

    fn try_conceded(&self, sample: &Sample) -> Result<(), MailError> {
        for what in [
            Conceded::Refund { iban_end: "5678" },
            Conceded::SameWay { through: "iCard" },
            Conceded::NotSameWay { through: "iCard" },
            Conceded::AfterAll { through: "iCard" },
            Conceded::CameBack,
            Conceded::Stopped,
            Conceded::WriteOff { bill: NUMBER },
        ] {
            for (open, credit) in [
                (ONE, Cents::ZERO),
                (Cents::ZERO, ONE),
                (Cents::ZERO, Cents::ZERO),
            ] {
                self.conceded(&ConcededMail {
                    delivery: &sample.delivery,
                    to: &sample.to,
                    customer_name: "",
                    customer_number: &sample.customer,
                    language: sample.language,
                    what,
                    amount: ONE,
                    currency: self.operator.currency,
                    open,
                    credit,
                    pay_url: Some(URL),
                    at: Timestamp::UNIX_EPOCH,
                })?;
            }
        }
        Ok(())
    }

    fn try_reminders(&self, sample: &Sample) -> Result<(), MailError> {
        for kind in [ReminderKind::Before(1), ReminderKind::After(1)] {
            self.reminder(&ReminderMail {
                delivery: &sample.delivery,
                to: &sample.to,
                customer_name: "",
                customer_number: &sample.customer,
                language: sample.language,
                kind,
                number: NUMBER,
                period: Period::month_of(DAY),
                open: ONE,
                currency: self.operator.currency,
                due_date: DAY,
                reference: &CreditorReference::of(NUMBER),
                pay_url: URL,
                stop_url: URL,
                at: Timestamp::UNIX_EPOCH,
            })?;
        }
        Ok(())
    }

    fn try_debits(&self, sample: &Sample) -> Result<(), MailError> {
        let bill = DebitedBill {
            number: NUMBER,
            period: Period::month_of(DAY),
            amount: ONE,
            currency: self.operator.currency,
        };
        for case in [
            DebitCase::On,
            DebitCase::Off,
            DebitCase::OffByBank,
            DebitCase::Expired,
            DebitCase::Notice {
                bill,
                day: DAY,
                until: DAY,
            },
            DebitCase::Refused { bill, pay_url: URL },
            DebitCase::Missed { bill, pay_url: URL },
        ] {
            self.debit(&DebitMail {
                delivery: &sample.delivery,
                to: &sample.to,
                customer_name: "",
                customer_number: &sample.customer,
                language: sample.language,
                case,
                iban: "BG80 •••• 5678",
                holder: "А",
                reference: "KVIT-MANDATE-1",
                creditor: "BG32ZZZ100001",
                at: Timestamp::UNIX_EPOCH,
            })?;
        }
        Ok(())
    }

    fn try_links(&self, sample: &Sample) -> Result<(), MailError> {
        let expires = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let mail = LinkMail {
            delivery: &sample.delivery,
            to: &sample.to,
            customer_number: &sample.customer,
            language: sample.language,
            url: URL,
            expires,
            at: Timestamp::UNIX_EPOCH,
        };
        self.prove_address(&mail)?;
        self.invitation(&mail)?;
        self.sign_in(&mail)?;
        Ok(())
    }
}
