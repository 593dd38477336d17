//! The step that downloads wheels for many steps that install them at the same time.

use crate::image_spec::Layering;
use crate::plan::action::Action;
use crate::plan::builder::{Builder, Draft};
use crate::plan::inputs::{StoreyInputs, make};
use crate::plan::layers::{is_huge, named_heavy};
use crate::plan::model::{Product, Stage};
use crate::plan::paths::CONTEXT;
use crate::plan::python_place::PythonPlace;
use crate::plan::script::Script;
use crate::plan::steps::index::{IndexAccess, extra_arguments, install_index_arguments};
use crate::plan::steps::requirement::exact_line;
use crate::plan::variables;
use crate::python::{Artefact, Locked};

/// The fewest missing wheels worth a step.
const MANY: usize = 8;

/// Fetches the wheels of a lock that are missing. Huge wheels stay with their own steps: where the layers of earlier
/// builds are cached, they are rarely needed.
pub(crate) fn fetch(plan: &mut Builder, inputs: &StoreyInputs<'_>, python: &PythonPlace, packages: &[Locked]) {
    let named = named_heavy(inputs.spec);
    let is_fetched = |package: &&Locked| {
        let is_from_index = matches!(package.artefact, Artefact::Wheel { .. });
        is_from_index && !is_huge(&package.name) && !named.contains(&package.name)
    };
    let wheels: Vec<&Locked> = packages.iter().filter(is_fetched).collect();
    let extra = extra_arguments(inputs).install;
    let is_kept = !extra.iter().any(|word| word == "--no-cache");
    if wheels.len() < MANY || inputs.spec.layering == Layering::Single || !is_kept {
        return;
    }
    let access = IndexAccess::of(inputs);
    let mut arguments = vec!["--python".to_owned(), python.program()];
    arguments.extend(install_index_arguments(inputs, wheels.iter().copied()));
    arguments.extend(extra);
    let lines: Vec<String> = wheels.iter().map(|package| exact_line(package, CONTEXT)).collect();
    let script = access
        .configure(Script::new("fetch.sh"))
        .with("_bin", python.bin())
        .with("_many", MANY.to_string())
        .with("_requirements", lines.join("\n"))
        .arguments(arguments);
    let run = make(script, variables::of_installs(inputs.spec), access.mounts);
    let title = format!("fetch those of {} wheels that are missing", wheels.len());
    let after = plan.after_python();
    let reason = "adds nothing to the image; saves the install steps from asking the indexes one by one";
    let draft = Draft::new("fetch", Stage::Packages, title, Action::Run(run))
        .makes(Product::Fetched)
        .after(after, reason)
        .spans(access.spans)
        .spans(inputs.package_spans());
    plan.add(draft);
}
