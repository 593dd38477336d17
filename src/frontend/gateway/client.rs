//! The calls in the form that the rest of the frontend uses.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::frontend::gateway::call_error::CallError;
use crate::frontend::gateway::calls::Gateway;
use crate::llb::{Definition, MODE_TEXTS, Output, since};
use crate::proto::gateway as wire;
use crate::proto::moby::buildkit::v1::apicaps::ApiCap;
use crate::proto::pb;
use crate::text::{Diagnostic, Failure, ProblemKind};
use wire::exec_message::Input;

/// Files are read in pieces of this size; a reply may hold 16 MiB.
const PIECE: i64 = 1024 * 1024;

/// A file tree that BuildKit has solved, lazily: its steps may still fail when it is first used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Solved(pub(crate) String);

/// The gateway with what all calls of one build share.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) gateway: Arc<dyn Gateway>,
    frontend: Arc<BTreeMap<String, ApiCap>>,
    llb: Arc<BTreeMap<String, ApiCap>>,
    cache_imports: Vec<wire::CacheOptionsEntry>,
}

impl Client {
    pub(crate) async fn new(
        gateway: Arc<dyn Gateway>,
        cache_imports: Vec<wire::CacheOptionsEntry>,
    ) -> Result<Self, Failure> {
        let pong = gateway.ping().await?;
        let by_id = |caps: Vec<ApiCap>| {
            Arc::new(
                caps.into_iter()
                    .map(|cap| (cap.id.clone(), cap))
                    .collect::<BTreeMap<_, _>>(),
            )
        };
        let client = Self {
            gateway,
            frontend: by_id(pong.frontend_api_caps),
            llb: by_id(pong.llb_caps),
            cache_imports,
        };
        if !client.can("file.base") {
            return Err(client.too_old("file.base"));
        }
        Ok(client)
    }

    /// Whether an LLB capability is listed and enabled: engines also list what they cannot do.
    pub(crate) fn can(&self, capability: &str) -> bool {
        self.llb.get(capability).is_some_and(|cap| cap.enabled)
    }

    /// Whether copies can set modes.
    pub(crate) fn sets_modes(&self) -> bool {
        MODE_TEXTS.iter().any(|capability| self.can(capability))
    }

    /// Whether a gateway capability is listed and enabled.
    pub(crate) fn gateway_can(&self, capability: &str) -> bool {
        self.frontend.get(capability).is_some_and(|cap| cap.enabled)
    }

    /// Whether caches of other builders are imported.
    pub(crate) fn has_cache_imports(&self) -> bool {
        !self.cache_imports.is_empty()
    }

    fn too_old(&self, capability: &str) -> Failure {
        let has = since(capability).map_or(String::new(), |version| format!("; BuildKit has it since {version}"));
        let reason = match self.llb.get(capability) {
            Some(cap) if !cap.disabled_reason_msg.is_empty() => format!(" ({})", cap.disabled_reason_msg),
            _ => String::new(),
        };
        let message = format!("this engine lacks the capability `{capability}`{reason}, which the image needs{has}");
        Diagnostic::error("engine-capability", message)
            .help("update Docker or BuildKit, or use another builder (docker buildx create --use)")
            .kind(ProblemKind::Unsupported)
            .into()
    }

    /// Solves a graph. `None` is an empty tree.
    pub(crate) async fn solve(&self, output: Option<&Output>) -> Result<Solved, Failure> {
        let definition = Definition::new(output);
        // Report a missing capability before an old server fails on it with an error of its own.
        if let Some(missing) = definition.capabilities().into_iter().find(|cap| !self.can(cap)) {
            return Err(self.too_old(missing));
        }
        let response = self
            .gateway
            .solve(wire::SolveRequest {
                definition: output.is_some().then_some(definition.0),
                allow_result_return: true,
                allow_result_array_ref: true,
                cache_imports: self.cache_imports.clone(),
                ..wire::SolveRequest::default()
            })
            .await?;
        let id = match response.result.and_then(|result| result.result) {
            Some(wire::result::Result::Ref(reference)) => reference.id,
            Some(wire::result::Result::RefDeprecated(id)) => id,
            _ => response.r#ref,
        };
        Ok(Solved(id))
    }

    /// Waits until a tree is built; older servers build it when it is read.
    pub(crate) async fn evaluate(&self, tree: &Solved) -> Result<(), CallError> {
        if self.gateway_can("gateway.evaluate") {
            let r#ref = tree.0.clone();
            self.gateway.evaluate(wire::EvaluateRequest { r#ref }).await
        } else {
            self.stat(tree, ".").await.map(drop)
        }
    }

    /// What is in a directory; paths are names.
    pub(crate) async fn entries(
        &self,
        tree: &Solved,
        path: &str,
    ) -> Result<Vec<crate::proto::fsutil::types::Stat>, CallError> {
        let request = wire::ReadDirRequest {
            r#ref: tree.0.clone(),
            dir_path: format!("/{path}"),
            ..wire::ReadDirRequest::default()
        };
        Ok(self.gateway.read_dir(request).await?.entries)
    }

    /// Reads a file of at most `limit` bytes; `None` when it is larger.
    pub(crate) async fn read(&self, tree: &Solved, path: &str, limit: usize) -> Result<Option<Vec<u8>>, CallError> {
        let mut content: Vec<u8> = Vec::new();
        loop {
            let offset = i64::try_from(content.len()).unwrap_or(i64::MAX);
            let piece = self
                .gateway
                .read_file(wire::ReadFileRequest {
                    r#ref: tree.0.clone(),
                    file_path: path.to_owned(),
                    range: Some(wire::FileRange { offset, length: PIECE }),
                    mount_index: 0,
                })
                .await?
                .data;
            let last = i64::try_from(piece.len()).unwrap_or(i64::MAX) < PIECE;
            content.extend(piece);
            if content.len() > limit {
                return Ok(None);
            }
            if last {
                return Ok(Some(content));
            }
        }
    }

    /// A file of the tree that a failed step had; `None` where there is none, or the engine does not show it.
    pub(crate) async fn read_failed(&self, step: &CallError, path: &str) -> Option<String> {
        let mounts = step.mounts();
        let (_, root) = mounts
            .iter()
            .find(|(target, files)| target == "/" && !files.is_empty())?;
        if !self.gateway_can("gateway.exec") {
            return None;
        }
        // The engine names a directory by it, in letters and digits: no other build may have the same at this moment.
        let container_id = root.replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let container = wire::NewContainerRequest {
            container_id: container_id.clone(),
            mounts: vec![pb::Mount {
                dest: "/".into(),
                result_id: root.clone(),
                ..pb::Mount::default()
            }],
        };
        self.gateway.new_container(container).await.ok()?;
        let words = "while IFS= read -r line; do printf '%s\\n' \"$line\"; done < \"$0\"";
        let start = wire::InitMessage {
            container_id: container_id.clone(),
            meta: Some(pb::Meta {
                args: ["/bin/sh", "-c", words, path].map(str::to_owned).into(),
                cwd: "/".into(),
                ..pb::Meta::default()
            }),
            fds: vec![1, 2],
        };
        let said = self
            .gateway
            .exec_process(wire::ExecMessage {
                process_id: "read".into(),
                input: Some(Input::Init(start)),
            })
            .await;
        let released = wire::ReleaseContainerRequest { container_id };
        let _ = self.gateway.release_container(released).await;
        let mut content = Vec::new();
        for message in said.ok()? {
            if let Some(Input::File(file)) = message.input
                && file.fd == 1
            {
                content.extend(file.data);
            }
        }
        String::from_utf8(content).ok().filter(|text| !text.is_empty())
    }

    /// The first bytes of a file, enough to recognise its kind.
    pub(crate) async fn read_head(&self, tree: &Solved, path: &str) -> Result<Vec<u8>, CallError> {
        let request = wire::ReadFileRequest {
            r#ref: tree.0.clone(),
            file_path: path.to_owned(),
            range: Some(wire::FileRange {
                offset: 0,
                length: 1024,
            }),
            mount_index: 0,
        };
        Ok(self.gateway.read_file(request).await?.data)
    }

    /// What is at a path; `None` if nothing is.
    pub(crate) async fn stat(
        &self,
        tree: &Solved,
        path: &str,
    ) -> Result<Option<crate::proto::fsutil::types::Stat>, CallError> {
        let request = wire::StatFileRequest {
            r#ref: tree.0.clone(),
            path: path.to_owned(),
            mount_index: 0,
        };
        match self.gateway.stat_file(request).await {
            Ok(response) => Ok(response.stat),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
