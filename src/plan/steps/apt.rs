//! Debian packages: a chain, so that adding a package adds a step.

use crate::image_spec::{ImageSpec, PACKAGE_FILE};
use crate::plan::action::{Action, StepId};
use crate::plan::builder::{Builder, Draft, rank};
use crate::plan::chain::chain;
use crate::plan::inputs::{StoreyInputs, TASK_HOME, run};
use crate::plan::model::Stage;
use crate::plan::paths;
use crate::plan::python_place::PythonPlace;
use crate::plan::script::{Script, quote_all};
use crate::plan::steps::apt_access::{access, context_place};
use crate::plan::steps::apt_sources::apt_sources;
use crate::plan::steps::index::context_mount;
use crate::plan::writes::Writes;
use crate::text::{Span, context_path};

/// Where Debian packages may put files, by the Filesystem Hierarchy Standard.
pub(crate) const SYSTEM_DIRECTORIES: [&str; 19] = [
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/media", "/mnt", "/opt", "/proc", "/run",
    "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var",
];

/// Installs the entries of `apt_packages`, each package once. Returns the last step that may bring the interpreter, if the
/// names of packages tell.
pub(crate) fn apt(plan: &mut Builder, inputs: &StoreyInputs<'_>) -> Option<StepId> {
    let mut seen: Vec<&str> = Vec::new();
    let mut entries: Vec<(Vec<&str>, Span)> = Vec::new();
    for entry in ImageSpec::strings(&inputs.spec.apt_packages) {
        // The path of a file may have blanks.
        let names: Vec<&str> = match entry.value.strip_prefix(PACKAGE_FILE) {
            Some(_) => vec![entry.value.as_str()],
            None => entry.value.split_whitespace().collect(),
        };
        let names: Vec<&str> = names.into_iter().filter(|name| !seen.contains(name)).collect();
        seen.extend(&names);
        if !names.is_empty() {
            entries.push((names, entry.span));
        }
    }
    let groups: Vec<(Vec<&str>, Vec<Span>)> = chain(&entries)
        .into_iter()
        .map(|group| {
            let names = group.iter().flat_map(|(names, _)| names.iter().copied());
            (names.collect(), group.iter().map(|(_, span)| *span).collect())
        })
        .collect();
    let brings = |(names, _): &(Vec<&str>, _)| names.iter().any(|name| is_of_python(name));
    let wants = inputs
        .spec
        .python_exec
        .as_ref()
        .is_some_and(|exec| may_be_of_apt(&exec.value));
    let bringing = groups.iter().rposition(brings).filter(|_| wants);
    let after = plan.last_of(Stage::User);
    let mut after = match apt_sources(inputs) {
        Some(draft) => {
            let draft = if wants { draft.rank(rank::USER) } else { draft };
            vec![plan.add(draft.after(after, "packages come from them"))]
        }
        None => after,
    };
    let mut interpreter = None;
    for (number, (names, spans)) in groups.into_iter().enumerate() {
        let mut draft = step(inputs, number + 1, &names).spans(spans);
        // Where names do not tell, a virtual environment is made on all of them.
        if wants && bringing.is_none_or(|bringing| number <= bringing) {
            draft = draft.rank(rank::USER);
        }
        let reason = "entries are installed in the order of the list";
        let id = plan.add(draft.after(after, reason));
        if bringing == Some(number) {
            interpreter = Some(id.clone());
        }
        after = vec![id];
    }
    interpreter
}

/// Whether Debian packages may bring an interpreter: they have no files in `/usr/local` and `/opt`.
pub(crate) fn may_be_of_apt(interpreter: &str) -> bool {
    !interpreter.starts_with('/')
        || ["/usr/bin/", "/bin/", "/usr/lib/"]
            .iter()
            .any(|place| interpreter.starts_with(place))
}

/// Whether a Debian package is an interpreter, or may change which one a name means.
fn is_of_python(package: &str) -> bool {
    ["python", "pypy", "libpython"]
        .iter()
        .any(|prefix| package.starts_with(prefix))
}

/// What apt is told of an entry: the name of a package, or the path of a file.
fn word_of(name: &str) -> String {
    match name.strip_prefix(PACKAGE_FILE) {
        Some(path) => context_place(path),
        None => name.to_owned(),
    }
}

fn step(inputs: &StoreyInputs<'_>, number: usize, names: &[&str]) -> Draft {
    let (mut mounts, environment, spans) = access(inputs);
    mounts.extend(
        names
            .iter()
            .filter_map(|name| name.strip_prefix(PACKAGE_FILE))
            .map(|path| context_mount(context_path(path))),
    );
    let mut script = Script::new("apt.sh").arguments(names.iter().map(|name| word_of(name)));
    // The first step is enough: the image keeps answers.
    let answers = inputs
        .spec
        .debconf
        .as_ref()
        .filter(|list| number == 1 && !list.value.is_empty());
    if let Some(list) = answers {
        let lines: Vec<&str> = list.value.iter().map(|answer| answer.value.as_str()).collect();
        script = script.with("_debconf", lines.join("\n"));
    }
    let action = Action::Run(run(script, environment, mounts));
    let title = format!("apt-get install {}", quote_all(names.iter().copied()));
    let writes = Writes::Below {
        paths: SYSTEM_DIRECTORIES.map(str::to_owned).to_vec(),
        except: [PythonPlace::CONDA_ROOT, paths::KEPT, TASK_HOME]
            .map(str::to_owned)
            .to_vec(),
    };
    Draft::new(format!("apt-{number}"), Stage::Apt, title, action)
        .writes(writes)
        .spans(spans)
        .spans(answers.map(|list| list.span))
}
