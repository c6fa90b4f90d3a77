//! Scans come in, whoever brings them: the command line reads them where they lie, the console keeps them for a worker.

use std::{fs, io, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use kvit_billing::{EnrolmentId, EntryId};
use kvit_flow::{
    PictureError, ScanError, ScanImport,
    ports::{Archive, Checkpoints},
    read_scan, read_signed,
    scans::sha256,
};
use kvit_store::{NewScan, NewScanFile, ScanReport, SignedSheet};
use kvit_web::{DocumentError, NewFile, NoUpload, Scans, Upload};
use tokio_util::sync::CancellationToken;

use crate::{
    exit::{Context, Failure},
    faults,
    uploads::{Held, Room, refused},
    wiring::{Instance, SystemClock},
};

/// Uploaded files that wait to be read, of all portals of a store: two of the largest forms.
const WAITING_MAX: u64 = 200;

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

    /// Reads a file where it lies.
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

    /// Reads the next uploaded file; `false` where none waits, or at `stop`.
    pub(crate) async fn read_next(
        &self,
        worker: &str,
        stop: &CancellationToken,
    ) -> Result<bool, ScanError> {
        let checkpoints = faults::checkpoints();
        let import = self.import(checkpoints.as_ref());
        let read = import.read_next(worker, stop).await?;
        if let Some((file, report)) = &read {
            tracing::info!(
                file = file.id.as_str(),
                kept = report.kept,
                known = report.known,
                blank = report.blank,
                faults = report.faults.len(),
                "scans read"
            );
        }
        Ok(read.is_some())
    }

    /// Removes what scans left behind.
    pub(crate) async fn clear(&self) -> Result<(), ScanError> {
        let checkpoints = faults::checkpoints();
        let days = self.instance.config.scans.refused_days;
        let (pages, objects) = self.import(checkpoints.as_ref()).clear(days).await?;
        if pages + objects > 0 {
            tracing::info!(pages, objects, "refused scans and leftovers are removed");
        }
        Ok(())
    }

    async fn receive(&self, file: &NewScanFile, bytes: Vec<u8>) -> Result<(), ScanError> {
        let checkpoints = faults::checkpoints();
        let import = self.import(checkpoints.as_ref());
        import.receive(file, bytes).await
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

/// Takes scans that staff upload: each is in the archive and in the store before its sender hears that it came, and a worker
/// reads it.
pub(crate) struct Scanner {
    scanning: Arc<Scanning>,
    room: Arc<Room>,
}

impl Scanner {
    pub(crate) fn new(instance: &Instance, room: Arc<Room>) -> Result<Self, Failure> {
        Ok(Self {
            scanning: Arc::new(Scanning::open(instance)?),
            room,
        })
    }
}

fn unread(error: PictureError) -> DocumentError {
    match error {
        PictureError::Altered(_) => DocumentError::Changed,
        other => DocumentError::Archive(Box::new(other)),
    }
}

impl Scans for Scanner {
    fn begin(&self, id: EntryId) -> BoxFuture<'_, Result<Box<dyn Upload>, NoUpload>> {
        async move {
            let scanning = Arc::clone(&self.scanning);
            let waiting = scanning.instance.store.scan_files_waiting().await;
            if waiting.map_err(|error| refused(io::Error::other(error)))? >= WAITING_MAX {
                return Err(NoUpload::Busy);
            }
            let name = id.clone();
            let then = move |held, file| {
                async move {
                    let kept = keep(&scanning, id, held, file).await;
                    kept.map_err(|error| refused(io::Error::other(error)))
                }
                .boxed()
            };
            self.room.begin(&name, Box::new(then))
        }
        .boxed()
    }

    fn picture<'a>(&'a self, scan: &'a NewScan) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>> {
        async move {
            let read = read_scan(self.scanning.archive.as_ref(), scan).await;
            read.map_err(unread)
        }
        .boxed()
    }

    fn keep_signed<'a>(
        &'a self,
        consent: &'a EnrolmentId,
        attempt: &'a EntryId,
        svg: Vec<u8>,
    ) -> BoxFuture<'a, Result<SignedSheet, DocumentError>> {
        async move {
            let checkpoints = faults::checkpoints();
            let import = self.scanning.import(checkpoints.as_ref());
            let kept = import.keep_signed(consent, attempt, svg).await;
            kept.map_err(|error| DocumentError::Archive(Box::new(error)))
        }
        .boxed()
    }

    fn signed<'a>(
        &'a self,
        sheet: &'a SignedSheet,
    ) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>> {
        async move {
            let read = read_signed(self.scanning.archive.as_ref(), sheet).await;
            read.map_err(unread)
        }
        .boxed()
    }
}

/// Keeps an uploaded file; the one in the instance's folder is removed, whatever came of it.
async fn keep(
    scanning: &Scanning,
    id: EntryId,
    held: Held,
    file: NewFile,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let path = held.path.clone();
    let read = tokio::task::spawn_blocking(move || {
        let bytes = fs::read(path)?;
        let hash = sha256(&bytes);
        Ok::<_, io::Error>((bytes, hash))
    });
    let (bytes, hash) = read.await??;
    let file = NewScanFile {
        id,
        name: file.name,
        sha256: hash,
        by: file.by,
        at: file.at,
    };
    scanning.receive(&file, bytes).await?;
    drop(held);
    Ok(())
}
