//! `imagespec inspect`.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::output::{DONE, NO, UNKNOWN, err, out};
use crate::cli::registries::{describe, read_name, registry};
use crate::cli::settings::Settings;
use crate::image_spec::LOCK_NAME;
use crate::name::from_label;
use crate::oci::{Platform, Reference};
use crate::plan::{KEEPS_LOCK, KEPT};
use crate::registry::{Described, Refusal, Registry};
use crate::text::{Failure, redact};

/// What the names of our labels begin with.
const LABEL: &str = "io.imagespec.";

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The name of an image.
    name: String,
    /// The platform; this machine's by default, or the first that the image is there for.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl InspectArguments {
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}

/// The packages of a lock, or why they are not known.
type Packages = Result<Lock, String>;

/// What a lock says.
struct Lock {
    /// The file's name in the image.
    file: String,
    /// Names and versions, in the order of the lock.
    packages: Vec<(String, Option<String>)>,
}

/// Prints what an image says of itself.
pub(crate) fn run(arguments: &InspectArguments) -> Result<u8, Failure> {
    let registry = registry(&Settings::told(Path::new("."))?)?;
    let reference = read_name(&arguments.name)?;
    match describe(&registry, &reference, arguments.platform.as_ref()) {
        Ok(described) => {
            let packages = packages(&registry, &reference, &described);
            if arguments.json {
                show_object(&reference, &described, &packages);
            } else {
                show(&reference, &described, &packages);
            }
            Ok(DONE)
        }
        Err(refusal) => Ok(show_refusal(&reference, &refusal, arguments.json)),
    }
}

/// The packages of the lock that an image keeps.
fn packages(registry: &Registry, reference: &Reference, described: &Described) -> Packages {
    let Some(layer) = described.layer_of(KEEPS_LOCK) else {
        return Err("the image's history does not say which layer has a lock".into());
    };
    let files = registry
        .files_below(reference, layer, KEPT)
        .map_err(|refusal| match refusal {
            Refusal::Absent(absent) => absent.reason,
            Refusal::Unknown(unknown) => unknown.to_string(),
        })?;
    lock_of(&files).ok_or_else(|| format!("the layer that should have a lock has none in {KEPT}"))
}

/// The lock among the files that an image keeps: ours, or the one that was given.
fn lock_of(files: &BTreeMap<String, Vec<u8>>) -> Option<Lock> {
    let own = files.get_key_value(LOCK_NAME);
    own.into_iter().chain(files).find_map(|(name, content)| {
        let text = std::str::from_utf8(content).ok()?;
        let lock: toml::Table = toml::from_str(text).ok()?;
        // PEP 751's name for them, then uv's and Poetry's.
        let packages = lock.get("packages").or_else(|| lock.get("package"));
        let packages = packages.and_then(toml::Value::as_array).into_iter().flatten();
        let text = |package: &toml::Value, name: &str| Some(package.get(name)?.as_str()?.to_owned());
        Some(Lock {
            file: format!("{KEPT}/{name}"),
            packages: packages
                .filter_map(|package| Some((text(package, "name")?, text(package, "version"))))
                .collect(),
        })
    })
}

/// Our labels, without credentials that somebody left in them.
fn labels(described: &Described) -> Vec<(&str, String)> {
    let ours = described.config.labels.iter();
    ours.filter_map(|(name, value)| Some((name.strip_prefix(LABEL)?, redact(value))))
        .collect()
}

fn show(reference: &Reference, described: &Described, packages: &Packages) {
    let mut text = format!("image          {}\n", reference.familiar());
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name:14} {value}\n"));
    line("digest", &described.digest);
    line("platform", &described.platform.to_string());
    let labels = labels(described);
    for (name, value) in labels.iter().filter(|(name, _)| !matches!(*name, "spec" | "inputs")) {
        line(name, value);
    }
    if let Some((_, spec)) = labels.iter().find(|(name, _)| *name == "spec") {
        line("spec", spec);
    }
    if let Some((_, inputs)) = labels.iter().find(|(name, _)| *name == "inputs") {
        text.push_str("inputs\n");
        for (name, value) in from_label(inputs).unwrap_or_default() {
            text.push_str(&format!("    {name}: {value}\n"));
        }
    }
    if labels.is_empty() {
        err("note: the image has no labels of imagespec\n");
    }
    match packages {
        Ok(lock) => {
            text.push_str(&format!("packages       {} in {}\n", lock.packages.len(), lock.file));
            for (name, version) in &lock.packages {
                text.push_str(&format!(
                    "    {name} {}\n",
                    version.as_deref().unwrap_or("(no version)")
                ));
            }
        }
        Err(reason) => err(&format!("note: the packages are not known: {reason}\n")),
    }
    out(&text);
}

fn show_object(reference: &Reference, described: &Described, packages: &Packages) {
    let labels = labels(described);
    let label = |name: &str| labels.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    let inputs = label("inputs").and_then(|text| from_label(text)).map(|inputs| {
        let pairs = inputs.into_iter().map(|(name, value)| (name, json!(value)));
        Value::Object(pairs.collect::<Map<String, Value>>())
    });
    let spec = label("spec").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let lock = packages.as_ref().ok();
    let listed = lock.map(|lock| {
        let all = lock.packages.iter();
        all.map(|(name, version)| json!({"name": name, "version": version}))
            .collect::<Vec<_>>()
    });
    let found = json!({
        "version": 1,
        "name": reference.to_string(),
        "digest": described.digest,
        "image_digest": described.image_digest,
        "platform": described.platform,
        "host": described.host,
        "exists": true,
        "imagespec_version": label("version"),
        "image_name": label("name"),
        "tag": label("tag"),
        "id": label("id"),
        "algorithm": label("algorithm"),
        "inputs_digest": label("inputs-digest"),
        "spec": spec,
        "inputs": inputs,
        "lock": lock.map(|lock| &lock.file),
        "packages": listed,
        "packages_reason": packages.as_ref().err(),
    });
    out(&format!("{found}\n"));
}

/// Says that there is no image, or that its registry does not say.
fn show_refusal(reference: &Reference, refusal: &Refusal, as_json: bool) -> u8 {
    let name = reference.to_string();
    match refusal {
        Refusal::Absent(absent) if as_json => {
            let reason = &absent.reason;
            let found = json!({"version": 1, "name": name, "exists": false, "reason": reason, "other_platforms": absent.platforms});
            out(&format!("{found}\n"));
        }
        Refusal::Absent(absent) => err(&format!("imagespec: {reference} is not there: {}\n", absent.reason)),
        Refusal::Unknown(unknown) if as_json => {
            let (reason, kind, help) = (&unknown.reason, unknown.kind.name(), unknown.help());
            let found = json!({
                "version": 1, "name": name, "exists": null, "reason": reason, "kind": kind,
                "may_pass": unknown.may_pass, "host": unknown.host, "help": help,
            });
            out(&format!("{found}\n"));
        }
        Refusal::Unknown(unknown) => {
            err(&format!(
                "imagespec: cannot find out what {reference} is: {unknown}\n    help: {}\n",
                unknown.help()
            ));
        }
    }
    match refusal {
        Refusal::Absent(_) => NO,
        Refusal::Unknown(_) => UNKNOWN,
    }
}
