//! Specs.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| imagespec::fuzzing::spec(text));
