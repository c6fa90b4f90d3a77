//! The pages: a list, a mail. No scripts; a mail's HTML is shown in a sandbox.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use mail_parser::{MessageParser, MimeHeaders};
use minijinja::{Environment, Value, context};
use serde::Deserialize;

use crate::{Shared, Stored};

const PAGE: usize = 50;
/// A search looks through so many of the newest mails.
const SEARCH_MAX: usize = 5000;
/// Links of a mail that are listed.
const LINKS_MAX: usize = 10;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/mail/{number}", get(mail))
        .route("/mail/{number}/html", get(html))
        .route("/mail/{number}/raw", get(raw))
        .route("/mail/{number}/file/{at}", get(file))
        .with_state(shared)
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
    before: Option<usize>,
}

async fn list(State(shared): State<Arc<Shared>>, Query(search): Query<Search>) -> Response {
    let wanted = search.q.trim().to_lowercase();
    let last = search
        .before
        .map_or(usize::MAX, |before| before.saturating_sub(1))
        .min(shared.shelf.count());
    let count = shared.shelf.count();
    let rows = tokio::task::spawn_blocking(move || {
        let newest = (1..=last)
            .rev()
            .take(SEARCH_MAX)
            .filter_map(|number| shared.shelf.get(number));
        let fits = |mail: &Stored| {
            wanted.is_empty() || mail.to.iter().any(|to| to.to_lowercase().contains(&wanted))
        };
        newest
            .filter(fits)
            .take(PAGE)
            .map(|mail| (mail.number, row(&shared, &mail)))
            .collect::<Vec<_>>()
    });
    let rows = rows.await.unwrap_or_default();
    let older = rows
        .last()
        .filter(|_| rows.len() == PAGE)
        .map(|(number, _)| *number);
    let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    render("list", context! { rows, older, count, q => search.q })
}

fn row(shared: &Shared, mail: &Stored) -> Value {
    let parsed = MessageParser::default().parse(&mail.bytes);
    let subject = parsed
        .as_ref()
        .and_then(|m| m.subject())
        .unwrap_or("(no subject)")
        .to_owned();
    let date = parsed
        .as_ref()
        .and_then(|m| m.date())
        .and_then(|date| Timestamp::from_second(date.to_timestamp()).ok())
        .map(|at| at.to_zoned_datetime(shared.config.time_zone.clone()))
        .map(|at| at.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default();
    context! { number => mail.number, to => mail.to.join(", "), subject, date }
}

async fn mail(State(shared): State<Arc<Shared>>, Path(number): Path<usize>) -> Response {
    let Some(mail) = shared.shelf.get(number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let parsed = MessageParser::default().parse(&mail.bytes);
    let text = parsed
        .as_ref()
        .and_then(|m| m.body_text(0))
        .unwrap_or_default()
        .into_owned();
    let files: Vec<_> = parsed
        .iter()
        .flat_map(|m| m.attachments())
        .map(|part| {
            format!(
                "{} ({})",
                part.attachment_name().unwrap_or("file"),
                size(part.contents().len())
            )
        })
        .collect();
    let row = row(&shared, &mail);
    let links = links(&text);
    render(
        "mail",
        context! { row, from => mail.from, text, links, files, size => size(mail.bytes.len()) },
    )
}

/// The addresses of pages in a text, each once, in its order.
fn links(text: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')) {
        let link = word.trim_end_matches(['.', ',', ';', ')']);
        let page = link.starts_with("https://") || link.starts_with("http://");
        if page && links.len() < LINKS_MAX && !links.iter().any(|known| known == link) {
            links.push(link.to_owned());
        }
    }
    links
}

async fn html(State(shared): State<Arc<Shared>>, Path(number): Path<usize>) -> Response {
    let Some(mail) = shared.shelf.get(number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let parsed = MessageParser::default().parse(&mail.bytes);
    let body = parsed
        .as_ref()
        .and_then(|m| m.body_html(0))
        .unwrap_or_default()
        .into_owned();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                  sandbox allow-popups allow-popups-to-escape-sandbox";
    // Links of the mail open outside of the frame.
    let page = format!("{body}<base target=\"_blank\">");
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

async fn raw(State(shared): State<Arc<Shared>>, Path(number): Path<usize>) -> Response {
    let Some(mail) = shared.shelf.get(number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, mail.bytes).into_response()
}

async fn file(
    State(shared): State<Arc<Shared>>,
    Path((number, at)): Path<(usize, u32)>,
) -> Response {
    let Some(mail) = shared.shelf.get(number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let parsed = MessageParser::default().parse(&mail.bytes);
    let Some(part) = parsed.as_ref().and_then(|m| m.attachment(at)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let name: String = part
        .attachment_name()
        .unwrap_or("file")
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect();
    // A bill opens in the browser; anything else is only saved, since mails bring what they like.
    let (kind, shown) = if part.contents().starts_with(b"%PDF-") {
        ("application/pdf", "inline")
    } else {
        ("application/octet-stream", "attachment")
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("{shown}; filename=\"{name}\""),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, part.contents().to_vec()).into_response()
}

/// In kilobytes, rounded up.
fn size(bytes: usize) -> String {
    format!("{} KB", bytes.div_ceil(1024))
}

fn render(name: &str, context: Value) -> Response {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    let templates = [
        ("layout", include_str!("../templates/layout.html")),
        ("list", include_str!("../templates/list.html")),
        ("mail", include_str!("../templates/mail.html")),
    ];
    let page = templates
        .into_iter()
        .try_for_each(|(name, source)| env.add_template(name, source))
        .and_then(|()| env.get_template(name)?.render(context));
    match page {
        Ok(page) => {
            let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'";
            ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "mailbox page not built"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
