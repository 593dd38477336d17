//! Places in the spec in BuildKit's formats. Lines count from 1; columns are left out, since clients show whole lines.

use serde_json::{Value, json};

use crate::proto::pb;
use crate::text::{Span, Text};

/// The lines of a span, as warnings carry them.
pub(super) fn range(text: &Text, span: Span) -> pb::Range {
    let (first, last) = text.lines(span);
    let position = |line| pb::Position {
        line: i32::try_from(line).unwrap_or(i32::MAX),
        character: 0,
    };
    pb::Range {
        start: Some(position(first)),
        end: Some(position(last)),
    }
}

/// The lines of a span, as errors and answers to requests carry them.
pub(super) fn json_ranges(text: &Text, span: Span) -> Value {
    json!([json_range(text.lines(span))])
}

/// The first and the last line of a range.
pub(super) fn json_range((first, last): (u32, u32)) -> Value {
    json!({"start": {"line": first}, "end": {"line": last}})
}

/// A place in an answer's files, which are the parts of the text; clients print none for the index -1.
pub(super) fn location(text: &Text, span: Option<Span>) -> Value {
    match span {
        Some(span) => json!({"sourceIndex": text.part(span.start).0, "ranges": json_ranges(text, span)}),
        None => json!({"sourceIndex": -1}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shapes_name_the_same_lines() {
        let text = Text::new("x", "a: 1\nb:\n  - 2\n  - 3\nc: 4\n");
        let span = Span { start: 10, end: 20 };
        let found = range(&text, span);
        assert_eq!((found.start.unwrap().line, found.end.unwrap().line), (3, 4));
        let ranges = json!([{"start": {"line": 3}, "end": {"line": 4}}]);
        assert_eq!(json_ranges(&text, span), ranges);
        assert_eq!(location(&text, Some(span)), json!({"sourceIndex": 0, "ranges": ranges}));
        assert_eq!(location(&text, None), json!({"sourceIndex": -1}));
    }
}
