//! Lists of operations that protocols end with. What a turn tells is one string, and V8 has none for a long list: such a
//! list waits here, and is called for piece by piece.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};

use crate::format::operation::{parse_line, public_text_into};

/// How long a piece is at most, unless a single operation is longer.
const PIECE: usize = 1 << 20;

#[derive(Default)]
pub struct Lists {
    next: Cell<u32>,
    waiting: RefCell<HashMap<u32, VecDeque<Vec<u8>>>>,
}

impl Lists {
    /// Operations as the API shows them: as a JSON list, or the number under which its pieces wait.
    pub fn keep(&self, lines: &[Vec<u8>]) -> Vec<u8> {
        let mut pieces = pieces_of(lines);
        if pieces.len() < 2 && pieces.front().is_none_or(|piece| piece.len() <= PIECE) {
            return [&b"["[..], &pieces.pop_front().unwrap_or_default(), b"]"].concat();
        }
        let number = self.next.replace(self.next.get().wrapping_add(1));
        self.waiting.borrow_mut().insert(number, pieces);
        number.to_string().into_bytes()
    }

    /// The next piece of a list, with commas between the operations; `None` when there is none. The list is forgotten
    /// then, and as soon as it is `over`.
    pub fn next_piece(&self, number: u32, over: bool) -> Option<Vec<u8>> {
        let mut waiting = self.waiting.borrow_mut();
        let piece = waiting.get_mut(&number).and_then(VecDeque::pop_front).filter(|_| !over);
        if piece.is_none() {
            waiting.remove(&number);
        }
        piece
    }
}

fn pieces_of(lines: &[Vec<u8>]) -> VecDeque<Vec<u8>> {
    let mut pieces = VecDeque::new();
    let mut piece = Vec::new();
    for line in lines {
        let Ok(parsed) = parse_line(line) else { continue };
        if !piece.is_empty() {
            if piece.len() + line.len() > PIECE {
                pieces.push_back(std::mem::take(&mut piece));
            } else {
                piece.push(b',');
            }
        }
        public_text_into(&mut piece, line, &parsed);
    }
    if !piece.is_empty() {
        pieces.push_back(piece);
    }
    pieces
}
