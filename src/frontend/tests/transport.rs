//! The same over real gRPC.

use std::sync::Arc;

use tonic::{Request, Response, Status as GrpcStatus};

use super::*;
use crate::frontend::gateway::{Gateway, Stdio};
use wire::llb_bridge_server::{LlbBridge, LlbBridgeServer};

struct Server(Arc<Memory>);

fn status(error: CallError) -> GrpcStatus {
    let inner = Status {
        code: error.code,
        message: error.message.clone(),
        details: error.details,
    };
    GrpcStatus::with_details(error.code.into(), error.message, inner.encode_to_vec().into())
}

macro_rules! serve {
    ($($method:ident($request:ty) -> $response:ty = $call:expr;)*) => {
        #[tonic::async_trait]
        impl LlbBridge for Server {
            type ExecProcessStream = tokio_stream::Iter<std::vec::IntoIter<Result<wire::ExecMessage, GrpcStatus>>>;

            async fn exec_process(
                &self,
                request: Request<tonic::Streaming<wire::ExecMessage>>,
            ) -> Result<Response<Self::ExecProcessStream>, GrpcStatus> {
                let start = request.into_inner().message().await?.unwrap_or_default();
                let said = self.0.exec_process(start).await.map_err(status)?;
                Ok(Response::new(tokio_stream::iter(said.into_iter().map(Ok).collect::<Vec<_>>())))
            }

            $(async fn $method(&self, request: Request<$request>) -> Result<Response<$response>, GrpcStatus> {
                let call: fn(Arc<Memory>, $request) -> _ = $call;
                call(Arc::clone(&self.0), request.into_inner()).await.map(Response::new).map_err(status)
            })*
        }
    };
}

type Answer<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

serve! {
    ping(wire::PingRequest) -> wire::PongResponse = |m, _| -> Answer<_> { Box::pin(async move { m.ping().await }) };
    solve(wire::SolveRequest) -> wire::SolveResponse = |m, r| -> Answer<_> { Box::pin(async move { m.solve(r).await }) };
    read_file(wire::ReadFileRequest) -> wire::ReadFileResponse = |m, r| -> Answer<_> { Box::pin(async move { m.read_file(r).await }) };
    read_dir(wire::ReadDirRequest) -> wire::ReadDirResponse = |m, r| -> Answer<_> { Box::pin(async move { m.read_dir(r).await }) };
    stat_file(wire::StatFileRequest) -> wire::StatFileResponse = |m, r| -> Answer<_> { Box::pin(async move { m.stat_file(r).await }) };
    evaluate(wire::EvaluateRequest) -> wire::EvaluateResponse = |_, _| -> Answer<_> { Box::pin(async move { Ok(wire::EvaluateResponse {}) }) };
    resolve_source_meta(wire::ResolveSourceMetaRequest) -> wire::ResolveSourceMetaResponse = |m, r| -> Answer<_> { Box::pin(async move { m.resolve_source_meta(r).await }) };
    resolve_image_config(wire::ResolveImageConfigRequest) -> wire::ResolveImageConfigResponse = |m, r| -> Answer<_> { Box::pin(async move { m.resolve_image_config(r).await }) };
    inputs(wire::InputsRequest) -> wire::InputsResponse = |_, _| -> Answer<_> { Box::pin(async { unreachable!("nobody asks for inputs") }) };
    new_container(wire::NewContainerRequest) -> wire::NewContainerResponse = |m, r| -> Answer<_> { Box::pin(async move { m.new_container(r).await.map(|()| wire::NewContainerResponse {}) }) };
    release_container(wire::ReleaseContainerRequest) -> wire::ReleaseContainerResponse = |m, r| -> Answer<_> { Box::pin(async move { m.release_container(r).await.map(|()| wire::ReleaseContainerResponse {}) }) };
    warn(wire::WarnRequest) -> wire::WarnResponse = |m, r| -> Answer<_> { Box::pin(async move { m.warn(r).await.map(|()| wire::WarnResponse {}) }) };
    r#return(wire::ReturnRequest) -> wire::ReturnResponse = |m, r| -> Answer<_> { Box::pin(async move { m.return_result(r).await.map(|()| wire::ReturnResponse {}) }) };
}

fn over_grpc(memory: Memory) -> Arc<Memory> {
    let memory = Arc::new(memory);
    let served = Arc::clone(&memory);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            let service = LlbBridgeServer::new(Server(served)).max_decoding_message_size(16 << 20);
            let incoming = tokio_stream::once(Ok::<_, std::io::Error>(theirs));
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming)
                .await
        });
        let gateway = Arc::new(Stdio::over(ours).await.unwrap());
        let options =
            FrontendOptions::from_environment([("BUILDKIT_FRONTEND_OPT_0".into(), "filename=imageSpec.yaml".into())]);
        run(Arc::clone(&gateway) as Arc<_>, options).await.unwrap();
        assert!(gateway.calls().iter().any(|call| call.name == "ping"));
    });
    memory
}

#[test]
fn a_build_works_over_grpc() {
    result(&over_grpc(with_data(SPEC)));
}

#[test]
fn errors_with_whole_files_in_their_trailers_arrive() {
    let mut memory = with_data(SPEC);
    let detail = prost_types::Any {
        type_url: "github.com/moby/buildkit/errdefs.Source+json".into(),
        value: vec![b'x'; 1_500_000],
    };
    memory.failing = Some(CallError::new(2, "failed", vec![detail.clone()]));
    let error = error(&over_grpc(memory));
    assert_eq!(error.message, "failed");
    assert_eq!(error.details, [detail]);
}

#[test]
fn a_requirements_file_of_several_megabytes_is_read_in_pieces() {
    let mut memory = with_data("profile: plain\nrequirements: big.txt\n");
    memory.file("context", "big.txt", "# a comment\n".repeat(400_000));
    result(&over_grpc(memory));
}
