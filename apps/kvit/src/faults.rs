//! Places where tests end the process. A release build has none of this.

use std::sync::Arc;

use kvit_flow::ports::{Checkpoints, NoCheckpoints};

/// The checkpoints of this process.
#[cfg(not(any(debug_assertions, feature = "faults")))]
pub(crate) fn checkpoints() -> Arc<dyn Checkpoints> {
    Arc::new(NoCheckpoints)
}

/// The checkpoints of this process: `KVIT_FAULT=NAME:COUNT` ends it, as abruptly as a kill, when
/// it comes to the place NAME for the COUNTth time.
#[cfg(any(debug_assertions, feature = "faults"))]
pub(crate) fn checkpoints() -> Arc<dyn Checkpoints> {
    let wanted = std::env::var("KVIT_FAULT").unwrap_or_default();
    match wanted.split_once(':') {
        Some((name, count)) => Arc::new(Fault {
            name: name.to_owned(),
            left: std::sync::atomic::AtomicU64::new(count.parse().unwrap_or(1)),
        }),
        None => Arc::new(NoCheckpoints),
    }
}

#[cfg(any(debug_assertions, feature = "faults"))]
struct Fault {
    name: String,
    left: std::sync::atomic::AtomicU64,
}

#[cfg(any(debug_assertions, feature = "faults"))]
impl Checkpoints for Fault {
    fn reached(&self, name: &'static str) {
        use std::sync::atomic::Ordering;
        if name == self.name && self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::process::abort();
        }
    }
}

/// How many seconds a bill may take while a layout is tried: as many as a release build gives.
#[cfg(not(any(debug_assertions, feature = "faults")))]
pub(crate) const fn layout_seconds(usual: u64) -> u64 {
    usual
}

/// How many seconds a bill may take while a layout is tried; tests do not wait so long (`KVIT_LAYOUT_SECONDS`).
#[cfg(any(debug_assertions, feature = "faults"))]
pub(crate) fn layout_seconds(usual: u64) -> u64 {
    let named = std::env::var("KVIT_LAYOUT_SECONDS").ok();
    named.and_then(|text| text.parse().ok()).unwrap_or(usual)
}
