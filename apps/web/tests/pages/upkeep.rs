//! Layouts, texts and files in the console.

use std::fs;

use kvit_billing::ports::Clock as _;
use kvit_web::{Because, Cause, Fails, ImportState, Kind, LayoutCheck, Reason};

use super::{
    common::{self, World},
    eye::Inspector,
};

/// Layouts: the list, a version that waits for a second person, and one with faults.
pub(super) async fn layouts(eye: &mut Inspector, world: &World) {
    // Released before another layout counts.
    let release = kvit_store::Release {
        base: Default::default(),
        by: "boyan".to_owned(),
        who: "boyan".to_owned(),
        at: "2026-11-19T09:00:00Z".parse().expect("a time"),
        series: "main".parse().expect("a series"),
        first_if_new: common::seed::first_bill(),
    };
    let run = "2026-11-b2".parse().expect("an id");
    let released = world.store.release_run(&run, &release).await;
    released.expect("numbers");
    eye.see("staff-layout-builtin", "/staff/layouts/0").await;
    let at = "2026-11-19T09:30:00Z".parse().expect("a time");
    for (by, text) in [("m.ivanova", "one"), ("administrator", "two")] {
        let new = kvit_store::NewLayout {
            base: Default::default(),
            name: "есенно-оформление-2026.zip".to_owned(),
            files: [("bill.typ".to_owned(), text.into())].into(),
            report: common::layout_report(),
            by: by.to_owned(),
            who: by.to_owned(),
            at,
        };
        world.store.bring_layout(&new).await.expect("kept");
    }
    eye.see("staff-layout", "/staff/layouts/1").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-layouts").await;
    eye.see("staff-layout-own", "/staff/layouts/2").await;
    let id: kvit_billing::EntryId = "fedcba9876543210fedcba9876543210".parse().expect("an id");
    let fault = |line, known: kvit_web::Phrase, words: &[&str]| kvit_web::LayoutFault {
        file: "bill.typ".to_owned(),
        line,
        column: 2,
        known,
        words: words.iter().map(|words| (*words).to_owned()).collect(),
    };
    let faults = vec![
        fault(
            163,
            LayoutCheck::VariableUnknown.with(&[("name", &"hed")]),
            &[],
        ),
        fault(
            170,
            LayoutCheck::Typst.with(&[]),
            &[
                "the character `#` is not valid in code",
                "you are already in code mode; try removing the `#`",
            ],
        ),
    ];
    let view = kvit_web::ImportView {
        id: id.clone(),
        file: kvit_web::NewFile {
            kind: kvit_web::FileKind::Layout,
            name: "есен.zip".to_owned(),
            by: "administrator".to_owned(),
            at,
            bytes: 23_456,
        },
        state: ImportState::LayoutFaulty(faults),
    };
    world
        .shelf
        .known
        .lock()
        .expect("not poisoned")
        .insert(0, view);
    eye.see("staff-layout-faulty", &format!("/staff/layouts/file/{id}"))
        .await;
    eye.see("staff-keys", "/staff/keys").await;
    tokens(eye, world).await;
    eye.see("staff-components", "/staff/components").await;
    for seen in ["scheme=dark", "scheme=light&place=portal"] {
        let name = format!("staff-components-{}", seen.replace(['=', '&'], "-"));
        eye.see(&name, &format!("/staff/components?{seen}")).await;
    }
    texts(eye, world).await;
    eye.lang = "en";
    eye.see("staff-components", "/staff/components?lang=en")
        .await;
    eye.see("staff-keys", "/staff/keys?lang=en").await;
    eye.see("staff-tokens", "/staff/tokens").await;
    eye.see("staff-texts", "/staff/texts").await;
    eye.see("staff-texts-version", "/staff/texts/1").await;
    eye.see("staff-layouts", "/staff/layouts?lang=en").await;
    eye.lang = "bg";
    eye.chrome.go("/staff/layouts?lang=bg").await;
}

/// Tokens of the API: none yet, a form with faults, one that is shown once, the list, one that is to end.
async fn tokens(eye: &mut Inspector, world: &World) {
    eye.see("staff-tokens-none", "/staff/tokens").await;
    eye.chrome.follow("form.card button").await;
    eye.look("staff-tokens-wrong").await;
    for (name, until) in [("crm-2026", ""), ("ivr-2026", "2027-12-31")] {
        eye.chrome.go("/staff/tokens").await;
        eye.chrome.fill("#name", name).await;
        let day = format!("document.querySelector('#until').value = '{until}'");
        eye.chrome.eval(&day).await;
        for scope in ["customers:read", "bills:read"] {
            eye.chrome.press(&format!("input[value='{scope}']")).await;
        }
        eye.chrome.follow("form.card button").await;
    }
    eye.look("staff-token-given").await;
    let used = kvit_store::Event {
        at: world.clock.now(),
        who: "api:crm-2026".to_owned(),
        what: "customer.viewed".to_owned(),
        subject: format!("customer/{}", common::seed::ANNA),
        detail: serde_json::json!({}),
    };
    world.store.record_event(&used).await.expect("kept");
    eye.see("staff-tokens", "/staff/tokens").await;
    eye.chrome.follow("a[href$='/ivr-2026']").await;
    eye.look("staff-token-revoke").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-tokens-revoked").await;
}

/// Texts: the list, a group to be changed, with faults, a version that waits for a second person, its samples.
async fn texts(eye: &mut Inspector, world: &World) {
    eye.see("staff-texts", "/staff/texts").await;
    eye.see("staff-texts-change", "/staff/texts/change/reminders")
        .await;
    let subject = "[id='bg.reminder-subject-after']";
    eye.chrome.fill(subject, "Моля, платете {sum}").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-texts-wrong").await;
    let texts = [
        (
            "mail/bg/reminder-subject-after",
            "Моля, платете сметката за {period}",
        ),
        (
            "mail/en/reminder-subject-after",
            "Please pay the bill for {period}",
        ),
        ("page/bg/home-title", "Сметките Ви за ток, на едно място"),
    ];
    let new = kvit_store::NewTexts {
        texts: texts
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        by: "m.ivanova".to_owned(),
        who: "m.ivanova".to_owned(),
        at: "2026-11-19T09:40:00Z".parse().expect("a time"),
    };
    world.store.bring_texts(&new).await.expect("kept");
    eye.see("staff-texts-version", "/staff/texts/1").await;
    eye.see("staff-texts-sample", "/staff/texts/1/bg/reminder-after")
        .await;
    eye.chrome.go("/staff/texts/1").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-texts-chosen").await;
    // As it was for those who come after.
    eye.chrome.go("/staff/texts/0").await;
    eye.chrome.follow("main form button").await;
}

/// Uploads: the form, one that waits, is read, failed, and one that is a run already.
pub(super) async fn imports(eye: &mut Inspector, world: &World) {
    eye.see("staff-imports", "/staff/imports").await;
    eye.chrome.follow("main form button").await;
    eye.look("staff-imports-wrong").await;
    let file = world.folder.path().join("октомври.ndjson");
    fs::write(&file, "{}\n").expect("a file");
    let name = file.to_str().expect("text");
    eye.chrome.go("/staff/imports").await;
    eye.chrome.attach("#file", name).await;
    eye.chrome.follow("main form button").await;
    eye.chrome
        .until("location.pathname.startsWith('/staff/imports/')")
        .await;
    let page = eye.chrome.path().await;
    let run = || "2026-10-a1".parse().expect("an id");
    for (name, state) in [
        (
            "staff-import-failed",
            ImportState::Failed(Reason {
                what: Fails::Unread.with(&[("name", &"run.zip")]),
                causes: vec![
                    Cause {
                        known: Some(Because::Denied.with(&[])),
                        ..Cause::default()
                    },
                    Cause {
                        foreign: "the lease was lost".to_owned(),
                        ..Cause::default()
                    },
                ],
                is_without_remedy: false,
            }),
        ),
        ("staff-import-already", ImportState::Already(run())),
    ] {
        world.shelf.set(state);
        eye.see(name, &page).await;
    }
    eye.see("staff-imports-known", "/staff/imports").await;
    // These come again by themselves, under the eye of who looks at them; the one that is read stays longest.
    let orders = 123_000;
    let promised = Some(400_000);
    world.shelf.set(ImportState::Reading { orders, promised });
    eye.see("staff-import-reading", &page).await;
    eye.lang = "en";
    eye.see("staff-imports", "/staff/imports?lang=en").await;
    eye.see("staff-run-checked", "/staff/runs/2026-11-b2").await;
    eye.lang = "bg";
    eye.chrome.go("/staff/imports?lang=bg").await;
}
