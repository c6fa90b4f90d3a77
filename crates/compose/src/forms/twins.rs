//! Twins compressed by plans, one for each structure that has come a few times: which elements there are and what
//! stands on every such bill. Forms do not tell them apart as finely as that, so twins have plans of their own, kept
//! beside the forms.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::{
    ComposeError,
    forms::kept::Kept,
    pdf::write::{QUICK, deflate},
    stream::{Plan, Sample},
    twin::Twin,
};

/// So many structures are remembered; what comes after that is compressed without a plan.
const STRUCTURES_MAX: usize = 500;
/// A structure gets a plan at its so-many-th twin: making one takes as long as compressing hundreds.
const PLAN_FROM: u32 = 8;

#[derive(Default)]
pub(crate) struct Twins {
    structures: RwLock<HashMap<u64, Arc<Structure>>>,
    kept: Option<Arc<Kept>>,
}

#[derive(Default)]
struct Structure {
    met: AtomicU32,
    learned: OnceLock<Option<Learned>>,
}

#[derive(Serialize, Deserialize)]
struct Learned {
    plan: Plan,
    /// What is known of each of its twins, part by part.
    known: Vec<Vec<u8>>,
}

impl Structure {
    /// The plan, once there is one: while one core learns it, the others do without. A twin of another structure
    /// that shares the name by chance has none.
    fn plan(&self, name: u64, twin: &Twin, kept: Option<&Kept>) -> Option<&Plan> {
        let nth = self.met.fetch_add(1, Ordering::Relaxed) + 1;
        if nth == 1
            && let Some(found) = kept.and_then(|kept| kept.find_twin(name))
        {
            let _ = self.learned.set(Some(found));
        }
        if nth == PLAN_FROM {
            self.learned.get_or_init(|| {
                let learned = learned(twin)?;
                if let Some(kept) = kept {
                    kept.keep_twin(name, &learned);
                }
                Some(learned)
            });
        }
        let learned = self.learned.get()?.as_ref()?;
        twin.known().eq(&learned.known).then_some(&learned.plan)
    }
}

impl Twins {
    /// As the default, and finds what an earlier process learned.
    pub(super) fn kept_in(kept: Arc<Kept>) -> Self {
        Self {
            kept: Some(kept),
            ..Self::default()
        }
    }

    /// Hands out the twin as a zlib stream.
    pub(crate) fn compressed(
        &self,
        twin: &Twin,
        out: impl FnOnce(&[u8]),
    ) -> Result<(), ComposeError> {
        let name = twin.structure();
        if let Some(structure) = self.structure(name)
            && let Some(plan) = structure.plan(name, twin, self.kept.as_deref())
        {
            let mut writer = plan.writer();
            twin.show(&mut writer);
            if let Some(compressed) = writer.finish() {
                out(compressed);
                return Ok(());
            }
        }
        out(&deflate(twin.bytes(), QUICK)?);
        Ok(())
    }

    fn structure(&self, name: u64) -> Option<Arc<Structure>> {
        let known = self
            .structures
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&name) {
            return Some(Arc::clone(found));
        }
        drop(known);
        let mut known = self
            .structures
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() >= STRUCTURES_MAX {
            return None;
        }
        Some(Arc::clone(known.entry(name).or_default()))
    }
}

fn learned(twin: &Twin) -> Option<Learned> {
    let mut sample = Sample::default();
    twin.show(&mut sample);
    Some(Learned {
        plan: sample.plan()?,
        known: twin.known().map(<[u8]>::to_vec).collect(),
    })
}
