//! Owners of copies: BuildKit gives files to root whose owner has a name that the image does not know, without a word.

use crate::frontend::accounts::read_accounts;
use crate::frontend::session::Session;
use crate::image_spec::ImageSpec;
use crate::llb::Output;
use crate::plan::PASSWD;
use crate::text::{Diagnostic, Failure, Span};

/// Where images list their groups.
const GROUP: &str = "/etc/group";

/// The owners that entries of `copy` name, and what those names mean when the files are copied.
pub(super) struct Owners {
    /// The names of users and groups, each with its place.
    names: Vec<(&'static str, String, Span)>,
    /// A tree with the lists of the users and groups that there are then.
    pub(super) files: Option<Output>,
}

impl Owners {
    /// Those of a spec that have to be looked up; `None` if all are numbers, or root.
    pub(super) fn of(spec: &ImageSpec) -> Option<Self> {
        let owners = spec.copies().filter_map(|entry| entry.owner.as_ref());
        let names = owners.flat_map(|owner| {
            let (user, group) = owner.value.split_once(':').unwrap_or((&owner.value, ""));
            [("user", user), ("group", group)].map(|(what, name)| (what, name.to_owned(), owner.span))
        });
        let is_name = |name: &str| !name.is_empty() && name != "root" && name.parse::<u32>().is_err();
        let names: Vec<_> = names.filter(|(_, name, _)| is_name(name)).collect();
        (!names.is_empty()).then_some(Self { names, files: None })
    }

    /// Fails if one of them is not there.
    pub(super) async fn check(&self, session: &Session) -> Result<(), Failure> {
        let tree = session.client.solve(self.files.as_ref()).await?;
        let passwd = read_accounts(session, &tree, PASSWD).await?;
        let group = read_accounts(session, &tree, GROUP).await?;
        let mut problems = Vec::new();
        for (what, name, span) in &self.names {
            let (file, list) = match *what {
                "user" => (PASSWD, &passwd),
                _ => (GROUP, &group),
            };
            if !list.lines().any(|line| line.split(':').next() == Some(name)) {
                let message =
                    format!("`owner` names the {what} {name}, which {file} does not have when files are copied");
                let problem = Diagnostic::build_error("unknown-owner", message).at(*span);
                problems.push(problem.help("make it in `setup_commands`, or give numbers: \"1000:1000\""));
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems.into()),
        }
    }
}
