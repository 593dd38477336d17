//! How registries are reached: time limits, TLS, redirects, mirrors, proxies.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use imagespec::oci::Reference;
use imagespec::registry::{Existence, Registry, RegistrySettings};
use serde_json::json;

use crate::server::{Answer, Content, Server, answer, error, raw};
use crate::{User, here};

/// Asks without a shell around it.
fn ask(settings: &RegistrySettings, name: &str) -> Existence {
    let registry = Registry::new(settings, &|_| None).unwrap();
    assert_eq!(format!("{registry:?}"), "Registry");
    registry.exists(&Reference::parse(name).unwrap(), &[])
}

/// The kind and the reason of what is unknown.
fn unknown(found: Existence) -> String {
    match found {
        Existence::Unknown(unknown) => format!("{} {}", unknown.kind.name(), unknown.reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_connection_it_is_unknown() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let check = |port: u16, expect: &str| {
        assert_eq!(User::new().exists(&format!("127.0.0.1:{port}/a/b:1"), &[]), expect);
    };
    check(closed, "unreachable connection refused");
    check(raw(b""), "unreachable the connection was closed before an answer");
    let found = User::new().exists(&format!("127.0.0.1:{}/a/b:1", raw(b"220 smtp.example ready\r\n")), &[]);
    assert!(found.starts_with("other this is not HTTP"), "{found}");
}

#[test]
fn a_slow_server_is_not_waited_for_longer_than_the_time_limit() {
    let slow = answer(200, "{}").after(Duration::from_secs(20));
    let server = Server::new(move |_| slow.clone());
    let settings = RegistrySettings {
        timeout: Duration::from_secs(1),
        ..RegistrySettings::default()
    };
    let start = Instant::now();
    let found = unknown(ask(&settings, &format!("{}/a/b:1", server.host())));
    assert_eq!(found, "silence no answer in time");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn certificates_have_to_be_trusted() {
    let content = Content::index(&["linux/amd64"]);
    let yes = format!("yes {}", content.digest);
    let server = Server::with_tls(move |asked| content.answer(asked));
    let name = format!("localhost:{}/a/b:1", server.port);
    let found = User::new().exists(&name, &[]);
    assert_eq!(found, "tls TLS failed: invalid peer certificate: UnknownIssuer");
    let trusting = User::new().with("SSL_CERT_FILE", here("certificates/authority.pem"));
    assert_eq!(trusting.exists(&name, &[]), yes);
    let settings = RegistrySettings {
        authority: Some(PathBuf::from(here("certificates/authority.pem"))),
        ..RegistrySettings::default()
    };
    assert!(matches!(ask(&settings, &name), Existence::Yes(_)));
    // A handshake that ends in an alert.
    let found = User::new().exists(
        &format!("localhost:{}/a/b:1", raw(b"\x15\x03\x03\x00\x02\x02\x28")),
        &[],
    );
    assert_eq!(found, "tls TLS failed: received fatal alert: HandshakeFailure");
    for (file, expect) in [("none.pem", "cannot read it"), ("server.rs", "it has no certificate")] {
        let settings = RegistrySettings {
            authority: Some(PathBuf::from(here(file))),
            ..RegistrySettings::default()
        };
        let problem = Registry::new(&settings, &|_| None).unwrap_err();
        assert!(problem.message.contains(expect), "{problem}");
    }
}

#[test]
fn a_redirect_takes_credentials_to_no_other_host() {
    let content = Content::index(&["linux/amd64"]);
    let yes = format!("yes {}", content.digest);
    let storage = content.clone().serve();
    let elsewhere = format!("http://{}", storage.host());
    // Asks for a password, and sends who has it to `target` and the same path.
    let registry = |target: String| {
        let content = content.clone();
        Server::new(move |asked| match asked.authorization() {
            "" => error(401, "UNAUTHORIZED", "who?").header("WWW-Authenticate", "Basic realm=\"r\""),
            _ if asked.path.contains("moved") => {
                let inner = crate::server::Asked {
                    path: asked.path.replace("/moved", ""),
                    ..asked.clone()
                };
                content.answer(&inner)
            }
            _ => answer(307, "").header("Location", format!("{target}{}", asked.path)),
        })
    };
    let user = |server: &Server| {
        let auth = json!({server.host(): {"username": "u", "password": "hunter22"}});
        User::with_config(&json!({"auths": auth}))
    };
    // Another port is another host.
    let server = registry(elsewhere);
    let found = user(&server).exists(&format!("{}/a/b:1", server.host()), &["--platform", "linux/amd64"]);
    assert_eq!(found, yes);
    assert!(!storage.asked().is_empty());
    assert!(storage.asked().iter().all(|asked| asked.authorization().is_empty()));
    // The same host is trusted as before.
    let server = registry("/moved".into());
    let found = user(&server).exists(&format!("{}/a/b:1", server.host()), &[]);
    assert_eq!(found, yes);
    let last = server.asked().pop().unwrap();
    assert!(last.path.starts_with("/moved/") && last.authorization().starts_with("Basic "));
    let check = |location: &'static str, expect: &str| {
        let server = registry(location.to_owned());
        let found = user(&server).exists(&format!("{}/a/b:1", server.host()), &[]);
        assert_eq!(found, expect);
    };
    check(
        "http://storage.example",
        "plain-http storage.example is asked for without TLS",
    );
    check(
        "ftp://storage.example",
        "plain-http storage.example is asked for without TLS",
    );
    check("//storage.example", "other it redirects to what is no address");
    check("", "other it redirects too often");
}

#[test]
fn mirrors_are_asked_first_and_the_registry_decides() {
    let content = Content::index(&["linux/amd64"]);
    let mirror_of = |rule: fn(&Content, &crate::server::Asked) -> Answer| {
        let content = content.clone();
        Server::new(move |asked| rule(&content, asked))
    };
    let registry = content.clone().serve();
    let empty = Content::default().serve();
    let check = |mirrors: &[&Server], origin: &Server, expect: &str| {
        let texts = mirrors.iter().map(|mirror| format!("http://{}", mirror.host()));
        let settings = RegistrySettings {
            mirrors: BTreeMap::from([(origin.host(), texts.collect())]),
            retries: 0,
            ..RegistrySettings::default()
        };
        let found = match ask(&settings, &format!("{}/a/b:1", origin.host())) {
            Existence::Yes(found) => format!("yes {}", found.host),
            Existence::No(absent) => format!("no {}", absent.reason),
            Existence::Unknown(unknown) => format!("unknown {}", unknown.host),
        };
        assert_eq!(found, expect);
    };
    let good = mirror_of(Content::answer);
    let broken = mirror_of(|_, _| answer(500, ""));
    check(&[&good], &empty, &format!("yes {}", good.host()));
    check(&[&broken, &empty, &good], &empty, &format!("yes {}", good.host()));
    check(&[&empty], &registry, &format!("yes {}", registry.host()));
    check(&[&broken], &registry, &format!("yes {}", registry.host()));
    check(&[&broken], &empty, "no MANIFEST_UNKNOWN: manifest unknown");
    check(&[&empty], &broken, &format!("unknown {}", broken.host()));
}

#[test]
fn a_proxy_is_for_tls_and_its_password_is_not_told() {
    let proxy = Server::new(|_| answer(407, "hunter22"));
    let address = format!("http://u:hunter22@{}", proxy.host());
    let user = User::new().with("HTTPS_PROXY", &address);
    let found = user.exists("registry.example/a/b:1", &[]);
    assert_eq!(found, "unreachable the proxy gives no connection");
    assert_eq!(proxy.lines()[0], "CONNECT registry.example:443");
    let before = proxy.lines().len();
    // This machine is not asked through it, and HTTP_PROXY is for what is not asked at all.
    let server = Content::index(&["linux/amd64"]).serve();
    assert!(user.exists(&format!("{}/a/b:1", server.host()), &[]).starts_with("yes"));
    let other = User::new().with("HTTP_PROXY", &address);
    other.exists("registry.invalid/a/b:1", &[]);
    assert_eq!(proxy.lines().len(), before);
}
