//! Forms, and how twins are compressed, for later processes: a run after a restart, and the next month's, finds
//! them made.
//!
//! They are a saving and nothing more. A file that is missing, torn or of another program is as none, and
//! one that cannot be written is not missed before the next start.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kvit_billing::NoForm;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use typst::utils::hash128;

use crate::forms::{
    compile::FindGlyphs,
    form::{Form, FormFont},
};

/// The most files kept; beyond it the oldest go.
const FILES_MAX: usize = 4_000;
const ENDING: &str = ".form";
const PART: &str = ".part";
const HASH_BYTES: usize = 16;

/// A folder of forms.
pub(super) struct Kept {
    folder: PathBuf,
    /// Of all that forms depend on beside layout and shape; their files' names begin with it.
    program: String,
    /// Of the layout.
    layout: String,
}

/// A file after the hash of its bytes: the form, unless it was wrong, the numbers of glyphs by font, the one bill that
/// it was held against, unless it is proven, and why there is no form, or it takes short texts only.
#[derive(Serialize, Deserialize)]
struct Record<F, N> {
    fonts: Vec<(String, bool, Vec<u16>)>,
    form: Option<F>,
    held: Option<u128>,
    why: Option<N>,
}

/// What is known of a shape.
pub(super) enum Known {
    /// Its form, the one bill that it was held against, unless it is proven, and why it takes short texts only.
    Form(Box<Form>, Option<u128>, Option<NoForm>),
    /// Its form showed a bill otherwise than Typst.
    Wrong(NoForm),
}

impl Kept {
    pub(super) fn new(folder: &Path, program: u128, layout: u128) -> Self {
        let kept = Self {
            folder: folder.to_owned(),
            program: format!("{program:032x}"),
            layout: format!("{layout:032x}"),
        };
        kept.clear();
        kept
    }

    /// Clears away what nobody can use any more, and what is too much.
    fn clear(&self) {
        let mut own = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // What a dead process left half written; one that is alive writes its form again.
            if name.ends_with(PART) {
                let _ = fs::remove_file(entry.path());
            }
            if !name.ends_with(ENDING) {
                continue;
            }
            if name.starts_with(&self.program) {
                let changed = entry.metadata().and_then(|meta| meta.modified()).ok();
                own.push((changed, entry.path()));
            } else {
                let _ = fs::remove_file(entry.path());
            }
        }
        own.sort();
        for (_, path) in own.iter().take(own.len().saturating_sub(FILES_MAX)) {
            let _ = fs::remove_file(path);
        }
    }

    fn path(&self, shape: u128) -> PathBuf {
        let name = format!("{}-{}-{shape:032x}{ENDING}", self.program, self.layout);
        self.folder.join(name)
    }

    /// Of what no layout changes.
    fn twin_path(&self, structure: u64) -> PathBuf {
        let name = format!("{}-twin-{structure:016x}{ENDING}", self.program);
        self.folder.join(name)
    }

    pub(super) fn find(&self, shape: u128, glyphs: &FindGlyphs<'_>) -> Option<Known> {
        let record: Record<Form, NoForm> = read(&self.path(shape))?;
        let Some(mut form) = record.form else {
            return record.why.map(Known::Wrong);
        };
        for (name, tabular, cids) in record.fonts {
            form.fonts.push(FormFont {
                glyphs: glyphs(&name, tabular, cids.len())?,
                name,
                tabular,
                cids,
            });
        }
        Some(Known::Form(Box::new(form), record.held, record.why))
    }

    /// Two processes that keep the same proven form write the same bytes.
    pub(super) fn keep(
        &self,
        shape: u128,
        form: &Form,
        held: Option<u128>,
        narrowed: Option<&NoForm>,
    ) {
        let fonts = form.fonts.iter();
        let record = Record {
            fonts: fonts
                .map(|font| (font.name.clone(), font.tabular, font.cids.clone()))
                .collect(),
            form: Some(form),
            held,
            why: narrowed,
        };
        write(&self.path(shape), &record);
    }

    /// In place of a form that was kept, if one was.
    pub(super) fn keep_wrong(&self, shape: u128, why: &NoForm) {
        let record = Record {
            fonts: Vec::new(),
            form: None::<&Form>,
            held: None,
            why: Some(why),
        };
        write(&self.path(shape), &record);
    }

    /// What was learned of twins of a structure.
    pub(super) fn find_twin<T: DeserializeOwned>(&self, structure: u64) -> Option<T> {
        read(&self.twin_path(structure))
    }

    pub(super) fn keep_twin(&self, structure: u64, learned: &impl Serialize) {
        write(&self.twin_path(structure), learned);
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    let (hash, record) = bytes.split_at_checked(HASH_BYTES)?;
    if hash != hash128(record).to_be_bytes() {
        return None;
    }
    postcard::from_bytes(record).ok()
}

/// Whole or not at all.
fn write(path: &Path, record: &impl Serialize) {
    let Ok(record) = postcard::to_stdvec(record) else {
        return;
    };
    let part = path.with_extension(format!("{}{PART}", std::process::id()));
    let bytes = [hash128(record.as_slice()).to_be_bytes().as_slice(), &record].concat();
    if fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, path))
        .is_err()
    {
        let _ = fs::remove_file(&part);
    }
}
