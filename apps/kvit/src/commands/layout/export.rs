//! `kvit layout export`: the built-in layout files, for changing.

use std::{fs, path::Path};

use kvit_compose::Layout;
use serde_json::json;

use crate::{
    cli::LayoutExportArgs,
    config::Config,
    exit::{Context, Exit, Failure},
    files,
    output::{Output, count},
};

pub(crate) fn export(out: &Output, dir: &Path, args: &LayoutExportArgs) -> Result<Exit, Failure> {
    let to = match &args.to {
        Some(to) => to.clone(),
        None => dir.join(Config::read(dir)?.issue.layout),
    };
    let to = std::path::absolute(&to).failed("the current folder is not known")?;
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    for (name, bytes) in Layout::builtin_files() {
        let path = to.join(name);
        if path.exists() && !args.force {
            kept.push(name);
            continue;
        }
        let folder = path.parent().unwrap_or(&to);
        fs::create_dir_all(folder).failed(format!("{} cannot be made", folder.display()))?;
        files::write(&path, bytes).failed(format!("{} cannot be written", path.display()))?;
        written.push(name);
    }
    let value = json!({"folder": to, "written": written, "kept": kept});
    out.result(&value, |_| {
        let mut text = format!(
            "{} in {}",
            count(written.len() as u64, "layout file", "layout files"),
            to.display()
        );
        if !kept.is_empty() {
            text.push_str(&format!(
                "\nthere already and left alone (--force overwrites): {}",
                kept.join(", ")
            ));
        }
        text
    })?;
    Ok(Exit::Done)
}
