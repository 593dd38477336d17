use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::files::{MAX_REQUIREMENTS, Task};
use crate::frontend::assembly::{Build, Image};
use crate::frontend::call_error::CallError;
use crate::frontend::client::{Client, Reference};
use crate::frontend::context::{self, Origin, SpecFile};
use crate::frontend::files::{self, Files};
use crate::frontend::gateway::{Gateway, own_time};
use crate::frontend::image::{Images, Resolved};
use crate::frontend::lock::Beside;
use crate::frontend::options::{FrontendOptions, IfExists};
use crate::frontend::subrequest::{self, Name, Subrequest};
use crate::frontend::{existing, naming, requirements};
use crate::image_spec::{self, Algorithm, ImageSpec, LOCK_NAME, Profile, SecretMount};
use crate::llb::Output;
use crate::name::{Identity, Naming, NamingOptions, name_in_image};
use crate::oci::Platform;
use crate::plan::{self, Facts, LockedPackages, Part, Stage, StoreyFacts};
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure, Operation, Severity, Span};
use crate::write;

/// Each warning is a call; nobody reads more than this.
const MAX_WARNINGS: usize = 50;

impl From<write::WriteError> for Failure {
    fn from(error: write::WriteError) -> Self {
        Diagnostic::error("target", error.to_string()).caused_by(error).into()
    }
}

/// Builds what the client asked for.
pub(super) async fn build(gateway: Arc<dyn Gateway>, options: FrontendOptions) -> Result<wire::Result, Failure> {
    let request = options.get("requestid").map(Subrequest::named).transpose()?;
    if request == Some(Subrequest::Describe) {
        return Ok(subrequest::describe());
    }
    let client = Client::new(gateway, options.cache_imports()?).await?;
    let (file, origin) = context::load(&client, &options).await?;
    let answer = match request {
        Some(Subrequest::Name(what)) => name(&client, &options, &file, &origin, what).await,
        // These need what a build needs.
        None | Some(Subrequest::Lock | Subrequest::Pin) => whole(&client, &options, &file, &origin, request).await,
        Some(request) => subrequest::about(request, &file),
    };
    answer.map_err(|failure| failure.about(&file.text))
}

/// A build, or a request that needs what a build needs.
async fn whole(
    client: &Client,
    options: &FrontendOptions,
    file: &SpecFile,
    origin: &Origin,
    request: Option<Subrequest>,
) -> Result<wire::Result, Failure> {
    let spec = read_spec(client, options, file, Operation::Building).await?;
    let answer = build_spec(client, options, file, origin, request, &spec).await;
    answer.map_err(|failure| failure.map(|problem| missing_secret(&spec, problem)))
}

/// Says of a step that misses a secret which secrets there are and how they are given. Which one it is stands in the
/// step's log only.
fn missing_secret(spec: &ImageSpec, problem: Diagnostic) -> Diagnostic {
    let call: Option<&CallError> = problem.find_cause();
    if call.and_then(CallError::exit_status) != Some(plan::MISSING_SECRET_STATUS) {
        return problem;
    }
    let mounts: Vec<&SecretMount> = spec.all().flat_map(|spec| &spec.pip_secret_mounts).collect();
    let (Some(first), Some(last)) = (mounts.first(), mounts.last()) else {
        return problem;
    };
    let ids = mounts.iter().map(|mount| format!("`{}`", mount.id)).collect::<Vec<_>>();
    let message = match ids.as_slice() {
        [id] => format!("the secret {id} is missing"),
        _ => format!("a secret is missing, one of {}", ids.join(", ")),
    };
    let arguments = mounts.iter().map(|mount| {
        let source = mount.source.as_deref().unwrap_or("FILE");
        format!("--secret id={},src={source}", mount.id)
    });
    let help = format!("add {} to the build command", arguments.collect::<Vec<_>>().join(" "));
    // All of them where one spec has them all.
    let is_one_list = mounts.len() == spec.pip_secret_mounts.len();
    let span = Span {
        end: if is_one_list { last.span.end } else { first.span.end },
        ..first.span
    };
    let missing = Diagnostic::build_error("missing-secret", message).at(span).help(help);
    Diagnostic {
        cause: problem.cause,
        ..missing.kind(problem.kind)
    }
}

async fn build_spec(
    client: &Client,
    options: &FrontendOptions,
    file: &SpecFile,
    origin: &Origin,
    request: Option<Subrequest>,
    spec: &ImageSpec,
) -> Result<wire::Result, Failure> {
    // To lock means to lock anew.
    let is_locking = request == Some(Subrequest::Lock) || options.target()? == Some(Part::Stage(Stage::Lock));
    let given_lock = match is_locking {
        true => None,
        false => lock_beside(client, file, spec).await?,
    };
    let naming = naming_of(options, spec, given_lock.as_ref())?;
    let tasks = naming.tasks()?;
    let platforms = platforms(options, spec, &naming)?;
    if request == Some(Subrequest::Pin) {
        let images = look_up(client, options, spec, &platforms).await?;
        return Ok(subrequest::pin(images.iter().flat_map(Images::digests)));
    }
    let multi = options.multi_platform(platforms.len())?;
    let mut files = Files::ask(client, options, file, origin, files::paths(spec, &tasks)).await?;
    // Whether there is anything to build hangs on the name; else nothing waits for it.
    let policy = options.if_exists()?;
    let is_whole = options.target()?.is_none_or(|part| part == Part::Stage(Stage::Image));
    if policy != IfExists::Build && !is_whole {
        let message = "IMAGESPEC_IF_EXISTS does not go with --target: the name is that of the whole image";
        return Err(Diagnostic::error("if-exists", message).into());
    }
    let mut identity = None;
    if policy != IfExists::Build {
        let found = naming::identify(client, options, file, &files, &naming, &tasks).await?;
        let existing = existing::look_up(client, policy, spec, &found.image_name, &platforms).await?;
        if let Some(images) = existing {
            return existing_result(client, &platforms, multi, images, &found).await;
        }
        identity = Some(found);
    }
    // Files and images have nothing to do with each other.
    let (found, images) = tokio::join!(
        async {
            let texts = files::check(client, &files, spec).await?;
            requirements::read(client, &mut files, spec, &texts).await
        },
        look_up(client, options, spec, &platforms)
    );
    let (found, images) = (found?, images?);
    let build = Build {
        client,
        options,
        file,
        spec,
        id: naming.id(),
        // What is locked now has its hashes in the lock.
        is_hashed: naming.algorithm() == Algorithm::Content && !is_locking,
        found: &found,
        beside: given_lock,
        tree: files.tree.clone(),
    };
    if request == Some(Subrequest::Lock) {
        let ([platform], [images]) = (platforms.as_slice(), images.as_slice()) else {
            let message =
                "a lock is for one platform, and this spec is built for several: name one with --platform linux/amd64";
            let own = spec.platform.as_ref().filter(|_| options.get("platform").is_none());
            let span = own.map(|platform| platform.span);
            return Err(Diagnostic::error("several-platforms", message).at_known(span).into());
        };
        return subrequest::lock(build.lock(platform, images).await?);
    }
    let mut built = Vec::with_capacity(platforms.len());
    for (position, (platform, images)) in platforms.iter().zip(&images).enumerate() {
        built.push(
            build
                .image(platform, images, platforms.len() > 1, position == 0)
                .await?,
        );
    }
    let identity = match identity {
        Some(identity) => Some(identity),
        // A part of an image must not go under the name of the whole.
        None if !is_whole => None,
        None => beside(client, file, &built, &naming, &tasks, &files, options).await?,
    };
    let mut answer = Answer::new(multi);
    let mut vertices = BTreeMap::new();
    for (platform, mut image) in platforms.iter().zip(built) {
        if let Some(identity) = &identity {
            name_in_image(identity, spec, &mut image.settings);
        }
        let config = write::image_config(
            image.base.as_ref().and_then(|base| base.config.as_ref()),
            platform,
            &image.settings,
            &options.labels(),
            &image.history,
        );
        vertices.extend(image.vertices);
        let base_config = image.base.map(|base| base.raw_config).unwrap_or_default();
        answer.add(platform, image.reference, config.to_string().into_bytes(), base_config);
    }
    let mut result = answer.finish();
    if let Some(identity) = &identity {
        naming::tell(identity, &mut result);
    }
    if options.wants_timings() {
        let timings = timings(client, options, &vertices);
        result
            .metadata
            .insert("frontend.imagespec.timings".into(), timings.into_bytes());
    }
    Ok(result)
}

/// The images that a build takes something from, by platform.
async fn look_up(
    client: &Client,
    options: &FrontendOptions,
    spec: &ImageSpec,
    platforms: &[Platform],
) -> Result<Vec<Images>, Failure> {
    let needs = plan::needs(spec);
    let mut images = Vec::with_capacity(platforms.len());
    for platform in platforms {
        images.push(Images::look_up(client, options, spec, &needs, platform).await?);
    }
    Ok(images)
}

/// A lock beside the spec, where the spec names none itself.
async fn lock_beside(client: &Client, file: &SpecFile, spec: &ImageSpec) -> Result<Option<(Beside, Output)>, Failure> {
    if !spec.takes_lock_beside() {
        return Ok(None);
    }
    let found = context::load_beside(client, file, LOCK_NAME, MAX_REQUIREMENTS).await?;
    Ok(found.map(|(path, text, tree)| (Beside { path, text }, tree)))
}

/// The names of an image while it is built: only its labels and metadata wait for them.
async fn beside(
    client: &Client,
    file: &SpecFile,
    built: &[Image],
    naming: &Naming<'_>,
    tasks: &[Task],
    files: &Files,
    options: &FrontendOptions,
) -> Result<Option<Identity>, Failure> {
    let identify = naming::identify(client, options, file, files, naming, tasks);
    let identified = if tasks.is_empty() {
        identify.await
    } else {
        // Nothing runs before somebody asks for it.
        let run = async {
            for image in built.iter().filter(|image| !image.reference.0.is_empty()) {
                client.evaluate(&image.reference).await?;
            }
            Ok::<_, Failure>(())
        };
        let (identified, ran) = tokio::join!(identify, run);
        ran?;
        identified
    };
    match identified {
        Ok(identity) => Ok(Some(identity)),
        // Whoever asks for that algorithm wants no image without its name.
        Err(failure) if naming.algorithm() == Algorithm::Content => Err(failure),
        Err(failure) => {
            context::warn(client, file, &no_tag(failure)).await?;
            Ok(None)
        }
    }
}

/// Why an image says nothing of its tag: the first problem, and in words the others.
fn no_tag(failure: Failure) -> Diagnostic {
    let words: Vec<&str> = failure
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    let warning = Diagnostic::warning(
        "no-tag",
        format!("the image says nothing of its tag: {}", words.join("; ")),
    );
    match failure.problems.into_iter().next() {
        Some(first) => Diagnostic {
            place: first.place.clone(),
            help: first.help.clone(),
            ..warning.caused_by(first)
        },
        None => warning,
    }
}

/// One of the image's names, or what they were computed from.
async fn name(
    client: &Client,
    options: &FrontendOptions,
    file: &SpecFile,
    origin: &Origin,
    what: Name,
) -> Result<wire::Result, Failure> {
    let spec = read_spec(client, options, file, Operation::Naming).await?;
    let given_lock = lock_beside(client, file, &spec).await?;
    let naming = naming_of(options, &spec, given_lock.as_ref())?;
    if what == Name::Id {
        return Ok(subrequest::id(&naming));
    }
    let tasks = naming.tasks()?;
    let paths = files::paths_of_tasks(&tasks);
    let files = Files::ask(client, options, file, origin, paths).await?;
    let identity = naming::identify(client, options, file, &files, &naming, &tasks).await?;
    let platform = naming.platforms().and_then(|all| all.into_iter().next());
    let platform = platform.unwrap_or_else(|| options.worker.clone());
    let mut storeys = vec![StoreyFacts::default(); spec.all().count()];
    if let Some(top) = storeys.last_mut() {
        top.sibling_lock = given_lock.as_ref().map(|(lock, _)| lock.path.clone());
    }
    for storey in &mut storeys {
        // Which packages there are is known to builds only; what comes after them is not their business.
        storey.lock = Some(LockedPackages::default());
    }
    let facts = Facts {
        storeys,
        ..Facts::default()
    };
    let plan = plan::plan(&spec, &platform, &facts);
    Ok(subrequest::name(&identity, what, &plan, &spec))
}

fn naming_of<'a>(
    options: &FrontendOptions,
    spec: &'a ImageSpec,
    beside: Option<&(Beside, Output)>,
) -> Result<Naming<'a>, Failure> {
    let naming = NamingOptions {
        beside: beside.map(|(lock, _)| lock.text.clone()),
        ..options.naming()?
    };
    Ok(Naming::new(spec, &naming)?)
}

/// Images that are there, unchanged.
async fn existing_result(
    client: &Client,
    platforms: &[Platform],
    multi: bool,
    images: Vec<Resolved>,
    identity: &Identity,
) -> Result<wire::Result, Failure> {
    let mut answer = Answer::new(multi);
    for (platform, image) in platforms.iter().zip(images) {
        let solved = client.solve(image.output.as_ref()).await?;
        answer.add(platform, solved, image.raw_config.clone(), image.raw_config);
    }
    let mut result = answer.finish();
    naming::tell(identity, &mut result);
    Ok(result)
}

/// A result under construction: images and their configurations, one a platform.
struct Answer {
    multi: bool,
    result: wire::Result,
    references: BTreeMap<String, wire::Ref>,
    described: Vec<serde_json::Value>,
}

impl Answer {
    fn new(multi: bool) -> Self {
        Self {
            multi,
            result: wire::Result::default(),
            references: BTreeMap::new(),
            described: Vec::new(),
        }
    }

    fn add(&mut self, platform: &Platform, tree: Reference, config: Vec<u8>, base_config: Vec<u8>) {
        let suffix = if self.multi {
            format!("/{platform}")
        } else {
            String::new()
        };
        let metadata = &mut self.result.metadata;
        metadata.insert(format!("containerimage.config{suffix}"), config);
        if !base_config.is_empty() {
            metadata.insert(format!("containerimage.base.config{suffix}"), base_config);
        }
        self.described.push(json!({
            "ID": platform.to_string(),
            "Platform": platform_json(platform),
        }));
        let reference = wire::Ref { id: tree.0, def: None };
        self.references.insert(platform.to_string(), reference);
    }

    fn finish(self) -> wire::Result {
        let mut result = self.result;
        let platforms = json!({"Platforms": self.described}).to_string();
        result.metadata.insert("refs.platforms".into(), platforms.into_bytes());
        result.result = if self.multi {
            let refs = self.references;
            Some(wire::result::Result::Refs(wire::RefMap { refs }))
        } else {
            self.references.into_values().next().map(wire::result::Result::Ref)
        };
        result
    }
}

/// The spec, with warnings told. What stops only later stages is a warning, too.
async fn read_spec(
    client: &Client,
    options: &FrontendOptions,
    file: &SpecFile,
    operation: Operation,
) -> Result<ImageSpec, Failure> {
    let parsed = image_spec::parse(&file.text);
    let mut problems: Vec<&Diagnostic> = parsed.errors(operation).collect();
    problems.sort_by_key(|problem| problem.span().map_or(0, |span| span.start));
    if !problems.is_empty() {
        return Err(Failure::of(&file.text, problems));
    }
    let warnings: Vec<&Diagnostic> = parsed
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Warning || d.stops > operation)
        .collect();
    for warning in warnings.iter().take(MAX_WARNINGS) {
        context::warn(client, file, warning).await?;
    }
    if let Some(more) = warnings.len().checked_sub(MAX_WARNINGS).filter(|more| *more > 0) {
        let warning = Diagnostic::warning("more-warnings", format!("there are {more} more warnings"));
        context::warn(client, file, &warning).await?;
    }
    for (name, meant) in options.unused_arguments() {
        let warning = Diagnostic::warning("unused-build-arg", format!("nothing reads the build argument `{name}`"));
        let warning = match meant {
            Some(meant) => warning.help(format!("did you mean `{meant}`?")),
            None => warning.help("environment of build steps goes into `build_env`"),
        };
        context::warn(client, file, &warning).await?;
    }
    parsed
        .spec
        .ok_or_else(|| Diagnostic::internal("a spec without errors could not be read").into())
}

/// The platforms of a build: the client's wish, else the spec's, else the profile's default.
fn platforms(options: &FrontendOptions, spec: &ImageSpec, naming: &Naming<'_>) -> Result<Vec<Platform>, Failure> {
    let asked = options.platforms()?;
    match (asked.is_empty(), &spec.platform, spec.profile) {
        (false, ..) => Ok(asked),
        // The engine builds for itself, in all that its platform's name says.
        (true, None, Profile::Plain) => Ok(vec![options.worker.clone()]),
        (true, ..) => naming
            .platforms()
            .ok_or_else(|| Diagnostic::internal("a spec without errors has no platform").into()),
    }
}

fn platform_json(platform: &Platform) -> serde_json::Value {
    let mut value = json!({"architecture": platform.architecture, "os": platform.os});
    if !platform.variant.is_empty() {
        value["variant"] = json!(platform.variant);
    }
    value
}

/// The frontend's own time and memory, and the digests it computed, for benchmarks and tests.
fn timings(client: &Client, options: &FrontendOptions, vertices: &BTreeMap<String, String>) -> String {
    let calls = client.gateway.calls();
    let now = Instant::now();
    let first_solve = calls
        .iter()
        .find(|call| call.name == "solve")
        .map_or(now, |call| call.sent);
    let peak = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()
        })
        .unwrap_or(0);
    let milliseconds = |from: Instant, to: Instant| own_time(from, to, &calls).as_secs_f64() * 1000.0;
    json!({
        "version": 1,
        "own_ms_to_first_solve": milliseconds(options.started, first_solve),
        "own_ms_to_return": milliseconds(options.started, now),
        "total_ms_to_return": now.saturating_duration_since(options.started).as_secs_f64() * 1000.0,
        "calls": calls.len(),
        "peak_memory_kib": peak,
        "vertices": vertices,
    })
    .to_string()
}
