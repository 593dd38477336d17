//! A private index that wants a password, and where the password must not be found.

use std::io::Read as _;
use std::path::Path;

use crate::bed::{Engine, Project, bed, fresh, host};

/// Whether bytes, unpacked if they are compressed, hold a text.
fn holds(bytes: &[u8], text: &str) -> bool {
    let contains = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let mut unpacked = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b])
        && flate2::read::MultiGzDecoder::new(bytes)
            .read_to_end(&mut unpacked)
            .is_ok()
    {
        return contains(&unpacked);
    }
    contains(bytes)
}

/// How many files below a directory hold a text, and how many there are.
fn search(directory: &Path, text: &str) -> (usize, usize) {
    let (mut holding, mut files) = (0, 0);
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let (more_holding, more_files) = if path.is_dir() {
            search(&path, text)
        } else {
            (usize::from(holds(&std::fs::read(&path).unwrap(), text)), 1)
        };
        holding += more_holding;
        files += more_files;
    }
    (holding, files)
}

#[test]
fn a_private_index_is_used_and_its_password_is_nowhere() {
    let bed = bed();
    let password = std::fs::read_to_string(&bed["IMAGESPEC_BED_PRIVATE_PASSWORD_FILE"])
        .unwrap()
        .trim()
        .to_owned();
    assert!(password.len() >= 8);
    let index = &bed["IMAGESPEC_BED_PRIVATE_INDEX"];
    let host = host();
    // Run for certain: a log of steps that are found in a cache says nothing of passwords.
    let spec = fresh(&format!(
        "profile: plain\npackages: [bed-private-demo]\npip_index: {index}\npip_secret_mounts: [[.netrc, /root/.netrc]]\n"
    ));
    let exported = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let netrc = outside.path().join("netrc");
    std::fs::write(&netrc, format!("machine {host} login imagespec password {password}\n")).unwrap();
    let project = Project::new(&spec).with(&[
        "--secret",
        &format!("id=secret_0,src={}", netrc.display()),
        "--cache-to",
        &format!("type=local,dest={},mode=max", exported.path().join("cache").display()),
    ]);
    let built = project.build("engine-private");
    let ran = built.ran();
    for step in [
        "[lock] uv pip compile bed-private-demo",
        "[packages] uv pip install bed-private-demo==",
    ] {
        assert!(ran.iter().any(|name| name.starts_with(step)), "{step}: {ran:#?}");
    }
    let greeting = project.engine.shell(
        "engine-private",
        "python -c 'import bed_private_demo; print(bed_private_demo.greet())'",
    );
    assert_eq!(greeting, "hello from bed-private-demo\n");
    assert!(!built.log.contains(&password), "the log has the password");
    let history = project.engine.ok(&["history", "--no-trunc", "engine-private"]);
    assert!(
        history.contains("bed-private-demo") && !history.contains(&password),
        "{history}"
    );
    let archive = exported.path().join("image.tar");
    project
        .engine
        .ok(&["save", "-o", archive.to_str().unwrap(), "engine-private"]);
    let unpacked = exported.path().join("image");
    tar::Archive::new(std::fs::File::open(&archive).unwrap())
        .unpack(&unpacked)
        .unwrap();
    std::fs::remove_file(archive).unwrap();
    // The search finds what is there: in the exported cache and in the image, packed as they are.
    for directory in ["cache", "image"] {
        let (holding, files) = search(&exported.path().join(directory), "bed_private_demo");
        assert!(holding > 0, "none of {files} files in {directory} holds the package");
        assert_eq!(
            search(&exported.path().join(directory), &password).0,
            0,
            "{directory} holds the password"
        );
    }
    assert_eq!(
        project
            .engine
            .shell("engine-private", "ls -A /root/.netrc 2>/dev/null; true"),
        ""
    );
}

#[test]
fn a_missing_secret_says_how_to_give_it() {
    let spec = "profile: plain\npackages: [six]\npip_secret_mounts:\n  - [tokens/netrc, /root/.netrc]\n";
    let lock = "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"six\"\nversion = \"1.16.0\"\n\
        wheels = [{ url = \"https://h/six-1.16.0-py2.py3-none-any.whl\", hashes = { sha256 = \"aa\" } }]\n";
    // Where versions are looked up; where a lock is given so that the first step that needs it is one of the image; and
    // where only a part of the image is built.
    for (lock, target) in [(None, "image"), (Some(lock), "image"), (Some(lock), "packages")] {
        let project = Project::new(&fresh(spec)).with(&["--target", target]);
        if let Some(lock) = lock {
            project.file("pylock.toml", lock);
        }
        let log = project.fail("engine-secret-missing");
        for words in [
            "imageSpec.yaml:5:5: the secret `secret_0` is missing",
            "help: add --secret id=secret_0,src=tokens/netrc to the build command",
            // The step itself, whose script is the same for all who build the spec.
            "missing secret: secret_0",
        ] {
            assert!(log.contains(words), "{words}: {log}");
        }
    }
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let spec = "packages: [six]\n# https://user:hunter22@example.com in a comment\npip_index: https://user:hunter22@example.com/simple\n";
    let log = Project::new(spec).fail("engine-url-password");
    assert!(log.contains("has a credential in its URL"), "{log}");
    assert!(log.contains("--secret id=secret_0"), "{log}");
    assert!(!log.contains("hunter22"), "{log}");
    assert_eq!(Engine::Main.ok(&["image", "ls", "-q", "engine-url-password"]), "");
}

/// Each kind of steps sees its secrets, others do not, and none is in what comes of them.
#[test]
fn steps_see_the_secrets_that_name_them() {
    let spec = fresh(
        "profile: plain\napt_packages: [jq]\npackages: [six]\n\
        setup_commands: ['test ${#SETUP} = 14 && test ! -e /run/secrets/file && test -z \"${PACKAGES:-}\"']\n\
        commands: ['test $(wc -c < /run/secrets/file) = 13 && test -z \"${SETUP:-}${ABSENT:-}\"', 'sha256sum /run/secrets/file > /sum']\n\
        secrets:\n  - {id: setup, env: SETUP, steps: [setup]}\n  - {id: file, steps: [commands]}\n\
        \x20 - {id: all, env: PACKAGES, steps: [apt, python, packages]}\n  - {id: absent, env: ABSENT, required: false}\n\
        \x20 - {id: file, target: /etc/apt/auth.conf.d/private.conf, steps: [apt, packages]}\n",
    );
    let directory = tempfile::tempdir().unwrap();
    let give = |id: &str| {
        let path = directory.path().join(id);
        std::fs::write(&path, format!("value-of-{id}")).unwrap();
        format!("id={id},src={}", path.display())
    };
    let (setup, file, all) = (give("setup"), give("file"), give("all"));
    let arguments = ["--secret", &setup, "--secret", &file, "--secret", &all];
    let project = Project::new(&spec).with(&arguments);
    let built = project.build("engine-secrets-of-steps");
    assert!(!built.log.contains("value-of-"), "{}", built.log);
    let line =
        "env | grep -c value-of; ls /run/secrets /etc/apt/auth.conf.d 2>/dev/null | grep -v :; cut -c1-64 /sum | wc -c";
    assert_eq!(project.engine.shell("engine-secrets-of-steps", line), "0\n65\n");
    let history = project.engine.ok(&["history", "--no-trunc", "engine-secrets-of-steps"]);
    assert!(!history.contains("value-of-"), "{history}");
    // Another value runs nothing again.
    std::fs::write(directory.path().join("file"), "another").unwrap();
    assert_eq!(project.build("engine-secrets-of-steps").ran(), [""; 0]);
}

#[test]
fn a_secret_of_steps_that_is_missing_is_told_at_its_line() {
    let check = |secret: &str, line: &str| {
        let spec = fresh(&format!(
            "profile: plain\ncommands: [\"true\"]\nsecrets:\n  - {secret}\n"
        ));
        let log = Project::new(&spec).fail("engine-secret-of-steps");
        for words in [
            "imageSpec.yaml:5:5: the secret `token` is missing",
            line,
            "missing secret: token",
        ] {
            assert!(log.contains(words), "{words}: {log}");
        }
    };
    check(
        "{id: token, env: TOKEN}",
        "help: add --secret id=token,src=FILE to the build command",
    );
    check(
        "{id: token, src: my/token, target: /t, steps: [commands]}",
        "help: add --secret id=token,src=my/token to the build command",
    );
}
