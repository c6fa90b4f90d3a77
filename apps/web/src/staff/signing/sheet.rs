//! What was signed on a screen, as one SVG: the declaration, whose it is, who took it where and when, and the signature. All of
//! it is written here, so a browser that shows it meets nothing foreign.

use std::fmt::Write as _;

use kvit_store::NewEnrolment;

use super::strokes::{HEIGHT, Strokes, WIDTH};
use crate::{
    App,
    front::Visitor,
    pages::sha256_hex,
    staff::{consent::Ready, customers, door::Officer},
};

/// An A4 page at 96 dpi is so wide.
const PAGE: u32 = 794;
const MARGIN: u32 = 72;
const LINE: u32 = 24;
/// Letters of a line; wider ones than Bulgarian text has may stand out a little.
const LINE_CHARS: usize = 70;

/// The declaration that this consent came of.
pub(in crate::staff) fn svg(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    ready: &Ready,
    new: &NewEnrolment,
    strokes: &Strokes,
) -> String {
    let (portal, texts) = (&app.portal, app.pages.texts(visitor.language));
    let customer = &ready.record.customer;
    let say = |key: &str| texts.say(key, &[]);
    let operator = portal.operator.name.get(visitor.language);
    let consent = texts.say("consent-text", &[("operator", operator)]);
    let named = |key: &str, value: &str| format!("{}: {value}", say(key));
    let mut page = Page::default();
    page.heading(&say("staff-declaration-title"));
    let eik = texts.say("foot-eik", &[("eik", &portal.operator.eik)]);
    page.text(&format!("{operator} · {eik}"));
    page.gap();
    page.text(&named("staff-name-label", &customer.name));
    page.text(&named("number-label", customer.number.as_str()));
    page.text(&named("staff-address-label", &customers::address(customer)));
    page.text(&named("email-label", ready.email.as_str()));
    page.gap();
    page.text(&consent);
    let version = [("version", new.text_version.as_str())];
    page.text(&texts.say("consent-version", &version));
    page.text(&format!("SHA-256 {}", sha256_hex(consent.as_bytes())));
    page.gap();
    page.text(&format!("{}:", say("staff-declaration-signature")));
    page.signature(strokes);
    let when = texts.moment(new.at, &portal.time_zone);
    let when = format!("{when} ({})", new.at);
    page.text(&named("staff-declaration-date", &when));
    let who = format!("{} ({})", officer.name, officer.login);
    let taken = [("name", who.as_str()), ("centre", &ready.contact.reference)];
    page.text(&texts.say("staff-declaration-taken", &taken));
    page.done(visitor.language.tag(), &say("staff-declaration-title"))
}

/// A page that is written from top to bottom.
#[derive(Default)]
struct Page {
    body: String,
    down: u32,
}

impl Page {
    fn heading(&mut self, text: &str) {
        self.down += MARGIN;
        self.line(text, 28);
        self.down += LINE / 2;
    }

    fn text(&mut self, text: &str) {
        for line in lines(text) {
            self.line(&line, 16);
        }
    }

    fn line(&mut self, text: &str, size: u32) {
        self.down += LINE;
        let _ = writeln!(
            self.body,
            "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"{size}\">{}</text>",
            self.down,
            escaped(text)
        );
    }

    fn gap(&mut self) {
        self.down += LINE;
    }

    fn signature(&mut self, strokes: &Strokes) {
        let width = PAGE - 2 * MARGIN;
        let height = width * u32::from(HEIGHT) / u32::from(WIDTH);
        let top = self.down + LINE / 2;
        let _ = writeln!(
            self.body,
            "<rect x=\"{MARGIN}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#8a93a6\"/>\n\
             <svg x=\"{MARGIN}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\"><path d=\"{}\" fill=\"none\" stroke=\"#12235a\" stroke-width=\"6\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>",
            strokes.path()
        );
        self.down = top + height + LINE / 2;
    }

    fn done(self, language: &str, title: &str) -> String {
        let height = self.down + MARGIN;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{PAGE}\" height=\"{height}\" viewBox=\"0 0 {PAGE} {height}\" xml:lang=\"{language}\" font-family=\"sans-serif\">\n\
             <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
            escaped(title),
            self.body
        )
    }
}

/// At blanks where there are some; a word that fills more than a line is cut.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (at, part) in letters.chunks(LINE_CHARS).enumerate() {
            let apart = usize::from(at == 0 && used > 0);
            if used > 0 && used + apart + part.len() > LINE_CHARS {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if apart == 1 {
                line.push(' ');
                used += 1;
            }
            line.extend(part);
            used += part.len();
        }
    }
    lines.push(line);
    lines
}

/// As XML has it. What XML cannot say is a blank.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            sign if sign.is_control() => out.push(' '),
            sign => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_text_and_on_its_page() {
        assert_eq!(
            escaped("<b> \"&\" \0\u{ffff}"),
            "&lt;b&gt; &quot;&amp;&quot;   "
        );
        let long = format!("a {} b", "x".repeat(LINE_CHARS + 5));
        let lines = lines(&long);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.chars().count() <= LINE_CHARS));
        assert_eq!(lines[2], "xxxxx b");
    }
}
