//! `kvit bench pay` and `portal` for a few seconds, on both engines: each answer is accepted, each report is in the books, and each
//! search by number or telephone finds the one customer.

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
