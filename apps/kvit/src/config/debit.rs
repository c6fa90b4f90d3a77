//! `[debit]`: autopay by SEPA direct debit.

use kvit_flow::DebitRules;
use serde::Deserialize;

use super::Config;

/// Whether bills are collected, and as whom.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DebitConfig {
    pub(crate) on: bool,
    /// The creditor identifier.
    pub(crate) creditor: String,
    /// The account that gets the money; empty: the operator's.
    pub(crate) iban: String,
    /// Its bank's BIC; empty: the operator's, where the account is.
    pub(crate) bic: String,
    /// So many days before a debit its customer has been told.
    pub(crate) notice_days: u8,
}

impl Default for DebitConfig {
    fn default() -> Self {
        Self {
            on: false,
            creditor: String::new(),
            iban: String::new(),
            bic: String::new(),
            notice_days: 5,
        }
    }
}

impl DebitConfig {
    /// The account that gets the money.
    pub(crate) fn account<'a>(&'a self, config: &'a Config) -> &'a str {
        match self.iban.trim() {
            "" => &config.operator.iban,
            iban => iban,
        }
    }

    /// How bills are collected; `None` where they are not.
    pub(crate) fn rules(&self, config: &Config) -> Option<DebitRules> {
        let own_bank = self.iban.trim().is_empty() && self.bic.is_empty();
        Some(DebitRules {
            creditor: self.creditor.parse().ok().filter(|_| self.on)?,
            iban: self.account(config).parse().ok()?,
            bic: if own_bank {
                config.operator.bic.clone()
            } else {
                self.bic.clone()
            },
            notice_days: self.notice_days,
        })
    }
}
