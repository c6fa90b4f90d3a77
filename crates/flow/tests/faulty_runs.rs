//! A run file full of faults: every one is told, in one go, and nothing but its report is kept.

use std::fmt::Write;

use crate::world::{MONTH, World};
use kvit_billing::{Cents, order::RunHeader};
use kvit_flow::{ImportOutcome, import::import};
use kvit_intake::Check;
use kvit_store::{RunState, Store};
use serde_json::{Value, json};

/// A line of a run file.
enum Line {
    Order(Value),
    Raw(Vec<u8>),
}

/// A fault: what it is called here, what it does to an order, and how many findings it gives.
type Fault = (&'static str, fn(&mut Value));

/// The simplest order there can be: one line, one meter, one rate.
fn simple(world: &World, i: u32) -> Value {
    let number = world.synth.number(i);
    json!({
        "account": number,
        "period": {"from": "2026-10-01", "to": "2026-10-31"},
        "customer": {"number": number, "name": "Ивайло Петров", "address": {"city": "Русе"}},
        "tax_event_date": "2026-10-31",
        "due_date": "2026-11-25",
        "supply_points": [{"code": "32Z1", "address": "Русе", "meters": [{
            "serial": "7", "unit": "KWH", "consumption": "100",
            "old": {"date": "2026-09-30", "value": "900"},
            "new": {"date": "2026-10-31", "value": "1000"}}]}],
        "lines": [{"name": "Енергия", "supply_point": "32Z1", "quantity": "100", "unit": "KWH",
            "unit_price": "0.1", "net": 1000, "vat_rate": "20"}],
        "vat": [{"rate": "20", "base": 1000, "amount": 200}],
        "totals": {"net": 1000, "vat": 200, "gross": 1200, "to_pay": 1200},
        "history": {"unit": "KWH", "months": [{"month": "2026-10-01", "quantity": "100"}]},
        "sources": [{"name": "Вода", "percent": "100"}],
    })
}

fn add(order: &mut Value, pointer: &str, cents: i64) {
    let place = order.pointer_mut(pointer).expect("a field of the order");
    *place = json!(place.as_i64().expect("an amount") + cents);
}

fn set(order: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = order.pointer_mut(parent).expect("a parent");
    parent[name] = value;
}

/// Faults that lie in one order each.
const FAULTS: &[Fault] = &[
    ("a field is missing", |o| {
        o.as_object_mut().expect("an object").remove("due_date");
    }),
    ("a field is unknown", |o| set(o, "/colour", json!("red"))),
    ("an amount has a fraction of a cent", |o| {
        set(o, "/lines/0/net", json!(1000.5));
    }),
    ("the account is no number", |o| {
        set(o, "/account", json!("№ 7"));
    }),
    ("a date does not exist", |o| {
        set(o, "/due_date", json!("2026-11-31"));
    }),
    ("the version counts from 0", |o| {
        set(o, "/version", json!(0))
    }),
    ("the period ends before it begins", |o| {
        set(o, "/period/to", json!("2026-09-01"));
    }),
    ("due before the tax event", |o| {
        set(o, "/due_date", json!("2026-10-01"));
    }),
    ("an invoice that corrects", |o| {
        set(
            o,
            "/corrects",
            json!({"number": "4000000001", "issue_date": "2026-09-02", "ground": "Грешка"}),
        );
    }),
    ("a credit note that corrects nothing", |o| {
        set(o, "/kind", json!("credit-note"));
        set(o, "/totals/to_pay", json!(-1200));
    }),
    ("a note on a document that was never issued", |o| {
        set(o, "/kind", json!("debit-note"));
        set(
            o,
            "/corrects",
            json!({"number": "0000000077", "issue_date": "2026-09-02", "ground": "Грешка"}),
        );
    }),
    ("another customer's data", |o| {
        set(o, "/customer/number", json!("777"));
    }),
    ("a customer without a name", |o| {
        set(o, "/customer/name", json!(" "));
    }),
    ("a name with a control character", |o| {
        set(o, "/customer/name", json!("Иван\u{7}"));
    }),
    ("a personal number as company number", |o| {
        set(o, "/customer/eik", json!("8001010000"));
    }),
    ("a country that there is not", |o| {
        set(o, "/customer/address/country", json!("XX"));
    }),
    ("a VAT number of no country", |o| {
        set(o, "/customer/vat_number", json!("ZZ1"));
    }),
    ("a VAT number without its country", |o| {
        set(o, "/customer/vat_number", json!("8001010000"));
    }),
    ("a unit that there is not", |o| {
        set(o, "/lines/0/unit", json!("ZZZ"));
    }),
    ("a meter that counts in words", |o| {
        set(o, "/supply_points/0/meters/0/unit", json!("кВтч"));
    }),
    ("nobody knows the customer", |o| {
        o.as_object_mut().expect("an object").remove("customer");
    }),
    ("nothing is charged", |o| {
        set(o, "/lines", json!([]));
        set(o, "/vat", json!([]));
        set(
            o,
            "/totals",
            json!({"net": 0, "vat": 0, "gross": 0, "to_pay": 0}),
        );
    }),
    ("a negative price", |o| {
        set(o, "/lines/0/unit_price", json!("-0.1"));
        set(o, "/lines/0/quantity", json!("-100"));
    }),
    ("a price for no units", |o| {
        set(o, "/lines/0/price_base", json!("0"));
    }),
    ("a line that does not multiply out", |o| {
        set(o, "/lines/0/unit_price", json!("0.11"));
    }),
    ("too many decimals", |o| {
        set(o, "/lines/0/quantity", json!("100.00000000001"));
    }),
    ("a line of an unknown supply point", |o| {
        set(o, "/lines/0/supply_point", json!("32Z9"));
    }),
    ("a line's period ends before it begins", |o| {
        set(
            o,
            "/lines/0/period",
            json!({"from": "2026-10-16", "to": "2026-10-15"}),
        );
    }),
    ("a base that is not the sum of its lines", |o| {
        add(o, "/vat/0/base", 1);
    }),
    ("VAT that is not base times rate", |o| {
        for place in [
            "/vat/0/amount",
            "/totals/vat",
            "/totals/gross",
            "/totals/to_pay",
        ] {
            add(o, place, 2);
        }
    }),
    ("no VAT entry for a rate", |o| {
        set(o, "/vat", json!([]));
        set(
            o,
            "/totals",
            json!({"net": 1000, "vat": 0, "gross": 1000, "to_pay": 1000}),
        );
    }),
    ("a VAT entry that no line has", |o| {
        o["vat"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"rate": "9", "base": 0, "amount": 0}));
    }),
    ("no ground for no VAT", |o| {
        for place in ["/lines/0/vat_category", "/vat/0/category"] {
            set(o, place, json!("E"));
        }
        for place in ["/lines/0/vat_rate", "/vat/0/rate"] {
            set(o, place, json!("0"));
        }
        set(o, "/vat/0/amount", json!(0));
        set(
            o,
            "/totals",
            json!({"net": 1000, "vat": 0, "gross": 1000, "to_pay": 1000}),
        );
    }),
    ("a net total that is not the sum of the lines", |o| {
        for place in ["/totals/net", "/totals/gross", "/totals/to_pay"] {
            add(o, place, 1);
        }
    }),
    ("a VAT total that is not the sum of the entries", |o| {
        for place in ["/totals/vat", "/totals/gross", "/totals/to_pay"] {
            add(o, place, 1);
        }
    }),
    ("gross is not net and VAT", |o| {
        for place in ["/totals/gross", "/totals/to_pay"] {
            add(o, place, 1);
        }
    }),
    ("to pay is not what follows", |o| {
        add(o, "/totals/to_pay", -1)
    }),
    ("an amount beyond all bills", |o| {
        set(o, "/totals/carried_over", json!(10_000_000_000_i64));
        set(o, "/totals/prepaid", json!(5_000_000_000_i64));
        add(o, "/totals/to_pay", 5_000_000_000);
    }),
    ("a meter read backwards in time", |o| {
        set(o, "/supply_points/0/meters/0/new/date", json!("2026-09-01"));
    }),
    ("consumption is not new less old", |o| {
        set(o, "/supply_points/0/meters/0/consumption", json!("101"));
    }),
    ("a month sent twice", |o| {
        let months = o["history"]["months"].as_array_mut().expect("a list");
        months.push(months[0].clone());
    }),
    ("a history that is not of months", |o| {
        set(o, "/history/months/0/month", json!("2026-10-02"));
    }),
    ("a month of negative consumption", |o| {
        set(o, "/history/months/0/quantity", json!("-1"));
    }),
    ("sources that are not a whole", |o| {
        set(o, "/sources/0/percent", json!("99"));
    }),
];

/// A run file with a header of these control totals.
fn file(header: &RunHeader, lines: &[Line]) -> Vec<u8> {
    let mut file = serde_json::to_vec(header).expect("a header");
    for line in lines {
        file.push(b'\n');
        match line {
            Line::Order(order) => {
                file.extend(serde_json::to_vec(order).expect("an order"));
            }
            Line::Raw(bytes) => file.extend(bytes),
        }
    }
    file.push(b'\n');
    file
}

async fn judged(world: &World, store: &Store, id: &str, bytes: Vec<u8>) -> ImportOutcome {
    let request = world.request(id, vec![("october.ndjson", bytes)]);
    import(store, request, &|_| {}).await.expect("judged")
}

fn header(world: &World, orders: usize, sum: i64) -> RunHeader {
    RunHeader {
        orders: orders as u64,
        sum_cents: Cents::new(sum),
        ..world.synth.run_header("october", MONTH, 0)
    }
}

#[tokio::test]
async fn warnings_stay_with_the_run_that_has_them() {
    let world = World::new(10);
    let store = world.store().await;
    let mut order = simple(&world, 0);
    // The check digit would be another.
    set(&mut order, "/customer/eik", json!("111111111"));
    // No font of a bill has it.
    set(&mut order, "/customer/name", json!("Иван \u{1f98a}"));
    let bytes = file(&header(&world, 1, 1200), &[Line::Order(order)]);
    let outcome = judged(&world, &store, "warned", bytes).await;
    assert!(outcome.accepted, "{:#?}", outcome.findings.list());
    let run = store.run(&outcome.run).await.expect("read").expect("kept");
    let report = run.report.expect("whoever releases it sees this");
    assert_eq!(
        (&report["errors"], &report["warnings"]),
        (&json!(0), &json!(2))
    );
    let told = |at: usize| report["diagnostics"][at]["field"].as_str();
    assert_eq!(
        [told(0), told(1)],
        [Some("/customer/name"), Some("/customer/eik")]
    );
    assert_eq!(report["diagnostics"][0]["found"], "\u{1f98a} (U+1F98A)");
}

#[tokio::test]
async fn every_fault_is_told_at_once_and_rightly() {
    let world = World::new(200);
    let store = world.store().await;
    // An earlier run has the order of customer 0.
    let earlier = file(&header(&world, 1, 1200), &[Line::Order(simple(&world, 0))]);
    assert!(judged(&world, &store, "earlier", earlier).await.accepted);
    let before = dump(&world).await;

    let mut lines = Vec::new();
    let mut names = vec!["header".to_owned()];
    for ((name, fault), i) in FAULTS.iter().zip(1..) {
        let mut order = simple(&world, i);
        fault(&mut order);
        lines.push(Line::Order(order));
        names.push((*name).to_owned());
    }
    for (name, line) in [
        (
            "an order that an earlier run has",
            Line::Order(simple(&world, 0)),
        ),
        ("a good order", Line::Order(simple(&world, 150))),
        ("the good order once more", Line::Order(simple(&world, 150))),
        ("no JSON at all", Line::Raw(b"account;period;net".to_vec())),
        (
            "another encoding",
            Line::Raw(b"{\"account\": \"\xc8\xe2\xe0\xed\"}".to_vec()),
        ),
        ("a line without end", Line::Raw(vec![b' '; 1024 * 1024 + 1])),
    ] {
        lines.push(line);
        names.push(name.to_owned());
    }
    let mut faulty = header(&world, lines.len() + 1, 0);
    faulty.seller = "111111118".to_owned();
    faulty.currency = "BGN".parse().expect("a currency");
    faulty.period = kvit_billing::Period {
        from: MONTH.last_of_month(),
        to: MONTH,
    };
    faulty.system = String::new();
    let outcome = judged(&world, &store, "faulty", file(&faulty, &lines)).await;

    let mut report = String::new();
    for finding in outcome.findings.list() {
        let name = &names[usize::try_from(finding.line).expect("a line") - 1];
        writeln!(report, "# {name}\n{finding}\n").expect("a string");
        assert!(
            !finding.field.is_empty()
                || [Check::NoJson, Check::Utf8, Check::LineTooLong].contains(&finding.code),
            "{finding}"
        );
    }
    insta::assert_snapshot!("every_fault", report);

    // Each fault has one finding; the header has five; the good order has none.
    let told: Vec<u64> = outcome.findings.list().iter().map(|f| f.line).collect();
    for (line, name) in (1_u64..).zip(&names) {
        let times = told.iter().filter(|l| **l == line).count();
        let wanted = match name.as_str() {
            "header" => 5,
            "a good order" => 0,
            _ => 1,
        };
        assert_eq!(times, wanted, "line {line}: {name}");
    }
    let mut kinds: Vec<_> = outcome.findings.list().iter().map(|f| f.code).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() >= 30, "{} kinds of faults", kinds.len());

    // Kept as rejected, with its report; nothing else is changed.
    assert!(!outcome.accepted);
    let run = store.run(&outcome.run).await.expect("read").expect("kept");
    assert_eq!(run.state, RunState::Rejected);
    let kept = run.report.expect("a report");
    assert_eq!(kept["errors"], outcome.findings.errors());
    assert_eq!(
        kept["diagnostics"].as_array().map(Vec::len),
        Some(outcome.findings.list().len())
    );
    let after = dump(&world).await;
    assert_eq!(after.others, before.others, "nothing but the run's own row");
    assert_eq!(after.runs.len(), before.runs.len() + 1);
    assert!(before.runs.iter().all(|row| after.runs.contains(row)));
}

#[tokio::test]
async fn control_totals_are_held_against_what_came() {
    let world = World::new(3);
    let store = world.store().await;
    let orders: Vec<_> = (0..3).map(|i| Line::Order(simple(&world, i))).collect();
    let bytes = file(&header(&world, 2, 3599), &orders);
    let outcome = judged(&world, &store, "totals", bytes).await;
    let told: Vec<String> = outcome
        .findings
        .list()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "october.ndjson:1: error [control-count] /orders 3 2",
            "october.ndjson:1: error [control-sum] /sum_cents 3600 3599",
        ]
    );
}

#[tokio::test]
async fn past_a_thousand_faults_are_counted() {
    let world = World::new(0);
    let store = world.store().await;
    let orders: Vec<_> = (0..1500)
        .map(|i| {
            let mut order = simple(&world, i);
            add(&mut order, "/totals/to_pay", 1);
            Line::Order(order)
        })
        .collect();
    let bytes = file(&header(&world, 1500, 1500 * 1200), &orders);
    let outcome = judged(&world, &store, "many", bytes).await;
    assert_eq!(outcome.findings.errors(), 1500);
    assert_eq!(outcome.findings.list().len(), 1000);
    let run = store.run(&outcome.run).await.expect("read").expect("kept");
    assert_eq!(run.report.expect("a report")["errors"], 1500);
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_rejected_with_the_reason() {
    let world = World::new(0);
    let store = world.store().await;
    for (id, bytes) in [
        ("empty", Vec::new()),
        ("blank", b"\n\n".to_vec()),
        ("pdf", b"%PDF-1.7".to_vec()),
        ("cut", b"{\"format\": \"kvit-run\", \"form".to_vec()),
        ("other", b"{\"format\": \"other\"}".to_vec()),
        ("xml", b"<html/>".to_vec()),
    ] {
        let outcome = judged(&world, &store, id, bytes).await;
        assert!(
            !outcome.accepted && outcome.findings.errors() == 1,
            "{id}: {outcome:?}"
        );
        let run = store.run(&outcome.run).await.expect("read").expect("kept");
        assert_eq!(run.state, RunState::Rejected, "{id}");
    }
}

/// Everything in the database, as text.
struct Dump {
    runs: Vec<String>,
    others: Vec<(String, Vec<String>)>,
}

async fn dump(world: &World) -> Dump {
    let url = format!("sqlite://{}", world.path().join("kvit.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.expect("the database");
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            .fetch_all(&pool)
            .await
            .expect("tables");
    let mut dump = Dump {
        runs: Vec::new(),
        others: Vec::new(),
    };
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&table)
            .fetch_all(&pool)
            .await
            .expect("columns");
        let row: Vec<String> = columns.iter().map(|c| format!("quote(\"{c}\")")).collect();
        let query = format!(
            "SELECT {} FROM \"{table}\" ORDER BY 1",
            row.join(" || ',' || ")
        );
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_all(&pool)
            .await
            .expect("rows");
        if table == "runs" {
            dump.runs = rows;
        } else {
            dump.others.push((table, rows));
        }
    }
    pool.close().await;
    dump
}
