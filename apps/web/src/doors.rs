//! The portal with the texts that count: looked for every few seconds, so that every process has another version
//! soon, and swapped as a whole, so that no page mixes two.

use std::{
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use axum::extract::FromRef;
use kvit_store::ChangedTexts;
use tokio::sync::Mutex;

use crate::{
    App, Hall, NoSample,
    pages::Pages,
    wording::{self, Part},
};

/// So often it is asked which texts count.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// The portal as it is now: what never changes while it runs, and the pages.
pub(crate) struct House {
    pub(crate) hall: Arc<Hall>,
    pub(crate) pages: Arc<Pages>,
    /// The version of the texts that they have; 0 is the program's own.
    pub(crate) texts: u32,
}

impl Deref for House {
    type Target = Hall;

    fn deref(&self) -> &Hall {
        &self.hall
    }
}

/// Gives each request the portal as it is now.
#[derive(Clone)]
pub(crate) struct Doors(Arc<Inner>);

struct Inner {
    now: RwLock<App>,
    /// When it was last asked which texts count.
    looked: Mutex<Option<Instant>>,
}

impl FromRef<Doors> for App {
    fn from_ref(doors: &Doors) -> Self {
        doors.app()
    }
}

impl Doors {
    pub(crate) fn new(app: App) -> Self {
        Self(Arc::new(Inner {
            now: RwLock::new(app),
            looked: Mutex::default(),
        }))
    }

    pub(crate) fn app(&self) -> App {
        let now = self.0.now.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&now)
    }

    /// The same, after a look where the last one is a few seconds old. Who comes while somebody looks does not wait.
    pub(crate) async fn look(&self) -> App {
        if let Ok(mut looked) = self.0.looked.try_lock()
            && looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN)
        {
            self.refresh().await;
            *looked = Some(Instant::now());
        }
        self.app()
    }

    /// Looks at once: somebody has just made another version count.
    pub(crate) async fn look_now(&self) {
        let mut looked = self.0.looked.lock().await;
        self.refresh().await;
        *looked = Some(Instant::now());
    }

    /// Takes the version that counts. One that cannot be said leaves the last good pages.
    async fn refresh(&self) {
        let app = self.app();
        let store = &app.portal.store;
        let version = match store.current_texts().await {
            Ok(no) if no == app.texts => return,
            Ok(0) => Ok((0, ChangedTexts::new())),
            Ok(no) => store.text_version(no).await.map(|found| {
                let texts = found.map(|version| version.texts);
                (no, texts.unwrap_or_default())
            }),
            Err(error) => Err(error),
        };
        let (no, texts) = match version {
            Ok(version) => version,
            Err(error) => {
                // Requests say so themselves; the next look asks again.
                tracing::debug!(%error, "it is not known which texts count");
                return;
            }
        };
        let (texts, left_out) = wording::usable(&texts);
        for (text, fault) in left_out {
            tracing::warn!(version = no, text, %fault, "a changed text is not said");
        }
        let pages = match pages_saying(&app, texts).await {
            Ok(pages) => Arc::new(pages),
            Err(error) => {
                tracing::error!(version = no, error = %error.0, "these texts cannot be said; the last ones stay");
                Arc::clone(&app.pages)
            }
        };
        let house = House {
            hall: Arc::clone(&app.hall),
            pages,
            texts: no,
        };
        *self.0.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(house);
    }
}

/// The pages with these texts in place of the program's, made off the threads that serve.
pub(crate) async fn pages_saying(app: &App, changed: ChangedTexts) -> Result<Pages, NoSample> {
    let hall = Arc::clone(&app.hall);
    let made = tokio::task::spawn_blocking(move || {
        let portal = &hall.portal;
        let mut own = portal.overrides.clone();
        own.extend(wording::fluent(&changed, Part::Page));
        Pages::new(
            &portal.operator,
            &portal.brand,
            portal.logo_svg.clone(),
            &own,
        )
    });
    match made.await {
        Ok(Ok(pages)) => Ok(pages),
        Ok(Err(error)) => Err(NoSample(Box::new(error))),
        Err(died) => Err(NoSample(Box::new(died))),
    }
}
