//! A place for uploads that only counts, and an import that a test moves on.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::body::Bytes;
use futures::{FutureExt, future::BoxFuture};
use kvit_billing::{EnrolmentId, EntryId};
use kvit_store::{NewScan, SignedSheet, Store};
use kvit_web::{DocumentError, ImportState, ImportView, Imports, NewFile, NoUpload, Scans, Upload};

/// What this place holds.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) known: Mutex<Vec<ImportView>>,
    /// Files that are coming in now.
    pub(crate) open: AtomicUsize,
    /// The bytes of each whole file.
    pub(crate) whole: Mutex<Vec<Vec<u8>>>,
    /// Bytes after which the disk is full.
    pub(crate) room: Mutex<Option<usize>>,
    /// Pictures of scanned pages, by their names in the archive.
    pub(crate) pictures: Mutex<HashMap<String, Vec<u8>>>,
    /// Whether too many come in at once.
    pub(crate) busy: Mutex<bool>,
}

impl Shelf {
    pub(crate) fn set(&self, state: ImportState) {
        self.known.lock().expect("not poisoned")[0].state = state;
    }
}

pub(crate) struct Counter(pub(crate) Arc<Shelf>, pub(crate) Store);

impl Imports for Counter {
    fn begin(&self, id: EntryId) -> BoxFuture<'_, Result<Box<dyn Upload>, NoUpload>> {
        async move {
            if *self.0.busy.lock().expect("not poisoned") {
                return Err(NoUpload::Busy);
            }
            self.0.open.fetch_add(1, Ordering::SeqCst);
            let incoming = Incoming {
                id,
                bytes: Vec::new(),
                shelf: Arc::clone(&self.0),
            };
            Ok(Box::new(incoming) as Box<dyn Upload>)
        }
        .boxed()
    }

    fn known(&self) -> Vec<ImportView> {
        self.0.known.lock().expect("not poisoned").clone()
    }
}

impl Scans for Counter {
    fn begin(&self, id: EntryId) -> BoxFuture<'_, Result<Box<dyn Upload>, NoUpload>> {
        Imports::begin(self, id)
    }

    fn picture<'a>(&'a self, scan: &'a NewScan) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>> {
        async move {
            let pictures = self.0.pictures.lock().expect("not poisoned");
            pictures
                .get(&scan.object)
                .cloned()
                .ok_or(DocumentError::Missing)
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
            let sheet = SignedSheet {
                object: format!("scans/signed/{consent}-{attempt}.svg"),
                bytes: svg.len() as u64,
                sha256: kvit_flow::scans::sha256(&svg),
            };
            let (store, now) = (self.1.clone(), jiff::Timestamp::UNIX_EPOCH);
            let noted = store.note_scan_object(&sheet.object, now).await;
            noted.map_err(|error| DocumentError::Archive(Box::new(error)))?;
            let mut pictures = self.0.pictures.lock().expect("not poisoned");
            pictures.insert(sheet.object.clone(), svg);
            Ok(sheet)
        }
        .boxed()
    }

    fn signed<'a>(
        &'a self,
        sheet: &'a SignedSheet,
    ) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>> {
        async move {
            let pictures = self.0.pictures.lock().expect("not poisoned");
            let found = pictures.get(&sheet.object).cloned();
            found.ok_or(DocumentError::Missing)
        }
        .boxed()
    }
}

struct Incoming {
    id: EntryId,
    bytes: Vec<u8>,
    shelf: Arc<Shelf>,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.shelf.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Upload for Incoming {
    fn write(&mut self, part: Bytes) -> BoxFuture<'_, Result<(), NoUpload>> {
        async move {
            self.bytes.extend_from_slice(&part);
            match *self.shelf.room.lock().expect("not poisoned") {
                Some(room) if self.bytes.len() > room => {
                    Err(NoUpload::Full(std::io::ErrorKind::StorageFull.into()))
                }
                _ => Ok(()),
            }
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>, file: NewFile) -> BoxFuture<'static, Result<(), NoUpload>> {
        async move {
            let bytes = std::mem::take(&mut self.bytes);
            self.shelf.whole.lock().expect("not poisoned").push(bytes);
            let view = ImportView {
                id: self.id.clone(),
                file,
                state: ImportState::Waiting,
            };
            self.shelf
                .known
                .lock()
                .expect("not poisoned")
                .insert(0, view);
            Ok(())
        }
        .boxed()
    }
}
