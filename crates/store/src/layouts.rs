//! Layouts: each version is kept whole and unchanged; which one counts is appended. A run keeps the one that
//! counted when it was released, so a new one never shows in the middle of a run.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use kvit_billing::{LayoutNo, RunId};
use serde_json::json;

use crate::{
    Beside, ChooseLayout, Event, LayoutChoice, LayoutChosen, LayoutFile, LayoutFiles, LayoutInUse,
    LayoutRecord, NewLayout, Relaid, RelayRun, Store, StoreError,
    audit::append,
    engine::{Row, Target, Tx},
    reconcile::same_person,
    rows::{corrupt, hash, json as json_column, small, text, time, unsigned},
    sql::query,
};

/// Versions are numbered, and chosen, one at a time.
const TURN: &str = "layouts";

impl Store {
    /// Keeps a version; says its number, and whether it is new: the same files are one version, however often
    /// they are brought.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bring_layout(&self, new: &NewLayout) -> Result<(LayoutNo, bool), StoreError> {
        let sha256 = hash_of(&new.files);
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let known = query("SELECT no FROM layouts WHERE sha256 = $1")
            .bind(&sha256)
            .fetch_optional(&mut tx)
            .await?;
        if let Some(known) = known {
            return Ok((LayoutNo(small(&known, "no")?), false));
        }
        let row = query("INSERT INTO layouts (no, name, sha256, report, brought_by, brought_at) SELECT COALESCE(MAX(no), 0) + 1, $1, $2, $3, $4, $5 FROM layouts RETURNING no")
            .bind(&new.name)
            .bind(&sha256)
            .bind(&new.report)
            .bind(&new.by)
            .bind(new.at)
            .fetch_one(&mut tx)
            .await?;
        let no = LayoutNo(small(&row, "no")?);
        for (name, body) in &new.files {
            query("INSERT INTO layout_files (layout, name, body) VALUES ($1, $2, $3)")
                .bind(no)
                .bind(name)
                .bind(body.clone())
                .execute(&mut tx)
                .await?;
        }
        let detail = json!({ "as": new.by, "file": new.name });
        append(
            &mut tx,
            &told("layout.brought", no, &new.who, new.at, detail),
        )
        .await?;
        tx.commit().await?;
        Ok((no, true))
    }

    /// Makes a version count for the runs that are released from now on. The one that counted directly before,
    /// and the one that comes with Kvit, are taken back by anybody who may; any other needs a second person.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn choose_layout(&self, word: &ChooseLayout) -> Result<LayoutChosen, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let current = current(&mut tx).await?;
        if current == word.layout {
            return Ok(LayoutChosen::Already);
        }
        if current != word.seen {
            return Ok(LayoutChosen::Outdated);
        }
        if word.layout != LayoutNo::BUILTIN {
            let row = query("SELECT brought_by FROM layouts WHERE no = $1")
                .bind(word.layout)
                .fetch_optional(&mut tx)
                .await?;
            let Some(row) = row else {
                return Ok(LayoutChosen::Unknown);
            };
            let brought_by: String = row.get("brought_by")?;
            let is_back = before(&mut tx).await? == word.layout;
            if !is_back && same_person(&brought_by, &word.by) {
                return Ok(LayoutChosen::SamePerson);
            }
        }
        query("INSERT INTO layout_choices (seq, layout, chosen_by, chosen_at) SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3 FROM layout_choices")
            .bind(word.layout)
            .bind(&word.by)
            .bind(word.at)
            .execute(&mut tx)
            .await?;
        let detail = json!({ "as": word.by, "before": current.0 });
        append(
            &mut tx,
            &told("layout.chosen", word.layout, &word.who, word.at, detail),
        )
        .await?;
        tx.commit().await?;
        Ok(LayoutChosen::Done)
    }

    /// Has the bills of a released run that are not issued yet made in the layout that counts now, by another
    /// person than who released it: for a run whose own layout fails on one of its bills. Chunks that are in hand
    /// are kept as they were claimed.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn relay_run(&self, word: &RelayRun) -> Result<Relaid, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx).await?;
        let row = query("SELECT released_by, COALESCE(layout, 0) AS layout FROM runs WHERE id = $1 AND state = 'released'")
            .bind(&word.run)
            .for_update()
            .fetch_optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(Relaid::NotReleased);
        };
        let (before, layout) = (LayoutNo(small(&row, "layout")?), current(&mut tx).await?);
        if before == layout {
            return Ok(Relaid::Already(layout));
        }
        let released_by: Option<String> = row.get("released_by")?;
        if released_by.is_none_or(|by| same_person(&by, &word.by)) {
            return Ok(Relaid::SamePerson);
        }
        query("UPDATE runs SET layout = $2 WHERE id = $1")
            .bind(&word.run)
            .bind(layout)
            .execute(&mut tx)
            .await?;
        let told = Event {
            at: word.at,
            who: word.who.clone(),
            what: "run.relaid".to_owned(),
            subject: format!("run/{}", word.run),
            detail: json!({ "as": word.by, "before": before.0, "layout": layout.0 }),
        };
        append(&mut tx, &told).await?;
        tx.commit().await?;
        Ok(Relaid::Done { before, layout })
    }

    /// The layout that a run gets which is released now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn current_layout(&self) -> Result<LayoutNo, StoreError> {
        current(&self.pools).await
    }

    /// The one that counted directly before it: one person may go back to it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn layout_before(&self) -> Result<LayoutNo, StoreError> {
        before(&self.pools).await
    }

    /// Every version that counts or once did; the one that comes with Kvit is there only where it was chosen.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn layouts_that_counted(&self) -> Result<BTreeSet<LayoutNo>, StoreError> {
        query("SELECT DISTINCT layout FROM layout_choices")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok(LayoutNo(small(row, "layout")?)))
            .collect()
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn layouts(&self) -> Result<Vec<LayoutRecord>, StoreError> {
        query("SELECT * FROM layouts ORDER BY no DESC")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(record)
            .collect()
    }

    /// One version.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn layout(&self, no: LayoutNo) -> Result<Option<LayoutRecord>, StoreError> {
        let row = query("SELECT * FROM layouts WHERE no = $1")
            .bind(no)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// The files of a version, held against the hash of what was brought; none of the layout that comes with
    /// Kvit, and nothing where there is no such version.
    ///
    /// # Errors
    /// Where the database fails, or the files are not what they were.
    pub async fn layout_files(&self, no: LayoutNo) -> Result<Option<LayoutFiles>, StoreError> {
        if no == LayoutNo::BUILTIN {
            return Ok(Some(BTreeMap::new()));
        }
        let Some(record) = self.layout(no).await? else {
            return Ok(None);
        };
        let files = query("SELECT name, body FROM layout_files WHERE layout = $1")
            .bind(no)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok((row.get("name")?, row.get("body")?)))
            .collect::<Result<LayoutFiles, StoreError>>()?;
        if hash_of(&files) != record.sha256 {
            return Err(corrupt("layout", no));
        }
        Ok(Some(files))
    }

    /// The files of a version beside those of another one, by name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn layout_files_beside(
        &self,
        no: LayoutNo,
        other: LayoutNo,
    ) -> Result<Vec<LayoutFile>, StoreError> {
        let mut files = query("SELECT a.name, CAST(LENGTH(a.body) AS BIGINT) AS bytes, CASE WHEN b.name IS NULL THEN 'new' WHEN a.body = b.body THEN 'same' ELSE 'changed' END AS beside FROM layout_files a LEFT JOIN layout_files b ON b.layout = $2 AND b.name = a.name WHERE a.layout = $1 UNION ALL SELECT b.name, CAST(LENGTH(b.body) AS BIGINT) AS bytes, 'gone' AS beside FROM layout_files b WHERE b.layout = $2 AND NOT EXISTS (SELECT 1 FROM layout_files a WHERE a.layout = $1 AND a.name = b.name)")
            .bind(no)
            .bind(other)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                let beside: String = row.get("beside")?;
                Ok(LayoutFile {
                    name: row.get("name")?,
                    bytes: unsigned(row, "bytes")?,
                    beside: match beside.as_str() {
                        "same" => Beside::Same,
                        "changed" => Beside::Changed,
                        "new" => Beside::New,
                        _ => Beside::Gone,
                    },
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        // As `LayoutFiles` has them, whatever the database takes for the order of letters.
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Which version counted since when, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn layout_choices(&self, limit: u32) -> Result<Vec<LayoutChoice>, StoreError> {
        query("SELECT layout, chosen_by, chosen_at FROM layout_choices ORDER BY seq DESC LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(LayoutChoice {
                    layout: LayoutNo(small(row, "layout")?),
                    by: row.get("chosen_by")?,
                    at: time(row, "chosen_at")?,
                })
            })
            .collect()
    }

    /// The runs that are being issued, each with the layout that it keeps.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn layouts_in_use(&self) -> Result<Vec<LayoutInUse>, StoreError> {
        query("SELECT id, COALESCE(layout, 0) AS layout FROM runs WHERE state = 'released' ORDER BY issued_at, id")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(LayoutInUse {
                    run: text::<RunId>(row, "id")?,
                    layout: LayoutNo(small(row, "layout")?),
                })
            })
            .collect()
    }
}

/// The layout that counts now.
pub(crate) async fn current(on: impl Target) -> Result<LayoutNo, StoreError> {
    let row = query("SELECT layout FROM layout_choices ORDER BY seq DESC LIMIT 1")
        .fetch_optional(on)
        .await?;
    Ok(match row {
        Some(row) => LayoutNo(small(&row, "layout")?),
        None => LayoutNo::BUILTIN,
    })
}

/// The layout that counted directly before it.
async fn before(on: impl Target) -> Result<LayoutNo, StoreError> {
    let row = query("SELECT layout FROM layout_choices ORDER BY seq DESC LIMIT 1 OFFSET 1")
        .fetch_optional(on)
        .await?;
    Ok(match row {
        Some(row) => LayoutNo(small(&row, "layout")?),
        None => LayoutNo::BUILTIN,
    })
}

/// Holds the turn in which layouts are chosen, so that a run gets the one that counts at its release.
pub(crate) async fn turn(tx: &mut Tx) -> Result<(), StoreError> {
    Ok(tx.turn(TURN).await?)
}

fn record(row: &Row) -> Result<LayoutRecord, StoreError> {
    Ok(LayoutRecord {
        no: LayoutNo(small(row, "no")?),
        name: row.get("name")?,
        sha256: hash(row, "sha256")?,
        report: json_column(row, "report")?.unwrap_or_default(),
        brought_by: row.get("brought_by")?,
        brought_at: time(row, "brought_at")?,
    })
}

/// SHA-256 over each name and its bytes, in the order of names, each with its length before it.
fn hash_of(files: &LayoutFiles) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for (name, body) in files {
        for part in [name.as_bytes(), body] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
    }
    let mut sum = [0; 32];
    sum.copy_from_slice(context.finish().as_ref());
    sum
}

fn told(
    what: &str,
    layout: LayoutNo,
    who: &str,
    at: Timestamp,
    detail: serde_json::Value,
) -> Event {
    Event {
        at,
        who: who.to_owned(),
        what: what.to_owned(),
        subject: format!("layout/{layout}"),
        detail,
    }
}
