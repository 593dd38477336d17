//! Who sees which variable: what only unpacks wheels sees a few of `env`; builds, commands and the image see all of it.

use crate::image_spec::{ImageSpec, Profile, SecretForm, SecretSteps, TextMap};
use crate::plan::environment::{DEFAULT_PATH, Edit};
use crate::plan::inputs::StoreyInputs;
use crate::plan::python_place::PythonPlace;
use crate::text::file_name;

/// Names in `env` that installers read. Install steps see only these, so that the others can change without
/// installing again.
const INSTALLER_NAMES: [&str; 20] = [
    "NETRC",
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

/// Whether a variable is the version of a project: only builds read it, and it changes with each release.
fn is_version_of_project(name: &str) -> bool {
    name.contains("PRETEND_VERSION") || name.ends_with("_VERSIONING_BYPASS") || name == "PBR_VERSION"
}

/// What install steps see: the part of `env` that installers read, and `build_env`, but for what only builds read.
pub(crate) fn of_installs(spec: &ImageSpec) -> Vec<Edit> {
    let mut edits = netrc(spec);
    let is_seen = |name: &str| !is_version_of_project(name);
    edits.extend(chosen(&spec.env, |name| is_for_installers(name) && is_seen(name)));
    edits.extend(chosen(&spec.build_env, is_seen));
    edits
}

/// What steps see that build packages: all of `env`, since nobody knows what a package's build reads, and `build_env`.
pub(crate) fn of_builds(inputs: &StoreyInputs<'_>) -> Vec<Edit> {
    let mut edits = of_activation(inputs);
    edits.extend(of_spec_for_builds(inputs.spec));
    edits
}

fn of_spec_for_builds(spec: &ImageSpec) -> Vec<Edit> {
    let mut edits = netrc(spec);
    edits.extend(chosen(&spec.env, |_| true));
    edits.extend(of_build_env(spec));
    // Scripts need programs, whatever PATH the image has.
    edits.push(Edit::append("PATH", DEFAULT_PATH));
    edits
}

/// What apt sees: proxies, what maintainer scripts ask for, and `build_env` without what only Python's tools read.
pub(crate) fn of_apt(spec: &ImageSpec) -> Vec<Edit> {
    let is_for_scripts =
        |name: &str| name == "ACCEPT_EULA" || name.starts_with("DEBIAN_") || name.starts_with("DEBCONF_");
    let mut edits = chosen(&spec.env, |name| is_proxy(name) || is_for_scripts(name));
    edits.extend(chosen(&spec.build_env, |name| !is_for_python(name)));
    edits
}

/// Whether only Python's tools read a variable.
fn is_for_python(name: &str) -> bool {
    const PREFIXES: [&str; 9] = [
        "UV_",
        "PIP_",
        "PYTHON",
        "SETUPTOOLS_",
        "POETRY_",
        "HATCH_",
        "PBR_",
        "CONDA_",
        "MAMBA_",
    ];
    name == "NETRC" || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// `build_env`.
pub(crate) fn of_build_env(spec: &ImageSpec) -> Vec<Edit> {
    chosen(&spec.build_env, |_| true)
}

/// Leads installers to a secret that is a netrc file where they do not look by themselves.
fn netrc(spec: &ImageSpec) -> Vec<Edit> {
    let is_netrc = |target: &&str| file_name(target).ends_with("netrc") && *target != "/root/.netrc";
    let mounts = spec.pip_secret_mounts.iter().map(|mount| mount.target.as_str());
    let of_packages = spec.secrets.iter().filter_map(|secret| match &secret.form {
        SecretForm::File(target) if secret.steps.contains(&SecretSteps::Packages) => Some(target.as_str()),
        _ => None,
    });
    let target = mounts.chain(of_packages).find(is_netrc);
    target.map(|target| Edit::set("NETRC", target)).into_iter().collect()
}

fn chosen(map: &Option<TextMap>, is_wanted: impl Fn(&str) -> bool) -> Vec<Edit> {
    let pairs = map.iter().flat_map(|map| &map.value);
    pairs
        .filter(|(name, _)| is_wanted(&name.value))
        .map(|(name, value)| Edit::text(&name.value, &value.value))
        .collect()
}

/// What leads uv to the image's packages in the user's own commands.
pub(crate) fn of_uv(python: Option<&PythonPlace>) -> Vec<Edit> {
    let Some(python) = python else { return Vec::new() };
    vec![
        Edit::set("UV_PYTHON", python.program()),
        Edit::set("UV_PYTHON_DOWNLOADS", "never"),
        Edit::set("UV_LINK_MODE", "copy"),
    ]
}

/// The environment of the image, without the variables that describe the image to a task.
pub(crate) fn of_image(inputs: &StoreyInputs<'_>) -> Vec<Edit> {
    let mut edits = of_profile(inputs.spec, inputs.python.as_ref());
    edits.extend(of_activation(inputs));
    edits.extend(chosen(&inputs.spec.env, |_| true));
    edits.extend(of_graphics(inputs.spec));
    edits
}

/// The environment of the image, without the spec's own.
pub(crate) fn of_base_image(inputs: &StoreyInputs<'_>) -> Vec<Edit> {
    let mut edits = of_profile(inputs.spec, inputs.python.as_ref());
    edits.extend(of_activation(inputs));
    edits.extend(of_graphics(inputs.spec));
    edits
}

/// What an activated conda environment has. One of a storey below is part of that storey's environment.
fn of_activation(inputs: &StoreyInputs<'_>) -> Vec<Edit> {
    let made = inputs.python.filter(|python| !python.is_venv && !python.is_inherited);
    let Some(python) = made else { return Vec::new() };
    let mut edits = vec![Edit::set("CONDA_PREFIX", python.prefix)];
    edits.extend(inputs.facts.activation.iter().map(|(name, value)| match name.as_str() {
        "PATH" => Edit::prepend("PATH", value),
        name => Edit::set(name, value),
    }));
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
    // The base's virtual environment is not the one whose programs come first.
    let environment = match python.is_venv {
        true => Edit::set("VIRTUAL_ENV", python.prefix),
        false => Edit::unset("VIRTUAL_ENV"),
    };
    let mut edits = vec![environment, Edit::prepend("PATH", python.bin())];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_spec::parse;
    use crate::text::Text;

    const SPEC: &str = "env: {PATH: \"/opt/tool/bin:$PATH\", PBR_VERSION: \"1\", CC: gcc, http_proxy: h, ACCEPT_EULA: y, DEBIAN_PRIORITY: low}\n\
        build_env: {FORCE_CUDA: \"1\", UV_EXCLUDE_NEWER: x, NETRC: /n}\n";

    fn names(of: fn(&ImageSpec) -> Vec<Edit>, yaml: &str) -> String {
        let spec = parse(&Text::new("s.yaml", yaml)).spec.unwrap();
        let names: Vec<String> = of(&spec).into_iter().map(|edit| edit.name).collect();
        names.join(" ")
    }

    #[test]
    fn the_version_of_a_project_installs_nothing_again() {
        let yaml = "env: {SETUPTOOLS_SCM_PRETEND_VERSION: \"1\", UV_INDEX: x}\nbuild_env: {SETUPTOOLS_SCM_PRETEND_VERSION_FOR_A: \"1\", UV_DYNAMIC_VERSIONING_BYPASS: \"1\", A: b}\n";
        assert_eq!(names(of_installs, yaml), "UV_INDEX A");
        assert!(names(of_spec_for_builds, yaml).starts_with("SETUPTOOLS_SCM_PRETEND_VERSION UV_INDEX SETUPTOOLS"));
    }

    #[test]
    fn each_kind_of_step_sees_what_it_may_need() {
        let check = |of: fn(&ImageSpec) -> Vec<Edit>, expect: &str| assert_eq!(names(of, SPEC), expect);
        check(of_installs, "CC http_proxy FORCE_CUDA UV_EXCLUDE_NEWER NETRC");
        check(
            of_spec_for_builds,
            "PATH PBR_VERSION CC http_proxy ACCEPT_EULA DEBIAN_PRIORITY FORCE_CUDA UV_EXCLUDE_NEWER NETRC PATH",
        );
        check(of_apt, "http_proxy ACCEPT_EULA DEBIAN_PRIORITY FORCE_CUDA");
    }

    #[test]
    fn netrc_files_are_found_wherever_they_lie() {
        let check = |target: &str, expect: &str| {
            let yaml = format!("pip_secret_mounts: [[x, {target}]]\n");
            assert_eq!(names(of_installs, &yaml), expect, "{target}");
        };
        check("/run/secrets/netrc", "NETRC");
        check("/home/me/.netrc", "NETRC");
        check("/root/.netrc", "");
        check("/etc/pip.conf", "");
        // Whoever says where it is knows better.
        let yaml = "pip_secret_mounts: [[x, /a/netrc]]\nenv: {NETRC: /b}\n";
        let spec = parse(&Text::new("s.yaml", yaml)).spec.unwrap();
        assert_eq!(of_installs(&spec).last(), Some(&Edit::set("NETRC", "/b")));
    }
}
