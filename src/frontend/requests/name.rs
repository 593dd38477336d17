//! One of the image's names (`--call=tag`, `--call=name`, `--call=id`).

use serde_json::{Value, json};

use crate::frontend::files::{Files, paths_of_tasks};
use crate::frontend::naming;
use crate::frontend::requests::reply::reply;
use crate::frontend::session::Session;
use crate::name::{Identity, Naming};
use crate::proto::gateway as wire;
use crate::text::{Failure, Operation};

pub(super) async fn tag(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Naming).await?;
    let lock = session.sibling_lock(&spec).await?;
    let identity = identify(session, &session.naming(&spec, lock.as_ref())?).await?;
    Ok(reply(&names(&identity), format!("{}\n", identity.tag)))
}

/// Registry, name and tag. Whoever asks for it uses it, so one that cannot be used is an error.
pub(super) async fn full_name(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Naming).await?;
    let lock = session.sibling_lock(&spec).await?;
    let naming = session.naming(&spec, lock.as_ref())?;
    let identity = identify(session, &naming).await?;
    match naming.name_problem(&identity) {
        Some(problem) => Err(problem.into()),
        None => Ok(reply(&names(&identity), format!("{}\n", identity.image_name))),
    }
}

/// flytekit's id, which depends on no file.
pub(super) async fn id(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Naming).await?;
    let lock = session.sibling_lock(&spec).await?;
    let naming = session.naming(&spec, lock.as_ref())?;
    let id = naming.id();
    let value = json!({"version": 1, "algorithm": naming.algorithm().name(), "id": id});
    Ok(reply(&value, format!("{id}\n")))
}

/// Computes the names, with the digests of files.
pub(super) async fn identify(session: &Session, naming: &Naming<'_>) -> Result<Identity, Failure> {
    let tasks = naming.tasks()?;
    let files = Files::ask(session, paths_of_tasks(&tasks)).await?;
    naming::identify(session, &files, naming, &tasks, None).await
}

/// All names, for programs.
pub(super) fn names(identity: &Identity) -> Value {
    json!({
        "version": 1,
        "algorithm": identity.algorithm.name(),
        "id": identity.id,
        "tag": identity.tag,
        "name": identity.image_name,
    })
}
