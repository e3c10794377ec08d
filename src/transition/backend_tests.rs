//! Each transition, field by field.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // Tests.

use std::sync::Arc;

use super::backend::*;
use crate::format::document::{Manifest, Name, Numbering};

fn name(text: &str) -> Name {
    Arc::from(text.as_bytes())
}

fn parse(text: &str) -> Manifest {
    Manifest::parse(text.as_bytes()).unwrap()
}

fn printed(manifest: &Manifest) -> String {
    String::from_utf8(manifest.print()).unwrap()
}

const STATS: &str =
    r#"{"activeRecords":1,"archivedRecords":2,"opsCount":3,"created":"c","lastCheckpoint":"l","newer":4}"#;

/// A single writer's, with fields of a newer version.
fn single() -> Manifest {
    parse(&format!(
        r#"{{"version":1,"currentSnapshot":"s1","activeOps":"l1","archiveSegments":["a"],"stats":{STATS},"newer":{{"x":[1]}},"generation":7,"clock":5}}"#
    ))
}

/// One of two agents, of which one is quiet.
fn shared() -> Manifest {
    parse(&format!(
        r#"{{"version":1,"currentSnapshot":"s1","activeOps":"l1","activeAgentOps":{{"sealed/3/one":"l0","one":"l1","two":"l2"}},"archiveSegments":[],"stats":{STATS},"newer":true,"sessions":{{"one":"x","two":"y"}},"quiet":["two"],"clock":5,"logVersions":{{"l1":2}}}}"#
    ))
}

fn snapshot(archived: Option<Archived>) -> Snapshot {
    Snapshot {
        path: name("s2"),
        version: 3,
        version_before: 1,
        records: 9,
        counts: vec![(name("l0"), 4)],
        kept: 0,
        went: Went::default(),
        paged: None,
        taken: b"t".to_vec(),
        archived,
    }
}

/// The fields that differ, with their new text; `-` for one that is gone.
fn changes(before: &Manifest, after: &Manifest) -> Vec<(String, String)> {
    let keys = |manifest: &Manifest| Manifest::keys(manifest);
    let mut all = keys(before);
    all.extend(keys(after).into_iter().filter(|key| before.field(key).is_none()));
    let text = |value: Option<&[u8]>| {
        value.map_or("-".to_owned(), |value| String::from_utf8_lossy(value).into_owned())
    };
    all.into_iter()
        .filter(|key| before.field(key) != after.field(key))
        .map(|key| (key.clone(), text(after.field(&key))))
        .collect()
}

fn assert_changes(before: &Manifest, after: &Manifest, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> =
        expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(changes(before, after), expected);
}

#[test]
fn a_manifest_keeps_every_field_it_does_not_know() {
    let text = printed(&single());
    assert!(text.contains(r#""newer":{"x":[1]}"#));
    assert_eq!(printed(&parse(&text)), text);
}

#[test]
fn fresh_has_the_fields_of_the_original_and_where_its_history_begins() {
    let made = fresh(b"s", &name("l"), b"now", 1);
    assert_eq!(
        printed(&made),
        r#"{"version":1,"currentSnapshot":"s","activeOps":"l","archiveSegments":[],"beginning":"s","stats":{"activeRecords":0,"archivedRecords":0,"opsCount":0,"created":"now","lastCheckpoint":"now"}}"#
    );
    let newer = fresh(b"s", &name("l"), b"now", 2);
    assert_changes(&made, &newer, &[("logVersions", r#"{"l":2}"#)]);
    assert_eq!(newer.newest_version(), 2);
}

#[test]
fn stamped_counts_and_marks() {
    let next = stamped(&single(), &Stamp { generation: 8, stamp: name("u") });
    assert_changes(&single(), &next, &[("generation", "8"), ("stamp", "\"u\"")]);
    let later = stamped(&next, &Stamp { generation: 9, stamp: name("v") });
    assert_changes(&next, &later, &[("generation", "9"), ("stamp", "\"v\""), ("ancestors", "[\"u\"]")]);
    let mut last = later;
    for number in 10..40 {
        last = stamped(&last, &Stamp { generation: number, stamp: name(&number.to_string()) });
    }
    assert_eq!(last.list("ancestors").len(), ANCESTORS);
}

#[test]
fn claimed_and_released_change_the_writer_alone() {
    let next = claimed(&single(), b"me");
    assert_changes(&single(), &next, &[("writer", "\"me\"")]);
    assert_eq!(released(&next), single());
}

#[test]
fn fenced_names_the_copy_and_how_many_operations_it_has() {
    let next = fenced(&single(), b"l9", 4);
    assert_changes(&single(), &next, &[("activeOps", "\"l9\""), ("fenced", r#"{"l1":4}"#)]);
}

#[test]
fn replaced_changes_every_name_of_the_log_and_carries_its_version() {
    let next = replaced(&shared(), b"l1", b"l9");
    let logs = r#"{"sealed/3/one":"l0","one":"l9","two":"l2"}"#;
    assert_changes(
        &shared(),
        &next,
        &[("activeOps", "\"l9\""), ("activeAgentOps", logs), ("logVersions", r#"{"l9":2}"#)],
    );
}

#[test]
fn registered_keeps_the_log_of_a_single_writer_as_the_first_sealed_one() {
    let next = registered(&claimed(&single(), b"w"), b"one", b"s", b"l9", 8);
    assert_changes(
        &single(),
        &next,
        &[
            ("activeAgentOps", r#"{"sealed/0/":"l1","one":"l9"}"#),
            ("sessions", r#"{"one":"s"}"#),
            ("quiet", "[]"),
        ],
    );
}

#[test]
fn registered_leaves_the_log_of_an_earlier_store_with_the_same_agent_id() {
    let next = registered(&shared(), b"two", b"z", b"l9", 8);
    assert_changes(
        &shared(),
        &next,
        &[
            ("activeAgentOps", r#"{"sealed/3/one":"l0","one":"l1","left/8/two":"l2","two":"l9"}"#),
            ("sessions", r#"{"one":"x","two":"z"}"#),
            ("quiet", "[]"),
        ],
    );
}

#[test]
fn sealed_gives_a_log_that_was_left_a_key_of_its_own() {
    let left = registered(&shared(), b"one", b"z", b"l9", 8);
    let next_logs = NextLogs { writers: Vec::new(), active: name("l10"), own: None };
    let logs = sealed(&left, 9, &next_logs, 5).agent_logs().unwrap();
    let keys: Vec<String> = logs.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect();
    assert_eq!(keys, ["sealed/3/one", "sealed/9/one/8", "sealed/9/two", "sealed/9/one"]);
    assert!(logs.iter().all(|(key, _)| sealed_by(key).is_some()));
    assert_eq!(sealed_agent(b"sealed/9/one/8"), b"one");
    assert_eq!((sealed_by(b"left/8/one"), sealed_agent(b"left/8/one")), (None, &b"one"[..]));
}

#[test]
fn registered_goes_on_with_a_log_that_was_released() {
    let gone = agent_released(&shared(), b"one");
    assert_changes(&shared(), &gone, &[("sessions", r#"{"two":"y"}"#), ("quiet", r#"["two","one"]"#)]);
    let free = agent_released(&shared(), b"two");
    assert_changes(&shared(), &free, &[("sessions", r#"{"one":"x"}"#)]);
    let next = registered(&free, b"two", b"z", b"l2", 8);
    assert_changes(&shared(), &next, &[("sessions", r#"{"one":"x","two":"z"}"#), ("quiet", "[]")]);
}

#[test]
fn sealed_gives_new_logs_to_those_that_write() {
    assert_eq!(going_on(&shared(), Some(b"one")), [name("one")]);
    let next_logs = NextLogs {
        writers: vec![(name("one"), name("l9"))],
        active: name("l9"),
        own: Some((name("one"), name("x"))),
    };
    let next = sealed(&shared(), 8, &next_logs, 6);
    assert_changes(
        &shared(),
        &next,
        &[
            ("activeOps", "\"l9\""),
            ("activeAgentOps", r#"{"sealed/3/one":"l0","sealed/8/one":"l1","sealed/8/two":"l2","one":"l9"}"#),
            ("sessions", r#"{"one":"x"}"#),
            ("quiet", "[]"),
            ("clock", "6"),
        ],
    );
}

#[test]
fn published_drops_the_merged_logs_and_no_others() {
    let next = published(&shared(), &snapshot(None), &[name("l0")], &[name("two"), name("gone")], 4);
    assert_changes(
        &shared(),
        &next,
        &[
            ("version", "3"),
            ("currentSnapshot", "\"s2\""),
            ("activeAgentOps", r#"{"one":"l1","two":"l2"}"#),
            (
                "stats",
                r#"{"activeRecords":9,"archivedRecords":2,"opsCount":0,"created":"c","lastCheckpoint":"t","newer":4}"#,
            ),
            ("logVersions", r#"{"l1":2,"l2":1}"#),
            ("retired", r#"[{"snapshot":1,"ops":["l0"],"counts":[4],"from":"s1"}]"#),
        ],
    );
}

#[test]
fn published_without_agents_leaves_a_single_writer() {
    let next_logs = NextLogs { writers: Vec::new(), active: name("l9"), own: None };
    let taken = sealed(&shared(), 8, &next_logs, 5);
    let next = published(&taken, &snapshot(None), &[name("l0"), name("l1"), name("l2")], &[], 5);
    for key in ["activeAgentOps", "sessions", "quiet"] {
        assert!(next.field(key).is_none(), "{key}");
    }
    assert_eq!(next.active_ops(), name("l9"));
    assert_eq!(next.field("newer"), Some(&b"true"[..]));
}

#[test]
fn checkpointed_retires_the_log_and_counts_what_was_archived() {
    let segment = Archived { path: name("b"), added: 2 };
    let next = checkpointed(&single(), &snapshot(Some(segment)), b"l9");
    assert_changes(
        &single(),
        &next,
        &[
            ("version", "3"),
            ("currentSnapshot", "\"s2\""),
            ("activeOps", "\"l9\""),
            ("archiveSegments", r#"["a","b"]"#),
            (
                "stats",
                r#"{"activeRecords":9,"archivedRecords":4,"opsCount":0,"created":"c","lastCheckpoint":"t","newer":4}"#,
            ),
            ("retired", r#"[{"snapshot":1,"ops":["l1"],"from":"s1"}]"#),
        ],
    );
}

fn with_log(manifest: &Manifest, went: u64, kept: u64, next: &str) -> Manifest {
    let log = manifest.active_ops();
    let went_bytes = Went { bytes: 10 * went, ..Went::default() };
    let snapshot = Snapshot { counts: vec![(log, went)], kept, went: went_bytes, ..snapshot(None) };
    checkpointed(manifest, &snapshot, next.as_bytes())
}

#[test]
fn operations_that_a_checkpoint_leaves_keep_their_numbers() {
    let numbering = |era, first| Numbering { era, first };
    let one = with_log(&single(), 4, 2, "l2");
    assert_eq!(one.numbering(), numbering(0, 4));
    let two = with_log(&one, 1, 3, "l3");
    assert_eq!(two.numbering(), numbering(0, 5));
    let retired = two.retired();
    assert_eq!(retired[0].numbering(), numbering(0, 0));
    assert_eq!(retired[1].numbering(), numbering(0, 4));
    assert_eq!(retired[1].kept_numbers(), Some((numbering(0, 5), numbering(0, 8))));
    assert_eq!(parse(&printed(&two)).retired(), retired);
    let three = with_log(&two, 3, 0, "l4");
    assert_eq!(three.numbering(), numbering(3, 0));
    assert_eq!(three.retired()[2].kept_numbers(), None);
    let pruned = forgotten(&history_begins(&two, 2, (b"l2", b"u"), None), false);
    assert_eq!(pruned.numbering(), numbering(0, 5));
    assert_eq!(pruned.retired()[0].counts, [] as [u64; 0]);
}

#[test]
fn a_log_says_what_it_follows_where_a_checkpoint_has_left_it_operations() {
    let plain = with_log(&single(), 4, 0, "l2");
    assert_eq!(plain.follows(), None);
    let one = with_log(&plain, 3, 2, "l3");
    assert_eq!(one.follows(), Some((name("l2"), 30)));
    // Those were undone, and a checkpoint of nothing followed.
    let two = with_log(&one, 0, 0, "l4");
    assert_eq!(two.follows(), Some((name("l2"), 30)));
    let three = with_log(&two, 1, 0, "l5");
    assert_eq!(three.follows(), None);
    assert_eq!(with_log(&single(), 0, 2, "l2").follows(), Some((name("l1"), 0)));
    let stamp = Stamp { generation: 8, stamp: name("u") };
    let published = stamped(&one, &stamp);
    assert_eq!(published.field("previousEnd"), Some(&b"30"[..]));
    assert_eq!(stamped(&published, &stamp).text("previousOps"), Some(name("l2")));
    assert_eq!(stamped(&plain, &stamp).field("previousOps"), None);
}

#[test]
fn archived_adds_a_segment_once() {
    let segment = Archived { path: name("a"), added: 1 };
    let next = archived(&single(), &segment);
    assert_eq!(next.list("archiveSegments"), [name("a")]);
    assert_eq!(next.stat("archivedRecords"), 3);
}

#[test]
fn logs_keep_the_version_of_their_lines_when_the_snapshot_gets_another() {
    let before = parse(&printed(&shared()).replace(r#"{"l1":2}"#, r#"{"l0":2,"l1":3,"gone":2}"#));
    let next = published(&before, &snapshot(None), &[name("l0")], &[], 1);
    assert_eq!(next.log_versions(), [(name("l2"), 1)]);
    let same = Snapshot { version: 1, ..snapshot(None) };
    assert_eq!(published(&before, &same, &[name("l0")], &[], 1).log_versions(), [(name("l1"), 3)]);
    assert_eq!(checkpointed(&before, &snapshot(None), b"l9").field("logVersions"), None);
}

#[test]
fn a_version_that_makes_no_sense_counts_as_absent() {
    for nonsense in ["0", "-1", "1.5", "\"2\"", "null", "5000000000"] {
        let manifest = parse(&printed(&shared()).replace(r#"{"l1":2}"#, &format!(r#"{{"l1":{nonsense}}}"#)));
        assert_eq!(manifest.log_versions(), [], "{nonsense}");
    }
}

#[test]
fn the_lists_of_retired_logs_are_bounded() {
    let mut manifest = single();
    for number in 0..400 {
        manifest = checkpointed(&manifest, &snapshot(None), format!("l{number}").as_bytes());
    }
    assert_eq!(manifest.snapshots(), 400);
    assert!(manifest.retired().len() <= 128);
}
