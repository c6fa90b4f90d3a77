//! What members of staff are there for.

use serde::Serialize;

/// What a member of staff is there for. Each has one; what each may do is a list of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers the telephone line.
    Agent,
    /// Serves customers at a service centre.
    Clerk,
    /// Looks at runs and releases them.
    Billing,
    /// Reads the audit trail, and changes nothing.
    Auditor,
    /// Keeps the accounts of staff, and sees no customer.
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Agent,
        Self::Clerk,
        Self::Billing,
        Self::Auditor,
        Self::Administrator,
    ];

    /// The word in the database, on the command line and in names of texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Clerk => "clerk",
            Self::Billing => "billing",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }

    /// The role of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}
