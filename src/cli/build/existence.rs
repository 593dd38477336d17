//! Whether the image that is wanted is in its registry already, and what follows from that.

use crate::cli::build::arguments::{IfExists, IfUnknown};
use crate::cli::build::request::Wanted;
use crate::cli::output::err;
use crate::engine::BuildOption;
use crate::oci::{Platform, Reference};
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

/// Options that ask for a new build, or for something that only a build gives.
const ASK_TO_BUILD: [BuildOption; 4] = [
    BuildOption::Load,
    BuildOption::NoCache,
    BuildOption::NoCacheFilter,
    BuildOption::Pull,
];

/// Asks for all names of an image, if it goes to a registry and nobody has decided already.
///
/// # Errors
/// When it is there, or nobody can tell, and that is not to be.
pub(crate) fn decide(wanted: &Wanted, registry: &Registry) -> Result<Decision, Failure> {
    let is_decided = wanted.is_forced || wanted.if_exists == IfExists::Build;
    let asks_to_build = ASK_TO_BUILD.iter().any(|option| wanted.request.has(*option));
    let fails = wanted.if_exists == IfExists::Fail;
    if !wanted.request.goes_to_registry() || is_decided || (asks_to_build && !fails) {
        return Ok(Decision::Build {
            is_new: false,
            note: None,
        });
    }
    let mut digests: Vec<String> = Vec::new();
    let mut reasons: Vec<Decision> = Vec::new();
    for name in &wanted.request.names {
        let reference = Reference::parse(name)
            .map_err(|error| Diagnostic::error("image-name", error.to_string()).caused_by(error))?;
        match registry.exists(&reference, &wanted.platforms) {
            Existence::Unknown(unknown) => reasons.push(on_unknown(wanted, name, &unknown)?),
            Existence::No(absent) if absent.platforms.is_empty() => reasons.push(Decision::Build {
                is_new: registry.has_repository(&reference) == Some(false),
                note: None,
            }),
            // A name is taken, whatever it is there for.
            Existence::No(absent) if !fails => {
                let platforms: Vec<String> = absent.platforms.iter().map(Platform::to_string).collect();
                let message = format!("{name} is there for {} only: replacing it", platforms.join(", "));
                reasons.push(build(message));
            }
            Existence::Yes(_) | Existence::No(_) if fails => return Err(taken(name)),
            Existence::No(_) => {}
            Existence::Yes(found) => match difference(wanted, registry, &reference) {
                Ok(None) => digests.push(found.digest),
                Ok(Some(words)) => reasons.push(build(format!("{name} is there, {words}: building it"))),
                Err(Refusal::Absent(_)) => reasons.push(build(format!("{name} is gone again: building it"))),
                Err(Refusal::Unknown(unknown)) => reasons.push(on_unknown(wanted, name, &unknown)?),
            },
        }
    }
    // One that has to be built is enough; what is new says most of what will be pushed.
    reasons.sort_by_key(|reason| !matches!(reason, Decision::Build { note: Some(_), .. }));
    if let Some(first) = reasons.into_iter().next() {
        return Ok(first);
    }
    digests.dedup();
    Ok(match <[String; 1]>::try_from(digests) {
        Ok([digest]) => Decision::Skip { digest },
        Err(_) => build("the image's names point to different images: building it".into()),
    })
}

fn taken(name: &str) -> Failure {
    let problem = Diagnostic::error("if-exists", format!("the image {name} exists already"));
    let help = "build with --if-exists skip to use it, or --force to build it again";
    problem.kind(ProblemKind::Conflict).help(help).into()
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
            .identified
            .identity
            .difference(labels.map(|(name, value)| (name.as_str(), value.as_str())));
        if words.is_some() {
            return Ok(words);
        }
        let has = |pairs: &[(String, String)], name: &str, value: &str| {
            pairs.iter().any(|(known, found)| known == name && found == value)
        };
        let mut variables = described.config.environment.iter();
        // Only images for tasks have one.
        let theirs = variables.find(|(name, _)| name == "_F_IMG_ID");
        let wanted_id = wanted.identified.identity.given.id.as_ref();
        if theirs.zip(wanted_id).is_some_and(|((_, theirs), id)| theirs != id) {
            return Ok(Some("for tasks of another id"));
        }
        let labels = wanted
            .request
            .values(BuildOption::Label)
            .filter_map(|label| label.split_once('='));
        if !labels
            .into_iter()
            .all(|(name, value)| has(&described.config.labels, name, value))
        {
            return Ok(Some("with other labels"));
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
