//! The plain progress of BuildKit's clients.

use std::collections::BTreeMap;

/// A step that ended, well or badly, or was found in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `[stage] title`, with the platform before the stage where there are several.
    pub name: String,
    /// Whether it was found in a cache.
    pub is_cached: bool,
}

/// The steps in a log of `--progress=plain`.
pub(super) fn steps(log: &str) -> Vec<Step> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut steps: BTreeMap<&str, Step> = BTreeMap::new();
    for line in log.lines() {
        let Some((number, rest)) = line.strip_prefix('#').and_then(|line| line.split_once(' ')) else {
            continue;
        };
        if rest.starts_with('[') {
            names.entry(number).or_insert(rest);
        }
        let word = rest.split(' ').next().unwrap_or_default();
        let Some(name) = names
            .get(number)
            .filter(|_| matches!(word, "CACHED" | "DONE" | "ERROR:"))
        else {
            continue;
        };
        steps.entry(number).or_insert_with(|| Step {
            name: (*name).to_owned(),
            is_cached: word == "CACHED",
        });
    }
    steps.into_values().collect()
}

/// The stage of the last step that failed.
pub(super) fn failed_stage(log: &str) -> Option<String> {
    let failed = |line: &&str| line.starts_with('#') && line.contains(" ERROR: ");
    let number = log.lines().rev().find(failed)?.split(' ').next()?;
    let name = log
        .lines()
        .find_map(|line| line.strip_prefix(number)?.strip_prefix(" ["))?;
    // With several platforms, one stands before it.
    let (words, _) = name.split_once(']')?;
    words.split(' ').next_back().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_that_failed_is_found() {
        let log = "#1 [internal] load\n#5 [linux/arm64 setup] false\n#12 [apt] x\n#5 0.1 ERROR: no\n#5 ERROR: process\n#12 CANCELED\n";
        assert_eq!(failed_stage(log).as_deref(), Some("setup"));
        assert_eq!(failed_stage("#1 [apt] x\n#1 DONE\n"), None);
    }

    #[test]
    fn steps_end_once() {
        let log = "#1 [internal] load\n#1 DONE 0.0s\n#2 [apt] apt-get install jq\n#3 [source] copy x\n#2 CACHED\n\
                   #3 0.1 #9 CACHED\n#3 DONE 0.1s\n#3 DONE 0.1s\n#4 exporting\n#4 DONE\n#5 [setup] false\n#5 ERROR: process\n";
        let found = steps(log).into_iter().map(|step| (step.name, step.is_cached));
        let expect = [
            ("[internal] load", false),
            ("[apt] apt-get install jq", true),
            ("[source] copy x", false),
            ("[setup] false", false),
        ];
        assert_eq!(
            found.collect::<Vec<_>>(),
            expect.map(|(name, cached)| (name.to_owned(), cached))
        );
    }
}
