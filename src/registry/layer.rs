//! Files of a layer.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// The most that is read of an unpacked layer, in bytes.
const MAX_UNPACKED: u64 = 1 << 30;
/// The largest file that is taken, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// The regular files directly below a directory, by their names. The error says why the layer cannot be read.
pub(super) fn files_below(layer: &[u8], directory: &str) -> Result<BTreeMap<String, Vec<u8>>, String> {
    match layer {
        [0x1f, 0x8b, ..] => in_tar(MultiGzDecoder::new(layer), directory),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Err("the layer is compressed with zstd, which this program does not read".into())
        }
        _ => in_tar(layer, directory),
    }
}

fn in_tar(content: impl Read, directory: &str) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let fail = |error: std::io::Error| format!("the layer cannot be read: {error}");
    let directory = Path::new(directory.trim_start_matches('/'));
    let mut found = BTreeMap::new();
    let mut archive = tar::Archive::new(content.take(MAX_UNPACKED));
    for entry in archive.entries().map_err(fail)? {
        let mut entry = entry.map_err(fail)?;
        let path = entry.path().map_err(fail)?.into_owned();
        let path = path
            .strip_prefix("/")
            .or_else(|_| path.strip_prefix("./"))
            .unwrap_or(&path);
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| path.parent() == Some(directory)) else {
            continue;
        };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = name.to_owned();
        let mut content = Vec::new();
        entry.by_ref().take(MAX_FILE).read_to_end(&mut content).map_err(fail)?;
        found.insert(name, content);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn files_of_a_directory_are_read() {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in [
            ("usr/share/imagespec/pylock.toml", "lock"),
            ("usr/share/imagespec/deep/x", "x"),
            ("usr/share/other", "x"),
            ("./usr/share/imagespec/b", "b"),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        let plain = builder.into_inner().unwrap();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&plain).unwrap();
        for layer in [plain.clone(), encoder.finish().unwrap()] {
            let found = files_below(&layer, "/usr/share/imagespec").unwrap();
            let found: Vec<(&str, &[u8])> = found.iter().map(|(name, text)| (name.as_str(), &text[..])).collect();
            assert_eq!(found, [("b", &b"b"[..]), ("pylock.toml", b"lock")]);
        }
        assert!(
            files_below(&[0x28, 0xb5, 0x2f, 0xfd, 0], "/")
                .unwrap_err()
                .contains("zstd")
        );
        assert!(files_below(b"\x1f\x8bnothing", "/").is_err());
    }
}
