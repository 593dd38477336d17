//! Names that are not looked up: on an index they may be somebody else's.

use std::collections::BTreeSet;

use crate::image_spec::ImageSpec;
use crate::project::files::ContextFiles;
use crate::project::reader::RequirementsReader;
use crate::python::{IndexOption, Manifest, OtherIndex, OtherTools, Requirement, Source, has_name};
use crate::text::Span;

impl<F: ContextFiles> RequirementsReader<'_, F> {
    /// Refuses names that a manifest takes from a place that uv does not know of: on an index they may be somebody
    /// else's. `lines` are what uv reads in the manifest.
    pub(super) fn check_lookups(&mut self, path: &str, manifest: &Manifest, lines: &[String], span: Span) {
        if !self.looks_up {
            return;
        }
        let spec = self.spec;
        let sources = manifest.sources();
        let ignores_sources = spec
            .extra_arguments("")
            .export
            .iter()
            .any(|word| word == "--no-sources");
        let requirements = lines.iter().filter_map(|line| Requirement::parse(line).ok());
        let from_index = requirements.filter(|requirement| requirement.source == Source::Index);
        let bare: BTreeSet<String> = from_index.filter_map(|requirement| requirement.name).collect();
        if ignores_sources && let Some(name) = bare.iter().find(|name| has_name(&sources, name)) {
            let message = format!("`--no-sources` looks `{name}` up by its name, and {path} takes it from elsewhere");
            let span = spec.pip_extra_args.as_ref().map_or(span, |args| args.span);
            let help = "take the option out: what has that name on an index may be somebody else's";
            return self.problem("looked-up-elsewhere", message, span, help);
        }
        let tools = OtherTools::of(manifest.table());
        let asked = self.asked_indexes(manifest);
        // What is left to the build backend is read by the tool itself, but an index is not part of metadata.
        let is_dynamic = manifest.leaves_needs_to_build();
        for source in &tools.packages {
            let index = tools
                .indexes
                .iter()
                .find(|index| index.name.as_deref() == Some(&source.place));
            let url = index.map_or(source.place.as_str(), |index| index.url.as_str());
            let is_followed = source.is_index && (url.eq_ignore_ascii_case("pypi") || asked.have(url));
            let is_looked_up = bare.contains(&source.name) && !has_name(&sources, &source.name);
            if is_followed || !(is_looked_up || (is_dynamic && source.is_index)) {
                continue;
            }
            let message = format!(
                "{path}: `{}` comes from {url} in [{}], which uv does not read; what has that name on an index may be somebody else's",
                source.name, source.table
            );
            let help = match source.is_index {
                true => format!("name the index in `pip_index` or `pip_extra_index_url`: [{url}]"),
                false => format!(
                    "say it in uv's words: `[tool.uv.sources]` with `{} = {{ path = \"…\" }}`, or `git`, `url`",
                    source.name
                ),
            };
            self.problem("looked-up-elsewhere", message, span, &help);
        }
        let open: Vec<&OtherIndex> = tools
            .indexes
            .iter()
            .filter(|i| !i.is_explicit && !asked.have(&i.url))
            .collect();
        if let Some(index) = open.first().filter(|_| is_dynamic || !bare.is_empty()) {
            let message = format!(
                "{path}: packages come from {} in [{}], which uv does not read; what has their names on another index may be somebody else's",
                index.url, index.table
            );
            let urls: Vec<&str> = open.iter().map(|index| index.url.as_str()).collect();
            let help = format!(
                "name it: `pip_index: {}`, or `pip_extra_index_url: [{}]`",
                index.url,
                urls.join(", ")
            );
            self.problem("looked-up-elsewhere", message, span, &help);
        }
    }

    /// The indexes that the spec, its files and uv's own table name; where the spec replaces PyPI, it has decided.
    fn asked_indexes(&self, manifest: &Manifest) -> AskedIndexes {
        let spec = self.spec;
        let options = spec.extra_arguments("").export;
        let replaces = |word: &String| matches!(word.as_str(), "--index-url" | "--default-index" | "--no-index");
        let of_files = &self.found.facts.indexes;
        let replaced = |index: &IndexOption| matches!(index, IndexOption::Main(_) | IndexOption::NoIndex);
        if spec.pip_index.is_some() || options.iter().any(replaces) || of_files.iter().any(replaced) {
            return AskedIndexes(None);
        }
        let of_manifest = manifest
            .uv_settings()
            .map(|settings| settings.indexes())
            .unwrap_or_default();
        let all = of_files
            .iter()
            .chain(&self.found.facts.setting_indexes)
            .chain(&of_manifest);
        let mut asked: Vec<String> = all.filter_map(|index| index.value().map(str::to_owned)).collect();
        // `--index name=https://…`
        let plain = |word: &String| word.split_once('=').map(|(_, url)| url.to_owned());
        asked.extend(options.iter().filter_map(plain));
        asked.extend(options);
        asked.extend(ImageSpec::strings(&spec.pip_extra_index_url).map(|url| url.value.clone()));
        AskedIndexes(Some(asked))
    }
}

/// The indexes that uv asks.
struct AskedIndexes(Option<Vec<String>>);

impl AskedIndexes {
    /// Whether an index is asked, or one in its place.
    fn have(&self, url: &str) -> bool {
        let same = |asked: &String| asked.trim_end_matches('/') == url.trim_end_matches('/');
        self.0.as_ref().is_none_or(|asked| asked.iter().any(same))
    }
}
