//! Two levels packed by CCITT Group 3 and Group 4 (ITU-T T.4, T.6), as PDF and TIFF hold them.

pub(crate) use hayro_ccitt::EncodingMode;
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext};

use crate::Fault;

/// How rows are packed.
#[derive(Clone, Copy)]
pub(crate) struct Packing {
    /// By which of the three codes.
    pub(crate) mode: EncodingMode,
    /// Whether each row begins with a new byte.
    pub(crate) aligned: bool,
    /// Columns of each row.
    pub(crate) columns: u32,
}

/// So many rows, one level to a pixel: paper is 255.
///
/// # Errors
/// Where a row makes no sense, or there are fewer.
pub(crate) fn unpacked(packed: &[u8], packing: Packing, rows: u32) -> Result<Vec<u8>, Fault> {
    let settings = DecodeSettings {
        columns: packing.columns,
        rows,
        // Both are looked for where they may be: what files say of them is often wrong.
        end_of_block: true,
        end_of_line: true,
        rows_are_byte_aligned: packing.aligned,
        encoding: packing.mode,
        invert_black: false,
    };
    let room = packing.columns as usize * rows as usize;
    let mut page = Page {
        luma: Vec::with_capacity(room),
        room,
    };
    // A stream that breaks off behind the last row has told everything.
    let _ = hayro_ccitt::decode(packed, &mut page, &mut DecoderContext::new(settings));
    if page.luma.len() < room {
        return Err(Fault::Broken);
    }
    Ok(page.luma)
}

struct Page {
    luma: Vec<u8>,
    room: usize,
}

impl Decoder for Page {
    fn push_pixels(&mut self, white: bool, count: u32) {
        let end = self.luma.len().saturating_add(count as usize);
        self.luma
            .resize(end.min(self.room), if white { 255 } else { 0 });
    }

    fn next_line(&mut self) {}
}
