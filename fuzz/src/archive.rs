//! Any bytes as an archive segment. What is accepted keeps all its records when others are merged into it, and what
//! is refused is not overwritten.

use opslog::format::archive::{merge_into, parse_segment};

pub fn check(data: &[u8]) {
    merges(data);
    let head: &[u8] = b"{\"version\":1,\"period\":\"p\",\"timestamp\":\"t\",\"records\":{";
    merges(&[head, data, b"}}"].concat());
}

fn merges(existing: &[u8]) {
    let parsed = parse_segment(existing);
    let mut merged = Vec::new();
    let added: [(&[u8], &[u8]); 2] = [(b"new", b"{\"n\":1}"), (b"7", b"[2]")];
    let result = merge_into(&mut merged, Some(existing), b"2026-Q1", 0, added.into_iter());
    let Ok(before) = parsed else {
        assert!(result.is_err(), "it merges into what it cannot read");
        return;
    };
    let merge = result.expect("it was read before");
    let after = parse_segment(&merged).expect("what was written is a segment");
    for (id, value) in before.iter().filter(|(id, value)| id != b"new" && id != b"7" && !value.is_empty()) {
        let kept = after.iter().find(|(there, _)| there == id);
        assert_eq!(kept.map(|(_, value)| value), Some(value), "a record went");
    }
    for (id, value) in added {
        assert!(after.iter().any(|(there, text)| there == id && text == value), "a record did not come");
    }
    assert!(merge.added <= 2);
    let mut again = Vec::new();
    merge_into(&mut again, Some(&merged), b"2026-Q1", 0, added.into_iter()).expect("a segment");
    assert_eq!(again, merged, "merging the same again changes it");
}
