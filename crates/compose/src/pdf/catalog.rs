//! A catalog without what readers take for granted.

use std::collections::BTreeSet;

use kvit_pdf::{Document, Object, Value};

use crate::ComposeError;

/// Takes out what is said by default, and roles that no element has.
pub(super) fn thin(document: &mut Document) -> Result<(), ComposeError> {
    let dicts = || {
        let values = document.objects.values();
        values.filter_map(|object| match object {
            Object::Value(Value::Dict(dict)) => Some(dict),
            _ => None,
        })
    };
    let roles: BTreeSet<Vec<u8>> = dicts()
        .filter_map(|dict| Some(dict.name("S")?.to_vec()))
        .collect();
    let intents: Vec<_> = document
        .objects
        .iter()
        .filter_map(|(id, object)| match object {
            Object::Value(Value::Dict(dict)) if dict.name("Type") == Some(b"OutputIntent") => {
                Some(*id)
            }
            _ => None,
        })
        .collect();
    for intent in intents {
        let intent = document.dict_mut(intent)?;
        intent.remove("RegistryName");
        intent.remove("OutputCondition");
    }
    let catalog = document.catalog_mut()?;
    let root = catalog.reference("StructTreeRoot");
    if let Some(Value::Dict(marks)) = catalog.get_mut("MarkInfo") {
        marks.remove("Suspects");
    }
    if let Some(Value::Dict(preferences)) = catalog.get_mut("ViewerPreferences") {
        preferences.remove("Direction");
    }
    if let Some(root) = root
        && let Some(Value::Dict(map)) = document.dict_mut(root)?.get_mut("RoleMap")
    {
        let names: Vec<String> = map
            .iter()
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect();
        for name in names.iter().filter(|name| !roles.contains(name.as_bytes())) {
            map.remove(name);
        }
    }
    Ok(())
}
