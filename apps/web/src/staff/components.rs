//! The design system as it really is, for those who change pages: tokens, type scale and parts, read from the
//! style sheet that is served and shown with its own classes.

use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use minijinja::{Value, context};
use serde::Deserialize;

use super::{door::Officer, render};
use crate::{App, failure::Failure, front::Visitor};

const LIGHT: &str = "\n:root{";
const DARK: &str = "\n@media (prefers-color-scheme:dark){:root{";

/// A custom property of the style sheet.
pub(crate) struct Token {
    /// Without its dashes.
    pub(crate) name: String,
    light: String,
    /// Where it is another in the dark.
    dark: Option<String>,
}

/// The custom properties that `css` sets, in its order.
pub(crate) fn tokens(css: &str) -> Vec<Token> {
    // A block may be the first of its file.
    let css = format!("\n{css}");
    let dark: Vec<_> = declared(&css, DARK).collect();
    let light = declared(&css, LIGHT);
    let found = light.map(|(name, value)| {
        let dark = dark.iter().find(|(dark, _)| *dark == name);
        Token {
            name: name.to_owned(),
            light: value.to_owned(),
            dark: dark.map(|(_, value)| (*value).to_owned()),
        }
    });
    found.collect()
}

fn declared<'a>(css: &'a str, mark: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let blocks = css.split(mark).skip(1);
    let blocks = blocks.filter_map(|rest| rest.split('}').next());
    let lines = blocks.flat_map(|block| block.split(';'));
    lines.filter_map(|line| line.trim().strip_prefix("--")?.split_once(':'))
}

/// A style sheet by which a page is light or dark whatever the device prefers.
pub(crate) fn schemes(tokens: &[Token]) -> String {
    let all = |value: fn(&Token) -> &str| -> String {
        let lines = tokens.iter();
        let lines = lines.map(|token| format!("--{}:{};", token.name, value(token)));
        lines.collect()
    };
    let light = all(|token| &token.light);
    let dark = all(|token| token.dark.as_ref().unwrap_or(&token.light));
    format!("body.light{{color-scheme:light;{light}}}\nbody.dark{{color-scheme:dark;{dark}}}\n")
}

#[derive(Deserialize)]
pub(crate) struct Seen {
    #[serde(default)]
    scheme: String,
    #[serde(default)]
    place: String,
}

/// Tokens, type scale and parts.
pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(seen): Query<Seen>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let tokens = app.pages.tokens.iter().map(|token| {
        // One that an operator's own style sheet adds has no text.
        let use_of = texts.get(&format!("components-token-{}", token.name), &[]);
        let colour = token.light.starts_with('#');
        // Longer ones are wider than a telephone.
        let bar = token.light.strip_suffix("rem").and_then(|rem| rem.parse().ok());
        let bar = bar.is_some_and(|rem: f32| rem <= 6.0);
        context! { name => &token.name, light => &token.light, dark => &token.dark, colour, bar, use_of }
    });
    let (colours, lengths): (Vec<Value>, Vec<Value>) = tokens.partition(|token| {
        token
            .get_attr("colour")
            .is_ok_and(|colour| colour.is_true())
    });
    let known = |given: &str, all: &[&'static str]| all.iter().copied().find(|one| *one == given);
    let page = context! {
        colours, lengths, scheme => known(&seen.scheme, &["light", "dark"]), place => known(&seen.place, &["portal"]),
    };
    render(
        &app,
        &visitor,
        Some(&officer),
        "staff/components.html",
        page,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_are_those_of_the_style_sheet() {
        let css = include_str!("../../assets/app.css");
        let tokens = tokens(css);
        let value = |name: &str| tokens.iter().find(|token| token.name == name);
        let paper = value("paper").expect("the ground of pages");
        assert_eq!(paper.light, "#faf7f1");
        assert_eq!(paper.dark.as_deref(), Some("#171512"));
        let space = value("s1").expect("a space");
        assert_eq!((space.light.as_str(), &space.dark), (".5rem", &None));
        // Paper and more contrast set them anew, and are neither light nor dark.
        let names: std::collections::BTreeSet<_> = tokens.iter().map(|token| &token.name).collect();
        assert_eq!(names.len(), tokens.len());
        let schemes = schemes(&tokens);
        assert!(
            schemes.contains("body.light{color-scheme:light;--paper:#faf7f1;"),
            "{schemes}"
        );
        assert!(
            schemes.contains("body.dark{color-scheme:dark;--paper:#171512;"),
            "{schemes}"
        );
        assert!(schemes.matches("--s1:.5rem;").count() == 2, "{schemes}");
    }
}
