//! Platforms: which machines an image is made for, in one spelling.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A normalised platform: operating system, architecture and variant with OCI's names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system, for example `linux`.
    pub os: String,
    /// The processor architecture, for example `amd64`.
    pub architecture: String,
    /// The variant, for example `v7`; empty if there is none.
    pub variant: String,
}

/// The reason for refusing another operating system.
pub(crate) const NOT_LINUX: &str = "cannot be built: images are made for linux";

/// The architectures that Go knows, by whose names images are chosen (`internal/syslist` of Go 1.24): no engine runs others.
const ARCHITECTURES: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// Why a text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// It has another form.
    #[error("`{0}` is not a platform: expected os/architecture[/variant] such as linux/amd64 or linux/arm/v7")]
    Form(String),
    /// Nobody knows the architecture.
    #[error(
        "`{platform}` names the architecture `{architecture}`, which no engine knows; common ones are amd64, arm64, arm, 386, ppc64le, riscv64 and s390x"
    )]
    Architecture {
        /// The text.
        platform: String,
        /// What it names.
        architecture: String,
    },
}

impl Platform {
    /// The platform `linux/amd64`.
    #[must_use]
    pub fn linux_amd64() -> Self {
        Self {
            os: "linux".into(),
            architecture: "amd64".into(),
            variant: String::new(),
        }
    }

    /// Reads platforms joined by commas; each counts once.
    ///
    /// # Errors
    /// When one is not a platform.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, PlatformError> {
        let mut platforms = Vec::new();
        for part in text.split(',') {
            let platform = part.trim().parse()?;
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        Ok(platforms)
    }

    /// Puts the parts into the form that image indexes use (`x86_64` is `amd64`, `arm64/v8` is `arm64`).
    #[must_use]
    pub fn normalised(os: &str, architecture: &str, variant: &str) -> Self {
        let os = match os.to_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        let variant = variant.to_lowercase();
        let (architecture, variant) = match (architecture.to_lowercase().as_str(), variant.as_str()) {
            ("x86_64" | "x86-64" | "amd64", "v1" | "") => ("amd64".to_owned(), String::new()),
            ("x86_64" | "x86-64" | "amd64", v) => ("amd64".to_owned(), v.to_owned()),
            ("i386", _) => ("386".to_owned(), String::new()),
            ("aarch64" | "arm64", "8" | "v8" | "") => ("arm64".to_owned(), String::new()),
            ("aarch64" | "arm64", v) => ("arm64".to_owned(), v.to_owned()),
            ("armhf", _) => ("arm".to_owned(), "v7".to_owned()),
            ("armel", _) => ("arm".to_owned(), "v6".to_owned()),
            ("arm", "" | "7") => ("arm".to_owned(), "v7".to_owned()),
            ("arm", v @ ("5" | "6" | "8")) => ("arm".to_owned(), format!("v{v}")),
            (other, v) => (other.to_owned(), v.to_owned()),
        };
        Self {
            os,
            architecture,
            variant,
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let well_formed = parts
            .iter()
            .all(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)));
        let platform = match parts.as_slice() {
            [os, architecture] if well_formed => Self::normalised(os, architecture, ""),
            [os, architecture, variant] if well_formed => Self::normalised(os, architecture, variant),
            _ => return Err(PlatformError::Form(text.to_owned())),
        };
        match ARCHITECTURES.contains(&platform.architecture.as_str()) {
            true => Ok(platform),
            false => Err(PlatformError::Architecture {
                platform: text.to_owned(),
                architecture: platform.architecture,
            }),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
