//! The entries of `copy`: paths, and mappings that say more of one.

use crate::flytekit::Kind;
use crate::image_spec::choice;
use crate::image_spec::read::SpecReader;
use crate::image_spec::types::{CopyEntry, FileMode, TextValue};
use crate::python::{self, Value, kind as kind_of};
use crate::text::yaml::{Data, Node};
use crate::text::{Diagnostic, Span, Spanned, context_path};

/// The keys of an entry.
const KEYS: [&str; 5] = ["src", "dst", "owner", "mode", "exclude"];

impl SpecReader<'_> {
    pub(super) fn copies(&mut self) -> Option<Spanned<Vec<CopyEntry>>> {
        let node = self.node("copy")?;
        let Data::Sequence(items) = &node.data else {
            self.wrong_kind("copy", Kind::Copies, &node);
            return None;
        };
        let entries = items.iter().filter_map(|item| match &item.data {
            Data::Mapping(pairs) => self.inside("copy.", |reader| reader.copy_entry(pairs, item.span)),
            _ => self.copied_path(item),
        });
        Some(Spanned::new(entries.collect(), node.span))
    }

    fn copied_path(&mut self, item: &Node) -> Option<CopyEntry> {
        let Some(text) = item.text().filter(|_| python::scalar(item).is_text()) else {
            let message = format!("`{}copy` takes paths, this entry is {}", self.path, kind_of(item));
            let help = "write a path, in quotes if it looks like something else, or {src: PATH, dst: PATH}";
            self.report(
                Diagnostic::build_error("entry-not-text", message)
                    .at(item.span)
                    .help(help),
            );
            return None;
        };
        self.representable("copy", item);
        Some(CopyEntry {
            source: Spanned::new(text.to_owned(), item.span),
            target: None,
            owner: None,
            mode: None,
            exclude: Vec::new(),
            span: item.span,
        })
    }

    fn copy_entry(&mut self, pairs: &[(Node, Node)], span: Span) -> Option<CopyEntry> {
        let keys = self.keys(pairs, &KEYS);
        let text = |reader: &mut Self, key: &'static str| keys.get(key).and_then(|node| reader.text(key, node));
        let (source, target, owner) = (text(self, "src"), text(self, "dst"), text(self, "owner"));
        let mode = keys.get("mode").and_then(|node| self.entry_mode(node));
        let exclude = keys.get("exclude").and_then(|node| self.text_list("exclude", node));
        let Some(source) = source else {
            if !keys.has("src") {
                let message = "this entry of `copy` does not say what is copied";
                let problem = Diagnostic::error("copy-entry", message).at(span);
                self.report(problem.help("add `src: PATH`, a file or directory of the build context"));
            }
            return None;
        };
        Some(CopyEntry {
            source,
            target: target.filter(|target| !target.value.is_empty()),
            owner,
            mode,
            exclude: exclude.into_iter().flat_map(|list| list.value).map(cleaned).collect(),
            span,
        })
    }

    /// A number in octal, whatever it is to YAML, or one of the words.
    fn entry_mode(&mut self, node: &Node) -> Option<Spanned<FileMode>> {
        let text = node.text().map(|text| Spanned::new(text.to_owned(), node.span));
        if let Some(mode) = text.as_ref().and_then(|text| octal(&text.value)) {
            return Some(Spanned::new(FileMode::Exact(mode), node.span));
        }
        match text.filter(|_| python::scalar(node) != Value::None) {
            Some(text) => self.choice(Some(text), choice::entry_mode),
            None => {
                self.wrong_kind("mode", Kind::Text, node);
                None
            }
        }
    }
}

/// A pattern as those of an ignore file are matched: without `./` and slashes at its ends.
fn cleaned(mut pattern: TextValue) -> TextValue {
    let (not, path) = match pattern.value.strip_prefix('!') {
        Some(path) => ("!", path),
        None => ("", pattern.value.as_str()),
    };
    pattern.value = format!("{not}{}", context_path(path.trim()));
    pattern
}

/// Permissions as `chmod` takes them: three or four octal digits, a `0` or `0o` in front.
fn octal(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal = matches!(digits.len(), 3..=5) && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(digits, 8).ok().filter(|_| is_octal)?;
    (mode <= 0o7777).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal() {
        let check = |text: &str, expect: Option<u32>| assert_eq!(octal(text), expect, "{text}");
        for text in ["640", "0640", "0o640"] {
            check(text, Some(0o640));
        }
        check("4755", Some(0o4755));
        check("04755", Some(0o4755));
        for wrong in [
            "", "64", "0o64", "648", "-640", "+640", "64000", "017777", "rw-", " 640",
        ] {
            check(wrong, None);
        }
    }
}
