//! What a designer does: samples of a layout, and what is said of a broken one.

mod common;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
};

use common::{kvit, run, service::until};

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

/// The number of the line that begins so.
fn line_of(layout: &Path, beginning: &str) -> usize {
    let text = fs::read_to_string(layout.join("bill.typ")).expect("a layout");
    let at = text.lines().position(|line| line.starts_with(beginning));
    at.expect("a line") + 1
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
    let head = line_of(&layout, "#hed");
    let place = format!("bill.typ:{head}:2: unknown variable: hed");
    assert!(
        broken.code == 1 && broken.err.contains(&place),
        "{}",
        broken.shown()
    );
    let moving = "#grid(columns: (auto, 40mm), slot(b.customer.name), slot(b.code))\n";
    save(&layout, "#hed\n", &["#head\n", moving].concat());
    let slow = run(folder, &["layout", "check", "layout"]).ok();
    // Both lines that read it are named.
    let place = format!(
        "slow: page 1, code, bill.typ:100:26, bill.typ:{}:58: ",
        head + 1
    );
    assert!(
        slow.out.contains(&place) && slow.out.contains("instead of `auto`"),
        "{}",
        slow.shown()
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
    let err = BufReader::new(watching.stderr.take().expect("piped"));
    let said = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&said);
    let listening = std::thread::spawn(move || {
        for line in err.lines().map_while(Result::ok) {
            let mut said = heard.lock().expect("whole");
            said.push_str(&line);
            said.push('\n');
        }
    });
    let sample = folder.path().join("samples/water-bg.pdf");
    let drawn = folder.path().join("samples/water-en.pdf");
    until("samples are drawn", || drawn.exists());
    let first = fs::read(&sample).expect("a sample");
    save(&layout, "#head\n", "#hed\n");
    let place = format!(
        "bill.typ:{}:2: unknown variable: hed",
        line_of(&layout, "#hed")
    );
    until("what is wrong is said", || {
        let said = said.lock().expect("whole");
        let wrong = said.find(&place);
        wrong.is_some_and(|at| said[at..].contains("the samples before stay"))
    });
    assert!(fs::read(&sample).expect("a sample") == first, "as it was");
    save(&layout, "#hed\n", "#head\nOne line more.\n");
    until("it is drawn again", || {
        fs::read(&sample).expect("a sample") != first
    });
    watching.kill().expect("killed");
    watching.wait().expect("ended");
    listening.join().expect("heard");
}
