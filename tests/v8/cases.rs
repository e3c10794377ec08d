//! The cases of each topic: an input, and what this crate says of it, in a frame for Node.

use crate::generate::{self, CANONICAL, Keys, Random, Style};
use opslog::engine::delta::{apply_delta, reverse_delta};
use opslog::format::operation::{self, BatchMark, Draft, Kind, Marks, Prev};
use opslog::format::{Invalid, archive, js_trim, manifest, snapshot, timestamp};
use opslog::json::string::{compare_utf16, escape_into, from_utf16, to_utf16, unescape, utf16_len};
use opslog::json::{self, reformat};

/// Cases for Node: a topic's name, then its arguments, each with its length in front.
#[derive(Default)]
pub struct Frames {
    pub bytes: Vec<u8>,
    outcomes: [u64; 2],
}

impl Frames {
    fn push(&mut self, topic: &str, arguments: &[&[u8]]) {
        self.bytes
            .extend_from_slice(&(arguments.len() as u32 + 1).to_le_bytes());
        for argument in [&[topic.as_bytes()], arguments].concat() {
            self.bytes
                .extend_from_slice(&(argument.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(argument);
        }
    }

    fn outcome(&mut self, yes: bool) -> &'static [u8] {
        self.outcomes[usize::from(yes)] += 1;
        if yes { b"yes" } else { b"no" }
    }

    /// A generator that only ever gives one answer tests nothing.
    pub fn expect_both_outcomes(&self, topic: &str) {
        let [no, yes] = self.outcomes;
        println!("{topic}: {yes} yes, {no} no");
        let cases = yes + no;
        assert!(
            cases == 0 || yes.min(no) * 50 > cases,
            "{topic}: outcomes are lopsided"
        );
    }
}

fn any_text(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    generate::space(random, &mut text, Style::Any);
    generate::value(random, &mut text, Style::Any, 0);
    generate::space(random, &mut text, Style::Any);
    if random.one_in(2) {
        generate::damage(random, &mut text);
    }
    text
}

/// Nothing may panic, whatever the bytes; also where the caller is expected to have checked them.
fn survive(text: &[u8]) {
    let mut out = Vec::new();
    escape_into(&mut out, text);
    reformat::pretty_into(&mut out, text, 0);
    reformat::compact_into(&mut out, text);
    assert!(to_utf16(text).len() <= 2 * text.len());
    assert_eq!(
        compare_utf16(text, &unescape(text)),
        compare_utf16(&unescape(text), text).reverse()
    );
    for at in 0..text.len() {
        json::skip_value(text, at);
    }
    json::object::entries(text).ok();
    json::array::elements(text);
    reverse_delta(text, b"{}");
    apply_delta(b"{\"a\":1}", text);
    operation::unmarked(text);
    snapshot::parse_header(text).ok();
    snapshot::parse_record(text).ok();
    snapshot::parse_legacy(text).ok();
    archive::parse_segment(text).ok();
    manifest::parse(text).ok();
}

pub fn validity(frames: &mut Frames, random: &mut Random) {
    let text = any_text(random);
    survive(&text);
    let valid = json::is_valid(&text);
    if json::kind(&text) == Some(json::Kind::Object) {
        assert_eq!(
            json::Members::new(&text).all(|member| member.is_ok()),
            valid
        );
    }
    let answer = frames.outcome(valid);
    frames.push("validity", &[&text, answer]);
}

pub fn canonical(frames: &mut Frames, random: &mut Random) {
    let mut text = Vec::new();
    let keys = [Keys::Proper, Keys::Proper, Keys::Repeated, Keys::Any][random.below(4)];
    let odd_strings = random.one_in(4);
    generate::value(random, &mut text, Style::Printed { keys, odd_strings }, 0);
    if random.one_in(3) {
        generate::damage(random, &mut text);
    }
    let answer = frames.outcome(json::is_canonical(&text));
    frames.push("canonical", &[&text, answer]);
}

pub fn strings(frames: &mut Frames, random: &mut Random) {
    let mut quoted = Vec::new();
    generate::string(random, &mut quoted, Style::Any);
    if random.one_in(2) {
        let inside = &mut quoted[1..].to_vec();
        generate::damage(random, inside);
        quoted = [b"\"".as_slice(), inside].concat();
    }
    if json::is_valid(&quoted) && quoted.ends_with(b"\"") {
        let decoded = unescape(&quoted[1..quoted.len() - 1]);
        assert_eq!(from_utf16(&to_utf16(&decoded)), &*decoded);
        frames.push("unescape", &[&quoted, &utf16_bytes(&decoded)]);
    }
    let units = |random: &mut Random| -> Vec<u16> {
        let mut pick = || match random.below(6) {
            0 => 0xd800 + random.below(0x800) as u16,
            1 => random.below(0x80) as u16,
            2 => random.next() as u16,
            3 => 0xd83d,
            4 => [0xde00, 0xe000, 0xffff, 0xfffd][random.below(4)],
            _ => b'a' as u16 + random.below(2) as u16,
        };
        let count = pick() % 7;
        (0..count).map(|_| pick()).collect()
    };
    let (a, b) = (units(random), units(random));
    let (wtf_a, wtf_b) = (from_utf16(&a), from_utf16(&b));
    assert_eq!((to_utf16(&wtf_a), utf16_len(&wtf_a)), (a.clone(), a.len()));
    assert_eq!(compare_utf16(&wtf_a, &wtf_b), a.cmp(&b));
    let mut printed = Vec::new();
    escape_into(&mut printed, &wtf_a);
    frames.push("escape", &[&utf16_bytes(&wtf_a), &printed]);
}

fn utf16_bytes(wtf8: &[u8]) -> Vec<u8> {
    to_utf16(wtf8)
        .into_iter()
        .flat_map(u16::to_le_bytes)
        .collect()
}

pub fn layout(frames: &mut Frames, random: &mut Random) {
    let canonical = generate::canonical_object(random);
    let (mut pretty, mut compact) = (Vec::new(), Vec::new());
    reformat::pretty_into(&mut pretty, &canonical, 0);
    reformat::compact_into(&mut compact, &pretty);
    assert_eq!(compact, canonical);
    frames.push("layout", &[&canonical, &pretty]);
    let mut text = Vec::new();
    generate::value(random, &mut text, Style::Any, 0);
    let (mut pretty, mut compact) = (Vec::new(), Vec::new());
    reformat::pretty_into(&mut pretty, &text, 3);
    reformat::compact_into(&mut compact, &text);
    frames.push("same value", &[&text, &pretty]);
    frames.push("same value", &[&text, &compact]);
}

pub fn timestamps(frames: &mut Frames, random: &mut Random) {
    let ms = if random.one_in(2) {
        let bits = random.below(54);
        let ms = (random.next() >> (63 - bits)) as i64;
        if random.one_in(2) { -ms } else { ms }
    } else {
        // Around the leap days, or their absence, at the ends of centuries.
        let centuries = random.below(5000) as i64 - 2500;
        let days = centuries.div_euclid(4) * 146_097 + centuries.rem_euclid(4) * 36_524;
        (days - 719_468 + random.below(5) as i64 - 2) * 86_400_000 + random.below(3) as i64 - 1
    };
    let ms = ms.clamp(-timestamp::MAX_MS, timestamp::MAX_MS);
    let mut iso = Vec::new();
    timestamp::iso_into(&mut iso, ms);
    frames.push("timestamp", &[ms.to_string().as_bytes(), &iso]);
}

pub fn trimming(frames: &mut Frames, random: &mut Random) {
    let pieces: &[&[u8]] = &[
        b" ",
        b"\t",
        b"\n",
        b"\r",
        b"\x0b",
        b"\x0c",
        b"\xc2\xa0",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xa8",
        b"\xe2\x80\xa9",
        b"\xe1\x9a\x80",
        b"\xe2\x80\x80",
        b"\xe2\x80\x8a",
        b"\xe2\x80\xaf",
        b"\xe2\x81\x9f",
        b"\xe3\x80\x80",
        b"\xe2\x80\x8b",
        b"\xc2\x85",
        b"\xe1\xa0\x8e",
        b"a",
        b"\xe2",
        b"\xe2\x80",
        b"\xa0",
        b"\x1f",
        b"\x00",
    ];
    let text: Vec<u8> = (0..random.below(6))
        .flat_map(|_| random.pick(pieces).to_vec())
        .collect();
    frames.push("trim", &[&text, js_trim(&text)]);
}

/// A line that is often an operation, in any spelling.
fn line(random: &mut Random) -> Vec<u8> {
    let choose = |random: &mut Random, usual: &[&str], odd: &[&str]| -> String {
        let from = if random.one_in(12) { odd } else { usual };
        random.pick(from).to_owned()
    };
    let odd: &[&str] = &[
        "null",
        "\"\"",
        "1",
        "[]",
        "{}",
        "true",
        "\"x\"",
        "-0",
        "1e400",
        "\"\\u0000\"",
    ];
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
    let prev: &[&str] = if delete {
        &["{}", "{\"x\":1}", "{ }"]
    } else {
        &["null", "{}", &value]
    };
    let mut fields = vec![
        (
            "ts",
            choose(
                random,
                &["\"2026-01-01T00:00:00.000Z\"", "\"\\u0032\""],
                odd,
            ),
        ),
        ("op", choose(random, op, odd)),
        (
            "id",
            choose(
                random,
                &["\"a\"", "\"\\ud800\"", "\"\u{1f600}\"", "\"__proto__\""],
                odd,
            ),
        ),
        ("prev", choose(random, prev, odd)),
    ];
    let mut add = |random: &mut Random, n, name, usual: &[&str]| {
        if random.one_in(n) {
            fields.push((name, choose(random, usual, odd)));
        }
    };
    add(
        random,
        if delete { 20 } else { 1 },
        "data",
        &[&value, "[1]", "5", "\"s\""],
    );
    add(random, 4, "agent", &["\"a1\"", "\"\\ud800\""]);
    add(
        random,
        4,
        "clock",
        &[
            "0",
            "1",
            "1.0",
            "1e3",
            "9007199254740993",
            "1e300",
            "100e-2",
            "-0",
            "1.5",
            "-1",
        ],
    );
    add(
        random,
        4,
        "encoding",
        &["\"delta\"", "\"full\"", "\"d\\u0065lta\""],
    );
    add(
        random,
        5,
        "prevValue",
        &["[1]", "null", "5", "\"s\"", "{}", "true"],
    );
    add(
        random,
        5,
        "batch",
        &["\"more\"", "\"last\"", "\"mor\\u0065\""],
    );
    add(random, 5, "cuts", &["3", "1e2", "1.5", "-1"]);
    add(
        random,
        5,
        "after",
        &["\"ops/ops-1.jsonl\"", "\"ops\\/ops-1.jsonl\""],
    );
    add(random, 5, "carried", &["true", "false"]);
    add(
        random,
        6,
        "__proto__",
        &["{\"ts\":\"x\",\"prev\":null}", "null"],
    );
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
    let style = if random.one_in(2) {
        Style::Any
    } else {
        CANONICAL
    };
    generate::space(random, &mut out, style);
    for (place, (name, value)) in fields.iter().enumerate() {
        out.push(if place == 0 { b'{' } else { b',' });
        generate::space(random, &mut out, style);
        match name.split_at(1) {
            (first, rest) if random.one_in(40) => {
                out.extend_from_slice(
                    format!("\"\\u{:04x}{rest}\":", first.as_bytes()[0]).as_bytes(),
                );
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
    let line = if random.one_in(50) {
        any_text(random)
    } else {
        line(random)
    };
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
            if read.kind == Kind::Set {
                b"set"
            } else {
                b"delete"
            },
            &utf16_bytes(&read.id),
            read.data.map_or(b"", |data| &line[data]),
            &line[read.prev],
            if read.encoding_delta { b"delta" } else { b"" },
            &read.agent.map_or(Vec::new(), |agent| utf16_bytes(&agent)),
            read.clock
                .map_or(String::new(), |clock| clock.to_string())
                .as_bytes(),
            batch,
            read.cuts.to_string().as_bytes(),
            read.after.unwrap_or_default().as_bytes(),
            if read.carried { b"true" } else { b"" },
            read.prev_value.map_or(b"", |value| &line[value]),
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
    let kind = if random.one_in(3) {
        Kind::Delete
    } else {
        Kind::Set
    };
    let draft = Draft {
        ts_ms: (random.next() >> 22) as i64,
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
    };
    let marks = Marks {
        batch: [None, Some(BatchMark::More), Some(BatchMark::Last)][random.below(3)],
        cuts: random.below(3) as u64,
        after: random.one_in(3).then_some("ops/ops-1.jsonl"),
        carried: random.one_in(3),
    };
    let mut out = b"line before\n".to_vec();
    let start = out.len();
    let body = operation::write_body(&mut out, &draft);
    let batch = operation::finish_line(&mut out, &marks);
    let line = out[start..].strip_suffix(b"\n").unwrap();
    let read = operation::parse_line(line).unwrap();
    assert_eq!(read.data, body.data);
    assert_eq!(body.data.map(|data| &line[data]), draft.data);
    assert_eq!(
        batch.map(|at| &out[at..at + 4]),
        marks.batch.map(|mark| mark.text().as_slice())
    );
    assert_eq!(
        (&*read.id, read.agent.as_deref(), read.clock),
        (draft.id, draft.agent, draft.clock)
    );
    assert_eq!(
        (read.batch, read.cuts, read.after, read.carried),
        (marks.batch, marks.cuts, marks.after, marks.carried)
    );
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
    for name in ["new", "5", "zz", "constructor"]
        .iter()
        .skip(random.below(4))
        .take(added)
    {
        if !fields.iter().any(|(key, _)| key == name.as_bytes()) {
            fields.push((name.as_bytes().to_vec(), b"\"added\"".to_vec()));
        }
    }
    json::object::sort_keys(&mut fields, |(key, _)| key);
    let members: Vec<Vec<u8>> = fields
        .iter()
        .map(|(key, value)| [b"\"", key.as_slice(), b"\":", value].concat())
        .collect();
    [b"{", members.join(&b","[..]).as_slice(), b"}"].concat()
}

fn sorted_members(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut members: Vec<_> = json::Members::new(text)
        .map(|member| {
            member
                .map(|member| (member.key.to_vec(), text[member.value].to_vec()))
                .unwrap()
        })
        .collect();
    members.sort();
    members
}

pub fn deltas(frames: &mut Frames, random: &mut Random) {
    let old = generate::canonical_object(random);
    let new = if random.one_in(10) {
        generate::canonical_object(random)
    } else {
        changed(random, &old)
    };
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
    let patch = [
        b"{\"$set\":".as_slice(),
        &other,
        b",\"$unset\":[\"a\",\"1\",\"__proto__\"]}",
    ]
    .concat();
    frames.push(
        "apply",
        &[&old, &patch, &apply_delta(&old, &patch).unwrap()],
    );
}

const HEAD: &str = r#"{"version":1,"currentSnapshot":"snapshots/s.jsonl","activeOps":"ops/o.jsonl","activeAgentOps":{"b":"ops/b","10":"ops/10","2":"x"},"archiveSegments":["archive/a.json"],"stats":{"activeRecords":1,"archivedRecords":0,"opsCount":3,"created":"c","lastCheckpoint":"l"}"#;
const OURS: &str = r#","generation":4,"clock":9,"previousOps":"ops/p.jsonl","previousEnd":12,"superseded":[["snapshots/a",5]]}"#;

pub fn manifests(frames: &mut Frames, random: &mut Random) {
    let mut text = HEAD.to_owned();
    text.push_str(random.pick(&["}", OURS]));
    let odd: &[&str] = &[
        "null",
        "\"\"",
        "[]",
        "{}",
        "1.5",
        "-1",
        "0",
        "-0",
        "1e3",
        "true",
        "\"x\"",
        "[1]",
        "[\"\"]",
        "{\"a\":1}",
    ];
    for _ in 0..random.below(3) {
        let values = [
            "1",
            "\"snapshots/s.jsonl\"",
            "\"ops/o.jsonl\"",
            "[\"archive/a.json\"]",
            "3",
            "\"c\"",
            "\"l\"",
            "9",
            "\"x\"",
            "{\"b\":\"ops/b\",\"10\":\"ops/10\",\"2\":\"x\"}",
        ];
        text = text.replacen(
            &format!(":{}", random.pick(&values)),
            &format!(":{}", random.pick(odd)),
            1,
        );
    }
    let mut text = text.into_bytes();
    if random.one_in(5) {
        generate::damage(random, &mut text);
    }
    let read = manifest::parse(&text);
    let answer = frames.outcome(read.is_ok());
    let printed = match read {
        Ok(manifest) => {
            let printed = manifest.print();
            assert_eq!(manifest::parse(printed.as_bytes()), Ok(manifest));
            printed.into_bytes()
        }
        Err(Invalid::Rule(rule)) => rule.as_bytes().to_vec(),
        Err(Invalid::NotJson { .. }) => Vec::new(),
    };
    frames.push("manifest", &[&text, answer, &printed]);
}

fn document(random: &mut Random, head: &str) -> Vec<u8> {
    let mut text = head.as_bytes().to_vec();
    generate::object(random, &mut text, Style::Any, 1);
    text.push(b'}');
    text
}

pub fn snapshots(frames: &mut Frames, random: &mut Random) {
    let mut content = Vec::new();
    match random.below(3) {
        0 => {
            snapshot::write_header(&mut content, 1 + random.below(3) as u32, 1_700_000_000_000);
            for _ in 0..random.below(8) {
                match random.below(6) {
                    0 => content.extend_from_slice(
                        b" {\"data\": [1], \"id\":\"\\u0061\", \"id\":\"spaced\"}\xc2\xa0\n\n",
                    ),
                    _ => {
                        let id = generate::id(random);
                        let data = if random.one_in(9) {
                            Vec::new()
                        } else {
                            generate::canonical_object(random)
                        };
                        let range = snapshot::write_record(&mut content, &id, &data);
                        assert_eq!(&content[range], data);
                    }
                }
            }
        }
        1 => content = document(random, r#"{"version":2,"timestamp":"t","records":"#),
        _ => {
            let text = document(random, r#"{"version":1,"timestamp":"t","records":"#);
            reformat::pretty_into(&mut content, &text, 0);
        }
    }
    if random.one_in(3) {
        generate::damage(random, &mut content);
    }
    let loaded = load_snapshot(&content);
    let answer = frames.outcome(loaded.is_some());
    let (version, records) = loaded.unwrap_or_default();
    let mut arguments = vec![content, answer.to_vec(), version.into_bytes()];
    for (id, text) in records {
        arguments.extend([utf16_bytes(&id), text]);
    }
    frames.push(
        "snapshot",
        &arguments.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    );
}

type Loaded = (String, Vec<(Vec<u8>, Vec<u8>)>);

/// What the store makes of a snapshot's content.
fn load_snapshot(content: &[u8]) -> Option<Loaded> {
    let mut lines = content.split(|&byte| byte == b'\n');
    match snapshot::parse_header(lines.next()?).ok()? {
        snapshot::Header::Legacy => {
            let legacy = snapshot::parse_legacy(content).ok()?;
            Some((legacy.version.to_string(), legacy.records))
        }
        snapshot::Header::Jsonl { version } => {
            let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            for line in lines.filter(|line| !js_trim(line).is_empty()) {
                let record = snapshot::parse_record(line).ok()?;
                let text = line[record.data].to_vec();
                match records.iter_mut().find(|(id, _)| *id == *record.id) {
                    Some(earlier) => earlier.1 = text,
                    None => records.push((record.id.into_owned(), text)),
                }
            }
            Some((
                version.map_or(String::new(), |version| version.to_string()),
                records,
            ))
        }
    }
}

pub fn archives(frames: &mut Frames, random: &mut Random) {
    let mut existing = None;
    if !random.one_in(3) {
        let mut text = br#"{"version":1,"period":"p","timestamp":"t","records":"#.to_vec();
        text.extend_from_slice(&generate::canonical_object(random));
        text.push(b'}');
        let mut pretty = Vec::new();
        reformat::pretty_into(&mut pretty, &text, 0);
        if random.one_in(3) {
            generate::damage(random, &mut pretty);
        }
        existing = Some(pretty);
    }
    let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for _ in 0..random.below(6) {
        let id = generate::id(random);
        if records.iter().all(|(earlier, _)| *earlier != id) {
            records.push((id, generate::canonical_object(random)));
        }
    }
    let mut merged = Vec::new();
    let result = archive::merge_into(
        &mut merged,
        existing.as_deref(),
        b"2026-Q1",
        0,
        records.iter().cloned(),
    );
    let answer = frames.outcome(result.is_ok());
    if let Ok(counts) = result {
        let before = existing
            .as_deref()
            .map_or(0, |text| archive::parse_segment(text).unwrap().len());
        assert_eq!(
            archive::parse_segment(&merged).unwrap().len(),
            before + counts.added
        );
    }
    let mut arguments = vec![existing.unwrap_or_default(), answer.to_vec(), merged];
    for (id, text) in records {
        arguments.extend([utf16_bytes(&id), text]);
    }
    frames.push(
        "archive",
        &arguments.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    );
}
