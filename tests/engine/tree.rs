//! The files of images.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::process::Stdio;

use sha2::{Digest as _, Sha256};

use crate::bed::Engine;

/// What engines put into every container.
const RUNTIME: [&str; 7] = [
    ".dockerenv",
    "dev",
    "etc/hostname",
    "etc/hosts",
    "etc/mtab",
    "etc/resolv.conf",
    "proc",
];

/// Every path of an image with its type, mode, owner and a hash of its content.
pub(crate) fn tree(engine: Engine, image: &str) -> BTreeMap<String, String> {
    files(engine, image, false)
}

/// The same with the times of all but directories.
pub(crate) fn timed(engine: Engine, image: &str) -> BTreeMap<String, String> {
    files(engine, image, true)
}

fn files(engine: Engine, image: &str, with_times: bool) -> BTreeMap<String, String> {
    let id = engine
        .ok(&["create", "--entrypoint", "/bin/true", image])
        .trim()
        .to_owned();
    let mut export = engine.docker(&["export", &id]).stdout(Stdio::piped()).spawn().unwrap();
    let mut archive = tar::Archive::new(export.stdout.take().unwrap());
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().trim_end_matches('/').to_owned();
        if RUNTIME
            .iter()
            .any(|known| path == *known || path.starts_with("dev/") || path.starts_with("proc/"))
        {
            continue;
        }
        let header = entry.header();
        let mut text = format!(
            "{:?} {:o} {}:{}",
            header.entry_type(),
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap()
        );
        if let Some(link) = entry.link_name().unwrap() {
            write!(text, " -> {}", link.to_string_lossy()).unwrap();
        }
        if with_times && !entry.header().entry_type().is_dir() {
            write!(text, " at {}", entry.header().mtime().unwrap()).unwrap();
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        write!(text, " {:x}", Sha256::digest(&content)).unwrap();
        files.insert(path, text);
    }
    export.wait().unwrap();
    engine.ok(&["rm", &id]);
    assert!(files.len() > 100);
    files
}

/// Every entry of every layer of an image, with its time as well: `<layer>:<path>` to the rest.
pub(crate) fn layers(engine: Engine, image: &str) -> BTreeMap<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("image.tar");
    engine.ok(&["save", "-o", archive.to_str().unwrap(), image]);
    tar::Archive::new(std::fs::File::open(archive).unwrap())
        .unpack(directory.path())
        .unwrap();
    let manifest = std::fs::read(directory.path().join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let mut entries = BTreeMap::new();
    for (number, layer) in manifest[0]["Layers"].as_array().unwrap().iter().enumerate() {
        let bytes = std::fs::read(directory.path().join(layer.as_str().unwrap())).unwrap();
        let mut unpacked = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::MultiGzDecoder::new(bytes.as_slice())
                .read_to_end(&mut unpacked)
                .unwrap();
        } else {
            unpacked = bytes;
        }
        for entry in tar::Archive::new(unpacked.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let header = entry.header();
            let text = format!(
                "{:?} {:o} {}:{} time {} {:x}",
                header.entry_type(),
                header.mode().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap(),
                header.mtime().unwrap(),
                Sha256::digest(&content)
            );
            entries.insert(format!("{number}:{path}"), text);
        }
    }
    assert!(entries.len() > 100);
    entries
}

/// What two trees differ in, a line a path.
pub(crate) fn differences(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let paths: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    paths
        .into_iter()
        .filter(|path| one.get(*path) != other.get(*path))
        .map(|path| format!("{path}: {:?} / {:?}", one.get(path), other.get(path)))
        .collect()
}

/// A Python program that prints every compiled file that Python would not use.
pub(crate) const STALE_BYTECODE: &str = r#"
import importlib.util, os, sys
checked = 0
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if not name.endswith(".py"):
            continue
        source = os.path.join(folder, name)
        compiled = importlib.util.cache_from_source(source)
        if not os.path.exists(compiled):
            continue
        checked += 1
        head = open(compiled, "rb").read(16)
        status = os.stat(source)
        flags = int.from_bytes(head[4:8], "little")
        fits = (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
        if head[:4] != importlib.util.MAGIC_NUMBER:
            print("other magic", compiled)
        elif flags == 0 and fits != (int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:16], "little")):
            print("stale", compiled)
print("checked", checked)
"#;

/// Panics when an image has stale bytecode below a directory.
pub(crate) fn assert_bytecode_is_fresh(engine: Engine, image: &str, python: &str, directory: &str) {
    let output = engine
        .docker(&[
            "run",
            "--rm",
            "--entrypoint",
            python,
            image,
            "-c",
            STALE_BYTECODE,
            directory,
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let stale: Vec<&str> = text.lines().filter(|line| !line.starts_with("checked")).collect();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(stale.is_empty(), "{stale:#?}");
    let checked: usize = text.trim().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(checked > 50, "only {checked} files were checked");
}
