//! A storey under construction: adds steps and finds what each comes after.

use crate::plan::action::{Action, StepId};
use crate::plan::model::{Product, Stage, Step};
use crate::plan::writes::Writes;
use crate::text::Span;

/// The order of layers, lowest first: what is big and steady, then what changes often.
pub(crate) mod rank {
    /// The user, and what apt installs for an interpreter that comes from there.
    pub(crate) const USER: usize = 0;
    pub(crate) const PYTHON: usize = 10;
    /// Heavy packages.
    pub(crate) const HEAVY: usize = 20;
    /// Debian packages.
    pub(crate) const APT: usize = 30;
    /// Steps that make something for other steps.
    pub(crate) const ASIDE: usize = 40;
    /// All other packages.
    pub(crate) const SHARED_LAYERS: usize = 50;
    /// The user's own projects.
    pub(crate) const PROJECTS: usize = 60;
    /// Files that several packages have.
    pub(crate) const SHARED_FILES: usize = 65;
    pub(crate) const LOCK: usize = 70;
    /// Commands and copies, in their own order.
    pub(crate) const LAST: usize = 80;
}

/// A step that does not have its place yet.
pub(crate) struct Draft {
    step: Step,
    rank: usize,
}

impl Draft {
    pub(crate) fn new(id: impl Into<String>, stage: Stage, title: impl Into<String>, action: Action) -> Self {
        let rank = match stage {
            Stage::Base | Stage::User => rank::USER,
            Stage::Python => rank::PYTHON,
            Stage::Apt => rank::APT,
            Stage::Packages => rank::SHARED_LAYERS,
            Stage::Lock => rank::LOCK,
            Stage::Setup | Stage::Source | Stage::Image => rank::LAST,
        };
        let step = Step {
            id: StepId(id.into()),
            stage,
            title: title.into(),
            makes: None,
            after: Vec::new(),
            reason: "",
            writes: Writes::nothing(),
            packages: Vec::new(),
            spans: Vec::new(),
            action,
        };
        Self { step, rank }
    }

    /// The steps whose files it must see, and why.
    pub(crate) fn after(mut self, after: Vec<StepId>, reason: &'static str) -> Self {
        self.step.after = after;
        self.step.reason = reason;
        self
    }

    /// What it writes in the image.
    pub(crate) fn writes(mut self, writes: Writes) -> Self {
        self.step.writes = writes;
        self
    }

    /// What in the spec asks for it.
    pub(crate) fn spans(mut self, spans: impl IntoIterator<Item = Span>) -> Self {
        self.step.spans.extend(spans);
        self
    }

    /// Its place among the layers.
    pub(crate) fn rank(mut self, rank: usize) -> Self {
        self.rank = rank;
        self
    }

    /// It makes something for other steps and is not a layer.
    pub(crate) fn makes(mut self, product: Product) -> Self {
        self.step.makes = Some(product);
        self.rank = rank::ASIDE;
        self
    }

    /// The Python packages that it installs.
    pub(crate) fn packages(mut self, packages: Vec<String>) -> Self {
        self.step.packages = packages;
        self
    }
}

/// The steps so far.
pub(crate) struct Builder {
    steps: Vec<Draft>,
    /// Blamed for steps that no field asks for.
    spec: Span,
}

impl Builder {
    pub(crate) fn new(spec: Span) -> Self {
        let spec = Span {
            end: spec.start + 1,
            ..spec
        };
        Self {
            steps: Vec::new(),
            spec,
        }
    }

    /// Adds a step and returns its id.
    pub(crate) fn add(&mut self, mut draft: Draft) -> StepId {
        if draft.step.spans.is_empty() {
            draft.step.spans.push(self.spec);
        }
        let id = draft.step.id.clone();
        debug_assert!(
            !draft.step.reason.is_empty(),
            "{id} does not say why it comes where it does"
        );
        debug_assert!(
            !draft.step.is_layer() || draft.step.writes != Writes::nothing(),
            "{id} is a layer and does not say what it writes"
        );
        debug_assert!(self.steps().all(|step| step.id != id), "two steps are called {id}");
        self.steps.push(draft);
        id
    }

    fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.steps.iter().map(|draft| &draft.step)
    }

    /// The Python packages that a step installs.
    pub(crate) fn packages_of(&self, id: &StepId) -> &[String] {
        let found = self.steps().find(|step| step.id == *id);
        found.map_or(&[], |step| &step.packages)
    }

    /// The step that makes a product.
    pub(crate) fn maker(&self, product: Product) -> Option<StepId> {
        let found = self.steps().find(|step| step.makes == Some(product));
        found.map(|step| step.id.clone())
    }

    /// The last layer of a stage, if there is one.
    pub(crate) fn last_of(&self, stage: Stage) -> Vec<StepId> {
        let mut layers = self.steps().filter(|step| step.stage == stage && step.is_layer());
        layers.next_back().map(|step| step.id.clone()).into_iter().collect()
    }

    /// The last layer of the first stage that has one.
    pub(crate) fn last_of_any(&self, stages: &[Stage]) -> Vec<StepId> {
        let found = stages.iter().map(|stage| self.last_of(*stage));
        found.into_iter().find(|after| !after.is_empty()).unwrap_or_default()
    }

    /// The interpreter's layer, or what stands in for it when the base image has the interpreter.
    pub(crate) fn after_python(&self) -> Vec<StepId> {
        self.last_of_any(&[Stage::Python, Stage::User])
    }

    /// The layers of the interpreter and of apt, or what stands in for them.
    pub(crate) fn after_python_and_apt(&self) -> Vec<StepId> {
        let mut after = self.last_of(Stage::Python);
        after.extend(self.last_of(Stage::Apt));
        if after.is_empty() {
            self.last_of(Stage::User)
        } else {
            after
        }
    }

    /// Layers that no other layer comes after yet.
    pub(crate) fn after_everything(&self) -> Vec<StepId> {
        let layers = || self.steps().filter(|step| step.is_layer());
        layers()
            .filter(|step| !layers().any(|other| other.after.contains(&step.id)))
            .map(|step| step.id.clone())
            .collect()
    }

    /// Whether any layer except the user's may write one of these paths.
    pub(crate) fn may_write(&self, writes: &Writes) -> bool {
        let mut others = self.steps().filter(|step| step.stage != Stage::User);
        others.any(|step| step.writes.overlaps(writes))
    }

    /// The steps in the order of their layers.
    pub(crate) fn in_layer_order(mut self) -> Vec<Step> {
        self.steps.sort_by_key(|draft| draft.rank);
        self.steps.into_iter().map(|draft| draft.step).collect()
    }
}
