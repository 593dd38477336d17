use crate::image_spec::{BaseImage, ImageSpec, Profile, TextList, TextMap, TextValue};
use crate::oci::{Platform, Reference};
use crate::plan::draft::{Draft, in_order};
use crate::plan::environment::{Environment, is_for_installers, is_proxy};
use crate::plan::install::{Interpreter, TASK_USER, UV_CACHE, uv_cache};
use crate::plan::types::{Action, Base, BuildPlan, CopyFiles, Mount, Origin, Role, Run, Settings, Stage, Step, Tools};
use crate::plan::wheels::Lock;
use crate::plan::{DEFAULT_BASE, DEFAULT_MICROMAMBA, DEFAULT_UV};
use crate::text::{Span, Text, context_path};

/// What a plan needs to know of the image that it starts from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseFacts {
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// A short name of it that stays the same when the image changes.
    pub name: String,
    /// How many layers it has.
    pub layers: usize,
}

/// What the requirements files of a spec say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The requirements in them, as their lines have them.
    pub lines: Vec<String>,
    /// What else decides which versions are chosen, as a lock of ours notes it: `-c numpy<2` for example.
    pub settings: Vec<String>,
    /// uv's options for the indexes that they name.
    pub indexes: Vec<String>,
    /// All files that are read, by their paths in the context.
    pub files: Vec<String>,
    /// Files and directories of the context that packages are built or installed from.
    pub projects: Vec<String>,
}

/// What a plan needs to know besides the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The innermost base image.
    pub base: BaseFacts,
    /// The spec's id, which a task finds in its environment.
    pub id: String,
    /// What the requirements files say.
    pub requirements: Requirements,
    /// The path of a lock beside the spec, in the tree that the spec is in.
    pub beside: Option<String>,
    /// The packages that are installed. Without it a plan ends where they are looked up.
    pub lock: Option<Lock>,
    /// The facts of the spec in `base_image`, when there is one.
    pub nested: Option<Box<Facts>>,
}

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How many entries of a list get a step of their own.
const CHAIN: usize = 8;
/// What tells a task about its own image. No step sees it: it changes with fields that no step reads.
const OWN_NAMES: [&str; 2] = ["_F_IMG_ID", "_F_RUNTIME_PACKAGES"];
/// Left out when a source tree is copied: what flytekit leaves out, and git's own directory.
pub(crate) const NOT_SOURCE: [&str; 4] = ["**/.git", "**/*.pyc", "**/__pycache__", ".cache"];

/// Lays out the steps that make the image of a spec.
#[must_use]
pub fn plan(spec: &ImageSpec, text: &Text, platform: &Platform, facts: &Facts) -> BuildPlan {
    with_pins(spec, text, platform, facts, &[])
}

/// `above` are the pins of the specs that this one is the base of.
fn with_pins(spec: &ImageSpec, text: &Text, platform: &Platform, facts: &Facts, above: &[&TextMap]) -> BuildPlan {
    let pins: Vec<&TextMap> = spec.pins.iter().chain(above.iter().copied()).collect();
    let nested_facts = facts.nested.as_deref().cloned().unwrap_or_default();
    let (base, facts) = match &spec.base_image {
        Some(BaseImage::Spec(nested)) => {
            let nested = with_pins(&nested.value, text, platform, &nested_facts, &pins);
            let facts = Facts {
                base: BaseFacts {
                    environment: nested
                        .settings
                        .environment
                        .iter()
                        .filter(|(name, _)| !OWN_NAMES.contains(&name.as_str()))
                        .cloned()
                        .collect(),
                    name: nested_facts.base.name.clone(),
                    layers: nested_facts.base.layers + nested.layers(),
                },
                ..facts.clone()
            };
            (Base::Plan(Box::new(nested)), facts)
        }
        Some(BaseImage::Reference(reference)) => (Base::Image(pinned(&reference.value, &pins)), facts.clone()),
        None => (Base::Image(pinned(DEFAULT_BASE, &pins)), facts.clone()),
    };
    let mut base_environment = Environment(facts.base.environment.clone());
    if base_environment.get("PATH").is_none_or(str::is_empty) {
        base_environment.set("PATH", DEFAULT_PATH);
    }
    let mut builder = Builder {
        spec,
        text,
        facts: &facts,
        platform,
        base_environment,
        steps: Vec::new(),
        uses_uv: false,
        uses_micromamba: false,
    };
    let settings = builder.all();
    let image = |used: bool, chosen: &Option<TextValue>, default: &str| {
        used.then(|| pinned(chosen.as_ref().map_or(default, |image| &image.value), &pins))
    };
    BuildPlan {
        version: 1,
        name: spec.name.clone(),
        platform: platform.clone(),
        base,
        tools: Tools {
            uv: image(builder.uses_uv, &spec.uv_image, DEFAULT_UV),
            micromamba: image(builder.uses_micromamba, &spec.micromamba_image, DEFAULT_MICROMAMBA),
        },
        steps: in_order(&builder.steps),
        settings,
    }
}

/// A reference with the digest that a spec pins it to.
fn pinned(reference: &str, pins: &[&TextMap]) -> String {
    let Ok(wanted) = Reference::parse(reference) else {
        return reference.to_owned();
    };
    let mut all = pins.iter().flat_map(|pins| &pins.value);
    let found = all.find(|(name, _)| Reference::parse(&name.value).is_ok_and(|name| name == wanted));
    match found {
        Some((_, digest)) if wanted.digest.is_none() => format!("{}@{}", wanted.familiar(), digest.value),
        _ => reference.to_owned(),
    }
}

/// A plan under construction.
pub(super) struct Builder<'a> {
    pub(super) spec: &'a ImageSpec,
    pub(super) facts: &'a Facts,
    pub(super) platform: &'a Platform,
    text: &'a Text,
    pub(super) base_environment: Environment,
    steps: Vec<(usize, Step)>,
    pub(super) uses_uv: bool,
    pub(super) uses_micromamba: bool,
}

impl Builder<'_> {
    /// All steps, in layer order: what is big and steady first.
    fn all(&mut self) -> Settings {
        let spec = self.spec;
        let interpreter = Interpreter::of(spec);
        let login = self.image_environment(interpreter.as_ref(), false);
        self.user(login.get("PATH").unwrap_or(DEFAULT_PATH));
        // A virtual environment sits on an interpreter that may come from apt.
        if spec.python_exec.is_some() {
            self.apt();
            self.python();
        } else {
            self.python();
            self.apt();
        }
        if let Some(interpreter) = &interpreter {
            self.python_packages(interpreter);
        }
        let environment = self.image_environment(interpreter.as_ref(), true);
        self.commands(Stage::Setup, spec.setup_commands.as_ref(), &environment);
        self.copies(interpreter.as_ref());
        self.commands(Stage::Image, spec.commands.as_ref(), &environment);
        if spec.profile == Profile::Flyte
            && let Some((name, _)) = spec
                .env
                .iter()
                .flat_map(|map| &map.value)
                .find(|(name, _)| name.value == "PATH")
        {
            self.profile_line(environment.get("PATH").unwrap_or(DEFAULT_PATH), name.span);
        }
        self.settings(environment)
    }

    /// Python packages: what they are, then their layers.
    fn python_packages(&mut self, interpreter: &Interpreter) {
        let Some(step) = self.lock(interpreter) else { return };
        let facts = self.facts;
        let Some(lock) = &facts.lock else { return };
        self.fetch(interpreter, lock);
        let steps = self.wheels(interpreter, lock);
        let shared = self.shared_files(interpreter, &steps);
        if !lock.shared.is_empty() {
            self.keep_shared_files(interpreter, &steps, lock);
        }
        self.keep_lock(step, shared);
    }

    /// The environment of the image.
    fn image_environment(&self, interpreter: Option<&Interpreter>, with_env: bool) -> Environment {
        let mut environment = self.base_environment.clone();
        if let Some(interpreter) = interpreter {
            let path = environment.get("PATH").unwrap_or(DEFAULT_PATH).to_owned();
            let bin = interpreter.bin();
            if !path.split(':').any(|part| part == bin) {
                environment.set("PATH", format!("{bin}:{path}"));
            }
        }
        if let (Profile::Flyte, Some(interpreter)) = (self.spec.profile, interpreter) {
            environment.set("UV_PYTHON", interpreter.program());
            environment.set("UV_COMPILE_BYTECODE", "1");
            environment.set("UV_LINK_MODE", "copy");
            environment.set("FLYTE_SDK_RICH_TRACEBACKS", "0");
            environment.set("SSL_CERT_DIR", "/etc/ssl/certs");
            environment.set("PYTHONPATH", "/root");
        }
        if with_env {
            for (name, value) in self.spec.env.iter().flat_map(|map| &map.value) {
                environment.set_text(&name.value, &value.value);
            }
        }
        if self.spec.profile == Profile::Flyte {
            append_path(
                &mut environment,
                "PATH",
                "/usr/local/nvidia/bin:/usr/local/cuda/bin",
                false,
            );
            append_path(&mut environment, "LD_LIBRARY_PATH", "/usr/local/nvidia/lib64", true);
        }
        environment
    }

    /// What install steps see: the base's environment, what installers read of `env`, and `build_env`.
    pub(super) fn install_environment(&self) -> Environment {
        let mut environment = self.base_environment.clone();
        for (name, value) in self.spec.env.iter().flat_map(|map| &map.value) {
            if is_for_installers(&name.value) {
                environment.set_text(&name.value, &value.value);
            }
        }
        self.add_build_environment(&mut environment);
        environment
    }

    /// What apt sees: proxies and `build_env`. Compilers' and Python's settings are none of its business.
    pub(super) fn apt_environment(&self) -> Environment {
        let mut environment = self.base_environment.clone();
        for (name, value) in self.spec.env.iter().flat_map(|map| &map.value) {
            if is_proxy(&name.value) {
                environment.set_text(&name.value, &value.value);
            }
        }
        self.add_build_environment(&mut environment);
        environment
    }

    fn add_build_environment(&self, environment: &mut Environment) {
        for (name, value) in self.spec.build_env.iter().flat_map(|map| &map.value) {
            environment.set_text(&name.value, &value.value);
        }
    }

    /// The user's commands: one shell, as root, in `/`, with everything before them in place, and uv.
    fn commands(&mut self, stage: Stage, commands: Option<&TextList>, environment: &Environment) {
        let Some(commands) = commands.filter(|list| !list.value.is_empty()) else {
            return;
        };
        self.uses_uv = true;
        let mut environment = environment.clone();
        self.add_build_environment(&mut environment);
        environment.set("UV_CACHE_DIR", UV_CACHE);
        let mounts = vec![
            Mount::Program {
                target: "/usr/bin/uv".into(),
                image: Role::Uv,
                path: "/uv".into(),
            },
            uv_cache(),
        ];
        let words: Vec<&str> = commands.value.iter().map(|command| command.value.as_str()).collect();
        let script = words.join(" && ");
        let spans: Vec<Span> = commands.value.iter().map(|command| command.span).collect();
        let run = Run {
            is_users: true,
            ..Run::ours(script.clone(), environment.0, mounts)
        };
        let draft = Draft::new(stage, script, Action::Run(run));
        self.add(
            draft
                .after(self.everything(), "commands may read anything")
                .spans(&spans),
        );
    }

    /// The user's files.
    fn copies(&mut self, interpreter: Option<&Interpreter>) {
        let spec = self.spec;
        let target = spec.copy_target().trim_end_matches('/').to_owned();
        let has_commands = [&spec.setup_commands, &spec.commands]
            .iter()
            .any(|list| ImageSpec::strings(list).next().is_some());
        let apart = |builder: &Self, path: &str| !has_commands && builder.is_disjoint(path, interpreter);
        let workdir_apart = spec.workdir.as_ref().is_none_or(|workdir| apart(self, &workdir.value));
        let (mut after, reason) = if apart(self, &target) && workdir_apart {
            (self.last_of(Stage::User), "nothing else writes there")
        } else if has_commands {
            (self.everything(), "commands see it, or came before it")
        } else {
            (self.everything(), "other steps may write there, too")
        };
        if let Some(workdir) = spec.workdir.as_ref() {
            let action = Action::MakeDirectory {
                path: workdir.value.clone(),
                owner: self.owner().to_owned(),
            };
            let title = format!("create {}", workdir.value);
            after = vec![
                self.add(
                    Draft::new(Stage::Source, title, action)
                        .after(after, reason)
                        .spans(&[workdir.span]),
                ),
            ];
        }
        let entries: Vec<&TextValue> = ImageSpec::strings(&spec.copy).collect();
        for group in chain(&entries) {
            let files: Vec<CopyFiles> = group
                .iter()
                .map(|entry| self.copy_of(&context_path(&entry.value), &target))
                .collect();
            let names: Vec<&str> = files.iter().map(|copy| copy.source.as_str()).collect();
            let to = match files.as_slice() {
                [one] => &one.target,
                _ => &target,
            };
            let title = format!("copy {} to {to}", names.join(" "));
            let spans: Vec<Span> = group.iter().map(|entry| entry.span).collect();
            let draft = Draft::new(Stage::Source, title, Action::Copy(files));
            after = vec![self.add(draft.after(after, reason).spans(&spans))];
        }
        if let Some(root) = spec.copied_source() {
            let source = context_path(&root.value);
            let copy = CopyFiles {
                target: if target.is_empty() { "/".to_owned() } else { target },
                exclude: NOT_SOURCE.map(str::to_owned).to_vec(),
                ..self.copy_of(&source, "")
            };
            let title = format!("copy source {} to {}", copy.source, copy.target);
            let draft = Draft::new(Stage::Source, title, Action::Copy(vec![copy]));
            self.add(draft.after(after, reason).spans(&[root.span]));
        }
    }

    /// A path of the context to the same path below `target`.
    fn copy_of(&self, path: &str, target: &str) -> CopyFiles {
        let (source, target) = if path.is_empty() {
            (".", target.to_owned())
        } else {
            (path, format!("{target}/{path}"))
        };
        CopyFiles {
            from: Origin::Context,
            source: source.to_owned(),
            target,
            owner: self.owner().to_owned(),
            exclude: Vec::new(),
        }
    }

    /// Whether copies below `target` touch nothing that other branches write, links and directories
    /// above it included.
    fn is_disjoint(&self, target: &str, interpreter: Option<&Interpreter>) -> bool {
        if target == "/root" {
            return true;
        }
        let system = [
            "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "media", "mnt", "opt", "proc", "run", "sbin",
            "srv", "sys", "tmp", "usr", "var",
        ];
        let first = target.trim_start_matches('/').split('/').next().unwrap_or("");
        let in_root = target.starts_with("/root/") && interpreter.is_some_and(|i| !i.is_venv);
        in_root || !(first.is_empty() || first == "root" || system.contains(&first))
    }

    fn settings(&self, mut environment: Environment) -> Settings {
        let spec = self.spec;
        let flyte = spec.profile == Profile::Flyte;
        if flyte {
            environment.set("_F_IMG_ID", self.facts.id.clone());
        }
        // flytekit's entry point installs these when a task starts.
        let runtime: Vec<&str> = ImageSpec::strings(&spec.runtime_packages)
            .map(|p| p.value.as_str())
            .collect();
        if !runtime.is_empty() {
            environment.set("_F_RUNTIME_PACKAGES", runtime.join(" "));
        }
        let text = |value: &Option<TextValue>| value.as_ref().map(|v| v.value.clone());
        let mut labels = vec![("io.imagespec.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
        if !self.facts.id.is_empty() {
            labels.insert(0, ("io.imagespec.id".to_owned(), self.facts.id.clone()));
        }
        for (name, value) in spec.labels.iter().flat_map(|map| &map.value) {
            labels.retain(|(known, _)| *known != name.value);
            labels.push((name.value.clone(), value.value.clone()));
        }
        Settings {
            environment: environment.0,
            user: text(&spec.user).or_else(|| flyte.then(|| TASK_USER.to_owned())),
            workdir: text(&spec.workdir).or_else(|| flyte.then(|| "/root".to_owned())),
            entrypoint: spec
                .entrypoint
                .as_ref()
                .map(|list| list.value.iter().map(|word| word.value.clone()).collect()),
            labels,
        }
    }

    /// Adds a step and gives its position.
    pub(super) fn add(&mut self, draft: Draft) -> usize {
        let mut lines: Vec<(u32, u32)> = draft.spans.iter().map(|span| self.text.lines(*span)).collect();
        if lines.is_empty() {
            lines.push(self.text.lines(Span {
                start: self.spec.span.start,
                end: self.spec.span.start + 1,
            }));
        }
        lines.sort_unstable();
        lines.dedup();
        self.steps.push((draft.rank, Step { lines, ..draft.step }));
        self.steps.len() - 1
    }

    /// The Python packages that a step installs.
    pub(super) fn packages_of(&self, step: usize) -> &[String] {
        self.steps.get(step).map_or(&[], |(_, step)| &step.packages)
    }

    /// How many layers there are without Python packages.
    pub(super) fn layers_besides_packages(&self) -> usize {
        let spec = self.spec;
        let so_far = self.steps.iter().filter(|(_, step)| step.is_layer()).count();
        let copies: Vec<&TextValue> = ImageSpec::strings(&spec.copy).collect();
        // The lock, a directory, the source, setup commands, commands and a line for login shells.
        so_far + chain(&copies).len() + 6
    }

    /// The last step of a stage, as something to come after.
    pub(super) fn last_of(&self, stage: Stage) -> Vec<usize> {
        self.steps
            .iter()
            .rposition(|(_, step)| step.stage == stage && step.is_layer())
            .into_iter()
            .collect()
    }

    /// The last step of the first stage that has one.
    pub(super) fn last_of_any(&self, stages: &[Stage]) -> Vec<usize> {
        stages
            .iter()
            .map(|stage| self.last_of(*stage))
            .find(|after| !after.is_empty())
            .unwrap_or_default()
    }

    /// All steps that nothing comes after yet.
    fn everything(&self) -> Vec<usize> {
        let layers = || {
            self.steps
                .iter()
                .map(|(_, step)| step)
                .enumerate()
                .filter(|(_, step)| step.is_layer())
        };
        layers()
            .map(|(position, _)| position)
            .filter(|position| !layers().any(|(_, step)| step.after.contains(position)))
            .collect()
    }
}

/// Adds to the end of a search path, or to its front, unless it is there.
fn append_path(environment: &mut Environment, name: &str, addition: &str, front: bool) {
    let current = environment.get(name).unwrap_or("").to_owned();
    let has = |part: &str| current.split(':').any(|known| known == part);
    if addition.split(':').all(has) {
        return;
    }
    let value = match (current.is_empty(), front) {
        (true, _) => addition.to_owned(),
        (false, true) => format!("{addition}:{current}"),
        (false, false) => format!("{current}:{addition}"),
    };
    environment.set(name, value);
}

/// Entries as steps that follow each other: the first eight alone, the rest in groups that double in size.
/// One more entry at the end changes the last step only, and a hundred are no hundred layers.
pub(super) fn chain<T>(entries: &[T]) -> Vec<&[T]> {
    let (single, mut rest) = entries.split_at(entries.len().min(CHAIN));
    let mut groups: Vec<&[T]> = single.chunks(1).collect();
    let mut size = CHAIN;
    while !rest.is_empty() {
        let (group, tail) = rest.split_at(rest.len().min(size));
        groups.push(group);
        rest = tail;
        size *= 2;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_grows_at_its_end() {
        let lengths = |count: usize| -> Vec<usize> { chain(&vec![0; count]).iter().map(|group| group.len()).collect() };
        assert_eq!(lengths(3), [1, 1, 1]);
        assert_eq!(lengths(17), [1, 1, 1, 1, 1, 1, 1, 1, 8, 1]);
        assert_eq!(lengths(18), [1, 1, 1, 1, 1, 1, 1, 1, 8, 2]);
        assert_eq!(lengths(1000).len(), 15);
    }
}
