//! Python's dictionaries, in which some values that look different are the same key.

use std::collections::HashMap;

use crate::python::object::repr::{repr, repr_of_code_points};
use crate::python::object::unicode::Unicode;
use crate::python::object::value::Value;

/// A dictionary under construction: a repeated key keeps its first place and takes its last value.
#[derive(Debug, Default)]
pub struct Dictionary {
    pairs: Vec<(Value, Value)>,
    places: HashMap<String, usize>,
}

impl Dictionary {
    /// Sets a key; equal keys are one, as in Python.
    pub fn set(&mut self, key: Value, value: Value) {
        let name = self::key(&key);
        let known = self.places.get(&name).and_then(|place| self.pairs.get_mut(*place));
        if let Some((_, old)) = known {
            *old = value;
            return;
        }
        self.places.insert(name, self.pairs.len());
        self.pairs.push((key, value));
    }

    /// The pairs, in the order in which their keys first appeared.
    #[must_use]
    pub fn into_pairs(self) -> Vec<(Value, Value)> {
        self.pairs
    }
}

/// A text that is the same for keys that are equal in Python, such as 1, 1.0 and True. PyYAML has a single object
/// for not-a-number, so it is one key as well.
fn key(value: &Value) -> String {
    match value {
        Value::Bool(truth) => u8::from(*truth).to_string(),
        Value::Int(digits) => digits.clone(),
        Value::Float(number) if number.is_finite() && number.fract() == 0.0 => {
            let digits = format!("{number:.0}");
            if digits == "-0" { "0".into() } else { digits }
        }
        Value::Tuple(items) => {
            let keys: Vec<String> = items.iter().map(key).collect();
            format!("({})", keys.join(", "))
        }
        Value::CodePoints(points) => repr_of_code_points(points),
        other => repr(other, Unicode::default()),
    }
}
