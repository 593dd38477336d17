//! Says why a step failed. BuildKit has the command line of a shell and an exit status; the step leaves the last lines that its
//! programs said, and which of the user's commands it was.

use std::time::Duration;

use serde_json::Value;

use crate::frontend::gateway::CallError;
use crate::frontend::inputs::BuildInputs;
use crate::frontend::session::Session;
use crate::frontend::{positions, repositories, secrets, unseen_variables};
use crate::image_spec::{AptKey, AptSource, ImageSpec, PACKAGE_FILE, TextValue};
use crate::plan::{FAILED, SCRATCH_OF_COMMANDS};
use crate::project::reason;
use crate::text::{Diagnostic, Failure, ProblemKind, Span, Text, context_path};

/// As long as apt may take to look for all names.
const PATIENCE_WITH_APT: Duration = Duration::from_secs(60);
/// An explanation is worth this much waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Explains the failures of steps, and leaves others as they are.
pub(super) async fn explain(session: &Session, spec: &ImageSpec, failure: Failure) -> Failure {
    let failure = secrets::explain(spec, repositories::explain(spec, failure));
    let mut problems = Vec::with_capacity(failure.problems.len());
    for problem in failure.problems {
        // What has a place has been explained.
        let call = problem.find_cause().filter(|_| problem.span().is_none());
        let explained = match call {
            Some(call) => explained(session, spec, call, problem.kind).await,
            None => Vec::new(),
        };
        match explained.is_empty() {
            true => problems.push(problem),
            false => problems.extend(explained),
        }
    }
    unseen_variables::explain(spec, Failure { problems, ..failure })
}

async fn explained(session: &Session, spec: &ImageSpec, call: &CallError, kind: ProblemKind) -> Vec<Diagnostic> {
    let Some(title) = call.title() else {
        return Vec::new();
    };
    let reading = session.client.read_failed(call, FAILED);
    let left = tokio::time::timeout(PATIENCE, reading).await.ok().flatten();
    let step = FailedStep {
        text: &session.file.text,
        spec,
        call,
        status: call.exit_status().unwrap_or(1),
    };
    let is_of_commands = call.mounts().iter().any(|(target, _)| target == SCRATCH_OF_COMMANDS);
    let mut problems: Vec<Diagnostic> = match is_of_commands {
        true => left
            .as_deref()
            .and_then(|left| step.command(left))
            .into_iter()
            .collect(),
        false => vec![step.program(&title, left.as_deref())],
    };
    // Where one name is wrong, others may be: nobody wants to hear of one in each build.
    if left.is_some_and(|left| is_of_names(&left)) {
        let looking = tokio::time::timeout(PATIENCE_WITH_APT, names_of_apt(session, spec, &title));
        let names = step.names(&looking.await.ok().flatten().unwrap_or_default());
        if names.len() > 1 {
            problems = names;
        }
    }
    problems.into_iter().map(|problem| problem.kind(kind)).collect()
}

/// Whether apt did not know a package or a version.
fn is_of_names(left: &str) -> bool {
    [
        "E: Unable to locate package",
        "E: Version '",
        "E: Package '",
        "E: Release '",
    ]
    .iter()
    .any(|words| left.contains(words))
}

/// What else apt does not have, as [`Build::names_of_apt`](crate::frontend::assembly::Build::names_of_apt) has it.
async fn names_of_apt(session: &Session, spec: &ImageSpec, title: &str) -> Option<String> {
    let inputs = BuildInputs::of(session, spec, false).await.ok()?;
    let images = inputs.images().await.ok()?;
    let title = title.trim_end_matches('…');
    inputs
        .assembly(&[], None)
        .names_of_apt(inputs.platforms.first()?, images.first()?, title)
        .await
}

/// A step that failed.
struct FailedStep<'a> {
    text: &'a Text,
    spec: &'a ImageSpec,
    call: &'a CallError,
    status: u32,
}

impl FailedStep<'_> {
    /// The failure of one of the user's commands, by what the step left: the list, the number in it, and what happened.
    fn command(&self, left: &str) -> Option<Diagnostic> {
        let status = self.status;
        let (list, at) = left.trim_end().split_once('\n')?;
        let (place, message, help) = match at.split_once('\n')? {
            ("done", _) => (
                None,
                format!("the shell of `{list}` did not complete successfully: exit code: {status}"),
                "a trap of one of the entries ended it",
            ),
            (number, "0") => (
                self.entry(list, number),
                format!("entry {number} of `{list}` ended the shell, so those after it could not run"),
                "all entries are commands of one shell: write `(exit 0)` or leave `exit` and `exec` out",
            ),
            (number, _) => (
                self.entry(list, number),
                format!("entry {number} of `{list}` did not complete successfully: exit code: {status}"),
                "its output is in the log of the build",
            ),
        };
        Some(self.placed(place, Diagnostic::build_error("command", message).help(help)))
    }

    /// The failure of a program of ours, by the last lines that it said.
    fn program(&self, title: &str, said: Option<&str>) -> Diagnostic {
        let status = self.status;
        let found = said.and_then(reason);
        let (place, field) = self.place(found.as_ref().map_or("", |found| &found.sentence));
        let field = field.map_or(String::new(), |field| format!("`{field}`: "));
        let Some(found) = found else {
            let message = format!("{field}`{title}` did not complete successfully: exit code: {status}");
            return self.placed(place, Diagnostic::build_error("step", message));
        };
        let sentence = found.sentence.trim_end_matches('.');
        if let Some(problem) = self.unisolated(sentence) {
            return self.placed(None, problem);
        }
        let step = match found.is_known {
            true => String::new(),
            false => format!(" (`{title}`, exit code {status})"),
        };
        let message = format!("{field}{sentence}{step}");
        let problem = Diagnostic::build_error("step", message);
        self.placed(
            place,
            match found.help {
                Some(help) => problem.help(help),
                None => problem,
            },
        )
    }

    /// The failure of a build that does not find what it imports, where it is the spec's wish that it sees only what there is.
    fn unisolated(&self, sentence: &str) -> Option<Diagnostic> {
        let (_, module) = sentence.split_once("No module named ")?;
        let args = self.spec.all().find_map(|spec| {
            let args = spec.pip_extra_args.as_ref()?;
            spec.extra_arguments("").is_unisolated.then_some(args)
        })?;
        let message = format!(
            "`pip_extra_args`: {sentence}: a build without isolation sees what is installed below, not `packages`"
        );
        let module = module.trim_matches(['\'', '"']);
        let help = format!(
            "install it one storey below: `base_image: {{packages: [{module}]}}`, with what else builds import"
        );
        Some(
            Diagnostic::build_error("no-build-isolation", message)
                .at(args.span)
                .help(help),
        )
    }

    /// The problems of many packages of apt: each entry once.
    fn names(&self, said: &str) -> Vec<Diagnostic> {
        let of_line = |line: &str| {
            line.split_once('\t')
                .map(|(name, words)| (name.to_owned(), words.to_owned()))
        };
        let said: Vec<(String, String)> = said.lines().filter_map(of_line).collect();
        let mut problems = Vec::new();
        for entry in self.spec.all().flat_map(|spec| ImageSpec::strings(&spec.apt_packages)) {
            let is_of_entry = |name: &str| match entry.value.strip_prefix(PACKAGE_FILE) {
                Some(path) => name.ends_with(&context_path(path)),
                None => entry.value.split_whitespace().any(|word| word == name),
            };
            let words = said
                .iter()
                .filter(|(name, _)| is_of_entry(name))
                .map(|(_, words)| words.as_str());
            let words: Vec<&str> = words.collect();
            if !words.is_empty() {
                let message = format!("`apt_packages`: {}", words.join("; "));
                problems.push(Diagnostic::build_error("step", message).at(entry.span));
            }
        }
        if let Some(first) = problems.first_mut() {
            *first = first.clone().caused_by(self.call.clone());
        }
        problems
    }

    /// With the step itself, for who debugs it.
    fn placed(&self, place: Option<Span>, problem: Diagnostic) -> Diagnostic {
        problem.at_known(place).caused_by(self.call.clone())
    }

    /// The entry of the spec that the failure is about: of those that the step comes from, the one that a sentence names,
    /// else the first; and its field.
    fn place(&self, sentence: &str) -> (Option<Span>, Option<&'static str>) {
        let shown = self.call.lines();
        let is_shown = |span: Span| {
            let (first, last) = self.text.lines(span);
            shown.iter().any(|range| {
                let line = |at: &str| range.pointer(at).and_then(Value::as_u64).unwrap_or_default();
                line("/start/line") <= u64::from(first) && u64::from(last) <= line("/end/line")
            })
        };
        let shown: Vec<_> = self
            .spec
            .all()
            .flat_map(entries)
            .filter(|(_, value)| is_shown(value.span))
            .collect();
        let source = self
            .spec
            .all()
            .flat_map(ImageSpec::sources_of_apt)
            .find(|source| names_source(sentence, source));
        if let Some(source) = source {
            return (Some(source.uri.span), Some("apt_sources"));
        }
        let is_named =
            |(field, entry): &&(&str, &TextValue)| match entry.value.contains("://") || *field == "apt_sources" {
                true => sentence.contains(entry.value.trim_end_matches('/')),
                // `name/suite` is apt's alone.
                false if *field == "apt_packages" => {
                    names(&entry.value).any(|name| mentions(sentence, name.split('/').next().unwrap_or(name)))
                }
                false => names(&entry.value).any(|name| mentions(sentence, name)),
            };
        // An address that is not named has no part in it.
        let first = || shown.iter().find(|(_, entry)| !entry.value.contains("://"));
        let found = shown.iter().find(is_named).or_else(first).or(shown.first());
        (found.map(|(_, entry)| entry.span), found.map(|(field, _)| *field))
    }

    /// Where a command is: of stacked specs, in the one whose commands BuildKit shows as the step's lines.
    fn entry(&self, list: &str, number: &str) -> Option<Span> {
        let position = number.parse::<usize>().ok()?.checked_sub(1)?;
        let shown = self.call.lines();
        let lists = self.spec.all().map(|spec| match list {
            "setup_commands" => &spec.setup_commands,
            _ => &spec.commands,
        });
        let spans = |list| ImageSpec::strings(list).map(|command| command.span).collect::<Vec<_>>();
        // It shows those of one file.
        let lines_in = |spans: &[Span], part: usize| {
            let spans = spans.iter().filter(|span| self.text.part(span.start).0 == part);
            let mut lines: Vec<(u32, u32)> = spans.map(|span| self.text.lines(*span)).collect();
            lines.sort_unstable();
            lines.dedup();
            lines.into_iter().map(positions::json_range).collect::<Vec<Value>>()
        };
        let is_shown = |spans: &Vec<Span>| (0..self.text.parts().count()).any(|part| lines_in(spans, part) == shown);
        lists.map(spans).find(is_shown)?.get(position).copied()
    }
}

/// What a spec asks programs for, by field. Addresses first: the name of a package may be part of what was asked there.
fn entries(spec: &ImageSpec) -> Vec<(&'static str, &TextValue)> {
    let mut all = Vec::new();
    let mut add = |field, values: Vec<_>| all.extend(values.into_iter().map(|value| (field, value)));
    add("pip_index", spec.pip_index.iter().collect());
    add(
        "pip_extra_index_url",
        ImageSpec::strings(&spec.pip_extra_index_url).collect(),
    );
    for source in spec.sources_of_apt() {
        let key = source.key.as_ref().map(|key| match key {
            AptKey::Context(value)
            | AptKey::Image(value)
            | AptKey::Text(value)
            | AptKey::Address { url: value, .. } => value,
        });
        add("apt_sources", key.into_iter().chain([&source.uri]).collect());
    }
    add("debconf", ImageSpec::strings(&spec.debconf).collect());
    add("apt_packages", ImageSpec::strings(&spec.apt_packages).collect());
    add("conda_packages", ImageSpec::strings(&spec.conda_packages).collect());
    add("packages", ImageSpec::strings(&spec.packages).collect());
    add("requirements", spec.requirements.iter().collect());
    add("python_version", spec.python_version.iter().collect());
    add("python_exec", spec.python_exec.iter().collect());
    all
}

/// Whether apt names a source, as `URI SUITE`.
fn names_source(sentence: &str, source: &AptSource) -> bool {
    let uri = source.uri.value.trim_end_matches('/').replacen("file:///", "file:/", 1);
    source.suites.iter().any(|suite| {
        let suite = suite.value.as_str();
        [
            format!("{uri} {suite} "),
            format!("{uri}/ {suite} "),
            format!("{uri} {suite}:"),
            format!("{uri}/ {suite}:"),
        ]
        .iter()
        .any(|name| sentence.contains(name))
    })
}

/// The names of packages in an entry: its words, without versions and extras. A file has the name before `_`.
fn names(entry: &str) -> impl Iterator<Item = &str> {
    let of_file = entry
        .strip_prefix(PACKAGE_FILE)
        .map(|path| path.rsplit('/').next().unwrap_or(path));
    let entry = of_file.and_then(|name| name.split('_').next()).unwrap_or(entry);
    let words = entry.split_whitespace();
    let name = |word: &str| {
        word.find(['=', '<', '>', '!', '~', '[', ';', '@', ':'])
            .unwrap_or(word.len())
    };
    let cut = words.filter_map(move |word| word.get(..name(word)));
    cut.filter(|name| !name.is_empty())
}

/// Whether a sentence has a name as a word of its own.
fn mentions(sentence: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+');
    let sentence = sentence.to_lowercase();
    sentence.match_indices(&name.to_lowercase()).any(|(at, found)| {
        let before = sentence.get(..at).and_then(|text| text.chars().next_back());
        let after = sentence.get(at + found.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}
