//! Why bills of one shape are laid out one by one: compose finds it, the store keeps it with the run, and whoever
//! looks after the layout reads it in words (`web/src/no_form.rs`).

use serde::{Deserialize, Serialize};

/// Why a shape of bills has no form, or one that takes short texts only. Its bills are right all the same, but each
/// takes a hundred times as long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NoForm {
    /// What is in the way.
    pub why: Why,
    /// Whether there is a form, and only longer texts than it takes are laid out whole.
    pub is_for_long_texts_only: bool,
    /// Page of the bill, from 1; 0 where it is none in particular.
    pub page: usize,
    /// The bill's data that it is about, as docs/LAYOUT.md names it: `customer.name`.
    pub fields: Vec<String>,
    /// What stands there, or what the engine says, where that helps.
    pub shown: String,
    /// Where in the layout: what is drawn there, or where the fields are read.
    pub places: Vec<Place>,
}

/// A place in a layout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// File within the layout.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// Kinds of obstacles, each with a remedy of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The pages draw no alphabet.
    NoAlphabet,
    /// They draw another one than the prelude's, or its fonts lack letters.
    Alphabet,
    /// More data than can be told apart.
    TooMany,
    /// How many pages there are follows how long texts are.
    Pages,
    /// A text wraps or vanishes where it is longer.
    Wraps,
    /// A text stands where something else's width puts it.
    Moves,
    /// A text comes of the data but does not say it as it is.
    Altered,
    /// A drawing follows data, and not in a straight line over a share.
    Drawing,
    /// Headings, tables or figures are there or not by what a text says.
    Tags,
    /// What is heard or found of the bill (titles, words for drawings) is not the data as it is.
    Told,
    /// The layout asks what a text says, or a real bill looks otherwise than its form.
    Asks,
    /// The layout fails on other texts of the same shape.
    Fails,
    /// A character that forms do not have in that weight.
    Letters,
    /// A text wider than any that was proven to fit.
    Long,
    /// Something drawn that has no extent in this bill.
    Empty,
    /// The pages are not built the way forms need it.
    Engine,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::NoAlphabet,
        Self::Alphabet,
        Self::TooMany,
        Self::Pages,
        Self::Wraps,
        Self::Moves,
        Self::Altered,
        Self::Drawing,
        Self::Tags,
        Self::Told,
        Self::Asks,
        Self::Fails,
        Self::Letters,
        Self::Long,
        Self::Empty,
        Self::Engine,
    ];

    /// Its stable name, for logs and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoAlphabet => "no-alphabet",
            Self::Alphabet => "alphabet",
            Self::TooMany => "too-many",
            Self::Pages => "pages",
            Self::Wraps => "wraps",
            Self::Moves => "moves",
            Self::Altered => "altered",
            Self::Drawing => "drawing",
            Self::Tags => "tags",
            Self::Told => "told",
            Self::Asks => "asks",
            Self::Fails => "fails",
            Self::Letters => "letters",
            Self::Long => "long",
            Self::Empty => "empty",
            Self::Engine => "engine",
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
