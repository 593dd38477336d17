//! `imagespec check`.

use super::*;

#[test]
fn a_check_says_what_is_wrong_with_a_spec_and_its_files() {
    let project = Project::new("profile: plain\ncopy: [d]\nrequirements: r.txt\n");
    project.file("d/x", "1").file("r.txt", "six\n");
    let said = project.run(&["check"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "imageSpec.yaml: no problems, no warnings\n")
    );
    assert!(said.err.contains("not checked: imageSpec.yaml:3:15: "), "{}", said.err);
    // A link that leads out of the context is a warning, and files are looked at for it.
    symlink("../../outside", project.path().join("d/out")).unwrap();
    let said = project.run(&["check", "--json"]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.code, found["problems"].as_array().unwrap().len()),
        (1, 0),
        "{found}"
    );
    assert_eq!(found["warnings"][0]["line"], 2, "{found}");
    assert_eq!(found["not_checked"].as_array().unwrap().len(), 2, "{found}");
    // All problems at once, each once.
    project.file(
        "imageSpec.yaml",
        "name: a b\ncopy: [e]\nplatform: linux/amd64\nrequirements: no.txt\n",
    );
    let said = project.run(&["check"]);
    assert_eq!((said.code, said.out.as_str()), (3, ""));
    for words in [
        "imageSpec.yaml:1:7",
        "imageSpec.yaml:2:8",
        "imageSpec.yaml:4:15",
        "3 problems",
    ] {
        assert!(said.err.contains(words), "{}", said.err);
    }
    assert_eq!(said.err.matches("makes no name that registries take").count(), 1);
    // From standard input, too.
    let mut child = Command::new(PROGRAM)
        .args(["check", "-f", "-"])
        .current_dir(project.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"profile: plain\n").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn doubts_about_a_tag_stand_at_their_entry() {
    let project = Project::new("profile: plain\ncopy:\n- a\n- b\n");
    project.file("a/x", "1").file("b/one/x", "1").file("b/two/x", "1");
    let said = project.run(&["check"]);
    assert!(said.err.contains("--> imageSpec.yaml:4:3"), "{}", said.err);
    assert!(said.err.contains("`tag_algorithm: content`"), "{}", said.err);
}
