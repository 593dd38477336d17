//! YAML as nodes that keep their text and their place: what a scalar means is left to others.

use std::collections::HashMap;
use std::fmt;

use libyaml_safer::{Encoding, Event, EventData, Mark, Parser, ScalarStyle};

use crate::text::diagnostic::Diagnostic;
use crate::text::guard::guarded;
use crate::text::redact::redact;
use crate::text::source::{Span, Text};
use crate::text::surrogate;

/// The largest spec file, in bytes: the whole file travels with every error.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The deepest nesting.
const MAX_DEPTH: usize = 64;
/// The most values, aliases expanded.
const MAX_NODES: usize = 100_000;

/// A YAML value as written: no scalar is interpreted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// From its first byte to its last, quotes and brackets included.
    pub span: Span,
    /// Its explicit tag, resolved, for example `tag:yaml.org,2002:str`.
    pub tag: Option<String>,
    /// The text, or the nodes inside.
    pub data: Data,
}

/// The kinds of YAML values.
#[derive(Clone, PartialEq, Eq)]
pub enum Data {
    /// A single value.
    Scalar {
        /// The text after quotes and escapes.
        text: String,
        /// Whether it has neither quotes nor block style: only then can it mean a number, a boolean or null.
        plain: bool,
        /// Its code points where the text cannot have them: it holds halves of surrogate pairs, which
        /// PyYAML keeps apart. The text has whole characters, and U+FFFD for halves without a partner.
        points: Option<Vec<u32>>,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping in the order written, merge keys expanded, repeated keys kept.
    Mapping(Vec<(Node, Node)>),
}

impl fmt::Debug for Data {
    /// Values may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar { text, .. } => write!(f, "{:?}", redact(text)),
            Self::Sequence(items) => f.debug_list().entries(items).finish(),
            Self::Mapping(pairs) => f.debug_map().entries(pairs.iter().map(|(k, v)| (k, v))).finish(),
        }
    }
}

impl Node {
    /// The kind of node in words, whatever its tag says.
    #[must_use]
    pub(crate) fn shape(&self) -> &'static str {
        match &self.data {
            Data::Sequence(_) => "a list",
            Data::Mapping(_) => "a mapping",
            Data::Scalar { .. } => "this value",
        }
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Reads the one document of a file.
///
/// # Errors
/// One diagnostic, at the place where reading stopped.
pub fn parse(text: &Text) -> Result<Node, Diagnostic> {
    let content = text.content();
    if content.len() > MAX_BYTES {
        return Err(Diagnostic::error(
            "file-too-large",
            format!("the file has {} bytes, a spec may have {MAX_BYTES}", content.len()),
        )
        .at(Span::default())
        .help("move long lists of packages into a requirements file"));
    }
    let body = content.strip_prefix('\u{feff}').unwrap_or(content);
    if let Some((at, c)) = body.char_indices().find(|(_, c)| !is_allowed(*c)) {
        let at = at + content.len() - body.len();
        let span = Span {
            start: at,
            end: at + c.len_utf8(),
        };
        let message = format!(
            "this is not valid YAML: it has the control character U+{:04X}",
            u32::from(c)
        );
        return Err(Diagnostic::error("yaml-syntax", message)
            .at(span)
            .help(format!("in double quotes it can be written as \\x{:02x}", u32::from(c))));
    }
    let hidden = surrogate::hide(body)?;
    // The parser wants a line feed at the end; its effect is undone later.
    let last_line = (!body.ends_with(['\n', '\r'])).then(|| body.rsplit(['\n', '\r']).next().unwrap_or(body));
    let mut input = hidden.as_deref().unwrap_or(body).to_owned();
    if last_line.is_some() {
        input.push('\n');
    }
    let mut builder = TreeBuilder {
        body,
        last_line,
        has_hidden: hidden.is_some(),
        shift: content.len() - body.len(),
        anchors: HashMap::new(),
        stack: Vec::new(),
        nodes: 0,
        root: None,
        documents: 0,
        reached: 0,
    };
    // The parser panics at some malformed texts.
    let read = guarded(|| builder.read(&input, text));
    let reached = builder.reached;
    read.unwrap_or_else(|| Err(given_up(content, reached)))?;
    builder.root.ok_or_else(|| {
        Diagnostic::error("empty-file", "the file has no content")
            .at(Span::default())
            .help("a spec is a mapping, for example `packages: [pandas]`")
    })
}

/// The problem that the parser panicked after a place. It is known to do so at a tag that a comma follows.
fn given_up(content: &str, reached: usize) -> Diagnostic {
    let rest = content.get(reached..).unwrap_or_default();
    let tag = rest.match_indices('!').find_map(|(at, _)| {
        let word = rest.get(at..)?.split(char::is_whitespace).next()?;
        Some((at, word.find(',')?))
    });
    let (start, length) = tag.map_or((reached, 0), |(at, length)| (reached + at, length));
    let end = start + length;
    let (problem, help) = match tag {
        Some(_) => (
            "a comma follows a tag (`!…`)",
            "put a blank before the comma, or quotes around what is no tag",
        ),
        None => (
            "the parser gave up on it",
            "look for a tag (`!…`) or a quote that has no end",
        ),
    };
    let message = format!("this is not valid YAML: {problem}");
    Diagnostic::error("yaml-syntax", message)
        .at(Span { start, end })
        .help(help)
}

/// Whether PyYAML accepts a character in a file.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

fn words_of(error: &libyaml_safer::Error) -> String {
    match error.context().filter(|context| !context.is_empty()) {
        Some(context) => format!("{} {context}", error.problem()),
        None => error.problem().to_owned(),
    }
}

fn syntax_error(text: &Text, at: usize, info: &str) -> Diagnostic {
    let span = Span {
        start: at.min(text.content().len()),
        end: at.min(text.content().len()),
    };
    let line = text.position(at).line as usize;
    let tab = text
        .content()
        .lines()
        .nth(line.saturating_sub(1))
        .is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'));
    let diagnostic = Diagnostic::error("yaml-syntax", format!("this is not valid YAML: {info}")).at(span);
    if tab {
        diagnostic.help("the line is indented with a tab; YAML takes spaces only")
    } else {
        diagnostic.help("check the indentation and the quotes of this line and the one before it")
    }
}

/// Builds the tree from events, without recursion.
struct TreeBuilder<'a> {
    /// The text without what was added at its end.
    body: &'a str,
    /// The last line, if no line feed ends it.
    last_line: Option<&'a str>,
    /// Whether characters are hidden in the text that is parsed.
    has_hidden: bool,
    /// Bytes before those that are parsed.
    shift: usize,
    anchors: HashMap<String, Node>,
    stack: Vec<Open>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
    /// The end of the last event, in bytes.
    reached: usize,
}

struct Open {
    anchor: Option<String>,
    node: Node,
    key: Option<Node>,
}

impl TreeBuilder<'_> {
    /// Takes the events as they come, so that too deep or too large a document ends at once.
    fn read(&mut self, input: &str, text: &Text) -> Result<(), Diagnostic> {
        let mut bytes = input.as_bytes();
        let mut parser = Parser::new();
        parser.set_input_string(&mut bytes);
        // It is UTF-8, whatever its first bytes look like.
        parser.set_encoding(Encoding::Utf8);
        for event in parser {
            match event {
                Ok(event) => self.event(event)?,
                Err(error) => {
                    let at = error.problem_mark().map_or(0, |mark| self.byte(mark));
                    return Err(syntax_error(text, at, &words_of(&error)));
                }
            }
        }
        Ok(())
    }

    /// The parser counts bytes.
    fn byte(&self, mark: Mark) -> usize {
        usize::try_from(mark.index)
            .unwrap_or(usize::MAX)
            .saturating_add(self.shift)
    }

    fn event(&mut self, event: Event) -> Result<(), Diagnostic> {
        let start = self.byte(event.start_mark);
        let span = Span {
            start,
            end: self.byte(event.end_mark).max(start),
        };
        self.reached = span.end;
        match event.data {
            EventData::DocumentStart { .. } => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(
                        Diagnostic::error("several-documents", "the file has more than one YAML document")
                            .at(span)
                            .help("one file describes one image; put each spec into a file of its own"),
                    );
                }
            }
            EventData::Scalar {
                anchor,
                tag,
                value,
                plain_implicit,
                style,
                ..
            } => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let value = if is_block { self.at_end(value, span) } else { value };
                let (text, points) = if self.has_hidden {
                    surrogate::restore(&value)
                } else {
                    (value, None)
                };
                // `!` says that the value decides, quotes or not.
                let is_open = tag.as_deref() == Some("!");
                let data = Data::Scalar {
                    text,
                    plain: plain_implicit || is_open,
                    points,
                };
                let node = self.node(span, tag.filter(|_| !is_open), data)?;
                self.known_anchor(anchor.as_ref(), span)?;
                self.finish(node, anchor)?;
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                let node = self.node(span, tag, Data::Sequence(Vec::new()))?;
                self.open(node, anchor)?;
            }
            EventData::MappingStart { anchor, tag, .. } => {
                let node = self.node(span, tag, Data::Mapping(Vec::new()))?;
                self.open(node, anchor)?;
            }
            EventData::SequenceEnd | EventData::MappingEnd => {
                if let Some(mut open) = self.stack.pop() {
                    open.node.span.end = self.end_of(&open.node, span);
                    if let Data::Mapping(pairs) = &mut open.node.data {
                        self.nodes += expand_merge_keys(pairs)?;
                        self.check_size(span)?;
                    }
                    self.finish(open.node, open.anchor)?;
                }
            }
            EventData::Alias { anchor } => {
                let Some(mut node) = self.anchors.get(&anchor).cloned() else {
                    return Err(
                        Diagnostic::error("yaml-syntax", "this alias has no complete anchor before it").at(span),
                    );
                };
                self.nodes += count(&node);
                self.check_size(span)?;
                node.span = span;
                self.finish(node, None)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A block scalar at the end of a file that has no line feed there, without the one that was added.
    fn at_end(&self, mut value: String, span: Span) -> String {
        let Some(last_line) = self.last_line.filter(|_| span.end >= self.body.len() + self.shift) else {
            return value;
        };
        let header = self.body.get(span.start - self.shift..).unwrap_or("");
        let keeps = header
            .chars()
            .skip(1)
            .take_while(|c| !c.is_whitespace())
            .any(|c| c == '+');
        // Spaces up to the indentation are no line of the scalar, spaces beyond it are.
        let last = value
            .strip_suffix('\n')
            .map(|rest| rest.rsplit('\n').next().unwrap_or(rest));
        let has_content =
            last_line.contains(|c| c != ' ') || last.is_some_and(|l| !l.is_empty() && l.trim_matches(' ').is_empty());
        if (keeps || has_content) && value.ends_with('\n') {
            value.pop();
        }
        value
    }

    /// PyYAML accepts each name once.
    fn known_anchor(&self, anchor: Option<&String>, span: Span) -> Result<(), Diagnostic> {
        let is_open = |name: &String| self.stack.iter().any(|open| open.anchor.as_ref() == Some(name));
        match anchor.filter(|name| self.anchors.contains_key(*name) || is_open(name)) {
            Some(name) => Err(
                Diagnostic::error("yaml-syntax", format!("the anchor `&{name}` is there already"))
                    .at(span)
                    .help("give each anchor a name of its own"),
            ),
            None => Ok(()),
        }
    }

    /// A block collection's end event lies at the next token; what it holds ends before.
    fn end_of(&self, node: &Node, end: Span) -> usize {
        let last = match &node.data {
            Data::Sequence(items) => items.last().map(|item| item.span.end),
            Data::Mapping(pairs) => pairs.last().map(|(key, value)| value.span.end.max(key.span.end)),
            Data::Scalar { .. } => None,
        };
        if end.end > end.start {
            // A closing bracket.
            end.end
        } else {
            last.unwrap_or(end.end).max(node.span.end)
        }
    }

    fn node(&mut self, span: Span, tag: Option<String>, data: Data) -> Result<Node, Diagnostic> {
        self.nodes += 1;
        self.check_size(span)?;
        Ok(Node { span, tag, data })
    }

    fn check_size(&self, span: Span) -> Result<(), Diagnostic> {
        if self.nodes > MAX_NODES {
            return Err(Diagnostic::error(
                "too-many-values",
                format!("the file holds more than {MAX_NODES} values, aliases expanded"),
            )
            .at(span)
            .help("aliases that refer to aliases multiply; write the values out"));
        }
        Ok(())
    }

    fn open(&mut self, node: Node, anchor: Option<String>) -> Result<(), Diagnostic> {
        self.known_anchor(anchor.as_ref(), node.span)?;
        if self.stack.len() >= MAX_DEPTH {
            return Err(
                Diagnostic::error("too-deep", format!("values are nested more than {MAX_DEPTH} deep")).at(node.span),
            );
        }
        self.stack.push(Open {
            anchor,
            node,
            key: None,
        });
        Ok(())
    }

    fn finish(&mut self, node: Node, anchor: Option<String>) -> Result<(), Diagnostic> {
        if let Some(anchor) = anchor {
            self.nodes += count(&node);
            self.check_size(node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.data {
            Data::Sequence(items) => items.push(node),
            Data::Mapping(pairs) => match open.key.take() {
                None => open.key = Some(node),
                Some(key) => pairs.push((key, node)),
            },
            Data::Scalar { .. } => {}
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    match &node.data {
        Data::Scalar { .. } => 1,
        Data::Sequence(items) => 1 + items.iter().map(count).sum::<usize>(),
        Data::Mapping(pairs) => 1 + pairs.iter().map(|(k, v)| count(k) + count(v)).sum::<usize>(),
    }
}

/// Expands `<<` keys as PyYAML does: merged pairs come first, and of several merged mappings the later
/// ones, so that the earlier win. Returns how many values were added.
fn expand_merge_keys(pairs: &mut Vec<(Node, Node)>) -> Result<usize, Diagnostic> {
    let is_merge =
        |key: &Node| key.tag.is_none() && matches!(&key.data, Data::Scalar { text, plain: true, .. } if text == "<<");
    if !pairs.iter().any(|(key, _)| is_merge(key)) {
        return Ok(0);
    }
    let mut merged = Vec::new();
    let mut own = Vec::new();
    for (key, value) in std::mem::take(pairs) {
        if !is_merge(&key) {
            own.push((key, value));
            continue;
        }
        let wrong = Diagnostic::error("merge-key", "`<<` takes a mapping or a list of mappings").at(value.span);
        match value.data {
            Data::Mapping(inner) => merged.extend(inner),
            Data::Sequence(items) => {
                for item in items.into_iter().rev() {
                    let Data::Mapping(inner) = item.data else {
                        return Err(wrong);
                    };
                    merged.extend(inner);
                }
            }
            Data::Scalar { .. } => return Err(wrong),
        }
    }
    let added = merged.iter().map(|(k, v)| count(k) + count(v)).sum();
    merged.extend(own);
    *pairs = merged;
    Ok(added)
}
