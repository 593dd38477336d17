//! Metadata of steps, for people and for the scheduler. None of it counts in a digest.

use std::sync::Arc;

use crate::llb::definition::Definition;

/// The metadata of a vertex.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The name shown in progress output.
    pub name: Option<String>,
    /// Run the step even when its result is cached.
    pub ignore_cache: bool,
    /// The places in the user's files that the step comes from.
    pub locations: Vec<Location>,
    /// Whether progress output leaves the step out.
    pub hidden: bool,
}

impl Metadata {
    /// Metadata with a progress name only.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::default()
        }
    }
}

/// A file that locations point into.
#[derive(Debug, PartialEq)]
pub struct SourceFile {
    /// The name as the user gave it.
    pub filename: String,
    /// The text shown beside errors.
    pub data: Vec<u8>,
    /// The language in GitHub's spelling, for example `YAML`.
    pub language: String,
    /// The graph that the file was loaded with.
    pub definition: Option<Definition>,
}

/// A range of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineRange {
    /// The first line, from 1.
    pub first: u32,
    /// The last line, which is part of the range.
    pub last: u32,
}

/// The lines of a file that a vertex comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// The file; all locations in it share one.
    pub file: Arc<SourceFile>,
    /// The lines that BuildKit marks in its snippet.
    pub ranges: Vec<LineRange>,
}
