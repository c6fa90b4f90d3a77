//! The few pages: plain HTML without script.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

/// Text that is safe inside HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A whole page. `body` is HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}}button,input{{font:inherit;padding:.6rem 1rem;margin:.3rem .3rem .3rem 0}}</style><h1>{title}</h1>{body}</html>"
    )
}

/// What a person does with a payment, and what befalls the word about it.
const DEEDS: [(&str, &str); 8] = [
    ("pay", "Pay"),
    ("decline", "Be declined"),
    ("away", "Walk away"),
    ("twice", "Pay twice"),
    ("lost", "Pay, and the answer gets lost"),
    ("repeat", "Pay, and it is told twice"),
    ("late", "Pay, and what came before is told after it"),
    ("tampered", "Somebody changes what is told"),
];

/// A form of buttons, one for each deed.
pub(crate) fn choices(title: &str, what: &str, action: &str) -> Response {
    let buttons = DEEDS
        .map(|(value, text)| format!("<button name=\"do\" value=\"{value}\">{text}</button>"))
        .concat();
    let body = format!(
        "<p>{}</p><form method=\"post\" action=\"{action}\">{buttons}</form>",
        escaped(what)
    );
    Html(page(title, &body)).into_response()
}

/// A form that the browser carries to the portal. One that is told twice opens beside this page, for a second press.
pub(crate) fn carried(title: &str, url: &str, fields: &[(&str, String)], twice: bool) -> Response {
    let fields: String = fields
        .iter()
        .map(|(name, value)| {
            let value = escaped(value);
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    let beside = if twice { " target=\"_blank\"" } else { "" };
    let url = escaped(url);
    let body = format!(
        "<form method=\"post\" action=\"{url}\"{beside}>{fields}<button>Back to the merchant</button></form>"
    );
    Html(page(title, &body)).into_response()
}

/// The browser is closed.
pub(crate) fn closed(title: &str, portal: &str) -> Response {
    let body = format!(
        "<p>Nothing is sent back. <a href=\"{}\">To the portal</a></p>",
        escaped(portal)
    );
    Html(page(title, &body)).into_response()
}

/// Why something is refused, as a payment system would say it to a browser.
pub(crate) fn refused(why: &str) -> Response {
    let body = format!("<p>Refused: {}</p>", escaped(why));
    (StatusCode::BAD_REQUEST, Html(page("Refused", &body))).into_response()
}

/// Back to the portal.
pub(crate) fn back(url: &str) -> Response {
    let to = HeaderValue::from_str(url).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// The value of a field.
pub(crate) fn field<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs
        .iter()
        .find(|(known, _)| known == name)
        .map_or("", |(_, value)| value)
}
