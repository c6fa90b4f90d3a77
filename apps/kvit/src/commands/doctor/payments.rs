//! What `kvit doctor` finds of payments: a line for each payment system, and what of the money waits for people.

use std::{fmt, path::Path};

use futures::future::join_all;
use jiff::Timestamp;
use kvit_billing::Operator;
use kvit_pay::ways::{NoAnswer, Silence, Wire};
use kvit_web::{Cause, CertificateFacts, CertificateUse, Fails, Finding, Health, Said};
use kvit_wire::HttpWire;

use super::{CONNECT_MAX, broken, found, text};
use crate::{
    causes,
    config::{Contract, Mode, ProviderConfig, ProviderKind},
    exit::{Exit, Failure},
    files, upkeep, ways,
    wiring::Instance,
};

const PART: &str = "payments";
/// So many characters has a secret of ePay.
const EPAY_SECRET: usize = 64;
/// One of these in an address says that it is not the live system's.
const TRIAL_WORDS: [&str; 9] = [
    "demo",
    "test",
    "dev",
    "sandbox",
    "stage",
    "staging",
    "uat",
    "localhost",
    "127",
];

/// Each payment system: which of its systems it is, that its keys can be used and its address answers.
pub(super) async fn systems(
    instance: &Instance,
    certificates: &[CertificateFacts],
) -> Vec<Finding> {
    let config = &instance.config;
    if config.pay.providers.is_empty() {
        return vec![found(PART, Health::Ok, "systems-none", &[])];
    }
    let wire = HttpWire::default();
    let all = config.pay.providers.iter().map(async |(name, provider)| {
        let url = provider.address();
        let reached = match url.is_empty() {
            true => None,
            false => Some(reached(&wire, url).await),
        };
        let own = CertificateUse::PaymentSystem(name.clone());
        let own = certificates.iter().filter(|one| one.used_for == own);
        let system = System {
            dir: &instance.dir,
            operator: &config.operator,
            name,
            provider,
            offered: config.pay.order.contains(name),
            made_up: config.placeholder,
            certificates: own.cloned().collect(),
            reached,
        };
        system.look(Timestamp::now())
    });
    let mut looks = join_all(all).await;
    // Two that must not have one secret.
    if looks.iter().all(|one| one.health != Health::Broken)
        && let Err(failure) = instance.ways()
    {
        looks.push(broken(PART, &failure));
    }
    looks
}

async fn reached(wire: &HttpWire, url: String) -> Result<(), Cause> {
    match tokio::time::timeout(CONNECT_MAX, wire.reach(url)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(NoAnswer::Silent(why))) => Err(causes::silence(&why)),
        Ok(Err(NoAnswer::Refused(status))) => Err(causes::silence(&Silence::Status(status))),
        Err(_) => Err(causes::silence(&Silence::Slow)),
    }
}

/// One payment system, and what was learned of it.
struct System<'a> {
    dir: &'a Path,
    operator: &'a Operator,
    name: &'a str,
    provider: &'a ProviderConfig,
    offered: bool,
    /// The operator is.
    made_up: bool,
    certificates: Vec<CertificateFacts>,
    /// None where it only calls us.
    reached: Option<Result<(), Cause>>,
}

impl System<'_> {
    fn look(&self, now: Timestamp) -> Finding {
        let (provider, url) = (self.provider, self.provider.address());
        let (kind, mode) = (provider.kind.as_str(), provider.mode.as_str());
        let system = format!("{} ({kind}, {mode})", self.name);
        let mut bad: Vec<(Health, Said)> = Vec::new();
        if let Err(failure) =
            ways::provider(self.dir, self.name, provider, self.offered, self.operator)
        {
            bad.push((
                Health::Broken,
                text("system-broken", &[("system", &system)]),
            ));
            bad.push((Health::Broken, Said::Reason(failure.reason())));
        }
        let ends = upkeep::ends(&self.certificates, now);
        if ends.health != Health::Ok {
            bad.extend(ends.said.into_iter().map(|said| (ends.health, said)));
        }
        let mut warn = |said| bad.push((Health::Warning, said));
        self.forms().into_iter().for_each(&mut warn);
        if let Some(said) = self.other_system(&url) {
            warn(said);
        }
        if !self.made_up && provider.mode == Mode::Test {
            let name = match provider.is_trial_with_customers(self.offered) {
                true => "system-trial-offered",
                false => "system-trial",
            };
            warn(text(name, &[("system", &system)]));
        }
        if let Some(Err(why)) = &self.reached {
            let values: [(_, &dyn fmt::Display); 2] = [("system", &system), ("url", &url)];
            let failure = Failure::told(Exit::Failed, Fails::SystemUnreached, &values);
            warn(Said::Reason(failure.cause(why.clone()).reason()));
        }
        if bad.is_empty() {
            let first = self.certificates.iter().map(|one| one.not_after).min();
            let none = || "none".to_owned();
            let ends = first.map_or_else(none, |first| first.strftime("%Y-%m-%d").to_string());
            let url = self.reached.as_ref().map_or_else(none, |_| url);
            let values: [(_, &dyn fmt::Display); 3] =
                [("system", &system), ("ends", &ends), ("url", &url)];
            return found(PART, Health::Ok, "system", &values);
        }
        let is_broken = bad.iter().any(|(health, _)| *health == Health::Broken);
        Finding {
            part: PART,
            health: match is_broken {
                true => Health::Broken,
                false => Health::Warning,
            },
            said: bad.into_iter().map(|(_, said)| said).collect(),
        }
    }

    /// Its section of the settings.
    fn table(&self) -> String {
        let mode = self.provider.mode.as_str();
        format!("[pay.providers.{}.{mode}]", self.name)
    }

    /// What has not the form that this kind of payment system gives it.
    fn forms(&self) -> Vec<Said> {
        let contract = self.provider.contract();
        let table = self.table();
        let odd = |(key, value, fits, form): (&str, &str, bool, &str)| {
            let values: [(_, &dyn fmt::Display); 4] = [
                ("table", &table),
                ("key", &key),
                ("value", &value),
                ("form", &form),
            ];
            (!fits).then(|| text("system-form", &values))
        };
        let mut found: Vec<Said> = expected(self.provider, &contract)
            .into_iter()
            .filter_map(odd)
            .collect();
        if self.provider.kind == ProviderKind::Epay {
            let file = self.dir.join(&contract.secret_file);
            let secret = files::secret(&file, "system-secret").unwrap_or_default();
            let length = secret.chars().count();
            if length != 0 && length != EPAY_SECRET {
                let place = file.display();
                let values: [(_, &dyn fmt::Display); 4] = [
                    ("table", &table),
                    ("count", &length),
                    ("expected", &EPAY_SECRET),
                    ("file", &place),
                ];
                found.push(text("system-secret", &values));
            }
        }
        found
    }

    /// That its address is of the other system than its mode says.
    fn other_system(&self, url: &str) -> Option<Said> {
        let (provider, mode) = (self.provider, self.provider.mode.as_str());
        let is_trial = url
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| TRIAL_WORDS.contains(&word.to_ascii_lowercase().as_str()));
        let known = provider.kind.url(Mode::Live);
        let name = match provider.mode {
            Mode::Live if is_trial => "system-is-trial",
            Mode::Test if !url.is_empty() && url == known => "system-is-live",
            _ => return None,
        };
        let table = self.table();
        let values: [(_, &dyn fmt::Display); 3] =
            [("mode", &mode), ("url", &url), ("table", &table)];
        Some(text(name, &values))
    }
}

/// Keys with the form that they should have: whether they do, and what a text calls that form.
fn expected<'a>(
    provider: &ProviderConfig,
    contract: &'a Contract,
) -> Vec<(&'static str, &'a str, bool, &'static str)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = |key, value: &'a String| (key, value.as_str(), digits(value), "number");
    let (merchant, terminal) = (contract.merchant.as_str(), contract.terminal.as_str());
    match (provider.kind, provider.mode) {
        (ProviderKind::Epay, Mode::Live) => {
            vec![("merchant", merchant, digits(merchant), "min")]
        }
        (ProviderKind::Epay, Mode::Test) => {
            let fits = digits(merchant.strip_prefix('D').unwrap_or(merchant));
            vec![("merchant", merchant, fits, "trial-min")]
        }
        (ProviderKind::Biller, _) => {
            let fits = digits(merchant) && merchant.len() <= 8;
            vec![("merchant", merchant, fits, "eight-digits")]
        }
        (ProviderKind::Icard, _) => vec![
            number("originator", &contract.originator),
            number("shop", &contract.shop),
            number("key_index", &contract.key_index),
            number("key_index_resp", &contract.key_index_resp),
        ],
        (ProviderKind::Mypos, _) => vec![
            number("originator", &contract.originator),
            number("shop", &contract.shop),
            number("key_index", &contract.key_index),
        ],
        (ProviderKind::Borica, _) => vec![
            ("terminal", terminal, terminal.chars().count() == 8, "eight"),
            (
                "merchant",
                merchant,
                (10..=15).contains(&merchant.chars().count()),
                "ten",
            ),
        ],
    }
}

/// Payment systems that customers are offered and that do not answer, as workers found.
pub(super) async fn out_of_order(instance: &Instance) -> Vec<Finding> {
    let known = match instance
        .store
        .providers_health(jiff::Timestamp::now())
        .await
    {
        Ok(known) => known,
        Err(error) => {
            let failure = Failure::told(Exit::Configuration, Fails::SystemsUnread, &[]);
            return vec![broken(PART, &failure.because(error))];
        }
    };
    let order = &instance.config.pay.order;
    let out = known.into_iter().filter_map(|known| {
        let since = known.out_since?.strftime("%Y-%m-%d %H:%M UTC");
        let name = known.provider;
        order
            .iter()
            .any(|offered| offered == name.as_str())
            .then(|| {
                let values: [(_, &dyn fmt::Display); 2] = [("name", &name), ("since", &since)];
                found(PART, Health::Warning, "system-silent", &values)
            })
    });
    out.collect()
}

/// Money of which a person has to find out where it is.
pub(super) async fn money_in_doubt(instance: &Instance) -> Vec<Finding> {
    let waits = match instance.store.queue_depths(jiff::Timestamp::now()).await {
        Ok(waits) => waits,
        Err(error) => {
            let failure = Failure::told(Exit::Configuration, Fails::PeopleUnread, &[]);
            return vec![broken(PART, &failure.because(error))];
        }
    };
    let refunds = (waits.refunds_unclear > 0).then(|| {
        let refunds = [("count", &waits.refunds_unclear as &dyn fmt::Display)];
        found(PART, Health::Warning, "refunds-unclear", &refunds)
    });
    let statements = (waits.statements_broken > 0).then(|| {
        let statements = [("count", &waits.statements_broken as &dyn fmt::Display)];
        found(PART, Health::Warning, "statements-broken", &statements)
    });
    refunds.into_iter().chain(statements).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::{KeyPair, KeySize},
    };
    use base64::{Engine, engine::general_purpose::STANDARD};
    use kvit_billing::Language;
    use kvit_keys::{KeyKind, Throwaway};
    use kvit_web::FindingTexts;

    use super::*;
    use crate::config::PayConfig;

    const EPAY: &str = "kind = \"epay\"\ntitle = \"ePay.bg\"\nmode = \"live\"\nways = [\"cash\"]\n[providers.x.live]\nmerchant = \"1234567890\"\nsecret_file = \"x.secret\"\n[providers.x.test]\nmerchant = \"D123456789\"\nsecret_file = \"x.secret\"\n";
    const BILLER: &str = "kind = \"biller\"\ntitle = \"eBg.bg\"\nmode = \"live\"\n[providers.x.live]\nmerchant = \"7000005\"\nsecret_file = \"x.secret\"\n";
    const ICARD: &str = "kind = \"icard\"\ntitle = \"iCard\"\nmode = \"live\"\n[providers.x.live]\nurl = \"https://ipg.icard.example/\"\noriginator = \"33\"\nshop = \"000000000000123\"\nshop_name = \"x\"\nkey_index = \"1\"\nkey_index_resp = \"1\"\nkey_file = \"x.key\"\ntheir_key_file = \"x.pem\"\n";
    const BORICA: &str = "kind = \"borica\"\ntitle = \"Card\"\nmode = \"live\"\n[providers.x.live]\nterminal = \"V1800001\"\nmerchant = \"1600000001\"\nshop_name = \"x\"\nkey_file = \"x.key\"\ntheir_key_file = \"x.pem\"\n";

    fn now() -> Timestamp {
        "2026-11-28T12:00:00Z".parse().expect("a moment")
    }

    /// A folder with good keys; the certificate ends so many days from now.
    fn folder(days: i64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = key.as_der().expect("DER");
        let der = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        // A root is made for ten years.
        let made = now() + jiff::SignedDuration::from_hours(24 * (days - 3650));
        let root = Throwaway::generate(KeyKind::Rsa2048, "Payments", made, "x").expect("a root");
        for (name, text) in [
            ("x.secret", "s".repeat(64)),
            ("x.key", pem),
            ("x.pem", root.ca_pem),
        ] {
            fs::write(folder.path().join(name), text).expect("written");
        }
        folder
    }

    fn look(folder: &Path, section: &str, made_up: bool, answers: bool) -> Finding {
        let settings = format!("order = [\"x\"]\n[providers.x]\n{section}");
        let config: PayConfig = toml::from_str(&settings).expect("settings");
        let provider = &config.providers["x"];
        let (operator, _) = kvit_synth::operator();
        let pem = folder.join(provider.contract().their_key_file);
        let used_for = CertificateUse::PaymentSystem("x".to_owned());
        let system = System {
            dir: folder,
            operator: &operator,
            name: "x",
            provider,
            offered: true,
            made_up,
            certificates: upkeep::read_certificates(&pem, &used_for),
            reached: match (provider.address().is_empty(), answers) {
                (true, _) => None,
                (false, true) => Some(Ok(())),
                (false, false) => Some(Err(causes::silence(&Silence::Slow))),
            },
        };
        system.look(now())
    }

    fn words(found: &Finding) -> String {
        let english = FindingTexts::new(Language::En).expect("well-formed");
        let bulgarian = FindingTexts::new(Language::Bg).expect("well-formed");
        for said in &found.said {
            let text = bulgarian.check(std::slice::from_ref(said));
            assert!(text.chars().any(|c| ('а'..='я').contains(&c)), "{text}");
        }
        english.check(&found.said)
    }

    #[test]
    fn a_payment_system_in_order_has_a_line() {
        let folder = folder(100);
        for (section, text) in [
            (
                EPAY,
                "x (epay, live): its keys can be used, https://www.epay.bg/ answers",
            ),
            (BILLER, "x (biller, live): its keys can be used"),
            (
                ICARD,
                "x (icard, live): its keys can be used, the first of its certificates ends on 2027-03-08, https://ipg.icard.example/ answers",
            ),
            (
                BORICA,
                "x (borica, live): its keys can be used, the first of its certificates ends on 2027-03-08, https://3dsgate.borica.bg/cgi-bin/cgi_link answers",
            ),
        ] {
            let found = look(folder.path(), section, false, true);
            assert_eq!((found.health, words(&found).as_str()), (Health::Ok, text));
        }
        // For trying out, at ePay's own test system.
        let test = EPAY.replace("mode = \"live\"", "mode = \"test\"");
        let found = look(folder.path(), &test, true, true);
        let text = "x (epay, test): its keys can be used, https://demo.epay.bg/ answers";
        assert_eq!((found.health, words(&found).as_str()), (Health::Ok, text));
    }

    #[test]
    fn each_fault_of_a_payment_system_is_told() {
        let good = folder(100);
        for (section, from, to, said) in [
            (
                EPAY,
                "1234567890",
                "D123456789",
                "merchant: `D123456789` is not a number (MIN)",
            ),
            (
                EPAY,
                "mode = \"live\"",
                "mode = \"test\"",
                "counts as money of customers",
            ),
            (
                EPAY,
                "merchant = \"1234567890\"",
                "merchant = \"1\"\nurl = \"https://demo.epay.bg/\"",
                "mode = \"live\", and https://demo.epay.bg/ looks like for trying out",
            ),
            (
                BILLER,
                "7000005",
                "700000055",
                "is not a number of up to 8 digits",
            ),
            (ICARD, "\"33\"", "\"x\"", "originator: `x` is not a number"),
            (
                ICARD,
                "000000000000123",
                "ABC",
                "shop: `ABC` is not a number",
            ),
            (
                ICARD,
                "key_index = \"1\"",
                "key_index = \"a\"",
                "key_index: `a` is not",
            ),
            (
                ICARD,
                "ipg.icard",
                "ipg-test.icard",
                "looks like for trying out",
            ),
            (
                BORICA,
                "V1800001",
                "V180001",
                "terminal: `V180001` is not 8 characters",
            ),
            (
                BORICA,
                "1600000001",
                "160000001",
                "is not 10 to 15 characters",
            ),
        ] {
            let changed = section.replace(from, to);
            assert_ne!(changed, section, "{from}");
            let found = look(good.path(), &changed, false, true);
            assert_eq!(found.health, Health::Warning, "{}", words(&found));
            assert!(words(&found).contains(said), "{said}: {}", words(&found));
            assert_eq!(found.said.len(), 1, "{}", words(&found));
        }
        let silent = look(good.path(), BORICA, false, false);
        assert_eq!(silent.health, Health::Warning);
        assert!(
            words(&silent).contains("does not answer\n  because it took too long\nhint: see that"),
            "{}",
            words(&silent)
        );
        // The live system of one that should be tried out.
        let test = EPAY.replace("mode = \"live\"", "mode = \"test\"");
        let test = test.replace(
            "merchant = \"D",
            "url = \"https://www.epay.bg/\"\nmerchant = \"D",
        );
        let found = look(good.path(), &test, true, true);
        assert!(
            words(&found).contains("looks like the live one"),
            "{}",
            words(&found)
        );
    }

    #[test]
    fn keys_that_cannot_be_used_are_told_by_their_file() {
        for (section, file, text, said) in [
            (EPAY, "x.secret", None, "x.secret cannot be read"),
            (EPAY, "x.secret", Some(""), "x.secret is empty"),
            (ICARD, "x.key", None, "x.key cannot be read"),
            (
                ICARD,
                "x.key",
                Some("half a key"),
                "there is no private key in it",
            ),
            (
                BORICA,
                "x.pem",
                Some("half a file"),
                "there is no certificate or public key in it",
            ),
        ] {
            let folder = folder(100);
            let path = folder.path().join(file);
            match text {
                Some(text) => fs::write(path, text).expect("written"),
                None => fs::remove_file(path).expect("it was there"),
            }
            let found = look(folder.path(), section, false, true);
            assert_eq!(found.health, Health::Broken, "{}", words(&found));
            assert!(words(&found).contains(said), "{said}: {}", words(&found));
        }
        let folder = folder(100);
        fs::write(folder.path().join("x.secret"), "s".repeat(32)).expect("written");
        let found = look(folder.path(), EPAY, false, true);
        assert_eq!(found.health, Health::Warning);
        assert!(
            words(&found).contains("has 32 characters, and ePay's have 64"),
            "{}",
            words(&found)
        );
        assert!(!words(&found).contains("sss"), "no secret is shown");
    }

    #[test]
    fn the_end_of_its_certificate_is_told_before() {
        for (days, health, said) in [
            (59, Health::Warning, "ends on 2027-01-26"),
            (-1, Health::Broken, "ended on 2026-11-27"),
        ] {
            let found = look(folder(days).path(), BORICA, false, true);
            assert_eq!(found.health, health, "{}", words(&found));
            assert!(words(&found).contains(said), "{said}: {}", words(&found));
        }
    }
}
