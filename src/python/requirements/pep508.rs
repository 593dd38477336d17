//! The one door to the readers of requirements, markers and versions. They panic at some texts: what is known of that
//! is refused before they see it, and the rest is caught.

use std::fmt;
use std::path::Path;
use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerTree, Pep508Error, Pep508Url};

use crate::text::guarded;

/// What stands behind an `@`. URLs and paths do not come to this reader, so it is neither, and is refused; the crate's
/// own type would bring all of WHATWG's rules into the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {}

/// Something that is neither a URL nor a path.
#[derive(Debug, thiserror::Error)]
#[error("what follows `@` is neither a URL nor a path")]
pub(super) struct NoPlace;

impl fmt::Display for Place {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Pep508Url for Place {
    type Err = NoPlace;

    fn parse_url(_: &str, _: Option<&Path>) -> Result<Self, NoPlace> {
        Err(NoPlace)
    }
}

/// The most parentheses in a marker: its reader of markers calls itself for each.
const MAX_PARENTHESES: usize = 64;
/// The most digits in a number of a marker: the reader adds one to some of them.
const MAX_DIGITS: usize = 18;

/// Reads a requirement that has a name.
pub(super) fn requirement(text: &str) -> Result<pep508_rs::Requirement<Place>, String> {
    check_marker(text.split_once(';').map_or("", |(_, marker)| marker))?;
    if let Some(name) = half_names(text).find(|name| name.ends_with(['-', '_', '.'])) {
        return Err(format!(
            "the name `{name}` does not end with a letter or a digit; is there a character too many?"
        ));
    }
    let read = guarded(|| pep508_rs::Requirement::from_str(text).map_err(words_of));
    read.unwrap_or_else(|| Err("this cannot be read as a requirement".into()))
}

/// Whether bounds allow a version; what cannot be read allows all.
#[must_use]
pub(crate) fn version_fits(bounds: &str, found: &str) -> bool {
    match (specifiers(bounds), version(found)) {
        (Ok(bounds), Some(found)) => bounds.contains(&found),
        _ => true,
    }
}

/// Reads a marker.
pub(crate) fn marker(text: &str) -> Result<MarkerTree, String> {
    check_marker(text)?;
    let read = guarded(|| MarkerTree::parse_str::<Place>(text).map_err(words_of));
    read.unwrap_or_else(|| Err("this cannot be read as a marker".into()))
}

/// Reads specifiers of versions, such as `>=1,<2`.
pub(crate) fn specifiers(text: &str) -> Result<VersionSpecifiers, String> {
    let read = guarded(|| VersionSpecifiers::from_str(text).map_err(|error| error.to_string()));
    read.unwrap_or_else(|| Err("these cannot be read as specifiers of versions".into()))
}

/// Reads a version.
pub(crate) fn version(text: &str) -> Option<Version> {
    guarded(|| Version::from_str(text).ok())?
}

/// The message alone: with the text and a caret below it, a mark inside of a character would panic.
fn words_of(error: Pep508Error<Place>) -> String {
    error.message.to_string().lines().next().unwrap_or_default().to_owned()
}

fn check_marker(text: &str) -> Result<(), String> {
    if text.matches('(').count() > MAX_PARENTHESES {
        return Err(format!("its marker has more than {MAX_PARENTHESES} parentheses"));
    }
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    if numbers.any(|number| number.len() > MAX_DIGITS) {
        return Err(format!("its marker has a number of more than {MAX_DIGITS} digits"));
    }
    Ok(())
}

/// The words at the places of the name and of the extras. The reader panics at one that ends with `-`, `_` or `.`
/// before anything but the end of the text.
fn half_names(text: &str) -> impl Iterator<Item = &str> {
    let rest = text.trim_start().trim_start_matches(is_of_name).trim_start();
    let extras = rest.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let all = std::iter::once(text).chain(extras.into_iter().flat_map(|extras| extras.split(',')));
    all.map(|text| {
        let text = text.trim_start();
        text.split(|c| !is_of_name(c)).next().unwrap_or(text)
    })
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_names_are_refused_wherever_they_are() {
        let texts = [
            "scikit- learn",
            "scikit-",
            "scikit_ learn==1",
            "scikit. ",
            "numpy->=1.2",
            " torch-.;python_version>'3'",
            "dask[array- ]",
            "dask[array_,bag]",
            "dask[bag,array.]>=2",
            "dask [ bag , array-",
            "dask[bag,array- @ x",
        ];
        for text in texts {
            let message = requirement(text).unwrap_err();
            assert!(
                message.contains("does not end with a letter or a digit"),
                "{text}: {message}"
            );
        }
        for text in ["a-b", "a_b[c-d, e.f] >= 1", "a ; extra == 'b-'", "a[]", "A.B"] {
            assert!(requirement(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn odd_texts_are_errors() {
        let deep = format!("a; {}os_name == 'x'{}", "(".repeat(100_000), ")".repeat(100_000));
        let large = "a ; python_version > '3.18446744073709551615'";
        for text in [
            large,
            "a[b é]",
            "a[b\u{3000}é]",
            "é",
            "",
            "a;",
            "a ; os_name ==",
            "a ; python_version > 'é",
            &deep,
        ] {
            assert!(requirement(text).is_err(), "{text}");
        }
        assert!(marker(&deep[2..]).is_err());
        assert!(marker("os_name == é").is_err());
        assert!(specifiers("é").is_err());
        assert_eq!(version("é"), None);
    }
}
