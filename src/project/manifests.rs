//! Manifests: the `pyproject.toml` of a project, and those of packages of the context.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use crate::image_spec::{ImageSpec, TextValue};
use crate::project::files::{AtPath, ContextFiles, Wanted};
use crate::project::requirements::RequirementsReader;
use crate::python::{
    Artefact, Locked, OtherIndex, OtherTools, Requirement, Source, has_dynamic_requirements, has_name, normalised,
    plain_text, project_requirements, source_paths,
};
use crate::text::{Diagnostic, Failure, Span, Spanned, directory_of, join};

/// What to do where a project needs one that is outside of the context.
pub(super) const ALL_PROJECTS: &str = "build from a directory that holds all projects";
/// What decides which packages a project with static metadata needs.
const DECIDES: [&str; 4] = ["requires-python", "dependencies", "optional-dependencies", "dynamic"];

fn digest(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text))
}

/// The digest of what decides which packages a project with static metadata needs.
fn needs_digest(project: &Table) -> String {
    let own = project.get("project");
    let decides = |name: &&str| Some(((*name).to_owned(), own?.get(name)?.clone()));
    let mut counted: Table = DECIDES.iter().filter_map(decides).collect();
    let uv = project.get("tool").and_then(|tool| tool.get("uv"));
    counted.extend(uv.map(|uv| ("tool.uv".to_owned(), uv.clone())));
    digest(&Value::Table(counted).to_string())
}

/// A table of tables, such as `tool.uv.sources`.
fn at<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// The names of the keys of a table in a table.
fn keys<'a>(table: &'a Table, path: &str) -> impl Iterator<Item = &'a String> {
    let found = at(table, path).and_then(Value::as_table);
    found.into_iter().flat_map(Table::keys)
}

/// The files that a project's dynamic metadata is read from.
fn dynamic_files(project: &Table) -> Vec<String> {
    fn collect(value: &Value, files: &mut Vec<String>) {
        match value {
            Value::String(file) => files.push(file.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, files)),
            Value::Table(table) => table.values().for_each(|item| collect(item, files)),
            _ => {}
        }
    }
    let mut files = Vec::new();
    for path in [
        "tool.setuptools.dynamic.dependencies.file",
        "tool.setuptools.dynamic.optional-dependencies",
        "tool.hatch.metadata.hooks.requirements_txt",
    ] {
        at(project, path)
            .into_iter()
            .for_each(|value| collect(value, &mut files));
    }
    files
}

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// Reads a project's dependencies, with those of the extras and groups that the spec asks for.
    pub(super) async fn read_project_file(&mut self, path: &str, text: &str, named: &TextValue) -> Result<(), Failure> {
        let spec = self.spec;
        let Some(project) = self.table(path, text, named.span, "correct the file") else {
            return Ok(());
        };
        let is_dynamic = has_dynamic_requirements(&project);
        let parts = spec.parts();
        let known_extras: Vec<String> = keys(&project, "project.optional-dependencies").cloned().collect();
        let known_groups: Vec<String> = keys(&project, "dependency-groups").cloned().collect();
        if !is_dynamic {
            self.unknown_parts(path, "extra", parts.named_extras(), &known_extras);
        }
        // `path:group` names a group of another project.
        let groups = parts.named_groups().filter(|group| !group.contains(':'));
        self.unknown_parts(path, "group", groups, &known_groups);
        let extras = parts.extras_of(&known_extras);
        let extras: Vec<&str> = extras.iter().map(String::as_str).collect();
        let groups: Vec<&str> = parts.groups.iter().map(String::as_str).collect();
        self.found.facts.lines = project_requirements(&project, &extras, &groups);
        self.check_lines(path, named.span);
        if let Some(uv) = at(&project, "tool.uv") {
            let setting = format!("[tool.uv] sha256:{}", digest(&uv.to_string()));
            self.found.facts.settings.push(setting);
        }
        self.note_overrides(&project);
        if is_dynamic {
            self.add_project(directory_of(path), named.span).await?;
        } else {
            let lines = self.found.facts.lines.clone();
            self.check_lookups(path, &project, &lines, named.span);
        }
        for place in source_paths(&project) {
            if let Some(inner) = self.path_in_context(path, &place, path, named.span, ALL_PROJECTS) {
                self.add_project(&inner, named.span).await?;
            }
        }
        Ok(())
    }

    /// Reports the requirements of a project that nobody can read.
    fn check_lines(&mut self, path: &str, span: Span) {
        let lines = self.found.facts.lines.iter();
        let refused = lines.filter_map(|line| Some((line.clone(), Requirement::parse(line).err()?)));
        self.problems.extend(refused.map(|(line, error)| {
            let message = format!("{path}: `{line}`: {error}");
            let problem = Diagnostic::build_error("requirement", message).at(span);
            problem.help("correct the file").caused_by(error)
        }));
    }

    /// Notes what decides which packages a package of the context needs: a lock is older than that, or not.
    pub(super) async fn read_local_manifest(&mut self, directory: &str, span: Span) -> Result<(), Failure> {
        // A lock of another tool says nothing of it, and is held against what was installed.
        if self.spec.requirements_file().is_some_and(|kind| kind.is_lock()) {
            return Ok(());
        }
        let mut whole = vec!["setup.py".to_owned(), "setup.cfg".to_owned()];
        let path = join(directory, "pyproject.toml").unwrap_or_default();
        if let Some(text) = self.text_if_there(&path, span).await?
            && let Some(project) = self.table(&path, &text, span, "correct the file")
        {
            let mut lines = project_requirements(&project, &[], &[]);
            let extras = at(&project, "project.optional-dependencies").and_then(Value::as_table);
            let optional = extras.into_iter().flat_map(Table::values).filter_map(Value::as_array);
            lines.extend(optional.flatten().filter_map(Value::as_str).map(str::to_owned));
            self.check_lookups(&path, &project, &lines, span);
            let digest = match has_dynamic_requirements(&project) {
                true => {
                    whole.extend(dynamic_files(&project));
                    digest(&text)
                }
                false => {
                    whole.clear();
                    needs_digest(&project)
                }
            };
            self.found.facts.settings.push(format!("{path} sha256:{digest}"));
        }
        for file in whole {
            let Some(path) = join(directory, &file) else { continue };
            if let Some(text) = self.text_if_there(&path, span).await? {
                self.found
                    .facts
                    .settings
                    .push(format!("{path} sha256:{}", digest(&text)));
            }
        }
        Ok(())
    }

    /// The text of a file that need not be there.
    async fn text_if_there(&mut self, path: &str, span: Span) -> Result<Option<String>, Failure> {
        match self.files.look(Wanted::Copy, path).await? {
            AtPath::File => self.text(path, &Spanned::new(path.to_owned(), span)).await,
            _ => Ok(None),
        }
    }

    /// Notes the names whose requirements `[tool.uv]` replaces, drops or describes anew.
    pub(super) fn note_overrides(&mut self, project: &Table) {
        for list in ["tool.uv.override-dependencies", "tool.uv.exclude-dependencies"] {
            let lines = at(project, list).and_then(Value::as_array).into_iter().flatten();
            let names = lines.filter_map(|line| Requirement::parse(line.as_str()?).ok()?.name);
            self.found.overridden.extend(names);
        }
        let described = at(project, "tool.uv.dependency-metadata").and_then(Value::as_array);
        let names = described
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("name")?.as_str());
        self.found.overridden.extend(names.map(normalised));
    }

    /// Refuses names that a manifest takes from a place that uv does not know of: on an index they may be somebody
    /// else's. `lines` are what uv reads in the manifest.
    fn check_lookups(&mut self, path: &str, project: &Table, lines: &[String], span: Span) {
        if !self.looks_up {
            return;
        }
        let spec = self.spec;
        let sources: Vec<String> = keys(project, "tool.uv.sources").cloned().collect();
        let ignores_sources = spec
            .extra_arguments("")
            .export
            .iter()
            .any(|word| word == "--no-sources");
        let requirements = lines.iter().filter_map(|line| Requirement::parse(line).ok());
        let from_index = requirements.filter(|requirement| requirement.source == Source::Index);
        let bare: BTreeSet<String> = from_index.filter_map(|requirement| requirement.name).collect();
        if ignores_sources && let Some(name) = bare.iter().find(|name| has_name(&sources, name)) {
            let message = format!("`--no-sources` looks `{name}` up by its name, and {path} takes it from elsewhere");
            let span = spec.pip_extra_args.as_ref().map_or(span, |args| args.span);
            let help = "take the option out: what has that name on an index may be somebody else's";
            return self.problem("looked-up-elsewhere", message, span, help);
        }
        let tools = OtherTools::of(project);
        let asked = asked_indexes(project, spec, &self.found.facts.indexes);
        // What is left to the build backend is read by the tool itself, but an index is not part of metadata.
        let is_dynamic = has_dynamic_requirements(project);
        for source in &tools.packages {
            let index = tools
                .indexes
                .iter()
                .find(|index| index.name.as_deref() == Some(&source.place));
            let url = index.map_or(source.place.as_str(), |index| index.url.as_str());
            let is_followed = source.is_index && (url.eq_ignore_ascii_case("pypi") || asked.have(url));
            let is_looked_up = bare.contains(&source.name) && !has_name(&sources, &source.name);
            if is_followed || !(is_looked_up || (is_dynamic && source.is_index)) {
                continue;
            }
            let message = format!(
                "{path}: `{}` comes from {url} in [{}], which uv does not read; what has that name on an index may be somebody else's",
                source.name, source.table
            );
            let help = match source.is_index {
                true => format!("name the index in `pip_index` or `pip_extra_index_url`: [{url}]"),
                false => format!(
                    "say it in uv's words: `[tool.uv.sources]` with `{} = {{ path = \"…\" }}`, or `git`, `url`",
                    source.name
                ),
            };
            self.problem("looked-up-elsewhere", message, span, &help);
        }
        let open: Vec<&OtherIndex> = tools
            .indexes
            .iter()
            .filter(|i| !i.is_explicit && !asked.have(&i.url))
            .collect();
        if let Some(index) = open.first().filter(|_| is_dynamic || !bare.is_empty()) {
            let message = format!(
                "{path}: packages come from {} in [{}], which uv does not read; what has their names on another index may be somebody else's",
                index.url, index.table
            );
            let urls: Vec<&str> = open.iter().map(|index| index.url.as_str()).collect();
            let help = format!(
                "name it: `pip_index: {}`, or `pip_extra_index_url: [{}]`",
                index.url,
                urls.join(", ")
            );
            self.problem("looked-up-elsewhere", message, span, &help);
        }
    }

    /// Finds the project that a lock belongs to.
    pub(super) async fn add_own_project(&mut self, path: &str, named: &TextValue) -> Result<(), Failure> {
        let directory = directory_of(path).to_owned();
        let project = join(&directory, "pyproject.toml").unwrap_or_default();
        let value = Spanned::new(project.clone(), named.span);
        let Some(text) = self.text(&project, &value).await? else {
            return Ok(());
        };
        let table: Table = toml::from_str(&plain_text(&text)).unwrap_or_default();
        let name_in = |table: Option<&Value>| Some(table?.get("name")?.as_str()?.to_owned());
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

/// The indexes that uv asks.
struct AskedIndexes(Option<Vec<String>>);

impl AskedIndexes {
    /// Whether an index is asked, or one in its place.
    fn have(&self, url: &str) -> bool {
        let same = |asked: &String| asked.trim_end_matches('/') == url.trim_end_matches('/');
        self.0.as_ref().is_none_or(|asked| asked.iter().any(same))
    }
}

/// The indexes that the spec, its files and uv's own table name; where the spec replaces PyPI, it has decided.
fn asked_indexes(project: &Table, spec: &ImageSpec, of_files: &[String]) -> AskedIndexes {
    let options = spec.extra_arguments("").export;
    let replaces = |word: &String| matches!(word.as_str(), "--index-url" | "--default-index" | "--no-index");
    if spec.pip_index.is_some() || options.iter().any(replaces) || of_files.iter().any(replaces) {
        return AskedIndexes(None);
    }
    let mut asked: Vec<String> = options.into_iter().chain(of_files.iter().cloned()).collect();
    asked.extend(ImageSpec::strings(&spec.pip_extra_index_url).map(|url| url.value.clone()));
    let tables = at(project, "tool.uv.index")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    asked.extend(tables.filter_map(|index| index.get("url")?.as_str().map(str::to_owned)));
    for name in ["tool.uv.index-url", "tool.uv.extra-index-url"] {
        let value = at(project, name);
        let urls = value.map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
        asked.extend(urls.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    // `--index name=https://…`
    let plain = asked
        .iter()
        .filter_map(|word| word.split_once('='))
        .map(|(_, url)| url.to_owned());
    let plain: Vec<String> = plain.collect();
    asked.extend(plain);
    AskedIndexes(Some(asked))
}
