//! Texts of mails and pages: each version is kept whole and unchanged; which one counts is appended. A version is a
//! second person's word, as a layout is.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use crate::{
    ChooseTexts, Event, NewTexts, Store, StoreError, TextChoice, TextVersion, TextsChosen,
    audit::append,
    engine::{Row, Target},
    reconcile::same_person,
    rows::{corrupt, hash, small, time},
    sql::query,
};

/// Versions are numbered, and chosen, one at a time.
const TURN: &str = "texts";
/// The program's own texts.
const BUILTIN: u32 = 0;

impl Store {
    /// Keeps a version; says its number, and whether it is new: the same texts are one version, however often they
    /// are brought, and no change at all is the program's own, which is always there.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bring_texts(&self, new: &NewTexts) -> Result<(u32, bool), StoreError> {
        if new.texts.is_empty() {
            return Ok((BUILTIN, false));
        }
        let texts = json!(new.texts).to_string();
        let sha256 = sha256(&texts);
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let known = query("SELECT no FROM text_versions WHERE sha256 = $1")
            .bind(&sha256)
            .fetch_optional(&mut tx)
            .await?;
        if let Some(known) = known {
            return Ok((small(&known, "no")?, false));
        }
        let row = query("INSERT INTO text_versions (no, sha256, texts, brought_by, brought_at) SELECT COALESCE(MAX(no), 0) + 1, $1, $2, $3, $4 FROM text_versions RETURNING no")
            .bind(&sha256)
            .bind(texts)
            .bind(&new.by)
            .bind(new.at)
            .fetch_one(&mut tx)
            .await?;
        let no = small(&row, "no")?;
        let told = Event {
            at: new.at,
            who: new.who.clone(),
            what: "texts.brought".to_owned(),
            subject: format!("texts/{no}"),
            detail: json!({ "as": new.by, "changed": new.texts.len() }),
        };
        append(&mut tx, &told).await?;
        tx.commit().await?;
        Ok((no, true))
    }

    /// Makes a version count. The one that counted directly before, and the program's own, are taken back by anybody
    /// who may; any other needs a second person.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn choose_texts(&self, word: &ChooseTexts) -> Result<TextsChosen, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let current = chosen(&mut tx, 0).await?;
        if current == word.version {
            return Ok(TextsChosen::Already);
        }
        if current != word.seen {
            return Ok(TextsChosen::Outdated);
        }
        if word.version != BUILTIN {
            let row = query("SELECT brought_by FROM text_versions WHERE no = $1")
                .bind(word.version)
                .fetch_optional(&mut tx)
                .await?;
            let Some(row) = row else {
                return Ok(TextsChosen::Unknown);
            };
            let brought_by: String = row.get("brought_by")?;
            let is_back = chosen(&mut tx, 1).await? == word.version;
            if !is_back && same_person(&brought_by, &word.by) {
                return Ok(TextsChosen::SamePerson);
            }
        }
        query("INSERT INTO text_choices (seq, version, chosen_by, chosen_at) SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3 FROM text_choices")
            .bind(word.version)
            .bind(&word.by)
            .bind(word.at)
            .execute(&mut tx)
            .await?;
        let told = Event {
            at: word.at,
            who: word.who.clone(),
            what: "texts.chosen".to_owned(),
            subject: format!("texts/{}", word.version),
            detail: json!({ "as": word.by, "before": current }),
        };
        append(&mut tx, &told).await?;
        tx.commit().await?;
        Ok(TextsChosen::Done)
    }

    /// The version that counts; 0 for the program's own texts.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn current_texts(&self) -> Result<u32, StoreError> {
        chosen(&self.pools, 0).await
    }

    /// The one that counted directly before it: one person may go back to it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn texts_before(&self) -> Result<u32, StoreError> {
        chosen(&self.pools, 1).await
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// Where the database fails, or a version is not what it was.
    pub async fn text_versions(&self) -> Result<Vec<TextVersion>, StoreError> {
        query("SELECT * FROM text_versions ORDER BY no DESC")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(version)
            .collect()
    }

    /// One version, held against its hash.
    ///
    /// # Errors
    /// Where the database fails, or the version is not what it was.
    pub async fn text_version(&self, no: u32) -> Result<Option<TextVersion>, StoreError> {
        let row = query("SELECT * FROM text_versions WHERE no = $1")
            .bind(no)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(version).transpose()
    }

    /// Which version counted since when, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn text_choices(&self, limit: u32) -> Result<Vec<TextChoice>, StoreError> {
        query("SELECT version, chosen_by, chosen_at FROM text_choices ORDER BY seq DESC LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(TextChoice {
                    version: small(row, "version")?,
                    by: row.get("chosen_by")?,
                    at: time(row, "chosen_at")?,
                })
            })
            .collect()
    }
}

/// The version that was chosen last, or so many choices before.
async fn chosen(on: impl Target, back: u32) -> Result<u32, StoreError> {
    let row = query("SELECT version FROM text_choices ORDER BY seq DESC LIMIT 1 OFFSET $1")
        .bind(back)
        .fetch_optional(on)
        .await?;
    row.map_or(Ok(BUILTIN), |row| small(&row, "version"))
}

fn version(row: &Row) -> Result<TextVersion, StoreError> {
    let (no, texts) = (small(row, "no")?, text_of(row)?);
    let known = hash(row, "sha256")?;
    let parsed = serde_json::from_str(&texts).ok();
    let parsed = parsed.filter(|_| sha256(&texts) == known);
    Ok(TextVersion {
        no,
        sha256: known,
        texts: parsed.ok_or_else(|| corrupt("texts", no))?,
        brought_by: row.get("brought_by")?,
        brought_at: time(row, "brought_at")?,
    })
}

fn text_of(row: &Row) -> Result<String, StoreError> {
    Ok(row.get("texts")?)
}

fn sha256(text: &str) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    sum
}
