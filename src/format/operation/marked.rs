//! Lines that are finished already, and get marks, or other marks, where a carrier appends them: a log that is not a file takes lines, and
//! what stands in it cannot be overwritten. What the marks mean is as for [`super::finish_line`].

use super::{BatchMark, batch_marker, parse_line, unplaced};
use crate::json::number::push_integer;
use crate::json::string::escape_into;

/// Marks of ours that a line bears.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marks {
    /// The schema version of its value, where that is not its log's. A deletion has none.
    pub version: Option<u64>,
    /// The clock of its first copy, if it is appended again.
    pub again: Option<u64>,
    /// Its place in a batch.
    pub batch: Option<BatchMark>,
}

/// A line with marks before its closing brace.
pub fn marked(line: &[u8], Marks { version, again, batch }: Marks) -> Vec<u8> {
    let mut out = line.strip_suffix(b"}").unwrap_or(line).to_vec();
    if let Some(version) = version
        && parse_line(line).is_ok_and(|line| line.data.is_some() && line.version.is_none())
    {
        out.extend_from_slice(b",\"version\":");
        push_integer(&mut out, version);
    }
    if let Some(clock) = again {
        out.extend_from_slice(b",\"again\":");
        push_integer(&mut out, clock);
    }
    super::finish_line(&mut out, &super::Marks { batch, ..super::Marks::default() });
    out.pop();
    out
}

/// The first line of a log, which says where the operations before it end: the log, and how many bytes of it.
pub fn followed(line: &[u8], (log, bytes): (&[u8], u64)) -> Vec<u8> {
    let line = unplaced(line);
    let mut out = line.strip_suffix(b"}").unwrap_or(&line).to_vec();
    out.extend_from_slice(b",\"after\":");
    let mut after = [log, b":"].concat();
    push_integer(&mut after, bytes);
    escape_into(&mut out, &after);
    out.push(b'}');
    out
}

/// Lines of a log whose batches all end: the last line ends the one that it belongs to.
pub fn ended(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut ended = lines.to_vec();
    if let Some(last) = ended.last_mut()
        && parse_line(last).is_ok_and(|line| line.batch == Some(BatchMark::More))
        && let Some(at) = batch_marker(last)
        && let Some(mark) = last.get_mut(at..at + BatchMark::Last.text().len())
    {
        mark.copy_from_slice(BatchMark::Last.text());
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::operation::unmarked;

    const SET: &str =
        r#"{"ts":"2026-01-01T00:00:00.000Z","op":"set","id":"a","prev":null,"data":1,"agent":"x","clock":3}"#;
    const DELETE: &str = r#"{"ts":"2026-01-01T00:00:00.000Z","op":"delete","id":"a","prev":{}}"#;

    fn text(line: &[u8]) -> &str {
        std::str::from_utf8(line).unwrap()
    }

    #[test]
    fn a_line_with_marks_says_the_same_as_without() {
        let marks = Marks { version: Some(2), again: Some(1), batch: Some(BatchMark::More) };
        let line = marked(SET.as_bytes(), marks);
        assert!(
            text(&line).ends_with(r#""clock":3,"version":2,"again":1,"batch":"more"}"#),
            "{}",
            text(&line)
        );
        let parsed = parse_line(&line).unwrap();
        assert_eq!((parsed.version, parsed.again, parsed.batch), (Some(2), Some(1), Some(BatchMark::More)));
        let unversioned = marked(SET.as_bytes(), Marks { version: None, ..marks });
        assert_eq!(unmarked(&unversioned), unmarked(SET.as_bytes()));
        assert_eq!(marked(SET.as_bytes(), Marks::default()), SET.as_bytes());
    }

    #[test]
    fn a_deletion_and_a_line_with_a_version_get_none() {
        let marks = Marks { version: Some(2), ..Marks::default() };
        assert_eq!(marked(DELETE.as_bytes(), marks), DELETE.as_bytes());
        let once = marked(SET.as_bytes(), marks);
        assert_eq!(marked(&once, Marks { version: Some(3), ..marks }), once);
    }

    #[test]
    fn a_first_line_says_what_it_follows_once() {
        let line = followed(SET.as_bytes(), (b"ops/l", 7));
        assert_eq!(parse_line(&line).unwrap().after.as_deref(), Some("ops/l:7"));
        let again = followed(&line, (b"ops/m", 8));
        assert_eq!(parse_line(&again).unwrap().after.as_deref(), Some("ops/m:8"));
        assert_eq!(text(&again).matches("after").count(), 1);
    }

    #[test]
    fn the_last_of_some_lines_ends_its_batch() {
        let line = |batch| marked(SET.as_bytes(), Marks { batch, ..Marks::default() });
        let (more, last) = (line(Some(BatchMark::More)), line(Some(BatchMark::Last)));
        assert_eq!(ended(&[more.clone(), more.clone()]), [more.clone(), last.clone()]);
        assert_eq!(ended(&[more.clone(), line(None)]), [more, line(None)]);
        assert_eq!(ended(&[]), Vec::<Vec<u8>>::new());
    }
}
