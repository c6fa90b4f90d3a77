//! `[pay]`: the ways of paying. A section for each payment system, and the order in which
//! customers see those that they are offered.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use kvit_billing::customer::Text;
use kvit_pay::ways::{PAYS_WITHIN_DAYS, Way};
use serde::Deserialize;

/// How bills are paid.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PayConfig {
    /// Names of `providers` that customers are offered.
    pub(crate) order: Vec<String>,
    /// Further accounts of the operator, whose statements are imported too.
    pub(crate) accounts: Vec<String>,
    /// Customers of a real operator are offered test systems too.
    pub(crate) offer_test: bool,
    /// Payment systems by name.
    pub(crate) providers: BTreeMap<String, ProviderConfig>,
}

/// One payment system. Which keys its contract needs depends on its kind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    pub(crate) kind: ProviderKind,
    pub(crate) title: Text,
    #[serde(default)]
    pub(crate) mode: Mode,
    #[serde(default)]
    pub(crate) ways: Vec<String>,
    #[serde(default = "first")]
    pub(crate) first_number: u64,
    #[serde(default)]
    pub(crate) pays_from: Vec<String>,
    #[serde(default)]
    pub(crate) pays_as: String,
    #[serde(default = "in_time")]
    pub(crate) pays_within_days: u32,
    /// What counts in the mode of this name; the other is kept for later.
    pub(crate) test: Option<Contract>,
    pub(crate) live: Option<Contract>,
}

/// With which of its systems a payment system is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// The one for trying out: no money moves.
    #[default]
    Test,
    /// The real one.
    Live,
}

impl Mode {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

/// Addresses and keys of one of the two systems.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Contract {
    pub(crate) url: String,
    pub(crate) merchant: String,
    pub(crate) originator: String,
    pub(crate) shop: String,
    pub(crate) shop_name: String,
    pub(crate) key_index: String,
    pub(crate) key_index_resp: String,
    pub(crate) status_method: Option<String>,
    pub(crate) refund_method: Option<String>,
    pub(crate) terminal: String,
    pub(crate) secret_file: PathBuf,
    pub(crate) key_file: PathBuf,
    pub(crate) their_key_file: PathBuf,
}

/// The names of [`Contract`].
pub(super) const CONTRACT_KEYS: [&str; 13] = [
    "url",
    "merchant",
    "originator",
    "shop",
    "shop_name",
    "key_index",
    "key_index_resp",
    "status_method",
    "refund_method",
    "terminal",
    "secret_file",
    "key_file",
    "their_key_file",
];

const fn first() -> u64 {
    1
}

const fn in_time() -> u32 {
    PAYS_WITHIN_DAYS
}

/// What a payment system speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProviderKind {
    /// ePay.bg checkout and EasyPay code.
    Epay,
    /// Asks for dues and reports payments.
    Biller,
    /// iCard checkout.
    Icard,
    /// myPOS checkout.
    Mypos,
    /// BORICA.
    Borica,
}

impl ProviderKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Epay => "epay",
            Self::Biller => "biller",
            Self::Icard => "icard",
            Self::Mypos => "mypos",
            Self::Borica => "borica",
        }
    }

    /// Where its system is reached. Those of iCard and myPOS come with the contract.
    pub(crate) const fn url(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (Self::Epay, Mode::Live) => "https://www.epay.bg/",
            (Self::Epay, Mode::Test) => "https://demo.epay.bg/",
            (Self::Borica, Mode::Live) => "https://3dsgate.borica.bg/cgi-bin/cgi_link",
            (Self::Borica, Mode::Test) => "https://3dsgate-dev.borica.bg/cgi-bin/cgi_link",
            (Self::Biller | Self::Icard | Self::Mypos, _) => "",
        }
    }
}

impl ProviderConfig {
    /// What counts now.
    pub(crate) fn contract(&self) -> Contract {
        let table = match self.mode {
            Mode::Test => &self.test,
            Mode::Live => &self.live,
        };
        // That one is missing is a fault of the configuration.
        table.clone().unwrap_or_default()
    }

    /// Both tables, as far as they are written.
    pub(crate) fn contracts(&self) -> impl Iterator<Item = (Mode, &Contract)> {
        let test = self.test.iter().map(|table| (Mode::Test, table));
        test.chain(self.live.iter().map(|table| (Mode::Live, table)))
    }

    /// Where the payment system is reached; empty where it only calls us.
    pub(crate) fn address(&self) -> String {
        let url = self.contract().url;
        match url.is_empty() {
            false => url,
            true => self.kind.url(self.mode).to_owned(),
        }
    }

    /// What iCard and myPOS call the question how a payment stands, and a refund. Empty, where the contract
    /// has none.
    pub(crate) fn methods(&self) -> (String, String) {
        let (status, refund) = match self.kind {
            ProviderKind::Icard => ("IPGGetTxnStatus", "IPGRefund"),
            ProviderKind::Mypos => ("IPCGetTxnStatus", "IPCRefund"),
            ProviderKind::Epay | ProviderKind::Biller | ProviderKind::Borica => ("", ""),
        };
        let contract = self.contract();
        let of = |own: Option<String>, usual: &str| own.unwrap_or_else(|| usual.to_owned());
        (
            of(contract.status_method, status),
            of(contract.refund_method, refund),
        )
    }

    /// What customers may be offered there.
    pub(crate) fn offered(&self) -> Vec<Way> {
        match self.kind {
            ProviderKind::Epay => self.ways.iter().filter_map(|way| Way::parse(way)).collect(),
            ProviderKind::Biller => Vec::new(),
            ProviderKind::Icard | ProviderKind::Mypos | ProviderKind::Borica => vec![Way::Card],
        }
    }

    /// Whether what a test system says would be taken for payments of customers: they are offered it, or it
    /// reports what was paid elsewhere.
    pub(crate) fn is_trial_with_customers(&self, offered: bool) -> bool {
        self.mode == Mode::Test && (offered || self.kind == ProviderKind::Biller)
    }
}

impl Contract {
    /// The keys that a kind needs, and whether each is set.
    pub(crate) fn needs(&self, kind: ProviderKind) -> Vec<(&'static str, bool)> {
        let text = |name, value: &String| (name, !value.trim().is_empty());
        let file = |name, value: &Path| (name, !value.as_os_str().is_empty());
        match kind {
            ProviderKind::Epay | ProviderKind::Biller => vec![
                text("merchant", &self.merchant),
                file("secret_file", &self.secret_file),
            ],
            ProviderKind::Icard => vec![
                text("url", &self.url),
                text("originator", &self.originator),
                text("shop", &self.shop),
                text("shop_name", &self.shop_name),
                text("key_index", &self.key_index),
                text("key_index_resp", &self.key_index_resp),
                file("key_file", &self.key_file),
                file("their_key_file", &self.their_key_file),
            ],
            ProviderKind::Mypos => vec![
                text("url", &self.url),
                text("originator", &self.originator),
                text("shop", &self.shop),
                text("key_index", &self.key_index),
                file("key_file", &self.key_file),
                file("their_key_file", &self.their_key_file),
            ],
            ProviderKind::Borica => vec![
                text("terminal", &self.terminal),
                text("merchant", &self.merchant),
                text("shop_name", &self.shop_name),
                file("key_file", &self.key_file),
                file("their_key_file", &self.their_key_file),
            ],
        }
    }

    /// The files with its keys and secrets.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.secret_file, &self.key_file, &self.their_key_file];
        let files = files.into_iter().map(PathBuf::as_path);
        files.filter(|file| !file.as_os_str().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn faults(section: &str) -> Vec<String> {
        let text = Config::default()
            .render()
            .replace("\norder = []\n", &format!("\n{section}\n"));
        match Config::parse(&text) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(|fault| fault.key.clone()).collect(),
        }
    }

    const EPAY: &str = r#"order = ["epay"]
[pay.providers.epay]
kind = "epay"
title = "ePay.bg"
ways = ["account", "cash"]
[pay.providers.epay.test]
merchant = "1"
secret_file = "epay-test.secret"
[pay.providers.epay.live]
merchant = "2"
secret_file = "epay.secret""#;

    #[test]
    fn ways_of_paying_are_checked() {
        assert_eq!(faults(EPAY), Vec::<String>::new());
        for (wrong, key) in [
            (
                EPAY.replace("merchant = \"1\"\n", ""),
                "[pay] providers.epay.test.merchant",
            ),
            (
                // The other one has to be whole too.
                EPAY.replace("merchant = \"2\"\n", ""),
                "[pay] providers.epay.live.merchant",
            ),
            (
                EPAY.replace("ways = [\"account\", \"cash\"]\n", ""),
                "[pay] providers.epay.ways",
            ),
            (
                EPAY.replace("\"cash\"", "\"barter\""),
                "[pay] providers.epay.ways",
            ),
            (
                EPAY.replace("order = [\"epay\"]", "order = [\"epai\"]"),
                "[pay] order",
            ),
            (
                EPAY.replace("\"epay\"\ntitle", "\"epai\"\ntitle"),
                "[pay] providers.epay.kind",
            ),
            (
                EPAY.replace("providers.epay", "providers.\"e pay\""),
                "[pay] order",
            ),
            (
                EPAY.replace("\nways", "\npays_within_days = 0\nways"),
                "[pay] providers.epay.pays_within_days",
            ),
            (
                EPAY.replace("\nways", "\nfirst_number = 0\nways"),
                "[pay] providers.epay.first_number",
            ),
            (
                EPAY.replace("providers.epay", "providers.bank"),
                "[pay] providers.bank",
            ),
            (
                EPAY.replace("\nways", "\npays_from = [\"BG00\"]\nways"),
                "[pay] providers.epay.pays_from",
            ),
            (
                format!("{EPAY}\nurl = \"epay\""),
                "[pay] providers.epay.live.url",
            ),
            (
                EPAY.replace(".live]", ".real]"),
                "[pay] providers.epay.real",
            ),
            (
                EPAY.replace("\nways", "\nmode = \"live\"\nways")
                    .replace("[pay.providers.epay.live]", "[pay.providers.other.live]"),
                "[pay] providers.epay.live",
            ),
        ] {
            assert!(
                faults(&wrong).contains(&key.to_owned()),
                "{wrong}: {:?}",
                faults(&wrong)
            );
        }
    }

    #[test]
    fn payment_systems_take_euro_only() {
        let mut config = Config::default();
        config.operator.currency = "USD".parse().expect("a currency");
        assert!(Config::parse(&config.render()).is_ok());
        let text = config
            .render()
            .replace("\norder = []\n", &format!("\n{EPAY}\n"));
        let faults = Config::parse(&text).expect_err("a fault");
        assert_eq!(faults[0].key, "[operator] currency");
    }

    #[test]
    fn what_is_rendered_is_read_again() {
        let whole = EPAY.replace("\nways", "\nmode = \"live\"\nfirst_number = 500\npays_from = [\"BG80BNBG96611020345678\"]\npays_as = \"ePay\"\npays_within_days = 3\nways");
        let text = Config::default()
            .render()
            .replace(
                "\norder = []\n",
                &format!("\n{whole}\nstatus_method = \"\"\n"),
            )
            .replace(
                "\naccounts = []",
                "\naccounts = [\"BG80BNBG96611020345678\"]",
            );
        let config = Config::parse(&text).expect("valid");
        assert_eq!(Config::parse(&config.render()), Ok(config));
        let text = text.replace("\naccounts = [\"BG80", "\naccounts = [\"BG81");
        let faults = Config::parse(&text).expect_err("a fault");
        assert_eq!(faults[0].key, "[pay] accounts");
    }
    #[test]
    fn each_mode_has_addresses_and_keys_of_its_own() {
        let system = |mode: &str| {
            let section = EPAY.replace("\nways", &format!("\nmode = \"{mode}\"\nways"));
            let text = Config::default().render();
            let text = text.replace("\norder = []\n", &format!("\n{section}\n"));
            let config = Config::parse(&text).expect("valid");
            let epay = &config.pay.providers["epay"];
            (epay.address(), epay.contract().merchant)
        };
        let owned = |(url, merchant): (&str, &str)| (url.to_owned(), merchant.to_owned());
        assert_eq!(system("test"), owned(("https://demo.epay.bg/", "1")));
        assert_eq!(system("live"), owned(("https://www.epay.bg/", "2")));
    }

    #[test]
    fn customers_of_a_real_operator_are_offered_no_test_system() {
        let biller = EPAY
            .replace("order = [\"epay\"]", "order = []")
            .replace("\"epay\"\ntitle", "\"biller\"\ntitle");
        let unoffered = EPAY.replace("order = [\"epay\"]", "order = []");
        let live = |section: &str| section.replace("\nways", "\nmode = \"live\"\nways");
        for (section, offer_test, ok) in [
            (EPAY.to_owned(), false, false),
            (EPAY.to_owned(), true, true),
            (live(EPAY), false, true),
            (unoffered, false, true),
            // Nobody offers it, and it reports payments all the same.
            (biller.clone(), false, false),
            (live(&biller), false, true),
        ] {
            let faults = |placeholder: bool| {
                let mut config = Config {
                    placeholder,
                    ..Config::default()
                };
                config.pay.offer_test = offer_test;
                let text = config.render();
                let text = text.replace("\norder = []\n", &format!("\n{section}\n"));
                let faults = Config::parse(&text).err().unwrap_or_default().into_iter();
                faults.map(|fault| fault.key).collect::<Vec<_>>()
            };
            let expected: &[&str] = if ok {
                &[]
            } else {
                &["[pay] providers.epay.mode"]
            };
            assert_eq!(faults(false), expected, "{section}");
            assert_eq!(faults(true), Vec::<String>::new(), "{section}");
        }
    }

    #[test]
    fn keys_in_the_section_itself_are_told_where_they_go() {
        let old = "order = [\"epay\"]\n[pay.providers.epay]\nkind = \"epay\"\ntitle = \"ePay.bg\"\nlive = true\nmerchant = \"1\"\nsecret_file = \"epay.secret\"\nways = [\"cash\"]\n[pay.providers.ebg]\nkind = \"biller\"\ntitle = \"eBg\"\nmerchant = \"7\"\nsecret_file = \"ebg.secret\"\n[pay.providers.two]\nkind = \"biller\"\ntitle = \"Two\"\nmode = \"live\"\nmerchant = \"8\"\nsecret_file = \"two.secret\"";
        let text = Config::default().render();
        let text = text.replace("\norder = []\n", &format!("\n{old}\n"));
        let faults = Config::parse(&text).expect_err("old");
        let words = kvit_web::FindingTexts::new(kvit_billing::Language::En).expect("well-formed");
        let reason = kvit_web::Reason {
            causes: faults.iter().cloned().map(Into::into).collect(),
            ..kvit_web::Reason::default()
        };
        let told = words.reason(&reason).causes;
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        for (told, said) in told.iter().zip([
            "[pay] providers.epay: `live`, `merchant`, `secret_file` have no place in the section itself; write mode = \"live\" there, and the keys into [pay.providers.epay.live]",
            "[pay] providers.ebg: `merchant`, `secret_file` have no place in the section itself; write mode = \"test\" there, and the keys into [pay.providers.ebg.test]",
            "[pay] providers.two: `merchant`, `secret_file` have no place in the section itself; write mode = \"live\" there, and the keys into [pay.providers.two.live]",
        ]) {
            assert!(told.contains(said), "{told}");
        }
        let line = text.lines().nth(faults[0].line - 1);
        assert_eq!(line, Some("[pay.providers.epay]"));
    }
}
