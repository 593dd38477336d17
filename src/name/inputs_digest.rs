//! A digest of what a build reads and flytekit's tag leaves out. Whoever finds an image by its tag learns from it
//! whether the image was made from the same files.

use sha2::{Digest as _, Sha256};

use crate::files::{ContentOf, Fault, Job, Outcome, Task};
use crate::image_spec::ImageSpec;
use crate::name::content;
use crate::plan::{NOT_SEEN, NOT_SOURCE};
use crate::text::context_path;

/// The start of the text that is hashed; the number goes up when the same inputs get another digest.
const HEADER: &str = "imagespec-inputs-1\n";
/// The start of a digest: the number in the header.
const VERSION: &str = "1:";
/// What of a repository tells a package its version. The rest differs between two checkouts of one commit.
const REPOSITORY: [&str; 3] = [".git/HEAD", ".git/packed-refs", ".git/refs"];

/// The digest, and how much depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputsDigest {
    /// `VERSION:SHA256`.
    pub value: String,
    /// Whether the build reads files that the tag leaves out: then the tag alone does not say what is in the image.
    pub is_beyond_tag: bool,
}

impl InputsDigest {
    /// Whether an image's label says that it was made from the same; `None` if there is no label that can be read.
    #[must_use]
    pub fn agrees_with(&self, label: Option<&str>) -> Option<bool> {
        let label = label.filter(|label| label.starts_with(VERSION))?;
        Some(label == self.value)
    }
}

/// The files whose digests it needs. `read` has the files and directories that the requirements of each spec name, the
/// outermost spec first; `is_prefixed` says whether the rules of flytekit's tag decide what of a source is copied.
pub(super) fn tasks(spec: &ImageSpec, read: &[Vec<String>], is_prefixed: bool) -> Vec<Task> {
    // A lock counts as text.
    let mut tasks = content::tasks(spec, true);
    tasks.retain(|task| !matches!(task.job, Job::Lock { .. }));
    for task in &mut tasks {
        let source = spec.all().nth(task.depth).and_then(ImageSpec::copied_source);
        match (task.field, &mut task.job, source) {
            ("install_project", Job::Content { exclude, .. }, _) => *exclude = not_of_projects(),
            ("source_root", Job::Content { path, of, .. }, Some(root)) if is_prefixed => {
                // Rules see it as it is written.
                path.clone_from(&root.value);
                *of = ContentOf::Source { is_prefixed };
            }
            _ => {}
        }
    }
    for (depth, spec) in spec.all().enumerate() {
        let own = spec.requirements.as_ref().map(|file| context_path(&file.value));
        let mut paths = spec.extra_arguments("").files;
        paths.extend(read.get(depth).into_iter().flatten().cloned());
        let mut paths: Vec<String> = paths.iter().map(|path| context_path(path)).collect();
        paths.retain(|path| Some(path) != own.as_ref());
        paths.sort();
        paths.dedup();
        tasks.extend(paths.iter().map(|path| of_path(depth, path.clone())));
        let projects = tasks
            .iter()
            .filter(|task| task.depth == depth && matches!(task.field, "requirements" | "install_project"));
        let repositories: Vec<Task> = projects
            .flat_map(|task| task.job.paths())
            .flat_map(|path| {
                REPOSITORY.map(|file| {
                    if path.is_empty() {
                        file.to_owned()
                    } else {
                        format!("{path}/{file}")
                    }
                })
            })
            .map(|path| of_path(depth, path))
            .collect();
        tasks.extend(repositories);
    }
    tasks
}

fn of_path(depth: usize, path: String) -> Task {
    let job = Job::Content {
        path,
        exclude: not_of_projects(),
        keeps_root: false,
        keeps_modes: false,
        of: ContentOf::Project,
    };
    let field = "requirements";
    Task { depth, field, job }
}

fn not_of_projects() -> Vec<String> {
    [NOT_SOURCE, NOT_SEEN].concat().into_iter().map(str::to_owned).collect()
}

/// The digest; `None` if some file has none. `inputs` is what the tag was computed from.
pub(super) fn inputs_digest(
    spec: &ImageSpec,
    inputs: &[(String, String)],
    sibling_lock: Option<&str>,
    files: &[(&Task, &Outcome)],
) -> Option<String> {
    let mut hash = Sha256::new();
    hash.update(HEADER);
    // With lengths, one value cannot be mistaken for two.
    let mut add = |name: &str, value: &str| {
        hash.update(format!("{} {name} {}\n{value}\n", name.len(), value.len()));
    };
    for (name, value) in inputs {
        add(&format!("tag {name}"), value);
    }
    for (depth, spec) in spec.all().enumerate() {
        for package in ImageSpec::strings(&spec.runtime_packages) {
            add(&format!("{depth} runtime_packages"), &package.value);
        }
    }
    if let Some(lock) = sibling_lock {
        add("lock", lock);
    }
    for (task, outcome) in files {
        let digest = match &outcome.digest {
            Ok(digest) => digest.as_str(),
            Err(problem) if problem.fault == Fault::Missing => "nothing",
            Err(_) => return None,
        };
        for path in task.job.paths() {
            add(&format!("{} {} {path}", task.depth, task.field), digest);
        }
    }
    let hex = base16ct::lower::encode_string(&hash.finalize());
    Some(format!("{VERSION}{hex}"))
}
