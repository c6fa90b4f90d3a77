//! How staff sign in: here, at the organisation's identity provider, or both.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

/// How staff sign in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StaffConfig {
    pub(crate) local_accounts: bool,
    pub(crate) oidc: Option<OidcConfig>,
}

impl Default for StaffConfig {
    fn default() -> Self {
        Self {
            local_accounts: true,
            oidc: None,
        }
    }
}

/// The identity provider.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OidcConfig {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret_file: PathBuf,
    pub(crate) title: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) login_claim: String,
    pub(crate) roles_claim: String,
    pub(crate) roles: BTreeMap<String, String>,
    pub(crate) centre_claim: String,
    pub(crate) acr_values: Vec<String>,
    pub(crate) create_accounts: bool,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            title: String::new(),
            scopes: vec!["profile".to_owned()],
            login_claim: "preferred_username".to_owned(),
            roles_claim: "groups".to_owned(),
            roles: BTreeMap::new(),
            centre_claim: String::new(),
            acr_values: Vec::new(),
            create_accounts: true,
        }
    }
}
