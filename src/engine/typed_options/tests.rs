//! Options of each engine, and what is a defect in BentoML.

use super::overloads::overload;
use super::*;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/engine-options.md");

/// Entries as a shell would split them, and the words that they become or what is wrong with them, a line each.
#[track_caller]
fn check(engine: &str, entries: &str, expect: &str) {
    assert_eq!(said(engine, entries), expect, "{engine}: {entries}");
}

fn said(engine: &str, entries: &str) -> String {
    let entries = shlex::split(entries).unwrap();
    match render(engine, &entries) {
        Ok(rendered) => rendered.words.join(" "),
        Err(problems) => {
            let lines = problems.iter().map(|problem| {
                assert_eq!((problem.rule, problem.kind), ("engine-option", ProblemKind::Usage));
                match &problem.help {
                    Some(help) => format!("{problem} | {help}"),
                    None => problem.to_string(),
                }
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// The names and types of an overload are in the document in this number.
#[test]
fn every_keyword_of_every_overload_is_there() {
    let counts = OVERLOADS.map(|(engine, _)| (engine, overload(engine).len()));
    let expect = [
        ("docker", 19),
        ("buildx", 32),
        ("buildctl", 15),
        ("nerdctl", 32),
        ("podman", 86),
        ("buildah", 71),
    ];
    assert_eq!(counts, expect);
    let mut names: Vec<&str> = OVERLOADS
        .iter()
        .flat_map(|(_, all)| all.iter().map(|it| it.name))
        .collect();
    for (_, all) in OVERLOADS {
        let mut own: Vec<&str> = all.iter().map(|keyword| keyword.name).collect();
        own.sort_unstable();
        assert!(own.windows(2).all(|pair| pair[0] != pair[1]), "{own:?}");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 124);
}

#[test]
fn types_are_those_of_the_document() {
    let count = |of| {
        let all = OVERLOADS.iter().flat_map(|(_, all)| all.iter());
        all.filter(|keyword| keyword.of == of).count()
    };
    use super::table::Type;
    let expect = [
        (Type::Text, 59),
        (Type::Path, 40),
        (Type::TextOrPath, 2),
        (Type::Integer, 13),
        (Type::Boolean, 47),
        (Type::Texts, 29),
        (Type::List, 1),
        (Type::Names, 3),
        (Type::Pairs, 20),
        (Type::TextOrPairs, 29),
        (Type::Limits, 3),
        (Type::Triple, 4),
        (Type::Progress, 4),
        (Type::Policy, 1),
    ];
    for (of, number) in expect {
        assert_eq!(count(of), number, "{of:?}");
    }
}

#[test]
fn every_keyword_renders_or_says_why() {
    for (engine, all) in OVERLOADS {
        for keyword in all {
            let value = match keyword.form {
                Form::Once(value) | Form::Each(value) => match value {
                    Value::Text | Value::Path | Value::Key => "some/thing",
                    Value::Integer | Value::Size | Value::Swap => "3",
                    Value::Seconds | Value::Duration => "3s",
                    Value::Word(words) => words[0],
                    Value::Pair => "NAME=it's",
                    Value::Limit => "nofile=1024:2048",
                    Value::Volume => "/a:/b:ro",
                    Value::IdMap => "0:1000:1",
                },
                Form::Only(only, _) => only,
                Form::FrontendOption => "hostname=builder",
                _ => "true",
            };
            for name in [keyword.name.to_owned(), keyword.name.replace('_', "-")] {
                let rendered = render(engine, &[format!("{name}={value}")]);
                match keyword.form {
                    Form::Only(..) => assert_eq!(rendered.unwrap().words.len(), 0),
                    Form::Switch | Form::SwitchOn => assert_eq!(rendered.unwrap().words, [keyword.flag()]),
                    Form::Once(_) | Form::Each(_) | Form::FrontendOption => {
                        assert_eq!(rendered.unwrap().words, [keyword.flag(), value.to_owned()]);
                    }
                    _ => {
                        let problems = rendered.unwrap_err();
                        assert!(problems[0].message.contains(engine), "{:?}", problems[0]);
                        assert!(!problems[0].help.as_deref().unwrap_or_default().is_empty());
                    }
                }
            }
        }
    }
}

#[test]
fn integers_are_checked_and_given() {
    check(
        "podman",
        "jobs=3 cpu_shares=512 retry=0",
        "--cpu-shares 512 --jobs 3 --retry 0",
    );
    check("buildah", "cpu-quota=-1", "--cpu-quota -1");
    check("podman", "jobs=many", "`jobs` of podman takes an integer, not `many`");
    check("podman", "jobs", "`jobs` of podman takes an integer");
    check("podman", "jobs=1.5", "`jobs` of podman takes an integer, not `1.5`");
    check("buildx", "shm_size=67108864", "--shm-size 67108864");
    for size in ["64m", "64M", "1.5g", "64mb", "64MiB"] {
        check("buildx", &format!("shm_size={size}"), &format!("--shm-size {size}"));
    }
    for size in ["m", "64x", "64ib", "-1", "1.2.3"] {
        let expect = format!("`shm_size` of buildx takes a size, such as 67108864 or 64m, not `{size}`");
        check("buildx", &format!("shm_size={size}"), &expect);
    }
    check("podman", "memory=2g memory_swap=-1", "--memory 2g --memory-swap -1");
}

#[test]
fn what_is_on_can_be_turned_off() {
    for word in ["false", "0", "no", "No"] {
        check("podman", &format!("layers={word}"), "--layers=false");
        check("podman", &format!("omit_history={word}"), "");
    }
    for word in ["layers", "layers=true", "layers=1", "layers=yes"] {
        check("podman", word, "--layers");
    }
    check(
        "buildah",
        "rm=false http_proxy=false tls_verify=false",
        "--http-proxy=false --rm=false --tls-verify=false",
    );
    // buildah keeps no layers by itself, but does here.
    check("buildah", "layers=false", "--layers=false");
    check("nerdctl", "rm=no debug=no", "--rm=false");
    check("podman", "rm=off", "`rm` of podman is true or false, not `off`");
}

#[test]
fn a_value_is_not_taken_for_a_file() {
    // Both are there: tests run in the directory of the crate.
    assert!(std::path::Path::new("src").is_dir());
    check(
        "nerdctl",
        "namespace=src data_root=src",
        "--data-root src --namespace src",
    );
    check("buildctl", "trace=docs/../trace.json", "--trace docs/../trace.json");
}

#[test]
fn volumes_are_a_flag_each() {
    check(
        "podman",
        "volume=/a:/b:ro volume=/c:/d",
        "--volume /a:/b:ro --volume /c:/d",
    );
    for joined in ["/a:/b:/c:/d", "/a", "/a:"] {
        let expect = "HOST:PLACE or HOST:PLACE:OPTIONS, one in each entry";
        let expect = format!("`volume` of buildah takes {expect}, not `{joined}`");
        check("buildah", &format!("volume={joined}"), &expect);
    }
    check(
        "podman",
        "userns_uid_map=0:100000:1 userns-uid-map=1:200000:9",
        "--userns-uid-map 0:100000:1 --userns-uid-map 1:200000:9",
    );
    check(
        "podman",
        "userns_gid_map=0:1",
        "`userns_gid_map` of podman takes INSIDE:OUTSIDE:SIZE, such as 0:100000:65536, not `0:1`",
    );
}

#[test]
fn limits_are_soft_and_hard() {
    check(
        "buildx",
        "ulimit=nofile=1024:2048 ulimit=nproc=64 ulimit=core=0:-1",
        "--ulimit nofile=1024:2048 --ulimit nproc=64 --ulimit core=0:-1",
    );
    for limit in [
        "nofile",
        "=1:2",
        "nofile=a:b",
        "nofile=2:1",
        "nofile=-1:5",
        "nofile=1:2:3",
    ] {
        let expect = "NAME=SOFT:HARD, such as nofile=1024:2048";
        let expect = format!("`ulimit` of podman takes {expect}, not `{limit}`");
        check("podman", &format!("ulimit={limit}"), &expect);
    }
}

#[test]
fn entries_of_dicts_are_a_flag_each() {
    check(
        "podman",
        "annotation=a=1 annotation='b=x, y'",
        "--annotation a=1 --annotation b=x, y",
    );
    check(
        "podman",
        "annotation=a",
        "`annotation` of podman takes NAME=VALUE, not `a`",
    );
    check("podman", "runtime-flag=log=/tmp/x", "--runtime-flag log=/tmp/x");
    check(
        "buildah",
        "decryption_key=a.pem=pass decryption_key=b.pem:pass=x decryption_key=c.pem",
        "--decryption-key a.pem:pass --decryption-key b.pem:pass=x --decryption-key c.pem",
    );
    check("podman", "cap_add=A cap-add=B", "--cap-add A --cap-add B");
}

#[test]
fn values_are_not_empty() {
    check("podman", "arch=", &said("podman", "arch"));
    check("podman", "cap_add=", "`cap_add` of podman takes a text, not ``");
    check("podman", "runtime", "`runtime` of podman takes a path");
    check(
        "buildah",
        "decryption_key=",
        "`decryption_key` of buildah takes a file, or FILE:PASSPHRASE, not ``",
    );
}

#[test]
fn one_value_is_given_once() {
    check(
        "podman",
        "memory=1g memory=2g",
        "podman takes `memory` once, not 2 times | leave all but one out",
    );
    // The annotation says one text, and the program takes several.
    check("podman", "dns=1.1.1.1 dns=8.8.8.8", "--dns 1.1.1.1 --dns 8.8.8.8");
}

#[test]
fn policies_are_one_word() {
    check("podman", "pull=newer", "--pull=newer");
    check("buildah", "pull=never", "--pull=never");
    check("buildah", "pull_never", "--pull-never");
    let own = "`pull` is no option for podman here: imagespec has it itself";
    for word in ["pull", "pull=true", "pull=always"] {
        check("podman", word, &format!("{own} | write --pull"));
    }
    check("podman", "pull=false", &format!("{own} | leave out --pull"));
    check(
        "podman",
        "pull=sometimes",
        "`pull` of podman is true or false, not `sometimes`",
    );
}

#[test]
fn seconds_have_a_unit() {
    check("podman", "retry_delay=5", "--retry-delay 5s");
    check(
        "podman",
        "retry_delay=1m30s cache_ttl=24h",
        "--cache-ttl 24h --retry-delay 1m30s",
    );
    check(
        "podman",
        "cache_ttl=24",
        "`cache_ttl` of podman takes a time, such as 24h, not `24`",
    );
    check(
        "podman",
        "retry_delay=soon",
        "`retry_delay` of podman takes seconds, such as 5 or 2s, not `soon`",
    );
}

#[test]
fn own_options_are_named() {
    let check = |engine: &str, entries: &str, name: &str, help: &str| {
        let own = format!("`{name}` is no option for {engine} here: imagespec has it itself");
        check(engine, entries, &format!("{own} | {help}"));
    };
    check(
        "buildx",
        "platform=linux/amd64",
        "platform",
        "write --platform linux/amd64",
    );
    check(
        "podman",
        "platform=linux/amd64 platform=linux/arm64",
        "platform",
        "write --platform linux/amd64,linux/arm64",
    );
    check("buildx", "tag=a:1 tag=b:1", "tag", "write -t a:1 -t b:1");
    check("docker", "file=my.yaml", "file", "write -f my.yaml");
    check(
        "buildx",
        "output='type=local,dest=a b'",
        "output",
        "write --output 'type=local,dest=a b'",
    );
    check("docker", "no_cache", "no_cache", "write --no-cache");
    check("docker", "no-cache=no", "no_cache", "leave out --no-cache");
    check("podman", "quiet", "quiet", "write --progress quiet");
    check(
        "buildctl",
        "export_cache=type=inline",
        "export_cache",
        "write --cache-to type=inline",
    );
    check("buildah", "arch=arm64", "arch", "write `--platform OS/ARCHITECTURE`");
    check("buildx", "platform", "platform", "write --platform with a value");
    // A value that may be a secret is not repeated.
    check(
        "docker",
        "build_arg=TOKEN=x",
        "build_arg",
        "write `--build-arg NAME=VALUE`",
    );
    // Of engines whose overload lacks them, too.
    check("podman", "push", "push", "write --push");
    check("buildctl", "label=a=b", "label", "write --label a=b");
    check(
        "docker",
        "context_path=.",
        "context_path",
        "write the directory as an argument: `imagespec build DIRECTORY`",
    );
}

#[test]
fn options_of_the_frontend_are_its_own() {
    check(
        "buildctl",
        "opt=hostname=builder opt=ulimit=nofile=1:2",
        "--opt hostname=builder --opt ulimit=nofile=1:2",
    );
    check(
        "buildctl",
        "opt=hostname",
        "`opt` of buildctl takes NAME=VALUE, not `hostname`",
    );
    for (option, flag) in [
        ("build-arg:A=1", "--build-arg NAME=VALUE"),
        ("platform=linux/amd64", "--platform OS/ARCHITECTURE"),
        ("target=apt", "--target PART"),
        ("source=x", "--frontend IMAGE"),
        ("attest:sbom=", "--sbom true"),
    ] {
        let name = option.split('=').next().unwrap();
        let message = format!("`{name}` is no option for buildctl here: imagespec sets it itself");
        check(
            "buildctl",
            &format!("opt={option}"),
            &format!("{message} | write {flag}"),
        );
    }
}

#[test]
fn buildctl_takes_no_options_of_others_by_accident() {
    let own = "`no_cache_filter` is no option for buildctl here: imagespec has it itself";
    check(
        "buildctl",
        "no_cache_filter=apt",
        &format!("{own} | write --no-cache-filter apt"),
    );
    check(
        "buildctl",
        "ulimit=nofile=1:2",
        "buildctl has no option `ulimit` | buildx, podman and buildah have it",
    );
    check(
        "buildctl",
        "trace_id=1",
        "buildctl has no option `trace_id` | did you mean `trace`?",
    );
    check(
        "buildctl",
        "debug=true",
        "buildctl has no option `debug` | nerdctl has it",
    );
}

#[test]
fn unknown_options_are_errors() {
    check(
        "podman",
        "ulmit=nofile=1:2",
        "podman has no option `ulmit` | did you mean `ulimit`?",
    );
    check(
        "podman",
        "--memory=1g",
        "podman has no option `__memory` | did you mean `memory`?",
    );
    check(
        "podman",
        "xyzzy",
        "podman has no option `xyzzy` | what stands behind `--` goes to the engine's program as it is",
    );
    check(
        "podman",
        "volume:/a:/b",
        "podman has no option `volume:/a:/b` | write `=` behind the name: `volume=…`",
    );
    check(
        "buildah",
        "env=A=1",
        "buildah cannot take `env` here: variables belong into the spec's `env`, where they count in the tag | leave it out",
    );
    check(
        "buildah",
        "no_hosts",
        "buildah has no option `no_hosts` | podman has it",
    );
    check(
        "docker",
        "jobs=2",
        "docker has no option `jobs` | podman and buildah have it",
    );
    check("noop", "jobs=2", "noop takes no options | leave `jobs` out");
    check("noop", "", "");
    check(
        "buildctl",
        "isolation=default",
        "buildctl has no option `isolation` | podman and buildah have it",
    );
}

#[test]
fn all_problems_are_told() {
    let expect = "podman has no option `xyzzy` | what stands behind `--` goes to the engine's program as it is\n\
                  `cpu_shares` of podman takes an integer, not `x`\n`jobs` of podman takes an integer, not `y`";
    check("podman", "jobs=y xyzzy memory=1g cpu_shares=x", expect);
}

#[test]
fn what_is_impossible_says_why() {
    check("docker", "isolation=default", "");
    check(
        "docker",
        "isolation=hyperv",
        "docker takes `isolation=default` alone here: other isolations are of Windows, and these images are of Linux \
         | leave it out",
    );
    check("podman", "isolation=chroot", "--isolation chroot");
    check(
        "podman",
        "isolation=hyperv",
        "`isolation` of podman takes oci or rootless or chroot, not `hyperv`",
    );
    let creds = said("podman", "creds=me:hunter2");
    assert!(creds.contains("authfile") && !creds.contains("hunter2"), "{creds}");
    for (engine, entry) in [
        ("docker", "disable_content_trust"),
        ("buildctl", "frontend=gateway.v0"),
        ("buildctl", "local=a=b"),
        ("nerdctl", "ipfs"),
        ("podman", "stdin"),
        ("buildah", "compress"),
        ("podman", "logfile=x"),
        ("podman", "ignorefile=x"),
        ("podman", "os_version=10"),
    ] {
        let said = said(engine, entry);
        let name = entry.split('=').next().unwrap();
        assert!(
            said.starts_with(&format!("{engine} cannot take `{name}` here: ")),
            "{said}"
        );
    }
}

#[test]
fn words_come_in_the_order_of_the_overload() {
    let expect = "--cap-add A --cap-add B --device /dev/fuse --jobs 2";
    check("podman", "jobs=2 cap_add=A device=/dev/fuse cap_add=B", expect);
    check("podman", "cap_add=A device=/dev/fuse cap_add=B jobs=2", expect);
}

#[test]
fn docker_takes_what_buildx_takes() {
    for entry in [
        "ulimit=nofile=1:2",
        "shm_size=64m",
        "cgroup_parent=x",
        "allow=network.host",
    ] {
        check("docker", entry, &said("buildx", entry));
    }
}

#[test]
fn what_a_name_does_not_say_is_a_warning() {
    let check = |engine: &str, entry: &str, expect: &[&str]| {
        let rendered = render(engine, &[entry.to_owned()]).unwrap();
        let warnings: Vec<String> = rendered.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, expect, "{entry}");
    };
    check(
        "podman",
        "squash",
        &["`squash` puts all into one layer: an edit, and every layer is another"],
    );
    check("podman", "squash=no", &[]);
    check(
        "podman",
        "layers=no",
        &["`layers` keeps no steps: the next build runs all of them again"],
    );
    check(
        "buildah",
        "timestamp=0",
        &["`timestamp` gives all new files this time, where images have fixed times otherwise"],
    );
    check("podman", "tls_verify", &[]);
    check(
        "podman",
        "tls_verify=no",
        &["`tls_verify` trusts any registry, and whoever stands between"],
    );
}

#[test]
fn the_page_has_the_table() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once("<!-- table -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let wanted = format!("{before}<!-- table -->\n\n{}\n<!-- end -->{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
        return;
    }
    assert!(
        page == wanted,
        "docs/engine-options.md is not what the table says: UPDATE_DOCS=1 cargo test --lib typed"
    );
}
