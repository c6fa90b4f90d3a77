//! Scans of declarations that staff upload: where they go, and the pictures of their pages.

use futures::future::BoxFuture;
use kvit_billing::EntryId;
use kvit_store::NewScan;

use crate::{DocumentError, NoUpload, Upload};

/// Takes files of the scanner in, and has the pictures of their pages. A file that is finished without an error is kept, and read
/// whatever befalls the process; what came of it stands in the store.
pub trait Scans: Send + Sync {
    /// A place for a file that is about to come.
    fn begin(&self, id: EntryId) -> BoxFuture<'_, Result<Box<dyn Upload>, NoUpload>>;

    /// The picture of a page, its hash checked: a PNG or JPEG that Kvit wrote.
    fn picture<'a>(&'a self, scan: &'a NewScan) -> BoxFuture<'a, Result<Vec<u8>, DocumentError>>;
}
