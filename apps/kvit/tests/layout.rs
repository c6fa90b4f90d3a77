//! What a designer does: samples of a layout, and what is said of a broken one.

mod common;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use common::{kvit, run};

const PATIENCE: Duration = Duration::from_secs(60);

/// The example of docs/LAYOUT.md, to be changed.
fn water(into: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/layouts/water");
    let layout = into.join("layout");
    fs::create_dir_all(layout.join("water")).expect("a folder");
    for file in ["bill.typ", "water/bg.toml", "water/en.toml"] {
        fs::copy(from.join(file), layout.join(file)).expect("copied");
    }
    layout
}

fn save(layout: &Path, from: &str, to: &str) {
    let file = layout.join("bill.typ");
    let text = fs::read_to_string(&file).expect("a layout");
    assert!(text.contains(from));
    fs::write(file, text.replacen(from, to, 1)).expect("written");
}

#[test]
fn samples_of_a_layout_need_no_instance() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let layout = water(folder);
    let arguments = ["layout", "preview", "--layout", "layout", "--to", "samples"];
    let ran = run(folder, &[&arguments[..], &["water"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.shown());
    for name in ["water-bg.pdf", "water-en.pdf"] {
        let pdf = fs::read(folder.join("samples").join(name)).expect("a sample");
        assert!(pdf.starts_with(b"%PDF-"), "{name}");
    }
    let odd = run(folder, &[&arguments[..], &["gas"]].concat());
    assert!(
        odd.code == 2 && odd.err.contains("there are: household"),
        "{}",
        odd.shown()
    );
    save(&layout, "#head\n", "#hed\n");
    let broken = run(folder, &["layout", "check", "layout"]);
    assert!(
        broken.code == 1 && broken.err.contains("bill.typ:163:2: unknown variable: hed"),
        "{}",
        broken.shown()
    );
    let none = run(folder, &["layout", "check", "elsewhere"]);
    assert!(
        none.code == 1 && none.err.contains("layout export"),
        "{}",
        none.shown()
    );
}

#[test]
fn a_save_draws_again_and_a_broken_one_leaves_the_samples() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = water(folder.path());
    let mut watching = kvit(folder.path())
        .args([
            "layout", "preview", "--layout", "layout", "--to", "samples", "--watch", "water",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let sample = folder.path().join("samples/water-bg.pdf");
    let begun = Instant::now();
    let until = |done: &dyn Fn() -> bool| {
        while !done() {
            assert!(begun.elapsed() < PATIENCE, "nothing is drawn");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until(&|| folder.path().join("samples/water-en.pdf").exists());
    let first = fs::read(&sample).expect("a sample");
    save(&layout, "#head\n", "#hed\n");
    std::thread::sleep(Duration::from_secs(2));
    assert!(fs::read(&sample).expect("a sample") == first, "as it was");
    save(&layout, "#hed\n", "#head\nOne line more.\n");
    until(&|| fs::read(&sample).expect("a sample") != first);
    watching.kill().expect("killed");
    let mut said = String::new();
    let err = watching.stderr.as_mut().expect("piped");
    err.read_to_string(&mut said).expect("text");
    watching.wait().expect("ended");
    assert!(
        said.contains("bill.typ:163:2: unknown variable: hed"),
        "{said}"
    );
    assert!(said.contains("the samples before stay"), "{said}");
}
