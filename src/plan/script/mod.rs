//! The scripts that steps run: separate files, which a plan names with arguments.
//!
//! What comes from a spec reaches a shell through [`quote`] alone: the builder's writer puts arguments into words
//! with it.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

/// The exit status of a script that lacks a program which repositories need.
pub const MISSING_GIT_STATUS: u32 = 98;
/// The exit status of a script that lacks a required secret.
pub const MISSING_SECRET_STATUS: u32 = 97;
/// The exit status of a step that installs wheels alone, where a package has to be built.
pub const NEEDS_BUILDS_STATUS: u32 = 96;

/// What the apt step says before it tries once more with new lists: what was said before has no meaning then.
pub(crate) const LOOKS_AGAIN: &str = "not with these lists of packages: looking for newer ones";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!($name))),*]
    };
}

/// All files, by name.
const FILES: &[(&str, &str)] = &files![
    "activation.py",
    "activation.sh",
    "apt.sh",
    "apt_get.sh",
    "apt_names.sh",
    "apt_sources.sh",
    "build.sh",
    "checkouts.sh",
    "commands.sh",
    "conda.sh",
    "conda_records.py",
    "context_files.sh",
    "each_command.sh",
    "export.sh",
    "fetch.sh",
    "find_shared.sh",
    "index_access.sh",
    "install.sh",
    "install_resolved.sh",
    "installed.sh",
    "interpreter.py",
    "keep_shared.sh",
    "last_by_name.sh",
    "lend_pip.sh",
    "lock_environment.sh",
    "login.sh",
    "login_path.sh",
    "look_at_python.sh",
    "needs.py",
    "own_packages.py",
    "own_workdir.sh",
    "pip.py",
    "prelude.sh",
    "record_shared.sh",
    "relay.sh",
    "report_interpreter.sh",
    "resolve.sh",
    "settle.py",
    "settle.sh",
    "settle_python.sh",
    "settle_shared.sh",
    "shared.py",
    "stop_build.py",
    "trust.sh",
    "user.sh",
    "uv_environment.sh",
    "venv.sh",
    "watch_builds.sh",
];

/// A script with its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Script {
    /// The file to run; [`Self::files`] are all that it reads.
    #[serde(rename = "file")]
    pub file: &'static str,
    /// Variables of the shell, by name; `_` keeps them apart from what the image's environment exports. The builder adds
    /// `_scripts`, the directory of the files, and `_around`, the directories that its mount points were made in, a
    /// line each.
    #[serde(serialize_with = "as_map")]
    pub variables: Vec<(&'static str, String)>,
    /// The positional arguments.
    pub arguments: Vec<String>,
}

fn as_map<S: Serializer>(pairs: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

impl Script {
    pub(crate) fn new(file: &'static str) -> Self {
        Self {
            file,
            variables: Vec::new(),
            arguments: Vec::new(),
        }
    }

    /// Sets a variable.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Adds arguments.
    pub(crate) fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The file that runs it. What the user's own commands say is passed on as it comes: it may be of any length.
    #[must_use]
    pub fn runner(&self) -> &'static str {
        match self.file {
            "commands.sh" => self.file,
            _ => "relay.sh",
        }
    }

    /// The files that it needs, itself included, by name.
    #[must_use]
    pub fn files(&self) -> Vec<&'static str> {
        let mut wanted = vec![self.runner()];
        if !wanted.contains(&self.file) {
            wanted.push(self.file);
        }
        let mut at = 0;
        while let Some(file) = wanted.get(at) {
            for name in named(script_file(file)) {
                if !wanted.contains(&name) {
                    wanted.push(name);
                }
            }
            at += 1;
        }
        wanted.sort_unstable();
        wanted
    }
}

/// The files of the directory of scripts that a script names.
fn named(text: &str) -> impl Iterator<Item = &'static str> {
    let after = text.split("scripts").skip(1);
    after.filter_map(|after| {
        let path = after.strip_prefix(":?}").unwrap_or(after).strip_prefix('/')?;
        let (name, _) = path.split_once('"')?;
        FILES.iter().map(|(file, _)| *file).find(|file| *file == name)
    })
}

/// The text of a file, by its name; empty if there is none.
#[must_use]
pub(crate) fn script_file(file: &str) -> &'static str {
    FILES
        .iter()
        .find(|(name, _)| *name == file)
        .map_or("", |(_, text)| text)
}

/// A text as one word of a shell.
#[must_use]
pub(crate) fn quote(text: &str) -> String {
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c));
    if plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Texts as words of a shell.
#[must_use]
pub(crate) fn quote_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::FIXED_TIME;
    use crate::plan::paths;

    proptest::proptest! {
        #[test]
        fn a_shell_reads_back_what_was_quoted(text in "[^\0]{0,40}") {
            let output = std::process::Command::new("/bin/sh")
                .arg("-c")
                .arg(format!("printf %s {}", quote(&text)))
                .output()
                .unwrap();
            proptest::prop_assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }

    #[test]
    fn every_file_of_the_directory_is_there() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/script");
        let found: BTreeSet<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".rs"))
            .collect();
        assert_eq!(found, FILES.iter().map(|(name, _)| (*name).to_owned()).collect());
    }

    #[test]
    fn scripts_bring_what_they_read() {
        let check = |file, expect: &[&str]| assert_eq!(Script::new(file).files(), expect);
        check(
            "apt.sh",
            &["apt.sh", "apt_get.sh", "prelude.sh", "relay.sh", "settle.sh"],
        );
        check(
            "conda.sh",
            &[
                "conda.sh",
                "conda_records.py",
                "prelude.sh",
                "relay.sh",
                "settle.py",
                "settle_python.sh",
                "trust.sh",
            ],
        );
        check(
            "find_shared.sh",
            &["find_shared.sh", "needs.py", "prelude.sh", "relay.sh", "shared.py"],
        );
        for (name, text) in FILES.iter().filter(|(name, _)| name.ends_with(".sh")) {
            let read: BTreeSet<&str> = named(text).collect();
            let mentions = text.matches("\"$_scripts/").count() + text.matches("\"${_scripts:?}/").count();
            assert_eq!(
                read.len(),
                mentions,
                "{name} reads something that is not there, or twice"
            );
        }
    }

    /// The writer ends each file with this line.
    #[test]
    fn scripts_can_be_put_into_one_text() {
        for (name, text) in FILES {
            assert!(text.ends_with('\n') && !text.contains("IMAGESPEC_FILE"), "{name}");
        }
    }

    /// One changed byte builds every image of every user again: a new snapshot belongs into the changelog.
    #[test]
    fn texts_of_scripts_are_a_promise() {
        let digests: Vec<String> = FILES
            .iter()
            .map(|(name, text)| format!("{name} {}", base16ct::lower::encode_string(&Sha256::digest(text))))
            .collect();
        insta::with_settings!({snapshot_path => "../snapshots"}, {
            insta::assert_snapshot!(digests.join("\n"));
        });
    }

    #[test]
    fn scripts_and_plans_mean_the_same_places() {
        let prelude = script_file("prelude.sh");
        for (name, value) in [
            ("uv", paths::UV),
            ("micromamba", paths::MICROMAMBA),
            ("bundle", paths::BUNDLE),
            ("certificates", paths::CERTIFICATES),
            ("context", paths::CONTEXT),
            ("work", paths::WORK),
            ("built_packages", paths::BUILT),
            ("looked", &format!("{}/installed.txt", paths::LOOKED)),
            ("conda_cache", paths::CONDA_CACHE),
            ("apt_archives", paths::APT_ARCHIVES),
            ("apt_state", paths::APT_STATE),
            ("uv_cache", paths::UV_CACHE),
            ("product", paths::PRODUCT),
            ("kept", paths::KEPT),
            ("time", &FIXED_TIME.to_string()),
        ] {
            assert!(prelude.contains(&format!("\n_{name}={value}\n")), "{name}");
        }
        assert!(script_file("commands.sh").contains(&format!("> {}\n", paths::FAILED)));
        assert!(script_file("apt.sh").contains(&format!("echo '{LOOKS_AGAIN}'")));
        assert!(script_file("relay.sh").contains(&format!("> {};", paths::FAILED)));
        assert!(script_file("watch_builds.sh").contains(&format!("exit {NEEDS_BUILDS_STATUS}; ")));
        let status = format!("exit {MISSING_SECRET_STATUS}; ");
        assert!(script_file("index_access.sh").contains(&status));
    }

    /// Runs a script as steps run theirs, and gives its status, standard output and standard error.
    fn relayed(script: &str) -> (Option<i32>, String, String) {
        let directory = tempfile::tempdir().unwrap();
        let scripts = directory.path().join("scripts");
        std::fs::create_dir(&scripts).unwrap();
        std::fs::write(scripts.join("main.sh"), script).unwrap();
        std::fs::write(scripts.join("relay.sh"), script_file("relay.sh")).unwrap();
        let start = "_scripts=$1 _main=$1/main.sh; set -- an argument; . \"$_scripts/relay.sh\"; [ \"$(cat \"$_main\")\" != true ] || echo and more";
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", start, "sh"])
            .arg(&scripts)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    #[test]
    fn what_a_script_says_is_passed_on_in_whole_lines_with_the_users_paths() {
        let check = |script: &str, code: i32, out: &str, err: &str| {
            assert_eq!(
                relayed(script),
                (Some(code), out.to_owned(), err.to_owned()),
                "{script}"
            );
        };
        check(
            "echo \"$2\"; printf 'two  ' >&2; printf 'pieces\\n\\tand \\\\ more\\n' >&2",
            0,
            "argument\n",
            "two  pieces\n\tand \\ more\n",
        );
        check("set -e; false; echo never", 1, "", "");
        check("true", 0, "and more\n", "");
        check("exit 97", 97, "", "");
        // An end without a line feed is a line.
        check("printf 'the end' >&2; exit 3", 3, "", "the end\n");
        for place in [paths::WORK, paths::CONTEXT] {
            let line = format!("echo \"{place}/a/b file://{place}/c.whl in {place}: {place}\" >&2");
            check(&line, 0, "", "./a/b ./c.whl in .: .\n");
        }
        // Nobody waits for what goes on in the background.
        let began = std::time::Instant::now();
        check("sleep 20 > /dev/null & echo here >&2", 0, "", "here\n");
        assert!(began.elapsed().as_secs() < 10);
    }

    /// `~/.profile` is written by a script, in words that any shell reads back.
    #[test]
    fn login_shells_read_back_any_path() {
        let quoted = script_file("login.sh");
        let (from, to) = (quoted.find("quoted() {").unwrap(), quoted.find("\n}\n").unwrap());
        let function = quoted.get(from..to + 3).unwrap();
        for path in ["/bin:/usr/bin", "/a b:$HOME", "it's/'x'", "$(touch /pwned)", ""] {
            let output = std::process::Command::new("/bin/sh")
                .args(["-c", &format!("{function}\nquoted \"$1\""), "sh", path])
                .output()
                .unwrap();
            let words = String::from_utf8(output.stdout).unwrap();
            let read = std::process::Command::new("/bin/sh")
                .args(["-c", &format!("printf %s {words}")])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(read.stdout).unwrap(), path);
        }
    }
}
