//! The templates and texts that mails are made of.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kvit_billing::Language;
use minijinja::{
    AutoEscape, Environment, ErrorKind, State, UndefinedBehavior,
    value::{Kwargs, Value},
};

use super::MailError;
use crate::texts::Texts;

/// The templates that come with Kvit, by the names under which they can be replaced.
pub(super) const TEMPLATES: [(&str, &str); 28] = [
    ("layout.html", include_str!("../../templates/layout.html")),
    ("access.html", include_str!("../../templates/access.html")),
    ("access.txt", include_str!("../../templates/access.txt")),
    ("alarm.html", include_str!("../../templates/alarm.html")),
    ("alarm.txt", include_str!("../../templates/alarm.txt")),
    ("bill.html", include_str!("../../templates/bill.html")),
    ("bill.txt", include_str!("../../templates/bill.txt")),
    (
        "conceded.html",
        include_str!("../../templates/conceded.html"),
    ),
    ("conceded.txt", include_str!("../../templates/conceded.txt")),
    ("copy.html", include_str!("../../templates/copy.html")),
    ("copy.txt", include_str!("../../templates/copy.txt")),
    (
        "invitation.html",
        include_str!("../../templates/invitation.html"),
    ),
    (
        "invitation.txt",
        include_str!("../../templates/invitation.txt"),
    ),
    ("debit.html", include_str!("../../templates/debit.html")),
    ("debit.txt", include_str!("../../templates/debit.txt")),
    ("payment.html", include_str!("../../templates/payment.html")),
    ("payment.txt", include_str!("../../templates/payment.txt")),
    ("proof.html", include_str!("../../templates/proof.html")),
    ("proof.txt", include_str!("../../templates/proof.txt")),
    (
        "reminder.html",
        include_str!("../../templates/reminder.html"),
    ),
    ("reminder.txt", include_str!("../../templates/reminder.txt")),
    ("sign-in.html", include_str!("../../templates/sign-in.html")),
    ("sign-in.txt", include_str!("../../templates/sign-in.txt")),
    ("staff.html", include_str!("../../templates/staff.html")),
    ("staff.txt", include_str!("../../templates/staff.txt")),
    ("welcome.html", include_str!("../../templates/welcome.html")),
    ("welcome.txt", include_str!("../../templates/welcome.txt")),
    ("footer.txt", include_str!("../../templates/footer.txt")),
];

pub(super) type Loaded = (HashMap<Language, Arc<Texts>>, Environment<'static>);

pub(super) fn load(files: &BTreeMap<String, String>) -> Result<Loaded, MailError> {
    let mut texts = HashMap::new();
    for language in Language::ALL {
        let file = files
            .get(&format!("{}.ftl", language.tag()))
            .map(String::as_str);
        texts.insert(language, Arc::new(Texts::new(language, file)?));
    }
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|name| {
        if name.ends_with(".html") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    let spoken = texts.clone();
    env.add_function(
        "t",
        move |state: &State<'_, '_>, key: &str, args: Kwargs| text(&spoken, state, key, &args),
    );
    for (name, builtin) in TEMPLATES {
        let source = files.get(name).map_or(builtin, String::as_str);
        env.add_template_owned(name, source.to_owned())
            .map_err(|error| template_error(name, error))?;
    }
    Ok((texts, env))
}

/// `t("key")` in a template: the text in the mail's language. It may use every value of the mail,
/// and those given with the call.
fn text(
    texts: &HashMap<Language, Arc<Texts>>,
    state: &State<'_, '_>,
    key: &str,
    args: &Kwargs,
) -> Result<String, minijinja::Error> {
    const SHARED: [&str; 21] = [
        "name",
        "customer",
        "login",
        "holder",
        "number",
        "amount",
        "to_pay",
        "credit",
        "due",
        "period",
        "iban",
        "operator",
        "hotline",
        "expires",
        "eik",
        "open",
        "through",
        "when",
        "way",
        "reference",
        "role",
    ];
    let language = state
        .lookup("lang")
        .and_then(|tag| Language::from_tag(tag.as_str()?))
        .unwrap_or_default();
    let mut values: Vec<(&str, String)> = SHARED
        .into_iter()
        .filter_map(|name| Some((name, state.lookup(name)?.as_str()?.to_owned())))
        .collect();
    for name in args.args() {
        values.push((name, args.get::<Value>(name)?.to_string()));
    }
    args.assert_all_used()?;
    texts
        .get(&language)
        .and_then(|texts| texts.get(key, &values))
        .ok_or_else(|| {
            minijinja::Error::new(
                ErrorKind::InvalidOperation,
                format!("the text `{key}` is missing or asks for a value that there is not"),
            )
        })
}

pub(super) fn template_error(file: &str, error: minijinja::Error) -> MailError {
    MailError::Template {
        file: file.to_owned(),
        source: Box::new(error),
    }
}
