//! Command lines of engines, as people and shells read them.

use std::fmt;
use std::process::Command;

use crate::engine::option::Form;

/// The directory with the carried frontend, where it is not made.
pub(crate) const FRONTEND_PLACE: &str = "$FRONTEND";
/// The directory with what comes from standard input.
pub(crate) const CONTEXT_PLACE: &str = "$CONTEXT";

/// A program with its arguments. Secrets are ids and files in it, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, as the search path knows it.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// A variable of the environment that it must not see.
    pub unset: Option<&'static str>,
}

impl CommandLine {
    pub(crate) fn new(words: &[&str]) -> Self {
        let mut words = words.iter().map(|word| (*word).to_owned());
        Self {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            unset: None,
        }
    }

    /// A command beside a build, with the flags that choose the store: it has to look into the same one.
    pub(super) fn beside(program: &str, store: Vec<String>, words: &[&str]) -> Self {
        let mut line = Self::new(&[program]);
        line.arguments = store;
        line.arguments.extend(words.iter().map(|word| (*word).to_owned()));
        line
    }

    /// The process that it is.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        if let Some(variable) = self.unset {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn word(&mut self, word: impl Into<String>) {
        self.arguments.push(word.into());
    }

    pub(crate) fn flag(&mut self, flag: &str, value: impl Into<String>) {
        self.word(flag);
        self.word(value);
    }

    /// Asks an option that has a flag. Those without one are left to whoever translates them.
    pub(super) fn ask(&mut self, form: Form, value: &str) {
        match form {
            Form::Flag(flag) => self.flag(flag, value),
            Form::Switch(flag) => self.word(flag),
            Form::Frontend(_) | Form::Entry(_) | Form::Translated(_) | Form::Cannot => {}
        }
    }
}

/// As a line for a shell; `$FRONTEND` and `$CONTEXT` stay variables.
impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variable) = self.unset {
            write!(f, "env -u {variable} ")?;
        }
        f.write_str(&quoted(&self.program))?;
        self.arguments
            .iter()
            .try_for_each(|word| write!(f, " {}", quoted(word)))
    }
}

/// Those of some flags that are among `with_value` or `alone`, with their values.
pub(crate) fn chosen_flags(flags: &[String], with_value: &[&str], alone: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut words = flags.iter();
    while let Some(word) = words.next() {
        let (name, has_value) = match word.split_once('=') {
            Some((name, _)) => (name, true),
            None => (word.as_str(), false),
        };
        if with_value.contains(&name) || alone.contains(&name) {
            found.push(word.clone());
        }
        if with_value.contains(&name) && !has_value {
            found.extend(words.next().cloned());
        }
    }
    found
}

fn quoted(word: &str) -> String {
    let place = [FRONTEND_PLACE, CONTEXT_PLACE]
        .into_iter()
        .find_map(|place| word.split_once(place).map(|(before, after)| (before, place, after)));
    match place {
        // Variables are not split in double quotes; the rest is quoted by itself.
        Some((before, place, after)) => {
            let outside = |text: &str| if text.is_empty() { String::new() } else { quoted(text) };
            format!("{}\"{place}\"{}", outside(before), outside(after))
        }
        None if !word.is_empty() && word.chars().all(is_plain) => word.to_owned(),
        // It fails for texts with a NUL, which no argument can have.
        None => shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned),
    }
}

/// What no shell takes for anything else, inside of a word that is no program.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_chosen_with_their_values() {
        let words = ["--a", "1", "--b=2", "--c", "--a=3", "--d", "--a"].map(str::to_owned);
        let found = chosen_flags(&words, &["--a", "--b"], &["--c"]);
        assert_eq!(found.join(" "), "--a 1 --b=2 --c --a=3 --a");
    }

    #[test]
    fn lines_are_words_of_a_shell() {
        let check = |words: &[&str], expect: &str| {
            let line = CommandLine::new(words).to_string();
            assert_eq!(line, expect);
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf '%s\\n' {line}")])
                .env("FRONTEND", "/the dir")
                .output()
                .unwrap();
            let read = String::from_utf8(output.stdout).unwrap();
            let words: Vec<String> = words.iter().map(|word| word.replace("$FRONTEND", "/the dir")).collect();
            assert_eq!(read, format!("{}\n", words.join("\n")));
        };
        check(&["a", "b=c", "--x"], "a b=c --x");
        check(&["a", "", "it's", "$HOME", "a b"], "a '' \"it's\" '$HOME' 'a b'");
        check(
            &["a", "x=oci-layout://$FRONTEND", "$FRONTEND/more space"],
            "a x=oci-layout://\"$FRONTEND\" \"$FRONTEND\"'/more space'",
        );
    }
}
