//! One of the image's names (`--call=tag`, `--call=name`, `--call=id`).

use serde_json::{Value, json};

use crate::frontend::inputs::{BuildInputs, paths_of};
use crate::frontend::naming;
use crate::frontend::requests::reply::reply;
use crate::frontend::session::Session;
use crate::name::Identity;
use crate::proto::gateway as wire;
use crate::text::{Failure, Operation};

pub(super) async fn tag(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Naming).await?;
    let identity = identify(&BuildInputs::of(session, &spec, false).await?).await?;
    Ok(reply(&names(&identity), format!("{}\n", identity.tag)))
}

/// Registry, name and tag. Whoever asks for it uses it, so one that cannot be used is an error.
pub(super) async fn full_name(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Naming).await?;
    let inputs = BuildInputs::of(session, &spec, false).await?;
    let identity = identify(&inputs).await?;
    match inputs.naming.name_problem(&identity) {
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

/// Computes the names, with the digests of files: those that a build computes, so that a build after this finds them in
/// the cache.
pub(super) async fn identify(inputs: &BuildInputs<'_>) -> Result<Identity, Failure> {
    let mut files = inputs.files().await?;
    // What keeps an image from being built does not keep it from being named.
    let read = inputs.requirements(&mut files).await.ok();
    let read = read.map(|found| paths_of(&found));
    let looked = inputs.look(&files, read.as_deref()).await?;
    let identity = naming::identify(inputs.session, &inputs.naming, &inputs.tasks, &looked).await?;
    inputs.warn_of_copies(&looked).await?;
    Ok(identity)
}

/// All names, for programs.
pub(super) fn names(identity: &Identity) -> Value {
    json!({
        "version": 1,
        "algorithm": identity.algorithm.name(),
        "id": identity.id,
        "tag": identity.tag,
        "name": identity.image_name,
        "inputs_digest": identity.inputs_digest.as_ref().map(|digest| &digest.value),
    })
}
