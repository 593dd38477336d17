//! The test bed and the commands that tests give to it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::progress;

/// The frontend's image on both engines. Two checkouts that are tested at once on one bed need two names.
pub(crate) const FRONTEND: &str = match option_env!("IMAGESPEC_TEST_IMAGE") {
    Some(name) => name,
    None => "imagespec:test",
};

/// What stands in for the images that builds take things from: the build context's name, and the bed's variable.
pub(crate) const CONTEXTS: [(&str, &str); 3] = [
    ("debian:bookworm-slim", "IMAGESPEC_BED_DEBIAN_IMAGE"),
    ("uv", "IMAGESPEC_BED_UV_IMAGE"),
    ("micromamba", "IMAGESPEC_BED_MICROMAMBA_IMAGE"),
];

/// The variables of the bed, with the frontend's image made on both of its engines.
pub(crate) fn bed() -> &'static BTreeMap<String, String> {
    static BED: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    BED.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(root.join("tests/bed/with"))
            .args(["env", "-0"])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "the test bed did not come up");
        let variables: BTreeMap<String, String> = String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter_map(|variable| variable.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for host in [&variables["DOCKER_HOST"], &variables["IMAGESPEC_BED_CLASSIC_HOST"]] {
            let output = Command::new(root.join("tests/scripts/frontend-image"))
                .arg(binary())
                .arg(FRONTEND)
                .current_dir(root)
                .envs(&variables)
                .env("DOCKER_HOST", host)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            unpack_frontend(&variables, host);
        }
        variables
    })
}

/// One build that uses the frontend's image. Where several are the first at once, later builds do not find what they made.
fn unpack_frontend(variables: &BTreeMap<String, String>, host: &str) {
    let directory = tempfile::tempdir().unwrap();
    let spec = format!("# syntax={FRONTEND}\nprofile: plain\ncopy: [f]\n");
    std::fs::write(directory.path().join("imageSpec.yaml"), spec).unwrap();
    std::fs::write(directory.path().join("f"), "").unwrap();
    let (name, image) = CONTEXTS[0];
    let output = Command::new("docker")
        .args(["buildx", "build", "--output", "type=cacheonly", "-f", "imageSpec.yaml"])
        .arg("--build-context")
        .arg(format!("{name}=docker-image://{}", variables[image]))
        .arg(".")
        .current_dir(directory.path())
        .envs(variables)
        .env("DOCKER_HOST", host)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The directory with the commands of the other podman, which is brought up.
fn other_podman() -> &'static str {
    static OTHER: OnceLock<String> = OnceLock::new();
    OTHER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bed/podman-other");
        let output = Command::new(script)
            .envs(bed())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "the other podman did not come up");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    })
}

/// The static program that `make binary` makes.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("IMAGESPEC_BINARY") {
        return path.into();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/frontend/imagespec");
    assert!(path.exists(), "there is no {}: run `make binary`", path.display());
    path
}

/// Makes the steps of a spec steps of this test alone. A test that counts what ran wants them: while a build of another test
/// still runs that shares a step, BuildKit tells of that step as it was there, also to a build that finds it done.
pub(crate) fn fresh(spec: &str) -> String {
    format!("{spec}build_env: {{RUN: \"{}\"}}\n", now())
}

/// The time in nanoseconds: what contains it is no other test's.
pub(crate) fn now() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_nanos()
}

/// This machine, as containers of both engines see it.
pub(crate) fn host() -> &'static str {
    let index = &bed()["IMAGESPEC_BED_EXTRA_INDEX"];
    index.split('/').nth(2).unwrap().split(':').next().unwrap()
}

/// The port of a server that answers everything alike; it goes with the process.
pub(crate) fn answering(status: &'static str, body: &str) -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let head = "Content-Type: application/json\r\nConnection: close";
    let answer = format!(
        "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The answer is the same, whatever is asked.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

/// A port where nobody listens.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// An engine of the bed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Engine {
    /// With the containerd image store, which merges.
    Main,
    /// With the classic image store, which does not.
    Classic,
    /// podman, whose store is buildah's, too.
    Podman,
    /// podman of another suite of Debian.
    OtherPodman,
}

impl Engine {
    pub(crate) fn docker(self, args: &[&str]) -> Command {
        let bed = bed();
        let program = match self {
            Self::Main | Self::Classic => "docker",
            Self::Podman | Self::OtherPodman => "podman",
        };
        let mut command = Command::new(program);
        command.args(args).envs(bed).stdin(Stdio::null());
        self.choose(&mut command);
        command
    }

    /// Lets a program use the engine.
    pub(crate) fn choose(self, command: &mut Command) {
        let bed = bed();
        match self {
            Self::Main | Self::Podman => {}
            Self::Classic => {
                command.env("DOCKER_HOST", &bed["IMAGESPEC_BED_CLASSIC_HOST"]);
            }
            Self::OtherPodman => {
                command.env("PATH", format!("{}:{}", other_podman(), bed["PATH"]));
            }
        }
    }

    /// Runs a command of docker's that has to succeed, and gives what it printed.
    pub(crate) fn ok(self, args: &[&str]) -> String {
        let output = self.docker(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {args:?}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a shell line in a container of an image, past its entry point.
    pub(crate) fn shell(self, image: &str, line: &str) -> String {
        self.ok(&["run", "--rm", "--entrypoint", "/bin/sh", image, "-c", line])
    }

    /// A field of an image, as JSON.
    pub(crate) fn inspect(self, image: &str, format: &str) -> serde_json::Value {
        let text = self.ok(&["image", "inspect", "--format", &format!("{{{{json {format}}}}}"), image]);
        serde_json::from_str(&text).unwrap()
    }
}

/// A build context with a spec in it.
pub(crate) struct Project {
    pub directory: TempDir,
    pub engine: Engine,
    pub arguments: Vec<String>,
}

/// What a build said and whether it went well.
pub(crate) struct Built {
    pub ok: bool,
    pub log: String,
}

impl Project {
    /// A context with one file, the spec; `# syntax=` is put before it.
    pub(crate) fn new(spec: &str) -> Self {
        let project = Self {
            directory: tempfile::tempdir().unwrap(),
            engine: Engine::Main,
            arguments: Vec::new(),
        };
        project.spec(spec);
        project
    }

    pub(crate) fn on(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    pub(crate) fn spec(&self, spec: &str) {
        self.file("imageSpec.yaml", format!("# syntax={FRONTEND}\n{}", spec.trim_start()));
    }

    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|a| (*a).to_owned()));
        self
    }

    /// The command that builds the image under a tag.
    pub(crate) fn command(&self, tag: &str) -> Command {
        let bed = bed();
        let ca = format!("id=ca-certificates,src={}", bed["IMAGESPEC_BED_CA_BUNDLE"]);
        let mut command =
            self.engine
                .docker(&["buildx", "build", "--progress=plain", "-f", "imageSpec.yaml", "-t", tag]);
        for (name, image) in CONTEXTS {
            let image = format!("{name}=docker-image://{}", bed[image]);
            command.args(["--build-context", &image]);
        }
        command
            .args(["--secret", &ca])
            .args(&self.arguments)
            .arg(".")
            .current_dir(self.directory.path());
        command
    }

    /// What a request other than a build prints.
    pub(crate) fn call(&self, what: &str) -> String {
        let call = format!("--call={what}");
        let mut command = self.engine.docker(&["buildx", "build", "--progress=none", &call]);
        command
            .args(["-f", "imageSpec.yaml", "."])
            .current_dir(self.directory.path());
        let output = progress::output(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub(crate) fn try_build(&self, tag: &str) -> Built {
        let output = progress::output(&mut self.command(tag));
        Built {
            ok: output.status.success(),
            log: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Builds, which has to go well.
    pub(crate) fn build(&self, tag: &str) -> Built {
        let built = self.try_build(tag);
        assert!(built.ok, "{}", built.log);
        built
    }

    /// Builds, which has to fail, and gives what it said.
    pub(crate) fn fail(&self, tag: &str) -> String {
        let built = self.try_build(tag);
        assert!(!built.ok, "the build went well:\n{}", built.log);
        built.log
    }

    /// Builds and runs a shell line in the image.
    pub(crate) fn build_and_run(&self, tag: &str, line: &str) -> String {
        self.build(tag);
        self.engine.shell(tag, line)
    }
}

impl Built {
    /// The names of the steps that ran, those found in a cache left out.
    pub(crate) fn ran(&self) -> Vec<String> {
        progress::ran(&self.log)
    }

    /// The same for comparisons: in the order of their names, since steps that do not wait for each other end in any order;
    /// without `==VERSION`, which is that of the day; and without the copy of the lock, which is found in the cache when
    /// any test before made an equal lock.
    pub(crate) fn ran_anew(&self) -> Vec<String> {
        let version = regex::Regex::new("==[0-9][0-9A-Za-z.]*").unwrap();
        let ran = self.ran().into_iter();
        let mut ran: Vec<String> = ran
            .filter(|name| name != "[lock] keep the lock in /usr/share/imagespec")
            .map(|name| version.replace_all(&name, "").into_owned())
            .collect();
        ran.sort();
        ran
    }

    /// The names of all steps, run or found.
    pub(crate) fn steps(&self) -> Vec<String> {
        progress::steps(&self.log).into_iter().map(|step| step.name).collect()
    }

    /// Whether the image was merged from branches, rather than made step after step.
    pub(crate) fn merges(&self) -> bool {
        self.steps().iter().any(|step| step.starts_with("[image] merge "))
    }

    /// The names of the steps that were found in a cache.
    pub(crate) fn cached(&self) -> Vec<String> {
        let steps = progress::steps(&self.log).into_iter();
        steps.filter(|step| step.cached).map(|step| step.name).collect()
    }
}
