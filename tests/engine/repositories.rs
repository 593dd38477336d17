//! Packages of repositories that are reached by ssh.

use std::os::unix::fs::PermissionsExt as _;

use crate::bed::{Engine, Project, fresh};

/// Makes keys and two repositories, one with a package below its root and the other as a submodule of it, and serves them.
const SERVE: &str = r#"
    set -e
    mkdir -p /run/sshd /root/.ssh
    ssh-keygen -q -t ed25519 -N '' -f /key
    cp /key.pub /root/.ssh/authorized_keys
    host=$(hostname -i)
    git config --global user.name engine && git config --global user.email engine@localhost
    git config --global protocol.file.allow always
    git init -q -b main /srv/data && cd /srv/data
    echo 'VALUE = 19' > values.py && git add . && git commit -qm values
    git init -q -b main /srv/app && mkdir -p /srv/app/libs/reached/reached && cd /srv/app/libs/reached
    printf '[project]\nname = "reached"\nversion = "1.2.3"\ndependencies = ["six"]\n' > pyproject.toml
    printf '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n' >> pyproject.toml
    printf '[tool.setuptools]\npackages = ["reached", "reached.data"]\n' >> pyproject.toml
    echo > reached/__init__.py
    git submodule --quiet add /srv/data reached/data
    git config --file /srv/app/.gitmodules submodule.libs/reached/reached/data.url "ssh://root@$host/srv/data"
    git add -A /srv/app && git commit -qm app
    exec /usr/sbin/sshd -D
"#;

/// A container that is removed when it is no longer used.
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Engine::Main.docker(&["rm", "--force", &self.0]).output();
    }
}

impl Container {
    fn read(&self, path: &str) -> Option<String> {
        let output = Engine::Main.docker(&["exec", &self.0, "cat", path]).output().unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap())
    }
}

#[test]
#[ignore = "installs an ssh server first"]
fn packages_come_by_ssh_with_the_agent_of_whoever_builds() {
    Project::new("profile: plain\napt_packages: [openssh-server, git]\n").build("engine-ssh-server");
    let run = [
        "run",
        "--detach",
        "--entrypoint",
        "/bin/sh",
        "engine-ssh-server",
        "-c",
        SERVE,
    ];
    let server = Container(Engine::Main.ok(&run).trim().to_owned());
    let is_up = || server.read("/proc/1/cmdline").is_some_and(|line| line.contains("sshd"));
    for _ in 0..100 {
        if is_up() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(is_up(), "{}", Engine::Main.ok(&["logs", &server.0]));
    let address = "{{.NetworkSettings.Networks.bridge.IPAddress}}";
    let host = Engine::Main.ok(&["inspect", "--format", address, &server.0]);
    let host = host.trim();

    let outside = tempfile::tempdir().unwrap();
    let key = outside.path().join("key");
    std::fs::write(&key, server.read("/key").unwrap()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let spec = fresh(&format!(
        "profile: plain\napt_packages: [git, openssh-client]\npip_secret_mounts: [[known_hosts, /root/.ssh/known_hosts]]\n\
         packages: [\"reached @ git+ssh://root@{host}/srv/app#subdirectory=libs/reached\"]\n"
    ));
    let known = outside.path().join("known_hosts");
    std::fs::write(
        &known,
        format!("{host} {}", server.read("/etc/ssh/ssh_host_ed25519_key.pub").unwrap()),
    )
    .unwrap();
    let secret = format!("id=secret_0,src={}", known.display());
    let agent = format!("default={}", key.display());
    let project = Project::new(&spec).with(&["--secret", &secret, "--ssh", &agent]);
    let line = "from reached.data.values import VALUE; import six; print(VALUE)";
    let said = project.build_and_run("engine-ssh", &format!("python -c '{line}'"));
    assert_eq!(said, "19\n");
    let left = Engine::Main.shell("engine-ssh", "ls -A /root/.ssh /tmp 2>/dev/null; env");
    assert!(
        !left.contains("known_hosts") && !left.contains("SSH_AUTH_SOCK"),
        "{left}"
    );

    // Without its key, the host does not let us in; the error is git's own.
    let cut = Project::new(&spec.replace("RUN: \"", "RUN: \"1")).with(&[
        "--secret",
        &secret,
        "--build-arg",
        "BUILDKIT_CACHE_MOUNT_NS=no-agent",
    ]);
    let log = cut.fail("engine-ssh-none");
    assert!(log.contains("Permission denied"), "{log}");
}
