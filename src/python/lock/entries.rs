//! Reads a lock piece by piece: a document of tens of megabytes takes half as long again as one tree.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::python::lock::locked::LockError;

/// A lock with an array of tables that is nearly all of its text.
pub(super) trait Lock: DeserializeOwned {
    /// One of the tables.
    type Entry: DeserializeOwned;
    /// The name of the array.
    const ENTRIES: &'static str;

    /// Where the tables are kept.
    fn entries(&mut self) -> &mut Vec<Self::Entry>;
}

/// How much text is read at once, in bytes; the least, for a table is never divided.
const PIECE: usize = 64 * 1024;

/// Reads a lock.
pub(super) fn read<L: Lock>(text: &str) -> Result<L, toml::de::Error> {
    // The whole document also where a piece is not in order: its errors have the right place.
    read_apart(text).map_or_else(|| toml::from_str(text), Ok)
}

/// Reads a lock whose errors are words with a line.
pub(super) fn read_in_words<L: Lock>(text: &str) -> Result<L, LockError> {
    read(text).map_err(|error| {
        let place = line_of(text, &error).map_or(String::new(), |line| format!("line {line}: "));
        LockError::Form(format!("{place}{}", error.message()))
    })
}

/// The line of an error, the first being one; `None` if it has no place.
pub(crate) fn line_of(text: &str, error: &toml::de::Error) -> Option<usize> {
    let before = error.span().and_then(|at| text.get(..at.start))?;
    Some(before.matches('\n').count() + 1)
}

/// Reads a lock of which each heading stands at the beginning of a line, and nothing else that looks like one.
fn read_apart<L: Lock>(text: &str) -> Option<L> {
    let (head, pieces) = pieces(text, L::ENTRIES)?;
    let mut lock: L = toml::from_str(&head).ok()?;
    for piece in pieces {
        let tables: BTreeMap<String, Vec<L::Entry>> = toml::from_str(piece).ok()?;
        lock.entries().extend(tables.into_values().flatten());
    }
    Some(lock)
}

/// What is outside of the tables, and pieces with some tables each, in their order.
fn pieces<'t>(text: &'t str, name: &str) -> Option<(String, Vec<&'t str>)> {
    // A text over several lines may have lines that look like headings.
    if text.contains("\"\"\"") || text.contains("'''") {
        return None;
    }
    let heading = format!("[[{name}]]");
    let below = [format!("[{name}."), format!("[[{name}.")];
    let (mut head, mut pieces) = (String::new(), Vec::new());
    let (mut start, mut end, mut is_inside) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        let is_heading = line.trim_end() == heading;
        if line.starts_with('[') {
            is_inside = is_heading || (is_inside && below.iter().any(|prefix| line.starts_with(prefix)));
        }
        if !is_inside || (is_heading && end - start >= PIECE) {
            pieces.extend(text.get(start..end).filter(|piece| !piece.is_empty()));
            start = end;
        }
        end += line.len();
        if !is_inside {
            head.push_str(line);
            start = end;
        }
    }
    pieces.extend(text.get(start..end).filter(|piece| !piece.is_empty()));
    Some((head, pieces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Small {
        version: i64,
        packages: Vec<BTreeMap<String, toml::Value>>,
        tool: BTreeMap<String, toml::Value>,
    }

    impl Lock for Small {
        type Entry = BTreeMap<String, toml::Value>;
        const ENTRIES: &'static str = "packages";

        fn entries(&mut self) -> &mut Vec<Self::Entry> {
            &mut self.packages
        }
    }

    const TEXT: &str = "version = 1\n\n[[packages]]\nname = 'a'\nwheels = [\n  { url = 'x' },\n]\n\n[packages.sdist]\nurl = 'y'\n\n[[packages.files]]\nname = 'z'\n\n[[packages]] \nname = 'b'\n\n[tool.x]\nmade = ['a']\n";

    #[test]
    fn tables_are_read_in_their_order_and_what_stands_behind_them_is_not_theirs() {
        let lock: Small = read_apart(TEXT).unwrap();
        assert_eq!(lock, toml::from_str(TEXT).unwrap());
        assert_eq!(lock.packages.len(), 2);
        assert!(lock.tool.contains_key("x"));
    }

    #[test]
    fn no_table_is_divided_between_pieces() {
        let long = TEXT.replace("'x'", &format!("'{}'", "x".repeat(PIECE)));
        let (_, found) = pieces(&long, "packages").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            read_apart::<Small>(&long).unwrap(),
            toml::from_str::<Small>(&long).unwrap()
        );
    }

    #[test]
    fn what_looks_like_a_heading_in_a_text_is_none() {
        let text = "version = 1\n[[packages]]\nname = '''\n[[packages]]\nname = \"b\"\n'''\n";
        assert!(read_apart::<Small>(text).is_none());
        assert_eq!(read::<Small>(text).unwrap().packages.len(), 1);
    }

    #[test]
    fn an_error_has_its_place_in_the_whole_document() {
        let text = TEXT.replace("name = 'b'", "name = ");
        let error = read::<Small>(&text).unwrap_err();
        let at = error.span().unwrap().start;
        assert_eq!(text[..at].matches('\n').count() + 1, 16);
    }

    proptest! {
        #[test]
        fn lines_in_any_order_are_what_they_are_as_one_document(
            lines in prop::collection::vec(prop::sample::select(vec![
                "version = 1", "[[packages]]", "name = 'a'", "[packages.sdist]", "[[packages.files]]", "url = [", "[1],",
                "]", "[tool.x]", "[tool]", "# [[packages]]", "other = '[[packages]]'", "[packages]", "[[package]]", "",
            ]), 0..14),
        ) {
            let text = lines.join("\n");
            if let (Some(apart), Ok(whole)) = (read_apart::<Small>(&text), toml::from_str::<Small>(&text)) {
                prop_assert_eq!(apart, whole);
            }
        }
    }
}
