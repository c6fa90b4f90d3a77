//! Whether a Bulgarian page says anything in English.

/// What stands between tags, and is not marked as English.
fn said(page: &str) -> Vec<&str> {
    let (_, main) = page.split_once("<main").expect("a page");
    let (main, _) = main.split_once("</main>").expect("a whole page");
    let parts = main.split('<').filter_map(|part| part.split_once('>'));
    let bulgarian = parts.filter(|(tag, _)| !tag.contains("lang=\"en\""));
    bulgarian.map(|(_, text)| text).collect()
}

/// Without what is quoted: commands, settings, what stands in a file.
fn unquoted(text: &str) -> String {
    let mut rest = text.replace(['„', '“'], "`");
    while let Some((before, behind)) = rest.split_once('`') {
        let behind = behind.split_once('`').map_or("", |(_, behind)| behind);
        rest = format!("{before}…{behind}");
    }
    rest
}

/// Two and more small Latin words in a row: names, codes and paths are none.
pub(crate) fn english_in(page: &str) -> Vec<String> {
    let is_small = |word: &&str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase());
    let mut found = Vec::new();
    for text in said(page).into_iter().map(unquoted) {
        let words: Vec<_> = text
            .split_whitespace()
            .map(|word| word.trim_end_matches(['.', ',', ';', ':']))
            .collect();
        let pairs = words.windows(2).filter(|pair| pair.iter().all(is_small));
        found.extend(pairs.map(|pair| pair.join(" ")));
    }
    found
}

#[test]
fn english_is_found_and_names_are_not() {
    let page = |text: &str| format!("<main><p>{text}</p></main>");
    for fine in [
        "няма сума (Amt), питайте банката",
        "CRDT или DBIT, [pay] accounts в kvit.toml",
        "дайте `kvit layout bring --as NAME`",
        "<span lang=\"en\">no such file</span>",
    ] {
        assert_eq!(english_in(&page(fine)), Vec::<String>::new(), "{fine}");
    }
    assert_eq!(english_in(&page("няма: no amount.")), ["no amount"]);
}
