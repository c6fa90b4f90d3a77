//! The front door: who comes in (language, session, network address), whether a form is ours,
//! and what every answer carries (headers, cookies, a page for every fault).

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use kvit_billing::{CustomerNumber, Language, Secret, code::Token};
use minijinja::context;
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::{App, Hall, device::device, doors::Doors, failure::Failure, rooms::again::Place};

/// The name of the cookie that says where to go on after a link.
pub(crate) const BACK_COOKIE: &str = "back";
const LANGUAGE_COOKIE_SECONDS: u32 = 365 * 24 * 3600;

/// Who is asking, as far as a page needs to know. Inserted into every request.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) language: Language,
    /// By a link or an earlier one, not by the browser's settings.
    pub(crate) language_chosen: bool,
    pub(crate) path: String,
    /// What else the address asked for, ready to be followed by another pair.
    pub(crate) query: String,
    /// Signed in, and looking at this number.
    pub(crate) customer: Option<CustomerNumber>,
    /// All numbers that the session opens, that one among them.
    pub(crate) points: Vec<CustomerNumber>,
    /// Whether a link to the address that gets its bills opened this number.
    pub(crate) by_link: bool,
    /// When that number was last proven in the session, by whatever opens it.
    pub(crate) proven_at: Option<Timestamp>,
    /// Where the browser wants to go on after a link that it asked for.
    pub(crate) back_to: Option<Place>,
    /// The signed-in visitor's session token.
    pub(crate) session: Option<Token>,
    /// Says that this browser has shown some customer's code before.
    pub(crate) known_by: Option<String>,
    /// What a form of this browser must bring back.
    pub(crate) form_token: String,
    /// What it must bring back behind that, to act on the number that is looked at; empty while signed out.
    pub(crate) form_number: String,
    /// Pseudonym of the network address.
    pub(crate) address: String,
    /// The network address itself, for card systems, which ask for it. Neither kept nor logged.
    pub(crate) ip: Secret<String>,
    /// Pseudonym of the browser's name.
    agent: String,
    /// The kind of browser; may be empty.
    pub(crate) device: String,
}

impl Visitor {
    /// What is kept of an act: enough to recognise it, not to track a person.
    pub(crate) fn evidence(&self) -> serde_json::Value {
        json!({ "by": "web", "address": self.address, "agent": self.agent, "language": self.language.tag() })
    }

    /// The number whose bills are looked at; who is signed out is led to the door.
    pub(crate) fn signed_in(&self) -> Result<&CustomerNumber, Failure> {
        let ended = || Failure::See("/bills?ended".to_owned());
        self.customer.as_ref().ok_or_else(ended)
    }

    /// Addressed in `language` unless the visitor chose another.
    pub(crate) fn speaking(mut self, language: Language) -> Self {
        if !self.language_chosen {
            self.language = language;
        }
        self
    }

    /// Refuses a form that does not bring back the token of this visitor's cookie.
    pub(crate) fn own_form(&self, brought: &str) -> Result<(), Failure> {
        let (token, _) = self.parts(brought)?;
        let same = token.as_bytes().ct_eq(self.form_token.as_bytes());
        if bool::from(same) {
            Ok(())
        } else {
            Err(Failure::Foreign)
        }
    }

    /// As [`Visitor::own_form`], for forms that act on the number that is looked at: refuses one that was made
    /// for another, or for none. Who is signed out meanwhile acts on none, and is led to the door.
    pub(crate) fn own_number(&self, brought: &str) -> Result<(), Failure> {
        self.own_form(brought)?;
        let (_, number) = self.parts(brought)?;
        if self.customer.is_none() || number == self.form_number {
            Ok(())
        } else {
            Err(Failure::OtherNumber)
        }
    }

    fn parts<'a>(&self, brought: &'a str) -> Result<(&'a str, &'a str), Failure> {
        let parts = brought.split_at_checked(self.form_token.len());
        parts.ok_or(Failure::Foreign)
    }
}

/// What was done just now, in the address of a page that says it.
#[derive(Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    pub(crate) done: String,
}

pub(crate) async fn door(State(doors): State<Doors>, mut request: Request, next: Next) -> Response {
    let app = doors.look().await;
    let headers = request.headers();
    let form_secret = cookie(headers, &app.cookie_name("form")).and_then(Token::parse);
    let new_secret = form_secret.is_none().then(|| app.random_token());
    let secret = form_secret.as_ref().or(new_secret.as_ref());
    let form_token = secret.map_or_else(String::new, |secret| {
        app.portal.key.pseudonym("form", secret.expose())
    });
    let asked = asked_language(request.uri());
    let kept = cookie(headers, &app.cookie_name("lang")).and_then(Language::from_tag);
    let session = cookie(headers, &app.cookie_name("session")).and_then(Token::parse);
    let ip = client(&app, &request);
    let mut visitor = Visitor {
        language: asked.or(kept).unwrap_or_else(|| accepted_language(headers)),
        language_chosen: asked.or(kept).is_some(),
        path: request.uri().path().to_owned(),
        query: other_query(request.uri()),
        known_by: cookie(headers, &app.cookie_name("known")).map(str::to_owned),
        customer: None,
        points: Vec::new(),
        by_link: false,
        proven_at: None,
        back_to: cookie(headers, &app.cookie_name(BACK_COOKIE)).and_then(Place::parse),
        session: None,
        form_token,
        form_number: String::new(),
        address: app.portal.key.pseudonym("address", &network(&ip)),
        ip: Secret::new(ip.map_or_else(String::new, |ip| ip.to_canonical().to_string())),
        agent: app
            .portal
            .key
            .pseudonym("agent", text(headers, &header::USER_AGENT)),
        device: device(text(headers, &header::USER_AGENT)),
    };
    let public = visitor.path.starts_with("/assets/");
    let posted = request.method() == Method::POST;
    let response = if posted && !from_our_pages(&app, headers) {
        Failure::Foreign.into_response()
    } else {
        match (session, public) {
            (Some(token), false) => {
                match app
                    .portal
                    .store
                    .session(&token.hash(), app.portal.clock.now())
                    .await
                {
                    Ok(session) => {
                        if let Some(session) = session {
                            visitor.session = Some(token);
                            visitor.form_number = app
                                .portal
                                .key
                                .pseudonym("form-number", session.account.as_str());
                            visitor.customer = Some(session.account);
                            visitor.points = session.points;
                            visitor.by_link = session.by_link;
                            visitor.proven_at = Some(session.proven_at);
                        }
                        request.extensions_mut().insert(visitor.clone());
                        next.run(request).await
                    }
                    Err(fault) => Failure::from(fault).into_response(),
                }
            }
            _ => {
                request.extensions_mut().insert(visitor.clone());
                next.run(request).await
            }
        }
    };
    let mut response = with_page(&app, &visitor, response);
    if !public {
        if let Some(secret) = new_secret.filter(|_| is_html(&response)) {
            app.set_cookie(&mut response, "form", secret.expose(), None);
        }
        if let Some(language) = asked {
            let age = Some(LANGUAGE_COOKIE_SECONDS);
            app.set_cookie(&mut response, "lang", language.tag(), age);
        }
    }
    let address = &visitor.address;
    match response.status() {
        StatusCode::FORBIDDEN => tracing::info!(
            address,
            "refused: a form of another site or an old one, or a page beyond the role"
        ),
        StatusCode::CONFLICT => tracing::info!(address, "refused: a form that is out of date"),
        StatusCode::TOO_MANY_REQUESTS => tracing::info!(address, "refused: too many attempts"),
        _ => {}
    }
    guard_headers(&app, response.headers_mut());
    response
}

/// The same headers for answers that are no pages.
pub(crate) async fn outer(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    guard_headers(&app, response.headers_mut());
    response
}

/// Pseudonym of the network address that a request comes from.
pub(crate) fn address(app: &App, request: &Request) -> String {
    app.portal
        .key
        .pseudonym("address", &network(&client(app, request)))
}

impl Hall {
    /// `__Host-` keeps a sibling domain from planting the cookie; it needs HTTPS.
    pub(crate) fn cookie_name(&self, what: &str) -> String {
        let prefix = if self.https { "__Host-" } else { "" };
        format!("{prefix}kvit_{what}")
    }

    /// Sets a cookie that scripts and foreign sites do not get. Without an age it ends with the browser.
    pub(crate) fn set_cookie(
        &self,
        to: &mut Response,
        what: &str,
        value: &str,
        age_s: Option<u32>,
    ) {
        let name = self.cookie_name(what);
        let secure = if self.https { "; Secure" } else { "" };
        let age = age_s.map_or_else(String::new, |s| format!("; Max-Age={s}"));
        let line = format!("{name}={value}; Path=/{age}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(line) = HeaderValue::from_str(&line) {
            to.headers_mut().append(header::SET_COOKIE, line);
        }
    }

    /// Takes a session's cookie away, and what the browser kept of its pages.
    pub(crate) fn end_cookie(&self, to: &mut Response, what: &str) {
        self.set_cookie(to, what, "", Some(0));
        let name = HeaderName::from_static("clear-site-data");
        to.headers_mut()
            .insert(name, HeaderValue::from_static("\"cache\""));
    }

    pub(crate) fn random_token(&self) -> Token {
        let mut bytes = [0; 16];
        self.portal.rng.fill(&mut bytes);
        Token::from_random(bytes)
    }
}

/// A fault without a page gets one, in the visitor's language.
fn with_page(app: &App, visitor: &Visitor, response: Response) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_html(&response) {
        return response;
    }
    let fault = match status {
        StatusCode::NOT_FOUND => "not-found",
        StatusCode::METHOD_NOT_ALLOWED => "method",
        StatusCode::FORBIDDEN => "foreign",
        StatusCode::CONFLICT => "other-number",
        StatusCode::REQUEST_TIMEOUT => "slow",
        status if status.is_server_error() => "inside",
        _ => "request",
    };
    let mut visitor = visitor.clone();
    // A fault page has no address of its own to be shown in another language.
    "/".clone_into(&mut visitor.path);
    visitor.query.clear();
    match app
        .pages
        .render(&visitor, "fault.html", context! { fault, private => true })
    {
        Ok(page) => {
            let mut shown = (status, page).into_response();
            if let Some(allow) = response.headers().get(header::ALLOW) {
                shown.headers_mut().insert(header::ALLOW, allow.clone());
            }
            shown
        }
        Err(_) => status.into_response(),
    }
}

fn is_html(response: &Response) -> bool {
    text(response.headers(), &header::CONTENT_TYPE).starts_with("text/html")
}

pub(crate) fn guard_headers(app: &App, headers: &mut HeaderMap) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    set(header::CACHE_CONTROL, "no-store");
    set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    );
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    if app.https {
        set(
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        );
    }
}

/// Whether the browser says that a form came from our own pages. What the browser does not say
/// (an old one, or `Origin: null` because our pages send no referrer) is left to the form token,
/// or on link pages to the token in the address, which a foreign site cannot know.
fn from_our_pages(app: &App, headers: &HeaderMap) -> bool {
    let site = text(headers, &HeaderName::from_static("sec-fetch-site"));
    if !matches!(site, "" | "same-origin" | "none") {
        return false;
    }
    let origin = text(headers, &header::ORIGIN);
    let host = text(headers, &header::HOST);
    origin.is_empty()
        || origin == "null"
        || origin == app.portal.public_url.trim_end_matches('/')
        || origin.strip_prefix("https://") == Some(host)
        // Without TLS anybody on the way could have made the page.
        || (!app.https && origin.strip_prefix("http://") == Some(host))
}

fn client(app: &App, request: &Request) -> Option<IpAddr> {
    let proxied = || {
        let chain = request.headers().get_all("x-forwarded-for");
        last_hop(chain.iter().next_back()?.to_str().ok()?)
    };
    let peer = || {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        Some(peer.0.ip())
    };
    if app.portal.limits.trusted_proxies {
        proxied().or_else(peer)
    } else {
        peer()
    }
}

/// The last entry of `X-Forwarded-For`, which the operator's own proxy wrote; those before it are
/// the visitor's to invent.
fn last_hop(chain: &str) -> Option<IpAddr> {
    let last = chain.rsplit(',').next()?.trim();
    // Some proxies add the port.
    let socket = || last.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    last.parse().ok().or_else(socket)
}

/// What counts as one visitor: an IPv4 address, or the /64 that one IPv6 subscriber gets.
fn network(address: &Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        None => "unknown".to_owned(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

fn asked_language(uri: &Uri) -> Option<Language> {
    uri.query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix("lang="))
        .and_then(Language::from_tag)
}

/// The query without the language, each pair followed by `&`, so that a link to the other language
/// leads to the same page.
fn other_query(uri: &Uri) -> String {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs
        .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
        .map(|pair| format!("{pair}&"))
        .collect()
}

/// The first language of ours by weight; without any, the default.
fn accepted_language(headers: &HeaderMap) -> Language {
    let mut best = (0.0, Language::default());
    for part in text(headers, &header::ACCEPT_LANGUAGE).split(',') {
        let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
        let weight: f32 = weight.trim().parse().unwrap_or(0.0);
        if let Some(language) = Language::from_tag(tag.trim())
            && weight > best.0
        {
            best = (weight, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_s_languages_are_weighed() {
        for (header, expected) in [
            ("", Language::Bg),
            ("de-DE,de;q=0.9", Language::Bg),
            ("de, en-GB;q=0.7, bg;q=0.3", Language::En),
            ("bg-BG,bg;q=0.9,en;q=0.8", Language::Bg),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(header));
            assert_eq!(accepted_language(&headers), expected, "{header}");
        }
    }

    #[test]
    fn only_the_own_proxy_is_believed() {
        for (chain, visitor) in [
            ("192.0.2.1", "192.0.2.1"),
            ("1.1.1.1, 192.0.2.1", "192.0.2.1"),
            ("1.1.1.1,192.0.2.1:4711", "192.0.2.1"),
            ("1.1.1.1, [2001:db8::1]:443", "2001:db8::1"),
        ] {
            assert_eq!(last_hop(chain), visitor.parse().ok(), "{chain}");
        }
        assert_eq!(last_hop("192.0.2.1, unknown"), None);
    }

    #[test]
    fn an_ipv6_subscriber_is_one_visitor() {
        let network = |text: &str| network(&text.parse().ok());
        assert_eq!(network("2001:db8:1:2::3"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::3"), network("2001:db8:1:3::3"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
