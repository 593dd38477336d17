//! The arguments of `imagespec build`, and those that the environment adds.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::arguments::{NamingArguments, SpecArguments};
use crate::text::{Diagnostic, ProblemKind};

/// Flags that count as if they stood first.
const FLAGS: &str = "IMAGESPEC_BUILD_FLAGS";

#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(crate) struct BuildArguments {
    #[command(flatten)]
    pub(crate) spec: SpecArguments,
    #[command(flatten)]
    pub(crate) naming: NamingArguments,
    /// The engine: auto, buildx, docker, buildctl, nerdctl, podman, buildah or noop [default: auto].
    #[arg(long, value_name = "NAME")]
    pub(crate) engine: Option<String>,
    /// Push the image to the registry in its name, unless it is there.
    #[arg(long)]
    pub(crate) push: bool,
    /// Load the image into the engine's store; the default without --push and --output.
    #[arg(long)]
    pub(crate) load: bool,
    /// Write the result elsewhere: `type=…,dest=…`, or a directory.
    #[arg(short, long, value_name = "OUTPUT")]
    pub(crate) output: Vec<String>,
    /// What the image is called, instead of its computed name; may be repeated.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) tag: Vec<String>,
    /// What tasks find in `_F_IMG_ID`, instead of flytekit's id.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Build a part only: base, user, apt, python, lock, packages, setup, source, or wheel-NAME.
    #[arg(long, value_name = "PART")]
    pub(crate) target: Option<String>,
    /// Set a build argument; docs/spec.md lists those that count.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) build_arg: Vec<String>,
    /// Let something stand in for an image: `base=docker-image://…`, `uv=oci-layout://…`.
    #[arg(long, value_name = "NAME=WHAT")]
    pub(crate) build_context: Vec<String>,
    /// Add a label.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) label: Vec<String>,
    /// Give a secret: `id=ID,src=FILE` or `id=ID,env=VARIABLE`. Files that the spec names are given by themselves.
    #[arg(long, value_name = "SECRET")]
    pub(crate) secret: Vec<String>,
    /// Give an agent or a key of SSH: `default`, or `ID=SOCKET|KEY`.
    #[arg(long, value_name = "SSH")]
    pub(crate) ssh: Vec<String>,
    /// Import a cache: `type=…`, or an image.
    #[arg(long, value_name = "CACHE")]
    pub(crate) cache_from: Vec<String>,
    /// Export a cache.
    #[arg(long, value_name = "CACHE")]
    pub(crate) cache_to: Vec<String>,
    /// Run all steps again.
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Run the steps of these parts again, separated by commas.
    #[arg(long, value_name = "PARTS")]
    pub(crate) no_cache_filter: Option<String>,
    /// Ask registries for base images that the engine has.
    #[arg(long)]
    pub(crate) pull: bool,
    /// How progress is shown: auto, plain, tty, quiet or rawjson.
    #[arg(long, value_name = "MODE")]
    pub(crate) progress: Option<String>,
    /// Write what the engine says of the result to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata_file: Option<PathBuf>,
    /// Write the image's id to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) iidfile: Option<PathBuf>,
    /// The network of steps: default, none or host.
    #[arg(long, value_name = "MODE")]
    pub(crate) network: Option<String>,
    /// Add a host: `HOST:ADDRESS`.
    #[arg(long, value_name = "HOST")]
    pub(crate) add_host: Vec<String>,
    /// The builder of buildx.
    #[arg(long, value_name = "NAME")]
    pub(crate) builder: Option<String>,
    /// Attach a list of what is in the image: `true`, or `generator=IMAGE`.
    #[arg(long, value_name = "HOW")]
    pub(crate) sbom: Option<String>,
    /// Attach how the image was made: `true`, or `mode=max`. Not done by default: with it, what is equal has another
    /// digest each time.
    #[arg(long, value_name = "HOW")]
    pub(crate) provenance: Option<String>,
    /// If a step fails, leave the image of the stage before it in the engine's store, as `imagespec-failed`.
    #[arg(long)]
    pub(crate) keep_failed: bool,
    /// Build and push without asking whether the image exists.
    #[arg(long)]
    pub(crate) force: bool,
    /// What to do if the image to push exists [default: skip].
    #[arg(long, value_name = "WHAT")]
    pub(crate) if_exists: Option<IfExists>,
    /// What to do if nobody can tell whether it exists [default: build].
    #[arg(long, value_name = "WHAT")]
    pub(crate) if_unknown: Option<IfUnknown>,
    /// The frontend's image, instead of the one in the first line of the spec or the one in this program.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) frontend: Option<String>,
    /// An option of the engine's own program, under BentoML's name for it, such as `shm_size=1g`; docs/engine-options.md
    /// has them.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) engine_opt: Vec<String>,
    /// Print what would be run, one command a line, and do not run it. With a directory, what the commands need is written there.
    #[arg(long, value_name = "DIRECTORY", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "clap's form for a flag whose value may be left out")]
    pub(crate) dry_run: Option<Option<PathBuf>>,
    /// More flags of the engine's own program.
    #[arg(last = true, value_name = "ENGINE FLAGS")]
    pub(crate) engine_flags: Vec<String>,
}

/// What to do if the image exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfExists {
    /// Use it, if it was made from the same.
    Skip,
    /// Build it again.
    Build,
    /// Fail.
    Fail,
}

/// What to do if nobody can tell whether the image exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfUnknown {
    /// Build it, with a warning.
    Build,
    /// Fail.
    Fail,
}

impl BuildArguments {
    pub(crate) fn json(&self) -> bool {
        self.naming.json
    }
}

/// The words of a command line with those that the environment adds to a build: they stand before the user's own.
///
/// # Errors
/// When the variable is no list of words.
pub(crate) fn with_flags(words: Vec<OsString>, flags: Option<OsString>) -> Result<Vec<OsString>, Diagnostic> {
    let is_build = words.get(1).is_some_and(|word| word == "build");
    let Some(flags) = flags.filter(|flags| is_build && !flags.is_empty()) else {
        return Ok(words);
    };
    let split = flags.to_str().and_then(shlex::split).ok_or_else(|| {
        let problem = Diagnostic::error(
            "build-flags",
            format!("{FLAGS} is not a list of words: a quote is open"),
        );
        problem.kind(ProblemKind::Usage)
    })?;
    let is_end = |word: &&OsString| **word == "--";
    let (own, of_engine) = match split.iter().position(|word| word == "--") {
        Some(at) => (
            split.get(..at).unwrap_or_default(),
            split.get(at + 1..).unwrap_or_default(),
        ),
        None => (split.as_slice(), Default::default()),
    };
    let mut rest = words.into_iter();
    let mut all: Vec<OsString> = rest.by_ref().take(2).collect();
    all.extend(own.iter().map(OsString::from));
    let rest: Vec<OsString> = rest.collect();
    let end = rest.iter().position(|word| is_end(&word)).unwrap_or(rest.len());
    all.extend(rest.iter().take(end).cloned());
    let of_user = rest.get(end + 1..).unwrap_or_default();
    if !of_engine.is_empty() || end < rest.len() {
        all.push("--".into());
        all.extend(of_engine.iter().map(OsString::from));
        all.extend(of_user.iter().cloned());
    }
    Ok(all)
}

/// The flags that the environment adds.
pub(crate) fn flags_of_environment() -> Option<OsString> {
    std::env::var_os(FLAGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_environment_stand_first() {
        let check = |words: &str, flags: &str, expect: &str| {
            let words = words.split(' ').map(OsString::from).collect();
            let all = with_flags(words, Some(flags.into())).unwrap();
            let all: Vec<&str> = all.iter().map(|word| word.to_str().unwrap()).collect();
            assert_eq!(all.join("|"), expect);
        };
        check(
            "i build -f x .",
            "--push --label 'a=b c'",
            "i|build|--push|--label|a=b c|-f|x|.",
        );
        check("i build", "", "i|build");
        check("i tag", "--push", "i|tag");
        check("i build . -- --x", "--load -- --y", "i|build|--load|.|--|--y|--x");
        check("i build .", "-- --y", "i|build|.|--|--y");
        check("i build . -- --x", "--load", "i|build|--load|.|--|--x");
        assert!(with_flags(vec!["i".into(), "build".into()], Some("'".into())).is_err());
    }
}
