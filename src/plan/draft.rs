//! Steps before they have their places.

use crate::plan::types::{Action, Mount, Origin, Product, Stage, Step};
use crate::text::Span;

/// The order of layers, lowest first: by size and steadiness.
pub(super) mod rank {
    /// The user, and what apt installs for an interpreter that comes from there.
    pub(in crate::plan) const USER: usize = 0;
    /// The interpreter.
    pub(in crate::plan) const PYTHON: usize = 10;
    /// Heavy packages.
    pub(in crate::plan) const HEAVY: usize = 20;
    /// Debian packages.
    pub(in crate::plan) const APT: usize = 30;
    /// What makes something for other steps.
    pub(in crate::plan) const ASIDE: usize = 40;
    /// All other packages.
    pub(in crate::plan) const SHARED_LAYERS: usize = 50;
    /// The user's own projects.
    pub(in crate::plan) const PROJECTS: usize = 60;
    /// Files that several packages have.
    pub(in crate::plan) const SHARED_FILES: usize = 65;
    /// The lock.
    pub(in crate::plan) const LOCK: usize = 70;
    /// Commands and copies, in their own order.
    pub(in crate::plan) const LAST: usize = 80;
}

/// Steps in the order of their layers.
pub(super) fn in_order(steps: &[(usize, Step)]) -> Vec<Step> {
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|position| steps.get(*position).map(|(rank, _)| *rank));
    let moved = |old: usize| order.iter().position(|position| *position == old).unwrap_or(old);
    order
        .iter()
        .filter_map(|position| steps.get(*position))
        .map(|(_, step)| {
            let mut step = step.clone();
            step.after.iter_mut().for_each(|after| *after = moved(*after));
            match &mut step.action {
                Action::Run(run) => {
                    for mount in &mut run.mounts {
                        if let Mount::Product { step, .. } | Mount::Files { step, .. } = mount {
                            *step = moved(*step);
                        }
                    }
                }
                Action::Copy(copies) => {
                    for copy in copies {
                        if let Origin::Product(step) = &mut copy.from {
                            *step = moved(*step);
                        }
                    }
                }
                Action::MakeDirectory { .. } => {}
            }
            step
        })
        .collect()
}

/// A step before it has its place.
pub(super) struct Draft {
    pub(super) step: Step,
    pub(super) rank: usize,
    pub(super) spans: Vec<Span>,
}

impl Draft {
    pub(super) fn new(stage: Stage, title: String, action: Action) -> Self {
        let rank = match stage {
            Stage::Base | Stage::User => rank::USER,
            Stage::Python => rank::PYTHON,
            Stage::Apt => rank::APT,
            Stage::Packages => rank::SHARED_LAYERS,
            Stage::Lock => rank::LOCK,
            Stage::Setup | Stage::Source | Stage::Image => rank::LAST,
        };
        Self {
            step: Step {
                stage,
                title,
                makes: None,
                after: Vec::new(),
                reason: "",
                packages: Vec::new(),
                lines: Vec::new(),
                action,
            },
            rank,
            spans: Vec::new(),
        }
    }

    /// The steps whose files it must see, and why.
    pub(super) fn after(mut self, after: Vec<usize>, reason: &'static str) -> Self {
        self.step.after = after;
        self.step.reason = reason;
        self
    }

    /// What in the spec asks for it.
    pub(super) fn spans(mut self, spans: &[Span]) -> Self {
        self.spans = spans.to_vec();
        self
    }

    /// Its place among the layers.
    pub(super) fn rank(mut self, rank: usize) -> Self {
        self.rank = rank;
        self
    }

    /// It makes something for other steps and is no layer.
    pub(super) fn makes(mut self, product: Product) -> Self {
        self.step.makes = Some(product);
        self.rank = rank::ASIDE;
        self
    }

    /// The Python packages that it installs.
    pub(super) fn packages(mut self, packages: Vec<String>) -> Self {
        self.step.packages = packages;
        self
    }
}
