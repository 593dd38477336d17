//! What options say of a lock, where it depends on whether there is one beside the spec.

use crate::image_spec::ImageSpec;
use crate::python::{Pylock, RequirementsFile};
use crate::text::Diagnostic;

/// What is wrong with options of a spec and of those below it; `sibling` is the text of the lock beside the spec.
pub(crate) fn check_lock_options(spec: &ImageSpec, sibling: Option<&str>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (above, spec) in spec.all().enumerate() {
        let Some(args) = &spec.pip_extra_args else { continue };
        let arguments = spec.extra_arguments("");
        let sibling = sibling.filter(|_| above == 0 && spec.takes_sibling_lock());
        let has_lock = sibling.is_some() || spec.requirements_file().is_some_and(RequirementsFile::is_lock);
        for (option, is_given) in [("--locked", arguments.is_locked), ("--frozen", arguments.is_frozen)] {
            if is_given && !has_lock {
                let message = format!("`{option}` in `pip_extra_args`, and there is no lock");
                let help = "make one beside the spec with `imagespec lock`, or name one: `requirements: uv.lock`";
                problems.push(Diagnostic::build_error("no-lock", message).at(args.span).help(help));
            }
        }
        // A lock of ours notes the options that it was made with.
        let is_foreign = sibling
            .and_then(|text| Pylock::parse(text).ok())
            .is_some_and(|lock| lock.made_from().is_none());
        for option in arguments.resolving.iter().filter(|_| is_foreign) {
            let message =
                format!("`{option}` in `pip_extra_args` has no say: the lock beside the spec decides this already");
            let help = "take it out, or make the lock with `imagespec lock`, which notes how it was made";
            problems.push(
                Diagnostic::build_error("decided-by-lock", message)
                    .at(args.span)
                    .help(help),
            );
        }
    }
    problems
}
