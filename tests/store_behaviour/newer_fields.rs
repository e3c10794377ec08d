//! What a newer version of this package wrote into the manifest survives everything that changes the manifest; what another
//! protocol wrote, and this one does not keep up to date, does not.

use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode, append_all};
use opslog::store::{Options, Prune, Store};

use super::support::*;

fn rewrite(disk: &SimDisk, text: &str) {
    let path = path("manifest.json");
    disk.unlink(&path).unwrap();
    append_all(&*disk.open(&path, OpenMode::CreateNew).unwrap(), text.as_bytes()).unwrap();
}

fn manifest_text(disk: &SimDisk) -> String {
    String::from_utf8(disk.tree()[&path("manifest.json")].clone()).unwrap()
}

/// A store that a newer version has written to.
fn written_by_a_newer_version() -> SimDisk {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    set(&store, "b", "2");
    store.close().unwrap();
    let text = manifest_text(&disk);
    let text = text.replacen('{', r#"{ "newer": {"x": [1, "\ud800"], "y": 1e400},"#, 1);
    rewrite(&disk, &text.replacen("\"opsCount\"", "\"newerCount\": 7, \"opsCount\"", 1));
    disk
}

fn assert_kept(disk: &SimDisk, before: &str) {
    let text = manifest_text(disk);
    assert_ne!(text, before, "the manifest was not changed");
    let squeezed: String = text.split_whitespace().collect();
    assert!(squeezed.contains(r#""newer":{"x":[1,"\ud800"],"y":1e400}"#), "{text}");
    assert!(squeezed.contains(r#""newerCount":7"#), "{text}");
}

fn agent(id: &str) -> Options {
    Options { agent: Some(id.into()), ..options() }
}

#[test]
fn fields_of_a_newer_version_survive_the_checkpoints_and_archives_of_a_single_writer() {
    let disk = written_by_a_newer_version();
    let store = open(&disk);
    let step = |name: &str, change: &dyn Fn(&Arc<Store>)| {
        let before = manifest_text(&disk);
        change(&store);
        println!("{name}");
        assert_kept(&disk, &before);
    };
    step("a checkpoint", &|store| checkpoint(store).unwrap());
    step("an archive", &|store| archive(store, &["a"]).unwrap());
    step("an archive without a checkpoint", &|store| {
        store.archive_aside(&[b"b".as_slice().into()], "2026-Q2", NOW).unwrap();
    });
    step("a prune", &|store| {
        store.prune(&Prune { with_snapshots: true, now_ms: NOW, ..Prune::default() }).unwrap().unwrap();
    });
    store.close().unwrap();
    assert_eq!(records(&open(&disk)), ["b=2"]);
}

#[test]
fn fields_of_a_newer_version_survive_a_migration() {
    let disk = written_by_a_newer_version();
    let before = manifest_text(&disk);
    let store = try_open(disk.clone(), second()).unwrap().store;
    migrate(&store, |_, text| text.to_owned()).unwrap();
    checkpoint(&store).unwrap();
    assert_kept(&disk, &before);
    assert_eq!(published(&disk).version, 2);
}

#[test]
fn fields_of_a_newer_version_survive_agents_their_compactions_and_a_take_over() {
    let disk = written_by_a_newer_version();
    let mut before = manifest_text(&disk);
    let one = try_open(disk.clone(), agent("one")).unwrap().store;
    assert_kept(&disk, &before);
    set(&one, "c", "3");
    before = manifest_text(&disk);
    let begun = one.begin_compaction(NOW, None, false).unwrap().unwrap();
    assert_kept(&disk, &before);
    before = manifest_text(&disk);
    begun.finish().unwrap();
    assert_kept(&disk, &before);
    before = manifest_text(&disk);
    one.archive_aside(&[b"a".as_slice().into()], "2026-Q2", NOW).unwrap();
    assert_kept(&disk, &before);
    one.close().unwrap();
    before = manifest_text(&disk);
    open(&disk).close().unwrap();
    assert_kept(&disk, &before);
    assert!(!parsed_fields(&disk).contains(&"activeAgentOps".to_owned()));
}

#[test]
fn fields_by_which_stores_behind_backends_know_each_other_go_when_the_folder_is_written_without_them() {
    let disk = written_by_a_newer_version();
    let text = manifest_text(&disk);
    let fields = r#"{ "stamp": "s", "ancestors": ["r"], "writer": "w", "sessions": {"a": "b"}, "quiet": ["c"],
        "retired": [], "fenced": {"ops/x": 1},"#;
    rewrite(&disk, &text.replacen('{', fields, 1));
    let before = manifest_text(&disk);
    let store = open(&disk);
    checkpoint(&store).unwrap();
    assert_kept(&disk, &before);
    let manifest = parsed_fields(&disk);
    for field in ["stamp", "ancestors", "writer", "sessions", "quiet", "retired", "fenced"] {
        assert!(!manifest.contains(&field.to_owned()), "{field} is kept");
    }
}

fn parsed_fields(disk: &SimDisk) -> Vec<String> {
    let text = manifest_text(disk).replace("1e400", "1").replace("\\ud800", "");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value.as_object().unwrap().keys().cloned().collect()
}
