//! Texts at the command line, and in services that run: another version without a restart, in mails and on pages.

mod common;

use std::fs;

use common::{
    folder, run,
    service::{Person, Service, hire, instance, until},
};
use kvit_billing::{Language, Secret, code::TokenHash};
use kvit_mailbox::{Mailbox, MailboxConfig};
use kvit_store::{EnrolmentChannel, NewEnrolment, NewProof, Store};
use kvit_synth::Synth;

#[test]
fn texts_go_out_are_changed_and_come_in_again() {
    let (_folder, path) = folder();
    let (address, _) = instance(&path);
    let temporary = hire(&path, "ana", "administrator");
    run(&path, &["texts", "export", "--to", "texts.toml"]).ok();
    let again = run(&path, &["texts", "export", "--to", "texts.toml"]);
    assert_eq!(again.code, 6, "{}", again.shown());
    let file = path.join("texts.toml");
    let all = fs::read_to_string(&file).expect("written");
    assert!(
        all.contains("\"mail/bg/greeting\" = \"Здравейте!\""),
        "{all}"
    );

    // As it is, nothing differs.
    let same = run(
        &path,
        &["texts", "bring", "texts.toml", "--as", "Ana", "--json"],
    );
    assert_eq!(same.ok().json()["version"], 0);
    let wrong = all
        .replace("Здравейте!", "Здравейте, {friend}!")
        .replace("\"page/bg/home-title\"", "\"page/bg/home-tittle\"");
    fs::write(&file, wrong).expect("written");
    let told = run(&path, &["texts", "bring", "texts.toml", "--as", "Ana"]);
    for part in [
        "mail/bg/greeting: {friend} is not known here",
        "page/bg/home-tittle: no text of this name can be changed",
        "not kept",
    ] {
        assert!(
            told.code == 1 && told.out.contains(part),
            "{}",
            told.shown()
        );
    }
    fs::write(&file, "\"mail/bg/greeting\" = [").expect("written");
    let told = run(&path, &["texts", "bring", "texts.toml", "--as", "Ana"]);
    assert!(
        told.code == 1 && told.err.contains("line 1"),
        "{}",
        told.shown()
    );

    let good = all
        .replace("\"Здравейте!\"", "\"Добър ден!\"")
        .replace("\"Вижте сметката си\"", "\"Вашите сметки\"");
    fs::write(&file, good).expect("written");
    run(&path, &["texts", "bring", "texts.toml", "--check"]).ok();
    let kept = run(
        &path,
        &["texts", "bring", "texts.toml", "--as", "Ana", "--json"],
    );
    assert_eq!(kept.ok().json()["version"], 1);
    let service = Service::start(&path, &address);
    let mut visitor = Person::sign_in(&service, "ana", &temporary);
    assert!(visitor.get("/").body.contains("Вижте сметката си"));
    let own = run(&path, &["texts", "use", "1", "--as", "ana"]);
    assert_eq!(own.code, 6, "{}", own.shown());
    run(&path, &["texts", "use", "1", "--as", "Boris"]).ok();
    until("the running service says it", || {
        visitor.get("/").body.contains("Вашите сметки")
    });
    run(&path, &["texts", "use", "0", "--as", "Ana"]).ok();
    until("and the program's own again", || {
        visitor.get("/").body.contains("Вижте сметката си")
    });
    drop(service);
    let list = run(&path, &["texts", "list", "--json"]).ok().json();
    assert_eq!(list["current"], 0);
    assert_eq!(
        list["versions"][0]["changed"]["mail/bg/greeting"],
        "Добър ден!"
    );
    let looked = run(&path, &["doctor"]);
    assert!(looked.out.contains("mails"), "{}", looked.shown());
}

/// "Добър ден!" as it stands at the beginning of a mail's text.
const GOOD_DAY: &str = "0JTQvtCx0YrRgCDQtNC10L0h";

#[test]
fn mails_say_the_version_that_counts() {
    let (_folder, path) = folder();
    instance(&path);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mailbox = runtime.block_on(Mailbox::start(MailboxConfig::default()));
    let mailbox = mailbox.expect("a mailbox");
    let file = path.join("kvit.toml");
    let text = fs::read_to_string(&file).expect("there");
    let port = format!("port = {}", mailbox.smtp_addr.port());
    fs::write(&file, text.replace("port = 2525", &port)).expect("written");

    fs::write(path.join("t.toml"), "\"mail/bg/greeting\" = \"Добър ден!\"").expect("written");
    run(&path, &["texts", "bring", "t.toml", "--as", "Ana"]).ok();
    let customer = Synth::new(7, 1).customer(0);
    for (version, number) in [("1", 1_u8), ("0", 2)] {
        run(&path, &["texts", "use", version, "--as", "Boris"]).ok();
        runtime.block_on(async {
            let url = format!("sqlite://{}", path.join("kvit.db").display());
            let store = Store::open(&url).await.expect("a store");
            let known = store.upsert_customers(std::slice::from_ref(&customer));
            known.await.expect("a customer");
            let at = jiff::Timestamp::now();
            let new = NewEnrolment {
                id: format!("{number:032x}").parse().expect("an id"),
                account: customer.number.clone(),
                channel: EnrolmentChannel::Web,
                email: Secret::new("anna@example.bg".to_owned()),
                language: Language::Bg,
                text_version: "2026-01".to_owned(),
                evidence: serde_json::json!({}),
                at,
                proof: Some(NewProof {
                    hash: TokenHash([number; 32]),
                    expires: at + jiff::SignedDuration::from_hours(1),
                }),
            };
            store.enrol(&new).await.expect("a mail is queued");
        });
        run(&path, &["deliver"]).ok();
    }
    let mails = mailbox.messages();
    let says: Vec<_> = mails
        .iter()
        .map(|mail| String::from_utf8_lossy(&mail.bytes).contains(GOOD_DAY))
        .collect();
    assert_eq!(says, [true, false]);
}
