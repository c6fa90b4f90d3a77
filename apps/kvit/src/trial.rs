//! A layout is tried in a process of its own: what never ends or takes all memory ends with it, and nothing that
//! serves pages or issues bills.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use kvit_compose::{ComposerSettings, Layout};
use kvit_store::layout_hash;
use kvit_web::{Cause, Fails, Kind, LayoutCheck, LayoutFault, Reason};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    time::{Instant, timeout},
};

use crate::{
    config::Config,
    exit::{Context, Exit, Failure},
    faults, files, layout_faults, layouts,
    wiring::Instance,
};

/// All kinds of bills together.
const TRIAL_SECONDS_MAX: u64 = 600;
/// The probe before the first kind, or one kind of bill.
const BILL_SECONDS_MAX: u64 = 60;
/// What the process may write to at once, in MiB. A layout of ours takes a tenth of it.
const MEMORY_MIB_MAX: u64 = 2_048;
/// Seconds of computing on all cores after which the system ends a trial that nobody waits for any more.
const PROCESSOR_SECONDS_MAX: u64 = 4 * TRIAL_SECONDS_MAX;
/// What is read of its complaints.
const COMPLAINT_BYTES_MAX: u64 = 16 << 10;

/// What the process says, a line of JSON each.
#[derive(Debug, Deserialize, Serialize)]
enum Said {
    /// So many kinds of bills came out.
    Done(u64),
    /// Nothing is wrong with the files of this hash.
    Good {
        sha256: [u8; 32],
        report: serde_json::Value,
    },
    /// Everything that is wrong.
    Faulty(Vec<LayoutFault>),
    /// The layout was not judged.
    Failed(Reason),
}

/// A layout that can be used: what its files hash to, and what trying it found.
pub(crate) type Tried = ([u8; 32], serde_json::Value);

/// Tries the folder, ZIP or file at `path` as [`alone`] does, in another process. What takes too long, or too much
/// memory, is a fault like any other.
pub(crate) async fn run(
    instance: &Instance,
    path: &Path,
    name: &str,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Result<Tried, Vec<LayoutFault>>, Failure> {
    let mut named = OsString::from("--name=");
    named.push(name);
    let mut child = Command::new(program()?)
        .args(["layout", "try"])
        .arg("--dir")
        .arg(&instance.dir)
        .arg(named)
        .arg("--")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .fails(Exit::Failed, Fails::LayoutUntried, &[])?;
    let (Some(out), Some(complaints)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(untried());
    };
    let complaint = tokio::spawn(async move {
        let mut text = Vec::new();
        let _ = complaints
            .take(COMPLAINT_BYTES_MAX)
            .read_to_end(&mut text)
            .await;
        String::from_utf8_lossy(&text).trim().to_owned()
    });
    let mut lines = BufReader::new(out).lines();
    let until = Instant::now() + Duration::from_secs(TRIAL_SECONDS_MAX);
    let each = faults::layout_seconds(BILL_SECONDS_MAX);
    let mut done = 0;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let wait = left.min(Duration::from_secs(each));
        let Ok(line) = timeout(wait, lines.next_line()).await else {
            let _ = child.kill().await;
            return Ok(Err(vec![endless(done, each)]));
        };
        let Some(line) = line.map_err(|error| untried().because(error))? else {
            let status = child.wait().await;
            let status = status.map_err(|error| untried().because(error))?;
            let said = complaint.await.unwrap_or_default();
            return ended(status, &said, done);
        };
        match serde_json::from_str(&line).map_err(|error| untried().because(error))? {
            Said::Done(number) => {
                done = number;
                progress(number);
            }
            Said::Good { sha256, report } => return Ok(Ok((sha256, report))),
            Said::Faulty(faults) => return Ok(Err(faults)),
            Said::Failed(reason) => return Err(Failure::reported(Exit::Failed, reason)),
        }
    }
}

fn untried() -> Failure {
    Failure::told(Exit::Failed, Fails::LayoutUntried, &[])
}

/// This program, also where its file was replaced by a newer one meanwhile.
fn program() -> Result<std::path::PathBuf, Failure> {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return Ok(own.to_owned());
    }
    std::env::current_exe().map_err(|error| untried().because(error))
}

/// What it means that the process ended before it said what came of it.
fn ended(
    status: ExitStatus,
    said: &str,
    done: u64,
) -> Result<Result<Tried, Vec<LayoutFault>>, Failure> {
    // An error of ours, and no fault of the layout.
    if status.code().is_some() {
        let foreign = match said {
            "" => status.to_string(),
            said => said.to_owned(),
        };
        return Err(untried().cause(Cause {
            foreign,
            ..Cause::default()
        }));
    }
    let is_memory = said.contains("memory allocation of") || said.contains("out of memory");
    let kind = of_kind(done);
    let what = match is_memory {
        true => LayoutCheck::Memory.with(&[("kind", &kind), ("mib", &MEMORY_MIB_MAX)]),
        false => LayoutCheck::Ended.with(&[("kind", &kind), ("status", &status)]),
    };
    Ok(Err(vec![layout_faults::at(layouts::MAIN, what)]))
}

fn endless(done: u64, seconds: u64) -> LayoutFault {
    let kind = of_kind(done);
    let what = LayoutCheck::Endless.with(&[("kind", &kind), ("seconds", &seconds)]);
    layout_faults::at(layouts::MAIN, what)
}

/// The kind of bill after so many that came out. The probe comes before the first, and may be what failed.
fn of_kind(done: u64) -> String {
    let next = usize::try_from(done).ok().filter(|done| *done > 0);
    let name = next.and_then(|at| layouts::bills().into_iter().nth(at));
    name.map_or_else(|| "any".to_owned(), |(name, _)| name)
}

/// The other process: takes its limits upon itself, tries the layout, and says what came of it. It knows the
/// operator's name and colours, and opens neither store nor keys.
pub(crate) fn alone(dir: &Path, path: &Path, name: &str) -> Result<Exit, Failure> {
    let said = tried(dir, path, name).unwrap_or_else(|failure| Said::Failed(failure.reason()));
    say(&said).failed("nobody hears what came of the trial")?;
    Ok(Exit::Done)
}

fn tried(dir: &Path, path: &Path, name: &str) -> Result<Said, Failure> {
    limit().map_err(|error| untried().because(error))?;
    let config = Config::read(dir)?;
    let settings = ComposerSettings {
        layout: Layout::builtin(),
        logo_svg: files::logo(dir, &config.brand)?,
        operator: config.operator,
        brand: config.brand,
        contents_reserve: layouts::CONTENTS_RESERVE,
    };
    Ok(match layouts::read(path, name)? {
        Err(faults) => Said::Faulty(faults),
        Ok(files) => {
            let sha256 = layout_hash(&files);
            // Whoever asked may be gone; then nobody hears the end either.
            let judged = layouts::judge(settings, files, &|done| {
                let _ = say(&Said::Done(done));
            });
            match judged {
                Ok(report) => Said::Good { sha256, report },
                Err(faults) => Said::Faulty(faults),
            }
        }
    })
}

fn say(said: &Said) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, said)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[cfg(unix)]
fn limit() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    for (resource, most) in [
        (Resource::Data, MEMORY_MIB_MAX << 20),
        (Resource::Cpu, PROCESSOR_SECONDS_MAX),
        // A core would hold the layout and fill the disk.
        (Resource::Core, 0),
    ] {
        let most = Some(most);
        setrlimit(
            resource,
            Rlimit {
                current: most,
                maximum: most,
            },
        )?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit() -> io::Result<()> {
    Ok(())
}
