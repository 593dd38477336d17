use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::proto::pb;

/// The canonical bytes of an op, equal to those of Go's deterministic encoder.
///
/// Go writes the members of a `oneof` after all other fields, prost at their lowest number; the
/// server identifies vertices by the digest of Go's bytes.
#[must_use]
pub fn op_bytes(op: &pb::Op) -> Vec<u8> {
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
pub fn digest_of(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in hash {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}
