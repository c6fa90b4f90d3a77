//! The outside as the stages see it. The binary chooses who stands behind each port.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use kvit_billing::{LayoutNo, RunLayout, ports::Compose};
use kvit_mail::{Mails, Message, Outcome};
use kvit_store::StoreError;

/// Where packs are kept. Writing is whole or not at all: no reader ever sees half an object.
pub trait Archive: Send + Sync {
    /// Writes an object, replacing one of the same name, and returns once it is durable.
    fn put<'a>(&'a self, object: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<(), ArchiveError>>;

    /// Reads a range of an object, in bytes.
    fn read<'a>(
        &'a self,
        object: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ArchiveError>>;

    /// The names of all whole objects in a folder of the archive, such as `runs/2026-10-a3f9c2`,
    /// in no order. A folder that does not exist is empty.
    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, ArchiveError>>;

    /// Removes an object. One that does not exist is removed already.
    fn delete<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<(), ArchiveError>>;
}

/// The archive could not do it.
#[derive(Debug, thiserror::Error)]
#[error("the archive cannot {action} `{object}`")]
pub struct ArchiveError {
    /// `write`, `read`, `list` or `delete`.
    pub action: &'static str,
    /// Name of the object.
    pub object: String,
    /// What the object store said.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// How mail leaves.
pub trait Mailer: Send + Sync {
    /// One observed conversation. Never fails: whatever happens is an [`Outcome`].
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome>;
}

/// A place where a process may die: before and after each effect. Production passes by; tests
/// end the process there.
pub trait Checkpoints: Send + Sync {
    /// The process is at the place called `name`.
    fn reached(&self, name: &'static str);
}

/// Passes every checkpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCheckpoints;

impl Checkpoints for NoCheckpoints {
    fn reached(&self, _: &'static str) {}
}

/// How other systems of the operator's are told of something.
pub trait Post: Send + Sync {
    /// One call by POST, with these headers and a body in JSON. It was heard where the answer's status is
    /// 2xx; nothing is followed.
    fn post<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, String)],
        body: &'a str,
    ) -> BoxFuture<'a, Result<(), NotHeard>>;
}

/// A system did not hear what it was told: why, in words without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotHeard(pub String);

/// Who makes the documents of each layout.
pub trait Composers: Send + Sync {
    /// The composer of a layout. The first call reads and tries it, off the threads that wait for the outside;
    /// later ones find it made.
    fn composer(&self, layout: RunLayout) -> BoxFuture<'_, Result<Arc<dyn Compose>, NoComposer>>;
}

/// Why a layout has no composer.
#[derive(Debug, thiserror::Error)]
pub enum NoComposer {
    /// It cannot be used: it is not there, or this program cannot lay bills out with it.
    #[error("layout {layout} cannot be used")]
    Unusable {
        /// Which.
        layout: LayoutNo,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store failed; the layout itself may be good.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One composer, whatever the layout: for measurements and tests.
pub struct OneComposer(pub Arc<dyn Compose>);

impl Composers for OneComposer {
    fn composer(&self, _: RunLayout) -> BoxFuture<'_, Result<Arc<dyn Compose>, NoComposer>> {
        std::future::ready(Ok(Arc::clone(&self.0))).boxed()
    }
}

/// Who writes mails in the texts that count.
pub trait MailTexts: Send + Sync {
    /// Builds mails as it was last known how.
    fn now(&self) -> Arc<Mails>;

    /// Asks which texts count, where the last answer is a few seconds old.
    fn look(&self) -> BoxFuture<'_, ()>;
}

/// The same texts for ever: for measurements and tests.
pub struct SameTexts(pub Arc<Mails>);

impl MailTexts for SameTexts {
    fn now(&self) -> Arc<Mails> {
        Arc::clone(&self.0)
    }

    fn look(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}
