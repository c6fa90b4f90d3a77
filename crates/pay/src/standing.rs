//! Which bill is paid by what: derived each time from the bills and the money, and never stored.
//!
//! Money goes to the bills that it names; whatever is left goes to the oldest that are open; what
//! is left then is the customer's credit, and pays the next bill. So more money never makes a bill
//! less paid, and a payment that is reversed leaves no trace in any bill.

use jiff::civil::Date;
use kvit_billing::{BillNumber, Cents};

/// What a bill asks for by itself, without what it carries over from earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its number.
    pub number: BillNumber,
    /// Last day to pay.
    pub due_date: Date,
    /// Negative for a credit note, and for a bill that begins with a credit.
    pub cents: Cents,
    /// The bill that it corrects.
    pub corrects: Option<BillNumber>,
}

/// Money of a customer that counts: paid, and not reversed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// Positive where it was paid, negative where it was given back.
    pub cents: Cents,
    /// Which bills it names, in its order.
    pub bills: Vec<BillNumber>,
}

/// One bill and what is open of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillStanding {
    /// Its number.
    pub number: BillNumber,
    /// Last day to pay.
    pub due_date: Date,
    /// What it asks for by itself; never negative here.
    pub due: Cents,
    /// What of it is not paid.
    pub open: Cents,
}

/// What a customer owes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The bills that ask for money, oldest first.
    pub bills: Vec<BillStanding>,
    /// Money beyond the bills. Negative only where more was given back than ever was there.
    pub credit: Cents,
    /// What was given back as credit and was none: paid bills are owed again for it, or the credit is negative.
    /// Never negative.
    pub overdrawn: Cents,
}

impl Standing {
    /// The standing of a customer with these bills and this money, in any order.
    #[must_use]
    pub fn of(dues: &[Due], money: &[Money]) -> Self {
        let mut bills: Vec<BillStanding> = dues
            .iter()
            .filter(|due| due.cents > Cents::ZERO)
            .map(|due| BillStanding {
                number: due.number,
                due_date: due.due_date,
                due: due.cents,
                open: due.cents,
            })
            .collect();
        bills.sort_by_key(|bill| (bill.due_date, bill.number));
        let notes = dues.iter().filter(|due| due.cents < Cents::ZERO);
        let notes = notes.map(|due| Money {
            cents: -due.cents,
            bills: due.corrects.into_iter().collect(),
        });
        let mut left = Cents::ZERO;
        let mut backs: Vec<Money> = Vec::new();
        for money in notes.chain(money.iter().cloned()) {
            if money.cents < Cents::ZERO {
                backs.push(money);
                continue;
            }
            let mut rest = money.cents;
            for named in &money.bills {
                if let Some(bill) = bills.iter_mut().find(|bill| bill.number == *named) {
                    pay(bill, &mut rest);
                }
            }
            left += rest;
        }
        // What is given back of a payment is owed again by the bills that it names. The rest was credit: it
        // is taken before that pays bills, and beyond it from what was paid last.
        for money in &backs {
            let mut back = -money.cents;
            for named in money.bills.iter().rev() {
                if let Some(bill) = bills.iter_mut().find(|bill| bill.number == *named) {
                    unpay(bill, &mut back);
                }
            }
            left = left - back;
        }
        let overdrawn = (-left).max(Cents::ZERO);
        if left < Cents::ZERO {
            let mut back = overdrawn;
            for bill in bills.iter_mut().rev() {
                unpay(bill, &mut back);
            }
            left = -back;
        }
        for bill in &mut bills {
            if left > Cents::ZERO {
                pay(bill, &mut left);
            }
        }
        Self {
            bills,
            credit: left,
            overdrawn,
        }
    }

    /// What the customer owes in all; negative where the operator owes.
    #[must_use]
    pub fn balance(&self) -> Cents {
        self.open() - self.credit
    }

    /// The sum of what is open.
    #[must_use]
    pub fn open(&self) -> Cents {
        self.bills.iter().map(|bill| bill.open).sum()
    }

    /// One bill, where it asks for money.
    #[must_use]
    pub fn bill(&self, number: BillNumber) -> Option<&BillStanding> {
        self.bills.iter().find(|bill| bill.number == number)
    }
}

fn pay(bill: &mut BillStanding, rest: &mut Cents) {
    let part = bill.open.min(*rest);
    bill.open = bill.open - part;
    *rest = *rest - part;
}

fn unpay(bill: &mut BillStanding, back: &mut Cents) {
    let part = (bill.due - bill.open).min(*back);
    bill.open += part;
    *back = *back - part;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(n: u64) -> BillNumber {
        BillNumber::new(n).expect("a number")
    }

    fn due(n: u64, cents: i64) -> Due {
        Due {
            number: number(n),
            due_date: Date::constant(2026, 1, 1).saturating_add(jiff::Span::new().days(n as i64)),
            cents: Cents::new(cents),
            corrects: None,
        }
    }

    fn money(cents: i64, bills: &[u64]) -> Money {
        Money {
            cents: Cents::new(cents),
            bills: bills.iter().map(|n| number(*n)).collect(),
        }
    }

    fn open(standing: &Standing) -> Vec<i64> {
        standing.bills.iter().map(|bill| bill.open.get()).collect()
    }

    #[test]
    fn money_goes_where_it_says_and_then_to_the_oldest() {
        let dues = [due(1, 100), due(2, 200), due(3, 300)];
        assert_eq!(
            open(&Standing::of(&dues, &[money(150, &[])])),
            [0, 150, 300]
        );
        assert_eq!(
            open(&Standing::of(&dues, &[money(250, &[2])])),
            [50, 0, 300]
        );
        assert_eq!(
            open(&Standing::of(&dues, &[money(250, &[3, 1])])),
            [100, 200, 50]
        );
        // A bill that is not ours takes nothing.
        assert_eq!(
            open(&Standing::of(&dues, &[money(100, &[99])])),
            [0, 200, 300]
        );
        let over = Standing::of(&dues, &[money(601, &[]), money(9, &[1])]);
        assert_eq!(
            (over.open().get(), over.credit.get(), over.balance().get()),
            (0, 10, -10)
        );
    }

    #[test]
    fn credit_notes_pay_what_they_correct() {
        let note = Due {
            corrects: Some(number(2)),
            ..due(3, -150)
        };
        let standing = Standing::of(&[due(1, 100), due(2, 200), note.clone()], &[]);
        assert_eq!(open(&standing), [100, 50]);
        let standing = Standing::of(&[due(1, 100), due(2, 200), note], &[money(200, &[2])]);
        assert_eq!((open(&standing), standing.credit.get()), (vec![0, 0], 50));
    }

    #[test]
    fn a_refund_takes_the_credit() {
        let standing = Standing::of(&[due(1, 100)], &[money(150, &[1]), money(-50, &[])]);
        assert_eq!((open(&standing), standing.credit.get()), (vec![0], 0));
        assert_eq!(standing.overdrawn, Cents::ZERO);
        // Paid twice, given back once, and then the bank took one of the two: the customer has it twice.
        let dues = [due(1, 100), due(2, 100)];
        let standing = Standing::of(
            &dues,
            &[money(100, &[1]), money(100, &[2]), money(-60, &[])],
        );
        assert_eq!((standing.open().get(), standing.overdrawn.get()), (60, 60));
    }

    #[test]
    fn a_payment_given_back_is_owed_again() {
        let dues = [due(1, 100), due(2, 100)];
        let paid = [money(150, &[1]), money(100, &[2])];
        let with = |back: Money| {
            let standing = Standing::of(&dues, &[paid.to_vec(), vec![back]].concat());
            (open(&standing), standing.credit.get())
        };
        // The credit of the first payment pays again what can be paid.
        assert_eq!(with(money(-100, &[2])), (vec![0, 50], 0));
        assert_eq!(with(money(-150, &[1])), (vec![100, 0], 0));
        assert_eq!(with(money(-70, &[])), (vec![0, 20], 0));
        assert_eq!(with(money(-300, &[])), (vec![100, 100], -50));
    }

    fn any_dues() -> impl Strategy<Value = Vec<Due>> {
        prop::collection::vec((1_i64..500, any::<bool>()), 0..6).prop_map(|dues| {
            let sign = |(n, (cents, note)): (usize, (i64, bool))| {
                due(n as u64 + 1, if note { -cents } else { cents })
            };
            dues.into_iter().enumerate().map(sign).collect()
        })
    }

    fn any_money() -> impl Strategy<Value = Vec<Money>> {
        let one = (1_i64..500, prop::collection::vec(1_u64..8, 0..3));
        prop::collection::vec(one.prop_map(|(cents, bills)| money(cents, &bills)), 0..6)
    }

    proptest! {
        #[test]
        fn what_was_given_back_is_accounted_for(dues in any_dues(), money in any_money(), back in any_money()) {
            let back = back.into_iter().map(|money| Money { cents: -money.cents, ..money });
            let money: Vec<Money> = money.into_iter().chain(back).collect();
            let standing = Standing::of(&dues, &money);
            let owed: Cents = dues.iter().map(|due| due.cents).sum();
            let paid: Cents = money.iter().map(|money| money.cents).sum();
            prop_assert_eq!(standing.balance(), owed - paid);
            for bill in &standing.bills {
                prop_assert!(bill.open >= Cents::ZERO && bill.open <= bill.due);
                prop_assert!(standing.credit >= Cents::ZERO || bill.open == bill.due);
            }
            prop_assert!(standing.credit <= Cents::ZERO || standing.open() == Cents::ZERO);
            prop_assert!(standing.overdrawn >= (-standing.credit).max(Cents::ZERO));
        }

        #[test]
        fn every_cent_is_accounted_for(dues in any_dues(), money in any_money()) {
            let standing = Standing::of(&dues, &money);
            let owed: Cents = dues.iter().map(|due| due.cents).sum();
            let paid: Cents = money.iter().map(|money| money.cents).sum();
            prop_assert_eq!(standing.balance(), owed - paid);
            for bill in &standing.bills {
                prop_assert!(bill.open >= Cents::ZERO && bill.open <= bill.due);
            }
            prop_assert!(standing.credit == Cents::ZERO || standing.open() == Cents::ZERO);
        }

        #[test]
        fn more_money_never_makes_a_bill_less_paid(dues in any_dues(), mut money in any_money(), more in any_money()) {
            let before = Standing::of(&dues, &money);
            money.extend(more);
            let after = Standing::of(&dues, &money);
            for (before, after) in before.bills.iter().zip(&after.bills) {
                prop_assert!(after.open <= before.open);
            }
        }
    }
}
