use std::collections::BTreeSet;
use std::sync::Arc;

use crate::llb::{
    self, Copy, Exec, FileActions, LineRange, Location, MakeDirectory, Metadata, Network, Output, Owner, SourceFile,
};
use crate::plan::{Action, Base, BuildPlan, FIXED_TIME, Mount, Role, Run, Sharing, Stage, Step};

/// The longest piece of a script that goes into one environment variable, in bytes.
const MAX_VARIABLE: usize = 120 * 1024;

/// How steps that do not depend on each other become one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Each on its own, then merged: a change touches its own layer alone. Needs `MergeOp` and `DiffOp`.
    Merge,
    /// One after another, for engines that cannot merge.
    Chain,
}

/// The file trees that a plan takes files from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The base image; `None` is an empty one. Not used when the base is a plan.
    pub base: Option<Output>,
    /// The image with `uv`.
    pub uv: Option<Output>,
    /// The image with `micromamba`.
    pub micromamba: Option<Output>,
    /// The build context.
    pub context: Option<Output>,
    /// The sources of the plan that is the base.
    pub nested: Option<Box<Sources>>,
}

/// What a user asks of a build besides the plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// How branches become one image.
    pub strategy: Strategy,
    /// Stages whose steps run again even when cached.
    pub no_cache: BTreeSet<Stage>,
    /// Build only up to this stage.
    pub target: Option<Stage>,
    /// The network of steps.
    pub network: Network,
    /// Names resolved besides DNS.
    pub extra_hosts: Vec<(String, String)>,
    /// The steps' host name; empty for the engine's default.
    pub hostname: String,
    /// Proxy settings, outside the cache key.
    pub proxy: Vec<(String, String)>,
    /// Put before the ids of cache mounts.
    pub cache_namespace: String,
    /// Shown in the names of steps when several platforms are built.
    pub platform_label: Option<String>,
    /// The spec file, which steps point into.
    pub file: Option<Arc<SourceFile>>,
}

impl Options {
    /// Nothing asked for.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            no_cache: BTreeSet::new(),
            target: None,
            network: Network::Sandbox,
            extra_hosts: Vec::new(),
            hostname: String::new(),
            proxy: Vec::new(),
            cache_namespace: String::new(),
            platform_label: None,
            file: None,
        }
    }
}

/// A plan as a graph.
#[derive(Debug, Clone)]
pub struct Emitted {
    /// The image's file tree; `None` is an empty one.
    pub result: Option<Output>,
    /// What the image's history says, one entry a layer.
    pub history: Vec<String>,
}

/// A plan that cannot become a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// A step takes files from something that was not handed in.
    #[error("the step `{step}` needs the {source_name}, which is not there")]
    MissingSource {
        /// The step's title.
        step: String,
        /// What is missing.
        source_name: &'static str,
    },
    /// The target is a stage that this image does not have.
    #[error("this image has no stage `{target}`; it has {known}")]
    NoSuchTarget {
        /// The stage asked for.
        target: &'static str,
        /// Those that there are.
        known: String,
    },
}

/// Turns a plan into a graph.
///
/// # Errors
/// When a source is missing or the target is a stage that the image does not have.
pub fn emit(plan: &BuildPlan, sources: &Sources, options: &Options) -> Result<Emitted, StrategyError> {
    let (base, mut history) = match (&plan.base, &sources.nested) {
        (Base::Plan(nested), Some(inner)) => {
            let options = Options {
                target: None,
                ..options.clone()
            };
            let nested = emit(nested, inner, &options)?;
            (nested.result, nested.history)
        }
        _ => (sources.base.clone(), Vec::new()),
    };
    let mut lowering = Lowering {
        plan,
        sources,
        options,
        base,
        before: before(&plan.steps),
        states: Vec::with_capacity(plan.steps.len()),
    };
    let wanted = lowering.wanted()?;
    for position in 0..plan.steps.len() {
        let state = if wanted.contains(&position) {
            let parent = match options.strategy {
                Strategy::Merge => lowering.join(&lowering.before[position]),
                Strategy::Chain => lowering.chained(position),
            };
            lowering.lower(&plan.steps[position], parent.as_ref())?
        } else {
            None
        };
        lowering.states.push(state);
    }
    let result = match options.strategy {
        Strategy::Merge => lowering.join(&wanted),
        Strategy::Chain => lowering.chained(plan.steps.len()),
    };
    history.extend(wanted.iter().map(|position| {
        let step = &plan.steps[*position];
        format!("[{}] {}", step.stage.name(), step.title)
    }));
    Ok(Emitted { result, history })
}

struct Lowering<'a> {
    plan: &'a BuildPlan,
    sources: &'a Sources,
    options: &'a Options,
    base: Option<Output>,
    /// For each step, all that it comes after.
    before: Vec<BTreeSet<usize>>,
    /// The file tree after each step so far; `None` for those not wanted.
    states: Vec<Option<Output>>,
}

impl Lowering<'_> {
    /// The steps that the target needs, in order.
    fn wanted(&self) -> Result<BTreeSet<usize>, StrategyError> {
        let all = 0..self.plan.steps.len();
        match self.options.target {
            None | Some(Stage::Image) => Ok(all.collect()),
            Some(Stage::Base) => Ok(BTreeSet::new()),
            Some(target) => {
                let of_target: Vec<usize> = all.filter(|p| self.plan.steps[*p].stage == target).collect();
                if of_target.is_empty() {
                    let known: Vec<&str> = self.plan.stages().map(Stage::name).collect();
                    return Err(StrategyError::NoSuchTarget {
                        target: target.name(),
                        known: known.join(", "),
                    });
                }
                Ok(self.closure(&of_target))
            }
        }
    }

    /// The steps given, and all that they come after.
    fn closure(&self, steps: &[usize]) -> BTreeSet<usize> {
        let above = steps.iter().flat_map(|position| self.before[*position].iter().copied());
        above.chain(steps.iter().copied()).collect()
    }

    /// One file tree with what all the given steps wrote, in layer order.
    ///
    /// The longest run of steps that each come after all those before is taken as it is; every other step
    /// enters as what it changed. Nothing starts from an empty tree: a copy laid over a directory from
    /// nowhere would change its mode and owner, or replace a link.
    fn join(&self, steps: &BTreeSet<usize>) -> Option<Output> {
        let mut linear = BTreeSet::new();
        let mut below = self.base.clone();
        let mut rest = Vec::new();
        for position in steps {
            if rest.is_empty() && self.before[*position] == linear {
                linear.insert(*position);
                below = self.states[*position].clone();
            } else {
                rest.push(*position);
            }
        }
        // A step that comes after everything carries everything.
        if let Some(last) = rest.last()
            && self.closure(&[*last]) == *steps
        {
            return self.states[*last].clone();
        }
        if rest.is_empty() {
            return below;
        }
        let mut trees: Vec<Output> = below.into_iter().collect();
        let mut names = Vec::new();
        for position in rest {
            let step = &self.plan.steps[position];
            let parent = self.join(&self.before[position]);
            let Some(state) = &self.states[position] else { continue };
            let name = self.name(step.stage, &format!("layer of {}", shortened(&step.title)));
            trees.push(llb::diff(parent.as_ref(), state, Metadata::named(name)));
            if !names.contains(&step.stage.name()) {
                names.push(step.stage.name());
            }
        }
        let name = format!("merge {}", names.join(", "));
        llb::merge(&trees, Metadata::named(self.name(Stage::Image, &name)))
    }

    /// The file tree before a step when all run one after another.
    fn chained(&self, position: usize) -> Option<Output> {
        let before = self.states.get(..position).unwrap_or(&self.states);
        before.iter().rev().find_map(Clone::clone).or_else(|| self.base.clone())
    }

    fn name(&self, stage: Stage, what: &str) -> String {
        match &self.options.platform_label {
            Some(platform) => format!("[{platform} {}] {what}", stage.name()),
            None => format!("[{}] {what}", stage.name()),
        }
    }

    fn metadata(&self, step: &Step) -> Metadata {
        let locations = self.options.file.iter().map(|file| Location {
            file: Arc::clone(file),
            ranges: step
                .lines
                .iter()
                .map(|(first, last)| LineRange {
                    first: *first,
                    last: *last,
                })
                .collect(),
        });
        Metadata {
            ignore_cache: self.options.no_cache.contains(&step.stage),
            locations: locations.collect(),
            ..Metadata::named(self.name(step.stage, &shortened(&step.title)))
        }
    }

    fn lower(&self, step: &Step, parent: Option<&Output>) -> Result<Option<Output>, StrategyError> {
        let metadata = self.metadata(step);
        Ok(Some(match &step.action {
            Action::Run(run) => self.exec(step, run)?.run(parent, &self.plan.platform, metadata),
            Action::Copy(copies) => {
                let context = self.source(step, self.sources.context.as_ref(), "build context")?;
                let actions = copies.iter().fold(FileActions::new(), |actions, files| {
                    let source = match files.source.as_str() {
                        "." => "/".to_owned(),
                        path => format!("/{path}"),
                    };
                    actions.copy(Copy {
                        owner: Some(owner(&files.owner)),
                        // At the context's root there is no link to follow, but dangling ones would be.
                        follow_symlink: files.source != ".",
                        contents: true,
                        create_target_parents: true,
                        time: Some(FIXED_TIME),
                        exclude: files.exclude.clone(),
                        ..Copy::new(context, source, &files.target)
                    })
                });
                actions.apply(parent, metadata)
            }
            Action::MakeDirectory { path, owner: name } => {
                let directory = MakeDirectory {
                    path: path.clone(),
                    mode: 0o755,
                    parents: true,
                    owner: Some(owner(name)),
                    time: Some(FIXED_TIME),
                };
                FileActions::new().make_directory(directory).apply(parent, metadata)
            }
        }))
    }

    fn exec(&self, step: &Step, run: &Run) -> Result<Exec, StrategyError> {
        let mounts = run
            .mounts
            .iter()
            .map(|mount| self.mount(step, mount))
            .collect::<Result<_, _>>()?;
        let mut environment = run.environment.clone();
        let args = if run.is_users {
            vec!["/bin/sh".into(), "-c".into(), run.script.clone()]
        } else {
            // Arguments are in the error message of a failed step: the words of the spec belong there, a
            // long script does not.
            let pieces = pieces(&run.script);
            let names = (0..pieces.len()).map(|number| format!("IMAGESPEC_STEP_{number}"));
            let all: String = names.clone().map(|name| format!("${name}")).collect();
            environment.extend(names.zip(pieces.into_iter().map(str::to_owned)));
            vec![
                "/bin/sh".into(),
                "-c".into(),
                format!("eval \"{all}\""),
                shortened(&step.title),
            ]
        };
        Ok(Exec {
            args,
            environment,
            cwd: "/".into(),
            mounts,
            network: self.options.network,
            extra_hosts: self.options.extra_hosts.clone(),
            hostname: self.options.hostname.clone(),
            proxy: self.options.proxy.clone(),
            ..Exec::default()
        })
    }

    fn mount(&self, step: &Step, mount: &Mount) -> Result<llb::Mount, StrategyError> {
        Ok(match mount {
            Mount::Scratch { target } => llb::Mount::Tmpfs {
                target: target.clone(),
                size: 0,
            },
            Mount::Cache { target, id, sharing } => llb::Mount::Cache {
                target: target.clone(),
                id: if self.options.cache_namespace.is_empty() {
                    id.clone()
                } else {
                    format!("{}/{}", self.options.cache_namespace, id.trim_start_matches('/'))
                },
                sharing: match sharing {
                    Sharing::Shared => llb::Sharing::Shared,
                    Sharing::Locked => llb::Sharing::Locked,
                },
                source: None,
                selector: String::new(),
            },
            Mount::Program { target, image, path } => {
                let (source, name) = match image {
                    Role::Base => (&self.base, "base image"),
                    Role::Uv => (&self.sources.uv, "uv image"),
                    Role::Micromamba => (&self.sources.micromamba, "micromamba image"),
                };
                llb::Mount::read_only(target, self.source(step, source.as_ref(), name)?, path)
            }
            Mount::ContextFile { target, path } => {
                let context = self.source(step, self.sources.context.as_ref(), "build context")?;
                llb::Mount::read_only(target, context, format!("/{path}"))
            }
            // The scripts check for secrets themselves, with advice that BuildKit cannot give.
            Mount::Secret { target, id } => llb::Mount::secret(target, id, true),
        })
    }

    fn source<'s>(
        &self,
        step: &Step,
        source: Option<&'s Output>,
        name: &'static str,
    ) -> Result<&'s Output, StrategyError> {
        source.ok_or_else(|| StrategyError::MissingSource {
            step: step.title.clone(),
            source_name: name,
        })
    }
}

/// For each step, all that it comes after, directly or not.
fn before(steps: &[Step]) -> Vec<BTreeSet<usize>> {
    let mut before: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
    for step in steps {
        let mut all: BTreeSet<usize> = step.after.iter().copied().collect();
        for position in &step.after {
            all.extend(before.get(*position).into_iter().flatten().copied());
        }
        before.push(all);
    }
    before
}

fn owner(name: &str) -> Owner {
    // `root` needs no passwd file.
    let account = if name == "root" { "0" } else { name };
    Owner {
        user: account.to_owned(),
        group: account.to_owned(),
    }
}

/// A script in pieces that fit into environment variables, of which Linux takes 128 KiB each.
fn pieces(script: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = script;
    while rest.len() > MAX_VARIABLE {
        let mut at = MAX_VARIABLE;
        while !rest.is_char_boundary(at) {
            at -= 1;
        }
        let (piece, tail) = rest.split_at(at);
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(rest);
    pieces
}

/// A title for one line of progress.
fn shortened(title: &str) -> String {
    let line = title.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(100) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or("")),
        None => line,
    }
}
