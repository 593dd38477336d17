//! docs/cli.md holds what the program says of itself; `UPDATE_DOCS=1` writes it anew.

use super::*;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
const ENGINES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/engines.md");

/// Holds a page against what it should be, or writes it.
fn is_or_becomes(path: &str, wanted: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, wanted).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap() == wanted,
        "{path} is not what the program says: UPDATE_DOCS=1 cargo test --test cli help"
    );
}

#[test]
fn the_page_of_engines_has_their_table() {
    let page = fs::read_to_string(ENGINES).unwrap();
    is_or_becomes(
        ENGINES,
        &with(&page, "table", &format!("\n{}\n", imagespec::engine::table())),
    );
}

/// What a command says of itself.
fn help(words: &[&str]) -> String {
    let said = said(Command::new(PROGRAM).args(words).arg("--help").env_remove("COLUMNS"));
    assert_eq!(said.code, 0, "{}", said.err);
    let lines: Vec<&str> = said.out.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// The page with what stands between two marks.
fn with(page: &str, mark: &str, text: &str) -> String {
    let begin = format!("<!-- {mark} -->\n");
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}{begin}{text}<!-- end -->{after}")
}

#[test]
fn the_page_has_the_help_of_every_command() {
    let whole = help(&[]);
    let (_, commands) = whole.split_once("Commands:\n").unwrap();
    let names = commands.lines().take_while(|line| !line.is_empty());
    let names: Vec<&str> = names
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 13, "{names:?}");
    let mut text = format!("\n```text\n{whole}\n```\n");
    for name in names {
        text.push_str(&format!("\n### {name}\n\n```text\n{}\n```\n", help(&[name])));
    }
    text.push('\n');
    let page = fs::read_to_string(PAGE).unwrap();
    is_or_becomes(PAGE, &with(&page, "help", &text));
}

#[test]
fn shells_and_manuals_know_every_command() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man");
    let said = said(Command::new(PROGRAM).arg("man").arg(&pages));
    assert_eq!(said.code, 0, "{}", said.err);
    for name in ["imagespec.1", "imagespec-build.1", "imagespec-exists.1"] {
        let page = fs::read_to_string(pages.join(name)).unwrap();
        assert!(page.contains(".TH"), "{name}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = super::said(Command::new(PROGRAM).args(["completions", shell]));
        assert!(said.code == 0 && said.out.contains("exists"), "{shell}");
    }
}
