//! The names of the image that is built, with the digests of its files.

use crate::files::Task;
use crate::frontend::digests::Looked;
use crate::frontend::files::left_out;
use crate::frontend::session::Session;
use crate::image_spec::Algorithm;
use crate::name::{Given, Identity, Naming};
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure};

/// Makes names of what was found out about files, and warns if flytekit's may differ: to who asked for one.
pub(super) async fn identify(
    session: &Session,
    naming: &Naming<'_>,
    tasks: &[Task],
    looked: &Looked,
) -> Result<Identity, Failure> {
    let identity = identity_of(naming, tasks, looked)?;
    let Looked { answer, files, .. } = looked;
    let mut warnings = naming.warnings(tasks, answer, &identity);
    if naming.algorithm() != Algorithm::Content {
        warnings.extend(tasks.iter().filter_map(|task| {
            let pattern = left_out(files, task)?;
            let message = format!(
                "{}: `{pattern}` in the context's ignore file may leave out files that flytekit's tag includes",
                task.field
            );
            let warning = Diagnostic::warning("tag-differs", message).at(naming.span(task));
            Some(warning.help("the image and the tag have only the files that the ignore file lets through"))
        }));
    }
    for warning in &warnings {
        session.warn(warning).await?;
    }
    Ok(identity)
}

/// The names, for who did not ask for them: labels and metadata have them.
pub(super) fn identity_of(naming: &Naming<'_>, tasks: &[Task], looked: &Looked) -> Result<Identity, Failure> {
    let Looked { answer, more, .. } = looked;
    Ok(match more {
        Some(more) => naming.identify_with_inputs(tasks, more, answer)?,
        None => naming.identify(tasks, answer)?,
    })
}

/// Adds the names to the result: for the client's metadata, and for the exporter option `name=*`. Of an image whose tag
/// cannot be computed, only those that were given.
pub(super) fn add_names(given: &Given, identity: Option<&Identity>, result: &mut wire::Result) {
    let mut add = |name: &str, value: String| result.metadata.insert(name.into(), value.into_bytes());
    let computed = identity.map(|identity| identity.image_name.clone());
    if let Some(name) = given.names.first().cloned().or(computed) {
        add(
            "image.name",
            if given.names.is_empty() {
                name.clone()
            } else {
                given.names.join(",")
            },
        );
        add("frontend.imagespec.name", name);
    }
    if let Some(identity) = identity {
        add("frontend.imagespec.tag", identity.tag.clone());
        add("frontend.imagespec.id", identity.id.clone());
    }
    add("frontend.imagespec.version", env!("CARGO_PKG_VERSION").to_owned());
}
