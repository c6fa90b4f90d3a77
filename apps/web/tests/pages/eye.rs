//! Looks at a page in every way: widths, themes, zoom, weight, what it asks for, and with axe-core.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::json;

use super::{
    common::{
        PASSWORD, World,
        chrome::{Chrome, have},
    },
    forgotten,
};

const PAGE_MAX_BYTES: u64 = 100_000;
/// 1280 px at 400 % zoom (WCAG 1.4.10) and at 200 %, a telephone and a desk, with the theme in which axe-core judges:
/// colours do not depend on the width, nor what there is on the theme.
const WIDTHS: [(u32, Option<Theme>); 4] = [
    (320, None),
    (640, None),
    (390, Some(Theme::Light)),
    (1280, Some(Theme::Dark)),
];
/// A sheet of A4 without the margins that Chromium leaves.
const SHEET: u32 = 718;

/// axe-core, which `.ci/run` installs; it is no part of Kvit.
pub(super) fn axe() -> Option<String> {
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

#[derive(Clone, Copy, Debug, PartialEq)]
enum Theme {
    Light,
    Dark,
    Print,
}

/// Where pictures are kept, if they are.
fn pictures() -> Option<PathBuf> {
    std::env::var_os("KVIT_SCREENS").map(PathBuf::from)
}

pub(super) struct Inspector {
    pub(super) chrome: Chrome,
    pub(super) lang: &'static str,
    pub(super) faults: Vec<String>,
    /// Names of the templates.
    pub(super) looked_at: BTreeSet<String>,
}

impl Inspector {
    /// With axe-core in each page that is opened from now on.
    pub(super) async fn new(chrome: Chrome, axe: &str, lang: &'static str) -> Self {
        let source = json!({ "source": axe });
        chrome
            .cdp("Page.addScriptToEvaluateOnNewDocument", source)
            .await;
        Self {
            chrome,
            lang,
            faults: Vec::new(),
            looked_at: BTreeSet::new(),
        }
    }

    /// Looks at the page that is open now.
    pub(super) async fn look(&mut self, name: &str) {
        let chrome = &self.chrome;
        // A page that comes again by itself would take away what is looked at.
        chrome.eval("window.stop()").await;
        self.looked_at.extend(forgotten::shown(chrome).await);
        let at = format!("{name}, {}", self.lang);
        let html_lang = chrome.eval("document.documentElement.lang").await;
        let mut faults = Vec::new();
        if html_lang != self.lang {
            faults.push(format!("the page is in {html_lang}"));
        }
        for (width, judged) in WIDTHS {
            chrome.width(width).await;
            let wide = chrome
                .eval("document.documentElement.scrollWidth - innerWidth")
                .await;
            if wide.as_i64() != Some(0) {
                faults.push(format!("scrolls sideways at {width} px by {wide}"));
            }
            let Some(judged) = judged else { continue };
            for theme in [Theme::Light, Theme::Dark] {
                if theme != judged && pictures().is_none() {
                    continue;
                }
                chrome.dark(theme == Theme::Dark).await;
                self.keep(name, width, theme).await;
                if theme == judged {
                    for found in self.axe_findings().await {
                        faults.push(format!("at {width} px, {theme:?}: {found}"));
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
        if self.lang == "bg" {
            let foreign = chrome.eval(FOREIGN).await;
            let foreign = foreign.as_array().into_iter().flatten();
            let foreign = foreign.filter_map(|line| line.as_str());
            let foreign = foreign.filter(|line| !NAMES.iter().any(|name| line.contains(name)));
            faults.extend(foreign.map(|line| format!("not in Bulgarian: {line}")));
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

    /// The page that is open now, as a tablet held upright has it.
    pub(super) async fn tablet(&self, name: &str) {
        self.chrome.width(820).await;
        self.keep(name, 820, Theme::Light).await;
    }

    /// The page that is open now, on paper: nothing to press, and nothing wider than the sheet.
    pub(super) async fn print(&mut self, name: &str) {
        self.chrome.width(SHEET).await;
        let print = json!({ "media": "print" });
        self.chrome.cdp("Emulation.setEmulatedMedia", print).await;
        let found = self.chrome.eval(OUT_OF_PLACE).await;
        self.keep(name, SHEET, Theme::Print).await;
        self.chrome.dark(false).await;
        if found.as_array().is_none_or(|found| !found.is_empty()) {
            let fault = format!("{name}, {}: not for paper: {found}", self.lang);
            self.faults.push(fault);
        }
    }

    async fn axe_findings(&self) -> Vec<String> {
        let found = self.chrome.resolve(AXE_RUN).await;
        match found.as_array() {
            Some(found) => found.iter().map(ToString::to_string).collect(),
            None => vec![format!("axe-core did not run: {found}")],
        }
    }

    async fn keep(&self, name: &str, width: u32, theme: Theme) {
        let Some(folder) = pictures() else { return };
        let picture = self.chrome.picture().await;
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, picture);
        fs::create_dir_all(&folder).expect("a folder");
        let theme = format!("{theme:?}").to_ascii_lowercase();
        let file = folder.join(format!("{name}-{}-{width}-{theme}.png", self.lang));
        fs::write(file, bytes.expect("base64")).expect("a file");
    }

    pub(super) async fn see(&mut self, name: &str, path: &str) {
        self.chrome.go(path).await;
        self.look(name).await;
    }

    pub(super) async fn sign_in(&self, world: &World, customer: &str) {
        self.chrome.go("/bills").await;
        self.chrome.fill("#number", customer).await;
        self.chrome.fill("#code", &world.code(customer)).await;
        self.chrome.follow("main button").await;
        self.chrome
            .until("location.pathname == '/bills' && !document.querySelector('#code')")
            .await;
    }

    pub(super) async fn sign_in_staff(&self, login: &str) {
        self.chrome.go("/staff/sign-in").await;
        self.chrome.fill("#login", login).await;
        self.chrome.fill("#password", PASSWORD).await;
        self.chrome.follow("main button").await;
        self.chrome
            .until("!!document.querySelector('header form')")
            .await;
    }

    pub(super) async fn search(&self, wanted: &str) {
        self.chrome.go("/staff/customers").await;
        self.chrome.fill("#wanted", wanted).await;
        self.chrome.follow("main button").await;
    }
}

const AXE_RUN: &str = "axe.run(document, { rules: { 'target-size': { enabled: true } }, resultTypes: ['violations'], preload: false }).then(r => \
    r.violations.map(v => v.id + ' ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | ')))";

const SMALL_TARGETS: &str = "[...document.querySelectorAll('button, .button, nav a, .brand, .lang, .foot a, .get, .phone, .check label, input:not([type=hidden],[type=checkbox],[type=radio],[hidden])')]\
    .filter(e => e.getClientRects().length && (e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44)).map(e => e.outerHTML)";

/// Lines of three Latin words and more without a Cyrillic letter. What a program says in its own words is marked, and
/// introduced; texts that are looked at in both languages say in which they are.
const FOREIGN: &str = "(() => { const lines = e => e.innerText.split(/[\\n\\t]/).map(s => s.trim()).filter(Boolean);\
    const apart = new Set([...document.querySelectorAll('.words, .mono, .lang, blockquote[lang], dd[lang]')].flatMap(lines));\
    return lines(document.body).filter(s => !apart.has(s) && !/[\\u0400-\\u04ff]/.test(s) && /([A-Za-z]{2,}[ ,.:]+){2}[A-Za-z]{2,}/.test(s)); })()";

/// Names that are in Latin letters: members of staff are called as they sign in.
const NAMES: [&str; 3] = ["administrator administrator", "agent agent", "clerk clerk"];

const OUT_OF_PLACE: &str = "(() => { const shown = css => [...document.querySelectorAll(css)].filter(e => e.getClientRects().length);\
    const cut = e => e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX != 'visible';\
    const wide = shown('body, body *').filter(e => e.getBoundingClientRect().right > innerWidth + 1 || cut(e));\
    return shown('nav, form, button, .button, .skip, .screen-only').concat(wide).map(e => e.outerHTML.slice(0, 200)); })()";

/// A scanned page is what somebody sent, and weighs what it weighs.
const LOADED: &str = "(() => { const all = performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'));\
    return { elsewhere: all.map(e => e.name).filter(n => !n.startsWith(location.origin)),\
    bytes: all.filter(e => !e.name.endsWith('/picture')).reduce((sum, e) => sum + e.encodedBodySize, 0) }; })()";
