//! Which part of a lock is wanted, and whether the lock has it: the same for every kind of lock.

use std::collections::BTreeMap;

use pep508_rs::ExtraName;

use crate::python::interpreter::Interpreter;
use crate::python::lock::locked::LockError;
use crate::python::requirements::{Parts, has_name, pep508};

/// The part of a lock that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The extras and groups of the project.
    pub parts: Parts,
    /// Packages to build even if there is a wheel; `:all:` for all.
    pub no_binary: Vec<String>,
    /// For each package, by normalised name, the hashes that its file may have.
    pub hashes: BTreeMap<String, Vec<String>>,
}

/// An error for each extra or group (`kind` says which) that is wanted and not known.
pub(super) fn unknown_parts<'a>(
    kind: &str,
    wanted: impl Iterator<Item = &'a String>,
    known: &[String],
) -> Vec<LockError> {
    wanted
        .filter(|name| !has_name(known, name))
        .map(|name| LockError::Unsupported(format!("it has no {kind} `{name}`")))
        .collect()
}

/// Whether a marker (PEP 508) holds for an interpreter and the extras that are wanted.
pub(super) fn marker_holds(marker: &str, interpreter: &Interpreter, extras: &[ExtraName]) -> Result<bool, LockError> {
    let tree = pep508::marker(marker).map_err(LockError::Form)?;
    Ok(tree.evaluate(&interpreter.markers, extras))
}
