//! What is put into an archive besides a context.

use std::path::{Component, Path, PathBuf};

/// A file or directory, and its path in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Added {
    pub(super) source: PathBuf,
    /// Without `.`, `..` and needless slashes; empty is the archive itself.
    pub(super) destination: String,
    /// Whether the path was written as that of a directory.
    pub(super) is_directory: bool,
}

impl Added {
    /// Reads `SOURCE=DESTINATION`. Of several `=`, the first counts that has an existing path before it.
    pub(crate) fn parse(text: &str, exists: impl Fn(&str) -> bool) -> Result<Self, String> {
        let mut ways = text
            .match_indices('=')
            .filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)));
        let first = ways.clone().next().ok_or("it is not SOURCE=DESTINATION")?;
        let (source, destination) = ways.find(|(source, _)| exists(source)).unwrap_or(first);
        if source.is_empty() || destination.is_empty() {
            return Err("it is not SOURCE=DESTINATION".to_owned());
        }
        let mut parts = Vec::new();
        for component in Path::new(destination).components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy()),
                Component::CurDir => {}
                Component::ParentDir => return Err("DESTINATION has `..`: it is a path in the archive".to_owned()),
                Component::RootDir | Component::Prefix(_) => {
                    return Err("DESTINATION is absolute: it is a path in the archive".to_owned());
                }
            }
        }
        Ok(Self {
            source: source.into(),
            destination: parts.join("/"),
            is_directory: destination.ends_with('/') || parts.is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_path_in_the_archive() {
        let check = |text: &str, source: &str, destination: &str, is_directory: bool| {
            let added = Added::parse(text, |path| path == "a" || path == "d=1/b").unwrap();
            assert_eq!(added.source, Path::new(source), "{text}");
            assert_eq!(
                (added.destination.as_str(), added.is_directory),
                (destination, is_directory)
            );
        };
        check("a=b", "a", "b", false);
        check("a=./b//c/", "a", "b/c", true);
        check("a=.", "a", "", true);
        check("a=x=y", "a", "x=y", false);
        check("d=1/b=x", "d=1/b", "x", false);
        check("none=1=2", "none", "1=2", false);
        for (text, expect) in [
            ("a", "not SOURCE=DESTINATION"),
            ("a=", "not SOURCE=DESTINATION"),
            ("=a", "not SOURCE=DESTINATION"),
            ("a=../b", "`..`"),
            ("a=b/../c", "`..`"),
            ("a=/b", "absolute"),
        ] {
            let error = Added::parse(text, |path| path == "a").unwrap_err();
            assert!(error.contains(expect), "{text}: {error}");
        }
    }
}
