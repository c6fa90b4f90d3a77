//! What Typst may see: the layout's files, the bill's data, the logo, the fonts. No file system, no
//! network, no clock.

use typst::{
    Library, World,
    diag::{FileError, FileResult},
    foundations::{Bytes, Datetime, Duration},
    syntax::{FileId, Source},
    text::{Font, FontBook},
    utils::LazyHash,
};

use crate::{
    forms::probe::Probe,
    layout::{Inner, Layout},
    watch::{self, Watched},
};

pub(crate) struct BillWorld<'a> {
    layout: &'a Inner,
    library: &'a LazyHash<Library>,
    bill: Bytes,
    logo: &'a Bytes,
    /// The files that stand in for the layout's, and the one beside them.
    watched: Option<(&'a Watched, Source)>,
}

impl<'a> BillWorld<'a> {
    pub(crate) fn new(
        layout: &'a Layout,
        library: &'a LazyHash<Library>,
        bill: Vec<u8>,
        logo: &'a Bytes,
    ) -> Self {
        Self {
            layout: layout.inner(),
            library,
            bill: Bytes::new(bill),
            logo,
            watched: None,
        }
    }

    /// The same by the watched layout: see `watch/mod.rs`.
    pub(crate) fn watched(self, watched: &'a Watched, probe: &Probe, known: &[usize]) -> Self {
        let module = watch::module(self.layout.watch, &probe.shares, known);
        Self {
            watched: Some((watched, module)),
            ..self
        }
    }
}

impl World for BillWorld<'_> {
    fn library(&self) -> &LazyHash<Library> {
        self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.layout.book
    }

    fn main(&self) -> FileId {
        self.layout.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let sources = match &self.watched {
            Some((_, module)) if id == self.layout.watch => return Ok(module.clone()),
            Some((watched, _)) => &watched.sources,
            None => &self.layout.sources,
        };
        sources.get(&id).cloned().ok_or_else(|| not_found(id))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.layout.bill {
            return Ok(self.bill.clone());
        }
        if id == self.layout.logo {
            return Ok(self.logo.clone());
        }
        let found = self.layout.files.get(&id);
        found.cloned().ok_or_else(|| not_found(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.layout.fonts.get(index).cloned()
    }

    /// No clock: equal bills give equal bytes.
    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn not_found(id: FileId) -> FileError {
    FileError::NotFound(id.vpath().get_without_slash().into())
}
