//! Days that no statement tells of: a balance that is not the one before.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kvit_billing::Cents;

use super::Statement;

/// Between two statements of an account something is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Which account.
    pub iban: String,
    /// The last day of the statement before.
    pub after: Date,
    /// What was on the account then.
    pub closing: Cents,
    /// The first day of the statement behind.
    pub before: Date,
    /// What was on the account then.
    pub opening: Cents,
}

/// First day, balance before and after.
type Told = (Date, Cents, Cents);

/// Where statements of an account do not join, oldest first. Notifications have no balances, and
/// statements that overlap say nothing about what lies between them.
#[must_use]
pub fn gaps<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> Vec<Gap> {
    // By account and last day; a day may have several.
    let mut days: BTreeMap<(&str, Date), Vec<Told>> = BTreeMap::new();
    for statement in statements {
        if let (Some(from), Some(to), Some(opening), Some(closing)) = (
            statement.from,
            statement.to,
            statement.opening,
            statement.closing,
        ) {
            let day = days.entry((&statement.iban, to)).or_default();
            day.push((from, opening, closing));
        }
    }
    let days: Vec<_> = days.into_iter().collect();
    let mut gaps = Vec::new();
    for pair in days.windows(2) {
        let [((iban, after), earlier), ((other, _), later)] = pair else {
            continue;
        };
        let joins = |opening: &Cents| earlier.iter().any(|(_, _, closing)| closing == opening);
        let apart = later.iter().all(|(from, _, _)| from >= after);
        let joined = later.iter().any(|(_, opening, _)| joins(opening));
        if let (true, false, [(before, opening, _), ..], [.., (_, _, closing)]) = (
            apart && iban == other,
            joined,
            later.as_slice(),
            earlier.as_slice(),
        ) {
            gaps.push(Gap {
                iban: (*iban).to_owned(),
                after: *after,
                closing: *closing,
                before: *before,
                opening: *opening,
            });
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn statement(iban: &str, from: i8, to: i8, opening: i64, closing: i64) -> Statement {
        Statement {
            iban: iban.to_owned(),
            from: Some(date(2026, 11, from)),
            to: Some(date(2026, 11, to)),
            opening: Some(Cents::new(opening)),
            closing: Some(Cents::new(closing)),
            ..Statement::default()
        }
    }

    #[test]
    fn a_missing_day_is_noticed_and_nothing_else_is() {
        let mut all = vec![
            statement("A", 3, 3, 30, 40),
            statement("A", 1, 1, 10, 20),
            statement("A", 2, 2, 20, 30),
            // Another account; a month over its days; two of one day; one without balances.
            statement("B", 9, 9, 1, 2),
            statement("A", 1, 3, 10, 40),
            statement("A", 4, 4, 40, 45),
            statement("A", 4, 4, 45, 50),
            Statement::default(),
            // The day of the balance before, as some banks write it.
            statement("A", 4, 5, 50, 60),
        ];
        assert_eq!(gaps(&all), []);
        all.push(statement("A", 8, 8, 75, 80));
        let [gap] = gaps(&all).try_into().expect("one");
        assert_eq!(
            (gap.after, gap.before),
            (date(2026, 11, 5), date(2026, 11, 8))
        );
        assert_eq!((gap.closing.get(), gap.opening.get()), (60, 75));
        // The days between come later.
        all.push(statement("A", 6, 7, 60, 75));
        assert_eq!(gaps(&all), []);
    }
}
