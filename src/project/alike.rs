//! Names that are nearly those that a spec has: people take one for the other.

use crate::project::files::ContextFiles;
use crate::text::Failure;

/// How many paths are followed at once.
const MAX_PATHS: usize = 3;

/// Paths in the context that are nearly a given one, which is not there.
pub(crate) async fn alike(files: &mut impl ContextFiles, path: &str) -> Result<Vec<String>, Failure> {
    let mut found = vec![String::new()];
    for part in path.split('/') {
        let mut next = Vec::new();
        for directory in &found {
            let mut names = files.names_like(path, directory).await?;
            names.retain(|name| name == part || difference(part, name).is_some());
            // The same name, which has no difference, goes before all others.
            names.sort_by_key(|name| difference(part, name));
            next.extend(names.iter().map(|name| match directory.as_str() {
                "" => name.clone(),
                directory => format!("{directory}/{name}"),
            }));
        }
        next.truncate(MAX_PATHS);
        found = next;
    }
    found.retain(|found| found != path);
    Ok(found)
}

/// What tells two names apart that are taken for one another, what is seen least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    Composition,
    Blank,
    Capitals,
    Letter,
}

impl Difference {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Composition => "which looks the same, but its letters are other characters (Unicode NFC and NFD)",
            Self::Blank => "with a blank at an end of one name only",
            Self::Capitals => "in other capitals",
            Self::Letter => "which differs in one letter",
        }
    }
}

/// What tells two names apart, if it is little.
pub(crate) fn difference(one: &str, other: &str) -> Option<Difference> {
    if one == other {
        None
    } else if is_decomposed(one) != is_decomposed(other) && composed(one) == composed(other) {
        Some(Difference::Composition)
    } else if one.trim() == other.trim() {
        Some(Difference::Blank)
    } else if one.to_lowercase() == other.to_lowercase() {
        Some(Difference::Capitals)
    } else {
        is_one_letter(one, other).then_some(Difference::Letter)
    }
}

/// Whether one letter is more, another, or before its neighbour.
fn is_one_letter(one: &str, other: &str) -> bool {
    let (mut one, mut other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    while one.last().is_some() && one.last() == other.last() {
        one.pop();
        other.pop();
    }
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (one.get(same..).unwrap_or(&[]), other.get(same..).unwrap_or(&[]));
    match (one, other) {
        ([a, b], [c, d]) => a == d && b == c,
        (one, other) => one.len() <= 1 && other.len() <= 1,
    }
}

/// Whether letters are written as several characters, as macOS does.
fn is_decomposed(name: &str) -> bool {
    name.chars().any(is_part)
}

/// An accent of its own, or a part of a Korean syllable.
fn is_part(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1100}'..='\u{11ff}' | '\u{3099}' | '\u{309a}')
}

/// A name without what decomposing changes: letters beyond ASCII, and those with accents, are all the same.
fn composed(name: &str) -> String {
    let mut out = String::new();
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let is_letter = !c.is_ascii() || chars.peek().copied().is_some_and(is_part);
        match is_letter {
            true if out.ends_with('\0') => {}
            true => out.push('\0'),
            false => out.push(c),
        }
    }
    out
}

/// Patterns that find the names that are nearly those of a path, for who can only be asked by patterns.
pub(crate) fn patterns_like(path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let mut patterns = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        for variant in variants(part) {
            let own = |(other, part): (usize, &&str)| if other == at { variant.clone() } else { loose(part) };
            patterns.push(parts.iter().enumerate().map(own).collect::<Vec<_>>().join("/"));
        }
    }
    patterns
}

/// A pattern for a name in any capitals, and however its accents are written.
fn loose(name: &str) -> String {
    let mut out = String::new();
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // Two of them would mean something else.
            _ if chars.peek().copied().is_some_and(is_part) || !c.is_ascii() => {
                out.truncate(out.trim_end_matches('*').len());
                out.push('*');
            }
            c if c.is_ascii_alphabetic() => out.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']),
            c => out.push(exactly(c)),
        }
    }
    out
}

/// A character that has no meaning in patterns, or one that matches any.
fn exactly(c: char) -> char {
    match c {
        '*' | '?' | '[' | ']' | '\\' | '^' | '!' => '?',
        c if c.is_control() => '?',
        c => c,
    }
}

/// Patterns for names with one letter more, less, or another, and with blanks at the ends.
fn variants(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().map(exactly).collect();
    let with = |from: usize, to: usize, middle: &str| {
        let text = |part: Option<&[char]>| part.unwrap_or_default().iter().collect::<String>();
        format!("{}{middle}{}", text(chars.get(..from)), text(chars.get(to..)))
    };
    let mut all = vec![loose(name), loose(name.trim()), with(0, 0, "?")];
    for at in 0..chars.len() {
        all.extend([with(at, at + 1, "?"), with(at + 1, at + 1, "?")]);
        // Nothing but a slash would be left of a single letter.
        all.extend((chars.len() > 1).then(|| with(at, at + 1, "")));
    }
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_differences_are_told() {
        use Difference::{Blank, Capitals, Composition, Letter};
        let check = |one, other, expect| assert_eq!(difference(one, other), expect, "{one} {other}");
        check("caf\u{e9}.txt", "cafe\u{301}.txt", Some(Composition));
        check("\u{d55c}.txt", "\u{1112}\u{1161}\u{11ab}.txt", Some(Composition));
        check("\u{d55c}\u{ad6d}.txt", "\u{c11c}\u{c6b8}.txt", None);
        check("a.txt ", "a.txt", Some(Blank));
        check("Data", "data", Some(Capitals));
        check("caf\u{e9}.txt", "cafe.txt", Some(Letter));
        check("main.py", "mian.py", Some(Letter));
        check("main.py", "miun.py", None);
        check("data", "src", None);
        check("data", "data", None);
    }

    #[test]
    fn patterns_find_what_is_alike() {
        let patterns = patterns_like("Data/caf\u{e9}.txt");
        for (pattern, is_there) in [
            ("[dD][aA][tT][aA]/[cC][aA][fF]*.[tT][xX][tT]", true),
            ("?ata/[cC][aA][fF]*.[tT][xX][tT]", true),
            ("[dD][aA][tT][aA]/caf\u{e9}.txt?", true),
            ("[dD][aA][tT][aA]/caf?.txt", true),
            ("*", false),
        ] {
            assert_eq!(
                patterns.iter().any(|known| known == pattern),
                is_there,
                "{pattern}: {patterns:?}"
            );
        }
        assert_eq!(loose("cafe\u{301}.d"), "[cC][aA][fF]*.[dD]");
        assert!(patterns_like("a\nb").iter().any(|pattern| pattern == "a?b?"));
        assert!(patterns_like("ab").contains(&"b".to_owned()) && !patterns_like("a").contains(&String::new()));
        assert!(patterns_like("a").iter().all(|pattern| !pattern.is_empty()));
    }
}
