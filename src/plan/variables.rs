//! Who sees which variable: installers a few of `env`, commands and the image all of it.

use crate::image_spec::{ImageSpec, Profile, TextMap};
use crate::plan::environment::Edit;
use crate::plan::python_place::PythonPlace;

/// Names in `env` that installers read. Install steps see only these, so that the others can change without
/// installing again.
const INSTALLER_NAMES: [&str; 20] = [
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CC",
    "CXX",
    "FC",
    "LD",
    "AR",
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "MAKEFLAGS",
    "MAX_JOBS",
    "CUDA_HOME",
    "CUDA_PATH",
    "TORCH_CUDA_ARCH_LIST",
    "RUSTFLAGS",
    "PKG_CONFIG_PATH",
    "SETUPTOOLS_SCM_PRETEND_VERSION",
];
const INSTALLER_PREFIXES: [&str; 8] = ["PIP_", "UV_", "SSL_", "GIT_", "CMAKE_", "CONDA_", "MAMBA_", "CARGO_"];

/// Whether install steps see a variable of `env`.
fn is_for_installers(name: &str) -> bool {
    INSTALLER_NAMES.contains(&name)
        || INSTALLER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || is_proxy(name)
}

/// Whether a variable sets a proxy.
pub(crate) fn is_proxy(name: &str) -> bool {
    matches!(
        name.to_lowercase().as_str(),
        "http_proxy" | "https_proxy" | "ftp_proxy" | "no_proxy" | "all_proxy"
    )
}

/// What install steps see: the part of `env` that installers read, and `build_env`.
pub(crate) fn of_installs(spec: &ImageSpec) -> Vec<Edit> {
    let mut edits = chosen(&spec.env, is_for_installers);
    edits.extend(of_builds(spec));
    edits
}

/// What apt sees: proxies and `build_env`. The settings of compilers and Python do not concern it.
pub(crate) fn of_apt(spec: &ImageSpec) -> Vec<Edit> {
    let mut edits = chosen(&spec.env, is_proxy);
    edits.extend(of_builds(spec));
    edits
}

/// `build_env`.
pub(crate) fn of_builds(spec: &ImageSpec) -> Vec<Edit> {
    chosen(&spec.build_env, |_| true)
}

fn chosen(map: &Option<TextMap>, is_wanted: impl Fn(&str) -> bool) -> Vec<Edit> {
    let pairs = map.iter().flat_map(|map| &map.value);
    pairs
        .filter(|(name, _)| is_wanted(&name.value))
        .map(|(name, value)| Edit::text(&name.value, &value.value))
        .collect()
}

/// The environment of the image, without the variables that describe the image to a task.
pub(crate) fn of_image(spec: &ImageSpec, python: Option<&PythonPlace>) -> Vec<Edit> {
    let mut edits = of_profile(spec, python);
    edits.extend(chosen(&spec.env, |_| true));
    edits.extend(of_graphics(spec));
    edits
}

/// The environment of the image, without the spec's own.
pub(crate) fn of_base_image(spec: &ImageSpec, python: Option<&PythonPlace>) -> Vec<Edit> {
    let mut edits = of_profile(spec, python);
    edits.extend(of_graphics(spec));
    edits
}

/// PATH as some edits leave it, for login shells. It has a name of its own, since a step that finds no programs in it
/// must work nevertheless.
pub(crate) fn of_login(edits: Vec<Edit>) -> Vec<Edit> {
    let paths = edits.into_iter().filter(|edit| edit.name == "PATH");
    let mut login = vec![Edit::copy(LOGIN_PATH, "PATH")];
    login.extend(paths.map(|edit| edit.renamed(LOGIN_PATH)));
    login
}

fn of_profile(spec: &ImageSpec, python: Option<&PythonPlace>) -> Vec<Edit> {
    let Some(python) = python else { return Vec::new() };
    let mut edits = vec![Edit::prepend("PATH", python.bin())];
    if spec.profile == Profile::Flyte {
        edits.extend([
            Edit::set("UV_PYTHON", python.program()),
            Edit::set("UV_COMPILE_BYTECODE", "1"),
            Edit::set("UV_LINK_MODE", "copy"),
            Edit::set("FLYTE_SDK_RICH_TRACEBACKS", "0"),
            Edit::set("SSL_CERT_DIR", "/etc/ssl/certs"),
            Edit::set("PYTHONPATH", "/root"),
        ]);
    }
    edits
}

/// What scripts read PATH for login shells from.
const LOGIN_PATH: &str = "IMAGESPEC_LOGIN_PATH";

/// Where hosts put the drivers of graphics cards.
fn of_graphics(spec: &ImageSpec) -> Vec<Edit> {
    match spec.profile {
        Profile::Flyte => vec![
            Edit::append("PATH", "/usr/local/nvidia/bin:/usr/local/cuda/bin"),
            Edit::prepend("LD_LIBRARY_PATH", "/usr/local/nvidia/lib64"),
        ],
        Profile::Plain => Vec::new(),
    }
}

/// The variables that describe the image to a task. No step sees them: they change with fields that no step reads.
const OF_TASK: [&str; 2] = ["_F_IMG_ID", "_F_RUNTIME_PACKAGES"];

/// The variables that describe the image to a task; `id` is the id of its spec.
pub(crate) fn of_task(spec: &ImageSpec, id: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    if spec.profile == Profile::Flyte {
        edits.push(Edit::set("_F_IMG_ID", id));
    }
    // flytekit's entry point installs these when a task starts.
    let packages: Vec<&str> = ImageSpec::strings(&spec.runtime_packages)
        .map(|package| package.value.as_str())
        .collect();
    if !packages.is_empty() {
        edits.push(Edit::set("_F_RUNTIME_PACKAGES", packages.join(" ")));
    }
    edits
}

/// An image's environment as storeys above it see it: they have a PATH to start from, and nothing describes the image to
/// a task.
pub(crate) fn for_storeys_above(edits: &[Edit]) -> Vec<Edit> {
    let mut seen: Vec<Edit> = edits
        .iter()
        .filter(|edit| !OF_TASK.contains(&edit.name.as_str()))
        .cloned()
        .collect();
    seen.extend(Edit::of_base());
    // The base image may be such an image.
    seen.extend(OF_TASK.map(Edit::unset));
    seen
}
