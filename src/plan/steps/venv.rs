//! A virtual environment on an interpreter that the image has.

use crate::plan::action::{Action, StepId};
use crate::plan::builder::{Builder, Draft};
use crate::plan::inputs::{StoreyInputs, run, scratch, uv, uv_cache};
use crate::plan::model::Stage;
use crate::plan::paths;
use crate::plan::python_place::PythonPlace;
use crate::plan::script::Script;
use crate::plan::steps::may_be_of_apt;
use crate::plan::variables;
use crate::plan::writes::Writes;

/// Makes the virtual environment that `python_exec` asks for, after the step that brings its interpreter, if it is known.
pub(crate) fn venv(plan: &mut Builder, inputs: &StoreyInputs<'_>, python: &PythonPlace, interpreter: Option<StepId>) {
    let Some(exec) = &inputs.spec.python_exec else { return };
    let script = Script::new("venv.sh")
        .with("_prefix", python.prefix)
        .with("_owner", inputs.owner())
        .arguments([&exec.value]);
    let mounts = vec![scratch(), uv(paths::UV), uv_cache(paths::UV_CACHE)];
    let action = Action::Run(run(script, variables::of_installs(inputs.spec), mounts));
    let (after, reason) = match interpreter {
        Some(step) => (
            vec![step],
            "it is made on an interpreter that this entry of apt may bring",
        ),
        None if !may_be_of_apt(&exec.value) => (plan.last_of(Stage::User), "the base image has the interpreter"),
        None => (
            plan.last_of_any(&[Stage::Apt, Stage::User]),
            "the interpreter may come from apt",
        ),
    };
    let title = format!("uv venv --python {}", exec.value);
    let draft = Draft::new("python", Stage::Python, title, action)
        .writes(Writes::below([python.prefix]))
        .after(after, reason)
        .spans([exec.span]);
    plan.add(draft);
}
