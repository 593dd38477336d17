//! What fuzzers run, over texts that anybody may have written: see docs/testing.md. Tests run it over what they found.

use async_trait::async_trait;

use crate::files::{Context, Patterns, compute};
use crate::image_spec::{self, Algorithm, ImageSpec};
use crate::name::{Naming, NamingOptions, inputs_label, request};
use crate::oci::Platform;
use crate::plan::{Attendance, Strategy};
use crate::project::{AtPath, ContextFiles, DirectoryEntry, Planned, Wanted};
use crate::python::{Entry, Interpreter, read_lines};
use crate::text::{Diagnostic, Failure, Text, caught_panics};

/// A context in which every requirements file has the same text, and everything else is a directory.
struct OneText<'a>(&'a str);

#[async_trait]
impl ContextFiles for OneText<'_> {
    async fn look(&mut self, wanted: Wanted, _: &str) -> Result<AtPath, Failure> {
        Ok(match wanted {
            Wanted::Requirements => AtPath::Content(self.0.as_bytes().to_vec()),
            _ => AtPath::Directory,
        })
    }

    async fn names_like(&mut self, _: &str, _: &str) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    async fn entries(&mut self, _: &str) -> Result<Vec<DirectoryEntry>, Failure> {
        let (name, link) = ("member".to_owned(), Some("../other".to_owned()));
        Ok(vec![DirectoryEntry {
            name,
            link,
            is_directory: false,
            size: 0,
        }])
    }

    fn pattern_of(&self, _: &str) -> Option<String> {
        None
    }

    fn also_serve(&mut self, _: &str) {}

    fn also_serve_matching(&mut self, _: &str) {}
}

/// Reads, names and plans a spec, and renders all that is wrong with it.
///
/// # Panics
/// When the program would, or when a reader of requirements did.
pub fn spec(text: &str) {
    let before = caught_panics();
    let text = Text::new("imageSpec.yaml", text);
    let parsed = image_spec::parse(&text);
    parsed.diagnostics.iter().for_each(|problem| render(problem, &text));
    // The reader of YAML may panic, once: then there is no spec.
    let may_have = usize::from(parsed.spec.is_none());
    if let Some(spec) = &parsed.spec {
        for algorithm in [Algorithm::Flytekit, Algorithm::Flytekit113, Algorithm::Content] {
            name(spec, algorithm, &text);
        }
        plan(spec, &text, "six==1.17.0\n");
    }
    assert!(
        caught_panics() - before <= may_have,
        "a reader of requirements panicked"
    );
}

/// Reads a requirements file, lock or project, and plans with it. The first line of the text is the file's name.
///
/// # Panics
/// When the program would, or when a reader of requirements did.
pub fn requirements(text: &str) {
    let before = caught_panics();
    let (file, content) = text.split_once('\n').unwrap_or_default();
    let file = ["pyproject.toml", "uv.lock", "poetry.lock", "pylock.toml"]
        .into_iter()
        .find(|known| *known == file)
        .unwrap_or("requirements.txt");
    let interpreter = Interpreter::assumed("3.12", "amd64");
    for (_, entry) in read_lines(content).entries {
        if let Entry::Requirement(listed) = entry {
            let requirement = listed.requirement;
            let _ = (
                requirement.extras().count(),
                requirement.allows("1.0"),
                requirement.is_from("x"),
            );
            let _ = interpreter
                .iter()
                .any(|interpreter| requirement.applies(&interpreter.markers));
        }
    }
    for wish in ["", "install_project: true\nextras: [a]\ngroups: [dev]\n"] {
        let text = Text::new(
            "imageSpec.yaml",
            format!("profile: plain\npython_version: '3.12'\nrequirements: {file}\n{wish}"),
        );
        if let Some(spec) = &image_spec::parse(&text).spec {
            plan(spec, &text, content);
        }
    }
    assert_eq!(caught_panics(), before, "a reader of requirements panicked");
}

fn name(spec: &ImageSpec, algorithm: Algorithm, text: &Text) {
    let options = NamingOptions {
        algorithm: Some(algorithm),
        ..NamingOptions::default()
    };
    let Ok(naming) = Naming::new(spec, &options) else {
        return;
    };
    let _ = (naming.id(), naming.platforms());
    let Ok(tasks) = naming.tasks() else { return };
    let context = Context::new("/nonexistent", Patterns::default());
    let answer = compute(&request(&tasks), &context, &|_| None);
    match naming.identify(&tasks, &answer) {
        Ok(identity) => {
            let _ = inputs_label(&identity);
            naming
                .warnings(&tasks, &answer, &identity)
                .iter()
                .for_each(|problem| render(problem, text));
        }
        Err(problems) => problems.iter().for_each(|problem| render(problem, text)),
    }
}

fn plan(spec: &ImageSpec, text: &Text, requirements: &str) {
    let platform = Platform::normalised("linux", "amd64", "");
    let planned = Planned {
        spec,
        spec_name: text.name(),
        platform: &platform,
        id: String::new(),
        is_hashed: false,
        sibling_lock: None,
        attendance: Attendance::Reader,
        resolving_builds: false,
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return;
    };
    match runtime.block_on(planned.outlook(&mut OneText(requirements))) {
        Ok(outlook) => {
            for strategy in [Strategy::Merge, Strategy::Chain] {
                let _ = outlook.printed(text, strategy);
            }
        }
        Err(failure) => failure.problems.iter().for_each(|problem| render(problem, text)),
    }
}

fn render(problem: &Diagnostic, text: &Text) {
    let _ = (problem.line(text), problem.snippet(text), problem.json(text));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    /// Runs a target over all files of directories.
    fn each(directories: &[&str], target: fn(&str)) {
        let mut count = 0;
        for directory in directories {
            for file in fs::read_dir(directory).unwrap() {
                let path = file.unwrap().path();
                if path.is_file() {
                    let content = fs::read(&path).unwrap();
                    target(&String::from_utf8_lossy(&content));
                    count += 1;
                }
            }
        }
        assert!(count > 10, "{directories:?} have {count} files");
    }

    /// Mutates the files of directories for some seconds and runs a target over them: less clever than a fuzzer, and
    /// needs nothing but the tests.
    fn mutate(directories: &[&str], target: fn(&str)) {
        let mut seeds = Vec::new();
        for file in directories
            .iter()
            .flat_map(|directory| fs::read_dir(directory).unwrap())
        {
            let path = file.unwrap().path();
            if path.is_file() {
                seeds.push(fs::read_to_string(path).unwrap().chars().collect::<Vec<char>>());
            }
        }
        let seconds = std::env::var("IMAGESPEC_FUZZ_SECONDS").map_or(10, |seconds| seconds.parse().unwrap());
        let (start, mut state, mut count) = (Instant::now(), 0x9e37_79b9_7f4a_7c15_u64, 0);
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % below.max(1) as u64).unwrap()
        };
        let signs: Vec<char> = "!&*-_.,:;[]{}()<>=~@#%|'\"\\/ \n\té0a$^+`?\u{85}\u{feff}"
            .chars()
            .collect();
        while start.elapsed() < Duration::from_secs(seconds) {
            let mut text = seeds[random(seeds.len())].clone();
            for _ in 0..=random(4) {
                let (at, sign) = (random(text.len() + 1), signs[random(signs.len())]);
                match random(5) {
                    0 => text.insert(at, sign),
                    1 if at < text.len() => text[at] = sign,
                    2 if at < text.len() => drop(text.remove(at)),
                    3 => text.truncate(at.max(1)),
                    _ => {
                        let other = &seeds[random(seeds.len())];
                        let from = random(other.len());
                        let piece = other[from..].iter().take(random(30)).copied();
                        text.splice(at..at, piece);
                    }
                }
            }
            let text: String = text.into_iter().collect();
            // The last one is there to look at when the process ends.
            fs::write(std::env::temp_dir().join("imagespec-mutated"), &text).unwrap();
            target(&text);
            count += 1;
        }
        println!("{count} texts");
    }

    #[test]
    #[ignore = "takes as many seconds as one gives it; see docs/testing.md"]
    fn mutated_specs_are_read() {
        mutate(&["fuzz/corpus/spec", "tests/specs"], super::spec);
    }

    #[test]
    #[ignore = "takes as many seconds as one gives it; see docs/testing.md"]
    fn mutated_requirements_are_read() {
        mutate(&["fuzz/corpus/requirements"], super::requirements);
    }

    #[test]
    fn specs_that_fuzzers_found_are_read() {
        each(&["fuzz/corpus/spec", "tests/specs"], super::spec);
    }

    #[test]
    fn requirements_that_fuzzers_found_are_read() {
        each(&["fuzz/corpus/requirements"], super::requirements);
    }
}
