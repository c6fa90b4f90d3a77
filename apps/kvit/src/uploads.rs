//! Files that staff upload in the console: kept in the instance's folder while they come in. Run files, bank statements and
//! layouts stay there and are imported one after the other; scans go on to the archive (`scanning.rs`).
//!
//! Each process has a folder of its own below `uploads`, with a file in it that it holds locked. The system
//! frees the lock however the process ends, so what lies beside a lock that can be taken is a leftover.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use futures::{FutureExt, future::BoxFuture};
use kvit_billing::{EntryId, ports::Rng};
use kvit_flow::ImportOutcome;
use kvit_web::{Fails, FileKind, ImportState, ImportView, Imports, NewFile, NoUpload, Upload};
use tokio::{
    io::{AsyncWriteExt, BufWriter},
    sync::{Mutex as Turns, OwnedSemaphorePermit, Semaphore},
};

use crate::{
    booking,
    exit::{Context, Exit, Failure},
    files,
    handover::Given,
    importing::{Import, Turn},
    layouts::{self, Brought},
    wiring::{Instance, SystemRng},
};

/// Where they lie, in the instance's folder.
const FOLDER: &str = "uploads";
/// The file that a living process holds locked in its folder, and around making and removing such folders.
const LOCK: &str = "lock";
/// Files that lie in one room at once. So much of the disk they may take together: this many times `[import] upload_bytes_max`,
/// or of a scan's limit.
const FILES_MAX: usize = 8;
/// Uploads that are remembered after their end.
const KNOWN_MAX: usize = 100;
/// So many bytes are gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;
/// How often it is looked whether an import of another process has ended.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Takes run files in for one process.
pub(crate) struct Uploads {
    instance: Instance,
    room: Arc<Room>,
    known: Known,
    /// One import at a time, in the order in which they came.
    turn: Arc<Turns<()>>,
    /// Layouts are tried beside: nobody who brings one waits for a run of millions.
    trying: Arc<Turns<()>>,
}

/// What takes over a file that is whole. Its sender hears that it came once this has ended well.
type Then = Box<dyn FnOnce(Held, NewFile) -> BoxFuture<'static, Result<(), NoUpload>> + Send>;

/// Where files of one sort lie while they come in, and for as long as who takes them over holds them.
pub(crate) struct Room {
    instance: PathBuf,
    /// Made for the first upload.
    home: Mutex<Option<Arc<Home>>>,
    places: Arc<Semaphore>,
}

impl Room {
    pub(crate) fn new(instance: &Instance) -> Arc<Self> {
        Arc::new(Self {
            instance: instance.dir.clone(),
            home: Mutex::default(),
            places: Arc::new(Semaphore::new(FILES_MAX)),
        })
    }

    fn home(&self) -> io::Result<Arc<Home>> {
        let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(home) = &*home {
            return Ok(Arc::clone(home));
        }
        let made = Arc::new(Home::make(&self.instance)?);
        *home = Some(Arc::clone(&made));
        Ok(made)
    }

    /// A file that is about to come; `then` gets it once it is whole.
    pub(crate) fn begin(&self, id: &EntryId, then: Then) -> Result<Box<dyn Upload>, NoUpload> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| NoUpload::Busy)?;
        let home = self.home().map_err(refused)?;
        let held = Held {
            path: home.folder.join(id.as_str()),
            _home: home,
            _place: place,
        };
        let file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&held.path)
            .map_err(refused)?;
        Ok(Box::new(Incoming {
            file: BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(file)),
            held,
            then,
        }))
    }
}

/// What is known of each upload, newest first.
type Known = Arc<Mutex<Vec<ImportView>>>;

/// The folder of this process.
struct Home {
    folder: PathBuf,
    _lock: File,
}

impl Drop for Home {
    fn drop(&mut self) {
        // What is left in it is cleared away at the next start.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Uploads {
    pub(crate) fn new(instance: Instance, room: Arc<Room>) -> Self {
        Self {
            instance,
            room,
            known: Known::default(),
            turn: Arc::default(),
            trying: Arc::default(),
        }
    }
}

impl Home {
    fn make(instance: &Path) -> io::Result<Self> {
        let all = instance.join(FOLDER);
        files::private_folder(&all)?;
        let _quiet = hold(&all)?;
        let mut name = [0; 8];
        SystemRng.fill(&mut name);
        let folder = all.join(hex::encode(name));
        files::private_folder(&folder)?;
        let lock = hold(&folder)?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }
}

/// Waits for a folder's lock.
fn hold(folder: &Path) -> io::Result<File> {
    let lock = lock_file(folder)?;
    lock.lock()?;
    Ok(lock)
}

fn lock_file(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
}

/// Clears away what processes that died left of uploads. The runs that they were reading are cleared by
/// the next import of the same file.
pub(crate) fn clear_leftovers(instance: &Instance) -> Result<(), Failure> {
    clear(&instance.dir.join(FOLDER)).failed("leftovers of uploads cannot be cleared away")
}

fn clear(all: &Path) -> io::Result<()> {
    if !all.exists() {
        return Ok(());
    }
    let _quiet = hold(all)?;
    for entry in fs::read_dir(all)? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        let lock = lock_file(&folder)?;
        if lock.try_lock().is_ok() {
            fs::remove_dir_all(&folder)?;
            tracing::warn!("uploads of a process that had ended are cleared away");
        }
    }
    Ok(())
}

impl Imports for Uploads {
    fn begin(&self, id: EntryId) -> BoxFuture<'_, Result<Box<dyn Upload>, NoUpload>> {
        async move {
            let (instance, known) = (self.instance.clone(), Arc::clone(&self.known));
            let (turn, trying) = (Arc::clone(&self.turn), Arc::clone(&self.trying));
            let name = id.clone();
            let then = move |held, file: NewFile| {
                let turn = match file.kind {
                    FileKind::Layout => trying,
                    _ => turn,
                };
                follow(instance, id, held, file, known, turn);
                std::future::ready(Ok(())).boxed()
            };
            self.room.begin(&name, Box::new(then))
        }
        .boxed()
    }

    fn known(&self) -> Vec<ImportView> {
        locked(&self.known).clone()
    }
}

pub(crate) fn refused(error: io::Error) -> NoUpload {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => NoUpload::Full(error),
        _ => NoUpload::Failed(error),
    }
}

fn locked(known: &Mutex<Vec<ImportView>>) -> std::sync::MutexGuard<'_, Vec<ImportView>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file and its place, both given back when this is dropped.
pub(crate) struct Held {
    pub(crate) path: PathBuf,
    _home: Arc<Home>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "an upload cannot be removed");
        }
    }
}

/// A file that comes in.
struct Incoming {
    // Closed before it is removed.
    file: BufWriter<tokio::fs::File>,
    held: Held,
    then: Then,
}

impl Upload for Incoming {
    fn write(&mut self, part: Bytes) -> BoxFuture<'_, Result<(), NoUpload>> {
        async move { self.file.write_all(&part).await.map_err(refused) }.boxed()
    }

    fn finish(self: Box<Self>, file: NewFile) -> BoxFuture<'static, Result<(), NoUpload>> {
        async move {
            let Self {
                file: mut written,
                held,
                then,
            } = *self;
            written.flush().await.map_err(refused)?;
            drop(written);
            then(held, file).await
        }
        .boxed()
    }
}

/// Imports a file in the background, and lets everybody know how far it is.
fn follow(
    instance: Instance,
    id: EntryId,
    held: Held,
    file: NewFile,
    known: Known,
    turn: Arc<Turns<()>>,
) {
    let mut all = locked(&known);
    all.insert(
        0,
        ImportView {
            id: id.clone(),
            file: file.clone(),
            state: ImportState::Waiting,
        },
    );
    all.truncate(KNOWN_MAX);
    drop(all);
    let progress = Progress { id, known };
    let work = work(instance, held, file, turn, progress.clone());
    tokio::spawn(async move {
        // A panic ends an import, and not the page that shows it.
        let done = match tokio::spawn(work).await {
            Ok(done) => done,
            Err(died) => Err(died).fails(Exit::Failed, Fails::ImportStopped, &[]),
        };
        progress.set(match done {
            Ok(state) => state,
            Err(failure) => {
                tracing::error!(%failure, "an uploaded file cannot be imported");
                ImportState::Failed(failure.reason())
            }
        });
    });
}

/// Where the page of one import looks.
#[derive(Clone)]
struct Progress {
    id: EntryId,
    known: Known,
}

impl Progress {
    fn set(&self, state: ImportState) {
        let mut all = locked(&self.known);
        if let Some(view) = all.iter_mut().find(|view| view.id == self.id) {
            view.state = state;
        }
    }
}

/// Imports a file when its turn has come. It is removed afterwards, whatever came of it.
async fn work(
    instance: Instance,
    held: Held,
    file: NewFile,
    turn: Arc<Turns<()>>,
    progress: Progress,
) -> Result<ImportState, Failure> {
    let _turn = turn.lock().await;
    match file.kind {
        FileKind::Run | FileKind::Scans => {
            import(&instance, &held, file, &progress).await.map(ended)
        }
        FileKind::Statement => book(&instance, &held, &file, progress).await,
        FileKind::Layout => bring(&instance, &held, &file, progress).await,
    }
}

async fn import(
    instance: &Instance,
    held: &Held,
    file: NewFile,
    progress: &Progress,
) -> Result<ImportOutcome, Failure> {
    // Somebody may be importing at the command line.
    let turn = loop {
        match Turn::take(instance)? {
            Some(turn) => break turn,
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
    };
    let given = Given {
        path: held.path.clone(),
        name: file.name,
    };
    let import = Import::begin(instance, turn, vec![given], &file.by).await?;
    nothing_passed_over(&import.skipped)?;
    let promised = import.promised;
    let read = |orders| progress.set(ImportState::Reading { orders, promised });
    read(0);
    import.run(&read).await
}

/// Judges a bank statement as a whole, off the threads that serve pages, and books it where it has no fault.
/// Two at once may book: each transfer counts once.
async fn book(
    instance: &Instance,
    held: &Held,
    file: &NewFile,
    progress: Progress,
) -> Result<ImportState, Failure> {
    let rules = booking::rules(instance)?;
    let (path, judging) = (held.path.clone(), rules.clone());
    let check = tokio::task::spawn_blocking(move || {
        booking::check(&path, &judging, &|orders| {
            let promised = None;
            progress.set(ImportState::Reading { orders, promised });
        })
    });
    let checked = check.await;
    let unread = || Failure::told(Exit::Failed, Fails::Unread, &[("name", &file.name)]);
    let checked = checked.map_err(|died| unread().because(died))?;
    let checked = checked.map_err(|error| unread().because(error))?;
    let judged = &checked.judged;
    if judged.faults_counted > 0 {
        return Ok(ImportState::Faulty {
            faults: judged.faults.clone(),
            counted: judged.faults_counted,
        });
    }
    let booked = booking::book(instance, &file.name, &file.by, checked, &rules).await;
    let outcome = booked.fails(Exit::Failed, Fails::Statement, &[])?;
    Ok(ImportState::Booked {
        statement: outcome.record.id,
        first: outcome.first,
    })
}

/// Tries a layout on every kind of bill, and keeps it where it has no fault.
async fn bring(
    instance: &Instance,
    held: &Held,
    file: &NewFile,
    progress: Progress,
) -> Result<ImportState, Failure> {
    let promised = Some(layouts::bills().len() as u64);
    let tried = move |orders| progress.set(ImportState::Reading { orders, promised });
    tried(0);
    let by = (file.by.as_str(), file.by.as_str());
    let brought = layouts::bring(instance, &held.path, &file.name, by, tried).await?;
    Ok(match brought {
        Brought::Kept(layout, first) => ImportState::Brought { layout, first },
        Brought::Faulty(faults) => ImportState::LayoutFaulty(faults),
    })
}

/// The command line says what it passes over, and goes on. Here nobody might see it before the release, and customers
/// would get no bill.
fn nothing_passed_over(skipped: &[String]) -> Result<(), Failure> {
    // What systems put into archives by themselves.
    let is_litter = |name: &&String| {
        let mut parts = name.split('/').skip(1);
        parts.any(|part| {
            part.starts_with('.') || ["__MACOSX", "Thumbs.db", "desktop.ini"].contains(&part)
        })
    };
    let odd: Vec<&String> = skipped.iter().filter(|name| !is_litter(name)).collect();
    let [first, rest @ ..] = odd.as_slice() else {
        return Ok(());
    };
    Err(Failure::told(
        Exit::Failed,
        Fails::NoBill,
        &[("name", first), ("count", &rest.len())],
    ))
}

fn ended(outcome: ImportOutcome) -> ImportState {
    match outcome.already {
        Some(run) => ImportState::Already(run),
        None if outcome.accepted => ImportState::Checked(outcome.run),
        None => ImportState::Rejected(outcome.run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_is_cleared_away_and_the_living_keep_theirs() {
        let instance = tempfile::tempdir().expect("a folder");
        let all = instance.path().join(FOLDER);
        clear(&all).expect("there is nothing to do");
        let home = Home::make(instance.path()).expect("a folder");
        let kept = home.folder.join("coming in");
        let left = all.join("0123456789abcdef").join("came in");
        fs::create_dir(left.parent().expect("a folder")).expect("made");
        for file in [&kept, &left] {
            fs::write(file, "{}").expect("written");
        }
        clear(&all).expect("cleared");
        assert!(kept.exists() && !left.exists());
        assert!(!left.parent().expect("a folder").exists());
        drop(home);
        assert!(!kept.exists());
    }

    #[test]
    fn a_bill_under_an_odd_name_is_not_passed_over() {
        let litter = ["a.zip/__MACOSX/._1.xml", "a.zip/.DS_Store"].map(str::to_owned);
        assert!(nothing_passed_over(&litter).is_ok());
        let odd = ["a.zip/.DS_Store", "a.zip/1.xml.txt", "a.zip/2"].map(str::to_owned);
        let refused = nothing_passed_over(&odd).expect_err("bills by the look of them");
        assert!(
            refused.to_string().contains("a.zip/1.xml.txt and 1 more"),
            "{refused}"
        );
    }

    #[test]
    fn a_full_disk_is_told_from_other_faults() {
        assert!(matches!(
            refused(io::ErrorKind::StorageFull.into()),
            NoUpload::Full(_)
        ));
        assert!(matches!(
            refused(io::ErrorKind::PermissionDenied.into()),
            NoUpload::Failed(_)
        ));
    }
}
