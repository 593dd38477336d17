//! Problems as others take them: lines of text, snippets for terminals, and JSON. The one place that renders them.

use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level as Title, Renderer, Snippet};
use serde_json::{Value, json};

use crate::text::diagnostic::{CREDENTIAL_RULE, Diagnostic, Place, Severity};
use crate::text::redact::redact;
use crate::text::source::Text;

impl Diagnostic {
    /// `file:line:column: message`, with the help in a line of its own. `about` is the file that spans are in.
    #[must_use]
    pub fn line<'t>(&self, about: impl Into<Option<&'t Text>>) -> String {
        let (file, line, column) = self.position(about.into());
        let mut text = String::new();
        let place = [
            file.map(str::to_owned),
            line.map(|line| line.to_string()),
            column.map(|column| column.to_string()),
        ];
        for part in place.into_iter().flatten() {
            text.push_str(&part);
            text.push(':');
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&self.message);
        if let Some(help) = &self.help {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n    help: {help}");
        }
        text
    }

    /// The message with the line it is about and the place marked, for terminals.
    #[must_use]
    pub fn snippet<'t>(&self, about: impl Into<Option<&'t Text>>) -> String {
        let level = match self.severity {
            Severity::Error => Title::ERROR,
            Severity::Warning => Title::WARNING,
        };
        let about = about.into();
        // Credentials keep their length when hidden, so spans still fit.
        let part = about.zip(self.span()).map(|(text, span)| text.part(span.start));
        let content = about
            .zip(part)
            .map(|(text, (number, ..))| shown_text(text, number, [self]));
        let mut group = level
            .primary_title(self.message.as_str())
            .id(self.rule)
            .elements(None::<Snippet<'_, annotate_snippets::Annotation<'_>>>);
        if let (Some(span), Some((_, from, text)), Some(content)) = (self.span(), part, content) {
            let end = span.end.saturating_sub(from).min(content.len());
            let start = (span.start - from).min(end);
            // Long blocks are marked at their first line.
            let end = content
                .get(start..end)
                .and_then(|s| s.find('\n'))
                .map_or(end, |at| start + at);
            group = group.element(
                Snippet::source(content)
                    .path(text.name())
                    .annotation(AnnotationKind::Primary.span(start..end)),
            );
        }
        if let Place::Elsewhere(place) = &self.place
            && let Some(excerpt) = &place.excerpt
        {
            let start = usize::try_from(place.line).unwrap_or(1);
            let snippet = Snippet::source(excerpt.as_str())
                .path(place.file.as_str())
                .line_start(start);
            group = group.element(snippet.annotation(AnnotationKind::Primary.span(0..excerpt.len())));
        }
        if let Some(help) = &self.help {
            group = group.element(Title::HELP.message(help.as_str()));
        }
        Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group])
    }

    /// An object for programs: lines and columns count from 1.
    #[must_use]
    pub fn json<'t>(&self, about: impl Into<Option<&'t Text>>) -> Value {
        let (file, line, column) = self.position(about.into());
        json!({
            "rule": self.rule,
            "severity": self.severity.name(),
            "kind": self.kind.name(),
            "message": self.message,
            "file": file,
            "line": line,
            "column": column,
            "help": self.help,
        })
    }

    /// The file, line and column, as far as they are known.
    fn position<'a>(&'a self, about: Option<&'a Text>) -> (Option<&'a str>, Option<u32>, Option<u32>) {
        match (&self.place, about) {
            (Place::Span(span), Some(text)) => {
                let position = text.position(span.start);
                let (_, _, part) = text.part(span.start);
                (Some(part.name()), Some(position.line), Some(position.column))
            }
            (Place::Elsewhere(place), _) => (Some(&place.file), Some(place.line), place.column),
            (Place::Span(_), None) | (Place::Nowhere, _) => (None, None, None),
        }
    }
}

/// A file as it may be shown, one of the parts of a text: credentials in URLs are hidden, and the whole of each value that
/// a problem finds one in, since escapes can hide it from a search of the text. Keeps its length in bytes.
#[must_use]
pub fn shown_text<'a>(text: &Text, part: usize, problems: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let Some((from, own)) = text.parts().nth(part) else {
        return String::new();
    };
    let mut shown = redact(own.content());
    for span in problems
        .into_iter()
        .filter(|problem| problem.rule == CREDENTIAL_RULE)
        .filter_map(Diagnostic::span)
        .filter(|span| text.part(span.start).0 == part)
    {
        let range = span.start - from..span.end.saturating_sub(from);
        let Some(value) = shown.get(range.clone()) else {
            continue;
        };
        let hidden: String = value
            .bytes()
            .map(|byte| {
                if byte == b'\n' || byte == b'\r' {
                    char::from(byte)
                } else {
                    '*'
                }
            })
            .collect();
        shown.replace_range(range, &hidden);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::source::Span;

    #[test]
    fn one_problem_is_rendered_as_a_line_a_snippet_and_an_object() {
        let text = Text::new("a.yaml", "a: b\nc: d\n");
        let problem = Diagnostic::error("rule", "it is wrong")
            .at(Span { start: 8, end: 9 })
            .help("write it right");
        assert_eq!(problem.line(&text), "a.yaml:2:4: it is wrong\n    help: write it right");
        assert!(problem.snippet(&text).contains("= help: write it right"));
        let object = problem.json(&text);
        assert_eq!(
            object,
            json!({
                "rule": "rule", "severity": "error", "kind": "input", "message": "it is wrong",
                "file": "a.yaml", "line": 2, "column": 4, "help": "write it right",
            })
        );
        // Without the file there is no position to say.
        assert_eq!(problem.line(None), "it is wrong\n    help: write it right");
        let elsewhere = problem.in_file("b.yaml", 3, None);
        assert_eq!(elsewhere.line(&text), "b.yaml:3: it is wrong\n    help: write it right");
        assert_eq!(
            (&elsewhere.json(None)["file"], &elsewhere.json(None)["line"]),
            (&json!("b.yaml"), &json!(3))
        );
    }
}
