//! One image of a build: planned, its packages locked, its graph solved.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::frontend::context::{self, SpecFile};
use crate::frontend::gateway::{Client, Solved};
use crate::frontend::image::{Images, Resolved};
use crate::frontend::lock::{Locking, shared_files, solve_product};
use crate::frontend::options::FrontendOptions;
use crate::frontend::requirements::FoundRequirements;
use crate::frontend::sibling_lock::SiblingLock;
use crate::image_spec::ImageSpec;
use crate::llb::{Definition, Output};
use crate::oci::Platform;
use crate::plan::{self, Base, BuildPlan, Facts, Lock, Part, Product, Role, Settings, Stage};
use crate::text::{Diagnostic, Failure};
use crate::write::{self, Options as EmitOptions, Sources, Strategy, Target};

/// One image of a build, before it says what it is called.
pub(super) struct Image {
    pub(super) reference: Solved,
    /// The names of all vertices by their digests.
    pub(super) vertices: BTreeMap<String, String>,
    pub(super) settings: Settings,
    pub(super) history: Vec<String>,
    pub(super) base: Option<Resolved>,
}

/// What the images of a build have in common.
pub(super) struct Build<'a> {
    pub(super) client: &'a Client,
    pub(super) options: &'a FrontendOptions,
    pub(super) file: &'a SpecFile,
    pub(super) spec: &'a ImageSpec,
    pub(super) id: String,
    /// Whether the name says what exactly is installed.
    pub(super) is_hashed: bool,
    /// What requirements files say, of the outermost spec first.
    pub(super) found: &'a [FoundRequirements],
    pub(super) sibling_lock: Option<&'a SiblingLock>,
    /// The build context.
    pub(super) tree: Option<Output>,
}

impl Build<'_> {
    /// Plans and solves the image of a platform.
    pub(super) async fn image(
        &self,
        platform: &Platform,
        images: &Images,
        label: bool,
        warn: bool,
    ) -> Result<Image, Failure> {
        if warn && images.base().is_some_and(Resolved::has_triggers) {
            let warning = Diagnostic::warning(
                "onbuild-ignored",
                "the base image has ONBUILD triggers, which are for Dockerfiles; they are not run",
            );
            context::warn(self.client, self.file, &warning).await?;
        }
        let made_for = images
            .base()
            .and_then(|base| base.config.as_ref()?.architecture.as_deref());
        if let Some(other) = made_for.filter(|other| *other != platform.architecture) {
            let message = format!("the base image is made for {other}, the image is built for {platform}");
            let warning = Diagnostic::warning("platform-mismatch", message)
                .help("name a base image that has this platform, or build with another --platform");
            context::warn(self.client, self.file, &warning).await?;
        }
        let emit_options = self.emit_options(label.then(|| platform.to_string()))?;
        let (plan, _) = self.plan(platform, images, &emit_options).await?;
        let sources = self.sources(&plan, images);
        let emitted = write::emit(&plan, &sources, &emit_options)?;
        let solved = self.client.solve(emitted.result.as_ref()).await?;
        let base = images.base();
        let is_base = emit_options.target == Some(Target::Part(Part::Stage(Stage::Base)));
        let settings = match (is_base, &plan.base) {
            (true, Base::Plan(nested)) => nested_settings(nested),
            (true, Base::Image(_)) => Settings {
                environment: base.map(|base| base.facts().environment).unwrap_or_default(),
                ..Settings::default()
            },
            _ => nested_settings(&plan),
        };
        let definition = Definition::new(emitted.result.as_ref());
        Ok(Image {
            vertices: definition.names(),
            reference: solved,
            settings,
            history: emitted.history,
            base: base.cloned(),
        })
    }

    /// The text of the lock of the outermost spec; `None` when it installs no package.
    pub(super) async fn lock(&self, platform: &Platform, images: &Images) -> Result<Option<String>, Failure> {
        let emit_options = EmitOptions {
            target: Some(Target::Part(Part::Stage(Stage::Lock))),
            ..self.emit_options(None)?
        };
        Ok(self.plan(platform, images, &emit_options).await?.1)
    }

    fn emit_options(&self, platform_label: Option<String>) -> Result<EmitOptions, Failure> {
        let strategy = match self.options.strategy()? {
            Some(strategy) => strategy,
            None if self.client.can("mergeop") && self.client.can("diffop") => Strategy::Merge,
            None => Strategy::Chain,
        };
        let target = self.options.target()?.filter(|part| *part != Part::Stage(Stage::Image));
        Ok(EmitOptions {
            no_cache: self.options.no_cache()?,
            target: target.map(Target::Part),
            network: self.options.network()?,
            extra_hosts: self.options.extra_hosts()?,
            hostname: self.options.hostname().to_owned(),
            proxy: self.options.proxy(),
            cache_namespace: self
                .options
                .argument("BUILDKIT_CACHE_MOUNT_NS")
                .unwrap_or("")
                .to_owned(),
            platform_label,
            file: Some(Arc::clone(&self.file.source)),
            ..EmitOptions::new(strategy)
        })
    }

    /// The whole plan, and the text of the outermost lock. A spec's packages are known once the spec below
    /// it is laid out, so that is done first.
    async fn plan(
        &self,
        platform: &Platform,
        images: &Images,
        options: &EmitOptions,
    ) -> Result<(BuildPlan, Option<String>), Failure> {
        let mut facts = self.facts(self.spec, images.base(), 0);
        let draft = |facts: &Facts| plan::plan(self.spec, &self.file.text, platform, facts);
        let is_early = match &options.target {
            Some(Target::Part(Part::Stage(stage))) => *stage < Stage::Lock,
            _ => false,
        };
        let mut text = None;
        for depth in (0..self.found.len()).rev() {
            if is_early && depth == 0 {
                continue;
            }
            let whole = draft(&facts);
            let (part, found) = (plan_at(&whole, depth), &self.found[depth]);
            let Some(spec) = self.spec.all().nth(depth) else {
                continue;
            };
            let Some(step) = part.maker(Product::Lock) else {
                continue;
            };
            let sources = self.sources(part, images);
            let solved = solve_product(self.client, part, &sources, options, step).await?;
            let locking = Locking {
                client: self.client,
                file: self.file,
                spec,
                found,
                sibling_lock: self.sibling_lock_of(depth),
                is_hashed: self.is_hashed,
            };
            let (packages, lock_text) = locking.packages(&solved).await?;
            let shared = Vec::new();
            let mut lock = Lock { packages, shared };
            facts_at(&mut facts, depth).lock = Some(lock.clone());
            if depth == 0 {
                text = Some(lock_text);
            }
            let is_for_one = match &options.target {
                Some(Target::Part(part)) => matches!(part, Part::Stage(Stage::Lock) | Part::Package(_)),
                _ => false,
            };
            if depth > 0 || !is_for_one {
                let whole = draft(&facts);
                let part = plan_at(&whole, depth);
                let sources = self.sources(part, images);
                if let Some(step) = part.maker(Product::Fetched).filter(|_| self.fetches(options)) {
                    let fetched = solve_product(self.client, part, &sources, options, step).await?;
                    self.client.evaluate(&fetched).await?;
                }
                lock.shared = shared_files(self.client, self.file, part, &sources, options).await?;
                if !lock.shared.is_empty() {
                    facts_at(&mut facts, depth).lock = Some(lock);
                }
            }
        }
        Ok((draft(&facts), text))
    }

    /// Whether all wheels are fetched beforehand: not where most layers may be in a cache that is imported, and
    /// not where BuildKit empties the directory between solves, as it does for steps that ignore their cache.
    fn fetches(&self, options: &EmitOptions) -> bool {
        !self.client.has_cache_imports() && !options.no_cache.contains(&Part::Stage(Stage::Packages))
    }

    fn sibling_lock_of(&self, depth: usize) -> Option<&SiblingLock> {
        self.sibling_lock.filter(|_| depth == 0)
    }

    /// What a plan is told of the world.
    fn facts(&self, spec: &ImageSpec, base: Option<&Resolved>, depth: usize) -> Facts {
        Facts {
            base: base.map(Resolved::facts).unwrap_or_default(),
            id: self.id.clone(),
            requirements: self
                .found
                .get(depth)
                .map(|found| found.facts.clone())
                .unwrap_or_default(),
            beside: self.sibling_lock_of(depth).map(|lock| lock.path.clone()),
            lock: None,
            nested: spec.below().map(|below| Box::new(self.facts(below, base, depth + 1))),
        }
    }

    fn sources(&self, plan: &BuildPlan, images: &Images) -> Sources {
        let tool = |role, reference: &Option<String>| images.output(role, reference.as_ref()?);
        let (base, nested) = match &plan.base {
            Base::Image(reference) => (images.output(Role::Base, reference), None),
            Base::Plan(inner) => (None, Some(Box::new(self.sources(inner, images)))),
        };
        Sources {
            base,
            uv: tool(Role::Uv, &plan.tools.uv),
            micromamba: tool(Role::Micromamba, &plan.tools.micromamba),
            context: self.tree.clone(),
            beside: self.sibling_lock.map(|lock| lock.tree.clone()),
            nested,
        }
    }
}

fn plan_at(plan: &BuildPlan, depth: usize) -> &BuildPlan {
    match (depth, &plan.base) {
        (1.., Base::Plan(nested)) => plan_at(nested, depth - 1),
        _ => plan,
    }
}

fn facts_at(facts: &mut Facts, depth: usize) -> &mut Facts {
    let mut found = facts;
    for _ in 0..depth {
        found = found.nested.get_or_insert_default();
    }
    found
}

/// The settings of a plan, with those of the plans below it where it has none.
fn nested_settings(plan: &BuildPlan) -> Settings {
    let mut settings = plan.settings.clone();
    if let Base::Plan(below) = &plan.base {
        let below = nested_settings(below);
        settings.user = settings.user.or(below.user);
        settings.workdir = settings.workdir.or(below.workdir);
        settings.entrypoint = settings.entrypoint.or(below.entrypoint);
        let mut labels = below.labels;
        for (name, value) in std::mem::take(&mut settings.labels) {
            labels.retain(|(known, _)| *known != name);
            labels.push((name, value));
        }
        settings.labels = labels;
    }
    settings
}
