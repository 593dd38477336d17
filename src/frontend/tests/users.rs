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
    // Engines find these in the passwd file.
    assert_eq!(home("user: \"1001\"\n", passwd), None);
    assert_eq!(home("user: app:web\n", passwd), None);
    assert_eq!(home("profile: flyte\n", None).as_deref(), Some("/home/flytekit"));
    assert_eq!(home("profile: flyte\nuser: app\n", passwd), None);
    assert_eq!(
        home("profile: flyte\nuser: \"1002\"\n", passwd).as_deref(),
        Some("/tmp")
    );
    for root in ["", "user: root\n", "user: \"0\"\n"] {
        assert_eq!(home(root, passwd), None);
    }
    assert_eq!(home("user: \"1002\"\nenv: {HOME: /x}\n", passwd).as_deref(), Some("/x"));
}
