//! Codes that are guessed from many places, and who hears of it.

use kvit_billing::{DeliveryKind, Language, Role, Secret};
use kvit_store::{DeliveryWhat, GuardPolicy, StaffEmail, Store};

use super::{
    staff::{add, event, login},
    world::at,
};

const POLICY: GuardPolicy = GuardPolicy {
    max_fails: 3,
    window_s: 60,
    block_s: 600,
};
const DAY: i64 = 86_400;

async fn reached(store: &Store, name: &str, language: Language) {
    let email = StaffEmail {
        address: Secret::new(format!("{name}@example.bg")),
        language,
    };
    let noted = event(0, "staff.email-changed", &format!("staff/{name}"));
    let noted = store
        .set_staff_email(&login(name), Some(&email), &noted)
        .await;
    assert!(noted.expect("an answer"));
}

/// Who is told by now, and in which language.
async fn told(store: &Store, now: i64) -> Vec<(String, Language)> {
    let until = at(now + 100 * DAY);
    let jobs = store.claim_deliveries("w", at(now), until, 9).await;
    let jobs = jobs.expect("mails").into_iter();
    let mut told: Vec<_> = jobs
        .map(|job| {
            assert!(matches!(job.what, DeliveryWhat::Alarm), "{:?}", job.what);
            assert_eq!(job.id.kind(), DeliveryKind::Alarm);
            (job.email.expose().clone(), job.language)
        })
        .collect();
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    told
}

pub(crate) async fn administrators_hear_of_guessed_codes_once_a_day(store: Store) {
    for (name, role) in [
        ("ada", Role::Administrator),
        ("eva", Role::Administrator),
        ("silent", Role::Administrator),
        ("closed", Role::Administrator),
        ("agent", Role::Agent),
    ] {
        assert!(add(&store, name, role).await);
    }
    let wrong = async |now| {
        let state = store.count_guess(at(now), &POLICY).await;
        state.expect("a state").blocked_until
    };
    for now in [0, 1, 2] {
        wrong(now).await;
    }
    assert_eq!(wrong(3).await, Some(at(603)));
    assert!(told(&store, 4).await.is_empty(), "nobody has an address");

    for (name, language) in [
        ("ada", Language::Bg),
        ("eva", Language::En),
        ("closed", Language::Bg),
        ("agent", Language::Bg),
    ] {
        reached(&store, name, language).await;
    }
    let closed = event(5, "staff.disabled", "staff/closed");
    let closed = store.disable_staff(&login("closed"), &closed).await;
    assert!(closed.expect("an answer"));
    let end = store.claim_deliveries("w", at(6), at(DAY * 100), 9).await;
    assert_eq!(end.expect("mails").len(), 1, "the end of an account");
    wrong(7).await;
    let both = [
        ("ada@example.bg".to_owned(), Language::Bg),
        ("eva@example.bg".to_owned(), Language::En),
    ];
    assert_eq!(told(&store, 8).await, both);
    // It goes on, pauses, and begins anew: within a day nobody is told again.
    for now in [9, 10, 5_000, 5_001, 5_002, DAY + 4, DAY + 5, DAY + 6] {
        wrong(now).await;
    }
    let until = store.guessed_until(at(DAY + 6)).await;
    assert_eq!(until.expect("an answer"), Some(at(DAY + 606)));
    assert!(told(&store, DAY + 6).await.is_empty());
    wrong(DAY + 7).await;
    assert_eq!(told(&store, DAY + 8).await, both);
}

pub(crate) async fn two_wrong_codes_at_once_are_one_alarm(store: Store) {
    assert!(add(&store, "ada", Role::Administrator).await);
    reached(&store, "ada", Language::Bg).await;
    let wrong = |now| store.count_guess(at(now), &POLICY);
    for now in [0, 1] {
        wrong(now).await.expect("a state");
    }
    let (one, two, three) = tokio::join!(wrong(2), wrong(3), wrong(4));
    for state in [one, two, three] {
        assert!(state.expect("a state").blocked_until.is_some());
    }
    assert_eq!(told(&store, 5).await.len(), 1);
}
