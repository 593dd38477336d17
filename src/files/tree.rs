//! The files of the build context in a defined order, links resolved without leaving it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, FileType, Metadata};
use std::io::ErrorKind;
use std::mem::discriminant;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};

use crate::files::glob::Patterns;
use crate::files::job::{Doubt, Fault, Problem};
use crate::files::paths::pathlib;

/// The longest chain of links.
const MAX_LINKS: usize = 40;
/// How many links to directories may lead through each other.
const MAX_LEADS: usize = 8;

/// A directory whose files are hashed: the build context.
pub struct Context {
    root: PathBuf,
    /// The patterns of its ignore file.
    exclude: Patterns,
    /// Another copy of the context, with files of git's own that the ignore file may leave out.
    git: Option<PathBuf>,
}

/// What was noticed on the way to files.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Paths in the context that links point to and that are missing.
    pub(super) missing: BTreeSet<String>,
    /// Reasons why flytekit's digest may differ, one of each other kind.
    doubts: Vec<Doubt>,
    /// The files that the context's ignore file leaves out, for [`Doubt::Excluded`].
    excluded: Vec<String>,
    /// The links that lead out of the context, for [`Doubt::Link`].
    pub(super) outside: Vec<String>,
}

impl Notes {
    /// Notes that a path relative to the context is missing.
    pub(super) fn miss(&mut self, path: &Path) {
        self.missing.insert(pathlib(&path.to_string_lossy()));
    }

    /// Keeps the first doubt of each kind.
    pub(super) fn doubt(&mut self, doubt: Doubt) {
        let kind = discriminant(&doubt);
        match doubt {
            Doubt::Excluded { path } => self.excluded.push(path),
            Doubt::Link { path } => self.outside.push(path),
            doubt if self.doubts.iter().all(|known| discriminant(known) != kind) => self.doubts.push(doubt),
            _ => {}
        }
    }

    /// The paths of files of which doubts speak.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = &str> {
        self.excluded.iter().chain(&self.outside).map(String::as_str)
    }

    /// Takes what was noticed in a directory, but for doubts about files that do not count there.
    pub(super) fn absorb(&mut self, other: Self, counts: impl Fn(&String) -> bool) {
        self.missing.extend(other.missing);
        self.excluded.extend(other.excluded.into_iter().filter(&counts));
        self.outside.extend(other.outside.into_iter().filter(&counts));
        other.doubts.into_iter().for_each(|doubt| self.doubt(doubt));
    }

    /// The doubts, in the order in which [`Doubt`] lists their kinds.
    pub(super) fn into_doubts(mut self) -> Vec<Doubt> {
        let excluded = self.excluded.into_iter().take(1).map(|path| Doubt::Excluded { path });
        let links = self.outside.into_iter().take(1).map(|path| Doubt::Link { path });
        self.doubts.extend(excluded.chain(links));
        self.doubts.sort();
        self.doubts
    }
}

/// A file to hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedFile {
    /// The path to read, links resolved.
    pub(super) real: PathBuf,
    /// The name that is hashed: relative to the directory that was walked, or the base name.
    pub(super) name: String,
}

/// What there is at a path, links followed.
pub(super) enum TreeEntry {
    /// A regular file.
    File(PathBuf),
    /// A directory.
    Directory(PathBuf),
    /// Nothing, or a link to nothing.
    Nothing,
    /// A pipe or device, in words.
    Special(&'static str),
    /// A socket, which flytekit skips.
    Socket,
}

/// Where a link leads.
pub(super) enum Lead {
    /// To a place in what is copied, which has something or not.
    Inside,
    /// Out of it, to a file or directory.
    Out(PathBuf, FileType),
    /// Out of it, to nothing that could be copied.
    Nowhere,
}

/// The target of a link.
struct Followed {
    real: PathBuf,
    metadata: Metadata,
    /// Whether the way to it stays below the directory that was asked about.
    stays: bool,
}

/// The names in a directory.
pub(super) struct Listing {
    /// Everything but directories, by name, and whether it is a regular file.
    pub(super) files: Vec<(OsString, bool)>,
    /// Directories, without links to directories.
    pub(super) directories: Vec<OsString>,
    /// Links to directories.
    pub(super) leads: Vec<OsString>,
}

impl Context {
    /// A context without the files that `exclude` matches.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, exclude: Patterns) -> Self {
        Self {
            root: root.into(),
            exclude,
            git: None,
        }
    }

    /// The same, with a directory where the files of repositories are looked for first.
    #[must_use]
    pub(crate) fn with_git(self, git: impl Into<PathBuf>) -> Self {
        let git = Some(git.into());
        Self { git, ..self }
    }

    /// What there is at a path relative to the context, among the files of repositories first.
    pub(super) fn git_path(&self, path: &Path) -> Option<PathBuf> {
        let mut roots = self.git.iter().chain([&self.root]);
        roots.find_map(|root| Some(root.join(path)).filter(|path| fs::symlink_metadata(path).is_ok()))
    }

    /// The same, if it is a file.
    pub(super) fn git_file(&self, path: &Path) -> Option<PathBuf> {
        self.git_path(path).filter(|path| path.is_file())
    }

    /// The directory that paths of the spec are relative to.
    #[must_use]
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The place of a path of the spec; absolute paths stay as they are.
    #[must_use]
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// What a build would see at a path of the spec: where it is, and whether it is a directory. `None` where there is
    /// nothing to read.
    ///
    /// # Errors
    /// When the system refuses to say.
    #[cfg(feature = "cli")]
    pub(crate) fn locate(&self, path: &str) -> Result<Option<(PathBuf, bool)>, Problem> {
        let found = self.find(&self.place(path), &mut Notes::default())?;
        Ok(match found {
            TreeEntry::File(real) => Some((real, false)),
            TreeEntry::Directory(real) => Some((real, true)),
            TreeEntry::Nothing | TreeEntry::Special(_) | TreeEntry::Socket => None,
        })
    }

    /// A path for people, relative to the context.
    pub(super) fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    }

    /// Whether the ignore file leaves a path out.
    pub(crate) fn leaves_out(&self, path: &Path) -> bool {
        let Ok(relative) = path.strip_prefix(&self.root) else {
            return false;
        };
        relative
            .to_str()
            .is_some_and(|relative| self.exclude.matches(&pathlib(relative)))
    }

    /// Whether the ignore file leaves out a path that flytekit would count.
    fn is_excluded(&self, path: &Path, notes: &mut Notes) -> bool {
        let is_out = !self.exclude.is_empty() && self.leaves_out(path);
        if is_out {
            let path = self.relative(path);
            notes.doubt(Doubt::Excluded { path });
        }
        is_out
    }

    /// What there is at a path that a spec names. Links on the way to it are followed within the context, too.
    ///
    /// # Errors
    /// When the operating system refuses to say.
    pub(super) fn find(&self, path: &Path, notes: &mut Notes) -> Result<TreeEntry, Problem> {
        let has_links = path
            .ancestors()
            .skip(1)
            .take_while(|above| *above != self.root && above.starts_with(&self.root))
            .any(Path::is_symlink);
        let found = if has_links {
            match self.follow(path, notes)? {
                Some((real, _)) => self.look(&real, notes)?,
                None => TreeEntry::Nothing,
            }
        } else {
            self.look(path, notes)?
        };
        match found {
            // BuildKit's clients send an excluded directory only if something in it is not excluded.
            TreeEntry::Directory(real) if self.is_excluded(&real, notes) && self.is_left_empty(&real, notes)? => {
                Ok(TreeEntry::Nothing)
            }
            found => Ok(found),
        }
    }

    fn is_left_empty(&self, directory: &Path, notes: &mut Notes) -> Result<bool, Problem> {
        let mut stack = vec![directory.to_owned()];
        while let Some(directory) = stack.pop() {
            let listing = self.list(&directory, notes)?;
            if listing
                .files
                .iter()
                .any(|(name, _)| !self.leaves_out(&directory.join(name)))
            {
                return Ok(false);
            }
            for name in listing.directories {
                let below = directory.join(name);
                if !self.leaves_out(&below) {
                    return Ok(false);
                }
                stack.push(below);
            }
        }
        Ok(true)
    }

    /// What there is at a path, links at its end followed.
    ///
    /// # Errors
    /// When the operating system refuses to say.
    pub(super) fn look(&self, path: &Path, notes: &mut Notes) -> Result<TreeEntry, Problem> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if is_nothing(&error) => return Ok(TreeEntry::Nothing),
            Err(error) => return Err(self.unreadable(path, &error)),
        };
        let (real, metadata) = if metadata.is_symlink() {
            match self.follow(path, notes)? {
                Some(found) => found,
                None => return Ok(TreeEntry::Nothing),
            }
        } else {
            (path.to_owned(), metadata)
        };
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Ok(TreeEntry::Directory(real));
        }
        if self.is_excluded(path, notes) || (real != path && self.is_excluded(&real, notes)) {
            return Ok(TreeEntry::Nothing);
        }
        Ok(match special(kind) {
            None if kind.is_file() => TreeEntry::File(real),
            None => {
                let path = self.relative(path);
                notes.doubt(Doubt::Socket { path });
                TreeEntry::Socket
            }
            Some(what) => TreeEntry::Special(what),
        })
    }

    /// Where a link leads that is copied with all that is in a directory, the last of `tops`. The others are directories
    /// that links have led through.
    pub(super) fn lead(&self, link: &Path, tops: &[PathBuf], notes: &mut Notes) -> Result<Lead, Problem> {
        let top = tops.last().unwrap_or(&self.root);
        let Some(target) = self.follow_from(link, top, notes)? else {
            let is_inside = self.dangles_inside(link, top);
            return Ok(if is_inside { Lead::Inside } else { Lead::Nowhere });
        };
        if target.stays {
            return Ok(Lead::Inside);
        }
        let is_loop = |target: &Path| tops.len() > MAX_LEADS || tops.iter().any(|top| top.starts_with(target));
        Ok(match self.look(&target.real, notes)? {
            TreeEntry::File(real) => Lead::Out(real, target.metadata.file_type()),
            TreeEntry::Directory(real) if !is_loop(&real) => Lead::Out(real, target.metadata.file_type()),
            _ => Lead::Nowhere,
        })
    }

    /// Whether a link to nothing leads to a place below a directory that it is in.
    fn dangles_inside(&self, link: &Path, top: &Path) -> bool {
        let mut at = link.parent().unwrap_or(top).to_owned();
        let target = fs::read_link(link).unwrap_or_default();
        target.components().all(|part| {
            match part {
                Component::ParentDir => drop(at.pop()),
                part => at.push(part),
            }
            at.starts_with(top)
        })
    }

    /// The target of a link. Within the context it stays there, as it does for BuildKit, which has no other files.
    fn follow(&self, link: &Path, notes: &mut Notes) -> Result<Option<(PathBuf, Metadata)>, Problem> {
        let followed = self.follow_from(link, &self.root, notes)?;
        Ok(followed.map(|followed| (followed.real, followed.metadata)))
    }

    /// The target of a link, and whether the way to it stays below a directory that the link is in.
    fn follow_from(&self, link: &Path, top: &Path, notes: &mut Notes) -> Result<Option<Followed>, Problem> {
        let Ok(inside) = link.strip_prefix(&self.root) else {
            // Outside of the context, the operating system resolves links.
            return match fs::canonicalize(link).and_then(|real| Ok((fs::metadata(&real)?, real))) {
                Ok((metadata, real)) => {
                    let stays = real.starts_with(top);
                    Ok(Some(Followed { real, metadata, stays }))
                }
                Err(error) if is_nothing(&error) => Ok(None),
                Err(error) => Err(self.unreadable(link, &error)),
            };
        };
        let outside = || Doubt::Link {
            path: self.relative(link),
        };
        let mut left: Vec<OsString> = inside.components().rev().map(|c| c.as_os_str().to_owned()).collect();
        let mut at = self.root.clone();
        let mut depth = 0_usize;
        let mut links = 0;
        let mut stays = true;
        while let Some(part) = left.pop() {
            stays &= links == 0 || at.starts_with(top);
            match Path::new(&part).components().next() {
                Some(Component::ParentDir) if depth == 0 => {
                    notes.doubt(outside());
                    return Ok(None);
                }
                Some(Component::ParentDir) => {
                    at.pop();
                    depth -= 1;
                    continue;
                }
                Some(Component::Normal(name)) => at.push(name),
                _ => continue,
            }
            depth += 1;
            let metadata = match fs::symlink_metadata(&at) {
                Ok(metadata) => metadata,
                Err(error) if is_nothing(&error) => {
                    let rest = left.iter().rev().fold(at.clone(), |path, part| path.join(part));
                    if links == 0 {
                        return Ok(None);
                    }
                    notes.missing.insert(pathlib(&self.relative(&rest)));
                    return Ok(None);
                }
                Err(error) => return Err(self.unreadable(&at, &error)),
            };
            if metadata.is_symlink() {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(None);
                }
                let target = fs::read_link(&at).map_err(|error| self.unreadable(&at, &error))?;
                at.pop();
                depth -= 1;
                if target.is_absolute() {
                    // It means a file on the user's machine.
                    notes.doubt(outside());
                    return Ok(None);
                }
                left.extend(target.components().rev().map(|c| c.as_os_str().to_owned()));
            } else if left.is_empty() {
                stays &= at.starts_with(top);
                let real = at;
                return Ok(Some(Followed { real, metadata, stays }));
            }
        }
        stays &= at.starts_with(top);
        match fs::metadata(&at) {
            Ok(metadata) => Ok(Some(Followed {
                real: at,
                metadata,
                stays,
            })),
            Err(error) => Err(self.unreadable(&at, &error)),
        }
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn list(&self, directory: &Path, notes: &mut Notes) -> Result<Listing, Problem> {
        let mut listing = Listing {
            files: Vec::new(),
            directories: Vec::new(),
            leads: Vec::new(),
        };
        let error = |error| self.unreadable(directory, &error);
        for entry in fs::read_dir(directory).map_err(error)? {
            let entry = entry.map_err(error)?;
            let kind = entry.file_type().map_err(error)?;
            let is_directory = if kind.is_symlink() {
                match self.look(&entry.path(), notes)? {
                    // Links to directories are neither files nor entered.
                    TreeEntry::Directory(_) => {
                        listing.leads.push(entry.file_name());
                        continue;
                    }
                    _ => false,
                }
            } else {
                kind.is_dir()
            };
            if is_directory {
                listing.directories.push(entry.file_name());
            } else {
                listing.files.push((entry.file_name(), kind.is_file()));
            }
        }
        listing.files.sort();
        listing.directories.sort();
        Ok(listing)
    }

    /// All files below a directory: its own by name, then those of its subdirectories. `enter` decides which
    /// subdirectories are entered; `visit` sees each directory with all that is in it.
    ///
    /// # Errors
    /// The first file or directory that cannot be hashed.
    pub(super) fn walk(
        &self,
        top: &Path,
        enter: impl Fn(&str) -> bool,
        notes: &mut Notes,
        mut visit: impl FnMut(&Path, &Listing, &mut Notes),
    ) -> Result<Vec<ListedFile>, Problem> {
        let mut files = Vec::new();
        let mut stack = vec![(top.to_owned(), String::new())];
        while let Some((directory, prefix)) = stack.pop() {
            let mut listing = self.list(&directory, notes)?;
            visit(&directory, &listing, notes);
            listing.directories.retain(|name| name.to_str().is_none_or(&enter));
            for (name, is_regular) in &listing.files {
                let path = directory.join(name);
                let found = if *is_regular && !self.is_excluded(&path, notes) {
                    // The listing is enough: asking for each file would double the work.
                    TreeEntry::File(path.clone())
                } else {
                    self.look(&path, notes)?
                };
                let real = match found {
                    TreeEntry::File(real) => real,
                    TreeEntry::Special(what) => return Err(self.special(&path, what)),
                    TreeEntry::Nothing | TreeEntry::Socket | TreeEntry::Directory(_) => continue,
                };
                let name = name.to_str().ok_or_else(|| self.not_utf8(&path))?;
                files.push(ListedFile {
                    real,
                    name: format!("{prefix}{name}"),
                });
            }
            for name in listing.directories.iter().rev() {
                let path = directory.join(name);
                let name = name.to_str().ok_or_else(|| self.not_utf8(&path))?;
                stack.push((path, format!("{prefix}{name}/")));
            }
        }
        Ok(files)
    }

    /// The problem that a file has no content to hash.
    pub(super) fn special(&self, path: &Path, what: &str) -> Problem {
        Fault::Special(what.to_owned()).at(self.relative(path))
    }

    fn not_utf8(&self, path: &Path) -> Problem {
        Fault::NotUtf8.at(self.relative(path))
    }

    /// The problem that a file cannot be read.
    pub(super) fn unreadable(&self, path: &Path, error: &std::io::Error) -> Problem {
        let fault = match error.kind() {
            ErrorKind::NotFound => Fault::Vanished,
            _ => Fault::Unreadable(error.to_string()),
        };
        fault.at(self.relative(path))
    }
}

/// The kind of file that has no content to hash, in words; `None` for files and sockets.
fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else {
        None
    }
}

fn is_nothing(error: &std::io::Error) -> bool {
    // 40 is ELOOP: too many links.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) || error.raw_os_error() == Some(40)
}
