//! The schema, step by step: what a store of any earlier version goes through when it is opened.
//! Steps are appended and never changed; a store remembers the hash of each.

use sqlx::{
    SqlSafeStr,
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
    steps!("sqlite", 1 "0001_initial", 2 "0002_payments", 3 "0003_staff", 4 "0004_journal_by_time", 5 "0005_rollbacks", 6 "0006_statements", 7 "0007_money_mails", 8 "0008_allocation_to_a_bill", 9 "0009_reminders", 12 "0012_concessions", 13 "0013_provider_health", 14 "0014_api", 15 "0015_scans", 16 "0016_webhooks", 17 "0017_by_day", 18 "0018_debit_of_a_refund", 21 "0021_readers", 22 "0022_passkeys", 23 "0023_staff_identities", 25 "0025_owing_sheets", 26 "0026_points", 27 "0027_layouts", 29 "0029_debits", 30 "0030_same_way", 31 "0031_fresh_proofs", 32 "0032_customer_passwords", 33 "0033_scan_queue", 34 "0034_layout_bases", 35 "0035_texts", 36 "0036_api_calls", 37 "0037_choices_of_mails", 38 "0038_staff_devices", 39 "0039_kept_numbers", 40 "0040_scan_tries", 41 "0041_refund_corrections", 42 "0042_payment_nonces", 43 "0043_broken_statements", 44 "0044_staff_mails", 45 "0045_consumption", 47 "0047_password_changes", 48 "0048_books_stay", 49 "0049_confirmed_enrolments", 50 "0050_bills_from", 51 "0051_sums_of_books", 52 "0052_accounts", 53 "0053_payment_parts")
}

pub(crate) fn postgres() -> Migrator {
    steps!("postgres", 1 "0001_initial", 2 "0002_payments", 3 "0003_staff", 4 "0004_journal_by_time", 5 "0005_rollbacks", 6 "0006_statements", 7 "0007_money_mails", 8 "0008_allocation_to_a_bill", 9 "0009_reminders", 12 "0012_concessions", 13 "0013_provider_health", 14 "0014_api", 15 "0015_scans", 16 "0016_webhooks", 17 "0017_by_day", 18 "0018_debit_of_a_refund", 21 "0021_readers", 22 "0022_passkeys", 23 "0023_staff_identities", 25 "0025_owing_sheets", 26 "0026_points", 27 "0027_layouts", 29 "0029_debits", 30 "0030_same_way", 31 "0031_fresh_proofs", 32 "0032_customer_passwords", 33 "0033_scan_queue", 34 "0034_layout_bases", 35 "0035_texts", 36 "0036_api_calls", 37 "0037_choices_of_mails", 38 "0038_staff_devices", 39 "0039_kept_numbers", 40 "0040_scan_tries", 41 "0041_refund_corrections", 42 "0042_payment_nonces", 43 "0043_broken_statements", 44 "0044_staff_mails", 45 "0045_consumption", 47 "0047_password_changes", 48 "0048_books_stay", 49 "0049_confirmed_enrolments", 50 "0050_bills_from", 51 "0051_sums_of_books", 52 "0052_accounts", 53 "0053_payment_parts")
}

fn migrator(steps: &[(i64, &'static str, &'static str)]) -> Migrator {
    let steps = steps.iter().map(|&(version, name, sql)| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

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
