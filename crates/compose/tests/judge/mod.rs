//! Whether a bill filled into its form is the bill that Typst lays out: to the pixel, the word and the tag.

use std::{fs, path::Path, process::Command};

use kvit_billing::Bill;
use kvit_compose::Composer;

/// Dots to an inch. The renderer puts glyphs on quarters of a pixel, so that what is a ten-thousandth of a pixel apart
/// may fall on either side of a boundary. A difference that anybody could see shows at each of these.
const RESOLUTIONS: [&str; 3] = ["100", "103", "107"];

pub(crate) enum Judged {
    Same,
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
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a.pdf"), folder.path().join("b.pdf"));
    fs::write(&a, &filled.bytes).expect("written");
    fs::write(&b, &whole.bytes).expect("written");
    let words = |file: &Path| run("pdftotext", &["-raw"], file, &["-"]);
    let (Some(ours), Some(theirs)) = (words(&a), words(&b)) else {
        return Judged::NoTool;
    };
    if ours != theirs {
        return Judged::Differs("other words".to_owned());
    }
    let tags = |file: &Path| run("pdfinfo", &["-struct-text"], file, &[]).map(|s| what_is_told(&s));
    if tags(&a) != tags(&b) {
        return Judged::Differs("another structure".to_owned());
    }
    let mut differs = String::new();
    for dpi in RESOLUTIONS {
        for (file, root) in [(&a, "a"), (&b, "b")] {
            let root = folder.path().join(root);
            let root = root.to_str().expect("a path in UTF-8");
            if run("pdftoppm", &["-r", dpi], file, &[root]).is_none() {
                return Judged::NoTool;
            }
        }
        match other_pixels(folder.path()) {
            None => return Judged::Same,
            Some(page) => differs = format!("other pixels on {page}"),
        }
    }
    Judged::Differs(differs)
}

/// The page on which two pictures differ.
fn other_pixels(folder: &Path) -> Option<String> {
    let mut pages = 0;
    for page in fs::read_dir(folder).expect("a folder") {
        let ours = page.expect("an entry").path();
        let file = ours.file_name().and_then(|n| n.to_str()).expect("a name");
        if file.starts_with("a-") {
            let theirs = ours.with_file_name(file.replacen('a', "b", 1));
            if fs::read(&ours).expect("a page") != fs::read(theirs).expect("a page") {
                return Some(file.to_owned());
            }
            pages += 1;
        }
    }
    (pages < 2).then(|| "the second page, which is missing".to_owned())
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
