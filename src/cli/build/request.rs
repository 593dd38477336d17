//! Makes one request of what the command line, the environment, settings and the spec say.

use std::path::{Path, PathBuf};

use crate::cli::build::arguments::{BuildArguments, IfExists, IfUnknown};
use crate::cli::build::flytekit::Variables;
use crate::cli::build::secrets::secrets;
use crate::cli::project::{Identified, Project};
use crate::cli::settings::Settings;
use crate::engine::{BuildOption, BuildRequest, Engine, Frontend, render_options};
use crate::image_spec::Algorithm;
use crate::name::{Given, Identity, NamingOptions};
use crate::oci::{Platform, Reference};
use crate::project::FoundRequirements;
use crate::text::{Diagnostic, Failure, ProblemKind};

/// A build with everything that decides on it.
pub(crate) struct Wanted {
    pub(crate) request: BuildRequest,
    pub(crate) identified: Identified,
    /// How its names are computed.
    pub(crate) naming: NamingOptions,
    /// The platforms of the image, if they are known.
    pub(crate) platforms: Vec<Platform>,
    /// Whether the frontend is the one in this program, and whether the command line names one.
    pub(crate) is_carried: bool,
    pub(crate) names_frontend: bool,
    /// Options of the engine's own program, `KEY=VALUE`.
    pub(crate) engine_options: Vec<String>,
    pub(crate) engine: String,
    /// Whether to leave something of a build that fails.
    pub(crate) keeps_failed: bool,
    /// Whether to build without asking for what is there.
    pub(crate) is_forced: bool,
    pub(crate) if_exists: IfExists,
    pub(crate) if_unknown: IfUnknown,
    /// What the user should know.
    pub(crate) notes: Vec<String>,
}

/// Where a build finds what is made for it alone.
pub(crate) struct Places<'a> {
    /// The spec as the engine reads it.
    pub(crate) file: PathBuf,
    /// The directory that secrets of the spec are relative to.
    pub(crate) directory: &'a Path,
}

/// Puts everything together.
///
/// # Errors
/// Everything that can be wrong before an engine is asked.
pub(crate) fn wanted(
    arguments: &BuildArguments,
    settings: &Settings,
    variables: &Variables,
    project: &Project,
    places: &Places<'_>,
) -> Result<Wanted, Failure> {
    let mut notes = variables.notes.clone();
    let mut pushes = arguments.push || settings.switch("push").unwrap_or(false);
    if pushes && variables.keeps_from_pushing {
        pushes = false;
        notes.push("not pushed: FLYTE_PUSH_IMAGE_SPEC keeps from it".to_owned());
    }
    check_names(&arguments.tag)?;
    refuse_arguments(arguments)?;
    let naming_options = NamingOptions {
        given: Given {
            names: arguments.tag.clone(),
            id: arguments.id.clone(),
        },
        ..arguments.naming.options()
    };
    let naming = project.naming(&naming_options)?;
    let is_part = arguments.target.is_some();
    // What is wrong with files is told here, before any engine starts.
    let found = project.checked()?;
    let read: Vec<Vec<String>> = found.iter().map(FoundRequirements::paths).collect();
    let identified = project.identify(&naming, Some(&read))?;
    let identity = &identified.identity;
    let is_flag = |option: &String| option.starts_with('-');
    let (of_settings, typed): (Vec<_>, Vec<_>) = settings.list("engine_opt").into_iter().partition(is_flag);
    let frontend = frontend(arguments.frontend.as_deref(), settings, project.text.content());
    let mut request = BuildRequest {
        file: places.file.clone(),
        context: arguments.spec.context.clone(),
        frontend: frontend.clone().unwrap_or_default(),
        names: names(arguments, identity, is_part),
        flags: [of_settings, arguments.engine_flags.clone()].concat(),
        ..BuildRequest::default()
    };
    if pushes && !is_part && arguments.output.is_empty() {
        check_registry(project, &arguments.tag, identity)?;
    }
    for name in arguments.naming.build_arguments() {
        request.ask(BuildOption::BuildArgument, name);
    }
    if !arguments.tag.is_empty() && !is_part {
        request.ask(
            BuildOption::BuildArgument,
            format!("IMAGESPEC_NAME={}", arguments.tag.join(",")),
        );
    }
    if let Some(id) = &arguments.id {
        request.ask(BuildOption::BuildArgument, format!("IMAGESPEC_ID={id}"));
    }
    let given = secrets(
        &project.spec,
        places.directory,
        &settings.table("secrets"),
        &arguments.secret,
    );
    for secret in given.map_err(|problems| Failure::from(problems).about(&project.text))? {
        request.ask(BuildOption::Secret, secret);
    }
    let platforms = naming.platforms().unwrap_or_default();
    let platform = arguments.naming.platform().map(str::to_owned).or_else(|| {
        // The tag says for which, so the engine must not choose another.
        let list: Vec<String> = platforms.iter().map(Platform::to_string).collect();
        (naming.algorithm() == Algorithm::Content).then(|| list.join(","))
    });
    if let Some(platform) = platform {
        request.ask(BuildOption::Platform, platform);
    }
    ask_options(&mut request, arguments, settings, pushes);
    let of_outputs = request.names_of_outputs();
    match (arguments.tag.is_empty(), of_outputs.is_empty()) {
        (_, true) => {}
        // The engine would replace them by others.
        (true, false) => request.names = of_outputs,
        (false, false) => {
            let problem = Diagnostic::error("image-name", "the image is named by -t and by `name=` of an output");
            return Err(problem.kind(ProblemKind::Usage).help("name it in one place").into());
        }
    }
    if found.iter().any(|found| found.facts.repositories.by_ssh) && !request.has(BuildOption::Ssh) {
        match std::env::var_os("SSH_AUTH_SOCK").is_some_and(|socket| !socket.is_empty()) {
            true => request.ask(BuildOption::Ssh, "default"),
            false => notes.push("the spec takes a package by SSH, and no agent runs here (SSH_AUTH_SOCK)".to_owned()),
        }
    }
    Ok(Wanted {
        request,
        identified,
        naming: naming_options,
        platforms,
        is_carried: frontend.is_none(),
        names_frontend: arguments.frontend.is_some(),
        engine_options: [typed, arguments.engine_opt.clone()].concat(),
        engine: settings.engine(arguments.engine.as_deref()),
        keeps_failed: arguments.keep_failed,
        is_forced: arguments.force || variables.forces,
        if_exists: choice(arguments.if_exists, settings, "if_exists")?.unwrap_or(IfExists::Skip),
        if_unknown: match choice(arguments.if_unknown, settings, "if_unknown")? {
            Some(choice) => choice,
            None if variables.fails_fast => IfUnknown::Fail,
            None => IfUnknown::Build,
        },
        notes,
    })
}

/// Options of the engine's own program, as it takes them. What the user wrote as flags comes behind them.
pub(crate) fn add_engine_options(wanted: &mut Wanted, engine: &dyn Engine) -> Result<(), Vec<Diagnostic>> {
    let rendered = render_options(engine.name(), &wanted.engine_options)?;
    let warnings = rendered.warnings.iter().map(|warning| warning.line(None));
    wanted.notes.extend(warnings);
    wanted.request.flags.splice(0..0, rendered.words);
    Ok(())
}

/// What most builds want and nobody has to say, where the engine can do it.
pub(crate) fn add_defaults(request: &mut BuildRequest, engine: &dyn Engine) {
    let goes_elsewhere = [BuildOption::Push, BuildOption::Load, BuildOption::Output];
    if !goes_elsewhere.iter().any(|option| request.has(*option)) && engine.can(BuildOption::Load) {
        request.ask(BuildOption::Load, "");
    }
    if !request.has(BuildOption::Provenance) && engine.can(BuildOption::Provenance) {
        // With it, an image that is equal has another digest after each build.
        request.ask(BuildOption::Provenance, "false");
    }
}

fn ask_options(request: &mut BuildRequest, arguments: &BuildArguments, settings: &Settings, pushes: bool) {
    let or = |own: &Option<String>, name: &str| own.clone().or_else(|| settings.text(name));
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let texts = [
        (BuildOption::Target, arguments.target.clone()),
        (BuildOption::NoCacheFilter, arguments.no_cache_filter.clone()),
        (BuildOption::Progress, or(&arguments.progress, "progress")),
        (BuildOption::MetadataFile, path(&arguments.metadata_file)),
        (BuildOption::IidFile, path(&arguments.iidfile)),
        (BuildOption::Network, or(&arguments.network, "network")),
        (BuildOption::Builder, or(&arguments.builder, "builder")),
        (BuildOption::Sbom, or(&arguments.sbom, "sbom")),
        (BuildOption::Provenance, or(&arguments.provenance, "provenance")),
    ];
    for (option, text) in texts {
        if let Some(text) = text {
            request.ask(option, text);
        }
    }
    let is_on = |own: bool, name: &str| own || settings.switch(name).unwrap_or(false);
    let switches = [
        (BuildOption::Push, pushes),
        (BuildOption::Load, is_on(arguments.load, "load")),
        (BuildOption::NoCache, arguments.no_cache),
        (BuildOption::Pull, is_on(arguments.pull, "pull")),
    ];
    for (option, _) in switches.into_iter().filter(|(_, on)| *on) {
        request.ask(option, "");
    }
    let contexts = settings.table("build_contexts").into_iter();
    let contexts = contexts
        .map(|(name, what)| format!("{name}={what}"))
        .chain(arguments.build_context.iter().cloned());
    let lists = [
        (BuildOption::Output, arguments.output.clone()),
        (BuildOption::BuildArgument, arguments.build_arg.clone()),
        (BuildOption::BuildContext, contexts.collect()),
        (BuildOption::Label, arguments.label.clone()),
        (BuildOption::Ssh, [settings.list("ssh"), arguments.ssh.clone()].concat()),
        (
            BuildOption::CacheFrom,
            [settings.list("cache_from"), arguments.cache_from.clone()].concat(),
        ),
        (
            BuildOption::CacheTo,
            [settings.list("cache_to"), arguments.cache_to.clone()].concat(),
        ),
        (BuildOption::AddHost, arguments.add_host.clone()),
    ];
    for (option, list) in lists {
        for value in list {
            request.ask(option, value);
        }
    }
}

/// A word of the command line, or of settings.
fn choice<T: clap::ValueEnum>(own: Option<T>, settings: &Settings, name: &str) -> Result<Option<T>, Diagnostic> {
    let Some(word) = settings.text(name).filter(|_| own.is_none()) else {
        return Ok(own);
    };
    T::from_str(&word, false).map(Some).map_err(|_| {
        let known = T::value_variants()
            .iter()
            .filter_map(clap::ValueEnum::to_possible_value);
        let known: Vec<String> = known.map(|value| value.get_name().to_owned()).collect();
        let message = format!("{name}: `{word}` is not one of {}", known.join(", "));
        Diagnostic::error("setting", message).kind(ProblemKind::Usage)
    })
}

/// What the image is called. A part of an image must not have the name of the whole.
fn names(arguments: &BuildArguments, identity: &Identity, is_part: bool) -> Vec<String> {
    match is_part {
        _ if !arguments.tag.is_empty() => arguments.tag.clone(),
        true => Vec::new(),
        false => vec![identity.image_name.clone()],
    }
}

/// Build arguments that have a flag, which the program has to know of itself.
const OF_FLAGS: [(&str, &str); 7] = [
    ("IMAGESPEC_NAME", "-t NAME"),
    ("IMAGESPEC_ID", "--id ID"),
    ("IMAGESPEC_IF_EXISTS", "--if-exists"),
    ("IMAGESPEC_TAG_ALGORITHM", "--algorithm"),
    ("IMAGESPEC_HOST_ARCH", "--host-arch"),
    ("IMAGESPEC_PYTHON_UNICODE", "--python-unicode"),
    ("BUILDKIT_SYNTAX", "--frontend IMAGE"),
];

/// Refuses what would go past this program: the image would not be what is told of it.
fn refuse_arguments(arguments: &BuildArguments) -> Result<(), Diagnostic> {
    let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
    let mut given = arguments.build_arg.iter().map(|argument| name(argument));
    let found = given.find_map(|name| OF_FLAGS.into_iter().find(|(known, _)| *known == name));
    if let Some((name, flag)) = found {
        let problem = Diagnostic::error("build-argument", format!("--build-arg {name} has a flag of its own"));
        return Err(problem.kind(ProblemKind::Usage).help(format!("write {flag}")));
    }
    let asks = |flag: &&String| flag.starts_with("--call") || *flag == "--check";
    if let Some(flag) = arguments.engine_flags.iter().find(asks) {
        let problem = Diagnostic::error("engine-flag", format!("{flag} asks a question and builds nothing"));
        return Err(problem.kind(ProblemKind::Usage).help("ask it by `docker buildx build`"));
    }
    Ok(())
}

fn check_names(names: &[String]) -> Result<(), Vec<Diagnostic>> {
    let refused = names.iter().filter_map(|name| Reference::parse(name).err());
    let problems: Vec<Diagnostic> = refused
        .map(|error| Diagnostic::error("image-name", format!("--tag {error}")).kind(ProblemKind::Usage))
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems),
    }
}

/// Refuses to push an image whose computed name has no registry: it would go to Docker Hub.
fn check_registry(project: &Project, given: &[String], identity: &Identity) -> Result<(), Failure> {
    let registry = project.spec.registry.as_ref();
    if !given.is_empty() || registry.is_some_and(|registry| !registry.value.is_empty()) {
        let problem = Reference::parse(&identity.image_name).err();
        return match problem {
            None => Ok(()),
            Some(error) => {
                let problem = Diagnostic::build_error("image-name", error.to_string());
                let problem = problem.at_known(registry.map(|registry| registry.span));
                Err(Failure::from(problem.help("look at `registry`, `name` and `tag_format`")).about(&project.text))
            }
        };
    }
    let problem = Diagnostic::build_error("no-registry", "the image cannot be pushed: its name has no registry");
    let problem = problem.help("add `registry: HOST/NAMESPACE` to the spec, or name the image with -t");
    Err(Failure::from(problem).about(&project.text))
}

/// The frontend: that of the command line, of the spec's first line, of settings; `None` for that of this program.
pub(crate) fn frontend(given: Option<&str>, settings: &Settings, spec: &str) -> Option<Frontend> {
    if let Some(image) = given {
        return Some(Frontend::Image(image.to_owned()));
    }
    if let Some(image) = syntax_line(spec) {
        return Some(Frontend::OfSpec(image.to_owned()));
    }
    settings.text("frontend").map(Frontend::Image)
}

/// The image that a spec names as its frontend, by BuildKit's rules: comments of the form `# name=value` before anything
/// else.
fn syntax_line(text: &str) -> Option<&str> {
    let lines = text.trim_start_matches('\u{feff}').lines();
    for line in lines.skip_while(|line| line.starts_with("#!")) {
        let (name, value) = line.strip_prefix('#')?.split_once('=')?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        if name.eq_ignore_ascii_case("syntax") {
            return value.split_whitespace().next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontend_of_a_spec_is_in_its_first_lines() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(syntax_line(text), expect, "{text}");
        check("# syntax=a/b:1\nname: x\n", Some("a/b:1"));
        check("#syntax = a/b:1 \r\nname: x\n", Some("a/b:1"));
        check("# check=skip=all\n# SYNTAX=a\n", Some("a"));
        check("#!/usr/bin/x\n# syntax=a\n", Some("a"));
        check("\u{feff}# syntax=a\n", Some("a"));
        check("# a comment\n# syntax=a\n", None);
        check("name: x\n# syntax=a\n", None);
        check("", None);
    }
}
