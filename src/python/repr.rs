use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory, get_general_category};

use crate::python::Value;

/// The text that Python's `repr` gives for a value.
#[must_use]
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(digits) => out.push_str(digits),
        Value::Float(number) => float(out, *number),
        Value::Str(text) => string(out, text),
        Value::Timestamp(text) => out.push_str(text),
        Value::List(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write(out, item);
            }
            out.push(']');
        }
        Value::Map(pairs) => {
            out.push('{');
            for (position, (key, item)) in pairs.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write(out, key);
                out.push_str(": ");
                write(out, item);
            }
            out.push('}');
        }
        Value::CopyFileDetection(name, number) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "<CopyFileDetection.{name}: {number}>");
        }
    }
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
    // `{:e}` gives the shortest digits that round-trip: `d.ddde-x`.
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
}

fn string(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        let code = u32::from(c);
        let _ = match c {
            '\\' => out.write_str("\\\\"),
            '\t' => out.write_str("\\t"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            c if c == quote => write!(out, "\\{c}"),
            ' '..='~' => out.write_char(c),
            c if code >= 0xa0 && is_printable(c) => out.write_char(c),
            _ if code <= 0xff => write!(out, "\\x{code:02x}"),
            _ if code <= 0xffff => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push(quote);
}

fn is_printable(c: char) -> bool {
    use GeneralCategory as G;
    !matches!(
        get_general_category(c),
        G::Control
            | G::Format
            | G::Surrogate
            | G::PrivateUse
            | G::Unassigned
            | G::LineSeparator
            | G::ParagraphSeparator
            | G::SpaceSeparator
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_floats_are_written_as_in_python() {
        let check = |text: &str, expect: &str| assert_eq!(repr(&Value::Str(text.into())), expect);
        check("a", "'a'");
        check("it's", "\"it's\"");
        check("it's \"x\"", "'it\\'s \"x\"'");
        check("a\tb\n\\", "'a\\tb\\n\\\\'");
        check("\u{7f}\u{a0}\u{ad}", "'\\x7f\\xa0\\xad'");
        check("é🎉\u{200b}", "'é🎉\\u200b'");
        let number = |n: f64, expect: &str| assert_eq!(repr(&Value::Float(n)), expect);
        number(3.1, "3.1");
        number(1e16, "1e+16");
        number(1e-5, "1e-05");
        number(0.0001, "0.0001");
        number(100.0, "100.0");
        number(-0.0, "-0.0");
        number(123_456_789_012_345_680.0, "1.2345678901234568e+17");
    }
}
