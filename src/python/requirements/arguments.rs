//! The options of `uv pip`: which of them say what is resolved, and which how it is installed.

/// What an option has a say in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// `uv pip compile`.
    Resolve,
    /// `uv pip install`.
    Install,
    /// Both, and builds.
    Both,
    /// Neither: it is so anyway.
    Ignored,
    /// Neither: it is the image's business where packages go and whether they are installed at all.
    Refused,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Text,
    /// A file of the build context, unless the path is absolute.
    File,
}

use Phase::{Both, Ignored, Install, Refused, Resolve};
use Takes::{File, Nothing, Text};

const OPTIONS: [(&[&str], Phase, Takes); 64] = [
    (&["--constraints", "--constraint", "-c"], Resolve, File),
    (&["--overrides", "--override"], Resolve, File),
    (&["--excludes", "--exclude"], Resolve, File),
    (&["--build-constraints", "--build-constraint", "-b"], Both, File),
    (&["--extra"], Resolve, Text),
    (&["--all-extras"], Resolve, Nothing),
    (&["--group"], Resolve, Text),
    (&["--no-deps"], Resolve, Nothing),
    (&["--resolution"], Resolve, Text),
    (&["--prerelease"], Resolve, Text),
    (&["--prerelease-package"], Resolve, Text),
    (&["--pre"], Resolve, Nothing),
    (&["--upgrade", "-U"], Resolve, Nothing),
    (&["--upgrade-package", "-P"], Resolve, Text),
    (&["--no-upgrade"], Resolve, Nothing),
    (&["--exclude-newer"], Both, Text),
    (&["--exclude-newer-package"], Both, Text),
    (&["--fork-strategy"], Resolve, Text),
    (&["--no-sources"], Both, Nothing),
    (&["--no-sources-package"], Both, Text),
    (&["--no-build"], Both, Nothing),
    (&["--no-build-package"], Both, Text),
    (&["--no-binary"], Both, Text),
    (&["--only-binary"], Both, Text),
    (&["--config-setting", "--config-settings", "-C"], Both, Text),
    (&["--config-settings-package"], Both, Text),
    (&["--no-build-isolation"], Both, Nothing),
    (&["--no-build-isolation-package"], Both, Text),
    (&["--build-isolation"], Both, Nothing),
    (&["--torch-backend"], Both, Text),
    (&["--index"], Both, Text),
    (&["--default-index"], Both, Text),
    (&["--index-url", "-i"], Both, Text),
    (&["--extra-index-url"], Both, Text),
    (&["--find-links", "-f"], Both, Text),
    (&["--no-index"], Both, Nothing),
    (&["--index-strategy"], Both, Text),
    (&["--keyring-provider"], Both, Text),
    (&["--allow-insecure-host", "--trusted-host"], Both, Text),
    (&["--native-tls", "--system-certs"], Both, Nothing),
    (&["--offline"], Both, Nothing),
    (&["--no-cache", "-n", "--no-cache-dir"], Both, Nothing),
    (&["--refresh"], Both, Nothing),
    (&["--refresh-package"], Both, Text),
    (&["--no-config"], Both, Nothing),
    (&["--no-progress"], Both, Nothing),
    (&["--color"], Both, Text),
    (&["--quiet", "-q", "-qq"], Both, Nothing),
    (&["--verbose", "-v", "-vv"], Both, Nothing),
    (&["--reinstall", "--force-reinstall"], Install, Nothing),
    (&["--reinstall-package"], Install, Text),
    (&["--no-verify-hashes"], Install, Nothing),
    (&["--verify-hashes"], Install, Nothing),
    // Installs always do.
    (&["--require-hashes"], Ignored, Nothing),
    (&["--link-mode"], Install, Text),
    (&["--compile-bytecode", "--compile"], Install, Nothing),
    (&["--no-compile-bytecode", "--no-compile"], Install, Nothing),
    (&["--strict"], Install, Nothing),
    (&["--break-system-packages"], Install, Nothing),
    (&["--system"], Install, Nothing),
    (&["--requirements", "--requirement", "-r"], Refused, Text),
    (&["--editable", "-e"], Refused, Text),
    (&["--python", "-p"], Refused, Text),
    (&["--target", "-t", "--prefix"], Refused, Text),
];

/// Options of `uv pip install` as `pip_extra_args` has them, by what they have a say in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PipArguments {
    /// Those for `uv pip compile`.
    pub resolve: Vec<String>,
    /// Those for installs of what a lock names.
    pub install: Vec<String>,
    /// Those for builds of packages.
    pub build: Vec<String>,
    /// Those that no table knows.
    pub unknown: Vec<String>,
    /// Those that say what is not theirs to say.
    pub refused: Vec<String>,
    /// Files of the build context that are named.
    pub files: Vec<String>,
    /// Those of them that bound the versions of what is installed.
    pub bounds: Vec<String>,
    /// Those that decide which versions are chosen, besides indexes: an option with its value each.
    pub choices: Vec<String>,
    /// Packages that are built although there is a wheel; `:all:` for all of them.
    pub no_binary: Vec<String>,
}

impl PipArguments {
    /// Sorts arguments. Files of the context are named relative to `context`, an absolute path.
    #[must_use]
    pub(crate) fn classify(arguments: &[String], context: &str) -> Self {
        let mut classified = Self::default();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let (option, attached) = match word.split_once('=') {
                Some((option, value)) if word.starts_with("--") => (option, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let find = |name: &str| OPTIONS.iter().find(|(names, ..)| names.contains(&name));
            let mut known = find(option);
            let mut attached = attached;
            let mut option = option;
            // `-ihttps://…`
            if known.is_none()
                && !option.starts_with("--")
                && let Some((short, value)) = option.split_at_checked(2)
                && let Some(found) = find(short).filter(|(.., takes)| *takes != Nothing)
            {
                (known, attached, option) = (Some(found), Some(value.to_owned()), short);
            }
            let Some((names, phase, takes)) = known else {
                classified.unknown.push(word.clone());
                continue;
            };
            let name = names.first().copied().unwrap_or(option);
            let mut words = vec![name.to_owned()];
            if *takes != Nothing {
                let Some(value) = attached.or_else(|| rest.next().cloned()) else {
                    classified.unknown.push(word.clone());
                    continue;
                };
                let is_file = *takes == File && !value.starts_with('/') && !value.contains("://");
                words.push(if is_file {
                    let path = value.trim_start_matches("./").to_owned();
                    let place = format!("{context}/{path}");
                    if matches!(name, "--constraints" | "--overrides") {
                        classified.bounds.push(path.clone());
                    }
                    classified.files.push(path);
                    place
                } else {
                    value
                });
            }
            if name == "--no-binary" {
                add_names(&mut classified.no_binary, words.get(1).map_or("", String::as_str));
            }
            // Which file is installed is decided already, and nothing is built where it is.
            let decides_files = matches!(
                name,
                "--no-binary" | "--only-binary" | "--no-build" | "--no-build-package"
            );
            match phase {
                Refused => classified.refused.push(option.to_owned()),
                Ignored => {}
                Resolve => {
                    // What constraints say is noted line by line.
                    if name != "--constraints" {
                        classified.choices.push(words.join(" "));
                    }
                    classified.resolve.extend(words);
                }
                Install => classified.install.extend(words),
                Both => {
                    if name.starts_with("--exclude-newer") {
                        classified.choices.push(words.join(" "));
                    }
                    classified.resolve.extend(words.clone());
                    if !decides_files {
                        if *takes != File {
                            classified.install.extend(words.clone());
                        }
                        classified.build.extend(words);
                    }
                }
            }
        }
        classified
    }
}

/// Adds what `--no-binary` and the like take: names with commas between them. `:none:` takes back what was there.
pub(crate) fn add_names(names: &mut Vec<String>, value: &str) {
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name == ":none:" {
            names.clear();
        } else {
            names.push(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_where_they_have_a_say() {
        let arguments =
            "--pre -c bounds.txt --index-url=https://i -fwheels --no-binary lxml --reinstall --frob x --target /t";
        let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        let classified = PipArguments::classify(&words, "/c");
        insta::assert_debug_snapshot!(classified, @r#"
        PipArguments {
            resolve: [
                "--pre",
                "--constraints",
                "/c/bounds.txt",
                "--index-url",
                "https://i",
                "--find-links",
                "wheels",
                "--no-binary",
                "lxml",
            ],
            install: [
                "--index-url",
                "https://i",
                "--find-links",
                "wheels",
                "--reinstall",
            ],
            build: [
                "--index-url",
                "https://i",
                "--find-links",
                "wheels",
            ],
            unknown: [
                "--frob",
                "x",
            ],
            refused: [
                "--target",
            ],
            files: [
                "bounds.txt",
            ],
            bounds: [
                "bounds.txt",
            ],
            choices: [
                "--pre",
            ],
            no_binary: [
                "lxml",
            ],
        }
        "#);
    }

    #[test]
    fn names_have_commas_between_them() {
        let arguments: Vec<String> = ["--no-binary", "a", "--no-binary=:none:", "--no-binary", "b, c"]
            .map(str::to_owned)
            .into();
        assert_eq!(PipArguments::classify(&arguments, "").no_binary, ["b", "c"]);
    }
}
