//! Capabilities: what a server has to know to run an op.

/// The identifier of an LLB capability, as servers announce it.
pub type Capability = &'static str;

/// What engines announce whose copies take modes as text. `file.copy.modestring` has a name and is announced by none; this
/// came with the same release, 0.17.
pub(crate) const MODE_TEXTS: [Capability; 2] = ["file.copy.modestring", "gc.freespacefilter"];

/// The BuildKit release that first had a capability, for messages to users of older ones.
#[must_use]
pub(crate) fn since(capability: &str) -> Option<&'static str> {
    Some(match capability {
        "file.base" => "0.5",
        "source.git.httpauth" | "source.git.mountsshsock" => "0.8",
        "source.git.subdir" | "file.copy.includeexcludepatterns" => "0.9",
        "mergeop" | "diffop" | "exec.mount.tmpfs.size" => "0.10",
        "source.ocilayout" => "0.11",
        "exec.mount.bind.readwrite-nooutput" => "0.12",
        _ => return None,
    })
}
