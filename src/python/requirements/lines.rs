//! Requirements files, line by line. <https://pip.pypa.io/en/stable/reference/requirements-file-format/>

use crate::python::requirements::requirement::Requirement;

/// A line of a requirements file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// A requirement, with its hashes.
    Requirement {
        requirement: Requirement,
        /// Whether it is installed in place (`-e`).
        is_editable: bool,
        /// `algorithm:digest` of each file that may be installed.
        hashes: Vec<String>,
    },
    /// Another file, whose lines count as if they were here.
    Include(String),
    /// A file that constrains versions.
    Constraints(String),
    /// A package index or a directory of packages.
    Index {
        /// uv's name of the option.
        option: &'static str,
        /// A URL or path; empty for `--no-index`.
        value: String,
    },
    /// Any other option.
    Option(String),
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub(crate) struct RequirementsError {
    /// The number of the line, from 1.
    pub line: usize,
    /// The complaint, for people.
    pub message: String,
}

/// The options that name indexes, with uv's name for each.
const INDEX_OPTIONS: [(&str, &str); 6] = [
    ("-i", "--index-url"),
    ("--index-url", "--index-url"),
    ("--pypi-url", "--index-url"),
    ("--extra-index-url", "--extra-index-url"),
    ("-f", "--find-links"),
    ("--find-links", "--find-links"),
];

/// Reads a requirements file. Each entry comes with its line, from 1.
///
/// # Errors
/// At the first line that is neither a requirement nor an option.
pub(crate) fn parse_requirements(text: &str) -> Result<Vec<(usize, Entry)>, RequirementsError> {
    let mut entries = Vec::new();
    for (number, line) in logical_lines(text).iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let line_number = number + 1;
        let entry = entry(line).map_err(|message| RequirementsError {
            line: line_number,
            message,
        })?;
        entries.push((line_number, entry));
    }
    Ok(entries)
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
pub(crate) fn plain_text(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    text.replace("\r\n", "\n").replace('\r', "\n")
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

fn entry(line: &str) -> Result<Entry, String> {
    let line = line.trim();
    if !line.starts_with('-') {
        return requirement(line, false);
    }
    let (option, value) = match line.find(|c: char| c == '=' || c.is_whitespace()) {
        Some(at) => line.split_at(at),
        // `-rfile` and the like.
        None if line.len() > 2 && !line.starts_with("--") => line.split_at_checked(2).unwrap_or((line, "")),
        None => (line, ""),
    };
    let value = value.trim_start_matches(|c: char| c == '=' || c.is_whitespace()).trim();
    let path = || match value {
        "" => Err(format!("`{option}` names nothing")),
        value => Ok(value.trim_matches(['"', '\'']).to_owned()),
    };
    match option {
        "-r" | "--requirement" | "--requirements" => Ok(Entry::Include(path()?)),
        "-c" | "--constraint" | "--constraints" => Ok(Entry::Constraints(path()?)),
        "-e" | "--editable" => requirement(&path()?, true),
        "--no-index" => Ok(Entry::Index {
            option: "--no-index",
            value: String::new(),
        }),
        _ => match INDEX_OPTIONS.iter().find(|(known, _)| *known == option) {
            Some((_, option)) => Ok(Entry::Index { option, value: path()? }),
            None => Ok(Entry::Option(line.to_owned())),
        },
    }
}

fn requirement(text: &str, is_editable: bool) -> Result<Entry, String> {
    let (text, options) = match text.find(" --") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mut hashes = Vec::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        match word.strip_prefix("--hash") {
            Some("") => hashes.extend(words.next().map(str::to_owned)),
            Some(value) => hashes.extend(value.strip_prefix('=').map(str::to_owned)),
            None => {}
        }
    }
    let requirement = Requirement::parse(text).map_err(|error| format!("`{}`: {error}", text.trim()))?;
    Ok(Entry::Requirement {
        requirement,
        is_editable,
        hashes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_pip_reads() {
        let text = "\u{feff}# head\r\n-r base.txt\r\n--requirement=more.txt\n-cbounds.txt\n-e ./libs/x  # own\n\
                    --index-url https://i/simple\n-f wheels\n--no-index\n--pre\n\
                    numpy==1 \\\n  --hash=sha256:aa \\\n  --hash sha256:bb\nx @ git+https://h/x@v1#egg=x\n";
        let entries = parse_requirements(text).unwrap();
        let shown: Vec<String> = entries
            .iter()
            .map(|(line, entry)| match entry {
                Entry::Requirement {
                    requirement,
                    is_editable,
                    hashes,
                } => format!("{line} {} {is_editable} {hashes:?}", requirement.text),
                other => format!("{line} {other:?}"),
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        2 Include("base.txt")
        3 Include("more.txt")
        4 Constraints("bounds.txt")
        5 ./libs/x true []
        6 Index { option: "--index-url", value: "https://i/simple" }
        7 Index { option: "--find-links", value: "wheels" }
        8 Index { option: "--no-index", value: "" }
        9 Option("--pre")
        10 numpy==1 false ["sha256:aa", "sha256:bb"]
        13 x @ git+https://h/x@v1#egg=x false []
        "#);
        let error = parse_requirements("a\nb c\n").unwrap_err();
        assert_eq!(error.line, 2);
        assert!(parse_requirements("-r\n").is_err());
    }
}
