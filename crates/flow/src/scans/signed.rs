//! Declarations that were signed on a screen are kept beside the scanned ones, in the same order: noted, put into the archive, and
//! named by the consent, which takes the note away. What a death leaves before that is cleared like any loose object.

use kvit_billing::{EnrolmentId, EntryId};
use kvit_store::SignedSheet;

use super::{FOLDER, PictureError, ScanError, ScanImport, read_kept, sha256};
use crate::ports::Archive;

impl ScanImport<'_> {
    /// Puts a signed declaration, an SVG, into the archive, under a name of this attempt's own. It stays for good once
    /// [`Store::enrol_at`](kvit_store::Store::enrol_at) names it, and goes after a day otherwise.
    ///
    /// # Errors
    /// Where the store or the archive fails.
    pub async fn keep_signed(
        &self,
        consent: &EnrolmentId,
        attempt: &EntryId,
        svg: Vec<u8>,
    ) -> Result<SignedSheet, ScanError> {
        let sheet = SignedSheet {
            object: format!("{FOLDER}/signed/{consent}-{attempt}.svg"),
            bytes: svg.len() as u64,
            sha256: sha256(&svg),
        };
        let now = self.clock.now();
        self.store.note_scan_object(&sheet.object, now).await?;
        self.checkpoints.reached("before-keep-signed");
        self.archive.put(&sheet.object, svg.into()).await?;
        self.checkpoints.reached("after-keep-signed");
        Ok(sheet)
    }
}

/// A declaration that was signed on a screen, as it was kept.
///
/// # Errors
/// Where the archive fails, or has other bytes than were kept.
pub async fn read_signed(
    archive: &dyn Archive,
    sheet: &SignedSheet,
) -> Result<Vec<u8>, PictureError> {
    read_kept(archive, (&sheet.object, sheet.bytes, sheet.sha256)).await
}
