//! Numbers with check digits: company identifiers and bank accounts.

/// The nine-digit company identifier (ЕИК) that begins with these eight digits.
pub(crate) fn eik(first_eight: u32) -> String {
    let body = format!("{first_eight:08}");
    let sum = |from: u32| -> u32 {
        body.chars()
            .zip(from..)
            .filter_map(|(c, weight)| Some(c.to_digit(10)? * weight))
            .sum()
    };
    let check = match sum(1) % 11 {
        10 => sum(3) % 11 % 10,
        check => check,
    };
    format!("{body}{check}")
}

/// The IBAN of a Bulgarian account (ISO 13616): bank, branch and type, account.
pub(crate) fn iban(bank: &str, branch_and_type: &str, account: &str) -> String {
    let body = format!("{bank}{branch_and_type}{account}");
    let check = 98 - mod97(&format!("{body}BG00"));
    format!("BG{check:02}{body}")
}

fn mod97(text: &str) -> u32 {
    text.chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, digit| {
            (rest * if digit > 9 { 100 } else { 10 } + digit) % 97
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_published_numbers() {
        // The Bulgarian National Bank's, and the example of the IBAN registry.
        assert_eq!(eik(69_403), "000694037");
        assert_eq!(iban("BNBG", "966110", "20345678"), "BG80BNBG96611020345678");
    }
}
