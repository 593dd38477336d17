//! Locks as uv makes them, as steps. Their packages are real; nothing is installed here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use imagespec::image_spec::parse;
use imagespec::oci::Platform;
use imagespec::plan::{BaseFacts, BuildPlan, Facts, LockedPackages, Step, StepId, StoreyFacts, plan};
use imagespec::python::{Artefact, Interpreter, Locked, Parts, Pylock, Selection};
use imagespec::text::Text;

/// CPython 3.12 on Debian 12.
fn interpreter(machine: &str, system: &str) -> Interpreter {
    Interpreter::parse(&format!(
        r#"{{"markers": {{"implementation_name": "cpython", "implementation_version": "3.12.4", "os_name": "posix",
        "platform_machine": "{machine}", "platform_python_implementation": "CPython", "platform_release": "",
        "platform_system": "Linux", "platform_version": "", "python_full_version": "3.12.4", "python_version": "3.12",
        "sys_platform": "{system}"}}, "free_threaded": false, "libc": ["glibc", 2, 36]}}"#
    ))
    .unwrap()
}

fn select(text: &str) -> Vec<Locked> {
    let selection = Selection::default();
    Pylock::parse(text)
        .unwrap()
        .select(&interpreter("x86_64", "linux"), &selection)
        .unwrap()
}

fn plan_of(yaml: &str, packages: Vec<Locked>) -> BuildPlan {
    let text = Text::new("imageSpec.yaml", yaml);
    let spec = parse(&text).spec.unwrap();
    let storey = StoreyFacts {
        lock: Some(LockedPackages {
            packages,
            shared: Vec::new(),
        }),
        ..StoreyFacts::default()
    };
    let facts = Facts {
        base: BaseFacts {
            layers: Some(1),
            ..BaseFacts::default()
        },
        storeys: vec![storey],
        ..Facts::default()
    };
    plan(&spec, &Platform::linux_amd64(), &facts)
}

const SPEC: &str = "profile: plain\npackages: [x]\napt_packages: [git]\n";

/// One line a step: whether it is a layer, what it does, and what it comes after.
fn rendering(plan: &BuildPlan) -> String {
    let mut out = String::new();
    for step in &plan.top().unwrap().steps {
        let kind = if step.is_layer() { "layer" } else { "aside" };
        let ids = |ids: &mut dyn Iterator<Item = &StepId>| ids.map(|id| format!(" {id}")).collect::<String>();
        let (after, uses) = (ids(&mut step.after.iter()), ids(&mut step.uses()));
        writeln!(
            out,
            "{}: {kind} [{}] {} after{after} uses{uses}",
            step.id,
            step.stage.name(),
            step.title,
        )
        .unwrap();
    }
    out
}

#[test]
fn locks_become_layers() {
    insta::glob!("locks/*.toml", |path| {
        let packages = select(&std::fs::read_to_string(path).unwrap());
        insta::assert_snapshot!(rendering(&plan_of(SPEC, packages)));
    });
}

#[test]
fn what_a_layer_contains_does_not_depend_on_the_others() {
    let many = select(include_str!("locks/many.toml"));
    let steps = |packages: Vec<Locked>| -> BTreeSet<String> {
        let plan = plan_of(SPEC, packages);
        let steps = plan
            .top()
            .unwrap()
            .steps
            .iter()
            .filter(|step| step.stage.name() == "packages" && step.is_layer());
        let action = |step: &Step| serde_json::to_string(&step.action).unwrap();
        steps.map(|step| format!("{}\n{}", step.title, action(step))).collect()
    };
    let all = steps(many.clone());
    for left_out in 0..many.len() {
        let mut fewer = many.clone();
        let gone = fewer.remove(left_out);
        let after = steps(fewer);
        let changed = after.difference(&all).count();
        assert!(changed <= 1, "without {}: {changed} layers change", gone.name);
    }
}

#[test]
fn an_image_has_at_most_a_hundred_layers() {
    let hash = format!("sha256:{}", "a".repeat(64));
    let packages: Vec<Locked> = (0..150)
        .map(|number| Locked {
            name: format!("nvidia-{number:03}"),
            version: Some("1".into()),
            artefact: Artefact::Wheel { hash: hash.clone() },
            index: None,
        })
        .collect();
    let spec = format!(
        "{SPEC}copy: [a, b, c, d, e, f, g, h, i, j]\ncommands: [ls]\nworkdir: /w\nsource_root: src\nsource_copy_mode: all\n"
    );
    let plan = plan_of(&spec, packages);
    let installed: usize = plan.top().unwrap().steps.iter().map(|step| step.packages.len()).sum();
    assert_eq!(installed, 150);
    let layers = 1 + plan.layers();
    assert!((80..=100).contains(&layers), "{layers} layers");
}

#[test]
fn a_lock_for_another_place_says_so() {
    let check = |text: &str, machine: &str, system: &str, expect: &[&str]| {
        let errors = Pylock::parse(text)
            .unwrap()
            .select(&interpreter(machine, system), &Selection::default())
            .unwrap_err();
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        for words in expect {
            assert!(errors.iter().any(|error| error.contains(words)), "{words}: {errors:?}");
        }
    };
    let torch = include_str!("locks/torch.toml");
    check(
        torch,
        "aarch64",
        "linux",
        &["torch has no file for Python 3.12.4 on linux aarch64; it has torch-"],
    );
    let newer = torch.replace("requires-python = \">=3.12\"", "requires-python = \">=3.14\"");
    check(
        &newer,
        "x86_64",
        "linux",
        &["it is for Python >=3.14, the image has 3.12.4"],
    );
    let elsewhere = format!("environments = [\"sys_platform == 'win32'\"]\n{torch}");
    check(&elsewhere, "x86_64", "linux", &["none of its environments"]);
    assert!(
        Pylock::parse("lock-version = \"2.0\"\n")
            .unwrap_err()
            .to_string()
            .contains("2.0 is not known")
    );
    assert!(Pylock::parse("x = [\n").unwrap_err().to_string().starts_with("line "));
}

#[test]
fn markers_of_extras_and_groups_are_sets() {
    let text = "lock-version = \"1.0\"\nextras = [\"fast\"]\ndependency-groups = [\"dev\"]\ndefault-groups = [\"main\"]\n\
        [[packages]]\nname = \"a\"\nversion = \"1\"\nmarker = \"'fast' in extras\"\nwheels = [{ url = \"https://h/a-1-py3-none-any.whl\", hashes = { sha256 = \"aa\" } }]\n\
        [[packages]]\nname = \"b\"\nversion = \"1\"\nmarker = \"'dev' in dependency_groups and 'fast' not in extras\"\nwheels = [{ url = \"https://h/b-1-py3-none-any.whl\", hashes = { sha256 = \"bb\" } }]\n\
        [[packages]]\nname = \"c\"\nversion = \"1\"\nmarker = \"'main' in dependency_groups\"\nwheels = [{ url = \"https://h/c-1-py3-none-any.whl\", hashes = { sha256 = \"cc\" } }]\n";
    let check = |extras: &[&str], groups: &[&str], expect: &[&str]| {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        let selection = Selection {
            parts: Parts {
                extras: words(extras),
                groups: words(groups),
                ..Parts::default()
            },
            ..Selection::default()
        };
        let found = Pylock::parse(text)
            .unwrap()
            .select(&interpreter("x86_64", "linux"), &selection)
            .unwrap();
        let names: Vec<&str> = found.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, expect);
    };
    check(&[], &[], &["c"]);
    check(&["fast"], &[], &["a", "c"]);
    check(&[], &["dev"], &["b"]);
    check(&["fast"], &["dev"], &["a"]);
}

#[test]
fn what_a_lock_says_cannot_be_more_than_it_is() {
    let check = |entry: &str, expect: &str| {
        let text = format!("lock-version = \"1.0\"\n[[packages]]\n{entry}\n");
        let lock = Pylock::parse(&text).unwrap();
        let errors = lock
            .select(&interpreter("x86_64", "linux"), &Selection::default())
            .unwrap_err();
        assert!(errors[0].to_string().contains(expect), "{errors:?}");
    };
    let wheel = |hash: &str| {
        format!("wheels = [{{ url = \"https://h/a-1-py3-none-any.whl\", hashes = {{ sha256 = \"{hash}\" }} }}]")
    };
    check(
        &format!("name = \"a; touch /pwned\"\nversion = \"1\"\n{}", wheel("aa")),
        "is not the name of a package",
    );
    check(
        &format!("name = \"a @ file:///x#$(>/pwned)\"\nversion = \"1\"\n{}", wheel("aa")),
        "is not the name of a package",
    );
    check(
        &format!("name = \"a/../b\"\nversion = \"1\"\n{}", wheel("aa")),
        "is not the name of a package",
    );
    check(
        &format!("name = \"a\"\nversion = \"1\\n-r /root/.netrc\"\n{}", wheel("aa")),
        "is not a version",
    );
    check(
        &format!("name = \"a\"\nversion = \"1\"\n{}", wheel("aa --no-verify")),
        "is not a hash",
    );
    check(&format!("name = \"a\"\n{}", wheel("aa")), "is not a version");
    check(
        "name = \"a\"\nvcs = { type = \"git\", url = \"https://h/a\", commit-id = \"main\" }",
        "is not a commit",
    );
    check(
        "name = \"a\"\nvcs = { type = \"git\", url = \"https://h/a\\n-r /x\", commit-id = \"aa\" }",
        "without white space",
    );
    check("name = \"a\"\ndirectory = { path = \"x y\" }", "without white space");
    check(
        "name = \"a\"\nversion = \"1\"\narchive = { url = \"https://h/a.whl\" }",
        "without hash",
    );
}

/// The tags in the order of `packaging`, which pip brings along.
#[test]
fn tags_are_those_of_packaging() {
    let program = "import platform, sys\n\
        from pip._vendor.packaging import tags\n\
        print(sys.version_info[0], sys.version_info[1], platform.machine(), *platform.libc_ver())\n\
        for tag in tags.sys_tags(): print(tag.interpreter, tag.abi, tag.platform)\n";
    let output = std::process::Command::new("python3")
        .args(["-c", program])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let first: Vec<&str> = lines.next().expect("python3 has pip").split(' ').collect();
    let (version, machine, libc) = (format!("{}.{}", first[0], first[1]), first[2], first[4]);
    let libc = libc.split('.').collect::<Vec<_>>().join(", ");
    let report = format!(
        r#"{{"markers": {{"implementation_name": "cpython", "implementation_version": "{version}.0", "python_full_version": "{version}.0",
        "python_version": "{version}", "platform_machine": "{machine}"}}, "free_threaded": false, "libc": ["glibc", {libc}]}}"#
    );
    let interpreter = Interpreter::parse(&report).unwrap();
    let ours: Vec<String> = interpreter
        .tags()
        .into_iter()
        .map(|(python, abi, platform)| format!("{python} {abi} {platform}"))
        .collect();
    // Older releases leave this one out.
    let is_common = |tag: &str| !(tag.starts_with("cp") && tag.ends_with(" none any"));
    let ours: Vec<String> = ours.into_iter().filter(|tag| is_common(tag)).collect();
    let theirs: Vec<&str> = lines.filter(|tag| is_common(tag)).collect();
    let differing = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
    let pair = differing.map(|at| (at, &ours[at], theirs[at]));
    assert!(
        pair.is_none() && ours.len() == theirs.len(),
        "{pair:?}, {} and {}",
        ours.len(),
        theirs.len()
    );
}
