//! The entries of `apt_sources`: repositories of Debian packages, and what signs them.

use crate::flytekit::Kind;
use crate::image_spec::check::Checker;
use crate::image_spec::model::ImageSpec;
use crate::image_spec::read::SpecReader;
use crate::image_spec::types::{AptKey, AptSource, TextValue};
use crate::python::kind as kind_of;
use crate::text::yaml::{Data, Node};
use crate::text::{Diagnostic, Span, Spanned};

/// The keys of an entry.
const KEYS: [&str; 5] = ["uri", "suites", "components", "architectures", "key"];
/// What Debian and Ubuntu call architectures.
const DEBIANS: [&str; 11] = [
    "amd64", "arm64", "armel", "armhf", "i386", "loong64", "mips64el", "ppc64el", "riscv64", "s390x", "all",
];
/// What an armored OpenPGP key begins with.
const ARMOR: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

impl SpecReader<'_> {
    pub(super) fn apt_sources(&mut self, node: &Node) -> Option<Spanned<Vec<AptSource>>> {
        let Data::Sequence(items) = &node.data else {
            self.wrong_kind("apt_sources", Kind::AptSources, node);
            return None;
        };
        let sources = items.iter().filter_map(|item| match &item.data {
            Data::Mapping(pairs) => self.inside("apt_sources.", |reader| reader.apt_source(pairs, item.span)),
            _ => {
                let message = match item.text() {
                    Some(text) => format!("`{text}` is no entry of `{}apt_sources`, which are mappings", self.path),
                    None => format!(
                        "an entry of `{}apt_sources` is a mapping, this is {}",
                        self.path,
                        kind_of(item)
                    ),
                };
                let problem = Diagnostic::build_error("apt-source", message).at(item.span);
                self.report(problem.help(instead_of(item.text().unwrap_or_default())));
                None
            }
        });
        Some(Spanned::new(sources.collect(), node.span))
    }

    fn apt_source(&mut self, pairs: &[(Node, Node)], span: Span) -> Option<AptSource> {
        let keys = self.keys(pairs, &KEYS);
        let uri = keys.get("uri").and_then(|node| self.text("uri", node));
        let mut words = |key: &'static str| keys.get(key).map(|node| self.words(key, node)).unwrap_or_default();
        let (suites, components) = (words("suites"), words("components"));
        let architectures = words("architectures");
        let key = keys.get("key").and_then(|node| self.apt_key(node));
        for (name, what) in [("uri", "where it is"), ("suites", "which suites are taken")] {
            if !keys.has(name) {
                let message = format!("this entry of `apt_sources` does not say {what}");
                let problem = Diagnostic::build_error("apt-source", message).at(span);
                let help = "write for example {uri: \"https://packages.example.com/debian\", suites: [bookworm], components: [main], key: keys/example.asc}";
                self.report(problem.help(help));
            }
        }
        keys.get("suites")?;
        Some(AptSource {
            uri: uri?,
            suites,
            components,
            architectures,
            key,
            span,
        })
    }

    /// A list of words, or words in one text.
    fn words(&mut self, key: &'static str, node: &Node) -> Vec<TextValue> {
        if let Data::Sequence(_) = &node.data {
            return self.text_list(key, node).map_or_else(Vec::new, |list| list.value);
        }
        let text = self.text(key, node);
        let word = |word: &str, span| Spanned::new(word.to_owned(), span);
        text.iter()
            .flat_map(|text| text.value.split_whitespace().map(|one| word(one, text.span)))
            .collect()
    }

    fn apt_key(&mut self, node: &Node) -> Option<AptKey> {
        if let Data::Mapping(pairs) = &node.data {
            return self.inside("key.", |reader| {
                let keys = reader.keys(pairs, &["url", "sha256"]);
                let mut text = |key: &'static str| keys.get(key).and_then(|node| reader.text(key, node));
                let (url, sha256) = (text("url"), text("sha256"));
                if let (Some(url), Some(sha256)) = (url, sha256) {
                    return Some(AptKey::Address { url, sha256 });
                }
                if !(keys.has("url") && keys.has("sha256")) {
                    let message = "a key from an address needs `url` and `sha256`";
                    let problem = Diagnostic::build_error("apt-key", message).at(node.span);
                    reader.report(problem.help(SHA256_HELP));
                }
                None
            });
        }
        let text = self.text("key", node)?;
        let path = text.value.trim();
        match path {
            _ if path.contains(ARMOR) => Some(AptKey::Text(text)),
            _ if path.contains("://") => {
                let message = "a key from an address needs its `sha256`: who owns the address could sign anything";
                let problem = Diagnostic::build_error("apt-key", message).at(text.span);
                self.report(problem.help(SHA256_HELP));
                None
            }
            _ if path.contains("-----BEGIN") || path.contains('\n') => {
                let message = "`key` is no OpenPGP key as text";
                let problem = Diagnostic::build_error("apt-key", message).at(text.span);
                self.report(problem.help(format!(
                    "it begins with a line `{ARMOR}`, the armor that `gpg --armor --export` writes"
                )));
                None
            }
            _ if path.starts_with('/') => Some(AptKey::Image(text)),
            _ => Some(AptKey::Context(text)),
        }
    }
}

const SHA256_HELP: &str = "write `key: {url: URL, sha256: DIGEST}`; `curl -fsSL URL | sha256sum` prints the digest, to be compared with what the vendor says";

/// A way to write what stands as one text.
fn instead_of(text: &str) -> String {
    if let Some(archive) = text.strip_prefix("ppa:") {
        let archive = match archive.contains('/') {
            true => archive.to_owned(),
            false => format!("{archive}/ppa"),
        };
        return format!(
            "write {{uri: \"https://ppa.launchpadcontent.net/{archive}/ubuntu\", suites: [jammy], components: [main], key: keys/ppa.asc}}, with the suite of the base and the archive's signing key"
        );
    }
    // What vendors print is for a shell.
    let text = text.replace("$(lsb_release -cs)", "bookworm");
    let text = text.split(" #").next().unwrap_or_default();
    let (options, rest) = match text.split_once(']') {
        Some((options, rest)) => (options, rest),
        None => ("", text.strip_prefix("deb").unwrap_or(text)),
    };
    let option = |name: &str| options.split([' ', '[']).find_map(|option| option.strip_prefix(name));
    let mut words = rest.split_whitespace();
    let (Some(uri), Some(suite)) = (words.next().filter(|uri| uri.contains(":/")), words.next()) else {
        return "write {uri: URI, suites: [SUITE], components: [COMPONENT], key: FILE}".to_owned();
    };
    let list = |name: &str, words: Vec<&str>| match words.is_empty() {
        true => String::new(),
        false => format!(", {name}: [{}]", words.join(", ")),
    };
    let components = list("components", words.collect());
    let architectures = list(
        "architectures",
        option("arch=").map_or_else(Vec::new, |arch| arch.split(',').collect()),
    );
    let key = option("signed-by=").map_or_else(String::new, |key| format!(", key: {key}"));
    format!("write {{uri: \"{uri}\", suites: [{suite}]{components}{architectures}{key}}}")
}

impl Checker<'_> {
    pub(super) fn apt_sources(&mut self, spec: &ImageSpec) {
        for source in spec.sources_of_apt() {
            self.apt_source(source);
            if let Some(key) = &source.key {
                self.apt_key(key);
            }
        }
    }

    fn apt_source(&mut self, source: &AptSource) {
        let uri = &source.uri;
        if !uri.value.contains(":/") || uri.value.contains(char::is_whitespace) {
            let message = format!("`{}` in `apt_sources` is not a URI", uri.value);
            self.error(
                "apt-source",
                message,
                uri.span,
                "write for example https://packages.example.com/debian",
            );
        }
        if source.suites.is_empty() {
            let help = "write for example `suites: [bookworm]`, or `suites: [/]` where packages lie in one directory";
            self.error("apt-source", "`suites` is empty", source.span, help);
        }
        let lists = [
            ("suites", &source.suites),
            ("components", &source.components),
            ("architectures", &source.architectures),
        ];
        for (name, words) in lists {
            for word in words {
                let is_for_shell = ["$(", "${", "`"]
                    .iter()
                    .any(|sign| word.value.replace("$(ARCH)", "").contains(sign));
                let problem = match &word.value {
                    _ if is_for_shell => (
                        "is for a shell, and none runs here",
                        "write what it stands for, for example bookworm",
                    ),
                    value if value.is_empty() => ("is nothing", "take it out"),
                    value if value.contains(char::is_whitespace) => ("has a blank in it", "write one word a list item"),
                    value if name == "architectures" && !DEBIANS.contains(&value.as_str()) => {
                        ("is no architecture of Debian's", "write for example amd64 or arm64")
                    }
                    _ => continue,
                };
                let message = format!("`{}` in `{name}` {}", word.value, problem.0);
                self.error("apt-source", message, word.span, problem.1);
            }
        }
        let flat = source.suites.iter().find(|suite| suite.value.ends_with('/'));
        if let (Some(suite), Some(component)) = (flat, source.components.first()) {
            let message = format!("the suite `{}` is a directory, which has no components", suite.value);
            self.error("apt-source", message, component.span, "take `components` out");
        }
        if let Some(suite) = flat.and_then(|_| source.suites.iter().find(|suite| !suite.value.ends_with('/'))) {
            let message = "suites that are directories and others do not go into one entry";
            self.error("apt-source", message, suite.span, "write two entries");
        }
    }

    fn apt_key(&mut self, key: &AptKey) {
        match key {
            AptKey::Context(path) => self.context_path("key", path),
            AptKey::Address { url, sha256 } => {
                let is_digest = sha256.value.len() == 64 && sha256.value.bytes().all(|digit| digit.is_ascii_hexdigit());
                if !is_digest {
                    let message = format!("`{}` is not a SHA-256: 64 hexadecimal digits", sha256.value);
                    self.error("apt-key", message, sha256.span, SHA256_HELP);
                }
                if !url.value.starts_with("https://") && !url.value.starts_with("http://") {
                    let message = format!("`{}` is not an address", url.value);
                    self.error(
                        "apt-key",
                        message,
                        url.span,
                        "write https://…, or a path of the build context as `key: PATH`",
                    );
                }
            }
            AptKey::Image(_) | AptKey::Text(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_apt_are_shown_as_entries() {
        let check = |line: &str, expect: &str| assert_eq!(instead_of(line), expect, "{line}");
        check(
            "deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/a.gpg] https://a.example/deb stable main contrib",
            "write {uri: \"https://a.example/deb\", suites: [stable], components: [main, contrib], architectures: [amd64, arm64], key: /usr/share/keyrings/a.gpg}",
        );
        check(
            "deb http://a.example/deb ./",
            "write {uri: \"http://a.example/deb\", suites: [./]}",
        );
        check(
            "https://a.example/deb",
            "write {uri: URI, suites: [SUITE], components: [COMPONENT], key: FILE}",
        );
        check(
            "deb http://a.example/deb $(lsb_release -cs)-pgdg main # theirs",
            "write {uri: \"http://a.example/deb\", suites: [bookworm-pgdg], components: [main]}",
        );
        assert!(instead_of("ppa:deadsnakes").contains("deadsnakes/ppa/ubuntu"));
        assert!(instead_of("ppa:deadsnakes/ppa").contains("ppa.launchpadcontent.net/deadsnakes/ppa/ubuntu"));
    }
}
