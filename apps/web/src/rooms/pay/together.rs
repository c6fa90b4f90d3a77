//! Paying several bills at once: of one customer number, or of all that are open in a session. First the bills are
//! chosen, then the way, and nothing is stored until a way is pressed. What is open is asked for each time, so a bill
//! that was paid meanwhile is not asked for again.

use std::collections::HashMap;

use axum::{
    Extension, Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{BillNumber, Cents, Currency, CustomerNumber};
use kvit_pay::standing::Standing;
use kvit_store::{BillRecord, PaymentPart};
use minijinja::{Value, context};

use super::{
    OPEN_MAX, coming,
    coming::codes,
    fits, offered, out_of_order,
    start::{Wanted, chosen},
};
use crate::{App, failure::Failure, front::Visitor, gate, rooms::shown};

/// A bill of the visitor's that can be paid.
struct Open {
    bill: BillRecord,
    open: Cents,
}

/// These bills as [`coming`] asks for them.
fn named<'a>(which: &[&'a Open]) -> Vec<super::coming::Open<'a>> {
    let one = |one: &&'a Open| (one.bill.number, &one.bill.account, one.bill.due_date);
    which.iter().map(one).collect()
}

/// What of these standings can be paid at once, the oldest of each number first: what an earlier holder left is not asked of
/// this one, and payment systems take euro only.
async fn open_bills(app: &App, of: &[(&CustomerNumber, &Standing)]) -> Result<Vec<Open>, Failure> {
    let mut all = Vec::new();
    for (account, standing) in of {
        let asks = standing.bills.iter();
        let asks = asks.filter(|bill| bill.open > Cents::ZERO);
        let asks: HashMap<_, _> = asks.map(|bill| (bill.number, bill.open)).collect();
        if asks.is_empty() {
            continue;
        }
        let store = &app.portal.store;
        let mut bills = store.bills_of_holder(account, OPEN_MAX).await?;
        bills.sort_by_key(|bill| (bill.due_date, bill.number));
        let open = bills.into_iter().filter_map(|bill| {
            let open = *asks.get(&bill.number)?;
            (bill.currency == Currency::EUR).then_some(Open { bill, open })
        });
        all.extend(open);
    }
    all.truncate(OPEN_MAX);
    Ok(all)
}

/// How many bills of these standings can be paid at once, and what that is; none where there are not two, or no payment system.
pub(in crate::rooms) async fn offer(
    app: &App,
    visitor: &Visitor,
    of: &[(&CustomerNumber, &Standing)],
) -> Result<Option<Value>, Failure> {
    let ways = app.portal.pay.ways.all();
    let all = of.iter().flat_map(|(_, standing)| &standing.bills);
    let asking = all.filter(|bill| bill.open > Cents::ZERO).count();
    if asking < 2 || ways.iter().all(|provider| provider.offered.is_empty()) {
        return Ok(None);
    }
    let open = open_bills(app, of).await?;
    let sum = open.iter().map(|one| one.open).sum();
    let texts = app.pages.texts(visitor.language);
    let offer = context! { count => open.len(), sum => texts.money(sum, &Currency::EUR) };
    Ok((open.len() > 1).then_some(offer))
}

/// What an address or a form asks for.
#[derive(Default)]
struct Asked {
    /// Only bills of this number, where it is one of the visitor's.
    number: Option<CustomerNumber>,
    bills: Vec<BillNumber>,
    /// Whether bills were chosen, also where it was none.
    chosen: bool,
    form_token: String,
    way: String,
    /// In cents, as the page said.
    sum: String,
}

impl Asked {
    fn of(pairs: Vec<(String, String)>) -> Self {
        let mut asked = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "number" => asked.number = value.parse().ok(),
                "bill" => asked.bills.extend(value.parse::<BillNumber>().ok()),
                "chosen" => asked.chosen = true,
                "form_token" => asked.form_token = value,
                "way" => asked.way = value,
                "sum" => asked.sum = value,
                _ => {}
            }
        }
        asked
    }
}

/// The bills to choose from, or those that were chosen with the ways to pay them.
pub(crate) async fn choose(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let asked = Asked::of(pairs);
    let choice = Choice::of(&app, &visitor, &asked).await?;
    let notice = match &choice {
        choice if !asked.chosen => return choice.list(&app, &visitor, None).await,
        choice if asked.bills.is_empty() => {
            return choice.list(&app, &visitor, Some("pay-all-none")).await;
        }
        choice if choice.taken.is_empty() => {
            return choice.list(&app, &visitor, Some("pay-all-gone")).await;
        }
        choice => choice.is_fewer.then_some("pay-all-fewer"),
    };
    choice.page(&app, &visitor, notice).await
}

/// A way was chosen: the intent is stored, and the customer goes there. Not where the bills ask for another sum than the
/// page said.
pub(crate) async fn pay(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let asked = Asked::of(pairs);
    visitor.own_form(&asked.form_token)?;
    let choice = Choice::of(&app, &visitor, &asked).await?;
    if choice.taken.is_empty() {
        return choice.list(&app, &visitor, Some("pay-all-gone")).await;
    }
    let sum = choice.sum();
    if asked.sum != sum.get().to_string() {
        return choice.page(&app, &visitor, Some("pay-all-changed")).await;
    }
    let ways = app.portal.pay.ways.all();
    let chosen = chosen(&ways, &asked.way);
    let Some(way) = chosen.filter(|(provider, _)| fits(provider, sum, Currency::EUR)) else {
        return choice.page(&app, &visitor, None).await;
    };
    let now = app.portal.clock.now();
    if out_of_order(&app, now).await?.contains(&way.0.name) {
        return choice.page(&app, &visitor, Some("pay-out-now")).await;
    }
    let customer = visitor.signed_in()?;
    let guard = format!("of-{customer}");
    choice.wanted(sum).go(&app, &visitor, way, &guard).await
}

struct Choice {
    number: Option<CustomerNumber>,
    all: Vec<Open>,
    /// Those of `all` that were chosen.
    taken: Vec<usize>,
    /// Whether some that were chosen are not to be paid any more.
    is_fewer: bool,
}

impl Choice {
    async fn of(app: &App, visitor: &Visitor, asked: &Asked) -> Result<Self, Failure> {
        visitor.signed_in()?;
        let number = asked.number.clone();
        let number = number.filter(|number| visitor.points.contains(number));
        let points = match &number {
            Some(number) => std::slice::from_ref(number),
            None => visitor.points.as_slice(),
        };
        let now = app.portal.clock.now();
        let standings = app.portal.store.standings(points, now).await?;
        let of: Vec<_> = points
            .iter()
            .filter_map(|point| Some((point, standings.get(point)?)))
            .collect();
        let all = open_bills(app, &of).await?;
        let is_taken = |at: &usize| asked.bills.contains(&all[*at].bill.number);
        let taken: Vec<_> = (0..all.len()).filter(is_taken).collect();
        let mut wanted = asked.bills.clone();
        wanted.sort_unstable();
        wanted.dedup();
        Ok(Self {
            is_fewer: taken.len() < wanted.len(),
            number,
            all,
            taken,
        })
    }

    fn taken(&self) -> Vec<&Open> {
        self.taken.iter().map(|at| &self.all[*at]).collect()
    }

    fn sum(&self) -> Cents {
        self.taken().iter().map(|one| one.open).sum()
    }

    fn wanted(&self, amount: Cents) -> Wanted {
        let mut parts: Vec<_> = self
            .taken()
            .iter()
            .rev()
            .map(|one| PaymentPart {
                bill: one.bill.number,
                account: one.bill.account.clone(),
                amount: one.open,
            })
            .collect();
        let (bill, account) = (parts[0].bill, parts[0].account.clone());
        let bills: Vec<_> = parts.iter().map(|part| part.bill).collect();
        // One bill is paid as on its own page.
        if parts.len() == 1 {
            parts.clear();
        }
        Wanted {
            bill,
            account,
            bills,
            amount,
            currency: Currency::EUR,
            parts,
        }
    }

    /// These bills by number, with what is on its way for each.
    async fn shown(
        &self,
        app: &App,
        visitor: &Visitor,
        which: &[&Open],
    ) -> Result<Vec<Value>, Failure> {
        let texts = app.pages.texts(visitor.language);
        let coming = coming(app, visitor, &named(which)).await?;
        let mut numbers: Vec<(&CustomerNumber, Vec<Value>)> = Vec::new();
        for one in which {
            let coming = coming.get(&one.bill.number);
            let bill = context! {
                coming, open => texts.money(one.open, &one.bill.currency),
                ..shown(app, visitor.language, &one.bill)
            };
            match numbers.last_mut() {
                Some((number, bills)) if **number == one.bill.account => bills.push(bill),
                _ => numbers.push((&one.bill.account, vec![bill])),
            }
        }
        let one =
            |(number, bills): (&CustomerNumber, _)| context! { number => number.as_str(), bills };
        Ok(numbers.into_iter().map(one).collect())
    }

    /// The bills to choose from.
    async fn list(
        &self,
        app: &App,
        visitor: &Visitor,
        notice: Option<&str>,
    ) -> Result<Response, Failure> {
        let texts = app.pages.texts(visitor.language);
        let all: Vec<_> = self.all.iter().collect();
        let numbers = self.shown(app, visitor, &all).await?;
        let codes = codes(app, visitor, &named(&all)).await?;
        let sum: Cents = self.all.iter().map(|one| one.open).sum();
        // A choice of nothing is a slip; that all was paid meanwhile is news.
        let none = notice == Some("pay-all-none");
        let errors = gate::faults(if none {
            &[("bills", "pay-all-none")]
        } else {
            &[]
        });
        let page = app.pages.render(
            visitor,
            "payall.html",
            context! {
                numbers, codes, errors, notice => notice.filter(|_| !none), count => self.all.len(),
                number => self.number.as_ref().map(CustomerNumber::as_str),
                sum => texts.money(sum, &Currency::EUR),
                several => visitor.points.len() > 1, full => self.all.len() == OPEN_MAX,
            },
        )?;
        let status = match none {
            true => StatusCode::UNPROCESSABLE_ENTITY,
            false => StatusCode::OK,
        };
        Ok((status, page).into_response())
    }

    /// The bills that were chosen, their sum, and the ways to pay it.
    async fn page(
        &self,
        app: &App,
        visitor: &Visitor,
        notice: Option<&str>,
    ) -> Result<Response, Failure> {
        let texts = app.pages.texts(visitor.language);
        let sum = self.sum();
        let out = out_of_order(app, app.portal.clock.now()).await?;
        let (ways, resting) = offered(app, visitor, (sum, Currency::EUR), &out);
        let page = app.pages.render(
            visitor,
            "payall-go.html",
            context! {
                numbers => self.shown(app, visitor, &self.taken()).await?, notice, ways, resting,
                number => self.number.as_ref().map(CustomerNumber::as_str), count => self.taken.len(),
                sum => texts.money(sum, &Currency::EUR), cents => sum.get(), several => visitor.points.len() > 1,
            },
        )?;
        Ok(page.into_response())
    }
}
