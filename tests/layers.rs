//! The floors of the house: which folder of `src` may name which, and that no names run in circles.
//!
//! Reads the sources, not the compiler: every path that begins with `crate::`, `super::`, `self::`, a child
//! module or an imported module is followed to the file that defines what it names, through re-exports.
//! Code for tests is left out. `imagespec::` in the program counts as `crate::`.

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
const FLOORS: [(&str, &str); 16] = [
    ("text", ""),
    ("oci", ""),
    ("proto", ""),
    ("python", "text"),
    ("files", "python"),
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
    ("engine", "text"),
    ("cli", "text oci python files image_spec plan name project engine"),
    ("main", "files frontend cli"),
];

/// All that is wrong with a source tree, a line each.
fn violations(src: &Path) -> Vec<String> {
    let arrows = Sources::read(src).arrows();
    let mut found = Vec::new();
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

/// The test of the test: each kind of violation is found where it is planted, and nothing else is.
#[test]
fn planted_violations_are_found() {
    let check = |files: &[(&str, &str)], expect: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let found = violations(directory.path());
        assert_eq!(found.len(), expect.len(), "{found:#?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.contains(expect), "{found}\nis not about\n{expect}");
        }
    };
    let lib = ("lib.rs", "pub mod text; pub mod oci; pub mod plan; pub mod image_spec;");
    let text = ("text/mod.rs", "mod source; pub use source::Text;");
    let source = ("text/source.rs", "pub struct Text;");
    // What may be named may be named, in tests anything.
    let plan = "use crate::text::Text; #[cfg(test)] mod tests { use crate::frontend::Session; }";
    check(&[lib, text, source, ("plan/mod.rs", plan)], &[]);
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
            &[lib, text, ("text/source.rs", body), plan],
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
        &[lib, door, step, lock],
        &["circle of 2 files: plan/lock.rs, plan/step.rs"],
    );
    // A circle of folders that is none of files.
    let one = ("plan/one/mod.rs", "pub mod a; pub mod b;");
    let two = ("plan/two/mod.rs", "pub mod c;");
    let files = [
        lib,
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
