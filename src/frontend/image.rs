//! Images: named contexts in their place, digests, configurations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::frontend::client::Client;
use crate::frontend::options::FrontendOptions;
use crate::image_spec::{BaseImage, ImageSpec};
use crate::llb::{Image, Metadata, OciLayout, Output, ResolveMode};
use crate::oci::{Platform, Reference, ReferenceError};
use crate::plan::{BaseFacts, ImageRole, Needs};
use crate::proto::{gateway as wire, pb};
use crate::text::{Diagnostic, Failure, Span};

/// An image that was looked up.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    /// Its file tree; `None` when it is empty.
    pub(super) output: Option<Output>,
    /// Its configuration.
    pub(super) config: Option<Value>,
    /// Its configuration as it is.
    pub(super) raw_config: Vec<u8>,
    /// The reference as people write it, without a digest.
    pub(super) name: String,
    /// Its digest, where a registry has told it.
    pub(super) digest: Option<String>,
}

impl Resolved {
    pub(super) fn new(output: Option<Output>, raw_config: Vec<u8>, name: String) -> Result<Self, Diagnostic> {
        let config = if raw_config.is_empty() {
            None
        } else {
            let parsed = serde_json::from_slice(&raw_config);
            Some(parsed.map_err(|error| {
                let message = format!("the configuration of image {name} is not JSON");
                Diagnostic::error("image-config", message).because(error)
            })?)
        };
        Ok(Self {
            output,
            config,
            raw_config,
            name,
            digest: None,
        })
    }

    fn scratch() -> Self {
        Self {
            output: None,
            config: None,
            raw_config: Vec::new(),
            name: "scratch".into(),
            digest: None,
        }
    }

    /// What a plan needs to know of it.
    pub(super) fn facts(&self) -> BaseFacts {
        BaseFacts {
            name: Some(self.name.clone()),
            layers: self
                .config
                .as_ref()
                .and_then(|c| c.pointer("/rootfs/diff_ids")?.as_array())
                .map(Vec::len),
        }
    }

    /// Its environment.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let variables = self
            .config
            .as_ref()
            .and_then(|c| c.pointer("/config/Env"))
            .and_then(Value::as_array);
        variables
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|variable| {
                let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                (name.to_owned(), value.to_owned())
            })
            .collect()
    }

    /// Build triggers, which are for Dockerfiles.
    pub(super) fn has_triggers(&self) -> bool {
        let triggers = self.config.as_ref().and_then(|c| c.pointer("/config/OnBuild"));
        triggers.and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    }
}

/// The images of a plan and the plans below it, by role and reference.
pub(super) struct Images(BTreeMap<(ImageRole, String), Resolved>);

impl Images {
    /// Looks all of them up at once.
    pub(super) async fn look_up(
        client: &Client,
        options: &FrontendOptions,
        spec: &ImageSpec,
        needs: &Needs,
        platform: &Platform,
    ) -> Result<Self, Failure> {
        let wanted = needs.images().map(|(role, reference)| (role, reference.to_owned()));
        let wanted: BTreeSet<(ImageRole, String)> = wanted.collect();
        let mode = options.resolve_mode()?;
        let mut lookups = tokio::task::JoinSet::new();
        for (role, reference) in wanted {
            let (client, options, platform) = (client.clone(), options.clone(), platform.clone());
            lookups.spawn(async move {
                let found = resolve(&client, &options, role, &reference, &platform, mode).await;
                ((role, reference), found)
            });
        }
        let mut images = BTreeMap::new();
        let mut failures = BTreeMap::new();
        while let Some(joined) = lookups.join_next().await {
            let (key, found) =
                joined.map_err(|error| Diagnostic::internal("an image was not looked up").because(error))?;
            match found {
                Ok(image) => drop(images.insert(key, image)),
                Err(failure) => drop(failures.insert(key, failure)),
            }
        }
        // The same one each time, whichever answered first.
        match failures.into_iter().next() {
            Some(((role, name), problem)) => Err(problem.at_known(span(spec, role, &name)).into()),
            None => Ok(Self(images)),
        }
    }

    /// The one image that everything starts from.
    pub(super) fn base(&self) -> Option<&Resolved> {
        self.0
            .iter()
            .find(|((role, _), _)| *role == ImageRole::Base)
            .map(|(_, image)| image)
    }

    /// The images as a spec names them, with their digests.
    pub(super) fn digests(&self) -> impl Iterator<Item = (String, Option<String>)> {
        self.0
            .iter()
            .map(|((_, reference), image)| (reference.clone(), image.digest.clone()))
    }

    /// The file tree of an image.
    pub(super) fn output(&self, role: ImageRole, reference: &str) -> Option<Output> {
        self.0
            .get(&(role, reference.to_owned()))
            .and_then(|image| image.output.clone())
    }
}

/// What a named context says instead of an image.
fn replacement<'a>(
    options: &'a FrontendOptions,
    role: ImageRole,
    reference: &Reference,
    platform: &Platform,
) -> Option<(String, &'a str)> {
    // Both the name that the spec uses and the role are names that a user may know.
    let without_digest = Reference {
        digest: None,
        ..reference.clone()
    };
    [reference.familiar(), without_digest.familiar(), role.name().to_owned()]
        .into_iter()
        .find_map(|name| {
            [format!("context:{name}::{platform}"), format!("context:{name}")]
                .iter()
                .find_map(|key| options.get(key))
                .map(|value| (name, value))
        })
}

/// Looks an image up.
async fn resolve(
    client: &Client,
    options: &FrontendOptions,
    role: ImageRole,
    text: &str,
    platform: &Platform,
    mode: ResolveMode,
) -> Result<Resolved, Diagnostic> {
    let reference = Reference::parse(text).map_err(not_a_reference)?;
    let wanted = reference.digest.clone();
    match replacement(options, role, &reference, platform) {
        None => from_registry(client, &reference, platform, mode, "internal", role).await,
        Some((name, value)) => {
            let context = format!("context {name}");
            if let Some(other) = value.strip_prefix("docker-image://") {
                if other == "scratch" && wanted.is_none() {
                    return Ok(Resolved::scratch());
                }
                let reference = Reference::parse(other)
                    .map_err(|error| context_problem(&name, &error.to_string()).caused_by(error))?;
                let found = from_registry(client, &reference, platform, mode, &context, role).await?;
                match (&wanted, &found.digest) {
                    (Some(wanted), Some(digest)) if wanted != digest => {
                        let message = format!("{other} has the digest {digest}, and the spec asks for {text}");
                        Err(context_problem(&name, &message).help(OTHER_DIGEST))
                    }
                    _ => Ok(found),
                }
            } else if let Some(layout) = value.strip_prefix("oci-layout://") {
                if let Some(wanted) = wanted.filter(|wanted| !layout.ends_with(&format!("@{wanted}"))) {
                    let message = format!("{layout} is not {wanted}, which the spec asks for");
                    return Err(context_problem(&name, &message).help(OTHER_DIGEST));
                }
                from_layout(client, options, &name, layout, platform).await
            } else {
                let scheme = value.split_once(':').map_or(value, |(scheme, _)| scheme);
                let message = format!(
                    "`{scheme}:` cannot stand for an image; give docker-image://NAME or oci-layout://DIRECTORY"
                );
                Err(context_problem(&name, &message))
            }
        }
    }
}

const OTHER_DIGEST: &str = "leave the build context out, or the digest";

fn context_problem(name: &str, message: &str) -> Diagnostic {
    Diagnostic::error("build-context", format!("--build-context {name}: {message}"))
}

fn not_a_reference(error: ReferenceError) -> Diagnostic {
    Diagnostic::error("image-reference", error.to_string()).caused_by(error)
}

/// An image as its registry or the engine describes it.
pub(super) struct Fetched {
    /// Its full reference; a source policy may have changed it.
    pub(super) name: String,
    /// Its digest.
    pub(super) digest: String,
    /// Its configuration as it is.
    pub(super) config: Vec<u8>,
}

/// Asks for an image.
pub(super) async fn fetch(
    client: &Client,
    reference: &Reference,
    platform: &Platform,
    mode: ResolveMode,
    log_name: String,
) -> Result<Fetched, Diagnostic> {
    if client.gateway_can("source.metaresolver") {
        let request = wire::ResolveSourceMetaRequest {
            source: Some(pb::SourceOp {
                identifier: format!("docker-image://{reference}"),
                ..pb::SourceOp::default()
            }),
            platform: Some(platform.into()),
            log_name,
            resolve_mode: mode.as_str().into(),
            ..wire::ResolveSourceMetaRequest::default()
        };
        let response = client.gateway.resolve_source_meta(request).await?;
        let identifier = response.source.map(|source| source.identifier).unwrap_or_default();
        let Some(name) = identifier.strip_prefix("docker-image://") else {
            let name = reference.familiar();
            let message = format!("a source policy replaces the image {name} by {identifier}, which is no image");
            return Err(Diagnostic::error("source-policy", message));
        };
        let image = response.image.unwrap_or_default();
        return Ok(Fetched {
            name: name.to_owned(),
            digest: image.digest,
            config: image.config,
        });
    }
    let request = wire::ResolveImageConfigRequest {
        r#ref: reference.to_string(),
        platform: Some(platform.into()),
        resolve_mode: mode.as_str().into(),
        log_name,
        ..wire::ResolveImageConfigRequest::default()
    };
    let response = client.gateway.resolve_image_config(request).await?;
    let name = if response.r#ref.is_empty() {
        reference.to_string()
    } else {
        response.r#ref
    };
    Ok(Fetched {
        name,
        digest: response.digest,
        config: response.config,
    })
}

/// The tree of an image, by its digest.
pub(super) fn pinned_output(
    name: &str,
    digest: &str,
    platform: &Platform,
    mode: ResolveMode,
    title: &str,
) -> Result<Output, Diagnostic> {
    let pinned = Reference::parse(name)
        .map(|reference| reference.pinned(digest))
        .map_err(|error| Diagnostic::internal("an image's own name is no reference").because(error))?;
    let image = Image {
        reference: pinned.to_string(),
        platform: platform.clone(),
        resolve_mode: mode,
    };
    Ok(image.output(Metadata::named(title.replace("{}", &pinned.to_string()))))
}

async fn from_registry(
    client: &Client,
    reference: &Reference,
    platform: &Platform,
    mode: ResolveMode,
    log: &str,
    role: ImageRole,
) -> Result<Resolved, Diagnostic> {
    let log_name = format!("[{log}] load metadata for {reference}");
    let found = fetch(client, reference, platform, mode, log_name)
        .await
        .map_err(|problem| not_there(problem, role, &reference.familiar()))?;
    let shown = if log == "internal" { role.name() } else { log };
    let output = pinned_output(&found.name, &found.digest, platform, mode, &format!("[{shown}] {{}}"))?;
    let short = Reference {
        digest: None,
        ..reference.clone()
    };
    let mut image = Resolved::new(Some(output), found.config, short.familiar())?;
    image.digest = Some(found.digest);
    Ok(image)
}

async fn from_layout(
    client: &Client,
    options: &FrontendOptions,
    name: &str,
    layout: &str,
    platform: &Platform,
) -> Result<Resolved, Diagnostic> {
    let Some((store, digest)) = layout.rsplit_once('@') else {
        let message = "the layout has no digest; write oci-layout://DIRECTORY@sha256:…";
        return Err(context_problem(name, message));
    };
    // The store is the client's name for the directory, without a tag.
    let store = store.rsplit_once(':').map_or(store, |(store, _)| store);
    let source = OciLayout {
        // The name is of no consequence here, the digest decides.
        reference: format!("docker.io/library/layout@{digest}"),
        session: options.session.clone(),
        store: store.to_owned(),
        platform: platform.clone(),
    };
    let log_name = format!("[context {name}] load metadata for {layout}");
    let config = if client.gateway_can("source.metaresolver") {
        let request = wire::ResolveSourceMetaRequest {
            source: Some(pb::SourceOp {
                identifier: format!("oci-layout://{}", source.reference),
                attrs: source.attrs(),
            }),
            platform: Some(platform.into()),
            log_name,
            ..wire::ResolveSourceMetaRequest::default()
        };
        client
            .gateway
            .resolve_source_meta(request)
            .await?
            .image
            .unwrap_or_default()
            .config
    } else {
        let request = wire::ResolveImageConfigRequest {
            r#ref: source.reference.clone(),
            platform: Some(platform.into()),
            log_name,
            resolver_type: 1,
            session_id: source.session.clone(),
            store_id: source.store.clone(),
            ..wire::ResolveImageConfigRequest::default()
        };
        client.gateway.resolve_image_config(request).await?.config
    };
    let output = source.output(Metadata::named(format!("[context {name}] {layout}")));
    Resolved::new(Some(output), config, name.to_owned())
}

/// Says which field an image comes from and how to do without it.
fn not_there(problem: Diagnostic, role: ImageRole, name: &str) -> Diagnostic {
    let (field, role) = (field(role), role.name());
    let help =
        format!("name another image in `{field}`, or stand one in for it: --build-context {role}=docker-image://IMAGE");
    Diagnostic::error("image", format!("cannot load the {role} image {name}"))
        .kind(problem.kind)
        .because(problem)
        .help(help)
}

/// The field that names an image.
fn field(role: ImageRole) -> &'static str {
    match role {
        ImageRole::Base => "base_image",
        ImageRole::Uv => "builder_config.uv_image",
        ImageRole::Micromamba => "builder_config.micromamba_image",
    }
}

/// Where a spec, or one below it, names an image or its digest; `None` for those that we choose.
fn span(spec: &ImageSpec, role: ImageRole, image: &str) -> Option<Span> {
    // A pin adds the digest.
    let is_it = |name: &str| match (Reference::parse(name), Reference::parse(image)) {
        (Ok(name), Ok(image)) => name == image || name.pinned(image.digest.as_deref().unwrap_or("")) == image,
        _ => name == image,
    };
    let named = spec.all().find_map(|spec| {
        let named = match (role, &spec.base_image) {
            (ImageRole::Base, Some(BaseImage::Reference(name))) => Some(name),
            (ImageRole::Base, _) => None,
            (ImageRole::Uv, _) => spec.uv_image.as_ref(),
            (ImageRole::Micromamba, _) => spec.micromamba_image.as_ref(),
        };
        named.filter(|name| is_it(&name.value))
    });
    let pinned = || {
        let mut pins = spec.all().flat_map(|spec| &spec.pins).flat_map(|pins| &pins.value);
        pins.find(|(name, digest)| is_it(&name.value) && image.ends_with(&digest.value))
            .map(|(_, digest)| digest)
    };
    named.or_else(pinned).map(|value| value.span)
}
