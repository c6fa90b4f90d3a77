//! An import, whoever asks for it: the command line or the console.

use std::fs::{File, OpenOptions};

use jiff::{Timestamp, civil::Date};
use kvit_billing::RunId;
use kvit_flow::{ImportOutcome, ImportRequest, import::import};
use kvit_intake::{Characters, Rules};
use kvit_store::{RunState, Store};
use kvit_web::Fails;

use crate::{
    exit::{Context, Exit, Failure},
    handover::{self, Given},
    wiring::Instance,
};

/// An import that is about to be run.
pub(crate) struct Import {
    store: Store,
    request: ImportRequest,
    /// How many orders the run file promises.
    pub(crate) promised: Option<u64>,
    /// Files of folders and ZIPs that are no bills by their name.
    pub(crate) skipped: Vec<String>,
    _turn: Turn,
}

/// That no other import is under way in this instance.
pub(crate) struct Turn {
    _lock: File,
}

impl Turn {
    /// One import at a time: a second one of the same file would clear the first one's orders away. `None`
    /// while another is under way, in this process or another.
    pub(crate) fn take(instance: &Instance) -> Result<Option<Self>, Failure> {
        let path = instance.dir.join("import.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .fails(Exit::Failed, Fails::Lock, &[("path", &path.display())])?;
        Ok(lock.try_lock().is_ok().then_some(Self { _lock: lock }))
    }
}

impl Import {
    /// Looks at what is handed over, and names the run.
    pub(crate) async fn begin(
        instance: &Instance,
        turn: Turn,
        given: Vec<Given>,
        by: &str,
    ) -> Result<Self, Failure> {
        let limits = instance.config.import.clone();
        // A folder or ZIP of a hundred thousand files takes its time.
        let expand = tokio::task::spawn_blocking(move || handover::expand(&given, &limits));
        let handover = expand.await.fails(Exit::Failed, Fails::Run, &[])??;
        let zone = instance.time_zone()?;
        let at = Timestamp::now();
        let today = zone.to_datetime(at).date();
        let month = handover.month.unwrap_or(today);
        let operator = &instance.config.operator;
        let layout = instance.current_layout().await?;
        let request = ImportRequest {
            id: new_id(&instance.store, month, &handover.fingerprint).await?,
            by: by.to_owned(),
            at,
            rules: Rules {
                operator_ids: vec![operator.eik.clone(), operator.vat_number.clone()],
                currency: operator.currency,
                operator_is_placeholder: instance.config.placeholder,
                today,
                shown: Characters::new(move |character| layout.can_print(character)),
            },
            sources: handover.sources,
            chunk_orders: instance.config.issue.chunk_orders,
        };
        Ok(Self {
            store: instance.store.clone(),
            request,
            promised: handover.promised,
            skipped: handover.skipped,
            _turn: turn,
        })
    }

    /// As if it were done at another moment.
    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.request.at = at;
        self
    }

    /// Reads, checks and keeps; `progress` hears how many orders were read so far.
    pub(crate) async fn run(
        self,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<ImportOutcome, Failure> {
        import(&self.store, self.request, progress)
            .await
            .fails(Exit::Failed, Fails::Run, &[])
    }
}

/// Month and fingerprint: the id of an import that died is taken again, so that what it left is
/// cleared away; a finished run's is not.
async fn new_id(store: &Store, month: Date, fingerprint: &str) -> Result<RunId, Failure> {
    let base = format!("{:04}-{:02}-{fingerprint}", month.year(), month.month());
    for count in 1..1000 {
        let text = if count == 1 {
            base.clone()
        } else {
            format!("{base}-{count}")
        };
        let id: RunId = text.parse().fails(Exit::Failed, Fails::RunName, &[])?;
        match store.run(&id).await? {
            Some(run) if run.state != RunState::Importing => {}
            _ => return Ok(id),
        }
    }
    Err(Failure::told(Exit::Failed, Fails::NamedOften, &[]))
}
