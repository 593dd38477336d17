//! The steps of the image, what they see and write, and how they run (`--call=plan`). Needs no build, like
//! the command.

use crate::frontend::inputs::BuildInputs;
use crate::frontend::naming;
use crate::frontend::requests::reply::reply;
use crate::frontend::served::ServedFiles;
use crate::frontend::session::Session;
use crate::name::name_in_image;
use crate::plan::{Attendance, Strategy};
use crate::project::Outlook;
use crate::proto::gateway as wire;
use crate::text::{Failure, Operation};

/// Prints the plan, as far as it is known without a build.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let (outlook, _) = outlook(session, "plan", Attendance::Reader).await?;
    let strategy = session.options.strategy()?.unwrap_or(Strategy::Merge);
    let (value, text) = outlook.printed(&session.file.text, strategy)?;
    Ok(reply(&value, text))
}

/// The plan without a build, with the image's names in it, and the text of the lock beside the spec. Warnings are sent.
/// `what` it is made for is for one platform.
pub(super) async fn outlook(
    session: &Session,
    what: &str,
    attendance: Attendance,
) -> Result<(Outlook, Option<String>), Failure> {
    let spec = session.read_spec(Operation::Building).await?;
    let inputs = BuildInputs::of(session, &spec, false).await?;
    let mut files = inputs.files().await?;
    let planned = inputs.planned(inputs.only_platform(what)?, attendance);
    // What is missing for a build is told first.
    let outlook = planned
        .outlook(&mut ServedFiles::new(&session.client, &mut files))
        .await?;
    let looked = inputs.look(&files, Some(&outlook.read)).await?;
    let mut outlook = outlook.with_copies(&spec, &looked.answer.chosen);
    if attendance != Attendance::Reader {
        outlook = outlook.with_home(&spec);
    }
    for warning in &outlook.warnings {
        session.warn(warning).await?;
    }
    let identity = naming::identify(session, &inputs.naming, &inputs.tasks, &looked).await?;
    inputs.warn_of_copies(&looked).await?;
    name_in_image(&identity, &spec, &mut outlook.plan.settings);
    let lock = inputs.sibling_lock().map(|(_, text)| text.to_owned());
    Ok((outlook, lock))
}
