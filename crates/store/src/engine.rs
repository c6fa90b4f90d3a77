//! The two engines behind one type: connections, transactions, rows.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ColumnIndex, ConnectOptions as _, Decode, PgPool, Postgres, Sqlite, SqlitePool,
    Transaction, Type,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};

use crate::{
    StoreError, migrations,
    sql::{Query, ROWS_MAX, Rows, Value, query},
};

/// SQLite's readers at once.
const READERS_MAX: u32 = 8;
/// How long a writer of another process is waited for.
const BUSY_TIMEOUT_S: u64 = 30;
/// SQLite's pages in memory for the writer, in its notation for KiB: with the 2 MB that it takes by
/// itself, a chunk's rows into indices of millions are written out and read back meanwhile.
const WRITER_CACHE: &str = "-65536";
/// Connections of one process to PostgreSQL, whose own limit is 100 by default.
const CONNECTIONS_MAX: u32 = 16;
/// How long a free connection, or a server that is starting, is waited for.
const CONNECT_TIMEOUT_S: u64 = 10;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Open connections. Clones share them.
#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Sqlite {
        /// One connection: SQLite has one writer, and five that fight are slower than one that
        /// queues.
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Pools {
    /// Opens a database, and brings its schema up to date.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Self::open_sqlite(url).await,
            Some(("postgres" | "postgresql", _)) => Self::open_postgres(url).await,
            // An address of another engine may hold a password: only its scheme is said.
            Some((scheme, _)) => Err(StoreError::Url(format!("{scheme}:…"))),
            None => Err(StoreError::Url(url.to_owned())),
        }
    }

    async fn open_sqlite(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| StoreError::Url(url.to_owned()))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(BUSY_TIMEOUT_S))
            .disable_statement_logging();
        let place = options.get_filename().display().to_string();
        let unopened = |source| StoreError::Open {
            place: place.clone(),
            source,
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone().pragma("cache_size", WRITER_CACHE))
            .await
            .map_err(unopened)?;
        migrations::sqlite().run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(unopened)?;
        Ok(Self::Sqlite { writer, readers })
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Url("postgres:…".to_owned()))?
            .application_name("kvit")
            // What the server notes by the way, such as a table that is there already, is no news.
            // Compiling a statement takes longer than any page's does; a plan that expects too many rows asks for it.
            .options([("client_min_messages", "warning"), ("jit", "off")])
            .disable_statement_logging();
        let place = format!(
            "{} at {}:{} as {}",
            options.get_database().unwrap_or("of the same name"),
            options.get_host(),
            options.get_port(),
            options.get_username()
        );
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(Duration::from_secs(CONNECT_TIMEOUT_S))
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open {
                place: place.clone(),
                source,
            })?;
        let steps = migrations::postgres();
        // A role that may only change rows serves a store that another has brought up to date.
        let done = migrations::are_done(&pool, &steps).await;
        if !done.map_err(|source| StoreError::Open { place, source })? {
            steps.run(&pool).await?;
        }
        Ok(Self::Postgres(pool))
    }

    /// A transaction that writes. SQLite's takes the write lock at once: one that reads first and
    /// writes later fails with BUSY when another process came between.
    pub(crate) async fn begin(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that only reads, for what takes several statements; whoever writes does not wait for it, nor
    /// it for them. SQLite refuses a write in it.
    pub(crate) async fn begin_reading(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }
}

/// A transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Waits until no other transaction has its turn at what is called `name`, and holds it to the
    /// end. For checks over rows that do not exist yet, which no row lock guards; SQLite has one
    /// writer at a time anyway.
    pub(crate) async fn turn(&mut self, name: &str) -> Result<(), sqlx::Error> {
        if let Self::Postgres(_) = self {
            query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(name)
                .execute(self)
                .await?;
        }
        Ok(())
    }

    /// Keeps everything.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}

/// Where a query runs: in a transaction, or by itself for reading.
pub(crate) trait Target: Send {
    /// Runs a query, and gives how many rows it changed.
    fn execute(self, query: Query) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;
    /// Runs a query, and gives its rows.
    fn fetch_all(self, query: Query) -> impl Future<Output = Result<Vec<Row>, sqlx::Error>> + Send;
}

impl Target for &mut Tx {
    async fn execute(self, query: Query) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Tx::Sqlite(tx) => sqlite(query).execute(&mut **tx).await?.rows_affected(),
            Tx::Postgres(tx) => postgres(query).execute(&mut **tx).await?.rows_affected(),
        })
    }

    async fn fetch_all(self, query: Query) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Tx::Sqlite(tx) => Row::sqlite(sqlite(query).fetch_all(&mut **tx).await?),
            Tx::Postgres(tx) => Row::postgres(postgres(query).fetch_all(&mut **tx).await?),
        })
    }
}

impl Target for &Pools {
    /// One statement that writes needs no transaction of its own.
    async fn execute(self, query: Query) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Pools::Sqlite { writer, .. } => sqlite(query).execute(writer).await?.rows_affected(),
            Pools::Postgres(pool) => postgres(query).execute(pool).await?.rows_affected(),
        })
    }

    /// Reads. A statement that writes and gives rows belongs in a transaction.
    async fn fetch_all(self, query: Query) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Pools::Sqlite { readers, .. } => Row::sqlite(sqlite(query).fetch_all(readers).await?),
            Pools::Postgres(pool) => Row::postgres(postgres(query).fetch_all(pool).await?),
        })
    }
}

type Prepared<Db> = sqlx::query::Query<'static, Db, <Db as sqlx::Database>::Arguments>;

fn sqlite(query: Query) -> Prepared<Sqlite> {
    #[cfg(test)]
    crate::plans::note(&query);
    let text = query.text(Engine::Sqlite);
    // A text of its own for each number of rows, and megabytes when it is kept prepared: only those
    // that come again and again are, one row as for a page or a question, and all that go at once.
    let keep = query
        .rows
        .as_ref()
        .is_none_or(|rows| matches!(rows.len(), 1 | ROWS_MAX));
    let rows = query.rows.unwrap_or_default().values;
    let mut prepared = sqlx::query(AssertSqlSafe(text)).persistent(keep);
    for value in query.values.into_iter().chain(rows) {
        prepared = match value {
            Value::Int(value) => prepared.bind(value),
            Value::Text(value) => prepared.bind(value),
            Value::Bytes(value) => prepared.bind(value),
        };
    }
    prepared
}

fn postgres(query: Query) -> Prepared<Postgres> {
    #[cfg(test)]
    crate::plans::note(&query);
    let text = query.text(Engine::Postgres);
    let mut prepared = sqlx::query(AssertSqlSafe(text));
    for value in query.values {
        prepared = match value {
            Value::Int(value) => prepared.bind(value),
            Value::Text(value) => prepared.bind(value),
            Value::Bytes(value) => prepared.bind(value),
        };
    }
    let count = query.rows.as_ref().map(|rows| rows.len() as i64);
    for column in query.rows.into_iter().flat_map(columns) {
        prepared = match column {
            Column::Int(values) => prepared.bind(values),
            Column::Text(values) => prepared.bind(values),
            Column::Bytes(values) => prepared.bind(values),
        };
    }
    if let Some(count) = count {
        prepared = prepared.bind(count);
    }
    prepared
}

/// A column of [`Rows`].
enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

fn columns(rows: Rows) -> Vec<Column> {
    let (width, len) = (rows.width, rows.len());
    let mut columns: Vec<Column> = Vec::with_capacity(width);
    for (at, value) in rows.values.into_iter().enumerate() {
        match (columns.get_mut(at % width), value) {
            (Some(Column::Int(column)), Value::Int(value)) => column.push(value),
            (Some(Column::Text(column)), Value::Text(value)) => column.push(value),
            (Some(Column::Bytes(column)), Value::Bytes(value)) => column.push(value),
            (None, value) => columns.push(Column::of(value, len)),
            (Some(_), _) => unreachable!("each value of a column comes from the same field"),
        }
    }
    columns
}

impl Column {
    /// A column that begins with `first` and has room for `len` values.
    fn of(first: Value, len: usize) -> Self {
        fn column<T>(first: T, len: usize) -> Vec<T> {
            let mut column = Vec::with_capacity(len);
            column.push(first);
            column
        }
        match first {
            Value::Int(value) => Self::Int(column(value, len)),
            Value::Text(value) => Self::Text(column(value, len)),
            Value::Bytes(value) => Self::Bytes(column(value, len)),
        }
    }
}

/// What a query gave.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What both engines can give.
pub(crate) trait Read:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Read for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Row {
    fn sqlite(rows: Vec<SqliteRow>) -> Vec<Self> {
        rows.into_iter().map(Self::Sqlite).collect()
    }

    fn postgres(rows: Vec<PgRow>) -> Vec<Self> {
        rows.into_iter().map(Self::Postgres).collect()
    }

    /// The value in a column.
    pub(crate) fn get<T: Read>(&self, column: &str) -> Result<T, sqlx::Error> {
        fn get<'r, R, T>(row: &'r R, column: &str) -> Result<T, sqlx::Error>
        where
            R: sqlx::Row,
            for<'c> &'c str: ColumnIndex<R>,
            T: Decode<'r, R::Database> + Type<R::Database>,
        {
            row.try_get(column)
        }
        match self {
            Self::Sqlite(row) => get(row, column),
            Self::Postgres(row) => get(row, column),
        }
    }
}
