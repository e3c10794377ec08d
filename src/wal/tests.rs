//! The end of a log: what a replay says of it, the same read without the head, and changes of a log that no writer holds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // Tests.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::end::end_of;
use super::{Tail, WalCursor, replay, replay_unlocked, unheld};
use crate::disk::sim::{CallKind, SimDisk, Times};
use crate::disk::{Disk, MemoryFile};

fn line(id: &str, more: &str) -> String {
    format!("{{\"ts\":\"t\",\"op\":\"set\",\"id\":\"{id}\",\"prev\":null,\"data\":1{more}}}\n")
}

fn more(id: &str) -> String {
    line(id, ",\"batch\":\"more\"")
}

fn last(id: &str) -> String {
    line(id, ",\"batch\":\"last\"")
}

/// The ids that a replay shows, and what it finds.
fn replayed(text: &str) -> (Vec<String>, Tail) {
    let mut ids = Vec::new();
    let file = MemoryFile(text.as_bytes().to_vec());
    let tail = replay(&file, Path::new("/log"), 0, |offset, bytes, line| {
        assert!(text.as_bytes()[offset as usize..].starts_with(bytes), "the line is not at {offset}");
        ids.push(String::from_utf8(line.id.to_vec()).unwrap());
        Ok(ControlFlow::Continue(()))
    });
    (ids, tail.unwrap())
}

fn disk() -> (SimDisk, PathBuf) {
    let disk = SimDisk::new();
    disk.create_folder(Path::new("/store/ops")).unwrap();
    (disk, PathBuf::from("/store/ops/ops-1.jsonl"))
}

fn content(disk: &SimDisk, name: &str) -> Option<String> {
    disk.tree().get(Path::new(name)).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
}

#[test]
fn white_space_at_the_end_is_no_malformed_line_however_many_lines_it_takes() {
    let text = format!("{}  \n\t\n \r\n", line("a", ""));
    let (ids, tail) = replayed(&text);
    assert_eq!((ids.len(), tail.skipped.len(), tail.torn), (1, 0, false));
    let (_, tail) = replayed(&format!("{text}{}", line("b", "")));
    assert_eq!(tail.skipped.len(), 3, "between lines each is one");
}

#[test]
fn a_malformed_line_before_white_space_at_the_end_stays_in_the_log() {
    let text = format!("{}x\n \n", line("a", ""));
    let (_, tail) = replayed(&text);
    assert_eq!((tail.skipped.len(), tail.torn, tail.good), (1, false, text.len() as u64 - 2));
}

#[test]
fn a_last_line_with_white_space_before_it_that_json_does_not_know_is_malformed() {
    let (ids, tail) = replayed(&format!("{}\u{a0}{}", line("a", ""), line("b", "")));
    assert_eq!((ids, tail.skipped.len()), (vec!["a".to_owned()], 1));
    let (ids, _) = replayed(&format!("{}{}\u{a0}\n", line("a", ""), line("b", "").trim_end()));
    assert_eq!(ids.len(), 2, "behind it, the last line may have any");
}

#[test]
fn an_unfinished_batch_holds_no_malformed_line_of_its_own() {
    let (_, tail) = replayed(&format!("{}{}", line("a", ""), more("b")));
    assert!(tail.torn);
    assert_eq!(tail.torn_lines, 0);
    let (_, tail) = replayed(&format!("{}{}x\n{{\"ts\"", line("a", ""), more("b")));
    assert_eq!(tail.torn_lines, 2);
}

#[test]
fn the_end_of_a_log_is_the_same_read_with_and_without_its_head() {
    let lines = [
        line("a", ""),
        more("b"),
        more("c"),
        last("d"),
        "x\n".into(),
        "\n".into(),
        " \n".into(),
        more("e"),
        "{}\n".into(),
        last("f"),
        line("g", &format!(",\"prev\":{{\"text\":\"{}\"}}", "y".repeat(300))),
        more("h"),
        more("i"),
    ];
    let text: String = lines.concat();
    for len in 0..=text.len() {
        let file = MemoryFile(text.as_bytes()[..len].to_vec());
        let (_, whole) = replayed(&text[..len]);
        for span in [1, 40, 200] {
            let end = end_of(&file, Path::new("/log"), span).unwrap();
            let facts = |tail: &Tail| (tail.good, tail.end, tail.torn, tail.needs_newline);
            assert_eq!(facts(&end.tail), facts(&whole), "the first {len} bytes, from {span}");
        }
    }
}

#[test]
fn operations_are_cut_one_by_one_and_each_batch_before_stays_whole() {
    let (disk, path) = disk();
    let lines = [line("a", ""), more("b"), more("c"), last("d")].concat();
    unheld::append(&disk, &path, lines.as_bytes()).unwrap();
    for left in [3, 2, 1, 0] {
        assert!(unheld::cut_last(&disk, &path).unwrap());
        let (ids, tail) = replayed(&content(&disk, "/store/ops/ops-1.jsonl").unwrap());
        assert_eq!((ids.len(), tail.torn), (left, false));
    }
    assert!(!unheld::cut_last(&disk, &path).unwrap());
    assert_eq!(content(&disk, "/store/ops/ops-1.jsonl.torn"), None);
}

#[test]
fn the_end_of_a_batch_is_durable_before_its_last_line_is_cut() {
    let lines = [line("a", ""), more("b"), last("c")].concat();
    for calls in 0..40 {
        let (disk, path) = disk();
        unheld::append(&disk, &path, lines.as_bytes()).unwrap();
        let file = disk.open(&path, crate::disk::OpenMode::Append).unwrap();
        file.sync().unwrap();
        disk.sync_folder(Path::new("/store/ops")).unwrap();
        disk.sync_folder(Path::new("/store")).unwrap();
        disk.sync_folder(Path::new("/")).unwrap();
        disk.crash_after(calls);
        let _ = unheld::cut_last(&disk, &path);
        for seed in 0..20u64 {
            let mut state = seed;
            let after = disk.after_crash(&mut |below| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % below
            });
            let (ids, _) = replayed(&content(&after, "/store/ops/ops-1.jsonl").unwrap());
            assert!(ids.len() >= 2, "after {calls} calls: {ids:?}");
        }
    }
}

#[test]
fn an_append_that_fails_leaves_the_log_as_it_was() {
    for kind in [CallKind::Append, CallKind::Open] {
        let (disk, path) = disk();
        unheld::append(&disk, &path, line("a", "").as_bytes()).unwrap();
        disk.fail_next(kind, 1, 28, Times::Once);
        assert!(unheld::append(&disk, &path, line("b", "").as_bytes()).is_err());
        assert_eq!(content(&disk, "/store/ops/ops-1.jsonl"), Some(line("a", "")));
        unheld::append(&disk, &path, line("c", "").as_bytes()).unwrap();
        assert_eq!(content(&disk, "/store/ops/ops-1.jsonl"), Some(line("a", "") + &line("c", "")));
    }
}

#[test]
fn a_cursor_with_marks_shows_lines_as_they_are() {
    let (disk, path) = disk();
    let lines = [more("a"), last("b")].concat();
    unheld::append(&disk, &path, lines.as_bytes()).unwrap();
    let shown = |cursor: WalCursor| String::from_utf8({ cursor }.next_chunk(1000).unwrap()).unwrap();
    let cursor = || WalCursor::open(&disk, &path).unwrap();
    assert_eq!(shown(cursor().with_marks()), lines.replace('\n', ","));
    assert!(!shown(cursor()).contains("batch"));
}

#[test]
fn a_log_read_in_pieces_shows_what_one_read_shows_and_no_batch_in_parts() {
    let kinds = |roll: usize, id: &str| match roll % 9 {
        0 | 1 => line(id, ""),
        2 => more(id) + &more(id) + &last(id),
        3 => (0..40).map(|_| more(id)).collect::<String>() + &last(id),
        4 => "{\"no\":1}\n".to_owned(),
        // A user calls fields of a value as a mark is called.
        5 => line(id, ",\"prevValue\":{\"n\":1,\"batch\":\"more\"}"),
        6 => line(id, ",\"x\":{\"n\":1,\"batch\":\"last\"},\"batch\":\"more\"") + &last(id),
        7 => more(id) + &line(id, ",\"prevValue\":{\"n\":1,\"batch\":\"last\"}"),
        _ => "\n".to_owned(),
    };
    let mut dice = 1u64;
    let mut roll = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize
    };
    for _ in 0..300 {
        let text: String =
            (0..30).map(|at| kinds(roll(), &format!("id{at}"))).collect::<String>() + &more("x");
        let (ids, tail) = replayed(&text);
        let file = MemoryFile(text.into_bytes());
        let (mut found, mut from, limit) = (Vec::new(), 0, 1 + roll() % 4000);
        loop {
            let piece = replay_unlocked(
                &file,
                Path::new("/log"),
                from,
                limit,
                || Ok(true),
                |offset, _, line| {
                    assert!(offset >= from);
                    found.push(String::from_utf8(line.id.to_vec()).unwrap());
                    Ok(ControlFlow::Continue(()))
                },
            );
            let piece = piece.unwrap().unwrap();
            from = piece.tail.good;
            if piece.is_last {
                break;
            }
        }
        assert_eq!((found, from), (ids, tail.good), "in pieces of {limit}");
    }
}
