//! Orders of a run that is still being read.

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use kvit_billing::{BillNumber, BillOrder, ChunkNo, CustomerNumber, OrderSeq, RunId};
use libdeflater::{CompressionLvl, Compressor, Decompressor};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    OrderKey, Store, StoreError,
    engine::Tx,
    rows::{corrupt, kind, number, period, small, text, unsigned},
    sql::{ROWS_MAX, Value, query},
};

/// A thirteenth of the size, in 7 ms for each megabyte; the next level takes half as long again for a
/// twentieth less.
const GZIP_LEVEL: i32 = 6;
/// What a chunk may unpack to, in bytes: a thousand lines as long as a run file's may be.
const LINES_BYTES_MAX: usize = 1 << 30;

impl Store {
    /// Which of these orders an accepted run holds already.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn seen_orders(
        &self,
        keys: &[OrderKey],
    ) -> Result<Vec<(OrderKey, RunId)>, StoreError> {
        let mut seen = Vec::new();
        for part in keys.chunks(ROWS_MAX) {
            let found = query(
                "WITH wanted (account, period_from, period_to, kind, version) AS ({rows})
                 SELECT k.* FROM wanted w JOIN order_keys k ON k.account = w.account AND k.period_from = w.period_from AND k.period_to = w.period_to AND k.kind = w.kind AND k.version = w.version
                 JOIN runs r ON r.id = k.run WHERE r.state <> 'importing'",
            )
            .rows(part.iter().map(key_values))
            .fetch_all(&self.pools)
            .await?;
            for row in &found {
                let key = OrderKey {
                    account: text(row, "account")?,
                    period: period(row)?,
                    kind: kind(row)?,
                    version: small(row, "version")?,
                };
                seen.push((key, text(row, "run")?));
            }
        }
        Ok(seen)
    }

    /// Which of these customers are known.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn known_customers(
        &self,
        numbers: &[CustomerNumber],
    ) -> Result<HashSet<CustomerNumber>, StoreError> {
        let mut known = HashSet::with_capacity(numbers.len());
        for part in numbers.chunks(ROWS_MAX) {
            let found = query("SELECT number FROM customers WHERE number IN ({rows})")
                .rows(part.iter().map(|number| [number.into()]))
                .fetch_all(&self.pools)
                .await?;
            for row in &found {
                known.insert(text(row, "number")?);
            }
        }
        Ok(known)
    }

    /// Dates of issue of these bills, of those that exist.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn known_bills(
        &self,
        numbers: &[BillNumber],
    ) -> Result<HashMap<BillNumber, Date>, StoreError> {
        let mut known = HashMap::new();
        for part in numbers.chunks(ROWS_MAX) {
            let found = query("SELECT number, issue_date FROM bills WHERE number IN ({rows})")
                .rows(part.iter().map(|number| [(*number).into()]))
                .fetch_all(&self.pools)
                .await?;
            for row in &found {
                known.insert(number(row, "number")?, text(row, "issue_date")?);
            }
        }
        Ok(known)
    }

    /// Keeps a chunk of orders under a run that is still being read by the import that began at that moment.
    ///
    /// # Errors
    /// Where the database fails, or another import has the run.
    pub async fn stage_chunk(
        &self,
        run: &RunId,
        begun: Timestamp,
        no: ChunkNo,
        first: OrderSeq,
        orders: &[BillOrder],
    ) -> Result<(), StoreError> {
        let body = encode(orders)?;
        let mut tx = self.begin().await?;
        if !is_imported_by(&mut tx, run, begun).await? {
            return Err(StoreError::RunState {
                run: run.to_string(),
                needed: "being imported by this import: another has begun it anew",
            });
        }
        query("INSERT INTO chunks (run, no, first_seq, orders) VALUES ($1, $2, $3, $4)")
            .bind(run)
            .bind(no)
            .bind(first)
            .bind(orders.len())
            .execute(&mut tx)
            .await?;
        query("INSERT INTO chunk_orders (run, no, body) VALUES ($1, $2, $3)")
            .bind(run)
            .bind(no)
            .bind(body)
            .execute(&mut tx)
            .await?;
        for part in orders.chunks(ROWS_MAX) {
            query("INSERT INTO order_keys (account, period_from, period_to, kind, version, run) {rows}")
                .rows(part.iter().map(|order| {
                    let [account, from, to, kind, version] = key_values(&OrderKey {
                        account: order.account.clone(),
                        period: order.period,
                        kind: order.kind,
                        version: order.version,
                    });
                    [account, from, to, kind, version, run.into()]
                }))
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        self.look_at_grown_tables().await;
        Ok(())
    }

    /// The orders of a chunk, as staged.
    ///
    /// # Errors
    /// Where there is no such chunk.
    pub async fn staged_orders(
        &self,
        run: &RunId,
        no: ChunkNo,
    ) -> Result<Vec<BillOrder>, StoreError> {
        let row = query("SELECT body FROM chunk_orders WHERE run = $1 AND no = $2")
            .bind(run)
            .bind(no)
            .fetch_one(&self.pools)
            .await?;
        unpacked(row.get("body")?).await
    }
}

impl Store {
    /// One order as staged, by its place in the run, where there is one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn staged_order(
        &self,
        run: &RunId,
        seq: OrderSeq,
    ) -> Result<Option<BillOrder>, StoreError> {
        let row = query("SELECT c.first_seq, o.body FROM chunks c JOIN chunk_orders o ON o.run = c.run AND o.no = c.no WHERE c.run = $1 AND c.first_seq <= $2 AND c.first_seq + c.orders > $2")
            .bind(run)
            .bind(seq)
            .fetch_optional(&self.pools)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let at = seq.0 - unsigned(&row, "first_seq")?;
        let orders: Vec<BillOrder> = unpacked(row.get("body")?).await?;
        Ok(orders
            .into_iter()
            .nth(usize::try_from(at).unwrap_or(usize::MAX)))
    }
}

/// Whether the import that began then has the run still; until the transaction ends no other gets it.
pub(crate) async fn is_imported_by(
    tx: &mut Tx,
    run: &RunId,
    begun: Timestamp,
) -> Result<bool, StoreError> {
    let row =
        query("SELECT id FROM runs WHERE id = $1 AND state = 'importing' AND imported_at = $2")
            .bind(run)
            .bind(begun)
            .for_update()
            .fetch_optional(tx)
            .await?;
    Ok(row.is_some())
}

/// Removes what was staged under a run that did not get further.
pub(crate) async fn drop_staged(tx: &mut Tx, run: &RunId) -> Result<(), StoreError> {
    for delete in [
        "DELETE FROM chunk_orders WHERE run = $1 AND run IN (SELECT id FROM runs WHERE state = 'importing')",
        "DELETE FROM chunks WHERE run = $1 AND run IN (SELECT id FROM runs WHERE state = 'importing')",
        "DELETE FROM order_keys WHERE run = $1 AND run IN (SELECT id FROM runs WHERE state = 'importing')",
    ] {
        query(delete).bind(run).execute(&mut *tx).await?;
    }
    Ok(())
}

fn key_values(key: &OrderKey) -> [Value; 5] {
    [
        (&key.account).into(),
        key.period.from.into(),
        key.period.to.into(),
        key.kind.into(),
        key.version.into(),
    ]
}

/// JSON lines as gzip: the form in which orders came, so that an old chunk stays readable by any tool.
pub(crate) fn encode<T: Serialize>(things: &[T]) -> Result<Vec<u8>, StoreError> {
    let mut lines = Vec::new();
    for thing in things {
        serde_json::to_writer(&mut lines, thing).map_err(|e| StoreError::Encode(e.into()))?;
        lines.push(b'\n');
    }
    if lines.len() > LINES_BYTES_MAX {
        let what = format!("a chunk of {} bytes is too large", lines.len());
        return Err(StoreError::Encode(std::io::Error::other(what)));
    }
    let mut gzip = Compressor::new(CompressionLvl::new(GZIP_LEVEL).unwrap_or_default());
    let mut out = vec![0; gzip.gzip_compress_bound(lines.len())];
    let length = gzip
        .gzip_compress(&lines, &mut out)
        .map_err(|e| StoreError::Encode(std::io::Error::other(e)))?;
    out.truncate(length);
    Ok(out)
}

/// Decodes aside: a chunk takes as long as a hundred pages, which the same threads serve.
pub(crate) async fn unpacked<T>(body: Vec<u8>) -> Result<Vec<T>, StoreError>
where
    T: DeserializeOwned + Send + 'static,
{
    tokio::task::spawn_blocking(move || decode(&body))
        .await
        .map_err(|died| StoreError::Encode(died.into()))?
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, StoreError> {
    // The last four bytes say how long it was (RFC 1952, 2.3.1).
    let length = body.last_chunk().map(|size| u32::from_le_bytes(*size));
    let length = length.and_then(|length| usize::try_from(length).ok());
    let Some(length) = length.filter(|length| *length <= LINES_BYTES_MAX) else {
        return Err(corrupt("chunk", "no length, or too large a one"));
    };
    let mut lines = vec![0; length];
    Decompressor::new()
        .gzip_decompress(body, &mut lines)
        .map_err(|e| corrupt("chunk", e))?;
    serde_json::Deserializer::from_slice(&lines)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|e| corrupt("chunk", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_chunk_is_called_so() {
        let things: Vec<String> = (0..50).map(|i| format!("thing {i}")).collect();
        let body = encode(&things).expect("encoded");
        assert_eq!(decode::<String>(&body).expect("decoded"), things);
        let too_long = [&body[..body.len() - 4], &[0xff; 4]].concat();
        for broken in [&[][..], &body[..9], &body[1..], &too_long] {
            let said = decode::<String>(broken).expect_err("refused");
            assert!(matches!(said, StoreError::Corrupt { what: "chunk", .. }));
        }
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 1;
            // The header holds bytes that mean nothing, such as the time.
            assert!(decode::<String>(&changed).map_or(true, |found| found == things));
        }
    }
}
