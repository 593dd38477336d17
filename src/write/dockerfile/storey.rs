//! The stages of one storey.

use std::collections::BTreeMap;

use crate::plan::{
    Action, CacheSharing, CopyFiles, CopySource, Edit, FIXED_TIME, ImageRole, PRODUCT, Run, Schedule, Scheduled, Step,
    StepId, StepMount, StepRun, Storey, Strategy, Target, Tree, quote, schedule,
};
use crate::write::dockerfile::environment::shell_environment;
use crate::write::dockerfile::instruction::{Instruction, Program};
use crate::write::dockerfile::stages::{Line, lines};
use crate::write::dockerfile::writer::{DockerfileWriter, IMAGE};
use crate::write::options::WriteError;
use crate::write::script_text::{check_of_secret, inputs_and_start, scripts_directory};

/// Where the file that a step runs is mounted, below its scratch directory.
const STEP: &str = "imagespec/step.sh";
/// Where its scripts are mounted. Some write beside themselves, so they run from a copy.
const GIVEN: &str = "imagespec/given";

/// Writes one storey into a Dockerfile.
pub(super) struct StoreyWriter<'w, 'o> {
    pub(super) file: &'w mut DockerfileWriter<'o>,
    pub(super) storey: &'w Storey,
    /// Its position, the lowest being 0.
    pub(super) position: usize,
    /// The stage that it begins from.
    pub(super) below: String,
    /// What steps see of the environment of all that lies below, as edits.
    pub(super) environment: &'w [Edit],
}

impl StoreyWriter<'_, '_> {
    /// Writes the stages, and returns the name of the one that has the result.
    pub(super) fn write(mut self) -> Result<String, WriteError> {
        let schedule = schedule(self.storey, Strategy::Chain, &Target::Whole)?;
        let lines = lines(&schedule);
        let names: BTreeMap<usize, String> = lines
            .iter()
            .map(|line| (line.last(), self.stage_of(line, &schedule)))
            .collect();
        for line in &lines {
            let stage = names.get(&line.last()).cloned().unwrap_or_default();
            let on = line.on.and_then(|run| names.get(&run)).unwrap_or(&self.below).clone();
            self.file.begin_stage(&on, &stage);
            for run in line.runs.iter().filter_map(|run| schedule.runs.get(*run)) {
                self.run(run, &names)?;
            }
        }
        Ok(match &schedule.result {
            Scheduled::Tree(Tree::After(run)) => names.get(run).cloned().unwrap_or_default(),
            _ => self.below,
        })
    }

    /// The name of a stage: that of its last step.
    fn stage_of(&self, line: &Line, schedule: &Schedule) -> String {
        let is_top = self.position + 1 == self.file.plan.storeys.len();
        if is_top && schedule.result == Scheduled::Tree(Tree::After(line.last())) {
            return IMAGE.to_owned();
        }
        let step = schedule
            .runs
            .get(line.last())
            .and_then(|run| self.storey.steps.get(run.step));
        let name = step.map_or(String::new(), |step| step.id.to_string());
        stage_name(&format!("{}{name}", self.prefix()))
    }

    /// What stands before the names of a storey's stages and files.
    fn prefix(&self) -> String {
        match self.position {
            0 if self.file.plan.storeys.len() == 1 => String::new(),
            position => format!("spec-{}-", position + 1),
        }
    }

    fn run(&mut self, run: &StepRun, names: &BTreeMap<usize, String>) -> Result<(), WriteError> {
        let Some(step) = self.storey.steps.get(run.step) else {
            return Err(WriteError::missing("", "step"));
        };
        let comment = self.file.comment_of(step);
        self.file.add(Instruction::Comment(comment));
        let used = |id: &StepId| run.uses.get(id).and_then(|run| names.get(run)).cloned();
        match &step.action {
            Action::Run(shell) => self.script(step, shell, &used),
            Action::Copy(copies) => copies.iter().try_for_each(|files| self.copy(step, files, &used)),
            Action::MakeDirectory { path, owner, mode } => {
                self.directory(path, owner.as_deref(), *mode);
                Ok(())
            }
        }
    }

    fn script(&mut self, step: &Step, run: &Run, used: &impl Fn(&StepId) -> Option<String>) -> Result<(), WriteError> {
        let scripts = scripts_directory(&run.mounts);
        let scratch = scripts.trim_end_matches("/imagespec/scripts");
        let mut mounts = Vec::with_capacity(run.mounts.len());
        let mut text = String::new();
        for mount in &run.mounts {
            let (mount, lines) = self.mount(step, mount, scratch, used)?;
            mounts.push(mount);
            text.push_str(&lines);
        }
        let given = format!("{scratch}/{GIVEN}");
        mounts.push(self.file.scripts(&run.script, &given));
        let mut environment = self.environment.to_vec();
        environment.extend(run.environment.iter().cloned());
        text.push_str("cd /\n");
        text.push_str(&shell_environment(&environment));
        text.extend(run.mounts.iter().filter_map(check_of_secret));
        text.push_str(&format!(
            "_scripts={scripts}\nmkdir -p \"$_scripts\"\ncp {given}/* \"$_scripts/\"\n"
        ));
        text.push_str(&inputs_and_start(&run.script, &run.mounts));
        if let Some(product) = run.product {
            text.push_str(&format!("find {product} -exec touch -h -d @{FIXED_TIME} {{}} +\n"));
        }
        let name = format!("{}{}", self.prefix(), step.id);
        let title = format!("[{}] {}", step.stage.name(), step.title);
        let what = self.file.program(
            &name,
            &title,
            text,
            &format!("{scratch}/{STEP}"),
            &run.script,
            &mut mounts,
        )?;
        self.file.add(Instruction::Run { mounts, what });
        Ok(())
    }

    /// A mount in the words of `RUN --mount`, and what the step's shell does about it.
    fn mount(
        &mut self,
        step: &Step,
        mount: &StepMount,
        scratch: &str,
        used: &impl Fn(&StepId) -> Option<String>,
    ) -> Result<(String, String), WriteError> {
        let missing = |name| WriteError::missing(&step.title, name);
        let bind = |from: &str, source: &str, target: &str| {
            format!(
                "type=bind,from={from},source={},target={}",
                value(source),
                value(target)
            )
        };
        let bind_files = |place: &str, from: Option<String>, target: &str| match from {
            Some(stage) => bind(&stage, place, target),
            None => format!("type=bind,source={},target={}", value(place), value(target)),
        };
        let text = match mount {
            StepMount::Scratch { target } => format!("type=tmpfs,target={target}"),
            StepMount::Cache { target, cache } => {
                let cache = self.file.plan.caches.get(cache).ok_or_else(|| missing("cache"))?;
                let sharing = match cache.sharing {
                    CacheSharing::Shared => "shared",
                    CacheSharing::Locked => "locked",
                };
                format!("type=cache,id={},target={target},sharing={sharing}", value(&cache.id))
            }
            StepMount::Image { target, image, path } => {
                let stage = match image {
                    ImageRole::Base => self.below.clone(),
                    role => {
                        let reference = self.storey.images.get(role).ok_or_else(|| missing(role.name()))?;
                        self.file.image_stage(*role, reference)
                    }
                };
                bind(&stage, path, target)
            }
            StepMount::Context { target, path, .. } => {
                let source = if path.is_empty() { "." } else { path };
                let files = CopyFiles {
                    source: source.to_owned(),
                    ..CopyFiles::default()
                };
                bind_files(&self.file.take(&files), self.file.files_from(), target)
            }
            StepMount::Product { target, step: other } => {
                let stage = used(other).ok_or_else(|| missing("product of another step"))?;
                bind(&stage, PRODUCT, target)
            }
            StepMount::Files { target, step: other } => {
                let stage = used(other).ok_or_else(|| missing("files of another step"))?;
                bind(&stage, "/", target)
            }
            StepMount::Secret { target, id, .. } => format!("type=secret,id={},target={}", value(id), value(target)),
            StepMount::SshAgent { target } => format!("type=ssh,target={target}"),
            StepMount::SecretVariable { variable, id, .. } => {
                let target = format!("{scratch}/imagespec/secrets/{variable}");
                // Older engines know secrets as files alone. A shell would drop line feeds at the end.
                let lines = format!(
                    "{variable}=\nif [ -e {target} ]; then {variable}=$(cat {target}; echo .) {variable}=${{{variable}%?}}; fi\nexport {variable}\n"
                );
                return Ok((format!("type=secret,id={},target={target}", value(id)), lines));
            }
        };
        Ok((text, String::new()))
    }

    fn copy(
        &mut self,
        step: &Step,
        files: &CopyFiles,
        used: &impl Fn(&StepId) -> Option<String>,
    ) -> Result<(), WriteError> {
        let (from, source) = match &files.from {
            CopySource::Product(id) => {
                let stage = used(id).ok_or_else(|| WriteError::missing(&step.title, "product of another step"))?;
                (Some(stage), below(PRODUCT, &files.source))
            }
            CopySource::Context | CopySource::SpecDirectory => (self.file.files_from(), self.file.take(files)),
        };
        self.file.add(Instruction::Copy {
            from,
            owner: Some(account(&files.owner)),
            exclude: Vec::new(),
            source,
            target: files.target.clone(),
        });
        Ok(())
    }

    fn directory(&mut self, path: &str, owner: Option<&str>, mode: u32) {
        let path = quote(path);
        let owner = owner.map_or(String::new(), |owner| {
            format!(" && chown {} {path}", quote(&account(owner)))
        });
        let checks: String = self
            .file
            .guard()
            .lines()
            .map(|check| format!("{{ {check}; }} && "))
            .collect();
        let line =
            format!("{checks}mkdir -p {path}{owner} && chmod {mode:04o} {path} && touch -d @{FIXED_TIME} {path}");
        self.file.add(Instruction::Run {
            mounts: Vec::new(),
            what: Program::Line(line),
        });
    }
}

/// A name that a stage may have.
fn stage_name(name: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    name.chars().map(allowed).collect()
}

/// The owner `user` or `user:group`, as `--chown` takes it.
fn account(name: &str) -> String {
    let (user, group) = name.split_once(':').unwrap_or((name, name));
    let number = |name: &str| if name == "root" { "0" } else { name }.to_owned();
    format!("{}:{}", number(user), number(group))
}

fn below(directory: &str, source: &str) -> String {
    match source {
        "." => format!("{directory}/"),
        source => format!("{directory}/{source}"),
    }
}

/// A value of a mount: a field of comma-separated values.
fn value(text: &str) -> String {
    let text = text.replace('$', "\\$");
    match text.contains([',', '"', ' ']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
