//! What git tracks, read from a repository's index where git itself cannot be asked.
//!
//! The format is git's `gitformat-index`, versions 2 to 4, with split and sparse indexes.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::files::gitignore::GitIgnore;
use crate::files::tree::{Context, Notes};

/// The largest index that is read, in bytes: a million files.
const MAX_INDEX: u64 = 256 * 1024 * 1024;
/// The longest path in a file that points to another directory of git's.
const MAX_POINTER: u64 = 4096;
/// What an index entry has before its flags, without the object's name: times, device, mode, owner, size.
const STAT: usize = 40;
/// Where the mode is in it.
const MODE: usize = 24;
const DIRECTORY: u32 = 0o040_000;
const REPOSITORY: u32 = 0o160_000;

/// The repository that a directory is in.
pub(super) struct Repository {
    /// The top of its working tree.
    top: PathBuf,
    index: Index,
}

impl Repository {
    /// The repository that a directory of the context is in, if its index is at hand. Adds the rules that hold there from
    /// above. Files of git's own that a file `.git` leads to are noted as missing.
    pub(super) fn find(context: &Context, directory: &Path, rules: &mut GitIgnore, notes: &mut Notes) -> Option<Self> {
        let above = directory.ancestors();
        for top in above.take_while(|path| path.starts_with(context.root())) {
            let inside = top.strip_prefix(context.root()).ok()?;
            if let Some(file) = context.git_file(&inside.join(".gitignore")) {
                rules.add_file(top, &file);
            }
            let Some(git) = git_directory(context, &inside.join(".git"), notes) else {
                continue;
            };
            let bytes = read(context, &git.join("index"), MAX_INDEX);
            let index = match bytes {
                // Nothing has been added yet.
                None => Index::default(),
                Some(bytes) => Index::parse(&bytes, |shared| {
                    let path = git.join(format!("sharedindex.{shared}"));
                    let found = read(context, &path, MAX_INDEX);
                    if found.is_none() {
                        notes.miss(&path);
                    }
                    found
                })?,
            };
            let common = read(context, &git.join("commondir"), MAX_POINTER);
            let common = common.and_then(|path| lexical(&git, &String::from_utf8(path).ok()?));
            let exclude = common.unwrap_or(git).join("info/exclude");
            if let Some(file) = context.git_file(&exclude) {
                rules.add_file(top, &file);
            }
            return Some(Self {
                top: top.to_owned(),
                index,
            });
        }
        None
    }

    /// Whether git ignores a file that its index does not have.
    pub(super) fn ignores(&self, rules: &GitIgnore, file: &Path) -> bool {
        let Ok(inside) = file.strip_prefix(&self.top) else {
            return false;
        };
        !self.index.has(inside.as_os_str().as_bytes()) && rules.ignores(&self.top, file)
    }
}

/// The directory with a repository's own files, relative to the context, if there is a repository.
fn git_directory(context: &Context, git: &Path, notes: &mut Notes) -> Option<PathBuf> {
    let head = |directory: PathBuf| context.git_file(&directory.join("HEAD")).map(|_| directory);
    let found = context.git_path(git)?;
    if found.is_dir() {
        return head(git.to_owned());
    }
    // A submodule or another working tree: its files are elsewhere.
    let pointer = String::from_utf8(read(context, git, MAX_POINTER)?).ok()?;
    let directory = lexical(git.parent()?, pointer.strip_prefix("gitdir:")?)?;
    if context.git_path(&directory).is_none() {
        for file in ["HEAD", "index", "commondir", "info/exclude"] {
            notes.miss(&directory.join(file));
        }
    }
    head(directory)
}

/// A path relative to a directory; `None` if it leaves the context.
fn lexical(directory: &Path, path: &str) -> Option<PathBuf> {
    let path = crate::files::paths::join(directory.to_str()?, path.trim())?;
    Some(path.into())
}

fn read(context: &Context, path: &Path, limit: u64) -> Option<Vec<u8>> {
    let file = context.git_file(path)?;
    let is_small = fs::metadata(&file).is_ok_and(|metadata| metadata.len() <= limit);
    is_small.then(|| fs::read(&file).ok()).flatten()
}

/// What an index says is tracked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Index {
    /// Paths from the top of the working tree, sorted.
    files: Vec<Vec<u8>>,
    /// Directories whose files are not in this index: other repositories, and what a sparse index leaves out.
    closed: Vec<Vec<u8>>,
}

impl Index {
    /// Whether git tracks a file, or does not look into a directory above it.
    fn has(&self, path: &[u8]) -> bool {
        let above = (0..path.len()).filter(|at| path.get(*at) == Some(&b'/'));
        self.files.binary_search_by(|file| file.as_slice().cmp(path)).is_ok()
            || above.filter_map(|at| path.get(..at)).any(|above| {
                let found = self.closed.binary_search_by(|closed| closed.as_slice().cmp(above));
                found.is_ok()
            })
    }

    /// Reads an index; `shared` gives the one that it is built on. Nothing if it is damaged or of an unknown version.
    fn parse(bytes: &[u8], shared: impl FnOnce(&str) -> Option<Vec<u8>>) -> Option<Self> {
        let raw = RawIndex::parse(bytes)?;
        let mut entries = raw.entries;
        if let Some(link) = raw.link {
            let base = RawIndex::parse(&shared(&link.base)?)?;
            // Entries that only replace others have no path of their own.
            entries.retain(|(path, _)| !path.is_empty());
            let kept = base.entries.into_iter().enumerate();
            entries.extend(
                kept.filter(|(at, _)| !link.deleted.contains(at))
                    .map(|(_, entry)| entry),
            );
        }
        let mut index = Self::default();
        for (mut path, mode) in entries {
            if matches!(mode & 0o170_000, DIRECTORY | REPOSITORY) {
                if path.ends_with(b"/") {
                    path.pop();
                }
                index.closed.push(path);
            } else {
                index.files.push(path);
            }
        }
        index.files.sort();
        index.closed.sort();
        Some(index)
    }
}

/// An index file as it is written.
struct RawIndex {
    /// Paths and modes.
    entries: Vec<(Vec<u8>, u32)>,
    link: Option<SharedIndex>,
}

/// The index that a split one is built on.
struct SharedIndex {
    /// The name of its object.
    base: String,
    /// The positions of entries that are gone.
    deleted: Vec<usize>,
}

impl RawIndex {
    /// The index does not say by which hash objects are named, but ends in the hash of all before, or in zeros.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let sha1 = |body: &[u8]| Sha1::digest(body).to_vec();
        let sha256 = |body: &[u8]| Sha256::digest(body).to_vec();
        Self::with_names(bytes, 20, sha1).or_else(|| Self::with_names(bytes, 32, sha256))
    }

    fn with_names(bytes: &[u8], name: usize, hash: impl Fn(&[u8]) -> Vec<u8>) -> Option<Self> {
        let (body, end) = bytes.split_at_checked(bytes.len().checked_sub(name)?)?;
        if end.iter().any(|byte| *byte != 0) && hash(body) != end {
            return None;
        }
        let mut rest = Reader(body.strip_prefix(b"DIRC")?);
        let version = rest.u32().filter(|version| (2..=4).contains(version))?;
        let count = rest.u32()?;
        let mut entries: Vec<(Vec<u8>, u32)> = Vec::new();
        let mut previous: Vec<u8> = Vec::new();
        for _ in 0..count {
            let before = rest.0.len();
            let mode = Reader(rest.take(STAT + name)?.get(MODE..)?).u32()?;
            let flags = rest.u16()?;
            // The extended flag; version 2 has none.
            if flags & 0x4000 != 0 {
                rest.take(2).filter(|_| version > 2)?;
            }
            let path = if version == 4 {
                let shared = previous.len().checked_sub(rest.variable()?)?;
                previous.truncate(shared);
                previous.extend_from_slice(rest.until_nul()?);
                previous.clone()
            } else {
                let path = rest.until_nul()?.to_vec();
                // Entries have a length of eights, with at least one NUL at the end.
                rest.take((8 - (before - rest.0.len()) % 8) % 8)?;
                path
            };
            entries.push((path, mode));
        }
        let mut link = None;
        while !rest.0.is_empty() {
            let kind = rest.take(4)?;
            let length = usize::try_from(rest.u32()?).ok()?;
            let mut content = Reader(rest.take(length)?);
            if kind == b"link" {
                let base = base16ct::lower::encode_string(content.take(name)?);
                link = Some(SharedIndex {
                    base,
                    deleted: content.bits().unwrap_or_default(),
                });
            }
        }
        Some(Self { entries, link })
    }
}

/// Reads from the front of bytes; nothing where they end too early.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn until_nul(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let taken = self.take(end);
        self.take(1)?;
        taken
    }

    /// A number in groups of seven bits, the highest first, each counted from one.
    fn variable(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        loop {
            let byte = *self.take(1)?.first()?;
            value = value.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            value = value.checked_add(1)?;
        }
    }

    /// The positions of the bits that are set in a bitmap of the form EWAH: words that count runs of equal words and
    /// the literal words that follow.
    fn bits(&mut self) -> Option<Vec<usize>> {
        let size = usize::try_from(self.u32()?).ok()?;
        let words = self.u32()?;
        let mut words = Reader(self.take(usize::try_from(words).ok()?.checked_mul(8)?)?);
        let mut word = || Some(u64::from_be_bytes(words.take(8)?.try_into().ok()?));
        let mut bits = Vec::new();
        let mut at = 0_usize;
        while let Some(marker) = word() {
            let run = usize::try_from((marker >> 1) & 0xffff_ffff).ok()?.checked_mul(64)?;
            let end = at.checked_add(run)?.min(size);
            if marker & 1 == 1 {
                bits.extend(at..end);
            }
            at = end;
            for _ in 0..marker >> 33 {
                let literal = word()?;
                bits.extend((0..64).filter(|bit| literal >> bit & 1 == 1).map(|bit| at + bit));
                at += 64;
            }
        }
        Some(bits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    use super::*;
    use crate::files::glob::Patterns;
    use crate::files::{Answer, Job, Request, compute};

    fn git(directory: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=n",
                "-c",
                "user.email=e@e",
                "-c",
                "protocol.file.allow=always",
            ])
            .args(arguments)
            .current_dir(directory)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(root: &Path, path: &str, content: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Digests of a source by what git prints and by what we read, which have to be the same.
    fn agree(context: &Path, source: &str) -> Answer {
        let request = Request {
            jobs: vec![Job::Source { root: source.into() }],
            copies: Vec::new(),
        };
        let here = || Context::new(context, Patterns::default());
        let printed = |directory: &Path| {
            let printed = git(directory, &["ls-files", "-io", "--exclude-standard"]);
            Some(printed.lines().map(str::to_owned).collect::<BTreeSet<_>>())
        };
        let read = compute(&request, &here(), &|_| None);
        let asked = compute(&request, &here(), &printed);
        let digests = |answer: &Answer| answer.outcomes[0].digest.clone();
        assert_eq!(
            digests(&read),
            digests(&asked),
            "{source} {:?}",
            printed(&context.join(source))
        );
        assert_eq!(read.outcomes[0].doubts, []);
        read
    }

    fn project() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        git(root, &["init", "-q"]);
        for path in [
            "a.py",
            "a.log",
            "d/b.log",
            "d/e/c.txt",
            "d/e/f.log",
            "x y/z.log",
            "longer-than-that/and-more.log",
        ] {
            write(root, path, path);
        }
        write(root, ".gitignore", "*.log\n!d/e/f.log\n");
        write(root, "d/.gitignore", "*.txt\n");
        git(root, &["add", "-f", "."]);
        git(root, &["commit", "-qm", "1"]);
        for path in [
            "u.log",
            "d/u.log",
            "d/e/u.txt",
            "d/e/u.log",
            "new/u.log",
            "new/u.py",
            "deeper/i/u.log",
        ] {
            write(root, path, path);
        }
        write(root, ".git/info/exclude", "deeper\n!u.log\n");
        directory
    }

    #[test]
    fn indexes_of_all_versions_are_read_as_git_reads_them() {
        for version in ["2", "3", "4"] {
            let directory = project();
            let root = directory.path();
            // The third version is written only for entries that need it.
            write(root, "intended.log", "");
            git(root, &["add", "-f", "-N", "intended.log"]);
            git(root, &["update-index", "--index-version", version]);
            agree(root, ".");
            fs::remove_file(root.join("d/b.log")).unwrap();
            git(root, &["rm", "-q", "--cached", "a.log"]);
            agree(root, ".");
        }
    }

    #[test]
    fn split_and_sparse_indexes_are_read() {
        let directory = project();
        let root = directory.path();
        git(root, &["update-index", "--split-index"]);
        agree(root, ".");
        git(root, &["rm", "-q", "--cached", "a.log", "d/e/c.txt"]);
        write(root, "added.log", "");
        git(root, &["add", "-f", "added.log"]);
        agree(root, ".");
        git(root, &["update-index", "--no-split-index"]);
        git(root, &["commit", "-qm", "2"]);
        git(root, &["sparse-checkout", "set", "--cone", "--sparse-index", "new"]);
        agree(root, ".");
    }

    #[test]
    fn an_index_with_longer_names_of_objects_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        git(root, &["init", "-q", "--object-format=sha256"]);
        write(root, ".gitignore", "*.log\n");
        write(root, "a.log", "");
        git(root, &["add", "-f", "."]);
        write(root, "u.log", "");
        agree(root, ".");
    }

    #[test]
    fn a_repository_without_an_index_tracks_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        git(root, &["init", "-q"]);
        write(root, ".gitignore", "*.log\n");
        write(root, "a.log", "");
        agree(root, ".");
    }

    #[test]
    fn submodules_and_repositories_inside_are_left_alone() {
        let other = project();
        let directory = project();
        let root = directory.path();
        git(
            root,
            &["submodule", "-q", "add", &other.path().display().to_string(), "sub"],
        );
        write(root, "sub/u.log", "");
        write(root, "new/inner/v.log", "");
        git(&root.join("new/inner"), &["init", "-q"]);
        agree(root, ".");
        agree(root, "sub");
        agree(&root.join("new/inner"), ".");
    }

    #[test]
    fn another_working_tree_in_the_context_is_found() {
        let directory = project();
        let root = directory.path();
        git(root, &["worktree", "add", "-q", "tree"]);
        write(root, "tree/u.log", "");
        let pointer = root.join("tree/.git");
        let text = fs::read_to_string(&pointer).unwrap();
        fs::write(
            &pointer,
            text.replace(&root.canonicalize().unwrap().display().to_string(), ".."),
        )
        .unwrap();
        agree(root, "tree");
    }

    #[test]
    fn damaged_indexes_are_not_read() {
        let directory = project();
        let bytes = fs::read(directory.path().join(".git/index")).unwrap();
        assert!(Index::parse(&bytes, |_| None).is_some());
        for end in 0..bytes.len() - 1 {
            assert_eq!(Index::parse(&bytes[..end], |_| None), None, "{end}");
        }
        assert_eq!(Index::parse(&[b"DIRC\0\0\0\x05", &bytes[8..]].concat(), |_| None), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_stop_the_reader(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), version in 2_u8..5, count in 0_u8..4) {
            bytes.splice(0..0, [b"DIRC\0\0\0".as_slice(), &[version, 0, 0, 0, count]].concat());
            drop(Index::parse(&bytes, |_| None));
        }
    }
}
