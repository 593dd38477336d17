//! A spec and its files on the user's disk.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::disk::{DiskFiles, cannot, read_file};
use crate::cli::ignore_file::{IgnoreFile, beside};
use crate::files::{Chosen, Context, MAX_REQUIREMENTS, Patterns, Problem, Request, compute};
use crate::image_spec::{self, Algorithm, DEFAULT_NAMES, ImageSpec, LOCK_NAME, extended};
use crate::name::{Identity, Naming, NamingOptions, request};
use crate::oci::Platform;
use crate::plan::Attendance;
use crate::program::ignored_files;
use crate::project::{
    FoundRequirements, Outlook, Planned, check, copies_warnings, copying, read_requirements, several_platforms,
};
use crate::text::yaml::MAX_BYTES;
use crate::text::{Diagnostic, Failure, Operation, ProblemKind, Severity, Text};

/// What a spec's files say of the image.
pub(super) struct Identified {
    pub(super) identity: Identity,
    pub(super) warnings: Vec<Diagnostic>,
    /// What of each spec's copies does not go into the image as it is, the outermost first.
    pub(super) chosen: Vec<Result<Chosen, Problem>>,
}

/// A spec that has been read, and where its files are.
pub(super) struct Project {
    pub(super) text: Text,
    pub(super) spec: ImageSpec,
    /// Problems that do not stop names from being computed.
    pub(super) warnings: Vec<Diagnostic>,
    context: PathBuf,
    /// The ignore file beside the spec.
    own_ignore: PathBuf,
    /// The text of the sibling lock, if the spec names no lock.
    lock: Option<String>,
}

impl Project {
    /// Reads the spec in a file, or the default one of a context, and refuses one that the operation cannot use.
    pub(super) fn read(file: Option<&Path>, context: &Path, operation: Operation) -> Result<Self, Failure> {
        let path = spec_file(file, context)?;
        Self::of(&path, read_spec(&path)?, context, operation)
    }

    /// The same for a spec whose text has been read.
    pub(super) fn of(path: &Path, text: Text, context: &Path, operation: Operation) -> Result<Self, Failure> {
        let directory = context_directory(context)?;
        let parsed = image_spec::parse(&text);
        let errors = Failure::of(&text, parsed.errors(operation));
        let spec = match parsed.spec {
            Some(spec) if errors.problems.is_empty() => spec,
            _ => return Err(errors),
        };
        // Names can be computed even if the image cannot be built.
        let warnings = parsed
            .diagnostics
            .into_iter()
            .map(|diagnostic| Diagnostic {
                severity: Severity::Warning,
                ..diagnostic
            })
            .collect();
        let lock = sibling_lock(path, &spec)?;
        Ok(Self {
            text,
            spec,
            warnings,
            context: directory,
            own_ignore: beside(path),
            lock,
        })
    }

    /// The plan of its image, as far as it is known without a build.
    pub(super) fn outlook(&self, naming: &Naming<'_>) -> Result<Outlook, Failure> {
        self.planned(naming, &self.platform(naming, "plan")?, Attendance::Reader, false)
    }

    /// The only platform of its image. `what` is made for one.
    pub(super) fn platform(&self, naming: &Naming<'_>, what: &str) -> Result<Platform, Failure> {
        let platforms = naming.platforms().unwrap_or_default();
        <[Platform; 1]>::try_from(platforms).map_or_else(
            |_| {
                let own = self.spec.platform.as_ref().map(|platform| platform.span);
                Err(self.failure(several_platforms(what).at_known(own)))
            },
            |[platform]| Ok(platform),
        )
    }

    /// The same with another lock beside the spec.
    pub(super) fn with_lock(self, lock: String) -> Self {
        Self {
            lock: Some(lock),
            ..self
        }
    }

    /// The text of the sibling lock.
    pub(super) fn sibling_lock(&self) -> Option<&str> {
        self.lock.as_deref()
    }

    /// The build context, without what its ignore file leaves out.
    pub(super) fn context(&self) -> Result<Context, Diagnostic> {
        Ok(Context::new(&self.context, self.ignored()?.1))
    }

    /// The plan of its image for a platform, by who looks on while it is built. With `resolving_builds` it is known that
    /// packages are built.
    pub(super) fn planned(
        &self,
        naming: &Naming<'_>,
        platform: &Platform,
        attendance: Attendance,
        resolving_builds: bool,
    ) -> Result<Outlook, Failure> {
        let planned = Planned {
            spec: &self.spec,
            spec_name: self.text.name(),
            platform,
            id: naming.id(),
            is_hashed: naming.algorithm() == Algorithm::Content,
            sibling_lock: self.lock.as_deref().map(|text| (LOCK_NAME, text)),
            attendance,
            resolving_builds,
        };
        let mut files = self.files()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Diagnostic::internal("no runtime").because(error))?;
        let outlook = runtime.block_on(planned.outlook(&mut files));
        outlook.map_err(|failure| failure.about(&self.text))
    }

    /// How the spec's names are computed.
    pub(super) fn naming(&self, options: &NamingOptions) -> Result<Naming<'_>, Failure> {
        let options = NamingOptions {
            sibling_lock: self.lock.clone(),
            ..options.clone()
        };
        Naming::new(&self.spec, &options).map_err(|problems| self.failure(problems))
    }

    /// The files and directories that the requirements of each spec name.
    ///
    /// # Errors
    /// As [`Self::checked`].
    pub(super) fn checked_paths(&self) -> Result<Vec<Vec<String>>, Failure> {
        Ok(self.checked()?.iter().map(FoundRequirements::paths).collect())
    }

    /// What the requirements of each spec say.
    ///
    /// # Errors
    /// What is wrong with files that the spec names, as a build would find it.
    pub(super) fn checked(&self) -> Result<Vec<FoundRequirements>, Failure> {
        let mut files = self.files()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Diagnostic::internal("no runtime").because(error))?;
        let found = runtime.block_on(async {
            let texts = check(&mut files, &self.spec).await?;
            read_requirements(&mut files, &self.spec, &texts, self.lock.is_some()).await
        });
        found.map_err(|failure| failure.about(&self.text))
    }

    fn files(&self) -> Result<DiskFiles, Diagnostic> {
        let (ignored, patterns) = self.ignored()?;
        let context = Context::new(&self.context, patterns);
        Ok(DiskFiles { context, ignored })
    }

    /// The names, with the digests of the spec's files, more warnings, and what is known of its copies. With `read`, the
    /// files and directories that the requirements of each spec name, also the digest of all inputs.
    pub(super) fn identify(&self, naming: &Naming<'_>, read: Option<&[Vec<String>]>) -> Result<Identified, Failure> {
        let tasks = naming.tasks().map_err(|problem| self.failure(problem))?;
        let more = read.map(|read| naming.tasks_of_inputs(read)).unwrap_or_default();
        let context = Context::new(&self.context, self.ignored()?.1);
        let asked = Request {
            copies: copying(&self.spec, naming.algorithm()),
            ..request(&[tasks.as_slice(), &more].concat())
        };
        let answer = compute(&asked, &context, &|directory| Some(ignored_files(directory)));
        let identity = match read {
            Some(_) => naming.identify_with_inputs(&tasks, &more, &answer),
            None => naming.identify(&tasks, &answer),
        };
        let identity = identity.map_err(|problems| self.failure(problems))?;
        let mut warnings = naming.warnings(&tasks, &answer, &identity);
        for (spec, chosen) in self.spec.all().zip(&answer.chosen) {
            let of_spec = chosen
                .iter()
                .flat_map(|chosen| copies_warnings(spec, chosen, naming.algorithm()));
            warnings.extend(of_spec);
        }
        Ok(Identified {
            identity,
            warnings,
            chosen: answer.chosen,
        })
    }

    /// What the context leaves out.
    fn ignored(&self) -> Result<(Vec<String>, Patterns), Diagnostic> {
        let file = IgnoreFile::of_build(Some(&self.own_ignore), &self.context)?;
        let patterns = file.patterns(&[])?;
        Ok((file.lines, patterns))
    }

    fn failure(&self, problems: impl Into<Failure>) -> Failure {
        problems.into().about(&self.text)
    }
}

fn sibling_lock(spec_file: &Path, spec: &ImageSpec) -> Result<Option<String>, Diagnostic> {
    if !spec.takes_sibling_lock() {
        return Ok(None);
    }
    let path = spec_file.parent().unwrap_or_else(|| Path::new("")).join(LOCK_NAME);
    match read_file(&path, MAX_REQUIREMENTS) {
        Ok(content) if content.len() > MAX_REQUIREMENTS => {
            let message = format!(
                "cannot read {}: it has more than {MAX_REQUIREMENTS} bytes",
                path.display()
            );
            Err(Diagnostic::error("file-too-large", message))
        }
        Ok(content) => String::from_utf8(content).map(Some).map_err(|error| {
            let message = format!("cannot read {}: it is not UTF-8 text", path.display());
            Diagnostic::error("not-utf8", message).caused_by(error)
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", &path, error)),
    }
}

/// The spec's file: the one that is named, or that a context has.
pub(super) fn spec_file(file: Option<&Path>, context: &Path) -> Result<PathBuf, Diagnostic> {
    match file {
        Some(file) => Ok(file.to_owned()),
        None => default_file(context),
    }
}

/// The directory of a context, links resolved.
pub(super) fn context_directory(context: &Path) -> Result<PathBuf, Diagnostic> {
    let directory = context.canonicalize().ok().filter(|directory| directory.is_dir());
    directory.ok_or_else(|| no_directory(context))
}

/// A context that cannot be read here.
fn no_directory(context: &Path) -> Diagnostic {
    let message = format!("the context {} is not a directory", context.display());
    let problem = Diagnostic::error("context", message).kind(ProblemKind::Missing);
    match context.to_string_lossy().contains("://") {
        true => problem.help("only an engine fetches contexts: `docker buildx build -f FILE URL`"),
        false => problem,
    }
}

fn default_file(context: &Path) -> Result<PathBuf, Diagnostic> {
    if !context.is_dir() {
        return Err(no_directory(context));
    }
    // `./` before the name would only be in the way of readers.
    let below = |name: &&str| {
        if context == Path::new(".") {
            PathBuf::from(name)
        } else {
            context.join(name)
        }
    };
    let mut candidates = DEFAULT_NAMES.iter().map(below);
    candidates.find(|path| path.is_file()).ok_or_else(|| {
        let message = format!("there is no {} in {}", DEFAULT_NAMES[0], context.display());
        Diagnostic::error("no-spec-file", message)
            .kind(ProblemKind::Missing)
            .help("name the spec with -f FILE")
    })
}

/// The text of a spec's file, with those of the files that it extends. One from standard input extends none: no build
/// would find them.
pub(super) fn read_spec(path: &Path) -> Result<Text, Failure> {
    let mut text = read(path)?;
    while path != Path::new("-") {
        let wanted = extended(&text).map_err(|problem| Failure::from(problem).about(&text))?;
        let Some(wanted) = wanted else { return Ok(text) };
        let path = Path::new(&wanted.path);
        let content = match read_file(path, MAX_BYTES) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failure::from(wanted.missing().caused_by(error)).about(&text));
            }
            Err(error) => return Err(cannot("read", path, error).into()),
        };
        if leads_out(path, Path::new(text.name())) {
            let message = format!(
                "`extends` names {}, a link out of the directory of the spec",
                wanted.path
            );
            let problem = Diagnostic::error("extends", message).at(wanted.span);
            let problem = problem.help("builds do not see what is outside: put the file itself there");
            return Err(Failure::from(problem).about(&text));
        }
        text.add(Text::from_utf8(&wanted.path, content).map_err(Diagnostic::from)?);
    }
    Ok(text)
}

/// Whether a file is not in the directory of the spec, links followed.
fn leads_out(path: &Path, spec: &Path) -> bool {
    let directory = spec.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new(".")).canonicalize();
    let real = path.canonicalize();
    matches!((real, directory), (Ok(real), Ok(directory)) if !real.starts_with(&directory))
}

/// The text of one file.
pub(super) fn read(path: &Path) -> Result<Text, Diagnostic> {
    let content = if path == Path::new("-") {
        let mut content = Vec::new();
        let limit = MAX_BYTES as u64 + 1;
        let read = std::io::stdin().take(limit).read_to_end(&mut content);
        read.map(|_| content)
    } else {
        read_file(path, MAX_BYTES)
    };
    let content = content.map_err(|error| cannot("read", path, error))?;
    Ok(Text::from_utf8(&path.display().to_string(), content)?)
}
