//! Turns a plan into a Dockerfile: for engines without BuildKit, and for people who want to read what is done.

mod dialect;
mod environment;
mod instruction;
mod stages;
mod storey;
mod writer;

use crate::plan::BuildPlan;
use crate::write::dockerfile::storey::StoreyWriter;
use crate::write::dockerfile::writer::{BASE, DockerfileWriter, IMAGE};
use crate::write::options::WriteError;

pub use dialect::Dialect;
pub use writer::{Dockerfile, DockerfileOptions, Form};

/// Turns a plan into a Dockerfile. The plan is one for nobody who reads what steps make.
///
/// # Errors
/// When a source is missing, or a value has no words in a Dockerfile.
pub fn write_dockerfile(plan: &BuildPlan, options: DockerfileOptions<'_>) -> Result<Dockerfile, WriteError> {
    let mut writer = DockerfileWriter::new(plan, options);
    if plan.storeys.iter().any(|storey| !storey.is_complete) {
        return Err(WriteError::Incomplete);
    }
    let mut below = BASE.to_owned();
    let mut environment = plan.base.environment.clone();
    for (position, storey) in plan.storeys.iter().enumerate() {
        let storey_writer = StoreyWriter {
            file: &mut writer,
            storey,
            position,
            below,
            environment: &environment,
        };
        below = storey_writer.write()?;
        environment.extend(storey.environment());
    }
    if below != IMAGE {
        writer.begin_stage(&below, IMAGE);
    }
    writer.settings();
    writer.finish()
}
