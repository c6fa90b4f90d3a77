//! How far things have come, for people and for monitoring.

use jiff::Timestamp;
use kvit_billing::{Cents, RunId};

use crate::{
    QueueDepths, RefundWord, RunProgress, Store, StoreError,
    concessions::ON_ITS_WAY,
    rows::{small, unsigned},
    sql::query,
};

impl Store {
    /// How far a run has come. Its bills are counted by chunks, and its deliveries found by the
    /// range of its numbers, so that a run of millions is told in a moment.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn run_progress(&self, run: &RunId) -> Result<RunProgress, StoreError> {
        let row = query(
            "SELECT r.orders, r.chunks, COALESCE(r.first_number, 0) AS first_number, COUNT(c.no) AS chunks_done, CAST(COALESCE(SUM(c.orders), 0) AS BIGINT) AS bills, CAST(COALESCE(SUM(c.sum_cents), 0) AS BIGINT) AS sum_cents
             FROM runs r LEFT JOIN chunks c ON c.run = r.id AND c.done_at IS NOT NULL WHERE r.id = $1 GROUP BY r.id",
        )
        .bind(run)
        .fetch_one(&self.pools)
        .await?;
        let orders = unsigned(&row, "orders")?;
        let first = unsigned(&row, "first_number")?;
        let sent = query(
            "SELECT COUNT(*) FILTER (WHERE d.channel = 'email' AND d.state IN ('queued', 'sending')) AS mail_queued,
             COUNT(*) FILTER (WHERE d.channel = 'email' AND d.state = 'sent') AS mail_sent,
             COUNT(*) FILTER (WHERE d.channel = 'email' AND d.state = 'failed') AS mail_failed,
             COUNT(*) FILTER (WHERE d.channel = 'paper') AS paper,
             COUNT(*) FILTER (WHERE d.possibly_twice <> 0) AS possibly_twice,
             COUNT(c.at) AS confirmed
             FROM deliveries d LEFT JOIN receipts c ON d.channel = 'email' AND c.delivery = d.id AND c.kind = 'confirmed' WHERE d.bill >= $1 AND d.bill < $2",
        )
        .bind(first)
        .bind(if first == 0 { 0 } else { first + orders })
        .fetch_one(&self.pools)
        .await?;
        Ok(RunProgress {
            orders,
            chunks: small(&row, "chunks")?,
            chunks_done: small(&row, "chunks_done")?,
            bills: unsigned(&row, "bills")?,
            sum_cents: Cents::new(row.get("sum_cents")?),
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
        let row = query(format!(
            "SELECT (SELECT COUNT(*) FROM chunks c JOIN runs r ON r.id = c.run WHERE r.state = 'released' AND c.done_at IS NULL) AS chunks_waiting,
             (SELECT COUNT(*) FROM deliveries WHERE state = 'queued' AND channel = 'email') + (SELECT COUNT(*) FROM deliveries WHERE state = 'sending') AS mails_waiting,
             (SELECT COUNT(*) FROM deliveries WHERE state = 'queued' AND channel = 'email' AND due_at < $1) + (SELECT COUNT(*) FROM deliveries WHERE state = 'sending' AND due_at < $1) AS mails_overdue,
             (SELECT COUNT(*) FROM deliveries WHERE state = 'failed') AS mails_failed,
             (SELECT COUNT(*) FROM concessions c WHERE {ON_ITS_WAY} AND c.answer = $2) AS refunds_unclear,
             (SELECT COUNT(*) FROM statements WHERE applied_at IS NULL AND broke_off > 0) AS statements_broken"
        ))
        .bind(now)
        .bind(RefundWord::Unclear.as_str())
        .fetch_one(&self.pools)
        .await?;
        Ok(QueueDepths {
            chunks_waiting: unsigned(&row, "chunks_waiting")?,
            mails_waiting: unsigned(&row, "mails_waiting")?,
            mails_overdue: unsigned(&row, "mails_overdue")?,
            mails_failed: unsigned(&row, "mails_failed")?,
            refunds_unclear: unsigned(&row, "refunds_unclear")?,
            statements_broken: unsigned(&row, "statements_broken")?,
        })
    }
}
