//! `kvit init`: a new instance.

use std::{fs, path::Path};

use jiff::Timestamp;
use kvit_billing::{Language, ports::Rng};
use kvit_keys::{KeyKind, Pkcs12Key, Throwaway};
use serde_json::json;

use crate::{
    cli::KeyChoice,
    config::{self, Config},
    exit::{Context, Exit, Failure},
    files,
    output::{BOLD, Output},
    wiring::{Instance, KEY_FILE, SystemRng},
};

/// The store of a new instance, beside `kvit.toml`.
const STORE_FILE: &str = "kvit.db";

pub(super) async fn init(out: &Output, dir: &Path, key: KeyChoice) -> Result<Exit, Failure> {
    let instance = create(dir, &Config::default(), key, Timestamp::now()).await?;
    let dir = instance.dir.display().to_string();
    let config = instance.dir.join(config::FILE);
    let value = json!({
        "dir": dir,
        "config": config,
        "trust_root": instance.path(&instance.config.seal.trust_roots),
    });
    out.result(&value, |out| {
        format!(
            "{made} {dir}\n\
             \n\
             Next:\n\
             \x20 1. Open {config}: the operator in it is made up.\n\
             \x20 2. kvit doctor --dir {dir}\n\
             \x20 3. kvit run import FILE --as NAME --dir {dir}\n\
             \n\
             The seal certificate is for trying out; put your own in place before real bills.\n\
             Keep a copy of {KEY_FILE}, apart from those of the store: codes and links depend on it.",
            made = out.out("A new instance is in", BOLD),
            config = config.display(),
        )
    })?;
    Ok(Exit::Done)
}

/// Makes an instance with these settings, whose throwaway seal is good from a moment on. What a crash left half-made is finished; whole instances
/// are refused.
pub(super) async fn create(
    dir: &Path,
    config: &Config,
    key: KeyChoice,
    from: Timestamp,
) -> Result<Instance, Failure> {
    let dir = std::path::absolute(dir).failed("the current folder is not known")?;
    let (config_file, store_file) = (dir.join(config::FILE), dir.join(STORE_FILE));
    let own_store = config.store.url == format!("sqlite://{STORE_FILE}");
    let used = dir.join(&config.archive.folder).exists();
    if config_file.exists() && (store_file.exists() || used || !own_store) {
        let what = format!("there is an instance in {} already", dir.display());
        return Err(Failure::new(Exit::Refused, what).hint("name another folder with --dir"));
    }
    // The store comes last, so one without kvit.toml was not left by us: somebody's bills.
    if store_file.exists() && !config_file.exists() {
        let what = format!("{} holds a store, but no {}", dir.display(), config::FILE);
        return Err(Failure::new(Exit::Refused, what)
            .hint("restore kvit.toml from your backup, or name another folder with --dir"));
    }
    let cannot = |what: &str| format!("{what} cannot be made in {}", dir.display());
    files::private_folder(&dir).failed(cannot("an instance"))?;
    instance_key(&dir).failed(cannot("the instance key"))?;
    seal(&dir, config, key, from)?;
    if !config_file.exists() {
        files::write_private(&config_file, config.render().as_bytes())
            .failed(cannot(config::FILE))?;
    }
    if own_store {
        // SQLite would make it readable for others.
        files::write_private(&store_file, b"").failed(cannot("the store"))?;
    }
    Instance::open(&dir).await
}

/// Thirty-two random bytes. One that is there stays: it may already have been printed on bills.
fn instance_key(dir: &Path) -> std::io::Result<()> {
    let path = dir.join(KEY_FILE);
    if path.exists() {
        return Ok(());
    }
    let mut bytes = [0; 32];
    SystemRng.fill(&mut bytes);
    files::write_private(&path, format!("{}\n", hex::encode(bytes)).as_bytes())
}

/// A throwaway authority and a seal certificate of it. A whole set that is there stays.
fn seal(dir: &Path, config: &Config, key: KeyChoice, from: Timestamp) -> Result<(), Failure> {
    let seal = &config.seal;
    let (file, password_file) = (dir.join(&seal.file), dir.join(&seal.password_file));
    let roots = dir.join(&seal.trust_roots);
    let whole = || {
        let bytes = fs::read(&file).ok()?;
        let password = fs::read_to_string(&password_file).ok()?;
        Pkcs12Key::from_bytes(&bytes, password.trim_end()).ok()
    };
    if roots.exists() && whole().is_some() {
        return Ok(());
    }
    let mut chance = [0; 16];
    SystemRng.fill(&mut chance);
    let password = hex::encode(chance);
    let kind = match key {
        KeyChoice::Rsa2048 => KeyKind::Rsa2048,
        KeyChoice::P256 => KeyKind::P256,
    };
    let organisation = config.operator.name.get(Language::En);
    let made = Throwaway::generate(kind, organisation, from, &password)
        .failed("the throwaway seal cannot be made")?;
    let what = "the throwaway seal cannot be written";
    files::write_private(&password_file, format!("{password}\n").as_bytes()).failed(what)?;
    files::write_private(&file, &made.pkcs12).failed(what)?;
    files::write_private(&roots, made.ca_pem.as_bytes()).failed(what)
}
