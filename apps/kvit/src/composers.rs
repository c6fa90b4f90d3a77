//! The composers of an instance: one for each version of its layout that is in use, made once and kept for a while;
//! and layouts as issuing and the console ask for them.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt, future::BoxFuture};
use kvit_billing::{LayoutBaseNo, LayoutNo, RunLayout, ports::Compose};
use kvit_compose::{Composer, ComposerSettings, Layout};
use kvit_flow::ports::{Composers, NoComposer};
use kvit_store::{LayoutFiles, StoreError, layout_hash};
use kvit_web::{Fails, Layouts, NoSample};

use crate::{
    exit::{Exit, Failure},
    files, layouts,
    wiring::Instance,
};

/// Composers kept at once: of the layout that counts, of one that a run under way keeps, and of one that somebody
/// looks at. Each may have a hundred forms in memory.
const COMPOSERS_MAX: usize = 3;
/// Compiled forms of bills; may be deleted at any time.
const FORMS_FOLDER: &str = "forms";
/// A layout, and the room that its bills leave for the seal.
type Wanted = (RunLayout, usize);

/// What became of layouts in this process.
#[derive(Default)]
pub(crate) struct Made {
    /// Composers, the latest used last.
    composers: Vec<(Wanted, Arc<Composer>)>,
    /// Why others have none. Neither a version nor the program changes, so each is tried once.
    failed: HashMap<Wanted, Failure>,
    /// Whether a set of files beneath is that of this program: such a layout has no composer of its own.
    is_own: HashMap<LayoutBaseNo, bool>,
}

/// Why there is no composer.
pub(crate) enum NotMade {
    /// The store failed; the layout itself may be good.
    Store(StoreError),
    /// The layout cannot be used.
    Unusable(Failure),
}

impl From<StoreError> for NotMade {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotMade> for Failure {
    fn from(why: NotMade) -> Self {
        match why {
            NotMade::Store(error) => error.into(),
            NotMade::Unusable(failure) => failure,
        }
    }
}

impl Instance {
    /// The layout that counts for new runs, for what is asked of it besides bills.
    pub(crate) async fn current_layout(&self) -> Result<Layout, Failure> {
        let no = self.store.current_layout().await?;
        Ok(self.layout(no.into()).await?)
    }

    async fn layout(&self, of: RunLayout) -> Result<Layout, NotMade> {
        let no = of.no;
        let unusable = NotMade::Unusable;
        let stored = match self.store.whole_layout(of).await {
            Ok(Some(stored)) => stored,
            Ok(None) => {
                return Err(NotMade::Unusable(Failure::told(
                    Exit::Failed,
                    Fails::LayoutUnknown,
                    &[("no", &no)],
                )));
            }
            Err(error @ StoreError::Corrupt { .. }) => {
                return Err(unusable(no_layout(Exit::Failed, no).because(error)));
            }
            Err(error) => return Err(error.into()),
        };
        let layout = match stored.base {
            Some(base) => Layout::over(base, stored.files),
            None => Layout::with_files(stored.files),
        };
        layout.map_err(|error| unusable(no_layout(Exit::Configuration, no).because(error)))
    }

    /// What a composer of this instance is made of.
    pub(crate) fn composer_settings(
        &self,
        layout: Layout,
        contents_reserve: usize,
    ) -> Result<ComposerSettings, Failure> {
        Ok(ComposerSettings {
            layout,
            operator: self.config.operator.clone(),
            brand: self.config.brand.clone(),
            logo_svg: files::logo(&self.dir, &self.config.brand)?,
            contents_reserve,
        })
    }

    /// The composer of a layout; bills leave so many bytes of room for the seal. Made once, off the threads that
    /// serve pages, and kept for as long as it is among the latest.
    pub(crate) async fn composer(
        &self,
        layout: impl Into<RunLayout>,
        contents_reserve: usize,
    ) -> Result<Arc<Composer>, NotMade> {
        let mut layout = layout.into();
        let mut made = self.composers.lock().await;
        if let Some(base) = layout.base {
            let is_own = match made.is_own.get(&base) {
                Some(known) => *known,
                None => self.store.layout_base_hash(base).await? == *own_base_hash(),
            };
            made.is_own.insert(base, is_own);
            layout.base = layout.base.filter(|_| !is_own);
        }
        let wanted = (layout, contents_reserve);
        if let Some(failure) = made.failed.get(&wanted) {
            return Err(NotMade::Unusable(failure.clone()));
        }
        let known = &mut made.composers;
        if let Some(at) = known.iter().position(|(known, _)| *known == wanted) {
            let found = known.remove(at);
            let composer = Arc::clone(&found.1);
            known.push(found);
            return Ok(composer);
        }
        let settings = self
            .composer_settings(self.layout(layout).await?, contents_reserve)
            .map_err(NotMade::Unusable)?;
        let composer = match self.make_composer(layout.no, settings).await {
            Ok(composer) => Arc::new(composer),
            Err(failure) => {
                made.failed.insert(wanted, failure.clone());
                return Err(NotMade::Unusable(failure));
            }
        };
        if made.composers.len() >= COMPOSERS_MAX {
            made.composers.remove(0);
        }
        made.composers.push((wanted, Arc::clone(&composer)));
        Ok(composer)
    }

    async fn make_composer(
        &self,
        no: LayoutNo,
        settings: ComposerSettings,
    ) -> Result<Composer, Failure> {
        let forms = self.dir.join(FORMS_FOLDER);
        let make = move || {
            let composer = Composer::new(settings)
                .map_err(|error| no_layout(Exit::Configuration, no).because(error))?;
            // Without a folder, or a name for this build, forms are made again: that costs time and nothing else.
            let folder = files::private_folder(&forms);
            Ok(match folder.and_then(|()| program()) {
                Ok(program) => composer.with_forms_kept_in(&forms, &program),
                Err(_) => composer,
            })
        };
        let composer = tokio::task::spawn_blocking(make).await;
        composer.map_err(|died| no_layout(Exit::Failed, no).because(died))?
    }
}

/// The composers of the versions in the store.
pub(crate) struct StoredComposers {
    pub(crate) instance: Instance,
    pub(crate) contents_reserve: usize,
}

impl Composers for StoredComposers {
    fn composer(&self, layout: RunLayout) -> BoxFuture<'_, Result<Arc<dyn Compose>, NoComposer>> {
        async move {
            let made = self.instance.composer(layout, self.contents_reserve).await;
            match made {
                Ok(composer) => Ok(composer as Arc<dyn Compose>),
                Err(NotMade::Store(error)) => Err(NoComposer::Store(error)),
                Err(NotMade::Unusable(failure)) => Err(NoComposer::Unusable {
                    layout: layout.no,
                    source: failure.to_string().into(),
                }),
            }
        }
        .boxed()
    }
}

/// Layouts as the console shows them.
pub(crate) struct ShownLayouts {
    instance: Instance,
    /// Of the layout that comes with Kvit, once somebody has looked at it.
    report: Arc<OnceLock<Option<serde_json::Value>>>,
    is_tried: AtomicBool,
}

impl ShownLayouts {
    pub(crate) fn new(instance: Instance) -> Self {
        Self {
            instance,
            report: Arc::default(),
            is_tried: false.into(),
        }
    }
}

impl Layouts for ShownLayouts {
    fn kinds(&self) -> Vec<String> {
        layouts::bills().into_iter().map(|(name, _)| name).collect()
    }

    fn sample(
        &self,
        layout: LayoutNo,
        kind: String,
    ) -> BoxFuture<'static, Result<Option<Vec<u8>>, NoSample>> {
        let instance = self.instance.clone();
        async move {
            let none = |why: NotMade| NoSample(Failure::from(why).to_string().into());
            let found = layouts::bills().into_iter().find(|(name, _)| *name == kind);
            let Some((_, bill)) = found else {
                return Ok(None);
            };
            let reserve = layouts::CONTENTS_RESERVE;
            let composer = instance.composer(layout, reserve).await.map_err(none)?;
            let drawn = tokio::task::spawn_blocking(move || composer.sample(&bill)).await;
            match drawn {
                Ok(Ok(pdf)) => Ok(Some(pdf)),
                Ok(Err(error)) => Err(NoSample(Box::new(error))),
                Err(died) => Err(NoSample(Box::new(died))),
            }
        }
        .boxed()
    }

    fn try_out(&self, layout: LayoutNo) -> BoxFuture<'static, Result<(), NoSample>> {
        let instance = self.instance.clone();
        async move {
            let composer = instance.composer(layout, layouts::CONTENTS_RESERVE).await;
            match composer {
                Ok(_) => Ok(()),
                Err(why) => Err(NoSample(Failure::from(why).to_string().into())),
            }
        }
        .boxed()
    }

    fn builtin_report(&self) -> Option<serde_json::Value> {
        if !self.is_tried.swap(true, Ordering::AcqRel) {
            let (instance, report) = (self.instance.clone(), Arc::clone(&self.report));
            tokio::task::spawn_blocking(move || {
                let found = layouts::builtin_report(&instance);
                if let Err(failure) = &found {
                    tracing::error!(%failure, "the layout that comes with Kvit cannot be tried");
                }
                let _ = report.set(found.ok());
            });
        }
        self.report
            .get()
            .map(|found| found.clone().unwrap_or_default())
    }
}

/// The files that come with this program, as versions and runs keep them.
pub(crate) fn own_base() -> Arc<LayoutFiles> {
    static OWN: LazyLock<Arc<LayoutFiles>> = LazyLock::new(|| Arc::new(Layout::base()));
    Arc::clone(&OWN)
}

fn own_base_hash() -> &'static [u8; 32] {
    static HASH: LazyLock<[u8; 32]> = LazyLock::new(|| layout_hash(&Layout::base()));
    &HASH
}

fn no_layout(exit: Exit, no: LayoutNo) -> Failure {
    match no {
        LayoutNo::BUILTIN => Failure::told(exit, Fails::BuiltinLayout, &[]),
        no => Failure::told(exit, Fails::Layout, &[("no", &no)]),
    }
}

/// Names this build of the program: forms of another one may be other forms.
fn program() -> io::Result<String> {
    let about = std::env::current_exe().and_then(std::fs::metadata)?;
    let (length, changed) = (about.len(), about.modified()?);
    Ok(format!(
        "{} {length} {changed:?}",
        env!("CARGO_PKG_VERSION")
    ))
}
