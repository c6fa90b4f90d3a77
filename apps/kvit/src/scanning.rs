//! Scans come in, whoever brings them: the command line or the console.

use std::{fs, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use kvit_billing::EntryId;
use kvit_flow::{
    PictureError, ScanImport,
    ports::{Archive, Checkpoints},
    read_scan,
    scans::sha256,
};
use kvit_store::{NewScan, NewScanFile, ScanReport};
use kvit_web::{DocumentError, NewFile, NoUpload, Scans, Upload};
use tokio::sync::Mutex;

use crate::{
    exit::{Context, Failure},
    faults,
    uploads::{Held, Room},
    wiring::{Instance, SystemClock},
};

/// What reading scans needs of an instance.
pub(crate) struct Scanning {
    instance: Instance,
    archive: Arc<dyn Archive>,
}

impl Scanning {
    pub(crate) fn open(instance: &Instance) -> Result<Self, Failure> {
        Ok(Self {
            instance: instance.clone(),
            archive: instance.archive()?,
        })
    }

    /// Writes down who brings a file.
    pub(crate) async fn begin(&self, file: &NewScanFile) -> Result<(), Failure> {
        let checkpoints = faults::checkpoints();
        let begun = self.import(checkpoints.as_ref()).begin(file).await;
        begun.failed(format!("{} cannot be taken in", file.name))
    }

    /// Reads a file that was begun.
    pub(crate) async fn read(
        &self,
        file: &NewScanFile,
        bytes: Vec<u8>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<ScanReport, Failure> {
        let checkpoints = faults::checkpoints();
        let import = self.import(checkpoints.as_ref());
        let read = import.read(file, bytes, progress).await;
        let what = format!("{} is not wholly in", file.name);
        read.failed(what).map_err(|failure| {
            failure.hint("bring it again: pages that came in are known, and count once")
        })
    }

    fn import<'a>(&'a self, checkpoints: &'a dyn Checkpoints) -> ScanImport<'a> {
        let config = &self.instance.config;
        ScanImport {
            store: &self.instance.store,
            archive: self.archive.as_ref(),
            clock: &SystemClock,
            checkpoints,
            eik: config.operator.eik.clone(),
            public_url: config.portal.public_url.trim_end_matches('/').to_owned(),
        }
    }
}

/// Takes scans that staff upload: one file is read at a time, off the threads that serve pages.
pub(crate) struct Scanner {
    scanning: Arc<Scanning>,
    room: Arc<Room>,
    turn: Arc<Mutex<()>>,
}

impl Scanner {
    pub(crate) fn new(instance: &Instance, room: Arc<Room>) -> Result<Self, Failure> {
        Ok(Self {
            scanning: Arc::new(Scanning::open(instance)?),
            room,
            turn: Arc::default(),
        })
    }
}

impl Scans for Scanner {
    fn begin(&self, id: EntryId) -> BoxFuture<'_, Result<Box<dyn Upload>, NoUpload>> {
        async move {
            let (scanning, turn) = (Arc::clone(&self.scanning), Arc::clone(&self.turn));
            let name = id.clone();
            self.room.begin(&name, move |held, file| {
                tokio::spawn(async move {
                    if let Err(failure) = uploaded(&scanning, &turn, id, held, file).await {
                        // The list shows it as cut off.
                        tracing::error!(%failure, "uploaded scans cannot be read");
                    }
                });
            })
        }
        .boxed()
    }

    fn picture<'a>(&'a self, scan: &'a NewScan) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>> {
        async move {
            let read = read_scan(self.scanning.archive.as_ref(), scan).await;
            read.map_err(|error| match error {
                PictureError::Altered(_) => DocumentError::Changed,
                other => DocumentError::Archive(Box::new(other)),
            })
        }
        .boxed()
    }
}

/// Reads an uploaded file when its turn has come. It is removed afterwards, whatever came of it.
async fn uploaded(
    scanning: &Scanning,
    turn: &Mutex<()>,
    id: EntryId,
    held: Held,
    file: NewFile,
) -> Result<(), Failure> {
    let path = held.path.clone();
    let bytes = || {
        let path = path.clone();
        tokio::task::spawn_blocking(move || fs::read(path))
    };
    let cannot = "an uploaded file cannot be read";
    // In the list at once, and in memory once others are done.
    let hash = sha256(&bytes().await.failed(cannot)?.failed(cannot)?);
    let file = NewScanFile {
        id,
        name: file.name,
        sha256: hash,
        by: file.by,
        at: file.at,
    };
    scanning.begin(&file).await?;
    let _turn = turn.lock().await;
    let bytes = bytes().await.failed(cannot)?.failed(cannot)?;
    scanning.read(&file, bytes, &|_| ()).await?;
    drop(held);
    Ok(())
}
