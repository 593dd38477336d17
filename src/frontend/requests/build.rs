//! The image itself.

use std::collections::BTreeMap;

use serde_json::json;
use tokio::task::JoinSet;

use crate::frontend::assembly::AssembledImage;
use crate::frontend::digests::Looked;
use crate::frontend::files::Files;
use crate::frontend::image::Resolved;
use crate::frontend::inputs::{BuildInputs, paths_of};
use crate::frontend::options::IfExists;
use crate::frontend::result::ImageResult;
use crate::frontend::session::Session;
use crate::frontend::timings::timings;
use crate::frontend::{base_python, existing, failed_steps, home, naming};
use crate::image_spec::{Algorithm, ImageSpec};
use crate::name::{Given, Identity, NAME_LABEL, name_in_image};
use crate::plan::{Part, Stage};
use crate::project::{FoundRequirements, copies_anything};
use crate::proto::gateway as wire;
use crate::text::{Diagnostic, Failure, Operation};
use crate::write;

/// Builds what the client asked for.
pub(super) async fn answer(session: &Session) -> Result<wire::Result, Failure> {
    let spec = session.read_spec(Operation::Building).await?;
    match build(session, &spec).await {
        Err(failure) => Err(failed_steps::explain(session, &spec, failure).await),
        built => built,
    }
}

async fn build(session: &Session, spec: &ImageSpec) -> Result<wire::Result, Failure> {
    let target = session.options.target()?;
    let is_whole = target.as_ref().is_none_or(|part| *part == Part::Stage(Stage::Image));
    let is_locking = target == Some(Part::Stage(Stage::Lock));
    let inputs = BuildInputs::of(session, spec, is_locking).await?;
    let is_index = session.options.multi_platform(inputs.platforms.len())?;
    let mut files = inputs.files().await?;
    let has_copies = match &target {
        Some(Part::Stage(stage)) => *stage >= Stage::Source,
        target => target.is_none(),
    };
    if is_whole && let Some(problem) = inputs.naming.unusable_name() {
        // With all that the files are found to lack.
        let of_files = inputs.requirements(&mut files).await.err();
        let of_files = of_files.into_iter().flat_map(|failure| failure.problems);
        return Err(std::iter::once(problem).chain(of_files).collect::<Vec<_>>().into());
    }
    let early = match identify_early(&inputs, &mut files, is_whole).await? {
        Early::Exists(identity, images) => return existing_result(&inputs, images, &identity, is_index).await,
        Early::Named(identity) => Some(identity),
        Early::Unnamed => None,
    };
    let (found, images) = inputs.read(&mut files).await?;
    base_python::warn(session, spec, &images).await?;
    let assembly = inputs.assembly(&found, files.tree().cloned());
    let is_labelled = inputs.platforms.len() > 1;
    // Packages are locked while somebody looks at the files: the copies need to know what is left out of them.
    let look = async {
        match has_copies && copies_anything(spec) {
            true => Some(inputs.look(&files, Some(&paths_of(&found))).await),
            false => None,
        }
    };
    let lock = async {
        let mut locked = Vec::with_capacity(images.len());
        for (platform, images) in inputs.platforms.iter().zip(&images) {
            locked.push(assembly.locked(platform, images, is_labelled).await?);
        }
        Ok::<_, Failure>(locked)
    };
    let (looked, locked) = tokio::join!(look, lock);
    let known = looked.as_ref().and_then(|looked| looked.as_ref().ok());
    if let Some(looked) = known {
        inputs.warn_of_copies(looked).await?;
    }
    let mut built = Vec::with_capacity(images.len());
    let places = inputs.platforms.iter().zip(&images).zip(locked?);
    for (position, ((platform, images), locked)) in places.enumerate() {
        let flags = (is_labelled, position == 0);
        built.push(assembly.image(platform, images, locked, known, flags).await?);
    }
    let identity = if early.is_some() || !is_whole {
        evaluate(session, &built).await?;
        early
    } else {
        identify_while_building(&inputs, &files, &found, looked, &built).await?
    };
    for owners in built.iter().flat_map(|image| &image.owners) {
        owners.check(session).await?;
    }
    for image in built.iter_mut().filter(|_| is_whole) {
        home::set_home(session, spec, image).await?;
    }
    // A part of an image must not have the name of the whole.
    let given = match is_whole {
        true => session.options.given(),
        false => Given::default(),
    };
    Ok(result(&inputs, built, &given, identity.as_ref(), is_index))
}

/// What is known about an image's name before it is built.
enum Early {
    /// It is not needed yet.
    Unnamed,
    /// The name, of an image that does not exist.
    Named(Identity),
    /// The name, of an image that exists.
    Exists(Identity, Vec<Resolved>),
}

/// Names the image and looks for it, if the client asks for that: then the name decides whether to build at all.
async fn identify_early(inputs: &BuildInputs<'_>, files: &mut Files, is_whole: bool) -> Result<Early, Failure> {
    let session = inputs.session;
    let policy = session.options.if_exists()?;
    if policy == IfExists::Build {
        return Ok(Early::Unnamed);
    }
    if !is_whole {
        let message = "IMAGESPEC_IF_EXISTS cannot be used with --target: the name stands for the whole image";
        return Err(Diagnostic::error("if-exists", message).into());
    }
    let found = inputs.requirements(files).await?;
    let looked = inputs.look(files, Some(&paths_of(&found))).await?;
    let identity = naming::identify(session, &inputs.naming, &inputs.tasks, &looked).await?;
    let wanted = existing::Wanted {
        policy,
        spec: inputs.spec,
        naming: &inputs.naming,
        identity: &identity,
    };
    let existing = wanted.look_up(&session.client, &inputs.platforms).await?;
    Ok(match existing {
        Some(images) => Early::Exists(identity, images),
        None => Early::Named(identity),
    })
}

/// Computes the names of an image while it is built: only its labels and metadata need them.
async fn identify_while_building(
    inputs: &BuildInputs<'_>,
    files: &Files,
    found: &[FoundRequirements],
    looked: Option<Result<Looked, Failure>>,
    built: &[AssembledImage],
) -> Result<Option<Identity>, Failure> {
    let session = inputs.session;
    let identify = async {
        let looked = match looked {
            Some(looked) => looked?,
            None => inputs.look(files, Some(&paths_of(found))).await?,
        };
        naming::identity_of(&inputs.naming, &inputs.tasks, &looked)
    };
    let (identified, ran) = tokio::join!(identify, evaluate(session, built));
    ran?;
    match identified {
        Ok(identity) => Ok(Some(identity)),
        // This algorithm was asked for, so an image without its name is of no use.
        Err(failure) if inputs.naming.algorithm() == Algorithm::Content => Err(failure),
        Err(failure) => {
            session.warn(&no_tag(failure)).await?;
            Ok(None)
        }
    }
}

/// Runs what was solved, all platforms at once: solves are lazy, and only the frontend can say what a failed step means
/// to the user.
async fn evaluate(session: &Session, built: &[AssembledImage]) -> Result<(), Failure> {
    let trees = built.iter().map(|image| image.reference.clone());
    let mut running = JoinSet::new();
    for tree in trees.filter(|tree| !tree.0.is_empty()) {
        let client = session.client.clone();
        running.spawn(async move { client.evaluate(&tree).await });
    }
    while let Some(ran) = running.join_next().await {
        ran.map_err(|error| Diagnostic::internal(error.to_string()))??;
    }
    Ok(())
}

/// Why an image has no label with its tag: the place of the first problem, the messages of all.
fn no_tag(failure: Failure) -> Diagnostic {
    let words: Vec<&str> = failure
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    let warning = Diagnostic::warning(
        "no-tag",
        format!("the image does not say its tag: {}", words.join("; ")),
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

/// Images that exist already, unchanged.
async fn existing_result(
    inputs: &BuildInputs<'_>,
    images: Vec<Resolved>,
    identity: &Identity,
    is_index: bool,
) -> Result<wire::Result, Failure> {
    let mut result = ImageResult::new(is_index);
    for (platform, image) in inputs.platforms.iter().zip(images) {
        let solved = inputs.session.client.solve(image.output.as_ref()).await?;
        let config = image.config.as_ref();
        let raw = config.map(|config| config.raw.clone()).unwrap_or_default();
        result.add(platform, solved, raw, config);
    }
    let mut result = result.finish();
    naming::add_names(&inputs.session.options.given(), Some(identity), &mut result);
    Ok(result)
}

/// Images that were built, with their names.
fn result(
    inputs: &BuildInputs<'_>,
    built: Vec<AssembledImage>,
    given: &Given,
    identity: Option<&Identity>,
    is_index: bool,
) -> wire::Result {
    let session = inputs.session;
    let mut result = ImageResult::new(is_index);
    let mut vertices = BTreeMap::new();
    let (mut base_layers, mut layers) = (0, Vec::new());
    for (platform, mut image) in inputs.platforms.iter().zip(built) {
        match (identity, given.names.first()) {
            (Some(identity), _) => name_in_image(identity, inputs.spec, &mut image.settings),
            (None, Some(name)) => image.settings.set_label(NAME_LABEL, name.clone()),
            (None, None) => {}
        }
        let base = image.base.as_ref().and_then(|base| base.config.as_ref());
        let config = write::image_config(
            base.map(|base| base.json()).as_ref(),
            platform,
            &image.settings,
            &session.options.labels(),
            &image.history,
        );
        vertices.extend(image.vertices);
        base_layers += base.map_or(0, |base| base.layers);
        layers.extend(image.layers);
        result.add(platform, image.reference, config.to_string().into_bytes(), base);
    }
    let mut result = result.finish();
    naming::add_names(given, identity, &mut result);
    let layers = json!({"base": base_layers, "own": layers}).to_string().into_bytes();
    result.metadata.insert("frontend.imagespec.layers".into(), layers);
    if session.options.wants_timings() {
        let timings = timings(session, &vertices).into_bytes();
        result.metadata.insert("frontend.imagespec.timings".into(), timings);
    }
    result
}
