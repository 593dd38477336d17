//! The Python of a base image that was made from a spec: one of another version takes its place, and its packages go.

use serde_json::Value;

use crate::frontend::image::Images;
use crate::frontend::session::Session;
use crate::image_spec::{BaseImage, ImageSpec};
use crate::plan::{DEFAULT_PYTHON, Stage, needs};
use crate::text::{Diagnostic, Failure};

/// The label that has the spec of an image.
const LABEL: &str = "io.imagespec.spec";

/// Warns of a version that a spec does not name, and that is not the base's.
pub(super) async fn warn(session: &Session, spec: &ImageSpec, images: &[Images]) -> Result<(), Failure> {
    let config = images
        .first()
        .and_then(Images::base)
        .and_then(|base| base.config.as_ref());
    let below = config.and_then(|config| config.labels.iter().find(|(name, _)| name == LABEL));
    let below = below.and_then(|(_, text)| serde_json::from_str::<Value>(text).ok());
    match below.and_then(|below| other(spec, &below)) {
        Some(warning) => session.warn(&warning).await,
        None => Ok(()),
    }
}

/// The warning; `below` is the base's spec as its label has it.
fn other(spec: &ImageSpec, below: &Value) -> Option<Diagnostic> {
    let lowest = spec.all().last()?;
    let Some(BaseImage::Reference(base)) = &lowest.base_image else {
        return None;
    };
    let makes_python = needs(spec).storeys.first()?.stages.contains(&Stage::Python);
    if lowest.python_exec.is_some() || !makes_python || !has_python(below) {
        return None;
    }
    let version = |value: &Value| value.as_str().map(str::to_owned);
    let theirs = below
        .get("python_version")
        .and_then(version)
        .unwrap_or_else(|| DEFAULT_PYTHON.to_owned());
    let ours = lowest
        .python_version
        .as_ref()
        .map_or(DEFAULT_PYTHON, |version| &version.value);
    let message = format!(
        "{} has Python {theirs}, and this spec makes {ours} in its place: what it installed for {theirs} is not found any more",
        base.value
    );
    let help =
        format!("write `python_version: \"{theirs}\"`, or put the base's spec into `base_image` instead of its image");
    (theirs != ours).then(|| Diagnostic::warning("base-python", message).at(base.span).help(help))
}

/// Whether the image of a spec has a Python of its own.
fn has_python(spec: &Value) -> bool {
    let is_flyte = spec.get("profile").is_none_or(|profile| profile == "flyte");
    let asks = ["python_version", "packages", "requirements", "conda_packages"];
    spec.get("python_exec").is_none() && (is_flyte || asks.iter().any(|field| spec.get(field).is_some()))
}
