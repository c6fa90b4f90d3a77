//! Lines of CSV files (RFC 4180).

use kvit_pay::aging::Age;
use kvit_store::Owing;

/// Fields as a line, without its end. A name that a spreadsheet would take for a formula gets a quote in front;
/// amounts may begin with a minus.
#[must_use]
pub fn csv_line(fields: &[String]) -> String {
    let fields: Vec<_> = fields.iter().map(|field| quoted(field)).collect();
    fields.join(",")
}

/// The first line of a file of what customers owe.
#[must_use]
pub fn owing_head() -> String {
    let ages = Age::ALL.map(Age::as_str);
    [&["customer"][..], &ages, &["total", "oldest_due"]]
        .concat()
        .join(",")
}

/// What one customer owes, as a line of that file.
#[must_use]
pub fn owing_line(one: &Owing) -> String {
    let ages = one.aged.cents.map(|cents| cents.to_string());
    let oldest = one.aged.oldest.map(|day| day.to_string());
    let behind = [one.aged.sum().to_string(), oldest.unwrap_or_default()];
    csv_line(&[&[one.account.to_string()][..], &ages, &behind].concat())
}

fn quoted(field: &str) -> String {
    let amount = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let formula = field.starts_with(['=', '+', '@', '\t', '\r'])
        || field.strip_prefix('-').is_some_and(|rest| !amount(rest));
    let field = if formula {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_field_stays_a_field() {
        assert_eq!(quoted("-12.30"), "-12.30");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("-cmd"), "'-cmd");
    }
}
