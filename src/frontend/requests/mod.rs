//! What clients may ask for: an image, or one of the requests of the table.

mod build;
mod check;
mod dockerfile;
mod explain;
mod lock;
mod name;
mod outline;
mod pin;
mod plan;
mod reply;
mod targets;

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::frontend::gateway::{CallError, Gateway};
use crate::frontend::options::FrontendOptions;
use crate::frontend::session::Session;
use crate::proto::gateway as wire;
use crate::text::Failure;

type Answering<'a> = Pin<Box<dyn Future<Output = Result<wire::Result, Failure>> + Send + 'a>>;

/// A request, by the name that clients give it.
struct Subrequest {
    name: &'static str,
    description: &'static str,
    answer: for<'a> fn(&'a Session) -> Answering<'a>,
}

const ALL: [Subrequest; 11] = [
    Subrequest {
        name: "frontend.outline",
        description: "List all parameters current build target supports",
        answer: |session| Box::pin(outline::answer(session)),
    },
    Subrequest {
        name: "frontend.targets",
        description: "List all targets current build supports",
        answer: |session| Box::pin(targets::answer(session)),
    },
    Subrequest {
        name: "frontend.lint",
        description: "Report problems of the spec",
        answer: |session| Box::pin(check::answer(session)),
    },
    Subrequest {
        name: "frontend.tag",
        description: "Print the tag, a hash of what is in the image",
        answer: |session| Box::pin(name::tag(session)),
    },
    Subrequest {
        name: "frontend.name",
        description: "Print the image's full name: registry, name and tag",
        answer: |session| Box::pin(name::full_name(session)),
    },
    Subrequest {
        name: "frontend.id",
        description: "Print what flytekit calls the id of the spec",
        answer: |session| Box::pin(name::id(session)),
    },
    Subrequest {
        name: "frontend.explain",
        description: "Print what the tag is computed from",
        answer: |session| Box::pin(explain::answer(session)),
    },
    Subrequest {
        name: "frontend.plan",
        description: "Print the steps that make the image, and how they run",
        answer: |session| Box::pin(plan::answer(session)),
    },
    Subrequest {
        name: "frontend.dockerfile",
        description: "Print the image as a Dockerfile",
        answer: |session| Box::pin(dockerfile::answer(session)),
    },
    Subrequest {
        name: "frontend.lock",
        description: "Print the lock of the Python packages, a pylock.toml",
        answer: |session| Box::pin(lock::answer(session)),
    },
    Subrequest {
        name: "frontend.pin",
        description: "Print the digests of the images that the build uses, as `pins`",
        answer: |session| Box::pin(pin::answer(session)),
    },
];

/// The request that lists the others; it needs no spec.
const DESCRIBE: (&str, &str) = ("frontend.subrequests.describe", "List available subrequest types");

/// Answers what the client asks for.
pub(super) async fn answer(gateway: Arc<dyn Gateway>, options: FrontendOptions) -> Result<wire::Result, Failure> {
    let asked = options.get("requestid");
    if asked == Some(DESCRIBE.0) {
        return Ok(describe());
    }
    let known = |name: &str| {
        let known = ALL.iter().find(|request| request.name == name);
        known.ok_or_else(|| CallError::unsupported_request(name))
    };
    let request = asked.map(known).transpose()?;
    let session = Session::open(gateway, options).await?;
    let answer = match request {
        Some(request) => (request.answer)(&session).await,
        None => build::answer(&session).await,
    };
    answer.map_err(|failure| failure.about(&session.file.text))
}

/// Lists the requests.
fn describe() -> wire::Result {
    let all = ALL.iter().map(|request| (request.name, request.description));
    let all = all.chain([DESCRIBE]);
    let mut offered: Vec<Value> = Vec::new();
    let mut table = format!("{:<22}{:<9}DESCRIPTION\n", "NAME", "VERSION");
    for (name, description) in all {
        offered.push(json!({
            "name": name, "version": "1.0.0", "type": "rpc", "description": description,
            "opts": null, "inputs": null,
            "metadata": [{"name": "result.json"}, {"name": "result.txt"}], "refs": null,
        }));
        let short = name.trim_start_matches("frontend.");
        table.push_str(&format!("{short:<22}{:<9}{description}\n", "1.0.0"));
    }
    reply::reply(&Value::from(offered), table)
}
