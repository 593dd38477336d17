//! Paths inside a build context: relative to its root, with `/` on every system.

/// The directory that a file is in; empty for the context's root.
#[must_use]
pub(crate) fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last part of a path.
#[must_use]
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The path without `.` parts and doubled or final slashes; empty for the context itself.
#[must_use]
pub(crate) fn context_path(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

/// A path relative to a directory of the context; `None` when it leaves the context.
#[must_use]
pub(crate) fn join(directory: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A directory of the context and those above it, the context last.
#[must_use]
pub(crate) fn directories_above(directory: &str) -> Vec<String> {
    let all = std::iter::successors(Some(directory), |directory| {
        (!directory.is_empty()).then(|| directory_of(directory))
    });
    all.map(str::to_owned).collect()
}

/// The path of a file in a directory of the context.
#[must_use]
pub(crate) fn below(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        directory => format!("{directory}/{name}"),
    }
}

/// Two parts of a path, either of which may be empty.
#[must_use]
pub(crate) fn joined(directory: &str, rest: &str) -> String {
    match rest {
        "" => directory.to_owned(),
        rest => below(directory, rest),
    }
}

/// What a path is relative to a directory that it is or lies below; `None` where it lies elsewhere.
#[must_use]
pub(crate) fn relative_to<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(directory)?;
    match rest.strip_prefix('/') {
        Some(inner) => Some(inner),
        None => (rest.is_empty() || directory.is_empty()).then_some(rest),
    }
}

/// Whether a path has a part `..`, so that it may lead out of where it starts.
#[must_use]
pub(crate) fn climbs(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_clean_and_stay_in_the_context() {
        assert_eq!(context_path("./a//b/"), "a/b");
        assert_eq!(context_path("."), "");
        assert_eq!(directory_of("a/b/c"), "a/b");
        assert_eq!(directory_of("c"), "");
        assert_eq!(file_name("a/b"), "b");
        assert_eq!(file_name("b"), "b");
        assert_eq!(relative_to("a/b/c", "a/b"), Some("c"));
        assert_eq!(relative_to("a/b", "a/b"), Some(""));
        assert_eq!(relative_to("a/b", ""), Some("a/b"));
        assert_eq!(relative_to("a/bc", "a/b"), None);
        assert!(climbs("a/../b") && climbs("..") && !climbs("a/..b"));
        let check = |directory: &str, path: &str, expect: Option<&str>| {
            assert_eq!(join(directory, path).as_deref(), expect, "{directory} {path}");
        };
        check("a/b", "../c.txt", Some("a/c.txt"));
        check("", "./c//d", Some("c/d"));
        check("a", "..", Some(""));
        check("a", "../../c", None);
        check("a", "/c", None);
    }
}
