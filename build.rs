//! Compiles `proto/` with a compiler written in Rust, so that no system `protoc` is needed.

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
    Ok(())
}
