//! A query: one text for both engines, and the values bound to it.
//!
//! The schema knows three types: whole numbers, text and bytes. What the engines do not share is
//! written here once: how many rows at a time are handed over, and what locks a row.

use std::borrow::Cow;

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillKind, BillNumber, Cents, ChunkNo, Currency, CustomerNumber, DeliveryId, EnrolmentId,
    EntryId, Language, LayoutBaseNo, LayoutNo, OrderSeq, ReaderId, RunId, Series, StaffLogin,
    code::TokenHash,
};

use kvit_pay::{Iban, ProviderName, dialects::Nonce, ledger::Book};

use crate::engine::{Engine, Row, Target};

/// Rows in one statement. Few enough that SQLite can keep statements of this size prepared, and far
/// below the 32,766 values that it binds.
pub(crate) const ROWS_MAX: usize = 250;

/// A value that is bound, or NULL of its type: PostgreSQL wants to know the type of that too.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Values that a query takes as a table of its own, where its text says `{rows}`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// Row after row.
    pub(crate) values: Vec<Value>,
    /// Columns.
    pub(crate) width: usize,
}

/// A statement that is ready to run.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Query {
    text: Cow<'static, str>,
    pub(crate) values: Vec<Value>,
    pub(crate) rows: Option<Rows>,
    lock: &'static str,
}

/// Starts a query. Values are written `$1`, `$2` and so on, in the order in which they are bound.
pub(crate) fn query(text: impl Into<Cow<'static, str>>) -> Query {
    Query {
        text: text.into(),
        values: Vec::new(),
        rows: None,
        lock: "",
    }
}

impl Query {
    /// Binds the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Fills `{rows}`. There is at least one row, and nothing else is bound.
    pub(crate) fn rows<const WIDTH: usize>(
        mut self,
        rows: impl IntoIterator<Item = [Value; WIDTH]>,
    ) -> Self {
        self.rows = Some(Rows {
            values: rows.into_iter().flatten().collect(),
            width: WIDTH,
        });
        self
    }

    /// Holds the rows that are read until the transaction ends. SQLite's one writer does anyway.
    pub(crate) fn for_update(mut self) -> Self {
        self.lock = " FOR NO KEY UPDATE";
        self
    }

    /// The same for the table called `t`, passing over rows that somebody holds.
    pub(crate) fn skip_locked(mut self) -> Self {
        self.lock = " FOR NO KEY UPDATE OF t SKIP LOCKED";
        self
    }

    /// Runs it, and gives how many rows it changed.
    pub(crate) async fn execute(self, on: impl Target) -> Result<u64, sqlx::Error> {
        on.execute(self).await
    }

    /// All rows that it gives.
    pub(crate) async fn fetch_all(self, on: impl Target) -> Result<Vec<Row>, sqlx::Error> {
        on.fetch_all(self).await
    }

    /// The one row that it gives, if it does.
    pub(crate) async fn fetch_optional(self, on: impl Target) -> Result<Option<Row>, sqlx::Error> {
        Ok(on.fetch_all(self).await?.pop())
    }

    /// The one row that it gives.
    pub(crate) async fn fetch_one(self, on: impl Target) -> Result<Row, sqlx::Error> {
        self.fetch_optional(on)
            .await?
            .ok_or(sqlx::Error::RowNotFound)
    }

    /// The text as an engine reads it.
    pub(crate) fn text(&self, engine: Engine) -> String {
        let mut text = match &self.rows {
            None => self.text.to_string(),
            Some(rows) => self.text.replace("{rows}", &rows.text(engine)),
        };
        if engine == Engine::Postgres {
            text.push_str(self.lock);
        }
        text
    }
}

impl Rows {
    /// SQLite gets each value by itself; PostgreSQL an array for each column, so that its text is
    /// the same for any number of rows and is planned once, and how many there are. A plan that is kept knows
    /// neither, and takes any array for ten rows, for which it may find it cheaper to read a whole table than to look
    /// them up; a limit that it does not know it takes for a tenth of that.
    fn text(&self, engine: Engine) -> String {
        match engine {
            Engine::Sqlite => {
                let row = format!("({})", vec!["?"; self.width].join(", "));
                format!("VALUES {}", vec![row; self.len()].join(", "))
            }
            Engine::Postgres => {
                let arrays: Vec<_> = (1..=self.width).map(|no| format!("${no}")).collect();
                let (arrays, count) = (arrays.join(", "), self.width + 1);
                format!("SELECT * FROM UNNEST({arrays}) LIMIT ${count}")
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.width
    }
}

macro_rules! value {
    ($($type:ty => $variant:ident($convert:expr),)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let convert: fn($type) -> _ = $convert;
                Self::$variant(Some(convert(value)))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                let convert: fn($type) -> _ = $convert;
                Self::$variant(value.map(convert))
            }
        }
    )*};
}

// No count of ours comes near 63 bits.
value! {
    i64 => Int(|n| n),
    u64 => Int(|n| n.cast_signed()),
    u32 => Int(i64::from),
    usize => Int(|n| (n as u64).cast_signed()),
    bool => Int(i64::from),
    Cents => Int(|cents| cents.get()),
    ChunkNo => Int(|no| i64::from(no.0)),
    LayoutNo => Int(|no| i64::from(no.0)),
    LayoutBaseNo => Int(|no| i64::from(no.0)),
    OrderSeq => Int(|seq| seq.0.cast_signed()),
    BillNumber => Int(|number| number.get().cast_signed()),
    Timestamp => Int(|time| time.as_microsecond()),
    String => Text(|text| text),
    &str => Text(str::to_owned),
    &String => Text(|text| text.clone()),
    Date => Text(|date| date.to_string()),
    Currency => Text(|currency| currency.to_string()),
    BillKind => Text(|kind| kind.as_str().to_owned()),
    Language => Text(|language| language.tag().to_owned()),
    &RunId => Text(|id| id.to_string()),
    &Series => Text(|series| series.to_string()),
    &CustomerNumber => Text(|number| number.to_string()),
    &DeliveryId => Text(|id| id.to_string()),
    &EnrolmentId => Text(|id| id.to_string()),
    &ReaderId => Text(|id| id.to_string()),
    &StaffLogin => Text(|login| login.to_string()),
    &EntryId => Text(|id| id.to_string()),
    &ProviderName => Text(|name| name.to_string()),
    &Iban => Text(|iban| iban.as_str().to_owned()),
    &Book => Text(|book| book.to_string()),
    &serde_json::Value => Text(|value| value.to_string()),
    Vec<u8> => Bytes(|bytes| bytes),
    &[u8; 32] => Bytes(|hash| hash.to_vec()),
    &Nonce => Bytes(|nonce| nonce.to_vec()),
    &TokenHash => Bytes(|hash| hash.0.to_vec()),
}
