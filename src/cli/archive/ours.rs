//! Archives that are there from an earlier run, and would be in the next one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use base16ct::lower::encode_string as hex;
use sha1::{Digest as _, Sha1};

/// What the names of archives begin with until they are whole.
pub(crate) const PARTIAL: &str = ".imagespec-context-";
/// The length of SHA-1 in hexadecimal digits.
const DIGITS: usize = 40;

/// Where archives may be, links resolved.
pub(crate) struct Ours {
    /// Directories with archives that have their own digest as their name.
    pub(crate) directories: Vec<PathBuf>,
    /// The one that is about to be written, if its name is known.
    pub(crate) output: Option<PathBuf>,
}

impl Ours {
    /// Whether a path is an archive that a run of this program wrote, or what is left of one.
    pub(super) fn has(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
            return false;
        };
        let is_known = || self.directories.iter().any(|known| path.parent() == Some(known));
        name.starts_with(PARTIAL) || self.output.as_deref() == Some(path) || (is_known() && is_own_digest(&name, path))
    }
}

/// Whether a file is named as an archive of its own content. Archives of git are named by commits, which are as long.
fn is_own_digest(name: &str, path: &Path) -> bool {
    let Some((digest, "tar" | "tar.gz" | "zip")) = name.split_once('.') else {
        return false;
    };
    let is_digest = digest.len() == DIGITS && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest && path.is_file() && sha1(path).is_ok_and(|own| own == digest)
}

fn sha1(path: &Path) -> io::Result<String> {
    let mut hash = Sha1::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hex(&hash.finalize()))
}
