//! The bytes of a message (RFC 5322, RFC 2045-2047): small, and the same for the same input.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::Offset};
use kvit_billing::Secret;

/// A mail ready to leave.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its Message-ID, without the angle brackets.
    pub id: String,
    /// Where mail servers report failures: its own address for each delivery.
    pub return_path: String,
    /// The recipient.
    pub to: Secret<String>,
    /// The whole message, lines ended by CR LF, none longer than 998 octets, all ASCII.
    pub bytes: Vec<u8>,
}

/// A file that a message carries.
pub(crate) struct Attachment<'a> {
    pub(crate) name: &'a str,
    pub(crate) mime_type: &'static str,
    pub(crate) bytes: &'a [u8],
}

/// What a message is made of. Texts may hold anything; they are made safe here.
pub(crate) struct Parts<'a> {
    /// Local part of the Message-ID and beginning of the boundaries.
    pub(crate) id: &'a str,
    pub(crate) domain: &'a str,
    pub(crate) from: (&'a str, &'a str),
    pub(crate) reply_to: Option<&'a str>,
    pub(crate) to: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) language: &'static str,
    pub(crate) at: Timestamp,
    pub(crate) text: &'a str,
    pub(crate) html: &'a str,
    pub(crate) attachment: Option<Attachment<'a>>,
}

/// Writes the message. Bodies are Base64, which never contains `--`, so boundaries that are made
/// of the id alone cannot occur in them.
pub(crate) fn write(parts: &Parts<'_>) -> Vec<u8> {
    let size = parts.attachment.as_ref().map_or(0, |file| file.bytes.len()) * 3 / 2;
    let mut out =
        String::with_capacity(size + (parts.text.len() + parts.html.len()) * 3 / 2 + 2000);
    let mut header = |name: &str, value: &str| {
        out.push_str(name);
        out.push_str(": ");
        out.push_str(value);
        out.push_str("\r\n");
    };
    let (from_name, from) = parts.from;
    header("Date", &date(parts.at));
    header("From", &format!("{} <{from}>", words(from_name)));
    if let Some(reply_to) = parts.reply_to {
        header("Reply-To", reply_to);
    }
    header("To", parts.to);
    header("Subject", &words(parts.subject));
    header("Message-ID", &format!("<{}@{}>", parts.id, parts.domain));
    header("Auto-Submitted", "auto-generated");
    header("X-Auto-Response-Suppress", "All");
    header("Content-Language", parts.language);
    header("MIME-Version", "1.0");

    let outer = format!("{}-mixed", parts.id);
    let inner = format!("{}-alternative", parts.id);
    if parts.attachment.is_some() {
        header(
            "Content-Type",
            &format!("multipart/mixed; boundary=\"{outer}\""),
        );
        out.push_str(&format!("\r\n--{outer}\r\n"));
    }
    out.push_str(&format!(
        "Content-Type: multipart/alternative; boundary=\"{inner}\"\r\n"
    ));
    for (kind, body) in [("plain", parts.text), ("html", parts.html)] {
        out.push_str(&format!(
            "\r\n--{inner}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
        ));
        base64_body(&mut out, body.as_bytes());
    }
    out.push_str(&format!("\r\n--{inner}--\r\n"));
    if let Some(file) = &parts.attachment {
        let name = file_name(file.name);
        out.push_str(&format!(
            "\r\n--{outer}\r\nContent-Type: {}; name=\"{name}\"\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\n",
            file.mime_type
        ));
        base64_body(&mut out, file.bytes);
        out.push_str(&format!("\r\n--{outer}--\r\n"));
    }
    out.into_bytes()
}

fn base64_body(out: &mut String, bytes: &[u8]) {
    out.push_str("Content-Transfer-Encoding: base64\r\n\r\n");
    for line in bytes.chunks(57) {
        STANDARD.encode_string(line, out);
        out.push_str("\r\n");
    }
}

/// `Fri, 20 Nov 2026 08:00:00 +0000`.
fn date(at: Timestamp) -> String {
    Offset::UTC
        .to_datetime(at)
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

/// Header text as encoded words (RFC 2047), each within 75 characters and whole characters only.
/// Control characters become spaces: no text can start a header of its own.
fn words(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let text = text.trim();
    let plain = text.len() <= 60
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b'_'));
    if plain {
        return text.to_owned();
    }
    let mut chunks = vec![String::new()];
    for c in text.chars() {
        // 45 octets are 60 characters of Base64; with `=?utf-8?B?` and `?=`, 72.
        if chunks
            .last()
            .is_none_or(|chunk| chunk.len() + c.len_utf8() > 45)
        {
            chunks.push(String::new());
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(c);
        }
    }
    let encoded: Vec<_> = chunks
        .iter()
        .map(|chunk| format!("=?utf-8?B?{}?=", STANDARD.encode(chunk)))
        .collect();
    encoded.join("\r\n ")
}

/// ASCII letters, digits, dots, dashes and underscores; at most 60 of them.
fn file_name(name: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
            c
        } else {
            '_'
        }
    };
    name.chars().take(60).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_words_are_in_the_form_of_the_standard() {
        let at = "2026-11-20T08:00:00.5Z".parse().expect("a time");
        assert_eq!(date(at), "Fri, 20 Nov 2026 08:00:00 +0000");
        assert_eq!(words("Kvit mail"), "Kvit mail");
        assert_eq!(words("a\r\nBcc: b"), "=?utf-8?B?YSAgQmNjOiBi?=");
        assert!(
            words(&"Сметка ".repeat(40))
                .split("\r\n ")
                .all(|word| word.len() <= 75)
        );
        assert_eq!(file_name("a\"\r\n/б.pdf"), "a_____.pdf");
    }
}
