//! The payment systems' wire formats, one a module. All pure: they take and give text and bytes.

pub mod biller;
pub mod borica;
pub mod epay;
pub mod ipg;

/// What a customer's browser carries to a payment system: a form that is sent by POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormPost {
    /// Where it goes.
    pub url: String,
    /// Its fields, in the order in which they must be sent.
    pub fields: Vec<(&'static str, String)>,
}

impl FormPost {
    /// The fields as a form's body.
    #[must_use]
    pub fn body(&self) -> String {
        crate::params::encode(
            self.fields
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        )
    }
}
