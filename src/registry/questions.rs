//! The questions: is an image there, what is it, which files has one of its layers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256, Sha512};
use ureq::http::{Method, StatusCode};

use crate::oci::{ImageConfig, Platform, Reference};
use crate::registry::answer::{Absent, Existence, Found, Refusal, Unknown, UnknownKind};
use crate::registry::authorization::{Authorization, authorize};
use crate::registry::client::{Client, refused};
use crate::registry::credentials::Credentials;
use crate::registry::layer::files_below;
use crate::registry::manifest::{
    Described, IndexEntry, Layer, MANIFESTS, Manifest, history_of, is_digest, platform_of,
};
use crate::registry::place::{Mirror, Place};
use crate::registry::transport::{Request, Response, Transport};
use crate::text::Diagnostic;

/// The largest manifest or configuration, in bytes; registries take no larger ones.
const MAX_MANIFEST: u64 = 4 << 20;
/// The largest layer that is read for a file in it, in bytes.
const MAX_LAYER: u64 = 64 << 20;
const DIGEST_HEADER: &str = "docker-content-digest";

/// Gives the variables that say where credentials are. Proxies and certificates are the process's own.
pub type Environment<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// How registries are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Mirrors of a registry, asked before it in their order: `[https://]HOST[:PORT][/PREFIX]`. What they do not have, or do
    /// not say, the registry is asked for.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// A file of certificates in PEM, of authorities that are trusted besides the system's.
    pub authority: Option<PathBuf>,
    /// How long a registry, or a mirror, may take for a question, repetitions included.
    pub timeout: Duration,
    /// How many times a request is sent again, if the answer may be another then.
    pub retries: u32,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            mirrors: BTreeMap::new(),
            authority: None,
            timeout: Duration::from_secs(30),
            retries: 3,
        }
    }
}

/// Asks registries.
pub struct Registry {
    client: Client,
    credentials: Credentials,
    mirrors: BTreeMap<String, Vec<Mirror>>,
    timeout: Duration,
    /// What convinced a host, for a repository.
    authorizations: Mutex<BTreeMap<(String, String), Authorization>>,
}

impl fmt::Debug for Registry {
    /// It holds tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// Reads no credentials and connects to nobody yet.
    ///
    /// # Errors
    /// When a mirror has no right address, or the authority's file no certificates.
    pub fn new(settings: &RegistrySettings, environment: &Environment<'_>) -> Result<Self, Diagnostic> {
        let mut mirrors = BTreeMap::new();
        for (registry, of_registry) in &settings.mirrors {
            let read: Result<Vec<Mirror>, Diagnostic> = of_registry.iter().map(|text| Mirror::parse(text)).collect();
            mirrors.insert(registry.clone(), read?);
        }
        Ok(Self {
            client: Client {
                transport: Transport::new(settings.authority.as_ref())?,
                retries: settings.retries,
            },
            credentials: Credentials::find(environment),
            mirrors,
            timeout: settings.timeout,
            authorizations: Mutex::default(),
        })
    }

    /// Whether an image is there, for each of the platforms; for any platform, if there are none.
    #[must_use]
    pub fn exists(&self, reference: &Reference, platforms: &[Platform]) -> Existence {
        self.ask(reference, |question| question.find(platforms)).into()
    }

    /// Whether a registry has anything in an image's repository; `None` if it does not say. Mirrors are not asked.
    #[must_use]
    pub fn has_repository(&self, reference: &Reference) -> Option<bool> {
        let question = self.question(reference, Place::of(reference));
        match question.get(question.request("tags/list?n=1", "application/json", MAX_MANIFEST)) {
            Ok(_) => Some(true),
            Err(Refusal::Absent(_)) => Some(false),
            Err(Refusal::Unknown(_)) => None,
        }
    }

    /// What an image is, for a platform.
    ///
    /// # Errors
    /// When it is not there, or its registry does not say.
    pub fn describe(&self, reference: &Reference, platform: &Platform) -> Result<Described, Refusal> {
        self.ask(reference, |question| question.describe(platform))
    }

    /// The files directly below a directory, by name, that a layer of a described image has.
    ///
    /// # Errors
    /// When the layer is too large, compressed with zstd, or its registry does not give it.
    pub fn files_below(
        &self,
        reference: &Reference,
        layer: &Layer,
        directory: &str,
    ) -> Result<BTreeMap<String, Vec<u8>>, Refusal> {
        self.ask(reference, |question| {
            let other = |why: String| Refusal::from(question.other(why));
            if layer.size > MAX_LAYER {
                return Err(other(format!(
                    "the layer has {} bytes, more than {MAX_LAYER}",
                    layer.size
                )));
            }
            let content = question.blob(&layer.digest, MAX_LAYER)?;
            files_below(&content, directory).map_err(other)
        })
    }

    /// Asks the mirrors, then the registry. What counts is the first answer that is an image, else the registry's.
    fn ask<T>(&self, reference: &Reference, ask: impl Fn(&Question<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mirrors = self.mirrors.get(&reference.registry).into_iter().flatten();
        let mirrored = mirrors.map(|mirror| mirror.place(reference));
        let at = |place: Place| ask(&self.question(reference, place));
        for place in mirrored {
            if let Ok(found) = at(place) {
                return Ok(found);
            }
        }
        at(Place::of(reference))
    }

    fn question<'a>(&'a self, reference: &'a Reference, place: Place) -> Question<'a> {
        Question {
            registry: self,
            reference,
            place,
            deadline: Instant::now() + self.timeout,
        }
    }
}

/// One question to one host.
struct Question<'a> {
    registry: &'a Registry,
    reference: &'a Reference,
    place: Place,
    deadline: Instant,
}

impl Question<'_> {
    fn find(&self, platforms: &[Platform]) -> Result<Found, Refusal> {
        let found = |digest: String| Found {
            digest,
            host: self.place.host.clone(),
        };
        if platforms.is_empty()
            && let Some(digest) = self.digest_by_head()?
        {
            return Ok(found(digest));
        }
        let (digest, manifest) = self.manifest(&self.version())?;
        if platforms.is_empty() {
            return Ok(found(digest));
        }
        let there: Vec<Platform> = match manifest {
            Manifest::Index(entries) => entries.into_iter().map(|entry| entry.platform).collect(),
            Manifest::Image { config, .. } => platform_of(&self.config(&config)?).into_iter().collect(),
        };
        match platforms.iter().find(|platform| !there.contains(platform)) {
            Some(missing) => Err(not_for(missing, there)),
            None => Ok(found(digest)),
        }
    }

    fn describe(&self, platform: &Platform) -> Result<Described, Refusal> {
        let (digest, manifest) = self.manifest(&self.version())?;
        let (image_digest, manifest) = match manifest {
            Manifest::Index(entries) => {
                let mut fitting = entries.iter().filter(|entry| entry.platform == *platform);
                let Some(IndexEntry { digest, .. }) = fitting.next() else {
                    return Err(not_for(
                        platform,
                        entries.into_iter().map(|entry| entry.platform).collect(),
                    ));
                };
                self.manifest(digest)?
            }
            image => (digest.clone(), image),
        };
        let Manifest::Image { config, layers } = manifest else {
            return Err(self.other("an index leads to another index").into());
        };
        let config = self.config(&config)?;
        match platform_of(&config) {
            Some(found) if found == *platform => {}
            other => return Err(not_for(platform, other.into_iter().collect())),
        }
        Ok(Described {
            digest,
            image_digest,
            platform: platform.clone(),
            history: history_of(&config),
            config,
            layers,
            host: self.place.host.clone(),
        })
    }

    /// What the reference asks for: the digest before the tag.
    fn version(&self) -> String {
        let tag = || self.reference.tag.clone().unwrap_or_else(|| "latest".into());
        self.reference.digest.clone().unwrap_or_else(tag)
    }

    /// The digest, by a request that registries do not count as a pull; `None` if the answer does not say it.
    fn digest_by_head(&self) -> Result<Option<String>, Refusal> {
        let request = Request {
            method: Method::HEAD,
            ..self.request(&format!("manifests/{}", self.version()), MANIFESTS, MAX_MANIFEST)
        };
        let response = self.get(request)?;
        let digest = response.header(DIGEST_HEADER);
        let is_asked_for = self.reference.digest.as_deref().is_none_or(|asked| asked == digest);
        Ok((is_digest(digest) && is_asked_for).then(|| digest.to_owned()))
    }

    /// A manifest and its digest.
    fn manifest(&self, version: &str) -> Result<(String, Manifest), Refusal> {
        let response = self.get(self.request(&format!("manifests/{version}"), MANIFESTS, MAX_MANIFEST))?;
        let said = response.header(DIGEST_HEADER);
        let expected = match version {
            digest if is_digest(digest) => digest,
            _ if is_digest(said) => said,
            _ => "sha256:",
        };
        let digest = digest_like(expected, &response.body);
        if expected != "sha256:" && digest != expected {
            return Err(self
                .other(format!("the manifest has the digest {digest} instead of {expected}"))
                .into());
        }
        let manifest = Manifest::parse(&response.body).map_err(|why| self.other(why))?;
        Ok((digest, manifest))
    }

    fn config(&self, digest: &str) -> Result<ImageConfig, Refusal> {
        let content = self.blob(digest, MAX_MANIFEST)?;
        ImageConfig::parse(content).map_err(|_| self.other("the image's configuration is not JSON").into())
    }

    fn blob(&self, digest: &str, limit: u64) -> Result<Vec<u8>, Refusal> {
        let response = self.get(self.request(&format!("blobs/{digest}"), "*/*", limit));
        let response = response.map_err(|refusal| match refusal {
            // The image is there, and one of its parts is not.
            Refusal::Absent(absent) => self.other(format!("it has no {digest}: {}", absent.reason)).into(),
            unknown => unknown,
        })?;
        let found = digest_like(digest, &response.body);
        if found != digest {
            return Err(self
                .other(format!("a blob has the digest {found} instead of {digest}"))
                .into());
        }
        Ok(response.body)
    }

    fn request(&self, path: &str, accept: &'static str, limit: u64) -> Request {
        Request::get(self.place.address(path), accept, limit)
    }

    fn other(&self, why: impl AsRef<str>) -> Unknown {
        Unknown::new(UnknownKind::Other, &self.place.registry, why)
    }

    /// Sends a request, logging in when the registry asks for it.
    fn get(&self, mut request: Request) -> Result<Response, Refusal> {
        let key = (self.place.host.clone(), self.place.repository.clone());
        let known = |question: &Self| {
            let all = question.registry.authorizations.lock().ok()?;
            all.get(&key).cloned()
        };
        let mut authorization = known(self);
        let mut is_new = false;
        loop {
            request.authorization = authorization.as_ref().map(|found| found.header.clone());
            let answer = self.registry.client.send(&request, self.deadline);
            let response = answer.map_err(|unknown| self.named(unknown))?;
            if response.status.is_success() {
                return Ok(response);
            }
            if is_new && request.method == Method::HEAD {
                // For the words of the refusal.
                request.method = Method::GET;
                continue;
            }
            if response.status != StatusCode::UNAUTHORIZED || is_new {
                return Err(self.explained(&response, authorization.as_ref()));
            }
            // A token that is too old is asked for again.
            let Registry {
                client, credentials, ..
            } = self.registry;
            let new = authorize(client, credentials, &self.place, &response.headers, self.deadline)?;
            if let Ok(mut all) = self.registry.authorizations.lock() {
                all.insert(key.clone(), new.clone());
            }
            authorization = Some(new);
            is_new = true;
        }
    }

    /// The same under the registry's own name, which people log in with: Docker Hub answers under another.
    fn named(&self, unknown: Unknown) -> Unknown {
        if unknown.host == self.place.host {
            let host = self.place.registry.clone();
            return Unknown { host, ..unknown };
        }
        unknown
    }

    /// What an answer means, and whose credentials were refused.
    fn explained(&self, response: &Response, authorization: Option<&Authorization>) -> Refusal {
        let secrets = authorization.map_or(&[][..], |found| &found.secrets);
        let unknown = match refused(response, secrets) {
            Refusal::Unknown(unknown) => self.named(unknown),
            absent => return absent,
        };
        let from = match authorization {
            _ if unknown.kind != UnknownKind::Denied => return unknown.into(),
            Some(Authorization { from: Some(from), .. }) => format!("with credentials from {from}"),
            _ => "without credentials".to_owned(),
        };
        let reason = format!("{} ({from})", unknown.reason);
        Unknown { reason, ..unknown }.into()
    }
}

/// An image that is there for other platforms.
fn not_for(platform: &Platform, platforms: Vec<Platform>) -> Refusal {
    let names: Vec<String> = platforms.iter().map(Platform::to_string).collect();
    let there = if names.is_empty() {
        "no platform".to_owned()
    } else {
        names.join(", ")
    };
    Refusal::Absent(Absent {
        reason: format!("it is there for {there}, and not for {platform}"),
        platforms,
    })
}

/// The digest of a content by the algorithm of another digest.
fn digest_like(digest: &str, content: &[u8]) -> String {
    if digest.starts_with("sha512:") {
        return format!("sha512:{}", base16ct::lower::encode_string(&Sha512::digest(content)));
    }
    format!("sha256:{}", base16ct::lower::encode_string(&Sha256::digest(content)))
}
