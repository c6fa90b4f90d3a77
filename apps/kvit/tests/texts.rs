//! Texts at the command line, and in services that run: another version without a restart, in mails and on pages.

mod common;

use std::fs;

use common::{
    folder, run,
    service::{Person, Service, hire, instance, until},
};

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
