//! What is wrong with a spec and its files, as far as it is known without a build, and what only a build finds out.

use crate::image_spec::{BaseImage, ImageSpec};
use crate::plan;
use crate::text::{Diagnostic, Failure, Severity, Span};

/// Problems and warnings of a spec and its files, each once.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Findings {
    /// Keeps what somebody found, by how bad it is. What is a problem is not a warning, too.
    pub(crate) fn add(&mut self, found: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in found {
            let list = match diagnostic.severity {
                Severity::Error => &mut self.problems,
                Severity::Warning => &mut self.warnings,
            };
            let is_known = |known: &Diagnostic| known.message == diagnostic.message && known.place == diagnostic.place;
            if !list.iter().any(is_known) {
                list.push(diagnostic);
            }
        }
        for problem in &self.problems {
            self.warnings
                .retain(|warning| (warning.rule, &warning.place) != (problem.rule, &problem.place));
        }
    }

    /// Keeps the problems of what failed.
    pub(crate) fn kept<T>(&mut self, result: Result<T, impl Into<Failure>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(failure) => {
                self.add(failure.into().problems);
                None
            }
        }
    }

    /// Whether there is nothing to say.
    pub(crate) fn are_none(&self) -> bool {
        self.problems.is_empty() && self.warnings.is_empty()
    }
}

/// What only a build finds out: networks, engines and commands are not asked.
pub(crate) fn unchecked(spec: &ImageSpec, has_sibling_lock: bool) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut push = |span: Option<Span>, message: String| {
        found.push(Diagnostic::warning("not-checked", message).at_known(span));
    };
    let needs = plan::needs(spec);
    let base = spec.all().find_map(|spec| match &spec.base_image {
        Some(BaseImage::Reference(reference)) => Some(reference.span),
        _ => None,
    });
    if needs.base != "scratch" {
        push(
            base,
            format!("whether the image {} is there, and what it sets", needs.base),
        );
    }
    for (above, spec) in spec.all().enumerate() {
        let locked = above == 0 && has_sibling_lock || spec.requirements_file().is_some_and(|file| file.is_lock());
        if let Some(list) = spec.apt_sources.as_ref().filter(|list| !list.value.is_empty()) {
            push(
                Some(list.span),
                "`apt_sources`: whether these repositories are there, and signed by these keys".to_owned(),
            );
        }
        let lists = [
            (
                "apt_packages",
                &spec.apt_packages,
                "whether apt has these packages in these versions",
            ),
            (
                "conda_packages",
                &spec.conda_packages,
                "whether the channels have these packages, and whether they go together",
            ),
            ("setup_commands", &spec.setup_commands, "what these commands do"),
            ("commands", &spec.commands, "what these commands do"),
        ];
        for (field, list, what) in lists {
            let span = list.as_ref().map(|list| list.span);
            if ImageSpec::strings(list).next().is_some() {
                push(span, format!("`{field}`: {what}"));
            }
        }
        let listed = spec.packages.as_ref().map(|list| list.span);
        let named = spec.requirements.as_ref().map(|file| file.span);
        match (locked, listed.or(named)) {
            (true, span) => push(
                named.or(span),
                "whether the files of the lock can be fetched".to_owned(),
            ),
            (false, Some(span)) => push(
                Some(span),
                "whether the indexes have these packages, and whether they go together".to_owned(),
            ),
            (false, None) => {}
        }
        if let Some(args) = spec
            .pip_extra_args
            .as_ref()
            .filter(|_| spec.extra_arguments("").is_unisolated && !locked)
        {
            push(
                Some(args.span),
                "`pip_extra_args`: whether what is built without isolation finds in `base_image` what it imports: it does not see `packages`"
                    .to_owned(),
            );
        }
        if let Some(first) = spec.named_secrets().find(|secret| secret.is_required) {
            push(Some(first.span), "whether the secrets are given".to_owned());
        }
    }
    found
}
