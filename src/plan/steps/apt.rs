//! Debian packages: a chain, so that adding a package adds a step.

use crate::image_spec::{ImageSpec, SecretSteps};
use crate::plan::action::{Action, StepMount};
use crate::plan::builder::{Builder, Draft, rank};
use crate::plan::chain::chain;
use crate::plan::environment::Edit;
use crate::plan::inputs::{FIXED_TIME, StoreyInputs, TASK_HOME, run, scratch, secrets};
use crate::plan::model::Stage;
use crate::plan::paths;
use crate::plan::python_place::PythonPlace;
use crate::plan::script::{Script, quote_all};
use crate::plan::variables;
use crate::plan::writes::Writes;
use crate::text::Span;

/// Where Debian packages may put files, by the Filesystem Hierarchy Standard.
pub(crate) const SYSTEM_DIRECTORIES: [&str; 19] = [
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/media", "/mnt", "/opt", "/proc", "/run",
    "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var",
];

/// Installs the entries of `apt_packages`, each package once.
pub(crate) fn apt(plan: &mut Builder, inputs: &StoreyInputs<'_>) {
    let mut seen: Vec<&str> = Vec::new();
    let mut entries: Vec<(Vec<&str>, Span)> = Vec::new();
    for entry in ImageSpec::strings(&inputs.spec.apt_packages) {
        let names = entry.value.split_whitespace();
        let names: Vec<&str> = names.filter(|name| !seen.contains(name)).collect();
        seen.extend(&names);
        if !names.is_empty() {
            entries.push((names, entry.span));
        }
    }
    let mut after = plan.last_of(Stage::User);
    for (number, group) in chain(&entries).into_iter().enumerate() {
        let names: Vec<&str> = group.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        let spans = group.iter().map(|(_, span)| *span);
        let draft = step(inputs, number + 1, &names).spans(spans);
        let reason = "entries are installed in the order of the list";
        after = vec![plan.add(draft.after(after, reason))];
    }
}

fn step(inputs: &StoreyInputs<'_>, number: usize, names: &[&str]) -> Draft {
    let mut mounts = vec![
        scratch(),
        StepMount::Cache {
            target: paths::APT_ARCHIVES,
            cache: "apt-archives",
        },
        StepMount::Cache {
            target: paths::APT_STATE,
            cache: "apt-state",
        },
    ];
    let (secrets, spans): (Vec<StepMount>, Vec<Span>) = secrets(inputs.spec, SecretSteps::Apt).unzip();
    mounts.extend(secrets);
    let mut environment = vec![
        Edit::set("DEBIAN_FRONTEND", "noninteractive"),
        Edit::set("SOURCE_DATE_EPOCH", FIXED_TIME.to_string()),
    ];
    environment.extend(variables::of_apt(inputs.spec));
    let script = Script::new("apt.sh").arguments(names.iter().copied());
    let action = Action::Run(run(script, environment, mounts));
    let title = format!("apt-get install {}", quote_all(names.iter().copied()));
    let writes = Writes::Below {
        paths: SYSTEM_DIRECTORIES.map(str::to_owned).to_vec(),
        except: [PythonPlace::CONDA_ROOT, paths::KEPT, TASK_HOME]
            .map(str::to_owned)
            .to_vec(),
    };
    let draft = Draft::new(format!("apt-{number}"), Stage::Apt, title, action)
        .writes(writes)
        .spans(spans);
    // A virtual environment uses an interpreter that may come from here.
    if inputs.spec.python_exec.is_some() {
        draft.rank(rank::USER)
    } else {
        draft
    }
}
