//! The command line as clap reads it. Every word here is an interface with snapshot tests.

mod api;
mod bench;
mod customer;
mod layout;
mod pay;
mod run;
mod staff;
mod texts;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use kvit_billing::{BillNumber, RunId};

use crate::exit::Exit;

pub(crate) use api::{ApiCommand, TokenAddArgs, TokenCommand, WebhookAddArgs, WebhookCommand};
pub(crate) use bench::{BenchCommand, BenchIssueArgs, BenchLoadArgs};
pub(crate) use customer::{CustomerCommand, NewCodeArgs};
pub(crate) use layout::{
    LayoutBringArgs, LayoutCommand, LayoutExportArgs, LayoutPreviewArgs, LayoutUseArgs,
};
pub(crate) use pay::{
    AllocateArgs, ApproveArgs, BookArgs, ConcessionArgs, CorrectionArgs, CustomerArgs,
    DebitApproveArgs, DebitSeenArgs, DebitWriteArgs, DebitsCommand, FoundArgs, JournalArgs,
    PayCommand, PersonArgs, ReceivablesArgs, ReconcileArgs, RefundArgs, RefundExportArgs,
    RefundsCommand, SettleArgs, StatementArgs, StatementsArgs, WriteOffArgs,
};
pub(crate) use run::{ImportArgs, PreviewArgs, ReleaseArgs, RunCommand, RunLayoutArgs};
pub(crate) use staff::{
    StaffAddArgs, StaffChangeArgs, StaffCommand, StaffLoginArg, StaffResetArgs,
};
pub(crate) use texts::{TextsBringArgs, TextsCommand, TextsExportArgs, TextsUseArgs};

/// E-bills of a utility: a billing run becomes sealed, delivered, confirmed bills.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = format!("Begin with `kvit demo`, or with `kvit init --dir FOLDER`.\n\n{}", Exit::help()),
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Folder of the instance [default: the current folder, for demo a temporary one]
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "KVIT_DIR",
        hide_env_values = true
    )]
    pub(crate) dir: Option<PathBuf>,
    /// Print the result for machines: one JSON value on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto, hide_possible_values = false)]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new instance: configuration, keys, store
    #[command(after_help = "\
Example:
  kvit init --dir /var/lib/kvit

Makes kvit.toml with a comment on every key, the store, the instance key, and a throwaway
certificate authority with a seal certificate. Never overwrites an instance; a half-made one is
finished by the same command.")]
    Init(InitArgs),
    /// Import, check, look at, release and issue billing runs
    #[command(subcommand)]
    Run(RunCommand),
    /// Send every mail that is due, then end
    #[command(after_help = "\
Example:
  kvit deliver --dir /var/lib/kvit

`kvit serve` and `kvit work` do the same all the time. What the mail server refuses for now is
tried again by the waits in kvit.toml.")]
    Deliver,
    /// Be the whole service: portal, issuing and delivery in one process
    #[command(after_help = "\
Example:
  kvit serve --dir /var/lib/kvit

Serves the portal and the staff console (/staff), and issues, mails and asks payment systems in
the background. It starts no mail server, no simulated payment systems and no mailbox: those of
`kvit demo` end with it.

Listens where [portal] listen says; health (/health/live, /health/ready) and numbers for
Prometheus (/metrics) where [watch] listen says. SIGTERM or Ctrl-C lets the current chunk and
the mails under way finish. KVIT_LOG sets what is logged, such as KVIT_LOG=debug;
KVIT_LOG_FORMAT=json writes JSON.")]
    Serve(WatchArgs),
    /// Be a worker: issue and deliver, without the portal
    #[command(after_help = "\
Example:
  kvit work --dir /var/lib/kvit

Any number may run on any number of machines with the same PostgreSQL store, archive folder,
instance key and configuration. Health and numbers are where [watch] listen says.

With --exit it ends once nothing waits that can be done now: for cron, and for scripts.")]
    Work(WorkArgs),
    /// Open, list, change and close the accounts of staff
    #[command(subcommand)]
    Staff(StaffCommand),
    /// Give a customer another access code
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// Let the operator's own systems in, and tell them what happened: tokens, webhooks, the API's document
    #[command(subcommand)]
    Api(ApiCommand),
    /// Write a run's bills as PDF files named by number
    #[command(after_help = "\
Examples:
  kvit export 2026-10-a3f9c2 --to /tmp/bills
  kvit export 2026-10-a3f9c2 --to /tmp/print --paper

With --paper only those that go on paper, alone or beside a mail, or whose mail was given up, and
notes of those that go on paper that they were handed over, when and by whom. Each file is checked
against the SHA-256 it was issued with. Given again, it goes on where it stopped.")]
    Export(ExportArgs),
    /// Show a bill: what it is, where its document lies, how it travelled
    #[command(after_help = "\
Example:
  kvit bill 0000000042

For those who answer a customer's question: every attempt to send it with what the mail server
said, and what is known about its receipt.")]
    Bill(BillArgs),
    /// Check sealed bills: who sealed them, when, and whether a byte changed
    #[command(after_help = "\
Examples:
  kvit verify 0000000042.pdf
  kvit verify --roots ca.pem bills/*.pdf --json

Trusts the certificates of --roots, else those that [seal] trust_roots of the instance names.
Ends with 4 when one of the files is not a whole, unchanged bill of a trusted sealer.")]
    Verify(VerifyArgs),
    /// Show everything with a made-up operator: from nothing to bills in a mailbox
    #[command(after_help = "\
Examples:
  kvit demo
  kvit demo --customers 50 --dir /tmp/demo
  kvit demo --customers 1000 --exit --json

Imports a run as one person, releases it as another, issues it, and sends the e-bills by SMTP to
a mailbox of its own, whose pages show them. Simulated payment systems, at the address that it
prints, take payments and let them fail; with --exit there are none. Without --dir everything
lies in a temporary folder that is removed at the end; with --exit it stays, since its paths are
printed.")]
    Demo(DemoArgs),
    /// Print the JSON Schema of a run file's lines
    Schema,
    /// Look at payments and the books, and put unmatched money right
    #[command(subcommand)]
    Pay(PayCommand),
    /// Bring scanned paper declarations in
    #[command(subcommand)]
    Scans(ScansCommand),
    /// Work with the bill's layout
    #[command(subcommand)]
    Layout(LayoutCommand),
    /// Change what mails and customers' pages say
    #[command(subcommand)]
    Texts(TextsCommand),
    /// Measure this machine
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Check the instance: configuration, keys, store, archive, room to write, layout, mail server
    Doctor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScansCommand {
    /// Read scans of signed declarations; each page waits for a clerk in the console
    #[command(after_help = "\
Examples:
  kvit scans import post-2026-11-27.pdf --as ivan
  kvit scans import /mnt/scanner/*.tif --as ivan

Takes PDF (a picture a page), TIFF (any number of pages), JPEG and PNG. The code of each page
says whose declaration it is, in any direction; where it cannot be read, the clerk types the
customer's number. Empty backs are left out, and a page that came before is told and not taken
twice. What cannot be read is told with file and page, and the other pages come in (exit code
3).")]
    Import(ScansImportArgs),
}

/// The algorithm of a new seal key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyChoice {
    // RSA with 2048 bits: every reader knows it.
    #[default]
    Rsa2048,
    // ECDSA on P-256: smaller and faster.
    P256,
}

#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// Kind of the seal key
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub(crate) key: KeyChoice,
}

#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Where health and numbers are answered [default: [watch] listen of kvit.toml]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) watch: Option<SocketAddr>,
}

#[derive(Args, Debug)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    /// End once no chunk waits and no mail is due
    #[arg(long)]
    pub(crate) exit: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// The run, as `kvit run list` names it
    pub(crate) run: RunId,
    /// Folder for the files
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
    /// Only bills that no mail brings: for the printer
    #[arg(long)]
    pub(crate) paper: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BillArgs {
    /// Its number, ten digits as printed
    pub(crate) number: BillNumber,
}

#[derive(Args, Debug)]
pub(crate) struct ScansImportArgs {
    /// Files of the scanner
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Who brings them [default: your account on this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// PDF files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Certificates to trust (PEM) [default: those of the instance]
    #[arg(long, value_name = "PEM")]
    pub(crate) roots: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// How many customers are made up
    #[arg(long, default_value_t = 500, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) customers: u32,
    /// Stop after the mails are delivered, instead of serving the portal
    #[arg(long)]
    pub(crate) exit: bool,
    /// Kind of the seal key
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub(crate) key: KeyChoice,
    /// Port of the portal; the mailbox's pages take the next [default: 8480, or a free one]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_533))]
    pub(crate) port: Option<u16>,
}

/// A name that says who did something.
fn person(text: &str) -> Result<String, String> {
    let name = text.trim();
    let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err("a name has 1 to 100 characters".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    /// A longer line would be broken into a long and a short one.
    #[test]
    fn what_stands_below_a_help_fits_the_screen() {
        fn look(command: &Command, too_long: &mut Vec<String>) {
            let below = command.get_after_help().map(ToString::to_string);
            let below = below.unwrap_or_default();
            let long = below.lines().filter(|line| line.chars().count() > 100);
            too_long.extend(long.map(ToOwned::to_owned));
            for inner in command.get_subcommands() {
                look(inner, too_long);
            }
        }
        let mut too_long = Vec::new();
        look(&super::Cli::command(), &mut too_long);
        assert!(too_long.is_empty(), "{}", too_long.join("\n"));
    }
}
