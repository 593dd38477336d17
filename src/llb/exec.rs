//! Steps that run a process on a file tree, with other things mounted.

use crate::llb::capability::Capability;
use crate::llb::metadata::Metadata;
use crate::llb::vertex::{Inputs, Output, Vertex};
use crate::oci::Platform;
use crate::proto::pb;

/// Whether several steps may use a cache mount at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// They may.
    Shared,
    /// The second waits for the first.
    Locked,
}

/// The network of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// The engine's build network.
    #[default]
    Sandbox,
    /// The engine's host network; needs an entitlement.
    Host,
    /// No network.
    None,
}

/// Something mounted into a step, besides its root.
#[derive(Debug, Clone)]
pub(crate) enum Mount {
    /// A file tree, or the part of it that `selector` names.
    Bind {
        target: String,
        /// `None` for an empty directory.
        source: Option<Output>,
        /// A path in the source; empty for all of it.
        selector: String,
        readonly: bool,
        /// Whether changes are thrown away instead of becoming an output.
        discard: bool,
        /// Whether a read-only mount counts in cache keys by its content, which has to be read for that.
        by_content: bool,
    },
    /// A directory that survives builds and never reaches an image.
    Cache {
        target: String,
        /// The name of the cache on the engine.
        id: String,
        sharing: Sharing,
        /// The initial content.
        source: Option<Output>,
        /// A path in the source.
        selector: String,
    },
    /// A directory in memory.
    Tmpfs {
        target: String,
        /// In bytes; 0 for the engine's default.
        size: i64,
    },
    /// A secret as a file that root alone can read.
    Secret {
        target: String,
        /// The id that the client knows the secret by.
        id: String,
        /// Whether the step runs without it.
        optional: bool,
    },
    /// The socket of the client's default ssh agent, where one is forwarded.
    Ssh { target: String },
}

impl Mount {
    /// A read-only bind of a path in a file tree.
    #[must_use]
    pub(crate) fn read_only(target: impl Into<String>, source: &Output, selector: impl Into<String>) -> Self {
        Self::Bind {
            target: target.into(),
            source: Some(source.clone()),
            selector: selector.into(),
            readonly: true,
            discard: false,
            by_content: true,
        }
    }

    /// A secret as a file.
    #[must_use]
    pub(crate) fn secret(target: impl Into<String>, id: impl Into<String>, optional: bool) -> Self {
        Self::Secret {
            target: target.into(),
            id: id.into(),
            optional,
        }
    }

    fn target(&self) -> &str {
        match self {
            Self::Bind { target, .. }
            | Self::Cache { target, .. }
            | Self::Tmpfs { target, .. }
            | Self::Secret { target, .. }
            | Self::Ssh { target } => target,
        }
    }

    fn selector(&self) -> &str {
        match self {
            Self::Bind { selector, .. } | Self::Cache { selector, .. } => selector,
            Self::Tmpfs { .. } | Self::Secret { .. } | Self::Ssh { .. } => "",
        }
    }
}

/// A process, without the root that it runs on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exec {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// Names and values, in the order in which the process gets them.
    pub environment: Vec<(String, String)>,
    /// The working directory.
    pub cwd: String,
    /// A user's name or number; empty for root.
    pub user: String,
    pub mounts: Vec<Mount>,
    pub network: Network,
    /// Host names with their addresses, for `/etc/hosts`.
    pub extra_hosts: Vec<(String, String)>,
    /// The machine's name; empty for the engine's default.
    pub hostname: String,
    /// Secrets as variables, where they are given: names and ids.
    pub secret_variables: Vec<(String, String)>,
    /// Proxy variables by lower-case name; they do not count in cache keys.
    pub proxy: Vec<(String, String)>,
}

impl Exec {
    /// The root after the process has run on it.
    #[must_use]
    pub(crate) fn run(&self, root: Option<&Output>, platform: &Platform, metadata: Metadata) -> Output {
        self.vertex(root, platform, metadata).output(0)
    }

    /// The process as a vertex: output 0 is the root, the others are the writable binds in the order of their targets.
    #[must_use]
    pub(crate) fn vertex(&self, root: Option<&Output>, platform: &Platform, metadata: Metadata) -> Vertex {
        let mut inputs = Inputs::default();
        let mut capabilities = vec!["exec.meta.base", "exec.mount.bind"];
        let mounts = self.wire_mounts(root, &mut inputs, &mut capabilities);
        let network = match self.network {
            Network::Sandbox => pb::NetMode::Unset,
            Network::Host => pb::NetMode::Host,
            Network::None => pb::NetMode::None,
        };
        if network != pb::NetMode::Unset {
            capabilities.push("exec.meta.network");
        }
        let meta = self.wire_meta();
        if meta.proxy_env.is_some() {
            capabilities.push("exec.meta.proxyenv");
        }
        let op = pb::ExecOp {
            meta: Some(meta),
            mounts,
            network: network.into(),
            secretenv: self.wire_secret_variables(&mut capabilities),
            ..pb::ExecOp::default()
        };
        let op = pb::op::Op::Exec(op);
        Vertex::new(op, Some(platform.into()), inputs, metadata, capabilities)
    }

    /// The root and all mounts in the order of Go's client: by target, then secrets and sockets.
    fn wire_mounts(
        &self,
        root: Option<&Output>,
        inputs: &mut Inputs,
        capabilities: &mut Vec<Capability>,
    ) -> Vec<pb::Mount> {
        let mut mounts = vec![pb::Mount {
            input: inputs.index(root),
            dest: "/".into(),
            output: 0,
            ..pb::Mount::default()
        }];
        let (mut secrets, mut sockets) = (Vec::new(), Vec::new());
        let mut outputs = 1;
        let mut sorted: Vec<&Mount> = self.mounts.iter().collect();
        sorted.sort_by(|a, b| a.target().cmp(b.target()));
        for mount in sorted {
            let wire = wire_mount(mount, inputs, &mut outputs, capabilities);
            match mount {
                Mount::Secret { .. } => secrets.push(wire),
                Mount::Ssh { .. } => sockets.push(wire),
                _ => mounts.push(wire),
            }
        }
        mounts.extend(secrets);
        mounts.extend(sockets);
        mounts
    }

    fn wire_secret_variables(&self, capabilities: &mut Vec<Capability>) -> Vec<pb::SecretEnv> {
        if !self.secret_variables.is_empty() {
            capabilities.push("exec.secretenv");
        }
        let of_variable = |(name, id): &(String, String)| pb::SecretEnv {
            id: id.clone(),
            name: name.clone(),
            optional: true,
        };
        self.secret_variables.iter().map(of_variable).collect()
    }

    fn wire_meta(&self) -> pb::Meta {
        let extra_hosts = self.extra_hosts.iter().map(|(host, ip)| pb::HostIp {
            host: host.clone(),
            ip: ip.clone(),
        });
        pb::Meta {
            args: self.args.clone(),
            env: self.environment.iter().map(|(k, v)| format!("{k}={v}")).collect(),
            cwd: self.cwd.clone(),
            user: self.user.clone(),
            proxy_env: self.proxy_env(),
            extra_hosts: extra_hosts.collect(),
            hostname: self.hostname.clone(),
            // Otherwise mount points below other mount points would stay behind in the layer.
            remove_mount_stubs_recursive: true,
            ..pb::Meta::default()
        }
    }

    fn proxy_env(&self) -> Option<pb::ProxyEnv> {
        let value = |name: &str| {
            self.proxy
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        (!self.proxy.is_empty()).then(|| pb::ProxyEnv {
            http_proxy: value("http_proxy"),
            https_proxy: value("https_proxy"),
            ftp_proxy: value("ftp_proxy"),
            no_proxy: value("no_proxy"),
            all_proxy: value("all_proxy"),
        })
    }
}

/// A mount as it is sent; writable binds take the next of the `outputs`.
fn wire_mount(mount: &Mount, inputs: &mut Inputs, outputs: &mut i64, capabilities: &mut Vec<Capability>) -> pb::Mount {
    let selector = mount.selector();
    if !selector.is_empty() {
        capabilities.push("exec.mount.selector");
    }
    let wire = |mount_type: pb::MountType| pb::Mount {
        input: -1,
        selector: selector.to_owned(),
        dest: mount.target().to_owned(),
        output: -1,
        mount_type: mount_type.into(),
        ..pb::Mount::default()
    };
    match mount {
        Mount::Cache {
            id, sharing, source, ..
        } => {
            capabilities.extend(["exec.mount.cache", "exec.mount.cache.sharing"]);
            let sharing = match sharing {
                Sharing::Shared => pb::CacheSharingOpt::Shared,
                Sharing::Locked => pb::CacheSharingOpt::Locked,
            };
            pb::Mount {
                input: inputs.index(source.as_ref()),
                cache_opt: Some(pb::CacheOpt {
                    id: id.clone(),
                    sharing: sharing.into(),
                }),
                ..wire(pb::MountType::Cache)
            }
        }
        Mount::Tmpfs { size, .. } => {
            capabilities.push("exec.mount.tmpfs");
            if *size > 0 {
                capabilities.push("exec.mount.tmpfs.size");
            }
            pb::Mount {
                tmpfs_opt: Some(pb::TmpfsOpt { size: *size }),
                ..wire(pb::MountType::Tmpfs)
            }
        }
        Mount::Bind {
            source,
            readonly,
            discard,
            by_content,
            ..
        } => {
            // Servers that do not know this (before BuildKit 0.13) only take longer.
            let content_cache = if *by_content {
                pb::MountContentCache::Default
            } else {
                pb::MountContentCache::Off
            };
            pb::Mount {
                input: inputs.index(source.as_ref()),
                output: bind_output(*readonly, *discard, outputs, capabilities),
                readonly: *readonly,
                content_cache: content_cache.into(),
                ..wire(pb::MountType::Bind)
            }
        }
        Mount::Secret { id, optional, .. } => {
            capabilities.push("exec.mount.secret");
            of_session(wire(pb::MountType::Secret), id, *optional)
        }
        Mount::Ssh { .. } => {
            capabilities.push("exec.mount.ssh");
            of_session(wire(pb::MountType::Ssh), "default", true)
        }
    }
}

/// The same mount of something that the client has: a secret, or the socket of its ssh agent.
fn of_session(mount: pb::Mount, id: &str, optional: bool) -> pb::Mount {
    let is_secret = mount.mount_type == i32::from(pb::MountType::Secret);
    let secret = pb::SecretOpt {
        id: id.to_owned(),
        mode: 0o400,
        optional,
        ..pb::SecretOpt::default()
    };
    let agent = pb::SshOpt {
        id: id.to_owned(),
        mode: 0o600,
        optional,
        ..pb::SshOpt::default()
    };
    pb::Mount {
        // Go's client leaves this at 0 here, and it counts in the digest.
        output: 0,
        secret_opt: is_secret.then_some(secret),
        ssh_opt: (!is_secret).then_some(agent),
        ..mount
    }
}

/// The number of the output that a bind becomes; -1 for none.
fn bind_output(readonly: bool, discard: bool, outputs: &mut i64, capabilities: &mut Vec<Capability>) -> i64 {
    if readonly {
        return -1;
    }
    if discard {
        capabilities.push("exec.mount.bind.readwrite-nooutput");
        return -1;
    }
    *outputs += 1;
    *outputs - 1
}
