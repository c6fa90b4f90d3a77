//! `kvit.toml`: what one instance is told.

use std::{error::Error, fs, path::Path};

use serde::Deserialize;

/// The settings of one instance.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) store: StoreConfig,
    pub(crate) issue: IssueConfig,
}

/// Where runs, bills and receipts are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreConfig {
    /// `sqlite://PATH` or `postgres://…`; without it, `kvit.db` in the instance's folder.
    pub(crate) url: Option<String>,
}

/// How bills are numbered.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IssueConfig {
    pub(crate) series: String,
    /// Number of the first bill of a new series.
    pub(crate) first_number: u64,
}

impl Default for IssueConfig {
    fn default() -> Self {
        Self {
            series: "main".to_owned(),
            first_number: 1,
        }
    }
}

impl Config {
    /// Reads `kvit.toml` in `dir`. A fault in it is told with its line.
    pub(crate) fn read(dir: &Path) -> Result<Self, Box<dyn Error>> {
        let path = dir.join("kvit.toml");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        Ok(toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?)
    }

    /// The store's address.
    pub(crate) fn store_url(&self, dir: &Path) -> String {
        let beside = || format!("sqlite://{}", dir.join("kvit.db").display());
        self.store.url.clone().unwrap_or_else(beside)
    }
}
