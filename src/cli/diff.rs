use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::project::Project;
use crate::cli::{DONE, DiffArguments, Failure, NO, out};
use crate::digest::{Difference, NamingOptions, differences, from_label, kept, shown};
use crate::engine;
use crate::spec::credential::redact;
use crate::spec::{Algorithm, Reference};

/// The inputs of one side.
struct Side {
    algorithm: Algorithm,
    tag: String,
    inputs: Vec<(String, String)>,
    /// As an image's label has them.
    kept: Vec<(String, String)>,
}

/// Longer values are cut in text, in characters.
const MAX_SHOWN: usize = 400;

/// Says what differs.
pub(super) fn print(arguments: &DiffArguments) -> Result<u8, Failure> {
    let mut options = arguments.how.options();
    // An image's algorithm decides for the spec that it is compared with.
    let image = [&arguments.left, &arguments.right]
        .into_iter()
        .find(|side| !is_file(side));
    let of_image = image.map(|image| from_image(image)).transpose()?;
    options.algorithm = options.algorithm.or(of_image.map(|side| side.algorithm));
    let left = side(&arguments.left, arguments.context.as_deref(), &options)?;
    let right = side(&arguments.right, arguments.context.as_deref(), &options)?;
    if left.algorithm != right.algorithm {
        return Err(Failure::Other(format!(
            "the tags are computed by different algorithms, {} and {}\n    help: choose one with --algorithm",
            left.algorithm, right.algorithm
        )));
    }
    let differing = if image.is_some() {
        differences(&left.kept, &right.kept)
    } else {
        differences(&left.inputs, &right.inputs)
    };
    if arguments.how.json {
        let shown: Vec<Difference> = differing.iter().map(hidden).collect();
        let found = json!({
            "version": 1,
            "algorithm": left.algorithm.name(),
            "left": {"tag": left.tag},
            "right": {"tag": right.tag},
            "differences": shown,
        });
        out(&format!("{found}\n"));
    } else if differing.is_empty() {
        out(&format!("no input differs; the tag is {}\n", left.tag));
    } else {
        let mut text = String::new();
        for difference in differing.iter().map(hidden) {
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

/// Users may write credentials that flytekit hashes.
fn hidden(difference: &Difference) -> Difference {
    let redacted = |value: &Option<String>| value.as_deref().map(redact);
    Difference {
        input: redact(&difference.input),
        left: redacted(&difference.left),
        right: redacted(&difference.right),
    }
}

fn is_file(side: &str) -> bool {
    Path::new(side).is_file()
}

fn side(side: &str, context: Option<&Path>, options: &NamingOptions) -> Result<Side, Failure> {
    if !is_file(side) {
        return from_image(side);
    }
    let file = PathBuf::from(side);
    let own = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let context = context.or(own).unwrap_or(Path::new("."));
    let (identity, _) = Project::read(Some(&file), context)?.identify(options)?;
    Ok(Side {
        algorithm: identity.algorithm,
        kept: kept(&identity),
        inputs: shown(&identity),
        tag: identity.tag,
    })
}

fn from_image(reference: &str) -> Result<Side, Failure> {
    if reference.starts_with('-') || Reference::parse(reference).is_err() {
        return Err(Failure::Other(format!(
            "`{reference}` is neither a file nor the name of an image"
        )));
    }
    let labels = engine::labels(reference).map_err(|error| {
        Failure::Other(format!(
            "`{reference}` is not a file, and as an image it cannot be looked at: {error}"
        ))
    })?;
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
        Failure::Other(format!(
            "the image {reference} does not say what its tag was computed from: it has no label io.imagespec.inputs"
        ))
    })
}
