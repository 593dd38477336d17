use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::digest;
use crate::emit::{self, Options as EmitOptions, Sources, Strategy};
use crate::frontend::client::Client;
use crate::frontend::context::{self, Context, SpecFile};
use crate::frontend::gateway::own_time;
use crate::frontend::image::{Images, Resolved};
use crate::frontend::subrequest::{self, Subrequest};
use crate::frontend::{Failure, FrontendOptions, Gateway, OptionError};
use crate::llb::{Definition, Platform};
use crate::plan::{self, Base, BuildPlan, Facts, Role, Stage};
use crate::proto::gateway as wire;
use crate::spec::{self, BaseImage, Diagnostic, ImageSpec, Profile, Severity};

/// Each warning is a call; nobody reads more than this.
const MAX_WARNINGS: usize = 50;

impl From<OptionError> for Failure {
    fn from(error: OptionError) -> Self {
        Self::user(error.to_string())
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
    if let Some(request) = request {
        return subrequest::about(request, &file);
    }
    let spec = read_spec(&client, &options, &file).await?;
    let platforms = platforms(&options, &spec)?;
    let multi = options.multi_platform(platforms.len())?;
    // Files and images have nothing to do with each other. Which images are needed does not depend on what is
    // in them, so a plan made in ignorance tells.
    let (files, images) = tokio::join!(context::gather(&client, &options, &file, &origin, &spec), async {
        let mut images = Vec::with_capacity(platforms.len());
        for platform in &platforms {
            let draft = plan::plan(&spec, &file.text, platform, &Facts::default());
            images.push(Images::look_up(&client, &options, &draft).await?);
        }
        Ok::<_, Failure>(images)
    });
    let (files, images) = (files?, images?);
    let build = Build {
        client: &client,
        options: &options,
        file: &file,
        spec: &spec,
        files: &files,
    };
    let mut result = wire::Result::default();
    let mut references = BTreeMap::new();
    let mut described = Vec::new();
    let mut vertices = BTreeMap::new();
    for (position, (platform, images)) in platforms.iter().zip(&images).enumerate() {
        let image = build
            .image(platform, images, platforms.len() > 1, position == 0)
            .await?;
        let suffix = if multi { format!("/{platform}") } else { String::new() };
        result
            .metadata
            .insert(format!("containerimage.config{suffix}"), image.config);
        if !image.base_config.is_empty() {
            result
                .metadata
                .insert(format!("containerimage.base.config{suffix}"), image.base_config);
        }
        described.push(json!({
            "ID": platform.to_string(),
            "Platform": platform_json(platform),
        }));
        vertices.extend(image.vertices);
        references.insert(platform.to_string(), image.reference);
    }
    result.metadata.insert(
        "refs.platforms".into(),
        json!({"Platforms": described}).to_string().into_bytes(),
    );
    result.result = if multi {
        Some(wire::result::Result::Refs(wire::RefMap { refs: references }))
    } else {
        references.into_values().next().map(wire::result::Result::Ref)
    };
    if options.wants_timings() {
        let timings = timings(&client, &options, &vertices);
        result
            .metadata
            .insert("frontend.imagespec.timings".into(), timings.into_bytes());
    }
    Ok(result)
}

async fn read_spec(client: &Client, options: &FrontendOptions, file: &SpecFile) -> Result<ImageSpec, Failure> {
    let parsed = spec::parse(&file.text);
    let mut problems: Vec<&Diagnostic> = parsed.errors(spec::Stage::Build).collect();
    problems.sort_by_key(|problem| problem.span.map_or(0, |span| span.start));
    if !problems.is_empty() {
        return Err(Failure::of_spec(&file.text, problems));
    }
    let warnings: Vec<&Diagnostic> = parsed
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Warning)
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
        .ok_or_else(|| Failure::internal("a spec without errors could not be read"))
}

/// The platforms of a build: the client's wish, else the spec's, else the profile's default.
fn platforms(options: &FrontendOptions, spec: &ImageSpec) -> Result<Vec<Platform>, Failure> {
    let asked = options.platforms()?;
    if !asked.is_empty() {
        return Ok(asked);
    }
    if let Some(platforms) = &spec.platform {
        return Platform::parse_list(&platforms.value).map_err(|error| Failure::user(error.to_string()));
    }
    Ok(vec![match spec.profile {
        Profile::Flyte => Platform::linux_amd64(),
        Profile::Plain => options.worker.clone(),
    }])
}

fn platform_json(platform: &Platform) -> serde_json::Value {
    let mut value = json!({"architecture": platform.architecture, "os": platform.os});
    if !platform.variant.is_empty() {
        value["variant"] = json!(platform.variant);
    }
    value
}

/// One image of a build.
struct Image {
    reference: wire::Ref,
    /// The names of all vertices by their digests.
    vertices: BTreeMap<String, String>,
    config: Vec<u8>,
    base_config: Vec<u8>,
}

/// What the images of a build have in common.
struct Build<'a> {
    client: &'a Client,
    options: &'a FrontendOptions,
    file: &'a SpecFile,
    spec: &'a ImageSpec,
    files: &'a Context,
}

impl Build<'_> {
    async fn image(&self, platform: &Platform, images: &Images, label: bool, warn: bool) -> Result<Image, Failure> {
        let plan = plan::plan(
            self.spec,
            &self.file.text,
            platform,
            &self.facts(self.spec, images.base()),
        );
        if warn && images.base().is_some_and(Resolved::has_triggers) {
            let warning = Diagnostic::warning(
                "onbuild-ignored",
                "the base image has ONBUILD triggers, which are for Dockerfiles; they are not run",
            );
            context::warn(self.client, self.file, &warning).await?;
        }
        let made_for = images
            .base()
            .and_then(|base| base.config.as_ref()?.get("architecture")?.as_str());
        if let Some(other) = made_for.filter(|other| *other != platform.architecture) {
            let message = format!("the base image is made for {other}, the image is built for {platform}");
            let warning = Diagnostic::warning("platform-mismatch", message)
                .help("name a base image that has this platform, or build with another --platform");
            context::warn(self.client, self.file, &warning).await?;
        }
        let strategy = match self.options.strategy()? {
            Some(strategy) => strategy,
            None if self.client.can("mergeop") && self.client.can("diffop") => Strategy::Merge,
            None => Strategy::Chain,
        };
        let emit_options = EmitOptions {
            no_cache: self.options.no_cache()?,
            target: self.options.target()?.filter(|stage| *stage != Stage::Image),
            network: self.options.network()?,
            extra_hosts: self.options.extra_hosts()?,
            hostname: self.options.hostname().to_owned(),
            proxy: self.options.proxy(),
            cache_namespace: self
                .options
                .argument("BUILDKIT_CACHE_MOUNT_NS")
                .unwrap_or("")
                .to_owned(),
            platform_label: label.then(|| platform.to_string()),
            file: Some(Arc::clone(&self.file.source)),
            ..EmitOptions::new(strategy)
        };
        let sources = self.sources(&plan, images);
        let emitted = emit::emit(&plan, &sources, &emit_options).map_err(|error| Failure::user(error.to_string()))?;
        let solved = self.client.solve(emitted.result.as_ref()).await?;
        let base = images.base();
        let settings = match (emit_options.target, &plan.base) {
            (Some(Stage::Base), Base::Plan(nested)) => nested_settings(nested),
            (Some(Stage::Base), Base::Image(_)) => plan::Settings {
                environment: base.map(|base| base.facts().environment).unwrap_or_default(),
                ..plan::Settings::default()
            },
            _ => nested_settings(&plan),
        };
        let config = emit::image_config(
            base.and_then(|base| base.config.as_ref()),
            platform,
            &settings,
            &self.options.labels(),
            &emitted.history,
        );
        let definition = Definition::new(emitted.result.as_ref());
        Ok(Image {
            vertices: definition.names(),
            reference: wire::Ref {
                id: solved.0,
                def: None,
            },
            config: config.to_string().into_bytes(),
            base_config: base.map(|base| base.raw_config.clone()).unwrap_or_default(),
        })
    }

    /// What a plan is told of the world.
    fn facts(&self, spec: &ImageSpec, base: Option<&Resolved>) -> Facts {
        let requirements = spec.requirements.as_ref().and_then(|path| {
            let found = self.files.requirements.iter().find(|(name, _)| *name == path.value);
            found.map(|(_, content)| content.clone())
        });
        Facts {
            base: base.map(Resolved::facts).unwrap_or_default(),
            id: digest::Naming::new(spec, &digest::NamingOptions::default())
                .map(|n| n.id())
                .unwrap_or_default(),
            requirements,
            nested: match &spec.base_image {
                Some(BaseImage::Spec(nested)) => Some(Box::new(self.facts(&nested.value, base))),
                _ => None,
            },
        }
    }

    fn sources(&self, plan: &BuildPlan, images: &Images) -> Sources {
        let tool = |role, reference: &Option<String>| images.output(role, reference.as_ref()?);
        let (base, nested) = match &plan.base {
            Base::Image(reference) => (images.output(Role::Base, reference), None),
            Base::Plan(inner) => (None, Some(Box::new(self.sources(inner, images)))),
        };
        Sources {
            base,
            uv: tool(Role::Uv, &plan.tools.uv),
            micromamba: tool(Role::Micromamba, &plan.tools.micromamba),
            context: self.files.tree.clone(),
            nested,
        }
    }
}

/// The settings of a plan, with those of the plans below it where it has none.
fn nested_settings(plan: &BuildPlan) -> plan::Settings {
    let mut settings = plan.settings.clone();
    if let Base::Plan(below) = &plan.base {
        let below = nested_settings(below);
        settings.user = settings.user.or(below.user);
        settings.workdir = settings.workdir.or(below.workdir);
        settings.entrypoint = settings.entrypoint.or(below.entrypoint);
        let mut labels = below.labels;
        for (name, value) in std::mem::take(&mut settings.labels) {
            labels.retain(|(known, _)| *known != name);
            labels.push((name, value));
        }
        settings.labels = labels;
    }
    settings
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
