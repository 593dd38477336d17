//! A Dockerfile that is being written: its stages so far, and what lies beside it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::oci::Reference;
use crate::plan::{
    Action, BuildPlan, CopyFiles, CopySource, FIXED_TIME, ImageRole, Modes, SCRATCH, SCRATCH_OF_COMMANDS, Script, Step,
    quote, script_file,
};
use crate::text::{Text, file_name, redact};
use crate::write::dockerfile::dialect::{Dialect, Exclusion};
use crate::write::dockerfile::environment::image_environment;
use crate::write::dockerfile::instruction::{Instruction, Program};
use crate::write::llb::{GIT_MODES, NO_MODES, exact_modes, place_of, shortened};
use crate::write::options::WriteError;

/// The stage of the base image.
pub(super) const BASE: &str = "base";
/// The last stage.
pub(super) const IMAGE: &str = "image";
/// The stage with the files of the build context, as copies take them.
pub(super) const FILES: &str = "files";
/// Where they lie in it.
const PLACE: &str = "/imagespec/files";
/// The stage with the scripts, where they are not beside the Dockerfile.
const SCRIPTS: &str = "scripts";
/// The longest script that an engine hands to a shell, in bytes.
const MAX_SCRIPT: usize = 120 * 1024;

/// Where a Dockerfile finds what it does not say itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In files beside it: for every engine.
    Directory,
    /// In its own text, and in the build context of the spec: for engines that know texts in a Dockerfile.
    Single,
}

/// What a Dockerfile is made with, in addition to the plan.
#[derive(Debug, Clone, Copy)]
pub struct DockerfileOptions<'o> {
    /// Where it finds what it does not say itself.
    pub form: Form,
    /// The engine that it is for.
    pub dialect: Dialect,
    /// Whether the files beside it have the modes and times that the image has, so that nothing has to give them these.
    pub is_exact: bool,
    /// The spec, whose lines stand above what they ask for.
    pub spec: &'o Text,
    /// The text of the lock beside the spec.
    pub sibling_lock: Option<&'o str>,
}

/// A Dockerfile with what lies beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its text.
    pub text: String,
    /// Texts by the paths of their files beside it.
    pub files: BTreeMap<String, String>,
    /// What of the build context lies beside it, by where it does.
    pub context: BTreeMap<String, CopyFiles>,
}

/// A Dockerfile that is being written.
pub(super) struct DockerfileWriter<'o> {
    pub(super) plan: &'o BuildPlan,
    options: DockerfileOptions<'o>,
    /// The stages of the storeys.
    body: Vec<Instruction>,
    files: BTreeMap<String, String>,
    /// What copies and mounts take of the build context.
    taken: Vec<CopyFiles>,
    /// The images that programs are taken from: references by stages.
    images: BTreeMap<String, String>,
    /// The scripts that steps run.
    scripts: BTreeSet<&'static str>,
    /// Whether a step checks what is taken for granted of the base.
    is_guarded: bool,
    /// Whether a copy asks for modes that buildah does not take from its context (containers/buildah#574).
    has_special_modes: bool,
}

impl<'o> DockerfileWriter<'o> {
    pub(super) fn new(plan: &'o BuildPlan, options: DockerfileOptions<'o>) -> Self {
        Self {
            plan,
            options,
            body: Vec::new(),
            files: BTreeMap::new(),
            taken: Vec::new(),
            images: BTreeMap::new(),
            scripts: BTreeSet::new(),
            is_guarded: false,
            has_special_modes: plan
                .storeys
                .iter()
                .flat_map(|storey| &storey.steps)
                .any(has_special_modes),
        }
    }

    pub(super) fn add(&mut self, instruction: Instruction) {
        self.body.push(instruction);
    }

    pub(super) fn begin_stage(&mut self, on: &str, stage: &str) {
        self.add(Instruction::From {
            platform: None,
            image: on.to_owned(),
            stage: stage.to_owned(),
        });
    }

    /// What a step is for, and the lines of the spec that ask for it.
    pub(super) fn comment_of(&self, step: &Step) -> String {
        let spec = self.options.spec;
        let mut lines: Vec<(usize, u32)> = step
            .spans
            .iter()
            .map(|span| (spec.part(span.start).0, spec.lines(*span).0))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        let mut comment = format!("[{}] {}", step.stage.name(), shortened(&step.title));
        for (part, line) in lines {
            let Some((_, part)) = spec.parts().nth(part) else {
                continue;
            };
            let text = redact(part.content());
            let text = text
                .lines()
                .nth(usize::try_from(line).unwrap_or(1).saturating_sub(1))
                .unwrap_or("");
            comment.push_str(&format!("\n  {}:{line}: {}", called(part), shortened(text)));
        }
        comment
    }

    /// Gives steps the files of a script at a directory: returns the mount.
    pub(super) fn scripts(&mut self, script: &Script, target: &str) -> String {
        self.scripts.insert(script.file);
        let directory = script.file.trim_end_matches(".sh");
        match self.options.form {
            Form::Directory => {
                for file in script.files() {
                    self.files
                        .insert(format!("scripts/{directory}/{file}"), script_file(file).to_owned());
                }
                format!("type=bind,source=scripts/{directory},target={target}")
            }
            Form::Single => format!("type=bind,from={SCRIPTS},source=/{directory},target={target}"),
        }
    }

    /// A script as the program of a step.
    pub(super) fn program(
        &mut self,
        name: &str,
        title: &str,
        text: String,
        target: &str,
        script: &Script,
        mounts: &mut Vec<String>,
    ) -> Result<Program, WriteError> {
        let text = format!("# {}\n{}{text}", shortened(title), self.guard());
        match self.options.form {
            Form::Directory => {
                // Engines that do not look into what they mount (podman before 5.4) see by it that a step is another one.
                let digest = digest_of(&text, script);
                self.files.insert(format!("steps/{name}.sh"), text);
                mounts.push(format!("type=bind,source=steps/{name}.sh,target={target}"));
                let title = quote(&shortened(title));
                Ok(Program::Line(format!("/bin/sh {target} {title} {digest}")))
            }
            Form::Single if text.len() > MAX_SCRIPT => Err(WriteError::TooLong { step: title.to_owned() }),
            Form::Single => Ok(Program::Script(text)),
        }
    }

    /// Checks in the first step what a Dockerfile can only take for granted of its base.
    pub(super) fn guard(&mut self) -> String {
        match std::mem::replace(&mut self.is_guarded, true) {
            true => String::new(),
            false => self.checks(),
        }
    }

    /// Checks of the base, a line each.
    fn checks(&self) -> String {
        let mut text = String::new();
        let fails = |message: &str| format!("|| {{ echo {} >&2; exit 1; }}\n", quote(message));
        if self.plan.settings.user.is_none() {
            let message = "the base image has a user who is not root: say in the spec's `user` whom containers run as";
            text.push_str(&format!("[ \"$(id -u)\" = 0 ] {}", fails(message)));
        }
        let (_, gone) = image_environment(&self.plan.settings.environment);
        for name in gone {
            let message = format!("the base image sets {name}, which a Dockerfile cannot take out");
            text.push_str(&format!("[ -z \"${{{name}+x}}\" ] {}", fails(&message)));
        }
        text
    }

    /// The stage of an image that programs are taken from.
    pub(super) fn image_stage(&mut self, role: ImageRole, reference: &str) -> String {
        let mut stage = role.name().to_owned();
        while self.images.get(&stage).is_some_and(|known| known != reference) {
            stage.push_str("-2");
        }
        self.images.insert(stage.clone(), reference.to_owned());
        stage
    }

    /// The stage that files of the build context are taken from; `None` is the context itself.
    pub(super) fn files_from(&self) -> Option<String> {
        (!self.takes_as_it_is()).then(|| FILES.to_owned())
    }

    fn takes_as_it_is(&self) -> bool {
        self.options.form == Form::Directory && self.options.is_exact && !self.has_special_modes
    }

    /// Takes files of the build context; returns where they are in what [`Self::files_from`] names.
    pub(super) fn take(&mut self, files: &CopyFiles) -> String {
        let wanted = CopyFiles {
            owner: String::new(),
            target: String::new(),
            ..files.clone()
        };
        let number = self.taken.iter().position(|known| *known == wanted).unwrap_or_else(|| {
            self.taken.push(wanted);
            self.taken.len() - 1
        });
        let place = place_of(number, &files.source);
        match self.takes_as_it_is() {
            true => format!("{FILES}{place}"),
            false => format!("{PLACE}{place}"),
        }
    }

    /// What takes away directories of ours that mounts leave in the image.
    fn without_mount_points(&self) -> Vec<Instruction> {
        if !self.options.dialect.leaves_mount_points {
            return Vec::new();
        }
        let mut places: Vec<String> = Vec::new();
        for instruction in &self.body {
            let Instruction::Run { mounts, .. } = instruction else {
                continue;
            };
            for target in mounts.iter().filter_map(|mount| mount.split("target=").nth(1)) {
                let target = target.split(',').next().unwrap_or_default();
                let ours = target.match_indices("/imagespec").next().map(|(at, _)| at);
                let Some(at) = ours.filter(|_| !is_in_scratch(target)) else {
                    continue;
                };
                let inner = target.get(at + 1..).unwrap_or_default().matches('/').count();
                let parents =
                    std::iter::successors(Some(target), |path| path.rsplit_once('/').map(|(parent, _)| parent));
                places.extend(parents.take(inner + 1).map(str::to_owned));
            }
        }
        places.sort_by(|a, b| b.cmp(a));
        places.dedup();
        if places.is_empty() {
            return Vec::new();
        }
        let comment = "Mount points, which podman 5.5, buildah 1.40 and older leave in the image";
        let line = format!("rmdir {} 2>/dev/null || :", places.join(" "));
        vec![
            Instruction::Comment(comment.to_owned()),
            Instruction::Run {
                mounts: Vec::new(),
                what: Program::Line(line),
            },
        ]
    }

    /// What the image says of itself. It stands above copies at the end, which change more often, and no step sees it.
    pub(super) fn settings(&mut self) {
        let settings = &self.plan.settings;
        let (environment, _) = image_environment(&settings.environment);
        let words = |name: &'static str, word: &Option<String>| word.clone().map(|word| Instruction::Word(name, word));
        let mut steady = self.without_mount_points();
        steady.push(Instruction::Comment("What the image says of itself".to_owned()));
        steady.push(Instruction::Environment(environment));
        if !settings.ports.is_empty() {
            steady.push(Instruction::Expose(settings.ports.clone()));
        }
        // Before the user, who would own it in some engines.
        steady.extend(words("WORKDIR", &settings.workdir));
        steady.extend(words("USER", &settings.user));
        steady.extend(settings.entrypoint.clone().map(Instruction::Entrypoint));
        let is_other =
            |instruction: &Instruction| !matches!(instruction, Instruction::Copy { .. } | Instruction::Comment(_));
        let at = self.body.iter().rposition(is_other).map_or(0, |last| last + 1);
        let has_copies = at < self.body.len();
        self.body.splice(at..at, steady);
        if has_copies {
            self.body.push(Instruction::Comment("What was built".to_owned()));
        }
        self.body.push(Instruction::Labels(settings.labels.clone()));
    }

    pub(super) fn finish(mut self) -> Result<Dockerfile, WriteError> {
        if self.options.form == Form::Single && !self.options.dialect.has_texts {
            return Err(WriteError::NoTexts);
        }
        let mut all = vec![Instruction::Comment(format!(
            "From {}, by imagespec {}: edit that file, and write this one again.",
            called(self.options.spec),
            env!("CARGO_PKG_VERSION")
        ))];
        for (stage, reference) in &self.images {
            all.push(Instruction::From {
                platform: None,
                image: full_name(reference),
                stage: stage.clone(),
            });
        }
        all.push(Instruction::From {
            platform: Some(self.plan.platform.to_string()),
            image: full_name(&self.plan.base.image),
            stage: BASE.to_owned(),
        });
        if self.plan.settings.user.is_some() {
            all.push(Instruction::Word("USER", "0".to_owned()));
        }
        if self.options.form == Form::Single && !self.scripts.is_empty() {
            all.extend(self.stage_of_scripts());
        }
        let (stage, context) = self.stage_of_files()?;
        all.extend(stage);
        all.append(&mut self.body);
        for instruction in &all {
            instruction
                .check()
                .map_err(|error| WriteError::Words(error.to_string()))?;
        }
        // The lines of the spec are for its platform, also on another machine.
        let mut text = "# check=skip=FromPlatformFlagConstDisallowed,UndefinedVar\n".to_owned();
        for instruction in &all {
            if matches!(instruction, Instruction::From { .. } | Instruction::Comment(_))
                && !text.is_empty()
                && !text.ends_with("\n\n")
                && !is_comment(&text)
            {
                text.push('\n');
            }
            text.push_str(&instruction.to_string());
        }
        Ok(Dockerfile {
            text,
            files: self.files,
            context,
        })
    }

    fn stage_of_scripts(&self) -> Vec<Instruction> {
        let mut stage = vec![Instruction::From {
            platform: None,
            image: "scratch".to_owned(),
            stage: SCRIPTS.to_owned(),
        }];
        for main in &self.scripts {
            let directory = main.trim_end_matches(".sh");
            for file in Script::new(main).files() {
                stage.push(Instruction::Text {
                    target: format!("/{directory}/{file}"),
                    text: script_file(file).to_owned(),
                });
            }
        }
        stage
    }

    /// The stage with what is taken of the build context, and what has to lie beside the Dockerfile for it.
    fn stage_of_files(&mut self) -> Result<(Vec<Instruction>, BTreeMap<String, CopyFiles>), WriteError> {
        let mut context = BTreeMap::new();
        if self.taken.is_empty() {
            return Ok((Vec::new(), context));
        }
        if self.takes_as_it_is() {
            for (number, files) in self.taken.iter().enumerate() {
                context.insert(format!("{FILES}{}", place_of(number, &files.source)), files.clone());
            }
            return Ok((Vec::new(), context));
        }
        let mut stage = vec![
            Instruction::Comment(
                "The files of the build context, with the modes and times that the image has".to_owned(),
            ),
            Instruction::From {
                platform: None,
                image: BASE.to_owned(),
                stage: FILES.to_owned(),
            },
        ];
        if self.options.form == Form::Directory {
            stage.push(plain_copy("files/", &format!("{PLACE}/"), &[]));
        }
        // This stage may be the first to run something.
        let checks = self.checks();
        let mut modes: Vec<String> = checks.lines().map(|check| format!("{{ {check}; }}")).collect();
        for (number, files) in self.taken.iter().enumerate() {
            let place = place_of(number, &files.source);
            let target = format!("{PLACE}{place}");
            match (self.options.form, &files.from) {
                (Form::Directory, CopySource::SpecDirectory) => {
                    let text = self.options.sibling_lock.unwrap_or_default();
                    self.files.insert(format!("files{place}"), text.to_owned());
                }
                (Form::Directory, _) => {
                    context.insert(format!("files{place}"), files.clone());
                }
                (Form::Single, CopySource::SpecDirectory) => {
                    let text = self.options.sibling_lock.unwrap_or_default().to_owned();
                    if !text.ends_with('\n') {
                        // Texts in a Dockerfile end with a line feed.
                        modes.push(format!("truncate -s -1 {}", quote(&target)));
                    }
                    stage.push(Instruction::Text {
                        target: target.clone(),
                        text,
                    });
                }
                (Form::Single, _) => {
                    stage.push(self.copy_of_context(&files.source, &target, &files.exclude)?);
                    for link in &files.links {
                        let target = format!("{target}/{}", link.path);
                        stage.push(self.copy_of_context(&link.source, &target, &link.exclude)?);
                    }
                }
            }
            let words = match files.modes {
                Modes::Git => vec![GIT_MODES.to_owned()],
                Modes::Keep => Vec::new(),
                Modes::Exact(mode) => vec![NO_MODES.to_owned(), exact_modes(mode)],
            };
            modes.extend(words.iter().map(|words| format!("chmod -R {words} {}", quote(&target))));
        }
        modes.push(format!("find {PLACE} -exec touch -h -d @{FIXED_TIME} {{}} +"));
        stage.push(Instruction::Run {
            mounts: Vec::new(),
            what: Program::Line(modes.join(" \\\n && ")),
        });
        Ok((stage, context))
    }

    /// A copy out of the build context of the spec.
    fn copy_of_context(&self, source: &str, target: &str, exclude: &[String]) -> Result<Instruction, WriteError> {
        let exclude = match self.options.dialect.exclusion {
            Exclusion::OfSource => exclude.to_vec(),
            _ if exclude.is_empty() => Vec::new(),
            Exclusion::OfContext if source == "." => exclude.to_vec(),
            Exclusion::OfContext => exclude.iter().map(|pattern| below(source, pattern)).collect(),
            Exclusion::None => {
                return Err(WriteError::NoExclusion {
                    directory: source.to_owned(),
                });
            }
        };
        Ok(plain_copy(source, target, &exclude))
    }
}

/// Whether a step copies files with the identity of their owner or group.
fn has_special_modes(step: &Step) -> bool {
    match &step.action {
        Action::Copy(all) => all
            .iter()
            .any(|files| matches!(files.modes, Modes::Exact(mode) if mode & 0o6000 != 0)),
        _ => false,
    }
}

/// What a spec is called: without its directory, which is another one elsewhere.
fn called(spec: &Text) -> &str {
    match file_name(spec.name()) {
        "-" => "standard input",
        name => name,
    }
}

/// What a step runs, as a few digits.
fn digest_of(text: &str, script: &Script) -> String {
    let mut hasher = Sha256::new();
    hasher.update(text);
    for file in script.files() {
        hasher.update(script_file(file));
    }
    let digits = base16ct::lower::encode_string(&hasher.finalize());
    digits.get(..12).unwrap_or_default().to_owned()
}

/// A reference with its registry: some engines know no short names.
fn full_name(image: &str) -> String {
    match Reference::parse(image) {
        Ok(reference) if image != "scratch" => reference.to_string(),
        _ => image.to_owned(),
    }
}

/// Whether something is mounted in a directory that is one itself.
fn is_in_scratch(target: &str) -> bool {
    let scratch = [SCRATCH, SCRATCH_OF_COMMANDS].into_iter();
    scratch
        .filter_map(|scratch| target.strip_prefix(scratch))
        .any(|rest| rest.starts_with('/'))
}

/// Whether a text ends with a comment.
fn is_comment(text: &str) -> bool {
    text.lines().last().is_some_and(|line| line.starts_with('#'))
}

/// A pattern of a directory's as one of what the directory is in.
fn below(directory: &str, pattern: &str) -> String {
    match pattern.strip_prefix('!') {
        Some(pattern) => format!("!{directory}/{pattern}"),
        None => format!("{directory}/{pattern}"),
    }
}

fn plain_copy(source: &str, target: &str, exclude: &[String]) -> Instruction {
    Instruction::Copy {
        from: None,
        owner: None,
        exclude: exclude.to_vec(),
        source: source.to_owned(),
        target: target.to_owned(),
    }
}
