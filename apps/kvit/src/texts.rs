//! The texts of mails that count, in the processes that send them, and those that somebody looks at.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use kvit_flow::ports::MailTexts;
use kvit_mail::Mails;
use kvit_store::{ChangedTexts, StoreError};
use kvit_web::{
    NoSample,
    wording::{self, Letters},
};
use tokio::sync::Mutex;

use crate::{exit::Failure, wiring::Instance};

/// So often it is asked which texts count.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Mails in the texts that count.
pub(crate) struct CountingMails {
    instance: Instance,
    now: RwLock<Arc<Mails>>,
    /// The version that was last looked at, and when.
    looked: Mutex<(u32, Option<Instant>)>,
}

impl CountingMails {
    /// Begins with the program's own texts, and the operator's files.
    pub(crate) fn new(instance: Instance) -> Result<Self, Failure> {
        let mails = instance.mails(&ChangedTexts::new())?;
        Ok(Self {
            instance,
            now: RwLock::new(Arc::new(mails)),
            looked: Mutex::default(),
        })
    }

    /// Takes the version that counts. One that cannot be said leaves the last good texts.
    async fn refresh(&self, known: u32) -> Result<u32, StoreError> {
        let no = self.instance.store.current_texts().await?;
        if no == known {
            return Ok(no);
        }
        let (texts, left_out) = wording::usable(&texts_of(&self.instance, no).await?);
        for (text, fault) in left_out {
            tracing::warn!(version = no, text, %fault, "a changed text is not said");
        }
        match self.instance.mails(&texts) {
            Ok(mails) => {
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(mails);
            }
            Err(failure) => {
                tracing::error!(version = no, %failure, "these texts cannot be said; the last ones stay");
            }
        }
        Ok(no)
    }
}

impl MailTexts for CountingMails {
    fn now(&self) -> Arc<Mails> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn look(&self) -> BoxFuture<'_, ()> {
        async move {
            let mut looked = self.looked.lock().await;
            if looked.1.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
                return;
            }
            looked.1 = Some(Instant::now());
            match self.refresh(looked.0).await {
                Ok(no) => looked.0 = no,
                // The claim that follows says so itself.
                Err(error) => tracing::debug!(%error, "it is not known which texts count"),
            }
        }
        .boxed()
    }
}

/// What a version says otherwise than the program.
pub(crate) async fn texts_of(instance: &Instance, no: u32) -> Result<ChangedTexts, StoreError> {
    let version = match no {
        0 => None,
        no => instance.store.text_version(no).await?,
    };
    Ok(version.map(|version| version.texts).unwrap_or_default())
}

/// Mails with texts that need not count.
pub(crate) struct ShownMails(pub(crate) Instance);

impl Letters for ShownMails {
    fn mails(&self, changed: &ChangedTexts) -> Result<Mails, NoSample> {
        let made = self.0.mails(changed);
        made.map_err(|failure| NoSample(failure.to_string().into()))
    }
}
