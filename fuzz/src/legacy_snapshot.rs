//! Any bytes as one of the older snapshots, and as the records in one. What is accepted has records that can be
//! written as lines and read again, and the store shows them.

use super::store::{checked_records, disk_with, open};
use opslog::format::snapshot::{parse_legacy, parse_record, write_record};

pub fn check(data: &[u8]) {
    loads(data);
    loads(&[b"{\"version\":1,\"timestamp\":\"t\",\"records\":", data, b"}"].concat());
    loads(&[b"{\n  \"version\": 1,\n  \"timestamp\": \"t\",\n  \"records\": {", data, b"}\n}"].concat());
}

fn loads(content: &[u8]) {
    let Ok(legacy) = parse_legacy(content) else { return };
    assert!(legacy.version >= 1.0);
    for (id, value) in &legacy.records {
        let mut line = Vec::new();
        write_record(&mut line, id, value);
        line.pop();
        let record = parse_record(&line).expect("what was written is a record");
        assert_eq!(&*record.id, id);
        assert_eq!(&line[record.data], value);
    }
    let store = open(&disk_with(content, b""), true);
    // A first line that is a header of the newer format decides.
    let Ok(store) = store else { return };
    let shown = checked_records(&store);
    assert!(shown.len() <= legacy.records.len());
}
