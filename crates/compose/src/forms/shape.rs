//! What is known of the bills of one shape, and whose turn it is to do what about their form.

use std::sync::{
    Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use kvit_billing::NoForm;

use crate::forms::form::Form;

/// How far a shape is.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// No form was made for it yet.
    Unseen,
    /// A core makes its form, or holds it against a bill. While it does, the others do not wait for it.
    Busy,
    /// Its form is made, and was held against the bill of these leaves at most.
    Unproven(Arc<Form>, Option<u128>),
    /// Its form showed two bills as Typst does.
    Proven(Arc<Form>),
    /// It cannot be made, or showed a bill otherwise.
    Refused,
}

/// What to do with a bill.
pub(super) enum Turn {
    /// Lay it out whole.
    Whole,
    /// Make the form with it.
    Make,
    /// Fill it in, and hold the form against it; which bill the form was held against before.
    Prove(Arc<Form>, Option<u128>),
    /// Fill it in.
    Fill(Arc<Form>),
}

pub(super) struct Shape {
    state: Mutex<State>,
    pub(super) sought: Once,
    /// Whether it had a form before, which had to make room.
    pub(super) is_again: bool,
    /// Why it has no form.
    pub(super) refused: OnceLock<Arc<NoForm>>,
    /// Why its form takes short texts only.
    pub(super) narrowed: OnceLock<Arc<NoForm>>,
    /// How many bills of this shape came so far.
    pub(super) met: AtomicU64,
    pub(super) used: AtomicU64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            state: Mutex::new(State::Unseen),
            sought: Once::new(),
            is_again: false,
            refused: OnceLock::new(),
            narrowed: OnceLock::new(),
            met: AtomicU64::new(0),
            used: AtomicU64::new(0),
        }
    }
}

impl Shape {
    /// The turn of a bill with these leaves; who is to make or prove the form says by [`Shape::is`] what came of it.
    pub(super) fn turn(&self, may_make: bool, leaves: impl FnOnce() -> u128) -> Turn {
        let mut state = self.state();
        let turn = match &*state {
            State::Unseen if may_make => Turn::Make,
            State::Unseen | State::Busy | State::Refused => return Turn::Whole,
            State::Proven(form) => return Turn::Fill(Arc::clone(form)),
            // The same bill once more proves nothing.
            State::Unproven(form, Some(held)) if *held == leaves() => {
                return Turn::Fill(Arc::clone(form));
            }
            State::Unproven(form, held) => Turn::Prove(Arc::clone(form), *held),
        };
        *state = State::Busy;
        turn
    }

    pub(super) fn is(&self, state: State) {
        *self.state() = state;
    }

    pub(super) fn has_form(&self) -> bool {
        matches!(*self.state(), State::Unproven(..) | State::Proven(_))
    }

    /// The same without its form.
    pub(super) fn emptied(&self) -> Self {
        Self {
            is_again: true,
            met: AtomicU64::new(self.met.load(Ordering::Relaxed)),
            narrowed: self.narrowed.clone(),
            ..Self::default()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
