//! The frontend that the program carries, as an image in a directory with the OCI layout: engines take it from there
//! without a registry.

use std::path::Path;

use crate::engine::request::Frontend;
use crate::text::Diagnostic;

/// The program in the frontend's image.
pub(super) const PROGRAM: &str = "/imagespec";
/// What the frontend's image says to BuildKit; `frontend.Dockerfile` has the same.
pub(super) const LABELS: [(&str, &str); 2] = [
    ("moby.buildkit.frontend.network.none", "true"),
    (
        "moby.buildkit.frontend.caps",
        "moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts",
    ),
];

/// Writes the frontend into a directory. With another `place`, the answer names that instead.
///
/// # Errors
/// When the program carries none, or the directory cannot be written.
#[cfg(feature = "carried-frontend")]
pub(crate) fn carried(directory: &Path, place: Option<&Path>) -> Result<Frontend, Diagnostic> {
    use std::collections::BTreeMap;

    use sha2::{Digest as _, Sha256};

    const LAYER: &[u8] = include_bytes!(env!("IMAGESPEC_FRONTEND_LAYER"));
    const BLOBS: &str = "blobs/sha256";
    let unwritten = |error: std::io::Error| {
        let problem = Diagnostic::error("file-access", format!("cannot write {}", directory.display()));
        problem.kind(crate::text::ProblemKind::Other).because(error)
    };
    let write_blob = |content: &[u8]| -> Result<(String, usize), Diagnostic> {
        let hex = base16ct::lower::encode_string(&Sha256::digest(content));
        std::fs::write(directory.join(BLOBS).join(&hex), content).map_err(unwritten)?;
        Ok((hex, content.len()))
    };
    std::fs::create_dir_all(directory.join(BLOBS)).map_err(unwritten)?;
    let (layer, layer_size) = write_blob(LAYER)?;
    let version = ("org.opencontainers.image.version", env!("CARGO_PKG_VERSION"));
    let labels: BTreeMap<&str, &str> = LABELS.into_iter().chain([version]).collect();
    let config = serde_json::json!({
        "architecture": crate::oci::Platform::normalised("linux", std::env::consts::ARCH, "").architecture,
        "os": "linux",
        "config": {
            "Entrypoint": [PROGRAM],
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [env!("IMAGESPEC_FRONTEND_DIFF_ID")]},
    });
    let (config, config_size) = write_blob(config.to_string().as_bytes())?;
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": format!("sha256:{config}"),
            "size": config_size,
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": format!("sha256:{layer}"),
            "size": layer_size,
        }],
    });
    let (manifest, manifest_size) = write_blob(manifest.to_string().as_bytes())?;
    let index = serde_json::json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{manifest}"),
            "size": manifest_size,
            "annotations": {"org.opencontainers.image.ref.name": "latest"},
        }],
    });
    std::fs::write(directory.join("index.json"), index.to_string()).map_err(unwritten)?;
    std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).map_err(unwritten)?;
    let place = place.unwrap_or(directory);
    Ok(Frontend::Layout {
        // By its content: stores of engines keep several.
        name: format!(
            "imagespec/imagespec:{}-{}",
            env!("CARGO_PKG_VERSION"),
            manifest.get(..12).unwrap_or_default()
        ),
        directory: place.to_owned(),
        digest: format!("sha256:{manifest}"),
        layer: place.join(BLOBS).join(layer),
    })
}

/// Says how to build without a frontend of the program's own.
///
/// # Errors
/// Always.
#[cfg(not(feature = "carried-frontend"))]
pub(crate) fn carried(_: &Path, _: Option<&Path>) -> Result<Frontend, Diagnostic> {
    let message = "this program carries no frontend, and the spec's first line names none";
    let problem = Diagnostic::error("no-frontend", message).kind(crate::text::ProblemKind::Usage);
    Err(problem.help("build with --frontend IMAGE, begin the spec with `# syntax=docker.io/imagespec/imagespec:1`, or take a program made by `make cli`"))
}
