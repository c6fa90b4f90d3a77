//! What the payment systems' addresses are sent and is not believed. The first of its kind is written
//! at once, what follows within some seconds together: a stranger who sends much makes few writes, and
//! few lines in the log. A process that ends loses the count of the last seconds, and nothing else.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kvit_pay::{ProviderName, Refusal};

use crate::App;

/// So long further ones are only counted.
const TOGETHER: Duration = Duration::from_secs(3);

/// From whom, and why.
type Kind = (ProviderName, &'static str);

/// The counts since the last write.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Kind, u64>>);

impl Refusals {
    fn open(&self) -> MutexGuard<'_, HashMap<Kind, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one; says whether it is the first for a while, which is written by the caller.
    fn is_first(&self, kind: &Kind) -> bool {
        match self.open().entry(kind.clone()) {
            Entry::Occupied(mut further) => {
                *further.get_mut() += 1;
                false
            }
            Entry::Vacant(first) => {
                first.insert(0);
                true
            }
        }
    }

    /// How many came since the first.
    fn take(&self, kind: &Kind) -> u64 {
        self.open().remove(kind).unwrap_or_default()
    }
}

/// Counts something that is not believed.
pub(crate) async fn not_believed(app: &App, name: &ProviderName, refused: &Refusal) {
    let kind = (name.clone(), refused.word());
    if !app.refusals.is_first(&kind) {
        return;
    }
    write(app, &kind, 1).await;
    let app = Arc::clone(app);
    tokio::spawn(async move {
        tokio::time::sleep(TOGETHER).await;
        let times = app.refusals.take(&kind);
        if times > 0 {
            write(&app, &kind, times).await;
        }
    });
}

async fn write(app: &App, (name, why): &Kind, times: u64) {
    tracing::warn!(provider = %name, why, times, "what came is not believed");
    let now = app.portal.clock.now();
    let store = &app.portal.store;
    if let Err(error) = store.refuse_notices(name, why, times, now).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a refusal could not be counted"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_written_and_the_others_are_counted() {
        let refusals = Refusals::default();
        let kind: Kind = ("epay".parse().expect("a name"), "signature");
        let other: Kind = ("epay".parse().expect("a name"), "form");
        assert!(refusals.is_first(&kind));
        for _ in 0..1000 {
            assert!(!refusals.is_first(&kind));
        }
        assert!(refusals.is_first(&other));
        assert_eq!((refusals.take(&kind), refusals.take(&other)), (1000, 0));
        assert!(refusals.is_first(&kind), "a while later");
    }
}
