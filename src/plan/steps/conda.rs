//! The interpreter of a conda environment, with the packages from conda channels.

use crate::image_spec::{ImageSpec, SecretSteps};
use crate::plan::action::{Action, ImageRole, StepMount};
use crate::plan::builder::{Builder, Draft};
use crate::plan::inputs::{StoreyInputs, bundle, certificates, run, scratch, secrets};
use crate::plan::model::Stage;
use crate::plan::paths;
use crate::plan::python_place::{PythonPlace, conda_interpreter};
use crate::plan::script::{Script, quote_all};
use crate::plan::variables;
use crate::plan::writes::Writes;
use crate::text::Span;

/// Installs the interpreter and conda packages at once: the solver has to see both.
pub(crate) fn conda(plan: &mut Builder, inputs: &StoreyInputs<'_>, python: &PythonPlace) {
    let spec = inputs.spec;
    let mut mounts = vec![
        scratch(),
        StepMount::Image {
            target: paths::MICROMAMBA,
            image: ImageRole::Micromamba,
            path: "/usr/bin/micromamba",
        },
        bundle(),
        StepMount::Cache {
            target: paths::CONDA_CACHE,
            cache: "conda",
        },
        certificates(paths::CERTIFICATES),
    ];
    let (secrets, secret_spans): (Vec<StepMount>, Vec<Span>) = secrets(spec, SecretSteps::Python).unzip();
    mounts.extend(secrets);
    let mut channels = vec!["conda-forge"];
    for channel in ImageSpec::strings(&spec.conda_channels) {
        if !channels.contains(&channel.value.as_str()) {
            channels.push(&channel.value);
        }
    }
    let interpreter = conda_interpreter(spec, inputs.facts.requirements.python.as_deref());
    let mut packages: Vec<String> = interpreter.into_iter().collect();
    packages.extend(ImageSpec::strings(&spec.conda_packages).map(|package| package.value.clone()));
    let title = format!("micromamba install {}", quote_all(packages.iter().map(String::as_str)));
    let channels = channels.into_iter().flat_map(|channel| ["--channel", channel]);
    let script = Script::new("conda.sh")
        .with("_prefix", python.prefix)
        .with("_root", PythonPlace::CONDA_ROOT)
        .with("_owner", inputs.owner())
        .arguments(channels)
        .arguments(packages);
    let mut spans: Vec<Span> = [
        spec.python_version.as_ref().map(|v| v.span),
        spec.conda_packages.as_ref().map(|v| v.span),
        spec.conda_channels.as_ref().map(|v| v.span),
    ]
    .into_iter()
    .flatten()
    .collect();
    if spans.is_empty() {
        // Without any of these, it is the packages that need the interpreter.
        spans.extend(inputs.package_spans().next());
    }
    let after = plan.last_of(Stage::User);
    let action = Action::Run(run(script, variables::of_installs(spec), mounts));
    let draft = Draft::new("python", Stage::Python, title, action)
        .writes(Writes::below([PythonPlace::CONDA_ROOT]))
        .after(after, "conda packages bring everything they need")
        .spans(spans)
        .spans(secret_spans);
    plan.add(draft);
}
