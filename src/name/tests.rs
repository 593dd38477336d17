//! Frozen content tags, and what happens to files without a digest.

use sha2::{Digest as _, Sha256};

use crate::files::{Answer, Choice, Chosen, ContentOf, Fault, Job, Outcome, Task, step};
use crate::flytekit::FLYTEKIT_FIELDS;
use crate::image_spec::{OWN_FIELDS, parse};
use crate::name::{Identity, Naming, NamingOptions};
use crate::oci::Platform;
use crate::plan::{Facts, LockedPackages, StoreyFacts};
use crate::python::{self, Artefact, Locked, Unicode};
use crate::text::{Diagnostic, Operation, Text};

/// A lock of one package, as it may stand beside a spec.
const LOCK: &str = "lock-version = '1.0'\ncreated-by = 'uv'\n[[packages]]\nname = 'flytekit'\nversion = '1.15.4'\n\
                    wheels = [{url = 'https://h/flytekit-1.15.4-py3-none-any.whl', hashes = {sha256 = 'aa'}}]\n";

fn options(lock: Option<&str>) -> NamingOptions {
    NamingOptions {
        machine: "x86_64".into(),
        sibling_lock: lock.map(str::to_owned),
        ..NamingOptions::default()
    }
}

/// An answer in which each digest is the list of the paths that it is made of.
fn digested(tasks: &[Task]) -> Answer {
    let digest = |task: &Task| Outcome {
        digest: Ok(format!("{:?}", task.job.paths().collect::<Vec<_>>())),
        doubts: Vec::new(),
    };
    Answer {
        outcomes: tasks.iter().map(digest).collect(),
        chosen: Vec::new(),
        missing: Vec::new(),
    }
}

/// Names a spec with the answer that `change` makes of the usual one.
fn named(yaml: &str, lock: Option<&str>, change: impl FnOnce(&mut Answer)) -> Result<Identity, Vec<Diagnostic>> {
    let parsed = parse(&Text::new("imageSpec.yaml", yaml));
    let errors: Vec<&Diagnostic> = parsed.errors(Operation::Building).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let spec = parsed.spec.unwrap();
    let naming = Naming::new(&spec, &options(lock)).unwrap();
    let tasks = naming.tasks().unwrap();
    let mut answer = digested(&tasks);
    change(&mut answer);
    naming.identify(&tasks, &answer)
}

/// Digests are written with one digit here: `sha256:1…`.
fn long(text: &str) -> String {
    ["1", "2", "3", "4"].iter().fold(text.to_owned(), |text, digit| {
        text.replace(&format!("sha256:{digit}…"), &format!("sha256:{}", digit.repeat(64)))
    })
}

#[test]
fn a_file_without_a_digest_is_an_error() {
    for algorithm in ["flytekit", "content"] {
        let yaml = long(&format!("{COPYING}tag_algorithm: {algorithm}\n"));
        named(&yaml, None, |_| {}).unwrap();
        let short = named(&yaml, None, |answer| drop(answer.outcomes.pop()));
        let problem = Fault::Missing.at("src");
        let failed = named(&yaml, None, |answer| answer.outcomes[1].digest = Err(problem));
        for (found, expect) in [(short, "is missing"), (failed, "`src` is not there")] {
            let problems = found.unwrap_err();
            assert_eq!(problems.len(), 1, "{algorithm}: {problems:?}");
            assert!(problems[0].message.contains(expect), "{algorithm}: {problems:?}");
        }
    }
    // Nor can the step that hashes leave an outcome empty.
    for answer in [
        r#"{"outcomes":[{}],"missing":[]}"#,
        r#"{"outcomes":[{"doubts":[]}],"missing":[]}"#,
    ] {
        assert!(step::read_answer(answer.as_bytes()).is_err(), "{answer}");
    }
}

const COPYING: &str = "
source_root: src
source_copy_mode: all
requirements: requirements.txt
profile: plain
python_exec: python3
base_image: debian@sha256:1…
builder_config: {uv_image: uv@sha256:2…}
";

/// These inputs decide the tags of images that people have: none of these texts may change.
#[test]
fn content_tags_are_promises() {
    let check = |yaml: &str, lock: Option<&str>, expect: &str| {
        let identity = named(&long(&format!("{yaml}tag_algorithm: content\n")), lock, |_| {}).unwrap();
        let inputs: Vec<String> = identity
            .inputs
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect();
        assert_eq!(format!("{}\n{}", identity.tag, inputs.concat()), long(expect), "{yaml}");
        // The form in which the inputs are hashed is a promise, too.
        let hashed: String = identity
            .inputs
            .iter()
            .map(|(name, value)| format!("{name} {}\n{value}\n", value.len()))
            .collect();
        let hash = Sha256::digest(format!("imagespec-content-1\n{hashed}"));
        assert_eq!(
            &base16ct::lower::encode_string(&hash)[..32],
            identity.tag.rsplit('-').next().unwrap()
        );
    };
    check(PLAIN, None, PLAIN_NAME);
    check(FLYTE, None, FLYTE_NAME);
    check(LOCKED, Some(LOCK), LOCKED_NAME);
    check(NESTED, Some(LOCK), NESTED_NAME);
    check(ENTRIES, None, ENTRIES_NAME);
}

const PLAIN: &str = "
profile: plain
base_image: debian@sha256:1…
";

/// Every field that counts, of a spec with a lock of its own.
const FLYTE: &str = r#"
name: Mine
registry: ghcr.io/acme
base_image: debian@sha256:1…
builder_config: {uv_image: uv@sha256:2…, micromamba_image: micromamba@sha256:3…}
platform: linux/arm64,linux/amd64
python_version: 3.11
conda_packages: [cudatoolkit, zlib]
conda_channels: [bioconda]
apt_packages: [git, curl]
requirements: ./locks//uv.lock
extras: [gpu]
groups: [test]
install_project: true
layering: single
heavy: [torch]
pip_extra_args: --no-build-isolation
build_env: {B: "1", A: "2"}
env: {Z: 1, M: "ü"}
runtime_packages: [debugpy]
setup_commands: [echo one]
commands: [echo two, 'echo "three"']
entrypoint: []
labels: {b: "x", a: "y"}
user: nobody
workdir: /work
copy: [./b/, a.txt, b, .]
copy_to: /srv
source_root: src
source_copy_mode: all
"#;

/// A spec whose packages a lock beside it decides, with the default interpreter.
const LOCKED: &str = "
base_image: debian@sha256:1…
builder_config: {uv_image: uv@sha256:2…, micromamba_image: micromamba@sha256:3…}
packages: [flytekit]
entrypoint: [python, -m, x]
";

/// A spec on another, each with files and an existing interpreter.
const NESTED: &str = "
base_image:
  profile: plain
  python_exec: python3
  base_image: python@sha256:4…
  builder_config: {uv_image: uv@sha256:2…}
  requirements: requirements.txt
  copy: [x]
packages: [flytekit]
python_exec: /usr/bin/python3
builder_config: {uv_image: uv@sha256:2…, micromamba_image: 'micromamba:2'}
pins: {'micromamba:2': 'sha256:3…'}
copy: [x]
tag_format: v-{spec_hash}
";

const PLAIN_NAME: &str = r#"5d9dfdcd9baecb17f74ddedc27d1164f
platform = linux/amd64
base = sha256:1…
profile = plain
"#;

const FLYTE_NAME: &str = r#"a4d3f81d98310a016e80619123a260b1
platform = linux/amd64,linux/arm64
base = sha256:1…
uv = sha256:2…
micromamba = sha256:3…
profile = flyte
python_version = 3.11
conda_channels = ["bioconda"]
conda_packages = ["cudatoolkit","zlib"]
apt_packages = ["git","curl"]
lock = ["./locks//uv.lock"]
layering = single
heavy = ["torch"]
extras = ["gpu"]
groups = ["test"]
project = ["locks"]
pip_extra_args = --no-build-isolation
build_env = {"A":"2","B":"1"}
env = {"M":"ü","Z":"1"}
runtime_packages = ["debugpy"]
setup_commands = ["echo one"]
commands = ["echo two","echo \"three\""]
entrypoint = []
labels = {"a":"y","b":"x"}
user = nobody
workdir = /work
copy_to = /srv
copy . = [""]
copy a.txt = ["a.txt"]
copy b = ["b"]
source_root = ["src"]
"#;

const LOCKED_NAME: &str = r#"f9eff8d0bf885667954b63410da1500c
platform = linux/amd64
base = sha256:1…
uv = sha256:2…
micromamba = sha256:3…
profile = flyte
python_version = 3.12
lock = f08a98e8aff6cb38282179d1ce2b68a3382d6e3d12e0bfea8fcb352c19f4d00e
entrypoint = ["python","-m","x"]
"#;

const NESTED_NAME: &str = r#"v-3496b2bcc3d50a5975292cd5ac8444da
platform = linux/amd64
uv = sha256:2…
micromamba = sha256:3…
profile = flyte
python_exec = /usr/bin/python3
lock = f08a98e8aff6cb38282179d1ce2b68a3382d6e3d12e0bfea8fcb352c19f4d00e
copy_to = /root
copy x = ["x"]
base_image.base = sha256:4…
base_image.uv = sha256:2…
base_image.profile = plain
base_image.python_exec = python3
base_image.lock = ["requirements.txt"]
base_image.copy_to = /root
base_image.copy x = ["x"]
"#;

/// What entries of `copy` say besides paths, and secrets.
const ENTRIES: &str = "
profile: plain
base_image: debian@sha256:1…
builder_config: {uv_image: uv@sha256:2…}
commands: [make]
copy: [z, {src: b/, dst: /srv/, owner: app}, {src: a, mode: keep}, {src: a, dst: x, mode: 0600, exclude: ['./*.pyc']}, {src: y}]
secrets: [{id: a, src: a.txt, target: /a, steps: [commands, apt]}, {id: b, env: B, steps: [apt]}, {id: c}]
expose: [53/udp]
";

const ENTRIES_NAME: &str = r#"31c3972f121da1658b12169b59a6bd76
platform = linux/amd64
base = sha256:1…
uv = sha256:2…
profile = plain
commands = ["make"]
expose = ["53/udp"]
secrets = [["a","target","/a",["commands"]],["c","target","/run/secrets/c",["setup","commands"]]]
copy_to = /root
copy z = ["z"]
copy b = ["b"] ["/srv/","app",null]
copy a = ["a"] [null,null,"keep"]
copy a = ["a"] ["/root/x",null,"0600"]
copy y = ["y"]
"#;

/// A line for each field that differs from [`EVERYTHING`], where a plan or a name can depend on it.
fn example(field: &str) -> &'static str {
    match field {
        "name" => "name: other",
        "python_version" => "python_version: \"3.11\"",
        "builder" => "builder: default",
        "source_root" => "source_root: src\nsource_copy_mode: all",
        "env" => "env: {A: b}",
        "registry" => "registry: ghcr.io/acme",
        "packages" => "packages: [six, attrs]",
        "conda_packages" => "conda_packages: [gdal]",
        "conda_channels" => "conda_channels: [bioconda]",
        "requirements" => "requirements: requirements.txt",
        "apt_packages" => "apt_packages: [git, jq]",
        "base_image" => "base_image: \"other:1@sha256:4…\"",
        "platform" => "platform: linux/arm64",
        "pip_index" => "pip_index: https://index.example/simple",
        "pip_extra_index_url" => "pip_extra_index_url: [https://index.example/simple]",
        "pip_secret_mounts" => "pip_secret_mounts: [[.netrc, /root/.netrc]]",
        "pip_extra_args" => "pip_extra_args: --no-deps",
        "registry_config" => "registry_config: x.json",
        "entrypoint" => "entrypoint: [sh]",
        "commands" => "commands: [ls]",
        "tag_format" => "tag_format: \"{spec_hash}-dev\"",
        "source_copy_mode" => "source_copy_mode: all\nsource_root: src",
        "copy" => "copy: [data]",
        "python_exec" => "python_exec: /usr/bin/python3",
        "runtime_packages" => "runtime_packages: [x]",
        "builder_options" => "builder_options: {workdir: /srv}",
        "builder_config" => "builder_config: {uv_image: \"x/uv:0.12.0@sha256:1…\"}",
        "profile" => "profile: flyte",
        "labels" => "labels: {a: b}",
        "user" => "user: somebody",
        "workdir" => "workdir: /srv",
        "copy_to" => "copy_to: /app\ncopy: [data]",
        "build_env" => "build_env: {A: b}",
        "setup_commands" => "setup_commands: [ls]",
        "pins" => {
            "pins: {\"debian:1\": \"sha256:4…\", \"ghcr.io/astral-sh/uv:0.13.8\": \"sha256:2…\", \"mambaorg/micromamba:2.0.3-debian12-slim\": \"sha256:3…\"}"
        }
        "layering" => "layering: single",
        "heavy" => "heavy: [six]",
        "extras" => "requirements: pyproject.toml\nextras: [fast]",
        "groups" => "requirements: pyproject.toml\ngroups: [dev]",
        "members" => "requirements: pyproject.toml\nmembers: [api]",
        "install_project" => "requirements: pyproject.toml\ninstall_project: true",
        "describe" => "describe: false",
        "apt_sources" => "apt_sources: [{uri: \"http://a.example/deb\", suites: [a]}]",
        "debconf" => {
            "apt_packages: [git]\ndebconf: [\"locales locales/default_environment_locale select de_DE.UTF-8\"]"
        }
        "mode" => "mode: keep\ncopy: [data]",
        "expose" => "expose: [3000]",
        "secrets" => "secrets: [{id: t, env: T, steps: [apt, commands]}]",
        "tag_algorithm" => "tag_algorithm: flytekit",
        other => panic!("`{other}` has no example: what does it change?"),
    }
}

const EVERYTHING: &str = "profile: plain
name: x
tag_algorithm: content
packages: [six]
apt_packages: [git]
base_image: \"debian:1\"
pins: {\"debian:1\": \"sha256:1…\", \"ghcr.io/astral-sh/uv:0.13.8\": \"sha256:2…\", \"mambaorg/micromamba:2.0.3-debian12-slim\": \"sha256:3…\"}";
const SIX: &str = "lock-version = '1.0'\ncreated-by = 'uv'\n[[packages]]\nname = 'six'\nversion = '1'\n\
                   wheels = [{url = 'https://h/six-1-py3-none-any.whl', hashes = {sha256 = 'aa'}}]\n\
                   [[packages]]\nname = 'flytekit'\nversion = '1'\n\
                   wheels = [{url = 'https://h/flytekit-1-py3-none-any.whl', hashes = {sha256 = 'bb'}}]\n";

/// An entry of `copy` that is only a path counts as flytekit's; its other keys are an option of ours.
#[test]
fn entries_of_copy_count_as_paths_and_an_option() {
    let texts = |yaml: &str| {
        let spec = parse(&Text::new("imageSpec.yaml", format!("profile: plain\n{yaml}\n")))
            .spec
            .unwrap();
        let arguments = spec.arguments();
        let shown = |name: &str| {
            let found = arguments.iter().find(|(known, _)| known == name);
            python::repr(&found.unwrap().1, Unicode::default())
        };
        (shown("copy"), shown("builder_options"))
    };
    let check = |yaml: &str, copy: &str, options: &str| {
        let expect = (copy.to_owned(), format!("{{'profile': 'plain'{options}}}"));
        assert_eq!(texts(yaml), expect, "{yaml}");
    };
    check("copy: [a, b]", "['a', 'b']", "");
    check("copy: [{src: a}, b]", "['a', 'b']", "");
    check(
        "copy: [{dst: /x, src: a, mode: 0600}, {src: b}]",
        "['a', 'b']",
        ", 'copy': [{'dst': '/x', 'src': 'a', 'mode': 384}]",
    );
    check(
        "secrets: [{id: t, env: T}]\ncopy: [{src: a, dst: b}]\nexpose: [80]",
        "['a']",
        ", 'expose': [80], 'copy': [{'src': 'a', 'dst': 'b'}], 'secrets': [{'id': 't', 'env': 'T'}]",
    );
}

/// A field that is read and then forgotten would change nothing.
#[test]
fn every_field_has_a_say() {
    // In what the image is called, or in other builders.
    let no_step = [
        "name",
        "builder",
        "registry",
        "registry_config",
        "tag_format",
        "tag_algorithm",
        "platform",
    ];
    // In how something is installed. What it is says the lock.
    let no_content = [
        "packages",
        "requirements",
        "pip_index",
        "pip_extra_index_url",
        "pip_secret_mounts",
    ];
    let spec_with = |example: &str| {
        let name = |line: &str| line.split_once(':').unwrap().0.to_owned();
        let replaced: Vec<String> = example.lines().map(name).collect();
        let kept = EVERYTHING.lines().filter(|line| !replaced.contains(&name(line)));
        let text = long(
            &kept
                .chain(example.lines())
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
        );
        parse(&Text::new("imageSpec.yaml", text)).spec.unwrap()
    };
    let plan = |example: &str| {
        let package = |name: &str| Locked {
            name: name.into(),
            version: Some("1".into()),
            artefact: Artefact::Wheel {
                hash: "sha256:aa".into(),
            },
            index: None,
        };
        let lock = LockedPackages {
            packages: vec![package("six"), package("zipp")],
            shared: Vec::new(),
        };
        let storey = StoreyFacts {
            lock: Some(lock),
            ..StoreyFacts::default()
        };
        let facts = Facts {
            storeys: vec![storey],
            ..Facts::default()
        };
        serde_json::to_string(&crate::plan::plan(
            &spec_with(example),
            &Platform::linux_amd64(),
            &facts,
        ))
        .unwrap()
    };
    let content = |example: &str| {
        let spec = spec_with(example);
        let naming = Naming::new(&spec, &options(Some(SIX))).unwrap();
        let tasks = naming.tasks().unwrap();
        naming.identify(&tasks, &digested(&tasks)).unwrap().tag
    };
    let nothing = "name: x";
    for field in FLYTEKIT_FIELDS.iter().chain(&OWN_FIELDS).map(|field| field.name) {
        // Always an error.
        if matches!(field, "cuda" | "cudnn") {
            continue;
        }
        let example = example(field);
        let changes_steps = plan(example) != plan(nothing);
        assert_eq!(changes_steps, !no_step.contains(&field), "the plan and `{example}`");
        let changes_content = content(example) != content(nothing);
        let is_content = changes_steps && !no_content.contains(&field);
        assert!(
            changes_content || !is_content,
            "the content tag says nothing of `{example}`"
        );
    }
}

#[test]
fn inputs_digests_are_promises() {
    let digest = |yaml: &str, lock: Option<&str>, read: &[&[&str]]| {
        let parsed = parse(&Text::new("imageSpec.yaml", yaml));
        let spec = parsed.spec.unwrap();
        let naming = Naming::new(&spec, &options(lock)).unwrap();
        let read: Vec<Vec<String>> = read
            .iter()
            .map(|paths| paths.iter().map(|path| (*path).to_owned()).collect())
            .collect();
        let (tasks, more) = (naming.tasks().unwrap(), naming.tasks_of_inputs(&read));
        let all: Vec<Task> = tasks.iter().chain(&more).cloned().collect();
        let identity = naming.identify_with_inputs(&tasks, &more, &digested(&all)).unwrap();
        identity.inputs_digest
    };
    let plain = "name: a\nprofile: plain\n";
    let shown = |yaml: &str, lock: Option<&str>, read: &[&[&str]]| {
        let digest = digest(yaml, lock, read).unwrap();
        format!("{} {}", digest.value, digest.is_beyond_tag)
    };
    let copies = format!("{plain}copy: [b, a]\nruntime_packages: [x]\n");
    let project = format!("{plain}requirements: p/uv.lock\ninstall_project: true\n");
    let nested = format!("{plain}base_image: {{name: b, profile: plain, requirements: r.txt}}\n");
    let all = [
        shown(plain, None, &[]),
        shown(plain, Some(LOCK), &[]),
        shown(&copies, None, &[&[]]),
        shown(&project, None, &[&["p/uv.lock", "p/pyproject.toml", "libs/m"]]),
        shown(&nested, None, &[&[], &["r.txt", "b.txt"]]),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    1:9d720fa4e58944724752b8e82085371e0b684a92838c8ed694c76d1370402b23 false
    1:094e9272f7b3babd32ab19cc8fdc7de0c44affe6e0b066929362f59d02fa7ae3 true
    1:359aa4f90f220d616907e8cbf972f80d9c28c7af8b50a1e023157146ac090039 false
    1:6f85e38c083d79e6f84885288a3badde2a1b1efe9e4555fca11888f59a957876 true
    1:742921de460972a2ed2a0684112f4cad8aebf396543940c4ce4d5be7bec22d68 true
    ");
}

#[test]
fn directories_behind_links_are_beyond_the_tag() {
    let check = |yaml: &str, directories: &[&str], expect: bool| {
        let spec = parse(&Text::new("imageSpec.yaml", yaml)).spec.unwrap();
        let naming = Naming::new(&spec, &options(None)).unwrap();
        let (tasks, more) = (naming.tasks().unwrap(), naming.tasks_of_inputs(&[]));
        let mut answer = digested(&[tasks.as_slice(), &more].concat());
        let choice = Choice {
            directories: directories.iter().map(|path| (*path).to_owned()).collect(),
            ..Choice::default()
        };
        answer.chosen = vec![Ok(Chosen {
            copy: vec![choice],
            ..Chosen::default()
        })];
        let identity = naming.identify_with_inputs(&tasks, &more, &answer).unwrap();
        assert_eq!(identity.inputs_digest.unwrap().is_beyond_tag, expect, "{directories:?}");
    };
    let copies = "name: a\nprofile: plain\ncopy: [b]\n";
    check(copies, &[], false);
    check(copies, &["link"], true);
}

#[test]
fn the_inputs_of_a_source_are_what_is_copied_of_it() {
    let yaml = "name: a\nprofile: plain\nsource_root: ./src\nsource_copy_mode: all\nmode: keep\n";
    let spec = parse(&Text::new("imageSpec.yaml", yaml)).spec.unwrap();
    let tasks = Naming::new(&spec, &options(None)).unwrap().tasks_of_inputs(&[]);
    let jobs: Vec<&Job> = tasks.iter().map(|task| &task.job).collect();
    let expect = Job::Content {
        // The rules of flytekit's tag see it as it is written.
        path: "./src".into(),
        exclude: crate::plan::NOT_SOURCE.map(str::to_owned).to_vec(),
        keeps_root: false,
        keeps_modes: true,
        of: ContentOf::Source { is_prefixed: true },
    };
    assert_eq!(jobs, [&expect]);
}
