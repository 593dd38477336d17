//! Images that exist already.

use std::time::Duration;

use crate::frontend::gateway::{CallError, Client, RegistryAnswer, answer_of};
use crate::frontend::image::{Resolved, fetch, image_output};
use crate::frontend::options::IfExists;
use crate::image_spec::ImageSpec;
use crate::llb::{FileActions, Image, MakeFile, Metadata, ResolveMode};
use crate::name::{Identity, Naming};
use crate::oci::{Platform, Reference};
use crate::text::{Diagnostic, Failure, ProblemKind, Span};

const RULE: &str = "if-exists";
/// How long a registry may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An image that may exist already.
pub(super) struct Wanted<'a> {
    pub(super) policy: IfExists,
    pub(super) spec: &'a ImageSpec,
    pub(super) naming: &'a Naming<'a>,
    pub(super) identity: &'a Identity,
}

/// Why no image can be looked for, which has these names besides the spec's.
pub(super) fn problem(spec: &ImageSpec, given: &[String]) -> Option<Diagnostic> {
    let registry = spec.registry.as_ref();
    if given.is_empty() && registry.is_none_or(|registry| registry.value.is_empty()) {
        let message =
            "IMAGESPEC_IF_EXISTS needs `registry` in the spec: without it there is no place to look for the image";
        let span = registry.map(|registry| registry.span);
        return Some(Diagnostic::error(RULE, message).at_known(span));
    }
    (given.len() > 1).then(|| {
        let message = "IMAGESPEC_IF_EXISTS looks for one name, and the image has several";
        Diagnostic::error(RULE, message).help("`imagespec build --push` looks for all of them")
    })
}

impl Wanted<'_> {
    fn span(&self) -> Option<Span> {
        self.spec.registry.as_ref().map(|registry| registry.span)
    }

    /// Looks for it in its registry. Returns one image for each platform if all exist and were made from the same.
    pub(super) async fn look_up(
        &self,
        client: &Client,
        platforms: &[Platform],
    ) -> Result<Option<Vec<Resolved>>, Failure> {
        if let Some(problem) = problem(self.spec, &self.identity.given.names) {
            return Err(problem.into());
        }
        if let Some(problem) = self.naming.name_problem(self.identity) {
            return Err(problem.into());
        }
        let reference = Reference::parse(&self.identity.image_name)
            .map_err(|error| Diagnostic::internal("a name without problems cannot be read").because(error))?;
        let mut images = Vec::with_capacity(platforms.len());
        for platform in platforms {
            let found = self.find(client, &reference, platform).await?;
            let why_not = match &found {
                None => Some(format!("is not there for {platform}")),
                Some(_) if self.policy == IfExists::Fail => None,
                Some(image) => {
                    let labels = image.config.iter().flat_map(|config| &config.labels);
                    let differs = self
                        .identity
                        .difference(labels.map(|(name, value)| (name.as_str(), value.as_str())));
                    differs.map(|words| format!("is there, {words}"))
                }
            };
            match (found, why_not) {
                (Some(image), None) => images.push(image),
                (_, why_not) => {
                    let why_not = why_not.unwrap_or_default();
                    show_line(client, &format!("[exists] {reference} {why_not}: building it")).await?;
                    return Ok(None);
                }
            }
        }
        if self.policy == IfExists::Fail {
            let help = "build with --build-arg IMAGESPEC_IF_EXISTS=skip to use it, or =build to build it again";
            let problem = Diagnostic::error(RULE, format!("the image {reference} exists already"));
            return Err(problem.at_known(self.span()).help(help).into());
        }
        Ok(Some(images))
    }

    /// Looks for the image of one platform.
    async fn find(
        &self,
        client: &Client,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Resolved>, Failure> {
        let unclear = |answer: RegistryAnswer, reason: Diagnostic| {
            let problem = Diagnostic::error(RULE, format!("cannot find out whether the image {reference} exists"));
            let problem = problem.kind(reason.kind).because(reason).help(answer.help());
            Failure::from(problem.at_known(self.span()))
        };
        match tokio::time::timeout(PATIENCE, ask(client, reference, platform)).await {
            Err(_) => {
                let reason = Diagnostic::error(RULE, format!("no answer in {} seconds", PATIENCE.as_secs()));
                return Err(unclear(RegistryAnswer::Silence, reason.kind(ProblemKind::Other)));
            }
            Ok(Err(failure)) => return Err(failure),
            Ok(Ok(Err(error))) => match answer_of(&error, &reference.to_string()) {
                RegistryAnswer::No => return Ok(None),
                answer => return Err(unclear(answer, error.into())),
            },
            Ok(Ok(Ok(()))) => {}
        }
        let log_name = format!("[exists] look at {reference}");
        // What the registry has counts, not what the engine has.
        let found = fetch(client, reference, platform, ResolveMode::Pull, log_name).await;
        let found = found.map_err(|problem| unclear(RegistryAnswer::Other, problem))?;
        let title = format!("[exists] {reference} is there: nothing is built");
        let output = image_output(&found.pinned()?, platform, ResolveMode::Pull, &title);
        let image = Resolved::new(output, found.config, reference.familiar())?;
        // A single image says its platform only in its configuration.
        let fits = image.config.as_ref().is_some_and(|config| {
            let variant = config.variant.as_deref().unwrap_or(&platform.variant);
            let [os, architecture] = [&config.os, &config.architecture].map(|word| word.as_deref().unwrap_or_default());
            Platform::normalised(os, architecture, variant) == *platform
        });
        Ok(fits.then_some(image))
    }
}

/// Whether an image is there: BuildKit fails if not. The step is hidden, since who reads the log sees no failure in it.
async fn ask(client: &Client, reference: &Reference, platform: &Platform) -> Result<Result<(), CallError>, Failure> {
    let image = Image {
        reference: reference.to_string(),
        platform: platform.clone(),
        resolve_mode: ResolveMode::Pull,
    };
    let output = image.output(Metadata {
        hidden: true,
        ..Metadata::named(format!("[exists] look for {reference}"))
    });
    let solved = client.solve(Some(&output)).await?;
    Ok(client.evaluate(&solved).await)
}

/// Shows a line in the progress, as a step.
async fn show_line(client: &Client, text: &str) -> Result<(), Failure> {
    let file = MakeFile {
        path: "/decision".into(),
        mode: 0o644,
        data: text.into(),
        owner: None,
        time: Some(0),
    };
    let output = FileActions::new().make_file(file).apply(None, Metadata::named(text));
    let solved = client.solve(Some(&output)).await?;
    Ok(client.evaluate(&solved).await?)
}
