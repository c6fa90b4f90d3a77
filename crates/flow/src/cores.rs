//! All cores of the machine, for work that only computes.
//!
//! One pool for the process, however many stages ask for it, and not rayon's global one: the
//! typesetter splits its own work onto the pool that it runs in, and a global pool would be shared
//! with whatever else asks for it. Threads of the async runtime never compute.

use std::sync::{LazyLock, OnceLock};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::task::{JoinError, spawn_blocking};

/// Room for a nested layout: a thread that waits for its part of one bill may take up another.
const STACK_BYTES: usize = 16 * 1024 * 1024;

static THREADS: OnceLock<usize> = OnceLock::new();

static CORES: LazyLock<Result<ThreadPool, ThreadPoolBuildError>> = LazyLock::new(|| {
    ThreadPoolBuilder::new()
        .num_threads(THREADS.get().copied().unwrap_or_default())
        .thread_name(|n| format!("kvit-core-{n}"))
        .stack_size(STACK_BYTES)
        .build()
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

/// Runs `work` on the pool; its parallel iterators use all cores.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CoresError> {
    let pool = CORES.as_ref().map_err(CoresError::Threads)?;
    spawn_blocking(move || pool.install(work))
        .await
        .map_err(CoresError::Died)
}
