//! Texts with a name, whose bytes can be told as lines and columns.

use std::fmt;

use serde::Serialize;

use crate::text::redact::redact;

/// A range of bytes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A position as people and editors count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
}

/// A named text that knows where its lines begin, and perhaps the texts that it builds on. Spans speak of all of them: each
/// text begins one byte after the end of the one before it.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    name: String,
    content: String,
    line_starts: Vec<usize>,
    /// With the byte at which each begins.
    further: Vec<(usize, Text)>,
}

impl fmt::Debug for Text {
    /// The content may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A file that is not text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: the file is not UTF-8 text")]
pub struct NotUtf8 {
    pub(super) name: String,
    pub(super) line: u32,
    #[source]
    error: std::str::Utf8Error,
}

impl Text {
    /// A text from a file's name and bytes.
    ///
    /// # Errors
    /// When they are not UTF-8.
    pub fn from_utf8(name: &str, bytes: Vec<u8>) -> Result<Self, NotUtf8> {
        let content = String::from_utf8(bytes).map_err(|error| {
            let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or(&[]);
            let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
            NotUtf8 {
                name: name.to_owned(),
                line: u32::try_from(line).unwrap_or(u32::MAX),
                error: error.utf8_error(),
            }
        })?;
        Ok(Self::new(name, content))
    }

    /// A text from a file's name and content.
    #[must_use]
    pub fn new(name: impl Into<String>, content: impl Into<String>) -> Self {
        let content = content.into();
        let line_starts = std::iter::once(0)
            .chain(content.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            name: name.into(),
            content,
            line_starts,
            further: Vec::new(),
        }
    }

    /// Adds a text that this one builds on.
    pub fn add(&mut self, text: Self) {
        let (start, last) = self.last();
        let start = start + last.content.len() + 1;
        self.further.push((start, text));
    }

    /// The text itself and those that it builds on, with the byte at which each begins.
    pub fn parts(&self) -> impl Iterator<Item = (usize, &Self)> {
        let further = self.further.iter().map(|(start, text)| (*start, text));
        std::iter::once((0, self)).chain(further)
    }

    /// The last of all parts.
    #[must_use]
    pub fn last(&self) -> (usize, &Self) {
        self.further.last().map_or((0, self), |(start, text)| (*start, text))
    }

    /// The number of the part that a byte is in, the byte at which it begins, and the part.
    #[must_use]
    pub fn part(&self, byte: usize) -> (usize, usize, &Self) {
        let number = self.further.partition_point(|(start, _)| *start <= byte);
        match number.checked_sub(1).and_then(|last| self.further.get(last)) {
            Some((start, text)) => (number, *start, text),
            None => (0, 0, self),
        }
    }

    /// The file's name as the user gave it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn content(&self) -> &str {
        &self.content
    }

    /// The line and column of a byte, in the part that it is in.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        let (_, start, part) = self.part(byte);
        part.own_position(byte - start)
    }

    fn own_position(&self, byte: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= byte).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self.content.get(start..byte).map_or(0, |text| text.chars().count());
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }

    /// The first and last line that a span touches, from 1, in the part that it is in.
    #[must_use]
    pub fn lines(&self, span: Span) -> (u32, u32) {
        let (_, part_start, part) = self.part(span.start);
        let start = span.start - part_start;
        let first = part.own_position(start).line;
        // A block ends at the start of the line after it.
        let mut end = span.end.saturating_sub(part_start).min(part.content.len());
        while end > start + 1
            && part
                .content
                .as_bytes()
                .get(end - 1)
                .is_some_and(u8::is_ascii_whitespace)
        {
            end -= 1;
        }
        let last = part.own_position(end.saturating_sub(1).max(start)).line;
        (first, last.max(first))
    }
}

/// A value with its place in the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// What the file says.
    pub value: T,
    /// The bytes that say it.
    pub span: Span,
}

impl<T: fmt::Debug> fmt::Debug for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&format!("{:?}", self.value)))
    }
}

impl<T> Spanned<T> {
    /// A value that was read from `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}
