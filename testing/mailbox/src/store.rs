//! Where the mails are: in memory, or one file each in a folder.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// A mail as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place, from 1.
    pub number: usize,
    /// Envelope sender.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// The message, dots unstuffed.
    pub bytes: Vec<u8>,
}

/// In memory, at most so many mails are kept; the oldest go first.
const MEMORY_MAX: usize = 100_000;

pub(crate) struct Shelf {
    folder: Option<PathBuf>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: usize,
    kept: std::collections::VecDeque<Stored>,
}

impl Shelf {
    pub(crate) fn open(folder: Option<PathBuf>) -> io::Result<Self> {
        let mut inner = Inner::default();
        if let Some(folder) = &folder {
            fs::create_dir_all(folder)?;
            for entry in fs::read_dir(folder)? {
                let name = entry?.file_name();
                let number = name
                    .to_str()
                    .and_then(|n| n.strip_suffix(".eml"))
                    .and_then(|n| n.parse().ok());
                inner.last = inner.last.max(number.unwrap_or(0));
            }
        }
        Ok(Self {
            folder,
            inner: Mutex::new(inner),
        })
    }

    /// Keeps a mail; with a folder, durably.
    pub(crate) fn put(&self, from: String, to: Vec<String>, bytes: Vec<u8>) -> io::Result<usize> {
        let number = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.last += 1;
            let number = inner.last;
            if self.folder.is_none() {
                inner.kept.push_back(Stored {
                    number,
                    from,
                    to,
                    bytes,
                });
                if inner.kept.len() > MEMORY_MAX {
                    inner.kept.pop_front();
                }
                return Ok(number);
            }
            number
        };
        if let Some(folder) = &self.folder {
            let part = folder.join(format!("{number:08}.part"));
            let mut file = File::create(&part)?;
            write!(
                file,
                "X-Envelope-From: {from}\r\nX-Envelope-To: {}\r\n",
                to.join(", ")
            )?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&part, folder.join(format!("{number:08}.eml")))?;
            File::open(folder)?.sync_all()?;
        }
        Ok(number)
    }

    pub(crate) fn count(&self) -> usize {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last
    }

    pub(crate) fn get(&self, number: usize) -> Option<Stored> {
        let Some(folder) = &self.folder else {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let first = inner.kept.front()?.number;
            return inner.kept.get(number.checked_sub(first)?).cloned();
        };
        let raw = fs::read(folder.join(format!("{number:08}.eml"))).ok()?;
        let (from, rest) = envelope_line(&raw, b"X-Envelope-From: ")?;
        let (to, bytes) = envelope_line(rest, b"X-Envelope-To: ")?;
        let to = to.split(", ").map(str::to_owned).collect();
        Some(Stored {
            number,
            from,
            to,
            bytes: bytes.to_vec(),
        })
    }

    pub(crate) fn all(&self) -> Vec<Stored> {
        (1..=self.count())
            .filter_map(|number| self.get(number))
            .collect()
    }
}

fn envelope_line<'a>(raw: &'a [u8], name: &[u8]) -> Option<(String, &'a [u8])> {
    let rest = raw.strip_prefix(name)?;
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    Some((
        String::from_utf8_lossy(&rest[..end]).into_owned(),
        &rest[end + 2..],
    ))
}
