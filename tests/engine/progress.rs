//! What `docker buildx build --progress=plain` says.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;

/// Stands between what two attempts of one build said.
const ONCE_MORE: &str = "--- once more, after the engine's own race ---";

/// A step of a graph that ended well, badly, or was found in a cache.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// `[stage] title`, with the platform before the stage where there are several.
    pub name: String,
    pub cached: bool,
}

impl Step {
    /// Whether something is run or copied: what joins the results of other steps has a name of its own form.
    fn works(&self) -> bool {
        let title = self.name.split_once("] ").map_or("", |(_, title)| title);
        !title.starts_with("layer of ") && !title.starts_with("merge ")
    }
}

/// The steps of the graph, by the form of their lines: a stage that is new tomorrow is among them. What BuildKit and the
/// frontend say of themselves is not, nor are the images that steps begin with.
pub(crate) fn steps(log: &str) -> Vec<Step> {
    let mut seen: HashMap<&str, Seen> = HashMap::new();
    let mut steps = Vec::new();
    for line in log.lines() {
        if line == ONCE_MORE {
            // The second attempt counts from one again.
            seen.clear();
        }
        let Some((number, rest)) = line.strip_prefix('#').and_then(|line| line.split_once(' ')) else {
            continue;
        };
        if rest.starts_with('[') && is_step(rest) {
            seen.entry(number).or_insert_with(|| Seen::named(rest));
        }
        let Some(step) = seen.get_mut(number) else {
            continue;
        };
        let word = rest.split(' ').next().unwrap_or_default();
        step.prints |= word.parse::<f64>().is_ok();
        step.is_fetched |= word.starts_with("sha256:") || word == "extracting";
        if !["CACHED", "DONE", "ERROR:"].contains(&word) || std::mem::replace(&mut step.ended, true) {
            continue;
        }
        // A result that comes out of a registry's cache is fetched when it is read, which has the look of a step.
        let cached = word == "CACHED" || step.is_fetched && !step.prints;
        let name = step.name.to_owned();
        steps.push(Step { name, cached });
    }
    steps
}

/// What the lines of one number have said so far.
struct Seen<'a> {
    name: &'a str,
    prints: bool,
    is_fetched: bool,
    ended: bool,
}

impl<'a> Seen<'a> {
    fn named(name: &'a str) -> Self {
        Self {
            name,
            prints: false,
            is_fetched: false,
            ended: false,
        }
    }
}

/// The names of the steps that did their work, rather than being found in a cache.
pub(crate) fn ran(log: &str) -> Vec<String> {
    let steps = steps(log).into_iter();
    steps
        .filter(|step| !step.cached && step.works())
        .map(|step| step.name)
        .collect()
}

fn is_step(name: &str) -> bool {
    let Some((stage, title)) = name[1..].split_once("] ") else {
        return false;
    };
    let mut words = stage.split(' ').filter(|word| !word.contains('/'));
    let says_itself = matches!(words.next(), None | Some("internal" | "auth" | "context" | "exists"));
    let is_image = title.contains("@sha256:") && !title.contains(' ');
    !says_itself && !is_image
}

/// <https://github.com/moby/buildkit/issues/6521>: an image is unpacked while one below it is taken away.
fn is_engines_own_race(log: &str) -> bool {
    static MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"failed to prepare extraction snapshot "extract-[^"\n]*": parent snapshot sha256:[0-9a-f]{64} does not exist"#)
            .unwrap()
    });
    MESSAGE.is_match(log)
}

/// Runs a build to its end. The engine's own race alone is worth another attempt, one, and is never passed over in silence.
pub(crate) fn output(command: &mut Command) -> Output {
    static RACES: AtomicUsize = AtomicUsize::new(0);
    // Past the test harness, which shows only what failing tests print.
    output_counting(command, &RACES, &mut std::io::stderr())
}

fn output_counting(command: &mut Command, races: &AtomicUsize, count: &mut dyn Write) -> Output {
    let first = command.output().unwrap();
    if first.status.success() || !is_engines_own_race(&String::from_utf8_lossy(&first.stderr)) {
        return first;
    }
    let races = races.fetch_add(1, Ordering::Relaxed) + 1;
    let line = format!("engine: lost the race of moby/buildkit#6521, building once more; {races} so far in this run\n");
    count.write_all(line.as_bytes()).unwrap();
    let mut second = command.output().unwrap();
    let between = format!("\n{ONCE_MORE}\n");
    second.stderr = [&first.stderr, between.as_bytes(), &second.stderr].concat();
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    const RACE: &str = r#"#19 ERROR: failed to prepare extraction snapshot "extract-771744199-MArs sha256:1d41b7b3d27c93b64dfdccfc6e369b418c2e41566531f1db7ee09a40bb36b2bd": parent snapshot sha256:e644ff0c302d7de4c3e03dc718bc4b77ebeb324f7c8f5483b463fa230027b02c does not exist: not found"#;

    #[test]
    fn only_the_engines_own_race_is_tried_again() {
        assert!(is_engines_own_race(RACE));
        assert!(is_engines_own_race(&format!(
            "#1 DONE 0.0s\n{RACE}\n------\nERROR: failed to solve\n"
        )));
        for other in [
            // Each half alone, both in one log, and the halves in one line that says something else.
            "failed to prepare extraction snapshot \"extract-1-a sha256:1d41\": context canceled",
            "failed to mount /path: parent snapshot sha256:c032a705328ee9ae7d086f64d7a6591e02b85ee87ff57a0e26f84f93b2a8976c does not exist: not found",
            &RACE.replace("\": parent", "\": context canceled\n#20 ERROR: parent"),
            &RACE.replace("does not exist", "is locked"),
            &RACE.replace("parent snapshot sha256:", "parent snapshot "),
            &RACE.replace("failed to prepare extraction snapshot", "failed to extract layer"),
        ] {
            assert!(!is_engines_own_race(other), "{other}");
        }
    }

    /// A command that says what a build says when it loses the race, as often as `races`, and counts how often it is run.
    fn racing(directory: &std::path::Path, races: usize, message: &str) -> Command {
        std::fs::write(directory.join("message"), message).unwrap();
        let mut command = Command::new("sh");
        command.current_dir(directory).args([
            "-c",
            &format!("echo x >> runs; [ $(wc -l < runs) -gt {races} ] || {{ cat message >&2; exit 1; }}; echo '#1 CACHED' >&2; echo done"),
        ]);
        command
    }

    #[test]
    fn a_build_gets_one_more_attempt_and_no_second_one() {
        for (races, message, ok, runs) in [
            (0, RACE, true, 1),
            (1, RACE, true, 2),
            (9, RACE, false, 2),
            (1, "ERROR: exit code: 1", false, 1),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let (counted, mut count) = (AtomicUsize::new(0), Vec::new());
            let output = output_counting(&mut racing(directory.path(), races, message), &counted, &mut count);
            let ran = std::fs::read_to_string(directory.path().join("runs")).unwrap();
            assert_eq!((output.status.success(), ran.lines().count()), (ok, runs), "{message}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(said.contains(ONCE_MORE), runs == 2, "{said}");
            assert_eq!(counted.into_inner(), runs - 1);
            let count = String::from_utf8(count).unwrap();
            assert_eq!(count.contains("; 1 so far in this run\n"), runs == 2, "{count}");
            assert_eq!(said.contains(message), races > 0, "{said}");
        }
    }

    #[test]
    fn steps_that_ran_are_told_from_all_else_by_their_form() {
        let log = "\
#0 building with \"default\" instance using docker driver
#1 [internal] load build definition from imageSpec.yaml
#1 DONE 0.0s
#2 [auth] library/debian:pull token for registry-1.docker.io
#2 DONE 0.0s
#3 [context debian:bookworm-slim] load metadata for docker.io/imagespec-bed/debian:bookworm-slim
#3 DONE 0.0s
#4 [context uv] docker.io/imagespec-bed/uv:1@sha256:093f465505ba58e397a66881797d6051b9bd936fb5dfbee643ddb88577bffb49
#4 DONE 0.0s
#5 [base] docker.io/library/debian:1@sha256:68775dc24bffacc8199499ffb27dfb2dfadd6a09bfe623597e6a6726fcb36c4e
#5 DONE 0.0s
#6 [exists] example.com/a:1 is not there for linux/amd64: building it
#6 DONE 0.0s
#7 [apt] apt-get install jq
#7 CACHED
#8 [linux/arm64 apt] apt-get install jq
#8 0.102 [packages] is what this step prints
#8 DONE 3.7s
#9 [linux/arm64 context uv] load metadata for docker.io/imagespec-bed/uv:1
#9 DONE 3.7s
#10 [lock] uv pip compile humanize
#11 [newstage] does something
#10 0.334 Resolved 97 packages
#10 [lock] uv pip compile humanize
#10 DONE 3.6s
#11 DONE 0.1s
#12 [packages] layer of uv pip install humanize==4.9.0
#12 DONE 0.1s
#13 [image] merge packages, apt
#13 DONE 0.1s
#14 [tag] compute digests of copy
#14 DONE 0.1s
#15 [source] copy data to /root/data
#15 CACHED
#16 [image] exit 7
#16 ERROR: process \"/bin/sh -c exit 7\" did not complete successfully: exit code: 7
#17 [image] echo never
#17 CANCELED
#18 exporting to image
#18 DONE 0.1s
#19 [lock] read the interpreter
#19 sha256:ca7e27e787b3ba0219c260f2c9c39f914e1844289f58690a1c35fef8473e8241 22.53kB / 22.53kB done
#19 DONE 0.0s
#19 extracting sha256:ca7e27e787b3ba0219c260f2c9c39f914e1844289f58690a1c35fef8473e8241 0.0s done
#19 DONE 0.1s
#20 [python] micromamba install python=3.12
#20 sha256:ca7e27e787b3ba0219c260f2c9c39f914e1844289f58690a1c35fef8473e8241 22.53kB / 22.53kB done
#20 0.334 what it works on was fetched first
#20 DONE 0.1s
";
        let mut expected = vec![
            "[linux/arm64 apt] apt-get install jq",
            "[lock] uv pip compile humanize",
            "[newstage] does something",
            "[tag] compute digests of copy",
            "[image] exit 7",
            "[python] micromamba install python=3.12",
        ];
        assert_eq!(ran(log), expected);
        let cached: Vec<String> = steps(log).into_iter().filter(|s| s.cached).map(|s| s.name).collect();
        let found = [
            "[apt] apt-get install jq",
            "[source] copy data to /root/data",
            "[lock] read the interpreter",
        ];
        assert_eq!(cached, found);
        // An attempt before is a part of it, with numbers of its own.
        let again = format!("{log}{ONCE_MORE}\n#8 [setup] touch /x\n#8 DONE 0.1s\n#15 DONE 0.1s\n");
        expected.push("[setup] touch /x");
        assert_eq!(ran(&again), expected);
    }
}
