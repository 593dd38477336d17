//! Solves the steps that decide which packages an image gets: the gateway as a [`Solver`].

use async_trait::async_trait;

use crate::frontend::gateway::{Client, Solved};
use crate::plan::{BuildPlan, Part, Stage, StepId, Target};
use crate::project::{MAX_LOCK, ProductFile, Solver};
use crate::text::Failure;
use crate::write::{LlbOptions, Sources, write_llb};

/// The gateway, for the image of a platform.
pub(super) struct GatewaySolver<'a> {
    pub(super) client: &'a Client,
    /// What the graph of a plan is written over.
    pub(super) sources: &'a (dyn Fn(&BuildPlan) -> Sources + Sync),
    pub(super) options: &'a LlbOptions,
}

#[async_trait]
impl Solver for GatewaySolver<'_> {
    type Solved = Solved;

    async fn solve(&self, plan: &BuildPlan, step: &StepId) -> Result<Solved, Failure> {
        let options = LlbOptions {
            target: Target::Product(step.clone()),
            ..self.options.clone()
        };
        let graph = write_llb(plan, &(self.sources)(plan), &options)?;
        self.client.solve(graph.result.as_ref()).await
    }

    async fn read(&self, solved: &Solved, path: &str) -> Result<ProductFile, Failure> {
        match self.client.read(solved, path, MAX_LOCK).await {
            Ok(content) => Ok(content.map_or(ProductFile::TooLarge, ProductFile::Content)),
            Err(error) if error.is_missing() => Ok(ProductFile::Missing),
            Err(error) => Err(error.into()),
        }
    }

    /// Not if most layers may be in an imported cache, and not for steps that ignore their cache: BuildKit empties the
    /// cache directory between solves.
    async fn fetch(&self, plan: &BuildPlan, step: &StepId) -> Result<(), Failure> {
        if self.client.has_cache_imports() || self.options.no_cache.contains(&Part::Stage(Stage::Packages)) {
            return Ok(());
        }
        let fetched = self.solve(plan, step).await?;
        Ok(self.client.evaluate(&fetched).await?)
    }
}
