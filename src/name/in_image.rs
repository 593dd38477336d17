//! What an image says of its own names.

use crate::image_spec::{Algorithm, ImageSpec};
use crate::name::identity::Identity;
use crate::name::inputs::inputs_label;
use crate::plan::{Change, Settings};

/// Labels travel with every image: a longer one is left out, in bytes.
const MAX_SPEC_LABEL: usize = 16 * 1024;

/// Puts an image's names into its labels and environment. The user's own labels win.
pub fn name_in_image(identity: &Identity, spec: &ImageSpec, settings: &mut Settings) {
    let labels = spec.describe.then(|| description(identity, spec));
    for (name, value) in labels.into_iter().flatten() {
        let name = format!("io.imagespec.{name}");
        let mut of_user = spec.labels.iter().flat_map(|map| &map.value);
        if !of_user.any(|(known, _)| known.value == name) {
            settings.set_label(&name, value);
        }
    }
    // Tasks of flytekit 1.13 compare it with the image's name.
    if identity.algorithm == Algorithm::Flytekit113 && identity.given.id.is_none() {
        for edit in &mut settings.environment {
            if let Change::Set { value } = &mut edit.change
                && edit.name == "_F_IMG_ID"
            {
                value.clone_from(&identity.image_name);
            }
        }
    }
}

/// What labels say, by the ends of their names.
fn description(identity: &Identity, spec: &ImageSpec) -> Vec<(&'static str, String)> {
    let mut labels = vec![
        ("name", identity.image_name.clone()),
        ("tag", identity.tag.clone()),
        ("algorithm", identity.algorithm.name().to_owned()),
    ];
    labels.extend(inputs_label(identity).map(|inputs| ("inputs", inputs)));
    labels.extend(
        identity
            .inputs_digest
            .as_ref()
            .map(|digest| ("inputs-digest", digest.value.clone())),
    );
    let text = spec.summary().to_string();
    if text.len() <= MAX_SPEC_LABEL {
        labels.push(("spec", text));
    }
    labels
}
