//! The install steps: user, Debian packages, interpreter, Python packages.

use crate::image_spec::{ImageSpec, Profile, TextValue};
use crate::plan::build::{Builder, chain};
use crate::plan::draft::{Draft, rank};
use crate::plan::script::{Script, quote, quote_all};
use crate::plan::types::{Action, Mount, Role, Run, Sharing, Stage};
use crate::plan::{CA_SECRET, DEFAULT_PYTHON, FIXED_TIME};
use crate::text::Span;

pub(super) const UV: &str = "/tmp/imagespec/uv";
const MICROMAMBA: &str = "/tmp/imagespec/micromamba";
const BUNDLE: &str = "/tmp/imagespec/ca-certificates.crt";
/// Where uv keeps what it downloaded; as a shared cache with its target as id it stays out of cache keys.
pub(super) const UV_CACHE: &str = "/var/cache/imagespec/uv";
/// The user that tasks run as in the `flyte` profile.
pub(super) const TASK_USER: &str = "flytekit";

/// The interpreter that packages are installed for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interpreter {
    /// The directory that everything goes below.
    pub(super) prefix: &'static str,
    /// Whether it is a virtual environment on an interpreter of the image.
    pub(super) is_venv: bool,
}

impl Interpreter {
    pub(super) fn conda() -> Self {
        Self {
            prefix: "/opt/micromamba/envs/runtime",
            is_venv: false,
        }
    }

    pub(super) fn venv() -> Self {
        Self {
            prefix: "/root/.venv",
            is_venv: true,
        }
    }

    /// The interpreter of a spec's image; `None` when it has none of ours.
    pub(super) fn of(spec: &ImageSpec) -> Option<Self> {
        if spec.python_exec.is_some() {
            return Some(Self::venv());
        }
        if Self::is_inherited(spec) {
            return spec.below().and_then(Self::of);
        }
        let wanted = spec.profile == Profile::Flyte
            || spec.requirements.is_some()
            || ImageSpec::strings(&spec.packages).next().is_some()
            || asks_for_conda(spec);
        wanted.then(Self::conda)
    }

    /// Whether the interpreter is that of the spec in `base_image`: it has one, and nothing else is asked for.
    fn is_inherited(spec: &ImageSpec) -> bool {
        spec.python_exec.is_none() && !asks_for_conda(spec) && spec.below().and_then(Self::of).is_some()
    }

    pub(super) fn bin(&self) -> String {
        format!("{}/bin", self.prefix)
    }

    pub(super) fn program(&self) -> String {
        format!("{}/bin/python", self.prefix)
    }
}

fn asks_for_conda(spec: &ImageSpec) -> bool {
    spec.python_version.is_some() || ImageSpec::strings(&spec.conda_packages).next().is_some()
}

/// The Python version of a spec's conda environment: more packages must not change the base's.
fn conda_version(spec: &ImageSpec) -> &str {
    match (&spec.python_version, spec.below()) {
        (Some(version), _) => &version.value,
        (None, Some(nested)) => conda_version(nested),
        (None, None) => DEFAULT_PYTHON,
    }
}

pub(super) fn scratch() -> Mount {
    Mount::Scratch { target: "/tmp".into() }
}

pub(super) fn certificates() -> Mount {
    Mount::Secret {
        target: "/tmp/imagespec/ca.crt".into(),
        id: CA_SECRET.into(),
    }
}

pub(super) fn program(target: &str, image: Role, path: &str) -> Mount {
    Mount::Program {
        target: target.into(),
        image,
        path: path.into(),
    }
}

/// The certificates of the micromamba image.
fn bundle() -> Mount {
    program(BUNDLE, Role::Micromamba, "/etc/ssl/certs/ca-certificates.crt")
}

pub(super) fn uv_cache() -> Mount {
    Mount::Cache {
        target: UV_CACHE.into(),
        id: UV_CACHE.into(),
        sharing: Sharing::Shared,
    }
}

impl Builder<'_> {
    /// Who owns what is installed and copied.
    pub(super) fn owner(&self) -> &'static str {
        match self.spec.profile {
            Profile::Flyte => TASK_USER,
            Profile::Plain => "root",
        }
    }

    /// The user of the `flyte` profile with its directories, and certificates where the base has none.
    pub(super) fn user(&mut self, path: &str) {
        if self.spec.profile == Profile::Plain {
            return;
        }
        self.uses_micromamba = true;
        let mounts = vec![scratch(), bundle()];
        let script = Script::new().lines(&format!(
            "if ! id -u {TASK_USER} >/dev/null 2>&1; then\n\
             \x20 if command -v useradd >/dev/null; then useradd --no-log-init --create-home --shell /bin/bash {TASK_USER}\n\
             \x20 else adduser -D {TASK_USER}; fi\n\
             fi\n\
             home=$(getent passwd {TASK_USER} | cut -d: -f6)\n\
             mkdir -p /root \"$home\" && chown {TASK_USER} /root\n\
             line={}\n\
             grep -qsxF \"$line\" \"$home/.profile\" || printf '%s\\n' \"$line\" >> \"$home/.profile\"\n\
             chown {TASK_USER}: \"$home/.profile\"\n\
             if [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then\n\
             \x20 mkdir -p /etc/ssl/certs && cp {BUNDLE} /etc/ssl/certs/ca-certificates.crt && chmod 644 /etc/ssl/certs/ca-certificates.crt\n\
             fi\n\
             rm -f /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-",
            quote(&format!("export PATH={}", quote(path)))
        ));
        let script = script.settle_shell(&mounts);
        // Everything comes after this step, so it sees nothing that a spec can change.
        let mut environment = self.base_environment.clone();
        environment.set("SOURCE_DATE_EPOCH", FIXED_TIME.to_string());
        let run = Run::ours(script, environment.0, mounts);
        let draft = Draft::new(Stage::User, format!("create user {TASK_USER}"), Action::Run(run));
        self.add(draft.after(Vec::new(), "it sees nothing that a spec can change"));
    }

    /// `~/.profile` again, when the spec's own environment changes PATH. Nothing comes after it.
    pub(super) fn profile_line(&mut self, path: &str, span: Span) {
        let script = Script::new()
            .lines(&format!(
                "home=$(getent passwd {TASK_USER} | cut -d: -f6)\nprintf '%s\\n' {} >> \"$home/.profile\"",
                quote(&format!("export PATH={}", quote(path)))
            ))
            .settle_shell(&[scratch()]);
        let run = Run::ours(script, self.base_environment.clone().0, vec![scratch()]);
        let draft = Draft::new(Stage::User, "set PATH of login shells".into(), Action::Run(run)).rank(rank::LAST);
        self.add(
            draft
                .after(self.last_of(Stage::User), "it changes the user's own file")
                .spans(&[span]),
        );
    }

    /// The interpreter, unless there is none or the base spec's is used as it is.
    pub(super) fn python(&mut self) {
        match &self.spec.python_exec {
            Some(exec) => self.venv(exec),
            None if Interpreter::of(self.spec).is_some() && !Interpreter::is_inherited(self.spec) => self.conda(),
            None => {}
        }
    }

    fn conda(&mut self) {
        self.uses_micromamba = true;
        let spec = self.spec;
        let interpreter = Interpreter::conda();
        let mounts = vec![
            scratch(),
            program(MICROMAMBA, Role::Micromamba, "/usr/bin/micromamba"),
            // Slim bases have no certificates, and micromamba brings none in its program.
            bundle(),
            Mount::Cache {
                target: "/tmp/imagespec/conda".into(),
                id: "/var/cache/imagespec/conda".into(),
                sharing: Sharing::Locked,
            },
            certificates(),
        ];
        let version = conda_version(spec);
        let mut channels = vec!["conda-forge"];
        for channel in ImageSpec::strings(&spec.conda_channels) {
            if !channels.contains(&channel.value.as_str()) {
                channels.push(&channel.value);
            }
        }
        let channels: Vec<String> = channels.iter().map(|c| format!("--channel {}", quote(c))).collect();
        let python = format!("python={version}");
        let packages = ImageSpec::strings(&spec.conda_packages).map(|p| p.value.as_str());
        let packages = quote_all(std::iter::once(python.as_str()).chain(packages));
        let prefix = interpreter.prefix;
        let script = Script::new()
            .trust()
            .lines(&format!(
                "export HOME=/tmp/home CONDA_PKGS_DIRS=/tmp/imagespec/conda PYTHONHASHSEED=0\n\
                 mkdir -p \"$HOME\"\n\
                 {MICROMAMBA} config set use_lockfiles False\n\
                 verb=create\n\
                 if [ -d {prefix}/conda-meta ]; then verb=install; fi\n\
                 {MICROMAMBA} \"$verb\" --yes --root-prefix /opt/micromamba --name runtime {} {packages}\n\
                 # Dates and command lines.\n\
                 : > {prefix}/conda-meta/history\n\
                 rm -rf /opt/micromamba/.mamba /opt/micromamba/pkgs",
                channels.join(" ")
            ))
            .settle_python(&interpreter.program(), self.owner(), "/opt/micromamba", &mounts);
        let spans: Vec<Span> = [
            spec.python_version.as_ref().map(|v| v.span),
            spec.conda_packages.as_ref().map(|v| v.span),
            spec.conda_channels.as_ref().map(|v| v.span),
        ]
        .into_iter()
        .flatten()
        .collect();
        // Without any of these, the interpreter is there for the packages.
        let packages_span = spec.packages.as_ref().map(|list| list.span);
        let wanted_by = packages_span.or(spec.requirements.as_ref().map(|file| file.span));
        let spans = if spans.is_empty() {
            wanted_by.into_iter().collect()
        } else {
            spans
        };
        let after = self.last_of(Stage::User);
        let environment = self.install_environment().0;
        let run = Run::ours(script, environment, mounts);
        let draft = Draft::new(
            Stage::Python,
            format!("micromamba install {packages}"),
            Action::Run(run),
        );
        self.add(
            draft
                .after(after, "conda packages bring all that they need")
                .spans(&spans),
        );
    }

    fn venv(&mut self, exec: &TextValue) {
        self.uses_uv = true;
        let interpreter = Interpreter::venv();
        let mounts = vec![scratch(), program(UV, Role::Uv, "/uv"), uv_cache()];
        let script = Script::new()
            .lines(&format!(
                "export HOME=/root UV_CACHE_DIR={UV_CACHE} UV_PYTHON_DOWNLOADS=never\n\
                 if [ ! -x {program} ]; then {UV} venv --python {} --system-site-packages {prefix}; fi\n\
                 rm -f {prefix}/.lock",
                quote(&exec.value),
                program = interpreter.program(),
                prefix = interpreter.prefix
            ))
            .settle_python(&interpreter.program(), self.owner(), interpreter.prefix, &mounts);
        // The interpreter may come from an apt package.
        let after = self.last_of_any(&[Stage::Apt, Stage::User]);
        let environment = self.install_environment().0;
        let run = Run::ours(script, environment, mounts);
        let draft = Draft::new(
            Stage::Python,
            format!("uv venv --python {}", exec.value),
            Action::Run(run),
        );
        self.add(
            draft
                .after(after, "the interpreter may come from apt")
                .spans(&[exec.span]),
        );
    }

    /// Debian packages: a chain, so that one more package is one more step.
    pub(super) fn apt(&mut self) {
        let mut seen: Vec<&str> = Vec::new();
        let mut entries: Vec<(Vec<&str>, Span)> = Vec::new();
        for entry in ImageSpec::strings(&self.spec.apt_packages) {
            let names: Vec<&str> = entry
                .value
                .split_whitespace()
                .filter(|name| !seen.contains(name))
                .collect();
            seen.extend(&names);
            if !names.is_empty() {
                entries.push((names, entry.span));
            }
        }
        let mut after = self.last_of(Stage::User);
        for group in chain(&entries) {
            let names: Vec<&str> = group.iter().flat_map(|(names, _)| names.iter().copied()).collect();
            let spans: Vec<Span> = group.iter().map(|(_, span)| *span).collect();
            after = vec![self.apt_step(&names, &spans, after)];
        }
    }

    fn apt_step(&mut self, names: &[&str], spans: &[Span], after: Vec<usize>) -> usize {
        let mounts = vec![
            scratch(),
            Mount::Cache {
                target: "/tmp/imagespec/apt/archives".into(),
                id: "/var/cache/imagespec/apt/archives".into(),
                sharing: Sharing::Locked,
            },
            Mount::Cache {
                target: "/tmp/imagespec/apt/state".into(),
                // Lists of one base or platform are of no use to another.
                id: format!(
                    "/var/cache/imagespec/apt/state/{}/{}",
                    self.platform, self.facts.base.name
                ),
                sharing: Sharing::Locked,
            },
        ];
        let packages = quote_all(names.iter().copied());
        let script = Script::new()
            .lines(&format!(
                "state=/tmp/imagespec/apt/state archives=/tmp/imagespec/apt/archives\n\
                 mkdir -p \"$state/lists/partial\" \"$archives/partial\"\n\
                 apt() {{\n\
                 \x20 apt-get -q -o Dir::State::lists=\"$state/lists\" -o Dir::Cache::archives=\"$archives\" \\\n\
                 \x20   -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Keep-Downloaded-Packages=true \\\n\
                 \x20   -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \"$@\"\n\
                 }}\n\
                 update() {{ apt update && touch \"$state/updated\"; }}\n\
                 install() {{ apt install -y --no-install-recommends -- {packages}; }}\n\
                 if [ -n \"$(find \"$state/updated\" -mmin -10 2>/dev/null)\" ]; then\n\
                 \x20 install || {{ update && install; }}\n\
                 else\n\
                 \x20 update && install\n\
                 fi\n\
                 # What says when and how, not what.\n\
                 find /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache \\\n\
                 \x20 /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid- \\\n\
                 \x20 /var/lib/dpkg/*-old /var/cache/debconf/*-old -xdev -type f -newer /tmp/.started -exec rm -f {{}} + 2>/dev/null || true"
            ))
            .settle_shell(&mounts);
        let mut environment = self.apt_environment();
        environment.set("DEBIAN_FRONTEND", "noninteractive");
        environment.set("SOURCE_DATE_EPOCH", FIXED_TIME.to_string());
        let run = Run::ours(script, environment.0, mounts);
        let mut draft = Draft::new(Stage::Apt, format!("apt-get install {packages}"), Action::Run(run));
        if self.spec.python_exec.is_some() {
            draft = draft.rank(rank::USER);
        }
        self.add(
            draft
                .after(after, "each entry comes after the one before it in the list")
                .spans(spans),
        )
    }
}
