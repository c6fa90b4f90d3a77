//! Whether an account's customer data tells of another holder.

use std::cmp::Ordering;

use crate::Customer;

/// What a change of an account's customer data means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderChange {
    /// The same party: nothing changed, a corrected letter, a surname after a marriage, a company under another name.
    Same,
    /// It may be another: a person looks.
    Unclear,
    /// Another company under another name.
    Another,
}

impl Customer {
    /// Whether `now` is the party that this is. Never certain: only a company's identifier with its name tells of another.
    #[must_use]
    pub fn change_to(&self, now: &Self) -> HolderChange {
        let alike = names_are_alike(&self.name, &now.name);
        match (&self.eik, &now.eik) {
            (Some(before), Some(after)) if before == after => HolderChange::Same,
            (Some(_), Some(_)) if alike => HolderChange::Unclear,
            (Some(_), Some(_)) => HolderChange::Another,
            _ if alike => HolderChange::Same,
            _ => HolderChange::Unclear,
        }
    }
}

/// At least half of the words of the shorter name stand in the other, each with one wrong letter at most, in any order.
fn names_are_alike(one: &str, other: &str) -> bool {
    let words = |name: &str| -> Vec<Vec<char>> {
        name.to_lowercase()
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty() && !LEGAL_FORMS.contains(word))
            .map(|word| word.chars().collect())
            .collect()
    };
    let (one, other) = (words(one), words(other));
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let found = short
        .iter()
        .filter(|word| long.iter().any(|other| one_letter_apart(word, other)));
    found.count() * 2 >= short.len()
}

/// In names of companies, of which they say nothing.
const LEGAL_FORMS: [&str; 12] = [
    "оод", "еоод", "ад", "еад", "ет", "сд", "кд", "ltd", "llc", "jsc", "plc", "и",
];

/// Whether two words are the same, but for one letter that is wrong, missing or too much, where enough others are left.
fn one_letter_apart(one: &[char], other: &[char]) -> bool {
    if one.len().min(other.len()) < 3 {
        return one == other;
    }
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[same..], &other[same..]);
    match one.len().cmp(&other.len()) {
        Ordering::Equal => one.get(1..).unwrap_or_default() == other.get(1..).unwrap_or_default(),
        Ordering::Less => other.len() == one.len() + 1 && other[1..] == *one,
        Ordering::Greater => one.len() == other.len() + 1 && one[1..] == *other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Language};

    #[test]
    fn only_another_company_under_another_name_is_surely_another_holder() {
        let party = |name: &str, eik: Option<&str>| Customer {
            number: "1000042".parse().expect("a number"),
            name: name.to_owned(),
            address: Address::default(),
            eik: eik.map(str::to_owned),
            vat_number: None,
            phone: None,
            language: Language::Bg,
        };
        let (a, b) = (Some("831642181"), Some("175074752"));
        for (before, after, what) in [
            (
                ("Мария Иванова Петрова", None),
                ("МАРИЯ ИВАНОВА ГЕОРГИЕВА", None),
                HolderChange::Same,
            ),
            (
                ("Мария Петрова", None),
                ("Мария Георгиева", None),
                HolderChange::Same,
            ),
            (
                ("Иван Петров", None),
                ("Петров, Иван", None),
                HolderChange::Same,
            ),
            (
                ("Иван Петрв", None),
                ("Ивн Петров", None),
                HolderChange::Same,
            ),
            (
                ("Иван Петров", None),
                ("Петър Иванов", None),
                HolderChange::Unclear,
            ),
            (
                ("Иван Петров", None),
                ("Елена Стоянова", None),
                HolderChange::Unclear,
            ),
            (
                ("А. Петров", None),
                ("В. Георгиев", None),
                HolderChange::Unclear,
            ),
            (
                ("Пекарна Изгрев ООД", a),
                ("Изгрев 2020 ЕООД", a),
                HolderChange::Same,
            ),
            (
                ("Пекарна Изгрев ООД", a),
                ("Пекарна „Изгрев“ ООД", b),
                HolderChange::Unclear,
            ),
            (
                ("Пекарна Изгрев ООД", a),
                ("Фризьор Мира ООД", b),
                HolderChange::Another,
            ),
            (
                ("Иван Петров", None),
                ("Фризьор Мира ООД", b),
                HolderChange::Unclear,
            ),
        ] {
            let (before, after) = (party(before.0, before.1), party(after.0, after.1));
            assert_eq!(
                before.change_to(&after),
                what,
                "{} {}",
                before.name,
                after.name
            );
        }
    }
}
