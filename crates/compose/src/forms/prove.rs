//! The proof of a form: filled with a real bill, its pages say and draw what Typst's own export of
//! that bill says and draws, sequence by sequence, glyph by glyph.

use crate::forms::{
    compile::{Exact, Page, Refusal, SAME_PT, kept, refused},
    content::{Chunk, Token, chunks, numbers, run},
    form::Form,
    leaves::Leaves,
};

/// Refuses a form whose pages, as the exporter would write them, differ from `shown`, for a bill that fits it.
pub(crate) fn same(
    form: &Form,
    exact: &Exact,
    leaves: &Leaves,
    shown: &[Page],
) -> Result<(), Refusal> {
    if exact.len() != shown.len() {
        return refused("the real bill has another number of pages");
    }
    for (page, (pieces, shown)) in exact.iter().zip(shown).enumerate() {
        let page = page + 1;
        let mut filled = Vec::new();
        if form.page(pieces, leaves, &mut filled).is_err() {
            return refused(format!("page {page} does not fit twice"));
        }
        let Ok(filled) = String::from_utf8(filled) else {
            return refused(format!("page {page} is not plain text"));
        };
        let (ours, theirs) = (chunks(&filled), kept(&shown.content));
        if ours.len() != theirs.len() {
            let odd = ours.iter().zip(&theirs).find(|(a, b)| a.head != b.head);
            return refused(format!(
                "page {page}: the real bill has other sequences from {odd:?} on"
            ));
        }
        for (ours, theirs) in ours.iter().zip(&theirs) {
            if let Err(what) = alike(ours, theirs) {
                return refused(format!("page {page}: {what}"));
            }
        }
    }
    Ok(())
}

fn alike(ours: &Chunk<'_>, theirs: &Chunk<'_>) -> Result<(), String> {
    if ours.head != theirs.head {
        return Err(format!("a mark differs: {} {}", ours.head, theirs.head));
    }
    if ours.body == theirs.body {
        return Ok(());
    }
    let close = |a: f64, b: f64| (a - b).abs() < SAME_PT;
    match (run(ours.body), run(theirs.body)) {
        (Some(a), Some(b)) => {
            let equal = a.style == b.style
                && a.glyphs == b.glyphs
                && a.tail == b.tail
                && close(a.x, b.x)
                && close(a.y, b.y)
                && a.corrections.len() == b.corrections.len()
                && a.corrections
                    .iter()
                    .zip(&b.corrections)
                    .all(|(a, b)| a.0 == b.0 && close(a.1, b.1));
            if equal {
                Ok(())
            } else {
                Err(format!("text differs: {} {}", ours.body, theirs.body))
            }
        }
        _ => {
            let (a, b) = (numbers(ours.body), numbers(theirs.body));
            let equal = a.len() == b.len()
                && a.iter().zip(&b).all(|pair| match pair {
                    (Token::Number(_, a), Token::Number(_, b)) => close(*a, *b),
                    (a, b) => a == b,
                });
            if equal {
                Ok(())
            } else {
                let cut = |text: &str| text.chars().take(300).collect::<String>();
                Err(format!(
                    "a drawing differs: {} {}",
                    cut(ours.body),
                    cut(theirs.body)
                ))
            }
        }
    }
}
