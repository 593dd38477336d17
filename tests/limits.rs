//! Hostile input costs neither much memory nor the process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::process::Command;

use imagespec::image_spec::parse;
use imagespec::text::{Operation, Text};

const CASE: &str = "IMAGESPEC_LIMITS_CASE";
const MEGABYTE: usize = 1024 * 1024;

fn input(case: &str) -> String {
    match case {
        "flow" => "[".repeat(MEGABYTE - 1),
        "block" => (0..1400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
        "commas" => format!("packages: [{}]", "a,".repeat(MEGABYTE / 2 - 10)),
        "anchors" => (0..60_000).map(|n| format!("a{n}: &a{n} x\n")).collect(),
        "laughs" => {
            let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
            for level in 1..12 {
                yaml.push_str(&format!(
                    "a{level}: &a{level} [{}]\n",
                    vec![format!("*a{}", level - 1); 10].join(", ")
                ));
            }
            yaml
        }
        "merge" => {
            let mut yaml = String::from("a0: &a0 {k0: 1, k1: 2}\n");
            for level in 1..40 {
                yaml.push_str(&format!(
                    "a{level}: &a{level} {{<<: [*a{0}, *a{0}], x{level}: 1}}\n",
                    level - 1
                ));
            }
            yaml
        }
        "unknown" => (0..70_000).map(|n| format!("f{n}: 1\n")).collect(),
        "urls" => format!("packages: [\"{}\"]", "://".repeat(300_000)),
        "sixtieths" => format!("cuda: 1{}", ":1".repeat(400_000)),
        "hexadecimal" => format!("cuda: 0x{}", "f".repeat(900_000)),
        "large" => "x".repeat(3 * MEGABYTE),
        other => panic!("{other}"),
    }
}

/// Reads one input in a process of its own and prints the peak of its memory.
#[test]
fn child() {
    let Ok(case) = std::env::var(CASE) else { return };
    let text = Text::new("s.yaml", input(&case));
    let parsed = parse(&text);
    let errors = parsed.errors(Operation::Building).count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("errors {errors} peak {}", peak.trim().trim_end_matches(" kB"));
}

#[test]
fn hostile_files_give_an_error_within_64_megabytes() {
    for case in [
        "flow",
        "block",
        "commas",
        "anchors",
        "laughs",
        "merge",
        "unknown",
        "urls",
        "large",
        "sixtieths",
        "hexadecimal",
    ] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(CASE, case)
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{case}: {stdout}");
        let line = stdout.lines().find_map(|line| line.split_once("errors ")).unwrap().1;
        let (errors, peak) = line.split_once(" peak ").unwrap();
        assert!(
            errors.parse::<usize>().unwrap() > 0 || case == "urls",
            "{case} is no error"
        );
        let peak: usize = peak.parse().unwrap();
        assert!(peak < 64 * 1024, "{case} took {peak} KiB");
    }
}
