//! A payment is begun: the intent is stored, and the customer is taken to the payment system.

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{BillNumber, Cents, Currency, CustomerNumber, format};
use kvit_pay::{
    dialects::{FormPost, borica, epay, ipg},
    ways::{Call, Dialect, NoAnswer, Provider, Way},
};
use kvit_store::{EnrolmentState, GuardPolicy, NewPayment, PaymentPart, PaymentRecord};
use minijinja::context;
use serde::Deserialize;

use super::{Asked, Place, page_of, place_of, reader, to, unknown};
use crate::{App, failure::Failure, front::Visitor, gate};

/// How long a payment by card or account may take. BORICA's order numbers are good for a day.
const ONLINE_MAX: SignedDuration = SignedDuration::from_hours(24);
/// How long a code for cash is good.
const CASH_MAX: SignedDuration = SignedDuration::from_hours(72);
/// The first time a payment system is asked, where it does not call by itself.
const FIRST_POLL: SignedDuration = SignedDuration::from_mins(2);
/// Payments that may be begun for one bill, or by one customer for several.
const STARTS: GuardPolicy = GuardPolicy {
    max_fails: 20,
    window_s: 3600,
    block_s: 900,
};

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
    let Some(Place::Bill(bill)) = place_of(&app, &slug).await? else {
        return unknown(&app, &visitor);
    };
    let visitor = reader(visitor, &bill);
    let ways = app.portal.pay.ways.all();
    let asked = Asked::of(&app, bill).await?;
    let chosen = chosen(&ways, &form.way).filter(|(provider, _)| asked.fits(provider));
    if chosen.is_some_and(|(provider, _)| asked.out.contains(&provider.name)) {
        return asked.page(&app, &visitor, Some("pay-out-now"));
    }
    let (Some((provider, way)), true) = (chosen, asked.amount > Cents::ZERO) else {
        // Paid meanwhile, or a way that is offered no more: the page says how things stand.
        return asked.page(&app, &visitor, None);
    };
    let wanted = Wanted {
        bill: asked.bill.number,
        account: asked.bill.account.clone(),
        bills: asked.bills.clone(),
        amount: asked.amount,
        currency: asked.bill.currency,
        parts: Vec::new(),
    };
    let guard = asked.bill.number.to_string();
    wanted.go(&app, &visitor, (provider, way), &guard).await
}

/// The way of a form, where it is offered.
pub(super) fn chosen<'a>(ways: &'a [Provider], way: &str) -> Option<(&'a Provider, Way)> {
    let (name, way) = way.split_once('.')?;
    let provider = ways
        .iter()
        .find(|provider| provider.name.as_str() == name)?;
    let way = Way::parse(way).filter(|way| provider.offered.contains(way))?;
    Some((provider, way))
}

/// What somebody is about to pay, as [`NewPayment`] has it.
pub(super) struct Wanted {
    pub(super) bill: BillNumber,
    pub(super) account: CustomerNumber,
    pub(super) bills: Vec<BillNumber>,
    pub(super) amount: Cents,
    pub(super) currency: Currency,
    pub(super) parts: Vec<PaymentPart>,
}

impl Wanted {
    /// Stores the intent, and takes the customer there. `guarded` names whose payments are counted.
    pub(super) async fn go(
        self,
        app: &App,
        visitor: &Visitor,
        (provider, way): (&Provider, Way),
        guarded: &str,
    ) -> Result<Response, Failure> {
        let now = app.portal.clock.now();
        let guard = format!("begun-payments-{guarded}");
        if let Some(until) = app.portal.store.guard(&guard, now).await?.blocked_until {
            return gate::locked(app, visitor, until);
        }
        app.portal.store.guard_fail(&guard, now, &STARTS).await?;
        let payment = begin(app, self, provider, way, now).await?;
        if way == Way::Cash {
            return cash(app, visitor, provider, &payment).await;
        }
        let errand = Errand {
            app,
            visitor,
            payment: &payment,
        };
        let there = errand.form(provider, way).await?;
        go(app, visitor, provider, &payment, &there)
    }
}

/// Stores the intent before anybody goes anywhere.
async fn begin(
    app: &App,
    wanted: Wanted,
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
        bill: wanted.bill,
        account: wanted.account,
        bills: wanted.bills,
        parts: wanted.parts,
        way: way.as_str().to_owned(),
        first_number: provider.first_number,
        amount: wanted.amount,
        currency: wanted.currency,
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

/// Asks EasyPay for a code, and shows it on the page of the bill or order.
async fn cash(
    app: &App,
    visitor: &Visitor,
    provider: &Provider,
    payment: &PaymentRecord,
) -> Result<Response, Failure> {
    let page = page_of(app, payment);
    let Dialect::Epay(epay) = &provider.dialect else {
        return Err(Failure::NotFound);
    };
    let description = description(app, visitor, payment);
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

/// What payment systems show; the shortest of them takes fifty characters.
fn description(app: &App, visitor: &Visitor, payment: &PaymentRecord) -> String {
    let texts = app.pages.texts(visitor.language);
    if payment.together {
        let count = payment.bills.len().into();
        let said = texts.get("pay-together-description", &[("count", count)]);
        return said.unwrap_or_default();
    }
    let number = payment.bill.to_string();
    texts.say("pay-description", &[("number", &number)])
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
    payment: &'a PaymentRecord,
}

impl Errand<'_> {
    async fn form(&self, provider: &Provider, way: Way) -> Result<FormPost, Failure> {
        let portal = &self.app.portal;
        let base = portal.public_url.trim_end_matches('/');
        let page = page_of(self.app, self.payment);
        let language = self.visitor.language.tag();
        let description = description(self.app, self.visitor, self.payment);
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
                let account = &self.payment.account;
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
