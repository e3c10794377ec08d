//! Which operations are one operation that was logged twice, among those of agents. The text decides: two programs that work under one name
//! give different operations the same rank.

use crate::format::operation::unmarked;

/// Whether a rank says anything: an operation of a single writer has no clock of its own, and the same operation may be made twice.
pub fn tells_apart(clock: u64) -> bool {
    clock > 0
}

/// Whether two lines whose operations have one rank, which tells operations apart, are one operation: they say the same, marks aside.
pub fn is_one(line: &[u8], other: &[u8]) -> bool {
    unmarked(line) == unmarked(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_a_single_writer_are_never_copies() {
        assert!(!tells_apart(0) && tells_apart(1));
    }

    #[test]
    fn a_line_with_other_marks_is_the_same_operation_and_one_with_another_value_is_not() {
        let line = |end: &str| format!("{{\"ts\":\"t\",\"op\":\"set\",\"id\":\"a\",\"prev\":null,{end}}}");
        let of = |one: &str, other: &str| is_one(line(one).as_bytes(), line(other).as_bytes());
        assert!(of("\"data\":1", "\"data\":1"));
        assert!(of("\"data\":1,\"batch\":\"more\"", "\"data\":1,\"batch\":\"last\""));
        assert!(of("\"data\":1", "\"data\":1,\"cuts\":2,\"after\":\"ops/l:1\""));
        assert!(!of("\"data\":1", "\"data\":2"));
    }
}
