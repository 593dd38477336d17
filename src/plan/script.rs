//! Shell scripts. Everything that comes from a spec goes through [`quote`].

use crate::plan::FIXED_TIME;
use crate::plan::types::Mount;

const PRELUDE: &str = include_str!("scripts/prelude.sh");
const TRUST: &str = include_str!("scripts/trust.sh");
const SETTLE_SHELL: &str = include_str!("scripts/settle.sh");
const SETTLE_PYTHON: &str = include_str!("scripts/settle.py");

/// A text as one word of a shell.
pub(super) fn quote(text: &str) -> String {
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
pub(super) fn quote_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// A script that is put together from parts.
#[derive(Debug, Clone)]
pub(super) struct Script(String);

impl Script {
    /// A script that stops at its first failure and knows when it began.
    pub(super) fn new() -> Self {
        Self(PRELUDE.to_owned())
    }

    /// Adds lines.
    pub(super) fn lines(mut self, text: &str) -> Self {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
        self
    }

    /// The script as it is; what it writes reaches no layer.
    pub(super) fn text(self) -> String {
        self.0
    }

    /// Makes the installers trust the build's or the image's certificates.
    pub(super) fn trust(self) -> Self {
        self.lines(TRUST)
    }

    /// Stops with what to do when a secret is not there.
    pub(super) fn require_secret(self, id: &str, target: &str, source: &str) -> Self {
        let message = format!("the secret `{id}` is missing: add --secret id={id},src={source} to the build command");
        self.lines(&format!(
            "if [ ! -e {} ]; then echo {} >&2; exit 1; fi",
            quote(target),
            quote(&message)
        ))
    }

    /// Gives what was written anywhere a fixed time.
    pub(super) fn settle_shell(self, mounts: &[Mount]) -> String {
        let around = around(mounts);
        let around = around.iter().map(String::as_str);
        self.lines(&format!(
            "time={FIXED_TIME} around={}",
            quote(&around.collect::<Vec<_>>().join(" "))
        ))
        .lines(SETTLE_SHELL)
        .0
    }

    /// Gives what was written below a prefix its owner and a fixed time.
    pub(super) fn settle_python(self, python: &str, owner: &str, prefix: &str, mounts: &[Mount]) -> String {
        let mut around = around(mounts);
        // Making the prefix changed the directories above it.
        above(prefix, &mut around);
        let around = quote_all(around.iter().map(String::as_str));
        let arguments = format!("{FIXED_TIME} {} {} {around}", quote(owner), quote(prefix));
        self.lines(&python_lines(python, "PYTHONHASHSEED=0", &arguments, SETTLE_PYTHON))
            .0
    }
}

/// Runs a program of ours, with quoted arguments, on an interpreter that nobody has set up otherwise.
pub(super) fn python_lines(python: &str, environment: &str, arguments: &str, program: &str) -> String {
    let python = quote(python);
    format!(
        "env -u PYTHONPATH -u PYTHONHOME {environment} {python} -s -S -B - {arguments} <<'PROGRAM'\n{program}PROGRAM\n"
    )
}

/// The directories whose time mount points change: those above the targets, and above the files that
/// every container gets.
fn around(mounts: &[Mount]) -> Vec<String> {
    let mut directories = vec!["/".to_owned(), "/etc".to_owned()];
    for mount in mounts {
        let target = mount.target();
        if target == "/tmp" || target.starts_with("/tmp/") {
            continue;
        }
        above(target, &mut directories);
    }
    directories
}

/// Adds the directories above a path.
fn above(path: &str, directories: &mut Vec<String>) {
    for (at, _) in path.match_indices('/').skip(1) {
        let directory = path.get(..at).unwrap_or("").to_owned();
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_directories_above_mount_points_are_known() {
        let mounts = [Mount::Secret {
            target: "/root/.config/pip/pip.conf".into(),
            id: "x".into(),
        }];
        assert_eq!(
            around(&mounts),
            ["/", "/etc", "/root", "/root/.config", "/root/.config/pip"]
        );
    }
}
