//! The schema: the sum of the migrations is what `schema.txt` says, on both engines alike.
//!
//! `schema.txt` is the whole schema in the words that both engines share, but for the index of letters
//! by which customers are found: FTS5's tables on SQLite, a GIN index on PostgreSQL. After a new migration run
//! the test with `KVIT_UPDATE_SNAPSHOTS=1`, read the difference, and commit it.

use std::{fmt::Write, fs, path::Path};

use kvit_store::Store;
use sqlx::{Connection, PgConnection, Row, SqliteConnection};

/// A column as an engine describes it.
struct Column {
    table: String,
    name: String,
    kind: String,
    required: bool,
    default: Option<String>,
    /// Its place in the primary key, from 1.
    key: i64,
}

/// An index that is not that of a primary key.
struct Index {
    table: String,
    name: String,
    unique: bool,
    partial: bool,
    /// In their order, `DESC` where they run downwards.
    columns: Vec<String>,
}

/// A column that names a row of another table.
struct Reference {
    table: String,
    column: String,
    target: String,
}

#[tokio::test]
async fn sqlite_migrations_give_the_schema() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
    Store::open(&url).await.expect("an empty store");
    let mut connection = SqliteConnection::connect(&url).await.expect("a connection");
    agrees(&sqlite_schema(&mut connection).await);
}

#[tokio::test]
async fn postgres_migrations_give_the_same_schema() {
    let Some(cluster) = kvit_postgres::shared().expect("a throwaway PostgreSQL") else {
        return;
    };
    let url = cluster.create_database("kvit_schema").expect("a database");
    Store::open(&url).await.expect("an empty store");
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    agrees(&postgres_schema(&mut connection).await);
}

fn agrees(found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.txt");
    if std::env::var_os("KVIT_UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, found).expect("a written snapshot");
        return;
    }
    let kept = fs::read_to_string(&path).expect("the snapshot");
    let differing: Vec<_> = found
        .lines()
        .filter(|line| !kept.lines().any(|k| k == *line))
        .map(|line| format!("+ {line}"))
        .chain(
            kept.lines()
                .filter(|line| !found.lines().any(|f| f == *line))
                .map(|line| format!("- {line}")),
        )
        .collect();
    assert!(
        found == kept,
        "differs from schema.txt:\n{}",
        differing.join("\n")
    );
}

fn written(columns: &[Column], indices: &[Index], references: &[Reference]) -> String {
    let mut text = String::new();
    let mut tables: Vec<_> = columns.iter().map(|column| column.table.as_str()).collect();
    tables.sort_unstable();
    tables.dedup();
    for table in tables {
        writeln!(text, "{table}").expect("a string takes text");
        let mut key: Vec<_> = columns.iter().filter(|c| c.table == table).collect();
        for column in &key {
            let needed = if column.required { "" } else { " or null" };
            let default = column.default.as_ref();
            let default = default.map_or(String::new(), |value| format!(", at first {value}"));
            writeln!(
                text,
                "    {}: {}{needed}{default}",
                column.name, column.kind
            )
            .expect("a string takes text");
        }
        key.retain(|column| column.key > 0);
        key.sort_by_key(|column| column.key);
        if !key.is_empty() {
            let names: Vec<_> = key.iter().map(|column| column.name.as_str()).collect();
            writeln!(text, "    key: {}", names.join(", ")).expect("a string takes text");
        }
        let mut lines: Vec<_> = indices
            .iter()
            .filter(|index| index.table == table)
            .map(|index| {
                let what = if index.unique {
                    "unique"
                } else {
                    index.name.as_str()
                };
                let where_ = if index.partial { " (of some rows)" } else { "" };
                format!("    index {what}: {}{where_}", index.columns.join(", "))
            })
            .collect();
        lines.extend(
            references
                .iter()
                .filter(|reference| reference.table == table)
                .map(|reference| format!("    {} names {}", reference.column, reference.target)),
        );
        lines.sort();
        for line in lines {
            writeln!(text, "{line}").expect("a string takes text");
        }
    }
    text
}

async fn sqlite_schema(db: &mut SqliteConnection) -> String {
    let rows = sqlx::query(
        "SELECT t.name AS tbl, c.name, c.type, c.\"notnull\" + (c.pk > 0) > 0 AS required, c.dflt_value, c.pk
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'customer\\_fts%' ESCAPE '\\' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY t.name, c.cid",
    )
    .fetch_all(&mut *db)
    .await
    .expect("columns");
    let columns: Vec<_> = rows
        .iter()
        .map(|row| Column {
            table: row.get("tbl"),
            name: row.get("name"),
            kind: row
                .get::<String, _>("type")
                .to_lowercase()
                // Only a key of this very name can be SQLite's own number of a row.
                .replace("integer", "bigint")
                .replace("blob", "bytes"),
            required: row.get::<i64, _>("required") != 0,
            default: row.get("dflt_value"),
            key: row.get("pk"),
        })
        .collect();
    let rows = sqlx::query(
        "SELECT t.name AS tbl, i.name, i.\"unique\" AS one, i.partial, group_concat(c.name || CASE WHEN c.desc THEN ' DESC' ELSE '' END, ',' ORDER BY c.seqno) AS columns
         FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_xinfo(i.name) c
         WHERE t.type = 'table' AND i.origin <> 'pk' AND c.key = 1 AND t.name NOT LIKE 'customer\\_fts%' ESCAPE '\\' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' GROUP BY t.name, i.name",
    )
    .fetch_all(&mut *db)
    .await
    .expect("indices");
    let indices: Vec<_> = rows
        .iter()
        .map(|row| Index {
            table: row.get("tbl"),
            name: row.get("name"),
            unique: row.get::<i64, _>("one") != 0,
            partial: row.get::<i64, _>("partial") != 0,
            columns: row
                .get::<String, _>("columns")
                .split(',')
                .map(str::to_owned)
                .collect(),
        })
        .collect();
    let rows = sqlx::query("SELECT t.name AS tbl, f.\"from\", f.\"table\" AS target FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table' AND f.seq = 0")
        .fetch_all(db)
        .await
        .expect("references");
    let references: Vec<_> = rows
        .iter()
        .map(|row| Reference {
            table: row.get("tbl"),
            column: row.get("from"),
            target: row.get("target"),
        })
        .collect();
    written(&columns, &indices, &references)
}

async fn postgres_schema(db: &mut PgConnection) -> String {
    let rows = sqlx::query(
        "SELECT t.relname::text AS tbl, a.attname::text AS name, format_type(a.atttypid, NULL) AS kind, a.attnotnull, pg_get_expr(d.adbin, d.adrelid) AS at_first,
         COALESCE(array_position(p.conkey, a.attnum), 0)::bigint AS pk
         FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
         LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
         LEFT JOIN pg_constraint p ON p.conrelid = t.oid AND p.contype = 'p'
         WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_sqlx%' ORDER BY t.relname, a.attnum",
    )
    .fetch_all(&mut *db)
    .await
    .expect("columns");
    let columns: Vec<_> = rows
        .iter()
        .map(|row| Column {
            table: row.get("tbl"),
            name: row.get("name"),
            kind: row.get::<String, _>("kind").replace("bytea", "bytes"),
            required: row.get("attnotnull"),
            default: row
                .get::<Option<String>, _>("at_first")
                .map(|value| value.trim_end_matches("::text").to_owned()),
            key: row.get("pk"),
        })
        .collect();
    let rows = sqlx::query(
        "SELECT t.relname::text AS tbl, n.relname::text AS name, i.indisunique, i.indpred IS NOT NULL AS partial,
         array_agg(pg_get_indexdef(i.indexrelid, k.no, false) || CASE WHEN i.indoption[k.no - 1] & 1 = 1 THEN ' DESC' ELSE '' END ORDER BY k.no) AS columns
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid JOIN pg_am m ON m.oid = n.relam AND m.amname = 'btree', generate_series(1, i.indnkeyatts) AS k (no)
         WHERE NOT i.indisprimary AND t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_sqlx%' GROUP BY t.relname, n.relname, i.indexrelid, i.indisunique, i.indpred",
    )
    .fetch_all(&mut *db)
    .await
    .expect("indices");
    let indices: Vec<_> = rows
        .iter()
        .map(|row| Index {
            table: row.get("tbl"),
            name: row.get("name"),
            unique: row.get("indisunique"),
            partial: row.get("partial"),
            columns: row.get("columns"),
        })
        .collect();
    let rows = sqlx::query(
        "SELECT c.conrelid::regclass::text AS tbl, a.attname::text AS name, c.confrelid::regclass::text AS target
         FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'",
    )
    .fetch_all(db)
    .await
    .expect("references");
    let references: Vec<_> = rows
        .iter()
        .map(|row| Reference {
            table: row.get("tbl"),
            column: row.get("name"),
            target: row.get("target"),
        })
        .collect();
    written(&columns, &indices, &references)
}
