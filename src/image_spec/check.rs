//! The rules that a spec must keep beyond the kinds of its values, those on packages aside.

use crate::flytekit::{registry_is_valid, tag_format};
use crate::image_spec::conda_python::CondaPython;
use crate::image_spec::model::{BaseImage, ImageSpec};
use crate::image_spec::secret::{APT_CREDENTIAL_HELP, CREDENTIAL_HELP};
use crate::image_spec::types::TextValue;
use crate::oci::{NOT_LINUX, Platform, Reference};
use crate::python::Unicode;
use crate::text::yaml::{Data, Node};
use crate::text::{CREDENTIAL_RULE, Diagnostic, Span, climbs, has_credential, redact, relative_to};

/// The oldest uv that compiles only what it has just installed.
const OLDEST_UV: (u32, u32, u32) = (0, 11, 28);
/// The fewest characters of a hash that tell images apart.
const MIN_KEPT: usize = 8;

/// Adds a diagnostic for every rule that a spec breaks.
pub(super) fn check(spec: &ImageSpec, diagnostics: &mut Vec<Diagnostic>) {
    let mut checker = Checker { diagnostics };
    checker.spec(spec);
}

pub(super) struct Checker<'a> {
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    pub(super) fn error(&mut self, rule: &'static str, message: impl AsRef<str>, span: Span, help: &str) {
        self.diagnostics
            .push(Diagnostic::build_error(rule, message).at(span).help(help));
    }

    pub(super) fn warning(&mut self, rule: &'static str, message: impl AsRef<str>, span: Span, help: &str) {
        self.diagnostics
            .push(Diagnostic::warning(rule, message).at(span).help(help));
    }

    fn spec(&mut self, spec: &ImageSpec) {
        let nested = matches!(spec.base_image, Some(BaseImage::Spec(_)));
        for (name, node) in &spec.raw {
            // A nested spec is checked as a spec.
            let help = match name.as_str() {
                "apt_sources" => APT_CREDENTIAL_HELP,
                _ => CREDENTIAL_HELP,
            };
            if !(nested && name == "base_image") {
                self.credentials(node, help);
            }
        }
        self.registry(spec);
        self.images(spec);
        self.pins(spec);
        self.platform(spec);
        self.packages(spec);
        self.python(spec);
        self.files(spec);
        self.environment(spec);
        self.secrets(spec);
        if let Some(format) = &spec.tag_format {
            self.tag_format(format);
        }
        if let Some(builder) = spec
            .builder
            .as_ref()
            .filter(|b| !matches!(b.value.as_str(), "default" | "imagespec"))
        {
            let message = format!("`builder: {}` is not used; imagespec builds the image", builder.value);
            self.warning(
                "builder-ignored",
                message,
                builder.span,
                "leave `builder` out, or keep it for flytekit",
            );
        }
        for (name, value) in [("cuda", &spec.cuda), ("cudnn", &spec.cudnn)] {
            if let Some(value) = value {
                let message = format!("`{name}` is not supported");
                let help = "take the libraries from PyPI or conda, or a base image that has them, such as nvidia/cuda";
                self.error("cuda", message, value.span, help);
            }
        }
    }

    /// Checks every string, keys included: whatever is in a spec ends up in an image's history or a log.
    fn credentials(&mut self, node: &Node, help: &str) {
        // Recursion is bounded by the reader's depth limit.
        match &node.data {
            Data::Scalar { text, .. } => {
                if has_credential(text) {
                    let message = format!("`{}` has a credential in its URL", redact(text));
                    let help = format!("take it out and {help}");
                    self.error(CREDENTIAL_RULE, message, node.span, &help);
                }
            }
            Data::Sequence(items) => items.iter().for_each(|item| self.credentials(item, help)),
            Data::Mapping(pairs) => {
                for (key, value) in pairs {
                    self.credentials(key, help);
                    self.credentials(value, help);
                }
            }
        }
    }

    fn registry(&mut self, spec: &ImageSpec) {
        let Some(registry) = spec.registry.as_ref().filter(|r| !r.value.is_empty()) else {
            return;
        };
        if !registry_is_valid(&registry.value, Unicode::default()) {
            // The part before `@` may be a password.
            if registry.value.contains('@') {
                let message = "`registry` has a user or password in it";
                let help = "write for example ghcr.io/acme, and log in with `docker login`";
                self.diagnostics
                    .push(Diagnostic::error(CREDENTIAL_RULE, message).at(registry.span).help(help));
                return;
            }
            let message = format!(
                "`{}` is not a registry: a host name, optionally with a port, and a path",
                registry.value
            );
            let help = "write for example ghcr.io/acme or localhost:5000, without a scheme, tag or final slash";
            self.diagnostics
                .push(Diagnostic::error("registry", message).at(registry.span).help(help));
        }
    }

    fn images(&mut self, spec: &ImageSpec) {
        match &spec.base_image {
            Some(BaseImage::Spec(nested)) => self.spec(&nested.value),
            Some(BaseImage::Reference(reference)) => self.reference("base_image", reference),
            None => {}
        }
        if let Some(image) = &spec.micromamba_image {
            self.reference("builder_config.micromamba_image", image);
        }
        if let Some(image) = &spec.uv_image {
            self.reference("builder_config.uv_image", image);
            let tag = Reference::parse(&image.value).ok().and_then(|r| r.tag);
            if tag.as_deref().and_then(version).is_some_and(|found| found < OLDEST_UV) {
                let (major, minor, patch) = OLDEST_UV;
                let message = format!(
                    "builder_config.uv_image `{}` has a uv older than {major}.{minor}.{patch}",
                    image.value
                );
                self.error(
                    "uv-too-old",
                    message,
                    image.span,
                    "name a newer image, or leave `uv_image` out",
                );
            }
        }
    }

    fn tag_format(&mut self, format: &TextValue) {
        // Hashes that differ everywhere show what the format keeps of them.
        let [one, other] = ["a", "b"].map(|digit| tag_format(&format.value, &digit.repeat(22)));
        match (one, other) {
            (Err(error), _) | (_, Err(error)) => {
                let help = "write for example \"{spec_hash}-dev\", and a literal brace twice";
                self.error("tag-format", format!("tag_format: {error}"), format.span, help);
            }
            (Ok(one), Ok(other)) => {
                let kept = one
                    .chars()
                    .zip(other.chars())
                    .filter(|(one, other)| one != other)
                    .count();
                if kept < MIN_KEPT {
                    let message = match kept {
                        0 => "tag_format gives all images of this name the same tag".to_owned(),
                        _ => format!("tag_format keeps {kept} characters of the hash: two images may get the same tag"),
                    };
                    let help = format!(
                        "put `{{spec_hash}}` into it, or at least {MIN_KEPT} characters of it: `{{spec_hash:.{MIN_KEPT}}}`"
                    );
                    self.warning("tag-format-short", message, format.span, &help);
                }
            }
        }
    }

    fn pins(&mut self, spec: &ImageSpec) {
        for (name, digest) in spec.pins.iter().flat_map(|pins| &pins.value) {
            self.reference("pins", name);
            let hex = digest.value.strip_prefix("sha256:").unwrap_or("");
            if hex.len() != 64 || !hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) {
                let message = format!("`{}` is not the digest of an image", digest.value);
                let help = "a digest is sha256: and 64 hexadecimal digits";
                self.error("pin", message, digest.span, help);
            }
        }
    }

    fn reference(&mut self, field: &str, text: &TextValue) {
        if let Err(error) = Reference::parse(&text.value) {
            let help = "write for example debian:bookworm-slim or ghcr.io/acme/base:1.2";
            self.error("image-reference", format!("{field}: {error}"), text.span, help);
        }
    }

    fn platform(&mut self, spec: &ImageSpec) {
        let Some(text) = &spec.platform else { return };
        for part in text.value.split(',') {
            match part.trim().parse::<Platform>() {
                Ok(platform) if platform.os == "linux" => {}
                Ok(platform) => {
                    let message = format!("platform `{platform}` {NOT_LINUX}");
                    self.error(
                        "platform",
                        message,
                        text.span,
                        "write for example linux/amd64 or linux/arm64",
                    );
                }
                Err(error) => self.error(
                    "platform",
                    error.to_string(),
                    text.span,
                    "write for example linux/amd64",
                ),
            }
        }
    }

    fn python(&mut self, spec: &ImageSpec) {
        if let Some(version) = &spec.python_version {
            let ok = version.value.starts_with(|c: char| c.is_ascii_digit())
                && version
                    .value
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '*'));
            if !ok {
                let message = format!("`{}` is not a Python version", version.value);
                self.error(
                    "python-version",
                    message,
                    version.span,
                    "write for example \"3.12\" or \"3.12.4\"",
                );
            }
        }
        self.conda_python(spec);
        let Some(exec) = &spec.python_exec else { return };
        if exec.value.trim().is_empty() || exec.value.starts_with('-') {
            let message = format!("`python_exec: {}` names no interpreter", exec.value);
            self.error(
                "python-exec",
                message,
                exec.span,
                "write a path such as /usr/bin/python3, or a name on PATH",
            );
        }
        for (field, list) in [
            ("conda_packages", &spec.conda_packages),
            ("conda_channels", &spec.conda_channels),
        ] {
            if let Some(list) = list.as_ref().filter(|list| !list.value.is_empty()) {
                let message =
                    format!("`{field}` needs a conda environment, `python_exec` uses an existing interpreter");
                self.error("python-exec-with-conda", message, list.span, "leave one of the two out");
            }
        }
        if let Some(version) = &spec.python_version {
            let message = "`python_version` has no effect with `python_exec`";
            self.warning(
                "python-version-unused",
                message,
                version.span,
                "leave one of the two out",
            );
        }
    }

    /// What an entry of `conda_packages` asks for, against `python_version` of the same spec or of one below.
    fn conda_python(&mut self, spec: &ImageSpec) {
        let Some(python) = CondaPython::of(spec) else { return };
        let chosen = spec.all().find_map(|spec| spec.python_version.as_ref());
        if let Some(chosen) = chosen.filter(|chosen| !python.allows(&chosen.value)) {
            let message = format!(
                "`conda_packages` has `{}`, and `python_version` is {}",
                python.entry.value, chosen.value
            );
            let help = "leave one of the two out: without `python_version`, the entry decides";
            self.error("python-version", message, python.entry.span, help);
        }
    }

    fn files(&mut self, spec: &ImageSpec) {
        for entry in spec.copies() {
            self.context_path("copy", &entry.source);
            if let Some(target) = &entry.target {
                let climbs = climbs(&target.value).then_some("which has `..` in it");
                let expands = target
                    .value
                    .starts_with(['~', '$'])
                    .then_some("where nothing is expanded");
                for why in climbs.into_iter().chain(expands) {
                    let message = format!("`copy` goes to {}, {why}", target.value);
                    let help = "write an absolute path, or one below `copy_to`";
                    self.error("absolute-path", message, target.span, help);
                }
            }
            let place = spec.place_of(entry);
            if let Some(kernels) = ["/dev", "/proc", "/sys"]
                .iter()
                .find(|path| relative_to(&place, path).is_some())
            {
                let span = entry.target.as_ref().map_or(entry.span, |target| target.span);
                let message =
                    format!("`copy` goes to {place}, but what is in {kernels} of a container is not the image's");
                self.error("copy-target", message, span, "write another path");
            }
            self.account("owner", entry.owner.as_ref());
        }
        if let Some(root) = &spec.source_root {
            self.context_path("source_root", root);
            if spec.source_copy_mode.is_none() {
                let message = "`source_root` without `source_copy_mode` copies nothing";
                self.warning(
                    "source-not-copied",
                    message,
                    root.span,
                    "add `source_copy_mode: all` to copy it",
                );
            }
        } else if let Some(mode) = spec
            .source_copy_mode
            .as_ref()
            .filter(|m| m.value != super::SourceCopyMode::None)
        {
            let message = "`source_copy_mode` needs `source_root`, the directory to copy";
            self.error(
                "source-root-missing",
                message,
                mode.span,
                "add `source_root: .` or a directory",
            );
        }
        for (field, path) in [("copy_to", &spec.copy_to), ("workdir", &spec.workdir)] {
            let Some(path) = path else { continue };
            if !path.value.starts_with('/') || climbs(&path.value) {
                let message = format!("`{field}: {}` is not an absolute path without `..`", path.value);
                self.error("absolute-path", message, path.span, "write for example /app");
            }
        }
    }

    pub(super) fn context_path(&mut self, field: &str, path: &TextValue) {
        if path.value.is_empty() {
            self.error(
                "context-path",
                format!("an entry of `{field}` is empty"),
                path.span,
                "name a file or directory",
            );
        } else if path.value.starts_with('/') {
            let message = format!("`{field}: {}` is an absolute path", path.value);
            self.error(
                "context-path",
                message,
                path.span,
                "paths are relative to the build context",
            );
        } else if climbs(&path.value) {
            let message = format!("`{field}: {}` leaves the build context", path.value);
            self.error(
                "context-path",
                message,
                path.span,
                "build from a directory that holds all the files",
            );
        }
    }

    fn environment(&mut self, spec: &ImageSpec) {
        for (field, map) in [("env", &spec.env), ("build_env", &spec.build_env)] {
            for (name, _) in map.iter().flat_map(|map| &map.value) {
                if name.value.is_empty() || name.value.contains('=') || name.value.contains(char::is_whitespace) {
                    let message = format!("`{}` in `{field}` is not the name of a variable", name.value);
                    self.error(
                        "variable-name",
                        message,
                        name.span,
                        "a name has no `=` and no white space",
                    );
                }
            }
        }
        for (name, _) in spec.labels.iter().flat_map(|map| &map.value) {
            if name.value.is_empty() {
                self.error(
                    "label-name",
                    "a label has an empty name",
                    name.span,
                    "write for example org.opencontainers.image.source",
                );
            }
        }
        self.account("user", spec.user.as_ref());
    }

    /// A user, and perhaps a group.
    fn account(&mut self, field: &str, name: Option<&TextValue>) {
        let Some(name) = name else { return };
        let is_part =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        let mut parts = name.value.splitn(2, ':');
        if !parts.all(is_part) {
            let message = format!("`{field}: {}` is not a user", name.value);
            let help = "write a name or number, optionally with `:` and a group";
            self.error("user", message, name.span, help);
        }
    }
}

/// The version at the start of a tag.
fn version(tag: &str) -> Option<(u32, u32, u32)> {
    let tag = tag.split('-').next().unwrap_or(tag);
    let mut parts = tag.trim_start_matches('v').split('.').map(str::parse);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    // `0.12` means its newest patch.
    let patch = parts.next().map_or(Some(u32::MAX), Result::ok)?;
    Some((major, minor, patch))
}
