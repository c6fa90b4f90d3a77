//! `kvit layout check`: every kind of bill through a layout, and which of them get a form.

use kvit_billing::Language;
use kvit_web::FindingTexts;
use serde_json::json;

use super::Bench;
use crate::{
    exit::{Context, Exit, Failure},
    layout_faults::in_words,
    layouts::{self, Tried},
    output::{BAD, GOOD, Output, count, grouped, table},
};

pub(super) fn check(out: &Output, bench: &Bench) -> Result<Exit, Failure> {
    let composer = bench.composer()?.with_forms_from(1);
    let progress = out.progress("trying", "bills", Some(layouts::bills().len() as u64));
    let all = layouts::try_all(&composer, &|done| progress.set(done));
    progress.finish();
    let wrong = all.iter().filter(|one| one.bytes.is_err()).count();
    let slow = all.iter().filter(|one| one.slow.is_some()).count();
    let words = FindingTexts::new(Language::En).failed("the built-in texts are broken")?;
    let value = json!({
        "folder": bench.folder, "bills": all.len(), "wrong": wrong, "without_form": slow,
        "kinds": all.iter().map(|one| as_json(&words, one)).collect::<Vec<_>>(),
    });
    out.result(&value, |out| {
        let mut text = table(&all.iter().map(|one| row(&words, one)).collect::<Vec<_>>(), &[1]);
        let ok = count((all.len() - wrong) as u64, "bill", "bills");
        let said = format!("{ok} of {} can be laid out", all.len());
        let style = if wrong == 0 { GOOD } else { BAD };
        text.push_str(&format!("\n{}\n", out.out(&said, style)));
        text.push_str(match slow {
            0 => "all of them by forms: a bill takes about a millisecond",
            _ => {
                "slow ones are right, but each takes a hundred times as long: docs/LAYOUT.md says what helps. \
                 Names longer than a line and signs of other scripts are slow in every layout"
            }
        });
        text
    })?;
    Ok(if wrong == 0 { Exit::Done } else { Exit::Failed })
}

fn row(words: &FindingTexts, tried: &Tried) -> Vec<String> {
    let (bytes, said) = match (&tried.bytes, &tried.slow) {
        (Ok(bytes), None) => (grouped(*bytes as u64), "form".to_owned()),
        (Ok(bytes), Some(why)) => (
            grouped(*bytes as u64),
            format!("slow: {}", words.no_form(why)),
        ),
        (Err(error), _) => (String::new(), in_words(words, error)),
    };
    vec![tried.name.clone(), bytes, said]
}

fn as_json(words: &FindingTexts, tried: &Tried) -> serde_json::Value {
    json!({
        "kind": tried.name, "bytes": tried.bytes.as_ref().ok(), "fault": tried.bytes.as_ref().err().map(|error| in_words(words, error)),
        "slow_because": tried.slow, "in_words": tried.slow.as_ref().map(|why| words.no_form(why).to_string()),
    })
}
