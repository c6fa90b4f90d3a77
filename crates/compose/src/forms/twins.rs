//! Twins compressed by plans, one for each structure that has come a few times: which elements there are and what
//! stands on every such bill. Forms do not tell them apart as finely as that, so twins have plans of their own.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    ComposeError,
    forms::stream::{Plan, Sample},
    pdf::write::{QUICK, deflate},
    twin::Twin,
};

/// So many structures are remembered; what comes after that is compressed without a plan.
const STRUCTURES_MAX: usize = 500;
/// A structure gets a plan at its so-many-th twin: making one takes as long as compressing hundreds.
const PLAN_FROM: u32 = 8;

#[derive(Default)]
pub(crate) struct Twins {
    structures: RwLock<HashMap<u64, Arc<Structure>>>,
}

#[derive(Default)]
struct Structure {
    met: AtomicU32,
    plan: OnceLock<Option<Plan>>,
}

impl Structure {
    /// The plan, once there is one: while one core learns it, the others do without.
    fn plan(&self, twin: &Twin) -> Option<&Plan> {
        if self.met.fetch_add(1, Ordering::Relaxed) + 1 == PLAN_FROM {
            return self.plan.get_or_init(|| learned(twin)).as_ref();
        }
        self.plan.get()?.as_ref()
    }
}

impl Twins {
    /// The twin as a zlib stream.
    pub(crate) fn compressed(&self, twin: &Twin) -> Result<Vec<u8>, ComposeError> {
        if let Some(structure) = self.structure(twin)
            && let Some(plan) = structure.plan(twin)
        {
            let mut writer = plan.writer();
            twin.show(&mut writer);
            if let Some(compressed) = writer.finish() {
                return Ok(compressed);
            }
        }
        deflate(twin.bytes(), QUICK)
    }

    fn structure(&self, twin: &Twin) -> Option<Arc<Structure>> {
        let structure = twin.structure();
        let known = self
            .structures
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&structure) {
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
        Some(Arc::clone(known.entry(structure).or_default()))
    }
}

fn learned(twin: &Twin) -> Option<Plan> {
    let mut sample = Sample::default();
    twin.show(&mut sample);
    sample.plan()
}
