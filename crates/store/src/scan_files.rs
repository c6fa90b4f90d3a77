//! Files of scans: uploaded ones wait in the archive until a worker has read them, one that is read where it lies is only
//! written down. A claim's number decides, as with chunks: who was taken for dead changes nothing.

use jiff::Timestamp;
use kvit_billing::EntryId;

use crate::{
    Event, NewScanFile, ScanComing, ScanFileRecord, ScanJob, ScanReport, Store, StoreError,
    audit::append,
    engine::Row,
    rows::{corrupt, hash, json, optional_time, text, time, unsigned},
    sql::query,
};

/// Who takes a file takes turns: a file is read by one.
const TURN: &str = "scan files";

impl Store {
    /// Writes down a file of scans that is about to be read, or that waits in the archive to be.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn begin_scan_file(
        &self,
        new: &NewScanFile,
        coming: ScanComing<'_>,
        event: &Event,
    ) -> Result<(), StoreError> {
        let (stored, until) = match coming {
            ScanComing::Stored { object, bytes } => (Some((object, bytes)), None),
            ScanComing::ReadHere { until } => (None, Some(until)),
        };
        let mut tx = self.begin().await?;
        let added = query("INSERT INTO scan_files (id, name, sha256, imported_by, at, object, bytes, claim, lease_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING")
            .bind(&new.id)
            .bind(&new.name)
            .bind(&new.sha256)
            .bind(&new.by)
            .bind(new.at)
            .bind(stored.map(|(object, _)| object.to_owned()))
            .bind(stored.map(|(_, bytes)| bytes))
            .bind(u64::from(until.is_some()))
            .bind(until)
            .execute(&mut tx)
            .await?;
        if added == 1 {
            append(&mut tx, event).await?;
        }
        if let Some((object, _)) = stored {
            query("DELETE FROM scan_objects WHERE object = $1")
                .bind(object)
                .execute(&mut tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// How many uploaded files wait to be read, or are being read.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn scan_files_waiting(&self) -> Result<u64, StoreError> {
        let row = query("SELECT COUNT(*) AS files FROM scan_files WHERE object IS NOT NULL AND finished_at IS NULL")
            .fetch_one(&self.pools)
            .await?;
        unsigned(&row, "files")
    }

    /// The oldest uploaded file that nobody reads, for this worker until `until`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_scan_file(
        &self,
        worker: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ScanJob>, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let row = query("SELECT * FROM scan_files WHERE object IS NOT NULL AND finished_at IS NULL AND (lease_until IS NULL OR lease_until <= $1) ORDER BY at, id LIMIT 1")
            .bind(now)
            .fetch_optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let job = ScanJob {
            file: file(&row)?,
            object: row.get("object")?,
            bytes: unsigned(&row, "bytes")?,
            claim: unsigned(&row, "claim")? + 1,
            tries: unsigned(&row, "tries")? + 1,
        };
        query("UPDATE scan_files SET worker = $2, lease_until = $3, claim = $4, tries = $5 WHERE id = $1")
            .bind(&job.file.id)
            .bind(worker)
            .bind(until)
            .bind(job.claim)
            .bind(job.tries)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Some(job))
    }

    /// Reading goes on until `until`; `false` where another claim has the file, or it is read or given back.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn prolong_scan_file(
        &self,
        id: &EntryId,
        claim: u64,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let prolonged = query("UPDATE scan_files SET lease_until = $3 WHERE id = $1 AND claim = $2 AND finished_at IS NULL AND (object IS NULL OR worker IS NOT NULL)")
            .bind(id)
            .bind(claim)
            .bind(until)
            .execute(&self.pools)
            .await?;
        Ok(prolonged == 1)
    }

    /// All pages of a file were read: what is left of it in the archive is named in [`Store::loose_scan_objects`] from now on.
    /// `false` where another claim has the file, or it is read.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finish_scan_file(
        &self,
        id: &EntryId,
        claim: u64,
        report: &ScanReport,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let report = serde_json::to_value(report).map_err(|e| StoreError::Encode(e.into()))?;
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        query("INSERT INTO scan_objects (object, at) SELECT object, $3 FROM scan_files WHERE id = $1 AND claim = $2 AND finished_at IS NULL AND object IS NOT NULL")
            .bind(id)
            .bind(claim)
            .bind(now)
            .execute(&mut tx)
            .await?;
        let finished = query("UPDATE scan_files SET finished_at = $3, report = $4, object = NULL, worker = NULL, lease_until = NULL WHERE id = $1 AND claim = $2 AND finished_at IS NULL")
            .bind(id)
            .bind(claim)
            .bind(now)
            .bind(&report)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(finished == 1)
    }

    /// This claim did not read the file to its end because something else failed, or it was to stop: it is no try, and another claim may take the file
    /// from `again` on, the ones behind it first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn give_back_scan_file(
        &self,
        id: &EntryId,
        claim: u64,
        again: Timestamp,
    ) -> Result<(), StoreError> {
        query("UPDATE scan_files SET worker = NULL, lease_until = $3, tries = tries - 1 WHERE id = $1 AND claim = $2 AND finished_at IS NULL AND tries > 0")
            .bind(id)
            .bind(claim)
            .bind(again)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// The file cannot be read and stays in the archive, until [`Store::retry_scan_file`] or [`Store::remove_scan_file`].
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn give_up_scan_file(
        &self,
        id: &EntryId,
        claim: u64,
        report: &ScanReport,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let report = serde_json::to_value(report).map_err(|e| StoreError::Encode(e.into()))?;
        query("UPDATE scan_files SET finished_at = $3, report = $4, worker = NULL, lease_until = NULL WHERE id = $1 AND claim = $2 AND finished_at IS NULL")
            .bind(id)
            .bind(claim)
            .bind(now)
            .bind(&report)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// A file that was given up waits again, as if it had just come; `false` where none of that name was.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn retry_scan_file(&self, id: &EntryId, event: &Event) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let waits = query("UPDATE scan_files SET finished_at = NULL, report = NULL, tries = 0 WHERE id = $1 AND finished_at IS NOT NULL AND object IS NOT NULL")
            .bind(id)
            .execute(&mut tx)
            .await?;
        if waits == 1 {
            append(&mut tx, event).await?;
        }
        tx.commit().await?;
        Ok(waits == 1)
    }

    /// Lets a file go that was given up; `report` is told of it from now on. What lies in the archive is named in
    /// [`Store::loose_scan_objects`] at once. Pages that were read from it stay, as does what consents came of. `false` where
    /// none of that name was given up.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn remove_scan_file(
        &self,
        id: &EntryId,
        report: &ScanReport,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let report = serde_json::to_value(report).map_err(|e| StoreError::Encode(e.into()))?;
        let mut tx = self.begin().await?;
        let row = query("SELECT object FROM scan_files WHERE id = $1 AND finished_at IS NOT NULL AND object IS NOT NULL")
            .bind(id)
            .for_update()
            .fetch_optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        // Noted as of long ago: nobody will name it any more.
        query("INSERT INTO scan_objects (object, at) VALUES ($1, 0) ON CONFLICT (object) DO UPDATE SET at = excluded.at")
            .bind(row.get::<String>("object")?)
            .execute(&mut tx)
            .await?;
        query("UPDATE scan_files SET object = NULL, report = $2 WHERE id = $1")
            .bind(id)
            .bind(&report)
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The latest files of scans, newest first, behind those that were given up: each of them waits for somebody.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn scan_files(&self, limit: u32) -> Result<Vec<ScanFileRecord>, StoreError> {
        query("SELECT * FROM scan_files ORDER BY CASE WHEN finished_at IS NOT NULL AND object IS NOT NULL THEN 0 ELSE 1 END, at DESC, id LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(record)
            .collect()
    }

    /// One file of scans.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn scan_file(&self, id: &EntryId) -> Result<Option<ScanFileRecord>, StoreError> {
        let row = query("SELECT * FROM scan_files WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(record).transpose()
    }
}

fn record(row: &Row) -> Result<ScanFileRecord, StoreError> {
    let report = json(row, "report")?;
    let report = report.map(serde_json::from_value).transpose();
    let object: Option<String> = row.get("object")?;
    let worker: Option<String> = row.get("worker")?;
    // What was given back is in nobody's hand until its time.
    let in_hand = object.is_none() || worker.is_some();
    let until = optional_time(row, "lease_until")?;
    Ok(ScanFileRecord {
        file: file(row)?,
        stored: object.is_some(),
        read_until: until.filter(|_| in_hand),
        finished_at: optional_time(row, "finished_at")?,
        report: report.map_err(|_| corrupt("report", ""))?,
    })
}

fn file(row: &Row) -> Result<NewScanFile, StoreError> {
    Ok(NewScanFile {
        id: text(row, "id")?,
        name: row.get("name")?,
        sha256: hash(row, "sha256")?,
        by: row.get("imported_by")?,
        at: time(row, "at")?,
    })
}
