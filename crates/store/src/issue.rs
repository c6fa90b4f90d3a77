//! Chunks: claimed by one worker at a time, kept in one transaction.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use kvit_billing::{
    BillKind, Cents, ChunkNo, CustomerNumber, LayoutBaseNo, LayoutNo, OrderSeq, RunId, RunLayout,
};

use crate::{
    BillRecord, ChunkJob, ChunkResult, CustomerRecord, Finish, Forgotten, NewDelivery, Store,
    StoreError, accounts,
    deliveries::put_back,
    engine::{Row, Tx},
    no_forms,
    readers::insert_copies,
    rows::{corrupt, number, optional_small, small, text, time, unsigned},
    sql::{ROWS_MAX, query},
    staging::{encode, unpacked},
    webhooks,
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
            "SELECT t.run, t.no, t.claim + 1 AS claim, t.first_seq, r.series, r.issued_at, COALESCE(r.layout, 0) AS layout, r.layout_base, r.first_number FROM chunks t JOIN runs r ON r.id = t.run WHERE r.state = 'released' AND ($1 IS NULL OR t.run = $1) AND t.done_at IS NULL AND (t.worker IS NULL OR t.lease_until <= $2) ORDER BY t.run, t.no LIMIT 1",
        )
        .bind(run)
        .bind(now)
        .skip_locked()
        .fetch_optional(&mut tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut job = chunk_job(&row)?;
        query("UPDATE chunks SET worker = $3, lease_until = $4, claim = $5 WHERE run = $1 AND no = $2")
            .bind(&job.run)
            .bind(job.no)
            .bind(worker)
            .bind(lease_until)
            .bind(job.claim)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        // Read and unpacked behind the commit: nobody waits for it.
        job.orders = self.staged_orders(&job.run, job.no).await?;
        job.holders = self.holders(&job).await?;
        Ok(Some(job))
    }

    /// Keeps a chunk: its pack, bills and deliveries, all or nothing. The last chunk turns the run
    /// to `issued`. Only the latest claim counts: a worker that was taken for dead and comes back
    /// late changes nothing.
    ///
    /// # Errors
    /// Where the bills are not one for each order under its number, or the database fails.
    pub async fn finish_chunk(&self, result: &ChunkResult) -> Result<Finish, StoreError> {
        let mut tx = self.begin().await?;
        let kept = query("UPDATE chunks SET done_at = $4, pack = $5, pack_sha256 = $6, pack_length = $7, worker = $8, sum_cents = $9, lease_until = NULL WHERE run = $1 AND no = $2 AND claim = $3 AND done_at IS NULL RETURNING first_seq, orders, (SELECT first_number FROM runs WHERE id = $1) AS first_number")
            .bind(&result.run)
            .bind(result.no)
            .bind(result.claim)
            .bind(result.at)
            .bind(&result.pack.object)
            .bind(&result.pack.sha256)
            .bind(result.pack.length)
            .bind(&result.worker)
            .bind(sum(&result.bills))
            .fetch_optional(&mut tx)
            .await?;
        let Some(kept) = kept else {
            return late(&mut tx, result).await;
        };
        if !fits(&kept, result)? {
            let (run, chunk) = (result.run.to_string(), result.no.0);
            return Err(StoreError::Misfit { run, chunk });
        }
        for part in result.bills.chunks(ROWS_MAX) {
            insert_bills(&mut tx, part).await?;
        }
        for part in result.deliveries.chunks(ROWS_MAX) {
            insert_deliveries(&mut tx, part, result.at).await?;
        }
        for part in result.copies.chunks(ROWS_MAX) {
            insert_copies(&mut tx, part, result.at).await?;
        }
        accounts::close_in(&mut tx, result.run.as_str(), &result.closed, result.at).await?;
        let chunk = (&result.run, result.no);
        webhooks::issued(&mut tx, chunk, &result.bills, result.at).await?;
        query("DELETE FROM chunk_holders WHERE run = $1 AND no = $2")
            .bind(&result.run)
            .bind(result.no)
            .execute(&mut tx)
            .await?;
        // These two last of all, because they make others wait until the commit: reasons are rows of all chunks, and
        // of the two last chunks of a run, one has to see the other.
        no_forms::add(&mut tx, result).await?;
        tx.turn(&format!("run/{}", result.run)).await?;
        query("UPDATE runs SET state = 'issued' WHERE id = $1 AND state = 'released' AND NOT EXISTS (SELECT 1 FROM chunks WHERE run = $1 AND done_at IS NULL)")
            .bind(&result.run)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        self.look_at_grown_tables().await;
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

    /// Issued runs whose orphaned packs were not looked for yet.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unswept_runs(&self) -> Result<Vec<RunId>, StoreError> {
        query("SELECT id FROM runs WHERE state = 'issued' AND swept_at IS NULL ORDER BY id")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| text(row, "id"))
            .collect()
    }

    /// No orphaned packs of a run are left.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn mark_swept(&self, run: &RunId, at: Timestamp) -> Result<(), StoreError> {
        query("UPDATE runs SET swept_at = $2 WHERE id = $1")
            .bind(run)
            .bind(at)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// Frees at once what a worker that is gone had in hand, without waiting for its leases. Its
    /// chunks and files of scans can be claimed again; its mails go back into the queue as "possibly twice", since
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
        let scans =
            query("UPDATE scan_files SET worker = NULL, lease_until = NULL WHERE worker = $1")
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
            scans,
        })
    }

    /// The customers of a chunk as its first claim found them. Customers move and change their
    /// language at any time; a chunk that is redone has to give the same bills.
    async fn holders(
        &self,
        job: &ChunkJob,
    ) -> Result<HashMap<CustomerNumber, CustomerRecord>, StoreError> {
        if let Some(kept) = self.kept_holders(job).await? {
            return Ok(kept);
        }
        let numbers: Vec<_> = job.orders.iter().map(|o| o.account.clone()).collect();
        let found = self.customers(&numbers).await?;
        let body = encode(&found.values().collect::<Vec<_>>())?;
        let first = query("INSERT INTO chunk_holders (run, no, body) SELECT run, no, $3 FROM chunks WHERE run = $1 AND no = $2 AND done_at IS NULL ON CONFLICT DO NOTHING")
            .bind(&job.run)
            .bind(job.no)
            .bind(body)
            .execute(&self.pools)
            .await?;
        if first == 1 {
            return Ok(found);
        }
        // Another claim was first; or the chunk is done, and what comes of this one is not kept.
        Ok(self.kept_holders(job).await?.unwrap_or(found))
    }

    async fn kept_holders(
        &self,
        job: &ChunkJob,
    ) -> Result<Option<HashMap<CustomerNumber, CustomerRecord>>, StoreError> {
        let kept = query("SELECT body FROM chunk_holders WHERE run = $1 AND no = $2")
            .bind(&job.run)
            .bind(job.no)
            .fetch_optional(&self.pools)
            .await?;
        let Some(row) = kept else { return Ok(None) };
        let records: Vec<CustomerRecord> = unpacked(row.get("body")?).await?;
        let by_number = records
            .into_iter()
            .map(|record| (record.customer.number.clone(), record));
        Ok(Some(by_number.collect()))
    }
}

/// Gross amounts, credit notes negative.
fn sum(bills: &[BillRecord]) -> Cents {
    Cents::new(
        bills
            .iter()
            .map(|bill| match bill.kind {
                BillKind::CreditNote => -bill.gross.get(),
                BillKind::Invoice | BillKind::DebitNote => bill.gross.get(),
            })
            .sum(),
    )
}

/// One bill for each order, under the number that the order has had since release: checked again
/// where it is written down for good.
fn fits(chunk: &Row, result: &ChunkResult) -> Result<bool, StoreError> {
    let first_seq = unsigned(chunk, "first_seq")?;
    let first_number = number(chunk, "first_number")?;
    let each = (first_seq..).zip(&result.bills).all(|(seq, bill)| {
        bill.run == result.run
            && bill.chunk == result.no
            && bill.seq == OrderSeq(seq)
            && first_number.plus(seq) == Some(bill.number)
    });
    Ok(each && unsigned(chunk, "orders")? == result.bills.len() as u64)
}

/// A chunk without its orders.
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
        layout: RunLayout {
            no: LayoutNo(small(row, "layout")?),
            base: optional_small(row, "layout_base")?.map(LayoutBaseNo),
        },
        orders: Vec::new(),
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
    query("INSERT INTO bills (number, series, run, seq, chunk, account, kind, issue_date, period_from, period_to, due_date, gross, to_pay, carried_over, currency, language, pack, pack_offset, pack_length, sha256, corrects, consumed) {rows}")
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
                bill.carried_over.into(),
                bill.currency.into(),
                bill.language.into(),
                (&bill.pack).into(),
                bill.offset.into(),
                bill.length.into(),
                (&bill.sha256).into(),
                bill.corrects.into(),
                bill.consumed.as_ref().map(ToString::to_string).into(),
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
