//! Requests other than a build: what there is to know of a spec without building it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::frontend::call_error::CallError;
use crate::frontend::context::SpecFile;
use crate::frontend::{positions, status};
use crate::image_spec::{self, ImageSpec, Layering};
use crate::name::{Identity, Naming, shown};
use crate::plan::{self, BuildPlan, CA_SECRET, Product, Stage, StepId, Storey};
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure, Operation, Severity, redact, shown_text};

/// A request, by the name that clients give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subrequest {
    /// Which requests there are.
    Describe,
    /// Problems and warnings (`--check`).
    Lint,
    /// Arguments and secrets (`--call=outline`).
    Outline,
    /// What can be built alone (`--call=targets`).
    Targets,
    /// The lock of the Python packages (`--call=lock`).
    Lock,
    /// The digests of the images that a build uses (`--call=pin`).
    Pin,
    /// One of the image's names.
    Name(Name),
}

/// One of an image's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// The tag (`--call=tag`).
    Tag,
    /// Registry, name and tag (`--call=name`).
    Full,
    /// flytekit's id (`--call=id`).
    Id,
    /// What the tag was computed from (`--call=explain`).
    Explain,
}

const ALL: [(Subrequest, &str, &str); 10] = [
    (
        Subrequest::Outline,
        "frontend.outline",
        "List all parameters current build target supports",
    ),
    (
        Subrequest::Targets,
        "frontend.targets",
        "List all targets current build supports",
    ),
    (Subrequest::Lint, "frontend.lint", "Report problems of the spec"),
    (
        Subrequest::Name(Name::Tag),
        "frontend.tag",
        "Print the tag, a hash of what is in the image",
    ),
    (
        Subrequest::Name(Name::Full),
        "frontend.name",
        "Print the image's full name: registry, name and tag",
    ),
    (
        Subrequest::Name(Name::Id),
        "frontend.id",
        "Print what flytekit calls the id of the spec",
    ),
    (
        Subrequest::Name(Name::Explain),
        "frontend.explain",
        "Print what the tag is computed from",
    ),
    (
        Subrequest::Lock,
        "frontend.lock",
        "Print the lock of the Python packages, a pylock.toml",
    ),
    (
        Subrequest::Pin,
        "frontend.pin",
        "Print the digests of the images that the build uses, as `pins`",
    ),
    (
        Subrequest::Describe,
        "frontend.subrequests.describe",
        "List available subrequest types",
    ),
];

impl Subrequest {
    /// The request of a name.
    pub(super) fn named(name: &str) -> Result<Self, CallError> {
        let known = ALL.iter().find(|(_, known, _)| *known == name);
        known
            .map(|(request, ..)| *request)
            .ok_or_else(|| CallError::unsupported_request(name))
    }
}

/// Which requests there are.
pub(super) fn describe() -> wire::Result {
    let offered: Vec<Value> = ALL
        .iter()
        .map(|(_, name, description)| {
            json!({
                "name": name, "version": "1.0.0", "type": "rpc", "description": description,
                "opts": null, "inputs": null,
                "metadata": [{"name": "result.json"}, {"name": "result.txt"}], "refs": null,
            })
        })
        .collect();
    let mut table = format!("{:<22}{:<9}DESCRIPTION\n", "NAME", "VERSION");
    for (_, name, description) in ALL {
        let short = name.trim_start_matches("frontend.");
        table.push_str(&format!("{short:<22}{:<9}{description}\n", "1.0.0"));
    }
    answer(&Value::from(offered), table)
}

/// Answers a request about a spec.
pub(super) fn about(request: Subrequest, file: &SpecFile) -> Result<wire::Result, Failure> {
    if request == Subrequest::Lint {
        return Ok(lint(file));
    }
    let parsed = image_spec::parse(&file.text);
    let problems: Vec<&Diagnostic> = parsed.errors(Operation::Building).collect();
    let Some(spec) = parsed.spec.as_ref().filter(|_| problems.is_empty()) else {
        return Err(Failure::of(&file.text, problems));
    };
    let sources = json!([STANDARD.encode(&file.source.data)]);
    if request == Subrequest::Outline {
        let mut secrets = vec![json!({"name": CA_SECRET})];
        let mut table = format!("SECRET           REQUIRED\n{CA_SECRET:<17}\n");
        for secret in &spec.pip_secret_mounts {
            secrets.push(json!({"name": secret.id, "required": true, "location": positions::location(&file.text, Some(secret.span))}));
            table.push_str(&format!("{:<17}true\n", secret.id));
        }
        let outline = json!({"name": spec.name, "secrets": secrets, "sources": sources});
        return Ok(answer(&outline, table));
    }
    let needs = plan::needs(spec);
    let stages: &[Stage] = needs.top().map_or(&[], |needs| &needs.stages);
    let targets: Vec<Value> = stages
        .iter()
        .map(|stage| json!({"name": stage.name(), "default": *stage == Stage::Image}))
        .collect();
    let table = stages.iter().map(|stage| format!("{}\n", stage.name())).collect();
    Ok(answer(&json!({"targets": targets, "sources": sources}), table))
}

/// The id of a spec.
pub(super) fn id(naming: &Naming<'_>) -> wire::Result {
    let id = naming.id();
    let value = json!({"version": 1, "algorithm": naming.algorithm().name(), "id": id});
    answer(&value, format!("{id}\n"))
}

/// One of an image's names.
pub(super) fn name(identity: &Identity, what: Name, plan: &BuildPlan, spec: &ImageSpec) -> wire::Result {
    let mut value = json!({
        "version": 1,
        "algorithm": identity.algorithm.name(),
        "id": identity.id,
        "tag": identity.tag,
        "name": identity.image_name,
    });
    let text = match what {
        Name::Id => format!("{}\n", identity.id),
        Name::Tag => format!("{}\n", identity.tag),
        Name::Full => format!("{}\n", identity.image_name),
        Name::Explain => {
            let inputs = shown(identity);
            let mut text = format!(
                "algorithm: {}\ntag: {}\nname: {}\nid: {}\n\nThe tag is computed from:\n",
                identity.algorithm, identity.tag, identity.image_name, identity.id
            );
            for (name, value) in &inputs {
                text.push_str(&format!("  {name}: {value}\n"));
            }
            let inputs = inputs.into_iter().map(|(name, value)| (name, Value::String(value)));
            value["inputs"] = Value::Object(inputs.collect());
            let steps = steps(plan, spec);
            text.push_str("\nThe image is built in these steps:\n");
            for step in &steps {
                let field = |name: &str| step[name].as_str().unwrap_or_default();
                let after: Vec<&str> = step["after"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let after = if after.is_empty() {
                    "the base image".to_owned()
                } else {
                    after.join(", ")
                };
                let (stage, title, reason) = (field("stage"), field("title"), field("reason"));
                text.push_str(&format!("  [{stage}] {title}\n      on {after}: {reason}\n"));
            }
            value["steps"] = Value::Array(steps);
            text
        }
    };
    answer(&value, text)
}

/// The text of a lock.
pub(super) fn lock(text: Option<String>) -> Result<wire::Result, Failure> {
    let Some(text) = text else {
        let message = "this image installs no Python packages, so there is nothing to lock";
        return Err(Diagnostic::error("nothing-to-lock", message).into());
    };
    let text = redact(&text);
    Ok(answer(&json!({"version": 1, "lock": text}), text))
}

/// Images and their digests, as a spec has them.
pub(super) fn pin(digests: impl Iterator<Item = (String, Option<String>)>) -> wire::Result {
    let mut pins = Map::new();
    let mut text = String::from("pins:\n");
    for (name, digest) in digests {
        let known = digest.map(Value::String);
        if !pins.contains_key(&name) {
            match known.as_ref().and_then(Value::as_str) {
                Some(digest) => text.push_str(&format!("  \"{name}\": \"{digest}\"\n")),
                None => text.push_str(&format!("  # {name} has no digest that could be asked for\n")),
            }
            pins.insert(name, known.unwrap_or(Value::Null));
        }
    }
    answer(&json!({"version": 1, "pins": pins}), text)
}

/// The steps of all storeys, the lowest first: what each sees, and why. The plan is one without packages; what
/// would install them is said in their place.
fn steps(plan: &BuildPlan, spec: &ImageSpec) -> Vec<Value> {
    let mut specs: Vec<&ImageSpec> = spec.all().collect();
    specs.reverse();
    let storeys = plan.storeys.iter().zip(specs);
    storeys.flat_map(|(storey, spec)| steps_of(storey, spec)).collect()
}

fn steps_of(storey: &Storey, spec: &ImageSpec) -> Vec<Value> {
    let mut all = Vec::new();
    let title = |id: &StepId| storey.find(id).map(|(_, step)| json!(step.title));
    for step in &storey.steps {
        let after: Vec<Value> = step.after.iter().filter_map(title).collect();
        all.push(json!({
            "stage": step.stage.name(),
            "title": step.title,
            "after": after,
            "reason": step.reason,
        }));
        if step.makes == Some(Product::Lock) {
            let of = |stages: &[Stage]| -> Vec<&str> {
                let steps = storey.steps.iter().filter(|step| stages.contains(&step.stage));
                steps.map(|step| step.title.as_str()).collect()
            };
            let python: Vec<&str> = of(&[Stage::Python]).into_iter().take(1).collect();
            all.push(json!({
                "stage": "packages",
                "title": match spec.layering {
                    Layering::Auto => "install what the lock names, each heavy package in a step of its own and sixteen for the rest",
                    Layering::Single => "install what the lock names, in one step",
                },
                "after": python,
                "reason": plan::INSTALL_REASON,
            }));
            all.push(json!({
                "stage": "packages",
                "title": "build what the lock has no wheel of, a step each",
                "after": of(&[Stage::Python, Stage::Apt]),
                "reason": plan::BUILD_REASON,
            }));
        }
    }
    all
}

fn lint(file: &SpecFile) -> wire::Result {
    let parsed = image_spec::parse(&file.text);
    let (mut warnings, mut text) = (Vec::new(), String::new());
    for warning in parsed.diagnostics.iter().filter(|d| d.severity == Severity::Warning) {
        warnings.push(json!({
            "ruleName": warning.rule,
            "description": warning.help.clone().unwrap_or_default(),
            "detail": warning.message,
            "location": positions::location(&file.text, warning.span()),
        }));
        text.push_str(&format!("{}\n", warning.line(&file.text)));
    }
    let errors: Vec<&Diagnostic> = parsed.errors(Operation::Building).collect();
    let data = shown_text(&file.text, errors.iter().copied());
    let clean = warnings.is_empty() && errors.is_empty();
    let mut report = json!({
        "warnings": warnings,
        "sources": [{"filename": file.text.name(), "language": "YAML", "data": STANDARD.encode(data)}],
    });
    if let Some(first) = errors.first() {
        let message = status::message(&Failure::of(&file.text, errors.iter().copied()));
        text.push_str(&format!("{message}\n"));
        report["buildError"] = json!({"message": message, "location": positions::location(&file.text, first.span())});
    }
    let mut result = answer(&report, text);
    let code = if clean { "0" } else { "1" };
    result.metadata.insert("result.statuscode".into(), code.into());
    result
}

fn answer(value: &Value, text: String) -> wire::Result {
    let mut result = wire::Result::default();
    // A value of strings and numbers is always JSON.
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    result.metadata.insert("result.json".into(), pretty.into_bytes());
    result.metadata.insert("result.txt".into(), text.into_bytes());
    result.metadata.insert("version".into(), b"1.0.0".to_vec());
    result
}
