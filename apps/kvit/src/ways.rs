//! The configured ways of paying. Keys are read again when their files change, so that a key or a
//! certificate is replaced without a restart.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use kvit_billing::Operator;
use kvit_pay::{
    MacSecret, ProviderName, RsaSigner, RsaVerifier,
    dialects::{
        biller::Biller,
        borica::Terminal,
        epay::Epay,
        ipg::{self, Shop},
    },
    statement::PayOut,
    ways::{Dialect, Provider, Ways},
};
use kvit_web::Fails;

use crate::{
    config::{PayConfig, ProviderConfig, ProviderKind},
    exit::{Context, Exit, Failure},
    files,
};

/// Files are looked at so often at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The ways of paying of one instance.
pub(crate) struct ConfiguredWays {
    dir: PathBuf,
    config: PayConfig,
    operator: Operator,
    now: Mutex<Now>,
}

struct Now {
    all: Arc<Vec<Provider>>,
    files: Vec<Option<(SystemTime, u64)>>,
    looked: Instant,
}

impl ConfiguredWays {
    /// Reads all keys.
    pub(crate) fn open(
        dir: &Path,
        config: &PayConfig,
        operator: &Operator,
    ) -> Result<Self, Failure> {
        let all = Arc::new(providers(dir, config, operator)?);
        let now = Now {
            all,
            files: stamps(dir, config),
            looked: Instant::now(),
        };
        Ok(Self {
            dir: dir.to_owned(),
            config: config.clone(),
            operator: operator.clone(),
            now: Mutex::new(now),
        })
    }
}

impl Ways for ConfiguredWays {
    fn all(&self) -> Arc<Vec<Provider>> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.looked.elapsed() >= LOOK_EVERY {
            now.looked = Instant::now();
            let files = stamps(&self.dir, &self.config);
            if files != now.files {
                now.files = files;
                match providers(&self.dir, &self.config, &self.operator) {
                    Ok(all) => {
                        tracing::info!("keys of payment systems were read again");
                        now.all = Arc::new(all);
                    }
                    Err(failure) => {
                        tracing::error!(error = %failure, "keys of payment systems changed and cannot be used; the former stay");
                    }
                }
            }
        }
        Arc::clone(&now.all)
    }
}

/// The files with keys and secrets of all payment systems, for trying out and live.
pub(crate) fn key_files(config: &PayConfig) -> Vec<&Path> {
    let providers = config.providers.values();
    let all = providers.flat_map(ProviderConfig::contracts);
    all.flat_map(|(_, contract)| contract.files()).collect()
}

fn stamps(dir: &Path, config: &PayConfig) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |file: &Path| {
        let about = std::fs::metadata(dir.join(file)).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    key_files(config).into_iter().map(stamp).collect()
}

/// What one biller signs must not count as another's: where both call the operator by the same number,
/// the secret tells them apart.
fn distinct(dir: &Path, config: &PayConfig) -> Result<(), Failure> {
    let mut known: HashMap<(String, String), &str> = HashMap::new();
    for (name, provider) in &config.providers {
        if provider.kind != ProviderKind::Biller {
            continue;
        }
        let contract = provider.contract();
        let file = dir.join(&contract.secret_file);
        let secret = files::secret(&file, "system-secret")?;
        if let Some(other) = known.insert((contract.merchant, secret), name) {
            return Err(Failure::told(
                Exit::Configuration,
                Fails::SecretShared,
                &[("name", name), ("other", &other)],
            ));
        }
    }
    Ok(())
}

/// Those that customers are offered first, in their order; the others still call us.
fn providers(
    dir: &Path,
    config: &PayConfig,
    operator: &Operator,
) -> Result<Vec<Provider>, Failure> {
    distinct(dir, config)?;
    let rest = config
        .providers
        .keys()
        .filter(|name| !config.order.contains(name));
    let ordered = config.order.iter().map(|name| (name, true));
    ordered
        .chain(rest.map(|name| (name, false)))
        .filter_map(|(name, offered)| {
            let found = config.providers.get(name)?;
            Some(provider(dir, name, found, offered, operator))
        })
        .collect()
}

/// One of them, with the keys that count in its mode.
pub(crate) fn provider(
    dir: &Path,
    name: &str,
    config: &ProviderConfig,
    offered: bool,
    operator: &Operator,
) -> Result<Provider, Failure> {
    let contract = config.contract();
    let own = name.parse::<ProviderName>();
    let own = own.fails(Exit::Configuration, Fails::System, &[("name", &name)])?;
    let about = |kind: Fails, path: &Path| {
        let values: [(_, &dyn fmt::Display); 2] = [("name", &name), ("path", &path.display())];
        Failure::told(Exit::Configuration, kind, &values)
    };
    let secret = || {
        let path = dir.join(&contract.secret_file);
        let secret = files::secret(&path, "system-secret")?;
        if secret.is_empty() {
            // With an empty one anybody could say that a bill is paid.
            return Err(about(Fails::SecretEmpty, &path));
        }
        Ok(secret)
    };
    let signer = || {
        let file = &contract.key_file;
        let pem = files::configured(&dir.join(file), "own-key")?;
        RsaSigner::from_pem(&pem).map_err(|error| about(Fails::SystemKey, file).because(error))
    };
    let verifier = || {
        let file = &contract.their_key_file;
        let pem = files::configured(&dir.join(file), "their-key")?;
        RsaVerifier::from_pem(&pem).map_err(|error| about(Fails::SystemKey, file).because(error))
    };
    let dialect = match config.kind {
        ProviderKind::Epay => Dialect::Epay(Epay {
            name: own.clone(),
            min: contract.merchant.clone(),
            secret: MacSecret::new(secret()?),
            url: config.address(),
        }),
        ProviderKind::Biller => Dialect::Biller(Biller {
            name: own.clone(),
            merchant: contract.merchant.clone(),
            secret: MacSecret::new(secret()?),
        }),
        ProviderKind::Icard | ProviderKind::Mypos => Dialect::Ipg(Shop {
            name: own.clone(),
            dialect: if config.kind == ProviderKind::Icard {
                ipg::Dialect::Icard
            } else {
                ipg::Dialect::Mypos
            },
            originator: contract.originator.clone(),
            shop: contract.shop.clone(),
            shop_name: contract.shop_name.clone(),
            key_index: contract.key_index.clone(),
            key_index_resp: contract.key_index_resp.clone(),
            status_method: config.methods().0,
            refund_method: config.methods().1,
            url: config.address(),
            signer: signer()?,
            verifier: verifier()?,
        }),
        ProviderKind::Borica => Dialect::Borica(Terminal {
            name: own.clone(),
            terminal: contract.terminal.clone(),
            merchant: contract.merchant.clone(),
            merchant_name: contract.shop_name.clone(),
            merchant_url: operator.website.clone(),
            email: operator.email.clone(),
            url: config.address(),
            signer: signer()?,
            verifier: verifier()?,
        }),
    };
    let told = !config.pays_from.is_empty() || !config.pays_as.trim().is_empty();
    Ok(Provider {
        payout: told.then(|| PayOut {
            provider: own.clone(),
            ibans: config.pays_from.clone(),
            text: config.pays_as.clone(),
        }),
        name: own,
        title: config.title.clone(),
        dialect,
        first_number: config.first_number,
        pays_within_days: config.pays_within_days,
        offered: if offered {
            config.offered()
        } else {
            Vec::new()
        },
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
        rand::SystemRandom,
        rsa::{KeyPair, KeySize},
        signature::{KeyPair as _, RSA_PKCS1_SHA256},
    };
    use base64::{Engine, engine::general_purpose::STANDARD};
    use kvit_pay::params::encode;

    use super::*;

    const EPAY: &str = "order = [\"epay\"]\n[providers.epay]\nkind = \"epay\"\ntitle = \"ePay.bg\"\nways = [\"card\"]\n[providers.epay.test]\nmerchant = \"1\"\nsecret_file = \"epay.secret\"\n";
    const ICARD: &str = "[providers.icard]\nkind = \"icard\"\ntitle = \"iCard\"\n[providers.icard.test]\nurl = \"https://icard.test/\"\noriginator = \"33\"\nshop = \"1\"\nshop_name = \"x\"\nkey_index = \"1\"\nkey_index_resp = \"1\"\nkey_file = \"own.key\"\ntheir_key_file = \"icard.pem\"\n";

    fn opened(folder: &Path, settings: &str) -> Result<ConfiguredWays, Failure> {
        let config: PayConfig = toml::from_str(settings).expect("settings");
        let (operator, _) = kvit_synth::operator();
        ConfiguredWays::open(folder, &config, &operator)
    }

    /// A file changed, and it is time to look.
    fn changed(ways: &ConfiguredWays, file: &Path, text: &str) {
        std::fs::write(file, text).expect("written");
        let mut now = ways.now.lock().expect("not poisoned");
        now.looked = Instant::now()
            .checked_sub(LOOK_EVERY)
            .expect("a moment ago");
    }

    fn address(ways: &ConfiguredWays) -> String {
        let all = ways.all();
        let Dialect::Epay(epay) = &all[0].dialect else {
            panic!("ePay was configured");
        };
        let checkout = kvit_pay::dialects::epay::Checkout {
            invoice: 1,
            amount: kvit_billing::Cents::new(1),
            expires: jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0),
            description: "x",
        };
        // The checksum in it shows which secret made it.
        epay.cash_code_url(&checkout)
    }

    #[test]
    fn a_changed_secret_counts_without_a_restart_and_an_empty_one_never() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("epay.secret");
        let open = || opened(folder.path(), EPAY);
        assert!(open().is_err(), "there is no secret");
        std::fs::write(&file, "\n").expect("written");
        let Err(failure) = open() else {
            panic!("an empty secret was taken");
        };
        assert!(failure.to_string().contains("is empty"), "{failure}");
        std::fs::write(&file, "first").expect("written");
        let ways = open().expect("ways of paying");
        let first = address(&ways);
        changed(&ways, &file, "the second");
        let second = address(&ways);
        assert_ne!(first, second);
        changed(&ways, &file, "");
        assert_eq!(address(&ways), second, "the former stays");
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    }

    fn private(key: &KeyPair) -> String {
        let der: Pkcs8V1Der<'_> = key.as_der().expect("DER");
        pem("PRIVATE KEY", der.as_ref())
    }

    fn public(key: &KeyPair) -> String {
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().expect("DER");
        pem("PUBLIC KEY", der.as_ref())
    }

    fn signed(key: &KeyPair, values: &[&str]) -> String {
        let text = STANDARD.encode(values.concat());
        let mut signature = vec![0; key.public_modulus_len()];
        let random = SystemRandom::new();
        key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .expect("a signature");
        STANDARD.encode(signature)
    }

    #[test]
    fn changed_keys_count_without_a_restart_and_the_former_no_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let (own, theirs) = (
            folder.path().join("own.key"),
            folder.path().join("icard.pem"),
        );
        let [first, second] = [(); 2].map(|()| KeyPair::generate(KeySize::Rsa2048).expect("a key"));
        std::fs::write(&own, private(&first)).expect("written");
        std::fs::write(&theirs, public(&first)).expect("written");
        let ways = opened(folder.path(), ICARD).expect("ways of paying");
        let believes = |key: &KeyPair| {
            let pairs = [
                ("IPGmethod", "IPGPurchaseNotify"),
                ("MID", "1"),
                ("OrderID", "42"),
                ("Amount", "23.45"),
                ("Currency", "978"),
                ("IPG_Trnref", "T7"),
            ];
            let signature = signed(key, &pairs.map(|(_, value)| value));
            let body = encode(pairs.into_iter().chain([("Signature", signature.as_str())]));
            let all = ways.all();
            let Dialect::Ipg(shop) = &all[0].dialect else {
                panic!("iCard was configured");
            };
            shop.call_back(body.as_bytes()).is_ok()
        };
        // Which key signs what goes out.
        let signs = |key: &KeyPair| {
            let all = ways.all();
            let question = all[0].dialect.status(42, [0; 16]).expect("our key signs");
            let (signature, fields) = {
                let mut fields = question.expect("iCard is asked").fields;
                (fields.pop().expect("a signature").1, fields)
            };
            let values: Vec<&str> = fields.iter().map(|(_, value)| value.as_str()).collect();
            signature == signed(key, &values)
        };
        let found = || [&first, &second].map(|key| (believes(key), signs(key)));
        assert_eq!(found(), [(true, true), (false, false)]);
        changed(&ways, &theirs, &public(&second));
        assert_eq!(found(), [(false, true), (true, false)], "their new key");
        changed(&ways, &own, &private(&second));
        assert_eq!(found(), [(false, false), (true, true)], "our new key too");
        changed(&ways, &theirs, "half a file");
        assert_eq!(found(), [(false, false), (true, true)], "the former stay");
    }

    #[test]
    fn two_billers_share_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let section = |name: &str, merchant: &str| {
            format!(
                "[providers.{name}]\nkind = \"biller\"\ntitle = \"{name}\"\n[providers.{name}.test]\nmerchant = \"{merchant}\"\nsecret_file = \"{name}.secret\"\n"
            )
        };
        let open = |merchant: &str, secret: &str| {
            std::fs::write(folder.path().join("one.secret"), "first").expect("written");
            std::fs::write(folder.path().join("two.secret"), secret).expect("written");
            let text = section("one", "7") + &section("two", merchant);
            opened(folder.path(), &text).map(|_| ())
        };
        assert!(open("7", "second").is_ok());
        assert!(open("8", "first").is_ok());
        let failure = open("7", "first").expect_err("one secret for two");
        assert!(failure.to_string().contains("one secret"), "{failure}");
    }
}
