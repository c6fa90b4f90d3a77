//! Samples of a checked run, for the eyes of who releases it.

use kvit_billing::{
    BillNumber, BillOrder, ChunkNo, CustomerNumber, LayoutNo, OrderSeq, RunId, RunLayout,
    code::InstanceKey,
};
use kvit_store::{ChunkJob, RunRecord, RunState};

use crate::{
    cores,
    issue::{IssueError, Issuer, compose_error},
};

/// Gives samples their codes and links: they look like those of bills and open nothing.
const NOBODY_S_KEY: [u8; 32] = [0; 32];

/// A bill as it would look, unsealed and marked as a sample.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Whose.
    pub account: CustomerNumber,
    /// The file.
    pub pdf: Vec<u8>,
}

impl Issuer {
    /// Unsealed samples of the first `n` bills of a run, marked as samples. They show the numbers 1 to `n`,
    /// since none is given before release, and codes that are not the customers'.
    ///
    /// # Errors
    /// Where there is no such run, or as for issuing.
    pub async fn preview(&self, run: &RunId, n: usize) -> Result<Vec<Sample>, IssueError> {
        let record = self.store.run(run).await?;
        let record = record.ok_or_else(|| IssueError::NoRun(run.clone()))?;
        let orders = self.first_orders(&record, n).await?;
        let layout = self.layout_of(&record).await?;
        self.samples(run, layout, orders).await
    }

    /// The sample of one bill, by its place in the run; `None` where the run has no such place.
    ///
    /// # Errors
    /// As for issuing.
    pub async fn sample(&self, run: &RunId, seq: OrderSeq) -> Result<Option<Sample>, IssueError> {
        let Some(record) = self.store.run(run).await? else {
            return Ok(None);
        };
        let layout = self.layout_of(&record).await?;
        let order = self.store.staged_order(run, seq).await?;
        let orders = order.into_iter().collect();
        let samples = self.samples(run, layout, orders).await?;
        Ok(samples.into_iter().next())
    }

    async fn samples(
        &self,
        run: &RunId,
        layout: RunLayout,
        orders: Vec<BillOrder>,
    ) -> Result<Vec<Sample>, IssueError> {
        let accounts: Vec<_> = orders.iter().map(|order| order.account.clone()).collect();
        // As if they were one chunk that is issued now.
        let mut job = ChunkJob {
            run: run.clone(),
            no: ChunkNo(0),
            claim: 0,
            first_seq: OrderSeq(0),
            first_number: BillNumber::new(1).ok_or(IssueError::Numbers)?,
            series: "sample".parse().map_err(|_| IssueError::Numbers)?,
            issued_at: self.clock.now(),
            layout,
            orders,
            holders: self.store.customers(&accounts).await?,
        };
        let bills = self.bills(&mut job, &InstanceKey::new(&NOBODY_S_KEY))?;
        let composer = self.composers.composer(layout).await?;
        cores::run(move || {
            cores::map(&bills, |bill| {
                let pdf = composer.sample(bill);
                Ok(Sample {
                    account: bill.customer.number.clone(),
                    pdf: pdf.map_err(|source| compose_error(bill, source))?,
                })
            })
        })
        .await?
    }

    /// The layout that a run keeps; before release, the one that it would get now.
    async fn layout_of(&self, run: &RunRecord) -> Result<RunLayout, IssueError> {
        match (run.layout, run.state) {
            (Some(layout), _) => Ok(layout),
            // Released before there were versions: its bills are issued in the one that comes with Kvit.
            (None, RunState::Released | RunState::Issued) => Ok(LayoutNo::BUILTIN.into()),
            (None, _) => Ok(self.store.current_layout().await?.into()),
        }
    }

    async fn first_orders(&self, run: &RunRecord, n: usize) -> Result<Vec<BillOrder>, IssueError> {
        let mut orders = Vec::new();
        for chunk in (0..run.chunks).map(ChunkNo) {
            if orders.len() >= n {
                break;
            }
            orders.extend(self.store.staged_orders(&run.id, chunk).await?);
        }
        orders.truncate(n);
        Ok(orders)
    }
}
