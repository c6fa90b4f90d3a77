//! Customers, found by what staff hear on the telephone: number, name, address, phone, or parts of
//! them. Substring search is the one thing that the two engines do in different words: FTS5 with
//! trigrams, and pg_trgm.

use kvit_billing::{Customer, CustomerNumber};

use crate::{
    CustomerRecord, Store, StoreError,
    customers::customer_record,
    engine::{Pools, Tx},
    rows::text,
    sql::{ROWS_MAX, Value, query},
};

/// The shortest part that an index of three letters can find.
pub const SEARCH_LETTERS_MIN: usize = 3;
/// Parts beyond these are passed over.
const PARTS_MAX: usize = 6;
/// Customers folded at a time, when a store from before the search is opened.
const BATCH: usize = 2_000;

impl Store {
    /// The customers in whom all parts of `wanted` occur, at most `limit` of them, in no order that
    /// means anything. A part shorter than [`SEARCH_LETTERS_MIN`] only narrows down what the others
    /// find; `None` where there is no longer one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn find_customers(
        &self,
        wanted: &str,
        limit: u32,
    ) -> Result<Option<Vec<CustomerRecord>>, StoreError> {
        let parts = parts(wanted);
        let long = |part: &&String| part.chars().count() >= SEARCH_LETTERS_MIN;
        if !parts.iter().any(|part| long(&part)) {
            return Ok(None);
        }
        let found = match &self.pools {
            Pools::Sqlite { .. } => {
                // Quoted, so that nothing in it is an operator of FTS5.
                let phrase = |part: &String| format!("\"{}\"", part.replace('"', "\"\""));
                let phrases: Vec<_> = parts.iter().filter(long).map(phrase).collect();
                let short: Vec<_> = parts.iter().filter(|part| !long(part)).collect();
                let narrower: String = (0..short.len())
                    .map(|at| format!(" AND instr(s.fold, ${}) > 0", at + 3))
                    .collect();
                let mut found = query(format!(
                    "SELECT c.number, c.language, c.code_generation, c.body FROM customer_fts f JOIN customer_search s ON s.id = f.rowid JOIN customers c ON c.number = s.number WHERE f.customer_fts MATCH $1{narrower} LIMIT $2"
                ))
                .bind(phrases.join(" AND "))
                .bind(limit);
                for part in short {
                    found = found.bind(part);
                }
                found
            }
            Pools::Postgres(_) => {
                let like: String = (1..parts.len())
                    .map(|at| format!(" AND s.fold LIKE ${}", at + 2))
                    .collect();
                let mut found = query(format!(
                    "SELECT c.number, c.language, c.code_generation, c.body FROM customer_search s JOIN customers c ON c.number = s.number WHERE s.fold LIKE $1{like} LIMIT $2"
                ));
                for (at, part) in parts.iter().enumerate() {
                    found = found.bind(pattern(part));
                    if at == 0 {
                        found = found.bind(limit);
                    }
                }
                found.plan_anew()
            }
        };
        let rows = found.fetch_all(&self.pools).await?;
        rows.iter()
            .map(customer_record)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Makes the customers of a store from before the search findable, once.
    pub(crate) async fn fold_earlier_customers(&self) -> Result<(), StoreError> {
        let some = |table: &str| query(format!("SELECT number FROM {table} LIMIT 1"));
        let done = some("customer_search").fetch_optional(&self.pools).await?;
        let any = some("customers").fetch_optional(&self.pools).await?;
        if done.is_some() || any.is_none() {
            return Ok(());
        }
        // All of them or none, so that a death half-way leaves it to the next opening.
        let mut tx = self.begin().await?;
        tx.turn("customer_search").await?;
        if some("customer_search")
            .fetch_optional(&mut tx)
            .await?
            .is_some()
        {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let rows = query("SELECT number, language, code_generation, body FROM customers WHERE number > $1 ORDER BY number LIMIT $2")
                .bind(&after)
                .bind(BATCH)
                .fetch_all(&mut tx)
                .await?;
            let Some(last) = rows.last() else { break };
            after = text::<CustomerNumber>(last, "number")?.to_string();
            let batch = rows
                .iter()
                .map(customer_record)
                .collect::<Result<Vec<_>, _>>()?;
            index(&mut tx, batch.iter().map(|record| &record.customer)).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Makes customers findable by what billing now knows of them.
pub(crate) async fn index(
    tx: &mut Tx,
    customers: impl Iterator<Item = &Customer>,
) -> Result<(), StoreError> {
    let rows: Vec<[Value; 2]> = customers
        .map(|customer| [(&customer.number).into(), fold(customer).into()])
        .collect();
    for part in rows.chunks(ROWS_MAX) {
        // Most customers are as they were a month ago: their rows and their index stay untouched.
        query("INSERT INTO customer_search (number, fold) {rows} ON CONFLICT (number) DO UPDATE SET fold = excluded.fold WHERE customer_search.fold <> excluded.fold")
            .rows(part.iter().cloned())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// What a customer is found by. Lines keep one thing's end and the next one's beginning apart.
fn fold(customer: &Customer) -> String {
    let address = &customer.address;
    let phone = customer.phone.as_deref().map(national).unwrap_or_default();
    let lines = [
        customer.number.as_str().to_owned(),
        customer.name.clone(),
        format!(
            "{} {} {}",
            address.city,
            address.postcode,
            address.lines.join(" ")
        ),
        phone,
        customer.eik.clone().unwrap_or_default(),
    ];
    lines.join("\n").to_lowercase()
}

/// A telephone number as it is dialled within the country: digits, without the country's code.
fn national(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    match digits.strip_prefix("359") {
        Some(rest) if rest.len() >= 7 => format!("0{rest}"),
        _ => phone.chars().filter(char::is_ascii_digit).collect(),
    }
}

/// What is looked for: words, or one number where only digits and what people write between them
/// were typed.
fn parts(wanted: &str) -> Vec<String> {
    let between = |c: char| c.is_whitespace() || matches!(c, '+' | '-' | '/' | '(' | ')' | '.');
    let digits = wanted.chars().filter(char::is_ascii_digit).count();
    if digits >= SEARCH_LETTERS_MIN && wanted.chars().all(|c| c.is_ascii_digit() || between(c)) {
        return vec![national(wanted)];
    }
    let words = wanted.to_lowercase();
    let words = words.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    let trimmed = words.map(|word| word.trim_matches(['"', '„', '“', '”', '.', '№']));
    let mut parts: Vec<String> = trimmed
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    parts.truncate(PARTS_MAX);
    parts
}

/// `LIKE` for a part anywhere.
fn pattern(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len() + 2);
    pattern.push('%');
    for c in part.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_taken_apart_as_people_mean_it() {
        for (typed, meant) in [
            (
                "  Иванова, ул. „Шипка“ 5 ",
                &["иванова", "ул", "шипка", "5"][..],
            ),
            ("+359 88 812-3456", &["0888123456"]),
            ("00359888123456", &["0888123456"]),
            ("0888 123 456", &["0888123456"]),
            ("1000 001", &["1000001"]),
            ("AB-12", &["ab-12"]),
            ("", &[]),
        ] {
            assert_eq!(parts(typed), meant, "{typed}");
        }
        assert_eq!(pattern("50%_"), "%50\\%\\_%");
    }
}
