//! One suite of what the store promises. Each check takes an empty store, so that every engine
//! that `Store::open` knows is held to the same promises.

mod conformance {
    pub(crate) mod deliveries;
    pub(crate) mod enrolments;
    pub(crate) mod issue;
    pub(crate) mod portal;
    pub(crate) mod runs;
    pub(crate) mod world;
}

use conformance::{deliveries, enrolments, issue, portal, runs};

/// A test for each check, on a fresh SQLite file.
macro_rules! on_sqlite {
    ($($module:ident :: $check:ident,)*) => {
        mod sqlite {
            use kvit_store::Store;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    let folder = tempfile::tempdir().expect("a temporary folder");
                    let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
                    let store = Store::open(&url).await.expect("an empty store");
                    super::$module::$check(store).await;
                }
            )*

            #[tokio::test]
            async fn a_second_opening_finds_what_the_first_kept() {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
                let first = Store::open(&url).await.expect("an empty store");
                crate::conformance::world::checked(&first, "kept", 2, 1).await;
                drop(first);
                let second = Store::open(&url).await.expect("the same store");
                second.ping().await.expect("an answer");
                assert_eq!(second.runs(10).await.expect("runs").len(), 1);
            }
        }
    };
}

on_sqlite! {
    runs::a_run_is_staged_and_accepted,
    runs::a_rejected_run_leaves_its_report_only,
    runs::a_dead_import_is_cleared_by_the_next,
    runs::an_order_counts_once,
    runs::release_needs_a_second_person,
    runs::a_run_is_released_once,
    runs::releases_at_once_get_adjacent_ranges,
    runs::a_failed_release_persists_nothing,
    issue::four_workers_claim_each_chunk_once,
    issue::an_expired_lease_is_claimed_again,
    issue::the_last_chunk_issues_the_run,
    issue::finishing_twice_changes_nothing,
    issue::a_failed_finish_persists_nothing,
    issue::chunks_of_a_forgotten_worker_are_free,
    deliveries::mails_are_claimed_once,
    deliveries::an_attempt_decides_what_comes_next,
    deliveries::a_forgotten_mail_is_possibly_twice,
    deliveries::a_late_word_does_not_send_again,
    deliveries::a_receipt_is_confirmed_once,
    enrolments::an_address_is_proven_once,
    enrolments::a_new_address_replaces_the_old,
    enrolments::an_old_link_cannot_undo_a_newer_address,
    enrolments::a_customer_goes_back_to_paper,
    enrolments::an_imported_enrolment_is_active_at_once,
    portal::customers_keep_their_own_choices,
    portal::bills_are_listed_page_by_page,
    portal::a_guard_closes_and_opens,
    portal::a_session_ends,
    portal::events_are_read_newest_first,
}

#[tokio::test]
async fn a_refused_address_does_not_show_its_password() {
    let error = kvit_store::Store::open("mysql://kvit:hidden@db/kvit")
        .await
        .expect_err("not an engine of ours");
    assert!(!format!("{error} {error:?}").contains("hidden"));
}
