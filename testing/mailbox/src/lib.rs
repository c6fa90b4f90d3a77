//! An SMTP server that keeps what it is sent, with pages to read it, and faults on demand.
//! For development, demonstrations and tests: it believes every sender and every login.

mod pages;
mod server;
mod store;

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use jiff::tz::TimeZone;
use store::Shelf;
pub use store::Stored;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// How the mailbox behaves.
#[derive(Clone, Debug)]
pub struct MailboxConfig {
    /// Where SMTP listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Keeps the mails there as `.eml`, each durable before it is acknowledged. Without it, in memory.
    pub folder: Option<PathBuf>,
    /// Offers STARTTLS with this.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Offers logins, and refuses mail without one. Any user and password will do.
    pub require_login: bool,
    /// Largest message, in bytes.
    pub message_max: usize,
    /// Conversations at once.
    pub connections_max: usize,
    /// In which the pages say when a mail was written.
    pub time_zone: TimeZone,
    /// What goes wrong on purpose.
    pub faults: Faults,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            folder: None,
            tls: None,
            require_login: false,
            message_max: 10 * 1024 * 1024,
            connections_max: 200,
            time_zone: TimeZone::UTC,
            faults: Faults::default(),
        }
    }
}

/// What goes wrong on purpose. Counted, not by chance, so that tests repeat.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Every so many messages, one is refused for now at RCPT; 0 = none.
    pub temporary_every: u64,
    /// Every so many messages, the connection drops after the final dot without an answer, with
    /// the message stored; 0 = none.
    pub drop_after_dot_every: u64,
    /// Recipients whose address contains this are refused for good; empty = none.
    pub reject_containing: String,
    /// Refuses the first attempt for each recipient for now.
    pub greylist: bool,
    /// The connection drops in answer to DATA: certainly nothing was taken.
    pub drop_at_data: bool,
}

/// The mailbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The port or the folder.
    #[error("the mailbox cannot {0}")]
    Io(&'static str, #[source] std::io::Error),
}

pub(crate) struct Shared {
    pub(crate) config: MailboxConfig,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) shelf: Shelf,
    pub(crate) recipients: AtomicU64,
    pub(crate) dots: AtomicU64,
    pub(crate) seen: Mutex<HashSet<String>>,
}

/// A running mailbox. It stops when this is dropped.
pub struct Mailbox {
    /// Where SMTP listens.
    pub smtp_addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Mailbox {
    /// Opens the port, and the folder with the mails that are in it already.
    ///
    /// # Errors
    /// Where the port is taken or the folder cannot be used.
    pub async fn start(config: MailboxConfig) -> Result<Self, MailboxError> {
        let shelf = Shelf::open(config.folder.clone())
            .map_err(|e| MailboxError::Io("open its folder", e))?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|e| MailboxError::Io("open its port", e))?;
        let smtp_addr = listener
            .local_addr()
            .map_err(|e| MailboxError::Io("read its port", e))?;
        let shared = Arc::new(Shared {
            tls: config.tls.clone().map(TlsAcceptor::from),
            shelf,
            recipients: AtomicU64::new(0),
            dots: AtomicU64::new(0),
            seen: Mutex::default(),
            config,
        });
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self {
            smtp_addr,
            shared,
            task,
        })
    }

    /// All mails, oldest first. With a folder, read from it: for tests, not for large numbers.
    #[must_use]
    pub fn messages(&self) -> Vec<Stored> {
        self.shared.shelf.all()
    }

    /// How many mails there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.shelf.count()
    }

    /// The pages: the list at `/`, a mail at `/mail/{number}`.
    pub fn router(&self) -> axum::Router {
        pages::router(Arc::clone(&self.shared))
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}
