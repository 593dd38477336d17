//! The register of engines.

use crate::engine::docker::Docker;
use crate::engine::health::Health;
use crate::engine::interface::Engine;
use crate::engine::option::BuildOption;
use crate::engine::request::BuildRequest;
use crate::engine::{buildctl::Buildctl, nerdctl::Nerdctl, noop::Noop, podman::Podman};
use crate::text::{Diagnostic, ProblemKind, closest};

/// The engines that are known. Others can join, and take the place of one that has the same name.
pub struct Engines(Vec<Box<dyn Engine>>);

impl Default for Engines {
    /// Those of this program, with the builder that buildx is to use.
    fn default() -> Self {
        Self::with_builder(None)
    }
}

impl Engines {
    /// No engine.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn with_builder(builder: Option<String>) -> Self {
        let mut engines = Self::none();
        engines.register(Box::new(Docker::buildx(builder)));
        engines.register(Box::new(Docker::build()));
        engines.register(Box::new(Buildctl));
        engines.register(Box::new(Nerdctl));
        engines.register(Box::new(Podman::PODMAN));
        engines.register(Box::new(Podman::BUILDAH));
        engines.register(Box::new(Noop));
        engines
    }

    /// Adds an engine.
    pub fn register(&mut self, engine: Box<dyn Engine>) {
        self.0.retain(|known| known.name() != engine.name());
        self.0.push(engine);
        // Those of one priority stay in the order in which they came.
        self.0.sort_by_key(|engine| std::cmp::Reverse(engine.priority()));
    }

    /// All of them, in the order in which `auto` tries them; those that it does not try come last.
    pub fn all(&self) -> impl Iterator<Item = &dyn Engine> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The engine with a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&dyn Engine, Diagnostic> {
        self.all().find(|engine| engine.name() == name).ok_or_else(|| {
            let known: Vec<&str> = self.all().map(Engine::name).collect();
            let message = format!("there is no engine `{name}`; there are auto, {}", known.join(", "));
            let problem = Diagnostic::error("engine", message).kind(ProblemKind::Usage);
            match closest(name, known) {
                Some(word) => problem.help(format!("did you mean `{word}`?")),
                None => problem,
            }
        })
    }

    /// The first engine that can build what is asked, with its health, and why others before it cannot.
    ///
    /// # Errors
    /// When none can: what is wrong with each.
    pub fn first_healthy(&self, request: &BuildRequest) -> Result<(&dyn Engine, Health, Vec<String>), Diagnostic> {
        let mut passed = Vec::new();
        let mut help = None;
        for engine in self.all().filter(|engine| engine.priority().is_some()) {
            if let Some(option) = cannot(engine, request).first() {
                passed.push(format!("{}: cannot do {}", engine.name(), option.name()));
                continue;
            }
            let health = engine.health();
            let Some(trouble) = health.trouble else {
                return Ok((engine, health, passed));
            };
            help.get_or_insert(trouble.help);
            passed.push(format!("{}: {}", engine.name(), trouble.reason));
        }
        passed.dedup_by(|next, first| next.split_once(": ").map(|it| it.1) == first.split_once(": ").map(|it| it.1));
        let message = format!("no engine can build: {}", passed.join("; "));
        let problem = Diagnostic::error("engine", message).kind(ProblemKind::Engine);
        Err(problem.help(help.unwrap_or_else(|| "install Docker: https://docs.docker.com/engine/install/".into())))
    }

    /// Refuses what an engine cannot do, and says which can.
    ///
    /// # Errors
    /// When something that is asked cannot be done.
    pub fn check(&self, engine: &dyn Engine, request: &BuildRequest) -> Result<(), Vec<Diagnostic>> {
        let refused = cannot(engine, request).into_iter();
        let problems: Vec<Diagnostic> = refused.map(|option| self.refusal(engine, option)).collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems),
        }
    }

    fn refusal(&self, engine: &dyn Engine, option: BuildOption) -> Diagnostic {
        let others: Vec<&str> = self
            .all()
            .filter(|other| other.priority().is_some() && other.can(option))
            .map(Engine::name)
            .collect();
        let message = format!("{} cannot do {}", engine.name(), option.name());
        let problem = Diagnostic::error("engine-option", message).kind(ProblemKind::Usage);
        match others.as_slice() {
            [] => problem.help("leave it out"),
            [one] => problem.help(format!("leave it out, or build with --engine {one}")),
            [most @ .., last] => {
                let most = most.join(", ");
                problem.help(format!("leave it out, or build with --engine {most} or {last}"))
            }
        }
    }
}

/// What is asked and an engine cannot do.
fn cannot(engine: &dyn Engine, request: &BuildRequest) -> Vec<BuildOption> {
    // Nobody needs to be able to leave something out.
    let asks = |(option, value): &&(BuildOption, String)| {
        !(matches!(option, BuildOption::Sbom | BuildOption::Provenance) && value == "false")
    };
    let mut refused: Vec<BuildOption> = request.options.iter().filter(asks).map(|(option, _)| *option).collect();
    refused.dedup();
    refused.retain(|option| !engine.can(*option));
    refused
}
