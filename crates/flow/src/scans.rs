//! Scanned declarations come in: pages are read one at a time off the threads that wait, each picture is written anew
//! and kept in the archive, and only then does a row name it.
//!
//! A picture's name follows from its content, so a page that is brought again after a death is written over itself. A
//! death between picture and row leaves a picture that nobody names; one behind the row leaves a page that is known
//! when its file is brought again.

use aws_lc_rs::digest::{Context, SHA256, digest};
use kvit_billing::{CustomerNumber, PaperCode, ports::Clock};
use kvit_scan::{Fault, Kind, Picture, find_code, read_pages};
use kvit_store::{Event, NewScan, NewScanFile, ScanFault, ScanReport, Store, StoreError};
use serde_json::json;
use tokio::sync::mpsc;

use crate::ports::{Archive, ArchiveError, Checkpoints};

/// Faults of one file that are kept; more say nothing new.
const FAULTS_MAX: usize = 200;
/// Where pictures lie in the archive.
const FOLDER: &str = "scans";

/// Brings scans in.
pub struct ScanImport<'a> {
    /// Where pages wait.
    pub store: &'a Store,
    /// Where their pictures are kept.
    pub archive: &'a dyn Archive,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Where tests end the process.
    pub checkpoints: &'a dyn Checkpoints,
    /// Whose declarations these are: codes of another operator are not read.
    pub eik: String,
    /// Where the portal is: the code beside the declaration leads there.
    pub public_url: String,
}

/// Scans could not be brought in. Those that were stay; the file may be brought again.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The store failed.
    #[error("the store failed while scans were brought in")]
    Store(#[from] StoreError),
    /// The archive failed.
    #[error("a page cannot be kept")]
    Archive(#[from] ArchiveError),
}

/// The SHA-256 of a file.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// A page as the reading thread hands it over.
enum Page {
    Blank,
    Broken(Fault),
    Read(Box<Read>),
}

struct Read {
    id: String,
    kind: Kind,
    bytes: Vec<u8>,
    code: Option<PaperCode>,
    account: Option<CustomerNumber>,
}

impl ScanImport<'_> {
    /// Writes down who brings which file, before anything of it is read.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn begin(&self, file: &NewScanFile) -> Result<(), ScanError> {
        let brought = Event {
            at: file.at,
            who: file.by.clone(),
            what: "scans.brought".to_owned(),
            subject: format!("scans/{}", file.id),
            detail: json!({ "file": file.name, "sha256": hex::encode(file.sha256) }),
        };
        Ok(self.store.begin_scan_file(file, &brought).await?)
    }

    /// Reads a file that was begun. `progress` hears how many pages were read so far. A page or a file that cannot be
    /// read is told in the report, and is no error.
    ///
    /// # Errors
    /// Where the store or the archive fails.
    pub async fn read(
        &self,
        file: &NewScanFile,
        bytes: Vec<u8>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<ScanReport, ScanError> {
        // One page under way and one waiting: what a page takes is what a file takes.
        let (hand_over, mut pages) = mpsc::channel(1);
        let (eik, url) = (self.eik.clone(), self.public_url.clone());
        let reading = tokio::task::spawn_blocking(move || {
            read_pages(&bytes, |no, picture| {
                let page = page(picture, &eik, &url);
                // Where nobody listens any more, nobody wants the others.
                hand_over.blocking_send((no, page)).is_ok()
            })
        });
        let mut report = ScanReport::default();
        while let Some((no, page)) = pages.recv().await {
            self.keep(file, no, page, &mut report).await?;
            progress(no.into());
        }
        // Decoders' panics are caught page by page; what is left is a file that cannot be read.
        if let Err(fault) = reading.await.unwrap_or(Err(Fault::Broken)) {
            note(&mut report, None, fault);
        }
        let now = self.clock.now();
        self.store.finish_scan_file(&file.id, &report, now).await?;
        Ok(report)
    }

    async fn keep(
        &self,
        file: &NewScanFile,
        no: u32,
        page: Page,
        report: &mut ScanReport,
    ) -> Result<(), ScanError> {
        let read = match page {
            Page::Blank => {
                report.blank += 1;
                return Ok(());
            }
            Page::Broken(fault) => {
                note(report, Some(no), fault);
                return Ok(());
            }
            Page::Read(read) => *read,
        };
        if self.store.scan(&read.id).await?.is_some() {
            report.known += 1;
            return Ok(());
        }
        let sha256 = sha256(&read.bytes);
        let name = hex::encode(sha256);
        let ending = match read.kind {
            Kind::Png => "png",
            Kind::Jpeg => "jpg",
        };
        let scan = NewScan {
            id: read.id,
            file: file.id.clone(),
            page: no,
            at: self.clock.now(),
            object: format!("{FOLDER}/{}/{name}.{ending}", &name[..2]),
            bytes: read.bytes.len() as u64,
            sha256,
            code: read.code,
            account: read.account,
        };
        self.checkpoints.reached("before-keep-scan");
        self.archive.put(&scan.object, read.bytes).await?;
        self.checkpoints.reached("after-keep-scan");
        let without_code = scan.account.is_none();
        if self.store.keep_scan(&scan).await? {
            report.kept += 1;
            report.without_code += u32::from(without_code);
        } else {
            report.known += 1;
        }
        self.checkpoints.reached("after-name-scan");
        Ok(())
    }
}

fn note(report: &mut ScanReport, page: Option<u32>, fault: Fault) {
    if report.faults.len() < FAULTS_MAX {
        let word = fault.word().to_owned();
        report.faults.push(ScanFault { page, word });
    }
}

/// What is kept of a page. Runs on the reading thread.
fn page(picture: Result<Picture, Fault>, eik: &str, url: &str) -> Page {
    let read = || {
        let picture = picture?;
        if picture.is_blank() {
            return Ok(Page::Blank);
        }
        let mut hash = Context::new(&SHA256);
        hash.update(&picture.width.to_be_bytes());
        hash.update(&picture.height.to_be_bytes());
        hash.update(&picture.luma);
        let id = hex::encode(hash.finish());
        // The declaration's own code says on which paper it is. The one beside it says at least whose it is.
        let mut beside = false;
        let code = find_code(&picture, |text| {
            beside |= enrol_link(text, url).is_some();
            let code = text.parse::<PaperCode>().ok();
            code.filter(|code| code.eik == eik)
        });
        let link = match code {
            None if beside => find_code(&picture, |text| enrol_link(text, url)),
            _ => None,
        };
        let turns = code.as_ref().map(|found| found.turns);
        let turns = turns
            .or(link.as_ref().map(|found| found.turns))
            .unwrap_or(0);
        let code = code.map(|found| found.meaning);
        let account = code.as_ref().map(|code| code.account.clone());
        let account = account.or(link.map(|found| found.meaning));
        let kept = picture.turned(turns).kept()?;
        Ok(Page::Read(Box::new(Read {
            id,
            kind: kept.kind,
            bytes: kept.bytes,
            account,
            code,
        })))
    };
    read().unwrap_or_else(Page::Broken)
}

/// Whose the paper is, by the code that opens the portal's page.
fn enrol_link(text: &str, url: &str) -> Option<CustomerNumber> {
    let rest = text.strip_prefix(url)?;
    rest.strip_prefix("/enrol?n=")?.parse().ok()
}

/// The picture of a page cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The archive did not answer.
    #[error("the picture of a scanned page cannot be read")]
    Archive(#[from] ArchiveError),
    /// The bytes are not those that were kept.
    #[error(
        "the picture `{0}` is not the one that was kept: its SHA-256 differs; restore it from a backup"
    )]
    Altered(String),
}

/// The picture of a page, as it was kept.
///
/// # Errors
/// Where the archive fails, or has other bytes than were kept.
pub async fn read_scan(archive: &dyn Archive, scan: &NewScan) -> Result<Vec<u8>, PictureError> {
    let bytes = archive.read(&scan.object, 0..scan.bytes).await?;
    if sha256(&bytes) != scan.sha256 {
        return Err(PictureError::Altered(scan.object.clone()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_beside_a_declaration_says_whose_it_is() {
        let url = "https://bills.example.bg";
        let number = enrol_link("https://bills.example.bg/enrol?n=1000000042", url);
        assert_eq!(number.expect("ours").as_str(), "1000000042");
        for odd in [
            "https://bills.example.bg/enrol?n=",
            "https://bills.example.bg/enrol?n=1000&m=2",
            "https://bills.example.bg.evil.example/enrol?n=1000000042",
            "https://evil.example/enrol?n=1000000042",
            "https://bills.example.bg/v/1000000042-x",
        ] {
            assert_eq!(enrol_link(odd, url), None, "{odd}");
        }
    }
}
