//! Our own algorithm: what changes the image changes the name, nothing else does.

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::files::{Job, Task};
use crate::image_spec::{BaseImage, ImageSpec, Layering, Profile, TextMap, TextValue};
use crate::oci::{Platform, Reference};
use crate::plan::{self, Base, BuildPlan, DEFAULT_PYTHON, Facts, Stage};
use crate::python::locked_packages;
use crate::text::{Diagnostic, Text, context_path, directory_of};

/// What hashed texts begin with.
const HEADER: &str = "imagespec-content-1\n";

/// What the content of an image depends on, by name, in a fixed order.
pub(super) type Inputs = Vec<(String, String)>;

/// The files whose digests the name needs.
pub(super) fn tasks(spec: &ImageSpec, beside: bool) -> Vec<Task> {
    let mut tasks = Vec::new();
    of_spec(spec, 0, beside, &mut tasks);
    tasks
}

/// `beside` says that a lock beside the spec stands for its requirements.
fn of_spec(spec: &ImageSpec, depth: usize, beside: bool, tasks: &mut Vec<Task>) {
    if let Some(BaseImage::Spec(nested)) = &spec.base_image {
        of_spec(&nested.value, depth + 1, false, tasks);
    }
    let mut push = |field, job| tasks.push(Task { depth, field, job });
    if let Some(file) = spec.requirements.as_ref().filter(|_| !beside) {
        let job = Job::Lock {
            path: file.value.clone(),
            must_have: (spec.profile == Profile::Flyte).then(|| "flytekit".into()),
        };
        push("requirements", job);
    }
    let is_installed = spec.install_project.as_ref().is_some_and(|wish| wish.value);
    if let Some(file) = spec.requirements.as_ref().filter(|_| is_installed) {
        let path = context_path(&file.value);
        let job = Job::Content {
            path: directory_of(&path).to_owned(),
            exclude: Vec::new(),
            keeps_root: false,
        };
        push("install_project", job);
    }
    for entry in ImageSpec::strings(&spec.copy) {
        let path = context_path(&entry.value);
        let job = Job::Content {
            keeps_root: !path.is_empty(),
            path,
            exclude: Vec::new(),
        };
        push("copy", job);
    }
    if let Some(root) = spec.copied_source() {
        let job = Job::Content {
            path: context_path(&root.value),
            exclude: crate::plan::NOT_SOURCE.map(str::to_owned).to_vec(),
            keeps_root: false,
        };
        push("source_root", job);
    }
}

/// All inputs of a spec.
///
/// # Errors
/// What is not fixed: images without digest, packages without lock.
pub(super) fn inputs(
    spec: &ImageSpec,
    platform: &str,
    digests: &[(Task, String)],
    beside: Option<&str>,
) -> Result<Inputs, Vec<Diagnostic>> {
    let mut collector = Collector {
        digests,
        beside,
        problems: Vec::new(),
    };
    let mut inputs = vec![("platform".to_owned(), platform.to_owned())];
    // Which images are needed does not depend on what is in them, so a plan made in ignorance tells.
    let plan = plan::plan(spec, &Text::new("", ""), &Platform::linux_amd64(), &Facts::default());
    collector.spec(spec, &plan, 0, &mut inputs);
    if collector.problems.is_empty() {
        Ok(inputs)
    } else {
        Err(collector.problems)
    }
}

/// The hash of inputs: 32 hexadecimal digits.
pub(super) fn hash(inputs: &Inputs) -> String {
    let mut hash = Sha256::new();
    hash.update(HEADER);
    for (name, value) in inputs {
        // Lengths keep one value from reading like two.
        hash.update(format!("{name} {}\n{value}\n", value.len()));
    }
    let mut hex = base16ct::lower::encode_string(&hash.finalize());
    hex.truncate(32);
    hex
}

struct Collector<'a> {
    digests: &'a [(Task, String)],
    /// The text of a lock beside the spec.
    beside: Option<&'a str>,
    problems: Vec<Diagnostic>,
}

impl Collector<'_> {
    fn spec(&mut self, spec: &ImageSpec, plan: &BuildPlan, depth: usize, inputs: &mut Inputs) {
        let prefix = "base_image.".repeat(depth);
        let mut add = |name: &str, value: String| inputs.push((format!("{prefix}{name}"), value));
        let base = match &plan.base {
            Base::Image(reference) => Some(("base", "base_image", reference)),
            Base::Plan(_) => None,
        };
        let tools = [("uv", &plan.tools.uv), ("micromamba", &plan.tools.micromamba)];
        let tools = tools
            .into_iter()
            .filter_map(|(name, image)| Some((name, "builder_config", image.as_ref()?)));
        for (name, field, reference) in base.into_iter().chain(tools) {
            if let Some(digest) = self.digest_of(field, reference, spec) {
                add(name, digest);
            }
        }
        add("profile", spec.profile.name().to_owned());
        let text = |value: &Option<TextValue>| value.as_ref().map(|value| value.value.clone());
        let list = |values: &mut dyn Iterator<Item = &TextValue>| {
            let values: Vec<&str> = values.map(|value| value.value.as_str()).collect();
            (!values.is_empty()).then(|| json!(values).to_string())
        };
        let mut optional = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                add(name, value);
            }
        };
        match text(&spec.python_exec) {
            Some(exec) => optional("python_exec", Some(exec)),
            None if plan.steps.iter().any(|step| step.stage == Stage::Python) => optional(
                "python_version",
                Some(text(&spec.python_version).unwrap_or_else(|| DEFAULT_PYTHON.to_owned())),
            ),
            None => {}
        }
        optional("conda_channels", list(&mut ImageSpec::strings(&spec.conda_channels)));
        optional("conda_packages", list(&mut ImageSpec::strings(&spec.conda_packages)));
        optional("apt_packages", list(&mut ImageSpec::strings(&spec.apt_packages)));
        let digest = |field: &str, position: usize| {
            let mut found = self
                .digests
                .iter()
                .filter(|(task, _)| task.depth == depth && task.field == field);
            found.nth(position).map(|(_, digest)| digest.clone())
        };
        optional("lock", digest("requirements", 0));
        if let Some(text) = self.beside.filter(|_| depth == 0) {
            let must_have = (spec.profile == Profile::Flyte).then_some("flytekit");
            match locked_packages(text, must_have) {
                Ok(lines) => optional(
                    "lock",
                    Some(base16ct::lower::encode_string(&Sha256::digest(lines.join("\n")))),
                ),
                Err(reason) => {
                    let message = format!("the lock beside the spec leaves open what is installed: {reason}");
                    self.problems
                        .push(Diagnostic::build_error("not-locked", message).at(spec.span_of("packages")));
                }
            }
        }
        let layering = (spec.layering != Layering::default()).then(|| spec.layering.name().to_owned());
        optional("layering", layering);
        optional("heavy", list(&mut ImageSpec::strings(&spec.heavy)));
        optional("extras", list(&mut ImageSpec::strings(&spec.extras)));
        optional("groups", list(&mut ImageSpec::strings(&spec.groups)));
        optional("project", digest("install_project", 0));
        optional("pip_extra_args", text(&spec.pip_extra_args));
        optional("build_env", sorted(&spec.build_env));
        optional("env", sorted(&spec.env));
        optional(
            "runtime_packages",
            list(&mut ImageSpec::strings(&spec.runtime_packages)),
        );
        optional("setup_commands", list(&mut ImageSpec::strings(&spec.setup_commands)));
        optional("commands", list(&mut ImageSpec::strings(&spec.commands)));
        // An empty list clears the base's.
        optional(
            "entrypoint",
            spec.entrypoint.as_ref().map(|entrypoint| {
                let words: Vec<&str> = entrypoint.value.iter().map(|word| word.value.as_str()).collect();
                json!(words).to_string()
            }),
        );
        optional("labels", sorted(&spec.labels));
        optional("user", text(&spec.user));
        optional("workdir", text(&spec.workdir));
        let mut copies: Vec<(String, String)> = ImageSpec::strings(&spec.copy)
            .enumerate()
            .filter_map(|(position, entry)| Some((context_path(&entry.value), digest("copy", position)?)))
            .collect();
        copies.sort();
        copies.dedup();
        if !copies.is_empty() || spec.copied_source().is_some() {
            optional("copy_to", Some(spec.copy_target().to_owned()));
        }
        for (path, digest) in copies {
            let name = if path.is_empty() {
                "copy .".to_owned()
            } else {
                format!("copy {path}")
            };
            optional(&name, Some(digest));
        }
        optional("source_root", digest("source_root", 0));
        if depth > 0 || self.beside.is_none() {
            self.unlocked(spec);
        }
        if let (Some(BaseImage::Spec(nested)), Base::Plan(below)) = (&spec.base_image, &plan.base) {
            self.spec(&nested.value, below, depth + 1, inputs);
        }
    }

    /// The digest of an image of the plan, which pins have been applied to.
    fn digest_of(&mut self, field: &str, reference: &str, spec: &ImageSpec) -> Option<String> {
        let digest = Reference::parse(reference).ok().and_then(|reference| reference.digest);
        if digest.is_none() {
            let message = format!("tag_algorithm `content` needs the digest of the image {reference}");
            let help = format!(
                "add `pins: {{\"{reference}\": \"sha256:…\"}}`; `docker buildx build --call=pin .` prints the digests of all images"
            );
            let problem = Diagnostic::build_error("not-pinned", message).at(spec.span_of(field));
            self.problems.push(problem.help(help));
        }
        digest
    }

    /// Packages that nothing fixes.
    fn unlocked(&mut self, spec: &ImageSpec) {
        let help = "make a lock beside the spec: `docker buildx build --target lock -o . .` or `imagespec lock`";
        if let Some(packages) = spec.packages.as_ref().filter(|list| !list.value.is_empty()) {
            let message = "tag_algorithm `content` needs a lock, and `packages` leaves versions open";
            let problem = Diagnostic::build_error("not-locked", message).at(packages.span);
            self.problems.push(problem.help(help));
        } else if spec.profile == Profile::Flyte && spec.requirements.is_none() {
            let message = "tag_algorithm `content` needs a lock, and the flyte profile installs flytekit";
            let problem = Diagnostic::build_error("not-locked", message).at(spec.span);
            self.problems
                .push(problem.help(format!("{help}, or use `profile: plain`")));
        }
    }
}

/// A mapping whose order says nothing.
fn sorted(map: &Option<TextMap>) -> Option<String> {
    let map = map.as_ref().filter(|map| !map.value.is_empty())?;
    let mut object: Vec<(&str, &str)> = map
        .value
        .iter()
        .map(|(name, value)| (name.value.as_str(), value.value.as_str()))
        .collect();
    object.sort_unstable();
    let object: serde_json::Map<String, Json> = object
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    Some(Json::Object(object).to_string())
}
