//! Every page, in Chromium: both languages, light and dark, on a telephone and on a desk. No page
//! scrolls sideways, none is heavy, none asks for anything elsewhere, and axe-core finds nothing.
//!
//! `KVIT_SCREENS=FOLDER` also keeps pictures of them all.

mod common;

use std::{fs, path::PathBuf};

use axum::http::Method;
use common::{
    PASSWORD, World, autopay,
    chrome::{Chrome, have},
    pay, seed,
};
use kvit_billing::{Cents, ports::Clock as _};
use kvit_pay::dialects::Refunded;
use kvit_store::{Concede, ConcessionKind, Doubt, NewConcession, NewPayment, PasskeyOwner, Role};
use kvit_web::ImportState;
use serde_json::json;

const PAGE_MAX_BYTES: u64 = 100_000;
const WIDTHS: [u32; 2] = [390, 1280];
/// 1280 px at 400 % zoom (WCAG 1.4.10), and at 200 %.
const ZOOMED: [u32; 2] = [320, 640];

/// axe-core, which `.ci/run` installs; it is no part of Kvit.
fn axe() -> Option<String> {
    let path = std::env::var_os("KVIT_AXE").map(PathBuf::from);
    let path = path.unwrap_or_else(|| {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target
            .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")));
        target.join("axe/node_modules/axe-core/axe.min.js")
    });
    let source = fs::read_to_string(path).ok();
    have("axe-core (KVIT_AXE names its axe.min.js)", source.is_some())
        .then_some(source)
        .flatten()
}

struct Inspector {
    chrome: Chrome,
    axe: String,
    lang: &'static str,
    faults: Vec<String>,
}

impl Inspector {
    /// Looks at the page that is open now.
    async fn look(&mut self, name: &str) {
        let chrome = &self.chrome;
        let at = format!("{name}, {}", self.lang);
        let html_lang = chrome.eval("document.documentElement.lang").await;
        let mut faults = Vec::new();
        if html_lang != self.lang {
            faults.push(format!("the page is in {html_lang}"));
        }
        chrome.eval(&format!("(() => {{ {} }})()", self.axe)).await;
        for width in ZOOMED.into_iter().chain(WIDTHS) {
            chrome.width(width).await;
            let wide = chrome
                .eval("document.documentElement.scrollWidth - innerWidth")
                .await;
            if wide.as_i64() != Some(0) {
                faults.push(format!("scrolls sideways at {width} px by {wide}"));
            }
        }
        for width in WIDTHS {
            chrome.width(width).await;
            for (dark, theme) in [(false, "light"), (true, "dark")] {
                chrome.dark(dark).await;
                self.keep(name, width, theme).await;
                // Colours do not depend on the width, nor what there is on the theme.
                if dark == (width > 600) {
                    for found in self.axe_findings().await {
                        faults.push(format!("at {width} px, {theme}: {found}"));
                    }
                }
            }
        }
        chrome.dark(false).await;
        let small = chrome.eval(SMALL_TARGETS).await;
        if small.as_array().is_none_or(|small| !small.is_empty()) {
            faults.push(format!("targets under 44 px: {small}"));
        }
        let loaded = chrome.eval(LOADED).await;
        if loaded["elsewhere"]
            .as_array()
            .is_none_or(|all| !all.is_empty())
        {
            faults.push(format!("asks elsewhere: {}", loaded["elsewhere"]));
        }
        if loaded["bytes"]
            .as_u64()
            .is_none_or(|bytes| bytes > PAGE_MAX_BYTES)
        {
            faults.push(format!("weighs {} bytes", loaded["bytes"]));
        }
        let said = chrome.console().await;
        // A page that says "not found" comes with that status, which the console repeats.
        faults.extend(
            said.into_iter()
                .filter(|said| !said.contains("responded with a status of 4"))
                // Nor is it a fault that Chromium clears what it was told to clear.
                .filter(|said| !said.contains("Clear-Site-Data header on"))
                // The one file that the test keeps back.
                .filter(|said| !said.contains("/assets/go-")),
        );
        self.faults
            .extend(faults.into_iter().map(|fault| format!("{at}: {fault}")));
    }

    async fn axe_findings(&self) -> Vec<String> {
        let found = self.chrome.resolve(AXE_RUN).await;
        match found.as_array() {
            Some(found) => found.iter().map(ToString::to_string).collect(),
            None => vec![format!("axe-core did not run: {found}")],
        }
    }

    async fn keep(&self, name: &str, width: u32, theme: &str) {
        let Some(folder) = std::env::var_os("KVIT_SCREENS").map(PathBuf::from) else {
            return;
        };
        let picture = self.chrome.picture().await;
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, picture);
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join(format!("{name}-{}-{width}-{theme}.png", self.lang));
        fs::write(file, bytes.expect("base64")).expect("a file");
    }

    async fn see(&mut self, name: &str, path: &str) {
        self.chrome.go(path).await;
        self.look(name).await;
    }

    async fn sign_in(&self, world: &World, customer: &str) {
        self.chrome.go("/bills").await;
        self.chrome.fill("#number", customer).await;
        self.chrome.fill("#code", &world.code(customer)).await;
        self.chrome.follow("main button").await;
        self.chrome
            .until("location.pathname == '/bills' && !document.querySelector('#code')")
            .await;
    }
}

impl Inspector {
    async fn sign_in_staff(&self, login: &str) {
        self.chrome.go("/staff/sign-in").await;
        self.chrome.fill("#login", login).await;
        self.chrome.fill("#password", PASSWORD).await;
        self.chrome.follow("main button").await;
        self.chrome
            .until("!!document.querySelector('header form')")
            .await;
    }

    async fn search(&self, wanted: &str) {
        self.chrome.go("/staff/customers").await;
        self.chrome.fill("#wanted", wanted).await;
        self.chrome.follow("main button").await;
    }
}

const AXE_RUN: &str = "axe.run(document, { rules: { 'target-size': { enabled: true } } }).then(r => \
    r.violations.map(v => v.id + ' ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | ')))";

const SMALL_TARGETS: &str = "[...document.querySelectorAll('button, .button, nav a, .brand, .lang, .foot a, .get, .phone, .check label, input:not([type=hidden],[type=checkbox],[type=radio],[hidden])')]\
    .filter(e => e.getClientRects().length && (e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44)).map(e => e.outerHTML)";

/// A scanned page is what somebody sent, and weighs what it weighs.
const LOADED: &str = "(() => { const all = performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'));\
    return { elsewhere: all.map(e => e.name).filter(n => !n.startsWith(location.origin)),\
    bytes: all.filter(e => !e.name.endsWith('/picture')).reduce((sum, e) => sum + e.encodedBodySize, 0) }; })()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_fit_for_everybody() {
    let Some(axe) = axe() else { return };
    let mut faults = Vec::new();
    for lang in ["bg", "en"] {
        let (world, url) = World::served().await;
        seed::history(&world.store, &world.key).await;
        let Some(mut chrome) = Chrome::open().await else {
            return;
        };
        chrome.visit(&url).await;
        let mut eye = Inspector {
            chrome,
            axe: axe.clone(),
            lang,
            faults: Vec::new(),
        };
        eye.chrome.go(&format!("/?lang={lang}")).await;
        tour(&mut eye, &world).await;
        faults.append(&mut eye.faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The console has a tour of its own, so that both go on at once. Its English is seen on a few pages:
/// that no text is missing is a test of `texts`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_console_is_fit_for_everybody() {
    let Some(axe) = axe() else { return };
    let (world, url) = World::served().await;
    seed::history(&world.store, &world.key).await;
    for role in Role::ALL {
        world.hire(role.as_str(), role).await;
    }
    seed::waiting(&world.store, "2026-11-b2", "ivan").await;
    seed::rejected(&world.store, "2026-11-bad").await;
    for (transaction, cents) in [("2026112000001", "4250"), ("2026112000002", "18860")] {
        let query = pay::ebg(&[
            ("IDN", "7777777"),
            ("MERCHANTID", "7"),
            ("TID", transaction),
            ("DATE", "20261120110000"),
            ("TOTAL", cents),
            ("TYPE", "DEPOSIT"),
        ]);
        let path = format!("/pay/ebg/confirm?{query}");
        world.browser().get(&path).await;
    }
    pay::transferred(&world, "FT2611200042", "за тока на баба, ноември", 4250).await;
    let expired = pay::epay("INVOICE=77:STATUS=EXPIRED");
    world
        .browser()
        .ask(Method::POST, "/pay/epay/notify", &expired, &[])
        .await;
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    chrome.visit(&url).await;
    let mut eye = Inspector {
        chrome,
        axe,
        lang: "bg",
        faults: Vec::new(),
    };
    console(&mut eye, &world).await;
    assert!(eye.faults.is_empty(), "{}", eye.faults.join("\n"));
}

/// Autopay, for the customer and in the console.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_autopay_is_fit_for_everybody() {
    let Some(axe) = axe() else { return };
    let (world, url) = World::served().await;
    for (login, role) in [("vera", Role::Billing), ("billing", Role::Billing)] {
        world.hire(login, role).await;
    }
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    chrome.visit(&url).await;
    let mut eye = Inspector {
        chrome,
        axe,
        lang: "bg",
        faults: Vec::new(),
    };
    eye.sign_in(&world, seed::ANNA).await;
    eye.see("autopay-needs-mail", "/autopay").await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    eye.see("autopay-form", "/autopay").await;
    eye.lang = "en";
    eye.see("autopay-form", "/autopay?lang=en").await;
    eye.lang = "bg";
    eye.chrome.go("/autopay?lang=bg").await;
    eye.chrome
        .fill("#iban", "BG80 BNBG 9661 1020 3456 79")
        .await;
    eye.chrome.follow("form.card button.wide").await;
    eye.look("autopay-wrong").await;
    autopay::announced(&world).await;
    eye.sign_in(&world, seed::ANNA).await;
    eye.see("autopay-on", "/autopay").await;
    eye.see("bills-autopay", "/bills").await;
    eye.see("pay-collected", &world.pay_path(seed::first_bill()))
        .await;
    for login in ["vera", "billing"] {
        eye.sign_in_staff(login).await;
        eye.see("staff-debits", "/staff/debits").await;
        if login == "vera" {
            eye.chrome
                .follow("form[action='/staff/debits'] button")
                .await;
            eye.look("staff-debit-prepared").await;
            eye.chrome.follow("header form button").await;
        }
    }
    eye.see("staff-debit-approve", "/staff/debits/1").await;
    eye.chrome.follow("button[value=approve]").await;
    eye.look("staff-debit-approved").await;
    let now = kvit_billing::ports::Clock::now(world.clock.as_ref());
    let refused = [autopay::refusal()];
    let told = world.store.refuse_debits("aa", &refused, now).await;
    told.expect("told");
    eye.see("staff-debits-people", "/staff/debits").await;
    eye.chrome
        .follow("form[action='/staff/debits/seen'] button")
        .await;
    eye.look("staff-debit-wrong").await;
    eye.lang = "en";
    eye.see("staff-debits-people", "/staff/debits?lang=en")
        .await;
    assert!(eye.faults.is_empty(), "{}", eye.faults.join("\n"));
}

/// All pages that members of staff can come upon.
async fn console(eye: &mut Inspector, world: &World) {
    eye.chrome.go("/staff/sign-in").await;
    eye.chrome.follow("main button").await;
    eye.look("staff-sign-in").await;
    eye.sign_in_staff("agent").await;
    eye.see("staff-refused", "/staff/people").await;
    eye.search("София").await;
    eye.look("staff-found").await;
    seed::reader(&world.store, seed::MARIA, "kantora@primer.bg").await;
    let maria = format!("/staff/customers/{}", seed::MARIA);
    eye.chrome.go(&maria).await;
    eye.chrome.follow(".recognise button").await;
    eye.look("staff-customer-wrong").await;
    eye.chrome.fill("#reference", "20261120-0417").await;
    eye.chrome.fill("#code", &world.code(seed::MARIA)).await;
    eye.chrome.follow(".recognise button").await;
    eye.look("staff-customer-open").await;
    eye.chrome.follow(".desk .card .button").await;
    eye.chrome.fill("#email", "m.petrova@gmial.com").await;
    eye.chrome.follow("main form button.wide").await;
    eye.look("staff-enrol-typo").await;
    eye.chrome.follow("button[name=instead]").await;
    eye.look("staff-agree").await;
    eye.chrome.follow(".actions button").await;
    eye.chrome.follow(".desk .card .button.plain").await;
    eye.look("staff-paper").await;
    eye.chrome.go(&maria).await;
    eye.chrome.fill("#reference", "20261120-0418").await;
    eye.chrome.fill("#code", &world.code(seed::MARIA)).await;
    eye.chrome.follow(".recognise button").await;
    eye.chrome.follow("a[href*='/code?call']").await;
    // Who says the code does not have it changed.
    eye.look("staff-code-by-telephone").await;
    eye.chrome.go("/staff/password").await;
    eye.chrome.follow("main button").await;
    eye.look("staff-password").await;
    common::key(world, PasskeyOwner::Staff("agent".parse().expect("a name"))).await;
    eye.see("staff-passkeys", "/staff/passkeys").await;
    eye.see("staff-sessions-one", "/staff/sessions").await;
    world.browser().sign_in_staff("agent").await;
    eye.see("staff-sessions", "/staff/sessions").await;
    world.clock.forward(11 * 60);
    eye.see("staff-sessions-stale", "/staff/sessions").await;
    eye.see("staff-passkeys-stale", "/staff/passkeys").await;
    eye.see("staff-again", "/staff/password").await;
    eye.chrome.go("/staff/customers").await;
    eye.chrome.follow("header form button").await;
    eye.sign_in_staff("clerk").await;
    eye.chrome.go(&maria).await;
    eye.chrome.press("#document").await;
    eye.chrome.follow(".recognise button").await;
    eye.chrome.follow("a[href*='/code?call']").await;
    eye.look("staff-code").await;
    eye.chrome.follow(".actions button").await;
    eye.look("staff-code-done").await;
    let boris = format!("/staff/customers/{}", seed::BORIS);
    eye.see("staff-desk", &boris).await;
    eye.chrome.press("#document").await;
    eye.chrome.follow(".recognise button").await;
    eye.chrome.follow(".desk .card .button").await;
    eye.chrome.fill("#email", "boris@primer.bg").await;
    eye.chrome.follow("main form button.wide").await;
    eye.look("staff-agree-desk").await;
    eye.chrome.follow("form[action$='/sign'] button").await;
    eye.look("staff-sign").await;
    eye.chrome.follow("form[action$='/enrol'] button").await;
    // Printed in this window here.
    eye.chrome
        .eval("document.querySelector('form[target]').removeAttribute('target')")
        .await;
    eye.chrome.follow("form[action$=declaration] button").await;
    eye.look("staff-declaration").await;
    common::scans::brought(world, 1, Some(seed::BORIS)).await;
    common::scans::brought(world, 2, None).await;
    eye.see("staff-scans", "/staff/scans").await;
    eye.chrome
        .follow("form[action='/staff/scans/next'] button")
        .await;
    eye.look("staff-scan").await;
    eye.chrome.fill("#email", "boris@").await;
    eye.chrome.follow("button[value=confirm]").await;
    eye.look("staff-scan-wrong").await;
    eye.chrome
        .eval("document.querySelector('#reason').value = 'unsigned'")
        .await;
    eye.chrome.follow("button[value=refuse]").await;
    eye.look("staff-scan-without-code").await;
    eye.chrome.follow("button[value=aside]").await;
    eye.see("staff-scans-aside", "/staff/scans").await;
    for (role, pages) in [
        (
            "billing",
            &[
                ("staff-runs", "/staff/runs"),
                ("staff-run-rejected", "/staff/runs/2026-11-bad"),
                ("staff-run-checked", "/staff/runs/2026-11-b2"),
                ("staff-run-issued", "/staff/runs/2026-10-a1"),
            ][..],
        ),
        ("auditor", &[("staff-audit", "/staff/audit")]),
    ] {
        eye.chrome.follow("header form button").await;
        eye.sign_in_staff(role).await;
        for (name, path) in pages {
            eye.see(name, path).await;
        }
    }
    money(eye, world).await;
    refunds(eye, world).await;
    same_way(eye, world).await;
    statements(eye, world).await;
    eye.see(
        "staff-reconciliation",
        "/staff/reconciliation?month=2026-11",
    )
    .await;
    eye.chrome
        .follow("section:nth-of-type(1) .sheet:nth-of-type(2) tbody a")
        .await;
    eye.look("staff-reconciliation-day").await;
    receivables(eye, world).await;
    eye.see("staff-books", "/staff/books").await;
    eye.see("staff-books-wrong", "/staff/books/file?book=&format=camt")
        .await;
    imports(eye, world).await;
    eye.chrome.follow("header form button").await;
    eye.sign_in_staff("administrator").await;
    eye.chrome.follow("form.card button").await;
    eye.look("staff-people").await;
    eye.chrome.fill("#login", "n.nova").await;
    eye.chrome.fill("#name", "Нина Нова").await;
    eye.chrome.follow("form.card button").await;
    eye.look("staff-handed-out").await;
    eye.chrome.go("/staff/people").await;
    eye.chrome.follow(".people button[value=disable]").await;
    eye.look("staff-sure").await;
    layouts(eye, world).await;
    eye.lang = "en";
    eye.see("staff-people", "/staff/people?lang=en").await;
    eye.chrome.follow("header form button").await;
    eye.sign_in_staff("billing").await;
    eye.see("staff-run-relay", "/staff/runs/2026-11-b2").await;
    eye.lang = "bg";
    eye.see("staff-run-relay", "/staff/runs/2026-11-b2?lang=bg")
        .await;
    eye.chrome.follow("form[action$='/layout'] button").await;
    eye.look("staff-run-relaid").await;
    eye.lang = "en";
    eye.chrome.go("/staff/runs?lang=en").await;
    eye.chrome.follow("header form button").await;
    eye.sign_in_staff("agent").await;
    eye.see("staff-customer", &maria).await;
}

/// Claims by age: none yet, a wrong day, in the making, done, a class, and a customer who is only looked at.
async fn receivables(eye: &mut Inspector, world: &World) {
    eye.see("staff-receivables-none", "/staff/receivables")
        .await;
    eye.chrome.fill("#day", "").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-receivables-wrong").await;
    eye.chrome.go("/staff/receivables").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-receivables-making").await;
    let now = "2026-11-20T09:00:00Z".parse().expect("a time");
    let store = &world.store;
    while store.continue_owing_sheet(now).await.expect("a step") {}
    eye.see("staff-receivables", "/staff/receivables").await;
    eye.chrome.follow("tbody a").await;
    eye.look("staff-receivables-list").await;
    eye.chrome.follow("tbody a").await;
    eye.look("staff-customer-looked-at").await;
    eye.lang = "en";
    eye.see("staff-receivables", "/staff/receivables?lang=en")
        .await;
    eye.lang = "bg";
    eye.chrome.go("/staff/receivables?lang=bg").await;
}

/// Layouts: the list, a version that waits for a second person, and one with faults.
async fn layouts(eye: &mut Inspector, world: &World) {
    // Released before another layout counts.
    let release = kvit_store::Release {
        base: Default::default(),
        by: "boyan".to_owned(),
        who: "boyan".to_owned(),
        at: "2026-11-19T09:00:00Z".parse().expect("a time"),
        series: "main".parse().expect("a series"),
        first_if_new: common::seed::first_bill(),
    };
    let run = "2026-11-b2".parse().expect("an id");
    let released = world.store.release_run(&run, &release).await;
    released.expect("numbers");
    eye.see("staff-layout-builtin", "/staff/layouts/0").await;
    let at = "2026-11-19T09:30:00Z".parse().expect("a time");
    for (by, text) in [("m.ivanova", "one"), ("administrator", "two")] {
        let new = kvit_store::NewLayout {
            base: Default::default(),
            name: "есенно-оформление-2026.zip".to_owned(),
            files: [("bill.typ".to_owned(), text.into())].into(),
            report: common::layout_report(),
            by: by.to_owned(),
            who: by.to_owned(),
            at,
        };
        world.store.bring_layout(&new).await.expect("kept");
    }
    eye.see("staff-layout", "/staff/layouts/1").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-layouts").await;
    eye.see("staff-layout-own", "/staff/layouts/2").await;
    let id: kvit_billing::EntryId = "fedcba9876543210fedcba9876543210".parse().expect("an id");
    let fault = |line| kvit_web::LayoutFault {
        file: "bill.typ".to_owned(),
        line,
        column: 2,
        message: "unknown variable: hed".to_owned(),
        hints: vec!["if you meant to display multiple letters as is, try adding spaces".to_owned()],
    };
    let view = kvit_web::ImportView {
        id: id.clone(),
        file: kvit_web::NewFile {
            kind: kvit_web::FileKind::Layout,
            name: "есен.zip".to_owned(),
            by: "administrator".to_owned(),
            at,
            bytes: 23_456,
        },
        state: ImportState::LayoutFaulty(vec![fault(163), fault(170)]),
    };
    world
        .shelf
        .known
        .lock()
        .expect("not poisoned")
        .insert(0, view);
    eye.see("staff-layout-faulty", &format!("/staff/layouts/file/{id}"))
        .await;
    eye.see("staff-keys", "/staff/keys").await;
    texts(eye, world).await;
    eye.lang = "en";
    eye.see("staff-keys", "/staff/keys?lang=en").await;
    eye.see("staff-texts", "/staff/texts").await;
    eye.see("staff-texts-version", "/staff/texts/1").await;
    eye.see("staff-layouts", "/staff/layouts?lang=en").await;
    eye.lang = "bg";
    eye.chrome.go("/staff/layouts?lang=bg").await;
}

/// Texts: the list, a group to be changed, with faults, a version that waits for a second person, its samples.
async fn texts(eye: &mut Inspector, world: &World) {
    eye.see("staff-texts", "/staff/texts").await;
    eye.see("staff-texts-change", "/staff/texts/change/reminders")
        .await;
    let subject = "[id='bg.reminder-subject-after']";
    eye.chrome.fill(subject, "Моля, платете {sum}").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-texts-wrong").await;
    let texts = [
        (
            "mail/bg/reminder-subject-after",
            "Моля, платете сметката за {period}",
        ),
        (
            "mail/en/reminder-subject-after",
            "Please pay the bill for {period}",
        ),
        ("page/bg/home-title", "Сметките Ви за ток, на едно място"),
    ];
    let new = kvit_store::NewTexts {
        texts: texts
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        by: "m.ivanova".to_owned(),
        who: "m.ivanova".to_owned(),
        at: "2026-11-19T09:40:00Z".parse().expect("a time"),
    };
    world.store.bring_texts(&new).await.expect("kept");
    eye.see("staff-texts-version", "/staff/texts/1").await;
    eye.see("staff-texts-sample", "/staff/texts/1/bg/reminder-after")
        .await;
    eye.chrome.go("/staff/texts/1").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-texts-chosen").await;
    // As it was for those who come after.
    eye.chrome.go("/staff/texts/0").await;
    eye.chrome.follow("main form button").await;
}

/// Uploads: the form, one that waits, is read, failed, and one that is a run already.
async fn imports(eye: &mut Inspector, world: &World) {
    eye.see("staff-imports", "/staff/imports").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-imports-wrong").await;
    let file = world.folder.path().join("октомври.ndjson");
    fs::write(&file, "{}\n").expect("a file");
    let name = file.to_str().expect("text");
    eye.chrome.go("/staff/imports").await;
    eye.chrome.attach("#file", name).await;
    eye.chrome.follow("main form button").await;
    eye.chrome
        .until("location.pathname.startsWith('/staff/imports/')")
        .await;
    let page = eye.chrome.path().await;
    let run = || "2026-10-a1".parse().expect("an id");
    for (name, state) in [
        (
            "staff-import-failed",
            ImportState::Failed("run.zip cannot be read\n  because a broken ZIP file".to_owned()),
        ),
        ("staff-import-already", ImportState::Already(run())),
    ] {
        world.shelf.set(state);
        eye.see(name, &page).await;
    }
    eye.see("staff-imports-known", "/staff/imports").await;
    // These come again by themselves, under the eye of who looks at them; the one that is read stays longest.
    let orders = 123_000;
    let promised = Some(400_000);
    world.shelf.set(ImportState::Reading { orders, promised });
    eye.see("staff-import-reading", &page).await;
    eye.lang = "en";
    eye.see("staff-imports", "/staff/imports?lang=en").await;
    eye.see("staff-run-checked", "/staff/runs/2026-11-b2").await;
    eye.lang = "bg";
    eye.chrome.go("/staff/imports?lang=bg").await;
}

/// Money without an owner: what waits, a word about it and its approval, and that nothing is to be done.
async fn money(eye: &mut Inspector, world: &World) {
    world.hire("vera", Role::Billing).await;
    for login in ["billing", "vera"] {
        eye.chrome.follow("header form button").await;
        eye.sign_in_staff(login).await;
        eye.chrome.follow("a[href='/staff/money']").await;
        if login == "billing" {
            eye.look("staff-money").await;
            eye.chrome.follow("tbody tr:nth-child(4) a").await;
            eye.look("staff-money-nothing").await;
            eye.chrome.go("/staff/money").await;
            eye.chrome.follow("tbody tr a").await;
            eye.chrome.fill("#amount", "0").await;
            eye.chrome.follow("button[value=propose]").await;
            eye.look("staff-money-wrong").await;
            eye.chrome.fill("#account", seed::MARIA).await;
            eye.chrome.fill("#amount", "20,50").await;
            eye.chrome.follow("button[value=propose]").await;
            eye.look("staff-money-proposed").await;
        } else {
            eye.chrome.follow("tbody tr a").await;
            eye.look("staff-money-approve").await;
            eye.chrome.follow("button[value=approve]").await;
            eye.look("staff-money-approved").await;
            eye.lang = "en";
            eye.see("staff-money", "/staff/money?lang=en").await;
            eye.lang = "bg";
            eye.chrome.go("/staff/money?lang=bg").await;
        }
    }
}

/// Bank statements: what came of them, and one that is wrong.
async fn statements(eye: &mut Inspector, world: &World) {
    eye.see("staff-statements", "/staff/statements").await;
    eye.chrome.follow("tbody a").await;
    eye.look("staff-statement").await;
    let statement = hex::encode("FT2611200042");
    let report = kvit_store::StatementReport {
        matched: tally(12_345, 98_765_432),
        unmatched: tally(3, 4_250),
        refunded: tally(2, 1_234),
        ..kvit_store::StatementReport::default()
    };
    let now = "2026-11-20T09:30:00Z".parse().expect("a time");
    let finished = world.store.finish_statement(&statement, &report, now);
    finished.await.expect("a store");
    eye.see("staff-statements-done", "/staff/statements").await;
    eye.see(
        "staff-statement-done",
        &format!("/staff/statements/{statement}?done=booked"),
    )
    .await;
    let fault = |line| kvit_pay::statement::Fault {
        line,
        place: format!("entry {line} (20261127000{line})"),
        found: "currency (Amt Ccy) `XX`".to_owned(),
        expected: "a value as ISO 20022 writes it".to_owned(),
        remedy: "fetch the file again; if it stays so, ask the bank",
    };
    let id: kvit_billing::EntryId = "0123456789abcdef0123456789abcdef".parse().expect("an id");
    let view = kvit_web::ImportView {
        id: id.clone(),
        file: kvit_web::NewFile {
            kind: kvit_web::FileKind::Statement,
            name: "извлечение-2026-11-27.xml".to_owned(),
            by: "vera".to_owned(),
            at: now,
            bytes: 123_456,
        },
        state: ImportState::Faulty {
            faults: (1..4).map(fault).collect(),
            counted: 3,
        },
    };
    world
        .shelf
        .known
        .lock()
        .expect("not poisoned")
        .insert(0, view);
    eye.see(
        "staff-statement-faulty",
        &format!("/staff/statements/file/{id}"),
    )
    .await;
    eye.lang = "en";
    eye.see("staff-statements", "/staff/statements?lang=en")
        .await;
    eye.lang = "bg";
    eye.chrome.go("/staff/statements?lang=bg").await;
}

fn tally(count: u64, cents: i64) -> kvit_store::Tally {
    kvit_store::Tally {
        count,
        cents: kvit_billing::Cents::new(cents),
    }
}

/// Giving money back: the proposal, its approval and the file.
async fn refunds(eye: &mut Inspector, world: &World) {
    let bill = seed::first_bill().to_string();
    pay::transferred(world, "FT2611200077", &bill, 99_900).await;
    let found = world.store.bill(seed::first_bill()).await.expect("a store");
    let account = found.expect("a bill").account;
    eye.see("staff-refunds-none", "/staff/refunds").await;
    for login in ["vera", "billing"] {
        if login == "billing" {
            eye.chrome.follow("header form button").await;
            eye.sign_in_staff(login).await;
            eye.see("staff-refunds-waiting", "/staff/refunds").await;
            eye.chrome.follow("tbody a").await;
            eye.look("staff-refund-approve").await;
            eye.chrome.follow("button[value=approve]").await;
            eye.look("staff-refund-approved").await;
            eye.chrome.go("/staff/refunds").await;
            eye.chrome
                .follow("form[action='/staff/refunds/file'] button")
                .await;
            eye.look("staff-refunds-made").await;
            eye.lang = "en";
            eye.see("staff-refunds", "/staff/refunds?lang=en").await;
            eye.lang = "bg";
            eye.chrome.go("/staff/refunds?lang=bg").await;
            return;
        }
        eye.chrome.fill("#account", account.as_str()).await;
        eye.chrome.follow("form.search button").await;
        eye.look("staff-refund-new").await;
        eye.chrome.fill("#amount", "12,34").await;
        eye.chrome
            .fill("#iban", "BG80 BNBG 9661 1020 3456 79")
            .await;
        eye.chrome.fill("#why", "Платила два пъти").await;
        eye.chrome.follow("button[value=refund]").await;
        eye.look("staff-refund-wrong").await;
        eye.chrome
            .fill("#iban", "BG80 BNBG 9661 1020 3456 78")
            .await;
        eye.chrome.follow("button[value=refund]").await;
        eye.look("staff-refund-proposed").await;
    }
}

/// Giving money back through the payment system: of one refund nobody knows whether it went back, one was refused.
async fn same_way(eye: &mut Inspector, world: &World) {
    let (store, now) = (&world.store, world.clock.now());
    let payment = NewPayment {
        provider: "icard".parse().expect("a name"),
        bill: seed::second_bill(),
        account: common::number(seed::BORIS),
        bills: vec![seed::second_bill()],
        way: "card".to_owned(),
        first_number: 700,
        amount: Cents::new(5610),
        currency: kvit_billing::Currency::EUR,
        at: now,
        expires_at: now,
        poll_at: None,
    };
    let payment = store.begin_payment(&payment).await.expect("a payment");
    let paid = pay::icard(&[
        ("IPGmethod", "IPGPurchaseNotify"),
        ("MID", "1"),
        ("OrderID", &payment.number.to_string()),
        ("Amount", &payment.amount.to_string()),
        ("Currency", "978"),
        ("IPG_Trnref", "A7"),
    ]);
    let mut browser = world.browser();
    let told = browser.ask(Method::POST, "/pay/icard/notify", &paid, &[]);
    let told = told.await;
    assert_eq!(told.body, "OK");
    let mut numbers = Vec::new();
    for cents in [1000, 1234] {
        let new = NewConcession {
            account: common::number(seed::BORIS),
            kind: ConcessionKind::SameWay {
                provider: "icard".parse().expect("a name"),
                payment: "icard/paid/A7".to_owned(),
            },
            amount: Cents::new(cents),
            why: "Платил два пъти".to_owned(),
            by: "vera".to_owned(),
        };
        let said = store.propose_concession(&new, now).await;
        let Concede::Proposed(number) = said.expect("an answer") else {
            panic!("it is refused")
        };
        let said = store.approve_concession(number, "boyan", now).await;
        assert_eq!(said.expect("an answer"), Concede::Approved);
        assert!(store.ask_refund(number, now).await.expect("an answer"));
        numbers.push(number);
    }
    let unclear = store.refund_answered(numbers[0], Err(Doubt::Silent), now);
    unclear.await.expect("an answer");
    let refused = Refunded::Refused("21 Invalid amount".to_owned());
    let refused = store.refund_answered(numbers[1], Ok(&refused), now);
    refused.await.expect("an answer");
    eye.chrome.go("/staff/refunds").await;
    eye.chrome.fill("#account", seed::BORIS).await;
    eye.chrome.follow("form.search button").await;
    eye.look("staff-refund-new-same-way").await;
    eye.see("staff-refunds-unclear", "/staff/refunds").await;
    let path = format!("/staff/refunds/{}", numbers[0]);
    eye.see("staff-refund-unclear", &path).await;
    eye.chrome.follow("button[value=went]").await;
    eye.look("staff-refund-unclear-unsaid").await;
    eye.chrome.fill("#seen", "iCard, операция R000123").await;
    eye.chrome.follow("button[value=went]").await;
    eye.look("staff-refund-found").await;
    let path = format!("/staff/refunds/{}", numbers[1]);
    eye.see("staff-refund-declined", &path).await;
}

/// What the link of a reminder leads to, before and after its address gets bills no more.
async fn reminded(eye: &mut Inspector, world: &World) {
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    seed::remind(&world.store, &world.key).await;
    eye.see("reminders", &world.reminder_path()).await;
    eye.chrome.follow("main button").await;
    eye.look("reminders-done").await;
    eye.see("reminders-already", &world.reminder_path()).await;
    eye.see("reminders-unknown", "/reminders/x").await;
    let now = "2026-11-20T09:30:00Z".parse().expect("a time");
    let anna = common::number(seed::ANNA);
    let ended = world.store.end_enrolment(&anna, now, "paper", json!({}));
    ended.await.expect("a store");
    eye.see("reminders-elsewhere", &world.reminder_path()).await;
}

/// The way to a payment system, and a bill with payments of each kind behind it.
async fn paying(eye: &mut Inspector, world: &World) {
    let page = world.pay_path(seed::first_bill());
    // With its script the browser would be gone before anybody looks.
    eye.chrome.cdp("Network.enable", json!({})).await;
    eye.chrome
        .cdp("Network.setBlockedURLs", json!({"urls": ["*/assets/go-*"]}))
        .await;
    eye.chrome.go(&page).await;
    eye.chrome.follow("main form button").await;
    eye.look("pay-go").await;
    let epay: kvit_pay::ProviderName = "epay".parse().expect("a name");
    world
        .store
        .set_payment_code(&epay, 1, "1234567890")
        .await
        .expect("a code");
    eye.see("pay-ordered", &page).await;
}

/// Readers: asked by the customer, who is signed in, and what their mails' links lead to.
async fn reading_along(eye: &mut Inspector, world: &World) {
    for (name, path) in [
        ("readers-none", "/readers"),
        ("join-unknown", "/join/x"),
        ("copy-unknown", "/copy/x"),
    ] {
        eye.see(name, path).await;
    }
    eye.chrome.go("/readers").await;
    eye.chrome.fill("#email", "ana@").await;
    eye.chrome.follow("form.card button.wide").await;
    eye.look("readers-wrong").await;
    eye.chrome
        .fill(
            "#name",
            "Адв. Анна-Мария Константинова-Петрова, счетоводна кантора",
        )
        .await;
    eye.chrome.fill("#email", "ana@gmial.com").await;
    eye.chrome.follow("form.card button.wide").await;
    eye.look("readers-typo").await;
    eye.chrome.follow("button[name=instead]").await;
    eye.look("readers-added").await;
    let join = world.join_path(seed::MARIA).await;
    eye.see("join", &join).await;
    eye.chrome.follow("main button").await;
    eye.look("joined").await;
    eye.see("join-already", &join).await;
    let copy = world.copy_path(seed::MARIA).await;
    eye.see("copy", &copy).await;
    eye.see("bills-with-reader", "/bills").await;
    eye.see("leave", &format!("{copy}/leave")).await;
    eye.chrome.follow("main button").await;
    eye.look("left-copies").await;
    eye.see("join-over", &join).await;
    eye.see("left-already", &copy).await;
}

/// All pages that a customer can come upon.
async fn tour(eye: &mut Inspector, world: &World) {
    reminded(eye, world).await;
    for (name, path) in [
        ("home", "/"),
        ("help", "/help"),
        ("privacy", "/privacy"),
        ("check", "/bills"),
        ("ended", "/bills?ended"),
        ("enrol-1", "/enrol?n=1000002"),
        ("paper-ask", "/paper"),
        ("sign-in", "/sign-in"),
        ("sign-in-over", "/sign-in/x"),
        ("sign-in-password", "/sign-in/password"),
        ("verify-not", "/v/x"),
        ("receipt-unknown", "/receipt/x"),
        ("prove-unknown", "/prove/x"),
        ("not-found", "/nowhere"),
        ("verify", &world.verify_path(seed::first_bill())),
        (
            "paper-elsewhere",
            &format!("{}/paper", world.receipt_path()),
        ),
        ("pay", &world.pay_path(seed::first_bill())),
        (
            "pay-back",
            &format!("{}?back=1", world.pay_path(seed::first_bill())),
        ),
        (
            "pay-no-code",
            &format!("{}?nocode", world.pay_path(seed::first_bill())),
        ),
        ("pay-unknown", "/pay/x"),
        ("pay-without-word", "/pay"),
    ] {
        eye.see(name, path).await;
    }
    paying(eye, world).await;
    eye.see("receipt", &world.receipt_path()).await;
    eye.chrome.follow("main button").await;
    eye.look("receipt-done").await;
    eye.see("receipt-already", &world.receipt_path()).await;
    eye.chrome.go("/").await;
    eye.chrome.follow("main button").await;
    eye.look("check-wrong").await;
    eye.sign_in(world, seed::MARIA).await;
    eye.look("bills").await;
    common::key(world, PasskeyOwner::Customer(common::number(seed::MARIA))).await;
    eye.see("passkeys", "/passkeys").await;
    eye.see("password-none", "/password").await;
    eye.chrome.fill("#new", "parola123").await;
    eye.chrome.fill("#repeated", "parola123").await;
    eye.chrome.follow("main form button").await;
    eye.look("password-wrong").await;
    for field in ["#new", "#repeated"] {
        eye.chrome.fill(field, "три котки на покрива").await;
    }
    eye.chrome.follow("main form button").await;
    eye.look("password-set").await;
    world.clock.forward(11 * 60);
    for (name, path) in [
        ("passkeys-stale", "/passkeys"),
        ("password-stale", "/password"),
        ("readers-stale", "/readers"),
        ("sessions-stale", "/sessions"),
        ("code-by-code", "/code"),
        ("again", "/again?to=passkeys"),
    ] {
        eye.see(name, path).await;
    }
    eye.chrome.follow("main form button").await;
    eye.look("again-wrong").await;
    eye.chrome.fill("#code", &world.code(seed::MARIA)).await;
    eye.chrome.follow("main form button").await;
    eye.chrome.until("location.pathname == '/passkeys'").await;
    eye.chrome.go("/bills").await;
    eye.chrome.follow("form[action='/reminders'] button").await;
    eye.look("bills-without-reminders").await;
    for (name, path) in [
        ("usage", "/usage"),
        ("points-one", "/points"),
        ("point-add", "/points/add"),
        ("sessions", "/sessions"),
    ] {
        eye.see(name, path).await;
    }
    eye.chrome.go("/points/add").await;
    eye.chrome.follow("main button").await;
    eye.look("point-add-wrong").await;
    eye.chrome.fill("#number", seed::ANNA).await;
    eye.chrome.fill("#code", &world.code(seed::ANNA)).await;
    eye.chrome.follow("main button").await;
    eye.look("points").await;
    let maria = format!("button[value='{}']", seed::MARIA);
    eye.chrome.follow(&maria).await;
    eye.look("bills-of-several").await;
    let link = world.sign_in_path(&mut world.browser(), seed::MARIA).await;
    eye.chrome.go(&link).await;
    eye.chrome.follow("main button").await;
    eye.see("point-add-keep", "/points/add").await;
    eye.chrome.fill("#number", seed::BORIS).await;
    eye.chrome.fill("#code", &world.code(seed::BORIS)).await;
    eye.chrome.follow("main form button").await;
    eye.look("points-kept").await;
    eye.chrome.follow(&maria).await;
    reading_along(eye, world).await;
    eye.see("year", "/bills?year=2025").await;
    eye.see("year-none", "/bills?year=1999").await;
    eye.see("enrol-change", "/enrol").await;
    eye.see("paper", "/paper").await;
    eye.chrome.follow("main button").await;
    eye.look("paper-done").await;
    eye.see("paper-none", "/paper").await;
    eye.chrome.follow("header form button").await;
    eye.look("left").await;
    eye.chrome.go("/sign-in/password").await;
    eye.chrome.fill("#who", "nobody@primer.bg").await;
    eye.chrome.fill("#password", "x").await;
    eye.chrome.follow("main form button").await;
    eye.look("sign-in-password-wrong").await;
    eye.sign_in(world, seed::BORIS).await;
    eye.look("bills-paper").await;
    eye.see("sessions-kept", "/sessions").await;
    eye.see("enrol-2", "/enrol").await;
    eye.chrome.fill("#email", "boris@").await;
    eye.chrome.follow("main button").await;
    eye.look("enrol-wrong").await;
    eye.chrome.fill("#email", "boris@gmial.com").await;
    eye.chrome.follow("main button").await;
    eye.look("enrol-typo").await;
    eye.chrome.follow("button[name=instead]").await;
    eye.look("sent").await;
    eye.see("bills-pending", "/bills").await;
    let prove = world.prove_path(seed::BORIS).await;
    eye.see("prove", &prove).await;
    eye.chrome.follow("main button").await;
    eye.look("proved").await;
    eye.see("prove-already", &prove).await;
    eye.chrome.forget().await;
    eye.chrome.go(&format!("/bills?lang={}", eye.lang)).await;
    for _ in 0..5 {
        eye.chrome.fill("#number", seed::ANNA).await;
        eye.chrome.fill("#code", "00000000").await;
        eye.chrome.follow("main form button").await;
        eye.chrome.until("location.pathname == '/bill/check'").await;
    }
    eye.look("lock").await;
}
