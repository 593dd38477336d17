//! `pip_extra_args`, sorted: which options belong to resolving, which to installing, which say what part of a project
//! is wanted.

use crate::python::requirements::RequirementsFile;
use crate::python::requirements::options::{KnownOption, OPTIONS, POETRY_OPTIONS, Part, Phase, Takes};
use crate::python::requirements::parts::Parts;

/// The options in `pip_extra_args`, by the command that they are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PipArguments {
    /// For `uv pip compile`.
    pub resolve: Vec<String>,
    /// For `uv export`, besides the parts that are wanted.
    pub export: Vec<String>,
    /// For installing what a lock names.
    pub install: Vec<String>,
    /// For building packages.
    pub build: Vec<String>,
    /// Unknown options.
    pub unknown: Vec<String>,
    /// Options that a spec may not use.
    pub refused: Vec<String>,
    /// Options that decide versions, as they are written: with a lock there is nothing left to decide.
    pub resolving: Vec<String>,
    /// Files of the build context that the options name.
    pub files: Vec<String>,
    /// Those of the files that constrain versions.
    pub bounds: Vec<String>,
    /// Those of the files that replace requirements of packages, or drop them.
    pub overrides: Vec<String>,
    /// Directories of the build context that packages are taken from.
    pub places: Vec<String>,
    /// The options, with their values, that decide which versions are chosen; indexes aside.
    pub choices: Vec<String>,
    /// Packages to build even if there is a wheel; `:all:` for all.
    pub no_binary: Vec<String>,
    /// Packages that may not be built; `:all:` for all.
    pub no_build: Vec<String>,
    /// Which parts of a project are wanted.
    pub parts: Parts,
    /// What is said of a project and of its lock, as it is written.
    pub of_projects: Vec<String>,
    /// Whether the lock is taken as it is.
    pub is_frozen: bool,
    /// Whether packages are built with what the image has, and not with what they ask for.
    pub is_unisolated: bool,
    /// Whether each requirement has to have a hash.
    pub requires_hashes: bool,
    /// Whether there has to be a lock that fits.
    pub is_locked: bool,
    /// Whether the project itself is left out, as it is by default.
    pub leaves_project_out: bool,
    /// Packages that are not installed though they are needed, in the words of `uv export`.
    pub left_out: Vec<String>,
}

/// One option with its value.
struct GivenOption<'a> {
    /// As it is written.
    written: &'a str,
    /// uv's own name for it.
    name: &'static str,
    phase: Phase,
    takes: Takes,
    value: Option<String>,
}

impl PipArguments {
    /// Finds the command that each argument is for. Files of the context are named below `context`, an absolute path;
    /// `kind` is what the requirements file is.
    #[must_use]
    pub(crate) fn classify(arguments: &[String], context: &str, kind: Option<RequirementsFile>) -> Self {
        let mut classified = Self::default();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            match option(word, &mut rest, kind) {
                Some(option) => classified.add(option, context, kind.is_some_and(RequirementsFile::is_lock)),
                None => classified.unknown.push(word.clone()),
            }
        }
        classified
    }

    fn add(&mut self, option: GivenOption<'_>, context: &str, is_lock: bool) {
        let GivenOption {
            written, name, phase, ..
        } = option;
        let value = option.value.as_deref().unwrap_or_default();
        match name {
            "--no-build-isolation" | "--no-build-isolation-package" => self.is_unisolated = true,
            "--require-hashes" => self.requires_hashes = true,
            "--no-binary" => add_names(&mut self.no_binary, value),
            "--no-build" => add_names(&mut self.no_build, ":all:"),
            "--no-build-package" | "--only-binary" => add_names(&mut self.no_build, value),
            _ => {}
        }
        if let Phase::Part(part) = phase {
            return self.add_part(part, &option);
        }
        if option.takes == Takes::Place && (!value.contains("://") || value.starts_with("file:")) {
            self.places.push(value.to_owned());
            return;
        }
        let mut words = vec![name.to_owned()];
        words.extend(option.value.as_deref().map(|value| self.value(&option, value, context)));
        match phase {
            Phase::Refused => self.refused.push(written.to_owned()),
            Phase::Ignored | Phase::Part(_) => {}
            Phase::Resolve => {
                // Constraints are recorded line by line.
                if name != "--constraints" {
                    self.choices.push(words.join(" "));
                }
                self.resolving.push(written.to_owned());
                self.resolve.extend(words);
            }
            Phase::Install => self.install.extend(words),
            Phase::Both | Phase::All => {
                if ["--exclude-newer", "--no-sources", "--torch"]
                    .iter()
                    .any(|start| name.starts_with(start))
                {
                    self.choices.push(words.join(" "));
                }
                if name == "--torch-backend" {
                    self.resolving.push(written.to_owned());
                }
                if phase == Phase::All {
                    self.export.extend(words.clone());
                }
                self.resolve.extend(words.clone());
                // By the time of the install, the files are chosen and everything is built.
                let decides_files = matches!(
                    name,
                    "--no-binary" | "--only-binary" | "--no-build" | "--no-build-package"
                );
                // A lock has files of any age.
                let is_of_lock = is_lock && name.starts_with("--exclude-newer");
                if !decides_files {
                    if option.takes != Takes::File && !is_of_lock {
                        self.install.extend(words.clone());
                    }
                    self.build.extend(words);
                }
            }
        }
    }

    /// A value as steps get it; files of the context are noted.
    fn value(&mut self, option: &GivenOption<'_>, value: &str, context: &str) -> String {
        if option.takes != Takes::File || value.starts_with('/') || value.contains("://") {
            return value.to_owned();
        }
        let path = value.trim_start_matches("./").to_owned();
        let place = format!("{context}/{path}");
        if matches!(option.name, "--constraints" | "--overrides") {
            self.bounds.push(path.clone());
        }
        if matches!(option.name, "--overrides" | "--excludes") {
            self.overrides.push(path.clone());
        }
        self.files.push(path);
        place
    }

    fn add_part(&mut self, part: Part, option: &GivenOption<'_>) {
        self.of_projects.push(option.written.to_owned());
        let value = option.value.clone().unwrap_or_default();
        let names = || match option.takes {
            Takes::Names => value
                .split([',', ' '])
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            _ => vec![value.clone()],
        };
        // Locks of ours note how they were made in these words.
        if matches!(part, Part::Extra | Part::AllExtras | Part::Group) {
            let words = std::iter::once(option.name).chain(option.value.as_deref());
            self.choices.push(words.collect::<Vec<_>>().join(" "));
        }
        let parts = &mut self.parts;
        let dev = || "dev".to_owned();
        parts.as_poetry |= option.takes == Takes::Names && matches!(part, Part::Group | Part::NoGroup);
        match part {
            Part::Extra => parts.extras.extend(names()),
            Part::AllExtras => parts.all_extras = true,
            Part::NoExtra => parts.no_extras.extend(names()),
            Part::Group => parts.groups.extend(names()),
            Part::AllGroups => parts.all_groups = true,
            Part::NoGroup => parts.no_groups.extend(names()),
            Part::OnlyGroup => parts.only_groups.extend(names()),
            Part::Dev => parts.groups.push(dev()),
            Part::NoDev => parts.no_groups.push(dev()),
            Part::OnlyDev => parts.only_groups.push(dev()),
            Part::NoDefaultGroups => parts.no_default_groups = true,
            Part::Member => parts.members.push(value),
            Part::AllMembers => parts.all_members = true,
            Part::LeftOut => {
                self.left_out.push(option.name.replace("--no-install-", "--no-emit-"));
                self.left_out.extend(option.value.clone());
            }
            Part::NoProject => self.leaves_project_out = true,
            Part::Locked => self.is_locked = true,
            Part::Frozen => self.is_frozen = true,
        }
    }
}

/// The option in a word, with the value that it takes, from the words after it if need be; `None` if it is unknown.
fn option<'a>(
    word: &'a str,
    rest: &mut std::slice::Iter<'_, String>,
    kind: Option<RequirementsFile>,
) -> Option<GivenOption<'a>> {
    let poetry: &[KnownOption] = match kind {
        Some(RequirementsFile::PoetryLock) => &POETRY_OPTIONS,
        _ => &[],
    };
    let find = |name: &str| {
        let mut known = poetry.iter().chain(&OPTIONS);
        known.find(|(names, ..)| names.contains(&name))
    };
    let (mut written, mut attached) = match word.split_once('=') {
        Some((option, value)) if word.starts_with("--") => (option, Some(value)),
        _ => (word, None),
    };
    let mut known = find(written);
    // `-ihttps://…`
    if known.is_none()
        && !written.starts_with("--")
        && let Some((short, value)) = written.split_at_checked(2)
        && let Some(found) = find(short).filter(|(.., takes)| *takes != Takes::Nothing)
    {
        (known, attached, written) = (Some(found), Some(value), short);
    }
    let (names, phase, takes) = known?;
    let name = names.first().copied()?;
    let next_is_option = rest.as_slice().first().is_none_or(|next| next.starts_with('-'));
    let value = match (takes, attached) {
        (Takes::Nothing, None) => None,
        (Takes::Nothing, Some(_)) => return None,
        (_, Some(value)) => Some(value.to_owned()),
        // To `uv sync` it is an option without a value.
        (_, None) if name == "--no-binary" && next_is_option => Some(":all:".to_owned()),
        // An option where a name should be is never taken for one.
        (_, None) if matches!(phase, Phase::Part(_)) && next_is_option => return None,
        (_, None) => Some(rest.next()?.clone()),
    };
    Some(GivenOption {
        written,
        name,
        phase: *phase,
        takes: *takes,
        value,
    })
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
            "--pre -c bounds.txt --index-url=https://i -fhttps://w --no-binary lxml --reinstall --frob x --target /t";
        let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        let classified = PipArguments::classify(&words, "/c", None);
        insta::assert_debug_snapshot!(classified, @r#"
        PipArguments {
            resolve: [
                "--pre",
                "--constraints",
                "/c/bounds.txt",
                "--index-url",
                "https://i",
                "--find-links",
                "https://w",
                "--no-binary",
                "lxml",
            ],
            export: [
                "--index-url",
                "https://i",
                "--find-links",
                "https://w",
            ],
            install: [
                "--index-url",
                "https://i",
                "--find-links",
                "https://w",
                "--reinstall",
            ],
            build: [
                "--index-url",
                "https://i",
                "--find-links",
                "https://w",
            ],
            unknown: [
                "--frob",
                "x",
            ],
            refused: [
                "--target",
            ],
            resolving: [
                "--pre",
                "-c",
            ],
            files: [
                "bounds.txt",
            ],
            bounds: [
                "bounds.txt",
            ],
            overrides: [],
            places: [],
            choices: [
                "--pre",
            ],
            no_binary: [
                "lxml",
            ],
            no_build: [],
            parts: Parts {
                extras: [],
                all_extras: false,
                no_extras: [],
                groups: [],
                all_groups: false,
                no_groups: [],
                only_groups: [],
                no_default_groups: false,
                as_poetry: false,
                members: [],
                all_members: false,
            },
            of_projects: [],
            is_frozen: false,
            is_unisolated: false,
            requires_hashes: false,
            is_locked: false,
            leaves_project_out: false,
            left_out: [],
        }
        "#);
    }

    #[test]
    fn names_have_commas_between_them() {
        let arguments: Vec<String> = ["--no-binary", "a", "--no-binary=:none:", "--no-binary", "b, c"]
            .map(str::to_owned)
            .into();
        assert_eq!(PipArguments::classify(&arguments, "", None).no_binary, ["b", "c"]);
    }

    fn of_lock(arguments: &str, kind: RequirementsFile) -> PipArguments {
        let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        PipArguments::classify(&words, "", Some(kind))
    }

    #[test]
    fn options_of_a_lock_choose_parts_of_it() {
        let found = of_lock(
            "--extra color --group=train --no-group docs --no-dev --no-install-project --locked --index-url https://i",
            RequirementsFile::UvLock,
        );
        assert_eq!(found.parts.extras, ["color"]);
        assert_eq!(found.parts.groups, ["train"]);
        assert_eq!(found.parts.no_groups, ["docs", "dev"]);
        assert!(found.is_locked && found.leaves_project_out && !found.is_frozen);
        assert_eq!(found.export, ["--index-url", "https://i"]);
        assert!(found.unknown.is_empty() && found.resolve == found.export, "{found:?}");
        let only = of_lock("--only-dev --package shop --frozen", RequirementsFile::UvLock);
        assert_eq!(
            (only.parts.only_groups, only.parts.members),
            (vec!["dev".into()], vec!["shop".into()])
        );
        assert!(only.is_frozen);
    }

    #[test]
    fn poetry_has_words_of_its_own() {
        let arguments = "--with train,docs -E color --without dev --no-root -n";
        let found = of_lock(arguments, RequirementsFile::PoetryLock);
        assert_eq!(found.parts.groups, ["train", "docs"]);
        assert_eq!(
            (found.parts.extras, found.parts.no_groups),
            (vec!["color".into()], vec!["dev".into()])
        );
        assert!(found.export.is_empty() && found.leaves_project_out);
        let unknown = of_lock(arguments, RequirementsFile::UvLock).unknown;
        assert_eq!(
            unknown,
            ["--with", "train,docs", "-E", "color", "--without", "dev", "--no-root"]
        );
    }

    #[test]
    fn an_option_is_never_the_name_of_a_part() {
        let found = of_lock("--extra --group train", RequirementsFile::UvLock);
        assert_eq!(
            (found.unknown, found.parts.groups),
            (vec!["--extra".into()], vec!["train".into()])
        );
        let found = of_lock("--no-binary --extra color", RequirementsFile::UvLock);
        assert_eq!(
            (found.no_binary, found.parts.extras),
            (vec![":all:".into()], vec!["color".into()])
        );
        let found = of_lock("--locked=yes --no-build", RequirementsFile::UvLock);
        assert_eq!(
            (found.unknown, found.no_build),
            (vec!["--locked=yes".into()], vec![":all:".into()])
        );
    }
}
