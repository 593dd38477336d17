//! The lock step, which decides the Python packages, and the layer that keeps the lock.

use std::collections::BTreeSet;

use crate::image_spec::LOCK_NAME;
use crate::plan::action::{Action, CopyFiles, CopySource, Modes, Run, StepId, StepMount};
use crate::plan::builder::{Builder, Draft};
use crate::plan::environment::Edit;
use crate::plan::facts::{Attendance, Repositories, Requirements};
use crate::plan::inputs::{StoreyInputs, make, scratch};
use crate::plan::model::{Product, Stage};
use crate::plan::paths::{CONTEXT, CONTEXT_ROOT, KEEPS_LOCK, KEPT, LOOKED, WORK};
use crate::plan::python_place::PythonPlace;
use crate::plan::script::{Script, quote_all};
use crate::plan::steps::index::{
    IndexAccess, context_mounts, extra_arguments, flat_index_arguments, index_arguments, without_noise,
};
use crate::plan::steps::requirement::{asked, asks_for_packages, lines_to_resolve, packages, required};
use crate::plan::variables;
use crate::plan::writes::Writes;
use crate::python::{Parts, Requirement, RequirementsFile, normalised};
use crate::text::{Span, below, context_path, directory_of, file_name, relative_to};

/// Where a lock comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Input<'a> {
    /// uv resolves the requirements.
    Resolve,
    /// uv exports a lock of its own.
    Export(&'a str),
    /// A lock that is used as it is.
    Given(CopySource, &'a str),
}

/// Where the spec's lock comes from; `None` when it needs no package.
fn input<'a>(inputs: &'a StoreyInputs<'_>) -> Option<Input<'a>> {
    let spec = inputs.spec;
    if let Some(sibling) = &inputs.facts.sibling_lock {
        return Some(Input::Given(CopySource::SpecDirectory, sibling));
    }
    match (&spec.requirements, spec.requirements_file()) {
        (Some(file), Some(RequirementsFile::UvLock)) => Some(Input::Export(&file.value)),
        (Some(file), Some(RequirementsFile::PoetryLock | RequirementsFile::Pylock)) => {
            Some(Input::Given(CopySource::Context, &file.value))
        }
        (Some(_), Some(RequirementsFile::Project)) => Some(Input::Resolve),
        _ => asks_for_packages(spec, &inputs.facts.requirements).then_some(Input::Resolve),
    }
}

/// Whether a lock is older than this build.
pub(crate) fn is_given(inputs: &StoreyInputs<'_>) -> bool {
    matches!(input(inputs), Some(Input::Export(_) | Input::Given(..)))
}

/// What decides which packages are installed.
struct Deciding {
    run: Run,
    title: String,
    after: Vec<StepId>,
    reason: &'static str,
    spans: Vec<Span>,
}

/// The step that decides which packages are installed.
pub(crate) fn lock(plan: &mut Builder, inputs: &StoreyInputs<'_>, python: &PythonPlace) -> Option<StepId> {
    let input = input(inputs)?;
    let looked = look_at_python(plan, inputs, python, &input);
    let Deciding {
        mut run,
        title,
        after,
        reason,
        spans,
    } = deciding(plan, inputs, python, input, inputs.facts.resolving_builds);
    run.mounts.extend(looked.map(|step| StepMount::Product {
        target: LOOKED.into(),
        step,
    }));
    let draft = Draft::new("lock", Stage::Lock, title, Action::Run(run))
        .makes(Product::Lock)
        .after(after, reason)
        .spans(spans);
    Some(plan.add(draft))
}

/// `sees_all` lets it build packages to find out what they need: then it sees all of the environment.
fn deciding(
    plan: &Builder,
    inputs: &StoreyInputs<'_>,
    python: &PythonPlace,
    input: Input<'_>,
    sees_all: bool,
) -> Deciding {
    let access = IndexAccess::of(inputs);
    let mut spans = access.spans.clone();
    spans.extend(inputs.package_spans());
    let (run, title, after, reason) = match input {
        Input::Given(_, path) => {
            let script = Script::new("report_interpreter.sh").with("_python", python.program());
            let run = make(script, variables::of_installs(inputs.spec), vec![scratch()]);
            let title = format!("read the interpreter that {} is for", file_name(path));
            (run, title, plan.last_of(Stage::Python), "only the interpreter is asked")
        }
        Input::Export(path) => {
            let title = format!("uv export {} ({path})", how_checked(inputs));
            let (after, reason) = where_metadata_builds(plan, inputs, sees_all);
            (export(inputs, python, access, path, sees_all), title, after, reason)
        }
        Input::Resolve => {
            let mut shown = packages(inputs.spec, &inputs.facts.requirements);
            shown.extend(
                inputs
                    .spec
                    .requirements
                    .as_ref()
                    .map(|file| format!("-r {}", file.value)),
            );
            let title = format!("uv pip compile {}", shown.join(" "));
            let (after, reason) = where_metadata_builds(plan, inputs, sees_all);
            (resolve(inputs, python, access, sees_all), title, after, reason)
        }
    };
    Deciding {
        run,
        title,
        after,
        reason,
        spans,
    }
}

/// Where a package's metadata can be read, which may mean building it.
fn where_metadata_builds(plan: &Builder, inputs: &StoreyInputs<'_>, sees_all: bool) -> (Vec<StepId>, &'static str) {
    match needs_apt(inputs, sees_all) {
        true => (
            plan.after_python_and_apt(),
            "reading a package's metadata means building it with what apt installs, or taking it by git",
        ),
        false => (
            plan.after_python(),
            "which packages are needed depends on the interpreter",
        ),
    }
}

/// Whether what apt installs is needed to decide about packages: programs that build them or take them from repositories.
fn needs_apt(inputs: &StoreyInputs<'_>, sees_all: bool) -> bool {
    let has_unknown = !extra_arguments(inputs).unknown.is_empty();
    sees_all || inputs.is_unattended() || has_unknown || builds_surely(&inputs.facts.requirements)
}

/// Lists what apt brings for the interpreter of a virtual environment, for a lock step that does not see all of apt.
fn look_at_python(
    plan: &mut Builder,
    inputs: &StoreyInputs<'_>,
    python: &PythonPlace,
    input: &Input<'_>,
) -> Option<StepId> {
    let is_blind = *input == Input::Resolve && !needs_apt(inputs, inputs.facts.resolving_builds);
    let apt = plan.last_of(Stage::Apt);
    if !is_blind || !python.is_venv || apt.is_empty() {
        return None;
    }
    let script = Script::new("look_at_python.sh")
        .with("_python", python.program())
        .with("_bin", python.bin());
    let run = make(script, variables::of_installs(inputs.spec), IndexAccess::none().mounts);
    let title = "look at the Python packages that apt installs";
    let draft = Draft::new("look-at-python", Stage::Lock, title, Action::Run(run))
        .makes(Product::Installed)
        .after(plan.after_python_and_apt(), "the interpreter sees them")
        .spans(inputs.spec.apt_packages.iter().map(|list| list.span));
    Some(plan.add(draft))
}

/// What both ways of making a lock with uv share. Builds write to their sources, so they get a copy.
fn uv_inputs(
    inputs: &StoreyInputs<'_>,
    python: &PythonPlace,
    access: &IndexAccess,
    script: Script,
    file: &str,
    sees_all: bool,
) -> Script {
    let requirements = &inputs.facts.requirements;
    access
        .configure(script)
        .with("_python", python.program())
        .with("_bin", python.bin())
        .with("_directory", directory_of(file))
        .with("_copies", if is_written(inputs, file) { "yes" } else { "" })
        .with("_git", programs_of(requirements.repositories))
        .with("_checkouts", quote_all(checkouts(inputs)))
        .with("_sees_all", if sees_all { "yes" } else { "" })
}

/// Whether something is written where files of the context are mounted: by builds, or because uv is run there.
fn is_written(inputs: &StoreyInputs<'_>, file: &str) -> bool {
    let requirements = &inputs.facts.requirements;
    let directory = directory_of(file);
    let mut written = requirements.texts.keys().map(String::as_str).chain([directory]);
    requirements.builds
        || (inputs.is_unattended() && !requirements.projects.is_empty())
        || written.any(|path| {
            requirements
                .mounts
                .iter()
                .any(|mount| relative_to(path, mount).is_some())
        })
}

/// The checkouts that versions of projects come from, where the step sees them.
fn checkouts<'i>(inputs: &'i StoreyInputs<'_>) -> impl Iterator<Item = &'i str> {
    let requirements = &inputs.facts.requirements;
    let all: BTreeSet<&str> = requirements
        .projects
        .values()
        .filter_map(|files| files.checkout.as_deref())
        .collect();
    let is_seen = |checkout: &&str| {
        let git = below(checkout, ".git");
        let mut mounts = requirements.mounts.iter();
        inputs.is_unattended() || mounts.any(|mount| relative_to(&git, mount).is_some())
    };
    all.into_iter().filter(is_seen)
}

/// The programs that repositories need.
pub(crate) fn programs_of(repositories: Repositories) -> &'static str {
    match repositories {
        Repositories { by_ssh: true, .. } => "git ssh",
        Repositories { any: true, .. } => "git",
        Repositories { .. } => "",
    }
}

fn with_files(inputs: &StoreyInputs<'_>, access: IndexAccess, script: Script, sees_all: bool) -> Run {
    let requirements = &inputs.facts.requirements;
    let mut mounts = access.with_agent(requirements.repositories.by_ssh).mounts;
    let checkouts: Vec<&str> = checkouts(inputs).collect();
    let of_context = context_mounts(requirements.mounts.iter()).into_iter();
    mounts.extend(of_context.map(|mount| without_noise(mount, &checkouts)));
    // A mount would count with the file's mode and comments.
    let texts = requirements
        .texts
        .iter()
        .flat_map(|(path, text)| [path.as_str(), text.as_str()]);
    let script = script.with("_texts", quote_all(texts));
    let environment = match sees_all {
        true => variables::of_builds(inputs),
        false => variables::of_installs(inputs.spec),
    };
    make(script, environment, mounts)
}

fn export(inputs: &StoreyInputs<'_>, python: &PythonPlace, access: IndexAccess, path: &str, sees_all: bool) -> Run {
    let access = access.with_project_indexes();
    let given = extra_arguments(inputs);
    let mut arguments = vec!["--python".to_owned(), python.program()];
    let parts = inputs.spec.parts();
    // The members that are chosen are themselves wanted only if the spec says so.
    let installs = inputs.spec.install_project.as_ref().is_some_and(|wish| wish.value);
    match parts.members.as_slice() {
        [] => arguments.push("--no-emit-project".into()),
        _ if installs => {}
        // Of several, uv leaves none out for `--no-emit-project`.
        members => arguments.extend(
            members
                .iter()
                .flat_map(|name| ["--no-emit-package".to_owned(), name.clone()]),
        ),
    }
    arguments.push(how_checked(inputs).to_owned());
    arguments.extend(parts_arguments(&parts));
    arguments.extend(given.left_out);
    arguments.extend(flat_index_arguments(inputs));
    arguments.extend(given.export);
    let script = Script::new("export.sh").arguments(arguments);
    let script = uv_inputs(inputs, python, &access, script, path, sees_all);
    with_files(inputs, access, script, sees_all)
}

/// Whether a uv.lock has to fit its project.
fn how_checked(inputs: &StoreyInputs<'_>) -> &'static str {
    match extra_arguments(inputs).is_frozen {
        true => "--frozen",
        false => "--locked",
    }
}

/// The parts of a project as options of `uv export`.
fn parts_arguments(parts: &Parts) -> Vec<String> {
    let is_dev = |group: &&String| normalised(group) == "dev";
    let wants_dev = parts.all_groups || parts.groups.iter().any(|group| is_dev(&group)) || !parts.has_main();
    let flags = [
        // As in flytekit; `uv sync` alone would install them.
        (
            "--no-dev",
            !wants_dev || parts.no_groups.iter().any(|group| is_dev(&group)),
        ),
        ("--all-extras", parts.all_extras),
        ("--all-groups", parts.all_groups),
        ("--no-default-groups", parts.no_default_groups),
        ("--all-packages", parts.all_members),
    ];
    let set = flags.into_iter().filter(|(_, is_set)| *is_set);
    let mut words: Vec<String> = set.map(|(flag, _)| flag.to_owned()).collect();
    // A project without that group has nothing to leave out.
    let no_groups: Vec<String> = parts.no_groups.iter().filter(|group| !is_dev(group)).cloned().collect();
    for (option, names) in [
        ("--extra", &parts.extras),
        ("--no-extra", &parts.no_extras),
        ("--group", &parts.groups),
        ("--no-group", &no_groups),
        ("--only-group", &parts.only_groups),
        ("--package", &parts.members),
    ] {
        words.extend(names.iter().flat_map(|name| [option.to_owned(), name.clone()]));
    }
    words
}

fn resolve(inputs: &StoreyInputs<'_>, python: &PythonPlace, mut access: IndexAccess, sees_all: bool) -> Run {
    let spec = inputs.spec;
    let requirements = &inputs.facts.requirements;
    if requirements.has_settings || spec.requirements_file().is_some_and(RequirementsFile::has_project) {
        access = access.with_project_indexes();
    }
    let mut arguments = vec!["--python".to_owned(), python.program()];
    arguments.extend(index_arguments(inputs));
    arguments.extend(flat_index_arguments(inputs));
    arguments.extend(requirements.options.iter().cloned());
    arguments.extend(extra_arguments(inputs).resolve);
    arguments.extend(requirements.project_arguments.iter().cloned());
    let file = spec.requirements.as_ref().map(|file| context_path(&file.value));
    let file = file.unwrap_or_default();
    let root = if is_written(inputs, &file) { WORK } else { CONTEXT };
    let lines = lines_to_resolve(spec, requirements, root);
    let bounds = requirements.bounds.join("\n").replace(CONTEXT_ROOT, root);
    let all = toml::Value::from(required(spec, requirements));
    let asked = asked(spec, requirements);
    let named: BTreeSet<String> = asked
        .iter()
        .filter_map(|line| Requirement::parse(line).ok()?.name)
        .collect();
    let named: Vec<String> = named.into_iter().collect();
    let script = Script::new("resolve.sh")
        .with("_packages", lines.join("\n"))
        .with("_named", named.join(" "))
        .with("_bounds", bounds)
        .with("_requirements", all.to_string())
        .arguments(arguments);
    let script = uv_inputs(inputs, python, &access, script, &file, sees_all);
    with_files(inputs, access, script, sees_all)
}

/// A step that decides which packages are installed, installs them and keeps the lock; nothing for a lock that is given,
/// which only somebody who has read the interpreter can choose from. Returns whether there is such a step.
///
/// Builds see all of the environment, and what unpacks wheels sees little of it. Where these differ and nobody knows
/// whether anything is built, a second step does all of it if the first one finds that something is: so an edit of a
/// variable installs nothing again.
pub(crate) fn install_resolved(plan: &mut Builder, inputs: &StoreyInputs<'_>, python: &PythonPlace) -> bool {
    let input = match input(inputs) {
        None => return true,
        Some(Input::Given(..)) => return false,
        Some(input) => input,
    };
    let facts = inputs.facts;
    let needs_no_other = builds_surely(&facts.requirements) || facts.resolving_builds || !builds_see_more(inputs);
    let parts: &[Part] = match inputs.attendance {
        _ if needs_no_other => &[Part::Whole],
        Attendance::Waiter => &[Part::Try],
        Attendance::Nobody | Attendance::Reader => &[Part::Wheels, Part::Rest],
    };
    for part in parts {
        add_installing(plan, inputs, python, input.clone(), *part);
    }
    true
}

/// Options with their values, without those that are among others: uv takes most of them once.
fn options_not_in(words: &[String], others: &[String]) -> Vec<String> {
    let mut is_new = true;
    let mut new = Vec::new();
    for word in words {
        if word.starts_with('-') {
            is_new = !others.contains(word);
        }
        if is_new {
            new.push(word.clone());
        }
    }
    new
}

/// What one of the steps does that decide and install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All.
    Whole,
    /// All, if nothing has to be built; else it fails.
    Try,
    /// All, if nothing has to be built.
    Wheels,
    /// All, if the one before did nothing.
    Rest,
}

/// Whether packages are built, whatever an index has.
fn builds_surely(requirements: &Requirements) -> bool {
    requirements.builds || !requirements.projects.is_empty() || requirements.repositories.any
}

/// Whether builds see variables that other steps do not see.
fn builds_see_more(inputs: &StoreyInputs<'_>) -> bool {
    let few = variables::of_installs(inputs.spec);
    let all = variables::of_builds(inputs);
    let is_in_both = |edit: &Edit| matches!(edit.name.as_str(), "PATH" | "CONDA_PREFIX") || few.contains(edit);
    !all.iter().all(is_in_both)
}

fn add_installing(plan: &mut Builder, inputs: &StoreyInputs<'_>, python: &PythonPlace, input: Input<'_>, part: Part) {
    let how = match input {
        Input::Export(_) => "export",
        Input::Resolve | Input::Given(..) => "resolve",
    };
    let Deciding {
        run: deciding,
        title,
        after,
        reason,
        spans,
    } = deciding(plan, inputs, python, input, matches!(part, Part::Whole | Part::Rest));
    let (id, title, after, reason, part) = match part {
        Part::Whole => ("packages", format!("{title}, and install it"), after, reason, "whole"),
        Part::Wheels => ("packages", format!("{title}, and install it"), after, reason, "wheels"),
        Part::Try => ("packages", format!("{title}, and install it"), after, reason, "try"),
        Part::Rest => {
            let title = "the same with builds, if one is needed".to_owned();
            let reason = "it does what the one before could not";
            let before = StepId("packages".to_owned());
            ("packages-built", title, vec![before], reason, "rest")
        }
    };
    let extra = extra_arguments(inputs);
    let mut arguments = vec!["--python".to_owned(), python.program(), "--no-deps".into()];
    arguments.extend(index_arguments(inputs));
    arguments.extend(flat_index_arguments(inputs));
    let of_builds = options_not_in(&extra.build, &extra.install);
    arguments.extend(extra.install);
    arguments.extend(of_builds);
    // Builds see whole projects, in a copy.
    let projects = &inputs.facts.requirements.projects;
    let beside = projects.values().flat_map(|files| &files.beside);
    let seen = inputs.facts.requirements.mounts.iter();
    let mut mounts = deciding.mounts;
    mounts.retain(|mount| !matches!(mount, StepMount::Context { .. }));
    mounts.extend(context_mounts(seen.chain(projects.keys()).chain(beside)));
    // What one build sees of another project is less than that project is.
    let is_whole = |path: &str| {
        projects
            .keys()
            .any(|project| context_path(project) == directory_of(path))
    };
    let texts = projects.values().flat_map(|files| &files.texts);
    let texts = texts.filter(|(path, _)| !is_whole(path));
    let texts = quote_all(texts.flat_map(|(path, text)| [path.as_str(), text.as_str()]));
    let mut script = Script::new("install_resolved.sh");
    script.variables = deciding.script.variables;
    script.arguments = deciding.script.arguments;
    let indexes = script.variables.iter().find(|(name, _)| *name == "_indexes");
    let is_alone = |indexes: &&String| !indexes.contains(' ') && flat_index_arguments(inputs).is_empty();
    let only = indexes.map(|(_, indexes)| indexes).filter(is_alone).cloned();
    let script = script
        .with("_only_index", only.unwrap_or_default())
        .with("_build_texts", texts)
        .with("_how", how)
        .with("_part", part)
        .with("_describes", if inputs.spec.describe { "yes" } else { "" })
        .with("_prefix", python.prefix)
        .with("_owner", inputs.owner())
        .with("_arguments", quote_all(arguments.iter().map(String::as_str)));
    let run = Run {
        script,
        mounts,
        product: None,
        environment: deciding.environment,
    };
    let draft = Draft::new(id, Stage::Packages, title, Action::Run(run))
        .writes(Writes::below([python.prefix, KEPT]))
        .after(after, reason)
        .spans(spans);
    plan.add(draft);
}

/// The lock in the image, and as a single file. `shared` makes the list of files that several packages have; `after` has
/// written it already. Exported caches include what the image has, so a builder that imports
/// them does not resolve again.
pub(crate) fn keep_lock(
    plan: &mut Builder,
    inputs: &StoreyInputs<'_>,
    lock: StepId,
    shared: Option<StepId>,
    after: Option<StepId>,
) -> CopyFiles {
    let copy = |from, source: String, target: String| CopyFiles {
        from,
        source,
        target,
        owner: "root".into(),
        exclude: Vec::new(),
        modes: Modes::Git,
        links: Vec::new(),
    };
    let (mut copies, file) = match input(inputs) {
        Some(Input::Given(from, path)) => {
            let (name, source) = (file_name(path), context_path(path));
            let kept = copy(from.clone(), source.clone(), format!("{KEPT}/{name}"));
            (vec![kept], copy(from, source, format!("/{name}")))
        }
        _ => {
            let source = format!("{}/{LOCK_NAME}", KEPT.trim_start_matches('/'));
            let made = CopySource::Product(lock.clone());
            (Vec::new(), copy(made, source, format!("/{LOCK_NAME}")))
        }
    };
    if !inputs.spec.describe {
        return file;
    }
    let shared = shared.map(CopySource::Product);
    let file_of_shared = format!("{KEPT}/shared-files.json");
    copies.extend(shared.map(|step| copy(step, file_of_shared.trim_start_matches('/').to_owned(), file_of_shared)));
    // So that an exported cache has it.
    let activation = plan.maker(Product::Activation).map(CopySource::Product);
    let report = "activation.json".to_owned();
    copies.extend(activation.map(|step| copy(step, report, format!("{KEPT}/activation.json"))));
    // Last and from the root: this also resets the times of existing directories.
    copies.push(copy(CopySource::Product(lock), ".".into(), "/".into()));
    let (after, reason) = match after {
        Some(step) => (vec![step], "that step writes to this directory, too"),
        None => (plan.last_of(Stage::User), "nothing else writes to this directory"),
    };
    let draft = Draft::new("keep-lock", Stage::Lock, KEEPS_LOCK.to_owned(), Action::Copy(copies))
        .writes(Writes::below([KEPT]))
        .after(after, reason);
    plan.add(draft);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_said_once() {
        let check = |words: &str, others: &str, expect: &str| {
            let split = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(options_not_in(&split(words), &split(others)).join(" "), expect);
        };
        check("--index-strategy x --no-cache", "--index-strategy x", "--no-cache");
        check("--a 1 --b=2 --c", "--b=2 --a 1", "--c");
        check(
            "--config-setting k=v --config-setting l=w",
            "",
            "--config-setting k=v --config-setting l=w",
        );
    }
}
