//! Why something cannot be.

pub(super) const COMPRESS: &str = "it is there for old command lines, and changes nothing";
pub(super) const CONTENT_TRUST: &str = "only docker's classic builder has it, which cannot build these images";
pub(super) const CREDENTIALS: &str =
    "everybody on the machine sees a password on a command line; log in, or name a file with `authfile`";
pub(super) const ENVIRONMENT: &str = "variables belong into the spec's `env`, where they count in the tag";
pub(super) const FRONTEND: &str = "the frontend is that of this program, or the image that `--frontend` names";
pub(super) const IGNORE_FILE: &str = "the tag counts the files that the context's own `.dockerignore` leaves";
pub(super) const IPFS: &str = "nerdctl 2 has no such flag: BuildKit gets the base image";
pub(super) const ISOLATION: &str = "other isolations are of Windows, and these images are of Linux";
pub(super) const LOCAL: &str = "the directories are the context and that of the spec; `--build-context` adds others";
pub(super) const LOG_FILE: &str = "this program reads what the build says; its standard error can go to a file";
pub(super) const PREPROCESSOR: &str = "this program writes the Dockerfile, and nothing preprocesses it";
pub(super) const STDIN: &str = "the steps of a spec read nothing from standard input";
pub(super) const WINDOWS: &str = "it is said of Windows images, and these are of Linux";
