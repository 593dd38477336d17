//! The names of the image that is built, with the digests of its files.

use crate::files::Task;
use crate::frontend::digests::digests;
use crate::frontend::files::{Files, left_out};
use crate::frontend::session::Session;
use crate::image_spec::{Algorithm, ImageSpec};
use crate::name::{Identity, Naming, inputs_label};
use crate::plan::Settings;
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure};

/// Labels travel with every image: a longer one is left out, in bytes.
const MAX_SPEC_LABEL: usize = 16 * 1024;

/// Computes the names of an image, and warns where flytekit's may be others.
pub(super) async fn identify(
    session: &Session,
    files: &Files,
    naming: &Naming<'_>,
    tasks: &[Task],
) -> Result<Identity, Failure> {
    let answer = digests(session, files, naming, tasks).await?;
    let identity = naming.identify(tasks, &answer)?;
    let mut warnings = naming.warnings(tasks, &answer, &identity);
    if naming.algorithm() != Algorithm::Content {
        warnings.extend(tasks.iter().filter_map(|task| {
            let pattern = left_out(files, task)?;
            let message = format!(
                "{}: `{pattern}` in the context's ignore file may leave out files that flytekit's tag counts",
                task.field
            );
            let warning = Diagnostic::warning("tag-differs", message).at(naming.span(task));
            Some(warning.help("images hold what the ignore file leaves, and so does the tag"))
        }));
    }
    for warning in &warnings {
        session.warn(warning).await?;
    }
    Ok(identity)
}

/// Puts an image's names into its labels and environment.
pub(super) fn apply(identity: &Identity, spec: &ImageSpec, settings: &mut Settings) {
    let mut labels = vec![
        ("name", identity.image_name.clone()),
        ("tag", identity.tag.clone()),
        ("algorithm", identity.algorithm.name().to_owned()),
    ];
    labels.extend(inputs_label(identity).map(|inputs| ("inputs", inputs)));
    let text = spec.summary().to_string();
    if text.len() <= MAX_SPEC_LABEL {
        labels.push(("spec", text));
    }
    for (name, value) in labels {
        let name = format!("io.imagespec.{name}");
        // The user's own labels win.
        let is_users = spec
            .labels
            .iter()
            .flat_map(|map| &map.value)
            .any(|(known, _)| known.value == name);
        if !is_users {
            settings.labels.retain(|(known, _)| *known != name);
            settings.labels.push((name, value));
        }
    }
    // Tasks of flytekit 1.13 compare it with the image's name.
    if identity.algorithm == Algorithm::Flytekit113 {
        let variables = settings.environment.iter_mut();
        for (_, value) in variables.filter(|(name, _)| name == "_F_IMG_ID") {
            value.clone_from(&identity.image_name);
        }
    }
}

/// Tells the client the names: in its metadata, and for the exporter option `name=*`.
pub(super) fn tell(identity: &Identity, result: &mut wire::Result) {
    for (name, value) in [
        ("image.name", &identity.image_name),
        ("frontend.imagespec.name", &identity.image_name),
        ("frontend.imagespec.tag", &identity.tag),
        ("frontend.imagespec.id", &identity.id),
    ] {
        result.metadata.insert(name.into(), value.clone().into_bytes());
    }
}
