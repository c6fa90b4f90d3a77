//! How far things have come, for people and for monitoring.

use jiff::Timestamp;
use kvit_billing::{Cents, RunId};

use crate::{
    QueueDepths, RunProgress, Store, StoreError,
    rows::{small, unsigned},
    sql::query,
};

impl Store {
    /// How far a run has come.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn run_progress(&self, run: &RunId) -> Result<RunProgress, StoreError> {
        let row = query(
            "SELECT r.orders, r.chunks, (SELECT COUNT(*) FROM chunks c WHERE c.run = r.id AND c.done_at IS NOT NULL) AS chunks_done FROM runs r WHERE r.id = $1",
        )
        .bind(run)
        .fetch_one(&self.pools)
        .await?;
        let bills = query(
            "SELECT COUNT(*) AS bills, CAST(COALESCE(SUM(CASE WHEN kind = 'credit-note' THEN -gross ELSE gross END), 0) AS BIGINT) AS sum_cents FROM bills WHERE run = $1",
        )
        .bind(run)
        .fetch_one(&self.pools)
        .await?;
        let sent = query(
            "SELECT COUNT(*) FILTER (WHERE d.channel = 'email' AND d.state IN ('queued', 'sending')) AS mail_queued,
             COUNT(*) FILTER (WHERE d.channel = 'email' AND d.state = 'sent') AS mail_sent,
             COUNT(*) FILTER (WHERE d.channel = 'email' AND d.state = 'failed') AS mail_failed,
             COUNT(*) FILTER (WHERE d.channel = 'paper') AS paper,
             COUNT(*) FILTER (WHERE d.possibly_twice <> 0) AS possibly_twice,
             COUNT(c.at) AS confirmed
             FROM bills b JOIN deliveries d ON d.bill = b.number LEFT JOIN receipts c ON c.delivery = d.id AND c.kind = 'confirmed' WHERE b.run = $1",
        )
        .bind(run)
        .fetch_one(&self.pools)
        .await?;
        Ok(RunProgress {
            orders: unsigned(&row, "orders")?,
            chunks: small(&row, "chunks")?,
            chunks_done: small(&row, "chunks_done")?,
            bills: unsigned(&bills, "bills")?,
            sum_cents: Cents::new(bills.get("sum_cents")?),
            mail_queued: unsigned(&sent, "mail_queued")?,
            mail_sent: unsigned(&sent, "mail_sent")?,
            mail_failed: unsigned(&sent, "mail_failed")?,
            paper: unsigned(&sent, "paper")?,
            confirmed: unsigned(&sent, "confirmed")?,
            possibly_twice: unsigned(&sent, "possibly_twice")?,
        })
    }

    /// What waits, for monitoring. Each count has an index of its own: this is asked every few
    /// seconds, over millions of deliveries.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn queue_depths(&self, now: Timestamp) -> Result<QueueDepths, StoreError> {
        let row = query(
            "SELECT (SELECT COUNT(*) FROM chunks c JOIN runs r ON r.id = c.run WHERE r.state = 'released' AND c.done_at IS NULL) AS chunks_waiting,
             (SELECT COUNT(*) FROM deliveries WHERE state = 'queued' AND channel = 'email') + (SELECT COUNT(*) FROM deliveries WHERE state = 'sending') AS mails_waiting,
             (SELECT COUNT(*) FROM deliveries WHERE state = 'queued' AND channel = 'email' AND due_at < $1) + (SELECT COUNT(*) FROM deliveries WHERE state = 'sending' AND due_at < $1) AS mails_overdue,
             (SELECT COUNT(*) FROM deliveries WHERE state = 'failed') AS mails_failed",
        )
        .bind(now)
        .fetch_one(&self.pools)
        .await?;
        Ok(QueueDepths {
            chunks_waiting: unsigned(&row, "chunks_waiting")?,
            mails_waiting: unsigned(&row, "mails_waiting")?,
            mails_overdue: unsigned(&row, "mails_overdue")?,
            mails_failed: unsigned(&row, "mails_failed")?,
        })
    }
}
