//! What the staff console rests on: accounts, sessions, search, and what staff write down.

use jiff::SignedDuration;
use kvit_billing::{
    Address, Customer, DeliveryId, EnrolmentId, EntryId, Language, Role, Secret, StaffLogin,
    StaffMail,
};
use kvit_store::{
    Attempt, AttemptOutcome, Channel, Close, Contact, DeliveryState, DeliveryWhat,
    EnrolmentChannel, EnrolmentState, Event, EventFilter, NewDelivery, NewEnrolment, NewProof,
    NewStaff, NewStaffSession, Note, StaffEmail, StaffProfile, Store, Written,
};
use serde_json::json;

use super::world::{account, at, claimed, issued, number, released, result, run_id, token};

pub(crate) fn login(text: &str) -> StaffLogin {
    text.parse().expect("a sign-in name")
}

fn entry(n: u64) -> EntryId {
    format!("{n:032x}").parse().expect("an entry id")
}

pub(crate) fn event(now: i64, what: &str, subject: &str) -> Event {
    Event {
        at: at(now),
        who: "root".to_owned(),
        what: what.to_owned(),
        subject: subject.to_owned(),
        detail: json!({}),
    }
}

pub(crate) async fn add(store: &Store, name: &str, role: Role) -> bool {
    let new = NewStaff {
        login: login(name),
        name: "Мария Иванова".to_owned(),
        role,
        centre: None,
        password: Secret::new("$argon2id$".to_owned()),
        second_factor: true,
        identity: None,
        email: None,
        at: at(0),
    };
    let added = event(0, "staff.added", &format!("staff/{name}"));
    store.add_staff(&new, &added).await.expect("an answer")
}

/// Session `n` of this member of staff.
pub(crate) fn session(n: u64, login: &str, proven: i64, until: i64) -> NewStaffSession {
    NewStaffSession {
        token: token(n),
        login: login.parse().expect("a name"),
        proven_at: at(proven),
        expires: at(until),
        device: "Firefox, Linux".to_owned(),
        opened_by: "passkey".to_owned(),
    }
}

pub(crate) async fn an_account_is_added_once_closed_and_renewed(store: Store) {
    assert!(add(&store, "ana", Role::Agent).await);
    assert!(!add(&store, "ana", Role::Administrator).await, "taken");
    let ana = login("ana");
    let found = async || {
        store
            .staff_member(&ana)
            .await
            .expect("an answer")
            .expect("ana")
    };
    assert_eq!(
        (found().await.role, found().await.totp_generation),
        (Role::Agent, 1)
    );
    assert!(found().await.temporary && found().await.second_factor);
    let started = store.staff_started_at(&ana).await.expect("an answer");
    assert_eq!(started, Some(at(0)));

    let idle = SignedDuration::from_secs(100);
    let open = async |n, now| {
        let signed_in = event(now, "staff.signed-in", "staff/ana");
        store
            .open_staff_session(&session(n, "ana", now, now + 1_000), &signed_in)
            .await
            .expect("a session");
    };
    let whose = async |n, now| {
        let found = store.staff_session(&token(n), at(now), idle, false).await;
        found
            .expect("an answer")
            .map(|(record, proven)| (record.login, proven))
    };
    open(1, 0).await;
    assert_eq!(whose(1, 90).await, Some((ana.clone(), at(0))));
    assert_eq!(
        whose(1, 180).await,
        Some((ana.clone(), at(0))),
        "used at 90"
    );
    let again = store.staff_session(&token(1), at(279), idle, true).await;
    assert!(again.expect("an answer").is_some(), "a page by itself");
    assert_eq!(whose(1, 280).await, None, "idle too long");
    open(2, 300).await;
    store.close_staff_session(&token(2)).await.expect("closed");
    assert_eq!(whose(2, 301).await, None);

    open(3, 300).await;
    let own = Secret::new("$argon2id$own".to_owned());
    let changed = event(301, "staff.password-changed", "staff/ana");
    let old = found().await.password;
    for (old, is_right) in [(&own, false), (&old, true), (&old, false)] {
        let set = store.set_staff_password(&ana, old, &own, &changed).await;
        assert_eq!(set.expect("an answer"), is_right);
    }
    assert_eq!(whose(3, 302).await, None, "the old password's session");
    assert!(!found().await.temporary);

    assert!(store.use_totp_step(&ana, 7).await.expect("an answer"));
    for used in [7, 6] {
        assert!(!store.use_totp_step(&ana, used).await.expect("an answer"));
    }
    open(4, 310).await;
    let disabled = event(311, "staff.disabled", "staff/ana");
    assert!(
        store
            .disable_staff(&ana, &disabled)
            .await
            .expect("an answer")
    );
    assert!(
        !store
            .disable_staff(&ana, &disabled)
            .await
            .expect("an answer")
    );
    assert_eq!(whose(4, 312).await, None);
    let reset = event(320, "staff.reset", "staff/ana");
    let record = store
        .reset_staff(&ana, &own, true, &reset)
        .await
        .expect("an answer");
    let record = record.expect("ana");
    assert!(record.temporary && record.disabled_at.is_none());
    assert_eq!(record.totp_generation, 2);
    let nobody = store
        .reset_staff(&login("nobody"), &own, true, &reset)
        .await;
    assert!(nobody.expect("an answer").is_none());

    let started = store.staff_started_at(&ana).await.expect("an answer");
    assert_eq!(started, Some(at(320)), "the latest start");
    let never = store.staff_started_at(&login("nobody")).await;
    assert_eq!(never.expect("an answer"), None);

    let told = store.events("staff/ana", 20).await.expect("events");
    let told: Vec<_> = told.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(
        told.iter()
            .filter(|what| **what == "staff.disabled")
            .count(),
        1,
        "{told:?}"
    );
    assert_eq!(told[0], "staff.reset");
}

/// What an administrator noted stays until the identity provider names another one.
pub(crate) async fn a_clerk_keeps_the_known_centre(store: Store) {
    let said = |role, centre: Option<&str>| StaffProfile {
        name: "Ана Петрова".to_owned(),
        role,
        centre: centre.map(str::to_owned),
    };
    let ana = login("ana");
    let changed = event(2, "staff.role-changed", "staff/ana");
    let update = async |role, centre| {
        let profile = said(role, centre);
        let updated = store.update_staff(&ana, &profile, &changed).await;
        updated.expect("kept");
        let now = store.staff_member(&ana).await.expect("an answer");
        now.expect("ana").centre
    };
    let noted = event(1, "staff.centre-changed", "staff/ana");
    let note = async |centre| {
        let noted = store.set_staff_centre(&ana, centre, &noted).await;
        noted.expect("an answer")
    };
    assert!(!note("София").await, "nobody");
    add(&store, "ana", Role::Clerk).await;
    assert!(note("София").await);
    let nobodys = Secret::new("$argon2id$nobody".to_owned());
    let profile = said(Role::Clerk, None);
    let linked = event(1, "staff.linked", "staff/ana");
    let who = ("i 1", &profile);
    let link = store.link_staff(&ana, who, &nobodys, &linked).await;
    assert!(link.expect("an answer"));
    for (said, known) in [(None, "София"), (Some("Варна"), "Варна"), (None, "Варна")]
    {
        let now = update(Role::Clerk, said).await;
        assert_eq!(now.as_deref(), Some(known));
    }
    assert_eq!(update(Role::Agent, None).await, None, "no clerk any more");
    assert!(!note("София").await, "no clerk");
    assert_eq!(update(Role::Clerk, None).await, None);
}

pub(crate) async fn an_identity_has_one_account(store: Store) {
    let profile = |role| StaffProfile {
        name: "Ана Петрова".to_owned(),
        role,
        centre: None,
    };
    let nobodys = Secret::new("$argon2id$nobody".to_owned());
    let link = async |name: &str, identity: &str| {
        let event = event(1, "staff.linked", &format!("staff/{name}"));
        let who = (identity, &profile(Role::Agent));
        let linked = store.link_staff(&login(name), who, &nobodys, &event).await;
        linked.expect("an answer")
    };
    add(&store, "ana", Role::Billing).await;
    assert!(!link("nobody", "i 1").await);
    assert!(link("ana", "i 1").await, "nobody has used it yet");
    assert!(!link("ana", "i 2").await, "it is somebody's");
    let found = async |identity: &str| {
        let found = store.staff_by_identity(identity).await;
        found.expect("an answer")
    };
    let ana = found("i 1").await.expect("ana");
    assert_eq!((ana.role, ana.temporary), (Role::Agent, false));
    assert!(found("i 2").await.is_none());
    let changed = event(2, "staff.role-changed", "staff/ana");
    for _ in 0..2 {
        let auditor = profile(Role::Auditor);
        let updated = store.update_staff(&login("ana"), &auditor, &changed).await;
        updated.expect("kept");
    }
    assert_eq!(found("i 1").await.expect("ana").role, Role::Auditor);
    let signed_in = event(3, "staff.signed-in", "staff/ana");
    let opened = store
        .open_staff_session(&session(1, "ana", 4, 900), &signed_in)
        .await;
    opened.expect("a session");
    let ended = event(4, "staff.no-role", "staff/ana");
    let end = store.end_staff_sessions(&login("ana"), &ended).await;
    end.expect("ended");
    let idle = SignedDuration::from_secs(100);
    let session = store.staff_session(&token(1), at(5), idle, false).await;
    assert!(session.expect("an answer").is_none());
    let told = store.events("staff/ana", 9).await.expect("events");
    let told: Vec<_> = told.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(
        told,
        [
            "staff.no-role",
            "staff.signed-in",
            "staff.role-changed",
            "staff.linked",
            "staff.added"
        ]
    );
    // A new start makes it an account of this house again.
    let reset = event(6, "staff.reset", "staff/ana");
    let again = store
        .reset_staff(&login("ana"), &nobodys, true, &reset)
        .await;
    assert_eq!(again.expect("an answer").expect("ana").identity, None);
    assert!(found("i 1").await.is_none());
}

pub(crate) async fn the_trail_is_read_by_pages_and_kept(store: Store) {
    for n in 0..5 {
        // Three of them in one moment.
        let moment = if n < 3 { 1 } else { n };
        let mut event = event(moment, "customer.viewed", &format!("customer/{}", n % 2));
        event.who = if n == 4 { "boris" } else { "ana" }.to_owned();
        store.record_event(&event).await.expect("a kept event");
    }
    let count = async |filter: EventFilter| store.audit(&filter, 9).await.expect("events").len();
    let of = |who: Option<&str>, subject: Option<&str>| EventFilter {
        who: who.map(str::to_owned),
        subject: subject.map(str::to_owned),
        ..EventFilter::default()
    };
    assert_eq!(count(of(None, None)).await, 5);
    assert_eq!(count(of(Some("ana"), None)).await, 4);
    assert_eq!(count(of(Some("ana"), Some("customer/0"))).await, 2);
    assert_eq!(count(of(None, Some("customer/1"))).await, 2);
    let rest = EventFilter {
        until: Some(at(1)),
        skip: 1,
        ..EventFilter::default()
    };
    assert_eq!(count(rest).await, 2);
}

fn customer(n: u64, name: &str, street: &str, phone: Option<&str>) -> Customer {
    Customer {
        number: account(n),
        name: name.to_owned(),
        address: Address {
            lines: vec![street.to_owned()],
            postcode: "7000".to_owned(),
            city: "Русе".to_owned(),
            country: "BG".to_owned(),
        },
        eik: None,
        vat_number: None,
        phone: phone.map(str::to_owned),
        language: Language::Bg,
    }
}

pub(crate) async fn customers_are_found_by_what_is_heard(store: Store) {
    let people = [
        customer(
            1,
            "Мария Иванова ПЕТРОВА",
            "ул. „Шипка“ 5",
            Some("+359 88 812 3456"),
        ),
        customer(
            2,
            "Иван Петров",
            "бул. „Придунавски“ 12",
            Some("082/812 345"),
        ),
        customer(3, "100% Ток_и \"Светлина\" ООД", "ул. „Шипка“ 7", None),
    ];
    store.upsert_customers(&people).await.expect("customers");
    let found = async |wanted: &str| {
        let found = store.find_customers(wanted, 20).await.expect("an answer");
        let mut found: Vec<_> = found?
            .into_iter()
            .map(|record| {
                record
                    .customer
                    .number
                    .as_str()
                    .trim_start_matches('0')
                    .to_owned()
            })
            .collect();
        found.sort();
        Some(found.join(" "))
    };
    for (wanted, meant) in [
        ("петров", "1 2"),
        ("мария ПЕТРОВА", "1"),
        ("шипка русе", "1 3"),
        ("шипка 5", "1"),
        ("0888123456", "1"),
        ("+359 888 123 456", "1"),
        ("082 812345", "2"),
        ("0000002", "2"),
        ("100%", "3"),
        ("ток_и", "3"),
        ("\"Светлина\"", "3"),
        ("светлина OR петров", ""),
        ("Petrov", "1 2"),
        ("maria shipka", "1"),
        ("петров\0шипка", "1"),
        ("никой", ""),
    ] {
        assert_eq!(found(wanted).await.as_deref(), Some(meant), "{wanted}");
    }
    for short in ["", "ив", "5 7"] {
        assert_eq!(found(short).await, None, "{short}");
    }
    let moved = customer(1, "Мария Георгиева", "ул. „Видин“ 1", None);
    store.upsert_customers(&[moved]).await.expect("customers");
    assert_eq!(found("иванова").await.as_deref(), Some(""));
    assert_eq!(found("георгиева").await.as_deref(), Some("1"));
    assert_eq!(
        store
            .find_customers("русе", 2)
            .await
            .expect("an answer")
            .expect("long")
            .len(),
        2
    );
}

fn consent(n: u64) -> NewEnrolment {
    NewEnrolment {
        id: format!("{n:032x}").parse::<EnrolmentId>().expect("an id"),
        account: account(1),
        channel: EnrolmentChannel::Phone,
        email: Secret::new(format!("{n}@example.bg")),
        language: Language::Bg,
        text_version: "2026-1".to_owned(),
        evidence: json!({"by": "phone", "call": "C-17"}),
        at: at(n.cast_signed()),
        proof: Some(NewProof {
            hash: token(n),
            expires: at(1_000),
        }),
    }
}

pub(crate) async fn the_last_write_never_silently_wins(store: Store) {
    let version = async || store.consent_version(&account(1)).await.expect("a version");
    let by = event(5, "customer.enrolled", "customer/0000001");
    let first = version().await;
    assert_eq!(
        store
            .enrol_at(&consent(1), first, &by)
            .await
            .expect("an answer"),
        Written::Done
    );
    // A colleague's page is from before.
    assert_eq!(
        store
            .enrol_at(&consent(2), first, &by)
            .await
            .expect("an answer"),
        Written::Outdated
    );
    let seen = version().await;
    // The customer presses the link meanwhile.
    store
        .prove_enrolment(&token(1), at(6), json!({"by": "web"}))
        .await
        .expect("an answer");
    let evidence = json!({"by": "phone", "agent": "ana"});
    let late = store
        .end_enrolment_at(&account(1), seen, &evidence, &by)
        .await;
    assert_eq!(late.expect("an answer"), Written::Outdated);
    let state = store.enrolment_of(&account(1)).await.expect("a state");
    assert!(matches!(state, EnrolmentState::Active(_)));
    let fresh = version().await;
    let done = store
        .end_enrolment_at(&account(1), fresh, &evidence, &by)
        .await;
    assert_eq!(done.expect("an answer"), Written::Done);
    let facts = store.enrolments_of(&account(1), 9).await.expect("facts");
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].evidence["call"], "C-17");
    assert_eq!(facts[0].ended_evidence, Some(evidence));
    // Only what was done is in the trail.
    assert_eq!(
        store
            .events("customer/0000001", 9)
            .await
            .expect("events")
            .len(),
        2
    );
}

pub(crate) async fn what_staff_write_down_is_written_once(store: Store) {
    issued(&store, "one", 1).await;
    add(&store, "ana", Role::Agent).await;
    let subject = "customer/0000001";
    let note = Note {
        id: entry(1),
        account: account(1),
        login: login("ana"),
        at: at(20),
        body: "Моли да звъним сутрин.".to_owned(),
    };
    let contact = Contact {
        id: entry(2),
        account: account(1),
        login: login("ana"),
        channel: "phone".to_owned(),
        reference: "C-17".to_owned(),
        recognised_by: "code".to_owned(),
        at: at(20),
    };
    for _ in 0..2 {
        let noted = event(20, "customer.noted", subject);
        store.add_note(&note, &noted).await.expect("a note");
        let seen = event(20, "customer.recognised", subject);
        store
            .open_contact(&contact, &seen)
            .await
            .expect("a contact");
    }
    assert_eq!(
        store.notes_of(&account(1), 9).await.expect("notes").len(),
        1
    );
    assert_eq!(
        store
            .contacts_of(&account(1), 9)
            .await
            .expect("contacts")
            .len(),
        1
    );
    let open = async |who: &str, of, since| {
        let found = store
            .contact(&entry(2), &account(of), &login(who), at(since))
            .await;
        found.expect("an answer").is_some()
    };
    assert!(open("ana", 1, 20).await);
    for (who, of, since) in [("boris", 1, 20), ("ana", 2, 20), ("ana", 1, 21)] {
        assert!(!open(who, of, since).await, "{who} {of} {since}");
    }
    let again = NewDelivery {
        id: DeliveryId::of(number(100), 2),
        bill: number(100),
        account: account(1),
        channel: Channel::Email,
        email: Some(Secret::new("1@example.bg".to_owned())),
        language: Language::Bg,
        due_at: at(90),
        token: Some(token(900)),
    };
    let sent = event(30, "bill.sent-again", subject);
    assert_eq!(
        store.send_again(&again, &sent).await.expect("an answer"),
        Written::Done
    );
    assert_eq!(
        store.send_again(&again, &sent).await.expect("an answer"),
        Written::Outdated
    );
    let all = store
        .deliveries_of_bill(number(100))
        .await
        .expect("deliveries");
    assert_eq!(all.len(), 2);
    assert!(
        all.iter()
            .all(|delivery| delivery.state == DeliveryState::Queued)
    );
    assert_eq!(store.events(subject, 9).await.expect("events").len(), 3);
}

pub(crate) async fn a_run_is_closed_when_nothing_of_it_is_open(store: Store) {
    let one = run_id("one");
    released(&store, "one", 6, 2).await;
    let close = async |now, unprinted| {
        let closed = event(now, "run.closed", "run/one");
        store
            .close_run(&one, unprinted, &closed)
            .await
            .expect("an answer")
    };
    let bills = |lines: [kvit_store::BalanceLine; 7]| lines.map(|line| line.bills);
    let sheet = async || {
        let sheet = store.balance(&one).await.expect("a sheet");
        let parts = [sheet.accepted, sheet.paper, sheet.held, sheet.failed];
        let sum: i64 = parts.iter().map(|line| line.sum.get()).sum();
        assert_eq!(
            sum,
            sheet.issued.sum.get(),
            "issued = accepted + paper + held + failed"
        );
        bills([
            sheet.ordered,
            sheet.issued,
            sheet.accepted,
            sheet.paper,
            sheet.unprinted,
            sheet.held,
            sheet.failed,
        ])
    };
    assert_eq!(sheet().await, [6, 0, 0, 0, 0, 0, 0]);
    let job = claimed(&store, "w", 3).await.expect("a chunk");
    store.finish_chunk(&result(&job, "w")).await.expect("kept");
    assert_eq!(sheet().await, [6, 3, 0, 1, 1, 2, 0]);
    let job = claimed(&store, "w", 4).await.expect("a chunk");
    store.finish_chunk(&result(&job, "w")).await.expect("kept");
    assert_eq!(close(20, 9).await, Close::Open, "mails are on their way");
    let jobs = store
        .claim_deliveries("w", at(4_000), at(4_060), 9)
        .await
        .expect("mails");
    for (n, job) in jobs.iter().enumerate() {
        let attempt = Attempt {
            no: job.attempts,
            at: at(4_001),
            outcome: if n == 0 {
                AttemptOutcome::Failed
            } else {
                AttemptOutcome::Accepted
            },
            reply: String::new(),
        };
        store
            .finish_delivery(&job.id, &attempt)
            .await
            .expect("kept");
    }
    assert_eq!(sheet().await, [6, 6, 3, 2, 2, 0, 1]);
    assert_eq!(close(21, 0).await, Close::Unprinted, "paper waits");
    let all = store.bills_of_run(&one, None, 9).await.expect("bills");
    let all: Vec<_> = all.iter().map(|bill| bill.number).collect();
    let DeliveryWhat::Bill(given_up) = &jobs[0].what else {
        panic!("a bill");
    };
    let given_up = given_up.number;
    // Its file is written again after a death, and noted once.
    for handed in [1, 0] {
        let over = store.hand_over_paper(&[given_up], at(4_100), None).await;
        assert_eq!(over.expect("noted"), handed);
        assert_eq!(sheet().await, [6, 6, 3, 3, 2, 0, 0]);
    }
    let papers = store.deliveries_of_bill(given_up).await.expect("them");
    let paper = papers.iter().find(|one| one.channel == Channel::Paper);
    let paper = paper.expect("in place of the mail");
    assert_eq!(paper.id, DeliveryId::of(given_up, 2));
    assert_eq!(paper.handed_over_at, Some(at(4_100)));
    assert_eq!(close(21, 1).await, Close::Unprinted, "more than is known");
    let over = store.hand_over_paper(&all, at(4_200), None).await;
    assert_eq!(over.expect("noted"), 2, "none whose mail was taken");
    assert_eq!(sheet().await, [6, 6, 3, 3, 0, 0, 0]);
    assert_eq!(close(21, 0).await, Close::Closed);
    assert_eq!(close(22, 0).await, Close::Closed);
    let closing = store
        .closing_of(&one)
        .await
        .expect("an answer")
        .expect("a closing");
    assert_eq!((closing.at, closing.by.as_str()), (at(21), "root"));
    assert_eq!(closing.sheet.issued.sum.get(), 6 * 1200);
    let told = store.events("run/one", 9).await.expect("events");
    let told: Vec<_> = told.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(told, ["run.closed", "run.released"], "each once");
}

pub(crate) async fn sessions_are_seen_and_ended(store: Store) {
    for name in ["ana", "boris"] {
        let new = NewStaff {
            login: login(name),
            name: name.to_owned(),
            role: Role::Agent,
            centre: None,
            password: Secret::new("$argon2id$x".to_owned()),
            second_factor: true,
            identity: None,
            email: None,
            at: at(0),
        };
        let added = event(0, "staff.added", &format!("staff/{name}"));
        assert!(store.add_staff(&new, &added).await.expect("an answer"));
    }
    for (n, name, opened, until) in [
        (1, "ana", 1, 1_000),
        (2, "ana", 2, 1_000),
        (3, "ana", 3, 20),
        (4, "boris", 4, 1_000),
        (5, "ana", 5, 1_000),
    ] {
        let signed_in = event(opened, "staff.signed-in", &format!("staff/{name}"));
        let new = session(n, name, opened, until);
        let opened = store.open_staff_session(&new, &signed_in).await;
        opened.expect("a session");
    }
    let idle = SignedDuration::from_secs(100);
    let of = async |name: &str, now| {
        let found = store.staff_sessions_of(&login(name), at(now), idle).await;
        let found = found.expect("sessions").into_iter();
        found.map(|one| one.token).collect::<Vec<_>>()
    };
    assert_eq!(
        of("ana", 30).await,
        [token(5), token(2), token(1)],
        "one is over"
    );
    assert_eq!(of("ana", 104).await, [token(5)], "the others lie unused");
    let open = store.staff_sessions_open(at(30), idle).await;
    let open = open.expect("counts");
    assert_eq!((open[&login("ana")], open[&login("boris")]), (3, 1));
    let ended = event(31, "staff.sessions-ended", "staff/ana");
    // Another's is none of hers.
    let meant = [token(1), token(4)];
    let end = store
        .end_some_staff_sessions(&login("ana"), &meant, &ended)
        .await;
    end.expect("ended");
    assert_eq!(of("ana", 32).await, [token(5), token(2)]);
    assert_eq!(of("boris", 32).await, [token(4)]);
    let view = store.staff_sessions_of(&login("ana"), at(32), idle).await;
    let view = view.expect("sessions").remove(0);
    assert_eq!(
        (
            view.device.as_str(),
            view.opened_by.as_str(),
            view.opened_at
        ),
        ("Firefox, Linux", "passkey", at(5))
    );
}

pub(crate) async fn whoever_has_an_address_is_told_of_changes(store: Store) {
    let (ana, boris) = (login("ana"), login("boris"));
    let email = |address: &str, language| StaffEmail {
        address: Secret::new(address.to_owned()),
        language,
    };
    for name in ["ana", "boris"] {
        assert!(add(&store, name, Role::Agent).await);
    }
    let told = async || {
        let jobs = store.claim_deliveries("w", at(1_000), at(2_000), 9).await;
        let jobs = jobs.expect("mails").into_iter();
        let mut told: Vec<_> = jobs
            .map(|job| match &job.what {
                DeliveryWhat::Staff { what, login } => {
                    let to = job.email.expose().clone();
                    (*what, login.to_string(), to, job.language)
                }
                what => panic!("{what:?}"),
            })
            .collect();
        told.sort_by_key(|(what, ..)| *what);
        told
    };
    let password = Secret::new("$argon2id$".to_owned());
    let set = async |login: &StaffLogin, now, old: &str, new: &str| {
        let (old, new) = (Secret::new(old.to_owned()), Secret::new(new.to_owned()));
        let changed = event(now, "staff.password-changed", &format!("staff/{login}"));
        let set = store.set_staff_password(login, &old, &new, &changed).await;
        assert!(set.expect("an answer"));
    };
    // Whoever has none is told nothing.
    set(&boris, 1, "$argon2id$", "$argon2id$b").await;
    let changed = |now| event(now, "staff.email-changed", "staff/ana");
    let first = email("ana@example.bg", Language::Bg);
    let noted = async |email: Option<&StaffEmail>, now| {
        let noted = store.set_staff_email(&ana, email, &changed(now)).await;
        assert!(noted.expect("an answer"));
    };
    noted(Some(&first), 2).await;
    let found = store.staff_member(&ana).await.expect("an answer");
    assert_eq!(found.expect("ana").email, Some(first.clone()));
    assert!(told().await.is_empty(), "there was none before");
    set(&ana, 3, "$argon2id$", "$argon2id$a").await;
    // The same again is no change; another address is told to the first, and gets the next.
    noted(Some(&first), 4).await;
    // Another language is told to nobody, and is in the trail.
    let in_english = email("ana@example.bg", Language::En);
    noted(Some(&in_english), 4).await;
    noted(Some(&first), 4).await;
    let second = email("ana@other.example", Language::En);
    noted(Some(&second), 5).await;
    let subject = "staff/ana";
    let reset = event(6, "staff.reset", subject);
    let reset = store.reset_staff(&ana, &password, true, &reset).await;
    assert!(reset.expect("an answer").is_some());
    let closed = event(7, "staff.disabled", subject);
    assert!(store.disable_staff(&ana, &closed).await.expect("an answer"));
    let of = |what, to: &StaffEmail| {
        let to = (to.address.expose().clone(), to.language);
        (what, "ana".to_owned(), to.0, to.1)
    };
    let all = [
        of(StaffMail::PasswordSet, &first),
        of(StaffMail::Restarted, &second),
        of(StaffMail::AddressChanged, &first),
        of(StaffMail::Closed, &second),
    ];
    assert_eq!(told().await, all);
    noted(None, 8).await;
    assert_eq!(told().await, [of(StaffMail::AddressChanged, &second)]);
    noted(Some(&first), 9).await;
    // They are no customer's.
    let nobody = "-".parse().expect("a number");
    let mails = store.deliveries_of_customer(&nobody, 9).await;
    assert!(mails.expect("mails").is_empty());
    let trail = store.events(subject, 99).await.expect("events");
    let words: Vec<_> = trail.iter().map(|event| event.what.as_str()).collect();
    let changes = words.iter().filter(|what| **what == "staff.email-changed");
    assert_eq!(changes.count(), 6, "{words:?}");
    assert!(
        !format!("{trail:?}").contains('@'),
        "no address is in the trail"
    );
}
