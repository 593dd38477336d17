//! What is left of a build that failed, to be looked into (`--keep-failed`): the image of the stage before the step.

use crate::engine::{BuildError, BuildOption, BuildRequest, Engine, Health, Input};
use crate::image_spec::ImageSpec;
use crate::plan::{Stage, needs};

/// The image's name.
const NAME: &str = "imagespec-failed";

/// Builds the stage before the one that failed, which is in the cache, and says how to look into it.
pub(crate) fn keep(
    engine: &dyn Engine,
    health: &Health,
    request: &BuildRequest,
    spec: &ImageSpec,
    failed: &BuildError,
) -> Option<String> {
    let BuildError::Failed { stage, .. } = failed else {
        return None;
    };
    if engine.input() != Input::Spec || !engine.can(BuildOption::Load) {
        return Some(format!(
            "--keep-failed leaves nothing: {} loads no image of a stage (docs/debug.md)",
            engine.name()
        ));
    }
    let stages = needs(spec).top().map(|top| top.stages.clone()).unwrap_or_default();
    let before = stage.as_deref().and_then(|failed| before(&stages, failed))?;
    match engine.build(&of_stage(request, before), health) {
        Ok(_) => {
            let program = if engine.name() == "nerdctl" {
                "nerdctl"
            } else {
                "docker"
            };
            Some(format!(
                "{NAME} is the image before that step (--target {}): {program} run --rm -it --entrypoint sh {NAME}",
                before.name()
            ))
        }
        Err(_) => Some("nothing was kept: the step is one of a spec in `base_image`; build that alone".to_owned()),
    }
}

/// The last stage with an image of its own before the one with a name.
fn before(stages: &[Stage], failed: &str) -> Option<Stage> {
    let at = stages.iter().position(|stage| stage.name() == failed)?;
    let before = stages.get(..at)?;
    before.iter().rev().find(|stage| **stage != Stage::Lock).copied()
}

/// The same build of a stage, into the engine's store.
fn of_stage(request: &BuildRequest, stage: Stage) -> BuildRequest {
    const OF_RESULTS: [BuildOption; 11] = [
        BuildOption::Target,
        BuildOption::Load,
        BuildOption::Push,
        BuildOption::Output,
        BuildOption::MetadataFile,
        BuildOption::IidFile,
        BuildOption::CacheTo,
        BuildOption::NoCache,
        BuildOption::NoCacheFilter,
        BuildOption::Sbom,
        BuildOption::Progress,
    ];
    let mut request = request.clone();
    request.options.retain(|(option, _)| !OF_RESULTS.contains(option));
    request.names = vec![NAME.to_owned()];
    request.ask(BuildOption::Target, stage.name());
    request.ask(BuildOption::Load, "");
    request.ask(BuildOption::Progress, "quiet");
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_before_has_an_image() {
        let check = |failed: &str, expect: Option<Stage>| {
            let stages = [
                Stage::Base,
                Stage::Apt,
                Stage::Python,
                Stage::Lock,
                Stage::Packages,
                Stage::Image,
            ];
            assert_eq!(before(&stages, failed), expect, "{failed}");
        };
        check("apt", Some(Stage::Base));
        check("packages", Some(Stage::Python));
        check("image", Some(Stage::Packages));
        check("base", None);
        check("internal", None);
    }
}
