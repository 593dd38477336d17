//! The BuildKit frontend: reads a spec through the gateway, solves its graph, returns the image.
//!
//! BuildKit starts the process, which talks to it on standard input and output; everything above [`Gateway`] also runs
//! against one in memory. Start reading at `requests`: what clients may ask for.

mod accounts;
mod assembly;
mod base_python;
mod context;
mod digests;
mod existing;
mod failed_steps;
mod files;
mod gateway;
mod home;
mod image;
mod inputs;
mod naming;
mod options;
mod owners;
mod positions;
mod repositories;
mod requests;
mod result;
mod secrets;
mod served;
mod session;
mod sibling_lock;
mod solver;
mod status;
mod timings;
mod unseen_variables;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use gateway::{Call, CallError, ConnectError, Gateway, Stdio};
pub use options::{FrontendOptions, Program};

use crate::proto::gateway as wire;
use crate::text::Diagnostic;

/// Answers one request and returns the result or the error to BuildKit.
///
/// # Errors
/// When even the error cannot be returned.
pub async fn run(gateway: Arc<dyn Gateway>, options: FrontendOptions) -> Result<(), CallError> {
    let building = tokio::spawn(requests::answer(Arc::clone(&gateway), options));
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
