//! What was appended to a log last, kept in memory: reading it back costs no system call. Pieces, of which the oldest are thrown away
//! when there are too many bytes; every append lies in one piece. A long append is not copied: its buffer becomes a piece.

/// What a piece holds at most; all of them hold twice as much.
const PIECE: usize = 4 << 20;
/// An append from this length on is taken over with its buffer. What is shorter stays in the processor's cache when it is copied.
const LONG: usize = 1 << 16;

/// The newest bytes of a log.
#[derive(Default)]
pub struct Recent {
    /// One behind the other in the log, the oldest first; none is empty.
    pieces: Vec<Piece>,
    /// How many bytes they have together.
    len: usize,
}

struct Piece {
    /// Where it begins in the log.
    start: u64,
    bytes: Vec<u8>,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Recent {
    /// Takes in what was appended at an offset.
    pub fn push(&mut self, at: u64, bytes: &[u8]) {
        if !self.goes_on(at, bytes.len()) {
            return;
        }
        let is_full = |last: &Piece| last.bytes.len() + bytes.len() > PIECE;
        if self.pieces.last().is_none_or(is_full) {
            // NOTE: as much as the piece will hold at most: its buffer is that of an old one.
            let emptied = self.make_room(PIECE);
            self.pieces.push(Piece { start: at, bytes: emptied });
        } else {
            self.make_room(bytes.len());
        }
        if let Some(last) = self.pieces.last_mut() {
            last.bytes.extend_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// As [`Recent::push`]. The bytes are gone then, and the buffer is another one, if they are many.
    pub fn take(&mut self, at: u64, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        if len < LONG || bytes.capacity() > 2 * len {
            return self.push(at, bytes);
        }
        if !self.goes_on(at, len) {
            return;
        }
        let mut next = self.make_room(len);
        // The next append is likely to be as long.
        next.reserve(len + len / 8);
        self.len += len;
        self.pieces.push(Piece { start: at, bytes: std::mem::replace(bytes, next) });
    }

    /// Whether so many bytes at an offset are to be kept. What does not stand right before them goes.
    fn goes_on(&mut self, at: u64, more: usize) -> bool {
        if more > PIECE || self.pieces.last().is_some_and(|last| last.end() != at) {
            self.clear();
        }
        0 < more && more <= PIECE
    }

    /// Throws away what is too much with so many more bytes. Returns an emptied buffer.
    fn make_room(&mut self, more: usize) -> Vec<u8> {
        let mut emptied = Vec::new();
        while self.len + more > 2 * PIECE && !self.pieces.is_empty() {
            let oldest = self.pieces.remove(0);
            self.len -= oldest.bytes.len();
            emptied = oldest.bytes;
        }
        emptied.clear();
        emptied
    }

    /// The log was cut to a length.
    pub fn cut(&mut self, len: u64) {
        while let Some(last) = self.pieces.last_mut() {
            let before = last.bytes.len();
            last.bytes.truncate(usize::try_from(len.saturating_sub(last.start)).unwrap_or(before));
            self.len -= before - last.bytes.len();
            if !last.bytes.is_empty() {
                break;
            }
            self.pieces.pop();
        }
    }

    /// Forgets everything: the log was changed elsewhere than at its end.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The bytes at an offset, if all of them are here.
    #[inline]
    pub fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let piece = self.piece_from(|piece| piece.start <= offset)?;
        let from = usize::try_from(offset - piece.start).ok()?;
        piece.bytes.get(from..from.checked_add(len)?)
    }

    /// The newest bytes, so many at most, and where they begin.
    pub fn last(&self, limit: usize) -> (u64, &[u8]) {
        let Some(last) = self.pieces.last() else { return (0, &[]) };
        let bytes = last.bytes.get(last.bytes.len().saturating_sub(limit)..).unwrap_or_default();
        (last.end() - bytes.len() as u64, bytes)
    }

    /// The bytes before a place, so many at most, and where they begin.
    pub fn before(&self, end: u64, limit: usize) -> (u64, &[u8]) {
        let Some(piece) = self.piece_from(|piece| piece.start < end) else { return (end, &[]) };
        let count = usize::try_from(end - piece.start).unwrap_or(usize::MAX);
        let known = piece.bytes.get(..count).unwrap_or_default();
        let before = known.get(known.len().saturating_sub(limit)..).unwrap_or_default();
        (end - before.len() as u64, before)
    }

    /// The last piece that begins where it should.
    #[inline]
    fn piece_from(&self, begins: impl Fn(&Piece) -> bool) -> Option<&Piece> {
        // Most of what is read was written lately.
        if let Some(last) = self.pieces.last()
            && begins(last)
        {
            return Some(last);
        }
        let count = self.pieces.partition_point(begins);
        self.pieces.get(count.checked_sub(1)?)
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
        assert!((PIECE - 50_000..2 * PIECE).contains(&bytes), "{bytes} bytes are kept");
        for (at, len, number) in kept {
            assert_eq!(recent.get(*at, *len), Some(line(*number).as_slice()));
        }
    }

    #[test]
    fn what_was_cut_off_is_forgotten_and_what_takes_its_place_is_given() {
        for cut in [0, 5, 50, PIECE as u64 - 7, PIECE as u64, PIECE as u64 + 20, PIECE as u64 + 100] {
            let mut recent = Recent::default();
            let log: Vec<u8> = (0..PIECE as u64 + 100).map(|at| (at % 251) as u8).collect();
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
    fn bytes_that_were_taken_over_are_given_as_those_that_were_copied() {
        let (mut taken, mut copied, mut buffer) = (Recent::default(), Recent::default(), Vec::new());
        let mut at = 7;
        for number in 0..400_usize {
            buffer.clear();
            let len = [300, 70_000, 1_500_000, 200_000, PIECE, 90_000][number * 31 % 6];
            buffer.extend((0..len).map(|byte| (byte + number) as u8));
            copied.push(at, &buffer);
            taken.take(at, &mut buffer);
            at += len as u64;
            if number % 7 == 0 {
                at -= 100;
                copied.cut(at);
                taken.cut(at);
            }
            for back in [1, 100, 5000, 100_000, 3_000_000] {
                let from = at - at.min(back);
                let bytes = (taken.get(from, 50), copied.get(from, 50));
                if let (Some(one), Some(other)) = bytes {
                    assert_eq!(one, other);
                }
                let (one, other) = (taken.before(from, 50), copied.before(from, 50));
                let common = one.1.len().min(other.1.len());
                assert_eq!(one.1[one.1.len() - common..], other.1[other.1.len() - common..]);
            }
            assert!(taken.get(at - 1, 1).is_some());
            let kept: usize = taken.pieces.iter().map(|piece| piece.bytes.len()).sum();
            assert_eq!(kept, taken.len);
            assert!(kept <= 2 * PIECE);
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
        recent.push(103, &vec![b'x'; PIECE + 1]);
        assert_eq!(recent.get(100, 3), None);
        recent.push(104 + PIECE as u64, b"jkl");
        assert_eq!(recent.get(104 + PIECE as u64, 3), Some(b"jkl".as_slice()));
        recent.clear();
        assert_eq!(recent.get(104 + PIECE as u64, 3), None);
    }
}
