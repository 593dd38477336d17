//! Requirements files, locks and projects.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| imagespec::fuzzing::requirements(text));
