//! What the steps of one storey are made from.

use crate::image_spec::{ImageSpec, Profile, SecretForm, SecretSteps};
use crate::plan::action::{ImageRole, Run, StepMount};
use crate::plan::environment::Edit;
use crate::plan::facts::{Attendance, StoreyFacts};
use crate::plan::paths;
use crate::plan::python_place::PythonPlace;
use crate::plan::script::Script;
use crate::text::Span;

/// The user that tasks run as in the `flyte` profile.
pub(crate) const TASK_USER: &str = "flytekit";
/// That user's home, unless the base image already has the user.
pub(crate) const TASK_HOME: &str = "/home/flytekit";
/// The id of the optional secret with the certificates that steps trust.
pub const CA_SECRET: &str = "ca-certificates";
/// The time of every installed and copied file: 2000-01-01T00:00:00Z, in Unix seconds.
pub const FIXED_TIME: i64 = 946_684_800;

/// One spec, and what is known about it.
pub(crate) struct StoreyInputs<'a> {
    pub(crate) spec: &'a ImageSpec,
    pub(crate) facts: &'a StoreyFacts,
    /// The interpreter of its image.
    pub(crate) python: Option<PythonPlace>,
    /// Who looks on while the image is built.
    pub(crate) attendance: Attendance,
}

impl StoreyInputs<'_> {
    /// Whether nobody reads what steps make.
    pub(crate) fn is_unattended(&self) -> bool {
        self.attendance != Attendance::Reader
    }

    /// Who owns what is installed and copied.
    pub(crate) fn owner(&self) -> &'static str {
        match self.spec.profile {
            Profile::Flyte => TASK_USER,
            Profile::Plain => "root",
        }
    }

    /// Where the spec asks for Python packages.
    pub(crate) fn package_spans(&self) -> impl Iterator<Item = Span> {
        // Entries of a file that is extended do not lie in the list.
        let packages = self.spec.packages.iter().flat_map(|list| {
            let is_outside = |span: &Span| span.start < list.span.start || span.end > list.span.end;
            let entries = list.value.iter().map(|entry| entry.span).filter(is_outside);
            std::iter::once(list.span).chain(entries).collect::<Vec<_>>()
        });
        packages.chain(self.spec.requirements.iter().map(|file| file.span))
    }
}

/// Runs a script of ours.
pub(crate) fn run(script: Script, environment: Vec<Edit>, mounts: Vec<StepMount>) -> Run {
    Run {
        script,
        environment,
        mounts,
        product: None,
    }
}

/// Runs a script of ours that fills a directory for other steps.
pub(crate) fn make(script: Script, environment: Vec<Edit>, mounts: Vec<StepMount>) -> Run {
    Run {
        product: Some(paths::PRODUCT),
        ..run(script, environment, mounts)
    }
}

pub(crate) fn scratch() -> StepMount {
    StepMount::Scratch { target: paths::SCRATCH }
}

/// The certificates given for this build.
pub(crate) fn certificates(target: &str) -> StepMount {
    StepMount::Secret {
        target: target.into(),
        id: CA_SECRET.into(),
        required: false,
    }
}

/// The entries of `secrets` that a kind of steps sees.
pub(crate) fn secrets(spec: &ImageSpec, steps: SecretSteps) -> impl Iterator<Item = (StepMount, Span)> {
    let seen = spec.secrets.iter().filter(move |secret| secret.steps.contains(&steps));
    seen.map(|secret| {
        let (id, required) = (secret.id.clone(), secret.is_required);
        let mount = match &secret.form {
            SecretForm::File(target) => StepMount::Secret {
                target: target.clone(),
                id,
                required,
            },
            SecretForm::Variable(variable) => StepMount::SecretVariable {
                variable: variable.clone(),
                id,
                required,
            },
        };
        (mount, secret.span)
    })
}

/// The certificates of the micromamba image: slim bases have none, and the micromamba binary does not bundle any.
pub(crate) fn bundle() -> StepMount {
    StepMount::Image {
        target: paths::BUNDLE,
        image: ImageRole::Micromamba,
        path: "/etc/ssl/certs/ca-certificates.crt",
    }
}

pub(crate) fn uv(target: &'static str) -> StepMount {
    StepMount::Image {
        target,
        image: ImageRole::Uv,
        path: "/uv",
    }
}

pub(crate) fn uv_cache(target: &'static str) -> StepMount {
    StepMount::Cache { target, cache: "uv" }
}
