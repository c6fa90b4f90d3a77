//! Adds the empty, invisible signature field of a certification signature that allows no changes
//! (ISO 32000-2, 12.7.5.5 and 12.8.2.2) to an exported PDF, in the form that PDF/A-3 and PDF/UA-1 ask
//! for: zero rectangle, described, inside a Form structure element.

use kvit_pdf::{Document, Id, Text, Value, dict};

use super::{missing, text_string};
use crate::ComposeError;

/// Adds the field, whose value will be the object `signature`; `tooltip` is what assistive technology
/// calls it.
pub(super) fn add(
    document: &mut Document,
    tooltip: &str,
    signature: Id,
) -> Result<(), ComposeError> {
    let pages = document.pages()?;
    let page_id = *pages.first().ok_or_else(|| missing("page"))?;
    let widget = document.reserve();
    let key = tag(document, page_id, widget, tooltip)?;
    let field = dict! {
        "Type" => "Annot",
        "Subtype" => "Widget",
        "FT" => "Sig",
        "T" => Text::literal("Seal"),
        "TU" => text_string(tooltip),
        // Print and Locked, never Hidden (ISO 19005-3, 6.3.2).
        "F" => 132,
        "Rect" => vec![0; 4],
        "P" => page_id,
        "StructParent" => key,
        "V" => signature,
    };
    document.objects.insert(widget, field.into());
    let page = document.dict_mut(page_id)?;
    let mut annotations = page.array("Annots").unwrap_or_default().to_vec();
    annotations.push(widget.into());
    page.set("Annots", annotations);
    // Tab order follows the structure (ISO 14289-1, 7.18.3).
    page.set("Tabs", "S");

    let catalog = document.catalog_mut()?;
    // SignaturesExist and AppendOnly.
    let form = dict! { "Fields" => vec![widget], "SigFlags" => 3 };
    catalog.set("AcroForm", form);
    catalog.set("Perms", dict! { "DocMDP" => signature });
    Ok(())
}

/// Puts the widget into the structure tree, at its end, and gives its key in the parent tree.
fn tag(document: &mut Document, page: Id, widget: Id, tooltip: &str) -> Result<i64, ComposeError> {
    let root = document.catalog()?.reference("StructTreeRoot");
    let root = root.ok_or_else(|| missing("structure tree"))?;
    let whole = match document.dict(root)?.get("K") {
        Some(Value::Array(children)) => children.first(),
        child => child,
    };
    let whole = whole.and_then(Value::as_reference);
    let whole = whole.ok_or_else(|| missing("structure element"))?;
    let element = document.add(dict! {
        "Type" => "StructElem",
        "S" => "Form",
        "P" => whole,
        "Pg" => page,
        "Alt" => text_string(tooltip),
        "K" => dict! { "Type" => "OBJR", "Obj" => widget, "Pg" => page },
    });
    let whole = document.dict_mut(whole)?;
    let mut children = match whole.get("K") {
        Some(Value::Array(children)) => children.clone(),
        child => child.into_iter().cloned().collect(),
    };
    children.push(element.into());
    whole.set("K", children);

    let root = document.dict_mut(root)?;
    let Some(Value::Dict(tree)) = root.get_mut("ParentTree") else {
        return Err(missing("parent tree in its structure tree root"));
    };
    let Some(Value::Array(numbers)) = tree.get_mut("Nums") else {
        return Err(missing("numbers in its parent tree"));
    };
    let key = match numbers.as_slice() {
        [] => 0,
        [.., Value::Integer(last), _] => last + 1,
        _ => return Err(missing("keys in its parent tree")),
    };
    numbers.push(key.into());
    numbers.push(element.into());
    // For programs that add to the tree, which a sealed bill allows none to do.
    root.remove("ParentTreeNextKey");
    Ok(key)
}
