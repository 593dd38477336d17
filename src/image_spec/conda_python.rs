//! The Python version that an entry of `conda_packages` asks for.

use crate::image_spec::{ImageSpec, TextValue};
use crate::python::version_fits;

/// An entry of `conda_packages` that is `python`, with what it asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CondaPython<'a> {
    /// The entry.
    pub(crate) entry: &'a TextValue,
    /// What stands behind the name, without blanks: `=3.11`, `==3.11.7`, `>=3.10,<3.12`; empty for any version.
    asked: &'a str,
}

impl<'a> CondaPython<'a> {
    /// The first such entry of a spec.
    pub(crate) fn of(spec: &'a ImageSpec) -> Option<Self> {
        ImageSpec::strings(&spec.conda_packages).find_map(|entry| {
            // A channel may stand before it: `conda-forge::python=3.11`.
            let name = entry.value.rsplit("::").next()?.trim();
            let asked = name.strip_prefix("python")?;
            let is_whole = asked.is_empty() || asked.starts_with(['=', '<', '>', '!', '~', ' ', '[']);
            is_whole.then_some(Self {
                entry,
                asked: asked.trim(),
            })
        })
    }

    /// The version, if it asks for one: `3.11`, `3.11.7`. What is behind a second `=` is a build.
    pub(crate) fn version(&self) -> Option<&'a str> {
        let plain = self.asked.trim_start_matches('=').trim();
        let version = plain.split('=').next()?.trim_end_matches(".*").trim_end_matches('*');
        let is_version = version.starts_with(|c: char| c.is_ascii_digit())
            && version.chars().all(|c| c.is_ascii_digit() || c == '.');
        is_version.then_some(version)
    }

    /// Whether it allows a version such as `3.12`, which stands for its releases. What cannot be read allows all.
    pub(crate) fn allows(&self, version: &str) -> bool {
        let is_part = |short: &str, long: &str| long == short || long.starts_with(&format!("{short}."));
        match self.version() {
            Some(own) => is_part(own, version) || is_part(version, own),
            None => {
                // PEP 440 has the same operators.
                let releases = [format!("{version}.0"), format!("{version}.99"), version.to_owned()];
                self.asked.is_empty() || releases.iter().any(|release| version_fits(self.asked, release))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_spec::parse;
    use crate::text::Text;

    #[test]
    fn entries_say_which_python_they_want() {
        let check = |entry: &str, version: Option<&str>, allows: &str, refuses: &str| {
            let spec = parse(&Text::new("x", format!("conda_packages: [numpy, \"{entry}\"]\n")))
                .spec
                .unwrap();
            let python = CondaPython::of(&spec).unwrap();
            assert_eq!(python.version(), version, "{entry}");
            for version in allows.split_whitespace() {
                assert!(python.allows(version), "{entry} {version}");
            }
            for version in refuses.split_whitespace() {
                assert!(!python.allows(version), "{entry} {version}");
            }
        };
        check("python=3.11", Some("3.11"), "3.11 3.11.4", "3.12 3.1");
        check("python==3.11.7", Some("3.11.7"), "3.11 3.11.7", "3.12 3.11.8");
        check("python 3.11.*", Some("3.11"), "3.11", "3.12");
        check("conda-forge::python=3.11", Some("3.11"), "3.11", "3.12");
        check("python=3.11=h123_cpython", Some("3.11"), "3.11", "3.12");
        check("python>=3.10,<3.12", None, "3.10 3.11", "3.9 3.12");
        check("python", None, "3.9 3.14", "");
        for other in ["python-dateutil", "python_abi=3.11", "ipython"] {
            let spec = parse(&Text::new("x", format!("conda_packages: [{other}]\n")))
                .spec
                .unwrap();
            assert!(CondaPython::of(&spec).is_none(), "{other}");
        }
    }
}
