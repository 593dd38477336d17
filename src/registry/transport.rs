//! One request to one host, and its redirects: time limits, TLS, proxies. What fails here failed before a registry said
//! anything.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ureq::http::{self, HeaderMap, Method, StatusCode, Uri, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Error, Proxy};

use crate::registry::answer::{Unknown, UnknownKind};
use crate::registry::place::{host_of, is_loopback, is_safe, redirected};
use crate::registry::secret::Secret;
use crate::text::Diagnostic;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;
/// How long a connection may take: one to a host that is not there would use up the whole time.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) address: String,
    pub(super) accept: &'static str,
    /// The whole value of `Authorization`.
    pub(super) authorization: Option<Secret>,
    /// What a form sends.
    pub(super) form: Option<Secret>,
    /// The largest answer, in bytes.
    pub(super) limit: u64,
}

impl Request {
    pub(super) fn get(address: String, accept: &'static str, limit: u64) -> Self {
        Self {
            method: Method::GET,
            address,
            accept,
            authorization: None,
            form: None,
            limit,
        }
    }
}

/// What came back. It may hold a token.
#[derive(Clone)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Who answered, after redirects.
    pub(super) host: String,
}

impl Response {
    /// A header's text; empty without one.
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The words for the status.
    pub(super) fn status_text(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("")
    }
}

/// Sends requests.
pub(super) struct Transport {
    /// A file with certificates, besides the system's.
    authority: Option<Authority>,
    /// To this machine, without TLS.
    plain: OnceLock<Agent>,
    /// With TLS; reading the system's certificates takes time.
    secure: OnceLock<Result<Agent, String>>,
}

struct Authority {
    certificates: Vec<Certificate<'static>>,
}

impl fmt::Debug for Transport {
    /// A proxy's address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    /// # Errors
    /// When the authority's file has no certificates.
    pub(super) fn new(authority: Option<&PathBuf>) -> Result<Self, Diagnostic> {
        Ok(Self {
            authority: authority.map(|file| Authority::read(file)).transpose()?,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
        })
    }

    /// Sends a request, and follows redirects: without the `Authorization` once another host or port is asked, and never from
    /// TLS to HTTP.
    pub(super) fn send(&self, request: &Request, deadline: Instant) -> Result<Response, Unknown> {
        let mut request = request.clone();
        let wrong = |address: &str, why: &str| Unknown::new(UnknownKind::Other, address, why);
        let mut uri: Uri = request
            .address
            .parse()
            .map_err(|_| wrong(&request.address, "this is no address"))?;
        for _ in 0..=MAX_REDIRECTS {
            if !is_safe(&uri) {
                let why = format!("{} is asked for without TLS", host_of(&uri));
                return Err(Unknown::new(UnknownKind::PlainHttp, host_of(&uri), why));
            }
            let response = self.send_by_either(&request, &mut uri, deadline)?;
            let location = response.header(header::LOCATION);
            if !response.status.is_redirection() || location.is_empty() || request.form.is_some() {
                return Ok(response);
            }
            let next = redirected(&uri, location);
            let next = next.ok_or_else(|| wrong(host_of(&uri), "it redirects to what is no address"))?;
            let is_downgrade = uri.scheme_str() == Some("https") && next.scheme_str() != Some("https");
            if is_downgrade {
                let why = "it redirects to an address without TLS";
                return Err(Unknown::new(UnknownKind::PlainHttp, host_of(&uri), why));
            }
            if host_of(&next) != host_of(&uri) {
                request.authorization = None;
            }
            uri = next;
        }
        Err(wrong(host_of(&uri), "it redirects too often"))
    }

    /// This machine's registries are asked without TLS first, as most of them have none. Changes the address to the one that
    /// answered.
    fn send_by_either(&self, request: &Request, uri: &mut Uri, deadline: Instant) -> Result<Response, Unknown> {
        let first = self.send_once(request, uri, deadline);
        let wants_tls = match &first {
            Ok(response) => response.status == StatusCode::BAD_REQUEST && mentions_https(&response.body),
            Err(unknown) => unknown.is_garbled,
        };
        if uri.scheme_str() != Some("http") || !wants_tls {
            return first;
        }
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(http::uri::Scheme::HTTPS);
        let Ok(secure) = Uri::from_parts(parts) else {
            return first;
        };
        match self.send_once(request, &secure, deadline) {
            Err(unknown) if unknown.kind != UnknownKind::Tls => first,
            second => {
                *uri = secure;
                second
            }
        }
    }

    fn send_once(&self, request: &Request, uri: &Uri, deadline: Instant) -> Result<Response, Unknown> {
        let host = host_of(uri);
        let agent = self.agent(uri)?;
        let patience = deadline.saturating_duration_since(Instant::now());
        if patience.is_zero() {
            return Err(silence(host));
        }
        let head = http::Request::builder()
            .method(request.method.clone())
            .uri(uri.clone())
            .header(header::ACCEPT, request.accept);
        let head = match &request.authorization {
            Some(authorization) => head.header(header::AUTHORIZATION, authorization.expose()),
            None => head,
        };
        let answer = match &request.form {
            Some(form) => head
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose().to_owned())
                .map_err(Error::from)
                .and_then(|whole| run(agent, whole, patience, request.limit)),
            None => head
                .body(())
                .map_err(Error::from)
                .and_then(|whole| run(agent, whole, patience, request.limit)),
        };
        let (head, body) = answer.map_err(|error| unknown_of(host, &error))?;
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
            host: host.to_owned(),
        })
    }

    fn agent(&self, uri: &Uri) -> Result<&Agent, Unknown> {
        if uri.scheme_str() == Some("http") {
            return Ok(self.plain.get_or_init(|| agent(TlsConfig::builder().build(), None)));
        }
        let found = self.secure.get_or_init(|| {
            // SSL_CERT_FILE and SSL_CERT_DIR say which instead.
            let system = rustls_native_certs::load_native_certs();
            let known = system.certs.iter().map(|der| Certificate::from_der(der).to_owned());
            let own = self.authority.iter().flat_map(|own| own.certificates.iter().cloned());
            let certificates: Vec<_> = known.chain(own).collect();
            if certificates.is_empty() {
                let why = system
                    .errors
                    .first()
                    .map_or(String::new(), |error| format!(": {error}"));
                return Err(format!("the system's authorities cannot be read{why}"));
            }
            let tls = TlsConfig::builder()
                .root_certs(RootCerts::new_with_certs(&certificates))
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .build();
            // Others read HTTP_PROXY for HTTPS too: a proxy that was not meant for it.
            let is_meant = PROXY_VARIABLES.iter().any(|name| std::env::var_os(name).is_some());
            Ok(agent(tls, Proxy::try_from_env().filter(|_| is_meant)))
        });
        let agent = found.as_ref();
        let agent = agent.map_err(|why| Unknown::new(UnknownKind::Tls, host_of(uri), why))?;
        Ok(agent)
    }
}

/// An agent that leaves all decisions to its caller.
fn agent(tls: TlsConfig, proxy: Option<Proxy>) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .tls_config(tls)
        .proxy(proxy)
        .user_agent(concat!("imagespec/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

fn run<B: ureq::AsSendBody>(
    agent: &Agent,
    request: http::Request<B>,
    patience: Duration,
    limit: u64,
) -> Result<(http::response::Parts, Vec<u8>), Error> {
    let is_local = is_loopback(host_of(request.uri()));
    let request = agent
        .configure_request(request)
        .timeout_global(Some(patience))
        .timeout_connect(Some(patience.min(CONNECT_PATIENCE)));
    // No proxy is between this machine and itself.
    let request = if is_local { request.proxy(None) } else { request };
    let request = request.build();
    let (head, mut body): (_, Body) = agent.run(request)?.into_parts();
    let body = body.with_config().limit(limit).read_to_vec()?;
    Ok((head, body))
}

impl Authority {
    fn read(file: &Path) -> Result<Self, Diagnostic> {
        let fail = |why: String| Diagnostic::error("authority", format!("{}: {why}", file.display()));
        let content = std::fs::read(file).map_err(|error| fail(format!("cannot read it: {error}")))?;
        let mut certificates = Vec::new();
        for item in parse_pem(&content) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(_) => return Err(fail("it is not PEM".into())),
            }
        }
        if certificates.is_empty() {
            return Err(fail("it has no certificate".into()));
        }
        Ok(Self { certificates })
    }
}

/// What servers say when they expect TLS: Go's, nginx and Apache.
fn mentions_https(body: &[u8]) -> bool {
    let words = String::from_utf8_lossy(body).to_lowercase();
    words.contains("https") || words.contains("ssl-enabled")
}

fn silence(host: &str) -> Unknown {
    Unknown::new(UnknownKind::Silence, host, "no answer in time")
}

/// The reason that an error is.
fn unknown_of(host: &str, error: &Error) -> Unknown {
    let make = |kind, reason: &str| Unknown::new(kind, host, reason);
    match error {
        Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            make(UnknownKind::Silence, "no connection in time")
        }
        Error::Timeout(_) => silence(host),
        Error::HostNotFound => make(UnknownKind::Unreachable, "there is no such host"),
        Error::ConnectionFailed => make(UnknownKind::Unreachable, "there is no connection"),
        // Whoever that is may have put a password into the proxy's address.
        Error::ConnectProxyFailed(_) => make(UnknownKind::Unreachable, "the proxy gives no connection"),
        Error::Rustls(error) => of_tls(host, error),
        Error::Tls(words) => make(UnknownKind::Tls, words),
        Error::BodyExceedsLimit(limit) => make(UnknownKind::Other, &format!("the answer has more than {limit} bytes")),
        Error::Protocol(error) => Unknown {
            is_garbled: true,
            ..make(UnknownKind::Other, &format!("this is not HTTP: {error}"))
        },
        Error::Io(error) => of_io(host, error),
        other => make(UnknownKind::Other, &other.to_string()),
    }
}

fn of_io(host: &str, error: &io::Error) -> Unknown {
    use io::ErrorKind as Kind;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(inner) = inner {
        return of_tls(host, inner);
    }
    match error.kind() {
        Kind::TimedOut | Kind::WouldBlock => silence(host),
        Kind::UnexpectedEof | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Unknown {
            is_garbled: true,
            ..Unknown::new(
                UnknownKind::Unreachable,
                host,
                "the connection was closed before an answer",
            )
        },
        Kind::ConnectionRefused => Unknown::new(UnknownKind::Unreachable, host, "connection refused"),
        _ => Unknown::new(UnknownKind::Unreachable, host, error.to_string()),
    }
}

fn of_tls(host: &str, error: &rustls::Error) -> Unknown {
    match error {
        rustls::Error::InvalidMessage(_) => Unknown::new(
            UnknownKind::PlainHttp,
            host,
            "it does not speak TLS where HTTPS is expected",
        ),
        other => Unknown::new(UnknownKind::Tls, host, format!("TLS failed: {other}")),
    }
}
