//! One archive container of a chunk's sealed bills: a ZIP of stored entries that any tool opens.

use std::io::{Cursor, Write};

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

/// The object name of a chunk's pack. It follows from run and chunk alone, so a chunk that is
/// redone after a crash overwrites its own orphan.
#[must_use]
pub fn object_name(run: &RunId, chunk: ChunkNo) -> String {
    format!("runs/{run}/{chunk}.zip")
}

/// Packs sealed bills. Equal bills give equal bytes: entries carry no clock time.
///
/// # Errors
/// Only where the ZIP format cannot hold them.
pub fn pack(
    run: &RunId,
    chunk: ChunkNo,
    bills: &[(BillNumber, SealedPdf)],
) -> Result<Pack, ZipError> {
    let room = bills
        .iter()
        .map(|(_, pdf)| pdf.bytes().len() + 160)
        .sum::<usize>()
        + 64;
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(room)));
    let stored = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    for (number, pdf) in bills {
        zip.start_file(format!("{number}.pdf"), stored)?;
        zip.write_all(pdf.bytes())?;
    }
    let bytes = zip.finish()?.into_inner();
    let mut written = ZipArchive::new(Cursor::new(bytes.as_slice()))?;
    let entries = bills
        .iter()
        .enumerate()
        .map(|(index, (_, pdf))| {
            let entry = written.by_index_raw(index)?;
            Ok(Entry {
                offset: entry.data_start().ok_or(ZipError::FileNotFound)?,
                length: entry.size(),
                sha256: pdf.sha256(),
            })
        })
        .collect::<Result<Vec<_>, ZipError>>()?;
    Ok(Pack {
        object: object_name(run, chunk),
        bytes,
        entries,
    })
}
