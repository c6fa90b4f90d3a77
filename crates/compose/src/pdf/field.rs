//! Adds the empty, invisible signature field of a certification signature that allows no changes
//! (ISO 32000-2, 12.7.5.5 and 12.8.2.2) to an exported PDF, in the form that PDF/A-3 and PDF/UA-1 ask
//! for: zero rectangle, described, inside a Form structure element.

use lopdf::{Document, Object, ObjectId, dictionary};

use super::{missing, text_string};
use crate::ComposeError;

/// Adds the field, whose value will be the object `signature`; `tooltip` is what assistive technology
/// calls it.
pub(super) fn add(
    document: &mut Document,
    tooltip: &str,
    signature: ObjectId,
) -> Result<(), ComposeError> {
    let first_page = document.page_iter().next();
    let page_id = first_page.ok_or_else(|| missing("page"))?;
    let widget = document.new_object_id();
    let key = tag(document, page_id, widget, tooltip)?;
    document.objects.insert(
        widget,
        Object::Dictionary(dictionary! {
            "Type" => "Annot",
            "Subtype" => "Widget",
            "FT" => "Sig",
            "T" => Object::string_literal("Seal"),
            "TU" => text_string(tooltip),
            // Print and Locked, never Hidden (ISO 19005-3, 6.3.2).
            "F" => 132,
            "Rect" => vec![Object::Integer(0); 4],
            "P" => page_id,
            "StructParent" => key,
            "V" => signature,
        }),
    );
    let page = document.get_dictionary_mut(page_id)?;
    let mut annotations = match page.get(b"Annots") {
        Ok(Object::Array(annotations)) => annotations.clone(),
        _ => Vec::new(),
    };
    annotations.push(widget.into());
    page.set("Annots", annotations);
    // Tab order follows the structure (ISO 14289-1, 7.18.3).
    page.set("Tabs", "S");

    let catalog = document.catalog_mut()?;
    let fields: Vec<Object> = vec![widget.into()];
    // SignaturesExist and AppendOnly.
    let form = dictionary! { "Fields" => fields, "SigFlags" => 3 };
    catalog.set("AcroForm", form);
    catalog.set("Perms", dictionary! { "DocMDP" => signature });
    Ok(())
}

/// Puts the widget into the structure tree, at its end, and gives its key in the parent tree.
fn tag(
    document: &mut Document,
    page: ObjectId,
    widget: ObjectId,
    tooltip: &str,
) -> Result<i64, ComposeError> {
    let root = document.catalog()?.get(b"StructTreeRoot")?.as_reference()?;
    let whole = match document.get_dictionary(root)?.get(b"K")? {
        Object::Array(children) => match children.first() {
            Some(child) => child.as_reference()?,
            None => return Err(missing("structure element")),
        },
        child => child.as_reference()?,
    };
    let element = document.add_object(dictionary! {
        "Type" => "StructElem",
        "S" => "Form",
        "P" => whole,
        "Pg" => page,
        "Alt" => text_string(tooltip),
        "K" => dictionary! { "Type" => "OBJR", "Obj" => widget, "Pg" => page },
    });
    let whole = document.get_dictionary_mut(whole)?;
    let mut children = match whole.get(b"K") {
        Ok(Object::Array(children)) => children.clone(),
        Ok(child) => vec![child.clone()],
        Err(_) => Vec::new(),
    };
    children.push(element.into());
    whole.set("K", children);

    let root = document.get_dictionary_mut(root)?;
    let tree = root.get_mut(b"ParentTree")?;
    let Object::Dictionary(tree) = tree else {
        return Err(missing("parent tree in its structure tree root"));
    };
    let Object::Array(numbers) = tree.get_mut(b"Nums")? else {
        return Err(missing("numbers in its parent tree"));
    };
    let last = numbers.len().checked_sub(2).and_then(|at| numbers.get(at));
    let key = last.map_or(Ok(0), |key| key.as_i64().map(|key| key + 1))?;
    numbers.push(key.into());
    numbers.push(element.into());
    root.set("ParentTreeNextKey", key + 1);
    Ok(key)
}
