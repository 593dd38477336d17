//! Values of options, as podman and buildah take them.

use crate::engine::command_line::chosen_flags;

/// Flags of a build that a push has to know, too.
pub(super) const OF_REGISTRIES: [&str; 2] = ["--authfile", "--cert-dir"];

/// Flags that choose the store.
pub(super) fn of_store(flags: &[String]) -> Vec<String> {
    const KNOWN: [&str; 7] = [
        "--root",
        "--runroot",
        "--storage-driver",
        "--storage-opt",
        "--connection",
        "--url",
        "--identity",
    ];
    chosen_flags(flags, &KNOWN, &["--remote"])
}

/// Build arguments of the frontend that are in what is written.
pub(super) const IN_DOCKERFILE: [&str; 5] = [
    "IMAGESPEC_NAME",
    "IMAGESPEC_ID",
    "IMAGESPEC_TAG_ALGORITHM",
    "IMAGESPEC_HOST_ARCH",
    "IMAGESPEC_PYTHON_UNICODE",
];

/// A place for the result, other than the engine's store.
pub(super) enum OutputForm<'a> {
    /// Files: a directory, or a tar of them.
    Files,
    /// An image in a file.
    Archive { transport: &'static str, path: &'a str },
}

impl<'a> OutputForm<'a> {
    pub(super) fn of(value: &'a str) -> Option<Self> {
        let field = |name: &str| {
            value
                .split(',')
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let is_known = |field: &str| field.starts_with("type=") || field.starts_with("dest=");
        if value.contains('=') && !value.split(',').all(is_known) {
            return None;
        }
        let path = field("dest").filter(|path| *path != "-");
        match field("type") {
            None => (value != "-").then_some(Self::Files),
            Some("local" | "tar") => path.map(|_| Self::Files),
            // A colon ends the path there.
            Some("oci" | "docker") if path.is_some_and(|path| path.contains(':')) => None,
            Some("oci") => path.map(|path| Self::Archive {
                transport: "oci-archive",
                path,
            }),
            Some("docker") => path.map(|path| Self::Archive {
                transport: "docker-archive",
                path,
            }),
            Some(_) => None,
        }
    }
}

/// The repository of a cache: these engines know no other place for one.
pub(super) fn repository(cache: &str) -> Option<&str> {
    let fields: Vec<&str> = cache.split(',').collect();
    if !cache.contains('=') {
        return Some(cache);
    }
    let is_registry = fields.contains(&"type=registry");
    let reference = fields.iter().find_map(|field| field.strip_prefix("ref="))?;
    let last = reference.rsplit('/').next().unwrap_or_default();
    (is_registry && !last.contains([':', '@'])).then_some(reference)
}

/// The variable of a secret that has no value.
pub(super) fn unset_variable(secret: &str) -> Option<&str> {
    let variable = secret.split(',').find_map(|field| field.strip_prefix("env="))?;
    std::env::var_os(variable).is_none().then_some(variable)
}

/// Whether the registry of a name is on this machine.
pub(super) fn is_loopback(name: &str) -> bool {
    let host = name.split('/').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    name == "localhost" || name.starts_with("127.") || host.starts_with("[::1]")
}
