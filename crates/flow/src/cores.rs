//! All cores of the machine, for work that only computes.
//!
//! Each core takes the next bill when it is done with one. The typesetter splits its own work onto the
//! pool that it runs in and takes up whatever else waits there meanwhile; in a pool that all bills
//! share, a core held dozens of half-finished bills that way, and gigabytes with them (measured). So
//! each core has a pool of its own, of one thread. Threads of the async runtime never compute.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        LazyLock, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::task::{JoinError, spawn_blocking};

/// Room for a nested layout.
const STACK_BYTES: usize = 16 * 1024 * 1024;

static THREADS: OnceLock<usize> = OnceLock::new();

static CORES: LazyLock<Result<Vec<ThreadPool>, ThreadPoolBuildError>> = LazyLock::new(|| {
    let all = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let cores = THREADS.get().copied().unwrap_or_else(all);
    (0..cores.max(1))
        .map(|core| {
            ThreadPoolBuilder::new()
                .num_threads(1)
                .thread_name(move |_| format!("kvit-core-{core}"))
                .stack_size(STACK_BYTES)
                .build()
        })
        .collect()
});

/// The work was not done.
#[derive(Debug, thiserror::Error)]
pub enum CoresError {
    /// The system gave no threads.
    #[error("the threads that compose cannot be started")]
    Threads(#[source] &'static ThreadPoolBuildError),
    /// The work panicked.
    #[error("composing stopped; the log tells why")]
    Died(#[source] JoinError),
}

/// Computes on so many threads instead of on every core: to be said before anything is computed.
pub fn use_cores(threads: usize) {
    let _ = THREADS.set(threads);
}

/// Runs `work` on a thread that may wait, off the async runtime.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CoresError> {
    CORES.as_ref().map_err(CoresError::Threads)?;
    spawn_blocking(work).await.map_err(CoresError::Died)
}

/// What `work` makes of each item, in their order, on all cores; nothing is begun after the first failure,
/// which is returned. To be called within [`run`].
pub(crate) fn map<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let mut done = Vec::with_capacity(items.len());
    each(items, work, |made| {
        done.push(made);
        Ok(())
    })?;
    Ok(done)
}

/// As [`map`], but hands each result to `take` as soon as all before it are there; one core at a time takes.
pub(crate) fn each<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
    take: impl FnMut(R) -> Result<(), E> + Send,
) -> Result<(), E> {
    let (next, has_failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let order = Mutex::new(InOrder {
        waiting: BTreeMap::new(),
        next: 0,
        take,
        failure: None,
    });
    let one_core = || {
        while !has_failed.load(Ordering::Relaxed) {
            // What is begun is finished: so all before a failure are there.
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { break };
            // A panic ends it for the other cores too.
            let mut unfinished = Unfinished(Some(&has_failed));
            let made = work(item);
            unfinished.0 = None;
            let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
            let is_failure = made.is_err();
            if order.add(at, made) || is_failure {
                has_failed.store(true, Ordering::Relaxed);
            }
        }
    };
    let pools = CORES.as_ref().map(Vec::as_slice).unwrap_or_default();
    match pools {
        [] => one_core(),
        pools => thread::scope(|scope| {
            for pool in pools {
                scope.spawn(|| pool.install(one_core));
            }
        }),
    }
    let order = order.into_inner().unwrap_or_else(PoisonError::into_inner);
    order.failure.map_or(Ok(()), Err)
}

/// Says that something has failed, unless it is told otherwise before it goes.
struct Unfinished<'a>(Option<&'a AtomicBool>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(has_failed) = self.0 {
            has_failed.store(true, Ordering::Relaxed);
        }
    }
}

/// Results that may come in any order.
struct InOrder<R, E, F> {
    /// Those that came before one in front of them.
    waiting: BTreeMap<usize, Result<R, E>>,
    next: usize,
    take: F,
    failure: Option<E>,
}

impl<R, E, F: FnMut(R) -> Result<(), E>> InOrder<R, E, F> {
    /// Whether something has failed.
    fn add(&mut self, at: usize, made: Result<R, E>) -> bool {
        self.waiting.insert(at, made);
        while self.failure.is_none()
            && let Some(made) = self.waiting.remove(&self.next)
        {
            self.next += 1;
            self.failure = made.and_then(&mut self.take).err();
        }
        self.failure.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_and_the_first_failure_ends_all() {
        let items: Vec<u32> = (0..1_000).collect();
        let doubled = map(&items, |n| Ok::<_, ()>(n * 2)).expect("no failure");
        assert!(doubled.iter().zip(&items).all(|(a, b)| *a == b * 2));
        let failed = map(&items, |n| if *n == 500 { Err(*n) } else { Ok(()) });
        assert_eq!(failed, Err(500));
        assert_eq!(map(&[], |(): &()| Ok::<_, ()>(1)), Ok(vec![]));
    }
}
