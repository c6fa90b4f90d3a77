//! What PostgreSQL knows of how full its tables are. It plans by that, and plans that it keeps for statements that come
//! again stay until it looks anew: a statement that was asked while a table was empty would go on reading all of it
//! once a run or a backup has filled it. Autovacuum comes by within a minute at the earliest, so whoever fills tables
//! has them looked at.

use crate::{Store, StoreError, engine::Pools, sql::query};

/// Smaller tables are read in no time however they are read.
const BYTES_MIN: u64 = 1 << 20;
/// Own tables that were never looked at, or have more than doubled since. Indices that are made behind a table's rows, as
/// from a backup, note its size, but nothing of what it holds.
const GROWN: &str = "SELECT quote_ident(c.relname) AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = CAST(CURRENT_SCHEMA AS REGNAMESPACE) AND pg_has_role(c.relowner, 'USAGE') AND pg_relation_size(c.oid) > $1 AND pg_relation_size(c.oid) > 2 * CASE WHEN EXISTS (SELECT 1 FROM pg_stats s WHERE s.schemaname = CURRENT_SCHEMA AND s.tablename = c.relname) THEN c.relpages * CAST(CURRENT_SETTING('block_size') AS BIGINT) ELSE 0 END ORDER BY 1";

impl Store {
    /// Has PostgreSQL look at the tables that have grown much since it did, which ends the plans that were made for them
    /// as they were. A sample of each is read, whatever its size. Where the tables are another role's, that is left to
    /// autovacuum. What was written before stays written when this fails.
    pub(crate) async fn look_at_grown_tables(&self) {
        if let Err(fault) = self.analyze_grown_tables().await {
            tracing::warn!(
                error = &fault as &dyn std::error::Error,
                "PostgreSQL did not look at tables that have grown; pages are slow until autovacuum has"
            );
        }
    }

    async fn analyze_grown_tables(&self) -> Result<(), StoreError> {
        if let Pools::Sqlite { .. } = self.pools {
            return Ok(());
        }
        let grown = query(GROWN)
            .bind(BYTES_MIN)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| row.get("name"))
            .collect::<Result<Vec<String>, _>>()?;
        if grown.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        // One at a time; whoever fills tables meanwhile goes on.
        let turn = query(
            "SELECT CAST(CAST(pg_try_advisory_xact_lock(hashtextextended('statistics', 0)) AS INT) AS BIGINT) AS mine",
        );
        if turn.fetch_one(&mut tx).await?.get::<i64>("mine")? == 1 {
            query(format!("ANALYZE {}", grown.join(", ")))
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kvit_billing::Customer;
    use sqlx::{PgPool, Row as _};

    use super::*;

    /// Enough for more than a megabyte of customers.
    const MANY: u32 = 4_000;

    fn customers(from: u32, to: u32) -> Vec<Customer> {
        let synth = kvit_synth::Synth::new(7, to);
        (from..to).map(|place| synth.customer(place)).collect()
    }

    async fn database(name: &str) -> Option<(String, std::sync::Arc<kvit_postgres::Cluster>)> {
        let cluster = kvit_postgres::shared().expect("PostgreSQL starts where it is installed")?;
        Some((cluster.create_database(name).expect("a database"), cluster))
    }

    /// How many pages PostgreSQL had seen of the customers when it last looked; none where it never did.
    async fn seen(pool: &PgPool) -> Option<i32> {
        let seen = sqlx::query(
            "SELECT c.relpages FROM pg_class c WHERE c.relname = 'customers' AND EXISTS (SELECT 1 FROM pg_stats s WHERE s.tablename = c.relname)",
        );
        let seen = seen.fetch_optional(pool).await.expect("an answer");
        seen.map(|row| row.get(0))
    }

    #[tokio::test]
    async fn a_plan_from_before_the_customers_came_is_made_anew() {
        let Some((url, _cluster)) = database("kept_plans").await else {
            return;
        };
        let store = Store::open(&url).await.expect("a store");
        let pool = PgPool::connect(&url).await.expect("connections");
        sqlx::raw_sql("ALTER TABLE customers SET (autovacuum_enabled = false)")
            .execute(&pool)
            .await
            .expect("set");
        let mut one = pool.acquire().await.expect("a connection");
        // As a statement would be without what `Rows` does about it.
        sqlx::raw_sql("SET plan_cache_mode = force_generic_plan; PREPARE kept (TEXT[]) AS SELECT body FROM customers WHERE number IN (SELECT * FROM UNNEST($1))")
            .execute(&mut *one)
            .await
            .expect("prepared");
        let mut plan = async || {
            let steps = sqlx::raw_sql("EXPLAIN EXECUTE kept (NULL)").fetch_all(&mut *one);
            let steps = steps.await.expect("a plan");
            steps
                .iter()
                .map(|step| step.get(0))
                .collect::<Vec<String>>()
                .join("\n")
        };
        assert!(plan().await.contains("Seq Scan"), "there is nobody yet");
        store
            .upsert_customers(&customers(0, 10))
            .await
            .expect("kept");
        assert_eq!(seen(&pool).await, None, "ten are read in no time");
        assert!(plan().await.contains("Seq Scan"), "nobody looked");
        store
            .upsert_customers(&customers(10, MANY))
            .await
            .expect("kept");
        let first = seen(&pool).await.expect("looked at");
        let plan = plan().await;
        assert!(!plan.contains("Seq Scan"), "{plan}");

        store
            .upsert_customers(&customers(MANY, MANY + MANY / 2))
            .await
            .expect("kept");
        assert_eq!(seen(&pool).await, Some(first), "not so many more");
        store
            .upsert_customers(&customers(MANY + MANY / 2, 3 * MANY))
            .await
            .expect("kept");
        let then = seen(&pool).await.expect("looked at");
        assert!(then > 2 * first, "{then} pages after {first}");
    }

    #[tokio::test]
    async fn what_a_backup_filled_is_looked_at_when_it_is_opened() {
        let Some((url, _cluster)) = database("from_backup").await else {
            return;
        };
        Store::open(&url).await.expect("tables");
        let pool = PgPool::connect(&url).await.expect("connections");
        // An index that is made behind the rows notes how many pages there are.
        sqlx::raw_sql("ALTER TABLE customers SET (autovacuum_enabled = false); DROP INDEX customers_by_name; INSERT INTO customers (number, name_fold, language, body) SELECT i, REPEAT('x', 500), 'bg', '{}' FROM generate_series(1000000, 1004000) i; INSERT INTO customer_search (number, fold) VALUES ('1000000', 'x'); CREATE INDEX customers_by_name ON customers (name_fold)")
            .execute(&pool)
            .await
            .expect("filled");
        assert_eq!(seen(&pool).await, None);
        Store::open(&url).await.expect("opened");
        assert!(seen(&pool).await.is_some());
    }
}
