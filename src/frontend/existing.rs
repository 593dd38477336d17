//! Images that exist already.

use crate::frontend::gateway::Client;
use crate::frontend::image::{Resolved, fetch, image_output};
use crate::frontend::options::IfExists;
use crate::image_spec::ImageSpec;
use crate::llb::{FileActions, MakeFile, Metadata, ResolveMode};
use crate::oci::{Platform, Reference};
use crate::text::{Diagnostic, Failure, ProblemKind};

const RULE: &str = "if-exists";

/// Looks an image up in its registry, if the client asks for that. Returns one image for each platform if all exist.
pub(super) async fn look_up(
    client: &Client,
    policy: IfExists,
    spec: &ImageSpec,
    name: &str,
    platforms: &[Platform],
) -> Result<Option<Vec<Resolved>>, Failure> {
    if policy == IfExists::Build {
        return Ok(None);
    }
    let span = spec.registry.as_ref().map(|registry| registry.span);
    if spec.registry.as_ref().is_none_or(|registry| registry.value.is_empty()) {
        let message =
            "IMAGESPEC_IF_EXISTS needs `registry` in the spec: without it there is no place to look for the image";
        return Err(Diagnostic::error(RULE, message).at_known(span).into());
    }
    let reference = Reference::parse(name).map_err(|error| {
        let problem = Diagnostic::error("image-reference", error.to_string());
        problem.caused_by(error).at_known(span)
    })?;
    let mut images = Vec::with_capacity(platforms.len());
    for platform in platforms {
        let found = find(client, &reference, platform).await;
        match found.map_err(|problem| problem.at_known(span))? {
            Some(image) => images.push(image),
            None => {
                show_line(
                    client,
                    &format!("[exists] {reference} is not there for {platform}: building it"),
                )
                .await?;
                return Ok(None);
            }
        }
    }
    if policy == IfExists::Fail {
        let help = "build with --build-arg IMAGESPEC_IF_EXISTS=skip to use it, or =build to build it again";
        let problem = Diagnostic::error(RULE, format!("the image {reference} exists already"));
        return Err(problem.at_known(span).help(help).into());
    }
    Ok(Some(images))
}

async fn find(client: &Client, reference: &Reference, platform: &Platform) -> Result<Option<Resolved>, Diagnostic> {
    let log_name = format!("[exists] look for {reference}");
    // What the registry has counts, not what the engine has.
    let found = match fetch(client, reference, platform, ResolveMode::Pull, log_name).await {
        Ok(found) => found,
        Err(problem) if problem.kind == ProblemKind::NotFound => return Ok(None),
        Err(problem) => return Err(unclear(problem, reference)),
    };
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

fn unclear(problem: Diagnostic, reference: &Reference) -> Diagnostic {
    let help = if problem.kind == ProblemKind::Denied {
        "log in with `docker login`; some registries also say this of repositories that do not exist yet: create the repository, or build once without IMAGESPEC_IF_EXISTS"
    } else {
        "check the registry and the network, or build without IMAGESPEC_IF_EXISTS"
    };
    let message = format!("cannot find out whether the image {reference} exists");
    Diagnostic::error(RULE, message)
        .kind(problem.kind)
        .because(problem)
        .help(help)
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
