//! The command line as clap reads it. Every word here is an interface with snapshot tests.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use jiff::{Timestamp, civil::Date};
use kvit_billing::{ApiName, BillNumber, Cents, CustomerNumber, RunId, StaffLogin};
use kvit_pay::Iban;
use kvit_store::{ApiScope, Role, WebhookEvent};

use crate::exit::Exit;

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

`kvit serve` and `kvit work` do the same all the time. What the mail server refuses for now is tried
again by the waits in kvit.toml.")]
    Deliver,
    /// Be the whole service: portal, issuing and delivery in one process
    #[command(after_help = "\
Example:
  kvit serve --dir /var/lib/kvit

Serves the portal and the staff console (/staff), and issues, mails and asks payment systems in the
background. It starts no mail server, no simulated payment systems and no mailbox: those of `kvit
demo` end with it.

Listens where [portal] listen says; health (/health/live, /health/ready) and numbers for Prometheus
(/metrics) where [watch] listen says. SIGTERM or Ctrl-C lets the current chunk and the mails under
way finish. KVIT_LOG sets what is logged, such as KVIT_LOG=debug; KVIT_LOG_FORMAT=json writes JSON.")]
    Serve(WatchArgs),
    /// Be a worker: issue and deliver, without the portal
    #[command(after_help = "\
Example:
  kvit work --dir /var/lib/kvit

Any number may run on any number of machines with the same PostgreSQL store, archive folder,
instance key and configuration. Health and numbers are where [watch] listen says.

With --exit it ends once nothing waits that can be done now: for cron, and for scripts.")]
    Work(WorkArgs),
    /// Open, list and close the accounts of staff
    #[command(subcommand)]
    Staff(StaffCommand),
    /// Let the operator's own systems in, and tell them what happened: tokens, webhooks, the API's document
    #[command(subcommand)]
    Api(ApiCommand),
    /// Write a run's bills as PDF files named by number
    #[command(after_help = "\
Examples:
  kvit export 2026-10-a3f9c2 --to /tmp/bills
  kvit export 2026-10-a3f9c2 --to /tmp/print --paper

With --paper only those of customers who chose paper, or whose mail was given up. Each file is
checked against the SHA-256 it was issued with. Given again, it goes on where it stopped.")]
    Export(ExportArgs),
    /// Show a bill: what it is, where its document lies, how it travelled
    #[command(after_help = "\
Example:
  kvit bill 0000000042

For those who answer a customer's question: every attempt to send it with what the mail server said,
and what is known about its receipt.")]
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

Imports a run as one person, releases it as another, issues it, and sends the e-bills by SMTP to a
mailbox of its own, whose pages show them. Simulated payment systems, at the address that it prints,
take payments and let them fail; with --exit there are none. Without --dir everything lies in a
temporary folder that is removed at the end; with --exit it stays, since its paths are printed.")]
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
    /// Measure this machine
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Check the instance: configuration, keys, store, archive, room to write, layout, mail server
    Doctor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Read, check and keep a hand-over of the billing system
    #[command(after_help = "\
Examples:
  kvit run import october.ndjson --as ivan
  kvit run import invoices/ --as ivan
  kvit run import october.zip --as ivan

Takes one run file (NDJSON, see `kvit schema`) or any number of EN 16931 invoices (UBL 2.1, CII), as
files, folders or ZIP files. Everything is checked before anything counts: on an error all faults
are listed, and the run is kept as rejected (exit code 3). A file that is a run already is named as
such.")]
    Import(ImportArgs),
    /// List the runs, newest first
    List,
    /// Show a run: counts, sums, the previous run, what stands out, progress
    Show(RunArg),
    /// Write samples of a checked run's bills, unsealed and marked as samples
    #[command(after_help = "\
Example:
  kvit run preview 2026-10-a3f9c2 -n 5 --to /tmp/samples")]
    Preview(PreviewArgs),
    /// Release a checked run: fixes its bill numbers and its time of issue
    #[command(after_help = "\
Example:
  kvit run release 2026-10-a3f9c2 --as maria

Has to be another person than the one who imported. Cannot be taken back: the numbers exist then.")]
    Release(ReleaseArgs),
    /// Issue a released run, or all of them: compose, seal, pack, record
    #[command(after_help = "\
Example:
  kvit run issue 2026-10-a3f9c2

`kvit serve` and `kvit work` do the same all the time. May be ended at any moment and given again:
numbers stay without gap or twin.")]
    Issue(IssueArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum StaffCommand {
    /// Open an account; prints a temporary password and the key for an authenticator app
    #[command(after_help = "\
Examples:
  kvit staff add m.ivanova --role agent --name \"Мария Иванова\"
  kvit staff add e.koleva --role clerk --centre \"София Център\"

Roles: agent answers the telephone line, clerk serves at a service centre, billing looks at runs and
releases them, auditor reads the audit trail, administrator keeps these accounts.")]
    Add(StaffAddArgs),
    /// List the accounts
    List,
    /// Close an account and all its sessions, at once
    Disable(StaffLoginArg),
    /// Give an account a new temporary password and a new key, and open it where it was closed
    Reset(StaffResetArgs),
}

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
bills:document gives the documents, on which the customer's code is printed: whoever has it can act
as any customer.

A name is one token for good: the audit trail tells by it who called. To change a token, give out a
second one, let the other system use it, and revoke the first.")]
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
  kvit api webhook add crm https://crm.example/kvit --event enrolment.changed --event payment.booked

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

#[derive(Debug, Subcommand)]
pub(crate) enum PayCommand {
    /// List the payments that were begun, newest first, and where each stands
    List,
    /// List what a person has to look at: money without an owner, contradictions, refusals
    #[command(after_help = "\
Example:
  kvit pay unmatched

Money of a payment that was not begun here, of another amount, in another currency or for an unknown
customer never changes a balance: it waits here. So do bank transfers that name no customer, or
several, and notices that contradict the books. Then come customers who paid more than all their
bills ask for: their credit pays the next bill. What came and could not be verified is counted
below, by day and reason.")]
    Unmatched,
    /// Bring bank statements (camt.053, camt.054) into the books
    #[command(after_help = "\
Examples:
  kvit pay statement 2026-11-27.xml --as ivan
  kvit pay statement november/*.xml --as ivan

Each file is checked as a whole first: balances, account, currency, references. Where one file has a
fault, all faults are listed and nothing of any file is kept (exit code 3). Transfers go to the
customer whom the creditor reference, the bill's number or the customer's number in the text names;
what names nobody, or several, waits in `kvit pay unmatched`. A transfer counts once, by account and
the bank's reference, however many statements have it, so files may overlap and come again.")]
    Statement(StatementArgs),
    /// List the bank statements that were brought, or the transfers of one
    #[command(after_help = "\
Examples:
  kvit pay statements
  kvit pay statements 3f9a2c")]
    Statements(StatementsArgs),
    /// Say whose unmatched money is; another person approves it
    #[command(after_help = "\
Example:
  kvit pay allocate icard/paid/20261120101500000001 --to 1000042 --as ivan
  kvit pay approve icard/paid/20261120101500000001 --to 1000042 --as maria

Where the payment system did not say how much it is, or said it in another currency, --amount does. An
amount below what came is a part; the rest waits on. Without --bill the oldest bill is paid first.")]
    Allocate(AllocateArgs),
    /// Approve what another person said about unmatched money: it goes to the customer
    Approve(ApproveArgs),
    /// Say that nothing is to be done about a notice, or a payment that nobody answers about
    #[command(after_help = "\
Example:
  kvit pay settle icard/rolled-back/42 --because \"iCard says it was the first payment\" --as ivan
  kvit pay settle icard/rolled-back/42 --as maria
  kvit pay settle borica/17 --because \"not in BORICA's statement\" --as ivan

It is off the list once another person said so too.
Moves no money. Money that lies in the book of unmatched money has to be given to its customer.")]
    Settle(SettleArgs),
    /// Say that a payment's money went back; another person has to say so too
    #[command(after_help = "\
Example:
  kvit pay reverse icard/paid/20261120101500000001 --because \"as iCard's statement says\" --as ivan
  kvit pay reverse icard/paid/20261120101500000001 --as maria

Reverses what the notice of the payment brought into the books. For what the payment system did not
say, or not clearly, such as a rollback that may mean one of two payments.")]
    Reverse(SettleArgs),
    /// Propose to give money back to a customer's bank account; another person approves it
    #[command(after_help = "\
Examples:
  kvit pay refund 1000042 --amount 12.34 --iban \"BG80 BNBG 9661 1020 3456 78\" --because \"moved out\" --as ivan
  kvit pay refund 1000042 --amount 12.34 --iban BG80BNBG96611020345678 --payment epay/paid/7 --because \"paid twice\" --as ivan
  kvit pay refunds approve 17 --as maria

Without --payment it is credit, and no more than the customer has. A payment that goes back, whole or in
part, is owed again by the bills that it paid; `kvit pay customer` names its entry. Approved refunds leave
with the next `kvit pay refunds export`.")]
    Refund(RefundArgs),
    /// Propose to give up a small rest of a bill; another person approves it
    #[command(after_help = "\
Example:
  kvit pay write-off 1000042 --bill 4000000042 --because \"0.40 is not worth a letter\" --as ivan
  kvit pay refunds approve 18 --as maria

Up to 10.00 of a bill. Without --amount it is all that is open. Cannot be taken back once approved.")]
    WriteOff(WriteOffArgs),
    /// List refunds and write-offs, decide about them, and write the file for the bank
    Refunds {
        #[command(subcommand)]
        command: Option<RefundsCommand>,
    },
    /// Show what a customer owes: open bills, credit, and the entries of their book
    #[command(after_help = "\
Examples:
  kvit pay customer 1000042
  kvit pay customer 1000042 --at 2026-11-30T22:00:00Z")]
    Customer(CustomerArgs),
    /// Show what customers owed on a day, by how long it was overdue
    #[command(after_help = "\
Examples:
  kvit pay receivables
  kvit pay receivables --on 2026-10-31 --to october.csv

With --to each customer who owed gets a line in a CSV file. One pass over all customers by number; its
memory stays the same however many there are. A file that is there is not overwritten.")]
    Receivables(ReceivablesArgs),
    /// Show the sum of each book; together they are nothing
    Books,
    /// Write the journal of some days as a CSV file, for the accounting system
    #[command(after_help = "\
Example:
  kvit pay journal --from 2026-11-01 --until 2026-11-30 --to november.csv

A line for each posting, the two of an entry one after the other; debits are positive. Both days are
included, as the operator's clocks count them, and have to be over. A file that is there is not
overwritten.")]
    Journal(JournalArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum RefundsCommand {
    /// List those that wait, and the latest others
    List,
    /// Approve what another person proposed: it is in the books then
    Approve(ConcessionArgs),
    /// Do not agree, or take a refund back that is in no file yet
    Refuse(ConcessionArgs),
    /// Write approved refunds into a file of credit transfers (pain.001) for the bank
    #[command(after_help = "\
Examples:
  kvit pay refunds export --to refunds.xml --as vera
  kvit pay refunds export --again 3 --to refunds-3.xml --as vera

Each refund is in exactly one file. The file is kept before it is written, so one that got lost is written
again, with the same bytes, by --again; the list names its number. Give each file to the bank once. The next
bank statement with the debits settles the refunds. A refund whose payment was taken back since,
or whose credit was, stays behind, and is named.")]
    Export(RefundExportArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScansCommand {
    /// Read scans of signed declarations; each page waits for a clerk in the console
    #[command(after_help = "\
Examples:
  kvit scans import post-2026-11-27.pdf --as ivan
  kvit scans import /mnt/scanner/*.tif --as ivan

Takes PDF (a picture a page), TIFF (any number of pages), JPEG and PNG. The code of each page says whose
declaration it is, in any direction; where it cannot be read, the clerk types the customer's number.
Empty backs are left out, and a page that came before is told and not taken twice. What cannot be read
is told with file and page, and the other pages come in (exit code 3).")]
    Import(ScansImportArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LayoutCommand {
    /// Write the built-in layout files for changing
    #[command(after_help = "\
Example:
  kvit layout export
  kvit run preview 2026-10-a3f9c2 -n 2 --to /tmp/samples

Writes into the folder that [issue] layout names, or --to. Files that are there stay unless --force
is given. A file in that folder goes before the built-in one; delete those that you leave as they
are, so that they keep up with new versions.")]
    Export(LayoutExportArgs),
    /// Try every kind of bill in a layout: what fails, and what will be slow
    #[command(after_help = "\
Examples:
  kvit layout check
  kvit layout check docs/layouts/water

Lays out invented bills of every kind in both languages. Says where a layout is broken, by file and
line, and which kinds get no form: those are right, but each such bill takes a hundred times as long.
Without an instance in --dir the operator is invented too.")]
    Check(LayoutCheckArgs),
    /// Draw samples of invented bills, again at each save with --watch
    #[command(after_help = "\
Example:
  kvit layout preview --to /tmp/samples --watch household company

While a layout is broken, the samples of the last one that worked stay, and the fault is told.
Samples say on each page that they are none.")]
    Preview(LayoutPreviewArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Issue made-up bills: how many a second, beside how many signatures the key gives at all
    #[command(after_help = "\
Examples:
  kvit bench issue
  kvit bench issue --bills 100000 --threads 4 --key p256 --json

The real stages: compose, seal, pack written and flushed, rows committed. Makes an instance of its own
in a temporary folder, or in --dir; with --store its rows go into an empty PostgreSQL database. What
goes before, importing and releasing the run, is not counted.")]
    Issue(BenchIssueArgs),
    /// Ask a portal what customers owe, and report payments: how many a second, beside a bare handler
    #[command(after_help = "\
Examples:
  kvit bench pay
  kvit bench pay --customers 1000000 --store postgres://kvit@localhost/bench --json

Asks as an aggregator does, over real connections from the same machine. Makes an instance of its own in a
temporary folder, or in --dir; with --store its rows go into an empty PostgreSQL database. Loading the
customers is not counted.")]
    Pay(BenchLoadArgs),
    /// Check bills as customers do, and search them as agents do: how many a second, beside a bare handler
    #[command(after_help = "\
Examples:
  kvit bench portal
  kvit bench portal --customers 2000000 --json

A visit sends number and code and opens the page with the bills, over real connections from the same machine.
Makes an instance of its own in a temporary folder, or in --dir; with --store its rows go into an empty
PostgreSQL database. Loading the customers is not counted.")]
    Portal(BenchLoadArgs),
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
pub(crate) struct ImportArgs {
    /// Run file, invoices, folders or ZIP files
    #[arg(required = true, value_name = "FILE|FOLDER|ZIP")]
    pub(crate) paths: Vec<PathBuf>,
    /// Who imports [default: your account on this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RunArg {
    /// The run, as `kvit run list` names it
    pub(crate) run: RunId,
}

#[derive(Args, Debug)]
pub(crate) struct PreviewArgs {
    /// The run, as `kvit run list` names it
    pub(crate) run: RunId,
    /// How many bills
    #[arg(short = 'n', long = "count", default_value_t = 5, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) count: u16,
    /// Folder for the samples
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ReleaseArgs {
    /// The run, as `kvit run list` names it
    pub(crate) run: RunId,
    /// Who releases; not the one who imported
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct IssueArgs {
    /// The run; without one, every released run
    pub(crate) run: Option<RunId>,
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
    /// Ask for no authenticator app: for trials with a made-up operator only
    #[arg(long)]
    pub(crate) without_totp: bool,
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
pub(crate) struct AllocateArgs {
    /// The notice, as `kvit pay unmatched` names it
    pub(crate) notice: String,
    /// Number of the customer whose money it is
    #[arg(long, value_name = "CUSTOMER")]
    pub(crate) to: CustomerNumber,
    /// How much it is, such as 12.34: a part, or all where the payment system did not say it in this currency
    #[arg(long, value_parser = kvit_pay::amount::decimal)]
    pub(crate) amount: Option<Cents>,
    /// The bill that it pays first
    #[arg(long, value_name = "NUMBER")]
    pub(crate) bill: Option<BillNumber>,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    /// The notice, as `kvit pay unmatched` names it
    pub(crate) notice: String,
    /// Number of the customer whose money it is, as this person sees it
    #[arg(long, value_name = "CUSTOMER")]
    pub(crate) to: CustomerNumber,
    /// Who approves; not the one who said whose it is
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct SettleArgs {
    /// The notice, as `kvit pay unmatched` names it
    pub(crate) notice: String,
    /// Why; the first person says it
    #[arg(long, value_name = "REASON", value_parser = person)]
    pub(crate) because: Option<String>,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct RefundArgs {
    /// The customer's number
    pub(crate) customer: CustomerNumber,
    /// How much, such as 12.34
    #[arg(long, value_parser = kvit_pay::amount::decimal)]
    pub(crate) amount: Cents,
    /// The account that it goes to
    #[arg(long)]
    pub(crate) iban: Iban,
    /// Whose account it is [default: the customer's name]
    #[arg(long, value_name = "NAME", value_parser = person)]
    pub(crate) payee: Option<String>,
    /// The payment that goes back, as `kvit pay customer` names its entry
    #[arg(long, value_name = "ENTRY")]
    pub(crate) payment: Option<String>,
    /// Why
    #[arg(long, value_name = "REASON", value_parser = person)]
    pub(crate) because: String,
    /// Who proposes
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct WriteOffArgs {
    /// The customer's number
    pub(crate) customer: CustomerNumber,
    /// The bill
    #[arg(long, value_name = "NUMBER")]
    pub(crate) bill: BillNumber,
    /// How much, such as 0.40 [default: what is open of it]
    #[arg(long, value_parser = kvit_pay::amount::decimal)]
    pub(crate) amount: Option<Cents>,
    /// Why
    #[arg(long, value_name = "REASON", value_parser = person)]
    pub(crate) because: String,
    /// Who proposes
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct ConcessionArgs {
    /// Its number, as `kvit pay refunds` names it
    pub(crate) number: u64,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct RefundExportArgs {
    /// The new file
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Write an earlier file again, by its number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) again: Option<u64>,
    /// Who takes it to the bank
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct ReceivablesArgs {
    /// At the end of which day [default: now]
    #[arg(long, value_name = "DAY")]
    pub(crate) on: Option<Date>,
    /// The new file
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct JournalArgs {
    /// First day
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Date,
    /// Last day
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Date,
    /// The new file
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct StatementArgs {
    /// Files of the bank
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Who brings them [default: your account on this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: Option<String>,
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
pub(crate) struct StatementsArgs {
    /// Which one, by the beginning of its id
    #[arg(value_name = "ID")]
    pub(crate) statement: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CustomerArgs {
    /// The customer's number
    pub(crate) number: CustomerNumber,
    /// At which moment [default: now]
    #[arg(long, value_name = "MOMENT")]
    pub(crate) at: Option<Timestamp>,
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

#[derive(Args, Debug)]
pub(crate) struct BenchIssueArgs {
    /// How many bills
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub(crate) bills: u32,
    /// Threads that compose and sign [default: all cores]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Kind of the seal key
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub(crate) key: KeyChoice,
    /// Address of an empty PostgreSQL database [default: SQLite]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Issue the month before first, unmeasured: its forms are there then, as for all but a first run
    #[arg(long)]
    pub(crate) warm: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchLoadArgs {
    /// How many customers, with a bill each
    #[arg(long, default_value_t = 100_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub(crate) customers: u32,
    /// Address of an empty PostgreSQL database [default: SQLite]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct LayoutExportArgs {
    /// Folder for the files [default: the one that [issue] layout names]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LayoutCheckArgs {
    /// Folder of the layout [default: the one that [issue] layout names]
    pub(crate) layout: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct LayoutPreviewArgs {
    /// Kinds of bills [default: all]
    #[arg(value_name = "KIND")]
    pub(crate) kinds: Vec<String>,
    /// Folder of the layout [default: the one that [issue] layout names]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) layout: Option<PathBuf>,
    /// Folder for the samples
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
    /// Stay, and draw again whenever a file of the layout is saved
    #[arg(long)]
    pub(crate) watch: bool,
}

/// A role by its word.
fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| {
        let words = Role::ALL.map(Role::as_str);
        format!("roles are {}", words.join(", "))
    })
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
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
