//! Why a step failed, in the words of the program that it ran: uv, apt and dpkg, micromamba, or whatever else spoke last.

use crate::image_spec::APT_CREDENTIAL_HELP;
use crate::plan::LOOKS_AGAIN;

/// The longest sentence, in characters.
const MAX_SENTENCE: usize = 400;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The program's own sentence, in one line.
    pub(crate) sentence: String,
    /// Whether it is known to say why, and not just what was said last.
    pub(crate) is_known: bool,
    /// What to do, where that is known.
    pub(crate) help: Option<String>,
}

/// What failed, told by words, and what to do. The first that fits counts.
const KNOWN: [(&[&str], &str); 17] = [
    (
        &[
            "invalid peer certificate",
            "certificate verify failed",
            "certificate verification failed",
            "SSL certificate problem",
            "SSL peer certificate",
            "signed by unknown authority",
        ],
        "the server's certificate is of an authority that this step does not trust: give it with `--secret id=ca-certificates,src=FILE`",
    ),
    (
        &[
            "401 Unauthorized",
            "403 Forbidden",
            "401  Unauthorized",
            "Could not find credentials",
        ],
        "the server wants to know who asks: hand over a .netrc with `pip_secret_mounts: [[FILE, /root/.netrc]]`, or `secrets: [{id: ID, target: /root/.netrc}]` and `--secret id=ID,src=FILE`",
    ),
    (
        &[
            "No space left on device",
            "os error 28",
            "not enough free space",
            "enough free space in",
        ],
        "the disk of the builder is full: `docker buildx prune` makes room",
    ),
    (
        &[
            "Cannot allocate memory",
            "MemoryError",
            "out of memory",
            "virtual memory exhausted",
            "Killed",
        ],
        "the builder has too little memory for this step",
    ),
    (
        &[
            "Git executable not found",
            "git: not found",
            "git: command not found",
            "No such file or directory: 'git'",
        ],
        "add git: `apt_packages: [git]`",
    ),
    (
        &[
            "dns error",
            "Temporary failure resolving",
            "Could not resolve host",
            "Temporary failure in name resolution",
            "Name or service not known",
            "Could not connect to",
            "Connection refused",
            "Network is unreachable",
            "operation timed out",
            "Connection timed out",
        ],
        "the builder does not reach that server: check its network, and the proxy that `HTTPS_PROXY` names",
    ),
    (
        &[
            "SETUPTOOLS_SCM_PRETEND_VERSION",
            "setuptools-scm was unable to detect version",
        ],
        "the version comes from git, which this build does not see: `.git` has to be in the build context and git in the image (`apt_packages: [git]`), or set SETUPTOOLS_SCM_PRETEND_VERSION in `build_env`",
    ),
    (
        &["No interpreter found", "no interpreter found"],
        "name one that the base image has, or install it: `apt_packages: [python3]`; or leave `python_exec` out",
    ),
    (
        &["Held packages were changed"],
        "the base image holds a package at its version: name that version, or `apt-mark unhold` it in `commands` of a spec in `base_image`",
    ),
    (
        &["Conflicting values set for option Signed-By"],
        "the base image has this repository already, signed by another key: leave it out of `apt_sources`, or remove the image's file (`commands: [rm /etc/apt/sources.list.d/FILE]`) in a spec in `base_image`",
    ),
    (
        &["EXPKEYSIG", "KEYEXPIRED"],
        "the key has expired: take the vendor's new one",
    ),
    (
        &["NO_PUBKEY", "Missing key"],
        "it is signed by another key than `key` of its entry in `apt_sources` has; without one, than the image trusts",
    ),
    (
        &[" is not signed"],
        "apt finds no signature that it takes: check `key` of the entry in `apt_sources`; a repository without any signature is not taken",
    ),
    (
        &["doesn't have the component"],
        "check `components` of the entry: without any, `main` is asked for",
    ),
    (
        &["EULA", "licence is not accepted", "license is not accepted"],
        "accept it where the package's scripts see it: `env: {ACCEPT_EULA: \"Y\"}`, or an answer in `debconf`",
    ),
    (
        &["does not have a Release file"],
        "check `uri` and `suites` of the entry: below `uri`, apt looks for dists/SUITE/Release, or for SUITE/Release where the suite ends in `/`",
    ),
    (
        &["Unable to locate package"],
        "check the name, and whether the base image's release has it",
    ),
];

/// What builds of packages lack, told by words, and the Debian package that has it.
const OF_BUILDS: [(&[&str], &str); 15] = [
    (
        &[
            "command 'gcc' failed: No such file",
            "command 'cc' failed: No such file",
            "-linux-gnu-gcc' failed: No such file",
            "-linux-gnu-g++' failed: No such file",
            "-linux-gnu-gcc'\n",
            "command 'g++' failed: No such file",
            "command 'c++' failed: No such file",
            "gcc: not found",
            "gcc: command not found",
            "No such file or directory: 'gcc'",
            "Unknown compiler(s)",
            "No CMAKE_C_COMPILER could be found",
            "No CMAKE_CXX_COMPILER could be found",
            "linker `cc` not found",
        ],
        "build-essential",
    ),
    (&["Python.h: No such file"], "python3-dev"),
    (
        &["pg_config executable not found", "libpq-fe.h: No such file"],
        "libpq-dev",
    ),
    (
        &[
            "mysql_config: not found",
            "Can not find valid pkg-config name",
            "mysql.h: No such file",
        ],
        "default-libmysqlclient-dev pkg-config",
    ),
    (&["ffi.h: No such file"], "libffi-dev"),
    (&["openssl/", "Could not find directory of OpenSSL"], "libssl-dev"),
    (&["zlib.h: No such file"], "zlib1g-dev"),
    (
        &[
            "jpeglib.h: No such file",
            "headers or library files could not be found for jpeg",
        ],
        "libjpeg-dev",
    ),
    (
        &[
            "libxml/xmlversion.h: No such file",
            "xml2-config: not found",
            "Please make sure the libxml2",
        ],
        "libxml2-dev libxslt1-dev",
    ),
    (&["sqlite3.h: No such file"], "libsqlite3-dev"),
    (
        &["krb5-config: not found", "gssapi/gssapi.h: No such file"],
        "libkrb5-dev",
    ),
    (
        &["lber.h: No such file", "sasl/sasl.h: No such file"],
        "libldap-dev libsasl2-dev",
    ),
    (
        &[
            "cmake: not found",
            "No such file or directory: 'cmake'",
            "CMake must be installed",
        ],
        "cmake",
    ),
    (
        &[
            "No such file or directory: 'pkg-config'",
            "pkg-config: not found",
            "pkg-config: command not found",
        ],
        "pkg-config",
    ),
    (
        &[
            "can't find Rust compiler",
            "cargo: not found",
            "No such file or directory: 'cargo'",
            "rustc, is not installed",
        ],
        "cargo",
    ),
];

/// Why a program failed that said this on standard error, line by line. `None` if it said nothing.
pub(crate) fn reason(said: &str) -> Option<Reason> {
    let said = said.rsplit_once(LOOKS_AGAIN).map_or(said, |(_, after)| after);
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    let known = of_uv(&lines)
        .or_else(|| of_dpkg(&lines))
        .or_else(|| of_apt(&lines))
        .or_else(|| of_micromamba(&lines));
    let is_known = known.is_some();
    let last = || lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
    let sentence = known.or_else(|| last().map(str::to_owned))?;
    let is_of_apt = || is_known && of_apt(&lines).is_some();
    let asks_who = said.contains("401") || said.contains("403");
    let help = match asks_who && is_of_apt() {
        true => Some(format!("the server wants to know who asks: {APT_CREDENTIAL_HELP}")),
        false => help(said).or_else(|| hint(&lines)),
    };
    Some(Reason {
        sentence: clipped(&sentence),
        is_known,
        help,
    })
}

/// What to do, by the words of a program.
fn help(said: &str) -> Option<String> {
    let says = |words: &&str| said.contains(*words);
    let headers = |words: &&str| says(words) && (!words.ends_with('/') || said.contains(".h: No such file"));
    if let Some((_, packages)) = OF_BUILDS.iter().find(|(words, _)| words.iter().any(headers)) {
        let list = packages.replace(' ', ", ");
        return Some(format!(
            "a package is built here and needs more than the image has: `apt_packages: [{list}]`"
        ));
    }
    let known = KNOWN.iter().find(|(words, _)| words.iter().any(says));
    known.map(|(_, help)| (*help).to_owned())
}

/// uv: `error: …` with its causes, or in older ones a tree from `×` to `╰─▶`.
fn of_uv(lines: &[&str]) -> Option<String> {
    let is_root = |line: &str| line.trim_start().starts_with("× ") || line.starts_with("error: ");
    let from = lines.iter().position(|line| is_root(line))?;
    let mut parts: Vec<String> = Vec::new();
    let mut lines = lines.get(from..)?.iter().peekable();
    let (mut of_build, mut is_over) = (None, false);
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        let begins = ["× ", "error: ", "├─▶ ", "╰─▶ ", "cause: ", "Caused by: "];
        if let Some(text) = begins.iter().find_map(|begin| text.strip_prefix(begin)) {
            parts.push(text.trim().to_owned());
            is_over = false;
        } else if text.starts_with("[stderr]") || text.starts_with("[stdout]") {
            let said = lines
                .by_ref()
                .map(|line| line.trim())
                .take_while(|line| !line.starts_with("hint: "));
            of_build = error_of_build(&said.filter(|line| !line.is_empty()).collect::<Vec<_>>());
            break;
        } else if text.starts_with("hint: ") {
            break;
        } else if text.is_empty() {
            // What comes after a blank line is no part of the sentence, but may be what a build said.
            is_over = true;
        } else if let Some(last) = parts.last_mut().filter(|_| !is_over) {
            // Long lines are broken, with the tree's own line before the rest.
            last.push(' ');
            last.push_str(text.trim_start_matches('│').trim());
        }
    }
    // What is in between is told by the last cause, but for the address.
    let last = of_build.or_else(|| parts.last().filter(|_| parts.len() > 1).cloned());
    let first = parts.first()?.trim_end_matches([':', '.']);
    let fetched = parts.iter().skip(1).find(|part| part.starts_with("Failed to fetch"));
    let fetched = fetched.filter(|part| last.as_ref() != Some(part)).map(String::as_str);
    let first = Some(first).filter(|first| !first.starts_with("No solution found") || last.is_none());
    let last = last.as_deref().filter(|last| Some(last.trim_end_matches('.')) != first);
    let told = [first, fetched, last];
    Some(told.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

/// What a package's own build says of its failure: the last error, else what it said first: others end with advice and links.
fn error_of_build(said: &[&str]) -> Option<String> {
    let is_error = |line: &&&str| {
        let name = line.split([':', ' ']).next().unwrap_or_default();
        let is_exception = ["Error", "Exception", "Exit"].iter().any(|end| name.ends_with(end));
        is_exception || name == "error" || line.contains("fatal error: ")
    };
    let last = said.iter().rev().find(is_error);
    // The names of streams are none of its words.
    let first = said.iter().find(|line| !line.starts_with('['));
    last.or(first).map(|line| (*line).to_owned())
}

/// What uv advises, unless it is about uv alone.
fn hint(lines: &[&str]) -> Option<String> {
    let from = lines.iter().rposition(|line| line.trim_start().starts_with("hint: "))?;
    let mut words = lines.get(from)?.trim_start().trim_start_matches("hint: ").to_owned();
    for line in lines.get(from + 1..)?.iter().map(|line| line.trim()) {
        if line.is_empty() || line.starts_with("hint: ") {
            break;
        }
        words.push(' ');
        words.push_str(line);
    }
    let of_uv = [
        "usually indicate",
        "error likely indicates",
        "re-run with",
        "with `uv ",
        "`--",
        "uv cache clean",
    ];
    (!of_uv.iter().any(|part| words.contains(part))).then(|| clipped(&words))
}

/// A package whose own scripts failed.
fn of_dpkg(lines: &[&str]) -> Option<String> {
    let at = lines
        .iter()
        .position(|line| line.starts_with("dpkg: error processing "))?;
    let what = lines
        .get(at)?
        .trim_start_matches("dpkg: error processing ")
        .trim_end_matches(':');
    let why = lines.get(at + 1).map_or("", |line| line.trim());
    // What the script itself said stands before.
    let own = lines.get(..at)?.iter().rev().map(|line| line.trim()).find(|line| {
        !["", "dpkg", "debconf: "]
            .iter()
            .any(|none| line == none || (!none.is_empty() && line.starts_with(none)))
    });
    let own = own
        .filter(|line| !line.starts_with("Preparing to unpack") && !line.starts_with("Setting up "))
        .map_or(String::new(), |line| format!(" ({line})"));
    Some(format!("dpkg cannot process {what}: {why}{own}"))
}

/// apt: `E: …`, all of them.
fn of_apt(lines: &[&str]) -> Option<String> {
    let errors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("E: ")).collect();
    let mut told: Vec<&str> = Vec::new();
    // Why a signature is not taken is a warning to apt.
    let of_key = lines.iter().find_map(|line| {
        let words = line.strip_prefix("W: ").filter(|line| line.contains("GPG error"))?;
        let words = ["NO_PUBKEY", "EXPKEYSIG", "KEYEXPIRED", "BADSIG"]
            .iter()
            .find_map(|word| words.split_once(word).map(|(_, rest)| (*word, rest)))?;
        let key = words.1.split_whitespace().next().unwrap_or_default();
        Some(format!("{} {key}", words.0))
    });
    for error in &errors {
        let is_end = error.starts_with("Unable to correct problems") || error.starts_with("Some index files failed");
        if !told.contains(error) && (!is_end || errors.len() == 1) {
            told.push(error);
        }
    }
    let of_key = of_key.filter(|_| told.iter().any(|error| error.contains(" is not signed")));
    let of_key = of_key.map_or(String::new(), |key| format!(" ({key})"));
    (!told.is_empty()).then(|| format!("{}{of_key}", told.join("; ").trim_end_matches('.')))
}

/// micromamba: `error    libmamba …` with a tree of what does not go together.
fn of_micromamba(lines: &[&str]) -> Option<String> {
    let begin = |line: &str| {
        let rest = line.strip_prefix("error").or_else(|| line.strip_prefix("critical"))?;
        Some(rest.trim_start().strip_prefix("libmamba")?.trim().to_owned())
    };
    let (at, first) = lines
        .iter()
        .enumerate()
        .find_map(|(at, line)| Some((at, begin(line)?)))?;
    let tree = lines.get(at + 1..)?.iter().take_while(|line| begin(line).is_none());
    let leaves: Vec<&str> = tree
        .filter_map(|line| line.split_once("─ ").map(|(_, leaf)| leaf.trim()))
        .take(4)
        .collect();
    Some(match leaves.is_empty() {
        true => first,
        false => format!("{first}: {}", leaves.join(" ")),
    })
}

/// In one line of a bearable length.
fn clipped(sentence: &str) -> String {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let sentence = words.join(" ");
    match sentence.char_indices().nth(MAX_SENTENCE) {
        Some((at, _)) => format!("{}…", sentence.get(..at).unwrap_or_default()),
        None => sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, sentence: &str, help: Option<&str>) {
        let found = reason(said).unwrap();
        assert_eq!(found.sentence, sentence);
        match help {
            Some(help) => assert!(found.help.as_deref().unwrap_or("").contains(help), "{:?}", found.help),
            None => assert_eq!(found.help, None),
        }
    }

    #[test]
    fn uv_says_it_in_trees_and_in_lines() {
        check(
            "Using CPython 3.11.2 interpreter at: /usr/bin/python3\n  × No solution found when resolving dependencies:\n  ╰─▶ Because nosuch was not found in the package registry and you\n      require nosuch, we can conclude that your requirements are\n      unsatisfiable.\n",
            "Because nosuch was not found in the package registry and you require nosuch, we can conclude that your requirements are unsatisfiable.",
            None,
        );
        check(
            "Resolved 1 package in 38ms\n   Building pycosat==0.6.6\nerror: Failed to build `pycosat==0.6.6`\n  cause: The build backend returned an error\n  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)\n\n         [stderr]\n         error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'\n\nhint: Build failures usually indicate a problem with the package or the build environment\n",
            "Failed to build `pycosat==0.6.6`: error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'",
            Some("apt_packages: [build-essential]"),
        );
        check(
            "error: Request failed after 3 retries in 8.0s\n  cause: Failed to fetch: https://127.0.0.1:1/simple/six/\n  cause: client error (Connect)\n  cause: Connection refused (os error 111)\n",
            "Request failed after 3 retries in 8.0s: Failed to fetch: https://127.0.0.1:1/simple/six/: Connection refused (os error 111)",
            Some("HTTPS_PROXY"),
        );
        check(
            "error: No solution found when resolving dependencies\n  cause: Because there is no version of six==99 and you require six==99, we can conclude that your requirements are unsatisfiable.\n",
            "Because there is no version of six==99 and you require six==99, we can conclude that your requirements are unsatisfiable.",
            None,
        );
        check(
            "error: Failed to build `sklearn==0.0`\n  cause: Call to `x` failed (exit status: 1)\n\n         [stderr]\n         The 'sklearn' PyPI package is deprecated, use 'scikit-learn'\n         rather than 'sklearn' for pip commands.\n\n         More information is available at\n         https://github.com/scikit-learn/sklearn-pypi-package\n",
            "Failed to build `sklearn==0.0`: The 'sklearn' PyPI package is deprecated, use 'scikit-learn'",
            None,
        );
        check(
            "error: Failed to build `shop`\n  cause: Call to `x` failed (exit status: 1)\n\n         [stderr]\n         LookupError: setuptools-scm was unable to detect version for .\n\n         Alternatively, set the version with SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SHOP\n",
            "Failed to build `shop`: LookupError: setuptools-scm was unable to detect version for .",
            Some("SETUPTOOLS_SCM_PRETEND_VERSION in `build_env`"),
        );
        check(
            "error: Required uv version `<0.12` does not match the running version `0.13.8`\n  cause: Required uv version `<0.12` does not match the running version `0.13.8`\n",
            "Required uv version `<0.12` does not match the running version `0.13.8`",
            None,
        );
        check(
            "error: Failed to fetch: `https://pypi.org/simple/six/`\n  Caused by: HTTP status client error (401 Unauthorized) for url (https://pypi.org/simple/six/)\n",
            "Failed to fetch: `https://pypi.org/simple/six/`: HTTP status client error (401 Unauthorized) for url (https://pypi.org/simple/six/)",
            Some("pip_secret_mounts"),
        );
        check(
            "  × Failed to build `docopt==0.6.2`\n  ├─▶ The build backend returned an error\n  ╰─▶ Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit\n      status: 1)\n\n      [stderr]\n      Traceback (most recent call last):\n        File \"<string>\", line 8, in <module>\n      ModuleNotFoundError: No module named 'setuptools'\n\n      hint: This usually indicates a problem with the package or the build\n      environment.\n",
            "Failed to build `docopt==0.6.2`: ModuleNotFoundError: No module named 'setuptools'",
            None,
        );
        check(
            "  × Failed to build `x==1`\n  ╰─▶ Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)\n\n      [stderr]\n      error: command 'gcc' failed: No such file or directory\n",
            "Failed to build `x==1`: error: command 'gcc' failed: No such file or directory",
            Some("apt_packages: [build-essential]"),
        );
        check(
            "  × Failed to download `six==1.16.0`\n  ├─▶ Failed to fetch: `https://x/six.whl`\n  ╰─▶ invalid peer certificate: UnknownIssuer\n",
            "Failed to download `six==1.16.0`: Failed to fetch: `https://x/six.whl`: invalid peer certificate: UnknownIssuer",
            Some("id=ca-certificates"),
        );
        check(
            "error: unexpected argument '--nope' found\n\n  tip: a similar argument\n\nUsage: uv\n",
            "unexpected argument '--nope' found",
            None,
        );
        check(
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because you require six, it is so.\n\n      hint: `six` was found on https://a/, but not at the requested version\n      (1.0).\n",
            "Because you require six, it is so.",
            Some("`six` was found on https://a/, but not at the requested version (1.0)."),
        );
    }

    #[test]
    fn apt_and_dpkg_say_all_that_is_wrong() {
        check(
            "E: Unable to locate package nosuch\nE: Unable to locate package neither\nE: Unable to locate package nosuch\n",
            "Unable to locate package nosuch; Unable to locate package neither",
            Some("check the name"),
        );
        check(
            "E: Unable to locate package new\nnot with these lists of packages: looking for newer ones\nE: Version '1.0' for 'wget' was not found\nE: wget has the versions 1.21.3-1 1.21.4-2\n",
            "Version '1.0' for 'wget' was not found; wget has the versions 1.21.3-1 1.21.4-2",
            None,
        );
        check(
            "W: GPG error: http://h/deb stable InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY AA11\nE: The repository 'http://h/deb stable InRelease' is not signed.\n",
            "The repository 'http://h/deb stable InRelease' is not signed (NO_PUBKEY AA11)",
            Some("another key"),
        );
        check(
            "E: Failed to fetch http://h/deb/InRelease  401  Unauthorized [IP: 10.0.0.1 80]\nE: The repository 'http://h/deb stable InRelease' is not signed.\n",
            "Failed to fetch http://h/deb/InRelease 401 Unauthorized [IP: 10.0.0.1 80]; The repository 'http://h/deb stable InRelease' is not signed",
            Some("/etc/apt/auth.conf.d/"),
        );
        check(
            "Setting up x (1)\ndebconf: delaying package configuration\ndpkg: error processing package x (--configure):\n it failed\n",
            "dpkg cannot process package x (--configure): it failed",
            None,
        );
        check(
            "debconf: delaying package configuration\nERROR: the licence is not accepted\ndpkg: error processing package eula (--configure):\n installed eula package post-installation script subprocess returned error exit status 1\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n",
            "dpkg cannot process package eula (--configure): installed eula package post-installation script subprocess returned error exit status 1 (ERROR: the licence is not accepted)",
            Some("ACCEPT_EULA"),
        );
        check(
            "E: Failed to fetch http://deb.debian.org/x.deb  Temporary failure resolving 'deb.debian.org'\nE: Some index files failed to download. They have been ignored\n",
            "Failed to fetch http://deb.debian.org/x.deb Temporary failure resolving 'deb.debian.org'",
            Some("HTTPS_PROXY"),
        );
    }

    #[test]
    fn micromamba_says_what_does_not_go_together() {
        check(
            "error    libmamba Could not solve for environment specs\n    The following package could not be installed\n    └─ nosuch =* * does not exist (perhaps a typo or a missing channel).\ncritical libmamba Could not solve for environment specs\n",
            "Could not solve for environment specs: nosuch =* * does not exist (perhaps a typo or a missing channel).",
            None,
        );
    }

    #[test]
    fn whoever_spoke_last_is_heard() {
        check("first\n\n last words \n\n", "last words", None);
        assert_eq!(reason(" \n\n"), None);
        assert!(reason(&"x".repeat(9000)).unwrap().sentence.chars().count() <= MAX_SENTENCE + 1);
    }
}
