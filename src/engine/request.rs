//! A build, as it is asked of an engine.

use std::path::PathBuf;

use crate::engine::option::BuildOption;

/// What is to be built, and how. Paths are as a shell in the current directory takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildRequest {
    /// The spec.
    pub file: PathBuf,
    /// The build context, a directory.
    pub context: PathBuf,
    /// The frontend that reads the spec.
    pub frontend: Frontend,
    /// What the image is called; the first is its own name.
    pub names: Vec<String>,
    /// What else was asked, in the order of [`BuildOption::all`] and then as given; switches have an empty value.
    pub options: Vec<(BuildOption, String)>,
    /// Flags for the engine's own program, as they are.
    pub flags: Vec<String>,
    /// What the image is made from, for engines that build nothing; `None` for a nested spec.
    pub base_image: Option<String>,
}

/// The frontend of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frontend {
    /// The image that the first line of the spec names.
    OfSpec(String),
    /// Another image.
    Image(String),
    /// An image in a directory with the OCI layout, under a name.
    Layout {
        /// What the image is called there.
        name: String,
        /// The directory.
        directory: PathBuf,
        /// The digest of its manifest.
        digest: String,
        /// Its only layer, a file there.
        layer: PathBuf,
    },
    /// None: the spec is written as Dockerfiles, one for each platform.
    Dockerfiles(Vec<WrittenDockerfile>),
}

/// A Dockerfile with all that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenDockerfile {
    /// The platform that it is for.
    pub platform: String,
    /// The directory that it is in, which is its context, too.
    pub directory: PathBuf,
}

impl Default for Frontend {
    fn default() -> Self {
        Self::OfSpec(String::new())
    }
}

impl BuildRequest {
    /// The Dockerfiles that the spec was written as: none where a frontend reads it.
    #[must_use]
    pub fn dockerfiles(&self) -> &[WrittenDockerfile] {
        match &self.frontend {
            Frontend::Dockerfiles(written) => written,
            Frontend::OfSpec(_) | Frontend::Image(_) | Frontend::Layout { .. } => &[],
        }
    }

    /// The values of an option.
    pub fn values(&self, option: BuildOption) -> impl Iterator<Item = &str> {
        let given = self.options.iter().filter(move |(known, _)| *known == option);
        given.map(|(_, value)| value.as_str())
    }

    /// Whether an option was asked.
    #[must_use]
    pub fn has(&self, option: BuildOption) -> bool {
        self.values(option).next().is_some()
    }

    /// Asks an option, in its place.
    pub fn ask(&mut self, option: BuildOption, value: impl Into<String>) {
        let at = self.options.partition_point(|(known, _)| *known <= option);
        self.options.insert(at, (option, value.into()));
    }

    /// Whether the result is written to standard output.
    #[must_use]
    pub fn goes_to_stdout(&self) -> bool {
        let is_stdout = |output: &str| {
            let has_place = output
                .split(',')
                .any(|part| part.trim_matches('"').starts_with("dest="));
            let is_file = output.split(',').any(|part| matches!(part, "type=oci" | "type=tar"));
            output == "-" || output.split(',').any(|part| part.trim_matches('"') == "dest=-") || (is_file && !has_place)
        };
        self.values(BuildOption::Output).any(is_stdout)
    }

    /// The names that outputs say themselves; `*` stands for the computed one.
    pub fn names_of_outputs(&self) -> Vec<String> {
        let mut names = Vec::new();
        for output in self.values(BuildOption::Output) {
            let (mut rest, quote) = match output.split_once("\"name=") {
                Some((_, rest)) => (rest, '"'),
                None => match output
                    .split_once("name=")
                    .filter(|(before, _)| before.is_empty() || before.ends_with(','))
                {
                    Some((_, rest)) => (rest, ','),
                    None => continue,
                },
            };
            rest = rest.split(quote).next().unwrap_or_default();
            names.extend(rest.split(',').filter(|name| *name != "*").map(str::to_owned));
        }
        names
    }

    /// Whether the whole image goes to a registry and nowhere else.
    #[must_use]
    pub fn goes_to_registry(&self) -> bool {
        self.has(BuildOption::Push) && !self.has(BuildOption::Target) && !self.has(BuildOption::Output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_say_where_they_go_and_what_they_are_called() {
        let check = |output: &str, is_stdout: bool, names: &[&str]| {
            let request = BuildRequest {
                options: vec![(BuildOption::Output, output.to_owned())],
                ..BuildRequest::default()
            };
            assert_eq!(
                (request.goes_to_stdout(), request.names_of_outputs()),
                (is_stdout, names.iter().map(|name| (*name).to_owned()).collect()),
                "{output}"
            );
        };
        check("-", true, &[]);
        check("out", false, &[]);
        check("type=tar,dest=-", true, &[]);
        check("type=oci", true, &[]);
        check("type=oci,dest=x.tar,name=a:1", false, &["a:1"]);
        check("type=local,dest=name=x", false, &[]);
        check("type=image,push=true,\"name=a:1,b:2\"", false, &["a:1", "b:2"]);
        check("type=image,name=*", false, &[]);
    }
}
