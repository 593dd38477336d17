//! `imagespec build`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use crate::cli::build::arguments::BuildArguments;
use crate::cli::build::dockerfiles::{needs_builds, prepare_input};
use crate::cli::build::engine::{choose, failed};
use crate::cli::build::existence::{Decision, decide, tell};
use crate::cli::build::flytekit;
use crate::cli::build::kept::keep;
use crate::cli::build::pushed::Pushed;
use crate::cli::build::request::{Places, Wanted, add_defaults, add_engine_options, wanted};
use crate::cli::build::summary::{Summary, layers};
use crate::cli::build::whole_files::WholeFiles;
use crate::cli::build::work::Work;
use crate::cli::disk::cannot;
use crate::cli::output::{DONE, err, out};
use crate::cli::project::{Project, spec_file};
use crate::cli::registries::registry;
use crate::cli::settings::{AUTO, Settings};
use crate::engine::{BuildOption, BuildRequest, Built, Engines, Frontend, Input, size};
use crate::image_spec::BaseImage;
use crate::registry::Registry;
use crate::text::{Diagnostic, Failure, Operation, ProblemKind};

/// Builds an image, or says what it would run.
pub(crate) fn run(arguments: &BuildArguments) -> Result<u8, Failure> {
    let started = Instant::now();
    let file = spec_file(arguments.spec.file.as_deref(), &arguments.spec.context)?;
    let is_piped = file == Path::new("-");
    let directory = match file
        .parent()
        .filter(|parent| !is_piped && !parent.as_os_str().is_empty())
    {
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("."),
    };
    let settings = Settings::told(&directory)?;
    let project = Project::read(Some(&file), &arguments.spec.context, Operation::Building)?;
    if settings.engine(arguments.engine.as_deref()) == "noop" {
        let mut summary = name_of_base(&project)?;
        let asked = std::env::args().skip(2).take_while(|word| word != "--");
        let asked: Vec<String> = asked.filter(|word| word.starts_with('-')).collect();
        let is_for_noop = |word: &String| {
            ["--engine", "-f", "--file", "--json"]
                .iter()
                .any(|own| word.starts_with(own))
        };
        if let Some(other) = asked.iter().find(|word| !is_for_noop(word)) {
            summary
                .warnings
                .push(format!("noop builds nothing: {other} has no effect"));
        }
        return Ok(show(&summary, arguments.json(), false));
    }
    let work = Work::new(arguments, is_piped, &project)?;
    let places = Places {
        file: work.file.clone().unwrap_or(file),
        directory: &directory,
    };
    let variables = flytekit::read(&|name| std::env::var(name).ok());
    let wanted = wanted(arguments, &settings, &variables, &project, &places)?;
    let goes_to_stdout = wanted.request.goes_to_stdout();
    if arguments.json() && goes_to_stdout && arguments.dry_run.is_none() {
        let problem = Diagnostic::error(
            "output",
            "--json and the result of --output cannot both be on standard output",
        );
        return Err(problem
            .kind(ProblemKind::Usage)
            .help("write the result to a file: dest=FILE")
            .into());
    }
    let engines = Engines::with_builder(wanted.request.values(BuildOption::Builder).last().map(str::to_owned));
    let summary = match &arguments.dry_run {
        Some(_) => return dry_run(&engines, wanted, arguments, &project, &work),
        None => build_unless_there(&engines, wanted, &project, &work, &registry(&settings)?)?,
    };
    let summary = Summary {
        duration: started.elapsed(),
        ..summary
    };
    Ok(show(&summary, arguments.json(), goes_to_stdout))
}

/// Tells what came of it.
fn show(summary: &Summary, as_json: bool, is_stdout_taken: bool) -> u8 {
    for warning in &summary.warnings {
        err(&format!("imagespec: {warning}\n"));
    }
    match (as_json, is_stdout_taken) {
        // The result itself is on standard output.
        (_, true) => err(&format!("{}\n", summary.line())),
        (true, _) => out(&format!("{}\n", summary.json())),
        (false, _) => out(&format!("{}\n", summary.line())),
    }
    DONE
}

/// The engine `noop`: the name of the base image.
fn name_of_base(project: &Project) -> Result<Summary, Failure> {
    let base_image = match &project.spec.base_image {
        Some(BaseImage::Spec(below)) => {
            let message = "noop takes the image in `base_image`, and there is a spec there";
            let problem = Diagnostic::build_error("noop", message).at(below.span);
            let problem = problem.help("name an image, or build with another engine");
            return Err(Failure::from(problem).about(&project.text));
        }
        Some(BaseImage::Reference(name)) => Some(name.value.clone()),
        None => None,
    };
    let engines = Engines::default();
    let engine = engines.get("noop")?;
    let request = BuildRequest {
        base_image,
        ..BuildRequest::default()
    };
    let built = engine
        .build(&request, &engine.health())
        .map_err(|error| failed(engine.name(), error))?;
    Ok(Summary {
        names: built.name.into_iter().collect(),
        engine: Some(engine.name().to_owned()),
        ..Summary::default()
    })
}

/// Prints what would be run. No engine is asked.
fn dry_run(
    engines: &Engines,
    mut wanted: Wanted,
    arguments: &BuildArguments,
    project: &Project,
    work: &Work,
) -> Result<u8, Failure> {
    let engine = match wanted.engine.as_str() {
        AUTO => engines.all().find(|engine| engine.priority().is_some()),
        name => Some(engines.get(name)?),
    };
    let Some(engine) = engine else {
        return Err(Diagnostic::internal("no engines").into());
    };
    engines.check(engine, &wanted.request)?;
    add_engine_options(&mut wanted, engine)?;
    prepare_input(engine, None, &mut wanted, project, work, false)?;
    let mut request = wanted.request;
    add_defaults(&mut request, engine);
    let lines = engine.commands(&request, None)?;
    for note in &wanted.notes {
        err(&format!("imagespec: {note}\n"));
    }
    if arguments.json() {
        let commands: Vec<Vec<String>> = lines
            .into_iter()
            .map(|line| [vec![line.program], line.arguments].concat())
            .collect();
        let found = json!({
            "version": 1,
            "engine": engine.name(),
            "commands": commands,
            "warnings": wanted.notes,
        });
        out(&format!("{found}\n"));
    } else {
        out(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    }
    Ok(DONE)
}

/// Builds, if the image is not there already.
fn build_unless_there(
    engines: &Engines,
    wanted: Wanted,
    project: &Project,
    work: &Work,
    registry: &Registry,
) -> Result<Summary, Failure> {
    // What an engine cannot do is told before anybody is asked.
    if wanted.engine != AUTO {
        engines.check(engines.get(&wanted.engine)?, &wanted.request)?;
    }
    // Nobody wants to hear of it after the build.
    for file in [BuildOption::MetadataFile, BuildOption::IidFile]
        .iter()
        .flat_map(|option| wanted.request.values(*option))
    {
        let parent = Path::new(file).parent().filter(|parent| !parent.as_os_str().is_empty());
        if parent.is_some_and(|parent| !parent.is_dir()) {
            return Err(cannot("write", Path::new(file), std::io::ErrorKind::NotFound.into()).into());
        }
    }
    let decision = decide(&wanted, registry)?;
    tell(&decision);
    match decision {
        Decision::Skip { digest } => skipped(wanted, digest),
        Decision::Build { is_new, .. } => {
            let pushed = Pushed {
                registry,
                is_new,
                platforms: wanted.platforms.clone(),
            };
            build(engines, wanted, project, work, &pushed)
        }
    }
}

/// An image that is there already: the files that a build would have written say so, and what only a build could do is told.
fn skipped(wanted: Wanted, digest: String) -> Result<Summary, Failure> {
    let request = &wanted.request;
    let metadata = json!({"containerimage.digest": digest, "image.name": request.names.join(",")}).to_string();
    let files = [(BuildOption::MetadataFile, &metadata), (BuildOption::IidFile, &digest)];
    for (option, content) in files {
        for file in request.values(option) {
            std::fs::write(file, content).map_err(|error| cannot("write", Path::new(file), error))?;
        }
    }
    let mut notes = wanted.notes;
    for option in [BuildOption::Sbom, BuildOption::Provenance, BuildOption::CacheTo] {
        if request.values(option).any(|value| value != "false") {
            notes.push(format!(
                "{} had no effect: the image is there already (--force builds it)",
                option.name()
            ));
        }
    }
    Ok(Summary {
        names: wanted.request.names,
        digest: Some(digest),
        warnings: notes,
        ..Summary::default()
    })
}

/// Builds with the engine that is wanted.
fn build(
    engines: &Engines,
    mut wanted: Wanted,
    project: &Project,
    work: &Work,
    pushed: &Pushed<'_>,
) -> Result<Summary, Failure> {
    let (engine, health) = choose(engines, &wanted.engine, &wanted.request)?;
    engines.check(engine, &wanted.request)?;
    add_engine_options(&mut wanted, engine)?;
    prepare_input(engine, Some(&health), &mut wanted, project, work, false)?;
    let mut notes = wanted.notes.clone();
    let mut request = wanted.request.clone();
    add_defaults(&mut request, engine);
    // In a file of our own first: what the user names is whole or absent.
    let for_user: Vec<String> = request.values(BuildOption::MetadataFile).map(str::to_owned).collect();
    request
        .options
        .retain(|(option, _)| *option != BuildOption::MetadataFile);
    request.ask(BuildOption::MetadataFile, work.metadata.display().to_string());
    let files = WholeFiles::of(&mut request);
    let mut built = engine.build(&request, &health);
    if built.as_ref().is_err_and(needs_builds) {
        err(
            "imagespec: a package is built from its source, and may read any variable: building once more with all of them\n",
        );
        prepare_input(engine, Some(&health), &mut wanted, project, work, true)?;
        built = engine.build(&request, &health);
    }
    let mut built = built.map_err(|error| {
        let kept = match wanted.keeps_failed {
            true => keep(engine, &health, &request, &project.spec, &error),
            false => None,
        };
        let failure = failed(engine.name(), error);
        let problems = failure.problems.into_iter().map(|problem| match &kept {
            Some(kept) => problem.help(kept),
            None => problem,
        });
        Failure {
            problems: problems.collect(),
            ..failure
        }
    })?;
    files.finish()?;
    if let Ok(said) = std::fs::read(&work.metadata) {
        built.metadata = serde_json::from_slice(&said).unwrap_or_default();
        for file in for_user {
            std::fs::write(&file, &said).map_err(|error| cannot("write", Path::new(&file), error))?;
        }
    }
    notes.extend(other_version(&request.frontend, &built));
    let names = built
        .name
        .clone()
        .map_or_else(|| request.names.clone(), |name| vec![name]);
    let text = |name: &str| {
        built
            .metadata
            .get(name)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let layers = layers(&built);
    // Others than docker are not asked: that takes as long as a part of the build.
    let is_loaded = request.has(BuildOption::Load) && engine.input() == Input::Spec;
    let first = names.first().filter(|_| built.name.is_none());
    let of_registry = first
        .filter(|_| request.goes_to_registry())
        .and_then(|name| pushed.sizes(name, layers.as_ref()));
    let of_store = first.filter(|_| is_loaded).and_then(|name| size(name));
    Ok(Summary {
        is_built: true,
        digest: text("containerimage.digest"),
        engine: Some(engine.name().to_owned()),
        size: of_registry.map(|(size, _)| size).or(of_store),
        pushed: of_registry.and_then(|(_, pushed)| pushed),
        layers,
        names,
        warnings: notes,
        ..Summary::default()
    })
}

/// A note if frontend and program are of different versions.
fn other_version(frontend: &Frontend, built: &Built) -> Option<String> {
    let version = built
        .metadata
        .get("frontend.imagespec.version")
        .and_then(|version| version.as_str());
    let own = env!("CARGO_PKG_VERSION");
    match (frontend, version) {
        (Frontend::Layout { .. } | Frontend::Dockerfiles(_), _) => None,
        (_, Some(version)) if version == own => None,
        (Frontend::OfSpec(name) | Frontend::Image(name), Some(version)) => Some(format!(
            "the frontend {name} is version {version}, this program is {own}"
        )),
        (Frontend::OfSpec(name) | Frontend::Image(name), None) => {
            // Without a name it is a part of an image, or an engine that says nothing.
            let is_whole = built.metadata.get("frontend.imagespec.name").is_some();
            is_whole.then(|| format!("the frontend {name} is older than this program, which is {own}"))
        }
    }
}
