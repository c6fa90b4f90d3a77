//! `kvit layout bring`, `list` and `use`: the versions in the store, and which of them counts.

use std::path::Path;

use kvit_billing::{Language, LayoutNo, ports::Clock};
use kvit_store::{ChooseLayout, LayoutChosen};
use kvit_web::{FindingTexts, LayoutFault};
use serde_json::json;

use super::super::account::{account, at_the_console};
use crate::{
    cli::{LayoutBringArgs, LayoutUseArgs},
    exit::{Context, Exit, Failure},
    layouts::{self, Brought},
    output::{BAD, DIM, GOOD, Output, table},
    wiring::{Instance, SystemClock},
};

pub(super) async fn bring(
    out: &Output,
    instance: &Instance,
    args: &LayoutBringArgs,
) -> Result<Exit, Failure> {
    let by = match &args.by {
        Some(by) => by.clone(),
        None => account().ok_or_else(|| {
            Failure::new(Exit::Usage, "who brings it?").hint("name yourself with --as NAME")
        })?,
    };
    let path = match &args.layout {
        Some(path) => path.clone(),
        None => instance.path(&instance.config.issue.layout),
    };
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    if !path.exists() {
        let what = format!("there is no {}", path.display());
        return Err(Failure::new(Exit::Failed, what)
            .hint("`kvit layout export` writes the built-in layout for changing"));
    }
    let progress = out.progress("trying", "bills", Some(layouts::bills().len() as u64));
    let who = at_the_console();
    let brought = layouts::bring(
        instance,
        Path::new(&path),
        &name,
        (&by, &who),
        move |done| {
            progress.set(done);
        },
    );
    match brought.await? {
        Brought::Kept(no, first) => {
            let value = json!({ "layout": no, "first": first });
            out.result(&value, |out| {
                let known = if first { "kept" } else { "known already" };
                format!(
                    "{} layout {no}\nnext: a second person says `kvit layout use {no} --as NAME`; samples are in the console under /staff/layouts",
                    out.out(known, GOOD)
                )
            })?;
            Ok(Exit::Done)
        }
        Brought::Faulty(faults) => {
            let words = FindingTexts::new(Language::En).failed("the built-in texts are broken")?;
            let value = json!({
                "faults": faults.iter().map(|one| as_json(&words, one)).collect::<Vec<_>>(),
            });
            out.result(&value, |out| {
                let told = faults.iter().map(|one| words.layout_fault(one));
                let lines: Vec<_> = told.map(|told| told.to_string()).collect();
                let said = out.out("not kept: the layout has faults", BAD);
                format!("{}\n{said}", lines.join("\n"))
            })?;
            Ok(Exit::Failed)
        }
    }
}

/// With the stable name of what is wrong; `hints` are what to do, and what Typst says.
fn as_json(words: &FindingTexts, fault: &LayoutFault) -> serde_json::Value {
    let told = words.layout_fault(fault);
    let remedy = Some(told.remedy).filter(|remedy| !remedy.is_empty());
    json!({
        "file": fault.file, "line": fault.line, "column": fault.column, "code": fault.known.name,
        "message": told.what, "hints": remedy.into_iter().chain(told.words).collect::<Vec<_>>(),
    })
}

pub(super) async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let store = &instance.store;
    let (current, versions) = (store.current_layout().await?, store.layouts().await?);
    let in_use = store.layouts_in_use().await?;
    let value = json!({
        "current": current,
        "layouts": versions.iter().map(|one| json!({
            "layout": one.no, "file": one.name, "sha256": hex::encode(one.sha256),
            "brought_by": one.brought_by, "brought_at": one.brought_at,
        })).collect::<Vec<_>>(),
        "runs": in_use.iter().map(|one| json!({ "run": one.run, "layout": one.layout })).collect::<Vec<_>>(),
    });
    out.result(&value, |out| {
        let counts = |no: LayoutNo| match no == current {
            true => out.out("counts", GOOD),
            false => String::new(),
        };
        let mut rows: Vec<_> = versions
            .iter()
            .map(|one| {
                let sha256 = hex::encode(&one.sha256[..6]);
                let day = one.brought_at.strftime("%Y-%m-%d").to_string();
                vec![
                    one.no.to_string(),
                    counts(one.no),
                    one.name.clone(),
                    sha256,
                    one.brought_by.clone(),
                    day,
                ]
            })
            .collect();
        let builtin = "comes with Kvit".to_owned();
        rows.push(vec!["0".to_owned(), counts(LayoutNo::BUILTIN), builtin]);
        let mut text = table(&rows, &[0]);
        for one in &in_use {
            let line = format!("\nrun {} is being issued in layout {}", one.run, one.layout);
            text.push_str(&out.out(&line, DIM));
        }
        text
    })?;
    Ok(Exit::Done)
}

pub(super) async fn choose(
    out: &Output,
    instance: &Instance,
    args: &LayoutUseArgs,
) -> Result<Exit, Failure> {
    let layout = LayoutNo(args.layout);
    let seen = instance.store.current_layout().await?;
    // This program may be another one than the one that checked it.
    instance.composer(layout, layouts::CONTENTS_RESERVE).await?;
    let word = ChooseLayout {
        layout,
        seen,
        by: args.by.clone(),
        who: at_the_console(),
        at: SystemClock.now(),
    };
    let chosen = instance.store.choose_layout(&word).await;
    let refused = |what: String, hint: &str| Err(Failure::new(Exit::Refused, what).hint(hint));
    match chosen.failed("the layout is not chosen")? {
        LayoutChosen::Done | LayoutChosen::Already => {}
        LayoutChosen::SamePerson => {
            return refused(
                format!("layout {layout} was brought by the same person"),
                "ask a colleague to look at its samples and say so",
            );
        }
        LayoutChosen::Outdated => {
            return refused(
                "another layout counts by now".to_owned(),
                "`kvit layout list` says which",
            );
        }
        LayoutChosen::Unknown => {
            return refused(
                format!("there is no layout {layout}"),
                "`kvit layout list` names them",
            );
        }
    }
    let value = json!({ "layout": layout, "before": seen });
    out.result(&value, |out| {
        format!(
            "{} layout {layout}, for runs that are released from now on",
            out.out("counts", GOOD)
        )
    })?;
    Ok(Exit::Done)
}
