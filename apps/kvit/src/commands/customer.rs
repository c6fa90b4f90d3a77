//! `kvit customer`: what is done for a customer without the console.

use kvit_billing::ports::Clock;
use kvit_store::Event;
use serde_json::json;

use super::account::at_the_console;
use crate::{
    cli::{CustomerCommand, NewCodeArgs},
    exit::{Exit, Failure},
    output::Output,
    wiring::{Instance, SystemClock},
};

pub(super) async fn command(
    out: &Output,
    instance: &Instance,
    command: CustomerCommand,
) -> Result<Exit, Failure> {
    match command {
        CustomerCommand::NewCode(args) => new_code(out, instance, &args).await,
    }
}

async fn new_code(out: &Output, instance: &Instance, args: &NewCodeArgs) -> Result<Exit, Failure> {
    let number = &args.number;
    let who = at_the_console();
    let evidence = json!({ "by": "console", "agent": who });
    let changed = Event {
        at: SystemClock.now(),
        who,
        what: "customer.code-changed".to_owned(),
        subject: format!("customer/{number}"),
        detail: json!({}),
    };
    let store = &instance.store;
    let known = store.customer(number).await?.ok_or_else(|| {
        Failure::new(Exit::Failed, format!("there is no customer {number}"))
            .hint("customers come with billing runs; the number is that on the bill")
    })?;
    let seen = (number, known.code_generation);
    let ended = store.change_code(seen, &evidence, &changed).await?;
    let ended = ended.ok_or_else(|| {
        let why = format!("somebody else changed the code of {number} at this moment");
        Failure::new(Exit::Failed, why).hint("try again, if it has to be changed once more")
    })?;
    let value = json!({
        "customer": number, "sessions_ended": ended.sessions, "passkeys_removed": ended.passkeys,
        "password_removed": ended.password, "proofs_ended": ended.waiting,
        "readers_ended": ended.readers,
    });
    out.result(&value, |_| {
        format!(
            "the code of {number} is void; the next bill has another one\nended: {} sessions, {} passkeys, {} passwords, {} proofs of addresses, {} readers",
            ended.sessions,
            ended.passkeys,
            u8::from(ended.password),
            ended.waiting,
            ended.readers,
        )
    })?;
    Ok(Exit::Done)
}
