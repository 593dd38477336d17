//! How paths are cleaned, a function for each dialect that counts in a digest or decides what is left out.

/// A path as Python's `pathlib` writes it: without `.` and doubled or final slashes.
pub(super) fn pathlib(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", pathlib_parts(path).join("/"))
}

/// The parts of a path as Python's `pathlib` counts them, the root aside.
pub(super) fn pathlib_parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect()
}

/// The parts of a pattern as Docker cleans them, and docker-py too: `..` takes back the part before it, and leads
/// nowhere above the root.
pub(super) fn docker_parts(pattern: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in pathlib_parts(pattern) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts
}

/// A path relative to a directory, neither of them absolute; `None` where it leads above the directory's root.
pub(super) fn join(directory: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts = pathlib_parts(directory);
    for part in pathlib_parts(path) {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_own_mind_on_parents() {
        let check = |path: &str, python: &str, docker: &str| {
            assert_eq!(pathlib(path), python, "{path}");
            assert_eq!(docker_parts(path).join("/"), docker, "{path}");
        };
        check("./a//b/", "a/b", "a/b");
        check("/a/./b", "/a/b", "a/b");
        check("a/../b", "a/../b", "b");
        check("../a", "../a", "a");
        check("", "", "");
        check("/", "/", "");
    }
}
