//! The part of the build context that a spec needs: which paths to ask the client for, and what to leave out.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::{Patterns, Task, docker_patterns, literal_pattern};
use crate::frontend::context::{ClientDirectory, FileSource, read_ignore};
use crate::frontend::session::Session;
use crate::llb::{Copy, FileActions, Local, Metadata, Output};
use crate::plan::NOT_SOURCE;
use crate::project::patterns_like;
use crate::text::{Failure, climbs, context_path, join, joined, relative_to};

/// The most parts of a path behind links: one that leads into itself has no end.
const MAX_BEHIND: usize = 64;

/// The part of the build context that a spec needs.
#[derive(Clone, Default)]
pub(super) struct Files {
    tree: Option<Output>,
    /// How the client was asked for it; `None` for a tree that BuildKit fetched.
    request: Option<Local>,
    /// What the ignore file leaves out.
    ignored: Vec<String>,
    git: Option<GitFiles>,
    /// Links that paths lead through, and where they lead. A client follows a link for one of the paths alone, the first
    /// that leads through it (fsutil's `FollowLinks`), so what else lies behind it is asked for by its own path.
    links: BTreeMap<String, String>,
}

/// Where files of git's own are, for what ignore files leave out of a source tree.
#[derive(Clone)]
enum GitFiles {
    Fetched(Output),
    Asked(Local),
}

impl Files {
    /// Asks for paths of the context; the empty path is all of it. `sources` are those of source trees.
    pub(super) async fn ask(
        session: &Session,
        paths: BTreeSet<String>,
        sources: BTreeSet<String>,
    ) -> Result<Self, Failure> {
        if paths.is_empty() {
            return Ok(Self::default());
        }
        match &session.context {
            FileSource::Fetched(tree) => {
                let mut ignored = ignore_patterns(session).await?;
                // Of no use in an image; a client's directory is copied as its ignore file says.
                let own = own_files(session).into_iter().filter(|path| !paths.contains(path));
                ignored.extend(own.map(|path| literal_pattern(&path)));
                let copy = Copy {
                    contents: true,
                    exclude: ignored.clone(),
                    ..Copy::new(tree, "/", "/")
                };
                let metadata = Metadata::named("[internal] leave out what the ignore file names");
                Ok(Self {
                    tree: Some(FileActions::new().copy(copy).apply(None, metadata)),
                    request: None,
                    ignored,
                    git: (!sources.is_empty()).then(|| GitFiles::Fetched(tree.clone())),
                    links: BTreeMap::new(),
                })
            }
            FileSource::Client(directory) => {
                let patterns = if paths.contains("") {
                    Vec::new()
                } else {
                    paths.iter().map(|path| asked_pattern(path)).collect()
                };
                let request = Local {
                    exclude_patterns: ignore_patterns(session).await?,
                    ..directory.paths("", patterns)
                };
                Ok(Self {
                    tree: Some(request.output(Metadata::named("[internal] load build context"))),
                    ignored: request.exclude_patterns.clone(),
                    request: Some(request),
                    git: git_files(directory, &sources).map(GitFiles::Asked),
                    links: BTreeMap::new(),
                })
            }
        }
    }

    /// The tree that they are in.
    pub(super) fn tree(&self) -> Option<&Output> {
        self.tree.as_ref()
    }

    /// The tree with files of git's own.
    pub(super) fn git_tree(&self) -> Option<Output> {
        Some(match self.git.as_ref()? {
            GitFiles::Fetched(tree) => tree.clone(),
            GitFiles::Asked(request) => request.output(Metadata::named("[internal] load what git tracks")),
        })
    }

    /// The same with more paths; `None` if there is nothing more to ask for.
    pub(super) fn with_paths(&self, paths: &[String]) -> Option<Self> {
        let mut more = self.clone();
        let mut is_more = false;
        let (gits, others): (Vec<&String>, Vec<&String>) = paths.iter().partition(|path| is_gits(path));
        if let Some(GitFiles::Asked(request)) = &mut more.git {
            for path in gits {
                is_more |= add(&mut request.follow_paths, asked_pattern(path));
                add(&mut request.exclude_patterns, format!("!{}", literal_pattern(path)));
            }
        }
        let others = others.into_iter().map(|path| asked_pattern(path)).collect();
        is_more |= more.follow(others);
        is_more.then_some(more)
    }

    /// Whether the client is asked for paths, not for all that there is.
    pub(super) fn are_asked_for(&self) -> bool {
        let request = self.request.as_ref();
        request.is_some_and(|request| !request.follow_paths.is_empty())
    }

    /// The same with what is asked for and lies behind a link; `None` if nothing more is.
    pub(super) fn with_link(&self, link: &str, target: &str) -> Option<Self> {
        let mut more = self.clone();
        more.links.insert(literal_pattern(link), literal_pattern(target));
        more.follow(Vec::new()).then_some(more)
    }

    /// Also asks for the paths that match patterns, and for what of all of them lies behind links. Returns whether that is
    /// more than before.
    fn follow(&mut self, patterns: Vec<String>) -> bool {
        let Some(request) = self.request.as_mut().filter(|request| !request.follow_paths.is_empty()) else {
            return false;
        };
        let before = request.follow_paths.len();
        for pattern in patterns {
            add(&mut request.follow_paths, pattern);
        }
        let mut at = 0;
        while let Some(pattern) = request.follow_paths.get(at).cloned() {
            for (link, target) in &self.links {
                let behind = relative_to(&pattern, link).map(|rest| joined(target, rest));
                // A link to the context itself asks for nothing more.
                let is_asked = |behind: &String| !behind.is_empty() && behind.split('/').count() <= MAX_BEHIND;
                if let Some(behind) = behind.filter(is_asked) {
                    add(&mut request.follow_paths, behind);
                }
            }
            at += 1;
        }
        let is_more = request.follow_paths.len() > before;
        if is_more {
            self.tree = Some(request.output(Metadata::named("[internal] load more of the build context")));
        }
        is_more
    }

    /// The same with the paths that match a pattern, component by component; `None` if they are asked for already.
    pub(super) fn with_pattern(&self, pattern: &str) -> Option<Self> {
        // Clients follow no `**`: all that may be below is asked for.
        let pattern = pattern.split("/**").next().unwrap_or(pattern);
        let mut more = self.clone();
        more.follow(vec![pattern.to_owned()]).then_some(more)
    }

    /// A tree with what is nearly at a path, in a client's directory.
    pub(super) fn like(&self, path: &str) -> Option<Output> {
        let request = self.request.as_ref()?;
        let follow_paths = patterns_like(path);
        // Directories without what is in them.
        let below = follow_paths.iter().map(|pattern| format!("{pattern}/*"));
        let request = Local {
            exclude_patterns: self.ignored.iter().cloned().chain(below).collect(),
            shared_key_hint: format!("{}-like", request.shared_key_hint),
            follow_paths,
            ..request.clone()
        };
        Some(request.output(Metadata::named(format!("[internal] look for names like {path}"))))
    }

    /// The pattern of the ignore file that leaves a path out.
    pub(super) fn pattern_of(&self, path: &str) -> Option<&str> {
        let patterns = Patterns::docker(self.ignored.iter().map(String::as_str)).ok()?;
        self.ignored.get(patterns.decisive(path)?).map(String::as_str)
    }
}

fn add(list: &mut Vec<String>, entry: String) -> bool {
    let is_new = !list.contains(&entry);
    if is_new {
        list.push(entry);
    }
    is_new
}

/// Whether a path leads to a file of git's own.
fn is_gits(path: &str) -> bool {
    path.split('/').any(|part| part == ".git")
}

/// The spec's file and its ignore file, and that of the context.
fn own_files(session: &Session) -> Vec<String> {
    let mut own = vec![".dockerignore".to_owned()];
    if let FileSource::Fetched(_) = session.file.origin {
        let name = context_path(session.file.text.name());
        let below = session
            .options
            .get("contextsubdir")
            .map(context_path)
            .unwrap_or_default();
        let inside = name.strip_prefix(&below).unwrap_or(&name).trim_start_matches('/');
        own.extend([inside.to_owned(), format!("{inside}.dockerignore")]);
    }
    own
}

/// Asks a client for what says what git tracks in source trees, whatever the ignore file says: it goes into no image.
fn git_files(directory: &ClientDirectory, sources: &BTreeSet<String>) -> Option<Local> {
    let mut above: Vec<&str> = Vec::new();
    for source in sources {
        let parents = source.match_indices('/').filter_map(|(at, _)| source.get(..at));
        above.extend(parents.chain(["", source]));
    }
    above.sort_unstable();
    above.dedup();
    let (mut paths, mut exclude) = (Vec::new(), Vec::new());
    for directory in above {
        let place = |name: &str| join(directory, name).unwrap_or_default();
        paths.extend([".git", ".gitignore", ".dockerignore"].map(|name| asked_pattern(&place(name))));
        let git = literal_pattern(&place(".git"));
        exclude.push(format!("{git}/*"));
        exclude.extend(["HEAD", "index", "commondir", "info/exclude"].map(|file| format!("!{git}/{file}")));
    }
    (!paths.is_empty()).then(|| Local {
        exclude_patterns: exclude,
        ..directory.paths("-git", paths)
    })
}

/// The source trees of which ignore files leave things out.
pub(super) fn sources_of_tasks(tasks: &[Task]) -> BTreeSet<String> {
    let tasks = tasks.iter().filter(|task| task.job.obeys_ignore_files());
    tasks
        .flat_map(|task| task.job.paths().filter(|path| is_inside(path)))
        .map(context_path)
        .collect()
}

/// All paths that digests need, inside the context.
pub(super) fn paths_of_tasks(tasks: &[Task]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for task in tasks {
        for path in task.job.paths().filter(|path| is_inside(path)) {
            paths.insert(context_path(path));
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
        .ignored
        .iter()
        .map(String::as_str)
        .filter(|pattern| !pattern.starts_with('!'))
        .filter(|pattern| !(task.job.obeys_ignore_files() && is_standard(pattern)))
        .find(|pattern| task.job.paths().any(|path| may_match(pattern, path)))
}

/// A pattern by which clients send a path. They send patterns as text in which nothing but line feeds and the like has no
/// place; those match any character.
fn asked_pattern(path: &str) -> String {
    let parts: Vec<String> = path.split(char::is_control).map(literal_pattern).collect();
    parts.join("?")
}

/// What the context leaves out: the ignore file beside the spec if there is one, else the context's own.
async fn ignore_patterns(session: &Session) -> Result<Vec<String>, Failure> {
    if let Some(own) = &session.file.ignore {
        return Ok(docker_patterns(own));
    }
    let tree = match &session.context {
        FileSource::Client(directory) => {
            let request = Local {
                always_send: true,
                ..directory.paths("-.dockerignore", vec![".dockerignore".into()])
            };
            request.output(Metadata::named("[internal] load .dockerignore"))
        }
        FileSource::Fetched(tree) => tree.clone(),
    };
    let solved = session.client.solve(Some(&tree)).await?;
    let content = read_ignore(&session.client, &solved, ".dockerignore").await?;
    Ok(content.map(|content| docker_patterns(&content)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Job;

    fn asked(paths: &[&str]) -> Files {
        let request = Local {
            follow_paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            ..Local::default()
        };
        Files {
            tree: Some(request.output(Metadata::default())),
            request: Some(request),
            ..Files::default()
        }
    }

    #[test]
    fn what_lies_behind_links_is_asked_for_by_its_own_path() {
        let paths = |files: &Files| files.request.as_ref().unwrap().follow_paths.clone();
        let files = asked(&["l/a", "l/b", "link/c"]);
        let files = files.with_link("l", "real").unwrap();
        assert_eq!(paths(&files), ["l/a", "l/b", "link/c", "real/a", "real/b"]);
        assert!(files.with_link("l", "real").is_none(), "it is known");
        // Also what is asked for later, through one link and another.
        assert!(
            files.with_link("real/deep", "elsewhere").is_none(),
            "nobody asks for it yet"
        );
        let files = files.with_paths(&["l/deep/x".to_owned()]).unwrap();
        assert_eq!(paths(&files)[5..], ["l/deep/x", "real/deep/x"]);
        let files = files.with_link("real/deep", "elsewhere").unwrap();
        assert_eq!(paths(&files)[7..], ["elsewhere/x"]);
        let files = files.with_pattern("l/*/pyproject.toml").unwrap();
        assert_eq!(paths(&files)[8..], ["l/*/pyproject.toml", "real/*/pyproject.toml"]);
        // One to the context itself, and one into itself.
        assert!(asked(&["root"]).with_link("root", "").is_none());
        let endless = asked(&["l/a"]).with_link("l", "l/l").unwrap();
        assert_eq!(paths(&endless).len(), MAX_BEHIND - 1);
        // Where all is served, nothing more is.
        assert!(asked(&[]).with_link("l", "real").is_none());
    }

    #[test]
    fn patterns_that_may_leave_out_counted_files_are_found() {
        let check = |pattern: &str, job: Job, expect: bool| {
            let request = Local {
                exclude_patterns: vec![pattern.to_owned()],
                ..Local::default()
            };
            let tree = request.output(Metadata::default());
            let files = Files {
                tree: Some(tree),
                ignored: request.exclude_patterns.clone(),
                request: Some(request),
                git: None,
                links: BTreeMap::new(),
            };
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
