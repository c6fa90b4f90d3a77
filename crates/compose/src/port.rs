//! The composer as the stages see it.

use kvit_billing::{
    Bill, UnsealedPdf,
    ports::{Compose, NotComposed},
};

use crate::{ComposeError, Composer};

impl Compose for Composer {
    fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, NotComposed> {
        Self::compose(self, bill).map_err(not_composed)
    }

    fn sample(&self, bill: &Bill) -> Result<Vec<u8>, NotComposed> {
        Self::sample(self, bill).map_err(not_composed)
    }
}

fn not_composed(error: ComposeError) -> NotComposed {
    NotComposed(Box::new(error))
}
