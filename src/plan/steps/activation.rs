//! What activating a conda environment sets.

use crate::image_spec::ImageSpec;
use crate::plan::action::Action;
use crate::plan::builder::{Builder, Draft};
use crate::plan::inputs::{StoreyInputs, make, scratch};
use crate::plan::model::{Product, Stage};
use crate::plan::python_place::PythonPlace;
use crate::plan::script::Script;

/// Looks at the environment's scripts. An interpreter alone has none.
pub(crate) fn activation(plan: &mut Builder, inputs: &StoreyInputs<'_>, python: &PythonPlace) {
    let packages = &inputs.spec.conda_packages;
    if inputs.is_unattended() || ImageSpec::strings(packages).next().is_none() {
        return;
    }
    let script = Script::new("activation.sh").with("_prefix", python.prefix);
    let action = Action::Run(make(script, Vec::new(), vec![scratch()]));
    let title = "look at what activating the conda environment sets";
    let draft = Draft::new("activation", Stage::Python, title, action)
        .makes(Product::Activation)
        .after(plan.last_of(Stage::Python), "it reads the environment alone")
        .spans(packages.iter().map(|list| list.span));
    plan.add(draft);
}
