//! Arguments that several commands take.

use std::path::PathBuf;

use clap::Args;

use crate::image_spec::Algorithm;
use crate::name::{Given, NamingOptions};
use crate::oci::{NOT_LINUX, Platform};
use crate::python::Unicode;

/// A spec and its context.
#[derive(Debug, Args)]
pub(super) struct SpecArguments {
    /// The spec; `imageSpec.yaml` or `imagespec.yaml` in CONTEXT by default, `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// The directory that paths in the spec are relative to.
    #[arg(default_value = ".")]
    pub(super) context: PathBuf,
}

/// How names are computed.
#[derive(Debug, Args)]
pub(super) struct NamingArguments {
    /// The algorithm, instead of the spec's `tag_algorithm`: flytekit, flytekit-1.13 or content.
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,
    /// The architecture that flytekit would find; this machine's by default.
    #[arg(long, value_name = "ARCHITECTURE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    host_arch: Option<String>,
    /// The Python whose Unicode tables flytekit would use: 3.10, 3.11 or 3.12.
    #[arg(long, value_name = "VERSION", default_value_t)]
    python_unicode: Unicode,
    /// The platforms that the image is built for, as given to the build; of names, only `content` depends on them.
    #[arg(long, value_name = "PLATFORMS", value_parser = platforms)]
    platform: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Checks that images can be made for the platforms.
fn platforms(text: &str) -> Result<String, String> {
    let platforms = Platform::parse_list(text).map_err(|error| error.to_string())?;
    match platforms.iter().find(|platform| platform.os != "linux") {
        Some(other) => Err(format!("{other} {NOT_LINUX}")),
        None => Ok(text.to_owned()),
    }
}

impl NamingArguments {
    /// The platforms, as they were given.
    pub(super) fn platform(&self) -> Option<&str> {
        self.platform.as_deref()
    }

    /// The build arguments that make a frontend compute the same names.
    pub(super) fn build_arguments(&self) -> Vec<String> {
        let unicode = (self.python_unicode != Unicode::default()).then(|| self.python_unicode.to_string());
        let given = [
            (
                "TAG_ALGORITHM",
                self.algorithm.map(|algorithm| algorithm.name().to_owned()),
            ),
            ("HOST_ARCH", self.host_arch.clone()),
            ("PYTHON_UNICODE", unicode),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| format!("IMAGESPEC_{name}={value}")).collect()
    }

    /// The options for computing names.
    pub(super) fn options(&self) -> NamingOptions {
        NamingOptions {
            algorithm: self.algorithm,
            unicode: self.python_unicode,
            machine: self
                .host_arch
                .clone()
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            platform: self.platform.clone(),
            sibling_lock: None,
            given: Given::default(),
        }
    }
}
