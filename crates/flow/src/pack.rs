//! One archive container of a chunk's sealed bills: a ZIP of stored entries that any tool opens.

use std::io::{Cursor, Write};

use aws_lc_rs::digest;
use kvit_billing::{BillNumber, ChunkNo, RunId};
use kvit_pades::SealedPdf;
use zip::{
    CompressionMethod, DateTime, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions,
};

/// A finished pack.
#[derive(Debug)]
pub struct Pack {
    /// Its object name in the archive.
    pub object: String,
    /// The ZIP.
    pub bytes: Vec<u8>,
    /// SHA-256 of the SHA-256 of its bills, in their order: tells packs apart by what is in them. The bytes are not
    /// read a second time for it.
    pub sha256: [u8; 32],
    /// Where each bill's bytes lie in it, in the order given.
    pub entries: Vec<Entry>,
}

/// One bill within a pack.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// First byte of the PDF within the pack.
    pub offset: u64,
    /// Length of the PDF in bytes.
    pub length: u64,
    /// SHA-256 of the PDF.
    pub sha256: [u8; 32],
}

/// Where the packs of a run lie in the archive.
#[must_use]
pub fn run_prefix(run: &RunId) -> String {
    format!("runs/{run}")
}

/// The object name of a chunk's pack: run, chunk, and the first 16 hexadecimal digits of
/// [`Pack::sha256`]. An ECDSA signature differs each time it is made, so a chunk that is redone may give
/// other bytes. With its content in the name, a worker that was taken for dead can never replace a
/// pack that rows point into; what it wrote is an orphan, which [`crate::sweep`] removes.
#[must_use]
pub fn object_name(run: &RunId, chunk: ChunkNo, sha256: &[u8; 32]) -> String {
    let mut name = format!("{}/{chunk}-", run_prefix(run));
    for byte in &sha256[..8] {
        name.push_str(&format!("{byte:02x}"));
    }
    name.push_str(".zip");
    name
}

/// Room set aside for a bill in a pack; what is not used takes no memory.
const ROOM_A_BILL: usize = 48 * 1024;

/// A pack in the making. Equal bills give equal bytes: entries carry no clock time.
pub struct Packing {
    run: RunId,
    chunk: ChunkNo,
    zip: ZipWriter<Cursor<Vec<u8>>>,
    /// SHA-256 of each bill.
    sums: Vec<[u8; 32]>,
}

impl Packing {
    /// Begins the pack of a chunk of so many bills, in `room`, whose bytes are overwritten.
    #[must_use]
    pub fn new(run: &RunId, chunk: ChunkNo, bills: usize, mut room: Vec<u8>) -> Self {
        room.clear();
        room.reserve(bills * ROOM_A_BILL);
        Self {
            run: run.clone(),
            chunk,
            zip: ZipWriter::new(Cursor::new(room)),
            sums: Vec::with_capacity(bills),
        }
    }

    /// Adds the next bill.
    ///
    /// # Errors
    /// Only where the ZIP format cannot hold it.
    pub fn add(&mut self, number: BillNumber, pdf: &SealedPdf) -> Result<(), ZipError> {
        let stored = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        self.zip.start_file(format!("{number}.pdf"), stored)?;
        self.zip.write_all(pdf.bytes())?;
        self.sums.push(pdf.sha256());
        Ok(())
    }

    /// The pack.
    ///
    /// # Errors
    /// Only where the ZIP format cannot hold it.
    pub fn finish(self) -> Result<Pack, ZipError> {
        let bytes = self.zip.finish()?.into_inner();
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, self.sums.as_flattened()).as_ref());
        let mut written = ZipArchive::new(Cursor::new(bytes.as_slice()))?;
        let sums = self.sums.into_iter().enumerate();
        let entries = sums
            .map(|(index, sha256)| {
                let entry = written.by_index_raw(index)?;
                Ok(Entry {
                    offset: entry.data_start().ok_or(ZipError::FileNotFound)?,
                    length: entry.size(),
                    sha256,
                })
            })
            .collect::<Result<Vec<_>, ZipError>>()?;
        Ok(Pack {
            object: object_name(&self.run, self.chunk, &sha256),
            bytes,
            sha256,
            entries,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_run_chunk_and_content() {
        let run = "2026-10-a3".parse().expect("a run id");
        let mut sha256 = [0xab; 32];
        let name = object_name(&run, ChunkNo(7), &sha256);
        assert_eq!(name, "runs/2026-10-a3/00007-abababababababab.zip");
        sha256[0] = 0x0c;
        assert_ne!(name, object_name(&run, ChunkNo(7), &sha256));
        assert!(name.starts_with(&format!("{}/", run_prefix(&run))));
    }
}
