//! The options of `uv pip`: which of them belong to resolving, which to installing, and which to neither.

/// The command that an option is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// `uv pip compile`.
    Resolve,
    /// `uv pip install`.
    Install,
    /// Both, and builds.
    Both,
    /// Neither: it is the default here.
    Ignored,
    /// Neither: which packages go into the image, and where, is not for options to say.
    Refused,
}

/// The value that an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Text,
    /// A file of the build context, unless the path is absolute.
    File,
}

/// All options of uv's and pip's that are known, each with its other names.
const OPTIONS: [(&[&str], Phase, Takes); 64] = {
    use Phase::{Both, Ignored, Install, Refused, Resolve};
    use Takes::{File, Nothing, Text};
    [
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
        // Every install does.
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
    ]
};

/// The options in `pip_extra_args`, by the command that they are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PipArguments {
    /// For `uv pip compile`.
    pub resolve: Vec<String>,
    /// For installing what a lock names.
    pub install: Vec<String>,
    /// For building packages.
    pub build: Vec<String>,
    /// Unknown options.
    pub unknown: Vec<String>,
    /// Options that a spec may not use.
    pub refused: Vec<String>,
    /// Files of the build context that the options name.
    pub files: Vec<String>,
    /// Those of the files that constrain versions.
    pub bounds: Vec<String>,
    /// The options, with their values, that decide which versions are chosen; indexes aside.
    pub choices: Vec<String>,
    /// Packages to build even if there is a wheel; `:all:` for all.
    pub no_binary: Vec<String>,
}

impl PipArguments {
    /// Finds the command that each argument is for. Files of the context are named below `context`, an absolute path.
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
                && let Some(found) = find(short).filter(|(.., takes)| *takes != Takes::Nothing)
            {
                (known, attached, option) = (Some(found), Some(value.to_owned()), short);
            }
            let Some((names, phase, takes)) = known else {
                classified.unknown.push(word.clone());
                continue;
            };
            let name = names.first().copied().unwrap_or(option);
            let mut words = vec![name.to_owned()];
            if *takes != Takes::Nothing {
                let Some(value) = attached.or_else(|| rest.next().cloned()) else {
                    classified.unknown.push(word.clone());
                    continue;
                };
                let is_file = *takes == Takes::File && !value.starts_with('/') && !value.contains("://");
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
            // By the time of the install, the files are chosen and everything is built.
            let decides_files = matches!(
                name,
                "--no-binary" | "--only-binary" | "--no-build" | "--no-build-package"
            );
            match phase {
                Phase::Refused => classified.refused.push(option.to_owned()),
                Phase::Ignored => {}
                Phase::Resolve => {
                    // Constraints are recorded line by line.
                    if name != "--constraints" {
                        classified.choices.push(words.join(" "));
                    }
                    classified.resolve.extend(words);
                }
                Phase::Install => classified.install.extend(words),
                Phase::Both => {
                    if name.starts_with("--exclude-newer") {
                        classified.choices.push(words.join(" "));
                    }
                    classified.resolve.extend(words.clone());
                    if !decides_files {
                        if *takes != Takes::File {
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

/// Adds the value of `--no-binary` or the like: names joined by commas; `:none:` clears the list.
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
    fn arguments_go_to_the_commands_that_know_them() {
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
