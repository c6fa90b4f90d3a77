//! The page of the parts of pages shows the style sheets as they are.

use std::{collections::BTreeSet, fs, path::Path};

use kvit_billing::Role;

use super::{URL, common::World};

const SHEETS: [&str; 2] = [
    include_str!("../../assets/app.css"),
    include_str!("../../assets/staff.css"),
];

/// The classes that a style sheet names.
fn named(css: &str) -> BTreeSet<&str> {
    // What stands in braces within braces is a declaration, or a rule for some screens or paper.
    let selectors = css.split(['{', '}']).filter(|part| !part.contains(';'));
    let selectors = selectors.filter(|part| !part.contains("url("));
    let classes = selectors.flat_map(|part| {
        let comment = part.rsplit("*/").next().unwrap_or(part);
        comment.split('.').skip(1)
    });
    let classes = classes.map(|class| {
        let end = class.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        &class[..end.unwrap_or(class.len())]
    });
    classes
        .filter(|class| class.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

/// The classes that a page or a template has.
fn shown(html: &str) -> BTreeSet<&str> {
    let lists = html.split("class=\"").skip(1);
    let lists = lists.filter_map(|rest| rest.split('"').next());
    lists.flat_map(str::split_whitespace).collect()
}

#[tokio::test]
async fn every_class_of_the_style_sheets_is_on_the_page_of_parts() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Administrator).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let page = ana.get("/staff/components").await.body;
    let classes: BTreeSet<_> = SHEETS.into_iter().flat_map(named).collect();
    assert!(classes.len() > 110, "{}", classes.len());
    let shown = shown(&page);
    let missing: Vec<_> = classes.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for token in ["--ink", "--s6", "--action-hover", "--touch"] {
        assert!(page.contains(token), "{token}");
    }
    // Whatever the device prefers.
    let dark = ana
        .get("/staff/components?scheme=dark&place=portal")
        .await
        .body;
    assert!(dark.contains("<body class=\" dark\">"), "{dark}");
    let odd = ana
        .get("/staff/components?scheme=%22%3E&place=x")
        .await
        .body;
    assert!(odd.contains("<body class=\"console\">"), "{odd}");
}

#[test]
fn every_class_is_used_by_another_page() {
    let mut templates = Vec::new();
    for folder in ["templates", "templates/staff"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in fs::read_dir(folder).expect("templates") {
            let path = entry.expect("an entry").path();
            if path.is_file() && !path.ends_with("components.html") {
                templates.push(fs::read_to_string(path).expect("text"));
            }
        }
    }
    let all = templates.join(" ");
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let words: BTreeSet<_> = all.split(word).collect();
    let classes: BTreeSet<_> = SHEETS.into_iter().flat_map(named).collect();
    // States, which the pages get from the store.
    let states = ["declined", "issued", "rejected", "reversed", "settled"];
    let unused = classes.iter().filter(|class| !words.contains(*class));
    let unused: Vec<_> = unused.filter(|class| !states.contains(class)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}
