//! What each command does.

mod account;
mod api;
mod bench;
mod bill;
mod customer;
mod deliver;
mod demo;
pub(crate) mod doctor;
mod export;
mod import;
mod init;
mod issue;
mod layout;
mod pay;
mod run;
mod scans;
mod serve;
mod show;
mod staff;
mod texts;
mod verify;
mod webhook;

use std::path::{Path, PathBuf};

use kvit_billing::RunId;
use kvit_store::RunRecord;

use crate::{
    cli::{ApiCommand, BenchCommand, Cli, Command, RunCommand},
    exit::{Exit, Failure},
    output::Output,
    wiring::Instance,
};

/// Does what the command line asks for.
pub(crate) async fn run(cli: Cli, out: &Output) -> Result<Exit, Failure> {
    let named = cli.global.dir;
    let dir = || named.clone().unwrap_or_else(|| PathBuf::from("."));
    match cli.command {
        Command::Init(args) => init::init(out, &dir(), args.key).await,
        Command::Run(command) => run_command(out, &dir(), command).await,
        Command::Deliver => deliver::deliver(out, &open(&dir()).await?).await,
        Command::Serve(args) => serve::serve(out, &open(&dir()).await?, args.watch).await,
        Command::Work(args) => serve::work(out, &open(&dir()).await?, &args).await,
        Command::Staff(command) => staff::command(out, &open(&dir()).await?, command).await,
        Command::Customer(command) => customer::command(out, &open(&dir()).await?, command).await,
        Command::Api(ApiCommand::Token(command)) => {
            api::token(out, &open(&dir()).await?, command).await
        }
        Command::Api(ApiCommand::Webhook(command)) => {
            webhook::command(out, &open(&dir()).await?, command).await
        }
        Command::Api(ApiCommand::Schema) => {
            let document = kvit_web::openapi();
            out.result(&document, |_| format!("{document:#}"))?;
            Ok(Exit::Done)
        }
        Command::Export(args) => export::export(out, &open(&dir()).await?, &args).await,
        Command::Bill(args) => bill::bill(out, &open(&dir()).await?, &args).await,
        Command::Verify(args) => verify::verify(out, &dir(), &args),
        Command::Demo(args) => demo::demo(out, named.as_deref(), &args).await,
        Command::Bench(BenchCommand::Issue(args)) => {
            bench::issue(out, named.as_deref(), &args).await
        }
        Command::Bench(BenchCommand::Pay(args)) => {
            bench::pay::pay(out, named.as_deref(), &args).await
        }
        Command::Bench(BenchCommand::Portal(args)) => {
            bench::portal::portal(out, named.as_deref(), &args).await
        }
        Command::Schema => {
            let schema = kvit_intake::schema();
            out.result(&schema, |_| format!("{schema:#}"))?;
            Ok(Exit::Done)
        }
        Command::Pay(command) => pay::pay(out, &open(&dir()).await?, command).await,
        Command::Scans(command) => scans::command(out, &open(&dir()).await?, command).await,
        Command::Layout(command) => layout::command(out, &dir(), command).await,
        Command::Texts(command) => texts::command(out, &open(&dir()).await?, command).await,
        Command::Doctor => doctor::doctor(out, &dir()).await,
    }
}

async fn run_command(out: &Output, dir: &Path, command: RunCommand) -> Result<Exit, Failure> {
    let instance = open(dir).await?;
    match command {
        RunCommand::Import(args) => import::command(out, &instance, &args).await,
        RunCommand::List => run::list(out, &instance).await,
        RunCommand::Show(args) => show::show(out, &instance, &args.run).await,
        RunCommand::Preview(args) => run::preview(out, &instance, &args).await,
        RunCommand::Release(args) => run::release(out, &instance, &args).await,
        RunCommand::Issue(args) => issue::command(out, &instance, args.run.as_ref()).await,
        RunCommand::Layout(args) => run::relay(out, &instance, &args).await,
    }
}

async fn open(dir: &Path) -> Result<Instance, Failure> {
    Instance::open(dir).await
}

/// The run of this id.
async fn find(instance: &Instance, run: &RunId) -> Result<RunRecord, Failure> {
    instance.store.run(run).await?.ok_or_else(|| {
        Failure::new(Exit::Failed, format!("there is no run {run}"))
            .hint("`kvit run list` names them")
    })
}
