//! The layers of Python packages: each step installs what the lock names, and nothing else.

use std::collections::BTreeMap;

use crate::image_spec::Layering;
use crate::plan::action::{Action, StepId, StepMount};
use crate::plan::builder::{Builder, Draft};
use crate::plan::inputs::{StoreyInputs, run};
use crate::plan::layers::Group;
use crate::plan::model::Stage;
use crate::plan::paths::{BUILT, CONTEXT};
use crate::plan::python_place::PythonPlace;
use crate::plan::script::Script;
use crate::plan::steps::index::{IndexAccess, context_mount, extra_arguments, install_index_arguments};
use crate::plan::steps::requirement::{exact_line, label};
use crate::plan::variables;
use crate::plan::writes::Writes;
use crate::python::{Artefact, Locked};

/// Why install steps see only the interpreter.
pub(crate) const INSTALL_REASON: &str = "locked wheels are only unpacked; the result depends on the interpreter alone";

/// Installs the packages of a group; `built` has the steps of those that were built outside the image.
pub(crate) fn install(
    plan: &mut Builder,
    inputs: &StoreyInputs<'_>,
    python: &PythonPlace,
    group: &Group<'_>,
    built: &BTreeMap<&str, StepId>,
) -> StepId {
    let spec = inputs.spec;
    let extra = extra_arguments(inputs);
    let takes_anything = spec.layering == Layering::Single && !extra.unknown.is_empty();
    let packages = &group.packages;
    let wheels: Vec<&Locked> = packages
        .iter()
        .copied()
        .filter(|package| !package.artefact.is_built())
        .collect();
    let access = if wheels.is_empty() {
        IndexAccess::none()
    } else {
        IndexAccess::of(inputs)
    };
    let mut mounts = access.mounts.clone();
    mounts.extend(mounts_of(packages, built));
    let arguments = install_arguments(inputs, python, packages);
    let script = access
        .configure(script(group, &wheels, built, arguments))
        .with("_python", python.program())
        .with("_bin", python.bin())
        .with("_prefix", python.prefix)
        .with("_owner", inputs.owner());
    let (after, reason) = if takes_anything {
        (plan.after_python_and_apt(), "unknown arguments may need anything")
    } else {
        (plan.after_python(), INSTALL_REASON)
    };
    let labels: Vec<String> = packages.iter().map(|package| label(package)).collect();
    let title = format!("uv pip install {}{}", labels.join(" "), group.note);
    let names: Vec<String> = packages.iter().map(|package| package.name.clone()).collect();
    let run = run(script, variables::of_installs(spec), mounts);
    let draft = Draft::new(group.id.clone(), Stage::Packages, title, Action::Run(run))
        .writes(Writes::Packages {
            prefix: python.prefix,
            names: names.clone(),
        })
        .after(after, reason)
        .rank(group.rank)
        .spans(access.spans)
        .spans(inputs.package_spans())
        .packages(names);
    plan.add(draft)
}

/// uv's arguments for installing just what lines of requirements name.
pub(crate) fn install_arguments(inputs: &StoreyInputs<'_>, python: &PythonPlace, packages: &[&Locked]) -> Vec<String> {
    let extra = extra_arguments(inputs);
    let mut arguments = vec![
        "--python".to_owned(),
        python.program(),
        "--no-deps".into(),
        "--require-hashes".into(),
    ];
    arguments.extend(install_index_arguments(inputs, packages.iter().copied()));
    arguments.extend(extra.install);
    match inputs.spec.layering {
        Layering::Single => arguments.extend(extra.unknown),
        _ => arguments.push("--no-build".into()),
    }
    arguments.extend(["--requirement".into(), "/tmp/imagespec/requirements.txt".into()]);
    arguments
}

/// The packages that other steps built, and wheels of the context.
pub(crate) fn mounts_of(packages: &[&Locked], built: &BTreeMap<&str, StepId>) -> Vec<StepMount> {
    let products = packages.iter().filter_map(|package| {
        Some(StepMount::Product {
            target: format!("{BUILT}/{}", package.name),
            step: built.get(package.name.as_str())?.clone(),
        })
    });
    let wheels = packages.iter().filter(|package| !package.artefact.is_built());
    let files = wheels.filter_map(|package| match &package.artefact {
        Artefact::Path { path, .. } | Artefact::Listed { path, .. } => Some(context_mount(path.clone())),
        _ => None,
    });
    products.chain(files).collect()
}

fn script(group: &Group<'_>, wheels: &[&Locked], built: &BTreeMap<&str, StepId>, arguments: Vec<String>) -> Script {
    let names: Vec<&str> = group.packages.iter().map(|package| package.name.as_str()).collect();
    let built_names: Vec<&str> = names.iter().copied().filter(|name| built.contains_key(name)).collect();
    let lines: Vec<String> = wheels.iter().map(|package| exact_line(package, CONTEXT)).collect();
    let is_path = |package: &&Locked| matches!(package.artefact, Artefact::Path { .. });
    Script::new("install.sh")
        .with("_requirements", lines.join("\n"))
        .with("_built", built_names.join(" "))
        .with(
            "_names",
            if names.len() > 1 {
                names.join(" ")
            } else {
                String::new()
            },
        )
        .with("_in_context", if wheels.iter().any(is_path) { "yes" } else { "" })
        .arguments(arguments)
}
