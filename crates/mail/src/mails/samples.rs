//! A mail of each kind and case, so that a broken template is found before a customer waits for it.

use jiff::{SignedDuration, Timestamp, civil::Date};
use kvit_billing::{
    AccessMail, BillKind, BillNumber, Cents, CustomerNumber, DeliveryId, Language, Period,
    ReminderKind, Secret, reference::CreditorReference,
};

use super::{
    AccessChange, BillFor, BillMail, Conceded, ConcededMail, DebitCase, DebitMail, DebitedBill,
    LinkMail, MailError, Mails, MoneyDirection, PaidBill, PaymentMail, ReminderMail,
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

impl Mails {
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
            number: NUMBER,
            period: Period::month_of(DAY),
            part: ONE,
            open,
        };
        for direction in [MoneyDirection::Came, MoneyDirection::TakenBack] {
            for (way, open, credit) in [
                (None, ONE, Cents::ZERO),
                (Some("ePay.bg"), Cents::ZERO, ONE),
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
