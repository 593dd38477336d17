//! flytekit's own hashes: every recorded case, by keyword arguments and by YAML.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use imagespec::files::{Context, Outcome, Patterns, Request, Task, compute};
use imagespec::flytekit::{Fields, Host, Release, Tag, tag, tasks};
use imagespec::image_spec::{Algorithm, parse};
use imagespec::name::{Naming, NamingOptions};
use imagespec::python::{CopyFileDetection, Dictionary, Unicode, Value};
use imagespec::text::{Operation, Text};
use serde_json::Value as Json;

/// Where the recorded paths lie; they count in ids as text.
const VIRTUAL: &str = "/spec-root/";

#[path = "common/layout.rs"]
mod layout;

use layout::lay_out;

struct Case<'a> {
    json: &'a Json,
    release: Release,
}

/// What was found: texts and names, or the stage that failed.
#[derive(Debug, PartialEq)]
enum Found {
    Names {
        id: String,
        tag: String,
        image_name: String,
        id_text: String,
        tag_text: String,
    },
    Failed(&'static str),
}

impl Case<'_> {
    fn name(&self) -> &str {
        self.json["name"].as_str().unwrap()
    }

    fn machine(&self) -> &str {
        self.json["machine"].as_str().unwrap_or("x86_64")
    }

    fn host(&self) -> Host {
        Host {
            release: self.release,
            unicode: Unicode::Python311,
            machine: self.machine().to_owned(),
        }
    }

    fn expected(&self) -> Found {
        let expected = &self.json["expected"];
        if let Some(stage) = expected["error"]["stage"].as_str() {
            return Found::Failed(match stage {
                "load" | "construct" => "construct",
                "hash" => "hash",
                other => panic!("stage {other}"),
            });
        }
        let text = |key: &str| expected[key].as_str().unwrap().to_owned();
        Found::Names {
            id: text("id"),
            tag: text("tag"),
            image_name: text("image_name"),
            id_text: text("id_text"),
            tag_text: text("tag_text"),
        }
    }

    fn lay_out(&self, root: &Path) {
        lay_out(self.json, root);
    }

    fn modules(&self) -> Vec<String> {
        let modules = self.json["loaded_modules"].as_array();
        let root = self.json["root"].as_str().unwrap();
        modules
            .into_iter()
            .flatten()
            .map(|file| format!("{root}/{}", file.as_str().unwrap()))
            .collect()
    }

    /// Digests of files that lie below `root` instead of where the case says.
    fn digests(&self, tasks: Vec<Task>, root: &Path) -> Result<Vec<(Task, String)>, ()> {
        let virtual_root = self.json["root"].as_str().unwrap();
        let real = |text: String| text.replace(virtual_root, root.to_str().unwrap());
        let jobs: Vec<_> = tasks.iter().map(|task| task.job.clone()).collect();
        let jobs = serde_json::from_str(&real(serde_json::to_string(&jobs).unwrap())).unwrap();
        let request = Request {
            jobs,
            copies: Vec::new(),
        };
        let context = Context::new(root, Patterns::default());
        let answer = compute(&request, &context, &|directory| git(directory));
        let outcomes = answer.outcomes.into_iter();
        tasks
            .into_iter()
            .zip(outcomes)
            .map(|(task, outcome): (Task, Outcome)| Ok((task, outcome.digest.map_err(drop)?)))
            .collect()
    }

    fn found(&self, arguments: &[(String, Value)], root: &Path) -> Found {
        let Ok(fields) = Fields::construct(arguments, &self.host()) else {
            return Found::Failed("construct");
        };
        self.with_fields(&fields, root).unwrap_or(Found::Failed("hash"))
    }

    fn with_fields(&self, fields: &Fields, root: &Path) -> Result<Found, ()> {
        let tasks = tasks(fields, &self.modules()).map_err(drop)?;
        let digests = self.digests(tasks, root)?;
        let Tag {
            tag, image_name, text, ..
        } = tag(fields, &digests).map_err(drop)?;
        Ok(Found::Names {
            id: fields.hash(),
            tag,
            image_name,
            id_text: fields.text(),
            tag_text: text,
        })
    }
}

/// As flytekit asks git.
fn git(directory: &Path) -> Option<BTreeSet<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-io", "--exclude-standard"])
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    if !output.status.success() {
        return Some(BTreeSet::new());
    }
    Some(
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect(),
    )
}

/// A value in the vectors' encoding.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) if number.is_f64() => Value::Float(number.as_f64().unwrap()),
        Json::Number(number) => Value::Int(number.to_string()),
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(object) => {
            let first = object.iter().next();
            let text = |json: &Json| json.as_str().unwrap().to_owned();
            let items = |json: &Json| json.as_array().unwrap().iter().map(value).collect::<Vec<_>>();
            match first.map(|(key, inner)| (key.as_str(), inner)) {
                Some(("$tuple", inner)) => Value::Tuple(items(inner)),
                Some(("$set", inner)) => Value::Set(items(inner)),
                Some(("$float", inner)) => Value::Float(text(inner).parse().unwrap()),
                Some(("$int", inner)) => Value::Int(text(inner)),
                Some(("$enum", inner)) => Value::CopyFileDetection(match text(inner).as_str() {
                    "LOADED_MODULES" => CopyFileDetection::LoadedModules,
                    "ALL" => CopyFileDetection::All,
                    "NO_COPY" => CopyFileDetection::NoCopy,
                    other => panic!("member {other}"),
                }),
                Some(("$codepoints", inner)) => {
                    let points = inner.as_array().unwrap().iter();
                    Value::CodePoints(
                        points
                            .map(|point| u32::try_from(point.as_u64().unwrap()).unwrap())
                            .collect(),
                    )
                }
                Some(("$bytes_b64", inner)) => {
                    Value::Bytes(base64::engine::general_purpose::STANDARD.decode(text(inner)).unwrap())
                }
                Some(("$date" | "$datetime", inner)) => timestamp(&text(inner)),
                Some(("$imagespec", inner)) => Value::ImageSpec(arguments(inner).unwrap()),
                Some(("$dict", inner)) => {
                    let mut dictionary = Dictionary::default();
                    for pair in inner.as_array().unwrap() {
                        dictionary.set(value(&pair[0]), value(&pair[1]));
                    }
                    Value::Map(dictionary.into_pairs())
                }
                _ => Value::Map(object.iter().map(|(k, v)| (Value::text(k), value(v))).collect()),
            }
        }
    }
}

fn timestamp(text: &str) -> Value {
    let parsed = imagespec::text::yaml::parse(&Text::new("x", format!("!!timestamp {text}"))).unwrap();
    imagespec::python::value(&parsed).unwrap()
}

/// Keyword arguments; `None` when they are none.
fn arguments(json: &Json) -> Option<Vec<(String, Value)>> {
    let Value::Map(pairs) = value(json) else { return None };
    pairs
        .into_iter()
        .map(|(key, value)| Some((key.as_text()?.to_owned(), value)))
        .collect()
}

/// flytekit's `with_*` methods on keyword arguments: what a list or a mapping is extended by.
fn derive(mut arguments: Vec<(String, Value)>, ops: &Json) -> Option<Vec<(String, Value)>> {
    for op in ops.as_array().into_iter().flatten() {
        let method = op[0].as_str().unwrap();
        let Some(field) = method.strip_prefix("with_") else {
            continue;
        };
        let position = arguments.iter().position(|(name, _)| name == field);
        let position = position.unwrap_or_else(|| {
            arguments.push((field.to_owned(), Value::None));
            arguments.len() - 1
        });
        let slot = &mut arguments[position].1;
        match (value(&op[1]), &mut *slot) {
            (text @ Value::Str(_), Value::List(list)) => list.push(text),
            (text @ Value::Str(_), Value::None) => *slot = Value::List(vec![text]),
            (Value::List(more), Value::List(list)) => list.extend(more),
            (Value::List(more), Value::None) => *slot = Value::List(more),
            (Value::Map(more), Value::None) => *slot = Value::Map(more),
            (Value::Map(more), Value::Map(map)) => {
                let mut dictionary = Dictionary::default();
                for (key, value) in map.drain(..).chain(more) {
                    dictionary.set(key, value);
                }
                *slot = Value::Map(dictionary.into_pairs());
            }
            (Value::Map(_) | Value::Str(_), _) => return None,
            _ => {}
        }
    }
    Some(arguments)
}

/// Where this project means to differ from flytekit.
fn is_meant(name: &str) -> bool {
    // Attributes of a hash are none of a tag's business.
    matches!(name, "tag-format-attr")
}

/// Where a YAML file is taken although flytekit refuses the value it stands for.
fn is_kinder(name: &str) -> bool {
    matches!(name, "secret-mounts-list" | "yaml-list-secret")
}

fn check(file: &str, release: Release) {
    let json: Json = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let (mut by_arguments, mut by_yaml) = (0, 0);
    let mut failures = Vec::new();
    for json in json["cases"].as_array().unwrap() {
        let case = Case { json, release };
        if is_meant(case.name()) {
            continue;
        }
        assert!(json["root"].as_str().unwrap().starts_with(VIRTUAL));
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        case.lay_out(&root);
        let mut compare = |how: &str, found: Found| {
            if found != case.expected() {
                failures.push(format!(
                    "{} by {how}:\n  found    {found:?}\n  expected {:?}",
                    case.name(),
                    case.expected()
                ));
            }
        };
        if !json["kwargs"].is_null() {
            by_arguments += 1;
            let derived = arguments(&json["kwargs"]).and_then(|arguments| derive(arguments, &json["ops"]));
            let found = derived.map_or(Found::Failed("construct"), |arguments| case.found(&arguments, &root));
            compare("arguments", found);
        }
        let has_ops = json["ops"].as_array().is_some_and(|ops| !ops.is_empty());
        if let Some(yaml) = json["yaml"].as_str().filter(|_| !has_ops && !is_kinder(case.name())) {
            by_yaml += 1;
            let parsed = parse(&Text::new("spec.yaml", yaml));
            let refused = parsed.errors(Operation::Naming).next().is_some();
            let found = match &parsed.spec {
                Some(spec) if !refused => case.found(&spec.arguments(), &root),
                _ => Found::Failed("construct"),
            };
            compare("YAML", found);
        }
    }
    eprintln!("{file}: {by_arguments} by arguments, {by_yaml} by YAML");
    assert!(
        failures.is_empty(),
        "{} differ\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn names_of_the_current_release() {
    check("tests/vectors/flytekit-current.json", Release::Current);
}

#[test]
fn names_of_release_1_13() {
    check("tests/vectors/flytekit-1.13.json", Release::V113);
}

/// What the vectors cannot say: the parts put together as the frontend and the command line do.
#[test]
fn a_spec_is_identified() {
    let text = Text::new("spec.yaml", "name: A\npackages: [x]\npip_secret_mounts: [[a, /b]]\n");
    let parsed = parse(&text);
    let spec = parsed.spec.unwrap();
    let name = |algorithm| {
        let options = NamingOptions {
            sibling_lock: None,
            algorithm: Some(algorithm),
            ..NamingOptions::default()
        };
        let naming = Naming::new(&spec, &options).unwrap();
        let tasks = naming.tasks().unwrap();
        let request = imagespec::name::request(&tasks);
        let answer = compute(&request, &Context::new(".", Patterns::default()), &|_| None);
        naming.identify(&tasks, &answer).map(|identity| identity.image_name)
    };
    // As recorded for releases 1.13.6 and later, and for 1.13.1 to 1.13.4.
    assert_eq!(name(Algorithm::Flytekit).unwrap(), "a:UVnSThsuLhoHcCQ6CrolDw");
    assert_eq!(name(Algorithm::Content).unwrap_err().len(), 4);
    let old = parse(&Text::new(
        "spec.yaml",
        "name: A\npackages: [x]\ntag_algorithm: flytekit-1.13\n",
    ));
    let naming = old
        .spec
        .as_ref()
        .map(|spec| Naming::new(spec, &NamingOptions::default()).unwrap().id());
    assert_eq!(naming.as_deref(), Some("74wpYX19Jj7MTfnFs2L5jA"));
}
