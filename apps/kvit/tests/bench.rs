//! `kvit bench pay` for a few seconds, on both engines: each answer is accepted, and each report is in the books.

mod common;

use common::{folder, run};
use serde_json::Value;

fn measured(store: Option<&str>, named: &str) {
    let (_folder, path) = folder();
    let mut arguments = vec!["bench", "pay", "--dir", "bench", "--json"];
    arguments.extend(["--customers", "200", "--seconds", "1"]);
    if let Some(url) = store {
        arguments.extend(["--store", url]);
    }
    let found = run(&path, &arguments).ok().json();
    assert_eq!(found["store"], named);
    assert_eq!(found["customers"], 200);
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
