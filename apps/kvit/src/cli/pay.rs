//! The words about payments and the books.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use kvit_billing::{BillNumber, Cents, CustomerNumber};
use kvit_pay::{Iban, ledger::Account};

use super::person;

#[derive(Debug, Subcommand)]
pub(crate) enum PayCommand {
    /// List the payments that were begun, newest first, and where each stands
    List,
    /// List what a person has to look at: money without an owner, contradictions, refusals
    #[command(after_help = "\
Example:
  kvit pay unmatched

Money of a payment that was not begun here, of another amount, in another currency or for an
unknown customer never changes a balance: it waits here. So do bank transfers that name no
customer, or several, and notices that contradict the books. Then come customers who paid more
than all their bills ask for: their credit pays the next bill. What came and could not be
verified is counted below, by day and reason.")]
    Unmatched,
    /// Bring bank statements (camt.053, camt.054), and reports about direct debits (pain.002), into the books
    #[command(after_help = "\
Examples:
  kvit pay statement 2026-11-27.xml --as ivan
  kvit pay statement november/*.xml --as ivan

Each file is checked as a whole first: balances, account, currency, references. Where one file
has a fault, all faults are listed and nothing of any file is kept (exit code 3). Transfers go
to the customer whom the creditor reference, the bill's number or the customer's number in the
text names; what names nobody, or several, waits in `kvit pay unmatched`. A transfer counts
once, by account and the bank's reference, however many statements have it, so files may overlap
and come again.")]
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

Where the payment system did not say how much it is, or said it in another currency, --amount
does. An amount below what came is a part; the rest waits on. Without --bill the oldest bill is
paid first.")]
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

Reverses what the notice of the payment brought into the books. For what the payment system did
not say, or not clearly, such as a rollback that may mean one of two payments.")]
    Reverse(SettleArgs),
    /// Propose to give money back, to a bank account or the way it was paid; another person approves it
    #[command(after_help = "\
Examples:
  kvit pay refund 1000042 --amount 12.34 --iban \"BG80 BNBG 9661 1020 3456 78\" \\
      --because \"moved out\" --as ivan
  kvit pay refund 1000042 --amount 12.34 --iban BG80BNBG96611020345678 \\
      --payment epay/paid/7 --because \"paid twice\" --as ivan
  kvit pay refund 1000042 --amount 12.34 --payment icard/paid/7 --same-way \\
      --because \"paid twice\" --as ivan
  kvit pay refunds approve 17 --as maria

Without --payment it is credit, and no more than the customer has. A payment that goes back,
whole or in part, is owed again by the bills that it paid; `kvit pay customer` names its entry.
Approved refunds leave with the next `kvit pay refunds export`; with --same-way a worker
(`kvit work`, `kvit serve`) asks the payment system that the payment was made through, once, and
`kvit pay refunds` says what came of it.")]
    Refund(RefundArgs),
    /// Propose to give up a small rest of a bill; another person approves it
    #[command(after_help = "\
Example:
  kvit pay write-off 1000042 --bill 4000000042 --because \"0.40 is not worth a letter\" --as ivan
  kvit pay refunds approve 18 --as maria

Up to 10.00 of a bill. Without --amount it is all that is open. Cannot be taken back once
approved.")]
    WriteOff(WriteOffArgs),
    /// List refunds and write-offs, decide about them, and write the file for the bank
    Refunds {
        #[command(subcommand)]
        command: Option<RefundsCommand>,
    },
    /// Collect by direct debit: list what is announced, and make the files for the bank by two people
    Debits {
        #[command(subcommand)]
        command: Option<DebitsCommand>,
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

With --to each customer who owed gets a line in a CSV file. One pass over all customers by
number; its memory stays the same however many there are. A file that is there is not
overwritten.")]
    Receivables(ReceivablesArgs),
    /// Hold what payment systems said, what they handed over and the books against each other, by month
    #[command(after_help = "\
Examples:
  kvit pay reconcile
  kvit pay reconcile --month 2026-10

For each payment system what it held before, collected, gave back, handed over and holds, as
/staff/reconciliation shows it. What it has not handed over within `pays_within_days` of its section
comes first, then the days on which a notice's money is in no book, or in another sum.")]
    Reconcile(ReconcileArgs),
    /// Show the sum of each book; together they are nothing
    Books,
    /// Write the journal of some days as a CSV file, for the accounting system
    #[command(after_help = "\
Example:
  kvit pay journal --from 2026-11-01 --until 2026-11-30 --to november.csv

A line for each posting, the two of an entry one after the other; debits are positive. Both days
are included, as the operator's clocks count them, and have to be over. A file that is there is
not overwritten.")]
    Journal(JournalArgs),
    /// Write one book of some days as a bank statement (camt.053), for the accounting system
    #[command(after_help = "\
Examples:
  kvit pay export bank --from 2026-11-01 --until 2026-11-30 --to bank.xml
  kvit pay export clearing/epay --from 2026-11-01 --until 2026-11-01 --to epay.xml
  kvit pay export customer --from 2026-11-01 --until 2026-11-30 --to customers.csv --csv

The balance before, each entry with its references, the balance after; a debit of the book is
CRDT, as a bank says it of the operator's account. `kvit pay books` names the books; `customer`
is all customers together. Both days are included and have to be over; the same days give the
same bytes each time.")]
    Export(BookArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum RefundsCommand {
    /// List those that wait, and the latest others
    List,
    /// Approve what another person proposed: it is in the books then
    Approve(ConcessionArgs),
    /// Do not agree, or take a refund back that did not leave yet
    Refuse(ConcessionArgs),
    /// Say what came of a refund of which its payment system's answer was lost
    #[command(after_help = "\
Examples:
  kvit pay refunds found 17 --went-back \\
      --because \"on iCard's pages since 14:02, R000123\" --as maria
  kvit pay refunds found 17 --not-given --because \"iCard's support: no such refund\" --as maria

A payment system is asked for a refund once: what it does when it is asked twice is not known.
Where no answer came, or this program ended before it was kept, look for the refund on the
payment system's own pages; iCard and myPOS know it as refund-PAYMENT-NUMBER, the payment's
number there and the refund's here. Money that was not given back is the customer's again;
propose another way.")]
    Found(FoundArgs),
    /// Say that a refund turned out otherwise than the books have it
    #[command(after_help = "\
Examples:
  kvit pay refunds correct 17 --not-given \\
      --because \"not in iCard's report of November\" --as ivan
  kvit pay refunds approve-correction 3 --as maria

A refund is in the books as given, or as not given, by what its payment system answered or a
person found. Should it turn out to be the other, one person says so, and another approves who
neither proposed nor approved the refund: entries of their own put the books right then. What
was known before stays. What is not given is the customer's again.")]
    Correct(FoundArgs),
    /// Approve a correction that another person said
    ApproveCorrection(CorrectionArgs),
    /// Do not agree to a correction, or take it back: the books stay as they are
    RefuseCorrection(CorrectionArgs),
    /// After a restore: ask for no refund that waits for its payment system
    #[command(after_help = "\
Example:
  kvit pay refunds doubt --as maria

What the backup does not know may have been asked for already. Run this once, before
`kvit serve` or `kvit work`: each approved refund that waits for its payment system is unclear
from then on, and a third person says with `kvit pay refunds found` what came of it.")]
    Doubt(PersonArgs),
    /// Write approved refunds into a file of credit transfers (pain.001) for the bank
    #[command(after_help = "\
Examples:
  kvit pay refunds export --to refunds.xml --as vera
  kvit pay refunds export --again 3 --to refunds-3.xml --as vera

Each refund is in exactly one file. The file is kept before it is written, so one that got lost
is written again, with the same bytes, by --again; the list names its number. Give each file to
the bank once. The next bank statement with the debits settles the refunds. A refund whose
payment was taken back since, or whose credit was, stays behind, and is named.")]
    Export(RefundExportArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DebitsCommand {
    /// List what is announced, the files, and what a person has to see to
    List,
    /// Put what is announced and due within three bank days into a file, which another person approves
    #[command(after_help = "\
Examples:
  kvit pay debits prepare --as ivan
  kvit pay debits approve 3 --as maria
  kvit pay debits write 3 --to debits-3.xml --as maria

Only bills whose customers have been told by mail are collected. What is paid by now is left
out. Banks want a file on the working day before its first day at the latest; what no file has
in time is not collected, and its customers are told.")]
    Prepare(PersonArgs),
    /// Approve a file that another person prepared: what is in it is ordered then
    Approve(DebitApproveArgs),
    /// Do not agree to a file: what is in it waits for the next
    Refuse(ConcessionArgs),
    /// Write an approved file (pain.008) for the bank
    #[command(after_help = "\
Example:
  kvit pay debits write 3 --to debits-3.xml --as maria

The bytes are the same each time. Give each file to the bank once. Money counts once a statement
has it: `kvit pay statement` takes camt.053 and camt.054, and the bank's reports about what it
refuses (pain.002).")]
    Write(DebitWriteArgs),
    /// Say that a person saw to a debit that came back, or that the bank keeps silent about
    Seen(DebitSeenArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ReconcileArgs {
    /// The month, such as 2026-11; the present one where it is not named
    #[arg(long, value_name = "MONTH", value_parser = month)]
    pub(crate) month: Option<Date>,
}

/// The first day of a month.
fn month(text: &str) -> Result<Date, String> {
    let first = format!("{text}-01");
    first
        .parse()
        .map_err(|_| "write a month such as 2026-11".to_owned())
}

#[derive(Args, Debug)]
pub(crate) struct PersonArgs {
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct DebitApproveArgs {
    /// The file's number, as `kvit pay debits` names it
    pub(crate) number: u64,
    /// Only where so many debits would leave
    #[arg(long, value_name = "DEBITS")]
    pub(crate) count: Option<u64>,
    /// Only where so much would leave, such as 1234.56
    #[arg(long, value_parser = kvit_pay::amount::decimal)]
    pub(crate) sum: Option<Cents>,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct DebitWriteArgs {
    /// The file's number, as `kvit pay debits` names it
    pub(crate) number: u64,
    /// The new file
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Who takes it to the bank
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct DebitSeenArgs {
    /// The debit's number, as `kvit pay debits` names it
    pub(crate) number: u64,
    /// What was found and done
    #[arg(long, value_name = "REASON", value_parser = person)]
    pub(crate) because: String,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
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
    #[arg(long, required_unless_present = "same_way")]
    pub(crate) iban: Option<Iban>,
    /// Give it back through the payment system that the payment was made through
    #[arg(long, requires = "payment", conflicts_with_all = ["iban", "payee"])]
    pub(crate) same_way: bool,
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
    /// Its number, as the list names it
    pub(crate) number: u64,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct CorrectionArgs {
    /// The correction's number, as the list names it
    pub(crate) number: u64,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct FoundArgs {
    /// Its number, as the list names it
    pub(crate) number: u64,
    #[command(flatten)]
    pub(crate) what: WentBackArgs,
    /// Where that was seen
    #[arg(long, value_name = "WHERE", value_parser = person)]
    pub(crate) because: String,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

/// One of the two, in a group of their own: a group of the whole would have its other arguments exclude each other.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct WentBackArgs {
    /// The money went back
    #[arg(long)]
    pub(crate) went_back: bool,
    /// It did not
    #[arg(long)]
    not_given: bool,
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
pub(crate) struct BookArgs {
    /// Which book
    pub(crate) book: Account,
    /// As CSV, as `kvit pay journal` writes it
    #[arg(long)]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) days: JournalArgs,
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
