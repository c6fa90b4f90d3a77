//! `kvit doctor`: each part of an instance, looked at and left as it is.

use std::{
    net::ToSocketAddrs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use crate::{
    config::{self, Config, ProviderConfig},
    exit::{Exit, Failure},
    files,
    output::{BAD, BOLD, GOOD, Output, count},
    ways::key_files,
    wiring::{Instance, KEY_FILE, trust_roots},
};

/// The mail server gets so long to answer.
const CONNECT_MAX: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    Warning,
    Broken,
}

#[derive(Serialize)]
struct Look {
    part: &'static str,
    health: Health,
    finding: String,
}

pub(super) async fn doctor(out: &Output, dir: &Path) -> Result<Exit, Failure> {
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
        looks.push(secrets(dir, config));
        match Instance::open(dir).await {
            Ok(instance) => {
                looks.push(ok("store", "it answers".to_owned()));
                instance_parts(&instance, &mut looks);
                looks.push(mail_server(config));
            }
            Err(failure) => looks.push(broken("store", &failure)),
        }
    }
    out.result(&looks, |out| {
        let lines: Vec<String> = looks.iter().map(|look| line(out, look)).collect();
        lines.join("\n")
    })?;
    if looks.iter().all(|look| look.health != Health::Broken) {
        Ok(Exit::Done)
    } else {
        Ok(Exit::Configuration)
    }
}

fn line(out: &Output, look: &Look) -> String {
    let mark = match look.health {
        Health::Ok => out.out("✓", GOOD),
        Health::Warning => out.out("!", BOLD),
        Health::Broken => out.out("✗", BAD),
    };
    let finding = look.finding.replace('\n', "\n                  ");
    format!("{mark} {:<15} {finding}", look.part)
}

const fn ok(part: &'static str, finding: String) -> Look {
    Look {
        part,
        health: Health::Ok,
        finding,
    }
}

const fn warning(part: &'static str, finding: String) -> Look {
    Look {
        part,
        health: Health::Warning,
        finding,
    }
}

fn broken(part: &'static str, failure: &Failure) -> Look {
    Look {
        part,
        health: Health::Broken,
        finding: failure.to_string(),
    }
}

fn judge<T>(part: &'static str, result: Result<T, Failure>, good: &str) -> Look {
    match result {
        Ok(_) => ok(part, good.to_owned()),
        Err(failure) => broken(part, &failure),
    }
}

fn configuration(config: &Config) -> Look {
    let part = "configuration";
    if config.placeholder {
        let finding = format!(
            "{} can be read; its operator is still made up",
            config::FILE
        );
        return warning(part, finding);
    }
    ok(part, format!("{} can be read", config::FILE))
}

fn secrets(dir: &Path, config: &Config) -> Look {
    let named = [
        Path::new(KEY_FILE),
        config.seal.file.as_path(),
        &config.seal.password_file,
        &config.mail.password_file,
        &config.store.url_file,
    ];
    let mut exposed: Vec<String> = named
        .into_iter()
        .map(PathBuf::from)
        .chain(key_files(&config.pay).into_iter().map(PathBuf::from))
        .filter(|file| !file.as_os_str().is_empty() && files::is_exposed(&dir.join(file)))
        .map(|file| file.display().to_string())
        .collect();
    if files::is_exposed(dir) {
        exposed.insert(0, "the instance's folder".to_owned());
    }
    if exposed.is_empty() {
        return ok("secrets", "only their owner can read them".to_owned());
    }
    let finding = format!("others can read {}: chmod go= them", exposed.join(", "));
    warning("secrets", finding)
}

fn instance_parts(instance: &Instance, looks: &mut Vec<Look>) {
    looks.push(judge("instance key", instance.key(), "it can be read"));
    looks.push(judge("archive", instance.archive(), "the folder is there"));
    let sealer = instance.sealer();
    let reserve = sealer
        .as_ref()
        .map_or(8192, |sealer| sealer.contents_reserve());
    looks.push(judge("seal", sealer, "key and certificate belong together"));
    let roots = trust_roots(&instance.path(&instance.config.seal.trust_roots));
    let number = roots.as_ref().map_or(0, |roots| roots.len() as u64);
    let good = count(number, "certificate", "certificates");
    looks.push(judge("trust roots", roots, &good));
    looks.push(judge(
        "layout",
        instance.composer(reserve),
        "it lays bills out",
    ));
    looks.push(judge("mails", instance.mails(), "they can be made"));
    looks.push(payments(instance));
    looks.push(judge(
        "mail settings",
        instance.mailer(),
        "they fit together",
    ));
    let portal = instance.portal().and_then(|portal| {
        kvit_web::router(portal).map_err(|error| {
            Failure::new(Exit::Configuration, "the portal cannot open").because(error)
        })
    });
    looks.push(judge("portal", portal, "its pages can be made"));
}

/// The ways of paying: that their keys can be used, and whether they are the real ones.
fn payments(instance: &Instance) -> Look {
    let part = "payments";
    let config = &instance.config;
    if let Err(failure) = instance.ways() {
        return broken(part, &failure);
    }
    let number = config.pay.providers.len() as u64;
    if number == 0 {
        return ok(
            part,
            "no payment system is set up; bills are paid by bank transfer".to_owned(),
        );
    }
    let trial =
        |(name, provider): (&String, &ProviderConfig)| (!provider.live).then(|| name.clone());
    let trials: Vec<String> = config.pay.providers.iter().filter_map(trial).collect();
    let found = count(number, "payment system", "payment systems");
    if trials.is_empty() || config.placeholder {
        return ok(part, format!("the keys of {found} can be used"));
    }
    warning(
        part,
        format!(
            "{found}; on trial only (live = false): {}",
            trials.join(", ")
        ),
    )
}

fn mail_server(config: &Config) -> Look {
    let mail = &config.mail;
    let place = format!("{}:{}", mail.host, mail.port);
    let reached = (mail.host.as_str(), mail.port)
        .to_socket_addrs()
        .and_then(|mut addresses| {
            let none = || std::io::Error::other("the name has no address");
            let address = addresses.next().ok_or_else(none)?;
            std::net::TcpStream::connect_timeout(&address, CONNECT_MAX)
        });
    match reached {
        Ok(_) => ok("mail server", format!("{place} answers")),
        Err(error) => warning("mail server", format!("{place} does not answer: {error}")),
    }
}
