//! Topics about JSON text, strings and times.

use crate::frames::{Frames, any_text, utf16_bytes};
use crate::generate::{self, Keys, Random, Style};
use opslog::engine::delta::{apply_delta, reverse_delta};
use opslog::format::{archive, js_trim, manifest, operation, snapshot, timestamp};
use opslog::json::string::{compare_utf16, escape_into, from_utf16, to_utf16, unescape, utf16_len};
use opslog::json::{self, reformat};

/// Nothing may panic, whatever the bytes; also where the caller is expected to have checked them.
fn survive(text: &[u8]) {
    let mut out = Vec::new();
    escape_into(&mut out, text);
    reformat::pretty_into(&mut out, text, 0);
    reformat::compact_into(&mut out, text);
    assert!(to_utf16(text).len() <= 2 * text.len());
    assert_eq!(compare_utf16(text, &unescape(text)), compare_utf16(&unescape(text), text).reverse());
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
        assert_eq!(json::Members::new(&text).all(|member| member.is_ok()), valid);
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
    let text: Vec<u8> = (0..random.below(6)).flat_map(|_| random.pick(pieces).to_vec()).collect();
    frames.push("trim", &[&text, js_trim(&text)]);
}
