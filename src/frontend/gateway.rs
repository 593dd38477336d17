use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::frontend::call_error::CallError;
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
    async fn inputs(&self) -> Result<wire::InputsResponse, CallError>;
    async fn warn(&self, request: wire::WarnRequest) -> Result<(), CallError>;
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
    /// When the answer was there.
    pub answered: Instant,
}

/// How much of the time since `start` passed without a call under way.
pub(super) fn own_time(start: Instant, end: Instant, calls: &[Call]) -> Duration {
    let mut spans: Vec<(Instant, Instant)> = calls
        .iter()
        .filter(|call| call.sent < end)
        .map(|call| (call.sent, call.answered))
        .collect();
    spans.sort_unstable();
    let mut own = Duration::ZERO;
    let mut free_from = start;
    for (sent, answered) in spans {
        own += sent.saturating_duration_since(free_from);
        free_from = free_from.max(answered);
    }
    own + end.saturating_duration_since(free_from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_time_is_what_no_call_takes() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let call = |sent, answered| Call {
            name: "solve",
            sent: at(sent),
            answered: at(answered),
        };
        // Two at once, then one.
        let calls = [call(10, 30), call(20, 25), call(50, 90)];
        let own = |to: u64| own_time(start, at(to), &calls).as_millis();
        assert_eq!(own(100), 10 + 20 + 10);
        assert_eq!(own(10), 10);
        assert_eq!(own(50), 10 + 20);
    }
}
