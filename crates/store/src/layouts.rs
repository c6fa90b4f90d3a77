//! Layouts: each version is kept whole and unchanged; which one counts is appended. A run keeps the one that
//! counted when it was released, so a new one never shows in the middle of a run.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use kvit_billing::{LayoutBaseNo, LayoutNo, RunId, RunLayout};
use serde_json::json;

use crate::{
    Beside, ChooseLayout, Event, LayoutChoice, LayoutChosen, LayoutFile, LayoutFiles, LayoutInUse,
    LayoutRecord, NewLayout, Relaid, RelayRun, Store, StoreError, StoredLayout,
    audit::append,
    engine::{Row, Target, Tx},
    reconcile::same_person,
    rows::{corrupt, hash, json as json_column, optional_small, small, text, time, unsigned},
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
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let (base, beneath) = keep_base(&mut tx, &new.base).await?;
        let sha256 = hash_of(&new.files, Some(&beneath));
        let known = query("SELECT no FROM layouts WHERE sha256 = $1")
            .bind(&sha256)
            .fetch_optional(&mut tx)
            .await?;
        if let Some(known) = known {
            return Ok((LayoutNo(small(&known, "no")?), false));
        }
        let row = query("INSERT INTO layouts (no, name, sha256, report, brought_by, brought_at, base) SELECT COALESCE(MAX(no), 0) + 1, $1, $2, $3, $4, $5, $6 FROM layouts RETURNING no")
            .bind(&new.name)
            .bind(&sha256)
            .bind(&new.report)
            .bind(&new.by)
            .bind(new.at)
            .bind(base)
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
        let row = query("SELECT released_by, COALESCE(layout, 0) AS layout, layout_base FROM runs WHERE id = $1 AND state = 'released'")
            .bind(&word.run)
            .for_update()
            .fetch_optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(Relaid::NotReleased);
        };
        let (before, layout) = (LayoutNo(small(&row, "layout")?), current(&mut tx).await?);
        if layout != word.seen {
            return Ok(Relaid::Outdated);
        }
        let base = base_of_run(&mut tx, layout, &word.base).await?;
        let base_before = optional_small(&row, "layout_base")?.map(LayoutBaseNo);
        if (before, base_before) == (layout, base) {
            return Ok(Relaid::Already(layout));
        }
        let released_by: Option<String> = row.get("released_by")?;
        if released_by.is_none_or(|by| same_person(&by, &word.by)) {
            return Ok(Relaid::SamePerson);
        }
        query("UPDATE runs SET layout = $2, layout_base = $3 WHERE id = $1")
            .bind(&word.run)
            .bind(layout)
            .bind(base)
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

    /// The files that a version has of its own, held against the hash of what was brought; none of the layout that
    /// comes with Kvit, and nothing where there is no such version.
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
        let beneath = match record.base {
            Some(base) => Some(self.layout_base_hash(base).await?),
            None => None,
        };
        if hash_of(&files, beneath.as_ref()) != record.sha256 {
            return Err(corrupt("layout", no));
        }
        Ok(Some(files))
    }

    /// Everything that a layout is made of, as it was when the version was brought, or the run with the layout that
    /// comes with Kvit was released.
    ///
    /// # Errors
    /// Where the database fails, or the files are not what they were.
    pub async fn whole_layout(&self, of: RunLayout) -> Result<Option<StoredLayout>, StoreError> {
        let Some(files) = self.layout_files(of.no).await? else {
            return Ok(None);
        };
        let version = self.layout(of.no).await?;
        let base = match version.map_or(of.base, |version| version.base) {
            Some(base) => Some(self.layout_base(base).await?),
            None => None,
        };
        Ok(Some(StoredLayout { base, files }))
    }

    /// What a set of a program's files is known by: equal files have equal hashes.
    ///
    /// # Errors
    /// Where the database fails, or there is no such set.
    pub async fn layout_base_hash(&self, base: LayoutBaseNo) -> Result<[u8; 32], StoreError> {
        let row = query("SELECT sha256 FROM layout_bases WHERE no = $1")
            .bind(base)
            .fetch_optional(&self.pools)
            .await?;
        let row = row.ok_or_else(|| corrupt("layout base", base.0))?;
        hash(&row, "sha256")
    }

    async fn layout_base(&self, base: LayoutBaseNo) -> Result<LayoutFiles, StoreError> {
        let files = query("SELECT f.name, b.body FROM layout_base_files f JOIN layout_bodies b ON b.sha256 = f.sha256 WHERE f.base = $1")
            .bind(base)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok((row.get("name")?, row.get("body")?)))
            .collect::<Result<LayoutFiles, StoreError>>()?;
        if layout_hash(&files) != self.layout_base_hash(base).await? {
            return Err(corrupt("layout base", base.0));
        }
        Ok(files)
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
        base: optional_small(row, "base")?.map(LayoutBaseNo),
        report: json_column(row, "report")?.unwrap_or_default(),
        brought_by: row.get("brought_by")?,
        brought_at: time(row, "brought_at")?,
    })
}

/// What a run that is released now has beneath [`LayoutNo::BUILTIN`]; a version knows its own.
pub(crate) async fn base_of_run(
    tx: &mut Tx,
    layout: LayoutNo,
    files: &LayoutFiles,
) -> Result<Option<LayoutBaseNo>, StoreError> {
    match layout {
        LayoutNo::BUILTIN => Ok(Some(keep_base(tx, files).await?.0)),
        _ => Ok(None),
    }
}

/// Keeps a program's files, each body once whatever sets it is in; the set's number, and its hash. In the turn of
/// layouts.
async fn keep_base(
    tx: &mut Tx,
    files: &LayoutFiles,
) -> Result<(LayoutBaseNo, [u8; 32]), StoreError> {
    let sha256 = layout_hash(files);
    let known = query("SELECT no FROM layout_bases WHERE sha256 = $1")
        .bind(&sha256)
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(known) = known {
        return Ok((LayoutBaseNo(small(&known, "no")?), sha256));
    }
    let row = query("INSERT INTO layout_bases (no, sha256) SELECT COALESCE(MAX(no), 0) + 1, $1 FROM layout_bases RETURNING no")
        .bind(&sha256)
        .fetch_one(&mut *tx)
        .await?;
    let base = LayoutBaseNo(small(&row, "no")?);
    for (name, body) in files {
        let of_body = sum(&[body]);
        query("INSERT INTO layout_bodies (sha256, body) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING")
            .bind(&of_body)
            .bind(body.clone())
            .execute(&mut *tx)
            .await?;
        query("INSERT INTO layout_base_files (base, name, sha256) VALUES ($1, $2, $3)")
            .bind(base)
            .bind(name)
            .bind(&of_body)
            .execute(&mut *tx)
            .await?;
    }
    Ok((base, sha256))
}

/// SHA-256 over each name and its bytes, in the order of names, each with its length before it.
#[must_use]
pub fn layout_hash(files: &LayoutFiles) -> [u8; 32] {
    hash_of(files, None)
}

/// The same, and over the hash of the files beneath.
fn hash_of(files: &LayoutFiles, beneath: Option<&[u8; 32]>) -> [u8; 32] {
    let parts = files
        .iter()
        .flat_map(|(name, body)| [name.as_bytes(), body]);
    let parts: Vec<_> = parts.chain(beneath.map(|hash| &hash[..])).collect();
    let lengths: Vec<_> = parts
        .iter()
        .map(|part| (part.len() as u64).to_be_bytes())
        .collect();
    let all = lengths.iter().zip(&parts);
    sum(&all
        .flat_map(|(length, part)| [&length[..], part])
        .collect::<Vec<_>>())
}

fn sum(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
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
