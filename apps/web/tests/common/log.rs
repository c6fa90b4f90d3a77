//! What is logged during a test.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::{Dispatch, Level, subscriber::DefaultGuard};

/// The events of this thread, until it is dropped.
pub(crate) struct Log {
    kept: Kept,
    _second: Dispatch,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn begin(level: Level) -> Self {
        let kept = Kept::default();
        let to = kept.clone();
        let events = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(move || to.clone())
            .with_ansi(false)
            .finish();
        Self {
            kept,
            // With one alone, whatever another test's thread reaches first would be silent for all.
            _second: Dispatch::new(tracing::subscriber::NoSubscriber::default()),
            _guard: tracing::subscriber::set_default(events),
        }
    }

    pub(crate) fn text(&self) -> String {
        let kept = self.kept.0.lock().expect("not poisoned");
        String::from_utf8(kept.clone()).expect("text")
    }
}
