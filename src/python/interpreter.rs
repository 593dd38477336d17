//! Interpreters: which markers hold on them, and which wheels suit them best.

use std::collections::{BTreeMap, HashMap};

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};
use serde::Deserialize;

/// Stands for the latest patch of a version: higher than any that there is.
const LATEST_PATCH: u32 = 99;

/// An interpreter's report of itself: enough to evaluate markers and to choose among wheels.
#[derive(Debug, Clone, PartialEq)]
pub struct Interpreter {
    /// The values that markers compare with (PEP 508).
    pub markers: MarkerEnvironment,
    /// Major and minor version.
    pub version: (u32, u32),
    /// Whether it is CPython; others are given pure wheels only.
    pub is_cpython: bool,
    /// Whether it was built without the global lock, which changes the ABI.
    pub is_free_threaded: bool,
    /// The machine, `x86_64` for example.
    pub machine: String,
    /// The C library and its version.
    pub libc: Libc,
}

/// A C library, which wheels with compiled code are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Libc {
    /// glibc, by its major and minor version.
    Glibc(u32, u32),
    /// musl, by its major and minor version.
    Musl(u32, u32),
    /// Any other, or none that the interpreter knows of.
    Unknown,
}

/// An unreadable report of an interpreter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the interpreter's report cannot be read: {0}")]
pub struct ReportError(String);

#[derive(Deserialize)]
struct Report {
    markers: BTreeMap<String, String>,
    free_threaded: bool,
    /// The name and version of the C library.
    libc: Option<(String, u32, u32)>,
}

impl Interpreter {
    /// Reads what `interpreter.py` wrote.
    ///
    /// # Errors
    /// When the text does not have the form that this program writes.
    pub fn parse(report: &str) -> Result<Self, ReportError> {
        let report: Report = serde_json::from_str(report).map_err(|error| ReportError(error.to_string()))?;
        let value = |name: &str| report.markers.get(name).map_or("", String::as_str);
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: value("implementation_name"),
            implementation_version: value("implementation_version"),
            os_name: value("os_name"),
            platform_machine: value("platform_machine"),
            platform_python_implementation: value("platform_python_implementation"),
            platform_release: value("platform_release"),
            platform_system: value("platform_system"),
            platform_version: value("platform_version"),
            python_full_version: value("python_full_version"),
            python_version: value("python_version"),
            sys_platform: value("sys_platform"),
        })
        .map_err(|error| ReportError(error.to_string()))?;
        let mut parts = value("python_version").split('.').map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Err(ReportError("it has no version".into()));
        };
        Ok(Self {
            version: (major, minor),
            is_cpython: value("implementation_name") == "cpython",
            is_free_threaded: report.free_threaded,
            machine: value("platform_machine").to_owned(),
            libc: match report.libc {
                Some((name, major, minor)) if name == "glibc" => Libc::Glibc(major, minor),
                Some((name, major, minor)) if name == "musl" => Libc::Musl(major, minor),
                _ => Libc::Unknown,
            },
            markers,
        })
    }

    /// A CPython that nobody has asked: of the latest patch where `version` names none, on Linux with the C library of
    /// Debian 12. `architecture` is OCI's word, such as `amd64`. `None` where the version leaves open which it is.
    #[must_use]
    pub(crate) fn assumed(version: &str, architecture: &str) -> Option<Self> {
        let parts: Vec<u32> = version
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        let (major, minor, full) = match parts.as_slice() {
            [major, minor] => (*major, *minor, format!("{major}.{minor}.{LATEST_PATCH}")),
            [major, minor, _] => (*major, *minor, version.to_owned()),
            _ => return None,
        };
        let machine = match architecture {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            "386" => "i686",
            "arm" => "armv7l",
            other => other,
        };
        let short = format!("{major}.{minor}");
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: &full,
            os_name: "posix",
            platform_machine: machine,
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: "Linux",
            platform_version: "",
            python_full_version: &full,
            python_version: &short,
            sys_platform: "linux",
        });
        Some(Self {
            markers: markers.ok()?,
            version: (major, minor),
            is_cpython: true,
            is_free_threaded: false,
            machine: machine.to_owned(),
            libc: Libc::Glibc(2, 36),
        })
    }

    /// Its version and machine, for messages.
    #[must_use]
    pub(crate) fn shown(&self) -> String {
        let (system, machine) = (self.markers.sys_platform(), &self.machine);
        let version = self.markers.python_full_version().to_string();
        // The patch that stands for the latest one is no real version.
        let latest = format!(".{LATEST_PATCH}");
        let version = version.strip_suffix(&latest).unwrap_or(&version);
        format!("Python {version} on {system} {machine}")
    }

    /// The tags of the wheels that it can install (Python, ABI, platform), the best first.
    ///
    /// The order is that of <https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>.
    #[must_use]
    pub fn tags(&self) -> Vec<(String, String, String)> {
        let (major, minor) = self.version;
        let platforms = self.platforms();
        let mut tags = Vec::new();
        let mut add = |python: &str, abi: &str, platforms: &[String]| {
            tags.extend(platforms.iter().map(|p| (python.to_owned(), abi.to_owned(), p.clone())));
        };
        let any = ["any".to_owned()];
        let own = format!("cp{major}{minor}");
        if self.is_cpython {
            let threaded = if self.is_free_threaded { "t" } else { "" };
            add(&own, &format!("{own}{threaded}"), &platforms);
            if !self.is_free_threaded {
                add(&own, "abi3", &platforms);
            }
            add(&own, "none", &platforms);
            if !self.is_free_threaded {
                for older in (2..minor).rev() {
                    add(&format!("cp{major}{older}"), "abi3", &platforms);
                }
            }
        }
        let mut versions = vec![format!("py{major}{minor}"), format!("py{major}")];
        versions.extend((0..minor).rev().map(|older| format!("py{major}{older}")));
        for version in &versions {
            add(version, "none", &platforms);
        }
        if self.is_cpython {
            add(&own, "none", &any);
        }
        for version in &versions {
            add(version, "none", &any);
        }
        tags
    }

    /// The platform tags of wheels that run here, the closest first (PEP 600, PEP 656).
    fn platforms(&self) -> Vec<String> {
        let machine = self.machine.replace(['-', '.'], "_");
        let mut platforms = Vec::new();
        match self.libc {
            Libc::Glibc(2, minor) => {
                let oldest = if matches!(machine.as_str(), "x86_64" | "i686") {
                    5
                } else {
                    17
                };
                for minor in (oldest..=minor).rev() {
                    platforms.push(format!("manylinux_2_{minor}_{machine}"));
                    let legacy = match minor {
                        17 => Some("manylinux2014"),
                        12 => Some("manylinux2010"),
                        5 => Some("manylinux1"),
                        _ => None,
                    };
                    platforms.extend(legacy.map(|name| format!("{name}_{machine}")));
                }
            }
            Libc::Musl(major, minor) => {
                platforms.extend(
                    (0..=minor)
                        .rev()
                        .map(|minor| format!("musllinux_{major}_{minor}_{machine}")),
                );
            }
            Libc::Glibc(..) | Libc::Unknown => {}
        }
        platforms.push(format!("linux_{machine}"));
        platforms
    }
}

/// The tags and the build number in the file name of a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WheelName<'a> {
    /// The build number, which tells builds of one version apart; a higher one is preferred.
    pub build: Option<(u64, &'a str)>,
    pythons: Vec<&'a str>,
    abis: Vec<&'a str>,
    platforms: Vec<&'a str>,
}

/// The positions of an interpreter's tags, the best first: by Python, ABI and platform.
pub(super) struct TagOrder(HashMap<String, HashMap<String, HashMap<String, usize>>>);

impl TagOrder {
    pub(super) fn of(interpreter: &Interpreter) -> Self {
        let tags = interpreter.tags().into_iter().enumerate();
        let mut order: HashMap<String, HashMap<String, HashMap<String, usize>>> = HashMap::new();
        for (position, (python, abi, platform)) in tags {
            let platforms = order.entry(python).or_default().entry(abi).or_default();
            platforms.entry(platform).or_insert(position);
        }
        Self(order)
    }
}

impl<'a> WheelName<'a> {
    /// The position of the first tag that the wheel has; lower is better.
    pub(super) fn preference(&self, tags: &TagOrder) -> Option<usize> {
        let abis = self.pythons.iter().filter_map(|python| tags.0.get(*python));
        let platforms = abis.flat_map(|known| self.abis.iter().filter_map(|abi| known.get(*abi)));
        let positions = platforms.flat_map(|known| self.platforms.iter().filter_map(|name| known.get(*name)));
        positions.min().copied()
    }

    /// Reads `name-version[-build]-python-abi-platform.whl`; `None` when it is not of this form.
    #[must_use]
    pub(super) fn parse(file: &'a str) -> Option<Self> {
        let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
        let (build, tags) = match parts.as_slice() {
            [_, _, tags @ ..] if tags.len() == 3 => (None, tags),
            [_, _, build, tags @ ..] if tags.len() == 3 => (Some(*build), tags),
            _ => return None,
        };
        let build = build.map(|build| {
            let digits = build.find(|c: char| !c.is_ascii_digit()).unwrap_or(build.len());
            let (number, rest) = build.split_at(digits);
            (number.parse().unwrap_or(0), rest)
        });
        let mut sets = tags.iter().map(|tag| tag.split('.').collect());
        Some(Self {
            build,
            pythons: sets.next()?,
            abis: sets.next()?,
            platforms: sets.next()?,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// CPython 3.12 on Debian 12, x86-64.
    pub(crate) fn interpreter() -> Interpreter {
        report("3.12", "x86_64", "[\"glibc\", 2, 36]", false)
    }

    pub(crate) fn report(version: &str, machine: &str, libc: &str, free_threaded: bool) -> Interpreter {
        Interpreter::parse(&format!(
            r#"{{"markers": {{"implementation_name": "cpython", "implementation_version": "{version}.4", "os_name": "posix",
            "platform_machine": "{machine}", "platform_python_implementation": "CPython", "platform_release": "6.1",
            "platform_system": "Linux", "platform_version": "1", "python_full_version": "{version}.4",
            "python_version": "{version}", "sys_platform": "linux"}}, "free_threaded": {free_threaded}, "libc": {libc}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn wheels_are_preferred_as_installers_do() {
        let tags = TagOrder::of(&interpreter());
        let check = |file: &str, suits: bool| {
            let wheel = WheelName::parse(file).unwrap();
            assert_eq!(wheel.preference(&tags).is_some(), suits, "{file}");
        };
        check("a-1-py3-none-any.whl", true);
        check("a-1-py2.py3-none-any.whl", true);
        check("a-1-py2-none-any.whl", false);
        check("a-1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", true);
        check("a-1-cp312-cp312-manylinux_2_39_x86_64.whl", false);
        check("a-1-cp311-cp311-manylinux2014_x86_64.whl", false);
        check("a-1-cp39-abi3-manylinux2014_x86_64.whl", true);
        check("a-1-cp313-cp313t-manylinux2014_x86_64.whl", false);
        check("a-1-cp312-cp312-musllinux_1_2_x86_64.whl", false);
        check("a-1-cp312-cp312-manylinux2014_aarch64.whl", false);
        check("a-1-1local-cp312-none-linux_x86_64.whl", true);
        assert_eq!(WheelName::parse("a-1.tar.gz"), None);
        assert_eq!(WheelName::parse("a-1-any.whl"), None);
        let preference = |file: &str| WheelName::parse(file).unwrap().preference(&tags).unwrap();
        assert!(
            preference("a-1-cp312-cp312-manylinux_2_28_x86_64.whl")
                < preference("a-1-cp312-cp312-manylinux2014_x86_64.whl")
        );
        assert!(
            preference("a-1-cp312-cp312-manylinux1_x86_64.whl")
                < preference("a-1-cp312-abi3-manylinux_2_28_x86_64.whl")
        );
        assert!(preference("a-1-py3-none-manylinux1_x86_64.whl") < preference("a-1-py3-none-any.whl"));
        let threads = TagOrder::of(&report("3.13", "aarch64", "[\"musl\", 1, 2]", true));
        let fits = |file: &str| WheelName::parse(file).unwrap().preference(&threads).is_some();
        assert!(fits("a-1-cp313-cp313t-musllinux_1_1_aarch64.whl"));
        assert!(!fits("a-1-cp313-abi3-musllinux_1_1_aarch64.whl"));
    }
}
