//! Why an image is built the way it is: its steps, each with what it sees and why. Only a build knows the packages,
//! so the steps that install them are described in general.

use serde::Serialize;

use crate::image_spec::{ImageSpec, Layering};
use crate::oci::Platform;
use crate::plan::action::StepId;
use crate::plan::facts::{CopiesFacts, Facts, LockedPackages, StoreyFacts};
use crate::plan::model::{Product, Stage, Storey};
use crate::plan::recipe::plan;
use crate::plan::steps::{BUILD_REASON, INSTALL_REASON};

/// A step, or several of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedStep {
    /// The part of the build that it belongs to.
    pub stage: Stage,
    /// What it does.
    pub title: String,
    /// The titles of the steps whose files it sees, in addition to the base.
    pub after: Vec<String>,
    /// Why it comes after those.
    pub reason: &'static str,
}

/// The steps that make the image of a spec, those of the lowest spec first. `sibling_lock` is its path, if
/// there is one.
#[must_use]
pub fn explain(spec: &ImageSpec, platform: &Platform, sibling_lock: Option<&str>) -> Vec<ExplainedStep> {
    let mut specs: Vec<&ImageSpec> = spec.all().collect();
    specs.reverse();
    let top = specs.len().saturating_sub(1);
    let storeys = (0..specs.len()).map(|position| StoreyFacts {
        sibling_lock: sibling_lock.filter(|_| position == top).map(str::to_owned),
        // The steps after the packages do not depend on which these are.
        lock: Some(LockedPackages::default()),
        copies: Some(CopiesFacts::default()),
        ..StoreyFacts::default()
    });
    let facts = Facts {
        storeys: storeys.collect(),
        ..Facts::default()
    };
    let plan = plan(spec, platform, &facts);
    let storeys = plan.storeys.iter().zip(specs);
    storeys.flat_map(|(storey, spec)| of_storey(storey, spec)).collect()
}

fn of_storey(storey: &Storey, spec: &ImageSpec) -> Vec<ExplainedStep> {
    let mut all = Vec::new();
    let title = |id: &StepId| storey.find(id).map(|(_, step)| step.title.clone());
    for step in &storey.steps {
        all.push(ExplainedStep {
            stage: step.stage,
            title: step.title.clone(),
            after: step.after.iter().filter_map(title).collect(),
            reason: step.reason,
        });
        if step.makes == Some(Product::Lock) {
            all.extend(of_packages(storey, spec));
        }
    }
    all
}

/// The steps that a lock becomes.
fn of_packages(storey: &Storey, spec: &ImageSpec) -> [ExplainedStep; 2] {
    let titles = |stages: &[Stage]| -> Vec<String> {
        let steps = storey.steps.iter().filter(|step| stages.contains(&step.stage));
        steps.map(|step| step.title.clone()).collect()
    };
    let install = match spec.layering {
        Layering::Auto => "install what the lock names: each heavy package in its own step, the rest in sixteen steps",
        Layering::Single => "install what the lock names, in one step",
    };
    let step = |title: &str, after, reason| ExplainedStep {
        stage: Stage::Packages,
        title: title.to_owned(),
        after,
        reason,
    };
    [
        step(install, titles(&[Stage::Python]), INSTALL_REASON),
        step(
            "build each package that has no wheel in the lock",
            titles(&[Stage::Python, Stage::Apt]),
            BUILD_REASON,
        ),
    ]
}
