//! What an operator decides about consents to e-bills.

use serde::Deserialize;

/// Until when the bills of a customer who consented to e-bills come on paper too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaperUntil {
    /// Until they confirmed that a bill reached them at the address of the consent.
    #[default]
    FirstConfirmed,
    /// Until they proved the address.
    Proven,
}

impl PaperUntil {
    /// As the settings name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstConfirmed => "first-confirmed",
            Self::Proven => "proven",
        }
    }
}
