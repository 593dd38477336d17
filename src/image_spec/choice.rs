//! Fields that take one of a few words, with help for misspelt ones.

use crate::image_spec::algorithm::{Algorithm, UnknownAlgorithm};
use crate::image_spec::types::{FileMode, Layering, Profile, SourceCopyMode, TextValue};
use crate::text::{Diagnostic, closest};

/// flytekit's words for `source_copy_mode` first, then those of its enumeration.
const COPY_MODES: [(&str, SourceCopyMode); 5] = [
    ("auto", SourceCopyMode::Auto),
    ("all", SourceCopyMode::All),
    ("none", SourceCopyMode::None),
    ("loaded_modules", SourceCopyMode::Auto),
    ("no_copy", SourceCopyMode::None),
];

/// The mode that a text names, in any case.
pub(super) fn source_copy_mode(text: &TextValue) -> Result<SourceCopyMode, Diagnostic> {
    choose(
        "a source_copy_mode",
        text,
        &text.value.to_lowercase(),
        &COPY_MODES,
        3,
        None,
    )
}

/// The profile that a text names.
pub(super) fn profile(text: &TextValue) -> Result<Profile, Diagnostic> {
    let help = "flyte makes images for Flyte tasks, plain adds nothing of its own";
    let known = Profile::ALL.map(|profile| (profile.name(), profile));
    choose("a profile", text, &text.value, &known, 2, Some(help))
}

/// The layering that a text names.
pub(super) fn layering(text: &TextValue) -> Result<Layering, Diagnostic> {
    let help =
        "auto gives heavy packages a layer each and shares sixteen among the rest, single installs all in one step";
    let known = Layering::ALL.map(|layering| (layering.name(), layering));
    choose("a layering", text, &text.value, &known, 2, Some(help))
}

/// What a text says of the modes of copied files.
pub(super) fn file_mode(text: &TextValue) -> Result<FileMode, Diagnostic> {
    let help = "git makes files readable for all and keeps which are executable, keep leaves all modes as they are";
    named_mode(text, help)
}

/// What a text says of the modes of one entry, if it is no number.
pub(super) fn entry_mode(text: &TextValue) -> Result<FileMode, Diagnostic> {
    let help = "or permissions in octal, such as 0644";
    named_mode(text, help)
}

fn named_mode(text: &TextValue, help: &str) -> Result<FileMode, Diagnostic> {
    choose(
        "a mode of copied files",
        text,
        &text.value,
        &FileMode::NAMED,
        2,
        Some(help),
    )
}

/// The algorithm that a text names. Without it there is no name, so this stops everything.
pub(super) fn algorithm(text: &TextValue) -> Result<Algorithm, Diagnostic> {
    text.value.parse().map_err(|error: UnknownAlgorithm| {
        let diagnostic = Diagnostic::error("unknown-value", format!("tag_algorithm: {error}")).at(text.span);
        let known = Algorithm::ALL.map(Algorithm::name);
        diagnostic.help(match closest(&text.value, known) {
            Some(candidate) => format!("did you mean `{candidate}`?"),
            None => "leave it out for the names that flytekit computes".to_owned(),
        })
    })
}

/// The first `shown` of the known words are told to users.
fn choose<T: Copy>(
    what: &str,
    text: &TextValue,
    word: &str,
    known: &[(&str, T)],
    shown: usize,
    help: Option<&str>,
) -> Result<T, Diagnostic> {
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == word) {
        return Ok(*value);
    }
    let words: Vec<&str> = known.iter().take(shown).map(|(name, _)| *name).collect();
    let message = format!("`{}` is not {what}: it is one of {}", text.value, words.join(", "));
    let diagnostic = Diagnostic::build_error("unknown-value", message).at(text.span);
    Err(match (closest(word, known.iter().map(|(name, _)| *name)), help) {
        (Some(candidate), _) => diagnostic.help(format!("did you mean `{candidate}`?")),
        (None, Some(help)) => diagnostic.help(help),
        (None, None) => diagnostic,
    })
}
