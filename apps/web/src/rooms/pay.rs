//! Paying one bill: what is open of it, where its payments stand, and the ways to pay it. The
//! address opens that bill and nothing else, so it can be mailed.

use std::collections::HashMap;

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use kvit_billing::{
    BillNumber, Cents, Currency, CustomerNumber, code::TokenPurpose, format,
    reference::CreditorReference,
};
use kvit_pay::{
    PaymentState, ProviderName,
    debit::pay_otherwise_until,
    dialects::{FormPost, borica, epay, ipg},
    standing::Standing,
    statement::BANK,
    ways::{Call, Dialect, NoAnswer, Provider, Way},
};
use kvit_store::{
    BillRecord, EnrolmentState, EntryRecord, GuardPolicy, NewPayment, PaymentRecord, PaymentView,
};
use minijinja::{Value, context};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::{
    autopay::{self, Collected},
    shown,
};
use crate::{App, Hall, failure::Failure, front::Visitor, gate, texts::Texts};

/// Payments of a bill that its page tells of.
const PAYMENTS_SHOWN: usize = 100;
/// How long a payment by card or account may take. BORICA's order numbers are good for a day.
const ONLINE_MAX: SignedDuration = SignedDuration::from_hours(24);
/// How long a code for cash is good.
const CASH_MAX: SignedDuration = SignedDuration::from_hours(72);
/// The first time a payment system is asked, where it does not call by itself.
const FIRST_POLL: SignedDuration = SignedDuration::from_mins(2);
/// A payment that was begun so lately may still be under way in another window.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(30);
/// Payments that may be begun for one bill.
const STARTS: GuardPolicy = GuardPolicy {
    max_fails: 20,
    window_s: 3600,
    block_s: 900,
};

/// The address of the page that pays a bill.
pub(crate) fn path(app: &Hall, number: BillNumber) -> String {
    let token = app.portal.key.token(TokenPurpose::Pay, &number.to_string());
    format!("/pay/{number}-{}", token.expose())
}

/// How a bill stands: `open`, `paid`, or `nothing` where it never asked for money.
pub(crate) async fn standing(app: &App, bill: &BillRecord) -> Result<&'static str, Failure> {
    Ok(Asked::of(app, bill.clone()).await?.standing())
}

#[derive(Deserialize)]
pub(crate) struct Came {
    /// The browser came back from a payment system. Proves nothing.
    back: Option<String>,
    /// EasyPay gave no code.
    nocode: Option<String>,
}

/// The bill, what is open of it, and how to pay.
pub(crate) async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(slug): Path<String>,
    Query(came): Query<Came>,
) -> Result<Response, Failure> {
    let Some(bill) = bill_of(&app, &slug).await? else {
        return unknown(&app, &visitor);
    };
    let visitor = reader(visitor, &bill);
    let asked = Asked::of(&app, bill).await?;
    let notice = match came {
        Came {
            nocode: Some(_), ..
        } => Some("pay-no-code"),
        Came { back: Some(_), .. } if asked.amount > Cents::ZERO => asked.came_back(&app),
        _ => None,
    };
    asked.page(&app, &visitor, notice)
}

#[derive(Deserialize)]
pub(crate) struct PayForm {
    #[serde(default)]
    form_token: String,
    /// Provider and way, such as `epay.card`.
    #[serde(default)]
    way: String,
}

/// A way was chosen: the intent is stored, and the customer goes there.
pub(crate) async fn start(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(slug): Path<String>,
    Form(form): Form<PayForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let Some(bill) = bill_of(&app, &slug).await? else {
        return unknown(&app, &visitor);
    };
    let visitor = reader(visitor, &bill);
    let ways = app.portal.pay.ways.all();
    let chosen = form.way.split_once('.').and_then(|(name, way)| {
        let provider = ways
            .iter()
            .find(|provider| provider.name.as_str() == name)?;
        let way = Way::parse(way).filter(|way| provider.offered.contains(way))?;
        Some((provider, way))
    });
    let asked = Asked::of(&app, bill).await?;
    let chosen = chosen.filter(|(provider, _)| asked.fits(provider));
    if chosen.is_some_and(|(provider, _)| !asked.works(provider)) {
        return asked.page(&app, &visitor, Some("pay-out-now"));
    }
    let (Some((provider, way)), true) = (chosen, asked.amount > Cents::ZERO) else {
        // Paid meanwhile, or a way that is offered no more: the page says how things stand.
        return asked.page(&app, &visitor, None);
    };
    let now = app.portal.clock.now();
    let guard = format!("begun-payments-{}", asked.bill.number);
    if let Some(until) = app.portal.store.guard(&guard, now).await?.blocked_until {
        return gate::locked(&app, &visitor, until);
    }
    app.portal.store.guard_fail(&guard, now, &STARTS).await?;
    let payment = begin(&app, &asked, provider, way, now).await?;
    if way == Way::Cash {
        return cash(&app, &visitor, &asked.bill, provider, &payment).await;
    }
    let there = Errand {
        app: &app,
        visitor: &visitor,
        bill: &asked.bill,
        payment: &payment,
    }
    .form(provider, way)
    .await?;
    go(&app, &visitor, provider, &payment, &there)
}

/// Where the browser is sent when a payment system's answer says nothing.
pub(crate) async fn back_without_word(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let links = [context! { href => "/bills", text => texts.say("nav-bills", &[]) }];
    let page = app.pages.render(
        &visitor,
        "said.html",
        context! {
            good => true, title => texts.say("pay-back-title", &[]), links, bill => (),
            text => texts.say("pay-back-text", &[]), more => (),
        },
    )?;
    Ok(page.into_response())
}

/// The bill that an address opens: `<bill number>-<token>`.
pub(crate) async fn bill_of(app: &App, slug: &str) -> Result<Option<BillRecord>, Failure> {
    let (number, token) = slug.split_once('-').unwrap_or_default();
    let Ok(number) = number.parse::<BillNumber>() else {
        return Ok(None);
    };
    let right = app.portal.key.token(TokenPurpose::Pay, &number.to_string());
    if !bool::from(right.expose().as_bytes().ct_eq(token.as_bytes())) {
        return Ok(None);
    }
    Ok(app.portal.store.bill(number).await?)
}

fn unknown(app: &App, visitor: &Visitor) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let links = [
        context! { href => "/bills", text => texts.say("nav-bills", &[]) },
        context! { href => "/help", text => texts.say("nav-help", &[]) },
    ];
    let page = app.pages.render(
        visitor,
        "said.html",
        context! {
            good => false, title => texts.say("pay-unknown-title", &[]), links, bill => (),
            text => texts.say("pay-unknown-text", &[]), more => (),
        },
    )?;
    Ok((StatusCode::NOT_FOUND, page).into_response())
}

/// Who is signed in reads on in their language; a link of a mail opens in the mail's.
fn reader(visitor: Visitor, bill: &BillRecord) -> Visitor {
    if visitor.customer.is_some() {
        visitor
    } else {
        visitor.speaking(bill.language)
    }
}

/// A bill and what is asked for on its page.
struct Asked {
    bill: BillRecord,
    /// What is open of it, and of those that it carries over.
    amount: Cents,
    /// The part of it that older bills ask for.
    older: Cents,
    /// Which bills that is, this one first.
    bills: Vec<BillNumber>,
    /// Whether a part is paid.
    part: bool,
    /// Begun here for this bill, newest first.
    payments: Vec<PaymentView>,
    /// Money for this bill that came by other ways, newest first.
    others: Vec<EntryRecord>,
    /// Money of this customer beyond all bills.
    credit: Cents,
    /// Payment systems that are out of order: nobody is sent there.
    out: Vec<ProviderName>,
    /// It is going to be collected by direct debit.
    collected: Option<Collected>,
}

impl Asked {
    async fn of(app: &App, bill: BillRecord) -> Result<Self, Failure> {
        let store = &app.portal.store;
        let now = app.portal.clock.now();
        let standing = store.standing(&bill.account, now).await?;
        let payments = store.payments_of_bill(bill.number, PAYMENTS_SHOWN).await?;
        let others = store
            .other_money_of_bill(&bill.account, bill.number, PAYMENTS_SHOWN)
            .await?;
        let (own, due) = standing
            .bill(bill.number)
            .map_or((Cents::ZERO, Cents::ZERO), |found| (found.open, found.due));
        let mut asked = Self {
            amount: own,
            older: Cents::ZERO,
            bills: vec![bill.number],
            part: own < due,
            payments,
            others,
            credit: standing.credit,
            out: out_of_order(app, now).await?,
            collected: match own > Cents::ZERO {
                true => autopay::of_bill(app, &bill).await?,
                false => None,
            },
            bill,
        };
        asked.carry_over(&standing);
        Ok(asked)
    }

    /// Whether a payment system takes such an amount: all take euro only, and ePay more than a cent.
    fn fits(&self, provider: &Provider) -> bool {
        let least = match provider.dialect {
            Dialect::Epay(_) => epay::AMOUNT_MIN,
            _ => Cents::new(1),
        };
        self.bill.currency == Currency::EUR && self.amount >= least
    }

    /// Whether a payment system is in order, as far as is known.
    fn works(&self, provider: &Provider) -> bool {
        !self.out.contains(&provider.name)
    }

    /// What to say to somebody whom a payment system sent back: what is known of the payment that
    /// they come from, and no more.
    fn came_back(&self, app: &App) -> Option<&'static str> {
        let latest = self.payments.first()?;
        match latest.state(app.portal.clock.now()) {
            PaymentState::Started | PaymentState::Ordered => Some("pay-back"),
            PaymentState::Declined => Some("pay-declined"),
            PaymentState::Held
            | PaymentState::Settled
            | PaymentState::Expired
            | PaymentState::Reversed => None,
        }
    }

    /// The amount on a bill that carries earlier ones over includes them, as long as they are open.
    fn carry_over(&mut self, standing: &Standing) {
        if self.bill.carried_over <= Cents::ZERO {
            return;
        }
        let earlier = |due| due < self.bill.due_date;
        for older in standing.bills.iter().filter(|bill| earlier(bill.due_date)) {
            if older.open > Cents::ZERO {
                self.older += older.open;
                self.bills.push(older.number);
            }
        }
        self.amount += self.older;
    }

    fn standing(&self) -> &'static str {
        if self.amount > Cents::ZERO {
            "open"
        } else if self.bill.to_pay > Cents::ZERO {
            "paid"
        } else {
            "nothing"
        }
    }

    fn page(
        &self,
        app: &App,
        visitor: &Visitor,
        notice: Option<&str>,
    ) -> Result<Response, Failure> {
        let texts = app.pages.texts(visitor.language);
        let money = |cents| texts.money(cents, &self.bill.currency);
        let ways = app.portal.pay.ways.all();
        let now = app.portal.clock.now();
        let standing = self.standing();
        // Under a paid bill, what came to nothing is out of the way.
        let (came_to_nothing, begun): (Vec<_>, Vec<_>) = self
            .payments
            .iter()
            .partition(|view| standing == "paid" && came_to_nothing(view.state(now)));
        let told = |view: &PaymentView| told(app, visitor, &ways, view, standing);
        let folded: Vec<_> = came_to_nothing.into_iter().map(told).collect();
        let others = self.others.iter();
        let others = others.map(|entry| booked(app, visitor, &ways, entry));
        let states: Vec<_> = begun.into_iter().map(told).chain(others).collect();
        let open = self.payments.iter().any(|view| is_coming(view, now));
        let fitting = ways.iter().filter(|provider| self.fits(provider));
        let (working, resting): (Vec<_>, Vec<_>) =
            fitting.partition(|provider| self.works(provider));
        let offered: Vec<_> = offered(app, visitor, working.into_iter());
        let resting: Vec<_> = resting
            .into_iter()
            .filter(|provider| !provider.offered.is_empty())
            .map(|provider| provider.title.get(visitor.language))
            .collect();
        let out = match resting.len() {
            0 => None,
            1 => Some("pay-out"),
            _ => Some("pay-out-several"),
        };
        let resting = out.map(|out| texts.say(out, &[("titles", &resting.join(", "))]));
        let operator = &app.portal.operator;
        let collected = self.collected.as_ref().map(|collected| {
            let until = pay_otherwise_until(collected.day);
            let now = app.portal.clock.now();
            let today = app.portal.time_zone.to_datetime(now).date();
            let key = match collected.ordered {
                true => "autopay-bill-ordered",
                false if until < today => "autopay-bill-soon",
                false => "autopay-bill-coming",
            };
            let (day, until) = (texts.date(collected.day), texts.date(until));
            texts.say(key, &[("day", &day), ("until", &until)])
        });
        let reference = CreditorReference::of(self.bill.number)
            .to_string()
            .replace(' ', "\u{a0}");
        let page = app.pages.render(
            visitor,
            "pay.html",
            context! {
                bill => shown(app, visitor.language, &self.bill), standing, part => self.part,
                amount => money(self.amount),
                older => (self.older > Cents::ZERO).then(|| money(self.older)),
                credit => (self.credit > Cents::ZERO).then(|| money(self.credit)),
                overdue => overdue(self, app), states, folded, open, ways => offered, resting, notice, collected,
                iban => spaced(&operator.iban), reference, action => visitor.path.clone(),
                recipient => operator.name.get(visitor.language),
            },
        )?;
        Ok(page.into_response())
    }
}

/// Whether a payment may still bring money, so that nobody should pay again.
fn is_coming(view: &PaymentView, now: Timestamp) -> bool {
    match view.state(now) {
        PaymentState::Ordered | PaymentState::Held => true,
        PaymentState::Started => now.duration_since(view.payment.started_at) < UNDER_WAY,
        _ => false,
    }
}

/// Open bills that are looked through at once for what is on its way.
pub(super) const OPEN_MAX: usize = 250;

/// Bills, each with its customer and last day to pay.
pub(super) type Open<'a> = (BillNumber, &'a CustomerNumber, Date);

/// What is on its way for these open bills of at most [`OPEN_MAX`], a sentence for each that has something: a payment, or the bank
/// collects it.
pub(super) async fn coming(
    app: &App,
    visitor: &Visitor,
    open: &[Open<'_>],
) -> Result<HashMap<BillNumber, String>, Failure> {
    let texts = app.pages.texts(visitor.language);
    let zone = &app.portal.time_zone;
    let now = app.portal.clock.now();
    let mut found = HashMap::new();
    let mut accounts: Vec<_> = open.iter().map(|(_, account, _)| *account).collect();
    accounts.dedup();
    for account in accounts {
        for (bill, debit) in autopay::coming(app, account).await? {
            let day = texts.date(debit.day);
            found.insert(bill, texts.say("bills-coming-debit", &[("day", &day)]));
        }
    }
    let mut payments = app.portal.store.payments_of_bills(open).await?;
    payments.retain(|(_, view)| is_coming(view, now));
    // The last word counts: what is known best, and of those the newest.
    payments.sort_by_key(|(_, view)| {
        let known = view.state(now) != PaymentState::Started;
        (known, view.payment.started_at, view.payment.number)
    });
    for (bill, view) in payments {
        let when = texts.moment(view.payment.started_at, zone);
        let until = texts.moment(view.payment.expires_at, zone);
        let key = match view.state(now) {
            PaymentState::Held => "bills-coming-held",
            PaymentState::Ordered if view.payment.code.is_some() => "bills-coming-cash",
            PaymentState::Ordered => "bills-coming-ordered",
            _ => "bills-coming-started",
        };
        found.insert(bill, texts.say(key, &[("when", &when), ("until", &until)]));
    }
    Ok(found)
}

/// The payment systems that are out of order now.
async fn out_of_order(app: &App, now: Timestamp) -> Result<Vec<ProviderName>, Failure> {
    let known = app.portal.store.providers_health(now).await?;
    let out = known.into_iter().filter(|known| known.out_since.is_some());
    Ok(out.map(|known| known.provider).collect())
}

/// Whether the last day to pay is over.
fn overdue(asked: &Asked, app: &App) -> bool {
    let today = app
        .portal
        .time_zone
        .to_datetime(app.portal.clock.now())
        .date();
    asked.amount > Cents::ZERO && today > asked.bill.due_date
}

fn offered<'a>(
    app: &App,
    visitor: &Visitor,
    ways: impl Iterator<Item = &'a Provider>,
) -> Vec<Value> {
    let texts = app.pages.texts(visitor.language);
    let one = |provider: &Provider, way: Way| {
        let title = provider.title.get(visitor.language);
        let text = match (way, &provider.dialect) {
            (Way::Account, _) => title.to_owned(),
            (Way::Card, dialect) if dialect.takes_cards_here() => title.to_owned(),
            (Way::Card, _) => texts.say("pay-way-card", &[("title", title)]),
            (Way::Cash, _) => texts.say("pay-way-cash", &[("title", title)]),
        };
        context! { value => format!("{}.{}", provider.name, way.as_str()), text }
    };
    let mut all = Vec::new();
    for provider in ways {
        all.extend(provider.offered.iter().map(|way| one(provider, *way)));
    }
    all
}

/// Whether no money is to be expected of a payment.
fn came_to_nothing(state: PaymentState) -> bool {
    match state {
        PaymentState::Started | PaymentState::Declined | PaymentState::Expired => true,
        PaymentState::Ordered
        | PaymentState::Held
        | PaymentState::Settled
        | PaymentState::Reversed => false,
    }
}

/// How somebody pays, in words that go on from an amount.
pub(super) fn by(
    texts: &Texts,
    provider: Option<&Provider>,
    way: Option<Way>,
    title: &str,
) -> String {
    let key = match (provider, way) {
        (Some(provider), _) if provider.dialect.takes_cards_here() => "pay-by-card",
        (_, Some(Way::Card)) => "pay-by-card-through",
        (_, Some(Way::Cash)) => "pay-by-cash",
        (_, Some(Way::Account) | None) => "pay-by",
    };
    texts.say(key, &[("title", title)])
}

/// Where a payment of a bill that stands so stands itself, in words.
fn told(
    app: &App,
    visitor: &Visitor,
    ways: &[Provider],
    view: &PaymentView,
    standing: &str,
) -> Value {
    let texts = app.pages.texts(visitor.language);
    let payment = &view.payment;
    let provider = ways
        .iter()
        .find(|provider| provider.name == payment.provider);
    let title = provider.map_or(payment.provider.as_str(), |p| p.title.get(visitor.language));
    let state = view.state(app.portal.clock.now());
    let code = payment.code.as_deref().map(spaced_code);
    let code = code.filter(|_| state == PaymentState::Ordered);
    let key = match (&code, standing) {
        (Some(_), "open") => "pay-state-ordered-cash".to_owned(),
        // Who pays with it now pays twice.
        (Some(_), _) => "pay-state-code-over".to_owned(),
        (None, _) => ["pay-state-", state.as_str()].concat(),
    };
    let when = texts.moment(payment.started_at, &app.portal.time_zone);
    let until = texts.moment(payment.expires_at, &app.portal.time_zone);
    // Paid twice is told as it is.
    let amount = match (state, view.heard.paid - view.heard.back) {
        (PaymentState::Settled, paid) => paid,
        _ => payment.amount,
    };
    let amount = texts.money(amount, &payment.currency);
    let by = by(texts, provider, Way::parse(&payment.way), title);
    let arguments = [
        ("by", by.as_str()),
        ("amount", amount.as_str()),
        ("when", when.as_str()),
        ("until", until.as_str()),
        ("code", code.as_deref().unwrap_or_default()),
    ];
    let text = texts.say(&key, &arguments);
    let code = code.filter(|_| standing == "open");
    context! { state => state.as_str(), text, code }
}

/// Money that came by another way than from this page, in words.
fn booked(app: &App, visitor: &Visitor, ways: &[Provider], entry: &EntryRecord) -> Value {
    let texts = app.pages.texts(visitor.language);
    let sender = entry.sender();
    let provider = ways
        .iter()
        .find(|provider| provider.name.as_str() == sender);
    let (state, key) = match (entry.cents.is_negative(), provider) {
        _ if entry.kind == "write-off" => ("settled", "pay-booked-given-up"),
        (true, Some(_)) => ("settled", "pay-booked-through"),
        (true, None) if sender == BANK => ("settled", "pay-booked-bank"),
        (true, None) => ("settled", "pay-booked"),
        (false, _) => ("reversed", "pay-booked-back"),
    };
    let title = provider.map_or("", |provider| provider.title.get(visitor.language));
    let by = by(texts, provider, None, title);
    let when = texts.moment(entry.at, &app.portal.time_zone);
    let amount = texts.money(entry.cents.abs(), &app.portal.operator.currency);
    let arguments = [
        ("by", by.as_str()),
        ("amount", amount.as_str()),
        ("when", when.as_str()),
    ];
    context! { state, text => texts.say(key, &arguments), code => () }
}

fn spaced_code(code: &str) -> String {
    let (head, tail) = code.split_at(code.len() / 2);
    format!("{head}\u{a0}{tail}")
}

fn spaced(iban: &str) -> String {
    let compact: Vec<char> = iban.chars().filter(|c| !c.is_whitespace()).collect();
    let groups: Vec<String> = compact
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join("\u{a0}")
}

/// Stores the intent before anybody goes anywhere.
async fn begin(
    app: &App,
    asked: &Asked,
    provider: &Provider,
    way: Way,
    now: Timestamp,
) -> Result<PaymentRecord, Failure> {
    let lasts = if way == Way::Cash {
        CASH_MAX
    } else {
        ONLINE_MAX
    };
    let polled = provider.dialect.is_asked();
    let new = NewPayment {
        provider: provider.name.clone(),
        bill: asked.bill.number,
        account: asked.bill.account.clone(),
        bills: asked.bills.clone(),
        way: way.as_str().to_owned(),
        first_number: provider.first_number,
        amount: asked.amount,
        currency: asked.bill.currency,
        at: now,
        expires_at: now + lasts,
        poll_at: polled.then(|| now + FIRST_POLL),
        nonce: provider.dialect.names_nonces().then(|| {
            let mut nonce = [0; 16];
            app.portal.rng.fill(&mut nonce);
            nonce
        }),
    };
    let payment = app.portal.store.begin_payment(&new).await?;
    tracing::info!(provider = %payment.provider, payment = payment.number, way = way.as_str(), "a payment was begun");
    Ok(payment)
}

/// Asks EasyPay for a code, and shows it on the bill's page.
async fn cash(
    app: &App,
    visitor: &Visitor,
    bill: &BillRecord,
    provider: &Provider,
    payment: &PaymentRecord,
) -> Result<Response, Failure> {
    let page = path(app, bill.number);
    let Dialect::Epay(epay) = &provider.dialect else {
        return Err(Failure::NotFound);
    };
    let description = description(app, visitor, bill);
    let url = epay.cash_code_url(&checkout(app, payment, &description));
    let answer = app.portal.pay.wire.call(Call { url, form: None }).await;
    let answered = !answer.as_ref().is_err_and(NoAnswer::is_silence);
    app.portal
        .store
        .provider_called(&provider.name, answered, app.portal.clock.now())
        .await?;
    let code = answer.map_err(|e| e.to_string());
    let code = code.and_then(|answer| epay::cash_code(&answer).map_err(|e| e.to_string()));
    match code {
        Ok(code) => {
            app.portal
                .store
                .set_payment_code(&payment.provider, payment.number, &code)
                .await?;
            Ok(to(&page))
        }
        Err(error) => {
            tracing::warn!(provider = %payment.provider, payment = payment.number, error, "no code for paying in cash");
            Ok(to(&format!("{page}?nocode")))
        }
    }
}

fn to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

fn description(app: &App, visitor: &Visitor, bill: &BillRecord) -> String {
    let texts = app.pages.texts(visitor.language);
    texts.say("pay-description", &[("number", &bill.number.to_string())])
}

fn checkout<'a>(app: &App, payment: &PaymentRecord, description: &'a str) -> epay::Checkout<'a> {
    epay::Checkout {
        invoice: payment.number,
        amount: payment.amount,
        expires: app.portal.time_zone.to_datetime(payment.expires_at),
        description,
    }
}

/// What takes one payment to its payment system.
struct Errand<'a> {
    app: &'a App,
    visitor: &'a Visitor,
    bill: &'a BillRecord,
    payment: &'a PaymentRecord,
}

impl Errand<'_> {
    async fn form(&self, provider: &Provider, way: Way) -> Result<FormPost, Failure> {
        let portal = &self.app.portal;
        let base = portal.public_url.trim_end_matches('/');
        let page = path(self.app, self.bill.number);
        let language = self.visitor.language.tag();
        let description = description(self.app, self.visitor, self.bill);
        let amount = self.payment.amount;
        let form = match &provider.dialect {
            Dialect::Epay(epay) => {
                let there = if way == Way::Card {
                    epay::Page::Card
                } else {
                    epay::Page::Account
                };
                let checkout = checkout(self.app, self.payment, &description);
                let cancel = format!("{base}{page}");
                let ok = format!("{cancel}?back=1");
                Ok(epay.checkout(there, &checkout, language, &ok, &cancel))
            }
            Dialect::Ipg(shop) => shop.purchase(&ipg::Purchase {
                order: self.payment.number,
                amount,
                article: &description,
                language,
                customer_ip: self.visitor.ip.expose(),
                email: "",
                back: &page.replacen("/pay/", &format!("{base}/pay/{}/return/", provider.name), 1),
                notify: &format!("{base}/pay/{}/notify", provider.name),
            }),
            Dialect::Borica(terminal) => {
                let account = &self.bill.account;
                let customer = portal
                    .store
                    .customer(account)
                    .await?
                    .map(|record| record.customer);
                let email = match portal.store.enrolment_of(account).await? {
                    EnrolmentState::Active(record) => record.email.expose().clone(),
                    EnrolmentState::Pending(_) | EnrolmentState::None => String::new(),
                };
                let phone = customer
                    .as_ref()
                    .and_then(|customer| customer.phone.clone());
                terminal.sale(&borica::Sale {
                    number: self.payment.number,
                    amount,
                    description: &description,
                    cardholder: customer.as_ref().map_or("", |customer| &customer.name),
                    email: &email,
                    phone: phone.as_deref().unwrap_or_default(),
                    language,
                    now: portal.clock.now(),
                    nonce: self.payment.nonce.ok_or(Failure::NotFound)?,
                })
            }
            Dialect::Biller(_) => return Err(Failure::NotFound),
        };
        form.map_err(Failure::PayKey)
    }
}

/// The page that carries the customer over: a form that script sends by itself, and a button.
fn go(
    app: &App,
    visitor: &Visitor,
    provider: &Provider,
    payment: &PaymentRecord,
    there: &FormPost,
) -> Result<Response, Failure> {
    let fields: Vec<_> = there
        .fields
        .iter()
        .map(|(name, value)| context! { name => *name, value => value.clone() })
        .collect();
    let amount = format::amount(payment.amount, payment.currency, visitor.language);
    let page = app.pages.render(
        visitor,
        "paygo.html",
        context! {
            title => provider.title.get(visitor.language), url => there.url.clone(), fields, amount,
            card => provider.dialect.takes_cards_here(),
        },
    )?;
    // Payment systems send the browser on to hosts of their own, which counts as part of the form.
    let target = match there.url.split('/').take(3).collect::<Vec<_>>().join("/") {
        origin if origin.starts_with("https:") => "https:".to_owned(),
        origin => origin,
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; script-src 'self'; form-action 'self' {target}; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response = page.into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}
