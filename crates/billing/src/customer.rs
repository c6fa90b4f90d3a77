//! Who gets bills.

use std::fmt;

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::CustomerNumber;

/// The language in which a customer is addressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Bulgarian: the default.
    #[default]
    Bg,
    /// English.
    En,
}

impl Language {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Bg, Self::En];

    /// The BCP 47 tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Bg => "bg",
            Self::En => "en",
        }
    }

    /// The language of a BCP 47 tag such as `en-GB`, if it is one of ours.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next()?.to_ascii_lowercase().as_str() {
            "bg" => Some(Self::Bg),
            "en" => Some(Self::En),
            _ => None,
        }
    }
}

/// A text in Bulgarian and, where there is one, in English. In a run file it may also be a bare
/// string, which then serves both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[schemars(with = "TextForm")]
pub struct Text {
    /// In Bulgarian.
    pub bg: String,
    /// In English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Text {
    /// One text for both languages.
    pub fn same(text: impl Into<String>) -> Self {
        Self {
            bg: text.into(),
            en: None,
        }
    }

    /// A text in both languages.
    pub fn both(bg: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            bg: bg.into(),
            en: Some(en.into()),
        }
    }

    /// The text for a reader of `language`.
    #[must_use]
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Bg => &self.bg,
            Language::En => self.en.as_deref().unwrap_or(&self.bg),
        }
    }
}

/// How a [`Text`] may be written in a file.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the schema generator reads the shape")]
enum TextForm {
    /// One text for both languages.
    Same(String),
    /// A text a language.
    Both(TextBoth),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TextBoth {
    /// In Bulgarian.
    bg: String,
    /// In English; without it the Bulgarian text serves.
    en: Option<String>,
}

/// By hand: an order has some thirty texts, and telling the two forms apart by trying both takes as long as all the
/// rest of it.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with \"bg\" and \"en\"")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::same(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text::same(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
        let TextBoth { bg, en } = Deserialize::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Text { bg, en })
    }
}

/// A postal address (EN 16931 BG-5, BG-8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Street, number, entrance, floor, flat: one or two lines.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Post code.
    #[serde(default)]
    pub postcode: String,
    /// Town or village.
    pub city: String,
    /// ISO 3166-1 alpha-2 country code.
    #[serde(default = "bulgaria")]
    pub country: String,
}

fn bulgaria() -> String {
    "BG".to_owned()
}

/// A party that is billed. Never holds a personal civil number (ЕГН).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The number printed on the bill.
    pub number: CustomerNumber,
    /// Person or company.
    pub name: String,
    /// Where the paper goes.
    pub address: Address,
    /// Company identifier (ЕИК), where the customer is a company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eik: Option<String>,
    /// VAT number with country prefix, where registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_number: Option<String>,
    /// Telephone, as the operator knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The language of bills, mails and pages.
    #[serde(default)]
    pub language: Language,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_in_both_forms_and_in_no_other() {
        let read = |json: &str| serde_json::from_str::<Text>(json);
        assert_eq!(read(r#""а""#).expect("one"), Text::same("а"));
        let both = read(r#"{"bg": "а", "en": "b"}"#).expect("both");
        assert_eq!(both, Text::both("а", "b"));
        assert_eq!(read(r#"{"bg": "а"}"#).expect("one"), Text::same("а"));
        for (json, told) in [
            ("7", "expected a text, or an object with \"bg\" and \"en\""),
            (r#"{"en": "b"}"#, "missing field `bg`"),
            (r#"{"bg": "а", "de": "c"}"#, "unknown field `de`"),
        ] {
            let error = read(json).expect_err(json).to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
