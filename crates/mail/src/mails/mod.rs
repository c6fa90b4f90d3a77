//! The mails that customers get, from templates (MiniJinja) and texts (Fluent); each kind in a file of
//! its own.

mod access;
mod alarm;
mod bill;
mod conceded;
mod debit;
mod link;
mod load;
mod payment;
mod reminder;
mod samples;
mod welcome;

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, tz::TimeZone};
use kvit_billing::{Address, DeliveryId, Language, Operator, Secret, format, operator::Brand};
use minijinja::{Environment, Value};

use crate::{
    AddressError, EmailAddress, Message,
    address::domain_name,
    mime::{self, Attachment, Parts},
    texts::Texts,
};
use load::{TEMPLATES, load, template_error};

pub use access::{AccessChange, StaffChange};
pub use alarm::AlarmMail;
pub use bill::{BillFor, BillMail};
pub use conceded::{Conceded, ConcededMail};
pub use debit::{DebitCase, DebitMail, DebitedBill};
pub use link::LinkMail;
pub use payment::{MoneyDirection, PaidBill, PaidBy, PaymentMail};
pub use reminder::ReminderMail;
pub use samples::MailSample;
pub use welcome::WelcomeMail;

/// A mail that cannot be built. Never holds an address.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The recipient's, or the sender's.
    #[error("the {whose} address cannot be used")]
    Address {
        /// `recipient's` or `sender's`.
        whose: &'static str,
        /// Why.
        source: AddressError,
    },
    /// A setting that would break every mail.
    #[error("`{value}` is not {what}")]
    Setting {
        /// What it should be.
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// A file that no mail is made of.
    #[error("`{0}` is not a template or text of mails")]
    UnknownFile(String),
    /// A template that does not work.
    #[error("the mail template `{file}` does not work")]
    Template {
        /// Its name.
        file: String,
        /// Line and reason.
        source: Box<minijinja::Error>,
    },
    /// Texts that cannot be read, or one that is missing or lacks a value.
    #[error("the mail texts `{file}` are wrong: {what}")]
    Texts {
        /// The file's name.
        file: String,
        /// What is wrong.
        what: String,
    },
}

/// Builds mails. Cheap to share among threads by reference.
pub struct Mails {
    operator: Operator,
    brand: Brand,
    public_url: String,
    domain: String,
    sender: EmailAddress,
    texts: HashMap<Language, std::sync::Arc<Texts>>,
    templates: Environment<'static>,
}

impl Mails {
    /// Mails of `operator` in the colours of `brand`. `public_url` is the portal's address;
    /// `mail_domain` is the domain of Message-IDs and return paths; `sender` is the address that
    /// customers see.
    ///
    /// # Errors
    /// Where an address, the domain or a colour is not one.
    pub fn new(
        operator: Operator,
        brand: Brand,
        public_url: &str,
        mail_domain: &str,
        sender: &str,
    ) -> Result<Self, MailError> {
        let web = ["https://", "http://"]
            .iter()
            .any(|scheme| public_url.starts_with(scheme));
        if !web
            || public_url
                .chars()
                .any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(setting("a web address", public_url));
        }
        for colour in [&brand.primary, &brand.accent] {
            let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6);
            if !digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())) {
                return Err(setting("a colour such as #0a5c8f", colour));
            }
        }
        let domain = domain_name(mail_domain)
            .or_else(|| (mail_domain == "localhost").then(|| mail_domain.to_owned()))
            .ok_or_else(|| setting("a mail domain", mail_domain))?;
        let sender = EmailAddress::parse(sender).map_err(|source| MailError::Address {
            whose: "sender's",
            source,
        })?;
        let public_url = public_url.trim_end_matches('/').to_owned();
        let (texts, templates) = load(&BTreeMap::new())?;
        Ok(Self {
            operator,
            brand,
            public_url,
            domain,
            sender,
            texts,
            templates,
        })
    }

    /// Replaces templates (`access`, `alarm`, `bill`, `conceded`, `copy`, `debit`, `invitation`, `payment`, `proof`, `reminder`, `sign-in`, `staff` and `welcome`, each as `.html` and `.txt`;
    /// `layout.html`, `footer.txt`) and single texts (`bg.ftl`, `en.ftl`), given as name and content.
    ///
    /// # Errors
    /// Where a name is none of these, or a mail cannot be built any more: samples are tried.
    pub fn with_overrides(mut self, files: Vec<(String, String)>) -> Result<Self, MailError> {
        let files: BTreeMap<String, String> = files.into_iter().collect();
        let known = |name: &str| {
            TEMPLATES.iter().any(|(n, _)| *n == name) || matches!(name, "bg.ftl" | "en.ftl")
        };
        if let Some(name) = files.keys().find(|name| !known(name)) {
            return Err(MailError::UnknownFile(name.clone()));
        }
        (self.texts, self.templates) = load(&files)?;
        self.try_samples()?;
        Ok(self)
    }

    fn build(&self, draft: Draft<'_>) -> Result<Message, MailError> {
        let (envelope, attachment, language) = (draft.envelope, draft.attachment, draft.language);
        let to =
            EmailAddress::parse(envelope.to.expose()).map_err(|source| MailError::Address {
                whose: "recipient's",
                source,
            })?;
        let said = self.say(
            draft.template,
            &draft.subject,
            language,
            draft.values,
            draft.rows,
        )?;
        let operator = &self.operator;
        let reply_to = EmailAddress::parse(&operator.email).ok();
        let bytes = mime::write(&Parts {
            id: envelope.delivery.as_str(),
            domain: &self.domain,
            from: (operator.short_name.get(language), self.sender.as_str()),
            reply_to: reply_to.as_ref().map(EmailAddress::as_str),
            to: to.as_str(),
            subject: &said.subject,
            language: language.tag(),
            at: envelope.at,
            text: &said.text,
            html: &said.html,
            attachment,
        });
        Ok(Message {
            id: format!("{}@{}", envelope.delivery, self.domain),
            return_path: format!("bounce+{}@{}", envelope.delivery, self.domain),
            to: Secret::new(to.as_str().to_owned()),
            bytes,
        })
    }

    /// What a mail says, before it is written out.
    fn say(
        &self,
        template: &str,
        subject: &str,
        language: Language,
        mut values: Vec<(&'static str, String)>,
        rows: Vec<Value>,
    ) -> Result<Said, MailError> {
        let operator = &self.operator;
        let address = match language {
            Language::Bg => &operator.address,
            Language::En => &operator.address_en,
        };
        values.extend([
            ("lang", language.tag().to_owned()),
            ("operator", operator.short_name.get(language).to_owned()),
            ("operator_full", operator.name.get(language).to_owned()),
            ("eik", operator.eik.clone()),
            ("address", address_line(address)),
            ("hotline", operator.hotline.clone()),
            ("contact", operator.email.clone()),
            ("portal", self.public_url.clone()),
            ("primary", self.brand.primary.clone()),
            ("accent", self.brand.accent.clone()),
        ]);
        let subject = self
            .texts
            .get(&language)
            .and_then(|texts| texts.get(subject, &values))
            .ok_or_else(|| MailError::Texts {
                file: format!("{}.ftl", language.tag()),
                what: format!("`{subject}` is missing or asks for a value that there is not"),
            })?;
        values.push(("subject", subject.clone()));
        let values = values
            .into_iter()
            .map(|(name, text)| (name, Value::from(text)));
        let context: BTreeMap<&str, Value> = values.chain([("rows", Value::from(rows))]).collect();
        let text = self.render(&format!("{template}.txt"), &context)?;
        let html = self.render(&format!("{template}.html"), &context)?;
        Ok(Said {
            subject,
            text,
            html,
        })
    }

    fn render(&self, file: &str, context: &BTreeMap<&str, Value>) -> Result<String, MailError> {
        self.templates
            .get_template(file)
            .and_then(|template| template.render(context))
            // The templates escape slashes too, which no attribute in quotes needs; to mail filters
            // a link of entities looks like one that hides.
            .map(|text| text.replace("&#x2f;", "/"))
            .map_err(|error| template_error(file, error))
    }
}

/// The words of a mail.
struct Said {
    subject: String,
    text: String,
    html: String,
}

/// A mail before it is written out.
struct Draft<'a> {
    /// The name of its two templates, without the ending.
    template: &'static str,
    /// The name of the text that is its subject.
    subject: String,
    language: Language,
    /// What templates and texts may name.
    values: Vec<(&'static str, String)>,
    /// What a template goes through as `rows`.
    rows: Vec<Value>,
    envelope: Envelope<'a>,
    attachment: Option<Attachment<'a>>,
}

struct Envelope<'a> {
    delivery: &'a DeliveryId,
    to: &'a Secret<String>,
    at: Timestamp,
}

fn setting(what: &'static str, value: &str) -> MailError {
    MailError::Setting {
        what,
        value: value.chars().take(100).collect(),
    }
}

fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn address_line(address: &Address) -> String {
    let town = format!("{} {}", address.postcode, address.city);
    let parts = address
        .lines
        .iter()
        .map(|line| one_line(line))
        .chain([one_line(&town)]);
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Day and time to the minute, where the operator sits.
fn moment(at: Timestamp, language: Language) -> String {
    let at = local_zone().to_datetime(at);
    let date = format::date(at.date(), language);
    format!("{date}, {:02}:{:02}", at.hour(), at.minute())
}

fn masked(number: &str) -> String {
    let shown = number.len().saturating_sub(3);
    format!("{}{}", "•".repeat(shown), &number[shown..])
}

/// Where the operator's customers live; where the time zone data is missing, UTC.
fn local_zone() -> TimeZone {
    TimeZone::get("Europe/Sofia").unwrap_or(TimeZone::UTC)
}
