//! Containers of images that were built: which program starts them, and how.

use std::process::Command;

use crate::engine::command_line::CommandLine;
use crate::program::run;
use crate::text::{Diagnostic, ProblemKind, closest};

/// The engines, and the programs that start containers of what they build.
const STARTERS: [(&str, &str); 5] = [
    ("buildx", "docker"),
    ("docker", "docker"),
    ("podman", "podman"),
    ("buildah", "podman"),
    ("nerdctl", "nerdctl"),
];

/// A container that is to be started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// The image.
    pub image: String,
    /// What the container is to run, instead of what the image says.
    pub words: Vec<String>,
    /// Flags of the program's `run`, before the image.
    pub flags: Vec<String>,
}

impl Container {
    /// The line that starts it.
    pub(crate) fn line(&self, program: &str) -> CommandLine {
        let mut line = CommandLine::new(&[program, "run", "--rm"]);
        line.arguments.extend(self.flags.iter().cloned());
        line.word(&self.image);
        line.arguments.extend(self.words.iter().cloned());
        line
    }
}

/// The program that starts containers of what an engine builds.
///
/// # Errors
/// When there is no such engine, or it starts none.
pub(crate) fn starter(engine: &str) -> Result<&'static str, Diagnostic> {
    let found = STARTERS.iter().find(|(name, _)| *name == engine);
    found.map(|(_, program)| *program).ok_or_else(|| {
        let known = STARTERS.map(|(name, _)| name);
        let message = format!("`{engine}` starts no containers; {} do", known.join(", "));
        let problem = Diagnostic::error("engine", message).kind(ProblemKind::Usage);
        match closest(engine, known) {
            Some(word) => problem.help(format!("did you mean `{word}`?")),
            None => problem,
        }
    })
}

/// The program whose store has an image; without one, the first that answers, which pulls it.
///
/// # Errors
/// When none answers.
pub(crate) fn starter_of(image: &str) -> Result<&'static str, Diagnostic> {
    let programs = ["docker", "podman", "nerdctl"];
    let asked =
        |program: &str, words: &[&str]| run(Command::new(program).args(words)).is_ok_and(|said| said.status.success());
    let has_image = |program: &&str| asked(program, &["image", "inspect", "--format", "{{.Id}}", "--", image]);
    let answers = |program: &&str| asked(program, &["version"]);
    let found = programs.into_iter().find(has_image);
    found.or_else(|| programs.into_iter().find(answers)).ok_or_else(|| {
        let message = "nothing here starts containers: docker, podman and nerdctl do not answer";
        let problem = Diagnostic::error("engine", message).kind(ProblemKind::Engine);
        problem.help("`imagespec engines` says what is wrong with each")
    })
}
