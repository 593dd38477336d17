//! Texts as YAML has them, and values that say the same.

use crate::python;
use crate::text::Span;
use crate::text::yaml::{Data, Node};

/// A text as it can stand in any list or mapping, quoted where it would be something else.
pub(super) fn as_text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if text.chars().all(|c| matches!(c, ' '..='~')) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(c),
            c if c.is_alphanumeric() => quoted.push(c),
            c if u32::from(c) > 0xffff => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a text means itself without quotes, in brackets as well.
fn is_plain(text: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphanumeric() || "_./".contains(c);
    let is_rest = |c: char| is_first(c) || "-+=<>~@!^".contains(c);
    let node = Node {
        span: Span::default(),
        tag: None,
        data: Data::Scalar {
            text: text.to_owned(),
            plain: true,
            points: None,
        },
    };
    text.starts_with(is_first) && text.chars().all(is_rest) && python::scalar(&node).is_text()
}

/// Whether two values say the same, wherever they stand and however they are quoted.
pub(super) fn same(one: &Data, other: &Data) -> bool {
    let scalar = |data: &Data| {
        python::scalar(&Node {
            span: Span::default(),
            tag: None,
            data: data.clone(),
        })
    };
    match (one, other) {
        (Data::Sequence(one), Data::Sequence(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(a, b)| a.tag == b.tag && same(&a.data, &b.data))
        }
        (Data::Mapping(one), Data::Mapping(other)) => {
            let is_same =
                |((a, b), (c, d)): (&(Node, Node), &(Node, Node))| same(&a.data, &c.data) && same(&b.data, &d.data);
            one.len() == other.len() && one.iter().zip(other).all(is_same)
        }
        (Data::Scalar { .. }, Data::Scalar { .. }) => scalar(one) == scalar(other),
        _ => false,
    }
}
