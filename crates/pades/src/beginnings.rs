//! What many files begin with, digested once: the fonts and constant objects of a form are half of each of its bills.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest::{Context, SHA256};

/// More are forgotten, and digested again when they come.
const KNOWN_MAX: usize = 256;

/// SHA-256 of beginnings.
#[derive(Default)]
pub(crate) struct Beginnings {
    /// By address, which stays taken as long as the bytes are kept here.
    known: Mutex<HashMap<usize, Known>>,
}

struct Known {
    /// Holds the address.
    _bytes: Arc<[u8]>,
    digest: Context,
}

impl Beginnings {
    /// A digest that has taken in `beginning`, to go on with.
    pub(crate) fn digest(&self, beginning: &Arc<[u8]>) -> Context {
        let address = beginning.as_ptr().addr();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(&address) && known.len() >= KNOWN_MAX {
            known.clear();
        }
        let taken_in = known.entry(address).or_insert_with(|| {
            let mut digest = Context::new(&SHA256);
            digest.update(beginning);
            Known {
                _bytes: Arc::clone(beginning),
                digest,
            }
        });
        taken_in.digest.clone()
    }
}
