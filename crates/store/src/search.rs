//! Customers, found by what staff hear on the telephone: number, name, address, phone, or parts of
//! them. Substring search is the one thing that the two engines do in different words: FTS5 with
//! trigrams, and pg_trgm.

use kvit_billing::{Customer, CustomerNumber};

use crate::{
    CustomerRecord, Store, StoreError,
    customers::customer_record,
    engine::{Pools, Row, Tx},
    rows::text,
    sql::{Query, ROWS_MAX, Value, query},
};

/// The shortest part that an index of three letters can find.
pub const SEARCH_LETTERS_MIN: usize = 3;
/// Parts beyond these are passed over.
const PARTS_MAX: usize = 6;
/// Ways in which a word in Latin letters may stand in Bulgarian that are tried.
const WAYS_MAX: usize = 8;
/// Customers looked through for a telephone number, which may be a part of others.
const PHONES_MAX: u32 = 200;
/// Customers folded at a time, when a store from before the search is opened.
const BATCH: usize = 2_000;

impl Store {
    /// The customers in whom all parts of `wanted` occur, at most `limit` of them, in no order that
    /// means anything. Words in Latin letters also find Bulgarian ones. A part shorter than [`SEARCH_LETTERS_MIN`] only narrows down what the others
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
        if !parts.iter().any(Part::is_long) {
            return Ok(None);
        }
        let rows = self.looked_up(asked(&self.pools, &parts, limit)).await?;
        rows.iter()
            .map(customer_record)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    async fn looked_up(&self, asked: Query) -> Result<Vec<Row>, StoreError> {
        let mut tx = self.pools.begin_reading().await?;
        if let Pools::Postgres(_) = self.pools {
            // To read until enough is found, in the order of the table or of another index, looks cheap where parts
            // are frequent, and reads everybody where no customer has them all. The index of letters gives bitmaps.
            let by_letters = query(
                "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true)",
            );
            by_letters.execute(&mut tx).await?;
        }
        Ok(asked.fetch_all(&mut tx).await?)
    }

    /// The customers with this telephone number, however it is written, at most `limit` of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn customers_by_phone(
        &self,
        phone: &str,
        limit: u32,
    ) -> Result<Vec<CustomerRecord>, StoreError> {
        let wanted = national(phone);
        let found = self.find_customers(&wanted, PHONES_MAX).await?;
        let same = |record: &CustomerRecord| {
            let phone = record.customer.phone.as_deref();
            phone.is_some_and(|phone| national(phone) == wanted)
        };
        let found = found.unwrap_or_default().into_iter().filter(same);
        Ok(found.take(limit as usize).collect())
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
            let rows = query("SELECT number, language, code_generation, password_changes, closed_on, holder_since, body FROM customers WHERE number > $1 ORDER BY number LIMIT $2")
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

/// The customers in whom all of these occur, as an engine finds them.
fn asked(pools: &Pools, parts: &[Part], limit: u32) -> Query {
    match pools {
        Pools::Sqlite { .. } => {
            let (long, short): (Vec<&Part>, Vec<&Part>) =
                parts.iter().partition(|part| part.is_long());
            let phrases: Vec<_> = long.into_iter().map(Part::phrase).collect();
            let narrower: String = conditions(&short, 3, |at| format!("instr(s.fold, ${at}) > 0"))
                .iter()
                .map(|condition| format!(" AND {condition}"))
                .collect();
            let mut found = query(format!(
                "SELECT c.number, c.language, c.code_generation, c.password_changes, c.closed_on, c.holder_since, c.body FROM customer_fts f JOIN customer_search s ON s.id = f.rowid JOIN customers c ON c.number = s.number WHERE f.customer_fts MATCH $2{narrower} LIMIT $1"
            ))
            .bind(limit)
            .bind(phrases.join(" AND "));
            for way in short.into_iter().flat_map(|part| &part.0) {
                found = found.bind(way);
            }
            found
        }
        Pools::Postgres(_) => {
            let all: Vec<&Part> = parts.iter().collect();
            let like = conditions(&all, 2, |at| format!("s.fold LIKE ${at}")).join(" AND ");
            let mut found = query(format!(
                "SELECT c.number, c.language, c.code_generation, c.password_changes, c.closed_on, c.holder_since, c.body FROM customer_search s JOIN customers c ON c.number = s.number WHERE {like} LIMIT $1"
            ))
            .bind(limit);
            for way in all.into_iter().flat_map(|part| &part.0) {
                found = found.bind(pattern(way));
            }
            found
        }
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

/// A part of what is looked for, in each way that it may stand there.
#[derive(Debug, PartialEq, Eq)]
struct Part(Vec<String>);

impl Part {
    /// As it was typed, and where that is Latin letters, as it would be in Bulgarian.
    fn of(word: &str) -> Self {
        let mut ways = vec![word.to_owned()];
        ways.extend(cyrillic(word));
        Self(ways)
    }

    /// Whether an index of three letters finds it, whichever way it stands there.
    fn is_long(&self) -> bool {
        let long = |way: &String| way.chars().count() >= SEARCH_LETTERS_MIN;
        self.0.iter().all(long)
    }

    /// For FTS5: quoted, so that nothing in it is an operator.
    fn phrase(&self) -> String {
        let quoted = |way: &String| format!("\"{}\"", way.replace('"', "\"\""));
        let ways: Vec<_> = self.0.iter().map(quoted).collect();
        format!("({})", ways.join(" OR "))
    }
}

/// That each part stands there in one of its ways: a condition for each, on the values from `first` on.
fn conditions(parts: &[&Part], first: usize, condition: impl Fn(usize) -> String) -> Vec<String> {
    let mut places = first..;
    let mut one = |part: &&Part| {
        let ways = part.0.iter().zip(&mut places);
        let ways: Vec<_> = ways.map(|(_, at)| condition(at)).collect();
        format!("({})", ways.join(" OR "))
    };
    parts.iter().map(&mut one).collect()
}

/// What is looked for: words, or one number where only digits and what people write between them
/// were typed.
fn parts(wanted: &str) -> Vec<Part> {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    let between = |c: char| blank(c) || matches!(c, '+' | '-' | '/' | '(' | ')' | '.');
    let digits = wanted.chars().filter(char::is_ascii_digit).count();
    if digits >= SEARCH_LETTERS_MIN && wanted.chars().all(|c| c.is_ascii_digit() || between(c)) {
        return vec![Part(vec![national(wanted)])];
    }
    let words = wanted.to_lowercase();
    let words = words.split(|c: char| blank(c) || matches!(c, ',' | ';'));
    let trimmed = words.map(|word| word.trim_matches(['"', '„', '“', '”', '.', '№']));
    trimmed
        .filter(|word| !word.is_empty())
        .take(PARTS_MAX)
        .map(Part::of)
        .collect()
}

/// The Bulgarian words that a lower-case Latin one may stand for by the Transliteration Act (Закон за
/// транслитерацията, 2009). Its `a` is also `ъ`, and so is the `u` of older habits: one of them in a
/// word is tried as such. None where a letter is not of that alphabet.
fn cyrillic(word: &str) -> Vec<String> {
    const SINGLE: &str = "abvgdeziyklmnoprstufh";
    const LETTERS: &str = "абвгдезийклмнопрстуфх";
    const SEVERAL: [(&str, &str); 8] = [
        ("sht", "щ"),
        ("zh", "ж"),
        ("ts", "ц"),
        ("ch", "ч"),
        ("sh", "ш"),
        ("yu", "ю"),
        ("ya", "я"),
        ("ia", "ия"),
    ];
    if !word.bytes().any(|letter| letter.is_ascii_lowercase()) {
        return Vec::new();
    }
    let mut letters: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(rest) = word.get(at..).filter(|rest| !rest.is_empty()) {
        // `ia` is `ия` at the end of a word only.
        let several = SEVERAL
            .iter()
            .find(|(latin, _)| rest.starts_with(latin) && (*latin != "ia" || rest == "ia"));
        let soft = letters
            .last()
            .is_some_and(|before| "бвгдзклмнпрстфхц".contains(before));
        let (latin, letter) = match several {
            Some(&(latin, letter)) => (latin, letter),
            None if rest.starts_with("yo") && soft => ("yo", "ьо"),
            None => {
                let one = rest.get(..1).unwrap_or_default();
                let place = SINGLE.find(one).filter(|_| !one.is_empty());
                match (one, place) {
                    ("-", _) => ("-", "-"),
                    (_, Some(place)) => (one, &LETTERS[2 * place..2 * place + 2]),
                    (_, None) => return Vec::new(),
                }
            }
        };
        letters.push(letter);
        at += latin.len();
    }
    let mut ways = vec![letters.concat()];
    for place in 0..letters.len() {
        if matches!(letters[place], "а" | "у") {
            let mut other = letters.clone();
            other[place] = "ъ";
            ways.push(other.concat());
        }
    }
    ways.truncate(WAYS_MAX);
    ways
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
    use crate::engine::Engine;

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
            ("петрова\0шипка\u{1}5", &["петрова", "шипка", "5"]),
            ("0888\u{0}123", &["0888123"]),
            ("", &[]),
        ] {
            let parts = parts(typed);
            let typed_ways: Vec<_> = parts.iter().map(|part| part.0[0].as_str()).collect();
            assert_eq!(typed_ways, meant, "{typed}");
        }
        assert_eq!(pattern("50%_"), "%50\\%\\_%");
    }

    #[test]
    fn latin_letters_find_bulgarian_names() {
        for (typed, name) in [
            ("maria", "мария"),
            ("georgiev", "георгиев"),
            ("valchev", "вълчев"),
            ("dimitar", "димитър"),
            ("stoyanov", "стоянов"),
            ("zhivka", "живка"),
            ("yordan", "йордан"),
            ("kolyo", "кольо"),
            ("tsvetelina", "цветелина"),
            ("shterev", "щерев"),
            ("bulgaria", "българия"),
            ("opalchenska", "опълченска"),
            ("ivanova-petrova", "иванова-петрова"),
        ] {
            assert!(cyrillic(typed).iter().any(|way| way == name), "{typed}");
        }
        for foreign in ["becker", "jones", "ab-12", "шипка", "5", ""] {
            assert!(cyrillic(foreign).is_empty(), "{foreign}");
        }
        let part = Part::of("zhi");
        assert!(!part.is_long(), "жи has two letters");
        assert_eq!(Part::of("ул\"").phrase(), "(\"ул\"\"\")");
    }

    /// How the database goes about a search.
    async fn plan(store: &Store, wanted: &str) -> String {
        let asked = asked(&store.pools, &parts(wanted), 21);
        let (engine, explain, column) = match &store.pools {
            Pools::Sqlite { .. } => (Engine::Sqlite, "EXPLAIN QUERY PLAN", "detail"),
            Pools::Postgres(_) => (Engine::Postgres, "EXPLAIN", "QUERY PLAN"),
        };
        let mut explained = query(format!("{explain} {}", asked.text(engine)));
        explained.values = asked.values;
        let rows = store.looked_up(explained).await.expect("a plan");
        let lines = rows
            .iter()
            .map(|row| row.get::<String>(column).expect("a line"));
        lines.collect::<Vec<_>>().join("\n")
    }

    async fn no_search_reads_every_customer(store: Store) {
        let synth = kvit_synth::Synth::new(7, 400);
        let customers = (0..synth.customers()).map(|place| Customer {
            phone: Some(format!("01{:08}", u64::from(place) * 48_271 % 100_000_000)),
            ..synth.customer(place)
        });
        let customers: Vec<_> = customers.collect();
        store.upsert_customers(&customers).await.expect("customers");
        let sought = &customers[234];
        let phone = sought.phone.as_deref().unwrap_or_default();
        let (street, city) = (&sought.address.lines[0], &sought.address.city);
        let all = [
            phone.to_owned(),
            sought.name.clone(),
            format!("{street} {city}"),
            format!("{city} никой"),
            "zhivkova".to_owned(),
        ];
        for wanted in &all {
            let plan = plan(&store, wanted).await;
            // `f` is the index of letters itself.
            let other = plan.replace("SCAN f VIRTUAL TABLE", "");
            let whole = ["SCAN", "Seq Scan"]
                .iter()
                .any(|whole| other.contains(whole));
            assert!(!whole, "{wanted}: {plan}");
            // Another index is read whole by what looks like a search.
            let by_letters = plan.contains("customer_search_by_trigram");
            let is_sqlite = matches!(store.pools, Pools::Sqlite { .. });
            assert!(by_letters || is_sqlite, "{wanted}: {plan}");
        }
    }

    #[tokio::test]
    async fn no_search_reads_every_customer_of_sqlite() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("search.db").display());
        let store = Store::open(&url).await.expect("a store");
        no_search_reads_every_customer(store).await;
    }

    #[tokio::test]
    async fn no_search_reads_every_customer_of_postgresql() {
        let cluster = kvit_postgres::shared().expect("PostgreSQL starts where it is installed");
        let Some(cluster) = cluster else {
            return;
        };
        let url = cluster.create_database("search").expect("a database");
        let store = Store::open(&url).await.expect("a store");
        no_search_reads_every_customer(store).await;
    }
}
