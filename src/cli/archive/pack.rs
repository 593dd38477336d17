//! Entries to an archive, with the digests of its bytes.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base16ct::lower::encode_string as hex;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::cli::archive::entries::{Entries, Entry, Kind};
use crate::cli::archive::format::{Archive, Format, Tar, Zip, gzip};
use crate::cli::disk::cannot;
use crate::text::{Diagnostic, ProblemKind};

/// What no header of a tar file is, and as long as one.
const INCOMPLETE: [u8; 512] = [b'!'; 512];

/// An archive that has been written.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) sha1: String,
    pub(crate) sha256: String,
    /// In bytes.
    pub(crate) size: u64,
    /// How many files and links it has.
    pub(crate) files: usize,
    /// The size of each file, the largest first.
    pub(crate) sizes: Vec<(u64, String)>,
}

/// Writes an archive. After an error it has no end, so nobody takes it for a whole one. `name` is what it is called in
/// problems.
pub(crate) fn pack(entries: &Entries, format: Format, to: &mut dyn Write, name: &Path) -> Result<Packed, Diagnostic> {
    let is_given_up = Cell::new(false);
    let mut sink = Sink {
        to,
        sha1: Sha1::new(),
        sha256: Sha256::new(),
        size: 0,
        is_given_up: &is_given_up,
    };
    let mut packing = Packing {
        entries,
        name,
        is_given_up: &is_given_up,
        files: 0,
        sizes: Vec::new(),
    };
    let written = match format {
        Format::Tar => {
            let mut tar = Tar::new(&mut sink);
            packing.all(&mut tar).map(|()| tar.finish().map(drop))
        }
        Format::TarGz => {
            let mut tar = Tar::new(gzip(&mut sink));
            let all = packing.all(&mut tar);
            all.map(|()| tar.finish().and_then(|gzip| gzip.finish()).map(drop))
        }
        Format::Zip => {
            let mut zip = Zip::new(&mut sink);
            packing.all(&mut zip).map(|()| zip.finish().map(drop))
        }
    };
    let ended = match written {
        Ok(ended) => ended,
        Err(problem) => {
            if format == Format::Tar {
                // Readers take a tar file that only stops for one that has ended.
                drop(sink.to.write_all(&INCOMPLETE));
            }
            return Err(problem);
        }
    };
    ended
        .and_then(|()| sink.to.flush())
        .map_err(|error| cannot("write", name, error))?;
    packing.sizes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    Ok(Packed {
        sha1: hex(&sink.sha1.finalize()),
        sha256: hex(&sink.sha256.finalize()),
        size: sink.size,
        files: packing.files,
        sizes: packing.sizes,
    })
}

struct Packing<'a> {
    entries: &'a Entries,
    name: &'a Path,
    is_given_up: &'a Cell<bool>,
    files: usize,
    sizes: Vec<(u64, String)>,
}

impl Packing<'_> {
    fn all(&mut self, archive: &mut dyn Archive) -> Result<(), Diagnostic> {
        for (path, entry) in self.entries.iter() {
            if let Err(problem) = self.one(archive, path, entry) {
                // Writers end an archive when they are dropped.
                self.is_given_up.set(true);
                return Err(problem);
            }
        }
        Ok(())
    }

    fn one(&mut self, archive: &mut dyn Archive, path: &str, entry: &Entry) -> Result<(), Diagnostic> {
        let unwritable = |error| cannot("write", self.name, error);
        match entry.kind {
            Kind::Directory => return archive.directory(path).map_err(unwritable),
            Kind::Link => {
                let target = target(&entry.source)?;
                archive.link(path, &target).map_err(unwritable)?;
            }
            Kind::File => {
                let (mut content, mode) = Content::open(&entry.source)?;
                let size = content.left;
                let written = archive.file(path, mode, size, &mut content);
                content.ended(&entry.source)?;
                written.map_err(unwritable)?;
                self.sizes.push((size, path.to_owned()));
            }
        }
        self.files += 1;
        Ok(())
    }
}

/// Where a link leads, as it says.
fn target(link: &Path) -> Result<String, Diagnostic> {
    let target = fs::read_link(link).map_err(|error| cannot("read", link, error))?;
    target.into_os_string().into_string().map_err(|_| {
        let message = format!("{} is a link to a path that is not UTF-8 text", link.display());
        Diagnostic::error("file-name", message).kind(ProblemKind::FileName)
    })
}

/// Where the bytes of an archive go, and what is computed on their way.
struct Sink<'a> {
    to: &'a mut dyn Write,
    sha1: Sha1,
    sha256: Sha256,
    size: u64,
    is_given_up: &'a Cell<bool>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_given_up.get() {
            return Ok(bytes.len());
        }
        let count = self.to.write(bytes)?;
        let written = bytes.get(..count).unwrap_or(bytes);
        self.sha1.update(written);
        self.sha256.update(written);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The content of a file: as many bytes as it had when it was opened.
struct Content {
    file: File,
    left: u64,
    failed: Option<io::Error>,
}

impl Content {
    /// Opens a file, and says its mode in the archive: of the permissions only whether its owner may execute it, since
    /// the others depend on the umask of whoever checked it out.
    fn open(path: &Path) -> Result<(Self, u32), Diagnostic> {
        let unreadable = |error| cannot("read", path, error);
        // Opening what has become a named pipe would wait for a writer.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(changed(path));
        }
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let is_executable = metadata.permissions().mode() & 0o100 != 0;
        let content = Self {
            file,
            left: metadata.len(),
            failed: None,
        };
        Ok((content, if is_executable { 0o755 } else { 0o644 }))
    }

    /// Says what went wrong with the file itself.
    fn ended(mut self, path: &Path) -> Result<(), Diagnostic> {
        match self.failed.take() {
            Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(changed(path)),
            Some(error) => Err(cannot("read", path, error)),
            None if self.left == 0 && matches!(self.file.read(&mut [0]), Ok(1)) => Err(changed(path)),
            None => Ok(()),
        }
    }

    /// Reads until the buffer is full, so that no compressor sees how a file system hands out pieces.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut used = 0;
        while used < buffer.len() {
            match self.file.read(buffer.get_mut(used..).unwrap_or(&mut [])) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => used += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(used)
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        match self.fill(buffer.get_mut(..wanted).unwrap_or(&mut [])) {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) => {
                self.failed = Some(error);
                Err(io::Error::other("the file cannot be read"))
            }
        }
    }
}

/// A file that is not what it was when it was found.
fn changed(path: &Path) -> Diagnostic {
    let message = format!("{} changed while it was read", path.display());
    Diagnostic::error("file-changed", message)
        .kind(ProblemKind::Transient)
        .help("try again when nobody writes to it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let check = |size: u64, expect: bool| {
            fs::write(&path, "1234").unwrap();
            let (mut content, _) = Content::open(&path).unwrap();
            File::options().write(true).open(&path).unwrap().set_len(size).unwrap();
            let mut read = Vec::new();
            let is_whole = content.read_to_end(&mut read).is_ok();
            assert_eq!(is_whole, size >= 4, "{size}");
            let ended = content.ended(&path);
            assert_eq!(ended.is_ok(), expect, "{size}");
            if let Err(problem) = ended {
                assert_eq!((problem.rule, problem.kind), ("file-changed", ProblemKind::Transient));
            }
        };
        check(4, true);
        check(3, false);
        check(5, false);
    }

    #[test]
    fn compressors_do_not_see_how_content_is_handed_out() {
        let content: Vec<u8> = (0..300_000_u32)
            .flat_map(|n| (n % 5003 * (n % 1009)).to_le_bytes())
            .collect();
        let packed = |pieces: usize| {
            let mut to = gzip(Vec::new());
            for piece in content.chunks(pieces) {
                to.write_all(piece).unwrap();
            }
            to.finish().unwrap()
        };
        let whole = packed(content.len());
        for pieces in [1000, 8192, 100_003] {
            assert!(packed(pieces) == whole, "{pieces}");
        }
        // No time, no name, no machine.
        assert_eq!(whole.get(..10).unwrap(), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }
}
