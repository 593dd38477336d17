//! `repr`, byte for byte as Python writes it: the text that flytekit hashes.

use std::fmt::{self, Write as _};

use crate::python::object::unicode::Unicode;
use crate::python::object::value::{CopyFileDetection, Value};
use crate::text::redact;

/// The text that Python's `repr` gives for a value.
#[must_use]
pub fn repr(value: &Value, unicode: Unicode) -> String {
    let mut writer = ReprWriter {
        out: String::new(),
        unicode,
    };
    writer.value(value);
    writer.out
}

/// `ascii()` of a string: `repr` with everything that is not ASCII escaped.
pub(super) fn ascii(text: &str) -> String {
    let mut out = String::new();
    for c in repr(&Value::text(text), Unicode::default()).chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            escape(&mut out, u32::from(c));
        }
    }
    out
}

/// The `repr` of a string with lone surrogates.
pub(super) fn repr_of_code_points(points: &[u32]) -> String {
    let mut writer = ReprWriter {
        out: String::new(),
        unicode: Unicode::default(),
    };
    writer.string(points.iter().copied());
    writer.out
}

impl fmt::Debug for Value {
    /// Values may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&repr(self, Unicode::default())))
    }
}

struct ReprWriter {
    out: String,
    unicode: Unicode,
}

impl ReprWriter {
    fn value(&mut self, value: &Value) {
        match value {
            Value::None => self.out.push_str("None"),
            Value::Bool(true) => self.out.push_str("True"),
            Value::Bool(false) => self.out.push_str("False"),
            Value::Int(digits) => self.out.push_str(digits),
            Value::Float(number) => float(&mut self.out, *number),
            Value::Str(text) => self.string(text.chars().map(u32::from)),
            Value::CodePoints(points) => self.string(points.iter().copied()),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Timestamp(text) => self.out.push_str(text),
            Value::List(items) => self.items("[", items, "]"),
            Value::Tuple(items) if items.len() == 1 => self.items("(", items, ",)"),
            Value::Tuple(items) => self.items("(", items, ")"),
            Value::Set(items) if items.is_empty() => self.out.push_str("set()"),
            Value::Set(items) => self.items("{", items, "}"),
            Value::Map(pairs) => {
                self.out.push('{');
                for (position, (key, item)) in pairs.iter().enumerate() {
                    self.separate(position);
                    self.value(key);
                    self.out.push_str(": ");
                    self.value(item);
                }
                self.out.push('}');
            }
            Value::CopyFileDetection(member) => self.out.push_str(match member {
                CopyFileDetection::LoadedModules => "<CopyFileDetection.LOADED_MODULES: 1>",
                CopyFileDetection::All => "<CopyFileDetection.ALL: 2>",
                CopyFileDetection::NoCopy => "<CopyFileDetection.NO_COPY: 3>",
            }),
            Value::ImageSpec(arguments) => {
                self.out.push_str("ImageSpec(");
                for (position, (name, item)) in arguments.iter().enumerate() {
                    self.separate(position);
                    self.out.push_str(name);
                    self.out.push('=');
                    self.value(item);
                }
                self.out.push(')');
            }
        }
    }

    fn separate(&mut self, position: usize) {
        if position > 0 {
            self.out.push_str(", ");
        }
    }

    fn items(&mut self, open: &str, items: &[Value], close: &str) {
        self.out.push_str(open);
        for (position, item) in items.iter().enumerate() {
            self.separate(position);
            self.value(item);
        }
        self.out.push_str(close);
    }

    fn string(&mut self, points: impl Iterator<Item = u32> + Clone) {
        let has = |quote: char| points.clone().any(|point| point == u32::from(quote));
        let quote = if has('\'') && !has('"') { '"' } else { '\'' };
        self.out.push(quote);
        for point in points {
            match char::from_u32(point) {
                Some('\\') => self.out.push_str("\\\\"),
                Some('\t') => self.out.push_str("\\t"),
                Some('\n') => self.out.push_str("\\n"),
                Some('\r') => self.out.push_str("\\r"),
                Some(c) if c == quote => self.out.extend(['\\', c]),
                Some(c @ ' '..='~') => self.out.push(c),
                Some(c) if point >= 0xa0 && self.unicode.is_printable(c) => self.out.push(c),
                _ => escape(&mut self.out, point),
            }
        }
        self.out.push(quote);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
            '"'
        } else {
            '\''
        };
        self.out.push('b');
        self.out.push(quote);
        for byte in bytes {
            match char::from(*byte) {
                '\\' => self.out.push_str("\\\\"),
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                c if c == quote => self.out.extend(['\\', c]),
                c @ ' '..='~' => self.out.push(c),
                _ => escape(&mut self.out, u32::from(*byte)),
            }
        }
        self.out.push(quote);
    }
}

/// Writes the escape of a character that is not written as itself.
fn escape(out: &mut String, point: u32) {
    // Writing to a string cannot fail.
    let _ = match point {
        0..=0xff => write!(out, "\\x{point:02x}"),
        0x100..=0xffff => write!(out, "\\u{point:04x}"),
        _ => write!(out, "\\U{point:08x}"),
    };
}

fn float(out: &mut String, number: f64) {
    if number.is_nan() {
        out.push_str("nan");
        return;
    }
    if number.is_infinite() {
        out.push_str(if number > 0.0 { "inf" } else { "-inf" });
        return;
    }
    // `{:e}` gives the shortest digits that round-trip: `d.ddde-x`. Of two that are equally near, Python takes
    // the even one, as does rounding to that many digits.
    let shortest = format!("{number:e}");
    let digits = shortest
        .bytes()
        .take_while(|byte| *byte != b'e')
        .filter(u8::is_ascii_digit)
        .count();
    let rounded = format!("{number:.*e}", digits.saturating_sub(1));
    let scientific = if rounded.parse() == Ok(number) {
        rounded
    } else {
        shortest
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let point = usize::try_from(exponent).ok();
        let (sign, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", mantissa),
        };
        let digits = mantissa.replace('.', "");
        out.push_str(sign);
        match point {
            // `0.000ddd`
            None => {
                out.push_str("0.");
                out.extend(std::iter::repeat_n('0', usize::try_from(-exponent - 1).unwrap_or(0)));
                out.push_str(&digits);
            }
            Some(point) => {
                let digits = format!("{digits:0<width$}", width = point + 2);
                let (whole, fraction) = digits.split_at(point + 1);
                out.extend([whole, ".", fraction]);
            }
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a string cannot fail.
        let _ = write!(out, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_in_python() {
        let check = |value: Value, expect: &str| assert_eq!(repr(&value, Unicode::default()), expect);
        let text = |text: &str, expect: &str| check(Value::text(text), expect);
        text("a", "'a'");
        text("it's", "\"it's\"");
        text("it's \"x\"", "'it\\'s \"x\"'");
        text("a\tb\n\\", "'a\\tb\\n\\\\'");
        text("\u{7f}\u{a0}\u{ad}", "'\\x7f\\xa0\\xad'");
        text("é🎉\u{200b}", "'é🎉\\u200b'");
        check(Value::CodePoints(vec![0xd83d, 0xde00, 0x61]), "'\\ud83d\\ude00a'");
        check(Value::Bytes(b"a'\x00\xff\n".to_vec()), "b\"a'\\x00\\xff\\n\"");
        check(Value::Tuple(vec![Value::None]), "(None,)");
        check(Value::Tuple(vec![]), "()");
        check(Value::Set(vec![]), "set()");
        check(Value::Set(vec![Value::text("x")]), "{'x'}");
        check(Value::Float(3.1), "3.1");
        check(Value::Float(1e16), "1e+16");
        check(Value::Float(1e-5), "1e-05");
        check(Value::Float(0.0001), "0.0001");
        check(Value::Float(100.0), "100.0");
        check(Value::Float(-0.012), "-0.012");
        check(Value::Float(1_553_427_864_933_928.2), "1553427864933928.2");
        check(Value::Float(-0.0), "-0.0");
        check(Value::Float(123_456_789_012_345_680.0), "1.2345678901234568e+17");
    }

    #[test]
    fn the_tables_of_a_release_decide_what_is_printable() {
        let new_in_15 = Value::text("\u{1fae8}");
        assert_eq!(repr(&new_in_15, Unicode::Python311), "'\\U0001fae8'");
        assert_eq!(repr(&new_in_15, Unicode::Python312), "'\u{1fae8}'");
    }
}
