//! uv's workspaces: <https://docs.astral.sh/uv/concepts/projects/workspaces/>

use std::collections::BTreeMap;

use crate::files::Patterns;
use crate::project::files::ContextFiles;
use crate::project::follow::manifest_in;
use crate::project::reader::RequirementsReader;
use crate::python::{Manifest, Workspace};
use crate::text::{Failure, Span, below, context_path, directories_above, relative_to};

/// The most directories that a pattern of members is looked for in.
const MAX_DIRECTORIES: usize = 2000;

/// A workspace of the context.
pub(super) struct FoundWorkspace {
    /// The directory of its root.
    pub(super) root: String,
    pub(super) manifest: Manifest,
    /// The directories of its members by normalised name, its root among them if it is a project.
    pub(super) members: BTreeMap<String, String>,
}

/// Whether a directory, relative to the root, is one of the members.
fn has_member(workspace: &Workspace, directory: &str) -> bool {
    let matches = |patterns: &[String]| {
        let patterns: Vec<String> = patterns.iter().map(|pattern| context_path(pattern)).collect();
        let read = Patterns::docker(patterns.iter().map(String::as_str));
        // A pattern means the directory, not what is in it.
        let depth = |pattern: &String| pattern.split('/').count();
        read.is_ok_and(|read| {
            read.decisive(directory).is_some_and(|at| {
                patterns
                    .get(at)
                    .is_some_and(|pattern| pattern.contains("**") || depth(pattern) == directory.split('/').count())
            })
        })
    };
    matches(&workspace.members) && !matches(&workspace.exclude)
}

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// The workspace that a directory belongs to, as its root or as a member.
    pub(super) async fn workspace_of(
        &mut self,
        directory: &str,
        span: Span,
    ) -> Result<Option<FoundWorkspace>, Failure> {
        for root in directories_above(directory) {
            self.files.also_serve(&manifest_in(&root));
            let Some(manifest) = self.manifest(&root, span).await? else {
                continue;
            };
            let Some(workspace) = manifest.workspace() else {
                continue;
            };
            let relative = relative_to(directory, &root).unwrap_or(directory);
            if !relative.is_empty() && !has_member(&workspace, relative) {
                return Ok(None);
            }
            // Each project of a workspace asks for it.
            let members = match self.workspaces.get(&root) {
                Some(members) => members.clone(),
                None => {
                    let members = self.members(&root, &manifest, &workspace, span).await?;
                    self.workspaces.insert(root.clone(), members.clone());
                    members
                }
            };
            return Ok(Some(FoundWorkspace {
                root,
                manifest,
                members,
            }));
        }
        Ok(None)
    }

    /// The members of a workspace.
    async fn members(
        &mut self,
        root: &str,
        manifest: &Manifest,
        workspace: &Workspace,
        span: Span,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        found.extend(manifest.name().map(|name| (name, root.to_owned())));
        for directory in self.member_directories(root, workspace, span).await? {
            let member = self.manifest(&directory, span).await?;
            let Some(name) = member.and_then(|member| member.name()) else {
                continue;
            };
            if let Some(other) = found.get(&name) {
                let root = manifest_in(root);
                let message =
                    format!("two members of the workspace of {root} are called `{name}`: `{other}` and `{directory}`");
                self.problem(
                    "requirements",
                    message,
                    span,
                    "rename one, or leave it out with `exclude`",
                );
                continue;
            }
            found.insert(name, directory);
        }
        Ok(found)
    }

    /// The directories that the patterns of a workspace name, with a manifest each.
    async fn member_directories(
        &mut self,
        root: &str,
        workspace: &Workspace,
        span: Span,
    ) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        for pattern in &workspace.members {
            let pattern = context_path(pattern);
            self.files
                .also_serve_matching(&below(root, &below(&pattern, "pyproject.toml")));
            let directories = self.matching(root, &pattern).await?;
            if directories.len() > MAX_DIRECTORIES {
                let root = manifest_in(root);
                let message = format!(
                    "{root}: `{pattern}` of the workspace may be any of more than {MAX_DIRECTORIES} directories"
                );
                self.problem("requirements", message, span, "name the members more closely");
            }
            for directory in directories {
                let relative = relative_to(&directory, root).unwrap_or(&directory);
                let is_excluded = !workspace.exclude.is_empty() && !has_member(workspace, relative);
                if !is_excluded && self.is_file(&manifest_in(&directory)).await? && !all.contains(&directory) {
                    all.push(directory);
                }
            }
        }
        Ok(all)
    }

    /// The directories that match a pattern below a directory.
    async fn matching(&mut self, root: &str, pattern: &str) -> Result<Vec<String>, Failure> {
        let mut found = vec![root.to_owned()];
        for part in pattern.split('/') {
            let mut next = Vec::new();
            for directory in &found {
                match part {
                    "**" => next.extend(self.all_below(directory).await?),
                    part if part.contains(['*', '?', '[']) => {
                        let matcher = Patterns::docker([part]).unwrap_or_default();
                        let entries = self.files.entries(directory).await?;
                        let names = entries.iter().map(|entry| entry.name.as_str());
                        let names = names.filter(|name| !name.starts_with('.') && matcher.matches(name));
                        next.extend(names.map(|name| below(directory, name)));
                    }
                    part => next.push(below(directory, part)),
                }
            }
            // One more tells that there are too many.
            next.truncate(MAX_DIRECTORIES + 1);
            found = next;
        }
        Ok(found)
    }

    /// A directory and all below it.
    async fn all_below(&mut self, directory: &str) -> Result<Vec<String>, Failure> {
        let mut found = vec![directory.to_owned()];
        let mut at = 0;
        while let Some(next) = found.get(at).cloned().filter(|_| found.len() <= MAX_DIRECTORIES) {
            let entries = self.files.entries(&next).await?;
            let names = entries
                .iter()
                .map(|entry| entry.name.as_str())
                .filter(|name| !name.contains('.'));
            found.extend(names.map(|name| below(&next, name)));
            at += 1;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_directories() {
        let workspace = Workspace {
            members: vec!["services/*".into(), "libs/common".into(), "apps/**".into()],
            exclude: vec!["services/old*".into()],
        };
        for (directory, is_member) in [
            ("services/api", true),
            ("services/old-api", false),
            ("services/api/inner", false),
            ("libs/common", true),
            ("libs/other", false),
            ("apps/a/b", true),
        ] {
            assert_eq!(has_member(&workspace, directory), is_member, "{directory}");
        }
    }
}
