//! Settings that need not be given with each command: of the environment, of a project, of the user.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::cli::disk::{cannot, read_file};
use crate::cli::output::err;
use crate::text::yaml::MAX_BYTES;
use crate::text::{Diagnostic, Failure, ProblemKind, Span, Text, closest, redact};

/// The name of a project's file, and of the user's own.
const FILE: &str = "imagespec.toml";
/// The variable that names another file of the user's.
const CONFIG: &str = "IMAGESPEC_CONFIG";
/// The engine that is the first to be able to build.
pub(super) const AUTO: &str = "auto";

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Switch,
    List,
    /// Names with texts.
    Table,
}

/// A setting that there is.
struct Known {
    name: &'static str,
    kind: Kind,
    /// Whether it runs code or trusts somebody: then a project may not set it.
    is_of_user: bool,
}

const fn known(name: &'static str, kind: Kind, is_of_user: bool) -> Known {
    Known { name, kind, is_of_user }
}

const KNOWN: [Known; 20] = [
    known("engine", Kind::Text, false),
    known("builder", Kind::Text, true),
    known("frontend", Kind::Text, true),
    known("engine_opt", Kind::List, true),
    known("push", Kind::Switch, false),
    known("load", Kind::Switch, false),
    known("pull", Kind::Switch, false),
    known("if_exists", Kind::Text, false),
    known("if_unknown", Kind::Text, false),
    known("progress", Kind::Text, false),
    known("network", Kind::Text, true),
    known("sbom", Kind::Text, false),
    known("provenance", Kind::Text, false),
    known("cache_from", Kind::List, false),
    known("cache_to", Kind::List, false),
    known("build_contexts", Kind::Table, true),
    known("secrets", Kind::Table, true),
    known("ssh", Kind::List, true),
    known("registry_mirrors", Kind::Table, true),
    known("registry_authority", Kind::Text, true),
];

/// The words that a setting may be, if they are few.
fn words_of(name: &str) -> &'static [&'static str] {
    match name {
        "if_exists" => &["skip", "build", "fail"],
        "if_unknown" => &["build", "fail"],
        "progress" => &["auto", "plain", "tty", "quiet", "rawjson", "none"],
        "network" => &["default", "none", "host"],
        _ => &[],
    }
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Switch(bool),
    List(Vec<String>),
    Table(BTreeMap<String, String>),
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Variable(String),
    File { path: PathBuf, line: u32 },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// All settings that count. What a command line says goes before them.
#[derive(Debug, Default)]
pub(super) struct Settings {
    values: BTreeMap<&'static str, (Value, Origin)>,
    /// What a project may not set.
    pub(super) warnings: Vec<(Text, Diagnostic)>,
}

impl Settings {
    /// Those for specs in a directory.
    pub(super) fn load(directory: &Path) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut settings = Self::default();
        let own = user_file(&variable);
        let of_project = project_file(directory, own.as_deref());
        for (path, is_of_user) in [(own, true), (of_project, false)] {
            if let Some(path) = path {
                settings.add_file(&path, is_of_user)?;
            }
        }
        for known in &KNOWN {
            let name = format!("IMAGESPEC_{}", known.name.to_uppercase());
            if let Some(text) = variable(&name) {
                let value = from_variable(known.kind, &text).ok_or_else(|| {
                    let message = format!("{name}: `{}` is neither true nor false", redact(&text));
                    Diagnostic::error("setting", message).kind(ProblemKind::Usage)
                });
                if let Some(value) = value.transpose() {
                    settings.values.insert(known.name, (value?, Origin::Variable(name)));
                }
            }
        }
        Ok(settings)
    }

    /// The same, for commands: what does not count is told on standard error.
    pub(super) fn told(directory: &Path) -> Result<Self, Failure> {
        let settings = Self::load(directory)?;
        for (text, warning) in &settings.warnings {
            err(&format!("{}\n\n", warning.snippet(text)));
        }
        Ok(settings)
    }

    /// Adds the settings of a file; they go before those that are there.
    fn add_file(&mut self, path: &Path, is_of_user: bool) -> Result<(), Failure> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct File(BTreeMap<toml::Spanned<String>, toml::Value>);

        let content = match read_file(path, MAX_BYTES) {
            Ok(content) => content,
            // A file that somebody names has to be there.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && std::env::var_os(CONFIG).is_none() => {
                return Ok(());
            }
            Err(error) => return Err(cannot("read", path, error).into()),
        };
        let text = Text::from_utf8(&path.display().to_string(), content).map_err(Diagnostic::from)?;
        let file: File = toml::from_str(text.content()).map_err(|error: toml::de::Error| {
            let span = error.span().unwrap_or_default();
            let problem = Diagnostic::error("setting", error.message()).at(Span {
                start: span.start,
                end: span.end,
            });
            Failure::from(problem).about(&text)
        })?;
        for (name, value) in file.0 {
            let span = Span {
                start: name.span().start,
                end: name.span().end,
            };
            let known = KNOWN.iter().find(|known| known.name == name.as_ref());
            let Some(known) = known else {
                return Err(Failure::from(unknown(name.as_ref()).at(span)).about(&text));
            };
            if known.is_of_user && !is_of_user {
                let message = format!(
                    "`{}` counts only in the user's own file: a project must not decide it",
                    known.name
                );
                let warning = Diagnostic::warning("setting-of-user", message).at(span);
                let help = "`imagespec config` says where that is";
                self.warnings.push((text.clone(), warning.help(help)));
                continue;
            }
            let value = from_toml(known.kind, &value).ok_or_else(|| {
                let problem = Diagnostic::error("setting", format!("`{}` is not {}", known.name, known.kind.words()));
                Failure::from(problem.at(span)).about(&text)
            })?;
            let words = words_of(known.name);
            if let Value::Text(word) = &value
                && !words.is_empty()
                && !words.contains(&word.as_str())
            {
                let message = format!(
                    "`{}` is one of {}, not `{}`",
                    known.name,
                    words.join(", "),
                    redact(word)
                );
                return Err(Failure::from(Diagnostic::error("setting", message).at(span)).about(&text));
            }
            let value = beside(path, known.name, value);
            let line = text.position(span.start).line;
            let origin = Origin::File {
                path: path.to_owned(),
                line,
            };
            self.values.insert(known.name, (value, origin));
        }
        Ok(())
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name) {
            Some((Value::Text(text), _)) => Some(text.clone()),
            _ => None,
        }
    }

    /// The engine that is asked for.
    pub(super) fn engine(&self, given: Option<&str>) -> String {
        let given = given.map(str::to_owned).or_else(|| self.text("engine"));
        given.unwrap_or_else(|| AUTO.to_owned())
    }

    /// Whether something is switched on; `None` where nobody says.
    pub(super) fn switch(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some((Value::Switch(on), _)) => Some(*on),
            _ => None,
        }
    }

    /// A list; empty where nobody says.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.values.get(name) {
            Some((Value::List(list), _)) => list.clone(),
            _ => Vec::new(),
        }
    }

    /// Names with texts.
    pub(super) fn table(&self, name: &str) -> BTreeMap<String, String> {
        match self.values.get(name) {
            Some((Value::Table(table), _)) => table.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// All that there are with their origins, one a line.
    pub(super) fn lines(&self) -> String {
        let line = |known: &Known| match (self.values.get(known.name), default_of(known.name)) {
            (Some((value, origin)), _) => format!("{} = {}  # {origin}\n", known.name, value.toml()),
            (None, Some(value)) => format!("{} = {}  # default\n", known.name, value.toml()),
            (None, None) => format!("# {} is not set\n", known.name),
        };
        KNOWN.iter().map(line).collect()
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Json {
        let entries = self.values.iter().map(|(name, (value, origin))| {
            let described = json!({"value": value.json(), "from": origin.to_string()});
            ((*name).to_owned(), described)
        });
        Json::Object(entries.collect())
    }
}

/// What counts where nobody says anything, if that is something.
fn default_of(name: &str) -> Option<Value> {
    let text = |word: &str| Some(Value::Text(word.to_owned()));
    match name {
        "engine" | "progress" => text(AUTO),
        "if_exists" => text("skip"),
        "if_unknown" => text("build"),
        "sbom" | "provenance" => text("false"),
        "push" | "pull" => Some(Value::Switch(false)),
        _ => None,
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Switch => "true or false",
            Self::List => "a list of texts",
            Self::Table => "a table of texts",
        }
    }
}

impl Value {
    fn json(&self) -> Json {
        match self {
            Self::Text(text) => json!(redact(text)),
            Self::Switch(on) => json!(on),
            Self::List(list) => list.iter().map(|text| redact(text)).collect(),
            Self::Table(table) => {
                let entries = table.iter().map(|(name, text)| (name.clone(), json!(redact(text))));
                Json::Object(entries.collect())
            }
        }
    }

    /// As a file would have it.
    fn toml(&self) -> String {
        let text = |text: &str| toml::Value::from(redact(text)).to_string();
        match self {
            Self::Text(value) => text(value),
            Self::Switch(on) => on.to_string(),
            Self::List(list) => format!(
                "[{}]",
                list.iter().map(|item| text(item)).collect::<Vec<_>>().join(", ")
            ),
            Self::Table(table) => {
                let entries = table
                    .iter()
                    .map(|(name, value)| format!("{} = {}", text(name), text(value)));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Where the user's own file is, whether it is there or not.
pub(super) fn user_file(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(path) = variable(CONFIG) {
        return Some(path.into());
    }
    let directory = match variable("XDG_CONFIG_HOME") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(&variable("HOME")?).join(".config"),
    };
    Some(directory.join("imagespec").join(FILE))
}

/// The file in a directory, or in the nearest one above.
fn project_file(directory: &Path, own: Option<&Path>) -> Option<PathBuf> {
    let directory = directory.canonicalize().ok()?;
    let mut candidates = directory.ancestors().map(|directory| directory.join(FILE));
    candidates.find(|path| path.is_file() && Some(path.as_path()) != own)
}

fn unknown(name: &str) -> Diagnostic {
    let problem = Diagnostic::error("setting", format!("there is no setting `{name}`"));
    match closest(name, KNOWN.iter().map(|known| known.name)) {
        Some(word) => problem.help(format!("did you mean `{word}`?")),
        None => problem.help("docs/cli.md lists the settings"),
    }
}

/// A setting that names files, with those relative to the file that it stands in.
fn beside(file: &Path, name: &str, value: Value) -> Value {
    let directory = file.parent().unwrap_or(Path::new(""));
    let placed = |path: String| match path.starts_with("~/") {
        true => path,
        false => directory.join(path).display().to_string(),
    };
    match (name, value) {
        ("secrets", Value::Table(table)) => {
            Value::Table(table.into_iter().map(|(id, path)| (id, placed(path))).collect())
        }
        ("registry_authority", Value::Text(path)) => Value::Text(placed(path)),
        (_, value) => value,
    }
}

/// The value of a variable; tables are for files only.
fn from_variable(kind: Kind, text: &str) -> Option<Option<Value>> {
    Some(match kind {
        Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Switch => match text.to_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(Value::Switch(true)),
            "0" | "false" | "no" | "off" => Some(Value::Switch(false)),
            _ => return None,
        },
        Kind::List => Some(Value::List(shlex::split(text)?)),
        Kind::Table => None,
    })
}

fn from_toml(kind: Kind, value: &toml::Value) -> Option<Value> {
    let text = |value: &toml::Value| value.as_str().map(str::to_owned);
    Some(match kind {
        // `provenance = false` is how people write it.
        Kind::Text => Value::Text(text(value).or(value.as_bool().map(|on| on.to_string()))?),
        Kind::Switch => Value::Switch(value.as_bool()?),
        Kind::List => Value::List(value.as_array()?.iter().map(text).collect::<Option<_>>()?),
        Kind::Table => {
            let entries = value.as_table()?.iter();
            Value::Table(
                entries
                    .map(|(name, value)| Some((name.clone(), text(value)?)))
                    .collect::<Option<_>>()?,
            )
        }
    })
}
