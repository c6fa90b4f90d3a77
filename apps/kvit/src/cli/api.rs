//! The words about the API and webhooks.

use clap::{Args, Subcommand};
use jiff::civil::Date;
use kvit_billing::ApiName;
use kvit_store::{ApiScope, WebhookEvent};

#[derive(Debug, Subcommand)]
pub(crate) enum ApiCommand {
    /// Give out, list and revoke tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Tell other systems when something happened
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Print the OpenAPI document of the API
    Schema,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Give out a token; it is shown only now
    #[command(after_help = "\
Examples:
  kvit api token add crm-2026 --scope customers:read --scope bills:read --scope enrolments:write
  kvit api token add ivr --scope codes:verify --until 2027-12-31

Scopes: customers:read finds customers and tells how their bills travel and what happened;
bills:read shows bills and what is due; bills:send sends a bill again; enrolments:write hands in
consents, other addresses and the wish for paper; codes:verify compares a customer's code.
bills:document gives the documents, on which the customer's code is printed: whoever has it can
act as any customer.

A name is one token for good: the audit trail tells by it who called. To change a token, give
out a second one, let the other system use it, and revoke the first.")]
    Add(TokenAddArgs),
    /// List the tokens, when they were last used, and until when they work
    List,
    /// End a token, at once
    Revoke(TokenNameArg),
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Add a webhook; the secret that checks its signatures is shown only now
    #[command(after_help = "\
Example:
  kvit api webhook add crm https://crm.example/kvit --event enrolment.changed \\
      --event payment.booked

Events: bill.issued (up to 250 bills in a message), bill.delivered (a mail server took the bill),
bill.confirmed (its reader pressed the button), enrolment.changed, payment.booked. A message holds
ids only; the API tells the rest. It is told from now on, by whatever worker runs.")]
    Add(WebhookAddArgs),
    /// List the webhooks, what waits for them, what was set aside, and why
    List,
    /// End a webhook, and forget what it was not told yet
    Remove(WebhookNameArg),
    /// Try what waits and what was set aside again, from now on
    Retry(WebhookNameArg),
}

#[derive(Args, Debug)]
pub(crate) struct TokenAddArgs {
    /// What to call it: 2 to 40 lower-case Latin letters, digits or -
    pub(crate) name: ApiName,
    /// What it lets its holder do; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
    pub(crate) scopes: Vec<ApiScope>,
    /// The last day on which it works
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<Date>,
}

#[derive(Args, Debug)]
pub(crate) struct TokenNameArg {
    /// The token's name
    pub(crate) name: ApiName,
}

#[derive(Args, Debug)]
pub(crate) struct WebhookAddArgs {
    /// What to call it: 2 to 40 lower-case Latin letters, digits or -
    pub(crate) name: ApiName,
    /// Where to post; https, or http on this machine
    pub(crate) url: String,
    /// What to tell; may be given several times
    #[arg(long = "event", value_name = "EVENT", required = true, value_parser = webhook_event)]
    pub(crate) events: Vec<WebhookEvent>,
}

#[derive(Args, Debug)]
pub(crate) struct WebhookNameArg {
    /// The webhook's name
    pub(crate) name: ApiName,
}

/// A scope of the API by its word.
fn scope(text: &str) -> Result<ApiScope, String> {
    ApiScope::parse(text).ok_or_else(|| {
        let words = ApiScope::ALL.map(ApiScope::as_str);
        format!("scopes are {}", words.join(", "))
    })
}

/// An event of webhooks by its word.
fn webhook_event(text: &str) -> Result<WebhookEvent, String> {
    WebhookEvent::parse(text).ok_or_else(|| {
        let words = WebhookEvent::ALL.map(WebhookEvent::as_str);
        format!("events are {}", words.join(", "))
    })
}
