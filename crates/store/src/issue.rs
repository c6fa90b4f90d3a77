//! Chunks: claimed by one worker at a time, kept in one transaction.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use kvit_billing::{ChunkNo, OrderSeq, RunId};

use crate::{
    BillRecord, ChunkJob, ChunkResult, CustomerRecord, Finish, Forgotten, NewDelivery, Store,
    StoreError,
    customers::holders,
    deliveries::put_back,
    engine::{Row, Tx},
    rows::{corrupt, number, small, text, time, unsigned},
    sql::{ROWS_MAX, query},
    staging::{decode, encode},
};

impl Store {
    /// Takes one chunk of a released run that nobody works on, and holds it until `lease_until`.
    /// A lease that ran out frees its chunk, on whatever machine its worker died.
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
        let row = query(
            "SELECT t.run, t.no, t.claim + 1 AS claim, t.first_seq, t.body, t.holders, r.series, r.issued_at, r.first_number FROM chunks t JOIN runs r ON r.id = t.run WHERE r.state = 'released' AND ($1 IS NULL OR t.run = $1) AND t.done_at IS NULL AND (t.worker IS NULL OR t.lease_until <= $2) ORDER BY t.run, t.no LIMIT 1",
        )
        .bind(run)
        .bind(now)
        .skip_locked()
        .fetch_optional(&mut tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut job = chunk_job(&row)?;
        // Customers move and change their language at any time. What a bill says of them is fixed
        // when its chunk is first taken up, so that a chunk that is redone gives the same bills.
        let kept: Option<Vec<u8>> = row.get("holders")?;
        let records: Vec<CustomerRecord> = match &kept {
            Some(body) => decode(body)?,
            None => holders(&mut tx, &job.orders).await?,
        };
        let kept = match kept {
            Some(body) => body,
            None => encode(&records)?,
        };
        job.holders = records
            .into_iter()
            .map(|record| (record.customer.number.clone(), record))
            .collect();
        query("UPDATE chunks SET worker = $3, lease_until = $4, claim = $5, holders = $6 WHERE run = $1 AND no = $2")
            .bind(&job.run)
            .bind(job.no)
            .bind(worker)
            .bind(lease_until)
            .bind(job.claim)
            .bind(kept)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Some(job))
    }

    /// Keeps a chunk: its pack, bills and deliveries, all or nothing. The last chunk turns the run
    /// to `issued`. Only the latest claim counts: a worker that was taken for dead and comes back
    /// late changes nothing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finish_chunk(&self, result: &ChunkResult) -> Result<Finish, StoreError> {
        let mut tx = self.begin().await?;
        let kept = query("UPDATE chunks SET done_at = $4, pack = $5, pack_sha256 = $6, pack_length = $7, worker = $8, lease_until = NULL, holders = NULL WHERE run = $1 AND no = $2 AND claim = $3 AND done_at IS NULL")
            .bind(&result.run)
            .bind(result.no)
            .bind(result.claim)
            .bind(result.at)
            .bind(&result.pack.object)
            .bind(&result.pack.sha256)
            .bind(result.pack.length)
            .bind(&result.worker)
            .execute(&mut tx)
            .await?;
        if kept == 0 {
            return late(&mut tx, result).await;
        }
        for part in result.bills.chunks(ROWS_MAX) {
            insert_bills(&mut tx, part).await?;
        }
        for part in result.deliveries.chunks(ROWS_MAX) {
            insert_deliveries(&mut tx, part, result.at).await?;
        }
        // Last of all, because it makes others wait until the commit: of the two last chunks of a
        // run, one has to see the other.
        tx.turn(&format!("run/{}", result.run)).await?;
        query("UPDATE runs SET state = 'issued' WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM chunks WHERE run = $1 AND done_at IS NULL)")
            .bind(&result.run)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(Finish::Done)
    }

    /// Gives a claim back before its lease runs out, for a worker that stops in good order.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn give_back_chunk(
        &self,
        run: &RunId,
        no: ChunkNo,
        claim: u64,
    ) -> Result<(), StoreError> {
        query("UPDATE chunks SET worker = NULL, lease_until = NULL WHERE run = $1 AND no = $2 AND claim = $3 AND done_at IS NULL")
            .bind(run)
            .bind(no)
            .bind(claim)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// Object names of the packs of a run that are kept.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn packs_of_run(&self, run: &RunId) -> Result<HashSet<String>, StoreError> {
        query("SELECT pack FROM chunks WHERE run = $1 AND done_at IS NOT NULL")
            .bind(run)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok(row.get("pack")?))
            .collect()
    }

    /// Frees at once what a worker that is gone had in hand, without waiting for its leases. Its
    /// chunks can be claimed again; its mails go back into the queue as "possibly twice", since
    /// nobody saw whether they were taken.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_worker(
        &self,
        worker: &str,
        now: Timestamp,
    ) -> Result<Forgotten, StoreError> {
        let mut tx = self.begin().await?;
        let chunks = query("UPDATE chunks SET worker = NULL, lease_until = NULL WHERE worker = $1 AND done_at IS NULL")
            .bind(worker)
            .execute(&mut tx)
            .await?;
        let held =
            query("SELECT id, attempts FROM deliveries WHERE state = 'sending' AND worker = $1")
                .bind(worker)
                .for_update()
                .fetch_all(&mut tx)
                .await?;
        put_back(&mut tx, &held, now).await?;
        tx.commit().await?;
        Ok(Forgotten {
            chunks,
            deliveries: held.len() as u64,
        })
    }
}

fn chunk_job(row: &Row) -> Result<ChunkJob, StoreError> {
    let first_seq = unsigned(row, "first_seq")?;
    Ok(ChunkJob {
        run: text(row, "run")?,
        no: ChunkNo(small(row, "no")?),
        claim: unsigned(row, "claim")?,
        first_seq: OrderSeq(first_seq),
        first_number: number(row, "first_number")?
            .plus(first_seq)
            .ok_or_else(|| corrupt("first_seq", first_seq))?,
        series: text(row, "series")?,
        issued_at: time(row, "issued_at")?,
        orders: decode(&row.get::<Vec<u8>>("body")?)?,
        holders: HashMap::new(),
    })
}

/// What to say to a worker whose claim does not count, or whose answer was kept and not heard.
async fn late(tx: &mut Tx, result: &ChunkResult) -> Result<Finish, StoreError> {
    let row = query("SELECT pack_sha256 FROM chunks WHERE run = $1 AND no = $2")
        .bind(&result.run)
        .bind(result.no)
        .fetch_one(tx)
        .await?;
    let kept: Option<Vec<u8>> = row.get("pack_sha256")?;
    Ok(match kept {
        Some(kept) if kept == result.pack.sha256 => Finish::AlreadyDone,
        _ => Finish::Overtaken,
    })
}

async fn insert_bills(tx: &mut Tx, bills: &[BillRecord]) -> Result<(), StoreError> {
    query("INSERT INTO bills (number, series, run, seq, chunk, account, kind, issue_date, period_from, period_to, due_date, gross, to_pay, currency, language, pack, pack_offset, pack_length, sha256, corrects) {rows}")
        .rows(bills.iter().map(|bill| {
            [
                bill.number.into(),
                (&bill.series).into(),
                (&bill.run).into(),
                bill.seq.into(),
                bill.chunk.into(),
                (&bill.account).into(),
                bill.kind.into(),
                bill.issue_date.into(),
                bill.period.from.into(),
                bill.period.to.into(),
                bill.due_date.into(),
                bill.gross.into(),
                bill.to_pay.into(),
                bill.currency.into(),
                bill.language.into(),
                (&bill.pack).into(),
                bill.offset.into(),
                bill.length.into(),
                (&bill.sha256).into(),
                bill.corrects.into(),
            ]
        }))
        .execute(tx)
        .await?;
    Ok(())
}

async fn insert_deliveries(
    tx: &mut Tx,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO deliveries (id, bill, account, channel, email, language, due_at, token, state, next_attempt_at) {rows}")
        .rows(deliveries.iter().map(|delivery| {
            [
                (&delivery.id).into(),
                delivery.bill.into(),
                (&delivery.account).into(),
                delivery.channel.as_str().into(),
                delivery.email.as_ref().map(|email| email.expose()).into(),
                delivery.language.into(),
                delivery.due_at.into(),
                delivery.token.as_ref().into(),
                "queued".into(),
                now.into(),
            ]
        }))
        .execute(tx)
        .await?;
    Ok(())
}
