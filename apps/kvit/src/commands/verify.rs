//! `kvit verify`: are these files the bills that were sealed?

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use kvit_pades::{TrustRoots, verify as judge};
use serde_json::{Value, json};

use crate::{
    cli::VerifyArgs,
    config::{self, Config},
    exit::{Exit, Failure},
    output::{BAD, BOLD, GOOD, Output},
    wiring::trust_roots,
};

/// A larger file is no bill, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

pub(super) fn verify(out: &Output, dir: &Path, args: &VerifyArgs) -> Result<Exit, Failure> {
    let roots = roots(out, dir, args)?;
    let now = jiff::Timestamp::now();
    let (mut values, mut texts) = (Vec::new(), Vec::new());
    let mut exit = Exit::Done;
    for path in &args.files {
        let name = path.display().to_string();
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                values.push(json!({"file": name, "accepted": false, "error": error.to_string()}));
                texts.push((name, false, format!("Cannot be read: {error}.")));
                exit = worse(exit, Exit::Failed);
                continue;
            }
        };
        if let Some(what) = no_pdf(&bytes) {
            values.push(json!({"file": name, "accepted": false, "error": what}));
            texts.push((name, false, format!("Not a bill: {what}.")));
            exit = worse(exit, Exit::NotGenuine);
            continue;
        }
        let verdict = judge(&bytes, &roots, now);
        let mut value = json!({"file": name});
        if let (Some(object), Ok(Value::Object(found))) =
            (value.as_object_mut(), serde_json::to_value(&verdict))
        {
            object.extend(found);
        }
        values.push(value);
        if !verdict.accepted {
            exit = worse(exit, Exit::NotGenuine);
        }
        texts.push((name, verdict.accepted, verdict.to_string()));
    }
    out.result(&values, |out| {
        let mut text = String::new();
        for (name, accepted, words) in &texts {
            let mark = if *accepted {
                out.out("✓", GOOD)
            } else {
                out.out("✗", BAD)
            };
            text.push_str(&format!("{mark} {}\n", out.out(name, BOLD)));
            for line in words.lines() {
                text.push_str(&format!("  {line}\n"));
            }
        }
        if texts.len() > 1 {
            let good = texts.iter().filter(|(_, accepted, _)| *accepted).count();
            text.push_str(&format!("\n{good} of {} are genuine\n", texts.len()));
        }
        text
    })?;
    Ok(exit)
}

/// What a file is that is no PDF at all, so that nothing in it can be judged.
fn no_pdf(bytes: &[u8]) -> Option<&'static str> {
    // Readers look for the mark this far.
    let head = &bytes[..bytes.len().min(1024)];
    if bytes.is_empty() {
        Some("the file is empty; fetch it again, or export it again with `kvit export`")
    } else if head.windows(5).any(|mark| mark == b"%PDF-") {
        None
    } else {
        Some("it is no PDF; name the PDF file that came with the mail, not the mail or a ZIP")
    }
}

/// "Not genuine" outweighs a file that could not be read.
const fn worse(so_far: Exit, now: Exit) -> Exit {
    match so_far {
        Exit::NotGenuine => so_far,
        _ => now,
    }
}

/// Those that are named, else those of the instance, else none.
fn roots(out: &Output, dir: &Path, args: &VerifyArgs) -> Result<TrustRoots, Failure> {
    if let Some(path) = &args.roots {
        return trust_roots(path);
    }
    if dir.join(config::FILE).exists() {
        let config = Config::read(dir)?;
        return trust_roots(&dir.join(config.seal.trust_roots));
    }
    out.note("no trust roots: name a PEM file with --roots, or an instance with --dir");
    Ok(TrustRoots::default())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("it is larger than any bill"));
    }
    Ok(bytes)
}
