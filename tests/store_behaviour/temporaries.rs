//! Temporary files: nobody's are written to but those that were just created.

use opslog::disk::sim::SimDisk;
use opslog::layout;

use super::support::*;

/// What dead processes with our number may have left: as many as other tests may number meanwhile.
const LEFT: u64 = 3000;

#[test]
fn a_temporary_file_that_is_there_already_is_not_written_to() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    let manifest = path(layout::MANIFEST);
    let next = layout::temporary(&manifest).to_string_lossy().into_owned();
    let (start, number) = next.strip_suffix(".tmp").unwrap().rsplit_once('-').unwrap();
    let number: u64 = number.parse().unwrap();
    let left = |n: u64| std::path::PathBuf::from(format!("{start}-{n}.tmp"));
    // Some are free, for one that never finds a free name gives up.
    let taken = |n: &u64| !n.is_multiple_of(50);
    for n in (number..number + LEFT).filter(taken) {
        disk.plant(&left(n), b"left").unwrap();
    }
    checkpoint(&store).unwrap();
    assert_eq!(found(&disk), ["a=1"]);
    let tree = disk.tree();
    for n in (number..number + LEFT).filter(taken) {
        assert_eq!(tree.get(&left(n)).map(Vec::as_slice), Some(&b"left"[..]));
    }
}
