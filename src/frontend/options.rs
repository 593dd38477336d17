//! What the client asked for: the options that BuildKit hands to frontends, each with its type.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use serde::Deserialize;

use crate::llb::{Network, ResolveMode};
use crate::name::{Given, NamingOptions};
use crate::oci::{NOT_LINUX, Platform};
use crate::plan::{Part, Stage, Strategy, is_proxy};
use crate::proto::gateway::CacheOptionsEntry;
use crate::python::normalised;
use crate::text::{Diagnostic, Failure, closest};
use crate::write::WriteError;

const OPTION: &str = "BUILDKIT_FRONTEND_OPT_";
const STRATEGY: &str = "IMAGESPEC_STRATEGY";
const TIMINGS: &str = "IMAGESPEC_TIMINGS";
const IF_EXISTS: &str = "IMAGESPEC_IF_EXISTS";
const ALGORITHM: &str = "IMAGESPEC_TAG_ALGORITHM";
const UNICODE: &str = "IMAGESPEC_PYTHON_UNICODE";
const MACHINE: &str = "IMAGESPEC_HOST_ARCH";
const NAMES: &str = "IMAGESPEC_NAME";
const ID: &str = "IMAGESPEC_ID";
/// Build arguments that are ours.
const OWN_ARGUMENTS: [&str; 8] = [STRATEGY, TIMINGS, IF_EXISTS, ALGORITHM, UNICODE, MACHINE, NAMES, ID];
/// Build arguments that clients, BuildKit or we read in any build.
const KNOWN_PREFIXES: [&str; 2] = ["BUILDKIT_", "SOURCE_DATE_EPOCH"];

/// What the client asked for, as BuildKit hands it to frontends.
#[derive(Clone)]
pub struct FrontendOptions {
    options: BTreeMap<String, String>,
    /// The client's session.
    pub(crate) session: String,
    /// The platform of the engine.
    pub(crate) worker: Platform,
    /// When the process began.
    pub(crate) started: Instant,
    /// The program that is running; `None` if the engine does not say.
    pub program: Option<Program>,
}

/// The program that is running, as a step of a build can run it.
#[derive(Clone)]
pub struct Program {
    /// The LLB definition of its image.
    pub definition: Vec<u8>,
    /// Its path in the image.
    pub path: String,
}

/// What to do if the image exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfExists {
    /// Build it without looking.
    Build,
    /// Return it.
    Skip,
    /// Fail.
    Fail,
}

/// The image does not have the target.
impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Diagnostic::error("target", error.to_string()).caused_by(error).into()
    }
}

impl fmt::Debug for FrontendOptions {
    /// Hides values: they may hold credentials, for example of caches and proxies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrontendOptions")
            .field("options", &self.options.keys())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Worker {
    #[serde(default)]
    platforms: Vec<WorkerPlatform>,
}

#[derive(Deserialize)]
struct WorkerPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

impl FrontendOptions {
    /// Reads the environment that BuildKit starts frontends with.
    pub fn from_environment(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut options = BTreeMap::new();
        let mut session = String::new();
        let mut worker = Platform::linux_amd64();
        for (name, value) in environment {
            if name.starts_with(OPTION) {
                let (key, value) = value.split_once('=').unwrap_or((&value, ""));
                options.insert(key.to_owned(), value.to_owned());
            } else if name == "BUILDKIT_SESSION_ID" {
                session = value;
            } else if name == "BUILDKIT_WORKERS" {
                let workers: Vec<Worker> = serde_json::from_str(&value).unwrap_or_default();
                if let Some(first) = workers.first().and_then(|w| w.platforms.first()) {
                    worker = Platform::normalised(&first.os, &first.architecture, &first.variant);
                }
            }
        }
        Self {
            options,
            session,
            worker,
            started: Instant::now(),
            program: None,
        }
    }

    /// The value of an option; an empty one counts as absent.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.options
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The options whose names begin with a prefix, without it.
    pub(crate) fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.options
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// The value of a build argument.
    #[must_use]
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        self.get(&format!("build-arg:{name}"))
    }

    /// Labels to add to the image.
    #[must_use]
    pub(crate) fn labels(&self) -> Vec<(String, String)> {
        self.with_prefix("label:")
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    fn error(&self, name: &str, reason: impl AsRef<str>) -> Diagnostic {
        let value = match name {
            // It may hold credentials.
            "cache-imports" => "…",
            _ => self.options.get(name).map_or("", String::as_str),
        };
        let message = format!("option {name}: `{value}` {}", reason.as_ref());
        Diagnostic::error("option", message)
    }

    /// The platforms asked for; empty when none were.
    ///
    /// # Errors
    /// When one is not a platform, or not Linux.
    pub(crate) fn platforms(&self) -> Result<Vec<Platform>, Diagnostic> {
        let Some(list) = self.get("platform") else {
            return Ok(Vec::new());
        };
        let platforms = Platform::parse_list(list).map_err(|error| {
            let message = format!("option platform: {error}");
            Diagnostic::error("option", message).caused_by(error)
        })?;
        if platforms.iter().any(|platform| platform.os != "linux") {
            return Err(self.error("platform", NOT_LINUX));
        }
        Ok(platforms)
    }

    /// Whether to return an index even for one platform.
    ///
    /// # Errors
    /// When the value is not a boolean, or forbids an index where several platforms were asked for.
    pub(crate) fn multi_platform(&self, platforms: usize) -> Result<bool, Diagnostic> {
        for name in ["build-arg:BUILDKIT_MULTI_PLATFORM", "multi-platform"] {
            match self.get(name) {
                Some("1" | "t" | "T" | "true" | "TRUE" | "True") => return Ok(true),
                Some("0" | "f" | "F" | "false" | "FALSE" | "False") if platforms > 1 => {
                    return Err(self.error(name, "does not go with several platforms"));
                }
                Some("0" | "f" | "F" | "false" | "FALSE" | "False") => return Ok(false),
                Some(_) => return Err(self.error(name, "is neither true nor false")),
                None => {}
            }
        }
        Ok(platforms > 1)
    }

    /// How images are looked up.
    ///
    /// # Errors
    /// When the value is none of BuildKit's modes.
    pub(crate) fn resolve_mode(&self) -> Result<ResolveMode, Diagnostic> {
        match self.get("image-resolve-mode") {
            None | Some("default") => Ok(ResolveMode::Default),
            Some("pull") => Ok(ResolveMode::Pull),
            Some("local") => Ok(ResolveMode::Local),
            Some(_) => Err(self.error("image-resolve-mode", "is not one of default, pull, local")),
        }
    }

    /// The network of steps.
    ///
    /// # Errors
    /// When the value is none of BuildKit's modes.
    pub(crate) fn network(&self) -> Result<Network, Diagnostic> {
        match self.get("force-network-mode") {
            None | Some("sandbox" | "default") => Ok(Network::Sandbox),
            Some("host") => Ok(Network::Host),
            Some("none") => Ok(Network::None),
            Some(_) => Err(self.error("force-network-mode", "is not one of sandbox, host, none")),
        }
    }

    /// Extra host names, with their addresses.
    ///
    /// # Errors
    /// When an entry is not `host=address`.
    pub(crate) fn extra_hosts(&self) -> Result<Vec<(String, String)>, Diagnostic> {
        let Some(list) = self.get("add-hosts") else {
            return Ok(Vec::new());
        };
        list.split(',')
            .map(|entry| {
                let (host, address) = entry
                    .split_once('=')
                    .ok_or_else(|| self.error("add-hosts", "is not host=address"))?;
                let plain = address.trim_start_matches('[').trim_end_matches(']');
                plain.parse::<std::net::IpAddr>().map_err(|error| {
                    self.error("add-hosts", format!("has no address in `{entry}`"))
                        .caused_by(error)
                })?;
                Ok((host.to_lowercase(), plain.to_owned()))
            })
            .collect()
    }

    /// The steps' host name.
    #[must_use]
    pub(crate) fn hostname(&self) -> &str {
        self.argument("BUILDKIT_SANDBOX_HOSTNAME")
            .or_else(|| self.get("hostname"))
            .unwrap_or("")
    }

    /// Proxy settings from build arguments, lower-case names.
    #[must_use]
    pub(crate) fn proxy(&self) -> Vec<(String, String)> {
        let mut found = BTreeMap::new();
        for (name, value) in self.with_prefix("build-arg:") {
            if is_proxy(name) && !value.is_empty() {
                found.insert(name.to_lowercase(), value.to_owned());
            }
        }
        found.into_iter().collect()
    }

    /// What to run even when cached.
    ///
    /// # Errors
    /// When one is unknown.
    pub(crate) fn no_cache(&self) -> Result<BTreeSet<Part>, Diagnostic> {
        let Some(list) = self.options.get("no-cache") else {
            return Ok(BTreeSet::new());
        };
        if list.is_empty() {
            return Ok(Stage::ALL.into_iter().map(Part::Stage).collect());
        }
        list.split(',').map(|name| self.part("no-cache", name)).collect()
    }

    /// The only part to build, if not all.
    ///
    /// # Errors
    /// When it is unknown.
    pub(crate) fn target(&self) -> Result<Option<Part>, Diagnostic> {
        self.get("target").map(|name| self.part("target", name)).transpose()
    }

    fn part(&self, option: &str, name: &str) -> Result<Part, Diagnostic> {
        if let Some(package) = name.trim().strip_prefix("wheel-") {
            return Ok(Part::Package(normalised(package)));
        }
        let known = Stage::ALL.map(Stage::name);
        Stage::ALL
            .into_iter()
            .find(|stage| stage.name().eq_ignore_ascii_case(name.trim()))
            .map(Part::Stage)
            .ok_or_else(|| {
                let problem = self.error(option, format!("is not one of {}, wheel-NAME", known.join(", ")));
                match closest(name, known) {
                    Some(word) => problem.help(format!("did you mean `{word}`?")),
                    None => problem,
                }
            })
    }

    /// The caches to import, for every solve.
    ///
    /// # Errors
    /// When the option is not the JSON that clients send.
    pub(crate) fn cache_imports(&self) -> Result<Vec<CacheOptionsEntry>, Diagnostic> {
        #[derive(Deserialize)]
        struct CacheImport {
            #[serde(rename = "Type")]
            kind: String,
            #[serde(rename = "Attrs", default)]
            attrs: Option<BTreeMap<String, String>>,
        }
        let mut imports = Vec::new();
        if let Some(json) = self.get("cache-imports") {
            let entries: Vec<CacheImport> = serde_json::from_str(json)
                .map_err(|error| self.error("cache-imports", "is not a list of caches").caused_by(error))?;
            imports.extend(entries.into_iter().map(|entry| CacheOptionsEntry {
                r#type: entry.kind,
                attrs: entry.attrs.unwrap_or_default(),
            }));
        }
        for reference in self.get("cache-from").into_iter().flat_map(|list| list.split(',')) {
            imports.push(CacheOptionsEntry {
                r#type: "registry".into(),
                attrs: BTreeMap::from([("ref".to_owned(), reference.to_owned())]),
            });
        }
        Ok(imports)
    }

    /// The strategy, if the user chose one.
    ///
    /// # Errors
    /// When there is no such strategy.
    pub(crate) fn strategy(&self) -> Result<Option<Strategy>, Diagnostic> {
        match self.argument(STRATEGY) {
            None => Ok(None),
            Some("merge") => Ok(Some(Strategy::Merge)),
            Some("chain") => Ok(Some(Strategy::Chain)),
            Some(_) => Err(self.error(&format!("build-arg:{STRATEGY}"), "is not one of merge, chain")),
        }
    }

    /// What to do if the image exists already.
    ///
    /// # Errors
    /// When it is none of the three words.
    pub(crate) fn if_exists(&self) -> Result<IfExists, Diagnostic> {
        match self.argument(IF_EXISTS) {
            None | Some("build") => Ok(IfExists::Build),
            Some("skip") => Ok(IfExists::Skip),
            Some("fail") => Ok(IfExists::Fail),
            Some(_) => Err(self.error(&format!("build-arg:{IF_EXISTS}"), "is not one of build, skip, fail")),
        }
    }

    /// What the client calls the image, instead of its computed names: separated by commas, the first for the labels.
    pub(crate) fn given(&self) -> Given {
        let names = self.argument(NAMES).into_iter().flat_map(|names| names.split(','));
        Given {
            names: names.map(|name| name.trim().to_owned()).collect(),
            id: self.argument(ID).map(str::to_owned),
        }
    }

    /// How names are computed. The engine's architecture stands in for that of the user's machine, which is unknown.
    ///
    /// # Errors
    /// When an algorithm or a Python is unknown.
    pub(crate) fn naming(&self) -> Result<NamingOptions, Diagnostic> {
        let wrong = |name: &str, reason: &str| self.error(&format!("build-arg:{name}"), reason);
        let algorithm = self.argument(ALGORITHM).map(str::parse).transpose();
        let unicode = self.argument(UNICODE).map(str::parse).transpose();
        Ok(NamingOptions {
            algorithm: algorithm
                .map_err(|error| wrong(ALGORITHM, "is not one of flytekit, flytekit-1.13, content").caused_by(error))?,
            unicode: unicode
                .map_err(|error| wrong(UNICODE, "is not one of 3.10, 3.11, 3.12").caused_by(error))?
                .unwrap_or_default(),
            machine: self.argument(MACHINE).unwrap_or(&self.worker.architecture).to_owned(),
            platform: self.get("platform").map(str::to_owned),
            sibling_lock: None,
            given: self.given(),
        })
    }

    /// Whether to return the frontend's own times with the result.
    #[must_use]
    pub(crate) fn wants_timings(&self) -> bool {
        self.argument(TIMINGS).is_some_and(|value| value != "0")
    }

    /// What is wrong with options, whatever the spec says.
    #[must_use]
    pub(crate) fn problems(&self) -> Vec<Diagnostic> {
        let all = [
            self.platforms().err(),
            self.resolve_mode().err(),
            self.network().err(),
            self.extra_hosts().err(),
            self.no_cache().err(),
            self.target().err(),
            self.cache_imports().err(),
            self.strategy().err(),
            self.if_exists().err(),
            self.naming().err(),
        ];
        all.into_iter().flatten().collect()
    }

    /// Warnings of build arguments that nothing reads.
    #[must_use]
    pub(crate) fn unused_arguments(&self) -> Vec<Diagnostic> {
        let is_known = |name: &str| {
            OWN_ARGUMENTS.contains(&name) || is_proxy(name) || KNOWN_PREFIXES.iter().any(|p| name.starts_with(p))
        };
        let unused = self.with_prefix("build-arg:").filter(|(name, _)| !is_known(name));
        let warning = |(name, _): (&str, &str)| {
            let message = format!("nothing reads the build argument `{name}`");
            let help = match closest(name, OWN_ARGUMENTS) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "variables for build steps go into `build_env`".to_owned(),
            };
            Diagnostic::warning("unused-build-arg", message).help(help)
        };
        unused.map(warning).collect()
    }
}
