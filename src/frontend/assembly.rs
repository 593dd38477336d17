//! Makes one image of a build: locks its packages, plans it and solves its graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::frontend::digests::Looked;
use crate::frontend::gateway::Solved;
use crate::frontend::image::{Images, Resolved};
use crate::frontend::owners::Owners;
use crate::frontend::session::Session;
use crate::frontend::sibling_lock::SiblingLock;
use crate::frontend::solver::GatewaySolver;
use crate::image_spec::{BaseImage, CopyEntry, FileMode, ImageSpec};
use crate::llb::{Definition, Output};
use crate::oci::Platform;
use crate::plan::{self, BuildPlan, FAILED, Facts, PASSWD, Part, Settings, Stage, Strategy, Target};
use crate::project::{Extent, FoundRequirements, Resolution, Resolving, copies_facts};
use crate::text::{Diagnostic, Failure, Span};
use crate::write::{LlbOptions, Sources, SpecSource, write_llb};

/// One image of a build, without the labels that name it.
pub(super) struct AssembledImage {
    pub(super) reference: Solved,
    /// The names of all vertices by their digests.
    pub(super) vertices: BTreeMap<String, String>,
    pub(super) settings: Settings,
    pub(super) history: Vec<String>,
    /// The names of the steps of its own layers, the lowest first.
    pub(super) layers: Vec<String>,
    pub(super) base: Option<Resolved>,
    /// A tree whose passwd file is that of the image.
    pub(super) users: Option<Output>,
    /// The owners of copies that are to be looked up, for each spec that names any.
    pub(super) owners: Vec<Owners>,
}

/// What all images of a build share.
pub(super) struct Build<'a> {
    pub(super) session: &'a Session,
    pub(super) spec: &'a ImageSpec,
    pub(super) id: String,
    /// Whether the name depends on the exact files that are installed.
    pub(super) is_hashed: bool,
    /// What requirements files say, for each spec, the outermost first.
    pub(super) found: &'a [FoundRequirements],
    pub(super) sibling_lock: Option<&'a SiblingLock>,
    /// The build context.
    pub(super) tree: Option<Output>,
}

/// Where a spec, or one below it, names its base image.
fn base_span(spec: &ImageSpec) -> Option<Span> {
    spec.all().find_map(|spec| match &spec.base_image {
        Some(BaseImage::Reference(name)) => Some(name.span),
        _ => None,
    })
}

/// What an engine that cannot set modes makes of the copies of a spec, and of those below it.
fn modes_kept(spec: &ImageSpec) -> Option<Diagnostic> {
    let copied = |spec: &ImageSpec| {
        let copy = spec.copy.as_ref().filter(|copy| !copy.value.is_empty());
        copy.map(|copy| copy.span)
            .or(spec.copied_source().map(|root| root.span))
    };
    let span = spec.all().filter(|spec| spec.mode == FileMode::Git).find_map(copied)?;
    let message = "this engine cannot set the modes of copied files: they have those of the checkout, so another umask makes other layers, and some that not every user can read";
    let warning = Diagnostic::warning("modes-kept", message).at(span);
    Some(warning.help("BuildKit can since 0.17, Docker since 27.4; `mode: keep` says that it is meant"))
}

/// The error that an entry of `copy` asks an engine for modes that cannot set any.
fn modes_refused(spec: &ImageSpec) -> Option<Diagnostic> {
    let asked = |entry: &CopyEntry| match entry.mode.as_ref()?.value {
        FileMode::Exact(_) => entry.mode.as_ref().map(|mode| mode.span),
        FileMode::Git | FileMode::Keep => None,
    };
    let span = spec.all().flat_map(ImageSpec::copies).find_map(asked)?;
    let problem = Diagnostic::build_error("modes-kept", "this engine cannot set the modes of copied files").at(span);
    Some(problem.help("BuildKit can since 0.17, Docker since 27.4; or `chmod` them in `commands`"))
}

impl Build<'_> {
    /// Plans and solves the image of a platform.
    pub(super) async fn image(
        &self,
        platform: &Platform,
        images: &Images,
        locked: Facts,
        looked: Option<&Looked>,
        (label, warn): (bool, bool),
    ) -> Result<AssembledImage, Failure> {
        let field = base_span(self.spec);
        if warn && images.base().is_some_and(Resolved::has_triggers) {
            let message = "the base image has ONBUILD triggers, which are for Dockerfiles; they are not run";
            let warning = Diagnostic::warning("onbuild-ignored", message).at_known(field);
            self.session.warn(&warning).await?;
        }
        let made_for = images
            .base()
            .and_then(|base| base.config.as_ref()?.architecture.as_deref());
        if let Some(other) = made_for.filter(|other| *other != platform.architecture) {
            let message = format!("the base image is made for {other}, the image is built for {platform}");
            let warning = Diagnostic::warning("platform-mismatch", message)
                .at_known(field)
                .help("name a base image that has this platform, or build with another --platform");
            self.session.warn(&warning).await?;
        }
        if !self.session.client.sets_modes()
            && let Some(problem) = modes_refused(self.spec)
        {
            return Err(problem.into());
        }
        let kept = modes_kept(self.spec).filter(|_| warn && !self.session.client.sets_modes());
        if let Some(warning) = kept {
            self.session.warn(&warning).await?;
        }
        let options = self.llb_options(label.then(|| platform.to_string()))?;
        let plan = plan::plan(self.spec, platform, &with_copies(locked, looked));
        let mut sources = self.sources(&plan, images);
        // With what links lead to.
        sources.context = looked.map_or(sources.context, |looked| looked.files.tree().cloned());
        let graph = write_llb(&plan, &sources, &options)?;
        let users = match options.target {
            Target::Whole => Self::users(&plan, &sources, &options)?,
            _ => None,
        };
        let owners = match options.target {
            Target::Whole => self.owners(&plan, &sources, &options)?,
            _ => Vec::new(),
        };
        let solved = self.session.client.solve(graph.result.as_ref()).await?;
        let settings = match &options.target {
            Target::Part(Part::Stage(Stage::Base)) => plan.settings_below(),
            _ => plan.settings,
        };
        Ok(AssembledImage {
            vertices: Definition::new(graph.result.as_ref()).names(),
            reference: solved,
            settings,
            history: graph.history,
            layers: graph.layers,
            base: images.base().cloned(),
            users,
            owners,
        })
    }

    /// The owners of copies, with the users that there are before the last commands of the same spec.
    fn owners(&self, plan: &BuildPlan, sources: &Sources, options: &LlbOptions) -> Result<Vec<Owners>, Failure> {
        let mut specs: Vec<&ImageSpec> = self.spec.all().collect();
        specs.reverse();
        let mut all = Vec::new();
        for (position, spec) in specs.into_iter().enumerate() {
            let Some(mut owners) = Owners::of(spec) else { continue };
            let mut before = plan.clone();
            before.storeys.truncate(position + 1);
            if let Some(storey) = before.storeys.last_mut() {
                storey.steps.retain(|step| step.stage != Stage::Image);
            }
            owners.files = Self::users(&before, sources, options)?;
            all.push(owners);
        }
        Ok(all)
    }

    /// A tree whose passwd file is that of the image. The image's own is usually merged, which takes seconds to read.
    fn users(plan: &BuildPlan, sources: &Sources, options: &LlbOptions) -> Result<Option<Output>, Failure> {
        let Some((plan, writer)) = plan.up_to_writer(PASSWD) else {
            return Ok(sources.base.clone());
        };
        let options = LlbOptions {
            target: Target::After(writer),
            ..options.clone()
        };
        Ok(write_llb(&plan, sources, &options)?.result)
    }

    /// The text of the outermost spec's lock; `None` if it installs no packages.
    pub(super) async fn lock(&self, platform: &Platform, images: &Images) -> Result<Option<String>, Failure> {
        let options = LlbOptions {
            target: Target::Part(Part::Stage(Stage::Lock)),
            ..self.llb_options(None)?
        };
        Ok(self.resolve(platform, images, &options).await?.lock)
    }

    /// What of `apt_packages` cannot be installed, after one of its steps failed: a line for each problem, the name of the
    /// package and what apt says, with a tab between them. `None` if that cannot be found out.
    pub(super) async fn names_of_apt(&self, platform: &Platform, images: &Images, failed: &str) -> Option<String> {
        let facts = Facts {
            base: images.base().map(Resolved::facts).unwrap_or_default(),
            ..Facts::default()
        };
        let (plan, step) = plan::names_of_apt(&plan::plan(self.spec, platform, &facts), failed)?;
        let options = LlbOptions {
            target: Target::After(step),
            ..self.llb_options(None).ok()?
        };
        let graph = write_llb(&plan, &self.sources(&plan, images), &options).ok()?;
        let client = &self.session.client;
        let failed = match client.solve(graph.result.as_ref()).await {
            Ok(solved) => client.evaluate(&solved).await.err(),
            Err(failure) => failure.problems.iter().find_map(Diagnostic::find_cause).cloned(),
        };
        client.read_failed(&failed?, FAILED).await
    }

    /// What is known once the packages of all specs are locked.
    pub(super) async fn locked(&self, platform: &Platform, images: &Images, label: bool) -> Result<Facts, Failure> {
        let options = self.llb_options(label.then(|| platform.to_string()))?;
        Ok(self.resolve(platform, images, &options).await?.facts)
    }

    /// Finds the packages of all specs.
    async fn resolve(&self, platform: &Platform, images: &Images, options: &LlbOptions) -> Result<Resolution, Failure> {
        let facts = Facts {
            base: images.base().map(Resolved::facts).unwrap_or_default(),
            id: self.id.clone(),
            ..Facts::default()
        };
        let resolving = Resolving {
            spec: self.spec,
            spec_name: self.session.file.text.name(),
            platform,
            found: self.found,
            sibling_lock: self.sibling_lock.map(|lock| (lock.path.as_str(), lock.text.as_str())),
            is_hashed: self.is_hashed,
            extent: match options.target {
                Target::Part(Part::Stage(stage)) if stage < Stage::Lock => Extent::Below,
                Target::Part(Part::Stage(Stage::Lock) | Part::Package(_)) => Extent::Lock,
                _ => Extent::Whole,
            },
        };
        let solver = GatewaySolver {
            client: &self.session.client,
            sources: &|plan| self.sources(plan, images),
            options,
        };
        let resolution = resolving.resolve(facts, &solver).await?;
        for warning in &resolution.warnings {
            self.session.warn(warning).await?;
        }
        Ok(resolution)
    }

    fn llb_options(&self, platform_label: Option<String>) -> Result<LlbOptions, Failure> {
        let strategy = match self.session.options.strategy()? {
            Some(strategy) => strategy,
            None if self.session.client.can("mergeop") && self.session.client.can("diffop") => Strategy::Merge,
            None => Strategy::Chain,
        };
        let target = self
            .session
            .options
            .target()?
            .filter(|part| *part != Part::Stage(Stage::Image));
        Ok(LlbOptions {
            no_cache: self.session.options.no_cache()?,
            target: target.map_or(Target::Whole, Target::Part),
            network: self.session.options.network()?,
            extra_hosts: self.session.options.extra_hosts()?,
            hostname: self.session.options.hostname().to_owned(),
            proxy: self.session.options.proxy(),
            cache_namespace: self
                .session
                .options
                .argument("BUILDKIT_CACHE_MOUNT_NS")
                .unwrap_or("")
                .to_owned(),
            platform_label,
            sets_modes: self.session.client.sets_modes(),
            source: Some(SpecSource {
                text: Arc::new(self.session.file.text.clone()),
                files: self.session.file.sources.clone(),
            }),
            ..LlbOptions::new(strategy)
        })
    }

    fn sources(&self, plan: &BuildPlan, images: &Images) -> Sources {
        let spec_directory = self.sibling_lock.map(|lock| lock.tree.clone());
        images.sources(plan, self.tree.clone(), spec_directory)
    }
}

/// Facts with what is known of the files that are copied.
pub(super) fn with_copies(mut facts: Facts, looked: Option<&Looked>) -> Facts {
    let chosen = looked.iter().flat_map(|looked| looked.answer.chosen.iter().rev());
    for (storey, chosen) in facts.storeys.iter_mut().zip(chosen) {
        storey.copies = chosen.as_ref().ok().map(copies_facts);
    }
    facts
}
