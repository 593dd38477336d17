//! The rules on packages, and on how to install them.

use crate::image_spec::check::Checker;
use crate::image_spec::model::{ImageSpec, PACKAGE_FILE};
use crate::image_spec::types::{Layering, TextList, TextValue};
use crate::image_spec::values::names_a_file;
use crate::python::{PipArguments, RequirementsFile, other_file};
use crate::text::{Span, Spanned};

impl Checker<'_> {
    pub(super) fn packages(&mut self, spec: &ImageSpec) {
        self.apt(spec);
        self.package_files(spec);
        self.apt_sources(spec);
        self.entries(spec);
        self.debconf(spec);
        self.lines(spec);
        self.extra_arguments(spec);
        self.lock(spec);
        self.indexes(spec);
        if let Some(file) = spec.requirements.as_ref() {
            self.context_path("requirements", file);
        }
    }

    fn apt(&mut self, spec: &ImageSpec) {
        for entry in ImageSpec::strings(&spec.apt_packages) {
            if entry.value.starts_with(PACKAGE_FILE) {
                continue;
            }
            for name in entry.value.split_whitespace() {
                if !apt_name_is_valid(name) {
                    let message = format!("`{name}` is not the name of an apt package");
                    let help = match name.strip_suffix(".deb") {
                        Some(_) if name.contains("://") => "put the file into the build context, and write `deb:PATH`",
                        Some(_) => "a file of the build context is written as `deb:PATH`",
                        None => {
                            "a name has lower-case letters, digits, `+`, `-` and `.`, optionally with =version, /suite or :arch"
                        }
                    };
                    self.error("apt-package", message, entry.span, help);
                }
            }
            if entry.value.trim().is_empty() {
                self.error(
                    "apt-package",
                    "an entry of `apt_packages` is empty",
                    entry.span,
                    "remove it",
                );
            }
        }
    }

    /// The rules for packages that are files of the context.
    fn package_files(&mut self, spec: &ImageSpec) {
        for path in spec.package_files() {
            self.context_path("apt_packages", &path);
            if !path.value.is_empty() && !path.value.ends_with(".deb") {
                let message = format!(
                    "`{}` in `apt_packages` is not the name of a Debian package's file",
                    path.value
                );
                self.error(
                    "apt-package",
                    message,
                    path.span,
                    "apt takes files whose names end in .deb",
                );
            }
        }
    }

    /// The rules for answers to questions of Debian packages.
    fn debconf(&mut self, spec: &ImageSpec) {
        const TYPES: [&str; 8] = [
            "string",
            "boolean",
            "select",
            "multiselect",
            "note",
            "text",
            "password",
            "title",
        ];
        for answer in ImageSpec::strings(&spec.debconf) {
            let words: Vec<&str> = answer.value.split_whitespace().collect();
            let kind = words.get(2).copied().unwrap_or_default();
            let (message, help) = match kind {
                _ if answer.value.contains(['\n', '\r']) => ("has a line break in it", "write one answer a list item"),
                "password" => (
                    "is a password, which the image would keep",
                    "let a command set it from a secret: `secrets: [{id: ID, env: NAME, steps: [setup]}]`",
                ),
                kind if TYPES.contains(&kind) => continue,
                _ => (
                    "is no answer of debconf: PACKAGE QUESTION TYPE VALUE",
                    "write for example \"locales locales/locales_to_be_generated multiselect de_DE.UTF-8 UTF-8\"",
                ),
            };
            let message = format!("`{}` in `debconf` {message}", answer.value);
            self.error("debconf", message, answer.span, help);
        }
        if let Some(list) = spec.debconf.as_ref().filter(|list| !list.value.is_empty())
            && ImageSpec::strings(&spec.apt_packages).next().is_none()
        {
            let message = "`debconf` answers questions of `apt_packages`, and there are none";
            self.warning(
                "debconf-unused",
                message,
                list.span,
                "leave it out, or name the packages",
            );
        }
    }

    /// The rules for entries of every list that becomes part of a command.
    fn entries(&mut self, spec: &ImageSpec) {
        let lists = [
            ("packages", &spec.packages),
            ("conda_packages", &spec.conda_packages),
            ("conda_channels", &spec.conda_channels),
            ("pip_extra_index_url", &spec.pip_extra_index_url),
        ];
        for (field, list) in lists {
            for entry in ImageSpec::strings(list) {
                if entry.value.trim().is_empty() {
                    self.error(
                        "empty-entry",
                        format!("an entry of `{field}` is empty"),
                        entry.span,
                        "remove it",
                    );
                } else if field != "packages" && entry.value.starts_with('-') {
                    let message = format!("`{}` in `{field}` looks like an option", entry.value);
                    self.error(
                        "option-as-entry",
                        message,
                        entry.span,
                        "entries are names or URLs, not options",
                    );
                } else if entry.value.contains(['\n', '\r']) {
                    let message = format!("an entry of `{field}` has a line break in it");
                    self.error("line-break", message, entry.span, "write one entry a list item");
                }
            }
        }
        for entry in ImageSpec::strings(&spec.runtime_packages).filter(|e| e.value.contains(char::is_whitespace)) {
            let message = format!("`{}` has white space: flytekit's entry point splits it", entry.value);
            self.warning(
                "runtime-package",
                message,
                entry.span,
                "write it without, for example numpy>=1.26",
            );
        }
    }

    fn indexes(&mut self, spec: &ImageSpec) {
        if let Some(index) = spec.pip_index.as_ref().filter(|index| index.value.starts_with('-')) {
            let message = format!("`{}` in `pip_index` looks like an option", index.value);
            self.error("option-as-entry", message, index.span, "the index is a URL");
        }
        let index = spec.pip_index.iter().map(|index| ("pip_index", index));
        let indexes =
            index.chain(ImageSpec::strings(&spec.pip_extra_index_url).map(|index| ("pip_extra_index_url", index)));
        for (field, index) in indexes {
            if !index.value.contains("://") && !index.value.starts_with('-') {
                let message = format!("`{}` in `{field}` is not a URL", index.value);
                let help = match index.value.starts_with(['.', '/']) {
                    true => "a directory of the context that has wheels: `pip_extra_args: --find-links DIRECTORY`",
                    false => "write for example https://pypi.org/simple",
                };
                self.error("index-url", message, index.span, help);
            }
        }
    }

    /// Each entry of `packages` is a line of a requirements file.
    fn lines(&mut self, spec: &ImageSpec) {
        let text_of = |span: Span| {
            let mut entries = ImageSpec::strings(&spec.packages);
            entries
                .find(|entry| entry.span == span)
                .map_or("", |entry| entry.value.as_str())
        };
        for Spanned { value: lines, span } in &spec.listed {
            if names_a_file(text_of(*span)) {
                let message = format!(
                    "`{}` in `packages` is the name of a file, not of a package",
                    text_of(*span)
                );
                let help = format!(
                    "write `requirements: {0}`, or beside other packages `-r {0}`",
                    text_of(*span).trim()
                );
                self.error("requirement", message, *span, &help);
                continue;
            }
            for error in &lines.errors {
                let message = format!("an entry of `packages` is not a requirement: {}", error.message);
                self.error("requirement", message, *span, error.help.as_deref().unwrap_or_default());
            }
            if lines.errors.is_empty() && lines.entries.is_empty() {
                let message = format!("`{}` is a comment", text_of(*span));
                self.error("requirement", message, *span, "take it out");
            }
        }
    }

    fn extra_arguments(&mut self, spec: &ImageSpec) {
        let Some(args) = &spec.pip_extra_args else { return };
        if shlex::split(&args.value).is_none() {
            let message = "`pip_extra_args` has an unclosed quote";
            return self.error(
                "pip-extra-args",
                message,
                args.span,
                "arguments are split as a shell would",
            );
        }
        let arguments = spec.extra_arguments("");
        for option in &arguments.refused {
            let message = format!("`{option}` in `pip_extra_args` is not allowed in a spec");
            let help = "list packages in `packages` or `requirements`; the image decides where they are installed";
            self.error("pip-extra-args", message, args.span, help);
        }
        let kind = spec.requirements_file();
        let is_lock = kind.is_some_and(RequirementsFile::is_lock);
        if !arguments.unknown.is_empty() && (is_lock || spec.layering == Layering::Auto) {
            let message = format!(
                "`{}` in `pip_extra_args` is not a known option",
                arguments.unknown.join(" ")
            );
            let help = match kind {
                Some(RequirementsFile::PoetryLock) => {
                    "beside a poetry.lock, options of `poetry install` and `uv sync` choose groups and extras: `--with train --extras color`; so do the fields `groups` and `extras`"
                }
                _ if is_lock => {
                    "beside a lock, options of `uv sync` choose groups and extras: `--group train --extra color`; so do the fields `groups` and `extras`"
                }
                _ => {
                    "packages are resolved and installed in steps of their own, and each option has to go to the right ones; `layering: single` hands it to `uv pip install`"
                }
            };
            self.error("pip-extra-args", message, args.span, help);
        }
        if is_lock {
            self.options_of_locks(spec, args, &arguments);
        } else {
            self.options_without_lock(args, &arguments, kind);
        }
        if arguments.leaves_project_out && spec.install_project.as_ref().is_some_and(|wish| wish.value) {
            let message = "`pip_extra_args` leaves the project out, and `install_project` installs it";
            self.error("pip-extra-args", message, args.span, "take one of them out");
        }
        if arguments.is_frozen {
            let message = "`--frozen` takes the lock unchecked: what was added to the project since is not installed";
            let help = "take it out, then a lock that does not fit its project is an error";
            self.warning("frozen-lock", message, args.span, help);
        }
    }

    /// What options say of a lock that `requirements` names.
    fn options_of_locks(&mut self, spec: &ImageSpec, args: &TextValue, arguments: &PipArguments) {
        let kind = spec.requirements_file();
        let file = spec.requirements.as_ref().map_or("", |file| file.value.as_str());
        let is_pylock = kind == Some(RequirementsFile::Pylock);
        let mut decided = arguments.resolving.clone();
        if kind == Some(RequirementsFile::PoetryLock) {
            let dates = arguments
                .choices
                .iter()
                .filter(|choice| choice.starts_with("--exclude-newer"));
            decided.extend(dates.filter_map(|choice| choice.split(' ').next().map(str::to_owned)));
        }
        for option in decided {
            let message = format!("`{option}` in `pip_extra_args` has no say: a lock decides this already");
            let help = format!("take it out; to choose other versions, change what {file} is made from and lock again");
            self.error("decided-by-lock", message, args.span, &help);
        }
        let parts = &arguments.parts;
        if kind != Some(RequirementsFile::UvLock)
            && (parts.all_members || !parts.members.is_empty() || !arguments.left_out.is_empty())
        {
            let message = format!("{file} does not say which packages belong to which member of a workspace");
            let help = "`--package`, `--all-packages` and `--no-install-package` go with `requirements: uv.lock`";
            self.error("pip-extra-args", message, args.span, help);
        }
        if is_pylock && !parts.only_groups.is_empty() {
            let message = format!("{file} does not say which packages only a group needs");
            let help = "`--only-group` goes with `requirements: uv.lock` and poetry.lock";
            self.error("pip-extra-args", message, args.span, help);
        }
        let all = spec.parts();
        // Poetry counts its project's own dependencies as a group, so extras go with them.
        let takes_extras = kind != Some(RequirementsFile::PoetryLock) && (all.all_extras || !all.extras.is_empty());
        let takes_more = takes_extras || all.all_groups || !all.groups.is_empty();
        if !parts.only_groups.is_empty() && takes_more {
            let message = "`--only-group` in `pip_extra_args` leaves out what other options or fields ask for";
            let help = "name all groups with `--only-group`, or all with `groups`; extras do not go with it";
            self.error("pip-extra-args", message, args.span, help);
        }
    }

    /// What options say of a project or its lock, where `requirements` names no lock.
    fn options_without_lock(&mut self, args: &TextValue, arguments: &PipArguments, kind: Option<RequirementsFile>) {
        let parts = &arguments.parts;
        let is_project = kind == Some(RequirementsFile::Project);
        let chooses = parts.all_extras || !(parts.extras.is_empty() && parts.groups.is_empty());
        let lists = [&parts.members, &parts.only_groups, &parts.no_extras];
        let chooses_more = parts.all_groups || parts.all_members || lists.iter().any(|names| !names.is_empty());
        let needs_lock = !arguments.left_out.is_empty() || (chooses_more && !is_project);
        let of_projects = arguments.of_projects.join(" ");
        if needs_lock {
            let message =
                format!("`{of_projects}` in `pip_extra_args` chooses from a lock, and `requirements` names none");
            let help =
                "write `requirements: uv.lock`, or pyproject.toml, which takes all of these but `--no-install-…`";
            self.error("pip-extra-args", message, args.span, help);
        } else if chooses && !is_project {
            let message =
                format!("`{of_projects}` in `pip_extra_args` belongs to a project, and `requirements` names none");
            let help = "write `requirements: uv.lock`, poetry.lock, pylock.toml or pyproject.toml";
            self.error("no-project", message, args.span, help);
        }
    }

    /// The fields that need a project or a lock, or that contradict one.
    fn lock(&mut self, spec: &ImageSpec) {
        let kind = spec.requirements_file();
        let has_project = kind.is_some_and(RequirementsFile::has_project);
        let is_project_lock = matches!(kind, Some(RequirementsFile::UvLock | RequirementsFile::PoetryLock));
        if let Some(packages) = spec
            .packages
            .as_ref()
            .filter(|list| is_project_lock && !list.value.is_empty())
        {
            let file = spec.requirements.as_ref().map_or("", |file| &file.value);
            let message = format!("`packages` does not go with `requirements: {file}`, which says what is installed");
            self.error(
                "packages-with-lock",
                message,
                packages.span,
                "add them to the project (`uv add NAME`, `poetry add NAME`), or put this spec into `base_image` of one with `packages`",
            );
        }
        if let (Some(file), Some((what, help))) = (
            &spec.requirements,
            spec.requirements.as_ref().and_then(|file| other_file(&file.value)),
        ) && kind == Some(RequirementsFile::Lines)
        {
            let message = format!("`requirements: {}` is {what}", file.value);
            self.error("other-file", message, file.span, help);
        }
        let has_members = matches!(kind, Some(RequirementsFile::UvLock | RequirementsFile::Project));
        if let Some(list) = spec.members.as_ref().filter(|_| !has_members) {
            let message = "`members` belongs to a workspace of uv, and `requirements` names none";
            let help = "write `requirements: uv.lock`, or the pyproject.toml of the workspace's root";
            self.error("no-project", message, list.span, help);
        }
        let takes_extras = has_project || kind == Some(RequirementsFile::Pylock);
        let lists: [(&str, &Option<TextList>); 2] = [("extras", &spec.extras), ("groups", &spec.groups)];
        for (name, list) in lists {
            if let Some(list) = list.as_ref().filter(|_| !takes_extras) {
                let message = format!("`{name}` belongs to a project, and `requirements` names none");
                self.error(
                    "no-project",
                    message,
                    list.span,
                    "write `requirements: uv.lock`, poetry.lock, pylock.toml or pyproject.toml",
                );
            }
        }
        if let Some(wish) = spec.install_project.as_ref().filter(|wish| wish.value && !has_project) {
            let message = "`install_project` needs a project, and `requirements` names none";
            self.error(
                "no-project",
                message,
                wish.span,
                "write `requirements: uv.lock`, poetry.lock or pyproject.toml",
            );
        }
    }
}

/// Whether a text is `name[:architecture][=version | /suite]`, optionally followed by apt's `+` or `-`.
fn apt_name_is_valid(name: &str) -> bool {
    let (name, version) = match name.find(['=', '/']) {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    let (name, architecture) = name.split_once(':').unwrap_or((name, "any"));
    let name_ok = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-_".contains(c));
    let architecture_ok =
        !architecture.is_empty() && architecture.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let version = version.get(1..).unwrap_or("x");
    let version_ok = !version.is_empty()
        && version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+.~:*-_/".contains(c));
    name_ok && architecture_ok && version_ok
}
