//! What registries say of an image, and what it means.

use std::time::{Duration, Instant};

use crate::User;
use crate::server::{Answer, Asked, Content, Server, answer, error};

#[test]
fn an_image_that_is_there_is_asked_for_without_a_pull() {
    let content = Content::index(&["linux/amd64", "linux/arm64"]);
    let digest = content.digest.clone();
    let server = content.serve();
    let name = format!("{}/a/b:1", server.host());
    let said = User::new().run(&["exists", &name]);
    assert_eq!((said.code, said.out), (0, format!("yes {digest}\n")));
    assert_eq!(server.lines(), ["HEAD /v2/a/b/manifests/1"]);
    let accepted = &server.asked()[0].headers["accept"];
    for kind in [
        "oci.image.index.v1",
        "manifest.list.v2",
        "oci.image.manifest.v1",
        "distribution.manifest.v2",
    ] {
        assert!(accepted.contains(kind), "{accepted}");
    }
    let by_digest = format!("{}/a/b@{digest}", server.host());
    assert_eq!(User::new().exists(&by_digest, &[]), format!("yes {digest}"));
}

#[test]
fn a_registry_that_knows_no_head_is_asked_again() {
    let content = Content::index(&["linux/amd64"]);
    let yes = format!("yes {}", content.digest);
    let check = |rule: fn(&Content, &Asked) -> Answer| {
        let inner = content.clone();
        let server = Server::new(move |asked| rule(&inner, asked));
        let name = format!("{}/a/b:1", server.host());
        assert_eq!(User::new().exists(&name, &[]), yes);
    };
    check(|content, asked| match asked.method.as_str() {
        "HEAD" => answer(405, ""),
        _ => content.answer(asked),
    });
    // Without the header, the digest is that of the content.
    check(|content, _| answer(200, &content.files["manifests/1"]));
}

#[test]
fn platforms_are_all_there_or_it_is_a_no() {
    let index = Content::index(&["linux/amd64", "linux/arm64"]);
    let single = Content::single("linux/arm64", serde_json::json!({}), &[]);
    let check = |content: &Content, platforms: &str, expect: &str| {
        let server = content.clone().serve();
        let name = format!("{}/a/b:1", server.host());
        let found = User::new().exists(&name, &["--platform", platforms]);
        assert_eq!(found, expect.replace("DIGEST", &content.digest), "{platforms}");
        // Attestations and images are not read to know what an index has.
        assert!(
            server.lines().iter().all(|line| line.starts_with("GET ")),
            "{:?}",
            server.lines()
        );
    };
    check(&index, "linux/amd64", "yes DIGEST");
    check(&index, "linux/arm64/v8,linux/amd64", "yes DIGEST");
    check(
        &index,
        "linux/amd64,linux/s390x",
        "no it is there for linux/amd64, linux/arm64, and not for linux/s390x",
    );
    check(&single, "linux/arm64", "yes DIGEST");
    check(
        &single,
        "linux/amd64",
        "no it is there for linux/arm64, and not for linux/amd64",
    );
}

#[test]
fn only_what_a_registry_says_in_its_own_form_is_a_no() {
    let check = |reply: Answer, expect: &str| {
        let server = Server::new(move |_| reply.clone());
        let found = User::new().exists(&format!("{}/a/b:1", server.host()), &[]);
        assert_eq!(found, expect);
    };
    let not_ours = "(not in the form in which a registry answers)";
    check(
        error(404, "NAME_UNKNOWN", "repository name not known to registry"),
        "no NAME_UNKNOWN: repository name not known to registry",
    );
    check(
        error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        "no MANIFEST_UNKNOWN: manifest unknown",
    );
    check(
        answer(404, "<!DOCTYPE html><title>not found</title>").header("Content-Type", "text/html"),
        &format!("other 404 Not Found {not_ours}"),
    );
    check(
        answer(404, "not found\n"),
        &format!("other 404 Not Found: not found {not_ours}"),
    );
    check(
        error(403, "DENIED", "access to a/b:1: not found"),
        "denied 403 Forbidden: DENIED: access to a/b:1: not found (without credentials)",
    );
    check(
        error(403, "NAME_UNKNOWN", "repository a/b not found"),
        "denied 403 Forbidden: NAME_UNKNOWN: repository a/b not found (without credentials)",
    );
    check(
        answer(500, "database is down"),
        "broken 500 Internal Server Error: database is down",
    );
    check(
        answer(200, "<html>please log in to the network</html>"),
        "other the manifest is not JSON",
    );
    check(answer(200, "{}"), "other the manifest is not that of an image");
    let head = "404 Not Found: see https://**********@h/ ";
    check(
        answer(404, format!("see https://u:hunter22@h/ {}", "x".repeat(999))),
        &format!("other {head}{}…", "x".repeat(300 - head.len())),
    );
    let other = format!("sha256:{}", "a".repeat(64));
    let manifest = r#"{"manifests": []}"#;
    let found = User::new().exists(
        &format!(
            "{}/a/b:1",
            Server::new(move |_| answer(200, manifest).header("Docker-Content-Digest", &other)).host()
        ),
        &["--platform", "linux/amd64"],
    );
    assert!(
        found.starts_with("other the manifest has the digest sha256:"),
        "{found}"
    );
}

/// Answers with an error the first times, then as the content does.
fn busy(content: &Content, times: usize, reply: Answer) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let content = content.clone();
    Server::new(move |asked| {
        let before = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if before < times {
            reply.clone()
        } else {
            content.answer(asked)
        }
    })
}

#[test]
fn what_may_pass_is_asked_again() {
    let content = Content::index(&["linux/amd64"]);
    let yes = format!("yes {}\n", content.digest);
    for status in [408, 429, 500, 502, 503, 504] {
        let server = busy(&content, 2, answer(status, ""));
        let said = User::new().run(&["exists", &format!("{}/a/b:1", server.host())]);
        assert_eq!((said.code, &said.out), (0, &yes), "{status}");
        let asked = server.asked();
        assert_eq!(asked.len(), 3);
        // Each wait is longer.
        let waits = [asked[1].at - asked[0].at, asked[2].at - asked[1].at];
        assert!(
            waits[0] >= Duration::from_millis(250) && waits[1] >= Duration::from_millis(500),
            "{waits:?}"
        );
    }
    for status in [400, 403, 501] {
        let server = busy(&content, usize::MAX, answer(status, ""));
        let said = User::new().run(&["exists", &format!("{}/a/b:1", server.host())]);
        assert_eq!(said.code, 4, "{status}");
        assert_eq!(server.lines(), ["HEAD /v2/a/b/manifests/1", "GET /v2/a/b/manifests/1"]);
    }
}

#[test]
fn a_server_that_asks_to_wait_is_given_time() {
    let content = Content::index(&["linux/amd64"]);
    let reply = error(429, "TOOMANYREQUESTS", "slow down").header("Retry-After", "2");
    let server = busy(&content, 1, reply.clone());
    let said = User::new().run(&["exists", &format!("{}/a/b:1", server.host())]);
    assert_eq!(said.code, 0, "{}", said.out);
    let asked = server.asked();
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(2));
    let reply = error(429, "TOOMANYREQUESTS", "slow down").header("Retry-After", "1");
    let server = busy(&content, usize::MAX, reply);
    let said = User::new().run(&["exists", &format!("{}/a/b:1", server.host()), "--json"]);
    assert_eq!(said.code, 4, "{}", said.out);
    let found = said.object();
    assert_eq!(
        (&found["kind"], &found["may_pass"]),
        (&serde_json::json!("too-many"), &serde_json::json!(true))
    );
    assert_eq!(
        found["reason"],
        "429 Too Many Requests: TOOMANYREQUESTS: slow down (it asks to wait 1 seconds)"
    );
    assert!(found["help"].as_str().unwrap().contains("docker login"));
    assert_eq!(server.asked().len(), 4);
    // Longer than anybody waits.
    let reply = error(429, "TOOMANYREQUESTS", "slow down").header("Retry-After", "3600");
    let server = busy(&content, usize::MAX, reply);
    let start = Instant::now();
    let found = User::new().exists(&format!("{}/a/b:1", server.host()), &["--platform", "linux/amd64"]);
    assert!(
        found.starts_with("too-many ") && found.contains("wait 3600 seconds"),
        "{found}"
    );
    assert!(start.elapsed() < Duration::from_secs(5));
}
