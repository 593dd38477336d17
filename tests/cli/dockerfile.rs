//! `imagespec dockerfile`: neither engine nor registry.

use super::*;

const LOCK: &str = "lock-version = \"1.0\"\ncreated-by = \"uv\"\n[[packages]]\nname = \"six\"\nversion = \"1.16.0\"\n\
    wheels = [{ url = \"https://files.pythonhosted.org/six-1.16.0-py2.py3-none-any.whl\", hashes = { sha256 = \"aa\" } }]\n\
    [[packages]]\nname = \"mine\"\ndirectory = { path = \"libs/mine\" }\n";

const SPEC: &str = "name: shop\nprofile: plain\nplatform: linux/amd64\npython_version: \"3.12\"\napt_packages: [jq]\npackages: [six, ./libs/mine]\n\
    env: {PRICE: \"5 $USD \\\"x\\\"\", PATH: \"/opt/t:$PATH\"}\ncopy:\n- data\n- {src: \"a [1] $b.txt\", dst: /srv/, mode: 755}\nsource_root: src\nsource_copy_mode: all\n\
    secrets: [{id: token, env: TOKEN, steps: [commands]}]\ncommands: [\"test -n \\\"$TOKEN\\\"\", \"echo 'it'\"]\nuser: \"1001\"\nworkdir: /srv/app\nexpose: [80]\nentrypoint: [python, main.py]\n";

fn project() -> Project {
    let project = Project::new(SPEC);
    project
        .file("data/x", "1")
        .file("a [1] $b.txt", "2")
        .file("src/main.py", "")
        .file("src/__pycache__/main.pyc", "no")
        .file("pylock.toml", LOCK)
        .file("libs/mine/mine.py", "")
        .file(
            "libs/mine/pyproject.toml",
            "[project]\nname = \"mine\"\nversion = \"1\"\n",
        );
    project
}

/// All files below a directory, with their contents where they are short.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path().display().to_string()),
        }
    }
    found.sort();
    found
}

#[test]
fn a_directory_has_all_that_its_dockerfile_takes() {
    let project = project();
    let said = project.run(&["dockerfile", "-o", "out"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "wrote out/Dockerfile\n"),
        "{}",
        said.err
    );
    let out = project.path().join("out");
    let text = fs::read_to_string(out.join("Dockerfile")).unwrap();
    // Labels say which files there were.
    let (steps, labels) = text.split_once("\nLABEL ").unwrap();
    assert!(labels.contains("\"io.imagespec.name\"=\"shop:"), "{labels}");
    insta::assert_snapshot!("dockerfile", steps);
    let base = format!("{}/", out.display());
    let all: Vec<String> = files(&out).iter().map(|path| path.replace(&base, "")).collect();
    insta::assert_snapshot!("dockerfile_files", all.join("\n"));
    insta::assert_snapshot!(
        "dockerfile_step",
        fs::read_to_string(out.join("steps/commands.sh")).unwrap()
    );
    // Once more it is the same, whatever was there; somebody else's directory stays as it is.
    fs::write(out.join("files/more"), "").unwrap();
    assert_eq!(project.run(&["dockerfile", "-o", "out"]).code, 0);
    assert_eq!(files(&out).len(), all.len());
    assert_eq!(fs::read_to_string(out.join("Dockerfile")).unwrap(), text);
    for (file, expect) in [
        ("mine.txt", "something that is not ours"),
        ("Dockerfile", "not one that imagespec wrote"),
    ] {
        project.file(Path::new("theirs").join(file), "FROM x\n");
        let said = project.fails(&["dockerfile", "-o", "theirs"]);
        assert!(said.contains(expect), "{said}");
        fs::remove_dir_all(project.path().join("theirs")).unwrap();
    }
}

#[test]
fn a_directory_inside_of_what_it_takes_is_refused() {
    let project = Project::new("profile: plain\ncopy: [.]\n");
    let said = project.fails(&["dockerfile", "-o", "out"]);
    assert!(said.contains("out lies in `.`, which is copied into it"), "{said}");
    assert!(!project.path().join("out").exists());
    let said = project.fails(&["dockerfile", "-o", "new/out"]);
    assert!(said.contains("which is copied into it"), "{said}");
    let said = project.fails(&["build", "--engine", "podman", "--dry-run=kept"]);
    assert!(said.contains("which is copied into it"), "{said}");
    project.file(".dockerignore", "out\n");
    assert_eq!(project.run(&["dockerfile", "-o", "out"]).code, 0);
    assert_eq!(project.run(&["dockerfile", "-o", "out"]).code, 0);
    assert!(!project.path().join("out/files/0/out").exists());
}

#[test]
fn bytes_do_not_depend_on_where_a_spec_lies() {
    let (one, other) = (project(), project());
    let path = other.path().join("imageSpec.yaml").display().to_string();
    let context = other.path().display().to_string();
    let there = one.run(&["dockerfile", "-f", &path, &context]).out;
    assert_eq!(one.run(&["dockerfile"]).out, there);
    let elsewhere = ["dockerfile", "--host-arch", "aarch64"];
    assert_eq!(one.run(&elsewhere).out, there);
    // A line feed has no words in either form.
    let project = Project::new("profile: plain\nenv: {A: \"x\\ny\"}\n");
    let said = project.fails(&["dockerfile", "-o", "out"]);
    assert!(said.contains("has a line feed") && !said.contains("-o DIR"), "{said}");
    assert!(!project.path().join("out").exists());
}

#[test]
fn a_file_is_for_an_engine_of_a_version() {
    let project = project();
    let check = |engine: &str, code: i32, expect: &str| {
        let said = project.run(&["dockerfile", "--for", engine]);
        assert_eq!(said.code, code, "{engine}: {}", said.err);
        assert!(
            format!("{}{}", said.out, said.err).contains(expect),
            "{engine}: {}",
            said.err
        );
    };
    check(
        "podman-5.8",
        0,
        "COPY --exclude=src/**/*.pyc --exclude=src/**/__pycache__ [\"src\", ",
    );
    check(
        "buildah-1.44",
        0,
        "COPY --exclude=**/*.pyc --exclude=**/__pycache__ [\"src\", ",
    );
    check("podman-5.0", 3, "that engine copies all of `src`");
    check("buildah-1.32", 3, "that engine has no texts in a Dockerfile");
    check("podman-5.0", 3, "write a directory: -o DIR");
    check("kaniko", 2, "is not buildkit, podman-VERSION or buildah-VERSION");
    let text = |words: &[&str]| {
        assert_eq!(project.run(&[&["dockerfile", "-o", "out"], words].concat()).code, 0);
        fs::read_to_string(project.path().join("out/Dockerfile")).unwrap()
    };
    assert!(text(&[]).contains("RUN rmdir ") && text(&["--for", "podman-5.4"]).contains("RUN rmdir "));
    assert!(!text(&["--for", "podman-5.8"]).contains("RUN rmdir "));
}

#[test]
fn a_file_alone_says_the_same_steps() {
    let project = project();
    let said = project.run(&["dockerfile"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let steps = |text: &str| -> Vec<String> {
        let comments = text
            .lines()
            .filter(|line| line.starts_with("# [") || line.starts_with("FROM "));
        comments
            .filter(|line| *line != "FROM scratch AS scripts")
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(project.run(&["dockerfile", "-o", "out"]).code, 0);
    let beside = fs::read_to_string(project.path().join("out/Dockerfile")).unwrap();
    let alone: Vec<String> = steps(&said.out);
    for line in steps(&beside) {
        assert!(alone.contains(&line), "{line}");
    }
    // What is left out is said where it is copied.
    assert!(
        said.out
            .contains("COPY --exclude=**/*.pyc --exclude=**/__pycache__ [\"src\", \"/imagespec/files/"),
        "{}",
        said.out
    );
    assert!(said.out.contains("COPY [\"a [[]1] \\\\$b.txt\", "), "{}", said.out);
    let json: Value = serde_json::from_str(&project.run(&["dockerfile", "--json"]).out).unwrap();
    assert_eq!(json["dockerfile"].as_str().unwrap().trim_end(), said.out.trim_end());
    assert_eq!(json["warnings"], serde_json::json!([]));
}

#[test]
fn without_a_lock_one_step_resolves_and_installs() {
    let project = Project::new("profile: plain\npackages: [six]\n");
    let said = project.run(&["dockerfile"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let packages: Vec<&str> = said
        .out
        .lines()
        .filter(|line| line.starts_with("# [packages]"))
        .collect();
    assert_eq!(
        packages,
        [
            "# [packages] uv pip compile six, and install it",
            "# [packages] uv pip compile six, and install it"
        ]
    );
    assert!(said.out.contains("_how=resolve"), "{}", said.out);
}

#[test]
fn what_a_dockerfile_cannot_say_is_an_error() {
    let check = |spec: &str, files: &[(&str, &str)], expect: &str| {
        let project = Project::new(&format!("profile: plain\n{spec}"));
        for (path, text) in files {
            project.file(path, text);
        }
        let said = project.fails(&["dockerfile"]);
        assert!(said.contains(expect), "{said}");
    };
    check("env: {A: \"1\\n2\"}\n", &[], "the variable A has a line feed");
    check("labels: {a: \"1\\n2\"}\n", &[], "the label a has a line feed");
    check("platform: linux/amd64,linux/arm64\n", &[], "is for one platform");
    check(
        "requirements: pylock.toml\npython_exec: /usr/bin/python3\n",
        &[(
            "pylock.toml",
            "lock-version = \"1.0\"\ncreated-by = \"x\"\npackages = []\n",
        )],
        "only the image's own Python says",
    );
}

#[test]
fn what_nobody_reads_while_a_dockerfile_builds_is_a_warning() {
    let said = Project::new("profile: plain\nplatform: linux/amd64\nconda_packages: [gdal]\n").run(&["dockerfile"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("warning[activation]: "), "{}", said.err);
    let said = Project::new("profile: plain\nplatform: linux/amd64\npackages: [six]\n").run(&["dockerfile"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}
