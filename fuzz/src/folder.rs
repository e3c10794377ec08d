//! A manifest that is well formed and may name anything, in a folder with all sorts of files. A store that opens it, alone or
//! among agents, refuses it or works; nothing outside of the store is touched, and nothing in it that is not the
//! store's; and what was written and closed is there when it opens again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::engine::Change;
use opslog::format::manifest::{Manifest, Stats};
use opslog::repair::repair;
use opslog::store::{Options, Rejected, Store, load_segment};
use opslog::verify::verify;

use super::bytes::Bytes;
use super::store::{Dead, NOW, ROOT, checked_records, options, path, records};

const LINE: &[u8] =
    b"{\"ts\":\"2026-01-01T00:00:00.000Z\",\"op\":\"set\",\"id\":\"a\",\"prev\":null,\"data\":1}\n";
const BY_AGENT: &[u8] =
    b"{\"ts\":\"2026-01-01T00:00:00.000Z\",\"op\":\"set\",\"id\":\"b\",\"prev\":null,\"data\":2,\
    \"agent\":\"x\",\"clock\":18446744073709551615}\n";

const FILES: [(&str, &[u8]); 12] = [
    ("snapshots/snap-1.jsonl", b"{\"version\":1,\"timestamp\":\"t\"}\n{\"id\":\"s\",\"data\":1}\n"),
    ("snapshots/snap-18446744073709551615.jsonl", b"{\"version\":2,\"timestamp\":\"t\"}\n"),
    ("snapshots/snap-2.json", b"{\"version\":1,\"timestamp\":\"t\",\"records\":{\"s\":[1]}}"),
    ("snapshots/odd/snap-3.jsonl", b"{\"version\":4294967296,\"timestamp\":\"t\"}\n"),
    ("ops/ops-1.jsonl", LINE),
    ("ops/ops-18446744073709551615.jsonl", b""),
    ("ops/agent-x-1.jsonl", BY_AGENT),
    ("ops/agent-y-18446744073709551614.jsonl", LINE),
    ("archive/archive-p.json", b"{\"version\":1,\"period\":\"p\",\"timestamp\":\"t\",\"records\":{\"z\":1}}"),
    ("archive/odd", b"{\"version\":1,\"period\":\"p\",\"timestamp\":\"t\",\"records\":{}}"),
    ("index/lock", b"18446744073709551615"),
    (".compact-lock", b"4194304"),
];

/// Files that belong to no store.
const OTHERS: [&str; 4] =
    ["/store/mine", "/store/blobs/manifest.json", "/outside/secret", "/outside/snap-1.jsonl"];

const PATHS: [&str; 24] = [
    "snapshots/snap-1.jsonl",
    "ops/ops-1.jsonl",
    "snapshots/snap-18446744073709551615.jsonl",
    "snapshots/snap-2.json",
    "snapshots/odd/snap-3.jsonl",
    "snapshots/odd",
    "snapshots/none.jsonl",
    "ops/ops-18446744073709551615.jsonl",
    "ops/none.jsonl",
    "ops/agent-x-1.jsonl",
    "ops/agent-y-18446744073709551614.jsonl",
    "archive/archive-p.json",
    "archive/odd",
    "archive/none",
    "ops/link.jsonl",
    "snapshots/link.jsonl",
    "../outside/secret",
    "snapshots/../../outside/snap-1.jsonl",
    "snapshots/../mine",
    "mine",
    "/outside/secret",
    "ops",
    "manifest.json",
    "",
];

pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    let disk = SimDisk::new();
    let folders = ["/store/snapshots", "/store/ops", "/store/archive", "/store/index"];
    folders.iter().for_each(|folder| disk.create_folder(Path::new(folder)).unwrap());
    let without = usize::from(bytes.next());
    for (number, (relative, content)) in FILES.iter().enumerate() {
        if number != without {
            disk.plant(&path(relative), content).unwrap();
        }
    }
    OTHERS.iter().for_each(|other| disk.plant(Path::new(other), b"mine\n").unwrap());
    disk.symlink(Path::new("/outside/secret"), &path("ops/link.jsonl")).unwrap();
    disk.symlink(Path::new("/outside/snap-1.jsonl"), &path("snapshots/link.jsonl")).unwrap();
    let manifest = manifest(&mut bytes);
    disk.plant(&path("manifest.json"), manifest.print().as_bytes()).unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let _ = verify(&disk, Path::new(ROOT), &Default::default());
    for _ in 0..3 {
        let who = bytes.next();
        if who % 8 == 7 {
            let _ = repair(&shared, Path::new(ROOT), &Dead, (0, NOW), &Arc::default());
        } else {
            visit(&shared, who, &mut bytes);
        }
    }
    let now = disk.tree();
    for other in OTHERS {
        assert_eq!(now.get(Path::new(other)).map(Vec::as_slice), Some(&b"mine\n"[..]), "{other}");
    }
    let is_allowed = |path: &PathBuf| {
        path.starts_with(ROOT) || OTHERS.iter().any(|other| Path::new(other).starts_with(path))
    };
    assert!(now.keys().all(is_allowed), "{now:?}");
}

fn manifest(bytes: &mut Bytes<'_>) -> Manifest {
    let some = |bytes: &mut Bytes<'_>| bytes.next() % 4;
    // What stands first is what makes a store: most inputs should have one.
    let mut manifest = Manifest {
        version: number(bytes).max(1),
        current_snapshot: bytes.one_of(&PATHS).into(),
        active_ops: if bytes.next().is_multiple_of(2) {
            "ops/ops-1.jsonl".into()
        } else {
            bytes.one_of(&PATHS).into()
        },
        stats: Stats { created: "c".into(), last_checkpoint: "l".into(), ..Stats::default() },
        ..Manifest::default()
    };
    let agents = (0..some(bytes)).map(|_| {
        let key =
            bytes.one_of(&["x", "y", "sealed/ops/ops-1.jsonl", "sealed/", "", "__proto__", "../x", "1"]);
        (key.to_owned(), bytes.one_of(&PATHS).to_owned())
    });
    let agents: BTreeMap<_, _> = agents.collect();
    manifest.active_agent_ops = (!agents.is_empty()).then(|| agents.into_iter().collect());
    manifest.archive_segments = (0..some(bytes)).map(|_| bytes.one_of(&PATHS).into()).collect();
    manifest.superseded = (0..some(bytes)).map(|_| (bytes.one_of(&PATHS).into(), number(bytes))).collect();
    manifest.previous_ops = (some(bytes) == 0).then(|| bytes.one_of(&PATHS).into());
    for field in [
        &mut manifest.generation,
        &mut manifest.clock,
        &mut manifest.previous_end,
        &mut manifest.departures,
        &mut manifest.stats.active_records,
        &mut manifest.stats.archived_records,
        &mut manifest.stats.ops_count,
    ] {
        *field = number(bytes);
    }
    manifest
}

fn number(bytes: &mut Bytes<'_>) -> u64 {
    match bytes.next() {
        small @ 0..200 => u64::from(small % 3),
        _ => bytes.change(0),
    }
}

/// Opens, works, closes, and opens again.
fn visit(disk: &Arc<dyn Disk>, who: u8, bytes: &mut Bytes<'_>) {
    let mut how = options(who.is_multiple_of(4));
    how.agent = (who % 8 >= 4).then(|| bytes.one_of(&["x", "y", "z"]).to_owned());
    how.version = 1 + u32::from(who / 128);
    how.index_from_bytes = if who.is_multiple_of(2) { 0 } else { u64::MAX };
    let Some(store) = open(disk, &how) else { return };
    records(&store);
    for relative in &store.manifest().archive_segments {
        let _ = load_segment(&**disk, Path::new(ROOT), relative, 1 << 20);
    }
    let _ = store.follow();
    if how.read_only {
        return;
    }
    let mut last = None;
    for _ in 0..4 {
        match bytes.next() % 5 {
            0 => {
                let _ = store.undo();
                last = None;
            }
            1 => compact(&store),
            2 => {
                let _ = store.follow().and_then(|_| store.catch_up());
            }
            _ => {
                let value = bytes.one_of(&[&b"1"[..], b"{\"n\":2}", b"[3]"]);
                match store.change(Change::Set(value), b"new", NOW, None, true) {
                    Ok(_) => last = Some(value),
                    Err(Rejected::NotCanonical(text)) => panic!("{text:?}"),
                    Err(_) => {}
                }
            }
        }
    }
    let closed = store.close();
    drop(store);
    let Some(again) = open(disk, &how).filter(|_| closed.is_ok()) else { return };
    checked_records(&again);
    if let Some(value) = last {
        let found = again.get(b"new").expect("nothing fails on this disk");
        assert_eq!(found.as_deref(), Some(value), "what was written is not there");
    }
}

fn open(disk: &Arc<dyn Disk>, options: &Options) -> Option<Arc<Store>> {
    let opened = Store::open(Arc::clone(disk), Path::new(ROOT), options.clone(), &Dead);
    opened.ok().map(|opened| opened.store)
}

fn compact(store: &Arc<Store>) {
    let _ = match store.manifest().active_agent_ops {
        Some(_) => store.compact_agents(NOW, None).map(drop),
        None => match store.begin_checkpoint(NOW, true) {
            Ok(Some(checkpoint)) => checkpoint.run(),
            _ => Ok(()),
        },
    };
}
