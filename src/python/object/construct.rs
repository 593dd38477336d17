//! YAML nodes to Python's values, as PyYAML 6's safe loader makes them.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::python::object::dictionary::Dictionary;
use crate::python::object::moment::Moment;
use crate::python::object::scalar::{Scalar, resolve};
use crate::python::object::unicode::is_space;
use crate::python::object::value::Value;
use crate::text::Span;
use crate::text::yaml::{Data, Node};

/// A node that PyYAML's safe loader refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    /// The complaint, for people.
    pub message: String,
    /// The node, or the key, that is refused.
    pub span: Span,
}

const CORE: &str = "tag:yaml.org,2002:";
/// The most decimal digits of an integer that Python reads or writes.
const MAX_DIGITS: usize = 4300;

/// The value of a scalar node; `None` for collections, and for what PyYAML refuses.
#[must_use]
pub(crate) fn scalar(node: &Node) -> Value {
    match &node.data {
        Data::Scalar { .. } => value(node).unwrap_or(Value::None),
        _ => Value::None,
    }
}

/// The kind of a node's value, in words for messages.
#[must_use]
pub(crate) fn kind(node: &Node) -> &'static str {
    match &node.data {
        Data::Sequence(_) | Data::Mapping(_) => node.shape(),
        Data::Scalar { .. } => match scalar(node) {
            Value::None => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Timestamp(_) => "a date",
            Value::Bytes(_) => "binary data",
            _ => "a string",
        },
    }
}

/// The value of any node.
///
/// # Errors
/// When PyYAML refuses it: unknown tags, tags that do not fit, lists as keys, dates that do not exist.
pub fn value(node: &Node) -> Result<Value, ValueError> {
    let tag = match node.tag.as_deref() {
        None => None,
        // `!` changes nothing about lists and mappings.
        Some("!") => None,
        Some(tag) => Some(tag.strip_prefix(CORE).ok_or_else(|| unknown_tag(tag, node))?),
    };
    let misfit = |tag: &str| error(node, format!("the tag `!!{tag}` does not fit {}", node.shape()));
    match &node.data {
        Data::Scalar { text, plain, points } => {
            let kind = match tag {
                // Python's `$` also matches before a final line feed, which a text has only with the tag `!`.
                None if *plain => resolve(text.strip_suffix('\n').unwrap_or(text)),
                None | Some("str") => Scalar::Str,
                Some("null") => Scalar::Null,
                Some("bool") => Scalar::Bool,
                Some("int") => Scalar::Int,
                Some("float") => Scalar::Float,
                Some("timestamp") => Scalar::Timestamp,
                Some("binary") => {
                    return bytes(text)
                        .map(Value::Bytes)
                        .ok_or_else(|| error(node, "this is not base64"));
                }
                Some(tag @ ("seq" | "map" | "set" | "omap" | "pairs")) => return Err(misfit(tag)),
                Some(tag) => return Err(unknown_tag(&format!("!!{tag}"), node)),
            };
            if let (Scalar::Str, Some(points)) = (kind, points) {
                return Ok(Value::CodePoints(points.clone()));
            }
            scalar_value(kind, text).ok_or_else(|| error(node, format!("`{text}` is not a {}", words(kind))))
        }
        Data::Sequence(items) => match tag {
            None | Some("seq") => Ok(Value::List(items.iter().map(value).collect::<Result<_, _>>()?)),
            Some("omap" | "pairs") => Ok(Value::List(items.iter().map(pair).collect::<Result<_, _>>()?)),
            Some(tag) => Err(misfit(tag)),
        },
        Data::Mapping(pairs) => {
            let pairs = dictionary(pairs)?;
            match tag {
                None | Some("map") => Ok(Value::Map(pairs)),
                Some("set") => Ok(Value::Set(pairs.into_iter().map(|(key, _)| key).collect())),
                Some(tag) => Err(misfit(tag)),
            }
        }
    }
}

fn error(node: &Node, message: impl Into<String>) -> ValueError {
    ValueError {
        message: message.into(),
        span: node.span,
    }
}

fn unknown_tag(tag: &str, node: &Node) -> ValueError {
    error(node, format!("the tag `{tag}` is not supported"))
}

fn dictionary(pairs: &[(Node, Node)]) -> Result<Vec<(Value, Value)>, ValueError> {
    let mut dictionary = Dictionary::default();
    for (key, item) in pairs {
        let name = match (&key.data, key.tag.as_deref()) {
            // As a key `=` is a text.
            (Data::Scalar { text, plain: true, .. }, None) if text == "=" => Value::text("="),
            _ => value(key)?,
        };
        if !name.is_hashable() {
            return Err(error(key, "a key has to be a single value, not a list or mapping"));
        }
        dictionary.set(name, value(item)?);
    }
    Ok(dictionary.into_pairs())
}

/// An entry of `!!omap` or `!!pairs`.
fn pair(node: &Node) -> Result<Value, ValueError> {
    match &node.data {
        Data::Mapping(pairs) => match pairs.as_slice() {
            [(key, item)] => Ok(Value::Tuple(vec![value(key)?, value(item)?])),
            _ => Err(error(node, "an entry of pairs is a mapping of one key")),
        },
        _ => Err(error(node, "an entry of pairs is a mapping of one key")),
    }
}

fn words(kind: Scalar) -> &'static str {
    match kind {
        Scalar::Null => "null",
        Scalar::Bool => "boolean",
        Scalar::Int => "number that Python can read",
        Scalar::Float => "number",
        Scalar::Timestamp => "date that exists",
        Scalar::Special => "value of its own",
        Scalar::Str => "text",
    }
}

fn scalar_value(kind: Scalar, text: &str) -> Option<Value> {
    Some(match kind {
        Scalar::Null => Value::None,
        Scalar::Bool => match text.to_lowercase().as_str() {
            "yes" | "true" | "on" => Value::Bool(true),
            "no" | "false" | "off" => Value::Bool(false),
            _ => return None,
        },
        Scalar::Int => Value::Int(integer(text)?),
        Scalar::Float => Value::Float(float(text)?),
        Scalar::Timestamp => Value::Timestamp(Moment::parse(text)?.repr()?),
        Scalar::Special => return None,
        Scalar::Str => Value::text(text),
    })
}

/// A sign, and the rest of a number without underscores.
fn signed(text: &str) -> (bool, String) {
    let text = text.replace('_', "");
    match text.strip_prefix('-') {
        Some(rest) => (true, rest.to_owned()),
        None => (false, text.strip_prefix('+').unwrap_or(&text).to_owned()),
    }
}

fn integer(text: &str) -> Option<String> {
    let (negative, body) = signed(text);
    let (negative, digits) = if let Some(bits) = body.strip_prefix("0b") {
        (negative, in_decimal(bits, 2)?)
    } else if let Some(digits) = body.strip_prefix("0x") {
        (negative, in_decimal(digits, 16)?)
    } else if body.starts_with('0') {
        (negative, in_decimal(&body, 8)?)
    } else if body.contains(':') {
        let mut total = vec![0];
        for part in body.split(':') {
            times_plus(&mut total, 60, part.trim_matches(is_space).parse().ok()?);
            // Each part adds more than a digit, so there is no need to go on.
            if total.len() > MAX_DIGITS {
                return None;
            }
        }
        (negative, written(&total))
    } else {
        // Python's `int` skips white space, and accepts a second sign.
        let trimmed = body.trim_matches(is_space);
        let (inner, digits) = match trimmed.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        (negative != inner, in_decimal(digits, 10)?)
    };
    if digits.len() > MAX_DIGITS {
        return None;
    }
    let is_negative = negative && digits != "0";
    Some(if is_negative { format!("-{digits}") } else { digits })
}

/// Digits of another base as decimal digits.
fn in_decimal(digits: &str, base: u32) -> Option<String> {
    let digits = digits.trim_matches(is_space);
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    // Any more make a number that Python refuses to write in decimal.
    if digits.len() > 4 * MAX_DIGITS {
        return None;
    }
    if base == 10 {
        return Some(if digits.is_empty() { "0" } else { digits }.to_owned());
    }
    let mut decimal = vec![0];
    for c in digits.chars() {
        times_plus(&mut decimal, base, c.to_digit(base)?);
        if decimal.len() > MAX_DIGITS {
            return None;
        }
    }
    Some(written(&decimal))
}

/// Multiplies and adds; the digits are decimal, the last first.
fn times_plus(decimal: &mut Vec<u32>, factor: u32, add: u32) {
    let mut carry = add;
    for digit in decimal.iter_mut() {
        let value = *digit * factor + carry;
        *digit = value % 10;
        carry = value / 10;
    }
    while carry > 0 {
        decimal.push(carry % 10);
        carry /= 10;
    }
}

fn written(decimal: &[u32]) -> String {
    decimal
        .iter()
        .rev()
        .filter_map(|digit| char::from_digit(*digit, 10))
        .collect()
}

fn float(text: &str) -> Option<f64> {
    let (negative, body) = signed(&text.to_lowercase());
    let number = match body.as_str() {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        body if body.contains(':') => {
            // In PyYAML's order of additions, which rounds as it does.
            let (mut total, mut base) = (0.0, 1.0);
            for part in body.rsplit(':') {
                total += part.parse::<f64>().ok()? * base;
                base *= 60.0;
            }
            total
        }
        body => body.trim_matches(is_space).parse::<f64>().ok()?,
    };
    Some(if negative { -number } else { number })
}

/// Base64 as Python's decoder reads it, which skips foreign characters and everything after the padding.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() {
        return None;
    }
    let mut data = String::new();
    let mut padding = 0;
    for c in text.chars() {
        if c == '=' {
            padding += 1;
            if data.len() % 4 >= 2 && data.len() % 4 + padding >= 4 {
                break;
            }
        } else if c.is_ascii_alphanumeric() || matches!(c, '+' | '/') {
            padding = 0;
            data.push(c);
        }
    }
    if !data.len().is_multiple_of(4) && data.len() % 4 + padding < 4 {
        return None;
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    GeneralPurpose::new(&STANDARD, config).decode(data).ok()
}

#[cfg(test)]
mod tests {
    use crate::python::object::unicode::Unicode;
    use crate::python::object::{repr, value};
    use crate::text::Text;
    use crate::text::yaml::parse;

    #[test]
    fn scalars_read_as_in_pyyaml() {
        let check = |text: &str, expect: &str| {
            let node = parse(&Text::new("x", format!("- {text}"))).unwrap();
            let shown = match value(&node) {
                Ok(value) => repr(&value, Unicode::default()),
                Err(error) => error.message,
            };
            assert_eq!(shown, format!("[{expect}]"), "{text}");
        };
        check("3.10", "3.1");
        check("3.11.4", "'3.11.4'");
        check("1_000", "1000");
        check("0o17", "'0o17'");
        check("017", "15");
        check("08", "'08'");
        check("0x1F", "31");
        check(
            "0xffffffffffffffffffffffffffffffffff",
            "87112285931760246646623899502532662132735",
        );
        check("1:30", "90");
        check("-1:30:00", "-5400");
        check("1:75", "'1:75'");
        check("1e3", "'1e3'");
        check("1.0e3", "'1.0e3'");
        check("1.5e+3", "1500.0");
        check("-.5", "'-.5'");
        check(".5", "0.5");
        check("._5", "'._5'");
        check("+.nan", "'+.nan'");
        check("yes", "True");
        check("y", "'y'");
        check("~", "None");
        check("2024-01-02", "datetime.date(2024, 1, 2)");
        check("2024-1-2", "'2024-1-2'");
        check(
            "2024-1-2 3:04:05.5 +1",
            "datetime.datetime(2024, 1, 2, 3, 4, 5, 500000, tzinfo=datetime.timezone(datetime.timedelta(seconds=3600)))",
        );
        check("-0", "0");
        check("+12", "12");
        check("1:30.5", "90.5");
        check("!!int '0x10'", "16");
        check("!!int ' 5 '", "5");
        check("!!int '--5'", "5");
        check(
            "9:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1",
            "2563544615580101886785084745762711864406779661",
        );
        check("{.nan: 1, .nan: 2}", "{nan: 2}");
        check("!!float 1", "1.0");
        check("!!str 5", "'5'");
        check("! 5", "5");
        check("! '5'", "5");
        check("|\n  a", "'a'");
        check("|+\n  a", "'a'");
        check(">\n  a\n  ", "'a\\n'");
        check("|+\n  a\n  ", "'a\\n'");
        check("|\n  a\n    ", "'a\\n  '");
        check("|-\n  a", "'a'");
        check("|\n  a\n", "'a\\n'");
        check("!!null x", "None");
        check("!!binary aGk=", "b'hi'");
        check("!!binary 'a G\n k='", "b'hi'");
        check("!!timestamp 2024-1-2", "datetime.date(2024, 1, 2)");
        check("!!omap [a: 1, b: 2]", "[('a', 1), ('b', 2)]");
        check("!!set {x, x}", "{'x'}");
        check("{1: a, 1.0: b, true: c}", "{1: 'c'}");
        check("{=: 1}", "{'=': 1}");
        check("\"\\ud83d\\ude00\"", "'\\ud83d\\ude00'");
    }

    #[test]
    fn what_pyyaml_refuses_is_an_error() {
        for text in [
            "2024-13-01",
            "2023-02-29",
            "2024-01-01 24:00:00",
            "0x_",
            "=",
            "<<",
            "!!int x",
            "!!bool 1",
            "!!float x",
            "!!binary aGk",
            "!!map x",
            "!!str [a]",
            "!foo x",
            "!!python/none x",
            "{[1]: 2}",
            "!!omap {a: 1}",
            "!!omap [{a: 1, b: 2}]",
            "!!timestamp x",
            "!!int ''",
        ] {
            let node = parse(&Text::new("x", format!("- {text}\n"))).unwrap();
            assert!(value(&node).is_err(), "{text}");
        }
    }
}
