//! Whether settings that could be read can also work.

use std::{net::IpAddr, path::Path};

use jiff::tz::TimeZone;
use kvit_billing::{BillNumber, Currency, Series, lists};
use kvit_mail::{EmailAddress, RetryLadder};
use kvit_pay::{CreditorId, Iban, ProviderName, statement::BANK, ways::Way};
use kvit_store::Role;

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
    fn demand(&mut self, ok: bool, path: &str, problem: impl Into<String>, remedy: &str) {
        let key = shown(path);
        if !ok && !self.faults.iter().any(|fault| fault.key == key) {
            self.faults.push(Fault {
                line: self.lines.of(path),
                key,
                problem: problem.into(),
                remedy: remedy.to_owned(),
            });
        }
    }

    fn positive(&mut self, value: u64, max: u64, path: &str) {
        let ok = (1..=max).contains(&value);
        let problem = format!("{value} is not between 1 and {max}");
        self.demand(ok, path, problem, "choose a number in this range");
    }

    fn file_name(&mut self, file: &Path, path: &str, what: &str) {
        let ok = !file.as_os_str().is_empty();
        let remedy = "write a path; a relative one is seen from the instance's folder";
        self.demand(ok, path, format!("no {what} is named"), remedy);
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
        checker.demand(ok, path, "it is empty", "write the text in both languages");
    }
    checker.demand(
        is_eik(&operator.eik),
        "operator.eik",
        format!(
            "`{}` is not a company identifier: 9 or 13 digits, the last a check digit",
            operator.eik
        ),
        "copy it from the trade register",
    );
    let vat = operator.vat_number.as_str();
    let vat_ok = vat.len() > 4
        && lists::has_vat_prefix(vat)
        && vat.chars().skip(2).all(|c| c.is_ascii_alphanumeric());
    checker.demand(
        vat_ok,
        "operator.vat_number",
        format!("`{vat}` is not a VAT number"),
        "write it with the country's letters, such as BG123456789",
    );
    checker.demand(
        is_iban(&operator.iban),
        "operator.iban",
        format!(
            "`{}` is not an IBAN: its check digits do not fit",
            operator.iban
        ),
        "copy it from the bank",
    );
    let bic_ok = matches!(operator.bic.len(), 0 | 8 | 11)
        && operator.bic.bytes().all(|b| b.is_ascii_alphanumeric());
    checker.demand(
        bic_ok,
        "operator.bic",
        format!("`{}` is not a BIC of 8 or 11 characters", operator.bic),
        "copy it from the bank, or leave it empty",
    );
    for (path, address) in [
        ("operator.address", &operator.address),
        ("operator.address_en", &operator.address_en),
    ] {
        let ok = !address.city.trim().is_empty() && lists::is_country(&address.country);
        let remedy = "name at least the city and the country's two capital letters, such as BG";
        checker.demand(ok, path, "the address is not whole", remedy);
    }
    checker.demand(
        !operator.hotline.trim().is_empty(),
        "operator.hotline",
        "it is empty",
        "name the line that answers day and night",
    );
    email(&operator.email, "operator.email", checker);
    web_address(&operator.website, "operator.website", checker);
    for (path, colour) in [
        ("brand.primary", &config.brand.primary),
        ("brand.accent", &config.brand.accent),
    ] {
        let digits = colour.strip_prefix('#').unwrap_or_default();
        let ok = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let problem = format!("`{colour}` is not a colour");
        checker.demand(ok, path, problem, "write it as #rrggbb, such as #14532d");
    }
}

fn portal(config: &Config, checker: &mut Checker<'_>) {
    let portal = &config.portal;
    web_address(&portal.public_url, "portal.public_url", checker);
    checker.demand(
        !portal.public_url.ends_with('/'),
        "portal.public_url",
        "it ends with a slash",
        "remove the slash",
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
        "codes and bills of real customers would be readable on their way",
        "write https://, and put a reverse proxy with TLS in front",
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
        "it is empty",
        "name the version of the declaration that customers agree to",
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
        checker.demand(ok, path, "a limit of 0", "use numbers from 1");
    }
}

fn staff(config: &Config, checker: &mut Checker<'_>) {
    let staff = &config.staff;
    let Some(oidc) = &staff.oidc else {
        checker.demand(
            staff.local_accounts,
            "staff.local_accounts",
            "nobody could sign in to the console",
            "write true, or add [staff.oidc]",
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
    checker.demand(
        (secure || here) && plain,
        "staff.oidc.issuer",
        format!("`{issuer}` is not the issuer of an identity provider"),
        "copy \"issuer\" from the provider's /.well-known/openid-configuration, to the letter; it begins with https://",
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
        let remedy = "write it as OPERATIONS.md says";
        checker.demand(set, &format!("staff.oidc.{key}"), "it is empty", remedy);
    }
    let strengths = oidc.acr_values.iter();
    let odd = strengths.filter(|value| value.is_empty() || value.contains(char::is_whitespace));
    let odd: Vec<_> = odd.map(|value| format!("`{value}`")).collect();
    checker.demand(
        odd.is_empty(),
        "staff.oidc.acr_values",
        format!("no strengths of a sign-in: {}", odd.join(", ")),
        "write each value by itself and without spaces, as the provider names it: acr_values = [\"phr\", \"phrh\"]",
    );
    checker.demand(
        !oidc.roles.is_empty(),
        "staff.oidc.roles",
        "no group has a role, so nobody could sign in",
        "write roles = { GROUP = \"agent\" }",
    );
    for (group, role) in &oidc.roles {
        checker.demand(
            Role::parse(role).is_some(),
            "staff.oidc.roles",
            format!("`{role}`, for `{group}`, is no role"),
            "use agent, clerk, billing, auditor and administrator",
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
        let problem = format!("`{name}` is not the name of a machine");
        checker.demand(host(name), path, problem, "write a name or an IP address");
    }
    checker.demand(mail.port > 0, "mail.port", "port 0", "use 25, 465 or 587");
    let loopback =
        mail.host == "localhost" || mail.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let plain = mail.security == Security::Plain;
    checker.demand(
        !plain || loopback || mail.allow_plain_remote,
        "mail.security",
        format!("mail to `{}` would be readable on its way", mail.host),
        "use \"starttls\" or \"tls\"; within a network of your own, allow_plain_remote = true",
    );
    let has_password = !mail.password_file.as_os_str().is_empty();
    checker.demand(
        mail.user.is_empty() != has_password,
        "mail.user",
        "a login has a user and a password",
        "set both user and password_file, or neither",
    );
    checker.demand(
        mail.user.is_empty() || !plain || loopback,
        "mail.user",
        "the password would be readable on its way",
        "use \"starttls\" or \"tls\"",
    );
    email(&mail.sender, "mail.sender", checker);
    let domain_ok = EmailAddress::parse(&format!("x@{}", mail.domain)).is_ok();
    checker.demand(
        domain_ok || mail.domain == "localhost",
        "mail.domain",
        format!("`{}` is not a domain", mail.domain),
        "write the domain of your mails, such as example.bg",
    );
    checker.positive(mail.connections as u64, 1000, "mail.connections");
    checker.positive(mail.timeout_s, 3600, "mail.timeout_s");
    if let Err(error) = RetryLadder::new(mail.retry_delays_s.clone()) {
        let remedy = "write waits in seconds, such as [60, 300, 900]";
        checker.demand(false, "mail.retry_delays_s", error.to_string(), remedy);
    }
}

fn pay(config: &Config, checker: &mut Checker<'_>) {
    let pay = &config.pay;
    for name in &pay.order {
        let problem = format!("there is no [pay.providers.{name}]");
        let ok = pay.providers.contains_key(name);
        checker.demand(
            ok,
            "pay.order",
            problem,
            "name only payment systems that have a section",
        );
    }
    let mut sorted = pay.order.clone();
    sorted.sort();
    sorted.dedup();
    let remedy = "name each once";
    checker.demand(
        sorted.len() == pay.order.len(),
        "pay.order",
        "a name comes twice",
        remedy,
    );
    checker.demand(
        pay.providers.is_empty() || config.operator.currency == Currency::EUR,
        "operator.currency",
        "payment systems take euro only",
        "write \"EUR\", or remove the sections [pay.providers.NAME]",
    );
    let remedy = "write an IBAN, such as BG80 BNBG 9661 1020 3456 78";
    for account in &pay.accounts {
        let problem = format!("`{account}` is not an IBAN");
        checker.demand(is_iban(account), "pay.accounts", problem, remedy);
    }
    for (name, provider) in &pay.providers {
        let path = format!("pay.providers.{name}");
        checker.demand(
            name != BANK,
            &path,
            "bank transfers have this name",
            "choose another",
        );
        for account in &provider.pays_from {
            let problem = format!("`{account}` is not an IBAN");
            checker.demand(
                is_iban(account),
                &format!("{path}.pays_from"),
                problem,
                remedy,
            );
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
        if let Err(error) = name.parse::<ProviderName>() {
            checker.demand(
                false,
                &path,
                error.to_string(),
                "use a short name such as epay",
            );
        }
        contracts(name, provider, checker);
        let offered = pay.order.contains(name);
        let trial = provider.is_trial_with_customers(offered) && !config.placeholder;
        checker.demand(
            !trial || pay.offer_test,
            &format!("{path}.mode"),
            "what a test system calls paid would count as money of customers",
            "write mode = \"live\", or take it out of [pay] order (a biller: remove its section) until then; where no customer comes, offer_test = true in [pay]",
        );
        for way in &provider.ways {
            let problem = format!("`{way}` is no way of paying");
            let remedy = "use account, card and cash";
            checker.demand(
                Way::parse(way).is_some(),
                &format!("{path}.ways"),
                problem,
                remedy,
            );
        }
    }
}

/// The tables of a payment system: that of its mode is there, and each is whole.
fn contracts(name: &str, provider: &ProviderConfig, checker: &mut Checker<'_>) {
    let (path, kind) = (format!("pay.providers.{name}"), provider.kind);
    let needed = format!("a payment system of the kind {} needs it", kind.as_str());
    let remedy = "write what the contract with the payment system says";
    let ways = kind != ProviderKind::Epay || !provider.ways.is_empty();
    checker.demand(ways, &format!("{path}.ways"), needed.as_str(), remedy);
    let mode = provider.mode.as_str();
    checker.demand(
        provider.contracts().any(|(one, _)| one == provider.mode),
        &format!("{path}.{mode}"),
        format!("there is no [{path}.{mode}], and mode = \"{mode}\""),
        "write that table with what the contract says, or the other mode",
    );
    for (mode, contract) in provider.contracts() {
        let path = format!("{path}.{}", mode.as_str());
        for (key, set) in contract.needs(kind) {
            checker.demand(set, &format!("{path}.{key}"), needed.as_str(), remedy);
        }
        if contract.url.is_empty() {
            continue;
        }
        let path = format!("{path}.url");
        web_address(&contract.url, &path, checker);
        checker.demand(
            kind != ProviderKind::Epay || contract.url.ends_with('/'),
            &path,
            "it does not end with a slash",
            "write the slash at the end: the paths of EasyPay follow it",
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
        if empty {
            "autopay needs it".to_owned()
        } else {
            format!(
                "`{}` is not a creditor identifier: its check digits do not fit",
                debit.creditor
            )
        },
        "copy it from the letter that gave it to you, or write on = false",
    );
    let plain = |iban: &str| iban.parse::<Iban>().ok();
    let account = plain(debit.account(config));
    let accounts = config.pay.accounts.iter().chain([&config.operator.iban]);
    let ours = accounts
        .filter_map(|iban| plain(iban))
        .any(|iban| Some(iban) == account);
    checker.demand(
        debit.iban.trim().is_empty() || ours,
        "debit.iban",
        format!(
            "`{}` is no account of the operator whose statements come in here",
            debit.iban
        ),
        "leave it empty for operator.iban, or name the account in [pay] accounts too",
    );
    let bic_ok = matches!(debit.bic.len(), 0 | 8 | 11)
        && debit.bic.bytes().all(|b| b.is_ascii_alphanumeric());
    checker.demand(
        bic_ok,
        "debit.bic",
        format!("`{}` is not a BIC of 8 or 11 characters", debit.bic),
        "copy it from the bank, or leave it empty",
    );
    checker.positive(
        debit.notice_days.into(),
        NOTICE_DAYS_MAX,
        "debit.notice_days",
    );
    checker.demand(
        !debit.on || config.operator.currency == Currency::EUR,
        "debit.on",
        "direct debits are in euro",
        "write \"EUR\" as operator.currency, or on = false",
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
        checker.demand(
            ok,
            path,
            format!("{days:?} are not up to {REMINDERS_MAX} different numbers of days, 1 to {REMINDER_DAYS_MAX}"),
            "write days such as [3], or [] for none",
        );
    }
    let (from, to) = (reminders.from_hour, reminders.to_hour);
    checker.demand(
        from < to && to <= 24,
        "reminders.to_hour",
        format!("{from} to {to} are no hours of a day"),
        "write full hours from 0 to 24, the second later than the first",
    );
}

fn seal_and_issue(config: &Config, checker: &mut Checker<'_>) {
    checker.file_name(&config.seal.file, "seal.file", "PKCS#12 file");
    checker.file_name(
        &config.seal.password_file,
        "seal.password_file",
        "password file",
    );
    let issue = &config.issue;
    if let Err(error) = issue.series.parse::<Series>() {
        let remedy = "use a short name such as main";
        checker.demand(false, "issue.series", error.to_string(), remedy);
    }
    checker.demand(
        BillNumber::new(issue.first_number).is_some(),
        "issue.first_number",
        format!(
            "{} is not a number of at most ten digits, from 1",
            issue.first_number
        ),
        "use the number after the last one given elsewhere",
    );
    checker.demand(
        TimeZone::get(&issue.time_zone).is_ok(),
        "issue.time_zone",
        format!("`{}` is not a time zone", issue.time_zone),
        "use an IANA name such as Europe/Sofia",
    );
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
        "a limit of 0",
        "use bytes",
    );
    checker.demand(
        config.import.upload_bytes_max > 0,
        "import.upload_bytes_max",
        "a limit of 0",
        "use bytes",
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
        "it is not the address of a database",
        "write sqlite://kvit.db, or postgres://USER@HOST/NAME",
    );
}

fn email(address: &str, path: &str, checker: &mut Checker<'_>) {
    let problem = format!("`{address}` is not an e-mail address");
    let ok = EmailAddress::parse(address).is_ok();
    checker.demand(ok, path, problem, "write it as name@example.bg");
}

fn web_address(url: &str, path: &str, checker: &mut Checker<'_>) {
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let ok = host.is_some_and(|host| !host.is_empty() && url.bytes().all(|b| b.is_ascii_graphic()));
    let problem = format!("`{url}` is not a web address");
    checker.demand(ok, path, problem, "write it as https://bills.example.bg");
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
