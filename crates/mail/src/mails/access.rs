//! The mails that tell a customer, or a member of staff, that somebody changed how one gets into their account.

use jiff::Timestamp;
use kvit_billing::{
    AccessMail, CustomerNumber, DeliveryId, Language, Secret, StaffLogin, StaffMail,
};

use super::{Draft, Envelope, MailError, Mails, masked, moment};
use crate::Message;

/// What was changed. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct AccessChange<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The address that got the bills before the change.
    pub to: &'a Secret<String>,
    /// Shown all but its last three characters hidden: who reads the mail may be a stranger.
    pub customer_number: &'a CustomerNumber,
    /// The language of the mail.
    pub language: Language,
    /// What.
    pub what: AccessMail,
    /// When; the mail's date as well.
    pub at: Timestamp,
}

/// What was changed of a member of staff's. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct StaffChange<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The address that they had before the change.
    pub to: &'a Secret<String>,
    /// Whose account it is.
    pub login: &'a StaffLogin,
    /// The language of the mail.
    pub language: Language,
    /// What.
    pub what: StaffMail,
    /// When; the mail's date as well.
    pub at: Timestamp,
}

impl Mails {
    /// The mail about a change of the ways in. It has no link but to the portal: who gets it is to look, not to sign in by it.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn access(&self, change: &AccessChange<'_>) -> Result<Message, MailError> {
        let values = vec![
            ("customer", masked(change.customer_number.as_str())),
            ("what", change.what.as_str().to_owned()),
            ("when", moment(change.at, change.language)),
            ("why", "why-access".to_owned()),
        ];
        let envelope = Envelope {
            delivery: change.delivery,
            to: change.to,
            at: change.at,
        };
        self.build(Draft {
            template: "access",
            subject: format!("access-subject-{}", change.what.as_str()),
            language: change.language,
            values,
            rows: Vec::new(),
            envelope,
            attachment: None,
        })
    }

    /// The mail about a change of a member of staff's ways in, without a link: whoever reads it knows where to sign in.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn staff(&self, change: &StaffChange<'_>) -> Result<Message, MailError> {
        let (what, role) = match change.what {
            StaffMail::RoleChanged(role) => ("role", role.as_str()),
            what => (what.as_str(), ""),
        };
        let values = vec![
            ("login", change.login.to_string()),
            ("what", what.to_owned()),
            ("role", role.to_owned()),
            ("when", moment(change.at, change.language)),
            ("why", "why-staff".to_owned()),
        ];
        let envelope = Envelope {
            delivery: change.delivery,
            to: change.to,
            at: change.at,
        };
        self.build(Draft {
            template: "staff",
            subject: format!("staff-subject-{what}"),
            language: change.language,
            values,
            rows: Vec::new(),
            envelope,
            attachment: None,
        })
    }
}
