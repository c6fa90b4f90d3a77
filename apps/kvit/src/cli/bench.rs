//! The words about measuring.

use clap::{Args, Subcommand};

use super::KeyChoice;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Issue made-up bills: how many a second, beside how many signatures the key gives at all
    #[command(after_help = "\
Examples:
  kvit bench issue
  kvit bench issue --bills 100000 --threads 4 --key p256 --json

The real stages: compose, seal, pack written and flushed, rows committed. Issues two months and
measures the second: the first makes a form for each shape of bill, and these are kept; its
figures stand beside. Makes an instance of its own in a temporary folder, or in --dir; with
--store its rows go into an empty PostgreSQL database. What goes before, importing and releasing
a run, is not counted.")]
    Issue(BenchIssueArgs),
    /// Ask a portal what customers owe, and report payments: how many a second, beside a bare handler
    #[command(after_help = "\
Examples:
  kvit bench pay
  kvit bench pay --customers 1000000 --store postgres://kvit@localhost/bench --json

Asks as an aggregator does, over real connections from the same machine. Makes an instance of
its own in a temporary folder, or in --dir; with --store its rows go into an empty PostgreSQL
database. Loading the customers is not counted.")]
    Pay(BenchLoadArgs),
    /// Check bills as customers do, and search them as agents do: how many a second, beside a bare handler
    #[command(after_help = "\
Examples:
  kvit bench portal
  kvit bench portal --customers 2000000 --json
  kvit bench portal --customers 2000000 --store postgres://kvit@localhost/bench

A visit sends number and code and opens the page with the bills, over real connections from the
same machine. An agent searches by customer number, by telephone, by last name and town, and by
street and town, for somebody else each time. Makes an instance of its own in a temporary folder,
or in --dir; with --store its rows go into an empty PostgreSQL database. Loading the customers is
not counted.")]
    Portal(BenchLoadArgs),
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
    /// Issue an instance's first month alone, which has all its forms to make
    #[arg(long)]
    pub(crate) cold: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchLoadArgs {
    /// For how many seconds each kind is asked
    #[arg(long, default_value_t = 6, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// How many customers, with a bill each
    #[arg(long, default_value_t = 100_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub(crate) customers: u32,
    /// Address of an empty PostgreSQL database [default: SQLite]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}
