//! What scans leave behind is removed: objects that a death left in the archive, and refused pages after their time.

use jiff::SignedDuration;
use kvit_store::Event;
use serde_json::json;

use super::{ScanError, ScanImport};

/// What lies in the archive for so long without a row was left by a death.
const LOOSE_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// Who clears away, in the trail.
const HOUSEKEEPING: &str = "kvit";

impl ScanImport<'_> {
    /// Removes what a death left in the archive, and pages that were refused more than `days` ago, pictures and all. A
    /// page that a consent came of is its evidence, and stays. Gives how many pages and how many objects went.
    ///
    /// # Errors
    /// Where the store fails: the next call goes on. What the archive does not remove is left for a day.
    pub async fn clear(&self, days: u16) -> Result<(u64, u64), ScanError> {
        let now = self.clock.now();
        let (mut pages, mut objects) = (0, 0);
        let before = now - SignedDuration::from_hours(24 * i64::from(days));
        let told = |pages: u64| Event {
            at: now,
            who: HOUSEKEEPING.to_owned(),
            what: "scans.cleared".to_owned(),
            subject: "scans".to_owned(),
            detail: json!({ "refused_pages": pages, "kept_days": days }),
        };
        loop {
            let cleared = self.store.clear_refused_scans(before, now, told).await?;
            if cleared.is_empty() {
                break;
            }
            self.checkpoints.reached("after-clear-scans");
            pages += cleared.len() as u64;
            for object in cleared {
                self.try_to_remove(&object).await?;
            }
        }
        loop {
            let loose = self.store.loose_scan_objects(now - LOOSE_AFTER).await?;
            if loose.is_empty() {
                break;
            }
            for object in loose {
                objects += u64::from(self.try_to_remove(&object).await?);
            }
        }
        Ok((pages, objects))
    }

    /// Removes an object that is noted. One that cannot be removed holds up no other: it is noted anew, for another day.
    async fn try_to_remove(&self, object: &str) -> Result<bool, ScanError> {
        match self.remove(object).await {
            Err(ScanError::Archive(error)) => {
                tracing::error!(
                    object,
                    error = &error as &dyn std::error::Error,
                    "an object of scans is not removed; it is tried again in a day"
                );
                let now = self.clock.now();
                self.store.note_scan_object(object, now).await?;
                Ok(false)
            }
            removed => removed.map(|()| true),
        }
    }

    /// Removes an object that is noted, and then its note.
    pub(super) async fn remove(&self, object: &str) -> Result<(), ScanError> {
        self.archive.delete(object).await?;
        self.checkpoints.reached("after-remove-scans");
        Ok(self.store.forget_scan_object(object).await?)
    }
}
