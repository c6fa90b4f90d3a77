//! Numbers that are kept with an address, while their code stays.

use kvit_billing::AccessMail;
use kvit_store::{Event, SessionDoor, Store, Widened, WiderSession};
use serde_json::json;

use super::{
    portal::{customer, enrolled, opened, wider_session},
    world::{account, at},
};

fn event(what: &str) -> Event {
    Event {
        at: at(60),
        who: "customer".to_owned(),
        what: what.to_owned(),
        subject: format!("customer/{}", account(2)),
        detail: json!({}),
    }
}

pub(crate) async fn a_number_is_kept_while_its_code_stays(store: Store) {
    let known = [1, 2, 3].map(|n| customer(n, "Иван"));
    store.upsert_customers(&known).await.expect("customers");
    let mine = enrolled(&store, 1, "one@example.bg").await;
    enrolled(&store, 2, "two@example.bg").await;
    enrolled(&store, 3, "one@example.bg").await;
    let points = async |n| {
        let token = opened(&store, n, 1, SessionDoor::Link(mine.clone()), 50).await;
        let found = store.session(&token, at(51)).await.expect("an answer");
        let found = found.expect("it lasts").points;
        (token, found)
    };
    let keep = async |n, door, whose| {
        let earlier = opened(&store, n, 1, door, 10).await;
        let new = WiderSession {
            keep_with: Some(account(1)),
            ..wider_session(n + 1, whose, 11)
        };
        let widened = store.widen_session(&earlier, &new).await;
        assert!(matches!(widened, Ok(Widened::Until(_))));
    };
    let both = [account(1), account(3)];
    keep(1, SessionDoor::Code { generation: 1 }, 2).await;
    assert_eq!(points(3).await.1, both, "a code proves no address");
    keep(4, SessionDoor::Link(mine.clone()), 3).await;
    let (token, found) = points(6).await;
    assert_eq!(found, both);
    let kept = store.kept_in_session(&token).await.expect("an answer");
    assert!(kept.is_empty(), "its bills go there anyway");

    keep(7, SessionDoor::Link(mine.clone()), 2).await;
    let all = [account(1), account(2), account(3)];
    let (token, found) = points(9).await;
    assert_eq!(found, all);
    assert_eq!(store.enrolments_at(&mine).await.expect("a count"), 3);
    assert_eq!(
        store.kept_in_session(&token).await.expect("kept"),
        [account(2)]
    );
    store
        .turn_session(&token, &account(2))
        .await
        .expect("turned");
    let session = store.session(&token, at(51)).await.expect("an answer");
    let session = session.expect("it lasts");
    assert!(!session.by_link, "its address was not proven");
    assert!(session.proven_at < at(0), "nor its code shown now");
    let mails = store.deliveries_of_customer(&account(2), 9).await;
    let mails = mails.expect("mails");
    let told: Vec<_> = mails.iter().filter_map(|mail| mail.id.access()).collect();
    assert_eq!(told, [AccessMail::NumberKept]);
    let elsewhere = store.kept_elsewhere(&account(2)).await.expect("addresses");
    assert_eq!(elsewhere[0].email.expose(), "one@example.bg");

    // Removed by who keeps it, by whose it is, and by another code.
    let forgotten = event("number.forgotten");
    for kept in [true, false] {
        let gone = store.forget_number(&token, &account(2), &forgotten).await;
        assert_eq!(gone.expect("an answer"), kept);
    }
    let session = store.session(&token, at(51)).await.expect("an answer");
    assert_eq!(session.expect("it lasts").points, both);
    assert_eq!(points(10).await.1, both);
    keep(11, SessionDoor::Link(mine.clone()), 2).await;
    let gone = store.forget_elsewhere(&account(2), &forgotten).await;
    assert_eq!(gone.expect("an answer"), 1);
    assert_eq!(points(13).await.1, both);
    keep(14, SessionDoor::Link(mine.clone()), 2).await;
    assert_eq!(points(16).await.1, all);
    let changed = event("customer.code-changed");
    let changed = store
        .change_code((&account(2), 1), &json!({}), &changed)
        .await;
    assert!(changed.expect("an answer").is_some());
    assert_eq!(points(17).await.1, both, "whoever knew the old code");
}
