//! Random text against the real thing: what V8 and the published 0.8.1 make of it must be what this crate
//! makes of it. Rust generates cases and its own answers; `v8/check.mjs` checks each in Node.
//!
//! `OPSLOG_V8_CASES` sets the number of cases per topic, `OPSLOG_V8_SEED` the seed, `OPSLOG_REFERENCE` the
//! folder of 0.8.1 (default: the package `opslog-reference` that npm installed).

// Helpers outside #[test] functions are tests too.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

#[path = "v8/documents.rs"]
mod documents;
#[path = "v8/frames.rs"]
mod frames;
#[path = "v8/generate.rs"]
mod generate;
#[path = "v8/operations.rs"]
mod operations;
#[path = "v8/pools.rs"]
mod pools;
#[path = "v8/text.rs"]
mod text;

use frames::Frames;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

fn reference() -> Option<PathBuf> {
    let installed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node_modules/opslog-reference");
    let folder = std::env::var_os("OPSLOG_REFERENCE").map_or(installed, PathBuf::from);
    folder.join("dist/validate.js").exists().then_some(folder)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Sends the cases to Node and expects it to find no difference.
fn check(topic: &str, cases: &Frames) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/v8/check.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(reference().unwrap_or_default());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = match command.spawn() {
        Ok(node) => node,
        Err(error) => {
            println!("skipped {topic}: node cannot be started ({error})");
            return;
        }
    };
    let mut stdin = node.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(&cases.bytes).unwrap());
        node.wait_with_output().unwrap()
    });
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{topic}: {said}");
    assert!(output.status.success(), "{topic} differs from V8:\n{said}");
}

fn run(topic: &str, needs_reference: bool, default: u64, add: impl Fn(&mut Frames, &mut generate::Random)) {
    if needs_reference && reference().is_none() {
        println!("skipped {topic}: 0.8.1 is not installed (npm ci, or set OPSLOG_REFERENCE)");
        return;
    }
    let mut random = generate::Random::new(number("OPSLOG_V8_SEED", 1));
    let mut frames = Frames::default();
    for _ in 0..number("OPSLOG_V8_CASES", default) {
        add(&mut frames, &mut random);
    }
    frames.expect_both_outcomes(topic);
    check(topic, &frames);
}

#[test]
fn validity_is_that_of_json_parse() {
    run("validity", false, 10_000, text::validity);
}

#[test]
fn canonical_text_is_what_json_stringify_prints() {
    run("canonical", false, 10_000, text::canonical);
}

#[test]
fn strings_decode_and_encode_as_in_v8() {
    run("strings", false, 5_000, text::strings);
}

#[test]
fn layout_is_that_of_json_stringify() {
    run("layout", false, 2_000, text::layout);
}

#[test]
fn timestamps_are_those_of_to_iso_string() {
    run("timestamps", false, 5_000, text::timestamps);
}

#[test]
fn trimming_is_that_of_string_trim() {
    run("trimming", false, 2_000, text::trimming);
}

#[test]
fn lines_are_read_as_validate_op_reads_them() {
    run("lines", true, 10_000, operations::lines);
}

#[test]
fn written_lines_are_operations_to_0_8_1() {
    run("written lines", true, 2_000, operations::written_lines);
}

#[test]
fn deltas_are_those_of_create_delta_and_apply_delta() {
    run("deltas", true, 5_000, operations::deltas);
}

#[test]
fn manifests_are_read_and_printed_as_by_0_8_1() {
    run("manifests", true, 2_000, documents::manifests);
}

#[test]
fn snapshots_load_with_the_records_and_order_of_0_8_1() {
    run("snapshots", true, 500, documents::snapshots);
}

#[test]
fn archive_segments_are_merged_as_by_0_8_1() {
    run("archives", true, 300, documents::archives);
}
