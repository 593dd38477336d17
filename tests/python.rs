//! Python's own words: `repr`, character classes and lower-casing, held against the `python3` of the machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may stop at the first surprise, their helpers too"
)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use imagespec::python::repr;
use imagespec::python::{Unicode, Value};
use serde_json::{Value as Json, json};

/// Runs a Python program on some input.
fn python(program: &str, input: &str) -> String {
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The tables of the machine's Python, and the first character from which on they may be others than ours.
fn tables() -> (Unicode, u32) {
    let version = python("import sys; print('%d.%d' % sys.version_info[:2])", "");
    match version.trim().parse() {
        Ok(unicode) => (unicode, 0x11_0000),
        // Releases that flytekit does not run on: what has been assigned for long is the same everywhere.
        Err(_) => (Unicode::default(), 0x590),
    }
}

/// Numbers by chance, the same in each run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn point(&mut self, end: u32) -> u32 {
        let kinds = [0x80, 0x100, 0x800, 0x1_0000, u64::from(end)];
        let kind = kinds[usize::try_from(self.below(5)).unwrap()].min(u64::from(end));
        u32::try_from(self.below(kind)).unwrap()
    }

    fn text(&mut self, end: u32) -> Value {
        let length = self.below(9);
        let points: Vec<u32> = (0..length)
            .map(|_| match self.below(4) {
                0 => u32::from(*b"'\"\\\n\t\r\0 ".get(usize::try_from(self.below(8)).unwrap()).unwrap()),
                _ => self.point(end),
            })
            .collect();
        let chars: Option<String> = points.iter().map(|point| char::from_u32(*point)).collect();
        chars.map_or(Value::CodePoints(points), Value::Str)
    }

    fn value(&mut self, end: u32, depth: u32) -> Value {
        let kinds = if depth == 0 { 7 } else { 12 };
        let many = |chance: &mut Self| {
            let length = chance.below(4);
            (0..length).map(|_| chance.value(end, depth - 1)).collect::<Vec<_>>()
        };
        match self.below(kinds) {
            0 => Value::None,
            1 => Value::Bool(self.below(2) == 0),
            2 => Value::Int((self.next().cast_signed() >> self.below(63)).to_string()),
            3 => Value::Float(f64::from_bits(self.next())),
            // Numbers that people write.
            4 => {
                let exponent = i32::try_from(self.below(40)).unwrap() - 20;
                let digits = f64::from(u32::try_from(self.below(100_000)).unwrap());
                Value::Float(digits * 10f64.powi(exponent))
            }
            5 => Value::Bytes((0..self.below(6)).map(|_| self.next().to_le_bytes()[0]).collect()),
            6 | 7 => self.text(end),
            8 => Value::List(many(self)),
            9 => Value::Tuple(many(self)),
            10 => Value::Set(vec![self.text(end)]),
            _ => {
                let length = self.below(4);
                let pairs = (0..length).map(|number| {
                    // Keys that are no other's.
                    let Value::Str(key) = self.text(0x80) else {
                        panic!("ASCII")
                    };
                    (Value::Str(format!("{key}{number}")), self.value(end, depth - 1))
                });
                Value::Map(pairs.collect())
            }
        }
    }
}

/// A value as the Python program below reads it.
fn encoded(value: &Value) -> Json {
    let all = |items: &[Value]| items.iter().map(encoded).collect::<Vec<_>>();
    match value {
        Value::None => json!(["none"]),
        Value::Bool(value) => json!(["bool", value]),
        Value::Int(digits) => json!(["int", digits]),
        Value::Float(number) => json!(["float", format!("{:016x}", number.to_bits())]),
        Value::Str(text) => json!(["str", text.chars().map(u32::from).collect::<Vec<_>>()]),
        Value::CodePoints(points) => json!(["str", points]),
        Value::Bytes(bytes) => json!(["bytes", bytes]),
        Value::List(items) => json!(["list", all(items)]),
        Value::Tuple(items) => json!(["tuple", all(items)]),
        Value::Set(items) => json!(["set", all(items)]),
        Value::Map(pairs) => json!([
            "dict",
            pairs.iter().map(|(k, v)| (encoded(k), encoded(v))).collect::<Vec<_>>()
        ]),
        other => panic!("{other:?} is not made here"),
    }
}

const DECODE_AND_SHOW: &str = r#"
import json, struct, sys
def decode(node):
    kind, inner = node[0], node[1] if len(node) > 1 else None
    if kind == "none": return None
    if kind == "int": return int(inner)
    if kind == "float": return struct.unpack(">d", bytes.fromhex(inner))[0]
    if kind == "str": return "".join(map(chr, inner))
    if kind == "bytes": return bytes(inner)
    if kind == "list": return [decode(item) for item in inner]
    if kind == "tuple": return tuple(decode(item) for item in inner)
    if kind == "set": return {decode(item) for item in inner}
    if kind == "dict": return {decode(key): decode(value) for key, value in inner}
    return inner
for line in sys.stdin:
    print(json.dumps(repr(decode(json.loads(line)))))
"#;

#[test]
fn a_hundred_thousand_values_are_written_as_python_writes_them() {
    let (unicode, end) = tables();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let values: Vec<Value> = (0..100_000).map(|_| chance.value(end, 3)).collect();
    let input: String = values.iter().map(|value| format!("{}\n", encoded(value))).collect();
    let output = python(DECODE_AND_SHOW, &input);
    assert_eq!(output.lines().count(), values.len());
    for (value, line) in values.iter().zip(output.lines()) {
        let expected: String = serde_json::from_str(line).unwrap();
        assert_eq!(repr(value, unicode), expected);
    }
}

#[test]
fn every_character_has_pythons_properties() {
    let (unicode, end) = tables();
    let program = "
import re
for point in range(0x110000):
    if 0xd800 <= point < 0xe000: continue
    c = chr(point)
    flags = (c.isprintable(), bool(re.match(r'\\w', c)), bool(re.match(r'\\d', c)))
    print(point, *map(int, flags), *map(ord, c.lower()))
";
    for line in python(program, "").lines() {
        let mut words = line.split(' ').map(|word| word.parse::<u32>().unwrap());
        let point = words.next().unwrap();
        if point >= end {
            break;
        }
        let c = char::from_u32(point).unwrap();
        let flags = [words.next().unwrap(), words.next().unwrap(), words.next().unwrap()].map(|flag| flag == 1);
        let found = [unicode.is_printable(c), unicode.is_word(c), unicode.is_decimal(c)];
        assert_eq!(found, flags, "U+{point:04X}");
        let lower: String = words.map(|point| char::from_u32(point).unwrap()).collect();
        assert_eq!(unicode.lower(&c.to_string()), lower, "U+{point:04X}");
    }
}

#[test]
fn lower_casing_knows_the_final_sigma() {
    let words = [
        "ΑΣ",
        "ΑΣΑ",
        "Σ",
        "ΑΣ.",
        "ΑΣ\u{301}Α",
        "İΣ",
        "ǅ",
        "ẞ",
        "A\u{1c89}Σ",
        "ΑΣ \u{a7dc}Σ",
    ];
    let input: Vec<Vec<u32>> = words.iter().map(|word| word.chars().map(u32::from).collect()).collect();
    let program = "
import json, sys
for word in json.load(sys.stdin): print(json.dumps([ord(c) for c in ''.join(map(chr, word)).lower()]))
";
    let (unicode, end) = tables();
    let output = python(program, &json!(input).to_string());
    for (word, line) in words.iter().zip(output.lines()) {
        if word.chars().any(|c| u32::from(c) >= end) {
            continue;
        }
        let expected: Vec<u32> = serde_json::from_str(line).unwrap();
        let found: Vec<u32> = unicode.lower(word).chars().map(u32::from).collect();
        assert_eq!(found, expected, "{word}");
    }
}
