//! Requirements files, line by line. <https://pip.pypa.io/en/stable/reference/requirements-file-format/>

use std::borrow::Cow;

use crate::python::requirements::other_files::hint_of_line;
use crate::python::requirements::requirement::{Requirement, Source};

/// A line of a requirements file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// A requirement.
    Requirement(ListedRequirement),
    /// Another file, whose lines count as if they were here.
    Include(String),
    /// A file that constrains versions.
    Constraints(String),
    /// A package index or a directory of packages.
    Index(IndexOption),
    /// Any other option.
    Option(FileOption),
}

impl Entry {
    /// The requirement, if it is one.
    #[must_use]
    pub(crate) fn requirement(&self) -> Option<&Requirement> {
        match self {
            Self::Requirement(listed) => Some(&listed.requirement),
            _ => None,
        }
    }

    /// Whether a package is taken from a repository.
    #[must_use]
    pub(crate) fn is_repository(&self) -> bool {
        matches!(self, Self::Requirement(listed) if matches!(listed.requirement.source, Source::Repository(_)))
    }
}

/// A requirement as a file lists it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListedRequirement {
    pub requirement: Requirement,
    /// `algorithm:digest` of each file that may be installed.
    pub hashes: Vec<String>,
}

/// Where packages are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexOption {
    /// The URL of the main index.
    Main(String),
    /// The URL of another index.
    Extra(String),
    /// A directory, or the URL of a page, that lists files.
    FindLinks(String),
    /// Nothing is looked up on an index.
    NoIndex,
    /// A host whose certificate is not checked.
    InsecureHost(String),
}

impl IndexOption {
    /// The words of uv's option.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let (option, value) = match self {
            Self::Main(url) => ("--index-url", Some(url)),
            Self::Extra(url) => ("--extra-index-url", Some(url)),
            Self::FindLinks(place) => ("--find-links", Some(place)),
            Self::NoIndex => ("--no-index", None),
            Self::InsecureHost(host) => ("--allow-insecure-host", Some(host)),
        };
        std::iter::once(option.to_owned()).chain(value.cloned()).collect()
    }

    /// Its value, where it takes one.
    #[must_use]
    pub(crate) fn value(&self) -> Option<&str> {
        match self {
            Self::Main(value) | Self::Extra(value) | Self::FindLinks(value) | Self::InsecureHost(value) => Some(value),
            Self::NoIndex => None,
        }
    }
}

/// An option of a whole file that says neither what is needed nor from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileOption {
    /// Versions that are not final are allowed.
    Prereleases,
    /// Each package needs a hash.
    RequireHashes,
    /// Names of packages to build even if there is a wheel, as written.
    NoBinary(String),
    /// Names of packages that may not be built, as written.
    OnlyBinary(String),
    /// It has no say here, as written.
    Ignored(String),
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub(crate) struct LineError {
    /// The number of the line, from 1.
    pub line: usize,
    /// The complaint, for people.
    pub message: String,
    /// What helps, if it is known.
    pub help: Option<String>,
}

impl LineError {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            help: None,
        }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

/// What a requirements file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RequirementsLines {
    /// Each entry with its line, from 1.
    pub entries: Vec<(usize, Entry)>,
    /// The lines that cannot be read.
    pub errors: Vec<LineError>,
}

/// What to write as a requirement.
const EXAMPLES: &str =
    "write for example `pandas>=2`, `features @ git+https://github.com/acme/features@v3` or `./libs/features`";

/// Reads a requirements file, all of its lines.
#[must_use]
pub(crate) fn read_lines(text: &str) -> RequirementsLines {
    let mut found = RequirementsLines::default();
    for (number, line) in logical_lines(text).iter().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        match entry(number + 1, line) {
            Ok(entry) => found.entries.push((number + 1, entry)),
            Err(error) => found.errors.push(match error.help {
                Some(_) => error,
                None => error.help(hint_of_line(line).unwrap_or_else(|| EXAMPLES.to_owned())),
            }),
        }
    }
    found
}

/// The lines without comments, continued ones joined. Empty lines stand in for what was joined or dropped, so that
/// positions are still line numbers.
#[must_use]
pub(crate) fn logical_lines(text: &str) -> Vec<String> {
    let text = plain_text(text);
    // Comments go first: a backslash at the end of a comment continues nothing.
    let uncommented = text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
    let mut lines: Vec<String> = Vec::new();
    let mut continued = 0;
    for line in uncommented.lines() {
        let (text, goes_on) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
        match lines.last_mut().filter(|_| continued > 0) {
            Some(last) => *last = format!("{last} {text}"),
            None => lines.push(text.to_owned()),
        }
        if goes_on {
            continued += 1;
        } else {
            lines.extend(std::iter::repeat_n(String::new(), continued));
            continued = 0;
        }
    }
    lines
}

/// The text without byte order mark and carriage returns.
#[must_use]
pub(crate) fn plain_text(text: &str) -> Cow<'_, str> {
    let text = text.trim_start_matches('\u{feff}');
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A comment begins at the start of a line or after white space.
pub(super) fn without_comment(line: &str) -> &str {
    let begins = |at: usize| {
        at == 0
            || line
                .get(..at)
                .is_some_and(|before| before.ends_with(char::is_whitespace))
    };
    let comment = line.match_indices('#').map(|(at, _)| at).find(|at| begins(*at));
    comment.map_or(line, |at| line.get(..at).unwrap_or(line))
}

fn entry(number: usize, line: &str) -> Result<Entry, LineError> {
    if !line.starts_with('-') {
        return requirement(number, line);
    }
    let (option, value) = match line.find(|c: char| c == '=' || c.is_whitespace()) {
        Some(at) => line.split_at(at),
        // `-rfile` and the like.
        None if line.len() > 2 && !line.starts_with("--") => line.split_at_checked(2).unwrap_or((line, "")),
        None => (line, ""),
    };
    let value = value.trim_start_matches(|c: char| c == '=' || c.is_whitespace()).trim();
    let value = value.trim_matches(['"', '\'']).to_owned();
    let takes_value = [
        "-r",
        "--requirement",
        "--requirements",
        "-c",
        "--constraint",
        "--constraints",
        "-e",
        "--editable",
        "-i",
        "--index-url",
        "--pypi-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "--trusted-host",
        "--no-binary",
        "--only-binary",
    ]
    .contains(&option);
    if takes_value && value.is_empty() {
        return Err(LineError::new(number, format!("`{option}` names nothing")));
    }
    Ok(match option {
        "-r" | "--requirement" | "--requirements" => Entry::Include(value),
        "-c" | "--constraint" | "--constraints" => Entry::Constraints(value),
        // Nothing is installed in place: a copy goes into the image.
        "-e" | "--editable" => requirement(number, &value)?,
        "-i" | "--index-url" | "--pypi-url" => Entry::Index(IndexOption::Main(value)),
        "--extra-index-url" => Entry::Index(IndexOption::Extra(value)),
        "-f" | "--find-links" => Entry::Index(IndexOption::FindLinks(value)),
        "--no-index" => Entry::Index(IndexOption::NoIndex),
        "--trusted-host" => Entry::Index(IndexOption::InsecureHost(value)),
        "--pre" => Entry::Option(FileOption::Prereleases),
        "--require-hashes" => Entry::Option(FileOption::RequireHashes),
        "--no-binary" => Entry::Option(FileOption::NoBinary(value)),
        "--only-binary" => Entry::Option(FileOption::OnlyBinary(value)),
        "--prefer-binary" | "--no-prefer-binary" | "--use-feature" => {
            Entry::Option(FileOption::Ignored(option.to_owned()))
        }
        _ => {
            let error = LineError::new(number, format!("`{option}` is not an option of requirements files"));
            return Err(error.help("options of `uv pip install` go into `pip_extra_args`"));
        }
    })
}

fn requirement(number: usize, text: &str) -> Result<Entry, LineError> {
    let (text, options) = match text.find(" --") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mut hashes = Vec::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("--hash", "") => hashes.extend(words.next().map(str::to_owned)),
            ("--hash", value) => hashes.push(value.to_owned()),
            (option, _) if option.starts_with("--") => {
                let error = LineError::new(number, format!("`{option}` of a single requirement is not supported"));
                return Err(error.help(
                    "say it for the package in `pip_extra_args`: `--config-settings-package NAME:KEY=VALUE`, `--no-binary NAME`",
                ));
            }
            _ => {}
        }
    }
    let requirement =
        Requirement::parse(text).map_err(|error| LineError::new(number, format!("`{}`: {error}", text.trim())))?;
    Ok(Entry::Requirement(ListedRequirement { requirement, hashes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_pip_reads() {
        let text = "\u{feff}# head\r\n-r base.txt\r\n--requirement=more.txt\n-cbounds.txt\n-e ./libs/x  # own\n\
                    --index-url https://i/simple\n-f wheels\n--no-index\n--pre\n\
                    numpy==1 \\\n  --hash=sha256:aa \\\n  --hash sha256:bb\nx @ git+https://h/x@v1#egg=x\n";
        let found = read_lines(text);
        assert_eq!(found.errors, []);
        let shown: Vec<String> = found
            .entries
            .iter()
            .map(|(line, entry)| match entry {
                Entry::Requirement(listed) => format!("{line} {} {:?}", listed.requirement.text, listed.hashes),
                other => format!("{line} {other:?}"),
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        2 Include("base.txt")
        3 Include("more.txt")
        4 Constraints("bounds.txt")
        5 ./libs/x []
        6 Index(Main("https://i/simple"))
        7 Index(FindLinks("wheels"))
        8 Index(NoIndex)
        9 Option(Prereleases)
        10 numpy==1 ["sha256:aa", "sha256:bb"]
        13 x @ git+https://h/x@v1#egg=x []
        "#);
    }

    #[test]
    fn every_bad_line_is_told_with_what_helps() {
        let check = |line: &str, message: &str, help: &str| {
            let found = read_lines(&format!("six\n\n{line}\nidna\n"));
            assert_eq!(found.entries.len(), 2, "{line}");
            let error = found.errors.first().unwrap();
            assert_eq!(error.line, 3);
            assert!(error.message.contains(message), "{line}: {}", error.message);
            let said = error.help.clone().unwrap_or_default();
            assert!(said.contains(help), "{line}: {said}");
        };
        check("b c", "`b c`: ", "write for example `pandas>=2`");
        check("-r", "`-r` names nothing", "");
        check("--bogus", "`--bogus` is not an option", "pip_extra_args");
        check(
            "--target /x",
            "`--target` is not an option of requirements files",
            "pip_extra_args",
        );
        check(
            "six --config-settings a=b",
            "`--config-settings` of a single requirement",
            "--config-settings-package",
        );
        check("numpy        1.26.4", "", "`numpy==1.26.4`");
        check("idna = \"^3.7\"", "", "Poetry");
        check("mkl=2.4=py311", "", "conda_packages");
        check("python=3.11", "", "conda_packages");
        assert_eq!(read_lines("a b\n-x\nsix\nc d\n").errors.len(), 3);
    }
}
