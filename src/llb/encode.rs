//! The bytes of ops and their digests, which have to equal those that BuildKit computes.

use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::proto::pb;

/// The canonical bytes of an op, equal to those of Go's deterministic encoder.
///
/// Go writes the members of a `oneof` after all other fields, prost at their lowest number; the
/// server identifies vertices by the digest of Go's bytes.
#[must_use]
pub(super) fn op_bytes(op: &pb::Op) -> Vec<u8> {
    let mut bytes = pb::Op { op: None, ..op.clone() }.encode_to_vec();
    let member = pb::Op {
        op: op.op.clone(),
        ..pb::Op::default()
    };
    bytes.extend(member.encode_to_vec());
    bytes
}

/// The digest of bytes in the form `sha256:<64 hex digits>`.
#[must_use]
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", base16ct::lower::encode_string(&Sha256::digest(bytes)))
}
