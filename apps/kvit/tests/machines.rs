//! Two machines work for one operator: a PostgreSQL store and an archive folder that both reach.

mod common;

use std::{collections::BTreeSet, fs, path::Path};

use common::{folder, kvit, run};
use jiff::civil::date;
use kvit_synth::Synth;
use serde_json::Value;

const ORDERS: u32 = 12;

fn run_file(path: &Path) {
    let (synth, month) = (Synth::new(7, ORDERS), date(2026, 10, 1));
    let header = synth.run_header("2026-10", month, ORDERS);
    let file = fs::File::create(path).expect("a file");
    kvit_intake::write_ndjson(&header, synth.orders(month), file).expect("written");
}

/// Makes `kvit.toml` say that store and archive are shared.
fn share(config: &Path, archive: &Path) {
    let text = fs::read_to_string(config).expect("there");
    let archive = format!("folder = {:?}", archive.display().to_string());
    let text = text
        .replace("url_file = \"\"", "url_file = \"store.url\"")
        .replace("folder = \"archive\"", &archive)
        .replace("chunk_orders = 500", "chunk_orders = 2");
    fs::write(config, text).expect("written");
}

#[test]
fn two_machines_issue_one_run() {
    let Some(cluster) = kvit_postgres::shared().expect("PostgreSQL starts where it is installed")
    else {
        return;
    };
    let url = cluster.create_database("machines").expect("a database");
    let (_folder, path) = folder();
    run(&path, &["init", "--dir", "one", "--key", "p256"]).ok();
    share(&path.join("one/kvit.toml"), &path.join("shared"));
    fs::write(path.join("one/store.url"), format!("{url}\n")).expect("written");
    fs::create_dir(path.join("two")).expect("a folder");
    for name in [
        "kvit.toml",
        "store.url",
        "instance.key",
        "seal.p12",
        "seal.password",
        "ca.pem",
    ] {
        fs::copy(path.join("one").join(name), path.join("two").join(name)).expect(name);
    }
    run_file(&path.join("run.ndjson"));

    let import = [
        "run",
        "import",
        "run.ndjson",
        "--as",
        "Ivan",
        "--dir",
        "one",
        "--json",
    ];
    let imported = run(&path, &import).ok().json();
    let id = imported["run"].as_str().expect("an id");
    run(
        &path,
        &["run", "release", id, "--as", "Maria", "--dir", "two"],
    )
    .ok();
    let work = |dir: &str| {
        kvit(&path)
            .args(["work", "--exit", "--json", "--dir", dir])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("it starts")
    };
    let bills: u64 = [work("one"), work("two")]
        .into_iter()
        .map(|process| {
            let output = process.wait_with_output().expect("it ends");
            assert!(output.status.success());
            let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            value["bills"].as_u64().expect("a number")
        })
        .sum();
    assert_eq!(
        bills,
        u64::from(ORDERS),
        "each bill was issued by one of them"
    );

    run(&path, &["export", id, "--to", "pdfs", "--dir", "two"]).ok();
    let names: BTreeSet<String> = fs::read_dir(path.join("pdfs"))
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let wanted: BTreeSet<String> = (1..=ORDERS).map(|n| format!("{n:010}.pdf")).collect();
    assert_eq!(names, wanted);
    for name in &names {
        run(&path, &["verify", &format!("pdfs/{name}"), "--dir", "one"]).ok();
    }
}
