//! Puts the bill's twin into its PDF, as Factur-X asks: an associated file of the document (ISO 19005-3,
//! 6.8) that the metadata announces.

use jiff::Timestamp;
use kvit_pdf::{Dict, Document, Object, Stream, Text, Value, dict};

use super::{date, write::deflate};
use crate::{ComposeError, twin::Twin};

/// The name that Factur-X prescribes.
const FILE: &str = "factur-x.xml";
/// Where Typst's metadata lists the schemas that PDF/A does not know.
const SCHEMAS_END: &str = "</rdf:Bag></pdfaExtension:schemas>";
const METADATA_END: &str = "</rdf:RDF>";

/// Declares the four properties below (ISO 19005-3, 6.6.2.3).
const SCHEMA: &str = concat!(
    r#"<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema"#,
    r#"</pdfaSchema:schema><pdfaSchema:namespaceURI>"#,
    r#"urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>"#,
    r#"<pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>PROPERTIES"#,
    r#"</rdf:Seq></pdfaSchema:property></rdf:li>"#,
);
/// In the order in which the exporter describes properties.
const PROPERTY: &str = concat!(
    r#"<rdf:li rdf:parseType="Resource"><pdfaProperty:category>external</pdfaProperty:category>"#,
    r#"<pdfaProperty:description>NAME</pdfaProperty:description>"#,
    r#"<pdfaProperty:name>NAME</pdfaProperty:name>"#,
    r#"<pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"#,
);
const PROPERTIES: [(&str, &str); 4] = [
    ("DocumentType", "INVOICE"),
    ("DocumentFileName", FILE),
    ("Version", "1.0"),
    ("ConformanceLevel", "EN 16931"),
];

/// `changed` is when the twin was made: the bill's time of issue.
pub(super) fn attach(
    document: &mut Document,
    twin: &Twin,
    description: &str,
    changed: Timestamp,
    level: i32,
) -> Result<(), ComposeError> {
    let file = document.add(Stream {
        dict: embedded(twin, &date(changed)),
        content: deflate(twin.bytes(), level)?,
    });
    let specification = document.add(dict! {
        "Type" => "Filespec",
        "F" => Text::literal(FILE),
        "UF" => Text::literal(FILE),
        "Desc" => super::text_string(description),
        "AFRelationship" => "Alternative",
        "EF" => dict! { "F" => file, "UF" => file },
    });
    announce(document)?;
    let names = document.catalog()?.get("Names");
    let mut names = match names.map(|names| document.resolve(names)) {
        Some(Value::Dict(names)) => names.clone(),
        _ => dict! {},
    };
    let files: Vec<Value> = vec![Text::literal(FILE).into(), specification.into()];
    names.set("EmbeddedFiles", dict! { "Names" => files });
    let catalog = document.catalog_mut()?;
    catalog.set("AF", vec![specification]);
    catalog.set("Names", names);
    Ok(())
}

/// What is told of the twin as a file in the file, which is compressed. `changed` is as [`date`] writes it.
fn embedded(twin: &Twin, changed: &str) -> Dict {
    let size = i64::try_from(twin.bytes().len()).unwrap_or(i64::MAX);
    dict! {
        "Type" => "EmbeddedFile",
        "Subtype" => "text/xml",
        "Filter" => "FlateDecode",
        "Params" => dict! {
            "Size" => size,
            "ModDate" => Text::literal(changed),
        },
    }
}

/// The same as bytes, without a tree of values: a million bills pass here.
pub(crate) fn embedded_written(twin: &Twin, changed: &str) -> String {
    format!(
        "<</Type/EmbeddedFile/Subtype/text#2Fxml/Filter/FlateDecode/Params<</Size {}/ModDate({changed})>>>>",
        twin.bytes().len()
    )
}

/// Writes into the metadata what the twin is.
fn announce(document: &mut Document) -> Result<(), ComposeError> {
    let id = document.catalog()?.reference("Metadata");
    let object = id.and_then(|id| document.objects.get_mut(&id));
    let Some(Object::Stream(stream)) = object else {
        return Err(super::missing("metadata"));
    };
    let text = std::str::from_utf8(&stream.content)
        .map_err(|_| ComposeError::Field("its metadata is not plain text".to_owned()))?;
    let (before, after) = text
        .split_once(SCHEMAS_END)
        .ok_or_else(|| super::missing("list of schemas in its metadata"))?;
    let (middle, end) = after
        .split_once(METADATA_END)
        .ok_or_else(|| super::missing("end of its metadata"))?;
    let declared: String = PROPERTIES
        .iter()
        .map(|(name, _)| PROPERTY.replace("NAME", name))
        .collect();
    let values: String = PROPERTIES
        .iter()
        .map(|(name, value)| format!("<fx:{name}>{value}</fx:{name}>"))
        .collect();
    let schema = SCHEMA.replace("PROPERTIES", &declared);
    let written = format!(
        "{before}{schema}{SCHEMAS_END}{middle}<rdf:Description rdf:about=\"\" \
         xmlns:fx=\"urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#\">{values}\
         </rdf:Description>{METADATA_END}{end}"
    );
    stream.content = written.into_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use kvit_pdf::Numbers;

    use super::*;

    #[test]
    fn what_is_written_at_once_is_the_dictionary() {
        let (twin, changed) = (Twin::default(), "D:20261101053000Z");
        let tree = embedded(&twin, changed).written(&Numbers::new());
        assert_eq!(embedded_written(&twin, changed).into_bytes(), tree);
    }
}
