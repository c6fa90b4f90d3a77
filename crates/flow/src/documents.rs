//! Reading an issued bill back, with its hash checked again.

use aws_lc_rs::digest;
use kvit_billing::BillNumber;
use kvit_store::BillRecord;

use crate::ports::{Archive, ArchiveError};

/// A bill's document cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The archive did not answer.
    #[error("the document of bill {number} cannot be read")]
    Archive {
        /// Which bill.
        number: BillNumber,
        /// Why.
        source: ArchiveError,
    },
    /// The bytes are not those that were issued.
    #[error(
        "the document of bill {number} in pack `{pack}` is not the one that was issued: its SHA-256 differs; restore the pack from a backup"
    )]
    Altered {
        /// Which bill.
        number: BillNumber,
        /// The pack that holds it.
        pack: String,
    },
}

/// The sealed PDF of a bill, exactly as issued.
///
/// # Errors
/// Where the archive fails, or where what it gives is not what was issued.
pub async fn read_bill(archive: &dyn Archive, bill: &BillRecord) -> Result<Vec<u8>, DocumentError> {
    let bytes = archive
        .read(&bill.pack, bill.offset..bill.offset + bill.length)
        .await
        .map_err(|source| DocumentError::Archive {
            number: bill.number,
            source,
        })?;
    if digest::digest(&digest::SHA256, &bytes).as_ref() != bill.sha256 {
        return Err(DocumentError::Altered {
            number: bill.number,
            pack: bill.pack.clone(),
        });
    }
    Ok(bytes)
}
