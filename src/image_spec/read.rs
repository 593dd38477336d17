//! From nodes to the typed model. It collects every problem instead of stopping at the first.

use crate::flytekit::{CHECKED_LISTS, FLYTEKIT_FIELDS, Kind};
use crate::image_spec::algorithm::Algorithm;
use crate::image_spec::choice;
use crate::image_spec::field::{self, BUILDER_CONFIG_KEYS, OWN_FIELDS};
use crate::image_spec::model::{
    BaseImage, FileMode, ImageSpec, Layering, Profile, SecretMount, TextList, TextMap, TextValue,
};
use crate::image_spec::ports::ports;
use crate::image_spec::secret::{pair_mount, secret_mount};
use crate::python::{self, Unicode, Value, kind as kind_of};
use crate::text::yaml::{Data, Node};
use crate::text::{Diagnostic, Operation, Span, Spanned, closest};

/// Reads a mapping as a spec.
pub(super) fn read(root: &Node, diagnostics: &mut Vec<Diagnostic>) -> Option<ImageSpec> {
    let mut reader = SpecReader {
        diagnostics,
        path: String::new(),
        fields: Vec::new(),
    };
    reader.spec(root)
}

struct SpecReader<'a> {
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The path to a nested spec, for example `base_image.`.
    path: String,
    fields: Vec<(String, Node)>,
}

impl SpecReader<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The pairs of a mapping. Reports anything else, and tags that would make it something else.
    fn pairs<'n>(&mut self, root: &'n Node) -> Option<&'n [(Node, Node)]> {
        let Data::Mapping(pairs) = &root.data else {
            let kind = kind_of(root);
            self.report(
                Diagnostic::error(
                    "not-a-mapping",
                    format!("a spec is a mapping of fields, this is {kind}"),
                )
                .at(root.span)
                .help("write fields such as `packages: [pandas]`, one a line"),
            );
            return None;
        };
        if let Some(tag) = root
            .tag
            .as_deref()
            .filter(|tag| *tag != "tag:yaml.org,2002:map" && *tag != "!")
        {
            let message = format!("a spec is a plain mapping, this one has the tag `{tag}`");
            self.report(
                Diagnostic::error("yaml-value", message)
                    .at(root.span)
                    .help("take the tag out"),
            );
        }
        Some(pairs)
    }

    fn spec(&mut self, root: &Node) -> Option<ImageSpec> {
        let pairs = self.pairs(root)?;
        self.fields = self.top_level(pairs);
        let own = self.own_fields();
        let own_node = |name: &str| own.iter().find(|(n, _)| *n == name).map(|(_, node)| node);
        let own_text = |reader: &mut Self, name: &'static str| own_node(name).and_then(|node| reader.text(name, node));
        let own_map =
            |reader: &mut Self, name: &'static str| own_node(name).and_then(|node| reader.text_map(name, node));
        let own_list =
            |reader: &mut Self, name: &'static str| own_node(name).and_then(|node| reader.text_list(name, node));
        let (uv_image, micromamba_image) = self.builder_config();
        let (profile, layering, mode, algorithm, copy_mode) = (
            own_text(self, "profile"),
            own_text(self, "layering"),
            own_text(self, "mode"),
            own_text(self, "tag_algorithm"),
            self.field_text("source_copy_mode"),
        );
        // Other builders use it; here it only has to be text.
        self.field_text("registry_config");
        let spec = ImageSpec {
            name: self.name(),
            python_version: self.filled("python_version"),
            builder: self.field_text("builder"),
            source_root: self.filled("source_root"),
            env: self.field_map("env"),
            registry: self.field_text("registry").map(|mut registry| {
                registry.value = registry.value.to_lowercase();
                registry
            }),
            packages: self.field_list("packages"),
            conda_packages: self.field_list("conda_packages"),
            conda_channels: self.field_list("conda_channels"),
            requirements: self.filled("requirements"),
            apt_packages: self.field_list("apt_packages"),
            cuda: self.field_text("cuda"),
            cudnn: self.field_text("cudnn"),
            base_image: self.base_image(),
            platform: self.filled("platform"),
            pip_index: self.filled("pip_index"),
            pip_extra_index_url: self.field_list("pip_extra_index_url"),
            pip_secret_mounts: self.secret_mounts(),
            pip_extra_args: self.field_text("pip_extra_args"),
            entrypoint: self.field_list("entrypoint"),
            commands: self.field_list("commands"),
            tag_format: self.filled("tag_format"),
            source_copy_mode: self.choice(copy_mode, choice::source_copy_mode),
            copy: self.field_list("copy"),
            python_exec: self.filled("python_exec"),
            runtime_packages: self.field_list("runtime_packages"),
            uv_image,
            micromamba_image,
            profile: self
                .choice(profile, choice::profile)
                .map_or_else(Profile::default, |p| p.value),
            labels: own_map(self, "labels"),
            user: own_text(self, "user"),
            workdir: own_text(self, "workdir"),
            copy_to: own_text(self, "copy_to"),
            mode: self
                .choice(mode, choice::file_mode)
                .map_or_else(FileMode::default, |m| m.value),
            expose: own_node("expose").and_then(|node| self.ports(node)),
            build_env: own_map(self, "build_env"),
            setup_commands: own_list(self, "setup_commands"),
            pins: own_map(self, "pins"),
            layering: self
                .choice(layering, choice::layering)
                .map_or_else(Layering::default, |l| l.value),
            heavy: own_list(self, "heavy"),
            extras: own_list(self, "extras"),
            groups: own_list(self, "groups"),
            install_project: own_node("install_project").and_then(|node| self.flag("install_project", node)),
            tag_algorithm: self
                .choice(algorithm, choice::algorithm)
                .map_or_else(Algorithm::default, |a| a.value),
            span: root.span,
            raw: std::mem::take(&mut self.fields),
        };
        self.check_hashable(&spec);
        Some(spec)
    }

    /// The known fields among the pairs; reports the rest.
    fn top_level(&mut self, pairs: &[(Node, Node)]) -> Vec<(String, Node)> {
        let mut fields: Vec<(String, Node)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let name = match (key.text(), python::scalar(key)) {
                (Some(text), Value::Str(_)) => text,
                _ => {
                    let kind = kind_of(key);
                    self.report(
                        Diagnostic::error("key-not-text", format!("a field's name is a string, this is {kind}"))
                            .at(key.span)
                            .help("put the name into quotes if it is meant as one"),
                    );
                    continue;
                }
            };
            if field::find(name).is_none() {
                self.unknown_field(name, key.span);
                continue;
            }
            if fields.iter().any(|(known, _)| known == name) {
                self.report(
                    Diagnostic::warning(
                        "repeated-field",
                        format!("`{name}` is given more than once; the last one counts"),
                    )
                    .at(key.span),
                );
                fields.retain(|(known, _)| known != name);
            }
            fields.push((name.to_owned(), value.clone()));
        }
        fields
    }

    fn unknown_field(&mut self, name: &str, span: Span) {
        let known = FLYTEKIT_FIELDS.iter().chain(&OWN_FIELDS).map(|field| field.name);
        let diagnostic = Diagnostic::error("unknown-field", format!("unknown field `{}{name}`", self.path)).at(span);
        let diagnostic = match closest(name, known) {
            Some(candidate) => diagnostic.help(format!("did you mean `{candidate}`?")),
            None => diagnostic.help("docs/spec.md lists all fields"),
        };
        self.report(diagnostic);
    }

    /// Our own fields, from the top level and from `builder_options`.
    fn own_fields(&mut self) -> Vec<(&'static str, Node)> {
        let mut own: Vec<(&'static str, Node)> = Vec::new();
        let mut take = |name: &str, node: &Node| {
            if let Some(field) = OWN_FIELDS.iter().find(|field| field.name == name) {
                own.push((field.name, node.clone()));
            }
        };
        for (name, node) in &self.fields {
            take(name, node);
        }
        let Some(options) = self.node("builder_options") else {
            return own;
        };
        let Data::Mapping(pairs) = &options.data else {
            self.wrong_kind("builder_options", Kind::AnyMap, &options);
            return own;
        };
        for (key, value) in pairs {
            let name = key.text().unwrap_or_default().to_owned();
            if !OWN_FIELDS.iter().any(|field| field.name == name) {
                self.report(
                    Diagnostic::warning(
                        "unknown-builder-option",
                        format!("`builder_options.{name}` is not an option of this builder; it counts in the tag and does nothing"),
                    )
                    .at(key.span),
                );
            } else if own.iter().any(|(known, _)| *known == name) {
                self.report(
                    Diagnostic::error(
                        "field-in-two-places",
                        format!("`{name}` stands at the top level and under `builder_options`"),
                    )
                    .at(key.span)
                    .help("keep one of the two"),
                );
            } else {
                let field = OWN_FIELDS.iter().find(|field| field.name == name);
                own.extend(field.map(|field| (field.name, value.clone())));
            }
        }
        own
    }

    fn node(&self, name: &str) -> Option<Node> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, node)| node.clone())
    }

    fn wrong_kind(&mut self, name: &str, kind: Kind, node: &Node) {
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
            (Kind::TextList, Some(text)) => format!("write a list: `{name}: [{}]`", quoted(text)),
            (Kind::Text, Some(text)) => format!("put it into quotes: `{name}: \"{text}\"`"),
            _ => format!("`{name}` takes {words}"),
        };
        self.report(diagnostic.help(help));
    }

    fn text(&mut self, name: &'static str, node: &Node) -> Option<TextValue> {
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
    fn representable(&mut self, field: &str, node: &Node) {
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
    fn python_version_number(&mut self, typed: &Value, text: &str, span: Span) {
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

    fn text_list(&mut self, name: &'static str, node: &Node) -> Option<TextList> {
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

    fn ports(&mut self, node: &Node) -> Option<TextList> {
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

    fn text_map(&mut self, name: &'static str, node: &Node) -> Option<TextMap> {
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

    fn field_text(&mut self, name: &'static str) -> Option<TextValue> {
        self.node(name).and_then(|node| self.text(name, &node))
    }

    /// A text; an empty one counts as absent.
    fn filled(&mut self, name: &'static str) -> Option<TextValue> {
        self.field_text(name).filter(|text| !text.value.is_empty())
    }

    fn field_list(&mut self, name: &'static str) -> Option<TextList> {
        self.node(name).and_then(|node| self.text_list(name, &node))
    }

    fn field_map(&mut self, name: &'static str) -> Option<TextMap> {
        self.node(name).and_then(|node| self.text_map(name, &node))
    }

    fn name(&mut self) -> String {
        self.field_text("name")
            .map_or_else(|| "flytekit".to_owned(), |name| name.value.to_lowercase())
    }

    fn base_image(&mut self) -> Option<BaseImage> {
        let node = self.node("base_image")?;
        match &node.data {
            Data::Mapping(_) => {
                let mut nested = SpecReader {
                    path: format!("{}base_image.", self.path),
                    diagnostics: &mut *self.diagnostics,
                    fields: Vec::new(),
                };
                let before = nested.diagnostics.len();
                let spec = nested.spec(&node);
                // To flytekit it is a mapping like any other, which it hashes as it is.
                for diagnostic in self.diagnostics.iter_mut().skip(before) {
                    if diagnostic.rule != "yaml-value" {
                        diagnostic.stops = Operation::Building;
                    }
                }
                let spec = spec?;
                Some(BaseImage::Spec(Spanned::new(Box::new(spec), node.span)))
            }
            Data::Scalar { .. } if python::scalar(&node).is_text() => {
                let text = self.text("base_image", &node)?;
                (!text.value.is_empty()).then_some(BaseImage::Reference(text))
            }
            _ => {
                self.wrong_kind("base_image", Kind::BaseImage, &node);
                None
            }
        }
    }

    fn secret_mounts(&mut self) -> Vec<SecretMount> {
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

    fn wrong_secret(&mut self, item: &Node) {
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
    fn choice<T>(
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

    fn flag(&mut self, name: &'static str, node: &Node) -> Option<Spanned<bool>> {
        match python::scalar(node) {
            Value::Bool(value) => Some(Spanned::new(value, node.span)),
            _ => {
                self.wrong_kind(name, Kind::Flag, node);
                None
            }
        }
    }

    fn builder_config(&mut self) -> (Option<TextValue>, Option<TextValue>) {
        let Some(node) = self.node("builder_config") else {
            return (None, None);
        };
        let Data::Mapping(pairs) = &node.data else {
            self.wrong_kind("builder_config", Kind::AnyMap, &node);
            return (None, None);
        };
        let (mut uv, mut micromamba) = (None, None);
        for (key, value) in pairs {
            match key.text().unwrap_or_default() {
                "uv_image" => uv = self.text("uv_image", value),
                "micromamba_image" => micromamba = self.text("micromamba_image", value),
                other => {
                    let warning = Diagnostic::warning(
                        "unknown-builder-config",
                        format!("`builder_config.{other}` is not known to this builder; it counts in the tag and does nothing"),
                    )
                    .at(key.span);
                    let warning = match closest(other, BUILDER_CONFIG_KEYS) {
                        Some(candidate) => warning.help(format!("did you mean `{candidate}`?")),
                        None => warning,
                    };
                    self.report(warning);
                }
            }
        }
        (uv, micromamba)
    }

    /// Values that PyYAML refuses anywhere make the file unreadable to flytekit.
    fn check_hashable(&mut self, spec: &ImageSpec) {
        for (name, node) in &spec.raw {
            if !matches!(name.as_str(), "pip_secret_mounts" | "base_image")
                && let Err(error) = python::value(node)
            {
                let problem = Diagnostic::error("yaml-value", &error.message).at(error.span);
                let help = "write a text, number, list or mapping without a tag; a text may need quotes";
                self.report(problem.help(help).caused_by(error));
            }
        }
    }
}

/// A value as Python would print it.
fn shown(value: &Value) -> String {
    python::repr(value, Unicode::default())
}

fn quoted(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)) {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}
