//! Where a layout's files read a field of the bill, found in their syntax: the value itself remembers no line.

use kvit_billing::no_form::Place;
use typst::syntax::{
    LinkedNode, Source,
    ast::{self, AstNode},
};

use crate::Layout;

/// Reads data for whoever calls it.
pub(crate) const PRELUDE: &str = "prelude.typ";
/// The bill's data, as the prelude calls it.
const BILL: &str = "b";
/// The texts.
const TEXTS: &str = "t";

/// Where a field, named from the top as `customer.name`, is read; the likeliest places alone.
pub(crate) fn of_field(layout: &Layout, name: &str) -> Vec<Place> {
    let mut path = name.rsplit('.');
    let (key, parent) = (path.next().unwrap_or_default(), path.next());
    let mut found: Vec<(u8, Place)> = Vec::new();
    for (file, source) in own(layout) {
        visit(&LinkedNode::new(source.root()), &mut |node| {
            let Some(access) = node.cast::<ast::FieldAccess<'_>>() else {
                return;
            };
            if access.field().as_str() == key
                && let Some(likely) = likely(access.target(), parent)
            {
                found.extend(place(&file, source, node).map(|place| (likely, place)));
            }
        });
    }
    let best = found.iter().map(|(likely, _)| *likely).max();
    let best = found
        .into_iter()
        .filter(|(likely, _)| Some(*likely) == best);
    best.map(|(_, place)| place).collect()
}

/// How likely `target` is the field's parent: it may be a variable that stands for it.
fn likely(target: ast::Expr<'_>, parent: Option<&str>) -> Option<u8> {
    match (target, parent) {
        (ast::Expr::Ident(ident), None) => (ident.as_str() == BILL).then_some(3),
        (ast::Expr::FieldAccess(inner), Some(parent)) => {
            (inner.field().as_str() == parent).then_some(3)
        }
        (ast::Expr::Ident(ident), Some(parent)) => match ident.as_str() {
            BILL | TEXTS => None,
            name if parent.starts_with(name) => Some(2),
            _ => Some(1),
        },
        // Such as `b.points.first().code`.
        (_, Some(_)) => Some(1),
        _ => None,
    }
}

/// Where pages are set up.
pub(crate) fn of_set_page(layout: &Layout) -> Vec<Place> {
    let mut found = Vec::new();
    for (file, source) in own(layout) {
        visit(&LinkedNode::new(source.root()), &mut |node| {
            let rule = node.cast::<ast::SetRule<'_>>();
            if rule.is_some_and(|rule| rule.target().to_untyped().leaf_text() == "page") {
                found.extend(place(&file, source, node));
            }
        });
    }
    found
}

/// Typst files but the prelude, in the order of their names.
fn own(layout: &Layout) -> Vec<(String, &Source)> {
    let all = layout.inner().sources.iter();
    let named = all.map(|(id, source)| (id.vpath().get_without_slash().to_owned(), source));
    let mut own: Vec<_> = named.filter(|(file, _)| file != PRELUDE).collect();
    own.sort_by(|a, b| a.0.cmp(&b.0));
    own
}

fn visit(node: &LinkedNode<'_>, each: &mut impl FnMut(&LinkedNode<'_>)) {
    each(node);
    for child in node.children() {
        visit(&child, each);
    }
}

fn place(file: &str, source: &Source, node: &LinkedNode<'_>) -> Option<Place> {
    let (line, column) = source.lines().byte_to_line_column(node.offset())?;
    Some(Place {
        file: file.to_owned(),
        line: line + 1,
        column: column + 1,
    })
}
