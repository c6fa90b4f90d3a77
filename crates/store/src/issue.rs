//! Chunks: claimed by one worker at a time, kept in one transaction.

use jiff::Timestamp;
use kvit_billing::{ChunkNo, OrderSeq, RunId};
use sqlx::{QueryBuilder, Row, Sqlite};

use crate::{
    BillRecord, ChunkJob, ChunkResult, Connection, Finish, Forgotten, NewDelivery, Store,
    StoreError,
    rows::{bytes, corrupt, int, number, small, text, time, unsigned},
    runs::{ROWS_MAX, decode},
};

impl Store {
    /// Takes one chunk of a released run that nobody works on, and holds it until `lease_until`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_chunk(
        &self,
        run: Option<&RunId>,
        worker: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<ChunkJob>, StoreError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "SELECT c.run, c.no, c.first_seq, c.body, r.series, r.issued_at, r.first_number FROM chunks c JOIN runs r ON r.id = c.run WHERE r.state = 'released' AND ($1 IS NULL OR c.run = $1) AND c.done_at IS NULL AND (c.worker IS NULL OR c.lease_until <= $2) ORDER BY c.run, c.no LIMIT 1",
        )
        .bind(run.map(RunId::as_str))
        .bind(now.as_microsecond())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let no = small(&row, "no")?;
        let run: RunId = text(&row, "run")?;
        sqlx::query("UPDATE chunks SET worker = $3, lease_until = $4 WHERE run = $1 AND no = $2")
            .bind(run.as_str())
            .bind(i64::from(no))
            .bind(worker)
            .bind(lease_until.as_microsecond())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        let first_seq = unsigned(&row, "first_seq")?;
        Ok(Some(ChunkJob {
            no: ChunkNo(no),
            first_seq: OrderSeq(first_seq),
            first_number: number(&row, "first_number")?
                .plus(first_seq)
                .ok_or_else(|| corrupt("first_seq", first_seq))?,
            series: text(&row, "series")?,
            issued_at: time(&row, "issued_at")?,
            orders: decode(&row.try_get::<Vec<u8>, _>("body")?)?,
            run,
        }))
    }

    /// Keeps a chunk: its pack, bills and deliveries, all or nothing. The last chunk turns the run
    /// to `issued`. A chunk that was kept before stays as it is.
    ///
    /// # Errors
    /// Where the chunk was kept before with another pack, or the database fails.
    pub async fn finish_chunk(&self, result: &ChunkResult) -> Result<Finish, StoreError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT done_at, pack_sha256 FROM chunks WHERE run = $1 AND no = $2")
            .bind(result.run.as_str())
            .bind(i64::from(result.no.0))
            .fetch_one(&mut *tx)
            .await?;
        if row.try_get::<Option<i64>, _>("done_at")?.is_some() {
            let kept: Option<Vec<u8>> = row.try_get("pack_sha256")?;
            if kept.as_deref() != Some(result.pack.sha256.as_slice()) {
                let (run, chunk) = (result.run.to_string(), result.no.0);
                return Err(StoreError::ChunkTaken { run, chunk });
            }
            return Ok(Finish::AlreadyDone);
        }
        for part in result.bills.chunks(ROWS_MAX) {
            insert_bills(&mut tx, part).await?;
        }
        for part in result.deliveries.chunks(ROWS_MAX) {
            insert_deliveries(&mut tx, part, result.at).await?;
        }
        sqlx::query("UPDATE chunks SET done_at = $3, pack = $4, pack_sha256 = $5, pack_length = $6, worker = NULL, lease_until = NULL WHERE run = $1 AND no = $2")
            .bind(result.run.as_str())
            .bind(i64::from(result.no.0))
            .bind(result.at.as_microsecond())
            .bind(&result.pack.object)
            .bind(result.pack.sha256.as_slice())
            .bind(int(result.pack.length))
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE runs SET state = 'issued' WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM chunks WHERE run = $1 AND done_at IS NULL)")
            .bind(result.run.as_str())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Finish::Done)
    }

    /// Frees what a worker that is gone had in hand. Its chunks can be claimed again; its mails go
    /// back into the queue as "possibly twice", since nobody saw whether they were taken.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_worker(
        &self,
        worker: &str,
        now: Timestamp,
    ) -> Result<Forgotten, StoreError> {
        let mut tx = self.begin().await?;
        let chunks = sqlx::query("UPDATE chunks SET worker = NULL, lease_until = NULL WHERE worker = $1 AND done_at IS NULL")
            .bind(worker)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        let deliveries = sqlx::query("UPDATE deliveries SET state = 'queued', worker = NULL, possibly_twice = 1, next_attempt_at = $2 WHERE worker = $1 AND state = 'sending'")
            .bind(worker)
            .bind(now.as_microsecond())
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(Forgotten { chunks, deliveries })
    }
}

async fn insert_bills(tx: &mut Connection, bills: &[BillRecord]) -> Result<(), StoreError> {
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO bills (number, series, run, seq, chunk, account, kind, issue_date, period_from, period_to, due_date, gross, to_pay, currency, language, pack, pack_offset, pack_length, sha256, corrects) ",
    );
    insert.push_values(bills, |mut row, bill| {
        row.push_bind(int(bill.number.get()))
            .push_bind(bill.series.to_string())
            .push_bind(bill.run.to_string())
            .push_bind(int(bill.seq.0))
            .push_bind(i64::from(bill.chunk.0))
            .push_bind(bill.account.to_string())
            .push_bind(bill.kind.as_str())
            .push_bind(bill.issue_date.to_string())
            .push_bind(bill.period.from.to_string())
            .push_bind(bill.period.to.to_string())
            .push_bind(bill.due_date.to_string())
            .push_bind(bill.gross.get())
            .push_bind(bill.to_pay.get())
            .push_bind(bill.currency.to_string())
            .push_bind(bill.language.tag())
            .push_bind(bill.pack.clone())
            .push_bind(int(bill.offset))
            .push_bind(int(bill.length))
            .push_bind(bill.sha256.to_vec())
            .push_bind(bill.corrects.map(|n| int(n.get())));
    });
    insert.build().execute(tx).await?;
    Ok(())
}

async fn insert_deliveries(
    tx: &mut Connection,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO deliveries (id, bill, account, channel, email, language, due_at, token, state, next_attempt_at) ",
    );
    insert.push_values(deliveries, |mut row, delivery| {
        row.push_bind(delivery.id.to_string())
            .push_bind(int(delivery.bill.get()))
            .push_bind(delivery.account.to_string())
            .push_bind(delivery.channel.as_str())
            .push_bind(delivery.email.as_ref().map(|email| email.expose().clone()))
            .push_bind(delivery.language.tag())
            .push_bind(delivery.due_at.as_microsecond())
            .push_bind(delivery.token.as_ref().map(|hash| bytes(hash).to_vec()))
            .push_bind("queued")
            .push_bind(now.as_microsecond());
    });
    insert.build().execute(tx).await?;
    Ok(())
}
