//! The user's own commands.

use crate::image_spec::{SecretSteps, TextList};
use crate::plan::action::{Action, StepMount};
use crate::plan::builder::{Builder, Draft};
use crate::plan::environment::Edit;
use crate::plan::home::workdir;
use crate::plan::inputs::{StoreyInputs, certificates, run, scratch, secrets, uv, uv_cache};
use crate::plan::model::Stage;
use crate::plan::paths::{CERTIFICATES_OF_COMMANDS, SCRATCH_OF_COMMANDS, UV_CACHE_OF_COMMANDS};
use crate::plan::script::Script;
use crate::plan::variables;
use crate::plan::writes::Writes;
use crate::text::Span;

/// Gives the working directory to a user that only the commands have made.
pub(crate) fn own_workdir(plan: &mut Builder, inputs: &StoreyInputs<'_>) {
    let Some(workdir) = workdir(inputs.spec).filter(|workdir| workdir.is_owned_last) else {
        return;
    };
    let script = Script::new("own_workdir.sh").arguments([workdir.path, &workdir.owner]);
    let action = Action::Run(run(script, Vec::new(), vec![scratch()]));
    let title = format!("give {} to {}", workdir.path, workdir.owner);
    let after = plan.after_everything();
    let draft = Draft::new("own-workdir", Stage::Image, title, action)
        .writes(Writes::at(workdir.path))
        .after(after, "commands make the user")
        .spans(workdir.spans);
    plan.add(draft);
}

/// The commands before the copies, or the last ones: one shell, as root, in `/`, with uv, after everything so far.
pub(crate) fn commands(plan: &mut Builder, inputs: &StoreyInputs<'_>, stage: Stage, list: Option<&TextList>) {
    let Some(list) = list.filter(|list| !list.value.is_empty()) else {
        return;
    };
    let mut environment = variables::of_uv(inputs.python.as_ref());
    environment.extend(variables::of_image(inputs));
    environment.extend(variables::of_build_env(inputs.spec));
    environment.push(Edit::set("UV_CACHE_DIR", UV_CACHE_OF_COMMANDS));
    let (id, field, steps) = match stage {
        Stage::Setup => ("setup", "setup_commands", SecretSteps::Setup),
        _ => ("commands", "commands", SecretSteps::Commands),
    };
    let (secrets, secret_spans): (Vec<StepMount>, Vec<Span>) = secrets(inputs.spec, steps).unzip();
    let words: Vec<&str> = list.value.iter().map(|command| command.value.as_str()).collect();
    let script = Script::new("commands.sh")
        .with("_list", field)
        .with("_certificates", CERTIFICATES_OF_COMMANDS)
        .with("_prefix", inputs.python.as_ref().map_or("", |python| python.prefix))
        .arguments(words.iter().copied());
    let scratch = StepMount::Scratch {
        target: SCRATCH_OF_COMMANDS,
    };
    let trusted = certificates(CERTIFICATES_OF_COMMANDS);
    let mut mounts = vec![scratch, trusted, uv("/usr/bin/uv"), uv_cache(UV_CACHE_OF_COMMANDS)];
    mounts.extend(secrets);
    let run = run(script, environment, mounts);
    let after = plan.after_everything();
    let draft = Draft::new(id, stage, words.join("; "), Action::Run(run))
        .writes(Writes::Anywhere)
        .after(after, "commands may read anything")
        .spans(list.value.iter().map(|command| command.span))
        .spans(secret_spans);
    plan.add(draft);
}
