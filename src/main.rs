//! The program: BuildKit's frontend when BuildKit starts it, a step of a build when a step does, else a
//! command line.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use imagespec::files::step;
use imagespec::frontend::{self, FrontendOptions, Program, Stdio};

/// musl's own allocator takes several times as long as this one.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    // BuildKit sets this for every frontend that it starts.
    if std::env::var_os("BUILDKIT_SESSION_ID").is_none() {
        let mut arguments = std::env::args_os().skip(1);
        if arguments.next().is_some_and(|first| first == step::COMMAND) {
            let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
            return told(step::run(arguments).map_err(Into::into));
        }
        return command_line();
    }
    told(serve())
}

#[cfg(feature = "cli")]
fn command_line() -> ExitCode {
    imagespec::cli::main()
}

/// The frontend's image has no command line.
#[cfg(not(feature = "cli"))]
fn command_line() -> ExitCode {
    let usage = "\
imagespec turns an image spec into a container image. This is its BuildKit frontend, which BuildKit starts.

Put this line first into the spec file:
    # syntax=docker.io/imagespec/imagespec:1
and build:
    docker buildx build -f imageSpec.yaml -t NAME .
";
    // Nobody is left to tell when this fails.
    let _ = std::io::stderr().write_all(usage.as_bytes());
    ExitCode::from(2)
}

fn told(outcome: Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Goes to the log of buildkitd; the user hears of it from there.
            let _ = writeln!(std::io::stderr(), "imagespec: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where BuildKit tells a frontend which image it is in, and where in it this program is.
fn own_program() -> Option<Program> {
    Some(Program {
        definition: std::fs::read("/run/config/buildkit/metadata/frontend.bin").ok()?,
        path: std::env::current_exe().ok()?.into_os_string().into_string().ok()?,
    })
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    // Variables that are no UTF-8 are none of ours.
    let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    let mut options = FrontendOptions::from_environment(environment);
    options.program = own_program();
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
