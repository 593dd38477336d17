//! The modules of a source tree and what they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

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

/// The files of a source tree by their modules. A module that is written inside of a file has an entry of its own.
#[derive(Default)]
pub(crate) struct Sources {
    modules: BTreeMap<Module, File>,
    /// Where each `mod` is written.
    declared: BTreeMap<Module, (PathBuf, usize)>,
    for_tests: BTreeSet<Module>,
}

type Module = Vec<String>;

#[derive(Default)]
struct File {
    path: PathBuf,
    tokens: Vec<TokenTree>,
    /// What a module gives on under a name of its own: the name, and the path that it stands for.
    exports: BTreeMap<String, Module>,
    /// Names of modules, in the whole module.
    aliases: BTreeMap<String, Module>,
}

/// A path as it is written.
struct Written {
    segments: Vec<String>,
    name: Option<String>,
    line: usize,
    is_use: bool,
    is_public: bool,
}

/// What a written path stands for.
enum Target {
    /// From the root of the crate.
    Inside(Module),
    /// Another crate, or what the module itself defines.
    Outside,
    /// More `super` than there are modules.
    Nowhere,
}

impl Sources {
    pub(crate) fn read(src: &Path) -> Self {
        let mut files = Vec::new();
        list(src, &mut files);
        let mut sources = Self::default();
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(src).unwrap();
            let tokens: TokenStream = text
                .parse()
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            sources.add(path, module_of(path), tokens);
        }
        let Self {
            modules,
            declared,
            for_tests,
        } = &mut sources;
        for_tests.retain(|module| !declared.contains_key(module));
        let is_code = |module: &Module| !for_tests.iter().any(|test| module.starts_with(test));
        modules.retain(|module, _| is_code(module));
        declared.retain(|module, _| is_code(module));
        sources.find_names();
        sources
    }

    fn add(&mut self, path: &Path, module: Module, tokens: TokenStream) {
        let tokens = self.without_tests(path, &module, tokens);
        let name = module.join("::");
        let file = self.modules.entry(module).or_insert_with(|| File {
            path: path.to_owned(),
            ..File::default()
        });
        assert_eq!(file.path, path, "two modules are named {name}");
        file.tokens.extend(tokens);
    }

    /// The tokens of a module without what is for tests, and without the bodies of the modules in it, which are
    /// added.
    fn without_tests(&mut self, path: &Path, module: &Module, tokens: TokenStream) -> Vec<TokenTree> {
        let child = |name: &TokenTree| [module.as_slice(), &[name.to_string()]].concat();
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut kept = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at..] {
                [hash, TokenTree::Group(attribute), ..]
                    if is_punct(Some(hash), '#') && is_for_tests(&trees(attribute)) =>
                {
                    let end = item_end(&tokens, at + 2);
                    let pairs = tokens[at..end].windows(2).filter(|pair| is_word(&pair[0], "mod"));
                    self.for_tests.extend(pairs.map(|pair| child(&pair[1])));
                    at = end;
                }
                [word, name @ TokenTree::Ident(_), rest @ ..] if is_word(word, "mod") => {
                    kept.extend([word.clone(), name.clone()]);
                    at += 2;
                    let place = (path.to_owned(), name.span().start().line);
                    self.declared.insert(child(name), place);
                    if let Some(TokenTree::Group(body)) = rest.first() {
                        self.add(path, child(name), body.stream());
                        at += 1;
                    }
                }
                [TokenTree::Group(group), ..] => {
                    let inner = self.without_tests(path, module, group.stream());
                    kept.push(Group::new(group.delimiter(), inner.into_iter().collect()).into());
                    at += 1;
                }
                _ => {
                    kept.push(tokens[at].clone());
                    at += 1;
                }
            }
        }
        kept
    }

    /// What each module re-exports and imports.
    fn find_names(&mut self) {
        let known: BTreeSet<Module> = self.modules.keys().cloned().collect();
        for (module, file) in &mut self.modules {
            for name in known
                .iter()
                .filter(|other| other.len() == module.len() + 1 && other.starts_with(module))
            {
                file.aliases.insert(name.last().unwrap().clone(), name.clone());
            }
            let written = file.written();
            // A second time for those that name what a later one imports.
            for written in written.iter().chain(&written).filter(|written| written.is_use) {
                let Target::Inside(target) = file.target(module, &written.segments) else {
                    continue;
                };
                let Some(name) = written.name.as_ref().or(target.last()).cloned() else {
                    continue;
                };
                if known.contains(&target) {
                    file.aliases.insert(name.clone(), target.clone());
                }
                let is_itself = target.split_last() == Some((&name, module.as_slice()));
                if written.is_public && !is_itself {
                    file.exports.insert(name, target);
                }
            }
        }
    }

    /// What this reading cannot follow, and so nobody may write.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (module, file) in &self.modules {
            let mut found = Vec::new();
            unfollowed(&file.tokens, false, &mut found);
            let is_macro = |token: &TokenTree| is_word(token, "macro_rules");
            let below = file.tokens.iter().skip_while(|token| !is_macro(token));
            let sees = "`mod` below `macro_rules!` sees the macro without a path: put the `mod` above";
            found.extend(
                below
                    .filter(|token| is_word(token, "mod"))
                    .map(|word| (line(word), sees)),
            );
            for written in file.written() {
                if written.segments.last().is_some_and(|last| last == "*") {
                    found.push((written.line, "`*` hides what is named: name each"));
                } else if matches!(file.target(module, &written.segments), Target::Nowhere) {
                    found.push((written.line, "a path that leads nowhere"));
                }
            }
            let path = file.path.display();
            faults.extend(found.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")));
        }
        for (module, (path, line)) in &self.declared {
            if !self.modules.contains_key(module) {
                let name = module.last().unwrap();
                let path = path.display();
                faults.push(format!("{path}:{line}: `mod {name}` has no file at its place"));
            }
        }
        faults
    }

    /// Everything that a file names in another, once a line.
    pub(crate) fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeMap::new();
        for (module, file) in &self.modules {
            for written in file.written() {
                let Target::Inside(target) = file.target(module, &written.segments) else {
                    continue;
                };
                // Giving on what lies inside is what a door is for.
                let leads_out = matches!(written.segments[0].as_str(), "crate" | "super");
                if written.is_public && !leads_out && target.starts_with(module) {
                    continue;
                }
                let to = self.home(&target, 0);
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

    /// The file that defines what a path names.
    fn home(&self, path: &[String], depth: usize) -> &Path {
        assert!(depth < 50, "re-exports that run in a circle: {}", path.join("::"));
        let mut module: Module = Vec::new();
        for (position, segment) in path.iter().enumerate() {
            let mut inner = module.clone();
            inner.push(segment.clone());
            if self.modules.contains_key(&inner) {
                module = inner;
                continue;
            }
            let Some(file) = self.modules.get(&module) else { break };
            let rest = &path[position + 1..];
            if let Some(target) = file.exports.get(segment) {
                let target = [target.as_slice(), rest].concat();
                return self.home(&target, depth + 1);
            }
            break;
        }
        match self.modules.get(&module) {
            Some(file) => &file.path,
            None => panic!("no file is the root of {}", path.join("::")),
        }
    }
}

impl File {
    fn written(&self) -> Vec<Written> {
        let mut found = Vec::new();
        paths_in(&self.tokens, &mut found);
        found
    }

    fn target(&self, module: &[String], segments: &[String]) -> Target {
        match segments[0].as_str() {
            "crate" | "imagespec" => Target::Inside(segments[1..].to_vec()),
            first @ ("self" | "super") => {
                let path = if first == "self" { &segments[1..] } else { segments };
                let up = path.iter().take_while(|segment| *segment == "super").count();
                match module.len().checked_sub(up) {
                    Some(left) => Target::Inside([&module[..left], &path[up..]].concat()),
                    None => Target::Nowhere,
                }
            }
            first => match self.aliases.get(first) {
                Some(alias) => Target::Inside([alias.as_slice(), &segments[1..]].concat()),
                None => Target::Outside,
            },
        }
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

/// Whether an attribute or a condition in one holds in tests and for fuzzers alone.
fn is_for_tests(condition: &[TokenTree]) -> bool {
    match condition {
        [word] => is_word(word, "test") || is_word(word, "fuzzing"),
        [word, TokenTree::Group(list)] => {
            let list = trees(list);
            let mut parts = list.split(|token| is_punct(Some(token), ','));
            match word.to_string().as_str() {
                "cfg" | "all" => parts.any(is_for_tests),
                "any" => parts.filter(|part| !part.is_empty()).all(is_for_tests),
                _ => false,
            }
        }
        _ => false,
    }
}

/// The place after an item: after its body, its semicolon or, for a field or an arm, its comma.
fn item_end(tokens: &[TokenTree], mut at: usize) -> usize {
    // Commas between generics, and in a `where`, end nothing.
    let mut open = 0_usize;
    while let Some(token) = tokens.get(at) {
        let is_arrow = is_punct(tokens.get(at - 1), '-') || is_punct(tokens.get(at - 1), '=');
        at += 1;
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            TokenTree::Punct(punct) => match punct.as_char() {
                ';' => break,
                ',' if open == 0 => break,
                '<' => open += 1,
                '>' if !is_arrow => open = open.saturating_sub(1),
                _ => {}
            },
            word if is_word(word, "where") => open += 1,
            _ => {}
        }
    }
    at
}

/// What brings in names in ways that are not followed, with the line.
fn unfollowed(tokens: &[TokenTree], is_in_attribute: bool, found: &mut Vec<(usize, &'static str)>) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            unfollowed(&trees(group), is_in_attribute || is_attribute(tokens, at), found);
            continue;
        }
        let next = tokens.get(at + 1);
        let what = match token.to_string().as_str() {
            "extern" if next.is_some_and(|next| is_word(next, "crate")) => "`extern crate` gives a crate another name",
            "include" if is_punct(next, '!') => "`include!` brings in another file: make it a module",
            "path" if is_in_attribute && is_punct(next, '=') => "`#[path]` brings in another file: move the file",
            "macro_use" | "macro_export" if is_in_attribute => "names a macro without a path: `use` it",
            _ => continue,
        };
        found.push((line(token), what));
    }
}

/// Whether a group stands after `#` or `#!`.
fn is_attribute(tokens: &[TokenTree], at: usize) -> bool {
    match &tokens[..at] {
        [.., hash, bang] if is_punct(Some(bang), '!') => is_punct(Some(hash), '#'),
        before => is_punct(before.last(), '#'),
    }
}

fn trees(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
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

/// Every path of more than one segment, and what `use` names.
fn paths_in(tokens: &[TokenTree], found: &mut Vec<Written>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if word == "use" => {
                let is_public = is_visibility(&tokens[..at]);
                at += 1;
                let paths = paths_at(tokens, &mut at, Vec::new());
                found.extend(paths.into_iter().map(|path| Written {
                    is_use: true,
                    is_public,
                    ..path
                }));
            }
            TokenTree::Ident(_) if is_path_separator(tokens, at + 1) => {
                found.extend(paths_at(tokens, &mut at, Vec::new()));
            }
            TokenTree::Group(group) => {
                let inner = trees(group);
                paths_in(&inner, found);
                if is_attribute(tokens, at) {
                    paths_in_strings(&inner, found);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Paths in the strings of an attribute, which serde makes code of.
fn paths_in_strings(tokens: &[TokenTree], found: &mut Vec<Written>) {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => paths_in_strings(&trees(group), found),
            TokenTree::Literal(literal) => {
                // Words for people.
                let is_prose = |name: &TokenTree| is_word(name, "doc") || is_word(name, "reason");
                if at >= 2 && is_prose(&tokens[at - 2]) {
                    continue;
                }
                let text = literal.to_string();
                let Ok(code) = text.trim_matches(['r', '#', '"']).parse::<TokenStream>() else {
                    continue;
                };
                let code: Vec<TokenTree> = code.into_iter().collect();
                let mut paths = Vec::new();
                paths_in(&code, &mut paths);
                found.extend(paths.into_iter().map(|path| Written {
                    line: line(token),
                    is_use: false,
                    ..path
                }));
            }
            _ => {}
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
                let inner = trees(group);
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
    vec![Written {
        segments,
        name,
        line,
        is_use: false,
        is_public: false,
    }]
}
