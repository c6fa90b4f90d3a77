//! Faults: a process that dies at a place, an archive that fails.

use std::{
    collections::BTreeSet,
    ops::Range,
    panic::{self, PanicHookInfo},
    sync::{
        Arc, Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures::future::BoxFuture;
use kvit_flow::ports::{Archive, ArchiveError, Checkpoints};
use tokio::task::JoinError;

/// The end of a process, in place of a real one.
struct Death(&'static str);

/// Ends the process at a place, or nowhere.
pub struct DieAt {
    /// The only place that counts; all of them, where it is `None`.
    place: Option<&'static str>,
    left: AtomicUsize,
    died: Mutex<Option<&'static str>>,
    reached: Mutex<BTreeSet<&'static str>>,
}

impl DieAt {
    /// At the `n`-th place that is reached, from 1; never where `n` is 0. Of a process that does one thing
    /// after the other: what several lines reach comes in no certain order, see [`each_death`].
    pub fn new(n: usize) -> Arc<Self> {
        Self::at(None, n)
    }

    fn at(place: Option<&'static str>, n: usize) -> Arc<Self> {
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
            place,
            left: AtomicUsize::new(n),
            died: Mutex::default(),
            reached: Mutex::default(),
        })
    }

    /// Where it died, if it did.
    pub fn place(&self) -> Option<&'static str> {
        *locked(&self.died)
    }
}

impl Checkpoints for DieAt {
    fn reached(&self, name: &'static str) {
        locked(&self.reached).insert(name);
        if self.place.is_some_and(|place| place != name) {
            return;
        }
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if before == Ok(1) {
            *locked(&self.died) = Some(name);
            panic::panic_any(Death(name));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lives once without a death, then dies at each place that this life reached: there the first time, the
/// second, and so on until it is reached no more. Gives the places.
pub async fn each_death(mut life: impl AsyncFnMut(Arc<DieAt>)) -> BTreeSet<&'static str> {
    let undisturbed = DieAt::at(None, 0);
    life(Arc::clone(&undisturbed)).await;
    let places = locked(&undisturbed.reached).clone();
    for place in &places {
        for n in 1.. {
            let dying = DieAt::at(Some(place), n);
            life(Arc::clone(&dying)).await;
            if dying.place().is_none() {
                assert!(n > 1, "{place} was reached in one life only");
                break;
            }
        }
    }
    places
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
