//! Packages that have no wheel, built in steps outside the image.

use crate::plan::action::{Action, StepId};
use crate::plan::builder::{Builder, Draft};
use crate::plan::facts::Repositories;
use crate::plan::inputs::{StoreyInputs, make};
use crate::plan::model::{Product, Stage};
use crate::plan::paths::{PRODUCT, WORK};
use crate::plan::python_place::PythonPlace;
use crate::plan::script::{Script, quote_all};
use crate::plan::steps::index::{
    IndexAccess, all_flat_index_arguments, argument_files, context_mounts, extra_arguments, flat_index_mounts,
    locked_index_arguments, without_noise,
};
use crate::plan::steps::lock::programs_of;
use crate::plan::steps::requirement::{exact_line, label};
use crate::plan::variables;
use crate::python::{Artefact, Locked};

/// Why builds of packages see what apt installs.
pub(crate) const BUILD_REASON: &str = "building may need compilers, headers and git from apt";

/// Builds a package and returns the step that has its files, laid out as below the interpreter's prefix.
pub(crate) fn build(plan: &mut Builder, inputs: &StoreyInputs<'_>, python: &PythonPlace, package: &Locked) -> StepId {
    let own = match &package.artefact {
        Artefact::Path { path, .. } | Artefact::Listed { path, .. } => Some(path),
        _ => None,
    };
    let files = own.and_then(|path| inputs.facts.requirements.projects.get(path));
    let checkouts: Vec<&str> = files.iter().filter_map(|files| files.checkout.as_deref()).collect();
    let mut repositories = Repositories {
        any: !checkouts.is_empty(),
        ..Repositories::default()
    };
    if let Artefact::Repository { url, .. } = &package.artefact {
        repositories.add(url);
    }
    let access = IndexAccess::of(inputs).with_agent(repositories.by_ssh);
    // Only what it is built from: editing anything else must not build it again.
    let requirements = &inputs.facts.requirements;
    let named = argument_files(inputs);
    let beside = files.into_iter().flat_map(|files| &files.beside);
    let mut mounts = access.mounts.clone();
    let flat = flat_index_mounts(inputs);
    let of_context = context_mounts(own.into_iter().chain(beside).chain(&named).chain(&flat));
    mounts.extend(of_context.into_iter().map(|mount| without_noise(mount, &checkouts)));
    let texts = files.into_iter().flat_map(|files| &files.texts);
    let texts = quote_all(texts.flat_map(|(path, text)| [path.as_str(), text.as_str()]));
    let mut arguments = vec![
        "--python".to_owned(),
        python.program(),
        "--no-deps".into(),
        "--prefix".into(),
        PRODUCT.into(),
    ];
    arguments.extend(locked_index_arguments(inputs, [package]));
    arguments.extend(all_flat_index_arguments(inputs));
    arguments.extend(extra_arguments(inputs).build);
    if let Artefact::Source { .. } | Artefact::Listed { .. } = package.artefact {
        arguments.extend(["--no-binary".into(), package.name.clone()]);
    }
    let script = access
        .configure(Script::new("build.sh"))
        .with("_bin", python.bin())
        .with("_requirement", exact_line(package, WORK))
        .with("_name", &package.name)
        .with("_copies", if own.is_some() { "yes" } else { "" })
        .with("_settings", &requirements.build_settings)
        .with("_texts", texts)
        .with("_checkouts", quote_all(checkouts.iter().copied()))
        .with("_git", programs_of(repositories))
        .arguments(arguments);
    let run = make(script, variables::of_builds(inputs), mounts);
    let id = format!("build-{}", package.name);
    let after = plan.after_python_and_apt();
    let draft = Draft::new(
        id,
        Stage::Packages,
        format!("build {}", label(package)),
        Action::Run(run),
    )
    .makes(Product::Package)
    .after(after, BUILD_REASON)
    .spans(access.spans)
    .spans(inputs.package_spans());
    plan.add(draft)
}
