//! A fuzzer's input as the decisions of the code that makes something of it. Where it ends, all decisions are 0.

pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// A number below a limit of at most 65,536.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(u16::from_le_bytes([self.next(), self.next()])) % limit
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.next()) % all.len()]
    }

    /// A number that is near another one, or far away.
    pub fn change(&mut self, number: u64) -> u64 {
        let (how, by) = (self.next(), u64::from(self.next()));
        match how % 6 {
            0 => by,
            1 => number.wrapping_add(by),
            2 => number.wrapping_sub(by),
            3 => number ^ (1 << (by % 64)),
            4 => (1 << (by % 64)) - 1,
            _ => u64::MAX - by,
        }
    }
}
