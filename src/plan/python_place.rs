//! The interpreter that packages are installed for.

use serde::Serialize;

use crate::image_spec::{CondaPython, ImageSpec, Profile};

/// The Python version unless a spec names one.
pub const DEFAULT_PYTHON: &str = "3.12";

/// An interpreter and what is installed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PythonPlace {
    /// The directory that everything goes below.
    pub prefix: &'static str,
    /// Whether it is a virtual environment on an interpreter of the image.
    pub is_venv: bool,
    /// Whether the storey below has made it.
    pub is_inherited: bool,
}

impl PythonPlace {
    /// The root of everything conda writes.
    pub(crate) const CONDA_ROOT: &'static str = "/opt/micromamba";

    fn conda() -> Self {
        Self {
            prefix: "/opt/micromamba/envs/runtime",
            is_venv: false,
            is_inherited: false,
        }
    }

    fn venv() -> Self {
        Self {
            prefix: "/root/.venv",
            is_venv: true,
            is_inherited: false,
        }
    }

    /// The interpreter that a spec's packages are for; `None` if it needs none.
    pub(crate) fn of(spec: &ImageSpec, below: Option<&Self>) -> Option<Self> {
        let asks_for_conda = spec.python_version.is_some() || ImageSpec::strings(&spec.conda_packages).next().is_some();
        match below {
            _ if spec.python_exec.is_some() => Some(Self::venv()),
            Some(below) if !asks_for_conda => Some(Self {
                is_inherited: true,
                ..*below
            }),
            _ => {
                let wanted = spec.profile == Profile::Flyte
                    || spec.requirements.is_some()
                    || ImageSpec::strings(&spec.packages).next().is_some()
                    || asks_for_conda;
                wanted.then(Self::conda)
            }
        }
    }

    /// Its directory of programs.
    pub(crate) fn bin(&self) -> String {
        format!("{}/bin", self.prefix)
    }

    /// The interpreter itself.
    pub(crate) fn program(&self) -> String {
        format!("{}/bin/python", self.prefix)
    }
}

/// The Python version of a spec's conda environment, as far as it can be told: adding packages must not change the Python of
/// a spec below.
#[must_use]
pub(crate) fn conda_version(spec: &ImageSpec) -> &str {
    spec.all().find_map(version_of).unwrap_or(DEFAULT_PYTHON)
}

fn version_of(spec: &ImageSpec) -> Option<&str> {
    let named = spec.python_version.as_ref().map(|version| version.value.as_str());
    named.or_else(|| CondaPython::of(spec)?.version())
}

/// The package that is the interpreter of a spec's conda environment, as micromamba takes it; `None` if the spec's own
/// `conda_packages` have it.
pub(crate) fn conda_interpreter(spec: &ImageSpec, of_files: Option<&str>) -> Option<String> {
    let decided = spec.all().find_map(|spec| {
        let version = spec.python_version.as_ref();
        let entry = CondaPython::of(spec).map(|python| python.entry.value.clone());
        version.map(|version| format!("python={}", version.value)).or(entry)
    });
    let is_own = CondaPython::of(spec).is_some() && spec.all().all(|spec| spec.python_version.is_none());
    match (of_files, decided) {
        _ if is_own => None,
        (Some(version), None) => Some(format!("python={version}")),
        (_, Some(decided)) => Some(decided),
        (None, None) => Some(format!("python={DEFAULT_PYTHON}")),
    }
}
