//! Typed options of engines' own programs: what BentoML's `build` takes as keywords, an overload for each engine.
//!
//! What `imagespec build` has a flag for is no option here, since two ways to say one thing could disagree.

mod documentation;
mod overloads;
mod own;
mod reason;
mod table;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use crate::engine::command_line::CommandLine;
use crate::engine::typed_options::overloads::{OVERLOADS, keywords};
use crate::engine::typed_options::table::{Form, Keyword};
use crate::engine::typed_options::value::Value;
use crate::text::{Diagnostic, ProblemKind, closest};

pub use documentation::table;

/// Options as the program of an engine takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Words for its command, in the order of BentoML's overload.
    pub words: Vec<String>,
    /// What the user should know of what was asked.
    pub warnings: Vec<Diagnostic>,
}

/// Renders entries `KEY=VALUE` for the program of an engine.
///
/// Keys may be written with `-` or `_`. Without `=` an entry means true; the same key again makes a list.
///
/// ```
/// use imagespec::engine::render_options;
///
/// let entries = ["jobs=3", "force-rm=no", "cap-add=NET_ADMIN", "cap-add=SYS_TIME"].map(str::to_owned);
/// let rendered = render_options("buildah", &entries).map_err(|problems| problems[0].clone())?;
/// let words = "--cap-add NET_ADMIN --cap-add SYS_TIME --jobs 3";
/// assert_eq!(rendered.words.join(" "), words);
/// # Ok::<(), imagespec::text::Diagnostic>(())
/// ```
///
/// # Errors
/// All that is wrong: options that the engine does not have, values of another type, what is impossible here, and what
/// `imagespec build` has a flag for.
pub fn render(engine: &str, entries: &[String]) -> Result<Rendered, Vec<Diagnostic>> {
    let known = keywords(engine);
    let mut given: BTreeMap<usize, Vec<Option<&str>>> = BTreeMap::new();
    let mut problems = Vec::new();
    for entry in entries {
        let (name, value) = split(entry);
        match known.iter().position(|keyword| keyword.name == name) {
            Some(place) => given.entry(place).or_default().push(value),
            None => problems.push(unknown(engine, &name, value, &known)),
        }
    }
    let mut rendered = Rendered::default();
    for (place, values) in given {
        let Some(keyword) = known.get(place) else { continue };
        match words(engine, keyword, &values) {
            Ok(words) => {
                rendered.warnings.extend(remark(keyword, &words));
                rendered.words.extend(words);
            }
            Err(problem) => problems.push(problem),
        }
    }
    match problems.is_empty() {
        true => Ok(rendered),
        false => Err(problems),
    }
}

/// The keyword and the value of an entry.
fn split(entry: &str) -> (String, Option<&str>) {
    let (key, value) = match entry.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (entry, None),
    };
    (key.replace('-', "_"), value)
}

fn problem(message: String) -> Diagnostic {
    Diagnostic::error("engine-option", message).kind(ProblemKind::Usage)
}

/// The words for a keyword with all of its values.
fn words(engine: &str, keyword: &Keyword, values: &[Option<&str>]) -> Result<Vec<String>, Diagnostic> {
    let name = keyword.name;
    let flag = keyword.flag();
    match keyword.form {
        Form::Own(_) | Form::OwnList(_) | Form::OwnSwitch(_) | Form::OwnWords(_) => Err(own(engine, keyword, values)),
        Form::Cannot(reason) => Err(cannot(engine, name, reason)),
        Form::Only(only, _) if values.iter().all(|value| *value == Some(only)) => Ok(Vec::new()),
        Form::Only(only, reason) => {
            let message = format!("{engine} takes `{name}={only}` alone here: {reason}");
            Err(problem(message).help("leave it out"))
        }
        Form::Once(value) => {
            let given = once(engine, keyword, values)?;
            Ok(vec![flag, written(engine, keyword, value, given)?])
        }
        Form::Each(value) => {
            let mut words = Vec::new();
            for given in values {
                words.extend([flag.clone(), written(engine, keyword, value, *given)?]);
            }
            Ok(words)
        }
        Form::Switch | Form::SwitchOn => {
            let is_on = boolean(engine, keyword, once(engine, keyword, values)?)?;
            Ok(match (is_on, keyword.form) {
                (true, _) => vec![flag],
                (false, Form::SwitchOn) => vec![format!("{flag}=false")],
                (false, _) => Vec::new(),
            })
        }
        Form::Policy => match once(engine, keyword, values)? {
            // With a space between, the program takes the word for the context.
            Some(policy @ ("missing" | "never" | "newer")) => Ok(vec![format!("{flag}={policy}")]),
            Some("always") => Err(own_switch(engine, name, "--pull", true)),
            value => Err(own_switch(engine, name, "--pull", boolean(engine, keyword, value)?)),
        },
        Form::FrontendOption => frontend_options(engine, keyword, values),
    }
}

/// The only value.
fn once<'a>(engine: &str, keyword: &Keyword, values: &[Option<&'a str>]) -> Result<Option<&'a str>, Diagnostic> {
    match values {
        [value] => Ok(*value),
        _ => {
            let message = format!("{engine} takes `{}` once, not {} times", keyword.name, values.len());
            Err(problem(message).help("leave all but one out"))
        }
    }
}

fn written(engine: &str, keyword: &Keyword, value: Value, given: Option<&str>) -> Result<String, Diagnostic> {
    given.and_then(|given| value.written(given)).ok_or_else(|| {
        let not = given.map_or(String::new(), |given| format!(", not `{given}`"));
        problem(format!(
            "`{}` of {engine} takes {}{not}",
            keyword.name,
            value.expected()
        ))
    })
}

fn boolean(engine: &str, keyword: &Keyword, given: Option<&str>) -> Result<bool, Diagnostic> {
    match given.map(str::to_ascii_lowercase).as_deref() {
        None | Some("true" | "1" | "yes") => Ok(true),
        Some("false" | "0" | "no") => Ok(false),
        Some(other) => {
            let message = format!("`{}` of {engine} is true or false, not `{other}`", keyword.name);
            Err(problem(message))
        }
    }
}

/// Options of the frontend which this program or its flags set.
const OWN_OPTIONS: [(&str, &str); 16] = [
    ("add-hosts", "--add-host HOST:ADDRESS"),
    ("attest:provenance", "--provenance mode=max"),
    ("attest:sbom", "--sbom true"),
    ("build-arg:", "--build-arg NAME=VALUE"),
    ("cache-from", "--cache-from"),
    ("cache-imports", "--cache-from"),
    ("cmdline", "--frontend IMAGE"),
    ("context:", "--build-context NAME=WHAT"),
    ("filename", "-f FILE"),
    ("force-network-mode", "--network MODE"),
    ("image-resolve-mode", "--pull"),
    ("label:", "--label NAME=VALUE"),
    ("no-cache", "--no-cache or --no-cache-filter PARTS"),
    ("platform", "--platform OS/ARCHITECTURE"),
    ("source", "--frontend IMAGE"),
    ("target", "--target PART"),
];

fn frontend_options(engine: &str, keyword: &Keyword, values: &[Option<&str>]) -> Result<Vec<String>, Diagnostic> {
    let mut words = Vec::new();
    for given in values {
        let entry = written(engine, keyword, Value::Pair, *given)?;
        let name = entry.split('=').next().unwrap_or_default();
        let own = OWN_OPTIONS.iter().find(|(own, _)| match own.strip_suffix(':') {
            Some(_) => name.starts_with(own),
            None => name == *own,
        });
        if let Some((_, flag)) = own {
            let message = format!("`{name}` is no option for {engine} here: imagespec sets it itself");
            return Err(problem(message).help(format!("write {flag}")));
        }
        words.extend([keyword.flag(), entry]);
    }
    Ok(words)
}

/// What `imagespec build` has a flag for.
fn own(engine: &str, keyword: &Keyword, values: &[Option<&str>]) -> Diagnostic {
    let given: Vec<&str> = values.iter().copied().flatten().collect();
    let help = match keyword.form {
        Form::OwnSwitch(flag) => {
            let value = values.last().copied().flatten();
            let is_on = boolean(engine, keyword, value).unwrap_or(true);
            return own_switch(engine, keyword.name, flag, is_on);
        }
        Form::Own(flag) | Form::OwnList(flag) if given.is_empty() => format!("write {flag} with a value"),
        Form::Own(flag) => {
            let flags: Vec<String> = given.iter().map(|value| shown(flag, value)).collect();
            format!("write {}", flags.join(" "))
        }
        Form::OwnList(flag) => format!("write {}", shown(flag, &given.join(","))),
        Form::OwnWords(words) => format!("write {words}"),
        _ => String::new(),
    };
    own_problem(engine, keyword.name).help(help)
}

fn own_switch(engine: &str, name: &str, flag: &str, is_on: bool) -> Diagnostic {
    let verb = if is_on { "write" } else { "leave out" };
    own_problem(engine, name).help(format!("{verb} {flag}"))
}

fn own_problem(engine: &str, name: &str) -> Diagnostic {
    problem(format!(
        "`{name}` is no option for {engine} here: imagespec has it itself"
    ))
}

/// A flag with its value, for a shell.
fn shown(flag: &str, value: &str) -> String {
    CommandLine::new(&[flag, value]).to_string()
}

fn cannot(engine: &str, name: &str, reason: &str) -> Diagnostic {
    problem(format!("{engine} cannot take `{name}` here: {reason}")).help("leave it out")
}

/// An option that an engine does not have: which engine has it, why none can, or what is meant.
fn unknown(engine: &str, name: &str, value: Option<&str>, known: &[&Keyword]) -> Diagnostic {
    let elsewhere: Vec<(&str, &Keyword)> = OVERLOADS
        .iter()
        .filter_map(|(other, all)| Some((*other, all.iter().find(|keyword| keyword.name == name)?)))
        .collect();
    let is_own = |form| {
        matches!(
            form,
            Form::Own(_) | Form::OwnList(_) | Form::OwnSwitch(_) | Form::OwnWords(_)
        )
    };
    if let Some((_, keyword)) = elsewhere.iter().find(|(_, keyword)| is_own(keyword.form)) {
        return own(engine, keyword, &[value]);
    }
    if known.is_empty() {
        return problem(format!("{engine} takes no options")).help(format!("leave `{name}` out"));
    }
    let problem = problem(format!("{engine} has no option `{name}`"));
    let can: Vec<&str> = elsewhere
        .iter()
        .filter(|(_, keyword)| !matches!(keyword.form, Form::Cannot(_) | Form::Only(..)))
        .map(|(other, _)| *other)
        .collect();
    match (can.as_slice(), elsewhere.first().map(|(_, keyword)| keyword.form)) {
        ([], Some(Form::Cannot(reason))) => cannot(engine, name, reason),
        ([], _) => problem.help(meant(name, known)),
        ([one], _) => problem.help(format!("{one} has it")),
        ([all @ .., last], _) => problem.help(format!("{} and {last} have it", all.join(", "))),
    }
}

/// What an unknown name may stand for.
fn meant(name: &str, known: &[&Keyword]) -> String {
    // BentoML splits at a colon as well, which paths and limits have inside.
    if let Some((key, _)) = name.split_once(':')
        && known.iter().any(|keyword| keyword.name == key)
    {
        return format!("write `=` behind the name: `{key}=…`");
    }
    match closest(name.trim_start_matches('_'), known.iter().map(|keyword| keyword.name)) {
        Some(word) => format!("did you mean `{word}`?"),
        None => "what stands behind `--` goes to the engine's program as it is".to_owned(),
    }
}

/// What an option does to images that its name does not say.
fn remark(keyword: &Keyword, words: &[String]) -> Option<Diagnostic> {
    let message = match (keyword.name, words.first()?.as_str()) {
        ("squash" | "squash_all", _) => "puts all into one layer: an edit, and every layer is another",
        ("layers", "--layers=false") => "keeps no steps: the next build runs all of them again",
        ("timestamp", _) => "gives all new files this time, where images have fixed times otherwise",
        ("tls_verify", "--tls-verify=false") => "trusts any registry, and whoever stands between",
        _ => return None,
    };
    Some(Diagnostic::warning(
        "engine-option",
        format!("`{}` {message}", keyword.name),
    ))
}
