//! uv's settings beside and above a requirements file: `uv.toml`, and `[tool.uv]` of a manifest.
//! <https://docs.astral.sh/uv/concepts/configuration-files/>

use crate::image_spec::TextValue;
use crate::oci::Reference;
use crate::plan::DEFAULT_UV;
use crate::project::files::ContextFiles;
use crate::project::follow::{digest, manifest_in};
use crate::project::reader::RequirementsReader;
use crate::python::{IndexOption, RequirementsFile, UvSettings, add_names, content_of_toml, version_fits};
use crate::text::{Failure, below, context_path, directories_above, directory_of, join};

/// The oldest uv that builds work with, and its lines since.
const OLDEST_UV: &str = ">=0.11.28";
const LINES_OF_UV: [&str; 3] = ["0.13", "0.12", "0.11"];

/// What a lock of ours calls the settings in the manifest beside it.
pub(super) const OWN_SETTINGS: &str = "[tool.uv]";

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// Reads the settings that uv would find if it were run beside the requirements file.
    pub(super) async fn read_settings(&mut self, directory: &str, named: &TextValue) -> Result<(), Failure> {
        let is_export = self.spec.requirements_file() == Some(RequirementsFile::UvLock);
        let workspace = self.workspace_of(directory, named.span).await?;
        let from = workspace.map_or(directory.to_owned(), |workspace| workspace.root);
        for place in directories_above(&from) {
            let path = below(&place, "uv.toml");
            if let Some(text) = self.text_if_there(&path, named.span).await? {
                match UvSettings::parse(&text) {
                    Ok(settings) => {
                        self.add_text(&path, content_of_toml(&text), &text);
                        self.note_settings(&path, &place, &settings, named);
                    }
                    Err(error) => self.not_toml(&path, &error, named.span, "correct the file"),
                }
                // Beside it, nothing but workspace and sources of the manifest counts for uv.
                self.check_version_of(&place, named).await?;
                return Ok(());
            }
            let Some(manifest) = self.manifest(&place, named.span).await? else {
                continue;
            };
            let Some(settings) = manifest.uv_settings() else {
                continue;
            };
            let path = manifest_in(&place);
            self.check_uv_version(&path, &settings, named);
            let kind = self.spec.requirements_file();
            if kind == Some(RequirementsFile::Lines) {
                let Some(kept) = settings.without_project() else {
                    continue;
                };
                let settings = UvSettings::parse(&kept).unwrap_or_default();
                // A manifest would be read for more than its settings.
                self.add_text(&below(&place, "uv.toml"), kept, &path);
                self.note_settings(&path, &place, &settings, named);
                return Ok(());
            }
            if is_export || kind == Some(RequirementsFile::Project) {
                self.add_manifest(&place, &manifest, false);
                self.note_settings(&path, &place, &settings, named);
            }
            return Ok(());
        }
        Ok(())
    }

    /// Checks what the manifest beside a `uv.toml` asks of uv.
    async fn check_version_of(&mut self, directory: &str, named: &TextValue) -> Result<(), Failure> {
        let manifest = self.manifest(directory, named.span).await?;
        if let Some(settings) = manifest.and_then(|manifest| manifest.uv_settings()) {
            self.check_uv_version(&manifest_in(directory), &settings, named);
        }
        Ok(())
    }

    /// Records what settings say of indexes, and that they count.
    fn note_settings(&mut self, path: &str, directory: &str, settings: &UvSettings, named: &TextValue) {
        self.check_uv_version(path, settings, named);
        self.found.excludes_newer |= settings.at("exclude-newer").is_some();
        self.found.overridden.extend(settings.overridden());
        for name in settings.named("no-binary") {
            add_names(&mut self.found.no_binary, &name);
        }
        for index in settings.indexes() {
            let placed = match &index {
                IndexOption::FindLinks(place) | IndexOption::Extra(place) | IndexOption::Main(place)
                    if !place.contains("://") =>
                {
                    let Some(inner) = join(directory, place) else {
                        let message = format!("{path}: `{place}` is outside the build context");
                        self.problem(
                            "context-path",
                            message,
                            named.span,
                            "build from a directory that holds it",
                        );
                        continue;
                    };
                    self.files.also_serve(&inner);
                    self.found.facts.mounts.insert(inner.clone());
                    self.found.facts.read.insert(inner.clone());
                    IndexOption::FindLinks(inner)
                }
                _ => index,
            };
            self.found.facts.setting_indexes.push(placed);
        }
        let facts = &mut self.found.facts;
        facts.build_settings = settings.of_builds();
        facts.has_settings = true;
        facts.read.insert(path.to_owned());
        let is_own = path.ends_with("pyproject.toml") && directory == directory_of(&context_path(&named.value));
        let name = if is_own { OWN_SETTINGS } else { path };
        facts.digests.insert(name.to_owned(), digest(&settings.text()));
    }

    /// Holds the version of uv that is asked for against the one that the build has.
    fn check_uv_version(&mut self, path: &str, settings: &UvSettings, named: &TextValue) {
        let Some(wanted) = settings.required_version().filter(|_| self.spec.uv_image.is_none()) else {
            return;
        };
        let reference = Reference::parse(DEFAULT_UV).ok();
        let own = reference.and_then(|reference| reference.tag).unwrap_or_default();
        if version_fits(wanted, &own) {
            return;
        }
        let message = format!("{path} asks for uv {wanted} (`required-version`), and the build has uv {own}");
        let help = match fitting_version(wanted) {
            Some(version) => format!("set `builder_config: {{uv_image: ghcr.io/astral-sh/uv:{version}}}`"),
            None => "it cannot be met: builds need uv 0.11.28 or later; change `required-version`".to_owned(),
        };
        self.problem("uv-version", message, named.span, &help);
    }
}

/// A tag of uv's image that bounds allow: a line (`0.11` is the last release of it), or an exact version.
fn fitting_version(bounds: &str) -> Option<String> {
    let exact = bounds.split(',').filter_map(|bound| {
        let version = bound.trim().strip_prefix("==")?.trim();
        (!version.contains('*')).then(|| version.to_owned())
    });
    let lines = LINES_OF_UV
        .iter()
        .filter(|line| version_fits(bounds, &format!("{line}.999")));
    let lines = lines.map(|line| (*line).to_owned());
    exact
        .chain(lines)
        .find(|version| version_fits(OLDEST_UV, version) || LINES_OF_UV.contains(&version.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_uv_is_named_that_fits() {
        let check =
            |bounds: &str, expect: Option<&str>| assert_eq!(fitting_version(bounds).as_deref(), expect, "{bounds}");
        check(">=0.11.28,<0.12", Some("0.11"));
        check("==0.11.30", Some("0.11.30"));
        check("==0.12.*", Some("0.12"));
        check("<0.13", Some("0.12"));
        check("==0.9.*", None);
        check("==0.9.1", None);
        check(">=2", None);
    }
}
