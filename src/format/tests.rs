//! Small cases that name a behaviour each; `tests/v8_differential.rs` compares with 0.8.1 broadly.

use super::operation::{
    BatchMark, Draft, Kind, Marks, Prev, finish_line, parse_line, public_text_into, unmarked, write_body,
};
use super::snapshot::{self, Header};
use super::{Invalid, archive, js_trim, manifest, timestamp};

fn iso(ms: i64) -> String {
    let mut out = Vec::new();
    timestamp::iso_into(&mut out, ms);
    String::from_utf8(out).unwrap()
}

#[test]
fn years_outside_four_digits_get_a_sign() {
    assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(iso(951_782_400_123), "2000-02-29T00:00:00.123Z");
    assert_eq!(iso(-62_198_755_200_001), "-000002-12-31T23:59:59.999Z");
    assert_eq!(iso(253_402_300_800_000), "+010000-01-01T00:00:00.000Z");
    assert_eq!(iso(timestamp::MAX_MS), "+275760-09-13T00:00:00.000Z");
    assert_eq!(iso(i64::MIN), "-271821-04-20T00:00:00.000Z");
}

#[test]
fn a_stamp_prints_each_time_as_it_is_however_they_follow_each_other() {
    let mut stamp = timestamp::Stamp::default();
    for ms in [0, 0, 1, 999, 1000, 86_400_000, 86_400_000, -1, i64::MAX, 0, timestamp::MAX_MS, i64::MIN, 0] {
        assert_eq!(String::from_utf8_lossy(stamp.iso(ms)), iso(ms));
    }
}

fn draft<'a>(kind: Kind, prev: Prev<'a>, data: Option<&'a [u8]>) -> Draft<'a> {
    let ts = b"1970-01-01T00:00:00.000Z";
    Draft { ts, kind, id: b"a", prev, data, agent: None, clock: None, version: None }
}

fn written(draft: &Draft<'_>, marks: &Marks<'_>) -> String {
    let mut out = Vec::new();
    write_body(&mut out, draft);
    finish_line(&mut out, marks);
    assert_eq!(out.pop(), Some(b'\n'));
    String::from_utf8(out).unwrap()
}

#[test]
fn fields_are_written_in_their_fixed_order() {
    let mut full = draft(Kind::Set, Prev::Full(b"[1]"), Some(b"{}"));
    full.agent = Some(b"me");
    full.clock = Some(7);
    full.version = Some(2);
    let marks = Marks { batch: Some(BatchMark::More), cuts: 2, after: Some("ops/ops-1.jsonl") };
    assert_eq!(
        written(&full, &marks),
        concat!(
            r#"{"ts":"1970-01-01T00:00:00.000Z","op":"set","id":"a","prev":{},"data":{},"agent":"me","clock":7,"#,
            r#""prevValue":[1],"version":2,"batch":"more","cuts":2,"after":"ops/ops-1.jsonl"}"#
        )
    );
    let delta = draft(Kind::Set, Prev::Delta(b"{\"$unset\":[]}"), Some(b"1"));
    assert!(written(&delta, &Marks::default()).ends_with(r#""data":1,"encoding":"delta"}"#));
}

#[test]
fn the_api_sees_the_true_previous_value_and_no_marks() {
    let marks = Marks { batch: Some(BatchMark::Last), cuts: 1, ..Marks::default() };
    let line = written(&draft(Kind::Delete, Prev::Full(b"null"), None), &marks);
    let mut out = Vec::new();
    public_text_into(&mut out, line.as_bytes(), &parse_line(line.as_bytes()).unwrap());
    let expected = r#"{"ts":"1970-01-01T00:00:00.000Z","op":"delete","id":"a","prev":null}"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn unmarked_lines_can_be_finished_again() {
    let marks = Marks { cuts: 3, ..Marks::default() };
    let line = written(&draft(Kind::Set, Prev::Full(b"5"), Some(b"6")), &marks);
    let mut again = unmarked(line.as_bytes()).into_owned();
    finish_line(&mut again, &marks);
    assert_eq!(again, [line.as_bytes(), b"\n"].concat());
    let foreign = br#"{"ts":"t","batch":"last","op":"set","id":"a","prev":null,"data":1} "#;
    let expected = br#"{"ts":"t","op":"set","id":"a","prev":null,"data":1"#;
    assert_eq!(&*unmarked(foreign), expected);
}

#[test]
fn the_last_of_duplicate_fields_counts() {
    let line = br#"{"ts":"t","op":5,"id":"a","prev":null,"data":1,"\u006fp":"s\u0065t","id":"b"}"#;
    let read = parse_line(line).unwrap();
    assert_eq!((read.kind, &*read.id), (Kind::Set, b"b".as_slice()));
    assert_eq!(&*read.ts(line), b"t");
}

#[test]
fn our_fields_are_ignored_where_they_make_no_sense() {
    let line = br#"{"ts":"t","op":"set","id":"a","prev":{"x":1},"data":1,"prevValue":2,"batch":1,"cuts":-1,"after":""}"#;
    let read = parse_line(line).unwrap();
    assert_eq!((read.prev_value, read.batch, read.cuts), (None, None, 0));
    assert_eq!(read.after, None);
}

#[test]
fn lines_that_are_no_operations_say_whether_they_are_json() {
    assert_eq!(parse_line(b"{\"ts\":"), Err(super::operation::Invalid::NotJson));
    assert_eq!(parse_line(b"[]"), Err(super::operation::Invalid::NotAnOperation));
    assert_eq!(parse_line(b"{}"), Err(super::operation::Invalid::NotAnOperation));
    let no_data = br#"{"ts":"t","op":"set","id":"a","prev":null,"data":null}"#;
    assert_eq!(parse_line(no_data), Err(super::operation::Invalid::NotAnOperation));
}

#[test]
fn trimming_takes_what_javascript_calls_white_space() {
    assert_eq!(js_trim(b"\xef\xbb\xbf \x0b{}\xe2\x80\xa8\xc2\xa0\r\n"), b"{}");
    assert_eq!(js_trim(b"\x00 "), b"\x00");
    assert_eq!(js_trim(b" \xe3\x80\x80"), b"");
}

#[test]
fn a_snapshot_is_told_by_its_first_line() {
    let header = |line: &str| snapshot::parse_header(line.as_bytes());
    assert_eq!(header(r#"{"version":2,"timestamp":"t"}"#), Ok(Header::Jsonl { version: Some(2.0) }));
    assert_eq!(header(r#"{"version":"2"}"#), Ok(Header::Jsonl { version: None }));
    assert_eq!(header(r#"{"version":1,"records":{}}"#), Ok(Header::Legacy));
    assert_eq!(header("{"), Ok(Header::Legacy));
    assert!(header("5").is_err());
}

#[test]
fn records_are_read_in_any_spelling() {
    for line in
        [r#"{"id":"a","data":[1]}"#, " {\"data\":0,\"id\":\"b\",\"\\u0069d\":\"a\",\"data\":[1]}\u{a0}"]
    {
        let record = snapshot::parse_record(line.as_bytes()).unwrap();
        assert_eq!((&*record.id, &line[record.data]), (b"a".as_slice(), "[1]"));
    }
    assert!(snapshot::parse_record(br#"{"id":"a"}"#).unwrap().data.is_empty());
    for line in [r#"{"data":1}"#, r#"{"id":5,"data":1}"#, "[]", "{", ""] {
        assert!(snapshot::parse_record(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn records_without_value_are_written_without_data() {
    let mut out = Vec::new();
    assert!(snapshot::write_record(&mut out, b"x", b"").is_empty());
    let data = snapshot::write_record(&mut out, b"y", b"{}");
    assert_eq!(&out[data], b"{}");
    assert_eq!(out, b"{\"id\":\"x\"}\n{\"id\":\"y\",\"data\":{}}\n");
}

#[test]
fn legacy_snapshots_load_in_the_order_of_object_entries() {
    let text = "{\n \"version\": 3, \"timestamp\": \"t\",\n \"records\": {\"b\": 1, \"2\": { }, \"b\": [ ]}}";
    let legacy = snapshot::parse_legacy(text.as_bytes()).unwrap();
    let expected = vec![(b"2".to_vec(), b"{}".to_vec()), (b"b".to_vec(), b"[]".to_vec())];
    assert_eq!((legacy.version, legacy.records), (3.0, expected));
    let rule = Invalid::Rule("records must be an object");
    let no_object = br#"{"version":1,"timestamp":"t","records":[]}"#;
    assert_eq!(snapshot::parse_legacy(no_object), Err(rule));
}

#[test]
fn a_merged_segment_keeps_places_and_counts_what_is_new() {
    let mut first = Vec::new();
    let records: [(&[u8], &[u8]); 2] = [(b"b", b"{}"), (b"a", br#"{"x":[1]}"#)];
    let merged = archive::merge_into(&mut first, None, b"p", 0, records.into_iter());
    assert_eq!(merged, Ok(archive::Merged { added: 2 }));
    let expected = "{\n  \"version\": 1,\n  \"period\": \"p\",\n  \"timestamp\": \"1970-01-01T00:00:00.000Z\",\n  \"records\": {\n    \"b\": {},\n    \"a\": {\n      \"x\": [\n        1\n      ]\n    }\n  }\n}";
    assert_eq!(String::from_utf8(first.clone()).unwrap(), expected);
    let mut second = Vec::new();
    let records: [(&[u8], &[u8]); 3] = [(b"c", b"3"), (b"b", b"2"), (b"7", b"4")];
    let merged = archive::merge_into(&mut second, Some(&first), b"p", 0, records.into_iter());
    assert_eq!(merged, Ok(archive::Merged { added: 2 }));
    let ids: Vec<_> = archive::parse_segment(&second).unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [b"7", b"b", b"a", b"c"]);
    let mut untouched = Vec::new();
    let damaged = archive::merge_into(&mut untouched, Some(b"{}"), b"p", 0, records.into_iter());
    assert!(damaged.is_err() && untouched.is_empty());
}

#[test]
fn a_manifest_of_0_8_1_reads_with_our_fields_at_their_defaults() {
    let text = "{\n  \"version\": 1,\n  \"currentSnapshot\": \"s\",\n  \"activeOps\": \"o\",\n  \"archiveSegments\": [],\n  \"stats\": {\n    \"activeRecords\": 0,\n    \"archivedRecords\": 0,\n    \"opsCount\": 0,\n    \"created\": \"c\",\n    \"lastCheckpoint\": \"l\"\n  }\n}";
    let read = manifest::parse(text.as_bytes()).unwrap();
    assert_eq!((read.generation, read.previous_end, &read.previous_ops), (0, 0, &None));
    assert_eq!(read.print(), text);
}

#[test]
fn our_manifest_fields_survive_printing() {
    let written = manifest::Manifest {
        pruned: Some(("ops/ops-0.jsonl".into(), "2026-01-01T00:00:00.000Z".into())),
        version: 1,
        current_snapshot: "s".into(),
        active_ops: "o".into(),
        active_agent_ops: Some(vec![("a\"".into(), "p".into())]),
        archive_segments: vec!["archive/\u{e9}.json".into()],
        stats: manifest::Stats {
            created: "c".into(),
            last_checkpoint: "l".into(),
            ..manifest::Stats::default()
        },
        generation: 3,
        clock: 4,
        previous_ops: Some("p".into()),
        previous_end: 5,
        departures: 3,
        superseded: vec![("x".into(), 6), ("y".into(), 7)],
        log_versions: vec![("z".into(), 8)],
        former_versions: vec![("l".into(), 2)],
        log_ends: vec![("l".into(), 9)],
        after: vec![("l".into(), "k:10".into())],
        lineage: vec![
            manifest::Generation { name: "0a".into(), logs_ms: vec![5, 6] },
            manifest::Generation { name: "0b".into(), logs_ms: Vec::new() },
        ],
        others: vec![(b"newer".to_vec(), b"[{}]".to_vec())],
    };
    assert_eq!(manifest::parse(written.print().as_bytes()), Ok(written));
}

#[test]
fn a_manifest_is_refused_in_the_words_of_0_8_1() {
    let rule = |text: &str| manifest::parse(text.as_bytes()).unwrap_err();
    assert_eq!(rule("{"), Invalid::NotJson { offset: 1 });
    assert_eq!(rule("[]"), Invalid::Rule("not an object"));
    assert_eq!(rule("{}"), Invalid::Rule("version must be a positive finite integer"));
    assert_eq!(rule("{\"version\":1}"), Invalid::Rule("missing currentSnapshot"));
}
