//! `imagespec exists`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::arguments::NamingArguments;
use crate::cli::output::{DONE, NO, UNKNOWN, err, out};
use crate::cli::project::{Identified, Project};
use crate::cli::registries::{read_name, registry};
use crate::cli::settings::Settings;
use crate::image_spec::Algorithm;
use crate::name::{INPUTS_DIGEST_LABEL, Naming};
use crate::oci::{Platform, Reference};
use crate::registry::{Existence, Refusal, Registry};
use crate::text::{Diagnostic, Failure, Operation, Text};

#[derive(Debug, Args)]
pub(crate) struct ExistsArguments {
    /// The spec whose image is asked for, instead of a NAME; `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The name of an image; with -f, the directory that paths in the spec are relative to. Without both, the image of the
    /// spec in this directory.
    #[arg(value_name = "NAME|CONTEXT")]
    name: Option<String>,
    #[command(flatten)]
    naming: NamingArguments,
}

impl ExistsArguments {
    pub(crate) fn json(&self) -> bool {
        self.naming.json
    }
}

/// Asks the registry, and says yes, no or unknown.
pub(crate) fn run(arguments: &ExistsArguments) -> Result<u8, Failure> {
    let directory = arguments.file.as_deref().and_then(Path::parent);
    let directory = directory.filter(|directory| !directory.as_os_str().is_empty());
    let registry = registry(&Settings::told(directory.unwrap_or(Path::new(".")))?)?;
    match (&arguments.file, &arguments.name) {
        (None, Some(name)) => of_name(arguments, &registry, name),
        (file, context) => {
            let context = context.as_deref().unwrap_or(".");
            of_spec(arguments, &registry, file.as_deref(), Path::new(context))
        }
    }
}

fn of_name(arguments: &ExistsArguments, registry: &Registry, name: &str) -> Result<u8, Failure> {
    let reference = read_name(name)?;
    let platforms = match arguments.naming.options().platform {
        Some(list) => Platform::parse_list(&list).map_err(|error| Diagnostic::internal("").because(error))?,
        None => Vec::new(),
    };
    let answer = registry.exists(&reference, &platforms);
    let asked = Asked {
        reference,
        platforms,
        same_inputs: None,
        warnings: Vec::new(),
        text: None,
    };
    Ok(asked.show(&answer, arguments.json()))
}

fn of_spec(
    arguments: &ExistsArguments,
    registry: &Registry,
    file: Option<&Path>,
    context: &Path,
) -> Result<u8, Failure> {
    let project = Project::read(file, context, Operation::Naming)?;
    let of_project = |problem: Diagnostic| Failure::from(problem).about(&project.text);
    let naming = project.naming(&arguments.naming.options())?;
    let place = project.spec.registry.as_ref();
    if place.is_none_or(|registry| registry.value.is_empty()) {
        let message = "without `registry` in the spec there is no place to look for its image";
        let problem = Diagnostic::error("no-registry", message).at_known(place.map(|registry| registry.span));
        return Err(of_project(problem.help(
            "add `registry: HOST/NAMESPACE` to the spec, or ask by a name: imagespec exists NAME",
        )));
    }
    let Identified { identity, warnings, .. } = project.identify(&naming, None)?;
    if let Some(problem) = naming.name_problem(&identity) {
        return Err(of_project(problem));
    }
    let reference = read_name(&identity.image_name)?;
    let platforms = naming.platforms().unwrap_or_default();
    let answer = registry.exists(&reference, &platforms);
    let mut asked = Asked {
        reference,
        platforms,
        same_inputs: None,
        warnings: project.warnings.iter().cloned().chain(warnings).collect(),
        text: Some(&project.text),
    };
    if matches!(answer, Existence::Yes(_)) {
        match same_inputs(&project, &naming, registry, &asked) {
            Ok(found) => asked.same_inputs = Some(found),
            Err(problem) => asked.warnings.push(problem),
        }
    }
    Ok(asked.show(&answer, arguments.json()))
}

/// Whether the image was made from the same files as the spec would be now; `None` if that cannot be compared.
fn same_inputs(
    project: &Project,
    naming: &Naming<'_>,
    registry: &Registry,
    asked: &Asked<'_>,
) -> Result<Option<bool>, Diagnostic> {
    // Such a tag covers everything itself.
    if naming.algorithm() == Algorithm::Content {
        return Ok(Some(true));
    }
    let Ok(read) = project.checked_paths() else {
        return Ok(None);
    };
    let Ok(Identified { identity, .. }) = project.identify(naming, Some(&read)) else {
        return Ok(None);
    };
    let Some(digest) = &identity.inputs_digest else {
        return Ok(None);
    };
    let mut all = Some(true);
    for platform in &asked.platforms {
        let described = registry.describe(&asked.reference, platform).map_err(|refusal| {
            let problem = match refusal {
                Refusal::Unknown(unknown) => Diagnostic::from(unknown),
                Refusal::Absent(absent) => Diagnostic::error("registry-unknown", absent.reason),
            };
            Diagnostic::warning(
                "registry",
                format!("cannot read what the image was made from: {problem}"),
            )
        })?;
        match digest.agrees_with(described.label(INPUTS_DIGEST_LABEL)) {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            // Without files that the tag leaves out, the tag says it.
            None if !digest.is_beyond_tag => {}
            None => all = None,
        }
    }
    Ok(all)
}

/// What was asked, and what is told besides the answer.
struct Asked<'a> {
    reference: Reference,
    platforms: Vec<Platform>,
    /// Of a spec's image that is there: whether it was made from the same.
    same_inputs: Option<Option<bool>>,
    warnings: Vec<Diagnostic>,
    text: Option<&'a Text>,
}

impl Asked<'_> {
    /// Shows the answer, and gives the exit code.
    fn show(&self, answer: &Existence, as_json: bool) -> u8 {
        let code = match answer {
            Existence::Yes(_) => DONE,
            Existence::No(_) => NO,
            Existence::Unknown(_) => UNKNOWN,
        };
        if as_json {
            self.show_object(answer);
            return code;
        }
        for warning in &self.warnings {
            err(&format!("{}\n\n", warning.snippet(self.text)));
        }
        match answer {
            Existence::Yes(found) => {
                out(&format!("yes {}\n", found.digest));
                let note = match self.same_inputs {
                    None => return code,
                    Some(Some(true)) => "it was made from the same files",
                    Some(Some(false)) => "it was made from other files",
                    Some(None) => "it does not say which files it was made from",
                };
                err(&format!("note: {note}\n"));
            }
            Existence::No(absent) => {
                out("no\n");
                err(&format!("note: {}: {}\n", self.reference, absent.reason));
            }
            Existence::Unknown(unknown) => {
                out(&format!("unknown: {unknown}\n"));
                err(&format!("help: {}\n", unknown.help()));
            }
        }
        code
    }

    fn show_object(&self, answer: &Existence) {
        let (mut digest, mut host, mut reason, mut there, mut unknown) = (None, None, None, None, None);
        match answer {
            Existence::Yes(found) => (digest, host) = (Some(&found.digest), Some(&found.host)),
            Existence::No(absent) => (reason, there) = (Some(&absent.reason), Some(&absent.platforms)),
            Existence::Unknown(found) => {
                (host, reason, unknown) = (Some(&found.host), Some(&found.reason), Some(found))
            }
        }
        let exists = match answer {
            Existence::Yes(_) => Some(true),
            Existence::No(_) => Some(false),
            Existence::Unknown(_) => None,
        };
        let warnings: Vec<_> = self.warnings.iter().map(|warning| warning.json(self.text)).collect();
        let found = json!({
            "version": 1,
            "name": self.reference.to_string(),
            "platforms": self.platforms,
            "exists": exists,
            "digest": digest,
            "host": host,
            "same_inputs": self.same_inputs.flatten(),
            "reason": reason,
            "other_platforms": there,
            "kind": unknown.map(|unknown| unknown.kind.name()),
            "may_pass": unknown.map(|unknown| unknown.may_pass),
            "help": unknown.map(|unknown| unknown.help()),
            "warnings": warnings,
        });
        out(&format!("{found}\n"));
    }
}
