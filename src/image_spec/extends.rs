//! `extends`: a spec that builds on the fields of another file.

use crate::python::{self, Value, kind as kind_of};
use crate::text::yaml::{self, Data, Node};
use crate::text::{Diagnostic, Place, ProblemKind, Span, Text, directory_of, join};

/// The field.
const FIELD: &str = "extends";
/// The most files that a spec is made of.
const MAX_FILES: usize = 16;
/// Fields whose values stand for themselves: no entries are added to those of the other file.
const WHOLE: [&str; 2] = ["entrypoint", "base_image"];

/// A file that a spec extends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extended {
    /// Its path, relative to what the name of the outermost spec is relative to.
    pub path: String,
    /// Where it is named, in the text that it is to be added to.
    pub span: Span,
}

impl Extended {
    /// The error that there is no such file.
    #[must_use]
    pub fn missing(&self) -> Diagnostic {
        let message = format!("`{FIELD}` names {}, which is not there", self.path);
        let problem = Diagnostic::error(FIELD, message)
            .at(self.span)
            .kind(ProblemKind::Missing);
        problem.help("the path is relative to the file that names it; the ignore file does not hide it")
    }
}

/// The file that the last part of a text extends and that is not a part of it yet: whoever reads files adds it, and asks
/// again.
///
/// # Errors
/// When the field names no file that could be read. What else is wrong with the part says [`parse`](super::parse).
pub fn extended(text: &Text) -> Result<Option<Extended>, Diagnostic> {
    let (start, last) = text.last();
    let Some(node) = yaml::parse(last).ok().and_then(|root| named(&root)) else {
        return Ok(None);
    };
    let span = shifted(node.span, start);
    let wrong = |message: String, help: &str| Diagnostic::error(FIELD, message).at(span).help(help);
    let Some(value) = node
        .text()
        .filter(|text| python::scalar(&node).is_text() && !text.is_empty())
    else {
        let message = format!("`{FIELD}` takes the path of a file, this is {}", kind_of(&node));
        return Err(wrong(message, "name one file; it may extend another one itself"));
    };
    let top = directory_of(text.name());
    let below = directory_of(last.name()).strip_prefix(top).unwrap_or_default();
    let Some(path) = join(below.trim_start_matches('/'), value) else {
        let message = format!("`{FIELD}: {value}` is outside of the directory of the spec");
        let help =
            "builds see the files beside the spec and below: put the file there, and name it relative to this one";
        return Err(wrong(message, help));
    };
    let path = match top {
        "" if text.name().starts_with('/') => format!("/{path}"),
        "" => path,
        top => format!("{top}/{path}"),
    };
    let names: Vec<&str> = text.parts().map(|(_, part)| part.name()).collect();
    if names.contains(&path.as_str()) {
        let circle = names
            .iter()
            .skip_while(|name| **name != path)
            .copied()
            .chain([path.as_str()]);
        let circle: Vec<&str> = circle.collect();
        let message = format!("these files extend each other: {}", circle.join(", "));
        return Err(wrong(message, "take `extends` out of one of them"));
    }
    if names.len() == MAX_FILES {
        let message = format!("a spec may be made of {MAX_FILES} files");
        return Err(wrong(message, "put several of them together"));
    }
    Ok(Some(Extended { path, span }))
}

/// The fields of all parts of a text: each adds to the one that it extends.
///
/// # Errors
/// When a part is not YAML, or was not added.
pub(super) fn read(text: &Text) -> Result<Node, Diagnostic> {
    let mut parts = Vec::new();
    for (start, part) in text.parts() {
        let problem = |mut problem: Diagnostic| {
            if let Place::Span(span) = &mut problem.place {
                *span = shifted(*span, start);
            }
            problem
        };
        parts.push(moved(yaml::parse(part).map_err(problem)?, start));
    }
    let missing = parts.last().and_then(named).map(|node| node.span);
    if let Some(span) = missing {
        let problem = Diagnostic::error(FIELD, format!("`{FIELD}` is not read here")).at(span);
        return Err(problem.help("a spec from standard input extends no files: name it as a file"));
    }
    let mut parts = parts.into_iter().rev();
    let first = parts
        .next()
        .ok_or_else(|| Diagnostic::internal("a spec without a text"))?;
    Ok(parts.fold(first, extend))
}

/// The value of the field.
fn named(root: &Node) -> Option<Node> {
    let Data::Mapping(pairs) = &root.data else { return None };
    let mut found = pairs.iter().filter(|(key, _)| key.text() == Some(FIELD));
    found.next_back().map(|(_, value)| value.clone())
}

/// A mapping with the fields of another one, which it extends.
fn extend(base: Node, mut own: Node) -> Node {
    if let Data::Mapping(pairs) = &mut own.data {
        pairs.retain(|(key, _)| key.text() != Some(FIELD));
    }
    combined(base, own)
}

fn combined(base: Node, own: Node) -> Node {
    let is_plain = base.tag.is_none() && own.tag.is_none();
    let data = match (base.data, own.data) {
        (Data::Mapping(base), Data::Mapping(own)) if is_plain => Data::Mapping(combined_pairs(base, own)),
        (Data::Sequence(mut base), Data::Sequence(own)) if is_plain => {
            base.extend(own);
            Data::Sequence(base)
        }
        (_, data) => data,
    };
    Node { data, ..own }
}

/// The keys of the base stand first, as in a Python dictionary that is updated: the order of some mappings counts in tags.
/// An explicit null takes a key away.
fn combined_pairs(base: Vec<(Node, Node)>, own: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    let is_key = |node: &Node, other: &Node| node.text().is_some() && node.text() == other.text();
    let is_null = |node: &Node| matches!(node.data, Data::Scalar { .. }) && python::scalar(node) == Value::None;
    let mut pairs: Vec<(Node, Node)> = Vec::with_capacity(base.len() + own.len());
    for (key, value) in base {
        let mut replaced = own.iter().filter(|(name, _)| is_key(name, &key)).peekable();
        if replaced.peek().is_none() {
            pairs.push((key, value));
            continue;
        }
        // One that is written twice stays so, and is told.
        for (name, new) in replaced.filter(|(_, new)| !is_null(new)) {
            let is_whole = name.text().is_some_and(|name| WHOLE.contains(&name));
            let new = if is_whole {
                new.clone()
            } else {
                combined(value.clone(), new.clone())
            };
            pairs.push((name.clone(), new));
        }
    }
    let known: Vec<(Node, Node)> = own
        .into_iter()
        .filter(|(name, new)| !pairs.iter().any(|(key, _)| is_key(key, name)) && !is_null(new))
        .collect();
    pairs.extend(known);
    pairs
}

fn shifted(span: Span, by: usize) -> Span {
    Span {
        start: span.start + by,
        end: span.end + by,
    }
}

/// A node of a part, with the places of the whole. Depth is bounded by the reader.
fn moved(mut node: Node, by: usize) -> Node {
    node.span = shifted(node.span, by);
    node.data = match node.data {
        Data::Sequence(items) => Data::Sequence(items.into_iter().map(|item| moved(item, by)).collect()),
        Data::Mapping(pairs) => {
            let pairs = pairs.into_iter();
            Data::Mapping(pairs.map(|(key, value)| (moved(key, by), moved(value, by))).collect())
        }
        scalar => scalar,
    };
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_spec::parse;
    use crate::text::Operation;

    /// A text of files, each of which extends the next.
    fn files(contents: &[&str]) -> Text {
        let names = ["spec.yaml", "base.yaml", "org.yaml"];
        let mut parts = names
            .iter()
            .zip(contents)
            .map(|(name, content)| Text::new(*name, *content));
        let mut text = parts.next().unwrap();
        parts.for_each(|part| text.add(part));
        text
    }

    #[test]
    fn lists_are_added_up_and_the_rest_is_replaced() {
        let check = |own: &str, base: &str, expect: &str| {
            let text = files(&[&format!("extends: base.yaml\n{own}\n"), base]);
            let parsed = parse(&text);
            let errors: Vec<&Diagnostic> = parsed.errors(Operation::Building).collect();
            assert!(errors.is_empty(), "{own} {base}: {errors:?}");
            let expected = parse(&Text::new("x", expect)).spec.unwrap();
            assert_eq!(parsed.spec.unwrap().arguments(), expected.arguments(), "{own} {base}");
        };
        check("packages: [b]", "packages: [a]", "packages: [a, b]");
        check("name: b", "name: a\npackages: [a]", "name: b\npackages: [a]");
        check(
            "env: {B: '3', A: '2'}",
            "env: {A: '1', C: '1'}",
            "env: {A: '2', C: '1', B: '3'}",
        );
        check("entrypoint: [b]", "entrypoint: [a]", "entrypoint: [b]");
        check("packages: null", "packages: [a]\nname: x", "name: x");
        check("env: {A: null}", "env: {A: '1', B: '2'}", "env: {B: '2'}");
        check(
            "builder_options: {heavy: [b], workdir: /b}",
            "builder_options: {workdir: /a, heavy: [a]}",
            "builder_options: {workdir: /b, heavy: [a, b]}",
        );
        check(
            "base_image: {packages: [b]}",
            "base_image: {packages: [a], name: x}",
            "base_image: {packages: [b]}",
        );
        check("base_image: b", "base_image: {packages: [a]}", "base_image: b");
        check("", "packages: [a]", "packages: [a]");
    }

    #[test]
    fn chains_are_followed_and_places_are_those_of_the_files() {
        let text = files(&[
            "extends: base.yaml\npackages: [c]\n",
            "# é\nextends: org.yaml\npackages: [b, 3]\n",
            "packages: [a]\nuser: 'a b'\n",
        ]);
        let parsed = parse(&text);
        let lines: Vec<String> = parsed.diagnostics.iter().map(|problem| problem.line(&text)).collect();
        assert!(
            lines[0].starts_with("base.yaml:3:15: `packages` takes a list of strings"),
            "{lines:?}"
        );
        assert!(
            lines[1].starts_with("org.yaml:2:7: `user: a b` is not a user"),
            "{lines:?}"
        );
        assert!(parsed.diagnostics[1].snippet(&text).contains("--> org.yaml:2:7"));
        let broken = files(&["extends: base.yaml\n", "\n\npackages: [a\n"]);
        assert!(parse(&broken).diagnostics[0].line(&broken).starts_with("base.yaml:"));
    }

    #[test]
    fn what_is_extended_is_asked_for_by_its_path() {
        let check = |names: &[&str], field: &str, expect: Result<&str, &str>| {
            let mut parts = names.iter().map(|name| Text::new(*name, format!("extends: {field}\n")));
            let mut text = parts.next().unwrap();
            parts.for_each(|part| text.add(part));
            let found = extended(&text).map(|wanted| wanted.map_or(String::new(), |wanted| wanted.path));
            match (found, expect) {
                (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{names:?} {field}"),
                (Err(problem), Err(expect)) => assert!(problem.message.contains(expect), "{problem}"),
                (found, expect) => panic!("{names:?} {field}: {found:?}, not {expect:?}"),
            }
        };
        check(&["a.yaml"], "b.yaml", Ok("b.yaml"));
        check(&["specs/a.yaml"], "./b.yaml", Ok("specs/b.yaml"));
        check(&["/x/a.yaml"], "b/c.yaml", Ok("/x/b/c.yaml"));
        check(&["/a.yaml"], "b.yaml", Ok("/b.yaml"));
        check(&["/x/a.yaml", "/x/b/c.yaml"], "../d.yaml", Ok("/x/d.yaml"));
        check(&["specs/a.yaml", "specs/b/c.yaml"], "d.yaml", Ok("specs/b/d.yaml"));
        check(
            &["specs/a.yaml"],
            "../b.yaml",
            Err("is outside of the directory of the spec"),
        );
        check(&["a.yaml"], "/b.yaml", Err("is outside of the directory of the spec"));
        check(&["a.yaml"], "[b.yaml]", Err("takes the path of a file, this is a list"));
        check(&["a.yaml"], "null", Err("takes the path of a file, this is null"));
        check(
            &["a.yaml"],
            "a.yaml",
            Err("these files extend each other: a.yaml, a.yaml"),
        );
        check(
            &["x.yaml", "a.yaml", "b.yaml"],
            "./a.yaml",
            Err("these files extend each other: a.yaml, b.yaml, a.yaml"),
        );
        assert_eq!(extended(&Text::new("a", "packages: [")), Ok(None));
        assert_eq!(extended(&Text::new("a", "name: x")), Ok(None));
        // Whoever reads a text alone is told.
        let alone = Text::new("a.yaml", "extends: b.yaml\n");
        assert!(parse(&alone).diagnostics[0].message.contains("is not read here"));
    }
}
