//! Whether a bill filled into its form is the bill that Typst lays out: to the pixel, the word and the tag.

use std::{fs, path::Path, process::Command};

use kvit_billing::Bill;
use kvit_compose::Composer;

/// Dots to an inch. A bill has to agree at each of them.
const RESOLUTIONS: [&str; 3] = ["100", "103", "107"];
/// The renderer puts glyphs on quarters of a pixel. Where the two files' places, a ten-thousandth of a pixel apart, lie on
/// either side of a boundary, the glyphs of that text differ at that resolution: so many pixels of a page may, by so
/// much of 255. A difference that anybody could see shows at each resolution, so one has to agree wholly.
const STRAY_PIXELS_MAX: usize = 128;
const STRAY_STRENGTH_MAX: u8 = 192;

/// How pictures of two pages that are not equal differ.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stray {
    pixels: usize,
    strength: u8,
}

pub(crate) enum Judged {
    Same,
    /// The same but for how single glyphs are rasterised.
    Near(Stray),
    Differs(String),
    /// Said loudly; an error where no test may be skipped.
    NoTool,
}

/// Composes a bill both ways, and by its form twice.
pub(crate) fn difference(composer: &Composer, bill: &Bill) -> Judged {
    let filled = composer.compose(bill).expect("composed");
    let whole = composer.compose_whole(bill).expect("composed");
    let again = || composer.compose(bill).expect("composed").bytes;
    // How twins of a structure are compressed is learned once, which may be now.
    if again() != filled.bytes && again() != again() {
        return Judged::Differs("not the same bytes twice".to_owned());
    }
    compared(&filled.bytes, &whole.bytes)
}

/// Two PDFs that should be the same to whoever sees, hears or copies them.
pub(crate) fn compared(ours: &[u8], theirs: &[u8]) -> Judged {
    judged(ours, theirs, &RESOLUTIONS)
}

/// The same to whoever hears or copies them.
pub(crate) fn heard(ours: &[u8], theirs: &[u8]) -> Judged {
    judged(ours, theirs, &[])
}

fn judged(ours: &[u8], theirs: &[u8], resolutions: &[&str]) -> Judged {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a.pdf"), folder.path().join("b.pdf"));
    fs::write(&a, ours).expect("written");
    fs::write(&b, theirs).expect("written");
    let words = |file: &Path| run("pdftotext", &["-raw"], file, &["-"]);
    let (Some(ours), Some(theirs)) = (words(&a), words(&b)) else {
        return Judged::NoTool;
    };
    if ours != theirs {
        return Judged::Differs("other words".to_owned());
    }
    let tags = |file: &Path| run("pdfinfo", &["-struct-text"], file, &[]).map(|s| what_is_told(&s));
    if let (Some(ours), Some(theirs)) = (tags(&a), tags(&b))
        && ours != theirs
    {
        let both = ours.lines().zip(theirs.lines());
        let first = both.into_iter().find(|(ours, theirs)| ours != theirs);
        return Judged::Differs(format!("another structure, first here: {first:?}"));
    }
    let mut worst: Option<Stray> = None;
    let mut agree = 0;
    for dpi in resolutions {
        for (file, root) in [(&a, "a"), (&b, "b")] {
            let root = folder.path().join(format!("{root}-{dpi}"));
            let root = root.to_str().expect("a path in UTF-8");
            if run("pdftoppm", &["-r", dpi], file, &[root]).is_none() {
                return Judged::NoTool;
            }
        }
        let stray = match stray(folder.path(), dpi) {
            Ok(stray) => stray,
            Err(what) => return Judged::Differs(format!("{what} at {dpi} dpi")),
        };
        agree += usize::from(stray.is_none());
        let pixels = |stray: &Option<Stray>| stray.map_or(0, |stray| stray.pixels);
        if pixels(&stray) > pixels(&worst) {
            worst = stray;
        }
    }
    match worst {
        Some(stray) if agree == 0 => Judged::Differs(format!("other pixels everywhere: {stray:?}")),
        None => Judged::Same,
        Some(stray) => Judged::Near(stray),
    }
}

/// By how much the pages of two files differ, the worst of them.
fn stray(folder: &Path, dpi: &str) -> Result<Option<Stray>, String> {
    let mut worst: Option<Stray> = None;
    for page in 1.. {
        let picture = |root| fs::read(folder.join(format!("{root}-{dpi}-{page}.ppm"))).ok();
        let (ours, theirs) = match (picture("a"), picture("b")) {
            (None, None) if page > 1 => break,
            (Some(ours), Some(theirs)) if ours.len() == theirs.len() => (ours, theirs),
            _ => return Err(format!("another page {page}")),
        };
        if ours == theirs {
            continue;
        }
        // The header of a picture is text, and as long in both; a pixel is three bytes of what follows.
        let mut stray = Stray::default();
        for (ours, theirs) in ours.rchunks(3).zip(theirs.rchunks(3)) {
            if ours != theirs {
                let most = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max();
                stray.pixels += 1;
                stray.strength = stray.strength.max(most.unwrap_or_default());
            }
        }
        if stray.pixels > STRAY_PIXELS_MAX || stray.strength > STRAY_STRENGTH_MAX {
            return Err(format!("other pixels on page {page}: {stray:?}"));
        }
        if worst.is_none_or(|worst| worst.pixels < stray.pixels) {
            worst = Some(stray);
        }
    }
    Ok(worst)
}

/// Without the boxes that say how far a drawing reaches, which follow single glyphs, and without the number under
/// which an object is filed.
fn what_is_told(structure: &[u8]) -> String {
    let text = String::from_utf8_lossy(structure);
    let lines = text.lines().filter(|line| !line.contains("/BBox"));
    let bare = lines.map(|line| match line.trim_start().starts_with("Object ") {
        true => "Object",
        false => line,
    });
    bare.collect::<Vec<_>>().join("\n")
}

/// What a tool says of a file, or nothing where there is no such tool.
pub(crate) fn run(tool: &str, before: &[&str], file: &Path, after: &[&str]) -> Option<Vec<u8>> {
    match Command::new(tool)
        .args(before)
        .arg(file)
        .args(after)
        .output()
    {
        Ok(output) => {
            assert!(output.status.success(), "{tool}: {:?}", output.stderr);
            Some(output.stdout)
        }
        Err(_) => {
            assert!(
                std::env::var("KVIT_REQUIRE_ALL_TESTS").as_deref() != Ok("1"),
                "{tool} is not installed, and KVIT_REQUIRE_ALL_TESTS=1"
            );
            eprintln!("SKIPPED: {tool} is not installed");
            None
        }
    }
}
