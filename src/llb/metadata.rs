//! What a graph says of its steps for people and for the scheduler; none of it counts in a digest.

use std::sync::Arc;

use crate::llb::definition::Definition;

/// What is said about a vertex without being part of its digest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The name shown in progress output.
    pub name: Option<String>,
    /// Run the step even when its result is cached.
    pub ignore_cache: bool,
    /// Where in the user's files the step comes from.
    pub locations: Vec<Location>,
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
    /// How the file was loaded.
    pub definition: Option<Definition>,
}

/// Lines of a file, both ends included, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineRange {
    /// The first line.
    pub first: u32,
    /// The last line.
    pub last: u32,
}

/// The place in a file that a vertex comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// The file, shared between all locations in it.
    pub file: Arc<SourceFile>,
    /// The lines; BuildKit marks each range in its snippet.
    pub ranges: Vec<LineRange>,
}
