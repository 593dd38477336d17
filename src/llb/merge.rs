//! Steps that combine file trees without running anything.

use crate::llb::metadata::Metadata;
use crate::llb::vertex::{Inputs, Output, Vertex};
use crate::proto::pb;

/// File trees on top of each other, the last uppermost. A single tree is its own result; `None` if there is no tree.
#[must_use]
pub(crate) fn merge(trees: &[Output], metadata: Metadata) -> Option<Output> {
    if let [only] = trees {
        return Some(only.clone());
    }
    if trees.is_empty() {
        return None;
    }
    let mut inputs = Inputs::default();
    let merged = trees
        .iter()
        .map(|tree| pb::MergeInput {
            input: inputs.index(Some(tree)),
        })
        .collect();
    let op = pb::op::Op::Merge(pb::MergeOp { inputs: merged });
    Some(Vertex::new(op, None, inputs, metadata, ["mergeop"]).output(0))
}

/// The changes that lead from `lower` to `upper`; `None` is an empty tree.
#[must_use]
pub(crate) fn diff(lower: Option<&Output>, upper: &Output, metadata: Metadata) -> Output {
    let mut inputs = Inputs::default();
    let op = pb::op::Op::Diff(pb::DiffOp {
        lower: Some(pb::LowerDiffInput {
            input: inputs.index(lower),
        }),
        upper: Some(pb::UpperDiffInput {
            input: inputs.index(Some(upper)),
        }),
    });
    Vertex::new(op, None, inputs, metadata, ["diffop"]).output(0)
}
