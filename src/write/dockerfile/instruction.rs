//! Instructions of a Dockerfile as data, and their text.

use std::fmt;

/// An instruction, or a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Instruction {
    /// A comment; each of its lines is one.
    Comment(String),
    /// The beginning of a stage.
    From {
        platform: Option<String>,
        image: String,
        stage: String,
    },
    /// A program that is run.
    Run { mounts: Vec<String>, what: Program },
    /// A copy of a file, or of what is in a directory.
    Copy {
        from: Option<String>,
        owner: Option<String>,
        exclude: Vec<String>,
        source: String,
        target: String,
    },
    /// A file with a text.
    Text { target: String, text: String },
    /// Variables; the values are in the words of an `ENV` instruction.
    Environment(Vec<(String, String)>),
    /// Labels.
    Labels(Vec<(String, String)>),
    /// One whose only argument is a word: `USER`, `WORKDIR`.
    Word(&'static str, String),
    /// Ports.
    Expose(Vec<String>),
    /// The program that a container starts.
    Entrypoint(Vec<String>),
}

/// What a `RUN` runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// A line for a shell.
    Line(String),
    /// A script in the file itself.
    Script(String),
}

/// A value that has no form in a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} has a line feed, and a Dockerfile has no words for that")]
pub(super) struct LineFeed(String);

impl Instruction {
    /// Checks that the instruction can be written.
    pub(super) fn check(&self) -> Result<(), LineFeed> {
        let one_line = |what: &str, text: &str| match text.contains(['\n', '\r']) {
            true => Err(LineFeed(what.to_owned())),
            false => Ok(()),
        };
        match self {
            Self::Environment(pairs) => pairs
                .iter()
                .try_for_each(|(name, value)| one_line(&format!("the variable {name}"), value)),
            Self::Labels(pairs) => pairs
                .iter()
                .try_for_each(|(name, value)| one_line(&format!("the label {name}"), value)),
            Self::Copy { source, target, .. } => {
                one_line(&format!("the path {source:?}"), source)?;
                one_line(&format!("the path {target:?}"), target)
            }
            Self::Word(what, text) => one_line(&format!("the argument of {what}"), text),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment(text) => text
                .lines()
                .try_for_each(|line| writeln!(f, "{}", format!("# {line}").trim_end())),
            Self::From { platform, image, stage } => {
                let platform = platform
                    .as_ref()
                    .map_or(String::new(), |platform| format!("--platform={platform} "));
                writeln!(f, "FROM {platform}{image} AS {stage}")
            }
            Self::Run { mounts, what } => {
                f.write_str("RUN ")?;
                for mount in mounts {
                    write!(f, "--mount={mount} \\\n    ")?;
                }
                match what {
                    Program::Line(line) => writeln!(f, "{line}"),
                    Program::Script(text) => {
                        let end = unused("STEP", text);
                        writeln!(f, "<<'{end}'\n{}\n{end}", text.trim_end_matches('\n'))
                    }
                }
            }
            Self::Copy {
                from,
                owner,
                exclude,
                source,
                target,
            } => {
                f.write_str("COPY ")?;
                if let Some(from) = from {
                    write!(f, "--from={from} ")?;
                }
                if let Some(owner) = owner {
                    write!(f, "--chown={owner} ")?;
                }
                for pattern in exclude {
                    write!(f, "--exclude={} ", flag_value(pattern))?;
                }
                writeln!(f, "[{}, {}]", json(&literal_pattern(source)), json(target))
            }
            Self::Text { target, text } => {
                let end = unused("FILE", text);
                let text = text.strip_suffix('\n').unwrap_or(text);
                writeln!(f, "COPY <<'{end}' {target}\n{text}\n{end}")
            }
            Self::Environment(pairs) => list(
                f,
                "ENV",
                pairs.iter().map(|(name, value)| format!("{name}=\"{value}\"")),
            ),
            Self::Labels(pairs) => list(
                f,
                "LABEL",
                pairs
                    .iter()
                    .map(|(name, value)| format!("\"{}\"=\"{}\"", quoted(name), quoted(value))),
            ),
            Self::Word(name, word) => writeln!(f, "{name} {}", quoted(word)),
            Self::Expose(ports) => writeln!(f, "EXPOSE {}", ports.join(" ")),
            Self::Entrypoint(words) => {
                let words: Vec<String> = words.iter().map(|word| plain_json(word)).collect();
                writeln!(f, "ENTRYPOINT [{}]", words.join(", "))
            }
        }
    }
}

/// An instruction with a line for each of its arguments.
fn list(f: &mut fmt::Formatter<'_>, name: &str, items: impl Iterator<Item = String>) -> fmt::Result {
    let items: Vec<String> = items.collect();
    match items.as_slice() {
        [] => Ok(()),
        items => writeln!(f, "{name} {}", items.join(" \\\n    ")),
    }
}

/// A text between the double quotes of an instruction, taken as it is.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '"' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A path whose wildcards are characters.
fn literal_pattern(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '*' | '?' | '[' => out.extend(['[', c, ']']),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out
}

/// A word of an instruction in JSON's form, in which variables are replaced.
fn json(text: &str) -> String {
    plain_json(&text.replace('$', "\\$"))
}

/// A word in JSON's form.
fn plain_json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A pattern as the value of a flag: flags end at blanks, and lose quotes and backslashes.
fn flag_value(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if matches!(c, ' ' | '\t' | '"' | '\'' | '\\' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A word that no line of a text is.
fn unused(word: &str, text: &str) -> String {
    let mut end = word.to_owned();
    while text.lines().any(|line| line.trim_start_matches('\t') == end) {
        end.push('_');
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_words_of_a_flag() {
        let check = |pattern: &str, expect: &str| assert_eq!(flag_value(pattern), expect);
        check("*.pyc", "*.pyc");
        check("a b", "a\\ b");
        check("it's \"x\"", "it\\'s\\ \\\"x\\\"");
        check("st\\*r", "st\\\\*r");
        check("$x", "\\$x");
    }
}
