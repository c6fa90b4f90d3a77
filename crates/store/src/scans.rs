//! Scanned paper declarations. A page's picture is durable in the archive before its row names it; a page is in
//! one hand at a time, for as long as its lease runs; and what is decided is decided by the hand and for the state that
//! the decider saw.

use jiff::Timestamp;
use kvit_billing::{CustomerNumber, StaffLogin};

use crate::{
    Event, NewEnrolment, NewScan, ScanCounts, ScanHand, ScanRecord, ScanState, ScanUndo, ScanWord,
    Store, StoreError, WantedScan, Written,
    audit::append,
    desk,
    engine::{Row, Tx},
    enrolments,
    rows::{corrupt, hash, optional, optional_time, small, text, time, unsigned},
    sql::query,
    webhooks,
};

/// Who decides about pages takes turns: there are few of them, and each decision is short.
pub(crate) const TURN: &str = "scans";
/// So many waiting pages are counted: nobody needs to know whether more are 20,000 or 30,000, each time one is decided.
pub const SCANS_COUNTED_MAX: u64 = 10_000;
/// A page with its file's name.
const SELECT: &str =
    "SELECT s.*, f.name AS file_name FROM scans s JOIN scan_files f ON f.id = s.file";

impl Store {
    /// A page waits for a decision from now on; `false` where it is known already, whatever file it came in.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn keep_scan(&self, new: &NewScan) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let kept = query("INSERT INTO scans (id, file, page, at, object, bytes, sha256, code, account, read_account, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 'waiting') ON CONFLICT DO NOTHING")
            .bind(&new.id)
            .bind(&new.file)
            .bind(new.page)
            .bind(new.at)
            .bind(&new.object)
            .bind(new.bytes)
            .bind(&new.sha256)
            .bind(new.code.as_ref().map(ToString::to_string))
            .bind(new.account.as_ref().map(ToString::to_string))
            .execute(&mut tx)
            .await?;
        // Its picture has a name in a row from now on; that of a page that is known is left to be cleared away.
        if kept == 1 {
            query("DELETE FROM scan_objects WHERE object = $1")
                .bind(&new.object)
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        Ok(kept == 1)
    }

    /// How many pages wait, and how many are put aside; beyond [`SCANS_COUNTED_MAX`], one more than that.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn scan_counts(&self) -> Result<ScanCounts, StoreError> {
        // The states stand in the text: only so are the indexes of these few rows used.
        let row = query("SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM scans WHERE state = 'waiting' LIMIT $1) w) AS waiting, (SELECT COUNT(*) FROM (SELECT 1 FROM scans WHERE state = 'aside' LIMIT $1) a) AS aside")
            .bind(SCANS_COUNTED_MAX + 1)
            .fetch_one(&self.pools)
            .await?;
        Ok(ScanCounts {
            waiting: unsigned(&row, "waiting")?,
            aside: unsigned(&row, "aside")?,
        })
    }

    /// One page.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn scan(&self, id: &str) -> Result<Option<ScanRecord>, StoreError> {
        let row = query(format!("{SELECT} WHERE s.id = $1"))
            .bind(id)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// Pages in a state, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn scans_in(
        &self,
        state: ScanState,
        limit: u32,
    ) -> Result<Vec<ScanRecord>, StoreError> {
        query(format!(
            "{SELECT} WHERE s.state = '{}' ORDER BY s.at, s.id LIMIT $1",
            state.as_str()
        ))
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// The pages with a customer's number, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn scans_of(
        &self,
        account: &CustomerNumber,
        limit: u32,
    ) -> Result<Vec<ScanRecord>, StoreError> {
        query(format!(
            "{SELECT} WHERE s.account = $1 ORDER BY s.at DESC, s.id LIMIT $2"
        ))
        .bind(account)
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// What a member of staff decided last, if nobody has changed it since.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn last_scan_of(&self, login: &StaffLogin) -> Result<Option<ScanRecord>, StoreError> {
        let row = query(format!(
            "{SELECT} WHERE s.decided_by = $1 ORDER BY s.decided_at DESC LIMIT 1"
        ))
        .bind(login)
        .fetch_optional(&self.pools)
        .await?;
        row.as_ref().map(record).transpose()
    }

    /// Gives a page into the hand of a member of staff until `until`; `None` where there is none, somebody else
    /// has it in hand, or it is decided.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn hold_scan(
        &self,
        login: &StaffLogin,
        wanted: WantedScan<'_>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ScanRecord>, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let row = match wanted {
            WantedScan::Next => next(&mut tx, login, now).await?,
            WantedScan::This(id) => {
                query(format!("{SELECT} WHERE s.id = $3 AND s.state IN ('waiting', 'aside') AND (s.holder IS NULL OR s.holder = $1 OR s.held_until <= $2)"))
                    .bind(login)
                    .bind(now)
                    .bind(id)
                    .fetch_optional(&mut tx)
                    .await?
            }
        };
        let Some(row) = row else {
            return Ok(None);
        };
        let mut found = record(&row)?;
        let mine = found
            .holder
            .as_ref()
            .is_some_and(|(holder, _)| holder == login);
        if !mine {
            found.version += 1;
        }
        found.holder = Some((login.clone(), until));
        query("UPDATE scans SET holder = $2, held_until = $3, version = $4 WHERE id = $1")
            .bind(&found.scan.id)
            .bind(login)
            .bind(until)
            .bind(found.version)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Some(found))
    }

    /// Keeps the consent that a page is the evidence of, as [`Store::enrol_at`] does, if the page is in this hand and
    /// the customer's consents are still in `version`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn confirm_scan(
        &self,
        hand: ScanHand<'_>,
        new: &NewEnrolment,
        version: u64,
        event: &Event,
    ) -> Result<Written, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        if !in_hand(&mut tx, hand).await? {
            return Ok(Written::Outdated);
        }
        enrolments::turn(&mut tx, &new.account).await?;
        if desk::version(&mut tx, &new.account).await? != version {
            return Ok(Written::Outdated);
        }
        enrolments::write(&mut tx, new).await?;
        query("UPDATE scans SET state = 'confirmed', account = $2, enrolment = $3, decided_by = $4, decided_at = $5, reason = NULL, holder = NULL, held_until = NULL, version = version + 1 WHERE id = $1")
            .bind(hand.id)
            .bind(&new.account)
            .bind(&new.id)
            .bind(hand.login)
            .bind(event.at)
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(Written::Done)
    }

    /// Refuses a page, or puts it aside, if it is in this hand.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn decide_scan(
        &self,
        hand: ScanHand<'_>,
        word: ScanWord<'_>,
        event: &Event,
    ) -> Result<Written, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        if !in_hand(&mut tx, hand).await? {
            return Ok(Written::Outdated);
        }
        let (state, reason) = match word {
            ScanWord::Refused(reason) => (ScanState::Refused, reason),
            ScanWord::Aside(reason) => (ScanState::Aside, reason),
        };
        query("UPDATE scans SET state = $2, reason = $3, decided_by = $4, decided_at = $5, holder = NULL, held_until = NULL, version = version + 1 WHERE id = $1")
            .bind(hand.id)
            .bind(state.as_str())
            .bind(reason)
            .bind(hand.login)
            .bind(event.at)
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(Written::Done)
    }

    /// Takes back what a member of staff decided about a page: it waits again, in their hand until `until`, as the page of
    /// whom was read off it. A
    /// consent ends with it, as long as its address is not proven.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn undo_scan(
        &self,
        hand: ScanHand<'_>,
        until: Timestamp,
        event: &Event,
    ) -> Result<ScanUndo, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let row = query(format!(
            "{SELECT} WHERE s.id = $1 AND s.decided_by = $2 AND s.version = $3"
        ))
        .bind(hand.id)
        .bind(hand.login)
        .bind(hand.version)
        .fetch_optional(&mut tx)
        .await?;
        let Some(found) = row.as_ref().map(record).transpose()? else {
            return Ok(ScanUndo::Outdated);
        };
        if let (ScanState::Confirmed, Some(id), Some(account)) =
            (found.state, &found.enrolment, &found.scan.account)
        {
            enrolments::turn(&mut tx, account).await?;
            // The mail that asks for the proof is withdrawn with it, if it has not gone yet.
            let ended = query("UPDATE enrolments SET ended_at = $2, ended_reason = $4, ended_evidence = $3 WHERE id = $1 AND ended_at IS NULL AND proven_at IS NULL")
                .bind(id)
                .bind(event.at)
                .bind(&serde_json::json!({ "by": "paper", "agent": hand.login.as_str() }))
                .bind(enrolments::TAKEN_BACK)
                .execute(&mut tx)
                .await?;
            if ended == 0 {
                return Ok(ScanUndo::TooLate);
            }
            webhooks::enrolment_changed(&mut tx, account, (id, "ended"), event.at).await?;
        }
        query("UPDATE scans SET state = 'waiting', account = read_account, reason = NULL, enrolment = NULL, decided_by = NULL, decided_at = NULL, holder = $2, held_until = $3, version = version + 1 WHERE id = $1")
            .bind(hand.id)
            .bind(hand.login)
            .bind(until)
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(ScanUndo::Done)
    }
}

/// The page that is in this hand, or the oldest that is in none. The states stand in the text, and the two are asked for by
/// themselves: so each is the first entry of an index, but for those that colleagues have in hand, however many wait.
async fn next(tx: &mut Tx, login: &StaffLogin, now: Timestamp) -> Result<Option<Row>, StoreError> {
    let own = query(format!("{SELECT} WHERE s.holder = $1 AND s.state = 'waiting' AND s.held_until > $2 ORDER BY s.at, s.id LIMIT 1"))
        .bind(login)
        .bind(now)
        .fetch_optional(&mut *tx)
        .await?;
    if own.is_some() {
        return Ok(own);
    }
    let free = query(format!("{SELECT} WHERE s.state = 'waiting' AND (s.holder IS NULL OR s.held_until <= $1) ORDER BY s.at, s.id LIMIT 1"))
        .bind(now)
        .fetch_optional(tx)
        .await?;
    Ok(free)
}

/// Whether a page still waits in this hand, as its holder saw it. A lease that ran out does no harm as long as nobody
/// else took the page: that would have changed its version.
async fn in_hand(tx: &mut Tx, hand: ScanHand<'_>) -> Result<bool, StoreError> {
    let row = query("SELECT id FROM scans WHERE id = $1 AND holder = $2 AND version = $3 AND state IN ('waiting', 'aside')")
        .bind(hand.id)
        .bind(hand.login)
        .bind(hand.version)
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

fn record(row: &Row) -> Result<ScanRecord, StoreError> {
    let state: String = row.get("state")?;
    let both = |who: &'static str, when: &'static str| {
        let who: Option<StaffLogin> = optional(row, who)?;
        Ok::<_, StoreError>(who.zip(optional_time(row, when)?))
    };
    Ok(ScanRecord {
        scan: NewScan {
            id: row.get("id")?,
            file: text(row, "file")?,
            page: small(row, "page")?,
            at: time(row, "at")?,
            object: row.get("object")?,
            bytes: unsigned(row, "bytes")?,
            sha256: hash(row, "sha256")?,
            code: optional(row, "code")?,
            account: optional(row, "account")?,
        },
        file_name: row.get("file_name")?,
        state: ScanState::parse(&state).ok_or_else(|| corrupt("state", state))?,
        version: unsigned(row, "version")?,
        holder: both("holder", "held_until")?,
        decided: both("decided_by", "decided_at")?,
        reason: row.get("reason")?,
        enrolment: optional(row, "enrolment")?,
    })
}
