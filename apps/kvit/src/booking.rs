//! Bank statements into the books, whoever brings them: the command line or the console.

use std::{fs::File, io, path::Path};

use kvit_flow::statement::{
    CheckedStatement, Outside, StatementError, StatementOutcome, book_statement, check_statement,
    finish_statements, payouts,
};
use kvit_pay::{statement::StatementRules, ways::Ways};

use crate::{
    exit::Failure,
    faults,
    output::count,
    wiring::{Instance, SystemClock},
};

/// What statements of this instance have to be about.
pub(crate) fn rules(instance: &Instance) -> Result<StatementRules, Failure> {
    let operator = &instance.config.operator;
    let mut ibans = vec![operator.iban.clone()];
    ibans.extend(instance.config.pay.accounts.iter().cloned());
    Ok(StatementRules {
        ibans,
        currency: Some(operator.currency),
        payouts: payouts(&instance.ways()?.all()),
    })
}

/// What to do about so many statements that are not in the books, as what is kept of them breaks off.
pub(crate) fn broken(statements: u64) -> Option<String> {
    let what = count(statements, "bank statement", "bank statements");
    (statements > 0).then(|| {
        format!(
            "what is kept of {what} breaks off, so it is not wholly in the books: import the same file again; the log names it"
        )
    })
}

/// Reads and judges a file. Keeps nothing.
pub(crate) fn check(
    path: &Path,
    rules: &StatementRules,
    progress: &dyn Fn(u64),
) -> io::Result<CheckedStatement> {
    check_statement(File::open(path)?, rules, progress)
}

/// Books what a death left, then a file that was found to be without a fault.
pub(crate) async fn book(
    instance: &Instance,
    name: &str,
    by: &str,
    checked: CheckedStatement,
    rules: &StatementRules,
) -> Result<StatementOutcome, StatementError> {
    let checkpoints = faults::checkpoints();
    let outside = Outside {
        payouts: rules.payouts.clone(),
        clock: &SystemClock,
        checkpoints: checkpoints.as_ref(),
        progress: &|_| {},
    };
    let store = &instance.store;
    // What a death left goes first, or a payment could be looked for before it is there.
    finish_statements(store, jiff::Timestamp::now(), &outside).await?;
    book_statement(store, name, by, checked, &outside).await
}
