//! The repositories of Debian packages, before anything is installed from them.

use sha2::{Digest as _, Sha256};

use crate::image_spec::{AptKey, AptSource, ImageSpec, TextValue};
use crate::plan::action::Action;
use crate::plan::builder::Draft;
use crate::plan::inputs::{StoreyInputs, run};
use crate::plan::model::Stage;
use crate::plan::script::Script;
use crate::plan::steps::apt_access::{access, context_place};
use crate::plan::steps::index::context_mount;
use crate::plan::writes::Writes;
use crate::text::context_path;

/// The longest name of a file, without what is added.
const MAX_NAME: usize = 200;

/// Writes `apt_sources` and their keys.
pub(crate) fn apt_sources(inputs: &StoreyInputs<'_>) -> Option<Draft> {
    let sources: Vec<&AptSource> = inputs.spec.sources_of_apt().collect();
    if sources.is_empty() {
        return None;
    }
    let (mut mounts, environment, spans) = access(inputs);
    let mut arguments = Vec::new();
    for source in &sources {
        let (kind, key, digest) = match &source.key {
            Some(AptKey::Context(path)) => {
                // Several sources may have one key.
                let mount = context_mount(context_path(&path.value));
                if !mounts.contains(&mount) {
                    mounts.push(mount);
                }
                ("file", context_place(&path.value), String::new())
            }
            Some(AptKey::Image(path)) => ("image", path.value.clone(), String::new()),
            Some(AptKey::Text(text)) => ("text", text.value.trim().to_owned(), String::new()),
            Some(AptKey::Address { url, sha256 }) => ("address", url.value.clone(), sha256.value.to_ascii_lowercase()),
            None => ("none", String::new(), String::new()),
        };
        arguments.extend([
            name(source),
            server(source),
            entry(source),
            kind.to_owned(),
            key,
            digest,
        ]);
    }
    let uris: Vec<&str> = sources.iter().map(|source| source.uri.value.as_str()).collect();
    let action = Action::Run(run(
        Script::new("apt_sources.sh").arguments(arguments),
        environment,
        mounts,
    ));
    // Certificates come with packages.
    let has_tls = sources.iter().any(|source| is_with_tls(source));
    let writes = match has_tls {
        true => Writes::below(["/bin", "/etc", "/lib", "/usr", "/var"]),
        false => Writes::below(["/etc/apt"]),
    };
    let draft = Draft::new(
        "apt-sources",
        Stage::Apt,
        format!("add sources of apt: {}", uris.join(" ")),
        action,
    )
    .writes(writes)
    .spans(spans)
    .spans(sources.iter().map(|source| source.span));
    Some(draft)
}

/// Whether something of a source is fetched with certificates.
fn is_with_tls(source: &AptSource) -> bool {
    let is_https = |address: &TextValue| address.value.starts_with("https:");
    is_https(&source.uri) || matches!(&source.key, Some(AptKey::Address { url, .. }) if is_https(url))
}

/// A source as `sources.list(5)` has it, without its key.
fn entry(source: &AptSource) -> String {
    let words = |words: &[TextValue]| {
        words
            .iter()
            .map(|word| word.value.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let suites = words(&source.suites);
    let components = match words(&source.components) {
        none if none.is_empty() && !suites.ends_with('/') => "main".to_owned(),
        components => components,
    };
    let fields = [
        ("Types", "deb".to_owned()),
        ("URIs", source.uri.value.clone()),
        ("Suites", suites),
        ("Components", components),
        ("Architectures", words(&source.architectures)),
    ];
    let given = fields.iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| format!("{name}: {value}\n")).collect()
}

/// What the file of a source is called: the same for the same source, another one for each other.
fn name(source: &AptSource) -> String {
    let suites: Vec<&str> = source.suites.iter().map(|suite| suite.value.as_str()).collect();
    let mut name = slug(&format!("{}-{}", place(&source.uri.value), suites.join("-")));
    name.truncate(MAX_NAME);
    let mut digest = base16ct::lower::encode_string(&Sha256::digest(entry(source)));
    digest.truncate(8);
    format!("{name}-{digest}")
}

/// What the files of keys of a server begin with. Their content decides the rest: apt takes no two names for one key.
fn server(source: &AptSource) -> String {
    let place = place(&source.uri.value).trim_start_matches('/');
    slug(place.split('/').next().unwrap_or_default())
}

/// A URI without its scheme.
fn place(uri: &str) -> &str {
    uri.split_once(':').map_or(uri, |(_, rest)| rest)
}

/// Letters, digits and single dashes.
fn slug(text: &str) -> String {
    let text = text.to_lowercase();
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Whether a spec adds sources.
pub(crate) fn has_sources(spec: &ImageSpec) -> bool {
    spec.sources_of_apt().next().is_some()
}
