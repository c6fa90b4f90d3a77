//! Faults: a process that dies at a place, an archive that fails.

use std::{
    ops::Range,
    panic::{self, PanicHookInfo},
    sync::{
        Arc, Mutex, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures::future::BoxFuture;
use kvit_flow::ports::{Archive, ArchiveError, Checkpoints};
use tokio::task::JoinError;

/// The end of a process, in place of a real one.
struct Death(&'static str);

/// Ends the process at the `n`-th place that it reaches, from 1; never where `n` is 0.
pub struct DieAt {
    left: AtomicUsize,
    died: Mutex<Option<&'static str>>,
}

impl DieAt {
    pub fn new(n: usize) -> Arc<Self> {
        static QUIET: Once = Once::new();
        QUIET.call_once(|| {
            let loud = panic::take_hook();
            panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
                if !info.payload().is::<Death>() {
                    loud(info);
                }
            }));
        });
        Arc::new(Self {
            left: AtomicUsize::new(n),
            died: Mutex::new(None),
        })
    }

    /// Where it died, if it did.
    pub fn place(&self) -> Option<&'static str> {
        *self.died.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkpoints for DieAt {
    fn reached(&self, name: &'static str) {
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if before == Ok(1) {
            *self.died.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
            panic::panic_any(Death(name));
        }
    }
}

/// Whether a task ended by [`DieAt`]; any other panic goes on.
pub fn died<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(value) => Some(value),
        Err(error) => {
            let payload = error.into_panic();
            match payload.downcast::<Death>() {
                Ok(_) => None,
                Err(other) => panic::resume_unwind(other),
            }
        }
    }
}

/// How a write fails.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Nothing was written.
    Before,
    /// Half an object was staged and never renamed.
    Torn,
    /// Everything was written, and the answer was lost.
    After,
}

/// An archive whose `at`-th write fails, from 1.
pub struct FaultyArchive {
    inner: Arc<dyn Archive>,
    folder: std::path::PathBuf,
    fault: Fault,
    left: AtomicUsize,
}

impl FaultyArchive {
    pub fn new(
        inner: Arc<dyn Archive>,
        folder: &std::path::Path,
        fault: Fault,
        at: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner,
            folder: folder.to_owned(),
            fault,
            left: AtomicUsize::new(at),
        })
    }

    async fn write(&self, object: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left != Ok(1) {
            return self.inner.put(object, bytes).await;
        }
        match self.fault {
            Fault::Before => {}
            Fault::Torn => {
                let staged = self.folder.join(format!("{object}#1"));
                let parent = staged.parent().expect("objects lie in folders");
                std::fs::create_dir_all(parent).expect("made");
                std::fs::write(staged, &bytes[..bytes.len() / 2]).expect("written");
            }
            Fault::After => self.inner.put(object, bytes).await?,
        }
        Err(ArchiveError {
            action: "write",
            object: object.to_owned(),
            source: "the disk is on fire".into(),
        })
    }
}

impl Archive for FaultyArchive {
    fn put<'a>(&'a self, object: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<(), ArchiveError>> {
        Box::pin(self.write(object, bytes))
    }

    fn read<'a>(
        &'a self,
        object: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ArchiveError>> {
        self.inner.read(object, range)
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, ArchiveError>> {
        self.inner.list(folder)
    }

    fn delete<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<(), ArchiveError>> {
        self.inner.delete(object)
    }
}

/// An archive that takes nothing, gives only where `reads`, and cannot remove what is called `1`.
pub struct DownArchive {
    pub inner: Arc<dyn Archive>,
    pub reads: bool,
}

impl DownArchive {
    fn down<T: Send + 'static>(
        action: &'static str,
        object: &str,
    ) -> BoxFuture<'static, Result<T, ArchiveError>> {
        let error = ArchiveError {
            action,
            object: object.to_owned(),
            source: "nobody answers".into(),
        };
        Box::pin(async move { Err(error) })
    }
}

impl Archive for DownArchive {
    fn put<'a>(
        &'a self,
        object: &'a str,
        _bytes: Bytes,
    ) -> BoxFuture<'a, Result<(), ArchiveError>> {
        Self::down("write", object)
    }

    fn read<'a>(
        &'a self,
        object: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ArchiveError>> {
        if self.reads {
            return self.inner.read(object, range);
        }
        Self::down("read", object)
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, ArchiveError>> {
        self.inner.list(folder)
    }

    fn delete<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<(), ArchiveError>> {
        if object.ends_with("/1") {
            return Self::down("delete", object);
        }
        self.inner.delete(object)
    }
}
