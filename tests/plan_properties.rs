//! What holds of every plan, over specs and locks made at random.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};

use imagespec::image_spec::{ImageSpec, parse};
use imagespec::oci::Platform;
use imagespec::plan::{
    Action, Attendance, BaseFacts, BuildPlan, CopiesFacts, Facts, ImageRole, LockedPackages, Part, Product, Schedule,
    Scheduled, SharedFile, Stage, Step, StepMount, StepRun, Storey, StoreyFacts, Strategy, Target, Tree, Writes, needs,
    plan, schedule,
};
use imagespec::python::{Artefact, Locked};
use imagespec::text::{Operation, Text};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::{select, subsequence};
use proptest::strategy::Strategy as Generator;

/// Lines of specs that go with each other in any number.
const LINES: [&str; 32] = [
    "apt_packages: [git, jq]",
    "apt_packages: [a, b, c, d, e, f, g, h, i, j, k]",
    "packages: [pandas, ./lib]",
    "conda_packages: [gdal]",
    "python_version: \"3.11\"",
    "python_exec: /usr/bin/python3",
    "requirements: requirements.txt",
    "requirements: sub/uv.lock",
    "requirements: pylock.toml",
    "pip_index: https://index.example/simple",
    "pip_secret_mounts: [[a, /root/.netrc]]",
    "pip_extra_args: --index-strategy unsafe-best-match",
    "runtime_packages: [six]",
    "env: {PATH: /x}",
    "env: {LOG: info, PATH: \"/x:$PATH\"}",
    "build_env: {CC: clang}",
    "copy: [src, data]",
    "copy: [.]",
    "copy: [a, b, c, d, e, f, g, h, i, j]",
    "source_root: src\nsource_copy_mode: all",
    "commands: [ls]",
    "setup_commands: [ls]",
    "workdir: /srv/app",
    "workdir: /root",
    "user: app",
    "user: \"1001\"",
    "mode: keep",
    "commands: [useradd app]",
    "profile: plain",
    "layering: single",
    "heavy: [six]",
    "uv_image: x/uv:0.12.0",
];
const TARGETS: [&str; 9] = [
    "/root",
    "/app",
    "/",
    "/opt/x",
    "/usr/local/x",
    "/root/deep/er",
    "/home/x",
    "/root/.venv/x",
    "/srv",
];

fn spec() -> impl Generator<Value = String> {
    let lines = subsequence(LINES.to_vec(), 0..8);
    let target = proptest::option::of(select(TARGETS.to_vec()));
    (lines, target).prop_map(|(lines, target)| {
        let mut fields = BTreeMap::new();
        for line in lines {
            let (field, _) = line.split_once(':').unwrap();
            // `uv_image` lies in another mapping.
            let line = match field {
                "uv_image" => format!("builder_config: {{{line}}}"),
                _ => line.to_owned(),
            };
            fields.insert(field, line);
        }
        if fields.contains_key("python_exec") {
            fields.retain(|field, _| *field != "conda_packages" && *field != "python_version");
        }
        // A lock says what is installed.
        let is_lock = fields
            .get("requirements")
            .is_some_and(|line| line.ends_with("lock") || line.ends_with("toml"));
        if is_lock {
            fields.retain(|field, _| !matches!(*field, "packages" | "pip_index" | "pip_extra_args"));
        }
        if let Some(target) = target {
            fields.insert("copy_to", format!("copy_to: {target}"));
        }
        fields.values().map(|line| format!("{line}\n")).collect()
    })
}

fn package(name: &str, artefact: Artefact) -> Locked {
    Locked {
        name: name.to_owned(),
        version: Some("1".into()),
        artefact,
        index: None,
    }
}

/// Heavy and light wheels, what is built of sources and repositories, a project.
fn pool() -> Vec<Locked> {
    let hash = || format!("sha256:{}", "ab".repeat(32));
    let wheel = |name| package(name, Artefact::Wheel { hash: hash() });
    let built = |name| package(name, Artefact::Source { hash: hash() });
    let mut pool: Vec<Locked> = [
        "flytekit", "numpy", "pandas", "six", "torch", "attrs", "click", "idna", "rich", "yarl",
    ]
    .map(wheel)
    .to_vec();
    pool.extend(["scipy", "docopt"].map(built));
    pool.push(package(
        "lib",
        Artefact::Path {
            path: "lib".into(),
            hash: None,
            subdirectory: None,
        },
    ));
    pool.sort_by(|a, b| a.name.cmp(&b.name));
    pool
}

/// Packages of which some may own files together.
fn lock() -> impl Generator<Value = LockedPackages> {
    let packages = subsequence(pool(), 0..=pool().len());
    (packages, 0_usize..4).prop_map(|(packages, shared)| {
        let pairs = packages.windows(2).take(shared);
        let shared = pairs.map(|pair| SharedFile {
            path: format!("/p/{}", pair[0].name),
            packages: pair.iter().map(|package| package.name.clone()).collect(),
        });
        LockedPackages {
            shared: shared.collect(),
            packages,
        }
    })
}

/// A spec, perhaps on another one, with a lock for each.
fn planned() -> impl Generator<Value = (ImageSpec, BuildPlan)> {
    let storeys = proptest::collection::vec((spec(), lock()), 1..=3);
    let attendance = proptest::sample::select(vec![Attendance::Reader, Attendance::Waiter, Attendance::Nobody]);
    let switches = (any::<bool>(), any::<bool>(), attendance);
    (storeys, switches).prop_map(|(storeys, (is_locked, has_sibling, attendance))| {
        let specs: Vec<&str> = storeys.iter().map(|(yaml, _)| yaml.as_str()).collect();
        let text = Text::new("imageSpec.yaml", nested(&specs));
        let parsed = parse(&text);
        let errors: Vec<String> = parsed.errors(Operation::Building).map(|d| d.line(&text)).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{}", text.content());
        let spec = parsed.spec.unwrap();
        let top = storeys.len() - 1;
        // Without packages nobody looks for a lock beside the spec.
        let can_have_sibling = needs(&spec).storeys.last().unwrap().stages.contains(&Stage::Lock);
        let has_sibling = has_sibling && can_have_sibling;
        let facts = Facts {
            base: BaseFacts::default(),
            id: "id".into(),
            storeys: storeys
                .into_iter()
                .enumerate()
                .map(|(position, (_, lock))| StoreyFacts {
                    lock: is_locked.then_some(lock),
                    sibling_lock: (is_locked && has_sibling && position == top).then(|| "pylock.toml".to_owned()),
                    copies: Some(CopiesFacts::default()),
                    ..StoreyFacts::default()
                })
                .collect(),
            attendance,
        };
        let plan = plan(&spec, &Platform::linux_amd64(), &facts);
        (spec, plan)
    })
}

/// Specs on each other, the lowest first.
fn nested(specs: &[&str]) -> String {
    let mut yaml = String::from("name: lowest\n");
    for (position, spec) in specs.iter().enumerate() {
        if position > 0 {
            let inner: String = yaml.lines().map(|line| format!("  {line}\n")).collect();
            yaml = format!("base_image:\n{inner}");
        }
        yaml.push_str(spec);
    }
    yaml
}

/// The layers that a tree holds.
fn layers_in(schedule: &Schedule, tree: &Tree) -> BTreeSet<usize> {
    let of_run = |run: usize| {
        let mut layers = layers_in(schedule, &schedule.runs[run].on);
        layers.insert(schedule.runs[run].step);
        layers
    };
    match tree {
        Tree::Base => BTreeSet::new(),
        Tree::After(run) => of_run(*run),
        Tree::Merged { below, changes } => {
            let changed = changes.iter().map(|run| schedule.runs[*run].step);
            layers_in(schedule, below).into_iter().chain(changed).collect()
        }
    }
}

/// The runs that a tree names.
fn runs_in(tree: &Tree) -> Vec<usize> {
    match tree {
        Tree::Base => Vec::new(),
        Tree::After(run) => vec![*run],
        Tree::Merged { below, changes } => runs_in(below).into_iter().chain(changes.iter().copied()).collect(),
    }
}

/// For each step all layers that it comes after, directly or not.
fn before(storey: &Storey) -> Vec<BTreeSet<usize>> {
    let mut all: Vec<BTreeSet<usize>> = Vec::new();
    for step in &storey.steps {
        let mut below = BTreeSet::new();
        for id in &step.after {
            let (position, _) = storey.find(id).unwrap();
            below.insert(position);
            below.extend(all[position].iter().copied());
        }
        all.push(below);
    }
    all
}

fn settles(step: &Step) -> bool {
    matches!(step.writes, Writes::SharedFiles { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn parents_come_first((_, plan) in planned()) {
        prop_assert_eq!(plan.disorder(), None);
        for (storey, strategy) in plan.storeys.iter().flat_map(|s| [(s, Strategy::Merge), (s, Strategy::Chain)]) {
            let schedule = schedule(storey, strategy, &Target::Whole).unwrap();
            for (position, run) in schedule.runs.iter().enumerate() {
                let step = &storey.steps[run.step];
                prop_assert!(runs_in(&run.on).iter().chain(run.uses.values()).all(|other| *other < position));
                // It sees what it asks for, and what it uses was made.
                let seen = layers_in(&schedule, &run.on);
                prop_assert!(step.after.iter().all(|id| seen.contains(&storey.find(id).unwrap().0)));
                prop_assert_eq!(step.uses().collect::<BTreeSet<_>>(), run.uses.keys().collect::<BTreeSet<_>>());
            }
        }
    }

    #[test]
    fn steps_that_may_write_the_same_are_ordered((_, plan) in planned()) {
        for storey in &plan.storeys {
            let before = before(storey);
            for (upper, step) in storey.steps.iter().enumerate().filter(|(_, step)| step.is_layer()) {
                for (lower, other) in storey.steps[..upper].iter().enumerate().filter(|(_, step)| step.is_layer()) {
                    let is_ordered = before[upper].contains(&lower);
                    prop_assert!(
                        is_ordered || !step.writes.overlaps(&other.writes),
                        "{} and {} may write the same", step.id, other.id
                    );
                }
            }
        }
    }

    /// Whoever reads a file after its last writer makes the engine do nothing that the image does not need.
    #[test]
    fn the_last_writer_of_a_file_runs_where_it_runs_for_the_image((_, plan) in planned(), path in select(&["/etc/passwd", "/root/x", "/srv/y"][..])) {
        let file = Writes::Below { paths: vec![path.to_owned()], except: Vec::new() };
        let writes = |step: &Step| step.is_layer() && step.writes.overlaps(&file);
        let Some((below, writer)) = plan.up_to_writer(path) else {
            prop_assert!(!plan.storeys.iter().flat_map(|storey| &storey.steps).any(writes));
            return Ok(());
        };
        let storey = &plan.storeys[below.storeys.len() - 1];
        prop_assert_eq!(below.top(), Some(storey));
        let (at, _) = storey.find(&writer).unwrap();
        let above = plan.storeys[below.storeys.len()..].iter().flat_map(|storey| &storey.steps);
        prop_assert!(!storey.steps[at + 1..].iter().chain(above).any(writes));
        for strategy in [Strategy::Merge, Strategy::Chain] {
            let whole = schedule(storey, strategy, &Target::Whole).unwrap();
            let after = schedule(storey, strategy, &Target::After(writer.clone())).unwrap();
            let Scheduled::Tree(Tree::After(run)) = &after.result else { panic!("{:?}", after.result) };
            let seen = layers_in(&after, &Tree::After(*run));
            prop_assert!(storey.steps[..at].iter().enumerate().all(|(position, step)| !writes(step) || seen.contains(&position)));
            let is_same = |other: &StepRun| other.step == at && layers_in(&whole, &other.on) == layers_in(&after, &after.runs[*run].on);
            prop_assert!(whole.runs.iter().any(is_same));
        }
    }

    #[test]
    fn chain_and_merge_hold_the_same_layers((_, plan) in planned()) {
        for storey in &plan.storeys {
            let layers: BTreeSet<usize> =
                storey.steps.iter().enumerate().filter(|(_, step)| step.is_layer()).map(|(position, _)| position).collect();
            for strategy in [Strategy::Merge, Strategy::Chain] {
                let schedule = schedule(storey, strategy, &Target::Whole).unwrap();
                let Scheduled::Tree(tree) = &schedule.result else { panic!("a whole storey is a tree") };
                prop_assert_eq!(layers_in(&schedule, tree), layers.clone());
                prop_assert_eq!(schedule.layers.iter().copied().collect::<BTreeSet<_>>(), layers.clone());
            }
        }
    }

    #[test]
    fn needs_are_those_of_the_plan((spec, plan) in planned()) {
        let needs = needs(&spec);
        prop_assert_eq!(&needs.base, &plan.base.image);
        for (storey, needed) in plan.storeys.iter().zip(&needs.storeys) {
            prop_assert_eq!(&storey.images, &needed.images);
            let mut used: BTreeSet<ImageRole> = BTreeSet::new();
            for step in &storey.steps {
                let Action::Run(run) = &step.action else { continue };
                // The interpreter that scripts are told is the one that was needed.
                let told = run.script.variables.iter().find(|(name, _)| *name == "_python");
                if let Some((_, told)) = told {
                    let program = needed.python.map(|python| format!("{}/bin/python", python.prefix));
                    prop_assert_eq!(program.as_ref(), Some(told));
                }
                used.extend(run.mounts.iter().filter_map(|mount| match mount {
                    StepMount::Image { image, .. } => Some(*image),
                    _ => None,
                }));
            }
            let images: BTreeSet<ImageRole> = needed.images.keys().copied().collect();
            let installs = storey.steps.iter().any(|step| !step.packages.is_empty());
            prop_assert!(used.is_subset(&images), "{used:?} {images:?}");
            // Without a lock, or with nothing in it, some of it is not used after all.
            if storey.is_complete && installs {
                prop_assert_eq!(used, images);
            }
            let mut stages: BTreeSet<Stage> = storey.steps.iter().map(|step| step.stage).collect();
            stages.extend([Stage::Base, Stage::Image]);
            let needed: BTreeSet<Stage> = needed.stages.iter().copied().collect();
            prop_assert!(stages.is_subset(&needed), "{stages:?} {needed:?}");
            if storey.is_complete && installs {
                prop_assert_eq!(stages, needed);
            }
        }
    }

    #[test]
    fn every_target_that_there_is_can_be_scheduled((_, plan) in planned()) {
        let storey = plan.top().unwrap();
        for step in &storey.steps {
            let target = match step.makes {
                Some(_) => Target::Product(step.id.clone()),
                None => Target::Part(Part::Stage(step.stage)),
            };
            for strategy in [Strategy::Merge, Strategy::Chain] {
                prop_assert!(schedule(storey, strategy, &target).is_ok());
            }
        }
        let absent = Target::Part(Part::Package("no-such-package".into()));
        prop_assert!(schedule(storey, Strategy::Merge, &absent).is_err());
    }
}

/// Two packages that own one file are layers that do not know each other; a layer above both settles it.
#[test]
fn files_of_two_packages_are_settled_above_them() {
    let text = Text::new("imageSpec.yaml", "profile: plain\npackages: [x]\n");
    let spec = parse(&text).spec.unwrap();
    let wheel = |name| {
        package(
            name,
            Artefact::Wheel {
                hash: format!("sha256:{}", "ab".repeat(32)),
            },
        )
    };
    let plan_with = |shared: Vec<SharedFile>| {
        let lock = LockedPackages {
            packages: vec![wheel("opencv-python"), wheel("opencv-python-headless")],
            shared,
        };
        let storey = StoreyFacts {
            lock: Some(lock),
            ..StoreyFacts::default()
        };
        let facts = Facts {
            storeys: vec![storey],
            ..Facts::default()
        };
        plan(&spec, &Platform::linux_amd64(), &facts)
    };
    let file = SharedFile {
        path: "/opt/micromamba/envs/runtime/lib/python3.12/site-packages/cv2/__init__.py".into(),
        packages: vec!["opencv-python".into(), "opencv-python-headless".into()],
    };
    let plan = plan_with(vec![file]);
    let storey = plan.top().unwrap();
    let before = before(storey);
    let place = |id: &str| storey.steps.iter().position(|step| step.id.to_string() == id).unwrap();
    let (one, other) = (place("wheel-opencv-python"), place("wheel-opencv-python-headless"));
    assert!(!before[one].contains(&other) && !before[other].contains(&one));
    let keeper = place("keep-shared-files");
    assert!(keeper > one && keeper > other);
    // The last by name keeps the file.
    let uses: Vec<String> = storey.steps[keeper].uses().map(ToString::to_string).collect();
    assert_eq!(uses, ["wheel-opencv-python-headless"]);
    let merged = schedule(storey, Strategy::Merge, &Target::Whole).unwrap();
    let Scheduled::Tree(Tree::Merged { changes, .. }) = &merged.result else {
        panic!("two wheels are merged");
    };
    let order: Vec<usize> = changes.iter().map(|run| merged.runs[*run].step).collect();
    let at = |step| order.iter().position(|other| *other == step);
    assert!(at(keeper) > at(other), "{order:?}");
    // Nobody settles what nobody shares.
    let plan = plan_with(Vec::new());
    assert!(!plan.top().unwrap().steps.iter().any(settles));
    assert!(plan.maker(Product::SharedFiles).is_some());
}
