//! The part of the build context that a spec needs: which paths to ask the client for, and what to leave out.

use std::collections::BTreeSet;

use crate::files::{Task, docker_patterns};
use crate::frontend::context::{ClientDirectory, FileSource, read_ignore};
use crate::frontend::session::Session;
use crate::llb::{Local, Metadata, Output};
use crate::plan::NOT_SOURCE;
use crate::text::{Failure, climbs, context_path};

/// The part of the build context that a spec needs.
pub(super) enum Files {
    /// None of it.
    Nothing,
    /// All of a tree that BuildKit fetched.
    Fetched(Output),
    /// Some paths of a client's directory.
    Asked {
        tree: Output,
        /// How the client was asked.
        request: Local,
    },
}

impl Files {
    /// Asks for paths of the context; the empty path is all of it.
    pub(super) async fn ask(session: &Session, paths: BTreeSet<String>) -> Result<Self, Failure> {
        if paths.is_empty() {
            return Ok(Self::Nothing);
        }
        let directory = match &session.context {
            FileSource::Fetched(tree) => return Ok(Self::Fetched(tree.clone())),
            FileSource::Client(directory) => directory,
        };
        let patterns = if paths.contains("") {
            Vec::new()
        } else {
            paths.iter().map(|path| literal_pattern(path)).collect()
        };
        let request = Local {
            exclude_patterns: ignore_patterns(session, directory).await?,
            ..directory.paths("", patterns)
        };
        Ok(Self::Asked {
            tree: request.output(Metadata::named("[internal] load build context")),
            request,
        })
    }

    /// The tree that they are in.
    pub(super) fn tree(&self) -> Option<&Output> {
        match self {
            Self::Nothing => None,
            Self::Fetched(tree) | Self::Asked { tree, .. } => Some(tree),
        }
    }

    /// The same with more paths; `None` if there is nothing more to ask for.
    pub(super) fn with_paths(&self, paths: &[String]) -> Option<Self> {
        let mut request = match self {
            Self::Asked { request, .. } if !request.follow_paths.is_empty() => request.clone(),
            _ => return None,
        };
        let before = request.follow_paths.len();
        for path in paths.iter().map(|path| literal_pattern(path)) {
            if !request.follow_paths.contains(&path) {
                request.follow_paths.push(path);
            }
        }
        (request.follow_paths.len() > before).then(|| Self::Asked {
            tree: request.output(Metadata::named("[internal] load files behind links")),
            request,
        })
    }

    /// The patterns of the ignore file.
    fn ignored(&self) -> &[String] {
        match self {
            Self::Asked { request, .. } => &request.exclude_patterns,
            Self::Nothing | Self::Fetched(_) => &[],
        }
    }
}

/// All paths that digests need, inside the context.
pub(super) fn paths_of_tasks(tasks: &[Task]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for task in tasks {
        for path in task.job.paths().filter(|path| is_inside(path)) {
            let path = context_path(path);
            if task.job.obeys_ignore_files() {
                let parents = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
                paths.extend(parents.map(|parent| format!("{parent}/.gitignore")));
                paths.insert(".gitignore".into());
            }
            paths.insert(path);
        }
    }
    paths
}

/// Whether a path of a spec stays in the context.
pub(super) fn is_inside(path: &str) -> bool {
    !path.starts_with('/') && !climbs(path)
}

/// A pattern of the ignore file that may leave out files that flytekit's tag includes, if there is one.
pub(super) fn left_out<'a>(files: &'a Files, task: &Task) -> Option<&'a str> {
    // What flytekit leaves out too, with or without a leading `**/`.
    let is_standard = |pattern: &str| {
        let mut known = NOT_SOURCE.iter();
        known.any(|known| pattern == *known || Some(pattern) == known.strip_prefix("**/"))
    };
    let may_match = |pattern: &str, path: &str| {
        let path = context_path(path);
        let pairs = pattern.split('/').zip(path.split('/').filter(|part| !part.is_empty()));
        pairs
            .take_while(|(a, _)| !a.contains("**"))
            .all(|(a, b)| a == b || a.contains(['*', '?', '[', '\\']))
    };
    files
        .ignored()
        .iter()
        .map(String::as_str)
        .filter(|pattern| !pattern.starts_with('!'))
        .filter(|pattern| !(task.job.obeys_ignore_files() && is_standard(pattern)))
        .find(|pattern| task.job.paths().any(|path| may_match(pattern, path)))
}

/// A pattern that matches only this path: clients treat the paths they are asked for as patterns.
fn literal_pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for (at, c) in path.char_indices() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') || (at == 0 && c == '!') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// What the context leaves out: the ignore file beside the spec if there is one, else the context's own.
async fn ignore_patterns(session: &Session, directory: &ClientDirectory) -> Result<Vec<String>, Failure> {
    if let Some(own) = &session.file.ignore {
        return Ok(docker_patterns(own));
    }
    let request = Local {
        always_send: true,
        ..directory.paths("-.dockerignore", vec![".dockerignore".into()])
    };
    let tree = request.output(Metadata::named("[internal] load .dockerignore"));
    let solved = session.client.solve(Some(&tree)).await?;
    let content = read_ignore(&session.client, &solved, ".dockerignore").await?;
    Ok(content.map(|content| docker_patterns(&content)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Job;

    #[test]
    fn patterns_that_may_leave_out_counted_files_are_found() {
        let check = |pattern: &str, job: Job, expect: bool| {
            let request = Local {
                exclude_patterns: vec![pattern.to_owned()],
                ..Local::default()
            };
            let tree = request.output(Metadata::default());
            let files = Files::Asked { tree, request };
            let (depth, field) = (0, "copy");
            let found = left_out(&files, &Task { depth, field, job }).is_some();
            assert_eq!(found, expect, "{pattern}");
        };
        let copy = |path: &str| Job::Copy {
            paths: vec![path.to_owned()],
        };
        let source = |root: &str| Job::Source { root: root.to_owned() };
        check("data", copy("src"), false);
        check("src/x", copy("src"), true);
        check("src", copy("src/a/b"), true);
        check("sr*", copy("src"), true);
        check("**/*.log", copy("src"), true);
        check("!src/x", copy("src"), false);
        check("x", copy("."), true);
        check("**/*.pyc", source("src"), false);
        check("**/*.pyc", copy("src"), true);
        check("src/data", source("./src"), true);
    }
}
