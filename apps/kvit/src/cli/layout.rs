//! The words about layouts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::person;

#[derive(Debug, Subcommand)]
pub(crate) enum LayoutCommand {
    /// Write the built-in layout files for changing
    #[command(after_help = "\
Example:
  kvit layout export
  kvit run preview 2026-10-a3f9c2 -n 2 --to /tmp/samples

Writes into the folder that [issue] layout names, or --to. Files that are there stay unless
--force is given. A file in that folder goes before the built-in one; delete those that you
leave as they are, so that they keep up with new versions.")]
    Export(LayoutExportArgs),
    /// Try every kind of bill in a layout: what fails, and what will be slow
    #[command(after_help = "\
Examples:
  kvit layout check
  kvit layout check docs/layouts/water

Lays out invented bills of every kind in both languages. Says where a layout is broken, by file
and line, and which kinds get no form: those are right, but each such bill takes a hundred times
as long. Without an instance in --dir the operator is invented too.")]
    Check(LayoutCheckArgs),
    /// Draw samples of invented bills, again at each save with --watch
    #[command(after_help = "\
Example:
  kvit layout preview --to /tmp/samples --watch household company

While a layout is broken, the samples of the last one that worked stay, and the fault is told.
Samples say on each page that they are none.")]
    Preview(LayoutPreviewArgs),
    /// Bring a version in: it is checked, kept, and counts once a second person says so
    #[command(after_help = "\
Examples:
  kvit layout bring --as \"M. Ivanova\"
  kvit layout bring autumn.zip --as \"M. Ivanova\"

Takes a folder, the ZIP of one or a single bill.typ, and tries it as `kvit layout check` does.
What has a fault is told and not kept. The console does the same under /staff/layouts.")]
    Bring(LayoutBringArgs),
    /// Try a version within limits of time and memory, and say what came of it to `kvit layout bring`
    #[command(hide = true)]
    Try(LayoutTryArgs),
    /// List the versions, and say which counts
    List,
    /// Make a version count for the runs that are released from now on
    #[command(after_help = "\
Examples:
  kvit layout use 3 --as \"P. Petrov\"
  kvit layout use 0 --as \"P. Petrov\"

A version that never counted needs another person than who brought it; going back to one that
did, or to 0, the layout that comes with Kvit, does not. A run that is released keeps the layout
it has. A running service needs no restart.")]
    Use(LayoutUseArgs),
}

#[derive(Args, Debug)]
pub(crate) struct LayoutBringArgs {
    /// Folder, ZIP or bill.typ [default: the folder that [issue] layout names]
    #[arg(value_name = "FOLDER|ZIP|FILE")]
    pub(crate) layout: Option<PathBuf>,
    /// Who brings it [default: your account on this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct LayoutTryArgs {
    /// Folder, ZIP or bill.typ
    pub(crate) layout: PathBuf,
    /// What its owner calls it
    #[arg(long)]
    pub(crate) name: String,
}

#[derive(Args, Debug)]
pub(crate) struct LayoutUseArgs {
    /// Its number, as `kvit layout list` names it; 0 is the layout that comes with Kvit
    #[arg(value_name = "NUMBER")]
    pub(crate) layout: u32,
    /// Who says so
    #[arg(long = "as", value_name = "NAME", value_parser = person)]
    pub(crate) by: String,
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
