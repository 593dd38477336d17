//! The forms in which a spec may write a secret mount.

use crate::image_spec::types::SecretMount;
use crate::text::Span;
use crate::text::yaml::{Data, Node};

/// What to do with a credential, after "take it out and".
pub(crate) const CREDENTIAL_HELP: &str = "pass it as a secret: put a netrc file's path into \
    `pip_secret_mounts: [[.netrc, /root/.netrc]]` and build with `--secret id=secret_0,src=.netrc`";

/// The same for a repository of Debian packages, which nothing but apt's own file has a password of.
pub(crate) const APT_CREDENTIAL_HELP: &str = "pass it as a secret: `secrets: [{id: ID, target: /etc/apt/auth.conf.d/ID.conf, steps: [apt]}]`, a file with `machine HOST login USER password PASSWORD`";

/// `[file, target]`, or an entry of pairs.
pub(super) fn pair_mount(source: &str, target: &str, position: usize, span: Span) -> SecretMount {
    SecretMount {
        id: format!("secret_{position}"),
        source: Some(source.to_owned()),
        target: target.to_owned(),
        span,
    }
}

/// An entry of `pip_secret_mounts`; `None` if it lacks a secret or a target.
pub(super) fn secret_mount(item: &Node, position: usize) -> Option<SecretMount> {
    match &item.data {
        Data::Sequence(pair) => match pair.as_slice() {
            [source, target] => Some(pair_mount(source.text()?, target.text()?, position, item.span)),
            _ => None,
        },
        Data::Mapping(pairs) => {
            let get = |name: &str| {
                pairs
                    .iter()
                    .find(|(key, _)| key.text() == Some(name))
                    .and_then(|(_, value)| value.text())
            };
            let known = |key: &Node| matches!(key.text(), Some("id" | "src" | "source" | "target"));
            if let [(key, value)] = pairs.as_slice()
                && !known(key)
            {
                // An entry of `!!omap` or `!!pairs`: `- file: target`.
                return Some(pair_mount(key.text()?, value.text()?, position, item.span));
            }
            if !pairs.iter().all(|(key, _)| known(key)) {
                return None;
            }
            let source = get("src").or_else(|| get("source"));
            if source.is_none() && get("id").is_none() {
                return None;
            }
            Some(SecretMount {
                id: get("id").map_or_else(|| format!("secret_{position}"), str::to_owned),
                source: source.map(str::to_owned),
                target: get("target")?.to_owned(),
                span: item.span,
            })
        }
        Data::Scalar { .. } => None,
    }
}
