//! The file by which refunds leave: who pays, and what payees read.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{Language, Operator};
use kvit_pay::{BadIban, credit::Payer};
use kvit_store::{Exported, Store, StoreError};

/// What a payee reads before the customer number.
const WORDS: &str = "Върната сума, клиент";

/// A file of refunds cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RefundFileError {
    /// The store failed.
    #[error("the file cannot be kept")]
    Store(#[from] StoreError),
    /// The operator's account.
    #[error("the operator's account, operator.iban in kvit.toml, cannot pay")]
    Iban(#[from] BadIban),
}

/// Puts the refunds that wait into a file for the operator's bank, which is to pay `today`.
///
/// # Errors
/// Where the operator's account number is none, or the database fails. No refund is in a file then.
pub async fn make_refund_file(
    store: &Store,
    operator: &Operator,
    today: Date,
    by: &str,
    now: Timestamp,
) -> Result<Exported, RefundFileError> {
    let payer = Payer {
        name: operator.name.get(Language::Bg).to_owned(),
        iban: operator.iban.parse()?,
        bic: operator.bic.clone(),
    };
    Ok(store.export_refunds(&payer, today, WORDS, by, now).await?)
}
