//! The user's files.

use crate::image_spec::{FileMode, ImageSpec, TextValue};
use crate::plan::builder::{Builder, Draft};
use crate::plan::chain::chain;
use crate::plan::facts::CopyFacts;
use crate::plan::home::{Workdir, workdir};
use crate::plan::inputs::StoreyInputs;
use crate::plan::model::{Action, CopyFiles, CopySource, Stage, StepId};
use crate::plan::paths;
use crate::plan::python_place::PythonPlace;
use crate::plan::writes::Writes;
use crate::text::{Span, context_path};

/// Not copied with a source tree, wherever it lies: what flytekit leaves out.
pub(crate) const NOT_SOURCE: [&str; 2] = ["**/*.pyc", "**/__pycache__"];
/// What else is left out where nobody could look at the files.
pub(crate) const NOT_SEEN: [&str; 2] = ["**/.git", ".cache"];

/// A copy step whose order is not decided yet.
struct CopyStep {
    id: String,
    title: String,
    action: Action,
    writes: Vec<String>,
    spans: Vec<Span>,
}

/// The working directory, what `copy` names, and the source tree.
pub(crate) fn copies(plan: &mut Builder, inputs: &StoreyInputs<'_>) {
    let spec = inputs.spec;
    let mut files = copy_steps(inputs);
    if let Some(workdir) = workdir(spec) {
        // A copy that brings it would take it from its user again; elsewhere, copies need not come first.
        let brings = |target: &String| {
            let rest = workdir.path.strip_prefix(target.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let at = match files.iter().any(|step| step.writes.iter().any(brings)) {
            true => files.len(),
            false => 0,
        };
        files.insert(at, workdir_step(workdir));
    }
    let has_commands = [&spec.setup_commands, &spec.commands]
        .iter()
        .any(|list| ImageSpec::strings(list).next().is_some());
    let may_be_written = files.iter().any(|files| plan.may_write(&writes(&files.writes)));
    let (mut after, mut reason): (Vec<StepId>, _) = match (has_commands, may_be_written) {
        (true, _) => (plan.after_everything(), "commands may read or change these files"),
        (false, true) => (plan.after_everything(), "other steps may also write there"),
        (false, false) => (plan.last_of(Stage::User), "nothing else writes there"),
    };
    for step in files {
        let draft = Draft::new(step.id, Stage::Source, step.title, step.action)
            .writes(writes(&step.writes))
            .spans(step.spans);
        after = vec![plan.add(draft.after(after, reason))];
        reason = "files are copied one after another";
    }
}

fn workdir_step(workdir: Workdir<'_>) -> CopyStep {
    let owner = match workdir.is_owned_last {
        true => "root:0".to_owned(),
        false => workdir.owner,
    };
    CopyStep {
        id: "workdir".into(),
        title: format!("create {}", workdir.path),
        action: Action::MakeDirectory {
            path: workdir.path.to_owned(),
            owner: Some(owner),
            mode: 0o775,
        },
        writes: vec![workdir.path.to_owned()],
        spans: workdir.spans,
    }
}

fn writes(targets: &[String]) -> Writes {
    let mut all: Vec<String> = Vec::new();
    for target in targets {
        if let Writes::Below { paths, .. } = Writes::at(target) {
            all.extend(paths.into_iter().filter(|path| !all.contains(path)).collect::<Vec<_>>());
        }
    }
    Writes::below(all.iter().map(String::as_str))
}

fn copy_steps(inputs: &StoreyInputs<'_>) -> Vec<CopyStep> {
    let spec = inputs.spec;
    let mut steps = Vec::new();
    let owned = owned_paths(spec, inputs.python.as_ref());
    if owned.iter().any(String::is_empty) {
        return steps;
    }
    let target = spec.copy_target().trim_end_matches('/').to_owned();
    let facts = inputs.facts.copies.as_ref();
    let entries = ImageSpec::strings(&spec.copy).enumerate().map(|(position, entry)| {
        let facts = facts.and_then(|facts| facts.copy.get(position));
        (entry, context_path(&entry.value), facts)
    });
    let entries: Vec<Entry<'_>> = entries.filter(|(_, path, _)| is_free(path, &owned)).collect();
    for (number, group) in chain(&entries).into_iter().enumerate() {
        let copies: Vec<CopyFiles> = group
            .iter()
            .map(|(_, path, facts)| {
                let exclude = owned.iter().filter_map(|owned| below(owned, path));
                let copy = CopyFiles {
                    exclude: exclude.map(str::to_owned).collect(),
                    ..copy_of(path, &target, inputs)
                };
                seen(copy, *facts)
            })
            .collect();
        let names: Vec<&str> = copies.iter().map(|copy| copy.source.as_str()).collect();
        let to = match copies.as_slice() {
            [one] => &one.target,
            _ => &target,
        };
        steps.push(CopyStep {
            id: format!("copy-{}", number + 1),
            title: format!("copy {} to {to}", names.join(" ")),
            writes: copies.iter().map(|copy| copy.target.clone()).collect(),
            spans: group.iter().map(|(entry, ..)| entry.span).collect(),
            action: Action::Copy(copies),
        });
    }
    if let Some(root) = spec.copied_source() {
        let unseen = facts.map_or(&NOT_SEEN[..], |_| &[]);
        let never = NOT_SOURCE.iter().chain(unseen).map(|pattern| (*pattern).to_owned());
        let copy = CopyFiles {
            target: if target.is_empty() { "/".to_owned() } else { target },
            exclude: never.chain(owned).collect(),
            ..copy_of(&context_path(&root.value), "", inputs)
        };
        let step = CopyStep {
            id: "source".into(),
            title: format!("copy source {} to {}", copy.source, copy.target),
            writes: vec![copy.target.clone()],
            action: Action::Copy(vec![seen(copy, facts.map(|facts| &facts.source))]),
            spans: vec![root.span],
        };
        // `copy` wins. A source that gives way comes last all the same: it is edited most often.
        let place = if facts.is_some() { steps.len() } else { 0 };
        steps.insert(place, step);
    }
    steps
}

/// Whether a spec copies anything that does not lie where nothing may be replaced.
pub(crate) fn copies_anything(spec: &ImageSpec, python: Option<&PythonPlace>) -> bool {
    let owned = owned_paths(spec, python);
    let mut entries = ImageSpec::strings(&spec.copy).map(|entry| context_path(&entry.value));
    let has_source = spec.copied_source().is_some() && !owned.iter().any(String::is_empty);
    has_source || entries.any(|path| is_free(&path, &owned))
}

/// Whether what is copied to a path replaces nothing that it may not.
fn is_free(path: &str, owned: &[String]) -> bool {
    owned.iter().all(|owned| below(path, owned).is_none())
}

/// An entry of `copy`, its path, and what is known of what is there.
type Entry<'a> = (&'a TextValue, String, Option<&'a CopyFacts>);

/// What nothing that a spec copies may replace or go below, relative to where it is copied to: the interpreter and the
/// lock. Empty for all that is there.
pub(crate) fn owned_paths(spec: &ImageSpec, python: Option<&PythonPlace>) -> Vec<String> {
    let target = spec.copy_target().trim_end_matches('/');
    let owned = python.map(|python| [python.prefix, paths::KEPT]);
    let owned = owned.iter().flatten();
    owned
        .filter_map(|owned| match below(target, owned) {
            Some(_) => Some(""),
            None => owned.strip_prefix(target)?.strip_prefix('/'),
        })
        .map(str::to_owned)
        .collect()
}

/// What a path is relative to another one that it is, or is below. Everything is below the empty path.
fn below<'p>(path: &'p str, above: &str) -> Option<&'p str> {
    match path.strip_prefix(above)? {
        rest if above.is_empty() || rest.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

/// A copy that heeds what is known of the files.
fn seen(mut copy: CopyFiles, facts: Option<&CopyFacts>) -> CopyFiles {
    if let Some(facts) = facts {
        copy.exclude.extend(facts.without.iter().cloned());
        copy.links.clone_from(&facts.links);
    }
    copy
}

/// A path of the context to the same path below `target`.
fn copy_of(path: &str, target: &str, inputs: &StoreyInputs<'_>) -> CopyFiles {
    let (source, target) = if path.is_empty() {
        (".", target.to_owned())
    } else {
        (path, format!("{target}/{path}"))
    };
    CopyFiles {
        from: CopySource::Context,
        source: source.to_owned(),
        target,
        owner: inputs.owner().to_owned(),
        exclude: Vec::new(),
        keeps_modes: inputs.spec.mode == FileMode::Keep,
        links: Vec::new(),
    }
}
