//! The floors of the house: which folder of `src` may name which, and that no names run in circles.
//!
//! Reads the sources, not the compiler: every path that begins with `crate::`, `super::`, `self::`, a child
//! module or an imported module is followed to the file that defines what it names, through re-exports.
//! What this reading cannot follow, nobody may write. Code for tests is left out. `imagespec::` in the program
//! counts as `crate::`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may stop at the first surprise, their helpers too"
)]

#[path = "common/modules.rs"]
mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use modules::{Arrow, Sources};

/// Each folder, from the ground up, with the folders that it may name. A folder names only what stands above
/// it in this table, so the table itself has no circle.
const FLOORS: [(&str, &str); 18] = [
    ("text", ""),
    ("oci", ""),
    ("proto", ""),
    ("python", "text"),
    ("files", "text python"),
    ("flytekit", "python files"),
    ("image_spec", "text oci python flytekit"),
    ("plan", "text oci python image_spec"),
    ("llb", "oci proto"),
    ("write", "text oci plan llb"),
    ("name", "text oci python files flytekit image_spec plan"),
    ("project", "text oci python files image_spec plan"),
    (
        "frontend",
        "text oci proto python files image_spec plan llb write name project",
    ),
    ("program", "text"),
    ("engine", "text oci program"),
    ("registry", "text oci"),
    (
        "cli",
        "text oci python files image_spec plan write name project program engine registry",
    ),
    ("main", "files frontend cli"),
];

/// All that is wrong with a source tree, a line each.
fn violations(src: &Path) -> Vec<String> {
    let sources = Sources::read(src);
    let arrows = sources.arrows();
    let mut found = sources.faults();
    let known: BTreeMap<&str, BTreeSet<&str>> = FLOORS
        .into_iter()
        .map(|(folder, allowed)| (folder, allowed.split_whitespace().collect()))
        .collect();
    let mut unknown = BTreeSet::new();
    for arrow in &arrows {
        let (from, to) = (floor(&arrow.from), floor(&arrow.to));
        for folder in [&from, &to] {
            if !known.contains_key(folder.as_str()) {
                unknown.insert(folder.clone());
            }
        }
        let is_allowed = known
            .get(from.as_str())
            .is_none_or(|allowed| allowed.contains(to.as_str()));
        if from != to && !is_allowed {
            found.push(format!("{arrow}: `{from}` may not name `{to}`"));
        }
    }
    found.extend(
        unknown
            .iter()
            .map(|folder| format!("`{folder}` has no place in the table")),
    );
    found.extend(circles(&arrows));
    found
}

/// The folder that a file of `src` belongs to; a file that lies in none is one by itself.
fn floor(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Circles of files, and of the folders and files that lie in one folder, each with its arrows.
fn circles(arrows: &[Arrow]) -> Vec<String> {
    let mut found = Vec::new();
    let files: Vec<(PathBuf, PathBuf)> = arrows.iter().map(|a| (a.from.clone(), a.to.clone())).collect();
    found.extend(circles_of("files", &files, arrows, |path| path.to_owned()));
    let folders: BTreeSet<PathBuf> = arrows
        .iter()
        .flat_map(|arrow| arrow.from.ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>())
        .collect();
    for folder in folders {
        // What lies directly in the folder stands for all that is in it.
        let child = |path: &Path| -> Option<PathBuf> {
            let inner = path.strip_prefix(&folder).ok()?;
            Some(folder.join(inner.components().next()?))
        };
        let between: Vec<(PathBuf, PathBuf)> = arrows
            .iter()
            .filter_map(|arrow| Some((child(&arrow.from)?, child(&arrow.to)?)))
            .filter(|(from, to)| from != to)
            .collect();
        let has_folder = |circle: &BTreeSet<PathBuf>| circle.iter().any(|path| path.extension().is_none());
        let name = |path: &Path| child(path).unwrap_or_else(|| path.to_owned());
        for circle in components(&between).iter().filter(|circle| has_folder(circle)) {
            found.push(describe("folders", circle, arrows, &name));
        }
    }
    found
}

fn circles_of(
    what: &str,
    between: &[(PathBuf, PathBuf)],
    arrows: &[Arrow],
    name: impl Fn(&Path) -> PathBuf,
) -> Vec<String> {
    let circles = components(between);
    circles
        .iter()
        .map(|circle| describe(what, circle, arrows, &name))
        .collect()
}

fn describe(what: &str, circle: &BTreeSet<PathBuf>, arrows: &[Arrow], name: &dyn Fn(&Path) -> PathBuf) -> String {
    let members: Vec<String> = circle.iter().map(|path| path.display().to_string()).collect();
    let mut text = format!("a circle of {} {what}: {}", circle.len(), members.join(", "));
    let mut seen = BTreeSet::new();
    for arrow in arrows {
        let (from, to) = (name(&arrow.from), name(&arrow.to));
        if from != to && circle.contains(&from) && circle.contains(&to) && seen.insert((from, to)) {
            text.push_str(&format!("\n    {arrow}"));
        }
    }
    text
}

/// The sets of more than one node in which each reaches each.
fn components(arrows: &[(PathBuf, PathBuf)]) -> Vec<BTreeSet<PathBuf>> {
    let mut next: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = BTreeMap::new();
    for (from, to) in arrows {
        next.entry(from).or_default().insert(to);
    }
    let reach = |start: &PathBuf| -> BTreeSet<PathBuf> {
        let mut seen = BTreeSet::new();
        let mut rest = vec![start];
        while let Some(node) = rest.pop() {
            for other in next.get(node).into_iter().flatten() {
                if seen.insert((*other).clone()) {
                    rest.push(other);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&PathBuf, BTreeSet<PathBuf>> = next.keys().map(|node| (*node, reach(node))).collect();
    let mut found: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (node, reachable) in &reached {
        let circle: BTreeSet<PathBuf> = reachable
            .iter()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(*node)))
            .cloned()
            .collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

#[test]
fn names_run_one_way() {
    let found = violations(Path::new("src"));
    assert!(found.is_empty(), "{} violations\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_table_runs_one_way() {
    for (position, (folder, allowed)) in FLOORS.iter().enumerate() {
        let below: Vec<&str> = FLOORS[..position].iter().map(|(name, _)| *name).collect();
        for other in allowed.split_whitespace() {
            assert!(
                below.contains(&other),
                "`{folder}` may name `{other}`, which stands beside or above it"
            );
        }
    }
}

/// What nobody needs to name, nobody may.
#[test]
fn the_table_allows_nothing_for_nothing() {
    let arrows = Sources::read(Path::new("src")).arrows();
    let used: BTreeSet<(String, String)> = arrows
        .iter()
        .map(|arrow| (floor(&arrow.from), floor(&arrow.to)))
        .collect();
    for (folder, allowed) in FLOORS {
        for other in allowed.split_whitespace() {
            let is_used = used.contains(&(folder.to_owned(), other.to_owned()));
            assert!(is_used, "`{folder}` does not name `{other}`: take it out of the table");
        }
    }
}

/// Expects the violations of a planted tree.
fn check(files: &[(&str, &str)], expect: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let found = violations(directory.path());
    assert_eq!(found.len(), expect.len(), "{files:#?}\n{found:#?}");
    for (found, expect) in found.iter().zip(expect) {
        assert!(found.contains(expect), "{found}\nis not about\n{expect}");
    }
}

const LIB: (&str, &str) = ("lib.rs", "mod text; mod plan;");

/// The test of the test: each kind of violation is found where it is planted, and nothing else is.
#[test]
fn planted_violations_are_found() {
    let text = ("text/mod.rs", "mod source; pub use source::Text;");
    let source = ("text/source.rs", "pub struct Text;");
    // What may be named may be named, in tests anything.
    let plan = "use crate::text::Text; #[cfg(test)] mod tests { use crate::frontend::Session; }";
    check(&[LIB, text, source, ("plan/mod.rs", plan)], &[]);
    // In a `use`, in a body, in a macro's arguments, by `super`, through a module that was imported.
    for body in [
        "use crate::{plan::{Step, plan as other}};",
        "fn f() { crate::plan::Step; }",
        "fn f() { println!(\"{}\", crate::plan::Step) }",
        "fn f() -> super::super::plan::Step {}",
        "use crate::plan; fn f() { plan::Step; }",
    ] {
        let plan = ("plan/mod.rs", "pub struct Step;");
        check(
            &[LIB, text, ("text/source.rs", body), plan],
            &["text/source.rs:1: names plan/mod.rs"],
        );
    }
    // A circle of files that goes through the folder's door.
    let door = (
        "plan/mod.rs",
        "mod step; mod lock; pub use lock::KEPT; pub use self::step::Step;",
    );
    let step = ("plan/step.rs", "use crate::plan::KEPT; pub struct Step;");
    let lock = ("plan/lock.rs", "use super::step::Step; pub const KEPT: &str = \"\";");
    check(
        &[LIB, text, source, door, step, lock],
        &["circle of 2 files: plan/lock.rs, plan/step.rs"],
    );
    // A circle of folders that is none of files.
    let one = ("plan/one/mod.rs", "pub mod a; pub mod b;");
    let two = ("plan/two/mod.rs", "pub mod c;");
    let files = [
        LIB,
        text,
        source,
        ("plan/mod.rs", "mod one; mod two;"),
        one,
        two,
        ("plan/one/a.rs", "use crate::plan::two::c::C; pub struct A;"),
        ("plan/one/b.rs", "pub struct B;"),
        ("plan/two/c.rs", "use crate::plan::one::b::B; pub struct C;"),
    ];
    check(&files, &["circle of 2 folders: plan/one, plan/two"]);
    // A folder that nobody gave a place.
    check(
        &[
            ("lib.rs", "mod attic; mod text;"),
            text,
            source,
            ("attic/mod.rs", "use crate::text::Text;"),
        ],
        &["`attic` has no place in the table"],
    );
}

/// A module inside of a file is a module: `super` is what it stands in, and its names are its own.
#[test]
fn modules_inside_of_files_are_read() {
    let plan = ("plan/mod.rs", "pub struct Step;");
    for body in [
        "mod x { use super::super::super::plan::Step; }",
        "mod x { mod y { fn f() { super::super::super::super::plan::Step; } } }",
        "fn f() { mod x { use super::super::super::plan::Step; } }",
        "mod x { use crate::plan; }",
        "use self::super::super::plan::Step;",
        "fn f() { use crate::plan; plan::Step; }",
        "#[cfg(not(test))] mod x { use crate::plan::Step; } #[cfg(test)] mod x {}",
        "struct A { #[cfg(test)] a: Vec<u8>, b: crate::plan::Step }",
    ] {
        let files = [LIB, ("text/mod.rs", "mod source;"), ("text/source.rs", body), plan];
        check(&files, &["text/source.rs:1: names plan/mod.rs"]);
    }
    // What an imported module has is given on.
    let text = ("text/mod.rs", "use crate::plan;\npub use plan::Step;");
    check(
        &[LIB, text, plan],
        &["text/mod.rs:1: names plan/mod.rs", "text/mod.rs:2: names plan/mod.rs"],
    );
    let text = ("text/mod.rs", "mod x { use super::super::super::plan::Step; }");
    check(&[LIB, text, plan], &["text/mod.rs:1: a path that leads nowhere"]);
    let text = (
        "text/mod.rs",
        "pub mod x { pub struct Text; } fn f() { self::x::Text; }",
    );
    let plan = ("plan/mod.rs", "use crate::text::x::Text; mod x { use super::Text; }");
    check(&[LIB, text, plan], &[]);
}

/// Paths in strings are paths; what cannot be followed is forbidden.
#[test]
fn names_are_not_hidden() {
    let plan = ("plan/mod.rs", "pub struct Step;");
    for (body, expect) in [
        ("extern crate self as me; use me::plan::Step;", "`extern crate`"),
        ("include!(\"../plan/model.rs\");", "`include!`"),
        ("fn f() { std::include!(\"../plan/model.rs\") }", "`include!`"),
        ("#[macro_use] fn f() {}", "names a macro without a path"),
        (
            "#[macro_export] macro_rules! m { () => {} }",
            "names a macro without a path",
        ),
        (
            "macro_rules! m { () => {} } mod inner {}",
            "`mod` below `macro_rules!` sees",
        ),
        ("mod inner {} pub use inner::*;", "`*` hides"),
        ("mod inner { use super::*; }", "`*` hides"),
        ("mod missing;", "`mod missing` has no file at its place"),
        (
            "struct A { #[serde(with = \"crate::plan::x\")] a: u8 }",
            "names plan/mod.rs",
        ),
        (
            "#[serde(serialize_with = r\"super::plan::x\")] struct A;",
            "names plan/mod.rs",
        ),
    ] {
        let expect = format!("text/mod.rs:1: {expect}");
        check(&[LIB, ("text/mod.rs", body), plan], &[&expect]);
    }
    let text = (
        "text/mod.rs",
        "use crate::plan;\n#[cfg_attr(unix, serde(with = \"plan::x\"))] struct A;",
    );
    check(
        &[LIB, text, plan],
        &["text/mod.rs:1: names plan/mod.rs", "text/mod.rs:2: names plan/mod.rs"],
    );
    let text = ("text/mod.rs", "#[path = \"../plan/model.rs\"] mod m;");
    check(&[LIB, text, plan], &["`#[path]` brings in", "`mod m` has no file"]);
    // A circle of files through a door that gives on all.
    let door = ("plan/mod.rs", "mod step; mod lock; pub use lock::*;");
    let step = ("plan/step.rs", "use crate::plan::KEPT; pub struct Step;");
    let lock = ("plan/lock.rs", "use super::step::Step; pub const KEPT: &str = \"\";");
    let text = ("text/mod.rs", "");
    check(&[LIB, text, door, step, lock], &["plan/mod.rs:1: `*` hides"]);
    for innocent in [
        "#[serde(serialize_with = \"as_map\", skip_serializing_if = \"Option::is_none\")] struct A;",
        "/// Unlike crate::plan::Step.\n#[allow(dead_code, reason = \"crate::plan::Step is not\")] struct A;",
        "const A: &str = include_str!(\"a.sh\"); tonic::include_proto!(\"pb\");",
        "mod inner {} macro_rules! m { () => {} } pub(crate) use m; fn f() { self::m!() }",
        "macro_rules! m { () => {} } #[cfg(test)] mod tests { use super::*; }",
    ] {
        check(&[LIB, ("text/mod.rs", innocent), plan], &[]);
    }
}

#[test]
fn tests_may_name_anything() {
    let plan = ("plan/mod.rs", "pub struct Step;");
    let tests = ("text/tests.rs", "use super::*; use crate::plan::Step;");
    for body in [
        "#[cfg(all(test, unix))] mod tests { use super::*; use crate::plan::Step; }",
        "#[cfg(any(test, all(unix, test)))] fn f<A, B>() where A: B, B: A { crate::plan::Step; }",
        "#[cfg(all(unix, test))] mod tests;",
        "mod x { #[cfg(test)] mod tests { use crate::plan::Step; } }",
        "mod x { fn f() { #[cfg(test)] use crate::plan::Step; } }",
        "struct A { #[cfg(test)] a: Vec<crate::plan::Step>, b: u8 }",
    ] {
        let mut files = vec![LIB, ("text/mod.rs", body), plan];
        if body.ends_with("mod tests;") {
            files.push(tests);
        }
        check(&files, &[]);
    }
    for condition in ["not(test)", "any(test, unix)", "all(unix, not(test))"] {
        let body = format!("#[cfg({condition})] use crate::plan::Step;");
        check(&[LIB, ("text/mod.rs", &body), plan], &["names plan/mod.rs"]);
    }
}
