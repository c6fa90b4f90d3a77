//! Scans of declarations that staff upload: where they go, and the pictures of their pages. Declarations that are signed on a
//! screen lie beside them.

use futures::future::BoxFuture;
use kvit_billing::{EnrolmentId, EntryId};
use kvit_store::{NewScan, SignedSheet};

use crate::{DocumentError, NoUpload, Upload};

/// Takes files of the scanner in, and has the pictures of their pages. A file that is finished without an error is kept, and read
/// whatever befalls the process; what came of it stands in the store.
pub trait Scans: Send + Sync {
    /// A place for a file that is about to come.
    fn begin(&self, id: EntryId) -> BoxFuture<'_, Result<Box<dyn Upload>, NoUpload>>;

    /// The picture of a page, its hash checked: a PNG or JPEG that Kvit wrote.
    fn picture<'a>(&'a self, scan: &'a NewScan) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>>;

    /// Keeps an SVG that was signed for this consent; it is durable when this is back, and goes after a day unless
    /// [`Store::enrol_at`](kvit_store::Store::enrol_at) names it.
    fn keep_signed<'a>(
        &'a self,
        consent: &'a EnrolmentId,
        attempt: &'a EntryId,
        svg: Vec<u8>,
    ) -> BoxFuture<'a, Result<SignedSheet, DocumentError>>;

    /// What was signed, its hash checked.
    fn signed<'a>(
        &'a self,
        sheet: &'a SignedSheet,
    ) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>>;
}
