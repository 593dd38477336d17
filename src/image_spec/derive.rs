//! A spec's text with more in it, comments kept: flytekit's `with_packages` and its kin for files.

use crate::image_spec::yaml_text::{as_text, same};
use crate::text::yaml::{self, Data, Node};
use crate::text::{Diagnostic, Span, Text};

/// What is added to a spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// Entries of lists, by field. Without any, a list that is not there becomes an empty one.
    pub entries: Vec<(&'static str, Vec<String>)>,
    /// Fields that the spec does not have, and their values: texts.
    pub fields: Vec<(&'static str, String)>,
    /// Keys of `builder_options` and their values: YAML.
    pub options: Vec<(String, String)>,
}

/// The text with the additions in their places.
///
/// # Errors
/// When the text or an option is not YAML, a field has another kind, or it is written in a way that this cannot add to.
pub fn derive(text: &Text, additions: &Additions) -> Result<String, Diagnostic> {
    let mut content = text.content().to_owned();
    let mut apply = |field: &str, change: &Change| -> Result<(), Diagnostic> {
        content = changed(text.name(), &content, field, change)?;
        Ok(())
    };
    for (field, value) in &additions.fields {
        apply(field, &Change::Set(value))?;
    }
    for (field, entries) in &additions.entries {
        apply(field, &Change::Append(entries))?;
    }
    for (key, value) in &additions.options {
        let option = Text::new(format!("--builder-options {key}"), value.as_str());
        let node = yaml::parse(&option).map_err(|problem| {
            let message = format!("`{key}={value}` is not YAML: {}", problem.message);
            Diagnostic::error("builder-options", message).help("quote it as in a file: heavy='[torch, \"1.0\"]'")
        })?;
        if value.contains('\n') {
            let problem = Diagnostic::error("builder-options", format!("`{key}` has several lines"));
            return Err(problem.help("write a list as [a, b], a mapping as {a: b}"));
        }
        apply("builder_options", &Change::Option(key, value, &node))?;
    }
    Ok(content)
}

/// A change of one field.
enum Change<'a> {
    /// A text for a field that is not there.
    Set(&'a str),
    /// Entries at the end of a list.
    Append(&'a [String]),
    /// A key of a mapping, its value as written, and what that is.
    Option(&'a str, &'a str, &'a Node),
}

impl Change<'_> {
    /// The value of a field after the change.
    fn of(&self, value: Option<&Node>) -> Option<Data> {
        let is_list = |node: &&Node| matches!(node.data, Data::Sequence(_));
        let is_map = |node: &&Node| matches!(node.data, Data::Mapping(_));
        let value = value.filter(|value| value.text() != Some("") || !is_plain(value));
        match (self, value) {
            (Self::Set(text), None) => Some(quoted(text).data),
            (Self::Append(entries), value) if value.as_ref().is_none_or(is_list) => {
                let Data::Sequence(mut items) = value.map_or(Data::Sequence(Vec::new()), |node| node.data.clone())
                else {
                    return None;
                };
                items.extend(entries.iter().map(|entry| quoted(entry)));
                Some(Data::Sequence(items))
            }
            (Self::Option(key, _, option), value) if value.as_ref().is_none_or(is_map) => {
                let Data::Mapping(mut pairs) = value.map_or(Data::Mapping(Vec::new()), |node| node.data.clone()) else {
                    return None;
                };
                match pairs.iter_mut().find(|(name, _)| name.text() == Some(key)) {
                    Some((_, old)) => *old = (*option).clone(),
                    None => pairs.push((quoted(key), (*option).clone())),
                }
                Some(Data::Mapping(pairs))
            }
            _ => None,
        }
    }
}

/// The text after one change: held against what it should say, since YAML has more ways of writing than this knows.
fn changed(name: &str, content: &str, field: &str, change: &Change<'_>) -> Result<String, Diagnostic> {
    let text = Text::new(name, content);
    let root = match yaml::parse(&text) {
        Ok(root) => root,
        // A file of comments alone is a spec without fields.
        Err(problem) if problem.rule == "empty-file" => Node {
            span: Span::default(),
            tag: None,
            data: Data::Mapping(Vec::new()),
        },
        Err(problem) => return Err(problem),
    };
    let Data::Mapping(pairs) = &root.data else {
        let problem = Diagnostic::error("not-a-mapping", "a spec is a mapping of fields").at(root.span);
        return Err(problem.help("write fields such as `packages: [pandas]`, one a line"));
    };
    let mut found = pairs.iter().filter(|(key, _)| key.text() == Some(field));
    let value = found.next_back().map(|(_, value)| value);
    let span = value.map_or(root.span, |value| value.span);
    let Some(expected) = change.of(value) else {
        let message = format!(
            "`{field}` cannot be added to: it is {}",
            value.map_or("missing", Node::shape)
        );
        return Err(Diagnostic::error("wrong-kind", message).at(span));
    };
    let edited = match value {
        Some(value) => edit(content, value, change),
        None => Some(added(content, &root, field, change)),
    };
    let is_right = |edited: &String| {
        let Ok(after) = yaml::parse(&Text::new(name, edited.as_str())) else {
            return false;
        };
        let Data::Mapping(after) = after.data else { return false };
        let mut after: Vec<(Node, Node)> = after;
        let own = after.iter().rposition(|(key, _)| key.text() == Some(field));
        let Some(own) = own else { return false };
        let (_, value) = after.remove(own);
        let mut others: Vec<&(Node, Node)> = pairs.iter().collect();
        if let Some(old) = others.iter().rposition(|(key, _)| key.text() == Some(field)) {
            others.remove(old);
        }
        same(&value.data, &expected)
            && after.len() == others.len()
            && after
                .iter()
                .zip(others)
                .all(|(a, b)| same(&a.0.data, &b.0.data) && same(&a.1.data, &b.1.data))
    };
    edited.filter(is_right).ok_or_else(|| {
        let message = match value {
            Some(_) => format!("`{field}` is written in a way that nothing can be added to by a program"),
            None => format!("the end of the file is written in a way that `{field}` cannot be added by a program"),
        };
        let problem = Diagnostic::error("derive", message).at(span);
        problem.help("write it as a list or mapping of its own, without an anchor that others use; or write a file with `extends`")
    })
}

fn is_plain(node: &Node) -> bool {
    matches!(node.data, Data::Scalar { plain: true, .. })
}

/// A text as a node: never a number.
fn quoted(text: &str) -> Node {
    Node {
        span: Span::default(),
        tag: None,
        data: Data::Scalar {
            text: text.to_owned(),
            plain: false,
            points: None,
        },
    }
}

/// A field at the end of the spec.
fn added(content: &str, root: &Node, field: &str, change: &Change<'_>) -> String {
    let flow = match change {
        Change::Set(text) => as_text(text),
        Change::Append(entries) => flow_list(entries),
        Change::Option(key, value, _) => format!("{{{}: {value}}}", as_text(key)),
    };
    let end = root.span.end.min(content.len());
    let is_flow = content
        .get(root.span.start..end)
        .is_some_and(|root| root.trim_end().ends_with('}'))
        && content
            .get(root.span.start..end)
            .is_some_and(|root| root.starts_with('{'));
    if is_flow {
        let at = content
            .get(..end)
            .map_or(0, |before| before.rfind('}').unwrap_or(before.len()));
        let Data::Mapping(pairs) = &root.data else {
            return content.to_owned();
        };
        let comma = if pairs.is_empty() { "" } else { ", " };
        return inserted(content, at, &format!("{comma}{field}: {flow}"));
    }
    let block = match change {
        Change::Append(entries) if !entries.is_empty() => {
            let lines: String = entries
                .iter()
                .map(|entry| format!("\n  - {}", as_text(entry)))
                .collect();
            format!("{field}:{lines}\n")
        }
        Change::Option(key, value, _) => format!("{field}:\n  {}: {value}\n", as_text(key)),
        Change::Set(_) | Change::Append(_) => format!("{field}: {flow}\n"),
    };
    let line_feed = if content.is_empty() || content.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{content}{line_feed}{block}")
}

fn flow_list(entries: &[String]) -> String {
    let entries: Vec<String> = entries.iter().map(|entry| as_text(entry)).collect();
    format!("[{}]", entries.join(", "))
}

/// The change where the value is; `None` if this knows no way.
fn edit(content: &str, value: &Node, change: &Change<'_>) -> Option<String> {
    let source = content.get(value.span.start..value.span.end)?;
    let flow = match change {
        Change::Set(_) => return None,
        Change::Append(entries) => flow_list(entries),
        Change::Option(key, value, _) => format!("{{{}: {value}}}", as_text(key)),
    };
    match (&value.data, change) {
        // `packages:` with nothing behind it.
        (Data::Scalar { .. }, _) if source.is_empty() => {
            let space = if content.get(..value.span.start)?.ends_with(' ') {
                ""
            } else {
                " "
            };
            Some(inserted(content, value.span.start, &format!("{space}{flow}")))
        }
        (_, _) if source.starts_with('*') => None,
        (Data::Sequence(items), Change::Append(entries)) => {
            let Some(last) = items.last() else {
                return Some(inserted(
                    content,
                    before_end(content, value)?,
                    flow.trim_matches(['[', ']']),
                ));
            };
            match dash(content, last.span.start) {
                Some(indent) => {
                    let lines = entries.iter().map(|entry| format!("{indent}- {}\n", as_text(entry)));
                    Some(after_line(content, last.span.end, &lines.collect::<String>()))
                }
                None => {
                    let entries = entries.iter().map(|entry| format!(", {}", as_text(entry)));
                    Some(inserted(content, last.span.end, &entries.collect::<String>()))
                }
            }
        }
        (Data::Mapping(pairs), Change::Option(key, new, _)) => {
            if let Some((_, old)) = pairs.iter().find(|(name, _)| name.text() == Some(key)) {
                let before = content.get(..old.span.start)?;
                let after = content.get(old.span.end..)?;
                return Some(format!("{before}{new}{after}"));
            }
            let new = format!("{}: {new}", as_text(key));
            let Some((first, _)) = pairs.first() else {
                return Some(inserted(content, before_end(content, value)?, &new));
            };
            let (_, last) = pairs.last()?;
            match indent(content, first.span.start) {
                Some(indent) => Some(after_line(content, last.span.end, &format!("{indent}{new}\n"))),
                None => Some(inserted(content, last.span.end, &format!(", {new}"))),
            }
        }
        _ => None,
    }
}

/// The bracket that ends a flow value.
fn before_end(content: &str, value: &Node) -> Option<usize> {
    let source = content.get(value.span.start..value.span.end)?;
    Some(value.span.start + source.rfind([']', '}'])?)
}

fn inserted(content: &str, at: usize, what: &str) -> String {
    let (before, after) = content.split_at(at);
    format!("{before}{what}{after}")
}

/// Lines after the one that a value ends in, its comment included.
fn after_line(content: &str, end: usize, lines: &str) -> String {
    // A block of text ends at the start of a later line.
    let used = content.get(..end).map_or(end, |before| before.trim_end().len());
    let rest = content.get(used..).unwrap_or_default();
    match rest.find('\n') {
        Some(at) => inserted(content, used + at + 1, lines),
        None => format!("{content}\n{lines}"),
    }
}

/// What stands before the dash of an entry; `None` in a flow list.
fn dash(content: &str, start: usize) -> Option<&str> {
    let before = content.get(..start)?;
    let line = before.rsplit('\n').next()?;
    let indent = line.trim_end().strip_suffix('-')?;
    indent.trim().is_empty().then_some(indent)
}

/// What stands before a key; `None` in a flow mapping.
fn indent(content: &str, start: usize) -> Option<&str> {
    let line = content.get(..start)?.rsplit('\n').next()?;
    line.trim().is_empty().then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(content: &str, additions: &Additions) -> Result<String, Diagnostic> {
        derive(&Text::new("s.yaml", content), additions)
    }

    fn packages(entries: &[&str]) -> Additions {
        Additions {
            entries: vec![("packages", entries.iter().map(|entry| (*entry).to_owned()).collect())],
            ..Additions::default()
        }
    }

    #[test]
    fn entries_are_added_where_the_list_is_and_comments_stay() {
        let check = |content: &str, expect: &str| {
            assert_eq!(with(content, &packages(&["b", "c>=1"])).unwrap(), expect, "{content}");
        };
        check(
            "packages: [a] # why\nname: x\n",
            "packages: [a, b, c>=1] # why\nname: x\n",
        );
        check("packages: []\n", "packages: [b, c>=1]\n");
        check("packages: [a,\n  # last\n]\n", "packages: [a, b, c>=1,\n  # last\n]\n");
        check(
            "packages:\n  # one\n  - a # two\n  # three\nname: x\n",
            "packages:\n  # one\n  - a # two\n  - b\n  - c>=1\n  # three\nname: x\n",
        );
        check("packages:\n- a\nname: x\n", "packages:\n- a\n- b\n- c>=1\nname: x\n");
        check("packages:\n- a", "packages:\n- a\n- b\n- c>=1\n");
        check(
            "packages:\n- \"a\"\n\n\nname: x\n",
            "packages:\n- \"a\"\n- b\n- c>=1\n\n\nname: x\n",
        );
        check("name: x", "name: x\npackages:\n  - b\n  - c>=1\n");
        check("{name: x}\n", "{name: x, packages: [b, c>=1]}\n");
        check("packages:\nname: x\n", "packages: [b, c>=1]\nname: x\n");
        check("# nothing\n", "# nothing\npackages:\n  - b\n  - c>=1\n");
        check("", "packages:\n  - b\n  - c>=1\n");
        check("packages: &p [a]\n", "packages: &p [a, b, c>=1]\n");
        check("packages: [a]\r\nname: x\r\n", "packages: [a, b, c>=1]\r\nname: x\r\n");
    }

    #[test]
    fn what_looks_like_something_else_is_quoted() {
        let check = |entry: &str, expect: &str| {
            assert_eq!(
                with("packages: [a]", &packages(&[entry])).unwrap(),
                format!("packages: [a, {expect}]")
            );
        };
        check("pandas==2.3.3", "pandas==2.3.3");
        check("a[b,c]", "'a[b,c]'");
        check("1.0", "'1.0'");
        check("yes", "'yes'");
        check("it's: #1", "'it''s: #1'");
        check("two\nlines", "\"two\\nlines\"");
        check("", "''");
    }

    #[test]
    fn options_are_set_where_they_are() {
        let check = |content: &str, options: &[(&str, &str)], expect: &str| {
            let options = options
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let additions = Additions {
                options: options.collect(),
                ..Additions::default()
            };
            assert_eq!(with(content, &additions).unwrap(), expect, "{content}");
        };
        check(
            "name: x\n",
            &[("workdir", "/srv")],
            "name: x\nbuilder_options:\n  workdir: /srv\n",
        );
        check(
            "builder_options: {}\n",
            &[("a", "1"), ("b", "[c]")],
            "builder_options: {a: 1, b: [c]}\n",
        );
        check(
            "builder_options: {a: 1} # why\n",
            &[("a", "2")],
            "builder_options: {a: 2} # why\n",
        );
        check(
            "builder_options:\n    a: 1 # why\n    # more\nname: x\n",
            &[("b", "'2'"), ("a", "3")],
            "builder_options:\n    a: 3 # why\n    b: '2'\n    # more\nname: x\n",
        );
    }

    #[test]
    fn what_cannot_be_added_to_is_told() {
        let check = |content: &str, expect: &str| {
            let problem = with(content, &packages(&["b"])).unwrap_err();
            assert!(problem.message.contains(expect), "{content}: {problem}");
        };
        check("packages: a\n", "`packages` cannot be added to");
        check("- a\n", "a spec is a mapping");
        check("packages: [a\n", "not valid YAML");
        // The other field would change, too.
        check("apt_packages: &p [a]\npackages: *p\n", "written in a way");
        check("packages: &p [a]\napt_packages: *p\n", "written in a way");
        let additions = Additions {
            fields: vec![("python_version", "3.11".into())],
            ..Additions::default()
        };
        assert!(with("python_version: '3.10'\n", &additions).is_err());
        assert_eq!(with("", &additions).unwrap(), "python_version: '3.11'\n");
        // flytekit's `from_env` has an empty list where nothing is pinned.
        let nothing = Additions {
            entries: packages(&[]).entries,
            ..additions
        };
        assert_eq!(
            with("{name: x}\n", &nothing).unwrap(),
            "{name: x, python_version: '3.11', packages: []}\n"
        );
        assert_eq!(
            with("packages: [a]\n", &nothing).unwrap(),
            "packages: [a]\npython_version: '3.11'\n"
        );
    }

    proptest::proptest! {
        /// Whatever is added is what is read.
        #[test]
        fn every_text_can_be_added(entries in proptest::collection::vec("\\PC{0,12}|[ -~\\n\\t]{0,12}", 1..4)) {
            let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
            for content in ["packages: [a]\n", "packages:\n  - a\n", "name: x\n"] {
                let derived = with(content, &packages(&entries)).unwrap();
                let spec = crate::image_spec::parse(&Text::new("s", derived)).spec.unwrap();
                let read: Vec<String> = spec.packages.unwrap().value.into_iter().map(|entry| entry.value).collect();
                proptest::prop_assert_eq!(&read[read.len() - entries.len()..], &entries[..]);
            }
        }
    }
}
