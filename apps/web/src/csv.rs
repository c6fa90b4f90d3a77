//! Lines of CSV files (RFC 4180).

/// Fields as a line, without its end. A name that a spreadsheet would take for a formula gets a quote in front;
/// amounts may begin with a minus.
#[must_use]
pub fn csv_line(fields: &[String]) -> String {
    let fields: Vec<_> = fields.iter().map(|field| quoted(field)).collect();
    fields.join(",")
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
