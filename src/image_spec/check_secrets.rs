//! The rules for secrets.

use crate::image_spec::check::Checker;
use crate::image_spec::model::ImageSpec;
use crate::image_spec::types::{Profile, SecretForm, SecretSteps, SecretUse, TextList};
use crate::text::{Span, climbs, context_path};

impl Checker<'_> {
    pub(super) fn secrets(&mut self, spec: &ImageSpec) {
        for secret in spec.named_secrets() {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            if secret.id.is_empty() || !secret.id.chars().all(is_part) {
                let message = format!("`{}` is not the id of a secret", secret.id);
                let help = "an id has letters, digits, `_`, `-` and `.`";
                self.error("secret-id", message, secret.span, help);
            }
        }
        for secret in &spec.pip_secret_mounts {
            self.secret_target(&secret.target, secret.span);
        }
        for (position, secret) in spec.secrets.iter().enumerate() {
            match &secret.form {
                SecretForm::File(target) => self.secret_target(target, secret.span),
                SecretForm::Variable(name) => {
                    self.secret_variable(name, secret.span);
                    let mut maps = [&spec.env, &spec.build_env].into_iter().flatten();
                    if maps.any(|map| map.value.iter().any(|(known, _)| known.value == *name)) {
                        let message = format!("`{name}` is a secret, and a variable of `env` or `build_env`");
                        self.error("variable-name", message, secret.span, "leave one of the two out");
                    }
                }
            }
            let earlier = spec.secrets.iter().take(position);
            let mut earlier = earlier.filter(|other| other.steps.iter().any(|step| secret.steps.contains(step)));
            let is_taken = earlier.any(|other| other.form == secret.form);
            let of_packages = secret.steps.contains(&SecretSteps::Packages);
            let mut mounts = spec.pip_secret_mounts.iter().filter(|_| of_packages);
            if is_taken || mounts.any(|mount| secret.form == SecretForm::File(mount.target.clone())) {
                let message = format!(
                    "the secret `{}` would be where another one is, in the same steps",
                    secret.id
                );
                self.error(
                    "secret-target",
                    message,
                    secret.span,
                    "give it another `target` or `env`",
                );
            }
            self.secret_unseen(spec, secret);
        }
    }

    fn secret_target(&mut self, target: &str, span: Span) {
        if !target.starts_with('/') || climbs(target) || context_path(target).is_empty() {
            let message = format!("the secret's target `{target}` is not an absolute path");
            self.error("secret-target", message, span, "write for example /root/.netrc");
        }
    }

    fn secret_variable(&mut self, name: &str, span: Span) {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_variable = name.chars().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit());
        // Nothing runs without these, or something else does.
        let is_taken = ["PATH", "HOME", "IFS", "ENV", "SHELL"].contains(&name) || name.starts_with("LD_");
        if name.is_empty() || !is_variable || is_taken || name.starts_with("IMAGESPEC_") {
            let message = format!("`{name}` is not a variable that a secret can be");
            let help = "a name has letters, digits and `_`, and is none that steps themselves need";
            self.error("variable-name", message, span, help);
        }
    }

    /// A secret that no step sees is a mistake in `steps`.
    fn secret_unseen(&mut self, spec: &ImageSpec, secret: &SecretUse) {
        let is_filled = |list: &Option<TextList>| ImageSpec::strings(list).next().is_some();
        let has = |step: &SecretSteps| match step {
            SecretSteps::Apt => is_filled(&spec.apt_packages),
            SecretSteps::Setup => is_filled(&spec.setup_commands),
            SecretSteps::Commands => is_filled(&spec.commands),
            SecretSteps::Python => spec.python_exec.is_none(),
            SecretSteps::Packages => {
                is_filled(&spec.packages) || spec.requirements.is_some() || spec.profile == Profile::Flyte
            }
        };
        if !secret.steps.iter().any(has) {
            let named: Vec<&str> = secret.steps.iter().map(|step| step.name()).collect();
            let message = match named.as_slice() {
                [] => format!("no step sees the secret `{}`: its list of steps is empty", secret.id),
                named => format!(
                    "no step sees the secret `{}`: there are none of {}",
                    secret.id,
                    named.join(", ")
                ),
            };
            let all = SecretSteps::ALL.map(SecretSteps::name).join(", ");
            self.warning("secret-unused", message, secret.span, &format!("steps are {all}"));
        }
    }
}
