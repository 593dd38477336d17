//! `imagespec plan`.

use clap::{Args, ValueEnum};

use crate::cli::names::{ImageArguments, show};
use crate::cli::output::DONE;
use crate::name::name_in_image;
use crate::plan::Strategy;
use crate::text::{Diagnostic, Failure, Operation};

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    image: ImageArguments,
    /// How steps that do not depend on each other become one image.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = StrategyArgument::Merge)]
    strategy: StrategyArgument,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StrategyArgument {
    /// Each on its own, then merged; the default of engines that can merge.
    Merge,
    /// One after another.
    Chain,
}

impl PlanArguments {
    pub(crate) fn json(&self) -> bool {
        self.image.naming.json
    }
}

/// Prints the plan of an image: its steps, what they see and write, and how they run.
pub(crate) fn run(arguments: &PlanArguments) -> Result<u8, Failure> {
    let project = arguments.image.project(Operation::Building)?;
    let naming = project.naming(&arguments.image.naming.options())?;
    // What is missing for a build is told first.
    let outlook = project.outlook(&naming)?;
    let identified = project.identify(&naming, Some(&outlook.read))?;
    let mut outlook = outlook.with_copies(&project.spec, &identified.chosen);
    name_in_image(&identified.identity, &project.spec, &mut outlook.plan.settings);
    let strategy = match arguments.strategy {
        StrategyArgument::Merge => Strategy::Merge,
        StrategyArgument::Chain => Strategy::Chain,
    };
    let (value, text) = outlook.printed(&project.text, strategy)?;
    let of_spec = project.warnings.iter().cloned();
    let warnings: Vec<Diagnostic> = of_spec.chain(outlook.warnings).chain(identified.warnings).collect();
    show(&project.text, &warnings, arguments.json(), value, text.trim_end());
    Ok(DONE)
}
