//! The words about billing runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kvit_billing::RunId;

use super::person;

#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Read, check and keep a hand-over of the billing system
    #[command(after_help = "\
Examples:
  kvit run import october.ndjson --as ivan
  kvit run import invoices/ --as ivan
  kvit run import october.zip --as ivan

Takes one run file (NDJSON, see `kvit schema`) or any number of EN 16931 invoices (UBL 2.1,
CII), as files, folders or ZIP files. Everything is checked before anything counts: on an error
all faults are listed, and the run is kept as rejected (exit code 3). A file that is a run
already is named as such.")]
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
    /// Make the rest of a released run in the layout that counts now, where its own fails on one of its bills
    #[command(after_help = "\
Example:
  kvit layout use 4 --as petar
  kvit run layout 2026-10-a3f9c2 --as ivan

Has to be another person than the one who released. Bills that are issued stay as they are.")]
    Layout(RunLayoutArgs),
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
pub(crate) struct RunLayoutArgs {
    /// The run, as `kvit run list` names it
    pub(crate) run: RunId,
    /// Who says so; not the one who released
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct IssueArgs {
    /// The run; without one, every released run
    pub(crate) run: Option<RunId>,
}
