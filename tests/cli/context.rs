//! `imagespec context`: archives whose bytes depend on the files alone, read back by Python.

use std::os::unix::fs::MetadataExt as _;

use super::*;

const FORMATS: [&str; 3] = ["tar", "tar.gz", "zip"];

/// What Python finds in an archive: a line for each entry, with path, kind, mode, time and owner, and the content.
const READ: &str = r#"
import sys, stat, tarfile, zipfile
path = sys.argv[1]
if path.endswith("zip"):
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    for entry in archive.infolist():
        mode = entry.external_attr >> 16
        kind = "d" if stat.S_ISDIR(mode) else "l" if stat.S_ISLNK(mode) else "f"
        assert entry.date_time == (1980, 1, 1, 0, 0, 0) and entry.create_system == 3 and not entry.extra, entry
        print(entry.filename.rstrip("/"), kind, oct(stat.S_IMODE(mode)), archive.read(entry)[:40])
else:
    archive = tarfile.open(path)
    for entry in archive:
        assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, 0, "", ""), entry
        kind = "d" if entry.isdir() else "l" if entry.issym() else "f"
        content = archive.extractfile(entry).read() if entry.isreg() else entry.linkname.encode()
        print(entry.name, kind, oct(entry.mode), content[:40])
"#;

fn read(archive: &Path) -> Vec<String> {
    let said = said(Command::new("python3").args(["-c", READ]).arg(archive));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", archive.display());
    said.out.lines().map(str::to_owned).collect()
}

/// A directory that is no context, for archives.
fn elsewhere(name: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name).to_str().unwrap().to_owned();
    (directory, path)
}

/// The paths that are archived of a project without a spec, with these arguments.
fn paths(project: &Project, more: &[&str]) -> Vec<String> {
    let (_directory, path) = elsewhere("a.tar");
    let said = project.run(&[&["context", "-o", &path], more].concat());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let found = read(Path::new(&path));
    let name = |line: &String| line.split(' ').next().unwrap().to_owned();
    found.iter().map(name).collect()
}

fn empty() -> Project {
    Project(tempfile::tempdir().unwrap())
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn bytes(project: &Project, args: &[&str]) -> Vec<u8> {
    let output = Command::new(PROGRAM)
        .args(args)
        .current_dir(project.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Two checkouts of the same files, in another order, with another umask, at another time, give the same bytes.
#[test]
fn two_checkouts_give_the_same_archive() {
    let files = ["b", "a/x", "a/y/z", "a-b", "run.sh"];
    let checkout = |is_other: bool| {
        let project = empty();
        let mut files: Vec<&str> = files.to_vec();
        if is_other {
            files.reverse();
        }
        for file in files {
            project.file(file, format!("this is {file}\n").repeat(1000));
            mode(&project.path().join(file), if is_other { 0o600 } else { 0o664 });
        }
        mode(&project.path().join("run.sh"), if is_other { 0o700 } else { 0o775 });
        mode(&project.path().join("a"), if is_other { 0o700 } else { 0o2775 });
        symlink("a/x", project.path().join("link")).unwrap();
        if is_other {
            let file = fs::File::options().write(true).open(project.path().join("b")).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + Duration::from_millis(12345))
                .unwrap();
        }
        project
    };
    let (one, other) = (checkout(false), checkout(true));
    for format in FORMATS {
        let archive = bytes(&one, &["context", "-o", "-", "--format", format]);
        assert!(archive.len() > 300);
        assert!(
            archive == bytes(&other, &["context", "-o", "-", "--format", format]),
            "{format}"
        );
        // The same in a file, and again when the first one is in the context.
        for _ in 0..2 {
            let said = other.run(&["context", "--format", format, "--json"]);
            let told: Value = serde_json::from_str(&said.out).unwrap();
            let path = other.path().join(told["path"].as_str().unwrap());
            assert!(fs::read(path).unwrap() == archive, "{format}");
        }
    }
}

/// The bytes are the same on every machine, and in the next release: uploads of contexts are found by their names.
#[test]
fn bytes_of_archives_are_promises() {
    let project = empty();
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let noisy: Vec<u8> = (0..200_000)
        .map(|at| if at % 700 < 300 { noise() } else { b'a' })
        .collect();
    project
        .file("noisy", noisy)
        .file("text/read.me", "a line of text\n".repeat(10_000))
        .file(format!("{}/long", "d".repeat(120)), "long")
        .file("übung", "");
    mode(&project.path().join("übung"), 0o755);
    symlink("text/read.me", project.path().join("link")).unwrap();
    let names: Vec<String> = FORMATS
        .iter()
        .map(|format| {
            let said = project.run(&["context", "--format", format, "--json"]);
            let told: Value = serde_json::from_str(&said.out).unwrap();
            told["path"].as_str().unwrap().to_owned()
        })
        .collect();
    let expect = [
        "cf9345448931dba92c209eb74633464d9ac5d10c.tar",
        "f991002d020bf24fd78b6dc533683b554d9b9f5a.tar.gz",
        "8233c5266a053cbfad96c3f3cfb0da8924cb5bc6.zip",
    ];
    assert_eq!(names, expect);
}

/// Python reads all formats and finds the same: sorted paths, no times, no owners, links as links, long names.
#[test]
fn other_programs_read_all_formats() {
    let project = empty();
    let long = format!("{}/{}/ü{}", "a".repeat(99), "b".repeat(200), "c".repeat(90));
    let hundred = "e".repeat(100);
    let far = "../".repeat(50);
    project
        .file("dir/file", "content")
        .file("dir-file", b"\xff\x00\xfe")
        .file("run", "#!")
        .file("back\\slash", "")
        .file(&hundred, "100")
        .file(&long, "long");
    mode(&project.path().join("run"), 0o744);
    mode(&project.path().join("dir/file"), 0o4611);
    fs::create_dir(project.path().join("empty")).unwrap();
    symlink("nothing/./there", project.path().join("broken")).unwrap();
    symlink("dir", project.path().join("dir-link")).unwrap();
    symlink(&far, project.path().join("far")).unwrap();
    let _socket = UnixListener::bind(project.path().join("socket")).unwrap();
    let made = Command::new("mkfifo")
        .arg(project.path().join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let parent = |path: &str| path.rsplit_once('/').unwrap().0.to_owned();
    let expect = [
        format!("{} d 0o755 b''", "a".repeat(99)),
        format!("{} d 0o755 b''", parent(&long)),
        format!("{long} f 0o644 b'long'"),
        "back\\slash f 0o644 b''".to_owned(),
        "broken l 0o777 b'nothing/./there'".to_owned(),
        "dir d 0o755 b''".to_owned(),
        "dir-file f 0o644 b'\\xff\\x00\\xfe'".to_owned(),
        "dir-link l 0o777 b'dir'".to_owned(),
        "dir/file f 0o644 b'content'".to_owned(),
        format!("{hundred} f 0o644 b'100'"),
        "empty d 0o755 b''".to_owned(),
        format!("far l 0o777 b'{}'", far.get(..40).unwrap()),
        "run f 0o755 b'#!'".to_owned(),
    ];
    let (_directory, path) = elsewhere("a");
    for format in FORMATS {
        let path = format!("{path}.{format}");
        // The name says the format.
        let said = project.run(&["context", "-o", &path]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        assert!(
            said.out.starts_with(&format!("wrote {path}: 9 files, ")),
            "{}",
            said.out
        );
        assert_eq!(read(Path::new(&path)), expect, "{format}");
    }
}

/// An ignore file leaves out what Docker's client does not send: the last pattern that matches decides.
#[test]
fn ignore_files_decide_as_for_docker() {
    let all = [
        ".dockerignore",
        ".git/config",
        ".zen/x",
        "Dockerfile",
        "a.log",
        "deps/one/a.txt",
        "deps/two/b.txt",
        "deps/two/c/b.txt",
        "keep.log",
        "src/a.py",
        "src/a.pyc",
        "src/sub/b.py",
        "src/sub/b.pyc",
    ];
    let check = |ignore: &str, expect: &[&str]| {
        let project = empty();
        for path in all {
            project.file(path, "");
        }
        project.file(".dockerignore", ignore);
        let found = paths(&project, &[]);
        assert_eq!(found, expect, "{ignore}");
    };
    check("*", &[".dockerignore", "Dockerfile"]);
    check("**", &[".dockerignore", "Dockerfile"]);
    check(
        "*\n!src/sub",
        &[
            ".dockerignore",
            "Dockerfile",
            "src",
            "src/sub",
            "src/sub/b.py",
            "src/sub/b.pyc",
        ],
    );
    check(
        "*\n!src/sub\n**/*.pyc\n",
        &[".dockerignore", "Dockerfile", "src", "src/sub", "src/sub/b.py"],
    );
    // An exception that comes first has no effect.
    check("!keep.log\n*", &[".dockerignore", "Dockerfile"]);
    check(
        "*\n!**/b.txt",
        &[
            ".dockerignore",
            "Dockerfile",
            "deps",
            "deps/two",
            "deps/two/b.txt",
            "deps/two/c",
            "deps/two/c/b.txt",
        ],
    );
    check(
        "*\n!deps/*/b.txt",
        &[".dockerignore", "Dockerfile", "deps", "deps/two", "deps/two/b.txt"],
    );
    check(
        "*\n!deps\ndeps/two\n!deps/two/c",
        &[
            ".dockerignore",
            "Dockerfile",
            "deps",
            "deps/one",
            "deps/one/a.txt",
            "deps/two",
            "deps/two/c",
            "deps/two/c/b.txt",
        ],
    );
    // `*.log` is at the top alone; the directory `.zen` is one as any other.
    check(
        "# all\n.*\n*.log\n!keep.log\n/deps/\n src/*.pyc ",
        &[
            ".dockerignore",
            "Dockerfile",
            "keep.log",
            "src",
            "src/a.py",
            "src/sub",
            "src/sub/b.py",
            "src/sub/b.pyc",
        ],
    );
    check(
        "Dockerfile\n.dockerignore\nsrc\ndeps\n.git",
        &[".dockerignore", ".zen", ".zen/x", "Dockerfile", "a.log", "keep.log"],
    );
}

/// The ignore file of the spec goes before that of the context, and one that is named before both.
#[test]
fn the_ignore_file_is_that_of_a_build() {
    let project = empty();
    project
        .file("a", "")
        .file("b", "")
        .file("c", "")
        .file(".dockerignore", "a\n");
    let kept = |more: &[&str]| -> String {
        let found = paths(&project, more);
        found.into_iter().filter(|path| path.len() == 1).collect()
    };
    assert_eq!(kept(&[]), "bc");
    // The spec need not be there.
    project.file("spec.yaml.dockerignore", "b\n");
    assert_eq!(kept(&["-f", "spec.yaml"]), "ac");
    project.file("other", "# nothing\nc\n");
    assert_eq!(kept(&["-f", "spec.yaml", "--ignore-file", "other"]), "ab");
    project
        .file("imageSpec.yaml", "no: spec\n")
        .file("imageSpec.yaml.dockerignore", "*\n!c\n");
    assert_eq!(paths(&project, &[]), [".dockerignore", "c", "imageSpec.yaml"]);
    // An empty one does not count for builds; one that is named does.
    project.file("imageSpec.yaml.dockerignore", "").file("none", "");
    assert_eq!(kept(&[]), "bc");
    assert_eq!(kept(&["--ignore-file", "none"]), "abc");
}

/// Names that are no text are errors, unless they are ignored; so is a target of a link.
#[test]
fn names_that_no_archive_can_have_are_errors() {
    let project = empty();
    project
        .file(Path::new("d").join(OsStr::from_bytes(b"bad\xff")), "")
        .file("a", "");
    let error = project.fails(&["context"]);
    assert!(error.contains("d/bad\u{fffd} is not UTF-8 text"), "{error}");
    project.file(".dockerignore", "d/bad*\n");
    assert_eq!(paths(&project, &[]), [".dockerignore", "a", "d"]);
    project.file(".dockerignore", "d\n!a\n");
    assert_eq!(paths(&project, &[]), [".dockerignore", "a"]);
    symlink(OsStr::from_bytes(b"to\xff"), project.path().join("link")).unwrap();
    // What was written by then is no whole archive, in no format, and no file has its name.
    for format in FORMATS {
        let error = project.fails(&["context", "--format", format]);
        assert!(
            error.contains("link is a link to a path that is not UTF-8 text"),
            "{error}"
        );
        let output = Command::new(PROGRAM)
            .args(["context", "-o", "-", "--format", format])
            .current_dir(project.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        let (directory, path) = elsewhere(&format!("a.{format}"));
        fs::write(&path, &output.stdout).unwrap();
        let tool = if format == "zip" {
            ["unzip", "-tq"]
        } else {
            ["tar", "tf"]
        };
        let said = said(
            Command::new(tool[0])
                .args([tool[1], &path])
                .current_dir(directory.path()),
        );
        assert_ne!(said.code, 0, "{format}: {}", said.out);
    }
    let names: Vec<String> = fs::read_dir(project.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["a", "d", "link", ".dockerignore"].contains(&name.as_str()))
        .collect();
    assert_eq!(names, Vec::<String>::new());
}

/// Files and directories are added at their places, whatever is ignored, and replace files of the context.
#[test]
fn more_is_added() {
    let project = empty();
    project
        .file("a", "old")
        .file("b/c", "old")
        .file(".dockerignore", "more\n*.bin\n")
        .file("more/x.bin", b"\x00\xff")
        .file("more/sub/y", "y")
        .file("new", "new");
    symlink("x.bin", project.path().join("more/link")).unwrap();
    let (_directory, path) = elsewhere("a.zip");
    let said = project.run(&[
        "context",
        "-o",
        &path,
        "--add",
        "new=./a",
        "--add",
        "more/x.bin=b//c",
        "--add",
        "more=deep/er",
        "--add",
        "more=.",
    ]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let all = read(Path::new(&path));
    assert_eq!(
        all,
        [
            ".dockerignore f 0o644 b'more\\n*.bin\\n'",
            "a f 0o644 b'new'",
            "b d 0o755 b''",
            "b/c f 0o644 b'\\x00\\xff'",
            "deep d 0o755 b''",
            "deep/er d 0o755 b''",
            "deep/er/link l 0o777 b'x.bin'",
            "deep/er/sub d 0o755 b''",
            "deep/er/sub/y f 0o644 b'y'",
            "deep/er/x.bin f 0o644 b'\\x00\\xff'",
            "link l 0o777 b'x.bin'",
            "new f 0o644 b'new'",
            "sub d 0o755 b''",
            "sub/y f 0o644 b'y'",
            "x.bin f 0o644 b'\\x00\\xff'",
        ]
    );
    let check = |add: &str, code: i32, expect: &str| {
        let said = project.run(&["context", "--add", add]);
        assert_eq!(said.code, code, "{add}: {}", said.err);
        assert!(said.err.contains(expect), "{add}: {}", said.err);
    };
    check("new", 2, "it is not SOURCE=DESTINATION");
    check("new=/a", 2, "absolute");
    check("new=b/../../a", 2, "`..`");
    check("nothing=a", 3, "cannot read nothing");
    check("new=b", 3, "b cannot be added: b is a directory");
    check("new=a/x", 3, "a/x cannot be added: a is not a directory");
    check("more=a", 3, "a cannot be added: a is not a directory");
    check("new=d/", 3, "name the whole path");
    check("/dev/null=a", 3, "neither a file nor a directory");
}

/// The archive has the name that its content gives it, or the one that is asked for, when it is whole.
#[test]
fn archives_are_named_by_their_digest() {
    let project = empty();
    project.file("a", "1");
    let said = project.run(&["context"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let name = said.out.strip_prefix("wrote ").unwrap().split(':').next().unwrap();
    let digest = |tool: &str, path: &Path| {
        let said = super::said(Command::new(tool).arg(path));
        said.out.split(' ').next().unwrap().to_owned()
    };
    let path = project.path().join(name);
    let (sha1, sha256) = (digest("sha1sum", &path), digest("sha256sum", &path));
    assert_eq!(name, format!("{sha1}.tar.gz"));
    let size = fs::metadata(&path).unwrap().len();
    assert_eq!(
        said.out,
        format!("wrote {name}: 1 file, {size} B, sha1 {sha1}, sha256 {sha256}\n")
    );
    // Others may read it, as any new file.
    let umask = fs::metadata(project.path().join("a")).unwrap().mode();
    assert_eq!(fs::metadata(&path).unwrap().mode(), umask);
    let expect = |path: Value| {
        serde_json::json!({
            "version": 1, "path": path, "format": "tar.gz", "sha1": sha1, "sha256": sha256, "size": size, "files": 1,
            "warnings": [],
        })
    };
    let json = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    assert_eq!(json(&project.run(&["context", "--json"]).out), expect(name.into()));
    // On standard output the line goes elsewhere.
    let output = Command::new(PROGRAM)
        .args(["context", "-o", "-", "--json"])
        .current_dir(project.path())
        .output()
        .unwrap();
    assert!(output.stdout == fs::read(&path).unwrap());
    assert_eq!(json(&String::from_utf8(output.stderr).unwrap()), expect(Value::Null));
    // An archive is in none that comes later; a file that is only named like one is.
    project.file("out.tar", "an old one");
    project.file(format!("{}.zip", "0".repeat(40)), "of git");
    assert_eq!(project.run(&["context", "-o", "out.tar"]).code, 0);
    let found = read(&project.path().join("out.tar"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("00000000") && found[1].starts_with("a f"),
        "{found:?}"
    );
}

/// Much without an ignore file is told, with what is largest.
#[test]
fn large_contexts_are_told() {
    let project = empty();
    for size in 1..=11 {
        project.file(format!("f{size:02}"), "x".repeat(size * 10));
    }
    let big = fs::File::create(project.path().join("big")).unwrap();
    big.set_len(51 << 20).unwrap();
    let (_directory, path) = elsewhere("a.tar");
    let said = project.run(&["context", "-o", &path, "--json"]);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let warning = &told["warnings"][0];
    assert_eq!(
        (&warning["rule"], &warning["severity"]),
        (&"large-context".into(), &"warning".into())
    );
    let help = warning["help"].as_str().unwrap();
    assert!(
        help.contains(".dockerignore") && help.contains("big (53.5 MB), f11 (110 B), "),
        "{help}"
    );
    assert!(help.ends_with("f03 (30 B)"), "{help}");
    // It is the size of the archive that counts, and whether somebody has said what to leave out.
    let said = project.run(&["context", "-o", "-"].map(|word| if word == "-" { "a.zip" } else { word }));
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    project.file(".dockerignore", "nothing\n");
    assert_eq!(paths(&project, &[]).len(), 14);
}

/// What cannot be is an error with its own exit code, and nothing is written.
#[test]
fn wrong_arguments_are_errors() {
    let project = empty();
    project.file("a", "").file("bad", "[z-a]\n");
    let check = |args: &[&str], code: i32, expect: &str| {
        let said = project.run(&[&["context"], args].concat());
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{args:?}: {}", said.err);
        assert!(said.err.contains(expect), "{args:?}: {}", said.err);
    };
    check(&["nowhere"], 3, "the context nowhere is not a directory");
    check(&["--ignore-file", "none"], 3, "there is no ignore file none");
    check(&["--ignore-file", "bad"], 3, "bad: `[z-a]` is not a pattern");
    check(&["--format", "rar"], 2, "tar.gz");
    check(&["-o", "nowhere/a.tar"], 3, "cannot write to nowhere");
    check(&["-o", "/dev/null"], 3, "/dev/null is not a file");
    check(&["-o", "."], 3, ". is not a file");
    let said = project.run(&["context", "--json", "nowhere"]);
    let problem: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &problem["problems"][0]["rule"]), (3, &"context".into()));
    assert_eq!(fs::read_dir(project.path()).unwrap().count(), 2);
}
