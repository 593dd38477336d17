//! `imagespec build`, with programs in the place of engines that say what real ones were recorded to say. The real ones
//! are in `tests/engine/build_command.rs`.

use super::*;

use std::path::PathBuf;

/// What docker is to say, by its words.
const DOCKER: &str = r#"#!/bin/sh
echo "docker $*" >> "$FAKE/asked"
case "$*" in
"version "*) [ -n "$NO_DAEMON" ] && { echo "$NO_DAEMON" >&2; echo '{"Client":{"Version":"28.5.2"},"Server":null}'; exit 1; }
    echo '{"Client":{"Version":"28.5.2"},"Server":{"Version":"'"${SERVER-28.5.2}"'"}}' ;;
"buildx version") [ -n "$NO_BUILDX" ] && { echo "docker: 'buildx' is not a docker command." >&2; exit 1; }
    echo "github.com/docker/buildx v0.29.1 abc" ;;
"buildx inspect"*) printf 'Name:          default\nDriver:        docker\n\nNodes:\nStatus:           running\nBuildKit version: v0.25.1\n' ;;
"info "*) echo '[["driver-type","io.containerd.snapshotter.v1"]]' ;;
"image inspect"*) echo 77000000 ;;
"buildx build "* | "build "*)
    for word; do
        case $before in --metadata-file) printf '%s' "$METADATA" > "$word" ;; esac
        before=$word
    done
    attempt=$(cat "$FAKE/attempts" 2>/dev/null || echo 0)
    echo $((attempt + 1)) > "$FAKE/attempts"
    printf '%s\n' "$PROGRESS" >&2
    if [ -n "$HANGS" ]; then sleep 600 & echo $! > "$FAKE/child"; wait; fi
    [ "$attempt" -ge "${FAILURES-0}" ] || { printf '%s\n' "$FAILURE" >&2; exit 1; } ;;
*) echo "what is $*?" >&2; exit 9 ;;
esac
"#;

/// buildctl 0.25's answers.
const BUILDCTL: &str = r#"#!/bin/sh
echo "buildctl $*" >> "$FAKE/asked"
case "$*" in
"--version") echo "buildctl github.com/moby/buildkit v0.25.1 abc" ;;
"debug workers"*) echo '[{"id":"x","buildkitVersion":{"package":"github.com/moby/buildkit","version":"v0.25.1","revision":"abc"}}]' ;;
build*)
    for word; do
        case $before in --metadata-file) printf '%s' "$METADATA" > "$word" ;; esac
        before=$word
    done
    printf '%s\n' "$PROGRESS" >&2 ;;
esac
"#;

const METADATA: &str = r##"{"containerimage.digest": "sha256:abc", "containerimage.config.digest": "sha256:cfg",
    "frontend.imagespec.version": "0.0.1", "frontend.imagespec.name": "x",
    "frontend.imagespec.layers": "{\"base\":1,\"own\":[\"[apt] apt-get install jq\",\"[source] copy x\"]}"}"##;
pub(super) const PROGRESS: &str = "#1 [apt] apt-get install jq\n#1 CACHED\n#2 [source] copy x\n#2 DONE 0.1s";
pub(super) const SPEC: &str = "# syntax=r.example/imagespec:1\nprofile: plain\nname: churn\n";

/// A project, and engines that are programs of the test's.
pub(super) struct Faked {
    pub(super) project: Project,
    pub(super) fake: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Faked {
    pub(super) fn new(spec: &str, programs: &[(&str, &str)]) -> Self {
        let fake = tempfile::tempdir().unwrap();
        for (name, text) in programs {
            let path = fake.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self {
            project: Project::new(spec),
            fake,
            variables: Vec::new(),
        }
    }

    fn docker(spec: &str) -> Self {
        Self::new(spec, &[("docker", DOCKER)])
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Where programs are looked for.
    pub(super) fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.fake.path().display())
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        let path = self.path();
        command
            .arg("build")
            .args(words)
            .current_dir(self.project.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.fake.path())
            .env("FAKE", self.fake.path())
            .env("METADATA", METADATA)
            .env("PROGRESS", PROGRESS)
            .envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null());
        command
    }

    pub(super) fn run(&self, words: &[&str]) -> Said {
        said(&mut self.command(words))
    }

    /// What engines were asked, a line each.
    pub(super) fn asked(&self) -> String {
        fs::read_to_string(self.fake.path().join("asked")).unwrap_or_default()
    }

    /// What a program in the place of an engine kept.
    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.fake.path().join(name)).unwrap_or_default()
    }

    /// The Dockerfile of the last build.
    pub(super) fn dockerfile(&self) -> String {
        self.read("Dockerfile")
    }

    /// The last build that an engine was asked for.
    pub(super) fn built(&self) -> String {
        let asked = self.asked();
        let mut builds = asked.lines().filter(|line| line.contains("build --"));
        builds.next_back().unwrap_or_default().to_owned()
    }
}

#[test]
fn a_build_ends_with_one_line() {
    let faked = Faked::docker(SPEC);
    let said = faked.run(&["-t", "r.example/churn:1"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let (line, seconds) = said.out.split_once(" in ").unwrap();
    assert_eq!(line, "r.example/churn:1 sha256:abc 77.0 MB");
    assert!(seconds.ends_with(" s: 2 of 3 layers reused\n"), "{seconds}");
    for words in [
        "engine buildx, builder default (docker): the first that can build\n",
        "#2 [source] copy x\n",
        "imagespec: the frontend r.example/imagespec:1 is version 0.0.1, this program is",
    ] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    let built = faked.built();
    for words in [
        "buildx build --progress=plain --file imageSpec.yaml --tag r.example/churn:1",
        "--load",
        "--build-arg IMAGESPEC_NAME=r.example/churn:1",
        "--provenance false",
    ] {
        assert!(built.contains(words), "{words}: {built}");
    }
    let found: Value = serde_json::from_str(&faked.run(&["--json", "--engine", "docker"]).out).unwrap();
    let name = faked.project.run(&["name"]).out;
    assert_eq!(found["name"], name.trim_end());
    assert_eq!(
        (&found["built"], &found["digest"]),
        (&true.into(), &"sha256:abc".into())
    );
    assert_eq!(
        (&found["engine"], &found["size"]),
        (&"docker".into(), &77_000_000.into())
    );
    assert_eq!(found["layers"], serde_json::json!({"total": 3, "reused": 2}));
    assert!(
        faked.built().starts_with("docker build --progress=plain"),
        "{}",
        faked.built()
    );
    // A name of its own needs no help of a build argument.
    assert!(!faked.built().contains("IMAGESPEC_NAME"));
}

#[test]
fn what_an_engine_says_goes_into_the_users_file_whole() {
    let faked = Faked::docker(SPEC);
    assert_eq!(faked.run(&["--metadata-file", "m.json", "--id", "theirs"]).code, 0);
    let kept = fs::read_to_string(faked.project.path().join("m.json")).unwrap();
    assert_eq!(kept, METADATA);
    assert!(faked.built().contains("--build-arg IMAGESPEC_ID=theirs"));
    assert!(!faked.built().contains("m.json"), "{}", faked.built());
    let faked = Faked::docker(SPEC).with("FAILURES", "9").with("FAILURE", "ERROR: no");
    assert_eq!(faked.run(&["--metadata-file", "m.json"]).code, 1);
    assert!(!faked.project.path().join("m.json").exists());
}

#[test]
fn buildctl_is_asked_in_its_own_words() {
    // Recorded: the answers of buildctl 0.25 are in this file.
    let faked = Faked::new(SPEC, &[("buildctl", BUILDCTL)]);
    let said = faked.run(&["--iidfile", "iid", "--pull", "--label", "a=b"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains(
            "engine buildctl, builder unix:///run/buildkit/buildkitd.sock: buildx: there is no program `docker`"
        ),
        "{}",
        said.err
    );
    let built = faked.built();
    for words in [
        "buildctl build --progress=plain --frontend gateway.v0 --opt source=r.example/imagespec:1",
        "--local context=.",
        "--opt image-resolve-mode=pull",
        "--opt label:a=b",
        "--output type=image,name=",
    ] {
        assert!(built.contains(words), "{words}: {built}");
    }
    assert!(!built.contains("--load"), "{built}");
    assert_eq!(
        fs::read_to_string(faked.project.path().join("iid")).unwrap(),
        "sha256:cfg"
    );
    let said = faked.run(&["--load"]);
    assert!(
        said.code == 5 && said.err.contains("buildctl: cannot do --load"),
        "{}",
        said.err
    );
    let said = faked.run(&["--load", "--engine", "buildctl"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err
            .contains("buildctl cannot do --load\n    help: leave it out, or build with --engine buildx, docker, nerdctl, podman or buildah"),
        "{}",
        said.err
    );
}

#[test]
fn engines_that_cannot_build_say_why_and_what_to_do() {
    let check = |faked: Faked, words: &[&str], reason: &str, help: &str| {
        let said = faked.run(words);
        assert_eq!(said.code, 5, "{}", said.err);
        assert!(said.err.contains(reason) && said.err.contains(help), "{}", said.err);
        assert!(!faked.asked().contains("build --"), "{}", faked.asked());
    };
    let none = Faked::new(SPEC, &[]);
    check(
        none,
        &[],
        "no engine can build: buildx: there is no program `docker`; buildctl: there is no program `buildctl`",
        "install Docker",
    );
    let buildx = ["--engine", "buildx"];
    check(
        Faked::docker(SPEC).with("NO_BUILDX", "1"),
        &buildx,
        "docker has no buildx",
        "docker-buildx-plugin",
    );
    let refused =
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: x";
    check(
        Faked::docker(SPEC).with("NO_DAEMON", refused),
        &buildx,
        "buildx cannot build: you may not use the Docker daemon at /var/run/docker.sock",
        "usermod -aG docker",
    );
    let down = "Cannot connect to the Docker daemon at unix:///run/x.sock. Is the docker daemon running?";
    check(
        Faked::docker(SPEC).with("NO_DAEMON", down),
        &buildx,
        "no Docker daemon answers at unix:///run/x.sock",
        "systemctl start docker",
    );
    check(
        Faked::docker(SPEC).with("SERVER", "20.10.24"),
        &buildx,
        "Docker 20.10.24 is too old: 23.0 is the first that can",
        "update it",
    );
    let said = Faked::docker(SPEC).run(&["--engine", "buildks"]);
    assert_eq!(
        (said.code, said.err.contains("did you mean `buildx`?")),
        (2, true),
        "{}",
        said.err
    );
}

#[test]
fn a_failure_that_is_known_to_pass_is_tried_once_more() {
    let push = "ERROR: failed to build: failed to solve: failed to push r/x: unexpected status from PUT request to https://r/v2/x: 503 Service Unavailable";
    let check = |failures: &str, failure: &str, code: i32, attempts: &str, words: &str| {
        let faked = Faked::docker(SPEC).with("FAILURES", failures).with("FAILURE", failure);
        let said = faked.run(&[]);
        assert_eq!(said.code, code, "{}", said.err);
        assert!(said.err.contains(words), "{}", said.err);
        let counted = fs::read_to_string(faked.fake.path().join("attempts")).unwrap();
        assert_eq!(counted.trim(), attempts);
    };
    check(
        "1",
        push,
        0,
        "2",
        "imagespec: the registry failed: building once more\n",
    );
    check("2", push, 75, "2", "the build failed twice: the registry failed");
    check(
        "1",
        "ERROR: process \"/bin/sh -c false\" did not complete successfully",
        1,
        "1",
        "the build failed: process",
    );
}

#[test]
fn an_interrupt_ends_the_engine_and_its_children() {
    let faked = Faked::docker(SPEC).with("HANGS", "1");
    let mut command = faked.command(&["--metadata-file", "m.json"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid_file = faked.fake.path().join("child");
    let start = Instant::now();
    let grandchild = loop {
        match fs::read_to_string(&pid_file)
            .ok()
            .and_then(|text| text.trim().parse::<i32>().ok())
        {
            Some(pid) => break pid,
            None => assert!(start.elapsed() < Duration::from_secs(20), "the engine did not start"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let is_there = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // One that has ended and that nobody has asked for is no longer running.
        !status.is_empty() && status.split_whitespace().nth(2) != Some("Z")
    };
    assert!(is_there(grandchild));
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let start = Instant::now();
    while is_there(grandchild) {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{grandchild} is still running"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!faked.project.path().join("m.json").exists());
}

#[test]
fn problems_of_a_spec_are_told_before_any_engine_starts() {
    let check = |spec: &str, words: &[&str], code: i32, expect: &str| {
        let faked = Faked::docker(spec);
        let said = faked.run(words);
        assert_eq!(said.code, code, "{spec}: {}", said.err);
        assert!(said.err.contains(expect), "{spec}: {}", said.err);
        assert_eq!(faked.asked(), "", "{spec}");
        let found: Value = serde_json::from_str(&faked.run(&[words, &["--json"]].concat()).out).unwrap();
        assert!(found["problems"][0]["message"].is_string(), "{found}");
    };
    check(&format!("{SPEC}nope: 1\n"), &[], 3, "nope");
    check(&format!("{SPEC}requirements: gone.txt\n"), &[], 3, "gone.txt");
    check(
        &format!("{SPEC}pip_secret_mounts: [[.netrc, /root/.netrc]]\n"),
        &[],
        3,
        "the secret `secret_0` has no file ./.netrc",
    );
    check(SPEC, &["https://github.com/a/b"], 3, "only an engine fetches contexts");
    check(
        SPEC,
        &["--secret", "id=x,src=gone"],
        3,
        "the secret `x` has no file gone",
    );
    check(
        SPEC,
        &["--push"],
        3,
        "the image cannot be pushed: its name has no registry",
    );
    check(SPEC, &["-t", "Up/Case"], 2, "--tag `Up/Case` is not an image reference");
}

#[test]
fn a_dry_run_needs_no_engine_and_shows_no_secret() {
    let spec = format!("{SPEC}pip_secret_mounts: [[token, /root/.netrc]]\n");
    let faked = Faked::new(&spec, &[]);
    faked.project.file("token", "very-secret");
    let said = faked.run(&[
        "--dry-run",
        "--push",
        "-t",
        "r.example/a b".split(' ').next().unwrap(),
        "--label",
        "a=b c",
        "--",
        "--quiet",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        said.out,
        "docker buildx build --file imageSpec.yaml --tag r.example/a --push --build-arg IMAGESPEC_NAME=r.example/a \
         --label 'a=b c' --secret id=secret_0,src=./token --provenance false --quiet .\n"
    );
    assert_eq!(faked.asked(), "");
    let json: Value = serde_json::from_str(&faked.run(&["--dry-run", "--json", "--engine", "buildctl"]).out).unwrap();
    assert_eq!(json["commands"][0][0], "buildctl");
    // What comes from standard input is a file of the build's own.
    let mut command = faked.command(&["--dry-run", "-f", "-", "."]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), SPEC.as_bytes()).unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(
        out.starts_with("docker buildx build --file \"$CONTEXT\"/imageSpec.yaml"),
        "{out}"
    );
}

#[test]
fn an_output_may_name_the_image() {
    let check = |words: &[&str], code: i32, expect: &str| {
        let said = Faked::docker(SPEC).run(&[&["--dry-run", "--engine", "buildx"], words].concat());
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        assert!(
            format!("{}{}", said.out, said.err).contains(expect),
            "{words:?}: {} {}",
            said.out,
            said.err
        );
    };
    let output = "type=image,name=r.example/x:1,push=true";
    check(&["--output", output], 0, "--tag r.example/x:1 ");
    check(
        &["--output", "type=image,\"name=r.example/x:1,r.example/y:2\",push=true"],
        0,
        "--tag r.example/x:1 --tag r.example/y:2 ",
    );
    check(&["--output", "type=image,name=*,push=true"], 0, "--tag churn:");
    check(
        &["--output", output, "-t", "z"],
        2,
        "named by -t and by `name=` of an output",
    );
}

#[test]
fn what_would_go_past_the_program_is_refused() {
    let check = |words: &[&str], expect: &str| {
        let said = Faked::docker(SPEC).run(&[&["--dry-run"], words].concat());
        assert_eq!(said.code, 2, "{words:?}: {}", said.err);
        assert!(said.err.contains(expect), "{words:?}: {}", said.err);
    };
    check(&["--build-arg", "IMAGESPEC_NAME=x"], "write -t NAME");
    check(&["--build-arg", "BUILDKIT_SYNTAX=x"], "write --frontend IMAGE");
    check(&["--", "--call=check"], "asks a question and builds nothing");
    let said = Faked::docker(SPEC).run(&["--json", "--output", "-"]);
    assert_eq!(said.code, 2);
    // Command lines that cannot be read are told as objects, too.
    for words in [&["--json", "--bogus"][..], &["--progress", "--json"]] {
        let said = Faked::docker(SPEC).run(words);
        let found: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(
            (said.code, &found["problems"][0]["kind"]),
            (2, &"usage".into()),
            "{found}"
        );
    }
    // What another engine can do is asked of it.
    let said = Faked::new(SPEC, &[("buildctl", BUILDCTL)]).run(&["--builder", "x"]);
    assert_eq!(said.code, 5, "{}", said.err);
}

#[test]
fn an_agent_is_handed_over_where_a_requirement_needs_it() {
    let check = |more: &str, words: &[&str], socket: &str, ssh: Option<&str>| {
        let faked = Faked::new(&format!("{SPEC}python_version: \"3.12\"\n{more}"), &[]).with("SSH_AUTH_SOCK", socket);
        faked
            .project
            .file("requirements.txt", "x @ git+ssh://git@h.example/x\n");
        let said = faked.run(&[&["--dry-run"], words].concat());
        let found = said
            .out
            .split_once("--ssh ")
            .map(|(_, rest)| rest.split(' ').next().unwrap());
        assert_eq!(found, ssh, "{more} {words:?}: {} {}", said.out, said.err);
        assert_eq!(
            said.err.contains("no agent runs here"),
            socket.is_empty(),
            "{}",
            said.err
        );
    };
    let package = "packages: [\"x @ git+ssh://git@h.example/x\"]\n";
    check(package, &[], "/run/agent", Some("default"));
    check("requirements: requirements.txt\n", &[], "/run/agent", Some("default"));
    check(package, &["--ssh", "key=/k"], "/run/agent", Some("key=/k"));
    check(package, &[], "", None);
    check("packages: [x]\n", &[], "/run/agent", None);
}

#[test]
fn noop_gives_the_base_image() {
    let faked = Faked::new(&format!("{SPEC}base_image: r.example/base:1\n"), &[]);
    let said = faked.run(&["--engine", "noop", "--push"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "r.example/base:1\n"),
        "{}",
        said.err
    );
    let nested = Faked::new("profile: plain\nbase_image: {profile: plain, name: x}\n", &[]);
    let said = nested.run(&["--engine", "noop", "--frontend", "x"]);
    assert_eq!(said.code, 3);
    assert!(
        said.err
            .contains("noop takes the image in `base_image`, and there is a spec there"),
        "{}",
        said.err
    );
    let absent = Faked::new(SPEC, &[]).run(&["--engine", "noop"]);
    assert_eq!(
        (absent.code, absent.err.contains("the spec names none there")),
        (3, true),
        "{}",
        absent.err
    );
}

#[test]
fn settings_go_below_the_command_line() {
    let user = "builder = \"big\"\nengine_opt = [\"--debug\"]\nprogress = \"quiet\"\n[secrets]\nca-certificates = \"ca.crt\"\n[build_contexts]\nuv = \"docker-image://r.example/uv:1\"\n";
    let faked = Faked::docker(SPEC);
    faked.project.file(
        "imagespec.toml",
        "progress = \"rawjson\"\nbuilder = \"theirs\"\ncache_from = [\"r.example/cache\"]\n",
    );
    let own = faked.fake.path().join(".config/imagespec/imagespec.toml");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, user).unwrap();
    // Beside the settings that name it.
    fs::write(own.with_file_name("ca.crt"), "x").unwrap();
    let said = faked.run(&["--dry-run"]);
    assert!(
        said.err
            .contains("warning[setting-of-user]: `builder` counts only in the user's own file"),
        "{}",
        said.err
    );
    for words in [
        "--builder big",
        "--progress rawjson",
        "--debug",
        "--cache-from r.example/cache",
        "--build-context uv=docker-image://r.example/uv:1",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    let faked = faked
        .with("IMAGESPEC_PROGRESS", "plain")
        .with("IMAGESPEC_BUILD_FLAGS", "--label 'from=the environment' --pull");
    let said = faked.run(&["--dry-run", "--label", "x=y"]);
    for words in [
        "--progress plain",
        "--label 'from=the environment' --label x=y",
        "--pull",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(
        faked
            .run(&["--dry-run", "--progress", "tty"])
            .out
            .contains("--progress tty")
    );
    let mut config = Command::new(PROGRAM);
    config
        .arg("config")
        .current_dir(faked.project.path())
        .env("HOME", faked.fake.path())
        .env("IMAGESPEC_PROGRESS", "plain");
    let printed = super::said(&mut config);
    assert!(
        printed.out.contains("progress = \"plain\"  # IMAGESPEC_PROGRESS\n"),
        "{}",
        printed.out
    );
    assert!(
        printed
            .out
            .contains(&format!("builder = \"big\"  # {}:1\n", own.display())),
        "{}",
        printed.out
    );
    // Names do not depend on settings.
    assert_eq!(faked.project.tag(), Project::new(SPEC).tag());
    let check = |toml: &str, words: &str| {
        faked.project.file("imagespec.toml", toml);
        let said = faked.run(&["--dry-run"]);
        assert_eq!(said.code, 3, "{toml}");
        assert!(
            said.err.contains(words) && said.err.contains("imagespec.toml:1"),
            "{toml}: {}",
            said.err
        );
    };
    check("progres = \"x\"\n", "did you mean `progress`?");
    check("push = \"x\"\n", "`push` is not true or false");
    check("push = \n", "imagespec.toml:1");
    check(
        "if_exists = \"maybe\"\n",
        "`if_exists` is one of skip, build, fail, not `maybe`",
    );
    faked.project.file("imagespec.toml", "");
    let said = Faked::docker(SPEC)
        .with("IMAGESPEC_CONFIG", "/nofile")
        .run(&["--dry-run"]);
    assert!(said.code == 3 && said.err.contains("/nofile"), "{}", said.err);
}

#[test]
fn flytekits_variables_count() {
    let spec = format!("{SPEC}registry: 127.0.0.1:1/acme\n");
    let faked = Faked::docker(&spec).with("FLYTE_PUSH_IMAGE_SPEC", "0");
    let said = faked.run(&["--push"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("not pushed: FLYTE_PUSH_IMAGE_SPEC keeps from it"),
        "{}",
        said.err
    );
    assert!(
        !faked.built().contains("--push") && faked.built().contains("--load"),
        "{}",
        faked.built()
    );
    // Nobody listens there.
    let faked = Faked::docker(&spec);
    let said = faked.run(&["--push"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err
            .contains("127.0.0.1:1 does not say whether 127.0.0.1:1/acme/churn:"),
        "{}",
        said.err
    );
    let failing = Faked::docker(&spec).with("FLYTE_IMG_FAST_FAIL", "1");
    let said = failing.run(&["--push"]);
    assert_eq!((said.code, failing.built()), (4, String::new()), "{}", said.err);
    let forced = Faked::docker(&spec).with("FLYTE_FORCE_PUSH_IMAGE_SPEC", "1");
    let said = forced.run(&["--push"]);
    assert!(said.code == 0 && !said.err.contains("does not say"), "{}", said.err);
}

#[test]
fn a_program_without_a_frontend_says_what_to_do() {
    if cfg!(feature = "carried-frontend") {
        return;
    }
    let said = Faked::docker("profile: plain\n").run(&["--dry-run"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("--frontend IMAGE"), "{}", said.err);
}

/// Where programs of the test's lie, for readers of failures.
impl std::fmt::Debug for Faked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path: PathBuf = self.fake.path().into();
        f.debug_tuple("Faked").field(&path).finish()
    }
}
