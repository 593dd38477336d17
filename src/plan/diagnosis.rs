//! What is looked for after a step failed.

use std::mem::take;

use crate::plan::action::{Action, StepId};
use crate::plan::model::{BuildPlan, Stage, Step};
use crate::plan::script::Script;

/// A plan that ends in a step which finds out what of `apt_packages` cannot be installed, and that step: the one that failed,
/// by the beginning of its title, and those after it.
pub(crate) fn names_of_apt(plan: &BuildPlan, failed: &str) -> Option<(BuildPlan, StepId)> {
    let of_apt = |step: &Step| {
        step.stage == Stage::Apt && matches!(&step.action, Action::Run(run) if run.script.file == "apt.sh")
    };
    let (position, first) = plan.storeys.iter().enumerate().rev().find_map(|(position, storey)| {
        let is_it = |step: &Step| of_apt(step) && step.title.starts_with(failed);
        Some((position, storey.steps.iter().position(is_it)?))
    })?;
    let mut plan = plan.clone();
    plan.storeys.truncate(position + 1);
    let storey = plan.storeys.last_mut()?;
    let rest = storey.steps.split_off(first);
    let (mut names, mut spans, mut mounts) = (Vec::new(), Vec::new(), Vec::new());
    for step in rest.iter().filter(|step| of_apt(step)) {
        let Action::Run(run) = &step.action else { continue };
        names.extend(run.script.arguments.iter().cloned());
        spans.extend(step.spans.iter().copied());
        // The files among them.
        for mount in &run.mounts {
            if !mounts.contains(mount) {
                mounts.push(mount.clone());
            }
        }
    }
    let mut step = rest.into_iter().next()?;
    let Action::Run(run) = &mut step.action else {
        return None;
    };
    run.mounts = mounts;
    let variables = take(&mut run.script.variables);
    run.script = Script::new("apt_names.sh").arguments(names);
    run.script.variables = variables;
    step.id = StepId("apt-names".into());
    step.title = "look for all entries of apt_packages".into();
    step.spans = spans;
    let id = step.id.clone();
    storey.steps.push(step);
    storey.lock = None;
    Some((plan, id))
}
