//! The pack archive on an object store: a folder in production, memory in tests.
//!
//! Writing is whole or not at all: the folder writes `<name>#<count>` beside the object, flushes
//! it, renames it and flushes the parent folder. A death in between leaves only such a staged
//! file, which [`FolderArchive::open`] removes once it is old.

use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::{FutureExt, TryStreamExt, future::BoxFuture};
use kvit_flow::ports::{Archive, ArchiveError};
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, memory::InMemory,
};

/// A staged file this old belongs to no writer that still lives.
const STAGED_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Packs as files in a folder.
pub type FolderArchive = ObjectArchive<LocalFileSystem>;

/// Packs in memory, gone with the process.
pub type MemoryArchive = ObjectArchive<InMemory>;

/// An archive on any object store.
#[derive(Debug)]
pub struct ObjectArchive<S> {
    store: S,
    /// Where objects are plain files, if they are.
    folder: Option<PathBuf>,
}

/// The folder cannot serve as an archive.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made or read.
    #[error("cannot use the folder {}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The object store refuses it.
    #[error("cannot keep objects in {}", folder.display())]
    Objects {
        /// Which.
        folder: PathBuf,
        /// What the object store said.
        source: object_store::Error,
    },
}

impl FolderArchive {
    /// Opens the archive in `folder`, which is made if need be, and removes what dead writers
    /// left behind more than a day ago.
    ///
    /// # Errors
    /// The folder cannot be made, read or cleaned.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        let folder = folder.as_ref();
        let trouble = |source| OpenError::Folder {
            folder: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(trouble)?;
        remove_staged(folder, SystemTime::now() - STAGED_AGE_MAX).map_err(trouble)?;
        let store = LocalFileSystem::new_with_prefix(folder)
            .map_err(|source| OpenError::Objects {
                folder: folder.to_owned(),
                source,
            })?
            .with_fsync(true);
        Ok(Self {
            store,
            folder: Some(folder.to_owned()),
        })
    }
}

impl MemoryArchive {
    /// An empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self {
            store: InMemory::new(),
            folder: None,
        }
    }
}

impl Default for MemoryArchive {
    fn default() -> Self {
        Self::new()
    }
}

/// Removes staged files last written before `before`, in `folder` and below it.
fn remove_staged(folder: &Path, before: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        match remove_entry(&entry?, before) {
            // Another machine published or removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    Ok(())
}

fn remove_entry(entry: &fs::DirEntry, before: SystemTime) -> io::Result<()> {
    let kind = entry.file_type()?;
    if kind.is_dir() {
        remove_staged(&entry.path(), before)?;
    } else if kind.is_file()
        && is_staged(&entry.file_name().to_string_lossy())
        && entry.metadata()?.modified()? < before
    {
        fs::remove_file(entry.path())?;
    }
    Ok(())
}

/// `00001.zip#2`: how the object store names a file that is not yet published.
fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(object, count)| {
        !object.is_empty() && !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit())
    })
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<S: ObjectStore> Archive for ObjectArchive<S> {
    fn put<'a>(&'a self, object: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<(), ArchiveError>> {
        async move {
            let path = path_of(object)?;
            self.store.put(&path, PutPayload::from(bytes)).await?;
            if let Some(folder) = &self.folder {
                let file = folder.join(object);
                // That it stays in memory costs others room, and nothing else.
                let _ = tokio::task::spawn_blocking(move || let_go(&file)).await;
            }
            Ok(())
        }
        .map(move |result: Result<(), BoxError>| result.map_err(|e| error("write", object, e)))
        .boxed()
    }

    fn read<'a>(
        &'a self,
        object: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ArchiveError>> {
        async move {
            let path = path_of(object)?;
            let wanted = range.end.saturating_sub(range.start);
            let bytes = self.store.get_range(&path, range).await?;
            // Object stores cut a range at the end of the object without a word.
            if bytes.len() as u64 != wanted {
                return Err(BoxError::from(format!(
                    "{} bytes where {wanted} were asked for",
                    bytes.len()
                )));
            }
            Ok(Vec::from(bytes))
        }
        .map(move |result: Result<_, BoxError>| result.map_err(|e| error("read", object, e)))
        .boxed()
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, ArchiveError>> {
        async move {
            let path = path_of(folder)?;
            let objects = self
                .store
                .list(Some(&path))
                .map_ok(|meta| meta.location.into());
            Ok(objects.try_collect().await?)
        }
        .map(move |result: Result<_, BoxError>| result.map_err(|e| error("list", folder, e)))
        .boxed()
    }

    fn delete<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<(), ArchiveError>> {
        async move {
            match self.store.delete(&path_of(object)?).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
        .map(move |result: Result<(), BoxError>| result.map_err(|e| error("delete", object, e)))
        .boxed()
    }
}

/// Tells the system that a file that was just written is not read again soon: a run of packs would push everything
/// else out of its memory, and each would take up fresh pages instead of those of the one before.
fn let_go(file: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Advice, fadvise};
        fadvise(fs::File::open(file)?, 0, None, Advice::DontNeed)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
    Ok(())
}

/// Refuses names that would climb out of the archive, or name nothing.
fn path_of(object: &str) -> Result<object_store::path::Path, BoxError> {
    if object.is_empty() {
        return Err("an object needs a name".into());
    }
    Ok(object_store::path::Path::parse(object)?)
}

fn error(action: &'static str, object: &str, source: BoxError) -> ArchiveError {
    ArchiveError {
        action,
        object: object.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "runs/2026-10-a/00001.zip";

    async fn keeps_objects(archive: &dyn Archive) {
        archive
            .put(OBJECT, Bytes::from_static(b"first"))
            .await
            .expect("written");
        archive
            .put(OBJECT, Bytes::from_static(b"second"))
            .await
            .expect("replaced");
        assert_eq!(archive.read(OBJECT, 0..6).await.expect("read"), b"second");
        assert_eq!(archive.read(OBJECT, 2..4).await.expect("read"), b"co");
        assert!(archive.read(OBJECT, 2..60).await.is_err(), "past the end");
        assert!(archive.read("runs/none.zip", 0..1).await.is_err());
        for name in ["../out", "runs/../../out", "/a//b", ""] {
            assert!(archive.put(name, vec![1].into()).await.is_err(), "{name}");
            assert!(archive.list(name).await.is_err(), "{name}");
            assert!(archive.delete(name).await.is_err(), "{name}");
        }

        archive
            .put("runs/2026-10-ab/00001.zip", vec![1].into())
            .await
            .expect("written");
        let listed = archive.list("runs/2026-10-a").await.expect("listed");
        assert_eq!(listed, [OBJECT], "of this run only");
        assert!(archive.list("runs/none").await.expect("empty").is_empty());
        archive
            .put("runs/gone.zip", vec![1].into())
            .await
            .expect("written");
        archive.delete("runs/gone.zip").await.expect("deleted");
        archive
            .delete("runs/gone.zip")
            .await
            .expect("deleted already");
        assert!(archive.read("runs/gone.zip", 0..1).await.is_err());
    }

    #[tokio::test]
    async fn a_folder_keeps_objects_over_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("archive");
        keeps_objects(&FolderArchive::open(&root).expect("opens")).await;
        let again = FolderArchive::open(&root).expect("opens again");
        assert_eq!(again.read(OBJECT, 0..6).await.expect("read"), b"second");
        assert!(root.join(OBJECT).is_file(), "an object is a plain file");
        fs::write(root.join(format!("{OBJECT}#1")), b"half").expect("written");
        let listed = again.list("runs/2026-10-a").await.expect("listed");
        assert_eq!(listed, [OBJECT], "half an object is none");
    }

    #[tokio::test]
    async fn memory_keeps_objects() {
        keeps_objects(&MemoryArchive::new()).await;
    }

    #[test]
    fn only_old_staged_files_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let runs = folder.path().join("runs");
        fs::create_dir(&runs).expect("made");
        let (staged, object) = (runs.join("00001.zip#1"), runs.join("00001.zip"));
        fs::write(&staged, b"half").expect("written");
        fs::write(&object, b"whole").expect("written");

        FolderArchive::open(folder.path()).expect("opens");
        assert!(staged.exists(), "a writer may still be at it");

        let tomorrow = SystemTime::now() + Duration::from_secs(60);
        remove_staged(folder.path(), tomorrow).expect("cleaned");
        assert!(!staged.exists() && object.exists());
    }

    #[test]
    fn what_another_machine_publishes_meanwhile_is_no_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        let (staged, object) = (
            folder.path().join("00001.zip#1"),
            folder.path().join("00001.zip"),
        );
        let publishing = std::thread::spawn(move || {
            for _ in 0..300 {
                fs::write(&staged, b"whole").expect("written");
                fs::rename(&staged, &object).expect("published");
            }
        });
        while !publishing.is_finished() {
            remove_staged(folder.path(), SystemTime::UNIX_EPOCH).expect("cleaned");
        }
        publishing.join().expect("published");
    }
}
