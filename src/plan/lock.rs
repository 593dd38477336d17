//! The lock step: which Python packages are installed.

use crate::image_spec::{ImageSpec, LOCK_NAME, Profile};
use crate::plan::build::{Builder, Requirements};
use crate::plan::draft::Draft;
use crate::plan::install::{Interpreter, UV, certificates, program, scratch, uv_cache};
use crate::plan::script::{Script, python_lines, quote, quote_all};
use crate::plan::types::{Action, CopyFiles, Mount, Origin, Product, Role, Run, Stage};
use crate::python::{Locked, PipArguments, Requirement, RequirementsFile, Source, normalised};
use crate::text::{Span, context_path, directory_of, file_name};

/// Where files of the build context appear in steps.
pub(super) const CONTEXT: &str = "/tmp/imagespec/context";
/// A copy of them that builds may write to.
pub(super) const WORK: &str = "/tmp/imagespec/work";
/// Where a step leaves what it makes for others.
pub(super) const PRODUCT: &str = "/tmp/imagespec/product";
/// Paths of a lock that was made in a step begin with one of these.
pub const STEP_DIRECTORIES: [&str; 2] = [WORK, CONTEXT];
/// Where the image keeps its lock, and where it lies in what the lock step makes.
pub const KEPT: &str = "/usr/share/imagespec";
/// What a step makes for the image lies there as it does in the image.
pub(super) const KEPT_PRODUCT: &str = "/tmp/imagespec/product/usr/share/imagespec";
/// The index that uv asks where nothing else is said.
const DEFAULT_INDEX: &str = "https://pypi.org/simple";
/// A lock of what is installed before anything is resolved.
const INSTALLED: &str = "pylock.imagespec.toml";
const INDEX: &str = include_str!("scripts/index.sh");
const INTERPRETER: &str = include_str!("scripts/interpreter.py");

/// Where a lock comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input<'a> {
    /// uv resolves the requirements.
    Resolve,
    /// uv exports a lock of its own.
    Export(&'a str),
    /// A lock that needs no program.
    File(Origin, &'a str),
}

impl Builder<'_> {
    /// Where the spec's lock comes from; `None` when it needs no package.
    pub(super) fn lock_input(&self) -> Option<Input<'_>> {
        let spec = self.spec;
        if let Some(beside) = &self.facts.beside {
            return Some(Input::File(Origin::Beside, beside));
        }
        match (&spec.requirements, spec.requirements_file()) {
            (Some(file), Some(RequirementsFile::UvLock)) => Some(Input::Export(&file.value)),
            (Some(file), Some(RequirementsFile::PoetryLock | RequirementsFile::Pylock)) => {
                Some(Input::File(Origin::Context, &file.value))
            }
            (Some(_), _) => Some(Input::Resolve),
            (None, _) => (!self.packages().is_empty()).then_some(Input::Resolve),
        }
    }

    fn packages(&self) -> Vec<String> {
        packages(self.spec, &self.facts.requirements)
    }

    /// The arguments that the user adds.
    pub(super) fn extra_arguments(&self) -> PipArguments {
        self.spec.extra_arguments(CONTEXT)
    }

    /// Options that name indexes, from the spec and from its requirements files.
    pub(super) fn index_arguments(&self) -> Vec<String> {
        let spec = self.spec;
        let index = spec.pip_index.iter().map(|index| ("--index-url", index.value.as_str()));
        let extra =
            ImageSpec::strings(&spec.pip_extra_index_url).map(|index| ("--extra-index-url", index.value.as_str()));
        let mut words: Vec<String> = index
            .chain(extra)
            .flat_map(|(option, value)| [option.to_owned(), value.to_owned()])
            .collect();
        let mut of_files = self.facts.requirements.indexes.iter();
        while let Some(option) = of_files.next() {
            let value = if option == "--no-index" { None } else { of_files.next() };
            // There is one main index: the spec's, else that of the first file that names one.
            if option != "--index-url" || !words.contains(option) {
                words.push(option.clone());
                words.extend(value.cloned());
            }
        }
        words
    }

    /// Options for indexes with those that packages of a lock are from.
    pub(super) fn locked_index_arguments<'l>(&self, packages: impl IntoIterator<Item = &'l Locked>) -> Vec<String> {
        let mut words = self.index_arguments();
        let extra = self.extra_arguments().install;
        let same = |word: &str, index: &str| word.trim_end_matches('/').ends_with(index.trim_end_matches('/'));
        let mut indexes: Vec<&String> = packages
            .into_iter()
            .filter_map(|package| package.index.as_ref())
            .collect();
        indexes.sort();
        indexes.dedup();
        indexes.retain(|index| {
            let mut known = words.iter().chain(&extra).map(String::as_str).chain([DEFAULT_INDEX]);
            !known.any(|word| same(word, index))
        });
        for index in indexes {
            words.extend(["--extra-index-url".into(), index.clone()]);
        }
        words
    }

    /// Options for installing exactly what a lock names. All indexes are asked: the hash says which file it is.
    pub(super) fn install_index_arguments<'l>(&self, packages: impl IntoIterator<Item = &'l Locked>) -> Vec<String> {
        let mut words = self.locked_index_arguments(packages);
        let is_chosen = self
            .extra_arguments()
            .install
            .iter()
            .any(|word| word == "--index-strategy");
        if words.len() > self.index_arguments().len() && !is_chosen {
            words.extend(["--index-strategy".into(), "unsafe-best-match".into()]);
        }
        words
    }

    /// Tells uv how the indexes behave, unless somebody else configures it.
    pub(super) fn index_lines(&self) -> String {
        let words = self.index_arguments();
        let mut default = DEFAULT_INDEX;
        let mut all: Vec<&str> = Vec::new();
        for pair in words.windows(2) {
            match pair {
                [option, url] if option == "--index-url" => default = url,
                [option, url] if option == "--extra-index-url" => all.push(url),
                _ => {}
            }
        }
        all.push(default);
        let extra = self.extra_arguments().install;
        let chooses = |word: &String| word.contains("index") && word != "--index-strategy";
        // What does not stand in a file of uv's as it is, is left to its options.
        let is_plain = |url: &&str| {
            url.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~:/%+@=,".contains(c))
        };
        let is_simple =
            all.iter().all(is_plain) && !words.iter().any(|word| word == "--no-index" || word == "--find-links");
        if extra.iter().any(chooses) || !is_simple {
            return String::new();
        }
        format!("indexes={}\n{INDEX}", quote(&all.join(" ")))
    }

    /// What every step sees that asks an index: certificates and secrets, and how it checks for these.
    pub(super) fn index_access(&self) -> (Vec<Mount>, Script, Vec<Span>) {
        let spec = self.spec;
        let mut mounts = vec![scratch(), program(UV, Role::Uv, "/uv"), uv_cache(), certificates()];
        let mut script = Script::new().trust();
        let mut spans: Vec<Span> = Vec::new();
        for secret in &spec.pip_secret_mounts {
            spans.push(secret.span);
            mounts.push(Mount::Secret {
                target: secret.target.clone(),
                id: secret.id.clone(),
            });
            script = script.require_secret(&secret.id, &secret.target, secret.source.as_deref().unwrap_or("FILE"));
        }
        spans.extend(spec.pip_index.iter().map(|index| index.span));
        spans.extend(ImageSpec::strings(&spec.pip_extra_index_url).map(|index| index.span));
        spans.extend(spec.pip_extra_args.iter().map(|extra| extra.span));
        (mounts, script, spans)
    }

    /// The files of the context that resolving reads.
    fn context_mounts(&self) -> Vec<Mount> {
        let requirements = &self.facts.requirements;
        self.mounts_of(requirements.files.iter().chain(&requirements.projects))
    }

    /// Files of the context, and those that arguments name.
    pub(super) fn mounts_of<'p>(&self, paths: impl IntoIterator<Item = &'p String>) -> Vec<Mount> {
        let named = self.extra_arguments().files;
        let mut paths: Vec<String> = paths.into_iter().cloned().collect();
        paths.extend(named.iter().map(|file| context_path(file)));
        paths.sort();
        paths.dedup();
        let all = paths.clone();
        let is_below = |path: &str, other: &String| {
            path != other
                && (other.is_empty()
                    || path
                        .strip_prefix(other.as_str())
                        .is_some_and(|rest| rest.starts_with('/')))
        };
        paths.retain(|path| !all.iter().any(|other| is_below(path, other)));
        let mount = |path: String| Mount::ContextFile {
            target: if path.is_empty() {
                CONTEXT.to_owned()
            } else {
                format!("{CONTEXT}/{path}")
            },
            path,
        };
        paths.into_iter().map(mount).collect()
    }

    /// Where these files are to be read from.
    fn work(&self) -> (&'static str, String) {
        if self.facts.requirements.projects.is_empty() {
            (CONTEXT, String::new())
        } else {
            (WORK, copy_to_work())
        }
    }

    /// The step that says which packages are installed.
    pub(super) fn lock(&mut self, interpreter: &Interpreter) -> Option<usize> {
        let input = self.lock_input()?;
        let (mut mounts, mut script, mut spans) = self.index_access();
        let python = interpreter.program();
        let report = python_lines(&python, "", &format!("{KEPT_PRODUCT}/interpreter.json"), INTERPRETER);
        let spec = self.spec;
        spans.extend(spec.packages.iter().map(|list| list.span));
        spans.extend(spec.requirements.iter().map(|file| file.span));
        let (script, title, after, reason) = match input {
            Input::File(_, path) => {
                mounts = vec![scratch()];
                let after = self.last_of(Stage::Python);
                let title = format!("look at the interpreter that {} is for", file_name(path));
                (
                    Script::new().lines(&format!("mkdir -p {KEPT_PRODUCT}\n{report}")),
                    title,
                    after,
                    "only the interpreter is asked",
                )
            }
            Input::Resolve | Input::Export(_) => {
                mounts.extend(self.context_mounts());
                if self.spec.requirements_file().is_none_or(|kind| !kind.has_project()) {
                    script = script.lines(&self.index_lines());
                }
                let (lines, title) = match input {
                    Input::Export(path) => self.export_lines(path, &python),
                    _ => self.resolve_lines(&python),
                };
                let lines = format!(
                    "mkdir -p {KEPT_PRODUCT}\n\
                     export HOME=/root PYTHONHASHSEED=0 PATH={}:\"$PATH\"\n\
                     export UV_CACHE_DIR={} UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never\n{lines}",
                    interpreter.bin(),
                    super::install::UV_CACHE
                );
                let after = self.with_apt();
                let reason = if after.len() > 1 || spec.python_exec.is_some() {
                    "reading a package's needs may mean building it, with what apt installs; an apt edit resolves again, with the same result"
                } else {
                    "the interpreter decides which packages there are"
                };
                (script.lines(&lines).lines(&report), title, after, reason)
            }
        };
        // Installing needs it, too, and what is installed may not be known yet.
        self.uses_uv = true;
        let run = Run::ours(script.text(), self.install_environment().0, mounts).making(PRODUCT);
        Some(
            self.add(
                Draft::new(Stage::Lock, title, Action::Run(run))
                    .makes(Product::Lock)
                    .after(after, reason)
                    .spans(&spans),
            ),
        )
    }

    fn export_lines(&self, path: &str, python: &str) -> (String, String) {
        let (work, copy) = self.work();
        let mut arguments = vec!["--python".to_owned(), python.to_owned()];
        let groups: Vec<&str> = ImageSpec::strings(&self.spec.groups)
            .map(|group| group.value.as_str())
            .collect();
        if !groups.iter().any(|group| normalised(group) == "dev") {
            arguments.push("--no-dev".into());
        }
        for extra in ImageSpec::strings(&self.spec.extras) {
            arguments.extend(["--extra".into(), extra.value.clone()]);
        }
        for group in groups {
            arguments.extend(["--group".into(), group.into()]);
        }
        let lines = format!(
            "{copy}cd {}\n{UV} export --locked --format pylock.toml --no-header --no-emit-project {} > {KEPT_PRODUCT}/{LOCK_NAME}",
            quote(&format!("{work}/{}", directory_of(path))),
            quote_all(arguments.iter().map(String::as_str))
        );
        (lines, format!("uv export --locked ({path})"))
    }

    fn resolve_lines(&self, python: &str) -> (String, String) {
        let spec = self.spec;
        let (work, copy) = self.work();
        let packages = self.packages();
        let file = spec.requirements.as_ref().map(|file| context_path(&file.value));
        let directory = file.as_deref().map_or("", directory_of);
        let mut arguments = vec!["--python".to_owned(), python.to_owned()];
        arguments.extend(self.index_arguments());
        arguments.extend(self.extra_arguments().resolve);
        if spec.requirements_file() == Some(RequirementsFile::Project) {
            for extra in ImageSpec::strings(&spec.extras) {
                arguments.extend(["--extra".into(), extra.value.clone()]);
            }
            for group in ImageSpec::strings(&spec.groups) {
                arguments.extend(["--group".into(), group.value.clone()]);
            }
        }
        if let Some(file) = &file {
            arguments.push(file_name(file).to_owned());
        }
        let mut list = String::new();
        if !packages.is_empty() {
            let lines = packages.iter().map(|line| placed(line, work));
            let lines: Vec<String> = lines.collect();
            list = format!(
                "printf '%s\\n' {} > /tmp/imagespec/packages.txt\n",
                quote_all(lines.iter().map(String::as_str))
            );
            arguments.push("/tmp/imagespec/packages.txt".into());
        }
        let all = toml::Value::from(required(spec, &self.facts.requirements));
        // What the lock holds for: only the interpreter knows, and only what it was asked for.
        let report = "import platform; print('python = \"%s.%s\"\\nmachine = \"%s\"' % (*platform.python_version_tuple()[:2], platform.machine()))";
        let made = format!(
            "\n{{ printf '%s\\n' '' '[tool.imagespec]' {}; {} -s -S -c {}; }} >> {KEPT_PRODUCT}/{LOCK_NAME}",
            quote(&format!("requirements = {all}")),
            quote(python),
            quote(report)
        );
        let lines = format!(
            "{copy}{list}mkdir -p {directory} && cd {directory}\n\
             # What the interpreter has already is taken where the requirements allow it.\n\
             printf 'lock-version = \"1.0\"\\ncreated-by = \"imagespec\"\\n' > {INSTALLED}\n\
             {UV} pip freeze -q --python {python} | sed -n 's/^\\([A-Za-z0-9._-]*\\)==\\([^ ]*\\)$/[[packages]]\\nname = \"\\1\"\\nversion = \"\\2\"/p' >> {INSTALLED}\n\
             grep -q packages {INSTALLED} || rm {INSTALLED}\n\
             {UV} pip compile --no-header --format pylock.toml --output-file {INSTALLED} {} > /dev/null\n\
             mv {INSTALLED} {KEPT_PRODUCT}/{LOCK_NAME}{made}",
            quote_all(arguments.iter().map(String::as_str)),
            python = quote(python),
            directory = quote(&format!("{work}/{directory}")),
        );
        let mut shown = packages;
        shown.extend(spec.requirements.as_ref().map(|file| format!("-r {}", file.value)));
        (lines, format!("uv pip compile {}", shown.join(" ")))
    }

    /// The lock in the image. What is an input of the image is in exported caches, too: a builder that imports
    /// them has no need to resolve again.
    pub(super) fn keep_lock(&mut self, lock: usize, shared: Option<usize>) {
        let mut copies = Vec::new();
        if let Some(Input::File(from, path)) = self.lock_input() {
            let name = file_name(path);
            copies.push(CopyFiles {
                from,
                source: context_path(path),
                target: format!("{KEPT}/{name}"),
                owner: "root".into(),
                exclude: Vec::new(),
            });
        }
        // Last, from the root on: such a copy gives existing directories its own time, too.
        copies.extend([Some(lock), shared].into_iter().flatten().map(|step| CopyFiles {
            from: Origin::Product(step),
            source: ".".into(),
            target: "/".into(),
            owner: "root".into(),
            exclude: Vec::new(),
        }));
        let after = self.last_of(Stage::User);
        let reason = "nothing else is below its directory";
        let title = format!("keep the lock in {KEPT}");
        self.add(Draft::new(Stage::Lock, title, Action::Copy(copies)).after(after, reason));
    }

    /// After the interpreter, which a base image may bring.
    pub(super) fn with_python(&self) -> Vec<usize> {
        self.last_of_any(&[Stage::Python, Stage::User])
    }

    /// After the interpreter and all that apt installs.
    pub(super) fn with_apt(&self) -> Vec<usize> {
        let mut after = self.last_of(Stage::Python);
        after.extend(self.last_of(Stage::Apt));
        if after.is_empty() {
            self.last_of(Stage::User)
        } else {
            after
        }
    }
}

/// The requirements of a spec itself, with what its profile adds.
fn packages(spec: &ImageSpec, requirements: &Requirements) -> Vec<String> {
    let mut packages: Vec<String> = ImageSpec::strings(&spec.packages).map(|p| p.value.clone()).collect();
    let is_locked = spec.requirements_file().is_some_and(RequirementsFile::is_lock);
    let mut known = packages.iter().chain(&requirements.lines);
    if spec.profile == Profile::Flyte && !is_locked && !known.any(|line| is_flytekit(line)) {
        packages.push("flytekit".into());
    }
    packages
}

/// All that a lock is made from: the requirements of a spec and of its files, with what else decides, sorted.
#[must_use]
pub fn required(spec: &ImageSpec, requirements: &Requirements) -> Vec<String> {
    let mut all = packages(spec, requirements);
    all.extend(requirements.lines.iter().cloned());
    all.extend(requirements.settings.iter().cloned());
    all.extend(spec.extra_arguments("").choices);
    all.sort();
    all.dedup();
    all
}

/// Builds write beside what they build.
pub(super) fn copy_to_work() -> String {
    format!("mkdir -p {WORK} && cp -R {CONTEXT}/. {WORK}/\n")
}

/// A requirement of the spec, with a path in it made absolute.
fn placed(line: &str, work: &str) -> String {
    match Requirement::parse(line) {
        Ok(requirement) => match &requirement.source {
            // A named one has to be a URL; extras and markers stay as they are.
            Source::Path(path) if !path.starts_with('/') => {
                let scheme = if requirement.name.is_some() { "file://" } else { "" };
                line.replacen(
                    path.as_str(),
                    &format!("{scheme}{work}/{}", path.trim_start_matches("./")),
                    1,
                )
            }
            _ => line.to_owned(),
        },
        Err(_) => line.to_owned(),
    }
}

/// flytekit's own test of a requirement: its leading run of word characters and dashes.
fn is_flytekit(requirement: &str) -> bool {
    let requirement = requirement.trim();
    let end = requirement
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .unwrap_or(requirement.len());
    requirement.get(..end) == Some("flytekit")
}
