//! What all parts of one run share: BuildKit, what the client asked for, and the spec's file.

use std::sync::Arc;

use crate::frontend::context::{self, FileSource, SpecFile};
use crate::frontend::gateway::{Client, Gateway};
use crate::frontend::options::FrontendOptions;
use crate::frontend::sibling_lock::SiblingLock;
use crate::image_spec::{self, ImageSpec};
use crate::name::{Naming, NamingOptions};
use crate::text::{Diagnostic, Failure, Operation, Severity};

/// The most warnings sent: each is a call, and nobody reads more.
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
    /// Connects to BuildKit and loads the spec's file.
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

    /// Sends a warning to BuildKit's clients.
    pub(super) async fn warn(&self, warning: &Diagnostic) -> Result<(), Failure> {
        context::warn(&self.client, &self.file, warning).await
    }

    /// Reads the spec and sends its warnings. Errors that stop only later operations are warnings here.
    pub(super) async fn read_spec(&self, operation: Operation) -> Result<ImageSpec, Failure> {
        let parsed = image_spec::parse(&self.file.text);
        let problems: Vec<Diagnostic> = parsed.errors(operation).cloned().collect();
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let is_warning = |d: &&Diagnostic| d.severity == Severity::Warning || d.stops > operation;
        let warnings: Vec<&Diagnostic> = parsed.diagnostics.iter().filter(is_warning).collect();
        for warning in warnings.iter().take(MAX_WARNINGS) {
            self.warn(warning).await?;
        }
        if let Some(more) = warnings.len().checked_sub(MAX_WARNINGS).filter(|more| *more > 0) {
            let warning = Diagnostic::warning("more-warnings", format!("there are {more} more warnings"));
            self.warn(&warning).await?;
        }
        for warning in self.options.unused_arguments() {
            self.warn(&warning).await?;
        }
        let spec = parsed.spec;
        Ok(spec.ok_or_else(|| Diagnostic::internal("a spec without errors could not be read"))?)
    }

    /// The sibling lock, if there is one and the spec uses it.
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
