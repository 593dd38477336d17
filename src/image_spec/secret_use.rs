//! The entries of `secrets`: what steps see a secret, and as what.

use crate::flytekit::Kind;
use crate::image_spec::read::SpecReader;
use crate::image_spec::types::{SecretForm, SecretSteps, SecretUse, TextValue};
use crate::python::kind as kind_of;
use crate::text::yaml::{Data, Node};
use crate::text::{Diagnostic, Span, closest};

/// The keys of an entry.
const KEYS: [&str; 6] = ["id", "src", "target", "env", "required", "steps"];

impl SpecReader<'_> {
    pub(super) fn secrets(&mut self, node: &Node) -> Vec<SecretUse> {
        let Data::Sequence(items) = &node.data else {
            self.wrong_kind("secrets", Kind::Secrets, node);
            return Vec::new();
        };
        let uses = items.iter().filter_map(|item| match &item.data {
            Data::Mapping(pairs) => self.inside("secrets.", |reader| reader.secret_use(pairs, item.span)),
            _ => {
                let message = format!(
                    "an entry of `{}secrets` is a mapping, this is {}",
                    self.path,
                    kind_of(item)
                );
                let problem = Diagnostic::build_error("secret", message).at(item.span);
                self.report(problem.help("write for example {id: token, env: TOKEN, steps: [commands]}"));
                None
            }
        });
        uses.collect()
    }

    fn secret_use(&mut self, pairs: &[(Node, Node)], span: Span) -> Option<SecretUse> {
        let keys = self.keys(pairs, &KEYS);
        let text = |reader: &mut Self, key: &'static str| keys.get(key).and_then(|node| reader.text(key, node));
        let (id, source) = (text(self, "id"), text(self, "src"));
        let (target, variable) = (text(self, "target"), text(self, "env"));
        let required = keys.get("required").and_then(|node| self.flag("required", node));
        let steps = keys.get("steps").and_then(|node| self.text_list("steps", node));
        let mut wrong = |message: &str, span: Span, help: &str| {
            self.report(Diagnostic::build_error("secret", message).at(span).help(help));
        };
        let Some(id) = id else {
            if !keys.has("id") {
                let help = "add `id: NAME`, which `--secret id=NAME,src=FILE` gives a value to";
                wrong("this entry of `secrets` has no id", span, help);
            }
            return None;
        };
        let form = match (target, variable) {
            (Some(_), Some(variable)) => {
                let help = "leave one of the two out, or write two entries";
                wrong(
                    "a secret is a file (`target`) or a variable (`env`)",
                    variable.span,
                    help,
                );
                return None;
            }
            (Some(target), None) => SecretForm::File(target.value),
            (None, Some(variable)) => SecretForm::Variable(variable.value),
            // Where Docker puts it.
            (None, None) => SecretForm::File(format!("/run/secrets/{}", id.value)),
        };
        let mut chosen: Vec<SecretSteps> = Vec::new();
        for step in steps.iter().flat_map(|steps| &steps.value) {
            match named(step) {
                Ok(step) if chosen.contains(&step) => {}
                Ok(step) => chosen.push(step),
                Err(problem) => self.report(problem),
            }
        }
        Some(SecretUse {
            id: id.value,
            source: source.map(|source| source.value).filter(|source| !source.is_empty()),
            form,
            is_required: required.is_none_or(|required| required.value),
            steps: if steps.is_none() {
                SecretSteps::USUAL.to_vec()
            } else {
                chosen
            },
            span,
        })
    }
}

fn named(step: &TextValue) -> Result<SecretSteps, Diagnostic> {
    let found = SecretSteps::ALL.into_iter().find(|known| known.name() == step.value);
    found.ok_or_else(|| {
        let words = SecretSteps::ALL.map(SecretSteps::name);
        let message = format!(
            "`{}` is not a kind of steps: there are {}",
            step.value,
            words.join(", ")
        );
        let problem = Diagnostic::build_error("unknown-value", message).at(step.span);
        match closest(&step.value, words) {
            Some(candidate) => problem.help(format!("did you mean `{candidate}`?")),
            None => problem,
        }
    })
}
