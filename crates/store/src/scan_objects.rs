//! What lies in the archive for scans and no row names: noted before it is put there, and before it is removed. So a death
//! on either side leaves a note, by which it is removed later. Refused pages are cleared away after their time.

use jiff::Timestamp;

use crate::{Event, Store, StoreError, audit::append, sql::query};

/// Pages that one transaction clears away.
const STRETCH: u32 = 250;

impl Store {
    /// Notes that an object of scans is about to be put into the archive. The verb that names it takes the note away.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn note_scan_object(&self, object: &str, now: Timestamp) -> Result<(), StoreError> {
        query("INSERT INTO scan_objects (object, at) VALUES ($1, $2) ON CONFLICT (object) DO UPDATE SET at = excluded.at")
            .bind(object)
            .bind(now)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// Objects that were noted by `before` and that no row names, oldest first. No row will: each attempt at a page has an
    /// object of its own.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn loose_scan_objects(&self, before: Timestamp) -> Result<Vec<String>, StoreError> {
        query("SELECT object FROM scan_objects WHERE at <= $1 ORDER BY at, object LIMIT $2")
            .bind(before)
            .bind(STRETCH)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok(row.get("object")?))
            .collect()
    }

    /// An object is not in the archive any more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_scan_object(&self, object: &str) -> Result<(), StoreError> {
        query("DELETE FROM scan_objects WHERE object = $1")
            .bind(object)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// Removes pages that were refused by `before`, at most 250 of them, and notes their pictures for removal. What `event`
    /// says of their number goes into the trail. Gives the pictures' objects; pages that a consent came of are
    /// never among them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn clear_refused_scans(
        &self,
        before: Timestamp,
        now: Timestamp,
        event: impl Fn(u64) -> Event + Send,
    ) -> Result<Vec<String>, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(super::scans::TURN).await?;
        let rows = query("SELECT id, object FROM scans WHERE state = 'refused' AND decided_at <= $1 AND enrolment IS NULL ORDER BY decided_at, id LIMIT $2")
            .bind(before)
            .bind(STRETCH)
            .fetch_all(&mut tx)
            .await?;
        let mut objects = Vec::with_capacity(rows.len());
        for row in &rows {
            let (id, object): (String, String) = (row.get("id")?, row.get("object")?);
            query("INSERT INTO scan_objects (object, at) VALUES ($1, $2) ON CONFLICT (object) DO UPDATE SET at = excluded.at")
                .bind(&object)
                .bind(now)
                .execute(&mut tx)
                .await?;
            query("DELETE FROM scans WHERE id = $1")
                .bind(&id)
                .execute(&mut tx)
                .await?;
            objects.push(object);
        }
        if !objects.is_empty() {
            append(&mut tx, &event(objects.len() as u64)).await?;
            tx.commit().await?;
        }
        Ok(objects)
    }
}
