//! Typed ids: no bare integer or string names a thing across a function boundary.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ReminderKind, Role, code::to_hex};

/// A value that does not have the form of its id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {what}")]
pub struct BadId {
    what: &'static str,
    value: String,
}

impl BadId {
    fn new(what: &'static str, value: &str) -> Self {
        Self {
            what,
            value: value.chars().take(60).collect(),
        }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $pattern:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text, as printed and stored.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                let ok: fn(&str) -> bool = $ok;
                if ok(text) { Ok(Self(text.to_owned())) } else { Err(BadId::new($what, text)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    };
}

fn within(text: &str, max: usize, ok: fn(char) -> bool) -> bool {
    !text.is_empty() && text.len() <= max && text.chars().all(ok)
}

text_id!(
    /// What the operator calls a customer: printed on every bill. Up to 20 letters, digits, `-`.
    CustomerNumber, "a customer number (up to 20 letters, digits or -)", "^[0-9A-Za-z-]{1,20}$",
    |t| within(t, 20, |c| c.is_ascii_alphanumeric() || c == '-')
);
text_id!(
    /// One hand-over of the billing system, such as `2026-10-a3f9c2`. Names folders, so its alphabet is narrow.
    RunId, "a run id (up to 40 lower-case letters, digits or -)", "^[0-9a-z-]{1,40}$",
    |t| within(t, 40, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
text_id!(
    /// A sequence of bill numbers without gaps (ППЗДДС art. 78(2)), such as `main`.
    Series, "a series (up to 20 lower-case letters, digits or -)", "^[0-9a-z-]{1,20}$",
    |t| within(t, 20, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
text_id!(
    /// One mail or paper on its way: `<bill number>-<count>` for a bill, such as `0000000042-1`, else what
    /// its [`DeliveryKind`] is called, `-`, and what it is about.
    DeliveryId, "a delivery id (up to 40 lower-case letters, digits or -)", "^[0-9a-z-]{1,40}$",
    |t| within(t, 40, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
text_id!(
    /// One consent to e-bills: 32 lower-case hexadecimal digits.
    EnrolmentId, "an enrolment id (32 hexadecimal digits)", "^[0-9a-f]{32}$",
    |t| t.len() == 32 && within(t, 32, |c| matches!(c, '0'..='9' | 'a'..='f'))
);

text_id!(
    /// One reader beside the customer: 32 lower-case hexadecimal digits.
    ReaderId, "a reader id (32 hexadecimal digits)", "^[0-9a-f]{32}$",
    |t| t.len() == 32 && within(t, 32, |c| matches!(c, '0'..='9' | 'a'..='f'))
);

text_id!(
    /// The name under which a member of staff signs in, such as `m.ivanova`. The same name stands in the
    /// audit trail and as importer or releaser of a run.
    StaffLogin, "a sign-in name (2 to 40 lower-case Latin letters, digits, dots or -)", "^[0-9a-z.-]{2,40}$",
    |t| t.len() >= 2 && within(t, 40, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-')
);
text_id!(
    /// What the operator calls a token of the API or a webhook, such as `crm-2026`.
    ApiName, "a name of 2 to 40 lower-case Latin letters, digits or -", "^[0-9a-z-]{2,40}$",
    |t| t.len() >= 2 && within(t, 40, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
text_id!(
    /// One thing that staff write down once, such as a note or a call: 32 lower-case hexadecimal digits.
    /// It is made with the form, so that a form that is sent twice writes once.
    EntryId, "an entry id (32 hexadecimal digits)", "^[0-9a-f]{32}$",
    |t| t.len() == 32 && within(t, 32, |c| matches!(c, '0'..='9' | 'a'..='f'))
);

impl EntryId {
    /// The id of what has this name, of any form and length: the same each time it is asked.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, name.as_bytes());
        Self(to_hex(&hash.as_ref()[..16]))
    }
}

impl DeliveryId {
    /// The id of a bill's `count`-th delivery (from 1): the same each time it is asked, so that a
    /// chunk that is redone creates the same deliveries.
    #[must_use]
    pub fn of(bill: BillNumber, count: u16) -> Self {
        Self(format!("{bill}-{count}"))
    }

    /// The id of a mail with a link that signs its reader in.
    #[must_use]
    pub fn sign_in_of(entry: &EntryId) -> Self {
        Self(format!("signin-{entry}"))
    }

    /// The id of the mail that proves the address of an enrolment.
    #[must_use]
    pub fn proof_of(enrolment: &EnrolmentId) -> Self {
        Self(format!("proof-{enrolment}"))
    }

    /// The id of the mail that tells the address of an enrolment from which bill on it gets them.
    #[must_use]
    pub fn welcome_of(enrolment: &EnrolmentId) -> Self {
        Self(format!("{}-{enrolment}", DeliveryKind::Welcome.as_str()))
    }

    /// The id of the mail that proves the address of a reader.
    #[must_use]
    pub fn invitation_of(reader: &ReaderId) -> Self {
        Self(format!("{}-{reader}", DeliveryKind::Invitation.as_str()))
    }

    /// The id of the mail that brings a bill to a reader. Of the reader's id, as much as there is room for.
    #[must_use]
    pub fn copy_of(bill: BillNumber, reader: &ReaderId) -> Self {
        let reader = &reader.as_str()[..24];
        Self(format!("{}-{bill}-{reader}", DeliveryKind::Copy.as_str()))
    }

    /// The id of the mail about an entry in the books: [`DeliveryKind::Paid`],
    /// [`DeliveryKind::TakenBack`] or [`DeliveryKind::Conceded`]. Names of entries have any form and length: a hash stands for one.
    #[must_use]
    pub fn money_of(kind: DeliveryKind, entry: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, entry.as_bytes());
        Self(format!(
            "{}-{}",
            kind.as_str(),
            to_hex(&hash.as_ref()[..16])
        ))
    }

    /// The id of the mail that reminds of a bill: one for each of its reminders.
    #[must_use]
    pub fn reminder_of(bill: BillNumber, kind: ReminderKind) -> Self {
        Self(format!("{}-{bill}-{kind}", DeliveryKind::Reminder.as_str()))
    }

    /// The id of a mail about autopay: about the mandate, or the debit, of this number.
    #[must_use]
    pub fn autopay_of(what: AutopayMail, number: u64) -> Self {
        let kind = DeliveryKind::Autopay.as_str();
        Self(format!("{kind}-{}-{number}", what.as_str()))
    }

    /// The id of the mail that tells the address of this enrolment how the ways into the account were changed at a moment.
    #[must_use]
    pub fn access_of(what: AccessMail, whom: &EnrolmentId, at: Timestamp) -> Self {
        Self::of_change(DeliveryKind::Access, what.as_str(), whom.as_str(), at)
    }

    /// What it says about the ways in, where it is such a mail.
    #[must_use]
    pub fn access(&self) -> Option<AccessMail> {
        let word = self.change(DeliveryKind::Access)?;
        AccessMail::ALL
            .into_iter()
            .find(|what| what.as_str() == word)
    }

    /// The id of the mail that tells a member of staff how their ways in were changed at a moment.
    #[must_use]
    pub fn staff_of(what: StaffMail, login: &StaffLogin, at: Timestamp) -> Self {
        Self::of_change(DeliveryKind::Staff, what.as_str(), login.as_str(), at)
    }

    /// What it says to a member of staff, where it is such a mail.
    #[must_use]
    pub fn staff(&self) -> Option<StaffMail> {
        let word = self.change(DeliveryKind::Staff)?;
        StaffMail::ALL
            .into_iter()
            .find(|what| what.as_str() == word)
    }

    /// The id of the mail that tells an administrator of guessed codes, as it was seen at a moment.
    #[must_use]
    pub fn alarm_of(login: &StaffLogin, at: Timestamp) -> Self {
        Self::of_change(DeliveryKind::Alarm, "codes", login.as_str(), at)
    }

    /// Of what changed for somebody at a moment.
    fn of_change(kind: DeliveryKind, what: &str, whom: &str, at: Timestamp) -> Self {
        let text = format!("{whom}/{}", at.as_microsecond());
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        let (kind, hash) = (kind.as_str(), to_hex(&hash.as_ref()[..12]));
        Self(format!("{kind}-{what}-{hash}"))
    }

    /// The word for what changed, where it is of this kind.
    fn change(&self, kind: DeliveryKind) -> Option<&str> {
        let rest = self.0.strip_prefix(kind.as_str())?;
        let (word, _) = rest.strip_prefix('-')?.split_once('-')?;
        Some(word)
    }

    /// What it says about autopay, and of which mandate or debit, where it is such a mail.
    #[must_use]
    pub fn autopay(&self) -> Option<(AutopayMail, u64)> {
        let rest = self.0.strip_prefix(DeliveryKind::Autopay.as_str())?;
        let (word, number) = rest.strip_prefix('-')?.split_once('-')?;
        let what = AutopayMail::ALL
            .into_iter()
            .find(|what| what.as_str() == word)?;
        Some((what, number.parse().ok()?))
    }

    /// Which reminder it is, where it is one.
    #[must_use]
    pub fn reminder(&self) -> Option<ReminderKind> {
        let rest = self.0.strip_prefix(DeliveryKind::Reminder.as_str())?;
        rest.splitn(3, '-').nth(2)?.parse().ok()
    }

    /// What it carries.
    #[must_use]
    pub fn kind(&self) -> DeliveryKind {
        let word = self.0.split('-').next().unwrap_or_default();
        DeliveryKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or(DeliveryKind::Bill)
    }
}

/// What a delivery carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryKind {
    /// A bill.
    Bill,
    /// A link that proves an address.
    Proof,
    /// That bills come to an address from now on.
    Welcome,
    /// A link that signs its reader in.
    SignIn,
    /// That money came.
    Paid,
    /// That money was taken back.
    TakenBack,
    /// That money is given back, that a refund came back, or that a claim is given up.
    Conceded,
    /// That a bill is still to be paid.
    Reminder,
    /// A link that proves a reader's address.
    Invitation,
    /// A bill for a reader.
    Copy,
    /// Something about autopay: [`AutopayMail`].
    Autopay,
    /// That somebody changed how one gets in: [`AccessMail`].
    Access,
    /// That somebody changed how a member of staff gets in: [`StaffMail`].
    Staff,
    /// That codes of customers are guessed from many places, for an administrator.
    Alarm,
}

/// What members of staff are told about the ways into their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaffMail {
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A password of their own was set; passkeys, if there were any, are gone.
    PasswordSet,
    /// An administrator gave them a new start: a temporary password and a new second factor.
    Restarted,
    /// They sign in at the identity provider from now on.
    Linked,
    /// An administrator gave them this role; their sessions have ended.
    RoleChanged(Role),
    /// They are called otherwise.
    Renamed,
    /// Such mails go to another address, or to none, from now on.
    AddressChanged,
    /// The account was closed.
    Closed,
}

impl StaffMail {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::PasswordSet,
        Self::Restarted,
        Self::Linked,
        Self::RoleChanged(Role::Agent),
        Self::RoleChanged(Role::Clerk),
        Self::RoleChanged(Role::Billing),
        Self::RoleChanged(Role::Auditor),
        Self::RoleChanged(Role::Administrator),
        Self::Renamed,
        Self::AddressChanged,
        Self::Closed,
    ];

    /// The word in ids.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasskeyAdded => "key",
            Self::PasskeyRemoved => "nokey",
            Self::PasswordSet => "pass",
            Self::Restarted => "start",
            Self::Linked => "linked",
            // An id has no room for the whole word.
            Self::RoleChanged(Role::Administrator) => "admin",
            Self::RoleChanged(role) => role.as_str(),
            Self::Renamed => "name",
            Self::AddressChanged => "moved",
            Self::Closed => "closed",
        }
    }
}

/// What customers are told about the ways into their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessMail {
    /// A passkey was added.
    PasskeyAdded,
    /// Passkeys were removed.
    PasskeyRemoved,
    /// A password was set, the first or another.
    PasswordSet,
    /// The password was taken away.
    PasswordRemoved,
    /// The code was changed.
    CodeChanged,
    /// The number was added to the account of another address, by its code.
    NumberKept,
    /// The bills, and the links that sign in, go to another address from now on.
    AddressChanged,
    /// The bills come on paper again.
    BackToPaper,
    /// A reader has proven their address.
    ReaderProven,
    /// The account is closed, or another party holds it: no bill of it comes here any more.
    AccountEnded,
}

impl AccessMail {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::PasswordSet,
        Self::PasswordRemoved,
        Self::CodeChanged,
        Self::NumberKept,
        Self::AddressChanged,
        Self::BackToPaper,
        Self::ReaderProven,
        Self::AccountEnded,
    ];

    /// The word in ids and texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasskeyAdded => "key",
            Self::PasskeyRemoved => "nokey",
            Self::PasswordSet => "pass",
            Self::PasswordRemoved => "nopass",
            Self::CodeChanged => "code",
            Self::NumberKept => "kept",
            Self::AddressChanged => "moved",
            Self::BackToPaper => "paper",
            Self::ReaderProven => "reader",
            Self::AccountEnded => "ended",
        }
    }
}

/// What customers are told about autopay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AutopayMail {
    /// They gave a mandate.
    On,
    /// A mandate has ended.
    Off,
    /// A bill will be collected.
    Notice,
    /// A bill that was to be collected is not.
    Failed,
}

impl AutopayMail {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::On, Self::Off, Self::Notice, Self::Failed];

    /// The word in ids.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Notice => "notice",
            Self::Failed => "failed",
        }
    }
}

impl DeliveryKind {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Bill,
        Self::Proof,
        Self::Welcome,
        Self::SignIn,
        Self::Paid,
        Self::TakenBack,
        Self::Conceded,
        Self::Reminder,
        Self::Invitation,
        Self::Copy,
        Self::Autopay,
        Self::Access,
        Self::Staff,
        Self::Alarm,
    ];

    /// The word in ids and for monitoring.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bill => "bill",
            Self::Proof => "proof",
            Self::Welcome => "welcome",
            Self::SignIn => "signin",
            Self::Paid => "paid",
            Self::TakenBack => "back",
            Self::Conceded => "given",
            Self::Reminder => "remind",
            Self::Invitation => "invite",
            Self::Copy => "copy",
            Self::Autopay => "autopay",
            Self::Access => "access",
            Self::Staff => "staff",
            Self::Alarm => "alarm",
        }
    }
}

/// A tax document number: ten digits, ascending without gaps within its [`Series`] (ЗДДС art. 114(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BillNumber(u64);

impl BillNumber {
    /// The largest number that ten digits hold.
    pub const MAX: Self = Self(9_999_999_999);

    /// The number, if it is 1 to 9,999,999,999.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number >= 1 && number <= Self::MAX.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The bare number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number `offset` places further on in the range.
    #[must_use]
    pub const fn plus(self, offset: u64) -> Option<Self> {
        match self.0.checked_add(offset) {
            Some(number) => Self::new(number),
            None => None,
        }
    }
}

impl fmt::Display for BillNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

impl FromStr for BillNumber {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId::new("a bill number (ten digits)", text);
        if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        text.parse().ok().and_then(Self::new).ok_or_else(bad)
    }
}

impl TryFrom<String> for BillNumber {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<BillNumber> for String {
    fn from(number: BillNumber) -> Self {
        number.to_string()
    }
}

impl JsonSchema for BillNumber {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BillNumber".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9]{10}$"})
    }
}

/// The place of an order within its run, from 0: bill number = first number of the run + this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderSeq(pub u64);

/// The place of a chunk within its run, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChunkNo(pub u32);

impl fmt::Display for ChunkNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05}", self.0)
    }
}

/// A version of a layout, counted from 1 in the order in which they were brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayoutNo(pub u32);

impl LayoutNo {
    /// The layout that comes with Kvit: it is in the program, and no version.
    pub const BUILTIN: Self = Self(0);
}

/// A set of the files that came with a program, counted from 1 in the order in which a store first met them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayoutBaseNo(pub u32);

/// How the bills of a run look, taken down at its release. Written as the version's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "LayoutNo")]
pub struct RunLayout {
    /// The version.
    pub no: LayoutNo,
    /// Of [`LayoutNo::BUILTIN`]: the files of the program that released the run. Versions know their own.
    pub base: Option<LayoutBaseNo>,
}

impl From<RunLayout> for LayoutNo {
    fn from(layout: RunLayout) -> Self {
        layout.no
    }
}

/// A version by itself; of the one that comes with Kvit, that of the program at work.
impl From<LayoutNo> for RunLayout {
    fn from(no: LayoutNo) -> Self {
        Self { no, base: None }
    }
}

impl fmt::Display for LayoutNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bill_numbers_are_ten_digits() {
        assert_eq!(
            "0000000042".parse::<BillNumber>().map(BillNumber::get),
            Ok(42)
        );
        for text in ["42", "0000000000", "00000000421", "000000004x", ""] {
            assert!(text.parse::<BillNumber>().is_err(), "{text}");
        }
        assert_eq!(BillNumber::MAX.plus(1), None);
    }

    #[test]
    fn ids_that_name_folders_cannot_climb_out_of_them() {
        for text in ["", "..", "a/b", "A", "a b", &"a".repeat(41)] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }

    #[test]
    fn delivery_ids_are_reproducible() {
        let bill = BillNumber::new(42).expect("in range");
        assert_eq!(DeliveryId::of(bill, 1).to_string(), "0000000042-1");
        assert!("0000000042-1".parse::<DeliveryId>().is_ok());
        assert!("42/1".parse::<DeliveryId>().is_err());
        let entry = "0123456789abcdef0123456789abcdef"
            .parse()
            .expect("an entry id");
        let link = DeliveryId::sign_in_of(&entry);
        let paid = DeliveryId::money_of(DeliveryKind::Paid, "epay/paid/1/000007/A");
        let back = DeliveryId::money_of(DeliveryKind::TakenBack, "reversal/epay/paid/1/000007/A");
        let which = ReminderKind::Before(3);
        let reminder = DeliveryId::reminder_of(bill, which);
        assert_eq!(reminder.as_str(), "remind-0000000042-before-3");
        assert_eq!((reminder.reminder(), back.reminder()), (Some(which), None));
        let reader: ReaderId = "0123456789abcdef0123456789abcdef".parse().expect("an id");
        let notice = DeliveryId::autopay_of(AutopayMail::Notice, 42);
        assert_eq!(notice.as_str(), "autopay-notice-42");
        assert_eq!(notice.autopay(), Some((AutopayMail::Notice, 42)));
        assert_eq!(back.autopay(), None);
        let whom: EnrolmentId = "0123456789abcdef0123456789abcdef".parse().expect("an id");
        for what in AccessMail::ALL {
            let id = DeliveryId::access_of(what, &whom, Timestamp::MAX);
            assert_eq!((id.access(), id.kind()), (Some(what), DeliveryKind::Access));
            assert_eq!(id.as_str().parse(), Ok(id.clone()));
        }
        assert_eq!(notice.access(), None);
        let login: StaffLogin = "m.ivanova".parse().expect("a sign-in name");
        for what in StaffMail::ALL {
            let id = DeliveryId::staff_of(what, &login, Timestamp::MAX);
            assert_eq!((id.staff(), id.kind()), (Some(what), DeliveryKind::Staff));
            assert_eq!((id.as_str().parse(), id.access()), (Ok(id.clone()), None));
        }
        for (id, kind) in [
            (
                DeliveryId::copy_of(BillNumber::MAX, &reader),
                DeliveryKind::Copy,
            ),
            (DeliveryId::invitation_of(&reader), DeliveryKind::Invitation),
            (DeliveryId::welcome_of(&whom), DeliveryKind::Welcome),
            (
                DeliveryId::alarm_of(&login, Timestamp::MAX),
                DeliveryKind::Alarm,
            ),
            (notice, DeliveryKind::Autopay),
            (reminder, DeliveryKind::Reminder),
            (DeliveryId::of(bill, 1), DeliveryKind::Bill),
            (link, DeliveryKind::SignIn),
            (paid, DeliveryKind::Paid),
            (back, DeliveryKind::TakenBack),
        ] {
            assert_eq!((id.kind(), id.as_str().parse()), (kind, Ok(id.clone())));
        }
    }
}
