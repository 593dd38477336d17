//! Failures that are known to pass at a second try, by the exact words of engines.

use std::sync::LazyLock;

use regex::Regex;

/// What a failure is, and the words that it is known by.
const KNOWN: [(&str, &str); 7] = [
    (
        "the engine lost the race of moby/buildkit#6521",
        r#"failed to prepare extraction snapshot "extract-[^"\n]*": parent snapshot sha256:[0-9a-f]{64} does not exist"#,
    ),
    (
        "the engine's two exporters lost a race against each other",
        r#"failed to solve: image "[^"\n]*": already exists"#,
    ),
    (
        "the engine does not answer",
        r"(Cannot connect to the Docker daemon at |error during connect: )",
    ),
    (
        "the registry failed",
        r"failed to push [^\n]*: (unexpected status[^\n]*: )?50[0234] ",
    ),
    (
        "the registry failed",
        r"unexpected status from (HEAD|GET|PUT|POST|PATCH) request to https?://[^\n]*: 50[0234] ",
    ),
    (
        "the connection to the registry was lost",
        r"failed to (push|do request)[^\n]*: (read: connection reset by peer|write: broken pipe|unexpected EOF|EOF)(\n|$)",
    ),
    (
        "the connection to the engine was lost",
        r"(transport is closing|rpc error: code = Unavailable desc = (error reading from server: EOF|closing transport due to[^\n]*))",
    ),
];

/// Why a build that failed with these words may go well another time.
pub(super) fn reason(log: &str) -> Option<&'static str> {
    static PATTERNS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
        let compiled = KNOWN
            .iter()
            .map(|(reason, pattern)| Some((*reason, Regex::new(pattern).ok()?)));
        compiled.flatten().collect()
    });
    // What steps print may hold anything: only what the client says at the end counts.
    let ends = ["\nERROR: ", "\nerror: ", "\nError: "];
    let start = ends.iter().filter_map(|words| log.rfind(words)).max().unwrap_or(0);
    let told = log.get(start..).unwrap_or(log);
    PATTERNS
        .iter()
        .find(|(_, pattern)| pattern.is_match(told))
        .map(|(reason, _)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_may_pass_are_known_by_their_words() {
        let digest = "a".repeat(64);
        let check = |log: &str, expect: Option<&str>| assert_eq!(reason(log), expect, "{log}");
        let race = format!(
            "#9 x\nERROR: failed to build: failed to solve: failed to prepare extraction snapshot \"extract-1-Z sha256:{digest}\": parent snapshot sha256:{digest} does not exist: not found\n"
        );
        check(&race, Some(KNOWN[0].0));
        let push = "\nERROR: failed to build: failed to solve: failed to push localhost:5000/x:1: unexpected status from PUT request to http://localhost:5000/v2/x/blobs/uploads/1: 503 Service Unavailable\n";
        check(push, Some("the registry failed"));
        check(
            "\nERROR: failed to solve: failed to push r/x: failed to do request: Put \"https://r/v2/\": read: connection reset by peer\n",
            Some("the connection to the registry was lost"),
        );
        check(
            "\nERROR: failed to build: failed to solve: failed to push r/a/b:1: pushing with mount from x/y: failed to do request: Post \"https://r/v2/a/b/blobs/uploads/?mount=sha256:a8&from=x/y\": EOF\n",
            Some("the connection to the registry was lost"),
        );
        check(
            "\nerror: rpc error: code = Unavailable desc = error reading from server: EOF\n",
            Some(KNOWN[6].0),
        );
        check(
            "\nERROR: failed to build: failed to solve: image \"r/a/b:1\": already exists\n",
            Some(KNOWN[1].0),
        );
        check(
            "\nERROR: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?\n",
            Some(KNOWN[2].0),
        );
        // Said by a step, and a refusal.
        check(
            &format!("{push}#12 DONE\nERROR: process \"/bin/sh\" did not complete successfully: exit code: 1\n"),
            None,
        );
        check(
            "\nERROR: failed to push r/x: unexpected status from PUT request to https://r/v2/x: 403 Forbidden\n",
            None,
        );
        check("", None);
    }

    #[test]
    fn all_patterns_are_patterns() {
        for (_, pattern) in KNOWN {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }
}
