//! The requirements files of a spec, and the files that these name.

use std::collections::BTreeMap;

use crate::image_spec::{ImageSpec, TextValue};
use crate::plan::Requirements;
use crate::project::files::{AtPath, ContextFiles, Wanted};
use crate::project::look::judge;
use crate::python::{
    Entry, Locked, Requirement, RequirementsFile, Source, add_names, content_of_lines, content_of_toml,
    parse_requirements, plain_text,
};
use crate::text::{Diagnostic, Failure, Span, Spanned, context_path, directory_of, join};

/// The most files that one requirements file may include, directly or not.
const MAX_INCLUDING: usize = 16;
/// The most bytes of a file that reaches the lock step as part of its command.
const MAX_CONTENT: usize = 64 * 1024;
/// What the requirements files of one spec say.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundRequirements {
    /// What a plan is told about them.
    pub(crate) facts: Requirements,
    /// For each package, by normalised name, the hashes that its file may have.
    pub(crate) hashes: BTreeMap<String, Vec<String>>,
    /// Packages that the files want built even if there is a wheel.
    pub(crate) no_binary: Vec<String>,
    /// The text of the requirements file.
    pub(crate) text: Option<String>,
    /// The project itself, if it is to be installed.
    pub(crate) project: Option<Locked>,
    /// Packages whose requirements of others are replaced or dropped, by normalised name.
    pub(crate) overridden: Vec<String>,
    /// Groups that are wanted though the spec does not name them.
    pub(crate) default_groups: Vec<String>,
    /// What is not as it seems, and stops nothing.
    pub(crate) warnings: Vec<Diagnostic>,
    /// The members that a lock of a workspace has, its root aside.
    pub(crate) members: Vec<String>,
}

impl FoundRequirements {
    /// Whether a path is that of a manifest whose digest counts.
    pub(crate) fn is_manifest(&self, path: &str) -> bool {
        let start = format!("{path} sha256:");
        self.facts.settings.iter().any(|setting| setting.starts_with(&start))
    }

    /// Whether a line in a lock of ours is the digest of a manifest that counts.
    pub(crate) fn is_digest_of_manifest(&self, line: &str) -> bool {
        line.split_once(" sha256:")
            .is_some_and(|(path, _)| self.is_manifest(path))
    }
}

impl FoundRequirements {
    /// The files and directories of the context that requirements name.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.facts.files.iter().chain(&self.facts.projects).cloned().collect()
    }
}

/// Reads the requirements files of a spec and of those below it: one entry each, the outermost first.
/// `has_sibling` says whether a lock beside the spec decides what the topmost installs.
pub(crate) async fn read(
    files: &mut impl ContextFiles,
    spec: &ImageSpec,
    texts: &[(String, String)],
    has_sibling: bool,
) -> Result<Vec<FoundRequirements>, Failure> {
    let mut all = Vec::new();
    for (above, spec) in spec.all().enumerate() {
        let is_locked = (has_sibling && above == 0) || spec.requirements_file().is_some_and(RequirementsFile::is_lock);
        let mut reader = RequirementsReader {
            files,
            spec,
            known: texts.iter().cloned().collect(),
            looks_up: !is_locked,
            found: FoundRequirements::default(),
            problems: Vec::new(),
        };
        reader.read().await?;
        if !reader.problems.is_empty() {
            return Err(reader.problems.into());
        }
        all.push(reader.found);
    }
    Ok(all)
}

/// The paths that are known before any file is read.
pub(crate) fn first_paths(spec: &ImageSpec) -> Vec<String> {
    let mut paths: Vec<String> = ImageSpec::strings(&spec.packages)
        .filter_map(|line| local_path(&line.value))
        .collect();
    paths.extend(spec.extra_arguments("").files);
    paths.extend(settings_files(spec));
    if let Some(file) = &spec.requirements
        && matches!(
            RequirementsFile::of(&file.value),
            RequirementsFile::UvLock | RequirementsFile::PoetryLock
        )
    {
        paths.push(join(directory_of(&file.value), "pyproject.toml").unwrap_or_default());
    }
    paths
}

/// Where uv would look for its settings, if it ran beside the requirements file.
fn settings_files(spec: &ImageSpec) -> Vec<String> {
    let is_uvs = |kind: &RequirementsFile| !matches!(kind, RequirementsFile::PoetryLock | RequirementsFile::Pylock);
    let Some(file) = spec
        .requirements
        .as_ref()
        .filter(|_| spec.requirements_file().as_ref().is_some_and(is_uvs))
    else {
        return Vec::new();
    };
    let path = context_path(&file.value);
    let below = std::iter::successors(Some(directory_of(&path)), |directory| {
        (!directory.is_empty()).then(|| directory_of(directory))
    });
    below.filter_map(|directory| join(directory, "uv.toml")).collect()
}

/// The local file or directory that a line of `packages` names.
fn local_path(line: &str) -> Option<String> {
    match Requirement::parse(line).ok()?.source {
        Source::Path(path) => join("", without_extras(&path)),
        _ => None,
    }
}

/// `./x[fast]` is the directory `./x`.
fn without_extras(path: &str) -> &str {
    path.split('[').next().unwrap_or(path)
}

/// A file with one requirement on each line.
struct LinesFile {
    path: String,
    text: String,
    /// Whether it only limits the versions of packages that others ask for.
    is_bound: bool,
}

pub(super) struct RequirementsReader<'a, F> {
    pub(super) files: &'a mut F,
    pub(super) spec: &'a ImageSpec,
    /// Texts by path.
    known: BTreeMap<String, String>,
    /// Whether names are looked up on indexes: no lock has decided what they are.
    pub(super) looks_up: bool,
    pub(super) found: FoundRequirements,
    pub(super) problems: Vec<Diagnostic>,
}

impl<F: ContextFiles> RequirementsReader<'_, F> {
    pub(super) fn problem(&mut self, rule: &'static str, message: String, span: Span, help: &str) {
        self.problems
            .push(Diagnostic::build_error(rule, message).at(span).help(help));
    }

    async fn read(&mut self) -> Result<(), Failure> {
        let spec = self.spec;
        for line in ImageSpec::strings(&spec.packages) {
            if let Some(path) = local_path(&line.value) {
                self.add_project(&path, line.span).await?;
            }
            for (_, entry) in parse_requirements(&line.value).unwrap_or_default() {
                if let Entry::Requirement {
                    requirement, hashes, ..
                } = entry
                {
                    self.add_hashes(&requirement, hashes);
                }
            }
        }
        let arguments = spec.extra_arguments("");
        for path in arguments.files {
            let is_bound = arguments.bounds.contains(&path);
            let span = spec.pip_extra_args.as_ref().map_or(spec.span, |args| args.span);
            let named = Spanned::new(path.clone(), span);
            let replaces = arguments.overrides.contains(&path);
            let path = context_path(&path);
            let Some(text) = self.text(&path, &named).await? else {
                continue;
            };
            self.add_content(&path, content_of_lines(&text));
            if replaces {
                let lines = parse_requirements(&text).unwrap_or_default();
                let names = lines.iter().filter_map(|(_, entry)| match entry {
                    Entry::Requirement { requirement, .. } => requirement.name.clone(),
                    _ => None,
                });
                self.found.overridden.extend(names);
            }
            if is_bound {
                self.read_lines(LinesFile { path, text, is_bound }, &named).await?;
            }
        }
        let Some(file) = &spec.requirements else { return Ok(()) };
        let path = context_path(&file.value);
        let kind = RequirementsFile::of(&path);
        let Some(text) = self.text(&path, file).await? else {
            return Ok(());
        };
        self.look_for_settings(kind, file).await?;
        self.found.text = Some(text.clone());
        self.found.facts.files.push(path.clone());
        let content = match kind {
            RequirementsFile::Lines => content_of_lines(&text),
            _ => content_of_toml(&text),
        };
        self.add_content(&path, content);
        match kind {
            RequirementsFile::Lines => {
                let is_bound = false;
                self.read_lines(
                    LinesFile {
                        path: path.clone(),
                        text,
                        is_bound,
                    },
                    file,
                )
                .await?;
            }
            RequirementsFile::Project => self.read_project_file(&path, &text, file).await?,
            RequirementsFile::UvLock => self.read_uv_lock(&path, &text, file).await?,
            RequirementsFile::Pylock => self.read_pylock(&path, &text, file).await?,
            RequirementsFile::PoetryLock => self.read_poetry_lock(&path, &text, file).await?,
        }
        if spec.install_project.as_ref().is_some_and(|wish| wish.value) && kind.has_project() {
            self.add_own_project(&path, file).await?;
        }
        Ok(())
    }

    /// Says that settings of uv's beside a requirements file have no effect, where they might choose other versions.
    async fn look_for_settings(&mut self, kind: RequirementsFile, named: &TextValue) -> Result<(), Failure> {
        if !self.looks_up && kind != RequirementsFile::UvLock {
            return Ok(());
        }
        for path in settings_files(self.spec) {
            if !matches!(self.files.look(Wanted::Copy, &path).await?, AtPath::File) {
                continue;
            }
            let message = format!("{path} is not read, so uv chooses as if it were not there");
            let help = format!(
                "say in `[tool.uv]` of pyproject.toml or in `pip_extra_args` what it says (`--exclude-newer`, indexes); if it has no say, name {path} in .dockerignore"
            );
            let problem = match kind {
                RequirementsFile::Project => Diagnostic::build_error("uv-settings", message),
                _ => Diagnostic::warning("uv-settings", message),
            };
            let problem = problem.at(named.span).help(&*help);
            match kind {
                RequirementsFile::Project => self.problems.push(problem),
                _ => self.found.warnings.push(problem),
            }
        }
        Ok(())
    }

    /// The text of a file; records a problem and returns `None` if it cannot be used.
    pub(super) async fn text(&mut self, path: &str, named: &TextValue) -> Result<Option<String>, Failure> {
        if let Some(text) = self.known.get(&named.value).or_else(|| self.known.get(path)) {
            return Ok(Some(text.clone()));
        }
        self.files.also_serve(path);
        let seen = self.files.look(Wanted::Requirements, &named.value).await?;
        let text = match judge(Wanted::Requirements, named, seen) {
            Ok(text) => text,
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        };
        if let Some(text) = &text {
            self.known.insert(path.to_owned(), text.clone());
        }
        Ok(text)
    }

    /// Records the hashes of a requirement.
    fn add_hashes(&mut self, requirement: &Requirement, hashes: Vec<String>) {
        if let Some(name) = requirement.name.as_ref().filter(|_| !hashes.is_empty()) {
            self.found.hashes.entry(name.clone()).or_default().extend(hashes);
        }
    }

    /// A path that a file names, relative to the context; records a problem if it is outside.
    pub(super) fn path_in_context(
        &mut self,
        file: &str,
        place: &str,
        at: &str,
        span: Span,
        help: &str,
    ) -> Option<String> {
        let inner = join(directory_of(file), place);
        if inner.is_none() {
            let message = format!("{at}: `{place}` is outside the build context");
            self.problem("context-path", message, span, help);
        }
        inner
    }

    /// Records a directory or file that a package is built or installed from.
    pub(super) async fn add_project(&mut self, path: &str, span: Span) -> Result<(), Failure> {
        self.files.also_serve(path);
        let seen = self.files.look(Wanted::Copy, path).await?;
        if let AtPath::Unreadable(problem) = seen {
            return Err(problem.into());
        }
        if matches!(seen, AtPath::Nothing) {
            let message = format!("`{path}`, which a requirement names, is not in the build context");
            let help = "paths are relative to the requirements file, those of `packages` to the build context; files that .dockerignore names are not in it";
            self.problem("missing-file", message, span, help);
            return Ok(());
        }
        if self.found.facts.projects.iter().any(|known| known == path) {
            return Ok(());
        }
        self.found.facts.projects.push(path.to_owned());
        if matches!(seen, AtPath::Directory) {
            // Boxed: this future is part of many.
            Box::pin(self.read_local_manifest(path, span)).await?;
        }
        Ok(())
    }

    /// Reads lines of requirements, and the files that they include.
    async fn read_lines(&mut self, first: LinesFile, named: &TextValue) -> Result<(), Failure> {
        // For uv, local paths are relative to the first file, whichever file has them.
        let directory = directory_of(&first.path).to_owned();
        let mut included = Vec::new();
        let mut including = 0;
        let mut pending = vec![first];
        while let Some(file) = pending.pop() {
            including += 1;
            for (line, entry) in self.entries(&file, named) {
                let at = format!("{}, line {line}", file.path);
                let is_bound = file.is_bound || matches!(entry, Entry::Constraints(_));
                match entry {
                    Entry::Include(url) | Entry::Constraints(url) if url.contains("://") => {
                        // uv fetches it when it resolves.
                        let option = if is_bound { "-c" } else { "-r" };
                        self.found.facts.settings.push(format!("{option} {url}"));
                    }
                    Entry::Include(_) | Entry::Constraints(_) if including > MAX_INCLUDING => {
                        let message = format!("{} includes too many files", file.path);
                        self.problem("requirement", message, named.span, "put them into one");
                    }
                    Entry::Include(other) | Entry::Constraints(other) => {
                        let help = "build from a directory that holds all the files";
                        let Some(path) = self.path_in_context(&file.path, &other, &at, named.span, help) else {
                            continue;
                        };
                        if included.contains(&(path.clone(), is_bound)) {
                            continue;
                        }
                        included.push((path.clone(), is_bound));
                        if let Some(text) = self.read_included(&path, named).await? {
                            pending.push(LinesFile { path, text, is_bound });
                        }
                    }
                    Entry::Index { option, value } => self.add_index(&at, option, value, named.span),
                    Entry::Option(option) => {
                        if let Some(names) = option.strip_prefix("--no-binary") {
                            let names = names.trim_start_matches(['=', ' ', '\t']);
                            add_names(&mut self.found.no_binary, names);
                        }
                    }
                    Entry::Requirement {
                        requirement, hashes, ..
                    } => {
                        if let Source::Path(place) = &requirement.source {
                            self.add_local_requirement(&directory, place, &at, named.span).await?;
                        }
                        self.add_hashes(&requirement, hashes);
                        if is_bound {
                            self.found.facts.settings.push(format!("-c {}", requirement.text));
                        } else {
                            self.found.facts.lines.push(requirement.text);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The entries of a file with their line numbers; records a problem and returns none if it cannot be read.
    fn entries(&mut self, file: &LinesFile, named: &TextValue) -> Vec<(usize, Entry)> {
        match parse_requirements(&file.text) {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("{}, line {}: {}", file.path, error.line, error.message);
                let help = "write for example `pandas>=2`, `features @ git+https://github.com/acme/features@v3` or `./libs/features`";
                let problem = Diagnostic::build_error("requirement", message)
                    .at(named.span)
                    .help(help);
                self.problems.push(problem.caused_by(error));
                Vec::new()
            }
        }
    }

    /// The text of an included file, which is recorded as an input.
    async fn read_included(&mut self, path: &str, named: &TextValue) -> Result<Option<String>, Failure> {
        let text = self.text(path, &Spanned::new(path.to_owned(), named.span)).await?;
        if let Some(text) = &text
            && !self.found.facts.files.iter().any(|known| known == path)
        {
            self.add_content(path, content_of_lines(text));
            self.found.facts.files.push(path.to_owned());
        }
        Ok(text)
    }

    /// Records what the lock step reads of a file, unless it is large. No credential is in it: `text` refuses them.
    pub(super) fn add_content(&mut self, path: &str, content: String) {
        if content.len() <= MAX_CONTENT {
            self.found.facts.contents.insert(path.to_owned(), content);
        }
    }

    /// Records an index, if builds can use it.
    fn add_index(&mut self, at: &str, option: &'static str, value: String, span: Span) {
        if option == "--find-links" && !value.contains("://") {
            let message = format!("{at}: `--find-links {value}` names a directory, which build steps do not have");
            let help = "name the files themselves as requirements: ./wheels/features-1.0-py3-none-any.whl";
            self.problem("find-links", message, span, help);
        } else if value.contains("${") {
            let message = format!("{at}: the URL of an index has a variable, which builds do not set");
            let help = "write the URL out; for credentials, pass a netrc file as a secret: `pip_secret_mounts: [[.netrc, /root/.netrc]]`";
            self.problem("index-variable", message, span, help);
        } else {
            self.found.facts.indexes.push(option.to_owned());
            self.found
                .facts
                .indexes
                .extend(Some(value).filter(|value| !value.is_empty()));
        }
    }

    /// Records a requirement that names a directory or file of the context.
    async fn add_local_requirement(
        &mut self,
        directory: &str,
        place: &str,
        at: &str,
        span: Span,
    ) -> Result<(), Failure> {
        match join(directory, without_extras(place)) {
            Some(path) => self.add_project(&path, span).await,
            None => {
                let message = format!("{at}: `{place}` is outside the build context");
                self.problem("context-path", message, span, "build from a directory that holds it");
                Ok(())
            }
        }
    }

    /// A file as TOML; if it is not, that is a problem.
    pub(super) fn table(&mut self, path: &str, text: &str, span: Span, help: &str) -> Option<toml::Table> {
        let table = toml::from_str(&plain_text(text));
        table
            .map_err(|error: toml::de::Error| {
                let message = format!("{path} is not TOML: {}", error.message());
                self.problem("requirements", message, span, help);
            })
            .ok()
    }
}
