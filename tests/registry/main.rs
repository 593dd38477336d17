//! Questions to registries whose answers are written here: what is yes, what is no, what is unknown, and that no secret is
//! told to anybody but whom it is for.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may stop at the first surprise, their helpers too"
)]

mod answers;
mod builds;
mod connections;
mod inspect;
mod logins;
mod server;
mod specs;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What the program said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn object(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// A user's machine: a home with files, and the variables of its shell.
struct User {
    home: TempDir,
    variables: Vec<(String, String)>,
}

impl User {
    /// One without any credentials.
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// One with a Docker configuration.
    fn with_config(config: &Value) -> Self {
        let user = Self::new();
        user.file(".docker/config.json", &config.to_string());
        user
    }

    fn file(&self, path: &str, content: &str) -> &Self {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn with(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.variables.push((variable.to_owned(), value.into()));
        self
    }

    /// Puts a program on the search path. A shell writes it: were the file open here, a process that another thread starts
    /// meanwhile would keep it open, and it could not be run.
    fn program(self, name: &str, text: &str) -> Self {
        let directory = self.home.path().join("bin");
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        let line = r#"printf '%s' "$1" >"$2" && chmod +x "$2""#;
        let status = Command::new("/bin/sh")
            .args(["-c", line, "sh", text])
            .arg(&path)
            .status();
        assert!(status.unwrap().success());
        let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
        self.with("PATH", path)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imagespec"));
        for name in [
            "REGISTRY_AUTH_FILE",
            "DOCKER_CONFIG",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "NO_PROXY",
            "no_proxy",
        ] {
            command.env_remove(name);
        }
        for name in [
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        ] {
            command.env_remove(name);
        }
        let home = self.home.path();
        command
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .args(arguments)
            .current_dir(home)
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        // Every secret of these tests has this word in it.
        for text in [&said.out, &said.err] {
            assert!(!text.contains("hunter"), "{arguments:?}: {text}");
        }
        said
    }

    /// Asks whether an image is there: `yes DIGEST`, `no REASON`, `KIND REASON`. Holds the answer for people against that for
    /// programs.
    fn exists(&self, name: &str, more: &[&str]) -> String {
        let arguments = [&["exists", name][..], more].concat();
        let for_programs = [&arguments[..], &["--json"]].concat();
        let (words, said) = std::thread::scope(|scope| {
            let words = scope.spawn(|| self.run(&arguments));
            let said = self.run(&for_programs);
            (words.join().unwrap(), said)
        });
        assert_eq!((said.code, said.err.as_str()), (words.code, ""), "{}", words.out);
        let found = said.object();
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(words.out.lines().count(), 1, "{}", words.out);
        match said.code {
            0 => {
                assert_eq!(words.out, format!("yes {}\n", text("digest")));
                assert_eq!(found["exists"], true);
                format!("yes {}", text("digest"))
            }
            1 => {
                assert_eq!(words.out, "no\n");
                assert!(words.err.contains(&text("reason")), "{}", words.err);
                assert_eq!(found["exists"], false);
                format!("no {}", text("reason"))
            }
            4 => {
                assert!(words.out.starts_with("unknown: ") && words.err.starts_with("help: "));
                assert!(words.out.contains(&text("reason")), "{}", words.out);
                assert_eq!(found["exists"], Value::Null);
                format!("{} {}", text("kind"), text("reason"))
            }
            code => panic!("{code}: {} {}", said.out, said.err),
        }
    }
}

/// A file of this directory.
fn here(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/registry");
    root.join(path).display().to_string()
}
