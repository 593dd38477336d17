//! Files and lines of other tools where requirements should be: what to write instead.

use crate::text::file_name;

/// Files by their names, in lower case: what they are, and what to do. `*` at one end stands for anything.
const BY_NAME: [(&[&str], &str, &str); 17] = [
    (
        &[
            "environment.yml",
            "environment.yaml",
            "environment-*",
            "env.yml",
            "env.yaml",
            "conda.yml",
            "conda.yaml",
        ],
        "an environment of conda",
        "list its `dependencies` in `conda_packages`, those below `pip:` in `packages`, and its `channels` in `conda_channels`",
    ),
    (
        &["conda-lock.yml", "conda-lock.yaml", "conda-*.lock"],
        "a lock of conda packages",
        "list the packages in `conda_packages`, each as NAME=VERSION=BUILD to keep to the lock",
    ),
    (
        &["pixi.toml", "pixi.lock"],
        "a file of pixi",
        "list what is from conda in `conda_packages`, and what is from PyPI in `packages`; `pixi list` says which",
    ),
    (
        &["pipfile"],
        "a file of Pipenv",
        "write its lock as requirements and name that: `pipenv requirements > requirements.txt`",
    ),
    (
        &["pipfile.lock"],
        "a lock of Pipenv",
        "write it as requirements and name that: `pipenv requirements > requirements.txt`",
    ),
    (
        &["pdm.lock"],
        "a lock of PDM",
        "write it as pylock.toml beside the spec, `pdm export --format pylock -o pylock.toml`, and `requirements: pyproject.toml`",
    ),
    (
        &["setup.py", "setup.cfg"],
        "the build of a project",
        "install the project from its directory: `packages: [.]`, or [./DIRECTORY]; a `pyproject.toml` can be named here",
    ),
    (
        &["uv.toml"],
        "a file of settings",
        "name what is to be installed, with uv.toml beside it: `requirements: pyproject.toml`, uv.lock or requirements.txt",
    ),
    (
        &[
            "poetry.toml",
            "hatch.toml",
            "pdm.toml",
            "tox.ini",
            "noxfile.py",
            "tox.toml",
            ".pre-commit-config.yaml",
        ],
        "a file of settings",
        "name the file that says what the project needs: pyproject.toml, its lock, or a requirements file",
    ),
    (
        &[
            "makefile",
            "dockerfile",
            "dockerfile.*",
            "*.dockerfile",
            "containerfile",
            "*.sh",
        ],
        "a list of commands",
        "list the packages in `packages` and `apt_packages`, and other commands in `commands`",
    ),
    (
        &[
            "package.json",
            "package-lock.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "cargo.toml",
            "cargo.lock",
            "go.mod",
            "go.sum",
            "gemfile",
            "gemfile.lock",
        ],
        "a file of another language",
        "name Python's: pyproject.toml, a lock or a requirements file; other languages' packages are for `commands`",
    ),
    (
        &[".python-version", "runtime.txt"],
        "the version of an interpreter",
        "say it in `python_version`",
    ),
    (
        &["apt.txt", "packages.txt", "apt-packages.txt"],
        "a list of apt packages",
        "list them in `apt_packages`",
    ),
    (
        &["*.whl", "*.tar.gz", "*.zip"],
        "a package",
        "install it: `packages: [./FILE]`",
    ),
    (&["*.ipynb", "*.py"], "a program", "list what it needs in `packages`"),
    (
        &["*.yml", "*.yaml", "*.json"],
        "no requirements file",
        "name a pyproject.toml, a lock (uv.lock, poetry.lock, pylock.toml) or a file of requirements",
    ),
    (
        &["*.toml"],
        "no requirements file",
        "name a pyproject.toml or a lock: uv.lock, poetry.lock, pylock.toml or pylock.NAME.toml",
    ),
];

/// What a file is, and what to do instead, if its name is one of another tool.
#[must_use]
pub(crate) fn other_file(path: &str) -> Option<(&'static str, &'static str)> {
    let name = file_name(path).to_lowercase();
    let fits = |pattern: &&str| match pattern.split_once('*') {
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => name == **pattern,
    };
    let (_, what, help) = BY_NAME.iter().find(|(names, ..)| names.iter().any(fits))?;
    Some((what, help))
}

/// What a file of requirements is instead, by its first lines.
#[must_use]
pub(crate) fn other_content(text: &str) -> Option<(&'static str, &'static str)> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines().next()?;
    let starts = |start: &str| lines().any(|line| line.starts_with(start));
    let is_conda_list = text.contains("# platform: ") || starts("@EXPLICIT") || starts("# packages in environment at");
    Some(match first {
        _ if is_conda_list => (
            "a list of conda packages",
            "list them in `conda_packages`; `pip list --format=freeze` lists what is from PyPI",
        ),
        line if line.starts_with("// This lockfile was autogenerated by Pants") => (
            "a lock of Pants",
            "name the requirements that it was made from: a file of requirements or a pyproject.toml",
        ),
        line if line.starts_with("Package ") && line.ends_with("Version") => {
            ("a table of `pip list`", "write it with `pip list --format=freeze`")
        }
        line if line.starts_with("FROM ") => (
            "a Dockerfile",
            "list the packages in `packages` and `apt_packages`, and other commands in `commands`",
        ),
        line if line.starts_with("#!") => ("a program", "list what it needs in `packages`"),
        line if line.starts_with('<') => ("a page of the web", "download the file itself"),
        line if line.starts_with('{') => ("JSON", "name a pyproject.toml, a lock or a file of requirements"),
        _ if lines().any(|line| line == "[[package]]" || line == "[package]" || line.starts_with("[tool.")) => (
            "TOML",
            "a pyproject.toml or a lock is known by its name: pyproject.toml, uv.lock, poetry.lock, pylock.toml",
        ),
        _ if starts("dependencies:") || starts("channels:") => (
            "an environment of conda",
            "list its `dependencies` in `conda_packages`, those below `pip:` in `packages`, and its `channels` in `conda_channels`",
        ),
        _ => return None,
    })
}

/// What to write instead of a line that is no requirement, if it is in the words of another tool.
#[must_use]
pub(super) fn hint_of_line(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_version = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let is_name = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match words.as_slice() {
        // A row of `pip list`.
        [name, version, ..] if is_name(name) && is_version(version) => {
            return Some(format!(
                "write `{name}=={version}`; `pip list --format=freeze` writes such lines"
            ));
        }
        [_, "=", ..] => {
            return Some("these are Poetry's words: write `idna>=3.7,<4` for `idna = \"^3.7\"`, or name its poetry.lock or pyproject.toml".into());
        }
        _ => {}
    }
    let mut parts = line.split('=');
    let is_condas = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(version), _, None) => is_name(name) && !name.is_empty() && is_version(version),
        _ => false,
    };
    let is_of_channel = line.contains("::");
    (is_condas || is_of_channel).then(|| {
        let name = line.split(['=', ':']).next().unwrap_or(line);
        format!("for a package from conda, `conda_packages: [\"{line}\"]`; for one from PyPI, `{name}==VERSION`")
    })
}

/// Whether a text is a path as Windows writes it.
pub(crate) fn is_of_windows(text: &str) -> bool {
    let text = text.trim_start_matches("file:").trim_start_matches('/');
    let mut chars = text.chars();
    matches!((chars.next(), chars.next(), chars.next()), (Some(drive), Some(':'), Some('\\' | '/')) if drive.is_ascii_alphabetic())
        || text.starts_with("\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_tools_are_known_by_their_names() {
        let check = |path: &str, what: Option<&str>| {
            let found = other_file(path).map(|(what, help)| format!("{what}: {help}"));
            match what {
                Some(what) => assert!(
                    found.as_ref().is_some_and(|found| found.contains(what)),
                    "{path}: {found:?}"
                ),
                None => assert_eq!(found, None, "{path}"),
            }
        };
        check("environment.yml", Some("conda_packages"));
        check("deploy/Environment-dev.yaml", Some("conda_channels"));
        check("conda-linux-64.lock", Some("NAME=VERSION=BUILD"));
        check("pixi.lock", Some("pixi list"));
        check("Pipfile", Some("pipenv requirements"));
        check("Pipfile.lock", Some("a lock of Pipenv"));
        check("pdm.lock", Some("pdm export"));
        check("lib/setup.py", Some("packages: [.]"));
        check("Makefile", Some("commands"));
        check("Dockerfile.gpu", Some("apt_packages"));
        check("x-1-py3-none-any.whl", Some("packages: [./FILE]"));
        check("package.json", Some("another language"));
        for fine in [
            "requirements.txt",
            "requirements/prod.in",
            "requirements.lock",
            "constraints",
            "deps",
        ] {
            check(fine, None);
        }
    }

    #[test]
    fn files_of_other_tools_are_known_by_their_first_lines() {
        let what = |text: &str| other_content(text).map(|(what, _)| what);
        assert_eq!(
            what("# platform: linux-64\nmkl=2.4=py311\n"),
            Some("a list of conda packages")
        );
        assert_eq!(
            what("# x\n@EXPLICIT\nhttps://c/x.conda\n"),
            Some("a list of conda packages")
        );
        assert_eq!(
            what("Package    Version\n------- ----\nsix 1.16.0\n"),
            Some("a table of `pip list`")
        );
        assert_eq!(
            what("name: x\ndependencies:\n  - six\n"),
            Some("an environment of conda")
        );
        assert_eq!(what("\nFROM python:3.12\n"), Some("a Dockerfile"));
        assert_eq!(what("version = 1\n[[package]]\n"), Some("TOML"));
        assert_eq!(what("six\n# a comment\n"), None);
    }
}
