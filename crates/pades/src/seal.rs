//! The seal itself: digest, signature, and the three places of the file that it fills.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{Context, SHA256};
use jiff::{Timestamp, tz::TimeZone};
use kvit_billing::UnsealedPdf;

use crate::{SealKey, SignError, beginnings::Beginnings, cms::Template};

/// A bill could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key has no usable certificate.
    #[error("the seal certificate cannot be read")]
    Certificate(#[source] der::Error),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The places left open are not where, or not as large as, they should be.
    #[error("the PDF has no room for the seal: {0}")]
    Slot(&'static str),
}

/// Seals with one key. Everything constant about the key is worked out once.
pub struct Sealer {
    key: Arc<dyn SealKey>,
    template: Template,
    reserve: usize,
    beginnings: Beginnings,
    /// Nanoseconds.
    sealing: AtomicU64,
    hashing: AtomicU64,
}

/// A PDF under seal. Only [`Sealer::seal`] makes one.
#[derive(Clone, Debug)]
pub struct SealedPdf {
    bytes: Vec<u8>,
    sha256: [u8; 32],
}

impl SealedPdf {
    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole file, handed over.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// SHA-256 of the whole file.
    #[must_use]
    pub const fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

impl Sealer {
    /// Prepares a key for sealing.
    ///
    /// # Errors
    /// Where its first certificate cannot be read.
    pub fn new(key: Arc<dyn SealKey>) -> Result<Self, SealError> {
        let template =
            Template::new(key.certificates(), key.algorithm()).map_err(SealError::Certificate)?;
        let largest = template.signed_data(
            template.signed_attributes(&[0; 32]),
            &vec![0; key.signature_bytes_max()],
        );
        let reserve = largest.len();
        Ok(Self {
            key,
            template,
            reserve,
            beginnings: Beginnings::default(),
            sealing: AtomicU64::new(0),
            hashing: AtomicU64::new(0),
        })
    }

    /// How many bytes of signature a PDF must leave room for; twice as many hexadecimal digits.
    #[must_use]
    pub const fn contents_reserve(&self) -> usize {
        self.reserve
    }

    /// How long sealing took so far over all threads, without hashing, and how long hashing.
    #[must_use]
    pub fn spent(&self) -> (Duration, Duration) {
        let nanos = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        let hashing = nanos(&self.hashing);
        (nanos(&self.sealing).saturating_sub(hashing), hashing)
    }

    /// Seals a PDF. `at` is the claimed time of sealing (the signature dictionary's `/M`).
    ///
    /// # Errors
    /// Where the PDF's open places do not fit, or the key does not sign.
    pub fn seal(&self, pdf: UnsealedPdf, at: Timestamp) -> Result<SealedPdf, SealError> {
        let begun = Instant::now();
        let sealed = self.sealed(pdf, at);
        note(&self.sealing, begun);
        sealed
    }

    fn sealed(&self, pdf: UnsealedPdf, at: Timestamp) -> Result<SealedPdf, SealError> {
        let UnsealedPdf {
            mut bytes,
            beginning,
            slot,
            ..
        } = pdf;
        let contents = slot.contents.clone();
        let delimited = bytes.get(contents.start) == Some(&b'<')
            && contents.end.checked_sub(1).and_then(|last| bytes.get(last)) == Some(&b'>');
        if !delimited || !contents.len().is_multiple_of(2) {
            return Err(SealError::Slot(
                "/Contents is not an even hexadecimal string",
            ));
        }
        let mut places = [&slot.byte_range, &slot.contents, &slot.signing_time];
        places.sort_by_key(|place| place.start);
        if places.windows(2).any(|pair| pair[0].end > pair[1].start) {
            return Err(SealError::Slot("the places overlap"));
        }
        let open = places[0].start;
        let is_so = |shared: &Arc<[u8]>| shared.len() <= open && bytes.starts_with(shared);
        let beginning = beginning.filter(is_so);
        let range = format!(
            "[0 {} {} {}]",
            contents.start,
            contents.end,
            bytes.len() - contents.end
        );
        fill(&mut bytes, &slot.byte_range, &range)?;
        let moment = TimeZone::UTC
            .to_datetime(at)
            .strftime("(D:%Y%m%d%H%M%SZ)")
            .to_string();
        fill(&mut bytes, &slot.signing_time, &moment)?;

        // Both hashes begin alike: of what is signed, and of the whole file.
        let begun = Instant::now();
        let (mut whole, from) = match &beginning {
            Some(shared) => (self.beginnings.digest(shared), shared.len()),
            None => (Context::new(&SHA256), 0),
        };
        whole.update(&bytes[from..contents.start]);
        let mut covered = whole.clone();
        covered.update(&bytes[contents.end..]);
        let digest = covered.finish();
        note(&self.hashing, begun);
        let attributes = self.template.signed_attributes(digest.as_ref());
        let signature = self.key.sign(&attributes)?;
        let cms = self.template.signed_data(attributes, &signature);
        let room = contents.start + 1..contents.end - 1;
        let (Some(digits), Some(padding)) = (
            bytes.get_mut(room.start..room.start + 2 * cms.len()),
            room.len().checked_sub(2 * cms.len()),
        ) else {
            return Err(SealError::Slot(
                "/Contents is too short for the signature and its chain",
            ));
        };
        hex::encode_to_slice(&cms, digits).map_err(|_| SealError::Slot("/Contents is odd"))?;
        bytes[room.end - padding..room.end].fill(b'0');

        let begun = Instant::now();
        whole.update(&bytes[contents.start..]);
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(whole.finish().as_ref());
        note(&self.hashing, begun);
        Ok(SealedPdf { bytes, sha256 })
    }
}

/// Adds the time since `begun`.
fn note(counter: &AtomicU64, begun: Instant) {
    let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    counter.fetch_add(nanos, Ordering::Relaxed);
}

/// Writes a value into its place, padded with spaces to the width that was left for it.
fn fill(bytes: &mut [u8], place: &Range<usize>, value: &str) -> Result<(), SealError> {
    let room = bytes
        .get_mut(place.clone())
        .ok_or(SealError::Slot("a place is outside the file"))?;
    if value.len() > room.len() {
        return Err(SealError::Slot("a place is narrower than its value"));
    }
    room.fill(b' ');
    room[..value.len()].copy_from_slice(value.as_bytes());
    Ok(())
}
