//! What steps of apt see.

use crate::image_spec::SecretSteps;
use crate::plan::action::StepMount;
use crate::plan::environment::Edit;
use crate::plan::inputs::{FIXED_TIME, StoreyInputs, certificates, scratch, secrets};
use crate::plan::paths::{self, CONTEXT};
use crate::plan::variables;
use crate::text::{Span, context_path};

/// What apt needs: caches, certificates and the user's own settings.
pub(crate) fn access(inputs: &StoreyInputs<'_>) -> (Vec<StepMount>, Vec<Edit>, Vec<Span>) {
    let mut mounts = vec![
        scratch(),
        StepMount::Cache {
            target: paths::APT_ARCHIVES,
            cache: "apt-archives",
        },
        StepMount::Cache {
            target: paths::APT_STATE,
            cache: "apt-state",
        },
        certificates(paths::CERTIFICATES),
    ];
    let (secrets, spans): (Vec<StepMount>, Vec<Span>) = secrets(inputs.spec, SecretSteps::Apt).unzip();
    mounts.extend(secrets);
    let mut environment = vec![
        Edit::set("DEBIAN_FRONTEND", "noninteractive"),
        Edit::set("SOURCE_DATE_EPOCH", FIXED_TIME.to_string()),
    ];
    environment.extend(variables::of_apt(inputs.spec));
    (mounts, environment, spans)
}

/// Where steps find a file of the build context.
pub(crate) fn context_place(path: &str) -> String {
    format!("{CONTEXT}/{}", context_path(path))
}
