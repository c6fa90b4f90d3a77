//! `kvit layout preview`: samples of invented bills, drawn again whenever a file of the layout is saved.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use serde_json::json;

use super::{Bench, bills};
use crate::{
    cli::LayoutPreviewArgs,
    exit::{Context, Exit, Failure},
    files,
    output::{BAD, GOOD, Output, count},
};

/// How often the layout's files are looked at.
const LOOK: Duration = Duration::from_millis(300);

pub(super) async fn preview(
    out: &Output,
    bench: &Bench,
    args: &LayoutPreviewArgs,
) -> Result<Exit, Failure> {
    let to = std::path::absolute(&args.to).failed("the current folder is not known")?;
    fs::create_dir_all(&to).failed(format!("{} cannot be made", to.display()))?;
    // Names that are none are said before anything is drawn.
    bills(&args.kinds)?;
    let mut seen = state(&bench.folder);
    let begun = Instant::now();
    let first = draw(bench, args, &to);
    if !args.watch {
        let written = first?;
        let value = json!({"folder": bench.folder, "files": written});
        out.result(&value, |_| told(&written, &to, None))?;
        return Ok(Exit::Done);
    }
    say(out, first, &to, begun);
    out.note(&format!(
        "looking at {} until Ctrl-C",
        bench.folder.display()
    ));
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = state(&bench.folder);
        if now != seen {
            // Editors save in several steps: what counts is how it stands once they are through.
            tokio::time::sleep(LOOK).await;
            seen = state(&bench.folder);
            let begun = Instant::now();
            say(out, draw(bench, args, &to), &to, begun);
        }
    }
}

/// When each file of the layout was changed, and how long it is.
fn state(folder: &Path) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(entry.path()),
                Ok(meta) => {
                    found.insert(entry.path(), (meta.modified().ok(), meta.len()));
                }
                Err(_) => {}
            }
        }
    }
    found
}

fn draw(bench: &Bench, args: &LayoutPreviewArgs, to: &Path) -> Result<Vec<PathBuf>, Failure> {
    let composer = bench.composer()?;
    let mut written = Vec::new();
    for (name, bill) in bills(&args.kinds)? {
        let pdf = composer
            .sample(&bill)
            .exits(Exit::Failed, format!("{name} cannot be laid out"))?;
        let path = to.join(format!("{name}.pdf"));
        files::write(&path, &pdf).failed(format!("{} cannot be written", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

/// A layout that does not work leaves the samples of the last one that did.
fn say(out: &Output, drawn: Result<Vec<PathBuf>, Failure>, to: &Path, begun: Instant) {
    match drawn {
        Ok(written) => out.note(&out.err(&told(&written, to, Some(begun)), GOOD)),
        Err(failure) => {
            out.failure(&failure);
            out.note(&out.err("the samples before stay until it is saved again", BAD));
        }
    }
}

fn told(written: &[PathBuf], to: &Path, begun: Option<Instant>) -> String {
    let samples = count(written.len() as u64, "sample", "samples");
    let took = begun.map_or_else(String::new, |begun| {
        format!(" in {:.1} s", begun.elapsed().as_secs_f64())
    });
    format!("{samples} in {}{took}", to.display())
}
