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
}

#[derive(Default)]
struct Structure {
    met: AtomicU32,
    learned: OnceLock<Option<Learned>>,
}

struct Learned {
    plan: Plan,
    /// What is known of each of its twins, part by part.
    known: Vec<Vec<u8>>,
}

impl Structure {
    /// The plan, once there is one: while one core learns it, the others do without. A twin of another structure
    /// that shares the name by chance has none.
    fn plan(&self, twin: &Twin) -> Option<&Plan> {
        let learned = match self.met.fetch_add(1, Ordering::Relaxed) + 1 {
            PLAN_FROM => self.learned.get_or_init(|| learned(twin)),
            _ => self.learned.get()?,
        };
        let learned = learned.as_ref()?;
        twin.known().eq(&learned.known).then_some(&learned.plan)
    }
}

impl Twins {
    /// Hands out the twin as a zlib stream.
    pub(crate) fn compressed(
        &self,
        twin: &Twin,
        out: impl FnOnce(&[u8]),
    ) -> Result<(), ComposeError> {
        if let Some(structure) = self.structure(twin)
            && let Some(plan) = structure.plan(twin)
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

fn learned(twin: &Twin) -> Option<Learned> {
    let mut sample = Sample::default();
    twin.show(&mut sample);
    Some(Learned {
        plan: sample.plan()?,
        known: twin.known().map(<[u8]>::to_vec).collect(),
    })
}
