//! The schema, step by step: what a store of any earlier version goes through when it is opened.
//! Steps are appended and never changed; a store remembers the hash of each.

use sqlx::{
    PgPool, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

macro_rules! steps {
    ($engine:literal, $($version:literal $name:literal),+ $(,)?) => {
        migrator(&[$((
            $version,
            $name,
            include_str!(concat!("../migrations/", $engine, "/", $name, ".sql")),
        )),+])
    };
}

pub(crate) fn sqlite() -> Migrator {
    steps!("sqlite", 1 "0001_initial", 2 "0002_payments", 3 "0003_staff", 4 "0004_journal_by_time", 5 "0005_rollbacks", 6 "0006_statements", 7 "0007_money_mails", 8 "0008_allocation_to_a_bill", 9 "0009_reminders", 12 "0012_concessions", 13 "0013_provider_health", 14 "0014_api", 15 "0015_scans", 16 "0016_webhooks", 17 "0017_by_day", 18 "0018_debit_of_a_refund", 21 "0021_readers", 22 "0022_passkeys", 23 "0023_staff_identities", 25 "0025_owing_sheets", 26 "0026_points", 27 "0027_layouts", 29 "0029_debits", 30 "0030_same_way", 31 "0031_fresh_proofs", 32 "0032_customer_passwords", 33 "0033_scan_queue", 34 "0034_layout_bases", 35 "0035_texts", 36 "0036_api_calls", 37 "0037_choices_of_mails", 38 "0038_staff_devices", 39 "0039_kept_numbers", 40 "0040_scan_tries", 41 "0041_refund_corrections", 42 "0042_payment_nonces", 43 "0043_broken_statements", 44 "0044_staff_mails", 45 "0045_consumption", 47 "0047_password_changes", 48 "0048_books_stay", 49 "0049_confirmed_enrolments", 50 "0050_bills_from", 51 "0051_sums_of_books", 52 "0052_accounts", 53 "0053_payment_parts", 55 "0055_no_forms", 56 "0056_handed_over", 57 "0057_alarms")
}

pub(crate) fn postgres() -> Migrator {
    steps!("postgres", 1 "0001_initial", 2 "0002_payments", 3 "0003_staff", 4 "0004_journal_by_time", 5 "0005_rollbacks", 6 "0006_statements", 7 "0007_money_mails", 8 "0008_allocation_to_a_bill", 9 "0009_reminders", 12 "0012_concessions", 13 "0013_provider_health", 14 "0014_api", 15 "0015_scans", 16 "0016_webhooks", 17 "0017_by_day", 18 "0018_debit_of_a_refund", 21 "0021_readers", 22 "0022_passkeys", 23 "0023_staff_identities", 25 "0025_owing_sheets", 26 "0026_points", 27 "0027_layouts", 29 "0029_debits", 30 "0030_same_way", 31 "0031_fresh_proofs", 32 "0032_customer_passwords", 33 "0033_scan_queue", 34 "0034_layout_bases", 35 "0035_texts", 36 "0036_api_calls", 37 "0037_choices_of_mails", 38 "0038_staff_devices", 39 "0039_kept_numbers", 40 "0040_scan_tries", 41 "0041_refund_corrections", 42 "0042_payment_nonces", 43 "0043_broken_statements", 44 "0044_staff_mails", 45 "0045_consumption", 47 "0047_password_changes", 48 "0048_books_stay", 49 "0049_confirmed_enrolments", 50 "0050_bills_from", 51 "0051_sums_of_books", 52 "0052_accounts", 53 "0053_payment_parts", 55 "0055_no_forms", 56 "0056_handed_over", 57 "0057_alarms")
}

fn migrator(steps: &[(i64, &'static str, &'static str)]) -> Migrator {
    let steps = steps.iter().map(|&(version, name, sql)| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect())
}

/// Whether a store has these steps behind it and no others, so that nothing of its tables has to be changed.
pub(crate) async fn are_done(pool: &PgPool, steps: &Migrator) -> Result<bool, sqlx::Error> {
    let begun = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL");
    if !begun.fetch_one(pool).await? {
        return Ok(false);
    }
    let done: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version",
    )
    .fetch_all(pool)
    .await?;
    let steps = steps
        .iter()
        .map(|step| (step.version, step.checksum.to_vec()));
    Ok(done.into_iter().eq(steps))
}

#[cfg(test)]
mod tests {
    use crate::{Store, sql::query};

    use super::*;

    /// As `docs/OPERATIONS.md` says it is set up.
    #[tokio::test]
    async fn one_role_makes_the_tables_and_another_serves() {
        let cluster = kvit_postgres::shared().expect("PostgreSQL starts where it is installed");
        let Some(cluster) = cluster else {
            return;
        };
        let url = cluster.create_database("roles").expect("a database");
        let owner = PgPool::connect(&url).await.expect("a connection");
        for sql in [
            "CREATE ROLE serves LOGIN",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO serves",
        ] {
            sqlx::query(sql).execute(&owner).await.expect("set up");
        }
        let serving = url.replace("//postgres@", "//serves@");
        let too_early = Store::open(&serving).await;
        assert!(too_early.is_err(), "it may make no tables");
        Store::open(&url).await.expect("the owner makes the tables");
        let store = Store::open(&serving).await.expect("they are there");
        let customer = kvit_synth::Synth::new(7, 1).customer(0);
        store
            .upsert_customers(std::slice::from_ref(&customer))
            .await
            .expect("kept");
        let found = store
            .find_customers(&customer.name, 2)
            .await
            .expect("an answer");
        assert_eq!(found.map(|found| found.len()), Some(1));
        let more = query("CREATE TABLE more (id BIGINT)")
            .execute(&store.pools)
            .await;
        assert!(more.is_err(), "it changes no table");
    }

    #[test]
    fn every_file_is_a_step() {
        for (engine, migrator) in [("sqlite", sqlite()), ("postgres", postgres())] {
            let folder = format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .expect("the folder of migrations")
                .map(|file| file.expect("an entry").file_name().to_string_lossy().into())
                .collect();
            files.sort();
            let steps = migrator
                .iter()
                .map(|step| format!("{}.sql", step.description));
            assert!(files.into_iter().eq(steps), "{engine}: a file is no step");
        }
    }
}
