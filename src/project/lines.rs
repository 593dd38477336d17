//! Requirements in lines: those of `packages`, and those of files with the files that they include.

use crate::image_spec::TextValue;
use crate::plan::CONTEXT_ROOT;
use crate::project::files::{AtPath, ContextFiles, Wanted};
use crate::project::reader::{RequirementsReader, it_has};
use crate::python::{
    Entry, FileOption, IndexOption, ListedRequirement, Requirement, Source, add_names, has_name, is_of_windows,
    other_content, other_file, read_lines,
};
use crate::text::{Diagnostic, Failure, Span, Spanned, below, directory_of, join};

/// The most files that one requirements file may include, directly or not.
const MAX_INCLUDING: usize = 64;
/// What to do with a path of another machine.
const PIN_INSTEAD: &str = "it is a path of the machine where the file was written: pin the version instead; `pip list --format=freeze` writes a file without paths";

/// `./x[fast]` and `./x#egg=x` are the directory `./x`.
pub(super) fn without_extras(path: &str) -> &str {
    path.split(['[', '#']).next().unwrap_or(path)
}

/// The extras that stand behind a path.
pub(super) fn extras_of(path: &str) -> Vec<&str> {
    let names = path.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let names = names.map_or("", |(names, _)| names).split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).collect()
}

/// A file with one requirement on each line.
pub(super) struct Listed {
    path: String,
    text: String,
    /// Whether it only limits the versions of packages that others ask for.
    is_bound: bool,
}

impl Listed {
    pub(super) fn file(path: String, text: String) -> Self {
        let is_bound = false;
        Self { path, text, is_bound }
    }

    pub(super) fn bounds(path: String, text: String) -> Self {
        let is_bound = true;
        Self { path, text, is_bound }
    }
}

/// Where an entry stands.
#[derive(Clone)]
struct At<'a> {
    /// The file, or the field of the spec.
    file: &'a str,
    /// The line, unless it is a field of the spec.
    line: Option<usize>,
    /// The text of the line.
    excerpt: &'a str,
    /// The entry of the spec that leads to it.
    span: Span,
    is_bound: bool,
}

impl At<'_> {
    /// A problem with the entry, shown in its own file.
    fn problem(&self, rule: &'static str, message: impl AsRef<str>) -> Diagnostic {
        let problem = Diagnostic::build_error(rule, message);
        match self.line {
            Some(line) => problem.in_line(self.file, line, self.excerpt),
            None => problem.at(self.span),
        }
    }

    /// The directory that the file is in.
    fn directory(&self) -> &str {
        match self.line {
            Some(_) => directory_of(self.file),
            None => "",
        }
    }

    fn shown(&self) -> String {
        match self.line {
            Some(line) => format!("{}, line {line}", self.file),
            None => format!("`{}`", self.file),
        }
    }
}

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// Reads the entries of `packages`.
    pub(super) async fn read_packages(&mut self) -> Result<(), Failure> {
        let spec = self.spec;
        for (span, entry) in spec.listed() {
            let at = At {
                file: "packages",
                line: None,
                excerpt: "",
                span,
                is_bound: false,
            };
            match entry {
                Entry::Requirement(listed) => {
                    self.note_source(listed);
                    if let Source::Path(place) = &listed.requirement.source {
                        self.local_path(place, &at).await?;
                    }
                    self.add_hashes(&listed.requirement, &listed.hashes, |message| {
                        at.problem("not-locked", message)
                    });
                }
                Entry::Include(path) | Entry::Constraints(path) => {
                    let is_bound = matches!(entry, Entry::Constraints(_));
                    if let Some(file) = self.included(path, &At { is_bound, ..at.clone() }).await? {
                        let value = Spanned::new(file.path.clone(), span);
                        self.read_lines(file, &value).await?;
                    }
                }
                Entry::Index(index) => self.add_index(index, &at).await?,
                Entry::Option(option) => self.add_option(option, &at),
            }
        }
        Ok(())
    }

    /// Records the directories of packages that `pip_extra_args` names.
    pub(super) async fn read_argument_places(&mut self) -> Result<(), Failure> {
        let at = At {
            file: "pip_extra_args",
            line: None,
            excerpt: "",
            span: self
                .spec
                .pip_extra_args
                .as_ref()
                .map_or(self.spec.span, |args| args.span),
            is_bound: false,
        };
        for place in self.spec.extra_arguments("").places {
            self.add_index(&IndexOption::FindLinks(place), &at).await?;
        }
        Ok(())
    }

    /// Reads lines of requirements, and the files that they include.
    pub(super) async fn read_lines(&mut self, first: Listed, named: &TextValue) -> Result<(), Failure> {
        let mut included = vec![(first.path.clone(), first.is_bound)];
        let mut pending = vec![first];
        while let Some(file) = pending.pop() {
            let lines = read_lines(&file.text);
            let raw: Vec<&str> = file.text.lines().collect();
            let at = |line: usize| At {
                file: &file.path,
                line: Some(line),
                excerpt: raw.get(line.saturating_sub(1)).copied().unwrap_or_default(),
                span: named.span,
                is_bound: file.is_bound,
            };
            for error in lines.errors {
                let problem = at(error.line).problem("requirement", &error.message);
                let help = error.help.clone().unwrap_or_default();
                self.problems.push(problem.help(help).caused_by(error));
            }
            for (line, entry) in lines.entries {
                let at = at(line);
                match entry {
                    Entry::Include(path) | Entry::Constraints(path) if included.len() > MAX_INCLUDING => {
                        let problem = at.problem("requirement", format!("`{path}` is one of too many files"));
                        self.problems.push(problem.help("put them into one"));
                        return Ok(());
                    }
                    Entry::Include(ref path) | Entry::Constraints(ref path) => {
                        let is_bound = file.is_bound || matches!(entry, Entry::Constraints(_));
                        let at = At { is_bound, ..at };
                        let Some(inner) = self.included(path, &at).await? else {
                            continue;
                        };
                        if !included.contains(&(inner.path.clone(), is_bound)) {
                            included.push((inner.path.clone(), is_bound));
                            pending.push(inner);
                        }
                    }
                    Entry::Index(index) => self.add_index(&index, &at).await?,
                    Entry::Option(option) => self.add_option(&option, &at),
                    Entry::Requirement(listed) => self.add_listed(&listed, &at).await?,
                }
            }
        }
        Ok(())
    }

    /// The file that a line includes; `None` for a URL, which uv fetches when it resolves.
    async fn included(&mut self, path: &str, at: &At<'_>) -> Result<Option<Listed>, Failure> {
        if path.contains("://") {
            let option = if at.is_bound { "-c" } else { "-r" };
            let line = format!("{option} {path}");
            self.found.facts.included.push(line.clone());
            self.found.facts.resolved.push(line);
            return Ok(None);
        }
        let Some(inner) = join(at.directory(), path) else {
            let problem = at.problem("context-path", format!("`{path}` is outside the build context"));
            self.problems
                .push(problem.help("build from a directory that holds all the files"));
            return Ok(None);
        };
        self.files.also_serve(&inner);
        if matches!(self.files.look(Wanted::Copy, &inner).await?, AtPath::Nothing) {
            let problem = at.problem(
                "missing-file",
                format!("`{inner}`, which it names, is not in the build context"),
            );
            let help = match path.contains('\\') {
                true => "write paths with `/`",
                false => {
                    "files that a file includes are relative to it; what .dockerignore names is not in the context"
                }
            };
            self.problems.push(problem.help(help));
            return Ok(None);
        }
        let Some(text) = self.text_named(&at.shown(), &inner, at.span).await? else {
            return Ok(None);
        };
        if let Some((what, help)) = other_file(&inner).or_else(|| other_content(&text)) {
            let problem = at.problem("other-file", format!("`{path}` is {what}"));
            self.problems.push(problem.help(help));
            return Ok(None);
        }
        self.found.facts.read.insert(inner.clone());
        let is_bound = at.is_bound;
        Ok(Some(Listed {
            path: inner,
            text,
            is_bound,
        }))
    }

    /// Records a requirement of a file.
    async fn add_listed(&mut self, listed: &ListedRequirement, at: &At<'_>) -> Result<(), Failure> {
        let ListedRequirement { requirement, hashes } = listed;
        self.note_source(listed);
        // A bound is no wish.
        if !at.is_bound || !hashes.is_empty() {
            self.add_hashes(requirement, hashes, |message| at.problem("not-locked", message));
        }
        if requirement.name.as_deref() == Some("pkg-resources") && requirement.text.contains("0.0.0") {
            let problem = at.problem(
                "requirement",
                "`pkg-resources==0.0.0` is no package: the pip of some Debian and Ubuntu releases writes it",
            );
            self.problems
                .push(problem.help("take the line out; setuptools has pkg_resources"));
            return Ok(());
        }
        let placed = match &requirement.source {
            Source::Path(place) => match self.local_path(place, at).await? {
                Some(path) => requirement.at_path(&format!("{CONTEXT_ROOT}/{path}")),
                None => return Ok(()),
            },
            _ => requirement.text.clone(),
        };
        let hashes: String = hashes.iter().map(|hash| format!(" --hash={hash}")).collect();
        let facts = &mut self.found.facts;
        if at.is_bound {
            facts.constraints.push(requirement.text.clone());
            facts.bounds.push(placed);
        } else {
            facts.lines.push(requirement.text.clone());
            facts.resolved.push(format!("{placed}{hashes}"));
        }
        Ok(())
    }

    /// Notes what a requirement needs besides an index.
    fn note_source(&mut self, listed: &ListedRequirement) {
        if let Source::Repository(url) = &listed.requirement.source {
            self.note_repository(url);
        }
    }

    /// Follows the file or directory that a requirement names; returns its path in the context. pip and uv take it relative
    /// to the directory that they are run in, which is the context; many people mean that of the file.
    async fn local_path(&mut self, place: &str, at: &At<'_>) -> Result<Option<String>, Failure> {
        let written = without_extras(place);
        if written.starts_with('/') || is_of_windows(written) {
            let problem = at.problem(
                "context-path",
                format!("`{written}` is a path outside the build context"),
            );
            self.problems.push(problem.help(PIN_INSTEAD));
            return Ok(None);
        }
        let own = at.directory();
        let mut candidates = vec![join("", written)];
        if !own.is_empty() {
            candidates.push(join(own, written));
        }
        let mut there = None;
        for path in candidates.iter().flatten() {
            self.files.also_serve(path);
            if self.is_project_or_file(path).await? {
                there = Some(path.clone());
                break;
            }
        }
        let Some(path) = there else {
            let problem = self.not_there(written, &candidates, at).await?;
            self.problems.push(problem);
            return Ok(None);
        };
        if !own.is_empty() && candidates.first() != Some(&Some(path.clone())) {
            let shown = if path.is_empty() {
                "the build context"
            } else {
                path.as_str()
            };
            let message = format!(
                "{}: `{written}` is taken as {shown}, relative to the file: there is no such project relative to the build context, where pip and uv would look",
                at.shown()
            );
            let help = if path.is_empty() {
                "write it as `.`".to_owned()
            } else {
                format!("write it as `./{path}`")
            };
            self.found
                .warnings
                .push(Diagnostic::warning("requirements-path", message).at(at.span).help(help));
        }
        self.follow(&path, &at.shown(), at.span).await?;
        self.check_extras(place, &path, at).await?;
        Ok(Some(path))
    }

    /// Checks that a project of the context has the extras that a line asks for: installers leave out those that there
    /// are not.
    async fn check_extras(&mut self, place: &str, path: &str, at: &At<'_>) -> Result<(), Failure> {
        let asked = extras_of(place);
        if asked.is_empty() {
            return Ok(());
        }
        let Some(manifest) = self.manifest(path, at.span).await? else {
            return Ok(());
        };
        let known = manifest.extras();
        if manifest.leaves_needs_to_build() {
            return Ok(());
        }
        for extra in asked.iter().filter(|extra| !has_name(&known, extra)) {
            let problem = at.problem(
                "unknown-part",
                format!("`{}` has no extra `{extra}`", without_extras(place)),
            );
            self.problems.push(problem.help(it_has("extra", &known)));
        }
        Ok(())
    }

    /// Whether a path is one of a file, or of a directory that a package can be built from.
    async fn is_project_or_file(&mut self, path: &str) -> Result<bool, Failure> {
        match self.files.look(Wanted::Copy, path).await? {
            AtPath::File => return Ok(true),
            AtPath::Directory => {}
            AtPath::Unreadable(problem) => return Err(problem.into()),
            _ => return Ok(false),
        }
        for name in ["pyproject.toml", "setup.py", "setup.cfg"] {
            if self.is_file(&below(path, name)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is wrong with a path that leads to no package.
    async fn not_there(
        &mut self,
        written: &str,
        candidates: &[Option<String>],
        at: &At<'_>,
    ) -> Result<Diagnostic, Failure> {
        let paths: Vec<&String> = candidates.iter().flatten().collect();
        if paths.is_empty() {
            let problem = at.problem("context-path", format!("`{written}` is outside the build context"));
            return Ok(problem.help("build from a directory that holds it"));
        }
        for path in &paths {
            if matches!(self.files.look(Wanted::Copy, path).await?, AtPath::Directory) {
                let shown = if path.is_empty() { "the build context" } else { path };
                let message =
                    format!("`{written}` is no project: {shown} has no pyproject.toml, setup.py or setup.cfg");
                let help = match at.line {
                    Some(_) => {
                        "paths are relative to the build context, where pip and uv would be run, or to the file: write `..` for the directory above it"
                    }
                    None => "name the directory of a project",
                };
                return Ok(at.problem("no-project", message).help(help));
            }
        }
        let message = format!("`{written}`, which a requirement names, is not in the build context");
        if written.contains('\\') {
            return Ok(at.problem("missing-file", message).help("write paths with `/`"));
        }
        let help = match (at.line, self.files.pattern_of(paths.first().map_or("", |path| path))) {
            (_, Some(pattern)) => format!("`{pattern}` in the ignore file leaves it out"),
            (Some(_), None) => "paths are relative to the build context, or to the file".to_owned(),
            (None, None) => {
                "paths are relative to the build context; files that .dockerignore names are not in it".to_owned()
            }
        };
        Ok(at.problem("missing-file", message).help(help))
    }

    /// Records an index, if builds can use it.
    async fn add_index(&mut self, index: &IndexOption, at: &At<'_>) -> Result<(), Failure> {
        if index.value().is_some_and(|value| value.contains("${")) {
            let problem = at.problem(
                "index-variable",
                "the URL of an index has a variable, which builds do not set",
            );
            let help = "write the URL out; for credentials, pass a netrc file as a secret: `pip_secret_mounts: [[.netrc, /root/.netrc]]`";
            self.problems.push(problem.help(help));
            return Ok(());
        }
        let placed = match index {
            IndexOption::FindLinks(place) => match self.flat_index(place, at).await? {
                Some(place) => IndexOption::FindLinks(place),
                None => return Ok(()),
            },
            other => other.clone(),
        };
        self.found.facts.indexes.push(placed);
        Ok(())
    }

    /// The place of files, which may be a directory of the context: relative to the file that names it, or to the context.
    async fn flat_index(&mut self, place: &str, at: &At<'_>) -> Result<Option<String>, Failure> {
        if place.contains("://") && !place.starts_with("file:") {
            return Ok(Some(place.to_owned()));
        }
        let path = place.trim_start_matches("file://").trim_start_matches("file:");
        if path.starts_with('/') || is_of_windows(path) {
            let problem = at.problem(
                "find-links",
                format!("`{place}` is a directory outside the build context"),
            );
            self.problems
                .push(problem.help("copy it into the context, and name it relative to that"));
            return Ok(None);
        }
        for candidate in [join(at.directory(), path), join("", path)].into_iter().flatten() {
            if self.add_flat_index(&candidate).await? {
                return Ok(Some(candidate));
            }
        }
        let problem = at.problem("find-links", format!("`{place}` is not in the build context"));
        self.problems
            .push(problem.help("name a directory of the build context that has wheels or source archives"));
        Ok(None)
    }

    /// Records a directory of files that packages are taken from, if there is one.
    pub(super) async fn add_flat_index(&mut self, path: &str) -> Result<bool, Failure> {
        self.files.also_serve(path);
        let is_there = !matches!(self.files.look(Wanted::Copy, path).await?, AtPath::Nothing);
        if is_there {
            self.found.facts.mounts.insert(path.to_owned());
            self.found.facts.read.insert(path.to_owned());
        }
        Ok(is_there)
    }

    /// Records an option of a file.
    fn add_option(&mut self, option: &FileOption, at: &At<'_>) {
        match option {
            FileOption::Prereleases => self.add_choice(&["--prerelease", "allow"]),
            FileOption::RequireHashes => self.found.requires_hashes = true,
            FileOption::NoBinary(names) => {
                add_names(&mut self.found.no_binary, names);
                self.add_choice(&["--no-binary", names]);
            }
            FileOption::OnlyBinary(names) => {
                add_names(&mut self.found.no_build, names);
                self.add_choice(&["--only-binary", names]);
            }
            FileOption::Ignored(option) => {
                let message = format!("{}: uv has nothing like `{option}`, so it has no effect", at.shown());
                let warning = Diagnostic::warning("ignored-option", message).at(at.span);
                self.found.warnings.push(warning.help("take it out"));
            }
        }
    }

    fn add_choice(&mut self, words: &[&str]) {
        self.found
            .facts
            .options
            .extend(words.iter().map(|word| (*word).to_owned()));
    }

    /// A requirement that stands in a manifest, with the repository that it may come from.
    pub(super) fn note_line(&mut self, line: &str) {
        if let Ok(Requirement {
            source: Source::Repository(url),
            ..
        }) = Requirement::parse(line)
        {
            self.note_repository(&url);
        }
    }
}
