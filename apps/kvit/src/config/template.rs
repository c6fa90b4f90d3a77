//! The text of `kvit.toml` as `kvit init` writes it: every key, with a comment.

use std::path::Path;

use kvit_billing::{Address, customer::Text};
use kvit_pay::ways::PAYS_WITHIN_DAYS;

use super::{Config, Contract, Guard, OidcConfig, ProviderConfig, Security};

pub(super) fn render(config: &Config) -> String {
    [
        head(config),
        operator(config),
        portal(config),
        staff(config),
        mail(config),
        pay(config),
        debit(config),
        reminders(config),
        issue(config),
        rest(config),
    ]
    .join("\n")
}

fn head(config: &Config) -> String {
    format!(
        r#"# Kvit: the settings of this instance. `kvit doctor` checks them.
# Relative paths are seen from the folder of this file. Passwords are never written here: a key
# ending in _file names a file that only the service's account can read (mode 0600).

# The operator below is made up. Replace it, then say false here (or delete the line). As long as
# this is true, runs of any seller are let in, with a warning.
placeholder = {}
"#,
        config.placeholder
    )
}

fn operator(config: &Config) -> String {
    let operator = &config.operator;
    format!(
        r##"# Who sends the bills, as bills, mails and pages show it. Texts are in Bulgarian and English.
[operator]
# Legal name.
name = {name}
# Name as people say it, for headings and mails.
short_name = {short_name}
# Company identifier (ЕИК) and VAT number. A run file of another seller is refused.
eik = {eik}
vat_number = {vat_number}
# Registered address.
address = {address}
address_en = {address_en}
# The account that bills are paid to; the BIC may be left out within the euro area.
iban = {iban}
bic = {bic}
# Currency of all bills.
currency = {currency}
# Telephone line that answers day and night, address for questions, own site.
hotline = {hotline}
email = {email}
website = {website}
# How to complain, who settles disputes, how to change supplier: a sentence each, on every bill.
complaints = {complaints}
dispute_body = {dispute_body}
switching = {switching}

# Colours as #rrggbb: the first dark enough for white text on it, the second for highlights.
# logo: an SVG file; empty for the built-in mark with the short name.
[brand]
primary = {primary}
accent = {accent}
logo = {logo}
"##,
        name = text(&operator.name),
        short_name = text(&operator.short_name),
        eik = string(&operator.eik),
        vat_number = string(&operator.vat_number),
        address = address(&operator.address),
        address_en = address(&operator.address_en),
        iban = string(&operator.iban),
        bic = string(&operator.bic),
        currency = string(operator.currency.as_str()),
        hotline = string(&operator.hotline),
        email = string(&operator.email),
        website = string(&operator.website),
        complaints = text(&operator.complaints),
        dispute_body = text(&operator.dispute_body),
        switching = text(&operator.switching),
        primary = string(&config.brand.primary),
        accent = string(&config.brand.accent),
        logo = string(&config.brand.logo),
    )
}

fn portal(config: &Config) -> String {
    let portal = &config.portal;
    format!(
        r#"# The customers' portal.
[portal]
# Where customers reach it. It goes into QR codes and links of bills: once bills are out, it must
# stay reachable. No slash at the end.
public_url = {public_url}
# Where it listens. Put a reverse proxy with TLS in front and say behind_proxy = true, so that the
# last entry of X-Forwarded-For counts as the visitor.
listen = {listen}
behind_proxy = {behind_proxy}
# How long a customer stays signed in, and how long the link that proves an address is good.
session_minutes = {session_minutes}
proof_hours = {proof_hours}
# Version of the declaration that customers agree to; kept with each consent.
declaration_version = {declaration_version}
# So many wrong codes within window_s seconds close the door for block_s seconds: for one customer number from
# one network (for all networks after ten times as many), and for one network address. Wrong sign-ins of staff
# count by name and by address.
wrong_codes_per_number = {per_number}
wrong_codes_per_address = {per_address}
# Folder with own templates, texts and style sheet; the built-in ones serve where there is none.
overrides = {overrides}
"#,
        public_url = string(&portal.public_url),
        listen = string(&portal.listen.to_string()),
        behind_proxy = portal.behind_proxy,
        session_minutes = portal.session_minutes,
        proof_hours = portal.proof_hours,
        declaration_version = string(&portal.declaration_version),
        per_number = guard(portal.wrong_codes_per_number),
        per_address = guard(portal.wrong_codes_per_address),
        overrides = path(&portal.overrides),
    )
}

fn staff(config: &Config) -> String {
    let staff = &config.staff;
    let mut text = format!(
        r#"# How staff sign in to the console. local_accounts: with passwords and passkeys, by accounts that are
# kept here. [staff.oidc] is the organisation's own identity provider (OpenID Connect), besides or
# instead; its redirect address is {{public_url}}/staff/sign-in/oidc/back. See OPERATIONS.md. Such as:
#   [staff.oidc]
#   issuer = "https://login.example.bg/realms/kvit"
#   client_id = "kvit"
#   client_secret_file = "oidc.secret"
#   # What the button calls it.
#   title = "Example ID"
#   scopes = ["profile"]
#   # The claim that becomes the name of the account, and the one that lists groups or roles; dots
#   # lead into objects, as in "realm_access.roles".
#   login_claim = "preferred_username"
#   roles_claim = "groups"
#   # Which group has which role: agent, clerk, billing, auditor, administrator. Exactly one has to fit.
#   roles = {{ kvit-agents = "agent", kvit-billing = "billing" }}
#   # The claim with the service centre of a clerk; empty for none.
#   centre_claim = ""
#   # How strongly the provider has to have recognised somebody: one of these values of its `acr`, such as
#   # that of a second factor; without any it decides.
#   acr_values = []
#   # Whether who is not known yet gets an account; else an administrator opens it first, by that name.
#   create_accounts = true
[staff]
local_accounts = {}
"#,
        staff.local_accounts
    );
    if let Some(oidc) = &staff.oidc {
        text.push_str(&identity_provider(oidc));
    }
    text
}

fn identity_provider(oidc: &OidcConfig) -> String {
    let roles: Vec<String> = oidc
        .roles
        .iter()
        .map(|(group, role)| format!("{} = {}", string(group), string(role)))
        .collect();
    format!(
        r#"
[staff.oidc]
issuer = {issuer}
client_id = {client_id}
client_secret_file = {secret}
title = {title}
scopes = [{scopes}]
login_claim = {login_claim}
roles_claim = {roles_claim}
roles = {{ {roles} }}
centre_claim = {centre_claim}
acr_values = [{acr_values}]
create_accounts = {create_accounts}
"#,
        issuer = string(&oidc.issuer),
        client_id = string(&oidc.client_id),
        secret = path(&oidc.client_secret_file),
        title = string(&oidc.title),
        scopes = quoted(&oidc.scopes),
        login_claim = string(&oidc.login_claim),
        roles_claim = string(&oidc.roles_claim),
        roles = roles.join(", "),
        centre_claim = string(&oidc.centre_claim),
        acr_values = quoted(&oidc.acr_values),
        create_accounts = oidc.create_accounts,
    )
}

fn mail(config: &Config) -> String {
    let mail = &config.mail;
    let security = match mail.security {
        Security::Plain => "plain",
        Security::StartTls => "starttls",
        Security::Tls => "tls",
    };
    format!(
        r#"# The mail server that takes the mails.
[mail]
host = {host}
port = {port}
# "starttls" (port 587 or 25), "tls" (port 465), or "plain": only to a relay on this machine, unless
# allow_plain_remote says that the network between is your own.
security = "{security}"
allow_plain_remote = {allow_plain_remote}
# Login: both or neither.
user = {user}
password_file = {password_file}
# Certificates (PEM) to trust besides the system's.
roots_file = {roots_file}
# The address that customers see, and the domain of Message-IDs and return paths.
sender = {sender}
domain = {domain}
# What this machine calls itself (EHLO); conversations at once; seconds for a step of one.
hello_name = {hello_name}
connections = {connections}
timeout_s = {timeout_s}
# Seconds between the attempts of one mail. After the last it counts as failed.
retry_delays_s = {retry_delays_s:?}
# Folder with own mail templates and texts.
overrides = {overrides}
"#,
        host = string(&mail.host),
        port = mail.port,
        allow_plain_remote = mail.allow_plain_remote,
        user = string(&mail.user),
        password_file = path(&mail.password_file),
        roots_file = path(&mail.roots_file),
        sender = string(&mail.sender),
        domain = string(&mail.domain),
        hello_name = string(&mail.hello_name),
        connections = mail.connections,
        timeout_s = mail.timeout_s,
        retry_delays_s = mail.retry_delays_s,
        overrides = path(&mail.overrides),
    )
}

fn pay(config: &Config) -> String {
    let pay = &config.pay;
    let mut text = format!(
        r#"# Ways of paying. order: the names of those that customers are offered, in their order. Each has a
# section [pay.providers.NAME]; one that is not in order still hears of payments under way. They
# call {{public_url}}/pay/NAME/… (see OPERATIONS.md). title is what customers read; mode says with which of its
# systems Kvit speaks: "test" with what stands in [pay.providers.NAME.test], "live" with [pay.providers.NAME.live].
# What these tables hold depends on kind:
#   epay    ePay.bg and EasyPay: merchant, secret_file; in the section ways = ["account", "card", "cash"]
#   biller  a system that asks for dues and reports payments (ePay billing, eBg, ...): merchant,
#           secret_file
#   icard   url, originator, shop (MID), shop_name, key_index, key_index_resp, key_file,
#           their_key_file
#   mypos   url, originator (wallet number), shop (SID), key_index, key_file, their_key_file
#   borica  terminal, merchant, shop_name, key_file, their_key_file
# url, where it is set, replaces the addresses of ePay and BORICA that Kvit knows.
# A payment at iCard or myPOS of which nothing was heard is asked for, where the contract lets the shop:
# status_method = "" turns that off, and refund_method = "" refunds; other names than theirs go there too.
# Files hold the secret, our RSA key and their certificate (PEM); they
# are read again when they change. After restoring an older backup set first_number beyond all
# numbers that payments had there, or new ones are taken for old ones. pays_from names the accounts from
# which a payment system hands over what it collected, and pays_as the words by which the bank's
# statement tells it where it names no account: such sums must not count as payments again. What it has not handed
# over after pays_within_days, {PAYS_WITHIN_DAYS} where it is not set, comes first at /staff/reconciliation. Such as:
#   [pay.providers.epay]
#   kind = "epay"
#   title = "ePay.bg"
#   mode = "test"
#   ways = ["account", "card", "cash"]
#   pays_from = ["BG80BNBG96611020345678"]
#   [pay.providers.epay.test]
#   merchant = "D000000000"
#   secret_file = "epay-test.secret"
#   [pay.providers.epay.live]
#   merchant = "0000000000"
#   secret_file = "epay.secret"
[pay]
# Further accounts of the operator (IBAN) whose statements `kvit pay statement` takes, besides the one
# that is printed on bills.
accounts = [{}]
# Customers of a real operator are offered live systems only, since what a test system calls paid counts as
# money. true lifts that, in an instance that no customer sees.
offer_test = {}
order = [{}]
"#,
        quoted(&pay.accounts),
        pay.offer_test,
        quoted(&pay.order)
    );
    for (name, provider) in &pay.providers {
        text.push_str(&section(name, provider));
    }
    text
}

fn debit(config: &Config) -> String {
    let debit = &config.debit;
    format!(
        r#"# Autopay by SEPA direct debit. Customers with e-bills turn it on and off in the portal. What they give is a
# mandate for this creditor identifier, which the bank or the national bank has given you; `kvit pay debits`
# makes the files for the bank.
[debit]
on = {on}
# Such as BG34ZZZ999900017.
creditor = {creditor}
# The account that gets the money: operator.iban where it is empty, else one of [pay] accounts, whose statements
# come in here. The BIC may be left out within the euro area.
iban = {iban}
bic = {bic}
# So many days at least before each debit its customer has been told by mail, 1 to 14; earlier where the banks'
# holidays would leave them no day to pay in another way. The mandate says so.
notice_days = {notice_days}
"#,
        on = debit.on,
        creditor = string(&debit.creditor),
        iban = string(&debit.iban),
        bic = string(&debit.bic),
        notice_days = debit.notice_days,
    )
}

fn reminders(config: &Config) -> String {
    let reminders = &config.reminders;
    format!(
        r#"# Mails that remind customers with e-bills of bills that are still open. They go by what is in the
# books here: say on = true once all payments come in here, also those at your own desks, or people
# are reminded of what they have paid.
[reminders]
on = {on}
# So many days before the last day to pay, and after it: such as [7, 1], or [] for none.
before_days = {before_days:?}
after_days = {after_days:?}
# From which full hour to which, at the place that [issue] time_zone names. One that could not be sent
# by the evening of the next day is left out.
from_hour = {from_hour}
to_hour = {to_hour}
"#,
        on = reminders.on,
        before_days = reminders.before_days,
        after_days = reminders.after_days,
        from_hour = reminders.from_hour,
        to_hour = reminders.to_hour,
    )
}

/// A payment system, with the keys that are set.
fn section(name: &str, provider: &ProviderConfig) -> String {
    let mut lines = vec![
        format!("\n[pay.providers.{name}]"),
        format!("kind = {}", string(provider.kind.as_str())),
        format!("title = {}", text(&provider.title)),
        format!("mode = {}", string(provider.mode.as_str())),
    ];
    if !provider.ways.is_empty() {
        lines.push(format!("ways = [{}]", quoted(&provider.ways)));
    }
    if !provider.pays_from.is_empty() {
        lines.push(format!("pays_from = [{}]", quoted(&provider.pays_from)));
    }
    if !provider.pays_as.is_empty() {
        lines.push(format!("pays_as = {}", string(&provider.pays_as)));
    }
    if provider.pays_within_days != PAYS_WITHIN_DAYS {
        lines.push(format!("pays_within_days = {}", provider.pays_within_days));
    }
    if provider.first_number != 1 {
        lines.push(format!("first_number = {}", provider.first_number));
    }
    for (mode, contract) in provider.contracts() {
        lines.push(format!("[pay.providers.{name}.{}]", mode.as_str()));
        lines.extend(written(contract));
    }
    lines.join("\n") + "\n"
}

/// The keys of a contract that are set.
fn written(contract: &Contract) -> Vec<String> {
    let texts = [
        ("url", &contract.url),
        ("merchant", &contract.merchant),
        ("originator", &contract.originator),
        ("shop", &contract.shop),
        ("shop_name", &contract.shop_name),
        ("key_index", &contract.key_index),
        ("key_index_resp", &contract.key_index_resp),
        ("terminal", &contract.terminal),
    ];
    let texts = texts.into_iter().filter(|(_, value)| !value.is_empty());
    // Empty, these two say that the contract has none.
    let methods = [
        ("status_method", &contract.status_method),
        ("refund_method", &contract.refund_method),
    ];
    let methods = methods
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let files = [
        ("secret_file", &contract.secret_file),
        ("key_file", &contract.key_file),
        ("their_key_file", &contract.their_key_file),
    ];
    let files = files
        .into_iter()
        .filter(|(_, value)| !value.as_os_str().is_empty())
        .map(|(key, value)| format!("{key} = {}", path(value)));
    let texts = texts
        .chain(methods)
        .map(|(key, value)| format!("{key} = {}", string(value)));
    texts.chain(files).collect()
}

fn quoted(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| string(text)).collect();
    texts.join(", ")
}

fn issue(config: &Config) -> String {
    let (seal, issue) = (&config.seal, &config.issue);
    format!(
        r#"# The seal: a PKCS#12 file with key and certificate chain (RSA-2048 or P-256). The one that
# `kvit init` makes is for trying out and proves nothing to anybody. trust_roots (PEM) is what
# `kvit verify` trusts.
[seal]
file = {file}
password_file = {password_file}
trust_roots = {trust_roots}

# How bills are numbered and made.
[issue]
# Numbers ascend without gaps within a series. The first release fixes the first number.
series = {series}
first_number = {first_number}
# Where the operator sits: the date of issue is the day there.
time_zone = {time_zone}
# A bill is due in the mailbox so many hours after issue.
delivery_hours = {delivery_hours}
# Orders that are issued, archived and, after a crash, repeated together.
chunk_orders = {chunk_orders}
# Seconds after which the chunk of a machine that is silent is given to another: longer than three chunks take.
lease_s = {lease_s}
# Folder in which you change the layout; `kvit layout export` writes the built-in files there. What lies in it
# counts once it is brought in: `kvit layout bring`, then `kvit layout use`, or /staff/layouts.
layout = {layout}
"#,
        file = path(&seal.file),
        password_file = path(&seal.password_file),
        trust_roots = path(&seal.trust_roots),
        series = string(&issue.series),
        first_number = issue.first_number,
        time_zone = string(&issue.time_zone),
        delivery_hours = issue.delivery_hours,
        chunk_orders = issue.chunk_orders,
        lease_s = issue.lease_s,
        layout = path(&issue.layout),
    )
}

fn rest(config: &Config) -> String {
    format!(
        r#"# Consents to e-bills. Until when bills come on paper too: "first-confirmed" is until the customer has confirmed, by the
# link in the mail, that a bill arrived; "proven" only until they proved their address.
[enrolment]
paper_until = {paper_until}

# What one hand-over may hold: files, and bytes once unpacked. Guards against a ZIP made to fill
# the disk. A file that is uploaded in the staff console may have so many bytes; it lies in the
# instance's folder `uploads` until it is read.
[import]
files_max = {files_max}
unpacked_bytes_max = {unpacked_bytes_max}
upload_bytes_max = {upload_bytes_max}

# Scanned declarations. A page that was refused is removed, with its picture, so many days later; one that a
# consent came of is its evidence, and is kept.
[scans]
refused_days = {refused_days}

# Where runs, bills and receipts are kept: an SQLite file, or PostgreSQL for several machines as
# postgres://USER@HOST/NAME. An address with a password belongs into url_file.
[store]
url = {url}
url_file = {url_file}

# Where the sealed bills are kept, in packs.
[archive]
folder = {folder}

# `kvit serve` and `kvit work`: how often they look for work when there was none, in milliseconds.
[workers]
poll_ms = {poll_ms}

# Health (/health/live, /health/ready) and numbers for Prometheus (/metrics). Not for the public.
[watch]
listen = {listen}
"#,
        paper_until = string(config.enrolment.paper_until.as_str()),
        files_max = config.import.files_max,
        unpacked_bytes_max = config.import.unpacked_bytes_max,
        upload_bytes_max = config.import.upload_bytes_max,
        refused_days = config.scans.refused_days,
        url = string(&config.store.url),
        url_file = path(&config.store.url_file),
        folder = path(&config.archive.folder),
        poll_ms = config.workers.poll_ms,
        listen = string(&config.watch.listen.to_string()),
    )
}

/// A TOML string, quoted.
fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn path(path: &Path) -> String {
    string(&path.to_string_lossy())
}

fn text(text: &Text) -> String {
    match &text.en {
        Some(en) => format!("{{ bg = {}, en = {} }}", string(&text.bg), string(en)),
        None => string(&text.bg),
    }
}

fn address(address: &Address) -> String {
    let lines: Vec<String> = address.lines.iter().map(|line| string(line)).collect();
    format!(
        "{{ lines = [{}], postcode = {}, city = {}, country = {} }}",
        lines.join(", "),
        string(&address.postcode),
        string(&address.city),
        string(&address.country)
    )
}

fn guard(guard: Guard) -> String {
    format!(
        "{{ max = {}, window_s = {}, block_s = {} }}",
        guard.max, guard.window_s, guard.block_s
    )
}
