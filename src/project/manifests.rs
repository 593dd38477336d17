//! A `pyproject.toml` that `requirements` names.

use crate::image_spec::TextValue;
use crate::plan::CONTEXT_ROOT;
use crate::project::files::ContextFiles;
use crate::project::follow::{digest, manifest_in};
use crate::project::reader::RequirementsReader;
use crate::project::settings::OWN_SETTINGS;
use crate::project::workspace::FoundWorkspace;
use crate::python::{Manifest, Requirement, has_name};
use crate::text::{Diagnostic, Failure, Span, below, directory_of, file_name, relative_to};

/// What uv compiles of a manifest. The paths are those of the file as uv's command names it.
enum Compiled<'a> {
    /// What it asks for itself, with groups.
    Whole(&'a str),
    /// Groups alone.
    Groups,
    /// What it asks for as one of a workspace's members.
    Member(&'a str),
}

impl Compiled<'_> {
    fn file(&self) -> Option<&str> {
        match self {
            Self::Whole(file) | Self::Member(file) => Some(file),
            Self::Groups => None,
        }
    }

    /// A group as uv's command names it: `path:group` is one of another project.
    fn group(&self, name: &str) -> String {
        match self {
            Self::Member(file) if !name.contains(':') => format!("{file}:{name}"),
            _ => name.to_owned(),
        }
    }
}

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// Reads a project's dependencies, with those of the extras and groups that the spec asks for.
    pub(super) async fn read_project(&mut self, path: &str, named: &TextValue) -> Result<(), Failure> {
        let directory = directory_of(path).to_owned();
        let Some(manifest) = self.manifest(&directory, named.span).await? else {
            return Ok(());
        };
        let parts = self.spec.parts();
        let workspace = self.workspace_of(&directory, named.span).await?;
        let is_root = |workspace: &&FoundWorkspace| workspace.root == directory;
        let members = workspace
            .as_ref()
            .filter(is_root)
            .map(|found| found.members.clone())
            .unwrap_or_default();
        let own = manifest.name();
        self.found.members = members
            .keys()
            .filter(|name| Some(*name) != own.as_ref())
            .cloned()
            .collect();
        if !parts.members.is_empty() || parts.all_members {
            let known: Vec<String> = members.keys().cloned().collect();
            self.unknown_parts(path, "member", parts.members.iter(), &known);
            let wanted = |name: &String| parts.all_members || has_name(&parts.members, name);
            let wanted: Vec<String> = members
                .iter()
                .filter(|(name, _)| wanted(name))
                .map(|(_, at)| at.clone())
                .collect();
            self.parts_of_members(path, &wanted, named.span).await?;
            self.found.chosen_members.clone_from(&wanted);
            for member in wanted {
                self.read_member(&directory, &member, named).await?;
            }
            return Ok(());
        }
        let file = file_name(path).to_owned();
        let has_main = self.has_main(&directory, &manifest).await?;
        if !has_main && parts.groups.is_empty() && parts.only_groups.is_empty() && !parts.all_groups {
            self.no_project(path, &manifest, named.span);
            return Ok(());
        }
        let main = has_main && parts.has_main();
        let compiled = match main {
            true => Compiled::Whole(&file),
            false => Compiled::Groups,
        };
        self.compile(&directory, &manifest, &compiled, named).await
    }

    /// Checks that some of the members have the extras and groups that the spec asks for.
    async fn parts_of_members(&mut self, path: &str, members: &[String], span: Span) -> Result<(), Failure> {
        let parts = self.spec.parts();
        let (mut extras, mut groups, mut is_built) = (Vec::new(), Vec::new(), false);
        for member in members {
            if let Some(manifest) = self.manifest(member, span).await? {
                extras.extend(manifest.extras());
                groups.extend(manifest.groups());
                is_built |= manifest.leaves_needs_to_build();
            }
        }
        if !is_built {
            self.unknown_parts(path, "extra", parts.named_extras(), &extras);
        }
        self.unknown_parts(path, "group", parts.named_groups(), &groups);
        Ok(())
    }

    /// Reads a member of the workspace whose root `requirements` names.
    async fn read_member(&mut self, root: &str, directory: &str, named: &TextValue) -> Result<(), Failure> {
        let Some(manifest) = self.manifest(directory, named.span).await? else {
            return Ok(());
        };
        let installs = self.spec.install_project.as_ref().is_some_and(|wish| wish.value);
        if installs {
            self.follow(directory, &manifest_in(root), named.span).await?;
            self.found.facts.resolved.push(format!("{CONTEXT_ROOT}/{directory}"));
            self.found.facts.lines.push(format!("./{directory}"));
        }
        let relative = relative_to(directory, root).unwrap_or(directory);
        let file = below(relative, "pyproject.toml");
        self.compile(directory, &manifest, &Compiled::Member(&file), named)
            .await
    }

    /// Whether there is a project to ask what it needs, besides groups.
    async fn has_main(&mut self, directory: &str, manifest: &Manifest) -> Result<bool, Failure> {
        if manifest.has_project() || manifest.has_build_system() {
            return Ok(true);
        }
        for name in ["setup.py", "setup.cfg"] {
            if self.is_file(&below(directory, name)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn no_project(&mut self, path: &str, manifest: &Manifest, span: Span) {
        let groups = manifest.groups();
        let (message, help) = match (self.found.members.as_slice(), groups.as_slice()) {
            ([], []) => (
                format!("{path} says nothing of packages: it has no `[project]`, no groups and no build"),
                "give it a `[project]` table with `dependencies`, or name another file".to_owned(),
            ),
            ([], groups) => (
                format!("{path} describes no project, only groups"),
                format!("say which with `groups`: it has {}", groups.join(", ")),
            ),
            (members, _) => (
                format!("{path} is the root of a workspace and describes no project"),
                format!("choose members with `members`: it has {}", members.join(", ")),
            ),
        };
        self.problem("no-project", message, span, &help);
    }

    /// Lets uv compile what a manifest asks for.
    async fn compile(
        &mut self,
        directory: &str,
        manifest: &Manifest,
        compiled: &Compiled<'_>,
        named: &TextValue,
    ) -> Result<(), Failure> {
        let path = manifest_in(directory);
        let parts = self.spec.parts();
        let main = compiled.file();
        let is_built = main.is_some() && manifest.leaves_needs_to_build();
        let (known_extras, known_groups) = (manifest.extras(), manifest.groups());
        // Not each of several members need have the parts that the spec names; somebody checked that one has.
        let is_alone = !matches!(compiled, Compiled::Member(_));
        if !is_built && is_alone {
            self.unknown_parts(&path, "extra", parts.named_extras(), &known_extras);
        }
        // `path:group` names a group of another project.
        let of_others = |group: &&String| !group.contains(':');
        if is_alone {
            self.unknown_parts(&path, "group", parts.named_groups().filter(of_others), &known_groups);
        }
        let mut extras = parts.extras_of(&known_extras);
        let mut groups = parts.groups_of(&known_groups, &[]);
        if !is_alone {
            extras.retain(|extra| has_name(&known_extras, extra));
            groups.retain(|group| has_name(&known_groups, group));
        }
        let mut lines = manifest.requirements(&extras, &groups);
        if main.is_none() {
            let main_lines = manifest.requirements(&[], &[]);
            lines.retain(|line| !main_lines.contains(line));
        }
        self.check_lines(&path, &lines, named.span);
        let arguments = &mut self.found.facts.project_arguments;
        // uv asks the build for extras that the manifest leaves to it.
        let asked: &[String] = if is_built { &parts.extras } else { &extras };
        if main.is_some() {
            match parts.all_extras && parts.no_extras.is_empty() {
                true => arguments.push("--all-extras".into()),
                false => arguments.extend(asked.iter().flat_map(|extra| ["--extra".to_owned(), extra.clone()])),
            }
        }
        for group in &groups {
            arguments.extend(["--group".to_owned(), compiled.group(group)]);
        }
        arguments.extend(main.map(str::to_owned));
        let digest_of = manifest.uv_settings().map(|settings| settings.text());
        if let Some(text) = digest_of.filter(|_| !self.found.facts.has_settings) {
            self.found.facts.digests.insert(OWN_SETTINGS.to_owned(), digest(&text));
        }
        self.found.facts.lines.extend(lines.iter().cloned());
        if is_built {
            self.follow(directory, &path, named.span).await?;
        } else {
            self.add_manifest(directory, manifest, false);
            self.check_lookups(&path, manifest, &lines, named.span);
            lines.iter().for_each(|line| self.note_line(line));
            self.note_git_sources(manifest, Some(&lines));
        }
        let all_extras = manifest.requirements(&known_extras, &groups);
        let asked = (!manifest.leaves_needs_to_build()).then_some(all_extras.as_slice());
        let found = self.follow_sources(directory, manifest, asked, named.span).await?;
        for (path, text) in found.neighbours {
            self.add_neighbour(&path, &text);
        }
        Ok(())
    }

    /// Reports the requirements of a project that nobody can read.
    fn check_lines(&mut self, path: &str, lines: &[String], span: Span) {
        let refused = lines
            .iter()
            .filter_map(|line| Some((line, Requirement::parse(line).err()?)));
        let refused: Vec<Diagnostic> = refused
            .map(|(line, error)| {
                let problem = Diagnostic::build_error("requirement", format!("{path}: `{line}`: {error}")).at(span);
                problem.help("correct the file").caused_by(error)
            })
            .collect();
        self.problems.extend(refused);
    }
}
