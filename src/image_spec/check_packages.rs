//! The rules on packages, and on how to install them.

use crate::image_spec::check::Checker;
use crate::image_spec::model::{ImageSpec, Layering, TextList};
use crate::python::{Entry, PipArguments, RequirementsFile, parse_requirements};

impl Checker<'_> {
    pub(super) fn packages(&mut self, spec: &ImageSpec) {
        self.apt(spec);
        self.entries(spec);
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
            for name in entry.value.split_whitespace() {
                if !apt_name_is_valid(name) {
                    let message = format!("`{name}` is not the name of an apt package");
                    let help = "a name has lower-case letters, digits, `+`, `-` and `.`, optionally with =version, /suite or :arch";
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
            if !index.value.contains("://") && !index.value.starts_with(['/', '.', '-']) {
                let message = format!("`{}` in `{field}` is not a URL", index.value);
                self.error(
                    "index-url",
                    message,
                    index.span,
                    "write for example https://pypi.org/simple",
                );
            }
        }
    }

    /// Each entry of `packages` is a line of a requirements file.
    fn lines(&mut self, spec: &ImageSpec) {
        for entry in ImageSpec::strings(&spec.packages)
            .filter(|entry| !entry.value.trim().is_empty() && !entry.value.contains(['\n', '\r']))
        {
            let help = "write for example `pandas>=2`, `features @ git+https://github.com/acme/features@v3` or `./libs/features`";
            match parse_requirements(&entry.value).as_deref() {
                Ok([(_, Entry::Requirement { is_editable: false, .. })]) => {}
                Ok([]) => self.error(
                    "requirement",
                    format!("`{}` is a comment", entry.value),
                    entry.span,
                    "take it out",
                ),
                Ok(_) => {
                    let message = format!("`{}` in `packages` looks like an option", entry.value);
                    let help = "entries are requirements; options go into a requirements file, or into `pip_index` and `pip_extra_args`";
                    self.error("option-as-entry", message, entry.span, help);
                }
                Err(error) => {
                    let message = format!("an entry of `packages` is not a requirement: {}", error.message);
                    self.error("requirement", message, entry.span, help);
                }
            }
        }
    }

    fn extra_arguments(&mut self, spec: &ImageSpec) {
        let Some(args) = &spec.pip_extra_args else { return };
        let Some(words) = shlex::split(&args.value) else {
            let message = "`pip_extra_args` has an unclosed quote";
            return self.error(
                "pip-extra-args",
                message,
                args.span,
                "arguments are split as a shell would",
            );
        };
        let arguments = PipArguments::classify(&words, "");
        for option in arguments.refused {
            let message = format!("`{option}` in `pip_extra_args` is not allowed in a spec");
            let help = "list packages in `packages` or `requirements`; the image decides where they are installed";
            self.error("pip-extra-args", message, args.span, help);
        }
        if spec.layering == Layering::Auto && !arguments.unknown.is_empty() {
            let message = format!(
                "`{}` in `pip_extra_args` is not a known option",
                arguments.unknown.join(" ")
            );
            let help = "packages are resolved and installed in steps of their own, and each option has to go to the right ones; `layering: single` hands it to `uv pip install`";
            self.error("pip-extra-args", message, args.span, help);
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
                "add them to the project: `uv add NAME`, or `poetry add NAME`",
            );
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
