//! Which packages share a layer. By name alone: indexes do not all report sizes.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::image_spec::{ImageSpec, Layering};
use crate::plan::builder::rank;
use crate::python::{Artefact, Locked, normalised};

/// The most layers that an image may have: well within what overlay file systems and registries take.
const MAX_LAYERS: usize = 100;
/// The number of layers shared by all packages without one of their own.
const BUCKETS: u64 = 16;

/// Packages that are large or that large images share, by their normalised names.
const HEAVY: [&str; 62] = [
    "accelerate",
    "apache-beam",
    "bitsandbytes",
    "botocore",
    "catboost",
    "cupy-cuda11x",
    "cupy-cuda12x",
    "datasets",
    "deepspeed",
    "duckdb",
    "faiss-cpu",
    "faiss-gpu",
    "flash-attn",
    "grpcio",
    "h2o",
    "jax",
    "jaxlib",
    "keras",
    "lightgbm",
    "llvmlite",
    "matplotlib",
    "mlflow",
    "mxnet",
    "numba",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "opencv-python",
    "opencv-python-headless",
    "paddlepaddle",
    "pandas",
    "plotly",
    "polars",
    "polars-lts-cpu",
    "polars-runtime-32",
    "polars-runtime-64",
    "polars-runtime-compat",
    "prophet",
    "pyarrow",
    "pyspark",
    "ray",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "sentencepiece",
    "spacy",
    "statsmodels",
    "sympy",
    "tensorboard",
    "tensorflow",
    "tensorflow-cpu",
    "tokenizers",
    "torch",
    "torchaudio",
    "torchvision",
    "transformers",
    "triton",
    "vllm",
    "xgboost",
];
/// Packages of hundreds of megabytes.
const HUGE: [&str; 16] = [
    "bitsandbytes",
    "cupy-cuda11x",
    "cupy-cuda12x",
    "faiss-gpu",
    "flash-attn",
    "h2o",
    "jaxlib",
    "onnxruntime-gpu",
    "paddlepaddle",
    "pyspark",
    "tensorflow",
    "tensorflow-cpu",
    "torch",
    "triton",
    "vllm",
    "xgboost",
];
/// Families of packages that are heavy and huge.
const HEAVY_PREFIXES: [&str; 5] = ["nvidia-", "jax-cuda", "cudf-", "cuml-", "tensorrt"];

/// Whether a package, by its normalised name, is known to be heavy.
fn is_heavy(name: &str) -> bool {
    HEAVY.contains(&name) || HEAVY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a package, by its normalised name, is known to have hundreds of megabytes.
pub(crate) fn is_huge(name: &str) -> bool {
    HUGE.contains(&name) || HEAVY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The shared layer of a package, by its normalised name.
fn bucket(name: &str) -> u64 {
    let hash = Sha256::digest(name);
    let first = hash
        .iter()
        .take(8)
        .fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    first % BUCKETS
}

/// Packages that are installed in one step.
pub(crate) struct Group<'l> {
    /// What the step is called.
    pub(crate) id: String,
    /// What its title says after the packages.
    pub(crate) note: String,
    pub(crate) packages: Vec<&'l Locked>,
    pub(crate) rank: usize,
}

impl<'l> Group<'l> {
    fn alone(package: &'l Locked, rank: usize) -> Self {
        Self {
            id: format!("wheel-{}", package.name),
            note: String::new(),
            packages: vec![package],
            rank,
        }
    }
}

/// Groups the packages of a lock into steps; `other_layers` is the number of layers without them.
pub(crate) fn groups<'l>(spec: &ImageSpec, packages: &'l [Locked], other_layers: usize) -> Vec<Group<'l>> {
    if packages.is_empty() {
        return Vec::new();
    }
    if spec.layering == Layering::Single {
        return vec![Group {
            id: "packages".into(),
            note: String::new(),
            packages: packages.iter().collect(),
            rank: rank::SHARED_LAYERS,
        }];
    }
    let named = named_heavy(spec);
    let is_project = |package: &&Locked| matches!(&package.artefact, Artefact::Path { hash: None, .. });
    let (projects, others): (Vec<&Locked>, Vec<&Locked>) = packages.iter().partition(is_project);
    let (mut heavy, mut light): (Vec<&Locked>, Vec<&Locked>) = others
        .into_iter()
        .partition(|package| is_heavy(&package.name) || named.contains(&package.name));
    // In order of names: if there are too many, the last ones share.
    let buckets = usize::try_from(BUCKETS).unwrap_or(usize::MAX);
    // One for files that several packages have, and one to spare: another number would move packages of large images.
    let taken = other_layers + buckets + projects.len() + 2;
    light.extend(heavy.split_off(heavy.len().min(MAX_LAYERS.saturating_sub(taken))));
    let mut shared: BTreeMap<u64, Vec<&Locked>> = BTreeMap::new();
    light.sort_by(|a, b| a.name.cmp(&b.name));
    for package in light {
        shared.entry(bucket(&package.name)).or_default().push(package);
    }
    let mut groups: Vec<Group<'l>> = heavy
        .into_iter()
        .map(|package| Group::alone(package, rank::HEAVY))
        .collect();
    groups.extend(shared.into_iter().map(|(number, packages)| Group {
        id: format!("packages-{number}"),
        note: format!(" (shared layer {number})"),
        packages,
        rank: rank::SHARED_LAYERS,
    }));
    groups.extend(
        projects
            .into_iter()
            .map(|package| Group::alone(package, rank::PROJECTS)),
    );
    groups
}

/// The packages that the spec calls heavy, by normalised name.
pub(crate) fn named_heavy(spec: &ImageSpec) -> Vec<String> {
    let names = ImageSpec::strings(&spec.heavy);
    names.map(|name| normalised(&name.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_a_promise() {
        let found: Vec<u64> = ["humanize", "six", "requests", "flytekit"].map(bucket).to_vec();
        insta::assert_debug_snapshot!(found);
        assert!(is_heavy("nvidia-cublas-cu12"));
        assert!(!is_heavy("humanize"));
    }
}
