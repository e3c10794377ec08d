//! A damaged, foreign or lying index file beside a sound snapshot or log. Whatever it says, nothing fails and a lookup
//! gives a value that the record of that id had, or none; and where its checksums do not hold, it gives just what there
//! is. Only a scan, which has nothing else to go by, may be refused where it says something wrong.

use std::path::Path;
use std::sync::OnceLock;

use opslog::disk::{Disk, OpenMode};
use opslog::engine::Cursor;
use opslog::engine::index::Hash;
use opslog::format::index::{Header, Kind, PAGE, Page, Pages, Slot, checksum, pages_for};
use opslog::index::{Contents, context, fingerprint, write};
use opslog::store::Store;

use super::bytes::Bytes;
use super::store::{LOG, SNAPSHOT, disk_with, open, path};

/// More than a page of the index holds.
const RECORDS: u64 = 60;

/// What is indexed, and the index file that belongs to it.
struct Sound {
    kind: Kind,
    snapshot: Vec<u8>,
    log: Vec<u8>,
    index: Vec<u8>,
    slots: Vec<Slot>,
}

impl Sound {
    fn new(kind: Kind) -> Self {
        let mut snapshot = b"{\"version\":1,\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n".to_vec();
        let mut log = Vec::new();
        let hash = Hash::with_key([1, 2]);
        let mut slots = Vec::new();
        for n in 0..RECORDS {
            let (lines, line) = match kind {
                Kind::Snapshot => (&mut snapshot, format!("{{\"id\":\"r{n}\",\"data\":{{\"n\":{n}}}}}\n")),
                Kind::Log => {
                    log.extend_from_slice(operation(n, n + 1000).as_bytes());
                    (&mut log, operation(n, n))
                }
            };
            let (offset, len) = (lines.len() as u64, line.len() as u32 - 1);
            slots.push(Slot { offset, len, tag: hash.tag(format!("r{n}").as_bytes()) });
            lines.extend_from_slice(line.as_bytes());
        }
        let disk = disk_with(&snapshot, &log);
        let (relative, len) = match kind {
            Kind::Snapshot => (SNAPSHOT, snapshot.len()),
            Kind::Log => (LOG, log.len()),
        };
        let contents = Contents {
            kind,
            len: len as u64,
            records: RECORDS,
            operations: if kind == Kind::Log { 2 * RECORDS } else { 0 },
            cuts: 0,
            context: if kind == Kind::Log { context(SNAPSHOT) } else { 0 },
        };
        let source = disk.open(&path(relative), OpenMode::Read).unwrap();
        write(&disk, Path::new("/index"), &*source, contents, hash, &slots).unwrap();
        let index = disk.tree().remove(Path::new("/index")).unwrap();
        Self { kind, snapshot, log, index, slots }
    }

    fn source(&self) -> &'static str {
        if self.kind == Kind::Log { LOG } else { SNAPSHOT }
    }

    fn index_path(&self) -> std::path::PathBuf {
        opslog::layout::index(Path::new(super::store::ROOT), self.source())
    }
}

/// Each record has had another value before.
fn operation(n: u64, value: u64) -> String {
    format!(
        "{{\"ts\":\"2026-01-01T00:00:00.000Z\",\"op\":\"set\",\"id\":\"r{n}\",\"prev\":null,\"data\":{{\"n\":{value}}}}}\n"
    )
}

pub fn check(data: &[u8]) {
    static SOUND: OnceLock<[Sound; 2]> = OnceLock::new();
    let [of_snapshot, of_log] = SOUND.get_or_init(|| [Kind::Snapshot, Kind::Log].map(Sound::new));
    let mut bytes = Bytes(data);
    let how = bytes.next();
    let sound = if how & 128 == 0 { of_snapshot } else { of_log };
    let lies = how % 5 >= 3;
    let mut index = sound.index.clone();
    match how % 5 {
        0 => index = bytes.rest().to_vec(),
        1 => index.truncate(bytes.rest().iter().map(|&byte| usize::from(byte)).sum()),
        4 => index = lie(sound, bytes),
        _ => {
            while !bytes.is_empty() {
                let at = bytes.below(index.len());
                index[at] = bytes.next();
            }
            if lies {
                make_credible(&mut index);
            }
        }
    }
    let disk = disk_with(&sound.snapshot, &sound.log);
    disk.plant(&sound.index_path(), &index).unwrap();
    for read_only in [true, false] {
        // An index that counts fewer records than the manifest makes the store say so.
        let store = open(&disk, read_only)
            .unwrap_or_else(|error| panic!("an index file keeps a store from opening: {error}"));
        look_up(&store, sound.kind, lies);
        go_through(&store, lies);
    }
    let tree = disk.tree();
    assert_eq!(tree.get(&path(SNAPSHOT)), Some(&sound.snapshot));
    assert_eq!(tree.get(&path(LOG)), Some(&sound.log));
}

fn look_up(store: &Store, kind: Kind, lies: bool) {
    for n in 0..RECORDS {
        let found = store.get(format!("r{n}").as_bytes()).expect("nothing fails on this disk");
        let is_its = |value: u64| found.as_deref() == Some(format!("{{\"n\":{value}}}").as_bytes());
        let may_be_older = lies && kind == Kind::Log && is_its(n + 1000);
        assert!(is_its(n) || may_be_older || (lies && found.is_none()), "r{n} is {found:?}");
    }
    for id in ["r", "r60", "", "\u{1f600}"] {
        assert_eq!(store.get(id.as_bytes()).expect("nothing fails on this disk"), None);
    }
}

/// Everything is needed now: the head of a log is replayed, and found to be something else, or not.
fn go_through(store: &Store, lies: bool) {
    if let Err(error) = store.replay_head() {
        assert!(lies, "{error}");
        return;
    }
    let mut text = Vec::new();
    let scanned = store.scan((Cursor::Base(0), 0), usize::MAX, &mut text);
    assert!(lies || scanned.is_ok_and(|end| matches!(end, Some((Cursor::End, _)))));
    let lines = text.iter().filter(|&&byte| byte == b'{').count() as u64;
    assert!(lies || lines == RECORDS, "{lines} records");
}

/// An index file in which all is as it should be, but for some numbers.
fn lie(sound: &Sound, mut bytes: Bytes<'_>) -> Vec<u8> {
    let mut header = Header::parse(&sound.index[..PAGE], sound.kind).expect("it is sound");
    let mut slots = sound.slots.clone();
    let mut pages = None;
    while !bytes.is_empty() {
        let (which, field) = (bytes.next(), bytes.next());
        if which < 128 {
            let at = usize::from(which) % slots.len();
            let slot = &mut slots[at];
            match field % 4 {
                0 => slot.offset = bytes.change(slot.offset),
                1 => slot.len = bytes.change(u64::from(slot.len)) as u32,
                2 => slot.tag = bytes.change(u64::from(slot.tag)) as u32,
                _ => {
                    let copy = *slot;
                    slots.push(copy);
                }
            }
            continue;
        }
        match field % 9 {
            0 => header.second = bytes.change(header.second),
            1 => header.last = bytes.change(header.last),
            2 => header.records = bytes.change(header.records),
            3 => header.operations = bytes.change(header.operations),
            4 => header.cuts = bytes.change(header.cuts),
            5 => header.source.len = bytes.change(header.source.len),
            6 => header.key[0] = bytes.change(header.key[0]),
            7 => pages = Some(bytes.change(2) as u32),
            _ => header.context = bytes.change(u64::from(header.context)) as u32,
        }
    }
    header.pages = pages.unwrap_or(pages_for(slots.len() as u64));
    let disk = disk_with(&sound.snapshot, &sound.log);
    let source = disk.open(&path(sound.source()), OpenMode::Read).unwrap();
    if let Ok((found, _)) = fingerprint(&*source, header.source.len, header.second, header.last) {
        header.source = found;
    }
    let mut index = header.print();
    let mut pages = vec![0; pages_for(slots.len() as u64) as usize * PAGE];
    Pages::new(slots, 0).print(&mut pages);
    index.extend(pages);
    assert!(Page::parse(&index[PAGE..2 * PAGE], 0).is_some());
    index
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
