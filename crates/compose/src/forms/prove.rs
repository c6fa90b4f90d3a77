//! The proof of a form: filled with a real bill, its pages paint and mark what Typst's own export of that bill does,
//! one by one, glyph by glyph.

use kvit_billing::no_form::Why;

use crate::forms::{
    compile::{Page, decoded, kept},
    form::Form,
    leaves::Leaves,
    painted::{Painted, painted},
    refusal::{Found, Refusal},
};

/// Refuses a form whose pages, as customers get them, show otherwise than `shown`, for a bill that fits it.
pub(crate) fn same(form: &Form, leaves: &Leaves, shown: &[Page]) -> Result<(), Refusal> {
    if form.pages.len() != shown.len() {
        return Err(Found::new(Why::Pages, "").into());
    }
    for (page, (content, shown)) in form.pages.iter().zip(shown).enumerate() {
        let odd = |why, what: &str| Found::new(why, what).on(page);
        let mut filled = Vec::new();
        if form.page(&content.pieces, leaves, &mut filled).is_err() {
            return Err(odd(Why::Engine, "a page does not fit twice").into());
        }
        let theirs: String = kept(&shown.content)
            .iter()
            .flat_map(|chunk| [chunk.head, chunk.body])
            .collect();
        let (Ok(ours), Ok(theirs)) = (painted(&filled), painted(theirs.as_bytes())) else {
            return Err(odd(Why::Engine, "a page cannot be read").into());
        };
        let mut both = ours.iter().zip(&theirs);
        if let Some((ours, _)) = both.find(|(ours, theirs)| !ours.is_like(theirs)) {
            let found = odd(Why::Asks, "").standing_at(ours.at());
            return Err(found.of(said(form, leaves, ours)).into());
        }
        if ours.len() != theirs.len() {
            return Err(odd(Why::Asks, "").into());
        }
    }
    Ok(())
}

/// The leaves that something painted says. What they say is a customer's, and is told nowhere.
fn said(form: &Form, leaves: &Leaves, painted: &Painted) -> Vec<usize> {
    let fonts = form.fonts.iter();
    let texts: Vec<_> = fonts
        .filter_map(|font| decoded(font, &painted.glyphs))
        .collect();
    let is_said = |leaf: &usize| {
        let text = leaves.text(*leaf).unwrap_or_default();
        !text.is_empty() && texts.iter().any(|shown| shown.contains(text))
    };
    (0..leaves.len()).filter(is_said).collect()
}
