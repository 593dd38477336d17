//! The requirements files of a spec, and the files that these name.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::image_spec::{ImageSpec, TextValue};
use crate::plan::{DEFAULT_UV, Requirements};
use crate::project::files::{AtPath, ContextFiles, Wanted};
use crate::project::look::judge;
use crate::python::{
    Artefact, Entry, Locked, Pylock, Requirement, RequirementsFile, Source, add_names, content_of_lines,
    content_of_toml, has_dynamic_requirements, normalised, parse_requirements, plain_text, project_requirements,
    source_paths,
};
use crate::text::{Diagnostic, Failure, Span, Spanned, context_path, directory_of, join};

/// The version of uv.lock that this release's uv reads.
const UV_LOCK_VERSION: i64 = 1;
/// The most files that one requirements file may include, directly or not.
const MAX_INCLUDING: usize = 16;
/// The most bytes of a file that reaches the lock step as part of its command.
const MAX_CONTENT: usize = 64 * 1024;
const ALL_PROJECTS: &str = "build from a directory that holds all projects";

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
}

/// Reads the requirements files of a spec and of those below it: one entry each, the outermost first.
pub(crate) async fn read(
    files: &mut impl ContextFiles,
    spec: &ImageSpec,
    texts: &[(String, String)],
) -> Result<Vec<FoundRequirements>, Failure> {
    let mut all = Vec::new();
    for spec in spec.all() {
        let mut reader = RequirementsReader {
            files,
            known: texts.iter().cloned().collect(),
            found: FoundRequirements::default(),
            problems: Vec::new(),
        };
        reader.spec(spec).await?;
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

struct RequirementsReader<'a, F> {
    files: &'a mut F,
    /// Texts by path.
    known: BTreeMap<String, String>,
    found: FoundRequirements,
    problems: Vec<Diagnostic>,
}

impl<F: ContextFiles> RequirementsReader<'_, F> {
    fn problem(&mut self, rule: &'static str, message: String, span: Span, help: &str) {
        self.problems
            .push(Diagnostic::build_error(rule, message).at(span).help(help));
    }

    async fn spec(&mut self, spec: &ImageSpec) -> Result<(), Failure> {
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
            let path = context_path(&path);
            let Some(text) = self.text(&path, &named).await? else {
                continue;
            };
            self.add_content(&path, content_of_lines(&text));
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
            RequirementsFile::Project => self.read_project_file(&path, &text, spec, file).await?,
            RequirementsFile::UvLock => self.read_uv_lock(&path, &text, spec, file).await?,
            RequirementsFile::Pylock => {
                let paths = Pylock::parse(&text).map(|lock| lock.paths().map(str::to_owned).collect::<Vec<_>>());
                for other in paths.unwrap_or_default() {
                    if let Some(inner) = join(directory_of(&path), &other) {
                        self.add_project(&inner, file.span).await?;
                    }
                }
            }
            RequirementsFile::PoetryLock => {}
        }
        if spec.install_project.as_ref().is_some_and(|wish| wish.value) && kind.has_project() {
            self.add_own_project(&path, file).await?;
        }
        Ok(())
    }

    /// The text of a file; records a problem and returns `None` if it cannot be used.
    async fn text(&mut self, path: &str, named: &TextValue) -> Result<Option<String>, Failure> {
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
    fn path_in_context(&mut self, file: &str, place: &str, at: &str, span: Span, help: &str) -> Option<String> {
        let inner = join(directory_of(file), place);
        if inner.is_none() {
            let message = format!("{at}: `{place}` is outside the build context");
            self.problem("context-path", message, span, help);
        }
        inner
    }

    /// Records a directory or file that a package is built or installed from.
    async fn add_project(&mut self, path: &str, span: Span) -> Result<(), Failure> {
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
        if !self.found.facts.projects.iter().any(|known| known == path) {
            self.found.facts.projects.push(path.to_owned());
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
    fn add_content(&mut self, path: &str, content: String) {
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
    fn table(&mut self, path: &str, text: &str, span: Span, help: &str) -> Option<toml::Table> {
        let table = toml::from_str(&plain_text(text));
        table
            .map_err(|error: toml::de::Error| {
                let message = format!("{path} is not TOML: {}", error.message());
                self.problem("requirements", message, span, help);
            })
            .ok()
    }

    /// Reads a project's dependencies, with those of the extras and groups that the spec asks for.
    async fn read_project_file(
        &mut self,
        path: &str,
        text: &str,
        spec: &ImageSpec,
        named: &TextValue,
    ) -> Result<(), Failure> {
        let Some(project) = self.table(path, text, named.span, "correct the file") else {
            return Ok(());
        };
        let words = |list| {
            ImageSpec::strings(list)
                .map(|word| word.value.as_str())
                .collect::<Vec<_>>()
        };
        let facts = &mut self.found.facts;
        facts.lines = project_requirements(&project, &words(&spec.extras), &words(&spec.groups));
        let digest = |text: &str| base16ct::lower::encode_string(&Sha256::digest(text));
        if let Some(uv) = project.get("tool").and_then(|tool| tool.get("uv")) {
            facts
                .settings
                .push(format!("[tool.uv] sha256:{}", digest(&uv.to_string())));
        }
        if has_dynamic_requirements(&project) {
            facts.settings.push(format!("{path} sha256:{}", digest(text)));
            self.add_project(directory_of(path), named.span).await?;
        }
        for place in source_paths(&project) {
            if let Some(inner) = self.path_in_context(path, &place, path, named.span, ALL_PROJECTS) {
                self.add_project(&inner, named.span).await?;
            }
        }
        Ok(())
    }

    /// Reads a uv.lock for the other projects that it names.
    async fn read_uv_lock(
        &mut self,
        path: &str,
        text: &str,
        spec: &ImageSpec,
        named: &TextValue,
    ) -> Result<(), Failure> {
        let Some(lock) = self.table(path, text, named.span, "run `uv lock`") else {
            return Ok(());
        };
        let version = lock.get("version").and_then(toml::Value::as_integer).unwrap_or(0);
        if version > UV_LOCK_VERSION && spec.uv_image.is_none() {
            let message = format!("{path} has the version {version}, and {DEFAULT_UV} reads {UV_LOCK_VERSION}");
            let help = "set `builder_config: {uv_image: ghcr.io/astral-sh/uv:VERSION}` to the uv that made it (`uv --version` says which)";
            self.problem("uv-lock-version", message, named.span, help);
            return Ok(());
        }
        let directory = directory_of(path);
        let project = join(directory, "pyproject.toml").unwrap_or_default();
        let value = Spanned::new(project.clone(), named.span);
        if let Some(text) = self.text(&project, &value).await? {
            self.add_content(&project, content_of_toml(&text));
            self.found.facts.files.push(project);
        }
        let packages = lock.get("package").and_then(toml::Value::as_array);
        for package in packages.into_iter().flatten() {
            let source = package.get("source");
            let place = |kind: &str| source.and_then(|source| source.get(kind)).and_then(toml::Value::as_str);
            let is_virtual = place("virtual").is_some();
            let places = ["editable", "directory", "virtual", "path"];
            let Some(other) = places.iter().find_map(|kind| place(kind)).filter(|other| *other != ".") else {
                continue;
            };
            let Some(inner) = self.path_in_context(path, other, path, named.span, ALL_PROJECTS) else {
                continue;
            };
            if !is_virtual {
                self.add_project(&inner, named.span).await?;
                continue;
            }
            let inner = format!("{inner}/pyproject.toml");
            let value = Spanned::new(inner.clone(), named.span);
            if let Some(text) = self.text(&inner, &value).await? {
                self.add_content(&inner, content_of_toml(&text));
                self.found.facts.files.push(inner);
            }
        }
        Ok(())
    }

    /// Finds the project that a lock belongs to.
    async fn add_own_project(&mut self, path: &str, named: &TextValue) -> Result<(), Failure> {
        let directory = directory_of(path).to_owned();
        let project = join(&directory, "pyproject.toml").unwrap_or_default();
        let value = Spanned::new(project.clone(), named.span);
        let Some(text) = self.text(&project, &value).await? else {
            return Ok(());
        };
        let table: toml::Table = toml::from_str(&plain_text(&text)).unwrap_or_default();
        let name_in = |table: Option<&toml::Value>| Some(table?.get("name")?.as_str()?.to_owned());
        let poetry = table.get("tool").and_then(|tool| tool.get("poetry"));
        let Some(name) = name_in(table.get("project")).or_else(|| name_in(poetry)) else {
            let message = format!("`install_project`: {project} names no project");
            self.problem(
                "install-project",
                message,
                named.span,
                "give it a `[project]` table with a name, or leave `install_project` out",
            );
            return Ok(());
        };
        // Only the step that builds it needs all of it: resolving reads just the table.
        self.files.also_serve(&directory);
        self.found.project = Some(Locked {
            index: None,
            name: normalised(&name),
            version: None,
            artefact: Artefact::Path {
                path: directory,
                hash: None,
                subdirectory: None,
            },
        });
        Ok(())
    }
}
