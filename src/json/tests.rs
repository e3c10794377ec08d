//! Small cases that name a behaviour each; `tests/v8_differential.rs` holds the broad comparison with V8.

use super::canonical::{MAX_DEPTH, is_canonical};
use super::number::{push_integer, to_integer};
use super::object::{array_index, entries};
use super::reformat::{compact_into, pretty_into};
use super::string::{compare_utf16, escape_into, from_utf16, to_utf16, unescape, utf16_len};
use super::{Kind, Malformed, Members, is_valid, kind, skip_value};
use std::cmp::Ordering;

fn escaped(wtf8: &[u8]) -> String {
    let mut out = Vec::new();
    escape_into(&mut out, wtf8);
    String::from_utf8(out).unwrap()
}

#[test]
fn nesting_is_bounded_by_memory_only() {
    let levels = 1_000_000;
    let mixed = [br#"{"a":["#.repeat(levels), b"]}".repeat(levels)].concat();
    assert!(is_valid(&mixed));
    assert!(!is_valid(&mixed[..mixed.len() - 1]));
    let crossed = [br#"{"a":["#.repeat(levels), b"]}".repeat(levels - 1), b"}]".to_vec()].concat();
    assert!(!is_valid(&crossed));
}

#[test]
fn brackets_must_match_at_every_depth() {
    for depth in 1..200 {
        let open = b"[{\"a\":".repeat(depth);
        assert!(is_valid(&[open.as_slice(), b"1", &b"}]".repeat(depth)].concat()));
        for wrong in 0..depth {
            let mut close = b"}]".repeat(depth);
            close[2 * wrong] = b']';
            assert!(!is_valid(&[open.as_slice(), b"1", &close].concat()));
        }
    }
}

#[test]
fn bytes_above_ascii_pass_inside_strings_only() {
    assert!(is_valid(b"\"\xff\xed\xa0\x80\""));
    assert!(!is_valid(b"\xef\xbb\xbf1"));
    assert!(!is_valid(b"1\xc2\xa0"));
}

#[test]
fn control_characters_are_refused_in_strings_at_every_place_of_a_word() {
    for byte in 0..=0xffu8 {
        for before in 0..20 {
            let text = [b"\"", vec![b'a'; before].as_slice(), &[byte], b"bcdefghij\""].concat();
            let plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
            let escape = byte == b'\\'; // `\b` follows
            assert_eq!(is_valid(&text), plain || escape, "byte {byte} after {before}");
        }
    }
}

#[test]
fn skip_value_stops_behind_the_value() {
    assert_eq!(skip_value(b"[1, 2] tail", 0), Some(6));
    assert_eq!(skip_value(b"x 12,", 2), Some(4));
    assert_eq!(skip_value(b" 1", 0), None);
}

#[test]
fn kind_goes_by_the_first_byte() {
    assert_eq!(kind(b" \n{"), Some(Kind::Object));
    assert_eq!(kind(b"-1"), Some(Kind::Number));
    assert_eq!(kind(b""), None);
}

#[test]
fn members_come_raw_and_in_order_with_duplicates() {
    let text = br#" { "a" : [1,{}] , "\u0061":"x","a":null } "#;
    let members: Vec<_> = Members::new(text)
        .map(|member| member.map(|member| (member.key, &text[member.value])).unwrap())
        .collect();
    let expected: [(&[u8], &[u8]); 3] = [(b"a", b"[1,{}]"), (b"\\u0061", b"\"x\""), (b"a", b"null")];
    assert_eq!(members, expected);
}

#[test]
fn members_of_malformed_text_end_with_one_error() {
    let mut members = Members::new(b"{\"a\":1} x");
    assert!(members.next().unwrap().is_ok());
    assert_eq!(members.next(), Some(Err(Malformed { offset: 8 })));
    assert_eq!(members.next(), None);
}

#[test]
fn surrogate_escapes_join_only_when_they_are_halves_in_order() {
    assert_eq!(&*unescape(b"\\ud83d\\ude00"), "\u{1f600}".as_bytes());
    assert_eq!(&*unescape(b"\\ude00\\ud83d"), b"\xed\xb8\x80\xed\xa0\xbd");
    assert_eq!(&*unescape(b"\\ud83d\\ud83d\\ude00"), b"\xed\xa0\xbd\xf0\x9f\x98\x80");
}

#[test]
fn raw_bytes_that_are_no_utf8_become_replacement_characters() {
    assert_eq!(&*unescape(b"a\xed\xa0\xbdb"), "a\u{fffd}\u{fffd}\u{fffd}b".as_bytes());
    assert_eq!(&*unescape(b"\xe2\x82\\n"), "\u{fffd}\n".as_bytes());
}

#[test]
fn strings_print_as_in_well_formed_stringify() {
    assert_eq!(escaped(b"\x00\x1f\x7f\"\\\x08\t\n\x0c\r"), "\"\\u0000\\u001f\u{7f}\\\"\\\\\\b\\t\\n\\f\\r\"");
    assert_eq!(escaped("\u{2028}\u{d7ff}".as_bytes()), "\"\u{2028}\u{d7ff}\"");
    assert_eq!(escaped(b"a\xed\xa0\xbdb\xed\xbf\xbf"), r#""a\ud83db\udfff""#);
}

#[test]
fn all_code_units_survive_the_way_to_wtf8_and_back() {
    let units: Vec<u16> = (0..=u16::MAX).rev().collect();
    assert_eq!(to_utf16(&from_utf16(&units)), units);
    assert_eq!(utf16_len(&from_utf16(&units)), units.len());
}

#[test]
fn order_is_by_code_unit_not_by_code_point() {
    let compare = |a: &str, b: &str| compare_utf16(a.as_bytes(), b.as_bytes());
    assert_eq!(compare("\u{1f600}", "\u{ffff}"), Ordering::Less);
    assert_eq!(compare("\u{1f600}", "\u{1f601}"), Ordering::Less);
    assert_eq!(compare("ab", "a"), Ordering::Greater);
    assert_eq!(compare_utf16(b"\xed\xa0\xbdx", "\u{1f600}".as_bytes()), Ordering::Less);
}

#[test]
fn only_text_as_v8_prints_it_is_canonical() {
    for text in [
        "{}",
        "[]",
        "0",
        "-1",
        "1e+21",
        "1.5",
        "\"\\u001f\"",
        "\"\\ud83d\"",
        "\"\u{7f}\"",
        r#"{"1":0,"10":0,"a":0,"4294967295":0,"__proto__":{"a":[]}}"#,
    ] {
        assert!(is_canonical(text.as_bytes()), "{text}");
    }
    for text in [
        "",
        " 1",
        "{ }",
        "-0",
        "1.0",
        "1e21",
        "1e400",
        "\"\\/\"",
        "\"\\u001F\"",
        "\"\\u0009\"",
        "\"\\ud83d\\ude00\"",
        r#"{"a":1,"a":2}"#,
        r#"{"a":0,"1":0}"#,
        r#"{"2":0,"1":0}"#,
        r#"{"1":0,"1":0}"#,
        r#"[{"a":{"x":1},"b":[{"c":1,"c":1}]}]"#,
    ] {
        assert!(!is_canonical(text.as_bytes()), "{text}");
    }
    assert!(!is_canonical(b"\"\xff\""));
}

#[test]
fn duplicate_keys_of_wide_objects_are_found() {
    let keys = |count: usize| (0..count).map(|at| format!("\"k{at}\":0")).collect::<Vec<_>>();
    for count in [15, 16, 17, 18, 500] {
        let mut keys = keys(count);
        assert!(is_canonical(format!("{{{}}}", keys.join(",")).as_bytes()));
        keys.push("\"k3\":1".to_owned());
        assert!(!is_canonical(format!("{{{}}}", keys.join(",")).as_bytes()));
    }
}

#[test]
fn keys_of_inner_objects_do_not_clash_with_those_around() {
    assert!(is_canonical(br#"{"a":{"a":{"a":1},"b":1},"b":[{"a":1},{"a":1}]}"#));
}

#[test]
fn depths_that_v8_may_fail_to_print_are_not_canonical() {
    let nested = |depth| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    assert!(is_canonical(&nested(MAX_DEPTH)));
    assert!(!is_canonical(&nested(MAX_DEPTH + 2)));
}

#[test]
fn array_indices_end_below_two_to_the_32_minus_1() {
    assert_eq!(array_index(b"4294967294"), Some(4_294_967_294));
    for key in ["4294967295", "01", "-1", "1.0", "", "99999999999"] {
        assert_eq!(array_index(key.as_bytes()), None, "{key}");
    }
}

#[test]
fn entries_have_the_first_place_and_the_last_value() {
    let text = br#"{"b":1,"10":2,"a":3,"2":4,"b":5,"\u0061":6,"__proto__":7}"#;
    let found: Vec<_> = entries(text)
        .unwrap()
        .into_iter()
        .map(|entry| (String::from_utf8(entry.key.into_owned()).unwrap(), &text[entry.value]))
        .collect();
    let expected = [("2", b"4"), ("10", b"2"), ("b", b"5"), ("a", b"6"), ("__proto__", b"7")];
    assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.as_slice())));
}

#[test]
fn layout_round_trips_and_keeps_tokens() {
    let text = br#"{"a":[1.0,{}, [ ] ],"b":{"c":" \" , "}}"#;
    let (mut pretty, mut compact) = (Vec::new(), Vec::new());
    pretty_into(&mut pretty, text, 1);
    let expected = "{\n    \"a\": [\n      1.0,\n      {},\n      []\n    ],\n    \"b\": {\n      \"c\": \" \\\" , \"\n    }\n  }";
    assert_eq!(String::from_utf8(pretty.clone()).unwrap(), expected);
    compact_into(&mut compact, &pretty);
    assert_eq!(compact, br#"{"a":[1.0,{},[]],"b":{"c":" \" , "}}"#);
}

#[test]
fn integers_are_read_as_doubles_and_printed_as_v8_does() {
    for (text, value) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("1e3", Some(1000)),
        ("9007199254740993", Some(9_007_199_254_740_992)),
        ("1e300", Some(u64::MAX)),
        ("1e400", None),
        ("-1", None),
        ("1.5", None),
    ] {
        assert_eq!(to_integer(text.as_bytes()), value, "{text}");
    }
    let mut out = Vec::new();
    for value in [0, 10, 1 << 53, u64::MAX] {
        push_integer(&mut out, value);
        out.push(b' ');
    }
    assert_eq!(out, b"0 10 9007199254740992 18446744073709552000 ");
}
