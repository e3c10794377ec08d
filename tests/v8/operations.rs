//! Topics about operations: lines of a log, and deltas.

use crate::frames::{Frames, any_text, utf16_bytes};
use crate::generate::{self, CANONICAL, Random, Style};
use opslog::engine::delta::{apply_delta, reverse_delta};
use opslog::format::operation::{self, BatchMark, Draft, Kind, Marks, Prev};
use opslog::format::timestamp::Stamp;
use opslog::json;

/// A line that is often an operation, in any spelling.
fn line(random: &mut Random) -> Vec<u8> {
    let choose = |random: &mut Random, usual: &[&str], odd: &[&str]| -> String {
        let from = if random.one_in(12) { odd } else { usual };
        random.pick(from).to_owned()
    };
    let odd: &[&str] = &["null", "\"\"", "1", "[]", "{}", "true", "\"x\"", "-0", "1e400", "\"\\u0000\""];
    let delete = random.one_in(3);
    let op: &[&str] = match (delete, random.one_in(20)) {
        (true, false) => &["\"delete\""],
        (false, false) => &["\"set\""],
        (true, true) => &["\"d\\u0065lete\"", "\"remove\""],
        (false, true) => &["\"\\u0073et\"", "\"SET\""],
    };
    let mut value = Vec::new();
    generate::object(random, &mut value, Style::Any, 3);
    // Values with bytes that are no UTF-8 come in by damage.
    let value = String::from_utf8_lossy(&value).into_owned();
    let prev: &[&str] = if delete { &["{}", "{\"x\":1}", "{ }"] } else { &["null", "{}", &value] };
    let mut fields = vec![
        ("ts", choose(random, &["\"2026-01-01T00:00:00.000Z\"", "\"\\u0032\""], odd)),
        ("op", choose(random, op, odd)),
        ("id", choose(random, &["\"a\"", "\"\\ud800\"", "\"\u{1f600}\"", "\"__proto__\""], odd)),
        ("prev", choose(random, prev, odd)),
    ];
    let mut add = |random: &mut Random, n, name, usual: &[&str]| {
        if random.one_in(n) {
            fields.push((name, choose(random, usual, odd)));
        }
    };
    add(random, if delete { 20 } else { 1 }, "data", &[&value, "[1]", "5", "\"s\""]);
    add(random, 4, "agent", &["\"a1\"", "\"\\ud800\""]);
    add(
        random,
        4,
        "clock",
        &["0", "1", "1.0", "1e3", "9007199254740993", "1e300", "100e-2", "-0", "1.5", "-1"],
    );
    add(random, 4, "encoding", &["\"delta\"", "\"full\"", "\"d\\u0065lta\""]);
    add(random, 5, "prevValue", &["[1]", "null", "5", "\"s\"", "{}", "true"]);
    add(random, 5, "version", &["2", "2.0", "0", "-1", "1.5", "4294967295", "4294967296", "\"2\""]);
    add(random, 5, "batch", &["\"more\"", "\"last\"", "\"mor\\u0065\""]);
    add(random, 5, "cuts", &["3", "1e2", "1.5", "-1"]);
    add(random, 5, "after", &["\"ops/ops-1.jsonl\"", "\"ops\\/ops-1.jsonl\""]);
    add(random, 6, "__proto__", &["{\"ts\":\"x\",\"prev\":null}", "null"]);
    add(random, 6, "unknown", &["1", &value]);
    add(random, 15, "op", op);
    add(random, 15, "id", &["\"b\""]);
    add(random, 15, "prev", &["{}", "null"]);
    add(random, 15, "7", &["1"]);
    if random.one_in(8) {
        let (a, b) = (random.below(fields.len()), random.below(fields.len()));
        fields.swap(a, b);
    }
    if random.one_in(10) {
        fields.remove(random.below(fields.len()));
    }
    let mut out = Vec::new();
    let style = if random.one_in(2) { Style::Any } else { CANONICAL };
    generate::space(random, &mut out, style);
    for (place, (name, value)) in fields.iter().enumerate() {
        out.push(if place == 0 { b'{' } else { b',' });
        generate::space(random, &mut out, style);
        match name.split_at(1) {
            (first, rest) if random.one_in(40) => {
                out.extend_from_slice(format!("\"\\u{:04x}{rest}\":", first.as_bytes()[0]).as_bytes());
            }
            _ => out.extend_from_slice(format!("\"{name}\":").as_bytes()),
        }
        generate::space(random, &mut out, style);
        out.extend_from_slice(value.as_bytes());
        generate::space(random, &mut out, style);
    }
    out.push(b'}');
    generate::space(random, &mut out, style);
    if random.one_in(6) {
        generate::damage(random, &mut out);
    }
    out
}

pub fn lines(frames: &mut Frames, random: &mut Random) {
    let line = if random.one_in(50) { any_text(random) } else { line(random) };
    push_line(frames, &line);
}

fn push_line(frames: &mut Frames, line: &[u8]) {
    let Ok(read) = operation::parse_line(line) else {
        let answer = frames.outcome(false);
        frames.push("line", &[line, answer]);
        return;
    };
    let answer = frames.outcome(true);
    let mut public = Vec::new();
    operation::public_text_into(&mut public, line, &read);
    let batch = read.batch.map_or(b"".as_slice(), |mark| mark.text());
    frames.push(
        "line",
        &[
            line,
            answer,
            &utf16_bytes(&read.ts(line)),
            if read.kind == Kind::Set { b"set" } else { b"delete" },
            &utf16_bytes(&read.id),
            read.data.map_or(b"", |data| &line[data]),
            &line[read.prev],
            if read.encoding_delta { b"delta" } else { b"" },
            &read.agent.map_or(Vec::new(), |agent| utf16_bytes(&agent)),
            read.clock.map_or(String::new(), |clock| clock.to_string()).as_bytes(),
            batch,
            read.cuts.to_string().as_bytes(),
            read.after.unwrap_or_default().as_bytes(),
            read.prev_value.map_or(b"", |value| &line[value]),
            read.version.map_or(String::new(), |version| version.to_string()).as_bytes(),
            &public,
        ],
    );
}

pub fn written_lines(frames: &mut Frames, random: &mut Random) {
    let value = generate::canonical_object(random);
    let prev: &[u8] = random.pick(&[b"{\"a\":1}".as_slice(), b"[1]", b"\"s\"", b"null", b"{}"]);
    let mut id = generate::id(random);
    if id.is_empty() {
        id.push(b'x');
    }
    let kind = if random.one_in(3) { Kind::Delete } else { Kind::Set };
    let mut stamp = Stamp::default();
    let draft = Draft {
        ts: stamp.iso((random.next() >> 22) as i64),
        kind,
        id: &id,
        prev: match (kind, random.below(3)) {
            (Kind::Set, 0) => Prev::Null,
            (Kind::Set, 1) => Prev::Delta(b"{\"$unset\":[\"a\"]}"),
            _ => Prev::Full(prev),
        },
        data: (kind == Kind::Set).then_some(&value),
        agent: random.one_in(2).then_some(b"agent"),
        clock: random.one_in(2).then_some(random.next() >> 12),
        version: random.one_in(3).then_some(1 + random.below(9) as u32),
    };
    let marks = Marks {
        batch: [None, Some(BatchMark::More), Some(BatchMark::Last)][random.below(3)],
        cuts: random.below(3) as u64,
        after: random.one_in(3).then_some("ops/ops-1.jsonl"),
    };
    let mut out = b"line before\n".to_vec();
    let start = out.len();
    let body = operation::write_body(&mut out, &draft);
    let batch = operation::finish_line(&mut out, &marks);
    let line = out[start..].strip_suffix(b"\n").unwrap();
    let read = operation::parse_line(line).unwrap();
    assert_eq!(read.data, body.data);
    assert_eq!(body.data.map(|data| &line[data]), draft.data);
    assert_eq!(batch.map(|at| &out[at..at + 4]), marks.batch.map(|mark| mark.text().as_slice()));
    assert_eq!((&*read.id, read.agent.as_deref(), read.clock), (draft.id, draft.agent, draft.clock));
    assert_eq!((read.batch, read.cuts, read.after.as_deref()), (marks.batch, marks.cuts, marks.after));
    let mut again = operation::unmarked(line).into_owned();
    operation::finish_line(&mut again, &marks);
    assert_eq!(again.strip_suffix(b"\n"), Some(line));
    let value = read.prev_value.clone().unwrap_or(read.prev.clone());
    assert_eq!(read.encoding_delta, matches!(draft.prev, Prev::Delta(_)));
    match draft.prev {
        Prev::Null => assert_eq!(&line[value], b"null"),
        Prev::Full(text) | Prev::Delta(text) => assert_eq!(&line[value], text),
    }
    frames.push("written", &[line]);
    push_line(frames, line);
    if frames.outcomes[0] < frames.outcomes[1] / 2 {
        push_line(frames, &line[..random.below(line.len())]);
    }
}

/// A changed copy of an object, as its owner would change it: still canonical.
fn changed(random: &mut Random, text: &[u8]) -> Vec<u8> {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for member in json::Members::new(text).map(Result::unwrap) {
        let mut value = text[member.value].to_vec();
        if random.one_in(6) {
            value.clear();
            generate::value(random, &mut value, CANONICAL, 4);
            if !json::is_canonical(&value) {
                value = b"0".to_vec();
            }
        }
        if !random.one_in(8) {
            fields.push((member.key.to_vec(), value));
        }
    }
    let added = random.below(3);
    for name in ["new", "5", "zz", "constructor"].iter().skip(random.below(4)).take(added) {
        if !fields.iter().any(|(key, _)| key == name.as_bytes()) {
            fields.push((name.as_bytes().to_vec(), b"\"added\"".to_vec()));
        }
    }
    json::object::sort_keys(&mut fields, |(key, _)| key);
    let members: Vec<Vec<u8>> =
        fields.iter().map(|(key, value)| [b"\"", key.as_slice(), b"\":", value].concat()).collect();
    [b"{", members.join(&b","[..]).as_slice(), b"}"].concat()
}

fn sorted_members(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut members: Vec<_> = json::Members::new(text)
        .map(|member| member.map(|member| (member.key.to_vec(), text[member.value].to_vec())).unwrap())
        .collect();
    members.sort();
    members
}

pub fn deltas(frames: &mut Frames, random: &mut Random) {
    let old = generate::canonical_object(random);
    let new = if random.one_in(10) { generate::canonical_object(random) } else { changed(random, &old) };
    assert!(json::is_canonical(&old) && json::is_canonical(&new));
    let patch = reverse_delta(&old, &new);
    let answer = frames.outcome(patch.is_some());
    let patch = patch.unwrap_or_default();
    let mut back = Vec::new();
    if !patch.is_empty() {
        back = apply_delta(&new, &patch).unwrap();
        assert_eq!(sorted_members(&back), sorted_members(&old));
        assert!(json::is_canonical(&back));
    }
    frames.push("delta", &[&old, &new, answer, &patch, &back]);
    let other = generate::canonical_object(random);
    let patch = [b"{\"$set\":".as_slice(), &other, b",\"$unset\":[\"a\",\"1\",\"__proto__\"]}"].concat();
    frames.push("apply", &[&old, &patch, &apply_delta(&old, &patch).unwrap()]);
}
