//! A ZIP's list of entries, judged by the record at its end before it is read: a list takes memory for each entry and each
//! letter of a name, and a few gigabytes of upload may hold a hundred million of them.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
    rc::Rc,
};

use zip::ZipArchive;

/// Where the record may lie: it is followed by a comment of 64 KiB at most (APPNOTE 4.3.16), and preceded by the one of ZIP64.
const TAIL_BYTES: u64 = (64 << 10) + 4_096;
/// Bytes of the list for each entry: its head of 46, its name and what is written beside it.
const ENTRY_BYTES: u64 = 512;
/// What is read besides the list, to find it.
const SEARCH_BYTES: u64 = 4 << 20;

const END: &[u8] = b"PK\x05\x06";
const LOCATOR: &[u8] = b"PK\x06\x07";
const END_64: &[u8] = b"PK\x06\x06";

/// An archive whose list is in memory.
pub(crate) type Zip = ZipArchive<BufReader<Metered>>;

/// A ZIP cannot be listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoZip {
    /// It has more entries than there may be.
    #[error("the ZIP lists {found} files, and may list {max}")]
    TooMany { found: u64, max: usize },
    /// Its names, or what is written beside them, are too long.
    #[error("the ZIP's list of files is larger than {max} of them need")]
    TooLong { max: usize },
    /// It is none, or broken.
    #[error("a broken ZIP file ({0})")]
    Broken(String),
}

/// Opens a ZIP of at most so many entries, folders and all else among them.
///
/// # Errors
/// Where it declares more, or is broken.
pub(crate) fn open(path: &Path, entries_max: usize) -> Result<Zip, NoZip> {
    let broken = |error: io::Error| NoZip::Broken(error.to_string());
    let mut file = File::open(path).map_err(broken)?;
    let list_max = entries_max as u64 * ENTRY_BYTES;
    let declared = declared(&mut file).map_err(broken)?;
    let declared = declared.ok_or_else(|| NoZip::Broken("its end is missing".to_owned()))?;
    if declared.entries > entries_max as u64 {
        return Err(NoZip::TooMany {
            found: declared.entries,
            max: entries_max,
        });
    }
    if declared.bytes > list_max {
        return Err(NoZip::TooLong { max: entries_max });
    }
    // A list may be longer than its record says.
    let left = Rc::new(Cell::new(Some(list_max + SEARCH_BYTES)));
    let metered = Metered {
        file,
        left: Rc::clone(&left),
    };
    let listed = ZipArchive::new(BufReader::new(metered));
    if left.get() == Some(0) {
        return Err(NoZip::TooLong { max: entries_max });
    }
    left.set(None);
    listed.map_err(|error| NoZip::Broken(error.to_string()))
}

/// What the end of a ZIP says of its list.
#[derive(Clone, Copy, Default)]
struct Declared {
    entries: u64,
    bytes: u64,
}

/// The most that any record says which may be taken for the one at the end; `None` where there is none.
fn declared(file: &mut File) -> io::Result<Option<Declared>> {
    let length = file.seek(SeekFrom::End(0))?;
    let begin = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(begin))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    let mut most: Option<Declared> = None;
    for at in places(&tail, END) {
        let Some(mut found) = short_record(&tail[at..]) else {
            continue;
        };
        let locator = at.checked_sub(20).map(|at| &tail[at..]);
        if let Some(locator) = locator.filter(|bytes| bytes.starts_with(LOCATOR)) {
            let place = number(locator, 8, 8).unwrap_or(u64::MAX);
            let record = place.checked_sub(begin).and_then(|at| {
                let record = tail.get(usize::try_from(at).ok()?..)?;
                record.starts_with(END_64).then_some(record)
            });
            // One that lies anywhere else would be looked for, and might be another.
            let record = record.and_then(long_record);
            found = record.ok_or_else(|| io::Error::other("its end is not where it says"))?;
        }
        let so_far = most.unwrap_or_default();
        most = Some(Declared {
            entries: so_far.entries.max(found.entries),
            bytes: so_far.bytes.max(found.bytes),
        });
    }
    Ok(most)
}

fn places<'a>(bytes: &'a [u8], mark: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = bytes.windows(mark.len()).enumerate();
    windows.filter_map(move |(at, window)| (window == mark).then_some(at))
}

fn short_record(bytes: &[u8]) -> Option<Declared> {
    Some(Declared {
        entries: number(bytes, 8, 2)?.max(number(bytes, 10, 2)?),
        bytes: number(bytes, 12, 4)?,
    })
}

fn long_record(bytes: &[u8]) -> Option<Declared> {
    Some(Declared {
        entries: number(bytes, 24, 8)?.max(number(bytes, 32, 8)?),
        bytes: number(bytes, 40, 8)?,
    })
}

/// A number of so many bytes, the lowest first.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + length)?.iter().rev();
    Some(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A file of which so much may be read; all of it, where nothing is said.
pub(crate) struct Metered {
    file: File,
    left: Rc<Cell<Option<u64>>>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(left) = self.left.get() {
            let left = left.saturating_sub(read as u64);
            self.left.set(Some(left));
            if left == 0 {
                return Err(io::Error::other("its list is too long"));
            }
        }
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A list of so many entries with names of so many letters, and its end as it says or as told.
    fn listed(entries: usize, letters: usize, told: Option<u64>, zip64: bool) -> Vec<u8> {
        let mut file = b"PK\x03\x04".to_vec();
        file.resize(64, 0);
        let begin = file.len() as u64;
        let mut head = b"PK\x01\x02".to_vec();
        head.resize(46, 0);
        head[28..30].copy_from_slice(&u16::try_from(letters).expect("short").to_le_bytes());
        for at in 0..entries {
            file.extend(&head);
            file.extend(format!("{at:0letters$}").into_bytes());
        }
        let size = file.len() as u64 - begin;
        let count = told.unwrap_or(entries as u64);
        if zip64 {
            let record = file.len() as u64;
            file.extend(b"PK\x06\x06");
            file.extend(44_u64.to_le_bytes());
            file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for number in [count, count, size, begin] {
                file.extend(number.to_le_bytes());
            }
            file.extend(b"PK\x06\x07\0\0\0\0");
            file.extend(record.to_le_bytes());
            file.extend([1, 0, 0, 0]);
        }
        file.extend(b"PK\x05\x06\0\0\0\0");
        let short = |number: u64| if zip64 { u64::MAX } else { number };
        file.extend(&short(count).to_le_bytes()[..2]);
        file.extend(&short(count).to_le_bytes()[..2]);
        file.extend(&short(size).to_le_bytes()[..4]);
        file.extend(&short(begin).to_le_bytes()[..4]);
        file.extend([0, 0]);
        file
    }

    fn opened(bytes: &[u8], max: usize) -> Result<usize, NoZip> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("written");
        open(file.path(), max).map(|zip| zip.len())
    }

    #[test]
    fn a_list_is_judged_before_it_is_read() {
        for zip64 in [false, true] {
            let good = listed(7, 5, None, zip64);
            assert_eq!(opened(&good, 7).expect("opens"), 7, "{zip64}");
            let many = opened(&good, 6);
            assert!(
                matches!(many, Err(NoZip::TooMany { found: 7, max: 6 })),
                "{many:?}"
            );
            // A comment behind it, and one that looks like an end with fewer.
            let mut comment = good.clone();
            let at = comment.len() - 2;
            comment[at..].copy_from_slice(&[30, 0]);
            comment.extend([b' '; 30]);
            assert_eq!(opened(&comment, 7).expect("opens"), 7);
            for end in 0..good.len() {
                assert!(opened(&good[..end], 7).is_err(), "{zip64}, {end}");
            }
        }
    }

    #[test]
    fn millions_of_entries_are_refused_whatever_the_end_says() {
        let millions = listed(3, 5, Some(50_000_000), true);
        let refused = opened(&millions, 100_000).expect_err("refused");
        assert_eq!(
            refused.to_string(),
            "the ZIP lists 50000000 files, and may list 100000"
        );
        // Names of 60,000 letters, of few entries and of many.
        let long = opened(&listed(100, 60_000, None, false), 1_000);
        assert!(matches!(long, Err(NoZip::TooLong { .. })), "{long:?}");
        let mut lying = listed(100, 60_000, None, false);
        let at = lying.len() - 10;
        lying[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
        assert!(opened(&lying, 1_000).is_err());
        // The end of ZIP64 is not where its locator says.
        let mut elsewhere = listed(3, 5, None, true);
        let at = elsewhere.len() - 22 - 12;
        elsewhere[at] ^= 1;
        assert!(matches!(opened(&elsewhere, 10), Err(NoZip::Broken(_))));
        // A second end in the comment counts like the first.
        let mut two = listed(3, 5, None, false);
        let second = listed(0, 5, Some(60_000), false);
        let at = two.len() - 2;
        two[at..].copy_from_slice(&[22, 0]);
        two.extend(&second[second.len() - 22..]);
        let refused = opened(&two, 1_000);
        assert!(matches!(refused, Err(NoZip::TooMany { .. })), "{refused:?}");
    }
}
