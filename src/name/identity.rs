//! The identity of an image: id, tag and name, by whichever algorithm.

use std::collections::BTreeMap;
use std::fmt;

use crate::files::{Answer, Chosen, Fault, Outcome, Problem, Request, Task};
use crate::flytekit::{Fields, Host, Release, TagError, tag, tag_format, tasks};
use crate::image_spec::{Algorithm, CopyEntry, ImageSpec, Profile};
use crate::name::content;
use crate::name::inputs_digest::{self, InputsDigest};
use crate::name::labels::{INPUTS_DIGEST_LABEL, TAG_LABEL};
use crate::oci::{Platform, Reference, ReferenceError};
use crate::python::Unicode;
use crate::text::{Diagnostic, Severity, Span, context_path, relative_to};

/// The circumstances that names depend on besides the spec and its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamingOptions {
    /// The algorithm, instead of the spec's.
    pub algorithm: Option<Algorithm>,
    /// The Unicode tables of the Python that flytekit would run on.
    pub unicode: Unicode,
    /// The architecture of the user's machine, as Python's `platform.machine()` says it.
    pub machine: String,
    /// The platforms that the image is built for, joined by commas, instead of the spec's.
    pub platform: Option<String>,
    /// The text of a lock beside the spec.
    pub sibling_lock: Option<String>,
    /// What the caller calls the image, instead.
    pub given: Given,
}

/// Names that the caller gives an image, which win over those that are computed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Names of the image, the first in its labels.
    pub names: Vec<String>,
    /// What tasks find in `_F_IMG_ID`.
    pub id: Option<String>,
}

/// An image's names before its files are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Naming<'a> {
    spec: &'a ImageSpec,
    options: NamingOptions,
    algorithm: Algorithm,
    fields: Fields,
}

/// An image's names.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The algorithm that computed the tag.
    pub algorithm: Algorithm,
    /// flytekit's id, by which a task knows whether it runs in this image.
    pub id: String,
    /// The part after the colon of the image's name.
    pub tag: String,
    /// `[registry/]name:tag`, or the first name that was given.
    pub image_name: String,
    /// What the caller calls the image.
    pub given: Given,
    /// The named values that the tag was computed from. They may hold credentials, as users wrote them.
    pub inputs: Vec<(String, String)>,
    /// The digest of what the tag leaves out, if it was asked for and could be computed. A `content` tag has none.
    pub inputs_digest: Option<InputsDigest>,
}

impl fmt::Debug for Identity {
    /// Inputs may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("algorithm", &self.algorithm)
            .field("image_name", &self.image_name)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Why an image of this name, by its labels, is another one; `None` if it is this one. What a computed `content` tag
    /// leaves out, the image does not depend on.
    #[must_use]
    pub fn difference<'l>(&self, labels: impl Iterator<Item = (&'l str, &'l str)>) -> Option<&'static str> {
        let labels: BTreeMap<&str, &str> = labels.collect();
        let is_computed = self.given.names.is_empty();
        if self.algorithm == Algorithm::Content {
            let tag = labels.get(TAG_LABEL);
            return (!is_computed && tag != Some(&self.tag.as_str())).then_some("made from something else");
        }
        let Some(digest) = &self.inputs_digest else {
            return Some("and what it was made from cannot be compared");
        };
        match digest.agrees_with(labels.get(INPUTS_DIGEST_LABEL).copied()) {
            Some(true) => None,
            Some(false) => Some("made from other files"),
            None if digest.is_beyond_tag || !is_computed => Some("and does not say which files it was made from"),
            None => None,
        }
    }
}

impl<'a> Naming<'a> {
    /// Constructs flytekit's `ImageSpec` of a spec.
    ///
    /// # Errors
    /// Everything that flytekit's constructor refuses.
    pub fn new(spec: &'a ImageSpec, options: &NamingOptions) -> Result<Self, Vec<Diagnostic>> {
        let algorithm = options.algorithm.unwrap_or(spec.tag_algorithm);
        let host = Host {
            release: match algorithm {
                Algorithm::Flytekit113 => Release::V113,
                Algorithm::Flytekit | Algorithm::Content => Release::Current,
            },
            unicode: options.unicode,
            machine: options.machine.clone(),
        };
        let fields = Fields::construct(&spec.arguments(), &host).map_err(|problems| {
            let of_old = algorithm == Algorithm::Flytekit113;
            problems
                .iter()
                .map(|problem| {
                    let diagnostic = Diagnostic::error("construct", problem.to_string())
                        .at(spec.span_of(&problem.field))
                        .caused_by(problem.clone());
                    if of_old {
                        diagnostic.help("flytekit 1.13 knew fewer fields; leave `tag_algorithm: flytekit-1.13` out")
                    } else {
                        diagnostic
                    }
                })
                .collect::<Vec<_>>()
        })?;
        Ok(Self {
            spec,
            options: options.clone(),
            algorithm,
            fields,
        })
    }

    /// The algorithm that will compute the tag.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What was given instead of being computed.
    pub(crate) fn given(&self) -> &Given {
        &self.options.given
    }

    /// flytekit's id, which does not depend on files, or the one that was given.
    #[must_use]
    pub fn id(&self) -> String {
        self.options.given.id.clone().unwrap_or_else(|| self.fields.hash())
    }

    fn name_or(&self, computed: String) -> String {
        self.options.given.names.first().cloned().unwrap_or(computed)
    }

    /// The platforms of the image: those asked for, else the spec's, else flytekit's choice or that of the machine.
    /// `None` if they are malformed.
    #[must_use]
    pub fn platforms(&self) -> Option<Vec<Platform>> {
        let spec = self.spec.platform.as_ref().map(|platform| platform.value.as_str());
        match (self.options.platform.as_deref().or(spec), self.spec.profile) {
            (Some(platforms), _) => Platform::parse_list(platforms).ok(),
            (None, Profile::Flyte) => Platform::parse_list(self.fields.get("platform").as_text()?).ok(),
            (None, Profile::Plain) => Some(vec![Platform::normalised("linux", &self.options.machine, "")]),
        }
    }

    /// The digests that the tag needs.
    ///
    /// # Errors
    /// When a field that should name files does not.
    pub fn tasks(&self) -> Result<Vec<Task>, Diagnostic> {
        match self.algorithm {
            Algorithm::Content => Ok(content::tasks(self.spec, self.options.sibling_lock.is_some())),
            // There is no Python process that could have loaded modules.
            _ => tasks(&self.fields, &[]).map_err(|error| self.tag_error(&error)),
        }
    }

    /// The names, by the outcomes of [`Self::tasks`].
    ///
    /// # Errors
    /// Files that cannot be hashed, formats that cannot be applied and, for `content`, whatever is not fixed.
    pub fn identify(&self, tasks: &[Task], answer: &Answer) -> Result<Identity, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let mut digests = Vec::new();
        let mut outcomes = answer.outcomes.iter();
        for task in tasks {
            match outcomes.next().map(|outcome| &outcome.digest) {
                Some(Ok(digest)) => digests.push((task.clone(), digest.clone())),
                Some(Err(problem)) => problems.push(self.file_problem(task, problem)),
                None => problems.push(self.tag_error(&TagError::NoDigest(task.field))),
            }
        }
        if self.algorithm == Algorithm::Content {
            return self.content(&digests, problems);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let tag = tag(&self.fields, &digests).map_err(|error| vec![self.tag_error(&error)])?;
        Ok(Identity {
            algorithm: self.algorithm,
            id: self.id(),
            tag: tag.tag,
            image_name: self.name_or(tag.image_name),
            given: self.options.given.clone(),
            inputs: tag.inputs,
            inputs_digest: None,
        })
    }

    /// The names as they would be if all files had one digest: what is wrong with them is wrong whatever is in the files.
    ///
    /// # Errors
    /// As [`Self::identify`].
    fn rehearsed(&self) -> Result<Identity, Vec<Diagnostic>> {
        let tasks = self.tasks().map_err(|problem| vec![problem])?;
        let outcome = Outcome {
            digest: Ok("0".repeat(64)),
            doubts: Vec::new(),
        };
        let answer = Answer {
            outcomes: vec![outcome; tasks.len()],
            ..Answer::default()
        };
        self.identify(&tasks, &answer)
    }

    /// What is wrong with a name that registries would refuse, whatever is in the files.
    #[must_use]
    pub fn unusable_name(&self) -> Option<Diagnostic> {
        self.name_problem(&self.rehearsed().ok()?)
    }

    /// What is wrong with the names whatever is in the files.
    #[must_use]
    pub fn problems(&self) -> Vec<Diagnostic> {
        match self.rehearsed() {
            Ok(identity) => self.name_problem(&identity).into_iter().collect(),
            Err(problems) => problems,
        }
    }

    fn content(&self, digests: &[(Task, String)], mut problems: Vec<Diagnostic>) -> Result<Identity, Vec<Diagnostic>> {
        let mut platforms: Vec<String> = self.platforms().iter().flatten().map(Platform::to_string).collect();
        platforms.sort();
        platforms.dedup();
        let inputs = match content::inputs(
            self.spec,
            &platforms.join(","),
            digests,
            self.options.sibling_lock.as_deref(),
        ) {
            Ok(inputs) => inputs,
            Err(more) => {
                problems.extend(more);
                return Err(problems);
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let hash = content::hash(&inputs);
        let tag = match &self.spec.tag_format {
            Some(template) => tag_format(&template.value, &hash).map_err(|e| vec![self.tag_error(&e.into())])?,
            None => hash,
        };
        Ok(Identity {
            algorithm: self.algorithm,
            id: self.id(),
            image_name: self.name_or(self.fields.image_name(&tag)),
            given: self.options.given.clone(),
            tag,
            inputs,
            inputs_digest: None,
        })
    }

    /// The digests that the digest of all inputs needs besides [`Self::tasks`]. `read` has the files and directories
    /// that the requirements of each spec name, the outermost spec first.
    #[must_use]
    pub fn tasks_of_inputs(&self, read: &[Vec<String>]) -> Vec<Task> {
        match self.algorithm {
            Algorithm::Content => Vec::new(),
            algorithm => inputs_digest::tasks(self.spec, read, algorithm == Algorithm::Flytekit),
        }
    }

    /// [`Self::identify`] with the digest of all inputs: the answer is to `tasks`, then to `more`, which are
    /// [`Self::tasks_of_inputs`].
    ///
    /// # Errors
    /// As [`Self::identify`].
    pub fn identify_with_inputs(
        &self,
        tasks: &[Task],
        more: &[Task],
        answer: &Answer,
    ) -> Result<Identity, Vec<Diagnostic>> {
        let mut identity = self.identify(tasks, answer)?;
        if self.algorithm == Algorithm::Content {
            return Ok(identity);
        }
        let files: Vec<(&Task, &Outcome)> = more.iter().zip(answer.outcomes.iter().skip(tasks.len())).collect();
        let lock = self.options.sibling_lock.as_deref();
        let is_of_tag = |task: &Task| matches!(task.field, "copy" | "source_root");
        let has_uncounted = answer.chosen.iter().flatten().any(Chosen::has_directories_of_links);
        let is_beyond_tag = lock.is_some() || has_uncounted || more.iter().any(|task| !is_of_tag(task));
        let value = inputs_digest::inputs_digest(self.spec, &identity.inputs, lock, &files);
        identity.inputs_digest = value.map(|value| InputsDigest { value, is_beyond_tag });
        Ok(identity)
    }

    /// Reasons why flytekit's tag may differ, and a name that registries would refuse.
    #[must_use]
    pub fn warnings(&self, tasks: &[Task], answer: &Answer, identity: &Identity) -> Vec<Diagnostic> {
        let mut warnings = Vec::new();
        warnings.extend(self.name_problem(identity).map(|problem| Diagnostic {
            severity: Severity::Warning,
            ..problem
        }));
        for (task, outcome) in tasks.iter().zip(&answer.outcomes) {
            for doubt in &outcome.doubts {
                let message = format!("{}: {doubt}", task.field);
                let warning = Diagnostic::warning("tag-differs", message).at(self.span_of(task, doubt.path()));
                warnings.push(warning.help("who does not need flytekit's tag: `tag_algorithm: content`"));
            }
        }
        warnings
    }

    /// What is wrong with a name that registries would refuse.
    #[must_use]
    pub fn name_problem(&self, identity: &Identity) -> Option<Diagnostic> {
        let error = Reference::parse(&identity.image_name).err()?;
        let problem =
            |message: String, error: ReferenceError| Diagnostic::error("image-name", message).caused_by(error);
        if !self.options.given.names.is_empty() {
            return Some(problem(error.to_string(), error).help("give the image another name"));
        }
        // The part that is to blame, as it stands in the spec: the rest would hide what is wrong.
        let name = identity.image_name.strip_suffix(&format!(":{}", identity.tag));
        let registry = self.spec.registry.as_ref().filter(|r| !r.value.is_empty());
        let parts = [
            ("registry", registry.map(|registry| format!("{}/image", registry.value))),
            ("name", name.map(str::to_owned)),
            ("tag_format", Some(format!("image:{}", identity.tag))),
        ];
        let refused = parts
            .into_iter()
            .find_map(|(field, part)| Some((field, Reference::parse(&part?).err()?)));
        let (field, error) = refused.unwrap_or(("name", error));
        let written = match field {
            "registry" => registry,
            "tag_format" => self.spec.tag_format.as_ref(),
            _ => None,
        };
        let name = self.fields.get("name").as_text();
        let written = written.map(|value| value.value.as_str()).or(name).unwrap_or_default();
        let message = format!(
            "`{field}: {written}` makes no name that registries take: {}",
            error.reason()
        );
        Some(
            problem(message, error)
                .at(self.spec.span_of(field))
                .help("change it, or name the image otherwise"),
        )
    }

    fn tag_error(&self, error: &TagError) -> Diagnostic {
        let help = match error {
            TagError::NoSourceRoot => "add `source_root: .` or a directory",
            TagError::NoPath(_) => "name it as a string",
            TagError::Format(_) => "write for example \"{spec_hash}-dev\", and a literal brace twice",
            TagError::NoDigest(_) => "this is a bug in imagespec",
        };
        Diagnostic::error("no-tag", error.to_string())
            .caused_by(error.clone())
            .at(self.spec.span_of(error.field()))
            .help(help)
    }

    fn file_problem(&self, task: &Task, problem: &Problem) -> Diagnostic {
        let help = match problem.fault {
            Fault::Missing => "paths are relative to the build context, and what .dockerignore names is not in it",
            Fault::Vanished => "try again when nothing writes to the directory",
            Fault::NotUtf8 => "rename it, or leave it out with .dockerignore",
            Fault::Special(_) => "leave it out with .dockerignore",
            Fault::NotADirectory => "name the directory",
            Fault::NotAFile => "name the file",
            Fault::NotLocked(_) => {
                "lock it: `uv lock` or `uv pip compile --generate-hashes requirements.in -o requirements.txt`, or make a lock beside the spec with `imagespec lock`"
            }
            Fault::Unreadable(_) => "check the file and its permissions",
        };
        Diagnostic::error("unreadable-file", format!("{}: {problem}", task.field))
            .at(self.span(task))
            .help(help)
    }

    /// The span of what names a file that is hashed: its entry, where a field has several.
    fn span_of(&self, task: &Task, path: &str) -> Span {
        let spec = self.spec.all().nth(task.depth).unwrap_or(self.spec);
        let has = |entry: &&CopyEntry| relative_to(path, &context_path(&entry.source.value)).is_some();
        let entry = spec.copies().filter(|_| task.field == "copy").find(has);
        entry.map_or_else(|| self.span(task), |entry| entry.span)
    }

    /// The span of the field that asks for a digest.
    #[must_use]
    pub fn span(&self, task: &Task) -> Span {
        let spec = self.spec.all().nth(task.depth);
        spec.unwrap_or(self.spec).span_of(task.field)
    }
}

/// The request for the digests of tasks.
#[must_use]
pub fn request(tasks: &[Task]) -> Request {
    Request {
        jobs: tasks.iter().map(|task| task.job.clone()).collect(),
        copies: Vec::new(),
    }
}
