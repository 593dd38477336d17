//! Looks images up: their digests and configurations, and named contexts that replace them.

use std::collections::{BTreeMap, BTreeSet};

use crate::frontend::gateway::{CallError, Client};
use crate::frontend::options::FrontendOptions;
use crate::image_spec::{BaseImage, ImageSpec};
use crate::llb::{Image, Metadata, OciLayout, Output, ResolveMode};
use crate::oci::{ImageConfig, Platform, Reference, ReferenceError};
use crate::plan::{BaseFacts, BuildPlan, ImageRole, Needs, Storey};
use crate::proto::{gateway as wire, pb};
use crate::text::{Diagnostic, Failure, Span};
use crate::write::Sources;

/// An image that was looked up.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    /// Its file tree; `None` when it is empty.
    pub(super) output: Option<Output>,
    /// Its configuration, if it has one.
    pub(super) config: Option<ImageConfig>,
    /// The reference as people write it, without a digest.
    pub(super) name: String,
    /// Its digest, if a registry reported one.
    pub(super) digest: Option<String>,
}

impl Resolved {
    pub(super) fn new(output: Output, config: Vec<u8>, name: String) -> Result<Self, Diagnostic> {
        let unreadable = |error| {
            let message = format!("the configuration of image {name} is not JSON");
            Diagnostic::error("image-config", message).because(error)
        };
        let config = match config.is_empty() {
            true => None,
            false => Some(ImageConfig::parse(config).map_err(unreadable)?),
        };
        Ok(Self {
            output: Some(output),
            config,
            name,
            digest: None,
        })
    }

    fn scratch() -> Self {
        Self {
            output: None,
            config: None,
            name: "scratch".into(),
            digest: None,
        }
    }

    /// What a plan needs to know of it.
    pub(super) fn facts(&self) -> BaseFacts {
        BaseFacts {
            name: Some(self.name.clone()),
            layers: self.config.as_ref().map(|config| config.layers),
        }
    }

    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let config = self.config.as_ref();
        config.map(|config| config.environment.clone()).unwrap_or_default()
    }

    /// Whether it has build triggers.
    pub(super) fn has_triggers(&self) -> bool {
        self.config.as_ref().is_some_and(|config| !config.triggers.is_empty())
    }
}

/// The images of a plan, by role and reference.
pub(super) struct Images(BTreeMap<(ImageRole, String), Resolved>);

impl Images {
    /// What the graph of a plan is written over.
    pub(super) fn sources(&self, plan: &BuildPlan, context: Option<Output>, spec_directory: Option<Output>) -> Sources {
        let of_storey = |storey: &Storey| {
            let found = storey.images.iter();
            found
                .filter_map(|(role, reference)| Some((*role, self.output(*role, reference)?)))
                .collect()
        };
        Sources {
            base: self.output(ImageRole::Base, &plan.base.image),
            base_environment: self.base().map(Resolved::environment).unwrap_or_default(),
            images: plan.storeys.iter().map(of_storey).collect(),
            context,
            spec_directory,
        }
    }

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
        let lookup = Lookup {
            client: client.clone(),
            options: options.clone(),
            platform: platform.clone(),
            mode: options.resolve_mode()?,
        };
        let mut lookups = tokio::task::JoinSet::new();
        for (role, reference) in wanted {
            let lookup = lookup.clone();
            lookups.spawn(async move {
                let found = lookup.resolve(role, &reference).await;
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
        // Report the same failure each time, whichever lookup ended first.
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

/// How images are looked up.
#[derive(Clone)]
struct Lookup {
    client: Client,
    options: FrontendOptions,
    platform: Platform,
    mode: ResolveMode,
}

impl Lookup {
    /// Looks an image up, or the named context that replaces it.
    async fn resolve(&self, role: ImageRole, text: &str) -> Result<Resolved, Diagnostic> {
        let reference = Reference::parse(text).map_err(not_a_reference)?;
        let Some((name, value)) = self.replacement(role, &reference) else {
            return self.look_up_in_registry(role, &reference, None).await;
        };
        let wanted = reference.digest;
        if let Some(other) = value.strip_prefix("docker-image://") {
            if other == "scratch" && wanted.is_none() {
                return Ok(Resolved::scratch());
            }
            let reference =
                Reference::parse(other).map_err(|error| context_problem(&name, &error.to_string()).caused_by(error))?;
            let found = self.look_up_in_registry(role, &reference, Some(&name)).await?;
            return match (&wanted, &found.digest) {
                (Some(wanted), Some(digest)) if wanted != digest => {
                    let message = format!("{other} has the digest {digest}, and the spec asks for {text}");
                    Err(context_problem(&name, &message).help(OTHER_DIGEST))
                }
                _ => Ok(found),
            };
        }
        if let Some(layout) = value.strip_prefix("oci-layout://") {
            if let Some(wanted) = wanted.filter(|wanted| !layout.ends_with(&format!("@{wanted}"))) {
                let message = format!("{layout} is not {wanted}, which the spec asks for");
                return Err(context_problem(&name, &message).help(OTHER_DIGEST));
            }
            return self.look_up_in_layout(&name, layout).await;
        }
        let scheme = value.split_once(':').map_or(value, |(scheme, _)| scheme);
        let message = format!("`{scheme}:` cannot replace an image");
        Err(context_problem(&name, &message).help("give docker-image://NAME or oci-layout://DIRECTORY"))
    }

    /// The name and value of the named context that replaces an image.
    fn replacement(&self, role: ImageRole, reference: &Reference) -> Option<(String, &str)> {
        // Users may know the image by the spec's name for it, or by its role.
        let without_digest = Reference {
            digest: None,
            ..reference.clone()
        };
        [reference.familiar(), without_digest.familiar(), role.name().to_owned()]
            .into_iter()
            .find_map(|name| {
                [format!("context:{name}::{}", self.platform), format!("context:{name}")]
                    .iter()
                    .find_map(|key| self.options.get(key))
                    .map(|value| (name, value))
            })
    }

    /// Looks up an image of a registry or the engine; `context` is the named context that asks for it.
    async fn look_up_in_registry(
        &self,
        role: ImageRole,
        reference: &Reference,
        context: Option<&str>,
    ) -> Result<Resolved, Diagnostic> {
        let context = context.map(|name| format!("context {name}"));
        let log_name = format!(
            "[{}] load metadata for {reference}",
            context.as_deref().unwrap_or("internal")
        );
        let found = fetch(&self.client, reference, &self.platform, self.mode, log_name)
            .await
            .map_err(|problem| cannot_load(problem, role, &reference.familiar()))?;
        let pinned = found.pinned()?;
        let title = format!("[{}] {pinned}", context.as_deref().unwrap_or(role.name()));
        let output = image_output(&pinned, &self.platform, self.mode, &title);
        let short = Reference {
            digest: None,
            ..reference.clone()
        };
        Ok(Resolved {
            digest: Some(found.digest),
            ..Resolved::new(output, found.config, short.familiar())?
        })
    }

    /// Looks up an image in an OCI layout of the client.
    async fn look_up_in_layout(&self, name: &str, layout: &str) -> Result<Resolved, Diagnostic> {
        let Some((store, digest)) = layout.rsplit_once('@') else {
            let message = "the layout has no digest; write oci-layout://DIRECTORY@sha256:…";
            return Err(context_problem(name, message));
        };
        // The store is the client's name for the directory, without a tag.
        let store = store.rsplit_once(':').map_or(store, |(store, _)| store);
        let source = OciLayout {
            // Any name will do: the digest decides.
            reference: format!("docker.io/library/layout@{digest}"),
            session: self.options.session.clone(),
            store: store.to_owned(),
            platform: self.platform.clone(),
        };
        let log_name = format!("[context {name}] load metadata for {layout}");
        let config = layout_config(&self.client, &source, log_name).await?;
        let output = source.output(Metadata::named(format!("[context {name}] {layout}")));
        Resolved::new(output, config, name.to_owned())
    }
}

/// The configuration of an image in a layout.
async fn layout_config(client: &Client, source: &OciLayout, log_name: String) -> Result<Vec<u8>, CallError> {
    let platform = Some((&source.platform).into());
    if client.gateway_can("source.metaresolver") {
        let request = wire::ResolveSourceMetaRequest {
            source: Some(pb::SourceOp {
                identifier: format!("oci-layout://{}", source.reference),
                attrs: source.attrs(),
            }),
            platform,
            log_name,
            ..wire::ResolveSourceMetaRequest::default()
        };
        let response = client.gateway.resolve_source_meta(request).await?;
        return Ok(response.image.unwrap_or_default().config);
    }
    let request = wire::ResolveImageConfigRequest {
        r#ref: source.reference.clone(),
        platform,
        log_name,
        resolver_type: 1,
        session_id: source.session.clone(),
        store_id: source.store.clone(),
        ..wire::ResolveImageConfigRequest::default()
    };
    Ok(client.gateway.resolve_image_config(request).await?.config)
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
    pub(super) digest: String,
    /// Its configuration, unchanged.
    pub(super) config: Vec<u8>,
}

/// Asks for the digest and configuration of an image.
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
            let message = format!("a source policy replaces the image {name} by {identifier}, which is not an image");
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

impl Fetched {
    /// Its reference with its digest.
    pub(super) fn pinned(&self) -> Result<Reference, Diagnostic> {
        let own_name = Reference::parse(&self.name);
        let own_name =
            own_name.map_err(|error| Diagnostic::internal("an image's own name is not a reference").because(error))?;
        Ok(own_name.pinned(&self.digest))
    }
}

/// The tree of an image.
pub(super) fn image_output(reference: &Reference, platform: &Platform, mode: ResolveMode, title: &str) -> Output {
    let image = Image {
        reference: reference.to_string(),
        platform: platform.clone(),
        resolve_mode: mode,
    };
    image.output(Metadata::named(title))
}

/// Says which field names an image and how to replace it.
fn cannot_load(problem: Diagnostic, role: ImageRole, name: &str) -> Diagnostic {
    let (field, role) = (field(role), role.name());
    let help = format!("name another image in `{field}`, or replace it: --build-context {role}=docker-image://IMAGE");
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

/// Where a spec, or one below it, names an image or its digest; `None` for our defaults.
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
