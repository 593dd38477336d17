//! From vertices to a [`Definition`]: each op once, inputs first, with its metadata.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::llb::definition::{CUSTOM_NAME, Definition};
use crate::llb::encode::{digest_of, op_bytes};
use crate::llb::metadata::{LineRange, Metadata, SourceFile};
use crate::llb::vertex::{Output, Vertex};
use crate::proto::pb;

impl Definition {
    /// Everything that `result` needs. `None` is an empty image.
    #[must_use]
    pub fn new(result: Option<&Output>) -> Self {
        let Some(result) = result else {
            return Self::default();
        };
        let order = in_order(&result.vertex);
        let mut definition = pb::Definition::default();
        let mut source = pb::Source::default();
        let mut files: Vec<Arc<SourceFile>> = Vec::new();
        let mut required = BTreeSet::from(["constraints", "platform"]);
        for vertex in &order {
            definition.def.push(vertex.bytes().to_vec());
            let metadata = vertex.metadata();
            if metadata.ignore_cache {
                required.insert("meta.ignorecache");
            }
            if metadata.name.is_some() {
                required.insert("meta.description");
            }
            definition
                .metadata
                .insert(vertex.digest().to_owned(), wire_metadata(vertex));
            if !metadata.locations.is_empty() {
                let locations = wire_locations(metadata, &mut files);
                source.locations.insert(vertex.digest().to_owned(), locations);
            }
        }
        source.infos = files.iter().map(|file| wire_file(file)).collect();
        let terminal = op_bytes(&pb::Op {
            inputs: vec![pb::Input {
                digest: result.vertex.digest().to_owned(),
                index: result.index,
            }],
            ..pb::Op::default()
        });
        definition.metadata.insert(
            digest_of(&terminal),
            pb::OpMetadata {
                caps: required.into_iter().map(|cap| (cap.to_owned(), true)).collect(),
                ..pb::OpMetadata::default()
            },
        );
        definition.def.push(terminal);
        if !source.infos.is_empty() {
            definition.source = Some(source);
        }
        Self(definition)
    }
}

/// `last` and all vertices that it needs, inputs first, each once.
fn in_order(last: &Vertex) -> Vec<Vertex> {
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    // An explicit stack: a long chain of steps must not exhaust the thread's.
    let mut stack = vec![(last.clone(), 0)];
    seen.insert(last.digest().to_owned());
    while let Some((vertex, next)) = stack.pop() {
        match vertex.inputs().get(next) {
            Some(input) => {
                let input = input.clone();
                stack.push((vertex, next + 1));
                if seen.insert(input.digest().to_owned()) {
                    stack.push((input, 0));
                }
            }
            None => order.push(vertex),
        }
    }
    order
}

fn wire_metadata(vertex: &Vertex) -> pb::OpMetadata {
    let metadata = vertex.metadata();
    let name = metadata.name.iter();
    let caps = vertex.capabilities().iter();
    pb::OpMetadata {
        ignore_cache: metadata.ignore_cache,
        description: name.map(|name| (CUSTOM_NAME.to_owned(), name.clone())).collect(),
        caps: caps.map(|cap| ((*cap).to_owned(), true)).collect(),
        // Clients show a weak group only when it holds something else, too.
        progress_group: metadata.hidden.then(|| pb::ProgressGroup {
            id: vertex.digest().to_owned(),
            name: metadata.name.clone().unwrap_or_default(),
            weak: true,
        }),
        ..pb::OpMetadata::default()
    }
}

fn wire_locations(metadata: &Metadata, files: &mut Vec<Arc<SourceFile>>) -> pb::Locations {
    let locations = metadata
        .locations
        .iter()
        .map(|location| {
            let known = files
                .iter()
                .position(|file| Arc::ptr_eq(file, &location.file) || *file == location.file);
            let index = known.unwrap_or_else(|| {
                files.push(Arc::clone(&location.file));
                files.len() - 1
            });
            pb::Location {
                source_index: i32::try_from(index).unwrap_or(i32::MAX),
                ranges: location.ranges.iter().map(wire_range).collect(),
            }
        })
        .collect();
    pb::Locations { locations }
}

fn wire_range(range: &LineRange) -> pb::Range {
    let position = |line: u32| pb::Position {
        line: i32::try_from(line).unwrap_or(i32::MAX),
        character: 0,
    };
    pb::Range {
        start: Some(position(range.first)),
        end: Some(position(range.last)),
    }
}

fn wire_file(file: &SourceFile) -> pb::SourceInfo {
    pb::SourceInfo {
        filename: file.filename.clone(),
        data: file.data.clone(),
        definition: file.definition.as_ref().map(|definition| definition.0.clone()),
        language: file.language.clone(),
    }
}
