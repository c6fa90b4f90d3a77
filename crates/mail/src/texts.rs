//! The sentences of mails, in each language (Fluent).

use std::borrow::Cow;

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use kvit_billing::Language;

use crate::MailError;

/// The sentences of mails that come with Kvit, as a Fluent file.
#[must_use]
pub const fn builtin(language: Language) -> &'static str {
    match language {
        Language::Bg => include_str!("../texts/bg.ftl"),
        Language::En => include_str!("../texts/en.ftl"),
    }
}

pub(crate) struct Texts(FluentBundle<FluentResource>);

impl Texts {
    /// The texts that come with Kvit, and over them those of `overrides`, which may be a few only.
    pub(crate) fn new(language: Language, overrides: Option<&str>) -> Result<Self, MailError> {
        let builtin = builtin(language);
        let tag = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        bundle.set_use_isolating(false);
        for text in std::iter::once(builtin).chain(overrides) {
            let resource = FluentResource::try_new(text.to_owned()).map_err(|(_, errors)| {
                let what = errors.first().map(ToString::to_string).unwrap_or_default();
                MailError::Texts {
                    file: format!("{}.ftl", language.tag()),
                    what,
                }
            })?;
            bundle.add_resource_overriding(resource);
        }
        Ok(Self(bundle))
    }

    /// The text named `key`, or `None` where there is none or a value that it needs is missing.
    pub(crate) fn get(&self, key: &str, args: &[(&str, String)]) -> Option<String> {
        let pattern = self.0.get_message(key)?.value()?;
        let mut values = FluentArgs::new();
        for (name, value) in args {
            values.set(Cow::Borrowed(*name), value.as_str());
        }
        let mut errors = Vec::new();
        let text = self
            .0
            .format_pattern(pattern, Some(&values), &mut errors)
            .into_owned();
        errors.is_empty().then_some(text)
    }
}
