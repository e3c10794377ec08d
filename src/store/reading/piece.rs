//! Records as JSON for V8: ids and values in lists beside each other. Like objects that follow each other in a list V8 makes faster than
//! objects with ids between them.

use crate::engine::Row;
use crate::json::number::push_integer;

/// Some records.
pub struct Piece {
    ids: Vec<u8>,
    values: Vec<u8>,
    /// The numbers of those without a value.
    absent: Vec<u8>,
    count: u64,
}

impl Piece {
    /// A piece for about so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut ids = Vec::with_capacity(bytes + bytes / 8);
        ids.extend_from_slice(b"[[");
        Self { ids, values: Vec::with_capacity(bytes), absent: Vec::new(), count: 0 }
    }

    /// Takes all records out.
    pub fn clear(&mut self) {
        self.ids.truncate(2);
        self.values.clear();
        self.absent.clear();
        self.count = 0;
    }

    /// Adds a record.
    pub fn add(&mut self, row: &Row<'_>) {
        row.print_id(&mut self.ids);
        self.ids.push(b',');
        let text = row.text();
        if text.is_empty() {
            push_integer(&mut self.absent, self.count);
            self.absent.push(b',');
            self.values.push(b'0');
        } else {
            self.values.extend_from_slice(text);
        }
        self.values.push(b',');
        self.count += 1;
    }

    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.ids.len() + self.values.len()
    }

    /// A JSON list of three: the ids, the values, and the numbers, from 0, of those that stand for no value. The last is left out where
    /// there are none.
    pub fn list(self) -> Vec<u8> {
        let Self { ids: mut out, mut values, mut absent, .. } = self;
        for list in [&mut out, &mut values, &mut absent] {
            if list.last() == Some(&b',') {
                list.pop();
            }
        }
        out.extend_from_slice(b"],[");
        out.extend_from_slice(&values);
        if !absent.is_empty() {
            out.extend_from_slice(b"],[");
            out.extend_from_slice(&absent);
        }
        out.extend_from_slice(b"]]");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(records: &[(&str, &str)]) -> String {
        let mut piece = Piece::with_capacity(100);
        for (id, text) in records {
            piece.add(&Row::Made { id: id.as_bytes(), text: text.as_bytes() });
        }
        String::from_utf8(piece.list()).unwrap()
    }

    #[test]
    fn ids_and_values_stand_beside_each_other() {
        assert_eq!(piece(&[("a", "1"), ("\"", "{\"b\":[]}")]), r#"[["a","\""],[1,{"b":[]}]]"#);
        assert_eq!(piece(&[]), "[[],[]]");
    }

    #[test]
    fn records_without_a_value_are_numbered() {
        assert_eq!(piece(&[("a", ""), ("b", "null"), ("c", "")]), r#"[["a","b","c"],[0,null,0],[0,2]]"#);
    }

    #[test]
    fn a_piece_that_was_cleared_begins_anew() {
        let mut piece = Piece::with_capacity(100);
        piece.add(&Row::Made { id: b"a", text: b"" });
        piece.clear();
        piece.add(&Row::Made { id: b"b", text: b"2" });
        assert_eq!(piece.list(), b"[[\"b\"],[2]]");
    }
}
