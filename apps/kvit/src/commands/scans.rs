//! `kvit scans`: signed declarations from the scanner.

use std::{fs, path::Path};

use kvit_billing::{
    EntryId,
    ports::{Clock, Rng},
};
use kvit_scan::{FILE_BYTES_MAX, Fault};
use kvit_store::{NewScanFile, ScanReport};
use serde_json::json;

use super::account::account;
use crate::{
    cli::{ScansCommand, ScansImportArgs},
    exit::{Context, Exit, Failure},
    output::{BAD, GOOD, Output, count},
    scanning::Scanning,
    wiring::{Instance, SystemClock, SystemRng},
};

pub(super) async fn command(
    out: &Output,
    instance: &Instance,
    command: ScansCommand,
) -> Result<Exit, Failure> {
    match command {
        ScansCommand::Import(args) => import(out, instance, &args).await,
    }
}

async fn import(
    out: &Output,
    instance: &Instance,
    args: &ScansImportArgs,
) -> Result<Exit, Failure> {
    let by = match &args.by {
        Some(by) => by.clone(),
        None => account().ok_or_else(|| {
            Failure::new(Exit::Usage, "who brings the scans?").hint("name yourself with --as NAME")
        })?,
    };
    let by = format!("console:{by}");
    let scanning = Scanning::open(instance)?;
    let mut reports = Vec::with_capacity(args.files.len());
    for path in &args.files {
        reports.push(one(out, &scanning, path, &by).await?);
    }
    let value: Vec<_> = reports
        .iter()
        .map(|(name, report)| json!({ "file": name, "report": report }))
        .collect();
    out.result(&value, |out| {
        let told = reports.iter().map(|(name, report)| told(out, name, report));
        told.collect::<Vec<_>>().join("\n")
    })?;
    let faulty = reports.iter().any(|(_, report)| !report.faults.is_empty());
    Ok(if faulty { Exit::Rejected } else { Exit::Done })
}

async fn one(
    out: &Output,
    scanning: &Scanning,
    path: &Path,
    by: &str,
) -> Result<(String, ScanReport), Failure> {
    let place = path.display();
    let cannot = || format!("{place} cannot be read");
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let bytes = fs::metadata(path).failed(cannot())?.len();
    if bytes > FILE_BYTES_MAX {
        // Not even read: it might not fit into memory.
        let fault = kvit_store::ScanFault {
            page: None,
            word: Fault::FileTooLarge.word().to_owned(),
        };
        let report = ScanReport {
            faults: vec![fault],
            ..ScanReport::default()
        };
        return Ok((name, report));
    }
    let bytes = fs::read(path).failed(cannot())?;
    let mut id = [0; 16];
    SystemRng.fill(&mut id);
    let id: EntryId = hex::encode(id).parse().failed("the file cannot be named")?;
    let file = NewScanFile {
        id,
        name: name.clone(),
        sha256: kvit_flow::scans::sha256(&bytes),
        by: by.to_owned(),
        at: SystemClock.now(),
    };
    let progress = out.progress("reading", "pages", None);
    let report = scanning
        .read(&file, bytes, &|pages| progress.set(pages))
        .await;
    progress.finish();
    Ok((name, report?))
}

/// What became of a file, for people.
fn told(out: &Output, name: &str, report: &ScanReport) -> String {
    let mut parts = Vec::new();
    let mut part = |pages: u32, one: &str, many: &str| {
        if pages > 0 {
            parts.push(count(pages.into(), one, many));
        }
    };
    part(
        report.kept,
        "page waits for a clerk",
        "pages wait for a clerk",
    );
    part(
        report.without_code,
        "of them without a code that can be read",
        "of them without a code that can be read",
    );
    part(report.known, "page was known", "pages were known");
    part(report.blank, "empty page left out", "empty pages left out");
    if parts.is_empty() {
        parts.push("no page".to_owned());
    }
    let word = if report.faults.is_empty() {
        out.out("read", GOOD)
    } else {
        out.out("read in part", BAD)
    };
    let mut text = format!("{word} {name}: {}", parts.join(", "));
    for fault in &report.faults {
        let place = fault
            .page
            .map_or_else(String::new, |page| format!("page {page}: "));
        let what = Fault::parse(&fault.word).unwrap_or(Fault::Broken);
        text.push_str(&format!("\n  {place}{what}"));
    }
    text
}
