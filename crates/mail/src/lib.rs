//! Mail messages for bills, and what a mail server's answers mean.
//!
//! [`Mails`] turns a delivery into a [`Message`]: the same bytes each time it is asked for the
//! same delivery, so that a mail that goes out twice is seen as one. [`ReplyRules`] turns what a
//! mail server said into an [`Outcome`]. [`EmailAddress`] is what a customer may give us. Nothing
//! here opens a connection or reads a clock.

mod address;
mod ladder;
mod mails;
mod mime;
mod outcome;
mod texts;

pub use address::{AddressError, EmailAddress, typo_hint};
pub use kvit_billing::format::{amount, date, period};
pub use ladder::{LadderError, RetryLadder, STEP_MAX_S, STEPS_MAX};
pub use mails::{
    AccessChange, AlarmMail, BillFor, BillMail, Conceded, ConcededMail, DebitCase, DebitMail,
    DebitedBill, LinkMail, MailError, MailSample, Mails, MoneyDirection, PaidBill, PaidBy,
    PaymentMail, ReminderMail, StaffChange, WelcomeMail,
};
pub use mime::Message;
pub use outcome::{Outcome, Reply, ReplyRules, RulesError};
pub use texts::builtin as builtin_texts;
