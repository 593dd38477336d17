//! Our own digest of what a copy brings into an image: contents, names, modes as they arrive, targets of links.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use base16ct::lower::encode_string as hex;
use sha2::{Digest as _, Sha256};

use crate::files::glob::Patterns;
use crate::files::job::{Fault, Problem};
use crate::files::stream::{map_files, open};
use crate::files::tree::{Context, Lead, Notes, TreeEntry};

/// A file, directory or link at or below the path.
struct SnapshotEntry {
    name: String,
    path: PathBuf,
    kind: EntryKind,
}

enum EntryKind {
    /// A directory with its mode, and whether the ignore file leaves it out: then it counts only with something in it.
    Directory(u32, bool),
    /// A link and its target.
    Link(PathBuf),
    File,
}

/// What counts of files besides contents, names and targets of links.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    /// The path itself if it is a directory: it is copied, not only its contents.
    pub(super) root: bool,
    /// More of a mode than git keeps.
    pub(super) modes: bool,
    /// What links lead to, for links that lead out of the path: they are copied as what they lead to.
    pub(super) targets: bool,
}

/// SHA-256 over everything at or below a path that `exclude` does not match.
pub(super) fn snapshot(
    context: &Context,
    path: &str,
    exclude: &[String],
    counted: Counted,
    notes: &mut Notes,
) -> Result<String, Problem> {
    let place = context.place(path);
    let exclude = Patterns::docker(exclude.iter().map(String::as_str))
        .map_err(|error| Fault::Unreadable(error.to_string()).at(path))?;
    let entries = entries(context, &place, &exclude, counted.targets, notes)?;
    let files: Vec<&Path> = entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::File))
        .map(|entry| entry.path.as_path())
        .collect();
    let digests = map_files(&files, |path, buffer| {
        let mut file = open(path)?;
        let mode = file.metadata()?.mode();
        Ok((mode, digest(&mut file, buffer)?))
    });
    let digests = digests.map_err(|failed| {
        let path = files.get(failed.position).copied().unwrap_or(&place);
        context.unreadable(path, &failed.error)
    })?;
    let mut digests = digests.iter();
    let mut hash = Sha256::new();
    // With lengths, one entry cannot be mistaken for two.
    let mut line = |kind: &str, detail: &str, name: &str, content: &[u8]| {
        hash.update(format!("{kind} {}:{detail} {}:{name}\n", detail.len(), name.len()));
        hash.update(content);
    };
    let shown = |mode: u32, is_executable: bool| match (counted.modes, is_executable) {
        (true, _) => format!("{:o}", mode & 0o7777),
        (false, true) => "755".to_owned(),
        (false, false) => "644".to_owned(),
    };
    for entry in &entries {
        match &entry.kind {
            // The contents go into a directory that exists already.
            EntryKind::Directory(..) if entry.name.is_empty() && !counted.root => {}
            EntryKind::Directory(mode, _) => line("directory", &shown(*mode, true), &entry.name, &[]),
            EntryKind::Link(target) => {
                let target = target.as_os_str().as_bytes();
                line("link", &target.len().to_string(), &entry.name, target);
            }
            EntryKind::File => {
                if let Some((mode, digest)) = digests.next() {
                    line("file", &shown(*mode, mode & 0o111 != 0), &entry.name, digest);
                }
            }
        }
    }
    Ok(hex(&hash.finalize()))
}

fn digest(file: &mut File, buffer: &mut [u8]) -> std::io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    loop {
        match file.read(buffer)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(buffer.get(..read).unwrap_or(&[])),
        }
    }
}

/// A path and everything below it by name, each directory before its contents.
fn entries(
    context: &Context,
    place: &Path,
    exclude: &Patterns,
    follows: bool,
    notes: &mut Notes,
) -> Result<Vec<SnapshotEntry>, Problem> {
    let real = match context.find(place, notes)? {
        TreeEntry::File(real) | TreeEntry::Directory(real) => real,
        TreeEntry::Special(what) => return Err(context.special(place, what)),
        TreeEntry::Nothing | TreeEntry::Socket => {
            return Err(Fault::Missing.at(context.relative(place)));
        }
    };
    let kind = fs::symlink_metadata(&real).map_err(|error| context.unreadable(&real, &error))?;
    let mut entries = Vec::new();
    // With each the directories that links have led through.
    let tops = Rc::new(vec![real.clone()]);
    let mut stack = vec![(real, String::new(), kind.file_type(), tops)];
    while let Some((path, name, kind, tops)) = stack.pop() {
        let error = |error| context.unreadable(&path, &error);
        if kind.is_dir() {
            let mode = fs::symlink_metadata(&path).map_err(error)?.mode();
            let mut children = Vec::new();
            for child in fs::read_dir(&path).map_err(error)? {
                let child = child.map_err(error)?;
                let kind = child.file_type().map_err(error)?;
                let child = child.path();
                let base = child.file_name().and_then(std::ffi::OsStr::to_str);
                let base = base.ok_or_else(|| Fault::NotUtf8.at(context.relative(&child)))?;
                let below = if name.is_empty() {
                    base.to_owned()
                } else {
                    format!("{name}/{base}")
                };
                let is_out = !kind.is_dir() && context.leaves_out(&child);
                if !is_out && !exclude.matches(&below) {
                    children.push((child, below, kind, Rc::clone(&tops)));
                }
            }
            // The stack takes the last first.
            children.sort_by(|a, b| b.1.cmp(&a.1));
            stack.extend(children);
            let kind = EntryKind::Directory(mode, context.leaves_out(&path));
            entries.push(SnapshotEntry { name, path, kind });
        } else if kind.is_symlink()
            && follows
            && tops.last() != Some(&path)
            && let Lead::Out(target, kind) = context.lead(&path, &tops, notes)?
        {
            // It is copied as what it leads to.
            let mut tops = Vec::clone(&tops);
            tops.push(target.clone());
            stack.push((target, name, kind, Rc::new(tops)));
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).map_err(error)?;
            let kind = EntryKind::Link(target);
            entries.push(SnapshotEntry { name, path, kind });
        } else if kind.is_file() {
            let kind = EntryKind::File;
            entries.push(SnapshotEntry { name, path, kind });
        } else if let TreeEntry::Special(what) = context.look(&path, notes)? {
            return Err(context.special(&path, what));
        }
    }
    // An excluded directory exists in the image if something in it is not excluded.
    let mut kept: Vec<SnapshotEntry> = Vec::with_capacity(entries.len());
    for entry in entries.into_iter().rev() {
        let is_empty = kept.last().is_none_or(|next| next.path.parent() != Some(&entry.path));
        if !matches!(entry.kind, EntryKind::Directory(_, true)) || !is_empty {
            kept.push(entry);
        }
    }
    kept.reverse();
    if kept.is_empty() {
        return Err(Fault::Missing.at(context.relative(place)));
    }
    Ok(kept)
}
