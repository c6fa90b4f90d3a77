//! Bills at the speed of a seal: Typst lays out each *shape* once, the result is compiled to a form,
//! and a bill of that shape is filled in.
//!
//! `leaves.rs` says what a form fills in and what makes a shape; `probe.rs` makes probe bills of a
//! shape; `compile.rs` takes their exports apart and explains each difference on a page, `assemble.rs` what
//! differs beside the pages; `lean.rs` shortens its pages; `form.rs` fills; `prove.rs` holds what it filled against
//! Typst's own export, by what both paint (`painted.rs`), for two bills and now and then for another; `shape.rs` knows
//! how far each shape is; `kept.rs` hands forms on to later processes. A bill that does not fit,
//! and every bill of a shape that cannot be compiled, goes through Typst whole: slower, never different.
//! `refusal.rs` tells why, for who can change the layout.

mod assemble;
mod compile;
mod content;
pub(crate) mod form;
mod glyphs;
mod kept;
mod lean;
pub(crate) mod leaves;
mod page;
mod painted;
pub(crate) mod probe;
mod prove;
pub(crate) mod refusal;
mod shape;
mod twins;

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use kvit_billing::{NoForm, UnsealedPdf};
use kvit_pdf::Document;
use serde_json::{Value, json};
use typst::utils::hash128;

use crate::{
    ComposeError, Layout,
    composer::Time,
    forms::{
        compile::{Compiled, Page, Tools, compile, pages},
        form::{Form, Misfit},
        glyphs::Glyphs,
        kept::{Kept, Known},
        leaves::Leaves,
        probe::{Probe, probe},
        refusal::{Drawn, Refusal, Told, misfit},
        shape::{Shape, State, Turn},
        twins::Twins,
    },
    pdf::Additions,
    twin::Twin,
    view::View,
};

/// So many forms are in memory, at most a megabyte each; the next one takes the place of the one that was used
/// longest ago, which is found in the folder again in a thousandth of a second.
const FORMS_MAX: usize = 80;
/// So many shapes are known of.
const SHAPES_MAX: usize = 4_000;

/// Characters that forms can write, where the layout's fonts have them.
const FULL: &str = "0123456789 \u{a0}.,:;!?'\"()/+-–—−&№€$%„“”«»*@#_·\
    ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\
    АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюяѝЍ²³°";
/// Characters that nearly all bills in a language do with. A form with these alone is thousands of bytes
/// smaller, so a bill with others has a form of its own.
const COMMON: &str = "0123456789 \u{a0}.,:()/+-–−№€%„“@·ѝ\
    ABCEFGHIKMNPRSTVWXYZabdeghiklmnoprstuvx";
const CYRILLIC: &str = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЮЯабвгдежзийклмнопрстуфхцчшщъьюя";
const LATIN: &str = "DJLOQU&'cfjqwyz";
/// Those of the weight that shows figures, dates and references; small letters of the bill's language join.
const STRONG: &str = "0123456789 \u{a0}.,:-/−€RFѝ";
const SMALL_BG: &str = "абвгдежзийклмнопрстуфхцчшщъьюя";
const SMALL_EN: &str = "abcdefghijklmnopqrstuvwxyzADFJMNOS";

/// A shape gets a form at its so-many-th bill. Making one takes three layouts, and proving it with another bill a
/// fourth; a shape that comes once among thousands gets none.
const FORM_FROM: u64 = 2;
/// Of so many bills that are filled in, one is laid out by Typst as well, and the form held against it: it costs
/// half a hundredth of what filling does. Which one follows from its number, so that small runs have some too.
const CHECK_ONE_IN: u128 = 20_000;

/// What composing has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bills filled into forms.
    pub filled: u64,
    /// Bills laid out by Typst whole.
    pub whole: u64,
    /// Forms compiled.
    pub forms: u64,
    /// Forms found that an earlier process had compiled.
    pub found: u64,
    /// Those among them that take shorter texts than usual, because longer ones wrap in this layout: many
    /// of their bills may be laid out whole.
    pub narrowed: u64,
    /// Shapes that could not be compiled.
    pub refused: u64,
}

/// Lays data out.
pub(crate) trait Engine {
    /// As a PDF without field.
    fn export(&self, view: &Value) -> Result<Vec<u8>, ComposeError>;
    /// The same of a probe, by the watched layout (`watch/mod.rs`), in which these sites may decide.
    fn watched(&self, probe: &Probe, known: &[usize]) -> Result<Vec<u8>, ComposeError>;
    /// What its pages draw, by the line of the layout; nothing where they cannot be laid out.
    fn drawn(&self, view: &Value) -> Vec<Drawn>;
}

/// What became of a bill.
pub(crate) enum Filled {
    Pdf(UnsealedPdf),
    /// Typst has to lay it out; why its shape has no form, or one that is too narrow for it.
    Whole(Option<Arc<NoForm>>),
}

/// Font and language, whether figures are tabular, number of glyphs.
type GlyphsKey = (String, bool, usize);

pub(crate) struct Forms {
    form_from: u64,
    check_one_in: u128,
    forms_max: usize,
    full: Vec<char>,
    bg: Alphabet,
    en: Alphabet,
    glyphs: Mutex<HashMap<GlyphsKey, Option<Arc<Glyphs>>>>,
    /// By the hash of what names them.
    shapes: Mutex<HashMap<u128, Arc<Shape>>>,
    kept: Option<Arc<Kept>>,
    twins: Twins,
    /// Counts look-ups.
    clock: AtomicU64,
    filled: AtomicU64,
    filling: Time,
    whole: AtomicU64,
    made: AtomicU64,
    found: AtomicU64,
    narrowed: AtomicU64,
    refused: AtomicU64,
    last_refusal: Mutex<Option<Arc<NoForm>>>,
}

/// What nearly all bills in a language are written with.
struct Alphabet {
    common: Vec<char>,
    /// By code point: every character of every bill is looked up.
    is_common: Vec<bool>,
    /// In the weight that shows figures.
    strong: Vec<char>,
}

/// A bill that is being composed.
struct OneBill<'a> {
    view: &'a View<'a>,
    id: &'a str,
    leaves: &'a Leaves,
    /// Whether it does with the common characters.
    is_common: bool,
    layout: &'a Layout,
    additions: &'a Additions<'a>,
    engine: &'a dyn Engine,
}

impl Forms {
    pub(crate) fn new(layout: &Layout) -> Self {
        let known = |text: &str| {
            let mut known: Vec<char> = text.chars().filter(|c| layout.can_print(*c)).collect();
            // Neighbours share a range of the table of what glyphs mean. Figures first: some signs are drawn otherwise
            // beside them, and a line does not begin with a space.
            known.sort_unstable_by_key(|c| (!c.is_ascii_digit(), !c.is_whitespace(), *c));
            known
        };
        let alphabet = |more: &str, small: &str| {
            let common = known(&[COMMON, CYRILLIC, more].concat());
            Alphabet {
                is_common: by_code_point(&common),
                common,
                strong: known(&[STRONG, small].concat()),
            }
        };
        Self {
            form_from: FORM_FROM,
            check_one_in: CHECK_ONE_IN,
            forms_max: FORMS_MAX,
            full: known(FULL),
            bg: alphabet("", SMALL_BG),
            // Names and addresses stay as they are.
            en: alphabet(LATIN, SMALL_EN),
            glyphs: Mutex::default(),
            shapes: Mutex::default(),
            kept: None,
            twins: Twins::default(),
            clock: AtomicU64::new(0),
            filled: AtomicU64::new(0),
            filling: Time::default(),
            whole: AtomicU64::new(0),
            made: AtomicU64::new(0),
            found: AtomicU64::new(0),
            narrowed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            last_refusal: Mutex::default(),
        }
    }

    pub(crate) const fn set_form_from(&mut self, nth: u64) {
        self.form_from = nth;
    }

    pub(crate) const fn check_every_bill(&mut self) {
        self.check_one_in = 1;
    }

    /// Keeps forms in a folder for other processes. Those of another `program` are cleared away.
    pub(crate) fn keep_in(&mut self, folder: &Path, program: u128, layout: u128) {
        let kept = Arc::new(Kept::new(folder, program, layout));
        self.twins = Twins::kept_in(Arc::clone(&kept));
        self.kept = Some(kept);
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            filled: self.filled.load(Ordering::Relaxed),
            whole: self.whole.load(Ordering::Relaxed),
            forms: self.made.load(Ordering::Relaxed),
            found: self.found.load(Ordering::Relaxed),
            narrowed: self.narrowed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// How long bills were filled in.
    pub(crate) fn filling(&self) -> Duration {
        self.filling.get()
    }

    pub(crate) fn last_refusal(&self) -> Option<NoForm> {
        lock(&self.last_refusal).as_deref().cloned()
    }

    /// The bill filled into its form, unless it has to go through Typst whole. `id` names the bill.
    pub(crate) fn fill(
        &self,
        view: &View<'_>,
        id: &str,
        layout: &Layout,
        additions: &Additions<'_>,
        engine: &dyn Engine,
    ) -> Result<Filled, ComposeError> {
        let leaves = Leaves::of(view)?;
        let common = &self.alphabet(view.language()).is_common;
        let is_common =
            leaves.are_written_with(|c| common.get(c as usize).is_some_and(|known| *known));
        let name = hash128(&(is_common, leaves.shape()));
        let shape = self.shape(name);
        let met = shape.met.fetch_add(1, Ordering::Relaxed) + 1;
        // Whoever comes meanwhile waits, a thousandth of a second: laying a bill out takes thirty times as long.
        let seek = || self.find(name, &shape, layout, view.language());
        shape.sought.call_once_force(|_| seek());
        let bill = OneBill {
            view,
            id,
            leaves: &leaves,
            is_common,
            layout,
            additions,
            engine,
        };
        let filled = match shape.turn(met >= self.form_from, || leaves.said()) {
            Turn::Whole => Ok(self.whole(shape.refused.get())),
            Turn::Fill(form) => self.fill_in(&shape, name, &form, &bill),
            Turn::Make => {
                let (state, filled) = self.make(&shape, name, &bill);
                shape.is(state);
                self.make_room();
                filled
            }
            Turn::Prove(form, held) => {
                let (state, filled) = self.prove(&shape, name, (form, held), None, &bill);
                shape.is(state);
                filled
            }
        };
        leaves.done();
        filled
    }

    /// Makes the form, and holds it against the bill that it was made with. A form that has to hold against another
    /// bill as well comes of it, at best.
    fn make(
        &self,
        shape: &Shape,
        name: u128,
        bill: &OneBill<'_>,
    ) -> (State, Result<Filled, ComposeError>) {
        let view = match self.data(bill) {
            Ok(view) => view,
            Err(error) => return (State::Unseen, Err(error)),
        };
        let Some(compiled) = self.compile(&view, shape, bill) else {
            return (State::Refused, Ok(self.whole(shape.refused.get())));
        };
        let mut form = compiled.form;
        form.plan(bill.leaves, bill.additions);
        let made = (Arc::new(form), None);
        self.prove(shape, name, made, Some(compiled.shown), bill)
    }

    /// Fills a bill in, and holds the form against it, and `shown`, if its pages were laid out already. The form may
    /// have been held against another bill.
    fn prove(
        &self,
        shape: &Shape,
        name: u128,
        (form, held): (Arc<Form>, Option<u128>),
        shown: Option<Vec<Page>>,
        bill: &OneBill<'_>,
    ) -> (State, Result<Filled, ComposeError>) {
        let as_before = State::Unproven(Arc::clone(&form), held);
        let pdf = match self.filled(shape, &form, bill) {
            Ok(Ok(pdf)) => pdf,
            Ok(Err(whole)) => return (as_before, Ok(whole)),
            Err(error) => return (as_before, Err(error)),
        };
        match self.check(&form, shown, bill) {
            // Says nothing of the form: another bill is going to prove it.
            Err(error) => (as_before, Err(error)),
            Ok(Err(wrong)) => (State::Refused, self.drop_form(&wrong, shape, name, bill)),
            Ok(Ok(())) => {
                self.filled.fetch_add(1, Ordering::Relaxed);
                let first = held.is_none().then(|| bill.leaves.said());
                if let Some(kept) = &self.kept {
                    kept.keep(name, &form, first, shape.narrowed.get().map(AsRef::as_ref));
                }
                let state = match first {
                    Some(_) => State::Unproven(form, first),
                    None => State::Proven(form),
                };
                (state, Ok(Filled::Pdf(pdf)))
            }
        }
    }

    /// Fills a bill in. Now and then one is laid out as well, and the form held against it.
    fn fill_in(
        &self,
        shape: &Shape,
        name: u128,
        form: &Form,
        bill: &OneBill<'_>,
    ) -> Result<Filled, ComposeError> {
        let pdf = match self.filled(shape, form, bill)? {
            Ok(pdf) => pdf,
            Err(whole) => return Ok(whole),
        };
        let is_checked = hash128(&("check", bill.id)).is_multiple_of(self.check_one_in);
        if is_checked && let Err(wrong) = self.check(form, None, bill)? {
            shape.is(State::Refused);
            return self.drop_form(&wrong, shape, name, bill);
        }
        self.filled.fetch_add(1, Ordering::Relaxed);
        Ok(Filled::Pdf(pdf))
    }

    /// The bill filled in, or why it has to go through Typst whole.
    fn filled(
        &self,
        shape: &Shape,
        form: &Form,
        bill: &OneBill<'_>,
    ) -> Result<Result<UnsealedPdf, Filled>, ComposeError> {
        let begun = Instant::now();
        let filled = form.fill(bill.leaves, bill.id, bill.additions, &self.twins)?;
        self.filling.add(begun.elapsed());
        Ok(filled.map_err(|odd| {
            let is_long = matches!(odd, Misfit::Width);
            self.remember(Arc::new(misfit(odd)));
            self.whole(shape.narrowed.get().filter(|_| is_long))
        }))
    }

    /// Holds a form against Typst's own pages of a bill.
    fn check(
        &self,
        form: &Form,
        shown: Option<Vec<Page>>,
        bill: &OneBill<'_>,
    ) -> Result<Result<(), Refusal>, ComposeError> {
        let shown = match shown {
            Some(shown) => Ok(shown),
            None => pages(&Document::load(&bill.engine.export(&self.data(bill)?)?)?),
        };
        Ok(shown.and_then(|shown| prove::same(form, bill.leaves, &shown)))
    }

    /// A form that showed a bill otherwise than Typst: nobody uses it again, here or in later processes.
    fn drop_form(
        &self,
        wrong: &Refusal,
        shape: &Shape,
        name: u128,
        bill: &OneBill<'_>,
    ) -> Result<Filled, ComposeError> {
        self.refuse(wrong, shape, &self.data(bill)?, bill);
        let why = shape.refused.get();
        if let (Some(kept), Some(why)) = (&self.kept, why) {
            kept.keep_wrong(name, why);
        }
        Ok(self.whole(why))
    }

    /// The bill's data with the alphabet in it.
    fn data(&self, bill: &OneBill<'_>) -> Result<Value, ComposeError> {
        let view = serde_json::to_value(bill.view).map_err(ComposeError::Data)?;
        Ok(self.with_alphabet(&view, bill.is_common))
    }

    fn whole(&self, why: Option<&Arc<NoForm>>) -> Filled {
        self.whole.fetch_add(1, Ordering::Relaxed);
        Filled::Whole(why.map(Arc::clone))
    }

    /// What an earlier process knew of the shape: a form that it made, or that it had a wrong one.
    fn find(&self, name: u128, shape: &Shape, layout: &Layout, language: &'static str) {
        let glyphs = |font: &str, tabular: bool, count: usize| {
            self.glyphs(layout, font, tabular, count, language)
        };
        match self.kept.as_ref().and_then(|kept| kept.find(name, &glyphs)) {
            Some(Known::Form(form, held, narrowed)) => {
                if let Some(why) = narrowed {
                    let _ = shape.narrowed.set(Arc::new(why));
                }
                let form = Arc::new(*form);
                shape.is(match held {
                    Some(_) => State::Unproven(form, held),
                    None => State::Proven(form),
                });
                if !shape.is_again {
                    self.found.fetch_add(1, Ordering::Relaxed);
                }
                self.make_room();
            }
            Some(Known::Wrong(why)) => {
                let _ = shape.refused.set(Arc::new(why));
                shape.is(State::Refused);
            }
            None => {}
        }
    }

    fn shape(&self, name: u128) -> Arc<Shape> {
        let mut shapes = lock(&self.shapes);
        if shapes.len() >= SHAPES_MAX
            && !shapes.contains_key(&name)
            && let Some(oldest) = oldest(&shapes, |_| true)
        {
            shapes.remove(&oldest);
        }
        let shape = Arc::clone(shapes.entry(name).or_default());
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        shape.used.store(now, Ordering::Relaxed);
        shape
    }

    /// Lets the forms go that were used longest ago, where there are more than there may be. How often their shapes
    /// were met stays known.
    fn make_room(&self) {
        let mut shapes = lock(&self.shapes);
        let mut more = forms_in(&shapes).saturating_sub(self.forms_max);
        while more > 0
            && let Some(oldest) = oldest(&shapes, Shape::has_form)
            && let Some(shape) = shapes.get_mut(&oldest)
        {
            *shape = Arc::new(shape.emptied());
            more -= 1;
        }
    }

    fn alphabet(&self, language: &str) -> &Alphabet {
        match language {
            "en" => &self.en,
            _ => &self.bg,
        }
    }

    fn with_alphabet(&self, view: &Value, is_common: bool) -> Value {
        let alphabet = self.alphabet(language_of(view));
        let regular = match is_common {
            true => &alphabet.common,
            false => &self.full,
        };
        let mut view = view.clone();
        let text = |chars: &[char]| chars.iter().collect::<String>();
        if let Some(drawn) = view.get_mut("alphabet") {
            *drawn = json!({
                "regular": text(regular),
                "strong": text(&alphabet.strong),
            });
        }
        view
    }

    /// `view` has the alphabet in it.
    fn compile(&self, view: &Value, shape: &Shape, bill: &OneBill<'_>) -> Option<Compiled> {
        let OneBill {
            layout,
            additions,
            engine,
            ..
        } = *bill;
        let language = language_of(view);
        let tools = Tools {
            export: &|view| engine.export(view),
            watched: &|probe, known| engine.watched(probe, known),
            layout,
            glyphs: &|name, tabular, count| self.glyphs(layout, name, tabular, count, language),
            additions: Additions {
                twin: &Twin::default(),
                ..*additions
            },
        };
        match compile(view, &tools) {
            Ok(compiled) => {
                self.made.fetch_add(1, Ordering::Relaxed);
                if let Some(why) = &compiled.narrowed {
                    self.narrowed.fetch_add(1, Ordering::Relaxed);
                    let told = NoForm {
                        is_for_long_texts_only: true,
                        ..told(why, view, bill)
                    };
                    self.keep(told, &shape.narrowed);
                }
                Some(compiled)
            }
            Err(refusal) => {
                self.refuse(&refusal, shape, view, bill);
                None
            }
        }
    }

    fn refuse(&self, refusal: &Refusal, shape: &Shape, view: &Value, bill: &OneBill<'_>) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.keep(told(refusal, view, bill), &shape.refused);
    }

    fn keep(&self, told: NoForm, why: &OnceLock<Arc<NoForm>>) {
        let told = Arc::new(told);
        let _ = why.set(Arc::clone(&told));
        self.remember(told);
    }

    fn remember(&self, why: Arc<NoForm>) {
        *lock(&self.last_refusal) = Some(why);
    }

    /// Shaped once for all forms. Bulgarian and English shape alike in a font without local forms
    /// for either; the language is part of the key all the same.
    fn glyphs(
        &self,
        layout: &Layout,
        name: &str,
        tabular: bool,
        count: usize,
        language: &'static str,
    ) -> Option<Arc<Glyphs>> {
        let alphabet = self.alphabet(language);
        let alphabet = [&self.full, &alphabet.common, &alphabet.strong]
            .into_iter()
            .find(|alphabet| alphabet.len() == count)?;
        let mut cache = lock(&self.glyphs);
        let key = (format!("{name}/{language}"), tabular, count);
        cache
            .entry(key)
            .or_insert_with(|| {
                let font = layout.font(name)?;
                Glyphs::new(font, tabular, language, alphabet).map(Arc::new)
            })
            .clone()
    }
}

fn told(refusal: &Refusal, view: &Value, bill: &OneBill<'_>) -> NoForm {
    refusal.told(&Told {
        view,
        layout: bill.layout,
        drawn: &|| bill.engine.drawn(&probe(view, 0, 1.0).view),
    })
}

/// The name of the shape that was used longest ago of those that `may_go`.
fn oldest(shapes: &HashMap<u128, Arc<Shape>>, may_go: impl Fn(&Shape) -> bool) -> Option<u128> {
    let found = shapes.iter().filter(|(_, shape)| may_go(shape));
    let used = |(_, shape): &(&u128, &Arc<Shape>)| shape.used.load(Ordering::Relaxed);
    found.min_by_key(used).map(|(name, _)| *name)
}

fn forms_in(shapes: &HashMap<u128, Arc<Shape>>) -> usize {
    shapes.values().filter(|shape| shape.has_form()).count()
}

/// What a thread that panicked left is as good as before: values are replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn by_code_point(characters: &[char]) -> Vec<bool> {
    let last = characters.iter().max().map_or(0, |last| *last as usize);
    let mut known = vec![false; last + 1];
    for character in characters {
        known[*character as usize] = true;
    }
    known
}

fn language_of(view: &Value) -> &'static str {
    match view.get("lang").and_then(Value::as_str) {
        Some("en") => "en",
        _ => "bg",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kvit_billing::{Bill, Language};
    use kvit_synth::{Synth, kinds};

    use super::*;
    use crate::{Composer, ComposerSettings};

    const PLAIN: &str = "#import \"prelude.typ\": *
#set document(title: \"Bill\", author: b.operator.name)
#set text(font: \"Sofia Sans\", size: 9pt, lang: b.lang, fallback: false)
#set page(paper: \"a4\", background: alphabet)
#heading(level: 1, \"Bill\")
#block(slot(b.number))
";
    const MAX: usize = 3;

    fn composer() -> Composer {
        let files = BTreeMap::from([("bill.typ".to_owned(), PLAIN.as_bytes().to_vec())]);
        let (operator, brand) = kvit_synth::operator();
        let settings = ComposerSettings {
            layout: Layout::with_files(files).expect("well-formed"),
            operator,
            brand,
            logo_svg: None,
            contents_reserve: 4_000,
        };
        let mut composer = Composer::new(settings)
            .expect("a layout")
            .with_forms_from(1);
        composer.forms().forms_max = MAX;
        composer
    }

    /// Of so many lines: each number has a shape of its own.
    fn bill(lines: usize) -> Bill {
        let mut order = Synth::new(7, 1_000).order(3, jiff::civil::date(2026, 10, 1));
        order.lines = order.lines.iter().cycle().take(lines).cloned().collect();
        kinds::sum(&mut order);
        kinds::issued(order, Language::Bg)
    }

    #[test]
    fn forms_in_memory_keep_to_their_bound_and_the_oldest_go() {
        let mut composer = composer();
        for lines in 1..=2 * MAX {
            composer.compose(&bill(lines)).expect("composed");
            let held = forms_in(&lock(&composer.forms().shapes));
            assert_eq!(held, lines.min(MAX));
        }
        // 4, 5 and 6 are there; 4 is used again, so the next takes the place of 5.
        let made = composer.counts().forms;
        composer.compose(&bill(4)).expect("composed");
        assert_eq!(composer.counts().forms, made);
        composer.compose(&bill(7)).expect("composed");
        for (lines, more) in [(4, 1), (6, 1), (7, 1), (5, 2)] {
            composer.compose(&bill(lines)).expect("composed");
            assert_eq!(composer.counts().forms, made + more, "{lines}");
        }
    }

    #[test]
    fn cores_that_make_forms_at_once_keep_to_the_bound_too() {
        let mut composer = composer();
        std::thread::scope(|scope| {
            let composer = &composer;
            for core in 0..4 {
                scope.spawn(move || {
                    for lines in 1..=4 {
                        composer.compose(&bill(4 * core + lines)).expect("composed");
                    }
                });
            }
        });
        assert_eq!(forms_in(&lock(&composer.forms().shapes)), MAX);
    }
}
