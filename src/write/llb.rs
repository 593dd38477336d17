use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::llb::{self, Copy, Exec, FileActions, LineRange, Location, MakeDirectory, Metadata, Output, Owner};
use crate::plan::{
    Action, Base, BuildPlan, CopyFiles, FIXED_TIME, Mount, Origin, Part, Product, Role, Run, Sharing, Stage, Step,
};
use crate::write::options::{Options, Sources, Strategy, StrategyError, Target};

/// The longest piece of a script that goes into one environment variable, in bytes.
const MAX_VARIABLE: usize = 120 * 1024;

/// A plan as a graph.
#[derive(Debug, Clone)]
pub struct Emitted {
    /// The image's file tree; `None` is an empty one.
    pub result: Option<Output>,
    /// What the image's history says, one entry a layer.
    pub history: Vec<String>,
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
        before: (0..plan.steps.len())
            .map(|position| before(&plan.steps, position))
            .collect(),
        states: BTreeMap::new(),
    };
    if let Some(Target::Product(step)) = options.target {
        let result = lowering.lowered(step)?.product;
        return Ok(Emitted { result, history });
    }
    let wanted = lowering.wanted()?;
    if options.target == Some(Target::Part(Part::Stage(Stage::Lock)))
        && let Some(lock) = plan.lock_file()
        && let Some(step) = plan.maker(Product::Lock).and_then(|step| plan.steps.get(step))
    {
        let copy = lowering.copy(step, &lock)?;
        let metadata = Metadata::named(lowering.name(Stage::Lock, "take the lock"));
        let result = Some(FileActions::new().copy(copy).apply(None, metadata));
        return Ok(Emitted { result, history });
    }
    let result = lowering.tree(&wanted)?;
    history.extend(wanted.iter().map(|position| {
        let step = &plan.steps[*position];
        format!("[{}] {}", step.stage.name(), step.title)
    }));
    Ok(Emitted { result, history })
}

/// What came of a step.
#[derive(Debug, Clone)]
struct Lowered {
    /// All files after it.
    files: Output,
    /// What it made for others.
    product: Option<Output>,
}

struct Lowering<'a> {
    plan: &'a BuildPlan,
    sources: &'a Sources,
    options: &'a Options,
    base: Option<Output>,
    /// For each step, all layers that it comes after.
    before: Vec<BTreeSet<usize>>,
    /// What came of steps so far, by their position and by the layers that they ran on.
    states: BTreeMap<(usize, BTreeSet<usize>), Lowered>,
}

impl Lowering<'_> {
    /// The layers that the target needs, in order.
    fn wanted(&self) -> Result<BTreeSet<usize>, StrategyError> {
        let steps = &self.plan.steps;
        let layers = (0..steps.len()).filter(|position| steps[*position].is_layer());
        let part = match &self.options.target {
            Some(Target::Part(part)) if *part != Part::Stage(Stage::Image) => part,
            _ => return Ok(layers.collect()),
        };
        if *part == Part::Stage(Stage::Base) {
            return Ok(BTreeSet::new());
        }
        let found: Vec<usize> = layers.filter(|position| is_of(&steps[*position], part)).collect();
        if !found.is_empty() {
            return Ok(self.closure(&found));
        }
        Err(match part {
            Part::Stage(target) => {
                let known: Vec<&str> = self.plan.stages().map(Stage::name).collect();
                StrategyError::NoSuchTarget {
                    target: target.name(),
                    known: known.join(", "),
                }
            }
            Part::Package(package) => {
                let packages = steps.iter().flat_map(|step| &step.packages);
                let mut known: Vec<&str> = packages.map(String::as_str).collect();
                known.sort_unstable();
                StrategyError::NoSuchPackage {
                    package: package.clone(),
                    known: if known.is_empty() {
                        "none".into()
                    } else {
                        known.join(", ")
                    },
                }
            }
        })
    }

    /// The steps given, and all that they come after.
    fn closure(&self, steps: &[usize]) -> BTreeSet<usize> {
        let above = steps.iter().flat_map(|position| self.before[*position].iter().copied());
        above.chain(steps.iter().copied()).collect()
    }

    /// A step where the image has it: of steps that are no layers, on what they come after.
    fn lowered(&mut self, position: usize) -> Result<Lowered, StrategyError> {
        let is_layer = self.plan.steps.get(position).is_some_and(Step::is_layer);
        let below = match self.options.strategy {
            Strategy::Chain if is_layer => self
                .wanted()?
                .into_iter()
                .take_while(|other| *other < position)
                .collect(),
            _ => self.before.get(position).cloned().unwrap_or_default(),
        };
        self.lowered_on(position, below)
    }

    /// A step on top of layers.
    fn lowered_on(&mut self, position: usize, below: BTreeSet<usize>) -> Result<Lowered, StrategyError> {
        if let Some(known) = self.states.get(&(position, below.clone())) {
            return Ok(known.clone());
        }
        let parent = self.tree(&below)?;
        let plan = self.plan;
        let lowered = self.lower(&plan.steps[position], parent.as_ref())?;
        self.states.insert((position, below), lowered.clone());
        Ok(lowered)
    }

    /// One file tree with what all the given layers wrote.
    fn tree(&mut self, layers: &BTreeSet<usize>) -> Result<Option<Output>, StrategyError> {
        match self.options.strategy {
            Strategy::Merge => self.join(layers),
            Strategy::Chain => match layers.iter().next_back() {
                Some(last) => {
                    let below = layers.iter().copied().filter(|other| other < last).collect();
                    Ok(Some(self.lowered_on(*last, below)?.files))
                }
                None => Ok(self.base.clone()),
            },
        }
    }

    /// The files after a layer, on what it comes after.
    fn state(&mut self, position: usize) -> Result<Output, StrategyError> {
        let before = self.before[position].clone();
        Ok(self.lowered_on(position, before)?.files)
    }

    /// One file tree with what all the given steps wrote, in layer order.
    ///
    /// The longest run of steps that each come after all those before is taken as it is; every other step
    /// enters as what it changed. Nothing starts from an empty tree: a copy laid over a directory from
    /// nowhere would change its mode and owner, or replace a link.
    fn join(&mut self, steps: &BTreeSet<usize>) -> Result<Option<Output>, StrategyError> {
        let mut linear = BTreeSet::new();
        let mut below = self.base.clone();
        let mut rest = Vec::new();
        for position in steps {
            if rest.is_empty() && self.before[*position] == linear {
                linear.insert(*position);
                below = Some(self.state(*position)?);
            } else {
                rest.push(*position);
            }
        }
        // A step that comes after everything carries everything.
        if let Some(last) = rest.last()
            && self.closure(&[*last]) == *steps
        {
            return self.state(*last).map(Some);
        }
        if rest.is_empty() {
            return Ok(below);
        }
        let mut trees: Vec<Output> = below.into_iter().collect();
        let mut names = Vec::new();
        for position in rest {
            let step = &self.plan.steps[position];
            let before = self.before[position].clone();
            let parent = self.join(&before)?;
            let state = self.state(position)?;
            let name = self.name(step.stage, &format!("layer of {}", shortened(&step.title)));
            trees.push(llb::diff(parent.as_ref(), &state, Metadata::named(name)));
            if !names.contains(&step.stage.name()) {
                names.push(step.stage.name());
            }
        }
        let name = format!("merge {}", names.join(", "));
        Ok(llb::merge(&trees, Metadata::named(self.name(Stage::Image, &name))))
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
            ignore_cache: self.options.no_cache.iter().any(|part| is_of(step, part)),
            locations: locations.collect(),
            ..Metadata::named(self.name(step.stage, &shortened(&step.title)))
        }
    }

    fn lower(&mut self, step: &Step, parent: Option<&Output>) -> Result<Lowered, StrategyError> {
        let metadata = self.metadata(step);
        let files = match &step.action {
            Action::Run(run) => {
                let vertex = self.exec(step, run)?.vertex(parent, &self.plan.platform, metadata);
                return Ok(Lowered {
                    files: vertex.output(0),
                    product: run.product.is_some().then(|| vertex.output(1)),
                });
            }
            Action::Copy(copies) => {
                let mut actions = FileActions::new();
                for files in copies {
                    actions = actions.copy(self.copy(step, files)?);
                }
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
        };
        Ok(Lowered { files, product: None })
    }

    fn copy(&mut self, step: &Step, files: &CopyFiles) -> Result<Copy, StrategyError> {
        let tree = match files.from {
            Origin::Context => self
                .source(step, self.sources.context.as_ref(), "build context")?
                .clone(),
            Origin::Beside => self
                .source(step, self.sources.beside.as_ref(), "directory of the spec")?
                .clone(),
            Origin::Product(other) => self.product(step, other)?,
        };
        let source = match files.source.as_str() {
            "." => "/".to_owned(),
            path => format!("/{path}"),
        };
        Ok(Copy {
            owner: Some(owner(&files.owner)),
            // At a root there is no link to follow, but dangling ones would be.
            follow_symlink: files.source != ".",
            contents: true,
            create_target_parents: true,
            time: Some(FIXED_TIME),
            exclude: files.exclude.clone(),
            ..Copy::new(&tree, source, &files.target)
        })
    }

    /// What another step made.
    fn product(&mut self, step: &Step, other: usize) -> Result<Output, StrategyError> {
        let product = self.lowered(other)?.product;
        self.source(step, product.as_ref(), "product of another step").cloned()
    }

    fn exec(&mut self, step: &Step, run: &Run) -> Result<Exec, StrategyError> {
        let mut mounts = Vec::with_capacity(run.mounts.len());
        for mount in &run.mounts {
            mounts.push(self.mount(step, mount)?);
        }
        mounts.extend(run.product.iter().map(|target| llb::Mount::Bind {
            target: target.clone(),
            source: None,
            selector: String::new(),
            readonly: false,
            discard: false,
            by_content: true,
        }));
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

    fn mount(&mut self, step: &Step, mount: &Mount) -> Result<llb::Mount, StrategyError> {
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
                let selector = if path.is_empty() {
                    String::new()
                } else {
                    format!("/{path}")
                };
                llb::Mount::read_only(target, context, selector)
            }
            Mount::Product { target, step: other } => llb::Mount::read_only(target, &self.product(step, *other)?, ""),
            Mount::Files { target, step: other } => {
                llb::Mount::Bind {
                    target: target.clone(),
                    source: Some(self.lowered(*other)?.files),
                    selector: String::new(),
                    readonly: true,
                    discard: false,
                    // Large, and what made them says it all.
                    by_content: false,
                }
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

/// Whether a step belongs to a part.
fn is_of(step: &Step, part: &Part) -> bool {
    match part {
        Part::Stage(stage) => *stage == step.stage,
        Part::Package(package) => step.packages.contains(package),
    }
}

/// All layers that a step comes after, directly or not.
fn before(steps: &[Step], position: usize) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    let mut rest: Vec<usize> = steps[position].after.clone();
    while let Some(next) = rest.pop() {
        if all.insert(next) {
            rest.extend(steps[next].after.iter().copied());
        }
    }
    all
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
