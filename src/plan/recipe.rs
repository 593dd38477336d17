//! Makes a plan from a spec and what is known about it.

use std::collections::BTreeMap;

use crate::image_spec::{ImageSpec, Profile, TextValue};
use crate::oci::{Platform, Reference};
use crate::plan::action::{Action, CopyFiles, StepId, StepMount};
use crate::plan::builder::Builder;
use crate::plan::environment::Edit;
use crate::plan::facts::{Facts, LockedPackages, StoreyFacts};
use crate::plan::home::ROOT_HOME;
use crate::plan::inputs::{StoreyInputs, TASK_USER};
use crate::plan::layers::{Group, groups};
use crate::plan::model::{Base, BuildPlan, Cache, CacheSharing, Settings, Stage, Step, Storey};
use crate::plan::needs::{Needs, needs};
use crate::plan::python_place::PythonPlace;
use crate::plan::steps;
use crate::plan::variables;

/// Lays out the steps that make the image of a spec.
#[must_use]
pub fn plan(spec: &ImageSpec, platform: &Platform, facts: &Facts) -> BuildPlan {
    let Needs { base, storeys: needed } = needs(spec);
    let mut specs: Vec<&ImageSpec> = spec.all().collect();
    specs.reverse();
    let nothing = StoreyFacts::default();
    let mut below = facts.base.layers.unwrap_or(0);
    let mut storeys: Vec<Storey> = Vec::with_capacity(specs.len());
    for (position, (spec, needs)) in specs.into_iter().zip(needed).enumerate() {
        let inputs = StoreyInputs {
            spec,
            facts: facts.storeys.get(position).unwrap_or(&nothing),
            python: needs.python,
            attendance: facts.attendance,
        };
        // Nothing can be planned on top of a storey with unknown packages.
        let is_grounded = storeys.iter().all(|storey| storey.is_complete);
        let (steps, lock, is_complete) = match is_grounded {
            true => layout(&inputs, below),
            false => (Vec::new(), None, false),
        };
        below += steps.iter().filter(|step| step.is_layer()).count();
        storeys.push(Storey {
            images: needs.images,
            steps,
            lock,
            is_complete,
            own: own_settings(&inputs, &facts.id),
        });
    }
    let base_name = facts.base.name.clone().unwrap_or_else(|| short_name(&base));
    let base = Base {
        image: base,
        environment: Edit::of_base(),
    };
    let plan = BuildPlan {
        platform: platform.clone(),
        caches: caches(&storeys, platform, &base_name),
        settings: Settings::of(&base, &storeys),
        base,
        storeys,
    };
    debug_assert_eq!(plan.disorder(), None);
    plan
}

/// A reference without its digest.
fn short_name(reference: &str) -> String {
    match Reference::parse(reference) {
        Ok(reference) => Reference {
            digest: None,
            ..reference
        }
        .familiar(),
        Err(_) => reference.to_owned(),
    }
}

/// Steps, the lock as a file, and whether the packages are known.
type Layout = (Vec<Step>, Option<CopyFiles>, bool);

/// The steps of one storey, given the number of layers below.
fn layout(inputs: &StoreyInputs<'_>, layers_below: usize) -> Layout {
    let Some(lock) = &inputs.facts.lock else {
        return steps_of(inputs, None);
    };
    // How packages share layers depends on the number of layers without them.
    let (others, ..) = steps_of(inputs, Some((lock, &[])));
    let others = others.iter().filter(|step| step.is_layer() && !is_at_most_once(step));
    let others = layers_below + others.count() + AT_MOST_ONCE.len();
    let groups = groups(inputs.spec, &lock.packages, others);
    steps_of(inputs, Some((lock, &groups)))
}

/// Steps that a spec has or not, by their ids. There is room for all of them, so that none moves packages to other layers
/// when it comes or goes.
const AT_MOST_ONCE: [&str; 9] = [
    "root",
    "apt-sources",
    "keep-lock",
    "workdir",
    "setup",
    "source",
    "commands",
    "own-workdir",
    "login-path",
];

fn is_at_most_once(step: &Step) -> bool {
    AT_MOST_ONCE.contains(&step.id.0.as_str())
}

/// All steps, in layer order: what is big and steady first.
fn steps_of(inputs: &StoreyInputs<'_>, lock: Option<(&LockedPackages, &[Group<'_>])>) -> Layout {
    let spec = inputs.spec;
    let mut plan = Builder::new(spec.span);
    steps::user(&mut plan, inputs);
    match inputs.python.filter(|python| !python.is_inherited) {
        // A virtual environment uses an interpreter that may come from apt.
        Some(python) if python.is_venv => {
            let interpreter = steps::apt(&mut plan, inputs);
            steps::venv(&mut plan, inputs, &python, interpreter);
        }
        Some(python) => {
            steps::conda(&mut plan, inputs, &python);
            steps::activation(&mut plan, inputs, &python);
            steps::apt(&mut plan, inputs);
        }
        None => {
            steps::apt(&mut plan, inputs);
        }
    }
    let (mut file, mut is_complete) = (None, true);
    match (&inputs.python, lock) {
        // Nobody could read what a lock step finds.
        (Some(python), None) if inputs.is_unattended() => {
            is_complete = steps::install_resolved(&mut plan, inputs, python);
        }
        (Some(python), lock) => {
            if let Some(step) = steps::lock(&mut plan, inputs, python) {
                match lock {
                    Some((lock, groups)) => file = Some(packages(&mut plan, inputs, python, step, lock, groups)),
                    None => is_complete = false,
                }
            }
        }
        (None, _) => {}
    }
    if is_complete {
        steps::commands(&mut plan, inputs, Stage::Setup, spec.setup_commands.as_ref());
        steps::copies(&mut plan, inputs);
        steps::commands(&mut plan, inputs, Stage::Image, spec.commands.as_ref());
        steps::own_workdir(&mut plan, inputs);
        steps::login_path(&mut plan, inputs);
    }
    (plan.in_layer_order(), file, is_complete)
}

/// The layers of packages, and of the lock that names them.
fn packages(
    plan: &mut Builder,
    inputs: &StoreyInputs<'_>,
    python: &PythonPlace,
    lock_step: StepId,
    lock: &LockedPackages,
    groups: &[Group<'_>],
) -> CopyFiles {
    let installed: Vec<_> = groups.iter().flat_map(|group| group.packages.iter().copied()).collect();
    if !installed.is_empty() {
        steps::fetch(plan, inputs, python, &lock.packages);
    }
    let mut built: BTreeMap<&str, StepId> = BTreeMap::new();
    let mut to_build: Vec<_> = installed
        .into_iter()
        .filter(|package| package.artefact.is_built())
        .collect();
    to_build.sort_by(|a, b| a.name.cmp(&b.name));
    for package in to_build {
        built.insert(&package.name, steps::build(plan, inputs, python, package));
    }
    let layers: Vec<StepId> = groups
        .iter()
        .map(|group| steps::install(plan, inputs, python, group, &built))
        .collect();
    if inputs.is_unattended() {
        let settled = steps::settle_shared(plan, inputs, python, &layers, &lock.packages, &built);
        return steps::keep_lock(plan, inputs, lock_step, None, settled);
    }
    let shared = steps::find_shared(plan, inputs, python, &layers);
    steps::keep_shared(plan, inputs, python, &layers, &lock.shared);
    steps::keep_lock(plan, inputs, lock_step, shared, None)
}

/// The caches that mounts name.
fn caches(storeys: &[Storey], platform: &Platform, base: &str) -> BTreeMap<&'static str, Cache> {
    let mut caches = BTreeMap::new();
    for step in storeys.iter().flat_map(|storey| &storey.steps) {
        let Action::Run(run) = &step.action else { continue };
        for mount in &run.mounts {
            let StepMount::Cache { cache, .. } = mount else {
                continue;
            };
            caches.entry(*cache).or_insert_with(|| cache_of(cache, platform, base));
        }
    }
    caches
}

/// The names must not change: under a new name everything is downloaded again.
fn cache_of(name: &str, platform: &Platform, base: &str) -> Cache {
    let (id, sharing) = match name {
        "uv" => ("uv".to_owned(), CacheSharing::Shared),
        // Their step locks them, and says when it waits.
        "apt-archives" => ("apt/archives".to_owned(), CacheSharing::Shared),
        // Lists of one base or platform are useless for another.
        "apt-state" => (format!("apt/state/{platform}/{base}"), CacheSharing::Shared),
        other => (other.to_owned(), CacheSharing::Locked),
    };
    Cache {
        id: format!("/var/cache/imagespec/{id}"),
        sharing,
    }
}

fn own_settings(inputs: &StoreyInputs<'_>, id: &str) -> Settings {
    let spec = inputs.spec;
    let is_flyte = spec.profile == Profile::Flyte;
    let text = |value: &Option<TextValue>| value.as_ref().map(|v| v.value.clone());
    let mut labels = Vec::new();
    if spec.describe {
        let own = [("id", id), ("version", env!("CARGO_PKG_VERSION"))].into_iter();
        let given = own.filter(|(_, value)| !value.is_empty());
        labels.extend(given.map(|(name, value)| (format!("io.imagespec.{name}"), value.to_owned())));
    }
    for (name, value) in spec.labels.iter().flat_map(|map| &map.value) {
        labels.retain(|(known, _)| *known != name.value);
        labels.push((name.value.clone(), value.value.clone()));
    }
    let mut environment = variables::of_image(inputs);
    environment.extend(variables::of_task(spec, id));
    Settings {
        environment,
        user: text(&spec.user).or_else(|| is_flyte.then(|| TASK_USER.to_owned())),
        workdir: text(&spec.workdir).or_else(|| is_flyte.then(|| ROOT_HOME.to_owned())),
        entrypoint: spec
            .entrypoint
            .as_ref()
            .map(|list| list.value.iter().map(|word| word.value.clone()).collect()),
        ports: ImageSpec::strings(&spec.expose)
            .map(|port| port.value.clone())
            .collect(),
        labels,
    }
}
