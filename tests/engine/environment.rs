//! Which variables the steps of a build see.

use std::io::Write as _;

use crate::bed::{Engine, Project, fresh, now};

/// A package whose build needs a program of PATH, and a variable whose name nobody can know.
const SETUP: &str = r#"
import os, subprocess
from setuptools import setup
if os.environ.get("SHOP_IS_ALLOWED") != "yes":
    raise SystemExit("set SHOP_IS_ALLOWED=yes")
said = subprocess.check_output(["mytool"], text=True).strip()
with open("answer.py", "w") as file:
    file.write("ANSWER = %r\n" % said)
setup(name="shop", version=os.environ["SHOP_VERSION"], py_modules=["answer"])
"#;
const TOOL: &str = "base_image:\n  profile: plain\n  commands:\n    - mkdir -p /opt/tool/bin\n    \
    - printf '#!/bin/sh\\necho from a tool\\n' > /opt/tool/bin/mytool\n    - chmod 755 /opt/tool/bin/mytool\n";
const LINE: &str = "python -c 'import answer, importlib.metadata as m; print(answer.ANSWER, m.version(\"shop\"))'";

fn spec(package: &str, version: &str) -> String {
    // Its steps, and those on top of them, are shared with no test that runs beside this one.
    let own = format!("  build_env: {{RUN: \"{}\"}}\n", now());
    format!(
        "profile: plain\n{TOOL}{own}python_version: \"3.12\"\npackages: [six, {package}]\n\
         env: {{PATH: \"/opt/tool/bin:$PATH\", SHOP_IS_ALLOWED: \"yes\", SHOP_VERSION: \"{version}\"}}\n"
    )
}

/// The package as a source archive.
fn archive() -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::default(),
    ));
    let metadata = "Metadata-Version: 1.2\nName: shop\nVersion: 1.0\n";
    for (name, content) in [("setup.py", SETUP), ("PKG-INFO", metadata)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("shop-1.0/{name}"), content.as_bytes())
            .unwrap();
    }
    let mut gzip = tar.into_inner().unwrap();
    gzip.flush().unwrap();
    gzip.finish().unwrap()
}

#[test]
fn building_from_source_sees_all_of_env() {
    for (package, name) in [("./shop", "directory"), ("./shop-1.0.tar.gz", "archive")] {
        let tag = format!("engine-env-{name}");
        let project = Project::new(&fresh(&spec(package, "1.0")));
        project.file("shop/setup.py", SETUP).file("shop-1.0.tar.gz", archive());
        assert_eq!(project.build_and_run(&tag, LINE), "from a tool 1.0\n");
        if name == "directory" {
            // What was built for other variables is not taken from a cache.
            project.spec(&fresh(&spec(package, "2.0")));
            assert_eq!(project.build_and_run(&tag, LINE), "from a tool 2.0\n");
        }
    }
}

#[test]
fn an_edit_of_env_builds_again_what_may_read_it_and_nothing_else() {
    let project = Project::new(&fresh(&spec("./shop", "1.0")));
    project.file("shop/setup.py", SETUP);
    project.build("engine-env-edit");
    let first = std::fs::read_to_string(project.directory.path().join("imageSpec.yaml")).unwrap();
    project.file(
        "imageSpec.yaml",
        first.replace("SHOP_VERSION: \"1.0\"", "SHOP_VERSION: \"1.1\""),
    );
    let built = project.build("engine-env-edit");
    let ran = built.ran();
    assert!(ran.iter().any(|step| step.contains("build shop")), "{ran:?}");
    assert!(!ran.iter().any(|step| step.contains("uv pip install six")), "{ran:?}");
    assert_eq!(Engine::Main.shell("engine-env-edit", LINE), "from a tool 1.1\n");
}

#[test]
fn apt_sees_nothing_that_only_python_reads() {
    let run = now();
    let spec = |value: &str| {
        format!("profile: plain\napt_packages: [jq]\nbuild_env: {{RUN: \"{run}\", UV_EXCLUDE_NEWER: \"{value}\"}}\n")
    };
    let project = Project::new(&spec("2026-01-01"));
    project.build("engine-env-apt");
    project.spec(&spec("2026-01-02"));
    let ran = project.build("engine-env-apt").ran();
    assert!(!ran.iter().any(|step| step.contains("[apt]")), "{ran:?}");
}
