//! Scanned declarations come in: pages are read one at a time off the threads that wait, each picture is written anew
//! and kept in the archive, and only then does a row name it.
//!
//! An uploaded file is in the archive and in the store before anybody is told that it came, and a worker reads it. A death while
//! it is read lets another claim read it again: pages that are in are known. Whatever goes into the archive is noted
//! before, and the row that names it takes the note away; so what a death left there is found and removed by
//! `clearing`, with refused pages after their time.

mod clearing;
mod signed;

use aws_lc_rs::digest::{Context, SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{CustomerNumber, PaperCode, ports::Clock};
use kvit_scan::{Fault, Kind, Picture, find_code, read_pages};
use kvit_store::{
    Event, NewScan, NewScanFile, ScanComing, ScanFault, ScanJob, ScanReport, Store, StoreError,
};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use signed::read_signed;

use crate::ports::{Archive, ArchiveError, Checkpoints};

/// Faults of one file that are kept; more say nothing new.
const FAULTS_MAX: usize = 200;
/// Where files and pictures lie in the archive.
const FOLDER: &str = "scans";
/// Who has read no page for so long is taken for dead: a page takes half a minute at most.
const LEASE: SignedDuration = SignedDuration::from_mins(10);
/// What could not be read because the archive or the store failed is left for so long; files behind it come first.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// A file that was taken so often without an answer is left alone: it may be what ends the process.
const TRIES_MAX: u64 = 5;
/// The words for a file that was given up: nothing came back too often, or it is not the one that came.
const GIVEN_UP: &str = "given-up";
const ALTERED: &str = "altered";

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
    /// Keeps an uploaded file until a worker reads it: once this is back, no death loses it.
    ///
    /// # Errors
    /// Where the store or the archive fails.
    pub async fn receive(&self, file: &NewScanFile, bytes: Vec<u8>) -> Result<(), ScanError> {
        let object = format!("{FOLDER}/{}/file", file.id);
        self.store.note_scan_object(&object, file.at).await?;
        self.checkpoints.reached("before-keep-scans");
        let length = bytes.len() as u64;
        self.archive.put(&object, bytes.into()).await?;
        self.checkpoints.reached("after-keep-scans");
        let coming = ScanComing::Stored {
            object: &object,
            bytes: length,
        };
        self.store
            .begin_scan_file(file, coming, &brought(file))
            .await?;
        self.checkpoints.reached("after-name-scans");
        Ok(())
    }

    /// Reads the oldest uploaded file that waits; `None` where there is none. A death leaves it to this worker's next start,
    /// or to any worker once the lease has run out. Where store or archive fail, or at `stop`, the file waits on, and that is
    /// no try.
    ///
    /// # Errors
    /// Where the store or the archive fails.
    pub async fn read_next(
        &self,
        worker: &str,
        stop: &CancellationToken,
    ) -> Result<Option<(NewScanFile, ScanReport)>, ScanError> {
        let now = self.clock.now();
        let claimed = self.store.claim_scan_file(worker, now, now + LEASE).await?;
        let Some(job) = claimed else {
            return Ok(None);
        };
        let read = tokio::select! {
            biased;
            () = stop.cancelled() => {
                self.give_back(&job, self.clock.now()).await;
                return Ok(None);
            }
            read = self.read_job(&job) => read,
        };
        match read {
            Ok(report) => Ok(Some((job.file, report))),
            Err(error) => {
                self.give_back(&job, self.clock.now() + AGAIN).await;
                Err(error)
            }
        }
    }

    /// Another claim may take the file from `again` on.
    async fn give_back(&self, job: &ScanJob, again: Timestamp) {
        let id = &job.file.id;
        if let Err(error) = self.store.give_back_scan_file(id, job.claim, again).await {
            tracing::warn!(
                file = id.as_str(),
                error = &error as &dyn std::error::Error,
                "scans are not given back, and wait until their lease has run out"
            );
        }
    }

    async fn read_job(&self, job: &ScanJob) -> Result<ScanReport, ScanError> {
        if job.tries > TRIES_MAX {
            return self.give_up(job, GIVEN_UP).await;
        }
        let bytes = self.archive.read(&job.object, 0..job.bytes).await?;
        let (bytes, sha256) = hashed(bytes).await;
        if sha256 != job.file.sha256 {
            return self.give_up(job, ALTERED).await;
        }
        let (report, finished) = self.pages(&job.file, job.claim, bytes, &|_| ()).await?;
        self.checkpoints.reached("after-read-scans");
        // Where another claim reads it, it is not ours to remove.
        if finished {
            self.remove(&job.object).await?;
        }
        Ok(report)
    }

    /// The file stays in the archive: it may be all that is left of the paper. Somebody says why it may go.
    async fn give_up(&self, job: &ScanJob, word: &str) -> Result<ScanReport, ScanError> {
        let (report, now) = (told(word), self.clock.now());
        let file = &job.file.id;
        self.store
            .give_up_scan_file(file, job.claim, &report, now)
            .await?;
        Ok(report)
    }

    /// Writes down who brings which file, and reads it where it lies. `progress` hears how many pages were read so far. A
    /// page or a file that cannot be read is told in the report, and is no error.
    ///
    /// # Errors
    /// Where the store or the archive fails.
    pub async fn read(
        &self,
        file: &NewScanFile,
        bytes: Vec<u8>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<ScanReport, ScanError> {
        let until = self.clock.now() + LEASE;
        let coming = ScanComing::ReadHere { until };
        self.store
            .begin_scan_file(file, coming, &brought(file))
            .await?;
        let (report, _) = self.pages(file, 1, bytes, progress).await?;
        Ok(report)
    }

    /// The pages of a file that this claim has, and whether it still had it at the end.
    async fn pages(
        &self,
        file: &NewScanFile,
        claim: u64,
        bytes: Vec<u8>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(ScanReport, bool), ScanError> {
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
            let until = self.clock.now() + LEASE;
            if !self.store.prolong_scan_file(&file.id, claim, until).await? {
                // Somebody else reads it, and tells what comes of it.
                return Ok((report, false));
            }
            self.keep(file, claim, no, page, &mut report).await?;
            progress(no.into());
        }
        // Decoders' panics are caught page by page; what is left is a file that cannot be read.
        if let Err(fault) = reading.await.unwrap_or(Err(Fault::Broken)) {
            note(&mut report, None, fault);
        }
        self.end(file, claim, report).await
    }

    async fn end(
        &self,
        file: &NewScanFile,
        claim: u64,
        report: ScanReport,
    ) -> Result<(ScanReport, bool), ScanError> {
        let now = self.clock.now();
        let end = self.store.finish_scan_file(&file.id, claim, &report, now);
        let finished = end.await?;
        Ok((report, finished))
    }

    async fn keep(
        &self,
        file: &NewScanFile,
        claim: u64,
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
        let ending = match read.kind {
            Kind::Png => "png",
            Kind::Jpeg => "jpg",
        };
        let scan = NewScan {
            id: read.id,
            file: file.id.clone(),
            page: no,
            at: self.clock.now(),
            // Of this attempt alone: what another left is removed without a look at who else may name it.
            object: format!("{FOLDER}/{}/{claim}-{no}.{ending}", file.id),
            bytes: read.bytes.len() as u64,
            sha256: sha256(&read.bytes),
            code: read.code,
            account: read.account,
        };
        self.store.note_scan_object(&scan.object, scan.at).await?;
        self.checkpoints.reached("before-keep-scan");
        self.archive.put(&scan.object, read.bytes.into()).await?;
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

fn brought(file: &NewScanFile) -> Event {
    Event {
        at: file.at,
        who: file.by.clone(),
        what: "scans.brought".to_owned(),
        subject: format!("scans/{}", file.id),
        detail: json!({ "file": file.name, "sha256": hex::encode(file.sha256) }),
    }
}

/// A report of a file of which nothing can be read.
fn told(word: &str) -> ScanReport {
    ScanReport {
        faults: vec![ScanFault {
            page: None,
            word: word.to_owned(),
        }],
        ..ScanReport::default()
    }
}

/// Off the threads that wait: a file has up to 200 MB.
async fn hashed(bytes: Vec<u8>) -> (Vec<u8>, [u8; 32]) {
    let hashing = tokio::task::spawn_blocking(move || {
        let hash = sha256(&bytes);
        (bytes, hash)
    });
    hashing.await.unwrap_or_default()
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
    read_kept(archive, (&scan.object, scan.bytes, scan.sha256)).await
}

async fn read_kept(
    archive: &dyn Archive,
    (object, length, hash): (&str, u64, [u8; 32]),
) -> Result<Vec<u8>, PictureError> {
    let bytes = archive.read(object, 0..length).await?;
    if sha256(&bytes) != hash {
        return Err(PictureError::Altered(object.to_owned()));
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
