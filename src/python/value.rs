use crate::spec::text::Span;
use crate::spec::yaml::{Data, Node};

/// A value as PyYAML's safe loader makes it from a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of any size, in decimal.
    Int(String),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
    /// A date or time, as Python's `repr` writes it.
    Timestamp(String),
    /// A list.
    List(Vec<Value>),
    /// A dictionary, in the order of first appearance of its keys.
    Map(Vec<(Value, Value)>),
    /// A member of flytekit's `CopyFileDetection`: name and number.
    CopyFileDetection(&'static str, u8),
}

/// A node that PyYAML's safe loader refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
}

const CORE: &str = "tag:yaml.org,2002:";

/// The value of a scalar node by YAML 1.1's rules; collections are `None` here.
#[must_use]
pub fn scalar(node: &Node) -> Value {
    let Data::Scalar { text, plain } = &node.data else {
        return Value::None;
    };
    match node.tag.as_deref() {
        None if *plain => resolve(text),
        None => Value::Str(text.clone()),
        Some(tag) => match tag.strip_prefix(CORE) {
            Some("int" | "float" | "bool" | "null") => resolve(text),
            _ => Value::Str(text.clone()),
        },
    }
}

/// The value of any node.
///
/// # Errors
/// When a mapping's key is a list or mapping, or a tag is not one of YAML's own.
pub fn value(node: &Node) -> Result<Value, ValueError> {
    if let Some(tag) = &node.tag {
        let known = tag.strip_prefix(CORE).is_some_and(|name| {
            matches!(
                name,
                "str" | "int" | "float" | "bool" | "null" | "seq" | "map" | "timestamp"
            )
        });
        if !known {
            return Err(ValueError {
                message: format!("the tag `{tag}` is not supported"),
                span: node.span,
            });
        }
    }
    Ok(match &node.data {
        Data::Scalar { .. } => scalar(node),
        Data::Sequence(items) => Value::List(items.iter().map(value).collect::<Result<_, _>>()?),
        Data::Mapping(pairs) => {
            let mut map: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
            for (key, item) in pairs {
                if !matches!(key.data, Data::Scalar { .. }) {
                    return Err(ValueError {
                        message: "a key has to be a single value, not a list or mapping".into(),
                        span: key.span,
                    });
                }
                let key = value(key)?;
                let item = value(item)?;
                match map.iter_mut().find(|(known, _)| same_key(known, &key)) {
                    Some((_, known)) => *known = item,
                    None => map.push((key, item)),
                }
            }
            Value::Map(map)
        }
    })
}

/// Python's `==` for dictionary keys: 1, 1.0 and True are one key.
fn same_key(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::Int(digits) => digits.parse().ok(),
        Value::Float(f) => Some(*f),
        _ => None,
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

/// YAML 1.1's reading of a plain scalar, as in PyYAML's resolver.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::None,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Value::Bool(false),
        _ => {}
    }
    if let Some(int) = integer(text) {
        return Value::Int(int);
    }
    if let Some(float) = float(text) {
        return Value::Float(float);
    }
    if let Some(timestamp) = timestamp(text) {
        return Value::Timestamp(timestamp);
    }
    Value::Str(text.to_owned())
}

fn integer(text: &str) -> Option<String> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let all = |s: &str, ok: fn(char) -> bool| !s.is_empty() && s.chars().all(|c| c == '_' || ok(c));
    let digits = if let Some(bits) = body.strip_prefix("0b").filter(|s| all(s, |c| matches!(c, '0' | '1'))) {
        in_decimal(bits, 2)?
    } else if let Some(hex) = body.strip_prefix("0x").filter(|s| all(s, |c| c.is_ascii_hexdigit())) {
        in_decimal(hex, 16)?
    } else if body == "0" {
        "0".to_owned()
    } else if let Some(octal) = body.strip_prefix('0').filter(|s| all(s, |c| matches!(c, '0'..='7'))) {
        in_decimal(octal, 8)?
    } else if body.starts_with(|c: char| matches!(c, '1'..='9')) {
        if all(body, |c| c.is_ascii_digit()) {
            body.replace('_', "")
        } else {
            base_60(body)?
        }
    } else {
        return None;
    };
    let zero = digits == "0";
    Some(if negative && !zero {
        format!("-{digits}")
    } else {
        digits
    })
}

/// `1:30:00` style integers.
fn base_60(body: &str) -> Option<String> {
    let mut parts = body.split(':');
    let first = parts.next()?;
    if !first.chars().all(|c| c.is_ascii_digit() || c == '_') {
        return None;
    }
    let mut total: i128 = first.replace('_', "").parse().ok()?;
    let mut any = false;
    for part in parts {
        let fits = matches!(part.len(), 1 | 2) && part.chars().all(|c| c.is_ascii_digit());
        let number: i128 = part.parse().ok().filter(|n| fits && *n < 60)?;
        total = total.checked_mul(60)?.checked_add(number)?;
        any = true;
    }
    any.then(|| total.to_string())
}

/// Digits of a base as decimal digits, of any length.
fn in_decimal(digits: &str, base: u32) -> Option<String> {
    let mut decimal: Vec<u8> = vec![0];
    for c in digits.chars().filter(|c| *c != '_') {
        let mut carry = c.to_digit(base)?;
        for digit in &mut decimal {
            let value = u32::from(*digit) * base + carry;
            *digit = u8::try_from(value % 10).ok()?;
            carry = value / 10;
        }
        while carry > 0 {
            decimal.push(u8::try_from(carry % 10).ok()?);
            carry /= 10;
        }
    }
    Some(decimal.iter().rev().map(|d| char::from(b'0' + d)).collect())
}

fn float(text: &str) -> Option<f64> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let signed = body.len() != text.len();
    match body {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if !signed => return Some(f64::NAN),
        _ => {}
    }
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (body.get(..at)?, Some(body.get(at + 1..)?)),
        None => (body, None),
    };
    // The exponent's sign is mandatory in YAML 1.1.
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-'])?;
        if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
    }
    let (whole, fraction) = mantissa.split_once('.')?;
    if exponent.is_none() && whole.contains(':') {
        return base_60_float(whole, fraction).map(|f| sign * f);
    }
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit() || c == '_');
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let starts_well = if whole.is_empty() {
        !signed && fraction.starts_with(|c: char| c.is_ascii_digit() || c == '_')
    } else {
        whole.starts_with(|c: char| c.is_ascii_digit())
    };
    if !starts_well {
        return None;
    }
    body.replace('_', "").parse::<f64>().ok().map(|f| sign * f)
}

fn base_60_float(whole: &str, fraction: &str) -> Option<f64> {
    if !fraction.chars().all(|c| c.is_ascii_digit() || c == '_') {
        return None;
    }
    let mut parts = whole.split(':');
    let first = parts.next().filter(|p| p.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut total: f64 = first.replace('_', "").parse().ok()?;
    for part in parts {
        let fits = matches!(part.len(), 1 | 2) && part.chars().all(|c| c.is_ascii_digit());
        let number: f64 = part.parse().ok().filter(|n| fits && *n < 60.0)?;
        total = total * 60.0 + number;
    }
    let fraction: f64 = format!("0.{}", fraction.replace('_', "")).parse().unwrap_or(0.0);
    Some(total + fraction)
}

/// Dates, and date-times, as Python's `repr` writes them.
fn timestamp(text: &str) -> Option<String> {
    let number = |s: &str, lengths: &[usize]| -> Option<u32> {
        (lengths.contains(&s.len()) && s.chars().all(|c| c.is_ascii_digit())).then(|| s.parse().ok())?
    };
    let date_end = text.find(['T', 't', ' ', '\t']).unwrap_or(text.len());
    let (date, rest) = text.split_at(date_end);
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return None;
    };
    if rest.is_empty() {
        let (y, m, d) = (number(year, &[4])?, number(month, &[2])?, number(day, &[2])?);
        return Some(format!("datetime.date({y}, {m}, {d})"));
    }
    let (y, m, d) = (number(year, &[4])?, number(month, &[1, 2])?, number(day, &[1, 2])?);
    let time = rest
        .strip_prefix(['T', 't'])
        .unwrap_or_else(|| rest.trim_start_matches([' ', '\t']));
    let clock_end = time
        .find(|c: char| !(c.is_ascii_digit() || c == ':'))
        .unwrap_or(time.len());
    let (clock, tail) = time.split_at(clock_end);
    let clock: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = clock.as_slice() else {
        return None;
    };
    let (h, min, s) = (number(hour, &[1, 2])?, number(minute, &[2])?, number(second, &[2])?);
    let (fraction, zone) = match tail.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest.split_at(end)
        }
        None => ("", tail),
    };
    let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let mut out = format!("datetime.datetime({y}, {m}, {d}, {h}, {min}");
    if s != 0 || micros != 0 {
        out.push_str(&format!(", {s}"));
    }
    if micros != 0 {
        out.push_str(&format!(", {micros}"));
    }
    out.push_str(&zone_repr(zone.trim_start_matches([' ', '\t']))?);
    out.push(')');
    Some(out)
}

fn zone_repr(zone: &str) -> Option<String> {
    if zone.is_empty() {
        return Some(String::new());
    }
    if zone == "Z" {
        return Some(", tzinfo=datetime.timezone.utc".into());
    }
    let sign: i64 = if zone.starts_with('-') { -1 } else { 1 };
    let body = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match body.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None => (body, "0"),
    };
    if !matches!(hours.len(), 1 | 2) || !hours.chars().chain(minutes.chars()).all(|c| c.is_ascii_digit()) {
        return None;
    }
    let seconds = sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60);
    Some(match seconds {
        0 => ", tzinfo=datetime.timezone.utc".into(),
        s if s < 0 => format!(
            ", tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds={}))",
            86400 + s
        ),
        s => format!(", tzinfo=datetime.timezone(datetime.timedelta(seconds={s}))"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::repr;

    #[test]
    fn plain_scalars_read_as_in_pyyaml() {
        let check = |text: &str, expect: &str| assert_eq!(repr(&resolve(text)), expect, "{text}");
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
        check("1e3", "'1e3'");
        check("1.0e3", "'1.0e3'");
        check("1.5e+3", "1500.0");
        check("-.5", "'-.5'");
        check(".5", "0.5");
        check("yes", "True");
        check("y", "'y'");
        check("~", "None");
        check("2024-01-02", "datetime.date(2024, 1, 2)");
        check(
            "2024-1-2 3:04:05.5 +1",
            "datetime.datetime(2024, 1, 2, 3, 4, 5, 500000, tzinfo=datetime.timezone(datetime.timedelta(seconds=3600)))",
        );
        check("-0", "0");
        check("+12", "12");
        check("1:30.5", "90.5");
    }
}
