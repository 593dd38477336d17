//! Programs that keep credentials, as Docker and podman start them: `docker-credential-NAME get`.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::registry::secret::Secret;

/// How long a program may take: it may ask somebody.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// What programs print when they have nothing for a registry.
const NOT_FOUND: &str = "credentials not found";

/// A user and a secret; the user `<token>` says that the secret is an identity token.
pub(super) type Kept = (String, Secret);

/// Asks a program for what it keeps for a server; `None` if that is nothing. An error says what happened, and none of the
/// program's words: secrets may be among them.
pub(super) fn ask(name: &str, server: &str, path: Option<&OsStr>) -> Result<Option<Kept>, String> {
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
    let answer = receive.recv_timeout(PATIENCE);
    if answer.is_err() {
        drop(child.kill());
    }
    let status = child.wait();
    let Ok(answer) = answer else {
        return Err(format!("`{program}` gave no answer in {} seconds", PATIENCE.as_secs()));
    };
    let answer = answer.unwrap_or_default();
    if !status.is_ok_and(|status| status.success()) {
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
