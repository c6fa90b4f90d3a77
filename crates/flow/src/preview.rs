//! Samples of a checked run, for the eyes of who releases it.

use std::sync::Arc;

use kvit_billing::{BillNumber, ChunkNo, OrderSeq, RunId};
use kvit_store::{ChunkJob, RunRecord};

use crate::{
    cores,
    issue::{IssueError, Issuer, compose_error},
};

impl Issuer {
    /// Unsealed samples of the first `n` bills of a run, marked as samples, with file names. They
    /// show the numbers 1 to `n`, since none is given before release.
    ///
    /// # Errors
    /// Where there is no such run, or as for issuing.
    pub async fn preview(
        &self,
        run: &RunId,
        n: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, IssueError> {
        let record = self
            .store
            .run(run)
            .await?
            .ok_or_else(|| IssueError::NoRun(run.clone()))?;
        let job = self.sample_job(&record, n).await?;
        let bills = self.bills(&job)?;
        let composer = Arc::clone(&self.composer);
        cores::run(move || {
            cores::map(&bills, |bill| {
                let pdf = composer
                    .sample(bill)
                    .map_err(|source| compose_error(bill, source))?;
                Ok((format!("sample-{}.pdf", bill.customer.number), pdf))
            })
        })
        .await?
    }

    /// The first `n` orders of a run, as if they were one chunk that is issued now.
    async fn sample_job(&self, run: &RunRecord, n: usize) -> Result<ChunkJob, IssueError> {
        let mut orders = Vec::new();
        for chunk in (0..run.chunks).map(ChunkNo) {
            if orders.len() >= n {
                break;
            }
            orders.extend(self.store.staged_orders(&run.id, chunk).await?);
        }
        orders.truncate(n);
        let accounts: Vec<_> = orders.iter().map(|order| order.account.clone()).collect();
        Ok(ChunkJob {
            run: run.id.clone(),
            no: ChunkNo(0),
            claim: 0,
            first_seq: OrderSeq(0),
            first_number: BillNumber::new(1).ok_or(IssueError::Numbers)?,
            series: "sample".parse().map_err(|_| IssueError::Numbers)?,
            issued_at: self.clock.now(),
            orders,
            holders: self.store.customers(&accounts).await?,
        })
    }
}
