//! `imagespec build` with nerdctl, podman and buildah, by programs in their place. The real podman and buildah are in
//! `tests/engine/podman.rs`; a real nerdctl is nowhere in the tests: its answers are those of its sources.

use super::build::{Faked, SPEC};
use super::*;

/// nerdctl 2.1's answers.
const NERDCTL: &str = r#"#!/bin/sh
echo "nerdctl $*" >> "$FAKE/asked"
case "$*" in
"version "*) echo '{"Client":{"Version":"v'"${NERDCTL-2.1.2}"'","GitCommit":"x"},"Server":{"Components":[]}}' ;;
"image inspect"*) echo sha256:abc ;;
"build "*)
    for word; do
        case $before in --iidfile) printf sha256:abc > "$word" ;; esac
        before=$word
    done
    printf '%s\n' "$PROGRESS" >&2; echo 'Loaded image: x' ;;
"push "*) echo 'manifest-sha256:abc: done' ;;
*) echo "what is $*?" >&2; exit 9 ;;
esac
"#;
const BUILDCTL: &str = "#!/bin/sh\necho buildctl github.com/moby/buildkit v0.25.1 abc\n[ $1 = --version ]\n";

/// podman's answers, with the version of buildah in it.
const PODMAN: &str = r#"#!/bin/sh
echo "podman $*" >> "$FAKE/asked"
case "$*" in
"version "*) echo "${PODMAN-5.8.6}" ;;
"build "*)
    for word; do
        case $before in
        --iidfile) printf sha256:cfg > "$word" ;;
        --file) cp "$word" "$FAKE/Dockerfile"; stat -c %a "${word%/dockerfiles/*}" > "$FAKE/mode" ;;
        esac
        before=$word
    done
    echo 'STEP 1/1: FROM x'
    [ -z "$FAILURE" ] || { printf '%s\n' "$FAILURE" >&2; exit 42; } ;;
"push "* | "manifest push "*)
    for word; do case $word in --digestfile=*) printf sha256:abc > "${word#*=}" ;; esac; done ;;
"tag "* | "manifest rm "*) ;;
*) echo "what is $*?" >&2; exit 9 ;;
esac
"#;

fn nerdctl() -> Faked {
    Faked::new(SPEC, &[("nerdctl", NERDCTL), ("buildctl", BUILDCTL)])
}

fn podman(spec: &str) -> Faked {
    Faked::new(spec, &[("podman", PODMAN)])
}

#[test]
fn nerdctl_takes_the_frontend_as_buildx_does() {
    let faked = nerdctl();
    let said = faked.run(&[
        "--engine",
        "nerdctl",
        "--push",
        "-t",
        "r.example/a:1",
        "--if-exists",
        "build",
        "--json",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&found["digest"], &found["engine"]),
        (&"sha256:abc".into(), &"nerdctl".into())
    );
    let asked = faked.asked();
    assert!(
        asked.contains("nerdctl build --progress=plain --file imageSpec.yaml --tag r.example/a:1 --build-arg IMAGESPEC_NAME=r.example/a:1 --provenance false .\nnerdctl push r.example/a:1\n"),
        "{asked}"
    );
    let said = faked.run(&[
        "--engine",
        "nerdctl",
        "--metadata-file",
        "m.json",
        "--iidfile",
        "iid",
        "--frontend",
        "r.example/other:1",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        faked.built().contains("--build-arg BUILDKIT_SYNTAX=r.example/other:1"),
        "{}",
        faked.built()
    );
    let read = |name: &str| fs::read_to_string(faked.project.path().join(name)).unwrap();
    assert!(read("m.json").contains(r#""containerimage.digest":"sha256:abc""#));
    assert_eq!(read("iid"), "sha256:abc");
    let said = faked.run(&["--engine", "nerdctl", "--no-cache-filter", "apt"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("nerdctl cannot do --no-cache-filter"), "{}", said.err);
    // It is taken where no other client of BuildKit is there, and not without what it builds with.
    assert_eq!(faked.run(&[]).code, 0);
    let said = Faked::new(SPEC, &[("nerdctl", NERDCTL)]).run(&["--engine", "nerdctl"]);
    assert!(
        said.code == 5 && said.err.contains("builds by `buildctl`"),
        "{}",
        said.err
    );
}

#[test]
fn podman_is_given_a_dockerfile_and_nothing_else() {
    let faked = podman(&format!("{SPEC}copy: [f]\n"));
    faked.project.file("f", "1").file("other", "2");
    let said = faked.run(&[
        "--engine",
        "podman",
        "-t",
        "r.example/a:1",
        "--label",
        "cost=$5",
        "--iidfile",
        "iid",
        "--metadata-file",
        "m.json",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("r.example/a:1 in "), "{}", said.out);
    // Its progress is not the result.
    assert!(
        said.err.contains("STEP 1/1") && !said.out.contains("STEP"),
        "{}",
        said.out
    );
    let built = faked.built();
    assert!(
        built.contains("--tag r.example/a:1 ") && !built.contains("--label"),
        "{built}"
    );
    let written = fs::read_to_string(faked.project.path().join("m.json")).unwrap();
    assert_eq!(
        written,
        r#"{"image.name":"r.example/a:1","containerimage.config.digest":"sha256:cfg"}"#
    );
    assert!(
        faked.dockerfile().contains("\"cost\"=\"\\$5\""),
        "{}",
        faked.dockerfile()
    );
    // Nobody else may look into it, and it is gone with the build.
    assert_eq!(faked.read("mode"), "700\n");
    let directory = built.rsplit(' ').next().unwrap();
    assert!(directory.ends_with("/dockerfiles/linux-amd64") && !std::path::Path::new(directory).exists());
}

#[test]
fn podman_pushes_what_it_built_and_lists_are_new() {
    let faked = podman(SPEC);
    let said = faked.run(&[
        "--engine",
        "podman",
        "--push",
        "-t",
        "localhost:5000/a:1",
        "--force",
        "--json",
        "--platform",
        "linux/amd64,linux/arm64",
    ]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &found["digest"]), (0, &"sha256:abc".into()), "{}", said.err);
    let asked = faked.asked();
    let lines: Vec<&str> = asked.lines().collect();
    let expect = [
        "podman version --format",
        "podman build --identity-label=false --file ",
        "podman build --identity-label=false --file ",
        "podman tag localhost/imagespec-",
        "podman manifest push --all --tls-verify=false --digestfile=",
        "podman manifest rm localhost/imagespec-",
    ];
    for (line, expect) in lines.iter().zip(expect) {
        assert!(line.starts_with(expect), "{line} {expect}");
    }
    assert!(
        lines[1].contains("--platform linux/amd64 ") && lines[2].contains("--platform linux/arm64 "),
        "{asked}"
    );
}

#[test]
fn versions_that_are_too_old_are_told_what_they_lack() {
    let said = podman(SPEC).with("PODMAN", "4.3.1").run(&["--engine", "podman"]);
    assert_eq!(said.code, 5);
    assert!(said.err.contains("4.9 is the first that can"), "{}", said.err);
    // One that does not see what changes in mounted files builds without its cache.
    let faked = podman(SPEC).with("PODMAN", "4.9.4");
    let said = faked.run(&["--engine", "podman"]);
    assert!(said.err.contains("building without its cache"), "{}", said.err);
    assert!(faked.built().contains(" --no-cache "), "{}", faked.built());
    let words = ["--engine", "podman", "--build-arg", "SOURCE_DATE_EPOCH=5"];
    let said = faked.run(&words);
    assert!(
        said.code == 2 && said.err.contains("needs buildah 1.41"),
        "{}",
        said.err
    );
    let faked = podman(SPEC);
    assert_eq!(faked.run(&words).code, 0);
    assert!(faked.built().contains("--source-date-epoch 5"), "{}", faked.built());
}

#[test]
fn failures_of_podman_are_told_in_the_words_of_the_spec() {
    let check = |failure: &str, code: i32, expect: &str| {
        let said = podman(SPEC).with("FAILURE", failure).run(&["--engine", "podman"]);
        assert_eq!(said.code, code, "{}", said.err);
        assert!(said.err.contains(expect), "{expect}: {}", said.err);
    };
    check(
        "Error: building at STEP \"RUN --mount=type=tmpfs,target=/tmp /bin/sh /tmp/imagespec/step.sh '[apt] apt-get install jq' 0a1b\": while running runtime: exit status 100",
        1,
        "the build failed: [apt] apt-get install jq: exit status 100",
    );
    check(
        "Error: unable to copy from source docker://r/x: authentication required",
        1,
        "podman login HOST",
    );
    check("Error: something else", 1, "the build failed: something else");
    // What a step says is not what the engine says.
    check(
        "unexpected status from GET request to https://x/y: 503 Service Unavailable\nError: building at STEP \"RUN /bin/sh /tmp/imagespec/step.sh '[image] denied: access denied' 0a1b\": while running runtime: exit status 3",
        1,
        "the build failed: [image] denied: access denied: exit status 3",
    );
}

#[test]
fn modes_and_labels_are_those_of_the_spec() {
    let faked = podman(&format!("{SPEC}copy: [{{src: f, mode: \"4755\"}}]\n"));
    faked.project.file("f", "1");
    assert_eq!(faked.run(&["--engine", "podman"]).code, 0);
    // In a stage of its own: buildah takes no such mode from a context.
    assert!(
        faked.dockerfile().contains("COPY --from=files "),
        "{}",
        faked.dockerfile()
    );
    let faked = podman(&format!("{SPEC}mode: keep\ncopy: [f]\n"));
    faked.project.file("f", "1");
    fs::set_permissions(faked.project.path().join("f"), fs::Permissions::from_mode(0o4711)).unwrap();
    let said = faked.run(&["--engine", "podman"]);
    assert!(
        said.code == 3 && said.err.contains("f is setuid or setgid"),
        "{}",
        said.err
    );
    let said = faked.project.run(&["dockerfile", "-o", "out"]);
    assert!(
        said.code == 0 && said.err.contains("f is setuid or setgid"),
        "{}",
        said.err
    );
    let said = podman(SPEC).run(&["--engine", "podman", "--label", "a=b\nc"]);
    assert!(
        said.code == 3 && said.err.contains("the label a has a line feed"),
        "{}",
        said.err
    );
}

#[test]
fn podman_is_taken_where_nothing_else_is() {
    let said = podman(SPEC).run(&["-t", "r.example/a:1"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("engine podman") && said.err.contains("there is no program `docker`"),
        "{}",
        said.err
    );
    // What is not here is found before the build.
    let faked = podman(SPEC);
    let said = faked.run(&["--iidfile", "nowhere/iid"]);
    assert!(
        said.code == 3 && said.err.contains("cannot write nowhere/iid"),
        "{}",
        said.err
    );
    assert_eq!(faked.built(), "");
}

#[test]
fn engines_that_resolve_nothing_say_so() {
    let check = |faked: &Faked, words: &[&str], expect: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(words).current_dir(faked.project.path());
        let said = said(
            command
                .env("PATH", faked.path())
                .env("FAKE", faked.fake.path())
                .stdin(Stdio::null()),
        );
        assert_eq!(said.code, 2, "{words:?}: {}", said.err);
        assert!(said.err.contains(expect), "{words:?}: {}", said.err);
    };
    let faked = podman("# syntax=r.example/imagespec:1\npackages: [six]\n");
    check(&faked, &["lock", "--engine", "podman"], "podman cannot do --target");
    check(
        &faked,
        &["dockerfile", "--lock-with", "podman"],
        "podman cannot do --target",
    );
    check(
        &nerdctl(),
        &["lock", "-U", "--engine", "nerdctl"],
        "nerdctl cannot do --no-cache-filter",
    );
}

#[test]
fn options_without_a_form_are_refused_before_anything_is_built() {
    let check = |words: &[&str], expect: &str| {
        let faked = podman(SPEC);
        let said = faked.run(&[&["--engine", "podman"], words].concat());
        assert_eq!(said.code, 2, "{words:?}: {}", said.err);
        assert!(said.err.contains(expect), "{words:?}: {}", said.err);
        assert_eq!(faked.built(), "");
    };
    check(&["--target", "apt"], "podman cannot do --target");
    check(&["--sbom", "true"], "podman cannot do --sbom");
    check(&["--cache-from", "type=gha"], "caches are in repositories alone");
    check(
        &["--cache-to", "type=registry,ref=r/x:tag"],
        "name a repository without a tag",
    );
    check(&["--output", "type=registry"], "has no form there");
    check(&["--output", "type=tar,dest=-"], "has no form there");
    check(&["--progress", "rawjson"], "write plain");
    check(&["--build-arg", "FOO=1"], "the build argument FOO means nothing to it");
    check(
        &["--secret", "id=x,env=NOT_SET_ANYWHERE"],
        "the variable NOT_SET_ANYWHERE is not set",
    );
    check(&["--build-context", "base=oci-layout://x"], "by a name alone");
    check(
        &["--push", "-t", "r.example/a:1", "--force", "--output", "out"],
        "writes files or makes an image, not both",
    );
    check(&["--output", "type=oci,dest=x.tar,tar=false"], "has no form there");
    check(&["--output", "type=oci,dest=a:b.tar"], "has no form there");
    check(&["--frontend", "r.example/f:1"], "podman reads no frontend");
    check(&["--engine-opt", "tag=x"], "-t");
    check(&["--engine-opt", "jobs=many"], "jobs");
}

#[test]
fn options_have_their_form_there() {
    let check = |words: &[&str], expect: &str| {
        let said = podman(SPEC).run(&[&["--engine", "podman", "--dry-run", "-t", "r.example/a:1"], words].concat());
        assert_eq!(said.code, 0, "{words:?}: {}", said.err);
        assert!(said.out.contains(expect), "{words:?}: {}", said.out);
    };
    check(
        &[],
        "podman build --identity-label=false --file \"$CONTEXT\"/dockerfiles/linux-amd64/Dockerfile --platform linux/amd64 --tag r.example/a:1 \"$CONTEXT\"/dockerfiles/linux-amd64\n",
    );
    check(
        &[
            "--cache-from",
            "r.example/c",
            "--cache-to",
            "type=registry,ref=r.example/c",
        ],
        "--cache-from r.example/c --cache-to r.example/c ",
    );
    check(&["--pull", "--network", "host"], "--pull=always --network host ");
    check(&["--progress", "quiet", "--provenance", "false"], " --quiet ");
    check(
        &["--output", "type=oci,dest=x.tar"],
        "podman push r.example/a:1 oci-archive:x.tar:r.example/a:1\n",
    );
    check(
        &["--output", "type=local,dest=out"],
        "linux/amd64 --output type=local,dest=out ",
    );
    check(
        &[
            "--engine-opt",
            "jobs=3",
            "--engine-opt",
            "layers=no",
            "--",
            "--memory=1g",
        ],
        " --jobs 3 --layers=false --memory=1g ",
    );
    check(
        &["--push", "--engine-opt", "authfile=a.json"],
        "podman push --authfile a.json r.example/a:1 docker://r.example/a:1\n",
    );
    check(
        &["--engine", "buildah"],
        "buildah build --layers --force-rm --identity-label=false ",
    );
    check(
        &["--engine", "docker", "--engine-opt", "shm-size=1g"],
        " --shm-size 1g ",
    );
}

#[test]
fn another_image_stands_in_for_one_of_the_spec() {
    let spec = format!("{SPEC}base_image: debian:12\ncommands: [\"true\"]\n");
    let check = |context: &str, expect: &str| {
        let faked = podman(&spec);
        let said = faked.run(&["--engine", "podman", "--build-context", context]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(faked.dockerfile().contains(expect), "{context}: {}", faked.dockerfile());
    };
    check(
        "base=docker-image://r.example/mine:1",
        "FROM --platform=linux/amd64 r.example/mine:1 AS base",
    );
    check(
        "docker.io/library/debian:12=docker-image://r.example/mine:1",
        "r.example/mine:1 AS base",
    );
    check(
        "micromamba=docker-image://r.example/mine:1",
        "FROM --platform=linux/amd64 docker.io/library/debian:12 AS base",
    );
}

/// A program that has one image, and starts containers.
const STARTER: &str = r#"#!/bin/sh
case "$*" in
"image inspect"*" $HAS") ;;
"version") [ -z "$HAS" ] || [ "$HAS" = none ] ;;
"run "*) shift; printf '%s|' "$@"; exit 7 ;;
*) exit 1 ;;
esac
"#;

fn run_command(programs: &[&str], has: &str, words: &[&str]) -> Said {
    let programs: Vec<(&str, &str)> = programs.iter().map(|name| (*name, STARTER)).collect();
    let faked = Faked::new(SPEC, &programs);
    let path = faked.path();
    let mut command = Command::new(PROGRAM);
    command.arg("run").args(words).current_dir(faked.project.path());
    said(command.env("PATH", path).env("HAS", has).stdin(Stdio::null()))
}

#[test]
fn containers_are_started_where_the_image_is() {
    let check = |programs: &[&str], has: &str, words: &[&str], code: i32, expect: &str| {
        let said = run_command(programs, has, words);
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains(expect), "{words:?}: {all}");
    };
    // The exit code is the container's.
    check(
        &["docker", "podman"],
        "r.example/a:1",
        &["r.example/a:1", "python", "-c", "1"],
        7,
        "--rm|r.example/a:1|python|-c|1|",
    );
    check(
        &["podman"],
        "r.example/a:1",
        &["--dry-run", "r.example/a:1"],
        0,
        "podman run --rm r.example/a:1\n",
    );
    check(
        &["nerdctl"],
        "none",
        &["--dry-run", "r.example/a:1"],
        0,
        "nerdctl run --rm r.example/a:1\n",
    );
    check(&[], "none", &["r.example/a:1"], 5, "nothing here starts containers");
    let flags = [
        "--dry-run",
        "--engine",
        "buildah",
        "-p",
        "3000:3000",
        "-e",
        "A=b c",
        "-v",
        "x:/y",
        "--entrypoint",
        "sh",
        "-i",
        "--flag=--gpus=all",
        "a:1",
        "--",
        "-x",
    ];
    check(
        &[],
        "none",
        &flags,
        0,
        "podman run --rm --interactive --publish 3000:3000 --env 'A=b c' --volume x:/y --entrypoint sh --gpus=all a:1 -x\n",
    );
    check(
        &[],
        "none",
        &["--engine", "buildctl", "a:1"],
        2,
        "`buildctl` starts no containers",
    );
    check(&[], "none", &["--engine", "podmen", "a:1"], 2, "did you mean `podman`?");
    check(
        &[],
        "none",
        &["A:1"],
        2,
        "write the words of the container behind the image's name",
    );
    // Without a name, that of the spec.
    let said = run_command(&[], "none", &["--dry-run", "--engine", "docker"]);
    let name = Project::new(SPEC).run(&["name"]).out;
    assert_eq!(said.out, format!("docker run --rm {name}"));
}
