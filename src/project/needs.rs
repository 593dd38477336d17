//! What installed packages need, held against what is there: a net below all locks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::project::lines::{extras_of, without_extras};
use crate::project::lock::LockJudge;
use crate::project::reader::it_has;
use crate::python::{Artefact, Interpreter, Locked, Requirement, RequirementsFile, Source, has_name, normalised};
use crate::text::{Diagnostic, Failure, directory_of, join};

/// The most needs that a warning names; the others are counted.
const MAX_SHOWN: usize = 5;

/// What a build reports of installed packages.
#[derive(Default)]
struct Report {
    /// The packages of the lock.
    installed: Vec<Installed>,
    /// The versions of all others that the interpreter has, by normalised name.
    there: BTreeMap<String, String>,
}

struct Installed {
    name: String,
    version: String,
    /// Its requirements, as its metadata has them.
    requires: Vec<String>,
    /// Its extras, as its metadata has them.
    extras: Vec<String>,
}

/// A requirement of a package that is not met.
#[derive(Debug, PartialEq, Eq)]
struct Unmet {
    package: String,
    /// `humanize>=4`
    requirement: String,
    /// The version that is there instead, if there is one.
    found: Option<String>,
}

impl Report {
    fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let report: Value = serde_json::from_str(text)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
        let installed = report["installed"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|package| Installed {
                name: normalised(&text(&package["name"])),
                version: text(&package["version"]),
                requires: texts(&package["requires"]),
                extras: texts(&package["extras"]),
            });
        let there = report["there"].as_object().into_iter().flatten();
        Ok(Self {
            installed: installed.collect(),
            there: there.map(|(name, version)| (normalised(name), text(version))).collect(),
        })
    }

    /// The requirements that nothing meets; extras aside, which nobody may have asked for.
    fn unmet(&self, interpreter: &Interpreter) -> Vec<Unmet> {
        let mut there: BTreeMap<&str, &str> = BTreeMap::new();
        there.extend(
            self.there
                .iter()
                .map(|(name, version)| (name.as_str(), version.as_str())),
        );
        there.extend(
            self.installed
                .iter()
                .map(|package| (package.name.as_str(), package.version.as_str())),
        );
        let mut unmet = Vec::new();
        for package in &self.installed {
            for line in &package.requires {
                // What is no requirement at all is the package's own fault, and uv has had its say on it.
                let Ok(requirement) = Requirement::parse(line) else {
                    continue;
                };
                let Some(name) = requirement
                    .name
                    .as_ref()
                    .filter(|name| applies(name, line, interpreter))
                else {
                    continue;
                };
                let found = there.get(name.as_str()).copied();
                if !found.is_some_and(|version| requirement.allows(version)) {
                    unmet.push(Unmet {
                        package: package.name.clone(),
                        requirement: line.split(';').next().unwrap_or(line).trim().to_owned(),
                        found: found.map(str::to_owned),
                    });
                }
            }
        }
        unmet
    }
}

/// Whether the marker of a requirement holds, also of one with a URL.
fn applies(name: &str, line: &str, interpreter: &Interpreter) -> bool {
    let Some((_, marker)) = line.split_once(';') else {
        return true;
    };
    Requirement::parse(&format!("{name}; {marker}")).is_ok_and(|plain| plain.applies(&interpreter.markers))
}

impl Unmet {
    fn name(&self) -> Option<String> {
        Requirement::parse(&self.requirement).ok()?.name
    }

    fn shown(&self) -> String {
        let Self {
            package,
            requirement,
            found,
        } = self;
        match found {
            Some(version) => format!("{package} needs {requirement}, and {version} is there"),
            None => format!("{package} needs {requirement}, which is not there"),
        }
    }
}

impl LockJudge<'_> {
    /// Holds what a build reports of installed packages against what they need and what is asked of them: warnings, or a
    /// failure if a lock is older than a package of the context, or this lacks an extra.
    pub(crate) fn needs(
        &self,
        name: &str,
        packages: &[Locked],
        report: &str,
        interpreter: &Interpreter,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let report = Report::parse(report).map_err(|error| {
            Diagnostic::internal("the report on what packages need cannot be read").caused_by(error)
        })?;
        let mut warnings = self.missing_extras(packages, &report)?;
        warnings.extend(self.unmet(name, packages, &report, interpreter)?);
        Ok(warnings)
    }

    /// The extras that are asked for and that packages do not have: installers go on without them.
    fn missing_extras(&self, packages: &[Locked], report: &Report) -> Result<Vec<Diagnostic>, Failure> {
        if self.is_lock() {
            return Ok(Vec::new());
        }
        let listed = self.spec.listed();
        let listed = listed.filter_map(|(span, entry)| Some((span, entry.requirement()?.clone())));
        let lines = self.found.facts.lines.iter();
        let of_files = lines.filter_map(|line| Some((self.span(), Requirement::parse(line).ok()?)));
        let (mut warnings, mut problems) = (Vec::new(), Vec::new());
        for (span, requirement) in listed.chain(of_files) {
            let Some(package) = self.package_of(&requirement, packages) else {
                continue;
            };
            let Some(installed) = report.installed.iter().find(|installed| installed.name == package.name) else {
                continue;
            };
            let place = match &requirement.source {
                Source::Path(place) => place.as_str(),
                _ => "",
            };
            let asked = requirement
                .extras()
                .chain(extras_of(place).into_iter().map(str::to_owned));
            for extra in asked.filter(|extra| !has_name(&installed.extras, extra)) {
                let message = format!("{} {} has no extra `{extra}`", installed.name, installed.version);
                let help = it_has("extra", &installed.extras);
                match matches!(package.artefact, Artefact::Path { .. }) {
                    true => problems.push(Diagnostic::build_error("unknown-part", message).at(span).help(help)),
                    false => warnings.push(Diagnostic::warning("unknown-part", message).at(span).help(help)),
                }
            }
        }
        if problems.is_empty() {
            Ok(warnings)
        } else {
            Err(problems.into())
        }
    }

    /// The package that a requirement asks for.
    fn package_of<'p>(&self, requirement: &Requirement, packages: &'p [Locked]) -> Option<&'p Locked> {
        let Source::Path(place) = &requirement.source else {
            let name = requirement.name.as_ref()?;
            return packages.iter().find(|package| package.name == *name);
        };
        let own = self
            .spec
            .requirements
            .as_ref()
            .map_or("", |file| directory_of(&file.value));
        let paths = [join("", without_extras(place)), join(own, without_extras(place))];
        packages.iter().find(|package| match &package.artefact {
            Artefact::Path { path, .. } => paths.contains(&Some(path.clone())),
            _ => false,
        })
    }

    fn unmet(
        &self,
        name: &str,
        packages: &[Locked],
        report: &Report,
        interpreter: &Interpreter,
    ) -> Result<Option<Diagnostic>, Failure> {
        let arguments = self.spec.extra_arguments("");
        if arguments.resolve.iter().any(|word| word == "--no-deps") {
            return Ok(None);
        }
        let silent: BTreeSet<String> = self
            .found
            .overridden
            .iter()
            .chain(&arguments.left_out)
            .map(|n| normalised(n))
            .collect();
        let is_of_members = arguments
            .left_out
            .iter()
            .any(|word| matches!(word.as_str(), "--no-emit-workspace" | "--no-emit-local"));
        let own = self.found.project.as_ref().filter(|_| !arguments.parts.has_main());
        let mut unmet = report.unmet(interpreter);
        unmet.retain(|unmet| {
            let needed = unmet.name().unwrap_or_default();
            let is_left_out = is_of_members && has_name(&self.found.members, &needed);
            let is_own = own.is_some_and(|own| own.name == unmet.package);
            !(silent.contains(&needed) || silent.contains(&unmet.package) || is_left_out || is_own)
        });
        let is_lock = self.is_lock();
        let is_local = |unmet: &&Unmet| {
            let package = packages.iter().find(|package| package.name == unmet.package);
            package
                .is_some_and(|package| matches!(package.artefact, Artefact::Path { .. }) && package.artefact.is_built())
        };
        if let Some(stale) = unmet.iter().find(is_local).filter(|_| is_lock && !arguments.is_frozen) {
            let name = self.shown_name(name);
            let message = format!("{name} is older than {}: {}", stale.package, stale.shown());
            let span = self.span();
            let help = self.how_to_lock(name);
            return Err(Diagnostic::build_error("stale-lock", message)
                .at(span)
                .help(help)
                .into());
        }
        let mut shown: Vec<String> = unmet.iter().take(MAX_SHOWN).map(Unmet::shown).collect();
        if let Some(more) = unmet.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
            shown.push(format!("and {more} more"));
        }
        if shown.is_empty() {
            return Ok(None);
        }
        let help = "if that is as it should be, `pip_extra_args: --overrides FILE` or `override-dependencies` of [tool.uv] name what is replaced";
        let warning = Diagnostic::warning("unmet-requirement", shown.join("; "))
            .at(self.span())
            .help(help);
        Ok(Some(warning))
    }

    /// The command that makes the lock anew.
    fn how_to_lock(&self, name: &str) -> String {
        match self.spec.requirements_file().filter(|_| !self.is_sibling) {
            Some(RequirementsFile::UvLock) => "run `uv lock`".into(),
            Some(RequirementsFile::PoetryLock) => "run `poetry lock`".into(),
            Some(RequirementsFile::Pylock) => format!("make {name} again with the tool that made it"),
            _ => self.lock_again(name),
        }
    }
}
