/// The identifier of an LLB capability, as servers announce it.
pub type Capability = &'static str;

/// The BuildKit release that first had a capability, for messages to people with older ones.
#[must_use]
pub fn since(capability: &str) -> Option<&'static str> {
    Some(match capability {
        "file.base" => "0.5",
        "exec.meta.security" => "0.5",
        "file.rm.wildcard" => "0.7",
        "source.git.httpauth" | "source.git.knownsshhosts" | "source.git.mountsshsock" => "0.8",
        "source.local.differ" | "source.git.subdir" | "file.copy.includeexcludepatterns" => "0.9",
        "mergeop"
        | "diffop"
        | "exec.secretenv"
        | "exec.mount.tmpfs.size"
        | "exec.meta.ulimit"
        | "exec.meta.cgroup.parent"
        | "file.rm.nofollowsymlink" => "0.10",
        "source.ocilayout" | "source.policy" => "0.11",
        "exec.mount.bind.readwrite-nooutput" => "0.12",
        "exec.mount.cache.content" => "0.13",
        "file.copy.alwaysreplaceexistingdestpaths" => "0.14",
        "exec.validexitcode" => "0.17",
        "file.symlink.create" => "0.19",
        "exec.meta.cdi" => "0.20",
        "source.http.auth" | "source.http.header" => "0.21",
        "source.git.checksum" => "0.22",
        "source.image.checksum" => "0.25",
        "file.copy.requiredpaths" => "0.26",
        _ => return None,
    })
}
