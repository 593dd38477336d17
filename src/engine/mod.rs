//! Engines that build: what each can do, whether it is there, how it is asked, and a register that others can join.
//!
//! [`Engines`] is the register, [`Engine`] what is in it, [`BuildRequest`] what is asked of one.
//!
//! ```
//! use imagespec::engine::{BuildError, BuildOption, BuildRequest, Built, CommandLine, Engine, Engines, Health};
//! use imagespec::text::Diagnostic;
//!
//! struct Cluster;
//!
//! impl Engine for Cluster {
//!     fn name(&self) -> &str { "cluster" }
//!     fn priority(&self) -> Option<i32> { Some(40) }
//!     fn health(&self) -> Health { Health::default() }
//!     fn can(&self, option: BuildOption) -> bool { option == BuildOption::Push }
//!     fn commands(&self, _: &BuildRequest, _: Option<&Health>) -> Result<Vec<CommandLine>, Diagnostic> {
//!         Ok(Vec::new())
//!     }
//!     fn build(&self, request: &BuildRequest, _: &Health) -> Result<Built, BuildError> {
//!         Ok(Built { name: request.names.first().cloned(), ..Built::default() })
//!     }
//! }
//!
//! let mut engines = Engines::default();
//! engines.register(Box::new(Cluster));
//! assert_eq!(engines.get("cluster")?.name(), "cluster");
//! assert_eq!(engines.first_healthy(&BuildRequest::default())?.0.name(), "cluster");
//! # Ok::<(), Diagnostic>(())
//! ```

mod buildctl;
mod carried;
mod command_line;
mod containers;
mod docker;
mod engines;
mod health;
mod images;
mod interface;
mod log;
mod metadata;
mod nerdctl;
mod noop;
mod option;
mod podman;
mod request;
mod run;
#[cfg(test)]
mod tests;
mod transient;
mod typed_options;

pub use command_line::CommandLine;
pub use containers::Container;
pub use engines::Engines;
pub use health::{Health, Trouble};
pub use interface::{BuildError, Built, Engine, Input};
pub use option::{BuildOption, Form, table};
pub use request::{BuildRequest, Frontend, WrittenDockerfile};
pub use typed_options::{Rendered, render as render_options, table as options_table};

pub(crate) use carried::carried;
pub(crate) use command_line::{CONTEXT_PLACE, FRONTEND_PLACE};
pub(crate) use containers::{starter, starter_of};
pub(crate) use docker::unhealthy;
pub(crate) use images::{labels, size};
pub(crate) use log::Step;
pub(crate) use run::end_when_interrupted;
