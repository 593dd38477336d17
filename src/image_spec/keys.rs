//! Mappings that stand as entries of a list: their values by known keys.

use crate::image_spec::read::SpecReader;
use crate::text::yaml::Node;
use crate::text::{Diagnostic, closest};

/// What Dockerfiles, Compose files and others call the keys.
const ALIASES: [(&str, &str); 18] = [
    ("chown", "owner"),
    ("user", "owner"),
    ("chmod", "mode"),
    ("dest", "dst"),
    ("destination", "dst"),
    ("to", "dst"),
    ("target", "dst"),
    ("dst", "target"),
    ("source", "src"),
    ("file", "src"),
    ("url", "uri"),
    ("uris", "uri"),
    ("suite", "suites"),
    ("component", "components"),
    ("arch", "architectures"),
    ("signed-by", "key"),
    ("name", "id"),
    ("variable", "env"),
];

/// The values of a mapping by their keys. Of one that is repeated, the last.
pub(super) struct Keys<'n>(Vec<(&'static str, &'n Node)>);

impl<'n> Keys<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let found = self.0.iter().rev().find(|(known, _)| *known == key);
        found.map(|(_, node)| *node)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

impl SpecReader<'_> {
    /// The values of the known keys; reports all others.
    pub(super) fn keys<'n>(&mut self, pairs: &'n [(Node, Node)], known: &[&'static str]) -> Keys<'n> {
        let mut keys = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let name = key.text().unwrap_or_default();
            if let Some(known) = known.iter().find(|known| **known == name) {
                keys.push((*known, value));
                continue;
            }
            let message = format!(
                "`{}{name}` is not known here: the keys are {}",
                self.path,
                known.join(", ")
            );
            let problem = Diagnostic::build_error("unknown-key", message).at(key.span);
            let alias = ALIASES
                .iter()
                .find(|(alias, meant)| *alias == name && known.contains(meant));
            let meant = alias
                .map(|(_, meant)| *meant)
                .or_else(|| closest(name, known.iter().copied()));
            self.report(match meant {
                Some(candidate) => problem.help(format!("did you mean `{candidate}`?")),
                None => problem.help("a path or word that holds `: ` has to be in quotes"),
            });
        }
        Keys(keys)
    }

    /// Reads what is inside of a field.
    pub(super) fn inside<T>(&mut self, path: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(path);
        let result = read(self);
        self.path.truncate(length);
        result
    }
}
