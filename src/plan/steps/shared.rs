//! Files that several packages have: found by reading the layers, and settled in a layer above them.

use std::collections::BTreeMap;

use crate::plan::action::{Action, StepId, StepMount};
use crate::plan::builder::{Builder, Draft, rank};
use crate::plan::facts::SharedFile;
use crate::plan::inputs::{StoreyInputs, make, run, scratch};
use crate::plan::model::{Product, Stage};
use crate::plan::paths::{CONTEXT, KEPT, LAYERS};
use crate::plan::python_place::PythonPlace;
use crate::plan::script::Script;
use crate::plan::steps::index::IndexAccess;
use crate::plan::steps::install::{install_arguments, mounts_of};
use crate::plan::steps::lock::is_given;
use crate::plan::steps::requirement::exact_line;
use crate::plan::variables;
use crate::plan::writes::Writes;
use crate::python::{Artefact, Locked};

/// The step that finds files that several packages have, and what packages need. `None` if there are fewer than two:
/// one shares nothing, and nobody needs to ask whether it has what it needs if it was resolved just now.
pub(crate) fn find_shared(
    plan: &mut Builder,
    inputs: &StoreyInputs<'_>,
    python: &PythonPlace,
    steps: &[StepId],
) -> Option<StepId> {
    let installed: usize = steps.iter().map(|step| plan.packages_of(step).len()).sum();
    let fewest = if is_given(inputs) { 1 } else { 2 };
    if installed < fewest {
        return None;
    }
    let mut mounts = vec![scratch()];
    let mut arguments = vec![python.prefix.to_owned()];
    for (number, step) in steps.iter().enumerate() {
        let target = format!("{LAYERS}/{number}");
        arguments.extend(["--".to_owned(), target.clone()]);
        arguments.extend(plan.packages_of(step).iter().cloned());
        mounts.push(StepMount::Files {
            target,
            step: step.clone(),
        });
    }
    let script = Script::new("find_shared.sh")
        .with("_python", python.program())
        .arguments(arguments);
    let title = "look for files that several packages have";
    let action = Action::Run(make(script, Vec::new(), mounts));
    let after = plan.after_python();
    let draft = Draft::new("find-shared-files", Stage::Packages, title, action).makes(Product::SharedFiles);
    Some(plan.add(draft.after(after, "it only reads the layers, side by side")))
}

/// The files that several packages have, taken from the last of these by name.
pub(crate) fn keep_shared(
    plan: &mut Builder,
    inputs: &StoreyInputs<'_>,
    python: &PythonPlace,
    steps: &[StepId],
    shared: &[SharedFile],
) {
    let mut mounts = vec![scratch()];
    let mut arguments = Vec::new();
    let mut paths = Vec::new();
    for file in shared {
        let has_one = |step: &&StepId| {
            let installed = plan.packages_of(step);
            file.packages.iter().any(|package| installed.contains(package))
        };
        // Files shared within one step are already settled.
        if steps.iter().filter(has_one).count() < 2 {
            continue;
        }
        let keeps = |(_, step): &(usize, &StepId)| {
            let last = file.packages.last();
            last.is_some_and(|package| plan.packages_of(step).contains(package))
        };
        let Some((number, step)) = steps.iter().enumerate().find(keeps) else {
            continue;
        };
        let target = format!("{LAYERS}/{number}");
        if !mounts.iter().any(|mount| mount.target() == Some(target.as_str())) {
            mounts.push(StepMount::Files {
                target: target.clone(),
                step: step.clone(),
            });
        }
        arguments.extend([target, file.path.clone()]);
        paths.push(file.path.clone());
    }
    if arguments.is_empty() {
        return;
    }
    let script = Script::new("keep_shared.sh")
        .with("_python", python.program())
        .with("_prefix", python.prefix)
        .with("_owner", inputs.owner())
        .arguments(arguments);
    let action = Action::Run(run(script, Vec::new(), mounts));
    let title = format!("keep files that several packages have ({})", shared.len());
    let after = plan.after_python();
    let draft = Draft::new("keep-shared-files", Stage::Packages, title, action)
        .rank(rank::SHARED_FILES)
        .writes(Writes::SharedFiles {
            prefix: python.prefix,
            paths,
        })
        .after(after, "it comes above the layers that it takes files from");
    plan.add(draft);
}

/// Finds and settles files that several packages have in one step, where nobody reads what is found.
pub(crate) fn settle_shared(
    plan: &mut Builder,
    inputs: &StoreyInputs<'_>,
    python: &PythonPlace,
    steps: &[StepId],
    packages: &[Locked],
    built: &BTreeMap<&str, StepId>,
) -> Option<StepId> {
    let installed: usize = steps.iter().map(|step| plan.packages_of(step).len()).sum();
    let fewest = if is_given(inputs) { 1 } else { 2 };
    if installed < fewest {
        return None;
    }
    let packages: Vec<&Locked> = packages.iter().collect();
    let wheels = packages.iter().filter(|package| !package.artefact.is_built());
    let wheels: Vec<&Locked> = wheels.copied().collect();
    let lines: Vec<String> = wheels.iter().map(|package| exact_line(package, CONTEXT)).collect();
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let built_names: Vec<&str> = names.iter().copied().filter(|name| built.contains_key(name)).collect();
    let is_path = |package: &&Locked| matches!(package.artefact, Artefact::Path { .. });
    let access = IndexAccess::of(inputs);
    let mut mounts = access.mounts.clone();
    mounts.extend(mounts_of(&packages, built));
    let script = access
        .configure(Script::new("settle_shared.sh"))
        .with("_python", python.program())
        .with("_bin", python.bin())
        .with("_prefix", python.prefix)
        .with("_owner", inputs.owner())
        .with("_requirements", lines.join("\n"))
        .with("_built", built_names.join(" "))
        .with("_names", names.join(" "))
        .with("_describes", if inputs.spec.describe { "yes" } else { "" })
        .with("_in_context", if wheels.iter().any(is_path) { "yes" } else { "" })
        .arguments(install_arguments(inputs, python, &packages));
    let action = Action::Run(run(script, variables::of_installs(inputs.spec), mounts));
    let title = "settle files that several packages have";
    let draft = Draft::new("settle-shared-files", Stage::Packages, title, action)
        .rank(rank::SHARED_FILES)
        .writes(Writes::below([python.prefix, KEPT]))
        .after(steps.to_vec(), "it comes above all packages")
        .spans(access.spans);
    Some(plan.add(draft))
}
