//! Topics about whole files: manifests, snapshots, archive segments.

use crate::frames::{Frames, utf16_bytes};
use crate::generate::{self, Random, Style};
use opslog::format::{Invalid, archive, js_trim, manifest, snapshot};
use opslog::json::reformat;

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
        text = text.replacen(&format!(":{}", random.pick(&values)), &format!(":{}", random.pick(odd)), 1);
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
                        let data =
                            if random.one_in(9) { Vec::new() } else { generate::canonical_object(random) };
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
    frames.push("snapshot", &arguments.iter().map(Vec::as_slice).collect::<Vec<_>>());
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
            Some((version.map_or(String::new(), |version| version.to_string()), records))
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
    let result =
        archive::merge_into(&mut merged, existing.as_deref(), b"2026-Q1", 0, records.iter().cloned());
    let answer = frames.outcome(result.is_ok());
    if let Ok(counts) = result {
        let before = existing.as_deref().map_or(0, |text| archive::parse_segment(text).unwrap().len());
        assert_eq!(archive::parse_segment(&merged).unwrap().len(), before + counts.added);
    }
    let mut arguments = vec![existing.unwrap_or_default(), answer.to_vec(), merged];
    for (id, text) in records {
        arguments.extend([utf16_bytes(&id), text]);
    }
    frames.push("archive", &arguments.iter().map(Vec::as_slice).collect::<Vec<_>>());
}
