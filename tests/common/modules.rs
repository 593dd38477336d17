//! The modules of a source tree and what they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A file that names something of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) from: PathBuf,
    pub(crate) line: usize,
    pub(crate) to: PathBuf,
    pub(crate) path: String,
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.display(), self.to.display());
        write!(f, "{from}:{}: names {to} ({})", self.line, self.path)
    }
}

/// The files of a source tree by their modules.
pub(crate) struct Sources {
    modules: BTreeMap<Module, File>,
}

type Module = Vec<String>;

struct File {
    path: PathBuf,
    tokens: Vec<TokenTree>,
    /// What a module gives on under a name of its own: the name, and the path that it stands for.
    exports: BTreeMap<String, Module>,
    /// Modules that are given on whole.
    globs: Vec<Module>,
    /// Names of modules, in the whole file.
    aliases: BTreeMap<String, Module>,
}

/// A path as it is written, and whether all that is below it is meant.
struct Written {
    segments: Vec<String>,
    name: Option<String>,
    line: usize,
}

impl Sources {
    pub(crate) fn read(src: &Path) -> Self {
        let mut modules = BTreeMap::new();
        let mut files = Vec::new();
        list(src, &mut files);
        let mut for_tests = BTreeSet::new();
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(src).unwrap().to_owned();
            let module = module_of(&path);
            let tokens: TokenStream = text
                .parse()
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let (tokens, left_out) = without_tests(tokens);
            for_tests.extend(left_out.into_iter().map(|name| {
                let mut module = module.clone();
                module.push(name);
                module
            }));
            let file = File {
                path,
                tokens,
                exports: BTreeMap::new(),
                globs: Vec::new(),
                aliases: BTreeMap::new(),
            };
            modules.insert(module, file);
        }
        modules.retain(|module, _| !for_tests.iter().any(|test| module.starts_with(test)));
        let mut sources = Self { modules };
        sources.find_names();
        sources
    }

    /// What each module re-exports and imports.
    fn find_names(&mut self) {
        let known: BTreeSet<Module> = self.modules.keys().cloned().collect();
        for (module, file) in &mut self.modules {
            let mut imported = Vec::new();
            for (position, token) in file.tokens.iter().enumerate() {
                if !is_word(token, "use") {
                    continue;
                }
                let is_public = position > 0 && is_visibility(&file.tokens[..position]);
                let mut at = position + 1;
                for written in paths_at(&file.tokens, &mut at, Vec::new()) {
                    imported.push((is_public, written));
                }
            }
            for name in known
                .iter()
                .filter(|other| other.len() == module.len() + 1 && other.starts_with(module))
            {
                file.aliases.insert(name.last().unwrap().clone(), name.clone());
            }
            for (is_public, written) in imported {
                let mut target = absolute(module, &written.segments).unwrap_or_else(|| {
                    // A child module, or another crate.
                    [module.as_slice(), &written.segments].concat()
                });
                let name = written
                    .name
                    .clone()
                    .or_else(|| target.last().cloned())
                    .unwrap_or_default();
                if target.last().is_some_and(|last| last == "*") {
                    target.pop();
                    if is_public {
                        file.globs.push(target);
                    }
                    continue;
                }
                if known.contains(&target) {
                    file.aliases.insert(name.clone(), target.clone());
                }
                if is_public {
                    file.exports.insert(name, target);
                }
            }
        }
    }

    /// Everything that a file names in another, once a line.
    pub(crate) fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeMap::new();
        for (module, file) in &self.modules {
            for written in self.written(file) {
                let first = written.segments.first().unwrap();
                let target = match absolute(module, &written.segments) {
                    Some(target) => target,
                    None => match file.aliases.get(first) {
                        Some(alias) => [alias.as_slice(), &written.segments[1..]].concat(),
                        None => continue,
                    },
                };
                let Some(to) = self.home(&target, 0) else { continue };
                if to != file.path.as_path() {
                    let arrow = Arrow {
                        from: file.path.clone(),
                        line: written.line,
                        to: to.to_owned(),
                        path: written.segments.join("::"),
                    };
                    let place = (arrow.from.clone(), arrow.line, arrow.to.clone());
                    arrows.entry(place).or_insert(arrow);
                }
            }
        }
        arrows.into_values().collect()
    }

    /// Paths in a file that may lead to other modules; what a module gives on is not its own business.
    fn written(&self, file: &File) -> Vec<Written> {
        let mut found = Vec::new();
        paths_in(&file.tokens, &mut found);
        found
    }

    /// The file that defines what a path names.
    fn home(&self, path: &[String], depth: usize) -> Option<&Path> {
        assert!(depth < 50, "re-exports that run in a circle: {}", path.join("::"));
        let mut module: Module = Vec::new();
        for (position, segment) in path.iter().enumerate() {
            let mut inner = module.clone();
            inner.push(segment.clone());
            if self.modules.contains_key(&inner) {
                module = inner;
                continue;
            }
            let file = self.modules.get(&module)?;
            let rest = &path[position + 1..];
            if let Some(target) = file.exports.get(segment) {
                let target = [target.as_slice(), rest].concat();
                return self.home(&target, depth + 1).or(Some(&file.path));
            }
            break;
        }
        self.modules.get(&module).map(|file| file.path.as_path())
    }
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn module_of(path: &Path) -> Module {
    let mut module: Module = path
        .components()
        .map(|part| part.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned())
        .collect();
    if module == ["lib"] || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// The tokens of a file without what `#[cfg(test)]` is written on, and the names of such modules.
fn without_tests(tokens: TokenStream) -> (Vec<TokenTree>, Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let is_test = matches!(&tokens[at..], [TokenTree::Punct(hash), TokenTree::Group(group), ..]
            if hash.as_char() == '#' && group.to_string().replace(' ', "") == "[cfg(test)]");
        if !is_test {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += 2;
        // To the end of the item: its body or its semicolon.
        while at < tokens.len() {
            if is_word(&tokens[at], "mod") {
                left_out.push(tokens[at + 1].to_string());
            }
            let is_end = match &tokens[at] {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                TokenTree::Punct(punct) => punct.as_char() == ';',
                _ => false,
            };
            at += 1;
            if is_end {
                break;
            }
        }
    }
    (kept, left_out)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Whether tokens end with `pub` or `pub(…)`.
fn is_visibility(tokens: &[TokenTree]) -> bool {
    match tokens {
        [.., TokenTree::Ident(word)] => word == "pub",
        [.., TokenTree::Ident(word), TokenTree::Group(_)] => word == "pub",
        _ => false,
    }
}

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// Every path of more than one segment.
fn paths_in(tokens: &[TokenTree], found: &mut Vec<Written>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if word == "use" => {
                let is_public = is_visibility(&tokens[..at]);
                at += 1;
                let paths = paths_at(tokens, &mut at, Vec::new());
                // Giving on what lies inside is what a door is for.
                let leads_out =
                    |path: &Written| !is_public || path.segments[0] == "crate" || path.segments[0] == "super";
                found.extend(paths.into_iter().filter(leads_out));
            }
            TokenTree::Ident(_) if is_path_separator(tokens, at + 1) => {
                found.extend(paths_at(tokens, &mut at, Vec::new()));
            }
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                paths_in(&inner, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// The path that begins at a token, or the paths of a `use` tree.
fn paths_at(tokens: &[TokenTree], at: &mut usize, mut segments: Vec<String>) -> Vec<Written> {
    let mut line = 0;
    loop {
        match tokens.get(*at) {
            Some(TokenTree::Ident(word)) => {
                line = word.span().start().line;
                segments.push(word.to_string());
                *at += 1;
            }
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                line = star.span().start().line;
                segments.push("*".into());
                *at += 1;
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let (mut found, mut position) = (Vec::new(), 0);
                while position < inner.len() {
                    found.extend(paths_at(&inner, &mut position, segments.clone()));
                    // The comma.
                    position += 1;
                }
                *at += 1;
                return found;
            }
            // Generic arguments in a path, and leading separators of other crates.
            _ => break,
        }
        if is_path_separator(tokens, *at) {
            *at += 2;
        } else {
            break;
        }
    }
    let mut name = None;
    if tokens.get(*at).is_some_and(|token| is_word(token, "as")) {
        name = tokens.get(*at + 1).map(ToString::to_string);
        *at += 2;
    }
    if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
        segments.pop();
    }
    if segments.is_empty() {
        *at += 1;
        return Vec::new();
    }
    vec![Written { segments, name, line }]
}

/// The path from the root of the crate that a written path stands for; `None` for those that begin otherwise.
fn absolute(module: &[String], segments: &[String]) -> Option<Module> {
    match segments.first().map(String::as_str) {
        Some("crate" | "imagespec") => Some(segments[1..].to_vec()),
        Some("self") => Some([module, &segments[1..]].concat()),
        Some("super") => {
            let up = segments.iter().take_while(|segment| *segment == "super").count();
            let above = module.get(..module.len().checked_sub(up)?)?;
            Some([above, &segments[up..]].concat())
        }
        _ => None,
    }
}
