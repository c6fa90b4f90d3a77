//! `kvit pay refunds correct`: a refund through its payment system turned out otherwise than the books have it.

use kvit_billing::ports::Clock;
use kvit_store::{Concede, Concessions, RefundCorrection, Store, StoreError};
use serde_json::{Value, json};

use super::{ROWS_MAX, at_console, headed};
use crate::{
    cli::{CorrectionArgs, FoundArgs},
    exit::{Exit, Failure},
    output::Output,
    wiring::{Instance, SystemClock},
};

/// One person says that the books have it wrong.
pub(super) async fn correct(
    out: &Output,
    instance: &Instance,
    args: &FoundArgs,
) -> Result<Exit, Failure> {
    let FoundArgs {
        number,
        what,
        because,
        by,
    } = args;
    let went_back = what.went_back;
    let (who, now) = (at_console(by), SystemClock.now());
    let said = instance
        .store
        .say_otherwise(*number, went_back, because, &who, now);
    let correction = match said.await? {
        Concede::Proposed(correction) => correction,
        Concede::Over => {
            let what = "the books say so already, nobody was asked, what came of it is not known yet, or a correction waits";
            return Err(Failure::new(Exit::Refused, what).hint("`kvit pay refunds` shows where it stands; `found` says what came of an unclear one"));
        }
        other => return Err(refused(other)),
    };
    let value =
        json!({"correction": correction, "refund": number, "went_back": went_back, "by": by});
    out.result(&value, |_| {
        let what = if went_back { "went back" } else { "did not go back" };
        format!("correction {correction}: {by} says that refund {number} {what} after all; a third person approves it with `kvit pay refunds approve-correction {correction} --as NAME`")
    })?;
    Ok(Exit::Done)
}

pub(super) async fn decide(
    out: &Output,
    instance: &Instance,
    args: &CorrectionArgs,
    approve: bool,
) -> Result<Exit, Failure> {
    let CorrectionArgs { number, by } = args;
    let (store, by, now) = (&instance.store, at_console(by), SystemClock.now());
    let said = match approve {
        true => store.approve_refund_correction(*number, &by, now).await?,
        false => store.refuse_refund_correction(*number, &by, now).await?,
    };
    let text = match said {
        Concede::Approved => "the books are put right, and the customer is told",
        Concede::Refused => "the books stay as they are",
        other => return Err(refused(other)),
    };
    let value = json!({"correction": number, "approved": approve});
    out.result(&value, |_| text.to_owned())?;
    Ok(Exit::Done)
}

fn refused(said: Concede) -> Failure {
    let failure = |what: &str, hint: &str| Failure::new(Exit::Refused, what).hint(hint);
    match said {
        Concede::SamePerson => failure(
            "who said it, or proposed or approved the refund, cannot approve the correction",
            "a third person has to look at the payment system's pages",
        ),
        Concede::OtherPayment => failure(
            "the payment was taken back meanwhile",
            "that may be the same money, which the books have already (`kvit pay customer` shows it): refuse a correction that waits with `kvit pay refunds refuse-correction N --as NAME`",
        ),
        Concede::Over => failure(
            "this correction was approved or refused already",
            "`kvit pay refunds` shows where the refund stands",
        ),
        _ => failure(
            "there is no such refund or correction",
            "`kvit pay refunds` names them",
        ),
    }
}

/// Those that wait for approval.
pub(super) async fn waiting(store: &Store) -> Result<Vec<RefundCorrection>, StoreError> {
    let mut waiting = Vec::new();
    for refund in store.concessions(Concessions::ToCorrect, ROWS_MAX).await? {
        let mut all = store.refund_corrections(refund.number).await?;
        all.retain(|said| refund.correction == Some(said.number));
        waiting.extend(all);
    }
    Ok(waiting)
}

pub(super) fn table(out: &Output, waiting: &[RefundCorrection]) -> String {
    let head = ["correction", "of refund", "it went back", "said by", "seen"];
    let rows = waiting.iter().map(|said| {
        vec![
            said.number.to_string(),
            said.refund.to_string(),
            if said.went_back { "yes" } else { "no" }.to_owned(),
            said.said.by.clone(),
            said.seen.clone(),
        ]
    });
    headed(out, &head, rows, &[])
}

pub(super) fn json(said: &RefundCorrection) -> Value {
    json!({
        "correction": said.number,
        "refund": said.refund,
        "went_back": said.went_back,
        "seen": said.seen,
        "said_by": said.said.by,
        "said_at": said.said.at,
    })
}
