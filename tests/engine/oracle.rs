//! Other tools as oracles: what images hold is what they install from the same files.
//!
//! A tool runs once for all layouts, in an image with the same interpreter: it locks what is to be locked, and what it
//! installs is listed. Then each layout is built by the frontend.

use std::collections::BTreeMap;

use crate::bed::{Engine, Project};
use crate::projects::{LIST, held};

/// A tool that installs what a layout says.
pub(crate) struct Oracle {
    pub name: &'static str,
    /// What the image in which it runs has.
    pub packages: &'static str,
    /// The lock that it makes, if it makes one.
    pub lock: &'static str,
}

/// One layout.
pub(crate) struct Case {
    pub name: String,
    /// Files by their paths.
    pub files: BTreeMap<String, String>,
    pub spec: String,
    /// What a shell runs to install the same into the environment `$V`.
    pub install: String,
}

impl Oracle {
    /// Holds the image of each layout against what the tool installs: name by name, version by version.
    pub(crate) fn agrees(&self, cases: Vec<Case>) {
        assert!(!cases.is_empty());
        let expected = self.asked(&cases);
        let differs = |case: &Case| self.difference(case, &expected[&case.name]);
        let mut found = Vec::new();
        // Some at a time: an engine is waited for, most of the time.
        for some in cases.chunks(4) {
            std::thread::scope(|scope| {
                let running: Vec<_> = some.iter().map(|case| scope.spawn(move || differs(case))).collect();
                found.extend(running.into_iter().filter_map(|one| one.join().unwrap()));
            });
        }
        assert!(found.is_empty(), "{}", found.join("\n\n"));
    }

    /// What the tool says of each layout: the list of what it installs, and its lock.
    fn asked(&self, cases: &[Case]) -> BTreeMap<String, (Vec<String>, String)> {
        let project = Project::new("");
        let lock = self.lock;
        let mut script = String::from("set -eu\nlist() { $V/bin/python -c \"$LIST\"; }\n");
        for Case {
            name, files, install, ..
        } in cases
        {
            for (path, text) in files {
                project.file(&format!("layouts/{name}/{path}"), text);
            }
            script.push_str(&format!(
                "V=/oracle/{name}; mkdir -p /oracle; cp -r /root/layouts/{name} /tmp/{name}; (cd /tmp/{name}; {install}) || echo 'FAILED {name}'\n\
                 echo '@@@ {name}' >> /oracle/said; list >> /oracle/said || true\n\
                 if [ -e /tmp/{name}/{lock} ]; then echo '-- lock' >> /oracle/said; cat /tmp/{name}/{lock} >> /oracle/said; fi\nrm -rf /tmp/{name} $V\n",
            ));
        }
        project.file("layouts/oracle.sh", script);
        let list = LIST.replace('\n', "\n      ");
        project.spec(&format!(
            "profile: plain\npython_version: \"3.12\"\npackages: [{}]\ncopy: [layouts]\ncommands:\n  - |\n      export LIST='{list}'\n      sh /root/layouts/oracle.sh\n",
            self.packages
        ));
        let tag = format!("engine-oracle-{}", self.name);
        let built = project.build(&tag);
        let said = Engine::Main.shell(&tag, "cat /oracle/said");
        let mut all = BTreeMap::new();
        for part in said.split("@@@ ").skip(1) {
            let (name, rest) = part.split_once('\n').unwrap();
            let (list, lock) = rest.split_once("-- lock\n").unwrap_or((rest, ""));
            let list: Vec<String> = list
                .lines()
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect();
            assert!(
                !list.is_empty(),
                "{} installs nothing for {name}:\n{}",
                self.name,
                built.log
            );
            all.insert(name.to_owned(), (list, lock.to_owned()));
        }
        assert_eq!(all.len(), cases.len(), "{}", built.log);
        all
    }

    /// What differs between the tool's list and the image.
    fn difference(&self, case: &Case, (list, lock): &(Vec<String>, String)) -> Option<String> {
        let project = Project::new("");
        for (path, text) in &case.files {
            project.file(path, text);
        }
        if !lock.is_empty() {
            project.file(self.lock, lock);
        }
        project.spec(&case.spec);
        let tag = format!("engine-layout-{}", case.name);
        let built = project.try_build(&tag);
        if !built.ok {
            return Some(format!("{} does not build:\n{}", case.name, built.log));
        }
        let found = held(&tag);
        let tool = self.name;
        (found != *list).then(|| format!("{}: the image has {found:?}, {tool} installs {list:?}", case.name))
    }
}
