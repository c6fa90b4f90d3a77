//! Calls to payment systems, and to the operator's own, over HTTPS: one connection a call, a bounded
//! answer, a time limit. Nothing is followed: a system that redirects is configured wrongly.

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, Uri, body::Bytes, header};
use hyper_util::rt::TokioIo;
use kvit_flow::ports::{NotHeard, Post};
use kvit_pay::ways::{Call, NoAnswer, Silence, Wire};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A customer waits for a code meanwhile.
const CALL_MAX: Duration = Duration::from_secs(10);

/// Calls payment systems and webhooks. Trusts the certificates that the machine trusts.
pub struct HttpWire {
    tls: TlsConnector,
}

impl Default for HttpWire {
    fn default() -> Self {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (_, unread) = roots.add_parsable_certificates(found.certs);
        if unread > 0 || !found.errors.is_empty() {
            tracing::debug!(unread, "some of the machine's certificates cannot be read");
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            tls: TlsConnector::from(Arc::new(config)),
        }
    }
}

impl Wire for HttpWire {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>> {
        async move {
            let answer = self.in_time(call.into()).await.map_err(NoAnswer::Silent)?;
            match answer.status {
                StatusCode::OK => answer.body.map_err(NoAnswer::Silent),
                status if status.is_server_error() => Err(NoAnswer::Silent(answered_with(status))),
                status => Err(NoAnswer::Refused(status.as_u16())),
            }
        }
        .boxed()
    }

    fn reach(&self, url: String) -> BoxFuture<'_, Result<(), NoAnswer>> {
        async move {
            let call = Call { url, form: None };
            let answer = self.in_time(call.into()).await.map_err(NoAnswer::Silent)?;
            if answer.status.is_server_error() {
                return Err(NoAnswer::Silent(answered_with(answer.status)));
            }
            Ok(())
        }
        .boxed()
    }
}

impl Post for HttpWire {
    fn post<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, String)],
        body: &'a str,
    ) -> BoxFuture<'a, Result<(), NotHeard>> {
        let letter = Letter {
            url: url.to_owned(),
            headers: headers.to_vec(),
            body: Some(("application/json", body.to_owned())),
        };
        async move {
            match self.in_time(letter).await {
                Ok(answer) if answer.status.is_success() => Ok(()),
                Ok(answer) => Err(NotHeard(answered_with(answer.status).to_string())),
                Err(why) => Err(NotHeard(why.to_string())),
            }
        }
        .boxed()
    }
}

/// What is sent: by POST where there is a body.
struct Letter {
    url: String,
    headers: Vec<(&'static str, String)>,
    /// Its media type, and what it says.
    body: Option<(&'static str, String)>,
}

impl From<Call> for Letter {
    fn from(call: Call) -> Self {
        Self {
            url: call.url,
            headers: Vec::new(),
            body: call
                .form
                .map(|form| ("application/x-www-form-urlencoded", form)),
        }
    }
}

/// What was answered.
struct Answer {
    status: StatusCode,
    /// Or why it could not be read.
    body: Result<Vec<u8>, Silence>,
}

fn answered_with(status: StatusCode) -> Silence {
    Silence::Status(status.as_u16())
}

impl HttpWire {
    /// The answer, or why there is none.
    async fn in_time(&self, letter: Letter) -> Result<Answer, Silence> {
        match tokio::time::timeout(CALL_MAX, self.talk(letter)).await {
            Ok(answer) => answer,
            Err(_) => Err(Silence::Slow),
        }
    }

    async fn talk(&self, letter: Letter) -> Result<Answer, Silence> {
        let uri: Uri = letter.url.parse().map_err(|_| Silence::NoAddress)?;
        let host = uri.host().unwrap_or_default().to_owned();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_here(&host) => false,
            _ => return Err(Silence::OpenLine),
        };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, port)).await;
        let stream = stream.map_err(Silence::System)?;
        if !secure {
            return exchange(stream, &uri, letter).await;
        }
        let name = ServerName::try_from(bare.to_owned()).map_err(silent)?;
        let stream = self.tls.connect(name, stream).await;
        exchange(stream.map_err(Silence::System)?, &uri, letter).await
    }
}

/// Whether a host is this machine, as in trials and demonstrations.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    uri: &Uri,
    letter: Letter,
) -> Result<Answer, Silence> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(silent)?;
    // Ends when the exchange does.
    let driver = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let method = match letter.body {
        Some(_) => Method::POST,
        None => Method::GET,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, "kvit")
        .header(header::CONNECTION, "close");
    for (name, value) in letter.headers {
        request = request.header(name, value);
    }
    let (media_type, body) = letter.body.unzip();
    if let Some(media_type) = media_type {
        request = request.header(header::CONTENT_TYPE, media_type);
    }
    let request = request
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(silent)?;
    let response = sender.send_request(request).await.map_err(silent)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await;
    driver.abort();
    let body = body
        .map(|body| body.to_bytes().to_vec())
        .map_err(|_| Silence::Cut);
    Ok(Answer { status, body })
}

fn silent(error: impl std::error::Error) -> Silence {
    Silence::Other(error.to_string())
}
