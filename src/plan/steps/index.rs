//! Package indexes: what steps that use one can see, and uv's options for them.

use crate::image_spec::{ImageSpec, SecretSteps};
use crate::plan::action::StepMount;
use crate::plan::inputs::{StoreyInputs, certificates, scratch, secrets, uv, uv_cache};
use crate::plan::paths::{self, CONTEXT};
use crate::plan::script::{Script, quote_all};
use crate::python::{Artefact, IndexOption, Locked, PipArguments};
use crate::text::{Span, below, context_path, directory_of, relative_to};

/// The index that uv asks by default.
const DEFAULT_INDEX: &str = "https://pypi.org/simple";

/// What a step needs to use indexes: mounts for certificates and secrets, and variables for its script.
pub(crate) struct IndexAccess {
    pub(crate) mounts: Vec<StepMount>,
    secrets: String,
    indexes: String,
    pub(crate) spans: Vec<Span>,
}

impl IndexAccess {
    pub(crate) fn of(inputs: &StoreyInputs<'_>) -> Self {
        let spec = inputs.spec;
        let mut mounts = vec![
            scratch(),
            uv(paths::UV),
            uv_cache(paths::UV_CACHE),
            certificates(paths::CERTIFICATES),
        ];
        let mut spans: Vec<Span> = Vec::new();
        let mut words = Vec::new();
        for secret in &spec.pip_secret_mounts {
            spans.push(secret.span);
            words.extend([secret.id.as_str(), secret.target.as_str()]);
            mounts.push(StepMount::Secret {
                target: secret.target.clone(),
                id: secret.id.clone(),
                required: false,
            });
        }
        for (mount, span) in secrets(spec, SecretSteps::Packages) {
            mounts.push(mount);
            spans.push(span);
        }
        spans.extend(spec.pip_index.iter().map(|index| index.span));
        spans.extend(ImageSpec::strings(&spec.pip_extra_index_url).map(|index| index.span));
        spans.extend(spec.pip_extra_args.iter().map(|extra| extra.span));
        Self {
            mounts,
            secrets: quote_all(words),
            indexes: steady_indexes(inputs),
            spans,
        }
    }

    /// With the client's ssh agent, for repositories that are reached by ssh.
    pub(crate) fn with_agent(mut self, is_needed: bool) -> Self {
        if is_needed {
            self.mounts.push(StepMount::SshAgent {
                target: paths::SSH_AGENT,
            });
        }
        self
    }

    /// Only uv, for steps that do not ask an index.
    pub(crate) fn none() -> Self {
        Self {
            mounts: vec![scratch(), uv(paths::UV)],
            secrets: String::new(),
            indexes: String::new(),
            spans: Vec::new(),
        }
    }

    /// Uses the project's own index configuration.
    pub(crate) fn with_project_indexes(mut self) -> Self {
        self.indexes = String::new();
        self
    }

    /// Sets the variables that `index_access.sh` reads.
    pub(crate) fn configure(&self, script: Script) -> Script {
        script.with("_secrets", &self.secrets).with("_indexes", &self.indexes)
    }
}

/// The user's extra arguments for pip.
pub(crate) fn extra_arguments(inputs: &StoreyInputs<'_>) -> PipArguments {
    inputs.spec.extra_arguments(CONTEXT)
}

/// Options that name indexes, from the spec and from its requirements files.
pub(crate) fn index_arguments(inputs: &StoreyInputs<'_>) -> Vec<String> {
    words_of_indexes(inputs, &inputs.facts.requirements.indexes)
}

/// The same with those of uv's settings, for steps that do not read these.
fn all_index_arguments(inputs: &StoreyInputs<'_>) -> Vec<String> {
    words_of_indexes(inputs, &all_indexes(inputs))
}

fn all_indexes(inputs: &StoreyInputs<'_>) -> Vec<IndexOption> {
    let requirements = &inputs.facts.requirements;
    [requirements.indexes.as_slice(), &requirements.setting_indexes].concat()
}

/// The directory of the context that an option names.
fn directory_in(index: &IndexOption) -> Option<&String> {
    match index {
        IndexOption::FindLinks(place) if !place.contains("://") => Some(place),
        _ => None,
    }
}

/// The directories of the context that files list as indexes, for steps that look for what builds need.
pub(crate) fn flat_index_mounts(inputs: &StoreyInputs<'_>) -> Vec<String> {
    all_indexes(inputs).iter().filter_map(directory_in).cloned().collect()
}

/// uv's options for these directories.
pub(crate) fn all_flat_index_arguments(inputs: &StoreyInputs<'_>) -> Vec<String> {
    words_of_flat_indexes(&all_indexes(inputs))
}

/// uv's options for those that its own settings do not name.
pub(crate) fn flat_index_arguments(inputs: &StoreyInputs<'_>) -> Vec<String> {
    words_of_flat_indexes(&inputs.facts.requirements.indexes)
}

fn words_of_flat_indexes(indexes: &[IndexOption]) -> Vec<String> {
    let places = indexes.iter().filter_map(directory_in);
    places
        .flat_map(|place| ["--find-links".to_owned(), format!("{CONTEXT}/{place}")])
        .collect()
}

/// Without directories of the context: not every step sees them.
fn words_of_indexes(inputs: &StoreyInputs<'_>, of_files: &[IndexOption]) -> Vec<String> {
    let spec = inputs.spec;
    let index = spec.pip_index.iter().map(|index| ("--index-url", index.value.as_str()));
    let extra = ImageSpec::strings(&spec.pip_extra_index_url).map(|index| ("--extra-index-url", index.value.as_str()));
    let mut words: Vec<String> = index
        .chain(extra)
        .flat_map(|(option, value)| [option.to_owned(), value.to_owned()])
        .collect();
    for index in of_files.iter().filter(|index| directory_in(index).is_none()) {
        // There is one main index: the spec's, else that of the first file that names one.
        let is_another = matches!(index, IndexOption::Main(_)) && words.iter().any(|word| word == "--index-url");
        if !is_another {
            words.extend(index.words());
        }
    }
    words
}

/// Index options, plus the indexes that locked packages came from.
pub(crate) fn locked_index_arguments<'l>(
    inputs: &StoreyInputs<'_>,
    packages: impl IntoIterator<Item = &'l Locked>,
) -> Vec<String> {
    let packages: Vec<&Locked> = packages.into_iter().collect();
    let mut words = all_index_arguments(inputs);
    let extra = extra_arguments(inputs).install;
    let same = |word: &str, index: &str| word.trim_end_matches('/').ends_with(index.trim_end_matches('/'));
    for place in flat_indexes(&packages) {
        if !words.contains(&place) {
            words.extend(["--find-links".into(), place]);
        }
    }
    let mut indexes: Vec<&String> = packages.iter().filter_map(|package| package.index.as_ref()).collect();
    indexes.sort();
    indexes.dedup();
    indexes.retain(|index| {
        let mut known = words.iter().chain(&extra).map(String::as_str).chain([DEFAULT_INDEX]);
        !known.any(|word| same(word, index))
    });
    for index in indexes {
        words.extend(["--extra-index-url".into(), index.clone()]);
    }
    words
}

/// Options for installing exactly what a lock names. All indexes are asked: the hash identifies the file.
pub(crate) fn install_index_arguments<'l>(
    inputs: &StoreyInputs<'_>,
    packages: impl IntoIterator<Item = &'l Locked>,
) -> Vec<String> {
    let mut words = locked_index_arguments(inputs, packages);
    let mut extra = extra_arguments(inputs).install.into_iter();
    let is_chosen = extra.any(|word| word == "--index-strategy");
    let is_index = |words: &[String]| words.iter().filter(|word| word.ends_with("index-url")).count();
    if is_index(&words) > is_index(&index_arguments(inputs)) && !is_chosen {
        words.extend(["--index-strategy".into(), "unsafe-best-match".into()]);
    }
    words
}

/// Indexes that uv may treat as immutable, as shell words, the main one last; empty if anything else configures uv.
fn steady_indexes(inputs: &StoreyInputs<'_>) -> String {
    let words = all_index_arguments(inputs);
    let mut default = DEFAULT_INDEX;
    let mut all: Vec<&str> = Vec::new();
    for pair in words.windows(2) {
        match pair {
            [option, url] if option == "--index-url" => default = url,
            [option, url] if option == "--extra-index-url" => all.push(url),
            _ => {}
        }
    }
    all.push(default);
    let extra = extra_arguments(inputs).install;
    let chooses = |word: &String| word.contains("index") && word != "--index-strategy";
    // URLs that would need escaping in uv.toml are left out.
    let is_plain = |url: &&str| {
        url.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._~:/%+@=,".contains(c))
    };
    let is_simple = all.iter().all(is_plain)
        && flat_index_mounts(inputs).is_empty()
        && !words.iter().any(|word| word == "--no-index" || word == "--find-links");
    if extra.iter().any(chooses) || !is_simple {
        return String::new();
    }
    all.join(" ")
}

/// The directories of the context that packages are listed in, where steps look for them.
fn flat_indexes(packages: &[&Locked]) -> Vec<String> {
    let listed = packages.iter().filter_map(|package| match &package.artefact {
        Artefact::Listed { path, .. } => Some(format!("{CONTEXT}/{}", directory_of(path))),
        _ => None,
    });
    let mut places: Vec<String> = listed.map(|place| place.trim_end_matches('/').to_owned()).collect();
    places.sort();
    places.dedup();
    places
}

/// The files that `pip_extra_args` names.
pub(crate) fn argument_files(inputs: &StoreyInputs<'_>) -> Vec<String> {
    extra_arguments(inputs)
        .files
        .iter()
        .map(|file| context_path(file))
        .collect()
}

/// Files and directories of the context; of nested paths, only the outermost.
pub(crate) fn context_mounts<'p>(paths: impl IntoIterator<Item = &'p String>) -> Vec<StepMount> {
    let mut paths: Vec<String> = paths.into_iter().cloned().collect();
    paths.sort();
    paths.dedup();
    let all = paths.clone();
    let is_below = |path: &str, other: &String| path != other && relative_to(path, other).is_some();
    paths.retain(|path| !all.iter().any(|other| is_below(path, other)));
    paths.into_iter().map(context_mount).collect()
}

/// What git writes beside its objects: it changes without a commit, and nothing that it says is needed.
const NOISE_OF_GIT: [&str; 9] = [
    "index",
    "logs",
    "hooks",
    "FETCH_HEAD",
    "ORIG_HEAD",
    "COMMIT_EDITMSG",
    "gc.log",
    "gc.pid",
    "objects/info/commit-graphs",
];

/// A mount of the context without the noise of the checkouts in it.
pub(crate) fn without_noise(mount: StepMount, checkouts: &[&str]) -> StepMount {
    let StepMount::Context {
        target,
        path,
        mut exclude,
    } = mount
    else {
        return mount;
    };
    for checkout in checkouts {
        if let Some(git) = relative_to(&below(checkout, ".git"), &path) {
            exclude.extend(NOISE_OF_GIT.iter().map(|noise| below(git, noise)));
        }
    }
    StepMount::Context { target, path, exclude }
}

/// A file or directory of the context where steps look for it.
pub(crate) fn context_mount(path: String) -> StepMount {
    let target = if path.is_empty() {
        CONTEXT.to_owned()
    } else {
        format!("{CONTEXT}/{path}")
    };
    StepMount::Context {
        target,
        path,
        exclude: Vec::new(),
    }
}
