//! `imagespec diff`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::arguments::NamingArguments;
use crate::cli::output::{DONE, NO, out};
use crate::cli::project::Project;
use crate::cli::registries::{describe, registry};
use crate::cli::settings::Settings;
use crate::engine;
use crate::image_spec::Algorithm;
use crate::name::{NamingOptions, differences, from_label, kept, shown};
use crate::oci::Reference;
use crate::registry::Refusal;
use crate::text::{Diagnostic, Failure, Operation, ProblemKind};

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// A spec file or an image.
    left: String,
    /// A spec file or an image.
    right: String,
    /// The directory that paths in the specs are relative to; each spec's own by default.
    #[arg(short, long, value_name = "DIRECTORY")]
    context: Option<PathBuf>,
    #[command(flatten)]
    naming: NamingArguments,
}

impl DiffArguments {
    pub(crate) fn json(&self) -> bool {
        self.naming.json
    }
}

/// The inputs of one side.
struct Side {
    algorithm: Algorithm,
    tag: String,
    inputs: Vec<(String, String)>,
    /// In the form of an image's label.
    kept: Vec<(String, String)>,
}

/// Longer values are cut in text, in characters.
const MAX_SHOWN: usize = 400;

/// Prints the inputs that differ.
pub(crate) fn run(arguments: &DiffArguments) -> Result<u8, Failure> {
    let mut options = arguments.naming.options();
    let images = [&arguments.left, &arguments.right].map(|side| (!is_file(side)).then(|| from_image(side)).transpose());
    let [left_image, right_image] = images;
    let (left_image, right_image) = (left_image?, right_image?);
    let image = left_image.as_ref().or(right_image.as_ref());
    // An image's algorithm decides for the spec that it is compared with.
    options.algorithm = options.algorithm.or(image.map(|side| side.algorithm));
    let has_image = image.is_some();
    let context = arguments.context.as_deref();
    let or_spec = |image: Option<Side>, file: &str| image.map_or_else(|| from_spec(file, context, &options), Ok);
    let left = or_spec(left_image, &arguments.left)?;
    let right = or_spec(right_image, &arguments.right)?;
    if left.algorithm != right.algorithm {
        let message = format!(
            "the tags are computed by different algorithms, {} and {}",
            left.algorithm, right.algorithm
        );
        let problem = Diagnostic::error("different-algorithms", message);
        return Err(problem.help("choose one with --algorithm").into());
    }
    let differing = if has_image {
        differences(&left.kept, &right.kept)
    } else {
        differences(&left.inputs, &right.inputs)
    };
    if arguments.naming.json {
        let found = json!({
            "version": 1,
            "algorithm": left.algorithm.name(),
            "left": {"tag": left.tag},
            "right": {"tag": right.tag},
            "differences": differing,
        });
        out(&format!("{found}\n"));
    } else if differing.is_empty() {
        out(&format!("no input differs; the tag is {}\n", left.tag));
    } else {
        let mut text = String::new();
        for difference in &differing {
            text.push_str(&format!("{}\n", difference.input));
            for (mark, value) in [('-', &difference.left), ('+', &difference.right)] {
                if let Some(value) = value {
                    let cut = value.char_indices().nth(MAX_SHOWN);
                    let shown = cut.map_or(value.clone(), |(at, _)| format!("{}…", value.get(..at).unwrap_or("")));
                    text.push_str(&format!("  {mark} {shown}\n"));
                }
            }
        }
        out(&text);
    }
    Ok(if differing.is_empty() { DONE } else { NO })
}

fn is_file(side: &str) -> bool {
    Path::new(side).is_file()
}

fn from_spec(file: &str, context: Option<&Path>, options: &NamingOptions) -> Result<Side, Failure> {
    let file = PathBuf::from(file);
    let own = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let context = context.or(own).unwrap_or(Path::new("."));
    let project = Project::read(Some(&file), context, Operation::Naming)?;
    let identity = project.identify(&project.naming(options)?, None)?.identity;
    Ok(Side {
        algorithm: identity.algorithm,
        kept: kept(&identity),
        inputs: shown(&identity),
        tag: identity.tag,
    })
}

/// The labels of an image in its registry.
fn of_registry(name: &Reference) -> Result<BTreeMap<String, String>, Failure> {
    let registry = registry(&Settings::told(Path::new("."))?)?;
    match describe(&registry, name, None) {
        Ok(described) => Ok(described.config.labels.into_iter().collect()),
        Err(Refusal::Unknown(unknown)) => Err(Diagnostic::from(unknown).into()),
        Err(Refusal::Absent(absent)) => {
            let message = format!("`{name}` is neither a file nor an image in docker's store or in its registry");
            let problem = Diagnostic::error("no-such-side", message).kind(ProblemKind::NotFound);
            Err(problem.help(absent.reason).into())
        }
    }
}

fn from_image(reference: &str) -> Result<Side, Failure> {
    let neither = || {
        let message = format!("`{reference}` is neither a file nor the name of an image");
        Diagnostic::error("no-such-side", message)
    };
    if reference.starts_with('-') {
        return Err(neither().into());
    }
    let name = Reference::parse(reference).map_err(|error| neither().caused_by(error))?;
    let labels = match engine::labels(reference) {
        Some(labels) => labels,
        None => of_registry(&name)?,
    };
    let get = |name: &str| labels.get(&format!("io.imagespec.{name}")).cloned();
    let found = || -> Option<Side> {
        Some(Side {
            algorithm: get("algorithm")?.parse().ok()?,
            tag: get("tag")?,
            inputs: Vec::new(),
            kept: from_label(&get("inputs")?)?,
        })
    };
    found().ok_or_else(|| {
        let message = format!(
            "the image {reference} does not say what its tag was computed from: it has no label io.imagespec.inputs"
        );
        Diagnostic::error("no-inputs", message).into()
    })
}
