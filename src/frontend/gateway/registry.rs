//! What a registry says when it is asked for an image. BuildKit gives no code for it, so its words and containerd's are
//! told apart, here and nowhere else.

use crate::frontend::gateway::call_error::CallError;
use crate::text::ProblemKind;

/// An answer that is not an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegistryAnswer {
    /// There is no such image.
    No,
    /// Not to you, or not without a login.
    Denied,
    /// Not now.
    TooMany,
    /// It is broken.
    Broken,
    /// It does not speak TLS.
    PlainHttp,
    /// Nothing, for too long.
    Silence,
    /// Anything else.
    Other,
}

/// What BuildKit puts before the words of a failed step or lookup.
const WRAPPERS: [&str; 2] = ["failed to load cache key: ", "failed to resolve source metadata for "];
/// An image that is there for other platforms; a digest may follow.
const OTHER_PLATFORM: &str = "no match for platform in manifest";
const NOT_FOUND: &str = ": not found";

/// Words in all other answers; the first match decides.
const WORDS: [(&str, RegistryAnswer); 14] = [
    ("429 Too Many Requests", RegistryAnswer::TooMany),
    ("toomanyrequests:", RegistryAnswer::TooMany),
    ("401 Unauthorized", RegistryAnswer::Denied),
    ("403 Forbidden", RegistryAnswer::Denied),
    ("pull access denied", RegistryAnswer::Denied),
    ("authorization failed", RegistryAnswer::Denied),
    (": 500 ", RegistryAnswer::Broken),
    (": 502 ", RegistryAnswer::Broken),
    (": 503 ", RegistryAnswer::Broken),
    ("server gave HTTP response to HTTPS client", RegistryAnswer::PlainHttp),
    (
        "first record does not look like a TLS handshake",
        RegistryAnswer::PlainHttp,
    ),
    ("i/o timeout", RegistryAnswer::Silence),
    ("TLS handshake timeout", RegistryAnswer::Silence),
    ("deadline exceeded", RegistryAnswer::Silence),
];

/// What the registry said, by the error of a lookup of the image with this full name.
pub(crate) fn answer_of(error: &CallError, reference: &str) -> RegistryAnswer {
    let mut words = error.message.trim();
    for wrapper in WRAPPERS {
        if let Some(rest) = words.strip_prefix(wrapper) {
            // A lookup names the image before its error.
            words = match rest.strip_prefix(&format!("{reference}: ")) {
                Some(inner) if wrapper.ends_with("for ") => inner,
                _ => rest,
            };
        }
    }
    // Whole, since what a registry says in its refusals may end in the same words.
    let missing = words.strip_suffix(NOT_FOUND);
    if missing.is_some_and(|what| what == reference || is_other_platform(what)) {
        return RegistryAnswer::No;
    }
    let known = WORDS.iter().find(|(known, _)| words.contains(known));
    match known {
        Some((_, answer)) => *answer,
        None if error.kind == ProblemKind::Denied => RegistryAnswer::Denied,
        None => RegistryAnswer::Other,
    }
}

fn is_other_platform(what: &str) -> bool {
    what.strip_prefix(OTHER_PLATFORM).is_some_and(|rest| {
        rest.is_empty() || (rest.starts_with(" sha256:") && !rest.trim().contains(char::is_whitespace))
    })
}

impl RegistryAnswer {
    /// What to do about it.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Denied => {
                "log in with `docker login`; some registries also say this of repositories that do not exist yet: create the repository, or build once without IMAGESPEC_IF_EXISTS"
            }
            Self::TooMany => "wait, or log in with `docker login` for a higher limit",
            Self::Broken => {
                "the registry has a problem of its own: try again later, or build without IMAGESPEC_IF_EXISTS"
            }
            Self::PlainHttp => {
                "the registry speaks HTTP without TLS: name it in `insecure-registries` of Docker's daemon.json, or as `http = true` in buildkitd.toml"
            }
            Self::Silence | Self::No | Self::Other => {
                "check the registry and the network, or build without IMAGESPEC_IF_EXISTS"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::gateway::call_error::UNKNOWN;

    const NAME: &str = "registry.example/team/new:1";

    #[test]
    fn answers_are_told_apart_by_their_exact_words() {
        let head = "failed to load cache key: unexpected status from HEAD request to https://registry.example/v2/team/new/manifests/1";
        let request = r#"failed to do request: Head "https://registry.example/v2/team/new/manifests/1""#;
        let digest = format!("sha256:{}", "a".repeat(64));
        let cases = [
            (format!("{NAME}: not found"), RegistryAnswer::No),
            (format!("failed to load cache key: {NAME}: not found"), RegistryAnswer::No),
            (format!("failed to resolve source metadata for {NAME}: {NAME}: not found"), RegistryAnswer::No),
            ("no match for platform in manifest: not found".into(), RegistryAnswer::No),
            (format!("failed to load cache key: no match for platform in manifest {digest}: not found"), RegistryAnswer::No),
            ("registry.example/team/new:2: not found".into(), RegistryAnswer::Other),
            (format!("host: {NAME}: not found"), RegistryAnswer::Other),
            ("dial tcp: lookup registry.example: not found".into(), RegistryAnswer::Other),
            (format!("{head}: 403 Forbidden"), RegistryAnswer::Denied),
            (format!("{head}: 403 Forbidden\ndenied: access to {NAME}: not found"), RegistryAnswer::Denied),
            (format!("{head}: 403 Forbidden\n{NAME}: not found"), RegistryAnswer::Denied),
            (format!("{head}: 401 Unauthorized"), RegistryAnswer::Denied),
            (
                "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed".into(),
                RegistryAnswer::Denied,
            ),
            (format!("{head}: 429 Too Many Requests\ntoomanyrequests: You have reached your limit: not found"), RegistryAnswer::TooMany),
            (format!("{head}: 500 Internal Server Error"), RegistryAnswer::Broken),
            (format!("{head}: 503 Service Unavailable: not found"), RegistryAnswer::Broken),
            (format!("{request}: http: server gave HTTP response to HTTPS client"), RegistryAnswer::PlainHttp),
            (format!("{request}: tls: first record does not look like a TLS handshake"), RegistryAnswer::PlainHttp),
            (format!("{request}: net/http: TLS handshake timeout"), RegistryAnswer::Silence),
            (format!("{request}: dial tcp 10.0.0.1:443: i/o timeout"), RegistryAnswer::Silence),
            (format!("{request}: dial tcp 127.0.0.1:1: connect: connection refused"), RegistryAnswer::Other),
        ];
        for (message, expect) in cases {
            let error = CallError::new(UNKNOWN, message.clone(), Vec::new());
            assert_eq!(answer_of(&error, NAME), expect, "{message}");
        }
    }
}
