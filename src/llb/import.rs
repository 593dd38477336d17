//! Graphs of others, to build on: the frontend runs its own image as a step.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost::Message as _;

use crate::llb::capability::Capability;
use crate::llb::encode::digest_of;
use crate::llb::metadata::Metadata;
use crate::llb::vertex::{Output, Vertex};
use crate::proto::pb;

/// A malformed or incomplete definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an LLB definition: {0}")]
pub(crate) struct ImportError(String);

/// Reads a graph that somebody else encoded, to build on its result. The ops keep their bytes and digests and are all
/// named `name`; of the capabilities that the graph needs, those in `known` are passed on.
///
/// # Errors
/// When the bytes are not a definition, or parts of the graph are missing.
pub(crate) fn import(bytes: &[u8], name: &str, known: &[Capability]) -> Result<Output, ImportError> {
    let wrong = |reason: &str| ImportError(reason.to_owned());
    let definition = pb::Definition::decode(bytes).map_err(|error| ImportError(error.to_string()))?;
    let mut decoded: HashMap<String, (pb::Op, Vec<u8>)> = HashMap::new();
    let mut terminal = None;
    for bytes in definition.def {
        let op = pb::Op::decode(bytes.as_slice()).map_err(|error| ImportError(error.to_string()))?;
        if op.op.is_none() {
            terminal = op.inputs.first().cloned();
        } else {
            decoded.insert(digest_of(&bytes), (op, bytes));
        }
    }
    let last = terminal.ok_or_else(|| wrong("it has no last op"))?;
    // Every encoder writes inputs first, but nothing guarantees it.
    let mut vertices: BTreeMap<String, Vertex> = BTreeMap::new();
    let mut stack = vec![last.digest.clone()];
    while let Some(digest) = stack.last().cloned() {
        let (op, bytes) = decoded.get(&digest).ok_or_else(|| wrong("an op is missing"))?;
        let missing: Vec<&str> = op
            .inputs
            .iter()
            .map(|input| input.digest.as_str())
            .filter(|input| !vertices.contains_key(*input))
            .collect();
        if !missing.is_empty() {
            // An op contains the digests of its inputs, so there are no loops.
            stack.extend(missing.into_iter().map(str::to_owned));
            continue;
        }
        stack.pop();
        let inputs = op
            .inputs
            .iter()
            .filter_map(|input| vertices.get(&input.digest).cloned());
        let needed = definition.metadata.get(&digest).map(|metadata| &metadata.caps);
        let capabilities: BTreeSet<Capability> = known
            .iter()
            .copied()
            .filter(|cap| needed.is_some_and(|needed| needed.contains_key(*cap)))
            .collect();
        let vertex = Vertex::encoded(bytes.clone(), inputs.collect(), Metadata::named(name), capabilities);
        vertices.insert(digest, vertex);
    }
    let vertex = vertices
        .remove(&last.digest)
        .ok_or_else(|| wrong("its last op has no input"))?;
    Ok(vertex.output(last.index))
}
