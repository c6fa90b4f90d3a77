//! `kvit.toml`: what one instance is told. Every fault in it is found at once, with its line and
//! what to do.

mod check;
mod debit;
mod pay;
mod read;
mod reminders;
mod staff;
mod template;

use std::{
    fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

pub(crate) use debit::DebitConfig;
use kvit_billing::{Operator, PaperUntil, operator::Brand};
use kvit_web::{Cause, Fails, Phrase};
pub(crate) use pay::{Contract, Mode, PayConfig, ProviderConfig, ProviderKind};
pub(crate) use reminders::RemindersConfig;
use serde::Deserialize;
pub(crate) use staff::{OidcConfig, StaffConfig};

use crate::exit::{Exit, Failure};

/// Name of the file in the instance's folder.
pub(crate) const FILE: &str = "kvit.toml";

/// The settings of one instance.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The operator is made up: runs of another seller are then let in with a warning. Where the
    /// line is deleted, it is not.
    #[serde(default)]
    pub(crate) placeholder: bool,
    pub(crate) operator: Operator,
    pub(crate) brand: Brand,
    pub(crate) portal: PortalConfig,
    pub(crate) staff: StaffConfig,
    pub(crate) mail: MailConfig,
    pub(crate) pay: PayConfig,
    pub(crate) debit: DebitConfig,
    pub(crate) reminders: RemindersConfig,
    pub(crate) seal: SealConfig,
    pub(crate) issue: IssueConfig,
    pub(crate) enrolment: EnrolmentConfig,
    pub(crate) import: ImportConfig,
    pub(crate) scans: ScansConfig,
    pub(crate) store: StoreConfig,
    pub(crate) archive: ArchiveConfig,
    pub(crate) workers: WorkersConfig,
    pub(crate) watch: WatchConfig,
}

/// The customers' portal.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PortalConfig {
    pub(crate) public_url: String,
    pub(crate) listen: SocketAddr,
    pub(crate) behind_proxy: bool,
    pub(crate) session_minutes: u32,
    pub(crate) proof_hours: u32,
    pub(crate) declaration_version: String,
    pub(crate) wrong_codes_per_number: Guard,
    pub(crate) wrong_codes_per_address: Guard,
    pub(crate) overrides: PathBuf,
}

/// How many wrong tries are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Guard {
    pub(crate) max: u32,
    pub(crate) window_s: u32,
    pub(crate) block_s: u32,
}

/// The mail server, and how mails look.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MailConfig {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) allow_plain_remote: bool,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) roots_file: PathBuf,
    pub(crate) sender: String,
    pub(crate) domain: String,
    pub(crate) hello_name: String,
    pub(crate) connections: usize,
    pub(crate) timeout_s: u64,
    pub(crate) retry_delays_s: Vec<u64>,
    pub(crate) overrides: PathBuf,
}

/// How a conversation with the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Security {
    Plain,
    StartTls,
    Tls,
}

/// The key that seals bills.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SealConfig {
    pub(crate) file: PathBuf,
    pub(crate) password_file: PathBuf,
    pub(crate) trust_roots: PathBuf,
}

/// How bills are numbered and made.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IssueConfig {
    pub(crate) series: String,
    pub(crate) first_number: u64,
    pub(crate) time_zone: String,
    pub(crate) delivery_hours: u32,
    pub(crate) chunk_orders: usize,
    pub(crate) lease_s: u64,
    pub(crate) layout: PathBuf,
}

/// Consents to e-bills.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EnrolmentConfig {
    pub(crate) paper_until: PaperUntil,
}

/// What a hand-over may hold.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImportConfig {
    pub(crate) files_max: usize,
    pub(crate) unpacked_bytes_max: u64,
    pub(crate) upload_bytes_max: u64,
}

/// Signed declarations from the scanner.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ScansConfig {
    pub(crate) refused_days: u16,
}

/// Where runs, bills and receipts are kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreConfig {
    pub(crate) url: String,
    pub(crate) url_file: PathBuf,
}

/// Where packs are kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ArchiveConfig {
    pub(crate) folder: PathBuf,
}

/// `kvit work` and `kvit serve`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkersConfig {
    pub(crate) poll_ms: u64,
}

/// Health and numbers for monitoring.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WatchConfig {
    pub(crate) listen: SocketAddr,
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

/// What `kvit init` writes: a made-up operator, everything else ready to work on this machine.
impl Default for Config {
    fn default() -> Self {
        let (operator, brand) = kvit_synth::operator();
        Self {
            placeholder: true,
            operator,
            brand,
            portal: PortalConfig::default(),
            staff: StaffConfig::default(),
            mail: MailConfig::default(),
            pay: PayConfig::default(),
            debit: DebitConfig::default(),
            reminders: RemindersConfig::default(),
            seal: SealConfig::default(),
            issue: IssueConfig::default(),
            enrolment: EnrolmentConfig::default(),
            import: ImportConfig::default(),
            scans: ScansConfig::default(),
            store: StoreConfig::default(),
            archive: ArchiveConfig::default(),
            workers: WorkersConfig::default(),
            watch: WatchConfig::default(),
        }
    }
}

impl Default for PortalConfig {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8480".to_owned(),
            listen: local(8480),
            behind_proxy: false,
            session_minutes: 30,
            proof_hours: 48,
            declaration_version: "2026-01".to_owned(),
            wrong_codes_per_number: Guard {
                max: 5,
                window_s: 900,
                block_s: 900,
            },
            wrong_codes_per_address: Guard {
                max: 50,
                window_s: 900,
                block_s: 900,
            },
            overrides: "pages".into(),
        }
    }
}

impl Default for MailConfig {
    fn default() -> Self {
        let mut retry_delays_s = vec![60, 300, 900, 3600, 3600];
        retry_delays_s.extend([3 * 3600; 8]);
        Self {
            host: "127.0.0.1".to_owned(),
            port: 2525,
            security: Security::Plain,
            allow_plain_remote: false,
            user: String::new(),
            password_file: PathBuf::new(),
            roots_file: PathBuf::new(),
            sender: "smetki@svetulka.example".to_owned(),
            domain: "svetulka.example".to_owned(),
            hello_name: "localhost".to_owned(),
            connections: 8,
            timeout_s: 60,
            retry_delays_s,
            overrides: "mails".into(),
        }
    }
}

impl Default for SealConfig {
    fn default() -> Self {
        Self {
            file: "seal.p12".into(),
            password_file: "seal.password".into(),
            trust_roots: "ca.pem".into(),
        }
    }
}

impl Default for IssueConfig {
    fn default() -> Self {
        Self {
            series: "main".to_owned(),
            first_number: 1,
            time_zone: "Europe/Sofia".to_owned(),
            delivery_hours: 24,
            chunk_orders: 500,
            lease_s: 900,
            layout: "layout".into(),
        }
    }
}

impl Default for ScansConfig {
    fn default() -> Self {
        Self { refused_days: 90 }
    }
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            files_max: 100_000,
            unpacked_bytes_max: 64 << 30,
            upload_bytes_max: 8 << 30,
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "sqlite://kvit.db".to_owned(),
            url_file: PathBuf::new(),
        }
    }
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            folder: "archive".into(),
        }
    }
}

impl Default for WorkersConfig {
    fn default() -> Self {
        Self { poll_ms: 1000 }
    }
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            listen: local(9464),
        }
    }
}

/// Something in `kvit.toml` that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// From 1.
    pub(crate) line: usize,
    /// Such as `[mail] port`.
    pub(crate) key: String,
    pub(crate) what: Phrase,
    /// What the reader of TOML says of it, in its own words; may be empty.
    pub(crate) words: String,
}

impl From<Fault> for Cause {
    fn from(fault: Fault) -> Self {
        let line = format!("{FILE}:{}", fault.line);
        Self {
            place: match fault.key.as_str() {
                "" => line,
                key => format!("{line}: {key}"),
            },
            known: Some(fault.what),
            foreign: fault.words,
        }
    }
}

impl Config {
    /// Reads `kvit.toml` in `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(FILE);
        let text = fs::read_to_string(&path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                let values: [(_, &dyn fmt::Display); 1] = [("folder", &dir.display())];
                Failure::told(Exit::Configuration, Fails::InstanceNone, &values)
            } else {
                let values: [(_, &dyn fmt::Display); 1] = [("name", &path.display())];
                Failure::told(Exit::Configuration, Fails::Unread, &values).because(error)
            }
        })?;
        Self::parse(&text).map_err(|faults| {
            let values: [(_, &dyn fmt::Display); 1] = [("path", &path.display())];
            let failure = Failure::told(Exit::Configuration, Fails::Settings, &values);
            let causes = faults.into_iter().map(Cause::from);
            causes.fold(failure, Failure::cause)
        })
    }

    /// Reads the text of a `kvit.toml`, or says everything that is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let (config, mut faults, lines) = read::read(text);
        check::check(&config, &lines, &mut faults);
        faults.sort_by_key(|fault| fault.line);
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(faults)
        }
    }

    /// The text of a `kvit.toml` with these settings and a comment on every key.
    pub(crate) fn render(&self) -> String {
        template::render(self)
    }
}

#[cfg(test)]
mod tests {
    use kvit_web::{Kind, Setting};

    use super::*;

    #[test]
    fn what_init_writes_is_what_it_means() {
        let config = Config::default();
        assert_eq!(Config::parse(&config.render()), Ok(config));
    }

    #[test]
    fn a_deleted_placeholder_line_means_a_real_operator() {
        let text = Config::default()
            .render()
            .replace("placeholder = true\n", "");
        assert!(!Config::parse(&text).expect("valid").placeholder);
    }

    #[test]
    fn a_real_operator_is_reached_over_tls() {
        for (placeholder, url, good) in [
            (true, "http://bills.example.bg", true),
            (false, "https://bills.example.bg", true),
            (false, "http://bills.example.bg", false),
            (false, "http://127.0.0.1.example.bg", false),
            (false, "http://127.0.0.1:8480", true),
            (false, "http://[::1]:8480", true),
        ] {
            let mut config = Config {
                placeholder,
                ..Config::default()
            };
            config.portal.public_url = url.to_owned();
            let faults = Config::parse(&config.render()).err().unwrap_or_default();
            let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
            let expected: &[&str] = if good { &[] } else { &["[portal] public_url"] };
            assert_eq!(keys, expected, "{placeholder} {url}");
        }
    }

    #[test]
    fn reminders_have_days_and_hours() {
        let defaults = Config::default().render();
        let keys = |from: &str, to: &str| -> Vec<String> {
            let faults = Config::parse(&defaults.replace(from, to)).err();
            let faults = faults.unwrap_or_default().into_iter();
            faults.map(|fault| fault.key).collect()
        };
        for (from, to, key) in [
            ("before_days = [3]", "before_days = [3, 3]", "before_days"),
            ("after_days = [5]", "after_days = [0]", "after_days"),
            ("after_days = [5]", "after_days = [300]", "after_days"),
            (
                "after_days = [5]",
                "after_days = [1, 2, 3, 4, 5]",
                "after_days",
            ),
            ("from_hour = 9", "from_hour = 20", "to_hour"),
            ("to_hour = 20", "to_hour = 25", "to_hour"),
        ] {
            assert_eq!(keys(from, to), [format!("[reminders] {key}")], "{to}");
        }
        assert!(keys("after_days = [5]", "after_days = []").is_empty());
        let on = defaults.replace("[reminders]\non = false", "[reminders]\non = true");
        assert_eq!(
            Config::parse(&on).expect("valid").reminders.kinds().len(),
            2
        );
    }

    #[test]
    fn autopay_needs_an_identifier_and_an_account_of_ours() {
        let defaults = Config::default();
        let on = defaults
            .render()
            .replace("[debit]\non = false\n", "[debit]\non = true\n");
        let keys = |text: &str| -> Vec<String> {
            let faults = Config::parse(text).err().unwrap_or_default().into_iter();
            faults.map(|fault| fault.key).collect()
        };
        assert_eq!(keys(&on), ["[debit] creditor"]);
        let whole = on.replace("creditor = \"\"", "creditor = \"DE98 ZZZ0 9999 9999 99\"");
        let config = Config::parse(&whole).expect("valid");
        let rules = config.debit.rules(&config).expect("it is on");
        assert_eq!(rules.creditor.as_str(), "DE98ZZZ09999999999");
        assert_eq!(rules.notice_days, 5);
        for (from, to, key) in [
            ("DE98 ZZZ0", "DE97 ZZZ0", "creditor"),
            ("notice_days = 5", "notice_days = 0", "notice_days"),
            ("notice_days = 5", "notice_days = 15", "notice_days"),
            (
                "\niban = \"\"",
                "\niban = \"DE89 3704 0044 0532 0130 00\"",
                "iban",
            ),
        ] {
            assert_eq!(
                keys(&whole.replace(from, to)),
                [format!("[debit] {key}")],
                "{to}"
            );
        }
        assert!(defaults.debit.rules(&defaults).is_none());
    }

    #[test]
    fn all_faults_come_at_once_with_their_lines() {
        let text = Config::default()
            .render()
            .replace("port = 2525", "port = \"many\"\nporto = 1")
            .replace("eik = \"999900017\"", "eik = \"999900018\"");
        let faults = Config::parse(&text).expect_err("three faults");
        let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(
            keys,
            ["[operator] eik", "[mail] port", "[mail] porto"],
            "{faults:?}"
        );
        for fault in &faults {
            let line = text.lines().nth(fault.line - 1).expect("a line");
            let key = fault.key.split(' ').next_back().expect("a key");
            assert!(line.starts_with(key), "{fault:?} is not in `{line}`");
        }
    }

    #[test]
    fn a_strength_of_a_sign_in_is_one_word() {
        let mut config = Config::default();
        config.staff.oidc = Some(OidcConfig {
            acr_values: ["phr", "", "phr phrh"].map(ToOwned::to_owned).into(),
            ..OidcConfig::default()
        });
        let faults = Config::parse(&config.render()).expect_err("faults");
        let odd = |fault: &&Fault| fault.key.ends_with("acr_values");
        let odd = faults.iter().find(odd).expect("a fault");
        let strengths = Setting::Strengths.with(&[("values", &"``, `phr phrh`")]);
        assert_eq!(odd.what, strengths);
    }
}
