use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::image_spec;
use crate::plan::Stage;
use crate::text::Text;

const INTERPRETER: &str = r#"{"markers": {"implementation_name": "cpython", "implementation_version": "3.12.4",
    "python_full_version": "3.12.4", "python_version": "3.12", "platform_machine": "x86_64",
    "sys_platform": "linux", "os_name": "posix"}, "free_threaded": false, "libc": ["glibc", 2, 36]}"#;
const NESTED: &str = "profile: plain\npackages: [idna]\nbase_image:\n  profile: plain\n  packages: [six]\n";

/// A lock of as many packages as are fetched in advance.
fn lock(version: &str) -> String {
    let others = (0..8).map(|number| format!("other-{number}"));
    let packages = others.chain(["idna".into(), "six".into()]).map(|name| {
        format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\n[[packages.wheels]]\n\
            url = \"https://host/{name}-{version}-py3-none-any.whl\"\nhashes = {{ sha256 = \"aa\" }}\n"
        )
    });
    format!("lock-version = \"1.0\"\n{}", packages.collect::<String>())
}

/// Answers every step with the same files, and notes what it was asked.
struct Memory {
    files: BTreeMap<&'static str, ProductFile>,
    /// Whether a lock step makes something only when it may build.
    must_build: bool,
    asked: Mutex<Vec<String>>,
}

impl Memory {
    fn new() -> Self {
        let content = |text: &str| ProductFile::Content(text.as_bytes().to_vec());
        let lock = lock("3.7");
        let files = [
            ("usr/share/imagespec/interpreter.json", INTERPRETER),
            ("usr/share/imagespec/pylock.toml", lock.as_str()),
            ("usr/share/imagespec/shared-files.json", "[]"),
            ("needs.json", r#"{"installed": [], "there": {}}"#),
        ];
        Self {
            files: files.map(|(path, text)| (path, content(text))).into(),
            must_build: false,
            asked: Mutex::default(),
        }
    }

    fn with(mut self, path: &'static str, file: ProductFile) -> Self {
        self.files.insert(path, file);
        self
    }
}

#[async_trait]
impl Solver for Memory {
    /// Whether the step made something.
    type Solved = bool;

    async fn solve(&self, plan: &BuildPlan, step: &StepId) -> Result<bool, Failure> {
        let top = plan.storeys.last().unwrap();
        let step = top.steps.iter().find(|other| other.id == *step).unwrap();
        let sees_all = format!("{:?}", step.action).contains("\"_sees_all\", \"yes\"");
        let note = match step.makes {
            Some(Product::Lock) if sees_all => "lock, building",
            Some(Product::Lock) => "lock",
            _ => "look over",
        };
        let storey = plan.storeys.len();
        self.asked.lock().unwrap().push(format!("{storey}: {note}"));
        Ok(!self.must_build || sees_all || step.stage != Stage::Lock)
    }

    async fn read(&self, solved: &bool, path: &str) -> Result<ProductFile, Failure> {
        let file = self.files.get(path).filter(|_| *solved);
        Ok(file.cloned().unwrap_or(ProductFile::Missing))
    }

    async fn fetch(&self, plan: &BuildPlan, _: &StepId) -> Result<(), Failure> {
        self.asked
            .lock()
            .unwrap()
            .push(format!("{}: fetch", plan.storeys.len()));
        Ok(())
    }
}

/// What is found for a spec, and what the solver was asked.
fn resolve(
    spec: &str,
    sibling: Option<&str>,
    extent: Extent,
    memory: Memory,
) -> (Result<Resolution, String>, Vec<String>) {
    let text = Text::new("imageSpec.yaml", spec);
    let spec = image_spec::parse(&text).spec.unwrap();
    let found: Vec<FoundRequirements> = spec.all().map(|_| FoundRequirements::default()).collect();
    let resolving = Resolving {
        spec: &spec,
        spec_name: "imageSpec.yaml",
        platform: &"linux/amd64".parse().unwrap(),
        found: &found,
        sibling_lock: sibling.map(|text| ("pylock.toml", text)),
        is_hashed: false,
        extent,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let resolution = runtime.block_on(resolving.resolve(Facts::default(), &memory));
    let said = |failure: Failure| {
        let shown = failure.problems.iter().map(|problem| {
            let line = problem.span().map_or(0, |span| text.position(span.start).line);
            format!("{line}: {}", problem.message)
        });
        shown.collect::<Vec<_>>().join("\n")
    };
    (resolution.map_err(said), memory.asked.into_inner().unwrap())
}

#[test]
fn specs_are_resolved_from_the_lowest_up() {
    let (resolution, asked) = resolve(NESTED, None, Extent::Whole, Memory::new());
    let resolution = resolution.unwrap();
    let every = [
        "1: lock",
        "1: fetch",
        "1: look over",
        "2: lock",
        "2: fetch",
        "2: look over",
    ];
    assert_eq!(asked, every);
    assert_eq!(resolution.lock, Some(lock("3.7")));
    assert!(resolution.facts.storeys.iter().all(|storey| storey.lock.is_some()));
    assert!(resolution.warnings.is_empty());
}

#[test]
fn a_part_of_the_image_asks_no_more_than_it_needs() {
    let (resolution, asked) = resolve(NESTED, None, Extent::Lock, Memory::new());
    assert_eq!(asked, ["1: lock", "1: fetch", "1: look over", "2: lock"]);
    assert_eq!(resolution.unwrap().lock, Some(lock("3.7")));
    let (resolution, asked) = resolve(NESTED, None, Extent::Below, Memory::new());
    assert_eq!(asked, ["1: lock", "1: fetch", "1: look over"]);
    assert_eq!(
        resolution.unwrap().lock,
        None,
        "the lower spec's lock is not the image's"
    );
}

#[test]
fn nothing_is_asked_for_a_spec_without_packages() {
    let (resolution, asked) = resolve("profile: plain\nenv: {A: b}\n", None, Extent::Whole, Memory::new());
    assert!(asked.is_empty());
    assert_eq!(resolution.unwrap().lock, None);
}

#[test]
fn what_must_be_built_to_know_its_needs_is_resolved_once_more() {
    let spec = "profile: plain\npackages: [idna]\n";
    let memory = || Memory {
        must_build: true,
        ..Memory::new()
    };
    let (resolution, asked) = resolve(spec, None, Extent::Lock, memory());
    assert_eq!(asked, ["1: lock", "1: lock, building"]);
    assert!(resolution.unwrap().facts.storeys[0].resolving_builds);
    let nothing = memory().with("usr/share/imagespec/interpreter.json", ProductFile::Missing);
    let (resolution, asked) = resolve(spec, None, Extent::Lock, nothing);
    assert_eq!(asked.len(), 2, "and not for ever");
    assert_eq!(
        resolution.unwrap_err(),
        "0: the lock step made nothing, though it may build"
    );
}

#[test]
fn the_lock_beside_the_spec_is_the_topmost_specs() {
    let other = lock("3.8");
    let (resolution, _) = resolve(NESTED, Some(&other), Extent::Whole, Memory::new());
    let resolution = resolution.unwrap();
    let version = |storey: &StoreyFacts| storey.lock.as_ref().unwrap().packages[0].version.clone().unwrap();
    let versions: Vec<String> = resolution.facts.storeys.iter().map(version).collect();
    assert_eq!(versions, ["3.7", "3.8"]);
    assert_eq!(resolution.lock, Some(other));
}

#[test]
fn what_a_step_left_must_be_readable() {
    let spec = "profile: plain\npackages: [idna]\n";
    let check = |path, file: ProductFile, expect: &str| {
        let (resolution, _) = resolve(spec, None, Extent::Whole, Memory::new().with(path, file));
        let said = resolution.unwrap_err();
        assert!(said.starts_with(expect), "{said}");
    };
    let content = |bytes: &[u8]| ProductFile::Content(bytes.to_vec());
    let path = "usr/share/imagespec/pylock.toml";
    check(
        path,
        ProductFile::TooLarge,
        "2: usr/share/imagespec/pylock.toml has more than 33554432 bytes",
    );
    check(path, ProductFile::Missing, "0: the lock step made no pylock.toml");
    check(
        path,
        content(b"\xff"),
        "0: usr/share/imagespec/pylock.toml is not UTF-8",
    );
    check(path, content(b"no lock"), "2: the lock cannot be installed: line 1: ");
    check(
        "usr/share/imagespec/interpreter.json",
        content(b"{}"),
        "0: the report on the image's Python cannot be read",
    );
    check(
        "usr/share/imagespec/shared-files.json",
        ProductFile::Missing,
        "0: the report on shared files cannot be read",
    );
    check(
        "needs.json",
        ProductFile::Missing,
        "0: the report on what packages need cannot be read",
    );
}

#[test]
fn files_of_several_packages_are_told_three_by_name() {
    let spec = "profile: plain\npackages: [idna]\n";
    let files = |count: usize| {
        let file = |n| format!(r#"{{"path": "/s/{n}", "packages": ["idna", "six"]}}"#);
        let report = format!("[{}]", (0..count).map(file).collect::<Vec<_>>().join(","));
        let memory = Memory::new().with(
            "usr/share/imagespec/shared-files.json",
            ProductFile::Content(report.into_bytes()),
        );
        let resolution = resolve(spec, None, Extent::Whole, memory).0.unwrap();
        let shared = resolution.facts.storeys[0].lock.as_ref().unwrap().shared.len();
        let messages = resolution.warnings.into_iter().map(|warning| warning.message);
        (shared, messages.collect::<Vec<_>>())
    };
    let (shared, said) = files(3);
    assert_eq!((shared, said.len()), (3, 3));
    assert_eq!(said[0], "/s/0 is in idna and six; the image has the one from six");
    let (shared, said) = files(5);
    assert_eq!((shared, said.len()), (5, 4));
    assert_eq!(said[3], "2 more files are in several packages");
}

#[test]
fn needs_that_are_not_met_are_told() {
    let report = r#"{"installed": [{"name": "idna", "version": "3.7", "requires": ["six>=1"]}], "there": {}}"#;
    let memory = Memory::new().with("needs.json", ProductFile::Content(report.as_bytes().to_vec()));
    let (resolution, _) = resolve("profile: plain\npackages: [idna]\n", None, Extent::Whole, memory);
    let warnings = resolution.unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].message.contains("idna"), "{}", warnings[0].message);
}
