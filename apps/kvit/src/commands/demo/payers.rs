//! The demonstration's payment systems: simulated, with fresh keys, beside the mailbox.

use std::{path::Path, sync::Arc};

use kvit_billing::ports::Rng;
use kvit_payers::{Payers, PayersConfig};
use kvit_synth::statement::PAYOUT_IBAN;
use tokio::net::TcpListener;

use crate::{
    config::{Config, PayConfig},
    exit::{Context, Failure},
    files,
    wiring::SystemRng,
};

const MERCHANT: &str = "7000005";
const SHOP: &str = "000000000000123";
const TERMINAL: &str = "V1800001";
/// Where customers find their bill by its number, and how it is called.
const BILLERS: [(&str, &str); 3] = [
    ("epay-billing", "ePay.bg"),
    ("ebg", "eBg.bg"),
    ("icard-bill", "iCard.bg"),
];
/// An hour of ePay's waiting passes in a minute.
const TIME_LAPSE: u32 = 60;

/// The simulated payment systems and where they listen.
pub(super) struct Till {
    pub(super) payers: Arc<Payers>,
    pub(super) listener: TcpListener,
    pub(super) url: String,
}

impl Till {
    /// Opens them, and sets the portal up for them.
    pub(super) fn open(config: &mut Config, listener: TcpListener) -> Result<Self, Failure> {
        let port = listener
            .local_addr()
            .failed("the payment systems have no port")?
            .port();
        let url = format!("http://127.0.0.1:{port}");
        let mut chance = [0; 32];
        SystemRng.fill(&mut chance);
        let payers = Payers::open(PayersConfig {
            portal: config.portal.public_url.clone(),
            secret: hex::encode(chance),
            merchant: MERCHANT.to_owned(),
            shop: SHOP.to_owned(),
            terminal: TERMINAL.to_owned(),
            billers: BILLERS
                .map(|(name, title)| (name.to_owned(), title.to_owned()))
                .to_vec(),
            time_lapse: TIME_LAPSE,
        })
        .failed("the payment systems cannot open")?;
        config.pay = toml::from_str::<PayConfig>(&settings(&url))
            .failed("the demonstration's ways of paying cannot be read")?;
        Ok(Self {
            payers,
            listener,
            url,
        })
    }

    /// Puts their keys into the instance's folder.
    pub(super) fn write_keys(&self, dir: &Path) -> Result<(), Failure> {
        let keys = self.payers.files();
        let mut all = vec![
            ("pay.secret".to_owned(), self.payers.secret().to_owned()),
            ("pay.key".to_owned(), keys.ours.clone()),
            ("payers.pem".to_owned(), keys.theirs.clone()),
        ];
        for (name, _) in BILLERS {
            all.push((format!("{name}.secret"), self.payers.biller_secret(name)));
        }
        for (name, text) in all {
            files::write_private(&dir.join(&name), text.as_bytes())
                .failed(format!("{name} cannot be written"))?;
        }
        Ok(())
    }
}

fn settings(url: &str) -> String {
    let mut all = format!(
        r#"order = ["epay", "borica", "icard", "mypos"]
[providers.epay]
kind = "epay"
title = "ePay.bg"
ways = ["account", "card", "cash"]
pays_from = ["{PAYOUT_IBAN}"]
[providers.epay.test]
url = "{url}/epay/"
merchant = "{MERCHANT}"
secret_file = "pay.secret"
[providers.borica]
kind = "borica"
title = {{ bg = "Банкова карта", en = "Bank card" }}
[providers.borica.test]
url = "{url}/borica/cgi_link"
terminal = "{TERMINAL}"
merchant = "1600000001"
shop_name = "Svetulka"
key_file = "pay.key"
their_key_file = "payers.pem"
[providers.icard]
kind = "icard"
title = "iCard"
[providers.icard.test]
url = "{url}/icard/"
originator = "33"
shop = "{SHOP}"
shop_name = "Svetulka"
key_index = "1"
key_index_resp = "1"
key_file = "pay.key"
their_key_file = "payers.pem"
[providers.mypos]
kind = "mypos"
title = "myPOS"
[providers.mypos.test]
url = "{url}/mypos/"
originator = "61938166610"
shop = "{SHOP}"
shop_name = "Svetulka"
key_index = "1"
key_file = "pay.key"
their_key_file = "payers.pem"
"#
    );
    for (name, title) in BILLERS {
        all.push_str(&format!(
            r#"[providers.{name}]
kind = "biller"
title = "{title}"
[providers.{name}.test]
merchant = "{MERCHANT}"
secret_file = "{name}.secret"
"#
        ));
    }
    all
}
