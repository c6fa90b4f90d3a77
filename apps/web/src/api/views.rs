//! What the API takes and gives. The fields' comments are the document's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A customer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Customer {
    /// The number printed on the bill.
    pub(crate) number: String,
    /// Person or company.
    pub(crate) name: String,
    /// Town or village of the postal address.
    pub(crate) city: String,
    /// The language of bills and mails.
    pub(crate) language: Language,
    /// The day on which the account was closed.
    #[schemars(extend("format" = "date"))]
    pub(crate) closed_on: Option<String>,
    /// Since when the party holds it that holds it now, where another did before.
    #[schemars(extend("format" = "date"))]
    pub(crate) holder_since: Option<String>,
}

/// Bulgarian or English.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    Bg,
    En,
}

/// Whom to look for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// A telephone number, as the operator's records or the telephone network write it.
    #[schemars(length(min = 3, max = 30), regex(pattern = r"^[0-9+() ./-]{3,30}$"), extend("examples" = ["+359 888 123 456"]))]
    pub(crate) phone: String,
}

/// The customers that were found.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    /// At most twenty, in no order that means anything.
    pub(crate) customers: Vec<Customer>,
    /// Whether there are more than are listed.
    pub(crate) more: bool,
}

/// How a customer's bills travel. Its version is the ETag.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Enrolment {
    pub(crate) customer: String,
    pub(crate) state: EnrolmentState,
    /// Whether bills that go by e-mail come on paper too, since the customer has confirmed none of them yet.
    pub(crate) also_on_paper: bool,
    /// Where the bills go, or would go once it is proven; masked.
    pub(crate) email: Option<String>,
    /// The address, masked, to which a change is under way.
    pub(crate) changes_to: Option<String>,
    /// The first day that no bill had covered when the address was proven: bills for the time from it on go there. None
    /// where there had been no bill, or no address is proven.
    #[schemars(extend("format" = "date"))]
    pub(crate) bills_from: Option<String>,
    /// Since when the consent is on record.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) since: Option<String>,
}

/// `paper`; `pending`: paper until the address is proven; `active`: by e-mail.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EnrolmentState {
    Paper,
    Pending,
    Active,
}

/// A consent to e-bills that the operator took, or the customer's wish for another address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consent {
    /// Where bills shall go. A mail with a link asks to prove it; until then nothing changes.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ivan.petrov@example.bg"]))]
    pub(crate) email: String,
    /// How the consent came in.
    pub(crate) channel: ConsentChannel,
    /// Where the evidence lies: number of the call, of the document, of the case.
    #[schemars(
        length(min = 1, max = 60),
        regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]{1,60}$")
    )]
    pub(crate) evidence: String,
    /// The language of mails; without it the customer's.
    pub(crate) language: Option<Language>,
}

/// `web`: a page of the operator's; `phone`; `centre`; `paper`: a signed declaration.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConsentChannel {
    Web,
    Phone,
    Centre,
    Paper,
}

/// A consent that waits for its proof.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Enrolled {
    /// The id of the consent.
    pub(crate) enrolment: String,
    /// The address that was likely meant, where the domain looks mistyped: a question to ask.
    pub(crate) suggestion: Option<String>,
}

/// The wish for paper.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToPaper {
    /// How the wish came in.
    pub(crate) channel: ConsentChannel,
    /// Where the evidence lies.
    #[schemars(
        length(min = 1, max = 60),
        regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]{1,60}$")
    )]
    pub(crate) evidence: String,
}

/// How the bills travel from now on.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OnPaper {
    /// `paper`.
    pub(crate) state: EnrolmentState,
}

/// A bill.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Bill {
    /// Ten digits.
    pub(crate) number: String,
    pub(crate) customer: String,
    /// `invoice`, `credit-note` or `debit-note`, as the store writes it.
    pub(crate) kind: String,
    #[schemars(extend("format" = "date"))]
    pub(crate) issued: String,
    #[schemars(extend("format" = "date"))]
    pub(crate) period_from: String,
    #[schemars(extend("format" = "date"))]
    pub(crate) period_to: String,
    /// The last day to pay.
    #[schemars(extend("format" = "date"))]
    pub(crate) due: String,
    /// ISO 4217.
    pub(crate) currency: String,
    pub(crate) gross_cents: i64,
    /// What it asks for, with what it carries over.
    pub(crate) to_pay_cents: i64,
    /// What of it is not paid yet.
    pub(crate) open_cents: i64,
    /// The payment reference (ISO 11649).
    pub(crate) reference: String,
    /// The bill that it corrects.
    pub(crate) corrects: Option<String>,
}

/// A page of bills, newest first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Bills {
    pub(crate) bills: Vec<Bill>,
    /// The cursor of the next page; none on the last.
    pub(crate) next: Option<String>,
}

/// A bill and how it travelled.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BillState {
    pub(crate) bill: Bill,
    /// Oldest first.
    pub(crate) deliveries: Vec<Delivery>,
}

/// One mail or paper with a bill.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    /// `email` or `paper`.
    pub(crate) channel: String,
    /// `queued`, `sending`, `sent`, `failed` or `withdrawn`.
    pub(crate) state: String,
    #[schemars(extend("format" = "date-time"))]
    pub(crate) due: String,
    pub(crate) attempts: u32,
    /// Whether it may have been sent twice.
    pub(crate) possibly_twice: bool,
    /// When the mail server took it.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) accepted: Option<String>,
    /// When the reader confirmed the receipt.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) confirmed: Option<String>,
}

/// A bill that is sent once more.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sent {
    /// The new delivery.
    pub(crate) delivery: String,
}

/// What a customer owes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Balance {
    pub(crate) customer: String,
    /// ISO 4217.
    pub(crate) currency: String,
    /// Open less credit; negative where the operator owes.
    pub(crate) balance_cents: i64,
    pub(crate) open_cents: i64,
    /// What of it is behind its last day to pay.
    pub(crate) late_cents: i64,
    /// Money beyond the bills.
    pub(crate) credit_cents: i64,
    /// The bills that are open, oldest first.
    pub(crate) bills: Vec<OpenBill>,
}

/// A bill that is not paid in full.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OpenBill {
    pub(crate) number: String,
    #[schemars(extend("format" = "date"))]
    pub(crate) due: String,
    /// What it asks for by itself.
    pub(crate) asked_cents: i64,
    pub(crate) open_cents: i64,
}

/// What happened with a customer, newest first: the latest, as staff see it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct History {
    pub(crate) happened: Vec<Happened>,
}

/// One thing that happened.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Happened {
    #[schemars(extend("format" = "date-time"))]
    pub(crate) at: String,
    /// Whether only the day is known.
    pub(crate) whole_day: bool,
    /// In words.
    pub(crate) text: String,
    /// Who did it, or in which call.
    pub(crate) more: String,
}

/// What a caller typed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    #[schemars(regex(pattern = r"^[0-9A-Za-z-]{1,20}$"))]
    pub(crate) number: String,
    /// The authorization code from the bill: eight digits, blanks and dashes are passed over.
    #[schemars(length(max = 20), regex(pattern = r"^[0-9 -]{8,20}$"), extend("examples" = ["1234 5678"]))]
    pub(crate) code: String,
    /// Whose telephone it is, or another name of the caller, the same in each of their calls: wrong codes
    /// count for it. Kept as a pseudonym.
    #[schemars(
        length(min = 1, max = 60),
        regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]{1,60}$")
    )]
    pub(crate) caller: String,
}

/// Whether number and code belong together.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Verified {
    pub(crate) verified: bool,
}
