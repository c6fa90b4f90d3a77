//! Money without an owner, and other notices that people have to look at: one person says whose it is, or
//! that nothing is to be done; another one approves or refuses.

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use kvit_billing::{BillNumber, Cents, Role};
use kvit_pay::{amount::decimal, ledger::Book, ways::Provider};
use kvit_store::{
    Allocate, Claim, NoticeFilter, NoticeOutcome, NoticeRecord, Seen, Settle, Word, Written,
    same_person,
};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    customers::{address, viewed},
    door::Officer,
    event, plain, render,
};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate::{faults, typed_number},
    texts::Texts,
};

const NOTICES_SHOWN: usize = 50;
/// The longest thing that is looked for, in characters.
const WANTED_CHARS_MAX: usize = 100;
/// The longest reason, in characters.
pub(super) const WHY_CHARS_MAX: usize = 300;
/// Open bills shown beside whose money it is said to be.
const BILLS_SHOWN: usize = 6;

#[derive(Default, Deserialize)]
pub(crate) struct FindForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    wanted: String,
    /// The last notice of the page before: microseconds, and its name.
    #[serde(default)]
    after: String,
    #[serde(default)]
    after_notice: String,
}

pub(crate) async fn latest(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    list(&app, &visitor, &officer, FindForm::default()).await
}

/// What is looked for travels in the body, and so does where the next page begins.
pub(crate) async fn find(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<FindForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    list(&app, &visitor, &officer, form).await
}

async fn list(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    form: FindForm,
) -> Result<Response, Failure> {
    let wanted: String = plain(&form.wanted).chars().take(WANTED_CHARS_MAX).collect();
    let after = form.after.parse().ok();
    let after = after.and_then(|at| Timestamp::from_microsecond(at).ok());
    let filter = NoticeFilter {
        amount: typed_amount(&wanted),
        wanted: (!wanted.is_empty()).then(|| wanted.clone()),
        after: after.map(|at| (at, plain(&form.after_notice))),
    };
    let store = &app.portal.store;
    // One more than is shown says whether there are later ones.
    let mut found = store
        .find_notices_for_people(&filter, NOTICES_SHOWN + 1)
        .await?;
    let more = found.len() > NOTICES_SHOWN;
    found.truncate(NOTICES_SHOWN);
    if !found.is_empty() {
        let subject = format!("staff/{}", officer.login);
        let detail = json!({ "wanted": filter.wanted, "shown": found.len() });
        let listed = event(app, officer, "pay.listed", subject, detail);
        store.record_event(&listed).await?;
    }
    let next = found.last().filter(|_| more).map(|last| {
        context! { at => last.received_at.as_microsecond().to_string(), notice => last.id.clone() }
    });
    let notices: Vec<_> = found
        .iter()
        .map(|notice| row(app, visitor, notice))
        .collect();
    let systems = systems(app, visitor).await?;
    let page = context! { notices, wanted, next, systems, later => filter.after.is_some() };
    render(app, visitor, Some(officer), "staff/money.html", page)
}

/// The payment systems that customers are offered, and whether they answer.
async fn systems(app: &App, visitor: &Visitor) -> Result<Vec<Value>, Failure> {
    let texts = app.pages.texts(visitor.language);
    let known = app
        .portal
        .store
        .providers_health(app.portal.clock.now())
        .await?;
    let moment = |at| texts.moment(at, &app.portal.time_zone);
    let one = |provider: &Provider| {
        let title = provider.title.get(visitor.language);
        let known = known.iter().find(|known| known.provider == provider.name);
        let out = known.and_then(|known| known.out_since);
        let (key, when) = match (out, known.and_then(|known| known.heard_at)) {
            (Some(since), _) => ("staff-money-system-out", moment(since)),
            (None, Some(heard)) => ("staff-money-system-works", moment(heard)),
            (None, None) => ("staff-money-system-unknown", String::new()),
        };
        context! { title, out => out.is_some(), text => texts.say(key, &[("when", &when)]) }
    };
    let ways = app.portal.pay.ways.all();
    let offered = ways.iter().filter(|provider| !provider.offered.is_empty());
    Ok(offered.map(one).collect())
}

/// An amount as people write it: `1 234,56 €`.
pub(super) fn typed_amount(text: &str) -> Option<Cents> {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '€')
        .map(|c| if c == ',' { '.' } else { c })
        .collect();
    decimal(&plain).ok()
}

fn row(app: &App, visitor: &Visitor, notice: &NoticeRecord) -> Value {
    let texts = app.pages.texts(visitor.language);
    let said = match (&notice.proposal, &notice.settling) {
        (Some(said), _) => {
            let who = [
                ("who", said.by.as_str()),
                ("number", said.claim.account.as_str()),
            ];
            Some(texts.say("staff-money-says-whose", &who))
        }
        (None, Some(said)) => Some(texts.say("staff-money-says-nothing", &[("who", &said.by)])),
        (None, None) => None,
    };
    context! {
        id => notice.id.clone(), link => address_of(&notice.id), said,
        provider => if notice.transfer.is_some() {
            texts.say("staff-money-bank", &[])
        } else {
            notice.provider.to_string()
        },
        transfer => notice.transfer.as_ref().map(|transfer| context! {
            payer => transfer.party.clone().unwrap_or_default(), words => transfer.words.clone(),
            booked => texts.date(transfer.booked),
        }),
        why => notice.outcome.map(|why| outcome(why, "why", texts)),
        amount => amount(app, texts, notice, notice.unmatched.or(notice.amount)),
        came => texts.moment(notice.received_at, &app.portal.time_zone),
    }
}

/// Why it is here, or what may be done, in words.
fn outcome(outcome: NoticeOutcome, head: &str, texts: &Texts) -> String {
    match outcome {
        NoticeOutcome::Allocated => texts.say("staff-money-allocated", &[]),
        NoticeOutcome::Settled => texts.say("staff-money-settled", &[]),
        why if NoticeOutcome::FOR_PEOPLE.contains(&why) => {
            texts.say(&["staff-money-", head, "-", why.as_str()].concat(), &[])
        }
        _ => texts.say("staff-money-over", &[]),
    }
}

/// What may be done. Of what brought no money nobody has to find the owner.
fn advice(notice: &NoticeRecord, why: NoticeOutcome, texts: &Texts) -> String {
    let says = matches!(
        why,
        NoticeOutcome::Contradiction | NoticeOutcome::Returned | NoticeOutcome::UnclearReturn
    );
    if notice.event == "paid" || says {
        outcome(why, "do", texts)
    } else {
        texts.say("staff-money-no-money", &[])
    }
}

fn amount(app: &App, texts: &Texts, notice: &NoticeRecord, cents: Option<Cents>) -> Option<String> {
    let currency = match notice.unmatched {
        // What lies in the books is in the operator's money.
        Some(_) => app.portal.operator.currency,
        None => notice.currency.unwrap_or(app.portal.operator.currency),
    };
    cents.map(|cents| texts.money(cents, &currency))
}

/// The address of a notice's page: what payment systems call a transaction may hold anything.
pub(super) fn address_of(notice: &str) -> String {
    let name = kvit_pay::params::encode([("notice", notice)]);
    format!("/staff/money/notice?{name}")
}

fn to_notice(notice: &str, done: &str) -> Response {
    let to = format!("{}&done={done}", address_of(notice));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

#[derive(Deserialize)]
pub(crate) struct OneQuery {
    #[serde(default)]
    notice: String,
    #[serde(default)]
    done: String,
}

pub(crate) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<OneQuery>,
) -> Result<Response, Failure> {
    if query.notice.is_empty() {
        return Err(Failure::See("/staff/money".to_owned()));
    }
    let notice = the_notice(&app, &query.notice).await?;
    let done = match query.done.as_str() {
        "proposed" => Some("staff-money-done-proposed"),
        "approved" => Some("staff-money-done-approved"),
        "refused" => Some("staff-money-done-refused"),
        "settled" => Some("staff-money-done-settled"),
        "outdated" => Some("staff-money-outdated"),
        _ => None,
    };
    let page = context! { done };
    notice_page(&app, &visitor, &officer, &notice, page).await
}

async fn the_notice(app: &App, id: &str) -> Result<NoticeRecord, Failure> {
    if id.contains('\0') {
        return Err(Failure::NotFound);
    }
    let found = app.portal.store.notice(id).await?;
    found.ok_or(Failure::NotFound)
}

/// A notice with all that is said about it. That it was looked at is written down before it is shown.
async fn notice_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    notice: &NoticeRecord,
    more: Value,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let subject = format!("notice/{}", notice.id);
    let viewed = event(app, officer, "pay.viewed", subject, json!({}));
    store.record_event(&viewed).await?;
    let texts = app.pages.texts(visitor.language);
    let waits = notice
        .outcome
        .is_some_and(|outcome| NoticeOutcome::FOR_PEOPLE.contains(&outcome));
    let came = notice.event == "paid" && notice.outcome != Some(NoticeOutcome::Returned);
    let parts = store.allocations_of(&notice.id).await?;
    let untold = notice.unmatched.is_none() && parts.is_empty();
    let proposal = match &notice.proposal {
        Some(said) if waits => {
            let when = texts.moment(said.at, &app.portal.time_zone);
            let claimed = claimed(app, visitor, officer, &said.claim).await?;
            let mine = same_person(&said.by, officer.login.as_str());
            Some(
                context! { by => said.by.clone(), when, mine, seen => mark(Some(said.at)), ..claimed },
            )
        }
        _ => None,
    };
    let settling = notice.settling.as_ref().filter(|_| waits).map(|said| {
        let when = texts.moment(said.at, &app.portal.time_zone);
        let mine = same_person(&said.by, officer.login.as_str());
        context! { by => said.by.clone(), why => said.why.clone(), when, mine, seen => mark(Some(said.at)) }
    });
    let parts: Vec<_> = parts
        .iter()
        .filter_map(|part| match &part.book {
            Book::Customer(number) => Some(context! {
                number => number.as_str(), who => part.who.clone(),
                amount => texts.money(-part.cents, &app.portal.operator.currency),
                when => texts.moment(part.at, &app.portal.time_zone),
            }),
            _ => None,
        })
        .collect();
    let may = officer.role == Role::Billing && waits;
    // A number at the bank may be anything.
    let begun = match notice.payment {
        Some(number) => store.payment(&notice.provider, number).await?,
        None => None,
    };
    let ordered = match &begun {
        Some(payment) => store.payment_parts(payment).await?,
        None => Vec::new(),
    };
    let ordered = ordered.iter().map(|part| {
        let amount = texts.money(part.amount, &app.portal.operator.currency);
        context! { number => part.account.as_str(), bill => part.bill.to_string(), amount }
    });
    let ordered: Vec<_> = ordered.collect();
    let page = context! {
        ordered, notice => row(app, visitor, notice), parts_given => parts, proposal, settling, may, untold,
        id => notice.id.clone(), repeats => (notice.repeats > 0).then(|| texts.count(notice.repeats)),
        advice => notice.outcome.filter(|_| waits).map(|why| advice(notice, why, texts)),
        said_amount => amount(app, texts, notice, notice.amount.filter(|_| notice.unmatched != notice.amount)),
        said_account => notice.account.as_ref().map(|account| account.as_str().to_owned()),
        payment => notice.payment.map(|payment| format!("{}/{payment}", notice.provider)),
        may_allocate => may && came && (untold || notice.unmatched.is_some()),
        may_settle => may && notice.unmatched.is_none(),
        ..more
    };
    render(app, visitor, Some(officer), "staff/notice.html", page)
}

/// What a form brings back of what was said when its page was made.
fn mark(said: Option<Timestamp>) -> String {
    said.map_or_else(String::new, |at| at.as_microsecond().to_string())
}

/// Whose money it is said to be, with what helps to judge it.
async fn claimed(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    claim: &Claim,
) -> Result<Value, Failure> {
    let store = &app.portal.store;
    let texts = app.pages.texts(visitor.language);
    let number = &claim.account;
    viewed(app, officer.login.to_string(), number, json!({})).await?;
    let record = store.customer(number).await?.ok_or(Failure::NotFound)?;
    let standing = store.standing(number, app.portal.clock.now()).await?;
    let money = |cents: Cents| texts.money(cents, &app.portal.operator.currency);
    let open: Vec<_> = standing
        .bills
        .iter()
        .filter(|bill| bill.open > Cents::ZERO)
        .take(BILLS_SHOWN)
        .map(|bill| {
            let due = texts.date(bill.due_date);
            context! { number => bill.number.to_string(), due, open => money(bill.open) }
        })
        .collect();
    Ok(context! {
        number => number.as_str(), name => record.customer.name.clone(), address => address(&record.customer),
        amount => claim.amount.map(money), bill => claim.bill.map(|bill| bill.to_string()), open,
    })
}

#[derive(Deserialize)]
pub(crate) struct DecideForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    notice: String,
    /// What was said when the page was made.
    #[serde(default)]
    seen: String,
    /// `propose`, `approve`, `refuse`; `settle`, `agree`, `disagree`.
    #[serde(default)]
    act: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    bill: String,
    #[serde(default)]
    why: String,
}

/// A word about a notice. Who says it comes from the session, not from a form.
pub(crate) async fn decide(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<DecideForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let notice = the_notice(&app, &form.notice).await?;
    let seen = form.seen.parse().ok();
    let seen = seen.and_then(|at| Timestamp::from_microsecond(at).ok());
    let word = Word {
        by: officer.login.as_str(),
        seen: Seen::Said(seen),
    };
    let decided = match form.act.as_str() {
        "propose" => propose(&app, &notice, word, &form).await?,
        "approve" => approve(&app, &notice, word, &form).await?,
        "settle" | "agree" => settle(&app, &notice, word, &form).await?,
        "refuse" | "disagree" => refuse(&app, &notice, word, &form.act).await?,
        _ => return Err(Failure::NotFound),
    };
    let wrong = match decided {
        Decided::Done(done) => return Ok(to_notice(&notice.id, done)),
        Decided::Wrong(wrong) => wrong,
    };
    let typed = context! { account => form.account, amount => form.amount, bill => form.bill, why => form.why };
    let page = context! { errors => faults(&wrong), typed };
    let page = notice_page(&app, &visitor, &officer, &notice, page).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// What became of a press.
enum Decided {
    /// Said on the page where it leads.
    Done(&'static str),
    /// What was typed is wrong: field and text.
    Wrong(Vec<(&'static str, &'static str)>),
}

async fn propose(
    app: &App,
    notice: &NoticeRecord,
    word: Word<'_>,
    form: &DecideForm,
) -> Result<Decided, Failure> {
    let mut wrong = Vec::new();
    let account = typed_number(&form.account);
    if account.is_none() {
        wrong.push(("account", "staff-error-money-account"));
    }
    let optional = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let amount = match optional(&form.amount).map(|text| typed_amount(&text)) {
        Some(None) => {
            wrong.push(("amount", "staff-error-money-amount"));
            None
        }
        typed => typed.flatten(),
    };
    let bill = match optional(&form.bill).map(|text| text.parse::<BillNumber>()) {
        Some(Err(_)) => {
            wrong.push(("bill", "staff-error-money-bill"));
            None
        }
        typed => typed.and_then(Result::ok),
    };
    let (Some(account), true) = (account, wrong.is_empty()) else {
        return Ok(Decided::Wrong(wrong));
    };
    let claim = Claim {
        account,
        amount,
        bill,
    };
    let store = &app.portal.store;
    let now = app.portal.clock.now();
    let field = |field, text| Decided::Wrong(vec![(field, text)]);
    let said = store.propose_allocation(&notice.id, &claim, word, now);
    Ok(match said.await? {
        Allocate::Done => Decided::Done("proposed"),
        Allocate::UnknownCustomer => field("account", "staff-error-money-account"),
        Allocate::AmountNeeded => field("amount", "staff-error-money-needed"),
        Allocate::OtherAmount(_) => field("amount", "staff-error-money-more"),
        Allocate::OtherBill => field("bill", "staff-error-money-bill"),
        _ => {
            // A second press finds what the first one said.
            let now = the_notice(app, &notice.id).await?;
            let again = now
                .proposal
                .is_some_and(|said| said.claim == claim && same_person(&said.by, word.by));
            Decided::Done(if again { "proposed" } else { "outdated" })
        }
    })
}

async fn approve(
    app: &App,
    notice: &NoticeRecord,
    word: Word<'_>,
    form: &DecideForm,
) -> Result<Decided, Failure> {
    let Some(to) = typed_number(&form.account) else {
        return Err(Failure::NotFound);
    };
    let store = &app.portal.store;
    let now = app.portal.clock.now();
    let said = store.approve_allocation(&notice.id, &to, word, now);
    Ok(Decided::Done(match said.await? {
        Allocate::Done => "approved",
        // Its button is not shown to them.
        Allocate::SamePerson => return Err(Failure::NotFound),
        _ => {
            let book = Book::Customer(to);
            let parts = store.allocations_of(&notice.id).await?;
            // A second press finds what the first one did; an earlier part to the same customer is another matter.
            let again = parts.iter().any(|part| {
                let since = matches!(word.seen, Seen::Said(Some(said)) if part.at >= said);
                since && part.book == book && same_person(&part.who, word.by)
            });
            if again { "approved" } else { "outdated" }
        }
    }))
}

async fn settle(
    app: &App,
    notice: &NoticeRecord,
    word: Word<'_>,
    form: &DecideForm,
) -> Result<Decided, Failure> {
    let why = plain(&form.why);
    let why = match form.act.as_str() {
        "settle" if why.is_empty() || why.chars().count() > WHY_CHARS_MAX => {
            return Ok(Decided::Wrong(vec![("why", "staff-error-money-why")]));
        }
        "settle" => Some(why),
        _ => None,
    };
    let store = &app.portal.store;
    let now = app.portal.clock.now();
    let said = store.settle_notice(&notice.id, why.as_deref(), word, now);
    Ok(Decided::Done(match said.await? {
        Settle::Proposed => "proposed",
        Settle::Done => "settled",
        _ => {
            let now = the_notice(app, &notice.id).await?;
            let again = now
                .settling
                .is_some_and(|said| Some(said.why) == why && same_person(&said.by, word.by));
            match now.outcome {
                Some(NoticeOutcome::Settled) => "settled",
                _ if again => "proposed",
                _ => "outdated",
            }
        }
    }))
}

/// Does not agree with somebody, or takes back their own word.
async fn refuse(
    app: &App,
    notice: &NoticeRecord,
    word: Word<'_>,
    act: &str,
) -> Result<Decided, Failure> {
    let store = &app.portal.store;
    let at = app.portal.clock.now();
    let (written, whose) = if act == "refuse" {
        (store.refuse_allocation(&notice.id, word, at).await?, true)
    } else {
        (store.refuse_settling(&notice.id, word, at).await?, false)
    };
    let now = the_notice(app, &notice.id).await?;
    let waits = now
        .outcome
        .is_some_and(|outcome| NoticeOutcome::FOR_PEOPLE.contains(&outcome));
    let nothing_said = if whose {
        now.proposal.is_none()
    } else {
        now.settling.is_none()
    };
    // Nothing is said any more because somebody approved it, or because the first press refused it.
    let parts = store.allocations_of(&notice.id).await?;
    let approved = parts
        .iter()
        .any(|part| matches!(word.seen, Seen::Said(Some(said)) if part.at >= said));
    let refused = written == Written::Done || (waits && nothing_said && !approved);
    Ok(Decided::Done(if refused { "refused" } else { "outdated" }))
}
