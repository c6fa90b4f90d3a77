//! That no page is forgotten: here alone, each template says in a comment that it was shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{common::chrome::Chrome, eye::Inspector};

/// What a tour is of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Tour {
    Customers,
    Console,
    PayingTogether,
    Autopay,
}

impl Tour {
    /// Which one has to look at this template: a new one belongs to one of the two large ones.
    fn of(template: &str) -> Self {
        match template {
            "payall.html" | "payall-go.html" | "payorder.html" => Self::PayingTogether,
            "autopay.html" | "staff/debits.html" | "staff/debit-file.html" => Self::Autopay,
            _ if template.starts_with("staff/") => Self::Console,
            _ => Self::Customers,
        }
    }
}

/// All templates of the folder, by name.
fn templates() -> BTreeMap<String, String> {
    fn add(folder: &Path, before: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("the templates") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = format!("{before}{}", name.expect("a name"));
            if path.is_dir() {
                add(&path, &format!("{name}/"), found);
            } else {
                found.insert(name, fs::read_to_string(&path).expect("a template"));
            }
        }
    }
    let mut found = BTreeMap::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    add(Path::new(folder), "", &mut found);
    found
}

/// The templates, each of which writes its name before the page.
pub(super) fn named() -> Vec<(String, String)> {
    let name = |(name, text): (String, String)| {
        let text = format!("<!--{name}-->{text}");
        (name, text)
    };
    templates().into_iter().map(name).collect()
}

/// What the page that is open now is made by.
pub(super) async fn shown(chrome: &Chrome) -> Vec<String> {
    const NAMES: &str = "[...document.childNodes].filter(n => n.nodeType == 8).map(n => n.data)";
    let names = chrome.eval(NAMES).await;
    let names = names.as_array().into_iter().flatten();
    let names = names.filter_map(|name| name.as_str().map(str::to_owned));
    names.collect()
}

/// Finds fault with each page of this tour that was not looked at. What other templates name is a part of theirs.
pub(super) fn none(eye: &mut Inspector, tour: Tour) {
    let all = templates();
    let is_part = |name: &str| {
        let quoted = format!("\"{name}\"");
        all.values().any(|text| text.contains(&quoted))
    };
    let pages = all.keys().filter(|name| Tour::of(name) == tour);
    let pages: BTreeSet<_> = pages.filter(|name| !is_part(name)).cloned().collect();
    assert!(!pages.is_empty(), "a tour of nothing");
    for name in pages.difference(&eye.looked_at) {
        let fault = format!("{name}, {}: nobody looks at it", eye.lang);
        eye.faults.push(fault);
    }
}
