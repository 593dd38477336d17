//! Vertices: ops with their inputs, encoded when they are made.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::llb::capability::Capability;
use crate::llb::encode::{digest_of, op_bytes};
use crate::llb::metadata::Metadata;
use crate::proto::pb;

/// An encoded op with all its inputs. Cloning is cheap.
#[derive(Debug, Clone, PartialEq)]
pub struct Vertex(Arc<Inner>);

#[derive(Debug, PartialEq)]
struct Inner {
    inputs: Vec<Vertex>,
    bytes: Vec<u8>,
    digest: String,
    metadata: Metadata,
    capabilities: BTreeSet<Capability>,
}

/// One result of a vertex.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The vertex that has it.
    pub vertex: Vertex,
    /// Its position among the vertex's results, from 0.
    pub index: i64,
}

impl Vertex {
    /// Encodes an op, whose indices are positions in `inputs`.
    pub(crate) fn new(
        op: pb::op::Op,
        platform: Option<pb::Platform>,
        inputs: Inputs,
        metadata: Metadata,
        capabilities: impl IntoIterator<Item = Capability>,
    ) -> Self {
        let op = pb::Op {
            inputs: inputs
                .0
                .iter()
                .map(|input| pb::Input {
                    digest: input.vertex.digest().to_owned(),
                    index: input.index,
                })
                .collect(),
            op: Some(op),
            platform,
            // Go's client always sends the message, empty or not, and it counts in the digest.
            constraints: Some(pb::WorkerConstraints::default()),
        };
        let bytes = op_bytes(&op);
        Self(Arc::new(Inner {
            inputs: inputs.0.into_iter().map(|input| input.vertex).collect(),
            digest: digest_of(&bytes),
            bytes,
            metadata,
            capabilities: capabilities.into_iter().collect(),
        }))
    }

    /// A vertex from an encoded op.
    pub(super) fn encoded(
        bytes: Vec<u8>,
        inputs: Vec<Self>,
        metadata: Metadata,
        capabilities: BTreeSet<Capability>,
    ) -> Self {
        Self(Arc::new(Inner {
            inputs,
            digest: digest_of(&bytes),
            bytes,
            metadata,
            capabilities,
        }))
    }

    /// The digest that BuildKit knows this vertex by.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The canonical bytes of the op.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The metadata, which is not part of the digest.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The capabilities that a server needs to run it.
    #[must_use]
    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.0.capabilities
    }

    /// The vertices that it takes its inputs from.
    #[must_use]
    pub fn inputs(&self) -> &[Vertex] {
        &self.0.inputs
    }

    /// The result at a position.
    #[must_use]
    pub fn output(&self, index: i64) -> Output {
        Output {
            vertex: self.clone(),
            index,
        }
    }
}

/// The inputs of an op under construction; the same input twice is one input.
#[derive(Debug, Default)]
pub(crate) struct Inputs(Vec<Output>);

impl Inputs {
    /// The index of an input, which is added if it is new; -1 for an empty tree.
    pub(crate) fn index(&mut self, output: Option<&Output>) -> i64 {
        let Some(output) = output else { return -1 };
        let known = self
            .0
            .iter()
            .position(|o| o.index == output.index && o.vertex.digest() == output.vertex.digest());
        let index = known.unwrap_or_else(|| {
            self.0.push(output.clone());
            self.0.len() - 1
        });
        i64::try_from(index).unwrap_or(i64::MAX)
    }

    /// The number of inputs so far.
    pub(crate) fn len(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }
}
