//! `kvit texts`: what mails and customers' pages say, as versions in the store.

use std::{fs, path::Path};

use kvit_billing::ports::Clock;
use kvit_store::{ChangedTexts, ChooseTexts, NewTexts, TextsChosen};
use kvit_web::wording::{self, Part};
use serde_json::json;

use super::account::{account, at_the_console};
use crate::{
    cli::{TextsBringArgs, TextsCommand, TextsExportArgs, TextsUseArgs},
    exit::{Context, Exit, Failure},
    files,
    output::{BAD, GOOD, Output, count, table},
    texts::texts_of,
    wiring::{Instance, SystemClock},
};

/// A file of texts: all of them at their longest, with room for comments.
const FILE_BYTES_MAX: u64 = 1 << 20;

pub(super) async fn command(
    out: &Output,
    instance: &Instance,
    command: TextsCommand,
) -> Result<Exit, Failure> {
    match command {
        TextsCommand::Export(args) => export(out, instance, &args).await,
        TextsCommand::Bring(args) => bring(out, instance, &args).await,
        TextsCommand::List => list(out, instance).await,
        TextsCommand::Use(args) => choose(out, instance, &args).await,
    }
}

async fn export(
    out: &Output,
    instance: &Instance,
    args: &TextsExportArgs,
) -> Result<Exit, Failure> {
    if args.to.exists() && !args.force {
        let what = format!("{} is there already", args.to.display());
        return Err(Failure::new(Exit::Refused, what).hint("--force overwrites it"));
    }
    let no = instance.store.current_texts().await?;
    let (changed, _) = wording::usable(&texts_of(instance, no).await?);
    let mut text = String::from(
        "# What mails and customers' pages say. Words in braces are replaced and have to stay.\n",
    );
    let mut number = 0;
    for group in wording::GROUPS {
        text.push_str(&format!("\n# {}\n", group.name));
        let own = wording::slots().filter(|slot| group.keys.contains(&slot.key));
        for slot in own.filter(|slot| slot.part == group.part) {
            let name = slot.name();
            let said = changed.get(&name).cloned().unwrap_or_else(|| slot.own());
            let said = toml::Value::String(said);
            text.push_str(&format!("\"{name}\" = {said}\n"));
            number += 1;
        }
    }
    files::write(&args.to, text.as_bytes())
        .failed(format!("{} cannot be written", args.to.display()))?;
    let value = json!({ "file": args.to, "texts": number, "version": no });
    out.result(&value, |out| {
        format!(
            "{} {} to {}\nnext: change them, then `kvit texts bring {} --as NAME`",
            out.out("wrote", GOOD),
            count(number, "text", "texts"),
            args.to.display(),
            files::for_shell(&args.to),
        )
    })?;
    Ok(Exit::Done)
}

/// The texts of a file; what is no such file is told with its line.
fn read(path: &Path) -> Result<ChangedTexts, Failure> {
    let cannot = || format!("{} cannot be read", path.display());
    let length = fs::metadata(path).failed(cannot())?.len();
    if length > FILE_BYTES_MAX {
        return Err(Failure::new(Exit::Failed, cannot()).hint("it is over 1 MiB"));
    }
    let text = fs::read_to_string(path).failed(cannot())?;
    toml::from_str(&text).map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("{} is no file of texts", path.display()),
        )
        .because(error)
        .hint("`kvit texts export` writes one; a text is a line \"mail/bg/greeting\" = \"…\"")
    })
}

async fn bring(out: &Output, instance: &Instance, args: &TextsBringArgs) -> Result<Exit, Failure> {
    let kept = match wording::check(&read(&args.file)?) {
        Ok(kept) => kept,
        Err(faults) => {
            let told: Vec<_> = faults
                .iter()
                .map(|(name, fault)| json!({ "text": name, "message": fault.to_string() }))
                .collect();
            out.result(&json!({ "faults": told }), |out| {
                let lines = faults
                    .iter()
                    .map(|(name, fault)| format!("{name}: {fault}"));
                let lines: Vec<_> = lines.collect();
                let said = out.out("not kept: the texts have faults", BAD);
                format!("{}\n{said}", lines.join("\n"))
            })?;
            return Ok(Exit::Failed);
        }
    };
    // As every process will say it: each mail is made once.
    instance.mails(&kept)?;
    if args.check {
        let value = json!({ "changed": kept.len() });
        out.result(&value, |out| {
            let changed = count(kept.len() as u64, "text differs", "texts differ");
            format!(
                "{}: {changed} from the program's own",
                out.out("good", GOOD)
            )
        })?;
        return Ok(Exit::Done);
    }
    let by = match &args.by {
        Some(by) => by.clone(),
        None => account().ok_or_else(|| {
            Failure::new(Exit::Usage, "who brings them?").hint("name yourself with --as NAME")
        })?,
    };
    let new = NewTexts {
        texts: kept,
        by,
        who: at_the_console(),
        at: SystemClock.now(),
    };
    let (no, first) = instance.store.bring_texts(&new).await?;
    let value = json!({ "version": no, "first": first });
    out.result(&value, |out| match no {
        0 => "nothing differs from the program's own texts: `kvit texts use 0 --as NAME` goes back to them".to_owned(),
        _ => {
            let known = if first { "kept" } else { "known already" };
            format!(
                "{} version {no}\nnext: a second person says `kvit texts use {no} --as NAME`; samples are in the console under /staff/texts",
                out.out(known, GOOD)
            )
        }
    })?;
    Ok(Exit::Done)
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let store = &instance.store;
    let (current, versions) = (store.current_texts().await?, store.text_versions().await?);
    let value = json!({
        "current": current,
        "versions": versions.iter().map(|one| json!({
            "version": one.no, "changed": one.texts, "sha256": hex::encode(one.sha256),
            "brought_by": one.brought_by, "brought_at": one.brought_at,
        })).collect::<Vec<_>>(),
    });
    out.result(&value, |out| {
        let counts = |no: u32| match no == current {
            true => out.out("counts", GOOD),
            false => String::new(),
        };
        let mut rows: Vec<_> = versions
            .iter()
            .map(|one| {
                let changed = |part: Part| {
                    let of = format!("{}/", part.as_str());
                    one.texts
                        .keys()
                        .filter(|name| name.starts_with(&of))
                        .count() as u64
                };
                vec![
                    one.no.to_string(),
                    counts(one.no),
                    count(changed(Part::Mail), "text of mails", "texts of mails"),
                    count(changed(Part::Page), "text of pages", "texts of pages"),
                    one.brought_by.clone(),
                    one.brought_at.strftime("%Y-%m-%d").to_string(),
                ]
            })
            .collect();
        rows.push(vec![
            "0".to_owned(),
            counts(0),
            "the program's own".to_owned(),
        ]);
        table(&rows, &[0])
    })?;
    Ok(Exit::Done)
}

async fn choose(out: &Output, instance: &Instance, args: &TextsUseArgs) -> Result<Exit, Failure> {
    let version = args.version;
    let seen = instance.store.current_texts().await?;
    // It may have been checked by another program than this one.
    let (texts, left_out) = wording::usable(&texts_of(instance, version).await?);
    if let Some((name, fault)) = left_out.first() {
        let what = format!("this program cannot say version {version}: {name} {fault}");
        return Err(Failure::new(Exit::Refused, what)
            .hint("`kvit texts export` writes the texts of this program; bring them anew"));
    }
    instance.mails(&texts)?;
    let word = ChooseTexts {
        version,
        seen,
        by: args.by.clone(),
        who: at_the_console(),
        at: SystemClock.now(),
    };
    let refused = |what: String, hint: &str| Err(Failure::new(Exit::Refused, what).hint(hint));
    match instance.store.choose_texts(&word).await? {
        TextsChosen::Done | TextsChosen::Already => {}
        TextsChosen::SamePerson => {
            return refused(
                format!("version {version} was brought by the same person"),
                "ask a colleague to look at its samples and say so",
            );
        }
        TextsChosen::Outdated => {
            return refused(
                "another version counts by now".to_owned(),
                "`kvit texts list` says which",
            );
        }
        TextsChosen::Unknown => {
            return refused(
                format!("there is no version {version}"),
                "`kvit texts list` names them",
            );
        }
    }
    let value = json!({ "version": version, "before": seen });
    out.result(&value, |out| {
        format!(
            "{} version {version}; running services say it within seconds",
            out.out("counts", GOOD)
        )
    })?;
    Ok(Exit::Done)
}
