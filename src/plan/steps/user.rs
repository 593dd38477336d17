//! The user that tasks run as, and PATH for its login shells; or who else may go where files of a spec lie.

use crate::image_spec::Profile;
use crate::plan::action::Action;
use crate::plan::builder::{Builder, Draft, rank};
use crate::plan::environment::Edit;
use crate::plan::home::{ROOT_HOME, opens_root};
use crate::plan::inputs::{FIXED_TIME, StoreyInputs, TASK_HOME, TASK_USER, bundle, run, scratch};
use crate::plan::model::Stage;
use crate::plan::script::Script;
use crate::plan::variables;
use crate::plan::writes::Writes;
use crate::text::Span;

/// The user of the `flyte` profile with its directories, and certificates if the base has none.
pub(crate) fn user(plan: &mut Builder, inputs: &StoreyInputs<'_>) {
    if inputs.spec.profile == Profile::Plain {
        return open_root(plan, inputs);
    }
    // Everything comes after this step, so nothing in a spec changes what it sees, except where the interpreter is.
    let mut environment = variables::of_login(variables::of_base_image(inputs));
    environment.push(Edit::set("SOURCE_DATE_EPOCH", FIXED_TIME.to_string()));
    let script = Script::new("user.sh").with("_user", TASK_USER);
    let action = Action::Run(run(script, environment, vec![scratch(), bundle()]));
    let title = format!("create user {TASK_USER}");
    let draft = Draft::new("user", Stage::User, title, action)
        .writes(Writes::below(["/etc", "/home", "/root"]))
        .after(Vec::new(), "nothing in a spec changes what it sees");
    plan.add(draft);
}

/// Lets everybody into root's home, where the `plain` profile has no user who owns it.
fn open_root(plan: &mut Builder, inputs: &StoreyInputs<'_>) {
    if !opens_root(inputs.spec, inputs.python.as_ref()) {
        return;
    }
    let action = Action::MakeDirectory {
        path: ROOT_HOME.to_owned(),
        owner: None,
        mode: 0o755,
    };
    let title = format!("let all users into {ROOT_HOME}");
    let draft = Draft::new("root", Stage::User, title, action)
        .writes(Writes::below([ROOT_HOME]))
        .after(Vec::new(), "a layer that writes there would close it again");
    plan.add(draft);
}

/// Updates `~/.profile` when the spec's own environment changes PATH. Nothing comes after it.
pub(crate) fn login_path(plan: &mut Builder, inputs: &StoreyInputs<'_>) {
    let spec = inputs.spec;
    let mut names = spec.env.iter().flat_map(|map| &map.value).map(|(name, _)| name);
    let Some(path) = names.find(|name| name.value == "PATH") else {
        return;
    };
    if spec.profile == Profile::Plain {
        return;
    }
    let environment = variables::of_login(variables::of_image(inputs));
    let script = Script::new("login_path.sh").with("_user", TASK_USER);
    let action = Action::Run(run(script, environment, vec![scratch()]));
    let writes = Writes::below([TASK_HOME]);
    let (after, reason) = if plan.may_write(&writes) {
        (plan.after_everything(), "commands and copies may also write there")
    } else {
        (plan.last_of(Stage::User), "it changes the user's own file")
    };
    let spans: [Span; 1] = [path.span];
    let draft = Draft::new("login-path", Stage::User, "set PATH for login shells", action)
        .rank(rank::LAST)
        .writes(writes)
        .spans(spans);
    plan.add(draft.after(after, reason));
}
