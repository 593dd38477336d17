//! What steps write: only steps that write nothing in common may be independent of each other.

use serde::Serialize;

/// What a step writes in the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Writes {
    /// Anything, anywhere.
    Anywhere,
    /// At or below paths; nothing for steps that are not layers.
    Below {
        /// Absolute, of files and directories.
        paths: Vec<String>,
        /// Paths below those that it does not touch.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        except: Vec<String>,
    },
    /// The files of Python packages. Two packages may have the same file; the step that settles shared files decides
    /// which one the image gets.
    Packages {
        /// What they lie below.
        prefix: &'static str,
        /// The packages, by normalised name.
        names: Vec<String>,
    },
    /// Files that several packages have, taken from one of them. The step comes above the layers of the packages and
    /// settles where they differ.
    SharedFiles {
        /// What they lie below.
        prefix: &'static str,
        /// Absolute, of files only.
        paths: Vec<String>,
    },
}

impl Writes {
    /// Nothing of the image.
    #[must_use]
    pub fn nothing() -> Self {
        Self::below([])
    }

    /// At or below paths.
    pub(crate) fn below<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        Self::Below {
            paths: paths.into_iter().map(str::to_owned).collect(),
            except: Vec::new(),
        }
    }

    /// What putting a file at a path may touch: missing parent directories are created, up to one that every image
    /// has.
    pub(crate) fn at(path: &str) -> Self {
        let kept = if path.starts_with("/root/") { 2 } else { 1 };
        let mut end = path.len();
        if let Some((at, _)) = path.match_indices('/').nth(kept) {
            end = at;
        }
        Self::below([path.get(..end).filter(|top| !top.is_empty()).unwrap_or("/")])
    }

    /// Whether both may write the same path.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anywhere, other) | (other, Self::Anywhere) => !other.is_nothing(),
            (
                Self::Packages { prefix, names },
                Self::Packages {
                    prefix: other_prefix,
                    names: others,
                },
            ) if prefix == other_prefix => names.iter().any(|name| others.contains(name)),
            // Writing the packages' files is the purpose of this step.
            (Self::SharedFiles { prefix, .. }, Self::Packages { prefix: other, .. })
            | (Self::Packages { prefix: other, .. }, Self::SharedFiles { prefix, .. })
                if prefix == other =>
            {
                false
            }
            _ => self.paths().any(|path| {
                other.paths().any(|theirs| {
                    let touches = is_at_or_below(path, theirs) || is_at_or_below(theirs, path);
                    touches && !self.leaves_alone(theirs) && !other.leaves_alone(path)
                })
            }),
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Self::Below { paths, .. } if paths.is_empty())
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        let (prefix, paths): (Option<&str>, &[String]) = match self {
            Self::Anywhere => (None, &[]),
            Self::Below { paths, .. } => (None, paths),
            Self::Packages { prefix, .. } | Self::SharedFiles { prefix, .. } => (Some(prefix), &[]),
        };
        prefix.into_iter().chain(paths.iter().map(String::as_str))
    }

    fn leaves_alone(&self, path: &str) -> bool {
        match self {
            Self::Below { except, .. } => except.iter().any(|other| is_at_or_below(path, other)),
            _ => false,
        }
    }
}

/// Whether a path is another one, or below it.
fn is_at_or_below(path: &str, other: &str) -> bool {
    let rest = path.strip_prefix(other.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_overlap_where_one_lies_below_the_other() {
        let check = |one: &Writes, other: &Writes, expect: bool| {
            assert_eq!(one.overlaps(other), expect, "{one:?} {other:?}");
            assert_eq!(other.overlaps(one), expect, "{other:?} {one:?}");
        };
        let below = |path: &str| Writes::below([path]);
        check(&below("/usr"), &below("/usr/share"), true);
        check(&below("/usr"), &below("/usr2"), false);
        check(&below("/"), &below("/app"), true);
        check(&Writes::Anywhere, &below("/app"), true);
        check(&Writes::Anywhere, &Writes::nothing(), false);
        let system = Writes::Below {
            paths: vec!["/usr".into()],
            except: vec!["/usr/share/imagespec".into()],
        };
        check(&system, &below("/usr/share/imagespec"), false);
        check(&system, &below("/usr/share"), true);
        let packages = |prefix, name: &str| Writes::Packages {
            prefix,
            names: vec![name.to_owned()],
        };
        check(&packages("/p", "a"), &packages("/p", "b"), false);
        check(&packages("/p", "a"), &packages("/p", "a"), true);
        check(&packages("/p", "a"), &below("/p/lib"), true);
        check(&packages("/p", "a"), &packages("/p/x", "b"), true);
    }

    #[test]
    fn a_copy_may_make_the_directories_above_it() {
        let check = |path: &str, expect: &str| assert_eq!(Writes::at(path), Writes::below([expect]), "{path}");
        check("/app/src/x", "/app");
        check("/app", "/app");
        check("/root/src/x", "/root/src");
        check("/root", "/root");
        check("/opt/x", "/opt");
        check("/", "/");
        check("", "/");
    }
}
