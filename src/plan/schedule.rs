//! What runs on what: the steps of a storey as they become one image. Positions only; nothing specific to a builder.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::action::{CopySource, StepId};
use crate::plan::model::{Part, Product, Stage, Step, Storey};

/// How steps that do not depend on each other become one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Each on its own, then merged: a change touches its own layer alone. For builders that can merge trees and take
    /// differences of them.
    Merge,
    /// One after another.
    Chain,
}

impl Strategy {
    /// Its name, as options take it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Chain => "chain",
        }
    }
}

/// What to make of a storey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All of it.
    Whole,
    /// A part, with what it comes after. For the lock stage, only the lock file.
    Part(Part),
    /// What a step made for others.
    Product(StepId),
    /// All files after a layer.
    After(StepId),
}

/// A target that a plan does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A stage.
    #[error("this image has no stage `{target}`; it has {known}")]
    NoSuchStage {
        /// The stage asked for.
        target: &'static str,
        /// Those that exist.
        known: String,
    },
    /// A package.
    #[error("this image does not install {package}; it installs {known}")]
    NoSuchPackage {
        /// The package asked for.
        package: String,
        /// Those that exist.
        known: String,
    },
    /// A step.
    #[error("the plan has no step {0}")]
    NoSuchStep(StepId),
    /// The steps of the plan are out of order, which is a bug.
    #[error("the plan is out of order: {0}")]
    Disorder(String),
}

impl TargetError {
    /// A stage that is not among those that there are.
    pub(super) fn no_stage(target: Stage, known: impl IntoIterator<Item = Stage>) -> Self {
        let known: Vec<&str> = known.into_iter().map(Stage::name).collect();
        Self::NoSuchStage {
            target: target.name(),
            known: known.join(", "),
        }
    }
}

/// The runs of a storey's steps, in an order in which they can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// The runs. Each names runs before it.
    pub runs: Vec<StepRun>,
    /// What they result in.
    pub result: Scheduled,
    /// The layers of the result, positions in the plan.
    pub layers: Vec<usize>,
}

/// A step on top of a file tree. A step may run more than once, on trees that differ in what it does not need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepRun {
    /// The step, by its position in the plan.
    pub step: usize,
    /// What it runs on.
    pub on: Tree,
    /// The runs whose products or files it uses, by the ids of their steps.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub uses: BTreeMap<StepId, usize>,
}

/// A file tree. Runs are positions in the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tree {
    /// What lies below the storey.
    Base,
    /// All files after a run.
    After(usize),
    /// A tree, with the changes that each of several runs made to the tree that it ran on.
    Merged {
        /// The lowest tree.
        below: Box<Tree>,
        /// The runs, the lowest first.
        changes: Vec<usize>,
    },
}

/// The result of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduled {
    /// A file tree.
    Tree(Tree),
    /// What a run made for others.
    Product(usize),
    /// The storey's lock as a file, and the run that made it unless the user gave the lock.
    Lock(Option<usize>),
}

/// Lays out what runs on what.
///
/// # Errors
/// When the target is not in the plan, or the steps are out of order.
pub fn schedule(storey: &Storey, strategy: Strategy, target: &Target) -> Result<Schedule, TargetError> {
    if let Some(disorder) = storey.disorder() {
        return Err(TargetError::Disorder(disorder));
    }
    let mut scheduler = Scheduler::new(storey, strategy, target)?;
    let result = match target {
        Target::Product(id) | Target::After(id) => {
            let (position, _) = storey.find(id).ok_or_else(|| TargetError::NoSuchStep(id.clone()))?;
            let run = scheduler.run(position);
            let result = match target {
                Target::After(_) => Scheduled::Tree(Tree::After(run)),
                _ => Scheduled::Product(run),
            };
            return Ok(Schedule {
                result,
                runs: scheduler.runs,
                layers: Vec::new(),
            });
        }
        Target::Part(Part::Stage(Stage::Lock)) if storey.lock.is_some() => {
            let made = storey.steps.iter().position(|step| step.makes == Some(Product::Lock));
            let is_made = storey.lock.as_ref().is_some_and(|lock| is_product(&lock.from));
            return Ok(Schedule {
                result: Scheduled::Lock(made.filter(|_| is_made).map(|position| scheduler.run(position))),
                runs: scheduler.runs,
                layers: Vec::new(),
            });
        }
        _ => Scheduled::Tree(scheduler.tree(&scheduler.wanted.clone())),
    };
    Ok(Schedule {
        runs: scheduler.runs,
        result,
        layers: scheduler.wanted.into_iter().collect(),
    })
}

fn is_product(from: &CopySource) -> bool {
    matches!(from, CopySource::Product(_))
}

struct Scheduler<'a> {
    storey: &'a Storey,
    strategy: Strategy,
    /// The layers of the result.
    wanted: BTreeSet<usize>,
    /// For each step, all layers that it comes after.
    before: Vec<BTreeSet<usize>>,
    runs: Vec<StepRun>,
    /// The runs so far, by their step and by the layers that they ran on.
    known: BTreeMap<(usize, BTreeSet<usize>), usize>,
}

impl<'a> Scheduler<'a> {
    fn new(storey: &'a Storey, strategy: Strategy, target: &Target) -> Result<Self, TargetError> {
        let mut scheduler = Self {
            storey,
            strategy,
            wanted: BTreeSet::new(),
            before: before(storey),
            runs: Vec::new(),
            known: BTreeMap::new(),
        };
        scheduler.wanted = scheduler.layers_of(target)?;
        Ok(scheduler)
    }

    /// The layers that the target needs, in order.
    fn layers_of(&self, target: &Target) -> Result<BTreeSet<usize>, TargetError> {
        let steps = &self.storey.steps;
        let layers = || steps.iter().enumerate().filter(|(_, step)| step.is_layer());
        let part = match target {
            Target::Part(Part::Stage(Stage::Base)) => return Ok(BTreeSet::new()),
            Target::Part(part) if *part != Part::Stage(Stage::Image) => part,
            _ => return Ok(layers().map(|(position, _)| position).collect()),
        };
        let found = layers()
            .filter(|(_, step)| part.has(step))
            .map(|(position, _)| position);
        let found: Vec<usize> = found.collect();
        if found.is_empty() {
            Err(not_there(steps, part))
        } else {
            Ok(self.closure(&found))
        }
    }

    /// The steps given, and all layers that they come after.
    fn closure(&self, steps: &[usize]) -> BTreeSet<usize> {
        let below = steps.iter().filter_map(|position| self.before.get(*position)).flatten();
        below.chain(steps).copied().collect()
    }

    fn layers_before(&self, position: usize) -> BTreeSet<usize> {
        self.before.get(position).cloned().unwrap_or_default()
    }

    /// Runs a step where it is in the image. Steps that are not layers run on just what they come after.
    fn run(&mut self, position: usize) -> usize {
        let is_layer = self.storey.steps.get(position).is_some_and(Step::is_layer);
        let below = match self.strategy {
            Strategy::Chain if is_layer => self.wanted.range(..position).copied().collect(),
            _ => self.layers_before(position),
        };
        self.run_on(position, below)
    }

    /// Runs a step on top of layers.
    fn run_on(&mut self, position: usize, below: BTreeSet<usize>) -> usize {
        if let Some(known) = self.known.get(&(position, below.clone())) {
            return *known;
        }
        let on = self.tree(&below);
        let storey = self.storey;
        let uses = storey.steps.get(position).into_iter().flat_map(Step::uses);
        let uses = uses
            .filter_map(|id| Some((id.clone(), self.run(storey.find(id)?.0))))
            .collect();
        self.runs.push(StepRun {
            step: position,
            on,
            uses,
        });
        let run = self.runs.len() - 1;
        self.known.insert((position, below), run);
        run
    }

    /// One file tree with what all the given layers wrote.
    fn tree(&mut self, layers: &BTreeSet<usize>) -> Tree {
        match self.strategy {
            Strategy::Merge => self.merged(layers),
            Strategy::Chain => match layers.last() {
                Some(last) => {
                    let below = layers.range(..last).copied().collect();
                    Tree::After(self.run_on(*last, below))
                }
                None => Tree::Base,
            },
        }
    }

    /// One file tree with what all the given layers wrote, in layer order.
    ///
    /// The longest run of steps that each come after all those before is used as it is; every other step
    /// adds only what it changed. Nothing starts from an empty tree: a copy merged over a directory from an empty
    /// tree would change its mode and owner, or replace a link.
    fn merged(&mut self, layers: &BTreeSet<usize>) -> Tree {
        let mut line = BTreeSet::new();
        let mut below = Tree::Base;
        let mut rest = Vec::new();
        for position in layers {
            if rest.is_empty() && self.layers_before(*position) == line {
                line.insert(*position);
                below = Tree::After(self.run_on(*position, self.layers_before(*position)));
            } else {
                rest.push(*position);
            }
        }
        // A step that comes after everything already contains everything.
        if let Some(last) = rest.last()
            && self.closure(&[*last]) == *layers
        {
            return Tree::After(self.run_on(*last, self.layers_before(*last)));
        }
        if rest.is_empty() {
            return below;
        }
        let changes = rest
            .into_iter()
            .map(|position| self.run_on(position, self.layers_before(position)))
            .collect();
        Tree::Merged {
            below: Box::new(below),
            changes,
        }
    }
}

/// For each step, all layers that it comes after, directly or not.
fn before(storey: &Storey) -> Vec<BTreeSet<usize>> {
    let mut all: Vec<BTreeSet<usize>> = Vec::with_capacity(storey.steps.len());
    for step in &storey.steps {
        let mut below = BTreeSet::new();
        // What a step comes after is earlier in the list.
        for (position, _) in step.after.iter().filter_map(|id| storey.find(id)) {
            below.insert(position);
            below.extend(all.get(position).into_iter().flatten());
        }
        all.push(below);
    }
    all
}

fn not_there(steps: &[Step], part: &Part) -> TargetError {
    match part {
        Part::Stage(target) => {
            let has = |stage: &Stage| {
                let is_always_there = matches!(stage, Stage::Base | Stage::Image);
                is_always_there || steps.iter().any(|step| step.stage == *stage)
            };
            TargetError::no_stage(*target, Stage::ALL.into_iter().filter(has))
        }
        Part::Package(package) => {
            let mut known: Vec<&str> = steps
                .iter()
                .flat_map(|step| &step.packages)
                .map(String::as_str)
                .collect();
            known.sort_unstable();
            TargetError::NoSuchPackage {
                package: package.clone(),
                known: if known.is_empty() {
                    "none".into()
                } else {
                    known.join(", ")
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_spec::parse;
    use crate::oci::Platform;
    use crate::plan::{Action, Facts, StepMount, plan};
    use crate::text::Text;

    #[test]
    fn a_storey_out_of_order_is_refused() {
        let spec = parse(&Text::new("s.yaml", "apt_packages: [git]\ncommands: [ls]\n"))
            .spec
            .unwrap();
        let whole = plan(&spec, &Platform::linux_amd64(), &Facts::default())
            .storeys
            .remove(0);
        let check = |break_it: &dyn Fn(&mut Vec<Step>), expect: &str| {
            let mut storey = whole.clone();
            break_it(&mut storey.steps);
            let refused = schedule(&storey, Strategy::Merge, &Target::Whole);
            match refused {
                Err(TargetError::Disorder(disorder)) => assert_eq!(disorder, expect),
                other => panic!("{other:?}"),
            }
        };
        check(
            &|steps| steps.retain(|step| step.id.0 != "user"),
            "python comes after user, which is not a layer before it",
        );
        check(
            &|steps| steps.reverse(),
            "lock comes after python, which is not a layer before it",
        );
        check(
            &|steps| {
                let first = steps[0].clone();
                steps.push(first);
            },
            "there are two steps user",
        );
        check(
            &|steps| {
                let lock = steps.iter_mut().find(|step| step.id.0 == "lock").unwrap();
                let Action::Run(run) = &mut lock.action else { panic!() };
                run.mounts.push(StepMount::Product {
                    target: "/own".into(),
                    step: StepId("lock".into()),
                });
            },
            "lock is in or above a circle of steps",
        );
    }
}
