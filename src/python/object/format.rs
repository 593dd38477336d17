//! `str.format`, for the one field that `tag_format` may use.

use crate::python::object::repr::{ascii, repr};
use crate::python::object::unicode::Unicode;
use crate::python::object::value::Value;

/// Why a format string cannot be applied. The first text is always the whole format string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A `{` without its `}`, or the reverse.
    #[error("`{0}` has a `{{` or `}}` without a match")]
    Unbalanced(String),
    /// A field with another name than the only one there is.
    #[error("`{0}` asks for `{1}`, but the only name is `{2}`")]
    UnknownName(String, String, &'static str),
    /// A format or conversion that does not apply to text.
    #[error("`{0}` uses `{1}`, which is not a format for text")]
    Format(String, String),
    /// A result longer than any name may be.
    #[error("`{0}` makes a text of more than {1} characters")]
    TooLong(String, usize),
}

/// The longest result, in characters.
const MAX_LENGTH: usize = 10_000;

/// Applies a format string of Python's `str.format` with the one keyword `name`.
///
/// # Errors
/// Whatever Python would refuse, and access to attributes, which it would allow.
pub(crate) fn format(template: &str, name: &'static str, value: &str) -> Result<String, FormatError> {
    let formatter = Formatter { template, name, value };
    formatter.expand(template, 2)
}

struct Formatter<'a> {
    template: &'a str,
    name: &'static str,
    value: &'a str,
}

impl Formatter<'_> {
    fn unbalanced(&self) -> FormatError {
        FormatError::Unbalanced(self.template.to_owned())
    }

    fn wrong(&self, part: &str) -> FormatError {
        FormatError::Format(self.template.to_owned(), part.to_owned())
    }

    /// `levels` limits how deep fields may be nested in the formats of other fields.
    fn expand(&self, template: &str, levels: u8) -> Result<String, FormatError> {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, found) = rest.split_at(at);
            out.push_str(before);
            let (brace, after) = found.split_at(1);
            if let Some(doubled) = after.strip_prefix(brace) {
                out.push_str(brace);
                rest = doubled;
                continue;
            }
            if brace == "}" {
                return Err(self.unbalanced());
            }
            let end = closing(after).ok_or_else(|| self.unbalanced())?;
            let (field, after) = after.split_at(end);
            out.push_str(&self.field(field, levels)?);
            rest = after.get(1..).unwrap_or("");
            if out.chars().count() > MAX_LENGTH {
                return Err(FormatError::TooLong(self.template.to_owned(), MAX_LENGTH));
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// `name[index]!conversion:layout`.
    fn field(&self, field: &str, levels: u8) -> Result<String, FormatError> {
        let Some(levels) = levels.checked_sub(1) else {
            return Err(self.wrong(field));
        };
        let split = field.find(['!', ':']).unwrap_or(field.len());
        let (target, rest) = field.split_at(split);
        let (name, index) = match target.split_once('[') {
            Some((name, index)) => (name, Some(index)),
            None => (target, None),
        };
        if name != self.name {
            if name.split('.').next() == Some(self.name) {
                return Err(self.wrong(field));
            }
            let (template, name) = (self.template.to_owned(), name.to_owned());
            return Err(FormatError::UnknownName(template, name, self.name));
        }
        let mut value = self.value.to_owned();
        if let Some(index) = index {
            let digits = index
                .strip_suffix(']')
                .filter(|i| i.chars().all(|c| c.is_ascii_digit()));
            let position = digits.and_then(|digits| digits.parse::<usize>().ok());
            let c = position.and_then(|position| value.chars().nth(position));
            value = c.ok_or_else(|| self.wrong(field))?.to_string();
        }
        let layout = match rest.strip_prefix('!') {
            None => rest.strip_prefix(':').unwrap_or(""),
            Some(rest) => {
                let (conversion, layout) = match rest.split_once(':') {
                    Some((conversion, layout)) => (conversion, layout),
                    None => (rest, ""),
                };
                value = match conversion {
                    "s" => value,
                    "r" => repr(&Value::text(value), Unicode::default()),
                    "a" => ascii(&value),
                    _ => return Err(self.wrong(field)),
                };
                layout
            }
        };
        let layout = self.expand(layout, levels)?;
        laid_out(&value, &layout).ok_or_else(|| self.wrong(field))
    }
}

/// Where the field that begins a text ends.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `[[fill]align][0][width][.precision][s]` with `<`, `>` and `^`.
fn laid_out(value: &str, layout: &str) -> Option<String> {
    let chars: Vec<char> = layout.chars().collect();
    let is_align = |c: Option<&char>| c.is_some_and(|c| matches!(c, '<' | '>' | '^'));
    let (fill, align, skip) = if is_align(chars.get(1)) {
        (*chars.first()?, *chars.get(1)?, 2)
    } else if is_align(chars.first()) {
        (' ', *chars.first()?, 1)
    } else {
        (' ', '<', 0)
    };
    let rest: String = chars.into_iter().skip(skip).collect();
    let rest = rest.strip_suffix('s').unwrap_or(&rest);
    let (width, precision) = rest.split_once('.').map_or((rest, None), |(w, p)| (w, Some(p)));
    // A zero before the width fills with zeros where no fill is given.
    let fill = if skip < 2 && width.starts_with('0') { '0' } else { fill };
    let number = |text: &str| -> Option<usize> {
        let ok = text.len() <= 9 && text.chars().all(|c| c.is_ascii_digit());
        ok.then(|| text.parse().ok())?
    };
    let width = if width.is_empty() { 0 } else { number(width)? };
    let value: String = match precision {
        Some(precision) => value.chars().take(number(precision)?).collect(),
        None => value.to_owned(),
    };
    // More is refused by the caller; what is refused need not be made first.
    let missing = width.min(MAX_LENGTH + 1).saturating_sub(value.chars().count());
    let (left, right) = match align {
        '<' => (0, missing),
        '>' => (missing, 0),
        _ => (missing / 2, missing - missing / 2),
    };
    let pad = |count| std::iter::repeat_n(fill, count);
    Some(pad(left).chain(value.chars()).chain(pad(right)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_laid_out_as_in_python() {
        let check = |template: &str, expect: &str| {
            assert_eq!(format(template, "hash", "a-b_c").as_deref(), Ok(expect), "{template}");
        };
        check("{hash}", "a-b_c");
        check("dev-{hash}-{hash:.1}", "dev-a-b_c-a");
        check("{{x}}-{hash:.3}", "{x}-a-b");
        check("{hash:_>8}", "___a-b_c");
        check("{hash:^8}|", " a-b_c  |");
        check("{hash:08}", "a-b_c000");
        check("{hash:>08}", "000a-b_c");
        check("{hash!r}", "'a-b_c'");
        check("{hash!s:.2}", "a-");
        check("{hash[2]}", "b");
        check("{hash:{hash[0]}<7}", "a-b_caa");
        check("fixed", "fixed");
    }

    #[test]
    fn what_python_refuses_is_an_error() {
        for template in [
            "{hash",
            "}",
            "{other}",
            "{}",
            "{0}",
            "{hash:d}",
            "{hash!x}",
            "{hash!}",
            "{hash.a}",
            "{hash:=30}",
            "{hash[9]}",
            "{hash[a]}",
            "{hash[+1]}",
            "{hash:{hash}}",
            "{hash:{{<7}",
            "{hash:{hash:{hash}}}",
            "{hash:.}",
            "{hash:99999}",
            "{hash:+3}",
            "{hash:,}",
        ] {
            assert!(format(template, "hash", "a-b_c").is_err(), "{template}");
        }
    }
}
