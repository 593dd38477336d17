//! Programs that keep credentials, as Docker and podman start them: `docker-credential-NAME get`.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::registry::secret::Secret;

/// How long a program may take: it may ask somebody.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether a program has ended.
const POLL: Duration = Duration::from_millis(5);
/// The longest answer, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// What programs print when they have nothing for a registry.
const NOT_FOUND: &str = "credentials not found";

/// A user and a secret; the user `<token>` says that the secret is an identity token.
pub(super) type Kept = (String, Secret);

/// Asks a program for what it keeps for a server; `None` if that is nothing. An error says what happened, and none of the
/// program's words: secrets may be among them.
pub(super) fn ask(name: &str, server: &str, path: Option<&OsStr>) -> Result<Option<Kept>, String> {
    ask_within(PATIENCE, name, server, path)
}

fn ask_within(patience: Duration, name: &str, server: &str, path: Option<&OsStr>) -> Result<Option<Kept>, String> {
    let program = format!("docker-credential-{name}");
    if name.contains(['/', '\\']) {
        return Err(format!("`{program}` is no name of a program"));
    }
    let mut command = Command::new(&program);
    command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut child = command
        .spawn()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not read may answer all the same.
        drop(input.write_all(server.as_bytes()));
    }
    let (send, receive) = mpsc::channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = output.map(|output| output.take(MAX_ANSWER).read_to_end(&mut answer));
        drop(send.send(read.map(|_| answer)));
    });
    let deadline = Instant::now() + patience;
    let answer = receive.recv_timeout(patience).ok();
    let status = end_of(&mut child, answer.as_ref().map_or_else(Instant::now, |_| deadline));
    let (Some(answer), Some(status)) = (answer, status) else {
        return Err(format!("`{program}` gave no answer in {} seconds", patience.as_secs()));
    };
    let answer = answer.unwrap_or_default();
    if !status.success() {
        let said = String::from_utf8_lossy(&answer);
        return if said.contains(NOT_FOUND) {
            Ok(None)
        } else {
            Err(format!("`{program} get` failed"))
        };
    }
    let value: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    match (text("Username"), text("Secret")) {
        (Some(user), Some(secret)) => Ok(Some((user.to_owned(), Secret::new(secret)))),
        _ => Err(format!("`{program} get` printed no user and secret")),
    }
}

/// How a program ended; `None` if it had to be stopped.
fn end_of(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= deadline {
            drop(child.kill());
            drop(child.wait());
            return None;
        }
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let directory = tempfile::tempdir().unwrap();
        for (name, line) in [("silent", "exec sleep 60"), ("deaf", "exec >&-; exec sleep 60")] {
            let path = directory.path().join(format!("docker-credential-{name}"));
            // Another process writes it: what this one has open, a process started meanwhile would keep open.
            let script = format!("printf '#!/bin/sh\n{line}\n' >\"$1\" && chmod +x \"$1\"");
            let status = Command::new("/bin/sh").args(["-c", &script, "sh"]).arg(&path).status();
            assert!(status.unwrap().success());
            let mut search = directory.path().as_os_str().to_owned();
            search.push(":/usr/bin:/bin");
            let start = Instant::now();
            let found = ask_within(Duration::from_secs(1), name, "r.example", Some(&search));
            assert_eq!(
                found.unwrap_err(),
                format!("`docker-credential-{name}` gave no answer in 1 seconds")
            );
            assert!(start.elapsed() < Duration::from_secs(20));
        }
    }
}
