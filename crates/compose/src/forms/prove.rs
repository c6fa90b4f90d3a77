//! The proof of a form: filled with a real bill, its pages say and draw what Typst's own export of
//! that bill says and draws, sequence by sequence, glyph by glyph.

use kvit_billing::no_form::Why;

use crate::forms::{
    compile::{Exact, Page, SAME_PT, decoded, kept},
    content::{Chunk, Token, chunks, numbers, run},
    form::Form,
    leaves::Leaves,
    refusal::{Found, Refusal},
};

/// Refuses a form whose pages, as the exporter would write them, differ from `shown`, for a bill that fits it.
pub(crate) fn same(
    form: &Form,
    exact: &Exact,
    leaves: &Leaves,
    shown: &[Page],
) -> Result<(), Refusal> {
    if exact.len() != shown.len() {
        return Err(Found::new(Why::Pages, "").into());
    }
    for (page, (pieces, shown)) in exact.iter().zip(shown).enumerate() {
        let odd = |why, what: &str| Err(Found::new(why, what).on(page).into());
        let mut filled = Vec::new();
        if form.page(pieces, leaves, &mut filled).is_err() {
            return odd(Why::Engine, "a page does not fit twice");
        }
        let Ok(filled) = String::from_utf8(filled) else {
            return odd(Why::Engine, "a page is not plain text");
        };
        let (ours, theirs) = (chunks(&filled), kept(&shown.content));
        let differs = |(ours, theirs): &(&Chunk<'_>, &Chunk<'_>)| !alike(ours, theirs);
        let differing = ours.iter().zip(&theirs).find(differs);
        if let Some((ours, _)) = differing {
            let found = Found::new(Why::Asks, "").on(page).drawn_by(ours.body);
            return Err(found.of(said(form, leaves, ours)).into());
        }
        if ours.len() != theirs.len() {
            return odd(Why::Asks, "");
        }
    }
    Ok(())
}

/// The leaves that a filled sequence says. What they say is a customer's, and is told nowhere.
fn said(form: &Form, leaves: &Leaves, ours: &Chunk<'_>) -> Vec<usize> {
    let Some(run) = run(ours.body) else {
        return Vec::new();
    };
    let texts = form.fonts.iter();
    let texts: Vec<_> = texts
        .filter_map(|font| decoded(font, &run.glyphs))
        .collect();
    let is_said = |leaf: &usize| {
        let text = leaves.text(*leaf).unwrap_or_default();
        !text.is_empty() && texts.iter().any(|shown| shown.contains(text))
    };
    (0..leaves.len()).filter(is_said).collect()
}

/// Whether two sequences draw the same.
fn alike(ours: &Chunk<'_>, theirs: &Chunk<'_>) -> bool {
    if ours.head != theirs.head {
        return false;
    }
    if ours.body == theirs.body {
        return true;
    }
    let close = |a: f64, b: f64| (a - b).abs() < SAME_PT;
    match (run(ours.body), run(theirs.body)) {
        (Some(a), Some(b)) => {
            a.style == b.style
                && a.glyphs == b.glyphs
                && a.tail == b.tail
                && close(a.x, b.x)
                && close(a.y, b.y)
                && a.corrections.len() == b.corrections.len()
                && a.corrections
                    .iter()
                    .zip(&b.corrections)
                    .all(|(a, b)| a.0 == b.0 && close(a.1, b.1))
        }
        _ => {
            let (a, b) = (numbers(ours.body), numbers(theirs.body));
            a.len() == b.len()
                && a.iter().zip(&b).all(|pair| match pair {
                    (Token::Number(_, a), Token::Number(_, b)) => close(*a, *b),
                    (a, b) => a == b,
                })
        }
    }
}
