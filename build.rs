//! Compiles `proto/` with a compiler written in Rust, so that no system `protoc` is needed, and packs the frontend that
//! the program carries.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(["gateway.proto"], ["proto"])?;
    tonic_prost_build::configure()
        // LLB bytes are hashed: map entries have to come out sorted.
        .btree_map(".")
        // The server half serves the transport's own tests only.
        .server_mod_attribute(".", "#[cfg(test)]")
        .compile_fds(files)?;
    #[cfg(feature = "carried-frontend")]
    carry::pack()?;
    Ok(())
}

/// The layer of the frontend's image: one program, the same bytes for the same program.
#[cfg(feature = "carried-frontend")]
mod carry {
    use std::error::Error;
    use std::fs;
    use std::path::Path;

    use flate2::{Compression, GzBuilder};
    use sha2::{Digest as _, Sha256};

    const PROGRAM: &str = "IMAGESPEC_FRONTEND_PROGRAM";

    pub(crate) fn pack() -> Result<(), Box<dyn Error>> {
        println!("cargo:rerun-if-env-changed={PROGRAM}");
        let program = std::env::var(PROGRAM)
            .map_err(|_| format!("{PROGRAM} must name the frontend's static program: `make cli` does"))?;
        println!("cargo:rerun-if-changed={program}");
        let content = fs::read(&program).map_err(|error| format!("{PROGRAM}={program}: {error}"))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(content.len())?);
        header.set_mode(0o755);
        header.set_mtime(0);
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_data(&mut header, "imagespec", content.as_slice())?;
        let archive = archive.into_inner()?;
        let output = std::env::var("OUT_DIR")?;
        let layer = Path::new(&output).join("frontend.tar.gz");
        let mut compressed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        std::io::Write::write_all(&mut compressed, &archive)?;
        fs::write(&layer, compressed.finish()?)?;
        let digest: String = Sha256::digest(&archive)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        println!("cargo:rustc-env=IMAGESPEC_FRONTEND_LAYER={}", layer.display());
        println!("cargo:rustc-env=IMAGESPEC_FRONTEND_DIFF_ID=sha256:{digest}");
        Ok(())
    }
}
