use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use crate::spec::credential::redact;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::surrogate;
use crate::spec::text::{Span, Text};

/// Spec files are refused beyond this size, in bytes: the whole file travels with every error.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Nesting beyond this is refused.
const MAX_DEPTH: usize = 64;
/// More values than this, aliases expanded, are refused.
const MAX_NODES: usize = 100_000;

/// A YAML value as written: no scalar is interpreted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// Its explicit tag, resolved, for example `tag:yaml.org,2002:str`.
    pub tag: Option<String>,
    /// The value.
    pub data: Data,
}

/// The kinds of YAML values.
#[derive(Clone, PartialEq, Eq)]
pub enum Data {
    /// A scalar's text after quotes and escapes, and whether it was written without quotes.
    Scalar {
        /// The text.
        text: String,
        /// No quotes and no block style: such a text may mean a number, a boolean or null.
        plain: bool,
        /// Its code points where the text cannot have them: it holds halves of surrogate pairs, which
        /// PyYAML keeps apart. The text has whole characters, and U+FFFD for halves without a partner.
        points: Option<Vec<u32>>,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping in the order written, merge keys expanded; of repeated keys all are there.
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
    /// What it is, in words for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Sequence(_) | Data::Mapping(_) => self.shape(),
            Data::Scalar { .. } => match crate::python::scalar(self) {
                crate::python::Value::None => "null",
                crate::python::Value::Bool(_) => "a boolean",
                crate::python::Value::Int(_) | crate::python::Value::Float(_) => "a number",
                crate::python::Value::Timestamp(_) => "a date",
                crate::python::Value::Bytes(_) => "binary data",
                _ => "a string",
            },
        }
    }

    /// What kind of node it is, whatever its tag says.
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
    let surrogates = surrogate::hide(body)?;
    let mut builder = Builder {
        surrogates: surrogates.is_some(),
        offsets: Offsets::new(body, content.len() - body.len()),
        anchors: HashMap::new(),
        stack: Vec::new(),
        nodes: 0,
        root: None,
        documents: 0,
    };
    for event in Parser::new_from_str(surrogates.as_deref().unwrap_or(body)) {
        match event {
            Ok((event, span)) => {
                let span = builder.offsets.span(span.start, span.end);
                builder.event(event, span)?;
            }
            Err(error) => {
                let at = builder.offsets.byte(error.marker());
                return Err(syntax_error(text, at, error.info()));
            }
        }
    }
    builder.root.ok_or_else(|| {
        Diagnostic::error("empty-file", "the file has no content")
            .help("a spec is a mapping, for example `packages: [pandas]`")
    })
}

/// Line breaks of YAML 1.1 only.
const OLD_BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// Folds a scalar at line breaks that only YAML 1.1 knows, as PyYAML does: white space around them goes, a
/// lone U+0085 becomes a space. In a file that has such breaks, escapes of them count as such as well.
fn fold_old_breaks(text: Cow<'_, str>, has_old_breaks: bool) -> Cow<'_, str> {
    if !has_old_breaks || !text.contains(OLD_BREAKS) {
        return text;
    }
    let is_blank = |c: char| matches!(c, ' ' | '\t');
    let plain = |c: char| if c == '\u{85}' { '\n' } else { c };
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some(at) = rest.find(OLD_BREAKS) {
        let (before, after) = rest.split_at(at);
        out.push_str(before.trim_end_matches(is_blank));
        let end = after.find(|c| !is_blank(c) && !OLD_BREAKS.contains(&c));
        let (run, left) = after.split_at(end.unwrap_or(after.len()));
        let breaks: Vec<char> = run.chars().filter(|c| !is_blank(*c)).map(plain).collect();
        match breaks.as_slice() {
            ['\n'] => out.push(' '),
            ['\n', more @ ..] => out.extend(more),
            all => out.extend(all),
        }
        rest = left;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What PyYAML takes in a file.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
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

/// Turns the parser's character counts into byte offsets.
struct Offsets {
    bytes: Vec<u32>,
    shift: usize,
    ascii: bool,
    /// Whether the text has line breaks that YAML 1.1 knows and YAML 1.2 does not.
    has_old_breaks: bool,
    len: usize,
}

impl Offsets {
    fn new(body: &str, shift: usize) -> Self {
        let ascii = body.is_ascii();
        let bytes = if ascii {
            Vec::new()
        } else {
            // Files are at most a megabyte long.
            body.char_indices()
                .map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX))
                .collect()
        };
        Self {
            bytes,
            shift,
            ascii,
            has_old_breaks: !ascii && body.contains(OLD_BREAKS),
            len: body.len(),
        }
    }

    fn byte(&self, marker: &Marker) -> usize {
        let index = marker.index();
        let byte = if self.ascii {
            index.min(self.len)
        } else {
            self.bytes.get(index).map_or(self.len, |at| *at as usize)
        };
        byte + self.shift
    }

    fn span(&self, start: Marker, end: Marker) -> Span {
        let start = self.byte(&start);
        Span {
            start,
            end: self.byte(&end).max(start),
        }
    }
}

/// Builds the tree from events, without recursion.
struct Builder {
    offsets: Offsets,
    /// Whether escaped surrogates are hidden in the text that is parsed.
    surrogates: bool,
    anchors: HashMap<usize, Node>,
    stack: Vec<Open>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

struct Open {
    anchor: usize,
    node: Node,
    key: Option<Node>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(
                        Diagnostic::error("several-documents", "the file has more than one YAML document")
                            .at(span)
                            .help("one file describes one image; put each spec into a file of its own"),
                    );
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = if style == ScalarStyle::Literal || style == ScalarStyle::Folded {
                    text
                } else {
                    fold_old_breaks(text, self.offsets.has_old_breaks)
                };
                let (text, points) = if self.surrogates {
                    surrogate::restore(&text)
                } else {
                    (text.into_owned(), None)
                };
                let data = Data::Scalar {
                    text,
                    plain: style == ScalarStyle::Plain,
                    points,
                };
                let node = self.node(span, tag.map(|tag| format!("{}{}", tag.handle, tag.suffix)), data)?;
                self.finish(node, anchor)?;
            }
            Event::SequenceStart(anchor, tag) => {
                let node = self.node(
                    span,
                    tag.map(|tag| format!("{}{}", tag.handle, tag.suffix)),
                    Data::Sequence(Vec::new()),
                )?;
                self.open(node, anchor)?;
            }
            Event::MappingStart(anchor, tag) => {
                let node = self.node(
                    span,
                    tag.map(|tag| format!("{}{}", tag.handle, tag.suffix)),
                    Data::Mapping(Vec::new()),
                )?;
                self.open(node, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut open) = self.stack.pop() {
                    open.node.span.end = self.end_of(&open.node, span);
                    if let Data::Mapping(pairs) = &mut open.node.data {
                        self.nodes += expand_merge_keys(pairs)?;
                        self.check_size(span)?;
                    }
                    self.finish(open.node, open.anchor)?;
                }
            }
            Event::Alias(id) => {
                let Some(mut node) = self.anchors.get(&id).cloned() else {
                    return Err(
                        Diagnostic::error("yaml-syntax", "this alias has no complete anchor before it").at(span),
                    );
                };
                self.nodes += count(&node);
                self.check_size(span)?;
                node.span = span;
                self.finish(node, 0)?;
            }
            _ => {}
        }
        Ok(())
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

    fn open(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
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

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        if anchor > 0 {
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
