//! The document's metadata (XMP; ISO 16684-1) without what nobody reads.

use kvit_pdf::{Document, Object};

use super::missing;
use crate::ComposeError;

/// How the export came about, which says nothing of the bill, a class of copies that a tax document is none of, names
/// that the trailer's `/ID` gives already, and what every reader sees of the file without being told.
const DROPPED: [(&str, &str); 8] = [
    ("<xmpMM:History>", "</xmpMM:History>"),
    ("<xmpMM:RenditionClass>", "</xmpMM:RenditionClass>"),
    ("<xmpMM:InstanceID>", "</xmpMM:InstanceID>"),
    ("<xmpMM:DocumentID>", "</xmpMM:DocumentID>"),
    ("<xmpTPg:NPages>", "</xmpTPg:NPages>"),
    ("<pdf:PDFVersion>", "</pdf:PDFVersion>"),
    ("<dc:format>", "</dc:format>"),
    (" x:xmptk=\"", "\""),
];
const SCHEMA: &str = "<rdf:li rdf:parseType=\"Resource\"><pdfaSchema:schema>";
const SCHEMA_END: &str = "</rdf:Seq></pdfaSchema:property></rdf:li>";
/// Schemas that need no description in the file, as XMP defines them (ISO 19005-3, 6.6.2.3.1).
const PREDEFINED: [&str; 2] = [
    ">http://ns.adobe.com/xap/1.0/mm/<",
    ">http://ns.adobe.com/pdf/1.3/<",
];
const NAMESPACE: &str = " xmlns:";

/// Takes out what is known without being told.
pub(super) fn thin(document: &mut Document) -> Result<(), ComposeError> {
    let id = document.catalog()?.reference("Metadata");
    let object = id.and_then(|id| document.objects.get_mut(&id));
    let Some(Object::Stream(stream)) = object else {
        return Err(missing("metadata"));
    };
    if let Ok(packet) = std::str::from_utf8(&stream.content) {
        stream.content = lean(packet).into_bytes();
    }
    Ok(())
}

fn lean(packet: &str) -> String {
    let mut packet = packet.to_owned();
    for (begin, end) in DROPPED {
        packet = without(&packet, begin, end, |_| true);
    }
    packet = without(&packet, SCHEMA, SCHEMA_END, |schema| {
        PREDEFINED.iter().any(|name| schema.contains(name))
    });
    let mut parts = packet.split(NAMESPACE);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (prefix, rest) = part.split_once('=').unwrap_or((part, ""));
        if packet.contains(&format!("<{prefix}:")) || packet.contains(&format!(" {prefix}:")) {
            kept.truncate(kept.trim_end().len());
            kept.push_str(NAMESPACE);
            kept.push_str(part);
        } else if let Some((_, behind)) = rest
            .strip_prefix('"')
            .and_then(|rest| rest.split_once('"'))
            .filter(|_| prefix.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        {
            kept.push_str(behind);
        } else {
            kept.push_str(NAMESPACE);
            kept.push_str(part);
        }
    }
    kept
}

/// The text without the stretches from `begin` to `end` that `is_dropped` says of.
fn without(text: &str, begin: &str, end: &str, is_dropped: impl Fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(begin) {
        let behind = at + begin.len();
        let Some(to) = rest[behind..].find(end).map(|to| behind + to + end.len()) else {
            break;
        };
        kept.push_str(&rest[..at]);
        if !is_dropped(&rest[at..to]) {
            kept.push_str(&rest[at..to]);
        }
        rest = &rest[to..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays() {
        let packet = "<x x:xmptk=\"xmp-writer\"><rdf:RDF xmlns:rdf=\"r\"><rdf:Description  xmlns:a=\"1\"  xmlns:b=\"2\" >\
            <a:x>1</a:x><xmpMM:History>x</xmpMM:History></rdf:Description></rdf:RDF>";
        assert_eq!(
            lean(packet),
            "<x><rdf:RDF xmlns:rdf=\"r\"><rdf:Description xmlns:a=\"1\"  ><a:x>1</a:x></rdf:Description></rdf:RDF>"
        );
    }
}
