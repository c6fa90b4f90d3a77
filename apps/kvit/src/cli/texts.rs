//! The words about texts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::person;

#[derive(Debug, Subcommand)]
pub(crate) enum TextsCommand {
    /// Write the texts that can be changed, as they are said now, for changing
    #[command(after_help = "\
Example:
  kvit texts export --to texts.toml

A text is one line: `\"mail/bg/greeting\" = \"Здравейте!\"`. Words in braces, such as {period},
are replaced by the customer's data and have to stay. Leave texts out, or empty, that you do not
change.")]
    Export(TextsExportArgs),
    /// Bring a version in: it is checked, kept, and counts once a second person says so
    #[command(after_help = "\
Examples:
  kvit texts bring texts.toml --as \"M. Ivanova\"
  kvit texts bring texts.toml --check

Tries every mail. What has a fault is told, all at once, and nothing is kept. The file is the
whole version: a text that is not in it is the program's own. The console does the same under
/staff/texts, with samples.")]
    Bring(TextsBringArgs),
    /// List the versions, and say which counts
    List,
    /// Make a version count in mails and on pages
    #[command(after_help = "\
Examples:
  kvit texts use 3 --as \"P. Petrov\"
  kvit texts use 0 --as \"P. Petrov\"

A version that never counted needs another person than who brought it; going back to the one
that counted directly before, or to 0, the program's own texts, does not. Running services say
it within seconds, without a restart.")]
    Use(TextsUseArgs),
}

#[derive(Args, Debug)]
pub(crate) struct TextsExportArgs {
    /// File for the texts
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TextsBringArgs {
    /// File of texts, as `kvit texts export` writes it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only check it; nothing is kept
    #[arg(long)]
    pub(crate) check: bool,
    /// Who brings it [default: your account on this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct TextsUseArgs {
    /// Its number, as `kvit texts list` names it; 0 is the program's own texts
    #[arg(value_name = "NUMBER")]
    pub(crate) version: u32,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}
