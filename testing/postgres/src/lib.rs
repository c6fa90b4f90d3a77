//! A throwaway PostgreSQL cluster for tests: a folder of its own, a free port on 127.0.0.1, gone
//! on drop. Works as any user, and as root too, where it runs as the system's user `postgres`
//! because PostgreSQL refuses root.
//!
//! ```no_run
//! # fn main() -> Result<(), kvit_postgres::ClusterError> {
//! if let Some(cluster) = kvit_postgres::shared()? {
//!     let url = cluster.create_database("kvit")?;
//!     // the test, on `url`
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Hold the cluster in the test that uses it: a `static` is never dropped, and its server would
//! outlive the tests.

mod install;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use install::{Account, Install};
use tempfile::TempDir;

/// The superuser of every cluster. It has no password; only this machine reaches the port.
const USER: &str = "postgres";
/// How long the server may take to accept connections.
const START_MAX: Duration = Duration::from_secs(30);
/// How long it may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How often the server is looked at meanwhile.
const POLL: Duration = Duration::from_millis(50);
/// No waiting for the disk: what a cluster for tests holds is thrown away.
const IN_A_HURRY: [&str; 2] = ["fsync=off", "full_page_writes=off"];
/// Ports tried: another process may take a free port before the server does.
const PORTS_TRIED_MAX: usize = 5;
/// Bytes of a program's output kept in an error.
const OUTPUT_MAX: usize = 2_000;

/// Set where a missing tool is a failure and not a reason to skip.
const REQUIRE_ALL_TESTS: &str = "KVIT_REQUIRE_ALL_TESTS";

/// The cluster could not be made, or would not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Root runs the tests, and there is nobody to run PostgreSQL as.
    #[error("PostgreSQL refuses root and /etc/passwd has no user `postgres`; run as another user")]
    NoUser,
    /// Nothing may be skipped, and PostgreSQL is missing.
    #[error("PostgreSQL is not installed, and {REQUIRE_ALL_TESTS} is set")]
    Missing,
    /// The operating system said no.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// One of PostgreSQL's programs failed.
    #[error("{program} ended with {status}: {output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        output: String,
    },
    /// The server runs and accepts nobody.
    #[error("the server accepted no connection within {} s: {log}", START_MAX.as_secs())]
    NotReady {
        /// The end of its log.
        log: String,
    },
    /// Not a name that needs no quotes.
    #[error("`{0}` is not a database name: lower-case letters, digits and _ only")]
    BadName(String),
}

fn io_error(action: &'static str) -> impl FnOnce(io::Error) -> ClusterError {
    move |source| ClusterError::Io { action, source }
}

/// The cluster that the tests of one process share: started by the first, gone with the last that
/// holds it. Without PostgreSQL it says on stderr that the test is skipped and gives `None`.
///
/// # Errors
/// As [`Cluster::start`], and where PostgreSQL is missing though nothing may be skipped.
pub fn shared() -> Result<Option<Arc<Cluster>>, ClusterError> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return Ok(Some(running));
    }
    match Cluster::start()? {
        Some(cluster) => {
            let cluster = Arc::new(cluster);
            *shared = Arc::downgrade(&cluster);
            Ok(Some(cluster))
        }
        None if std::env::var_os(REQUIRE_ALL_TESTS).is_some() => Err(ClusterError::Missing),
        None => {
            eprintln!("SKIPPED: PostgreSQL is not installed");
            Ok(None)
        }
    }
}

/// A running server with its folder. Dropping it stops the server and removes the folder.
#[derive(Debug)]
pub struct Cluster {
    install: Install,
    account: Option<Account>,
    folder: TempDir,
    server: Child,
    port: u16,
}

impl Cluster {
    /// Makes a cluster and starts it, in about a second. `None` where PostgreSQL is not installed.
    ///
    /// # Errors
    /// Where it is installed but cannot be used: that is a fault to mend, not a reason to skip.
    pub fn start() -> Result<Option<Self>, ClusterError> {
        Self::start_with(&IN_A_HURRY)
    }

    /// The same, but what is committed is on the disk, as in production: for measurements.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_durable() -> Result<Option<Self>, ClusterError> {
        Self::start_with(&[])
    }

    fn start_with(settings: &[&str]) -> Result<Option<Self>, ClusterError> {
        match Install::find() {
            Some(install) => Self::start_in(install, settings).map(Some),
            None => Ok(None),
        }
    }

    fn start_in(install: Install, settings: &[&str]) -> Result<Self, ClusterError> {
        let folder = tempfile::Builder::new()
            .prefix("kvit-postgres-")
            .tempdir()
            .map_err(io_error("make a temporary folder"))?;
        // Whose the new folder is says who runs this, without unsafe code.
        let owner = folder
            .path()
            .metadata()
            .map_err(io_error("look at the temporary folder"))?;
        let account = if owner.uid() == 0 {
            let account = Account::named(USER).ok_or(ClusterError::NoUser)?;
            chown(folder.path(), Some(account.uid), Some(account.gid))
                .map_err(io_error("give the temporary folder away"))?;
            Some(account)
        } else {
            None
        };
        let data = folder.path().join("data");
        let mut initdb = command(&install, account.as_ref(), folder.path(), "initdb");
        initdb
            .args([
                "-A",
                "trust",
                "-U",
                USER,
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "-D",
            ])
            .arg(&data);
        run("initdb", &mut initdb)?;

        let mut tried = 0;
        loop {
            tried += 1;
            let port = free_port()?;
            let mut server = spawn(&install, account.as_ref(), folder.path(), port, settings)?;
            match wait_ready(&install, account.as_ref(), folder.path(), &mut server, port) {
                Ok(()) => {
                    return Ok(Self {
                        install,
                        account,
                        folder,
                        server,
                        port,
                    });
                }
                Err(error) => {
                    stop(&mut server);
                    let ended_by_itself = matches!(error, ClusterError::Program { .. });
                    if !ended_by_itself || tried == PORTS_TRIED_MAX {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// The address of a database in this cluster, as `postgres://…`. The database need not exist.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates an empty database and gives its address.
    ///
    /// # Errors
    /// Where the name needs quotes or is taken.
    pub fn create_database(&self, name: &str) -> Result<String, ClusterError> {
        let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
            return Err(ClusterError::BadName(name.to_owned()));
        }
        let mut createdb = command(
            &self.install,
            self.account.as_ref(),
            self.folder.path(),
            "createdb",
        );
        createdb.args([
            "-h",
            "127.0.0.1",
            "-U",
            USER,
            "-p",
            &self.port.to_string(),
            name,
        ]);
        run("createdb", &mut createdb)?;
        Ok(self.url(name))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop(&mut self.server);
    }
}

/// One of PostgreSQL's programs, run as its user, in a folder that this user may enter.
fn command(
    install: &Install,
    account: Option<&Account>,
    folder: &Path,
    program: &'static str,
) -> Command {
    let mut command = Command::new(install.program(program));
    command.current_dir(folder).stdin(Stdio::null());
    // Variables such as PGHOST and PGOPTIONS of the person who runs the tests mean another server.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

fn run(program: &'static str, command: &mut Command) -> Result<(), ClusterError> {
    let output = command
        .output()
        .map_err(io_error("run a program of PostgreSQL"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(ClusterError::Program {
        program,
        status: output.status,
        output: tail(&said),
    })
}

fn spawn(
    install: &Install,
    account: Option<&Account>,
    folder: &Path,
    port: u16,
    settings: &[&str],
) -> Result<Child, ClusterError> {
    let log = std::fs::File::create(folder.join("log")).map_err(io_error("create the log"))?;
    let also_log = log.try_clone().map_err(io_error("create the log"))?;
    let mut server = command(install, account, folder, "postgres");
    server.arg("-D").arg(folder.join("data"));
    let always = ["listen_addresses=127.0.0.1", "unix_socket_directories="];
    for setting in always.iter().chain(settings) {
        server.args(["-c", setting]);
    }
    server
        .args(["-c", &format!("port={port}")])
        .stdout(log)
        .stderr(also_log);
    server.spawn().map_err(io_error("start the server"))
}

fn wait_ready(
    install: &Install,
    account: Option<&Account>,
    folder: &Path,
    server: &mut Child,
    port: u16,
) -> Result<(), ClusterError> {
    let started = Instant::now();
    let log = || tail(&std::fs::read(folder.join("log")).unwrap_or_default());
    loop {
        let mut ready = command(install, account, folder, "pg_isready");
        ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
        let answers = ready
            .status()
            .map_err(io_error("run a program of PostgreSQL"))?
            .success();
        // Looked at after the answer: a server that lost its port to another is dead by now, and
        // it was the other that answered.
        if let Some(status) = server.try_wait().map_err(io_error("look at the server"))? {
            return Err(ClusterError::Program {
                program: "postgres",
                status,
                output: log(),
            });
        }
        if answers {
            return Ok(());
        }
        if started.elapsed() > START_MAX {
            return Err(ClusterError::NotReady { log: log() });
        }
        thread::sleep(POLL);
    }
}

/// SIGINT ends sessions and stops at once; a server that does not hear it is killed.
fn stop(server: &mut Child) {
    if matches!(server.try_wait(), Ok(Some(_))) {
        return;
    }
    let asked = Command::new("kill")
        .args(["-INT", &server.id().to_string()])
        .status();
    let started = Instant::now();
    while asked.as_ref().is_ok_and(ExitStatus::success) && started.elapsed() < STOP_MAX {
        if matches!(server.try_wait(), Ok(Some(_))) {
            return;
        }
        thread::sleep(POLL);
    }
    let _ = server.kill();
    let _ = server.wait();
}

fn free_port() -> Result<u16, ClusterError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(io_error("find a free port"))
}

fn tail(output: &[u8]) -> String {
    let from = output.len().saturating_sub(OUTPUT_MAX);
    String::from_utf8_lossy(&output[from..]).trim().to_owned()
}
