//! Command lines of engines, and the register.

use std::path::PathBuf;

use super::*;
use crate::text::Diagnostic;

/// A value for each option.
fn value(option: BuildOption) -> &'static str {
    match option {
        BuildOption::Push | BuildOption::Load | BuildOption::NoCache | BuildOption::Pull => "",
        BuildOption::Output => "type=oci,dest=image.tar",
        BuildOption::Platform => "linux/amd64,linux/arm64",
        BuildOption::Target => "apt",
        BuildOption::BuildArgument => "HTTP_PROXY=it's b",
        BuildOption::BuildContext => "base=docker-image://r.example/debian:12",
        BuildOption::Label => "team=a b",
        BuildOption::Secret => "id=token,src=/home/me/token",
        BuildOption::Ssh => "default",
        BuildOption::CacheFrom => "r.example/cache",
        BuildOption::CacheTo => "type=registry,ref=r.example/cache,mode=max",
        BuildOption::NoCacheFilter => "apt,lock",
        BuildOption::Progress => "plain",
        BuildOption::MetadataFile => "metadata.json",
        BuildOption::IidFile => "iid",
        BuildOption::Network => "host",
        BuildOption::AddHost => "db:10.0.0.1",
        BuildOption::Builder => "big",
        BuildOption::Sbom => "true",
        BuildOption::Provenance => "mode=max",
    }
}

fn request(options: &[BuildOption]) -> BuildRequest {
    let mut request = BuildRequest {
        file: PathBuf::from("specs/imageSpec.yaml"),
        context: PathBuf::from("."),
        frontend: Frontend::Layout {
            name: "imagespec/imagespec:1".into(),
            directory: FRONTEND_PLACE.into(),
            digest: "sha256:aa".into(),
            layer: PathBuf::from(FRONTEND_PLACE).join("blobs/sha256/bb"),
        },
        names: vec!["r.example/churn:1".into()],
        flags: vec!["--own flag".into()],
        ..BuildRequest::default()
    };
    for option in options {
        request.ask(*option, value(*option));
    }
    request
}

/// The line that builds.
fn line(engine: &dyn Engine, options: &[BuildOption]) -> CommandLine {
    lines(engine, options).swap_remove(0)
}

fn lines(engine: &dyn Engine, options: &[BuildOption]) -> Vec<CommandLine> {
    let mut request = request(options);
    if engine.input() == Input::Dockerfile {
        request.frontend = Frontend::Dockerfiles(vec![WrittenDockerfile {
            platform: "linux/amd64".into(),
            directory: PathBuf::from(CONTEXT_PLACE).join("linux-amd64"),
        }]);
    }
    engine.commands(&request, None).unwrap()
}

/// The words that some options add to a line.
fn added(engine: &dyn Engine, options: &[BuildOption]) -> Vec<String> {
    let mut lines = lines(engine, options).into_iter();
    let mut words = lines.next().unwrap().arguments;
    for word in line(engine, &[]).arguments {
        if let Some(at) = words.iter().position(|other| *other == word) {
            words.remove(at);
        }
    }
    // Other lines are whole.
    words.extend(lines.map(|line| format!("; {line}")));
    words
}

#[test]
fn each_engine_has_a_line_for_each_option() {
    let engines = Engines::default();
    let mut text = String::new();
    for name in ["buildx", "docker", "buildctl", "nerdctl", "podman", "buildah"] {
        let engine = engines.get(name).unwrap();
        text.push_str(&format!("{}\n", line(engine, &[])));
        for option in BuildOption::all() {
            let shown = match engines.check(engine, &request(&[option])) {
                Ok(()) => added(engine, &[option]).join(" "),
                Err(problems) => problems[0].line(None),
            };
            text.push_str(&format!("  {}: {shown}\n", option.name()));
        }
    }
    insta::assert_snapshot!(text);
}

/// Two options together are what each is alone, in whichever order they are given.
#[test]
fn options_do_not_disturb_each_other() {
    let engines = Engines::default();
    for name in ["buildx", "docker", "buildctl"] {
        let engine = engines.get(name).unwrap();
        let able: Vec<BuildOption> = BuildOption::all().filter(|option| engine.can(*option)).collect();
        for (at, first) in able.iter().enumerate() {
            for second in able.get(at + 1..).unwrap() {
                let both = line(engine, &[*second, *first]);
                assert_eq!(both, line(engine, &[*first, *second]), "{name} {first:?} {second:?}");
                if (name, *first, *second) == ("buildctl", BuildOption::NoCache, BuildOption::NoCacheFilter) {
                    // One option there; all steps are more than some.
                    assert_eq!(added(engine, &[*first, *second]), added(engine, &[*first]));
                    continue;
                }
                let mut left = both.arguments.clone();
                for word in [added(engine, &[*first]), added(engine, &[*second])].concat() {
                    let at = left.iter().position(|other| *other == word);
                    let at = at.unwrap_or_else(|| panic!("{name} {first:?} {second:?}: {word} is not in {both}"));
                    left.remove(at);
                }
            }
        }
    }
}

/// An image is pushed from the store that it was built into.
#[test]
fn stores_are_the_same_for_all_commands() {
    let engines = Engines::default();
    let check = |name: &str, flags: &[&str], expect: &str| {
        let mut request = request(&[BuildOption::Push]);
        request.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        request.frontend = Frontend::Dockerfiles(vec![WrittenDockerfile {
            platform: String::new(),
            directory: PathBuf::from("d"),
        }]);
        let lines = engines.get(name).unwrap().commands(&request, None).unwrap();
        assert_eq!(lines.last().unwrap().to_string(), expect);
    };
    let place = "r.example/churn:1 docker://r.example/churn:1";
    let flags = ["--root", "/images", "--quiet"];
    check("podman", &flags, &format!("podman --root /images push {place}"));
    check("buildah", &flags, &format!("buildah --root /images push {place}"));
    let flags = ["--namespace=k8s.io", "--quiet", "-a", "/run/socket"];
    check(
        "nerdctl",
        &flags,
        "nerdctl --namespace=k8s.io -a /run/socket push r.example/churn:1",
    );
}

#[test]
fn frontends_are_handed_over_as_each_engine_takes_them() {
    let engines = Engines::default();
    let mut text = String::new();
    for name in ["buildx", "docker", "buildctl"] {
        let engine = engines.get(name).unwrap();
        for frontend in [
            Frontend::OfSpec("r.example/a:1".into()),
            Frontend::Image("r.example/b:2".into()),
        ] {
            let request = BuildRequest {
                frontend,
                ..request(&[])
            };
            for line in engine.commands(&request, None).unwrap() {
                text.push_str(&format!("{line}\n"));
            }
        }
    }
    // A store that takes no layouts.
    let classic = Health {
        store: Some("classic"),
        ..Health::default()
    };
    for line in engines
        .get("buildx")
        .unwrap()
        .commands(&request(&[]), Some(&classic))
        .unwrap()
    {
        text.push_str(&format!("{line}\n"));
    }
    insta::assert_snapshot!(text);
}

/// An engine of somebody else.
struct Theirs {
    name: &'static str,
    priority: Option<i32>,
    trouble: Option<&'static str>,
}

impl Engine for Theirs {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> Option<i32> {
        self.priority
    }

    fn health(&self) -> Health {
        match self.trouble {
            Some(reason) => Health::default().with_trouble(reason, "mend it"),
            None => Health::default(),
        }
    }

    fn can(&self, option: BuildOption) -> bool {
        option == BuildOption::Push
    }

    fn commands(&self, _: &BuildRequest, _: Option<&Health>) -> Result<Vec<CommandLine>, Diagnostic> {
        Ok(Vec::new())
    }

    fn build(&self, request: &BuildRequest, _: &Health) -> Result<Built, BuildError> {
        Ok(Built {
            name: Some(format!("{}@{}", request.names[0], self.name)),
            ..Built::default()
        })
    }
}

fn theirs(name: &'static str, priority: Option<i32>, trouble: Option<&'static str>) -> Box<dyn Engine> {
    Box::new(Theirs {
        name,
        priority,
        trouble,
    })
}

#[test]
fn engines_of_others_join() {
    let mut engines = Engines::default();
    engines.register(theirs("kaniko", Some(99), None));
    let (engine, health, passed) = engines.first_healthy(&request(&[])).unwrap();
    assert_eq!((engine.name(), passed.len()), ("kaniko", 0));
    let built = engine.build(&request(&[]), &health).unwrap();
    assert_eq!(built.name.as_deref(), Some("r.example/churn:1@kaniko"));
    let refused = engines
        .check(engine, &request(&[BuildOption::Push, BuildOption::Secret]))
        .unwrap_err();
    let words = refused.iter().map(|problem| problem.line(None)).collect::<Vec<_>>();
    assert_eq!(
        words,
        [
            "kaniko cannot do --secret\n    help: leave it out, or build with --engine buildx, docker, buildctl, nerdctl, podman or buildah"
        ]
    );
    // In the place of one that has the same name.
    engines.register(theirs("buildx", None, None));
    let names: Vec<&str> = engines.all().map(Engine::name).collect();
    let expect = [
        "kaniko", "docker", "buildctl", "nerdctl", "podman", "buildah", "noop", "buildx",
    ];
    assert_eq!(names, expect);
    let unknown = engines.get("kanico").err().unwrap();
    assert!(unknown.help.unwrap().contains("kaniko"));
}

#[test]
fn the_first_healthy_one_is_chosen() {
    let mut engines = Engines::none();
    engines.register(theirs("c", Some(1), None));
    engines.register(theirs("a", Some(3), Some("it is asleep")));
    engines.register(theirs("by-name", None, None));
    engines.register(theirs("b", Some(2), Some("it is gone")));
    let (engine, _, passed) = engines.first_healthy(&request(&[])).unwrap();
    assert_eq!(
        (engine.name(), passed),
        ("c", vec!["a: it is asleep".to_owned(), "b: it is gone".to_owned()])
    );
    let mut engines = Engines::none();
    engines.register(theirs("a", Some(3), Some("it is asleep")));
    engines.register(theirs("b", Some(2), Some("it is asleep")));
    let problem = engines.first_healthy(&request(&[])).err().unwrap();
    assert_eq!(
        problem.line(None),
        "no engine can build: a: it is asleep\n    help: mend it"
    );
}
