//! Texts of mails and customers' pages: which version counts, which there are and what they change, a second person's
//! word that one is to count; and the declaration with its own versions.

pub(crate) mod change;
pub(crate) mod sample;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::{Language, Role};
use kvit_store::{ChangedTexts, ChooseTexts, TextVersion, TextsChosen, same_person};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{door::Officer, render, say};
use crate::{
    App,
    doors::Doors,
    failure::Failure,
    front::{Done, Visitor},
    texts::Texts,
    wording::{self, Fault, GROUPS, Group, Slot},
};

/// Changes of the version that counts that are listed.
const CHOICES_SHOWN: u32 = 30;
/// The program's own texts.
const BUILTIN: u32 = 0;

/// The version that counts, all versions, what can be changed, and the declaration.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<Done>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let store = &app.portal.store;
    let moment = |at| texts.moment(at, &app.portal.time_zone);
    let (current, choices) = (
        store.current_texts().await?,
        store.text_choices(u32::MAX).await?,
    );
    let state = |no: u32| {
        let counted = no == BUILTIN || choices.iter().any(|choice| choice.version == no);
        state(texts, no == current, counted)
    };
    let row = |one: &TextVersion| {
        context! {
            no => one.no.to_string(), name => name(texts, one.no), state => state(one.no), counts => one.no == current,
            brought => texts.say("staff-wording-brought", &[("who", &one.brought_by), ("when", &moment(one.brought_at))]),
            changed => texts.count(one.texts.len() as u64),
        }
    };
    let mut versions: Vec<_> = store.text_versions().await?.iter().map(row).collect();
    versions.push(context! {
        no => BUILTIN.to_string(), name => name(texts, BUILTIN), state => state(BUILTIN), counts => current == BUILTIN,
    });
    let history: Vec<_> = choices
        .iter()
        .take(CHOICES_SHOWN as usize)
        .map(|one| context! { name => name(texts, one.version), by => one.by.clone(), at => moment(one.at) })
        .collect();
    let changed = changed_in(&app, current).await?;
    let groups: Vec<_> = GROUPS
        .iter()
        .map(|group| {
            let own = slots_of(group).filter(|slot| changed.contains_key(&slot.name()));
            context! { name => group.name, title => title(texts, group), changed => own.count().to_string() }
        })
        .collect();
    let done = (query.done == "chosen").then_some("staff-wording-done-chosen");
    let page = context! {
        done, versions, history, groups, may => officer.role == Role::Administrator,
        counting => context! { no => current.to_string(), name => name(texts, current) },
        ..declaration(&app, texts).await?
    };
    render(&app, &visitor, Some(&officer), "staff/texts.html", page)
}

/// The declaration in both languages with its versions, and the files that replace built-in texts.
async fn declaration(app: &App, texts: &Texts) -> Result<Value, Failure> {
    let moment = |at| texts.moment(at, &app.portal.time_zone);
    let current = &app.portal.declaration_version;
    let versions: Vec<_> = app
        .portal
        .store
        .consent_versions()
        .await?
        .iter()
        .map(|one| {
            context! {
                version => one.version.clone(), counts => one.version == *current, first => moment(one.first),
                last => moment(one.last), consents => texts.count(one.consents),
            }
        })
        .collect();
    let known = versions
        .iter()
        .any(|one| one.get_attr("counts").is_ok_and(|v| v.is_true()));
    let said: Vec<_> = Language::ALL
        .iter()
        .map(|language| {
            let own = app.pages.texts(*language);
            let operator = app.portal.operator.name.get(*language);
            let text = own.say("consent-text", &[("operator", operator)]);
            context! { lang => language.tag(), text }
        })
        .collect();
    let own: Vec<_> = app
        .portal
        .upkeep
        .own_texts()
        .await
        .iter()
        .map(|one| {
            context! {
                file => one.file.clone(), sha256 => hex::encode(one.sha256), since => one.changed.map(moment),
            }
        })
        .collect();
    Ok(context! { current, known, consents => versions, declaration => said, own })
}

/// A version: what it says otherwise than the one that counts, and otherwise than the program.
pub(crate) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(no): Path<u32>,
    Query(query): Query<Done>,
) -> Result<Response, Failure> {
    let record = known(&app, no).await?;
    let texts = app.pages.texts(visitor.language);
    let store = &app.portal.store;
    let (current, choices) = (
        store.current_texts().await?,
        store.text_choices(u32::MAX).await?,
    );
    let moment = |at| texts.moment(at, &app.portal.time_zone);
    let own = record.as_ref().map(|record| record.texts.clone());
    let (own, left_out) = wording::usable(&own.unwrap_or_default());
    let now = changed_in(&app, current).await?;
    let counts: Vec<_> = choices
        .iter()
        .filter(|choice| choice.version == no)
        .map(|choice| context! { by => choice.by.clone(), at => moment(choice.at) })
        .collect();
    let has_counted = no == BUILTIN || !counts.is_empty();
    // One person may go back by one step only.
    let is_back = no == BUILTIN || no == store.texts_before().await?;
    let mine = record
        .as_ref()
        .is_some_and(|record| same_person(&record.brought_by, officer.login.as_str()));
    let may = officer.role == Role::Administrator && no != current;
    let done = match query.done.as_str() {
        "brought" => Some("staff-wording-done-brought"),
        "known" => Some("staff-wording-done-known"),
        _ => None,
    };
    let groups: Vec<_> = GROUPS
        .iter()
        .filter_map(|group| {
            let rows: Vec<_> = slots_of(group)
                .filter_map(|slot| row(&slot, &own, &now))
                .collect();
            (!rows.is_empty()).then(|| context! { title => title(texts, group), rows })
        })
        .collect();
    let samples: Vec<_> = sample::NAMES
        .iter()
        .map(|name| context! { name => *name, title => texts.say(&format!("staff-wording-sample-{name}"), &[]) })
        .collect();
    let facts = record.as_ref().map(|record| {
        context! {
            by => record.brought_by.clone(), at => moment(record.brought_at), sha256 => hex::encode(record.sha256),
        }
    });
    let left_out: Vec<_> = left_out
        .iter()
        .map(|(name, fault)| context! { name, text => fault_text(texts, fault) })
        .collect();
    let page = context! {
        no => no.to_string(), name => name(texts, no), state => state(texts, no == current, has_counted),
        is_current => no == current, facts, counts, done, groups, samples, left_out,
        may => may && (is_back || !mine), back => has_counted, second => may && mine && !is_back,
        seen => current.to_string(), current => name(texts, current),
    };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/texts-version.html",
        page,
    )
}

/// A text that the version, or the one that counts, says otherwise than the program.
fn row(slot: &Slot, own: &ChangedTexts, now: &ChangedTexts) -> Option<Value> {
    let name = slot.name();
    let (mine, now) = (own.get(&name), now.get(&name));
    if mine.is_none() && now.is_none() {
        return None;
    }
    let program = slot.own();
    Some(context! {
        key => slot.key, lang => slot.language.tag(), differs => mine != now,
        new => mine.cloned().unwrap_or_else(|| program.clone()), old => now.cloned().unwrap_or_else(|| program.clone()),
        is_program => mine.is_none(),
    })
}

#[derive(Deserialize)]
pub(crate) struct ChooseForm {
    #[serde(default)]
    form_token: String,
    /// The version that counted when the page was made.
    #[serde(default)]
    seen: u32,
}

/// Makes a version count, here at once and everywhere within seconds.
pub(crate) async fn choose(
    State(app): State<App>,
    State(doors): State<Doors>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(no): Path<u32>,
    Form(form): Form<ChooseForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    known(&app, no).await?;
    let word = ChooseTexts {
        version: no,
        seen: form.seen,
        by: officer.login.to_string(),
        who: officer.login.to_string(),
        at: app.portal.clock.now(),
    };
    let (status, text) = match app.portal.store.choose_texts(&word).await? {
        TextsChosen::Done | TextsChosen::Already => {
            doors.look_now().await;
            let to = [(header::LOCATION, "/staff/texts?done=chosen")];
            return Ok((StatusCode::SEE_OTHER, to).into_response());
        }
        TextsChosen::SamePerson => (StatusCode::FORBIDDEN, "staff-wording-second"),
        TextsChosen::Outdated => (StatusCode::CONFLICT, "staff-wording-outdated"),
        TextsChosen::Unknown => return Err(Failure::NotFound),
    };
    let what = (status, "staff-layout-not-chosen", text);
    let back = format!("/staff/texts/{no}");
    say(&app, &visitor, &officer, what, &back)
}

/// A version that there is: its record, or none of the program's own texts.
async fn known(app: &App, no: u32) -> Result<Option<TextVersion>, Failure> {
    if no == BUILTIN {
        return Ok(None);
    }
    let record = app.portal.store.text_version(no).await?;
    Ok(Some(record.ok_or(Failure::NotFound)?))
}

/// What a version says otherwise than the program, as far as this program can say it.
async fn changed_in(app: &App, no: u32) -> Result<ChangedTexts, Failure> {
    let version = known(app, no).await?;
    let texts = version.map(|version| version.texts).unwrap_or_default();
    Ok(wording::usable(&texts).0)
}

fn slots_of(group: &'static Group) -> impl Iterator<Item = Slot> {
    wording::slots().filter(|slot| slot.part == group.part && group.keys.contains(&slot.key))
}

fn title(texts: &Texts, group: &Group) -> String {
    texts.say(&format!("staff-wording-group-{}", group.name), &[])
}

fn name(texts: &Texts, no: u32) -> String {
    match no {
        BUILTIN => texts.say("staff-wording-builtin", &[]),
        no => texts.say("staff-wording-version", &[("no", &no.to_string())]),
    }
}

/// Whether it counts, did, or never has.
fn state(texts: &Texts, counts: bool, has_counted: bool) -> String {
    let key = match (counts, has_counted) {
        (true, _) => "staff-layout-counts",
        (false, true) => "staff-layout-counted",
        (false, false) => "staff-layout-waits",
    };
    texts.say(key, &[])
}

/// A fault in the words of who reads the page.
pub(crate) fn fault_text(texts: &Texts, fault: &Fault) -> String {
    let braced = |word: &String| format!("{{{word}}}");
    match fault {
        Fault::NoSuchText => texts.say("staff-wording-wrong-name", &[]),
        Fault::Long(most) => texts.say("staff-wording-wrong-long", &[("max", &most.to_string())]),
        Fault::UnknownWord(word, known) if known.is_empty() => {
            texts.say("staff-wording-wrong-no-words", &[("word", &braced(word))])
        }
        Fault::UnknownWord(word, known) => {
            let known = known.iter().map(braced).collect::<Vec<_>>().join(", ");
            let values = [("word", braced(word)), ("known", known)];
            let values = values
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            texts.say("staff-wording-wrong-word", &values)
        }
        Fault::MissingWord(word) => {
            texts.say("staff-wording-wrong-missing", &[("word", &braced(word))])
        }
        Fault::Brace => texts.say("staff-wording-wrong-brace", &[]),
        Fault::Sign(sign) => {
            let sign = format!("U+{:04X}", u32::from(*sign));
            texts.say("staff-wording-wrong-sign", &[("sign", &sign)])
        }
    }
}
