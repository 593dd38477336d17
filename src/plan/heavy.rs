//! Which packages have a layer each. By name alone: what one index says of sizes, another does not.

use sha2::{Digest as _, Sha256};

/// How many layers all other packages share.
pub(super) const BUCKETS: u64 = 16;

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
/// Those of hundreds of megabytes.
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
/// Families of both.
const HEAVY_PREFIXES: [&str; 5] = ["nvidia-", "jax-cuda", "cudf-", "cuml-", "tensorrt"];

/// Whether a package, by its normalised name, is known to be heavy.
pub(super) fn is_heavy(name: &str) -> bool {
    HEAVY.contains(&name) || HEAVY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a package, by its normalised name, is known to have hundreds of megabytes.
pub(super) fn is_huge(name: &str) -> bool {
    HUGE.contains(&name) || HEAVY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The shared layer of a package, by its normalised name.
pub(super) fn bucket(name: &str) -> u64 {
    let hash = Sha256::digest(name);
    let first = hash
        .iter()
        .take(8)
        .fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    first % BUCKETS
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
