//! Environments as ordered lists of names and values.

/// Names of `env` that installers read; these alone reach install steps, so that all others can change
/// without an install running again.
const INSTALLER_NAMES: [&str; 20] = [
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CC",
    "CXX",
    "FC",
    "LD",
    "AR",
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "MAKEFLAGS",
    "MAX_JOBS",
    "CUDA_HOME",
    "CUDA_PATH",
    "TORCH_CUDA_ARCH_LIST",
    "RUSTFLAGS",
    "PKG_CONFIG_PATH",
    "SETUPTOOLS_SCM_PRETEND_VERSION",
];
const INSTALLER_PREFIXES: [&str; 8] = ["PIP_", "UV_", "SSL_", "GIT_", "CMAKE_", "CONDA_", "MAMBA_", "CARGO_"];

/// Whether install steps see a variable of `env`.
pub(super) fn is_for_installers(name: &str) -> bool {
    INSTALLER_NAMES.contains(&name)
        || INSTALLER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || is_proxy(name)
}

/// Whether a variable sets a proxy.
pub(crate) fn is_proxy(name: &str) -> bool {
    matches!(
        name.to_lowercase().as_str(),
        "http_proxy" | "https_proxy" | "ftp_proxy" | "no_proxy" | "all_proxy"
    )
}

/// An environment in the order in which its names were first set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Environment(pub(super) Vec<(String, String)>);

impl Environment {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Sets a variable to a text of the spec: literal, but for the variable's reference to itself.
    pub(super) fn set_text(&mut self, name: &str, text: &str) {
        let value = with_self_reference(name, text, self.get(name).unwrap_or(""));
        self.set(name, value);
    }
}

fn with_self_reference(name: &str, text: &str, current: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(rest.get(..at).unwrap_or(""));
        let after = rest.get(at + 1..).unwrap_or("");
        let braced = after
            .strip_prefix('{')
            .and_then(|r| r.strip_prefix(name))
            .and_then(|r| r.strip_prefix('}'));
        let bare = after
            .strip_prefix(name)
            .filter(|r| !r.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        match braced.or(bare) {
            Some(tail) => {
                out.push_str(current);
                rest = tail;
            }
            None => {
                out.push('$');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_literal_but_for_self_reference() {
        let check = |text: &str, expect: &str| {
            let mut environment = Environment(vec![("PATH".into(), "/bin".into())]);
            environment.set_text("PATH", text);
            assert_eq!(environment.get("PATH"), Some(expect));
        };
        check("/x:$PATH", "/x:/bin");
        check("/x:${PATH}:/y", "/x:/bin:/y");
        check("$PATHS", "$PATHS");
        check("$HOME/bin", "$HOME/bin");
        check("a $", "a $");
    }
}
