//! `imagespec plan`: neither engine nor registry.

use super::*;

const LOCK: &str = "lock-version = \"1.0\"\ncreated-by = \"uv\"\n[[packages]]\nname = \"six\"\nversion = \"1.16.0\"\n\
    wheels = [{ url = \"https://files.pythonhosted.org/six-1.16.0-py2.py3-none-any.whl\", hashes = { sha256 = \"aa\" } }]\n\
    [[packages]]\nname = \"attrs\"\nversion = \"24.1.0\"\n\
    wheels = [{ url = \"https://files.pythonhosted.org/attrs-24.1.0-py3-none-any.whl\", hashes = { sha256 = \"bb\" } }]\n";

/// The steps of a plan's JSON, by id.
fn ids(plan: &Value) -> Vec<&str> {
    let steps = plan["storeys"][0]["steps"].as_array().unwrap();
    steps.iter().map(|step| step["id"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_ends_where_the_packages_are_looked_up() {
    let project = Project::new("profile: plain\npackages: [six]\napt_packages: [git]\ncopy: [src]\n");
    project.file("src/a.py", "");
    let said = project.run(&["plan"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(
        said.out.starts_with("debian:bookworm-slim for linux/") && said.out.contains("The plan ends here"),
        "{}",
        said.out
    );
    let json = project.run(&["plan", "--json"]);
    // JSON alone: programs read all of it.
    let plan: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json.err, "");
    assert_eq!(
        (&plan["version"], &plan["strategy"]),
        (&Value::from(1), &Value::from("merge"))
    );
    assert_eq!(plan["base"]["environment"], "unknown");
    assert_eq!(plan["storeys"][0]["lock"], "unknown");
    assert_eq!(ids(&plan), ["root", "python", "apt-1", "lock"]);
    // What the lock step reads and runs on is there.
    assert_eq!(
        plan["storeys"][0]["schedule"]["result"],
        serde_json::json!({"product": 2})
    );
    assert!(plan["scripts"]["resolve.sh"].as_str().unwrap().contains("uv"));
}

#[test]
fn with_a_lock_beside_the_spec_a_plan_is_whole() {
    let project = Project::new("profile: plain\npackages: [six]\napt_packages: [git]\ncopy: [src]\n");
    project.file("src/a.py", "").file("pylock.toml", LOCK);
    let plan: Value = serde_json::from_str(&project.run(&["plan", "--json"]).out).unwrap();
    assert_eq!(
        ids(&plan),
        [
            "root",
            "python",
            "apt-1",
            "lock",
            "find-shared-files",
            "packages-0",
            "packages-6",
            "keep-lock",
            "copy-1"
        ]
    );
    let storey = &plan["storeys"][0];
    assert_eq!(storey["lock"]["source"], "pylock.toml");
    assert_eq!(storey["shared_files"], "unknown");
    assert_eq!(storey["assumed_interpreter"], "Python 3.12 on linux x86_64");
    assert!(plan["settings"]["labels"]["io.imagespec.tag"].is_string());
    // The same layers either way, joined differently.
    let chain: Value = serde_json::from_str(&project.run(&["plan", "--json", "--strategy", "chain"]).out).unwrap();
    assert_eq!(chain["storeys"][0]["steps"], storey["steps"]);
    assert_eq!(chain["storeys"][0]["schedule"]["layers"], storey["schedule"]["layers"]);
    assert_ne!(chain["storeys"][0]["schedule"]["runs"], storey["schedule"]["runs"]);
    // A plan of another lock, or of other requirements, is another plan.
    project.file("imageSpec.yaml", "profile: plain\npackages: [six==1.15]\n");
    let failed = project.run(&["plan", "--json"]);
    let problems: Value = serde_json::from_str(&failed.out).unwrap();
    assert_eq!(
        (failed.code, &problems["problems"][0]["rule"]),
        (3, &Value::from("lock-differs"))
    );
    assert_eq!(problems["problems"][0]["line"], 2);
}

#[test]
fn what_cannot_be_built_has_no_plan() {
    for (spec, rule) in [
        ("packages: [six]\ncuda: \"11\"\n", "cuda"),
        ("packages: [six]\ncopy: [nowhere]\n", "missing-file"),
        ("requirements: nowhere.txt\n", "missing-file"),
        (
            "packages: [six]\nplatform: linux/amd64,linux/arm64\n",
            "several-platforms",
        ),
    ] {
        let failed = Project::new(spec).run(&["plan", "--json"]);
        let problems: Value = serde_json::from_str(&failed.out).unwrap();
        assert_eq!(
            (failed.code, &problems["problems"][0]["rule"]),
            (3, &Value::from(rule)),
            "{}",
            failed.out
        );
        assert!(problems["problems"][0]["line"].is_number(), "{}", failed.out);
    }
}

#[test]
fn plans_read_what_requirements_files_include() {
    let project = Project::new("profile: plain\nrequirements: deps/all.txt\n");
    project
        .file(
            "deps/all.txt",
            "-r more.txt\n./lib\n--index-url https://index.example/simple\n",
        )
        .file("deps/more.txt", "six\n")
        .file(
            "deps/lib/pyproject.toml",
            "[project]\nname = \"lib\"\nversion = \"1\"\n",
        );
    let plan: Value = serde_json::from_str(&project.run(&["plan", "--json"]).out).unwrap();
    let lock = plan["storeys"][0]["steps"].as_array().unwrap().last().unwrap().clone();
    let mounts = serde_json::to_string(&lock["run"]["mounts"]).unwrap();
    // All that it says is in its manifest, which the step gets as text.
    assert!(!mounts.contains("context"), "{mounts}");
    let variables = &lock["run"]["script"]["variables"];
    let (texts, lines) = (
        variables["_texts"].as_str().unwrap(),
        variables["_packages"].as_str().unwrap(),
    );
    assert!(texts.starts_with("deps/lib/pyproject.toml '[project]"), "{texts}");
    assert_eq!(lines, "/tmp/imagespec/context/deps/lib\nsix");
    let arguments = serde_json::to_string(&lock["run"]["script"]["arguments"]).unwrap();
    assert!(arguments.contains("https://index.example/simple"), "{arguments}");
    // What an ignore file leaves out, no build sees.
    project.file(".dockerignore", "deps/more.txt\n");
    let failed = project.run(&["plan"]);
    assert_eq!(failed.code, 3);
    assert!(failed.err.contains("more.txt"), "{}", failed.err);
}

/// What the label `io.imagespec.inputs-digest` of the image will say.
#[test]
fn the_digest_of_all_inputs_is_said() {
    let project = Project::new("profile: plain\nplatform: linux/amd64\nrequirements: r.txt\n");
    project.file("r.txt", "-r b.txt\n").file("b.txt", "six\n");
    let digests = || {
        let name: Value = serde_json::from_str(&project.run(&["name", "--json"]).out).unwrap();
        let plan: Value = serde_json::from_str(&project.run(&["plan", "--json"]).out).unwrap();
        let digest = name["inputs_digest"].clone();
        assert_eq!(plan["settings"]["labels"]["io.imagespec.inputs-digest"], digest);
        (name["tag"].clone(), digest)
    };
    let (tag, digest) = digests();
    assert!(digest.as_str().unwrap().starts_with("1:"));
    project.file("b.txt", "six==1\n");
    let (same, other) = digests();
    assert_eq!(same, tag);
    assert_ne!(other, digest);
    std::fs::remove_file(project.path().join("b.txt")).unwrap();
    let name: Value = serde_json::from_str(&project.run(&["name", "--json"]).out).unwrap();
    assert_eq!((&name["tag"], &name["inputs_digest"]), (&tag, &Value::Null));
}
