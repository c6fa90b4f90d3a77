//! A catalog without what readers take for granted.

use std::collections::BTreeSet;

use kvit_pdf::{Document, Object, Value};

use crate::ComposeError;

/// Takes out what is said by default, and roles that no element has.
pub(super) fn thin(document: &mut Document) -> Result<(), ComposeError> {
    let mut roles = BTreeSet::new();
    for object in document.objects.values_mut() {
        let Object::Value(Value::Dict(dict)) = object else {
            continue;
        };
        if dict.name("Type") == Some(b"OutputIntent") {
            dict.remove("RegistryName");
            dict.remove("OutputCondition");
        }
        roles.extend(dict.name("S").map(<[u8]>::to_vec));
    }
    let catalog = document.catalog_mut()?;
    if let Some(Value::Dict(marks)) = catalog.get_mut("MarkInfo") {
        marks.remove("Suspects");
    }
    if let Some(Value::Dict(preferences)) = catalog.get_mut("ViewerPreferences") {
        preferences.remove("Direction");
    }
    if let Some(root) = catalog.reference("StructTreeRoot")
        && let Some(Value::Dict(map)) = document.dict_mut(root)?.get_mut("RoleMap")
    {
        let names = map.iter().map(|(name, _)| name.to_vec());
        let gone: Vec<Vec<u8>> = names.filter(|name| !roles.contains(name)).collect();
        for name in gone {
            map.remove(&String::from_utf8_lossy(&name));
        }
    }
    Ok(())
}
