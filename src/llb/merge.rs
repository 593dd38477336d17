use crate::llb::metadata::Metadata;
use crate::llb::vertex::{Inputs, Output, Vertex};
use crate::proto::pb;

/// Lays file trees over each other, later ones on top. `None` when there are none, the tree itself
/// when there is one.
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

/// What `upper` adds to, changes in and removes from `lower`; `None` is an empty tree.
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
