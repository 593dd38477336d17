//! Who asks: passwords, tokens, and the files and programs that have them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::atomic::{AtomicUsize, Ordering};

use imagespec::oci::Reference;
use imagespec::registry::{Existence, Registry, RegistrySettings};
use serde_json::{Value, json};

use crate::User;
use crate::server::{Asked, Content, Server, answer, error};

/// `u:hunter22` and `v:hunter33` in Base64.
const RIGHT: &str = "dTpodW50ZXIyMg==";
const WRONG: &str = "djpodW50ZXIzMw==";

/// A registry that wants `u:hunter22` with each request.
fn basic() -> (Server, String) {
    let content = Content::index(&["linux/amd64"]);
    let yes = format!("yes {}", content.digest);
    let server = Server::new(move |asked| {
        if asked.authorization() == format!("Basic {RIGHT}") {
            return content.answer(asked);
        }
        let said = format!("authentication required, not {}", asked.authorization());
        error(401, "UNAUTHORIZED", &said).header("WWW-Authenticate", "Basic realm=\"Registry Realm\"")
    });
    (server, yes)
}

fn auths(host: &str, auth: &str) -> Value {
    json!({"auths": {host: {"auth": auth}}})
}

#[test]
fn passwords_are_sent_when_they_are_asked_for() {
    let (server, yes) = basic();
    let name = format!("{}/a/b:1", server.host());
    let user = User::with_config(&auths(&server.host(), RIGHT));
    assert_eq!(user.exists(&name, &[]), yes);
    assert_eq!(server.asked()[0].authorization(), "");
    // More than one request, one login.
    let before = server.asked().len();
    assert_eq!(user.exists(&name, &["--platform", "linux/amd64"]), yes);
    let refused = server.asked()[before..]
        .iter()
        .filter(|asked| asked.authorization().is_empty())
        .count();
    assert_eq!(refused, 2, "one for each of the two runs");
    let found = User::new().exists(&name, &[]);
    assert_eq!(found, "denied 401 Unauthorized, and there are no credentials for it");
    let user = User::with_config(&auths(&server.host(), WRONG));
    let found = user.exists(&name, &[]);
    let file = user.home.path().join(".docker/config.json");
    let expect = format!(
        "denied 401 Unauthorized: UNAUTHORIZED: authentication required, not Basic *** (with credentials from {})",
        file.display()
    );
    assert_eq!(found, expect);
    let user = User::with_config(&json!({"auths": {server.host(): {"identitytoken": "hunter22"}}}));
    let found = user.exists(&name, &[]);
    assert!(found.starts_with("denied it asks for a password, and "), "{found}");
}

#[test]
fn files_are_read_in_their_order() {
    let (server, yes) = basic();
    let name = format!("{}/a/b:1", server.host());
    let host = server.host();
    let right = auths(&host, RIGHT).to_string();
    let wrong = auths(&host, WRONG).to_string();
    let check = |files: &[(&str, &str)], variables: &[(&str, &str)], is_right: bool| {
        let mut user = User::new();
        for (path, content) in files {
            user.file(path, content);
        }
        let home = user.home.path().display().to_string();
        for (variable, value) in variables {
            user = user.with(variable, value.replace("HOME", &home));
        }
        let found = user.exists(&name, &[]);
        assert_eq!(found == yes, is_right, "{files:?} {variables:?}: {found}");
    };
    let docker = ".docker/config.json";
    check(&[("run/containers/auth.json", &right), (docker, &wrong)], &[], true);
    check(&[("run/containers/auth.json", &wrong), (docker, &right)], &[], false);
    check(&[(".config/containers/auth.json", &right), (docker, &wrong)], &[], true);
    check(&[("run/containers/auth.json", "{}"), (docker, &right)], &[], true);
    let dir = ("dir/config.json", right.as_str());
    check(&[dir, (docker, &wrong)], &[("DOCKER_CONFIG", "HOME/dir")], true);
    check(&[(docker, &right)], &[("DOCKER_CONFIG", "HOME/dir")], false);
    let file = ("file.json", right.as_str());
    let both = [("DOCKER_CONFIG", "HOME/dir"), ("REGISTRY_AUTH_FILE", "HOME/file.json")];
    check(&[file, ("dir/config.json", &wrong)], &both, true);
    check(&[(docker, &right)], &[("REGISTRY_AUTH_FILE", "HOME/file.json")], false);
}

#[test]
fn what_cannot_be_read_is_told_without_its_content() {
    let (server, _) = basic();
    let name = format!("{}/a/b:1", server.host());
    let check = |content: &str, expect: &str| {
        let user = User::new();
        user.file(".docker/config.json", content);
        let file = user.home.path().join(".docker/config.json").display().to_string();
        assert_eq!(user.exists(&name, &[]).replace(&file, "FILE"), expect);
    };
    let host = server.host();
    check("hunter22", "credentials FILE is not JSON");
    let auth = json!({"auths": {&host: {"auth": "hunter22!"}}}).to_string();
    check(&auth, &format!("credentials the entry {host} of FILE is not Base64"));
    check(
        &json!({"auths": {&host: "hunter22"}}).to_string(),
        "denied 401 Unauthorized, and there are no credentials for it",
    );
    let public = Content::index(&["linux/amd64"]).serve();
    let user = User::new();
    user.file(".docker/config.json", "broken");
    let found = user.exists(&format!("{}/a/b:1", public.host()), &[]);
    assert!(found.starts_with("yes"), "nobody asked for credentials: {found}");
}

#[test]
fn programs_give_credentials() {
    let (server, yes) = basic();
    let name = format!("{}/a/b:1", server.host());
    let host = server.host();
    // Gives the password to whom it is for, and notes what it was asked.
    let keeps = format!(
        "#!/bin/sh\n[ \"$1\" = get ] || exit 9\nread -r server || :\n\
         if [ \"$server\" = {host} ]; then\n\
         echo '{{\"ServerURL\": \"{host}\", \"Username\": \"u\", \"Secret\": \"hunter22\"}}'\n\
         else\necho 'credentials not found in native keychain'; exit 1\nfi\n"
    );
    let fails = "#!/bin/sh\necho hunter22\necho hunter22 >&2\nexit 1\n";
    let check = |config: Value, expect: &str| {
        let user = User::with_config(&config)
            .program("docker-credential-keeps", &keeps)
            .program("docker-credential-fails", fails);
        let file = user.home.path().join(".docker/config.json").display().to_string();
        assert_eq!(user.exists(&name, &[]).replace(&file, "FILE"), expect, "{config}");
    };
    check(json!({"credHelpers": {&host: "keeps"}}), &yes);
    check(json!({"credsStore": "keeps"}), &yes);
    check(json!({"credsStore": "keeps", "auths": {&host: {}}}), &yes);
    check(json!({"credHelpers": {&host: "keeps"}, "credsStore": "fails"}), &yes);
    check(
        json!({"credHelpers": {"other.example": "fails"}, "auths": {&host: {"auth": RIGHT}}}),
        &yes,
    );
    check(
        json!({"credsStore": "fails"}),
        "credentials `docker-credential-fails get` failed (named in FILE)",
    );
    check(
        json!({"credsStore": "gone"}),
        "credentials cannot start `docker-credential-gone`: No such file or directory (os error 2) (named in FILE)",
    );
    let alone = User::with_config(&json!({"credsStore": "keeps"})).program("docker-credential-keeps", &keeps);
    let (other, _) = basic();
    let found = alone.exists(&format!("{}/a/b:1", other.host()), &[]);
    assert_eq!(found, "denied 401 Unauthorized, and there are no credentials for it");
}

/// A registry that takes `Bearer hunter-token`, and the server that gives it by a rule.
fn with_tokens(rule: impl Fn(&Asked) -> crate::server::Answer + Send + Sync + 'static) -> (Server, Server, String) {
    let tokens = Server::new(rule);
    let content = Content::index(&["linux/amd64"]);
    let yes = format!("yes {}", content.digest);
    let challenge = format!(
        "Bearer realm=\"http://{}/token?x=1\",service=\"registry.example\",scope=\"repository:a/b:pull\"",
        tokens.host()
    );
    let registry = Server::new(move |asked| {
        if asked.authorization() == "Bearer hunter-token" {
            return content.answer(asked);
        }
        error(401, "UNAUTHORIZED", "authentication required").header("WWW-Authenticate", &challenge)
    });
    (registry, tokens, yes)
}

#[test]
fn tokens_are_given_by_their_own_server() {
    let token = || answer(200, r#"{"token": "hunter-token"}"#);
    let (registry, tokens, yes) = with_tokens(move |_| token());
    let name = format!("{}/a/b:1", registry.host());
    let said = User::new().run(&["exists", &name]);
    assert_eq!(said.out.trim(), yes);
    let asked = &tokens.asked()[0];
    assert_eq!(
        (asked.path.as_str(), asked.authorization()),
        (
            "/token?x=1&scope=repository%3Aa%2Fb%3Apull&service=registry.example",
            ""
        )
    );
    let (registry, tokens, yes) = with_tokens(move |asked| {
        if asked.authorization() == format!("Basic {RIGHT}") {
            answer(200, r#"{"access_token": "hunter-token", "expires_in": 300}"#)
        } else {
            answer(401, r#"{"details": "incorrect username or password"}"#)
        }
    });
    let name = format!("{}/a/b:1", registry.host());
    let user = User::with_config(&auths(&registry.host(), RIGHT));
    assert_eq!(user.exists(&name, &["--platform", "linux/amd64"]), yes);
    assert!(tokens.asked()[0].path.ends_with("&account=u"));
    // The registry itself never sees the password.
    assert!(
        registry
            .asked()
            .iter()
            .all(|asked| !asked.authorization().starts_with("Basic"))
    );
    let from = |user: &User| user.home.path().join(".docker/config.json").display().to_string();
    let user = User::with_config(&auths(&registry.host(), WRONG));
    let expect = format!(
        "denied no token from {} with credentials from {}: 401 Unauthorized: incorrect username or password",
        tokens.host(),
        from(&user)
    );
    assert_eq!(user.exists(&name, &[]), expect);
    let expect = format!(
        "denied no token from {} without credentials: 401 Unauthorized: incorrect username or password",
        tokens.host()
    );
    assert_eq!(User::new().exists(&name, &[]), expect);
}

#[test]
fn an_identity_token_becomes_a_token() {
    let (registry, tokens, yes) = with_tokens(|asked| {
        let fields: Vec<&str> = asked.body.split('&').collect();
        let is_right = asked.method == "POST" && fields.contains(&"refresh_token=hunter%2F22");
        if is_right && fields.contains(&"grant_type=refresh_token") && fields.contains(&"service=registry.example") {
            answer(200, r#"{"access_token": "hunter-token"}"#)
        } else {
            answer(
                400,
                json!({"error": "invalid_grant", "error_description": "hunter/33 is no token"}).to_string(),
            )
        }
    });
    let name = format!("{}/a/b:1", registry.host());
    let of = |token: &str| json!({"auths": {registry.host(): {"auth": "dTo=", "identitytoken": token}}});
    assert_eq!(User::with_config(&of("hunter/22")).exists(&name, &[]), yes);
    assert!(tokens.asked()[0].authorization().is_empty());
    let found = User::with_config(&of("hunter/33")).exists(&name, &[]);
    assert!(found.ends_with(": 400 Bad Request: *** is no token"), "{found}");
    let kept = "#!/bin/sh\necho '{\"Username\": \"<token>\", \"Secret\": \"hunter/22\"}'\n";
    let user = User::with_config(&json!({"credsStore": "kept"})).program("docker-credential-kept", kept);
    assert_eq!(user.exists(&name, &[]), yes);
}

#[test]
fn a_token_server_has_problems_of_its_own() {
    let check = |reply: crate::server::Answer, expect: &str| {
        let (registry, tokens, _) = with_tokens(move |_| reply.clone());
        let found = User::new().exists(&format!("{}/a/b:1", registry.host()), &[]);
        assert_eq!(found.replace(&tokens.host(), "TOKENS"), expect);
    };
    let none = "no token from TOKENS without credentials";
    check(answer(500, ""), &format!("broken {none}: 500 Internal Server Error"));
    check(
        error(404, "NAME_UNKNOWN", "not here"),
        &format!("other {none}: NAME_UNKNOWN: not here"),
    );
    check(answer(200, "{}"), &format!("other {none}: its answer has no token"));
    check(
        answer(200, r#"{"token": "hunter-other"}"#),
        "denied 401 Unauthorized: UNAUTHORIZED: authentication required (without credentials)",
    );
    // Whoever listens would have the password.
    let challenge = "Bearer realm=\"http://tokens.example/token\",service=\"x\"";
    let registry = Server::new(move |_| answer(401, "").header("WWW-Authenticate", challenge));
    let user = User::with_config(&auths(&registry.host(), RIGHT));
    let found = user.exists(&format!("{}/a/b:1", registry.host()), &[]);
    assert!(found.starts_with("plain-http no token from tokens.example"), "{found}");
}

#[test]
fn of_a_long_token_that_is_repeated_no_piece_is_told() {
    let token = "hunter-".repeat(200);
    let reply = json!({ "token": token }).to_string();
    let tokens = Server::new(move |_| answer(200, &reply));
    let challenge = format!("Bearer realm=\"http://{}/\"", tokens.host());
    for (status, code, expect) in [
        (
            403,
            "DENIED",
            "denied 403 Forbidden: DENIED: not Bearer *** (without credentials)",
        ),
        (404, "NAME_UNKNOWN", "no NAME_UNKNOWN: not Bearer ***"),
    ] {
        let challenge = challenge.clone();
        let server = Server::new(move |asked| match asked.authorization() {
            "" => error(401, "UNAUTHORIZED", "who?").header("WWW-Authenticate", &challenge),
            other => error(status, code, &format!("not {other}")),
        });
        assert_eq!(User::new().exists(&format!("{}/a/b:1", server.host()), &[]), expect);
    }
}

#[test]
fn a_refusal_without_a_challenge_is_a_refusal() {
    let check = |reply: crate::server::Answer| {
        let server = Server::new(move |_| reply.clone());
        let user = User::with_config(&auths(&server.host(), RIGHT));
        let found = user.exists(&format!("{}/a/b:1", server.host()), &[]);
        assert!(
            found.starts_with("denied 401 Unauthorized, without saying how to log in"),
            "{found}"
        );
        assert!(server.asked().iter().all(|asked| asked.authorization().is_empty()));
    };
    check(error(401, "UNAUTHORIZED", "no"));
    check(answer(401, "").header("WWW-Authenticate", "Negotiate"));
}

/// What a user's machine has, for questions without a shell around them.
fn in_home(user: &User) -> impl Fn(&str) -> Option<OsString> {
    let home = user.home.path().as_os_str().to_owned();
    move |name| (name == "HOME").then(|| home.clone())
}

#[test]
fn a_token_is_used_again_until_it_is_too_old() {
    let count = AtomicUsize::new(0);
    let tokens = Server::new(move |_| {
        let next = count.fetch_add(1, Ordering::SeqCst);
        answer(200, json!({"token": format!("hunter-{next}")}).to_string())
    });
    let challenge = format!("Bearer realm=\"http://{}/token\"", tokens.host());
    let content = Content::index(&["linux/amd64"]);
    // The first token is good for two requests, the next for all.
    let served = AtomicUsize::new(0);
    let registry = Server::new(move |asked| match asked.authorization() {
        "Bearer hunter-0" if served.fetch_add(1, Ordering::SeqCst) < 2 => content.answer(asked),
        "Bearer hunter-1" => content.answer(asked),
        _ => error(401, "UNAUTHORIZED", "who?").header("WWW-Authenticate", &challenge),
    });
    let asker = Registry::new(&RegistrySettings::default(), &|_| None).unwrap();
    let reference = Reference::parse(&format!("{}/a/b:1", registry.host())).unwrap();
    for expect in [1, 1, 2, 2] {
        assert!(matches!(asker.exists(&reference, &[]), Existence::Yes(_)));
        assert_eq!(tokens.asked().len(), expect);
    }
}

#[test]
fn a_mirror_gets_no_credentials_of_the_registry() {
    let (registry, _) = basic();
    let (mirror, _) = basic();
    let user = User::with_config(&auths(&registry.host(), RIGHT));
    let settings = RegistrySettings {
        mirrors: BTreeMap::from([(registry.host(), vec![format!("http://{}", mirror.host())])]),
        ..RegistrySettings::default()
    };
    let asker = Registry::new(&settings, &in_home(&user)).unwrap();
    let reference = Reference::parse(&format!("{}/a/b:1", registry.host())).unwrap();
    match asker.exists(&reference, &[]) {
        Existence::Yes(found) => assert_eq!(found.host, registry.host()),
        other => panic!("{other:?}"),
    }
    assert_eq!(mirror.asked().len(), 1);
    assert_eq!(mirror.asked()[0].authorization(), "");
}
