//! Templates and the files that pages need: style sheet, letters, logo.

use std::{collections::BTreeMap, io::Write, sync::Arc};

use aws_lc_rs::digest;
use axum::response::Html;
use flate2::{Compression, write::GzEncoder};
use fluent_bundle::FluentValue;
use kvit_billing::{Language, Operator, operator::Brand};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, context, value::Kwargs,
};

use crate::{
    PortalError, colours,
    failure::Failure,
    front::Visitor,
    staff::components::{self, Token},
    texts::{BUILTIN, Texts},
};

macro_rules! templates {
    ($($name:literal),*) => {
        /// The built-in templates, as `(file name, contents)`.
        pub(crate) const TEMPLATES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../templates/", $name)))),*];
    };
}
templates!(
    "again.html",
    "ask.html",
    "autopay.html",
    "base.html",
    "bills.html",
    "check.html",
    "code.html",
    "copy.html",
    "enrol.html",
    "fault.html",
    "help.html",
    "home.html",
    "lock.html",
    "parts.html",
    "passkey-parts.html",
    "passkeys.html",
    "password.html",
    "pay.html",
    "payall-go.html",
    "payall.html",
    "paygo.html",
    "payments.html",
    "payorder.html",
    "point-add.html",
    "points.html",
    "privacy.html",
    "readers.html",
    "said.html",
    "sent.html",
    "sessions.html",
    "sign-in-password.html",
    "sign-in.html",
    "usage.html",
    "staff/agree.html",
    "staff/audit.html",
    "staff/base.html",
    "staff/books.html",
    "staff/components.html",
    "staff/account.html",
    "staff/customer-code.html",
    "staff/customer-passkeys.html",
    "staff/customer.html",
    "staff/customers.html",
    "staff/debit-file.html",
    "staff/debits.html",
    "staff/declaration.html",
    "staff/enrol.html",
    "staff/handed-out.html",
    "staff/import.html",
    "staff/imports.html",
    "staff/keys.html",
    "staff/layout.html",
    "staff/layouts.html",
    "staff/money-nav.html",
    "staff/money.html",
    "staff/notice.html",
    "staff/paper.html",
    "staff/passkeys.html",
    "staff/password.html",
    "staff/people-parts.html",
    "staff/people.html",
    "staff/person-centre.html",
    "staff/person-email.html",
    "staff/person-profile.html",
    "staff/reader-read.html",
    "staff/reader.html",
    "staff/receivables-list.html",
    "staff/receivables.html",
    "staff/reconciliation-day.html",
    "staff/reconciliation.html",
    "staff/refund-new.html",
    "staff/refund.html",
    "staff/refunds.html",
    "staff/run.html",
    "staff/runs.html",
    "staff/said.html",
    "staff/scan-free.html",
    "staff/scan-parts.html",
    "staff/scan-remove.html",
    "staff/scan.html",
    "staff/scans.html",
    "staff/sessions.html",
    "staff/sign-in.html",
    "staff/sign.html",
    "staff/statement.html",
    "staff/statements.html",
    "staff/sure.html",
    "staff/texts-change.html",
    "staff/texts-sample.html",
    "staff/texts-version.html",
    "staff/texts.html",
    "staff/token-given.html",
    "staff/token-revoke.html",
    "staff/tokens.html",
    "staff/upkeep-nav.html",
    "verify.html",
    "year.html"
);

/// A file that never changes under its name, because the name carries its hash.
pub(crate) struct Asset {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// The same for browsers that unpack it, where it is shorter so.
    pub(crate) gzip: Option<Vec<u8>>,
}

impl Asset {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        let packed = packed.write_all(&bytes).and_then(|()| packed.finish());
        let shorter = packed.ok().filter(|packed| packed.len() < bytes.len());
        Self {
            media_type,
            bytes,
            gzip: shorter,
        }
    }
}

pub(crate) struct Pages {
    environment: Environment<'static>,
    texts: Arc<[Texts; 2]>,
    operators: [Value; 2],
    links: Value,
    pub(crate) assets: BTreeMap<String, Asset>,
    /// What the style sheet sets.
    pub(crate) tokens: Vec<Token>,
}

impl Pages {
    pub(crate) fn new(
        operator: &Operator,
        brand: &Brand,
        logo: Option<Vec<u8>>,
        overrides: &[(String, String)],
    ) -> Result<Self, PortalError> {
        let known = |name: &str| {
            let mut names = TEMPLATES.iter().chain(&BUILTIN).map(|(known, _)| *known);
            matches!(name, "app.css" | "staff.css") || names.any(|known| known == name)
        };
        if let Some((name, _)) = overrides.iter().find(|(name, _)| !known(name)) {
            return Err(PortalError::Unknown(name.clone()));
        }
        let texts = Arc::new([
            Texts::new(Language::Bg, overrides)?,
            Texts::new(Language::En, overrides)?,
        ]);
        let (assets, links, tokens) = assets(brand, logo, overrides)?;
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        for (name, builtin) in TEMPLATES {
            let own = overrides.iter().find(|(file, _)| file == name);
            let source = own.map_or(*builtin, |(_, text)| text);
            environment
                .add_template_owned(name.to_string(), source.to_owned())
                .map_err(|e| PortalError::Template(name.to_string(), Box::new(e)))?;
        }
        let operators = Language::ALL.map(|language| spoken(operator, language));
        Ok(Self {
            environment,
            texts,
            operators,
            links,
            assets,
            tokens,
        })
    }

    pub(crate) fn texts(&self, language: Language) -> &Texts {
        &self.texts[index(language)]
    }

    /// The page `template` in the visitor's language.
    pub(crate) fn render(
        &self,
        visitor: &Visitor,
        template: &str,
        page: Value,
    ) -> Result<Html<String>, Failure> {
        let texts = Arc::clone(&self.texts);
        let at = index(visitor.language);
        let t = Value::from_function(move |key: &str, arguments: Kwargs| {
            translate(&texts[at], key, &arguments)
        });
        let token = format!("{}{}", visitor.form_token, visitor.form_number);
        let form_token_field = Value::from_function(move || {
            Value::from_safe_string(format!(
                r#"<input type="hidden" name="form_token" value="{token}">"#
            ))
        });
        let other = match visitor.language {
            Language::Bg => Language::En,
            Language::En => Language::Bg,
        };
        let frame = context! {
            t, form_token_field, lang => visitor.language.tag(), other_lang => other.tag(),
            operator => self.operators[at].clone(), assets => self.links.clone(), path => visitor.path.clone(),
            query => visitor.query.clone(),
            signed_in => visitor.customer.is_some(), point_count => visitor.points.len(), private => visitor.path != "/",
            errors => Vec::<Value>::new(),
        };
        let html = self
            .environment
            .get_template(template)
            .and_then(|t| t.render(context! { ..page, ..frame }))
            .map_err(Failure::Page)?;
        Ok(Html(html))
    }
}

fn index(language: Language) -> usize {
    usize::from(language == Language::En)
}

fn translate(texts: &Texts, key: &str, arguments: &Kwargs) -> Result<String, Error> {
    let mut filled = Vec::new();
    for name in arguments.args() {
        let value: Value = arguments.get(name)?;
        // Numbers stay numbers, so that Fluent can choose the plural.
        let value = match i64::try_from(value.clone()) {
            Ok(number) if value.is_number() => FluentValue::from(number),
            _ => FluentValue::from(value.to_string()),
        };
        filled.push((name, value));
    }
    texts.get(key, &filled).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("no text `{key}`, or an argument of it is missing"),
        )
    })
}

fn spoken(operator: &Operator, language: Language) -> Value {
    let tel: String = operator
        .hotline
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '+')
        .collect();
    context! {
        name => operator.name.get(language), short_name => operator.short_name.get(language),
        eik => operator.eik.clone(), hotline => operator.hotline.clone(), tel, email => operator.email.clone(),
        complaints => operator.complaints.get(language),
        dispute_body => operator.dispute_body.get(language),
        switching => operator.switching.get(language),
    }
}

/// By name; how templates call them; and what the style sheet sets.
type Assets = (BTreeMap<String, Asset>, Value, Vec<Token>);

fn assets(
    brand: &Brand,
    logo: Option<Vec<u8>>,
    overrides: &[(String, String)],
) -> Result<Assets, PortalError> {
    let colours = colours::properties(brand)?;
    let mut files = BTreeMap::new();
    let mut add = |stem: &str, ending: &str, media_type, bytes: Vec<u8>| {
        let name = format!("{stem}-{}.{ending}", &sha256_hex(&bytes)[..16]);
        let path = format!("/assets/{name}");
        files.insert(name, Asset::new(media_type, bytes));
        path
    };
    let font_400 = add(
        "sofia-sans-400",
        "woff2",
        "font/woff2",
        include_bytes!("../assets/fonts/sofia-sans-400.woff2").to_vec(),
    );
    let font_700 = add(
        "sofia-sans-700",
        "woff2",
        "font/woff2",
        include_bytes!("../assets/fonts/sofia-sans-700.woff2").to_vec(),
    );
    let font_800 = add(
        "sofia-sans-800",
        "woff2",
        "font/woff2",
        include_bytes!("../assets/fonts/sofia-sans-800.woff2").to_vec(),
    );
    let own_css = overrides.iter().find(|(name, _)| name == "app.css");
    let css = own_css.map_or(include_str!("../assets/app.css"), |(_, text)| text);
    let css = format!("{colours}{css}")
        .replace("{{font-400}}", &font_400)
        .replace("{{font-700}}", &font_700)
        .replace("{{font-800}}", &font_800);
    let tokens = components::tokens(&css);
    let css = add("app", "css", "text/css; charset=utf-8", css.into_bytes());
    let schemes = components::schemes(&tokens).into_bytes();
    let schemes = add("schemes", "css", "text/css; charset=utf-8", schemes);
    let own_css = overrides.iter().find(|(name, _)| name == "staff.css");
    let staff_css = own_css.map_or(include_str!("../assets/staff.css"), |(_, text)| text);
    let staff_css = add(
        "staff",
        "css",
        "text/css; charset=utf-8",
        staff_css.as_bytes().to_vec(),
    );
    let go = include_bytes!("../assets/go.js").to_vec();
    let go = add("go", "js", "text/javascript; charset=utf-8", go);
    let filled = include_bytes!("../assets/filled.js").to_vec();
    let filled = add("filled", "js", "text/javascript; charset=utf-8", filled);
    let passkey = include_bytes!("../assets/passkey.js").to_vec();
    let passkey = add("passkey", "js", "text/javascript; charset=utf-8", passkey);
    let sign = include_bytes!("../assets/sign.js").to_vec();
    let sign = add("sign", "js", "text/javascript; charset=utf-8", sign);
    let mark = include_str!("../assets/mark.svg")
        .replace("BRAND", &brand.primary)
        .replace("ACCENT", &brand.accent);
    let mark = add("mark", "svg", "image/svg+xml", mark.into_bytes());
    let own_logo = logo.is_some();
    let logo = logo.map_or_else(
        || mark.clone(),
        |bytes| add("logo", "svg", "image/svg+xml", bytes),
    );
    // Made here, so they need no escaping, which would only blur them.
    let [
        css,
        staff_css,
        schemes,
        font_400,
        font_800,
        mark,
        logo,
        go,
        filled,
        passkey,
        sign,
    ] = [
        css, staff_css, schemes, font_400, font_800, mark, logo, go, filled, passkey, sign,
    ]
    .map(Value::from_safe_string);
    let brand = brand.primary.clone();
    Ok((
        files,
        context! { css, staff_css, schemes, font_400, font_800, mark, logo, go, filled, passkey, sign, own_logo, brand },
        tokens,
    ))
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}
