//! Who stands behind each port: the only place that chooses providers.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::{FutureExt, future::BoxFuture};
use jiff::{Timestamp, tz::TimeZone};
use kvit_archive::FolderArchive;
use kvit_billing::{
    BillNumber, Language, OrderSeq, Role, RunId, Secret,
    code::InstanceKey,
    ports::{Clock, Rng},
};
use kvit_flow::{
    Autopay, Courier, Hours, Issuer, IssuerSettings, Messenger, Poller, Reminders, Sample,
    ports::Archive, read_bill,
};
use kvit_keys::Pkcs12Key;
use kvit_mail::{Mails, RetryLadder};
use kvit_pades::{Sealer, TrustRoots};
use kvit_smtp::{SmtpConfig, SmtpMailer, SmtpSecurity};
use kvit_store::{BillRecord, ChangedTexts, GuardPolicy, Store};
use kvit_web::{
    Documents, Fails, FindingTexts, NoSample, Numbers, Oidc, OidcSettings, Pay, Portal,
    PortalLimits, Samples,
    wording::{self, Part},
};
use kvit_wire::HttpWire;
use tokio::sync::{Mutex, OnceCell};

use crate::{
    composers::{Made, NotMade, ShownLayouts, StoredComposers, own_base},
    config::{Config, Guard, Security},
    exit::{Context, Exit, Failure},
    faults, files, layouts,
    scanning::Scanner,
    texts::{CountingMails, ShownMails},
    upkeep::Kept,
    uploads::{Room, Uploads},
    ways::ConfiguredWays,
};

/// How long somebody of staff waits for a sample bill. The first one loads fonts and layout.
const SAMPLE_SECONDS: u32 = 15;
/// Name of the instance key's file.
pub(crate) const KEY_FILE: &str = "instance.key";

/// An opened instance.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) dir: PathBuf,
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) composers: Arc<Mutex<Made>>,
}

impl Instance {
    /// Opens the instance in `dir`.
    pub(crate) async fn open(dir: &Path) -> Result<Self, Failure> {
        let config = Config::read(dir)?;
        let dir = std::path::absolute(dir).fails(Exit::Failed, Fails::FolderUnknown, &[])?;
        let url = store_url(&dir, &config)?;
        if let Some(file) = url.strip_prefix("sqlite://")
            && !Path::new(file).exists()
        {
            // An empty one in its place would begin the numbers of bills again.
            return Err(Failure::told(
                Exit::Configuration,
                Fails::StoreMissing,
                &[("file", &file)],
            ));
        }
        let store = Store::open(&url).await;
        let store = store.fails(Exit::Failed, Fails::StoreClosed, &[])?;
        Ok(Self {
            dir,
            config,
            store,
            composers: Arc::default(),
        })
    }

    /// A path of the configuration, seen from the instance's folder.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.dir.join(path)
    }

    pub(crate) fn key(&self) -> Result<Arc<InstanceKey>, Failure> {
        let path = self.dir.join(KEY_FILE);
        let text = files::secret(&path, "instance-key")?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes).fails(
            Exit::Configuration,
            Fails::InstanceKey,
            &[("path", &path.display())],
        )?;
        Ok(Arc::new(InstanceKey::new(&bytes)))
    }

    pub(crate) fn archive(&self) -> Result<Arc<dyn Archive>, Failure> {
        let folder = self.path(&self.config.archive.folder);
        let made = files::private_folder(&folder);
        let at = folder.display();
        made.fails(Exit::Failed, Fails::ArchiveFolder, &[("folder", &at)])?;
        let archive = FolderArchive::open(&folder);
        let archive = archive.fails(Exit::Failed, Fails::ArchiveClosed, &[])?;
        Ok(Arc::new(archive))
    }

    pub(crate) fn seal_key(&self) -> Result<Pkcs12Key, Failure> {
        let seal = &self.config.seal;
        let bytes = files::configured(&self.path(&seal.file), "seal")?;
        let password = files::secret(&self.path(&seal.password_file), "seal-password")?;
        Pkcs12Key::from_bytes(&bytes, &password).fails(Exit::Configuration, Fails::Seal, &[])
    }

    pub(crate) fn sealer(&self) -> Result<Sealer, Failure> {
        Sealer::new(Arc::new(self.seal_key()?)).fails(Exit::Configuration, Fails::Seal, &[])
    }

    /// What issues bills. The layout that counts is made now; one that does not work is told in the log and costs
    /// the runs that have it, no others and nothing else that the process does.
    pub(crate) async fn issuer(&self, worker: &str) -> Result<Issuer, Failure> {
        let issue = &self.config.issue;
        let sealer = self.sealer()?;
        let contents_reserve = sealer.contents_reserve();
        let current = self.store.current_layout().await?;
        if let Some(said) = layouts::unbrought(self).await? {
            let words = FindingTexts::new(Language::En).failed("the built-in texts are broken")?;
            tracing::warn!("{}", words.check(&[said]));
        }
        match self.composer(current, contents_reserve).await {
            Ok(_) => {}
            Err(NotMade::Unusable(failure)) => tracing::error!(
                layout = current.0,
                %failure,
                "the layout that counts cannot be used: runs that have it are not issued"
            ),
            Err(why) => return Err(why.into()),
        }
        Ok(Issuer {
            store: self.store.clone(),
            archive: self.archive()?,
            composers: Arc::new(StoredComposers {
                instance: self.clone(),
                contents_reserve,
            }),
            sealer: Arc::new(sealer),
            key: self.key()?,
            clock: Arc::new(SystemClock),
            checkpoints: faults::checkpoints(),
            settings: IssuerSettings {
                worker: worker.to_owned(),
                lease_s: issue.lease_s,
                currency: self.config.operator.currency,
                public_url: self.config.portal.public_url.clone(),
                time_zone: issue.time_zone.clone(),
                delivery_hours: issue.delivery_hours,
                paper_until: self.config.enrolment.paper_until,
            },
        })
    }

    pub(crate) fn courier(&self, worker: &str) -> Result<Courier, Failure> {
        let mail = &self.config.mail;
        let ladder = RetryLadder::new(mail.retry_delays_s.clone());
        let ladder = setting(ladder, "[mail] retry_delays_s")?;
        Ok(Courier {
            store: self.store.clone(),
            archive: self.archive()?,
            mailer: Arc::new(self.mailer()?),
            mails: Arc::new(CountingMails::new(self.clone())?),
            ways: self.ways()?,
            key: self.key()?,
            clock: Arc::new(SystemClock),
            checkpoints: faults::checkpoints(),
            ladder,
            reminder_hours: if self.config.reminders.kinds().is_empty() {
                None
            } else {
                Some(self.reminder_hours()?)
            },
            public_url: self.config.portal.public_url.clone(),
            delivery_hours: self.config.issue.delivery_hours,
            paper_until: self.config.enrolment.paper_until,
            worker: worker.to_owned(),
            connections: mail.connections,
        })
    }

    pub(crate) fn mailer(&self) -> Result<SmtpMailer, Failure> {
        let mail = &self.config.mail;
        let named = |path: &Path| !path.as_os_str().is_empty();
        let password = if named(&mail.password_file) {
            let path = self.path(&mail.password_file);
            Some(Secret::new(files::secret(&path, "mail-password")?))
        } else {
            None
        };
        let extra_root_pem = if named(&mail.roots_file) {
            let path = self.path(&mail.roots_file);
            Some(files::configured(&path, "mail-roots")?)
        } else {
            None
        };
        let mailer = SmtpMailer::new(SmtpConfig {
            host: mail.host.clone(),
            port: mail.port,
            security: match mail.security {
                Security::Plain => SmtpSecurity::Plain,
                Security::StartTls => SmtpSecurity::StartTls,
                Security::Tls => SmtpSecurity::Tls,
            },
            allow_plain_remote: mail.allow_plain_remote,
            user: Some(mail.user.clone()).filter(|user| !user.is_empty()),
            password,
            hello_name: mail.hello_name.clone(),
            connections: mail.connections,
            timeout_s: mail.timeout_s,
            extra_root_pem,
        });
        setting(mailer, "[mail]")
    }

    /// Mails with the operator's own files, and these texts in place of theirs.
    pub(crate) fn mails(&self, changed: &ChangedTexts) -> Result<Mails, Failure> {
        let (config, mail) = (&self.config, &self.config.mail);
        let mails = Mails::new(
            config.operator.clone(),
            config.brand.clone(),
            &config.portal.public_url,
            &mail.domain,
            &mail.sender,
        )
        .fails(Exit::Configuration, Fails::Mails, &[])?;
        let mut own = files::text_overrides(&self.path(&mail.overrides))?;
        for (name, texts) in wording::fluent(changed, Part::Mail) {
            match own.iter_mut().find(|(file, _)| *file == name) {
                // The later of two lines of one name counts.
                Some((_, file)) => file.push_str(&format!("\n\n{texts}")),
                None => own.push((name, texts)),
            }
        }
        if own.is_empty() {
            return Ok(mails);
        }
        mails
            .with_overrides(own)
            .fails(Exit::Configuration, Fails::Mails, &[])
    }

    pub(crate) fn portal(&self) -> Result<Portal, Failure> {
        let (config, portal) = (&self.config, &self.config.portal);
        let time_zone = self.time_zone()?;
        Ok(Portal {
            store: self.store.clone(),
            documents: Arc::new(ArchivedDocuments(self.archive()?)),
            key: self.key()?,
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
            operator: config.operator.clone(),
            brand: config.brand.clone(),
            logo_svg: files::logo(&self.dir, &self.config.brand)?,
            public_url: portal.public_url.clone(),
            limits: PortalLimits {
                per_number: policy(portal.wrong_codes_per_number),
                per_address: policy(portal.wrong_codes_per_address),
                session_minutes: portal.session_minutes,
                proof_hours: portal.proof_hours,
                trusted_proxies: portal.behind_proxy,
                sample_seconds: SAMPLE_SECONDS,
                upload_bytes_max: config.import.upload_bytes_max,
                scan_bytes_max: kvit_scan::FILE_BYTES_MAX,
            },
            overrides: files::text_overrides(&self.path(&portal.overrides))?,
            delivery_hours: config.issue.delivery_hours,
            paper_until: config.enrolment.paper_until,
            numbers: self.numbers()?,
            placeholder: config.placeholder,
            declaration_version: portal.declaration_version.clone(),
            time_zone,
            pay: Pay {
                ways: self.ways()?,
                wire: Arc::new(HttpWire::default()),
            },
            samples: Arc::new(DrawnSamples {
                instance: self.clone(),
                issuer: Arc::default(),
            }),
            layouts: Arc::new(ShownLayouts::new(self.clone())),
            layout_base: own_base(),
            letters: Arc::new(ShownMails(self.clone())),
            checkpoints: faults::checkpoints(),
            upkeep: Arc::new(Kept::new(self.clone())),
            imports: Arc::new(Uploads::new(self.clone(), Room::new(self))),
            scans: Arc::new(Scanner::new(self, Room::new(self))?),
            oidc: self.oidc()?,
            local_accounts: config.staff.local_accounts,
            reminders: !config.reminders.kinds().is_empty(),
            debits: config.debit.rules(config),
        })
    }

    /// The identity provider of staff, if there is one.
    pub(crate) fn oidc(&self) -> Result<Option<Oidc>, Failure> {
        let Some(oidc) = &self.config.staff.oidc else {
            return Ok(None);
        };
        let secret = self.path(&oidc.client_secret_file);
        let role = |(group, role): (&String, &String)| Some((group.clone(), Role::parse(role)?));
        let settings = OidcSettings {
            issuer: oidc.issuer.clone(),
            client_id: oidc.client_id.clone(),
            client_secret: Secret::new(files::secret(&secret, "client-secret")?),
            title: oidc.title.clone(),
            scopes: oidc.scopes.clone(),
            login_claim: oidc.login_claim.clone(),
            roles_claim: oidc.roles_claim.clone(),
            roles: oidc.roles.iter().filter_map(role).collect(),
            centre_claim: oidc.centre_claim.clone(),
            acr_values: oidc.acr_values.clone(),
            create_accounts: oidc.create_accounts,
        };
        Ok(Some(Oidc::new(settings, Arc::new(HttpWire::default()))))
    }

    /// Where the operator sits.
    pub(crate) fn time_zone(&self) -> Result<TimeZone, Failure> {
        let zone = TimeZone::get(&self.config.issue.time_zone);
        setting(zone, "[issue] time_zone")
    }

    fn reminder_hours(&self) -> Result<Hours, Failure> {
        let reminders = &self.config.reminders;
        Ok(Hours {
            from: reminders.from_hour.cast_signed(),
            to: reminders.to_hour.cast_signed(),
            zone: self.time_zone()?,
        })
    }

    pub(crate) fn reminders(&self) -> Result<Reminders, Failure> {
        Ok(Reminders {
            store: self.store.clone(),
            key: self.key()?,
            clock: Arc::new(SystemClock),
            checkpoints: faults::checkpoints(),
            kinds: self.config.reminders.kinds(),
            hours: self.reminder_hours()?,
        })
    }

    /// Decides what is collected.
    pub(crate) fn autopay(&self) -> Result<Autopay, Failure> {
        Ok(Autopay {
            store: self.store.clone(),
            clock: Arc::new(SystemClock),
            checkpoints: faults::checkpoints(),
            rules: self.config.debit.rules(&self.config),
            zone: self.time_zone()?,
        })
    }

    /// The configured payment systems with their keys.
    pub(crate) fn ways(&self) -> Result<Arc<ConfiguredWays>, Failure> {
        let config = &self.config;
        let ways = ConfiguredWays::open(&self.dir, &config.pay, &config.operator)?;
        Ok(Arc::new(ways))
    }

    pub(crate) fn poller(&self) -> Result<Poller, Failure> {
        Ok(Poller {
            store: self.store.clone(),
            ways: self.ways()?,
            wire: Arc::new(HttpWire::default()),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
            checkpoints: faults::checkpoints(),
        })
    }

    pub(crate) fn messenger(&self) -> Result<Messenger, Failure> {
        Ok(Messenger {
            store: self.store.clone(),
            post: Arc::new(HttpWire::default()),
            key: self.key()?,
            clock: Arc::new(SystemClock),
            checkpoints: faults::checkpoints(),
        })
    }

    /// Where the numbers of released runs come from.
    pub(crate) fn numbers(&self) -> Result<Numbers, Failure> {
        let issue = &self.config.issue;
        Ok(Numbers {
            series: setting(issue.series.parse(), "[issue] series")?,
            first: BillNumber::new(issue.first_number)
                .ok_or_else(|| Failure::told(Exit::Configuration, Fails::FirstNumber, &[]))?,
        })
    }
}

/// What a setting makes, or which one does not work.
fn setting<T, E: Error + Send + Sync + 'static>(
    made: Result<T, E>,
    key: &str,
) -> Result<T, Failure> {
    made.fails(Exit::Configuration, Fails::Setting, &[("key", &key)])
}

/// Certificates to trust, from a PEM file.
pub(crate) fn trust_roots(path: &Path) -> Result<TrustRoots, Failure> {
    let pem = files::configured(path, "roots")?;
    TrustRoots::from_pem(&String::from_utf8_lossy(&pem)).fails(
        Exit::Configuration,
        Fails::TrustRoots,
        &[("path", &path.display())],
    )
}

/// The database's address; a relative SQLite file lies in the instance's folder.
pub(crate) fn store_url(dir: &Path, config: &Config) -> Result<String, Failure> {
    let store = &config.store;
    let url = if store.url_file.as_os_str().is_empty() {
        store.url.clone()
    } else {
        files::secret(&dir.join(&store.url_file), "database")?
    };
    Ok(match url.strip_prefix("sqlite:") {
        Some(file) => format!(
            "sqlite://{}",
            dir.join(file.trim_start_matches("//")).display()
        ),
        None => url,
    })
}

/// The file of an SQLite store, where its address can be read.
pub(crate) fn store_file(dir: &Path, config: &Config) -> Option<PathBuf> {
    let url = store_url(dir, config).ok()?;
    url.strip_prefix("sqlite://").map(PathBuf::from)
}

const fn policy(guard: Guard) -> GuardPolicy {
    GuardPolicy {
        max_fails: guard.max,
        window_s: guard.window_s,
        block_s: guard.block_s,
    }
}

/// The machine's clock, in microseconds: what the store can keep.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

/// The machine's source of chance.
pub(crate) struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        // Going on without chance would make tokens that can be guessed.
        #[allow(clippy::expect_used, reason = "there is no safe way on")]
        aws_lc_rs::rand::fill(bytes).expect("the system gives random bytes");
    }
}

/// The portal reads bills from the archive, their hash checked.
struct ArchivedDocuments(Arc<dyn Archive>);

impl Documents for ArchivedDocuments {
    fn bill_pdf<'a>(
        &'a self,
        bill: &'a BillRecord,
    ) -> BoxFuture<'a, Result<Vec<u8>, kvit_web::DocumentError>> {
        async move {
            read_bill(self.0.as_ref(), bill)
                .await
                .map_err(|error| match error {
                    kvit_flow::DocumentError::Altered { .. } => kvit_web::DocumentError::Changed,
                    other => kvit_web::DocumentError::Archive(Box::new(other)),
                })
        }
        .boxed()
    }
}

/// Samples by the composer that issues. It is made for the first one: most portals never draw any.
struct DrawnSamples {
    instance: Instance,
    issuer: Arc<OnceCell<Issuer>>,
}

impl Samples for DrawnSamples {
    fn sample(
        &self,
        run: RunId,
        seq: OrderSeq,
    ) -> BoxFuture<'static, Result<Option<Sample>, NoSample>> {
        let (instance, issuer) = (self.instance.clone(), Arc::clone(&self.issuer));
        async move {
            let made = issuer.get_or_try_init(|| async {
                let made = instance.issuer("samples").await;
                made.map_err(|failure| NoSample(failure.to_string().into()))
            });
            let drawn = made.await?.sample(&run, seq).await;
            drawn.map_err(|error| NoSample(Box::new(error)))
        }
        .boxed()
    }
}
