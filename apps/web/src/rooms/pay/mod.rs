//! Paying one bill: what is open of it, where its payments stand, and the ways to pay it. The
//! address opens that bill and nothing else, so it can be mailed. Several at once are chosen in
//! `together`, and their payment has a page of its own, `order`.

mod coming;
mod order;
mod start;
mod together;
mod words;

use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use kvit_billing::{BillNumber, Cents, Currency, code::TokenPurpose, reference::CreditorReference};
use kvit_pay::{
    PaymentState, ProviderName,
    debit::pay_otherwise_until,
    dialects::epay,
    standing::Standing,
    ways::{Dialect, Provider},
};
use kvit_store::{BillRecord, EntryRecord, PaymentPart, PaymentRecord, PaymentView};
use minijinja::context;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::{
    autopay::{self, Collected},
    shown,
};
use crate::{App, Hall, failure::Failure, front::Visitor};

use self::{
    coming::is_coming,
    order::{is_changed, is_theirs},
    words::{About, booked, came_to_nothing, offered, told},
};
pub(super) use self::{
    coming::{OPEN_MAX, coming},
    together::offer,
    words::by,
};
pub(crate) use self::{
    start::start,
    together::{choose, pay},
};

/// Payments of a bill that its page tells of.
const PAYMENTS_SHOWN: usize = 100;
/// The address of the page that pays a bill.
pub(crate) fn path(app: &Hall, number: BillNumber) -> String {
    let token = app.portal.key.token(TokenPurpose::Pay, &number.to_string());
    format!("/pay/{number}-{}", token.expose())
}

/// The address of the page to which the browser comes back from a payment.
pub(crate) fn page_of(app: &Hall, payment: &PaymentRecord) -> String {
    if !payment.together {
        return path(app, payment.bill);
    }
    let token = app
        .portal
        .key
        .token(TokenPurpose::Pay, &order_name(payment));
    let (provider, number) = (&payment.provider, payment.number);
    format!("/pay/{provider}.{number}-{}", token.expose())
}

/// No bill has such a name.
fn order_name(payment: &PaymentRecord) -> String {
    format!("{}/{}", payment.provider, payment.number)
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
    let bill = match place_of(&app, &slug).await? {
        Some(Place::Bill(bill)) => bill,
        Some(Place::Order(order)) => return order::page(&app, visitor, order, &came).await,
        None => return unknown(&app, &visitor),
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

/// To the page of a bill, by GET.
pub(crate) fn to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/pay"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// What an address opens.
pub(crate) enum Place {
    /// `<bill number>-<token>`.
    Bill(BillRecord),
    /// `<provider>.<payment>-<token>`: the payment of bills that were chosen together.
    Order(PaymentView),
}

impl Place {
    /// Whether a payment was begun there.
    pub(crate) fn began(&self, payment: &PaymentRecord) -> bool {
        match self {
            Self::Bill(bill) => !payment.together && payment.bill == bill.number,
            Self::Order(view) => order_name(&view.payment) == order_name(payment),
        }
    }

    /// The address again.
    pub(crate) fn path(&self, app: &Hall) -> String {
        match self {
            Self::Bill(bill) => path(app, bill.number),
            Self::Order(view) => page_of(app, &view.payment),
        }
    }
}

/// The bill or order of an address, where its token is right.
pub(crate) async fn place_of(app: &App, slug: &str) -> Result<Option<Place>, Failure> {
    let (name, token) = slug.rsplit_once('-').unwrap_or_default();
    let is_right = |name: &str| {
        let right = app.portal.key.token(TokenPurpose::Pay, name);
        bool::from(right.expose().as_bytes().ct_eq(token.as_bytes()))
    };
    let store = &app.portal.store;
    if let Ok(number) = name.parse::<BillNumber>() {
        return Ok(match is_right(&number.to_string()) {
            true => store.bill(number).await?.map(Place::Bill),
            false => None,
        });
    }
    let (provider, number) = name.split_once('.').unwrap_or_default();
    let (Ok(provider), Ok(number)) = (provider.parse::<ProviderName>(), number.parse::<u64>())
    else {
        return Ok(None);
    };
    if !is_right(&format!("{provider}/{number}")) {
        return Ok(None);
    }
    let found = store.payment_view(&provider, number).await?;
    let found = found.filter(|view| view.payment.together);
    Ok(found.map(Place::Order))
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

/// A payment that was begun for a bill.
struct Begun {
    view: PaymentView,
    /// Its bills, where they were chosen together.
    parts: Vec<PaymentPart>,
    /// Its code for cash is not to be used any more.
    changed: bool,
}

impl Begun {
    async fn of(app: &App, view: PaymentView, now: Timestamp) -> Result<Self, Failure> {
        let parts = match view.payment.together {
            true => app.portal.store.payment_parts(&view.payment).await?,
            false => Vec::new(),
        };
        let changed = !parts.is_empty()
            && view.payment.code.is_some()
            && view.state(now) == PaymentState::Ordered
            && is_changed(app, &parts, now).await?;
        Ok(Self {
            view,
            parts,
            changed,
        })
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
    payments: Vec<Begun>,
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
        let mut payments = Vec::new();
        for view in store.payments_of_bill(bill.number, PAYMENTS_SHOWN).await? {
            payments.push(Begun::of(app, view, now).await?);
        }
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

    fn fits(&self, provider: &Provider) -> bool {
        fits(provider, self.amount, self.bill.currency)
    }

    /// What to say to somebody whom a payment system sent back: what is known of the payment that
    /// they come from, and no more.
    fn came_back(&self, app: &App) -> Option<&'static str> {
        let mut begun = self.payments.iter().map(|begun| &begun.view);
        let latest = begun.find(|view| !view.payment.together)?;
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
            .partition(|begun| standing == "paid" && came_to_nothing(begun.view.state(now)));
        let told = |begun: &Begun| {
            // Here only what is for this bill: its page may be opened by whoever holds it. The code is on the order's.
            let parts = begun.parts.iter();
            let mut own = parts.filter(|part| part.bill == self.bill.number);
            let shown = begun.view.state(now).is_open() && is_theirs(visitor, &begun.parts);
            let about = About {
                standing,
                part: own.next().map(|part| part.amount),
                changed: begun.changed,
                page: shown.then(|| page_of(app, &begun.view.payment)),
            };
            told(app, visitor, &ways, &begun.view, about)
        };
        let folded: Vec<_> = came_to_nothing.into_iter().map(told).collect();
        let others = self.others.iter();
        let others = others.map(|entry| booked(app, visitor, &ways, entry));
        let states: Vec<_> = begun.into_iter().map(told).chain(others).collect();
        let open = self
            .payments
            .iter()
            .any(|begun| is_coming(&begun.view, now));
        let asked = (self.amount, self.bill.currency);
        let (offered, resting) = offered(app, visitor, asked, &self.out);
        let operator = &app.portal.operator;
        let collected = self.collected.as_ref().map(|collected| {
            let until = pay_otherwise_until(collected.day);
            let today = app.today();
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

/// Whether a payment system takes such an amount: all take euro only, and ePay more than a cent.
fn fits(provider: &Provider, amount: Cents, currency: Currency) -> bool {
    let least = match provider.dialect {
        Dialect::Epay(_) => epay::AMOUNT_MIN,
        _ => Cents::new(1),
    };
    currency == Currency::EUR && amount >= least
}

/// The payment systems that are out of order now.
async fn out_of_order(app: &App, now: Timestamp) -> Result<Vec<ProviderName>, Failure> {
    let known = app.portal.store.providers_health(now).await?;
    let out = known.into_iter().filter(|known| known.out_since.is_some());
    Ok(out.map(|known| known.provider).collect())
}

/// Whether the last day to pay is over.
fn overdue(asked: &Asked, app: &App) -> bool {
    let today = app.today();
    asked.amount > Cents::ZERO && today > asked.bill.due_date
}

fn spaced(iban: &str) -> String {
    let compact: Vec<char> = iban.chars().filter(|c| !c.is_whitespace()).collect();
    let groups: Vec<String> = compact
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join("\u{a0}")
}
