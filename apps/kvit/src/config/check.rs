//! Whether settings that could be read can also work.

use std::{fmt, net::IpAddr, path::Path};

use jiff::tz::TimeZone;
use kvit_billing::{BillNumber, Currency, Role, Series, lists};
use kvit_mail::{EmailAddress, RetryLadder, STEP_MAX_S, STEPS_MAX};
use kvit_pay::{CreditorId, Iban, ProviderName, statement::BANK, ways::Way};
use kvit_web::{Kind, Phrase, Setting};

use super::{
    Config, Fault, Guard, ProviderConfig, ProviderKind, Security,
    read::{Lines, shown},
};

/// More would be no reminders any more.
const REMINDERS_MAX: usize = 4;
const REMINDER_DAYS_MAX: u8 = 60;
/// Two weeks is what the scheme has where nothing else is agreed.
const NOTICE_DAYS_MAX: u64 = 14;
/// In which a payment system hands over what it collected.
const PAYS_WITHIN_DAYS_MAX: u64 = 90;

pub(super) fn check(config: &Config, lines: &Lines, faults: &mut Vec<Fault>) {
    let mut checker = Checker { lines, faults };
    operator(config, &mut checker);
    portal(config, &mut checker);
    staff(config, &mut checker);
    mail(config, &mut checker);
    pay(config, &mut checker);
    debit(config, &mut checker);
    reminders(config, &mut checker);
    seal_and_issue(config, &mut checker);
    rest(config, &mut checker);
}

struct Checker<'a> {
    lines: &'a Lines,
    faults: &'a mut Vec<Fault>,
}

impl Checker<'_> {
    /// Notes a fault at `path` unless it is `ok` or has one already.
    fn demand(&mut self, ok: bool, path: &str, what: Phrase) {
        let key = shown(path);
        if !ok && !self.faults.iter().any(|fault| fault.key == key) {
            self.faults.push(Fault {
                line: self.lines.of(path),
                key,
                what,
                words: String::new(),
            });
        }
    }

    /// The same where what stands there says it all.
    fn fits(&mut self, ok: bool, path: &str, what: Setting, value: &dyn fmt::Display) {
        self.demand(ok, path, what.with(&[("value", value)]));
    }

    fn positive(&mut self, value: u64, max: u64, path: &str) {
        let ok = (1..=max).contains(&value);
        let what = Setting::Range.with(&[("value", &value), ("max", &max)]);
        self.demand(ok, path, what);
    }

    fn file_name(&mut self, file: &Path, path: &str, what: &str) {
        let ok = !file.as_os_str().is_empty();
        self.demand(ok, path, Setting::FileMissing.with(&[("what", &what)]));
    }
}

fn operator(config: &Config, checker: &mut Checker<'_>) {
    let operator = &config.operator;
    for (path, text) in [
        ("operator.name", &operator.name),
        ("operator.short_name", &operator.short_name),
        ("operator.complaints", &operator.complaints),
        ("operator.dispute_body", &operator.dispute_body),
        ("operator.switching", &operator.switching),
    ] {
        let ok = !text.bg.trim().is_empty() && text.en.as_deref().is_none_or(|en| !en.is_empty());
        checker.demand(ok, path, Setting::TextEmpty.with(&[]));
    }
    let eik = &operator.eik;
    checker.fits(is_eik(eik), "operator.eik", Setting::Eik, eik);
    let vat = operator.vat_number.as_str();
    let vat_ok = vat.len() > 4
        && lists::has_vat_prefix(vat)
        && vat.chars().skip(2).all(|c| c.is_ascii_alphanumeric());
    checker.fits(vat_ok, "operator.vat_number", Setting::Vat, &vat);
    let iban = &operator.iban;
    checker.fits(is_iban(iban), "operator.iban", Setting::Iban, iban);
    let bic_ok = matches!(operator.bic.len(), 0 | 8 | 11)
        && operator.bic.bytes().all(|b| b.is_ascii_alphanumeric());
    checker.fits(bic_ok, "operator.bic", Setting::Bic, &operator.bic);
    for (path, address) in [
        ("operator.address", &operator.address),
        ("operator.address_en", &operator.address_en),
    ] {
        let ok = !address.city.trim().is_empty() && lists::is_country(&address.country);
        checker.demand(ok, path, Setting::Address.with(&[]));
    }
    checker.demand(
        !operator.hotline.trim().is_empty(),
        "operator.hotline",
        Setting::Hotline.with(&[]),
    );
    email(&operator.email, "operator.email", checker);
    web_address(&operator.website, "operator.website", checker);
    for (path, colour) in [
        ("brand.primary", &config.brand.primary),
        ("brand.accent", &config.brand.accent),
    ] {
        let digits = colour.strip_prefix('#').unwrap_or_default();
        let ok = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        checker.fits(ok, path, Setting::Colour, colour);
    }
}

fn portal(config: &Config, checker: &mut Checker<'_>) {
    let portal = &config.portal;
    web_address(&portal.public_url, "portal.public_url", checker);
    checker.demand(
        !portal.public_url.ends_with('/'),
        "portal.public_url",
        Setting::Slash.with(&[]),
    );
    let here = |url: &str| {
        let host = url.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        let loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        host == "localhost" || loopback || url.starts_with("http://[::1]")
    };
    let open = !config.placeholder && portal.public_url.starts_with("http://");
    checker.demand(
        !open || here(&portal.public_url),
        "portal.public_url",
        Setting::PublicOpen.with(&[]),
    );
    checker.positive(
        portal.session_minutes.into(),
        1440,
        "portal.session_minutes",
    );
    checker.positive(portal.proof_hours.into(), 720, "portal.proof_hours");
    checker.demand(
        !portal.declaration_version.trim().is_empty(),
        "portal.declaration_version",
        Setting::Declaration.with(&[]),
    );
    for (path, guard) in [
        (
            "portal.wrong_codes_per_number",
            portal.wrong_codes_per_number,
        ),
        (
            "portal.wrong_codes_per_address",
            portal.wrong_codes_per_address,
        ),
    ] {
        let Guard {
            max,
            window_s,
            block_s,
        } = guard;
        let ok = max > 0 && window_s > 0 && block_s > 0;
        checker.demand(ok, path, Setting::Guard.with(&[]));
    }
}

fn staff(config: &Config, checker: &mut Checker<'_>) {
    let staff = &config.staff;
    let Some(oidc) = &staff.oidc else {
        checker.demand(
            staff.local_accounts,
            "staff.local_accounts",
            Setting::NoSignIn.with(&[]),
        );
        return;
    };
    let issuer = &oidc.issuer;
    let here = ["http://localhost", "http://127.0.0.1", "http://[::1]"]
        .iter()
        .any(|here| {
            issuer
                .strip_prefix(here)
                .is_some_and(|rest| rest.starts_with([':', '/']) || rest.is_empty())
        });
    let secure = issuer
        .strip_prefix("https://")
        .is_some_and(|host| !host.is_empty());
    let plain = issuer.bytes().all(|b| b.is_ascii_graphic()) && !issuer.contains(['?', '#']);
    checker.fits(
        (secure || here) && plain,
        "staff.oidc.issuer",
        Setting::Issuer,
        issuer,
    );
    for (key, set) in [
        ("client_id", !oidc.client_id.trim().is_empty()),
        (
            "client_secret_file",
            !oidc.client_secret_file.as_os_str().is_empty(),
        ),
        ("title", !oidc.title.trim().is_empty()),
        ("login_claim", !oidc.login_claim.trim().is_empty()),
        ("roles_claim", !oidc.roles_claim.trim().is_empty()),
    ] {
        let path = format!("staff.oidc.{key}");
        checker.demand(set, &path, Setting::OidcEmpty.with(&[]));
    }
    let strengths = oidc.acr_values.iter();
    let odd = strengths.filter(|value| value.is_empty() || value.contains(char::is_whitespace));
    let odd: Vec<_> = odd.map(|value| format!("`{value}`")).collect();
    checker.demand(
        odd.is_empty(),
        "staff.oidc.acr_values",
        Setting::Strengths.with(&[("values", &odd.join(", "))]),
    );
    checker.demand(
        !oidc.roles.is_empty(),
        "staff.oidc.roles",
        Setting::NoRoles.with(&[]),
    );
    for (group, role) in &oidc.roles {
        checker.demand(
            Role::parse(role).is_some(),
            "staff.oidc.roles",
            Setting::Role.with(&[("role", role), ("group", group)]),
        );
    }
}

fn mail(config: &Config, checker: &mut Checker<'_>) {
    let mail = &config.mail;
    let host = |text: &str| {
        !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic())
    };
    for (path, name) in [
        ("mail.host", &mail.host),
        ("mail.hello_name", &mail.hello_name),
    ] {
        checker.fits(host(name), path, Setting::Host, name);
    }
    checker.demand(mail.port > 0, "mail.port", Setting::Port.with(&[]));
    let loopback =
        mail.host == "localhost" || mail.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let plain = mail.security == Security::Plain;
    checker.fits(
        !plain || loopback || mail.allow_plain_remote,
        "mail.security",
        Setting::MailOpen,
        &mail.host,
    );
    let has_password = !mail.password_file.as_os_str().is_empty();
    checker.demand(
        mail.user.is_empty() != has_password,
        "mail.user",
        Setting::MailLogin.with(&[]),
    );
    checker.demand(
        mail.user.is_empty() || !plain || loopback,
        "mail.user",
        Setting::PasswordOpen.with(&[]),
    );
    email(&mail.sender, "mail.sender", checker);
    let domain_ok = EmailAddress::parse(&format!("x@{}", mail.domain)).is_ok();
    checker.fits(
        domain_ok || mail.domain == "localhost",
        "mail.domain",
        Setting::Domain,
        &mail.domain,
    );
    checker.positive(mail.connections as u64, 1000, "mail.connections");
    checker.positive(mail.timeout_s, 3600, "mail.timeout_s");
    checker.demand(
        RetryLadder::new(mail.retry_delays_s.clone()).is_ok(),
        "mail.retry_delays_s",
        Setting::Ladder.with(&[("steps", &STEPS_MAX), ("seconds", &STEP_MAX_S)]),
    );
}

fn pay(config: &Config, checker: &mut Checker<'_>) {
    let pay = &config.pay;
    for name in &pay.order {
        let ok = pay.providers.contains_key(name);
        let what = Setting::OrderUnknown.with(&[("name", name)]);
        checker.demand(ok, "pay.order", what);
    }
    let mut sorted = pay.order.clone();
    sorted.sort();
    sorted.dedup();
    checker.demand(
        sorted.len() == pay.order.len(),
        "pay.order",
        Setting::OrderTwice.with(&[]),
    );
    checker.demand(
        pay.providers.is_empty() || config.operator.currency == Currency::EUR,
        "operator.currency",
        Setting::Euro.with(&[]),
    );
    let is_account = |account: &String, path: &str, checker: &mut Checker<'_>| {
        checker.fits(is_iban(account), path, Setting::AccountIban, account);
    };
    for account in &pay.accounts {
        is_account(account, "pay.accounts", checker);
    }
    for (name, provider) in &pay.providers {
        let path = format!("pay.providers.{name}");
        checker.demand(name != BANK, &path, Setting::BankName.with(&[]));
        for account in &provider.pays_from {
            is_account(account, &format!("{path}.pays_from"), checker);
        }
        // Up to 18 digits are read, and BORICA's and everybody else's have to grow from here.
        checker.positive(
            provider.first_number,
            1_000_000_000_000_000,
            &format!("{path}.first_number"),
        );
        checker.positive(
            provider.pays_within_days.into(),
            PAYS_WITHIN_DAYS_MAX,
            &format!("{path}.pays_within_days"),
        );
        let is_name = name.parse::<ProviderName>().is_ok();
        checker.fits(is_name, &path, Setting::SystemName, name);
        contracts(name, provider, checker);
        let offered = pay.order.contains(name);
        let trial = provider.is_trial_with_customers(offered) && !config.placeholder;
        checker.demand(
            !trial || pay.offer_test,
            &format!("{path}.mode"),
            Setting::Trial.with(&[]),
        );
        for way in &provider.ways {
            let is_way = Way::parse(way).is_some();
            checker.fits(is_way, &format!("{path}.ways"), Setting::Way, way);
        }
    }
}

/// The tables of a payment system: that of its mode is there, and each is whole.
fn contracts(name: &str, provider: &ProviderConfig, checker: &mut Checker<'_>) {
    let (path, kind) = (format!("pay.providers.{name}"), provider.kind);
    let needed = Setting::Needed.with(&[("kind", &kind.as_str())]);
    let ways = kind != ProviderKind::Epay || !provider.ways.is_empty();
    checker.demand(ways, &format!("{path}.ways"), needed.clone());
    let mode = provider.mode.as_str();
    checker.demand(
        provider.contracts().any(|(one, _)| one == provider.mode),
        &format!("{path}.{mode}"),
        Setting::NoTable.with(&[("path", &path), ("mode", &mode)]),
    );
    for (mode, contract) in provider.contracts() {
        let path = format!("{path}.{}", mode.as_str());
        for (key, set) in contract.needs(kind) {
            checker.demand(set, &format!("{path}.{key}"), needed.clone());
        }
        if contract.url.is_empty() {
            continue;
        }
        let path = format!("{path}.url");
        web_address(&contract.url, &path, checker);
        checker.demand(
            kind != ProviderKind::Epay || contract.url.ends_with('/'),
            &path,
            Setting::NoSlash.with(&[]),
        );
    }
}

fn debit(config: &Config, checker: &mut Checker<'_>) {
    let debit = &config.debit;
    let empty = debit.creditor.trim().is_empty();
    checker.demand(
        if empty {
            !debit.on
        } else {
            debit.creditor.parse::<CreditorId>().is_ok()
        },
        "debit.creditor",
        match empty {
            true => Setting::CreditorMissing.with(&[]),
            false => Setting::Creditor.with(&[("value", &debit.creditor)]),
        },
    );
    let plain = |iban: &str| iban.parse::<Iban>().ok();
    let account = plain(debit.account(config));
    let accounts = config.pay.accounts.iter().chain([&config.operator.iban]);
    let ours = accounts
        .filter_map(|iban| plain(iban))
        .any(|iban| Some(iban) == account);
    checker.fits(
        debit.iban.trim().is_empty() || ours,
        "debit.iban",
        Setting::DebitAccount,
        &debit.iban,
    );
    let bic_ok = matches!(debit.bic.len(), 0 | 8 | 11)
        && debit.bic.bytes().all(|b| b.is_ascii_alphanumeric());
    checker.fits(bic_ok, "debit.bic", Setting::Bic, &debit.bic);
    checker.positive(
        debit.notice_days.into(),
        NOTICE_DAYS_MAX,
        "debit.notice_days",
    );
    checker.demand(
        !debit.on || config.operator.currency == Currency::EUR,
        "debit.on",
        Setting::DebitEuro.with(&[]),
    );
}

fn reminders(config: &Config, checker: &mut Checker<'_>) {
    let reminders = &config.reminders;
    for (path, days) in [
        ("reminders.before_days", &reminders.before_days),
        ("reminders.after_days", &reminders.after_days),
    ] {
        let mut once = days.clone();
        once.sort_unstable();
        once.dedup();
        let ok = days.len() <= REMINDERS_MAX
            && once.len() == days.len()
            && days
                .iter()
                .all(|days| (1..=REMINDER_DAYS_MAX).contains(days));
        let what = Setting::ReminderDays.with(&[
            ("days", &format!("{days:?}")),
            ("most", &REMINDERS_MAX),
            ("max", &REMINDER_DAYS_MAX),
        ]);
        checker.demand(ok, path, what);
    }
    let (from, to) = (reminders.from_hour, reminders.to_hour);
    checker.demand(
        from < to && to <= 24,
        "reminders.to_hour",
        Setting::ReminderHours.with(&[("from", &from), ("to", &to)]),
    );
}

fn seal_and_issue(config: &Config, checker: &mut Checker<'_>) {
    checker.file_name(&config.seal.file, "seal.file", "pkcs12");
    checker.file_name(&config.seal.password_file, "seal.password_file", "password");
    let issue = &config.issue;
    let is_series = issue.series.parse::<Series>().is_ok();
    checker.fits(is_series, "issue.series", Setting::Series, &issue.series);
    let first = issue.first_number;
    let is_number = BillNumber::new(first).is_some();
    checker.fits(
        is_number,
        "issue.first_number",
        Setting::FirstNumber,
        &first,
    );
    let zone = &issue.time_zone;
    let is_zone = TimeZone::get(zone).is_ok();
    checker.fits(is_zone, "issue.time_zone", Setting::TimeZone, zone);
    checker.positive(issue.delivery_hours.into(), 720, "issue.delivery_hours");
    checker.positive(issue.chunk_orders as u64, 10_000, "issue.chunk_orders");
    checker.positive(issue.lease_s, 86_400, "issue.lease_s");
}

fn rest(config: &Config, checker: &mut Checker<'_>) {
    checker.positive(
        config.import.files_max as u64,
        10_000_000,
        "import.files_max",
    );
    let bytes = config.import.unpacked_bytes_max;
    checker.demand(
        bytes > 0,
        "import.unpacked_bytes_max",
        Setting::Bytes.with(&[]),
    );
    checker.demand(
        config.import.upload_bytes_max > 0,
        "import.upload_bytes_max",
        Setting::Bytes.with(&[]),
    );
    checker.positive(
        config.scans.refused_days.into(),
        3_650,
        "scans.refused_days",
    );
    checker.file_name(&config.archive.folder, "archive.folder", "folder");
    checker.positive(config.workers.poll_ms, 60_000, "workers.poll_ms");
    let url = config.store.url.as_str();
    let in_file = !config.store.url_file.as_os_str().is_empty();
    let known = ["sqlite:", "postgres:", "postgresql:"];
    checker.demand(
        in_file || known.iter().any(|scheme| url.starts_with(scheme)),
        "store.url",
        Setting::Database.with(&[]),
    );
}

fn email(address: &str, path: &str, checker: &mut Checker<'_>) {
    let ok = EmailAddress::parse(address).is_ok();
    checker.fits(ok, path, Setting::Email, &address);
}

fn web_address(url: &str, path: &str, checker: &mut Checker<'_>) {
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let ok = host.is_some_and(|host| !host.is_empty() && url.bytes().all(|b| b.is_ascii_graphic()));
    checker.fits(ok, path, Setting::WebAddress, &url);
}

/// ЕИК of 9 digits with its check digit, or of 13 that begin with one.
fn is_eik(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if digits.len() != text.chars().count() || !matches!(digits.len(), 9 | 13) {
        return false;
    }
    let sum = |from: u32| -> u32 { digits.iter().take(8).zip(from..).map(|(d, w)| d * w).sum() };
    let wanted = match sum(1) % 11 {
        10 => sum(3) % 11 % 10,
        check => check,
    };
    digits.get(8) == Some(&wanted)
}

fn is_iban(text: &str) -> bool {
    text.parse::<Iban>().is_ok()
}
