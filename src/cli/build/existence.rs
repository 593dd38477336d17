//! Whether the image that is wanted is in its registry already, and what follows from that.

use crate::cli::build::arguments::{IfExists, IfUnknown};
use crate::cli::build::request::Wanted;
use crate::cli::output::err;
use crate::oci::Reference;
use crate::registry::{Existence, Refusal, Registry, Unknown};
use crate::text::{Diagnostic, Failure, ProblemKind};

/// What is known of an image before it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is there: nothing is built.
    Skip {
        /// The digest of what its names point to.
        digest: String,
    },
    /// It has to be built, or may have to be.
    Build {
        /// Whether its repository does not exist yet: then everything is pushed.
        is_new: bool,
        /// What the user should know.
        note: Option<String>,
    },
}

/// Asks for all names of an image, if it goes to a registry and nobody has decided already.
///
/// # Errors
/// When it is there, or nobody can tell, and that is not to be.
pub(crate) fn decide(wanted: &Wanted, registry: &Registry) -> Result<Decision, Failure> {
    let unasked = Decision::Build {
        is_new: false,
        note: None,
    };
    if !wanted.request.goes_to_registry() || wanted.is_forced || wanted.if_exists == IfExists::Build {
        return Ok(unasked);
    }
    let mut digests: Vec<String> = Vec::new();
    for name in &wanted.request.names {
        let reference = Reference::parse(name)
            .map_err(|error| Diagnostic::error("image-name", error.to_string()).caused_by(error))?;
        let digest = match registry.exists(&reference, &wanted.platforms) {
            Existence::Yes(found) => found.digest,
            Existence::No(_) => {
                return Ok(Decision::Build {
                    is_new: registry.has_repository(&reference) == Some(false),
                    note: None,
                });
            }
            Existence::Unknown(unknown) => return on_unknown(wanted, name, &unknown),
        };
        if wanted.if_exists == IfExists::Fail {
            let problem = Diagnostic::error("if-exists", format!("the image {name} exists already: {digest}"));
            let help = "build with --if-exists skip to use it, or --force to build it again";
            return Err(problem.kind(ProblemKind::Conflict).help(help).into());
        }
        match difference(wanted, registry, &reference) {
            Ok(None) => digests.push(digest),
            Ok(Some(words)) => return Ok(build(format!("{name} is there, {words}: building it"))),
            Err(Refusal::Absent(_)) => return Ok(unasked),
            Err(Refusal::Unknown(unknown)) => return on_unknown(wanted, name, &unknown),
        }
    }
    digests.dedup();
    match <[String; 1]>::try_from(digests) {
        Ok([digest]) => Ok(Decision::Skip { digest }),
        Err(digests) if digests.is_empty() => Ok(unasked),
        Err(_) => Ok(build("the image's names point to different images: building it".into())),
    }
}

fn build(note: String) -> Decision {
    Decision::Build {
        is_new: false,
        note: Some(note),
    }
}

/// Why an image that is there was made from something else; `None` if it was not.
fn difference(wanted: &Wanted, registry: &Registry, reference: &Reference) -> Result<Option<&'static str>, Refusal> {
    for platform in &wanted.platforms {
        let described = registry.describe(reference, platform)?;
        let labels = described.config.labels.iter();
        let words = wanted
            .identity
            .difference(labels.map(|(name, value)| (name.as_str(), value.as_str())));
        if words.is_some() {
            return Ok(words);
        }
    }
    Ok(None)
}

fn on_unknown(wanted: &Wanted, name: &str, unknown: &Unknown) -> Result<Decision, Failure> {
    let message = format!(
        "{} does not say whether {name} exists: {}",
        unknown.host, unknown.reason
    );
    if wanted.if_unknown == IfUnknown::Fail {
        let problem = Diagnostic::error("if-unknown", message).kind(ProblemKind::Unknown);
        return Err(problem.help(unknown.help()).into());
    }
    Ok(build(format!("{message}: building it")))
}

/// Says what was decided, in a line.
pub(crate) fn tell(decision: &Decision) {
    if let Decision::Build { note: Some(note), .. } = decision {
        err(&format!("imagespec: {note}\n"));
    }
}
