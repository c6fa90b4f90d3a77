//! The running service and its layouts: a new one without a restart, and a broken one that changes nothing.

mod common;

use std::{fs, path::Path, process::Command};

use common::{
    folder, run, run_with,
    service::{Person, Service, hire, instance, until},
};
use jiff::civil::date;
use kvit_billing::{BillNumber, LayoutNo};
use kvit_compose::Layout;
use kvit_store::{ChooseLayout, LayoutChosen, NewLayout, Release, Store};
use kvit_synth::Synth;

/// The example of docs/LAYOUT.md.
const WATER: &str = "../../docs/layouts/water";

/// Words of every bill, and what another program has in their place.
const TO_PAY: &str = "За плащане";
const EARLIER: &str = "Дължимо днес";

/// The text of a run's first bill.
fn text(path: &Path, (run_of, number): &(String, String)) -> Option<String> {
    run(path, &["export", run_of, "--to", "bills"]).ok();
    let file = path.join("bills").join(format!("{number}.pdf"));
    match Command::new("pdftotext").arg(&file).arg("-").output() {
        Ok(output) => Some(String::from_utf8(output.stdout).expect("UTF-8")),
        Err(error) => {
            assert!(
                std::env::var_os("KVIT_REQUIRE_ALL_TESTS").is_none(),
                "pdftotext: {error}"
            );
            eprintln!("SKIPPED: pdftotext is missing");
            None
        }
    }
}

/// Imports a month's run.
fn imported(path: &Path, month: i8) -> String {
    let (synth, first) = (Synth::new(7, 3), date(2026, month, 1));
    let name = format!("{month}.ndjson");
    let header = synth.run_header(&name, first, 3);
    let file = fs::File::create(path.join(&name)).expect("a file");
    kvit_intake::write_ndjson(&header, synth.orders(first), file).expect("written");
    let run_of = run(path, &["run", "import", &name, "--as", "Ivan", "--json"])
        .ok()
        .json();
    run_of["run"].as_str().expect("an id").to_owned()
}

/// Imports and releases a month's run. Gives it and its first bill.
fn released(path: &Path, month: i8) -> (String, String) {
    let id = imported(path, month);
    let released = run(path, &["run", "release", &id, "--as", "Maria", "--json"]);
    let released = released.ok().json();
    let first = released["first_number"].as_str().expect("a number");
    (id, first.to_owned())
}

/// The same, once the service has issued it.
fn issued(path: &Path, month: i8) -> (String, String) {
    let (id, first) = released(path, month);
    until("the run is issued", || {
        let runs = run(path, &["run", "list", "--json"]).ok().json();
        let all = runs.as_array().expect("runs");
        all.iter()
            .any(|run| run["run"] == id.as_str() && run["state"] == "issued")
    });
    (id, first)
}

fn current(path: &Path) -> u64 {
    let list = run(path, &["layout", "list", "--json"]).ok().json();
    list["current"].as_u64().expect("a number")
}

#[test]
fn the_running_service_takes_a_new_layout_and_keeps_the_last_good_one() {
    let (_folder, path) = folder();
    let (address, _) = instance(&path);
    let ana = hire(&path, "ana", "administrator");
    let service = Service::start(&path, &address);
    let before = issued(&path, 9);

    let water = Path::new(env!("CARGO_MANIFEST_DIR")).join(WATER);
    let water = water.display().to_string();
    run(&path, &["layout", "bring", &water, "--as", "Ana"]).ok();
    let same = run(&path, &["layout", "use", "1", "--as", "ana"]);
    assert_eq!(same.code, 6, "{}", same.shown());
    run(&path, &["layout", "use", "1", "--as", "Boris"]).ok();
    let after = issued(&path, 10);

    // By the console: what has faults is told with file and line, all at once, and nothing is kept of it.
    let temporary = ana;
    let mut ana = Person::sign_in(&service, "ana", &temporary);
    ana.choose_password(&temporary);
    let broken = "#import \"prelude.typ\": *\n#set document(title: \"a\")\n#hed\n";
    let page = ana.upload_to("/staff/layouts/file", "есен.typ", broken.as_bytes());
    let told = ana.outcome(&page).body;
    assert!(
        told.contains("bill.typ:3:2") && told.contains("непознато име „hed“"),
        "{told}"
    );
    assert_eq!(current(&path), 1);
    // By the command line: the same. Both languages' texts are broken, and both are named.
    fs::create_dir_all(path.join("layout/texts")).expect("a folder");
    for name in ["bg", "en"] {
        fs::write(path.join(format!("layout/texts/{name}.toml")), "[kind\n").expect("written");
    }
    let refused = run(&path, &["layout", "bring", "--as", "Ana"]);
    assert!(
        refused.code == 1
            && refused.out.contains("texts/bg.toml:1:")
            && refused.out.contains("texts/en.toml:1:"),
        "{}",
        refused.shown()
    );
    fs::remove_dir_all(path.join("layout")).expect("removed");
    fs::create_dir_all(path.join("layout/fonts")).expect("a folder");
    fs::write(path.join("layout/fonts/own.ttf"), "no font").expect("written");
    let refused = run(&path, &["layout", "bring", "--as", "Ana"]);
    assert!(
        refused.code == 1 && refused.out.contains("fonts/own.ttf: is not a TrueType"),
        "{}",
        refused.shown()
    );
    let list = run(&path, &["layout", "list", "--json"]).ok().json();
    assert_eq!(list["layouts"].as_array().expect("versions").len(), 1);
    let still = issued(&path, 11);
    drop(service);

    let (Some(before), Some(after), Some(still)) = (
        text(&path, &before),
        text(&path, &after),
        text(&path, &still),
    ) else {
        return;
    };
    assert_ne!(pages(&before), pages(&after), "another layout");
    assert_eq!(pages(&after), pages(&still), "the last good one");
}

/// What stands behind a name moves with it.
const MOVING: &str = r#"#import "prelude.typ": *
#set document(title: "Bill", author: b.operator.name)
#set text(font: "Sofia Sans", size: 9pt, lang: b.lang, fallback: false)
#set page(paper: "a4", background: alphabet)
#heading(level: 1, "Bill")
#grid(columns: (auto, 40mm), slot(b.customer.name), slot(b.number))
"#;

#[test]
fn the_running_service_tells_what_the_layout_gives_no_form() {
    let (_folder, path) = folder();
    let (address, password) = instance(&path);
    fs::write(path.join("есен.typ"), MOVING).expect("written");
    let place = "page 1, number, bill.typ:6:58";
    run(&path, &["layout", "bring", "есен.typ", "--as", "Ana"]).ok();
    run(&path, &["layout", "use", "1", "--as", "Boris"]).ok();
    let log = fs::File::create(path.join("log")).expect("a file");
    let service = Service::start_logging(&path, &address, log.into());
    // A form is tried at the second bill of a shape, which comes with the second month.
    issued(&path, 9);
    let (run_of, _) = issued(&path, 10);
    let looked = run(&path, &["doctor", "--json"]).json();
    let forms = looked.as_array().expect("findings").iter();
    let forms: Vec<_> = forms.filter(|look| look["part"] == "forms").collect();
    let finding = forms[0]["finding"].as_str().expect("words");
    assert!(
        forms[0]["health"] == "warning" && finding.contains(&run_of) && finding.contains(place),
        "{looked}"
    );
    assert!(finding.contains("instead of `auto`"), "{finding}");
    let mut vera = Person::sign_in(&service, "vera", &password);
    vera.choose_password(&password);
    let page = vera.get(&format!("/staff/runs/{run_of}")).body;
    assert!(
        page.contains("Оформени една по една")
            && page.contains("страница 1, number, bill.typ:6:58"),
        "{page}"
    );
    assert!(page.contains("вместо `auto`"), "{page}");
    drop(service);
    let log = fs::read_to_string(path.join("log")).expect("a log");
    let line = log
        .lines()
        .find(|line| line.contains("their shape has no form"));
    let line = line.expect("a line");
    assert!(line.contains("moves") && line.contains(place), "{line}");
    let name = Synth::new(7, 3).order(0, date(2026, 10, 1)).customer;
    let name = name.expect("a customer").name;
    assert!(!line.contains(&name), "{line}");
}

/// Makes a version count that this program cannot use: it was checked by an earlier one.
fn counts_broken(path: &Path) {
    let word = async {
        let url = format!("sqlite://{}", path.join("kvit.db").display());
        let store = Store::open(&url).await.expect("a store");
        let at = "2026-09-01T00:00:00Z".parse().expect("a time");
        let files = [("bill.typ".to_owned(), b"#hed".to_vec())];
        let new = NewLayout {
            base: Default::default(),
            name: "есен.typ".to_owned(),
            files: files.into(),
            report: serde_json::json!({}),
            by: "Ana".to_owned(),
            who: "Ana".to_owned(),
            at,
        };
        let (layout, _) = store.bring_layout(&new).await.expect("kept");
        let word = ChooseLayout {
            layout,
            seen: LayoutNo::BUILTIN,
            by: "Boris".to_owned(),
            who: "Boris".to_owned(),
            at,
        };
        store.choose_layout(&word).await.expect("an answer")
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    assert_eq!(runtime.block_on(word), LayoutChosen::Done);
}

#[test]
fn a_layout_that_works_no_longer_stops_nothing_but_its_runs() {
    let (_folder, path) = folder();
    let (address, _) = instance(&path);
    // Before there were versions, this folder was the layout.
    fs::create_dir_all(path.join("layout")).expect("a folder");
    fs::write(path.join("layout/bill.typ"), "#hed").expect("written");
    let looked = run(&path, &["doctor"]);
    assert!(
        looked.out.contains("1 file of your own") && looked.out.contains("kvit layout bring"),
        "{}",
        looked.shown()
    );
    counts_broken(&path);
    let looked = run(&path, &["doctor"]);
    assert!(
        looked.code != 0 && looked.out.contains("unknown variable: hed"),
        "{}",
        looked.shown()
    );
    let service = Service::start(&path, &address);
    let stuck = released(&path, 9);
    run(&path, &["layout", "use", "0", "--as", "Ana"]).ok();
    // Another run goes on beside it; and it gets that layout too, by another than who released it.
    issued(&path, 10);
    let own = run(&path, &["run", "layout", &stuck.0, "--as", "maria"]);
    assert_eq!(own.code, 6, "{}", own.shown());
    run(&path, &["run", "layout", &stuck.0, "--as", "Ivan"]).ok();
    drop(service);
    let list = run(&path, &["layout", "list", "--json"]).ok().json();
    let runs = list["runs"].as_array().expect("runs");
    assert!(
        runs.iter()
            .any(|run| run["run"] == stuck.0.as_str() && run["layout"] == 0),
        "{list}"
    );
}

/// The water company's bill has one page, the built-in one two.
fn pages(text: &str) -> usize {
    text.matches('\u{c}').count()
}

/// Releases a run as a program with other words on its bills does.
fn released_by_another_program(path: &Path, run_of: &str) -> String {
    let word = async {
        let url = format!("sqlite://{}", path.join("kvit.db").display());
        let store = Store::open(&url).await.expect("a store");
        let mut base = Layout::base();
        let texts = base.get_mut("texts/bg.toml").expect("texts");
        let words = String::from_utf8(std::mem::take(texts)).expect("UTF-8");
        assert!(words.contains(TO_PAY));
        *texts = words.replace(TO_PAY, EARLIER).into();
        let release = Release {
            by: "Maria".to_owned(),
            who: "Maria".to_owned(),
            at: "2026-10-01T08:00:00Z".parse().expect("a time"),
            series: "main".parse().expect("a series"),
            first_if_new: BillNumber::new(1).expect("a number"),
            base: base.into(),
        };
        let id = run_of.parse().expect("an id");
        store.release_run(&id, &release).await.expect("released")
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(word).first.to_string()
}

#[test]
fn a_newer_program_issues_a_run_as_the_one_that_released_it_would() {
    let (_folder, path) = folder();
    instance(&path);
    let imported = |month| imported(&path, month);
    let (old, new) = (imported(9), imported(10));
    let first = released_by_another_program(&path, &old);
    let released = run(&path, &["run", "release", &new, "--as", "Maria", "--json"]);
    let released = released.ok().json();
    run(&path, &["run", "issue"]).ok();
    let next = released["first_number"].as_str().expect("a number");
    let of = |run: &str, number: &str| text(&path, &(run.to_owned(), number.to_owned()));
    let (Some(old), Some(new)) = (of(&old, &first), of(&new, next)) else {
        return;
    };
    assert!(old.contains(EARLIER) && !old.contains(TO_PAY), "{old}");
    assert!(new.contains(TO_PAY) && !new.contains(EARLIER), "{new}");
}

/// Typst ends a loop after ten thousand turns by itself, and not loops within loops.
const ENDLESS: &str = "#import \"prelude.typ\": *
#for a in range(9999) { for b in range(9999) { for c in range(9999) { let d = a + b + c } } }";
/// Four gigabytes at once.
const GREEDY: &str = "#import \"prelude.typ\": *
#let all = \"0123456789\" * 400000000
#all.len()";

#[test]
fn a_layout_that_never_ends_or_eats_memory_is_a_fault_and_nothing_more() {
    let (_folder, path) = folder();
    instance(&path);
    // Who eats memory has the usual time, or a busy machine would end it for taking long.
    let brief = [("KVIT_LAYOUT_SECONDS", "5")];
    for (text, with, said) in [
        (
            ENDLESS,
            &brief[..],
            "a bill is not laid out within 5 seconds",
        ),
        (GREEDY, &[], "a bill takes more than 2048 MiB of memory"),
    ] {
        fs::write(path.join("есен.typ"), text).expect("written");
        let asked = ["layout", "bring", "есен.typ", "--as", "Ana"];
        let told = run_with(&path, &asked, with);
        assert!(
            told.code == 1 && told.out.contains("bill.typ: ") && told.out.contains(said),
            "{}",
            told.shown()
        );
    }
    let list = run(&path, &["layout", "list", "--json"]).ok().json();
    assert_eq!(list["layouts"], serde_json::json!([]));
}
