//! A damaged, foreign or lying index file beside a sound snapshot. Whatever it says, a lookup gives the record of the
//! id that was asked for, or none; and where its checksums do not hold, it gives just what the snapshot holds.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use opslog::disk::sim::SimDisk;
use opslog::format::index::{PAGE, checksum};
use opslog_fuzz::{SNAPSHOT, disk_with, open, path};

const RECORDS: u64 = 120;
const INDEX: &str = "index/snap-1.jsonl.idx";

/// A snapshot, and the index file that belongs to it.
fn sound() -> &'static (Vec<u8>, Vec<u8>) {
    static SOUND: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    SOUND.get_or_init(|| {
        let mut snapshot = b"{\"version\":1,\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n".to_vec();
        for n in 0..RECORDS {
            snapshot.extend_from_slice(format!("{{\"id\":\"r{n}\",\"data\":{{\"n\":{n}}}}}\n").as_bytes());
        }
        let disk = disk_with(&snapshot, b"");
        drop(open(&disk, false).expect("it is sound"));
        let index = disk.tree().remove(&path(INDEX)).expect("opening writes an index file");
        (snapshot, index)
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, edits)) = data.split_first() else { return };
    let (snapshot, index) = sound();
    let mut index = index.clone();
    match how % 4 {
        0 => index = edits.to_vec(),
        1 => index.truncate(edits.iter().map(|&byte| usize::from(byte)).sum()),
        _ => {
            for edit in edits.as_chunks::<3>().0 {
                let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % index.len();
                index[at] = edit[2];
            }
        }
    }
    let lies = how % 4 == 3;
    if lies {
        make_credible(&mut index);
    }
    let disk = disk_with(snapshot, b"");
    disk.plant(&path(INDEX), &index).unwrap();
    for read_only in [true, false] {
        look_up(&disk, read_only, lies);
    }
    assert_eq!(disk.tree().get(&path(SNAPSHOT)), Some(snapshot));
});

fn look_up(disk: &SimDisk, read_only: bool, lies: bool) {
    // An index that counts fewer records than the manifest makes the store say so.
    let Ok(store) = open(disk, read_only) else { panic!("an index file keeps a store from opening") };
    for n in 0..RECORDS {
        let found = store.get(format!("r{n}").as_bytes()).expect("nothing fails on this disk");
        let expected = format!("{{\"n\":{n}}}");
        match found {
            Some(found) => assert_eq!(found, expected.as_bytes(), "the record of another id"),
            None => assert!(lies, "r{n} is not found"),
        }
    }
    for id in ["r", "r120", "", "\u{1f600}"] {
        assert_eq!(store.get(id.as_bytes()).expect("nothing fails on this disk"), None);
    }
}

/// Gives all pages the checksums of what is in them.
fn make_credible(index: &mut [u8]) {
    for (number, page) in index.chunks_exact_mut(PAGE).enumerate() {
        if number == 0 {
            let sum = checksum(&[&page[..PAGE - 4]]);
            page[PAGE - 4..].copy_from_slice(&sum.to_le_bytes());
        } else {
            let sum = checksum(&[&(number as u32 - 1).to_le_bytes(), &page[4..]]);
            page[..4].copy_from_slice(&sum.to_le_bytes());
        }
    }
}
