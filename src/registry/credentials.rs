//! Where credentials for a registry are found, and in which order.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use serde_json::{Map, Value};

use crate::registry::helper;
use crate::registry::secret::Secret;

/// The largest file, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// The name that Docker keeps credentials for Docker Hub under, and asks programs for.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// All hosts that mean Docker Hub, as references name it first.
const DOCKER_HUB_HOSTS: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// The user that stands before an identity token.
const TOKEN_USER: &str = "<token>";

/// What to log in with, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) proof: Proof,
    /// For people: a file, and the program that it names.
    pub(super) from: String,
}

/// What proves who one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// A user and a password.
    Password(String, Secret),
    /// A token that the registry's token server takes instead of a password.
    IdentityToken(Secret),
}

/// The files that may have credentials.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    /// In their order; the first that has something for a registry counts.
    files: Vec<PathBuf>,
    /// Whether the file was named by the user, and so has to be there.
    must_exist: bool,
    /// Where programs are looked for.
    path: Option<OsString>,
}

impl Credentials {
    /// Finds the files, by variables of the environment.
    pub(super) fn find(environment: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let path = variable("PATH");
        let named = |files: Vec<PathBuf>, must_exist| Self {
            files,
            must_exist,
            path: path.clone(),
        };
        if let Some(file) = variable("REGISTRY_AUTH_FILE") {
            return named(vec![file.into()], true);
        }
        if let Some(directory) = variable("DOCKER_CONFIG") {
            return named(vec![Path::new(&directory).join("config.json")], false);
        }
        let mut files = Vec::new();
        match variable("XDG_RUNTIME_DIR") {
            Some(directory) => files.push(Path::new(&directory).join("containers/auth.json")),
            None => files.extend(user().map(|user| PathBuf::from(format!("/run/containers/{user}/auth.json")))),
        }
        if let Some(home) = variable("HOME").map(PathBuf::from) {
            let config = variable("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
            files.push(config.join("containers/auth.json"));
            files.push(home.join(".docker/config.json"));
            files.push(home.join(".dockercfg"));
        }
        named(files, false)
    }

    /// What to log in with at a registry. An error says which file or program is wrong, without their content.
    pub(super) fn login(&self, registry: &str, repository: &str) -> Result<Option<Login>, String> {
        for file in &self.files {
            let place = file.display().to_string();
            let Some(content) = read(file).map_err(|error| format!("cannot read {place}: {error}"))? else {
                if self.must_exist {
                    return Err(format!("there is no {place}, which REGISTRY_AUTH_FILE names"));
                }
                continue;
            };
            // Only to a tree: errors about types would quote values.
            let content: Value = serde_json::from_slice(&content).map_err(|_| format!("{place} is not JSON"))?;
            if let Some(login) = self.in_file(&content, &place, registry, repository)? {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }

    fn in_file(&self, content: &Value, place: &str, registry: &str, repository: &str) -> Result<Option<Login>, String> {
        let helpers = content.get("credHelpers").and_then(Value::as_object);
        let helper = helpers.and_then(|helpers| entry(helpers, registry, ""));
        let helper = helper.and_then(|(key, name)| Some((name.as_str()?, key)));
        let hub = if is_docker_hub(registry) {
            DOCKER_HUB_KEY
        } else {
            registry
        };
        let store = content
            .get("credsStore")
            .and_then(Value::as_str)
            .map(|name| (name, hub));
        for (name, server) in [helper, store]
            .into_iter()
            .flatten()
            .filter(|(name, _)| !name.is_empty())
        {
            let kept = helper::ask(name, server, self.path.as_deref());
            let kept = kept.map_err(|error| format!("{error} (named in {place})"))?;
            if let Some((user, secret)) = kept {
                let from = format!("docker-credential-{name}, named in {place}");
                return Ok(login(user, secret, from));
            }
        }
        // The oldest form has nothing around the entries.
        let auths = match content.get("auths") {
            Some(auths) => auths.as_object(),
            None if place.ends_with(".dockercfg") => content.as_object(),
            None => None,
        };
        let Some((key, found)) = auths.and_then(|auths| entry(auths, registry, repository)) else {
            return Ok(None);
        };
        read_entry(found, place).map_err(|why| format!("the entry {key} of {place} {why}"))
    }
}

/// Reads an entry of `auths`. One without credentials only says that a program has them.
fn read_entry(entry: &Value, place: &str) -> Result<Option<Login>, &'static str> {
    let text = |name: &str| {
        let text = entry.get(name).and_then(Value::as_str).unwrap_or_default();
        text.to_owned()
    };
    let from = place.to_owned();
    let token = text("identitytoken");
    if !token.is_empty() {
        return Ok(login(TOKEN_USER.into(), Secret::new(token), from));
    }
    let encoded = text("auth");
    if encoded.is_empty() {
        return Ok(login(text("username"), Secret::new(text("password")), from));
    }
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoder = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
    let decoded = decoder.decode(encoded.trim()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or("is not Base64")?;
    let (user, password) = decoded.split_once(':').ok_or("has no `:` in it")?;
    Ok(login(user.into(), Secret::new(password.trim_matches('\0')), from))
}

fn login(user: String, secret: Secret, from: String) -> Option<Login> {
    if secret.expose().is_empty() {
        return None;
    }
    let proof = if user == TOKEN_USER {
        Proof::IdentityToken(secret)
    } else {
        Proof::Password(user, secret)
    };
    Some(Login { proof, from })
}

/// The entry for a repository, or for the longest part of its name, or for its registry. `registry` alone without a
/// repository.
fn entry<'a>(entries: &'a Map<String, Value>, registry: &str, repository: &str) -> Option<(&'a str, &'a Value)> {
    let hosts = if is_docker_hub(registry) {
        &DOCKER_HUB_HOSTS[..]
    } else {
        &[registry][..]
    };
    let find = |wanted: &dyn Fn(&str) -> bool| {
        let found = entries.iter().find(|(key, _)| wanted(key));
        found.map(|(key, value)| (key.as_str(), value))
    };
    let mut parts: Vec<&str> = repository.split('/').filter(|part| !part.is_empty()).collect();
    while !parts.is_empty() {
        let path = parts.join("/");
        for host in hosts {
            if let Some(found) = find(&|key| key == format!("{host}/{path}")) {
                return Some(found);
            }
        }
        parts.pop();
    }
    // As references name it, then as Docker does: an address.
    let exact = hosts.iter().find_map(|host| find(&|key| key == *host));
    exact.or_else(|| find(&|key| host_of_key(key).is_some_and(|host| hosts.contains(&host))))
}

/// The host that an address in place of a host means: `https://HOST/v1/`.
fn host_of_key(key: &str) -> Option<&str> {
    let (scheme, rest) = key.split_once("://").unwrap_or(("https", key));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_whole = matches!(path.trim_end_matches('/'), "" | "v1" | "v2");
    (matches!(scheme, "http" | "https") && is_whole).then_some(host)
}

fn is_docker_hub(registry: &str) -> bool {
    DOCKER_HUB_HOSTS.contains(&registry)
}

/// The content of a file; `None` if it is not there.
fn read(file: &Path) -> std::io::Result<Option<Vec<u8>>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::metadata(file) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(std::io::Error::other("it is not a file")),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut content = Vec::new();
    std::fs::File::open(file)?.take(MAX_FILE).read_to_end(&mut content)?;
    Ok(Some(content))
}

/// The number of the user who runs this.
#[cfg(target_os = "linux")]
fn user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").ok().map(|found| found.uid())
}

/// Elsewhere there is no such directory.
#[cfg(not(target_os = "linux"))]
fn user() -> Option<u32> {
    None
}

/// `user:password` as Basic authentication sends it.
pub(super) fn basic(user: &str, password: &Secret) -> Secret {
    Secret::new(general_purpose::STANDARD.encode(format!("{user}:{}", password.expose())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files below a directory, and variables that name it as `DIR`.
    struct Machine(tempfile::TempDir, Vec<(String, OsString)>);

    impl Machine {
        fn new(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            for (path, content) in files {
                let path = directory.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            let root = directory.path().display().to_string();
            let variables = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.replace("DIR", &root).into()));
            let variables = variables.collect();
            Self(directory, variables)
        }

        fn login(&self, registry: &str, repository: &str) -> String {
            let variable = |name: &str| {
                let found = self.1.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            };
            let root = self.0.path().display().to_string();
            let found = Credentials::find(&variable).login(registry, repository);
            assert!(!format!("{found:?}").contains("hunter"), "{found:?}");
            let found = match found {
                Ok(None) => "none".to_owned(),
                Ok(Some(login)) => match login.proof {
                    Proof::Password(user, secret) => format!("{user} {} {}", secret.expose(), login.from),
                    Proof::IdentityToken(secret) => format!("token {} {}", secret.expose(), login.from),
                },
                Err(error) => error,
            };
            found.replace(&root, "DIR")
        }
    }

    fn auth(key: &str, user: &str, password: &str) -> String {
        let encoded = general_purpose::STANDARD.encode(format!("{user}:{password}"));
        serde_json::json!({"auths": {key: {"auth": encoded}}}).to_string()
    }

    #[test]
    fn files_are_read_in_their_order() {
        let named = |user: &str| auth("r.example", user, "hunter1");
        let files = [
            ("run/containers/auth.json", named("run")),
            ("home/.config/containers/auth.json", named("config")),
            ("home/.docker/config.json", named("docker")),
            ("named.json", named("named")),
            ("dir/config.json", named("dir")),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let all = [("HOME", "DIR/home"), ("XDG_RUNTIME_DIR", "DIR/run")];
        let check = |files: &[(&str, &str)], more: &[(&str, &str)], expect: &str| {
            let machine = Machine::new(files, &[&all[..], more].concat());
            assert_eq!(machine.login("r.example", "a/b"), expect, "{more:?}");
        };
        let other = auth("other.example", "x", "hunter1");
        check(&files, &[], "run hunter1 DIR/run/containers/auth.json");
        check(&files[1..], &[], "config hunter1 DIR/home/.config/containers/auth.json");
        check(&files[2..], &[], "docker hunter1 DIR/home/.docker/config.json");
        check(&files[3..], &[], "none");
        let without = [&[("run/containers/auth.json", other.as_str())], &files[1..]].concat();
        check(&without, &[], "config hunter1 DIR/home/.config/containers/auth.json");
        check(
            &files,
            &[("DOCKER_CONFIG", "DIR/dir")],
            "dir hunter1 DIR/dir/config.json",
        );
        check(&files, &[("DOCKER_CONFIG", "DIR/none")], "none");
        let both = [("DOCKER_CONFIG", "DIR/dir"), ("REGISTRY_AUTH_FILE", "DIR/named.json")];
        check(&files, &both, "named hunter1 DIR/named.json");
        check(
            &files,
            &[("REGISTRY_AUTH_FILE", "DIR/none.json")],
            "there is no DIR/none.json, which REGISTRY_AUTH_FILE names",
        );
        let old = r#"{"https://r.example/v1/": {"auth": "dTpodW50ZXIx"}}"#;
        check(&[("home/.dockercfg", old)], &[], "u hunter1 DIR/home/.dockercfg");
    }

    #[test]
    fn entries_are_found_by_the_longest_name() {
        let check = |content: &str, registry: &str, repository: &str, expect: &str| {
            let machine = Machine::new(&[("config.json", content)], &[("DOCKER_CONFIG", "DIR")]);
            assert_eq!(
                machine.login(registry, repository),
                expect.replace("FILE", "DIR/config.json"),
                "{content}"
            );
        };
        let two =
            r#"{"auths": {"r.example": {"auth": "aG9zdDpodW50ZXI="}, "r.example/a": {"auth": "bmFtZTpodW50ZXI="}}}"#;
        check(two, "r.example", "a/b", "name hunter FILE");
        check(two, "r.example", "ab/b", "host hunter FILE");
        check(two, "s.example", "a/b", "none");
        for key in [
            "https://r.example",
            "http://r.example/v1/",
            "https://r.example/v2/",
            "r.example/",
        ] {
            check(&auth(key, "u", "hunter"), "r.example", "a", "u hunter FILE");
        }
        check(&auth("https://r.example/x/", "u", "hunter"), "r.example", "a", "none");
        check(&auth("r.example:80", "u", "hunter"), "r.example", "a", "none");
        for key in ["https://index.docker.io/v1/", "docker.io", "index.docker.io"] {
            check(&auth(key, "u", "hunter"), "docker.io", "library/x", "u hunter FILE");
        }
        check(&auth("r.example", "u", "hunter:2"), "r.example", "a", "u hunter:2 FILE");
        let token = r#"{"auths": {"r.example": {"auth": "dTo=", "identitytoken": "hunter"}}}"#;
        check(token, "r.example", "a", "token hunter FILE");
        let plain = r#"{"auths": {"r.example": {"username": "u", "password": "hunter"}}}"#;
        check(plain, "r.example", "a", "u hunter FILE");
        check(r#"{"auths": {"r.example": {}}}"#, "r.example", "a", "none");
        check("{\"auths\": hunter", "r.example", "a", "FILE is not JSON");
        let broken = r#"{"auths": {"r.example": {"auth": "hunter!"}}}"#;
        check(broken, "r.example", "a", "the entry r.example of FILE is not Base64");
    }

    #[test]
    fn programs_are_asked_before_entries() {
        let program = |answer: &str, code: u8| {
            format!(
                "#!/bin/sh\nread -r server || :\nprintf '%s' '{answer}' | /bin/sed \"s|SERVER|$server|\"\nexit {code}\n"
            )
        };
        let kept = program(r#"{"ServerURL": "x", "Username": "SERVER", "Secret": "hunter"}"#, 0);
        let token = program(r#"{"Username": "<token>", "Secret": "hunter"}"#, 0);
        let nothing = program("credentials not found in native keychain", 1);
        let broken = program("hunter", 1);
        let check = |content: &str, registry: &str, expect: &str| {
            let programs = [
                ("kept", &kept),
                ("token", &token),
                ("nothing", &nothing),
                ("broken", &broken),
            ];
            let names = programs.map(|(name, _)| format!("bin/docker-credential-{name}"));
            let mut files = vec![("config.json", content)];
            files.extend(
                names
                    .iter()
                    .zip(programs)
                    .map(|(name, (_, text))| (name.as_str(), text.as_str())),
            );
            let machine = Machine::new(&files, &[("DOCKER_CONFIG", "DIR"), ("PATH", "DIR/bin")]);
            for name in &names {
                // A copy by another process: what this one has open, a process started meanwhile would keep open.
                let line = "cp \"$1\" \"$1.new\" && chmod +x \"$1.new\" && mv \"$1.new\" \"$1\"";
                let path = machine.0.path().join(name);
                let status = std::process::Command::new("/bin/sh")
                    .args(["-c", line, "sh"])
                    .arg(path)
                    .status();
                assert!(status.unwrap().success());
            }
            let expect = expect.replace("FILE", "DIR/config.json");
            assert_eq!(machine.login(registry, "a"), expect, "{content}");
        };
        let auths = r#""auths": {"r.example": {"auth": "dTpodW50ZXI="}}"#;
        let of = |parts: &str| format!("{{{parts}, {auths}}}");
        let from = "docker-credential-kept, named in FILE";
        check(
            &of(r#""credHelpers": {"r.example": "kept"}"#),
            "r.example",
            &format!("r.example hunter {from}"),
        );
        check(
            &of(r#""credsStore": "kept""#),
            "r.example",
            &format!("r.example hunter {from}"),
        );
        let hub = "https://index.docker.io/v1/";
        check(
            &of(r#""credsStore": "kept""#),
            "docker.io",
            &format!("{hub} hunter {from}"),
        );
        check(
            &of(r#""credHelpers": {"docker.io": "kept"}"#),
            "docker.io",
            &format!("docker.io hunter {from}"),
        );
        check(
            &of(r#""credHelpers": {"s.example": "broken"}"#),
            "r.example",
            "u hunter FILE",
        );
        check(&of(r#""credsStore": "nothing""#), "r.example", "u hunter FILE");
        let both = r#""credHelpers": {"r.example": "kept"}, "credsStore": "broken""#;
        check(&of(both), "r.example", &format!("r.example hunter {from}"));
        check(
            &of(r#""credsStore": "token""#),
            "r.example",
            "token hunter docker-credential-token, named in FILE",
        );
        check(
            &of(r#""credsStore": "broken""#),
            "r.example",
            "`docker-credential-broken get` failed (named in FILE)",
        );
        check(
            &of(r#""credsStore": "../bin/docker-credential-kept""#),
            "r.example",
            "`docker-credential-../bin/docker-credential-kept` is no name of a program (named in FILE)",
        );
        check(
            &of(r#""credsStore": "missing""#),
            "r.example",
            "cannot start `docker-credential-missing`: No such file or directory (os error 2) (named in FILE)",
        );
    }
}
