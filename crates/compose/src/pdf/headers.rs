//! Which headers a cell of a table has (ISO 14289-1, 7.5). Where one row of headers stands above everything, each
//! says that it is its column's (`Scope`), and that is all a reader needs. Where a header in between begins a section,
//! each cell names its column's header and its section's: the engine names the section's alone, and all columns
//! for that.

use std::collections::{BTreeMap, BTreeSet};

use kvit_pdf::{Dict, Document, Id, Object, Value};

use crate::ComposeError;

/// Takes lists of headers, and the names that they need, out of tables that are told without them, and names each
/// cell's own in tables with sections.
pub(super) fn tell(document: &mut Document) -> Result<(), ComposeError> {
    let elements: BTreeMap<Id, &Dict> = document
        .objects
        .iter()
        .filter_map(|(id, object)| match object {
            Object::Value(Value::Dict(dict)) => Some((*id, dict)),
            _ => None,
        })
        .collect();
    let is = |id: &Id, kind: &[u8]| elements.get(id).and_then(|dict| dict.name("S")) == Some(kind);
    let children = |id: &Id| -> Vec<Id> {
        match elements.get(id).and_then(|dict| dict.get("K")) {
            Some(Value::Array(children)) => {
                children.iter().filter_map(Value::as_reference).collect()
            }
            child => child.and_then(Value::as_reference).into_iter().collect(),
        }
    };
    let mut told = BTreeSet::new();
    let mut lists = Vec::new();
    for table in elements.keys().filter(|id| is(id, b"Table")) {
        let parts = children(table);
        let rows = |kind: &'static [u8]| {
            let parts = parts.iter().filter(move |part| is(part, kind));
            parts.flat_map(children).collect::<Vec<_>>()
        };
        let cells = |rows: &[Id]| rows.iter().flat_map(children).collect::<Vec<_>>();
        let (head, body) = (rows(b"THead"), cells(&rows(b"TBody")));
        let columns = cells(&head);
        let is_plain = head.len() == 1
            && parts
                .iter()
                .all(|part| is(part, b"THead") || is(part, b"TBody"))
            && columns.iter().all(|cell| is(cell, b"TH"))
            && columns
                .iter()
                .all(|cell| elements.get(cell).is_some_and(|cell| is_of_a_column(cell)))
            && body.iter().all(|cell| is(cell, b"TD"));
        if is_plain {
            told.extend(columns.into_iter().chain(body));
            continue;
        }
        let rows: Vec<Vec<Id>> = parts
            .iter()
            .flat_map(children)
            .map(|row| children(&row))
            .collect();
        let found = sectioned(&rows, &elements);
        lists.extend(found.into_iter().flatten());
    }
    let mut names = BTreeSet::new();
    for id in told {
        let cell = document.dict_mut(id)?;
        if let Some(Value::Text(name)) = cell.remove("ID") {
            names.insert(name.bytes);
        }
        set_headers(cell, Vec::new());
    }
    for (id, headers) in lists {
        set_headers(document.dict_mut(id)?, headers);
    }
    forget(document, &names)
}

/// Each cell below the first row with the names of its headers, in a table of columns and sections; nothing for one
/// that is built otherwise.
fn sectioned(rows: &[Vec<Id>], elements: &BTreeMap<Id, &Dict>) -> Option<Vec<(Id, Vec<Value>)>> {
    let (columns, others) = rows.split_first()?;
    let is = |id: &Id, kind: &[u8]| elements.get(id)?.name("S").map(|found| found == kind);
    let name = |id: &Id| elements.get(id)?.get("ID").cloned();
    let columns: Vec<Value> = columns.iter().map(name).collect::<Option<_>>()?;
    let (mut lists, mut section) = (Vec::new(), None);
    for row in others {
        match row.as_slice() {
            [header] if is(header, b"TH")? => {
                section = Some(name(header)?);
                lists.push((*header, Vec::new()));
            }
            cells if cells.len() == columns.len() => {
                for (cell, column) in cells.iter().zip(&columns) {
                    if !is(cell, b"TD")? {
                        return None;
                    }
                    lists.push((
                        *cell,
                        [Some(column.clone()), section.clone()]
                            .into_iter()
                            .flatten()
                            .collect(),
                    ));
                }
            }
            _ => return None,
        }
    }
    Some(lists)
}

/// Names the headers of a cell; no list is left where there are none.
fn set_headers(cell: &mut Dict, headers: Vec<Value>) {
    let Some(Value::Array(attributes)) = cell.get_mut("A") else {
        return;
    };
    for attribute in attributes.iter_mut() {
        if let Value::Dict(attribute) = attribute
            && attribute.get("Headers").is_some()
        {
            attribute.remove("Headers");
            if !headers.is_empty() {
                attribute.set("Headers", Value::Array(headers.clone()));
            }
        }
    }
}

fn is_of_a_column(cell: &Dict) -> bool {
    let attributes = cell.array("A").unwrap_or_default();
    attributes.iter().any(
        |attribute| matches!(attribute, Value::Dict(dict) if dict.name("Scope") == Some(b"Column")),
    )
}

/// Takes names of elements out of the tree of names, and the tree where none is left.
fn forget(document: &mut Document, gone: &BTreeSet<Vec<u8>>) -> Result<(), ComposeError> {
    let Some(root) = document.catalog()?.reference("StructTreeRoot") else {
        return Ok(());
    };
    let root = document.dict_mut(root)?;
    let Some(Value::Dict(tree)) = root.get_mut("IDTree") else {
        return Ok(());
    };
    let Some(Value::Array(names)) = tree.get_mut("Names") else {
        return Ok(());
    };
    let kept: Vec<Value> = names
        .chunks(2)
        .filter(|pair| !matches!(&pair[0], Value::Text(name) if gone.contains(&name.bytes)))
        .flatten()
        .cloned()
        .collect();
    if kept.is_empty() {
        root.remove("IDTree");
    } else {
        *names = kept;
    }
    Ok(())
}
