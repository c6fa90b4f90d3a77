//! `kvit doctor`: each part of an instance, looked at and left as it is.

mod payments;
mod people;

use std::{
    fmt,
    io::ErrorKind,
    net::{IpAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::ToSpan;
use kvit_billing::{Language, LayoutNo};
use kvit_flow::debits::{SILENT_DAYS, earliest};
use kvit_store::{Debits, StoreError};
use kvit_web::{CertificateUse, Fails, Finding, FindingTexts, Health, Said, pale_colours, wording};
use serde_json::json;

use crate::{
    config::{self, Config},
    exit::{Context, Exit, Failure},
    files, layouts,
    output::{BAD, BOLD, GOOD, Output},
    texts::texts_of,
    upkeep,
    ways::key_files,
    wiring::{Instance, KEY_FILE, store_file, store_url, trust_roots},
};

/// Mail server and payment systems get so long to answer.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Debits that are counted; more are as alarming.
const WAITING_MAX: usize = 10_000;

pub(super) async fn doctor(out: &Output, dir: &Path) -> Result<Exit, Failure> {
    let dir = std::path::absolute(dir).fails(Exit::Failed, Fails::FolderUnknown, &[])?;
    let looks = look(&dir).await;
    let words = FindingTexts::new(Language::En).failed("the built-in texts are broken")?;
    let text = |look: &Finding| words.check(&look.said);
    let value: Vec<_> = looks
        .iter()
        .map(
            |look| json!({ "part": look.part, "health": word(look.health), "finding": text(look) }),
        )
        .collect();
    out.result(&value, |out| {
        let lines: Vec<String> = looks
            .iter()
            .map(|look| line(out, look, &text(look)))
            .collect();
        lines.join("\n")
    })?;
    if looks.iter().all(|look| look.health != Health::Broken) {
        Ok(Exit::Done)
    } else {
        Ok(Exit::Configuration)
    }
}

const fn word(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Warning => "warning",
        Health::Broken => "broken",
    }
}

/// Looks at each part of the instance in a folder, whose path is absolute.
pub(crate) async fn look(dir: &Path) -> Vec<Finding> {
    let mut looks = Vec::new();
    let config = match Config::read(dir) {
        Ok(config) => {
            looks.push(configuration(&config));
            Some(config)
        }
        Err(failure) => {
            looks.push(broken("configuration", &failure));
            None
        }
    };
    if let Some(config) = &config {
        looks.extend(pale(config));
        looks.push(secrets(dir, config));
        looks.extend(written_to(dir, config).into_iter().map(writable));
        match Instance::open(dir).await {
            Ok(instance) => {
                let url = store_url(dir, config).unwrap_or_default();
                looks.push(match is_open_line(&url) {
                    true => found("store", Health::Warning, "store-open-line", &[]),
                    false => found("store", Health::Ok, "store", &[]),
                });
                instance_parts(&instance, &mut looks).await;
                looks.push(mail_server(config));
                looks.extend(people::findings(&instance).await);
                looks.extend(payments::out_of_order(&instance).await);
                looks.extend(payments::money_in_doubt(&instance).await);
                looks.extend(autopay(&instance).await);
                looks.extend(people::guessing(&instance).await);
                looks.extend(without_forms(&instance).await);
            }
            // Who reads this looks at each part already.
            Err(failure) => looks.push(broken("store", &failure.unless_doctor())),
        }
    }
    looks
}

fn line(out: &Output, look: &Finding, text: &str) -> String {
    let mark = match look.health {
        Health::Ok => out.out("✓", GOOD),
        Health::Warning => out.out("!", BOLD),
        Health::Broken => out.out("✗", BAD),
    };
    let finding = text.replace('\n', "\n                  ");
    format!("{mark} {:<15} {finding}", look.part)
}

/// What a text of pages and command line says.
fn found(
    part: &'static str,
    health: Health,
    name: &'static str,
    values: &[(&'static str, &dyn fmt::Display)],
) -> Finding {
    Finding {
        part,
        health,
        said: vec![text(name, values)],
    }
}

fn text(name: &'static str, values: &[(&'static str, &dyn fmt::Display)]) -> Said {
    let values = values
        .iter()
        .map(|(name, value)| (*name, value.to_string()));
    Said::Text(name, values.collect())
}

fn failed(part: &'static str, health: Health, failure: &Failure) -> Finding {
    Finding {
        part,
        health,
        said: vec![Said::Reason(failure.reason())],
    }
}

fn broken(part: &'static str, failure: &Failure) -> Finding {
    failed(part, Health::Broken, failure)
}

fn judge<T>(part: &'static str, result: Result<T, Failure>, good: &'static str) -> Finding {
    match result {
        Ok(_) => found(part, Health::Ok, good, &[]),
        Err(failure) => broken(part, &failure),
    }
}

fn configuration(config: &Config) -> Finding {
    let (health, name) = match config.placeholder {
        true => (Health::Warning, "settings-made-up"),
        false => (Health::Ok, "settings"),
    };
    found("configuration", health, name, &[("file", &config::FILE)])
}

/// Colours of the brand that make the bill hard to read.
fn pale(config: &Config) -> Option<Finding> {
    let said = pale_colours(&config.brand).into_iter().map(|pale| {
        let name = match pale.key {
            "primary" => "pale-primary",
            _ => "pale-accent",
        };
        let values = vec![
            ("colour", pale.colour),
            ("ratio", pale.ratio.to_string()),
            ("better", pale.better),
        ];
        Said::Text(name, values)
    });
    let said: Vec<_> = said.collect();
    (!said.is_empty()).then_some(Finding {
        part: "colours",
        health: Health::Warning,
        said,
    })
}

fn secrets(dir: &Path, config: &Config) -> Finding {
    let named = [
        Path::new(KEY_FILE),
        config.seal.file.as_path(),
        &config.seal.password_file,
        &config.mail.password_file,
        &config.store.url_file,
    ];
    let oidc = config.staff.oidc.as_ref();
    let oidc_secret = oidc.map(|oidc| oidc.client_secret_file.clone());
    let mut exposed: Vec<String> = named
        .into_iter()
        .map(PathBuf::from)
        .chain(oidc_secret)
        .chain(key_files(&config.pay).into_iter().map(PathBuf::from))
        .filter(|file| !file.as_os_str().is_empty() && files::is_exposed(&dir.join(file)))
        .map(|file| files::for_shell(&dir.join(file)))
        .collect();
    if files::is_exposed(dir) {
        exposed.insert(0, files::for_shell(dir));
    }
    if exposed.is_empty() {
        return found("secrets", Health::Ok, "secrets", &[]);
    }
    let places = exposed.join(" ");
    let values: [(_, &dyn fmt::Display); 1] = [("places", &places)];
    found("secrets", Health::Warning, "secrets-open", &values)
}

/// What the service writes into, each place once: the part, and its folder or file.
fn written_to(dir: &Path, config: &Config) -> Vec<(&'static str, PathBuf)> {
    let mut places = vec![("instance", dir.to_owned())];
    let archive = dir.join(&config.archive.folder);
    // It is made when it is first needed.
    if archive.exists() {
        places.push(("archive", archive));
    }
    if let Some(file) = store_file(dir, config) {
        let folder = file.parent().map(Path::to_owned);
        let folder = folder.filter(|folder| *folder != *dir && folder.exists());
        places.extend(folder.map(|folder| ("store", folder)));
        places.push(("store", file));
    }
    places
}

/// That a place can be written to, or what to do about it.
fn writable((part, place): (&'static str, PathBuf)) -> Finding {
    let tried = if place.is_dir() {
        files::try_writing(&place)
    } else if place.exists() {
        std::fs::OpenOptions::new()
            .append(true)
            .open(&place)
            .map(|_| ())
    } else {
        // That a store is lost is said where it is opened.
        Ok(())
    };
    let at = place.display();
    let Err(error) = tried else {
        return found(part, Health::Ok, "writable", &[("place", &at)]);
    };
    let shell = files::for_shell(&place);
    let why = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "full",
        ErrorKind::ReadOnlyFilesystem => "read-only",
        ErrorKind::PermissionDenied => "denied",
        _ => "other",
    };
    let values: [(_, &dyn fmt::Display); 3] = [("place", &at), ("shell", &shell), ("why", &why)];
    let failure = Failure::told(Exit::Configuration, Fails::NotWritable, &values);
    broken(part, &failure.because(error))
}

/// Whether a database on another machine may be reached over a line that others read, or answered by
/// others (`sslmode`).
fn is_open_line(url: &str) -> bool {
    let Some((_, rest)) = url
        .split_once("://")
        .filter(|(scheme, _)| scheme.starts_with("postgres"))
    else {
        return false;
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let place = place.split('/').next().unwrap_or_default();
    let host = place.rsplit('@').next().unwrap_or_default();
    let named = query.split('&').find_map(|pair| pair.strip_prefix("host="));
    let host = named.unwrap_or(match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    });
    let here = host.is_empty()
        || host == "localhost"
        || host.starts_with(['/', '%'])
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let checked = ["sslmode=verify-full", "sslmode=verify-ca"];
    !here && !query.split('&').any(|pair| checked.contains(&pair))
}

async fn instance_parts(instance: &Instance, looks: &mut Vec<Finding>) {
    looks.push(judge("instance key", instance.key(), "key"));
    looks.push(judge("archive", instance.archive(), "archive"));
    let sealer = instance.sealer();
    let reserve = sealer
        .as_ref()
        .map_or(8192, |sealer| sealer.contents_reserve());
    looks.push(judge("seal", sealer, "seal"));
    let roots = trust_roots(&instance.path(&instance.config.seal.trust_roots));
    looks.push(match &roots {
        Ok(roots) => found(
            "trust roots",
            Health::Ok,
            "roots",
            &[("count", &roots.len())],
        ),
        Err(failure) => broken("trust roots", failure),
    });
    let certificates = upkeep::certificates(instance);
    let (of_payers, rest): (Vec<_>, Vec<_>) = certificates
        .into_iter()
        .partition(|one| matches!(one.used_for, CertificateUse::PaymentSystem(_)));
    looks.push(upkeep::ends(&rest, jiff::Timestamp::now()));
    looks.push(layout(instance, reserve).await);
    looks.push(mails(instance).await);
    looks.extend(payments::systems(instance, &of_payers).await);
    looks.push(judge("mail settings", instance.mailer(), "mail-settings"));
    let portal = instance
        .portal()
        .and_then(|portal| kvit_web::router(portal).fails(Exit::Configuration, Fails::Portal, &[]));
    looks.push(judge("portal", portal, "portal"));
}

/// The layout that counts for new runs.
async fn layout(instance: &Instance, reserve: usize) -> Finding {
    let part = "layout";
    let tried = async {
        let no = instance.store.current_layout().await?;
        instance.composer(no, reserve).await?;
        Ok((no, layouts::unbrought(instance).await?))
    };
    match tried.await {
        Ok((_, Some(said))) => Finding {
            part,
            health: Health::Warning,
            said: vec![said],
        },
        Ok((LayoutNo::BUILTIN, None)) => found(part, Health::Ok, "layout-builtin", &[]),
        Ok((no, None)) => found(part, Health::Ok, "layout", &[("no", &no)]),
        Err(failure) => broken(part, &failure),
    }
}

/// The mails in the texts that count.
async fn mails(instance: &Instance) -> Finding {
    let part = "mails";
    let made = async {
        let no = instance.store.current_texts().await?;
        let (texts, left_out) = wording::usable(&texts_of(instance, no).await?);
        instance.mails(&texts)?;
        Ok((no, left_out))
    };
    match made.await {
        Ok((no, left_out)) => match left_out.first() {
            None => found(part, Health::Ok, "mails", &[]),
            Some((name, fault)) => Finding {
                part,
                health: Health::Warning,
                said: vec![Said::LeftOut(no, name.clone(), fault.clone())],
            },
        },
        Err(failure) => broken(part, &failure),
    }
}

/// What of the run that was released last was laid out one by one, and why.
async fn without_forms(instance: &Instance) -> Option<Finding> {
    let part = "forms";
    let asked = async {
        let Some((run, bills)) = instance.store.latest_run_without_forms().await? else {
            return Ok(None);
        };
        let reasons = instance.store.no_forms(&run).await?;
        Ok::<_, StoreError>(Some((run, bills, reasons)))
    };
    match asked.await.map_err(Failure::from) {
        Ok(found) => found.map(|(run, bills, reasons)| {
            let values = vec![("count", bills.to_string()), ("run", run.to_string())];
            let reasons = reasons.into_iter().map(|(why, _)| Said::NoForm(why));
            Finding {
                part,
                health: Health::Warning,
                said: [Said::Text("without-form", values)]
                    .into_iter()
                    .chain(reasons)
                    .collect(),
            }
        }),
        Err(failure) => Some(broken(part, &failure)),
    }
}

/// Whether bills are collected, and what of it waits for somebody.
async fn autopay(instance: &Instance) -> Option<Finding> {
    let part = "autopay";
    let config = &instance.config;
    let rules = config.debit.rules(config)?;
    let now = jiff::Timestamp::now();
    let counted = async {
        let today = instance.time_zone()?.to_datetime(now).date();
        let silent = today.saturating_sub(SILENT_DAYS.days());
        let store = &instance.store;
        let people = store.debits(Debits::ForPeople(silent), WAITING_MAX).await?;
        let waiting = store.debits(Debits::Waiting, WAITING_MAX).await?;
        // What the bank has to have by the working day after next.
        let soon = earliest(earliest(today));
        let soon = waiting.iter().filter(|debit| debit.day <= soon).count();
        Ok::<_, Failure>((people.len(), soon))
    };
    Some(match counted.await {
        Err(failure) => broken(part, &failure),
        Ok((0, 0)) => {
            let values: [(_, &dyn fmt::Display); 2] =
                [("creditor", &rules.creditor), ("iban", &rules.iban)];
            found(part, Health::Ok, "autopay", &values)
        }
        Ok((people, soon)) => {
            let values: [(_, &dyn fmt::Display); 2] = [("people", &people), ("soon", &soon)];
            found(part, Health::Warning, "autopay-waits", &values)
        }
    })
}

fn mail_server(config: &Config) -> Finding {
    let mail = &config.mail;
    let place = format!("{}:{}", mail.host, mail.port);
    let reached = (mail.host.as_str(), mail.port)
        .to_socket_addrs()
        .and_then(|mut addresses| {
            let none = || std::io::Error::from(ErrorKind::HostUnreachable);
            let address = addresses.next().ok_or_else(none)?;
            std::net::TcpStream::connect_timeout(&address, CONNECT_MAX)
        });
    match reached {
        Ok(_) => found(
            "mail server",
            Health::Ok,
            "mail-server",
            &[("place", &place)],
        ),
        Err(error) => {
            let silent = Fails::MailServerSilent;
            let failure = Failure::told(Exit::Failed, silent, &[("place", &place)]);
            failed("mail server", Health::Warning, &failure.because(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_elsewhere_needs_a_line_that_is_checked() {
        for (url, open) in [
            ("sqlite://kvit.db", false),
            ("postgres://kvit@localhost/kvit", false),
            ("postgres://kvit:p%40ss@127.0.0.1:5432/kvit", false),
            ("postgres://kvit@[::1]:5432/kvit", false),
            ("postgres:///kvit?host=/run/postgresql", false),
            ("postgres://kvit@%2Frun%2Fpostgresql/kvit", false),
            ("postgres://kvit@db.example/kvit", true),
            ("postgresql://kvit:x@[2001:db8::1]/kvit", true),
            ("postgres://kvit@localhost/kvit?host=db.example", true),
            ("postgres://kvit@db.example/kvit?sslmode=require", true),
            ("postgres://kvit@db.example/kvit?sslmode=verify-full", false),
        ] {
            assert_eq!(is_open_line(url), open, "{url}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_takes_no_file_is_named_with_what_to_do() {
        let words = FindingTexts::new(Language::En).expect("well-formed");
        let look = writable(("archive", PathBuf::from("/proc")));
        let text = words.check(&look.said);
        assert!(look.health == Health::Broken, "{text}");
        assert!(
            text.starts_with("/proc cannot be written to\n  because ") && text.contains("\nhint: "),
            "{text}"
        );
        let folder = tempfile::tempdir().expect("a folder");
        let look = writable(("archive", folder.path().to_owned()));
        let text = words.check(&look.said);
        assert!(look.health == Health::Ok, "{text}");
        assert!(text.ends_with(" can be written to"), "{text}");
        let left = std::fs::read_dir(folder.path()).expect("there").count();
        assert_eq!(left, 0, "nothing stays behind");
    }
}
