//! A new version of the texts: the texts of one group as they are said now, both languages beside each other, to be
//! written otherwise.

use std::collections::BTreeMap;

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_store::{ChangedTexts, NewTexts};
use minijinja::context;

use super::{changed_in, fault_text, name, slots_of, title};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    staff::{door::Officer, render},
    wording::{self, Faults, Group},
};

/// A form with every text at its longest, as browsers send it.
pub(crate) const FORM_BYTES_MAX: usize = 64 * 1024;

/// What stands in the fields, and what is wrong with it.
struct Written {
    texts: ChangedTexts,
    faults: Faults,
    /// What is wrong with the form as a whole.
    wrong: Option<&'static str>,
}

pub(crate) async fn form(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(group): Path<String>,
) -> Result<Response, Failure> {
    let group = wording::group(&group).ok_or(Failure::NotFound)?;
    let current = app.portal.store.current_texts().await?;
    let written = Written {
        texts: changed_in(&app, current).await?,
        faults: Vec::new(),
        wrong: None,
    };
    page(&app, &visitor, &officer, (group, current), &written)
}

fn page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    (group, current): (&'static Group, u32),
    written: &Written,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let mut errors: Vec<_> = written
        .wrong
        .iter()
        .map(|key| context! { field => "texts", text => texts.say(key, &[]) })
        .collect();
    let mut rows = Vec::new();
    for key in group.keys {
        let fields: Vec<_> = slots_of(group)
            .filter(|slot| slot.key == *key)
            .map(|slot| {
                let name = slot.name();
                let (program, lang) = (slot.own(), slot.language.tag());
                let id = format!("{lang}.{key}");
                let wrong: Vec<_> = written
                    .faults
                    .iter()
                    .filter(|(of, _)| *of == name)
                    .map(|(_, fault)| fault_text(texts, fault))
                    .collect();
                errors.extend(wrong.iter().map(|text| context! { field => id.clone(), text }));
                let value = written.texts.get(&name).unwrap_or(&program);
                let words: Vec<_> = slot.words().iter().map(|word| format!("{{{word}}}")).collect();
                context! {
                    id, lang, value, program => (*value != program).then_some(&program), wrong,
                    words => words.join(" "), max => slot.signs_max().to_string(), rows => if slot.signs_max() > 200 { 4 } else { 2 },
                }
            })
            .collect();
        rows.push(context! { key => *key, fields });
    }
    let page = context! {
        group => group.name, title => title(texts, group), rows, errors, seen => current.to_string(),
        current => name(texts, current),
    };
    render(app, visitor, Some(officer), "staff/texts-change.html", page)
}

/// Keeps what was written as a version; it counts once a second person says so. What has a fault is shown again as
/// it was written, and nothing is kept.
pub(crate) async fn propose(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(group): Path<String>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Response, Failure> {
    visitor.own_form(form.get("form_token").map_or("", String::as_str))?;
    let group = wording::group(&group).ok_or(Failure::NotFound)?;
    let store = &app.portal.store;
    let current = store.current_texts().await?;
    let now = changed_in(&app, current).await?;
    let mut all = now.clone();
    for slot in slots_of(group) {
        if let Some(text) = form.get(&format!("{}.{}", slot.language.tag(), slot.key)) {
            all.insert(slot.name(), text.clone());
        }
    }
    let seen = form.get("seen").and_then(|seen| seen.parse().ok());
    let checked = wording::check(&all);
    let (wrong, faults) = match checked {
        _ if seen != Some(current) => (Some("staff-wording-moved"), Vec::new()),
        Ok(kept) if kept == now => (Some("staff-wording-same"), Vec::new()),
        Ok(kept) => {
            let new = NewTexts {
                texts: kept,
                by: officer.login.to_string(),
                who: officer.login.to_string(),
                at: app.portal.clock.now(),
            };
            let (no, first) = store.bring_texts(&new).await?;
            let done = if first { "brought" } else { "known" };
            let to = format!("/staff/texts/{no}?done={done}");
            return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response());
        }
        Err(faults) => (None, faults),
    };
    let written = Written {
        texts: all,
        faults,
        wrong,
    };
    let page = page(&app, &visitor, &officer, (group, current), &written)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}
