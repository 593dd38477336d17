//! What the files that a spec copies are, and what is said of those that do not go into the image as they are.

use crate::files::{Choice, Chosen, CopiedPath, Copying, literal_pattern};
use crate::image_spec::{Algorithm, CopyEntry, ImageSpec};
use crate::plan::{self, CopiesFacts, CopyFacts, CopyLink};
use crate::text::{Diagnostic, Span, context_path};

/// What a spec and those below it copy, the outermost first: what to look at before they are planned.
pub(crate) fn copying(spec: &ImageSpec, algorithm: Algorithm) -> Vec<Copying> {
    let needs = plan::needs(spec);
    let pythons = needs.storeys.iter().rev().map(|storey| storey.python.as_ref());
    let of_spec = |(spec, python): (&ImageSpec, _)| Copying {
        source: spec.copied_source().map(|root| root.value.clone()),
        is_prefixed: algorithm == Algorithm::Flytekit,
        target: context_path(spec.copy_target()),
        copy: spec.copies().map(|entry| copied_path(spec, entry)).collect(),
        owned: plan::owned_paths(python),
    };
    spec.all().zip(pythons).map(of_spec).collect()
}

fn copied_path(spec: &ImageSpec, entry: &CopyEntry) -> CopiedPath {
    let target = spec.place_of(entry);
    CopiedPath {
        path: context_path(&entry.source.value),
        target: context_path(&target),
        is_into: target.ends_with('/') && target != "/",
        exclude: entry.exclude.iter().map(|pattern| pattern.value.clone()).collect(),
    }
}

/// Whether a spec, or one below it, copies anything.
pub(crate) fn copies_anything(spec: &ImageSpec) -> bool {
    let copies = |spec: &ImageSpec| spec.copied_source().is_some() || spec.copies().next().is_some();
    spec.all().any(copies)
}

/// What a plan is told about the copies of a spec.
pub(crate) fn facts(chosen: &Chosen) -> CopiesFacts {
    CopiesFacts {
        source: of_choice(&chosen.source, &plan::NOT_SOURCE),
        copy: chosen.copy.iter().map(|choice| of_choice(choice, &[])).collect(),
    }
}

fn of_choice(choice: &Choice, never: &[&str]) -> CopyFacts {
    let out = || choice.without.iter().chain(&choice.links);
    let links = choice.links.iter().zip(&choice.targets).map(|(path, to)| {
        let inside = out().filter_map(|other| other.strip_prefix(path)?.strip_prefix('/'));
        let never = never.iter().map(|pattern| (*pattern).to_owned());
        CopyLink {
            path: path.clone(),
            source: if to.is_empty() { ".".to_owned() } else { to.clone() },
            exclude: never.chain(inside.map(literal_pattern)).collect(),
        }
    });
    CopyFacts {
        without: out().map(|path| literal_pattern(path)).collect(),
        links: links.collect(),
    }
}

/// What users are told of the copies of a spec.
pub(crate) fn warnings(spec: &ImageSpec, chosen: &Chosen, algorithm: Algorithm) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    if let Some(root) = spec.copied_source() {
        let words = Words {
            field: format!("source_root: {}", root.value),
            target: spec.copy_target().to_owned(),
            place: root.span,
        };
        words.of(&chosen.source, algorithm, &mut warnings);
    }
    for (entry, choice) in spec.copies().zip(&chosen.copy) {
        let words = Words {
            field: format!("copy: {}", entry.source.value),
            target: entry
                .target
                .as_ref()
                .map_or(spec.copy_target().to_owned(), |_| spec.place_of(entry)),
            place: entry.span,
        };
        words.of(choice, algorithm, &mut warnings);
    }
    warnings
}

/// One copy, as messages name it.
struct Words {
    field: String,
    /// Where it goes.
    target: String,
    place: Span,
}

impl Words {
    fn of(&self, choice: &Choice, algorithm: Algorithm, warnings: &mut Vec<Diagnostic>) {
        let mut warn = |rule, message: String, help: &str| {
            warnings.push(Diagnostic::warning(rule, message).at(self.place).help(help));
        };
        let field = &self.field;
        if let Some(path) = choice.kept_out.first() {
            let target = &self.target;
            let what = match path.as_str() {
                "" => format!("`{field}` is not copied: it"),
                path => format!("`{path}` of `{field}` is not copied: it"),
            };
            let message = format!("{what} would replace what the build makes for Python, below {target}");
            warn(
                "copy-over-python",
                message,
                "leave it out with .dockerignore, or copy to another place with `copy_to`",
            );
        }
        if let Some(named) = named(&choice.broken) {
            let message = format!(
                "`{field}` has {named} out of what is copied, to nothing in the build context: in the image it leads where there may be nothing"
            );
            warn(
                "link-leads-out",
                message,
                "put a file in the place of the link, or leave it out with .dockerignore",
            );
        }
        if let Some(named) = named(&choice.directories).filter(|_| algorithm != Algorithm::Content) {
            let message = format!(
                "`{field}` has {named} to a directory outside: its files are copied, but flytekit's tag does not count them"
            );
            warn(
                "tag-incomplete",
                message,
                "put the directory in the place of the link, or use `tag_algorithm: content`",
            );
        }
    }
}

/// "the link `a`" or "3 links, `a` for one, that lead".
fn named(links: &[String]) -> Option<String> {
    Some(match links {
        [] => return None,
        [one] => format!("a link, `{one}`, that leads"),
        [first, ..] => format!("{} links, `{first}` for one, that lead", links.len()),
    })
}
