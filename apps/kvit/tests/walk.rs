//! What a customer does with the real service, in a real browser: from the number and code on the
//! bill to its sealed PDF, from the mail to the confirmed receipt, to paper and back to e-mail; and from the square code of
//! a printed bill to the e-bill.

#[allow(dead_code, reason = "a part of it is used")]
#[path = "../../web/tests/common/chrome.rs"]
mod chrome;
mod common;
#[path = "../../../crates/compose/tests/common/paper.rs"]
mod paper;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use chrome::Chrome;
use kvit_scan::find_code;
use serde_json::Value;

/// What the demonstration writes while it serves.
const LOG: &str = "log.txt";

/// A demonstration that serves until the test is over.
struct Demo {
    child: Child,
    shown: Value,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let mut child = common::kvit(folder)
            .args([
                "demo",
                "--customers",
                "12",
                "--key",
                "p256",
                "--dir",
                "demo",
                "--json",
            ])
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join(LOG)).expect("a file"))
            .spawn()
            .expect("it starts");
        let mut json = String::new();
        let out = child.stdout.take().expect("piped");
        for line in BufReader::new(out).lines() {
            let line = line.expect("text");
            json.push_str(&line);
            if line == "}" {
                break;
            }
        }
        let shown = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
        Self { child, shown }
    }

    fn says(&self, key: &str) -> String {
        let said = self.shown[key].as_str().expect("a text");
        said.trim_end_matches('/').to_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_walks_through_the_whole_service() {
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    chrome.width(390).await;
    let (_folder, path) = common::folder();
    let demo = Demo::start(&path);
    let (portal, mailbox) = (demo.says("url"), demo.says("mailbox_url"));

    chrome.visit(&portal).await;
    sign_in(&chrome, &demo).await;
    let (name, pdf) = chrome.download(".latest .button[href$=pdf]").await;
    assert!(pdf.starts_with(b"%PDF-1.7"), "{name}");
    std::fs::write(path.join(&name), pdf).expect("a file");
    let verdict = common::run(&path, &["verify", &name, "--dir", "demo"]).ok();
    assert!(verdict.out.contains(&name), "{}", verdict.out);
    let email = chrome.text(".band").await;
    assert!(email.contains("идва по имейл"), "{email}");
    a_year_and_more_is_there(&chrome).await;

    // The mail with the bill, and its link.
    let number = name.trim_end_matches(".pdf");
    let link = mailed_link(&mut chrome, &mailbox, number, "/receipt/").await;
    chrome.visit(&portal).await;
    chrome.go(&link).await;
    assert_eq!(chrome.h1().await, "Получихте ли тази сметка?");
    assert!(chrome.text("main").await.contains(number));
    chrome.follow("main button").await;
    assert_eq!(chrome.h1().await, "Благодарим, отбелязахме го");
    chrome.go(&link).await;
    assert_eq!(chrome.h1().await, "Вече сте потвърдили");

    pays_by_the_link_in_the_mail(&mut chrome, &demo, number).await;
    back_to_paper_and_to_mail_again(&mut chrome, &demo, number).await;
    staff_sign_in_at_the_console(&chrome, &demo).await;
    let said = chrome.console().await;
    let unexpected = said.iter().find(|said| said.contains(&portal));
    assert_eq!(
        unexpected, None,
        "the portal's pages leave the console quiet"
    );
}

/// Nothing is typed but the address: customer number and code come off the paper.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_paper_bill_scans_it_and_gets_the_next_one_by_mail() {
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    let (_folder, path) = common::folder();
    let demo = Demo::start(&path);
    let portal = demo.says("url");
    let runs = common::run(&path, &["run", "list", "--json", "--dir", "demo"]);
    let id = runs.ok().json()[0]["run"]
        .as_str()
        .expect("an id")
        .to_owned();
    let print = ["export", &id, "--to", "print", "--paper", "--dir", "demo"];
    common::run(&path, &print).ok();
    let printed = fs::read_dir(path.join("print")).expect("a folder");
    let printed = printed.map(|file| file.expect("an entry").path());
    let mut bills: Vec<_> = printed
        .filter(|file| file.extension().is_some_and(|kind| kind == "pdf"))
        .collect();
    bills.sort();
    for (width, at) in [(390, "mobilen@primer.bg"), (1280, "biuro@primer.bg")] {
        chrome.visit(&portal).await;
        chrome.width(width).await;
        let code = scans_and_asks(&chrome, &path, &portal, &mut bills).await;
        chrome.fill("#email", at).await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "Проверете имейла си");
        let link = mailed_link(&mut chrome, &demo.says("mailbox_url"), at, "/prove/").await;
        chrome.visit(&portal).await;
        chrome.go(&link).await;
        chrome.follow("main button").await;
        assert_eq!(chrome.h1().await, "Готово, благодарим Ви");
        let log = fs::read_to_string(path.join(LOG)).expect("a log");
        assert!(!log.contains(&code), "{log}");
    }
}

/// Takes bills out until there is one of a customer without e-bills, scans its first page and goes on to the question for
/// the address. Gives the code.
async fn scans_and_asks(
    chrome: &Chrome,
    folder: &Path,
    portal: &str,
    bills: &mut Vec<PathBuf>,
) -> String {
    while let Some(bill) = bills.pop() {
        let page = paper::drawn(folder, &bill, 1, 200);
        let url = find_code(&page, |text| {
            text.starts_with(portal).then(|| text.to_owned())
        });
        let url = url.expect("a square code on page one").meaning;
        let (path, filled) = url.split_once('#').expect("number and code");
        let (code, number) = filled.split_at(8);
        chrome.forget().await;
        chrome.go(&url[portal.len()..]).await;
        assert_eq!(chrome.h1().await, "Документът е истински");
        assert_eq!(format!("{portal}{}", chrome.path().await), path);
        assert_eq!(chrome.text("[data-number]").await, number);
        chrome.follow("[data-filled] [value=enrol]").await;
        let asked = chrome.text(".lead").await;
        assert!(asked.contains(number), "{asked}");
        if !asked.contains("Сега") {
            return code.to_owned();
        }
    }
    panic!("all have e-bills");
}

/// Bills of earlier months, all paid, and consumption beside the year before.
async fn a_year_and_more_is_there(chrome: &Chrome) {
    chrome.go("/bills?year=").await;
    let rows = chrome.eval("document.querySelectorAll('.rows li').length");
    assert_eq!(rows.await, 15);
    let text = chrome.text("main").await;
    assert_eq!(text.matches("Платена").count(), 14, "{text}");
    chrome.go("/usage").await;
    assert!(chrome.text("main").await.contains("Година по-рано"));
}

/// The console opens to each role with the password that the demonstration says, at the page where its work begins.
async fn staff_sign_in_at_the_console(chrome: &Chrome, demo: &Demo) {
    let begin = [
        ("agent", "Намерете клиент"),
        ("clerk", "Намерете клиент"),
        ("billing", "Пускове"),
        ("auditor", "Пускове"),
        ("administrator", "Профили на служителите"),
    ];
    let staff = demo.shown["staff"].as_array().expect("accounts");
    let roles: Vec<_> = staff.iter().map(|one| &one["role"]).collect();
    assert_eq!(roles, begin.map(|(role, _)| role), "an account of each");
    for (person, (_, first)) in staff.iter().zip(begin) {
        chrome.forget().await;
        chrome.go("/staff/sign-in").await;
        for field in ["login", "password"] {
            let typed = person[field].as_str().expect("a text");
            chrome.fill(&format!("#{field}"), typed).await;
        }
        chrome.follow("main button").await;
        assert_eq!(chrome.h1().await, first, "{person}");
    }
}

async fn sign_in(chrome: &Chrome, demo: &Demo) {
    chrome.go("/").await;
    chrome.fill("#number", &demo.says("customer_number")).await;
    chrome.fill("#code", &demo.says("authorization_code")).await;
    chrome.follow("main form button").await;
    assert_eq!(chrome.h1().await, "Моите сметки");
}

/// Thinks better of it at one payment system, is refused at another, pays at the third.
async fn pays_by_the_link_in_the_mail(chrome: &mut Chrome, demo: &Demo, number: &str) {
    let link = mailed_link(chrome, &demo.says("mailbox_url"), number, "/pay/").await;
    for (way, deed, said) in [
        ("epay.account", "away", "още не е потвърдено"),
        ("mypos.card", "decline", "Плащането не беше прието"),
        ("borica.card", "pay", "Сметката е платена"),
    ] {
        chrome.visit(&demo.says("url")).await;
        chrome.go(&link).await;
        assert_eq!(chrome.h1().await, "Плащане на сметката");
        // The page behind it sends its form by itself.
        chrome.follow(&format!("button[value='{way}']")).await;
        chrome
            .until("document.querySelector('h1')?.textContent.includes('simulated')")
            .await;
        chrome.follow(&format!("button[value='{deed}']")).await;
        if way != "epay.account" {
            chrome.follow("button").await;
        }
        chrome.until("location.pathname.startsWith('/pay/')").await;
        let text = chrome.text("main").await;
        assert!(text.contains(said), "{way}: {text}");
    }
    // The mailbox has what was paid, in words.
    let about = "Получихме плащането Ви";
    mailed_link(chrome, &demo.says("mailbox_url"), about, "mailto:").await;
    let text = chrome.text("body").await;
    assert!(
        text.contains(number) && text.contains("платена изцяло"),
        "{text}"
    );
    assert!(text.contains("Платено с банкова карта на"), "{text}");
}

async fn back_to_paper_and_to_mail_again(chrome: &mut Chrome, demo: &Demo, number: &str) {
    let (portal, mailbox) = (demo.says("url"), demo.says("mailbox_url"));
    // From the mail, without number and code.
    let link = mailed_link(chrome, &mailbox, number, "/paper").await;
    chrome.visit(&portal).await;
    chrome.go(&link).await;
    assert_eq!(chrome.h1().await, "Връщане на хартия");
    chrome.follow("main form button").await;
    assert_eq!(chrome.h1().await, "Готово, отново на хартия");
    sign_in(chrome, demo).await;
    chrome.follow("main a[href='/enrol']").await;
    chrome.fill("#email", "nov.adres@primer.bg").await;
    chrome.follow("main form button").await;
    assert_eq!(chrome.h1().await, "Проверете имейла си");
    let link = mailed_link(chrome, &mailbox, "nov.adres@primer.bg", "/prove/").await;
    chrome.visit(&portal).await;
    chrome.go(&link).await;
    assert_eq!(chrome.h1().await, "Потвърдете имейла си");
    chrome.follow("main button").await;
    assert_eq!(chrome.h1().await, "Готово, благодарим Ви");
    sign_in(chrome, demo).await;
    assert!(chrome.text(".band").await.contains("n•••@primer.bg"));
}

/// The path of the link in the mail that `about` tells apart, from the mailbox's own pages; waits
/// until the mail is there.
async fn mailed_link(chrome: &mut Chrome, mailbox: &str, about: &str, kind: &str) -> String {
    chrome.visit(mailbox).await;
    for _ in 0..60 {
        chrome.go("/").await;
        let mails = chrome.eval("[...document.querySelectorAll('a[href^=\"/mail/\"]')].map(a => a.getAttribute('href'))").await;
        for mail in mails.as_array().into_iter().flatten() {
            let mail = mail.as_str().expect("an address");
            chrome.go(mail).await;
            if !chrome.html().await.contains(about) {
                continue;
            }
            chrome.go(&format!("{mail}/html")).await;
            let link = format!("document.querySelector('a[href*=\"{kind}\"]')?.pathname ?? ''");
            let link = chrome.eval(&link).await;
            if let Some(link) = link.as_str().filter(|link| !link.is_empty()) {
                return link.to_owned();
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    panic!("no mail about {about}");
}
