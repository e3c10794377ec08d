//! The seeds of the fuzz targets, and every input that once showed a fault, without a fuzzer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

#[path = "../fuzz/src/lib.rs"]
mod targets;

fn fuzz_folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn names(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn replay(target: &str, check: fn(&[u8])) {
    let seeds = fuzz_folder("seeds").join(target);
    let names = names(seeds.clone());
    assert!(!names.is_empty());
    for name in names {
        println!("{target}/{name}");
        check(&fs::read(seeds.join(name)).unwrap());
    }
}

/// A test for each target; and what the folders hold is just these.
macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target), targets::$target::check);
        })*

        #[test]
        fn every_target_has_seeds_and_is_run_by_the_fuzzer() {
            let here = BTreeSet::from([$(stringify!($target).to_owned()),*]);
            assert_eq!(here, names(fuzz_folder("seeds")).into_iter().collect());
            let sources = names(fuzz_folder("fuzz_targets"));
            assert_eq!(here, sources.iter().map(|name| name.trim_end_matches(".rs").to_owned()).collect());
            let manifest = fs::read_to_string(fuzz_folder("Cargo.toml")).unwrap();
            let built = manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
            assert_eq!(here, built.filter(|name| *name != "opslog-fuzz").map(str::to_owned).collect());
        }
    };
}

targets! {
    agents
    archive
    folder
    growth
    index
    legacy_snapshot
    lock
    manifest
    operations
    paths
    snapshot
    wal
}
