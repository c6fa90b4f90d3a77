//! A layout that tells where it decides by what a bill's data says. Its files are written anew with each comparison,
//! look into a text, and the like in a function of `watch.typ`, which panics where the value of a probe comes to it,
//! by whatever way. A form cannot know such a decision: probes and one bill may all decide alike.

use std::collections::HashMap;

use kvit_billing::no_form::{Place, Why};
use typst::syntax::{FileId, LinkedNode, Source, SyntaxKind, ast};

use crate::{
    ComposeError, Diagnostic,
    forms::{
        form::Part,
        probe::MARK,
        refusal::{Found, in_words},
    },
};

/// Absolute, so that files in folders find it too. No file of a layout may have this name.
pub(crate) const MODULE: &str = "kvit-watch.typ";
const WORDS: &str = include_str!("watch.typ");
/// Begins what the functions say when they panic.
const TOLD: &str = "kvit-watch:";

/// Methods of texts that say something of them.
const ASKING: [&str; 8] = [
    "contains",
    "ends-with",
    "find",
    "len",
    "match",
    "matches",
    "position",
    "starts-with",
];
/// Methods of texts that give a part of them, or another text.
const PARTING: [&str; 10] = [
    "at",
    "clusters",
    "codepoints",
    "first",
    "last",
    "normalize",
    "rev",
    "slice",
    "split",
    "trim",
];
/// Methods of lists that compare what is in them.
const ORDERING: [&str; 2] = ["dedup", "sorted"];
/// Methods that compare what they are given, too.
const COMPARING: [&str; 13] = [
    "at",
    "contains",
    "ends-with",
    "eq",
    "find",
    "insert",
    "match",
    "matches",
    "ne",
    "position",
    "remove",
    "split",
    "starts-with",
];
/// Methods that change what they are called on, which has to stay a variable.
const CHANGING: [&str; 4] = ["insert", "pop", "push", "remove"];
/// Functions for which it matters what a text says, or how wide it is.
const READING: [&str; 3] = ["eval", "measure", "regex"];

/// The files of a layout, watched.
pub(crate) struct Watched {
    pub(crate) sources: HashMap<FileId, Source>,
    sites: Vec<Site>,
}

/// An operation of a layout.
struct Site {
    place: Place,
    why: Why,
}

impl Watched {
    pub(crate) fn new(sources: &HashMap<FileId, Source>) -> Self {
        let mut writer = Writer::default();
        let mut written = HashMap::new();
        for (id, source) in sources {
            writer.file = id.vpath().get_without_slash().to_owned();
            let text = writer.written(source, &LinkedNode::new(source.root()), false);
            let text = format!("#import \"/{MODULE}\"\n{text}");
            written.insert(*id, Source::new(*id, text));
        }
        Self {
            sources: written,
            sites: writer.sites,
        }
    }

    /// What an export failed of, if it is a decision: its site, and what it is for whoever changes the layout.
    pub(crate) fn decision(&self, error: &ComposeError) -> Option<(usize, Found)> {
        let ComposeError::Layout(faults) = error else {
            return None;
        };
        faults.iter().find_map(|fault| self.told(fault))
    }

    fn told(&self, fault: &Diagnostic) -> Option<(usize, Found)> {
        let (_, told) = fault.message.split_once(TOLD)?;
        let mut told = told.split(':');
        let id: usize = told.next()?.parse().ok()?;
        let leaf = told.next()?.parse().ok();
        let Site { place, why } = self.sites.get(id)?;
        let why = match told.next() {
            Some("number") => Why::Drawing,
            _ => *why,
        };
        let shown = leaf.map_or_else(String::new, |leaf| in_words(&[Part::Leaf(leaf)]));
        Some((id, Found::new(why, shown).of(leaf).read_at(place.clone())))
    }
}

/// The file with the functions, for one probe: `shares` are its leaves that are numbers, `off` the sites that may
/// pass.
pub(crate) fn module(id: FileId, shares: &[Option<f64>], off: &[usize]) -> Source {
    let shares = shares.iter().map(|share| match share {
        Some(share) => format!("{share:?}"),
        None => "none".to_owned(),
    });
    let list = |items: Vec<String>| {
        items
            .iter()
            .map(|item| format!("{item},"))
            .collect::<String>()
    };
    let text = format!(
        "#let mark = \"{MARK}\"\n#let shares = ({})\n#let off = ({})\n{WORDS}",
        list(shares.collect()),
        list(off.iter().map(usize::to_string).collect()),
    );
    Source::new(id, text)
}

/// Writes files anew.
#[derive(Default)]
struct Writer {
    file: String,
    sites: Vec<Site>,
}

impl Writer {
    /// The text of a node. What is (in) a place that something is assigned to stays a place.
    fn written(&mut self, source: &Source, node: &LinkedNode<'_>, is_place: bool) -> String {
        match node.kind() {
            SyntaxKind::Binary => self.binary(source, node),
            SyntaxKind::FuncCall => self.call(source, node, is_place),
            SyntaxKind::FieldAccess | SyntaxKind::Parenthesized => {
                self.children(source, node, |_| is_place)
            }
            SyntaxKind::ForLoop => {
                self.wrapped_behind(source, node, SyntaxKind::In, "text", Why::Altered)
            }
            SyntaxKind::ShowRule if node.cast().and_then(ast::ShowRule::selector).is_some() => {
                self.wrapped_behind(source, node, SyntaxKind::Show, "selector", Why::Asks)
            }
            _ => self.children(source, node, |_| false),
        }
    }

    fn children(
        &mut self,
        source: &Source,
        node: &LinkedNode<'_>,
        is_place: impl Fn(usize) -> bool,
    ) -> String {
        let mut text = node.leaf_text().to_string();
        for (at, child) in node.children().enumerate() {
            text.push_str(&self.written(source, &child, is_place(at)));
        }
        text
    }

    /// The beginning of a call that stands for this node.
    fn site(&mut self, source: &Source, node: &LinkedNode<'_>, function: &str, why: Why) -> String {
        let at = source.lines().byte_to_line_column(node.offset());
        let (line, column) = at.unwrap_or_default();
        self.sites.push(Site {
            place: Place {
                file: self.file.clone(),
                line: line + 1,
                column: column + 1,
            },
            why,
        });
        format!("kvit-watch.{function}({},", self.sites.len() - 1)
    }

    fn wrapped(
        &mut self,
        source: &Source,
        node: &LinkedNode<'_>,
        function: &str,
        why: Why,
    ) -> String {
        let begin = self.site(source, node, function, why);
        format!("{begin}{})", self.written(source, node, false))
    }

    /// The node with the first expression behind a keyword wrapped.
    fn wrapped_behind(
        &mut self,
        source: &Source,
        node: &LinkedNode<'_>,
        keyword: SyntaxKind,
        function: &str,
        why: Why,
    ) -> String {
        let (mut text, mut is_next) = (String::new(), false);
        for child in node.children() {
            if is_next && is_value(&child) {
                is_next = false;
                text.push_str(&self.wrapped(source, &child, function, why));
                continue;
            }
            is_next |= child.kind() == keyword;
            text.push_str(&self.written(source, &child, false));
        }
        text
    }

    fn binary(&mut self, source: &Source, node: &LinkedNode<'_>) -> String {
        use ast::BinOp;
        let function = match node.cast().map(ast::Binary::op) {
            Some(BinOp::Eq) => "eq",
            Some(BinOp::Neq) => "neq",
            Some(BinOp::Lt) => "lt",
            Some(BinOp::Leq) => "leq",
            Some(BinOp::Gt) => "gt",
            Some(BinOp::Geq) => "geq",
            Some(BinOp::In) => "is-in",
            Some(BinOp::NotIn) => "not-in",
            Some(
                BinOp::Assign
                | BinOp::AddAssign
                | BinOp::SubAssign
                | BinOp::MulAssign
                | BinOp::DivAssign,
            ) => {
                return self.children(source, node, |at| at == 0);
            }
            _ => return self.children(source, node, |_| false),
        };
        let mut text = self.site(source, node, function, Why::Asks);
        for child in node.children() {
            match child.kind() {
                SyntaxKind::Not => {}
                kind if ast::BinOp::from_kind(kind).is_some() => text.push(','),
                _ => text.push_str(&self.written(source, &child, false)),
            }
        }
        text.push(')');
        text
    }

    fn call(&mut self, source: &Source, node: &LinkedNode<'_>, is_place: bool) -> String {
        let mut children = node.children();
        let (Some(callee), Some(args)) = (children.next(), node.children().last()) else {
            return self.children(source, node, |_| false);
        };
        if let Some(name) = callee.cast::<ast::Ident<'_>>() {
            let is_reading = READING.contains(&name.as_str());
            let called = self.written(source, &callee, false);
            return called + &self.args(source, &args, false, |_| is_reading);
        }
        let Some(access) = callee.cast::<ast::FieldAccess<'_>>() else {
            return self.children(source, node, |_| false);
        };
        let (method, target) = (access.field().as_str(), access.target());
        let Some(held) = callee.children().next() else {
            return self.children(source, node, |_| false);
        };
        let is_calc = matches!(target, ast::Expr::Ident(name) if name.as_str() == "calc");
        let is_changed = is_place || CHANGING.contains(&method);
        if method == "replace" && !is_changed {
            let begin = self.site(source, node, "replace", Why::Altered);
            let held = self.written(source, &held, false);
            let args = self.args(source, &args, false, |_| false);
            return format!("{begin}{held},{}", args.trim_start_matches('('));
        }
        let is_ordering = ORDERING.contains(&method);
        let has_key = args.cast::<ast::Args<'_>>().is_some_and(|args| {
            let mut items = args.items();
            items.any(|arg| matches!(arg, ast::Arg::Named(named) if named.name().as_str() == "key"))
        });
        let watched = match method {
            _ if is_changed => None,
            "contains" => Some(("held", Why::Asks)),
            _ if ASKING.contains(&method) => Some(("text", Why::Asks)),
            _ if PARTING.contains(&method) => Some(("text", Why::Altered)),
            _ if is_ordering && !has_key => Some(("held", Why::Asks)),
            _ => None,
        };
        let mut text = match watched {
            Some((function, why)) => self.wrapped(source, &held, function, why),
            None => self.written(source, &held, is_changed),
        };
        for child in callee.children().skip(1) {
            text.push_str(&self.written(source, &child, false));
        }
        let is_first = |at: usize| COMPARING.contains(&method) && (at == 0 || method != "insert");
        text + &self.args(source, &args, is_ordering, |at| is_calc || is_first(at))
    }

    /// Arguments; positional ones that `are_compared` are wrapped, and the function that gives keys to order by.
    fn args(
        &mut self,
        source: &Source,
        args: &LinkedNode<'_>,
        are_ordered: bool,
        are_compared: impl Fn(usize) -> bool,
    ) -> String {
        let (mut text, mut at) = (String::new(), 0);
        for child in args.children() {
            let named = child.cast::<ast::Named<'_>>();
            if are_ordered && named.is_some_and(|named| named.name().as_str() == "key") {
                text.push_str(&self.wrapped_behind(
                    source,
                    &child,
                    SyntaxKind::Colon,
                    "key",
                    Why::Asks,
                ));
                continue;
            }
            // Content may stand behind the brackets.
            let is_positional = child.kind() != SyntaxKind::ContentBlock && is_value(&child);
            if is_positional && are_compared(at) {
                text.push_str(&self.wrapped(source, &child, "value", Why::Asks));
            } else {
                text.push_str(&self.written(source, &child, false));
            }
            at += usize::from(is_positional);
        }
        text
    }
}

/// Whether it is an expression and no space, which the syntax calls one too.
fn is_value(node: &LinkedNode<'_>) -> bool {
    !node.kind().is_trivia() && node.cast::<ast::Expr<'_>>().is_some()
}

#[cfg(test)]
mod tests {
    use typst::foundations::{NativeType, Str};

    use super::{ASKING, PARTING};

    /// Watched by a function of its own; and those that take one letter, so that no probe comes through.
    const OTHERS: [&str; 3] = ["replace", "from-unicode", "to-unicode"];

    #[test]
    fn every_method_of_a_text_is_watched() {
        let scope = Str::ty().scope();
        let unknown = scope.iter().map(|(name, _)| name.as_str()).filter(|name| {
            let known = [&ASKING[..], &PARTING, &OTHERS];
            !known.iter().any(|names| names.contains(name))
        });
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}
