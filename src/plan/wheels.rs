//! Python packages as layers: each step installs what the lock names, and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::image_spec::{ImageSpec, Layering};
use crate::plan::build::Builder;
use crate::plan::draft::{Draft, rank};
use crate::plan::heavy::{BUCKETS, bucket, is_heavy, is_huge};
use crate::plan::install::{Interpreter, UV, UV_CACHE, program, scratch};
use crate::plan::lock::{CONTEXT, KEPT_PRODUCT, PRODUCT, WORK, copy_to_work};
use crate::plan::script::{Script, python_lines, quote, quote_all};
use crate::plan::types::{Action, Mount, Product, Role, Run, Stage};
use crate::python::{Artefact, Locked, normalised};
use crate::text::Span;

/// What several packages of a lock have in common: the last of them, by name, keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SharedFile {
    /// The file.
    pub path: String,
    /// The packages, by name.
    pub packages: Vec<String>,
}

/// The packages that are installed, as a lock has them for one interpreter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The packages, by name. Paths are relative to the build context.
    pub packages: Vec<Locked>,
    /// Files that several of them have; known once they are installed.
    pub shared: Vec<SharedFile>,
}

/// Why installs see nothing but the interpreter.
pub const INSTALL_REASON: &str =
    "what the lock names is only unpacked: nothing but the interpreter has a say in the result";
/// Why builds of packages see what apt installs.
pub const BUILD_REASON: &str = "building may need compilers, headers and git from apt";
/// An image's layers are at most so many.
const MAX_LAYERS: usize = 100;
/// So many missing wheels are fetched in one step.
const FETCHED_TOGETHER: usize = 8;
const FETCH: &str = include_str!("scripts/fetch.sh");
const SHARED: &str = include_str!("scripts/shared.py");
/// Where uv keeps credentials; a secret may be mounted there.
const CREDENTIALS: &str = "/root/.local/share/uv/credentials";
const LAYERS: &str = "/tmp/imagespec/layers";
const BUILT: &str = "/tmp/imagespec/built";

/// A step that installs packages.
struct Group<'a> {
    title: String,
    packages: Vec<&'a Locked>,
    rank: usize,
}

impl Builder<'_> {
    /// The steps that install a lock.
    pub(super) fn wheels(&mut self, interpreter: &Interpreter, lock: &Lock) -> Vec<usize> {
        let mut built = BTreeMap::new();
        for package in lock.packages.iter().filter(|package| package.artefact.is_built()) {
            built.insert(package.name.as_str(), self.build_package(interpreter, package));
        }
        let mut steps = Vec::new();
        for group in self.groups(&lock.packages) {
            steps.push(self.install_group(interpreter, &group, &built));
        }
        steps
    }

    /// The step that fetches wheels for many steps that install them at the same time. Huge ones are left to their
    /// own steps: where only the layers of earlier builds are left, few wheels are needed.
    pub(super) fn fetch(&mut self, interpreter: &Interpreter, lock: &Lock) {
        let named = self.named_heavy();
        let is_fetched = |package: &&Locked| {
            let is_from_index = matches!(package.artefact, Artefact::Wheel { .. });
            is_from_index && !is_huge(&package.name) && !named.contains(&package.name)
        };
        let wheels: Vec<&Locked> = lock.packages.iter().filter(is_fetched).collect();
        let extra = self.extra_arguments().install;
        let is_kept = !extra.iter().any(|word| word == "--no-cache");
        if wheels.len() < FETCHED_TOGETHER || self.spec.layering == Layering::Single || !is_kept {
            return;
        }
        let (mounts, script, mut spans) = self.index_access();
        spans.extend(self.package_spans());
        let mut arguments = vec!["--python".to_owned(), interpreter.program()];
        arguments.extend(self.install_index_arguments(wheels.iter().copied()));
        arguments.extend(extra);
        let list: Vec<String> = wheels
            .iter()
            .map(|package| requirement_line(package, CONTEXT))
            .collect();
        let lines = format!(
            "{}{}printf '%s\\n' {} > /tmp/imagespec/requirements.txt\nuv={UV} many={FETCHED_TOGETHER}\nset -- {}\n{FETCH}",
            self.index_lines(),
            install_environment(interpreter),
            quote_all(list.iter().map(String::as_str)),
            quote_all(arguments.iter().map(String::as_str))
        );
        let run = Run::ours(script.lines(&lines).text(), self.install_environment().0, mounts).making(PRODUCT);
        let title = format!("fetch what is missing of {} wheels", wheels.len());
        let draft = Draft::new(Stage::Packages, title, Action::Run(run)).makes(Product::Fetched);
        let after = self.with_python();
        let reason = "the image has nothing of it: the steps that install need not ask the indexes one by one";
        self.add(draft.after(after, reason).spans(&spans));
    }

    fn groups<'l>(&self, packages: &'l [Locked]) -> Vec<Group<'l>> {
        if packages.is_empty() {
            return Vec::new();
        }
        if self.spec.layering == Layering::Single {
            return vec![Group {
                title: String::new(),
                packages: packages.iter().collect(),
                rank: rank::SHARED_LAYERS,
            }];
        }
        let named = self.named_heavy();
        let is_project = |package: &&Locked| matches!(&package.artefact, Artefact::Path { hash: None, .. });
        let (projects, others): (Vec<&Locked>, Vec<&Locked>) = packages.iter().partition(is_project);
        let (mut heavy, mut light): (Vec<&Locked>, Vec<&Locked>) = others
            .into_iter()
            .partition(|package| is_heavy(&package.name) || named.contains(&package.name));
        // Names come in order, so the last ones share when there are too many.
        let buckets = usize::try_from(BUCKETS).unwrap_or(usize::MAX);
        let others = self.facts.base.layers + self.layers_besides_packages() + buckets + projects.len() + 2;
        light.extend(heavy.split_off(heavy.len().min(MAX_LAYERS.saturating_sub(others))));
        let mut shared: BTreeMap<u64, Vec<&Locked>> = BTreeMap::new();
        light.sort_by(|a, b| a.name.cmp(&b.name));
        for package in light {
            shared.entry(bucket(&package.name)).or_default().push(package);
        }
        let alone = |rank| {
            move |package| Group {
                title: String::new(),
                packages: vec![package],
                rank,
            }
        };
        let mut groups: Vec<Group<'l>> = heavy.into_iter().map(alone(rank::HEAVY)).collect();
        groups.extend(shared.into_iter().map(|(number, packages)| Group {
            title: format!(" (shared layer {number})"),
            packages,
            rank: rank::SHARED_LAYERS,
        }));
        groups.extend(projects.into_iter().map(alone(rank::PROJECTS)));
        groups
    }

    /// The packages that the spec calls heavy.
    fn named_heavy(&self) -> Vec<String> {
        let names = ImageSpec::strings(&self.spec.heavy);
        names.map(|name| normalised(&name.value)).collect()
    }

    fn package_spans(&self) -> Vec<Span> {
        let packages = self.spec.packages.iter().map(|list| list.span);
        packages
            .chain(self.spec.requirements.iter().map(|file| file.span))
            .collect()
    }

    /// Builds a package and gives the step that has its files, laid out as below the interpreter's prefix.
    fn build_package(&mut self, interpreter: &Interpreter, package: &Locked) -> usize {
        self.uses_uv = true;
        let (mut mounts, script, mut spans) = self.index_access();
        spans.extend(self.package_spans());
        // Only what it is built from: an edit of anything else must not build it again.
        let (own, copy) = match &package.artefact {
            Artefact::Path { path, .. } => (Some(path), copy_to_work()),
            _ => (None, String::new()),
        };
        mounts.extend(self.mounts_of(own));
        let mut arguments = vec![
            "--python".to_owned(),
            interpreter.program(),
            "--no-deps".into(),
            "--prefix".into(),
            PRODUCT.into(),
        ];
        arguments.extend(self.locked_index_arguments([package]));
        arguments.extend(self.extra_arguments().build);
        if let Artefact::Source { .. } = package.artefact {
            arguments.extend(["--no-binary".into(), package.name.clone()]);
        }
        let line = requirement_line(package, WORK);
        arguments.extend(["--requirement".into(), "/tmp/imagespec/requirements.txt".into()]);
        let lines = format!(
            "{copy}{}printf '%s\\n' {} > /tmp/imagespec/requirements.txt\n\
             {UV} pip install {}\n\
             rm -rf {PRODUCT}/.lock\n\
             {}\n\
             find {PRODUCT} -name __pycache__ -prune -exec rm -rf {{}} +",
            install_environment(interpreter),
            quote(&line),
            quote_all(arguments.iter().map(String::as_str)),
            without_times(PRODUCT),
        );
        let run = Run::ours(script.lines(&lines).text(), self.install_environment().0, mounts).making(PRODUCT);
        let after = self.with_apt();
        let title = format!("build {}", shown(package));
        let draft = Draft::new(Stage::Packages, title, Action::Run(run))
            .makes(Product::Package)
            .after(after, BUILD_REASON);
        self.add(draft.spans(&spans))
    }

    fn install_group(&mut self, interpreter: &Interpreter, group: &Group<'_>, built: &BTreeMap<&str, usize>) -> usize {
        let prefix = interpreter.prefix;
        let is_single = self.spec.layering == Layering::Single;
        let wheels: Vec<&Locked> = group
            .packages
            .iter()
            .copied()
            .filter(|package| !package.artefact.is_built())
            .collect();
        let builds: Vec<(&str, usize)> = group
            .packages
            .iter()
            .filter_map(|package| Some((package.name.as_str(), *built.get(package.name.as_str())?)))
            .collect();
        self.uses_uv = true;
        let (mut mounts, script, mut spans) = if wheels.is_empty() {
            (vec![scratch(), program(UV, Role::Uv, "/uv")], Script::new(), Vec::new())
        } else {
            let (mounts, script, spans) = self.index_access();
            (mounts, script.lines(&self.index_lines()), spans)
        };
        spans.extend(self.package_spans());
        mounts.extend(builds.iter().map(|(name, step)| Mount::Product {
            target: format!("{BUILT}/{name}"),
            step: *step,
        }));
        for package in &wheels {
            if let Artefact::Path { path, .. } = &package.artefact {
                mounts.push(Mount::ContextFile {
                    target: format!("{CONTEXT}/{path}"),
                    path: path.clone(),
                });
            }
        }
        let mut lines = install_environment(interpreter);
        let mut arguments = vec![
            "--python".to_owned(),
            interpreter.program(),
            "--no-deps".into(),
            "--require-hashes".into(),
        ];
        arguments.extend(self.install_index_arguments(group.packages.iter().copied()));
        let extra = self.extra_arguments();
        arguments.extend(extra.install);
        if is_single {
            arguments.extend(extra.unknown);
        } else {
            arguments.push("--no-build".into());
        }
        arguments.extend(["--requirement".into(), "/tmp/imagespec/requirements.txt".into()]);
        let arguments = quote_all(arguments.iter().map(String::as_str));
        if !wheels.is_empty() {
            let list: Vec<String> = wheels
                .iter()
                .map(|package| requirement_line(package, CONTEXT))
                .collect();
            let list = quote_all(list.iter().map(String::as_str));
            // What was fetched before needs no network; uv says nothing of how it fared without.
            lines.push_str(&format!(
                "printf '%s\\n' {list} > /tmp/imagespec/requirements.txt\n\
                 install() {{\n\
                 \x20 if {UV} pip install --offline {arguments} \"$@\" 2>/tmp/imagespec/offline.log; then cat /tmp/imagespec/offline.log >&2\n\
                 \x20 else {UV} pip install {arguments} \"$@\"; fi\n\
                 }}\n\
                 install\n"
            ));
        }
        for (name, _) in &builds {
            // An older one, of the image below, would leave its files.
            lines.push_str(&format!(
                "HOME=/tmp/home UV_CACHE_DIR=/tmp/imagespec/cache {UV} pip uninstall -q --python {} {name} 2>/dev/null || true\ncp -R {BUILT}/{name}/. {prefix}/\n",
                quote(&interpreter.program())
            ));
        }
        if group.packages.len() > 1 {
            let names = quote_all(group.packages.iter().map(|package| package.name.as_str()));
            let again: String = builds
                .iter()
                .map(|(name, _)| format!("    {name}) cp -R {BUILT}/{name}/. {prefix}/ ;;\n"))
                .collect();
            let look = python_lines(
                &interpreter.program(),
                "SHARED_AS=names",
                &format!("{prefix} -- / {names}"),
                SHARED,
            );
            lines.push_str(&format!(
                "# Files of two packages are those of the one whose name comes last.\n\
                 names=$({look})\n\
                 for name in $names; do\n\
                 \x20 case \"$name\" in\n{again}    *) install --reinstall-package \"$name\" ;;\n\
                 \x20 esac\n\
                 done\n"
            ));
        }
        lines.push_str(&format!("rm -f {prefix}/.lock {CREDENTIALS}/credentials.toml.lock"));
        if wheels
            .iter()
            .any(|package| matches!(package.artefact, Artefact::Path { .. }))
        {
            lines.push_str(&format!("\n{}", without_times(prefix)));
        }
        let script = script
            .lines(&lines)
            .settle_python(&interpreter.program(), self.owner(), prefix, &mounts);
        let (after, reason) = if is_single && !self.extra_arguments().unknown.is_empty() {
            (self.with_apt(), "arguments that are not known may need anything")
        } else {
            (self.with_python(), INSTALL_REASON)
        };
        let run = Run::ours(script, self.install_environment().0, mounts);
        let names: Vec<String> = group.packages.iter().map(|package| shown(package)).collect();
        let title = format!("uv pip install {}{}", names.join(" "), group.title);
        let packages = group.packages.iter().map(|package| package.name.clone()).collect();
        let draft = Draft::new(Stage::Packages, title, Action::Run(run))
            .after(after, reason)
            .rank(group.rank);
        self.add(draft.spans(&spans).packages(packages))
    }

    /// The step that finds files which several packages have.
    pub(super) fn shared_files(&mut self, interpreter: &Interpreter, steps: &[usize]) -> Option<usize> {
        let installed: usize = steps.iter().map(|step| self.packages_of(*step).len()).sum();
        if installed < 2 {
            return None;
        }
        let mut mounts = vec![scratch()];
        let mut arguments = vec![interpreter.prefix.to_owned()];
        for (number, step) in steps.iter().enumerate() {
            let target = format!("{LAYERS}/{number}");
            arguments.extend(["--".to_owned(), target.clone()]);
            arguments.extend(self.packages_of(*step).iter().cloned());
            mounts.push(Mount::Files { target, step: *step });
        }
        let look = python_lines(
            &interpreter.program(),
            &format!("SHARED_AS={KEPT_PRODUCT}/shared-files.json"),
            &quote_all(arguments.iter().map(String::as_str)),
            SHARED,
        );
        let script = Script::new().lines(&format!("mkdir -p {KEPT_PRODUCT}\n{look}"));
        let run = Run::ours(script.text(), self.base_environment.clone().0, mounts).making(PRODUCT);
        let after = self.with_python();
        let title = "look for files that two packages have".to_owned();
        let draft = Draft::new(Stage::Packages, title, Action::Run(run)).makes(Product::SharedFiles);
        Some(self.add(draft.after(after, "it reads the layers, one beside the other")))
    }

    /// The files that several packages have, as the last of them by name has them.
    pub(super) fn keep_shared_files(&mut self, interpreter: &Interpreter, steps: &[usize], lock: &Lock) {
        let mut mounts = vec![scratch()];
        let mut copies = String::new();
        for file in &lock.shared {
            let Some(keeper) = file.packages.last() else { continue };
            // A step has settled by itself what is shared in it.
            let has_one = |step: &&usize| {
                file.packages
                    .iter()
                    .any(|package| self.packages_of(**step).contains(package))
            };
            if steps.iter().filter(has_one).count() < 2 {
                continue;
            }
            let Some(number) = steps.iter().position(|step| self.packages_of(*step).contains(keeper)) else {
                continue;
            };
            let target = format!("{LAYERS}/{number}");
            if !mounts.iter().any(|mount| mount.target() == target)
                && let Some(step) = steps.get(number)
            {
                mounts.push(Mount::Files {
                    target: target.clone(),
                    step: *step,
                });
            }
            copies.push_str(&format!("keep {target} {}\n", quote(&file.path)));
        }
        if copies.is_empty() {
            return;
        }
        let script = Script::new()
            .lines(&format!(
                "keep() {{\n\
                 \x20 mkdir -p \"${{2%/*}}\" && cp -p \"$1$2\" \"$2\"\n\
                 \x20 name=${{2##*/}}\n\
                 \x20 for compiled in \"$1${{2%/*}}/__pycache__/${{name%.py}}\".*.pyc; do\n\
                 \x20   if [ -e \"$compiled\" ]; then mkdir -p \"${{2%/*}}/__pycache__\" && cp -p \"$compiled\" \"${{2%/*}}/__pycache__/\"; fi\n\
                 \x20 done\n\
                 }}\n{copies}"
            ))
            .settle_python(&interpreter.program(), self.owner(), interpreter.prefix, &mounts);
        let run = Run::ours(script, self.base_environment.clone().0, mounts);
        let after = self.with_python();
        let title = format!("keep files that two packages have ({})", lock.shared.len());
        let draft = Draft::new(Stage::Packages, title, Action::Run(run)).rank(rank::SHARED_FILES);
        self.add(draft.after(after, "it lies above the layers that it takes files from"));
    }
}

fn install_environment(interpreter: &Interpreter) -> String {
    format!(
        "export HOME=/root UV_CACHE_DIR={UV_CACHE} UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=0\n\
         # Whoever asks an index leaves a lock file there.\n\
         [ -n \"${{UV_CREDENTIALS_DIR:-}}\" ] || [ -e {CREDENTIALS} ] || export UV_CREDENTIALS_DIR=/tmp/imagespec/credentials\n\
         export PYTHONHASHSEED=0 PATH={}:\"$PATH\"\n",
        interpreter.bin(),
    )
}

/// Removes what says when a local file or directory was installed; RECORD names it.
fn without_times(directory: &str) -> String {
    format!(
        "find {directory} -name uv_cache.json -path '*.dist-info/*' | while read -r file; do\n\
         \x20 sed -i '/\\.dist-info\\/uv_cache\\.json,/d' \"${{file%/*}}/RECORD\" && rm -f \"$file\"\n\
         done"
    )
}

/// A path as part of a URL.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/+!$&'()*,;=:@".contains(&byte);
    path.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// `name==version`, for people.
fn shown(package: &Locked) -> String {
    match (&package.version, &package.artefact) {
        (Some(version), _) => format!("{}=={version}", package.name),
        (None, Artefact::Repository { commit, .. }) => {
            format!("{}@{}", package.name, commit.get(..12).unwrap_or(commit))
        }
        (None, _) => package.name.clone(),
    }
}

/// A line of a requirements file that names exactly one file.
fn requirement_line(package: &Locked, context: &str) -> String {
    let name = &package.name;
    let version = package.version.as_deref().unwrap_or_default();
    let fragment = |subdirectory: &Option<String>| {
        let part = subdirectory.as_ref().filter(|part| !part.is_empty());
        part.map_or(String::new(), |part| format!("#subdirectory={part}"))
    };
    match &package.artefact {
        Artefact::Wheel { hash } | Artefact::Source { hash } => format!("{name}=={version} --hash={hash}"),
        Artefact::Archive {
            url,
            hash,
            subdirectory,
        } => format!("{name} @ {url}{} --hash={hash}", fragment(subdirectory)),
        Artefact::Repository {
            url,
            commit,
            subdirectory,
        } => format!("{name} @ {url}@{commit}{}", fragment(subdirectory)),
        Artefact::Path {
            path,
            hash,
            subdirectory,
        } => {
            let hash = hash.as_ref().map_or(String::new(), |hash| format!(" --hash={hash}"));
            format!(
                "{name} @ file://{context}/{}{}{hash}",
                encoded(path),
                fragment(subdirectory)
            )
        }
    }
}
