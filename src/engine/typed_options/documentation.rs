//! The table of docs/engine-options.md.

use std::collections::BTreeSet;

use crate::engine::typed_options::overloads::{OVERLOADS, keywords};
use crate::engine::typed_options::table::{Form, Keyword};

/// The table as docs/engine-options.md has it, with the reasons below.
#[must_use]
pub fn table() -> String {
    let engines = OVERLOADS.map(|(engine, _)| engine);
    let names: BTreeSet<&str> = OVERLOADS
        .iter()
        .flat_map(|(_, all)| all.iter().map(|keyword| keyword.name))
        .collect();
    let mut reasons = Vec::new();
    let columns = "---|".repeat(engines.len());
    let mut text = format!("| | {} |\n|---|{columns}\n", engines.join(" | "));
    for name in names {
        let cells = engines.map(|engine| {
            let known = keywords(engine);
            let found = known.iter().find(|keyword| keyword.name == name);
            found.map_or_else(String::new, |keyword| cell(keyword, &mut reasons))
        });
        text.push_str(&format!("| `{name}` | {} |\n", cells.join(" | ")));
    }
    text.push('\n');
    for (reason, number) in reasons.iter().zip(1..) {
        text.push_str(&format!("{number}. {reason}\n"));
    }
    text
}

fn cell(keyword: &Keyword, reasons: &mut Vec<&'static str>) -> String {
    let mut number = |reason: &'static str| {
        let found = reasons.iter().position(|known| *known == reason);
        found.unwrap_or_else(|| {
            reasons.push(reason);
            reasons.len() - 1
        }) + 1
    };
    let (flag, of) = (keyword.flag(), keyword.of.name());
    match keyword.form {
        Form::Own(own) | Form::OwnList(own) | Form::OwnSwitch(own) => format!("own: `{own}`"),
        Form::OwnWords(words) => format!("own: {words}"),
        Form::Cannot(reason) => format!("cannot ({})", number(reason)),
        Form::Only(only, reason) => format!("{of}: `{only}` alone ({})", number(reason)),
        Form::Once(value) => format!("{of}: `{flag} {}`", value.placeholder()),
        Form::Each(value) => format!("{of}: `{flag} {}` each", value.placeholder()),
        Form::Switch => format!("{of}: `{flag}`"),
        Form::SwitchOn => format!("{of}: `{flag}`, `{flag}=false`"),
        Form::Policy => format!("own: `--pull`; {of}: `{flag}=missing/never/newer`"),
        Form::FrontendOption => format!("{of}: `{flag} NAME=VALUE` each"),
    }
}
