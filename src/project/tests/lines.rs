//! Lines of requirements, settings, and the interpreter that files ask for.

use insta::assert_snapshot;

use super::{Memory, read, read_all};

/// What a file of requirements says, beside some others.
fn lines(text: &str, others: &[(&str, &str)]) -> String {
    let mut files = vec![("deps/r.txt", text)];
    files.extend(others);
    read("requirements: deps/r.txt\n", &files)
}

#[test]
fn what_is_beside_the_requirements_is_named_itself() {
    let said = lines(
        "six\n",
        &[("deps/uv.toml", "[[index]]\nurl = \"https://me:pw@host/simple\"\n")],
    );
    assert!(said.contains("line 2 of `deps/uv.toml`, which uv names,"), "{said}");
    let said = lines("-e c:\\work\\shop\n", &[]);
    assert!(said.contains("is a path outside the build context"), "{said}");
}

#[test]
fn every_kind_of_line_has_its_field() {
    let text = "six==1.16.0 --hash=sha256:aa --hash=sha256:bb\nidna ; python_version > '3'\n-r more.txt\n-c bounds.txt\n-r https://host/r.txt\n\
        -c https://host/c.txt\n--index-url https://i/simple\n--extra-index-url https://e/simple\n--find-links vendor\n--find-links https://f/links\n\
        --pre\n--no-binary six\n--only-binary idna\n--use-feature=fast-deps\n./near\n-e git+https://host/x#egg=x\n";
    let others = [
        ("deps/more.txt", "colorama\n"),
        ("deps/bounds.txt", "six<2\n"),
        ("deps/vendor/x.whl", ""),
        ("near/setup.py", ""),
    ];
    assert_snapshot!("lines", lines(text, &others));
}

#[test]
fn paths_are_of_the_context_first_and_of_the_file_else() {
    let near = ("deps/near/setup.py", "");
    let both = [near, ("near/setup.py", "")];
    assert_snapshot!("path_of_the_file", lines("./near\n", &[near]));
    assert_snapshot!("path_of_the_context", lines("./near\n", &both));
    assert_snapshot!("path_to_the_root", lines("..\n", &[("setup.py", "")]));
}

#[test]
fn what_cannot_be_followed_is_told_at_its_line() {
    for (name, text) in [
        ("absolute", "six\n/opt/x\n"),
        ("windows", "C:\\work\\x\n"),
        ("backslashes", ".\\libs\\x\n"),
        ("nothing_there", "./nothing\n"),
        ("no_project", "./deps\n"),
        ("above", "../../x\n"),
        ("links_outside", "--find-links /opt/wheels\n"),
        ("links_of_windows", "--find-links C:\\wheels\n"),
        ("links_nowhere", "--find-links wheels\nsix\n"),
        ("variable", "--index-url https://${TOKEN}@host/simple\n"),
        ("include_above", "-r ../../r.txt\n"),
        ("include_nothing", "-r nothing.txt\n"),
        ("resources", "pkg-resources==0.0.0\n"),
    ] {
        assert_snapshot!(format!("wrong_{name}"), lines(text, &[]));
    }
}

#[test]
fn files_of_other_tools_are_known_where_they_are_included() {
    let files = [
        ("Pipfile", "[packages]\nsix = \"*\"\n"),
        ("a/list.txt", "# platform: linux-64\nsix=1.16=0\n"),
    ];
    let said = read("packages: [\"-r Pipfile\", \"-c a/list.txt\"]\n", &files);
    assert!(said.starts_with("2: other-file: `Pipfile` is "), "{said}");
    assert!(
        said.contains("2: other-file: `a/list.txt` is a list of conda packages"),
        "{said}"
    );
    assert!(lines("six\n-r ../Pipfile\n", &files).starts_with("deps/r.txt:2: other-file: `../Pipfile` is "));
}

#[test]
fn options_of_the_spec_are_followed_as_those_of_files() {
    let files = [
        ("vendor/x.whl", ""),
        ("bounds.txt", "six<2 # not yet\n"),
        ("over.txt", "idna==3.7\n--pre\n"),
        ("r.txt", "colorama\n"),
        ("near/setup.py", ""),
    ];
    let spec = "packages: [six, \"-r r.txt\", \"-c bounds.txt\", \"--pre\", \"-i https://i/simple\", \"./near\"]\n\
        pip_extra_args: --find-links vendor --constraints bounds.txt --overrides over.txt\n";
    assert_snapshot!("options_of_the_spec", read(spec, &files));
    assert_snapshot!("missing_files_of_the_spec", read(spec, &[]));
}

#[test]
fn files_may_include_each_other_so_deep() {
    let read = |depth: usize| {
        let text = |number: usize| format!("-r {}.txt\n", number + 1);
        let mut files: Vec<(String, String)> = (0..depth)
            .map(|number| (format!("{number}.txt"), text(number)))
            .collect();
        files.push((format!("{depth}.txt"), "six\n".to_owned()));
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        read("requirements: 0.txt\n", &files)
    };
    assert!(read(5).starts_with("lines: six\n"));
    let most = (1..200)
        .find(|depth| !read(*depth).starts_with("lines: six\n"))
        .unwrap();
    assert_snapshot!("too_deep", format!("{most}\n{}", read(most)));
    assert!(!lines("-r r.txt\nsix\n", &[]).is_empty());
    assert_snapshot!("circle", lines("-r r.txt\nsix\n", &[]));
}

#[test]
fn files_in_other_encodings_are_read() {
    let read = |content: &[u8]| {
        let mut memory = Memory::new(&[]);
        memory.0.insert("r.txt".to_owned(), content.to_vec());
        read_all("requirements: r.txt\n", &mut memory)
    };
    let of = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.into_iter().chain("six\n".encode_utf16().flat_map(bytes)).collect()
    };
    for content in [
        b"six\n".to_vec(),
        b"\xef\xbb\xbfsix\r\n".to_vec(),
        of([0xff, 0xfe], u16::to_le_bytes),
        of([0xfe, 0xff], u16::to_be_bytes),
    ] {
        assert!(read(&content).starts_with("lines: six\n"), "{content:?}");
    }
    assert_snapshot!(
        "encoding",
        [b"s\0i\0x\0".as_slice(), b"\xffsix", b"\xff\xfes"].map(read).concat()
    );
}

#[test]
fn files_of_settings_are_the_nearest() {
    let settings = "no-binary-package = [\"six\"]\noverride-dependencies = [\"idna==3.7\"]\nfind-links = [\"../wheels\", \"https://f/links\"]\n\
        [[index]]\nurl = \"https://i/simple\"\ndefault = true\n[extra-build-dependencies]\nsix = [\"wheel\"]\n";
    let manifest = "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [\"six\"]\n[tool.uv]\nindex-url = \"https://of-manifest/simple\"\nrequired-version = \">=0.12\"\n";
    let files = [
        ("a/uv.toml", settings),
        ("a/b/pyproject.toml", manifest),
        ("a/b/r.txt", "six\n"),
        ("wheels/x.whl", ""),
    ];
    assert_snapshot!(
        "settings_of_a_manifest",
        read("requirements: a/b/pyproject.toml\n", &files)
    );
    assert_snapshot!("settings_for_lines", read("requirements: a/b/r.txt\n", &files));
    let above = [files[0], ("a/c/r.txt", "six\n"), files[3]];
    assert_snapshot!("settings_above", read("requirements: a/c/r.txt\n", &above));
    let beside = [
        ("uv.toml", "offline = false\n"),
        ("pyproject.toml", &*manifest.replace(">=0.12", "<0.1")),
    ];
    assert_snapshot!(
        "settings_beside_a_manifest",
        read("requirements: pyproject.toml\n", &beside)
    );
    assert_snapshot!(
        "settings_outside",
        read("requirements: r.txt\n", &[("r.txt", "six\n"), ("uv.toml", settings)])
    );
}

#[test]
fn large_files_are_mounted() {
    let many = (0..6000)
        .map(|number| format!("package-{number}==1.0.{number}\n"))
        .collect::<String>();
    let said = read(
        "pip_extra_args: --constraints c.txt\npackages: [six]\n",
        &[("c.txt", &many)],
    );
    let of = |name: &str| said.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    assert_eq!(
        (of("mounts"), of("texts")),
        (Some("mounts: \"c.txt\"".to_owned()), None)
    );
}

#[test]
fn files_decide_the_interpreter() {
    let manifest = |bounds: &str| format!("[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \"{bounds}\"\n");
    let check = |spec: &str, files: &[(&str, &str)], expect: &str| {
        let mut all = vec![("r.txt", "six\n")];
        all.extend(files);
        let said = read(spec, &all);
        let line = said
            .lines()
            .find(|line| line.starts_with("python:") || line.contains(": python-version: "));
        assert_eq!(line.unwrap_or(""), expect, "{spec} {files:?}\n{said}");
    };
    let (lines, project) = ("requirements: r.txt\n", "requirements: pyproject.toml\n");
    check(lines, &[], "");
    check(lines, &[(".python-version", "3.11\n")], "python: 3.11");
    check(
        lines,
        &[(".python-version", "# ours\ncpython-3.11.4\n")],
        "python: 3.11.4",
    );
    check(project, &[("pyproject.toml", &manifest(">=3.9"))], "");
    check(project, &[("pyproject.toml", &manifest(">=3.9,<3.12"))], "python: 3.11");
    check(project, &[("pyproject.toml", &manifest("==3.12.4"))], "");
    check(
        project,
        &[("pyproject.toml", &manifest(">=3.9")), (".python-version", "3.10")],
        "python: 3.10",
    );
    check(
        project,
        &[("pyproject.toml", &manifest(">=3.11")), (".python-version", "3.10")],
        "2: python-version: .python-version says Python 3.10, and pyproject.toml is for Python >=3.11 | set `python_version`",
    );
    check(
        project,
        &[("pyproject.toml", &manifest(">=4"))],
        "2: python-version: pyproject.toml is for Python >=4, which is no version that is known | set `python_version`",
    );
    check(
        "requirements: pyproject.toml\npython_version: '3.10'\n",
        &[("pyproject.toml", &manifest(">=3.11"))],
        "3: python-version: `python_version: 3.10`, and pyproject.toml is for Python >=3.11 | choose a version that it allows, or leave `python_version` out",
    );
    check(
        "requirements: pyproject.toml\npython_version: '3.10'\npython_exec: /usr/bin/python3\n",
        &[("pyproject.toml", &manifest(">=3.11"))],
        "",
    );
    let cfg = "[options]\npython_requires = >=3.9,<3.11\n";
    check(
        project,
        &[
            ("pyproject.toml", "[build-system]\nrequires = []\n"),
            ("setup.cfg", cfg),
        ],
        "python: 3.10",
    );
    check(
        project,
        &[("pyproject.toml", &manifest(">=3.9,<3.12")), ("setup.cfg", cfg)],
        "python: 3.11",
    );
}
