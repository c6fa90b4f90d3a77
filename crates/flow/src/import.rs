//! Run file to checked run: everything is checked before anything counts.
//!
//! The file is read once, as a stream. Orders are staged chunk by chunk under a run that is still
//! `importing`, which no other verb sees; only the last step makes the run `checked`. A death
//! before that step leaves a run that the next import of the same id clears away.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufReader, Read},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillKind, BillNumber, BillOrder, Cents, ChunkNo, Currency, CustomerNumber, HolderChange,
    OrderSeq, Period, RunId,
};
use kvit_intake::{
    Check, Diagnostic, Findings, Format, Header, NdjsonReader, Rules, read_invoice, sniff,
};
use kvit_store::{
    AccountEnd, CustomerRecord, Event, NewRun, OrderKey, RunTotals, Store, StoreError,
};
use tokio::sync::mpsc;

use crate::summary::RunSummary;

/// Orders that wait between the reader and the store, in batches.
const BATCHES_WAITING_MAX: usize = 4;
/// The largest EN 16931 file, in bytes.
const INVOICE_BYTES_MAX: u64 = 20 * 1024 * 1024;

/// One file of a hand-over.
pub struct Source {
    /// Its name, as diagnostics say it.
    pub name: String,
    /// Its bytes.
    pub open: Box<dyn Read + Send>,
}

/// What to import, for whom, by which rules.
pub struct ImportRequest {
    /// The run's id within Kvit.
    pub id: RunId,
    /// Who imports.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What the operator accepts.
    pub rules: Rules,
    /// One run file, or any number of EN 16931 invoices.
    pub sources: Vec<Source>,
    /// Orders a chunk.
    pub chunk_orders: usize,
}

/// How an import ended.
#[derive(Debug)]
pub struct ImportOutcome {
    /// The run.
    pub run: RunId,
    /// Checked and ready for release; otherwise rejected.
    pub accepted: bool,
    /// Orders read without a fault.
    pub orders: u64,
    /// Sum of their gross amounts, credit notes negative.
    pub sum: Cents,
    /// The run that has all of these orders already, and nothing else is wrong with them. The one
    /// finding then says so.
    pub already: Option<RunId>,
    /// Currency of the run, where the file said one.
    pub currency: Option<Currency>,
    /// Everything that was found.
    pub findings: Findings,
    /// Counts and outliers.
    pub summary: RunSummary,
}

/// The import could not be carried out; the run file was not judged.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store failed.
    #[error("the run could not be kept")]
    Store(#[from] StoreError),
    /// The reading thread died.
    #[error("the reader of the run file stopped")]
    Reader(#[source] tokio::task::JoinError),
    /// The report cannot be written as JSON.
    #[error("the report cannot be written")]
    Report(#[from] serde_json::Error),
}

/// An order with its place, for diagnostics.
struct Placed {
    file: Arc<str>,
    line: u64,
    order: BillOrder,
}

enum Read1 {
    Header(Header),
    Orders(Vec<Placed>),
}

/// Reads, checks and stages a hand-over; `progress` hears how many orders were read so far.
///
/// # Errors
/// Where the store fails. Faults of the file are no error: they are in the outcome's findings.
pub async fn import(
    store: &Store,
    request: ImportRequest,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<ImportOutcome, ImportError> {
    let ImportRequest {
        id,
        by,
        at,
        rules,
        sources,
        chunk_orders,
    } = request;
    let file_name = sources.first().map(|s| s.name.clone()).unwrap_or_default();
    let (sender, mut receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    let day = rules.today;
    let reader =
        tokio::task::spawn_blocking(move || read_all(sources, &rules, chunk_orders, &sender));

    let mut staging = Staging::new(store, &id, at);
    let mut header: Option<Header> = None;
    while let Some(message) = receiver.recv().await {
        match message {
            Read1::Header(found) => {
                begin(store, &id, &found, &file_name, &by, at).await?;
                header = Some(found);
            }
            Read1::Orders(batch) => {
                staging.take(batch).await?;
                progress(staging.next_seq);
            }
        }
    }
    let mut findings = reader.await.map_err(ImportError::Reader)?;
    let already = staging.already_a_run(&findings);
    match &already {
        // A line for each order would bury the one thing to know.
        Some(run) => findings.push(Diagnostic::already_a_run(&file_name, run)),
        None => findings.extend(staging.findings),
    }
    findings.sort();
    if header.is_none() {
        let unknown = Header::unknown(Period { from: day, to: day });
        begin(store, &id, &unknown, &file_name, &by, at).await?;
    }

    let accepted = !findings.has_errors() && staging.next_seq > 0;
    let outcome = ImportOutcome {
        run: id.clone(),
        accepted,
        orders: staging.summary.orders(),
        sum: staging.summary.gross,
        already,
        currency: header.map(|h| h.currency),
        findings,
        summary: staging.summary,
    };
    if accepted {
        // A death before this line leaves customers that no run speaks of yet: harmless, and the
        // next import brings them up to date again.
        for chunk in 0..staging.next_chunk {
            bring_customers(store, (&id, ChunkNo(chunk)), (&by, at)).await?;
        }
        let totals = RunTotals {
            orders: outcome.orders,
            chunks: staging.next_chunk,
            sum_cents: outcome.sum,
        };
        if outcome.findings.warnings() > 0 {
            store.keep_warnings(&id, at, &report(&outcome)).await?;
        }
        store
            .accept_run(
                &id,
                at,
                &totals,
                &serde_json::to_value(&outcome.summary)?,
                at,
            )
            .await?;
    } else {
        store.reject_run(&id, at, &report(&outcome), at).await?;
    }
    Ok(outcome)
}

/// What was found, for whoever decides about the run.
fn report(outcome: &ImportOutcome) -> serde_json::Value {
    serde_json::json!({
        "errors": outcome.findings.errors(),
        "warnings": outcome.findings.warnings(),
        "diagnostics": outcome.findings.list(),
    })
}

async fn begin(
    store: &Store,
    id: &RunId,
    header: &Header,
    file_name: &str,
    by: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    store
        .begin_run(&NewRun {
            id: id.clone(),
            system: header.system.clone(),
            external_id: header.run.clone(),
            period: header.period,
            currency: header.currency,
            seller: header.seller.clone(),
            file_name: file_name.to_owned(),
            imported_by: by.to_owned(),
            imported_at: at,
        })
        .await
}

/// Brings the customers of a chunk up to date. Where another party holds an account, what the earlier one had there ends
/// first: by what is stored, so a death in between changes nothing twice.
async fn bring_customers(
    store: &Store,
    (run, chunk): (&RunId, ChunkNo),
    (by, at): (&str, Timestamp),
) -> Result<(), StoreError> {
    let mut orders = store.staged_orders(run, chunk).await?;
    let notes: Vec<_> = orders
        .iter()
        .filter(|order| order.kind != BillKind::Invoice)
        .map(|order| order.account.clone())
        .collect();
    // A note is for whoever held the account when the bill was issued that it corrects.
    let known = store.known_customers(&notes).await?;
    orders.retain(|order| order.kind == BillKind::Invoice || !known.contains(&order.account));
    let held = store.customers(&named(orders.iter())).await?;
    let since: Vec<(CustomerNumber, Date)> = orders
        .iter()
        .filter_map(|order| {
            let another = change(&held, order) == HolderChange::Another;
            let since = order.holder_since.or(another.then_some(order.period.from));
            Some((order.account.clone(), since?))
        })
        .collect();
    for (account, day) in store.taken_over(&since).await? {
        let end = AccountEnd::Moved { since: day };
        let event = Event {
            at,
            who: by.to_owned(),
            what: "account.moved".to_owned(),
            subject: format!("customer/{account}"),
            detail: serde_json::json!({ "day": day, "run": run }),
        };
        store.end_account(&account, end, None, &event).await?;
    }
    let customers: Vec<_> = orders.into_iter().filter_map(|o| o.customer).collect();
    store.upsert_customers(&customers).await?;
    store.note_holders(&since).await
}

/// The accounts of orders that name their customer.
fn named<'o>(orders: impl Iterator<Item = &'o BillOrder>) -> Vec<CustomerNumber> {
    orders
        .filter(|order| order.customer.is_some())
        .map(|order| order.account.clone())
        .collect()
}

/// What an order's customer is to the one that is known, where it does not say so itself.
fn change(held: &HashMap<CustomerNumber, CustomerRecord>, order: &BillOrder) -> HolderChange {
    match (&order.customer, held.get(&order.account)) {
        (Some(now), Some(before))
            if order.kind == BillKind::Invoice && order.holder_since.is_none() =>
        {
            before.customer.change_to(now)
        }
        _ => HolderChange::Same,
    }
}

/// What has been staged so far, and what was found against the store.
struct Staging<'a> {
    store: &'a Store,
    id: &'a RunId,
    begun: Timestamp,
    next_seq: u64,
    next_chunk: u32,
    /// Hashes of the order keys: 16 bytes an order keep 2,000,000 of them in 50 MB.
    seen: HashSet<u128>,
    /// How many orders each earlier run has.
    seen_in: HashMap<RunId, u64>,
    /// Accounts that are closed by an order.
    closed: HashSet<CustomerNumber>,
    /// Accounts that another party takes over by an order.
    taken_over: HashSet<CustomerNumber>,
    findings: Findings,
    summary: RunSummary,
}

impl<'a> Staging<'a> {
    fn new(store: &'a Store, id: &'a RunId, begun: Timestamp) -> Self {
        Self {
            store,
            id,
            begun,
            next_seq: 0,
            next_chunk: 0,
            seen: HashSet::new(),
            seen_in: HashMap::new(),
            closed: HashSet::new(),
            taken_over: HashSet::new(),
            findings: Findings::default(),
            summary: RunSummary::default(),
        }
    }

    async fn take(&mut self, batch: Vec<Placed>) -> Result<(), StoreError> {
        self.check(&batch).await?;
        for placed in &batch {
            self.summary.add(&placed.order);
        }
        let first = OrderSeq(self.next_seq);
        self.next_seq += batch.len() as u64;
        // After a fault nothing more needs to be kept; the checks go on to find the rest.
        if !self.findings.has_errors() {
            let orders: Vec<BillOrder> = batch.into_iter().map(|p| p.order).collect();
            self.store
                .stage_chunk(
                    self.id,
                    self.begun,
                    ChunkNo(self.next_chunk),
                    first,
                    &orders,
                )
                .await?;
            self.next_chunk += 1;
        }
        Ok(())
    }

    /// The run that has every order read, where `read` and the store object to nothing else.
    fn already_a_run(&self, read: &Findings) -> Option<RunId> {
        let mut runs = self.seen_in.iter();
        let (run, orders) = runs.next()?;
        let alone = runs.next().is_none() && *orders == self.next_seq;
        let blameless = !read.has_errors() && self.findings.errors() == *orders;
        (alone && blameless).then(|| run.clone())
    }

    /// Whether the run has both a last bill of an account and the next holder's first one by now. `ends` are the accounts of
    /// which something ends with an order's `holder_since`.
    fn closes_and_takes_over(&mut self, order: &BillOrder, ends: &HashSet<CustomerNumber>) -> bool {
        let account = &order.account;
        let (closes, ended) = (order.closed_on.is_some(), ends.contains(account));
        if closes {
            self.closed.insert(account.clone());
        } else if ended && order.holder_since.is_some() {
            self.taken_over.insert(account.clone());
        }
        (closes || ended) && self.closed.contains(account) && self.taken_over.contains(account)
    }

    /// What only the store can tell: seen before, unknown customer, missing original.
    async fn check(&mut self, batch: &[Placed]) -> Result<(), StoreError> {
        let keys: Vec<OrderKey> = batch.iter().map(|p| key_of(&p.order)).collect();
        let seen: HashMap<OrderKey, RunId> =
            self.store.seen_orders(&keys).await?.into_iter().collect();
        let strangers: Vec<CustomerNumber> = batch
            .iter()
            .filter(|p| p.order.customer.is_none())
            .map(|p| p.order.account.clone())
            .collect();
        let known = self.store.known_customers(&strangers).await?;
        let corrected: Vec<BillNumber> = batch
            .iter()
            .filter_map(|p| p.order.corrects.as_ref())
            .map(|c| c.number)
            .collect();
        let originals = self.store.known_bills(&corrected).await?;
        let accounts = named(batch.iter().map(|placed| &placed.order));
        let held = self.store.customers(&accounts).await?;
        let since: Vec<_> = batch
            .iter()
            .filter_map(|p| Some((p.order.account.clone(), p.order.holder_since?)))
            .collect();
        let ends = self.store.taken_over(&since).await?;
        let ends: HashSet<_> = ends.into_iter().map(|(account, _)| account).collect();
        for (placed, key) in batch.iter().zip(&keys) {
            let (file, line, order) = (&*placed.file, placed.line, &placed.order);
            if !self.seen.insert(fingerprint(key)) {
                self.findings
                    .push(Diagnostic::duplicate_in_file(file, line, order));
            }
            if let Some(run) = seen.get(key) {
                *self.seen_in.entry(run.clone()).or_default() += 1;
                self.findings
                    .push(Diagnostic::seen_before(file, line, order, run));
            }
            if order.customer.is_none() && !known.contains(&order.account) {
                self.findings
                    .push(Diagnostic::unknown_customer(file, line, order));
            }
            match change(&held, order) {
                HolderChange::Same => {}
                HolderChange::Unclear => self
                    .findings
                    .push(Diagnostic::holder_unclear(file, line, order)),
                HolderChange::Another => self
                    .findings
                    .push(Diagnostic::another_holder(file, line, order)),
            }
            if self.closes_and_takes_over(order, &ends) {
                self.findings
                    .push(Diagnostic::closed_and_taken_over(file, line, order));
            }
            if let Some(corrects) = &order.corrects
                && originals.get(&corrects.number) != Some(&corrects.issue_date)
            {
                self.findings
                    .push(Diagnostic::original_missing(file, line, order));
            }
        }
        Ok(())
    }
}

fn key_of(order: &BillOrder) -> OrderKey {
    OrderKey {
        account: order.account.clone(),
        period: order.period,
        kind: order.kind,
        version: order.version,
    }
}

fn fingerprint(key: &OrderKey) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, &key.account, key.period, key.kind, key.version).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    (half(0) << 64) | half(1)
}

fn unreadable(file: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::unreadable(file, Check::Unreadable, error)
}

/// Reads every source on a thread of its own and hands the orders over in chunks.
fn read_all(
    sources: Vec<Source>,
    rules: &Rules,
    chunk_orders: usize,
    out: &mpsc::Sender<Read1>,
) -> Findings {
    let mut findings = Findings::default();
    let mut batcher = Batcher {
        out,
        size: chunk_orders.max(1),
        batch: Vec::new(),
        header: false,
        heard: true,
    };
    if sources.is_empty() {
        findings.push(Diagnostic::unreadable("", Check::NoFile, ""));
    }
    for source in sources {
        if !batcher.heard {
            break;
        }
        let name: Arc<str> = source.name.as_str().into();
        let mut input = BufReader::with_capacity(1 << 16, source.open);
        let format = match std::io::BufRead::fill_buf(&mut input) {
            Ok(first) => sniff(first),
            Err(error) => {
                findings.push(unreadable(&source.name, &error));
                continue;
            }
        };
        match format {
            Format::Ndjson => {
                let Some(mut reader) =
                    NdjsonReader::open(&source.name, input, rules, &mut findings)
                else {
                    continue;
                };
                batcher.header(reader.header());
                while batcher.heard
                    && let Some((line, order)) = reader.next_order(&mut findings)
                {
                    batcher.push(Placed {
                        file: Arc::clone(&name),
                        line,
                        order,
                    });
                }
                reader.finish(&mut findings);
            }
            Format::Ubl | Format::Cii => {
                let mut xml = Vec::new();
                if let Err(error) = input.take(INVOICE_BYTES_MAX + 1).read_to_end(&mut xml) {
                    findings.push(unreadable(&source.name, &error));
                } else if let Some(invoice) = read_invoice(&source.name, &xml, rules, &mut findings)
                {
                    batcher.header(&invoice.header);
                    batcher.push(Placed {
                        file: name,
                        line: 1,
                        order: invoice.order,
                    });
                }
            }
            Format::Zip | Format::Unknown => findings.push(Diagnostic::unreadable(
                &source.name,
                Check::UnknownFormat,
                "",
            )),
        }
    }
    batcher.flush();
    findings
}

struct Batcher<'a> {
    out: &'a mpsc::Sender<Read1>,
    size: usize,
    batch: Vec<Placed>,
    header: bool,
    /// Somebody still listens. Nobody does where the store failed; that error is the one to report,
    /// and gigabytes more need not be read for it.
    heard: bool,
}

impl Batcher<'_> {
    fn header(&mut self, header: &Header) {
        if !std::mem::replace(&mut self.header, true) {
            self.send(Read1::Header(header.clone()));
        }
    }

    fn push(&mut self, placed: Placed) {
        self.batch.push(placed);
        if self.batch.len() >= self.size {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            self.send(Read1::Orders(batch));
        }
    }

    fn send(&mut self, message: Read1) {
        self.heard &= self.out.blocking_send(message).is_ok();
    }
}
