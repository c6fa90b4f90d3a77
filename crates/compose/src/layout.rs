//! A layout: Typst files, texts and fonts by name. Those that come with Kvit are embedded; any of
//! them can be replaced by one of the same name.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use typst::{
    foundations::Bytes,
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::{LazyHash, hash128},
};

use crate::{
    ComposeError, Diagnostic,
    error::Check,
    watch::{self, Watched},
};

/// The file that lays a bill out.
pub(crate) const MAIN: &str = "bill.typ";
/// Data that compose makes for each bill; no layout file may have one of these names.
pub(crate) const BILL: &str = "bill.json";
pub(crate) const LOGO: &str = "logo.svg";

/// At most so many files in one layout: the engine keeps file names for ever.
const FILES_MAX: usize = 500;

/// Characters below this one are looked up in a table: Latin and Cyrillic, which is all that most
/// bills have.
const PLAIN: char = '\u{2300}';

const BUILTIN: [(&str, &[u8]); 4] = [
    (MAIN, include_bytes!("../layout/bill.typ")),
    ("prelude.typ", include_bytes!("../layout/prelude.typ")),
    ("texts/bg.toml", include_bytes!("../layout/texts/bg.toml")),
    ("texts/en.toml", include_bytes!("../layout/texts/en.toml")),
];

const FONTS: [(&str, &[u8]); 4] = [
    (
        "fonts/SofiaSans_400Regular.ttf",
        include_bytes!("../../../assets/fonts/SofiaSans_400Regular.ttf"),
    ),
    (
        "fonts/SofiaSans_500Medium.ttf",
        include_bytes!("../../../assets/fonts/SofiaSans_500Medium.ttf"),
    ),
    (
        "fonts/SofiaSans_700Bold.ttf",
        include_bytes!("../../../assets/fonts/SofiaSans_700Bold.ttf"),
    ),
    (
        "fonts/SofiaSans_800ExtraBold.ttf",
        include_bytes!("../../../assets/fonts/SofiaSans_800ExtraBold.ttf"),
    ),
];

/// Files that lay bills out, read and checked for form. Cheap to clone.
#[derive(Clone)]
pub struct Layout(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) main: FileId,
    pub(crate) bill: FileId,
    pub(crate) logo: FileId,
    pub(crate) sources: HashMap<FileId, Source>,
    pub(crate) files: HashMap<FileId, Bytes>,
    /// The file beside the watched ones.
    pub(crate) watch: FileId,
    /// Made when a form is.
    watched: OnceLock<Watched>,
    pub(crate) book: LazyHash<FontBook>,
    pub(crate) fonts: Vec<Font>,
    /// The texts by language.
    texts: HashMap<String, toml::Table>,
    /// Of all files' names and bytes.
    pub(crate) fingerprint: u128,
    /// What every font can show of the first [`PLAIN`] characters.
    printable: Vec<bool>,
}

impl Layout {
    /// The layout that comes with Kvit.
    ///
    /// # Panics
    /// Never: the embedded files are read by tests.
    #[must_use]
    pub fn builtin() -> Self {
        Self::with_files(BTreeMap::new()).expect("the embedded layout is well-formed")
    }

    /// The layout that comes with Kvit, with files of yours in place of those of the same name or
    /// beside them: `bill.typ`, `prelude.typ`, `texts/bg.toml`, `texts/en.toml`, `fonts/….ttf`, and
    /// whatever your `bill.typ` asks for.
    ///
    /// # Errors
    /// Every name that is not that of a file, Typst file that is not UTF-8, and font that is none.
    /// What is wrong inside a Typst file shows when a [`crate::Composer`] is made.
    pub fn with_files(files: BTreeMap<String, Vec<u8>>) -> Result<Self, ComposeError> {
        let base = embedded().map(|(name, bytes)| (name.to_owned(), Bytes::new(bytes)));
        Self::made_of(base.collect(), files)
    }

    /// The same over the files that came with another program, all of them: as [`Layout::base`] gave them there.
    ///
    /// # Errors
    /// As for [`Layout::with_files`].
    pub fn over(
        base: BTreeMap<String, Vec<u8>>,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, ComposeError> {
        let known: HashMap<_, _> = embedded().collect();
        let bytes = |(name, body): (String, Vec<u8>)| match known.get(name.as_str()) {
            // Not a second time in memory.
            Some(own) if own[..] == body[..] => (name, Bytes::new(*own)),
            _ => (name, Bytes::new(body)),
        };
        Self::made_of(base.into_iter().map(bytes).collect(), files)
    }

    /// All files that come with this program: what a layout depends on besides its own.
    #[must_use]
    pub fn base() -> BTreeMap<String, Vec<u8>> {
        let own = |(name, bytes): (&str, &[u8])| (name.to_owned(), bytes.to_vec());
        embedded().map(own).collect()
    }

    fn made_of(
        mut all: BTreeMap<String, Bytes>,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, ComposeError> {
        let mut faults = Vec::new();
        for (name, bytes) in files {
            if [BILL, LOGO, watch::MODULE].contains(&name.as_str()) {
                faults.push(Diagnostic::of_file(&name, Check::NameTaken, ""));
                continue;
            }
            all.insert(name, Bytes::new(bytes));
        }
        if all.len() > FILES_MAX {
            let max = FILES_MAX.to_string();
            faults.push(Diagnostic::of_file(MAIN, Check::FilesMax, max));
            return Err(ComposeError::Layout(faults));
        }
        let mut inner = Inner {
            main: own_id(MAIN)?,
            bill: own_id(BILL)?,
            logo: own_id(LOGO)?,
            sources: HashMap::new(),
            files: HashMap::new(),
            watch: own_id(watch::MODULE)?,
            watched: OnceLock::new(),
            book: LazyHash::new(FontBook::new()),
            fonts: Vec::new(),
            texts: HashMap::new(),
            fingerprint: hash128(&all),
            printable: Vec::new(),
        };
        for (name, bytes) in all {
            let id = match id(&name) {
                Ok(id) => id,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            if name.ends_with(".typ") {
                match std::str::from_utf8(&bytes) {
                    Ok(text) => {
                        inner.sources.insert(id, Source::new(id, text.to_owned()));
                    }
                    Err(_) => {
                        faults.push(Diagnostic::of_file(&name, Check::NotUtf8, ""));
                    }
                }
            }
            if name.starts_with("fonts/") && (name.ends_with(".ttf") || name.ends_with(".otf")) {
                match Font::new(bytes.clone(), 0) {
                    Some(font) => inner.fonts.push(font),
                    None => {
                        faults.push(Diagnostic::of_file(&name, Check::NotAFont, ""));
                    }
                }
            }
            if let Some(language) = name
                .strip_prefix("texts/")
                .and_then(|name| name.strip_suffix(".toml"))
            {
                // What is wrong in it is told with its place where a composer tries the layout.
                let texts = std::str::from_utf8(&bytes).ok();
                let texts = texts
                    .and_then(|texts| texts.parse().ok())
                    .unwrap_or_default();
                inner.texts.insert(language.to_owned(), texts);
            }
            inner.files.insert(id, bytes);
        }
        if !faults.is_empty() {
            return Err(ComposeError::Layout(faults));
        }
        inner.printable = ('\0'..PLAIN)
            .map(|character| printable(&inner.fonts, character))
            .collect();
        inner.book = LazyHash::new(FontBook::from_fonts(&inner.fonts));
        Ok(Self(Arc::new(inner)))
    }

    /// The files that come with Kvit, fonts left out: what a designer begins with.
    pub fn builtin_files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
        BUILTIN.into_iter()
    }

    /// Whether every font weight can show this character.
    #[must_use]
    pub fn can_print(&self, character: char) -> bool {
        match self.0.printable.get(character as usize) {
            Some(printable) => *printable,
            None => printable(&self.0.fonts, character),
        }
    }

    /// Of all files' names and bytes.
    pub(crate) fn fingerprint(&self) -> u128 {
        self.0.fingerprint
    }

    /// Its files as they tell where they decide by what a bill says.
    pub(crate) fn watched(&self) -> &Watched {
        let inner = self.inner();
        inner.watched.get_or_init(|| Watched::new(&inner.sources))
    }

    /// A word of the texts in a language.
    pub(crate) fn word(&self, language: &str, table: &str, key: &str) -> Option<&str> {
        self.0.texts.get(language)?.get(table)?.get(key)?.as_str()
    }

    /// The font of this PostScript name.
    pub(crate) fn font(&self, name: &str) -> Option<&Font> {
        let mut fonts = self.0.fonts.iter();
        fonts.find(|font| font.post_script_name().as_deref() == Some(name))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl std::fmt::Debug for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layout")
            .field("files", &self.0.files.len())
            .field("fonts", &self.0.fonts.len())
            .finish()
    }
}

fn embedded() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    BUILTIN.into_iter().chain(FONTS)
}

fn printable(fonts: &[Font], character: char) -> bool {
    fonts
        .iter()
        .all(|font| font.info().coverage.contains(u32::from(character)))
}

fn id(name: &str) -> Result<FileId, Diagnostic> {
    let path = VirtualPath::new(name)
        .map_err(|error| Diagnostic::of_file(name, Check::FileName, error.to_string()))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

fn own_id(name: &str) -> Result<FileId, ComposeError> {
    id(name).map_err(|fault| ComposeError::Layout(vec![fault]))
}
