//! From nodes to values: texts, lists, mappings, and what else a field may hold.

use crate::flytekit::{CHECKED_LISTS, Kind};

use crate::image_spec::ports::ports;
use crate::image_spec::read::SpecReader;
use crate::image_spec::secret::{pair_mount, secret_mount};
use crate::image_spec::types::{SecretMount, TextList, TextMap, TextValue};
use crate::python::{self, Unicode, Value, kind as kind_of};
use crate::text::yaml::{Data, Node};
use crate::text::{Diagnostic, Span, Spanned};

impl SpecReader<'_> {
    pub(super) fn wrong_kind(&mut self, name: &str, kind: Kind, node: &Node) {
        let path = format!("{}{name}", self.path);
        let is = kind_of(node);
        let (words, null) = (kind.words(), is == "null");
        let message = format!("`{path}` takes {words}, this is {is}");
        // flytekit checks these alone, and takes null as absent.
        let checked = match name {
            "name" | "builder_options" => true,
            // What counts as nothing is not looked at.
            "registry" => python::value(node).is_ok_and(|value| value.is_truthy()),
            // More forms of lists are taken.
            "pip_secret_mounts" => !matches!(node.data, Data::Sequence(_)),
            name => CHECKED_LISTS.contains(&name),
        };
        let diagnostic = if checked && !null {
            Diagnostic::error("wrong-kind", message)
        } else {
            Diagnostic::build_error("wrong-kind", message)
        };
        let diagnostic = diagnostic.at(node.span);
        let help = match (kind, node.text()) {
            _ if null => format!("give a value, or leave `{name}` out"),
            (Kind::TextList, Some(text)) if name == "packages" && names_a_file(text) => {
                format!("write `requirements: {text}`")
            }
            (Kind::TextList | Kind::Copies, Some(text)) => format!("write a list: `{name}: [{}]`", quoted(text)),
            (Kind::Text, Some(text)) => format!("put it into quotes: `{name}: \"{text}\"`"),
            _ => format!("`{name}` takes {words}"),
        };
        self.report(diagnostic.help(help));
    }

    pub(super) fn text(&mut self, name: &'static str, node: &Node) -> Option<TextValue> {
        let text = node.text().filter(|_| python::scalar(node) != Value::None);
        let Some(text) = text else {
            self.wrong_kind(name, Kind::Text, node);
            return None;
        };
        let typed = python::scalar(node);
        match typed {
            Value::Str(_) | Value::CodePoints(_) => {}
            _ if name == "python_version" => self.python_version_number(&typed, text, node.span),
            _ => {
                self.wrong_kind(name, Kind::Text, node);
                return None;
            }
        }
        self.representable(name, node);
        Some(Spanned::new(text.to_owned(), node.span))
    }

    /// Reports characters that cannot be in an argument or variable; the name can be computed all the same.
    pub(super) fn representable(&mut self, field: &str, node: &Node) {
        let text = node.text().unwrap_or_default();
        if text.contains('\0') {
            let message = format!("`{field}` has a NUL character in it");
            self.report(Diagnostic::build_error("nul", message).at(node.span));
        }
        if let Data::Scalar { points: Some(_), .. } = &node.data {
            let diagnostic = if text.contains('\u{fffd}') {
                let message = format!("`{field}` has half a surrogate pair in it, which is not text");
                Diagnostic::build_error("surrogate", message)
            } else {
                let message = format!(
                    "`{field}` writes a character as a surrogate pair; the image gets the character, flytekit's tag counts two halves"
                );
                Diagnostic::warning("surrogate", message)
            };
            let help = "write the character itself, or an escape such as \\U0001F600";
            self.report(diagnostic.at(node.span).help(help));
        }
    }

    /// `3.10` without quotes is the number 3.1 to PyYAML, and so to flytekit's tag.
    pub(super) fn python_version_number(&mut self, typed: &Value, text: &str, span: Span) {
        let value = shown(typed);
        if value != text {
            self.report(
                Diagnostic::warning(
                    "python-version-number",
                    format!("`python_version: {text}` is the number {value} in YAML; Python {text} is installed, flytekit's tag counts {value}"),
                )
                .at(span)
                .help(format!("write `python_version: \"{text}\"`")),
            );
        }
    }

    pub(super) fn text_list(&mut self, name: &'static str, node: &Node) -> Option<TextList> {
        let Data::Sequence(items) = &node.data else {
            self.wrong_kind(name, Kind::TextList, node);
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match (item.text(), python::scalar(item)) {
                (Some(text), value) if value.is_text() => {
                    self.representable(name, item);
                    texts.push(Spanned::new(text.to_owned(), item.span));
                }
                (text, _) => {
                    let kind = kind_of(item);
                    let message = format!("`{}{name}` takes a list of strings, this entry is {kind}", self.path);
                    let help = match text {
                        Some(text) if kind != "null" => format!("put it into quotes: `\"{text}\"`"),
                        _ if kind == "a mapping" => {
                            "put the whole entry into quotes: a colon followed by a space makes a mapping".to_owned()
                        }
                        _ => "write each entry as one string".to_owned(),
                    };
                    let diagnostic = if CHECKED_LISTS.contains(&name) {
                        Diagnostic::error("entry-not-text", message)
                    } else {
                        Diagnostic::build_error("entry-not-text", message)
                    };
                    self.report(diagnostic.at(item.span).help(help));
                }
            }
        }
        Some(Spanned::new(texts, node.span))
    }

    pub(super) fn ports(&mut self, node: &Node) -> Option<TextList> {
        let Data::Sequence(items) = &node.data else {
            self.wrong_kind("expose", Kind::Ports, node);
            return None;
        };
        let mut all: Vec<TextValue> = Vec::with_capacity(items.len());
        for item in items {
            match item.text().ok_or("an entry is a port").and_then(ports) {
                Ok(ports) => all.extend(ports.into_iter().map(|port| Spanned::new(port, item.span))),
                Err(reason) => {
                    let shown = item
                        .text()
                        .map_or_else(|| kind_of(item).to_owned(), |text| format!("`{text}`"));
                    let message = format!("`{}expose` takes ports, {shown} is none: {reason}", self.path);
                    let problem = Diagnostic::build_error("port", message).at(item.span);
                    self.report(problem.help("write 3000, 53/udp or 8000-8010"));
                }
            }
        }
        Some(Spanned::new(all, node.span))
    }

    pub(super) fn text_map(&mut self, name: &'static str, node: &Node) -> Option<TextMap> {
        let Data::Mapping(pairs) = &node.data else {
            self.wrong_kind(name, Kind::TextMap, node);
            return None;
        };
        let mut map: Vec<(TextValue, TextValue)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Some(key_text) = key.text() else {
                self.report(
                    Diagnostic::build_error("key-not-text", format!("a name in `{name}` is a string")).at(key.span),
                );
                continue;
            };
            let typed = python::scalar(value);
            let Some(text) = value.text().filter(|_| typed != Value::None) else {
                let kind = kind_of(value);
                self.report(
                    Diagnostic::build_error(
                        "value-not-text",
                        format!("`{}{name}.{key_text}` takes a string, this is {kind}", self.path),
                    )
                    .at(value.span)
                    .help("for an empty value write \"\""),
                );
                continue;
            };
            self.representable(name, key);
            self.representable(name, value);
            let shown = shown(&typed);
            if !typed.is_text() && shown != text {
                self.report(
                    Diagnostic::warning(
                        "value-not-text",
                        format!("`{name}.{key_text}: {text}` is {shown} in YAML; the image gets `{text}`, flytekit's tag counts {shown}"),
                    )
                    .at(value.span)
                    .help(format!("write \"{text}\"")),
                );
            }
            let entry = (
                Spanned::new(key_text.to_owned(), key.span),
                Spanned::new(text.to_owned(), value.span),
            );
            match map.iter_mut().find(|(known, _)| known.value == key_text) {
                Some(known) => *known = entry,
                None => map.push(entry),
            }
        }
        Some(Spanned::new(map, node.span))
    }

    pub(super) fn secret_mounts(&mut self) -> Vec<SecretMount> {
        let Some(node) = self.node("pip_secret_mounts") else {
            return Vec::new();
        };
        let mut mounts = Vec::new();
        match &node.data {
            Data::Sequence(items) => {
                for (position, item) in items.iter().enumerate() {
                    match secret_mount(item, position) {
                        Some(mount) => mounts.push(mount),
                        None => self.wrong_secret(item),
                    }
                }
            }
            // `!!omap` and `!!pairs` without dashes, and plain mappings, are pairs as well.
            Data::Mapping(pairs) if node.tag.is_some() => {
                for (position, (key, value)) in pairs.iter().enumerate() {
                    match (key.text(), value.text()) {
                        (Some(source), Some(target)) => mounts.push(pair_mount(source, target, position, key.span)),
                        _ => self.wrong_secret(key),
                    }
                }
            }
            _ => self.wrong_kind("pip_secret_mounts", Kind::SecretMounts, &node),
        }
        mounts
    }

    pub(super) fn wrong_secret(&mut self, item: &Node) {
        let kind = kind_of(item);
        self.report(
            Diagnostic::error(
                "secret-mount",
                format!("this entry of `pip_secret_mounts` is {kind} that does not name a secret and a target"),
            )
            .at(item.span)
            .help("write `[.netrc, /root/.netrc]` or `{id: netrc, target: /root/.netrc}`"),
        );
    }

    /// A field that takes one of a few words; any other word counts as absent.
    pub(super) fn choice<T>(
        &mut self,
        text: Option<TextValue>,
        read: fn(&TextValue) -> Result<T, Diagnostic>,
    ) -> Option<Spanned<T>> {
        let text = text?;
        match read(&text) {
            Ok(value) => Some(Spanned::new(value, text.span)),
            Err(diagnostic) => {
                self.report(diagnostic);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, name: &'static str, node: &Node) -> Option<Spanned<bool>> {
        match python::scalar(node) {
            Value::Bool(value) => Some(Spanned::new(value, node.span)),
            _ => {
                self.wrong_kind(name, Kind::Flag, node);
                None
            }
        }
    }
}

/// A value as Python would print it.
fn shown(value: &Value) -> String {
    python::repr(value, Unicode::default())
}

/// Whether a text is the name of a file with requirements, and not of a package.
pub(super) fn names_a_file(text: &str) -> bool {
    let text = text.trim();
    [".txt", ".in", ".toml", ".lock"].iter().any(|end| text.ends_with(end)) && !text.contains(['@', ' ', ':'])
}

fn quoted(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)) {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}
