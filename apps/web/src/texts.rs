//! The words of the pages: Fluent, Bulgarian and English.

use std::{borrow::Cow, collections::BTreeMap};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kvit_billing::{Cents, Currency, Language, Period};
use rust_decimal::Decimal;

use crate::PortalError;

/// The built-in texts of each language, as `(file name, contents)`.
pub(crate) const BUILTIN: [(&str, &str); 2] = [
    (
        "bg.ftl",
        concat!(
            include_str!("../texts/bg.ftl"),
            "\n",
            include_str!("../texts/staff.bg.ftl"),
            "\n",
            include_str!("../texts/findings.bg.ftl"),
            "\n",
            include_str!("../texts/reasons.bg.ftl"),
            "\n",
            include_str!("../texts/components.bg.ftl")
        ),
    ),
    (
        "en.ftl",
        concat!(
            include_str!("../texts/en.ftl"),
            "\n",
            include_str!("../texts/staff.en.ftl"),
            "\n",
            include_str!("../texts/findings.en.ftl"),
            "\n",
            include_str!("../texts/reasons.en.ftl"),
            "\n",
            include_str!("../texts/components.en.ftl")
        ),
    ),
];

/// The built-in texts of a language.
pub(crate) const fn builtin(language: Language) -> &'static str {
    match language {
        Language::Bg => BUILTIN[0].1,
        Language::En => BUILTIN[1].1,
    }
}

/// The texts of one language, with its ways to write money and dates.
pub(crate) struct Texts {
    /// Which.
    pub(crate) language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Texts {
    /// The built-in texts; those in `overrides` under the same file name go before them, one by one.
    pub(crate) fn new(
        language: Language,
        overrides: &[(String, String)],
    ) -> Result<Self, PortalError> {
        let tag = language
            .tag()
            .parse()
            .map_err(|_| PortalError::Text(language.tag().to_owned(), "no such language".into()))?;
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // The marks around inserted values would end up in titles and in copied numbers.
        bundle.set_use_isolating(false);
        let file = format!("{}.ftl", language.tag());
        let builtin = BUILTIN.iter().filter(|(name, _)| *name == file);
        let own = overrides.iter().filter(|(name, _)| *name == file);
        for source in builtin
            .map(|(_, text)| *text)
            .chain(own.map(|(_, text)| text.as_str()))
        {
            let resource = FluentResource::try_new(source.to_owned()).map_err(|(_, faults)| {
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                PortalError::Text(file.clone(), faults.join("; "))
            })?;
            bundle.add_resource_overriding(resource);
        }
        let texts = Self { language, bundle };
        texts.try_all(&file, overrides)?;
        Ok(texts)
    }

    /// Says each text once, with the values that its page gives, so that an own one that asks for
    /// another value is found before a customer comes upon it.
    fn try_all(&self, file: &str, overrides: &[(String, String)]) -> Result<(), PortalError> {
        let fault = |what: String| PortalError::Text(file.to_owned(), what);
        let builtin = BUILTIN.iter().find(|(name, _)| *name == file);
        let known = values_asked(builtin.map_or("", |(_, text)| text));
        for (_, own) in overrides.iter().filter(|(name, _)| name == file) {
            let unknown = values_asked(own)
                .into_keys()
                .find(|key| !known.contains_key(key));
            if let Some(key) = unknown {
                return Err(fault(format!("no page asks for `{key}`")));
            }
        }
        for (key, names) in known {
            let values: Vec<_> = names
                .iter()
                .map(|name| (*name, FluentValue::from(1)))
                .collect();
            self.get(key, &values)
                .ok_or_else(|| fault(format!("`{key}` asks for another value than {names:?}")))?;
        }
        Ok(())
    }

    /// The text named `key` with `arguments` filled in, if there is one.
    pub(crate) fn get(&self, key: &str, arguments: &[(&str, FluentValue<'_>)]) -> Option<String> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let arguments: FluentArgs<'_> = arguments.iter().cloned().collect();
        let mut faults = Vec::new();
        let text = self
            .bundle
            .format_pattern(pattern, Some(&arguments), &mut faults);
        faults.is_empty().then(|| text.into_owned())
    }

    /// The same with text arguments, for pages that build a sentence. A missing text shows its key;
    /// the tests see to it that none is missing.
    pub(crate) fn say(&self, key: &str, arguments: &[(&str, &str)]) -> String {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|(name, value)| (*name, FluentValue::String(Cow::Borrowed(value))))
            .collect();
        self.get(key, &arguments).unwrap_or_else(|| key.to_owned())
    }

    /// `1 234,56 €` or `€1,234.56`.
    pub(crate) fn money(&self, amount: Cents, currency: &Currency) -> String {
        let cents = amount.get().unsigned_abs();
        let (group, point) = match self.language {
            Language::Bg => ("\u{a0}", ","),
            Language::En => (",", "."),
        };
        let whole = grouped(cents / 100, group);
        let sign = if amount.is_negative() { "\u{2013}" } else { "" };
        let symbol = match currency.as_str() {
            "EUR" => "€",
            other => other,
        };
        match self.language {
            Language::En if symbol == "€" => {
                format!("{sign}{symbol}{whole}{point}{:02}", cents % 100)
            }
            _ => format!("{sign}{whole}{point}{:02}\u{a0}{symbol}", cents % 100),
        }
    }

    /// `1 234` or `1,234`.
    pub(crate) fn count(&self, number: u64) -> String {
        let group = match self.language {
            Language::Bg => "\u{a0}",
            Language::En => ",",
        };
        grouped(number, group)
    }

    /// A change such as `+12,5 %` or `–0.4 %`.
    pub(crate) fn change(&self, per_mille: i64) -> String {
        let sign = match per_mille {
            0 => "",
            1.. => "+",
            _ => "\u{2013}",
        };
        sign.to_owned() + &self.percent(per_mille.unsigned_abs())
    }

    /// A share, given in thousandths.
    pub(crate) fn percent(&self, per_mille: u64) -> String {
        let point = match self.language {
            Language::Bg => ",",
            Language::En => ".",
        };
        format!("{}{point}{}\u{a0}%", per_mille / 10, per_mille % 10)
    }

    /// A quantity as people write it, such as `1 234,5`.
    pub(crate) fn quantity(&self, quantity: Decimal) -> String {
        let text = quantity.normalize().to_string();
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let whole = whole
            .parse()
            .map_or_else(|_| whole.to_owned(), |n| self.count(n));
        let point = match self.language {
            Language::Bg => ",",
            Language::En => ".",
        };
        match part {
            "" => whole,
            part => format!("{whole}{point}{part}"),
        }
    }

    /// `5 декември 2026 г.` (the last space does not break) or `5 December 2026`.
    pub(crate) fn date(&self, date: Date) -> String {
        self.say(
            "date",
            &[
                ("day", &date.day().to_string()),
                ("month", &self.month(date)),
                ("year", &date.year().to_string()),
            ],
        )
    }

    /// Day and time to the minute, where the operator sits.
    pub(crate) fn moment(&self, at: Timestamp, zone: &TimeZone) -> String {
        let at = at.to_zoned_datetime(zone.clone());
        self.say(
            "date-time",
            &[
                ("date", &self.date(at.date())),
                ("time", &format!("{}:{:02}", at.hour(), at.minute())),
            ],
        )
    }

    /// A whole month by its name, anything else by its first and last day.
    pub(crate) fn period(&self, period: Period) -> String {
        if period == Period::month_of(period.from) {
            return self.say(
                "month-year",
                &[
                    ("month", &self.month(period.from)),
                    ("year", &period.from.year().to_string()),
                ],
            );
        }
        self.say(
            "date-span",
            &[
                ("from", &self.date(period.from)),
                ("to", &self.date(period.to)),
            ],
        )
    }

    pub(crate) fn month(&self, date: Date) -> String {
        self.say(&format!("month-{}", date.month()), &[])
    }
}

/// A number with something between its thousands.
fn grouped(number: u64, between: &str) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push_str(between);
        }
        text.push(digit);
    }
    text
}

/// The texts of a Fluent file by name, and what values each asks for.
pub(crate) fn values_asked(source: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut asked: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut key = "";
    for line in source.lines() {
        let starts = line.starts_with(|c: char| c.is_ascii_alphabetic());
        if let Some((name, _)) = line.split_once('=').filter(|_| starts) {
            key = name.trim_end();
            asked.entry(key).or_default();
        }
        let names = line.split('$').skip(1);
        let names = names.filter_map(|rest| rest.split([' ', '}']).next());
        if let Some(values) = asked.get_mut(key) {
            values.extend(names);
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(source: &str) -> BTreeSet<String> {
        source
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" =").map(|(key, _)| key.to_owned()))
            .collect()
    }

    fn texts(language: Language) -> Texts {
        Texts::new(language, &[]).expect("the built-in texts are well-formed")
    }

    #[test]
    fn both_languages_say_the_same_things() {
        let [(_, bg), (_, en)] = BUILTIN;
        assert_eq!(keys(bg), keys(en));
        assert!(keys(bg).len() > 100);
    }

    /// The string literals of `source`, near enough: what lies between double quotes.
    fn literals(source: &str) -> impl Iterator<Item = &str> {
        source.split('"').filter(|part| {
            let key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !part.is_empty() && part.chars().all(key)
        })
    }

    /// The code of all rooms: whatever names a text.
    fn rooms() -> Vec<String> {
        code("src")
    }

    /// The code in a folder, named from this crate's.
    fn code(folder: &str) -> Vec<String> {
        fn read(folder: &std::path::Path, all: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("a folder of the tree") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    read(&path, all);
                } else if path
                    .file_name()
                    .is_some_and(|name| name != "texts.rs" && name != "kinds.rs")
                {
                    all.push(std::fs::read_to_string(&path).expect("code is text"));
                }
            }
        }
        let mut all = Vec::new();
        read(
            &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut all,
        );
        all
    }

    /// What the details of events are called in code that writes them.
    fn details_in(source: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for rest in source.split("detail").skip(1) {
            if let Some((name, _)) = rest.strip_prefix("[\"").and_then(|r| r.split_once("\"] =")) {
                found.insert(name);
                continue;
            }
            let value = rest.trim_start_matches([' ', '\n', ':', '=']);
            let value = value.strip_prefix("serde_json::").unwrap_or(value);
            let Some(object) = value.strip_prefix("json!({") else {
                continue;
            };
            let object = object.split("})").next().unwrap_or_default();
            let names = object.split("\":").filter(|part| part.contains('"'));
            found.extend(names.filter_map(|part| part.rsplit('"').next()));
        }
        // What is behind the last colon is a value.
        found.retain(|name| {
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b))
        });
        found.remove("");
        found
    }

    #[test]
    fn every_detail_of_the_trail_has_its_text() {
        let known = keys(BUILTIN[0].1);
        let folders = [
            "src",
            "../kvit/src",
            "../../crates/flow/src",
            "../../crates/store/src",
        ];
        let sources: Vec<_> = folders.into_iter().flat_map(code).collect();
        let written: BTreeSet<_> = sources
            .iter()
            .flat_map(|source| details_in(source))
            .collect();
        assert!(written.len() > 40, "{written:?}");
        let missing: Vec<_> = written
            .into_iter()
            .filter(|name| !known.contains(format!("staff-detail-{name}").as_str()))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// Texts whose names are put together from parts.
    fn composed() -> impl Iterator<Item = String> {
        let faults = [
            "not-found",
            "method",
            "foreign",
            "request",
            "slow",
            "inside",
            "other-number",
        ];
        let payments = [
            "started",
            "ordered",
            "ordered-cash",
            "held",
            "settled",
            "declined",
            "expired",
            "reversed",
        ];
        let payments = payments.map(|state| format!("pay-state-{state}"));
        let topics = ["where", "wrong", "mail", "genuine"];
        let both =
            |head: &str, name: &str| ["title", "text"].map(|tail| format!("{head}-{name}-{tail}"));
        let months = (1..=12).map(|month| format!("month-{month}"));
        let faults = faults.into_iter().flat_map(move |name| both("fault", name));
        let did = crate::STAFF_EVENTS.iter();
        let did = did.map(|what| format!("staff-did-{}", what.replace('.', "-")));
        let details = [
            "about",
            "address",
            "after",
            "age",
            "agent",
            "amount",
            "as",
            "before",
            "bill",
            "book",
            "by",
            "bytes",
            "centre",
            "centre_before",
            "changed",
            "channel",
            "contact",
            "day",
            "debit",
            "debits",
            "delivery",
            "empty",
            "enrolment",
            "events",
            "file",
            "first",
            "folder",
            "from",
            "iban_end",
            "kept_days",
            "last",
            "layout",
            "language",
            "mandate",
            "month",
            "notice",
            "number",
            "pages",
            "path",
            "payment",
            "provider",
            "reader",
            "recognised_by",
            "reference",
            "refunds",
            "refused_pages",
            "request",
            "role",
            "role_before",
            "name",
            "name_before",
            "rows",
            "run",
            "scan",
            "scopes",
            "sessions",
            "sha256",
            "shown",
            "sum",
            "system",
            "transfers",
            "unanswered",
            "unprinted",
            "until",
            "url",
            "wanted",
            "way",
            "went_back",
            "why",
            "words",
        ];
        let details = details.map(|name| format!("staff-detail-{name}"));
        let words = [
            "back-on-paper",
            "centre",
            "code",
            "document",
            "left",
            "no",
            "oidc",
            "own-password",
            "passkey",
            "paper",
            "password",
            "payments",
            "phone",
            "reminders",
            "removed",
            "replaced",
            "web",
            "yes",
        ];
        let words = words.map(|word| format!("staff-word-{word}"));
        let money = kvit_store::NoticeOutcome::FOR_PEOPLE
            .iter()
            .flat_map(|why| {
                ["why", "do"].map(|head| format!("staff-money-{head}-{}", why.as_str()))
            });
        let scans = [
            "fault-altered",
            "fault-given-up",
            "fault-removed",
            "fault-empty",
            "fault-format",
            "fault-large",
            "fault-pages",
            "fault-broken",
            "fault-pixels",
            "fault-no-picture",
            "fault-packing",
            "reason-unsigned",
            "reason-unreadable",
            "reason-other-person",
            "reason-already",
            "reason-no-declaration",
            "reason-other",
        ];
        let scans = scans.map(|name| format!("staff-scan-{name}"));
        let samples = crate::staff::texts::sample::NAMES.iter();
        let samples = samples.map(|name| format!("staff-wording-sample-{name}"));
        let groups = crate::wording::GROUPS.iter();
        let groups = groups.map(|group| format!("staff-wording-group-{}", group.name));
        let languages =
            Language::ALL.map(|language| format!("staff-wording-in-{}", language.tag()));
        let units = ["kwh", "kwt", "mtq", "mwh"].map(|unit| format!("unit-{unit}"));
        let sure = ["disable", "end", "reset"].into_iter().flat_map(|what| {
            ["", "-text", "-button"].map(|tail| format!("staff-sure-{what}{tail}"))
        });
        let mails = kvit_store::MailTopic::ALL.into_iter().flat_map(|about| {
            ["on", "off", "start", "stop"]
                .map(|tail| format!("staff-mails-{}-{tail}", about.as_str()))
        });
        let tokens = [
            include_str!("../assets/app.css"),
            ":root{--brand:;--accent:;--action:;--action-hover:;--on-action:;--tint:}",
        ];
        let tokens = tokens
            .into_iter()
            .flat_map(crate::staff::components::tokens);
        let tokens = tokens.map(|token| format!("components-token-{}", token.name));
        months
            .chain(tokens)
            .chain(details)
            .chain(mails)
            .chain(words)
            .chain(sure)
            .chain(units)
            .chain(money)
            .chain(scans)
            .chain(samples)
            .chain(groups)
            .chain(languages)
            .chain(did)
            .chain(payments)
            .chain(faults)
            .chain(topics.into_iter().flat_map(move |name| both("help", name)))
    }

    #[test]
    fn every_text_that_pages_ask_for_is_there() {
        let known = keys(BUILTIN[0].1);
        let templates = crate::pages::TEMPLATES.iter().map(|(_, source)| *source);
        let asked: BTreeSet<_> = templates
            .flat_map(|source| source.split("t(\"").skip(1))
            .filter_map(|call| call.split('"').next())
            .filter(|key| !key.ends_with('-'))
            .map(str::to_owned)
            .chain(composed())
            .collect();
        assert!(asked.len() > 100, "{}", asked.len());
        let missing: Vec<_> = asked.iter().filter(|key| !known.contains(*key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        // In the rooms a literal of one of these families is the name of a text.
        let families: BTreeSet<_> = known
            .iter()
            .filter_map(|key| key.split('-').next())
            .collect();
        let not_texts = [
            "bills-",
            "paper-",
            "check-address-",
            "staff-session",
            "check-known-",
            // A text of mails.
            "pay-hint",
        ];
        let rooms = rooms();
        let said = rooms.iter().flat_map(|source| literals(source));
        let missing: Vec<_> = said
            .filter(|key| key.contains('-') && !not_texts.contains(key))
            .filter(|key| families.contains(key.split('-').next().unwrap_or_default()))
            .filter(|key| !known.contains(*key) && !key.ends_with('-'))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_text_is_shown_somewhere() {
        let templates = crate::pages::TEMPLATES.iter().map(|(_, source)| *source);
        let rooms = rooms();
        let sources = templates
            .chain(rooms.iter().map(String::as_str))
            .chain([include_str!("texts.rs")]);
        let mut asked: BTreeSet<_> = sources.flat_map(literals).map(str::to_owned).collect();
        asked.extend(composed());
        // What a sample shows, what a check is about and what it found are named by those who make them.
        let elsewhere = [
            "staff-kind-",
            "staff-part-",
            "finding-",
            "doctor-",
            "formless-",
            "fails-",
            "cause-",
            "setting-",
            "layout-",
        ];
        let is_named_elsewhere =
            |key: &String| elsewhere.iter().any(|family| key.starts_with(family));
        let known = keys(BUILTIN[0].1);
        let unused: Vec<_> = known
            .difference(&asked)
            .filter(|key| !is_named_elsewhere(key))
            .collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn bulgarian_texts_are_bulgarian_and_ask_for_the_same_values() {
        let [(_, bg), (_, en)] = BUILTIN;
        let lines = |source: &'static str| {
            let pairs = source.lines().filter_map(|line| line.split_once(" = "));
            pairs.collect::<std::collections::BTreeMap<_, _>>()
        };
        let values = |text: &str| -> BTreeSet<String> {
            let places = text.split("{ $").skip(1);
            places
                .filter_map(|p| Some(p.split_whitespace().next()?.to_owned()))
                .collect()
        };
        assert!(!bg.contains("електронна поща"), "it is called имейл");
        let cyrillic = |text: &str| text.chars().any(|c| matches!(c, 'а'..='я' | 'А'..='Я'));
        let (bg, en) = (lines(bg), lines(en));
        // Said the same way in both languages, or in the other one on purpose.
        let same = [
            "date-span",
            "bills-number",
            "bills-download",
            "bills-download-label",
            "language-switch",
            "fact-iban",
            "staff-size-kb",
            "staff-size-mb",
            "staff-size-gb",
        ];
        for (key, text) in &bg {
            assert_eq!(values(text), values(en[key]), "{key}");
            let plural = text.starts_with("{ $") && text.ends_with("->");
            if !plural && !same.contains(key) {
                assert!(cyrillic(text), "{key}: {text}");
                assert!(!cyrillic(en[key]), "{key}: {}", en[key]);
            }
        }
    }

    /// A button is what its person says to the machine; the page is what speaks politely to the person.
    #[test]
    fn buttons_are_not_spoken_to_who_presses_them() {
        let mails = include_str!("../../../crates/mail/texts/bg.ftl");
        let texts: Vec<_> = BUILTIN[0].1.lines().chain(mails.lines()).collect();
        let texts: std::collections::BTreeMap<_, _> = texts
            .iter()
            .filter_map(|line| line.split_once(" = "))
            .collect();
        let templates = crate::pages::TEMPLATES.iter().map(|(_, source)| *source);
        let pressed = templates
            .flat_map(|source| {
                let buttons = source.split("<button").skip(1);
                buttons.chain(source.split("class=\"button").skip(1))
            })
            .filter_map(|rest| rest.split("</").next())
            .flat_map(|element| element.split("t(\"").skip(1))
            .filter_map(|call| call.split('"').next());
        let named = texts.keys().copied().filter(|key| key.ends_with("-button"));
        let keys: BTreeSet<_> = pressed.chain(named).collect();
        assert!(keys.len() > 100, "{}", keys.len());
        for key in keys {
            let first = texts.get(key).and_then(|text| text.split(' ').next());
            let spoken = first.is_some_and(|word| word.ends_with("ете") || word.ends_with("йте"));
            assert!(!spoken, "{key}: {}", texts[key]);
        }
    }

    #[test]
    fn money_and_dates_read_as_people_write_them() {
        let (bg, en) = (texts(Language::Bg), texts(Language::En));
        let eur = Currency::EUR;
        assert_eq!(bg.money(Cents::new(123_456), &eur), "1\u{a0}234,56\u{a0}€");
        assert_eq!(en.money(Cents::new(-123_456_705), &eur), "–€1,234,567.05");
        let day = jiff::civil::date(2026, 12, 5);
        assert_eq!(bg.date(day), "5\u{a0}декември\u{a0}2026\u{a0}г.");
        assert_eq!(en.period(Period::month_of(day)), "December 2026");
    }

    #[test]
    fn an_operator_may_replace_one_text() {
        let own = vec![("en.ftl".to_owned(), "help-title = Need a hand?".to_owned())];
        let en = Texts::new(Language::En, &own).expect("well-formed");
        assert_eq!(en.say("help-title", &[]), "Need a hand?");
        assert_eq!(en.say("nav-home", &[]), "Home");
        for (broken, said) in [
            ("= ?", ""),
            ("hepl-title = Помощ", "no page asks for `hepl-title`"),
            (
                "bills-for = За { $numer }",
                "`bills-for` asks for another value than [\"number\"]",
            ),
        ] {
            let own = vec![("bg.ftl".to_owned(), broken.to_owned())];
            let fault = Texts::new(Language::Bg, &own).err().expect("a fault");
            assert!(fault.to_string().contains(said), "{fault}");
        }
    }
}
