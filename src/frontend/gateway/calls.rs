//! The calls as they are on the wire.

use std::time::Instant;

use async_trait::async_trait;

use crate::frontend::gateway::call_error::CallError;
use crate::proto::gateway as wire;

/// The calls that a frontend makes of BuildKit, as they are on the wire.
#[async_trait]
#[allow(missing_docs, reason = "the calls are documented in proto/gateway.proto")]
pub trait Gateway: Send + Sync {
    async fn ping(&self) -> Result<wire::PongResponse, CallError>;
    async fn solve(&self, request: wire::SolveRequest) -> Result<wire::SolveResponse, CallError>;
    async fn read_file(&self, request: wire::ReadFileRequest) -> Result<wire::ReadFileResponse, CallError>;
    async fn read_dir(&self, request: wire::ReadDirRequest) -> Result<wire::ReadDirResponse, CallError>;
    async fn stat_file(&self, request: wire::StatFileRequest) -> Result<wire::StatFileResponse, CallError>;
    async fn evaluate(&self, request: wire::EvaluateRequest) -> Result<(), CallError>;
    async fn resolve_source_meta(
        &self,
        request: wire::ResolveSourceMetaRequest,
    ) -> Result<wire::ResolveSourceMetaResponse, CallError>;
    async fn resolve_image_config(
        &self,
        request: wire::ResolveImageConfigRequest,
    ) -> Result<wire::ResolveImageConfigResponse, CallError>;
    async fn warn(&self, request: wire::WarnRequest) -> Result<(), CallError>;
    async fn new_container(&self, request: wire::NewContainerRequest) -> Result<(), CallError>;
    async fn release_container(&self, request: wire::ReleaseContainerRequest) -> Result<(), CallError>;
    /// Starts a process, and waits for all that it says.
    async fn exec_process(&self, start: wire::ExecMessage) -> Result<Vec<wire::ExecMessage>, CallError>;
    async fn return_result(&self, request: wire::ReturnRequest) -> Result<(), CallError>;

    /// The calls made so far.
    fn calls(&self) -> Vec<Call> {
        Vec::new()
    }
}

/// When a call was made and answered.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The call's name.
    pub name: &'static str,
    /// When it was sent.
    pub sent: Instant,
    /// When the answer arrived.
    pub answered: Instant,
}
