//! Images that are there already.

use serde_json::Value;

use crate::frontend::client::Client;
use crate::frontend::failure::Failure;
use crate::frontend::image::{Resolved, fetch, pinned_output};
use crate::frontend::options::IfExists;
use crate::image_spec::ImageSpec;
use crate::llb::{FileActions, MakeFile, Metadata, ResolveMode};
use crate::oci::{Platform, Reference};

/// Looks an image up in its registry, when that is asked for. Gives one image a platform when it is there for
/// all of them.
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
    if spec.registry.as_ref().is_none_or(|registry| registry.value.is_empty()) {
        return Err(Failure::user(
            "IMAGESPEC_IF_EXISTS needs `registry` in the spec: without one there is no place to look for the image",
        ));
    }
    let reference = Reference::parse(name).map_err(|error| Failure::user(error.to_string()))?;
    let mut images = Vec::with_capacity(platforms.len());
    for platform in platforms {
        match find(client, &reference, platform).await? {
            Some(image) => images.push(image),
            None => {
                say(
                    client,
                    &format!("[exists] {reference} is not there for {platform}: building it"),
                )
                .await?;
                return Ok(None);
            }
        }
    }
    if policy == IfExists::Fail {
        return Err(Failure::user(format!(
            "the image {reference} exists already\n    help: build with --build-arg IMAGESPEC_IF_EXISTS=skip to use it, or =build to build it again"
        )));
    }
    Ok(Some(images))
}

async fn find(client: &Client, reference: &Reference, platform: &Platform) -> Result<Option<Resolved>, Failure> {
    let log_name = format!("[exists] look for {reference}");
    // The registry decides, whatever the engine has.
    let found = match fetch(client, reference, platform, ResolveMode::Pull, log_name).await {
        Ok(found) => found,
        Err(failure) if is_not_found(&failure) => return Ok(None),
        Err(failure) => return Err(unclear(failure, reference)),
    };
    let output = pinned_output(
        &found.name,
        &found.digest,
        platform,
        ResolveMode::Pull,
        &format!("[exists] {reference} is there: nothing is built"),
    )?;
    let image = Resolved::new(Some(output), found.config, reference.familiar())?;
    let get = |key: &str| image.config.as_ref()?.get(key).and_then(Value::as_str);
    // A single image says its platform only in its configuration.
    let variant = get("variant").unwrap_or(&platform.variant);
    let found = Platform::normalised(
        get("os").unwrap_or_default(),
        get("architecture").unwrap_or_default(),
        variant,
    );
    let fits = found == *platform;
    Ok(fits.then_some(image))
}

/// The words with which registries and BuildKit say that there is nothing. All else may be anything.
fn is_not_found(failure: &Failure) -> bool {
    failure.message.trim_end().ends_with(": not found")
}

fn unclear(failure: Failure, reference: &Reference) -> Failure {
    let refused = ["denied", "nauthorized", "403 Forbidden", "authorization failed"];
    let help = if refused.iter().any(|words| failure.message.contains(words)) {
        "log in with `docker login`; some registries also say this of repositories that do not exist yet: create the repository, or build once without IMAGESPEC_IF_EXISTS"
    } else {
        "check the registry and the network, or build without IMAGESPEC_IF_EXISTS"
    };
    let message = format!(
        "whether {reference} exists cannot be said: {}\n    help: {help}",
        failure.message
    );
    Failure { message, ..failure }
}

/// Shows a line among the steps.
async fn say(client: &Client, text: &str) -> Result<(), Failure> {
    let file = MakeFile {
        path: "/decision".into(),
        mode: 0o644,
        data: text.into(),
        owner: None,
        time: Some(0),
    };
    let output = FileActions::new().make_file(file).apply(None, Metadata::named(text));
    let solved = client.solve(Some(&output)).await?;
    client.evaluate(&solved).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_answer_means_no() {
        let check =
            |message: &str, expect: bool| assert_eq!(is_not_found(&Failure::user(message)), expect, "{message}");
        check("127.0.0.1:5000/a/b:c: not found", true);
        check("no match for platform in manifest: not found", true);
        check("dial tcp: lookup registry.invalid: no such host", false);
        check(
            "pull access denied, repository does not exist or may require authorization",
            false,
        );
        check("unexpected status from HEAD request: 500", false);
        check("not found: something else", false);
    }
}
