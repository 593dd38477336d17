//! The types of plain scalars in YAML 1.1, as PyYAML 6 resolves them.

use crate::python::object::moment::Moment;

/// The types of scalars that YAML's core tags name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    /// `=` and `<<`, which have no value.
    Special,
    Str,
}

/// The type of a scalar without quotes and tag.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool,
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool,
        "=" | "<<" => Scalar::Special,
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => Scalar::Str,
        _ if is_float(text) => Scalar::Float,
        _ if is_integer(text) => Scalar::Int,
        _ if Moment::parse(text).is_some_and(|moment| !moment.is_short_date) => Scalar::Timestamp,
        _ => Scalar::Str,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// One or more of the characters, or `_`.
fn some(text: &str, of: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(|c| c == '_' || of(c))
}

/// A digit, and digits or `_` after it.
fn number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && some(text, |c| c.is_ascii_digit())
}

/// Numbers below 60 of one or two digits, joined by colons.
fn sixtieths(text: &str) -> bool {
    text.split(':').all(|part| {
        let bytes = part.as_bytes();
        matches!(bytes, [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
    })
}

fn is_integer(text: &str) -> bool {
    let body = unsigned(text);
    if let Some(bits) = body.strip_prefix("0b") {
        return some(bits, |c| matches!(c, '0' | '1'));
    }
    if let Some(digits) = body.strip_prefix("0x") {
        return some(digits, |c| c.is_ascii_hexdigit());
    }
    if let Some(octal) = body.strip_prefix('0') {
        return octal.is_empty() || some(octal, |c| matches!(c, '0'..='7'));
    }
    match body.split_once(':') {
        Some((first, rest)) => number(first) && sixtieths(rest),
        None => number(body),
    }
}

fn is_float(text: &str) -> bool {
    let body = unsigned(text);
    match body {
        ".inf" | ".Inf" | ".INF" => return true,
        ".nan" | ".NaN" | ".NAN" => return body.len() == text.len(),
        _ => {}
    }
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit() || c == '_');
    // The exponent's sign is mandatory.
    let (mantissa, exponent) = body.split_once(['e', 'E']).map_or((body, None), |(m, e)| (m, Some(e)));
    let exponent_ok = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or("");
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    });
    let Some((whole, fraction)) = mantissa.split_once('.') else {
        return false;
    };
    if !exponent_ok || !digits(fraction) {
        return false;
    }
    if whole.is_empty() {
        return body.len() == text.len() && number(fraction);
    }
    match whole.split_once(':') {
        Some((first, rest)) => exponent.is_none() && number(first) && sixtieths(rest),
        None => number(whole),
    }
}
