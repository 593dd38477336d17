//! What a spec needs before anything is planned: images, interpreters, and the stages that its build will have.

use std::collections::BTreeMap;

use crate::image_spec::{BaseImage, ImageSpec, Profile, TextMap, TextValue};
use crate::oci::Reference;
use crate::plan::action::ImageRole;
use crate::plan::home::{opens_root, workdir};
use crate::plan::model::Stage;
use crate::plan::python_place::PythonPlace;
use crate::plan::schedule::TargetError;
use crate::plan::steps;

/// The image that a build starts from unless the spec names one.
pub const DEFAULT_BASE: &str = "debian:bookworm-slim";
/// The image that has the `uv` program unless the spec names one. Fixed for each release.
pub const DEFAULT_UV: &str = "ghcr.io/astral-sh/uv:0.13.8";
/// The image that has the `micromamba` program unless the spec names one. Fixed for each release.
pub const DEFAULT_MICROMAMBA: &str = "mambaorg/micromamba:2.0.3-debian12-slim";

/// What a spec and those below it need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The image that everything starts from.
    pub base: String,
    /// What each spec needs, the lowest first.
    pub storeys: Vec<StoreyNeeds>,
}

/// What one spec needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreyNeeds {
    /// The images that steps take programs from.
    pub images: BTreeMap<ImageRole, String>,
    /// The interpreter, which a spec below may have made.
    pub python: Option<PythonPlace>,
    /// The stages that its build has, in order.
    pub stages: Vec<Stage>,
}

impl StoreyNeeds {
    /// Checks that the build has a stage.
    ///
    /// # Errors
    /// As [`crate::plan::schedule`] says it.
    pub fn has(&self, stage: Stage) -> Result<(), TargetError> {
        match self.stages.contains(&stage) {
            true => Ok(()),
            false => Err(TargetError::no_stage(stage, self.stages.iter().copied())),
        }
    }
}

impl Needs {
    /// What the spec itself needs.
    #[must_use]
    pub fn top(&self) -> Option<&StoreyNeeds> {
        self.storeys.last()
    }

    /// All images, by role and reference.
    pub fn images(&self) -> impl Iterator<Item = (ImageRole, &str)> {
        let base = std::iter::once((ImageRole::Base, self.base.as_str()));
        base.chain(self.storeys.iter().flat_map(|storey| {
            let images = storey.images.iter();
            images.map(|(role, reference)| (*role, reference.as_str()))
        }))
    }
}

/// What a spec and those below it need.
#[must_use]
pub fn needs(spec: &ImageSpec) -> Needs {
    let specs: Vec<&ImageSpec> = spec.all().collect();
    // A spec's own pins win over those of the specs built on it.
    let pins = |depth: usize| {
        specs
            .get(..=depth)
            .unwrap_or(&[])
            .iter()
            .rev()
            .flat_map(|spec| &spec.pins)
    };
    let mut storeys: Vec<StoreyNeeds> = Vec::with_capacity(specs.len());
    for (depth, spec) in specs.iter().enumerate().rev() {
        let below = storeys.last().and_then(|storey| storey.python);
        let python = PythonPlace::of(spec, below.as_ref());
        let mut images = BTreeMap::new();
        let image = |chosen: &Option<TextValue>, default: &str| {
            pinned(chosen.as_ref().map_or(default, |image| &image.value), pins(depth))
        };
        let stages = stages(spec, python.as_ref());
        let has = |stage| stages.contains(&stage);
        if has(Stage::Lock) || has(Stage::Setup) || has_commands(spec) || spec.python_exec.is_some() {
            images.insert(ImageRole::Uv, image(&spec.uv_image, DEFAULT_UV));
        }
        if spec.profile == Profile::Flyte || (has(Stage::Python) && spec.python_exec.is_none()) {
            images.insert(ImageRole::Micromamba, image(&spec.micromamba_image, DEFAULT_MICROMAMBA));
        }
        storeys.push(StoreyNeeds { images, python, stages });
    }
    let lowest = specs.len().saturating_sub(1);
    let base = match specs.last().and_then(|spec| spec.base_image.as_ref()) {
        Some(BaseImage::Reference(reference)) => &reference.value,
        _ => DEFAULT_BASE,
    };
    Needs {
        base: pinned(base, pins(lowest)),
        storeys,
    }
}

/// The stages that the build of a spec has, in order: those that can be built alone.
fn stages(spec: &ImageSpec, python: Option<&PythonPlace>) -> Vec<Stage> {
    let is_flyte = spec.profile == Profile::Flyte;
    let has_lock = python.is_some() && installs_packages(spec);
    let has = |stage: &Stage| match stage {
        Stage::Base | Stage::Image => true,
        Stage::User => is_flyte || opens_root(spec, python),
        Stage::Apt => {
            let is_package = |entry: &TextValue| !entry.value.trim().is_empty();
            ImageSpec::strings(&spec.apt_packages).any(is_package) || steps::has_sources(spec)
        }
        Stage::Python => python.is_some_and(|python| !python.is_inherited),
        Stage::Lock | Stage::Packages => has_lock,
        Stage::Setup => ImageSpec::strings(&spec.setup_commands).next().is_some(),
        Stage::Source => workdir(spec).is_some() || steps::copies_anything(spec, python),
    };
    Stage::ALL.into_iter().filter(has).collect()
}

/// Whether a spec asks for Python packages, its profile's own included.
fn installs_packages(spec: &ImageSpec) -> bool {
    let has_packages = ImageSpec::strings(&spec.packages).next().is_some();
    spec.requirements.is_some() || has_packages || spec.profile == Profile::Flyte
}

fn has_commands(spec: &ImageSpec) -> bool {
    ImageSpec::strings(&spec.commands).next().is_some()
}

/// A reference with the digest that a spec pins it to.
fn pinned<'p>(reference: &str, pins: impl Iterator<Item = &'p TextMap>) -> String {
    let Ok(wanted) = Reference::parse(reference) else {
        return reference.to_owned();
    };
    let mut all = pins.flat_map(|pins| &pins.value);
    let found = all.find(|(name, _)| Reference::parse(&name.value).is_ok_and(|name| name == wanted));
    match found {
        Some((_, digest)) if wanted.digest.is_none() => format!("{}@{}", wanted.familiar(), digest.value),
        _ => reference.to_owned(),
    }
}
