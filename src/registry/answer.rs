//! What comes of a question to a registry: yes, no, or unknown with a reason.

use std::fmt;

use serde_json::Value;

use crate::oci::Platform;
use crate::registry::secret::{Secret, hide};
use crate::text::{Diagnostic, ProblemKind, redact};

/// The longest reason, in characters.
const MAX_REASON: usize = 300;
/// How registries say that there is no such image. The last is what some say instead of the first two.
const ABSENT_CODES: [&str; 3] = ["NAME_UNKNOWN", "MANIFEST_UNKNOWN", "NOT_FOUND"];

/// Whether an image is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existence {
    /// It is, for every platform that was asked for.
    Yes(Found),
    /// Its registry says that it is not.
    No(Absent),
    /// Its registry does not say.
    Unknown(Unknown),
}

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The digest of what the name points to, an index or a single image: `sha256:…`.
    pub digest: String,
    /// The host that has it: the registry's, or a mirror's.
    pub host: String,
}

/// An image that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Why, in a line: in the registry's words, or which platforms are missing.
    pub reason: String,
    /// The platforms that the name is there for, if it is there for others.
    pub platforms: Vec<Platform>,
}

/// Why a registry gave no image: it has none, or does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It has none.
    Absent(Absent),
    /// It does not say.
    Unknown(Unknown),
}

/// Why it is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What sort of reason it is.
    pub kind: UnknownKind,
    /// Who was asked: host and port.
    pub host: String,
    /// The reason in one line, in the registry's words where it has any. Holds no credentials.
    pub reason: String,
    /// Whether the same question may be answered later.
    pub may_pass: bool,
    /// Whether who answered does not speak HTTP, as far as can be seen.
    pub(super) is_garbled: bool,
}

/// Sorts of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownKind {
    /// Not to you, or not without a login.
    Denied,
    /// The credentials for it cannot be read.
    Credentials,
    /// Not now.
    TooMany,
    /// It is broken.
    Broken,
    /// It does not speak TLS.
    PlainHttp,
    /// Its certificate is not to be trusted, or TLS fails in another way.
    Tls,
    /// Nothing, for too long.
    Silence,
    /// There is no connection to it.
    Unreachable,
    /// Anything else.
    Other,
}

impl UnknownKind {
    /// Its name, for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::TooMany => "too-many",
            Self::Broken => "broken",
            Self::PlainHttp => "plain-http",
            Self::Tls => "tls",
            Self::Silence => "silence",
            Self::Unreachable => "unreachable",
            Self::Other => "other",
        }
    }
}

impl Unknown {
    pub(super) fn new(kind: UnknownKind, host: &str, reason: impl AsRef<str>) -> Self {
        let may_pass = matches!(
            kind,
            UnknownKind::TooMany | UnknownKind::Broken | UnknownKind::Silence | UnknownKind::Unreachable
        );
        Self {
            kind,
            host: one_line(host),
            reason: one_line(reason.as_ref()),
            may_pass,
            is_garbled: false,
        }
    }

    /// What to do about it, a sentence.
    #[must_use]
    pub fn help(&self) -> String {
        let host = &self.host;
        match self.kind {
            UnknownKind::Denied => format!(
                "log in with `docker login {host}` or `podman login {host}`; some registries also say this of repositories that do not exist yet: create the repository"
            ),
            UnknownKind::Credentials => format!("repair the file or the program that has the credentials for {host}"),
            UnknownKind::TooMany => format!("wait, or log in with `docker login {host}` for a higher limit"),
            UnknownKind::Broken => "the registry has a problem of its own: try again later".into(),
            UnknownKind::PlainHttp => {
                "HTTP without TLS is spoken with this machine alone: give the registry a certificate".into()
            }
            UnknownKind::Tls => {
                "put the certificate of the authority that signed the registry's into the system's store, or name a file with it in SSL_CERT_FILE".into()
            }
            UnknownKind::Silence | UnknownKind::Unreachable | UnknownKind::Other => {
                "check the name of the registry, the network and HTTPS_PROXY".into()
            }
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.reason)
    }
}

impl std::error::Error for Unknown {}

impl From<Unknown> for Diagnostic {
    fn from(unknown: Unknown) -> Self {
        let kind = match unknown.kind {
            UnknownKind::Denied | UnknownKind::Credentials => ProblemKind::Denied,
            _ => ProblemKind::Other,
        };
        Self::error("registry-unknown", unknown.to_string())
            .kind(kind)
            .help(unknown.help())
            .caused_by(unknown)
    }
}

impl From<Unknown> for Refusal {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}

impl From<Result<Found, Refusal>> for Existence {
    fn from(answer: Result<Found, Refusal>) -> Self {
        match answer {
            Ok(found) => Self::Yes(found),
            Err(Refusal::Absent(absent)) => Self::No(absent),
            Err(Refusal::Unknown(unknown)) => Self::Unknown(unknown),
        }
    }
}

/// What an answer means that is no success. Only a 404 in the form of registries, with no other codes than those for what
/// is not there, is a "no": proxies and web servers say 404, too.
pub(super) fn refusal(host: &str, status: u16, status_text: &str, body: &[u8], secrets: &[Secret]) -> Refusal {
    let errors = errors(body);
    // Before the words are cut, which could leave a piece of a secret.
    let words = hide(secrets, words(&errors, body));
    let full = if words.is_empty() {
        format!("{status} {status_text}")
    } else {
        format!("{status} {status_text}: {words}")
    };
    let codes: Vec<&str> = errors.iter().map(|(code, _)| code.as_str()).collect();
    let is_absent = !codes.is_empty() && codes.iter().all(|code| ABSENT_CODES.contains(code));
    let kind = match status {
        404 if is_absent => {
            return Refusal::Absent(Absent {
                reason: one_line(&words),
                platforms: Vec::new(),
            });
        }
        401 | 403 => UnknownKind::Denied,
        429 => UnknownKind::TooMany,
        408 | 500..=599 => UnknownKind::Broken,
        404 if codes.is_empty() => {
            let reason = format!("{full} (not in the form in which a registry answers)");
            return Unknown::new(UnknownKind::Other, host, reason).into();
        }
        _ => UnknownKind::Other,
    };
    Unknown::new(kind, host, full).into()
}

/// The errors in a body, as pairs of code and message; empty if it is not in the registries' form.
fn errors(body: &[u8]) -> Vec<(String, String)> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let list = value.get("errors").and_then(Value::as_array);
    let text = |error: &Value, name: &str| {
        let text = error.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    list.into_iter()
        .flatten()
        .map(|error| (text(error, "code"), text(error, "message")))
        .filter(|(code, _)| !code.is_empty())
        .collect()
}

/// What the body says to people: its errors, or a plain text. Of web pages, nothing.
fn words(errors: &[(String, String)], body: &[u8]) -> String {
    if !errors.is_empty() {
        let lines: Vec<String> = errors.iter().map(|(code, text)| format!("{code}: {text}")).collect();
        return lines.join("; ");
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        // What token servers of several registries say.
        let names = ["error_description", "message", "details", "error"];
        let found = names.iter().find_map(|name| value.get(name).and_then(Value::as_str));
        return found.unwrap_or_default().to_owned();
    }
    if text.starts_with('<') {
        return String::new();
    }
    text.to_owned()
}

/// Other people's words as one line of bounded length, without credentials in URLs.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = redact(&words.join(" "));
    match line.char_indices().nth(MAX_REASON) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or("")),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_registrys_own_form_means_no() {
        let check = |status: u16, body: &str, expect: &str| {
            let said = match refusal("r.example", status, "Text", body.as_bytes(), &[]) {
                Refusal::Absent(absent) => format!("no: {}", absent.reason),
                Refusal::Unknown(unknown) => format!("{}: {}", unknown.kind.name(), unknown.reason),
            };
            assert_eq!(said, expect, "{status} {body}");
        };
        let error = |code: &str, message: &str| {
            serde_json::json!({"errors": [{"code": code, "message": message, "detail": {"a": 1}}]}).to_string()
        };
        let denied = error("DENIED", "access to a/b: not found");
        check(
            404,
            &error("NAME_UNKNOWN", "no such name"),
            "no: NAME_UNKNOWN: no such name",
        );
        check(404, &error("MANIFEST_UNKNOWN", "no"), "no: MANIFEST_UNKNOWN: no");
        check(404, &denied, "other: 404 Text: DENIED: access to a/b: not found");
        check(403, &denied, "denied: 403 Text: DENIED: access to a/b: not found");
        check(403, &error("NAME_UNKNOWN", "x"), "denied: 403 Text: NAME_UNKNOWN: x");
        check(401, "", "denied: 401 Text");
        let not_ours = "(not in the form in which a registry answers)";
        check(404, "<html>not found</html>", &format!("other: 404 Text {not_ours}"));
        check(404, "", &format!("other: 404 Text {not_ours}"));
        check(
            404,
            "404 page not found\n",
            &format!("other: 404 Text: 404 page not found {not_ours}"),
        );
        check(404, r#"{"errors": []}"#, &format!("other: 404 Text {not_ours}"));
        check(
            404,
            r#"{"errors": [{"message": "x"}]}"#,
            &format!("other: 404 Text {not_ours}"),
        );
        check(
            429,
            &error("TOOMANYREQUESTS", "slow\ndown"),
            "too-many: 429 Text: TOOMANYREQUESTS: slow down",
        );
        check(500, "oh", "broken: 500 Text: oh");
        check(400, r#"{"details": "incorrect"}"#, "other: 400 Text: incorrect");
    }

    #[test]
    fn reasons_are_short_and_hold_no_credentials() {
        let body = format!("see https://user:hunter22@host/ {}", "x".repeat(900));
        let Refusal::Unknown(unknown) = refusal("h", 500, "T", body.as_bytes(), &[]) else {
            panic!()
        };
        assert!(
            unknown.may_pass && !unknown.to_string().contains("hunter22"),
            "{unknown}"
        );
        assert_eq!(unknown.reason.chars().count(), MAX_REASON + 1);
        let problem = Diagnostic::from(unknown);
        assert!(problem.help.is_some() && !format!("{problem:?}").contains("hunter22"));
    }
}
