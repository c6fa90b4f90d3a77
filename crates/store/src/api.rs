//! What the API rests on: its tokens, and changes that are made once under the asker's key.
//!
//! The audit trail says whether a change was made: the event stands in the transaction of the fact and
//! names the key. So a death between fact and answer is told from one before the fact, and nothing is
//! stored twice.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{ApiName, code::TokenHash};

use crate::{
    ApiAnswer, ApiBegun, ApiRequest, ApiScope, ApiTokenRecord, ApiTokenView, Event, NewApiToken,
    Store, StoreError, api_subject, api_who,
    audit::{event, told},
    engine::Row,
    rows::{corrupt, optional_time, text, time},
    sql::query,
};

/// Keys are remembered for so many days.
pub const API_KEY_DAYS: i64 = 7;
/// Machines' clocks may differ by so much.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

impl Store {
    /// Adds a token. `false` where there is or was one of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_api_token(
        &self,
        new: &NewApiToken,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let scopes: Vec<_> = new.scopes.iter().map(|scope| scope.as_str()).collect();
        let added = query("INSERT INTO api_tokens (name, hash, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
            .bind(new.name.as_str())
            .bind(&new.hash)
            .bind(scopes.join(" "))
            .bind(new.at)
            .bind(new.expires_at)
            .execute(&mut tx)
            .await?;
        told(tx, added, event).await
    }

    /// All tokens by name, those that were revoked last.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn api_tokens(&self) -> Result<Vec<ApiTokenView>, StoreError> {
        let rows = query("SELECT * FROM api_tokens ORDER BY revoked_at IS NOT NULL, name")
            .fetch_all(&self.pools)
            .await?;
        let mut all = Vec::new();
        for row in &rows {
            all.push(self.told_of_token(token(row)?).await?);
        }
        Ok(all)
    }

    /// The token of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn api_token_called(
        &self,
        name: &ApiName,
    ) -> Result<Option<ApiTokenView>, StoreError> {
        let row = query("SELECT * FROM api_tokens WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(&self.pools)
            .await?;
        match row {
            Some(row) => Ok(Some(self.told_of_token(token(&row)?).await?)),
            None => Ok(None),
        }
    }

    /// A name is one token for good, so the trail tells of no other by it.
    async fn told_of_token(&self, token: ApiTokenRecord) -> Result<ApiTokenView, StoreError> {
        let name = &token.name;
        let added_by = self.who_did("api.token-added", name).await?;
        let revoked_by = match token.revoked_at {
            Some(_) => self.who_did("api.token-revoked", name).await?,
            None => None,
        };
        let used = query("SELECT MAX(at) AS used_at FROM events WHERE who = $1")
            .bind(api_who(name))
            .fetch_one(&self.pools)
            .await?;
        Ok(ApiTokenView {
            used_at: optional_time(&used, "used_at")?,
            token,
            added_by,
            revoked_by,
        })
    }

    async fn who_did(&self, what: &str, name: &ApiName) -> Result<Option<String>, StoreError> {
        let row = query("SELECT who FROM events WHERE subject = $1 AND what = $2 LIMIT 1")
            .bind(api_subject(name))
            .bind(what)
            .fetch_optional(&self.pools)
            .await?;
        Ok(row.map(|row| row.get("who")).transpose()?)
    }

    /// Ends a token at once. `false` where there is none of this name that works.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_api_token(
        &self,
        name: &ApiName,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let changed =
            query("UPDATE api_tokens SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL")
                .bind(name.as_str())
                .bind(event.at)
                .execute(&mut tx)
                .await?;
        told(tx, changed, event).await
    }

    /// The token of this hash, where it works now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn api_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<ApiTokenRecord>, StoreError> {
        let row = query("SELECT * FROM api_tokens WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)")
            .bind(hash)
            .bind(now)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(token).transpose()
    }

    /// Notes a change before it is made, and holds it until `lease_until`. Forgets those of more than
    /// [`API_KEY_DAYS`] ago.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn begin_api_request(
        &self,
        asked: &ApiRequest,
        lease_until: Timestamp,
    ) -> Result<ApiBegun, StoreError> {
        let old = asked.at - SignedDuration::from_hours(24 * API_KEY_DAYS);
        let mut tx = self.begin().await?;
        query("DELETE FROM api_requests WHERE at < $1")
            .bind(old)
            .execute(&mut tx)
            .await?;
        let added = query("INSERT INTO api_requests (token, key, request, at, lease_until) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
            .bind(asked.token.as_str())
            .bind(&asked.key)
            .bind(&asked.hash)
            .bind(asked.at)
            .bind(lease_until)
            .execute(&mut tx)
            .await?;
        if added == 1 {
            tx.commit().await?;
            return Ok(ApiBegun::New);
        }
        let row = query("SELECT request, at, lease_until, status, answer FROM api_requests WHERE token = $1 AND key = $2")
            .bind(asked.token.as_str())
            .bind(&asked.key)
            .for_update()
            .fetch_one(&mut tx)
            .await?;
        let held_until = time(&row, "lease_until")?;
        if row.get::<Vec<u8>>("request")? != asked.hash {
            return Ok(ApiBegun::Other);
        }
        if let Some(answer) = answer(&row)? {
            return Ok(ApiBegun::Answered(answer));
        }
        if held_until > asked.at {
            return Ok(ApiBegun::UnderWay(held_until));
        }
        query("UPDATE api_requests SET lease_until = $3 WHERE token = $1 AND key = $2")
            .bind(asked.token.as_str())
            .bind(&asked.key)
            .bind(lease_until)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(ApiBegun::Again(time(&row, "at")?))
    }

    /// Keeps what was answered. The first answer stays.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_api_request(
        &self,
        asked: &ApiRequest,
        answer: &ApiAnswer,
    ) -> Result<(), StoreError> {
        query("UPDATE api_requests SET status = $3, answer = $4 WHERE token = $1 AND key = $2 AND status IS NULL")
            .bind(asked.token.as_str())
            .bind(&asked.key)
            .bind(u32::from(answer.status))
            .bind(&answer.body)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// What the trail tells of a change that `who` asked for under `key` (`request` in the event's detail)
    /// and that was noted at `since`; none where it was not made.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn event_of_request(
        &self,
        who: &str,
        subject: &str,
        key: &str,
        since: Timestamp,
    ) -> Result<Option<Event>, StoreError> {
        let rows = query("SELECT * FROM events WHERE subject = $1 AND at >= $2 AND who = $3")
            .bind(subject)
            .bind(since - CLOCKS_APART)
            .bind(who)
            .fetch_all(&self.pools)
            .await?;
        let events = rows.iter().map(event).collect::<Result<Vec<_>, _>>()?;
        Ok(events
            .into_iter()
            .find(|event| event.detail["request"] == key))
    }
}

fn token(row: &Row) -> Result<ApiTokenRecord, StoreError> {
    let scopes: String = row.get("scopes")?;
    let scopes = scopes
        .split_whitespace()
        .map(|scope| ApiScope::parse(scope).ok_or_else(|| corrupt("scopes", scope)))
        .collect::<Result<_, _>>()?;
    Ok(ApiTokenRecord {
        name: text(row, "name")?,
        scopes,
        created_at: time(row, "created_at")?,
        expires_at: optional_time(row, "expires_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    })
}

fn answer(row: &Row) -> Result<Option<ApiAnswer>, StoreError> {
    let status: Option<i64> = row.get("status")?;
    let body: Option<String> = row.get("answer")?;
    let (Some(status), Some(body)) = (status, body) else {
        return Ok(None);
    };
    let status = u16::try_from(status).map_err(|_| corrupt("status", status))?;
    Ok(Some(ApiAnswer { status, body }))
}
