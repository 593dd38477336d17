//! What is read of layouts of files, as text: all of it, so that nothing comes in or goes unseen.

mod lines;
mod locks;
mod options;
mod projects;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use async_trait::async_trait;

use super::files::{AtPath, ContextFiles, DirectoryEntry, Wanted};
use super::lock::LockJudge;
use super::look::check;
use super::reader::FoundRequirements;
use super::requirements::read as read_requirements;
use crate::image_spec::{self, ImageSpec};
use crate::python::Interpreter;
use crate::text::{Diagnostic, Failure, Place, Severity, Text};

/// The files of a context. A content that begins with `-> ` is that of a link.
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn new(files: &[(&str, &str)]) -> Self {
        Self(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect(),
        )
    }
}

#[async_trait]
impl ContextFiles for Memory {
    async fn look(&mut self, wanted: Wanted, path: &str) -> Result<AtPath, Failure> {
        let path = crate::text::context_path(path);
        Ok(match self.0.get(&path) {
            Some(content) if wanted == Wanted::Requirements => AtPath::Content(content.clone()),
            Some(_) => AtPath::File,
            None if path.is_empty() || self.0.keys().any(|other| other.starts_with(&format!("{path}/"))) => {
                AtPath::Directory
            }
            None => AtPath::Nothing,
        })
    }

    async fn names_like(&mut self, _: &str, _: &str) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    async fn entries(&mut self, directory: &str) -> Result<Vec<DirectoryEntry>, Failure> {
        let mut found = BTreeMap::new();
        for (path, content) in &self.0 {
            let Some(inside) = crate::text::relative_to(path, directory) else {
                continue;
            };
            let (name, rest) = inside
                .split_once('/')
                .map_or((inside, None), |(name, rest)| (name, Some(rest)));
            let content = String::from_utf8_lossy(content);
            let entry = DirectoryEntry {
                name: name.to_owned(),
                link: content
                    .strip_prefix("-> ")
                    .filter(|_| rest.is_none())
                    .map(str::to_owned),
                is_directory: rest.is_some(),
                size: 0,
            };
            found.insert(name.to_owned(), entry);
        }
        Ok(found.into_values().collect())
    }

    fn pattern_of(&self, _: &str) -> Option<String> {
        None
    }

    fn also_serve(&mut self, _: &str) {}

    fn also_serve_matching(&mut self, _: &str) {}
}

/// A spec of the plain profile, unless it begins with another.
fn parse(spec: &str) -> (Text, ImageSpec) {
    let profile = if spec.starts_with("profile:") {
        ""
    } else {
        "profile: plain\n"
    };
    let text = Text::new("imageSpec.yaml", format!("{profile}{spec}"));
    let parsed = image_spec::parse(&text);
    let problems: Vec<&Diagnostic> = parsed
        .diagnostics
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    (text, parsed.spec.unwrap())
}

async fn found(files: &mut Memory, spec: &ImageSpec) -> Result<FoundRequirements, Failure> {
    let texts = check(files, spec).await?;
    let mut found = read_requirements(files, spec, &texts, false).await?;
    Ok(found.swap_remove(0))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

/// Everything that is read of a spec and its files, or everything that is wrong.
fn read(spec: &str, files: &[(&str, &str)]) -> String {
    read_all(spec, &mut Memory::new(files))
}

fn read_all(spec: &str, files: &mut Memory) -> String {
    let (text, spec) = parse(spec);
    match block_on(found(files, &spec)) {
        Ok(found) => shown(&found, &text),
        Err(failure) => problems(&failure, &text),
    }
}

/// What a lock gives CPython 3.12 on Debian, or everything that is wrong. Without a text, it is the one that the spec names.
fn install(spec: &str, files: &[(&str, &str)], lock: &str) -> String {
    judged(spec, files, false, |judge, interpreter| {
        let named = judge.found.text.clone().filter(|_| lock.is_empty());
        let packages = judge.packages("the lock", named.as_deref().unwrap_or(lock), interpreter)?;
        Ok(packages.iter().map(|package| format!("{package:?}\n")).collect())
    })
}

/// The same of a lock beside the spec.
fn install_sibling(spec: &str, files: &[(&str, &str)], lock: &str) -> String {
    judged(spec, files, true, |judge, interpreter| {
        let packages = judge.packages("pylock.toml", lock, interpreter)?;
        Ok(packages.iter().map(|package| format!("{package:?}\n")).collect())
    })
}

/// What is said of what is installed.
fn needs(spec: &str, files: &[(&str, &str)], lock: &str, report: &str) -> String {
    let text = parse(spec).0;
    judged(spec, files, false, |judge, interpreter| {
        let named = judge.found.text.clone().filter(|_| lock.is_empty());
        let packages = judge.packages("the lock", named.as_deref().unwrap_or(lock), interpreter)?;
        let warnings = judge.needs("the lock", &packages, report, interpreter)?;
        Ok(warnings.iter().map(|warning| problem_shown(warning, &text)).collect())
    })
}

fn judged(
    spec: &str,
    files: &[(&str, &str)],
    is_sibling: bool,
    act: impl FnOnce(&LockJudge<'_>, &Interpreter) -> Result<String, Failure>,
) -> String {
    let (text, spec) = parse(spec);
    let interpreter = Interpreter::assumed("3.12", "amd64").unwrap();
    let outcome = block_on(found(&mut Memory::new(files), &spec)).and_then(|found| {
        let judge = LockJudge {
            spec: &spec,
            spec_name: "imageSpec.yaml",
            found: &found,
            is_sibling,
            is_hashed: false,
        };
        act(&judge, &interpreter)
    });
    outcome.unwrap_or_else(|failure| problems(&failure, &text))
}

fn problems(failure: &Failure, text: &Text) -> String {
    failure
        .problems
        .iter()
        .map(|problem| problem_shown(problem, text))
        .collect()
}

fn problem_shown(problem: &Diagnostic, text: &Text) -> String {
    let place = match &problem.place {
        Place::Span(span) => text.position(span.start).line.to_string(),
        Place::Elsewhere(line) => format!("{}:{}", line.file, line.line),
        Place::Nowhere => "-".to_owned(),
    };
    let help = problem
        .help
        .as_deref()
        .map_or(String::new(), |help| format!(" | {help}"));
    format!("{place}: {}: {}{help}\n", problem.rule, problem.message)
}

/// Every field that is not as in a spec without requirements.
fn shown(found: &FoundRequirements, text: &Text) -> String {
    let facts = &found.facts;
    let mut out = String::new();
    let mut list = |name: &str, items: Vec<String>| {
        if !items.is_empty() {
            writeln!(out, "{name}: {}", items.join(", ")).unwrap();
        }
    };
    let set = |set: &BTreeSet<String>| set.iter().map(|path| format!("{path:?}")).collect::<Vec<_>>();
    let texts = |texts: &BTreeMap<String, String>| {
        // A line of its own for each line of a text.
        let line =
            |(path, text): (&String, &String)| format!("\n  {path}\n    {}", text.trim().replace('\n', "\n    "));
        texts.iter().map(line).collect::<Vec<_>>()
    };
    let debug = |items: &[crate::python::IndexOption]| items.iter().map(|item| format!("{item:?}")).collect();
    let flag = |is_set: bool| is_set.then(|| "yes".to_owned()).into_iter().collect::<Vec<_>>();
    list("lines", facts.lines.clone());
    list("constraints", facts.constraints.clone());
    list("included", facts.included.clone());
    list("digests of", facts.digests.keys().cloned().collect());
    list("resolved", facts.resolved.clone());
    list("bounds", facts.bounds.clone());
    list("arguments", facts.project_arguments.clone());
    list("options", facts.options.clone());
    list("indexes", debug(&facts.indexes));
    list("indexes of settings", debug(&facts.setting_indexes));
    list(
        "settings of builds",
        facts.build_settings.lines().map(str::to_owned).collect(),
    );
    list("has settings", flag(facts.has_settings));
    list("texts", texts(&facts.texts));
    list("mounts", set(&facts.mounts));
    list("builds", flag(facts.builds));
    for (path, files) in &facts.projects {
        list(&format!("project {path:?} reads"), set(&files.beside));
        list(&format!("project {path:?} reads texts"), texts(&files.texts));
    }
    list(
        "projects",
        facts.projects.keys().map(|path| format!("{path:?}")).collect(),
    );
    list("repositories", flag(facts.repositories.any));
    list("by ssh", flag(facts.repositories.by_ssh));
    list("python", facts.python.iter().cloned().collect());
    list("read", set(&facts.read));
    list(
        "hashes",
        found
            .hashes
            .iter()
            .map(|(name, hashes)| format!("{name} {hashes:?}"))
            .collect(),
    );
    list("requires hashes", flag(found.requires_hashes));
    list("no binary", found.no_binary.clone());
    list("no build", found.no_build.clone());
    list("lock is for", found.lock_requires_python.iter().cloned().collect());
    list(
        "installs",
        found
            .project
            .iter()
            .map(|project| format!("{} {:?}", project.name, project.artefact))
            .collect(),
    );
    list("overridden", found.overridden.clone());
    list("default groups", found.default_groups.clone());
    list("chosen members", found.chosen_members.clone());
    list("members", found.members.clone());
    list(
        "requires python",
        found
            .requires_python
            .iter()
            .map(|(bounds, path)| format!("{bounds} {path}"))
            .collect(),
    );
    list(
        "warnings",
        found
            .warnings
            .iter()
            .map(|warning| problem_shown(warning, text))
            .collect(),
    );
    out
}
