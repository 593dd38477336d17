//! What a build is made from; some requests need only parts of it.

use std::collections::BTreeSet;

use crate::files::Task;
use crate::frontend::assembly::Build;
use crate::frontend::digests::{Looked, digests};
use crate::frontend::files::{Files, paths_of_tasks, sources_of_tasks};
use crate::frontend::image::Images;
use crate::frontend::served::ServedFiles;
use crate::frontend::session::Session;
use crate::frontend::sibling_lock::SiblingLock;
use crate::image_spec::{Algorithm, ImageSpec, Profile};
use crate::llb::Output;
use crate::name::Naming;
use crate::oci::Platform;
use crate::plan::{self, Attendance};
use crate::project::{
    FoundRequirements, Planned, check, check_lock_options, copies_anything, copies_warnings, copying, first_paths,
    read_requirements, several_platforms, wanted_paths,
};
use crate::text::{Diagnostic, Failure, context_path};

/// What a build is made from.
pub(super) struct BuildInputs<'a> {
    pub(super) session: &'a Session,
    pub(super) spec: &'a ImageSpec,
    /// Whether the build makes a new lock.
    is_locking: bool,
    sibling_lock: Option<SiblingLock>,
    pub(super) naming: Naming<'a>,
    /// The digests that the name needs.
    pub(super) tasks: Vec<Task>,
    pub(super) platforms: Vec<Platform>,
}

impl<'a> BuildInputs<'a> {
    /// Works out what to build.
    pub(super) async fn of(session: &'a Session, spec: &'a ImageSpec, is_locking: bool) -> Result<Self, Failure> {
        let sibling_lock = match is_locking {
            true => None,
            false => session.sibling_lock(spec).await?,
        };
        let naming = session.naming(spec, sibling_lock.as_ref())?;
        Ok(Self {
            session,
            spec,
            is_locking,
            sibling_lock,
            tasks: naming.tasks()?,
            platforms: platforms(session, spec, &naming)?,
            naming,
        })
    }

    /// The only platform; a problem if there are several.
    pub(super) fn only_platform(&self, what: &str) -> Result<&Platform, Diagnostic> {
        match self.platforms.as_slice() {
            [platform] => Ok(platform),
            _ => {
                let is_asked_for = self.session.options.get("platform").is_some();
                let own = self.spec.platform.as_ref().filter(|_| !is_asked_for);
                Err(several_platforms(what).at_known(own.map(|platform| platform.span)))
            }
        }
    }

    /// The path and text of the sibling lock.
    pub(super) fn sibling_lock(&self) -> Option<(&str, &str)> {
        let lock = self.sibling_lock.as_ref()?;
        Some((&lock.path, &lock.text))
    }

    /// Asks the client for the files that the spec and the digests of its name need.
    pub(super) async fn files(&self) -> Result<Files, Failure> {
        let mut paths: BTreeSet<String> = paths_of_tasks(&self.tasks);
        let wanted = wanted_paths(self.spec);
        paths.extend(wanted.iter().map(|(_, path)| context_path(&path.value)));
        paths.extend(self.spec.all().flat_map(first_paths));
        let mut sources = sources_of_tasks(&self.tasks);
        let roots = self.spec.all().filter_map(ImageSpec::copied_source);
        sources.extend(roots.map(|root| context_path(&root.value)));
        Files::ask(self.session, paths, sources).await
    }

    /// Computes the digests that the name needs and, with `read`, the files and directories that the requirements of each
    /// spec name, those of all inputs. Also looks at what is copied. All in one step, which is the same for each request.
    pub(super) async fn look(&self, files: &Files, read: Option<&[Vec<String>]>) -> Result<Looked, Failure> {
        // Without the program there are names as long as no file counts.
        let has_program = self.session.options.program.is_some();
        let copies = match has_program && copies_anything(self.spec) {
            true => copying(self.spec, self.naming.algorithm()),
            false => Vec::new(),
        };
        let more = read
            .filter(|_| has_program)
            .map(|read| self.naming.tasks_of_inputs(read));
        let tasks = [self.tasks.as_slice(), more.as_deref().unwrap_or_default()].concat();
        let (answer, files) = digests(self.session, files, &self.naming, &tasks, copies).await?;
        Ok(Looked { answer, files, more })
    }

    /// Tells users of copies that do not go into the image as they are.
    pub(super) async fn warn_of_copies(&self, looked: &Looked) -> Result<(), Failure> {
        for (spec, chosen) in self.spec.all().zip(&looked.answer.chosen) {
            for warning in chosen
                .iter()
                .flat_map(|chosen| copies_warnings(spec, chosen, self.naming.algorithm()))
            {
                self.session.warn(&warning).await?;
            }
        }
        Ok(())
    }

    /// The images that the build uses, for each platform.
    pub(super) async fn images(&self) -> Result<Vec<Images>, Failure> {
        let Session { client, options, .. } = self.session;
        let needs = plan::needs(self.spec);
        let mut images = Vec::with_capacity(self.platforms.len());
        for platform in &self.platforms {
            images.push(Images::look_up(client, options, self.spec, &needs, platform).await?);
        }
        Ok(images)
    }

    /// Reads the requirements files and looks images up at the same time: neither needs the other.
    pub(super) async fn read(&self, files: &mut Files) -> Result<(Vec<FoundRequirements>, Vec<Images>), Failure> {
        if !self.is_locking {
            let problems = check_lock_options(self.spec, self.sibling_lock().map(|(_, text)| text));
            if !problems.is_empty() {
                return Err(problems.into());
            }
        }
        let (found, images) = tokio::join!(self.requirements(files), self.images());
        let found = found?;
        for warning in found.iter().flat_map(|found| &found.warnings) {
            self.session.warn(warning).await?;
        }
        Ok((found, images?))
    }

    /// Checks that the files of the spec are there, and reads its requirements files.
    pub(super) async fn requirements(&self, files: &mut Files) -> Result<Vec<FoundRequirements>, Failure> {
        let mut files = ServedFiles::new(&self.session.client, files);
        let texts = check(&mut files, self.spec).await?;
        read_requirements(&mut files, self.spec, &texts, self.sibling_lock.is_some()).await
    }

    /// What is planned without a build, for a platform.
    pub(super) fn planned<'b>(&'b self, platform: &'b Platform, attendance: Attendance) -> Planned<'b> {
        Planned {
            spec: self.spec,
            spec_name: self.session.file.text.name(),
            platform,
            id: self.naming.id(),
            is_hashed: self.naming.algorithm() == Algorithm::Content,
            sibling_lock: self.sibling_lock(),
            attendance,
            resolving_builds: false,
        }
    }

    /// The build itself, of what requirements say and the context.
    pub(super) fn assembly<'b>(&'b self, found: &'b [FoundRequirements], tree: Option<Output>) -> Build<'b> {
        Build {
            session: self.session,
            spec: self.spec,
            id: self.naming.id(),
            // A new lock will have the hashes.
            is_hashed: self.naming.algorithm() == Algorithm::Content && !self.is_locking,
            found,
            sibling_lock: self.sibling_lock.as_ref(),
            tree,
        }
    }
}

/// The files and directories that the requirements of each spec name.
pub(super) fn paths_of(found: &[FoundRequirements]) -> Vec<Vec<String>> {
    found.iter().map(FoundRequirements::paths).collect()
}

/// The platforms of a build: the client's wish, else the spec's, else the profile's default.
fn platforms(session: &Session, spec: &ImageSpec, naming: &Naming<'_>) -> Result<Vec<Platform>, Diagnostic> {
    let asked = session.options.platforms()?;
    match (asked.is_empty(), &spec.platform, spec.profile) {
        (false, ..) => Ok(asked),
        // The engine's own platform, with its variant.
        (true, None, Profile::Plain) => Ok(vec![session.options.worker.clone()]),
        (true, ..) => {
            let missing = || Diagnostic::internal("a spec without errors has no platform");
            naming.platforms().ok_or_else(missing)
        }
    }
}
