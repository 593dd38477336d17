//! BuildKit in memory: serves files and images, and records what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use prost::Message as _;

use crate::files::{Context, Patterns, Request, compute, step};
use crate::frontend::gateway::call_error::{CallError, UNKNOWN};
use crate::frontend::gateway::calls::Gateway;
use crate::llb::digest_of;
use crate::proto::fsutil::types::Stat;
use crate::proto::moby::buildkit::v1::apicaps::ApiCap;
use crate::proto::{gateway as wire, pb};

/// Capabilities of a current engine.
const LLB: [&str; 35] = [
    "constraints",
    "diffop",
    "exec.meta.base",
    "exec.meta.network",
    "exec.meta.proxyenv",
    "exec.mount.bind",
    "exec.mount.cache",
    "exec.mount.cache.sharing",
    "exec.mount.secret",
    "exec.mount.selector",
    "exec.mount.ssh",
    "exec.mount.tmpfs",
    "exec.secretenv",
    "file.base",
    "file.copy.includeexcludepatterns",
    "gc.freespacefilter",
    "mergeop",
    "meta.description",
    "meta.ignorecache",
    "platform",
    "source.git",
    "source.git.fullurl",
    "source.git.httpauth",
    "source.http",
    "source.image",
    "source.image.resolvemode",
    "source.local",
    "source.local.excludepatterns",
    "source.local.followpaths",
    "source.local.sessionid",
    "source.local.sharedkeyhint",
    "source.ocilayout",
    "source.git.subdir",
    "file.rm.wildcard",
    "exec.meta.security",
];
const FRONTEND: [&str; 5] = [
    "frontend.inputs",
    "gateway.evaluate",
    "gateway.exec",
    "gateway.warnings",
    "source.metaresolver",
];

/// The first words of the names of the steps that find out what is installed.
const LOCK_STEP: &str = "[lock] ";
const SHARED_FILES_STEP: &str = "[packages] look for files that";

/// A gateway that records what was asked, and the files and images it serves.
#[derive(Default)]
pub(crate) struct Memory {
    /// Files by the client's name of the directory, then by path.
    pub(crate) files: BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>,
    /// Capabilities that are listed but disabled.
    pub(crate) disabled: Vec<&'static str>,
    /// Capabilities that are not listed.
    pub(crate) absent: Vec<&'static str>,
    /// The error that solves of graphs with an exec return instead of a result.
    pub(crate) failing: Option<CallError>,
    /// The error that evaluations return.
    pub(crate) unevaluated: Option<CallError>,
    /// The files that failed steps left, by the id of their root and by path.
    pub(crate) left: BTreeMap<(&'static str, &'static str), &'static str>,
    /// The roots of containers, by their ids.
    pub(crate) containers: Mutex<BTreeMap<String, Vec<String>>>,
    /// The error that lookups of images with this prefix return instead of an image.
    pub(crate) images: BTreeMap<&'static str, CallError>,
    /// The configuration of all images, instead of the usual one.
    pub(crate) config: Option<Vec<u8>>,
    /// What lock steps leave; by default a lock without packages.
    pub(crate) lock: Option<String>,
    /// Lock steps find that something has to be built, unless they see all of the environment.
    pub(crate) must_build: bool,
    /// What is reported of what packages need; by default nothing is installed.
    pub(crate) needs: Option<String>,
    /// Panics when asked to.
    pub(crate) panics: bool,
    pub(crate) solved: Mutex<Vec<wire::SolveRequest>>,
    pub(crate) resolved: Mutex<Vec<String>>,
    pub(crate) warned: Mutex<Vec<wire::WarnRequest>>,
    pub(crate) returned: Mutex<Option<wire::ReturnRequest>>,
}

impl Memory {
    pub(crate) fn with_spec(spec: &str) -> Self {
        let mut memory = Self::default();
        memory.file("dockerfile", "imageSpec.yaml", spec);
        memory.files.entry("context").or_default();
        memory
    }

    pub(crate) fn file(&mut self, local: &'static str, path: &str, content: impl AsRef<[u8]>) {
        let files = self.files.entry(local).or_default();
        files.insert(path.to_owned(), content.as_ref().to_vec());
    }

    /// The steps of all graphs whose names begin so, in the order in which they were solved.
    pub(crate) fn execs(&self, name: &str) -> Vec<pb::ExecOp> {
        let mut found = Vec::new();
        for request in self.solved.lock().unwrap().iter() {
            let definition = request.definition.clone().unwrap_or_default();
            for bytes in &definition.def {
                let metadata = definition.metadata.get(&digest_of(bytes)).cloned().unwrap_or_default();
                let custom = metadata.description.get("llb.customname").cloned().unwrap_or_default();
                if let Some(pb::op::Op::Exec(exec)) = pb::Op::decode(bytes.as_slice()).unwrap().op
                    && custom.starts_with(name)
                {
                    found.push(exec);
                }
            }
        }
        found
    }

    /// The files of the tree that an earlier solve returned.
    fn tree(&self, reference: &str) -> BTreeMap<String, Vec<u8>> {
        let solved = self.solved.lock().unwrap();
        let definition = solved[reference.parse::<usize>().unwrap()].definition.clone().unwrap();
        let bytes = &definition.def[definition.def.len() - 2];
        let op = pb::Op::decode(bytes.as_slice()).unwrap();
        let metadata = definition.metadata.get(&digest_of(bytes)).cloned().unwrap_or_default();
        let name = metadata.description.get("llb.customname").cloned().unwrap_or_default();
        match op.op {
            Some(pb::op::Op::Source(source)) => {
                let name = source.identifier.strip_prefix("local://").unwrap_or_default();
                self.files.get(name).cloned().unwrap_or_default()
            }
            Some(pb::op::Op::Exec(exec)) => {
                let meta = exec.meta.unwrap_or_default();
                let sees_all = meta.env.iter().any(|variable| variable.contains("\n_sees_all=yes\n"));
                if name.contains(LOCK_STEP) && self.must_build && !sees_all {
                    return BTreeMap::new();
                }
                if name.contains(LOCK_STEP) {
                    let report = r#"{"markers": {"implementation_name": "cpython", "implementation_version": "3.12.4",
                        "python_full_version": "3.12.4", "python_version": "3.12", "platform_machine": "x86_64",
                        "sys_platform": "linux", "os_name": "posix"}, "free_threaded": false, "libc": ["glibc", 2, 36]}"#;
                    let lock = self.lock.as_deref().unwrap_or("lock-version = \"1.0\"\n");
                    let files = [
                        ("usr/share/imagespec/interpreter.json", report),
                        ("usr/share/imagespec/pylock.toml", lock),
                    ];
                    return files
                        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
                        .into();
                }
                if name.contains(SHARED_FILES_STEP) {
                    let needs = self.needs.as_deref().unwrap_or(r#"{"installed": [], "there": {}}"#);
                    let files = [("usr/share/imagespec/shared-files.json", "[]"), ("needs.json", needs)];
                    return files
                        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
                        .into();
                }
                self.step(meta.args)
            }
            _ => BTreeMap::new(),
        }
    }

    /// What a step leaves: digests are computed as the program does.
    fn step(&self, args: Vec<String>) -> BTreeMap<String, Vec<u8>> {
        let mut args = args.into_iter().skip(1);
        if args.next().as_deref() != Some(step::COMMAND) {
            return BTreeMap::new();
        }
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in self.files.get("context").into_iter().flatten() {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let request: Request = serde_json::from_str(&args.collect::<String>()).unwrap();
        let context = Context::new(directory.path(), Patterns::default());
        let answer = compute(&request, &context, &|_| None);
        BTreeMap::from([(step::ANSWER.to_owned(), serde_json::to_vec(&answer).unwrap())])
    }

    fn caps(&self, ids: &[&str]) -> Vec<ApiCap> {
        ids.iter()
            .filter(|id| !self.absent.contains(id))
            .map(|id| ApiCap {
                id: (*id).to_owned(),
                enabled: !self.disabled.contains(id),
                disabled_reason_msg: if self.disabled.contains(id) {
                    "not with this store".into()
                } else {
                    String::new()
                },
                ..ApiCap::default()
            })
            .collect()
    }

    fn config(&self) -> Vec<u8> {
        if let Some(config) = &self.config {
            return config.clone();
        }
        br#"{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/bin:/bin"],"Cmd":["bash"]},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#.to_vec()
    }
}

fn missing(path: &str) -> CallError {
    CallError::new(UNKNOWN, format!("open {path}: no such file or directory"), Vec::new())
}

#[async_trait]
impl Gateway for Memory {
    async fn ping(&self) -> Result<wire::PongResponse, CallError> {
        assert!(!self.panics, "the gateway panics");
        Ok(wire::PongResponse {
            frontend_api_caps: self.caps(&FRONTEND),
            llb_caps: self.caps(&LLB),
            workers: Vec::new(),
        })
    }

    async fn solve(&self, request: wire::SolveRequest) -> Result<wire::SolveResponse, CallError> {
        let ops = request.definition.clone().unwrap_or_default().def;
        let runs = ops
            .iter()
            .any(|bytes| matches!(pb::Op::decode(bytes.as_slice()).unwrap().op, Some(pb::op::Op::Exec(_))));
        if let (true, Some(failure)) = (runs, &self.failing) {
            return Err(failure.clone());
        }
        let mut solved = self.solved.lock().unwrap();
        solved.push(request);
        Ok(wire::SolveResponse {
            r#ref: String::new(),
            result: Some(wire::Result {
                result: Some(wire::result::Result::Ref(wire::Ref {
                    id: (solved.len() - 1).to_string(),
                    def: None,
                })),
                ..wire::Result::default()
            }),
        })
    }

    async fn read_file(&self, request: wire::ReadFileRequest) -> Result<wire::ReadFileResponse, CallError> {
        let tree = self.tree(&request.r#ref);
        let content = tree
            .get(&request.file_path)
            .ok_or_else(|| missing(&request.file_path))?;
        let range = request.range.unwrap_or_default();
        let from = usize::try_from(range.offset).unwrap().min(content.len());
        let to = (from + usize::try_from(range.length).unwrap()).min(content.len());
        Ok(wire::ReadFileResponse {
            data: content[from..to].to_vec(),
        })
    }

    async fn read_dir(&self, request: wire::ReadDirRequest) -> Result<wire::ReadDirResponse, CallError> {
        let tree = self.tree(&request.r#ref);
        let directory = format!("{}/", request.dir_path.trim_matches('/'));
        let inside = tree.keys().filter_map(|path| match directory.as_str() {
            "/" => Some(path.as_str()),
            directory => path.strip_prefix(directory),
        });
        let names: BTreeSet<&str> = inside.filter_map(|path| path.split('/').next()).collect();
        let stat = |name: &str| Stat {
            path: name.to_owned(),
            ..Stat::default()
        };
        Ok(wire::ReadDirResponse {
            entries: names.into_iter().map(stat).collect(),
        })
    }

    async fn stat_file(&self, request: wire::StatFileRequest) -> Result<wire::StatFileResponse, CallError> {
        let tree = self.tree(&request.r#ref);
        let directory = format!("{}/", request.path);
        let mode = if tree.contains_key(&request.path) {
            0o644
        } else if tree.keys().any(|path| path.starts_with(&directory)) {
            (1 << 31) | 0o755
        } else {
            return Err(missing(&request.path));
        };
        Ok(wire::StatFileResponse {
            stat: Some(Stat {
                mode,
                ..Stat::default()
            }),
        })
    }

    async fn evaluate(&self, request: wire::EvaluateRequest) -> Result<(), CallError> {
        if let Some(failure) = &self.unevaluated {
            return Err(failure.clone());
        }
        let solved = self.solved.lock().unwrap();
        let definition = solved[request.r#ref.parse::<usize>().unwrap()].definition.clone();
        let ops = definition.unwrap_or_default().def;
        for op in ops.iter().map(|bytes| pb::Op::decode(bytes.as_slice()).unwrap()) {
            if let Some(pb::op::Op::Source(source)) = op.op
                && let Some(name) = source.identifier.strip_prefix("docker-image://")
                && let Some((_, error)) = self.images.iter().find(|(start, _)| name.starts_with(*start))
            {
                return Err(error.clone());
            }
        }
        Ok(())
    }

    async fn resolve_source_meta(
        &self,
        request: wire::ResolveSourceMetaRequest,
    ) -> Result<wire::ResolveSourceMetaResponse, CallError> {
        let source = request.source.unwrap_or_default();
        let name = source.identifier.trim_start_matches("docker-image://");
        if let Some((_, error)) = self.images.iter().find(|(start, _)| name.starts_with(*start)) {
            return Err(error.clone());
        }
        self.resolved
            .lock()
            .unwrap()
            .push(format!("{} {}", source.identifier, request.resolve_mode));
        Ok(wire::ResolveSourceMetaResponse {
            source: Some(source),
            image: Some(wire::ResolveSourceImageResponse {
                digest: format!("sha256:{}", "d".repeat(64)),
                config: self.config(),
                attestation_chain: None,
            }),
            ..wire::ResolveSourceMetaResponse::default()
        })
    }

    async fn resolve_image_config(
        &self,
        request: wire::ResolveImageConfigRequest,
    ) -> Result<wire::ResolveImageConfigResponse, CallError> {
        self.resolved.lock().unwrap().push(format!("old {}", request.r#ref));
        Ok(wire::ResolveImageConfigResponse {
            digest: format!("sha256:{}", "d".repeat(64)),
            config: self.config(),
            r#ref: String::new(),
        })
    }

    async fn warn(&self, request: wire::WarnRequest) -> Result<(), CallError> {
        self.warned.lock().unwrap().push(request);
        Ok(())
    }

    async fn new_container(&self, request: wire::NewContainerRequest) -> Result<(), CallError> {
        let roots = request.mounts.iter().map(|mount| mount.result_id.clone());
        self.containers
            .lock()
            .unwrap()
            .insert(request.container_id, roots.collect());
        Ok(())
    }

    async fn release_container(&self, request: wire::ReleaseContainerRequest) -> Result<(), CallError> {
        self.containers.lock().unwrap().remove(&request.container_id).unwrap();
        Ok(())
    }

    async fn exec_process(&self, start: wire::ExecMessage) -> Result<Vec<wire::ExecMessage>, CallError> {
        use wire::exec_message::Input;
        let Some(Input::Init(init)) = start.input else {
            return Err(missing("process"));
        };
        let roots = self.containers.lock().unwrap()[&init.container_id].clone();
        let path = init.meta.unwrap().args.pop().unwrap();
        let content = self.left.get(&(roots[0].as_str(), path.as_str()));
        let file = wire::FdMessage {
            fd: 1,
            eof: true,
            data: content.ok_or_else(|| missing(&path))?.as_bytes().to_vec(),
        };
        let inputs = [Input::File(file), Input::Done(wire::DoneMessage {})];
        let message = |input| wire::ExecMessage {
            process_id: start.process_id.clone(),
            input: Some(input),
        };
        Ok(inputs.map(message).into())
    }

    async fn return_result(&self, request: wire::ReturnRequest) -> Result<(), CallError> {
        let before = self.returned.lock().unwrap().replace(request);
        assert!(before.is_none(), "a result is returned once");
        Ok(())
    }
}
