//! `kvit bench pay` and `portal` for a few seconds, on both engines: each answer is accepted, each report is in the books, and each
//! search by number or telephone finds the one customer.
//! `kvit bench issue` with a few bills: what its JSON says.

mod common;

use std::path::Path;

use common::{folder, run};
use serde_json::Value;

fn measured(store: Option<&str>, named: &str) {
    let (_folder, path) = folder();
    let found = bench(&path, "pay", store, named);
    let answered = |kind: &str| found[kind]["answered"].as_i64().expect("a number");
    for kind in ["bare", "inquiries", "notices"] {
        assert!(answered(kind) > 0, "{found}");
    }
    let books = run(&path, &["pay", "books", "--dir", "bench", "--json"]).ok();
    let books = books.json();
    let mut all = books["books"].as_array().expect("books").iter();
    let customer = all.find(|book| book["book"] == "customer").expect("one");
    // A euro each.
    let paid = -customer["cents"].as_i64().expect("cents");
    assert_eq!(paid, answered("notices") * 100, "{books}");
    assert_eq!(books["unbalanced_entries"], Value::Array(Vec::new()));
}

fn bench(path: &Path, what: &str, store: Option<&str>, named: &str) -> Value {
    let mut arguments = vec!["bench", what, "--dir", "bench", "--json"];
    arguments.extend(["--customers", "200", "--seconds", "1"]);
    if let Some(url) = store {
        arguments.extend(["--store", url]);
    }
    let found = run(path, &arguments).ok().json();
    assert_eq!(found["store"], named);
    assert_eq!(found["customers"], 200);
    found
}

fn searched(store: Option<&str>, named: &str) {
    let (_folder, path) = folder();
    let found = bench(&path, "portal", store, named);
    for kind in ["number", "phone", "name", "address"] {
        let answered = found["searches"][kind]["answered"].as_i64();
        assert!(answered > Some(0), "{kind}: {found}");
    }
}

#[test]
fn customers_are_found_on_sqlite() {
    searched(None, "SQLite");
}

#[test]
fn customers_are_found_on_postgresql() {
    let cluster = kvit_postgres::shared().expect("PostgreSQL starts where it is installed");
    let Some(cluster) = cluster else {
        return;
    };
    let url = cluster.create_database("searched").expect("a database");
    searched(Some(&url), "PostgreSQL");
}

#[test]
fn an_aggregator_is_answered_on_sqlite() {
    measured(None, "SQLite");
}

#[test]
fn an_aggregator_is_answered_on_postgresql() {
    let cluster = kvit_postgres::shared().expect("PostgreSQL starts where it is installed");
    let Some(cluster) = cluster else {
        return;
    };
    let url = cluster.create_database("bench").expect("a database");
    measured(Some(&url), "PostgreSQL");
}

/// So many bills are enough to see that all is told.
const BILLS: u64 = 6;

fn issued(more: &[&str], key: &str, store: &str) {
    let (_folder, path) = folder();
    let bills = BILLS.to_string();
    let mut arguments = vec![
        "bench",
        "issue",
        "--bills",
        &bills,
        "--threads",
        "2",
        "--cold",
        "--json",
    ];
    arguments.extend(more);
    let found = run(&path, &arguments).ok().json();
    assert_eq!(found["bills"], BILLS);
    assert_eq!(
        (&found["key"], &found["store"]),
        (&key.into(), &store.into())
    );
    let number = |name: &str| {
        found[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name}: {found}"))
    };
    for name in ["bills_per_s", "raw_signatures_per_s", "ratio", "seconds"] {
        assert!(
            found[name].is_f64() && number(name) > 0.0,
            "{name}: {found}"
        );
    }
    let ratio = number("bills_per_s") / number("raw_signatures_per_s");
    assert!((number("ratio") / ratio - 1.0).abs() < 1e-9, "{found}");
    let whole = |name: &str| {
        found[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {found}"))
    };
    // A sealed bill of two pages, and a process with a typesetter in it.
    assert!(
        (20_000..200_000).contains(&whole("bytes_per_bill")),
        "{found}"
    );
    assert!(
        (10_000_000..4_000_000_000).contains(&whole("peak_rss_bytes")),
        "{found}"
    );
    assert_eq!(whole("filled") + whole("whole"), BILLS, "{found}");
    assert_eq!(whole("refused"), 0, "{found}");
    let shares = found["shares"].as_object().expect("shares");
    let names: Vec<_> = shares.keys().map(String::as_str).collect();
    let stages = [
        "data", "fill", "hash", "layouts", "pack", "rest", "rows", "seal", "twin",
    ];
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, stages);
    let share = |name: &str| shares[name].as_f64().expect("a share");
    for name in ["data", "hash", "layouts", "pack", "rows", "seal", "twin"] {
        assert!(share(name) > 0.0, "{name}: {found}");
    }
    let all: f64 = names.iter().map(|name| share(name)).sum();
    assert!((0.99..2.0).contains(&all), "{all}: {found}");
}

#[test]
fn bills_are_issued_and_measured_on_sqlite() {
    issued(&[], "RSA", "SQLite");
}

#[test]
fn bills_are_sealed_with_a_curve_too() {
    issued(&["--key", "p256"], "P-256", "SQLite");
}

#[test]
fn bills_are_issued_and_measured_on_postgresql() {
    let cluster = kvit_postgres::shared().expect("PostgreSQL starts where it is installed");
    let Some(cluster) = cluster else {
        return;
    };
    let url = cluster.create_database("bench_issue").expect("a database");
    issued(&["--store", &url], "RSA", "PostgreSQL");
}
