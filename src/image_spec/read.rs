//! From nodes to the typed model. It collects every problem instead of stopping at the first.

use crate::flytekit::{FLYTEKIT_FIELDS, Kind};
use crate::image_spec::algorithm::Algorithm;
use crate::image_spec::choice;
use crate::image_spec::field::{self, BUILDER_CONFIG_KEYS, OWN_FIELDS};
use crate::image_spec::model::{BaseImage, ImageSpec};
use crate::image_spec::types::{FileMode, Layering, Profile, TextList, TextMap, TextValue};
use crate::python::{self, RequirementsLines, Value, kind as kind_of, read_lines};
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

pub(super) struct SpecReader<'a> {
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The path to a nested spec, for example `base_image.`.
    pub(super) path: String,
    fields: Vec<(String, Node)>,
}

impl SpecReader<'_> {
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
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
        let packages = self.field_list("packages");
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
            listed: listed(packages.as_ref()),
            packages,
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
            copy: self.copies(),
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
            secrets: own_node("secrets").map(|node| self.secrets(node)).unwrap_or_default(),
            build_env: own_map(self, "build_env"),
            setup_commands: own_list(self, "setup_commands"),
            pins: own_map(self, "pins"),
            layering: self
                .choice(layering, choice::layering)
                .map_or_else(Layering::default, |l| l.value),
            heavy: own_list(self, "heavy"),
            extras: own_list(self, "extras"),
            groups: own_list(self, "groups"),
            members: own_list(self, "members"),
            debconf: own_list(self, "debconf"),
            apt_sources: own_node("apt_sources").and_then(|node| self.apt_sources(node)),
            describe: own_node("describe")
                .and_then(|node| self.flag("describe", node))
                .is_none_or(|wish| wish.value),
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
                let message = format!(
                    "`builder_options.{name}` is not an option of this builder; it counts in the tag and does nothing"
                );
                let warning = Diagnostic::warning("unknown-builder-option", message).at(key.span);
                let known = OWN_FIELDS.iter().map(|field| field.name);
                self.report(match closest(&name, known) {
                    Some(candidate) => warning.help(format!("did you mean `{candidate}`?")),
                    None => warning,
                });
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

    pub(super) fn node(&self, name: &str) -> Option<Node> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, node)| node.clone())
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

/// Reads each entry of `packages` as a requirements file.
fn listed(packages: Option<&TextList>) -> Vec<Spanned<RequirementsLines>> {
    let one_line = |entry: &&TextValue| !entry.value.trim().is_empty() && !entry.value.contains(['\n', '\r']);
    let entries = packages.into_iter().flat_map(|list| &list.value).filter(one_line);
    entries
        .map(|entry| Spanned::new(read_lines(&entry.value), entry.span))
        .collect()
}
