//! The BuildKit frontend: reads a spec through the gateway, solves its graph, returns the image.
//!
//! This is the only module that knows gRPC. BuildKit starts the process, which talks to it on standard
//! input and output; everything above [`Gateway`] also runs against one in memory.

mod assembly;
mod build;
mod call_error;
mod client;
mod context;
mod existing;
mod files;
mod gateway;
mod image;
mod lock;
mod naming;
mod options;
mod positions;
mod requirements;
mod status;
mod stdio;
mod subrequest;

#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use call_error::CallError;
pub use gateway::{Call, Gateway};
pub use options::{FrontendOptions, Program};
pub use stdio::{ConnectError, Stdio};

use crate::proto::gateway as wire;
use crate::text::Diagnostic;

/// Builds once and hands the result or the error over to BuildKit.
///
/// # Errors
/// When even the error cannot be handed over.
pub async fn run(gateway: Arc<dyn Gateway>, options: FrontendOptions) -> Result<(), CallError> {
    let building = tokio::spawn(build::build(Arc::clone(&gateway), options));
    let outcome = match building.await {
        Ok(outcome) => outcome,
        // A panic must reach the user as an error, or all they see is "no result".
        Err(panic) => Err(Diagnostic::internal("imagespec stopped unexpectedly")
            .because(panic)
            .into()),
    };
    let request = match outcome {
        Ok(result) => wire::ReturnRequest {
            result: Some(result),
            error: None,
        },
        Err(failure) => wire::ReturnRequest {
            result: None,
            error: Some(status::status(&failure)),
        },
    };
    gateway.return_result(request).await
}
