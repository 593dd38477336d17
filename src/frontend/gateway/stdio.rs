//! The gateway over the pipes that BuildKit starts frontends with.

use std::io;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use hyper_util::rt::TokioIo;
use tokio::net::unix::pipe;
use tonic::codegen::tokio_stream::{self, StreamExt as _};
use tonic::transport::{Channel, Endpoint};

use crate::frontend::gateway::call_error::CallError;
use crate::frontend::gateway::calls::{Call, Gateway};
use crate::proto::gateway as wire;
use wire::llb_bridge_client::LlbBridgeClient;

/// The largest message that either side takes.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// Errors of failed calls come in trailers, with whole files in them.
const MAX_HEADERS: u32 = 16 * 1024 * 1024;

/// BuildKit at the other end of standard input and output.
#[derive(Debug)]
pub struct Stdio {
    client: LlbBridgeClient<Channel>,
    calls: Mutex<Vec<Call>>,
}

/// Why there is no gateway on standard input and output.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// They are not pipes.
    #[error("standard input and output are not BuildKit's pipes")]
    NotPipes(#[source] io::Error),
    /// The protocol could not be started.
    #[error("BuildKit does not answer on standard input and output")]
    Transport(#[source] tonic::transport::Error),
}

impl Stdio {
    /// Takes standard input and output as the connection. Nothing else may use them.
    ///
    /// # Errors
    /// When they are not pipes or nothing answers in HTTP/2.
    pub async fn connect() -> Result<Self, ConnectError> {
        let pipes = || -> io::Result<_> {
            let input = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
            let output = pipe::Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
            Ok(tokio::io::join(input, output))
        };
        Self::over(pipes().map_err(ConnectError::NotPipes)?).await
    }

    /// Uses any stream of bytes as the connection.
    pub(crate) async fn over<T>(stream: T) -> Result<Self, ConnectError>
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let mut stream = Some(TokioIo::new(stream));
        let connector = tower::service_fn(move |_: tonic::transport::Uri| {
            let stream = stream.take();
            async move { stream.ok_or_else(|| io::Error::other("the connection to BuildKit is closed")) }
        });
        let channel = Endpoint::from_static("http://buildkit")
            .http2_max_header_list_size(MAX_HEADERS)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(1 << 20)
            .connect_with_connector(connector)
            .await
            .map_err(ConnectError::Transport)?;
        Ok(Self {
            client: LlbBridgeClient::new(channel)
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE),
            calls: Mutex::new(Vec::new()),
        })
    }

    fn record(&self, name: &'static str, sent: Instant) {
        if let Ok(mut calls) = self.calls.lock() {
            calls.push(Call {
                name,
                sent,
                answered: Instant::now(),
            });
        }
    }
}

/// Makes a call and records its time.
macro_rules! call {
    ($self:ident . $method:ident ( $request:expr )) => {{
        let sent = Instant::now();
        let answer = $self.client.clone().$method($request).await;
        $self.record(stringify!($method), sent);
        Ok(answer?.into_inner())
    }};
}

#[async_trait]
impl Gateway for Stdio {
    async fn ping(&self) -> Result<wire::PongResponse, CallError> {
        call!(self.ping(wire::PingRequest {}))
    }

    async fn solve(&self, request: wire::SolveRequest) -> Result<wire::SolveResponse, CallError> {
        call!(self.solve(request))
    }

    async fn read_file(&self, request: wire::ReadFileRequest) -> Result<wire::ReadFileResponse, CallError> {
        call!(self.read_file(request))
    }

    async fn read_dir(&self, request: wire::ReadDirRequest) -> Result<wire::ReadDirResponse, CallError> {
        call!(self.read_dir(request))
    }

    async fn stat_file(&self, request: wire::StatFileRequest) -> Result<wire::StatFileResponse, CallError> {
        call!(self.stat_file(request))
    }

    async fn evaluate(&self, request: wire::EvaluateRequest) -> Result<(), CallError> {
        let answer: Result<wire::EvaluateResponse, CallError> = call!(self.evaluate(request));
        answer.map(|_| ())
    }

    async fn resolve_source_meta(
        &self,
        request: wire::ResolveSourceMetaRequest,
    ) -> Result<wire::ResolveSourceMetaResponse, CallError> {
        call!(self.resolve_source_meta(request))
    }

    async fn resolve_image_config(
        &self,
        request: wire::ResolveImageConfigRequest,
    ) -> Result<wire::ResolveImageConfigResponse, CallError> {
        call!(self.resolve_image_config(request))
    }

    async fn warn(&self, request: wire::WarnRequest) -> Result<(), CallError> {
        let answer: Result<wire::WarnResponse, CallError> = call!(self.warn(request));
        answer.map(|_| ())
    }

    async fn new_container(&self, request: wire::NewContainerRequest) -> Result<(), CallError> {
        let answer: Result<wire::NewContainerResponse, CallError> = call!(self.new_container(request));
        answer.map(|_| ())
    }

    async fn release_container(&self, request: wire::ReleaseContainerRequest) -> Result<(), CallError> {
        let answer: Result<wire::ReleaseContainerResponse, CallError> = call!(self.release_container(request));
        answer.map(|_| ())
    }

    async fn exec_process(&self, start: wire::ExecMessage) -> Result<Vec<wire::ExecMessage>, CallError> {
        let sent = Instant::now();
        // Whoever stops sending ends the process.
        let messages = tokio_stream::once(start).chain(tokio_stream::pending());
        let mut answers = self.client.clone().exec_process(messages).await?.into_inner();
        let mut said = Vec::new();
        while let Some(message) = answers.message().await? {
            let is_last = matches!(message.input, Some(wire::exec_message::Input::Done(_)));
            said.push(message);
            if is_last {
                break;
            }
        }
        self.record("exec_process", sent);
        Ok(said)
    }

    async fn return_result(&self, request: wire::ReturnRequest) -> Result<(), CallError> {
        // tonic escapes `return`, a keyword.
        let answer: Result<wire::ReturnResponse, CallError> = call!(self.r#return(request));
        answer.map(|_| ())
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().map(|calls| calls.clone()).unwrap_or_default()
    }
}
