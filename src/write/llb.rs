//! Turns a plan into a graph of LLB, run by run of its schedule.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::llb::{self, Copy, Exec, FileActions, LineRange, Location, Metadata, Output, Owner, SetDirectory};
use crate::plan::{
    Action, BuildPlan, CacheSharing, CopyFiles, CopySource, FIXED_TIME, ImageRole, Modes, Run, Schedule, Scheduled,
    Script, Stage, Step, StepId, StepMount, StepRun, Storey, Target, Tree, edited, schedule,
};
use crate::write::options::{LlbOptions, Sources, WriteError};
use crate::write::script_text::{pieces, script_text};

/// The modes that git keeps: whether a file is executable. All may read, and nothing is sticky or runs as somebody else.
pub(super) const GIT_MODES: &str = "u=rwX,go=rX,a-t";

/// Before a step gives files the modes that are asked for: where nothing is executable, `X` speaks of directories alone.
pub(super) const NO_MODES: &str = "a-xst";

/// A plan as a graph.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The image's file tree; `None` is an empty one.
    pub result: Option<Output>,
    /// The image's history, one entry for each layer.
    pub history: Vec<String>,
    /// The names that the steps of the layers have in the progress.
    pub layers: Vec<String>,
}

/// Turns a plan into a graph.
///
/// # Errors
/// When a source is missing or the target is a stage that the image does not have.
pub fn write_llb(plan: &BuildPlan, sources: &Sources, options: &LlbOptions) -> Result<Graph, WriteError> {
    let mut below = sources.base.clone();
    let mut environment = edited(&sources.base_environment, &plan.base.environment);
    let mut history = Vec::new();
    let mut layers = Vec::new();
    for (position, storey) in plan.storeys.iter().enumerate() {
        let is_top = position + 1 == plan.storeys.len();
        let target = if is_top { &options.target } else { &Target::Whole };
        let schedule = schedule(storey, options.strategy, target)?;
        let writer = StoreyWriter {
            plan,
            storey,
            schedule: &schedule,
            images: sources.images.get(position),
            sources,
            options,
            below: below.clone(),
            environment: &environment,
        };
        below = writer.result()?;
        for step in schedule
            .layers
            .iter()
            .filter_map(|position| storey.steps.get(*position))
        {
            for _ in 0..layer_count(step) {
                history.push(format!("[{}] {}", step.stage.name(), step.title));
                layers.push(writer.name(step.stage, &shortened(&step.title)));
            }
        }
        environment = edited(&environment, &storey.environment());
    }
    Ok(Graph {
        result: below,
        history,
        layers,
    })
}

/// How many layers a step becomes. A directory that may exist is made first and then takes its own properties again:
/// BuildKit keeps what two actions read.
fn layer_count(step: &Step) -> usize {
    match step.action {
        Action::MakeDirectory { owner: None, .. } => 2,
        _ => 1,
    }
}

/// What a run left.
#[derive(Debug, Clone)]
struct Written {
    /// All files after it.
    files: Output,
    /// What it made for others.
    product: Option<Output>,
}

/// The graph of one storey.
struct StoreyWriter<'a> {
    plan: &'a BuildPlan,
    storey: &'a Storey,
    schedule: &'a Schedule,
    images: Option<&'a BTreeMap<ImageRole, Output>>,
    sources: &'a Sources,
    options: &'a LlbOptions,
    below: Option<Output>,
    /// The environment of what lies below.
    environment: &'a [(String, String)],
}

impl StoreyWriter<'_> {
    fn result(&self) -> Result<Option<Output>, WriteError> {
        let mut written: Vec<Written> = Vec::with_capacity(self.schedule.runs.len());
        for run in &self.schedule.runs {
            let next = self.run(run, &written)?;
            written.push(next);
        }
        match &self.schedule.result {
            Scheduled::Tree(tree) => Ok(self.tree(tree, &written)),
            Scheduled::Product(run) => Ok(written.get(*run).and_then(|run| run.product.clone())),
            Scheduled::Lock(run) => self.lock(run.and_then(|run| written.get(run))).map(Some),
        }
    }

    /// The lock as the only file of a tree.
    fn lock(&self, maker: Option<&Written>) -> Result<Output, WriteError> {
        let missing = || WriteError::missing("take the lock", "lock");
        let files = self.storey.lock.as_ref().ok_or_else(missing)?;
        let product = maker.and_then(|maker| maker.product.as_ref());
        let copy = self.copy("take the lock", files, |_| product)?;
        let metadata = Metadata::named(self.name(Stage::Lock, "take the lock"));
        Ok(FileActions::new().copy(copy).apply(None, metadata))
    }

    fn tree(&self, tree: &Tree, written: &[Written]) -> Option<Output> {
        match tree {
            Tree::Base => self.below.clone(),
            Tree::After(run) => written.get(*run).map(|run| run.files.clone()),
            Tree::Merged { below, changes } => {
                let mut trees: Vec<Output> = self.tree(below, written).into_iter().collect();
                let mut names = Vec::new();
                for run in changes {
                    let (Some(state), Some(run)) = (written.get(*run), self.schedule.runs.get(*run)) else {
                        continue;
                    };
                    let Some(step) = self.storey.steps.get(run.step) else {
                        continue;
                    };
                    let parent = self.tree(&run.on, written);
                    let name = self.name(step.stage, &format!("layer of {}", shortened(&step.title)));
                    trees.push(llb::diff(parent.as_ref(), &state.files, Metadata::named(name)));
                    if !names.contains(&step.stage.name()) {
                        names.push(step.stage.name());
                    }
                }
                let name = format!("merge {}", names.join(", "));
                llb::merge(&trees, Metadata::named(self.name(Stage::Image, &name)))
            }
        }
    }

    fn name(&self, stage: Stage, what: &str) -> String {
        match &self.options.platform_label {
            Some(platform) => format!("[{platform} {}] {what}", stage.name()),
            None => format!("[{}] {what}", stage.name()),
        }
    }

    fn metadata(&self, step: &Step) -> Metadata {
        let files = self.options.source.iter().flat_map(|source| {
            let files = source.files.iter().enumerate();
            files.map(|(number, file)| (&source.text, number, file))
        });
        let locations = files.filter_map(|(text, number, file)| {
            let spans = step.spans.iter().filter(|span| text.part(span.start).0 == number);
            let mut lines: Vec<(u32, u32)> = spans.map(|span| text.lines(*span)).collect();
            lines.sort_unstable();
            lines.dedup();
            (!lines.is_empty()).then(|| Location {
                file: Arc::clone(file),
                ranges: lines
                    .into_iter()
                    .map(|(first, last)| LineRange { first, last })
                    .collect(),
            })
        });
        Metadata {
            ignore_cache: self.options.no_cache.iter().any(|part| part.has(step)),
            locations: locations.collect(),
            ..Metadata::named(self.name(step.stage, &shortened(&step.title)))
        }
    }

    fn run(&self, run: &StepRun, written: &[Written]) -> Result<Written, WriteError> {
        let step = self
            .storey
            .steps
            .get(run.step)
            .ok_or_else(|| WriteError::missing("", "step"))?;
        let parent = self.tree(&run.on, written);
        let used = |id: &StepId| run.uses.get(id).and_then(|run| written.get(*run));
        let metadata = self.metadata(step);
        let files = match &step.action {
            Action::Run(shell) => {
                let exec = self.exec(step, shell, &used)?;
                let vertex = exec.vertex(parent.as_ref(), &self.plan.platform, metadata);
                return Ok(Written {
                    files: vertex.output(0),
                    product: shell.product.is_some().then(|| vertex.output(1)),
                });
            }
            Action::Copy(copies) => {
                let taken = self.taken(step, copies)?;
                let mut actions = FileActions::new();
                for (number, files) in copies.iter().enumerate() {
                    let product = |id: &StepId| used(id).and_then(|run| run.product.as_ref());
                    let copy = self.copy(&step.title, files, product)?;
                    actions = actions.copy(match &taken {
                        Some(taken) if self.is_taken(files) => Copy {
                            from: taken.clone(),
                            source: place_of(number, &files.source),
                            mode: self.modes(files)[1].clone(),
                            follow_symlink: false,
                            exclude: Vec::new(),
                            ..copy
                        },
                        _ => copy,
                    });
                }
                actions.apply(parent.as_ref(), metadata)
            }
            Action::MakeDirectory {
                path,
                owner: name,
                mode,
            } => {
                let directory = SetDirectory {
                    path: path.clone(),
                    mode: i32::try_from(*mode).unwrap_or_default(),
                    owner: name.as_deref().map(owner),
                    time: FIXED_TIME,
                };
                FileActions::new()
                    .set_directory(directory)
                    .apply(parent.as_ref(), metadata)
            }
        };
        Ok(Written { files, product: None })
    }

    fn copy<'w>(
        &'w self,
        step: &str,
        files: &CopyFiles,
        product: impl Fn(&StepId) -> Option<&'w Output>,
    ) -> Result<Copy, WriteError> {
        let (tree, name) = match &files.from {
            CopySource::Context => (self.sources.context.as_ref(), "build context"),
            CopySource::SpecDirectory => (self.sources.spec_directory.as_ref(), "directory of the spec"),
            CopySource::Product(id) => (product(id), "product of another step"),
        };
        let tree = tree.ok_or_else(|| WriteError::missing(step, name))?;
        Ok(Copy {
            owner: Some(owner(&files.owner)),
            ..copy_all(tree, &files.source, &files.target, &files.exclude)
        })
    }

    /// The modes that files get before a step sees them, and in the step; `None` where they keep theirs.
    fn modes(&self, files: &CopyFiles) -> [Option<Cow<'static, str>>; 2] {
        let is_checkout = !matches!(files.from, CopySource::Product(_));
        match files.modes {
            _ if !is_checkout || !self.options.sets_modes => [None, None],
            Modes::Git => [Some(GIT_MODES.into()), None],
            Modes::Keep => [None, None],
            Modes::Exact(mode) => [Some(NO_MODES.into()), Some(exact_modes(mode).into())],
        }
    }

    /// Whether files go into a tree of its own before a step sees them.
    fn is_taken(&self, files: &CopyFiles) -> bool {
        self.modes(files)[0].is_some() || !files.links.is_empty()
    }

    /// A tree of its own of files of a checkout: with the modes that git keeps, and what links lead to in the places of
    /// links. BuildKit's checksum of the checkout has the modes of its umask, so this copy runs again for another checkout
    /// of the same commit, and nothing that reads its result does. Were links replaced in the image, each file in the place
    /// of one would give its directory the time of the build.
    fn taken(&self, step: &Step, copies: &[CopyFiles]) -> Result<Option<Output>, WriteError> {
        let mut actions = FileActions::new();
        let mut names = Vec::new();
        for (number, files) in copies.iter().enumerate().filter(|(_, files)| self.is_taken(files)) {
            names.push(files.source.as_str());
            let place = place_of(number, &files.source);
            let first = self.copy(&step.title, files, |_| None)?;
            let of_links: Vec<Copy> = files
                .links
                .iter()
                .map(|link| {
                    copy_all(
                        &first.from,
                        &link.source,
                        &format!("{place}/{}", link.path),
                        &link.exclude,
                    )
                })
                .collect();
            let first = Copy { target: place, ..first };
            let [first_modes, _] = self.modes(files);
            for copy in std::iter::once(first).chain(of_links) {
                actions = actions.copy(Copy {
                    owner: Some(owner("root")),
                    mode: first_modes.clone(),
                    ..copy
                });
            }
        }
        let title = format!("[internal] take {} from the checkout", names.join(" "));
        let metadata = Metadata {
            locations: self.metadata(step).locations,
            ..Metadata::named(shortened(&title))
        };
        Ok((!names.is_empty()).then(|| actions.apply(None, metadata)))
    }

    fn exec<'w>(
        &self,
        step: &Step,
        run: &Run,
        used: &impl Fn(&StepId) -> Option<&'w Written>,
    ) -> Result<Exec, WriteError> {
        let mut mounts = Vec::with_capacity(run.mounts.len());
        for mount in &run.mounts {
            mounts.extend(self.mount(step, mount, used)?);
        }
        let secret_variables = run.mounts.iter().filter_map(|mount| match mount {
            StepMount::SecretVariable { variable, id, .. } => Some((variable.clone(), id.clone())),
            _ => None,
        });
        mounts.extend(run.product.map(|target| llb::Mount::Bind {
            target: target.to_owned(),
            source: None,
            selector: String::new(),
            readonly: false,
            discard: false,
            by_content: true,
        }));
        let mut environment = edited(self.environment, &run.environment);
        // Order has no meaning but is part of cache keys.
        environment.sort();
        let (words, variables) = in_variables(&run.script, &run.mounts);
        environment.extend(variables);
        Ok(Exec {
            args: vec!["/bin/sh".into(), "-c".into(), words, shortened(&step.title)],
            environment,
            cwd: "/".into(),
            mounts,
            network: self.options.network,
            extra_hosts: self.options.extra_hosts.clone(),
            hostname: self.options.hostname.clone(),
            proxy: self.options.proxy.clone(),
            secret_variables: secret_variables.collect(),
            ..Exec::default()
        })
    }

    fn mount<'w>(
        &self,
        step: &Step,
        mount: &StepMount,
        used: &impl Fn(&StepId) -> Option<&'w Written>,
    ) -> Result<Option<llb::Mount>, WriteError> {
        let missing = |name| WriteError::missing(&step.title, name);
        Ok(Some(match mount {
            StepMount::Scratch { target } => llb::Mount::Tmpfs {
                target: (*target).to_owned(),
                size: 0,
            },
            StepMount::Cache { target, cache } => self.cache(target, cache).ok_or_else(|| missing("cache"))?,
            StepMount::Image { target, image, path } => {
                let source = match image {
                    ImageRole::Base => self.below.as_ref(),
                    role => self.images.and_then(|images| images.get(role)),
                };
                let source = source.ok_or_else(|| missing(image.name()))?;
                llb::Mount::read_only(*target, source, *path)
            }
            StepMount::Context { target, path, exclude } => {
                let source = if path.is_empty() { "." } else { path };
                let files = CopyFiles {
                    source: source.to_owned(),
                    exclude: exclude.clone(),
                    ..CopyFiles::default()
                };
                match self.taken(step, &[files])? {
                    Some(taken) => llb::Mount::read_only(target, &taken, place_of(0, source)),
                    None => {
                        let context = self.sources.context.as_ref().ok_or_else(|| missing("build context"))?;
                        let selector = if path.is_empty() {
                            String::new()
                        } else {
                            format!("/{path}")
                        };
                        llb::Mount::read_only(target, context, selector)
                    }
                }
            }
            StepMount::Product { target, step: other } => {
                let product = used(other).and_then(|run| run.product.as_ref());
                llb::Mount::read_only(target, product.ok_or_else(|| missing("product of another step"))?, "")
            }
            StepMount::Files { target, step: other } => {
                let other = used(other).ok_or_else(|| missing("files of another step"))?;
                llb::Mount::Bind {
                    target: target.clone(),
                    source: Some(other.files.clone()),
                    selector: String::new(),
                    readonly: true,
                    discard: false,
                    // Large, and fully determined by what made it.
                    by_content: false,
                }
            }
            // Optional for BuildKit: scripts check for secrets, and whoever reports the failure can give advice that BuildKit
            // cannot.
            StepMount::Secret { target, id, .. } => llb::Mount::secret(target, id, true),
            StepMount::SshAgent { target } => llb::Mount::Ssh {
                target: (*target).to_owned(),
            },
            StepMount::SecretVariable { .. } => return Ok(None),
        }))
    }

    fn cache(&self, target: &str, name: &str) -> Option<llb::Mount> {
        let cache = self.plan.caches.get(name)?;
        Some(llb::Mount::Cache {
            target: target.to_owned(),
            // A shared cache whose id is its target stays out of cache keys.
            id: if self.options.cache_namespace.is_empty() {
                cache.id.clone()
            } else {
                format!("{}/{}", self.options.cache_namespace, cache.id.trim_start_matches('/'))
            },
            sharing: match cache.sharing {
                CacheSharing::Shared => llb::Sharing::Shared,
                CacheSharing::Locked => llb::Sharing::Locked,
            },
            source: None,
            selector: String::new(),
        })
    }
}

/// A script as the command of a step. BuildKit puts a failed step's arguments into its error message; a long script
/// does not belong there, so it goes into variables.
fn in_variables(script: &Script, mounts: &[StepMount]) -> (String, Vec<(String, String)>) {
    let text = script_text(script, mounts);
    let pieces = pieces(&text);
    let names: Vec<String> = (0..pieces.len())
        .map(|number| format!("IMAGESPEC_STEP_{number}"))
        .collect();
    let all: String = names.iter().map(|name| format!("${name}")).collect();
    let variables = names.into_iter().zip(pieces.into_iter().map(str::to_owned));
    (format!("eval \"{all}\""), variables.collect())
}

/// A copy of a file, or of what is in a directory.
fn copy_all(tree: &Output, source: &str, target: &str, exclude: &[String]) -> Copy {
    let path = match source {
        "." => "/".to_owned(),
        path => format!("/{path}"),
    };
    Copy {
        // The root is not a link; following would fail on dangling ones inside.
        follow_symlink: source != ".",
        contents: true,
        create_target_parents: true,
        time: Some(FIXED_TIME),
        exclude: exclude.to_vec(),
        ..Copy::new(tree, path, target)
    }
}

/// The owner `user` or `user:group`.
fn owner(name: &str) -> Owner {
    let (user, group) = name.split_once(':').unwrap_or((name, name));
    // `root` needs no passwd file.
    let account = |name: &str| if name == "root" { "0" } else { name }.to_owned();
    Owner {
        user: account(user),
        group: account(group),
    }
}

/// Permissions for files that have [`NO_MODES`], as `chmod` takes them. Directories are open to those who may read.
pub(super) fn exact_modes(mode: u32) -> String {
    let class = |who: char, at: u32| {
        let bits = mode >> at;
        let has = |bit: u32, letter: &'static str| if bits & bit == 0 { "" } else { letter };
        let search = if bits & 5 == 4 { "X" } else { "" };
        format!("{who}={}{}{}{search}", has(4, "r"), has(2, "w"), has(1, "x"))
    };
    let special = [(0o4000, ",u+s"), (0o2000, ",g+s"), (0o1000, ",a+t")];
    let special: String = special
        .iter()
        .filter(|(bit, _)| mode & bit != 0)
        .map(|(_, text)| *text)
        .collect();
    format!("{},{},{}{special}", class('u', 6), class('g', 3), class('o', 0))
}

/// Where one of several files lies in a tree that is made of them alone.
pub(super) fn place_of(number: usize, source: &str) -> String {
    match source.rsplit('/').next().unwrap_or(source) {
        "." | "" => format!("/{number}"),
        name => format!("/{number}/{name}"),
    }
}

/// A title that fits on a line of progress.
pub(super) fn shortened(title: &str) -> String {
    let line = title.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(100) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or("")),
        None => line,
    }
}
