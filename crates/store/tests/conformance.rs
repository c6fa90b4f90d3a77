//! One suite of what the store promises. Each check takes an empty store, and each engine that
//! `Store::open` knows is held to the same promises.

mod conformance {
    pub(crate) mod accounts;
    pub(crate) mod api;
    pub(crate) mod codes;
    pub(crate) mod concessions;
    pub(crate) mod debits;
    pub(crate) mod deliveries;
    pub(crate) mod enrolments;
    pub(crate) mod guesses;
    pub(crate) mod health;
    pub(crate) mod histories;
    pub(crate) mod issue;
    pub(crate) mod kept;
    pub(crate) mod late;
    pub(crate) mod layouts;
    pub(crate) mod money_mails;
    pub(crate) mod passkeys;
    pub(crate) mod passwords;
    mod payers;
    pub(crate) mod payments;
    pub(crate) mod portal;
    pub(crate) mod readers;
    pub(crate) mod receivables;
    pub(crate) mod reconcile;
    pub(crate) mod reconciliation;
    pub(crate) mod release;
    pub(crate) mod reminders;
    pub(crate) mod reversals;
    pub(crate) mod runs;
    pub(crate) mod same_way;
    pub(crate) mod scans;
    pub(crate) mod staff;
    pub(crate) mod staff_edits;
    pub(crate) mod statements;
    pub(crate) mod texts;
    pub(crate) mod together;
    pub(crate) mod webhooks;
    pub(crate) mod world;
}

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use conformance::{
    accounts, api, codes, concessions, debits, deliveries, enrolments, guesses, health, histories,
    issue, kept, late, layouts, money_mails, passkeys, passwords, payments, portal, readers,
    receivables, reconcile, reconciliation, release, reminders, reversals, runs, same_way, scans,
    staff, staff_edits, statements, texts, together, webhooks, world,
};
use kvit_postgres::Cluster;
use kvit_store::Store;
use sqlx::Connection as _;

/// A place for an empty database, which goes away with it.
struct Place<Held> {
    url: String,
    _held: Held,
}

impl<Held> Place<Held> {
    async fn open(&self) -> Store {
        Store::open(&self.url).await.expect("an open store")
    }
}

fn sqlite_file() -> Place<tempfile::TempDir> {
    sqlite_in(tempfile::tempdir().expect("a temporary folder"))
}

/// In memory where the system has a folder there: many histories need not wait for the disk.
fn sqlite_in_memory() -> Place<tempfile::TempDir> {
    sqlite_in(
        tempfile::tempdir_in("/dev/shm")
            .unwrap_or_else(|_| tempfile::tempdir().expect("a temporary folder")),
    )
}

fn sqlite_in(folder: tempfile::TempDir) -> Place<tempfile::TempDir> {
    Place {
        url: format!("sqlite://{}", folder.path().join("kvit.db").display()),
        _held: folder,
    }
}

/// `None` where PostgreSQL is missing and may be.
fn postgres_database() -> Option<Place<Arc<Cluster>>> {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let cluster = kvit_postgres::shared().expect("a throwaway PostgreSQL")?;
    let name = format!("kvit_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    Some(Place {
        url: cluster.create_database(&name).expect("a new database"),
        _held: cluster,
    })
}

/// What a database is told by hand.
macro_rules! does {
    ($db:expr, $statement:expr) => {
        sqlx::query(sqlx::AssertSqlSafe($statement))
            .execute($db)
            .await
            .expect("done")
    };
}

macro_rules! refuses {
    ($db:expr, $statement:expr, $why:expr) => {
        let refused = sqlx::query(sqlx::AssertSqlSafe($statement))
            .execute($db)
            .await
            .expect_err($statement.as_ref());
        assert!(refused.to_string().contains($why), "{refused}");
    };
}

/// A test for each check and engine.
macro_rules! on_both_engines {
    ($($module:ident :: $check:ident,)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    let place = super::sqlite_file();
                    super::$module::$check(place.open().await).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    let Some(place) = super::postgres_database() else { return };
                    super::$module::$check(place.open().await).await;
                }
            )*
        }
    };
}

on_both_engines! {
    readers::a_reader_is_asked_and_proves,
    readers::a_reader_is_asked_for_at_a_desk_once,
    readers::readers_are_few,
    readers::a_copy_is_counted_apart,
    readers::a_copy_s_link_confirms_nothing,
    readers::who_left_gets_no_copy,
    readers::paper_ends_the_readers,
    staff::sessions_are_seen_and_ended,
    staff::an_identity_has_one_account,
    staff::a_clerk_keeps_the_known_centre,
    staff::whoever_has_an_address_is_told_of_changes,
    staff_edits::a_name_and_a_role_are_changed_by_an_administrator,
    staff_edits::nobody_raises_themselves_and_one_administrator_stays,
    staff_edits::what_the_identity_provider_says_is_not_changed_here,
    kept::a_number_is_kept_while_its_code_stays,
    codes::a_new_code_ends_what_the_old_one_opened,
    codes::what_was_replaced_opens_nothing,
    codes::where_bills_went_before_nothing_is_kept,
    codes::a_new_code_ends_what_is_opened_at_that_moment,
    codes::whoever_got_the_bills_is_told_also_after_them,
    passwords::a_password_is_set_in_its_own_session,
    passwords::an_address_has_the_password_that_was_set_last,
    passkeys::a_challenge_is_answered_once_by_who_asked,
    passkeys::a_passkey_is_added_once_and_is_its_owner_s,
    passkeys::a_passkey_needs_the_session_that_asks_for_it,
    passkeys::a_counter_that_does_not_go_on_is_an_alarm,
    webhooks::bills_are_told_of_where_it_is_wanted,
    webhooks::each_fact_is_told_once,
    webhooks::money_in_a_customer_s_book_is_told,
    webhooks::money_that_came_is_told_apart_from_what_goes_back,
    webhooks::a_message_that_nobody_hears_is_set_aside,
    webhooks::what_nobody_heard_is_deleted_after_a_month,
    webhooks::many_messages_are_tried_again_in_parts,
    webhooks::a_removed_webhook_is_told_nothing_more,
    health::silence_in_a_row_puts_a_payment_system_out_of_order,
    api::a_token_works_until_it_is_revoked_or_over,
    api::the_trail_tells_who_gave_a_token_out_and_when_it_was_used,
    api::a_change_is_made_once_under_its_key,
    api::the_trail_tells_whether_a_change_was_made,
    api::a_telephone_number_is_found_however_it_is_written,
    runs::a_run_is_staged_and_accepted,
    runs::a_rejected_run_leaves_its_report_only,
    runs::only_the_latest_import_of_a_run_counts,
    runs::a_dead_import_is_cleared_by_the_next,
    runs::an_order_counts_once,
    runs::imports_at_once_never_both_count,
    runs::many_orders_are_looked_up_at_once,
    release::release_needs_a_second_person,
    release::a_run_is_released_once,
    release::releases_at_once_get_adjacent_ranges,
    release::a_failed_release_persists_nothing,
    release::a_number_is_given_once_whatever_its_series,
    release::an_empty_run_takes_no_number,
    issue::four_workers_claim_each_chunk_once,
    issue::reasons_for_no_form_are_summed_with_their_chunks,
    issue::an_expired_lease_is_claimed_again,
    issue::the_last_chunk_issues_the_run,
    issue::finishing_twice_changes_nothing,
    issue::a_failed_finish_persists_nothing,
    issue::chunks_of_a_forgotten_worker_are_free,
    issue::a_result_that_does_not_fit_is_refused,
    issue::a_run_is_swept_once_it_is_issued,
    issue::a_claim_is_given_back,
    issue::the_last_chunks_at_once_issue_the_run,
    layouts::a_layout_counts_by_a_second_person_s_word,
    api::calls_count_over_all_machines,
    texts::texts_count_by_a_second_person_s_word,
    layouts::a_layout_stands_on_the_files_of_its_program,
    layouts::a_run_keeps_the_layout_of_its_release,
    late::a_late_chunk_changes_nothing,
    late::a_late_word_does_not_queue_what_another_sends,
    late::a_late_acceptance_is_not_sent_again,
    late::a_mail_of_a_dead_worker_is_sent_by_another,
    late::a_word_said_twice_counts_once,
    late::whatever_befalls_workers_no_mail_is_lost_or_secretly_twice,
    deliveries::mails_are_claimed_once,
    deliveries::an_attempt_decides_what_comes_next,
    deliveries::a_forgotten_mail_is_possibly_twice,
    late::a_late_word_does_not_send_again,
    deliveries::a_receipt_is_confirmed_once,
    deliveries::presses_at_once_count_once,
    deliveries::a_bill_tells_what_happened_to_it,
    enrolments::an_address_is_proven_once,
    enrolments::a_new_address_replaces_the_old,
    enrolments::an_old_link_cannot_undo_a_newer_address,
    enrolments::a_customer_goes_back_to_paper,
    enrolments::the_first_confirmed_bill_is_kept_with_the_consent,
    enrolments::a_proven_address_is_told_from_which_bill_on,
    enrolments::bills_and_mails_speak_the_language_of_the_consent,
    accounts::another_holder_gets_nothing_of_the_earlier_one_s,
    accounts::the_last_bill_goes_where_bills_went_and_closes_the_account,
    enrolments::an_imported_enrolment_is_active_at_once,
    enrolments::a_proof_without_reason_is_withdrawn,
    enrolments::addresses_proven_at_once_leave_one,
    enrolments::a_link_signs_in_once_and_only_from_the_address_of_the_bills,
    portal::customers_keep_their_own_choices,
    portal::a_redone_chunk_has_the_same_customers,
    portal::bills_are_listed_page_by_page,
    portal::a_bill_names_its_corrections,
    portal::a_guard_closes_and_opens,
    guesses::administrators_hear_of_guessed_codes_once_a_day,
    guesses::two_wrong_codes_at_once_are_one_alarm,
    portal::a_session_ends,
    portal::a_link_opens_what_goes_to_its_address,
    portal::a_session_grows_by_a_code,
    portal::a_session_opens_so_many_numbers,
    portal::events_are_read_newest_first,
    scans::a_page_is_known_again_and_waits_once,
    scans::a_page_is_in_one_hand_at_a_time,
    scans::a_confirmed_page_is_the_evidence_of_a_consent,
    scans::a_decision_is_taken_back_until_the_address_is_proven,
    scans::an_uploaded_file_is_read_by_its_latest_claim,
    scans::a_file_that_is_given_up_is_kept_and_tried_again,
    scans::refused_pages_are_cleared_and_evidence_stays,
    scans::the_next_page_is_the_oldest_that_nobody_has,
    staff::an_account_is_added_once_closed_and_renewed,
    staff::the_trail_is_read_by_pages_and_kept,
    staff::customers_are_found_by_what_is_heard,
    staff::the_last_write_never_silently_wins,
    staff::what_staff_write_down_is_written_once,
    staff::a_run_is_closed_when_nothing_of_it_is_open,
    payments::a_payment_counts_once,
    together::one_payment_pays_the_bills_of_several_customers,
    together::what_does_not_fit_touches_no_bill,
    together::it_goes_back_as_a_whole_and_in_parts,
    together::an_address_is_told_once,
    together::who_had_no_consent_then_is_not_told_of,
    together::whose_mail_falls_away_is_told_apart,
    payments::claims_are_aged_at_any_moment,
    payments::dues_are_told_as_a_page_shows_them,
    receivables::a_book_is_read_by_pages_and_adds_up,
    receivables::a_sheet_ties_to_the_books,
    payments::notices_at_once_count_once,
    reconciliation::what_three_say_is_compared_by_day,
    reconciliation::what_is_not_handed_over_in_time_comes_first,
    reconcile::what_does_not_fit_changes_no_balance,
    reconcile::contradictions_end_in_the_right_balance,
    reversals::a_reversal_counts_in_any_order,
    payments::what_was_kept_is_applied_after_a_death,
    reversals::a_rollback_takes_back_what_it_names,
    reversals::a_rollback_without_a_name_never_guesses,
    reconcile::a_payment_without_an_answer_is_ended_by_two,
    reversals::allocated_money_goes_back_as_well,
    reconcile::two_people_take_a_payment_out_of_the_books,
    reversals::what_was_signed_counts_once_however_it_is_cut,
    reversals::money_that_goes_back_by_itself_is_in_no_book,
    reconcile::another_word_under_a_known_name_is_for_people,
    reconcile::whatever_needs_people_can_be_ended_by_them,
    payments::a_number_that_was_heard_of_is_not_given_again,
    payments::an_aggregator_pays_by_customer_number,
    payments::a_balance_is_known_at_any_moment,
    reconcile::unmatched_money_needs_two_people,
    reconcile::a_part_goes_to_one_and_the_rest_to_another,
    reconcile::a_part_goes_back_with_the_rest,
    reconcile::nobody_s_word_is_overwritten_unseen,
    reconcile::what_waits_is_found_and_read_by_pages,
    payments::what_is_refused_is_counted,
    payments::a_payment_is_found_by_its_last_digits,
    payments::the_journal_is_read_a_stretch_at_a_time,
    money_mails::money_is_told_once,
    money_mails::who_wants_no_mails_about_payments_gets_none,
    money_mails::what_is_told_is_what_was_then,
    money_mails::what_was_taken_back_is_told_by_itself,
    money_mails::unmatched_money_is_told_once_it_is_somebody_s,
    money_mails::a_mail_about_money_follows_its_reader,
    money_mails::money_booked_after_a_death_is_told_once,
    money_mails::old_statements_are_no_news,
    statements::a_transfer_goes_to_the_one_whom_it_names,
    statements::people_find_the_owner_by_name_and_text,
    statements::a_transfer_counts_once_however_many_statements_have_it,
    statements::a_sum_and_its_parts_count_once,
    statements::two_payments_under_one_reference_are_not_one,
    statements::what_waits_finds_its_owner_once_it_is_told_again,
    statements::the_bank_takes_back_what_it_names,
    statements::a_statement_is_kept_first_and_done_once,
    statements::a_statement_in_two_hands_counts_once,
    concessions::a_refund_needs_two_people_and_credit,
    concessions::a_payment_is_given_back_once,
    concessions::what_was_taken_back_does_not_leave,
    concessions::a_small_rest_is_written_off,
    concessions::rests_of_a_bill_are_small_in_all,
    concessions::a_refund_is_in_one_file_and_settled_by_its_debit,
    concessions::a_second_debit_of_a_refund_is_for_people,
    concessions::what_is_conceded_is_told,
    same_way::money_goes_back_the_way_it_came,
    same_way::what_is_not_given_back_may_go_another_way,
    same_way::what_nobody_knows_waits_for_a_person,
    same_way::a_reversal_and_a_refund_do_not_give_back_twice,
    same_way::what_turns_out_to_be_otherwise_is_corrected,
    same_way::a_correction_does_not_give_back_twice,
    same_way::a_correction_takes_credit_first,
    same_way::one_word_ends_no_other_refund,
    debits::a_mandate_is_given_once_and_ended,
    debits::a_mandate_ends_after_three_years_without_a_debit,
    debits::a_debit_is_announced_once_before_it_is_made,
    debits::a_notice_that_is_late_or_for_nothing_does_not_leave,
    debits::a_file_needs_two_people_and_keeps_its_bytes,
    debits::who_pays_first_is_not_debited,
    debits::what_no_file_has_in_time_is_told,
    debits::the_money_of_a_debit_settles_and_a_return_reopens,
    debits::what_the_bank_refuses_is_told_once_and_comes_first_again,
    debits::a_sum_of_debits_settles_each,
    debits::a_return_that_does_not_fit_is_for_people,
    debits::a_return_may_come_before_its_money,
    reminders::reminders_are_decided_once_a_stretch_at_a_time,
    reminders::only_who_owes_and_wants_it_is_reminded,
    reminders::who_pays_is_not_reminded,
    reminders::who_pays_at_the_last_moment_is_not_reminded,
    reminders::who_orders_is_not_reminded,
    reminders::who_orders_at_the_last_moment_is_not_reminded,
    reminders::who_is_credited_is_not_reminded,
    reminders::who_is_credited_at_the_last_moment_is_not_reminded,
    reminders::who_leaves_is_not_reminded,
    reminders::who_leaves_at_the_last_moment_is_not_reminded,
    reminders::who_wants_none_is_not_reminded,
    reminders::who_wants_none_at_the_last_moment_is_not_reminded,
    reminders::a_reminder_says_what_is_open_when_it_leaves,
    reminders::a_missed_reminder_is_written_down_and_not_sent,
    reminders::a_reminder_that_was_held_up_is_not_sent_late,
    reminders::a_choice_about_reminders_is_kept,
    reminders::a_reminder_is_found_by_its_link,
}

/// The seeds of random histories: the first so many, or what `KVIT_HISTORIES` names, as `17` or `1-5000`.
fn seeds(many: u64) -> std::ops::RangeInclusive<u64> {
    let Ok(named) = std::env::var("KVIT_HISTORIES") else {
        return 1..=many;
    };
    let (first, last) = named.split_once('-').unwrap_or((&named, &named));
    let seed = |text: &str| text.parse().expect("KVIT_HISTORIES is `17`, or `1-5000`");
    seed(first)..=seed(last)
}

async fn histories<Held: Send + Sync + 'static>(
    many: u64,
    at_once: bool,
    place: fn() -> Option<Place<Held>>,
) {
    const SIDE_BY_SIDE: usize = 4;
    let mut seeds = seeds(many);
    let mut running = tokio::task::JoinSet::new();
    loop {
        while running.len() < SIDE_BY_SIDE
            && let Some(seed) = seeds.next()
        {
            let Some(place) = place() else { return };
            running.spawn(async move {
                let history = histories::history(place.open().await, seed, at_once);
                (seed, tokio::spawn(history).await.is_ok())
            });
        }
        let Some(ended) = running.join_next().await else {
            return;
        };
        let (seed, went_well) = ended.expect("a history");
        assert!(
            went_well,
            "history {seed}; it comes again with KVIT_HISTORIES={seed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_in_whatever_order_sqlite_s_books_are_right() {
    histories(100, false, || Some(sqlite_in_memory())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_in_whatever_order_postgres_s_books_are_right() {
    histories(10, true, postgres_database).await;
}

async fn a_second_opening_finds_what_the_first_kept<Held>(place: Place<Held>) {
    let first = place.open().await;
    world::checked(&first, "kept", 2, 1).await;
    drop(first);
    let second = place.open().await;
    second.ping().await.expect("an answer");
    assert_eq!(second.runs(10).await.expect("runs").len(), 1);
}

#[tokio::test]
async fn sqlite_keeps_over_a_second_opening() {
    a_second_opening_finds_what_the_first_kept(sqlite_file()).await;
}

#[tokio::test]
async fn postgres_keeps_over_a_second_opening() {
    if let Some(place) = postgres_database() {
        a_second_opening_finds_what_the_first_kept(place).await;
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = format!("sqlite://{}/none/kvit.db", folder.path().display());
    let error = Store::open(&missing).await.expect_err("no such folder");
    assert!(error.to_string().contains("none/kvit.db"), "{error}");
    if let Some(place) = postgres_database() {
        let error = Store::open(&format!("{}_not", place.url)).await;
        let said = error.expect_err("no such database").to_string();
        assert!(said.contains("_not at 127.0.0.1:"), "{said}");
    }
}

#[tokio::test]
async fn a_refused_address_does_not_show_its_password() {
    for url in [
        "mysql://kvit:hidden@db/kvit",
        "postgres://kvit:hidden@127.0.0.1:1/kvit",
        "postgres://kvit:hidden@127.0.0.1:port/kvit",
    ] {
        let error = Store::open(url).await.expect_err("nothing answers there");
        assert!(!format!("{error} {error:?}").contains("hidden"), "{url}");
    }
}

/// Whoever only looks waits for nobody who writes.
#[tokio::test]
async fn looking_takes_no_turn_of_writers() {
    let place = sqlite_file();
    let store = place.open().await;
    let mut writer = sqlx::SqliteConnection::connect(&place.url)
        .await
        .expect("a connection");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut writer)
        .await
        .expect("the lock");
    // Who takes a turn waits for thirty seconds, and fails.
    let looked = tokio::time::timeout(std::time::Duration::from_secs(25), async {
        debits::looked_at(&store).await;
        concessions::looked_at(&store).await;
    });
    looked.await.expect("it does not wait");
}

/// Nobody takes back what was written down, not even with the database's own tools.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_down_stays() {
    macro_rules! stays {
        ($($module:ident :: $check:ident: $($table:literal $column:literal),+;)*) => {$(
            let place = sqlite_file();
            $module::$check(place.open().await).await;
            let mut sqlite = sqlx::SqliteConnection::connect(&place.url).await.expect("a connection");
            let postgres = postgres_database();
            let mut postgres = match &postgres {
                Some(place) => {
                    $module::$check(place.open().await).await;
                    Some(sqlx::PgConnection::connect(&place.url).await.expect("a connection"))
                }
                None => None,
            };
            $(
                for change in [concat!("UPDATE ", $table, " SET ", $column, " = ", $column), concat!("DELETE FROM ", $table)] {
                    refuses!(&mut sqlite, change, "append-only");
                }
                if let Some(postgres) = &mut postgres {
                    for change in [
                        concat!("UPDATE ", $table, " SET ", $column, " = ", $column),
                        concat!("DELETE FROM ", $table),
                        concat!("TRUNCATE ", $table, " CASCADE"),
                    ] {
                        refuses!(&mut *postgres, change, "append-only");
                    }
                }
            )+
        )*};
    }
    stays! {
        staff::the_trail_is_read_by_pages_and_kept: "events" "who";
        staff::what_staff_write_down_is_written_once: "notes" "body", "contacts" "channel";
        staff::a_run_is_closed_when_nothing_of_it_is_open: "run_closings" "sheet";
        reminders::a_choice_about_reminders_is_kept: "reminder_choices" "wanted";
        reversals::a_reversal_counts_in_any_order: "journal" "at", "postings" "cents", "notices" "id",
            "notices" "provider", "notices" "event", "notices" "payment", "notices" "account", "notices" "bills",
            "notices" "amount", "notices" "currency", "notices" "received", "notices" "received_at";
    }
}

/// Nor does an entry get into the books that does not balance.
#[tokio::test]
async fn an_entry_that_does_not_balance_is_refused() {
    const WHY: &str = "the postings of an entry add up to nothing";
    let entry = "INSERT INTO journal (id, at, kind, who) VALUES ('x', 1, 'payment', 'x')";
    let line = |line: u8, cents: i8| {
        format!(
            "INSERT INTO postings (entry, line, book, cents, bills) VALUES ('x', {line}, 'bank', {cents}, '')"
        )
    };
    let place = sqlite_file();
    drop(place.open().await);
    let mut sqlite = sqlx::SqliteConnection::connect(&place.url)
        .await
        .expect("a connection");
    for statement in [entry.to_owned(), line(1, 5)] {
        does!(&mut sqlite, statement);
    }
    refuses!(&mut sqlite, line(2, -4), WHY);
    does!(&mut sqlite, line(2, -5));
    refuses!(&mut sqlite, line(3, 1), WHY);
    let Some(place) = postgres_database() else {
        return;
    };
    drop(place.open().await);
    let mut postgres = sqlx::PgConnection::connect(&place.url)
        .await
        .expect("a connection");
    refuses!(&mut postgres, entry, WHY);
    for (first, second) in [(5, -4), (5, -5)] {
        for statement in ["BEGIN", entry, &line(1, first), &line(2, second)] {
            does!(&mut postgres, statement.to_owned());
        }
        if first + second == 0 {
            does!(&mut postgres, "COMMIT");
        } else {
            refuses!(&mut postgres, "COMMIT", WHY);
        }
    }
    refuses!(&mut postgres, line(3, 1), WHY);
}

/// PostgreSQL plans by what it knows of tables, and nobody has looked at those of a new instance.
#[tokio::test]
async fn what_a_run_fills_is_looked_at() {
    let Some(place) = postgres_database() else {
        return;
    };
    let store = place.open().await;
    let mut db = sqlx::PgConnection::connect(&place.url)
        .await
        .expect("a connection");
    for table in ["order_keys", "bills"] {
        does!(
            &mut db,
            format!("ALTER TABLE {table} SET (autovacuum_enabled = false)")
        );
    }
    let looked = async |db: &mut sqlx::PgConnection, table: &str| {
        let known = sqlx::query("SELECT 1 FROM pg_stats WHERE tablename = $1 LIMIT 1");
        let known = known.bind(table.to_owned()).fetch_optional(db).await;
        known.expect("an answer").is_some()
    };
    world::staged(&store, "few", 1, 100, 1).await;
    assert!(
        !looked(&mut db, "order_keys").await,
        "a hundred are read in no time"
    );
    world::released(&store, "many", 15_000, 4).await;
    assert!(looked(&mut db, "order_keys").await);
    assert!(!looked(&mut db, "bills").await, "there are none");
    while let Some(job) = world::claimed(&store, "worker", 3).await {
        let kept = store.finish_chunk(&world::result(&job, "worker")).await;
        kept.expect("a kept chunk");
    }
    assert!(looked(&mut db, "bills").await);
}
