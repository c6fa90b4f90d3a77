//! `[pay]`: the ways of paying. A section for each payment system, and the order in which
//! customers see those that they are offered.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use kvit_billing::customer::Text;
use kvit_pay::ways::Way;
use serde::Deserialize;

/// How bills are paid.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PayConfig {
    /// Names of `providers` that customers are offered.
    pub(crate) order: Vec<String>,
    /// Further accounts of the operator, whose statements are imported too.
    pub(crate) accounts: Vec<String>,
    /// Payment systems by name.
    pub(crate) providers: BTreeMap<String, ProviderConfig>,
}

/// One payment system. Which keys it needs depends on its kind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    pub(crate) kind: ProviderKind,
    pub(crate) title: Text,
    #[serde(default)]
    pub(crate) live: bool,
    #[serde(default)]
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) merchant: String,
    #[serde(default)]
    pub(crate) secret_file: PathBuf,
    #[serde(default)]
    pub(crate) ways: Vec<String>,
    #[serde(default = "first")]
    pub(crate) first_number: u64,
    #[serde(default)]
    pub(crate) pays_from: Vec<String>,
    #[serde(default)]
    pub(crate) pays_as: String,
    #[serde(default)]
    pub(crate) originator: String,
    #[serde(default)]
    pub(crate) shop: String,
    #[serde(default)]
    pub(crate) shop_name: String,
    #[serde(default)]
    pub(crate) key_index: String,
    #[serde(default)]
    pub(crate) key_index_resp: String,
    #[serde(default)]
    pub(crate) status_method: Option<String>,
    #[serde(default)]
    pub(crate) refund_method: Option<String>,
    #[serde(default)]
    pub(crate) terminal: String,
    #[serde(default)]
    pub(crate) key_file: PathBuf,
    #[serde(default)]
    pub(crate) their_key_file: PathBuf,
}

const fn first() -> u64 {
    1
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

    /// Where the payment system is reached: live, and for trying out. Those of iCard and myPOS come
    /// with the contract.
    const fn urls(self) -> (&'static str, &'static str) {
        match self {
            Self::Epay => ("https://www.epay.bg/", "https://demo.epay.bg/"),
            Self::Borica => (
                "https://3dsgate.borica.bg/cgi-bin/cgi_link",
                "https://3dsgate-dev.borica.bg/cgi-bin/cgi_link",
            ),
            Self::Biller | Self::Icard | Self::Mypos => ("", ""),
        }
    }
}

impl ProviderConfig {
    /// Where the payment system is reached.
    pub(crate) fn address(&self) -> String {
        let (live, test) = self.kind.urls();
        match (self.url.is_empty(), self.live) {
            (false, _) => self.url.clone(),
            (true, true) => live.to_owned(),
            (true, false) => test.to_owned(),
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
        let of =
            |own: &Option<String>, usual: &str| own.clone().unwrap_or_else(|| usual.to_owned());
        (
            of(&self.status_method, status),
            of(&self.refund_method, refund),
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

    /// The keys that its kind needs, and whether each is set.
    pub(crate) fn needs(&self) -> Vec<(&'static str, bool)> {
        let text = |name, value: &String| (name, !value.trim().is_empty());
        let file = |name, value: &Path| (name, !value.as_os_str().is_empty());
        match self.kind {
            ProviderKind::Epay => vec![
                text("merchant", &self.merchant),
                file("secret_file", &self.secret_file),
                ("ways", !self.ways.is_empty()),
            ],
            ProviderKind::Biller => vec![
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

    const EPAY: &str = "order = [\"epay\"]\n[pay.providers.epay]\nkind = \"epay\"\ntitle = \"ePay.bg\"\nmerchant = \"1\"\nsecret_file = \"epay.secret\"\nways = [\"account\", \"cash\"]";

    #[test]
    fn ways_of_paying_are_checked() {
        assert_eq!(faults(EPAY), Vec::<String>::new());
        for (wrong, key) in [
            (
                EPAY.replace("merchant = \"1\"\n", ""),
                "[pay] providers.epay.merchant",
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
                format!("{EPAY}\nfirst_number = 0"),
                "[pay] providers.epay.first_number",
            ),
            (
                EPAY.replace("providers.epay", "providers.bank"),
                "[pay] providers.bank",
            ),
            (
                format!("{EPAY}\npays_from = [\"BG00\"]"),
                "[pay] providers.epay.pays_from",
            ),
            (
                format!("{EPAY}\nurl = \"epay\""),
                "[pay] providers.epay.url",
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
        let text = Config::default()
            .render()
            .replace("\norder = []\n", &format!("\n{EPAY}\nfirst_number = 500\nstatus_method = \"\"\npays_from = [\"BG80BNBG96611020345678\"]\npays_as = \"ePay\"\n"))
            .replace("\naccounts = []", "\naccounts = [\"BG80BNBG96611020345678\"]");
        let config = Config::parse(&text).expect("valid");
        assert_eq!(Config::parse(&config.render()), Ok(config));
        let text = text.replace("\naccounts = [\"BG80", "\naccounts = [\"BG81");
        let faults = Config::parse(&text).expect_err("a fault");
        assert_eq!(faults[0].key, "[pay] accounts");
    }
}
