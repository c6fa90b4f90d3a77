//! The words about staff.

use clap::{Args, Subcommand};
use kvit_billing::{Language, Role, Secret, StaffLogin};
use kvit_mail::EmailAddress;

use super::person;

#[derive(Debug, Subcommand)]
pub(crate) enum StaffCommand {
    /// Open an account; prints a temporary password and the key for an authenticator app
    #[command(after_help = "\
Examples:
  kvit staff add m.ivanova --role agent --name \"Мария Иванова\" --email m.ivanova@example.bg
  kvit staff add e.koleva --role clerk --centre \"София Център\"

Roles: agent answers the telephone line, clerk serves at a service centre, billing looks at runs
and releases them, auditor reads the audit trail, administrator keeps these accounts.")]
    Add(StaffAddArgs),
    /// List the accounts
    List,
    /// Give somebody another name, role or centre; with another role their sessions end
    #[command(after_help = "\
Examples:
  kvit staff change m.ivanova --role billing
  kvit staff change e.koleva --role clerk --centre \"София Център\"

Who is told of changes by mail is told of this. Whoever is no clerk any more loses the centre. Name
and role of who signs in at the identity provider are changed there.")]
    Change(StaffChangeArgs),
    /// Close an account and all its sessions, at once
    Disable(StaffLoginArg),
    /// Give an account a new temporary password and a new key, and open it where it was closed
    Reset(StaffResetArgs),
}

#[derive(Args, Debug)]
pub(crate) struct StaffAddArgs {
    /// The name to sign in with, such as m.ivanova
    pub(crate) login: StaffLogin,
    /// What they are there for
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub(crate) role: Role,
    /// As colleagues know them [default: the login]
    #[arg(long, value_name = "NAME", value_parser = person)]
    pub(crate) name: Option<String>,
    /// The service centre of a clerk
    #[arg(long, value_name = "NAME", value_parser = person)]
    pub(crate) centre: Option<String>,
    /// Where they are told of changes to how they sign in
    #[arg(long, value_name = "ADDRESS", value_parser = email)]
    pub(crate) email: Option<Secret<String>>,
    /// The language of what they are told
    #[arg(long, value_name = "LANGUAGE", value_parser = language, default_value = "bg")]
    pub(crate) language: Language,
    /// Ask for no authenticator app: for trials with a made-up operator only
    #[arg(long)]
    pub(crate) without_totp: bool,
}

#[derive(Args, Debug)]
pub(crate) struct StaffChangeArgs {
    /// The name they sign in with
    pub(crate) login: StaffLogin,
    /// As colleagues know them
    #[arg(long, value_name = "NAME", value_parser = person)]
    pub(crate) name: Option<String>,
    /// What they are there for
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub(crate) role: Option<Role>,
    /// The service centre of a clerk
    #[arg(long, value_name = "NAME", value_parser = person)]
    pub(crate) centre: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct StaffLoginArg {
    /// The name they sign in with
    pub(crate) login: StaffLogin,
}

#[derive(Args, Debug)]
pub(crate) struct StaffResetArgs {
    /// The name they sign in with
    pub(crate) login: StaffLogin,
    /// Ask for no authenticator app: for trials with a made-up operator only
    #[arg(long)]
    pub(crate) without_totp: bool,
}

/// An address of a member of staff.
fn email(text: &str) -> Result<Secret<String>, String> {
    let address = EmailAddress::parse(text).map_err(|error| error.to_string())?;
    Ok(Secret::new(address.as_str().to_owned()))
}

fn language(text: &str) -> Result<Language, String> {
    Language::from_tag(text).ok_or_else(|| "languages are bg, en".to_owned())
}

/// A role by its word.
fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| {
        let words = Role::ALL.map(Role::as_str);
        format!("roles are {}", words.join(", "))
    })
}
