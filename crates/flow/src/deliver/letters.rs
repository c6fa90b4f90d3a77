//! What is written in the mails that are due: each from its delivery alone, so that a mail that goes out
//! twice has the same bytes.

use jiff::SignedDuration;
use kvit_billing::{
    AccessMail, AutopayMail, BillNumber, Cents, Currency, PaperUntil, ReminderKind, StaffLogin,
    StaffMail, code::TokenPurpose, reference::CreditorReference,
};
use kvit_mail::{
    AccessChange, AlarmMail, BillFor, BillMail, Conceded, ConcededMail, DebitCase, DebitMail,
    DebitedBill, LinkMail, MailError, Message, MoneyDirection, PaidBill, PaidBy, PaymentMail,
    ReminderMail, StaffChange, WelcomeMail,
};
use kvit_pay::debit::pay_otherwise_until;
use kvit_store::{
    ACCESS_DUE_MINUTES, AutopayTold, BillRecord, DeliveryJob, DeliveryWhat, EnrolmentRecord,
    GUESSING, MandateEnd, ReaderRecord, SIGN_IN_MINUTES, StoreError,
};

use super::Courier;
use crate::{
    documents::{DocumentError, read_bill},
    remind::date_of,
};

/// A mail that cannot be written now.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    #[error("the bill cannot be read")]
    Document(#[from] DocumentError),
    #[error("the mail cannot be built")]
    Mail(#[from] MailError),
    #[error("the books cannot be read")]
    Books(#[from] StoreError),
    #[error("no customer's book has the entry `{0}`")]
    NoEntry(String),
}

impl Courier {
    /// The mail of a delivery.
    pub(super) async fn build(&self, job: &DeliveryJob) -> Result<Message, BuildError> {
        match &job.what {
            DeliveryWhat::Bill(bill) => {
                let token = self.key.token(TokenPurpose::Receipt, job.id.as_str());
                let url = format!("{}/receipt/{}", self.public_url, token.expose());
                let name = self.name_of(job).await;
                let recipient = BillFor::Customer { receipt_url: &url };
                self.bill_mail(job, bill, &name, recipient).await
            }
            DeliveryWhat::Copy { bill, reader } => {
                let token = self.key.token(TokenPurpose::Copy, job.id.as_str());
                let url = format!("{}/copy/{}", self.public_url, token.expose());
                let customer = self.name_of(job).await;
                let recipient = BillFor::Reader {
                    customer_name: &customer,
                    bill_url: &url,
                };
                self.bill_mail(job, bill, &reader.name, recipient).await
            }
            DeliveryWhat::Invitation(reader) => Ok(self.invitation_mail(job, reader)?),
            DeliveryWhat::Proof(enrolment) => Ok(self.proof_mail(job, enrolment)?),
            DeliveryWhat::Welcome(enrolment) => Ok(self.welcome_mail(job, enrolment)?),
            DeliveryWhat::SignIn(_) => Ok(self.sign_in_mail(job)?),
            DeliveryWhat::Money { entry } => self.money_mail(job, entry).await,
            DeliveryWhat::Reminder { bill, kind, open } => {
                Ok(self.reminder_mail(job, bill, *kind, *open).await?)
            }
            DeliveryWhat::Autopay { what, told } => Ok(self.debit_mail(job, *what, told).await?),
            DeliveryWhat::Access(what) => Ok(self.access_mail(job, *what)?),
            DeliveryWhat::Staff { what, login } => Ok(self.staff_mail(job, *what, login)?),
            DeliveryWhat::Alarm => Ok(self.alarm_mail(job)?),
        }
    }

    async fn bill_mail(
        &self,
        job: &DeliveryJob,
        bill: &BillRecord,
        name: &str,
        recipient: BillFor<'_>,
    ) -> Result<Message, BuildError> {
        let pdf = read_bill(self.archive.as_ref(), bill).await?;
        let pay_url = self.pay_url(bill.number);
        let reference = CreditorReference::of(bill.number);
        Ok(self.mails.now().bill(&BillMail {
            delivery: &job.id,
            to: &job.email,
            name,
            customer_number: &job.account,
            language: job.language,
            number: bill.number,
            kind: bill.kind,
            to_pay: bill.to_pay,
            gross: bill.gross,
            currency: bill.currency,
            due_date: bill.due_date,
            period: bill.period,
            recipient,
            pay_url: &pay_url,
            reference: &reference,
            pdf: &pdf,
            file_name: &format!("{}.pdf", bill.number),
            // Fixed, so that a mail that goes out twice has the same bytes.
            at: job.due_at - SignedDuration::from_hours(self.delivery_hours.into()),
        })?)
    }

    fn proof_mail(
        &self,
        job: &DeliveryJob,
        enrolment: &EnrolmentRecord,
    ) -> Result<Message, MailError> {
        let token = self
            .key
            .token(TokenPurpose::ProveAddress, enrolment.id.as_str());
        let url = format!("{}/prove/{}", self.public_url, token.expose());
        self.mails.now().prove_address(&LinkMail {
            delivery: &job.id,
            to: &job.email,
            customer_number: &job.account,
            language: job.language,
            url: &url,
            expires: enrolment.proof_expires.unwrap_or(job.due_at),
            at: enrolment.created_at,
        })
    }

    fn welcome_mail(
        &self,
        job: &DeliveryJob,
        enrolment: &EnrolmentRecord,
    ) -> Result<Message, MailError> {
        self.mails.now().welcome(&WelcomeMail {
            delivery: &job.id,
            to: &job.email,
            customer_number: &job.account,
            language: job.language,
            bills_from: enrolment.bills_from,
            paper_too: self.paper_until == PaperUntil::FirstConfirmed,
            paper_url: &format!("{}/paper", self.public_url),
            at: enrolment.proven_at.unwrap_or(enrolment.created_at),
        })
    }

    fn invitation_mail(
        &self,
        job: &DeliveryJob,
        reader: &ReaderRecord,
    ) -> Result<Message, MailError> {
        let token = self
            .key
            .token(TokenPurpose::ProveReader, reader.id.as_str());
        let url = format!("{}/join/{}", self.public_url, token.expose());
        self.mails.now().invitation(&LinkMail {
            delivery: &job.id,
            to: &job.email,
            customer_number: &job.account,
            language: job.language,
            url: &url,
            expires: reader.proof_expires,
            at: reader.created_at,
        })
    }

    fn sign_in_mail(&self, job: &DeliveryJob) -> Result<Message, MailError> {
        let token = self.key.token(TokenPurpose::SignIn, job.id.as_str());
        let url = format!("{}/sign-in/{}", self.public_url, token.expose());
        self.mails.now().sign_in(&LinkMail {
            delivery: &job.id,
            to: &job.email,
            customer_number: &job.account,
            language: job.language,
            url: &url,
            expires: job.due_at,
            at: job.due_at - SignedDuration::from_mins(SIGN_IN_MINUTES),
        })
    }

    fn access_mail(&self, job: &DeliveryJob, what: AccessMail) -> Result<Message, MailError> {
        self.mails.now().access(&AccessChange {
            delivery: &job.id,
            to: &job.email,
            customer_number: &job.account,
            language: job.language,
            what,
            at: job.due_at - SignedDuration::from_mins(ACCESS_DUE_MINUTES),
        })
    }

    fn staff_mail(
        &self,
        job: &DeliveryJob,
        what: StaffMail,
        login: &StaffLogin,
    ) -> Result<Message, MailError> {
        self.mails.now().staff(&StaffChange {
            delivery: &job.id,
            to: &job.email,
            login,
            language: job.language,
            what,
            at: job.due_at - SignedDuration::from_mins(ACCESS_DUE_MINUTES),
        })
    }

    fn alarm_mail(&self, job: &DeliveryJob) -> Result<Message, MailError> {
        self.mails.now().alarm(&AlarmMail {
            delivery: &job.id,
            to: &job.email,
            language: job.language,
            fails: GUESSING.max_fails,
            minutes: GUESSING.window_s / 60,
            url: &format!("{}/staff/people", self.public_url),
            at: job.due_at - SignedDuration::from_mins(ACCESS_DUE_MINUTES),
        })
    }

    /// Says what the books said at the moment of the entry, so that a mail that goes out twice has the
    /// same bytes.
    async fn money_mail(&self, job: &DeliveryJob, entry: &str) -> Result<Message, BuildError> {
        let told = self.store.money_told(entry).await?;
        let told = told.ok_or_else(|| BuildError::NoEntry(entry.to_owned()))?;
        let name = self.name_of(job).await;
        let bills: Vec<PaidBill> = told
            .bills
            .iter()
            .map(|part| PaidBill {
                customer: part.bill.account.clone(),
                number: part.bill.number,
                period: part.bill.period,
                part: part.part,
                open: part.open,
            })
            .collect();
        let ways = self.ways.all();
        let through = |wanted| ways.iter().find(|provider| provider.name == wanted);
        let way = told.provider.and_then(through);
        let pay_url = told.oldest_open.map(|bill| self.pay_url(bill));
        let currency = told.bills.first();
        let currency = currency.map_or(Currency::EUR, |part| part.bill.currency);
        if let Some(conceded) = &told.conceded {
            let given = conceded.same_way.as_ref().map(|name| {
                let way = ways.iter().find(|way| way.name == *name);
                way.map_or(name.as_str(), |way| way.title.get(job.language))
            });
            let what = match (&conceded.iban_end, conceded.bill) {
                _ if let Some(through) = given => match told.taken_back {
                    true => Conceded::NotSameWay { through },
                    false if conceded.after_all => Conceded::AfterAll { through },
                    false => Conceded::SameWay { through },
                },
                _ if conceded.stopped => Conceded::Stopped,
                _ if told.taken_back => Conceded::CameBack,
                (Some(iban_end), _) => Conceded::Refund { iban_end },
                (None, Some(bill)) => Conceded::WriteOff { bill },
                (None, None) => return Err(BuildError::NoEntry(entry.to_owned())),
            };
            return Ok(self.mails.now().conceded(&ConcededMail {
                delivery: &job.id,
                to: &job.email,
                customer_name: &name,
                customer_number: &job.account,
                language: job.language,
                what,
                amount: told.cents,
                currency,
                open: told.open,
                credit: told.credit,
                pay_url: pay_url.as_deref(),
                at: told.at,
            })?);
        }
        Ok(self.mails.now().payment(&PaymentMail {
            delivery: &job.id,
            to: &job.email,
            customer_name: &name,
            customer_number: &job.account,
            language: job.language,
            direction: if told.taken_back {
                MoneyDirection::TakenBack
            } else {
                MoneyDirection::Came
            },
            amount: told.cents,
            currency,
            paid_at: told.paid_at,
            booked: told.booked,
            way: way.map(|way| match way.dialect.takes_cards_here() {
                true => PaidBy::Card,
                false => PaidBy::Through(way.title.get(job.language)),
            }),
            bills: &bills,
            open: told.open,
            credit: told.credit,
            pay_url: pay_url.as_deref(),
            at: told.at,
        })?)
    }

    /// A reminder that goes out twice has the same bytes, unless part of the bill was paid meanwhile: a
    /// wrong amount would be worse than a copy that looks different.
    async fn reminder_mail(
        &self,
        job: &DeliveryJob,
        bill: &BillRecord,
        kind: ReminderKind,
        open: Cents,
    ) -> Result<Message, MailError> {
        let name = self.name_of(job).await;
        let token = self.key.token(TokenPurpose::Reminders, job.id.as_str());
        self.mails.now().reminder(&ReminderMail {
            delivery: &job.id,
            to: &job.email,
            customer_name: &name,
            customer_number: &job.account,
            language: job.language,
            kind,
            number: bill.number,
            period: bill.period,
            open,
            currency: bill.currency,
            due_date: bill.due_date,
            reference: &CreditorReference::of(bill.number),
            pay_url: &self.pay_url(bill.number),
            stop_url: &format!("{}/reminders/{}", self.public_url, token.expose()),
            at: date_of(job.due_at),
        })
    }

    /// Says what is kept of the mandate and the debit, so that a mail that goes out twice has the same bytes.
    async fn debit_mail(
        &self,
        job: &DeliveryJob,
        what: AutopayMail,
        told: &AutopayTold,
    ) -> Result<Message, MailError> {
        let name = self.name_of(job).await;
        let AutopayTold { mandate, debit } = told;
        let pay_url = debit.as_ref().map(|(debit, _)| self.pay_url(debit.bill));
        let pay_url = pay_url.as_deref().unwrap_or_default();
        let collected = debit.as_ref().map(|(debit, bill)| {
            let bill = DebitedBill {
                number: bill.number,
                period: bill.period,
                amount: debit.cents(),
                currency: bill.currency,
            };
            (debit, bill)
        });
        let (case, at) = match (what, collected) {
            (AutopayMail::Notice, Some((debit, bill))) => {
                let bill = DebitedBill {
                    amount: debit.amount,
                    ..bill
                };
                let day = debit.day;
                (
                    DebitCase::Notice {
                        bill,
                        day,
                        until: pay_otherwise_until(day),
                    },
                    debit.announced_at,
                )
            }
            (AutopayMail::Failed, Some((debit, bill))) => match debit.dropped {
                Some((at, _)) => (DebitCase::Missed { bill, pay_url }, at),
                None => {
                    let at = debit.back_at.unwrap_or(job.due_at);
                    (DebitCase::Refused { bill, pay_url }, at)
                }
            },
            _ => match mandate.ended.filter(|_| what == AutopayMail::Off) {
                None => (DebitCase::On, mandate.given_at),
                Some((at, MandateEnd::Customer | MandateEnd::Account)) => (DebitCase::Off, at),
                Some((at, MandateEnd::Bank)) => (DebitCase::OffByBank, at),
                Some((at, MandateEnd::Expired)) => (DebitCase::Expired, at),
            },
        };
        self.mails.now().debit(&DebitMail {
            delivery: &job.id,
            to: &job.email,
            customer_name: &name,
            customer_number: &job.account,
            language: job.language,
            case,
            iban: &mandate.iban.masked(),
            holder: &mandate.holder,
            reference: &mandate.reference(),
            creditor: mandate.creditor.as_str(),
            at,
        })
    }

    /// How a mail greets.
    async fn name_of(&self, job: &DeliveryJob) -> String {
        let customer = self.store.customer(&job.account).await.ok().flatten();
        customer.map_or(String::new(), |record| record.customer.name)
    }

    /// Where a bill is paid.
    fn pay_url(&self, bill: BillNumber) -> String {
        let token = self.key.token(TokenPurpose::Pay, &bill.to_string());
        format!("{}/pay/{bill}-{}", self.public_url, token.expose())
    }
}
