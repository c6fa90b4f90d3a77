//! Refunds and write-offs: what waits, what is on its way, and the files for the bank.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kvit_billing::{BillNumber, Cents, Role};
use kvit_flow::refunds::{asked_as, make_refund_file, same_way};
use kvit_pay::{Iban, ProviderName};
use kvit_store::{
    Concede, ConcessionKind, ConcessionRecord, ConcessionState, Concessions, CustomerRecord, Doubt,
    NewConcession, RefundWord, same_person,
};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    customers::{address, viewed},
    door::Officer,
    event,
    money::{WHY_CHARS_MAX, typed_amount},
    plain, refund_corrections, render,
};
use crate::{
    App,
    failure::Failure,
    front::Visitor,
    gate::{faults, in_latin, typed_number},
    saved::{XML, saved_as},
    texts::Texts,
};

/// Rows of each list.
const SHOWN: usize = 50;
/// The longest name of who gets money, in characters.
const PAYEE_CHARS_MAX: usize = 70;

#[derive(Deserialize)]
pub(crate) struct ListQuery {
    #[serde(default)]
    done: String,
    /// The file that was made.
    #[serde(default)]
    file: String,
}

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let done = match query.done.as_str() {
        "none" => Some("staff-refund-none-to-send"),
        "held" => Some("staff-refund-held"),
        _ => None,
    };
    let made = query.file.parse::<u64>().ok().map(|file| file.to_string());
    list_page(&app, &visitor, &officer, context! { done, made }).await
}

async fn list_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    more: Value,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let mut waiting = store.concessions(Concessions::Proposed, SHOWN).await?;
    waiting.extend(store.concessions(Concessions::ToCorrect, SHOWN).await?);
    let ready = store.concessions(Concessions::ToSend, SHOWN).await?;
    let through = store.concessions(Concessions::SameWay, SHOWN).await?;
    let mut latest = store.concessions(Concessions::Latest, SHOWN).await?;
    latest.retain(|one| {
        let shown = [&waiting, &ready, &through];
        !shown
            .iter()
            .any(|list| list.iter().any(|it| it.number == one.number))
    });
    let shown = waiting.len() + ready.len() + through.len() + latest.len();
    if shown > 0 {
        let subject = format!("staff/{}", officer.login);
        let detail = json!({ "refunds": shown });
        let listed = event(app, officer, "pay.listed", subject, detail);
        store.record_event(&listed).await?;
    }
    let texts = app.pages.texts(visitor.language);
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    let files = store.refund_files(SHOWN).await?;
    let files: Vec<_> = files
        .iter()
        .map(|file| {
            context! {
                number => file.number.to_string(), sum => money(file.cents), count => texts.count(file.transfers),
                settled => texts.count(file.settled), by => file.made.by.clone(),
                when => texts.moment(file.made.at, &app.portal.time_zone),
            }
        })
        .collect();
    let rows = |list: &[ConcessionRecord]| -> Vec<Value> {
        list.iter().map(|one| row(app, texts, one)).collect()
    };
    let page = context! {
        waiting => rows(&waiting), ready => rows(&ready), through => rows(&through), latest => rows(&latest), files,
        may => officer.role == Role::Billing, ..more
    };
    render(app, visitor, Some(officer), "staff/refunds.html", page)
}

fn row(app: &App, texts: &Texts, one: &ConcessionRecord) -> Value {
    let state = match (one.state(), &one.kind) {
        (ConcessionState::Proposed, _) => "staff-refund-proposed",
        (ConcessionState::Refused, _) => "staff-refund-refused",
        (ConcessionState::Approved, ConcessionKind::Refund { .. }) => "staff-refund-approved",
        (ConcessionState::Approved, ConcessionKind::SameWay { .. }) => "staff-refund-to-ask",
        (ConcessionState::Asked, _) => "staff-refund-asked",
        (ConcessionState::Unclear, _) => "staff-refund-unclear",
        (ConcessionState::Declined, _) => "staff-refund-declined",
        (ConcessionState::Paid, ConcessionKind::SameWay { .. }) => "staff-refund-given",
        (ConcessionState::Approved, ConcessionKind::WriteOff { .. }) => "staff-refund-written-off",
        (ConcessionState::Sent, _) => "staff-refund-sent",
        (ConcessionState::Paid, _) => "staff-refund-paid",
        (ConcessionState::CameBack, _) => "staff-refund-came-back",
    };
    let what = match &one.kind {
        ConcessionKind::Refund { payment: None, .. } => texts.say("staff-refund-of-credit", &[]),
        ConcessionKind::Refund { .. } | ConcessionKind::SameWay { .. } => {
            texts.say("staff-refund-of-payment", &[])
        }
        ConcessionKind::WriteOff { bill } => {
            texts.say("staff-refund-of-bill", &[("number", &bill.to_string())])
        }
    };
    let (iban, payee) = match &one.kind {
        ConcessionKind::Refund { iban, payee, .. } => (Some(iban.to_string()), Some(payee.clone())),
        ConcessionKind::SameWay { .. } | ConcessionKind::WriteOff { .. } => (None, None),
    };
    let mut state = texts.say(state, &[]);
    if one.correction.is_some() {
        state = format!(
            "{state}. {}",
            texts.say("staff-refund-correction-waits", &[])
        );
    }
    let through = match &one.kind {
        ConcessionKind::SameWay { provider, .. } => Some(title(app, texts, provider)),
        _ => None,
    };
    context! {
        number => one.number.to_string(), account => one.account.as_str(), what, iban, payee, through,
        payment => one.kind.payment(), unclear => one.state() == ConcessionState::Unclear,
        amount => texts.money(one.amount, &app.portal.operator.currency), state,
        why => one.why.clone(), by => one.proposed.by.clone(), file => one.file.map(|file| file.to_string()),
        when => texts.moment(one.proposed.at, &app.portal.time_zone),
    }
}

/// A payment system as it is called here; one that is configured no more, by its short name.
fn title(app: &App, texts: &Texts, name: &ProviderName) -> String {
    let ways = app.portal.pay.ways.all();
    let way = ways.iter().find(|way| way.name == *name);
    let title = way.map_or(name.as_str(), |way| way.title.get(texts.language));
    title.to_owned()
}

#[derive(Default, Deserialize)]
pub(crate) struct ConcedeForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    account: String,
    /// `refund` or `write-off`.
    #[serde(default)]
    act: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    iban: String,
    #[serde(default)]
    payee: String,
    #[serde(default)]
    payment: String,
    /// `same` where it goes back through the payment system; else to an account.
    #[serde(default)]
    way: String,
    #[serde(default)]
    bill: String,
    #[serde(default)]
    why: String,
}

/// Of whom: their page says what can be given back or up.
pub(crate) async fn find(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<ConcedeForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let found = match typed_number(&form.account) {
        Some(number) => app.portal.store.customer(&number).await?,
        None => None,
    };
    let Some(found) = found else {
        let errors = faults(&[("account", "staff-error-money-account")]);
        let more = context! { errors, account => form.account };
        let page = list_page(&app, &visitor, &officer, more).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    propose_page(&app, &visitor, &officer, &found, &[], &form).await
}

async fn propose_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    found: &CustomerRecord,
    wrong: &[(&str, &str)],
    form: &ConcedeForm,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let number = &found.customer.number;
    viewed(app, officer.login.to_string(), number, json!({})).await?;
    let texts = app.pages.texts(visitor.language);
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    let standing = store.standing(number, app.portal.clock.now()).await?;
    let open: Vec<_> = standing
        .bills
        .iter()
        .filter(|bill| bill.open > Cents::ZERO)
        .map(|bill| {
            let due = texts.date(bill.due_date);
            context! { number => bill.number.to_string(), due, open => money(bill.open) }
        })
        .collect();
    let entries = store.entries_of(number, SHOWN).await?;
    let reversed: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry.reverses.clone())
        .collect();
    let (mut payments, mut any_way) = (Vec::new(), false);
    for entry in &entries {
        let paid = matches!(entry.kind.as_str(), "payment" | "allocation");
        if !paid || reversed.contains(&entry.id) {
            continue;
        }
        let through = way_of(app, &entry.id).await?;
        let through = through.map(|provider| title(app, texts, &provider));
        any_way |= through.is_some();
        let when = texts.moment(entry.at, &app.portal.time_zone);
        payments.push(
            context! { id => entry.id.clone(), when, amount => money(-entry.cents), through },
        );
    }
    let before = store.concessions(Concessions::Of(number), SHOWN).await?;
    let before: Vec<_> = before.iter().map(|one| row(app, texts, one)).collect();
    let page = context! {
        errors => faults(wrong), number => number.as_str(), name => found.customer.name.clone(),
        address => address(&found.customer), open, payments, before, any_way,
        credit => (standing.credit > Cents::ZERO).then(|| money(standing.credit)),
        typed => context! {
            act => form.act.clone(), amount => form.amount.clone(), iban => form.iban.clone(), why => form.why.clone(),
            payee => if form.act.is_empty() { found.customer.name.clone() } else { form.payee.clone() },
            payment => form.payment.clone(), way => form.way.clone(), bill => form.bill.clone(),
        },
    };
    render(app, visitor, Some(officer), "staff/refund-new.html", page)
}

pub(crate) async fn propose(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<ConcedeForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let number = typed_number(&form.account).ok_or(Failure::NotFound)?;
    let store = &app.portal.store;
    let found = store.customer(&number).await?.ok_or(Failure::NotFound)?;
    let provider = match form.way.as_str() {
        "same" => way_of(&app, &plain(&form.payment)).await?,
        _ => None,
    };
    let wrong = match typed(&form, provider) {
        Ok((kind, amount, why)) => {
            let new = NewConcession {
                account: number,
                kind,
                amount,
                why,
                by: officer.login.to_string(),
            };
            match store
                .propose_concession(&new, app.portal.clock.now())
                .await?
            {
                Concede::Proposed(number) => return Ok(to_one(number, "proposed")),
                Concede::TooMuch(_) => vec![("amount", "staff-error-refund-more")],
                Concede::NotSmall => vec![("amount", "staff-error-refund-not-small")],
                Concede::OtherBill => vec![("bill", "staff-error-refund-bill")],
                Concede::OtherPayment => vec![("payment", "staff-error-refund-payment")],
                _ => return Err(Failure::NotFound),
            }
        }
        Err(wrong) => wrong,
    };
    // The two forms of the page have fields of their own.
    let wrong: Vec<_> = wrong
        .into_iter()
        .map(|(field, text)| match (form.act.as_str(), field) {
            ("write-off", "amount") => ("rest", text),
            ("write-off", "why") => ("rest-why", text),
            _ => (field, text),
        })
        .collect();
    let page = propose_page(&app, &visitor, &officer, &found, &wrong, &form).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The payment system through which a payment can go back.
async fn way_of(app: &App, payment: &str) -> Result<Option<ProviderName>, Failure> {
    let paid = app.portal.store.paid_through(payment).await?;
    let ways = app.portal.pay.ways.all();
    let way = paid.and_then(|paid| same_way(&ways, &paid).map(|way| way.name.clone()));
    Ok(way)
}

type Typed = (ConcessionKind, Cents, String);

/// What a form says, or all that is wrong with it. `provider` can give the payment back by itself.
fn typed(
    form: &ConcedeForm,
    provider: Option<ProviderName>,
) -> Result<Typed, Vec<(&'static str, &'static str)>> {
    let mut wrong = Vec::new();
    let amount = typed_amount(&form.amount);
    if amount.is_none() {
        wrong.push(("amount", "staff-error-money-amount"));
    }
    let why = plain(&form.why);
    if why.is_empty() || why.chars().count() > WHY_CHARS_MAX {
        wrong.push(("why", "staff-error-money-why"));
    }
    let kind = if form.act == "write-off" {
        let bill: Option<BillNumber> = form.bill.trim().parse().ok();
        if bill.is_none() {
            wrong.push(("bill", "staff-error-refund-bill"));
        }
        bill.map(|bill| ConcessionKind::WriteOff { bill })
    } else if form.way == "same" {
        if provider.is_none() {
            wrong.push(("payment", "staff-error-refund-same-way"));
        }
        let payment = plain(&form.payment);
        provider.map(|provider| ConcessionKind::SameWay { provider, payment })
    } else {
        let iban: Option<Iban> = in_latin(&form.iban).parse().ok();
        if iban.is_none() {
            wrong.push(("iban", "staff-error-refund-iban"));
        }
        let payee = plain(&form.payee);
        if payee.is_empty() || payee.chars().count() > PAYEE_CHARS_MAX {
            wrong.push(("payee", "staff-error-refund-payee"));
        }
        let payment = Some(plain(&form.payment)).filter(|payment| !payment.is_empty());
        iban.map(|iban| ConcessionKind::Refund {
            iban,
            payee,
            payment,
        })
    };
    match (kind, amount) {
        (Some(kind), Some(amount)) if wrong.is_empty() => Ok((kind, amount, why)),
        _ => Err(wrong),
    }
}

fn to_one(number: u64, done: &str) -> Response {
    see(&format!("/staff/refunds/{number}?done={done}"))
}

fn see(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to.to_owned())]).into_response()
}

pub(crate) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let one = the_concession(&app, &number).await?;
    one_page(&app, &visitor, &officer, &one, &query.done, false).await
}

async fn one_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    one: &ConcessionRecord,
    done: &str,
    unsaid: bool,
) -> Result<Response, Failure> {
    let said = match done {
        "proposed" => Some("staff-money-done-proposed"),
        "approved" => Some("staff-refund-done-approved"),
        "refused" => Some("staff-refund-done-refused"),
        "went" => Some("staff-refund-done-went"),
        "not" => Some("staff-refund-done-not"),
        "doubted" => Some("staff-refund-done-doubted"),
        "corrected" => Some("staff-refund-done-corrected"),
        "upheld" => Some("staff-refund-done-upheld"),
        "taken-back" => Some("staff-refund-taken-back"),
        "more" => Some("staff-error-refund-more"),
        "outdated" => Some("staff-refund-outdated"),
        _ => None,
    };
    let store = &app.portal.store;
    viewed(app, officer.login.to_string(), &one.account, json!({})).await?;
    let texts = app.pages.texts(visitor.language);
    let money = |cents| texts.money(cents, &app.portal.operator.currency);
    let found = store
        .customer(&one.account)
        .await?
        .ok_or(Failure::NotFound)?;
    let standing = store.standing(&one.account, app.portal.clock.now()).await?;
    let some = |cents: Cents| (cents > Cents::ZERO).then(|| money(cents));
    let zone = &app.portal.time_zone;
    let deed = |deed: &Option<kvit_store::Deed>| {
        deed.as_ref()
            .map(|deed| context! { who => deed.by.clone(), when => texts.moment(deed.at, zone) })
    };
    let billing = officer.role == Role::Billing;
    let mine = same_person(&one.proposed.by, officer.login.as_str());
    let waits = one.state() == ConcessionState::Proposed;
    let paid = match (&one.kind, one.kind.payment()) {
        (ConcessionKind::SameWay { .. }, Some(payment)) => store.paid_through(payment).await?,
        _ => None,
    };
    let unsaid = unsaid.then_some(("seen", "staff-error-refund-seen"));
    let errors = faults(unsaid.as_slice());
    let unclear = billing && one.state() == ConcessionState::Unclear;
    let approver = one.approved.as_ref();
    let party = mine || approver.is_some_and(|deed| same_person(&deed.by, officer.login.as_str()));
    // What went because its payment was taken back is not to be given in another way.
    let answered = one.answer.as_ref();
    let refused = one.state() == ConcessionState::Declined
        && one.correction.is_none()
        && (one.turned_out.is_some()
            || answered.is_some_and(|answer| answer.word == RefundWord::Refused));
    let corrections = refund_corrections::shown(app, visitor, officer, one, party).await?;
    let page = context! {
        one => row(app, texts, one), name => found.customer.name.clone(), address => address(&found.customer),
        open => some(standing.open()), credit => some(standing.credit), done => said, mine => waits && mine,
        bad => matches!(done, "more" | "outdated" | "taken-back"), errors,
        asked => one.asked_at.map(|at| texts.moment(at, zone)), answer => answer(app, texts, one),
        named => paid.map(|paid| asked_as(&paid, one.number)), may_clear => unclear && !party, party => unclear && party,
        corrections,
        again => (billing && refused).then(|| one.amount.to_string()),
        approved => deed(&one.approved), refused => deed(&one.refused),
        paid => one.paid_at.map(|at| texts.moment(at, zone)), back => one.back_at.map(|at| texts.moment(at, zone)),
        may_approve => billing && waits && !mine, may_refuse => billing && one.is_revocable(), waits,
    };
    render(app, visitor, Some(officer), "staff/refund.html", page)
}

/// What is known of a refund through its payment system: a line, and the words of whoever said it.
fn answer(app: &App, texts: &Texts, one: &ConcessionRecord) -> Option<Value> {
    let answer = one.answer.as_ref()?;
    let doubt = Doubt::ALL
        .into_iter()
        .find(|doubt| doubt.as_str() == answer.words);
    let (line, words) = match (answer.word, doubt) {
        (RefundWord::Done, _) => ("staff-refund-answer-done", answer.words.clone()),
        (RefundWord::Refused, _) => ("staff-refund-answer-refused", answer.words.clone()),
        (RefundWord::Gone, _) => ("staff-refund-answer-gone", String::new()),
        (RefundWord::Unclear, Some(Doubt::Unbelieved)) => {
            ("staff-refund-answer-unbelieved", String::new())
        }
        (RefundWord::Unclear, Some(Doubt::Died)) => ("staff-refund-answer-died", String::new()),
        (RefundWord::Unclear, Some(Doubt::Restored)) => {
            ("staff-refund-answer-restored", String::new())
        }
        (RefundWord::Unclear, _) => ("staff-refund-answer-silent", String::new()),
    };
    let when = texts.moment(answer.at, &app.portal.time_zone);
    Some(context! { line => texts.say(line, &[]), words, when, by => answer.found_by.clone() })
}

async fn the_concession(app: &App, number: &str) -> Result<ConcessionRecord, Failure> {
    let number = number.parse::<u32>().map_err(|_| Failure::NotFound)?;
    let found = app.portal.store.concession(number.into()).await?;
    found.ok_or(Failure::NotFound)
}

#[derive(Deserialize)]
pub(crate) struct DecideForm {
    #[serde(default)]
    form_token: String,
    /// `approve` or `refuse`; of an unclear refund, `went` or `not`; of one that turned out to be otherwise,
    /// `turned-went` or `turned-not`, then `correct` or `uphold`.
    #[serde(default)]
    act: String,
    /// Where it was seen what came of it.
    #[serde(default)]
    seen: String,
    /// Which correction is approved or refused.
    #[serde(default)]
    correction: String,
}

/// A word about a proposal. Who says it comes from the session, not from a form.
pub(crate) async fn decide(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
    Form(form): Form<DecideForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let one = the_concession(&app, &number).await?;
    let (store, by, now) = (
        &app.portal.store,
        officer.login.as_str(),
        app.portal.clock.now(),
    );
    let seen = plain(&form.seen);
    let says = matches!(
        form.act.as_str(),
        "went" | "not" | "turned-went" | "turned-not"
    );
    if says && (seen.is_empty() || seen.chars().count() > WHY_CHARS_MAX) {
        let page = one_page(&app, &visitor, &officer, &one, "", true).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let said = match form.act.as_str() {
        "went" | "not" => {
            let went = form.act == "went";
            store.clear_refund(one.number, went, &seen, by, now).await?
        }
        "turned-went" | "turned-not" => {
            let went = form.act == "turned-went";
            store
                .say_otherwise(one.number, went, &seen, by, now)
                .await?
        }
        "correct" | "uphold" => {
            let number = form.correction.parse::<u32>();
            let number = u64::from(number.map_err(|_| Failure::NotFound)?);
            let done = refund_corrections::decide(&app, &one, number, &form.act, by).await?;
            return Ok(to_one(one.number, done));
        }
        "approve" => store.approve_concession(one.number, by, now).await?,
        "refuse" => store.refuse_concession(one.number, by, now).await?,
        _ => return Err(Failure::NotFound),
    };
    let done = match said {
        Concede::Approved => "approved",
        Concede::Refused => "refused",
        Concede::Cleared => form.act.as_str(),
        Concede::Proposed(_) => "doubted",
        Concede::OtherPayment if says => "taken-back",
        // Its button is not shown to them.
        Concede::SamePerson => return Err(Failure::NotFound),
        Concede::TooMuch(_) | Concede::OtherPayment | Concede::OtherBill | Concede::NotSmall => {
            "more"
        }
        _ => {
            // A second press finds what the first one did.
            let now = the_concession(&app, &number).await?;
            let mine = |deed: &Option<kvit_store::Deed>| {
                deed.as_ref().is_some_and(|deed| same_person(&deed.by, by))
            };
            let cleared = now.answer.as_ref().filter(|answer| {
                answer
                    .found_by
                    .as_deref()
                    .is_some_and(|who| same_person(who, by))
            });
            let cleared = cleared.map(|answer| answer.word);
            match form.act.as_str() {
                "went" if cleared == Some(RefundWord::Done) => "went",
                "not" if cleared == Some(RefundWord::Refused) => "not",
                "approve" if mine(&now.approved) && now.refused.is_none() => "approved",
                "refuse" if mine(&now.refused) => "refused",
                _ => "outdated",
            }
        }
    };
    Ok(to_one(one.number, done))
}

#[derive(Deserialize)]
pub(crate) struct MakeForm {
    #[serde(default)]
    form_token: String,
}

/// Puts what is approved into a file. It is fetched by its own address, as often as needed.
pub(crate) async fn make_file(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<MakeForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    let now = app.portal.clock.now();
    let today = app.portal.time_zone.to_datetime(now).date();
    let operator = &app.portal.operator;
    let store = &app.portal.store;
    let made = make_refund_file(store, operator, today, officer.login.as_str(), now).await;
    let made = made.map_err(|error| match error {
        kvit_flow::refunds::RefundFileError::Store(error) => Failure::from(error),
        error => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "no file of refunds is made"
            );
            Failure::NotFound
        }
    })?;
    let held = if made.held.is_empty() { "" } else { "held" };
    Ok(see(&match made.file {
        Some(file) => format!("/staff/refunds?done={held}&file={}", file.number),
        None if held.is_empty() => "/staff/refunds?done=none".to_owned(),
        None => format!("/staff/refunds?done={held}"),
    }))
}

/// A file for the bank, with the same bytes each time.
pub(crate) async fn file(
    State(app): State<App>,
    Extension(officer): Extension<Officer>,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number: u32 = number.parse().map_err(|_| Failure::NotFound)?;
    let now = app.portal.clock.now();
    let store = &app.portal.store;
    let bytes = store
        .fetch_refund_file(number.into(), officer.login.as_str(), now)
        .await?;
    let name = format!("refunds-{number}.xml");
    Ok(saved_as(&name, XML, bytes.ok_or(Failure::NotFound)?))
}
