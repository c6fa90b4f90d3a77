//! Scans come in, whoever brings them: the command line or the console.

use std::sync::Arc;

use kvit_flow::{ScanImport, ports::Archive};
use kvit_store::{NewScanFile, ScanReport};

use crate::{
    exit::{Context, Failure},
    faults,
    wiring::{Instance, SystemClock},
};

/// What reading scans needs of an instance.
pub(crate) struct Scanning {
    instance: Instance,
    archive: Arc<dyn Archive>,
}

impl Scanning {
    pub(crate) fn open(instance: &Instance) -> Result<Self, Failure> {
        Ok(Self {
            instance: instance.clone(),
            archive: instance.archive()?,
        })
    }

    /// Writes down who brings the file, then reads it.
    pub(crate) async fn read(
        &self,
        file: &NewScanFile,
        bytes: Vec<u8>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<ScanReport, Failure> {
        let config = &self.instance.config;
        let checkpoints = faults::checkpoints();
        let import = ScanImport {
            store: &self.instance.store,
            archive: self.archive.as_ref(),
            clock: &SystemClock,
            checkpoints: checkpoints.as_ref(),
            eik: config.operator.eik.clone(),
            public_url: config.portal.public_url.trim_end_matches('/').to_owned(),
        };
        let what = format!("{} is not wholly in", file.name);
        let hint = "bring it again: pages that came in are known, and count once";
        let failed = |failure: Failure| failure.hint(hint);
        import
            .begin(file)
            .await
            .failed(what.as_str())
            .map_err(failed)?;
        let read = import.read(file, bytes, progress).await;
        read.failed(what).map_err(failed)
    }
}
