//! Bill in, PDF with an empty signature field out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use kvit_billing::{
    Bill, Language, NoForm, Operator, UnsealedPdf, no_form::Place, operator::Brand,
};
use serde::Serialize;
use serde_json::Value;
use typst::{
    Library, LibraryExt, comemo,
    diag::{SourceDiagnostic, Warned},
    foundations::{Bytes, Datetime, Smart},
    layout::{Frame, FrameItem, Point, Transform},
    syntax::Span,
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::{
    ComposeError, Counts, Diagnostic, Layout,
    codes::Codes,
    forms::{Engine, Filled, Forms, leaves::Leaves, probe::Probe, refusal::Drawn},
    pdf::{self, Additions},
    probe,
    twin::{Twin, written},
    view::{Issuer, Maker, View},
    world::BillWorld,
};

/// After so many bills the engine's memory of earlier ones is dropped; it would grow without end.
const BILLS_BETWEEN_EVICTIONS: u64 = 4;

/// Drawn where the operator has no logo of its own.
const MARK: &str = include_str!("../layout/mark.svg");

/// What a [`Composer`] is made from.
#[derive(Clone, Debug)]
pub struct ComposerSettings {
    /// How bills look.
    pub layout: Layout,
    /// Who issues them.
    pub operator: Operator,
    /// In which colours.
    pub brand: Brand,
    /// The operator's logo; a built-in mark without.
    pub logo_svg: Option<Vec<u8>>,
    /// Bytes of signature to leave room for: `Sealer::contents_reserve` of the key that will seal.
    pub contents_reserve: usize,
}

/// Makes PDFs of bills. One for all threads. Equal bills give equal pages; equal bytes too, where both are laid out
/// whole or both filled into a form, unless it was learned between them how their twins are best compressed.
pub struct Composer {
    layout: Layout,
    operator: Operator,
    brand: Brand,
    issuer: Issuer,
    logo: Bytes,
    contents_reserve: usize,
    library: LazyHash<Library>,
    standards: PdfStandards,
    composed: AtomicU64,
    times: Times,
    codes: Codes,
    forms: Forms,
}

impl Composer {
    /// Prepares a layout and tries it on an invented bill in each language, so that a broken one is
    /// refused here and not in the middle of a run.
    ///
    /// # Errors
    /// Every fault of the layout with its place; a colour or a logo that is none.
    pub fn new(settings: ComposerSettings) -> Result<Self, ComposeError> {
        for colour in [&settings.brand.primary, &settings.brand.accent] {
            if !is_colour(colour) {
                return Err(ComposeError::Colour(colour.clone()));
            }
        }
        let has_logo = settings.logo_svg.is_some();
        let logo = match settings.logo_svg {
            Some(svg) if is_svg(&svg) => Bytes::new(svg),
            Some(_) => return Err(ComposeError::Logo),
            None => Bytes::from_string(
                MARK.replace("PRIMARY", &settings.brand.primary)
                    .replace("ACCENT", &settings.brand.accent),
            ),
        };
        let standards = PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1])
            .map_err(|error| ComposeError::Field(error.message().to_string()))?;
        let composer = Self {
            forms: Forms::new(&settings.layout),
            issuer: Issuer::new(
                &settings.layout,
                &settings.operator,
                &settings.brand,
                has_logo,
            ),
            layout: settings.layout,
            operator: settings.operator,
            brand: settings.brand,
            logo,
            contents_reserve: settings.contents_reserve,
            library: LazyHash::new(Library::default()),
            standards,
            composed: AtomicU64::new(0),
            times: Times::default(),
            codes: Codes::default(),
        };
        let mut faults: Vec<Diagnostic> = Vec::new();
        for bill in probe::bills() {
            match composer.compose_whole(&bill) {
                Ok(_) => {}
                Err(ComposeError::Layout(found)) => {
                    let new = found.into_iter().filter(|one| !faults.contains(one));
                    let new: Vec<_> = new.collect();
                    faults.extend(new);
                }
                Err(other) => return Err(other),
            }
        }
        match faults.is_empty() {
            true => Ok(composer),
            false => Err(ComposeError::Layout(faults)),
        }
    }

    /// The bill as PDF/A-3a and PDF/UA-1 with its EN 16931 twin inside and an empty signature field that
    /// asks for a seal.
    ///
    /// # Errors
    /// Where the layout fails on this bill, a text does not fit into its square code, or the data breaks
    /// a rule of EN 16931.
    pub fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, ComposeError> {
        let begun = Instant::now();
        let view = self.view(bill, false)?;
        let at = timestamp(bill.issued_at).ok_or(ComposeError::Time)?;
        let id = self.id(bill);
        let is_made = Instant::now();
        let twin = written(bill, &self.operator)?;
        self.times.data.add(is_made - begun);
        self.times.twin.add(is_made.elapsed());
        let composed = self.composed(&view, &id, at, &self.additions(bill, &twin));
        self.times.all.add(begun.elapsed());
        composed
    }

    fn composed(
        &self,
        view: &View<'_>,
        id: &str,
        at: Timestamp,
        additions: &Additions<'_>,
    ) -> Result<UnsealedPdf, ComposeError> {
        let engine = Pages {
            composer: self,
            id,
            at,
        };
        let filled = self
            .forms
            .fill(view, id, &self.layout, additions, &engine)?;
        match filled {
            Filled::Pdf(pdf) => Ok(pdf),
            Filled::Whole(no_form) => Ok(UnsealedPdf {
                no_form,
                ..pdf::complete(&self.export(view, id, at)?, additions)?
            }),
        }
    }

    /// Gives a shape its form at its `nth` bill, counted from 1, and not when it begins to pay: for
    /// tests and measurements of forms.
    #[must_use]
    pub const fn with_forms_from(mut self, nth: u64) -> Self {
        self.forms.set_form_from(nth);
        self
    }

    /// Lays each bill that is filled in out as well, and holds its form against it: for tests.
    #[must_use]
    pub const fn with_every_bill_checked(mut self) -> Self {
        self.forms.check_every_bill();
        self
    }

    /// Keeps forms in this folder, which has to be there, for later composers, and takes those that earlier
    /// ones left. `program` names the build: the forms of another one, or of another operator, brand or logo, are
    /// cleared away; those of another layout stay, since a run may be under way that keeps it. How much room bills
    /// leave for the seal is no part of a form. They hold parts of bills, such as notes: the folder is nobody else's
    /// business.
    #[must_use]
    pub fn with_forms_kept_in(mut self, folder: &Path, program: &str) -> Self {
        let program = typst::utils::hash128(&(
            program,
            format!("{:?} {:?}", self.operator, self.brand),
            self.logo.as_slice(),
        ));
        let layout = self.layout.fingerprint();
        self.forms.keep_in(folder, program, layout);
        self
    }

    /// The bill laid out by Typst whole, whether or not there is a form for it: what forms are held
    /// against.
    ///
    /// # Errors
    /// As for [`Composer::compose`].
    pub fn compose_whole(&self, bill: &Bill) -> Result<UnsealedPdf, ComposeError> {
        let at = timestamp(bill.issued_at).ok_or(ComposeError::Time)?;
        let exported = self.export(&self.view(bill, false)?, &self.id(bill), at)?;
        let twin = written(bill, &self.operator)?;
        pdf::complete(&exported, &self.additions(bill, &twin))
    }

    /// How many bills went which way.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.forms.counts()
    }

    /// How long composing took so far, by stage, over all threads.
    #[must_use]
    pub fn spent(&self) -> Spent {
        let Times { data, twin, all } = &self.times;
        let (data, twin) = (data.get(), twin.get());
        let fill = self.forms.filling();
        Spent {
            data,
            twin,
            fill,
            layouts: all.get().saturating_sub(data + twin + fill),
        }
    }

    /// Why the latest shape without a form has none, or one for short texts only, or why the latest bill
    /// did not fit its form: for whoever changes the layout.
    #[must_use]
    pub fn last_refusal(&self) -> Option<NoForm> {
        self.forms.last_refusal()
    }

    /// Names the shape of a bill: bills of one shape share a form.
    ///
    /// # Errors
    /// Where a text does not fit into its square code.
    pub fn shape(&self, bill: &Bill) -> Result<String, ComposeError> {
        Ok(Leaves::of(&self.view(bill, false)?)?.shape().to_owned())
    }

    /// The bill as an unsealed PDF that says on each page, in both languages, that it is a sample.
    ///
    /// # Errors
    /// As for [`Composer::compose`].
    pub fn sample(&self, bill: &Bill) -> Result<Vec<u8>, ComposeError> {
        let at = timestamp(bill.issued_at).ok_or(ComposeError::Time)?;
        self.export(&self.view(bill, true)?, &self.id(bill), at)
    }

    #[cfg(test)]
    pub(crate) const fn forms(&mut self) -> &mut Forms {
        &mut self.forms
    }

    fn view<'a>(&'a self, bill: &'a Bill, sample: bool) -> Result<View<'a>, ComposeError> {
        let maker = Maker {
            layout: &self.layout,
            operator: &self.operator,
            issuer: &self.issuer,
            codes: &self.codes,
        };
        maker.view(bill, sample)
    }

    /// Names the bill among all documents.
    fn id(&self, bill: &Bill) -> String {
        format!("{}/{}/{}", self.operator.eik, bill.series, bill.number)
    }

    fn additions<'a>(&self, bill: &Bill, twin: &'a Twin) -> Additions<'a> {
        let (tooltip, twin_description) = match bill.customer.language {
            Language::Bg => (
                "Електронен печат на издателя",
                "Данните на документа за счетоводни програми (EN 16931)",
            ),
            Language::En => (
                "Electronic seal of the issuer",
                "The document's data for bookkeeping programs (EN 16931)",
            ),
        };
        Additions {
            contents_reserve: self.contents_reserve,
            tooltip,
            twin,
            twin_description,
            issued_at: bill.issued_at,
        }
    }

    fn export(
        &self,
        view: &impl Serialize,
        id: &str,
        at: Timestamp,
    ) -> Result<Vec<u8>, ComposeError> {
        self.exported(&self.world(view)?, id, at)
    }

    /// What a layout sees of this bill.
    fn world(&self, view: &impl Serialize) -> Result<BillWorld<'_>, ComposeError> {
        let data = serde_json::to_vec(view).map_err(ComposeError::Data)?;
        let Self {
            layout,
            library,
            logo,
            ..
        } = self;
        Ok(BillWorld::new(layout, library, data, logo))
    }

    fn exported(
        &self,
        world: &BillWorld<'_>,
        id: &str,
        at: Timestamp,
    ) -> Result<Vec<u8>, ComposeError> {
        let options = PdfOptions {
            ident: Smart::Custom(id.to_owned()),
            creator: Smart::Custom(Some("Kvit".to_owned())),
            timestamp: Some(at),
            page_ranges: None,
            standards: self.standards.clone(),
            tagged: true,
            pretty: false,
        };
        // A fault of the engine must cost one bill its place in the run, not the process its life.
        let exported = catch_unwind(AssertUnwindSafe(|| {
            let Warned { output, warnings } = typst::compile::<PagedDocument>(world);
            let refused = |found: &[SourceDiagnostic]| {
                let found = found.iter();
                ComposeError::Layout(found.map(|one| Diagnostic::of(world, one)).collect())
            };
            let document = output.map_err(|errors| refused(&errors))?;
            if !warnings.is_empty() {
                return Err(refused(&warnings));
            }
            typst_pdf::pdf(&document, &options).map_err(|errors| refused(&errors))
        }));
        let count = self.composed.fetch_add(1, Ordering::Relaxed);
        if count.is_multiple_of(BILLS_BETWEEN_EVICTIONS) {
            comemo::evict(0);
        }
        exported.map_err(|_| ComposeError::Engine)?
    }
}

/// How long composing took, by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The data of bills, with square codes.
    pub data: Duration,
    /// Their EN 16931 twins.
    pub twin: Duration,
    /// Filling forms.
    pub fill: Duration,
    /// Laying out by Typst, making forms, proving them, and finding those that are kept.
    pub layouts: Duration,
}

#[derive(Default)]
struct Times {
    data: Time,
    twin: Time,
    all: Time,
}

/// Time of all threads.
#[derive(Default)]
pub(crate) struct Time(AtomicU64);

impl Time {
    pub(crate) fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Lays out the data of one bill.
struct Pages<'a> {
    composer: &'a Composer,
    id: &'a str,
    at: Timestamp,
}

impl Engine for Pages<'_> {
    fn export(&self, view: &Value) -> Result<Vec<u8>, ComposeError> {
        self.composer.export(view, self.id, self.at)
    }

    fn watched(&self, probe: &Probe, known: &[usize]) -> Result<Vec<u8>, ComposeError> {
        let world = self.composer.world(&probe.view)?;
        let world = world.watched(self.composer.layout.watched(), probe, known);
        self.composer.exported(&world, self.id, self.at)
    }

    fn drawn(&self, view: &Value) -> Vec<Drawn> {
        let Ok(world) = self.composer.world(view) else {
            return Vec::new();
        };
        let laid_out = AssertUnwindSafe(|| typst::compile::<PagedDocument>(&world).output);
        let mut all = Vec::new();
        if let Ok(Ok(document)) = catch_unwind(laid_out) {
            for (page, laid_out) in (1..).zip(document.pages()) {
                let frame = &laid_out.frame;
                let height = frame.height().to_pt();
                on_frame(frame, Transform::identity(), &mut |point, span| {
                    let place = Diagnostic::place(&world, span);
                    let place = place.filter(|(_, line, _)| *line > 0);
                    all.extend(place.map(|(file, line, column)| Drawn {
                        page,
                        at: (point.x.to_pt(), height - point.y.to_pt()),
                        place: Place { file, line, column },
                    }));
                });
            }
        }
        all
    }
}

/// What a frame draws, with its place on the page and in the layout.
fn on_frame(frame: &Frame, outer: Transform, each: &mut impl FnMut(Point, Span)) {
    for (point, item) in frame.items() {
        let here = point.transform(outer);
        match item {
            FrameItem::Group(group) => {
                let moved = Transform::translate(point.x, point.y).pre_concat(group.transform);
                on_frame(&group.frame, outer.pre_concat(moved), each);
            }
            FrameItem::Text(text) => {
                if let Some(glyph) = text.glyphs.first() {
                    each(here, glyph.span.0);
                }
            }
            FrameItem::Shape(_, span) | FrameItem::Image(_, _, span) => each(here, *span),
            FrameItem::Link(..) | FrameItem::Tag(_) => {}
        }
    }
}

impl std::fmt::Debug for Composer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Composer")
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_svg(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains("<svg"))
}

fn timestamp(at: jiff::Timestamp) -> Option<Timestamp> {
    let at = TimeZone::UTC.to_datetime(at);
    let part = |n: i8| u8::try_from(n).ok();
    let moment = Datetime::from_ymd_hms(
        i32::from(at.year()),
        part(at.month())?,
        part(at.day())?,
        part(at.hour())?,
        part(at.minute())?,
        part(at.second())?,
    )?;
    Some(Timestamp::new_utc(moment))
}
