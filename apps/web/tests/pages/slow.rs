//! What a telephone with a slow line waits for until something is seen.

use serde_json::json;

use super::{
    common::{World, chrome::Chrome, seed},
    eye::Inspector,
};

/// The page, and what it is drawn by. At 200 KB/s and 150 ms a question, with a processor a quarter as fast, the first
/// look is then within a second; how long it took here is printed only, as it says more of the machine.
const REQUESTS_MAX: u64 = 2;
const BYTES_MAX: u64 = 30_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_comes_before_the_first_look() {
    let (world, url) = World::served().await;
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    chrome.visit(&url).await;
    chrome.width(390).await;
    let eye = Inspector::new(chrome, "", "bg").await;
    eye.sign_in(&world, seed::ANNA).await;
    let chrome = eye.chrome;
    for (cmd, params) in [
        ("Network.enable", json!({})),
        ("Network.setCacheDisabled", json!({ "cacheDisabled": true })),
        (
            "Network.emulateNetworkConditions",
            json!({ "offline": false, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000 }),
        ),
        ("Emulation.setCPUThrottlingRate", json!({ "rate": 4 })),
    ] {
        chrome.cdp(cmd, params).await;
    }
    for path in ["/", "/bills"] {
        chrome.go(path).await;
        chrome
            .until("performance.getEntriesByName('first-contentful-paint').length == 1")
            .await;
        let seen = chrome.eval(BEFORE).await;
        eprintln!("{path} over a slow line: {seen}");
        let few = seen["requests"].as_u64().is_some_and(|n| n <= REQUESTS_MAX);
        let light = seen["bytes"].as_u64().is_some_and(|n| n <= BYTES_MAX);
        assert!(few && light, "{path}: {seen}");
    }
}

const BEFORE: &str = "(() => { const page = performance.getEntriesByType('navigation');\
    const all = performance.getEntriesByType('resource').filter(e => e.renderBlockingStatus == 'blocking').concat(page);\
    return { requests: all.length, bytes: all.reduce((sum, e) => sum + e.encodedBodySize, 0),\
    milliseconds: Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime) }; })()";
