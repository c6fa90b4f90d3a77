//! Columns to typed values, and back.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{BillKind, BillNumber, Cents, ChunkNo, Language, OrderSeq, Period};

use crate::{BillRecord, DeliveryState, StoreError, engine::Row};

pub(crate) const BILL_COLUMNS: &str = "b.number, b.series, b.run, b.seq, b.chunk, b.account, b.kind, b.issue_date, b.period_from, b.period_to, b.due_date, b.gross, b.to_pay, b.carried_over, b.currency, b.language AS bill_language, b.pack, b.pack_offset, b.pack_length, b.sha256, b.corrects, b.consumed";

pub(crate) fn corrupt(what: &'static str, value: impl ToString) -> StoreError {
    StoreError::Corrupt {
        what,
        value: value.to_string().chars().take(60).collect(),
    }
}

/// A text column as any type that reads itself from text.
pub(crate) fn text<T: std::str::FromStr>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    let value: String = row.get(column)?;
    value.parse().map_err(|_| corrupt(column, value))
}

pub(crate) fn optional<T: std::str::FromStr>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let value: Option<String> = row.get(column)?;
    value
        .map(|value| value.parse().map_err(|_| corrupt(column, value)))
        .transpose()
}

pub(crate) fn unsigned(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| corrupt(column, value))
}

pub(crate) fn small(row: &Row, column: &'static str) -> Result<u32, StoreError> {
    let value: i64 = row.get(column)?;
    u32::try_from(value).map_err(|_| corrupt(column, value))
}

pub(crate) fn optional_small(row: &Row, column: &'static str) -> Result<Option<u32>, StoreError> {
    let value: Option<i64> = row.get(column)?;
    value
        .map(|value| u32::try_from(value).map_err(|_| corrupt(column, value)))
        .transpose()
}

pub(crate) fn time(row: &Row, column: &'static str) -> Result<Timestamp, StoreError> {
    let value: i64 = row.get(column)?;
    Timestamp::from_microsecond(value).map_err(|_| corrupt(column, value))
}

pub(crate) fn optional_time(
    row: &Row,
    column: &'static str,
) -> Result<Option<Timestamp>, StoreError> {
    let value: Option<i64> = row.get(column)?;
    value
        .map(|value| Timestamp::from_microsecond(value).map_err(|_| corrupt(column, value)))
        .transpose()
}

pub(crate) fn number(row: &Row, column: &'static str) -> Result<BillNumber, StoreError> {
    let value = unsigned(row, column)?;
    BillNumber::new(value).ok_or_else(|| corrupt(column, value))
}

pub(crate) fn language(row: &Row, column: &'static str) -> Result<Language, StoreError> {
    let value: String = row.get(column)?;
    Language::from_tag(&value).ok_or_else(|| corrupt(column, value))
}

pub(crate) fn period(row: &Row) -> Result<Period, StoreError> {
    Ok(Period {
        from: text::<Date>(row, "period_from")?,
        to: text::<Date>(row, "period_to")?,
    })
}

pub(crate) fn hash(row: &Row, column: &'static str) -> Result<[u8; 32], StoreError> {
    let value: Vec<u8> = row.get(column)?;
    value
        .as_slice()
        .try_into()
        .map_err(|_| corrupt(column, value.len()))
}

pub(crate) fn json(
    row: &Row,
    column: &'static str,
) -> Result<Option<serde_json::Value>, StoreError> {
    let value: Option<String> = row.get(column)?;
    value
        .map(|v| serde_json::from_str(&v).map_err(|_| corrupt(column, v)))
        .transpose()
}

pub(crate) fn kind(row: &Row) -> Result<BillKind, StoreError> {
    let value: String = row.get("kind")?;
    [BillKind::Invoice, BillKind::CreditNote, BillKind::DebitNote]
        .into_iter()
        .find(|kind| kind.as_str() == value)
        .ok_or_else(|| corrupt("kind", value))
}

/// The columns of [`BILL_COLUMNS`].
pub(crate) fn bill(row: &Row) -> Result<BillRecord, StoreError> {
    let corrects: Option<i64> = row.get("corrects")?;
    Ok(BillRecord {
        number: number(row, "number")?,
        series: text(row, "series")?,
        run: text(row, "run")?,
        seq: OrderSeq(unsigned(row, "seq")?),
        chunk: ChunkNo(small(row, "chunk")?),
        account: text(row, "account")?,
        kind: kind(row)?,
        issue_date: text(row, "issue_date")?,
        period: period(row)?,
        due_date: text(row, "due_date")?,
        gross: Cents::new(row.get("gross")?),
        to_pay: Cents::new(row.get("to_pay")?),
        carried_over: Cents::new(row.get("carried_over")?),
        currency: text(row, "currency")?,
        language: language(row, "bill_language")?,
        pack: row.get("pack")?,
        offset: unsigned(row, "pack_offset")?,
        length: unsigned(row, "pack_length")?,
        sha256: hash(row, "sha256")?,
        corrects: corrects
            .map(|n| {
                u64::try_from(n)
                    .ok()
                    .and_then(BillNumber::new)
                    .ok_or_else(|| corrupt("corrects", n))
            })
            .transpose()?,
        consumed: optional(row, "consumed")?,
    })
}

pub(crate) fn state(row: &Row) -> Result<DeliveryState, StoreError> {
    let value: String = row.get("state")?;
    DeliveryState::parse(&value).ok_or_else(|| corrupt("state", value))
}
