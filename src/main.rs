//! The program: BuildKit's frontend when BuildKit starts it.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use imagespec::frontend::{self, FrontendOptions, Stdio};

const USAGE: &str = "\
imagespec turns an image spec into a container image. It is a BuildKit frontend: BuildKit starts it.

Put this line first into the spec file:
    # syntax=docker.io/imagespec/imagespec:1
and build:
    docker buildx build -f imageSpec.yaml -t NAME .
";

fn main() -> ExitCode {
    // BuildKit sets this for every frontend that it starts.
    if std::env::var_os("BUILDKIT_SESSION_ID").is_none() {
        let asked = std::env::args().nth(1);
        let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
        // Nobody is left to tell when these fail.
        return match asked.as_deref() {
            Some("--help" | "-h" | "help") => {
                let _ = out.write_all(USAGE.as_bytes());
                ExitCode::SUCCESS
            }
            Some("--version" | "-V") => {
                let _ = writeln!(out, "imagespec {}", env!("CARGO_PKG_VERSION"));
                ExitCode::SUCCESS
            }
            _ => {
                let _ = err.write_all(USAGE.as_bytes());
                ExitCode::from(2)
            }
        };
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Goes to the log of buildkitd; the user hears of it from there.
            let _ = writeln!(std::io::stderr(), "imagespec: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    // Variables that are no UTF-8 are none of ours.
    let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    let options = FrontendOptions::from_environment(environment);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let gateway = Arc::new(Stdio::connect().await?);
        frontend::run(gateway, options).await?;
        Ok(())
    });
    // BuildKit treats a closed connection as a crash until this process is gone: no graceful end.
    runtime.shutdown_background();
    outcome
}
