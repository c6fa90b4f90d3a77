//! A ZIP that is sent while it is made: no more of it is in memory than the file that is being added.

use std::{
    io::{self, Seek, SeekFrom, Write},
    sync::{Arc, Mutex, PoisonError},
};

use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// A ZIP in the making.
pub(crate) struct Zipped {
    writer: ZipWriter<Tail>,
    tail: Tail,
}

impl Zipped {
    pub(crate) fn new() -> Self {
        let tail = Tail::default();
        Self {
            writer: ZipWriter::new(tail.clone()),
            tail,
        }
    }

    /// Adds a file, and gives what of the ZIP is final by now: a file's header is, once the next one begins.
    /// Files are stored as they are, since PDFs are compressed already.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<Vec<u8>, ZipError> {
        let stored = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        let end = self.tail.end();
        self.writer.start_file(name, stored)?;
        let done = self.tail.take(end);
        self.writer.write_all(bytes)?;
        Ok(done)
    }

    /// The rest.
    pub(crate) fn finish(self) -> Result<Vec<u8>, ZipError> {
        self.writer.finish()?;
        Ok(self.tail.take(self.tail.end()))
    }
}

/// What was written and not taken yet.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Bytes that were taken.
    gone: u64,
    bytes: Vec<u8>,
    /// The place to write at, within `bytes`.
    at: usize,
}

impl Tail {
    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long the ZIP is so far.
    fn end(&self) -> u64 {
        self.with(|kept| kept.gone + kept.bytes.len() as u64)
    }

    /// Takes what comes before `end`.
    fn take(&self, end: u64) -> Vec<u8> {
        self.with(|kept| {
            let count = usize::try_from(end - kept.gone).unwrap_or(usize::MAX);
            let rest = kept.bytes.split_off(count.min(kept.bytes.len()));
            let taken = std::mem::replace(&mut kept.bytes, rest);
            kept.gone += taken.len() as u64;
            kept.at = kept.at.saturating_sub(taken.len());
            taken
        })
    }
}

impl Write for Tail {
    fn write(&mut self, new: &[u8]) -> io::Result<usize> {
        self.with(|kept| {
            let over = new.len().min(kept.bytes.len() - kept.at);
            kept.bytes[kept.at..kept.at + over].copy_from_slice(&new[..over]);
            kept.bytes.extend_from_slice(&new[over..]);
            kept.at += new.len();
            Ok(new.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Tail {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.with(|kept| {
            let (from, by) = match to {
                SeekFrom::Start(at) => (0, i64::try_from(at).unwrap_or(i64::MAX)),
                SeekFrom::Current(by) => (kept.gone + kept.at as u64, by),
                SeekFrom::End(by) => (kept.gone + kept.bytes.len() as u64, by),
            };
            let within = from
                .checked_add_signed(by)
                .and_then(|to| to.checked_sub(kept.gone))
                .and_then(|at| usize::try_from(at).ok())
                .filter(|at| *at <= kept.bytes.len());
            // What was sent cannot be changed.
            let at = within.ok_or(io::ErrorKind::InvalidInput)?;
            kept.at = at;
            Ok(kept.gone + at as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    #[test]
    fn what_is_sent_piece_by_piece_is_a_zip() {
        let files: Vec<_> = (0_u8..9)
            .map(|n| (format!("{n}.pdf"), vec![n; 40_000]))
            .collect();
        let (mut zip, mut sent, mut most) = (Zipped::new(), Vec::new(), 0);
        for (name, bytes) in &files {
            sent.extend(zip.add(name, bytes).expect("added"));
            most = most.max(zip.tail.end() - sent.len() as u64);
        }
        assert!(most < 41_000, "one file at a time: {most}");
        sent.extend(zip.finish().expect("finished"));
        let mut read = zip::ZipArchive::new(Cursor::new(sent)).expect("a ZIP");
        assert_eq!(read.len(), files.len());
        for (name, bytes) in &files {
            let mut found = Vec::new();
            let mut file = read.by_name(name).expect("the file");
            file.read_to_end(&mut found)
                .expect("its bytes, with their check sum");
            assert_eq!(&found, bytes, "{name}");
        }
    }
}
