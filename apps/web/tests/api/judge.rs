//! Schemathesis, a foreign judge, reads the API's document and tries whatever it allows and forbids.

use std::{path::Path, process::Stdio, time::Duration};

use kvit_store::ApiScope;
use tokio::process::Command;

use crate::{Robot, World, common::chrome::have, seed};

// One worker: CPython 3.11 stumbles where two threads parse at once.
/// Calls of each operation and phase.
const EXAMPLES: &str = "100";
/// For each of the two rounds, in seconds.
const ROUND_MAX: u64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_does_what_its_document_says() {
    let python = std::env::var("KVIT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python)
        .args(["-c", "import schemathesis"])
        .stderr(Stdio::null())
        .status()
        .await;
    let there = there.is_ok_and(|status| status.success());
    if !have("schemathesis (conformance/requirements.txt)", there) {
        return;
    }
    let (world, url) = World::served().await;
    seed::history(&world.store, &world.key).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    let token = Robot::new(&world, "judge", &ApiScope::ALL).await.token;
    let folder = tempfile::tempdir().expect("a folder");
    // The minute of the limits and the lock of wrong codes go by, or it would soon see nothing else.
    let clock = std::sync::Arc::clone(&world.clock);
    let hands = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.forward_hours(1);
        }
    });
    // Numbers of nobody, then those of somebody.
    judge(&python, &url, &token, folder.path(), "").await;
    let known = format!(
        "[parameters]\n\"path.customer\" = \"{}\"\n\"path.bill\" = \"{}\"\n",
        seed::ANNA,
        seed::first_bill()
    );
    judge(&python, &url, &token, folder.path(), &known).await;
    hands.abort();
}

async fn judge(python: &str, url: &str, token: &str, folder: &Path, more: &str) {
    let rules = include_str!("../../../../conformance/schemathesis.toml");
    let file = folder.join("schemathesis.toml");
    std::fs::write(&file, format!("{more}\n{rules}")).expect("written");
    let header = format!("Authorization: {token}");
    let document = format!("{url}/api/v1/openapi.json");
    let run = Command::new(python)
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(&file)
        .args([
            "run",
            &document,
            "-H",
            &header,
            "-n",
            EXAMPLES,
            "--no-shrink",
        ])
        .args(["--seed", "20261128", "--generation-database", "none"])
        .current_dir(folder)
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(Duration::from_secs(ROUND_MAX), run).await;
    let ended = ended.expect("in time").expect("it ran");
    let said = String::from_utf8_lossy(&ended.stdout);
    let fault = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}\n{fault}");
}
