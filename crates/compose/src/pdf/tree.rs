//! A structure tree that says what a bill says and nothing of how it was laid out.

use std::collections::BTreeMap;

use kvit_pdf::{Dict, Document, Id, Object, Value};

use crate::ComposeError;

/// What the layout attributes of an element say of its looks and place (ISO 32000-2, 14.8.5.4): the page shows
/// it, and nobody has it read aloud. A drawing's extent stays.
const LOOKS: [&str; 4] = [
    "BorderColor",
    "BorderStyle",
    "BorderThickness",
    "BackgroundColor",
];

/// Takes out of the structure what only placed and coloured.
pub(super) fn thin(document: &mut Document) -> Result<(), ComposeError> {
    for object in document.objects.values_mut() {
        if let Object::Value(Value::Dict(dict)) = object
            && dict.name("Type") == Some(b"StructElem")
        {
            forget_looks(dict);
            name_paragraph(dict);
        }
    }
    unfold_containers(document)?;
    for object in document.objects.values_mut() {
        if let Object::Value(Value::Dict(dict)) = object {
            if dict.name("Type") == Some(b"StructElem") {
                // Optional (ISO 32000-2, table 355), and said of each of two hundred.
                dict.remove("Type");
                // What the heading says, once more.
                dict.remove("T");
                // What differs from one to the next stands together.
                for key in ["S", "ID", "Alt", "A", "K"] {
                    if let Some(value) = dict.remove(key) {
                        dict.set(key, value);
                    }
                }
            }
            // For printers of the last century (14.2).
            dict.remove("ProcSet");
        }
    }
    Ok(())
}

fn forget_looks(element: &mut Dict) {
    let is_drawing = element.name("S") == Some(b"Figure");
    let Some(Value::Array(attributes)) = element.get_mut("A") else {
        return;
    };
    attributes.retain_mut(|attribute| {
        let Value::Dict(attribute) = attribute else {
            return true;
        };
        LOOKS.iter().for_each(|key| {
            attribute.remove(key);
        });
        match attribute.get_mut("BBox") {
            Some(Value::Array(edges)) if is_drawing => edges.iter_mut().for_each(to_a_point),
            _ => drop(attribute.remove("BBox")),
        }
        if attribute.array("Headers").is_some_and(<[_]>::is_empty) {
            attribute.remove("Headers");
        }
        // More than whose attributes they are.
        attribute.iter().count() > 1
    });
    if attributes.is_empty() {
        element.remove("A");
    }
}

/// How far a drawing reaches is for programs that move it elsewhere: a point more or less is nothing to them.
fn to_a_point(edge: &mut Value) {
    if let Value::Real(exact) = edge {
        *edge = Value::Integer(exact.round() as i64);
    }
}

/// Lines that stand by themselves are a paragraph. The engine tells them as a phrase that is placed like one.
fn name_paragraph(element: &mut Dict) {
    let is_block = |attribute: &Value| match attribute {
        Value::Dict(attribute) => {
            attribute.name("Placement") == Some(b"Block") && attribute.iter().count() == 2
        }
        _ => false,
    };
    if element.name("S") == Some(b"Span")
        && let Some([only]) = element.array("A")
        && is_block(only)
    {
        element.set("S", Value::Name(b"P".to_vec()));
        element.remove("A");
    }
}

/// Takes the containers out that only served to place what is in them: a `Div` that has no attribute, no
/// mark on a page and no other meaning (ISO 32000-2, table 333). What they held stands where they stood.
fn unfold_containers(document: &mut Document) -> Result<(), ComposeError> {
    let is_element = |dict: &Dict| dict.name("Type") == Some(b"StructElem");
    let held = |dict: &Dict| match dict.get("K") {
        Some(Value::Array(children)) => children.clone(),
        child => child.into_iter().cloned().collect(),
    };
    let mut containers = BTreeMap::new();
    for (id, object) in &document.objects {
        let Object::Value(Value::Dict(dict)) = object else {
            continue;
        };
        let is_bare = dict
            .iter()
            .all(|(key, _)| matches!(key, b"Type" | b"S" | b"P" | b"K"));
        let is_div = dict.name("S") == Some(b"Div");
        let children = held(dict);
        let only_holds = children.iter().all(|child| child.as_reference().is_some());
        if is_element(dict) && is_div && is_bare && only_holds {
            containers.insert(*id, children);
        }
    }
    let mut parents = Vec::new();
    for (id, object) in &mut document.objects {
        let Object::Value(Value::Dict(dict)) = object else {
            continue;
        };
        let is_root = dict.name("Type") == Some(b"StructTreeRoot");
        if containers.contains_key(id) || !(is_root || is_element(dict)) {
            continue;
        }
        let before = held(dict);
        let mut children = Vec::with_capacity(before.len());
        for child in before {
            unfold(child, &containers, &mut children);
        }
        let own = children.iter().filter_map(Value::as_reference);
        parents.extend(own.map(|child| (child, *id)));
        dict.set("K", children);
    }
    for (child, parent) in parents {
        if let Ok(dict) = document.dict_mut(child)
            && is_element(dict)
        {
            dict.set("P", parent);
        }
    }
    document
        .objects
        .retain(|id, _| !containers.contains_key(id));
    Ok(())
}

/// What stands for a child once containers are gone.
fn unfold(child: Value, containers: &BTreeMap<Id, Vec<Value>>, out: &mut Vec<Value>) {
    match child.as_reference().and_then(|id| containers.get(&id)) {
        Some(inner) => {
            for child in inner.clone() {
                unfold(child, containers, out);
            }
        }
        None => out.push(child),
    }
}
