//! Our own algorithm: whatever changes the image changes the name, and nothing else does.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::files::{ContentOf, Job, Task};
use crate::image_spec::{
    AptKey, CopyEntry, FileMode, ImageSpec, Layering, Profile, SecretForm, SecretSteps, TextList, TextMap, TextValue,
};
use crate::oci::Reference;
use crate::plan::{self, DEFAULT_PYTHON, Stage, StoreyNeeds};
use crate::python::locked_packages;
use crate::text::{Diagnostic, context_path, directory_of};

/// The start of every text that is hashed.
const HEADER: &str = "imagespec-content-1\n";

/// Everything that the content of an image depends on, by name, in a fixed order.
pub(super) type ContentInputs = Vec<(String, String)>;

/// The files whose digests the name needs.
pub(super) fn tasks(spec: &ImageSpec, sibling_lock: bool) -> Vec<Task> {
    let mut tasks = Vec::new();
    let specs: Vec<&ImageSpec> = spec.all().collect();
    for (depth, spec) in specs.into_iter().enumerate().rev() {
        of_spec(spec, depth, sibling_lock && depth == 0, &mut tasks);
    }
    tasks
}

/// `sibling_lock` says that a lock beside the spec stands for its requirements.
fn of_spec(spec: &ImageSpec, depth: usize, sibling_lock: bool, tasks: &mut Vec<Task>) {
    let mut push = |field, job| tasks.push(Task { depth, field, job });
    if let Some(file) = spec.requirements.as_ref().filter(|_| !sibling_lock) {
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
            keeps_modes: false,
            of: ContentOf::Project,
        };
        push("install_project", job);
    }
    let of_apt = spec.key_files().map(|path| ("apt_sources", context_path(&path.value)));
    let files = spec.package_files();
    for (field, path) in of_apt.chain(files.map(|path| ("apt_packages", context_path(&path.value)))) {
        let job = Job::Content {
            path,
            exclude: Vec::new(),
            keeps_root: false,
            keeps_modes: false,
            of: ContentOf::Project,
        };
        push(field, job);
    }
    let keeps_modes = spec.mode == FileMode::Keep;
    for entry in spec.copies() {
        let path = context_path(&entry.source.value);
        let mode = entry.mode.as_ref().map_or(spec.mode, |mode| mode.value);
        let job = Job::Content {
            keeps_root: !path.is_empty(),
            path,
            exclude: entry.exclude.iter().map(|pattern| pattern.value.clone()).collect(),
            keeps_modes: mode == FileMode::Keep,
            of: ContentOf::Copy,
        };
        push("copy", job);
    }
    if let Some(root) = spec.copied_source() {
        let job = Job::Content {
            path: context_path(&root.value),
            exclude: crate::plan::NOT_SOURCE.map(str::to_owned).to_vec(),
            keeps_root: false,
            keeps_modes,
            of: ContentOf::Source { is_prefixed: false },
        };
        push("source_root", job);
    }
}

/// All inputs of a spec.
///
/// # Errors
/// Everything that is not fixed: images without a digest, packages without a lock.
pub(super) fn inputs(
    spec: &ImageSpec,
    platform: &str,
    digests: &[(Task, String)],
    sibling_lock: Option<&str>,
) -> Result<ContentInputs, Vec<Diagnostic>> {
    let mut collector = Collector {
        digests,
        sibling_lock,
        problems: Vec::new(),
    };
    let mut inputs = vec![("platform".to_owned(), platform.to_owned())];
    let needs = plan::needs(spec);
    for (depth, (spec, storey)) in spec.all().zip(needs.storeys.iter().rev()).enumerate() {
        let base = spec.below().is_none().then_some(needs.base.as_str());
        collector.spec(spec, base, storey, depth, &mut inputs);
    }
    if collector.problems.is_empty() {
        Ok(inputs)
    } else {
        Err(collector.problems)
    }
}

/// The hash of inputs: 32 hexadecimal digits.
pub(super) fn hash(inputs: &ContentInputs) -> String {
    let mut hash = Sha256::new();
    hash.update(HEADER);
    for (name, value) in inputs {
        // With lengths, one value cannot be mistaken for two.
        hash.update(format!("{name} {}\n{value}\n", value.len()));
    }
    let mut hex = base16ct::lower::encode_string(&hash.finalize());
    hex.truncate(32);
    hex
}

/// The inputs of one spec, whose names begin with the path to it.
struct Named<'a> {
    prefix: String,
    inputs: &'a mut ContentInputs,
}

impl Named<'_> {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.inputs.push((format!("{}{name}", self.prefix), value.into()));
    }

    fn optional(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn text(&mut self, name: &str, value: &Option<TextValue>) {
        self.optional(name, value.as_ref().map(|value| value.value.as_str()));
    }

    /// An empty list counts as none.
    fn list(&mut self, name: &str, list: &Option<TextList>) {
        let values: Vec<&str> = ImageSpec::strings(list).map(|value| value.value.as_str()).collect();
        self.optional(name, (!values.is_empty()).then(|| json!(values).to_string()));
    }

    /// A mapping, whose order does not count; an empty one counts as none.
    fn map(&mut self, name: &str, map: &Option<TextMap>) {
        let Some(map) = map.as_ref().filter(|map| !map.value.is_empty()) else {
            return;
        };
        let pairs = map.value.iter();
        let mut pairs: Vec<(&str, &str)> = pairs
            .map(|(key, value)| (key.value.as_str(), value.value.as_str()))
            .collect();
        pairs.sort_unstable();
        let object: serde_json::Map<String, Json> = pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect();
        self.add(name, Json::Object(object).to_string());
    }
}

struct Collector<'a> {
    digests: &'a [(Task, String)],
    /// The text of a lock beside the spec.
    sibling_lock: Option<&'a str>,
    problems: Vec<Diagnostic>,
}

impl Collector<'_> {
    /// The order of the inputs is part of the tag.
    fn spec(
        &mut self,
        spec: &ImageSpec,
        base: Option<&str>,
        needs: &StoreyNeeds,
        depth: usize,
        inputs: &mut ContentInputs,
    ) {
        let mut named = Named {
            prefix: "base_image.".repeat(depth),
            inputs,
        };
        self.images(spec, base, needs, &mut named);
        named.add("profile", spec.profile.name());
        match &spec.python_exec {
            Some(_) => named.text("python_exec", &spec.python_exec),
            None if needs.stages.contains(&Stage::Python) => {
                let version = spec.python_version.as_ref();
                named.add(
                    "python_version",
                    version.map_or(DEFAULT_PYTHON, |version| &version.value),
                );
            }
            None => {}
        }
        named.list("conda_channels", &spec.conda_channels);
        named.list("conda_packages", &spec.conda_packages);
        self.apt(spec, depth, &mut named);
        named.list("apt_packages", &spec.apt_packages);
        named.list("debconf", &spec.debconf);
        self.packages(spec, depth, &mut named);
        settings(spec, &mut named);
        named.optional("describe", (!spec.describe).then_some("false"));
        self.files(spec, depth, &mut named);
        if depth > 0 || self.sibling_lock.is_none() {
            self.unlocked(spec);
        }
    }

    /// The repositories of Debian packages, and the files that are such packages or sign such repositories.
    fn apt(&self, spec: &ImageSpec, depth: usize, named: &mut Named<'_>) {
        let word = |word: &TextValue| word.value.clone();
        let sources = spec.sources_of_apt().map(|source| {
            let words = |list: &[TextValue]| list.iter().map(word).collect::<Vec<_>>();
            let key = match &source.key {
                // Its content is what counts.
                Some(AptKey::Context(_)) => json!("file"),
                Some(AptKey::Image(path)) => json!(path.value),
                Some(AptKey::Text(text)) => json!(text.value.trim()),
                Some(AptKey::Address { sha256, .. }) => json!(["sha256", sha256.value.to_ascii_lowercase()]),
                None => Json::Null,
            };
            json!([
                source.uri.value,
                words(&source.suites),
                words(&source.components),
                words(&source.architectures),
                key
            ])
        });
        let sources: Vec<Json> = sources.collect();
        named.optional("apt_sources", (!sources.is_empty()).then(|| json!(sources).to_string()));
        for (field, files) in [
            ("apt_sources", spec.key_files().count()),
            ("apt_packages", spec.package_files().count()),
        ] {
            for position in 0..files {
                named.optional(&format!("{field} file"), self.file_digest(field, depth, position));
            }
        }
    }

    /// The digests of the images that a build starts from and takes tools from.
    fn images(&mut self, spec: &ImageSpec, base: Option<&str>, needs: &StoreyNeeds, named: &mut Named<'_>) {
        let base = base.map(|reference| ("base", "base_image", reference));
        let tools = needs.images.iter();
        let tools = tools.map(|(role, reference)| (role.name(), "builder_config", reference.as_str()));
        for (name, field, reference) in base.into_iter().chain(tools) {
            let digest = self.image_digest(field, reference, spec);
            named.optional(name, digest);
        }
    }

    /// The Python packages, and how they are installed.
    fn packages(&mut self, spec: &ImageSpec, depth: usize, named: &mut Named<'_>) {
        named.optional("lock", self.file_digest("requirements", depth, 0));
        if let Some(text) = self.sibling_lock.filter(|_| depth == 0) {
            let must_have = (spec.profile == Profile::Flyte).then_some("flytekit");
            match locked_packages(text, must_have) {
                Ok(lines) => named.add(
                    "lock",
                    base16ct::lower::encode_string(&Sha256::digest(lines.join("\n"))),
                ),
                Err(reason) => {
                    let message = format!("the lock beside the spec does not fix what is installed: {reason}");
                    self.problems
                        .push(Diagnostic::build_error("not-locked", message).at(spec.span_of("packages")));
                }
            }
        }
        let is_usual = spec.layering == Layering::default();
        named.optional("layering", (!is_usual).then(|| spec.layering.name()));
        named.list("heavy", &spec.heavy);
        named.list("extras", &spec.extras);
        named.list("groups", &spec.groups);
        named.list("members", &spec.members);
        named.optional("project", self.file_digest("install_project", depth, 0));
        named.text("pip_extra_args", &spec.pip_extra_args);
    }

    /// The files that are copied, and where they go.
    fn files(&self, spec: &ImageSpec, depth: usize, named: &mut Named<'_>) {
        let mut copies = Vec::new();
        let mut is_ordered = false;
        for (position, entry) in spec.copies().enumerate() {
            let Some(digest) = self.file_digest("copy", depth, position) else {
                continue;
            };
            let path = context_path(&entry.source.value);
            let path = if path.is_empty() { ".".to_owned() } else { path };
            let more = more_than_path(spec, entry);
            is_ordered |= more.is_some();
            copies.push((path, more.map_or(digest.clone(), |more| format!("{digest} {more}"))));
        }
        // Paths alone go to the same places in any order; others may replace what those before them brought.
        if !is_ordered {
            copies.sort();
            copies.dedup();
        }
        let is_copied = !copies.is_empty() || spec.copied_source().is_some();
        named.optional("copy_to", is_copied.then(|| spec.copy_target()));
        for (path, value) in copies {
            named.add(&format!("copy {path}"), value);
        }
        named.optional("source_root", self.file_digest("source_root", depth, 0));
        named.optional(
            "mode",
            (is_copied && !spec.mode.is_usual()).then(|| spec.mode.to_string()),
        );
    }

    /// The digest of a file that a field names, by its position in the field.
    fn file_digest(&self, field: &str, depth: usize, position: usize) -> Option<String> {
        let mut found = self
            .digests
            .iter()
            .filter(|(task, _)| task.depth == depth && task.field == field);
        found.nth(position).map(|(_, digest)| digest.clone())
    }

    /// The digest of an image of the plan, in which pins are applied already.
    fn image_digest(&mut self, field: &str, reference: &str, spec: &ImageSpec) -> Option<String> {
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

    /// Reports packages that no lock fixes.
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

/// The secrets that commands see, and as what. Other steps install the same with and without them.
fn secrets_of_commands(spec: &ImageSpec) -> Option<String> {
    let mut all = Vec::new();
    for secret in &spec.secrets {
        let mut steps = secret.steps.clone();
        steps.retain(|steps| matches!(steps, SecretSteps::Setup | SecretSteps::Commands));
        steps.sort_unstable();
        if !steps.is_empty() {
            let (form, place) = match &secret.form {
                SecretForm::File(target) => ("target", target),
                SecretForm::Variable(name) => ("env", name),
            };
            all.push(json!([
                secret.id,
                form,
                place,
                steps.into_iter().map(SecretSteps::name).collect::<Vec<_>>()
            ]));
        }
    }
    (!all.is_empty()).then(|| json!(all).to_string())
}

/// What an entry of `copy` says besides what it copies; its patterns are in the digest of the files.
fn more_than_path(spec: &ImageSpec, entry: &CopyEntry) -> Option<Json> {
    let CopyEntry {
        target, owner, mode, ..
    } = entry;
    let text = |text: &Option<TextValue>| text.as_ref().map(|text| text.value.clone());
    (target.is_some() || owner.is_some() || mode.is_some()).then(|| {
        let target = target.as_ref().map(|_| spec.place_of(entry));
        json!([target, text(owner), mode.as_ref().map(|mode| mode.value)])
    })
}

/// The image's settings, and the commands that change its files.
fn settings(spec: &ImageSpec, named: &mut Named<'_>) {
    named.map("build_env", &spec.build_env);
    named.map("env", &spec.env);
    named.list("runtime_packages", &spec.runtime_packages);
    named.list("setup_commands", &spec.setup_commands);
    named.list("commands", &spec.commands);
    if let Some(entrypoint) = &spec.entrypoint {
        // An empty list clears the base's.
        let words: Vec<&str> = entrypoint.value.iter().map(|word| word.value.as_str()).collect();
        named.add("entrypoint", json!(words).to_string());
    }
    named.map("labels", &spec.labels);
    named.text("user", &spec.user);
    named.text("workdir", &spec.workdir);
    let ports: BTreeSet<&str> = ImageSpec::strings(&spec.expose)
        .map(|port| port.value.as_str())
        .collect();
    named.optional("expose", (!ports.is_empty()).then(|| json!(ports).to_string()));
    named.optional("secrets", secrets_of_commands(spec));
}
