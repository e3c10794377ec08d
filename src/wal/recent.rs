//! What was appended to a log last, kept in memory: reading it back costs no system call. Two halves, of which
//! the older is thrown away when the newer is full, so that every append lies in one piece.

/// What a half holds at most.
const HALF: usize = 4 << 20;

/// The newest bytes of a log.
#[derive(Default)]
pub struct Recent {
    /// Where the newer half begins in the log.
    start: u64,
    newer: Vec<u8>,
    /// What stands in the log right before the newer half.
    older: Vec<u8>,
}

impl Recent {
    /// Takes in what was appended at an offset.
    pub fn push(&mut self, at: u64, bytes: &[u8]) {
        if at != self.end() || bytes.len() > HALF {
            self.older.clear();
            self.newer.clear();
            self.start = at;
            if bytes.len() > HALF {
                return;
            }
        }
        if self.newer.len() + bytes.len() > HALF {
            std::mem::swap(&mut self.older, &mut self.newer);
            self.newer.clear();
            self.start = at;
        }
        self.newer.extend_from_slice(bytes);
    }

    /// The log was cut to a length.
    pub fn cut(&mut self, len: u64) {
        if len < self.start {
            std::mem::swap(&mut self.older, &mut self.newer);
            self.older.clear();
            self.start -= self.newer.len() as u64;
        }
        let kept = len.checked_sub(self.start).and_then(|kept| usize::try_from(kept).ok());
        self.newer.truncate(kept.unwrap_or(0));
    }

    /// Forgets everything: the log was changed elsewhere than at its end.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The bytes at an offset, if all of them are here.
    pub fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let (half, start) = if offset >= self.start {
            (&self.newer, self.start)
        } else {
            (&self.older, self.start - self.older.len() as u64)
        };
        let from = usize::try_from(offset.checked_sub(start)?).ok()?;
        half.get(from..from.checked_add(len)?)
    }

    /// The newest bytes, so many at most, and where they begin.
    pub fn last(&self, limit: usize) -> (u64, &[u8]) {
        let last = self.newer.get(self.newer.len().saturating_sub(limit)..).unwrap_or_default();
        (self.end() - last.len() as u64, last)
    }

    /// The bytes before a place, so many at most, and where they begin.
    pub fn before(&self, end: u64, limit: usize) -> (u64, &[u8]) {
        let (half, start) = if end > self.start {
            (&self.newer, self.start)
        } else {
            (&self.older, self.start - self.older.len() as u64)
        };
        let count = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        let known = half.get(..count).unwrap_or_default();
        let before = known.get(known.len().saturating_sub(limit)..).unwrap_or_default();
        (end - before.len() as u64, before)
    }

    fn end(&self) -> u64 {
        self.start + self.newer.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of its own for each number.
    fn line(number: usize) -> Vec<u8> {
        format!("{number}{}\n", "x".repeat(number % 50_000)).into_bytes()
    }

    #[test]
    fn what_was_pushed_last_comes_back_and_the_oldest_is_forgotten() {
        let mut recent = Recent::default();
        let mut at = 1000;
        let mut places = Vec::new();
        for number in (0..2000).map(|number| number * 37) {
            let bytes = line(number);
            recent.push(at, &bytes);
            places.push((at, bytes.len(), number));
            at += bytes.len() as u64;
        }
        let (last, len, number) = places[places.len() - 1];
        assert_eq!(recent.get(last, len), Some(line(number).as_slice()));
        let kept: Vec<_> = places.iter().filter(|(at, len, _)| recent.get(*at, *len).is_some()).collect();
        let bytes: usize = kept.iter().map(|(_, len, _)| len).sum();
        assert!((HALF - 50_000..2 * HALF).contains(&bytes), "{bytes} bytes are kept");
        for (at, len, number) in kept {
            assert_eq!(recent.get(*at, *len), Some(line(*number).as_slice()));
        }
    }

    #[test]
    fn what_was_cut_off_is_forgotten_and_what_takes_its_place_is_given() {
        for cut in [0, 5, 50, HALF as u64 - 7, HALF as u64, HALF as u64 + 20, HALF as u64 + 100] {
            let mut recent = Recent::default();
            let log: Vec<u8> = (0..HALF as u64 + 100).map(|at| (at % 251) as u8).collect();
            for (number, bytes) in log.chunks(50).enumerate() {
                recent.push(number as u64 * 50, bytes);
            }
            recent.cut(cut);
            assert_eq!(recent.get(cut, 1), None);
            recent.push(cut, b"new");
            assert_eq!(recent.get(cut, 3), Some(b"new".as_slice()));
            assert_eq!(recent.get(cut, 4), None);
            for at in (0..cut).step_by(997) {
                let byte = recent.get(at, 1);
                assert!(byte.is_none() || byte == log.get(at as usize..=at as usize), "{at} of {cut}");
            }
        }
    }

    #[test]
    fn bytes_before_a_gap_and_bytes_that_are_not_there_are_not_given() {
        let mut recent = Recent::default();
        recent.push(10, b"abcdef");
        assert_eq!(recent.get(12, 2), Some(b"cd".as_slice()));
        assert_eq!(recent.get(9, 2), None);
        assert_eq!(recent.get(14, 3), None);
        assert_eq!(recent.get(u64::MAX, usize::MAX), None);
        recent.push(100, b"ghi");
        assert_eq!(recent.get(10, 2), None);
        assert_eq!(recent.get(100, 3), Some(b"ghi".as_slice()));
        recent.push(103, &vec![b'x'; HALF + 1]);
        assert_eq!(recent.get(100, 3), None);
        recent.push(104 + HALF as u64, b"jkl");
        assert_eq!(recent.get(104 + HALF as u64, 3), Some(b"jkl".as_slice()));
        recent.clear();
        assert_eq!(recent.get(104 + HALF as u64, 3), None);
    }
}
