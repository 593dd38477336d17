//! What one run of the frontend has in common: BuildKit, what the client asked for, and the spec's file.

use std::sync::Arc;

use crate::frontend::context::{self, FileSource, SpecFile};
use crate::frontend::gateway::{Client, Gateway};
use crate::frontend::options::FrontendOptions;
use crate::frontend::sibling_lock::SiblingLock;
use crate::image_spec::{self, ImageSpec};
use crate::name::{Naming, NamingOptions};
use crate::text::{Diagnostic, Failure, Operation, Severity};

/// Each warning is a call; nobody reads more than this.
const MAX_WARNINGS: usize = 50;

/// One run of the frontend.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) options: FrontendOptions,
    pub(super) file: SpecFile,
    /// Where the build context comes from.
    pub(super) context: FileSource,
}

impl Session {
    /// Greets BuildKit and loads the spec's file.
    pub(super) async fn open(gateway: Arc<dyn Gateway>, options: FrontendOptions) -> Result<Self, Failure> {
        let client = Client::new(gateway, options.cache_imports()?).await?;
        let (file, context) = context::load(&client, &options).await?;
        Ok(Self {
            client,
            options,
            file,
            context,
        })
    }

    /// Tells BuildKit's clients of a problem that stops nothing.
    pub(super) async fn warn(&self, warning: &Diagnostic) -> Result<(), Failure> {
        context::warn(&self.client, &self.file, warning).await
    }

    /// The spec, with warnings told. What stops only later operations is a warning, too.
    pub(super) async fn read_spec(&self, operation: Operation) -> Result<ImageSpec, Failure> {
        let parsed = image_spec::parse(&self.file.text);
        let problems: Vec<Diagnostic> = parsed.errors(operation).cloned().collect();
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let is_told = |d: &&Diagnostic| d.severity == Severity::Warning || d.stops > operation;
        let warnings: Vec<&Diagnostic> = parsed.diagnostics.iter().filter(is_told).collect();
        for warning in warnings.iter().take(MAX_WARNINGS) {
            self.warn(warning).await?;
        }
        if let Some(more) = warnings.len().checked_sub(MAX_WARNINGS).filter(|more| *more > 0) {
            let warning = Diagnostic::warning("more-warnings", format!("there are {more} more warnings"));
            self.warn(&warning).await?;
        }
        for (name, meant) in self.options.unused_arguments() {
            let message = format!("nothing reads the build argument `{name}`");
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "environment of build steps goes into `build_env`".to_owned(),
            };
            self.warn(&Diagnostic::warning("unused-build-arg", message).help(help))
                .await?;
        }
        let spec = parsed.spec;
        Ok(spec.ok_or_else(|| Diagnostic::internal("a spec without errors could not be read"))?)
    }

    /// A lock beside the spec.
    pub(super) async fn sibling_lock(&self, spec: &ImageSpec) -> Result<Option<SiblingLock>, Failure> {
        SiblingLock::look_up(&self.client, &self.file, spec).await
    }

    /// How the spec's names are computed.
    pub(super) fn naming<'a>(
        &self,
        spec: &'a ImageSpec,
        sibling_lock: Option<&SiblingLock>,
    ) -> Result<Naming<'a>, Failure> {
        let options = NamingOptions {
            sibling_lock: sibling_lock.map(|lock| lock.text.clone()),
            ..self.options.naming()?
        };
        Ok(Naming::new(spec, &options)?)
    }
}
