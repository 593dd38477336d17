//! What an image is for users who do not own its files.

use super::*;

#[test]
fn home_is_that_of_the_images_user_or_the_workdir() {
    let home = |spec: &str, passwd: Option<&str>| {
        let mut memory = Memory::with_spec(&match spec.starts_with("profile") {
            true => format!("workdir: /tmp\n{spec}"),
            false => format!("profile: plain\nworkdir: /tmp\n{spec}"),
        });
        if let Some(passwd) = passwd {
            memory.file("", "etc/passwd", passwd);
        }
        let config = result(&build(memory, &[])).metadata["containerimage.config"].clone();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let mut environment = config["config"]["Env"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|text| text.as_str());
        environment.find_map(|text| text.strip_prefix("HOME=").map(str::to_owned))
    };
    let passwd = Some("root:x:0:0:root:/root:/bin/sh\napp:x:1001:1001::/home/app:/bin/sh\n");
    assert_eq!(home("user: \"1001\"\n", None).as_deref(), Some("/tmp"));
    assert_eq!(home("user: \"1002:0\"\n", passwd).as_deref(), Some("/tmp"));
    assert_eq!(home("user: \"1001\"\n", passwd).as_deref(), Some("/home/app"));
    assert_eq!(home("user: app:web\n", passwd).as_deref(), Some("/home/app"));
    assert_eq!(home("user: app\n", None), None);
    assert_eq!(home("profile: flyte\n", None).as_deref(), Some("/home/flytekit"));
    assert_eq!(
        home("profile: flyte\nuser: \"1002\"\n", passwd).as_deref(),
        Some("/tmp")
    );
    for root in ["", "user: root\n", "user: \"0\"\n"] {
        assert_eq!(home(root, passwd), None);
    }
    assert_eq!(home("user: \"1002\"\nenv: {HOME: /x}\n", passwd).as_deref(), Some("/x"));
}

#[test]
fn a_closed_home_is_for_its_user_only() {
    let home = |owner: &str| {
        let mut memory = Memory::with_spec("profile: plain\nuser: app\n");
        memory.file("", "etc/passwd", format!("app:x:1001:1001::/home/{owner}:/bin/sh\n"));
        // Files in memory have the mode 644.
        memory.file("", "home/closed", "");
        memory.file("", "home/open/x", "");
        let config = result(&build(memory, &[])).metadata["containerimage.config"].clone();
        String::from_utf8(config).unwrap().contains("HOME=/home/")
    };
    assert!(home("open"));
    assert!(home("absent"));
    assert!(!home("closed"));
}

#[test]
fn an_unknown_user_is_told() {
    let warned = |user: &str| {
        let mut memory = Memory::with_spec(&format!("profile: plain\nuser: {user}\n"));
        memory.file("", "etc/passwd", "app:x:1001:1001::/home/app:/bin/sh\n");
        let memory = build(memory, &[]);
        let warned = memory.warned.lock().unwrap();
        let texts = warned
            .iter()
            .map(|warning| String::from_utf8_lossy(&warning.short).into_owned());
        texts.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(warned("app"), "");
    assert_eq!(warned("\"1002\""), "");
    let told = warned("nobody-knows:0");
    assert!(
        told.contains("has no user nobody-knows: containers will not start (line 2)"),
        "{told}"
    );
}

/// A tree of merged layers takes seconds to read.
#[test]
fn users_are_read_where_they_are_made() {
    let check = |more: &str, expect: &str| {
        let spec = format!("profile: plain\npackages: [x]\nsource_root: .\nsource_copy_mode: all\n{more}");
        let memory = build(Memory::with_spec(&spec), &[]);
        let solved = memory.solved.lock().unwrap();
        let graph = render(solved.last().unwrap().definition.as_ref().unwrap());
        let mut names = graph.lines().filter_map(|line| line.strip_prefix("    name "));
        let last = names.next_back().unwrap();
        assert!(last.starts_with(expect), "{more}{graph}");
    };
    check("user: app\n", "[base] docker.io/library/debian:bookworm-slim@");
    check("apt_packages: [jq]\nuser: app\n", "[apt] apt-get install jq");
    check(
        "setup_commands: [useradd app]\nuser: app\ncopy_to: /srv\n",
        "[setup] useradd app",
    );
    check("commands: [useradd app]\nuser: app\n", "[image] useradd app");
}
