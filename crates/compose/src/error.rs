//! What can go wrong between a bill and its PDF, said so that a designer finds the line.

use std::fmt;

use typst::{
    World, WorldExt,
    diag::{Severity, SourceDiagnostic},
    syntax::{DiagSpan, Lines},
};

use crate::{TwinError, codes::TooLong};

/// A bill could not be composed, or a layout cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The layout has faults: all of them. Warnings count, since an unknown font silently loses text.
    #[error("the layout cannot be used:{}", listed(.0))]
    Layout(Vec<Diagnostic>),
    /// A colour of the brand that is not `#rrggbb`.
    #[error("the brand colour `{0}` is not of the form #rrggbb, such as #14532d")]
    Colour(String),
    /// The logo is not an SVG image.
    #[error("the logo is not an SVG image in UTF-8; save it as plain SVG")]
    Logo,
    /// A text does not fit into its square code.
    #[error("the {what} code cannot be drawn")]
    Code {
        /// Which code.
        what: &'static str,
        /// Why.
        source: TooLong,
    },
    /// The date of issue is outside the years that a PDF can name.
    #[error("the bill's time of issue is outside the years 0 to 9999")]
    Time,
    /// The data of the bill could not be handed to the layout.
    #[error("the bill's data could not be written for the layout")]
    Data(#[source] serde_json::Error),
    /// The data of the bill breaks a rule of EN 16931, which the import should have said.
    #[error("the bill has no valid EN 16931 twin")]
    Twin(#[from] TwinError),
    /// Typst's export is not built the way the additions need it.
    #[error("the exported PDF cannot take twin and signature field: {0}")]
    Field(String),
    /// The engine that lays out pages died of a fault of its own.
    #[error("the layout engine failed on this bill; please report it with the layout")]
    Engine,
}

kvit_billing::checks! {
    /// What files of a layout are held to before Typst reads them.
    pub enum Check {
        FileName "file-name",
        FilesMax "files-max",
        NameTaken "name-taken",
        NotAFont "not-a-font",
        NotUtf8 "not-utf-8",
    }
}

/// One fault of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the engine calls it a warning. It is refused all the same.
    pub is_warning: bool,
    /// File within the layout; empty where the fault has no place.
    pub file: String,
    /// Line, from 1; 0 where it is the file as a whole, or the fault has no place.
    pub line: usize,
    /// Column, from 1; 0 as for the line.
    pub column: usize,
    /// What it does not hold to; none where Typst says what is wrong.
    pub code: Option<Check>,
    /// What Typst says; else the value that does not hold, which may be empty.
    pub message: String,
    /// What Typst says to do about it.
    pub hints: Vec<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.shown_place();
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        if let Some(code) = self.code {
            write!(f, "[{}] ", code.as_str())?;
        }
        f.write_str(&self.message)?;
        for hint in &self.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| format!("\n{diagnostic}"))
        .collect()
}

impl Diagnostic {
    /// `bill.typ:12:3`, or as much of it as there is.
    #[must_use]
    pub fn shown_place(&self) -> String {
        match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}:{}", self.file, self.column),
        }
    }

    /// A file that is not what it must be, and the value that says so.
    pub(crate) fn of_file(file: &str, code: Check, message: impl Into<String>) -> Self {
        Self {
            is_warning: false,
            file: file.to_owned(),
            line: 0,
            column: 0,
            code: Some(code),
            message: message.into(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn of(world: &dyn World, found: &SourceDiagnostic) -> Self {
        let (file, line, column) = Self::place(world, found.span).unwrap_or_default();
        Self {
            is_warning: found.severity == Severity::Warning,
            file,
            line,
            column,
            code: None,
            message: found.message.to_string(),
            hints: found.hints.iter().map(|hint| hint.v.to_string()).collect(),
        }
    }

    /// File, line and column of a span; 0 and 0 where it is the file as a whole.
    pub(crate) fn place(
        world: &dyn World,
        span: impl Into<DiagSpan>,
    ) -> Option<(String, usize, usize)> {
        let span = span.into();
        let id = span.id()?;
        let at = world.range(span).and_then(|range| match world.source(id) {
            Ok(source) => source.lines().byte_to_line_column(range.start),
            Err(_) => {
                let bytes = world.file(id).ok()?;
                let text = std::str::from_utf8(&bytes).ok()?;
                Lines::new(text).byte_to_line_column(range.start)
            }
        });
        let (line, column) = at.map_or((0, 0), |(line, column)| (line + 1, column + 1));
        let file = id.vpath().get_without_slash().to_owned();
        Some((file, line, column))
    }
}
