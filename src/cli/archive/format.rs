//! The forms of archives. Times, owners and names of users are the same in all.

use std::io::{self, Read, Write};
use std::path::Path;

use clap::ValueEnum;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, System};

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    #[value(name = "tar")]
    Tar,
    #[default]
    #[value(name = "tar.gz")]
    TarGz,
    #[value(name = "zip")]
    Zip,
}

impl Format {
    /// How the names of such files end.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::Zip => "zip",
        }
    }

    /// What the name of a file says.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let ends_with = |ending: &str| name.len() > ending.len() && name.ends_with(ending);
        match () {
            () if ends_with(".tar") => Some(Self::Tar),
            () if ends_with(".tar.gz") || ends_with(".tgz") => Some(Self::TarGz),
            () if ends_with(".zip") => Some(Self::Zip),
            () => None,
        }
    }
}

/// The level of compression, zlib's default.
const LEVEL: u32 = 6;
/// "Unknown": it does not say on what machine it was made.
const OPERATING_SYSTEM: u8 = 255;
/// From this size on, a zip has 64 bits for it. Less than 4 GiB, since compressing may add something.
const LARGE: u64 = 0xf000_0000;

/// An archive in the making.
pub(super) trait Archive {
    /// Adds a directory.
    fn directory(&mut self, path: &str) -> io::Result<()>;
    /// Adds a link.
    fn link(&mut self, path: &str, target: &str) -> io::Result<()>;
    /// Adds a file; the content has this size.
    fn file(&mut self, path: &str, mode: u32, size: u64, content: &mut dyn Read) -> io::Result<()>;
}

/// A tar file, in GNU's form where paths are long or files large.
pub(super) struct Tar<W: Write>(tar::Builder<W>);

impl<W: Write> Tar<W> {
    pub(super) fn new(to: W) -> Self {
        Self(tar::Builder::new(to))
    }

    pub(super) fn finish(self) -> io::Result<W> {
        self.0.into_inner()
    }
}

impl<W: Write> Archive for Tar<W> {
    fn directory(&mut self, path: &str) -> io::Result<()> {
        let mut header = header(EntryType::Directory, 0o755, 0);
        self.0.append_data(&mut header, format!("{path}/"), io::empty())
    }

    fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        let mut header = header(EntryType::Symlink, 0o777, 0);
        // As it is, if it fits: the other way cleans the path.
        match header.set_link_name_literal(target) {
            Ok(()) => self.0.append_data(&mut header, path, io::empty()),
            Err(_) => self.0.append_link(&mut header, path, Path::new(target)),
        }
    }

    fn file(&mut self, path: &str, mode: u32, size: u64, content: &mut dyn Read) -> io::Result<()> {
        self.0
            .append_data(&mut header(EntryType::Regular, mode, size), path, content)
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// gzip around a tar file.
pub(super) fn gzip<W: Write>(to: W) -> GzEncoder<W> {
    GzBuilder::new()
        .mtime(0)
        .operating_system(OPERATING_SYSTEM)
        .write(to, Compression::new(LEVEL))
}

/// A zip file that is written from beginning to end, whether its target can seek or not.
pub(super) struct Zip<W: Write>(zip::ZipWriter<StreamWriter<W>>);

impl<W: Write> Zip<W> {
    pub(super) fn new(to: W) -> Self {
        Self(zip::ZipWriter::new_stream(to))
    }

    pub(super) fn finish(self) -> io::Result<W> {
        Ok(self.0.finish()?.into_inner())
    }
}

impl<W: Write> Archive for Zip<W> {
    fn directory(&mut self, path: &str) -> io::Result<()> {
        Ok(self.0.add_directory(format!("{path}/"), options(0o755, 0))?)
    }

    fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        Ok(self.0.add_symlink(path, target, options(0o777, 0))?)
    }

    fn file(&mut self, path: &str, mode: u32, size: u64, content: &mut dyn Read) -> io::Result<()> {
        self.0.start_file(path, options(mode, size))?;
        io::copy(content, &mut self.0).map(drop)
    }
}

fn options(mode: u32, size: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(i64::from(LEVEL)))
        // 1980-01-01, where the times of zip files begin.
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(mode)
        .large_file(size >= LARGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_formats() {
        for (name, expect) in [
            ("a.tar", Some(Format::Tar)),
            ("a.b.tar.gz", Some(Format::TarGz)),
            ("a.tgz", Some(Format::TarGz)),
            ("a.zip", Some(Format::Zip)),
            (".zip", None),
            ("a.gz", None),
            ("a", None),
        ] {
            assert_eq!(Format::of_name(name), expect, "{name}");
        }
        for format in Format::value_variants() {
            assert_eq!(Format::of_name(&format!("a.{}", format.ending())), Some(*format));
        }
    }

    #[test]
    fn files_of_any_size_have_a_header() {
        for size in [0, 1, (8 << 30) - 1, 8 << 30, 9 << 30, 5 << 40] {
            let header = header(EntryType::Regular, 0o644, size);
            assert_eq!(header.entry_size().unwrap(), size);
            assert_eq!(
                (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
                (0, 0, 0)
            );
            assert_eq!(header.username_bytes(), Some(&b""[..]));
        }
    }
}
