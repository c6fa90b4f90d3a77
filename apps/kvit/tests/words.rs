//! Help, errors and exit codes are an interface: each has a snapshot.

mod common;

use std::{fs, path::Path};

use common::{folder, run};

#[test]
fn help() {
    let (_folder, path) = folder();
    for command in [
        "",
        "init",
        "run",
        "run import",
        "run list",
        "run show",
        "run preview",
        "run release",
        "run issue",
        "run layout",
        "deliver",
        "serve",
        "work",
        "staff",
        "staff add",
        "staff list",
        "staff change",
        "staff disable",
        "staff reset",
        "customer",
        "customer new-code",
        "api",
        "api token",
        "api token add",
        "api token list",
        "api token revoke",
        "api webhook",
        "api webhook add",
        "api webhook list",
        "api webhook remove",
        "api webhook retry",
        "api schema",
        "export",
        "bill",
        "verify",
        "pay",
        "pay list",
        "pay unmatched",
        "pay statement",
        "pay statements",
        "pay allocate",
        "pay approve",
        "pay settle",
        "pay reverse",
        "pay refund",
        "pay write-off",
        "pay refunds",
        "pay refunds correct",
        "pay refunds export",
        "pay debits",
        "pay debits prepare",
        "pay debits write",
        "pay customer",
        "pay receivables",
        "pay reconcile",
        "pay books",
        "pay journal",
        "pay export",
        "scans",
        "scans import",
        "demo",
        "schema",
        "layout",
        "layout export",
        "layout check",
        "layout preview",
        "texts",
        "texts export",
        "texts bring",
        "texts use",
        "doctor",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let name = format!("help {command}");
        let name = name.trim().replace(' ', "-");
        insta::assert_snapshot!(name, run(&path, &arguments).ok().out);
    }
}

#[test]
fn usage() {
    let (_folder, path) = folder();
    for (name, arguments) in [
        ("no-such-command", &["rum"][..]),
        ("no-such-option", &["run", "list", "--jason"]),
        ("no-name", &["run", "release", "2026-10-a3f9c2"]),
        ("not-a-run", &["run", "show", "../etc"]),
        ("not-a-count", &["demo", "--customers", "0"]),
    ] {
        insta::assert_snapshot!(format!("usage-{name}"), run(&path, arguments).shown());
    }
}

#[test]
fn an_instance_is_made_once() {
    let (_folder, path) = folder();
    insta::assert_snapshot!("init", run(&path, &["init", "--dir", "one"]).shown());
    insta::assert_snapshot!("init-again", run(&path, &["init", "--dir", "one"]).shown());
    let (store, aside) = (path.join("one/kvit.db"), path.join("kvit.db"));
    fs::rename(&store, &aside).expect("moved");
    // An empty store in its place would begin the numbers of bills again.
    insta::assert_snapshot!(
        "lost-store",
        run(&path, &["run", "list", "--dir", "one"]).shown()
    );
    fs::rename(&aside, &store).expect("moved back");
    fs::remove_file(path.join("one/kvit.toml")).expect("removed");
    insta::assert_snapshot!(
        "init-over-a-store",
        run(&path, &["init", "--dir", "one"]).shown()
    );
    insta::assert_snapshot!("no-instance", run(&path, &["run", "list"]).shown());
}

#[test]
fn staff_get_access_and_lose_it() {
    let (_folder, path) = folder();
    run(&path, &["init", "--key", "p256"]).ok();
    insta::assert_snapshot!("staff-none", run(&path, &["staff", "list"]).shown());
    let role = run(&path, &["staff", "add", "ana", "--role", "king"]);
    insta::assert_snapshot!("staff-role", role.shown());
    let clerk = run(&path, &["staff", "add", "ana", "--role", "clerk"]);
    insta::assert_snapshot!("staff-clerk", clerk.shown());
    let made = ["staff", "add", "ana", "--role", "agent", "--json"];
    let made = run(&path, &made).ok().json();
    let link = made["totp"].as_str().expect("a link");
    assert!(
        link.starts_with("otpauth://totp/Kvit:ana?secret="),
        "{link}"
    );
    let again = run(&path, &["staff", "add", "ana", "--role", "agent"]);
    insta::assert_snapshot!("staff-taken", again.shown());
    for (name, change) in [
        (
            "staff-change",
            &["--name", "Ана Димитрова", "--role", "billing"][..],
        ),
        ("staff-change-nothing", &[]),
        ("staff-change-centre", &["--centre", "София"]),
        ("staff-change-clerk", &["--role", "clerk"]),
    ] {
        let change = [&["staff", "change", "ana"], change].concat();
        insta::assert_snapshot!(name, run(&path, &change).shown());
    }
    let clerk = ["--role", "clerk", "--centre", "София", "--json"];
    let clerk = run(&path, &[&["staff", "change", "ana"], &clerk[..]].concat());
    assert_eq!(clerk.ok().json()["centre"], "София");
    let reset = run(&path, &["staff", "reset", "ana", "--json"]).ok().json();
    assert_ne!(reset["password"], made["password"]);
    assert_ne!(reset["totp"], made["totp"]);
    let text = run(&path, &["staff", "reset", "ana", "--without-totp"])
        .ok()
        .out;
    assert!(
        text.contains("Hand these to Ана Димитрова") && !text.contains("otpauth"),
        "{text}"
    );
    insta::assert_snapshot!(
        "staff-disable",
        run(&path, &["staff", "disable", "ana"]).shown()
    );
    insta::assert_snapshot!(
        "staff-nobody",
        run(&path, &["staff", "disable", "eva"]).shown()
    );
    insta::assert_snapshot!("staff-list", run(&path, &["staff", "list"]).shown());
    let toml = path.join("kvit.toml");
    let text = fs::read_to_string(&toml).expect("readable");
    let real = text.replace("placeholder = true", "placeholder = false");
    fs::write(&toml, real).expect("written");
    let trial = run(&path, &["staff", "reset", "ana", "--without-totp"]);
    insta::assert_snapshot!("staff-two-factors", trial.shown());
}

#[test]
fn tokens_are_given_out_and_revoked() {
    let (_folder, path) = folder();
    run(&path, &["init", "--key", "p256"]).ok();
    let list = |name: &str| {
        let shown = run(&path, &["api", "token", "list"]).shown();
        insta::assert_snapshot!(name, shown);
    };
    list("api-none");
    let add = ["api", "token", "add", "crm-1"];
    let with = |more: &[&'static str]| run(&path, &[&add[..], more].concat());
    insta::assert_snapshot!("api-no-scope", with(&[]).shown());
    insta::assert_snapshot!("api-scope", with(&["--scope", "everything"]).shown());
    let past = with(&["--scope", "bills:read", "--until", "2020-01-01"]);
    insta::assert_snapshot!("api-past", past.shown());
    let made = with(&["--scope", "bills:read", "--until", "2099-12-31", "--json"]);
    let made = made.ok().json();
    let token = made["token"].as_str().expect("a token");
    assert!(token.starts_with("kvit_") && token.len() == 37, "{token}");
    insta::assert_snapshot!("api-taken", with(&["--scope", "bills:read"]).shown());
    list("api-list");
    let revoke = ["api", "token", "revoke", "crm-1"];
    insta::assert_snapshot!("api-revoke", run(&path, &revoke).shown());
    insta::assert_snapshot!("api-nobody", run(&path, &revoke).shown());
    list("api-revoked");
    let store = fs::read(path.join("kvit.db")).expect("the store");
    let secret = token.trim_start_matches("kvit_").as_bytes();
    assert!(!store.windows(secret.len()).any(|part| part == secret));
}

#[test]
fn webhooks_are_added_and_removed() {
    let (_folder, path) = folder();
    run(&path, &["init", "--key", "p256"]).ok();
    let call = |words: &[&str]| run(&path, &[&["api", "webhook"], words].concat());
    insta::assert_snapshot!("webhook-none", call(&["list"]).shown());
    for (name, url) in [
        ("plain", "http://crm.example/kvit"),
        ("user", "https://me:secret@crm.example/kvit"),
        ("relative", "/kvit"),
    ] {
        let added = call(&["add", "crm", url, "--event", "bill.issued"]);
        insta::assert_snapshot!(format!("webhook-{name}"), added.shown());
    }
    let url = "https://crm.example/kvit";
    let event = call(&["add", "crm", url, "--event", "bill.lost"]);
    insta::assert_snapshot!("webhook-event", event.shown());
    let made = call(&["add", "crm", url, "--event", "payment.booked", "--json"]);
    let made = made.ok().json();
    let secret = made["secret"].as_str().expect("a secret");
    assert!(
        secret.starts_with("whsec_") && secret.len() == 50,
        "{secret}"
    );
    insta::assert_snapshot!("webhook-list", call(&["list"]).shown());
    insta::assert_snapshot!("webhook-retry", call(&["retry", "crm"]).shown());
    insta::assert_snapshot!("webhook-remove", call(&["remove", "crm"]).shown());
    insta::assert_snapshot!("webhook-nobody", call(&["remove", "crm"]).shown());
    let again = call(&["add", "crm", url, "--event", "bill.issued"]);
    insta::assert_snapshot!("webhook-taken", again.shown());
    // The trail shows where messages went.
    let trail = trail(&path.join("kvit.db"), "api/crm");
    let shown: Vec<_> = trail
        .iter()
        .map(|(what, detail)| (what.as_str(), detail["url"].as_str()))
        .collect();
    let expected = [
        "api.webhook-added",
        "api.webhook-retried",
        "api.webhook-removed",
    ];
    let expected = expected.map(|what| (what, (what != expected[1]).then_some(url)));
    assert_eq!(shown, expected);
}

/// What the trail tells of a subject, the oldest first.
fn trail(database: &Path, subject: &str) -> Vec<(String, serde_json::Value)> {
    let url = format!("sqlite://{}", database.display());
    let rows = async {
        let pool = sqlx::SqlitePool::connect(&url).await.expect("the database");
        let rows = sqlx::query_as("SELECT what, detail FROM events WHERE subject = $1 ORDER BY at")
            .bind(subject)
            .fetch_all(&pool)
            .await;
        pool.close().await;
        rows.expect("rows")
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rows: Vec<(String, String)> = runtime.block_on(rows);
    rows.into_iter()
        .map(|(what, detail)| (what, serde_json::from_str(&detail).expect("JSON")))
        .collect()
}

#[test]
fn what_a_crash_left_of_init_is_finished() {
    let (_folder, path) = folder();
    run(&path, &["init", "--dir", "one", "--key", "p256"]).ok();
    let read = |name: &str| fs::read(path.join("one").join(name)).expect(name);
    let (key, seal) = (read("instance.key"), read("seal.p12"));
    for name in ["kvit.toml", "kvit.db", "kvit.db-wal", "kvit.db-shm"] {
        let _ = fs::remove_file(path.join("one").join(name));
    }
    run(&path, &["init", "--dir", "one"]).ok();
    assert_eq!(read("instance.key"), key, "codes on bills depend on it");
    assert_eq!(read("seal.p12"), seal);
    let config = read("kvit.toml");
    for name in ["kvit.db", "kvit.db-wal", "kvit.db-shm"] {
        let _ = fs::remove_file(path.join("one").join(name));
    }
    run(&path, &["init", "--dir", "one"]).ok();
    assert_eq!(
        read("kvit.toml"),
        config,
        "it may have been edited meanwhile"
    );
    fs::remove_file(path.join("one/kvit.toml")).expect("removed");
    fs::remove_file(path.join("one/kvit.db")).expect("removed");
    fs::remove_file(path.join("one/seal.password")).expect("removed");
    run(&path, &["init", "--dir", "one"]).ok();
    assert_eq!(read("instance.key"), key);
    assert_ne!(read("seal.p12"), seal, "without its password it was no use");
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_a_new_instance() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    run(&path, &["init", "--dir", "one"]).ok();
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&path.join("one")), 0o700);
    for entry in fs::read_dir(path.join("one")).expect("a folder") {
        let file = entry.expect("an entry").path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn every_fault_of_the_configuration_is_told_at_once() {
    let (_folder, path) = folder();
    run(&path, &["init", "--dir", "one"]).ok();
    let file = path.join("one/kvit.toml");
    let good = fs::read_to_string(&file).expect("there");
    let mut bad = String::new();
    for line in good.lines() {
        let line = match line.split(" = ").next().unwrap_or_default() {
            "eik" => "eik = \"123456789\"",
            "iban" => "iban = \"BG00KVTB\"",
            "hotline" => continue,
            "primary" => "primary = \"green\"",
            "public_url" => "public_url = \"bills.example.bg\"",
            "proof_hours" => "proof_hours = \"two days\"",
            "security" => "security = \"ssl\"",
            "connections" => "connections = 0",
            "sender" => "sender = \"nobody\"",
            "series" => "series = \"Main Series\"",
            "time_zone" => "time_zone = \"Europe/Plovdiv\"",
            "paper_until" => "paper_until = \"never\"",
            "poll_ms" => "pol_ms = 1000",
            _ => line,
        };
        bad.push_str(line);
        bad.push('\n');
    }
    fs::write(&file, bad).expect("written");
    let ran = run(&path, &["run", "list", "--dir", "one"]);
    insta::assert_snapshot!("configuration-faults", ran.shown());
    fs::write(&file, "[mail\nport = 25").expect("written");
    let ran = run(&path, &["run", "list", "--dir", "one"]);
    insta::assert_snapshot!("configuration-not-toml", ran.shown());
}

#[test]
fn the_journal_is_a_file_of_its_own() {
    let (_folder, path) = folder();
    run(&path, &["init"]).ok();
    let write = |from: &str| {
        let days = ["pay", "journal", "--from", from, "--until", "2025-11-30"];
        run(&path, &[&days[..], &["--to", "november.csv"]].concat())
    };
    insta::assert_snapshot!("refusal-days-turned", write("2025-12-01").shown());
    let unfinished = ["pay", "journal", "--from", "2025-11-01"];
    let unfinished = [&unfinished[..], &["--until", "2999-12-31", "--to", "x.csv"]];
    insta::assert_snapshot!(
        "refusal-a-day-that-is-not-over",
        run(&path, &unfinished.concat()).shown()
    );
    let export = |to: &str| {
        let words = [
            "pay",
            "export",
            "bank",
            "--from",
            "2025-11-01",
            "--until",
            "2025-11-30",
        ];
        run(&path, &[&words[..], &["--to", to]].concat()).ok();
        fs::read_to_string(path.join(to)).expect("a file")
    };
    let bank = export("bank.xml");
    assert!(bank.contains("<Id>KVIT/bank</Id>"), "{bank}");
    assert_eq!(bank, export("again.xml"));
    write("2025-11-01").ok();
    let text = fs::read_to_string(path.join("november.csv")).expect("a file");
    assert_eq!(
        text,
        "entry,at,kind,book,amount,currency,bills,reverses,who\n"
    );
    insta::assert_snapshot!("refusal-a-file-is-there", write("2025-11-01").shown());
}

#[test]
fn refusals() {
    let (_folder, path) = folder();
    run(&path, &["init"]).ok();
    fs::write(path.join("run.txt"), "hello\n").expect("written");
    fs::write(path.join("bill.pdf"), "%PDF-1.7\n").expect("written");
    fs::write(path.join("empty.pdf"), "").expect("written");
    for (name, arguments) in [
        ("no-runs", &["run", "list"][..]),
        ("unknown-run", &["run", "show", "no-such-run"]),
        (
            "missing-file",
            &["run", "import", "none.ndjson", "--as", "ivan"],
        ),
        (
            "not-a-run-file",
            &["run", "import", "run.txt", "--as", "ivan"],
        ),
        ("not-a-bill", &["verify", "bill.pdf"]),
        ("no-pdf", &["verify", "run.txt", "empty.pdf"]),
        ("nothing-to-issue", &["run", "issue"]),
        ("no-payments", &["pay", "list"]),
        ("nothing-unmatched", &["pay", "unmatched"]),
        ("empty-books", &["pay", "books"]),
        ("nothing-to-reconcile", &["pay", "reconcile"]),
        ("no-statements", &["pay", "statements"]),
        ("no-such-statement", &["pay", "statements", "3f9a2c"]),
        (
            "not-a-statement",
            &["pay", "statement", "run.txt", "bill.pdf", "--as", "ivan"],
        ),
        (
            "no-such-notice",
            &[
                "pay",
                "approve",
                "icard/paid/1",
                "--to",
                "1000042",
                "--as",
                "maria",
            ],
        ),
        ("no-such-customer", &["pay", "customer", "1000042"]),
        (
            "no-such-customer-for-a-code",
            &["customer", "new-code", "1000042"],
        ),
        ("no-debits", &["pay", "debits"]),
        (
            "autopay-is-off",
            &["pay", "debits", "prepare", "--as", "vera"],
        ),
        (
            "no-such-debit-file",
            &[
                "pay", "debits", "write", "7", "--to", "x.xml", "--as", "vera",
            ],
        ),
        ("no-refunds", &["pay", "refunds"]),
        (
            "no-refund-to-send",
            &["pay", "refunds", "export", "--to", "x.xml", "--as", "vera"],
        ),
        (
            "no-such-refund",
            &["pay", "refunds", "approve", "7", "--as", "vera"],
        ),
        (
            "not-an-iban",
            &[
                "pay",
                "refund",
                "1000042",
                "--amount",
                "1",
                "--iban",
                "BG80",
                "--because",
                "x",
                "--as",
                "vera",
            ],
        ),
    ] {
        let shown = run(&path, arguments).shown();
        // A run is named by the month and its file.
        let words = shown
            .split_whitespace()
            .map(|word| word.trim_end_matches(':'));
        let id = words
            .clone()
            .find(|word| word.starts_with("20") && word.len() == 14);
        let shown = id.map_or(shown.clone(), |id| shown.replace(id, "RUN"));
        insta::assert_snapshot!(format!("refusal-{name}"), shown);
    }
}
